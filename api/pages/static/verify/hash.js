/**
 * SHA-256 as the ledger uses it (docs/spec.md §2): prefixes for leaves and nodes, contexts for what is signed, files.
 *
 * Rules: a leaf is hashed behind 00 and an inner node behind 01; what is signed is context ‖ 00 ‖ bytes. WebCrypto hashes one
 * whole buffer and has no stream, so a file must fit into memory: `MAX_FILE_BYTES` is the limit, and it is stated, not hidden.
 */

import { ascii, concat, fromHex } from "./bytes.js";
import { CannotTellError } from "./errors.js";
import { subtle } from "./platform.js";

export const HASH_SIZE = 32;
export const MAX_FILE_BYTES = 512 * 1024 * 1024;

/** Contexts of signatures. */
export const ENTRY_CONTEXT = "sogoc/v1/entry";
export const HEADER_CONTEXT = "sogoc/v1/header";
export const POSSESSION_CONTEXT = "sogoc/v1/key-possession";

/** Root of the tree without leaves: the hash of nothing. */
export const EMPTY_ROOT = fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/**
 * @param {Uint8Array|ArrayBuffer} data
 * @returns {Promise<Uint8Array>} 32 bytes
 */
export async function sha256(data) {
  return new Uint8Array(await subtle().digest("SHA-256", /** @type {BufferSource} */ (data)));
}

/**
 * Leaf hash: SHA-256(00 ‖ data) (RFC 9162 §2.1.1).
 * @param {Uint8Array} data
 */
export function leafHash(data) {
  const input = new Uint8Array(1 + data.length);
  input.set(data, 1);
  return sha256(input);
}

/**
 * Node hash: SHA-256(01 ‖ left ‖ right) (RFC 9162 §2.1.1).
 * @param {Uint8Array} left 32 bytes
 * @param {Uint8Array} right 32 bytes
 */
export function nodeHash(left, right) {
  const input = new Uint8Array(1 + 2 * HASH_SIZE);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 1 + HASH_SIZE);
  return sha256(input);
}

/**
 * The bytes that are signed for `data` in a context.
 * @param {string} context
 * @param {Uint8Array} data
 */
export function signedMessage(context, data) {
  return concat(ascii(`${context}\0`), data);
}

/**
 * HMAC-SHA-256 (RFC 2104).
 * @param {Uint8Array} key
 * @param {Uint8Array|ArrayBuffer} data
 * @returns {Promise<Uint8Array>} 32 bytes
 */
export async function hmac(key, data) {
  const imported = await subtle().importKey("raw", /** @type {BufferSource} */ (key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle().sign("HMAC", imported, /** @type {BufferSource} */ (data)));
}

/**
 * SHA-256 of a file, which never leaves the device.
 * @param {Blob|Uint8Array} file
 * @returns {Promise<Uint8Array>} 32 bytes
 */
export async function hashFile(file) {
  checkFileSize(file);
  return sha256(file instanceof Blob ? await file.arrayBuffer() : file);
}

/**
 * The salted commitment to a file: HMAC-SHA-256(salt, "file" ‖ 00 ‖ the file).
 * @param {Blob|Uint8Array} file
 * @param {Uint8Array} salt 32 bytes
 */
export async function fileCommitment(file, salt) {
  checkFileSize(file);
  // The blob joins both without a second copy in this program's hands.
  return hmac(salt, await new Blob(["file\0", /** @type {BlobPart} */ (file)]).arrayBuffer());
}

/** @param {Blob|Uint8Array} file */
function checkFileSize(file) {
  const size = file instanceof Blob ? file.size : file.length;
  if (size > MAX_FILE_BYTES) {
    throw new CannotTellError("browser.file-too-large", `a browser hashes files of at most ${MAX_FILE_BYTES} bytes; this one has ${size}`);
  }
}
