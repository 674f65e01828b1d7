/**
 * Submissions: entries with their records, made and signed for a ledger, or checked as they come in (docs/spec.md §5).
 *
 * Rules: what an author signs is made here and nowhere else; what this very browser would not accept is not sent.
 *
 * Not here: judging whether an entry may enter the ledger, keeping keys, or asking for the time.
 */

import { equal, isBytes, toHex } from "./bytes.js";
import { entryId, entryLeaf, MAX_RECORDS, parseBody, parseEntryLeaf, verifyEntrySignature } from "./entry.js";
import { FormatError, RefusedError, VerificationError } from "./errors.js";
import { ENTRY_CONTEXT, leafHash, POSSESSION_CONTEXT, signedMessage } from "./hash.js";
import { rootOfHashes, rootOfLeaves } from "./merkle.js";
import { decode, encode } from "./msgpack.js";
import { checkRecordSize, parseRecord } from "./records.js";

export const MAX_SUBMISSION_BYTES = 700_000;

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
  let single = 0;
  for (const record of records) single += (await parseRecord(record)).isSingle ? 1 : 0;
  if (single > 1) {
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
