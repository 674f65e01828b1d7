/**
 * The sums of one thing, computed on this device from its verified events: `ledger/origin/flows.py` and `balance.py` once more, and the same
 * vectors hold both (`tests/balance/`).
 *
 * Rules: whole numbers only (BigInt, 10⁻¹² of a base unit), so nothing is rounded. What left is compared with what came, over all time, in the
 * dimension in which the lot's owner made it; a carrier moves what was packed into it, and whoever only sees what is packed packs nothing; a
 * receipt is of the shipment that it names, else of one of which nothing was received yet, of exactly this much, else of the oldest.
 *
 * What this module does not do: judge tolerances, times or places. Those findings are the node's, and `sogoc findings --check` computes them.
 */

import { Carriers, FACTORS, SHOWN, byTime, into, isCarrier, named, shareQuantity, shown, sum } from "./carriers.js";

/** @typedef {import("./carriers.js").Share} Share */
/** @typedef {import("./carriers.js").Quantity} Quantity */
/** @typedef {import("./carriers.js").Told} Told */
/** `said`: what the event says in another dimension, which is in no sum. @typedef {{event: Told, kind: string, amount: bigint|null, carrier: string, said: Quantity|null}} Move */
/** @typedef {{move: Move, open: bigint, receipts: Move[]}} Shipment */

/** Comparisons of a receipt with a shipment; what would take more is paired in order of time. */
const MAX_PAIRS = 250_000;
/** So far two members' clocks may differ. */
const CLOCKS_MS = 10 * 60_000;
/** @type {Record<string, string>} */
const OBSERVED = {
  shipping: "shipped", receiving: "received", void_shipping: "received", retail_selling: "sold", dispensing: "sold", consuming: "removed", destroying: "removed",
  cycle_counting: "counted", stock_taking: "counted",
};
const DELETED = ["retail_selling", "dispensing"];
const GONE = ["used", "sold", "removed"];

/** What an object or transaction event does to what it names. @param {Told} event */
function kindOf(event) {
  if (event.kind === "object" && event.action === "ADD") return "made";
  if (event.kind === "object" && event.action === "DELETE") return DELETED.includes(event.step) ? "sold" : "removed";
  return event.kind === "object" || (event.kind === "transaction" && event.action !== "DELETE") ? observed(event) : "";
}

/** @param {Told} event */
const observed = (event) => (Object.hasOwn(OBSERVED, event.step) ? OBSERVED[event.step] : "");

/** The shares of an item in an event, each with what it does. @param {Told} event @param {string} item @returns {[Share, string][]} */
function doing(event, item) {
  const of = (/** @type {Share[]} */ shares, /** @type {string} */ kind) => shares.filter((share) => share.item === item).map((share) => /** @type {[Share, string]} */ ([share, kind]));
  if (event.kind === "transformation") return [...of(event.inputs, "used"), ...of(event.outputs, "made")];
  const kind = kindOf(event);
  return kind ? of(event.items, kind) : [];
}

/**
 * Carriers of the item that an event moves without naming the item. That a carrier's number ends says nothing of what it held, unless the step
 * says that it was sold or is gone.
 * @param {Told} event
 * @param {string} item
 * @param {Set<string>} carriers
 * @returns {[string, string][]}
 */
function byCarrier(event, item, carriers) {
  if ((event.kind !== "object" && event.kind !== "transaction") || named(event).has(item)) return [];
  const kind = event.action === "ADD" && event.kind === "object" ? "" : observed(event);
  if (event.action === "DELETE" && (event.kind === "transaction" || (kind !== "sold" && kind !== "removed"))) return [];
  return kind && kind !== "counted" ? event.items.filter((share) => carriers.has(share.item)).map((share) => [share.item, kind]) : [];
}

/**
 * The dimension in which its owner made an item, else anybody, else the one in which it is first spoken of; or pieces.
 * @param {Told[]} events
 * @param {string} item
 * @param {string[]} owners
 */
function dimensionOf(events, item, owners) {
  /** @type {{rank: number, dimension: string}[]} */
  const made = [];
  let first = "";
  for (const event of events) {
    /** @type {string[]} */
    const here = [];
    for (const [share, kind] of doing(event, item)) {
      const found = shareQuantity(share);
      if (found && kind === "made") here.push(found.dimension);
      first ||= found?.dimension ?? "";
    }
    // A unit that compares with itself only comes behind mass, volume and pieces, and whoever does not own the lot behind its owner.
    for (const dimension of here.sort()) made.push({ rank: (owners.includes(event.by) ? 0 : 2) + (Object.hasOwn(FACTORS, dimension) ? 0 : 1), dimension });
  }
  if (made.length) return made.reduce((best, one) => (one.rank < best.rank ? one : best)).dimension;
  if (first) return first;
  for (const event of events) {
    for (const share of event.items) {
      const found = share.item === item ? shareQuantity(share) : null;
      if (found) return found.dimension;
    }
  }
  return "count";
}

/** @param {Shipment} shipment @param {Move} move */
const sharesTransaction = (shipment, move) => shipment.move.event.transactions.some((one) => move.event.transactions.includes(one));
/** @param {Shipment} shipment @param {Move} move @param {Carriers} carriers */
function mayBe(shipment, move, carriers) {
  const [sent, got] = [shipment.move.event, move.event];
  if (sent.site && sent.by === got.by && sent.site === got.site && got.step !== "void_shipping") return false;
  const [one, other] = [shipment.move.carrier, move.carrier];
  return !one || !other || one === other || carriers.above(other).has(one) || carriers.above(one).has(other);
}

/** Two members' clocks may differ; one member's does not differ from itself. @param {Told} sent @param {Told} got */
const isBefore = (sent, got) => sent.timeMs <= got.timeMs + (sent.by === got.by ? 0 : CLOCKS_MS);

/** Less is likelier. @param {Shipment} one @param {Move} move @param {bigint} left */
function rank(one, move, left) {
  const reasons = [!sharesTransaction(one, move), !(move.carrier && one.move.carrier === move.carrier), one.receipts.length > 0, one.open !== left, one.open < left];
  return reasons.reduce((found, isWorse) => found * 2 + Number(isWorse), 0);
}

/**
 * The shipment that a receipt most likely is of; of several the first.
 * @param {Shipment[]} candidates in order of happening
 * @param {Move} move
 * @param {bigint} left
 * @returns {Shipment|null}
 */
function likeliest(candidates, move, left) {
  let [found, least] = [/** @type {Shipment|null} */ (null), Infinity];
  for (const one of candidates) {
    const own = rank(one, move, left);
    if (own < least) [found, least] = [one, own];
  }
  return found;
}

/** What a receipt may name a shipment by: a business transaction, or a carrier. @param {Move} move */
const namesOf = (move) => [...move.event.transactions.map((name) => `transaction ${name}`), ...(move.carrier ? [`carrier ${move.carrier}`] : [])];

/** Who finds the shipments that a receipt names, in order of happening. @param {Shipment[]} shipments in that order */
function finderOf(shipments) {
  /** @type {Map<string, number[]>} */
  const byName = new Map();
  for (const [number, one] of shipments.entries()) {
    for (const name of namesOf(one.move)) into(byName, name).push(number);
  }
  return (/** @type {Move} */ move) => {
    const numbers = new Set(namesOf(move).flatMap((name) => byName.get(name) ?? []));
    return [...numbers].sort((one, other) => one - other).map((number) => shipments[number]);
  };
}

/** @param {Move[]} moves @param {Carriers} carriers @returns {{shipments: Shipment[], excesses: bigint[]}} */
function paired(moves, carriers) {
  /** @type {Shipment[]} */
  const shipments = moves.filter((move) => move.kind === "shipped" && move.amount !== null).map((move) => ({ move, open: /** @type {bigint} */ (move.amount), receipts: [] }));
  const receipts = moves.filter((move) => move.kind === "received" && move.amount !== null);
  if (shipments.length * receipts.length > MAX_PAIRS) return { shipments, excesses: inOrder(shipments, receipts) };
  /** @type {bigint[]} */
  const excesses = [];
  const unmatched = [];
  const boundTo = finderOf(shipments);
  for (const move of receipts) {
    let left = /** @type {bigint} */ (move.amount);
    let isFilled = false;
    const bound = boundTo(move);
    const candidates = bound.length ? bound : shipments.filter((one) => one.open > 0n && isBefore(one.move.event, move.event) && mayBe(one, move, carriers));
    while (left > 0n) {
      const found = likeliest(candidates.filter((one) => one.open > 0n), move, left);
      if (!found) break;
      const taken = left < found.open ? left : found.open;
      found.open -= taken;
      found.receipts.push(move);
      left -= taken;
      isFilled = true;
    }
    if (left > 0n && !isFilled && !bound.length) unmatched.push(move);
    else if (left > 0n) excesses.push(left);
  }
  for (const move of unmatched) {
    // What is left has no shipment before it: perhaps one that is claimed to be later, of which nothing arrived.
    const amount = /** @type {bigint} */ (move.amount);
    const later = likeliest(shipments.filter((one) => !one.receipts.length && one.open === amount && mayBe(one, move, carriers)), move, amount);
    if (later) Object.assign(later, { open: 0n, receipts: [move] });
    else excesses.push(amount);
  }
  return { shipments, excesses };
}

/** Pair the oldest with the oldest, in one pass; what goes beyond all that was sent. @param {Shipment[]} shipments @param {Move[]} receipts */
function inOrder(shipments, receipts) {
  const excesses = [];
  let at = 0;
  for (const move of receipts) {
    let left = /** @type {bigint} */ (move.amount);
    while (left > 0n && at < shipments.length) {
      const found = shipments[at];
      const taken = left < found.open ? left : found.open;
      found.open -= taken;
      found.receipts.push(move);
      left -= taken;
      if (found.open === 0n) at += 1;
    }
    if (left > 0n) excesses.push(left);
  }
  return excesses;
}

/** @param {Move[]} moves @param {boolean} isBySite */
function stocksBy(moves, isBySite) {
  /** @type {Map<string, {came: bigint, made: bigint, went: bigint, shipped: bigint}>} */
  const found = new Map();
  for (const { event, kind, amount } of moves) {
    const holder = `${event.by}\n${isBySite ? event.site : ""}`;
    const stock = found.get(holder) ?? { came: 0n, made: 0n, went: 0n, shipped: 0n };
    const much = amount ?? 0n;
    if (kind === "made" || kind === "received") stock.came += much;
    else stock.went += much;
    if (kind === "made") stock.made += much;
    if (kind === "shipped") stock.shipped += much;
    found.set(holder, stock);
  }
  return [...found.values()];
}

/** @param {Move[]} moves */
function stocks(moves) {
  const moving = moves.filter((move) => move.kind !== "counted" && move.amount !== null);
  if (moving.every((move) => move.event.site)) {
    const bySite = stocksBy(moving, true);
    if (bySite.every((stock) => stock.came - stock.went >= 0n || stock.came > 0n)) return bySite;
  }
  return stocksBy(moving, false);
}

/** Moves without those of transaction events that an object event tells too: the same member, moment, place and amount. @param {Move[]} moves */
function once(moves) {
  const what = (/** @type {Move} */ { event, kind, carrier, amount, said }) =>
    JSON.stringify([event.by, kind, event.timeMs, event.site, carrier, String(amount), said && [said.dimension, String(said.base)]]);
  const told = new Set(moves.filter((move) => move.event.kind === "object").map(what));
  return moves.filter((move) => move.event.kind !== "transaction" || !told.has(what(move)));
}

/** All moves of an item, in order of happening. @param {Told[]} events @param {string} item @param {string} dimension @param {Carriers} carriers */
function movesOf(events, item, dimension, carriers) {
  /** @type {Move[]} */
  const moves = [];
  for (const event of events) {
    for (const [share, kind] of doing(event, item)) {
      const found = shareQuantity(share);
      const isSummed = found?.dimension === dimension;
      moves.push({ event, kind, amount: isSummed ? found.base : null, carrier: "", said: isSummed ? null : found });
    }
    const all = named(event);
    for (const [carrier, kind] of byCarrier(event, item, carriers.above(item))) {
      // What holds it is named too, and counts for it.
      if ([...carriers.above(carrier)].some((one) => all.has(one))) continue;
      const amount = carriers.amount(carrier, item, event.timeMs, dimension);
      if (amount !== 0n) moves.push({ event, kind, amount, carrier, said: null });
    }
  }
  return once(moves);
}

/**
 * Whether more of an item went than was made: in its dimension, or in another of which some was made.
 * @param {string} item
 * @param {Move[]} moves
 * @param {string} dimension
 */
export function isShortOf(item, moves, dimension) {
  if (isCarrier(item) || !moves.some((move) => move.kind === "made")) return false;
  const said = (/** @type {Move} */ move) => (move.amount === null ? move.said : { dimension, base: move.amount });
  const isPartSaid = moves.some((move) => move.kind === "made" && move.amount === null);
  return [...new Set(moves.map((move) => said(move)?.dimension)).add(dimension)].some((one) => {
    const [made, gone] = [["made"], GONE].map((kinds) => sum(moves.filter((move) => kinds.includes(move.kind) && said(move)?.dimension === one).map((move) => said(move)?.base ?? 0n)));
    // What was made without an amount may make up for it.
    return gone > made && (made > 0n || (one === dimension && !isPartSaid));
  });
}

/**
 * The sums of an item, in the words of the node's answer, and whether more of it went than was ever made. Null if the events of a carrier that
 * it was in are not among those given.
 * @param {Told[]} events every event known, each once, without those that were declared errors
 * @param {string} item
 * @param {string[]} owners who says that the lot is its own
 * @param {(item: string) => boolean} isComplete whether all events of a thing are among them
 * @returns {{figures: Record<string, string>, isShort: boolean}|null}
 */
export function sumsOf(events, item, owners, isComplete = () => true) {
  const flows = flowsOf(events, item, owners, isComplete);
  return flows && { figures: figuresOf(flows), isShort: isShortOf(item, flows.moves, flows.dimension) };
}

/**
 * All moves of an item, in order of happening, with the carriers; `own`: the events in its history and in those of the carriers that it was in.
 * @typedef {{item: string, own: Told[], moves: Move[], dimension: string, carriers: Carriers}} Flows
 */

/**
 * As `sumsOf`, before anything is added up.
 * @param {Told[]} events
 * @param {string} item
 * @param {string[]} owners
 * @param {(item: string) => boolean} isComplete
 * @returns {Flows|null}
 */
export function flowsOf(events, item, owners, isComplete = () => true) {
  const carriers = new Carriers(events);
  const parents = carriers.above(item);
  if (![item, ...parents].every(isComplete)) return null;
  const own = events.filter((event) => event.things.some((one) => one === item || parents.has(one))).sort(byTime);
  const dimension = dimensionOf(own, item, owners);
  return { item, own, moves: movesOf(own, item, dimension, carriers), dimension, carriers };
}

/** @param {Flows} flows @returns {Record<string, string>} */
export function figuresOf(flows) {
  const { dimension } = flows;
  return { ...Object.fromEntries(Object.entries(amountsOf(flows)).map(([name, amount]) => [name, shown(amount, dimension)])), unit: unitOf(dimension) };
}

/** The unit in which figures of a dimension are shown. @param {string} dimension */
export const unitOf = (dimension) => SHOWN[dimension]?.[0] ?? dimension;

/** The sums of an item, each in its base. @param {Flows} flows @returns {Record<string, bigint>} */
export function amountsOf({ moves, carriers }) {
  const total = (/** @type {string[]} */ ...kinds) => sum(moves.filter((move) => kinds.includes(move.kind)).map((move) => move.amount ?? 0n));
  const { shipments, excesses } = paired(moves, carriers);
  const lost = sum(shipments.filter((one) => one.receipts.length).map((one) => one.open));
  const onTheWay = sum(shipments.filter((one) => !one.receipts.length).map((one) => one.open));
  const stayed = sum(stocks(moves).filter((one) => one.made > 0n && one.shipped > 0n && one.came > one.went).map((one) => one.came - one.went));
  const gone = total(...GONE);
  const left = total("made") + sum(excesses) - gone - lost - onTheWay;
  return {
    made: total("made"), used: total("used"), shipped: total("shipped"), received: total("received"), sold: total("sold"), removed: total("removed"),
    lost, on_the_way: onTheWay, never_shipped: stayed, left: left > 0n ? left : 0n,
  };
}
