/**
 * Entries: what people sign, read and made (docs/spec.md §5).
 *
 * Rules: an entry is one signature over `[1, chain_id, author_key, nonce, time_ms, count, records_root]`; its id is over that body and
 * not over the signature, since some browsers sign with randomness; a record of exactly 64 bytes is refused.
 *
 * Not here: judging whether an entry may enter the ledger, keeping keys, or asking for the time.
 */

import { equal, isBytes, join, toHex } from "./bytes.js";
import { verify } from "./ed25519.js";
import { CannotTellError, FormatError, RefusedError, VerificationError } from "./errors.js";
import { ENTRY_CONTEXT, leafHash, POSSESSION_CONTEXT, sha256, signedMessage } from "./hash.js";
import { rootOfHashes, rootOfLeaves } from "./merkle.js";
import { decode, encode } from "./msgpack.js";
import { checkRecordSize, parseRecord } from "./records.js";

export const MAX_RECORDS = 4096;
export const MAX_SUBMISSION_BYTES = 700_000;

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
function parseBody(value) {
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

/**
 * Check a submission `[0, leaf, [record, …]]` as far as it goes without a state: form, count and root, signature, records.
 * @param {Uint8Array} data
 */
export async function verifySubmission(data) {
  if (data.length > MAX_SUBMISSION_BYTES) {
    throw new FormatError("entry.size", `an entry with its records has at most ${MAX_SUBMISSION_BYTES} bytes`);
  }
  const value = decode(data, { maxBytes: MAX_SUBMISSION_BYTES });
  if (!Array.isArray(value) || value.length !== 3 || value[0] !== 0 || !isBytes(value[1]) || !Array.isArray(value[2])) {
    throw new FormatError("entry.submission", "a submission is [0, leaf, [record, …]]");
  }
  const [, leaf, records] = value;
  if (records.length < 1 || records.length > MAX_RECORDS) {
    throw new FormatError("entry.count", `an entry has 1 to ${MAX_RECORDS} records, not ${records.length}`);
  }
  if (!records.every(isBytes)) {
    throw new FormatError("entry.submission", "each record of a submission is a byte string");
  }
  const { body, signature } = parseEntryLeaf(leaf);
  records.forEach(checkRecordSize);
  if (body.count !== records.length) {
    throw new VerificationError("entry.count", `the entry signs ${body.count} records but ${records.length} came with it`);
  }
  const recordIds = await Promise.all(records.map(leafHash));
  if (!equal(await rootOfHashes(recordIds), body.recordsRoot)) {
    throw new VerificationError("entry.records-root", "the records are not those that were signed");
  }
  await verifyEntrySignature(body, signature);
  if (new Set(records.map(toHex)).size !== records.length) {
    throw new RefusedError("entry.records-repeat", "two records of one entry are equal");
  }
  if (records.map(parseRecord).filter((record) => record.isSingle).length > 1) {
    throw new RefusedError("entry.single", "an entry holds one succession or one vote on a proposal, and not several");
  }
  return { id: await entryId(body), leaf, leafHash: await leafHash(leaf), recordIds, body };
}

/**
 * Make and sign one entry over one or many records.
 * @param {object} parts
 * @param {Uint8Array} parts.chainId 32 bytes
 * @param {Uint8Array} parts.publicKey 32 bytes: the key that signs
 * @param {(message: Uint8Array) => Promise<Uint8Array|ArrayBuffer>|Uint8Array|ArrayBuffer} parts.sign gives the 64-byte signature
 * @param {number} parts.timeMs the author's clock, milliseconds since the epoch
 * @param {Uint8Array} parts.nonce 16 random bytes
 * @param {Uint8Array[]} parts.records canonical bytes of each (`encodeRecord`)
 * @returns {Promise<{id: Uint8Array, leaf: Uint8Array, submission: Uint8Array, recordIds: Uint8Array[]}>}
 */
export async function buildEntry({ chainId, publicKey, sign, timeMs, nonce, records }) {
  if (records.length < 1 || records.length > MAX_RECORDS) {
    throw new FormatError("entry.count", `an entry has 1 to ${MAX_RECORDS} records, not ${records.length}`);
  }
  records.forEach(checkRecordSize);
  const body = parseBody([1, chainId, publicKey, nonce, timeMs, records.length, await rootOfLeaves(records)]);
  const signed = await sign(signedMessage(ENTRY_CONTEXT, body.bytes));
  const signature = signed instanceof Uint8Array ? signed : new Uint8Array(signed);
  // What this very browser would not accept is not sent: a wrong key, or a signer that returned something else.
  await verifyEntrySignature(body, signature);
  const leaf = entryLeaf(body.bytes, signature);
  const submission = encode([0, leaf, records]);
  if (submission.length > MAX_SUBMISSION_BYTES) {
    throw new FormatError("entry.size", `an entry with its records has at most ${MAX_SUBMISSION_BYTES} bytes`);
  }
  return { id: await entryId(body), leaf, submission, recordIds: await Promise.all(records.map(leafHash)) };
}

/**
 * Several submissions for one request: `[1, [submission, …]]`.
 * @param {Uint8Array[]} submissions
 */
export function encodeBatch(submissions) {
  return encode([1, submissions]);
}

/**
 * What a key signs to show that its owner holds it, when it is registered for a member.
 * @param {Uint8Array} chainId
 * @param {string} member
 * @param {Uint8Array} publicKey
 */
export function possessionMessage(chainId, member, publicKey) {
  return signedMessage(POSSESSION_CONTEXT, encode([chainId, member, publicKey]));
}
