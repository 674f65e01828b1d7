/**
 * Whether bytes are an event that the library would read: `ledger/epcis/reading.py` once more, rule by rule. Vectors that both must pass
 * stand in `tests/events/`, and random events are given to both.
 *
 * Rules: an event is read by both programs or by neither, so no figure rests on one that only one of them understands. The lists of words
 * and members come from the library (`vocabulary.js`). A context is never fetched.
 *
 * What this module does not do: say what an event means (`trace/happened.js`).
 */

import { FormatError } from "../../verify/index.js";
import { gln } from "./gs1.js";
import { pathNamed } from "./items.js";
import { parseObject } from "./json_text.js";
import { EVENT_MEMBERS, METADATA_TIMES, METADATA_URIS, REPORT_FLAGS, REPORT_HEX, REPORT_NUMBERS, REPORT_TEXTS, REPORT_TIMES, REPORT_URIS, STANDARD_PREFIXES, STANDARD_TERMS, WORDS } from "./vocabulary.js";

const MAX_THINGS = 256;
const MAX_ITEMS = 2_000;
const MAX_URI = 1_024;
const MAX_TIME_MS = Number.MAX_SAFE_INTEGER;
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#-]|%[0-9A-Fa-f]{2})+$/;
const PREFIX = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const OFFSET = /^[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)$/;
const TIME = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$/;
const LOCATION = /^https?:\/\/[^?#]*\/(?:414|417)\/([^/?#]+)/;
const OWN_SCHEMES = ["http", "https", "urn"];
const ACTIONS = ["ADD", "OBSERVE", "DELETE"];
const SINGLE = /^(?:00\/.*|01\/[0-9]{14}\/21\/.*)$/;
const XML_WORDS = ["urn:epcglobal:cbv", "http://ns.gs1.org/cbv/", "https://ns.gs1.org/cbv/"];
const GS1_ADDRESSES = ["http://gs1.org/voc/", "https://gs1.org/voc/", "http://www.gs1.org/voc/", "https://www.gs1.org/voc/"];
const GS1_PREFIX = "https://gs1.org/voc/";

/** @typedef {Record<string, any>} Json */
/** Reads one value, or refuses it. @typedef {(value: any) => unknown} Read */

/** @param {string} rule @param {string} detail @returns {never} */
function refuse(rule, detail) {
  throw new FormatError(rule, detail);
}

/**
 * The event in some bytes. Throws FormatError (`epcis.*`, `gs1.*`) for what the library would not read.
 * @param {Uint8Array} bytes
 * @returns {Json}
 */
export function parseEvent(bytes) {
  const value = parseObject(bytes);
  new Reader(prefixesOf(value["@context"])).event(value);
  return value;
}

/** A URI with its scheme, in ASCII. @param {any} value @returns {string} */
function readUri(value) {
  const isRight = typeof value === "string" && value.length <= MAX_URI && URI.test(value) && value.split("#").length <= 2;
  return isRight ? value : refuse("epcis.uri", "a URI is expected");
}

/** @param {any} context @returns {Map<string, string>} */
export function prefixesOf(context) {
  const found = new Map(Object.entries(STANDARD_PREFIXES));
  for (const entry of Array.isArray(context) ? context : context === undefined ? [] : [context]) {
    if (typeof entry === "string") readUri(entry);
    else if (typeof entry !== "object" || Array.isArray(entry)) refuse("epcis.context", "a context is an address or an object of prefixes");
    else for (const [prefix, namespace] of Object.entries(entry)) declare(found, prefix, namespace);
  }
  return found;
}

/** @param {Map<string, string>} known @param {string} prefix @param {any} namespace */
function declare(known, prefix, namespace) {
  if (!PREFIX.test(prefix) || OWN_SCHEMES.includes(prefix) || typeof namespace !== "string") refuse("epcis.context", "a context maps prefixes to addresses");
  readUri(namespace);
  if (STANDARD_TERMS.includes(prefix) || (known.get(prefix) ?? namespace) !== namespace) refuse("epcis.context-term", "the prefix has another meaning");
  known.set(prefix, namespace);
}

/** Milliseconds since the epoch, from 1970 on. @param {any} value */
export function readTime(value) {
  const found = typeof value === "string" ? TIME.exec(value) : null;
  if (!found) return refuse("epcis.time", "this is not how a time is written");
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number);
  const [hours, minutes] = [Number(found[9] ?? 0), Number(found[10] ?? 0)];
  const days = new Date(0);
  days.setUTCFullYear(year, month - 1, day);
  const isDay = year > 0 && days.getUTCMonth() === month - 1 && days.getUTCDate() === day;
  if (!isDay || hour > 23 || minute > 59 || second > 59 || minutes > 59 || hours * 60 + minutes > 14 * 60) refuse("epcis.time", "there is no such time");
  const offset = (hours * 60 + minutes) * (found[8] === "-" ? -60_000 : 60_000);
  const whole = days.getTime() + hour * 3_600_000 + minute * 60_000 + second * 1_000 - offset;
  const timeMs = whole + Math.floor((Number((found[7] ?? "0").padEnd(9, "0")) + 500_000) / 1_000_000);
  return timeMs >= 0 && timeMs <= MAX_TIME_MS ? timeMs : refuse("epcis.time", "times are read from 1970 on");
}

/** @param {any} value @returns {Json} */
const readObject = (value) => (typeof value === "object" && !Array.isArray(value) ? value : refuse("epcis.kind", "an object is expected"));
/** @type {Read} */
const readNumber = (value) => (typeof value === "number" ? value : refuse("epcis.kind", "a number is expected"));
/** @type {Read} */
const readText = (value) => (typeof value === "string" ? value : refuse("epcis.kind", "a text is expected"));
/** @type {Read} */
const readFlag = (value) => (typeof value === "boolean" ? value : refuse("epcis.kind", "true or false is expected"));
/** @type {Read} */
const readHex = (value) => (typeof value === "string" && /^[0-9A-Fa-f]+$/.test(value) ? value : refuse("epcis.kind", "hexadecimal digits are expected"));

/** @param {Json} value @param {string} name @returns {any[]} */
function elements(value, name) {
  const found = value[name] ?? [];
  if (!Array.isArray(found)) return refuse("epcis.kind", "a list is expected");
  return found.length > MAX_ITEMS ? refuse("epcis.things-many", "the list is too long") : found;
}

/** @param {Json} value @param {readonly string[]} names @param {Read} read */
function each(value, names, read) {
  for (const name of names) if (name in value) read(value[name]);
}

/** @param {Json} value @param {string} name */
const required = (value, name) => (name in value ? value[name] : refuse("epcis.missing", `${name} is missing`));

/** @param {Json} value @param {string[]} names */
function only(value, names) {
  for (const name of Object.keys(value)) if (!names.includes(name)) refuse("epcis.member", "no such member stands here");
}

/** Whether a member holds something: neither an empty list nor an empty text. @param {Json} value @param {string} name */
function has(value, name) {
  const held = value[name];
  return Array.isArray(held) ? held.length > 0 : typeof held === "object" && held !== null ? Object.keys(held).length > 0 : Boolean(held);
}

class Reader {
  /** @param {Map<string, string>} prefixes */
  constructor(prefixes) {
    this.prefixes = prefixes;
    /** @type {Set<string>} */
    this.things = new Set();
  }

  /** @param {Json} value */
  event(value) {
    const members = typeof value.type === "string" && Object.hasOwn(EVENT_MEMBERS, value.type) ? EVENT_MEMBERS[value.type] : refuse("epcis.type", "this is no type of events");
    this.extensions(value, members);
    if (!OFFSET.test(String(required(value, "eventTimeZoneOffset"))) || typeof value.eventTimeZoneOffset !== "string") refuse("epcis.offset", "an offset is written +07:00");
    if (value.type !== "TransformationEvent" && !ACTIONS.includes(required(value, "action"))) refuse("epcis.action", "this is no action");
    this.checkWhats(value);
    readTime(required(value, "eventTime"));
    each(value, ["recordTime"], readTime);
    each(value, ["transformationID", "eventID"], readUri);
    each(value, ["parentID"], (one) => this.item(one));
    for (const name of ["epcList", "childEPCs", "inputEPCList", "outputEPCList"]) this.epcs(value, name);
    for (const name of ["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"]) for (const one of elements(value, name)) this.quantity(one);
    each(value, ["bizStep"], (one) => this.word(one, "STEPS"));
    each(value, ["disposition"], (one) => this.word(one, "DISPOSITIONS"));
    each(value, ["persistentDisposition"], (one) => this.persistent(one));
    each(value, ["readPoint", "bizLocation"], (one) => this.place(one));
    this.links(value, "bizTransactionList", "bizTransaction", "TRANSACTIONS");
    this.links(value, "sourceList", "source", "PARTIES");
    this.links(value, "destinationList", "destination", "PARTIES");
    for (const one of elements(value, "sensorElementList")) this.sensor(one);
    each(value, ["ilmd"], (one) => this.extensions(readObject(one), []));
    each(value, ["certificationInfo"], (one) => (Array.isArray(one) ? one.forEach(readUri) : readUri(one)));
    each(value, ["errorDeclaration"], (one) => this.error(one));
    if (this.things.size > MAX_THINGS) refuse("epcis.things-many", "an event is recorded under at most 256 items");
  }

  /** @param {Json} value */
  checkWhats(value) {
    const { type, action } = value;
    const holds = (/** @type {string} */ name) => has(value, name);
    let isEnough = holds("childEPCs") || holds("childQuantityList") || action === "DELETE";
    if (type === "ObjectEvent") isEnough = "epcList" in value || holds("quantityList") || (holds("sensorElementList") && "readPoint" in value);
    if (type === "TransactionEvent") {
      isEnough = "epcList" in value || holds("quantityList") || action === "DELETE";
      if (!holds("bizTransactionList")) refuse("epcis.missing", "a transaction event names its transaction");
    }
    if ((type === "AssociationEvent" || (type === "AggregationEvent" && action !== "OBSERVE")) && !("parentID" in value)) refuse("epcis.missing", "the event names what things are in");
    if (type === "TransformationEvent") {
      const [isMadeOf, makes] = [holds("inputEPCList") || holds("inputQuantityList"), holds("outputEPCList") || holds("outputQuantityList")];
      isEnough = (isMadeOf && makes) || ("transformationID" in value && (isMadeOf || makes));
    }
    if (!isEnough) refuse("epcis.missing", "an event of this type holds more");
    if (type === "ObjectEvent" && "ilmd" in value && action !== "ADD") refuse("epcis.ilmd", "such data belong to the action ADD");
  }

  /** @param {any} value @returns {string} */
  item(value) {
    const uri = this.uri(value);
    const path = pathNamed(uri);
    if (path !== null) this.things.add(path);
    return path ?? uri;
  }

  /** @param {Json} value @param {string} name */
  epcs(value, name) {
    const found = elements(value, name).map((one) => this.item(one));
    if (new Set(found).size !== found.length) refuse("epcis.twice", "a list names the same thing twice");
  }

  /** @param {any} value */
  quantity(value) {
    const element = readObject(value);
    only(element, ["epcClass", "quantity", "uom"]);
    if (SINGLE.test(this.item(required(element, "epcClass")))) refuse("epcis.class", "a single piece is no class of goods");
    each(element, ["quantity"], readNumber);
    each(element, ["uom"], (unit) => (typeof unit === "string" && /^[A-Z0-9]{2,3}$/.test(unit) && "quantity" in element) || refuse("epcis.unit", "a unit is a short code beside a quantity"));
  }

  /** @param {any} value @param {string} list */
  word(value, list) {
    const { prefix, urn, words } = WORDS[list];
    if (typeof value !== "string") return refuse("epcis.word", "a word is a text");
    if (words.includes(value)) return value;
    if (XML_WORDS.some((start) => value.startsWith(start)) || !value.includes(":")) return refuse("epcis.word", "in JSON this is no word of the standard");
    const uri = this.uri(value);
    const address = uri.startsWith("cbv:") || uri.startsWith("gs1:") ? STANDARD_PREFIXES[uri.slice(0, 3)] + uri.slice(4) : uri.startsWith(urn) ? prefix + uri.slice(urn.length) : uri;
    if (address.startsWith(prefix) && words.includes(address.slice(prefix.length))) return address.slice(prefix.length);
    return address.startsWith(prefix) && prefix !== GS1_PREFIX ? refuse("epcis.word", "the standard has no such word") : address;
  }

  /** @param {any} value */
  persistent(value) {
    const element = readObject(value);
    only(element, ["set", "unset"]);
    for (const name of Object.keys(element)) {
      const found = elements(element, name).map((one) => this.word(one, "DISPOSITIONS"));
      if (!found.length || new Set(found).size !== found.length) refuse("epcis.twice", "it lists at least one word, and each once");
    }
    if (!Object.keys(element).length) refuse("epcis.missing", "it sets or unsets something");
  }

  /** @param {any} value */
  place(value) {
    const place = readObject(value);
    this.extensions(place, ["id"]);
    this.location(required(place, "id"));
  }

  /** @param {any} value */
  location(value) {
    const found = LOCATION.exec(this.uri(value));
    if (found) gln(found[1]);
  }

  /** @param {Json} value @param {string} name @param {string} member @param {string} list */
  links(value, name, member, list) {
    for (const one of elements(value, name)) {
      const element = readObject(one);
      only(element, ["type", member]);
      if (member !== "bizTransaction") required(element, "type");
      this.location(required(element, member));
      each(element, ["type"], (kind) => this.word(kind, list));
    }
  }

  /** @param {any} value */
  sensor(value) {
    const element = readObject(value);
    this.extensions(element, ["sensorMetadata", "sensorReport"]);
    if ("sensorMetadata" in element) {
      const metadata = readObject(element.sensorMetadata);
      this.extensions(metadata, [...METADATA_URIS, ...METADATA_TIMES]);
      each(metadata, METADATA_URIS, (one) => this.uri(one));
      each(metadata, METADATA_TIMES, readTime);
    }
    const reports = elements(element, "sensorReport");
    for (const one of reports) this.report(readObject(one));
    if (!reports.length) refuse("epcis.missing", "a sensor element holds at least one report");
  }

  /** @param {Json} report */
  report(report) {
    this.extensions(report, ["type", "exception", "component", ...REPORT_URIS, ...REPORT_NUMBERS, ...REPORT_TEXTS, ...REPORT_TIMES, ...REPORT_FLAGS, ...REPORT_HEX]);
    required(report, "type");
    for (const [name, list] of [["type", "MEASUREMENTS"], ["exception", "ALERTS"], ["component", "COMPONENTS"]]) {
      if (!(name in report)) continue;
      this.word(report[name], list);
      if (WORDS[list].prefix === GS1_PREFIX && GS1_ADDRESSES.some((start) => report[name].startsWith(start))) refuse("epcis.word", "in JSON this is a bare word");
    }
    each(report, REPORT_URIS, (one) => this.uri(one));
    each(report, REPORT_NUMBERS, readNumber);
    each(report, REPORT_TEXTS, readText);
    each(report, REPORT_TIMES, readTime);
    each(report, REPORT_FLAGS, readFlag);
    each(report, REPORT_HEX, readHex);
  }

  /** @param {any} value */
  error(value) {
    const element = readObject(value);
    this.extensions(element, ["declarationTime", "reason", "correctiveEventIDs"]);
    readTime(required(element, "declarationTime"));
    each(element, ["reason"], (one) => this.word(one, "ERRORS"));
    elements(element, "correctiveEventIDs").forEach(readUri);
  }

  /** Members that are not the standard's: each named with a prefix that the context explains, or with a URI. @param {Json} value @param {readonly string[]} known */
  extensions(value, known) {
    for (const [name, below] of Object.entries(value)) {
      if (known.includes(name)) continue;
      this.checkName(name);
      this.checkBelow(below);
    }
  }

  /** @param {any} value */
  checkBelow(value) {
    if (Array.isArray(value)) value.forEach((one) => this.checkBelow(one));
    else if (typeof value === "object") {
      for (const [name, below] of Object.entries(value)) {
        if (name.includes(":") || name.startsWith("@")) this.checkName(name);
        this.checkBelow(below);
      }
    }
  }

  /** @param {string} name */
  checkName(name) {
    const colon = name.indexOf(":");
    if (colon < 0 || name.startsWith("@")) refuse("epcis.member", "no such member stands here");
    const prefix = name.slice(0, colon);
    if (this.prefixes.has(prefix) && colon + 1 < name.length && URI.test(name)) return;
    if (!OWN_SCHEMES.includes(prefix)) refuse("epcis.prefix", "the context does not say what the prefix stands for");
    readUri(name);
  }

  /** A URI written out. @param {any} value */
  uri(value) {
    const uri = readUri(value);
    const colon = uri.indexOf(":");
    const namespace = this.prefixes.get(uri.slice(0, colon));
    return namespace === undefined || uri.startsWith("//", colon + 1) ? uri : namespace + uri.slice(colon + 1);
  }
}
