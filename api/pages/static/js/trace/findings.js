/** Findings in plain words, the heaviest first, each with the records that it rests on. */

import { button, el, icon, say } from "../dom.js";
import { addWords } from "../words.js";

const AT_ONCE = 20;
const MAX_RECORDS = 12;
const SIGNS = /** @type {Record<string, [string, string]>} */ ({ serious: ["bad", "alarm"], warning: ["ended", "flag"], info: ["", "dash"] });
let number = 0;

/**
 * @param {(import("./proof.js").Finding & {timeMs?: number})[]} list
 * @param {{isChecked: boolean, extra?: (finding: any) => (Node|null)[]}} options whether the records were held against verified histories
 */
export function findingsList(list, options) {
  const items = el("ul", { class: "findings" });
  let shown = 0;
  const more = button("tr.more", { kind: "small", onclick: () => show() });
  const show = () => {
    for (const one of list.slice(shown, shown + AT_ONCE)) items.append(finding(one, options));
    shown = Math.min(list.length, shown + AT_ONCE);
    more.hidden = shown >= list.length;
  };
  show();
  return el("div", {}, items, more);
}

/**
 * @param {import("./proof.js").Finding} one
 * @param {{isChecked: boolean, extra?: (finding: any) => (Node|null)[]}} options
 */
function finding(one, { isChecked, extra = () => [] }) {
  const [tone, sign] = SIGNS[one.severity] ?? SIGNS.warning;
  // Both languages are at hand, so that the page's switch works on them too.
  const key = `tr.finding.${++number}`;
  addWords({ [key]: [one.vi.slice(0, 2000), one.en.slice(0, 2000)] });
  const records = one.records.filter((id) => /^[0-9a-f]{64}$/.test(id));
  const links = records.slice(0, MAX_RECORDS).flatMap((id, at) => [at ? " · " : " ", el("a", { href: `/so-cai/ban-ghi/${id}`, class: "hash" }, id.slice(0, 8))]);
  const proven = !isChecked || !records.length ? null : one.isProven
    ? el("span", { class: "proven", "data-proven": "yes" }, icon("check"), say("tr.finding-proven"))
    : el("span", { class: "proven", "data-proven": "no" }, icon("dash"), say("tr.finding-unproven"));
  const redone = !isChecked ? null : say(one.isRedone ? "tr.finding-redone" : "tr.finding-told", "span", { "data-redone": one.isRedone ? "yes" : "no" });
  return el("li", { class: one.severity, "data-rule": one.rule, "data-severity": one.severity },
    el("p", { class: `tag ${tone}` }, icon(sign), say(`tr.severity.${one.severity}`)), say(key, "p", { class: "words" }), ...extra(one),
    records.length ? el("p", { class: "small soft" }, say("tr.rests-on"), ...links, records.length > MAX_RECORDS ? ` +${records.length - MAX_RECORDS}` : null) : null,
    el("p", { class: "small soft" }, proven, proven ? " · " : null, redone, redone ? " · " : null, el("code", {}, one.rule)));
}
