/**
 * What things, members and places are called. Rules: a product's and a place's name come from histories in the proof where these have them;
 * a member's name from a receipt or, as told, from the node. What nobody registered is shown by its code.
 */

import { parseItem } from "../../verify/goods.js";
import { el, say } from "../dom.js";
import { has, language, t } from "../words.js";

/** @param {import("../../verify/history.js").VerifiedHistory} history @param {string} kind */
function newest(history, kind) {
  return [...history.records].reverse().find(({ record }) => record.type === `${kind}.register/1` || record.type === `${kind}.update/1`)?.record.body ?? null;
}

/** Names for one trace. */
export class Names {
  /** @param {import("./proof.js").ProvenTrace|null} trace @param {any} told @param {{id: string, name: string}|null} maker */
  constructor(trace, told, maker) {
    this.trace = trace;
    this.told = told;
    /** @type {Map<string, string>} */
    this.members = new Map();
    for (const link of told?.links ?? []) if (typeof link?.by_name === "string") this.members.set(String(link.by), link.by_name.slice(0, 200));
    if (maker) this.members.set(maker.id, maker.name);
    /** @type {Map<string, Map<string, any>>} */
    this.places = new Map();
    /** @type {Map<string, {by: string, body: Map<string, any>}[]>} */
    this.products = new Map();
    for (const history of trace?.histories.values() ?? []) this.#take(history);
  }

  /** @param {import("../../verify/history.js").VerifiedHistory} history */
  #take(history) {
    const { kind, authority, identifier } = history.subject;
    const body = kind === "place" || kind === "product" ? newest(history, kind) : null;
    if (!body) return;
    if (kind === "place") {
      this.places.set(`414/${identifier}`, body);
      this.places.set(`place/${authority}/${identifier}`, body);
    } else this.products.set(String(identifier), [...(this.products.get(String(identifier)) ?? []), { by: authority, body }]);
  }

  /** @param {string} id */
  member(id) {
    return this.members.get(id) ?? id;
  }

  /** @param {string} site */
  place(site) {
    const body = this.places.get(site);
    if (body) return String(body.get("name"));
    const told = (this.told?.links ?? []).find((/** @type {any} */ link) => link?.place?.id === site)?.place?.name;
    return typeof told === "string" ? told.slice(0, 200) : site.replace(/^(414|place)\//, "");
  }

  /** The registered product of a thing, and whether the proof holds it. @param {string} path @returns {{by: string, body: Map<string, any>}|null} */
  product(path) {
    const item = itemOf(path);
    const found = this.products.get(item?.gtin ?? item?.code ?? "") ?? [];
    const owners = (this.trace?.things.get(path)?.records ?? []).filter(({ record }) => record.type === "lot.create/1").map(({ record }) => record.authority);
    return found.find((one) => owners.includes(one.by)) ?? found.find((one) => one.by === item?.member) ?? found[0] ?? null;
  }

  /** A thing for people, in one line. @param {string} path */
  thing(path) {
    const item = itemOf(path);
    if (!item) return path.slice(0, 80);
    if (item.sscc) return `${t("tr.unit")} ${item.sscc}`;
    const goods = this.goods(path);
    return item.lot !== undefined ? `${goods} · ${t("tr.lot-word")} ${item.lot}` : item.serial !== undefined ? `${goods} · ${t("tr.serial-word")} ${item.serial}` : goods;
  }

  /** The name of goods, else their code. @param {string} path */
  goods(path) {
    const item = itemOf(path);
    const proven = this.product(path)?.body.get("name");
    const told = (this.told?.nodes ?? []).find((/** @type {any} */ node) => node?.item === path)?.product?.name;
    return String(proven ?? (typeof told === "string" ? told.slice(0, 200) : null) ?? item?.gtin ?? item?.code ?? path);
  }
}

/** @param {string} path */
export function itemOf(path) {
  try {
    return parseItem(path);
  } catch {
    return null;
  }
}

/** Where a thing's own page is. @param {string} item */
export const addressOf = (item) => (item.startsWith("code/") ? `/truy-xuat#/${item}` : `/${item}`);

/** @type {Record<string, string>} */
const UNITS = { KGM: "kg", GRM: "g", LTR: "l", MLT: "ml", TNE: "t", MTR: "m", CEL: "°C", FAH: "°F" };

/**
 * An amount with its unit, as the page's language writes numbers.
 * @param {string|null} amount
 * @param {string} unit
 */
export function quantity(amount, unit) {
  if (amount === null || amount === "") return el("span", {}, "?");
  const number = Number(amount);
  const written = Number.isFinite(number) ? new Intl.NumberFormat(language() === "en" ? "en" : "vi", { maximumFractionDigits: 6 }).format(number) : amount;
  return el("span", { class: "amount" }, written, " ", !unit || unit === "H87" || unit === "EA" ? say("tr.pieces") : (UNITS[unit] ?? unit));
}

/** What was done, in words. @param {string} step @param {string} kind */
export function stepName(step, kind) {
  const key = has(`tr.step.${step}`) ? `tr.step.${step}` : `tr.kind.${kind}`;
  return !has(key) || (step && key !== `tr.step.${step}`) ? el("span", {}, step || kind) : say(key);
}
