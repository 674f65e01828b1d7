/**
 * Anchoring documents, many with one signature.
 *
 * Rules: files are hashed on this device and stay here. What is anchored already is not signed again; a number that is taken, a name that
 * marks a secret, a person's data in a public field are said before anything is signed. A file's name fills in what it says; whoever
 * signs sees and may change all of it.
 */

import { LedgerError, RECORD_TYPES, decode, encode, encodeRecord, fileCommitment, fromBase64, fromHex, hashFile, toHex } from "../../verify/index.js";
import { askJson } from "../ask.js";
import { el, icon, say, time } from "../dom.js";
import { t } from "../words.js";
import { keyFor } from "./desk.js";
import { bookOf, isMarkedSecret, kindOf, numberIn, personalData } from "./gate.js";
import { filesHere, jobPanel } from "./jobs.js";
import { random } from "./keys.js";
import { forEach, send } from "./node.js";
import { problemNote, problemOf } from "./problems.js";
import { jobs, sign } from "./queue.js";
import { act, announce, checkbox, chooser, guarded, input, select } from "./ui.js";

/**
 * @typedef {{file: File, name: string, hash: string, media: string, isPrivate: boolean, known: any, holder: any, isContinuing: boolean, problem: string|null,
 *   inputs: Record<string, HTMLInputElement|HTMLSelectElement>, row: HTMLElement, state: HTMLElement, last: string, shown: string}} Paper
 */

/** How long after a change all papers are judged again: many changes at once are one. */
const SETTLE_MS = 40;
const MANY = 40;
const SETTLE_MANY_MS = 500;
/** Papers that are hashed and asked about at one time. */
const TOGETHER = 8;
const FIELDS = ["number", "symbol", "kind", "date", "abstract"];

/** Codes of the field `kind`, as the ledger knows them. */
function kinds() {
  const [, , kind] = RECORD_TYPES["doc.anchor/1"].fields.find(([name]) => name === "kind") ?? ["", false, ["Choice", []]];
  return /** @type {string[]} */ (kind[1]);
}

export function anchorView() {
  /** @type {Paper[]} */
  let papers = [];
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let due;
  /** What is being asked of the ledger. @type {Set<Promise<void>>} */
  const asked = new Set();
  const place = el("div");
  const list = el("div", { class: "sheet", role: "group", "aria-label": t("of.anchor.list"), "data-t-label": "of.anchor.list" });
  const summary = el("p", { class: "grow", "aria-live": "polite" });
  const commit = act("of.anchor.sign", { kind: "primary", icon: "lock", id: "sign", onclick: () => guarded(commit, place, signAll) });
  const count = el("span", { class: "num" });
  commit.append(" ", count);
  const allDate = input({ type: "date", id: "all-date", "aria-label": t("of.anchor.all-date"), "data-t-label": "of.anchor.all-date" });
  allDate.addEventListener("change", () => {
    for (const paper of papers) if (!paper.inputs.date.value || paper.inputs.date.value === paper.last) paper.inputs.date.value = paper.last = allDate.value;
    check();
  });
  const allPrivate = checkbox(say("of.anchor.all-private"), { id: "all-private" });
  allPrivate.box.addEventListener("change", () => papers.forEach((paper) => setPrivate(paper, allPrivate.box.checked)));
  const add = chooser({ titleKey: "of.anchor.drop", buttonKey: "of.anchor.choose", noteKey: "of.anchor.stays", multiple: true, id: "office-files", primary: true, onfiles: take });
  const tools = el("div", { class: "tools" },
    el("span", { class: "tool" }, el("label", { for: "all-date" }, say("of.anchor.all-date")), allDate), allPrivate.whole);
  const bar = el("div", { class: "bar" }, summary, act("of.anchor.clear", { kind: "quiet", id: "clear", onclick: clear }), commit);
  const desktop = el("div", { hidden: true }, tools, list, place, bar);
  const start = el("div", {}, say("of.anchor.title", "h2", { tabindex: "-1" }), say("of.anchor.lead", "p", { class: "soft" }), add, desktop);
  const after = el("div");
  const view = el("div", {}, start, after);

  function clear() {
    papers = [];
    list.replaceChildren();
    allDate.value = "";
    allPrivate.box.checked = false;
    place.replaceChildren();
    show();
  }

  /** @param {File[]} files */
  async function take(files) {
    desktop.hidden = false;
    const fresh = files.map(newPaper);
    for (const paper of fresh) {
      papers.push(paper);
      list.append(paper.row);
    }
    show();
    await forEach(fresh, async (paper) => {
      await read(paper);
      if (paper.hash) await look(paper);
    }, TOGETHER);
    const marked = papers.find((paper) => paper.problem === "of.anchor.secret");
    announce(`${papers.length}`);
    if (marked) marked.row.scrollIntoView({ block: "nearest" });
  }

  /** @param {File} file @returns {Paper} */
  function newPaper(file) {
    const name = file.name.normalize("NFC");
    const said = numberIn(name);
    const inputs = {
      number: input({ maxlength: 20, class: "input small", inputmode: "text" }),
      symbol: input({ maxlength: 60, class: "input small", spellcheck: "false" }),
      kind: select([["", say("of.anchor.no-kind")], ...kinds().map((code) => /** @type {[string, Node]} */ ([code, say(`doc-kind.${code}`)]))]),
      date: input({ type: "date", class: "input small" }),
      abstract: input({ maxlength: 400, class: "input small" }),
    };
    inputs.number.value = said?.number ?? "";
    inputs.symbol.value = said?.symbol ?? "";
    inputs.kind.value = said ? kindOf(said.symbol) : "";
    inputs.date.value = allDate.value;
    const priv = checkbox(say("of.private"));
    const state = el("span", { class: "state" });
    /** @type {Paper} */
    const paper = {
      file, name, hash: "", media: file.type || (/\.pdf$/i.test(name) ? "application/pdf" : "application/octet-stream"), isPrivate: false, known: null, holder: null,
      isContinuing: false, problem: null, inputs, state, last: allDate.value, shown: "", row: el("fieldset", { class: "paper-row" }),
    };
    const cells = FIELDS.map((field) => el("label", { class: `cell ${field}` }, say(`field.${field}`, "span", { class: "cell-name" }), /** @type {any} */ (inputs)[field]));
    const drop = act("of.anchor.remove", { kind: "small quiet", onclick: () => {
      papers = papers.filter((one) => one !== paper);
      paper.row.remove();
      check();
    } });
    paper.row.append(el("legend", { class: "paper-name" }, name), ...cells, el("span", { class: "cell private" }, priv.whole), el("div", { class: "cell state-cell" }, state, drop));
    priv.box.addEventListener("change", () => setPrivate(paper, priv.box.checked));
    paper.row.addEventListener("set-private", () => (priv.box.checked = paper.isPrivate));
    inputs.symbol.addEventListener("change", () => {
      if (!inputs.kind.value) inputs.kind.value = kindOf(inputs.symbol.value.normalize("NFC").trim());
    });
    for (const one of Object.values(inputs)) one.addEventListener("change", () => {
      paper.holder = null;
      check();
      look(paper);
    });
    if (isMarkedSecret(name)) paper.problem = "of.anchor.secret";
    if (allPrivate.box.checked) setPrivate(paper, true);
    return paper;
  }

  /** @param {Paper} paper @param {boolean} isPrivate */
  function setPrivate(paper, isPrivate) {
    paper.isPrivate = isPrivate;
    paper.row.dispatchEvent(new CustomEvent("set-private"));
    for (const one of Object.values(paper.inputs)) one.disabled = isPrivate;
    check();
    look(paper);
  }

  /** Hash it; a paper whose name marks it as secret is not read. @param {Paper} paper */
  async function read(paper) {
    if (paper.problem === "of.anchor.secret") return check();
    paper.state.replaceChildren(say("of.anchor.hashing"));
    try {
      paper.hash = toHex(await hashFile(paper.file));
    } catch (error) {
      paper.problem = error instanceof LedgerError ? "of.anchor.too-large" : "of.anchor.unreadable";
      return check();
    }
    if (papers.some((one) => one !== paper && one.hash === paper.hash)) {
      paper.hash = "";
      papers = papers.filter((one) => one !== paper);
      paper.row.remove();
      return check();
    }
    filesHere.set(paper.hash, paper.file);
    check();
  }

  /** Ask whether it, or its number, is on the ledger already. @param {Paper} paper */
  async function look(paper) {
    const asking = askAbout(paper);
    asked.add(asking);
    await asking;
    asked.delete(asking);
  }

  /** @param {Paper} paper */
  async function askAbout(paper) {
    if (!paper.hash) return;
    const key = keyFor("doc.anchor/1");
    if (!key) return;
    if (paper.known === null) {
      const answer = await askJson(`/v1/documents/${paper.hash}`);
      if (answer.kind === "ok") paper.known = answer.value.anchors.find((/** @type {any} */ one) => one.authority === key.member && one.subject.id === paper.hash) ?? null;
      // A private paper is known to this browser alone: its commitment says nothing of the file.
      paper.known ??= await knownHere(paper.hash);
    }
    const { number, date } = valuesOf(paper);
    if (!paper.isPrivate && number && date && !paper.known) paper.holder = await holderOf(key.member, paper);
    check();
  }

  /** Judge all of them anew, in a moment: one paper's number is another one's business too. */
  function check() {
    due ??= setTimeout(settle, papers.length > MANY ? SETTLE_MANY_MS : SETTLE_MS);
  }

  function settle() {
    clearTimeout(due);
    due = undefined;
    /** @type {Map<string, number>} */
    const numbers = new Map();
    for (const paper of papers) {
      const key = paper.isPrivate || paper.known ? null : numberKey(paper);
      if (key !== null) numbers.set(key, (numbers.get(key) ?? 0) + 1);
    }
    for (const paper of papers) judge(paper, numbers);
    show();
  }

  /** @param {Paper} paper @param {Map<string, number>} numbers */
  function judge(paper, numbers) {
    const values = valuesOf(paper);
    if (paper.problem?.startsWith("of.wrong.") || paper.known) paper.problem = null;
    /** @type {[string, string]|null} */
    let wrong = null;
    let gate = "";
    if (!paper.problem && paper.hash && !paper.known && !paper.isPrivate) {
      const free = ["symbol", "abstract"].find((name) => personalData(values[name]));
      if (free) {
        wrong = [free, "of.wrong.personal"];
        gate = personalData(values[free]) ?? "";
      } else if (values.number && !/^[A-Za-z0-9./_-]{1,20}$/.test(values.number)) wrong = ["number", "of.wrong.number"];
      else if (values.number && !values.date) wrong = ["date", "of.wrong.date"];
      else if ((numbers.get(numberKey(paper) ?? "") ?? 0) > 1) wrong = ["number", "of.wrong.twice"];
      else if (paper.holder && !paper.isContinuing) wrong = ["number", "of.wrong.taken"];
    }
    if (wrong) paper.problem = wrong[1];
    const now = JSON.stringify([paper.problem, wrong, gate, Boolean(paper.hash), paper.known?.time_ms, paper.isContinuing && paper.holder !== null]);
    if (now === paper.shown) return;
    paper.shown = now;
    for (const [name, one] of Object.entries(paper.inputs)) {
      if (wrong?.[0] === name) one.setAttribute("aria-invalid", "true");
      else one.removeAttribute("aria-invalid");
    }
    paper.state.replaceChildren(...stateOf(paper, wrong, gate));
  }

  /** @param {Paper} paper @param {[string, string]|null} wrong @param {string} gate @returns {Node[]} */
  function stateOf(paper, wrong, gate) {
    if (wrong?.[1] === "of.wrong.personal") return [tag("bad", "cross", wrong[1]), el("span", {}, say(`field.${wrong[0]}`, "strong"), ": ", say(gate))];
    if (wrong?.[1] === "of.wrong.taken") {
      const box = checkbox(say("of.anchor.continues"));
      box.box.addEventListener("change", () => {
        paper.isContinuing = box.box.checked;
        check();
      });
      return [tag("bad", "cross", wrong[1]), box.whole];
    }
    if (paper.problem) return [tag("bad", "cross", paper.problem)];
    if (!paper.hash) return [say("of.anchor.hashing")];
    if (paper.known) return [tag("good", "check", "of.anchor.known"), time(paper.known.time_ms)];
    return [tag("", "check", paper.isContinuing && paper.holder ? "of.anchor.continuing" : "of.anchor.new")];
  }

  function show() {
    const ready = papers.filter((paper) => paper.hash && !paper.known && !paper.problem);
    const bad = papers.filter((paper) => paper.problem).length;
    const known = papers.filter((paper) => paper.known).length;
    desktop.hidden = !papers.length;
    add.classList.toggle("slim", papers.length > 0);
    count.textContent = ready.length ? `(${ready.length})` : "";
    commit.toggleAttribute("disabled", !ready.length || bad > 0 || papers.some((paper) => !paper.hash && !paper.problem));
    summary.replaceChildren(...[
      bad ? el("span", {}, el("strong", {}, bad), " ", say("of.anchor.bad-count")) : null,
      known ? el("span", {}, el("strong", {}, known), " ", say("of.anchor.known-count")) : null,
      !bad && !known && ready.length ? say("of.anchor.one-signature") : null,
    ].filter((one) => one !== null).flatMap((one, at) => (at ? [node(" · "), one] : [one])));
  }

  async function signAll() {
    // The last field may have been left by this very click.
    await Promise.all(asked);
    settle();
    const bad = papers.find((paper) => paper.problem || !paper.hash);
    if (bad) {
      bad.row.scrollIntoView({ block: "nearest" });
      return;
    }
    const key = keyFor("doc.anchor/1");
    if (!key) throw new LedgerError("office.no-key", "no key in this browser may anchor documents");
    const ready = papers.filter((paper) => paper.hash && !paper.known && !paper.problem);
    const vaultOpen = ready.some((paper) => paper.isPrivate) && (await hasVault());
    const things = [];
    for (const paper of ready) {
      try {
        things.push(await thingOf(paper, key.member, vaultOpen));
      } catch (error) {
        paper.state.replaceChildren(problemNote(problemOf(error)));
        paper.row.scrollIntoView({ block: "center" });
        return;
      }
    }
    const ids = await sign(key, "documents", things);
    start.hidden = true;
    const panel = jobPanel(ids, { againKey: "of.anchor.again", onagain: () => {
      after.replaceChildren();
      start.hidden = false;
      clear();
      /** @type {HTMLElement} */ (start.querySelector("h2")).focus();
    } });
    after.replaceChildren(panel);
    /** @type {HTMLElement} */ (panel.querySelector("h2")).focus();
    globalThis.scrollTo(0, 0);
  }

  show();
  return { view, show: () => papers.forEach(look) };
}

/** @param {string} text */
function node(text) {
  return document.createTextNode(text);
}

/** @param {string} kind @param {string} sign @param {string} key */
function tag(kind, sign, key) {
  return el("span", { class: `tag ${kind}`, "data-state": key }, icon(sign), say(key));
}

/** What is typed, in NFC. @param {Paper} paper @returns {Record<string, string>} */
function valuesOf(paper) {
  return Object.fromEntries(FIELDS.map((name) => [name, paper.inputs[name].value.normalize("NFC").replace(/\s+/g, " ").trim()]));
}

/** @param {Paper} paper */
function bookOfPaper(paper) {
  const values = valuesOf(paper);
  return bookOf(values.symbol, values.kind);
}

/** @param {Paper} paper */
function numberKey(paper) {
  const { number, date } = valuesOf(paper);
  return number && date ? JSON.stringify([bookOfPaper(paper) ?? "", date.slice(0, 4), number]) : null;
}

/**
 * The document that has a paper's number, if another one does.
 * @param {string} authority
 * @param {Paper} paper
 */
async function holderOf(authority, paper) {
  const { number, date } = valuesOf(paper);
  const row = toHex(/** @type {Uint8Array} */ (encode(["number", authority, bookOfPaper(paper) ?? "", Number(date.slice(0, 4)), number])));
  const answer = await askJson(`/v1/state/${row}`);
  if (answer.kind !== "ok" || !answer.value.present) return null;
  const id = decode(fromBase64(answer.value.value, "row.shape"));
  const record = id instanceof Uint8Array ? await askJson(`/v1/records/${toHex(id)}`) : null;
  return record?.kind === "ok" ? record.value.subject : null;
}

/** A private paper that this browser anchored before. @param {string} hash */
async function knownHere(hash) {
  for (const job of await jobs()) {
    if (job.kind === "documents" && job.state !== "refused" && job.items.some((item) => item.hash === hash)) return { time_ms: job.createdMs };
  }
  return null;
}

/** Whether the node has a vault that this page may use. */
export async function hasVault() {
  const answer = await send("/v1/vault/challenge", null);
  return answer.kind !== "refused";
}

/**
 * @param {Paper} paper
 * @param {string} authority
 * @param {boolean} vaultOpen
 */
async function thingOf(paper, authority, vaultOpen) {
  const item = { name: paper.name, hash: paper.hash };
  if (paper.isPrivate) {
    const salt = random(32);
    const commitment = await fileCommitment(paper.file, salt);
    /** @type {import("./queue.js").ForVault|undefined} */
    const vault = vaultOpen ? { owner: authority, kind: "document", identifier: commitment, content: salt } : undefined;
    return { record: encodeRecord("doc.anchor/1", { authority, commitment }), item: { ...item, salt: toHex(salt), commitment: toHex(commitment) }, vault };
  }
  const values = valuesOf(paper);
  /** @type {Record<string, any>} */
  const body = { authority, hash: fromHex(paper.hash), media_type: paper.media.split(";")[0].trim().toLowerCase(), size: paper.file.size };
  for (const name of FIELDS) if (values[name]) body[name] = values[name];
  const book = values.number ? bookOfPaper(paper) : null;
  if (book) body.book = book;
  if (paper.holder && paper.isContinuing) body.continues = fromHex(paper.holder.id);
  return { record: encodeRecord("doc.anchor/1", body), item: { ...item, title: values.number ? `${values.number}${values.symbol ? `/${values.symbol}` : ""}` : "" } };
}
