/**
 * Rows of the state: the keys they stand under, and what is in them (docs/spec.md §7).
 */

import { equal, isBytes } from "./bytes.js";
import { FormatError } from "./errors.js";
import { leafHash } from "./hash.js";
import { rootOfPeaks } from "./merkle.js";
import { decode, encode } from "./msgpack.js";

/** @typedef {string|Uint8Array} Identifier */
/** @typedef {{kind: string, authority: string, identifier: Identifier}} Subject */
/**
 * A member; ended from `endedMs` on, when its successors act for it.
 * @typedef {{name: string, roles: string[], registeredMs: number, endedMs: number|null, predecessors: string[], successors: string[]}} MemberRow
 */
/**
 * A key; what it did from `disputedFromMs` up to `revokedMs` is disputed.
 * @typedef {{member: string, roles: string[], registeredMs: number, untilMs: number|null, retiredMs: number|null, revokedMs: number|null,
 *   disputedFromMs: number|null}} KeyRow
 */
/**
 * Where a subject stands: status, id of its first record, chain times of its first and newest, and a commitment to its history.
 * @typedef {{status: string, issue: Uint8Array, timeMs: number, changedMs: number, count: number, root: Uint8Array, peaks: Uint8Array[]}} SubjectRow
 */

/** A validator as the state has it; `row` is its array. @typedef {{name: string, logKey: Uint8Array, cosigningKey: Uint8Array, row: any[]}} Validator */

/** @param {string} member */
export const memberKey = (member) => encode(["member", member]);

/** @param {Uint8Array} publicKey */
export const keyKey = (publicKey) => encode(["key", publicKey]);

/** @param {Subject} subject */
export const subjectKey = ({ kind, authority, identifier }) => encode(["subject", kind, authority, identifier]);

/** @param {string} what */
const wrong = (what) => new FormatError("row.shape", `a row's item should be ${what}`);

/**
 * @param {any} value
 * @returns {string}
 */
function text(value) {
  if (typeof value !== "string") throw wrong("text");
  return value;
}

/**
 * @param {any} value
 * @returns {number}
 */
function count(value) {
  if (typeof value !== "number" || value < 0) throw wrong("a non-negative integer");
  return value;
}

/**
 * @param {any} value
 * @returns {number|null}
 */
const maybeCount = (value) => (value === null ? null : count(value));

/**
 * @param {any} value
 * @returns {Uint8Array}
 */
function octets(value) {
  if (!isBytes(value)) throw wrong("bytes");
  return value;
}

/**
 * @param {any} value
 * @returns {string[]}
 */
function words(value) {
  if (!Array.isArray(value)) throw wrong("a list of words");
  return value.map(text);
}

/**
 * @param {Uint8Array} data
 * @param {number} size
 * @param {string} what
 * @returns {any[]}
 */
function array(data, size, what) {
  const value = decode(data);
  if (!Array.isArray(value) || value.length !== size) {
    throw new FormatError("row.shape", `a ${what} row has ${size} items`);
  }
  return value;
}

/**
 * @param {Uint8Array} data
 * @returns {MemberRow}
 */
export function parseMemberRow(data) {
  const [name, roles, registered, ended, predecessors, successors] = array(data, 6, "member");
  return {
    name: text(name),
    roles: words(roles),
    registeredMs: count(registered),
    endedMs: maybeCount(ended),
    predecessors: words(predecessors),
    successors: words(successors),
  };
}

/**
 * @param {Uint8Array} data
 * @returns {KeyRow}
 */
export function parseKeyRow(data) {
  const [member, roles, registered, until, retired, revoked, disputed] = array(data, 7, "key");
  return {
    member: text(member),
    roles: words(roles),
    registeredMs: count(registered),
    untilMs: maybeCount(until),
    retiredMs: maybeCount(retired),
    revokedMs: maybeCount(revoked),
    disputedFromMs: maybeCount(disputed),
  };
}

/**
 * Whether something that a key did, no later than chain time `latestMs`, may lie in its disputed interval.
 * @param {KeyRow} row
 * @param {number} latestMs
 */
export function isDisputed({ disputedFromMs }, latestMs) {
  return disputedFromMs !== null && latestMs >= disputedFromMs;
}

/**
 * The chain time after which a record of a subject was not registered: the first has its own, a later one that of the newest.
 * @param {SubjectRow} row
 * @param {boolean} isFirst
 */
export function latestMs({ timeMs, changedMs }, isFirst) {
  return isFirst ? timeMs : changedMs;
}

/**
 * @param {Uint8Array} data
 * @returns {Promise<SubjectRow>}
 */
export async function parseSubjectRow(data) {
  const [status, issue, time, changed, size, root, peaks] = array(data, 7, "subject");
  if (!Array.isArray(peaks)) {
    throw new FormatError("row.shape", "peaks should be a list");
  }
  const folded = await rootOfPeaks(count(size), peaks.map(octets));
  if (!isBytes(root) || !equal(folded, root)) {
    throw new FormatError("row.history", "a subject's root is not the root of its peaks");
  }
  return { status: text(status), issue: octets(issue), timeMs: count(time), changedMs: count(changed), count: size, root, peaks };
}

/**
 * Leaf hash, in a subject's history, of one record.
 * @param {Uint8Array} entryId
 * @param {number} recordIndex
 * @param {Uint8Array} recordId
 */
export function historyLeaf(entryId, recordIndex, recordId) {
  return leafHash(encode([entryId, recordIndex, recordId]));
}

/**
 * @param {any} value
 * @returns {Validator[]}
 */
function validators(value) {
  if (!Array.isArray(value)) {
    throw new FormatError("row.shape", "the validators row is a list");
  }
  return value.map((row) => {
    if (!Array.isArray(row) || (row.length !== 5 && row.length !== 6)) {
      throw new FormatError("row.shape", "a validator has five items, or six with a witness key");
    }
    row.slice(1).forEach(octets);
    return { name: text(row[0]), logKey: row[3], cosigningKey: row[4], row };
  });
}

/** @param {Uint8Array} data */
export function parseValidators(data) {
  return validators(decode(data));
}

/** The set before the last change, and when that was. @param {Uint8Array} data */
export function parseValidatorsBefore(data) {
  const [changed, before] = array(data, 2, "validators-before");
  return { changedMs: count(changed), validators: validators(before) };
}
