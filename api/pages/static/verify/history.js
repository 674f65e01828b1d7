/**
 * Histories: every record about a subject, with proof that there is no other (docs/spec.md, "Histories").
 *
 * Rules: the state's row of a subject commits to the number of its records and to the RFC 9162 tree over them. A history shows all of
 * them, each in its entry, each entry in its block, each block's header in the log; the tree over what is shown must be the one in
 * the row. Where the state has no such row, it shows that there is none. A long history comes in parts, each
 *
 *     [1, [kind, authority, identifier], checkpoint, [header_leaf, path], state proof, first, blocks]
 *     block = [header_leaf, index, path, entries]    entry = [entry_leaf, index, path, records]    record = [record, record_index, path]
 */

import { equal, isBytes } from "./bytes.js";
import { entryId, parseEntryLeaf, verifyEntrySignature } from "./entry.js";
import { CannotTellError, FormatError, VerificationError } from "./errors.js";
import { leafHash } from "./hash.js";
import { parseHeaderLeaf } from "./header.js";
import { rootOfHashes, verifyInclusion } from "./merkle.js";
import { decode } from "./msgpack.js";
import { knownRecord, lastHeader, parsePath } from "./receipt.js";
import { checkRecordSize } from "./records.js";
import { historyLeaf, parseSubjectRow, subjectKey } from "./rows.js";
import { parseStateProof, verifyAbsence, verifyMembership } from "./state.js";

/** @typedef {import("./header.js").Header} Header */
/** @typedef {import("./policy.js").CheckedCheckpoint} CheckedCheckpoint */
/** @typedef {import("./policy.js").Trust} Policy */
/** @typedef {import("./records.js").LedgerRecord} LedgerRecord */
/** @typedef {import("./rows.js").Subject} Subject */
/** @typedef {import("./rows.js").SubjectRow} SubjectRow */
/** @typedef {{raw: Uint8Array, index: number, path: Uint8Array[]}} RecordPart */
/** @typedef {{leaf: Uint8Array, index: number, path: Uint8Array[], records: RecordPart[]}} EntryPart */
/** @typedef {{headerLeaf: Uint8Array, index: number, path: Uint8Array[], entries: EntryPart[]}} BlockPart */
/**
 * A record of a history: what it says, where it stands, and when its block was made. `claimedMs` is the author's own clock.
 * @typedef {{record: LedgerRecord, recordId: Uint8Array, entryId: Uint8Array, index: number, recordIndex: number, height: number, timeMs: number,
 *   claimedMs: number, authorKey: Uint8Array}} HistoryRecord
 */
/**
 * All records about a subject, in order, as of a checkpoint. `row` is null if nothing was ever recorded about it.
 * @typedef {{subject: Subject, row: SubjectRow|null, records: HistoryRecord[], header: Header, checked: CheckedCheckpoint}} VerifiedHistory
 */

const MAX_PART_RECORDS = 500;
const MAX_PART_BYTES = 8_000_000;
const MAX_PART_ITEMS = 200_000;
const MAX_PARTS = 10_000;

/** @param {string} what */
const shape = (what) => new FormatError("history.shape", what);

/**
 * @param {any} value
 * @param {number} size
 * @param {string} what
 * @returns {any[]}
 */
function array(value, size, what) {
  if (!Array.isArray(value) || value.length !== size) throw shape(`a ${what} has ${size} items`);
  return value;
}

/**
 * @param {any} value
 * @returns {Uint8Array}
 */
function octets(value) {
  if (!isBytes(value)) throw shape("records and leaves are byte strings");
  return value;
}

/**
 * @param {any} value
 * @returns {number}
 */
function index(value) {
  if (typeof value !== "number" || value < 0) throw shape("indexes are integers from 0");
  return value;
}

/**
 * @template T
 * @param {any} value
 * @param {(item: any) => T} read
 * @returns {T[]}
 */
function list(value, read) {
  if (!Array.isArray(value)) throw shape("blocks, entries and records are lists");
  return value.map(read);
}

/**
 * @param {any} value
 * @returns {BlockPart}
 */
function parseBlock(value) {
  const [leaf, at, path, entries] = array(value, 4, "block");
  return { headerLeaf: octets(leaf), index: index(at), path: parsePath(path, "history"), entries: list(entries, parseEntry) };
}

/**
 * @param {any} value
 * @returns {EntryPart}
 */
function parseEntry(value) {
  const [leaf, at, path, records] = array(value, 4, "entry");
  return { leaf: octets(leaf), index: index(at), path: parsePath(path, "history"), records: list(records, parseRecordPart) };
}

/**
 * @param {any} value
 * @returns {RecordPart}
 */
function parseRecordPart(value) {
  const [raw, at, path] = array(value, 3, "record");
  checkRecordSize(octets(raw));
  return { raw, index: index(at), path: parsePath(path, "history") };
}

/**
 * @param {any} value
 * @returns {Subject}
 */
function parseSubject(value) {
  const [kind, authority, identifier] = array(value, 3, "subject");
  if (typeof kind !== "string" || typeof authority !== "string" || (typeof identifier !== "string" && !isBytes(identifier))) {
    throw new FormatError("history.subject", "a subject is [kind, authority, identifier]: two texts, and text or bytes");
  }
  return { kind, authority, identifier };
}

/**
 * Read a part. Throws FormatError, or CannotTellError (`history.version`).
 * @param {Uint8Array} data
 */
function parsePart(data) {
  const value = decode(data, { maxBytes: MAX_PART_BYTES, maxItems: MAX_PART_ITEMS });
  if (!Array.isArray(value) || !value.length) throw shape("a history is an array");
  if (value[0] !== 1) {
    throw new CannotTellError("history.version", "this history's version is not known here");
  }
  if (value.length !== 7) throw shape("a part of a history has seven items");
  const [, subject, checkpointText, header, state, first, blocks] = value;
  if (typeof checkpointText !== "string") throw shape("the checkpoint is text");
  const [headerLeaf, headerPath] = array(header, 2, "header part");
  const part = {
    subject: parseSubject(subject),
    checkpointText,
    header: { leaf: octets(headerLeaf), path: parsePath(headerPath, "history") },
    state: parseStateProof(state),
    first: index(first),
    blocks: list(blocks, parseBlock),
  };
  const records = part.blocks.flatMap((block) => block.entries.flatMap((entry) => entry.records));
  if (records.length > MAX_PART_RECORDS) {
    throw new FormatError("history.limit", `a part has at most ${MAX_PART_RECORDS} records`);
  }
  return part;
}

/**
 * Check a history, given as all of its parts in order. Throws FormatError (not a history), VerificationError (wrong or not complete, and
 * how) or CannotTellError (something unknown here, too few cosignatures, or a part that is missing).
 * @param {Uint8Array[]} parts
 * @param {Policy} policy
 * @returns {Promise<VerifiedHistory>}
 */
export async function verifyHistory(parts, policy) {
  if (parts.length > MAX_PARTS) {
    throw new FormatError("history.limit", `a history has at most ${MAX_PARTS} parts`);
  }
  /** @type {HistoryRecord[]} */
  const records = [];
  /** @type {VerifiedHistory|null} */
  let last = null;
  for (const data of parts) {
    last = await take(parsePart(data), policy, records, last);
  }
  if (last === null) throw shape("a history has at least one part");
  if (last.row !== null) await checkComplete(last.row, records);
  return last;
}

/**
 * Check everything about a part that can be known before the last part is there; its records join `records`.
 * @param {ReturnType<typeof parsePart>} part
 * @param {Policy} policy
 * @param {HistoryRecord[]} records
 * @param {VerifiedHistory|null} before
 * @returns {Promise<VerifiedHistory>}
 */
async function take(part, policy, records, before) {
  if (part.first !== records.length) {
    throw new CannotTellError("history.part-missing", `this part begins behind record ${part.first}, and the parts before it show ${records.length}`);
  }
  const checked = await policy.check(part.checkpointText);
  const header = await lastHeader(part.header, checked, "history");
  if (before !== null) {
    if (!equal(subjectKey(part.subject), subjectKey(before.subject))) {
      throw new VerificationError("history.subject", "two parts are about different subjects");
    }
    checkChain(before.header.chainId, header.chainId);
  }
  const row = await rowOf(part, header);
  for (const block of part.blocks) {
    await takeBlock(block, checked, header.chainId, records);
  }
  if (records.length > (row?.count ?? 0)) throw counted(row?.count ?? 0, records.length);
  return { subject: part.subject, row, records, header, checked };
}

/**
 * @param {number} count
 * @param {number} shown
 */
function counted(count, shown) {
  return new VerificationError("history.count", `the state counts ${count} records about this subject, and ${shown} are shown`);
}

/**
 * @param {Uint8Array} expected
 * @param {Uint8Array} got
 */
function checkChain(expected, got) {
  if (!equal(expected, got)) {
    throw new VerificationError("history.chain", "parts of the history are of different ledgers");
  }
}

/**
 * @param {ReturnType<typeof parsePart>} part
 * @param {Header} header
 */
async function rowOf(part, header) {
  const key = subjectKey(part.subject);
  if (part.state.value === null) {
    await verifyAbsence(header.stateRoot, key, part.state);
    return null;
  }
  await verifyMembership(header.stateRoot, key, part.state.value, part.state);
  return parseSubjectRow(part.state.value);
}

/**
 * @param {BlockPart} block
 * @param {CheckedCheckpoint} checked
 * @param {Uint8Array} chainId
 * @param {HistoryRecord[]} records
 */
async function takeBlock(block, { checkpoint: { size, root } }, chainId, records) {
  await verifyInclusion(await leafHash(block.headerLeaf), BigInt(block.index), size, block.path, root);
  const header = parseHeaderLeaf(block.headerLeaf);
  if (header.index !== BigInt(block.index)) {
    throw new VerificationError("history.header-index", `the header of index ${header.index} stands at index ${block.index}`);
  }
  checkChain(chainId, header.chainId);
  for (const entry of block.entries) {
    if (entry.index < header.firstIndex || entry.index >= block.index) {
      throw new VerificationError("history.block", `the entry of index ${entry.index} is not in block ${header.height}`);
    }
    await verifyInclusion(await leafHash(entry.leaf), BigInt(entry.index), size, entry.path, root);
    await takeEntry(entry, header, chainId, records);
  }
}

/**
 * @param {EntryPart} entry
 * @param {Header} header
 * @param {Uint8Array} chainId
 * @param {HistoryRecord[]} records
 */
async function takeEntry(entry, header, chainId, records) {
  const { body, signature } = parseEntryLeaf(entry.leaf);
  checkChain(chainId, body.chainId);
  await verifyEntrySignature(body, signature);
  for (const item of entry.records) {
    const recordId = await leafHash(item.raw);
    await verifyInclusion(recordId, BigInt(item.index), BigInt(body.count), item.path, body.recordsRoot);
    const before = records.at(-1);
    if (before && (entry.index < before.index || (entry.index === before.index && item.index <= before.recordIndex))) {
      throw new VerificationError("history.order", "the records do not stand in the order in which they were recorded");
    }
    records.push({
      record: await knownRecord(item.raw),
      recordId,
      entryId: await entryId(body),
      index: entry.index,
      recordIndex: item.index,
      height: header.height,
      timeMs: header.timeMs,
      claimedMs: body.timeMs,
      authorKey: body.authorKey,
    });
  }
}

/**
 * Check that what was shown is all there is, and what the row repeats of its first and its newest record.
 * @param {SubjectRow} row
 * @param {HistoryRecord[]} records
 */
async function checkComplete(row, records) {
  if (records.length < row.count) throw counted(row.count, records.length);
  const leaves = records.map((item) => historyLeaf(item.entryId, item.recordIndex, item.recordId));
  if (!equal(await rootOfHashes(await Promise.all(leaves)), row.root)) {
    throw new VerificationError("history.root", "the records shown are not those that the state commits to");
  }
  const [first, newest] = [records[0], records.at(-1)];
  if (!first || !newest || !equal(row.issue, first.recordId)) {
    throw new VerificationError("history.row", "the state names another record as the subject's first");
  }
  if (row.timeMs !== first.timeMs || row.changedMs !== newest.timeMs) {
    throw new VerificationError("history.row", "the state gives the first or the newest record another time than its block's");
  }
}
