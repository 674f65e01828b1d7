/**
 * Findings of the whole ledger, newest first: by weight, rule, member and time; a stretch of the log at a time, and all of them as a file.
 *
 * Rules: what is shown here is the node's word; each finding leads to its records and to the lot, where this device checks them. A list that goes
 * on says so.
 */

import { askJson } from "../ask.js";
import { button, el, say, save, time } from "../dom.js";
import { finding } from "../trace/proof.js";
import { findingsList } from "../trace/findings.js";

const MAX_PAGES_AT_ONCE = 10;
const MAX_PAGES_OF_A_FILE = 200;
const MAX_FINDINGS_OF_A_FILE = 20_000;
const DAY_MS = 86_400_000;
/** Vietnam's day begins so long before the day of the world's clock. */
const OFFSET_MS = 7 * 3_600_000;

/** @param {string} day YYYY-MM-DD @returns {number|null} */
function dayMs(day) {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(ms) ? null : ms - OFFSET_MS;
}

/** @param {HTMLFormElement} form */
function query(form) {
  const value = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value.trim();
  const wanted = new URLSearchParams();
  for (const name of ["severity", "rule", "member"]) if (value(name)) wanted.set(name, value(name));
  const since = dayMs(value("since")), until = dayMs(value("until"));
  if (since !== null && since >= 0) wanted.set("since_ms", String(since));
  if (until !== null && until >= 0) wanted.set("until_ms", String(until + DAY_MS));
  return wanted;
}

/**
 * @param {URLSearchParams} wanted
 * @param {string|null} before
 */
async function page(wanted, before) {
  const asked = new URLSearchParams(wanted);
  if (before) asked.set("before", before);
  const answer = await askJson(`/v1/findings?${asked}`);
  return answer.kind === "ok" && Array.isArray(answer.value?.findings) ? answer.value : null;
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLElement} place
 * @param {HTMLElement} said
 * @param {(item: string) => void} onitem
 * @param {(item: string) => string} nameOf
 */
export function startFindings(form, place, said, onitem, nameOf) {
  let turn = 0;
  const load = async (/** @type {string|null} */ before, /** @type {HTMLElement|null} */ list, /** @type {any[]} */ shown) => {
    const mine = before ? turn : ++turn;
    if (!before) place.replaceChildren(say("in.findings.busy", "p", { class: "soft" }));
    const wanted = query(form);
    let next = before, asOf = 0, things = 0;
    const found = [];
    for (let at = 0; at < MAX_PAGES_AT_ONCE; at++) {
      const answer = await page(wanted, next);
      if (mine !== turn) return;
      if (answer === null) {
        place.replaceChildren(say("in.outage", "p", { class: "note warn", role: "alert" }));
        return;
      }
      next = answer.next;
      asOf = answer.as_of_ms;
      things += answer.things;
      for (const one of answer.findings) found.push(Object.assign(finding(one, new Set()), { timeMs: one.time_ms }));
      if (next === null || found.length) break;
    }
    shown.push(...found);
    const rank = /** @type {Record<string, number>} */ ({ serious: 0, warning: 1, info: 2 });
    found.sort((a, b) => rank[a.severity] - rank[b.severity] || (b.timeMs ?? 0) - (a.timeMs ?? 0));
    const items = findingsList(found, { isChecked: false, extra: (one) => [el("p", { class: "small" }, ...one.items.slice(0, 4).flatMap((/** @type {string} */ item, /** @type {number} */ at) => [at ? " · " : "",
      el("a", { href: `#/${item}`, onclick: (/** @type {Event} */ event) => { event.preventDefault(); onitem(item); } }, nameOf(item))]), one.timeMs ? el("span", { class: "soft" }, " · ", time(one.timeMs)) : null)] });
    const holder = list ?? el("div", { id: "all-findings" });
    holder.querySelector(".go-on")?.remove();
    holder.append(items);
    if (next !== null) holder.append(el("div", { class: "buttons go-on" }, button("in.findings.older", { id: "older", onclick: () => load(next, holder, shown) })));
    place.replaceChildren(
      el("p", { id: "found", "data-count": shown.length }, el("strong", {}, String(shown.length)), " ", say("in.findings.count"), " · ", say("fact.as-of"), " ", time(asOf), next === null ? "" : el("span", { class: "soft" }, " · ", say("in.findings.more"))),
      shown.length ? holder : el("div", {}, say("in.findings.none", "p"), holder), say("in.findings.word", "p", { class: "small soft" }));
    said.textContent = place.querySelector("#found")?.textContent ?? "";
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    load(null, null, []);
  });
  const file = form.querySelector("#findings-file");
  file?.addEventListener("click", async () => {
    file.setAttribute("disabled", "");
    await download(query(form), place).finally(() => file.removeAttribute("disabled"));
  });
  return () => load(null, null, []);
}

/**
 * All pages of what was asked for, as one file of what the node answered.
 * @param {URLSearchParams} wanted
 * @param {HTMLElement} place
 */
async function download(wanted, place) {
  /** @type {any[]} */
  const all = [];
  let next = null, size = null, asOf = null, pages = 0;
  do {
    const answer = await page(wanted, next);
    if (answer === null) {
      place.prepend(say("in.outage", "p", { class: "note warn", role: "alert" }));
      return;
    }
    size ??= answer.size;
    asOf ??= answer.as_of_ms;
    all.push(...answer.findings);
    next = answer.next;
  } while (next !== null && ++pages < MAX_PAGES_OF_A_FILE && all.length < MAX_FINDINGS_OF_A_FILE);
  const report = { format: "sogoc-findings/1", page: location.origin, asked: Object.fromEntries(wanted), size, as_of_ms: asOf, complete: next === null, findings: all };
  save("canh-bao.json", `${JSON.stringify(report, null, 1)}\n`, "application/json");
}
