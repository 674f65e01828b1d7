/** What the ledger has of a producer and of a lot, asked of the node. Rules: nothing here is a verdict; null wherever it cannot be asked. */

import { fromHex } from "../../verify/index.js";
import { askJson } from "../ask.js";
import { el, icon, say, sayOr, time } from "../dom.js";
import { pathOfUri } from "../epcis/gs1.js";
import { nameOf } from "../office/desk.js";
import { showAmount, unitWord } from "./amounts.js";

const MOST_PAGES = 5;
/** @type {Record<string, string>} */
const TEMPLATE_OF = { commissioning: "harvest", creating_class_instance: "process", packing: "pack", unpacking: "unpack", shipping: "ship", receiving: "receive", retail_selling: "sell", inspecting: "inspect" };
const QUANTITIES = ["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"];

/** @typedef {import("./shelf.js").Held} Held */

/**
 * What the ledger has of a member: places, products, lots. Null if any of it could not be asked.
 * @param {string} member
 * @returns {Promise<Held[]|null>}
 */
export async function ledgerHas(member) {
  const found = await Promise.all([
    listed("places", member, (one) => ({ what: "place", id: one.place })),
    listed("products", member, (one) => ({ what: "product", id: one.fields.gtin ?? one.fields.code })),
    listed("lots", member, (one) => ({ what: "lot", id: one.item })),
  ]);
  return found.some((list) => list === null) ? null : found.flatMap((list) => /** @type {Held[]} */ (list));
}

/**
 * @param {string} what
 * @param {string} member
 * @param {(one: any) => {what: Held["what"], id: string}} named
 * @returns {Promise<Held[]|null>}
 */
async function listed(what, member, named) {
  /** @type {any[]} */
  const items = [];
  let after = "";
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await askJson(`/v1/${what}?member=${encodeURIComponent(member)}&limit=100&after=${encodeURIComponent(after)}`);
    if (answer.kind !== "ok" || !Array.isArray(answer.value.items)) return null;
    items.push(...answer.value.items);
    if (!answer.value.next) break;
    after = answer.value.next;
  }
  items.sort((one, other) => one.since_ms - other.since_ms);
  return items.map((one) => ({ ...named(one), body: one.fields, state: "registered", status: one.status, recordId: one.issue }));
}

/**
 * What somebody's goods are called and counted in; null if nobody registered them, or the ledger cannot be asked.
 * @param {import("../epcis/gs1.js").Item} item
 * @returns {Promise<{name: string, unit: string}|null>}
 */
export async function goodsNamed(item) {
  const answer = await askJson(`/v1/products/${item.gtin ?? `code/${item.member}/${item.code}`}`);
  const fields = answer.kind === "ok" ? answer.value.items?.[0]?.fields : null;
  return typeof fields?.name === "string" && typeof fields.unit === "string" ? { name: fields.name, unit: fields.unit } : null;
}

/**
 * Everything that anybody registered about a thing, as lines of a story.
 * @param {string} path
 * @returns {Promise<{recordId: string, timeMs: number, line: HTMLElement}[]>}
 */
export async function storyOf(path) {
  /** @type {any[]} */
  const items = [];
  for (let page = 0, from = 0; page < MOST_PAGES; page += 1) {
    const answer = await askJson(`/v1/subjects/thing/*/${path}/history?from=${from}`);
    if (answer.kind !== "ok" || !Array.isArray(answer.value.items)) break;
    items.push(...answer.value.items);
    if (typeof answer.value.next !== "number") break;
    from = answer.value.next;
  }
  return items.flatMap((item) => {
    const timeMs = item.type === "epcis.event/1" ? item.body.time_ms : item.time_ms;
    const line = lineOf(item, path, timeMs);
    return line ? [{ recordId: item.id, timeMs, line }] : [];
  });
}

/** @param {any} item @param {string} path @param {number} timeMs */
function lineOf(item, path, timeMs) {
  const by = el("span", { class: "more" }, nameOf(item.body.authority), " · ", time(timeMs));
  const about = { "lot.create/1": ["lot", "pr.story.created"], "lot.recall/1": ["alarm", "pr.story.recalled"], "lot.release/1": ["check", "pr.story.released"], "epcis.error/1": ["cross", "pr.story.error"] }[/** @type {string} */ (item.type)];
  if (about) return el("li", { class: "deed", "data-record": item.id, "data-type": item.type }, icon(about[0]), el("div", { class: "grow" }, say(about[1], "span", { class: "title" }), by));
  if (item.type !== "epcis.event/1") return null;
  const step = String(item.body.step ?? "");
  const template = Object.hasOwn(TEMPLATE_OF, step) ? TEMPLATE_OF[step] : "";
  return el("li", { class: "deed", "data-record": item.id, "data-type": item.type }, icon(template && template !== "inspect" ? template : "lot"), el("div", { class: "grow" },
    el("span", { class: "title" }, template ? say(`pr.deed.${template}`) : sayOr(`pr.step.${step}`, step || String(item.body.kind))), ...amountsOf(item.body.event, path), by));
}

/** How much of a thing an event names: what its author wrote, shown as text. @param {string} hex @param {string} path */
function amountsOf(hex, path) {
  try {
    const event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(fromHex(hex)));
    return QUANTITIES.flatMap((list) => event[list] ?? []).filter((one) => pathOfUri(one.epcClass) === path && Number.isFinite(one.quantity))
      .flatMap((one) => [" ", showAmount(Math.round(one.quantity * 1_000)), " ", unitWord(String(one.uom ?? "H87"))]);
  } catch {
    // Somebody else's event, written in another way: that it is there is what counts here.
    return [];
  }
}
