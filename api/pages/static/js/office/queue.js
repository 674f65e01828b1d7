/**
 * What was signed and is on its way: kept in this browser until the ledger has it, sent in order, never twice.
 *
 * Rules: an entry is on this disk before it is sent, and it is sent again as the same bytes: the ledger knows it by its id, so nothing is
 * recorded twice. One tab sends at a time. What needs the vault goes there first. An outage stops the row; a refusal is shown with its
 * rule and does not hold up what comes after it.
 */

import { encode, fromHex, toHex } from "../../verify/index.js";
import { buildEntry } from "../../verify/submission.js";
import { askJson } from "../ask.js";
import { all, get, lockOf, put, remove } from "./db.js";
import { desk } from "./desk.js";
import { random, signWith } from "./keys.js";
import { askSigned, submit, vaultItem } from "./node.js";

/** @typedef {import("./node.js").Problem} Problem */
/** @typedef {{owner: string, kind: "certificate"|"document", identifier: Uint8Array, content: Uint8Array}} ForVault */
/**
 * One signature: an entry, and what people want to know of it. `items` are the page's own, one for each record that made one.
 * @typedef {{id?: number, kind: string, createdMs: number, key: string, submission: Uint8Array, entryId: string, recordIds: string[], items: any[],
 *   vault: ForVault[], vaultDone: number, state: "waiting"|"sent"|"final"|"refused", problem: Problem|null, height: number|null, finalMs: number|null,
 *   next: any, mended?: number}} Job
 */

const MAX_RECORDS = 4_096;
const ROOM = 700_000 - 1_024;
const FIRST_WAIT_MS = 3_000;
const LONGEST_WAIT_MS = 60_000;
const MOST_MENDED = 5;
/** What the vault takes at once (docs/spec.md §20), with some bytes left for its form. */
const BATCH_ITEMS = 1_000;
const BATCH_BYTES = 7_900_000;
const BATCH_OVERHEAD = 64;

/** @type {Set<() => void>} */
const listeners = new Set();
/** What follows when a job's entry is final, by its kind. @type {Map<string, (job: Job) => Promise<"done"|"later">>} */
const followers = new Map();
/** What is signed anew in the place of a job that was refused by a rule. @type {Map<string, (job: Job) => Promise<{record: Uint8Array, item: any}[]>>} */
const menders = new Map();
let waitMs = FIRST_WAIT_MS;
/** @type {ReturnType<typeof setTimeout>|undefined} */
let timer;
/** What is being done, for the page: a key of words and how far. @type {{key: string, done: number, of: number}|null} */
let doing = null;

/** @param {() => void} listener */
export function onQueue(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function changed() {
  for (const listener of [...listeners]) listener();
}

/** @param {string} kind @param {(job: Job) => Promise<"done"|"later">} follower */
export function follow(kind, follower) {
  followers.set(kind, follower);
}

/** @param {string} kind @param {string} rule @param {(job: Job) => Promise<{record: Uint8Array, item: any}[]>} mender */
export function mend(kind, rule, mender) {
  menders.set(`${kind} ${rule}`, mender);
}

export function underWay() {
  return doing;
}

/** @param {{key: string, done: number, of: number}|null} what */
export function say(what) {
  doing = what;
  changed();
}

/** @returns {Promise<Job[]>} of this ledger, oldest first */
export async function jobs() {
  return (await all("jobs")).filter((job) => job.chainId === desk.chainId);
}

/** @param {number} id */
export function jobOf(id) {
  return get("jobs", id);
}

/** @param {any} job */
export async function keepJob(job) {
  await put("jobs", job);
  changed();
}

/** @param {number} id */
export async function dropJob(id) {
  await remove("jobs", id);
  changed();
}

/**
 * Sign records in as few entries as their limits allow, keep them, and send them.
 * @param {import("./desk.js").OfficeKey} key
 * @param {string} kind
 * @param {{record: Uint8Array|Uint8Array[], item: any, vault?: ForVault}[]} things records of one thing stay in one entry
 * @param {any} next what follows when it is final
 * @returns {Promise<number[]>} the jobs' ids
 */
export async function sign(key, kind, things, next = null) {
  /** @type {(typeof things)[]} */
  const groups = [];
  let room = 0;
  let count = MAX_RECORDS;
  for (const thing of things) {
    const records = [thing.record].flat();
    const size = records.reduce((sum, record) => sum + record.length + 8, 0);
    if (size > room || count + records.length > MAX_RECORDS) {
      groups.push([]);
      room = ROOM;
      count = 0;
    }
    groups[groups.length - 1].push(thing);
    room -= size;
    count += records.length;
  }
  const ids = [];
  for (const group of groups) {
    ids.push(await put("jobs", {
      chainId: key.chainId, kind, createdMs: Date.now(), key: key.publicKey, ...(await signed(key, group)),
      vault: group.flatMap((thing) => thing.vault ?? []), vaultDone: 0, state: "waiting", problem: null, height: null, finalMs: null, next,
    }));
  }
  changed();
  kick();
  return ids;
}

/**
 * One entry over the records of things.
 * @param {import("./desk.js").OfficeKey} key
 * @param {{record: Uint8Array|Uint8Array[], item: any}[]} things
 */
async function signed(key, things) {
  const records = things.flatMap((thing) => thing.record);
  const { id, submission, recordIds } = await buildEntry({
    chainId: fromHex(key.chainId), publicKey: fromHex(key.publicKey), sign: (message) => signWith(key, message), timeMs: Date.now(), nonce: random(16), records,
  });
  let at = 0;
  const items = things.map((thing) => {
    const recordId = toHex(recordIds[at]);
    at += [thing.record].flat().length;
    return { ...thing.item, recordId };
  });
  return { submission, entryId: toHex(id), recordIds: recordIds.map(toHex), items };
}

/** Send once more what was refused only for the time being. @param {Job} job */
export async function tryAgain(job) {
  await keepJob({ ...job, state: "waiting", problem: null });
  kick();
}

/** Send what waits, now. */
export function kick() {
  clearTimeout(timer);
  waitMs = FIRST_WAIT_MS;
  drain();
}

async function drain() {
  clearTimeout(timer);
  const isDone = await navigator.locks.request(lockOf("queue"), { ifAvailable: true }, async (lock) => lock !== null && (await work()));
  doing = null;
  changed();
  if (isDone) return;
  timer = setTimeout(drain, waitMs);
  waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
}

/** @returns {Promise<boolean>} whether nothing is left to do */
async function work() {
  for (;;) {
    const job = (await jobs()).find((one) => one.state === "waiting" || one.state === "sent" || (one.state === "final" && one.next !== null));
    if (!job) return true;
    const before = JSON.stringify([job.state, job.next !== null, job.entryId]);
    if ((await step(job)) === "later") return false;
    waitMs = FIRST_WAIT_MS;
    const after = await get("jobs", /** @type {number} */ (job.id));
    // A step that changed nothing would be taken for ever.
    if (after && JSON.stringify([after.state, after.next !== null, after.entryId]) === before) return false;
  }
}

/**
 * @param {Job} job
 * @returns {Promise<"done"|"later">}
 */
async function step(job) {
  if (job.state === "final") {
    const follower = followers.get(job.kind);
    const outcome = follower ? await follower(job) : "done";
    if (outcome === "done") await keepJob({ ...(await get("jobs", /** @type {number} */ (job.id))), next: null });
    return outcome;
  }
  if (job.vaultDone < job.vault.length) {
    const problem = await intoVault(job);
    if (problem === "later") return "later";
    if (problem) return refused(job, problem);
  }
  say({ key: "of.queue.sending", done: 0, of: 0 });
  const sent = await submit(job.submission);
  desk.isOnline = sent.kind !== "later" || sent.problem !== null;
  if (sent.kind === "refused") return refused(job, sent.problem);
  if (sent.kind === "later") {
    await keepJob({ ...job, problem: sent.problem });
    return "later";
  }
  const { status, height } = sent.value;
  if (status === "final") {
    await keepJob({ ...job, state: "final", problem: null, height: height ?? null, finalMs: Date.now() });
    return "done";
  }
  await keepJob({ ...job, state: "sent", problem: null });
  const answer = await askJson(`/v1/entries/${job.entryId}`);
  if (answer.kind === "ok" && answer.value.status === "refused") return refused(job, answer.value.refusal);
  return "later";
}

/**
 * @param {Job} job
 * @param {Problem} problem
 * @returns {Promise<"done">}
 */
async function refused(job, problem) {
  const mender = menders.get(`${job.kind} ${problem.code}`);
  const key = desk.keys.find((one) => one.publicKey === job.key);
  const mended = job.mended ?? 0;
  if (mender && key && mended < MOST_MENDED) await keepJob({ ...job, ...(await signed(key, await mender(job))), mended: mended + 1, state: "waiting", problem: null });
  else await keepJob({ ...job, state: "refused", problem: { code: problem.code, detail: problem.detail, retry: problem.retry === true } });
  return "done";
}

/**
 * @param {Job} job
 * @returns {Promise<Problem|"later"|null>}
 */
async function intoVault(job) {
  const key = desk.keys.find((one) => one.publicKey === job.key);
  if (!key) return { code: "office.key-gone", detail: "the key that signed this is no longer in this browser" };
  while (job.vaultDone < job.vault.length) {
    const { owner } = job.vault[job.vaultDone];
    say({ key: "of.queue.vault", done: job.vaultDone, of: job.vault.length });
    /** @type {[Uint8Array, Uint8Array][]} */
    const batch = [];
    let room = BATCH_BYTES;
    for (const { owner: whose, kind, identifier, content } of job.vault.slice(job.vaultDone, job.vaultDone + BATCH_ITEMS)) {
      room -= content.length + BATCH_OVERHEAD;
      if (whose !== owner || (room < 0 && batch.length)) break;
      batch.push([await vaultItem(owner, kind, identifier), content]);
    }
    // All of them or none: what is not confirmed is sent again, and changes nothing if it is there already.
    const answer = await askSigned(key, "/v1/vault/batches", "store-all", [owner, encode(batch)], true);
    if (answer.kind === "refused") return answer.problem;
    if (answer.kind !== "ok") return "later";
    job.vaultDone += batch.length;
    await put("jobs", job);
  }
  return null;
}

/** Begin: what was left from before is sent, and again whenever the network is back. */
export function startQueue() {
  globalThis.addEventListener("online", kick);
  kick();
}
