/**
 * Amounts of goods, and what was packed into carriers: what the sums of one thing are made with (`balance.js`).
 *
 * Rules: whole numbers only (BigInt, 10⁻¹² of a base unit), so nothing is rounded. A carrier holds what was packed into it until it was taken
 * out; whoever only sees what is packed packs nothing.
 */

import { isSingle } from "./happened.js";

/** So much of an item; `amount` null where the event does not say. @typedef {{item: string, amount: string|null, unit: string}} Share */
/** So much of a dimension. @typedef {{dimension: string, base: bigint}} Quantity */
/**
 * An event as sums need it. `things`: those in whose histories its record stands, whatever it names itself.
 * @typedef {{id: string, by: string, kind: string, action: string, step: string, timeMs: number, site: string, items: Share[], parent: string,
 *   inputs: Share[], outputs: Share[], transactions: string[], things: string[]}} Told
 */

const SCALE_DIGITS = 12;
const MAX_DIGITS = 18;
const MAX_SCALE = 9;
const MAX_NESTING = 16;
/** Thousandths of nanograms, microlitres and pieces. @type {Record<string, Record<string, bigint>>} */
export const FACTORS = {
  mass: { MGM: 10n ** 9n, GRM: 10n ** 12n, HGM: 10n ** 14n, KGM: 10n ** 15n, DTN: 10n ** 17n, TNE: 10n ** 18n, LBR: 453592370000000n, ONZ: 28349523125000n, STN: 907184740000000000n, LTN: 1016046908800000000n },
  volume: { MLT: 10n ** 6n, CMQ: 10n ** 6n, CLT: 10n ** 7n, DLT: 10n ** 8n, LTR: 10n ** 9n, DMQ: 10n ** 9n, HLT: 10n ** 11n, MTQ: 10n ** 12n, GLL: 3785411784n, GLI: 4546090000n },
  count: { H87: 1000n, C62: 1000n, EA: 1000n, PR: 2000n, DZN: 12000n, CEN: 100000n, GRO: 144000n, MIL: 1000000n },
};
/** Unit in which figures of a dimension are shown, and the power of ten of its base. @type {Record<string, [string, number]>} */
export const SHOWN = { mass: ["KGM", 12], volume: ["LTR", 6], count: ["H87", 0] };
/** @param {string} item */
export const isCarrier = (item) => item.startsWith("00/");
/** @param {bigint[]} amounts */
export const sum = (amounts) => amounts.reduce((total, one) => total + one, 0n);

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
export function shareQuantity({ item, amount, unit }) {
  if (amount === null) return isSingle(item) ? quantityOf("1", "H87") : null;
  return quantityOf(amount, unit || "H87");
}

/** @param {Share} share @param {string} dimension @returns {bigint|null} */
function amountIn(share, dimension) {
  const found = shareQuantity(share);
  return found === null || found.dimension !== dimension ? null : found.base;
}

/** A figure without needless zeros. @param {bigint} amount @param {string} dimension */
export function shown(amount, dimension) {
  const places = SCALE_DIGITS + (SHOWN[dimension]?.[1] ?? 0);
  const digits = amount.toString().padStart(places + 1, "0");
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, "");
}

/** @param {Told} one @param {Told} other */
export const byId = (one, other) => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
/** Order of happening. @param {Told} one @param {Told} other */
export const byTime = (one, other) => one.timeMs - other.timeMs || byId(one, other);

/** Every item that an event names. @param {Told} event */
export function named(event) {
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
export function into(lists, name) {
  const found = lists.get(name) ?? [];
  lists.set(name, found);
  return found;
}

/** What was packed into carriers, and taken out of them. */
export class Carriers {
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
