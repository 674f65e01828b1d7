/**
 * Walking the ledger on this device: checkpoint, tiles, entries, records, signatures, and what ties one block to the next.
 *
 * Rules: the leaves are hashed here, and a bundle counts only if its own hashes lead to the root that the checkpoint signs; so nothing in the
 * range can be changed, left out or put in. Of each entry the author's signature and the root over its records are checked, of each header its
 * number, its parent, its time and its proposer's signature. One bundle of 256 leaves at a time; it can be stopped at any time.
 *
 * What this module does not do: judge by the rules of the chain, or make the state again. That is `sogoc audit`.
 */

import { equal, fromHex, toHex } from "../../verify/bytes.js";
import { verify } from "../../verify/ed25519.js";
import { parseEntryLeaf, verifyEntrySignature } from "../../verify/entry.js";
import { CannotTellError, FormatError, LedgerError, VerificationError } from "../../verify/errors.js";
import { HEADER_CONTEXT, leafHash, sha256, signedMessage } from "../../verify/hash.js";
import { parseHeaderLeaf } from "../../verify/header.js";
import { rootOfLeaves, verifyInclusion } from "../../verify/merkle.js";
import { decode, encode } from "../../verify/msgpack.js";
import { Tiles, tilePath } from "../tiles.js";

export const WIDTH = 256;
const MAX_BUNDLE_BYTES = 20_000_000;

/** @typedef {{leaves: number, entries: number, records: number, blocks: number, signatures: number}} Counts */
/**
 * @typedef {object} Work
 * @property {{size: bigint, root: Uint8Array}} checkpoint one that passed the kept policy
 * @property {string|null} chainId hexadecimal; null if this device does not know it: then the headers' own, which must agree
 * @property {number} from first leaf
 * @property {number} to behind the last leaf
 * @property {(path: string) => Promise<Uint8Array|null>} read tiles and bundles of the server
 * @property {(counts: Counts, leaf: number) => void} [onprogress]
 * @property {AbortSignal} [signal]
 */

/**
 * Reads a bundle bit by bit.
 */
class Reader {
  /** @param {Uint8Array} data */
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  number() {
    if (this.at + 2 > this.data.length) throw new FormatError("tiles.truncated", "a bundle ends too early");
    this.at += 2;
    return this.data[this.at - 2] * 256 + this.data[this.at - 1];
  }

  item() {
    const size = this.number();
    if (this.at + size > this.data.length) throw new FormatError("tiles.truncated", "a bundle ends too early");
    this.at += size;
    return this.data.subarray(this.at - size, this.at);
  }

  end() {
    if (this.at !== this.data.length) throw new FormatError("tiles.bundle-width", "a bundle goes on behind its last leaf");
  }
}

/** @param {Uint8Array} data @param {number} width */
function entriesOf(data, width) {
  const reader = new Reader(data);
  const found = Array.from({ length: width }, () => reader.item());
  reader.end();
  return found;
}

/** @param {Uint8Array} data @param {number} width */
function recordsOf(data, width) {
  const reader = new Reader(data);
  const found = Array.from({ length: width }, () => Array.from({ length: reader.number() }, () => reader.item()));
  reader.end();
  return found;
}

/**
 * Check a stretch of the ledger. Throws VerificationError or FormatError (with `leaf`, where), or CannotTellError.
 * @param {Work} work
 * @returns {Promise<Counts>}
 */
export async function audit({ checkpoint, chainId, from, to, read, onprogress = () => {}, signal }) {
  const size = Number(checkpoint.size);
  if (!Number.isSafeInteger(size) || from < 0 || to > size || from >= to) throw new CannotTellError("audit.range", "there is no such stretch of the ledger");
  /** @type {Counts} */
  const counts = { leaves: 0, entries: 0, records: 0, blocks: 0, signatures: 0 };
  const walk = new Walk(chainId === null ? null : fromHex(chainId), counts);
  for (let n = Math.floor(from / WIDTH); n * WIDTH < to; n++) {
    signal?.throwIfAborted();
    const width = Math.min(WIDTH, size - n * WIDTH);
    const [leaves, records] = await stoppable(Promise.all([
      bundle(read, "entries", n, width).then((data) => entriesOf(data, width)), bundle(read, "records", n, width).then((data) => recordsOf(data, width)),
    ]), signal);
    await stoppable(checkTile(leaves, n, checkpoint, read), signal);
    await walk.take(leaves, records, n * WIDTH);
    onprogress(counts, n * WIDTH + width);
  }
  return counts;
}

/**
 * What comes of a promise, unless it is told to stop before: a server that never answers must not hold anybody.
 * @template T
 * @param {Promise<T>} work
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
function stoppable(work, signal) {
  if (!signal) return work;
  work.catch(() => {});
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/**
 * @param {Work["read"]} read
 * @param {string} level
 * @param {number} n
 * @param {number} width
 */
async function bundle(read, level, n, width) {
  const data = await read(tilePath(level, n, width));
  if (data === null) throw new CannotTellError("audit.outage", `${tilePath(level, n, width)} could not be had`);
  if (data.length > MAX_BUNDLE_BYTES) throw new FormatError("tiles.bundle-size", "a bundle is larger than any can be");
  return data;
}

/**
 * That these leaves are those under the root. The path of the first leaf goes through all hashes of its tile, which are made here; what stands
 * beside the tile comes from the server, and is believed as far as it leads to the root.
 * @param {Uint8Array[]} leaves
 * @param {number} n
 * @param {{size: bigint, root: Uint8Array}} checkpoint
 * @param {Work["read"]} read
 */
async function checkTile(leaves, n, { size, root }, read) {
  const hashes = await Promise.all(leaves.map(leafHash));
  const tile = new Uint8Array(32 * hashes.length);
  hashes.forEach((hash, at) => tile.set(hash, 32 * at));
  const tiles = new Tiles(Number(size), read);
  tiles.held.set(tilePath("0", n, leaves.length), Promise.resolve(tile));
  let path;
  try {
    path = await inclusion(tiles, n * WIDTH, 0, Number(size));
  } catch (error) {
    if (error instanceof LedgerError) throw error;
    throw new CannotTellError("audit.outage", `tiles beside bundle ${n} could not be had`);
  }
  await placed(n * WIDTH, () => verifyInclusion(hashes[0], BigInt(n * WIDTH), size, path, root));
}

/**
 * The inclusion proof of a leaf, lowest first (RFC 9162 §2.1.3.1).
 * @param {Tiles} tiles
 * @param {number} leaf
 * @param {number} from
 * @param {number} to
 * @returns {Promise<Uint8Array[]>}
 */
async function inclusion(tiles, leaf, from, to) {
  if (to - from === 1) return [];
  let half = 1;
  while (half * 2 < to - from) half *= 2;
  const middle = from + half;
  return leaf < middle
    ? [...(await inclusion(tiles, leaf, from, middle)), await tiles.range(middle, to)]
    : [...(await inclusion(tiles, leaf, middle, to)), await tiles.range(from, middle)];
}

/**
 * Say where it was that something failed.
 * @template T
 * @param {number} leaf
 * @param {() => Promise<T>|T} check
 */
async function placed(leaf, check) {
  try {
    return await check();
  } catch (error) {
    if (error instanceof LedgerError) Object.assign(error, { leaf });
    throw error;
  }
}

/** What ties one leaf to the next. */
class Walk {
  /** @param {Uint8Array|null} chainId @param {Counts} counts */
  constructor(chainId, counts) {
    this.chainId = chainId;
    this.counts = counts;
    /** @type {{header: import("../../verify/header.js").Header, hash: Uint8Array}|null} */
    this.before = null;
    /** Entries seen since the header before, or null if the stretch began in the middle of a block. @type {number|null} */
    this.entries = null;
  }

  /** @param {Uint8Array[]} leaves @param {Uint8Array[][]} records @param {number} first */
  async take(leaves, records, first) {
    // Signatures side by side, the order of things one by one.
    await Promise.all(leaves.map((leaf, at) => placed(first + at, () => this.#signed(leaf, records[at], first + at))));
    for (const [at, leaf] of leaves.entries()) await placed(first + at, () => this.#follows(leaf, first + at));
    this.counts.leaves += leaves.length;
  }

  /** @param {Uint8Array} id */
  #sameChain(id) {
    this.chainId ??= id;
    if (!equal(this.chainId, id)) throw new VerificationError("audit.chain", `this leaf is of another ledger, ${toHex(id).slice(0, 16)}`);
  }

  /** @param {Uint8Array} leaf @param {Uint8Array[]} records @param {number} index */
  async #signed(leaf, records, index) {
    if (isHeader(leaf)) {
      const header = parseHeaderLeaf(leaf);
      if (header.height === 0) return;
      if (records.length !== 1 || records[0].length !== 64) throw new FormatError("audit.header-signature", "beside a header stands its proposer's signature");
      await verify(header.proposer, records[0], signedMessage(HEADER_CONTEXT, encode(header.value)));
      this.counts.signatures++;
      return;
    }
    if (index === 0) {
      if (records.length) throw new FormatError("audit.genesis", "nothing stands beside the genesis leaf");
      return;
    }
    const { body, signature } = parseEntryLeaf(leaf);
    this.#sameChain(body.chainId);
    await verifyEntrySignature(body, signature);
    if (records.length !== body.count || !equal(await rootOfLeaves(records), body.recordsRoot)) {
      throw new VerificationError("entry.records-root", "the records are not those that were signed");
    }
    this.counts.signatures++;
    this.counts.entries++;
    this.counts.records += records.length;
  }

  /** @param {Uint8Array} leaf @param {number} index */
  async #follows(leaf, index) {
    if (index === 0) {
      const value = decode(leaf);
      if (!Array.isArray(value) || value[0] !== 2) throw new FormatError("audit.genesis", "the first leaf is the genesis document");
      this.#sameChain(await sha256(encode(value[1])));
      this.entries = 1;
      return;
    }
    if (!isHeader(leaf)) {
      if (this.entries !== null) this.entries++;
      return;
    }
    const header = parseHeaderLeaf(leaf);
    this.#sameChain(header.chainId);
    if (header.index !== BigInt(index)) throw new VerificationError("audit.header-index", `the header of index ${header.index} stands at ${index}`);
    if (this.entries !== null && header.entryCount !== this.entries) throw new VerificationError("audit.header-count", `the header counts ${header.entryCount} entries, and ${this.entries} stand before it`);
    const { before } = this;
    if (before) {
      if (header.height !== before.header.height + 1 || !equal(header.parent, before.hash)) throw new VerificationError("audit.parent", `block ${header.height} does not follow block ${before.header.height}`);
      if (header.timeMs < before.header.timeMs) throw new VerificationError("audit.time", `block ${header.height} is older than the one before it`);
    }
    this.before = { header, hash: await leafHash(leaf) };
    this.entries = 0;
    this.counts.blocks++;
  }
}

/** `[1, header]` begins so. @param {Uint8Array} leaf */
const isHeader = (leaf) => leaf[0] === 0x92 && leaf[1] === 0x01;
