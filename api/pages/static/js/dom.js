/**
 * Making elements. Rules: text goes in as text (`textContent`), never as markup, wherever it came from; the page's policy refuses
 * anything else (Trusted Types).
 */

import { has, showTime, t } from "./words.js";

/**
 * @param {string} tag
 * @param {Record<string, any>} properties attributes; functions become listeners (`onclick`)
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) element.append(typeof child === "number" ? String(child) : child);
  }
  return element;
}

/**
 * Words that follow the page's language.
 * @param {string} key
 * @param {string} tag
 * @param {Record<string, any>} properties
 */
export function say(key, tag = "span", properties = {}) {
  return el(tag, { ...properties, "data-t": key }, t(key));
}

/**
 * As `say`, or the text itself where there are no words for it.
 * @param {string} key
 * @param {string} otherwise
 */
export function sayOr(key, otherwise) {
  return has(key) ? say(key) : el("span", {}, otherwise);
}

/** @param {string} name of a symbol in the page's sprite */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * @param {string} key
 * @param {{icon?: string, kind?: string, onclick?: () => void, id?: string}} options
 */
export function button(key, options = {}) {
  return el("button", { type: "button", class: `button ${options.kind ?? ""}`.trim(), onclick: options.onclick, id: options.id },
    options.icon ? icon(options.icon) : null, say(key));
}

/** @param {number} ms */
export function time(ms) {
  return el("time", { datetime: new Date(ms).toISOString(), "data-ms": ms }, showTime(ms));
}

/**
 * A list of facts; rows without a value are left out.
 * @param {[string, Node|string|number|boolean|null|undefined][]} rows key of words, value
 */
export function facts(rows) {
  const list = el("dl", { class: "facts" });
  for (const [key, value] of rows) {
    if (value === null || value === undefined || typeof value === "boolean" || value === "") continue;
    list.append(el("div", {}, say(key, "dt"), el("dd", {}, value)));
  }
  return list;
}

/** @param {string} value */
export function hash(value) {
  return el("span", { class: "hash" }, value);
}

/**
 * A dialog that is closed by its button, by Escape, and by what `onclose` says.
 * @param {string} titleKey
 * @param {(Node|null)[]} body
 * @param {() => void} onclose
 * @returns {HTMLDialogElement}
 */
export function dialog(titleKey, body, onclose = () => {}) {
  const close = button("action.close", { kind: "quiet", onclick: () => box.close() });
  const title = say(titleKey, "h2", { id: "dialog-title", tabindex: "-1" });
  const box = /** @type {HTMLDialogElement} */ (
    el("dialog", { "aria-labelledby": "dialog-title" }, title, ...body, el("div", { class: "buttons" }, close))
  );
  const before = document.activeElement;
  box.addEventListener("close", () => {
    box.remove();
    onclose();
    if (before instanceof HTMLElement) before.focus();
  });
  document.body.append(box);
  box.showModal();
  return box;
}

/** @param {string} key said for a moment, also to screen readers */
export function toast(key) {
  const note = say(key, "div", { class: "toast", role: "status" });
  document.body.append(note);
  setTimeout(() => note.remove(), 4000);
}

/**
 * Hand a file to whoever sits here.
 * @param {string} name
 * @param {string|Uint8Array} content
 * @param {string} type
 */
export function save(name, content, type = "text/plain;charset=utf-8") {
  const address = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (content)], { type }));
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
