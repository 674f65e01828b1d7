/**
 * What each kind of work asks, and what it says in the end: something is moved, something becomes something else, something is packed.
 *
 * Rules: what this device knows stands there already: how much is left, what a lot was meant to hold, the next carrier's number.
 */

import { el, icon, say } from "../dom.js";
import { nextSscc, pathOf, sscc } from "../epcis/gs1.js";
import { kept } from "../store.js";
import { showAmount, typedAmount, unitWord } from "./amounts.js";
import { Wrong, amountField, choices, typed } from "./forms.js";
import { lotChoice } from "./lotchoice.js";
import { amountWords, nameOfThing, unitOfThing } from "./naming.js";
import { inCarrier, isOpen, leftOf, lotAt, shelf } from "./shelf.js";

/** @typedef {import("./shelf.js").Part} Part */
/**
 * What is to be signed: by which template (`epcis/templates.js`), and as what it is shown.
 * @typedef {{template: string, shown: string, parts: Part[], made: Part[], carrier: string}} Told
 */
/**
 * The part of a form that a kind of work has.
 * @typedef {{whole: HTMLElement, isPossible: boolean, lot: () => string, fields: () => {look: (isEarnest: boolean) => boolean, box: HTMLElement}[],
 *   summary: () => (Node|string)[], facts: () => Told}} Work
 */

/**
 * Harvest, ship, receive, sell: a lot and how much of it; or a carrier as it is.
 * @param {string} name
 * @param {string|null} chosen
 * @param {() => void} told
 * @returns {Work}
 */
export function moving(name, chosen, told) {
  const lot = lotChoice("pr.deed.which", "deed-lot", { value: chosen, carriers: name === "ship" || name === "receive", mine: name === "harvest", empties: name === "harvest" || name === "receive", onchange: change });
  const place = el("div");
  /** @type {ReturnType<typeof amountField>|null} */
  let amount = null;

  function change() {
    const path = lot.value;
    if (!path || path.startsWith("00/")) amount = null;
    else amount = amountField(`pr.deed.amount-${name}`, { id: "deed-amount", unit: unitOfThing(path), value: suggested(name, path), oninput: told });
    place.replaceChildren(...(amount ? [amount.whole] : []));
    told();
  }

  change();
  return {
    whole: el("div", {}, lot.whole, place),
    isPossible: name !== "harvest" || !lot.isEmpty,
    lot: () => lot.value,
    fields: () => [...(lot.isEmpty ? [lot.other] : []), ...(amount ? [amount] : [])],
    summary: () => (lot.isEmpty ? [] : [...amountShown(amount, unitOfThing(lot.value)), nameOfThing(lot.value)]),
    facts: () => ({
      template: name, shown: name, made: [], carrier: amount ? "" : lot.value,
      parts: amount ? [{ path: lot.value, amount: /** @type {number} */ (amount.amount), unit: unitOfThing(lot.value) }] : [],
    }),
  };
}

/** @param {{amount: number|null}|null} amount @param {string} unit */
function amountShown(amount, unit) {
  return amount?.amount ? [`${showAmount(amount.amount)} `, unitWord(unit), " · "] : [];
}

/** How much, where this device knows. @param {string} name @param {string} path */
function suggested(name, path) {
  const unit = unitOfThing(path);
  const left = leftOf(path, unit);
  if (name === "harvest") {
    const whole = lotAt(path)?.body.quantity;
    return whole && left === null ? typedAmount(whole) : "";
  }
  if (name === "receive") {
    const sent = shelf.deeds.filter((deed) => deed.template === "ship").flatMap((deed) => deed.parts).filter((part) => part.path === path).at(-1);
    return sent ? typedAmount(sent.amount) : "";
  }
  return left ? typedAmount(left) : "";
}

/**
 * Something becomes something else: this much of one lot, that much of another.
 * @param {string} name
 * @param {string|null} chosen
 * @param {() => void} told
 * @returns {Work}
 */
export function changing(name, chosen, told) {
  const from = lotChoice("pr.deed.from", "deed-lot", { value: chosen, onchange: change, prefer: (unit) => name !== "packs" || unit !== "H87" });
  const to = lotChoice("pr.deed.to", "deed-made", { mine: true, onchange: change, value: newestOther(from.value, name), prefer: (unit) => name !== "packs" || unit === "H87" });
  const fromPlace = el("div");
  const toPlace = el("div");
  const same = el("div");
  /** @type {ReturnType<typeof amountField>} */
  let used;
  /** @type {ReturnType<typeof amountField>} */
  let made;
  let shown = ["", ""];

  function change() {
    if (shown[0] !== from.value) {
      used = amountField("pr.deed.amount-used", { id: "deed-amount", unit: unitOfThing(from.value || "01/"), value: from.value ? suggested("process", from.value) : "", oninput: told });
      fromPlace.replaceChildren(used.whole);
    }
    if (shown[1] !== to.value) {
      const quantity = to.value && leftOf(to.value, unitOfThing(to.value)) === null ? lotAt(to.value)?.body.quantity : null;
      made = amountField("pr.deed.amount-made", { id: "deed-made-amount", unit: unitOfThing(to.value || "01/"), value: quantity ? typedAmount(quantity) : "", oninput: told });
      toPlace.replaceChildren(made.whole);
    }
    shown = [from.value, to.value];
    same.replaceChildren(...(from.value && from.value === to.value ? [say("pr.wrong.same-lot", "p", { class: "error", role: "alert" })] : []));
    told();
  }

  change();
  return {
    whole: el("div", {}, from.whole, fromPlace, el("div", { class: "becomes", "aria-hidden": "true" }, icon("back")), to.whole, toPlace, same),
    isPossible: Boolean(from.value && to.value),
    lot: () => from.value,
    fields: () => [...(from.value === to.value ? [{ look: () => false, box: /** @type {HTMLElement} */ (to.whole.querySelector("input")) }] : []), used, made],
    summary: () => [...amountShown(used, unitOfThing(from.value)).slice(0, 2), " → ", ...amountShown(made, unitOfThing(to.value)), nameOfThing(to.value)],
    facts: () => ({
      template: "process", shown: name, carrier: "",
      parts: [{ path: from.value, amount: /** @type {number} */ (used.amount), unit: unitOfThing(from.value) }],
      made: [{ path: to.value, amount: /** @type {number} */ (made.amount), unit: unitOfThing(to.value) }],
    }),
  };
}

/** The lot that something most likely becomes. @param {string} from @param {string} name */
function newestOther(from, name) {
  const others = [...shelf.lots].reverse().filter((lot) => isOpen(lot) && lot.id !== from);
  return (others.find((lot) => name !== "packs" || unitOfThing(lot.id) === "H87") ?? others[0])?.id ?? null;
}

/**
 * Packing: into packs that are sold, which is another lot; or packs into a carrier with an SSCC.
 * @param {string} _name
 * @param {string|null} chosen
 * @param {() => void} told
 * @returns {Work}
 */
export function packing(_name, chosen, told) {
  const packs = changing("packs", chosen, told);
  const lot = lotChoice("pr.deed.which", "pack-lot", { value: chosen, onchange: change, prefer: (unit) => unit === "H87" });
  const place = el("div");
  const last = kept("producer.sscc");
  const number = ssccField("deed-sscc", last ? nextSscc(last) ?? "" : "", told, "pr.deed.sscc-hint");
  /** @type {ReturnType<typeof amountField>} */
  let amount;
  function change() {
    amount = amountField("pr.deed.amount-pack", { id: "pack-amount", unit: unitOfThing(lot.value || "01/"), value: lot.value ? suggested("pack", lot.value) : "", oninput: told });
    place.replaceChildren(amount.whole);
    told();
  }
  change();
  const box = el("div", {}, lot.whole, place, number.whole);
  const hasPacks = shelf.deeds.some((deed) => deed.template === "packs");
  const way = choices("pr.pack.way", [{ value: "packs", title: say("pr.pack.packs"), more: say("pr.pack.packs-more") }, { value: "carrier", title: say("pr.pack.carrier"), more: say("pr.pack.carrier-more") }], { id: "pack-way", value: packs.isPossible && !hasPacks ? "packs" : "carrier", onchange: show });
  function show() {
    packs.whole.hidden = way.value !== "packs";
    box.hidden = way.value !== "carrier";
    told();
  }
  show();
  const isPacks = () => way.value === "packs";
  return {
    whole: el("div", {}, way.whole, packs.whole, box),
    isPossible: Boolean(lot.value),
    lot: () => (isPacks() ? packs.lot() : lot.value),
    fields: () => (isPacks() ? packs.fields() : [amount, number]),
    summary: () => (isPacks() ? packs.summary() : [...amountShown(amount, unitOfThing(lot.value)), nameOfThing(lot.value)]),
    facts: () => (isPacks() ? packs.facts() : {
      template: "pack", shown: "pack",
      parts: [{ path: lot.value, amount: /** @type {number} */ (amount.amount), unit: unitOfThing(lot.value) }], made: [], carrier: pathOf({ sscc: number.value.replace(/[\s-]/g, "") }),
    }),
  };
}

/** @param {string} id @param {string} value @param {() => void} told @param {string} [hintKey] */
function ssccField(id, value, told, hintKey) {
  return typed("pr.deed.sscc", { id, hintKey, value, oninput: told, properties: { inputmode: "numeric", maxlength: 24, class: "input amount" }, check: (text) => {
    const digits = text.replace(/[\s-]/g, "");
    if (!digits) throw new Wrong("pr.wrong.sscc-missing");
    if (!/^\d+$/.test(digits)) throw new Wrong("pr.wrong.digits", { isCertain: true });
    if (digits.length !== 18) throw new Wrong("pr.wrong.sscc-length", { isCertain: digits.length > 18, text: `(${digits.length})` });
    try {
      sscc(digits);
    } catch {
      throw new Wrong("pr.wrong.check-digit", { isCertain: true });
    }
    return say("pr.right.check-digit");
  } });
}

/** Carriers that are shown as buttons. */
const CARRIERS = 4;

/**
 * Unpacking: all of a carrier that was packed here; of another's, a lot and how much of it came out.
 * @param {string} _name
 * @param {string|null} chosen
 * @param {() => void} told
 * @returns {Work}
 */
export function unpacking(_name, chosen, told) {
  const now = Date.now();
  const used = [...new Set([...shelf.deeds].reverse().flatMap((deed) => (deed.carrier ? [deed.carrier] : [])))];
  // What is packed and was not unpacked since comes first.
  const known = used.filter((path) => shelf.deeds.filter((deed) => deed.carrier === path).at(-1)?.template !== "unpack").slice(0, CARRIERS);
  const first = chosen?.startsWith("00/") ? chosen : known[0] ?? "";
  if (first && !known.includes(first)) known.unshift(first);
  const number = ssccField("deed-sscc", "", change);
  const which = choices("pr.deed.which-carrier", [...known.map((path) => ({ value: path, title: nameOfThing(path), more: el("span", { class: "num" }, path.slice(3)), sign: "pack" })), { value: "", title: say("pr.deed.other-carrier") }], { id: "deed-carrier", value: first, onchange: change });
  const lot = lotChoice("pr.deed.which", "unpack-lot", { value: chosen && !chosen.startsWith("00/") ? chosen : null, empties: true, onchange: change });
  const lotPlace = el("div");
  const content = el("p", { class: "soft", id: "carrier-content" });
  /** @type {ReturnType<typeof amountField>|null} */
  let amount = null;
  let shownLot = "";

  /** The carrier's path; empty while its number is not right. */
  function carrier() {
    if (which.value) return which.value;
    try {
      return pathOf({ sscc: number.value.replace(/[\s-]/g, "") });
    } catch {
      return "";
    }
  }

  /** @returns {Part[]} */
  const packed = () => (carrier() ? inCarrier(carrier(), now) : []);

  function change() {
    number.whole.hidden = which.value !== "";
    const parts = packed();
    content.replaceChildren(...(parts.length ? [say("pr.deed.all-of-it"), ...parts.flatMap((part, at) => [at ? ", " : " ", amountWords(part), ` ${nameOfThing(part.path)}`])] : []));
    lot.whole.hidden = lotPlace.hidden = parts.length > 0;
    if (!amount || shownLot !== lot.value) {
      amount = amountField("pr.deed.amount-unpack", { id: "deed-amount", unit: unitOfThing(lot.value || "01/"), oninput: told });
      lotPlace.replaceChildren(amount.whole);
      shownLot = lot.value;
    }
    told();
  }

  change();
  return {
    whole: el("div", {}, which.whole, number.whole, content, lot.whole, lotPlace),
    isPossible: true,
    lot: carrier,
    fields: () => [...(which.value ? [] : [number]), ...(packed().length ? [] : [...(lot.isEmpty ? [lot.other] : []), /** @type {any} */ (amount)])],
    summary: () => (carrier() ? [nameOfThing(carrier())] : []),
    facts: () => ({
      template: "unpack", shown: "unpack", made: [], carrier: carrier(),
      parts: packed().length ? packed() : [{ path: lot.value, amount: /** @type {number} */ (amount?.amount), unit: unitOfThing(lot.value) }],
    }),
  };
}
