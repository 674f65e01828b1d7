/**
 * Issuing certificates: one by a form or thousands by a table, with one signature; then their sheets, whose hashes are anchored too.
 *
 * Rules: everything is read and checked before anything is signed. What is said about a person goes to the office's vault, under the
 * officer's signature, before the ledger gets the commitment; the ledger gets nothing else. A sheet is made by the node out of claims
 * that the ledger commits to, and its hash is a second record of the same certificate.
 */

import { LedgerError, encode, encodeRecord, fromHex, hashFile, toHex } from "../../verify/index.js";
import { commitClaims } from "../../verify/claims.js";
import { askJson } from "../ask.js";
import { el, icon, save, say } from "../dom.js";
import { language, showDay, t } from "../words.js";
import { hasVault } from "./anchor.js";
import { desk, keyFor } from "./desk.js";
import { jobPanel } from "./jobs.js";
import { random } from "./keys.js";
import { askSigned, forEach } from "./node.js";
import { SCHEMAS, claimsValue } from "./packs.js";
import { follow, jobOf, jobs, keepJob, mend, say as sayDoing, sign } from "./queue.js";
import { emptyTable, lastDay, readRow, readTable } from "./table.js";
import { act, checkbox, chooser, field, guarded, input, select, today } from "./ui.js";

/** @typedef {import("./table.js").Schema} Schema */
/** @typedef {import("./table.js").Row} Row */
/** @typedef {import("./table.js").Mistake} Mistake */

const LIST_SIZE = 131_072;
const SHEETS_AT_ONCE = 200;
/** What the node says where no sheet will ever be made of it: then the certificate stands without one. */
const NO_SHEET = /^(paper|qr)\./;

/** @param {{vi: string, en: string}} label */
const named = (label) => (language() === "vi" ? label.vi : label.en);

export function certifyView() {
  /** @type {Schema[]} */
  let schemas = [];
  /** @type {Schema|null} */
  let schema = null;
  /** @type {Row[]} */
  let rows = [];
  const place = el("div");
  const found = el("div");
  const form = /** @type {HTMLFormElement} */ (el("form", { novalidate: true, id: "certificate-form" }));
  const which = select([], { id: "schema" });
  const from = input({ type: "date", id: "valid-from", value: today() });
  const until = input({ type: "date", id: "valid-until" });
  const papers = checkbox(say("of.cert.papers"), { id: "with-papers", checked: true });
  const commit = act("of.cert.sign", { kind: "primary", icon: "lock", id: "issue", onclick: () => guarded(commit, place, issue) });
  const count = el("span", { class: "num" });
  commit.append(" ", count);
  const bar = el("div", { class: "bar", hidden: true }, el("span", { class: "grow" }, papers.whole), act("of.anchor.clear", { kind: "quiet", onclick: clear }), commit);
  const table = chooser({ titleKey: "of.cert.drop", buttonKey: "of.cert.choose", noteKey: "of.cert.stays", accept: ".csv,text/csv", id: "certificate-table", onfiles: ([file]) => readFile(file) });
  const byTable = el("div", { class: "card" }, say("of.cert.many", "h3"), say("of.cert.many-text", "p", { class: "soft" }), table,
    el("div", { class: "buttons" }, act("of.cert.template", { kind: "small quiet", icon: "save", id: "template", onclick: () => schema && save(`${schema.name}.csv`, emptyTable(schema), "text/csv;charset=utf-8") })));
  const byForm = el("details", {}, say("of.cert.one", "summary"), el("div", { class: "inside" }, form));
  const start = el("div", {}, say("of.cert.title", "h2", { tabindex: "-1" }), say("of.cert.lead", "p", { class: "soft" }),
    el("div", { class: "pair" }, field(say("of.cert.schema"), which), field(say("of.cert.from"), from), field(say("of.cert.until"), until, { hint: say("of.cert.until-hint") })),
    byTable, found, byForm, place, bar);
  const after = el("div");
  const view = el("div", {}, start, after);

  which.addEventListener("change", () => choose(which.value));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    readForm();
  });

  async function load() {
    if (schemas.length) return;
    const answer = await askJson(SCHEMAS);
    if (answer.kind !== "ok") return place.replaceChildren(say("of.offline-now", "p", { class: "note warn" }));
    schemas = answer.value;
    which.replaceChildren(...schemas.map((one) => el("option", { value: one.name }, named(one.label))));
    choose(schemas[0]?.name ?? "");
  }

  /** @param {string} name */
  function choose(name) {
    schema = schemas.find((one) => one.name === name) ?? null;
    clear();
    if (!schema) return;
    form.replaceChildren(
      el("p", { class: "soft small" }, icon("lock"), " ", say("of.cert.personal-note")),
      el("div", { class: "pair" }, ...schema.fields.map(formField)),
      el("div", { class: "buttons" }, act("of.cert.add", { type: "submit", id: "add-one" })));
  }

  /** @param {import("./table.js").Field} one */
  function formField(one) {
    const label = el("span", {}, named(one.label), one.required ? el("span", { class: "soft" }, " *") : null,
      one.personal ? el("span", { class: "tag personal" }, icon("lock"), say("of.cert.personal")) : null);
    const place = one.kind === "choice"
      ? select([["", "—"], ...Object.entries(one.choices ?? {}).map(([code, label]) => /** @type {[string, string]} */ ([code, named(label)]))], { name: one.name })
      : one.kind === "boolean" ? select([["", "—"], ["có", say("of.yes")], ["không", say("of.no")]], { name: one.name })
        : input({ name: one.name, type: one.kind === "date" ? "date" : one.kind === "integer" ? "number" : "text", min: one.min, max: one.kind === "integer" ? one.max : null, maxlength: one.kind === "text" ? one.max : null });
    place.id = `claim-${one.name.replace(/[^a-z0-9_-]/g, "-")}`;
    if (one.required) place.setAttribute("aria-required", "true");
    return field(label, place);
  }

  function readForm() {
    if (!schema) return;
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    const read = readRow(schema, values, rows.length + 1);
    if (read.mistakes.length) return showMistakes(read.mistakes, false);
    rows.push(read.row);
    form.reset();
    showRows();
    commit.focus();
  }

  /** @param {File} file */
  async function readFile(file) {
    if (!schema) return;
    const read = readTable(new Uint8Array(await file.arrayBuffer()), schema);
    rows = read.rows;
    if (read.mistakes.length) showMistakes(read.mistakes, true);
    else showRows();
  }

  /** @param {Mistake[]} mistakes @param {boolean} isTable */
  function showMistakes(mistakes, isTable) {
    if (isTable) bar.hidden = true;
    found.replaceChildren(el("div", { class: "note alarm", role: "alert", id: "mistakes" },
      el("h3", {}, el("strong", {}, mistakes.length), " ", say("of.cert.mistakes")),
      say(isTable ? "of.cert.mistakes-text" : "of.cert.mistakes-form", "p"),
      el("ul", { class: "plain" }, ...mistakes.slice(0, 100).map((one) => el("li", {},
        isTable && one.row ? el("strong", {}, say("of.row"), ` ${one.row}`) : null, one.column ? `${isTable && one.row ? ", " : ""}${one.column}` : "", isTable || one.column ? ": " : "", one.vi,
        el("span", { class: "soft", lang: "en" }, ` (${one.en})`)))),
      mistakes.length > 100 ? el("p", {}, "…") : null));
  }

  function showRows() {
    if (!schema) return;
    const { fields } = schema;
    const shown = fields.slice(0, 6);
    found.replaceChildren(el("div", { class: "scroll", tabindex: "0", role: "region", "data-t-label": "of.cert.checked", "aria-label": t("of.cert.checked") },
      el("table", { class: "rows" }, el("caption", {}, icon("check"), " ", el("strong", {}, rows.length), " ", say("of.cert.checked")),
        el("thead", {}, el("tr", {}, say("of.row", "th", { scope: "col" }), ...shown.map((one) => el("th", { scope: "col" }, named(one.label), one.personal ? icon("lock") : null)))),
        el("tbody", {}, ...rows.slice(0, 8).map((row) => el("tr", {}, el("td", {}, row.number), ...shown.map((one) => el("td", {}, shownValue(one, row.claims.find((claim) => claim.name === one.name)?.value))))))),
      rows.length > 8 ? el("p", { class: "soft" }, "…") : null));
    bar.hidden = false;
    count.textContent = `(${rows.length})`;
  }

  function clear() {
    rows = [];
    found.replaceChildren();
    place.replaceChildren();
    bar.hidden = true;
  }

  async function issue() {
    const key = keyFor("cert.issue/1");
    if (!key || !schema) throw new LedgerError("office.no-issuer", "no key in this browser may issue certificates");
    const first = from.value || today();
    const vaultOpen = await hasVault();
    if (!vaultOpen && place.dataset.warned !== "yes") {
      // Said once, before anything is signed; signing again means it was read.
      place.dataset.warned = "yes";
      place.replaceChildren(el("div", { class: "note warn", role: "alert" }, say("of.cert.no-vault", "p")));
      return;
    }
    const indexes = await freeIndexes(key.member, rows.length);
    const things = await forEach(rows, (row, at) => thingOf(row, /** @type {Schema} */ (schema), key.member, first, until.value || null, indexes[at], vaultOpen));
    const ids = await sign(key, "certificates", things, papers.box.checked ? { site: location.origin } : null);
    start.hidden = true;
    const panel = jobPanel(ids, { againKey: "of.cert.again", onagain: () => {
      after.replaceChildren();
      start.hidden = false;
      clear();
      /** @type {HTMLElement} */ (start.querySelector("h2")).focus();
    } });
    after.replaceChildren(panel);
    /** @type {HTMLElement} */ (panel.querySelector("h2")).focus();
    globalThis.scrollTo(0, 0);
  }

  return { view, show: load };
}

/** @param {import("./table.js").Field} one @param {any} value */
function shownValue(one, value) {
  if (value === null || value === undefined) return "—";
  if (typeof value === "boolean") return say(value ? "of.yes" : "of.no");
  if (one.kind === "date") return showDay(value);
  return one.choices?.[value] ? named(one.choices[value]) : String(value);
}

/**
 * @param {Row} row
 * @param {Schema} schema
 * @param {string} authority
 * @param {string} from
 * @param {string|null} until
 * @param {number} index place in the status lists
 * @param {boolean} vaultOpen
 */
async function thingOf(row, schema, authority, from, until, index, vaultOpen) {
  const certificate = random(16);
  const salt = random(32);
  const first = row.validFrom ?? from;
  const last = row.validUntil ?? until ?? (schema.valid_months ? lastDay(first, schema.valid_months) : null);
  const item = {
    row: row.number, certificate: toHex(certificate), authority, index, schema: schema.name, validFrom: first, validUntil: last, salt: toHex(salt), inVault: vaultOpen,
    claims: row.claims.map(({ name, value }) => [name, value]), label: String(row.claims[0]?.value ?? ""),
  };
  /** @type {Record<string, any>} */
  const body = { authority, certificate, schema: schema.name, claims_root: await commitClaims(row.claims, salt), claims_count: row.claims.length, status_index: index, valid_from: first };
  if (last) body.valid_until = last;
  /** @type {import("./queue.js").ForVault|undefined} */
  const vault = vaultOpen ? { owner: authority, kind: "certificate", identifier: certificate, content: /** @type {Uint8Array} */ (encode(claimsValue(item))) } : undefined;
  return { record: encodeRecord("cert.issue/1", body), item, vault };
}

/**
 * The records of certificates that were refused for their places in the status list, with other places. They are the same certificates, whose
 * contents are in the vault already; since they were refused for good, none is issued twice.
 * @param {import("./queue.js").Job} job
 */
async function inOtherPlaces(job) {
  const indexes = await freeIndexes(job.items[0].authority, job.items.length);
  return forEach(job.items, async (item, at) => {
    const claims = item.claims.map((/** @type {[string, any]} */ [name, value]) => ({ name, value }));
    /** @type {Record<string, any>} */
    const body = {
      authority: item.authority, certificate: fromHex(item.certificate), schema: item.schema, claims_root: await commitClaims(claims, fromHex(item.salt)), claims_count: claims.length,
      status_index: indexes[at], valid_from: item.validFrom,
    };
    if (item.validUntil) body.valid_until = item.validUntil;
    return { record: encodeRecord("cert.issue/1", body), item: { ...item, index: indexes[at] } };
  });
}

/**
 * Random free places in an authority's status lists; with no network any random places, which the ledger judges.
 * @param {string} authority
 * @param {number} count
 */
async function freeIndexes(authority, count) {
  const chosen = new Set();
  const waiting = new Set((await jobs()).filter((job) => job.kind === "certificates" && job.state !== "final").flatMap((job) => job.items.map((item) => item.index)));
  for (let number = 0; chosen.size < count; number++) {
    const answer = await askJson(`/v1/status-lists/${encodeURIComponent(authority)}/${number}`);
    const bits = answer.kind === "ok" ? await unpacked(answer.value.issued) : new Uint8Array(LIST_SIZE / 8);
    const taken = answer.kind === "ok" ? answer.value.count : 0;
    let room = Math.min(count - chosen.size, Math.max(0, LIST_SIZE / 2 - taken));
    while (room > 0) {
      const index = new DataView(random(4).buffer).getUint32(0) % LIST_SIZE;
      const whole = number * LIST_SIZE + index;
      if ((bits[index >> 3] & (0x80 >> (index & 7))) || chosen.has(whole) || waiting.has(whole)) continue;
      chosen.add(whole);
      room--;
    }
  }
  return [...chosen];
}

/** The bits of an `encodedList` (W3C Bitstring Status List v1.0). @param {string} text */
async function unpacked(text) {
  const packed = Uint8Array.from(atob(text.slice(1).replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * When certificates are on the ledger: have their sheets made, and sign the hashes of these.
 * @param {import("./queue.js").Job} job
 * @returns {Promise<"done"|"later">}
 */
async function makeSheets(job) {
  const key = desk.keys.find((one) => one.publicKey === job.key);
  if (!key) return "done";
  const made = new Set((await jobs()).filter((one) => one.kind === "papers").flatMap((one) => one.items.map((item) => item.issueRecord)));
  const left = job.items.filter((item) => item.claims && !made.has(item.recordId));
  let done = job.items.length - left.length;
  while (left.length) {
    const part = left.splice(0, SHEETS_AT_ONCE);
    const sheets = await forEach(part, async (item) => {
      const claims = /** @type {Uint8Array} */ (encode(claimsValue(item)));
      const answer = await askSigned(key, "/v1/papers/certificate", "paper", [fromHex(item.recordId), job.next.site, claims], true);
      sayDoing({ key: "of.queue.sheets", done: ++done, of: job.items.length });
      return { item, answer };
    }, 2);
    const refused = sheets.find(({ answer }) => answer.kind === "refused" || (answer.kind === "later" && answer.problem !== null && NO_SHEET.test(answer.problem.code)));
    if (refused) {
      const now = await jobOf(/** @type {number} */ (job.id));
      await keepJob({ ...now, paperProblem: /** @type {any} */ (refused.answer).problem });
      return "done";
    }
    if (sheets.some(({ answer }) => answer.kind !== "ok")) return "later";
    const things = await forEach(sheets, async ({ item, answer }) => {
      const pdf = /** @type {any} */ (answer).value;
      const hash = await hashFile(pdf);
      return {
        record: encodeRecord("cert.paper/1", { authority: item.authority, certificate: fromHex(item.certificate), hash }),
        item: { issueRecord: item.recordId, certificate: item.certificate, row: item.row, hash: toHex(hash), pdf },
      };
    });
    await sign(key, "papers", things);
  }
  return "done";
}

follow("certificates", makeSheets);
mend("certificates", "certificate.status-index", inOtherPlaces);

