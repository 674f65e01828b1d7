/**
 * What a reader was shown: whose words they are, for whom, what of the event everybody sees, what was shown beside it, and how much stays hidden.
 *
 * Rules: a part is shown as the event's only where it was proved to be. What does not hold is not shown at all: whoever altered it would be
 * read. Whatever came from outside is text.
 */

import { encode, toHex } from "../../verify/index.js";
import { button, el, facts, hash, icon, save, say, sayOr, time } from "../dom.js";
import { ownPolicyNote } from "../panel.js";
import { Names, addressOf, quantity, stepName } from "../trace/names.js";

/** @typedef {import("../check.js").Outcome} Outcome */
/** @typedef {import("../epcis/share.js").Share} Share */
/** @typedef {import("../epcis/share.js").Shared} Shared */
/** `shared` is null where nothing was proved to be shown. @typedef {{outcome: Outcome, share: Share|null, shared: Shared|null}} Told */

/** @type {Record<string, [string, string]>} */
const LOOKS = { "in-force": ["good", "good"], ended: ["ended", "ended"], bad: ["bad", "bad"], unknown: ["unknown", "unknown"] };
const TERM = /^\/sogoc:(buyer|price|invoice|plot)$/;
const MAX_THINGS = 12;
const MAX_LETTERS = 4_000;

/** @param {Told} told @param {() => void} onagain */
export function sharePanel(told, onagain) {
  const { outcome, shared } = told;
  const [tone, sign] = LOOKS[outcome.verdict];
  const word = shared && outcome.verdict === "in-force" ? "sh.verdict.good" : shared && outcome.verdict === "ended" ? "sh.verdict.ended" : outcome.word;
  const asOf = outcome.judgement?.proved?.checked.statusAsOfS ?? null;
  const head = el("div", { class: "verdict-head" }, icon(sign), el("div", {}, say(word, "h1", { id: "verdict-title", tabindex: "-1" }),
    say(shared && word !== outcome.word ? `${word}.sub` : outcome.sub, "p"), shared && asOf !== null ? el("p", { class: "num" }, say("fact.as-of"), " ", time(Number(asOf) * 1000)) : null));
  const body = el("div", { class: "verdict-body" }, ownPolicyNote(outcome.own), ...(shared ? proven(told, shared) : []), advice(outcome),
    ...[...new Set(outcome.notes)].map((key) => say(key, "p", { class: "soft small" })),
    el("div", { class: "buttons no-print" }, button("sh.again", { kind: shared ? "" : "primary", icon: "file", id: "again", onclick: onagain }), keepButton(told)));
  const panel = el("section", { class: `verdict ${tone}`, "aria-labelledby": "verdict-title", "data-verdict": outcome.verdict, "data-rule": outcome.rule }, head, body);
  return el("div", {}, panel, why(outcome), say("sh.limits", "p", { class: "soft small" }));
}

/** @param {Told} told @param {Shared} shared */
function proven({ outcome }, { shown, hidden, addressee, isByAuthor, said }) {
  const { issuer, proved } = outcome.judgement;
  const names = new Names(null, null, null);
  const things = [...said.items, ...said.inputs, ...said.outputs];
  const carrier = said.parent ? [{ item: said.parent, amount: null, unit: "" }] : [];
  const listed = [...carrier, ...things].slice(0, MAX_THINGS).flatMap(({ item, amount, unit }, at) => [at ? "; " : "", amount === null ? null : quantity(amount, unit), " ", el("a", { href: addressOf(item) }, names.thing(item))]);
  const more = carrier.length + things.length - MAX_THINGS;
  const rest = hidden - shown.length;
  return [
    el("p", { class: "issuer" }, say("sh.by"), " ", el("span", { class: "who", id: "by" }, issuer?.name ?? proved.record.authority)),
    forWhom(addressee, isByAuthor),
    say("sh.shown", "h2", { class: "label" }),
    el("dl", { class: "facts shown-parts", id: "shown" }, ...shown.map(({ pointer, text }) => el("div", { "data-pointer": pointer }, el("dt", {}, partName(pointer)), el("dd", { class: "shown-part" }, icon("check"), el("span", {}, valueOf(text)))))),
    el("p", { class: "kept-back", id: "rest", "data-rest": rest }, icon("lock"), rest ? el("span", {}, el("strong", {}, String(rest)), " ", say("sh.rest")) : say("sh.rest-none")),
    say("sh.event", "h2", { class: "label" }),
    facts([
      ["sh.what", stepName(said.step, said.kind)],
      ["sh.when", time(said.timeMs)],
      ["sh.things", el("span", {}, ...listed, more > 0 ? ` +${more}` : null)],
      ["sh.where", said.site ? names.place(said.site) : null],
      ["sh.recorded", proved.standing ? time(proved.standing.subject.timeMs) : null],
    ]),
  ];
}

/** @param {import("../epcis/share.js").Addressee|null} addressee @param {boolean} isByAuthor */
function forWhom(addressee, isByAuthor) {
  if (!addressee) return el("p", { id: "for", "data-for": "nobody" }, say("sh.for-nobody", "span", { class: "soft" }));
  return el("p", { id: "for", "data-for": isByAuthor ? "author" : "other" }, say("sh.for"), " ", el("strong", {}, addressee.reader), " · ", time(addressee.timeMs), el("br"),
    say(isByAuthor ? "sh.for-author" : "sh.for-other", "span", { class: "small soft" }));
}

/** What a hidden part is called. @param {string} pointer */
function partName(pointer) {
  const term = TERM.exec(pointer)?.[1];
  return term ? say(`sh.part.${term}`) : sayOr(`sh.part.${pointer.slice(1)}`, pointer.slice(0, 200));
}

/** A value for people: text as it is, an address by its address, all else as JSON. @param {string} text */
function valueOf(text) {
  const value = JSON.parse(text);
  const only = value && typeof value === "object" && Object.keys(value).join() === "id" ? value.id : value;
  const written = typeof only === "string" || typeof only === "number" ? String(only) : JSON.stringify(value, null, 1);
  return written.length > MAX_LETTERS ? `${written.slice(0, MAX_LETTERS)}…` : written;
}

/** @param {Outcome} outcome */
function advice(outcome) {
  if (!outcome.todo) return null;
  return el("div", { class: `note ${outcome.verdict === "bad" ? "alarm" : "warn"}`, id: "todo" }, say("todo.title", "h2", { class: "label" }), say(outcome.verdict === "ended" ? "sh.todo.ended" : outcome.todo, "p"));
}

/** The same with the receipt in it, which is checked again with no network. @param {Told} told */
function keepButton({ outcome, share, shared }) {
  if (!share || !shared || !outcome.receipt) return null;
  const parts = share.parts.map(({ index, pointer, text, mac, path }) => [index, pointer, text, mac, path]);
  const told = share.addressee && [share.addressee.reader, share.addressee.timeMs, share.addressee.key, share.addressee.signature];
  const name = `${toHex(outcome.judgement.proved.recordId).slice(0, 12)}.sogoc-share`;
  return button("sh.keep", { icon: "save", id: "keep", onclick: () => save(name, encode([2, outcome.receipt, parts, told]), "application/octet-stream") });
}

/** @param {Outcome} outcome */
function why({ rule, reason, judgement }) {
  const proved = judgement?.proved;
  return el("details", { id: "proof", class: "part" }, say("details.title", "summary"), el("div", { class: "inside" }, facts([
    ["details.rule", el("span", {}, el("code", {}, rule), reason ? el("span", { lang: "en", class: "soft" }, ` ${reason}`) : null)],
    ["details.record", proved && el("a", { href: `/so-cai/ban-ghi/${toHex(proved.recordId)}`, class: "hash" }, toHex(proved.recordId))],
    ["details.key", proved && hash(toHex(proved.authorKey))],
    ["details.origin", proved?.checked.checkpoint.origin],
    ["details.size", proved ? String(proved.checked.checkpoint.size) : null],
  ])));
}
