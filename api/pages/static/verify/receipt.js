/**
 * Receipts: everything it takes to check one record offline, in one file (docs/spec.md §11).
 *
 * Rules: a receipt is a C2SP `tlog-proof` of the entry's leaf whose `extra` is
 *
 *     [1, record, record_index, [path, …], entry_leaf, header | nil, state | nil]
 *     header = [header_leaf, [path, …]]          state = [subject, author key, [[member, proof], …]]
 *
 * and is believed in nothing until each part is checked against the cosigned checkpoint: its hash first, and only then what it
 * says. So "by whom" and "since when" are proved and not claimed.
 */

import { equal, isBytes, isHash, toHex } from "./bytes.js";
import { entryId, parseEntryLeaf, verifyEntrySignature } from "./entry.js";
import { CannotTellError, FormatError, RefusedError, VerificationError } from "./errors.js";
import { leafHash } from "./hash.js";
import { parseHeaderLeaf } from "./header.js";
import { MAX_PATH, verifyInclusion } from "./merkle.js";
import { decode } from "./msgpack.js";
import { checkRecordSize, MAX_RECORD_BYTES, parseRecord, subjectOf } from "./records.js";
import { isDisputed, keyKey, latestMs, memberKey, parseKeyRow, parseMemberRow, parseSubjectRow, subjectKey } from "./rows.js";
import { parseStateProof, verifyMembership } from "./state.js";
import { actsFor, lineOf, MAX_MEMBERS } from "./succession.js";
import { parseTlogProof } from "./tlogproof.js";

/** @typedef {import("./entry.js").EntryBody} EntryBody */
/** @typedef {import("./header.js").Header} Header */
/** @typedef {import("./policy.js").CheckedCheckpoint} CheckedCheckpoint */
/** @typedef {import("./policy.js").Trust} Policy */
/** @typedef {import("./records.js").LedgerRecord} LedgerRecord */
/** @typedef {import("./rows.js").KeyRow} KeyRow */
/** @typedef {import("./rows.js").MemberRow} MemberRow */
/** @typedef {import("./rows.js").Subject} Subject */
/** @typedef {import("./rows.js").SubjectRow} SubjectRow */
/** @typedef {import("./state.js").StateProof} StateProof */
/** @typedef {{leaf: Uint8Array, path: Uint8Array[]}} HeaderPart */
/** @typedef {{subject: StateProof, key: StateProof, members: [string, StateProof][]}} StatePart */
/**
 * A receipt as it came: well formed, and nothing in it believed.
 * @typedef {{proof: import("./tlogproof.js").TlogProof, record: Uint8Array, recordIndex: number, recordPath: Uint8Array[],
 *   entryLeaf: Uint8Array, header: HeaderPart|null, state: StatePart|null}} Receipt
 */
/**
 * What the state of the checkpoint's last header says. `members`: the record's authority first, then those that succeed it, nearest
 * first. `isFirst`: the record is its subject's first, so the subject's time is its own. `disputed`: the author's key was
 * revoked from a time on that may be before the record was registered.
 * @typedef {{header: Header, subject: SubjectRow, key: KeyRow, member: MemberRow, members: Map<string, MemberRow>, isFirst: boolean,
 *   disputed: boolean}} Standing
 */
/**
 * What a receipt proves. `claimedMs` is the author's own clock, a claim. `late`: proved to have come more than a day after it.
 * `standing` is null if the receipt carries no state.
 * @typedef {{record: LedgerRecord, subject: Subject, recordId: Uint8Array, entryId: Uint8Array, index: bigint, recordIndex: number,
 *   claimedMs: number, authorKey: Uint8Array, chainId: Uint8Array, checked: CheckedCheckpoint, standing: Standing|null, late: boolean}} VerifiedReceipt
 */

const MAX_EXTRA_BYTES = MAX_RECORD_BYTES + 204_800;
const LATE_MS = 86_400_000;

/**
 * Read a receipt. Throws FormatError, or CannotTellError for a version that is not known here.
 * @param {string|Uint8Array} text
 * @returns {Receipt}
 */
export function parseReceipt(text) {
  const proof = parseTlogProof(text);
  if (proof.extra === null) {
    throw new CannotTellError("receipt.no-extra", "the proof carries no record: it is not a receipt of this kind");
  }
  const value = decode(proof.extra, { maxBytes: MAX_EXTRA_BYTES });
  if (!Array.isArray(value) || !value.length) {
    throw new FormatError("receipt.shape", "a receipt's extra is an array");
  }
  if (value[0] !== 1) {
    throw new CannotTellError("receipt.version", "this receipt's version is not known here");
  }
  if (value.length !== 7) {
    throw new FormatError("receipt.shape", "a receipt's extra has seven items");
  }
  const [, record, recordIndex, path, entryLeaf, header, state] = value;
  if (!isBytes(record) || !isBytes(entryLeaf)) {
    throw new FormatError("receipt.shape", "record and entry leaf are byte strings");
  }
  if (typeof recordIndex !== "number" || recordIndex < 0) {
    throw new FormatError("receipt.shape", "the record index is a non-negative integer");
  }
  checkRecordSize(record);
  return {
    proof,
    record,
    recordIndex,
    recordPath: parsePath(path, "receipt"),
    entryLeaf,
    header: header === null ? null : parseHeaderPart(header),
    state: state === null ? null : parseStatePart(state),
  };
}

/**
 * A list of at most 64 hashes.
 * @param {any} value
 * @param {string} family begins the rule
 * @returns {Uint8Array[]}
 */
export function parsePath(value, family) {
  if (!Array.isArray(value) || value.length > MAX_PATH || !value.every(isHash)) {
    throw new FormatError(`${family}.path`, `a path is a list of at most ${MAX_PATH} hashes of 32 bytes`);
  }
  return value;
}

/**
 * @param {any} value
 * @returns {HeaderPart}
 */
function parseHeaderPart(value) {
  if (!Array.isArray(value) || value.length !== 2 || !isBytes(value[0])) {
    throw new FormatError("receipt.header", "the header part is [header leaf, path]");
  }
  return { leaf: value[0], path: parsePath(value[1], "receipt") };
}

/**
 * @param {any} value
 * @returns {StatePart}
 */
function parseStatePart(value) {
  if (!Array.isArray(value) || value.length !== 3) {
    throw new FormatError("receipt.state", "the state part is [subject, author key, members]");
  }
  const [subject, key, members] = value;
  if (!Array.isArray(members) || members.length < 1 || members.length > MAX_MEMBERS) {
    throw new FormatError("receipt.state", `the state part lists 1 to ${MAX_MEMBERS} members`);
  }
  return { subject: parseStateProof(subject), key: parseStateProof(key), members: members.map(parseMemberPart) };
}

/**
 * @param {any} value
 * @returns {[string, StateProof]}
 */
function parseMemberPart(value) {
  if (!Array.isArray(value) || value.length !== 2 || typeof value[0] !== "string") {
    throw new FormatError("receipt.state", "a member is [identifier, state proof]");
  }
  return [value[0], parseStateProof(value[1])];
}

/**
 * Check every part of a receipt and return what it proves. Throws FormatError (not a receipt), VerificationError (it is wrong, and
 * which part) or CannotTellError (something unknown here, or too few cosignatures): the last is not a forgery.
 * @param {string|Uint8Array} text
 * @param {Policy} policy
 * @returns {Promise<VerifiedReceipt>}
 */
export async function verify(text, policy) {
  const receipt = parseReceipt(text);
  const { index } = receipt.proof;
  const checked = await policy.check(receipt.proof.checkpointText);
  const { size, root } = checked.checkpoint;
  await verifyInclusion(await leafHash(receipt.entryLeaf), index, size, receipt.proof.path, root);
  const { body, signature } = parseEntryLeaf(receipt.entryLeaf);
  const recordId = await leafHash(receipt.record);
  await verifyInclusion(recordId, BigInt(receipt.recordIndex), BigInt(body.count), receipt.recordPath, body.recordsRoot);
  await verifyEntrySignature(body, signature);
  const record = await knownRecord(receipt.record);
  const subject = await subjectOf(record);
  const standing = await standingOf(receipt, body, { record, recordId, subject }, checked);
  return {
    record,
    subject,
    recordId,
    entryId: await entryId(body),
    index,
    recordIndex: receipt.recordIndex,
    claimedMs: body.timeMs,
    authorKey: body.authorKey,
    chainId: body.chainId,
    checked,
    standing,
    late: standing !== null && standing.isFirst && standing.subject.timeMs - body.timeMs > LATE_MS,
  };
}

/**
 * Read a record that stands in the log.
 * @param {Uint8Array} raw
 */
export async function knownRecord(raw) {
  try {
    return await parseRecord(raw);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    // A quorum would not have let it in; so it is not this ledger's rules that judged it.
    throw new VerificationError(error.rule, error.detail);
  }
}

/**
 * @param {Receipt} receipt
 * @param {EntryBody} body
 * @param {{record: LedgerRecord, recordId: Uint8Array, subject: Subject}} about
 * @param {CheckedCheckpoint} checked
 * @returns {Promise<Standing|null>}
 */
async function standingOf(receipt, body, { record, recordId, subject: about }, checked) {
  if (receipt.header === null) return null;
  const header = await lastHeader(receipt.header, checked, "receipt");
  if (!equal(header.chainId, body.chainId)) {
    throw new VerificationError("receipt.chain", `entry and header are of different ledgers: ${toHex(body.chainId)}, ${toHex(header.chainId)}`);
  }
  if (receipt.state === null) return null;
  const subject = await parseSubjectRow(await proved(header, receipt.state.subject, subjectKey(about)));
  const key = parseKeyRow(await proved(header, receipt.state.key, keyKey(body.authorKey)));
  const members = await membersOf(header, receipt.state.members, record.authority);
  const { authority } = record;
  const acts = key.member === authority || (record.bySuccessor && actsFor(key.member, authority, members, header.timeMs));
  const member = members.get(key.member);
  if (!acts || member === undefined) {
    if (!record.bySuccessor) {
      throw new VerificationError("receipt.author", `the author's key acts for '${key.member}', not for '${authority}'`);
    }
    // The administrators may have corrected since who succeeds; then it acted by right, and this is no forgery.
    const detail = `'${key.member}', for which the author's key acts, does not succeed '${authority}' now; it may have then`;
    throw new CannotTellError("receipt.author", detail);
  }
  const isFirst = equal(subject.issue, recordId);
  const disputed = isDisputed(key, latestMs(subject, isFirst));
  return { header, subject, key, member, members, isFirst, disputed };
}

/**
 * The last header of a checkpoint. Where it stands follows from the checkpoint alone: so it is known to be the ledger's before it is
 * read.
 * @param {HeaderPart} part
 * @param {CheckedCheckpoint} checked
 * @param {string} family begins the rule
 * @returns {Promise<Header>}
 */
export async function lastHeader(part, checked, family) {
  const { size, root } = checked.checkpoint;
  await verifyInclusion(await leafHash(part.leaf), size - 1n, size, part.path, root);
  const header = parseHeaderLeaf(part.leaf);
  if (header.size !== size) {
    throw new VerificationError(`${family}.header-index`, `the header closes size ${header.size}, not the checkpoint's ${size}`);
  }
  return header;
}

/**
 * The members' rows, proved: exactly the authority and those that succeed it, in order.
 * @param {Header} header
 * @param {[string, StateProof][]} parts
 * @param {string} authority
 */
async function membersOf(header, parts, authority) {
  /** @type {Map<string, MemberRow>} */
  const rows = new Map();
  for (const [name, proof] of parts) {
    rows.set(name, parseMemberRow(await proved(header, proof, memberKey(name))));
  }
  const line = lineOf(authority, rows);
  const names = [...line.keys()];
  const inOrder = names.length === parts.length && names.every((name, at) => name === parts[at][0]);
  // Whomever the walk asks for must be listed: otherwise a nearer one could be left out for one farther away.
  const asked = [authority, ...[...line.values()].flatMap((row) => row.successors)];
  const nearest = [...new Set(asked)].slice(0, MAX_MEMBERS);
  if (!inOrder || nearest.length !== names.length || !nearest.every((name, at) => name === names[at])) {
    throw new VerificationError("receipt.members", "the members are not the record's authority and those that succeed it, in order");
  }
  return line;
}

/**
 * The value of a row under the header's state root.
 * @param {Header} header
 * @param {StateProof} proof
 * @param {Uint8Array} key
 */
async function proved(header, proof, key) {
  if (proof.value === null) {
    throw new VerificationError("receipt.state-absent", "the state proof shows that there is no such row");
  }
  await verifyMembership(header.stateRoot, key, proof.value, proof);
  return proof.value;
}
