/**
 * Lookup codes as people type them (docs/spec.md, "Lookup codes"): eleven letters that are the first 53 bits of a record's id, and a
 * check letter that notices any one wrong letter and any two that have changed places.
 *
 * Rules: letters that look like another are read as that one; hyphens, spaces and letter case do not matter; NFC or NFD does not
 * either. A code proves nothing: the record that it leads to is checked, and that its id has this code too.
 */

const ALPHABET = "0123456789ACDEFGHJKMNPQRTVWXY";
/** @type {Record<string, string>} */
const LOOK_ALIKES = { B: "8", I: "1", L: "1", O: "0", S: "5", U: "V", Z: "2" };
const BASE = BigInt(ALPHABET.length);
const LETTERS = 12;
const MAX_TYPED = 64;
const BITS = 53n;

/**
 * The code that somebody typed, without separators; null if it is none, or mistyped.
 * @param {string} typed
 */
export function readCode(typed) {
  if (typed.length > MAX_TYPED) return null;
  const letters = [...typed.normalize("NFC").toUpperCase().replace(/[\s\-‐‑‒–—−]/g, "")].map((letter) => LOOK_ALIKES[letter] ?? letter);
  if (letters.length !== LETTERS) return null;
  const values = letters.map((letter) => ALPHABET.indexOf(letter));
  if (values.includes(-1)) return null;
  const sum = values.reduce((total, value, at) => total + (LETTERS - at) * value, 0);
  if (sum % ALPHABET.length !== 0 || numberOf(letters) >> BITS) return null;
  return letters.join("");
}

/** @param {string[]} letters */
function numberOf(letters) {
  return letters.slice(0, -1).reduce((number, letter) => number * BASE + BigInt(ALPHABET.indexOf(letter)), 0n);
}

/**
 * Whether a record has a code.
 * @param {string} code as `readCode` gives it
 * @param {string} recordId 64 hexadecimal digits
 */
export function isCodeOf(code, recordId) {
  return numberOf([...code]) === BigInt(`0x${recordId}`) >> (256n - BITS);
}

/**
 * A code as it is printed.
 * @param {string} code
 */
export function grouped(code) {
  return code.replace(/(.{4})(?=.)/g, "$1-");
}
