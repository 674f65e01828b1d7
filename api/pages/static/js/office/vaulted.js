/**
 * Reading a certificate's content again from the office's vault: to answer its holder, or to hand over the papers once more.
 *
 * Rules: each look is a record on the ledger before it is answered: who, what for, on which legal ground. What comes back is believed only
 * if it is what the ledger commits to. It is shown here and kept nowhere in this browser.
 */

import { LedgerError, RECORD_TYPES, decode, encode, encodeRecord, fromHex, hashFile, toHex } from "../../verify/index.js";
import { commitClaims } from "../../verify/claims.js";
import { askJson } from "../ask.js";
import { dialog, el, icon, save, say } from "../dom.js";
import { language, showDay } from "../words.js";
import { keyFor } from "./desk.js";
import { showJob } from "./enact.js";
import { random } from "./keys.js";
import { askSigned, vaultItem } from "./node.js";
import { SCHEMAS, claimsValue, holderFiles, keyOf } from "./packs.js";
import { problemNote } from "./problems.js";
import { jobOf, sign } from "./queue.js";
import { act, field, guarded, input, select } from "./ui.js";
import { zipped } from "./zip.js";

/** @typedef {import("./keys.js").OfficeKey} OfficeKey */

const MAX_CONTENT = 3_000_000;
const LAW = /^[A-Za-z0-9./-]{1,40}$/;
/** What is chosen first: whoever asks is nearly always the holder. */
const USUAL = { purpose: "citizen-request", legal_ground: "data-subject-request" };

/** The key here that may look: recording an access takes less than opening. @returns {OfficeKey|null} */
export function lookingKey() {
  return keyFor("cert.issue/1") ?? keyFor("doc.anchor/1");
}

/** Codes of a field of `access.log/1`. @param {string} name @returns {string[]} */
function choices(name) {
  const found = RECORD_TYPES["access.log/1"].fields.find(([one]) => one === name);
  return found ? /** @type {string[]} */ (found[2][1]) : [];
}

/**
 * Ask why, record it, read, show.
 * @param {any} record the certificate's issue, as the node lists it
 * @param {any} standing of the certificate
 */
export function openContents(record, standing) {
  const place = el("div");
  const inside = el("div");
  const ask = /** @type {HTMLElement[]} */ (["purpose", "legal_ground"].map((name) => {
    const one = select(choices(name).map((code) => /** @type {[string, Node]} */ ([code, say(`of.look.${name}.${code}`)])), { id: `look-${name.replace("_", "-")}` });
    one.value = /** @type {any} */ (USUAL)[name];
    return one;
  }));
  const [purpose, ground] = /** @type {HTMLSelectElement[]} */ (ask);
  const law = input({ id: "look-law", maxlength: 40, spellcheck: "false" });
  const go = act("of.look.do", { kind: "primary", icon: "lock", id: "look-do", onclick: () => guarded(go, place, look) });
  const form = el("div", {}, el("div", { class: "note warn" }, say("of.look.text", "p")), field(say("of.look.purpose"), purpose), field(say("of.look.legal_ground"), ground),
    field(say("of.look.law"), law, { hint: say("of.look.law-hint") }), place, el("div", { class: "buttons" }, go));
  inside.append(form);
  const box = dialog("of.look", [inside]);

  async function look() {
    const key = lookingKey();
    if (!key) throw new LedgerError("office.no-key", "no key in this browser opens the vault");
    const said = law.value.trim();
    if (said && !LAW.test(said)) return place.replaceChildren(say("of.look.bad-law", "p", { class: "error", role: "alert" }));
    const { authority, id } = record.subject;
    /** @type {Record<string, any>} */
    const body = { authority: key.member, owner: authority, item: await vaultItem(authority, "certificate", fromHex(id)), nonce: random(16), purpose: purpose.value, legal_ground: ground.value };
    if (said) body.law = said;
    const [job] = await sign(key, "access", [{ record: encodeRecord("access.log/1", body), item: { title: id.slice(0, 8) } }]);
    const state = el("div", { id: "look-state", tabindex: "-1" });
    inside.replaceChildren(state);
    state.focus();
    showJob(job, state, async (outcome) => {
      if (outcome !== "final" || !box.isConnected) return;
      const recordId = (await jobOf(job))?.recordIds[0];
      if (recordId) await open(key, fromHex(recordId), state);
    });
  }

  /** @param {OfficeKey} key @param {Uint8Array} access @param {HTMLElement} state */
  async function open(key, access, state) {
    const answer = await askSigned(key, "/v1/vault/read", "read", [access], false);
    if (answer.kind !== "ok") {
      state.replaceChildren(answer.problem ? problemNote(answer.problem) : say("of.offline-now", "p", { class: "note warn", role: "alert" }));
      return;
    }
    const item = await itemOf(record, standing, answer.value);
    if (item === null) {
      state.replaceChildren(problemNote({ code: "vault.claims", detail: "what the vault gave is not what the ledger commits to" }));
      return;
    }
    const asked = await askJson(SCHEMAS);
    const schema = asked.kind === "ok" ? asked.value.find((/** @type {any} */ one) => one.name === item.schema) : null;
    inside.replaceChildren(...contents(key, item, schema));
    /** @type {HTMLElement} */ (inside.querySelector("h3")).focus();
  }
}

/**
 * What the vault gave, as a pack is made of it; null unless it is what the record commits to.
 * @param {any} record
 * @param {any} standing
 * @param {Uint8Array} data
 * @returns {Promise<import("./packs.js").Held|null>}
 */
async function itemOf(record, standing, data) {
  const { body } = record;
  try {
    const [form, salt, claims] = /** @type {any[]} */ (decode(data, { maxBytes: MAX_CONTENT }));
    if (form !== 0 || !(salt instanceof Uint8Array)) return null;
    const root = await commitClaims(claims.map((/** @type {[string, any]} */ [name, value]) => ({ name, value })), salt);
    if (toHex(root) !== body.claims_root || claims.length !== body.claims_count) return null;
    return {
      row: 1, certificate: record.subject.id, authority: record.subject.authority, recordId: record.id, schema: body.schema, validFrom: body.valid_from,
      validUntil: standing?.valid_until ?? body.valid_until ?? null, index: body.status_index ?? 0, salt: toHex(salt), claims,
    };
  } catch (error) {
    if (error instanceof LedgerError || error instanceof TypeError) return null;
    throw error;
  }
}

/**
 * @param {OfficeKey} key
 * @param {import("./packs.js").Held} item
 * @param {any} schema
 * @returns {Node[]}
 */
function contents(key, item, schema) {
  const messages = el("div");
  const rows = item.claims.filter(([, value]) => value !== null).map(([name, value]) => {
    const one = schema?.fields.find((/** @type {any} */ each) => each.name === name);
    return el("div", {}, el("dt", {}, one ? one.label[language()] : name), el("dd", {}, shown(one, value)));
  });
  const pack = act("of.look.pack", { kind: "primary", icon: "save", id: "look-pack", onclick: () => guarded(pack, messages, () => savePack(item, null, messages)) });
  const paper = act("of.look.paper", { icon: "print", id: "look-paper", onclick: () => guarded(paper, messages, () => reissue(key, item, messages)) });
  return [say("of.look.found", "h3", { tabindex: "-1" }), el("p", { class: "chosen" }, icon("check"), " ", say("of.look.matches")),
    el("dl", { class: "facts", id: "look-claims" }, ...rows), messages,
    el("div", { class: "buttons" }, keyFor("cert.paper/1") ? paper : null, pack), say("of.look.gone", "p", { class: "soft small" })];
}

/** @param {any} one the schema's field @param {any} value */
function shown(one, value) {
  if (typeof value === "boolean") return say(value ? "of.yes" : "of.no");
  if (one?.kind === "date") return showDay(value);
  return one?.choices?.[value]?.[language()] ?? String(value);
}

/**
 * A new sheet, whose hash is stated on the ledger as a paper of the same certificate; then the pack with it.
 * @param {OfficeKey} looking
 * @param {import("./packs.js").Held} item
 * @param {HTMLElement} messages
 */
async function reissue(looking, item, messages) {
  const key = keyFor("cert.paper/1") ?? looking;
  const answer = await askSigned(key, "/v1/papers/certificate", "paper", [fromHex(item.recordId), location.origin, /** @type {Uint8Array} */ (encode(claimsValue(item)))], true);
  if (answer.kind !== "ok") {
    messages.replaceChildren(answer.problem ? problemNote(answer.problem) : say("of.offline-now", "p", { class: "note warn", role: "alert" }));
    return;
  }
  const pdf = answer.value;
  const body = { authority: item.authority, certificate: fromHex(item.certificate), hash: await hashFile(new Blob([/** @type {BlobPart} */ (pdf)])) };
  const [job] = await sign(key, "paper", [{ record: encodeRecord("cert.paper/1", body), item: { title: item.certificate.slice(0, 8) } }]);
  const state = el("div", { id: "reissue-state" });
  messages.replaceChildren(state);
  await new Promise((resolve) => showJob(job, state, (outcome) => {
    if (outcome === "final") savePack(item, pdf, messages).then(resolve);
    else resolve(null);
  }));
}

/** @param {import("./packs.js").Held} item @param {Uint8Array|null} pdf @param {HTMLElement} messages */
async function savePack(item, pdf, messages) {
  // A credential is the issuing key's to sign: the ledger says which that was.
  const issued = await askJson(`/v1/records/${item.recordId}`);
  const key = issued.kind === "ok" ? keyOf(issued.value.author_key) : null;
  const files = await holderFiles([{ item, key, pdf }]);
  if (files === null) return messages.replaceChildren(say("of.offline-now", "p", { class: "note warn", role: "alert" }));
  messages.replaceChildren(key ? "" : say("of.pack-no-credential", "p", { class: "note warn", role: "alert" }));
  save(`ban-giao-${item.certificate.slice(0, 8)}.zip`, /** @type {any} */ (zipped(files)), "application/zip");
}
