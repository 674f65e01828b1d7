/**
 * From what a person has in hand (a file, a receipt, a code) to one verdict.
 *
 * Rules: every "valid" rests on a receipt that the verifier passed under the kept policy; what the server says by itself decides
 * nothing. An outage, an unreadable or an old answer is "could not be checked", never a forgery; an answer that is about something
 * else than what was asked for is no evidence either. A file in hand is hashed here, and only its hash is asked about.
 *
 * What this module does not do: show anything.
 */

import { LedgerError, decode, hashFile, judgeDocument, judgeProof, judgeReceipt, toHex } from "../verify/index.js";
import { ask, askBytes, askJson } from "./ask.js";
import { isCodeOf, readCode } from "./code.js";
import { judgeCompact } from "./offline.js";
import { missing, own, policy } from "./trust.js";
import { alarm, newestSeen, observe } from "./watch.js";

/** A node cosigns every ten minutes; an answer fetched just now that is older than this is not the newest. */
const FRESH_MS = 2 * 3_600_000;
/** A clock may be wrong by so much before a time lies in the future. */
const CLOCK_MS = 10 * 60_000;
const MAX_PROOF_BYTES = 3_000_000;
/** So many records about one file are fetched and checked. */
const MAX_ASKED = 20;
const HEX = /^[0-9a-f]{64}$/;

/**
 * `verdict`: in-force, ended, bad, unknown. `word`, `sub`, `todo`, `notes`: keys of words. `newest`: whether the status is the newest that the
 * ledger has, was not asked for (null), or could not be had. `others`: what else is recorded of the same, each by its authority. `own`: the
 * policy that was checked by, if the person took it out of a file.
 * @typedef {{verdict: "in-force"|"ended"|"bad"|"unknown", word: string, sub: string, todo: string|null, rule: string, reason: string,
 *   judgement: any, receipt: string|null, proofFile: Uint8Array|null, fileHash: string|null, fileName: string|null, isMatched: boolean, newest: boolean|null, notes: string[],
 *   asked: string, others: Outcome[], sameLedger: boolean|null, own: {origin: string, fingerprint: string}|null}} Outcome
 */
/** @typedef {{file: File|null, receipt: string|null, proof: Uint8Array|null, salt: Uint8Array|null}} Hand */
/**
 * `looked` ends when the ledger's newest checkpoint has been looked at, so that an older one is known for what it is.
 * @typedef {{text: string, chainId: string|null, isFirst: boolean, looked: Promise<unknown>|null}} Trusted
 */
/** @typedef {{isOnline: boolean, say: (key: string) => void, nowMs?: () => number}} Desk */

/** What the person can do next, by rule: keys of words. @type {Record<string, string>} */
const NEXT_STEP = {
  "document.hash": "todo.bad-file",
  "certificate.paper": "todo.bad-file",
  "document.salt-missing": "todo.salt",
  "receipt.no-state": "todo.no-state",
  "key.disputed": "todo.disputed",
  "policy.no-log-signature": "todo.policy",
  "policy.quorum-missing": "todo.policy",
  "policy.epoch-unknown": "todo.policy",
  "policy.epoch-before": "todo.policy",
  "receipt.version": "todo.version",
  "tlog-proof.version": "todo.version",
  "certificate-proof.version": "todo.version",
  "record.type": "todo.version",
  "browser.insecure": "todo.no-secure",
  "browser.no-ed25519": "todo.no-crypto",
  "browser.cofactored": "todo.no-crypto",
  "browser.file-too-large": "todo.too-large",
  "browser.part-missing": "todo.offline",
  "certificate.days-unknown": "todo.certificate",
  "certificate.renewal-unknown": "todo.certificate",
  "certificate.reinstatement-unknown": "todo.certificate",
  "certificate.records-missing": "todo.certificate",
  "certificate.papers-unknown": "todo.certificate",
  "certificate.no-paper": "todo.no-paper",
  "receipt.other-kind": "todo.other-kind",
};

/**
 * @param {Partial<Outcome> & {todo: string|null, rule: string}} parts
 * @returns {Outcome}
 */
export function unknown(parts) {
  return {
    verdict: "unknown", word: "verdict.unknown", sub: "verdict.unknown.sub", reason: "", judgement: null, receipt: null, proofFile: null, fileHash: null,
    fileName: null, isMatched: false, newest: null, notes: [], asked: "", others: [], sameLedger: null, own: null, ...parts,
  };
}

/**
 * The verdict on what somebody has in hand.
 * @param {Hand} hand
 * @param {Desk} desk
 * @returns {Promise<Outcome>}
 */
export function checkHand(hand, desk) {
  return guarded(desk, async (trusted) => {
    const fileName = hand.file?.name ?? null;
    let fileHash = null;
    if (hand.file) {
      desk.say("busy.hash");
      fileHash = toHex(await hashFile(hand.file));
    }
    const about = { fileHash, fileName, asked: fileHash ?? "" };
    if (hand.proof) return withProof(hand, about, desk, trusted);
    if (hand.receipt) {
      desk.say("busy.receipt");
      return withReceipt(hand, about, desk, trusted);
    }
    if (!fileHash) return unknown({ ...about, todo: "todo.not-receipt", rule: "receipt.none" });
    if (!desk.isOnline) return unknown({ ...about, sub: "file.need", todo: "todo.offline", rule: "receipt.none" });
    return askedByHash(hand, fileHash, about, desk, trusted);
  });
}

/**
 * The verdict on what a lookup code leads to.
 * @param {string} typed
 * @param {Uint8Array|null} salt from the QR code's fragment
 * @param {Desk} desk
 * @returns {Promise<Outcome>}
 */
export function checkCode(typed, salt, desk) {
  const code = readCode(typed);
  const asked = code === null ? null : askJson(`/v1/codes/${encodeURIComponent(code)}`);
  return guarded(desk, async (trusted) => {
    if (code === null || asked === null) return unknown({ asked: typed, todo: "todo.bad-code", rule: "lookup-code.check" });
    desk.say("busy.code");
    const answer = await asked;
    if (answer.kind === "missing") {
      return unknown({ asked: typed, sub: "title.unknown-code", todo: "todo.unknown-code", rule: answer.code });
    }
    if (answer.kind !== "ok") return unanswered(answer.kind, { asked: typed });
    const ids = recordIds(answer.value).filter((id) => isCodeOf(code, id));
    if (!ids.length) return unanswered("garbage", { asked: typed });
    const outcomes = [];
    for (const id of ids) outcomes.push(await askedById(id, { asked: typed }, { file: null, receipt: null, proof: null, salt }, desk, trusted));
    return { ...outcomes[0], others: outcomes.slice(1) };
  });
}

/**
 * The verdict on an offline code; with a network, on the full receipt of the record that it is about.
 * @param {Uint8Array} data
 * @param {Desk} desk
 */
export function checkCompact(data, desk) {
  return guarded(desk, async (trusted) => {
    if (trusted.chainId === null) return unknown({ todo: "policy.none", rule: "policy.chain" });
    const outcome = shaped(await judgeCompact(data, trusted.text, trusted.chainId, now(desk)), {}, false);
    const { proved } = outcome.judgement;
    if (!proved || !desk.isOnline) return outcome;
    const full = await askedById(toHex(proved.recordId), {}, { file: null, receipt: null, proof: null, salt: null }, desk, trusted);
    const isNewer = full.judgement?.proved?.checked.checkpoint.size >= proved.checked.checkpoint.size && full.rule !== "answer.stale";
    return isNewer ? { ...full, notes: [...full.notes, "note.newer"] } : { ...outcome, newest: false, notes: [...outcome.notes, "note.older"] };
  });
}

/**
 * The verdict on a record of this ledger.
 * @param {string} id
 * @param {Desk} desk
 */
export function checkRecord(id, desk) {
  return guarded(desk, (trusted) => askedById(id, { asked: id }, { file: null, receipt: null, proof: null, salt: null }, desk, trusted));
}

/**
 * @param {Desk} desk
 * @param {(trusted: Trusted) => Promise<Outcome>} check
 * @returns {Promise<Outcome>}
 */
async function guarded(desk, check) {
  // Asked for at once, one beside the other: on a slow network each round trip is a seventh of a second.
  const [newestText, asked] = [desk.isOnline ? ask("/checkpoint") : null, policy()];
  const lacking = await missing();
  if (lacking) return unknown({ sub: "title.here", todo: NEXT_STEP[lacking], rule: lacking });
  try {
    const trusted = await asked;
    if (trusted === null) return unknown({ sub: "title.offline", todo: "policy.none", rule: "policy.none" });
    const { text, chainId } = trusted.policy;
    const looked = newestText && newestText.then((answer) => (answer.kind === "ok" ? observe(answer.text, text) : null));
    const outcome = await check({ text, chainId: chainId ?? null, isFirst: trusted.isFirst, looked });
    await looked;
    outcome.own = await own();
    if (outcome.judgement?.proved && trusted.isFirst) outcome.notes.push("note.first");
    if (alarm() && outcome.verdict === "in-force") return demoted(outcome, "todo.fork", "ledger.fork");
    return outcome;
  } catch (error) {
    if (error instanceof LedgerError) return unknown({ todo: NEXT_STEP[error.rule] ?? "todo.not-receipt", rule: error.rule, reason: error.detail });
    console.error(error);
    return unknown({ todo: "todo.failed", rule: "page.failed", reason: String(error) });
  }
}

/**
 * @param {Hand} hand
 * @param {Partial<Outcome>} about
 * @param {Desk} desk
 * @param {Trusted} trusted
 */
async function withReceipt(hand, about, desk, trusted) {
  const outcome = await judged(hand, /** @type {string} */ (hand.receipt), about, desk, trusted);
  if (!outcome.judgement?.proved) return outcome;
  outcome.sameLedger = await lookBack(outcome, desk, trusted);
  if (!desk.isOnline || outcome.verdict === "bad") return outcome;
  await trusted.looked;
  return newest(hand, outcome, about, desk, trusted);
}

/**
 * A receipt in hand may be old: ask the ledger for the newest one of the same record.
 * @param {Hand} hand
 * @param {Outcome} outcome
 * @param {Partial<Outcome>} about
 * @param {Desk} desk
 * @param {Trusted} trusted
 */
async function newest(hand, outcome, about, desk, trusted) {
  const answer = await ask(`/v1/records/${toHex(outcome.judgement.proved.recordId)}/receipt`);
  if (answer.kind === "ok") {
    const fresh = await judged(hand, answer.text, about, desk, trusted);
    const proved = fresh.judgement?.proved;
    const isSame = proved && toHex(proved.recordId) === toHex(outcome.judgement.proved.recordId);
    if (isSame && proved.checked.checkpoint.size >= outcome.judgement.proved.checked.checkpoint.size && !staleness(fresh, desk)) {
      if (proved.subject.kind !== "certificate" || fresh.verdict === "bad") {
        return { ...fresh, sameLedger: await lookBack(fresh, desk, trusted), newest: true, notes: [...fresh.notes, "note.newer"] };
      }
      const whole = await certificateProof(fresh, hand, about, desk, trusted);
      if (whole && !staleness(whole, desk)) return { ...whole, sameLedger: await lookBack(whole, desk, trusted), newest: true, notes: [...whole.notes, "note.newer"] };
    }
  }
  return { ...outcome, newest: false, notes: [...outcome.notes, "note.older"] };
}

/**
 * @param {Hand} hand
 * @param {Partial<Outcome>} about
 * @param {Desk} desk
 * @param {Trusted} trusted
 */
async function withProof(hand, about, desk, trusted) {
  desk.say("busy.receipt");
  const outcome = await judgedProof(hand, /** @type {Uint8Array} */ (hand.proof), about, desk, trusted);
  if (!outcome.judgement.proved) return outcome;
  outcome.sameLedger = await lookBack(outcome, desk, trusted);
  if (!desk.isOnline || outcome.verdict === "bad") return outcome;
  await trusted.looked;
  const fresh = await certificateProof(outcome, hand, about, desk, trusted);
  if (fresh && fresh.judgement.proved.checked.checkpoint.size >= outcome.judgement.proved.checked.checkpoint.size && !staleness(fresh, desk)) {
    // The holder's file shows claims that the ledger does not have.
    fresh.judgement = { ...fresh.judgement, claims: outcome.judgement.claims };
    return { ...fresh, sameLedger: await lookBack(fresh, desk, trusted), newest: true, notes: [...fresh.notes, "note.newer"] };
  }
  return { ...outcome, newest: false, notes: [...outcome.notes, "note.older"] };
}

/**
 * @param {Hand} hand
 * @param {Uint8Array} proof
 * @param {Partial<Outcome>} about
 * @param {Desk} desk
 * @param {Trusted} trusted
 * @returns {Promise<Outcome>}
 */
async function judgedProof(hand, proof, about, desk, trusted) {
  const judgement = await judgeProof(proof, trusted.text, { nowMs: now(desk), file: hand.file ?? undefined });
  const outcome = { ...shaped(judgement, about, hand.file !== null), proofFile: proof };
  if (judgement.proved) outcome.receipt = String(/** @type {any} */ (decode(proof, { maxBytes: MAX_PROOF_BYTES }))[1]);
  return outcome;
}

/**
 * All the records of a certificate, which one receipt does not show: its days, papers, and why it ended.
 * @param {Outcome} outcome of one of its receipts
 * @param {Hand} hand
 * @param {Partial<Outcome>} about
 * @param {Desk} desk
 * @param {Trusted} trusted
 * @returns {Promise<Outcome|null>} null if the server gave no sound proof of this certificate
 */
async function certificateProof(outcome, hand, about, desk, trusted) {
  const { subject } = outcome.judgement.proved;
  const data = await askBytes(`/v1/certificates/${toHex(subject.identifier)}/proof?authority=${encodeURIComponent(subject.authority)}`);
  if (data === null) return null;
  const whole = await judgedProof(hand, data, about, desk, trusted);
  const found = whole.judgement.proved?.subject;
  const isSame = found?.kind === subject.kind && found.authority === subject.authority && toHex(found.identifier) === toHex(subject.identifier);
  return isSame ? whole : null;
}

/**
 * @param {Hand} hand
 * @param {string} fileHash
 * @param {Partial<Outcome>} about
 * @param {Desk} desk
 * @param {Trusted} trusted
 */
async function askedByHash(hand, fileHash, about, desk, trusted) {
  desk.say("busy.ask");
  const answer = await askJson(`/v1/documents/${fileHash}`);
  if (answer.kind === "missing") {
    return unknown({ ...about, sub: "title.unknown-document", todo: "todo.unknown-document", rule: answer.code });
  }
  if (answer.kind !== "ok") return unanswered(answer.kind, about);
  const { ids, isCut } = firstOfEach(answer.value, fileHash);
  if (!ids.length) return unanswered("garbage", about);
  const outcomes = [];
  for (const id of ids) outcomes.push(await askedById(id, about, hand, desk, trusted));
  // Each authority speaks for its own record only: one that took its own back says nothing of another's, which is in force. And a server
  // may add what does not fit, to make a sound paper look bad: what fits comes first.
  outcomes.sort((a, b) => rank(a) - rank(b));
  const [first, ...rest] = outcomes;
  const others = rest.filter((one) => one.judgement?.proved);
  const notes = [...first.notes, ...(others.length < rest.length ? ["note.others-unknown"] : []), ...(isCut ? ["note.others-more"] : [])];
  return { ...first, notes, others };
}

/** @param {Outcome} outcome */
function rank(outcome) {
  return ["in-force", "ended", "unknown", "bad"].indexOf(outcome.verdict);
}

/**
 * The first record of each thing that authorities have recorded about a file, out of an answer that nobody has checked: one of each
 * authority before a second one of any, and a document that is the file before papers that are said to be it.
 * @param {any} value
 * @param {string} fileHash
 * @returns {{ids: string[], isCut: boolean}}
 */
function firstOfEach(value, fileHash) {
  /** @type {Map<string, Map<string, string>>} */
  const byAuthority = new Map();
  const records = Array.isArray(value?.anchors) ? value.anchors : [];
  const isItself = (/** @type {any} */ record) => record?.subject?.id === fileHash;
  for (const record of [...records.filter(isItself), ...records]) {
    const subject = record?.subject;
    const isAbout = isItself(record) || (/^(cert|doc)\.paper\/1$/.test(record?.type) && record?.body?.hash === fileHash);
    if (!isAbout || !HEX.test(record?.id)) continue;
    const things = byAuthority.get(String(subject?.authority)) ?? new Map();
    byAuthority.set(String(subject?.authority), things);
    const whose = `${subject?.kind} ${subject?.id}`;
    if (!things.has(whose)) things.set(whose, record.id);
  }
  const each = [...byAuthority.values()].map((things) => [...things.values()]);
  const most = Math.max(0, ...each.map((ids) => ids.length));
  const ids = Array.from({ length: most }, (_, at) => each.flatMap((one) => one.slice(at, at + 1))).flat();
  return { ids: [...new Set(ids)].slice(0, MAX_ASKED), isCut: ids.length > MAX_ASKED || value?.more === true };
}

/** @param {any} value an answer that nobody has checked */
function recordIds(value) {
  const many = [value?.record, value?.record_id, value?.id, ...(Array.isArray(value?.records) ? value.records : [])];
  const ids = many.map((one) => (typeof one === "string" ? one : one?.id)).filter((id) => typeof id === "string" && HEX.test(id));
  return [...new Set(ids)].slice(0, 10);
}

/**
 * Fetch a record's receipt and judge it.
 * @param {string} id
 * @param {Partial<Outcome>} about
 * @param {Hand} hand
 * @param {Desk} desk
 * @param {Trusted} trusted
 * @returns {Promise<Outcome>}
 */
async function askedById(id, about, hand, desk, trusted) {
  desk.say("busy.receipt");
  const answer = await ask(`/v1/records/${id}/receipt`);
  if (answer.kind !== "ok") return unanswered(answer.kind === "missing" ? "garbage" : answer.kind, about);
  let outcome = await judged(hand, answer.text, about, desk, trusted);
  const { proved } = outcome.judgement ?? {};
  // A receipt of another record is no evidence on the one that was asked about.
  if (proved && toHex(proved.recordId) !== id) return unanswered("garbage", about);
  if (!proved) return outcome;
  if (proved.subject.kind === "certificate" && outcome.verdict !== "bad") {
    const whole = await certificateProof(outcome, hand, about, desk, trusted);
    if (whole && whole.judgement.proved.checked.checkpoint.size >= proved.checked.checkpoint.size) outcome = whole;
  }
  await trusted.looked;
  outcome.sameLedger = await lookBack(outcome, desk, trusted);
  const stale = staleness(outcome, desk);
  return stale ? demoted(outcome, stale, "answer.stale") : { ...outcome, newest: true };
}

/**
 * Whether a receipt's checkpoint continues what this device saw before.
 * @param {Outcome} outcome
 * @param {Desk} desk
 * @param {Trusted} trusted
 * @returns {Promise<boolean|null>} null if that could not be shown
 */
async function lookBack(outcome, desk, trusted) {
  const text = outcome.judgement?.proved && checkpointOf(outcome);
  if (!text) return null;
  const found = await observe(text, trusted.text, desk.isOnline ? undefined : async () => null);
  return found === "first" || found === "same" ? true : found === "fork" ? false : null;
}

/** @param {Outcome} outcome */
function checkpointOf(outcome) {
  const receipt = outcome.receipt;
  return receipt === null ? null : receipt.slice(receipt.indexOf("\n\n") + 2);
}

/**
 * Why an answer fetched just now cannot be the newest, or null.
 * @param {Outcome} outcome
 * @param {Desk} desk
 */
function staleness(outcome, desk) {
  const { checked } = outcome.judgement.proved;
  const asOf = checked.statusAsOfS === null ? null : Number(checked.statusAsOfS) * 1000;
  if (asOf !== null && asOf > now(desk) + CLOCK_MS) return "todo.future";
  if (asOf !== null && asOf < now(desk) - FRESH_MS) return "todo.stale";
  const seen = newestSeen(checked.checkpoint.origin);
  return seen && checked.checkpoint.size < BigInt(seen.size) ? "todo.stale" : null;
}

/** @param {Desk} desk */
function now(desk) {
  return desk.nowMs ? desk.nowMs() : Date.now();
}

/**
 * @param {Hand} hand
 * @param {string} receipt
 * @param {Partial<Outcome>} about
 * @param {Desk} desk
 * @param {Trusted} trusted
 * @returns {Promise<Outcome>}
 */
async function judged(hand, receipt, about, desk, trusted) {
  const options = { nowMs: now(desk) };
  const judgement = hand.file
    ? await judgeDocument({ file: hand.file, salt: hand.salt ?? undefined }, receipt, trusted.text, options)
    : await judgeReceipt(receipt, trusted.text, options);
  return { ...shaped(judgement, about, hand.file !== null), receipt };
}

/**
 * @param {any} judgement
 * @param {Partial<Outcome>} about
 * @param {boolean} hasFile
 * @returns {Outcome}
 */
function shaped(judgement, about, hasFile) {
  const base = unknown({ ...about, judgement, rule: judgement.rule, reason: judgement.reason, todo: NEXT_STEP[judgement.rule] ?? "todo.not-receipt" });
  const notes = judgement.proved?.late ? ["note.late"] : [];
  switch (judgement.verdict) {
    case "in-force":
      return {
        ...base, verdict: "in-force", word: "verdict.in-force", todo: null, notes, isMatched: hasFile,
        sub: hasFile ? "verdict.in-force.sub" : sole(judgement),
      };
    case "no-longer-in-force": {
      const status = judgement.rule.replace(/^status\./, "");
      const word = ["revoked", "withdrawn", "superseded", "expired", "suspended", "not-yet"].includes(status) ? `verdict.${status}` : "verdict.ended";
      return { ...base, verdict: "ended", word, sub: `verdict.${status === "not-yet" ? "not-yet" : "ended"}.sub`, todo: "todo.ended", notes, isMatched: hasFile };
    }
    case "does-not-match":
      return { ...base, verdict: "bad", word: "verdict.bad", sub: "verdict.bad.sub", todo: NEXT_STEP[judgement.rule] ?? "todo.bad-proof" };
    default:
      return { ...base, notes };
  }
}

/** @param {any} judgement of a receipt alone */
function sole(judgement) {
  return judgement.proved.subject.kind === "document" ? "verdict.in-force.receipt" : "verdict.in-force.record";
}

/**
 * @param {Outcome} outcome
 * @param {string} todo
 * @param {string} rule
 * @returns {Outcome}
 */
function demoted(outcome, todo, rule) {
  return { ...outcome, verdict: "unknown", word: "verdict.unknown", sub: "verdict.unknown.sub", todo, rule, reason: "", newest: false };
}

/**
 * @param {string} kind of answer
 * @param {Partial<Outcome>} about
 */
function unanswered(kind, about) {
  return kind === "outage"
    ? unknown({ ...about, sub: "title.offline", todo: "todo.offline", rule: "answer.outage" })
    : unknown({ ...about, todo: "todo.garbage", rule: "answer.unreadable" });
}
