/**
 * What a producer keeps to itself of an event: typed in beside it, hidden before it is signed, kept on this device, and shown to one reader
 * by a link or a file (`show.js`, `epcis/hiding.js`).
 *
 * Rules: the ledger is sent commitments, never these values. They lie in this browser with the secret that blinds them, and in the file of
 * private parts under a passphrase; whoever loses both keeps what is registered and can show none of it.
 */

import { FormatError, fromHex, toHex } from "../../verify/index.js";
import { dialog, el, icon, save, say } from "../dom.js";
import { hiddenRecordOf } from "../epcis/hiding.js";
import { recordOf } from "../epcis/record.js";
import { TERM_PREFIX } from "../epcis/templates.js";
import { put } from "../office/db.js";
import { desk } from "../office/desk.js";
import { LEAST_LETTERS, keepKey, openText, random, sealText } from "../office/keys.js";
import { changed, jobs } from "../office/queue.js";
import { act, checkbox, chooser, field, guarded, input } from "../office/ui.js";
import { Wrong, typed } from "./forms.js";
import { stock } from "./shelf.js";
import { signer } from "./signing.js";

/** @typedef {import("../office/queue.js").Job} Job */
/** What stays at home of an event with hidden parts; salt and tag in hexadecimal. @typedef {{pointers: string[], salt: string, tag: string}} Hidden */

const TYPE = "epcis.event/1";
const FORMAT = "sogoc-private";
const MAX_FILE_BYTES = 50_000_000;
/** What may be said of each kind of work. @type {Record<string, string[]>} */
const TERMS_OF = { harvest: ["plot"], ship: ["buyer", "price", "invoice"], receive: ["buyer", "price", "invoice", "plot"], sell: ["buyer", "price", "invoice"], process: ["invoice"], pack: ["invoice"], unpack: ["invoice"] };

/**
 * Fields for what is private, folded; empty ones hide nothing.
 * @param {string} name of the deed
 * @param {boolean} hasPlaces
 */
export function hushFields(name, hasPlaces) {
  const boxes = (TERMS_OF[name] ?? []).map((term) => ({ term, box: typed(`pr.hush.${term}${name === "receive" && term === "buyer" ? "-from" : ""}`, { id: `hush-${term}`, properties: { maxlength: 200 }, check: (text) => {
    if (/^\s*[A-Za-z]+:(?!\/\/)/.test(text) && /^(?:epcis|cbv|cbvmda|gs1|rdfs|owl|xsd|dcterms|sogoc|urn):/.test(text.trim())) throw new Wrong("pr.wrong.hush", { isCertain: true });
    return null;
  } }) }));
  const spot = hasPlaces ? checkbox(say("pr.hush.place"), { id: "hush-place" }) : null;
  const whole = el("details", { class: "fold", id: "fold-hush" }, el("summary", {}, icon("lock"), say("pr.hush.title")),
    el("div", { class: "inside" }, say("pr.hush.text", "p", { class: "hint" }), ...boxes.map(({ box }) => box.whole), spot ? el("p", {}, spot.whole) : null));
  return {
    whole,
    fields: boxes.map(({ box }) => box),
    /** Texts by their names. */
    told: () => Object.fromEntries(boxes.filter(({ box }) => box.value).map(({ term, box }) => [term, box.value.normalize("NFC")])),
    /** What of an event is hidden. @param {Record<string, any>} event */
    pointers: (event) => [...(spot?.box.checked && event.readPoint ? ["/readPoint"] : []), ...Object.keys(event).filter((one) => one.startsWith(`${TERM_PREFIX}:`)).map((one) => `/${one}`)].sort(),
  };
}

/**
 * The record of an event, its private parts hidden; and what stays here.
 * @param {Record<string, any>} event
 * @param {string[]} pointers
 * @returns {Promise<{body: Record<string, any>, hidden: Hidden|null}>}
 */
export async function hushed(event, pointers) {
  if (!pointers.length) return { body: await recordOf(event), hidden: null };
  const key = signer(TYPE);
  if (!key.eventSecret) {
    key.eventSecret = random(32);
    await keepKey(key);
  }
  const { body, salt, tag } = await hiddenRecordOf(event, pointers, key.eventSecret);
  return { body, hidden: { pointers, salt: toHex(salt), tag: toHex(tag) } };
}

/** What a hidden part is called. @param {string} pointer */
export function partName(pointer) {
  return say(pointer === "/readPoint" ? "pr.hush.part-place" : `pr.hush.${pointer.split(":").at(-1)}`);
}

/** What it says. @param {any} item @param {string} pointer */
export function partText(item, pointer) {
  const value = item.event[pointer.slice(1)];
  return pointer === "/readPoint" ? item.place || value.id : String(value);
}

/** One line that says what is hidden, for whoever signed it. @param {any} item */
export function hushLine(item) {
  if (!item.hidden) return null;
  return el("p", { class: "small hushed" }, icon("lock"), " ", say("pr.hush.here"), ...item.hidden.pointers.flatMap((/** @type {string} */ pointer, /** @type {number} */ at) => [at ? " · " : " ", partName(pointer), ": ", partText(item, pointer)]));
}

/** The file of private parts: saved under a passphrase, and brought back. @param {() => void} onchange */
export function hushFile(onchange) {
  const place = el("div");
  const count = el("strong", { class: "num", id: "hush-count" });
  const pass = input({ type: "password", id: "hush-pass", autocomplete: "off", spellcheck: "false" });
  const store = act("pr.hush.save", { kind: "primary", icon: "save", type: "submit", id: "hush-save" });
  const form = el("form", { novalidate: true }, field(say("pr.hush.pass"), pass, { hint: say("pr.hush.pass-hint") }), el("div", { class: "buttons" }, store));
  const backPass = input({ type: "password", id: "hush-back-pass", autocomplete: "off", spellcheck: "false" });
  const chosenName = el("p", { class: "chosen" });
  const bring = act("pr.hush.open", { type: "submit", id: "hush-open" });
  /** @type {File|null} */
  let chosen = null;
  const back = el("form", { novalidate: true }, chooser({ titleKey: "pr.hush.back", buttonKey: "pr.hush.choose", accept: ".json,application/json", id: "hush-file", onfiles: ([file]) => {
    chosen = file;
    chosenName.replaceChildren(icon("file"), ` ${file.name}`);
    backPass.focus();
  } }), chosenName, field(say("pr.hush.pass"), backPass), el("div", { class: "buttons" }, bring));
  const whole = el("details", { class: "fold", id: "hush-keeping" }, el("summary", {}, icon("lock"), say("pr.hush.keeping"), " ", count), el("div", { class: "inside" }, say("pr.hush.keeping-text", "p"), form, el("hr"), back, place));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if ([...pass.value].length < LEAST_LETTERS) {
      place.replaceChildren(say("of.pass.short", "p", { class: "error", role: "alert" }));
      pass.focus();
      return;
    }
    guarded(store, place, async () => {
      const key = signer(TYPE);
      const kept = (await privateJobs()).map(({ kind, createdMs, key: by, entryId, recordIds, items, height, finalMs }) => ({ kind, createdMs, key: by, entryId, recordIds, items, height, finalMs }));
      const text = JSON.stringify({ secret: key.eventSecret ? toHex(key.eventSecret) : null, jobs: kept });
      save(`phan-rieng-${key.member}.sogoc-private.json`, await sealText(text, about(key.member), pass.value), "application/json");
      pass.value = "";
      place.replaceChildren(el("p", { class: "doing", role: "status", id: "hush-saved" }, icon("check"), say("pr.hush.saved")));
    });
  });
  back.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(bring, place, async () => {
      if (!chosen || chosen.size > MAX_FILE_BYTES) throw new FormatError("recovery.form", "choose a file of private parts");
      const key = signer(TYPE);
      const found = readPrivate(await openText(await chosen.text(), about(key.member), backPass.value));
      if (found.secret && !key.eventSecret) {
        key.eventSecret = fromHex(found.secret);
        await keepKey(key);
      }
      const known = new Set((await jobs()).map((job) => job.entryId));
      const fresh = found.jobs.filter((job) => !known.has(job.entryId));
      for (const job of fresh) await put("jobs", { ...job, chainId: desk.chainId, submission: new Uint8Array(0), vault: [], vaultDone: 0, state: "final", problem: null, next: null });
      backPass.value = "";
      changed();
      await stock();
      onchange();
      place.replaceChildren(el("p", { class: "doing", role: "status", id: "hush-brought", "data-count": fresh.length }, icon("check"), say("pr.hush.brought"), ` ${fresh.length}`));
    });
  });
  return {
    whole,
    async show() {
      const kept = await privateJobs();
      count.textContent = kept.length ? `(${kept.length})` : "";
      form.hidden = !kept.length;
    },
  };
}

/** @param {string} member */
const about = (member) => ({ format: FORMAT, chain_id: desk.chainId, member });

/** Jobs that the ledger has and of which something is hidden. @returns {Promise<Job[]>} */
async function privateJobs() {
  return (await jobs()).filter((job) => job.state === "final" && job.items.some((item) => item.hidden));
}

/**
 * @param {string} text
 * @returns {{secret: string|null, jobs: any[]}}
 */
function readPrivate(text) {
  const found = JSON.parse(text);
  const isId = (/** @type {unknown} */ one) => typeof one === "string" && /^[0-9a-f]{64}$/.test(one);
  const isGood = (found?.secret === null || isId(found?.secret)) && Array.isArray(found?.jobs) && found.jobs.every((/** @type {any} */ job) => isId(job?.entryId)
    && Array.isArray(job.items) && job.items.every((/** @type {any} */ item) => item?.what === "event" && isId(item.recordId) && item.event && Array.isArray(item.parts) && Array.isArray(item.made)));
  if (!isGood) throw new FormatError("recovery.form", "this is not a file of private parts");
  return found;
}
