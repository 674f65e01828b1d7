/** The office's page: who signs here, and the four things that are done at a desk. */

import explorerWords from "../../words/explorer.js";
import officeWords from "../../words/office.js";
import verifyWords from "../../words/verify.js";
import { checkSupport } from "../../verify/index.js";
import { el, icon, say } from "../dom.js";
import { addWords, applyWords, startLanguage } from "../words.js";
import { anchorView } from "./anchor.js";
import { certifyView } from "./certify.js";
import { desk, keyFor, nameOf, refresh } from "./desk.js";
import { enrolPanel, invitationIn, keyView } from "./enrol.js";
import { governanceView } from "./governance.js";
import { jobPanel, queueView } from "./jobs.js";
import { fingerprint } from "./keys.js";
import { problemNote, problemOf } from "./problems.js";
import { jobs, onQueue, startQueue } from "./queue.js";
import { registerView } from "./registers.js";

const WORKER = "/van-phong-sw.js";
const TABS = ["neo", "cap", "so", "da-ky", "khoa", "quan-tri"];
const LOOK_MS = 30_000;

addWords(explorerWords);
addWords(verifyWords);
addWords(officeWords);
startLanguage();
startWorker();

const who = byId("who");
const tabs = byId("tabs");
const view = byId("view");
/** @type {Map<string, {view: HTMLElement, show: () => any}>} */
const views = new Map();
const waitingCount = el("span", { class: "count", hidden: true });
/** @type {string|null} */
let shown = null;

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/** @param {string} tab */
function viewOf(tab) {
  let found = views.get(tab);
  if (!found) {
    found = tab === "neo" ? anchorView() : tab === "cap" ? certifyView() : tab === "so" ? registerView() : tab === "da-ky" ? queueView(openJob) : tab === "quan-tri" ? governanceView() : keyView(changedKeys);
    views.set(tab, found);
  }
  return found;
}

/** @param {number[]} ids */
function openJob(ids) {
  const panel = jobPanel(ids, { againKey: "of.back-to-list", onagain: () => show("da-ky") });
  shown = null;
  view.replaceChildren(panel);
  /** @type {HTMLElement} */ (panel.querySelector("h2")).focus();
}

async function changedKeys() {
  await refresh();
  showWho();
  route(false);
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
  // What was made while it was out of the page may be in the other language.
  applyWords(view);
}

/** @param {boolean} isFocused whether focus goes to what is shown */
function route(isFocused) {
  const invitation = invitationIn(location.hash);
  tabs.hidden = !desk.keys.length;
  if (invitation) {
    shown = null;
    const panel = enrolPanel(invitation, changedKeys);
    view.replaceChildren(panel);
  } else {
    const asked = location.hash.slice(1);
    const able = TABS.filter(isUseful);
    // Who manages keys and signs no papers has their desk there.
    const first = able[0] === "so" && keyFor("key.register/1") ? "khoa" : able[0];
    show(able.includes(asked) ? asked : first);
  }
  if (isFocused) /** @type {HTMLElement|null} */ (view.querySelector("h2"))?.focus();
}

/** @param {string} tab */
function isUseful(tab) {
  if (tab === "neo") return keyFor("doc.anchor/1") !== null;
  if (tab === "cap") return keyFor("cert.issue/1") !== null;
  if (tab === "khoa") return true;
  if (tab === "quan-tri") return keyFor("governance.approve/1") !== null;
  return desk.keys.some((key) => key.state !== "asked");
}

async function showWho() {
  for (const link of tabs.querySelectorAll("a")) link.hidden = !isUseful((link.getAttribute("href") ?? "#").slice(1));
  const key = keyFor("doc.anchor/1") ?? keyFor("cert.issue/1") ?? desk.keys.find((one) => one.state === "ready");
  who.hidden = !key;
  if (!key) return;
  const print = await fingerprint(key.publicKey);
  who.replaceChildren(icon("lock"), el("span", {}, say("of.signing-as"), " ", el("strong", {}, nameOf(key.member)), " ", el("span", { class: "soft" }, say("of.with-key"), " ", el("span", { class: "print" }, print.slice(0, 9)), "…")),
    el("span", { id: "network", class: `tag ${desk.isOnline ? "good" : "ended"}` }, icon(desk.isOnline ? "check" : "expired"), say(desk.isOnline ? "of.online" : "of.offline")));
}

async function showWaiting() {
  const count = (await jobs()).filter((job) => job.state === "waiting" || job.state === "sent").length;
  waitingCount.hidden = !count;
  waitingCount.textContent = String(count);
  const sign = document.getElementById("network");
  if (sign && sign.classList.contains("good") !== desk.isOnline) showWho();
}

/** The one script that this page lets a worker run: its own, so that a citizen's phone never loads the office. */
function startWorker() {
  if (!globalThis.isSecureContext || !("serviceWorker" in navigator)) return;
  const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("sogoc", {
    createScriptURL(/** @type {string} */ address) {
      if (address !== WORKER) throw new TypeError("no other script may be loaded");
      return address;
    },
  });
  navigator.serviceWorker.register(/** @type {any} */ (policy ? policy.createScriptURL(WORKER) : WORKER), { scope: "/van-phong", updateViaCache: "none" }).catch(() => {});
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
  tabs.querySelector('a[href="#da-ky"]')?.append(waitingCount);
  onQueue(showWaiting);
  await showWho();
  route(false);
  startQueue();
  showWaiting();
  globalThis.addEventListener("hashchange", () => route(true));
  setInterval(async () => {
    await refresh();
    showWho();
  }, LOOK_MS);
}

start();
