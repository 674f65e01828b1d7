/**
 * State proofs: that a row is in the state, or that no row has a key (docs/spec.md §7).
 *
 * Rules: the path is SHA-256(key), most significant bit first, and its bits alone say on which side each sibling stands. A leaf is
 * SHA-256(00 ‖ SHA-256(key) ‖ SHA-256(value)); an empty subtree is 32 zero bytes; a subtree with one leaf is that leaf. At most
 * 256 siblings, root first, the deepest never empty.
 */

import { concat, equal, isBytes, toHex } from "./bytes.js";
import { FormatError, VerificationError } from "./errors.js";
import { leafHash, nodeHash, sha256 } from "./hash.js";

const EMPTY = new Uint8Array(32);

/**
 * @typedef {{key: Uint8Array, value: Uint8Array|null, siblings: Uint8Array[], otherLeaf: Uint8Array|null}} StateProof
 */

/**
 * Bit `depth` of a path, the first the most significant.
 * @param {Uint8Array} path
 * @param {number} depth
 */
function bitOf(path, depth) {
  return (path[depth >> 3] >> (7 - (depth & 7))) & 1;
}

/**
 * The proof that a decoded value `[key, value, present, siblings, other leaf]` is. Throws FormatError (`state-proof.*`).
 * @param {any} value
 * @returns {StateProof}
 */
export function parseStateProof(value) {
  if (!Array.isArray(value) || value.length !== 5) {
    throw new FormatError("state-proof.shape", "A state proof is an array of 5.");
  }
  const [key, row, present, siblings, other] = value;
  if (!isBytes(key) || !key.length) {
    throw new FormatError("state-proof.key", "The key of a state proof is a bin that is not empty.");
  }
  if (row !== null && (!isBytes(row) || !row.length)) {
    throw new FormatError("state-proof.value", "The value of a state proof is nil or a bin that is not empty.");
  }
  if (!isBytes(present) || present.length > 32 || present.at(-1) === 0) {
    throw new FormatError("state-proof.present", "The bits of a state proof are a bin of at most 32 bytes, the last of them not zero.");
  }
  if (!isBytes(siblings)) {
    throw new FormatError("state-proof.siblings", "The siblings of a state proof are a bin.");
  }
  const spread = spreadOut(present, siblings);
  if (other !== null && (row !== null || !isBytes(other) || other.length !== 64)) {
    throw new FormatError("state-proof.other-leaf", "The other leaf of a state proof is 64 bytes, and only a proof of absence has one.");
  }
  return { key, value: row, siblings: spread, otherLeaf: other };
}

/**
 * Put the siblings that are not empty where their bits are, and empty ones between them.
 * @param {Uint8Array} present
 * @param {Uint8Array} siblings
 * @returns {Uint8Array[]}
 */
function spreadOut(present, siblings) {
  const bits = Array.from({ length: 8 * present.length }, (_, depth) => bitOf(present, depth));
  const count = bits.filter((bit) => bit).length;
  if (siblings.length !== 32 * count) {
    throw new FormatError("state-proof.siblings", `A state proof with ${count} bits set has ${siblings.length} bytes of siblings.`);
  }
  let at = 0;
  // The last bit set is the deepest sibling; the bits behind it only fill its byte.
  return bits.slice(0, bits.lastIndexOf(1) + 1).map((bit) => {
    if (!bit) return EMPTY;
    const sibling = siblings.subarray(at, at + 32);
    at += 32;
    if (equal(sibling, EMPTY)) {
      throw new FormatError("state-proof.siblings", "An empty sibling in a state proof is a bit, not 32 zero bytes.");
    }
    return sibling;
  });
}

/**
 * Check that the state with root `root` has `value` under `key`. Throws VerificationError (`state-proof.*`).
 * @param {Uint8Array} root
 * @param {Uint8Array} key
 * @param {Uint8Array} value
 * @param {StateProof} proof
 */
export async function verifyMembership(root, key, value, proof) {
  checkKey(proof, key);
  if (proof.value === null || !equal(proof.value, value) || !value.length) {
    throw new VerificationError("state-proof.value", "The state proof is not about this value.");
  }
  const path = await sha256(key);
  await checkRoot(root, proof.siblings, path, await leafHash(concat(path, await sha256(value))));
}

/**
 * Check that the state with root `root` has nothing under `key`. Throws VerificationError (`state-proof.*`).
 * @param {Uint8Array} root
 * @param {Uint8Array} key
 * @param {StateProof} proof
 */
export async function verifyAbsence(root, key, proof) {
  checkKey(proof, key);
  if (proof.value !== null) {
    throw new VerificationError("state-proof.value", "The state proof is about a key that has a value.");
  }
  const path = await sha256(key);
  /** @type {Uint8Array} */
  let node = EMPTY;
  if (proof.otherLeaf !== null) {
    const other = proof.otherLeaf.subarray(0, 32);
    const levels = proof.siblings.length;
    const agrees = Array.from({ length: levels }, (_, depth) => depth).every((depth) => bitOf(other, depth) === bitOf(path, depth));
    if (equal(other, path) || !agrees) {
      throw new VerificationError("state-proof.other-leaf", "The leaf shown is not another one in the place of this key.");
    }
    node = await leafHash(proof.otherLeaf);
  }
  await checkRoot(root, proof.siblings, path, node);
}

/**
 * @param {StateProof} proof
 * @param {Uint8Array} key
 */
function checkKey(proof, key) {
  if (!equal(proof.key, key) || !key.length) {
    throw new VerificationError("state-proof.key", "The state proof is not about this key.");
  }
}

/**
 * Check that `node`, at the depth of the deepest sibling on a path, leads to `root`.
 * @param {Uint8Array} root
 * @param {Uint8Array[]} siblings
 * @param {Uint8Array} path
 * @param {Uint8Array} node
 */
async function checkRoot(root, siblings, path, node) {
  if (!equal(await foldSiblings(siblings, path, node), root)) {
    throw new VerificationError("state-proof.root-mismatch", `The state proof does not lead to the state root ${toHex(root)}.`);
  }
}

/**
 * The root to which `node`, at the depth of the deepest sibling on a path, leads.
 * @param {Uint8Array[]} siblings root first
 * @param {Uint8Array} path
 * @param {Uint8Array} node
 */
export async function foldSiblings(siblings, path, node) {
  let result = node;
  for (let depth = siblings.length - 1; depth >= 0; depth--) {
    result = await (bitOf(path, depth) ? nodeHash(siblings[depth], result) : nodeHash(result, siblings[depth]));
  }
  return result;
}

/**
 * The root of a whole state, given as its rows: for the first state, which follows from the genesis document.
 * @param {[Uint8Array, Uint8Array][]} rows keys and values
 * @returns {Promise<Uint8Array>}
 */
export async function rootOfRows(rows) {
  const leaves = rows.map(async ([key, value]) => {
    const path = await sha256(key);
    return { path, hash: await leafHash(concat(path, await sha256(value))) };
  });
  return subtree(await Promise.all(leaves), 0);
}

/**
 * @param {{path: Uint8Array, hash: Uint8Array}[]} leaves
 * @param {number} depth
 * @returns {Promise<Uint8Array>}
 */
async function subtree(leaves, depth) {
  if (leaves.length < 2) return leaves[0]?.hash ?? EMPTY;
  const [left, right] = [0, 1].map((side) => subtree(leaves.filter(({ path }) => bitOf(path, depth) === side), depth + 1));
  return nodeHash(await left, await right);
}
