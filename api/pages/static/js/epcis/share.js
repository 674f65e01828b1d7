/**
 * What shows hidden parts of an event to one reader: a `.sogoc-share`, or a link that carries it (`ledger/epcis/share.py`, and the same vectors
 * hold both: `tests/share/`).
 *
 * Rules: nothing in it is believed before the receipt proved the record, and each part was found behind the record's commitment. Who it is for
 * was signed by whoever made it: by the key that recorded the event that is proof, by another key somebody's word. A link's share stands behind
 * its `#`, which no browser sends to a server.
 *
 * What this module does not do: fetch a receipt, or show anything.
 */

import { CannotTellError, FormatError, VerificationError, decode, encode, leafHash } from "../../verify/index.js";
import { equal, isBytes, isHash } from "../../verify/bytes.js";
import { verify as verifySignature } from "../../verify/ed25519.js";
import { signedMessage } from "../../verify/hash.js";
import { MAX_PATH, verifyInclusion } from "../../verify/merkle.js";
import { readEvent } from "../trace/happened.js";
import { canonicalText } from "./jcs.js";

/** @typedef {{index: number, pointer: string, text: string, mac: Uint8Array, path: Uint8Array[]}} ShownPart */
/** For whom it was made. @typedef {{reader: string, timeMs: number, key: Uint8Array, signature: Uint8Array}} Addressee */
/** As it came: well formed, and nothing of it believed. `receipt` is null where it came by a link, and `recordId` where by a file. @typedef {{receipt: string|null, recordId: Uint8Array|null, parts: ShownPart[], addressee: Addressee|null}} Share */
/**
 * What a share proves. `hidden`: how many parts the event keeps back, those shown among them; `isByAuthor`: whether the key that recorded the
 * event signed for whom this is.
 * @typedef {{shown: {pointer: string, text: string}[], hidden: number, addressee: Addressee|null, isByAuthor: boolean, said: import("../trace/happened.js").Happened}} Shared
 */

export const SHARE_CONTEXT = "sogoc/v1/share";
export const SHARE_PAGE = "/chia-se";
export const MAX_SHARE_BYTES = 5_000_000;
export const MAX_READER_LETTERS = 200;
const MAX_LINK_LETTERS = 8_000;
const MAX_HIDDEN = 256;
const MAX_VALUE_BYTES = 32_000;
const utf8 = new TextEncoder();

/** @param {string} what */
const shape = (what) => new FormatError("share.shape", `this is no share of an event: ${what}`);

/**
 * Read a share. Throws FormatError (`share.shape`, `encoding.*`), or CannotTellError (`share.version`).
 * @param {Uint8Array} data
 * @returns {Share}
 */
export function parseShare(data) {
  const value = /** @type {any} */ (decode(data, { maxBytes: MAX_SHARE_BYTES }));
  if (!Array.isArray(value) || !value.length) throw shape("it is an array");
  const [version, evidence, parts, told = null] = value;
  if (version !== 1 && version !== 2) throw new CannotTellError("share.version", "this version of a share is not known here");
  const isEvidence = typeof evidence === "string" || (version === 2 && isHash(evidence));
  if (value.length !== (version === 1 ? 3 : 4) || !isEvidence || !Array.isArray(parts) || parts.length < 1 || parts.length > MAX_HIDDEN) {
    throw shape("it holds a receipt's text or a record's id, a list of parts, and for whom they are");
  }
  const [receipt, recordId] = typeof evidence === "string" ? [evidence, null] : [null, evidence];
  return { receipt, recordId, parts: parts.map(partOf), addressee: told === null ? null : addresseeOf(told) };
}

/** @param {any} value @returns {ShownPart} */
function partOf(value) {
  const [index, pointer, text, mac, path] = Array.isArray(value) && value.length === 5 ? value : [];
  const isGood = typeof index === "number" && index >= 0 && typeof pointer === "string" && typeof text === "string" && isBytes(mac) && Array.isArray(path)
    && path.length <= MAX_PATH && path.every(isBytes);
  if (!isGood) throw shape("a part is [index, pointer, value, check, path]");
  return { index, pointer, text, mac, path };
}

/** @param {any} value @returns {Addressee} */
function addresseeOf(value) {
  const [reader, timeMs, key, signature] = Array.isArray(value) && value.length === 4 ? value : [];
  const isGood = isReader(reader) && typeof timeMs === "number" && timeMs >= 0 && isHash(key) && isBytes(signature) && signature.length === 64;
  if (!isGood) throw shape("for whom it is stands as [reader, time, key, signature]");
  return { reader, timeMs, key, signature };
}

/** @param {unknown} text */
function isReader(text) {
  return typeof text === "string" && text.length > 0 && [...text].length <= MAX_READER_LETTERS;
}

/**
 * What a share says of the record that a receipt proved. Throws FormatError (`epcis.*`), or VerificationError (`share.*`, `event.mismatch`).
 * @param {Share} share
 * @param {import("../../verify/receipt.js").VerifiedReceipt} proved
 * @returns {Promise<Shared>}
 */
export async function checkShare(share, proved) {
  const { type, body } = proved.record;
  if (share.recordId !== null && !equal(share.recordId, proved.recordId)) {
    throw new VerificationError("share.record", "the receipt is of another record than the one that is shown");
  }
  if (type !== "epcis.event/1" || !body.has("hidden_root")) throw new VerificationError("share.record", "the receipt is not of an event with hidden parts");
  const said = readEvent(body.get("event"));
  if (said === null || said.kind !== body.get("kind") || said.timeMs !== body.get("time_ms")) {
    throw new VerificationError("event.mismatch", "the record's summary is not what the event says");
  }
  const count = body.get("hidden_count");
  await checkParts(share.parts, body.get("hidden_root"), count);
  const { addressee } = share;
  if (addressee !== null) await checkAddressee(addressee, proved.recordId, share.parts);
  const isByAuthor = addressee !== null && equal(addressee.key, proved.authorKey);
  return { shown: share.parts.map(({ pointer, text }) => ({ pointer, text })), hidden: count, addressee, isByAuthor, said };
}

/**
 * @param {ShownPart[]} parts
 * @param {Uint8Array} root
 * @param {number} count
 */
async function checkParts(parts, root, count) {
  if (parts.some((part, at) => at > 0 && parts[at - 1].index >= part.index)) throw new FormatError("epcis.hide-order", "shown parts stand in ascending order, each once");
  for (const { index, pointer, text, mac, path } of parts) {
    checkCanonical(text);
    try {
      if (!isHash(mac)) throw new VerificationError("share.proof", "a check has 32 bytes");
      await verifyInclusion(await leafHash(encode([pointer, text, mac])), BigInt(index), BigInt(count), path, root);
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error;
      throw new VerificationError("share.proof", `${pointer} is not what the ledger's record commits to: ${error.detail}`);
    }
  }
}

/** @param {string} text */
function checkCanonical(text) {
  if (utf8.encode(text).length > MAX_VALUE_BYTES) throw new FormatError("epcis.hide-limit", `a hidden value has at most ${MAX_VALUE_BYTES} bytes`);
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FormatError("epcis.json", "this is no JSON");
  }
  if (canonicalText(value) !== text) throw new FormatError("epcis.value", "a hidden value is canonical JSON");
}

/**
 * @param {Addressee} told
 * @param {Uint8Array} recordId
 * @param {ShownPart[]} parts
 */
async function checkAddressee(told, recordId, parts) {
  try {
    await verifySignature(told.key, told.signature, statementOf(recordId, told.reader, told.timeMs, parts.map(({ pointer, text }) => [pointer, text])));
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    throw new VerificationError("share.reader", `what it says of whom it is for was not signed like this: ${error.detail}`);
  }
}

/**
 * What whoever shows something signs.
 * @param {Uint8Array} recordId
 * @param {string} reader
 * @param {number} timeMs
 * @param {[string, string][]} shown
 */
export function statementOf(recordId, reader, timeMs, shown) {
  return signedMessage(SHARE_CONTEXT, encode([recordId, reader, timeMs, shown]));
}

/**
 * The verdict on a share, out of that on its receipt.
 * @template {{verdict: string, rule: string, reason: string, proved: any}} Judgement
 * @param {Share} share
 * @param {Judgement} judgement
 * @returns {Promise<Judgement & {shared: Shared|null}>}
 */
export async function judgeShare(share, judgement) {
  if (judgement.proved === null) return { ...judgement, shared: null };
  try {
    return { ...judgement, shared: await checkShare(share, judgement.proved) };
  } catch (error) {
    if (error instanceof CannotTellError) return { ...judgement, verdict: "cannot-tell", rule: error.rule, reason: error.detail, shared: null };
    if (!(error instanceof FormatError) && !(error instanceof VerificationError)) throw error;
    return { ...judgement, verdict: "does-not-match", rule: error.rule, reason: error.detail, shared: null };
  }
}

/**
 * The address that shows a share, or null where it is too long for a link.
 * @param {Uint8Array} data
 * @param {string} site
 */
export function linkOf(data, site) {
  const letters = btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join("")).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  return letters.length > MAX_LINK_LETTERS ? null : `${site}${SHARE_PAGE}#${letters}`;
}

/**
 * The share that a link's fragment carries. Throws FormatError (`share.link`) for what is none.
 * @param {string} fragment with or without its `#`
 */
export function ofFragment(fragment) {
  const letters = fragment.replace(/^#/, "");
  const broken = new FormatError("share.link", "this link carries nothing that is shown: part of it may be missing");
  if (!/^[A-Za-z0-9_-]+$/.test(letters) || letters.length > MAX_LINK_LETTERS) throw broken;
  try {
    return Uint8Array.from(atob(letters.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  } catch {
    throw broken;
  }
}
