/**
 * Checkpoints and cosignatures: what a log says of itself, and who says they saw it (docs/spec.md §9).
 *
 * Rules: the text of a checkpoint is the origin, the size in decimal without leading zeros and the root in base64, each on a
 * line; further lines mean nothing here. A cosignature (type 0x04) is 8 bytes of time in seconds and an Ed25519 signature over
 * "cosignature/v1", "time N" and the checkpoint's text. Sizes and times reach 2^63 − 1, so they are BigInt.
 */

import { concat, fromBase64, toUtf8 } from "./bytes.js";
import { verify } from "./ed25519.js";
import { FormatError, VerificationError } from "./errors.js";
import { MAX_SIZE } from "./merkle.js";
import { checkPointedAt, COSIGNING_KEY, parseNote } from "./note.js";

/** @typedef {import("./note.js").Note} Note */
/** @typedef {import("./note.js").NoteSignature} NoteSignature */
/** @typedef {import("./note.js").VerifierKey} VerifierKey */
/** @typedef {{origin: string, size: bigint, root: Uint8Array, extensions: string[], note: Note}} Checkpoint */

const MAX_TIME_S = 2n ** 63n - 1n;
const TIME_SIZE = 8;
const COSIGNATURE_SIZE = TIME_SIZE + 64;

/**
 * Read a signed checkpoint strictly. Checks no signature: that is `Policy.check`. Throws FormatError.
 * @param {string|Uint8Array} text
 * @returns {Checkpoint}
 */
export function parseCheckpoint(text) {
  const note = parseNote(text);
  const lines = note.text.slice(0, -1).split("\n");
  if (lines.length < 3) {
    throw new FormatError("checkpoint.lines", `a checkpoint has at least three lines (origin, size, root), this one ${lines.length}`);
  }
  if (lines.includes("")) {
    throw new FormatError("checkpoint.empty-line", "no line of a checkpoint is empty");
  }
  const [origin, size, root, ...extensions] = lines;
  return {
    origin,
    size: parseDecimal(size, "checkpoint.size"),
    root: parseHash(root, "checkpoint.root"),
    extensions,
    note,
  };
}

/**
 * Check one cosignature over a checkpoint's text.
 * @param {string} text
 * @param {NoteSignature} line
 * @param {VerifierKey} key
 * @returns {Promise<bigint>} its time, in seconds since the epoch
 */
export async function verifyCosignature(text, line, key) {
  checkPointedAt(line, key, COSIGNING_KEY);
  const data = line.signature;
  if (data.length !== COSIGNATURE_SIZE) {
    throw new VerificationError("cosignature.size", `${key.name}'s cosignature has ${data.length} bytes, an Ed25519 cosignature has ${COSIGNATURE_SIZE}`);
  }
  const time = new DataView(data.buffer, data.byteOffset, TIME_SIZE).getBigUint64(0);
  if (time > MAX_TIME_S) {
    throw new VerificationError("cosignature.time", `${key.name}'s cosignature has a time above 2^63 - 1 seconds`);
  }
  const message = concat(toUtf8(`cosignature/v1\ntime ${time}\n`, "note.text"), toUtf8(text, "note.text"));
  await verify(key.publicKey, data.subarray(TIME_SIZE), message);
  return time;
}

/**
 * Read an ASCII decimal without sign or leading zeros, at most 2^63 − 1.
 * @param {string} text
 * @param {string} rule what a failure is called
 * @returns {bigint}
 */
export function parseDecimal(text, rule) {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text) || BigInt(text) > MAX_SIZE) {
    throw new FormatError(rule, `this is no decimal number from 0 to ${MAX_SIZE} without leading zeros`);
  }
  return BigInt(text);
}

/**
 * Read 32 bytes in canonical base64.
 * @param {string} text
 * @param {string} rule what a failure is called
 * @returns {Uint8Array}
 */
export function parseHash(text, rule) {
  const data = fromBase64(text, rule);
  if (data.length !== 32) {
    throw new FormatError(rule, `a SHA-256 hash has 32 bytes, this one ${data.length}`);
  }
  return data;
}
