/** Pieces that the office's views are made of. */

import { el, icon, say } from "../dom.js";
import { has, t } from "../words.js";
import { problemNote, problemOf } from "./problems.js";

let ids = 0;

/** An id that nothing else on the page has. */
export function freshId() {
  return `of-${++ids}`;
}

/**
 * A labelled field, with a hint and a place for what is wrong.
 * @param {Node} label
 * @param {HTMLElement} input
 * @param {{hint?: Node|null, extra?: Node|null}} more
 */
export function field(label, input, { hint = null, extra = null } = {}) {
  input.id ||= freshId();
  const parts = [];
  if (hint) {
    const id = `${input.id}-hint`;
    parts.push(el("span", { class: "hint", id }, hint));
    input.setAttribute("aria-describedby", id);
  }
  return el("div", { class: "field" }, el("label", { for: input.id }, label), ...parts, input, extra);
}

/** @param {Record<string, any>} properties */
export function input(properties = {}) {
  return /** @type {HTMLInputElement} */ (el("input", { class: "input", autocomplete: "off", ...properties }));
}

/**
 * @param {[string, Node|string][]} choices value and what it is called
 * @param {Record<string, any>} properties
 */
export function select(choices, properties = {}) {
  return /** @type {HTMLSelectElement} */ (el("select", { class: "input", ...properties },
    ...choices.map(([value, name]) => {
      // An option holds text only: the mark for the page's language goes on itself.
      const key = name instanceof HTMLElement ? name.getAttribute("data-t") : null;
      return el("option", { value, "data-t": key }, name instanceof HTMLElement ? name.textContent ?? "" : name);
    })));
}

/**
 * @param {Node} label
 * @param {Record<string, any>} properties
 */
export function checkbox(label, properties = {}) {
  const box = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox", id: freshId(), ...properties }));
  return { box, whole: el("span", { class: "tick" }, box, el("label", { for: box.id }, label)) };
}

/** Where something stands on the ledger. @param {string} status */
export function standing(status) {
  const sign = { "in-force": "check", superseded: "replaced", suspended: "suspended", expired: "expired" }[status] ?? "ended";
  const key = status === "expired" ? "of.status.expired" : `ex.status.${status}`;
  return el("span", { class: `tag ${status === "in-force" ? "good" : "ended"}`, "data-status": status }, icon(sign), has(key) ? say(key) : status);
}

/** What a job is. @param {import("./queue.js").Job} job */
export function jobTag(job) {
  if (job.state === "final") return el("span", { class: "tag good", "data-job": "final" }, icon("check"), say("of.job.final"));
  if (job.state === "refused") return el("span", { class: "tag bad", "data-job": "refused" }, icon("cross"), say("of.job.refused"));
  return el("span", { class: "tag ended", "data-job": "waiting" }, icon("expired"), say("of.job.waiting"));
}

/**
 * A way to choose files: a button, a hidden input, and dropping on the area around it.
 * @param {{titleKey: string, buttonKey: string, noteKey?: string, accept?: string, multiple?: boolean, id?: string, primary?: boolean, onfiles: (files: File[]) => void}} options
 */
export function chooser({ titleKey, buttonKey, noteKey, accept, multiple = false, id, primary = false, onfiles }) {
  const hidden = /** @type {HTMLInputElement} */ (el("input", { type: "file", hidden: true, accept, multiple, id, "aria-label": t(titleKey), "data-t-label": titleKey }));
  hidden.addEventListener("change", () => {
    const files = [...(hidden.files ?? [])];
    hidden.value = "";
    if (files.length) onfiles(files);
  });
  const open = el("button", { type: "button", class: `button ${primary ? "primary" : ""}`.trim(), onclick: () => hidden.click() }, icon("file"), say(buttonKey));
  const area = el("div", { class: "drop" }, say(titleKey, "p", { class: "only-wide" }), el("div", { class: "buttons center" }, open), hidden,
    noteKey ? el("p", { class: "private" }, icon("lock"), say(noteKey)) : null);
  area.addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) onfiles(multiple ? files : files.slice(0, 1));
  });
  return area;
}

/**
 * Do something once at a time with a button, and show what is refused beside it.
 * @param {HTMLElement} pressed
 * @param {HTMLElement} place where a refusal is shown
 * @param {() => Promise<void>} work
 */
export async function guarded(pressed, place, work) {
  if (pressed.hasAttribute("disabled")) return;
  pressed.setAttribute("disabled", "");
  place.replaceChildren();
  try {
    await work();
  } catch (error) {
    place.replaceChildren(problemNote(problemOf(error)));
  } finally {
    pressed.removeAttribute("disabled");
  }
}

/**
 * A button of the views: words, icon, kind.
 * @param {string} key
 * @param {{icon?: string, kind?: string, id?: string, type?: string, onclick?: (event: Event) => void}} options
 */
export function act(key, { icon: sign, kind = "", id, type = "button", onclick } = {}) {
  return /** @type {HTMLButtonElement} */ (el("button", { type, class: `button ${kind}`.trim(), id, onclick }, sign ? icon(sign) : null, say(key)));
}

/** What is said to a screen reader. @param {string} text */
export function announce(text) {
  const place = document.getElementById("said");
  if (place) place.textContent = text;
}

/** Today in Vietnam, YYYY-MM-DD. */
export function today() {
  return new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 10);
}
