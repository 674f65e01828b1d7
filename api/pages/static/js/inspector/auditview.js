/** The audit as a person follows it: what stretch, how far, how fast, what came of it; and a way to stop. */

import { FormatError, LedgerError, VerificationError, checkCheckpoint, toHex } from "../../verify/index.js";
import { ask, askBytes } from "../ask.js";
import { el, facts, hash, icon, say, time } from "../dom.js";
import { missing, policy } from "../trust.js";
import { alarm, observe } from "../watch.js";
import { WIDTH, audit } from "./audit.js";

/** @type {AbortController|null} */
let running = null;

/**
 * @param {HTMLFormElement} form with `range`, `from`, `to`
 * @param {HTMLElement} place
 * @param {HTMLElement} said
 */
export function startAudit(form, place, said) {
  const stop = /** @type {HTMLElement} */ (form.querySelector("#audit-stop"));
  const go = /** @type {HTMLButtonElement} */ (form.querySelector("#audit-go"));
  const range = /** @type {HTMLSelectElement} */ (form.elements.namedItem("range"));
  const own = /** @type {HTMLElement} */ (form.querySelector("#audit-own"));
  range.addEventListener("change", () => (own.hidden = range.value !== "own"));
  stop.addEventListener("click", () => running?.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    running?.abort();
    const mine = (running = new AbortController());
    go.disabled = true;
    stop.hidden = false;
    try {
      await run(range.value, form, place, said, mine);
    } finally {
      if (running === mine) {
        running = null;
        go.disabled = false;
        stop.hidden = true;
        go.focus();
      }
    }
  });
}

/**
 * @param {string} range
 * @param {HTMLFormElement} form
 * @param {HTMLElement} place
 * @param {HTMLElement} said
 * @param {AbortController} mine
 */
async function run(range, form, place, said, mine) {
  const end = (/** @type {string} */ verdict, /** @type {string} */ rule, /** @type {(Node|null)[]} */ more = []) => {
    const [tone, sign] = /** @type {Record<string, string[]>} */ ({ good: ["good", "good"], bad: ["bad", "bad"], unknown: ["unknown", "unknown"], stopped: ["unknown", "dash"] })[verdict];
    const title = say(`in.audit.${verdict}`, "h3", { tabindex: "-1", id: "audit-title" });
    place.replaceChildren(el("section", { class: `note ${tone === "bad" ? "alarm" : tone === "good" ? "" : "warn"}`, "data-audit": verdict, "data-rule": rule },
      el("div", { class: "audit-title" }, icon(sign), title), say(`in.audit.${verdict}.text`, "p"), ...more));
    said.textContent = title.textContent ?? "";
    title.focus({ preventScroll: true });
  };
  const lack = await missing();
  if (lack !== null) return end("unknown", lack, [say(lack === "browser.insecure" ? "todo.no-secure" : "todo.no-crypto", "p")]);
  const [held, text] = await Promise.all([policy(), ask("/checkpoint")]);
  if (held === null || text.kind !== "ok") return end("unknown", "audit.outage");
  /** @type {import("./audit.js").Counts} */
  let counts = { leaves: 0, entries: 0, records: 0, blocks: 0, signatures: 0 };
  const begun = performance.now();
  let where = [0, 0];
  try {
    const { checkpoint, statusAsOfS } = await checkCheckpoint(text.text, held.policy.text);
    const growth = await observe(text.text, held.policy.text);
    const size = Number(checkpoint.size);
    where = stretch(range, form, size);
    const bar = /** @type {HTMLProgressElement} */ (el("progress", { max: where[1] - where[0], value: 0, "aria-label": "" }));
    bar.setAttribute("aria-labelledby", "audit-doing");
    const line = el("p", { class: "num", id: "audit-line" });
    place.replaceChildren(el("div", { class: "card", "data-audit": "busy" }, say("in.audit.busy", "p", { id: "audit-doing" }), bar, line));
    const rate = () => Math.round(counts.leaves / Math.max(0.001, (performance.now() - begun) / 1000));
    await audit({
      checkpoint, chainId: held.policy.chainId, from: where[0], to: where[1], signal: mine.signal, read: (path) => askBytes(`/${path}`),
      onprogress: (now, leaf) => {
        counts = now;
        bar.value = Math.min(leaf, where[1]) - where[0];
        line.replaceChildren(`${now.leaves} / ${where[1] - where[0]} `, say("in.leaves"), ` · ${rate()} `, say("in.a-second"));
      },
    }).then((all) => (counts = all));
    const isFork = growth === "fork" || alarm() !== null;
    end(isFork ? "bad" : "good", isFork ? "audit.fork" : "audit.checked", [facts([
      ["in.audit.range", `${where[0]} – ${where[1] - 1}`], ["in.audit.leaves", String(counts.leaves)], ["in.audit.blocks", String(counts.blocks)], ["in.audit.entries", String(counts.entries)],
      ["in.audit.records", String(counts.records)], ["in.audit.signatures", String(counts.signatures)], ["in.audit.rate", el("span", {}, `${rate()} `, say("in.a-second"))],
      ["details.origin", checkpoint.origin], ["details.size", String(checkpoint.size)], ["tr.root", hash(toHex(checkpoint.root))],
      ["fact.as-of", statusAsOfS === null ? null : time(Number(statusAsOfS) * 1000)],
      ["in.audit.growth", say(growth === "same" ? "in.audit.growth-same" : growth === "first" ? "in.audit.growth-first" : growth === "fork" ? "in.audit.growth-fork" : "in.audit.growth-unproved")],
    ])]);
  } catch (error) {
    if (mine.signal.aborted) return end("stopped", "audit.stopped", [facts([["in.audit.leaves", String(counts.leaves)], ["in.audit.signatures", String(counts.signatures)]])]);
    if (!(error instanceof LedgerError)) throw error;
    const leaf = /** @type {any} */ (error).leaf;
    // What cannot be read under a checkpoint that is good is wrong too, if it was reached by its hash.
    const isWrong = error instanceof VerificationError || (leaf !== undefined && error instanceof FormatError);
    end(isWrong ? "bad" : "unknown", error.rule, [facts([["in.audit.where", leaf === undefined ? null : String(leaf)], ["details.rule", el("span", {}, el("code", {}, error.rule), el("span", { lang: "en", class: "soft" }, ` ${error.detail}`))]])]);
  }
  return undefined;
}

/**
 * Which leaves.
 * @param {string} range
 * @param {HTMLFormElement} form
 * @param {number} size
 * @returns {[number, number]}
 */
function stretch(range, form, size) {
  if (range === "all") return [0, size];
  if (range === "newest") return [Math.max(0, (Math.ceil(size / WIDTH) - 20) * WIDTH), size];
  const number = (/** @type {string} */ name) => Number(/** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value);
  const from = Math.min(Math.max(0, Math.floor(number("from")) || 0), size - 1);
  return [from, Math.min(size, Math.max(from + 1, (Math.floor(number("to")) || size) + 1))];
}

