/**
 * The one address of what may be written in several ways, as the event hash wants it (`ledger/epcis/addresses.py`): host `id.gs1.org`, no
 * query, 14 digits, the finest level of identification. What is no Digital Link, or a wrong one, stays as it is.
 *
 * Not here: EPC URNs. This page writes none.
 */

const HOST = "https://id.gs1.org";
/** @type {Record<string, string>} */
const NAMES = {
  gtin: "01", itip: "8006", cpid: "8010", gln: "414", party: "417", gsrnp: "8017", gsrn: "8018", gcn: "255", sscc: "00", gdti: "253", ginc: "401",
  gsin: "402", grai: "8003", giai: "8004", cpv: "22", lot: "10", ser: "21",
};
/** @type {Record<string, RegExp>} */
const KEYS = {
  "00": /^[0-9]{18}$/, "01": /^(?:[0-9]{8}|[0-9]{12,14})$/, 253: /^[0-9]{13}[!-~]{0,17}$/, 255: /^[0-9]{13,25}$/, 401: /^[!-~]{1,30}$/, 402: /^[0-9]{17}$/,
  414: /^[0-9]{13}$/, 417: /^[0-9]{13}$/, 8003: /^[0-9]{14}[!-~]{0,16}$/, 8004: /^[!-~]{1,30}$/, 8006: /^[0-9]{18}$/, 8010: /^[!-~]{1,30}$/,
  8017: /^[0-9]{18}$/, 8018: /^[0-9]{18}$/,
};
/** @type {Record<string, string[]>} */
const QUALIFIERS = { "01": ["22", "10", "21", "235"], 414: ["254"], 8006: ["22", "10", "21"], 8010: ["8011"] };
const FINEST = ["21", "235", "10", "254", "8011"];

/** @param {string} text */
export function canonicalAddress(text) {
  const link = /^https?:\/\/[^/?#]+(\/[^?#]*)(?:[?#].*)?$/is.exec(text);
  return (link && ofLink(link[1])) || text;
}

/** @param {string} path */
function ofLink(path) {
  const parts = path.slice(1).split("/");
  for (const [at, part] of parts.entries()) {
    const key = nameOf(part);
    const found = Object.hasOwn(KEYS, key) && at + 1 < parts.length ? ofParts(key, parts.slice(at + 1).map(plain)) : null;
    if (found) return found;
  }
  return null;
}

/** @param {string} part */
const nameOf = (part) => (Object.hasOwn(NAMES, part) ? NAMES[part] : part);

/** @param {string} part */
function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "\u0000"; // no value of a Digital Link
  }
}

/** @param {string} key @param {string[]} parts */
function ofParts(key, [value, ...rest]) {
  if (!KEYS[key].test(value) || rest.length % 2) return null;
  /** @type {Map<string, string>} */
  const qualifiers = new Map();
  for (let at = 0; at < rest.length; at += 2) {
    const name = nameOf(rest[at]);
    if (qualifiers.has(name) || !(QUALIFIERS[key] ?? []).includes(name) || !/^[ -~]+$/.test(rest[at + 1])) return null;
    qualifiers.set(name, rest[at + 1]);
  }
  const number = key === "01" ? value.padStart(14, "0") : value;
  const finest = FINEST.find((name) => qualifiers.has(name));
  return `${HOST}/${key}/${escape(number)}${finest ? `/${finest}/${escape(/** @type {string} */ (qualifiers.get(finest)))}` : ""}`;
}

/** @param {string} text */
function escape(text) {
  return text.replace(/[^A-Za-z0-9\-._~';=]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
