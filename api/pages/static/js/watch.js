/**
 * Watching that the ledger only grows: this device remembers the newest checkpoint it has seen, and asks whether the next one
 * continues it.
 *
 * Rules: only checkpoints that pass the kept policy count. There are three answers. *Same*: the newer tree contains the older
 * one. *Fork*: two checkpoints signed by the ledger itself cannot both be true, which needs no more than the two of them, and
 * hashes that lead to the newer root, to show; that is the only case that raises the alarm. *Unproved*: the server did not show
 * it; that is told as what it is, and the older checkpoint is kept.
 */

import { CannotTellError, ForkError, checkCheckpoint, checkGrowth, toHex } from "../verify/index.js";
import { askBytes } from "./ask.js";
import { forget, keep, kept } from "./store.js";
import { Tiles } from "./tiles.js";

/** @typedef {{origin: string, size: string, root: string, text: string, seenMs: number}} Seen */
/**
 * What is kept and saved: the verifier's own evidence, with what else a reader wants to know.
 * @typedef {import("../verify/watch.js").Evidence & {first: Seen, second: Seen, policy: string, page: string, foundMs: number}} Evidence
 */

/** @returns {Evidence|null} */
export function alarm() {
  return kept("fork");
}

/** Somebody has explained: begin again with what the ledger shows now. */
export function clearAlarm() {
  forget("fork");
  forget("seen");
}

/**
 * @param {string} origin
 * @returns {Seen|null}
 */
export function newestSeen(origin) {
  const all = kept("seen");
  return all && Object.hasOwn(all, origin) ? all[origin] : null;
}

/** @param {Seen} seen */
function remember(seen) {
  keep("seen", { ...(kept("seen") ?? {}), [seen.origin]: seen });
}

/** One after the other, so that two looks do not overtake each other. @type {Promise<unknown>} */
let queue = Promise.resolve();

/**
 * Look at a checkpoint that was shown to us.
 * @param {string} text
 * @param {string} policyText
 * @param {(path: string) => Promise<Uint8Array|null>} read tiles of the server
 * @returns {Promise<"first"|"same"|"fork"|"unproved"|"not-ours">}
 */
export function observe(text, policyText, read = (path) => askBytes(`/${path}`)) {
  const look = queue.then(() => observeNow(text, policyText, read));
  queue = look.catch(() => {});
  return look;
}

/**
 * @param {string} text
 * @param {string} policyText
 * @param {(path: string) => Promise<Uint8Array|null>} read
 */
async function observeNow(text, policyText, read) {
  let checked;
  try {
    checked = await checkCheckpoint(text, policyText);
  } catch {
    return "not-ours";
  }
  const { origin, size, root } = checked.checkpoint;
  /** @type {Seen} */
  const shown = { origin, size: String(size), root: toHex(root), text, seenMs: Date.now() };
  const before = newestSeen(origin);
  if (before === null) {
    remember(shown);
    return "first";
  }
  const [older, newer] = BigInt(before.size) <= size ? [before, shown] : [shown, before];
  try {
    await checkGrowth(older.text, newer.text, await growth(older, newer, read), policyText);
  } catch (error) {
    if (error instanceof ForkError) {
      keep("fork", { ...error.evidence, first: older, second: newer, policy: policyText, page: location.href.split("#")[0], foundMs: Date.now() });
      return "fork";
    }
    // Not shown, or what was kept here no longer passes the policy: nothing that speaks against the ledger.
    if (error instanceof CannotTellError) return "unproved";
    throw error;
  }
  if (newer === shown) remember(shown);
  return "same";
}

/**
 * The hashes from the root that the newer tree had at the older one's size, to its root now.
 * @param {Seen} older
 * @param {Seen} newer
 * @param {(path: string) => Promise<Uint8Array|null>} read
 */
async function growth(older, newer, read) {
  if (older.size === newer.size) return null;
  try {
    const tiles = new Tiles(Number(newer.size), read);
    const [root, hashes] = await Promise.all([tiles.range(0, Number(older.size)), tiles.consistency(Number(older.size))]);
    return { root, hashes };
  } catch {
    // Tiles that cannot be had or read are no hashes.
    return null;
  }
}
