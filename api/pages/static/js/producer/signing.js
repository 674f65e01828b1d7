/** Signing one record for this producer: kept on the device first, and sent when there is a network (`office/queue.js`). */

import { LedgerError, encodeRecord } from "../../verify/index.js";
import "../../verify/records-goods.js";
import { el, icon, say } from "../dom.js";
import { keyFor } from "../office/desk.js";
import { problemNote } from "../office/problems.js";
import { dropJob, jobOf, onQueue, sign, tryAgain } from "../office/queue.js";
import { act, announce } from "../office/ui.js";
import { t } from "../words.js";
import { stock } from "./shelf.js";

/** @typedef {import("../office/queue.js").Job} Job */

/** @param {string} type */
export function signer(type) {
  const key = keyFor(type);
  if (!key) throw new LedgerError("producer.no-key", "no key in this browser may sign this");
  return key;
}

/**
 * @param {string} type of the record
 * @param {Record<string, any>} body fields without the authority; those that are undefined are left out
 * @param {any} item what people want to know of it
 * @returns {Promise<number>} the job
 */
export async function signRecord(type, body, item) {
  const key = signer(type);
  const whole = Object.fromEntries(Object.entries({ authority: key.member, ...body }).filter(([, value]) => value !== undefined && value !== ""));
  const [id] = await sign(key, item.what, [{ record: encoded(type, whole), item: { ...item, member: key.member } }]);
  await stock();
  return id;
}

/** No record has 64 bytes: such a one says nothing more, in a field that is there for that. @param {string} type @param {Record<string, any>} body */
function encoded(type, body) {
  try {
    return encodeRecord(type, body);
  } catch (error) {
    if (!(error instanceof LedgerError) || error.rule !== "record.size-64") throw error;
    return encodeRecord(type, { ...body, pad: 0 });
  }
}

/** Where something that was signed stands. @param {Job} job */
export function stateTag(job) {
  if (job.state === "final") return el("span", { class: "tag good", "data-job": "final" }, icon("check"), say("pr.state.registered"));
  if (job.state === "refused") return el("span", { class: "tag bad", "data-job": "refused" }, icon("cross"), say("pr.state.refused"));
  return el("span", { class: "tag ended", "data-job": "waiting" }, icon("expired"), say("pr.state.waiting"));
}

/** The same of a thing. @param {{state: string}} held */
export function heldTag(held) {
  return held.state === "waiting" ? el("span", { class: "tag ended", "data-held": "waiting" }, icon("expired"), say("pr.state.waiting")) : null;
}

/**
 * A panel that follows what was just signed until the ledger has it.
 * @param {number} id
 * @param {{title: Node, buttons: Node[], onfinal?: () => void}} more
 */
export function signedPanel(id, { title, buttons, onfinal = () => {} }) {
  const head = el("h2", { tabindex: "-1", id: "signed-title" });
  const mark = el("div", { class: "signed-mark" });
  const text = el("div");
  const after = el("div", { class: "buttons" });
  const panel = el("section", { class: "card signed", "aria-labelledby": "signed-title" }, mark, head, el("p", { class: "signed-what" }, title), text, after);
  let state = "";

  async function show() {
    const job = await jobOf(id);
    const now = !job ? "gone" : job.state === "sent" ? "waiting" : job.state;
    if (now === state) return;
    state = now;
    panel.setAttribute("data-job", now);
    head.setAttribute("data-t", `pr.signed.${now}`);
    head.textContent = t(`pr.signed.${now}`);
    mark.replaceChildren(icon({ final: "good", refused: "bad", gone: "unknown" }[/** @type {string} */ (now)] ?? "expired"));
    announce(t(`pr.signed.${now}`));
    text.replaceChildren(...(now === "gone" ? [] : [say(`pr.signed.${now}-text`, "p", { class: "soft" })]), ...(job?.problem && now === "refused" ? [problemNote(job.problem)] : []));
    after.replaceChildren(...(job && now === "refused" ? refusedButtons(job) : []), ...buttons);
    if (now === "final") {
      await stock();
      onfinal();
    }
  }

  const stop = onQueue(() => {
    if (panel.isConnected) show();
    else if (state) stop();
  });
  show();
  return panel;
}

/** What to do with a refusal. @param {Job} job */
export function refusedButtons(job) {
  const again = job.problem && /** @type {any} */ (job.problem).retry ? act("pr.again", { kind: "primary", onclick: () => tryAgain(job) }) : null;
  const drop = act("pr.drop", { kind: "quiet", onclick: async () => {
    await dropJob(/** @type {number} */ (job.id));
    await stock();
  } });
  return [again, drop].filter((one) => one !== null);
}
