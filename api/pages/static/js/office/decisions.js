/**
 * Forms of what administrators decide about the ledger itself and about authorities that end: parameters, successions.
 *
 * Rules: as `sogoc member succeed`, `cancel-succession` and `sogoc governance set-parameter` do it. With a key of the authority that ends it is
 * a handover, in advance and by nobody's leave; of another authority it is a declaration, which takes a quorum. Times that are typed are
 * Vietnam's, wherever this browser stands.
 */

import { RECORD_TYPES, decode, encode, fromBase64, toHex } from "../../verify/index.js";
import { askJson } from "../ask.js";
import { el, say, sayOr } from "../dom.js";
import { t } from "../words.js";
import { desk } from "./desk.js";
import { takesQuorum } from "./enact.js";
import { checkbox, field, freshId, input, select } from "./ui.js";

/** @typedef {import("./governance.js").Fields} Fields */
/** @typedef {import("./desk.js").Member} Member */
/** @typedef {import("./keys.js").OfficeKey} OfficeKey */

/** A handover takes effect so long after it is signed, at the earliest: there is time to call it off. */
const NOTICE_MS = 24 * 3_600_000;
const SUCCESSION_KINDS = ["merge", "split", "rename", "abolition"];
/** In what a parameter is said: words and milliseconds. @type {Record<string, [string, number]>} */
const UNITS = { "key-grace-ms": ["of.gov.unit.days", 24 * 3_600_000], "entry-time-ahead-ms": ["of.gov.unit.minutes", 60_000] };

// -- parameters --------------------------------------------------------------------------------------------------------

/** @param {string} name */
export function parameterName(name) {
  return sayOr(`of.gov.param.${name}`, name);
}

/** @param {string} name @param {number} ms */
export function parameterValue(name, ms) {
  const [unit, size] = UNITS[name] ?? ["of.gov.unit.ms", 1];
  return el("span", { class: "num" }, `${ms / size} `, say(unit));
}

/** @returns {Fields} */
export function parameterFields() {
  const names = /** @type {string[]} */ (RECORD_TYPES["parameter.set/1"].fields.find(([name]) => name === "name")?.[2][1]);
  const which = select(names.map((name) => [name, parameterName(name)]), { id: "propose-parameter" });
  const value = input({ id: "propose-value", type: "number", min: 0, step: 1 });
  const unit = el("span");
  const decision = decisionInput();
  const now = el("span");
  const known = row(["parameters"]);
  const told = async () => {
    const asked = which.value;
    unit.replaceChildren(say((UNITS[asked] ?? ["of.gov.unit.ms"])[0]));
    now.replaceChildren();
    const found = (await known)?.find((/** @type {[string, number]} */ [name]) => name === asked);
    if (found && asked === which.value) now.replaceChildren(say("of.gov.value-now"), " ", parameterValue(asked, found[1]));
  };
  which.addEventListener("change", told);
  told();
  return {
    nodes: [field(say("of.gov.field.parameter"), which), field(el("span", {}, say("of.gov.field.value"), " (", unit, ")"), value, { hint: now }), field(say("of.gov.field.decision"), decision)],
    read: async () => {
      const ms = Number(value.value) * (UNITS[which.value]?.[1] ?? 1);
      if (!value.value.trim() || !Number.isSafeInteger(ms) || ms < 0) return "of.gov.bad-value";
      return { name: which.value, value: ms, ...decided(decision) };
    },
  };
}

// -- successions -------------------------------------------------------------------------------------------------------

/** @param {Member} one */
const living = (one) => one.ended_ms === null || one.ended_ms > Date.now();
/** @param {Member} one @returns {[string, string]} */
const choice = (one) => [one.id, `${one.name} (${one.id})`];

/**
 * @param {OfficeKey} key
 * @param {() => void} told what to do when another authority is chosen
 * @returns {Fields}
 */
export function successionFields(key, told) {
  const members = desk.members.filter(living);
  const predecessor = select(members.map(choice), { id: "propose-member" });
  const kind = select(SUCCESSION_KINDS.map((one) => [one, say(`of.gov.succession.${one}`)]), { id: "propose-succession" });
  const effective = input({ id: "propose-effective", type: "datetime-local" });
  const decision = decisionInput();
  const ticks = members.map((one) => ({ id: one.id, ...checkbox(el("span", {}, choice(one)[1]), { "data-successor": one.id }) }));
  const label = freshId();
  const successors = el("div", { class: "field", role: "group", "aria-labelledby": label }, say("of.gov.field.successors", "span", { class: "label", id: label }),
    say("of.gov.successors-hint", "span", { class: "hint" }), el("div", { class: "ticks" }, ...ticks.map((one) => one.whole)));
  const note = el("p", { class: "soft" });
  const isOwn = () => predecessor.value === key.member;
  const changed = () => {
    for (const { id, box, whole } of ticks) {
      whole.hidden = id === predecessor.value;
      if (whole.hidden) box.checked = false;
    }
    note.replaceChildren(say(isOwn() ? "of.gov.handover-text" : "of.gov.declare-text"));
    told();
  };
  predecessor.addEventListener("change", changed);
  // The authority that ends is seldom the one that sits here.
  const other = members.find((one) => one.id !== key.member);
  if (other) predecessor.value = other.id;
  changed();
  return {
    nodes: [field(say("of.gov.field.predecessor"), predecessor), note, field(say("of.gov.field.kind"), kind), successors,
      field(say("of.gov.field.effective_ms"), effective, { hint: say("of.gov.vietnam-time") }), field(say("of.gov.field.decision"), decision, { hint: say("of.gov.decision-hint") })],
    type: () => (isOwn() ? "succession.handover/1" : "succession.declare/1"),
    isForAll: () => !isOwn() && takesQuorum(key, "succession.declare/1", predecessor.value),
    read: async () => {
      const chosen = ticks.filter(({ box }) => box.checked).map(({ id }) => id).sort();
      const from = Date.parse(`${effective.value}:00+07:00`);
      if (!chosen.length || !Number.isFinite(from)) return "of.gov.missing";
      if ((kind.value === "merge" || kind.value === "rename") && chosen.length !== 1) return "of.gov.one-successor";
      if (kind.value === "split" && chosen.length < 2) return "of.gov.two-successors";
      if (isOwn() && from < Date.now() + NOTICE_MS) return "of.gov.not-ahead";
      const body = { successors: chosen, effective_ms: from, kind: kind.value, ...decided(decision) };
      return isOwn() ? body : { predecessor: predecessor.value, ...body };
    },
  };
}

/**
 * @param {OfficeKey} key
 * @param {() => void} told
 * @returns {Fields}
 */
export function cancelFields(key, told) {
  const ending = desk.members.filter((one) => one.ended_ms !== null && one.ended_ms > Date.now());
  if (!ending.length) return { nodes: [say("of.gov.none-ending", "p", { class: "soft" })], read: async () => "of.gov.none-ending" };
  const predecessor = select(ending.map(choice), { id: "propose-member" });
  const decision = decisionInput();
  /** What only the administrators together can call off. */
  let isDeclared = false;
  const changed = async () => {
    const asked = predecessor.value;
    const found = await wasDeclared(asked);
    if (asked !== predecessor.value) return;
    isDeclared = found;
    told();
  };
  let known = changed();
  predecessor.addEventListener("change", () => (known = changed()));
  return {
    nodes: [field(say("of.gov.field.predecessor"), predecessor), field(say("of.gov.field.decision"), decision)],
    isForAll: () => takesQuorum(key, "succession.cancel/1", isDeclared ? "" : predecessor.value),
    read: async () => {
      await known;
      return { predecessor: predecessor.value, ...decided(decision) };
    },
  };
}

/**
 * Whether an authority's end was declared by the administrators, and is not its own handover: the node's word, which only chooses between a
 * record and its proposal.
 * @param {string} member
 */
async function wasDeclared(member) {
  return (await row(["succession", member]))?.[2] === true;
}

/**
 * A row of the state, as the node has it; null if there is none, or no answer.
 * @param {string[]} key
 * @returns {Promise<any[]|null>}
 */
async function row(key) {
  const answer = await askJson(`/v1/state/${toHex(/** @type {Uint8Array} */ (encode(key)))}`);
  return answer.kind === "ok" && answer.value.value ? /** @type {any[]} */ (decode(fromBase64(answer.value.value, "row.shape"))) : null;
}

// -- the legal act behind it -------------------------------------------------------------------------------------------

function decisionInput() {
  return input({ id: "propose-decision", maxlength: 100, placeholder: t("of.gov.decision-example") });
}

/** @param {HTMLInputElement} decision */
function decided(decision) {
  const text = decision.value.normalize("NFC").trim();
  return text ? { decision: text } : {};
}
