/**
 * Records: reading one by its type's field table, what one field means for another, and what the record is about.
 *
 * The tables are made from the library's registry (record-types.js). What a table cannot say stands here, type by type: checks of one
 * field against another, and the subject. A type that has a table but no subject is not known: never guessed. Here are the types of
 * papers, which is what most people check; those of goods and of governance are loaded with the first record that needs them.
 *
 * Not here: the chain rules. Whether a record was admitted is for the quorum, and for an audit.
 */

import { equal, isBytes, toUtf8 } from "./bytes.js";
import { CannotTellError, FormatError, RefusedError } from "./errors.js";
import { checkBody } from "./fields.js";
import { decode, encode } from "./msgpack.js";
import { part } from "./platform.js";
import { FAMILIES, RECORD_TYPES as PAPERS } from "./record-types.js";

/** @typedef {Map<string, any>} Body */
/** @typedef {import("./record-types.js").RecordType} RecordType */
/** @typedef {import("./rows.js").Subject} Subject */
/**
 * A record that follows its type's field table.
 * @typedef {{type: string, body: Body, raw: Uint8Array, authority: string, bySuccessor: boolean,
 *   isSingle: boolean}} LedgerRecord
 */

export const MAX_RECORD_BYTES = 65_535;

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

/**
 * A subject out of two fields.
 * @param {string} kind
 * @param {string} authority name of a field
 * @param {string} identifier name of a field
 */
export const about = (kind, authority, identifier) => (/** @type {Body} */ body) => ({
  kind,
  authority: body.get(authority),
  identifier: body.get(identifier),
});

const newDocument = (/** @type {Body} */ body) => ({ kind: DOCUMENT, authority: body.get("authority"), identifier: identifierOf(body) });
const document = about(DOCUMENT, "authority", "document");
const certificate = about(CERTIFICATE, "authority", "certificate");

/**
 * By type: what the record is about, and what one field means for another.
 * @typedef {Record<string, [(body: Body, raw: Uint8Array) => Subject|Promise<Subject>, ((body: Body) => void)?]>} Meanings
 */

/** Tables of the types that are known so far. @type {Record<string, RecordType>} */
export const RECORD_TYPES = {};

/** @type {Meanings} */
const MEANINGS = {};

/** Families that are loaded with the first record that needs them; papers are here. @type {Record<string, () => Promise<unknown>>} */
const ELSEWHERE = {
  goods: () => import("./records-goods.js"),
  governance: () => import("./records-governance.js"),
};

/** @type {Set<string>} */
const known = new Set();

/**
 * Take the types of a family into use. One that has a table but no meaning stays unknown.
 * @param {string} family
 * @param {Record<string, RecordType>} tables
 * @param {Meanings} meanings
 */
export function learn(family, tables, meanings) {
  known.add(family);
  for (const type of Object.keys(tables).filter((name) => Object.hasOwn(meanings, name))) {
    RECORD_TYPES[type] = tables[type];
    MEANINGS[type] = meanings[type];
  }
}

learn("papers", PAPERS, {
  "cert.issue/1": [certificate, checkDays],
  "cert.paper/1": [certificate],
  "cert.reinstate/1": [certificate],
  "cert.renew/1": [certificate],
  "cert.revoke/1": [certificate],
  "cert.suspend/1": [certificate],
  "doc.anchor/1": [newDocument, checkAnchor],
  "doc.copy/1": [newDocument, checkCopy],
  "doc.correct/1": [document, checkOther],
  "doc.paper/1": [document, checkPaper],
  "doc.signatures/1": [document, checkSignatures],
  "doc.supersede/1": [document, checkOther],
  "doc.withdraw/1": [document],
});

/** Types that are known so far. */
export const types = () => Object.keys(MEANINGS);

/**
 * The family that has to be loaded before a type can be judged, or null.
 * @param {string} type
 */
function lacking(type) {
  const [word] = type.split(".");
  const family = Object.hasOwn(FAMILIES, word) ? FAMILIES[word] : "papers";
  return known.has(family) ? null : family;
}

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
 * The type and the body of a record, before either is judged.
 * @param {Uint8Array} raw
 * @returns {[string, Body]}
 */
function partsOf(raw) {
  checkRecordSize(raw);
  const value = decode(raw);
  if (!Array.isArray(value) || value.length !== 2) {
    throw new FormatError("record.shape", "a record is [type, body]");
  }
  const [type, body] = value;
  if (typeof type !== "string" || !type || toUtf8(type, "record.shape").length > 32 || !(body instanceof Map)) {
    throw new FormatError("record.shape", "a record is [type, body]: a short name and a map");
  }
  return [type, body];
}

/**
 * @param {string} type whose family is loaded
 * @param {Body} body
 * @param {Uint8Array} raw
 * @returns {LedgerRecord}
 */
function checked(type, body, raw) {
  if (!Object.hasOwn(MEANINGS, type)) {
    throw new CannotTellError("record.type-unknown", `record type ${type} is not known here`);
  }
  const table = RECORD_TYPES[type];
  checkBody(table.fields, body);
  if (table.isChecked) MEANINGS[type][1]?.(body);
  const { bySuccessor, isSingle } = table;
  return { type, body, raw, authority: body.get("authority"), bySuccessor, isSingle };
}

/**
 * Read a record's canonical bytes by its type's field table and checks. Throws FormatError (`encoding.*`, `record.shape`),
 * CannotTellError (`record.type-unknown`, `browser.part-missing`) or RefusedError (`record.field-*` and the type's own).
 * @param {Uint8Array} raw
 * @returns {Promise<LedgerRecord>}
 */
export async function parseRecord(raw) {
  const [type, body] = partsOf(raw);
  const family = lacking(type);
  if (family !== null) await part(ELSEWHERE[family]);
  return checked(type, body, raw);
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
 * bytes would else be 64, which no record may have. A page that makes records of goods or governance imports their modules.
 * @param {string} type such as `doc.anchor/1`
 * @param {Record<string, any>|Body} body fields by name; text should be in NFC
 * @returns {Uint8Array}
 */
export function encodeRecord(type, body) {
  const family = lacking(type);
  if (family !== null) throw new Error(`records-${family}.js is not imported by the page that makes ${type}`);
  let raw = encode([type, body]);
  if (raw.length === 64 && Object.hasOwn(RECORD_TYPES, type) && RECORD_TYPES[type].fields.some(([name]) => name === "pad")) {
    raw = encode([type, new Map([...(body instanceof Map ? body : Object.entries(body)), ["pad", 0]])]);
  }
  checked(...partsOf(raw), raw);
  return raw;
}
