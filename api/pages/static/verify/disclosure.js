/**
 * The proof file of a certificate: what its holder shows (docs/spec.md, "Proof of a certificate").
 *
 * Rules: a `.sogoc-proof` is `[2, receipt, [[entry_body, record_index, record, place | nil], …], [key proof, …], claims | nil]`, a place
 * `[signature, index, path, header_leaf, header_index, path]`. The list holds every record of the certificate, in order: the state proof in
 * the receipt shows root and count of its history, and the list is that or is refused. An entry's id is over its body, so who signed each record is proved too; the key proofs are of the rows of those keys that are not
 * the receipt's author's, each once, in the order in which they first signed. What a revoked key may have signed in its disputed interval
 * is in doubt.
 */

import { equal, isBytes, isHash, toHex } from "./bytes.js";
import { parseClaims } from "./claims.js";
import { entryId, entryLeaf, parseEntryBody } from "./entry.js";
import { CannotTellError, FormatError, VerificationError } from "./errors.js";
import { leafHash } from "./hash.js";
import { parseHeaderLeaf } from "./header.js";
import { MAX_PATH, rootOfHashes, verifyInclusion } from "./merkle.js";
import { decode } from "./msgpack.js";
import { knownRecord } from "./receipt.js";
import { checkRecordSize } from "./records.js";
import { historyLeaf, isDisputed, keyKey, latestMs, parseKeyRow } from "./rows.js";
import { parseStateProof, verifyMembership } from "./state.js";

/** @typedef {import("./claims.js").Claims} Claims */
/** @typedef {import("./records.js").LedgerRecord} LedgerRecord */
/** @typedef {import("./receipt.js").VerifiedReceipt} VerifiedReceipt */
/** @typedef {import("./rows.js").KeyRow} KeyRow */
/** @typedef {import("./rows.js").SubjectRow} SubjectRow */
/** @typedef {import("./state.js").StateProof} StateProof */
/** Where an entry stands in the log, and in which block. @typedef {{signature: Uint8Array, index: bigint, path: Uint8Array[], headerLeaf: Uint8Array, headerIndex: bigint, headerPath: Uint8Array[]}} LogPlace */
/** @typedef {{entryBody: Uint8Array, recordIndex: number, record: Uint8Array, place: LogPlace|null}} SubjectRecord */
/** @typedef {{receipt: string, records: SubjectRecord[], keys: StateProof[], claims: Claims|null}} CertificateProof */
/** A record, the key that signed it, and whether that may have been in the key's disputed interval. @typedef {{record: LedgerRecord, authorKey: Uint8Array, disputed: boolean}} AuthoredRecord */
/**
 * What the records of a certificate say together. `complete`: all of them are known, and so are its last day, papers (SHA-256 of the signed
 * files) and the reason for which it is suspended or revoked. `disputed`: which of them are, from 0; `validUntil` and `papers` leave them
 * out, and what they alone say is in `disputedUntil` and `disputedPapers`. `statusDisputed`: its issue is disputed, or the reinstatement
 * since which it is not suspended.
 * @typedef {{issue: LedgerRecord, complete: boolean, validFrom: string|null, validUntil: string|null, papers: Uint8Array[], reason: string|null,
 *   schema: string, identifier: Uint8Array, disputed: number[], disputedUntil: string|null, disputedPapers: Uint8Array[],
 *   statusDisputed: boolean}} Certificate
 */

const MAX_RECORDS = 1_000;
const MAX_FILE_BYTES = 3_000_000;

/**
 * Read a proof file. Throws FormatError, or CannotTellError for a version or form that is not known here.
 * @param {Uint8Array} data
 * @returns {CertificateProof}
 */
export function parseCertificateProof(data) {
  const value = decode(data, { maxBytes: MAX_FILE_BYTES });
  if (!Array.isArray(value) || !value.length) {
    throw new FormatError("certificate-proof.shape", "a certificate's proof is an array");
  }
  if (value[0] !== 2) {
    throw new CannotTellError("certificate-proof.version", "this proof's version is not known here");
  }
  const [, receipt, records, keys, claims] = value;
  if (value.length !== 5 || typeof receipt !== "string" || !Array.isArray(records) || !Array.isArray(keys)) {
    throw new FormatError("certificate-proof.shape", "a proof holds a receipt's text, records, keys' rows, and claims");
  }
  if (records.length < 1 || records.length > MAX_RECORDS || keys.length > MAX_RECORDS) {
    throw new FormatError("certificate-proof.shape", `a proof lists 1 to ${MAX_RECORDS} records, and at most as many keys' rows`);
  }
  return {
    receipt,
    records: records.map(parseSubjectRecord),
    keys: keys.map(parseStateProof),
    claims: claims === null ? null : parseClaims(claims),
  };
}

/**
 * @param {any} value
 * @returns {SubjectRecord}
 */
function parseSubjectRecord(value) {
  if (!Array.isArray(value) || value.length !== 4 || !isBytes(value[0]) || !isCount(value[1]) || !isBytes(value[2])) {
    throw new FormatError("certificate-proof.shape", "a record in a proof is [entry body, record index, record, place]");
  }
  checkRecordSize(value[2]);
  return { entryBody: value[0], recordIndex: value[1], record: value[2], place: value[3] === null ? null : parsePlace(value[3]) };
}

/** @param {any} value */
const isCount = (value) => typeof value === "number" && value >= 0;

/** @param {any} value */
const isPath = (value) => Array.isArray(value) && value.length <= MAX_PATH && value.every(isHash);

/**
 * @param {any} value
 * @returns {LogPlace}
 */
function parsePlace(value) {
  const [signature, index, path, headerLeaf, headerIndex, headerPath] = Array.isArray(value) && value.length === 6 ? value : [];
  if (!isBytes(signature) || signature.length !== 64 || !isCount(index) || !isPath(path) || !isBytes(headerLeaf) || !isCount(headerIndex) || !isPath(headerPath)) {
    throw new FormatError("certificate-proof.shape", "a place is [signature, index, path, header leaf, index, path]");
  }
  return { signature, index: BigInt(index), path, headerLeaf, headerIndex: BigInt(headerIndex), headerPath };
}

/**
 * Check that records are all of a subject's, in order, and `keys` the rows of their authors' keys. Throws VerificationError
 * (`certificate.records`, `certificate.keys`, `certificate.place`, `proof.*`, `state-proof.*`), or what the reading of a record, body or row throws.
 * @param {VerifiedReceipt} proved one of the subject's receipts
 * @param {SubjectRecord[]} records
 * @param {StateProof[]} keys
 * @returns {Promise<AuthoredRecord[]>}
 */
export async function verifyRecords({ authorKey, checked, standing }, records, keys) {
  if (standing === null) throw new CannotTellError("receipt.no-state", "the receipt does not say what was recorded of its subject");
  await checkHistory(standing.subject, records);
  const authors = records.map((item) => parseEntryBody(item.entryBody).authorKey);
  const rows = new Map([[toHex(authorKey), standing.key]]);
  const others = [...new Map(authors.map((key) => [toHex(key), key]))].filter(([name]) => !rows.has(name));
  if (others.length !== keys.length) {
    throw new VerificationError("certificate.keys", `${others.length} keys beside the receipt's signed records of it, and rows of ${keys.length} are here`);
  }
  for (const [at, [name, key]] of others.entries()) rows.set(name, await keyRow(standing.header.stateRoot, key, keys[at]));
  /** @type {number[]} */
  const times = [];
  for (const [number, item] of records.entries()) {
    times.push(item.place ? await timeOf(item.place, item.entryBody, checked.checkpoint) : latestMs(standing.subject, number === 0));
  }
  const found = [];
  for (const [number, item] of records.entries()) {
    found.push({
      record: await knownRecord(item.record),
      authorKey: authors[number],
      disputed: isDisputed(/** @type {KeyRow} */ (rows.get(toHex(authors[number]))), times[number]),
    });
  }
  return found;
}

/**
 * @param {SubjectRow} row
 * @param {SubjectRecord[]} records
 */
async function checkHistory(row, records) {
  if (records.length !== row.count) {
    throw new VerificationError("certificate.records", `the subject has ${row.count} records and ${records.length} are here`);
  }
  const leaves = records.map(async (item) => historyLeaf(await entryId({ bytes: item.entryBody }), item.recordIndex, await leafHash(item.record)));
  if (!equal(await rootOfHashes(await Promise.all(leaves)), row.root)) {
    throw new VerificationError("certificate.records", "these are not the subject's records in order");
  }
}

/**
 * Chain time of an entry's block.
 * @param {LogPlace} place
 * @param {Uint8Array} entryBody
 * @param {{size: bigint, root: Uint8Array}} checkpoint
 */
async function timeOf({ signature, index, path, headerLeaf, headerIndex, headerPath }, entryBody, { size, root }) {
  await verifyInclusion(await leafHash(entryLeaf(entryBody, signature)), index, size, path, root);
  await verifyInclusion(await leafHash(headerLeaf), headerIndex, size, headerPath, root);
  const header = parseHeaderLeaf(headerLeaf);
  if (header.index !== headerIndex || index < header.firstIndex || index >= headerIndex) {
    throw new VerificationError("certificate.place", "the entry is not in the block that is shown with it");
  }
  return header.timeMs;
}

/**
 * @param {Uint8Array} stateRoot
 * @param {Uint8Array} key
 * @param {StateProof} proof
 */
async function keyRow(stateRoot, key, proof) {
  if (proof.value === null) throw new VerificationError("certificate.keys", "a key that signed a record has no row in the state");
  await verifyMembership(stateRoot, keyKey(key), proof.value, proof);
  return parseKeyRow(proof.value);
}

/**
 * What the records of a certificate, in order, say together. Throws VerificationError (`certificate.records`).
 * @param {LedgerRecord[]} records
 * @param {boolean} complete whether they are all
 * @param {number[]} [disputed] which of them are, from 0
 * @returns {Certificate}
 */
export function certificateOf(records, complete, disputed = []) {
  if (!records.length || records[0].type !== "cert.issue/1") {
    throw new VerificationError("certificate.records", "the first record of a certificate is its issue");
  }
  const issue = records[0];
  let validUntil = issue.body.get("valid_until") ?? null;
  let latest = validUntil;
  /** @type {Uint8Array[]} */
  const papers = [];
  /** @type {Uint8Array[]} */
  const disputedPapers = [];
  /** @type {string|null} */
  let reason = null;
  let reinstatement = 0;
  // Records of other families that concern the certificate change none of these.
  for (const [number, { type, body }] of records.entries()) {
    const isSound = !disputed.includes(number);
    if (type === "cert.renew/1") {
      latest = body.get("valid_until");
      if (isSound) validUntil = latest;
    }
    if (type === "cert.paper/1") (isSound ? papers : disputedPapers).push(body.get("hash"));
    if (type === "cert.suspend/1" || type === "cert.revoke/1") reason = body.get("reason");
    if (type === "cert.reinstate/1") [reason, reinstatement] = [null, number];
  }
  return {
    issue,
    complete,
    validFrom: issue.body.get("valid_from") ?? null,
    validUntil,
    papers,
    reason,
    schema: issue.body.get("schema"),
    identifier: issue.body.get("certificate"),
    disputed,
    disputedUntil: latest === validUntil ? null : latest,
    disputedPapers: disputedPapers.filter((hash) => !papers.some((paper) => equal(paper, hash))),
    statusDisputed: disputed.includes(0) || disputed.includes(reinstatement),
  };
}
