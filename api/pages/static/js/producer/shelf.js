/**
 * What this producer has: places, products and lots, as the ledger has them and as they were signed here and are on their way.
 *
 * Rules: what the ledger said last is kept on this device, so that work goes on with no network. What was signed here counts at once, and
 * says that it is not registered yet; what the ledger refused does not count. Once the ledger has been asked again, its word counts.
 */

import { desk, keyFor } from "../office/desk.js";
import { jobs } from "../office/queue.js";
import { keep, kept } from "../store.js";
import { ledgerHas } from "./ledger.js";

/**
 * A place, product or lot. `id`: GLN, GTIN or own code; of a lot its item path. `status`: as the ledger has it.
 * @typedef {{what: "place"|"product"|"lot", id: string, body: Record<string, any>, state: "registered"|"waiting", status: string, recordId: string}} Held
 */
/** @typedef {{path: string, amount: number, unit: string}} Part amounts in thousandths */
/**
 * Something that was done with lots, out of this device's own queue. `place`: what its place is called; `site`: that place's GLN or code.
 * @typedef {{template: string, parts: Part[], made: Part[], carrier: string, place: string, site: string, timeMs: number, recordId: string, state: string}} Deed
 */

/**
 * `mistakes`: record ids of events that were declared to be errors here; they count no more.
 * @type {{member: string, places: Held[], products: Held[], lots: Held[], deeds: Deed[], mistakes: Set<string>}}
 */
export const shelf = { member: "", places: [], products: [], lots: [], deeds: [], mistakes: new Set() };

function name() {
  return `producer.${desk.chainId.slice(0, 16)}.${shelf.member}`;
}

/** Ask the ledger what it has of this producer; what it said last stays if it cannot be asked. */
export async function askLedger() {
  const askedMs = Date.now();
  const things = shelf.member ? await ledgerHas(shelf.member) : null;
  if (things) keep(name(), { askedMs, things });
}

/** Put together what there is, from the device alone. */
export async function stock() {
  shelf.member = (keyFor("product.register/1") ?? desk.keys.find((key) => key.roles.includes("producer")))?.member ?? "";
  const { askedMs, things } = kept(name()) ?? { askedMs: 0, things: [] };
  /** @type {Map<string, Held>} */
  const found = new Map();
  for (const held of things) found.set(`${held.what} ${held.id}`, { ...held, state: "registered" });
  /** @type {Deed[]} */
  const deeds = [];
  /** @type {Set<string>} */
  const mistakes = new Set();
  for (const job of await jobs()) {
    if (job.state === "refused") continue;
    const state = job.state === "final" ? "registered" : "waiting";
    const isOlder = job.state === "final" && /** @type {number} */ (job.finalMs) <= askedMs;
    for (const item of job.items) {
      if (item.what === "event") deeds.push({ ...item, state });
      else if (item.what === "error") mistakes.add(item.id);
      else if (!isOlder) change(found, item, state);
    }
  }
  const all = [...found.values()];
  shelf.places = all.filter((one) => one.what === "place");
  shelf.products = all.filter((one) => one.what === "product");
  shelf.lots = all.filter((one) => one.what === "lot");
  shelf.mistakes = mistakes;
  shelf.deeds = deeds.filter((deed) => !mistakes.has(deed.recordId)).sort((one, other) => one.timeMs - other.timeMs);
}

/** @param {Map<string, Held>} found @param {any} item @param {"registered"|"waiting"} state */
function change(found, item, state) {
  const status = { recall: "recalled", release: "in-force", end: "ended" }[/** @type {string} */ (item.what)];
  if (status === undefined) {
    found.set(`${item.what} ${item.id}`, { what: item.what, id: item.id, body: item.body, state, status: "in-force", recordId: item.recordId });
    return;
  }
  const held = found.get(`${item.of ?? "lot"} ${item.id}`);
  if (held) Object.assign(held, { status, state: state === "waiting" ? state : held.state });
}

/** @param {string} id GTIN or own code */
export function productOf(id) {
  return shelf.products.find((one) => one.id === id) ?? null;
}

/** What a lot is of. @param {Held} lot */
export function productOfLot(lot) {
  return productOf(lot.body.gtin ?? lot.body.code);
}

/** @param {string} path */
export function lotAt(path) {
  return shelf.lots.find((one) => one.id === path) ?? null;
}

/** Whether work goes on with it. @param {{status: string}} held */
export function isOpen(held) {
  return held.status === "in-force";
}

/**
 * How much of a lot is left by what was written down on this device, in thousandths; null where nothing was.
 * @param {string} path
 * @param {string} unit
 * @returns {number|null}
 */
export function leftOf(path, unit) {
  let left = 0;
  let isKnown = false;
  for (const deed of shelf.deeds) {
    const parts = deed.parts.length ? deed.parts : inCarrier(deed.carrier, deed.timeMs);
    const taken = sumOf(parts, path, unit);
    const made = sumOf(deed.made, path, unit);
    if (!taken && !made) continue;
    isKnown = true;
    if (deed.template === "harvest" || deed.template === "receive") left += taken;
    else if (deed.template === "unpack") left += inCarrier(deed.carrier, deed.timeMs - 1).length ? 0 : taken;
    else if (deed.template !== "pack") left -= taken;
    left += made;
  }
  return isKnown ? Math.max(0, left) : null;
}

/** @param {Part[]} parts @param {string} path @param {string} unit */
function sumOf(parts, path, unit) {
  return parts.filter((part) => part.path === path && part.unit === unit).reduce((total, part) => total + part.amount, 0);
}

/** What was packed into a carrier up to a time, since it was last unpacked. @param {string} carrier @param {number} timeMs @returns {Part[]} */
export function inCarrier(carrier, timeMs) {
  const own = shelf.deeds.filter((deed) => deed.carrier === carrier && deed.timeMs <= timeMs);
  const emptied = own.map((deed) => deed.template).lastIndexOf("unpack");
  return own.slice(emptied + 1).filter((deed) => deed.template === "pack").flatMap((deed) => deed.parts);
}
