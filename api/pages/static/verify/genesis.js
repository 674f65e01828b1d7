/**
 * The genesis document: from which a ledger's identifier, its first header and the trust policy that it implies follow (docs/spec.md §4).
 *
 * Rules: leaf 0 of the log is `[2, document]`, the chain's identifier the SHA-256 of the document's canonical bytes. The first state is a
 * function of the document alone. A document from which no policy follows is refused.
 */

import { compare, toHex, toUtf8 } from "./bytes.js";
import { checkPublicKey } from "./ed25519.js";
import { CannotTellError, FormatError, LedgerError, RefusedError, VerificationError } from "./errors.js";
import { checkValue } from "./fields.js";
import { leafHash, sha256 } from "./hash.js";
import { headerLeaf } from "./header.js";
import { rootOfLeaves } from "./merkle.js";
import { decode, encode } from "./msgpack.js";
import { COSIGNING_KEY, LOG_KEY, verifierKey } from "./note.js";
import { Policy, quorumSize } from "./policy.js";
import { PARAMETER_BOUNDS, ROLES } from "./record-types-governance.js";
import { keyKey, memberKey } from "./rows.js";
import { rootOfRows } from "./state.js";

/**
 * A genesis document. `headerLeaf` is leaf 1 of the log.
 * @typedef {{origin: string, chainId: Uint8Array, timeMs: number, policy: Policy, headerLeaf: Uint8Array, stateRoot: Uint8Array, treeRoot: Uint8Array}} Genesis
 */

const MAX_GENESIS_BYTES = 60_000;
const IDENTIFIER = "-.0123456789_abcdefghijklmnopqrstuvwxyz";
const NUMBER = ["Integer", 0, Number.MAX_SAFE_INTEGER];

/**
 * Rows of a list: what each item is called, and its kind.
 * @param {any} value
 * @param {string} name
 * @param {[string, any[]][]} kinds
 */
function checkRows(value, name, kinds) {
  if (!Array.isArray(value)) {
    throw new FormatError("genesis.shape", `${name} must be a list`);
  }
  if (!value.every((row) => Array.isArray(row) && row.length === kinds.length)) {
    throw new FormatError("genesis.shape", `each row of ${name} must have ${kinds.length} items`);
  }
  for (const row of value) {
    kinds.forEach(([what, kind], at) => checkValue(what, row[at], /** @type {[string, ...any[]]} */ (kind)));
  }
}

/**
 * The first items of rows ascend, each once.
 * @param {any[][]} rows
 * @param {string} what
 */
function checkOrder(rows, what) {
  const first = rows.map(([item]) => (typeof item === "string" ? toUtf8(item, "genesis.field") : item));
  if (first.some((item, at) => at > 0 && compare(item, first[at - 1]) <= 0)) {
    throw new FormatError("genesis.order", `${what} must stand in ascending order, each once`);
  }
}

/**
 * Read leaf 0 of a log. Throws FormatError (`genesis.*`), or CannotTellError for a version that is not known here.
 * @param {Uint8Array} leaf
 * @returns {Promise<Genesis>}
 */
export async function parseGenesisLeaf(leaf) {
  const value = decode(leaf, { maxBytes: MAX_GENESIS_BYTES + 16 });
  if (!Array.isArray(value) || value.length !== 2 || value[0] !== 2) {
    throw new FormatError("genesis.leaf", "a genesis leaf is [2, document]");
  }
  const document = value[1];
  if (!Array.isArray(document) || !document.length) {
    throw new FormatError("genesis.shape", "a genesis document is an array");
  }
  if (document[0] !== 1) {
    throw new CannotTellError("genesis.version", "this genesis version is not known here");
  }
  if (document.length !== 9) {
    throw new FormatError("genesis.shape", "a genesis document has nine items");
  }
  try {
    checkItems(document);
    checkDocument(document);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    throw new FormatError("genesis.field", error.detail);
  }
  const policy = await policyOf(document);
  checkOrder(document[8], "parameters");
  return firstOf(document, leaf, policy);
}

/** @param {any[]} document */
function checkItems(document) {
  const [, origin, nonce, rulesVersion, timeMs, members, keys, validators, parameters] = document;
  const text = ["Text", 1, 255];
  const key = ["Bytes", 32];
  const roles = ["ChoiceList", ROLES];
  checkValue("nonce", nonce, ["Bytes", 16]);
  checkValue("origin", origin, ["Text", 1, 255]);
  checkValue("rules_version", rulesVersion, ["Integer", 0, Number.MAX_SAFE_INTEGER]);
  checkValue("time_ms", timeMs, ["Integer", 0, Number.MAX_SAFE_INTEGER]);
  checkRows(members, "members", [["member", text], ["name", text], ["roles", roles]]);
  checkRows(keys, "keys", [["key", key], ["member", text], ["roles", roles]]);
  checkRows(validators, "validators", [["validator", text], ["engine key", key], ["header key", key], ["log key", key], ["cosigning key", key]]);
  checkRows(parameters, "parameters", [["parameter", text], ["parameter", NUMBER]]);
}

/**
 * What the shape alone does not say: order, references, distinct and sound keys.
 * @param {any[]} document
 */
function checkDocument(document) {
  const [, origin, , rulesVersion, , members, keys, validators, parameters] = document;
  if (rulesVersion !== 1) {
    throw new CannotTellError("genesis.rules-version", `rules version ${rulesVersion} is not known here`);
  }
  checkValue("origin", origin, ["Text", 1, 200]);
  for (const [id, name] of members) {
    checkValue("member", id, ["Ascii", 1, 64, IDENTIFIER]);
    checkValue("name", name, ["Text", 1, 200]);
  }
  checkOrder(members, "members");
  checkOrder(keys, "keys");
  checkOrder(validators, "validators");
  if (encode(document).length > MAX_GENESIS_BYTES) {
    throw new FormatError("genesis.size", `a genesis document has at most ${MAX_GENESIS_BYTES} bytes`);
  }
  const names = new Set(parameters.map((/** @type {[string, number]} */ [name]) => name));
  if ([...names].sort().join() !== Object.keys(PARAMETER_BOUNDS).join()) {
    throw new FormatError("genesis.parameters", `the parameters are ${Object.keys(PARAMETER_BOUNDS).join(", ")}`);
  }
  const ids = new Set(members.map((/** @type {[string]} */ [id]) => id));
  for (const [, member] of keys) {
    if (!ids.has(member)) {
      throw new FormatError("genesis.member", `a key acts for ${member}, which is not a member`);
    }
  }
  if (!validators.length) {
    throw new FormatError("genesis.validators", "a ledger needs at least one validator");
  }
  const every = [...keys.map((/** @type {any[]} */ [key]) => key), ...validators.flatMap((/** @type {any[]} */ [, ...own]) => own)];
  if (new Set(every.map(toHex)).size !== every.length) {
    throw new FormatError("genesis.keys-distinct", "one key may make one kind of statement only: all keys must differ");
  }
  try {
    every.forEach(checkPublicKey);
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    throw new FormatError("genesis.key", error.detail);
  }
}

/**
 * The trust policy that a document implies: any validator's log key, and a quorum of cosignatures.
 * @param {any[]} document
 * @returns {Promise<Policy>}
 */
async function policyOf([, origin, , , , , , validators]) {
  try {
    const logs = [];
    const witnesses = [];
    for (const [name, , , logKey, cosigningKey] of validators) {
      logs.push(await verifierKey(origin, LOG_KEY, logKey));
      witnesses.push(await verifierKey(name, COSIGNING_KEY, cosigningKey));
    }
    return Policy.forValidators(logs, witnesses, quorumSize(validators.length));
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    throw new FormatError("genesis.policy", `no trust policy can be made of it: ${error.detail}`);
  }
}

/**
 * What follows from a sound document.
 * @param {any[]} document
 * @param {Uint8Array} leaf
 * @param {Policy} policy
 * @returns {Promise<Genesis>}
 */
async function firstOf(document, leaf, policy) {
  const [, origin, , , timeMs, members, keys, validators, parameters] = document;
  const administrators = members.filter((/** @type {any[]} */ [, , roles]) => roles.includes("administrator"));
  /** @type {[Uint8Array, Uint8Array][]} */
  const rows = [
    [encode(["validators"]), encode(validators)],
    [encode(["parameters"]), encode(parameters)],
    [encode(["administrators"]), encode(administrators.map((/** @type {any[]} */ [id]) => id))],
    ...members.map((/** @type {any[]} */ [id, name, roles]) => [memberKey(id), encode([name, roles, timeMs, null, [], []])]),
    ...keys.map((/** @type {any[]} */ [key, member, roles]) => [keyKey(key), encode([member, roles, timeMs, null, null, null, null])]),
  ];
  const none = new Uint8Array(32);
  const chainId = await sha256(encode(document));
  const [stateRoot, logRoot] = [await rootOfRows(rows), await leafHash(leaf)];
  const first = headerLeaf({
    chainId, height: 0, engineHeight: 0, parent: none, timeMs, firstIndex: 0, entryCount: 1, logRoot, stateRoot, proposer: none,
  });
  return { origin, chainId, timeMs, policy, headerLeaf: first, stateRoot, treeRoot: await rootOfLeaves([leaf, first]) };
}
