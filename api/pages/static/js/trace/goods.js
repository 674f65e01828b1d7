/** Goods of a sort, without a lot: who registered them, checked like everything else, and the way to a lot. */

import { LedgerError, VerificationError, toHex, verifyHistory } from "../../verify/index.js";
import { askJson } from "../ask.js";
import { button, el, facts, icon, say } from "../dom.js";
import { missing, policy } from "../trust.js";
import { showDay } from "../words.js";
import { askPacked } from "./look.js";
import { codeOf } from "./panel.js";
import { itemOf } from "./names.js";

const MAX_BYTES = 8_000_000;
const MAX_OWNERS = 10;

/**
 * @param {string} item
 * @param {() => void} onagain
 * @param {(lot: string) => void} onlot
 */
export async function productPanel(item, onagain, onlot) {
  const named = itemOf(item);
  const answer = await askJson(`/v1/products/${named?.gtin ?? item}`);
  const list = answer.kind === "ok" && Array.isArray(answer.value?.items) ? answer.value.items.slice(0, MAX_OWNERS) : [];
  const lack = await missing();
  const held = lack === null ? await policy() : null;
  const checked = held ? await Promise.all(list.map((/** @type {any} */ one) => check(one, named?.gtin ?? named?.code ?? "", held.policy.text))) : list.map(() => null);
  const proven = checked.filter(Boolean);
  const isBad = checked.includes("bad");
  const verdict = isBad ? "bad" : proven.length ? "product" : answer.kind === "missing" ? "no-product" : "unknown";
  const tone = isBad ? "bad" : proven.length ? "good" : "unknown";
  const todo = lack ? (lack === "browser.insecure" ? "todo.no-secure" : "todo.no-crypto") : verdict === "no-product" ? "tr.todo.absent" : verdict === "unknown" ? "tr.todo.offline" : isBad ? "tr.todo.bad" : null;
  const head = el("div", { class: "verdict-head" }, icon(tone === "good" ? "good" : tone), el("div", {}, say(`tr.verdict.${verdict}`, "h1", { id: "verdict-title", tabindex: "-1" }), say(`tr.verdict.${verdict}.sub`, "p")));
  const input = /** @type {HTMLInputElement} */ (el("input", { class: "input", id: "which-lot", maxlength: 20, autocomplete: "off", spellcheck: "false" }));
  const wrong = el("span", { class: "error", id: "which-lot-error", hidden: true });
  const form = el("form", { novalidate: true, onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      onlot(input.value);
    } catch {
      wrong.hidden = false;
      wrong.replaceChildren(say("tr.wrong.lot"));
      input.focus();
    }
  } }, el("div", { class: "field" }, say("tr.which-lot", "label", { for: "which-lot" }), say("tr.which-lot-hint", "span", { class: "hint" }), wrong, el("div", { class: "row" }, input, el("button", { class: "button primary" }, say("tr.look")))));
  return el("div", {}, el("section", { class: `verdict ${tone}`, "aria-labelledby": "verdict-title", "data-verdict": verdict, "data-rule": `product.${verdict}` }, head,
    el("div", { class: "verdict-body" }, el("p", { class: "hash" }, codeOf(item)), ...proven.filter((/** @type {any} */ one) => one !== "bad").map(productFacts), todo ? el("div", { class: "todo", id: "todo" }, say(todo, "p")) : null,
      proven.length && !isBad ? form : null, el("div", { class: "buttons" }, button("tr.again", { icon: "search", id: "again", onclick: onagain })))));
}

/**
 * @param {any} one
 * @param {string} identifier
 * @param {string} policyText
 */
async function check(one, identifier, policyText) {
  const authority = String(one.authority);
  const bytes = await askPacked(`/v1/subjects/product/${encodeURIComponent(authority)}/${encodeURIComponent(identifier)}/history`, MAX_BYTES);
  if (typeof bytes === "string") return null;
  try {
    const history = await verifyHistory([bytes], policyText);
    const { subject, row, records } = history;
    if (row === null || subject.kind !== "product" || subject.authority !== authority || subject.identifier !== identifier) return "bad";
    const newest = [...records].reverse().find(({ record }) => record.body.has("name"));
    return newest ? { name: typeof one.authority_name === "string" ? one.authority_name : authority, status: row.status, body: newest.record.body, id: toHex(newest.recordId) } : "bad";
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return error instanceof VerificationError ? "bad" : null;
  }
}

/** @param {any} one */
function productFacts({ name, body, status, id }) {
  const stars = body.get("ocop_stars"), until = body.get("ocop_until");
  return el("div", { class: "product" }, el("p", { class: "issuer" }, String(body.get("name"))), facts([
    ["tr.producer", name], ["tr.brand", body.get("brand")],
    ["tr.ocop", stars ? el("span", {}, `${stars} `, say("tr.ocop-stars"), until ? el("span", {}, ", ", say("tr.ocop-until"), ` ${showDay(until)}`) : null) : null],
    ["tr.standards", Array.isArray(body.get("standards")) ? body.get("standards").join(", ") : null],
    ["tr.about", body.get("description")],
    ["tr.status", status === "in-force" ? null : say("tr.product-ended")],
    ["details.record", el("a", { href: `/so-cai/ban-ghi/${id}`, class: "hash" }, id.slice(0, 16))],
  ]));
}
