/**
 * What an EPCIS event's own words say, for people: which things, how much, where, how warm.
 *
 * Rules: the words are the author's claim; nothing here is proof of them. An event that the library would not read is not read here either
 * (`epcis/reading.js`): it is in no sum. A thing is named by its item path, whether the event wrote a GS1 Digital Link or an EPC URN.
 */

import { checkDigit } from "../../verify/goods.js";
import { canonicalAddress } from "../epcis/addresses.js";
import { pathNamed } from "../epcis/items.js";
import { parseEvent, prefixesOf, readTime } from "../epcis/reading.js";

/** So much of an item. @typedef {{item: string, amount: string|null, unit: string}} Share */
/**
 * An event as it tells of itself.
 * `timeMs`: when it happened, by the event's own bytes. `transactions`: identifiers of business transactions that it belongs to;
 * `certificates`: of certificates that it points to.
 * @typedef {{kind: string, action: string, step: string, timeMs: number, items: Share[], parent: string, inputs: Share[], outputs: Share[], site: string, transactions: string[],
 *   certificates: string[], sensors: {type: string, low: string, high: string, unit: string}[], hidden: boolean}} Happened
 */

const MAX_LISTED = 2_000;
const MAX_SENSORS = 20;
/** @type {Record<string, string>} */
const KINDS = {
  ObjectEvent: "object", AggregationEvent: "aggregation", TransactionEvent: "transaction", TransformationEvent: "transformation", AssociationEvent: "association",
};
const LEAVES_FROM = ["shipping", "departing"];
/** What stands in the place of a transaction that is hidden (`ledger/epcis/hiding.py`). */
const HIDDEN = "urn:sogoc:hidden";
const SITE = /^https?:\/\/[^/?#]+\/(?:[^?#]*\/)?(414\/[0-9]{13}|place\/[^/?#]+\/[^/?#]+)(?:[/?#].*)?$/;

/** An address written out by the prefixes that a context declares. @typedef {(uri: unknown) => string} Expand */

/** @param {unknown} context @returns {Expand} */
function expander(context) {
  const known = prefixesOf(context);
  return (uri) => {
    if (typeof uri !== "string") return "";
    const colon = uri.indexOf(":");
    const namespace = colon < 0 ? undefined : known.get(uri.slice(0, colon));
    return namespace === undefined || uri.startsWith("//", colon + 1) ? uri : namespace + uri.slice(colon + 1);
  };
}

/** @param {string} digits without check digit */
const withDigit = (digits) => `${digits}${checkDigit(digits)}`;

/**
 * The item path of what an event names; null for what is none.
 * @param {unknown} uri
 * @returns {string|null}
 */
export function pathOfEpc(uri) {
  if (typeof uri !== "string") return null;
  try {
    return pathNamed(uri);
  } catch {
    return null;
  }
}

/** A logistic unit or a single piece. @param {string} item */
export const isSingle = (item) => item.startsWith("00/") || (item.startsWith("01/") && item.includes("/21/"));

/** A value as text; numbers as JSON wrote them, nearly always. @param {unknown} value @param {number} [most] letters */
const shown = (value, most = 40) => (typeof value === "number" || typeof value === "string" ? String(value).slice(0, most) : "");

/** @param {unknown} value @returns {any[]} */
const list = (value) => (Array.isArray(value) ? value.slice(0, MAX_LISTED) : []);

/**
 * @param {unknown} epcs
 * @param {unknown} quantities
 * @param {Expand} expand
 * @returns {Share[]}
 */
function shares(epcs, quantities, expand) {
  const found = [];
  for (const epc of list(epcs)) {
    const item = pathOfEpc(expand(epc));
    // One piece; of a lot that is named without an amount nobody knows how much.
    if (item) found.push({ item, amount: isSingle(item) ? "1" : null, unit: "" });
  }
  for (const one of list(quantities)) {
    const item = pathOfEpc(expand(one?.epcClass));
    if (item) found.push({ item, amount: one.quantity === undefined ? null : shown(one.quantity), unit: shown(one.uom) });
  }
  return found;
}

/** A bare word out of a word, a URN or a web address of the vocabulary. @param {unknown} value */
function word(value) {
  return typeof value === "string" ? (/([A-Za-z_-]{1,40})$/.exec(value)?.[1] ?? "") : "";
}

/** A business step: a bare word where it is the standard's, else as it came. @param {unknown} value @param {Expand} expand */
function stepOf(value, expand) {
  const text = expand(value);
  return /^https:\/\/ref\.gs1\.org\/cbv\/BizStep-([a-z_]{1,40})$/.exec(text)?.[1] ?? text;
}

/** A place as one text however it is written. @param {any} value `readPoint` or `bizLocation` @param {Expand} expand */
function siteOf(value, expand) {
  const id = expand(typeof value === "string" ? value : value?.id);
  const own = /^urn:sogoc:place:([-._0-9a-z]{1,64}):([-._0-9A-Za-z]{1,30})$/.exec(id);
  if (own) return `place/${own[1]}/${own[2]}`;
  const link = SITE.exec(canonicalAddress(id));
  if (link) return link[1];
  const urn = /^urn:epc:id:sgln:([0-9]{6,12})\.([0-9]{0,6})\.[^?#/]+$/.exec(id);
  return urn && urn[1].length + urn[2].length === 12 ? `414/${withDigit(urn[1] + urn[2])}` : id;
}

/** @param {unknown} elements */
function sensorsOf(elements) {
  const found = [];
  for (const element of list(elements)) {
    for (const report of list(element?.sensorReport)) {
      const low = shown(report?.minValue ?? report?.value), high = shown(report?.maxValue ?? report?.value);
      if (low && found.length < MAX_SENSORS) found.push({ type: word(report.type), low, high, unit: shown(report.uom) });
    }
  }
  return found;
}

/**
 * Read an event's bytes; null if they are no event that the library would read.
 * @param {Uint8Array} bytes
 * @returns {Happened|null}
 */
export function readEvent(bytes) {
  let value;
  try {
    value = parseEvent(bytes);
  } catch {
    return null;
  }
  const kind = KINDS[value.type];
  const timeMs = readTime(value.eventTime);
  const expand = expander(value["@context"]);
  const step = stepOf(value.bizStep, expand);
  // What is shipped is at the read point; a location given beside it is where it goes.
  const [first, second] = LEAVES_FROM.includes(step) ? [value.readPoint, value.bizLocation] : [value.bizLocation, value.readPoint];
  const isNested = kind === "aggregation" || kind === "association";
  return {
    kind,
    action: word(value.action),
    step,
    timeMs,
    items: isNested ? shares(value.childEPCs, value.childQuantityList, expand) : shares(value.epcList, value.quantityList, expand),
    parent: pathOfEpc(expand(value.parentID)) ?? "",
    inputs: shares(value.inputEPCList, value.inputQuantityList, expand),
    outputs: shares(value.outputEPCList, value.outputQuantityList, expand),
    site: siteOf(first, expand) || siteOf(second, expand),
    transactions: [...new Set(list(value.bizTransactionList).map((one) => expand(one?.bizTransaction)).filter((one) => one && one !== HIDDEN))].sort(),
    certificates: (Array.isArray(value.certificationInfo) ? list(value.certificationInfo) : [value.certificationInfo]).map(expand).filter(Boolean),
    sensors: sensorsOf(value.sensorElementList),
    hidden: false,
  };
}

/**
 * What a thing was directly made from, or what was packed into it, by one event.
 * @param {Happened} event
 * @param {string} item
 * @returns {string[]}
 */
export function before(event, item) {
  if (event.kind === "transformation") return event.outputs.some((one) => one.item === item) ? event.inputs.map((one) => one.item) : [];
  return event.parent === item && event.action === "ADD" ? event.items.map((one) => one.item) : [];
}

/**
 * What was directly made from a thing, or what it was packed into, by one event.
 * @param {Happened} event
 * @param {string} item
 * @returns {string[]}
 */
export function after(event, item) {
  if (event.kind === "transformation") return event.inputs.some((one) => one.item === item) ? event.outputs.map((one) => one.item) : [];
  return event.parent && event.parent !== item && event.action === "ADD" && event.items.some((one) => one.item === item) ? [event.parent] : [];
}

/** All goods of a sort, which have no history as one thing. @param {string} item */
export function isClass(item) {
  return !item.startsWith("00/") && !item.includes("/10/") && !item.includes("/21/");
}
