/**
 * The verdict as a person reads it: one of four, by colour, sign and words; who, what, since when; the proof folded underneath.
 *
 * Rules: what is shown as fact was proved by the receipt. Whatever came from outside is text.
 */

import { toHex } from "../verify/index.js";
import { button, el, facts, hash, icon, save, say, sayOr, time } from "./dom.js";
import { openReport } from "./report.js";
import { language, showDay, t } from "./words.js";

/** @typedef {import("./check.js").Outcome} Outcome */

/** @type {Record<string, string>} */
const TONES = { "in-force": "good", ended: "ended", bad: "bad", unknown: "unknown" };
/** @type {Record<string, string>} */
const SIGNS = { "verdict.superseded": "replaced", "verdict.expired": "expired", "verdict.not-yet": "expired", "verdict.suspended": "suspended" };

/**
 * @param {string} key of words: what is being done
 * @returns {HTMLElement}
 */
export function busyPanel(key) {
  const sign = icon("busy");
  sign.classList.add("spin");
  const head = el("div", { class: "verdict-head" }, sign, el("div", {}, say("busy.title", "h2"), say(key, "p", { class: "doing" })));
  return el("section", { class: "verdict busy", "aria-busy": "true" }, head);
}

/**
 * @param {Outcome} outcome
 * @param {{onmatch?: (() => void)|null, onagain?: (() => void)|null, isOnline: boolean}} desk
 * @returns {HTMLElement}
 */
export function verdictPanel(outcome, desk) {
  const tone = TONES[outcome.verdict];
  const sign = icon(outcome.verdict === "ended" ? (SIGNS[outcome.word] ?? "ended") : outcome.verdict === "in-force" ? "good" : outcome.verdict);
  const title = say(outcome.word, desk.onagain ? "h1" : "h2", { id: "verdict-title", tabindex: "-1" });
  const below = desk.onagain ? "h2" : "h3";
  const head = el("div", { class: "verdict-head" }, sign, el("div", {}, title, say(outcome.sub, "p"), whenLine(outcome)));
  const body = el("div", { class: "verdict-body" }, ownPolicyNote(outcome.own), ...what(outcome), ...claimed(outcome, below), ...others(outcome, below), ...advice(outcome, below), ...notes(outcome), match(outcome, desk, below), actions(outcome, desk));
  const panel = el("section", { class: `verdict ${tone}`, "aria-labelledby": "verdict-title", "data-verdict": outcome.verdict, "data-rule": outcome.rule }, head, body);
  return el("div", {}, paperHead(), panel, proof(outcome), say("verify.limits", "p", { class: "soft small" }));
}

/**
 * Whoever chose what to trust is told that the verdict rests on that choice.
 * @param {{origin: string, fingerprint: string}|null} own
 */
export function ownPolicyNote(own) {
  if (!own) return null;
  return el("div", { class: "note warn", id: "own-policy" }, el("p", {}, say("policy.own", "strong")), say("policy.own-text", "p"),
    facts([["details.origin", own.origin], ["policy.fingerprint", hash(own.fingerprint)]]));
}

/** @param {Outcome} outcome */
function whenLine(outcome) {
  const asOf = asOfMs(outcome);
  if (outcome.verdict === "ended" && outcome.judgement.sinceMs !== null) {
    return el("p", { class: "num" }, say("verdict.since"), " ", time(outcome.judgement.sinceMs));
  }
  return outcome.verdict === "in-force" && asOf !== null ? el("p", { class: "num" }, say("fact.as-of"), " ", time(asOf)) : null;
}

/** @param {Outcome} outcome */
function asOfMs(outcome) {
  const seconds = outcome.judgement?.proved?.checked.statusAsOfS ?? null;
  return seconds === null ? null : Number(seconds) * 1000;
}

/** Only on paper: what this sheet is, when and where it was made. */
function paperHead() {
  return el("div", { class: "paper" }, say("paper.title", "h1"),
    facts([["paper.printed", time(Date.now())], ["paper.page", location.protocol === "file:" ? t("file.title") : location.origin]]));
}

/**
 * Who issued what, as far as it is proved.
 * @param {Outcome} outcome
 * @returns {(Node|null)[]}
 */
function what(outcome) {
  const { judgement } = outcome;
  const rows = [];
  const lines = [];
  if (judgement?.proved) {
    const { record, standing } = judgement.proved;
    const { body } = record;
    lines.push(issuerLine(judgement, outcome.verdict === "bad"));
    if (outcome.verdict !== "bad") {
      const text = (/** @type {string} */ name) => (typeof body.get(name) === "string" ? body.get(name) : null);
      const number = body.get("number");
      const symbol = text("symbol");
      rows.push(
        ["fact.kind", text("kind") && sayOr(`doc-kind.${text("kind")}`, text("kind"))],
        ["fact.number", number === undefined || number === null ? null : symbol ? `${number}/${symbol}` : String(number)],
        ["fact.date", text("date") && showDay(text("date"))],
        ["fact.abstract", text("abstract")],
      );
      if (body.has("commitment")) rows.push(["fact.kind", say("fact.private")]);
      rows.push(...certificateRows(judgement));
      if (standing) {
        rows.push(["fact.since", time(standing.subject.timeMs)]);
        if (standing.subject.count > 1) rows.push(["fact.changed", time(standing.subject.changedMs)]);
      }
      if (asOfMs(outcome) !== null && outcome.verdict !== "in-force") rows.push(["fact.as-of", time(/** @type {number} */ (asOfMs(outcome)))]);
    }
  }
  if (outcome.fileName) rows.push(["fact.file", outcome.fileName]);
  else if (!judgement?.proved && outcome.asked) rows.push(["fact.asked", hash(outcome.asked)]);
  return [...lines, rows.some(([, value]) => value) ? facts(/** @type {any} */ (rows)) : null];
}

/** @param {any} judgement */
function certificateRows(judgement) {
  const { certificate } = judgement;
  if (!certificate) return [];
  return [
    ["fact.schema", certificate.schema && sayOr(`schema.${certificate.schema}`, certificate.schema)],
    ["fact.valid-from", certificate.validFrom && showDay(certificate.validFrom)],
    ["fact.valid-until", certificate.validUntil && showDay(certificate.validUntil)],
    ["fact.reason", certificate.reason && sayOr(`reason.${certificate.reason}`, certificate.reason)],
  ];
}

/**
 * What a certificate says, or what its holder chose to show of it, in the words of its schema as far as this page knows it.
 * @param {Outcome} outcome
 * @param {string} heading
 * @returns {Node[]}
 */
function claimed({ judgement, verdict }, heading) {
  if (verdict === "bad" || !judgement?.certificate || !judgement.claims.length) return [];
  const list = el("dl", { class: "facts claims" });
  for (const { name, value } of judgement.claims) {
    const key = `claim.${judgement.certificate.schema}.${name}`;
    list.append(el("div", {}, el("dt", {}, sayOr(key, name)), el("dd", {}, shown(key, value))));
  }
  return [say("fact.claims", heading, { class: "label" }), list];
}

/** @param {string} key of words of the claim @param {unknown} value */
function shown(key, value) {
  if (value === null) return "—";
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === "boolean") return say(value ? "fact.yes" : "fact.no");
  return typeof value === "string" ? sayOr(`${key}.${value}`, showDay(value)) : String(value);
}

/**
 * @param {any} judgement
 * @param {boolean} isBad then the issuer is the receipt's, and not that of what is in hand
 */
function issuerLine(judgement, isBad) {
  const { issuer } = judgement;
  if (!issuer) return null;
  const line = el("p", { class: "issuer" }, say(isBad ? "fact.receipt-of" : "fact.issuer"), " ", el("span", { class: "who" }, issuer.name));
  if (issuer.endedMs !== null) {
    // The last day on which it was the authority.
    const last = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Ho_Chi_Minh" }).format(new Date(issuer.endedMs - 1)).replace(/(^|\/)0/g, "$1");
    line.append(" (", say("fact.until"), ` ${last})`);
    if (issuer.successors.length) line.append(el("small", {}, say("fact.successor"), `: ${issuer.successors.join(", ")}`));
  }
  return line;
}

/**
 * @param {Outcome} outcome
 * @param {string} heading
 */
function advice(outcome, heading) {
  if (!outcome.todo) return [];
  return [el("div", { class: `note ${outcome.verdict === "bad" ? "alarm" : "warn"}` }, say("todo.title", heading, { class: "label" }), say(outcome.todo, "p"))];
}

/** @param {Outcome} outcome */
function notes(outcome) {
  const keys = [...new Set(outcome.notes)];
  if (outcome.sameLedger === null && outcome.judgement?.proved && outcome.newest) keys.push("unproved.text");
  return keys.map((key) => say(key, "p", { class: "soft small" }));
}

/**
 * A receipt without its file: offer to compare one.
 * @param {Outcome} outcome
 * @param {{onmatch?: (() => void)|null}} desk
 * @param {string} heading
 */
function match(outcome, desk, heading) {
  const isPaper = outcome.judgement?.proved?.subject.kind === "document";
  if (!desk.onmatch || outcome.fileName || outcome.verdict === "bad" || !isPaper) return null;
  return el("div", { class: "note no-print" }, say("match.title", heading, { class: "label" }), say("match.text", "p"),
    el("p", {}, button("match.choose", { icon: "file", onclick: desk.onmatch, id: "match" })));
}

/**
 * @param {Outcome} outcome
 * @param {{onagain?: (() => void)|null}} desk
 */
function actions(outcome, desk) {
  const row = el("div", { class: "buttons" });
  if (desk.onagain) row.append(button("verify.again", { kind: "primary", icon: "back", onclick: desk.onagain, id: "again" }));
  if (outcome.receipt && outcome.judgement?.proved) row.append(button("save.proof", { icon: "save", onclick: () => saveProof(outcome), id: "save-proof" }));
  row.append(button("save.print", { icon: "print", onclick: printAll, id: "print" }));
  row.append(button("report.open", { icon: "flag", kind: outcome.verdict === "bad" ? "danger" : "quiet", onclick: () => openReport(outcome), id: "report" }));
  return row;
}

/** On paper the proof is unfolded, and folded again after. */
function printAll() {
  const folded = [...document.querySelectorAll("#result details:not([open])")];
  for (const one of folded) one.setAttribute("open", "");
  print();
  for (const one of folded) one.removeAttribute("open");
}

/** @param {Outcome} outcome */
function saveProof(outcome) {
  const name = (outcome.fileName ?? toHex(outcome.judgement.proved.recordId).slice(0, 16)).replace(/[/\\:*?"<>|\u0000-\u001f]/g, "_");
  if (outcome.proofFile) save(`${name}.sogoc-proof`, outcome.proofFile, "application/octet-stream");
  else save(`${name}.tlog-proof`, /** @type {string} */ (outcome.receipt), "application/octet-stream");
}

/**
 * What others recorded of the same, each by its name: nobody's word about its own record stands for another's.
 * @param {Outcome} outcome
 * @param {string} heading
 */
function others(outcome, heading) {
  if (!outcome.others.length) return [];
  const list = el("ul", { class: "others" }, ...outcome.others.map((one) => el("li", { "data-verdict": one.verdict },
    el("strong", { class: "who" }, one.judgement?.issuer?.name ?? ""), " ",
    el("span", { class: `tag ${TONES[one.verdict]}` }, icon(one.verdict === "in-force" ? "check" : one.verdict === "bad" ? "cross" : "ended"), say(one.word)),
    one.verdict === "ended" && one.judgement.sinceMs !== null ? el("span", { class: "num small" }, " ", say("verdict.since"), " ", time(one.judgement.sinceMs)) : null)));
  return [say("note.others", heading, { class: "label" }), say("note.others-text", "p", { class: "soft small" }), list];
}

/**
 * The steps of the proof, each with what came of it.
 * @param {Outcome} outcome
 */
function proof(outcome) {
  const { judgement } = outcome;
  const inside = el("div", { class: "inside" });
  if (judgement) inside.append(checks(outcome));
  const proved = judgement?.proved;
  inside.append(facts([
    ["details.rule", el("span", {}, el("code", {}, outcome.rule), outcome.reason ? el("span", { lang: "en", class: "soft" }, ` ${outcome.reason}`) : null)],
    ["details.hash", outcome.fileHash && hash(outcome.fileHash)],
    ["details.record", proved && hash(toHex(proved.recordId))],
    ["details.entry", proved?.entryId && hash(toHex(proved.entryId))],
    ["details.place", proved && proved.index !== null && `${proved.index} · ${proved.recordIndex}`],
    ["details.key", proved?.authorKey && hash(toHex(proved.authorKey))],
    ["details.claimed", proved && proved.claimedMs !== null && time(proved.claimedMs)],
    ["details.origin", proved && proved.checked.checkpoint.origin],
    ["details.size", proved && String(proved.checked.checkpoint.size)],
    ["details.cosigners", proved && cosigners(proved)],
  ]));
  if (proved && location.protocol !== "file:") {
    inside.append(el("p", { class: "no-print" }, say("details.open", "a", { href: `/so-cai/ban-ghi/${toHex(proved.recordId)}` })));
  }
  return el("details", { id: "proof" }, say("details.title", "summary"), inside);
}

/** @param {any} proved */
function cosigners(proved) {
  const list = el("span");
  for (const [name, seconds] of proved.checked.cosignatures) list.append(el("span", {}, `${name} · `, time(Number(seconds) * 1000)), el("br"));
  return list;
}

/** What each rule's family says about the steps before it: those before the failing one have passed. @type {[string, RegExp][]} */
const STEPS = [
  ["check.checkpoint", /^(note|checkpoint|policy\.no-log|signature\.log)/],
  ["check.quorum", /^(policy|cosignature)/],
  ["check.inclusion", /^$/],
  ["check.signature", /^(entry|signature|key\.(?!disputed))/],
  ["check.record", /^record/],
  ["check.state", /^(receipt|state|row|header|certificate\.(keys|records))/],
];

/** @param {Outcome} outcome */
function checks(outcome) {
  const { judgement } = outcome;
  /** @type {[string, boolean|null][]} */
  const steps = [];
  if (judgement.proved) {
    // A compact receipt holds the state alone, and nothing of the entry.
    const isWhole = judgement.proved.entryId !== null;
    for (const [key] of STEPS) steps.push([key, key === "check.state" ? (judgement.proved.standing ? true : null) : ["check.checkpoint", "check.quorum"].includes(key) || isWhole ? true : null]);
    if (outcome.fileHash) steps.push(["check.file", outcome.isMatched ? true : ["document.hash", "certificate.paper"].includes(outcome.rule) ? false : null]);
    steps.push(["check.history", outcome.sameLedger]);
  } else {
    // Which step failed is known only where the rule's family says so; the rest is told as not done.
    const failing = judgement.verdict === "does-not-match" ? STEPS.findIndex(([, family]) => family.test(judgement.rule)) : -1;
    for (const [at, [key]] of STEPS.entries()) steps.push([key, at === failing ? false : null]);
  }
  return el("ul", { class: "checks" }, ...steps.map(([key, state]) => {
    const kind = state === true ? "yes" : state === false ? "no" : "open";
    const sign = icon(state === true ? "check" : state === false ? "cross" : "dash");
    sign.classList.add(kind);
    const said = state === true ? "check.passed" : state === false ? "check.failed" : "check.not-done";
    return el("li", { "data-step": key, "data-state": kind }, sign, el("span", {}, say(key), el("span", { class: "sr" }, ": "), say(said, "span", { class: state === null ? "soft small open" : "sr" })));
  }));
}

/** @param {Outcome} outcome read to a screen reader when the verdict comes */
export function spoken(outcome) {
  const who = outcome.judgement?.issuer?.name;
  return [t(outcome.word), t(outcome.sub), outcome.own ? t("policy.own") : "", who && outcome.verdict !== "bad" ? `${t("fact.issuer")} ${who}` : "", outcome.todo ? t(outcome.todo) : ""].filter(Boolean).join(language() === "vi" ? ". " : ". ");
}
