/**
 * The offline code of a paper: a compact receipt in the link itself, which is checked with no network at all.
 *
 * Rules: what it proves is issue and status as of a time; who signed is not in it, so with a network the full receipt of the same
 * record is asked for and takes its place. It is bound to the chain id that was kept together with the policy.
 */

import { CannotTellError, FormatError, LedgerError, VerificationError, fromDigits, fromHex, verifyCompact } from "../verify/index.js";

const DAY_MS = 86_400_000;
const VIETNAM_MS = 7 * 3_600_000;

/** @param {string} day YYYY-MM-DD, which begins at midnight in Vietnam */
const firstMs = (day) => Date.parse(`${day}T00:00:00Z`) - VIETNAM_MS;

/** @param {string} fragment @returns {Uint8Array|null} the bytes of an offline code, or null */
export function compactOf(fragment) {
  const digits = fragment.replace(/^#/, "");
  if (!/^[0-9]{100,}$/.test(digits)) return null;
  try {
    return fromDigits(digits);
  } catch (error) {
    if (error instanceof LedgerError) return null;
    throw error;
  }
}

/**
 * The verdict on a compact receipt, in the shape of the verifier's own.
 * @param {Uint8Array} data
 * @param {string} policyText
 * @param {string} chainId 64 hexadecimal digits
 * @param {number} nowMs
 */
export async function judgeCompact(data, policyText, chainId, nowMs) {
  const base = { proved: null, sinceMs: null, issuer: null, certificate: null, claims: [] };
  let found;
  try {
    found = await verifyCompact(data, policyText, fromHex(chainId));
  } catch (error) {
    if (error instanceof VerificationError) return { ...base, verdict: "does-not-match", rule: error.rule, reason: error.detail };
    if (error instanceof CannotTellError || error instanceof FormatError) return { ...base, verdict: "cannot-tell", rule: error.rule, reason: error.detail };
    throw error;
  }
  const { record, recordId, subject, status, timeMs, changedMs, count } = found;
  const checkpoint = { origin: found.origin, size: found.size, root: found.root };
  const proved = {
    record, recordId, subject, entryId: null, index: null, recordIndex: null, authorKey: null, claimedMs: null, late: false,
    checked: { checkpoint, cosignatures: found.cosignatures, statusAsOfS: found.statusAsOfS },
    standing: { subject: { status, timeMs, changedMs, count } },
  };
  const body = record.body;
  const certificate = record.type === "cert.issue/1"
    ? { schema: body.get("schema"), validFrom: body.get("valid_from") ?? null, validUntil: body.get("valid_until") ?? null, reason: null }
    : null;
  const issuer = { identifier: record.authority, name: record.authority, endedMs: null, successors: [] };
  const said = { ...base, proved, issuer, certificate, claims: found.claims?.shown ?? [] };
  if (status !== "in-force") return { ...said, verdict: "no-longer-in-force", rule: `status.${status}`, reason: `the ledger has it as ${status}`, sinceMs: changedMs };
  const inForce = { ...said, verdict: "in-force", rule: "status.in-force", reason: "recorded, and in force at the time of the checkpoint" };
  if (certificate?.validFrom && nowMs < firstMs(certificate.validFrom)) {
    return { ...said, verdict: "no-longer-in-force", rule: "status.not-yet", reason: "its first day is still to come", sinceMs: firstMs(certificate.validFrom) };
  }
  if (!certificate?.validUntil || nowMs < firstMs(certificate.validUntil) + DAY_MS) return inForce;
  const overMs = firstMs(certificate.validUntil) + DAY_MS;
  // Only a checkpoint from after the last day shows that nothing renewed it: the first record is then the only one.
  if (count === 1 && Number(found.statusAsOfS) * 1000 >= overMs) {
    return { ...said, verdict: "no-longer-in-force", rule: "status.expired", reason: "its last day is over, and nothing has renewed it", sinceMs: overMs };
  }
  return { ...said, verdict: "cannot-tell", rule: "certificate.renewal-unknown", reason: "it may have been renewed since", sinceMs: overMs };
}
