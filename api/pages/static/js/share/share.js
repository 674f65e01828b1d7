/** The page of whoever was shown something: by a link, which carries it behind its `#`, or by a file. What was shown is never sent anywhere. */

import explorerWords from "../../words/explorer.js";
import shareWords from "../../words/share.js";
import traceWords from "../../words/trace.js";
import verifyWords from "../../words/verify.js";
import { LedgerError, toHex } from "../../verify/index.js";
// What every event needs comes with the page.
import "../../verify/records-goods.js";
import { comparePolicies, showAlarms } from "../alarms.js";
import { checkHand, checkRecord, unknown } from "../check.js";
import { judgeShare, ofFragment, parseShare } from "../epcis/share.js";
import { startHouse } from "../house.js";
import { busyPanel } from "../panel.js";
import { addWords, t } from "../words.js";
import { sharePanel } from "./panel.js";

for (const words of [verifyWords, explorerWords, traceWords, shareWords]) addWords(words);
startHouse();

const MAX_FILE_BYTES = 5_000_000;
const start = byId("start");
const result = byId("result");
const said = byId("said");
const files = /** @type {HTMLInputElement} */ (byId("files"));

/** The check that is running; what an older one finds is not shown. */
let turn = 0;

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * Check what somebody was shown, and tell.
 * @param {() => Promise<Uint8Array>|Uint8Array} read
 */
async function run(read) {
  const mine = ++turn;
  start.hidden = true;
  result.hidden = false;
  result.replaceChildren(busyPanel("busy.receipt"));
  said.textContent = t("busy.title");
  globalThis.scrollTo(0, 0);
  const told = await judged(read);
  if (mine !== turn) return;
  result.replaceChildren(sharePanel(told, again));
  said.textContent = [document.getElementById("verdict-title")?.textContent, told.shared ? t("sh.shown") : ""].filter(Boolean).join(". ");
  document.getElementById("verdict-title")?.focus({ preventScroll: true });
  await showAlarms();
}

/**
 * @param {() => Promise<Uint8Array>|Uint8Array} read
 * @returns {Promise<import("./panel.js").Told>}
 */
async function judged(read) {
  const desk = { isOnline: navigator.onLine, say: () => {} };
  let share;
  try {
    share = parseShare(await read());
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    const todo = error.rule === "share.version" ? "todo.version" : "sh.todo.broken";
    return { outcome: unknown({ todo, rule: error.rule, reason: error.detail }), share: null, shared: null };
  }
  const outcome = share.recordId
    ? await checkRecord(toHex(share.recordId), { ...desk, isOnline: true })
    : await checkHand({ file: null, receipt: share.receipt, proof: null, salt: null }, desk);
  if (!outcome.judgement) return { outcome, share, shared: null };
  const { verdict, rule, reason, shared } = await judgeShare(share, outcome.judgement);
  if (shared) return { outcome, share, shared };
  // The receipt itself may be sound: then what it says of the event still is, and what was said beside it is not.
  const isBad = verdict === "does-not-match";
  const word = isBad ? { verdict: /** @type {const} */ ("bad"), word: "sh.verdict.bad", sub: "sh.verdict.bad.sub", todo: "sh.todo.bad", rule, reason } : {};
  return { outcome: { ...outcome, ...word }, share, shared: null };
}

function again() {
  turn++;
  result.hidden = true;
  result.replaceChildren();
  start.hidden = false;
  said.textContent = "";
  byId("choose").focus();
}

/** @param {Iterable<File>} list */
function take(list) {
  const [file] = list;
  // One that is longer is no share, and is not read to find out.
  if (file) run(async () => (file.size > MAX_FILE_BYTES ? new Uint8Array(0) : new Uint8Array(await file.arrayBuffer())));
}

byId("choose").addEventListener("click", () => files.click());
files.addEventListener("change", () => {
  const chosen = [...(files.files ?? [])];
  files.value = "";
  take(chosen);
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
  take(/** @type {DragEvent} */ (event).dataTransfer?.files ?? []);
});

/** What the address carries leaves the address bar, where somebody may look over a shoulder, and the browser's history. */
function fromAddress() {
  const fragment = location.hash;
  if (fragment.length < 2) return false;
  history.replaceState(null, "", location.pathname + location.search);
  run(() => ofFragment(fragment));
  return true;
}

globalThis.addEventListener("hashchange", fromAddress);
if (!fromAddress()) comparePolicies().catch(() => {});
showAlarms();
