/**
 * Bytes as text and back: hexadecimal, canonical base64, well-formed UTF-8.
 *
 * Rules: every reader is strict. Base64 is the standard alphabet with padding and has one text for each value; UTF-8 holds
 * no surrogates and no overlong forms.
 */

import { FormatError } from "./errors.js";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

/**
 * Join byte strings.
 * @param {...Uint8Array} parts
 * @returns {Uint8Array}
 */
export function concat(...parts) {
  return join(parts);
}

/**
 * Join a list of byte strings, however long it is.
 * @param {Uint8Array[]} parts
 * @returns {Uint8Array}
 */
export function join(parts) {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * Whether two byte strings are the same. Nothing compared here is secret, so time does not matter.
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
export function equal(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/**
 * Order of two byte strings: below, at or above 0.
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
export function compare(a, b) {
  const shared = Math.min(a.length, b.length);
  for (let at = 0; at < shared; at++) {
    if (a[at] !== b[at]) {
      return a[at] - b[at];
    }
  }
  return a.length - b.length;
}

/**
 * @param {unknown} value
 * @returns {value is Uint8Array}
 */
export function isBytes(value) {
  return value instanceof Uint8Array;
}

/**
 * Whether a value is a hash: 32 bytes.
 * @param {unknown} value
 * @returns {value is Uint8Array}
 */
export function isHash(value) {
  return value instanceof Uint8Array && value.length === 32;
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} lower-case hexadecimal
 */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} text hexadecimal, either case, without spaces
 * @returns {Uint8Array}
 */
export function fromHex(text) {
  if (text.length % 2 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new FormatError("bytes.hex", "this is not hexadecimal");
  }
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => parseInt(text.slice(2 * at, 2 * at + 2), 16));
}

/**
 * Write base64 (RFC 4648 §4: standard alphabet, with padding).
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function toBase64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return btoa(binary);
}

/**
 * Read base64 strictly: standard alphabet, full padding, unused bits zero.
 * @param {string} text
 * @param {string} rule what a failure is called
 * @returns {Uint8Array}
 */
export function fromBase64(text, rule) {
  if (text.length % 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new FormatError(rule, "this is not base64");
  }
  const binary = atob(text);
  // Unused bits of the last character that are not zero would be a second text for the same bytes.
  if (btoa(binary) !== text) {
    throw new FormatError(rule, "this base64 is not canonical: it does not re-encode to itself");
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/**
 * Whether a text holds half of a surrogate pair, and so has no UTF-8.
 * @param {string} text
 */
export function hasLoneSurrogate(text) {
  return /\p{Surrogate}/u.test(text);
}

/**
 * @param {string} text
 * @param {string} rule what half of a surrogate pair is called
 * @returns {Uint8Array}
 */
export function toUtf8(text, rule) {
  if (hasLoneSurrogate(text)) {
    throw new FormatError(rule, "a text holds half of a surrogate pair");
  }
  return utf8.encode(text);
}

/**
 * @param {Uint8Array} bytes
 * @param {string} rule what bytes that are not UTF-8 are called
 * @returns {string}
 */
export function fromUtf8(bytes, rule) {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new FormatError(rule, "these bytes are not well-formed UTF-8");
  }
}

/**
 * Bytes of ASCII text, for constants.
 * @param {string} text
 * @returns {Uint8Array}
 */
export function ascii(text) {
  return utf8.encode(text);
}
