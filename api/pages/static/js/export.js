/**
 * Checking a whole export from disk: every leaf and record, down to what the ledger signed.
 *
 * Rules: the tree is computed again from the leaves, so the tiles of hashes in the folder are not needed and not believed; each
 * entry's records must be those that it commits to. Not checked here: signatures of entries and the rules, which is an audit's
 * business (`sogoc audit --level full`), and the page says so.
 */

import { FormatError, VerificationError, checkCheckpoint, decode, hashFile, toHex } from "../verify/index.js";
import { tilePath } from "./tiles.js";

const WIDTH = 256;
const ENTRY_TAG = 0;

/** @param {Uint8Array[]} parts */
function hashed(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return hashFile(whole);
}

const leafHash = (/** @type {Uint8Array} */ data) => hashed(Uint8Array.of(0), data);
const nodeHash = (/** @type {Uint8Array} */ left, /** @type {Uint8Array} */ right) => hashed(Uint8Array.of(1), left, right);

/** A tree that grows leaf by leaf and keeps only the roots of its complete subtrees. */
class Growing {
  constructor() {
    /** @type {{hash: Uint8Array, count: number}[]} */
    this.peaks = [];
  }

  /** @param {Uint8Array} hash */
  async add(hash) {
    let peak = { hash, count: 1 };
    while (this.peaks.at(-1)?.count === peak.count) {
      const left = /** @type {{hash: Uint8Array, count: number}} */ (this.peaks.pop());
      peak = { hash: await nodeHash(left.hash, peak.hash), count: 2 * peak.count };
    }
    this.peaks.push(peak);
  }

  async root() {
    const peaks = this.peaks.map((peak) => peak.hash);
    let root = peaks.pop();
    while (peaks.length) root = await nodeHash(/** @type {Uint8Array} */ (peaks.pop()), /** @type {Uint8Array} */ (root));
    return root ?? hashFile(new Uint8Array());
  }
}

/**
 * @param {Map<string, Blob>} files by path inside the export
 * @param {string} policyText
 * @param {(done: number, of: number) => void} progress in leaves
 * @returns {Promise<{origin: string, size: number, records: number, asOfMs: number|null}>} throws a LedgerError
 */
export async function checkExport(files, policyText, progress) {
  const text = files.get("checkpoint");
  if (!text) throw new FormatError("export.missing", "checkpoint");
  const { checkpoint, statusAsOfS } = await checkCheckpoint(await text.text(), policyText);
  const size = Number(checkpoint.size);
  const tree = new Growing();
  let count = 0;
  for (let first = 0; first < size; first += WIDTH) {
    const width = Math.min(WIDTH, size - first);
    const leaves = splitLeaves(await read(files, tilePath("entries", first / WIDTH, width)), width);
    const records = splitRecords(await read(files, tilePath("records", first / WIDTH, width)), width);
    for (const [at, leaf] of leaves.entries()) {
      await tree.add(await leafHash(leaf));
      count += await checkRecords(leaf, records[at], first + at);
    }
    progress(first + width, size);
  }
  const root = toHex(await tree.root());
  if (root !== toHex(checkpoint.root)) {
    throw new VerificationError("export.root", `the leaves have the root ${root}, and the checkpoint signs ${toHex(checkpoint.root)}`);
  }
  return { origin: checkpoint.origin, size, records: count, asOfMs: statusAsOfS === null ? null : Number(statusAsOfS) * 1000 };
}

/**
 * @param {Map<string, Blob>} files
 * @param {string} path
 */
async function read(files, path) {
  const file = files.get(path);
  if (!file) throw new FormatError("export.missing", path);
  return new Uint8Array(await file.arrayBuffer());
}

/** Reads length-prefixed items one after the other. */
class Cursor {
  /** @param {Uint8Array} data */
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  number() {
    if (this.at + 2 > this.data.length) throw new VerificationError("export.bundle", "a bundle ends in the middle");
    const value = this.data[this.at] * 256 + this.data[this.at + 1];
    this.at += 2;
    return value;
  }

  item() {
    const length = this.number();
    if (this.at + length > this.data.length) throw new VerificationError("export.bundle", "a bundle ends in the middle");
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }

  end() {
    if (this.at !== this.data.length) throw new VerificationError("export.bundle", "a bundle holds more than its leaves");
  }
}

/**
 * @param {Uint8Array} data
 * @param {number} width
 */
function splitLeaves(data, width) {
  const cursor = new Cursor(data);
  const leaves = Array.from({ length: width }, () => cursor.item());
  cursor.end();
  return leaves;
}

/**
 * @param {Uint8Array} data
 * @param {number} width
 */
function splitRecords(data, width) {
  const cursor = new Cursor(data);
  const items = Array.from({ length: width }, () => Array.from({ length: cursor.number() }, () => cursor.item()));
  cursor.end();
  return items;
}

/**
 * That an entry's records are those it commits to; returns how many.
 * @param {Uint8Array} leaf
 * @param {Uint8Array[]} records
 * @param {number} index
 */
async function checkRecords(leaf, records, index) {
  const value = /** @type {any} */ (decode(leaf));
  if (value?.[0] !== ENTRY_TAG) return 0;
  const [, , , , , count, root] = value[1];
  const tree = new Growing();
  for (const record of records) await tree.add(await leafHash(record));
  if (records.length !== count || toHex(await tree.root()) !== toHex(root)) {
    throw new VerificationError("export.records", `the records beside leaf ${index} are not those that its entry signs`);
  }
  return count;
}
