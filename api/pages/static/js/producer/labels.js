/** Label sheets of a lot: asked of the node, which sets them as PDF; only what the ledger has is printed. */

import { LedgerError } from "../../verify/index.js";
import { el, icon, save, say } from "../dom.js";
import { act, checkbox, guarded } from "../office/ui.js";
import { shelf } from "./shelf.js";
import { Wrong, allGood, bigButton, choices, typed, viewHead } from "./forms.js";

/** @typedef {import("./shelf.js").Held} Held */

/** Stickers on a sheet, by layout (`api/papers/labels.py`). @type {Record<string, number>} */
const SHEETS = { "a4-21": 21, "a4-24": 24, "a4-14": 14, "a4-8": 8, "a4-65": 65 };
const MOST = 1_040;
const WAIT_MS = 60_000;

/**
 * @param {Held} lot
 * @param {string} title
 * @param {() => void} onback
 */
export function labelForm(lot, title, onback) {
  const place = el("div");
  const layout = choices("pr.labels.sheet", Object.entries(SHEETS).map(([value, count]) => ({ value, title: el("span", {}, el("span", { class: "num" }, String(count)), " ", say("pr.labels.a-sheet")), more: say(`pr.labels.${value}`) })), { id: "label-sheet", onchange: fill });
  const whole = (/** @type {string} */ key, /** @type {number} */ least, /** @type {() => number} */ most) => (/** @type {string} */ text) => {
    const number = /^\d{1,5}$/.test(text.trim()) ? Number(text) : NaN;
    if (!(number >= least && number <= most())) throw new Wrong(key, { text: `${least}–${most()}` });
    return null;
  };
  const count = typed("pr.labels.count", { id: "label-count", value: "21", properties: { inputmode: "numeric", maxlength: 5, class: "input amount" }, check: whole("pr.wrong.count", 1, () => MOST) });
  const used = typed("pr.labels.used", { id: "label-used", value: "0", hintKey: "pr.labels.used-hint", properties: { inputmode: "numeric", maxlength: 3, class: "input amount" }, check: whole("pr.wrong.used", 0, () => SHEETS[layout.value] - 1) });
  const each = checkbox(say("pr.labels.serials"), { id: "label-serials" });
  const first = typed("pr.labels.first", { id: "label-first", value: "1", hintKey: "pr.labels.first-hint", properties: { inputmode: "numeric", maxlength: 9, class: "input amount" }, check: (text) => {
    if (!/^\d{1,9}$/.test(text.trim())) throw new Wrong("pr.wrong.first");
    return null;
  } });
  first.whole.hidden = true;
  each.box.addEventListener("change", () => (first.whole.hidden = !each.box.checked));
  if (!lot.body.gtin) each.whole.hidden = true;
  const { button } = bigButton("pr.labels.make", { sign: "print", id: "make-labels" });
  const form = el("form", { novalidate: true }, layout.whole, count.whole, el("p", {}, each.whole), first.whole, el("details", {}, say("pr.labels.begun", "summary"), el("div", { class: "inside" }, used.whole)), place, el("div", { class: "do" }, button));

  function fill() {
    count.box.value = String(SHEETS[layout.value]);
    count.look(false);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!allGood([count, used, ...(each.box.checked ? [first] : [])])) return;
    guarded(button, place, async () => {
      const asked = new URLSearchParams({ owner: shelf.member, item: lot.id, site: location.origin, sheet: layout.value, count: count.value, used: used.value });
      if (each.box.checked) asked.set("first", first.value);
      const pdf = await pdfOf(`/san-xuat/tem.pdf?${asked}`);
      save(`tem-${lot.body.lot.replace(/[^A-Za-z0-9-]+/g, "_")}.pdf`, pdf, "application/pdf");
      place.replaceChildren(el("p", { class: "doing", role: "status", id: "labels-made" }, icon("check"), say("pr.labels.made")));
    });
  });
  return el("section", { class: "sheet" }, viewHead("pr.labels.title", onback), el("p", {}, el("strong", {}, title)), say("pr.labels.text", "p", { class: "soft" }),
    lot.state === "waiting" ? el("div", { class: "note warn" }, say("pr.labels.wait", "p")) : form, el("div", { class: "buttons" }, act("pr.back", { kind: "quiet", icon: "back", onclick: onback })));
}

/** @param {string} path */
async function pdfOf(path) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(WAIT_MS) });
  } catch {
    throw new LedgerError("producer.offline", "the node cannot be reached");
  }
  if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
  const said = await answer.json().catch(() => null);
  throw new LedgerError(String(said?.code ?? "http.refused"), String(said?.detail ?? `status ${answer.status}`));
}
