/** Choosing a lot or a carrier: the likely ones as large buttons, older ones in a list, and somebody else's by its label. */

import { el, icon, say } from "../dom.js";
import { gtin14, lotText, pathOf, readLink } from "../epcis/gs1.js";
import { act, field, select } from "../office/ui.js";
import { openScan } from "../scan.js";
import { keep, kept } from "../store.js";
import { t } from "../words.js";
import { UNITS, showAmount, unitWord } from "./amounts.js";
import { Wrong, allGood, choices, typed } from "./forms.js";
import { checkGtin } from "./goods.js";
import { goodsNamed } from "./ledger.js";
import { amountWords, nameOfThing, unitOfThing } from "./naming.js";
import { isOpen, leftOf, lotAt, shelf } from "./shelf.js";

/** How many are shown as buttons. */
const SHOWN = 4;

/**
 * Lots to choose from, newest first, and a way to name another by its label.
 * @param {string} legendKey
 * @param {string} id
 * @param {{value?: string|null, carriers?: boolean, mine?: boolean, empties?: boolean, onchange: () => void, prefer?: (unit: string) => boolean}} options
 */
export function lotChoice(legendKey, id, { value = null, carriers = false, mine = false, empties = mine, onchange, prefer = () => true }) {
  const paths = thingsByUse(carriers, mine).filter((path) => !mine || lotAt(path));
  if (value && !paths.includes(value)) paths.unshift(value);
  // What is used up by all that this device knows comes last, where something is taken out of it.
  const rank = (/** @type {string} */ path) => (prefer(unitOfThing(path)) ? 0 : 2) + (!empties && path !== value && leftOf(path, unitOfThing(path)) === 0 ? 1 : 0);
  const preferred = [...paths].sort((one, other) => rank(one) - rank(other));
  let chosen = value ?? preferred[0] ?? "";
  const place = el("div");
  const other = typed("pr.deed.other-gtin", { id: `${id}-gtin`, hintKey: "pr.deed.other-hint", properties: { inputmode: "text", maxlength: 300 }, check: (text) => {
    const link = text.trim() ? linked(text) : null;
    if (link) return say("pr.right.link");
    return checkGtin(text);
  } });
  const otherLot = typed("pr.lot.name", { id: `${id}-lot`, properties: { maxlength: 20, autocapitalize: "characters" }, check: (text) => {
    if (linked(other.value)) return null;
    if (!text.trim()) throw new Wrong("pr.wrong.lot-missing");
    try {
      lotText(text.trim());
    } catch {
      throw new Wrong("pr.wrong.lot", { isCertain: true });
    }
    return null;
  } });
  const unit = select(UNITS.map((one) => [one, unitWord(one)]), { id: `${id}-unit` });
  const fold = /** @type {HTMLDetailsElement} */ (el("details", { class: "fold", id: `${id}-other` }, el("summary", {}, icon("scan"), say("pr.deed.other")), el("div", { class: "inside" },
    el("div", { class: "buttons" }, act("pr.deed.scan", { icon: "scan", onclick: () => openScan((found) => add(found.item), readLabel) })),
    other.whole, otherLot.whole, field(say("pr.product.unit"), unit), el("div", { class: "buttons" }, act("pr.deed.use", { kind: "primary", id: `${id}-use`, onclick: useTyped })))));
  const whole = el("div", {}, place, mine ? null : fold);
  if (!preferred.length && !mine) fold.open = true;

  function draw() {
    const all = preferred;
    const near = [...new Set([...(all.slice(0, SHOWN).includes(chosen) ? [] : [chosen]), ...all])].filter(Boolean).slice(0, SHOWN);
    // What is chosen stays where it stands, so that nothing jumps under a thumb.
    const shownPaths = all.filter((path) => near.includes(path));
    const rest = all.filter((path) => !near.includes(path));
    const list = choices(legendKey, shownPaths.map((path) => ({ value: path, title: nameOfThing(path), more: moreOf(path), sign: path.startsWith("00/") ? "pack" : "lot" })), { value: chosen, id, onchange: (path) => {
      chosen = path;
      onchange();
    } });
    const more = rest.length ? select([["", say("pr.deed.older")], ...rest.map((path) => /** @type {[string, string]} */ ([path, nameOfThing(path)]))], { id: `${id}-older`, "aria-label": t("pr.deed.older"), "data-t-label": "pr.deed.older", onchange: (/** @type {Event} */ event) => {
      chosen = /** @type {HTMLSelectElement} */ (event.currentTarget).value || chosen;
      draw();
      onchange();
    } }) : null;
    place.replaceChildren(...(all.length ? [list.whole] : []), ...(more ? [more] : []));
  }

  /** @param {string} path */
  function moreOf(path) {
    if (path.startsWith("00/")) return contentOf(path);
    const left = leftOf(path, unitOfThing(path));
    return left === null ? null : el("span", {}, say("pr.lot.left"), ` ${showAmount(left)} `, unitWord(unitOfThing(path)));
  }

  async function useTyped() {
    const link = linked(other.value);
    if (!allGood([other, otherLot])) return;
    await add(link ?? { gtin: gtin14(other.value.replace(/[\s-]/g, "")), lot: otherLot.value });
  }

  /** @param {import("../epcis/gs1.js").Item} item */
  async function add(item) {
    const { serial: _, ...lot } = item;
    const path = pathOf(lot);
    if (!path.startsWith("00/") && !lotAt(path)) {
      const known = await goodsNamed(item);
      keep("producer.foreign", { ...kept("producer.foreign"), [path]: { name: known?.name ?? item.gtin ?? item.code, unit: known?.unit ?? unit.value } });
    }
    if (!preferred.includes(path)) preferred.unshift(path);
    chosen = path;
    fold.open = false;
    draw();
    onchange();
    /** @type {HTMLElement|null} */ (place.querySelector("input:checked"))?.focus();
  }

  draw();
  return { whole, get value() { return chosen; }, get isEmpty() { return !chosen; }, fold, other };
}

/** What a scanned code says of things. @param {string} text @returns {any} */
function readLabel(text) {
  const item = linked(text);
  return item ? { item } : { foreign: text };
}

/** The lot or carrier that a link names, or null. @param {string} text */
function linked(text) {
  try {
    const item = readLink(text.trim());
    return item && (item.lot || item.sscc) ? item : null;
  } catch {
    return null;
  }
}

/**
 * Own lots that are open, lots of others that were worked with here, and carriers if they are asked for: last used first, or those first
 * that nothing was written down about yet.
 * @param {boolean} carriers
 * @param {boolean} freshFirst
 */
function thingsByUse(carriers, freshFirst) {
  const deeds = [...shelf.deeds].reverse();
  const used = deeds.flatMap((deed) => [...(carriers && deed.carrier ? [deed.carrier] : []), ...[...deed.made, ...deed.parts].map((part) => part.path)]);
  const usable = [...new Set(used)].filter((path) => isOpen(lotAt(path) ?? { status: "in-force" }));
  const open = [...shelf.lots].reverse().filter(isOpen).map((lot) => lot.id);
  const fresh = open.filter((path) => !used.includes(path));
  return [...new Set(freshFirst ? [...fresh, ...usable, ...open] : [...usable, ...fresh, ...open])];
}

/** @param {string} carrier */
function contentOf(carrier) {
  const packed = shelf.deeds.filter((deed) => deed.template === "pack" && deed.carrier === carrier).flatMap((deed) => deed.parts);
  return packed.length ? el("span", {}, ...packed.flatMap((part, at) => [at ? ", " : "", amountWords(part), ` ${nameOfThing(part.path)}`])) : null;
}
