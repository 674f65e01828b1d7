/**
 * Policy epochs: proofs that outlive a change of validators (docs/spec.md, "Policy epochs").
 *
 * Rules: an epoch ends with the closing checkpoint, of the block that changes the validators, cosigned by those before. A transition
 * proves the next epoch out of it, so whoever has pinned one policy follows all later changes and believes nobody in between. A checkpoint
 * counts by the policy of its own epoch and by no other. In an epoch that is over, keys may have been stolen since: there it counts only
 * with a consistency proof to the closing checkpoint, which anybody may bring. What is by unknown keys beyond the last change that is
 * known is "cannot tell", never "forged".
 */

import { equal, isBytes } from "./bytes.js";
import { parseCheckpoint } from "./checkpoint.js";
import { CannotTellError, FormatError, VerificationError } from "./errors.js";
import { leafHash } from "./hash.js";
import { parseHeaderLeaf } from "./header.js";
import { verifyConsistency, verifyInclusion } from "./merkle.js";
import { decode, encode } from "./msgpack.js";
import { COSIGNING_KEY, LOG_KEY, verifierKey } from "./note.js";
import { Policy, quorumSize } from "./policy.js";
import { parsePath } from "./receipt.js";
import { parseValidators, parseValidatorsBefore } from "./rows.js";
import { parseStateProof, verifyMembership } from "./state.js";

/** @typedef {import("./policy.js").CheckedCheckpoint} CheckedCheckpoint */
/** @typedef {import("./rows.js").Validator} Validator */
/** @typedef {import("./state.js").StateProof} StateProof */
/** @typedef {{checkpointText: string, headerLeaf: Uint8Array, path: Uint8Array[], after: StateProof, before: StateProof}} Transition */
/** @typedef {{firstPolicy: string, steps: Transition[]}} Transitions */
/** @typedef {{size: bigint, root: Uint8Array, timeS: bigint, origin: string, chainId: Uint8Array, before: Validator[], validators: Validator[]}} Closing */
/** @typedef {{fromSize: bigint, policy: Policy, closing: Closing|null}} Epoch */
/** The root at `size`, and the consistency proof from there to `closing`; null if they cannot be had. @typedef {(size: bigint, closing: bigint) => Promise<{root: Uint8Array, hashes: Uint8Array[]}|null>} Links */

const MAX_BYTES = 16_000_000;
const MAX_TRANSITIONS = 1_000;
const VALIDATORS_KEY = encode(["validators"]);
const VALIDATORS_BEFORE_KEY = encode(["validators-before"]);

/** @param {string} what */
const shape = (what) => new FormatError("epochs.shape", what);

/**
 * Read a file of transitions. Throws FormatError (`epochs.*`) or CannotTellError (`epochs.version`).
 * @param {Uint8Array} data
 * @returns {Transitions}
 */
export function parseTransitions(data) {
  const value = decode(data, { maxBytes: MAX_BYTES, maxItems: 64 * MAX_TRANSITIONS + 1_000 });
  if (!Array.isArray(value) || !value.length) throw shape("a file of transitions is an array");
  if (value[0] !== 1) throw new CannotTellError("epochs.version", "this version of transitions is not known here");
  if (value.length !== 3 || typeof value[1] !== "string" || !Array.isArray(value[2])) {
    throw shape("a file of transitions is [1, policy, transitions]");
  }
  if (value[2].length > MAX_TRANSITIONS) {
    throw new FormatError("epochs.limit", `a file tells of at most ${MAX_TRANSITIONS} transitions`);
  }
  return { firstPolicy: value[1], steps: value[2].map(parseTransition) };
}

/**
 * @param {any} value
 * @returns {Transition}
 */
function parseTransition(value) {
  if (!Array.isArray(value) || value.length !== 5) throw shape("a transition has five items");
  const [checkpointText, leaf, path, after, before] = value;
  if (typeof checkpointText !== "string" || !isBytes(leaf)) throw shape("a transition begins with a checkpoint's text and a header leaf");
  let hashes;
  try {
    hashes = parsePath(path, "epochs");
  } catch {
    throw shape("a path is a list of at most 64 hashes of 32 bytes");
  }
  return { checkpointText, headerLeaf: leaf, path: hashes, after: parseStateProof(after), before: parseStateProof(before) };
}

/** The epochs that follow from a pinned policy, oldest first. Make them with `Epochs.follow`. */
export class Epochs {
  /**
   * @param {Epoch[]} epochs
   * @param {Links|null} links
   */
  constructor(epochs, links) {
    this.epochs = epochs;
    this.links = links;
  }

  /**
   * The epochs that transitions prove to whoever trusts `policy`, which is that of any of them. Throws VerificationError or FormatError for
   * a transition that is wrong, CannotTellError (`policy.epoch-chain`) if the chain does not lead from `policy`.
   * @param {Policy} policy
   * @param {Transitions} found
   * @param {Links|null} [links]
   * @returns {Promise<Epochs>}
   */
  static async follow(policy, found, links = null) {
    const [start, isListed] = await startOf(policy, found);
    /** @type {Epoch[]} */
    const known = [];
    const fromSize = start ? parseCheckpoint(found.steps[start - 1].checkpointText).size + 1n : 0n;
    /** @type {Epoch} */
    let newest = { fromSize, policy, closing: null };
    for (const step of found.steps.slice(start)) {
      const closing = await closingOf(newest, step, known.at(-1)?.closing ?? null);
      if (!known.length && isListed && (await policyOf(closing.origin, closing.before)).format() !== policy.format()) {
        throw new VerificationError("epochs.skipped", `before size ${closing.size} the validators were changed once more`);
      }
      known.push({ ...newest, closing });
      newest = { fromSize: closing.size + 1n, policy: await policyOf(closing.origin, closing.validators), closing: null };
    }
    return new Epochs([...known, newest], links);
  }

  /** The last epoch that is known. */
  get newest() {
    return this.epochs[this.epochs.length - 1];
  }

  /**
   * The epoch that judges a tree size. Throws CannotTellError (`policy.epoch-before`).
   * @param {bigint} size
   * @returns {Epoch}
   */
  at(size) {
    const found = this.epochs.filter(({ fromSize }) => size >= fromSize).at(-1);
    if (found === undefined) {
      throw new CannotTellError("policy.epoch-before", `the checkpoint of size ${size} is older than the policy that is pinned here`);
    }
    return found;
  }

  /** @param {bigint} size */
  policyAt(size) {
    return this.at(size).policy;
  }

  /**
   * Check a checkpoint by the policy of its epoch. Throws as the policy does, and `policy.epoch-*`.
   * @param {string|Uint8Array} text
   * @returns {Promise<CheckedCheckpoint>}
   */
  async check(text) {
    const checkpoint = parseCheckpoint(text);
    const epoch = this.at(checkpoint.size);
    let checked;
    try {
      checked = await epoch.policy.check(text);
    } catch (error) {
      if (!(error instanceof CannotTellError)) throw error;
      await this.checkNotRetired(text, epoch, checkpoint.size);
      if (epoch.closing === null && this.newest.policy.logs.some(({ key }) => key.name === checkpoint.origin)) {
        throw new CannotTellError("policy.epoch-unknown", `the checkpoint is by other keys than the newest that are known here: ${error.detail}`);
      }
      throw error;
    }
    await this.confirm(checkpoint.size, checkpoint.root, checked.statusAsOfS);
    return checked;
  }

  /**
   * @param {string|Uint8Array} text
   * @param {Epoch} epoch
   * @param {bigint} size
   */
  async checkNotRetired(text, epoch, size) {
    for (const { fromSize, policy, closing } of this.epochs) {
      if (closing === null || fromSize >= epoch.fromSize) return;
      try {
        await policy.check(text);
      } catch (error) {
        if (error instanceof CannotTellError) continue;
        throw error;
      }
      throw new VerificationError("policy.epoch-ended", `the checkpoint of size ${size} is by keys that were retired at size ${closing.size}`);
    }
  }

  /**
   * Check what signatures alone do not say of a checkpoint in an epoch that is over.
   * @param {bigint} size
   * @param {Uint8Array} root
   * @param {bigint|null} asOfS
   */
  async confirm(size, root, asOfS) {
    const { closing } = this.at(size);
    if (closing === null) return;
    if (asOfS !== null && asOfS > closing.timeS) {
      throw new VerificationError("policy.epoch-late", `the checkpoint of size ${size} was cosigned after its keys had been retired`);
    }
    const expected = size === closing.size ? closing.root : await this.covered(closing, size);
    if (!equal(root, expected)) {
      throw new VerificationError("policy.epoch-root", `the checkpoint of size ${size} is of another log than its epoch's closing checkpoint`);
    }
  }

  /**
   * The root at `size` of the log that the closing checkpoint signs.
   * @param {Closing} closing
   * @param {bigint} size
   */
  async covered(closing, size) {
    const link = this.links === null ? null : await this.links(size, closing.size);
    if (link === null) {
      throw new CannotTellError("policy.epoch-unlinked", "the keys under this checkpoint were retired; that it is older needs the log");
    }
    try {
      await verifyConsistency(size, closing.size, link.hashes, link.root, closing.root);
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      throw new CannotTellError("policy.epoch-link", `the log that was shown is not that of the pinned ledger: ${error.detail}`);
    }
    return link.root;
  }
}

/**
 * The policy of a set of validators.
 * @param {string} origin
 * @param {Validator[]} validators
 */
async function policyOf(origin, validators) {
  const logs = [];
  const witnesses = [];
  const ids = new Set();
  for (const { name, logKey, cosigningKey } of validators) {
    const log = await verifierKey(origin, LOG_KEY, logKey);
    // A key id has four bytes, and somebody could search for one that another log key has.
    if (!ids.has(String(log.keyId))) logs.push(log);
    ids.add(String(log.keyId));
    witnesses.push(await verifierKey(name, COSIGNING_KEY, cosigningKey));
  }
  return Policy.forValidators(logs, witnesses, quorumSize(validators.length));
}

/**
 * The number of the epoch whose policy is pinned, and whether it is that policy word for word.
 * @param {Policy} policy
 * @param {Transitions} found
 * @returns {Promise<[number, boolean]>}
 */
async function startOf(policy, found) {
  const wanted = policy.format();
  for (let number = 0; number <= found.steps.length; number++) {
    if ((await saidPolicy(found, number)) === wanted) return [number, true];
  }
  for (const [number, step] of found.steps.entries()) {
    try {
      await policy.check(step.checkpointText);
      return [number, false];
    } catch (error) {
      if (!(error instanceof CannotTellError)) throw error;
    }
  }
  throw new CannotTellError("policy.epoch-chain", "the transitions do not lead from the policy that is pinned here");
}

/**
 * @param {Transitions} found
 * @param {number} number
 */
async function saidPolicy(found, number) {
  if (number === 0) return (await Policy.parse(found.firstPolicy)).format();
  const step = found.steps[number - 1];
  return (await policyOf(parseCheckpoint(step.checkpointText).origin, parseValidators(valueOf(step.after)))).format();
}

/** @param {StateProof} proof */
function valueOf(proof) {
  if (proof.value === null) throw new VerificationError("epochs.state", "a transition shows no validators");
  return proof.value;
}

/**
 * Check how an epoch ends.
 * @param {Epoch} epoch
 * @param {Transition} step
 * @param {Closing|null} last
 * @returns {Promise<Closing>}
 */
async function closingOf(epoch, step, last) {
  const { checkpoint, cosignatures } = await epoch.policy.check(step.checkpointText);
  const { origin, size, root } = checkpoint;
  if (size < epoch.fromSize || size < 1n) {
    throw new VerificationError("epochs.order", `an epoch that begins at size ${epoch.fromSize} does not end at ${size}`);
  }
  await verifyInclusion(await leafHash(step.headerLeaf), size - 1n, size, step.path, root);
  const header = parseHeaderLeaf(step.headerLeaf);
  if (header.size !== size) {
    throw new VerificationError("epochs.header-index", `the header closes size ${header.size}, not the checkpoint's ${size}`);
  }
  if (last !== null && !equal(header.chainId, last.chainId)) {
    throw new VerificationError("epochs.chain", "two transitions are of different ledgers");
  }
  await verifyMembership(header.stateRoot, VALIDATORS_KEY, valueOf(step.after), step.after);
  await verifyMembership(header.stateRoot, VALIDATORS_BEFORE_KEY, valueOf(step.before), step.before);
  const before = parseValidatorsBefore(valueOf(step.before));
  if (before.changedMs !== header.timeMs) {
    throw new VerificationError("epochs.unchanged", `the block that ends at size ${size} did not change the validators`);
  }
  if (last !== null && !sameSet(before.validators, last.validators)) {
    throw new VerificationError("epochs.skipped", `between two transitions, before size ${size}, the validators were changed once more`);
  }
  const timeS = cosignatures.reduce((newest, [, time]) => (time > newest ? time : newest), 0n);
  return { size, root, timeS, origin, chainId: header.chainId, before: before.validators, validators: parseValidators(valueOf(step.after)) };
}

/**
 * @param {Validator[]} one
 * @param {Validator[]} other
 */
function sameSet(one, other) {
  return equal(encode(one.map(({ row }) => row)), encode(other.map(({ row }) => row)));
}

/**
 * Check that `found` tells of the same changes as `known`, and perhaps of more. Throws VerificationError (`epochs.fork`), CannotTellError
 * (`epochs.older`).
 * @param {Transitions} known
 * @param {Transitions} found
 */
export function checkExtends(known, found) {
  for (const [number, { checkpointText }] of known.steps.slice(0, found.steps.length).entries()) {
    const [mine, other] = [parseCheckpoint(checkpointText), parseCheckpoint(found.steps[number].checkpointText)];
    if (mine.origin !== other.origin || mine.size !== other.size || !equal(mine.root, other.root)) {
      throw new VerificationError("epochs.fork", `transition ${number} is another one than is kept here: there are two histories of the validators`);
    }
  }
  if (found.steps.length < known.steps.length) {
    throw new CannotTellError("epochs.older", `this tells of ${found.steps.length} changes; ${known.steps.length} are known here already`);
  }
}
