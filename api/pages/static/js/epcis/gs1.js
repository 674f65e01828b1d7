/**
 * GS1 identifiers as people type and scan them: numbers of any length, lots as printed, Digital Links of any host (`ledger/gs1.py`).
 *
 * Rules: a wrong check digit is refused and never mended. The path of a thing is the verifier's to write and read.
 */

import { checkDigit, itemPath } from "../../verify/goods.js";
import { FormatError } from "../../verify/index.js";

export { parseItem } from "../../verify/goods.js";

/** @typedef {import("../../verify/goods.js").Item} Item what is printed, not percent-encoded */

const SET_82 = /^[A-Za-z0-9!"%&'()*+,\-./:;<=>?_]+$/;
const OWN_CODE = /^[A-Za-z0-9\-._]+$/;
const GTIN_LENGTHS = [8, 12, 13, 14];
const MAX_LOT = 20;
const MAX_CODE = 30;
const MAX_ADDRESS = 2_048;
/** Where a Digital Link is at home that names no host of its own. */
export const CANONICAL = "https://id.gs1.org";

/**
 * @param {string} digits
 * @param {number[]} lengths
 * @param {string} what
 */
function checked(digits, lengths, what) {
  if (!/^[0-9]*$/.test(digits)) throw new FormatError("gs1.charset", `a ${what} has digits only`);
  if (!lengths.includes(digits.length)) throw new FormatError("gs1.length", `a ${what} has ${lengths.join(" or ")} digits, not ${digits.length}`);
  const wanted = checkDigit(digits.slice(0, -1));
  if (digits.at(-1) !== wanted) throw new FormatError("gs1.check-digit", `the last digit of the ${what} ${digits} is ${digits.at(-1)}, and must be ${wanted}`);
  return digits;
}

/** A GTIN-8, -12, -13 or -14 as 14 digits. @param {string} digits */
export function gtin14(digits) {
  return checked(digits, GTIN_LENGTHS, "GTIN").padStart(14, "0");
}

/** @param {string} digits */
export function gln(digits) {
  return checked(digits, [13], "GLN");
}

/** @param {string} digits */
export function sscc(digits) {
  return checked(digits, [18], "SSCC");
}

/** A lot or a serial as it is printed. @param {string} letters */
export function lotText(letters) {
  if (!letters || letters.length > MAX_LOT) throw new FormatError("gs1.length", `a lot has 1 to ${MAX_LOT} letters, not ${letters.length}`);
  if (!SET_82.test(letters) || /^\.{1,2}$/.test(letters)) throw new FormatError("gs1.charset", "the lot has letters outside of GS1's character set 82");
  return letters;
}

/** A member's own code. @param {string} letters */
export function ownCode(letters) {
  if (!letters || letters.length > MAX_CODE) throw new FormatError("gs1.length", `a code has 1 to ${MAX_CODE} letters, not ${letters.length}`);
  if (!OWN_CODE.test(letters) || /^\.{1,2}$/.test(letters)) throw new FormatError("gs1.charset", "a code may hold letters, digits and -._ only");
  return letters;
}

/**
 * The path of an item, its parts checked. Throws FormatError (`gs1.*`).
 * @param {Item} item
 */
export function pathOf(item) {
  const whole = { ...item };
  if (whole.sscc !== undefined) sscc(whole.sscc);
  if (whole.gtin !== undefined) whole.gtin = gtin14(whole.gtin);
  if (whole.code !== undefined) ownCode(whole.code);
  if (whole.lot !== undefined) lotText(whole.lot);
  if (whole.serial !== undefined) lotText(whole.serial);
  return itemPath(whole);
}

/**
 * The number behind another of its kind: of SSCCs, with its check digit; null where the row ends.
 * @param {string} digits 18
 */
export function nextSscc(digits) {
  const next = String(BigInt(digits.slice(0, 17)) + 1n).padStart(17, "0");
  // The extension and the company's prefix are given: only what the company counts may change.
  return next.slice(0, 13) === digits.slice(0, 13) ? next + checkDigit(next) : null;
}

/**
 * What a label's code names, whatever its host; null for another address. Where a serial stands beside its lot, both are given. Throws
 * FormatError for a Digital Link that is wrong.
 * @param {string} address
 * @returns {Item|null}
 */
export function readLink(address) {
  if (address.length > MAX_ADDRESS) return null;
  const link = /^https?:\/\/[^/?#]+(\/[^?#]*)/i.exec(address);
  if (!link) return null;
  const parts = link[1].replace(/^\/+|\/+$/g, "").split("/").map(unescaped);
  for (const [at, part] of parts.entries()) {
    const found = ["00", "01", "code"].includes(part) ? itemOf(parts.slice(at)) : null;
    if (found) return found;
  }
  return null;
}

/** @param {string} part */
function unescaped(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new FormatError("gs1.charset", "a % is not followed by two hexadecimal digits");
  }
}

/** @param {string[]} parts @returns {Item|null} */
function itemOf([key, one, two, ...rest]) {
  if (key === "00" && one !== undefined && two === undefined) return { sscc: sscc(one) };
  if (key === "01" && one !== undefined) {
    const found = qualified({ gtin: gtin14(one) }, two === undefined ? [] : [two, ...rest]);
    return found;
  }
  if (key === "code" && two !== undefined) return qualified({ member: one, code: ownCode(two) }, rest);
  return null;
}

/** @param {Item} item @param {string[]} rest @returns {Item|null} */
function qualified(item, rest) {
  const [first, lot, second, serial, ...more] = rest;
  if (!rest.length) return item;
  if (first === "10" && rest.length === 2) return { ...item, lot: lotText(lot) };
  if (item.gtin && first === "21" && rest.length === 2) return { ...item, serial: lotText(lot) };
  if (item.gtin && first === "10" && second === "21" && serial !== undefined && !more.length) return { ...item, lot: lotText(lot), serial: lotText(serial) };
  return null;
}

/**
 * How an event names an item: at GS1's own host where the number is GS1's, at this ledger's where a member gave the code.
 * @param {string} path
 * @param {string} host of this ledger, `https://…`
 */
export function uriOf(path, host) {
  return `${path.startsWith("code/") ? host : CANONICAL}/${path}`;
}

/**
 * The path of what an event's `epc` or `epcClass` names, as this page writes them. Throws FormatError.
 * @param {string} uri
 */
export function pathOfUri(uri) {
  const item = readLink(uri);
  if (!item) throw new FormatError("gs1.link", "this is no GS1 Digital Link such as /01/<gtin>/10/<lot>");
  const { lot, ...piece } = item;
  return pathOf(item.serial === undefined ? item : piece);
}
