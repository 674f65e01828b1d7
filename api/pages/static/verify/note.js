/**
 * C2SP signed notes: a text, an empty line, and lines that sign it (c2sp.org/signed-note).
 *
 * Rules: a note is UTF-8 without control characters other than the newline, and its text ends in one; a signature line is an
 * em dash, a space, the key's name, a space, base64 of the 4-byte key id and the signature. Signatures by keys one does not
 * know are kept and ignored. The key id says which of one's own keys to try; it is not evidence of anything.
 */

import { ascii, concat, equal, fromBase64, fromUtf8, hasLoneSurrogate, toBase64, toHex, toUtf8 } from "./bytes.js";
import { verify } from "./ed25519.js";
import { CannotTellError, FormatError, VerificationError } from "./errors.js";
import { sha256 } from "./hash.js";

export const MAX_NOTE_BYTES = 1_000_000;
export const MAX_SIGNATURES = 64;
const KEY_ID_SIZE = 4;

/** Signature types. */
export const LOG_KEY = 0x01;
export const COSIGNING_KEY = 0x04;
export const MLDSA_COSIGNING_KEY = 0x06;

/** @type {Record<number, number>} */
const PUBLIC_KEY_SIZES = { [LOG_KEY]: 32, [COSIGNING_KEY]: 32, [MLDSA_COSIGNING_KEY]: 1312 };

const DASH = "\u2014 ";

// The White_Space code points, written out, so that no engine's Unicode table decides; and the plus sign and the controls.
const NOT_IN_A_NAME = /[+\u0000-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

// Exactly those the format refuses: below U+0020, but for newline.
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

/** @typedef {{name: string, keyId: Uint8Array, signature: Uint8Array}} NoteSignature */
/** @typedef {{text: string, signatures: NoteSignature[]}} Note */
/** @typedef {{name: string, type: number, publicKey: Uint8Array, keyId: Uint8Array, vkey: string}} VerifierKey */

/**
 * Bytes or text as UTF-8 of at most `maxBytes` without controls but newline; `what` begins the rules.
 * @param {string|Uint8Array} data
 * @param {string} what
 * @param {number} maxBytes
 * @returns {string}
 */
export function toText(data, what, maxBytes) {
  const tooLarge = () => new FormatError(`${what}.too-large`, `a ${what} has at most ${maxBytes} bytes`);
  if (typeof data === "string" ? data.length > 2 * maxBytes : data.length > maxBytes) throw tooLarge();
  let text;
  if (typeof data === "string") {
    if (toUtf8(data, `${what}.not-utf-8`).length > maxBytes) throw tooLarge();
    text = data;
  } else {
    text = fromUtf8(data, `${what}.not-utf-8`);
  }
  if (CONTROL.test(text)) {
    throw new FormatError(`${what}.control-character`, `a ${what} has no control character but newline`);
  }
  return text;
}

/**
 * Read a note strictly. Says nothing about whether its signatures are valid. Throws FormatError (`note.*`).
 * @param {string|Uint8Array} data
 * @returns {Note}
 */
export function parseNote(data) {
  const full = toText(data, "note", MAX_NOTE_BYTES);
  const end = full.lastIndexOf("\n\n");
  if (end < 0) {
    throw new FormatError("note.no-signatures", "a note has an empty line between its text and its signatures");
  }
  const text = full.slice(0, end + 1);
  const lines = full.slice(end + 2);
  if (!lines.endsWith("\n")) {
    const rule = lines ? "note.no-final-newline" : "note.no-signatures";
    throw new FormatError(rule, "the last line of a note is a signature and ends in a newline");
  }
  const split = lines.slice(0, -1).split("\n");
  if (split.length > MAX_SIGNATURES) {
    throw new FormatError("note.too-many-signatures", `a note has at most ${MAX_SIGNATURES} signatures`);
  }
  return { text, signatures: split.map(parseSignature) };
}

/**
 * @param {string} line
 * @returns {NoteSignature}
 */
function parseSignature(line) {
  const parts = line.slice(DASH.length).split(" ");
  if (!line.startsWith(DASH) || parts.length !== 2) {
    throw new FormatError("note.signature-line", "a signature line is an em dash, a name and base64");
  }
  const [name, encoded] = parts;
  checkKeyName(name);
  const data = fromBase64(encoded, "note.signature-base64");
  if (data.length <= KEY_ID_SIZE) {
    throw new FormatError("note.signature", `the signature of ${name} is shorter than a key id and one byte`);
  }
  return { name, keyId: data.slice(0, KEY_ID_SIZE), signature: data.slice(KEY_ID_SIZE) };
}

/**
 * Check that a name may name a key: not empty, valid text, no Unicode space, plus sign or control character.
 * @param {string} name
 */
export function checkKeyName(name) {
  if (!name || NOT_IN_A_NAME.test(name) || hasLoneSurrogate(name)) {
    throw new FormatError("note.key-name", "a key's name is not empty and has no space, plus sign or control character");
  }
}

/**
 * A key under a name. Throws FormatError (`note.*`), CannotTellError for an unknown type.
 * @param {string} name
 * @param {number} type
 * @param {Uint8Array} publicKey
 * @returns {Promise<VerifierKey>}
 */
export async function verifierKey(name, type, publicKey) {
  checkKeyName(name);
  const expected = PUBLIC_KEY_SIZES[type];
  if (expected === undefined) {
    throw new CannotTellError("note.unknown-key-type", `keys of type ${type} are unknown to this version`);
  }
  if (publicKey.length !== expected) {
    throw new FormatError("note.key-size", `a key of type ${type} has ${expected} bytes, this one ${publicKey.length}`);
  }
  const typed = concat(Uint8Array.of(type), publicKey);
  const keyId = (await sha256(concat(ascii(`${name}\n`), typed))).slice(0, KEY_ID_SIZE);
  return { name, type, publicKey, keyId, vkey: `${name}+${toHex(keyId)}+${toBase64(typed)}` };
}

/**
 * Read a vkey: name, key id in hexadecimal, and base64 of type and key, joined by plus signs.
 * @param {string} vkey
 * @returns {Promise<VerifierKey>}
 */
export async function parseVkey(vkey) {
  // Base64 may contain plus signs itself; the name may not, and comes first.
  const first = vkey.indexOf("+");
  const second = vkey.indexOf("+", first + 1);
  if (first < 0 || second < 0) {
    throw new FormatError("note.vkey", "a key is written name+id+base64; this text has fewer parts");
  }
  const name = vkey.slice(0, first);
  checkKeyName(name);
  const data = fromBase64(vkey.slice(second + 1), "note.vkey");
  if (!data.length) {
    throw new FormatError("note.vkey", "the key part of the vkey is empty");
  }
  const key = await verifierKey(name, data[0], data.slice(1));
  if (vkey.slice(first + 1, second) !== toHex(key.keyId)) {
    throw new FormatError("note.vkey-id", `the vkey's id is not ${toHex(key.keyId)}, which its name and key make`);
  }
  return key;
}

/**
 * Check that a signature line points at a key of the type that is about to be verified.
 * @param {NoteSignature} signature
 * @param {VerifierKey} key
 * @param {number} type
 */
export function checkPointedAt(signature, key, type) {
  if (key.type !== type || signature.name !== key.name || !equal(signature.keyId, key.keyId)) {
    throw new VerificationError("note.wrong-key", `the line of ${signature.name} does not point at key ${key.name} of type ${type}`);
  }
}

/**
 * Check one type 0x01 signature over a note's text. Throws VerificationError (`note.*`, `signature.*`).
 * @param {string} text
 * @param {NoteSignature} signature
 * @param {VerifierKey} key
 */
export async function verifyLogSignature(text, signature, key) {
  checkPointedAt(signature, key, LOG_KEY);
  if (signature.signature.length !== 64) {
    throw new VerificationError("note.signature-size", `${key.name}'s signature has ${signature.signature.length} bytes, an Ed25519 signature has 64`);
  }
  await verify(key.publicKey, signature.signature, toUtf8(text, "note.text"));
}
