/**
 * Ed25519 as the ledger means it: which signatures are valid, and which keys may be listed (docs/spec.md §3).
 *
 * Rules: the y of A and of R is below p; neither is of small order; S is below L; and S·B − k·A equals R byte for byte, without
 * the cofactor. The byte checks are made here. The equation is WebCrypto's, and is not trusted by its name: before first use
 * the browser must accept one good signature and refuse two that only the cofactored equation accepts; if it does not, nothing
 * is judged (`browser.no-ed25519`, `browser.cofactored`).
 */

import { ascii, fromHex, toHex } from "./bytes.js";
import { CannotTellError, VerificationError } from "./errors.js";
import { FIELD_PRIME, GROUP_ORDER, isInSubgroup, littleEndian } from "./point.js";
import { noEd25519, subtle } from "./platform.js";

const Y_MASK = 2n ** 255n - 1n;

/** Every encoding of a point of small order with a y below p: five y's, each with either sign. */
const SMALL_ORDER = new Set(
  [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  ].flatMap((y) => [y, y.slice(0, 62) + (parseInt(y.slice(62), 16) | 0x80).toString(16).padStart(2, "0")]),
);

const PROBE_MESSAGE = ascii("sogoc/v1/cofactor-probe");

/** A good signature; then two that satisfy the cofactored equation only (a torsion point added to R, and to A). */
const PROBES = [
  [
    "04eaac4dd17b622555299700879256ecff6a59e2657ca5ca27f3cc4dc1c1a1ed",
    "512ca50aa8aced23c7e57c0605e307f0fe46af0255edb5f7a397062e8bf09bf3" +
      "804f555a62f7e9fa30c3835ca0523eb9eb1d25ad79ea0110b6ad08febbc18207",
  ],
  [
    "c754d3ab33e3a5688fc99efd0d5826498f74687c0344482e8a34e59576b078f2",
    "507a7fac547f595d44fdce98b5397f7b2a819db8bdfab85c3bcc0ec47ccf6739" +
      "4843cb5d9a77afed4e247442413f3ad4bcc394ac41168f62fab40a530ef9be0d",
  ],
  [
    "6e5f6fbf0062c3f0b7b65c6462785b7d636be08276d4db3f0fc041e66862465e",
    "affa978c80323490c45af6fe40408f5660be585f9ccdbe1f1bdb5d711a4d5fae" +
      "3de15103fc9b782ceac83dea1173ac2a5ad736b5faa60f2a7828c2f813bc5d0b",
  ],
].map(([key, signature]) => [fromHex(key), fromHex(signature)]);

/** @type {Promise<void>|null} */
let probed = null;

/**
 * Find out, once, whether this browser checks Ed25519 as the ledger needs it. Throws CannotTellError (`browser.*`).
 * @returns {Promise<void>}
 */
export function checkBrowser() {
  probed ??= probe();
  return probed;
}

async function probe() {
  const [good, ...cofactored] = await Promise.all(
    PROBES.map(async ([key, signature]) => equation(key, signature, PROBE_MESSAGE)),
  );
  if (!good) {
    throw noEd25519();
  }
  if (cofactored.includes(true)) {
    throw new CannotTellError("browser.cofactored", "this browser accepts signatures that the ledger's rule refuses");
  }
}

/**
 * What WebCrypto says; false also where it refuses to read the key.
 * @param {Uint8Array} publicKey
 * @param {Uint8Array} signature
 * @param {Uint8Array} message
 * @returns {Promise<boolean>}
 */
async function equation(publicKey, signature, message) {
  const crypto = subtle();
  try {
    const key = await crypto.importKey("raw", /** @type {BufferSource} */ (publicKey), "Ed25519", false, ["verify"]);
    return await crypto.verify("Ed25519", key, /** @type {BufferSource} */ (signature), /** @type {BufferSource} */ (message));
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") {
      throw noEd25519();
    }
    return false;
  }
}

/** @param {Uint8Array} encoded */
function isYBelowP(encoded) {
  return (littleEndian(encoded) & Y_MASK) < FIELD_PRIME;
}

/**
 * @param {string} word
 * @param {string} what
 */
function wrong(word, what) {
  return new VerificationError(`signature.${word}`, what);
}

/**
 * Check a signature by the ledger's rule. Throws VerificationError (`signature.*`), or CannotTellError (`browser.*`).
 * @param {Uint8Array} publicKey 32 bytes
 * @param {Uint8Array} signature 64 bytes
 * @param {Uint8Array} message
 */
export async function verify(publicKey, signature, message) {
  if (publicKey.length !== 32 || signature.length !== 64) {
    throw wrong("size", `a key has 32 bytes and a signature 64; these have ${publicKey.length} and ${signature.length}`);
  }
  if (SMALL_ORDER.has(toHex(publicKey))) throw wrong("key-small-order", "the public key is a point of small order");
  if (!isYBelowP(publicKey)) throw wrong("key-not-canonical", "the public key's y is not below p");
  const r = signature.subarray(0, 32);
  if (SMALL_ORDER.has(toHex(r))) throw wrong("r-small-order", "the signature's R is a point of small order");
  if (!isYBelowP(r)) throw wrong("r-not-canonical", "the y of the signature's R is not below p");
  if (littleEndian(signature.subarray(32)) >= GROUP_ORDER) {
    throw wrong("s-not-canonical", "the signature's S is not below the group order");
  }
  await checkBrowser();
  if (!(await equation(publicKey, signature, message))) {
    throw wrong("mismatch", "the signature is not this key's signature over this message");
  }
}

/** Keys found fit, so that a policy that is read again costs nothing. @type {Set<string>} */
const fit = new Set();

/**
 * Check that a key may be registered or listed in a policy: 32 bytes, canonical, not of small order, in the prime-order
 * subgroup. Throws VerificationError (`key.*`).
 * @param {Uint8Array} publicKey
 */
export function checkPublicKey(publicKey) {
  if (publicKey.length !== 32) {
    throw new VerificationError("key.size", `a public key has 32 bytes, this one ${publicKey.length}`);
  }
  const hex = toHex(publicKey);
  if (fit.has(hex)) return;
  if (!isYBelowP(publicKey)) throw new VerificationError("key.not-canonical", "the public key's y is not below p");
  if (SMALL_ORDER.has(hex)) throw new VerificationError("key.small-order", "the public key is a point of small order");
  if (!isInSubgroup(publicKey)) {
    throw new VerificationError("key.not-in-subgroup", "the public key is not a point of the prime-order subgroup");
  }
  if (fit.size < 1_024) fit.add(hex);
}
