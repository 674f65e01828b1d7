/**
 * Entries: what people sign, as a log holds them (docs/spec.md §5). Making one is in submission.js.
 *
 * Rules: an entry is one signature over `[1, chain_id, author_key, nonce, time_ms, count, records_root]`; its id is over that body and
 * not over the signature, since some browsers sign with randomness; a record of exactly 64 bytes is refused.
 *
 * Not here: judging whether an entry may enter the ledger, keeping keys, or asking for the time.
 */

import { isBytes, join } from "./bytes.js";
import { verify } from "./ed25519.js";
import { CannotTellError, FormatError } from "./errors.js";
import { ENTRY_CONTEXT, sha256, signedMessage } from "./hash.js";
import { decode, encode } from "./msgpack.js";

export const MAX_RECORDS = 4096;

/**
 * What an author signs; `bytes` are the canonical ones.
 * @typedef {{chainId: Uint8Array, authorKey: Uint8Array, nonce: Uint8Array, timeMs: number, count: number, recordsRoot: Uint8Array,
 *   bytes: Uint8Array}} EntryBody
 */

/**
 * @param {any} value
 * @param {string} name
 * @param {number} size
 * @returns {Uint8Array}
 */
function octets(value, name, size) {
  if (!isBytes(value) || value.length !== size) {
    throw new FormatError(`entry.${name}`, `${name} must be ${size} bytes`);
  }
  return value;
}

/**
 * @param {any} value
 * @param {string} name
 * @param {number} minimum
 * @param {number} maximum
 * @returns {number}
 */
function integer(value, name, minimum, maximum) {
  if (typeof value !== "number" || value < minimum || value > maximum) {
    throw new FormatError(`entry.${name}`, `${name} must be an integer from ${minimum} to ${maximum}`);
  }
  return value;
}

/**
 * @param {any} value
 * @returns {EntryBody}
 */
export function parseBody(value) {
  if (!Array.isArray(value) || !value.length) {
    throw new FormatError("entry.shape", "an entry body is an array");
  }
  if (value[0] !== 1) {
    throw new CannotTellError("entry.version", "this entry's version is not known here");
  }
  if (value.length !== 7) {
    throw new FormatError("entry.shape", "an entry body has seven items");
  }
  return {
    chainId: octets(value[1], "chain-id", 32),
    authorKey: octets(value[2], "author-key", 32),
    nonce: octets(value[3], "nonce", 16),
    timeMs: integer(value[4], "time", 0, Number.MAX_SAFE_INTEGER),
    count: integer(value[5], "count", 1, MAX_RECORDS),
    recordsRoot: octets(value[6], "records-root", 32),
    bytes: encode(value),
  };
}

/**
 * Read the canonical bytes of an entry's body. Throws FormatError or CannotTellError.
 * @param {Uint8Array} bytes
 */
export function parseEntryBody(bytes) {
  return parseBody(decode(bytes, { maxBytes: 1_024 }));
}

/**
 * Read an entry leaf `[0, body, signature]`. Throws FormatError or CannotTellError.
 * @param {Uint8Array} leaf
 * @returns {{body: EntryBody, signature: Uint8Array}}
 */
export function parseEntryLeaf(leaf) {
  const value = decode(leaf, { maxBytes: 1_024 });
  if (!Array.isArray(value) || value.length !== 3 || value[0] !== 0) {
    throw new FormatError("entry.leaf", "an entry leaf is [0, body, signature]");
  }
  return { body: parseBody(value[1]), signature: octets(value[2], "signature", 64) };
}

/**
 * An entry's leaf in the log: `[0, body, signature]`.
 * @param {Uint8Array} body its canonical bytes
 * @param {Uint8Array} signature 64 bytes
 */
export function entryLeaf(body, signature) {
  return join([Uint8Array.of(0x93, 0x00), body, Uint8Array.of(0xc4, 0x40), signature]);
}

/**
 * The id of an entry: SHA-256 over its context and body.
 * @param {{bytes: Uint8Array}} body
 */
export function entryId(body) {
  return sha256(signedMessage(ENTRY_CONTEXT, body.bytes));
}

/**
 * Check the author's signature over the body. Throws VerificationError (`signature.*`).
 * @param {EntryBody} body
 * @param {Uint8Array} signature
 */
export function verifyEntrySignature(body, signature) {
  return verify(body.authorKey, signature, signedMessage(ENTRY_CONTEXT, body.bytes));
}
