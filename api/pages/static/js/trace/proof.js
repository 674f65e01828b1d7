/**
 * Checking a trace on this device: the whole history of every thing in it, and what follows from these.
 *
 * Rules: every history is verified under the policy that this device keeps, and all are of one checkpoint. What a thing was made from is read
 * here, out of the events in those histories, and each thing so named must have its history too, so that no recall further up can be left
 * out: one that the proof lacks is asked for. What the node computed beside it (the graph's sums, findings) is compared with the records: one that names a record which is
 * in no history, or another status than the records give, is a false answer.
 *
 * What this module does not do: compute all of the node's findings again (`balance.js`, `redone.js`). It shows nothing, and reads no network.
 */

import { CannotTellError, FormatError, VerificationError, decode, toHex, verifyHistory } from "../../verify/index.js";
// What every trace needs comes with the page.
import "../../verify/history.js";
import "../../verify/records-goods.js";
import { figuresOf, flowsOf, isShortOf } from "./balance.js";
import { factsOf } from "./facts.js";
import { before, isClass, readEvent } from "./happened.js";
import { compare, redo } from "./redone.js";

/** @typedef {import("../../verify/history.js").VerifiedHistory} VerifiedHistory */
/** @typedef {import("../../verify/history.js").HistoryRecord} HistoryRecord */
/** @typedef {{record: HistoryRecord, id: string, by: string, timeMs: number, recordedMs: number, said: import("./happened.js").Happened|null,
 *   things: string[], declaredError: boolean}} ProvenEvent */
/** @typedef {{id: string, by: string, owner: string, reason: string, timeMs: number, item: string}} Recall */
/** @typedef {{rule: string, severity: string, items: string[], records: string[], figures: Record<string, any>, vi: string, en: string, isProven: boolean, isRedone: boolean}} Finding */
/**
 * A trace of which every record was checked. `layers`: how many steps before the thing each other one stands; `recall`: the one that reaches it;
 * `isWhole`: false where the limits that were asked for left something out. `sums` and `rules`: whether the node's sums, and its findings of the kinds
 * in `redone.js`, are what this device computes (`none`: that could not be computed).
 * @typedef {{item: string, histories: Map<string, VerifiedHistory>, things: Map<string, VerifiedHistory>, layers: Map<string, number>, events: ProvenEvent[],
 *   status: "in-force"|"recalled"|"recalled-upstream"|"unknown", recall: Recall|null, answer: any, findings: Finding[], checked: any, records: number,
 *   asOfMs: number, isWhole: boolean, checkpointText: string, sums: "same"|"differ"|"none", rules: "same"|"differ"|"none", lots: {id: string, by: string, body: Map<string, any>, timeMs: number}[]}} ProvenTrace
 */

export const MAX_PROOF_BYTES = 24_000_000;
const MAX_ITEMS = 100_000;
const MAX_HISTORIES = 3_000;
/** Histories that the proof lacks and that are asked for one by one. */
const MAX_ASKED = 50;
const MAX_ANSWER = 12_000_000;
const DIRECTIONS = ["back", "forward", "both"];

/** @param {string} what */
const shape = (what) => new FormatError("trace.shape", what);

/**
 * @param {Uint8Array} data
 */
function parse(data) {
  const value = decode(data, { maxBytes: MAX_PROOF_BYTES, maxItems: MAX_ITEMS });
  if (!Array.isArray(value) || !value.length) throw shape("the proof of a trace is an array");
  if (value[0] !== 1) throw new CannotTellError("trace.version", "this version of a trace's proof is not known here");
  const [, item, direction, limits, histories, answer] = value;
  if (value.length !== 6 || typeof item !== "string" || !DIRECTIONS.includes(direction) || !(answer instanceof Uint8Array)) throw shape("the proof of a trace has six items");
  if (!Array.isArray(limits) || limits.length !== 5 || limits.some((one) => typeof one !== "number" || one < 0)) throw shape("the limits of a trace are five integers");
  if (!Array.isArray(histories) || histories.length > MAX_HISTORIES) throw shape("the histories of a trace are a list");
  for (const parts of histories) {
    if (!Array.isArray(parts) || !parts.length || parts.some((part) => !(part instanceof Uint8Array))) throw shape("each history is a list of parts");
  }
  return { item, direction, limits, histories: /** @type {Uint8Array[][]} */ (histories), answer: readAnswer(answer) };
}

/** @param {Uint8Array} bytes */
function readAnswer(bytes) {
  if (bytes.length > MAX_ANSWER) throw new CannotTellError("trace.answer-size", "the answer beside the proof is too large for a browser");
  let value;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw shape("the answer beside the proof is JSON");
  }
  const isList = (/** @type {any} */ one) => Array.isArray(one) && one.every((item) => item && typeof item === "object");
  if (!isList(value?.trace?.nodes) || !isList(value.trace.links) || !isList(value.findings)) throw shape("the answer beside the proof is a trace and its findings");
  return value;
}

/** @param {import("../../verify/rows.js").Subject} subject */
function nameOf({ kind, authority, identifier }) {
  return `${kind}\n${authority}\n${typeof identifier === "string" ? identifier : toHex(identifier)}`;
}

/** The name of a thing's history, which is everybody's. @param {string} item */
const thingName = (item) => `thing\n*\n${item}`;

/**
 * Whoever has the histories that a proof lacks: all parts of a thing's history, or null if they cannot be had.
 * @typedef {(item: string) => Promise<Uint8Array[]|null>} More
 */

/**
 * Check the proof of a trace. Throws FormatError, VerificationError (the answer is false, and how) or CannotTellError.
 * @param {Uint8Array} data
 * @param {string} item the path that was asked for
 * @param {string} policyText
 * @param {{direction?: string, depth?: number, onprogress?: (done: number, all: number) => void, signal?: AbortSignal, more?: More}} [options] what was asked for
 * @returns {Promise<ProvenTrace>}
 */
export async function verifyTrace(data, item, policyText, { direction = "back", depth = 16, onprogress = () => {}, signal, more = async () => null } = {}) {
  const proof = parse(data);
  if (proof.item !== item) throw new VerificationError("trace.item", "the proof is about another thing than the one that was asked for");
  if (proof.direction !== direction || proof.limits[0] < depth) throw new VerificationError("trace.asked", "the proof is of another trace than the one that was asked for");
  /** @type {Map<string, VerifiedHistory>} */
  const histories = new Map();
  let root = "", asOf = null;
  for (const [at, parts] of proof.histories.entries()) {
    signal?.throwIfAborted();
    const verified = await verifyHistory(parts, policyText);
    const name = nameOf(verified.subject);
    const itsRoot = toHex(verified.checked.checkpoint.root);
    if (root && root !== itsRoot) throw new VerificationError("trace.checkpoints", "the histories are of different checkpoints");
    if (histories.has(name)) throw new VerificationError("trace.history-twice", "the proof has a history twice");
    histories.set(name, verified);
    root = itsRoot;
    asOf = verified;
    onprogress(at + 1, proof.histories.length);
  }
  const own = histories.get(thingName(item));
  if (!asOf || !own) throw new VerificationError("trace.history-missing", "the proof lacks the history of the thing itself");
  const fetched = async (/** @type {string} */ missing) => {
    const parts = await more(missing);
    const verified = parts && (await verifyHistory(parts, policyText));
    if (!verified || nameOf(verified.subject) !== thingName(missing)) throw new CannotTellError("trace.history-missing", `the history of ${missing}, which this thing was made from, could not be had`);
    histories.set(thingName(missing), verified);
    return verified;
  };
  const trace = await judge(item, proof, histories, own, asOf, fetched);
  const [, , checkpointText] = /** @type {any[]} */ (decode(proof.histories[0][0], { maxBytes: MAX_PROOF_BYTES, maxItems: 200_000 }));
  return { ...trace, checkpointText };
}

/**
 * @param {string} item
 * @param {ReturnType<typeof parse>} proof
 * @param {Map<string, VerifiedHistory>} histories
 * @param {VerifiedHistory} own
 * @param {VerifiedHistory} last
 * @param {(missing: string) => Promise<VerifiedHistory>} fetched
 * @returns {Promise<Omit<ProvenTrace, "checkpointText">>}
 */
async function judge(item, proof, histories, own, last, fetched) {
  /** @type {Map<string, VerifiedHistory>} */
  const things = new Map();
  for (const history of histories.values()) {
    if (history.subject.kind === "thing" && typeof history.subject.identifier === "string") things.set(history.subject.identifier, history);
  }
  const { layers, isWhole } = await walk(item, things, fetched);
  const events = eventsOf(things.values());
  const ids = new Set([...histories.values()].flatMap((history) => history.records.map((one) => toHex(one.recordId))));
  const recall = recallOf(item, layers.keys(), things) ?? recallTold(item, proof.answer, things);
  const status = recall === null ? (own.records.length ? "in-force" : "unknown") : recall.item === item ? "recalled" : "recalled-upstream";
  checkAnswer(item, status, proof.answer, ids);
  return {
    item, histories, things, layers, status, recall, isWhole,
    events: told(events, layers),
    answer: proof.answer.trace,
    ...redoneOf(item, proof.answer, events, { histories, things, recall }, ids),
    checked: last.checked,
    asOfMs: last.header.timeMs,
    records: ids.size,
    lots: own.records.filter(({ record }) => record.type === "lot.create/1")
      .map((one) => ({ id: toHex(one.recordId), by: one.record.authority, body: one.record.body, timeMs: one.timeMs })),
  };
}

/**
 * The node's findings, and what of them and of its sums this device computes itself.
 * @param {string} item
 * @param {any} answer
 * @param {ProvenEvent[]} events
 * @param {{histories: Map<string, VerifiedHistory>, things: Map<string, VerifiedHistory>, recall: Recall|null}} known
 * @param {Set<string>} ids
 * @returns {Pick<ProvenTrace, "findings"|"sums"|"rules">}
 */
function redoneOf(item, answer, events, { histories, things, recall }, ids) {
  const findings = /** @type {Finding[]} */ (answer.findings.map((/** @type {any} */ one) => finding(one, ids)));
  if (isClass(item)) return { findings, sums: "none", rules: "none" };
  const known = events.flatMap(({ id, by, said, declaredError, things: under, recordedMs }) => (said && !declaredError ? [{ ...said, id, by, things: under, recordedMs }] : []));
  const owners = (things.get(item)?.records ?? []).filter(({ record }) => record.type === "lot.create/1").map(({ record }) => record.authority);
  const flows = flowsOf(known, item, owners, (thing) => things.has(thing));
  if (flows === null) return { findings, sums: "none", rules: "none" };
  const facts = factsOf(flows, owners, histories, recall);
  const isCut = findings.some((one) => one.rule === "history.too-long" && one.items.includes(item));
  const own = !isCut && facts && compare(findings, flows, redo(flows, facts), new Map(known.map((one) => [one.id, one])));
  for (const one of findings) one.isRedone = own ? own.redone.has(one) : false;
  return { findings, sums: sumsOfAnswer(item, answer, flows), rules: !own ? "none" : own.isSame ? "same" : "differ" };
}

/**
 * Whether the node's sums of the thing, and that it says so where more went than was made, are what this device computes from the events.
 * @param {string} item
 * @param {any} answer
 * @param {import("./balance.js").Flows} flows
 * @returns {"same"|"differ"|"none"} `none`: the node states no sums
 */
function sumsOfAnswer(item, answer, flows) {
  const told = answer.trace.nodes.find((/** @type {any} */ one) => one.item === item)?.quantity;
  if (!told || typeof told !== "object") return "none";
  const figures = figuresOf(flows);
  const isSame = Object.keys(figures).length === Object.keys(told).length && Object.entries(figures).every(([name, value]) => told[name] === value);
  const isSaid = answer.findings.some((/** @type {any} */ one) => one.rule === "balance.more-out-than-in" && Array.isArray(one.items) && one.items.includes(item));
  return isSame && (!isShortOf(item, flows.moves, flows.dimension) || isSaid) ? "same" : "differ";
}

/** @param {Iterable<VerifiedHistory>} histories @returns {ProvenEvent[]} in order of happening */
function eventsOf(histories) {
  /** @type {Map<string, ProvenEvent>} */
  const found = new Map();
  const errors = new Set();
  const identity = (/** @type {any} */ { authority, body }) => `${authority} ${toHex(body.get("event_hash") ?? body.get("event_tag"))}`;
  for (const { records } of histories) {
    for (const one of records) {
      const { record } = one;
      if (record.type === "epcis.error/1") errors.add(identity(record));
      if (record.type !== "epcis.event/1") continue;
      const id = toHex(one.recordId);
      if (found.has(id)) continue;
      const said = readEvent(record.body.get("event"));
      if (said) said.hidden = record.body.has("hidden_root");
      found.set(id, {
        record: one, id, by: record.authority, timeMs: record.body.get("time_ms"), recordedMs: one.timeMs, said, things: [...record.body.get("things")], declaredError: false,
      });
    }
  }
  for (const event of found.values()) event.declaredError = errors.has(identity(event.record.record));
  return [...found.values()].sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1));
}

/**
 * The events that concern a thing and what it was made from: those that name one of these, and those of a carrier while one was in it.
 * @param {ProvenEvent[]} events in order of happening
 * @param {Map<string, number>} layers
 */
function told(events, layers) {
  /** Of each carrier, since when something of this is in it, and until when. @type {Map<string, [number, number][]>} */
  const inside = new Map();
  for (const { said, declaredError, timeMs } of events) {
    if (!said?.parent || declaredError || !said.items.some((one) => layers.has(one.item))) continue;
    const times = inside.get(said.parent) ?? [];
    const open = times.find(([, until]) => until === Infinity);
    if (said.action === "ADD" && !open) times.push([timeMs, Infinity]);
    if (said.action === "DELETE" && open) open[1] = timeMs;
    inside.set(said.parent, times);
  }
  return events.filter((event) => event.things.some((thing) => layers.has(thing) || (inside.get(thing) ?? []).some(([from, to]) => event.timeMs >= from && event.timeMs <= to)));
}

/**
 * From a thing to all that it was made from, by what the events themselves say; an event that was declared an error leads nowhere.
 * @param {string} item
 * @param {Map<string, VerifiedHistory>} things what is found is added
 * @param {(missing: string) => Promise<VerifiedHistory>} fetched
 */
async function walk(item, things, fetched) {
  const layers = new Map([[item, 0]]);
  let asked = 0, isWhole = true;
  let layer = [item];
  for (let at = 1; layer.length; at++) {
    const found = new Set();
    for (const thing of layer) {
      for (const event of eventsOf([/** @type {VerifiedHistory} */ (things.get(thing))])) {
        if (event.said && !event.declaredError) for (const one of before(event.said, thing)) if (!layers.has(one)) found.add(one);
      }
    }
    layer = [];
    for (const one of [...found].sort()) {
      layers.set(one, -at);
      if (isClass(one)) continue;
      if (!things.has(one) && asked++ < MAX_ASKED) things.set(one, await fetched(one));
      if (things.has(one)) layer.push(one);
      else isWhole = false;
    }
  }
  return { layers, isWhole };
}

/**
 * The recall that reaches a thing: its own, else the newest one of what it was made from. Each stands until whoever recalled lifts it.
 * @param {string} item
 * @param {Iterable<string>} named the thing and what it was made from
 * @param {Map<string, VerifiedHistory>} things
 * @returns {Recall|null}
 */
function recallOf(item, named, things) {
  /** @type {(Recall & {place: [number, number]})[]} */
  const standing = [];
  for (const thing of named) {
    /** @type {Map<string, any>} */
    const byOwner = new Map();
    for (const one of things.get(thing)?.records ?? []) {
      const { type, body, authority } = one.record;
      if (type !== "lot.recall/1" && type !== "lot.release/1") continue;
      const owner = body.get("owner");
      byOwner.delete(owner);
      if (type === "lot.recall/1") {
        byOwner.set(owner, { id: toHex(one.recordId), by: authority, owner, reason: body.get("reason"), timeMs: one.timeMs, item: thing, place: [one.index, one.recordIndex] });
      }
    }
    standing.push(...byOwner.values());
  }
  standing.sort((a, b) => Number(b.item === item) - Number(a.item === item) || b.place[0] - a.place[0] || b.place[1] - a.place[1]);
  return standing[0] ?? null;
}

/**
 * The recall by which the node says that a thing is recalled, if it stands in the histories: a node that reads an event where this page could
 * not is believed in that direction only.
 * @param {string} item
 * @param {any} answer
 * @param {Map<string, VerifiedHistory>} things
 */
function recallTold(item, answer, things) {
  const told = answer.trace.nodes.find((/** @type {any} */ one) => one.item === item)?.recall?.record;
  for (const thing of things.keys()) {
    const standing = thing === item ? null : recallOf(thing, [thing], things);
    if (standing && standing.id === told) return standing;
  }
  return null;
}

/**
 * Hold the node's own words against the records.
 * @param {string} item
 * @param {string} status
 * @param {any} answer
 * @param {Set<string>} ids
 */
function checkAnswer(item, status, answer, ids) {
  const node = answer.trace.nodes.find((/** @type {any} */ one) => one.item === item);
  if (answer.trace.item !== item || !node) throw new VerificationError("trace.answer", "the answer is about another thing than its proof");
  // A recall that the records hold is told, whatever the node says: two readers may differ on an event that is not quite the standard's, and a
  // node that hides one does not succeed.
  if (node.status !== status && !status.startsWith("recalled")) {
    throw new VerificationError("trace.answer", `the answer says that the thing is ${String(node.status).slice(0, 30)}, and its records say ${status}`);
  }
  for (const link of answer.trace.links) {
    if (!ids.has(link.event)) throw new VerificationError("trace.answer", "the answer tells of an event that is in no history");
  }
}

/**
 * @param {any} one
 * @param {Set<string>} ids
 * @returns {Finding}
 */
export function finding(one, ids) {
  const texts = (/** @type {any} */ list) => (Array.isArray(list) ? list.filter((item) => typeof item === "string") : []);
  const records = texts(one.records);
  return {
    rule: String(one.rule ?? ""), severity: ["info", "warning", "serious"].includes(one.severity) ? one.severity : "warning", items: texts(one.items), records,
    figures: one.figures && typeof one.figures === "object" ? one.figures : {}, vi: String(one.vi ?? ""), en: String(one.en ?? ""),
    isProven: records.every((id) => ids.has(id)), isRedone: false,
  };
}
