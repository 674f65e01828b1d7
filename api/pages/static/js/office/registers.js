/**
 * The office's registers: what was anchored and issued, where it stands, and what may be done about it.
 *
 * Rules: what is shown is what the node says; "kiểm tra" opens the page on which the browser itself checks it. Whatever changes something
 * is one signed record with a reason out of a list, never free text.
 */

import { RECORD_TYPES, encodeRecord, fromHex, hashFile, parseCode, toHex } from "../../verify/index.js";
import { askJson } from "../ask.js";
import { dialog, el, facts, hash, icon, save, say, sayOr, time } from "../dom.js";
import { showDay, t } from "../words.js";
import { authoritiesOf, desk, keyFor, nameOf } from "./desk.js";
import { codeText } from "./jobs.js";
import { problemNote } from "./problems.js";
import { jobOf, onQueue, sign } from "./queue.js";
import { receiptsOf } from "./node.js";
import { lookingKey, openContents } from "./vaulted.js";
import { act, announce, chooser, field, guarded, input, jobTag, select, standing } from "./ui.js";

/** @typedef {"document"|"certificate"} Kind */

export function registerView() {
  /** @type {Kind} */
  let kind = "document";
  /** @type {string|null} */
  let next = null;
  let turn = 0;
  const list = el("ul", { class: "register", id: "register" });
  const more = act("of.reg.more", { kind: "", id: "more", onclick: () => load(false) });
  const place = el("div");
  const search = input({ type: "search", id: "reg-search", maxlength: 100 });
  const whose = select([], { id: "reg-authority" });
  const whoseField = field(say("of.reg.authority"), whose);
  const tabs = el("div", { class: "switch", role: "group", "data-t-label": "of.reg.kinds", "aria-label": t("of.reg.kinds") },
    ...(/** @type {Kind[]} */ (["document", "certificate"])).map((one) => {
      const button = act(`of.reg.${one}`, { id: `reg-${one}`, onclick: () => {
        kind = one;
        for (const each of tabs.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === button));
        load(true);
      } });
      button.setAttribute("aria-pressed", String(one === kind));
      return button;
    }));
  const form = el("form", { class: "row", role: "search", novalidate: true }, search, act("of.reg.find", { icon: "search", type: "submit" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    load(true);
  });
  whose.addEventListener("change", () => load(true));
  const view = el("div", {}, say("of.reg.title", "h2", { tabindex: "-1" }), tabs, whoseField,
    el("div", { class: "field" }, el("label", { for: "reg-search" }, say("of.reg.search")), say("of.reg.search-hint", "span", { class: "hint" }), form),
    place, list, el("div", { class: "buttons center" }, more));

  /** @param {boolean} isNew */
  async function load(isNew) {
    const mine = ++turn;
    if (isNew) {
      next = null;
      list.replaceChildren();
    }
    more.hidden = true;
    place.replaceChildren(say("of.reg.loading", "p", { class: "soft" }));
    let shown = 0;
    // A page may hold nothing and still lead on: what is looked for may lie further back.
    for (let pages = 0; pages < 20; pages++) {
      const query = new URLSearchParams({ kind, limit: "30", ...(search.value.trim() ? { q: search.value.normalize("NFC").trim() } : {}), ...(next ? { before: next } : {}) });
      const answer = await askJson(`/v1/registers/${encodeURIComponent(whose.value)}?${query}`);
      if (mine !== turn) return;
      if (answer.kind !== "ok") {
        place.replaceChildren(answer.kind === "refused" || answer.kind === "missing" ? problemNote({ code: answer.code, detail: "" }) : say("of.offline-now", "p", { class: "note warn", role: "alert" }));
        return;
      }
      ({ next } = answer.value);
      list.append(...answer.value.items.map(row));
      shown += answer.value.items.length;
      if (shown || next === null) break;
    }
    more.hidden = next === null;
    place.replaceChildren(list.children.length ? "" : say(next === null ? "of.reg.none" : "of.reg.not-yet", "p"));
    announce(`${list.children.length}`);
  }

  /** @param {any} record */
  function row(record) {
    const open = el("button", { type: "button", class: "open", onclick: () => openRecord(record, () => load(true)) },
      el("span", { class: "what" }, ...nameParts(record)), standing(record.subject.status),
      el("span", { class: "more" }, ...(record.body.abstract ? [record.body.abstract, " · "] : []), say("of.reg.recorded"), " ", time(record.time_ms)));
    return el("li", { "data-record": record.id }, open);
  }

  function show() {
    const member = desk.keys.find((key) => key.state === "ready" && key.roles.some((role) => role === "office" || role === "issuer"))?.member ?? desk.keys[0]?.member;
    if (!member) return;
    const all = authoritiesOf(member);
    const chosen = whose.value;
    whose.replaceChildren(...all.map((id) => el("option", { value: id }, nameOf(id))));
    if (all.includes(chosen)) whose.value = chosen;
    whoseField.hidden = all.length < 2;
    load(true);
  }

  return { view, show };
}

/** @param {any} record @returns {(Node|string)[]} */
function nameParts(record) {
  const { body } = record;
  if (record.subject.kind === "certificate") return [sayOr(`schema.${body.schema}`, body.schema), " · ", el("span", { class: "code-link" }, codeText(record.id))];
  const number = body.number ? `${body.number}${body.symbol ? `/${body.symbol}` : ""}` : "";
  const code = el("span", { class: "code-link" }, codeText(record.id));
  if (body.commitment) return [say("of.private-paper"), " · ", code];
  return [number ? `${number} · ` : "", body.kind ? sayOr(`doc-kind.${body.kind}`, body.kind) : say("ex.document"), ...(number ? [] : [" · ", code])];
}

/** @param {any} record @param {() => void} onchange */
async function openRecord(record, onchange) {
  const { body, subject } = record;
  const place = el("div");
  const isCertificate = subject.kind === "certificate";
  const state = el("p", {}, standing(subject.status));
  const known = el("div");
  const rows = /** @type {[string, any][]} */ ([
    ["fact.number", body.number ? `${body.number}${body.symbol ? `/${body.symbol}` : ""}` : null],
    ["field.kind", body.kind && sayOr(`doc-kind.${body.kind}`, body.kind)],
    ["field.date", body.date && showDay(body.date)],
    ["field.abstract", body.abstract],
    ["field.schema", isCertificate ? sayOr(`schema.${body.schema}`, body.schema) : null],
    ["of.reg.code", el("span", { class: "code-link" }, codeText(record.id))],
    ["field.hash", body.hash && hash(body.hash)],
    ["field.commitment", body.commitment && hash(body.commitment)],
    ["ex.since", time(subject.since_ms)],
  ]);
  const receipt = act("of.receipt", { icon: "receipt", id: "record-receipt", onclick: () => guarded(receipt, place, async () => {
    const text = (await receiptsOf([record.id])).get(record.id);
    if (text === undefined) place.replaceChildren(say("of.offline-now", "p", { class: "note warn" }));
    else save(`${codeText(record.id)}.tlog-proof`, text, "application/octet-stream");
  }) });
  const links = el("div", { class: "buttons" },
    el("a", { class: "button", href: `/c/${codeText(record.id).replaceAll("-", "")}`, target: "_blank", rel: "noopener" }, icon("good"), say("of.reg.verify")),
    receipt,
    el("a", { class: "button quiet", href: `/so-cai/ban-ghi/${record.id}`, target: "_blank", rel: "noopener" }, say("of.reg.explorer")));
  const deeds = el("div", { class: "deeds" });
  const box = dialog("of.reg.record", [state, facts(rows), known, links, deeds, place]);

  /** @type {any} */
  let standingNow = null;
  if (isCertificate) {
    const answer = await askJson(`/v1/certificates/${subject.id}`);
    standingNow = answer.kind === "ok" ? answer.value.certificates.find((/** @type {any} */ one) => one.authority === record.authority) : null;
    if (standingNow) {
      known.replaceChildren(facts([
        ["field.valid_from", standingNow.valid_from && showDay(standingNow.valid_from)], ["field.valid_until", standingNow.valid_until && showDay(standingNow.valid_until)],
        ["field.reason", standingNow.reason && sayOr(`reason.${standingNow.reason}`, standingNow.reason)],
        ["of.reg.papers", String(standingNow.papers.length)],
      ]));
    }
  }
  if (isCertificate && lookingKey()) {
    deeds.append(act("of.look", { kind: "small", icon: "lock", id: "look", onclick: () => {
      box.close();
      openContents(record, standingNow);
    } }));
  }
  for (const deed of deedsOf(record, standingNow)) {
    deeds.append(act(`of.deed.${deed.name}`, { kind: deed.isGrave ? "danger small" : "small", id: `deed-${deed.name}`, onclick: () => {
      box.close();
      openDeed(record, deed, onchange);
    } }));
  }
}

/**
 * @typedef {{name: string, type: string, isGrave?: boolean, needs: "reason"|"file"|"day"|"document"|"nothing", after?: string|null}} Deed
 * @param {any} record
 * @param {any} standingNow of a certificate
 * @returns {Deed[]}
 */
function deedsOf(record, standingNow) {
  const { kind, status } = record.subject;
  /** @type {Deed[]} */
  const all = kind === "document"
    ? status === "in-force"
      ? [{ name: "supersede", type: "doc.supersede/1", needs: "document" }, { name: "correct", type: "doc.correct/1", needs: "document" }, { name: "withdraw", type: "doc.withdraw/1", needs: "reason", isGrave: true }]
      : []
    : status === "in-force"
      ? [
        ...(standingNow?.valid_until ? [/** @type {Deed} */ ({ name: "renew", type: "cert.renew/1", needs: "day", after: standingNow.valid_until })] : []),
        { name: "paper", type: "cert.paper/1", needs: "file" }, { name: "suspend", type: "cert.suspend/1", needs: "reason" }, { name: "revoke", type: "cert.revoke/1", needs: "reason", isGrave: true },
      ]
      : status === "suspended" ? [{ name: "reinstate", type: "cert.reinstate/1", needs: "nothing" }, { name: "revoke", type: "cert.revoke/1", needs: "reason", isGrave: true }] : [];
  return all.filter((deed) => keyFor(deed.type) !== null);
}

/** Reasons of a type of record, as its field table lists them. @param {string} type @returns {string[]} */
function reasonsOf(type) {
  const found = RECORD_TYPES[type].fields.find(([name]) => name === "reason");
  return found ? /** @type {string[]} */ (found[2][1]) : [];
}

/**
 * @param {any} record
 * @param {Deed} deed
 * @param {() => void} onchange
 */
function openDeed(record, deed, onchange) {
  const { subject } = record;
  const place = el("div");
  /** @type {Record<string, any>} */
  const more = {};
  const asked = [];
  if (deed.needs === "reason") {
    const reason = select([["", say("of.deed.choose-reason")], ...reasonsOf(deed.type).map((code) => /** @type {[string, Node]} */ ([code, say(`reason.${code}`)]))], { id: "deed-reason", "aria-required": "true" });
    reason.addEventListener("change", () => (more.reason = reason.value || undefined));
    asked.push(field(say("of.deed.reason"), reason));
  } else if (deed.needs === "day") {
    const day = input({ type: "date", id: "deed-day", min: deed.after ?? null, "aria-required": "true" });
    day.addEventListener("change", () => (more.valid_until = day.value || undefined));
    asked.push(field(say("of.deed.day"), day, { hint: el("span", {}, say("of.deed.day-hint"), " ", showDay(deed.after ?? "")) }));
  } else if (deed.needs === "file") {
    const chosen = el("p", { class: "chosen" });
    asked.push(chooser({ titleKey: "of.deed.paper-choose", buttonKey: "of.choose", noteKey: "of.anchor.stays", accept: "application/pdf,.pdf", id: "deed-file", onfiles: async ([file]) => {
      more.hash = await hashFile(file);
      chosen.replaceChildren(icon("file"), ` ${file.name}`);
    } }), chosen);
  } else if (deed.needs === "document") asked.push(otherDocument(record, more));
  const go = act(`of.deed.${deed.name}.do`, { kind: deed.isGrave ? "danger" : "primary", icon: "lock", id: "deed-do", onclick: () => guarded(go, place, enact) });
  const body = el("div", {}, el("p", {}, el("strong", {}, ...nameParts(record))), say(`of.deed.${deed.name}.text`, "p"), ...asked, place, el("div", { class: "buttons" }, go));
  const box = dialog(`of.deed.${deed.name}`, [body], onchange);

  async function enact() {
    if (deed.needs !== "nothing" && !Object.values(more).some((one) => one !== undefined)) {
      place.replaceChildren(say("of.deed.missing", "p", { class: "error", role: "alert" }));
      return;
    }
    const key = keyFor(deed.type);
    if (!key) return;
    const about = subject.kind === "document" ? { document: fromHex(subject.id) } : { certificate: fromHex(subject.id) };
    // Without it, the record of an authority with a four-letter identifier would have the 64 bytes that none may have.
    if (deed.type === "cert.reinstate/1") more.decision = "-";
    const title = `${record.body.number ?? codeText(record.id)}${record.body.symbol ? `/${record.body.symbol}` : ""}`;
    const [id] = await sign(key, deed.name, [{ record: encodeRecord(deed.type, { authority: subject.authority, ...about, ...more }), item: { title } }]);
    followDeed(id, body);
  }

  /** @param {number} id @param {HTMLElement} inside */
  function followDeed(id, inside) {
    const state = el("div", { id: "deed-state", tabindex: "-1" });
    inside.replaceChildren(state);
    // What had the focus is gone; a dialog without it is lost to the keyboard.
    state.focus();
    async function show() {
      const job = await jobOf(id);
      if (!job) return;
      const key = job.state === "final" ? "of.job.final-title" : job.state === "refused" ? "of.job.refused-title" : "of.job.waiting-title";
      state.replaceChildren(el("p", { "data-job": job.state }, jobTag(job)), say(key, "h3"), ...(job.problem ? [problemNote(job.problem)] : []), ...(job.state === "waiting" ? [say("of.job.waiting-text", "p", { class: "soft" })] : []));
      announce(t(key));
    }
    const stop = onQueue(() => (box.isConnected ? show() : stop()));
    show();
  }
}

/**
 * The other document of a replacement or correction: by its file, or by lookup code or digits.
 * @param {any} record
 * @param {Record<string, any>} more filled in
 */
function otherDocument(record, more) {
  const answer = el("div", { class: "chosen", "aria-live": "polite" });
  const typed = input({ id: "deed-code", maxlength: 80, spellcheck: "false", class: "input code" });

  /** @param {string} id the other's hash or commitment */
  async function take(id) {
    delete more.by;
    const found = await askJson(`/v1/documents/${id}`);
    if (found.kind !== "ok") {
      answer.replaceChildren(say(found.kind === "missing" ? "of.deed.not-anchored" : "of.offline-now", "p", { class: "error", role: "alert" }));
      return;
    }
    const mine = keyFor("doc.supersede/1")?.member;
    const other = found.value.anchors.find((/** @type {any} */ one) => one.subject.id === id && [record.subject.authority, mine].includes(one.subject.authority));
    if (!other || id === record.subject.id) {
      answer.replaceChildren(say("of.deed.not-anchored", "p", { class: "error", role: "alert" }));
      return;
    }
    more.by = fromHex(id);
    if (other.subject.authority !== record.subject.authority) more.by_authority = other.subject.authority;
    answer.replaceChildren(el("p", {}, icon("check"), " ", el("strong", {}, ...nameParts(other)), other.body.abstract ? ` · ${other.body.abstract}` : "", " ", standing(other.subject.status)));
  }

  typed.addEventListener("change", async () => {
    const text = typed.value.trim();
    if (/^[0-9a-fA-F]{64}$/.test(text)) return take(text.toLowerCase());
    let code;
    try {
      code = parseCode(text);
    } catch {
      answer.replaceChildren(say("todo.bad-code", "p", { class: "error" }));
      return;
    }
    const found = await askJson(`/v1/codes/${encodeURIComponent(code)}`);
    const first = found.kind === "ok" ? found.value.records[0] : null;
    if (first) await take(first.subject.id);
    else answer.replaceChildren(say("of.deed.not-anchored", "p", { class: "error", role: "alert" }));
  });
  return el("div", {}, chooser({ titleKey: "of.deed.by-choose", buttonKey: "of.choose", noteKey: "of.anchor.stays", id: "deed-file", onfiles: async ([file]) => take(toHex(await hashFile(file))) }),
    field(say("of.deed.by-code"), typed), answer);
}
