/**
 * The Merkle tree of RFC 9162: roots, and checking inclusion and consistency proofs (docs/spec.md §2).
 *
 * Rules: the shape of a proof follows from index and sizes alone, its length must be exactly that, and nothing in the proof
 * says where a hash belongs. `0 <= index < size < 2^63`, so indexes and sizes are BigInt; hashes have 32 bytes; a proof has at
 * most 64. A check returns nothing or throws.
 */

import { equal, isHash } from "./bytes.js";
import { FormatError, VerificationError } from "./errors.js";
import { EMPTY_ROOT, leafHash, nodeHash } from "./hash.js";

export const MAX_SIZE = 2n ** 63n - 1n;
export const MAX_PATH = 64;

/**
 * Number of bits that a number needs.
 * @param {bigint} value
 */
export function bitLength(value) {
  return value === 0n ? 0 : value.toString(2).length;
}

/**
 * Number of one bits.
 * @param {bigint} value
 */
export function bitCount(value) {
  return value.toString(2).replaceAll("0", "").length;
}

/** @param {bigint} size */
function checkSize(size) {
  if (size < 0n || size > MAX_SIZE) {
    throw new VerificationError("proof.size", `A tree cannot have ${size} leaves.`);
  }
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function checkHash(value, what) {
  if (!isHash(value)) {
    throw new VerificationError("proof.hash", `The ${what} is not 32 bytes.`);
  }
}

/**
 * @param {Uint8Array[]} proof
 * @param {number} expected
 */
function checkProof(proof, expected) {
  if (proof.length !== expected || expected > MAX_PATH) {
    throw new VerificationError("proof.length", `The proof has ${proof.length} hashes, not ${expected}.`);
  }
  for (const value of proof) {
    checkHash(value, "proof's hash");
  }
}

/**
 * The root of the tree of `size` leaves in which `proof` (leaf upwards) puts a leaf hash at `index` (RFC 9162 §2.1.3.2).
 * @param {Uint8Array} hash
 * @param {bigint} index
 * @param {bigint} size
 * @param {Uint8Array[]} proof
 * @returns {Promise<Uint8Array>}
 */
export async function rootFromInclusion(hash, index, size, proof) {
  checkSize(size);
  if (index < 0n || index >= size) {
    throw new VerificationError("proof.index", `There is no leaf ${index} in a tree of ${size} leaves.`);
  }
  checkHash(hash, "leaf hash");
  // Up to the level where the way from this leaf meets the tree's right edge there is one sibling a level, on the side the
  // bit of the index says; above it, only left siblings, one for each bit set.
  const inner = bitLength(index ^ (size - 1n));
  checkProof(proof, inner + bitCount(index >> BigInt(inner)));
  let result = hash;
  for (const [level, sibling] of proof.entries()) {
    const onLeft = level >= inner || (index >> BigInt(level)) & 1n;
    result = await (onLeft ? nodeHash(sibling, result) : nodeHash(result, sibling));
  }
  return result;
}

/**
 * Check that a leaf hash is leaf `index` of the tree of `size` leaves with root `root` (RFC 9162 §2.1.3.2).
 * Throws VerificationError (`proof.*`).
 * @param {Uint8Array} hash
 * @param {bigint} index
 * @param {bigint} size
 * @param {Uint8Array[]} proof
 * @param {Uint8Array} root
 */
export async function verifyInclusion(hash, index, size, proof, root) {
  checkHash(root, "root");
  if (!equal(await rootFromInclusion(hash, index, size, proof), root)) {
    throw new VerificationError("proof.root-mismatch", `The proof does not lead from leaf ${index} to the root of ${size} leaves.`);
  }
}

/**
 * Check that the tree of `size2` leaves with `root2` extends the one of `size1` with `root1` (RFC 9162 §2.1.4.2).
 * Throws VerificationError (`proof.*`).
 * @param {bigint} size1
 * @param {bigint} size2
 * @param {Uint8Array[]} proof
 * @param {Uint8Array} root1
 * @param {Uint8Array} root2
 */
export async function verifyConsistency(size1, size2, proof, root1, root2) {
  checkSize(size1);
  checkSize(size2);
  if (size1 > size2) {
    throw new VerificationError("proof.size", `A tree of ${size2} leaves does not extend one of ${size1}.`);
  }
  checkHash(root1, "first root");
  checkHash(root2, "second root");
  if ((size1 === 0n && !equal(root1, EMPTY_ROOT)) || (size2 === 0n && !equal(root2, EMPTY_ROOT))) {
    throw new VerificationError("proof.root-mismatch", "The root of the empty tree is the hash of nothing.");
  }
  if (size1 === 0n || size1 === size2) {
    checkProof(proof, 0);
    if (size1 === size2 && !equal(root1, root2)) {
      throw new VerificationError("proof.root-mismatch", `Two trees of ${size1} leaves have different roots.`);
    }
    return;
  }
  await verifyGrowth(size1, size2, proof, root1, root2);
}

/**
 * @param {bigint} size1
 * @param {bigint} size2
 * @param {Uint8Array[]} proof
 * @param {Uint8Array} root1
 * @param {Uint8Array} root2
 */
async function verifyGrowth(size1, size2, proof, root1, root2) {
  // The way up starts at the smallest complete subtree that ends where the old tree ends. If that is the whole old tree, the
  // verifier has its hash; otherwise it is the first of the proof.
  const last = size1 - 1n;
  const startLevel = bitLength(size1 & -size1) - 1;
  const whole = size1 === 1n << BigInt(startLevel);
  const inner = bitLength(last ^ (size2 - 1n));
  checkProof(proof, inner - startLevel + bitCount(last >> BigInt(inner)) + (whole ? 0 : 1));
  let old = whole ? root1 : proof[0];
  let grown = old;
  for (const [step, sibling] of (whole ? proof : proof.slice(1)).entries()) {
    const level = startLevel + step;
    if (level >= inner || (last >> BigInt(level)) & 1n) {
      old = await nodeHash(sibling, old);
      grown = await nodeHash(sibling, grown);
    } else {
      // A right sibling here holds leaves that the old tree did not have.
      grown = await nodeHash(grown, sibling);
    }
  }
  if (!equal(old, root1)) {
    throw new VerificationError("proof.root-mismatch", `The proof does not rebuild the root of ${size1} leaves.`);
  }
  if (!equal(grown, root2)) {
    throw new VerificationError("proof.root-mismatch", `The proof does not rebuild the root of ${size2} leaves.`);
  }
}

/**
 * The tree root over leaves that are already hashed (RFC 9162 §2.1.1); a last node without a neighbour moves up as it is.
 * @param {Uint8Array[]} hashes
 * @returns {Promise<Uint8Array>}
 */
export async function rootOfHashes(hashes) {
  let level = hashes;
  while (level.length > 1) {
    const pairs = [];
    for (let at = 0; at < level.length; at += 2) {
      pairs.push(at + 1 < level.length ? nodeHash(level[at], level[at + 1]) : level[at]);
    }
    level = await Promise.all(pairs);
  }
  return level.length ? level[0] : EMPTY_ROOT;
}

/**
 * The tree root over leaves, by their data.
 * @param {Uint8Array[]} leaves
 */
export async function rootOfLeaves(leaves) {
  return rootOfHashes(await Promise.all(leaves.map(leafHash)));
}

/**
 * The root of a tree that is kept as the roots of its complete subtrees, largest first. Throws FormatError (`merkle.*`).
 * @param {number|bigint} size leaves
 * @param {unknown[]} peaks one hash for each bit set in `size`
 * @returns {Promise<Uint8Array>}
 */
export async function rootOfPeaks(size, peaks) {
  const count = bitCount(BigInt(size));
  if (peaks.length !== count || !peaks.every(isHash)) {
    throw new FormatError("merkle.peaks", `A tree of ${size} leaves has ${count} complete subtrees, of 32 bytes each.`);
  }
  const hashes = /** @type {Uint8Array[]} */ (peaks);
  let result = hashes.at(-1);
  for (let at = hashes.length - 2; at >= 0; at--) {
    result = await nodeHash(hashes[at], /** @type {Uint8Array} */ (result));
  }
  return result ?? EMPTY_ROOT;
}
