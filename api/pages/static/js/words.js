/**
 * The words of the page in its language, Vietnamese first.
 *
 * Rules: an element with `data-t` shows the words of that key, one with `data-t-label` is named by them; both change at once when the
 * language does. The choice is kept on this device and nowhere else.
 */

import common from "../words/common.js";
import { keep, kept } from "./store.js";

/** @type {Record<string, [string, string]>} */
const table = { ...common };

/** @param {Record<string, [string, string]>} more */
export function addWords(more) {
  Object.assign(table, more);
}

/** @returns {"vi"|"en"} */
export function language() {
  return document.documentElement.lang === "en" ? "en" : "vi";
}

/** @param {string} key */
export function has(key) {
  return Object.hasOwn(table, key);
}

/**
 * The words of a key.
 * @param {string} key
 */
export function t(key) {
  if (!has(key)) throw new Error(`there are no words for ${key}`);
  return table[key][language() === "en" ? 1 : 0];
}

/**
 * Write every marked element under `root` in the page's language.
 * @param {ParentNode} root
 */
export function applyWords(root = document) {
  for (const element of root.querySelectorAll("[data-t]")) {
    const key = element.getAttribute("data-t") ?? "";
    if (has(key)) element.textContent = t(key);
  }
  for (const element of root.querySelectorAll("[data-t-label]")) {
    const key = element.getAttribute("data-t-label") ?? "";
    if (has(key)) element.setAttribute("aria-label", t(key));
  }
  for (const element of root.querySelectorAll("time[data-ms]")) {
    element.textContent = showTime(Number(element.getAttribute("data-ms")));
  }
}

/** @param {"vi"|"en"} chosen */
export function setLanguage(chosen) {
  document.documentElement.lang = chosen;
  keep("language", chosen);
  const link = document.getElementById("language");
  if (link) {
    link.lang = chosen === "vi" ? "en" : "vi";
    link.setAttribute("href", `?lang=${link.lang}`);
  }
  applyWords();
}

/** Begin: the language asked for in the address, or the one chosen before. */
export function startLanguage() {
  const asked = new URLSearchParams(location.search).get("lang");
  const chosen = asked ?? kept("language");
  if (chosen === "vi" || chosen === "en") setLanguage(chosen);
  document.getElementById("language")?.addEventListener("click", (event) => {
    event.preventDefault();
    setLanguage(language() === "vi" ? "en" : "vi");
  });
}

/**
 * A time in Vietnam, as people there write it.
 * @param {number} ms since the epoch
 */
export function showTime(ms) {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: "Asia/Ho_Chi_Minh", day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).formatToParts(new Date(ms));
  const part = (/** @type {string} */ type) => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("day")}/${part("month")}/${part("year")} ${part("hour")}:${part("minute")}`;
}

/**
 * A day of the calendar, day first; anything else as it is.
 * @param {string} text YYYY-MM-DD
 */
export function showDay(text) {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  return match ? `${match[3]}/${match[2]}/${match[1]}` : text;
}
