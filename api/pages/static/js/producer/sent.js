/** What was signed on this device: registered, or not yet, or refused and why. */

import { codeOf, fromHex, groupedCode } from "../../verify/index.js";
import { dialog, el, icon, save, say, time } from "../dom.js";
import { receiptsOf } from "../office/node.js";
import { problemNote } from "../office/problems.js";
import { dropJob, jobs, kick, onQueue, tryAgain } from "../office/queue.js";
import { hiddenErrorOf } from "../epcis/hiding.js";
import { errorOf } from "../epcis/record.js";
import { act, guarded } from "../office/ui.js";
import { deedLine } from "./naming.js";
import { choices } from "./forms.js";
import { hushFile, hushLine } from "./hush.js";
import { openShare } from "./show.js";
import { signRecord, stateTag } from "./signing.js";
import { shelf, stock } from "./shelf.js";

/** @typedef {import("../office/queue.js").Job} Job */

const A_PAGE = 30;
const MEDIA = "application/octet-stream";

/** The tab of what was signed. */
export function sentView() {
  const head = el("div");
  const list = el("ul", { class: "papers sent", id: "sent" });
  const more = el("div", { class: "buttons" });
  const keeping = hushFile(() => show());
  const view = el("div", {}, say("pr.sent.title", "h2", { tabindex: "-1" }), say("pr.sent.text", "p", { class: "soft" }), head, list, more, keeping.whole);
  let count = A_PAGE;
  let shown = "";

  async function show() {
    const all = (await jobs()).reverse();
    const now = JSON.stringify([count, all.map((job) => [job.id, job.state, job.problem?.code]), [...shelf.mistakes]]);
    if (now === shown) return;
    shown = now;
    keeping.show();
    const waiting = all.filter((job) => job.state === "waiting" || job.state === "sent").length;
    head.replaceChildren(...(waiting ? [el("div", { class: "note warn" }, el("p", {}, el("strong", {}, String(waiting)), " ", say("pr.sent.waiting")), el("div", { class: "buttons" }, act("pr.sent.now", { id: "send-now", onclick: kick })))] : []));
    list.replaceChildren(...all.slice(0, count).map(row));
    if (!all.length) list.replaceChildren(say("pr.sent.none", "li", { class: "soft empty" }));
    more.replaceChildren(...(all.length > count ? [act("pr.sent.older", { onclick: () => {
      count += A_PAGE;
      show();
    } })] : []));
  }

  /** @param {Job} job */
  function row(job) {
    const place = el("div");
    const [item] = job.items;
    const isFinal = job.state === "final";
    const isRefused = job.state === "refused";
    const isMistake = shelf.mistakes.has(item.recordId);
    return el("li", { class: "job", "data-job": job.state === "sent" ? "waiting" : job.state, "data-record": item.recordId },
      el("div", { class: "what" }, stateTag(job), item.what === "event" ? null : el("span", {}, say(`pr.what.${item.what}`), ": ", item.title),
        isMistake ? el("span", { class: "tag ended", "data-mistake": "true" }, icon("cross"), say("pr.mistake.said")) : null),
      item.what === "event" ? el("ol", { class: "story" }, deedLine({ ...item, state: "" })) : null, hushLine(item),
      el("span", { class: "more" }, say("pr.sent.signed"), " ", time(job.createdMs),
        isFinal ? el("a", { href: `/c/${codeOf(fromHex(item.recordId))}`, class: "code-link", target: "_blank", rel: "noopener" }, groupedCode(codeOf(fromHex(item.recordId)))) : null),
      isRefused ? el("div", { class: "refusal" }, problemNote(/** @type {any} */ (job.problem)), say(/** @type {any} */ (job.problem)?.retry ? "pr.refused.retry" : "pr.refused.do", "p", { class: "soft" })) : null,
      el("div", { class: "buttons" },
        isFinal ? act("pr.receipt", { kind: "small", icon: "receipt", onclick: (event) => guarded(/** @type {HTMLElement} */ (event.currentTarget), place, () => saveReceipt(item, place)) }) : null,
        isFinal && item.hidden ? act("pr.share", { kind: "small", icon: "lock", onclick: () => openShare(item) }) : null,
        isFinal && item.what === "event" && item.event && !isMistake ? act("pr.mistake", { kind: "small quiet", onclick: () => openMistake(item) }) : null,
        isRefused && /** @type {any} */ (job.problem)?.retry ? act("pr.again", { kind: "small primary", onclick: () => tryAgain(job) }) : null,
        isFinal ? null : act("pr.drop", { kind: "small quiet", onclick: () => openDrop(job) })), place);
  }

  onQueue(() => {
    if (view.isConnected) show();
  });
  return { view, show };
}

/** @param {any} item @param {HTMLElement} place */
async function saveReceipt(item, place) {
  const found = (await receiptsOf([item.recordId])).get(item.recordId);
  if (found === undefined) place.replaceChildren(say("pr.offline-now", "p", { class: "error", role: "alert" }));
  else save(`${item.recordId.slice(0, 12)}.tlog-proof`, found, MEDIA);
}

/** The ledger forgets nothing: what was written down wrongly is declared to be an error. @param {any} item */
function openMistake(item) {
  const place = el("div");
  const reason = choices("pr.mistake.which", [{ value: "incorrect_data", title: say("pr.mistake.incorrect_data"), more: say("pr.mistake.incorrect_data-more") }, { value: "did_not_occur", title: say("pr.mistake.did_not_occur"), more: say("pr.mistake.did_not_occur-more") }], { id: "mistake-reason" });
  const go = act("pr.mistake.do", { kind: "danger", id: "mistake-do", onclick: () => guarded(go, place, async () => {
    const why = /** @type {any} */ (reason.value);
    const body = item.hidden ? await hiddenErrorOf(item.event, item.hidden.pointers, fromHex(item.hidden.tag), why, Date.now()) : await errorOf(item.event, why, Date.now());
    await signRecord("epcis.error/1", body, { what: "error", id: item.recordId, title: item.title });
    box.close();
  }) });
  const box = dialog("pr.mistake.title", [el("ol", { class: "story" }, deedLine({ ...item, state: "" })), say("pr.mistake.text", "p"), reason.whole, place, el("div", { class: "buttons" }, go)]);
}

/** @param {Job} job */
function openDrop(job) {
  const go = act("pr.drop.do", { kind: "danger", id: "drop-do", onclick: async () => {
    await dropJob(/** @type {number} */ (job.id));
    await stock();
    box.close();
  } });
  const box = dialog("pr.drop", [say(job.state === "refused" ? "pr.drop.refused" : "pr.drop.waiting", "p"), el("div", { class: "buttons" }, go)]);
}

/** A line for all pages: how much is not registered yet. @param {HTMLElement} line @param {boolean} isOnline */
export async function waitingLine(line, isOnline) {
  const all = await jobs();
  const waiting = all.filter((job) => job.state === "waiting" || job.state === "sent").length;
  const refused = all.filter((job) => job.state === "refused").length;
  line.hidden = !waiting && !refused;
  line.className = `waiting ${refused ? "bad" : ""}`;
  line.replaceChildren(el("a", { href: "#da-ky" }, icon(refused ? "alarm" : "expired"),
    el("span", {}, ...(waiting ? [el("strong", {}, String(waiting)), " ", say("pr.waiting"), isOnline ? "" : el("span", { class: "soft" }, " · ", say("pr.waiting-offline"))] : []),
      ...(refused ? [waiting ? " · " : "", el("strong", {}, String(refused)), " ", say("pr.refused")] : []))));
}
