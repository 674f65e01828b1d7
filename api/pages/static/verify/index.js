/**
 * The verifier in the browser: what pages check with. Beside it they import submission.js to sign, goods.js for the names of goods.
 *
 * Rules: everything is checked here, against a policy text that the caller has pinned; no request is made and nothing is stored. What a
 * verdict on a paper does not need (histories, epochs, records of goods and governance) is loaded where a proof needs it. `judge…`
 * give one of four verdicts and do not throw for what they judge; `verify…` and `check…` return or throw a LedgerError with `rule` and
 * `detail`. Sizes, indexes and times in seconds are BigInt; times in milliseconds are numbers. A policy that cannot be read throws.
 */

import { checkBrowser } from "./ed25519.js";
import { CannotTellError, FormatError } from "./errors.js";
import { fileCommitment, hashFile } from "./hash.js";
import * as compact from "./compact.js";
import { decode } from "./msgpack.js";
import { part } from "./platform.js";
import { Policy } from "./policy.js";
import { verify } from "./receipt.js";
import * as verdicts from "./verdict.js";
import * as watch from "./watch.js";

export { equal, fromBase64, fromHex, toBase64, toHex } from "./bytes.js";
export { fromDigits, toDigits } from "./compact.js";
export { verifyConsistency } from "./merkle.js";
export { CannotTellError, FormatError, LedgerError, RefusedError, VerificationError } from "./errors.js";
export { MAX_FILE_BYTES, fileCommitment, hashFile, leafHash, nodeHash, sha256 } from "./hash.js";
export { codeOf, groupedCode, isCodeOf, parseCode } from "./lookupcode.js";
export { decode, encode } from "./msgpack.js";
export { Policy } from "./policy.js";
export { RECORD_TYPES, encodeRecord, parseRecord } from "./records.js";
export { ForkError, formatEvidence } from "./watch.js";

/** @typedef {import("./epochs.js").Epochs} Epochs */
/** @typedef {import("./verdict.js").Judgement} Judgement */
/** @typedef {import("./receipt.js").VerifiedReceipt} VerifiedReceipt */
/** @typedef {{file?: Blob|Uint8Array, hash?: Uint8Array, salt?: Uint8Array}} FileEvidence */

/** Policies read lately, by their text: reading one checks every key in it. @type {Map<string, Promise<Policy>>} */
const policies = new Map();

/** What has become of a policy since, by its text. @type {Map<string, Epochs>} */
const followed = new Map();

/**
 * @param {string} text
 * @returns {Promise<Policy>}
 */
function policyOf(text) {
  let found = policies.get(text);
  if (found === undefined) {
    found = Policy.parse(text);
    if (policies.size >= 16) policies.clear();
    policies.set(text, found);
  }
  return found;
}

/**
 * Whom a pinned policy makes one trust: its own keys, or those of the epochs that are known to follow from it.
 * @param {string} text
 * @returns {Promise<Policy|Epochs>}
 */
async function trustOf(text) {
  return followed.get(text) ?? policyOf(text);
}

/**
 * Follow the changes of validators from a pinned policy: from here on everything is judged by the epochs that are proved. What is known
 * already is only added to. Returns the newest policy as text. Throws as `Epochs.follow`, VerificationError (`epochs.fork`) and CannotTellError
 * (`epochs.older`) against `known`.
 * @param {string} policyText
 * @param {Uint8Array} data a file of transitions
 * @param {{known?: Uint8Array|null, links?: import("./epochs.js").Links|null}} [options]
 * @returns {Promise<string>}
 */
export async function followPolicy(policyText, data, { known = null, links = null } = {}) {
  await checkBrowser();
  if (tellsOfNone(data) && (known === null || tellsOfNone(known))) return (await policyOf(policyText)).format();
  const { Epochs, checkExtends, parseTransitions } = await part(() => import("./epochs.js"));
  const found = parseTransitions(data);
  if (known !== null) checkExtends(parseTransitions(known), found);
  const policy = await policyOf(policyText);
  if (!found.steps.length) return policy.format();
  const epochs = await Epochs.follow(policy, found, links);
  followed.set(policyText, epochs);
  return epochs.newest.policy.format();
}

/**
 * Whether a file of transitions is one and holds none, as with most ledgers: then epochs.js is not needed.
 * @param {Uint8Array} data
 */
function tellsOfNone(data) {
  try {
    const value = decode(data);
    return Array.isArray(value) && value.length === 3 && value[0] === 1 && typeof value[1] === "string" && Array.isArray(value[2]) && !value[2].length;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return false;
  }
}

/**
 * Whether this browser can check anything at all; throws CannotTellError (`browser.insecure`, `browser.no-ed25519`,
 * `browser.cofactored`).
 */
export async function checkSupport() {
  await checkBrowser();
}

/**
 * Read a policy and check its form and keys. Throws as `Policy.parse`.
 * @param {string} policyText
 */
export async function checkPolicy(policyText) {
  return policyOf(policyText);
}

/**
 * Check every part of a receipt and return what it proves; throws FormatError, VerificationError or CannotTellError.
 * @param {string|Uint8Array} text
 * @param {string} policyText
 * @returns {Promise<VerifiedReceipt>}
 */
export async function verifyReceipt(text, policyText) {
  await checkBrowser();
  return verify(text, await trustOf(policyText));
}

/**
 * The verdict on a receipt by itself.
 * @param {string|Uint8Array} text
 * @param {string} policyText
 * @param {{nowMs?: number}} [options] nowMs: the reader's clock, for the days of a certificate
 * @returns {Promise<Judgement>}
 */
export async function judgeReceipt(text, policyText, { nowMs } = {}) {
  return judged(async () => verdicts.judgeReceipt(text, await trustOf(policyText), nowMs ?? null));
}

/**
 * The verdict on a file: the file itself or its SHA-256, and the salt (32 bytes) if the holder has one.
 * @param {FileEvidence} evidence with a salt, `file` is needed: a salted commitment does not follow from the hash
 * @param {string|Uint8Array} text
 * @param {string} policyText
 * @param {{nowMs?: number}} [options]
 * @returns {Promise<Judgement>}
 */
export async function judgeDocument({ file, hash, salt }, text, policyText, { nowMs } = {}) {
  return judged(async () => {
    const policy = await trustOf(policyText);
    if (file === undefined && hash === undefined) {
      throw new CannotTellError("document.file-missing", "neither the file nor its hash is here");
    }
    if (salt !== undefined && salt.length !== 32) {
      throw new CannotTellError("document.salt-size", `a salt has 32 bytes, not ${salt.length}`);
    }
    const commitment = salt !== undefined && file !== undefined ? await fileCommitment(file, salt) : null;
    const fileHash = hash ?? (file === undefined ? null : await hashFile(file));
    return verdicts.judgeDocument(fileHash, text, policy, commitment, nowMs ?? null);
  });
}

/**
 * The verdict on a certificate by its proof file (`.sogoc-proof`) and, if it is given, its paper.
 * @param {Uint8Array} data
 * @param {string} policyText
 * @param {{nowMs?: number, file?: Blob|Uint8Array, hash?: Uint8Array}} [options]
 * @returns {Promise<Judgement>}
 */
export async function judgeProof(data, policyText, { nowMs, file, hash } = {}) {
  return judged(async () => {
    const fileHash = hash ?? (file === undefined ? null : await hashFile(file));
    return verdicts.judgeProof(data, await trustOf(policyText), nowMs ?? null, fileHash);
  });
}

/**
 * What the browser itself cannot do is a verdict too.
 * @param {() => Promise<Judgement>} judge
 * @returns {Promise<Judgement>}
 */
async function judged(judge) {
  try {
    await checkBrowser();
    return await judge();
  } catch (error) {
    if (!(error instanceof CannotTellError)) throw error;
    const { rule, detail } = error;
    return { verdict: "cannot-tell", rule, reason: detail, proved: null, sinceMs: null, issuer: null, certificate: null, claims: [] };
  }
}

/**
 * Check a history, given as all of its parts in order: every record about its subject, and no other. Throws as `verifyReceipt`.
 * @param {Uint8Array[]} parts
 * @param {string} policyText
 */
export async function verifyHistory(parts, policyText) {
  await checkBrowser();
  const history = await part(() => import("./history.js"));
  return history.verifyHistory(parts, await trustOf(policyText));
}

/**
 * Check a compact receipt, as a printed code carries it (`fromDigits`). Throws as `verifyReceipt`.
 * @param {Uint8Array} data
 * @param {string} policyText
 * @param {Uint8Array} chainId 32 bytes, pinned with the policy
 */
export async function verifyCompact(data, policyText, chainId) {
  await checkBrowser();
  return compact.verifyCompact(data, await trustOf(policyText), chainId);
}

/**
 * Check a checkpoint by itself: its signatures, its quorum, the times that it proves. Throws as the policy does.
 * @param {string|Uint8Array} text
 * @param {string} policyText
 */
export async function checkCheckpoint(text, policyText) {
  return (await trustOf(policyText)).check(text);
}

/**
 * Check that two checkpoints, in either order, are of one log that only grew; throws ForkError with `evidence`.
 * @param {string} one
 * @param {string} other
 * @param {import("./watch.js").Growth|null} growth needed where the sizes differ
 * @param {string} policyText
 */
export async function checkGrowth(one, other, growth, policyText) {
  return watch.checkGrowth(one, other, growth, await trustOf(policyText));
}

/**
 * Check a saved evidence of a fork; returns nothing if it proves one.
 * @param {string} text
 * @param {string} policyText
 */
export async function checkEvidence(text, policyText) {
  return watch.checkEvidence(text, await trustOf(policyText));
}
