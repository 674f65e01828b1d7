/** Why something was not done, as a sentence in both languages, with the rule's code. */

import { LedgerError } from "../../verify/index.js";
import { el, say } from "../dom.js";
import { has, t } from "../words.js";

/** @typedef {{code: string, detail: string}} Problem */

/**
 * The key of words for a rule: its own, its family's, or that there is none.
 * @param {string} code
 */
export function wordsOf(code) {
  if (has(`of.problem.${code}`)) return `of.problem.${code}`;
  const family = `of.problem.${code.split(".", 1)[0]}.*`;
  return has(family) ? family : "of.problem.other";
}

/**
 * @param {Problem} problem
 * @returns {HTMLElement}
 */
export function problemNote(problem) {
  const field = /field '([a-z_]+)'/.exec(problem.detail)?.[1];
  const name = field && has(`field.${field}`) ? `field.${field}` : null;
  return el("div", { class: "note alarm", role: "alert", "data-code": problem.code },
    el("p", {}, say(wordsOf(problem.code)), name ? " " : null, name ? say("of.problem.field") : null, name ? " " : null, name ? say(name, "strong") : null),
    el("p", { class: "small soft" }, say("of.problem.code"), " ", el("code", {}, problem.code), " · ", el("span", { lang: "en" }, problem.detail)));
}

/** One line of text. @param {Problem} problem */
export function problemText(problem) {
  return t(wordsOf(problem.code));
}

/** What was thrown, as a problem; what is no expected failure is thrown on. @param {unknown} error @returns {Problem} */
export function problemOf(error) {
  if (error instanceof LedgerError) return { code: error.rule, detail: error.detail };
  if (error instanceof DOMException && (error.name === "NotSupportedError" || error.name === "QuotaExceededError")) {
    return { code: error.name === "QuotaExceededError" ? "browser.full" : "browser.no-ed25519", detail: error.message };
  }
  throw error;
}
