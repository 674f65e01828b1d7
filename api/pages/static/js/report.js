/**
 * Reporting a forgery: a text that somebody can save, copy or mail to the issuer. Rules: nothing is sent from here; the text holds what was
 * checked and what came of it, and the proof, so that whoever gets it can check the same again.
 */

import { toHex } from "../verify/index.js";
import { dialog, el, button, save, say, toast } from "./dom.js";
import { fingerprint, pinned } from "./trust.js";
import { showTime, t } from "./words.js";

/** @typedef {import("./check.js").Outcome} Outcome */

/** @param {Outcome} outcome */
export function openReport(outcome) {
  const note = /** @type {HTMLTextAreaElement} */ (el("textarea", { class: "input", id: "report-note", rows: 3, maxlength: 2000 }));
  const text = async () => reportText(outcome, note.value);
  const mail = () => text().then((body) => {
    // A mail address takes no file and little text: the short part goes in, the proof is attached by hand.
    location.href = `mailto:?subject=${encodeURIComponent(t("report.head"))}&body=${encodeURIComponent(body.split("\n\n---")[0].slice(0, 1500))}`;
  });
  dialog("report.title", [
    say("report.text", "p"),
    el("div", { class: "field" }, say("report.note", "label", { for: "report-note" }), note),
    el("div", { class: "buttons" },
      button("report.save", { kind: "primary", icon: "save", id: "report-save", onclick: async () => { save(`bao-gia-mao-${Date.now()}.txt`, await text()); toast("report.saved"); } }),
      button("action.copy", { onclick: async () => { await navigator.clipboard.writeText(await text()); toast("action.copied"); } }),
      button("report.mail", { onclick: mail })),
  ]);
}

/**
 * @param {Outcome} outcome
 * @param {string} note
 */
export async function reportText(outcome, note) {
  const proved = outcome.judgement?.proved;
  const held = pinned();
  const rows = [
    [t("paper.printed"), showTime(Date.now())],
    [t("paper.page"), location.href.split("#")[0]],
    [t("paper.title"), t(outcome.word)],
    [t("details.rule"), `${outcome.rule}${outcome.reason ? ` (${outcome.reason})` : ""}`],
    [t("fact.file"), outcome.fileName],
    [t("details.hash"), outcome.fileHash],
    [t("fact.asked"), outcome.asked],
    [t("details.record"), proved && toHex(proved.recordId)],
    [t("fact.issuer"), outcome.judgement?.issuer?.name],
    [t("details.policy"), held && (await fingerprint(held.text))],
    [t("report.note"), note.trim()],
  ];
  const head = rows.filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`).join("\n");
  return `${t("report.head")}\n\n${head}\n\n---\n${outcome.receipt ?? ""}`;
}
