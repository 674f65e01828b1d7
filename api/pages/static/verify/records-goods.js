/**
 * Records about goods: products, lots, places, events. What their fields mean for one another, and what they are about.
 *
 * Rules: as in records.js, which loads this with the first record that needs it; a page that is about goods imports it at once.
 */

import { FormatError, RefusedError } from "./errors.js";
import { addKinds, checkAscii, checkLength, checkOctets, checkOrder, checkText, refuse } from "./fields.js";
import { checkDigit, itemPath, parseItem } from "./goods.js";
import { RECORD_TYPES } from "./record-types-goods.js";
import { about, learn } from "./records.js";

/** @typedef {import("./records.js").Body} Body */

const PATH_LETTERS = "%-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
const MAX_PATH = 164;
const BYTES_OF_A_THING = 20;

/**
 * @param {string} name
 * @param {any} value
 * @param {number} minimum
 * @param {number} maximum
 * @returns {any[]}
 */
function list(name, value, minimum, maximum) {
  if (!Array.isArray(value)) throw refuse("kind", name, "must be a list");
  checkLength(name, value.length, minimum, maximum);
  return value;
}

/**
 * The item that a field names by its path.
 * @param {string} name
 * @param {any} value
 */
function checkItem(name, value) {
  checkAscii(name, value, 1, MAX_PATH, PATH_LETTERS);
  try {
    return parseItem(value);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw refuse(error.rule === "gs1.check-digit" ? "check-digit" : "item", name, `must hold item paths: ${error.message}`);
  }
}

addKinds({
  Octets: checkOctets,
  CheckedDigits(name, value, length) {
    checkAscii(name, value, length, length, "0123456789");
    const wanted = checkDigit(value.slice(0, -1));
    if (value.at(-1) !== wanted) throw refuse("check-digit", name, `ends with a check digit that must be ${wanted}`);
  },
  LotPath(name, value) {
    if (checkItem(name, value).lot === undefined) throw refuse("item", name, "must be the path of a lot");
  },
  ItemList(name, value, minimum, maximum) {
    list(name, value, minimum, maximum).forEach((item) => checkItem(name, item));
    checkOrder(name, value);
  },
  HashList(name, value, maximum) {
    list(name, value, 1, maximum).forEach((item) => checkOctets(name, item, 32, 32));
    if (new Set(value.map(String)).size !== value.length) throw refuse("order", name, "must list each hash once");
  },
  TextList(name, value, maximum, longest) {
    list(name, value, 1, maximum).forEach((item) => checkText(name, item, 1, longest));
    if (new Set(value).size !== value.length) throw refuse("order", name, "must list each text once");
  },
});

/**
 * Goods are named by a GTIN or by an own code, of which none could pass for a number of GS1.
 * @param {Body} body
 * @param {string} family
 * @param {string} number name of the field
 * @param {number} length digits of the number
 */
function checkGoods(body, family = "product", number = "gtin", length = 14) {
  if (body.has(number) === body.has("code")) {
    throw new RefusedError(`${family}.${number}-or-code`, `it is named by a ${number.toUpperCase()} or by a code of the member's own: one of the two`);
  }
  const code = body.get("code");
  if (code === "." || code === ".." || (code?.length === length && /^[0-9]+$/.test(code))) {
    throw new RefusedError("product.code", `an own code is neither dots alone nor ${length} digits, which would pass for a GS1 number`);
  }
}

/** @param {Body} body */
function checkProduct(body) {
  checkGoods(body);
  if (body.has("ocop_until") && !body.has("ocop_stars")) {
    throw new RefusedError("product.ocop", "the last day of OCOP stars is stated with the stars");
  }
}

/** @param {Body} body */
const checkPlaceName = (body) => checkGoods(body, "place", "gln", 13);

/** @param {Body} body */
function checkPlace(body) {
  checkPlaceName(body);
  if (body.has("latitude") !== body.has("longitude")) {
    throw new RefusedError("place.position", "a position is a latitude and a longitude: both, or neither");
  }
}

/**
 * The path of the lot that a record creates.
 * @param {Body} body
 */
function lotPath(body) {
  const lot = body.get("lot");
  return itemPath(body.has("gtin") ? { gtin: body.get("gtin"), lot } : { member: body.get("authority"), code: body.get("code"), lot });
}

/** @param {Body} body */
function checkLot(body) {
  checkGoods(body);
  try {
    parseItem(lotPath(body));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new RefusedError("lot.name", error.message);
  }
  if (body.has("quantity") !== body.has("unit")) {
    throw new RefusedError("lot.quantity", "a quantity is stated with its unit");
  }
  if (body.has("produced") && body.has("expires") && body.get("expires") < body.get("produced")) {
    throw new RefusedError("lot.days", "the lot would expire before it was made");
  }
}

/** @param {Body} body */
function checkEventName(body) {
  if (body.has("event_hash") === body.has("event_tag")) {
    throw new RefusedError("event.hash-or-tag", "an event is known by its hash or by a tag: one of the two");
  }
  if (body.get("event").length < BYTES_OF_A_THING * body.get("things").length) {
    throw new RefusedError("event.size", `an event has at least ${BYTES_OF_A_THING} bytes for each of its things, which it names`);
  }
}

/** @param {Body} body */
function checkEvent(body) {
  checkEventName(body);
  if (body.has("hidden_root") !== body.has("hidden_count")) {
    throw new RefusedError("event.hidden-pair", "the root over hidden parts and how many there are go together");
  }
  if (body.has("hidden_root") && body.has("event_hash")) {
    throw new RefusedError("event.hidden-hash", "an event with hidden parts is known by a tag: its plain hash would let somebody guess them");
  }
}

const product = (/** @type {Body} */ body) => ({ kind: "product", authority: body.get("authority"), identifier: body.get("gtin") ?? body.get("code") });
const place = (/** @type {Body} */ body) => ({ kind: "place", authority: body.get("authority"), identifier: body.get("gln") ?? body.get("code") });
const createdLot = (/** @type {Body} */ body) => ({ kind: "lot", authority: body.get("authority"), identifier: lotPath(body) });
const lot = about("lot", "owner", "item");
const event = (/** @type {Body} */ body) => ({ kind: "event", authority: body.get("authority"), identifier: body.get("event_hash") ?? body.get("event_tag") });

learn("goods", RECORD_TYPES, {
  "epcis.error/1": [event, checkEventName],
  "epcis.event/1": [event, checkEvent],
  "lot.create/1": [createdLot, checkLot],
  "lot.recall/1": [lot],
  "lot.release/1": [lot],
  "place.end/1": [place, checkPlaceName],
  "place.register/1": [place, checkPlace],
  "product.end/1": [product, checkGoods],
  "product.register/1": [product, checkProduct],
  "product.update/1": [product, checkProduct],
});
