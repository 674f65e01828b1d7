/**
 * What was signed, as its officer sees it: on the ledger or not yet, receipts, stamped copies, packs to hand over.
 *
 * Rules: a file leaves this device in one case only, and that is asked for in so many words each time: to be stamped. What is handed
 * over holds what the holder needs to prove everything with no server.
 */

import { codeOf, encodeRecord, fromHex, groupedCode, hashFile, toHex } from "../../verify/index.js";
import { dialog, el, facts, icon, save, say, time } from "../dom.js";
import { t } from "../words.js";
import { keyFor } from "./desk.js";
import { askSigned, forEach, receiptsOf } from "./node.js";
import { holderFiles, keyOf } from "./packs.js";
import { problemNote } from "./problems.js";
import { changed, dropJob, jobOf, jobs, keepJob, onQueue, sign, tryAgain, underWay } from "./queue.js";
import { act, announce, chooser, guarded, jobTag } from "./ui.js";
import { fileName, zipped } from "./zip.js";

/** @typedef {import("./queue.js").Job} Job */

const PROOF = "application/octet-stream";

/** Files that were chosen in this tab, by their hash: for stamping without choosing them again. @type {Map<string, File>} */
export const filesHere = new Map();

/**
 * A panel over one or several jobs that were signed together; it follows them.
 * @param {number[]} ids
 * @param {{onagain?: () => void, againKey?: string}} options
 */
export function jobPanel(ids, { onagain, againKey } = {}) {
  const head = say("of.job.busy", "h2", { tabindex: "-1", id: "job-title" });
  const state = el("div", { class: "job-state" });
  const body = el("div");
  const messages = el("div");
  const panel = el("section", { class: "card job", "aria-labelledby": "job-title" }, head, state, messages, body);
  let shown = "";
  let heard = "";

  async function show() {
    const found = /** @type {Job[]} */ ((await Promise.all(ids.map((id) => jobOf(id)))).filter(Boolean));
    const papers = (await jobs()).filter((job) => job.kind === "papers" && found.some((one) => one.items.some((item) => job.items[0]?.issueRecord === item.recordId)));
    const isFinal = found.length > 0 && found.every((job) => job.state === "final");
    const isRefused = found.some((job) => job.state === "refused");
    const key = isRefused ? "of.job.refused-title" : isFinal ? "of.job.final-title" : "of.job.waiting-title";
    head.setAttribute("data-t", key);
    head.textContent = t(key);
    panel.setAttribute("data-job", isRefused ? "refused" : isFinal ? "final" : "waiting");
    if (heard !== key) announce(t(key));
    heard = key;
    state.replaceChildren(...progressOf(), ...(isFinal || isRefused ? [] : [say("of.job.waiting-text", "p", { class: "soft" })]),
      ...found.filter((job) => job.problem).map((job) => problemNote(/** @type {any} */ (job.problem))),
      ...(found.some((job) => job.state === "refused") ? [say("of.job.refused-text", "p", { class: "soft" })] : []));
    const now = JSON.stringify([found.map((job) => [job.state, job.next, job.items.length, job.items.some((item) => item.claims)]), papers.map((job) => job.state)]);
    if (now === shown) return;
    shown = now;
    body.replaceChildren(...contents(found, papers), el("div", { class: "buttons" }, onagain && againKey ? act(againKey, { kind: "quiet", icon: "back", onclick: onagain }) : null));
  }

  /**
   * @param {Job[]} found
   * @param {Job[]} papers
   * @returns {Node[]}
   */
  function contents(found, papers) {
    if (!found.length) return [say("of.job.gone", "p")];
    if (found[0].kind === "documents") return documents(found, messages);
    if (found[0].kind === "certificates") return certificates(found, papers, messages);
    return [el("ul", { class: "plain" }, ...found.flatMap((job) => job.items.map((item) => el("li", {}, jobTag(job), " ", item.title ?? ""))))];
  }

  const stop = onQueue(() => {
    if (panel.isConnected) show();
    else if (shown) stop();
  });
  show();
  return panel;
}

/** @returns {Node[]} */
export function progressOf() {
  const doing = underWay();
  if (!doing) return [];
  return [el("p", { class: "doing" }, spinner(), say(doing.key), doing.of ? ` ${doing.done}/${doing.of}` : ""),
    ...(doing.of ? [el("progress", { max: doing.of, value: doing.done, "aria-label": t(doing.key), "data-t-label": doing.key })] : [])];
}

function spinner() {
  const sign = icon("busy");
  sign.classList.add("spin");
  return sign;
}

/** @param {string} recordId */
export function codeText(recordId) {
  return groupedCode(codeOf(fromHex(recordId)));
}

/** @param {string} recordId */
function verifyLink(recordId) {
  return el("a", { href: `/c/${codeOf(fromHex(recordId))}`, class: "code-link", target: "_blank", rel: "noopener" }, codeText(recordId));
}

// -- documents ---------------------------------------------------------------------------------------------------------

/**
 * @param {Job[]} found
 * @param {HTMLElement} messages
 * @returns {Node[]}
 */
function documents(found, messages) {
  const rows = found.flatMap((job) => job.items.map((item) => ({ job, item })));
  const isFinal = found.every((job) => job.state === "final");
  const table = el("ul", { class: "papers" }, ...rows.map(({ job, item }) => el("li", { "data-record": item.recordId },
    el("span", { class: "what" }, item.name, item.salt ? el("span", { class: "tag" }, icon("lock"), say("of.private")) : null),
    el("span", { class: "more" }, jobTag(job), " ", job.state === "final" ? verifyLink(item.recordId) : null),
    job.state === "final" ? act("of.receipt", { kind: "small", icon: "receipt", onclick: (event) => guarded(/** @type {HTMLElement} */ (event.currentTarget), messages, () => saveReceipt(item, messages)) }) : null)));
  if (!isFinal) return [table];
  const all = rows.map(({ item }) => item);
  const stampable = all.filter((item) => !item.salt && /\.pdf$/i.test(item.name));
  const zip = act("of.receipts-zip", { kind: "primary", icon: "save", id: "receipts-zip", onclick: () => guarded(zip, messages, () => saveReceipts(all, messages)) });
  const stamp = act("of.stamp", { icon: "print", id: "stamp", onclick: () => openStamp(stampable) });
  return [
    el("div", { class: "buttons" }, zip, stampable.length ? stamp : null),
    all.some((item) => item.salt) ? el("div", { class: "note warn" }, say("of.salt-note", "p")) : null,
    table,
  ].filter((one) => one !== null);
}

/** @param {any} item @param {HTMLElement} messages */
async function saveReceipt(item, messages) {
  const receipt = (await receiptsOf([item.recordId])).get(item.recordId);
  if (receipt === undefined) return offline(messages);
  const name = fileName(item.name);
  if (!item.salt) return save(`${name}.tlog-proof`, receipt, PROOF);
  saveBlob(`${name}.zip`, zipped([{ name: `${name}.tlog-proof`, content: receipt }, { name: `${name}.salt`, content: item.salt }]));
}

/** @param {any[]} items @param {HTMLElement} messages */
async function saveReceipts(items, messages) {
  const receipts = await receiptsOf(items.map((item) => item.recordId));
  if (receipts.size < items.length) return offline(messages);
  saveBlob(`bien-nhan-${stampOfNow()}.zip`, zipped(items.flatMap((item) => {
    const name = fileName(item.name);
    const receipt = { name: `${name}.tlog-proof`, content: /** @type {string} */ (receipts.get(item.recordId)) };
    return item.salt ? [receipt, { name: `${name}.salt`, content: item.salt }] : [receipt];
  })));
}

/** @param {HTMLElement} messages */
function offline(messages) {
  messages.replaceChildren(say("of.offline-now", "p", { class: "note warn", role: "alert" }));
}

function stampOfNow() {
  return new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 16).replace(/[-:]/g, "").replace("T", "-");
}

/** @param {string} name @param {Blob} blob */
function saveBlob(name, blob) {
  save(name, /** @type {any} */ (blob), "application/zip");
}

/** Ask, send, save: the one place where files leave this device. @param {any[]} items */
function openStamp(items) {
  const place = el("div");
  const list = el("ul", { class: "plain" });
  const go = act("of.stamp.send", { kind: "primary", icon: "print", id: "stamp-send", onclick: () => guarded(go, place, stampAll) });
  const missing = () => items.filter((item) => !filesHere.has(item.hash));
  const choose = chooser({ titleKey: "of.stamp.choose", buttonKey: "of.choose", multiple: true, accept: "application/pdf,.pdf", id: "stamp-files", onfiles: async (files) => {
    for (const file of files) filesHere.set(toHex(await hashFile(file)), file);
    show();
  } });

  function show() {
    choose.hidden = !missing().length;
    go.hidden = missing().length === items.length;
    list.replaceChildren(...items.map((item) => el("li", {}, icon(filesHere.has(item.hash) ? "check" : "dash"), " ", item.name)));
  }

  async function stampAll() {
    const key = keyFor("doc.anchor/1");
    const ready = items.filter((item) => filesHere.has(item.hash));
    if (!key) return offline(place);
    /** @type {{name: string, content: Uint8Array}[]} */
    const made = [];
    /** @type {{record: Uint8Array, item: any}[]} */
    const stated = [];
    let count = 0;
    await forEach(ready, async (item) => {
      const pdf = new Uint8Array(await /** @type {File} */ (filesHere.get(item.hash)).arrayBuffer());
      const answer = await askSigned(key, "/v1/papers/stamp", "stamp", [fromHex(item.recordId), location.origin, pdf], true);
      place.replaceChildren(...[...place.children].filter((one) => one.tagName !== "PROGRESS"), el("progress", { max: ready.length, value: ++count, "aria-label": t("of.stamp"), "data-t-label": "of.stamp" }));
      if (answer.kind === "ok") {
        const name = `${fileName(item.name).replace(/\.pdf$/i, "")}-dong-dau.pdf`;
        made.push({ name, content: answer.value });
        const body = { authority: key.member, document: fromHex(item.hash), hash: await hashFile(new Blob([/** @type {BlobPart} */ (answer.value)])) };
        stated.push({ record: encodeRecord("doc.paper/1", body), item: { name } });
      } else place.append(el("p", {}, item.name), problemNote(answer.problem ?? { code: "node.offline", detail: "the node does not answer" }));
    }, 2);
    // Each copy is a file of its own: stated as a paper of its document, it is in force for as long as that is.
    if (stated.length) await sign(key, "stamps", stated);
    if (made.length === 1) save(made[0].name, made[0].content, "application/pdf");
    else if (made.length) saveBlob(`dong-dau-${stampOfNow()}.zip`, zipped(made));
    if (made.length === ready.length) box.close();
  }

  const box = dialog("of.stamp", [
    el("div", { class: "note warn" }, say("of.stamp.leaves", "p")), say("of.stamp.text", "p"), list, choose, place, el("div", { class: "buttons" }, go),
  ]);
  show();
}

// -- certificates ------------------------------------------------------------------------------------------------------

/**
 * @param {Job[]} found
 * @param {Job[]} papers
 * @param {HTMLElement} messages
 * @returns {Node[]}
 */
function certificates(found, papers, messages) {
  const rows = found.flatMap((job) => job.items.map((item) => ({ job, item })));
  const isFinal = found.every((job) => job.state === "final");
  const isPrinting = isFinal && (found.some((job) => job.next !== null) || papers.some((job) => job.state === "waiting" || job.state === "sent"));
  const withPaper = new Set(papers.filter((job) => job.state === "final").flatMap((job) => job.items.map((item) => item.issueRecord)));
  const list = el("ul", { class: "papers" }, ...rows.slice(0, 500).map(({ job, item }) => el("li", { "data-record": item.recordId },
    el("span", { class: "what" }, `${item.label ?? ""}`, el("span", { class: "soft" }, " · ", say("of.row"), ` ${item.row}`)),
    el("span", { class: "more" }, jobTag(job), " ", job.state === "final" ? verifyLink(item.recordId) : null,
      withPaper.has(item.recordId) ? el("span", { class: "tag good" }, icon("file"), say("of.paper-anchored")) : null))));
  const parts = [];
  const problem = found.find((job) => /** @type {any} */ (job).paperProblem);
  if (problem) parts.push(say("of.paper-failed", "p"), problemNote(/** @type {any} */ (problem).paperProblem));
  if (isPrinting) parts.push(say("of.papers-coming", "p", { class: "soft" }));
  const isHanded = rows.every(({ item }) => !item.claims);
  if (isFinal && !isPrinting && !isHanded) {
    const pack = act("of.pack", { kind: "primary", icon: "save", id: "pack", onclick: () => guarded(pack, messages, () => savePack(rows, papers, messages)) });
    const clear = act("of.handed", { kind: "quiet", id: "handed", onclick: () => openHanded(found, papers) });
    parts.push(el("div", { class: "buttons" }, pack, clear), say("of.pack-note", "p", { class: "soft small" }));
  }
  if (isHanded) parts.push(say("of.handed-done", "p", { class: "soft" }));
  return [...parts, list];
}

/**
 * @param {{job: Job, item: any}[]} rows
 * @param {Job[]} papers
 * @param {HTMLElement} messages
 */
async function savePack(rows, papers, messages) {
  const pdfs = new Map(papers.flatMap((job) => job.items.map((item) => [item.issueRecord, item.pdf])));
  const files = await holderFiles(rows.map(({ job, item }) => ({ item, key: keyOf(job.key), pdf: pdfs.get(item.recordId) ?? null })));
  if (files === null) return offline(messages);
  if (rows.some(({ job }) => keyOf(job.key) === null)) messages.replaceChildren(say("of.pack-no-credential", "p", { class: "note warn", role: "alert" }));
  saveBlob(`ban-giao-${stampOfNow()}.zip`, zipped(files));
}

/** @param {Job[]} found @param {Job[]} papers */
function openHanded(found, papers) {
  const place = el("div");
  const go = act("of.handed.do", { kind: "danger", id: "handed-do", onclick: () => guarded(go, place, async () => {
    for (const job of found) await keepJob({ ...job, vault: [], vaultDone: 0, items: job.items.map(({ claims, salt, label, ...item }) => item) });
    for (const job of papers) await dropJob(/** @type {number} */ (job.id));
    changed();
    box.close();
  }) });
  const box = dialog("of.handed", [say("of.handed.text", "p"), found.some((job) => job.items.some((item) => !item.inVault)) ? el("div", { class: "note warn" }, say("of.handed.no-vault", "p")) : null, place, el("div", { class: "buttons" }, go)]);
}

// -- everything that was signed ----------------------------------------------------------------------------------------

/** @param {(ids: number[]) => void} open */
export function queueView(open) {
  const list = el("div");
  const view = el("div", {}, say("of.queue.title", "h2", { tabindex: "-1" }), say("of.queue.lead", "p", { class: "soft" }), el("div", { class: "job-state" }), list);

  async function show() {
    const state = /** @type {HTMLElement} */ (view.querySelector(".job-state"));
    state.replaceChildren(...progressOf());
    const found = (await jobs()).reverse();
    if (!found.length) return list.replaceChildren(say("of.queue.none", "p"));
    list.replaceChildren(el("ul", { class: "papers" }, ...found.map((job) => el("li", { "data-id": job.id },
      el("span", { class: "what" }, say(`of.kind.${job.kind}`), ` · ${job.items.length}`, " ", jobTag(job)),
      el("span", { class: "more" }, time(job.createdMs), job.items[0]?.name ? ` · ${job.items[0].name}` : "", job.items[0]?.title ? ` · ${job.items[0].title}` : "", job.items.length > 1 ? " …" : ""),
      job.problem ? problemNote(job.problem) : null,
      el("span", { class: "buttons" },
        job.kind === "documents" || job.kind === "certificates" ? act("of.open", { kind: "small", onclick: () => open([/** @type {number} */ (job.id)]) }) : null,
        job.state === "refused" && job.problem?.retry ? act("of.queue.again", { kind: "small", onclick: () => tryAgain(job) }) : null,
        act("of.queue.drop", { kind: "small quiet", onclick: () => openDrop(job) }))))));
  }

  /** @param {Job} job */
  function openDrop(job) {
    const isGone = job.state === "final" || job.state === "refused";
    const go = act("of.queue.drop-do", { kind: "danger", onclick: async () => {
      await dropJob(/** @type {number} */ (job.id));
      box.close();
    } });
    const box = dialog("of.queue.drop", [facts([["of.queue.what", say(`of.kind.${job.kind}`)], ["of.queue.when", time(job.createdMs)]]),
      say(isGone ? "of.queue.drop-final" : "of.queue.drop-waiting", "p"), el("div", { class: "buttons" }, go)]);
  }

  onQueue(() => {
    if (view.isConnected) show();
  });
  return { view, show };
}
