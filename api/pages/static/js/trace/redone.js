/**
 * Four kinds of findings about one thing, computed again on this device from its proven history: what a recall reaches of what was sold, serials
 * used again, certificates and OCOP stars that were not in force, and late entries (`ledger/origin/recall.py`, `seen.py`, `papers.py` and
 * `times.py` once more; `tests/redone/` holds both).
 *
 * Rules: a finding that the server states and this device does not find, or the other way, is a difference, whoever is right. What cannot be
 * computed because a history is not at hand is not said to agree. A late entry is held against all events that are proven here; the others
 * concern the thing shown.
 *
 * What this module does not do: judge balances beyond the sums, times, travel, cloned labels or custody. Those findings are the node's, and
 * `sogoc findings --check` computes them.
 */

import { amountsOf, unitOf } from "./balance.js";
import { isCarrier, named, shown, sum } from "./carriers.js";

/** @typedef {import("./balance.js").Flows} Flows */
/** @typedef {import("./carriers.js").Told} Told */
/** An event with what stands beside it. @typedef {Told & {recordedMs: number, certificates: string[]}} Recorded */
/** `turns`: since when it had which status. @typedef {{validFrom: string, validUntil: string, turns: [number, string][]}} CertificateFact */
/** `ocop`: of each description since when, stars or 0, and their last day. @typedef {{recordId: string, ocop: [number, number, string][]}} ProductFact */
/** @typedef {{certificates: Map<string, CertificateFact>, product: ProductFact|null, recall: {id: string, reason: string, timeMs: number}|null}} Facts */
/** @typedef {{rule: string, severity: string, items: string[], records: string[], figures: Record<string, any>}} Found */

/** What is computed here. */
export const RULES = ["recall.reaches-sold", "serial.reused", "certificate.not-in-force", "entry.late"];
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LATE_MS = 3 * DAY_MS;
const VERY_LATE_MS = 30 * DAY_MS;
const REUSE_MS = 365 * DAY_MS;

/** The first instant of a day in Vietnam. @param {string} day */
const firstMs = (day) => Date.parse(`${day}T00:00:00+07:00`);
/** @param {string} day */
const afterMs = (day) => firstMs(day) + DAY_MS;

/**
 * The findings of these kinds about a thing, but for late entries.
 * @param {Flows} flows whose events are `Recorded`
 * @param {Facts} facts
 * @returns {Found[]}
 */
export function redo(flows, facts) {
  return [...reaches(flows, facts.recall), ...reused(flows), ...stars(flows, facts.product), ...flows.own.flatMap((event) => papers(/** @type {Recorded} */ (event), facts.certificates))];
}

/** How late an event was recorded: a weight, or null. @param {Recorded} event @returns {"info"|"warning"|null} */
export function lateness({ timeMs, recordedMs }) {
  const behind = recordedMs - timeMs;
  return behind > VERY_LATE_MS ? "warning" : behind > LATE_MS ? "info" : null;
}

/** @param {Flows} flows @param {string} kind */
const of = (flows, kind) => flows.moves.filter((move) => move.kind === kind);

/** @param {Flows} flows @param {Facts["recall"]} recall @returns {Found[]} */
function reaches(flows, recall) {
  const { item, dimension } = flows;
  const sales = of(flows, "sold");
  const amounts = amountsOf(flows);
  const unsaid = new Set(sales.filter((move) => move.amount === null).map((move) => move.event.id)).size;
  if (!recall || isCarrier(item) || (amounts.sold === 0n && !unsaid)) return [];
  const recordedMs = (/** @type {Told} */ event) => /** @type {Recorded} */ (event).recordedMs;
  const total = (/** @type {(event: Told) => boolean} */ fits) => sum(sales.filter((move) => move.amount !== null && fits(move.event)).map((move) => /** @type {bigint} */ (move.amount)));
  const after = total((event) => event.timeMs > recall.timeMs);
  const toldAfter = total((event) => event.timeMs <= recall.timeMs && recall.timeMs < recordedMs(event));
  const out = amounts.left - amounts.never_shipped;
  const figure = (/** @type {bigint} */ amount) => shown(amount, dimension);
  return [{
    rule: "recall.reaches-sold", severity: "serious", items: [item], records: [recall.id, ...new Set(sales.map((move) => move.event.id))],
    figures: {
      sold: figure(amounts.sold), sold_after: figure(after), at_sellers: figure(out > 0n ? out : 0n), never_shipped: figure(amounts.never_shipped),
      on_the_way: figure(amounts.on_the_way), unit: unitOf(dimension), reason: recall.reason,
      ...(toldAfter ? { told_after: figure(toldAfter) } : {}), ...(unsaid ? { sales_without_amount: unsaid } : {}),
    },
  }];
}

/** A piece commissioned more than once; a logistic unit packed again within a year. @param {Flows} flows @returns {Found[]} */
function reused(flows) {
  const { item } = flows;
  if (item.startsWith("01/") && item.includes("/21/")) {
    const made = of(flows, "made").map((move) => move.event.id);
    return made.length > 1 ? [{ rule: "serial.reused", severity: "serious", items: [item], records: made, figures: { times: made.length } }] : [];
  }
  return isCarrier(item) ? packedAgain(flows) : [];
}

/** @param {Flows} flows */
function packedAgain({ item, carriers }) {
  /** @type {Found[]} */
  const found = [];
  /** @type {Told|null} */
  let emptied = null;
  const inside = new Set();
  for (const event of carriers.packings.get(item) ?? []) {
    if (event.kind !== "aggregation") continue;
    if (event.action === "DELETE") {
      if (event.items.length) for (const one of named(event)) inside.delete(one);
      else inside.clear();
      if (!inside.size) emptied = event;
    } else if (event.action === "ADD") {
      if (emptied && !inside.size && event.timeMs - emptied.timeMs < REUSE_MS) {
        found.push({ rule: "serial.reused", severity: "warning", items: [item], records: [event.id, emptied.id], figures: { emptied_ms: emptied.timeMs, packed_ms: event.timeMs } });
      }
      emptied = null;
      for (const share of event.items) inside.add(share.item);
    }
  }
  return found;
}

/** Made under stars whose term was over. @param {Flows} flows @param {ProductFact|null} product @returns {Found[]} */
function stars(flows, product) {
  if (!product) return [];
  return of(flows, "made").flatMap(({ event }) => {
    const before = product.ocop.filter(([since]) => since <= event.timeMs);
    const [, count, until] = before.at(-1) ?? product.ocop[0] ?? [0, 0, ""];
    if (!count || !until || event.timeMs < afterMs(until)) return [];
    const figures = { certificate: "ocop", stars: count, until, event_ms: event.timeMs, why: "expired" };
    return [{ rule: "certificate.not-in-force", severity: "warning", items: [flows.item], records: [event.id, product.recordId], figures }];
  });
}

/** Certificates that an event points to and that were not in force then. @param {Recorded} event @param {Map<string, CertificateFact>} known @returns {Found[]} */
function papers(event, known) {
  return event.certificates.flatMap((certificate) => {
    const fact = known.get(certificate);
    const why = fact ? whyNot(fact, event.timeMs) : null;
    if (why === null) return [];
    return [{ rule: "certificate.not-in-force", severity: "warning", items: [...named(event)].sort(), records: [event.id], figures: { certificate, why, event_ms: event.timeMs } }];
  });
}

/** @param {CertificateFact} fact @param {number} timeMs */
function whyNot({ validFrom, validUntil, turns }, timeMs) {
  if (validFrom && timeMs < firstMs(validFrom)) return "not-yet";
  if (validUntil && timeMs >= afterMs(validUntil)) return "expired";
  const status = turns.filter(([since]) => since <= timeMs).at(-1)?.[1] ?? "in-force";
  return status === "in-force" ? null : status;
}

/**
 * Hold the node's findings of these kinds against what is computed here.
 * @param {Found[]} stated all findings of the node
 * @param {Flows} flows
 * @param {Found[]} own of `redo`
 * @param {Map<string, Recorded>} known all events that are proven here, by id
 * @returns {{isSame: boolean, redone: Set<Found>}} which of the node's findings were found again; and whether none of either side is alone
 */
export function compare(stated, flows, own, known) {
  const mine = new Map(own.map((one) => [keyOf(one), one]));
  const ours = new Set(flows.own.map((event) => event.id));
  /** @type {Set<Found>} */
  const redone = new Set();
  let isSame = true;
  for (const one of stated) {
    if (one.rule === "entry.late") {
      const isRight = isLate(one, known);
      if (isRight) redone.add(one);
      // Of what is not proven here nothing can be said.
      else if (isRight === false) isSame = false;
    } else if (isOurs(one, flows.item, ours)) {
      if (mine.delete(keyOf(one))) redone.add(one);
      else isSame = false;
    }
  }
  return { isSame: isSame && !mine.size && areAllTold(flows, stated), redone };
}

/** @param {Found} one */
function keyOf({ rule, severity, items, records, figures }) {
  return JSON.stringify([rule, severity, items, records, Object.entries(figures).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Whether a finding is one that is computed here. @param {Found} one @param {string} item @param {Set<string>} ours */
function isOurs({ rule, items, records, figures }, item, ours) {
  if (rule === "certificate.not-in-force" && figures.certificate !== "ocop") return ours.has(records[0]);
  return RULES.includes(rule) && items.length === 1 && items[0] === item;
}

/** Whether all that a finding calls late is, and it says so rightly; null if some of it is not proven here. @param {Found} one @param {Map<string, Recorded>} known */
function isLate(one, known) {
  const { severity, records, figures } = one;
  /** @type {Recorded[]} */
  const events = [];
  for (const id of records) {
    const event = known.get(id);
    if (!event) return null;
    events.push(event);
  }
  if (!events.length || events.some((event) => event.by !== figures.by || lateness(event) !== severity)) return false;
  const longest = Math.max(...events.map((event) => event.recordedMs - event.timeMs));
  const items = [...new Set(events.flatMap((event) => [...named(event)]))].sort();
  return keyOf(one) === keyOf({ ...one, items, figures: { by: figures.by, events: events.length, longest_hours: Math.floor(longest / HOUR_MS) } });
}

/** Whether each late event of the thing is told as such. @param {Flows} flows @param {Found[]} stated */
function areAllTold(flows, stated) {
  const told = new Set(stated.filter((one) => one.rule === "entry.late").flatMap((one) => one.records.map((id) => `${one.severity} ${id}`)));
  return flows.own.every((event) => {
    const weight = lateness(/** @type {Recorded} */ (event));
    return weight === null || told.has(`${weight} ${event.id}`);
  });
}
