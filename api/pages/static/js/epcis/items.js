/**
 * Which thing an event's `epc` or `epcClass` names (`ledger/epcis/reading.py`, `ledger/gs1.py`): EPC URNs and Digital Links of goods and
 * logistic units. What is neither is somebody's own name for something; what looks like one and is wrong is refused.
 */

import { FormatError } from "../../verify/index.js";
import { checkDigit, itemPath, parseItem } from "../../verify/goods.js";
import { canonicalAddress } from "./addresses.js";
import { gtin14 } from "./gs1.js";

const MAX_ADDRESS = 2_048;
const FOLLOWED = ["urn:epc:id:sgtin:", "urn:epc:id:sscc:", "urn:epc:class:lgtin:", "urn:epc:idpat:sgtin:"];
const LIKE_A_LINK = /\/(?:(?:01|gtin)\/(?:[0-9]{8}|[0-9]{12,14})|(?:00|sscc)\/[0-9]{18})(?:[/?#]|$)/;

/** @param {string} rule @returns {never} */
function refuse(rule) {
  throw new FormatError(rule, "this is not the name of goods or of a logistic unit, and looks like one");
}

/**
 * The path of goods or of a logistic unit; null for anything else. Throws FormatError (`gs1.*`).
 * @param {string} uri as `readUri` has read it, written out
 * @returns {string|null}
 */
export function pathNamed(uri) {
  const lower = uri.toLowerCase();
  if (lower.startsWith("urn:epc:")) return FOLLOWED.some((start) => lower.startsWith(start)) ? ofUrn(uri) : null;
  if (!/^https?:\/\//.test(lower)) return null;
  const address = canonicalAddress(uri);
  if (address.length > MAX_ADDRESS) refuse("gs1.length");
  const found = ofLink(address);
  if (found === null && address === uri && LIKE_A_LINK.test(uri) && !uri.includes("/235/")) refuse("gs1.link");
  return found;
}

/** @param {string} path */
const checked = (path) => (parseItem(path), path);

/** Percent-encoding undone; ASCII only. @param {string} text */
function unescaped(text) {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) refuse("gs1.charset");
  const plain = text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
  return /^[\0-\x7f]*$/.test(plain) ? plain : refuse("gs1.charset"); // eslint-disable-line no-control-regex
}

/** @param {string} uri */
function ofUrn(uri) {
  const match = /^urn:epc:(id:sgtin|class:lgtin|idpat:sgtin|id:sscc):([0-9]{6,12})\.([0-9]+)(?:\.(.*))?$/s.exec(uri);
  if (!match) return refuse("gs1.urn");
  const [, kind, prefix, reference, rest] = match;
  const digits = reference[0] + prefix + reference.slice(1);
  const wanted = kind === "id:sscc" ? 17 : 13;
  if (digits.length !== wanted || (rest === undefined) !== (kind === "id:sscc")) return refuse("gs1.urn");
  const number = `${digits}${checkDigit(digits)}`;
  if (kind === "id:sscc") return checked(itemPath({ sscc: number }));
  if (kind === "idpat:sgtin") return rest === "*" ? checked(itemPath({ gtin: number })) : refuse("gs1.urn");
  const named = unescaped(rest);
  return checked(itemPath(kind === "id:sgtin" ? { gtin: number, serial: named } : { gtin: number, lot: named }));
}

/** @param {string} address @returns {string|null} */
function ofLink(address) {
  const match = /^https?:\/\/[^/?#\s]+(\/[^?#]*)(?:[?#].*)?$/is.exec(address);
  const parts = match ? match[1].replace(/^\/+|\/+$/g, "").split("/") : [];
  for (const [at, part] of parts.entries()) {
    const found = ["01", "00", "code"].includes(part) ? ofParts(parts.slice(at)) : null;
    if (found !== null) return checked(found);
  }
  return null;
}

/** @param {string[]} parts @returns {string|null} */
function ofParts([key, one, ...rest]) {
  if (one === undefined) return null;
  if (key === "00") return rest.length ? null : itemPath({ sscc: unescaped(one) });
  if (key === "code") {
    const [code, ten, lot, ...more] = rest;
    if (code === undefined || more.length || (ten !== undefined && (ten !== "10" || lot === undefined))) return null;
    return itemPath({ member: one, code, ...(ten === undefined ? {} : { lot: unescaped(lot) }) });
  }
  if (rest.length % 2) return null;
  const names = rest.filter((_, at) => at % 2 === 0);
  const qualifiers = new Map(names.map((name, at) => [name, rest[2 * at + 1]]));
  if (names.join() !== ["22", "10", "21"].filter((name) => qualifiers.has(name)).join()) return null;
  const gtin = gtin14(unescaped(one));
  const [lot, serial] = [qualifiers.get("10"), qualifiers.get("21")];
  const ofLot = lot === undefined ? itemPath({ gtin }) : checked(itemPath({ gtin, lot: unescaped(lot) }));
  return serial === undefined ? ofLot : itemPath({ gtin, serial: unescaped(serial) });
}
