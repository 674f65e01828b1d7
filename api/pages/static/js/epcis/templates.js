/**
 * The seven things that a producer writes down, as EPCIS 2.0 events.
 *
 * Rules: an event says what was done with which lots, how much, where and when. What concerns trade and people (`TERMS`) stands in members of
 * this project's own, and is hidden before an event is recorded (`hiding.js`). Amounts are in the product's unit; pieces have no `uom`, as the
 * standard has it for what is counted. Times are Vietnam's.
 */

import { uriOf } from "./gs1.js";

/**
 * An amount of a lot: its item path, a number, and its unit (UN/ECE Rec 20).
 * @typedef {{path: string, amount: number, unit: string}} Part
 */
/**
 * `parts`: what the event is about; `made`: what came out of them; `unit`: the logistic unit (item path `00/…`); `told`: texts by
 * their names in `TERMS`.
 * @typedef {{timeMs: number, place: string|null, parts: Part[], made?: Part[], unit?: string, told?: Record<string, string>}} Facts
 */

const CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
/** Counted, not measured. */
export const PIECES = "H87";
/** This project's own members of events: whom with, for how much, under which paper, and on whose land. */
export const TERMS = ["buyer", "invoice", "plot", "price"];
export const TERM_PREFIX = "sogoc";
export const TERM_NAMESPACE = "urn:sogoc:term:";
const OFFSET = "+07:00";
const OFFSET_MS = 7 * 3_600_000;

/** What each template is called in the standard's words: event, action, step, what then holds. @type {Record<string, {type: string, action?: string, step: string, disposition: string}>} */
export const TEMPLATES = {
  harvest: { type: "ObjectEvent", action: "ADD", step: "commissioning", disposition: "active" },
  process: { type: "TransformationEvent", step: "creating_class_instance", disposition: "active" },
  pack: { type: "AggregationEvent", action: "ADD", step: "packing", disposition: "in_progress" },
  unpack: { type: "AggregationEvent", action: "DELETE", step: "unpacking", disposition: "in_progress" },
  ship: { type: "ObjectEvent", action: "OBSERVE", step: "shipping", disposition: "in_transit" },
  receive: { type: "ObjectEvent", action: "OBSERVE", step: "receiving", disposition: "in_progress" },
  sell: { type: "ObjectEvent", action: "OBSERVE", step: "retail_selling", disposition: "retail_sold" },
};

/**
 * @param {keyof typeof TEMPLATES} name
 * @param {Facts} facts
 * @param {string} host of this ledger, `https://…`: where goods without a GTIN, and places without a GLN, are named
 * @returns {Record<string, any>} the event
 */
export function eventOf(name, { timeMs, place, parts, made = [], unit, told = {} }, host) {
  const { type, action, step, disposition } = TEMPLATES[name];
  /** @type {Record<string, any>} */
  const event = { "@context": CONTEXT, type, eventTime: localTime(timeMs), eventTimeZoneOffset: OFFSET, bizStep: step, disposition };
  if (action) event.action = action;
  if (place) event.readPoint = { id: place };
  const amounts = parts.map((part) => quantity(part, host));
  if (type === "TransformationEvent") {
    event.inputQuantityList = amounts;
    event.outputQuantityList = made.map((part) => quantity(part, host));
  } else if (type === "AggregationEvent") {
    event.parentID = uriOf(/** @type {string} */ (unit), host);
    if (amounts.length) event.childQuantityList = amounts;
  } else {
    if (unit) event.epcList = [uriOf(unit, host)];
    if (amounts.length) event.quantityList = amounts;
  }
  const terms = TERMS.filter((term) => told[term]);
  if (terms.length) event["@context"] = [CONTEXT, { [TERM_PREFIX]: TERM_NAMESPACE }];
  for (const term of terms) event[`${TERM_PREFIX}:${term}`] = told[term];
  return event;
}

/** @param {Part} part @param {string} host */
function quantity({ path, amount, unit }, host) {
  const whole = { epcClass: uriOf(path, host), quantity: amount };
  return unit === PIECES ? whole : { ...whole, uom: unit };
}

/** @param {number} ms since the epoch */
export function localTime(ms) {
  return new Date(ms + OFFSET_MS).toISOString().replace("Z", OFFSET);
}
