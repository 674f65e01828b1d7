/**
 * How goods are named: GS1 check digits and item paths (docs/spec.md, "Item paths"; `ledger/gs1.py`).
 *
 * Rules: a thing has one path, ASCII and part of an address as it stands. Lots and serials are 1 to 20 letters of GS1's character set 82;
 * letters that RFC 3986 does not call unreserved are percent-encoded with upper-case digits, and nothing else is. A wrong check digit is
 * refused.
 */

import { FormatError } from "./errors.js";

const MAX_PATH = 164;
const LOT = /^[A-Za-z0-9!"%&'()*+,\-./:;<=>?_]{1,20}$/;
const CODE = /^[A-Za-z0-9\-._]{1,30}$/;
const MEMBER = /^[a-z0-9\-._]{1,64}$/;
const DOTS = [".", ".."];
const FORMS = ["00/", "01/", "01/10", "01/21", "code/", "code/10"];

/**
 * What a path names, as it is printed (not percent-encoded).
 * @typedef {{gtin?: string, lot?: string, serial?: string, sscc?: string, member?: string, code?: string}} Item
 */

/**
 * The digit that belongs behind `digits`: weights 3 and 1 from the right.
 * @param {string} digits
 */
export function checkDigit(digits) {
  const total = [...digits].reduceRight((sum, digit, at) => sum + ((digits.length - 1 - at) % 2 ? 1 : 3) * Number(digit), 0);
  return String((10 - (total % 10)) % 10);
}

/**
 * @param {string} digits
 * @param {number} length
 */
function checked(digits, length) {
  if (digits.length !== length || !/^[0-9]+$/.test(digits)) throw new FormatError("gs1.item", `a number of ${length} digits is wanted`);
  const wanted = checkDigit(digits.slice(0, -1));
  if (digits.at(-1) !== wanted) throw new FormatError("gs1.check-digit", `the last digit of ${digits} must be ${wanted}`);
  return digits;
}

/** @param {string} text */
function escaped(text) {
  return [...text].map((letter) => (/[A-Za-z0-9\-._~]/.test(letter) ? letter : `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`)).join("");
}

/** @param {string} part */
function lotOf(part) {
  const text = part.replace(/%([0-9A-F]{2})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
  if (!LOT.test(text) || DOTS.includes(text)) throw new FormatError("gs1.item", "a lot or serial is 1 to 20 letters of GS1's character set 82");
  return text;
}

/**
 * @param {string} member
 * @param {string} code
 */
function ownOf(member, code) {
  if (!MEMBER.test(member) || DOTS.includes(member) || !CODE.test(code) || DOTS.includes(code)) {
    throw new FormatError("gs1.item", "goods without a GTIN are named by member and code");
  }
  return { member, code };
}

/**
 * The path of an item.
 * @param {Item} item
 */
export function itemPath({ gtin, lot, serial, sscc, member, code }) {
  if (sscc !== undefined) return `00/${sscc}`;
  const path = gtin === undefined ? `code/${member}/${code}` : `01/${gtin}`;
  if (lot !== undefined) return `${path}/10/${escaped(lot)}`;
  return serial === undefined ? path : `${path}/21/${escaped(serial)}`;
}

/**
 * @param {string[]} parts
 * @returns {Item}
 */
function named([key, one, two, three, four, ...more]) {
  const rest = key === "code" ? [three, four] : [two, three];
  if (more.length || one === undefined || (key !== "code" && four !== undefined) || (rest[0] === undefined) !== (rest[1] === undefined)) {
    throw new FormatError("gs1.item", "this is not the path of an item");
  }
  const [qualifier, value] = rest;
  const kind = `${key}/${qualifier ?? ""}`;
  if (!FORMS.includes(kind) || (key === "code" && two === undefined)) throw new FormatError("gs1.item", "this is not the path of an item");
  if (key === "00") return { sscc: checked(one, 18) };
  const goods = key === "01" ? { gtin: checked(one, 14) } : ownOf(one, two);
  if (qualifier === undefined) return goods;
  return qualifier === "10" ? { ...goods, lot: lotOf(value) } : { ...goods, serial: lotOf(value) };
}

/**
 * Read an item path. Throws FormatError (`gs1.item`, `gs1.check-digit`).
 * @param {string} text
 * @returns {Item}
 */
export function parseItem(text) {
  const item = text.length > MAX_PATH ? null : named(text.split("/"));
  if (!item || itemPath(item) !== text) throw new FormatError("gs1.item", "this is not the path of an item such as 01/<gtin>/10/<lot>");
  return item;
}
