/**
 * The policy that this device trusts: kept from the first visit, and never replaced without being asked.
 *
 * Rules: the first policy that the server shows is kept, with when; any other, be it the server's or one out of a file, is held up
 * beside it for the person to decide. What was decided for a file of one's own is said with each verdict. One that follows from the
 * kept policy by changes of validators which prove themselves is no other: it is followed, and the changes are kept too.
 */

import { LedgerError, checkPolicy, checkSupport, followPolicy, fromBase64, hashFile, toBase64, toHex } from "../verify/index.js";
import { ask, askBytes, askJson } from "./ask.js";
import { keep, kept } from "./store.js";
import { Tiles } from "./tiles.js";

/**
 * `chainId`: the ledger's, kept from the same source as the policy; null if that did not say.
 * @typedef {{text: string, keptMs: number, from: "server"|"file"|"embedded", origin: string, chainId: string|null}} Pinned
 */

const CHAIN_ID = /^[0-9a-f]{64}$/;

/** @returns {Pinned|null} */
export function pinned() {
  const value = kept("policy");
  return value && typeof value.text === "string" ? value : null;
}

/**
 * @param {string} text
 * @param {Pinned["from"]} from
 * @param {string|null} chainId
 * @returns {Promise<Pinned>} throws if it is no policy
 */
export async function pin(text, from, chainId = null) {
  const value = { text, keptMs: Date.now(), from, origin: await originOf(text), chainId: chainId !== null && CHAIN_ID.test(chainId) ? chainId : null };
  keep("policy", value);
  return value;
}

/**
 * The policy to check with, and whether it is new here.
 * @returns {Promise<{policy: Pinned, isFirst: boolean}|null>} null if there is none to be had
 */
export async function policy() {
  const held = pinned();
  if (held) {
    await follow(held.text);
    return { policy: held, isFirst: false };
  }
  const [answer, chainId] = await Promise.all([ask("/v1/policy"), shownChainId()]);
  if (answer.kind !== "ok") return null;
  try {
    return { policy: await pin(answer.text, "server", chainId), isFirst: true };
  } catch {
    return null;
  }
}

let isAlone = false;

/** Ask no server about changes: this page has none. */
export function standAlone() {
  isAlone = true;
}

/** What was followed on this page, by the policy: the newest policy that follows from it. @type {Map<string, Promise<string>>} */
const followed = new Map();

/**
 * Follow the changes of validators from the policy that is kept, as the server tells them or as they were kept before. What does not prove
 * itself, or contradicts what is kept, changes nothing: newer receipts are then "cannot tell".
 * @param {string} text
 */
function follow(text) {
  if (isAlone) return Promise.resolve(text);
  const found = followed.get(text) ?? followNow(text);
  followed.set(text, found);
  return found;
}

/** @param {string} text */
async function followNow(text) {
  const before = kept("epochs");
  const known = before && before.policy === text && typeof before.data === "string" ? fromBase64(before.data, "epochs.shape") : null;
  const told = await askBytes("/v1/policy/epochs");
  for (const data of [told, known]) {
    if (data === null) continue;
    try {
      const newest = await followPolicy(text, data, { known, links: link });
      if (data === told) keep("epochs", { policy: text, data: toBase64(told) });
      return newest;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
    }
  }
  return text;
}

/**
 * The consistency proof that an old checkpoint needs, out of the server's tiles.
 * @param {bigint} size
 * @param {bigint} closing
 */
async function link(size, closing) {
  try {
    const tiles = new Tiles(Number(closing), (path) => askBytes(`/${path}`));
    const [root, hashes] = await Promise.all([tiles.range(0, Number(size)), tiles.consistency(Number(size))]);
    return { root, hashes };
  } catch {
    return null;
  }
}

/** The chain id that the server shows, or null. */
export async function shownChainId() {
  const answer = await askJson("/v1/status");
  const id = answer.kind === "ok" ? answer.value?.chain_id : null;
  return typeof id === "string" ? id : null;
}

/**
 * The policy that the server shows now, if it is another than the one kept.
 * @returns {Promise<string|null>}
 */
export async function otherPolicy() {
  const held = pinned();
  const answer = await ask("/v1/policy");
  if (!held || answer.kind !== "ok" || sameKeys(held.text, answer.text)) return null;
  if (sameKeys(await follow(held.text), answer.text)) return null;
  try {
    await checkPolicy(answer.text);
  } catch {
    return null;
  }
  return answer.text;
}

/** The name of the ledger that a policy is for. @param {string} text throws if it is no policy */
export async function originOf(text) {
  return (await checkPolicy(text)).logs[0]?.key.name ?? "";
}

/** Whether a policy names the keys of the one that is kept. @param {string} text */
export function isPinned(text) {
  const held = pinned();
  return held !== null && sameKeys(held.text, text);
}

/** @param {string} text */
function lines(text) {
  return text.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
}

/**
 * @param {string} one
 * @param {string} other
 */
function sameKeys(one, other) {
  return lines(one).join("\n") === lines(other).join("\n");
}

/**
 * What a person compares with the office's notice board: SHA-256 of the policy, the first 32 digits in groups of four.
 * @param {string} text
 */
export async function fingerprint(text) {
  const digest = toHex(await hashFile(new TextEncoder().encode(`${lines(text).join("\n")}\n`)));
  return (digest.slice(0, 32).match(/.{4}/g) ?? []).join(" ");
}

/**
 * The policy that is kept, if the person took it out of a file.
 * @returns {Promise<{origin: string, fingerprint: string}|null>}
 */
export async function own() {
  const held = pinned();
  return held?.from === "file" ? { origin: held.origin, fingerprint: await fingerprint(held.text) } : null;
}

/** Whether this browser can check signatures: null if it can, else the rule that says why not. */
export async function missing() {
  try {
    await checkSupport();
    return null;
  } catch (error) {
    if (error instanceof LedgerError) return error.rule;
    throw error;
  }
}
