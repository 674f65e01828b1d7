/** An event as the ledger records it: its canonical bytes, its hash, and what stands beside them (`ledger/epcis/record.py`). */

import { eventHash } from "./event_hash.js";
import { pathOfUri } from "./gs1.js";
import { canonical } from "./jcs.js";

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
