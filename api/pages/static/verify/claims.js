/**
 * Claims of a certificate: a commitment to all of them, so that each may be shown without the others (docs/spec.md, "Claims").
 *
 * Rules: the ledger holds the RFC 9162 root over encode([name, value, HMAC-SHA-256(salt, name)]), one leaf a claim in the schema's order,
 * and their count. In a file claims are `[0, salt, [[name, value], …]]` (all) or `[1, count, [[index, name, value, mac, [path, …]], …]]`.
 */

import { ascii, equal, isBytes, isHash, toUtf8 } from "./bytes.js";
import { CannotTellError, FormatError, VerificationError } from "./errors.js";
import { hmac, leafHash } from "./hash.js";
import { MAX_PATH, rootOfHashes, verifyInclusion } from "./merkle.js";
import { encode } from "./msgpack.js";

/** @typedef {{name: string, value: string|number|boolean|null}} Claim */
/** @typedef {{index: number, claim: Claim, mac: Uint8Array, path: Uint8Array[]}} ShownClaim */
/**
 * Claims as they came: all with the salt, or some with their paths. `shown` are those that can be read.
 * @typedef {{shown: Claim[], count: number, salt: Uint8Array|null, items: ShownClaim[]}} Claims
 */

const MAX_CLAIMS = 256;
const MAX_VALUE_BYTES = 4_096;

/**
 * Read claims. Throws FormatError (`claims.*`), CannotTellError for a form that is not known here.
 * @param {any} value
 * @returns {Claims}
 */
export function parseClaims(value) {
  if (!Array.isArray(value) || !value.length || typeof value[0] !== "number") {
    throw new FormatError("claims.shape", "a claims part begins with an integer");
  }
  const [form, head, items] = value;
  if (form !== 0 && form !== 1) {
    throw new CannotTellError("claims.form", `claims of form ${form} are not known here`);
  }
  if (value.length === 3 && form === 0 && isBytes(head) && Array.isArray(items)) {
    const shown = items.map(parsePair);
    checkClaims(shown);
    if (head.length !== 32) {
      throw new FormatError("claims.salt", `a salt has 32 bytes, not ${head.length}`);
    }
    return { shown, count: shown.length, salt: head, items: [] };
  }
  if (value.length === 3 && form === 1 && typeof head === "number" && Array.isArray(items)) {
    const parsed = items.map(parseItem);
    if (head < 1 || head > MAX_CLAIMS) {
      throw new FormatError("claims.limit", `a certificate has 1 to ${MAX_CLAIMS} claims`);
    }
    const shown = parsed.map((item) => item.claim);
    checkClaims(shown);
    if (parsed.some((item, at) => at > 0 && item.index <= parsed[at - 1].index)) {
      throw new FormatError("claims.order", "shown claims stand in ascending order of index, each once");
    }
    return { shown, count: head, salt: null, items: parsed };
  }
  throw new FormatError("claims.shape", "a claims part is [0, salt, claims] or [1, count, shown claims]");
}

/**
 * @param {any} value
 * @returns {Claim}
 */
function parsePair(value) {
  if (!Array.isArray(value) || value.length !== 2) {
    throw new FormatError("claims.shape", "a claim is [name, value]");
  }
  return parseClaim(value[0], value[1]);
}

/**
 * @param {any} name
 * @param {any} value
 * @returns {Claim}
 */
function parseClaim(name, value) {
  if (typeof name !== "string") {
    throw new FormatError("claims.name", "a claim's name is text");
  }
  if (value !== null && typeof value === "object") {
    throw new FormatError("claims.value", "a claim's value is text, an integer, true, false or nil");
  }
  return { name, value };
}

/**
 * @param {any} value
 * @returns {ShownClaim}
 */
function parseItem(value) {
  if (!Array.isArray(value) || value.length !== 5 || typeof value[0] !== "number" || !isBytes(value[3]) || !Array.isArray(value[4])) {
    throw new FormatError("claims.shape", "a shown claim is [index, name, value, mac, path]");
  }
  const [index, name, claimed, mac, path] = value;
  if (!isHash(mac) || !path.every(isHash) || path.length > MAX_PATH) {
    throw new FormatError("claims.shape", "mac and path of a shown claim are hashes of 32 bytes");
  }
  return { index, claim: parseClaim(name, claimed), mac, path };
}

/** @param {Claim[]} claims */
function checkClaims(claims) {
  if (claims.length < 1 || claims.length > MAX_CLAIMS) {
    throw new FormatError("claims.limit", `a certificate has 1 to ${MAX_CLAIMS} claims, not ${claims.length}`);
  }
  for (const { name, value } of claims) {
    if (!/^[a-z0-9._-]{1,64}$/.test(name) || name.endsWith("\n")) {
      throw new FormatError("claims.name", "a claim's name is 1 to 64 letters a-z, digits, '-', '.' and '_'");
    }
    if (typeof value === "string" && toUtf8(value, "claims.value").length > MAX_VALUE_BYTES) {
      throw new FormatError("claims.value", `a claim's text has at most ${MAX_VALUE_BYTES} bytes of UTF-8`);
    }
  }
  if (new Set(claims.map((claim) => claim.name)).size !== claims.length) {
    throw new FormatError("claims.name-twice", "two claims have the same name");
  }
}

/**
 * The leaf hash of a claim.
 * @param {Claim} claim
 * @param {Uint8Array} mac
 */
const claimLeaf = (claim, mac) => leafHash(encode([claim.name, claim.value, mac]));

/**
 * The root over all claims, in the schema's order.
 * @param {Claim[]} claims
 * @param {Uint8Array} salt 32 bytes
 */
export async function commitClaims(claims, salt) {
  checkClaims(claims);
  return rootOfHashes(await Promise.all(claims.map(async (claim) => claimLeaf(claim, await hmac(salt, ascii(claim.name))))));
}

/**
 * Check that claims are those of a certificate. Throws VerificationError (`claims.*`).
 * @param {Claims} claims
 * @param {Uint8Array} root what the ledger holds
 * @param {number} count
 */
export async function verifyClaims(claims, root, count) {
  if (claims.count !== count) {
    throw new VerificationError("claims.count", `there are ${claims.count} claims here, and the certificate has ${count}`);
  }
  if (claims.salt !== null) {
    if (!equal(await commitClaims(claims.shown, claims.salt), root)) {
      throw new VerificationError("claims.root", "the claims are not those of the certificate");
    }
    return;
  }
  for (const { index, claim, mac, path } of claims.items) {
    try {
      await verifyInclusion(await claimLeaf(claim, mac), BigInt(index), BigInt(count), path, root);
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      throw new VerificationError("claims.proof", `claim ${claim.name} is not the certificate's claim ${index}: ${error.detail}`);
    }
  }
}
