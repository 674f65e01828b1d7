/**
 * The proof file of a certificate: what its holder shows (docs/spec.md, "Proof of a certificate").
 *
 * Rules: a `.sogoc-proof` is `[1, receipt, [[entry_id, record_index, record], …], claims | nil]`. The list holds every record of the
 * certificate, in order: the state proof in the receipt shows root and count of its history, and the list is that or is refused.
 */

import { equal, isBytes, isHash } from "./bytes.js";
import { parseClaims } from "./claims.js";
import { CannotTellError, FormatError, VerificationError } from "./errors.js";
import { leafHash } from "./hash.js";
import { rootOfHashes } from "./merkle.js";
import { decode } from "./msgpack.js";
import { knownRecord } from "./receipt.js";
import { checkRecordSize } from "./records.js";
import { historyLeaf } from "./rows.js";

/** @typedef {import("./claims.js").Claims} Claims */
/** @typedef {import("./records.js").LedgerRecord} LedgerRecord */
/** @typedef {import("./rows.js").SubjectRow} SubjectRow */
/** @typedef {{entryId: Uint8Array, recordIndex: number, record: Uint8Array}} SubjectRecord */
/** @typedef {{receipt: string, records: SubjectRecord[], claims: Claims|null}} CertificateProof */
/**
 * What the records of a certificate say together. `complete`: all of them are known, and so are its last day, papers (SHA-256 of the signed
 * files) and the reason for which it is suspended or revoked.
 * @typedef {{issue: LedgerRecord, complete: boolean, validFrom: string|null, validUntil: string|null, papers: Uint8Array[], reason: string|null,
 *   schema: string, identifier: Uint8Array}} Certificate
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
  if (value[0] !== 1) {
    throw new CannotTellError("certificate-proof.version", "this proof's version is not known here");
  }
  const [, receipt, records, claims] = value;
  if (value.length !== 4 || typeof receipt !== "string" || !Array.isArray(records) || records.length < 1 || records.length > MAX_RECORDS) {
    throw new FormatError("certificate-proof.shape", `a proof holds a receipt's text, 1 to ${MAX_RECORDS} records, and claims`);
  }
  return { receipt, records: records.map(parseSubjectRecord), claims: claims === null ? null : parseClaims(claims) };
}

/**
 * @param {any} value
 * @returns {SubjectRecord}
 */
function parseSubjectRecord(value) {
  if (!Array.isArray(value) || value.length !== 3 || !isHash(value[0]) || typeof value[1] !== "number" || value[1] < 0 || !isBytes(value[2])) {
    throw new FormatError("certificate-proof.shape", "a record in a proof is [entry id, record index, record]");
  }
  checkRecordSize(value[2]);
  return { entryId: value[0], recordIndex: value[1], record: value[2] };
}

/**
 * Check that records are all of a subject's, in order, against its row. Throws VerificationError (`certificate.records`).
 * @param {SubjectRow} row
 * @param {SubjectRecord[]} records
 * @returns {Promise<LedgerRecord[]>}
 */
export async function verifyRecords(row, records) {
  if (records.length !== row.count) {
    throw new VerificationError("certificate.records", `the subject has ${row.count} records and ${records.length} are here`);
  }
  const leaves = records.map(async (item) => historyLeaf(item.entryId, item.recordIndex, await leafHash(item.record)));
  if (!equal(await rootOfHashes(await Promise.all(leaves)), row.root)) {
    throw new VerificationError("certificate.records", "these are not the subject's records in order");
  }
  return records.map((item) => knownRecord(item.record));
}

/**
 * What the records of a certificate, in order, say together. Throws VerificationError (`certificate.records`).
 * @param {LedgerRecord[]} records
 * @param {boolean} complete whether they are all
 * @returns {Certificate}
 */
export function certificateOf(records, complete) {
  if (!records.length || records[0].type !== "cert.issue/1") {
    throw new VerificationError("certificate.records", "the first record of a certificate is its issue");
  }
  const [issue, ...later] = records;
  let validUntil = issue.body.get("valid_until") ?? null;
  /** @type {Uint8Array[]} */
  const papers = [];
  /** @type {string|null} */
  let reason = null;
  // Records of other families that concern the certificate change none of these.
  for (const { type, body } of later) {
    if (type === "cert.renew/1") validUntil = body.get("valid_until");
    if (type === "cert.paper/1") papers.push(body.get("hash"));
    if (type === "cert.suspend/1" || type === "cert.revoke/1") reason = body.get("reason");
    if (type === "cert.reinstate/1") reason = null;
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
  };
}
