/**
 * Field tables: what a record body may hold (docs/spec.md §8). The tables are in record-types.js; here is what their kinds mean, but for
 * those that only goods have (records-goods.js).
 *
 * Rules: a table is exact. Lengths of text are in UTF-8 bytes, those of ASCII kinds in letters. Nothing is normalised.
 */

import { isBytes, toUtf8 } from "./bytes.js";
import { RefusedError } from "./errors.js";

/** @typedef {import("./record-types.js").Kind} Kind */

// What terminals obey, breaks a line, or turns the direction of writing.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
const IDENTIFIER_LETTERS = "-.0123456789_abcdefghijklmnopqrstuvwxyz";
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+\-/]*$/;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * @param {string} word
 * @param {string} name
 * @param {string} what
 */
export function refuse(word, name, what) {
  return new RefusedError(`record.field-${word}`, `field '${name.slice(0, 40)}' ${what}`);
}

/**
 * @param {string} name
 * @param {any} value
 * @returns {string}
 */
function text(name, value) {
  if (typeof value !== "string") throw refuse("kind", name, "must be text");
  return value;
}

/**
 * @param {string} name
 * @param {number} length
 * @param {number} minimum
 * @param {number} maximum
 */
export function checkLength(name, length, minimum, maximum) {
  if (length < minimum || length > maximum) throw refuse("length", name, `must have a length of ${minimum} to ${maximum}, not ${length}`);
}

/**
 * Different words in ascending order.
 * @param {string} name
 * @param {string[]} words
 */
export function checkOrder(name, words) {
  if (words.some((word, at) => at > 0 && word <= words[at - 1])) {
    throw refuse("order", name, "must be in ascending order, each once");
  }
}

/**
 * @param {string} name
 * @param {any} value
 * @param {number} minimum
 * @param {number} maximum
 * @param {string} letters
 */
export function checkAscii(name, value, minimum, maximum, letters) {
  const each = [...text(name, value)];
  checkLength(name, each.length, minimum, maximum);
  if (!each.every((letter) => letters.includes(letter))) throw refuse("alphabet", name, `may only hold the letters ${letters}`);
}

/**
 * @param {string} name
 * @param {any} value
 */
function checkDate(name, value) {
  const found = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text(name, value));
  if (!found || value.length !== 10) throw refuse("alphabet", name, "must be a date written YYYY-MM-DD");
  const [year, month, day] = found.slice(1).map(Number);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (year < 1900 || month < 1 || month > 12) throw refuse("range", name, "must be a date from 1900-01-01 on");
  if (day < 1 || day > DAYS[month - 1] + (leap && month === 2 ? 1 : 0)) throw refuse("range", name, "must be a day that the month has");
}

/**
 * @param {string} name
 * @param {any} value
 * @param {number} minimum
 * @param {number} maximum
 */
export function checkText(name, value, minimum, maximum) {
  checkLength(name, toUtf8(text(name, value), "record.field-alphabet").length, minimum, maximum);
  if (CONTROL.test(value)) throw refuse("alphabet", name, "must not hold control characters");
}

/**
 * @param {string} name
 * @param {any} value
 * @param {number} minimum
 * @param {number} maximum
 */
export function checkOctets(name, value, minimum, maximum) {
  if (!isBytes(value)) throw refuse("kind", name, "must be bytes");
  checkLength(name, value.length, minimum, maximum);
}

/** What each kind asks of a value; called with (name, value, …limits). @type {Record<string, (name: string, value: any, ...limits: any[]) => void>} */
const CHECKS = {
  Text: checkText,
  Ascii: checkAscii,
  MediaType(name, value) {
    checkLength(name, [...text(name, value)].length, 3, 127);
    const parts = value.split("/");
    if (!MEDIA_TYPE.test(value) || parts.length !== 2 || !parts.every((/** @type {string} */ part) => /^[a-z0-9]/.test(part))) {
      throw refuse("alphabet", name, "must be a media type such as application/pdf");
    }
  },
  Date: checkDate,
  Bytes(name, value, length) {
    checkOctets(name, value, length, length);
  },
  ActionBytes(name, value, maximum) {
    checkOctets(name, value, 1, maximum);
  },
  Integer(name, value, minimum, maximum) {
    if (typeof value !== "number") throw refuse("kind", name, "must be an integer");
    if (value < minimum || value > maximum) throw refuse("range", name, `must be from ${minimum} to ${maximum}, not ${value}`);
  },
  Choice(name, value, choices) {
    if (typeof value !== "string" || !choices.includes(value)) throw refuse("range", name, `must be one of ${choices.join(", ")}`);
  },
  ChoiceList(name, value, choices) {
    if (!Array.isArray(value)) throw refuse("kind", name, "must be a list");
    if (!value.every((item) => typeof item === "string" && choices.includes(item))) {
      throw refuse("range", name, `may only list ${choices.join(", ")}`);
    }
    if (!value.length) throw refuse("order", name, "must list at least one word");
    checkOrder(name, value);
  },
  IdentifierList(name, value, minimum, maximum) {
    if (!Array.isArray(value)) throw refuse("kind", name, "must be a list");
    checkLength(name, value.length, minimum, maximum);
    value.forEach((item) => checkAscii(name, item, 1, 64, IDENTIFIER_LETTERS));
    checkOrder(name, value);
  },
};

/** Kinds that are known so far. */
export const kinds = () => Object.keys(CHECKS);

/**
 * Take further kinds into use.
 * @param {typeof CHECKS} checks
 */
export function addKinds(checks) {
  Object.assign(CHECKS, checks);
}

/**
 * Check one value against a kind. Throws RefusedError (`record.field-*`).
 * @param {string} name
 * @param {any} value
 * @param {Kind} kind
 */
export function checkValue(name, value, [kind, ...limits]) {
  CHECKS[kind](name, value, ...limits);
}

/**
 * Check a body against a field table: nothing missing, nothing unknown, each value of its kind. Throws RefusedError.
 * @param {[string, boolean, Kind][]} fields
 * @param {Map<string, any>} body
 */
export function checkBody(fields, body) {
  let known = 0;
  for (const [name, required, kind] of fields) {
    if (body.has(name)) {
      known += 1;
      checkValue(name, body.get(name), kind);
    } else if (required) {
      throw refuse("missing", name, "is required");
    }
  }
  if (known !== body.size) {
    const names = new Set(fields.map(([name]) => name));
    const unknown = [...body.keys()].filter((name) => !names.has(name)).sort()[0];
    throw refuse("unknown", unknown, "is not a field of this record type");
  }
}
