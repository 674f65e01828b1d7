/** What stands above everything else on a page: two histories, and a policy that has changed. */

import { button, dialog, el, facts, hash, icon, save, say, time } from "./dom.js";
import { fingerprint, otherPolicy, pin, pinned, shownChainId } from "./trust.js";
import { alarm, clearAlarm } from "./watch.js";

/** Show the alarms that stand now. @param {string|null} other the policy that the server shows, if it is not the one kept */
export async function showAlarms(other = null) {
  const place = document.getElementById("alarms");
  if (!place) return;
  const parts = [];
  const fork = alarm();
  if (fork) parts.push(forkNote(fork));
  if (other) parts.push(await policyNote(other));
  place.replaceChildren(...parts);
}

/** Ask whether the server shows the policy that is kept here, and show it if not. */
export async function comparePolicies() {
  await showAlarms(await otherPolicy());
}

/** @param {import("./watch.js").Evidence} fork */
function forkNote(fork) {
  const side = (/** @type {string} */ key, /** @type {import("./watch.js").Seen} */ seen) => el("div", {}, say(key, "h3"),
    facts([["details.origin", seen.origin], ["fork.size", seen.size], ["fork.root", hash(seen.root)], ["fork.seen", time(seen.seenMs)]]));
  return el("section", { class: "note alarm", role: "alert", id: "fork" },
    el("h2", {}, icon("alarm"), say("fork.title")),
    say("fork.text", "p"), el("p", {}, el("strong", {}, say("fork.do"))),
    el("div", { class: "two" }, side("fork.first", fork.first), side("fork.second", fork.second)),
    el("div", { class: "buttons" },
      button("fork.save", { kind: "danger", icon: "save", id: "fork-save", onclick: () => save("chung-cu-hai-lich-su.json", `${JSON.stringify(fork, null, 1)}\n`, "application/json") }),
      button("fork.clear", { kind: "quiet", id: "fork-clear", onclick: () => confirmed("fork.clear", "fork.clear-sure", "fork.clear", () => { clearAlarm(); showAlarms(); }) })));
}

/** @param {string} other */
async function policyNote(other) {
  const held = pinned();
  const side = async (/** @type {string} */ key, /** @type {string} */ text, /** @type {number|null} */ ms) => el("div", {}, say(key, "h3"),
    el("p", { class: "small" }, say("policy.fingerprint"), ": ", el("code", {}, await fingerprint(text)), ms ? el("span", {}, " · ", say("policy.kept-since"), " ", time(ms)) : null),
    el("pre", { class: "policy-text", tabindex: "0" }, text));
  const note = el("section", { class: "note warn", role: "alert", id: "policy-changed" },
    el("h2", {}, icon("alarm"), say("policy.title")), say("policy.text", "p"), say("policy.advice", "p"),
    el("div", { class: "two" }, await side("policy.old", held?.text ?? "", held?.keptMs ?? null), await side("policy.new", other, null)));
  note.append(el("div", { class: "buttons" },
    button("policy.keep", { kind: "primary", id: "policy-keep", onclick: () => note.remove() }),
    button("policy.take", { id: "policy-take", onclick: () => confirmed("policy.title", "policy.sure", "policy.sure-yes", async () => { await pin(other, "server", await shownChainId()); await showAlarms(); }) })));
  return note;
}

/**
 * @param {string} title
 * @param {string} question
 * @param {string} yes
 * @param {() => void} then
 */
function confirmed(title, question, yes, then) {
  const box = dialog(title, [say(question, "p"), el("div", { class: "buttons" }, button(yes, { kind: "danger", id: "sure", onclick: () => { box.close(); then(); } }))]);
}
