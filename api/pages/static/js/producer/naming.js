/** What things are called here: lots, carriers, amounts, and one line of a story. */

import { el, icon, say, time } from "../dom.js";
import { parseItem } from "../epcis/gs1.js";
import { kept } from "../store.js";
import { t } from "../words.js";
import { showAmount, unitWord } from "./amounts.js";
import { lotAt, productOf, productOfLot } from "./shelf.js";
import { stateTag } from "./signing.js";

/** @typedef {import("./shelf.js").Part} Part */

/** What is left on this device of a product's name and unit that is another's. @type {(path: string) => {name: string, unit: string}|null} */
const foreign = (path) => kept("producer.foreign")?.[path] ?? null;

/** What a lot, or a carrier, is called. @param {string} path */
export function nameOfThing(path) {
  if (path.startsWith("00/")) return `${t("pr.carrier")} …${path.slice(-6)}`;
  const item = parseItem(path);
  const lot = lotAt(path);
  const name = (lot ? productOfLot(lot) : productOf(item.gtin ?? item.code ?? ""))?.body.name ?? foreign(path)?.name ?? item.gtin ?? item.code;
  return `${name} · ${item.lot}`;
}

/** @param {string} path */
export function unitOfThing(path) {
  const lot = lotAt(path);
  if (lot) return lot.body.unit ?? productOfLot(lot)?.body.unit ?? "KGM";
  return foreign(path)?.unit ?? "KGM";
}

/** @param {Part} part */
export function amountWords(part) {
  return el("span", { class: "num" }, `${showAmount(part.amount)} `, unitWord(part.unit));
}

/** One line of a story. @param {any} deed */
export function deedLine(deed) {
  const carrier = deed.carrier ? [" ", say({ pack: "pr.deed.into", unpack: "pr.deed.out-of" }[/** @type {string} */ (deed.template)] ?? "pr.deed.of-carrier"), ` ${nameOfThing(deed.carrier)}`] : [];
  const parts = deed.parts.flatMap((/** @type {Part} */ part, /** @type {number} */ at) => [at ? ", " : " ", amountWords(part), ` ${nameOfThing(part.path)}`]);
  const made = deed.made.length ? [" ", say("pr.deed.became"), ...deed.made.flatMap((/** @type {Part} */ part) => [" ", amountWords(part), ` ${nameOfThing(part.path)}`])] : [];
  return el("li", { class: "deed", "data-template": deed.template, "data-record": deed.recordId, "data-state": deed.state }, icon(deed.template === "packs" ? "pack" : deed.template), el("div", { class: "grow" },
    el("span", { class: "title" }, say(`pr.deed.${deed.template}`)), el("span", { class: "body" }, ...parts, ...made, ...carrier),
    el("span", { class: "more" }, time(deed.timeMs), deed.place ? ` · ${deed.place}` : null)),
  deed.state === "waiting" ? stateTag(/** @type {any} */ ({ state: "waiting" })) : null);
}
