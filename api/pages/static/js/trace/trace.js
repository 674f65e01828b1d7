/** The buyer's page: what a label names, and what is recorded of it. */

import traceWords from "../../words/trace.js";
import explorerWords from "../../words/explorer.js";
import verifyWords from "../../words/verify.js";
import { itemPath, parseItem } from "../../verify/goods.js";
import { FormatError } from "../../verify/index.js";
import { comparePolicies, showAlarms } from "../alarms.js";
import { say } from "../dom.js";
import { gtin14, lotText, pathOf, readLink, sscc } from "../epcis/gs1.js";
import { startHouse } from "../house.js";
import { openScan } from "../scan.js";
import { addWords, applyWords, t } from "../words.js";
import { isClass } from "./happened.js";
import { lookUp } from "./look.js";
import { tellingPanel, tracePanel } from "./panel.js";
import { productPanel } from "./goods.js";

for (const words of [verifyWords, explorerWords, traceWords]) addWords(words);
startHouse();

const find = byId("find");
const result = byId("result");
const said = byId("said");
const number = /** @type {HTMLInputElement} */ (byId("number"));
const lot = /** @type {HTMLInputElement} */ (byId("lot"));
const wrong = byId("find-error");

/** The look-up that is running; what an older one finds is not shown. */
let turn = 0;
/** @type {AbortController|null} */
let running = null;

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * What an address of a label names: a lot's piece is told by its lot.
 * @param {string} address
 * @returns {{item: string, serial: string|null}|null} null for none; throws for a wrong one
 */
function named(address) {
  const found = readLink(address);
  if (!found) return null;
  const { serial, ...whole } = found;
  const isPieceOfLot = found.lot !== undefined && serial !== undefined;
  return { item: pathOf(isPieceOfLot ? whole : found), serial: serial ?? null };
}

/** The address of a label that this page was opened with; null if none. */
function asked() {
  if (/^\/(?:01|00)\//.test(location.pathname)) return location.pathname;
  return location.hash.startsWith("#/") ? location.hash.slice(1) : null;
}

async function begin() {
  const path = asked();
  if (path === null) {
    again(false);
    return;
  }
  try {
    if (result.dataset.wrong && path === location.pathname) throw new FormatError(result.dataset.wrong, "the label's address is wrong");
    const { item, serial } = result.dataset;
    // What the server read out of the label's address, else, with no network, what is read here.
    const found = item && path === location.pathname ? { item: (parseItem(item), item), serial: serial || null } : named(`https://label.invalid${path}`);
    if (!found) throw new FormatError("gs1.link", "this is no label's address");
    await show(found.item, found.serial);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    again(false);
    refuse(error);
  }
}

/** @param {unknown} error */
function refuse(error) {
  const rule = /** @type {any} */ (error)?.rule ?? "";
  wrong.hidden = false;
  wrong.replaceChildren(say(rule === "gs1.check-digit" ? "tr.wrong.digit" : rule.startsWith("gs1.length") ? "tr.wrong.length" : "tr.wrong.number"));
  number.setAttribute("aria-invalid", "true");
  number.focus();
}

/** @param {string} item @param {string|null} serial */
async function show(item, serial) {
  const mine = ++turn;
  running?.abort();
  running = new AbortController();
  find.hidden = true;
  result.hidden = false;
  said.textContent = t("busy.title");
  const draw = (/** @type {any} */ told) => {
    if (mine === turn) result.replaceChildren(tellingPanel(item, told));
  };
  draw(null);
  globalThis.scrollTo(0, 0);
  if (isClass(item)) {
    const panel = await productPanel(item, () => again(true), (/** @type {string} */ text) => go(lotOf(item, text)));
    if (mine === turn) result.replaceChildren(panel);
  } else {
    const onprogress = (/** @type {number} */ done, /** @type {number} */ all) => {
      const bar = result.querySelector("progress");
      if (bar && mine === turn) Object.assign(bar, { max: all, value: done });
    };
    const outcome = await lookUp(item, { ontold: draw, onprogress, signal: running.signal }).catch((error) => {
      if (mine !== turn) return null;
      console.error(error);
      return { verdict: "unknown", rule: "trace.failed", reason: "", todo: "todo.failed", trace: null, proof: null, told: null, item, maker: null, own: null, isFirst: false };
    });
    if (mine !== turn || outcome === null) return;
    result.replaceChildren(tracePanel(outcome, { serial, onagain: () => again(true) }));
  }
  applyWords(result);
  const title = document.getElementById("verdict-title");
  said.textContent = [title?.textContent, title?.nextElementSibling?.textContent].filter(Boolean).join(". ");
  title?.focus({ preventScroll: true });
  await showAlarms();
}

/** @param {string} item @param {string} text */
const lotOf = (item, text) => itemPath({ ...parseItem(item), lot: lotText(text.trim()) });

/** @param {string} item */
function go(item) {
  history.pushState(null, "", `/truy-xuat#/${item}`);
  show(item, null);
}

/** @param {boolean} isFocused */
function again(isFocused) {
  turn++;
  running?.abort();
  result.hidden = true;
  result.replaceChildren();
  find.hidden = false;
  said.textContent = "";
  if (asked()) history.replaceState(null, "", "/truy-xuat");
  if (isFocused) number.focus();
}

byId("find-form").addEventListener("submit", (event) => {
  event.preventDefault();
  wrong.hidden = true;
  number.removeAttribute("aria-invalid");
  try {
    const typed = number.value.trim();
    const link = /^https?:/i.test(typed) ? named(typed) : null;
    const digits = typed.replace(/[\s()-]/g, "");
    const item = link ? link.item : digits.length === 18 ? itemPath({ sscc: sscc(digits) })
      : lot.value.trim() ? itemPath({ gtin: gtin14(digits), lot: lotText(lot.value.trim()) }) : itemPath({ gtin: gtin14(digits) });
    history.pushState(null, "", `/truy-xuat#/${item}`);
    show(item, link?.serial ?? null);
  } catch (error) {
    refuse(error);
  }
});

byId("scan").addEventListener("click", () => openScan((found) => {
  history.pushState(null, "", `/truy-xuat#/${found.item}`);
  show(found.item, found.serial);
}, (text) => {
  try {
    return named(text) ?? { foreign: text };
  } catch {
    return { foreign: text };
  }
}));

globalThis.addEventListener("popstate", () => begin());

showAlarms();
begin();
if (!asked()) comparePolicies().catch(() => {});
