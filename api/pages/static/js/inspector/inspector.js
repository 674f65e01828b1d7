/** The inspector's page: look something up, follow it both ways, see what does not add up, and check the ledger itself. */

import explorerWords from "../../words/explorer.js";
import inspectorWords from "../../words/inspector.js";
import traceWords from "../../words/trace.js";
import verifyWords from "../../words/verify.js";
import { itemPath } from "../../verify/goods.js";
import { FormatError } from "../../verify/index.js";
import { comparePolicies, showAlarms } from "../alarms.js";
import { askJson } from "../ask.js";
import { button, el, say } from "../dom.js";
import { gtin14, lotText, parseItem, pathOf, readLink, sscc } from "../epcis/gs1.js";
import { startHouse } from "../house.js";
import { isClass } from "../trace/happened.js";
import { Names } from "../trace/names.js";
import { addWords, applyWords } from "../words.js";
import { startAudit } from "./auditview.js";
import { startFindings } from "./findings.js";
import { thingView } from "./thing.js";

for (const words of [verifyWords, explorerWords, traceWords, inspectorWords]) addWords(words);
startHouse();

const TABS = ["tra-cuu", "canh-bao", "kiem-toan"];
const MAX_LISTED = 100;

const result = byId("result");
const said = byId("said");
const typed = /** @type {HTMLInputElement} */ (byId("what"));
const wrong = byId("what-error");
let turn = 0;
let direction = "both", depth = 8;
let isFindingsLoaded = false;
/** @type {AbortController|null} */
let running = null;

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

const plain = new Names(null, null, null);
const loadFindings = startFindings(/** @type {HTMLFormElement} */ (byId("findings-form")), byId("findings-list"), said, pick, (item) => plain.thing(item));
startAudit(/** @type {HTMLFormElement} */ (byId("audit-form")), byId("audit-result"), said);

/**
 * What somebody typed: an item path, the address on a label, numbers, or a member.
 * @param {string} text
 * @returns {{item: string}|{member: string}}
 */
function read(text) {
  const words = text.trim();
  if (/^https?:/i.test(words)) {
    const link = readLink(words);
    if (!link) throw new FormatError("gs1.link", "this is no label's address");
    const { serial, ...whole } = link;
    return { item: pathOf(link.lot !== undefined ? whole : { ...whole, serial }) };
  }
  if (/^(00|01|code)\//.test(words)) return { item: (parseItem(words), words) };
  const marked = /^\(?(?:01\)?\s*)?(\d{8}|\d{12,14})(?:\s*\(10\)\s*|\s+|\s*[/,]\s*)(\S.*)$/.exec(words);
  if (marked) return { item: itemPath({ gtin: gtin14(marked[1]), lot: lotText(marked[2].trim()) }) };
  const digits = words.replace(/^\((?:00|01)\)/, "").replace(/[\s-]/g, "");
  if (/^\d{18}$/.test(digits)) return { item: itemPath({ sscc: sscc(digits) }) };
  if (/^\d{8,14}$/.test(digits)) return { item: itemPath({ gtin: gtin14(digits) }) };
  if (!words) throw new FormatError("gs1.item", "nothing was typed");
  return { member: words };
}

/** @param {string} item */
function pick(item) {
  history.pushState(null, "", `#/${item}`);
  open(item);
}

/** @param {string} tab */
function showTab(tab) {
  for (const one of TABS) {
    byId(one).hidden = one !== tab;
    const link = document.querySelector(`#tabs a[href="#${one}"]`);
    if (one === tab) link?.setAttribute("aria-current", "page");
    else link?.removeAttribute("aria-current");
  }
  if (tab === "canh-bao" && !isFindingsLoaded) {
    isFindingsLoaded = true;
    loadFindings();
  }
}

/** @param {string} item */
async function open(item) {
  showTab("tra-cuu");
  const mine = ++turn;
  running?.abort();
  running = new AbortController();
  result.replaceChildren(say("busy.title", "p", { class: "soft" }));
  const view = isClass(item)
    ? await classView(item)
    : await thingView(item, { direction, depth, onpick: pick, signal: running.signal, onchange: (way, deep) => {
      direction = way;
      depth = deep;
      open(item);
    } });
  if (mine === turn) place(view);
}

/** @param {HTMLElement} view */
function place(view) {
  const title = say("in.result", "h2", { tabindex: "-1", "data-ready": "yes" });
  result.replaceChildren(title, view);
  applyWords(result);
  said.textContent = view.querySelector(".issuer")?.textContent ?? title.textContent ?? "";
  title.focus({ preventScroll: true });
}

/** @param {string} key @param {Node[]} rows */
const listed = (key, rows) => (rows.length ? el("section", {}, say(key, "h3"), el("ul", { class: "list" }, ...rows)) : null);

/** @param {any} one @param {string} more */
function goodsRow(one, more) {
  const item = String(one.item);
  const { fields } = one;
  const name = String(one.product?.fields?.name ?? fields?.name ?? item);
  return el("li", {}, el("a", { href: `#/${item}`, onclick: (/** @type {Event} */ event) => { event.preventDefault(); pick(item); } },
    el("span", { class: "what" }, fields?.lot ? `${name} · ${fields.lot}` : name),
    el("span", { class: "when" }, one.status === "in-force" ? "" : say(`in.status.${one.status === "recalled" ? "recalled" : "ended"}`)), el("span", { class: "more" }, `${one.authority_name ?? one.authority}${more ? ` · ${more}` : ""}`)));
}

/** @param {any} answer @returns {any[]} */
const itemsOf = (answer) => (answer.kind === "ok" && Array.isArray(answer.value?.items) ? answer.value.items.slice(0, MAX_LISTED) : []);

/** @param {string} item */
async function classView(item) {
  const named = parseItem(item);
  const products = await askJson(`/v1/products/${named.gtin ?? item}`);
  const found = itemsOf(products);
  if (!found.length) return el("div", {}, say(products.kind === "missing" ? "in.nothing" : "in.outage", "p", { class: "note warn", id: "nothing" }));
  return el("div", {}, el("p", { class: "issuer" }, String(found[0].fields?.name ?? item)), listed("in.products", found.map((one) => goodsRow(one, item))), say("in.lots", "h3"), await lotsList(named.gtin ?? item));
}

/** All lots of a product, a page at a time until none is left. @param {string} product */
async function lotsList(product) {
  const list = el("ul", { class: "list", id: "lots" });
  const state = el("p", { class: "soft", id: "lots-state" });
  let after = "", count = 0;
  const more = button("tr.more", { kind: "small", id: "more-lots", onclick: () => show() });
  const show = async () => {
    const answer = await askJson(`/v1/lots?product=${encodeURIComponent(product)}&limit=${MAX_LISTED}&after=${encodeURIComponent(after)}`);
    if (answer.kind !== "ok" || !Array.isArray(answer.value?.items)) {
      state.replaceChildren(say("in.outage"));
      return;
    }
    for (const one of answer.value.items.slice(0, MAX_LISTED)) list.append(goodsRow(one, one.item));
    count += answer.value.items.length;
    after = typeof answer.value.next === "string" ? answer.value.next : "";
    more.hidden = !after;
    state.replaceChildren(...(count ? [`${count} `, say(after ? "in.lots-more" : "in.lots-all")] : [say("in.no-lots")]));
  };
  await show();
  return el("div", {}, list, state, more);
}

/** @param {string} name */
async function memberView(name) {
  const members = await askJson("/v1/members");
  const folded = name.normalize("NFC").toLowerCase();
  const all = members.kind === "ok" && Array.isArray(members.value?.members) ? members.value.members : [];
  const found = all.filter((/** @type {any} */ one) => String(one.id) === folded || String(one.name).normalize("NFC").toLowerCase().includes(folded)).slice(0, 10);
  if (!found.length) return el("div", {}, say(members.kind === "ok" ? "in.nothing" : "in.outage", "p", { class: "note warn", id: "nothing" }));
  const parts = await Promise.all(found.map(async (/** @type {any} */ one) => {
    const id = encodeURIComponent(one.id);
    const [products, lots, places] = await Promise.all([askJson(`/v1/products?member=${id}&limit=100`), askJson(`/v1/lots?member=${id}&limit=100`), askJson(`/v1/places?member=${id}&limit=100`)]);
    return el("section", { class: "card" }, el("p", { class: "issuer" }, String(one.name), el("small", {}, String(one.id))),
      el("p", { class: "buttons" }, el("a", { class: "button small", href: `/so-cai/thanh-vien/${id}` }, say("in.member-page")),
        el("button", { type: "button", class: "button small", onclick: () => memberFindings(String(one.id)) }, say("in.member-findings"))),
      listed("in.lots", itemsOf(lots).map((lot) => goodsRow(lot, lot.item))), listed("in.products", itemsOf(products).map((product) => goodsRow(product, product.item))),
      listed("in.places", itemsOf(places).map((spot) => el("li", {}, el("span", { class: "plain" }, `${spot.fields?.name ?? spot.place} · ${spot.place}`)))));
  }));
  return el("div", {}, ...parts);
}

/** @param {string} member */
function memberFindings(member) {
  /** @type {HTMLInputElement} */ (byId("member")).value = member;
  isFindingsLoaded = true;
  location.hash = "#canh-bao";
  loadFindings();
}

byId("find-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  wrong.hidden = true;
  typed.removeAttribute("aria-invalid");
  try {
    const wanted = read(typed.value);
    if ("item" in wanted) {
      pick(wanted.item);
      return;
    }
    const mine = ++turn;
    result.replaceChildren(say("busy.title", "p", { class: "soft" }));
    const view = await memberView(wanted.member);
    if (mine === turn) place(view);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    wrong.hidden = false;
    wrong.replaceChildren(say(error.rule === "gs1.check-digit" ? "tr.wrong.digit" : error.rule === "gs1.length" ? "tr.wrong.length" : "in.wrong"));
    typed.setAttribute("aria-invalid", "true");
    typed.focus();
  }
});

function route() {
  const hash = location.hash;
  if (!hash.startsWith("#/")) {
    showTab(TABS.includes(hash.slice(1)) ? hash.slice(1) : "tra-cuu");
    return;
  }
  try {
    const item = hash.slice(2);
    parseItem(item);
    open(item);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    showTab("tra-cuu");
    place(el("div", {}, say("tr.wrong.number", "p", { class: "note warn", id: "nothing" })));
  }
}

globalThis.addEventListener("popstate", route);
showAlarms();
comparePolicies().catch(() => {});
route();
