/**
 * Compact receipts: issue and status of one record in so few bytes that a printed code holds them (docs/spec.md, "Compact receipts").
 *
 * Rules: a compact receipt is
 *
 *     [1, type, body, private, [status, time_ms, changed_ms | nil, count, peaks], [present, siblings],
 *      [height, engine_height, parent, time_ms, first_index, entry_count, proposer], path, cosignatures]
 *
 * and carries nothing that can be computed. From it and a pinned chain id and policy follow, in turn: record, subject, its row, state root,
 * header, root, checkpoint. If the quorum cosigned that very checkpoint, nothing in it was changed. It does not show the author, and so no
 * dispute about the author's key.
 */

import { concat, isBytes, isHash, toBase64, toHex } from "./bytes.js";
import { verifyCosignature } from "./checkpoint.js";
import { commitClaims, parseClaims } from "./claims.js";
import { CannotTellError, FormatError, VerificationError } from "./errors.js";
import { leafHash, nodeHash, sha256 } from "./hash.js";
import { headerLeaf } from "./header.js";
import { bitCount, MAX_SIZE, rootOfPeaks } from "./merkle.js";
import { decode, encode } from "./msgpack.js";
import { COSIGNING_KEY } from "./note.js";
import { knownRecord } from "./receipt.js";
import { subjectOf } from "./records.js";
import { subjectKey } from "./rows.js";
import { foldSiblings, parseStateProof } from "./state.js";

/** @typedef {import("./claims.js").Claims} Claims */
/** @typedef {import("./policy.js").Policy} Policy */
/** @typedef {import("./policy.js").Trust} Trust */
/** @typedef {import("./policy.js").Witness} Witness */
/** @typedef {import("./records.js").LedgerRecord} LedgerRecord */
/** @typedef {import("./rows.js").Subject} Subject */
/**
 * What a compact receipt proves. The record is its subject's first. `claims` are all claims of a certificate, or null; `salt` that of the
 * commitment to a file, or null.
 * @typedef {{record: LedgerRecord, recordId: Uint8Array, subject: Subject, status: string, timeMs: number, changedMs: number, count: number, headerTimeMs: number,
 *   origin: string, size: bigint, root: Uint8Array, cosignatures: [string, bigint][], existedByS: bigint, statusAsOfS: bigint, claims: Claims|null,
 *   salt: Uint8Array|null}} VerifiedCompact
 */

const MAX_BYTES = 16_384;
const COSIGNATURE_BYTES = 76;
const MAX_COSIGNATURES = 64;
const RECOMPUTED = ["claims_root", "claims_count"];

/** @param {string} what */
const shape = (what) => new FormatError("compact.shape", what);

/**
 * @param {any} value
 * @returns {number}
 */
function number(value) {
  if (typeof value !== "number" || value < 0) throw shape("the numbers of a compact receipt are integers from 0");
  return value;
}

/**
 * @param {any} value
 * @returns {Uint8Array}
 */
function hash(value) {
  if (!isHash(value)) throw shape("parent and proposer are 32 bytes");
  return value;
}

/**
 * @param {Uint8Array} data
 * @param {number} size
 * @returns {Uint8Array[]}
 */
function pieces(data, size) {
  if (data.length % size) throw shape(`these bytes are pieces of ${size}, and ${data.length} are not that`);
  return Array.from({ length: data.length / size }, (_, at) => data.slice(at * size, (at + 1) * size));
}

/**
 * The claims with their salt, a file's salt, or neither.
 * @param {any} value
 * @returns {Claims|Uint8Array|null}
 */
function parsePrivate(value) {
  if (value === null) return null;
  if (isBytes(value)) {
    if (value.length !== 32) throw new FormatError("compact.private", `a file's salt has 32 bytes, not ${value.length}`);
    return value;
  }
  const claims = parseClaims(value);
  if (claims.salt === null) throw new FormatError("compact.private", "a compact receipt shows all claims or none");
  return claims;
}

/**
 * Read a compact receipt. Throws FormatError, or CannotTellError (`compact.version`).
 * @param {Uint8Array} data
 */
function parseCompact(data) {
  const value = decode(data, { maxBytes: MAX_BYTES });
  if (!Array.isArray(value) || !value.length) throw shape("a compact receipt is an array");
  if (value[0] !== 1) {
    throw new CannotTellError("compact.version", "this compact receipt's version is not known here");
  }
  const [, type, body, secret, subject, state, header, path, cosignatures] = value;
  const isList = (/** @type {any} */ item, /** @type {number} */ length) => Array.isArray(item) && item.length === length;
  const hasLists = value.length === 9 && isList(subject, 5) && isList(state, 2) && isList(header, 7);
  const hasTexts = typeof type === "string" && body instanceof Map && hasLists && typeof subject[0] === "string";
  if (!hasTexts || ![subject[4], state[0], state[1], path, cosignatures].every(isBytes)) {
    throw shape("the parts of a compact receipt have other forms than these");
  }
  const [status, timeMs, changedMs, count, peaks] = subject;
  if (changedMs === timeMs) throw shape("an equal time of the newest record is left out");
  const receipt = {
    type,
    body,
    secret: parsePrivate(secret),
    status,
    timeMs: number(timeMs),
    changedMs: number(changedMs ?? timeMs),
    count: number(count),
    peaks: pieces(peaks, 32),
    siblings: parseStateProof([Uint8Array.of(0), Uint8Array.of(0), ...state, null]).siblings,
    height: number(header[0]),
    engineHeight: number(header[1]),
    parent: hash(header[2]),
    headerTimeMs: number(header[3]),
    firstIndex: number(header[4]),
    entryCount: number(header[5]),
    proposer: hash(header[6]),
    path: pieces(path, 32),
    cosignatures: pieces(cosignatures, COSIGNATURE_BYTES),
  };
  checkParts(receipt);
  return receipt;
}

/** @typedef {ReturnType<typeof parseCompact>} Compact */

/** @param {Compact} receipt */
function checkParts({ secret, body, count, peaks, firstIndex, entryCount, path, cosignatures }) {
  if (secret !== null && !isBytes(secret) && RECOMPUTED.some((name) => body.has(name))) {
    throw new FormatError("compact.private", "what follows from the claims is not carried beside them");
  }
  if (isBytes(secret) && !body.has("commitment")) {
    throw new FormatError("compact.private", "there is a file's salt, and the record commits to no file");
  }
  if (count < 1 || peaks.length !== bitCount(BigInt(count))) {
    throw new FormatError("compact.peaks", "a subject's peaks are as many as its count has one bits");
  }
  const size = BigInt(firstIndex) + BigInt(entryCount);
  if (entryCount < 1 || size >= MAX_SIZE || path.length !== bitCount(size)) {
    throw new FormatError("compact.path", "a header's path has a hash for each one bit of its index");
  }
  if (cosignatures.length > MAX_COSIGNATURES) {
    throw new FormatError("compact.cosignatures", `there are at most ${MAX_COSIGNATURES} cosignatures`);
  }
}

/**
 * The record's canonical bytes, with what follows from the claims.
 * @param {Compact} receipt
 */
async function recordOf({ type, body, secret }) {
  if (secret === null || isBytes(secret)) return encode([type, body]);
  const root = await commitClaims(secret.shown, /** @type {Uint8Array} */ (secret.salt));
  return encode([type, new Map([...body, ["claims_root", root], ["claims_count", secret.count]])]);
}

/**
 * Check a compact receipt against a pinned policy and chain id. Throws FormatError (not one), VerificationError (it is wrong) or
 * CannotTellError (something unknown here, too few cosignatures, a policy that these cannot be checked with).
 * @param {Uint8Array} data
 * @param {Trust} trust a policy, or the epochs that follow from it
 * @param {Uint8Array} chainId 32 bytes
 * @returns {Promise<VerifiedCompact>}
 */
export async function verifyCompact(data, trust, chainId) {
  const receipt = parseCompact(data);
  const record = await knownRecord(await recordOf(receipt));
  const recordId = await leafHash(record.raw);
  const subject = await subjectOf(record);
  const { status, timeMs, changedMs, count, peaks, headerTimeMs } = receipt;
  const row = encode([status, recordId, timeMs, changedMs, count, await rootOfPeaks(count, peaks), peaks]);
  const key = subjectKey(subject);
  const keyHash = await sha256(key);
  const stateRoot = await foldSiblings(receipt.siblings, keyHash, await leafHash(concat(keyHash, await sha256(row))));
  const { root, size } = await treeOf(receipt, chainId, stateRoot);
  const policy = trust.policyAt(size);
  const origin = originOf(policy);
  const times = await cosignedTimes(receipt.cosignatures, policy, `${origin}\n${size}\n${toBase64(root)}\n`);
  const proven = policy.quorumTimes(times);
  if (proven === null) {
    throw new CannotTellError("compact.no-quorum", "the policy asks for no cosignature, and a compact receipt has nothing else");
  }
  await trust.confirm(size, root, proven.statusAsOfS);
  const { secret } = receipt;
  return {
    record, recordId, subject, status, timeMs, changedMs, count, headerTimeMs, origin, size, root,
    cosignatures: policy.cosigners(times),
    ...proven,
    claims: isBytes(secret) ? null : secret,
    salt: isBytes(secret) ? secret : null,
  };
}

/**
 * The tree that the header closes: the siblings of its last leaf are the peaks of the tree before it.
 * @param {Compact} receipt
 * @param {Uint8Array} chainId
 * @param {Uint8Array} stateRoot
 */
async function treeOf(receipt, chainId, stateRoot) {
  const before = BigInt(receipt.firstIndex) + BigInt(receipt.entryCount);
  const peaks = receipt.path.slice().reverse();
  const header = { ...receipt, timeMs: receipt.headerTimeMs, chainId, stateRoot, logRoot: await rootOfPeaks(before, peaks) };
  let node = await leafHash(headerLeaf(header));
  let level = before;
  // Appending one leaf: it joins the peaks of the levels that are complete, smallest first, as a binary counter does.
  const grown = peaks.slice();
  while (level & 1n) {
    node = await nodeHash(/** @type {Uint8Array} */ (grown.pop()), node);
    level >>= 1n;
  }
  return { root: await rootOfPeaks(before + 1n, [...grown, node]), size: before + 1n };
}

/** @param {Policy} policy */
function originOf(policy) {
  const names = new Set(policy.logs.map((log) => log.key.name));
  const [origin] = names;
  if (origin === undefined || names.size !== 1) {
    throw new CannotTellError("compact.origin", "the policy lists logs of several names, or none: the receipt does not say whose it is");
  }
  return origin;
}

/**
 * The newest time of each witness of the policy that cosigned. Keys that the policy does not list are passed over.
 * @param {Uint8Array[]} cosignatures
 * @param {Policy} policy
 * @param {string} text
 * @returns {Promise<Map<string, bigint>>}
 */
async function cosignedTimes(cosignatures, policy, text) {
  /** @type {Map<string, bigint>} */
  const times = new Map();
  for (const data of cosignatures) {
    const keyId = data.subarray(0, 4);
    const listed = policy.witnesses.filter(({ key }) => key.type === COSIGNING_KEY && toHex(key.keyId) === toHex(keyId));
    if (!listed.length) continue;
    const [name, time] = await signerOf(data, listed, text);
    const before = times.get(name);
    times.set(name, before === undefined || time > before ? time : before);
  }
  return times;
}

/**
 * Which of the witnesses with this key id cosigned, and when.
 * @param {Uint8Array} data
 * @param {Witness[]} listed
 * @param {string} text
 * @returns {Promise<[string, bigint]>}
 */
async function signerOf(data, listed, text) {
  for (const { name, key } of listed) {
    try {
      return [name, await verifyCosignature(text, { name: key.name, keyId: data.slice(0, 4), signature: data.slice(4) }, key)];
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
    }
  }
  throw new VerificationError("compact.mismatch", `what the receipt says is not what ${listed[0].key.name} cosigned`);
}

/**
 * A compact receipt as one decimal number: its bytes, big-endian.
 * @param {Uint8Array} data
 */
export function toDigits(data) {
  return String(BigInt(`0x${toHex(data) || "0"}`));
}

/**
 * The bytes that a decimal number stands for; printed codes hold digits more densely than bytes. Throws FormatError.
 * @param {string} text
 * @returns {Uint8Array}
 */
export function fromDigits(text) {
  if (text.length > 3 * MAX_BYTES || !/^[1-9][0-9]*$/.test(text)) {
    throw new FormatError("compact.digits", "a compact receipt is written as one decimal number that does not begin with 0");
  }
  const hex = BigInt(text).toString(16);
  const even = hex.length % 2 ? `0${hex}` : hex;
  return Uint8Array.from({ length: even.length / 2 }, (_, at) => parseInt(even.slice(2 * at, 2 * at + 2), 16));
}
