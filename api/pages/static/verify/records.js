/**
 * Records: reading one by its type's field table, what one field means for another, and what the record is about.
 *
 * The tables are made from the library's registry (record-types.js). What a table cannot say stands here, type by type: checks of one
 * field against another, and the subject. A type that has a table but no subject here is not known here: never guessed.
 *
 * Not here: the chain rules. Whether a record was admitted is for the quorum, and for an audit.
 */

import { equal, isBytes, toHex, toUtf8 } from "./bytes.js";
import { CannotTellError, FormatError, RefusedError } from "./errors.js";
import { checkBody } from "./fields.js";
import { itemPath, parseItem } from "./goods.js";
import { leafHash, sha256 } from "./hash.js";
import { decode, encode } from "./msgpack.js";
import { PARAMETER_BOUNDS, RECORD_TYPES } from "./record-types.js";

/** @typedef {Map<string, any>} Body */
/** @typedef {import("./rows.js").Subject} Subject */
/**
 * A record that follows its type's field table.
 * @typedef {{type: string, body: Body, raw: Uint8Array, authority: string, bySuccessor: boolean,
 *   isSingle: boolean}} LedgerRecord
 */

export const MAX_RECORD_BYTES = 65_535;

const BYTES_OF_A_THING = 20;

export const DOCUMENT = "document";
export const CERTIFICATE = "certificate";

const PUBLIC_ONLY = ["abstract", "book", "date", "kind", "media_type", "number", "secrecy", "size", "symbol", "urgency"];
const ONE_SIGNATURE = ["certificate", "changes", "coverage", "integrity", "position", "signed_ms", "trust"];
const EACH_SIGNATURE = ["changes", "coverage", "integrity", "position", "trust"];

/**
 * @param {any} a
 * @param {any} b
 */
const same = (a, b) => (isBytes(a) && isBytes(b) ? equal(a, b) : a === b);

/**
 * A document's hash or commitment.
 * @param {Body} body
 */
const identifierOf = (body) => body.get("hash") ?? body.get("commitment");

/** @param {Body} body */
function checkContinues(body) {
  if (!body.has("continues")) return;
  if (!body.has("number") && !body.has("number_tag")) {
    throw new RefusedError("document.continues-alone", "a document continues another in its number: state the number too");
  }
  if (same(body.get("continues"), identifierOf(body))) {
    throw new RefusedError("document.by-itself", "a document cannot take its own place");
  }
}

/** @param {Body} body */
function checkAnchor(body) {
  if ((body.get("secrecy") ?? "khong") !== "khong") {
    throw new RefusedError("document.secret", "a paper marked secret is not anchored: nothing about it may leave the office");
  }
  if (body.has("hash") === body.has("commitment")) {
    throw new RefusedError("document.hash-or-commitment", "a document is anchored by its hash or by a commitment: one of the two");
  }
  if (body.has("commitment")) {
    const disclosing = PUBLIC_ONLY.find((name) => body.has(name));
    if (disclosing !== undefined) {
      throw new RefusedError("document.commitment-discloses", `with a commitment, field '${disclosing}' is forbidden: it helps to guess the paper`);
    }
  } else if (!body.has("media_type") || !body.has("size")) {
    throw new RefusedError("document.description", "a document anchored by its hash states media_type and size");
  } else if (body.has("number_tag")) {
    throw new RefusedError("document.number-tag", "a tag stands for the number of a private document; a public one states its number");
  }
  if (body.has("number") && !body.has("date")) {
    throw new RefusedError("document.number-date", "a document with a number states its date: numbers start anew each year");
  }
  if (body.has("book") && !body.has("number")) {
    throw new RefusedError("document.book-alone", "a book is stated with the number that it gave");
  }
  checkContinues(body);
}

/** @param {Body} body */
function checkCopy(body) {
  if (body.has("original_authority") && !body.has("original")) {
    throw new RefusedError("document.original-alone", "original_authority is stated with the original");
  }
  checkContinues(body);
}

/** @param {Body} body */
function checkOther(body) {
  if (same(body.get("by"), body.get("document")) && (body.get("by_authority") ?? body.get("authority")) === body.get("authority")) {
    throw new RefusedError("document.by-itself", "a document cannot take its own place");
  }
}

/** @param {Body} body */
function checkSignatures(body) {
  const count = body.get("count");
  const wrong = count === 0 ? ONE_SIGNATURE.find((name) => body.has(name)) : EACH_SIGNATURE.find((name) => !body.has(name));
  if (wrong !== undefined) {
    throw new RefusedError("document.signature-fields", `field '${wrong}' stands where a signature is described, and only there`);
  }
  if (count > 0 && body.get("position") > count) {
    throw new RefusedError("document.signature-position", "a signature's position is among those that were found");
  }
}

/** @param {Body} body */
function checkPaper(body) {
  if (equal(body.get("hash"), body.get("document"))) {
    throw new RefusedError("document.by-itself", "a document's stamped copy is another file than the document");
  }
}

/** @param {Body} body */
function checkDays(body) {
  // Dates of one fixed form compare as texts.
  if (body.has("valid_from") && body.has("valid_until") && body.get("valid_until") < body.get("valid_from")) {
    throw new RefusedError("certificate.days", "the last day on which a certificate is good is before the first");
  }
}

/** @param {Body} body */
function checkPair(body) {
  if (body.has("key") !== body.has("possession")) {
    throw new RefusedError("member.key-pair", "a key and the signature that shows its possession go together");
  }
}

/** @param {Body} body */
function checkAdmission(body) {
  checkPair(body);
  if (body.get("roles").includes("administrator") && !body.has("key")) {
    throw new RefusedError("member.key-missing", "who becomes an administrator shows a key that can vote");
  }
}

/** @param {Body} body */
function checkParameter(body) {
  const [least, greatest] = PARAMETER_BOUNDS[body.get("name")];
  if (body.get("value") < least || body.get("value") > greatest) {
    throw new RefusedError("parameter.range", `${body.get("name")} is from ${least} to ${greatest}, not ${body.get("value")}`);
  }
}

/** @param {string} predecessor the field that names who ends */
const checkSuccession = (predecessor) => (/** @type {Body} */ body) => {
  const successors = body.get("successors");
  if (successors.includes(body.get(predecessor))) {
    throw new RefusedError("succession.itself", "an authority cannot succeed itself");
  }
  const single = ["merge", "rename"].includes(body.get("kind"));
  if ((single && successors.length !== 1) || (body.get("kind") === "split" && successors.length < 2)) {
    throw new RefusedError("succession.kind", "a merger or a new name has one successor, a split at least two");
  }
};

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

/**
 * A subject out of two fields.
 * @param {string} kind
 * @param {string} authority name of a field
 * @param {string} identifier name of a field
 */
const about = (kind, authority, identifier) => (/** @type {Body} */ body) => ({
  kind,
  authority: body.get(authority),
  identifier: body.get(identifier),
});

const newDocument = (/** @type {Body} */ body) => ({ kind: DOCUMENT, authority: body.get("authority"), identifier: identifierOf(body) });
const document = about(DOCUMENT, "authority", "document");
const certificate = about(CERTIFICATE, "authority", "certificate");
const member = about("member", "member", "member");
const key = about("key", "member", "key");
const predecessor = about("member", "predecessor", "predecessor");

/** @param {Body} body */
async function otherLedger(body) {
  const origin = toUtf8(body.get("origin"), "record.field-alphabet");
  return { kind: "ledger", authority: body.get("authority"), identifier: await sha256(origin) };
}

const PURPOSES = ["engine", "header", "log", "cosigning", "witness"];

/** @param {Body} body */
function checkValidator(body) {
  if (PURPOSES.some((one) => body.has(`${one}_key`) !== body.has(`${one}_possession`))) {
    throw new RefusedError("validator.key-pair", "a key and the signature that shows its possession go together");
  }
  const given = PURPOSES.filter((one) => body.has(`${one}_key`)).map((one) => toHex(body.get(`${one}_key`)));
  if (body.has("validator") !== given.length > 0) {
    throw new RefusedError("validator.keys-missing", "a validator is named together with the keys that it gets, and only then");
  }
  if (!given.length && !body.has("leaves")) {
    throw new RefusedError("validator.nothing", "the record changes nothing: name who comes or who leaves");
  }
  if (["none", "validators"].includes(body.get("validator"))) {
    throw new RefusedError("validator.name", "no validator is called none or validators");
  }
  if (body.has("leaves") && body.get("leaves") === body.get("validator")) {
    throw new RefusedError("validator.name", "who gets keys does not leave");
  }
  if (new Set(given).size !== given.length) {
    throw new RefusedError("validator.key-used", "one key may make one kind of statement only: all keys differ");
  }
}
const product = (/** @type {Body} */ body) => ({ kind: "product", authority: body.get("authority"), identifier: body.get("gtin") ?? body.get("code") });
const place = (/** @type {Body} */ body) => ({ kind: "place", authority: body.get("authority"), identifier: body.get("gln") ?? body.get("code") });
const createdLot = (/** @type {Body} */ body) => ({ kind: "lot", authority: body.get("authority"), identifier: lotPath(body) });
const lot = about("lot", "owner", "item");
const event = (/** @type {Body} */ body) => ({ kind: "event", authority: body.get("authority"), identifier: body.get("event_hash") ?? body.get("event_tag") });

/** By type: what the record is about, and what one field means for another. @type {Record<string, [(body: Body, raw: Uint8Array) => Subject|Promise<Subject>, ((body: Body) => void)?]>} */
const MEANINGS = {
  "access.log/1": [about("access", "owner", "item")],
  "cert.issue/1": [certificate, checkDays],
  "cert.paper/1": [certificate],
  "cert.reinstate/1": [certificate],
  "cert.renew/1": [certificate],
  "cert.revoke/1": [certificate],
  "cert.suspend/1": [certificate],
  "checkpoint.witness/1": [otherLedger],
  "doc.anchor/1": [newDocument, checkAnchor],
  "doc.copy/1": [newDocument, checkCopy],
  "doc.correct/1": [document, checkOther],
  "doc.paper/1": [document, checkPaper],
  "doc.signatures/1": [document, checkSignatures],
  "doc.supersede/1": [document, checkOther],
  "doc.withdraw/1": [document],
  "epcis.error/1": [event, checkEventName],
  "epcis.event/1": [event, checkEvent],
  "erase.tombstone/1": [about("erasure", "authority", "item")],
  "governance.approve/1": [about("proposal", "proposer", "proposal")],
  "governance.propose/1": [async (body, raw) => ({ kind: "proposal", authority: body.get("authority"), identifier: await leafHash(raw) })],
  "governance.withdraw/1": [about("proposal", "authority", "proposal")],
  "key.register/1": [key],
  "key.retire/1": [key],
  "key.revoke/1": [key],
  "key.rotate/1": [about("key", "authority", "key")],
  "lot.create/1": [createdLot, checkLot],
  "lot.recall/1": [lot],
  "lot.release/1": [lot],
  "member.register/1": [member, checkAdmission],
  "member.roles/1": [member, checkPair],
  "parameter.set/1": [about("parameter", "name", "name"), checkParameter],
  "place.end/1": [place, checkPlaceName],
  "place.register/1": [place, checkPlace],
  "product.end/1": [product, checkGoods],
  "product.register/1": [product, checkProduct],
  "product.update/1": [product, checkProduct],
  "succession.cancel/1": [predecessor],
  "succession.declare/1": [predecessor, checkSuccession("predecessor")],
  "succession.handover/1": [about("member", "authority", "authority"), checkSuccession("authority")],
  "validator.set/1": [() => ({ kind: "validators", authority: "validators", identifier: "validators" }), checkValidator],
};

/** Types that are known here. */
export const TYPES = Object.keys(MEANINGS).filter((name) => Object.hasOwn(RECORD_TYPES, name));

/**
 * Throw FormatError for an empty, overlong or 64-byte record.
 * @param {Uint8Array} record
 */
export function checkRecordSize(record) {
  if (!record.length || record.length > MAX_RECORD_BYTES) {
    throw new FormatError("record.size", `a record has 1 to ${MAX_RECORD_BYTES} bytes, not ${record.length}`);
  }
  if (record.length === 64) {
    throw new FormatError("record.size-64", "a record of exactly 64 bytes is refused: it could pass for a tree node");
  }
}

/**
 * Read a record's canonical bytes by its type's field table and checks. Throws FormatError (`encoding.*`, `record.shape`),
 * CannotTellError (`record.type-unknown`) or RefusedError (`record.field-*` and the type's own).
 * @param {Uint8Array} raw
 * @returns {LedgerRecord}
 */
export function parseRecord(raw) {
  checkRecordSize(raw);
  const value = decode(raw);
  if (!Array.isArray(value) || value.length !== 2) {
    throw new FormatError("record.shape", "a record is [type, body]");
  }
  const [type, body] = value;
  if (typeof type !== "string" || !type || toUtf8(type, "record.shape").length > 32 || !(body instanceof Map)) {
    throw new FormatError("record.shape", "a record is [type, body]: a short name and a map");
  }
  if (!TYPES.includes(type)) {
    throw new CannotTellError("record.type-unknown", `record type ${type} is not known here`);
  }
  const table = RECORD_TYPES[type];
  checkBody(table.fields, body);
  if (table.isChecked) MEANINGS[type][1]?.(body);
  const { bySuccessor, isSingle } = table;
  return { type, body, raw, authority: body.get("authority"), bySuccessor, isSingle };
}

/**
 * What a record is about; with its history it stands under one key of the state.
 * @param {LedgerRecord} record
 * @returns {Promise<Subject>}
 */
export async function subjectOf(record) {
  return MEANINGS[record.type][0](record.body, record.raw);
}

/**
 * The canonical bytes of a record that has been checked before anybody signs it; with the field `pad` where its type has one and the
 * bytes would else be 64, which no record may have.
 * @param {string} type such as `doc.anchor/1`
 * @param {Record<string, any>|Body} body fields by name; text should be in NFC
 * @returns {Uint8Array}
 */
export function encodeRecord(type, body) {
  let raw = encode([type, body]);
  if (raw.length === 64 && RECORD_TYPES[type]?.fields.some(([name]) => name === "pad")) {
    raw = encode([type, new Map([...(body instanceof Map ? body : Object.entries(body)), ["pad", 0]])]);
  }
  parseRecord(raw);
  return raw;
}
