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

import { isSingle } from "./happened.js";

/** So much of an item; `amount` null where the event does not say. @typedef {{item: string, amount: string|null, unit: string}} Share */
/** So much of a dimension. @typedef {{dimension: string, base: bigint}} Quantity */
/**
 * An event as sums need it. `things`: those in whose histories its record stands, whatever it names itself.
 * @typedef {{id: string, by: string, kind: string, action: string, step: string, timeMs: number, site: string, items: Share[], parent: string,
 *   inputs: Share[], outputs: Share[], transactions: string[], things: string[]}} Told
 */
/** `said`: what the event says in another dimension, which is in no sum. @typedef {{event: Told, kind: string, amount: bigint|null, carrier: string, said: Quantity|null}} Move */
/** @typedef {{move: Move, open: bigint, receipts: Move[]}} Shipment */

const SCALE_DIGITS = 12;
const MAX_DIGITS = 18;
const MAX_SCALE = 9;
const MAX_NESTING = 16;
/** Comparisons of a receipt with a shipment; what would take more is paired in order of time. */
const MAX_PAIRS = 250_000;
/** So far two members' clocks may differ. */
const CLOCKS_MS = 10 * 60_000;
/** Thousandths of nanograms, microlitres and pieces. @type {Record<string, Record<string, bigint>>} */
const FACTORS = {
  mass: { MGM: 10n ** 9n, GRM: 10n ** 12n, HGM: 10n ** 14n, KGM: 10n ** 15n, DTN: 10n ** 17n, TNE: 10n ** 18n, LBR: 453592370000000n, ONZ: 28349523125000n, STN: 907184740000000000n, LTN: 1016046908800000000n },
  volume: { MLT: 10n ** 6n, CMQ: 10n ** 6n, CLT: 10n ** 7n, DLT: 10n ** 8n, LTR: 10n ** 9n, DMQ: 10n ** 9n, HLT: 10n ** 11n, MTQ: 10n ** 12n, GLL: 3785411784n, GLI: 4546090000n },
  count: { H87: 1000n, C62: 1000n, EA: 1000n, PR: 2000n, DZN: 12000n, CEN: 100000n, GRO: 144000n, MIL: 1000000n },
};
/** Unit in which figures of a dimension are shown, and the power of ten of its base. @type {Record<string, [string, number]>} */
const SHOWN = { mass: ["KGM", 12], volume: ["LTR", 6], count: ["H87", 0] };
/** @type {Record<string, string>} */
const OBSERVED = {
  shipping: "shipped", receiving: "received", void_shipping: "received", retail_selling: "sold", dispensing: "sold", consuming: "removed", destroying: "removed",
  cycle_counting: "counted", stock_taking: "counted",
};
const DELETED = ["retail_selling", "dispensing"];
const GONE = ["used", "sold", "removed"];

/** @param {string} item */
const isCarrier = (item) => item.startsWith("00/");
/** @param {bigint[]} amounts */
const sum = (amounts) => amounts.reduce((total, one) => total + one, 0n);

/**
 * An amount in its base unit; null if it is no amount of goods.
 * @param {string} text
 * @param {string} unit
 * @returns {Quantity|null}
 */
export function quantityOf(text, unit) {
  const match = /^(\d{1,40})(?:\.(\d{1,40}))?$/.exec(text);
  if (!match) return null;
  const [, whole, fraction = ""] = match;
  const digits = `${whole}${fraction}`.replace(/^0+(?=\d)/, "");
  if (digits.length > MAX_DIGITS || fraction.length > MAX_SCALE) return null;
  const thousandMillionths = BigInt(digits) * 10n ** BigInt(MAX_SCALE - fraction.length);
  for (const [dimension, units] of Object.entries(FACTORS)) {
    if (Object.hasOwn(units, unit)) return { dimension, base: thousandMillionths * units[unit] };
  }
  return { dimension: unit, base: thousandMillionths * 1000n };
}

/** @param {Share} share */
function shareQuantity({ item, amount, unit }) {
  if (amount === null) return isSingle(item) ? quantityOf("1", "H87") : null;
  return quantityOf(amount, unit || "H87");
}

/** @param {Share} share @param {string} dimension @returns {bigint|null} */
function amountIn(share, dimension) {
  const found = shareQuantity(share);
  return found === null || found.dimension !== dimension ? null : found.base;
}

/** A figure without needless zeros. @param {bigint} amount @param {string} dimension */
function shown(amount, dimension) {
  const places = SCALE_DIGITS + (SHOWN[dimension]?.[1] ?? 0);
  const digits = amount.toString().padStart(places + 1, "0");
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, "");
}

/** @param {Told} one @param {Told} other */
const byId = (one, other) => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
/** Order of happening. @param {Told} one @param {Told} other */
const byTime = (one, other) => one.timeMs - other.timeMs || byId(one, other);

/** Every item that an event names. @param {Told} event */
function named(event) {
  return new Set([...event.items, ...event.inputs, ...event.outputs].map((share) => share.item).concat(event.parent || []));
}

/** From which time on a packing counts: what is taken out was still in at that moment. @param {Told} event */
const countsFrom = (event) => event.timeMs + (event.action === "DELETE" ? 1 : 0);

/** How many of some times, in order, are not after a moment. @param {number[]} times @param {number} timeMs */
function countUntil(times, timeMs) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * What a carrier holds of an item after one event that names both; null if some packing does not say.
 * @param {Told} event
 * @param {string} item
 * @param {string} dimension
 * @param {bigint|null} held before it
 */
function packed(event, item, dimension, held) {
  const amounts = event.items.filter((share) => share.item === item).map((share) => amountIn(share, dimension));
  if (held === null || amounts.includes(null)) return null;
  const total = sum(/** @type {bigint[]} */ (amounts));
  if (event.action === "DELETE") return held > total ? held - total : 0n;
  // Whoever only sees what is packed packs nothing more.
  if (event.action !== "ADD") return held > total ? held : total;
  return held + total;
}

/** The list behind a name, there from now on. @template One @param {Map<string, One[]>} lists @param {string} name */
function into(lists, name) {
  const found = lists.get(name) ?? [];
  lists.set(name, found);
  return found;
}

/** What was packed into carriers, and taken out of them. */
class Carriers {
  /** @param {Told[]} events */
  constructor(events) {
    /** @type {Map<string, Told[]>} */
    this.packings = new Map();
    /** Of each item the carriers that it was ever packed into. @type {Map<string, Set<string>>} */
    this.parents = new Map();
    /** Of each carrier those that were ever packed into it. @type {Map<string, Set<string>>} */
    this.inner = new Map();
    /** @type {Map<string, Set<string>>} */
    this.known = new Map();
    /** @type {Map<string, bigint|null>} */
    this.amounts = new Map();
    /** @type {Map<string, {times: number[], amounts: (bigint|null)[]}>} */
    this.lines = new Map();
    for (const event of [...events].sort(byTime)) {
      if ((event.kind !== "aggregation" && event.kind !== "association") || !event.parent) continue;
      into(this.packings, event.parent).push(event);
      for (const { item } of event.items) {
        this.parents.set(item, (this.parents.get(item) ?? new Set()).add(event.parent));
        if (isCarrier(item)) this.inner.set(event.parent, (this.inner.get(event.parent) ?? new Set()).add(item));
      }
    }
  }

  /** The carriers that an item was in, also by way of others. @param {string} item @returns {Set<string>} */
  above(item) {
    const known = this.known.get(item);
    if (known) return known;
    const found = new Set();
    const left = [item];
    while (left.length) {
      for (const parent of this.parents.get(/** @type {string} */ (left.pop())) ?? []) {
        if (!found.has(parent)) {
          found.add(parent);
          left.push(parent);
        }
      }
    }
    this.known.set(item, found);
    return found;
  }

  /**
   * How much of an item a carrier held at a time; null if a packing does not say.
   * @param {string} carrier
   * @param {string} item
   * @param {number} timeMs
   * @param {string} dimension
   * @param {number} depth
   * @returns {bigint|null}
   */
  amount(carrier, item, timeMs, dimension, depth = 0) {
    if (depth >= MAX_NESTING) return 0n;
    const key = `${carrier}\n${item}\n${timeMs}\n${dimension}`;
    const known = this.amounts.get(key);
    if (known !== undefined) return known;
    // Each carrier is looked into once, however many ways lead to it: what somebody packed in itself ends here too.
    this.amounts.set(key, 0n);
    const held = this.#held(carrier, item, this.#moment(carrier, timeMs), dimension, depth);
    this.amounts.set(key, held);
    return held;
  }

  /** The time itself, or for what had not been packed by then: just before it was first unpacked. @param {string} carrier @param {number} timeMs */
  #moment(carrier, timeMs) {
    const packings = this.packings.get(carrier) ?? [];
    const first = packings.find((event) => event.action !== "DELETE")?.timeMs;
    if (first === undefined || first <= timeMs) return timeMs;
    return (packings.find((event) => event.action === "DELETE" && event.timeMs >= first) ?? packings[packings.length - 1]).timeMs;
  }

  /** @param {string} carrier @param {string} item @param {number} timeMs @param {string} dimension @param {number} depth @returns {bigint|null} */
  #held(carrier, item, timeMs, dimension, depth) {
    let held = this.#byItself(carrier, item, timeMs, dimension);
    if (held === null) return null;
    const above = this.above(item);
    for (const inner of [...(this.inner.get(carrier) ?? [])].filter((one) => above.has(one)).sort()) {
      if (this.#byItself(carrier, inner, timeMs, "count") === 0n) continue;
      const amount = this.amount(inner, item, timeMs, dimension, depth + 1);
      if (amount === null) return null;
      held += amount;
    }
    return held;
  }

  /** How much of an item lay in a carrier by itself. @param {string} carrier @param {string} item @param {number} timeMs @param {string} dimension */
  #byItself(carrier, item, timeMs, dimension) {
    const key = `${carrier}\n${item}\n${dimension}`;
    const line = this.lines.get(key) ?? this.#line(carrier, item, dimension);
    this.lines.set(key, line);
    const count = countUntil(line.times, timeMs);
    return count ? line.amounts[count - 1] : 0n;
  }

  /** How much of an item lay in a carrier from which time on. @param {string} carrier @param {string} item @param {string} dimension */
  #line(carrier, item, dimension) {
    const packings = this.packings.get(carrier) ?? [];
    const emptied = packings.filter((event) => event.action === "DELETE" && !event.items.length).map(countsFrom);
    const naming = packings.filter((event) => event.items.some((share) => share.item === item));
    /** @type {number[]} */
    const times = [];
    /** @type {(bigint|null)[]} */
    const amounts = [];
    /** @type {bigint|null} */
    let held = 0n;
    /** What was emptied since the last event that named the item, if by a given time. @param {number} until */
    const empty = (until) => {
      const gone = times.length ? emptied[countUntil(emptied, times[times.length - 1])] : undefined;
      if (gone === undefined || gone > until) return;
      times.push(gone);
      amounts.push((held = 0n));
    };
    for (const event of naming.sort((one, other) => countsFrom(one) - countsFrom(other) || byId(one, other))) {
      empty(countsFrom(event));
      held = packed(event, item, dimension, held);
      times.push(countsFrom(event));
      amounts.push(held);
    }
    empty(Infinity);
    return { times, amounts };
  }
}

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
function isShortOf(item, moves, dimension) {
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
  const carriers = new Carriers(events);
  const parents = carriers.above(item);
  if (![item, ...parents].every(isComplete)) return null;
  const own = events.filter((event) => event.things.some((one) => one === item || parents.has(one))).sort(byTime);
  const dimension = dimensionOf(own, item, owners);
  const moves = movesOf(own, item, dimension, carriers);
  const total = (/** @type {string[]} */ ...kinds) => sum(moves.filter((move) => kinds.includes(move.kind)).map((move) => move.amount ?? 0n));
  const { shipments, excesses } = paired(moves, carriers);
  const lost = sum(shipments.filter((one) => one.receipts.length).map((one) => one.open));
  const onTheWay = sum(shipments.filter((one) => !one.receipts.length).map((one) => one.open));
  const stayed = sum(stocks(moves).filter((one) => one.made > 0n && one.shipped > 0n && one.came > one.went).map((one) => one.came - one.went));
  const gone = total(...GONE);
  const left = total("made") + sum(excesses) - gone - lost - onTheWay;
  const figures = {
    made: total("made"), used: total("used"), shipped: total("shipped"), received: total("received"), sold: total("sold"), removed: total("removed"),
    lost, on_the_way: onTheWay, never_shipped: stayed, left: left > 0n ? left : 0n,
  };
  return {
    figures: { ...Object.fromEntries(Object.entries(figures).map(([name, amount]) => [name, shown(amount, dimension)])), unit: SHOWN[dimension]?.[0] ?? dimension },
    isShort: isShortOf(item, moves, dimension),
  };
}
