/**
 * The administrators' table: what is proposed, who has approved, and what may be proposed here.
 *
 * Rules: an approval signs the id of a proposal, which is the hash of what it says. So what it says is read from the record with that hash, and
 * shown, before anything is signed; the tally is the node's word, and the ledger counts anew. Names and roles are chosen, keys compared by
 * their fingerprint.
 */

import { decode, encodeRecord, equal, fromBase64, fromHex, leafHash, parseRecord, toHex } from "../../verify/index.js";
import { askJson } from "../ask.js";
import { dialog, el, icon, say, sayOr, time } from "../dom.js";
import { showTime, t } from "../words.js";
import { desk, keyFor, nameOf, refresh } from "./desk.js";
import { DEFAULT_DAYS, administrators, enact, quorumOf, showJob, takesQuorum } from "./enact.js";
import { fingerprint } from "./keys.js";
import { sign } from "./queue.js";
import { cancelFields, parameterFields, parameterName, parameterValue, successionFields } from "./decisions.js";
import { act, checkbox, field, freshId, guarded, input, select } from "./ui.js";

/** @typedef {import("./keys.js").OfficeKey} OfficeKey */
/** A proposal as the node lists it, and what its record says. @typedef {{listed: any, type: string, body: Map<string, any>}} Proposal */

const ROLES = ["administrator", "auditor", "device", "inspector", "issuer", "key-manager", "office", "producer", "validator"];
const KINDS = ["member.register/1", "member.roles/1", "key.register/1", "key.retire/1", "key.revoke/1", "succession.declare/1", "succession.cancel/1", "parameter.set/1"];
const DECIDED_SHOWN = 20;
const ID = /^[a-z0-9._-]{1,64}$/;

/** The administrator's key here, if there is one. */
function administratorKey() {
  return keyFor("governance.approve/1");
}

export function governanceView() {
  const open = el("ul", { class: "papers", id: "proposals", hidden: true });
  const none = say("of.gov.none", "p", { class: "soft" });
  const place = el("div");
  const decided = el("ul", { class: "papers", id: "decided" });
  const past = el("details", { hidden: true }, say("of.gov.decided", "summary"), el("div", { class: "inside" }, decided));
  const who = el("p", { class: "soft", id: "quorum" });
  const form = el("section", { class: "card", id: "propose" });
  const view = el("div", {}, say("of.gov.title", "h2", { tabindex: "-1" }), say("of.gov.lead", "p", { class: "soft" }), who,
    el("section", { class: "card" }, say("of.gov.open", "h3"), place, none, open), form, past);

  async function show() {
    const key = administratorKey();
    if (!key) return;
    const all = administrators();
    who.replaceChildren(...(all.length < 2 ? [say("of.gov.alone")]
      : [say("of.gov.quorum"), el("strong", {}, ` ${quorumOf(all.length)}/${all.length}`), ": ", all.map(nameOf).join(", ")]));
    if (!form.children.length) form.append(...proposeForm(key, show));
    const answer = await askJson("/v1/proposals");
    if (answer.kind !== "ok") return place.replaceChildren(say("of.offline-now", "p", { class: "note warn", role: "alert" }));
    place.replaceChildren();
    const listed = /** @type {any[]} */ (answer.value.proposals);
    const waiting = listed.filter((one) => one.outcome === "open");
    const done = listed.filter((one) => one.outcome !== "open").slice(0, DECIDED_SHOWN);
    open.replaceChildren(...(await Promise.all(waiting.map((one) => proposalRow(one, key, show)))));
    none.hidden = waiting.length > 0;
    open.hidden = !waiting.length;
    past.hidden = !done.length;
    decided.replaceChildren(...(await Promise.all(done.map((one) => proposalRow(one, null, show)))));
  }

  return { view, show };
}

/**
 * What a proposal says, read from the record that has its id; null if the node's answer is not that record.
 * @param {any} listed
 * @returns {Promise<Proposal|null>}
 */
async function read(listed) {
  const answer = await askJson(`/v1/records/${listed.id}`);
  if (answer.kind !== "ok") return null;
  const raw = fromBase64(answer.value.raw, "record.shape");
  if (!equal(await leafHash(raw), fromHex(listed.id))) return null;
  const record = await parseRecord(raw);
  const action = record.type === "governance.propose/1" ? decode(record.body.get("action")) : null;
  if (!Array.isArray(action) || typeof action[0] !== "string" || !(action[1] instanceof Map)) return null;
  return { listed: { ...listed, proposer: record.authority, expires_ms: record.body.get("expires_ms") }, type: action[0], body: action[1] };
}

/**
 * @param {any} listed
 * @param {OfficeKey|null} key null for one that is decided
 * @param {() => void} onchange
 */
async function proposalRow(listed, key, onchange) {
  const proposal = await read(listed);
  if (!proposal) return el("li", { "data-proposal": listed.id }, el("span", { class: "what" }, say("of.gov.unreadable")), el("span", { class: "more" }, listed.id));
  const { approvals, counted, quorum, voters, outcome } = listed;
  const { proposer, expires_ms } = proposal.listed;
  const mayApprove = key !== null && voters.includes(key.member) && !approvals.includes(key.member);
  const mayWithdraw = key !== null && proposer === key.member;
  return el("li", { "data-proposal": listed.id, "data-outcome": outcome },
    // One piece of text: as parts of a row that wraps, the colon would begin a line.
    el("span", { class: "what" }, el("span", {}, say(`of.gov.kind.${kindOf(proposal.type)}`), ": ", subjectOf(proposal.body)), key === null ? outcomeTag(outcome) : null),
    el("span", { class: "more" }, say("of.gov.by"), " ", nameOf(proposer), " · ",
      el("strong", {}, key === null ? `${approvals.length}` : `${counted.length}/${quorum}`), " ", say("of.gov.approved"), ...(approvals.length ? [` (${approvals.map(nameOf).join(", ")})`] : []),
      " · ", ...(key === null ? [time(listed.decided_ms ?? expires_ms)] : [say("of.gov.until"), " ", time(expires_ms)])),
    mayApprove || mayWithdraw ? el("span", { class: "buttons" },
      mayApprove ? act("of.gov.approve", { kind: "primary small", icon: "check", onclick: () => openVote("approve", proposal, /** @type {OfficeKey} */ (key), onchange) }) : null,
      mayWithdraw ? act("of.gov.withdraw", { kind: "small quiet", onclick: () => openVote("withdraw", proposal, /** @type {OfficeKey} */ (key), onchange) }) : null) : null,
    key !== null && approvals.includes(key.member) ? el("span", { class: "tag good" }, icon("check"), say("of.gov.mine")) : null);
}

/** @param {string} outcome */
function outcomeTag(outcome) {
  return el("span", { class: `tag ${outcome === "executed" ? "good" : "ended"}` }, icon(outcome === "executed" ? "check" : "ended"), sayOr(`of.gov.outcome.${outcome}`, outcome));
}

/** The kind's key of words. @param {string} type */
function kindOf(type) {
  return KINDS.includes(type) || type === "validator.set/1" ? type.replace("/1", "") : "other";
}

/** Whom or what a proposal concerns, in a few words. @param {Map<string, any>} body @returns {Node|string} */
function subjectOf(body) {
  if (body.has("predecessor")) return [nameOf(body.get("predecessor")), ...(body.has("successors") ? [body.get("successors").map(nameOf).join(", ")] : [])].join(" → ");
  if (body.has("value")) return el("span", {}, parameterName(body.get("name")), ": ", parameterValue(body.get("name"), body.get("value")));
  if (body.has("set")) return body.get("validator") ?? body.get("leaves") ?? "";
  return body.get("name") ?? nameOf(body.get("member") ?? "");
}

/**
 * All that a record says, for whoever signs it.
 * @param {Map<string, any>} body
 * @returns {Promise<HTMLElement>}
 */
async function said(body) {
  const list = el("dl", { class: "facts" });
  for (const [name, value] of body) {
    if (name === "authority" || name.endsWith("possession")) continue;
    // What has no words of its own is shown all the same: nobody approves what was left out.
    list.append(el("div", {}, el("dt", {}, labelOf(name, body)), el("dd", {}, await shown(name, value, body))));
  }
  return list;
}

/** @param {string} name @param {Map<string, any>} body */
function labelOf(name, body) {
  if (name === "key") return say("of.keys.print");
  if (name === "roles") return say("ex.roles");
  if (name === "name" && body.has("value")) return say("of.gov.field.parameter");
  return sayOr(`of.gov.field.${name}`, name);
}

/**
 * @param {string} name
 * @param {any} value
 * @param {Map<string, any>} body
 * @returns {Promise<Node|string>}
 */
async function shown(name, value, body) {
  if (value instanceof Uint8Array) return el("span", { class: "print" }, value.length === 32 ? await fingerprint(toHex(value)) : toHex(value));
  if (name === "roles") return rolesIn(value);
  if (name === "member" || name === "predecessor") return `${nameOf(value)} (${value})`;
  if (name === "successors") return value.map((/** @type {string} */ one) => `${nameOf(one)} (${one})`).join(", ");
  if (name === "kind") return sayOr(`of.gov.succession.${value}`, value);
  if (name === "name" && body.has("value")) return parameterName(value);
  if (name === "value") return parameterValue(body.get("name"), value);
  // A dash stands where a record needs a decision to be well formed, and none was named.
  if (name === "decision" && value === "-") return say("of.gov.no-decision");
  return name.endsWith("_ms") ? showTime(value) : String(value);
}

/** @param {string[]} roles */
function rolesIn(roles) {
  return el("span", {}, ...roles.flatMap((role, at) => [at ? ", " : "", sayOr(`of.role.${role}`, role)]));
}

/**
 * @param {"approve"|"withdraw"} verb
 * @param {Proposal} proposal
 * @param {OfficeKey} key
 * @param {() => void} onchange
 */
async function openVote(verb, proposal, key, onchange) {
  const place = el("div");
  const { listed } = proposal;
  const id = fromHex(listed.id);
  const go = act(`of.gov.${verb}.do`, { kind: verb === "approve" ? "primary" : "danger", icon: "lock", id: "vote-do", onclick: () => guarded(go, place, async () => {
    const body = verb === "approve" ? { authority: key.member, proposer: listed.proposer, proposal: id } : { authority: key.member, proposal: id };
    const [job] = await sign(key, verb === "approve" ? "vote" : "take-back", [{ record: encodeRecord(`governance.${verb}/1`, body), item: { title: listed.id.slice(0, 16) } }]);
    go.hidden = true;
    showJob(job, place, async () => {
      await refresh();
      onchange();
    });
  }) });
  const isLast = verb === "approve" && listed.counted.length + 1 >= listed.quorum;
  dialog(`of.gov.${verb}`, [
    say(`of.gov.kind.${kindOf(proposal.type)}`, "h3"), await said(proposal.body),
    el("p", { class: "soft" }, say("of.gov.by"), " ", nameOf(listed.proposer), " · ", `${listed.counted.length}/${listed.quorum} `, say("of.gov.approved"), " · ", say("of.gov.until"), " ", showTime(listed.expires_ms)),
    proposal.body.has("key") ? el("div", { class: "note warn" }, say("of.admin.warn", "p")) : null,
    say(isLast ? "of.gov.approve.last" : `of.gov.${verb}.text`, "p"), place, el("div", { class: "buttons" }, go)]);
}

// -- what may be proposed ----------------------------------------------------------------------------------------------

/**
 * @param {OfficeKey} key
 * @param {() => void} onchange
 * @returns {Node[]}
 */
function proposeForm(key, onchange) {
  const place = el("div");
  const fields = el("div");
  const result = el("div");
  const which = select(KINDS.map((type) => /** @type {[string, Node]} */ ([type, say(`of.gov.kind.${kindOf(type)}`)])), { id: "propose-kind" });
  const go = act("of.gov.sign", { kind: "primary", icon: "lock", type: "submit", id: "propose-do" });
  const note = el("p", { class: "soft small" });
  const form = el("form", { novalidate: true }, field(say("of.gov.what"), which), fields, note, place, el("div", { class: "buttons" }, go), result);
  /** @type {Fields} */
  let made = { nodes: [], read: async () => "of.gov.missing" };

  function choose() {
    made = fieldsOf(key, which.value, choose.told);
    fields.replaceChildren(...made.nodes);
    choose.told();
    place.replaceChildren();
  }
  const type = () => made.type?.() ?? which.value;
  const isForAll = () => {
    const member = /** @type {HTMLSelectElement|null} */ (fields.querySelector("#propose-member"))?.value ?? "";
    return made.isForAll?.() ?? takesQuorum(key, type(), member);
  };
  choose.told = () => {
    const isProposed = isForAll();
    const words = isProposed ? "of.gov.sign" : "of.gov.sign-now";
    const label = /** @type {HTMLElement} */ (go.querySelector("[data-t]"));
    label.setAttribute("data-t", words);
    label.textContent = t(words);
    note.replaceChildren(...(isProposed ? [say("of.gov.sign-note"), ` ${DEFAULT_DAYS} `, say("of.gov.days")] : [say("of.gov.sign-now-note")]));
  };

  which.addEventListener("change", choose);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(go, place, async () => {
      const body = await made.read();
      if (typeof body === "string") return place.replaceChildren(say(body, "p", { class: "error", role: "alert" }));
      const title = body.name ?? nameOf(body.member ?? body.predecessor ?? key.member);
      const id = await enact(key, type(), { authority: key.member, ...body }, title, isForAll());
      showJob(id, result, async () => {
        await refresh();
        choose();
        onchange();
      });
    });
  });
  choose();
  return [say("of.gov.propose", "h3"), form];
}

/**
 * The fields of a kind of record, and how to read them: what they say, or what is wrong (a key of words). `type` and `isForAll` where these
 * depend on what was chosen.
 * @typedef {{nodes: Node[], read: () => Promise<Record<string, any>|string>, type?: () => string, isForAll?: () => boolean}} Fields
 */

/**
 * @param {OfficeKey} key
 * @param {string} type
 * @param {() => void} told what to do when another member is chosen
 * @returns {Fields}
 */
function fieldsOf(key, type, told) {
  if (type === "parameter.set/1") return parameterFields();
  if (type === "succession.declare/1") return successionFields(key, told);
  if (type === "succession.cancel/1") return cancelFields(key, told);
  const living = desk.members.filter((one) => one.ended_ms === null);
  const member = select(living.map((one) => [one.id, `${one.name} (${one.id})`]), { id: "propose-member" });
  member.addEventListener("change", told);
  const whom = field(say("ex.member"), member);
  const found = () => living.find((one) => one.id === member.value);
  if (type === "member.register/1") return newMember();
  if (type === "member.roles/1") {
    const roles = roleTicks();
    const reset = () => roles.set(found()?.roles ?? []);
    member.addEventListener("change", reset);
    reset();
    return { nodes: [whom, roles.whole], read: async () => {
      if (!roles.chosen().length) return "of.gov.no-roles";
      if (roles.chosen().includes("administrator") && !found()?.roles.includes("administrator")) return "of.gov.administrator-key";
      return { member: member.value, roles: roles.chosen() };
    } };
  }
  if (type === "key.register/1") return newKey(member, whom, found);
  return endKey(type, member, whom, found);
}

function newMember() {
  const id = input({ id: "propose-id", maxlength: 64, spellcheck: "false", class: "input code-input" });
  const name = input({ id: "propose-name", maxlength: 100 });
  const roles = roleTicks(["office", "issuer", "key-manager"]);
  return {
    nodes: [field(say("of.gov.field.name"), name, { hint: say("of.gov.name-hint") }), field(say("of.gov.id"), id, { hint: say("of.gov.id-hint") }), roles.whole],
    read: async () => {
      if (!ID.test(id.value.trim())) return "of.gov.bad-id";
      if (!name.value.trim()) return "of.gov.missing";
      if (desk.members.some((one) => one.id === id.value.trim())) return "of.gov.id-taken";
      if (!roles.chosen().length) return "of.gov.no-roles";
      if (roles.chosen().includes("administrator")) return "of.gov.administrator-key";
      return { member: id.value.trim(), name: name.value.normalize("NFC").trim(), roles: roles.chosen() };
    },
  };
}

/**
 * @param {HTMLSelectElement} member
 * @param {HTMLElement} whom
 * @param {() => any} found
 */
function newKey(member, whom, found) {
  const key = input({ id: "propose-key", maxlength: 64, spellcheck: "false", class: "input code-input" });
  const shows = input({ id: "propose-possession", maxlength: 128, spellcheck: "false", class: "input code-input" });
  const roles = roleTicks(["office"]);
  const only = () => roles.only(found()?.roles ?? []);
  member.addEventListener("change", only);
  only();
  return {
    nodes: [say("of.gov.key-text", "p", { class: "soft" }), whom, roles.whole, field(say("of.gov.key"), key, { hint: say("of.gov.key-hint") }), field(say("of.gov.possession"), shows)],
    read: async () => {
      if (!/^[0-9a-f]{64}$/i.test(key.value.trim()) || !/^[0-9a-f]{128}$/i.test(shows.value.trim())) return "of.gov.bad-key";
      if (!roles.chosen().length) return "of.gov.no-roles";
      return { member: member.value, key: fromHex(key.value.trim().toLowerCase()), roles: roles.chosen(), possession: fromHex(shows.value.trim().toLowerCase()) };
    },
  };
}

/**
 * @param {string} type retire or revoke
 * @param {HTMLSelectElement} member
 * @param {HTMLElement} whom
 * @param {() => any} found
 */
function endKey(type, member, whom, found) {
  const keys = select([], { id: "propose-which" });
  const since = input({ id: "propose-since", type: "datetime-local" });
  async function fill() {
    const held = (found()?.keys ?? []).filter((/** @type {any} */ one) => one.retired_ms === null && one.revoked_ms === null);
    const options = await Promise.all(held.map(async (/** @type {any} */ one) => el("option", { value: one.public_key },
      `${(await fingerprint(one.public_key)).slice(0, 14)}… · ${one.roles.map((/** @type {string} */ role) => t(`of.role.${role}`)).join(", ")}`)));
    keys.replaceChildren(...options);
  }
  member.addEventListener("change", fill);
  fill();
  const isRevoked = type === "key.revoke/1";
  return {
    nodes: [say(isRevoked ? "of.gov.revoke-text" : "of.gov.retire-text", "p", { class: "soft" }), whom, field(say("of.gov.which"), keys),
      ...(isRevoked ? [field(say("of.gov.field.from_ms"), since, { hint: say("of.gov.since-hint") })] : [])],
    read: async () => {
      if (!keys.value) return "of.gov.no-key";
      const body = { member: member.value, key: fromHex(keys.value) };
      if (!isRevoked) return body;
      // What is typed is a time in Vietnam, wherever this browser stands.
      const from = Date.parse(`${since.value}:00+07:00`);
      if (!Number.isFinite(from)) return "of.gov.missing";
      return from > Date.now() ? "of.gov.since-future" : { ...body, from_ms: from };
    },
  };
}

/** Roles to tick. @param {string[]} first those that are ticked */
function roleTicks(first = []) {
  const ticks = ROLES.map((role) => ({ role, ...checkbox(sayOr(`of.role.${role}`, role), { "data-role": role }) }));
  const label = freshId();
  const whole = el("div", { class: "field", role: "group", "aria-labelledby": label }, say("ex.roles", "span", { class: "label", id: label }), el("div", { class: "ticks" }, ...ticks.map((one) => one.whole)));
  /** @param {string[]} roles */
  const set = (roles) => ticks.forEach(({ role, box }) => (box.checked = roles.includes(role)));
  set(first);
  return {
    whole, set,
    /** @param {string[]} held */
    only(held) {
      for (const { role, box, whole: one } of ticks) {
        one.hidden = !held.includes(role);
        if (one.hidden) box.checked = false;
      }
    },
    chosen: () => ticks.filter(({ box }) => box.checked).map(({ role }) => role).sort(),
  };
}
