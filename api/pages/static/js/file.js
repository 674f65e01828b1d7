/** The stand-alone verifier: no server, no network; what is chosen is checked against the policy inside or one's own. */

import verifyWords from "../words/verify.js";
import { LedgerError, VerificationError, followPolicy, fromBase64 } from "../verify/index.js";
import { offerPolicy, showAlarms } from "./alarms.js";
import { checkHand } from "./check.js";
import { button, el, facts, icon, say, time } from "./dom.js";
import { checkExport } from "./export.js";
import { sort } from "./hand.js";
import { busyPanel, ownPolicyNote, spoken, verdictPanel } from "./panel.js";
import { keepInMemory } from "./store.js";
import { fingerprint, own, pin, pinned, standAlone } from "./trust.js";
import { addWords, startLanguage, t } from "./words.js";

// Pages opened from a disk share one storage: nothing of one may speak for another.
keepInMemory();
standAlone();
addWords(verifyWords);
startLanguage();

const DESK = { isOnline: false };

/** @param {string} id */
function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

const start = byId("start");
const result = byId("result");
const said = byId("said");
/** @type {{receipt: string|null, proof: Uint8Array|null, salt: Uint8Array|null}} */
let held = { receipt: null, proof: null, salt: null };

const embedded = JSON.parse(byId("embedded").textContent ?? "{}");
const ready = pin(embedded.policy, "embedded", embedded.chain_id).then(followEmbedded).then(showPolicy);

/** The changes of validators that came along prove themselves; what they do not lead from stays as it is. */
async function followEmbedded() {
  const policy = pinned();
  if (!policy || !embedded.epochs) return;
  try {
    await followPolicy(policy.text, fromBase64(embedded.epochs, "epochs.shape"));
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
  }
}

async function showPolicy() {
  const policy = pinned();
  if (!policy) return;
  byId("policy-state").replaceChildren(el("strong", {}, policy.origin), " · ", say("policy.fingerprint"), " ",
    el("code", {}, await fingerprint(policy.text)), ...(policy.from === "file" ? [" · ", say("policy.mine")] : []));
}

/** @param {Node} panel */
function show(panel) {
  start.hidden = true;
  result.hidden = false;
  result.replaceChildren(panel);
  globalThis.scrollTo(0, 0);
}

function again() {
  held = { receipt: null, proof: null, salt: null };
  result.hidden = true;
  start.hidden = false;
  said.textContent = "";
  byId("choose").focus();
}

/** @param {Iterable<File>} files */
async function take(files) {
  await ready;
  const hand = await sort(files);
  if (hand.policy !== null) await offer(hand.policy);
  if (!hand.file && !hand.receipt && !hand.proof) return;
  const receipt = hand.receipt ?? (hand.proof ? null : held.receipt);
  const proof = hand.proof ?? (receipt ? null : held.proof);
  const salt = hand.salt ?? held.salt;
  const busy = busyPanel("busy.hash");
  show(busy);
  const outcome = await checkHand({ file: hand.file, receipt, proof, salt },
    { ...DESK, say: (key) => busy.querySelector(".doing")?.replaceWith(say(key, "p", { class: "doing" })) });
  held = { receipt: outcome.judgement?.proved && !outcome.proofFile ? outcome.receipt : null, proof: outcome.proofFile, salt };
  show(verdictPanel(outcome, { ...DESK, onagain: again, onmatch: () => byId("files").click() }));
  said.textContent = spoken(outcome);
  document.getElementById("verdict-title")?.focus({ preventScroll: true });
  await showAlarms();
}

/** A policy out of a file is asked about; what came with it is judged by the one that is kept. @param {string} text */
async function offer(text) {
  await ready;
  try {
    const isAsked = await offerPolicy(text, async () => {
      again();
      await showPolicy();
      said.textContent = t("policy.mine");
    });
    said.textContent = t(isAsked ? "policy.file.title" : "policy.same");
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    byId("policy-state").replaceChildren(say("policy.bad", "strong"));
  }
}

/** @param {File[]} files */
async function takeExport(files) {
  await ready;
  const busy = busyPanel("busy.hash");
  show(busy);
  /** @type {Map<string, Blob>} */
  const byPath = new Map(files.map((file) => [file.webkitRelativePath.split("/").slice(1).join("/"), file]));
  try {
    const done = await checkExport(byPath, pinned()?.text ?? "", (leaves, of) => {
      busy.querySelector(".doing")?.replaceChildren(`${leaves} / ${of} ${t("file.leaves")}`);
    });
    show(exportPanel("good", "good", "file.export-good", [
      ownPolicyNote(await own()),
      say("file.export-good-text", "p"),
      facts([["foot.ledger", done.origin], ["fork.size", `${done.size} ${t("file.leaves")}, ${done.records} ${t("file.records")}`], ["fact.as-of", done.asOfMs && time(done.asOfMs)]]),
    ]));
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    const isBad = error instanceof VerificationError;
    show(exportPanel(isBad ? "bad" : "unknown", isBad ? "bad" : "unknown", isBad ? "file.export-bad" : "file.export-unknown", [
      el("p", {}, error.rule === "export.missing" ? say("file.export-missing") : "", " ", el("code", {}, error.rule), " ", el("span", { lang: "en" }, error.detail)),
    ]));
  }
  document.getElementById("verdict-title")?.focus({ preventScroll: true });
}

/**
 * @param {string} tone
 * @param {string} sign
 * @param {string} key
 * @param {(Node|null)[]} body
 */
function exportPanel(tone, sign, key, body) {
  said.textContent = t(key);
  return el("section", { class: `verdict ${tone}`, "aria-labelledby": "verdict-title", "data-export": tone }, el("div", { class: "verdict-head" }, icon(sign), say(key, "h1", { id: "verdict-title", tabindex: "-1" })),
    el("div", { class: "verdict-body" }, ...body, el("div", { class: "buttons" }, button("verify.again", { kind: "primary", icon: "back", onclick: again }))));
}

for (const [opener, input, then] of /** @type {[string, string, (files: File[]) => unknown][]} */ ([
  ["choose", "files", take],
  ["choose-policy", "policies", async ([file]) => offer(await file.text())],
  ["choose-export", "export", takeExport],
])) {
  const field = /** @type {HTMLInputElement} */ (byId(input));
  byId(opener).addEventListener("click", () => field.click());
  field.addEventListener("change", () => {
    const chosen = [...(field.files ?? [])];
    field.value = "";
    if (chosen.length) then(chosen);
  });
}

document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const dropped = /** @type {DragEvent} */ (event).dataTransfer?.files;
  if (dropped?.length) take(dropped);
});
