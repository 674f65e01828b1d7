/**
 * The ten fields of Thông tư 02/2024/TT-BKHCN for a lot, as they stand on this device: which are there, and where the others are filled in.
 *
 * Rules: what is here is what the export of the lot's passport will have (`api/exports/passport.py`); nothing is made up for an empty one.
 */

import { el, icon, say } from "../dom.js";
import { nameOf } from "../office/desk.js";
import { showDay } from "../words.js";
import { nameOfThing } from "./naming.js";
import { productOfLot, shelf } from "./shelf.js";

/** @typedef {import("./shelf.js").Held} Held */

/**
 * Each field by its key of words: what there is of it, or null.
 * @param {Held} lot
 * @returns {[string, string|null][]}
 */
export function tenFields(lot) {
  const product = productOfLot(lot)?.body ?? {};
  const place = shelf.places.find((one) => one.id === lot.body.place)?.body;
  const stages = shelf.deeds.filter((deed) => [...deed.parts, ...deed.made].some((part) => part.path === lot.id));
  return [
    ["name", product.name ?? null],
    ["image", product.images?.length ? `${product.images.length}` : null],
    ["producer", nameOf(shelf.member)],
    ["address", place ? place.address ?? place.growing_area ?? null : null],
    ["stages", stages.length && stages.every((deed) => deed.site && !/** @type {any} */ (deed).hidden?.pointers.includes("/readPoint")) ? `${stages.length}` : null],
    ["produced", lot.body.produced ? showDay(lot.body.produced) : null],
    ["code", nameOfThing(lot.id)],
    ["brand", product.brand ?? null],
    ["expires", lot.body.expires ? showDay(lot.body.expires) : null],
    ["standards", product.standards?.length ? product.standards.join("; ") : null],
  ];
}

/** @param {Held} lot */
export function tenFieldsView(lot) {
  const fields = tenFields(lot);
  const there = fields.filter(([, value]) => value !== null).length;
  return el("details", { class: "fold", id: "ten-fields", "data-there": there }, el("summary", {}, icon(there === fields.length ? "check" : "list"), say("pr.ten.title"), el("strong", { class: "num" }, ` ${there}/${fields.length}`)),
    el("div", { class: "inside" }, el("ul", { class: "ten" }, ...fields.map(([key, value]) => el("li", { "data-field": key, "data-there": String(value !== null) },
      el("span", { class: "plain" }, icon(value === null ? "dash" : "check"), " ", say(`pr.ten.${key}`), value === null ? el("span", { class: "soft" }, " · ", say(`pr.ten.${key}-where`)) : el("span", { class: "soft" }, ` · ${value}`))))),
    el("p", { class: "small" }, el("a", { href: `/v1/exports/passport.csv/${lot.id}`, download: "" }, say("pr.ten.csv")), " · ", el("a", { href: `/v1/exports/passport.json/${lot.id}`, download: "" }, say("pr.ten.json")))));
}
