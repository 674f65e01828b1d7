/**
 * Lookup codes: twelve letters on a paper, by which a person finds its record (docs/spec.md, "Lookup codes").
 *
 * Rules: 29 letters, of which none looks like another that is used; a look-alike is read as the one it looks like, small letters as
 * capitals. Eleven letters are the first 53 bits of the record's id, most significant first; the twelfth makes the sum of weight × value a
 * multiple of 29, with the weights 12 … 1. A code proves nothing: it says where to look.
 */

import { FormatError, VerificationError } from "./errors.js";

const ALPHABET = "0123456789ACDEFGHJKMNPQRTVWXY";
/** @type {Record<string, string>} */
const LOOK_ALIKES = { B: "8", I: "1", L: "1", O: "0", S: "5", U: "V", Z: "2" };
const SEPARATORS = " -\u00a0\u2010\u2011\u2012\u2013\u2014\u2212";
const LETTERS = 12;
const BITS = 53;
const MAX_TYPED = 64;
const BASE = ALPHABET.length;

/** @param {number[]} values */
const weighted = (values) => values.reduce((sum, value, at) => sum + (LETTERS - at) * value, 0);

/** @param {number[]} values */
const numberOf = (values) => values.slice(0, -1).reduce((number, value) => number * BigInt(BASE) + BigInt(value), 0n);

/**
 * The code of a record by its id: twelve letters without separators. Throws FormatError.
 * @param {Uint8Array} recordId 32 bytes
 */
export function codeOf(recordId) {
  if (recordId.length !== 32) {
    throw new FormatError("lookup-code.record-id", `a record id has 32 bytes, not ${recordId.length}`);
  }
  let number = recordId.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) >> BigInt(256 - BITS);
  const values = [];
  for (let at = 1; at < LETTERS; at++) {
    values.unshift(Number(number % BigInt(BASE)));
    number /= BigInt(BASE);
  }
  const check = (BASE - (weighted([...values, 0]) % BASE)) % BASE;
  return [...values, check].map((value) => ALPHABET[value]).join("");
}

/**
 * The code that somebody typed, as `codeOf` gives it. Throws FormatError (`lookup-code.letters`, `.length`, `.range`) for what no code looks
 * like, VerificationError (`lookup-code.check`) for one that was mistyped.
 * @param {string} typed
 */
export function parseCode(typed) {
  const values = valuesOf(typed);
  if (weighted(values) % BASE) {
    throw new VerificationError("lookup-code.check", "a letter of the code is wrong, or two have changed places: compare it with the paper");
  }
  if (numberOf(values) >> BigInt(BITS)) {
    throw new FormatError("lookup-code.range", "no record has this code: its number is too large");
  }
  return values.map((value) => ALPHABET[value]).join("");
}

/** @param {string} typed */
function valuesOf(typed) {
  const letters = [...typed];
  if (letters.length > MAX_TYPED) {
    throw new FormatError("lookup-code.length", `a code has ${LETTERS} letters, and this has far more`);
  }
  const values = letters.filter((letter) => !SEPARATORS.includes(letter)).map(valueOf);
  if (values.length !== LETTERS) {
    throw new FormatError("lookup-code.length", `a code has ${LETTERS} letters, and this has ${values.length}`);
  }
  return values;
}

/** @param {string} letter */
function valueOf(letter) {
  // Only ASCII letters have a capital here: "ı".toUpperCase() would be an I.
  const capital = /^[a-z]$/.test(letter) ? letter.toUpperCase() : letter;
  const value = ALPHABET.indexOf(LOOK_ALIKES[capital] ?? capital);
  if (value < 0) {
    throw new FormatError("lookup-code.letters", "a code is made of digits and letters");
  }
  return value;
}

/**
 * Whether a record's id has this code. Throws as `parseCode` and `codeOf`.
 * @param {string} code
 * @param {Uint8Array} recordId
 */
export function isCodeOf(code, recordId) {
  return parseCode(code) === codeOf(recordId);
}

/**
 * The first six bytes of the id of every record with this code. Throws as `parseCode`.
 * @param {string} code
 */
export function prefixOf(code) {
  let rest = numberOf(valuesOf(parseCode(code))) >> BigInt(BITS % 8);
  const prefix = new Uint8Array(BITS >> 3);
  for (let at = prefix.length - 1; at >= 0; at--) {
    prefix[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return prefix;
}

/**
 * A code as it is printed: groups of four with hyphens between them.
 * @param {string} code
 */
export function groupedCode(code) {
  return code.replace(/(.{4})(?=.)/g, "$1-");
}
