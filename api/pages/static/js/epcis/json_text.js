/**
 * JSON as events are written in it, read strictly (`ledger/epcis/json_text.py`, which says the rules): what the library refuses is refused
 * here, so that no event is in one program's sums and not in the other's.
 *
 * Rules: no member is named twice, nothing is null, a number has at most 15 digits between 10⁻⁶ and 10¹⁵ or is an integer within ±(2⁵³-1), text
 * holds no control characters and no half of a surrogate pair. Objects have no prototype, so that no name means more than itself.
 */

import { FormatError } from "../../verify/index.js";

const MAX_BYTES = 120_000;
const MAX_DEPTH = 16;
const MAX_VALUES = 20_000;
const MAX_DIGITS = 15;
const LONGEST_NUMBER = 40;
const NUMBER = /-?(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;

/** @param {string} rule @param {string} detail @returns {never} */
function refuse(rule, detail) {
  throw new FormatError(rule, detail);
}

/**
 * An object out of its bytes. Throws FormatError (`epcis.*`).
 * @param {Uint8Array} bytes
 * @returns {Record<string, any>}
 */
export function parseObject(bytes) {
  if (bytes.length > MAX_BYTES) refuse("epcis.size", "an event is not that long");
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse("epcis.json", "this is not UTF-8");
  }
  const reader = new Reader(text);
  const value = reader.value(0);
  if (!reader.isAtEnd() || typeof value !== "object" || Array.isArray(value)) refuse("epcis.json", "an object and nothing behind it is expected");
  return value;
}

class Reader {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.count = 0;
  }

  /** @param {RegExp} form @returns {RegExpExecArray|null} */
  take(form) {
    form.lastIndex = this.at;
    const found = form.exec(this.text);
    if (found) this.at += found[0].length;
    return found;
  }

  /** @param {string} letter */
  takeLetter(letter) {
    this.take(SPACE);
    if (this.text[this.at] !== letter) return false;
    this.at += 1;
    return true;
  }

  isAtEnd() {
    this.take(SPACE);
    return this.at === this.text.length;
  }

  /** @param {number} depth @returns {any} */
  value(depth) {
    this.count += 1;
    if (depth > MAX_DEPTH) refuse("epcis.depth", "too many levels");
    if (this.count > MAX_VALUES) refuse("epcis.values-many", "too many values");
    if (this.takeLetter("{")) return this.object(depth);
    if (this.takeLetter("[")) return this.list(depth);
    if (this.text[this.at] === '"') return this.string();
    for (const [word, value] of /** @type {[string, any][]} */ ([["true", true], ["false", false], ["null", null]])) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value ?? refuse("epcis.null", "null says nothing");
      }
    }
    if (/(?:NaN|-?Infinity)/y.test(this.text.slice(this.at, this.at + 9))) refuse("epcis.number", "this is not a number of JSON");
    return number(this.take(NUMBER) ?? refuse("epcis.json", "this is not JSON"));
  }

  /** @param {number} depth */
  object(depth) {
    const found = Object.create(null);
    if (this.takeLetter("}")) return found;
    do {
      this.take(SPACE);
      const name = this.string();
      if (name in found) refuse("epcis.name-twice", "a member is named twice");
      if (!this.takeLetter(":")) refuse("epcis.json", "this is not JSON");
      found[name] = this.value(depth + 1);
    } while (this.takeLetter(","));
    return this.takeLetter("}") ? found : refuse("epcis.json", "this is not JSON");
  }

  /** @param {number} depth */
  list(depth) {
    /** @type {any[]} */
    const found = [];
    if (this.takeLetter("]")) return found;
    do found.push(this.value(depth + 1));
    while (this.takeLetter(","));
    return this.takeLetter("]") ? found : refuse("epcis.json", "this is not JSON");
  }

  string() {
    const written = this.take(TEXT) ?? refuse("epcis.json", "this is not JSON");
    const text = JSON.parse(written[0]);
    // eslint-disable-next-line no-control-regex
    return /[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u.test(text) ? refuse("epcis.text", "text holds no control characters") : text;
  }
}

/**
 * A number that every program reads alike.
 * @param {RegExpExecArray} found
 */
function number([written, whole, fraction, exponent]) {
  const value = Number(written);
  if (written.length > LONGEST_NUMBER) refuse("epcis.number", "a number is not that long");
  if (fraction === undefined && exponent === undefined) return Number.isSafeInteger(value) ? value : refuse("epcis.number", "an integer is within ±(2**53-1)");
  const digits = `${whole}${fraction ?? ""}`;
  const first = digits.search(/[1-9]/);
  if (first < 0) return 0;
  const magnitude = whole.length - 1 - first + Number(exponent ?? 0);
  const isShort = digits.slice(first).replace(/0+$/, "").length <= MAX_DIGITS;
  return isShort && magnitude >= -6 && magnitude < MAX_DIGITS ? value : refuse("epcis.number", "a decimal has at most 15 digits between 0.000001 and 10**15");
}
