/**
 * Canonical JSON (RFC 8785): members in the order of their names' UTF-16 units, no space, numbers and texts as ECMAScript writes them.
 *
 * Rules: what JSON cannot say is refused (`undefined`, functions, numbers that are not finite, half a surrogate pair), never left out.
 */

import { FormatError } from "../../verify/index.js";

/**
 * @param {any} value
 * @returns {string}
 */
export function canonicalText(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new FormatError("json.number", "JSON has finite numbers only");
    return JSON.stringify(value);
  }
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return `{${Object.keys(value).sort().map((name) => `${text(name)}:${canonicalText(value[name])}`).join(",")}}`;
  }
  throw new FormatError("json.value", "this value has no form in JSON");
}

/** @param {string} value */
function text(value) {
  if (/\p{Surrogate}/u.test(value)) throw new FormatError("json.text", "half of a surrogate pair is no letter");
  return JSON.stringify(value);
}

/**
 * The bytes that are committed to.
 * @param {any} value
 */
export function canonical(value) {
  return new TextEncoder().encode(canonicalText(value));
}
