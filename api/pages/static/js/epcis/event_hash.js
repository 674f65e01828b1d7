/**
 * The CBV 2.0 event hash of the events that this page makes (`ledger/epcis/event_hash.py`, which says the rules).
 *
 * Rules: the members known here are those of the templates. An event with any other is refused: a hash that leaves something out would be
 * another event's.
 */

import { FormatError, sha256 } from "../../verify/index.js";
import { canonicalAddress } from "./addresses.js";
import { TERMS, TERM_NAMESPACE, TERM_PREFIX } from "./templates.js";

const CBV = "https://ref.gs1.org/cbv/";
const EPC_LISTS = ["epcList", "inputEPCList", "childEPCs", "outputEPCList"];
const QUANTITY_LISTS = ["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"];
/** @type {Record<string, string>} */
const LINK_LISTS = { bizTransactionList: "bizTransaction", sourceList: "source", destinationList: "destination" };
const ORDER = [
  "eventTime", "eventTimeZoneOffset", "parentID", "epcList", "inputEPCList", "childEPCs", "quantityList", "childQuantityList", "inputQuantityList",
  "outputEPCList", "outputQuantityList", "action", "bizStep", "disposition", "readPoint", "bizLocation",
];
const LEFT_OUT = ["@context", "type", "eventID", "recordTime", "errorDeclaration"];
const TRANSACTIONS = ["bol", "cert", "desadv", "inv", "pedigree", "po", "poc", "prodorder", "recadv", "rma", "testprd", "testres", "upevt"];
/** This project's own members, by their names in an event. @type {Map<string, string>} */
const OWN = new Map(TERMS.map((term) => [`${TERM_PREFIX}:${term}`, `{${TERM_NAMESPACE}}${term}`]));
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const LONGEST_NUMBER = 40;
const MAX_DIGITS = 15;
/** What the standard's own context would write out, and forms of identifiers that this page does not make. */
const WRITTEN_OUT = new RegExp(`^(?:epcis|cbv|cbvmda|gs1|rdfs|owl|xsd|dcterms|${TERM_PREFIX}|urn):`);
const PARTIES = ["owning_party", "possessing_party", "location"];

/** @param {Record<string, any>} event */
export async function eventHash(event) {
  return sha256(new TextEncoder().encode(preHash(event)));
}

/** The text that is hashed. @param {Record<string, any>} event */
export function preHash(event) {
  const known = [...ORDER, ...Object.keys(LINK_LISTS), ...OWN.keys(), ...LEFT_OUT];
  const other = Object.keys(event).find((name) => !known.includes(name));
  if (other !== undefined) throw new FormatError("epcis.member", `this page makes no events with ${other}`);
  const links = Object.keys(LINK_LISTS).filter((name) => name in event).map((name) => linkList(name, event[name]));
  const own = [...OWN].filter(([name]) => name in event).map(([name, full]) => `${full}=${ownText(event[name])}`);
  return [`eventType=${event.type}`, ...ORDER.filter((name) => name in event).map((name) => member(name, event[name])), ...[...links, ...own].sort(byLetters)].join("");
}

/** A text of this project's own members: what looks like a number is one, as XML has it. @param {any} value */
function ownText(value) {
  if (typeof value !== "string") throw new FormatError("epcis.text", "a member of one's own is a text here");
  const text = value.replace(/^ +| +$/g, "");
  if (!text || WRITTEN_OUT.test(text)) throw new FormatError("epcis.text", "this text cannot stand in an event");
  if (text.length > LONGEST_NUMBER || !NUMBER.test(text)) return canonicalAddress(text);
  const digits = text.replace(/[eE].*$/, "").replace(/[+\-.]/g, "").replace(/^0+|0+$/g, "");
  const number = Math.abs(Number(text));
  if (!digits) return "0";
  return digits.length <= MAX_DIGITS && number >= 0.000001 && number < 1e15 ? JSON.stringify(Number(text)) : text;
}

/** Order of code points, as texts in UTF-8 have it. @param {string} one @param {string} other */
function byLetters(one, other) {
  const [left, right] = [[...one], [...other]];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const difference = /** @type {number} */ (left[at].codePointAt(0)) - /** @type {number} */ (right[at].codePointAt(0));
    if (difference) return difference;
  }
  return left.length - right.length;
}

/** @param {string} name @param {any} value */
function member(name, value) {
  if (EPC_LISTS.includes(name)) return list(name, value.map((/** @type {string} */ item) => pair("epc", item)));
  if (QUANTITY_LISTS.includes(name)) {
    return list(name, value.map((/** @type {any} */ one) => `quantityElement${only(one, ["epcClass", "quantity", "uom"]).map((part) => pair(part, one[part])).join("")}`));
  }
  if (name === "readPoint" || name === "bizLocation") return `${name}${only(value, ["id"]).map((part) => pair(part, value[part])).join("")}`;
  return pair(name, value);
}

/** @param {Record<string, any>} value @param {string[]} names */
function only(value, names) {
  const other = Object.keys(value).find((name) => !names.includes(name));
  if (other !== undefined) throw new FormatError("epcis.member", `this page makes no events with ${other}`);
  return names.filter((name) => name in value);
}

/** @param {string} name @param {string[]} elements */
function list(name, elements) {
  const text = elements.sort(byLetters).join("");
  return text ? name + text : "";
}

/** @param {string} name @param {any[]} value */
function linkList(name, value) {
  const inner = LINK_LISTS[name];
  const [words, prefix] = name === "bizTransactionList" ? [TRANSACTIONS, "BTT-"] : [PARTIES, "SDT-"];
  return list(name, value.map((one) => only(one, ["type", inner]).map((part) => (part === "type" ? `type=${words.includes(one.type) ? `${CBV}${prefix}${one.type}` : one.type}` : pair(inner, one[inner]))).join("")));
}

/** @param {string} name @param {any} value */
function pair(name, value) {
  return `${name}=${textOf(name, value)}`;
}

/** @param {string} name @param {any} value */
function textOf(name, value) {
  if (typeof value === "number") {
    if (!(value >= 0.000001 && value < 1e15)) throw new FormatError("epcis.number", "this number has no text that all programs share");
    return JSON.stringify(value);
  }
  const text = String(value).replace(/^ +| +$/g, "");
  // What only looks like a number would be hashed as one: no template writes such a text.
  if (!text || /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/.test(text)) throw new FormatError("epcis.text", `${name} cannot be this text`);
  if (name === "eventTime") return new Date(text).toISOString();
  if (name === "bizStep") return `${CBV}BizStep-${text}`;
  if (name === "disposition") return `${CBV}Disp-${text}`;
  return canonicalAddress(text);
}
