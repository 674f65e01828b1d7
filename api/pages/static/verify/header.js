/**
 * Block headers (docs/spec.md §6): `[1, [rules_version, chain_id, height, engine_height, parent, time_ms, first_index,
 * entry_count, log_root, state_root, proposer]]`.
 *
 * Not here: execution. Which entries may stand in a block is for the validators and for an audit.
 */

import { isBytes, isHash } from "./bytes.js";
import { verify } from "./ed25519.js";
import { CannotTellError, FormatError } from "./errors.js";
import { HEADER_CONTEXT, leafHash, signedMessage } from "./hash.js";
import { decode, encode } from "./msgpack.js";

/**
 * A header; `index` is that of its own leaf, `size` the tree's once it is in, and `value` the array as it was decoded.
 * @typedef {{rulesVersion: number, chainId: Uint8Array, height: number, engineHeight: number, parent: Uint8Array, timeMs: number,
 *   firstIndex: number, entryCount: number, logRoot: Uint8Array, stateRoot: Uint8Array, proposer: Uint8Array, index: bigint,
 *   size: bigint, value: any[]}} Header
 */

const RULES_VERSION = 1;
const MAX_HEADER_BYTES = 1_024;

/**
 * @param {any} value
 * @param {string} name
 * @param {number} [minimum]
 * @returns {number}
 */
function integer(value, name, minimum = 0) {
  if (typeof value !== "number" || value < minimum) {
    throw new FormatError(`header.${name}`, `${name} must be an integer from ${minimum} on`);
  }
  return value;
}

/**
 * @param {any} value
 * @param {string} name
 * @returns {Uint8Array}
 */
function hash(value, name) {
  if (!isHash(value)) {
    throw new FormatError(`header.${name}`, `${name} must be 32 bytes`);
  }
  return value;
}

/**
 * Read `[1, header]`. Throws FormatError, or CannotTellError for a rules version that is not known here.
 * @param {Uint8Array} leaf
 * @returns {Header}
 */
export function parseHeaderLeaf(leaf) {
  const value = decode(leaf, { maxBytes: MAX_HEADER_BYTES });
  if (!Array.isArray(value) || value.length !== 2 || value[0] !== 1) {
    throw new FormatError("header.leaf", "a header leaf is [1, header]");
  }
  const items = value[1];
  if (!Array.isArray(items) || !items.length) {
    throw new FormatError("header.shape", "a header is an array");
  }
  const rulesVersion = integer(items[0], "rules-version");
  if (rulesVersion !== RULES_VERSION) {
    throw new CannotTellError("header.rules-version", `rules version ${rulesVersion} is not known here`);
  }
  if (items.length !== 11) {
    throw new FormatError("header.shape", "a header has eleven items");
  }
  const header = {
    rulesVersion,
    chainId: hash(items[1], "chain-id"),
    height: integer(items[2], "height"),
    engineHeight: integer(items[3], "engine-height"),
    parent: hash(items[4], "parent"),
    timeMs: integer(items[5], "time"),
    firstIndex: integer(items[6], "first-index"),
    entryCount: integer(items[7], "entry-count", 1),
    logRoot: hash(items[8], "log-root"),
    stateRoot: hash(items[9], "state-root"),
    proposer: hash(items[10], "proposer"),
  };
  const index = BigInt(header.firstIndex) + BigInt(header.entryCount);
  return { ...header, index, size: index + 1n, value: items };
}

/**
 * A header's leaf, from its parts.
 * @param {Omit<Header, "rulesVersion"|"index"|"size"|"value">} header
 */
export function headerLeaf(header) {
  const { chainId, height, engineHeight, parent, timeMs, firstIndex, entryCount, logRoot, stateRoot, proposer } = header;
  return encode([1, [RULES_VERSION, chainId, height, engineHeight, parent, timeMs, firstIndex, entryCount, logRoot, stateRoot, proposer]]);
}

/**
 * Read `[1, header leaf, signature]`, as a proposal begins, and check the proposer's signature.
 * @param {Uint8Array} data
 * @returns {Promise<{header: Header, leafHash: Uint8Array}>}
 */
export async function verifySignedHeader(data) {
  const value = decode(data, { maxBytes: MAX_HEADER_BYTES + 128 });
  if (!Array.isArray(value) || value.length !== 3 || value[0] !== 1) {
    throw new FormatError("header.signed", "a signed header is [1, header leaf, signature]");
  }
  const [, leaf, signature] = value;
  if (!isBytes(leaf) || !isBytes(signature) || signature.length !== 64) {
    throw new FormatError("header.signed", "a signed header is [1, header leaf, signature of 64 bytes]");
  }
  const header = parseHeaderLeaf(leaf);
  await verify(header.proposer, signature, signedMessage(HEADER_CONTEXT, encode(header.value)));
  return { header, leafHash: await leafHash(leaf) };
}
