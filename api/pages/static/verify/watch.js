/**
 * Watching a log: two checkpoints that its quorum signed must be of one log that only grew (RFC 9162 §2.1.4).
 *
 * Rules: there are three answers. *Same*: the newer tree begins with the older. *Fork*: the quorum signed two trees that cannot both be
 * true, which the two checkpoints show by themselves at one size, and otherwise with hashes that lead from what the newer tree began
 * with to its root. *Not shown*: neither holds, which says something about the server and nothing about the log. A fork comes with an
 * `Evidence`, which is saved as one file and convinces whoever has the same policy (`checkEvidence`).
 */

import { equal, fromHex, isHash, toHex } from "./bytes.js";
import { CannotTellError, FormatError, VerificationError } from "./errors.js";
import { verifyConsistency } from "./merkle.js";

/** @typedef {import("./policy.js").CheckedCheckpoint} CheckedCheckpoint */
/** @typedef {import("./policy.js").Trust} Policy */
/**
 * Hashes from the root that the newer tree had at the older size, to its root now. Without `root`, the older's own is meant.
 * @typedef {{root?: Uint8Array|null, hashes: Uint8Array[]}} Growth
 */
/** @typedef {{format: string, first: {text: string}, second: {text: string}, firstRootInSecond: string|null, proof: string[]}} Evidence */

const EVIDENCE_FORMAT = "sogoc-fork-evidence/1";

/** Two checkpoints, both signed by a quorum, that cannot both be true; `evidence` can be saved. */
export class ForkError extends VerificationError {
  /**
   * @param {string} detail
   * @param {Evidence} evidence
   */
  constructor(detail, evidence) {
    super("fork.two-trees", detail);
    this.evidence = evidence;
  }
}

/**
 * Check that two checkpoints, in either order, are of one log that only grew. Throws as the policy does for either; ForkError; FormatError
 * (`fork.other-log`); CannotTellError (`fork.not-shown`) if the hashes show neither that nor a fork.
 * @param {string} one
 * @param {string} other
 * @param {Growth|null} growth needed where the sizes differ
 * @param {Policy} policy
 * @returns {Promise<CheckedCheckpoint>} the larger; of two of one size that with the newer status
 */
export async function checkGrowth(one, other, growth, policy) {
  const [a, b] = [await policy.check(one), await policy.check(other)];
  if (a.checkpoint.origin !== b.checkpoint.origin) {
    throw new FormatError("fork.other-log", "the two checkpoints are of different logs, which need not agree");
  }
  const inOrder = a.checkpoint.size <= b.checkpoint.size;
  const [[old, oldText], [grown, grownText]] = inOrder ? [[a, one], [b, other]] : [[b, other], [a, one]];
  const [{ size: size1, root: root1 }, { size: size2, root: root2 }] = [old.checkpoint, grown.checkpoint];
  let before = root2;
  if (size1 < size2) {
    before = growth?.root ?? root1;
    await checkShown(size1, size2, growth?.hashes ?? [], before, root2);
  }
  if (!equal(root1, before)) {
    throw new ForkError(`the log signed two different trees of ${size1} leaves`, {
      format: EVIDENCE_FORMAT,
      first: { text: oldText },
      second: { text: grownText },
      firstRootInSecond: toHex(before),
      proof: (growth?.hashes ?? []).map(toHex),
    });
  }
  return size1 < size2 || (grown.statusAsOfS ?? 0n) >= (old.statusAsOfS ?? 0n) ? grown : old;
}

/**
 * @param {bigint} size1
 * @param {bigint} size2
 * @param {Uint8Array[]} hashes
 * @param {Uint8Array} root1
 * @param {Uint8Array} root2
 */
async function checkShown(size1, size2, hashes, root1, root2) {
  try {
    await verifyConsistency(size1, size2, hashes, root1, root2);
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    throw new CannotTellError("fork.not-shown", `it is not shown what the tree of ${size2} leaves began with: ${error.detail}`);
  }
}

/**
 * The file of an evidence.
 * @param {Evidence} evidence
 */
export function formatEvidence(evidence) {
  return `${JSON.stringify(evidence, null, 1)}\n`;
}

/**
 * Check a saved evidence. Returns nothing if it proves a fork. Throws FormatError (`evidence.shape`) if it is none, VerificationError
 * (`evidence.not-a-fork`) if the two agree, and otherwise as `checkGrowth`.
 * @param {string} text
 * @param {Policy} policy
 */
export async function checkEvidence(text, policy) {
  const { first, second, growth } = parseEvidence(text);
  try {
    await checkGrowth(first, second, growth, policy);
  } catch (error) {
    if (error instanceof ForkError) return;
    throw error;
  }
  throw new VerificationError("evidence.not-a-fork", "the two checkpoints are of one log that only grew");
}

/**
 * @param {string} text
 * @returns {{first: string, second: string, growth: Growth}}
 */
function parseEvidence(text) {
  try {
    const { format, first, second, firstRootInSecond, proof } = JSON.parse(text);
    const root = firstRootInSecond === null ? null : fromHex(firstRootInSecond);
    const hashes = proof.map(fromHex);
    const isSound = [first.text, second.text].every((item) => typeof item === "string") && (root === null || isHash(root));
    if (format === EVIDENCE_FORMAT && isSound) return { first: first.text, second: second.text, growth: { root, hashes } };
  } catch {
    // Whatever it is, it is no evidence.
  }
  throw new FormatError("evidence.shape", "this is no evidence of a fork");
}
