/** An event as the ledger records it: its canonical bytes, its hash, and what stands beside them (`ledger/epcis/record.py`). */

import { eventHash } from "./event_hash.js";
import { pathOfUri } from "./gs1.js";
import { canonical } from "./jcs.js";
import { localTime } from "./templates.js";

/** @type {Record<string, string>} */
const KINDS = { ObjectEvent: "object", AggregationEvent: "aggregation", TransactionEvent: "transaction", TransformationEvent: "transformation", AssociationEvent: "association" };
const CLASSES = ["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"];
const PIECES = ["epcList", "childEPCs", "inputEPCList", "outputEPCList"];

/**
 * All things that an event names, as item paths in ascending order.
 * @param {Record<string, any>} event
 * @returns {string[]}
 */
export function thingsOf(event) {
  const named = [...CLASSES.flatMap((list) => (event[list] ?? []).map((/** @type {any} */ one) => one.epcClass)), ...PIECES.flatMap((list) => event[list] ?? []), ...(event.parentID ? [event.parentID] : [])];
  return [...new Set(named.map(pathOfUri))].sort();
}

/**
 * The body of an `epcis.event/1` record, but for its authority.
 * @param {Record<string, any>} event
 */
export async function recordOf(event) {
  return {
    event: canonical(event), event_hash: await eventHash(event), kind: KINDS[event.type], time_ms: Date.parse(event.eventTime), step: event.bizStep, things: thingsOf(event),
  };
}

/**
 * The body of an `epcis.error/1` record, but for its authority: the event again, now with the word that it was a mistake.
 * @param {Record<string, any>} event as it was recorded
 * @param {"did_not_occur"|"incorrect_data"} reason
 * @param {number} timeMs when that is said
 */
export async function errorOf(event, reason, timeMs) {
  const declared = { ...event, errorDeclaration: { declarationTime: localTime(timeMs), reason } };
  return { event: canonical(declared), event_hash: await eventHash(declared), time_ms: timeMs, things: thingsOf(event) };
}
