/** The producer's page: what was done today, lots, goods, what was signed, and the key. */

import explorerWords from "../../words/explorer.js";
import officeWords from "../../words/office.js";
import producerWords from "../../words/producer.js";
import verifyWords from "../../words/verify.js";
import { checkSupport } from "../../verify/index.js";
import { el, icon, say } from "../dom.js";
import { useDatabase } from "../office/db.js";
import { desk, keyFor, nameOf, refresh } from "../office/desk.js";
import { enrolPanel, invitationIn, keyView } from "../office/enrol.js";
import { problemNote, problemOf } from "../office/problems.js";
import { onQueue, startQueue } from "../office/queue.js";
import { addWords, applyWords, startLanguage } from "../words.js";
import { deedsView } from "./deeds.js";
import { goodsView } from "./goods.js";
import { lotsView } from "./lots.js";
import { sentView, waitingLine } from "./sent.js";
import { askLedger, stock } from "./shelf.js";

const WORKER = "/san-xuat-sw.js";
const TABS = ["ghi", "lo", "hang", "da-ky", "khoa"];
const LOOK_MS = 30_000;

for (const words of [explorerWords, verifyWords, officeWords, producerWords]) addWords(words);
useDatabase("sogoc-producer");
startLanguage();
startWorker();

const who = byId("who");
const tabs = byId("tabs");
const view = byId("view");
const waiting = byId("waiting");
/** @type {Map<string, {view: HTMLElement, show: () => any}>} */
const views = new Map();
/** @type {string|null} */
let shown = null;

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/** @param {string} tab @returns {any} */
function viewOf(tab) {
  let found = views.get(tab);
  if (!found) {
    found = tab === "ghi" ? deedsView({ onlots: () => (location.hash = "#lo") }) : tab === "lo" ? lotsView(record) : tab === "hang" ? goodsView() : tab === "da-ky" ? sentView() : keyView(changedKeys);
    views.set(tab, found);
  }
  return found;
}

/** Write down something about a lot that was chosen on another tab. @param {string|null} template @param {string} path */
function record(template, path) {
  const deeds = viewOf("ghi");
  location.hash = "#ghi";
  show("ghi");
  deeds.start(template, path);
  /** @type {HTMLElement|null} */ (view.querySelector("h2"))?.focus();
}

async function changedKeys() {
  await refresh();
  await restock();
  showWho();
  route(false);
}

/** What there is, first from this device, then as the ledger has it now. */
async function restock() {
  await stock();
  if (!desk.isOnline) return;
  await askLedger();
  await stock();
}

/** @param {string} tab */
function show(tab) {
  const found = viewOf(tab);
  for (const link of tabs.querySelectorAll("a")) {
    if (link.getAttribute("href") === `#${tab}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (shown !== tab) view.replaceChildren(found.view);
  shown = tab;
  found.show();
  applyWords(view);
}

const isProducer = () => desk.keys.some((key) => key.state !== "asked" && key.roles.includes("producer"));

/** @param {boolean} isFocused whether focus goes to what is shown */
function route(isFocused) {
  const invitation = invitationIn(location.hash);
  tabs.hidden = !desk.keys.length;
  if (invitation) {
    shown = null;
    view.replaceChildren(enrolPanel(invitation, () => {
      if (invitationIn(location.hash)) history.replaceState(null, "", "/san-xuat");
      changedKeys();
    }));
  } else {
    const asked = location.hash.slice(1);
    const able = TABS.filter(isUseful);
    show(able.includes(asked) ? asked : able[0]);
  }
  if (isFocused) /** @type {HTMLElement|null} */ (view.querySelector("h2"))?.focus();
}

/** @param {string} tab */
function isUseful(tab) {
  return tab === "khoa" || isProducer();
}

function showWho() {
  for (const link of tabs.querySelectorAll("a")) link.hidden = !isUseful((link.getAttribute("href") ?? "#").slice(1));
  const key = keyFor("epcis.event/1") ?? desk.keys.find((one) => one.state === "ready");
  who.hidden = !key;
  if (!key) return;
  who.replaceChildren(el("strong", {}, nameOf(key.member)),
    el("span", { id: "network", class: `tag ${desk.isOnline ? "good" : "ended"}`, "data-online": String(desk.isOnline) }, icon(desk.isOnline ? "check" : "expired"), say(desk.isOnline ? "pr.online" : "pr.offline")));
}

async function showWaiting() {
  await waitingLine(waiting, desk.isOnline);
  const sign = document.getElementById("network");
  if (sign && sign.dataset.online !== String(desk.isOnline)) showWho();
}

/** The one script that this page lets a worker run. */
function startWorker() {
  if (!globalThis.isSecureContext || !("serviceWorker" in navigator)) return;
  const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("sogoc", {
    createScriptURL(/** @type {string} */ address) {
      if (address !== WORKER) throw new TypeError("no other script may be loaded");
      return address;
    },
  });
  navigator.serviceWorker.register(/** @type {any} */ (policy ? policy.createScriptURL(WORKER) : WORKER), { scope: "/san-xuat", updateViaCache: "none" }).catch(() => {});
}

async function look() {
  await refresh();
  await restock();
  showWho();
  showWaiting();
}

async function start() {
  try {
    await checkSupport();
  } catch (error) {
    view.replaceChildren(problemNote(problemOf(error)));
    return;
  }
  if (!(await refresh())) {
    view.replaceChildren(say("of.first-offline", "p", { class: "note warn", role: "alert" }));
    return;
  }
  await restock();
  onQueue(async () => {
    await stock();
    showWaiting();
  });
  showWho();
  route(false);
  startQueue();
  showWaiting();
  globalThis.addEventListener("hashchange", () => route(true));
  // Where one is already: back to its beginning.
  tabs.addEventListener("click", (event) => {
    const link = /** @type {HTMLElement} */ (event.target).closest("a");
    if (link?.getAttribute("href") === location.hash) route(true);
  });
  globalThis.addEventListener("online", look);
  globalThis.addEventListener("offline", look);
  setInterval(look, LOOK_MS);
}

start();
