/**
 * Hashes of the log's tree out of C2SP tlog-tiles, to prove that one tree continues another.
 *
 * Rules: addresses follow from sizes alone; a tile is asked for once; what a tile says is believed only as far as it leads to a root
 * that a checkpoint signs, which is the caller's business.
 */

import { hashFile } from "../verify/index.js";

const HEIGHT = 8;
const WIDTH = 256;
const HASH_SIZE = 32;

/**
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
function nodeHash(left, right) {
  const input = new Uint8Array(1 + 2 * HASH_SIZE);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 1 + HASH_SIZE);
  return hashFile(input);
}

/** Reads nodes of the tree of `size` leaves. */
export class Tiles {
  /**
   * @param {number} size
   * @param {(path: string) => Promise<Uint8Array|null>} read a file by its path
   */
  constructor(size, read) {
    this.size = size;
    this.read = read;
    /** @type {Map<string, Promise<Uint8Array>>} */
    this.held = new Map();
  }

  /**
   * The root over the leaves `from` … `to` - 1, which begins at a multiple of the largest power of two in it.
   * @param {number} from
   * @param {number} to
   * @returns {Promise<Uint8Array>}
   */
  async range(from, to) {
    const count = to - from;
    const half = halfOf(count);
    if (count === 1 || half * 2 === count) return this.node(Math.log2(count), from / count);
    return nodeHash(await this.range(from, from + half), await this.range(from + half, to));
  }

  /**
   * @param {number} level 0: leaves
   * @param {number} index
   * @returns {Promise<Uint8Array>}
   */
  async node(level, index) {
    const tileLevel = Math.floor(level / HEIGHT);
    const span = 2 ** (level % HEIGHT);
    const first = index * span;
    const tile = await this.tile(tileLevel, Math.floor(first / WIDTH));
    const start = (first % WIDTH) * HASH_SIZE;
    let hashes = [];
    for (let at = 0; at < span; at++) hashes.push(tile.subarray(start + at * HASH_SIZE, start + (at + 1) * HASH_SIZE));
    if (hashes.some((hash) => hash.length !== HASH_SIZE)) throw new Error("a tile is too short");
    while (hashes.length > 1) {
      const pairs = [];
      for (let at = 0; at < hashes.length; at += 2) pairs.push(nodeHash(hashes[at], hashes[at + 1]));
      hashes = await Promise.all(pairs);
    }
    return hashes[0];
  }

  /**
   * @param {number} level
   * @param {number} n
   * @returns {Promise<Uint8Array>}
   */
  tile(level, n) {
    const width = Math.min(WIDTH, Math.floor(this.size / WIDTH ** level) - n * WIDTH);
    const path = tilePath(String(level), n, width);
    let tile = this.held.get(path);
    if (!tile) {
      tile = this.read(path).then((bytes) => {
        if (bytes === null || bytes.length !== width * HASH_SIZE) throw new Error(`${path} could not be read`);
        return bytes;
      });
      this.held.set(path, tile);
    }
    return tile;
  }

  /**
   * The consistency proof from the tree of `old` leaves to this one (RFC 9162 §2.1.4.1).
   * @param {number} old
   * @returns {Promise<Uint8Array[]>}
   */
  consistency(old) {
    return Promise.all(steps(old, 0, this.size, true).map(([from, to]) => this.range(from, to)));
  }
}

/**
 * The path of a tile or bundle (c2sp.org/tlog-tiles).
 * @param {string} level a number, `entries` or `records`
 * @param {number} n
 * @param {number} width
 */
export function tilePath(level, n, width) {
  let name = String(n % 1000).padStart(3, "0");
  for (let rest = Math.floor(n / 1000); rest > 0; rest = Math.floor(rest / 1000)) name = `x${String(rest % 1000).padStart(3, "0")}/${name}`;
  return `tile/${level}/${name}${width < WIDTH ? `.p/${width}` : ""}`;
}

/** @param {number} count @returns {number} the largest power of two below it, or 1 */
function halfOf(count) {
  let half = 1;
  while (half * 2 < count) half *= 2;
  return half;
}

/**
 * Which subtrees a consistency proof is made of, in order.
 * @param {number} old leaves of the old tree within this part
 * @param {number} from
 * @param {number} to
 * @param {boolean} isKnown the verifier has the hash of the old tree, as far as it lies here
 * @returns {[number, number][]}
 */
function steps(old, from, to, isKnown) {
  const count = to - from;
  if (old === count) return isKnown ? [] : [[from, to]];
  const half = halfOf(count);
  return old <= half
    ? [...steps(old, from, from + half, isKnown), [from + half, to]]
    : [...steps(old - half, from + half, to, false), [from, from + half]];
}
