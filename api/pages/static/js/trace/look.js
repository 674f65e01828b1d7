/**
 * From a label to one verdict: what the node tells at once, and what this device has checked of it.
 *
 * Rules: "registered" rests on histories that passed the kept policy, and on nothing that the server says by itself. A recall is told as soon as
 * anybody tells of it. An outage, an unreadable, an old or a missing answer is "could not be checked"; an answer that contradicts the records is
 * a false answer, which says nothing about the goods. No history at all is neither.
 *
 * What this module does not do: show anything.
 */

import { LedgerError, VerificationError, judgeReceipt, toHex } from "../../verify/index.js";
import { ask, askJson } from "../ask.js";
import { missing, own, policy } from "../trust.js";
import { alarm, newestSeen, observe } from "../watch.js";
import { MAX_PROOF_BYTES, verifyTrace } from "./proof.js";

/** A node cosigns every ten minutes. */
const FRESH_MS = 2 * 3_600_000;
/** A clock may be wrong by so much before a time lies in the future. */
const CLOCK_MS = 10 * 60_000;
const WAIT_MS = 30_000;
const MAX_PARTS = 200;
const HISTORY_BYTES = 8_000_000;

/**
 * `verdict`: registered, recalled, recalled-upstream, expired, absent (proven that nothing is recorded), unknown, bad. `todo`: a key of words. `trace`
 * is what was checked, null if nothing was; `proof` its bytes.
 * @typedef {{verdict: string, rule: string, reason: string, todo: string|null, trace: import("./proof.js").ProvenTrace|null, proof: Uint8Array|null, told: any,
 *   item: string, maker: {id: string, name: string}|null, own: {origin: string, fingerprint: string}|null, isFirst: boolean}} Outcome
 */

/** @type {Record<string, string>} */
const TODO = {
  "browser.insecure": "todo.no-secure",
  "browser.no-ed25519": "todo.no-crypto",
  "browser.cofactored": "todo.no-crypto",
  "policy.no-log-signature": "todo.policy",
  "policy.quorum-missing": "todo.policy",
  "trace.version": "todo.version",
  "history.version": "todo.version",
  "record.type": "todo.version",
  "trace.too-large": "tr.todo.too-large",
  "trace.outage": "tr.todo.offline",
  "browser.part-missing": "tr.todo.offline",
  "trace.stale": "todo.stale",
  "trace.future": "todo.future",
  "trace.fork": "todo.fork",
};

/** @param {string} item */
const proofPath = (item, direction = "back", depth = 16) => `/v1/trace/${item}?direction=${direction}&depth=${depth}`;

/**
 * Bytes of the node as `application/msgpack`.
 * @param {string} path
 * @param {number} most
 * @param {AbortSignal} [signal]
 * @returns {Promise<Uint8Array|"outage"|"too-large"|"refused">}
 */
export async function askPacked(path, most, signal) {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), WAIT_MS);
  const stop = () => control.abort();
  signal?.addEventListener("abort", stop);
  try {
    const answer = await fetch(path, {
      headers: { accept: "application/msgpack" }, cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer", signal: control.signal,
    });
    if (answer.status === 422) return "too-large";
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) return "refused";
    if (answer.status !== 200 || !answer.body) return "outage";
    // Counted as it comes: what announces no length has none.
    const chunks = [];
    let size = 0;
    const reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > most) {
        await reader.cancel();
        return "too-large";
      }
      chunks.push(value);
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  } catch {
    return "outage";
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/**
 * All parts of a thing's history.
 * @param {string} item
 * @returns {Promise<Uint8Array[]|null>}
 */
async function historyOf(item) {
  const path = `/v1/subjects/thing/*/${item}/history`;
  const described = await askJson(path);
  if (described.kind !== "ok") return null;
  const parts = [];
  for (let first = 0; parts.length < MAX_PARTS; first += described.value.items.length) {
    const bytes = await askPacked(`${path}?from=${first}`, HISTORY_BYTES);
    if (typeof bytes === "string" || !Array.isArray(described.value.items)) return null;
    parts.push(bytes);
    if (described.value.next === null || !described.value.items.length) return parts;
  }
  return null;
}

/**
 * Look a thing up and check it.
 * @param {string} item
 * @param {{ontold?: (told: any) => void, onprogress?: (done: number, all: number) => void, nowMs?: () => number, direction?: string, depth?: number, signal?: AbortSignal}} [desk]
 * @returns {Promise<Outcome>}
 */
export async function lookUp(item, { ontold = () => {}, onprogress = () => {}, nowMs = Date.now, direction = "back", depth = 16, signal } = {}) {
  /** @type {Outcome} */
  const outcome = { verdict: "unknown", rule: "trace.outage", reason: "", todo: "tr.todo.offline", trace: null, proof: null, told: null, item, maker: null, own: await own(), isFirst: false };
  const cannot = (/** @type {string} */ rule, reason = "") => ({ ...outcome, rule, reason, todo: TODO[rule] ?? "todo.garbage" });
  const described = await askJson(proofPath(item, direction, depth));
  if (described.kind === "ok" && isTold(described.value, item)) ontold((outcome.told = described.value));
  const lack = await missing();
  if (lack !== null) return cannot(lack);
  const held = await policy();
  if (held === null) return cannot("trace.outage");
  outcome.isFirst = held.isFirst;
  const origin = held.policy.origin;
  // What this device had seen before it asked: a proof of less than that is old.
  const seen = newestSeen(origin);
  const bytes = await askPacked(proofPath(item, direction, depth), MAX_PROOF_BYTES, signal);
  if (bytes === "outage" || bytes === "refused") return cannot("trace.outage");
  if (bytes === "too-large") return cannot("trace.too-large");
  try {
    const trace = await verifyTrace(bytes, item, held.policy.text, { direction, depth, onprogress, signal, more: historyOf });
    await observe(trace.checkpointText, held.policy.text);
    const maker = await makerOf(trace, held.policy.text, nowMs());
    return judged({ ...outcome, trace, maker, proof: bytes, rule: "trace.checked", todo: null }, seen, nowMs(), cannot);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    const isFalse = error instanceof VerificationError;
    return { ...cannot(error.rule, error.detail), verdict: isFalse ? "bad" : "unknown", todo: isFalse ? "tr.todo.bad" : (TODO[error.rule] ?? "todo.garbage") };
  }
}

/**
 * The name of whoever made the lot, out of a receipt that proves it; null if it cannot be had.
 * @param {import("./proof.js").ProvenTrace} trace
 * @param {string} policyText
 * @param {number} nowMs
 */
async function makerOf(trace, policyText, nowMs) {
  const [lot] = trace.lots;
  if (!lot) return null;
  const receipt = await ask(`/v1/records/${lot.id}/receipt`);
  if (receipt.kind !== "ok") return null;
  const { proved, issuer } = await judgeReceipt(receipt.text, policyText, { nowMs }).catch(() => ({ proved: null, issuer: null }));
  return proved && toHex(proved.recordId) === lot.id && issuer ? { id: lot.by, name: String(issuer.name) } : null;
}

/**
 * @param {Outcome} outcome
 * @param {{size: string}|null} seen
 * @param {number} now
 * @param {(rule: string, reason?: string) => Outcome} cannot
 * @returns {Outcome}
 */
function judged(outcome, seen, now, cannot) {
  const { trace } = outcome;
  if (!trace) return outcome;
  const { statusAsOfS, checkpoint } = trace.checked;
  const asOf = statusAsOfS === null ? null : Number(statusAsOfS) * 1000;
  if (trace.status === "recalled" || trace.status === "recalled-upstream") {
    return { ...outcome, verdict: trace.status, rule: `trace.${trace.status}`, todo: "tr.todo.recalled" };
  }
  const doubt = alarm() ? "trace.fork" : asOf !== null && asOf > now + CLOCK_MS ? "trace.future"
    : (asOf !== null && asOf < now - FRESH_MS) || (seen !== null && checkpoint.size < BigInt(seen.size)) ? "trace.stale" : null;
  if (doubt) return { ...cannot(doubt), trace, maker: outcome.maker, proof: outcome.proof };
  if (trace.status === "unknown") return { ...outcome, verdict: "absent", rule: "trace.absent", todo: "tr.todo.absent" };
  const last = expiry(trace);
  if (last !== null && dayOf(now) > last) return { ...outcome, verdict: "expired", rule: "trace.expired", todo: "tr.todo.expired" };
  return { ...outcome, verdict: "registered", rule: "trace.registered" };
}

/** The last day of a lot, as those who made it say; null if not said. @param {import("./proof.js").ProvenTrace} trace */
export function expiry(trace) {
  const days = trace.lots.map((lot) => lot.body.get("expires")).filter((day) => typeof day === "string");
  return days.sort()[0] ?? null;
}

/** The day in Vietnam. @param {number} ms */
function dayOf(ms) {
  return new Date(ms + 7 * 3_600_000).toISOString().slice(0, 10);
}

/** @param {any} value @param {string} item */
function isTold(value, item) {
  return value?.item === item && Array.isArray(value.nodes) && Array.isArray(value.links);
}
