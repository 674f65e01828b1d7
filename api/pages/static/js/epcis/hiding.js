/**
 * Parts of an event that only chosen readers see: the ledger holds a commitment to them (`ledger/epcis/hiding.py`, `record.py`, `share.py`).
 *
 * Rules: what is hidden stands at the event's first level and is named by its JSON pointer. The salt follows from the author's secret and the
 * whole event, so that signing the same event again gives the same record; in the event hash's place stands a tag that only the secret makes.
 * Items, kind and times cannot be hidden: they are what an event is found by.
 */

import { FormatError, encode, leafHash, sha256 } from "../../verify/index.js";
import { hmac } from "../../verify/hash.js";
import { rootOfHashes } from "../../verify/merkle.js";
import { eventHash } from "./event_hash.js";
import { canonical, canonicalText } from "./jcs.js";
import { errorOf, recordOf } from "./record.js";

const SALT_CONTEXT = "sogoc/v1/event-salt\0";
const SHARE_VERSION = 2;
const NEVER = ["@context", "type", "eventTime", "eventTimeZoneOffset", "action", "parentID", "epcList", "quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList", "bizStep"];
const utf8 = new TextEncoder();

/** @typedef {{pointer: string, text: string}} Part */

/**
 * @param {Record<string, any>} whole
 * @param {string[]} pointers
 * @returns {Record<string, any>} the event as everybody sees it
 */
export function publicOf(whole, pointers) {
  const names = pointers.map((pointer) => pointer.slice(1));
  const wrong = names.find((name) => NEVER.includes(name) || !Object.hasOwn(whole, name));
  if (wrong !== undefined) throw new FormatError("epcis.hide-item", `${wrong} cannot be hidden`);
  return Object.fromEntries(Object.entries(whole).filter(([name]) => !names.includes(name)));
}

/** @param {Record<string, any>} whole @param {string[]} pointers @returns {Part[]} in ascending order */
function partsOf(whole, pointers) {
  return [...pointers].sort().map((pointer) => ({ pointer, text: canonicalText(whole[pointer.slice(1)]) }));
}

/** @param {Part} part @param {Uint8Array} salt */
async function checked(part, salt) {
  const mac = await hmac(salt, utf8.encode(part.pointer));
  return { part, mac, hash: await leafHash(encode([part.pointer, part.text, mac])) };
}

/**
 * The body of an `epcis.event/1` record with hidden parts, but for its authority; and what stays at home.
 * @param {Record<string, any>} whole
 * @param {string[]} pointers
 * @param {Uint8Array} secret 32 bytes
 * @returns {Promise<{body: Record<string, any>, salt: Uint8Array, tag: Uint8Array}>}
 */
export async function hiddenRecordOf(whole, pointers, secret) {
  const { event_hash: _, ...body } = await recordOf(publicOf(whole, pointers));
  const salt = await hmac(secret, joined(utf8.encode(SALT_CONTEXT), await sha256(canonical(whole))));
  const tag = await hmac(secret, await eventHash(whole));
  const leaves = await Promise.all(partsOf(whole, pointers).map((part) => checked(part, salt)));
  return { body: { ...body, event_tag: tag, hidden_root: await rootOfHashes(leaves.map((leaf) => leaf.hash)), hidden_count: leaves.length }, salt, tag };
}

/**
 * The body of an `epcis.error/1` record of such an event: declared to be a mistake, and hidden as before.
 * @param {Record<string, any>} whole as it was signed
 * @param {string[]} pointers
 * @param {Uint8Array} tag
 * @param {"did_not_occur"|"incorrect_data"} reason
 * @param {number} timeMs
 */
export async function hiddenErrorOf(whole, pointers, tag, reason, timeMs) {
  const { event_hash: _, ...body } = await errorOf(publicOf(whole, pointers), reason, timeMs);
  return { ...body, event_tag: tag };
}

/**
 * What shows chosen parts (`share.js`): evidence of the event's record, the parts with what it takes to check each, and for whom they are.
 * @param {string|Uint8Array} evidence the receipt's text, for a file; the record's id, for a link
 * @param {Record<string, any>} whole
 * @param {string[]} pointers all that is hidden
 * @param {Uint8Array} salt
 * @param {string[]} chosen
 * @param {(shown: [string, string][]) => Promise<any[]|null>} [told] for whom, signed over what is shown: `[reader, time, key, signature]`
 * @returns {Promise<Uint8Array>}
 */
export async function shareOf(evidence, whole, pointers, salt, chosen, told = async () => null) {
  const leaves = await Promise.all(partsOf(whole, pointers).map((part) => checked(part, salt)));
  const hashes = leaves.map((leaf) => leaf.hash);
  const parts = [];
  for (const [index, { part, mac }] of leaves.entries()) {
    if (chosen.includes(part.pointer)) parts.push([index, part.pointer, part.text, mac, await pathTo(hashes, index)]);
  }
  if (!parts.length || parts.length !== chosen.length) throw new FormatError("epcis.hide-unknown", "choose what is to be shown, out of what is hidden");
  const shown = parts.map(([, pointer, text]) => /** @type {[string, string]} */ ([pointer, text]));
  return encode([SHARE_VERSION, evidence, parts, await told(shown)]);
}

/**
 * The inclusion path of a leaf (RFC 9162 §2.1.3.1).
 * @param {Uint8Array[]} hashes
 * @param {number} index
 * @returns {Promise<Uint8Array[]>}
 */
async function pathTo(hashes, index) {
  if (hashes.length === 1) return [];
  let half = 1;
  while (2 * half < hashes.length) half *= 2;
  const [left, right] = [hashes.slice(0, half), hashes.slice(half)];
  return index < half ? [...(await pathTo(left, index)), await rootOfHashes(right)] : [...(await pathTo(right, index - half)), await rootOfHashes(left)];
}

/** @param {Uint8Array} one @param {Uint8Array} other */
function joined(one, other) {
  const whole = new Uint8Array(one.length + other.length);
  whole.set(one);
  whole.set(other, one.length);
  return whole;
}
