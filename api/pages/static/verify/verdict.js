/**
 * The verdicts, and how they follow from a receipt (docs/spec.md §11).
 *
 * Rules: there are four, never two: showing an outage, a missing proof, a withdrawal or an expiry as a forgery is a false alarm, and
 * whatever cannot be judged is "cannot tell". A verdict holds for the time at which the checkpoint's quorum last vouched for it; how
 * old is too old is shown, not decided here. A status that ended something is told before a dispute over the author's key, which
 * `proved.standing.disputed` has in any case. Days of a certificate are judged at `nowMs`, which the caller passes in; a last day
 * that is over makes it "expired" only if it is proved that nothing renewed it. The first day stands in the issue alone.
 *
 * Not here: words for people. `rule` says which case it is, with `sinceMs`, `issuer`, `certificate`, `claims` beside it.
 */

import { equal } from "./bytes.js";
import { verifyClaims } from "./claims.js";
import { certificateOf, parseCertificateProof, verifyRecords } from "./disclosure.js";
import { CannotTellError, FormatError, VerificationError } from "./errors.js";
import { verify } from "./receipt.js";
import { CERTIFICATE, DOCUMENT } from "./records.js";

/** @typedef {import("./claims.js").Claim} Claim */
/** @typedef {import("./claims.js").Claims} Claims */
/** @typedef {import("./disclosure.js").Certificate} Certificate */
/** @typedef {import("./disclosure.js").CertificateProof} CertificateProof */
/** @typedef {import("./disclosure.js").SubjectRecord} SubjectRecord */
/** @typedef {import("./policy.js").Trust} Policy */
/** @typedef {import("./receipt.js").VerifiedReceipt} VerifiedReceipt */
/** @typedef {import("./state.js").StateProof} StateProof */
/** @typedef {"in-force"|"no-longer-in-force"|"does-not-match"|"cannot-tell"} Verdict */
/**
 * The authority a record speaks for; once it has ended, when, and the names of those that have succeeded it and exist, nearest first.
 * @typedef {{identifier: string, name: string, endedMs: number|null, successors: string[]}} Issuer
 */
/**
 * A verdict, the rule and reason behind it, and what was proved where something was. `sinceMs`: since when a thing is no longer in
 * force, or from when on it will be.
 * @typedef {{verdict: Verdict, rule: string, reason: string, proved: VerifiedReceipt|null, sinceMs: number|null, issuer: Issuer|null,
 *   certificate: Certificate|null, claims: Claim[]}} Judgement
 */

/** Statuses beside `in-force` that ended nothing: what the record says was done, and stays done. */
const DONE = new Set(["erased", "executed", "logged"]);

/** Records of a certificate that was suspended and reinstated: its issue and these two, at least. */
const REINSTATED_COUNT = 3;

const DAY_MS = 86_400_000;
const VIETNAM_MS = 7 * 3_600_000;

/**
 * The instant at which a day `YYYY-MM-DD` of Vietnam begins, milliseconds since the epoch.
 * @param {string} day
 */
const firstMs = (day) => Date.parse(`${day}T00:00:00Z`) - VIETNAM_MS;

/**
 * @param {Verdict} verdict
 * @param {string} rule
 * @param {string} reason
 * @param {VerifiedReceipt|null} [proved]
 * @param {number|null} [sinceMs]
 * @returns {Judgement}
 */
function judgement(verdict, rule, reason, proved = null, sinceMs = null) {
  return { verdict, rule, reason, proved, sinceMs, issuer: issuerOf(proved), certificate: null, claims: [] };
}

/**
 * What a failure means: cannot tell, unless it is shown to be wrong.
 * @param {unknown} error
 * @param {string} what of what kind the thing is that could not be read
 * @param {VerifiedReceipt|null} [proved]
 * @returns {Judgement}
 */
function failed(error, what, proved = null) {
  if (error instanceof CannotTellError) return judgement("cannot-tell", error.rule, error.detail, proved);
  if (error instanceof FormatError) return judgement("cannot-tell", error.rule, `${what} that can be read: ${error.detail}`, proved);
  if (error instanceof VerificationError) return judgement("does-not-match", error.rule, error.detail, proved);
  throw error;
}

/**
 * Who issued, and who succeeds, as the receipt's state part has them.
 * @param {VerifiedReceipt|null} proved
 * @returns {Issuer|null}
 */
function issuerOf(proved) {
  const standing = proved?.standing;
  const row = standing?.members.get(proved?.record.authority ?? "");
  if (!proved || !standing || !row) return null;
  const identifier = proved.record.authority;
  const hasEnded = (/** @type {{endedMs: number|null}} */ member) => member.endedMs !== null && standing.header.timeMs >= member.endedMs;
  if (!hasEnded(row)) return { identifier, name: row.name, endedMs: null, successors: [] };
  const successors = [...standing.members].filter(([name, member]) => name !== identifier && !hasEnded(member));
  return { identifier, name: row.name, endedMs: row.endedMs, successors: successors.map(([, member]) => member.name) };
}

/**
 * @param {string|Uint8Array} text
 * @param {Policy} policy
 * @returns {Promise<Judgement>}
 */
async function judgeStatus(text, policy) {
  /** @type {VerifiedReceipt} */
  let proved;
  try {
    proved = await verify(text, policy);
  } catch (error) {
    return failed(error, "this is not a receipt");
  }
  return statusOf(proved, proved.standing?.disputed ?? false);
}

/**
 * @param {VerifiedReceipt} proved
 * @param {boolean} disputed whether what the status rests on is
 * @returns {Judgement}
 */
function statusOf(proved, disputed) {
  const { standing } = proved;
  if (standing === null) {
    return judgement("cannot-tell", "receipt.no-state", "recorded for certain, but the receipt does not say whether it is in force", proved);
  }
  const { status, changedMs } = standing.subject;
  if (status !== "in-force" && !DONE.has(status)) {
    return judgement("no-longer-in-force", `status.${status}`, `the ledger has it as ${status}`, proved, changedMs);
  }
  if (disputed) {
    return judgement("cannot-tell", "key.disputed", "the signing key was revoked, and what it did at that time is disputed", proved);
  }
  if (DONE.has(status)) return judgement("in-force", `status.${status}`, `recorded for good, as ${status}`, proved);
  return judgement("in-force", "status.in-force", "recorded, and in force at the time of the checkpoint", proved);
}

/**
 * The verdict on a receipt by itself, whatever its record is about.
 * @param {string|Uint8Array} text
 * @param {Policy} policy
 * @param {number|null} nowMs the reader's clock
 * @returns {Promise<Judgement>}
 */
export async function judgeReceipt(text, policy, nowMs) {
  const judged = await judgeStatus(text, policy);
  const { proved } = judged;
  if (!proved?.standing || proved.subject.kind !== CERTIFICATE) return judged;
  if (proved.record.type === "cert.issue/1") {
    return withoutRecords(judgeDays({ ...judged, certificate: certificateOf([proved.record], isAlone(proved)) }, nowMs));
  }
  if (judged.verdict !== "in-force") return judged;
  const reason = "the receipt does not say on which days the certificate is good: get the certificate's proof";
  return { ...judged, verdict: "cannot-tell", rule: "certificate.days-unknown", reason };
}

/**
 * Whether it is proved that nothing else was recorded of the subject.
 * @param {VerifiedReceipt} proved
 */
function isAlone({ standing }) {
  return standing !== null && standing.isFirst && standing.subject.count === 1;
}

/**
 * Refine "in force" by what a certificate's issue does not show: that nobody disputes what brought it back.
 * @param {Judgement} judged
 * @returns {Judgement}
 */
function withoutRecords(judged) {
  const count = judged.proved?.standing?.subject.count ?? 0;
  if (judged.verdict !== "in-force" || count < REINSTATED_COUNT) return judged;
  const reason = `the certificate has ${count} records: whether it was suspended, and who reinstated it, stands in its proof`;
  return { ...judged, verdict: "cannot-tell", rule: "certificate.reinstatement-unknown", reason };
}

/** Records that name a file by its hash, which is a paper of what they are about. */
const PAPERS = new Set(["cert.paper/1", "doc.paper/1"]);

/**
 * The verdict on a file, by its SHA-256 and, for whoever has the salt, its salted commitment.
 * @param {Uint8Array|null} hash
 * @param {string|Uint8Array} text
 * @param {Policy} policy
 * @param {Uint8Array|null} commitment
 * @param {number|null} nowMs
 * @returns {Promise<Judgement>}
 */
export async function judgeDocument(hash, text, policy, commitment, nowMs) {
  const judged = await judgeReceipt(text, policy, nowMs);
  const { proved } = judged;
  if (proved === null) return judged;
  const { body, type } = proved.record;
  const isPaper = PAPERS.has(type);
  if (!isPaper && proved.subject.kind !== DOCUMENT) {
    return judgement("cannot-tell", "receipt.other-kind", "the receipt is not one for a document", proved);
  }
  const anchored = isPaper ? body.get("hash") : proved.subject.identifier;
  // A record that came later names the document, and does not say whether it does so by hash or by commitment.
  const byHash = isPaper || !body.has("commitment");
  const byCommitment = !isPaper && !body.has("hash");
  if (byHash && isAmong(hash, [anchored])) return judged;
  if (byCommitment && commitment !== null && equal(anchored, commitment)) return judged;
  if (byCommitment && commitment === null) {
    const missing = "the document was anchored privately, or may have been: its salt is needed";
    return judgement("cannot-tell", "document.salt-missing", missing, proved);
  }
  return judgement("does-not-match", "document.hash", "the file is not the one that was anchored: its content differs", proved);
}

/**
 * The verdict on a certificate by its proof file and, if it is given, the SHA-256 of its paper.
 * @param {Uint8Array} data
 * @param {Policy} policy
 * @param {number|null} nowMs
 * @param {Uint8Array|null} fileHash
 * @returns {Promise<Judgement>}
 */
export async function judgeProof(data, policy, nowMs, fileHash) {
  /** @type {CertificateProof} */
  let proof;
  try {
    proof = parseCertificateProof(data);
  } catch (error) {
    return failed(error, "this is not a proof");
  }
  return judgeCertificate(proof.claims, proof.receipt, policy, { nowMs, records: proof.records, keys: proof.keys, fileHash });
}

/**
 * The verdict on a certificate: its claims, or those that are shown, its status and its days. `records` are all of its records, and `keys`
 * the rows of their authors' keys but the receipt's; or none if they are not at hand.
 * @param {Claims|null} claims
 * @param {string|Uint8Array} text
 * @param {Policy} policy
 * @param {{nowMs: number|null, records?: SubjectRecord[], keys?: StateProof[], fileHash?: Uint8Array|null}} options
 * @returns {Promise<Judgement>}
 */
export async function judgeCertificate(claims, text, policy, { nowMs, records = [], keys = [], fileHash = null }) {
  const judged = await judgeStatus(text, policy);
  const { proved } = judged;
  if (proved === null) return judged;
  if (proved.subject.kind !== CERTIFICATE) {
    return judgement("cannot-tell", "receipt.other-kind", "the receipt is not one for a certificate", proved);
  }
  try {
    const certificate = await certificateFrom(proved, records, keys);
    if (certificate === null) {
      if (claims === null && fileHash === null) return judgeReceipt(text, policy, nowMs);
      const reason = "the receipt is not that of the issue, and the certificate's records are not with it: get its proof";
      return { ...judged, verdict: "cannot-tell", rule: "certificate.records-missing", reason };
    }
    if (claims !== null) {
      const { body } = certificate.issue;
      await verifyClaims(claims, body.get("claims_root"), body.get("claims_count"));
    }
    checkPaper(certificate, fileHash);
    // Whose receipt came with the records does not matter: who signed what the status rests on is known.
    const isDisputed = certificate.statusDisputed || isAmong(fileHash, certificate.disputedPapers);
    const standing = records.length && proved.standing !== null ? statusOf(proved, isDisputed) : judged;
    const verdict = judgeDays({ ...standing, certificate, claims: claims?.shown ?? [] }, nowMs);
    return records.length ? verdict : withoutRecords(verdict);
  } catch (error) {
    return failed(error, "a record in it is none", proved);
  }
}

/**
 * What is proved of a certificate; null if its issue is not at hand.
 * @param {VerifiedReceipt} proved
 * @param {SubjectRecord[]} records
 * @param {StateProof[]} keys
 */
async function certificateFrom(proved, records, keys) {
  if (records.length && proved.standing !== null) {
    const known = await verifyRecords(proved, records, keys);
    const disputed = known.flatMap((one, number) => (one.disputed ? [number] : []));
    return certificateOf(known.map((one) => one.record), true, disputed);
  }
  return proved.record.type === "cert.issue/1" ? certificateOf([proved.record], isAlone(proved)) : null;
}

/**
 * @param {Uint8Array|null} hash
 * @param {Uint8Array[]} hashes
 */
function isAmong(hash, hashes) {
  return hash !== null && hashes.some((one) => equal(one, hash));
}

/**
 * @param {Certificate} certificate
 * @param {Uint8Array|null} fileHash
 */
function checkPaper(certificate, fileHash) {
  if (fileHash === null || isAmong(fileHash, [...certificate.papers, ...certificate.disputedPapers])) return;
  if (!certificate.complete) {
    throw new CannotTellError("certificate.papers-unknown", "which file is the certificate's paper stands in records that are not here");
  }
  if (!certificate.papers.length) {
    throw new CannotTellError("certificate.no-paper", "the issuer has not stated which file is the certificate's paper");
  }
  throw new VerificationError("certificate.paper", "the file is not the certificate's paper: its content differs");
}

/**
 * Refine "in force" by the days of a certificate.
 * @param {Judgement} judged
 * @param {number|null} nowMs
 * @returns {Judgement}
 */
function judgeDays(judged, nowMs) {
  const { certificate } = judged;
  if (certificate === null || judged.verdict !== "in-force") return judged;
  const { validFrom, validUntil } = certificate;
  if (validFrom !== null && nowMs !== null && nowMs < firstMs(validFrom)) {
    const reason = `the certificate is good from ${validFrom} on`;
    return { ...judged, verdict: "no-longer-in-force", rule: "status.not-yet", reason, sinceMs: firstMs(validFrom) };
  }
  if (validUntil !== null) return judgeLastDay(judged, certificate, validUntil, nowMs);
  return validFrom !== null && nowMs === null ? withoutClock(judged) : judged;
}

/**
 * @param {Judgement} judged
 * @returns {Judgement}
 */
function withoutClock(judged) {
  const reason = "the certificate is good on certain days only, and nobody said what day it is";
  return { ...judged, verdict: "cannot-tell", rule: "certificate.time-missing", reason };
}

/**
 * Refine "in force" by a certificate's last day, which is `until` as far as nothing is disputed.
 * @param {Judgement} judged
 * @param {Certificate} certificate
 * @param {string} until
 * @param {number|null} nowMs
 * @returns {Judgement}
 */
function judgeLastDay(judged, { complete, disputedUntil }, until, nowMs) {
  const { proved } = judged;
  if (judged.verdict !== "in-force" || !proved?.standing) return judged;
  if (nowMs === null) return withoutClock(judged);
  if (nowMs < firstMs(until) + DAY_MS) return judged;
  const latest = disputedUntil ?? until;
  const overMs = firstMs(latest) + DAY_MS;
  if (nowMs < overMs) {
    const reason = `the last day was ${until}; a key that was revoked renewed it until ${latest}, which is disputed`;
    return { ...judged, verdict: "cannot-tell", rule: "key.disputed", reason };
  }
  const asOfS = proved.checked.statusAsOfS;
  const asOfMs = asOfS === null ? BigInt(proved.standing.header.timeMs) : asOfS * 1_000n;
  // Complete: it is proved to be the newest last day that the checkpoint knows of.
  if (complete && asOfMs >= BigInt(overMs)) {
    const reason = `the certificate was good until ${latest}, and has not been renewed`;
    return { ...judged, verdict: "no-longer-in-force", rule: "status.expired", reason, sinceMs: overMs };
  }
  const reason = `this proof knows of ${latest} as the last day and cannot show whether it was renewed since: get the newest`;
  return { ...judged, verdict: "cannot-tell", rule: "certificate.renewal-unknown", reason, sinceMs: overMs };
}
