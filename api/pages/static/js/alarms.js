/** What stands above everything else on a page: two histories, and a policy that has changed. */

import { button, dialog, el, facts, hash, icon, save, say, time } from "./dom.js";
import { fingerprint, isPinned, originOf, otherPolicy, pin, pinned, shownChainId } from "./trust.js";
import { alarm, clearAlarm } from "./watch.js";

/** A policy out of a file, which waits for the person's answer. @type {{text: string, origin: string, then: () => unknown}|null} */
let offered = null;

/** Show the alarms that stand now. @param {string|null} other the policy that the server shows, if it is not the one kept */
export async function showAlarms(other = null) {
  const place = document.getElementById("alarms");
  if (!place) return;
  const parts = [];
  const fork = alarm();
  if (fork) parts.push(forkNote(fork));
  if (offered) parts.push(await policyNote("policy.file", offered.text, offered.origin, "file", offered.then));
  else if (other) parts.push(await policyNote("policy", other, await originOf(other), "server", () => {}));
  place.replaceChildren(...parts);
}

/** Ask whether the server shows the policy that is kept here, and show it if not. */
export async function comparePolicies() {
  await showAlarms(await otherPolicy());
}

/**
 * Ask the person whether a policy out of a file is to be trusted from now on. Whoever hands over a forged paper can hand over a policy
 * with it that calls it valid: nothing is judged by it before the answer.
 * @param {string} text
 * @param {() => unknown} then once it is trusted
 * @returns {Promise<boolean>} false if it is the one that is kept anyway; throws if it is no policy
 */
export async function offerPolicy(text, then) {
  const origin = await originOf(text);
  offered = isPinned(text) ? null : { text, origin, then };
  await showAlarms();
  return offered !== null;
}

/** @param {import("./watch.js").Evidence} fork */
function forkNote(fork) {
  const side = (/** @type {string} */ key, /** @type {import("./watch.js").Seen} */ seen) => el("div", {}, say(key, "h3"),
    facts([["details.origin", seen.origin], ["fork.size", seen.size], ["fork.root", hash(seen.root)], ["fork.seen", time(seen.seenMs)]]));
  return el("section", { class: "note alarm", role: "alert", id: "fork" },
    el("h2", {}, icon("alarm"), say("fork.title")),
    say("fork.text", "p"), el("p", {}, el("strong", {}, say("fork.do"))),
    // What to do comes first: on a phone the digits would push it off the screen.
    el("div", { class: "buttons" },
      button("fork.save", { kind: "danger", icon: "save", id: "fork-save", onclick: () => save("chung-cu-hai-lich-su.json", `${JSON.stringify(fork, null, 1)}\n`, "application/json") }),
      button("fork.clear", { kind: "quiet", id: "fork-clear", onclick: () => confirmed("fork.clear", "fork.clear-sure", "fork.clear", () => { clearAlarm(); showAlarms(); }) })),
    el("details", {}, say("fork.seen-both", "summary"), el("div", { class: "inside two" }, side("fork.first", fork.first), side("fork.second", fork.second))));
}

/**
 * @param {"policy"|"policy.file"} words their keys begin so
 * @param {string} other
 * @param {string} origin
 * @param {"server"|"file"} from
 * @param {() => unknown} then
 */
async function policyNote(words, other, origin, from, then) {
  const held = pinned();
  const id = words === "policy" ? "policy" : "offered";
  const print = await fingerprint(other);
  const side = (/** @type {string} */ key, /** @type {string} */ text, /** @type {string} */ name, /** @type {string} */ digits, /** @type {number|null} */ ms) => el("div", {}, say(key, "h3"),
    facts([["details.origin", name]]),
    el("p", { class: "small" }, say("policy.fingerprint"), ": ", el("code", {}, digits), ms ? el("span", {}, " · ", say("policy.kept-since"), " ", time(ms)) : null),
    el("pre", { class: "policy-text", tabindex: "0" }, text));
  const note = el("section", { class: "note warn", role: "alert", id: words === "policy" ? "policy-changed" : "policy-offered" },
    el("h2", {}, icon("alarm"), say(`${words}.title`)), say(`${words}.text`, "p"), say(`${words}.advice`, "p"),
    el("div", { class: "two" }, held ? side("policy.old", held.text, held.origin, await fingerprint(held.text), held.keptMs) : null, side(`${words}.new`, other, origin, print, null)));
  const take = async () => {
    await pin(other, from, from === "server" ? await shownChainId() : null);
    offered = null;
    await showAlarms();
    await then();
  };
  note.append(el("div", { class: "buttons" },
    button("policy.keep", { kind: "primary", id: `${id}-keep`, onclick: () => { offered = null; note.remove(); } }),
    button(`${words}.take`, { id: `${id}-take`, onclick: () => confirmed(`${words}.title`, `${words}.sure`, `${words}.sure-yes`, take, [facts([["details.origin", origin], ["policy.fingerprint", hash(print)]])]) })));
  return note;
}

/**
 * @param {string} title
 * @param {string} question
 * @param {string} yes
 * @param {() => void} then
 * @param {Node[]} about
 */
function confirmed(title, question, yes, then, about = []) {
  const box = dialog(title, [say(question, "p"), ...about, el("div", { class: "buttons" }, button(yes, { kind: "danger", id: "sure", onclick: () => { box.close(); then(); } }))]);
}
