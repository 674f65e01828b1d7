/** The citizen's page: four ways in, one verdict out. */

import verifyWords from "../words/verify.js";
import { comparePolicies, offerPolicy, showAlarms } from "./alarms.js";
import { checkCode, checkCompact, checkHand, unknown } from "./check.js";
import { readCode } from "./code.js";
import { el, say, time } from "./dom.js";
import { saltOf, sort } from "./hand.js";
import { startHouse } from "./house.js";
import { busyPanel, spoken, verdictPanel } from "./panel.js";
import { compactOf } from "./offline.js";
import { openScan } from "./scan.js";
import { fingerprint, pinned } from "./trust.js";
import { addWords, t } from "./words.js";

addWords(verifyWords);
startHouse();

const start = byId("start");
const result = byId("result");
const said = byId("said");
const files = /** @type {HTMLInputElement} */ (byId("files"));
const receipts = /** @type {HTMLInputElement} */ (byId("receipts"));
const code = /** @type {HTMLInputElement} */ (byId("code"));
const codeError = byId("code-error");
const offlineNote = byId("offline-note");

/** The check that is running; what an older one finds is not shown. */
let turn = 0;
/** @type {{receipt: string|null, proof: Uint8Array|null, salt: Uint8Array|null}} what a file is to be compared with */
let held = { receipt: null, proof: null, salt: null };

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * @param {(desk: import("./check.js").Desk) => Promise<import("./check.js").Outcome>} check
 */
async function run(check) {
  const mine = ++turn;
  start.hidden = true;
  result.hidden = false;
  const busy = busyPanel("busy.receipt");
  result.replaceChildren(busy);
  said.textContent = t("busy.title");
  globalThis.scrollTo(0, 0);
  const outcome = await check({ isOnline: true, say: (key) => busy.querySelector(".doing")?.replaceWith(say(key, "p", { class: "doing" })) });
  if (mine !== turn) return;
  held = { receipt: outcome.judgement?.proved ? outcome.receipt : null, proof: outcome.proofFile, salt: held.salt };
  result.replaceChildren(verdictPanel(outcome, { isOnline: true, onagain: again, onmatch: () => files.click() }));
  said.textContent = spoken(outcome);
  document.getElementById("verdict-title")?.focus({ preventScroll: true });
  await showAlarms();
  await showPolicy();
}

function again() {
  turn++;
  held = { receipt: null, proof: null, salt: null };
  result.hidden = true;
  result.replaceChildren();
  start.hidden = false;
  said.textContent = "";
  if (location.pathname !== "/") history.replaceState(null, "", "/");
  byId("scan").focus();
}

/** @param {Iterable<File>} list */
async function take(list) {
  const shown = [...list].find(({ name }) => name.endsWith(".sogoc-share"));
  if (shown) {
    // It is no paper: a page of its own opens it.
    await run(async () => unknown({ fileName: shown.name, todo: "todo.share", rule: "share.page" }));
    return;
  }
  const hand = await sort(list);
  if (hand.policy !== null) await offer(hand.policy);
  if (hand.policy !== null && !hand.file && !hand.receipt && !hand.proof) return;
  if (!hand.file && !hand.receipt && !hand.proof && !hand.salt) return;
  // A file chosen while a receipt is on the table is compared with that one.
  const receipt = hand.receipt ?? (hand.file && !hand.proof ? held.receipt : null);
  const salt = hand.salt ?? held.salt;
  held.salt = salt;
  await run((desk) => checkHand({ file: hand.file, receipt, proof: hand.proof ?? (hand.file && !receipt ? held.proof : null), salt }, desk));
}

/** A policy out of a file is asked about; what came with it is judged by the one that is kept. @param {string} text */
async function offer(text) {
  try {
    const isAsked = await offerPolicy(text, async () => {
      again();
      await showPolicy();
      said.textContent = t("policy.mine");
    });
    said.textContent = t(isAsked ? "policy.file.title" : "policy.same");
  } catch {
    said.textContent = t("policy.bad");
  }
}

/**
 * @param {string} typed
 * @param {string|null} fragment
 */
function lookUp(typed, fragment) {
  const salt = saltOf(fragment);
  held = { receipt: null, proof: null, salt };
  return run((desk) => checkCode(typed, salt, desk));
}

/** @param {Uint8Array} compact */
function lookAt(compact) {
  held = { receipt: null, proof: null, salt: null };
  return run((desk) => checkCompact(compact, desk));
}

/** What the page says about the policy it checks with. */
async function showPolicy() {
  const policy = pinned();
  const place = byId("policy-state");
  if (!policy) return;
  place.replaceChildren(say("details.policy"), ": ", policy.origin, " · ", say("policy.fingerprint"), " ", el("code", {}, await fingerprint(policy.text)),
    " · ", say("policy.kept-since"), " ", time(policy.keptMs), ...(policy.from === "file" ? [" · ", say("policy.mine")] : []));
}

byId("choose").addEventListener("click", () => files.click());
byId("open-receipt").addEventListener("click", () => receipts.click());
for (const input of [files, receipts]) {
  input.addEventListener("change", async () => {
    const chosen = [...(input.files ?? [])];
    input.value = "";
    if (chosen.length) await take(chosen);
  });
}

byId("scan").addEventListener("click", () => openScan((found) => ("compact" in found ? lookAt(found.compact) : lookUp(found.code, found.salt))));

byId("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (readCode(code.value) === null) {
    codeError.hidden = false;
    codeError.replaceChildren(say("todo.bad-code"));
    code.setAttribute("aria-invalid", "true");
    code.focus();
    return;
  }
  codeError.hidden = true;
  code.removeAttribute("aria-invalid");
  lookUp(code.value, null);
});

const drop = byId("drop");
for (const type of ["dragenter", "dragover"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const type of ["dragleave", "drop"]) document.addEventListener(type, () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const dropped = /** @type {DragEvent} */ (event).dataTransfer?.files;
  if (dropped?.length) take(dropped);
});

const tellNetwork = () => (offlineNote.hidden = navigator.onLine);
addEventListener("online", tellNetwork);
addEventListener("offline", tellNetwork);
tellNetwork();

const inAddress = /^\/c\/([^/]+)$/.exec(location.pathname);
if (inAddress) {
  const fragment = location.hash;
  // The salt leaves the address bar, where it could be copied along with the link.
  if (fragment) history.replaceState(null, "", location.pathname);
  code.value = decodeURIComponent(inAddress[1]);
  lookUp(code.value, fragment);
}

const compact = location.pathname === "/" && location.hash ? compactOf(location.hash) : null;
if (compact) {
  history.replaceState(null, "", "/");
  lookAt(compact);
}

showAlarms();
showPolicy();
if (!inAddress) comparePolicies().catch(() => {});
