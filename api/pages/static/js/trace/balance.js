/**
 * The sums of one thing, computed on this device from its verified events: `ledger/origin/flows.py` and `balance.py` once more, and the same
 * vectors hold both (`tests/balance/`).
 *
 * Rules: whole numbers only (BigInt, 10⁻¹² of a base unit), so nothing is rounded. What left is compared with what came, over all time; a
 * carrier moves what was packed into it; a receipt is of the shipment that it names, else of one of exactly this much, else of the oldest.
 *
 * What this module does not do: judge tolerances, times or places. Those findings are the node's, and `sogoc findings --check` computes them.
 */

/** So much of an item; `amount` null where the event does not say. @typedef {{item: string, amount: string|null, unit: string}} Share */
/**
 * An event as sums need it. `things`: all that it names.
 * @typedef {{id: string, by: string, kind: string, action: string, step: string, timeMs: number, site: string, items: Share[], parent: string,
 *   inputs: Share[], outputs: Share[], transactions: string[]}} Told
 */
/** @typedef {{event: Told, kind: string, amount: bigint|null, carrier: string}} Move */
/** @typedef {{move: Move, open: bigint, receipts: Move[]}} Shipment */

const SCALE_DIGITS = 12;
const MAX_DIGITS = 18;
const MAX_SCALE = 9;
const MAX_NESTING = 16;
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

/** @param {string} item */
const isCarrier = (item) => item.startsWith("00/");
/** @param {string} item */
const isSingle = (item) => isCarrier(item) || (item.startsWith("01/") && item.includes("/21/"));
/** @param {bigint[]} amounts */
const sum = (amounts) => amounts.reduce((total, one) => total + one, 0n);

/**
 * An amount in its base unit; null if it is no amount of goods.
 * @param {string} text
 * @param {string} unit
 * @returns {{dimension: string, base: bigint}|null}
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

/** Order of happening. @param {Told} one @param {Told} other */
const byTime = (one, other) => one.timeMs - other.timeMs || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);

/** Every item that an event names. @param {Told} event */
function named(event) {
  return new Set([...event.items, ...event.inputs, ...event.outputs].map((share) => share.item).concat(event.parent || []));
}

/** What was packed into carriers, and taken out of them. */
class Carriers {
  /** @param {Told[]} events */
  constructor(events) {
    /** @type {Map<string, Told[]>} */
    this.packings = new Map();
    /** @type {Map<string, Set<string>>} */
    this.parents = new Map();
    /** @type {Map<string, bigint|null>} */
    this.known = new Map();
    for (const event of [...events].sort(byTime)) {
      if ((event.kind !== "aggregation" && event.kind !== "association") || !event.parent) continue;
      this.packings.set(event.parent, [...(this.packings.get(event.parent) ?? []), event]);
      for (const { item } of event.items) this.parents.set(item, (this.parents.get(item) ?? new Set()).add(event.parent));
    }
  }

  /** The carriers that an item was in, also by way of others. @param {string} item @returns {Set<string>} */
  above(item) {
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
    const known = this.known.get(key);
    if (known !== undefined) return known;
    // What somebody packed in itself ends here too.
    this.known.set(key, 0n);
    let held = this.#held(carrier, item, timeMs, dimension, depth, false);
    if (held === 0n) held = this.#held(carrier, item, timeMs, dimension, depth, true);
    this.known.set(key, held);
    return held;
  }

  /** @param {string} carrier @param {string} item @param {number} timeMs @param {string} dimension @param {number} depth @param {boolean} isWhole @returns {bigint|null} */
  #held(carrier, item, timeMs, dimension, depth, isWhole) {
    let held = 0n;
    /** @type {Set<string>} */
    let inside = new Set();
    for (const event of this.packings.get(carrier) ?? []) {
      const isOut = event.action === "DELETE";
      if (!isWhole && event.timeMs > timeMs) continue;
      if (isOut && (isWhole || event.timeMs >= timeMs)) continue;
      if (isOut && !event.items.length) {
        held = 0n;
        inside = new Set();
      }
      for (const share of event.items) {
        if (share.item === item) {
          const amount = amountIn(share, dimension);
          if (amount === null) return null;
          held = isOut ? (held > amount ? held - amount : 0n) : held + amount;
        } else if (isCarrier(share.item)) {
          if (isOut) inside.delete(share.item);
          else inside.add(share.item);
        }
      }
    }
    for (const inner of [...inside].sort()) {
      const amount = this.amount(inner, item, timeMs, dimension, depth + 1);
      if (amount === null) return null;
      held += amount;
    }
    return held;
  }
}

/** @param {Told} event */
function kindOf(event) {
  if (event.kind === "object" && event.action === "ADD") return "made";
  if (event.kind === "object" && event.action === "DELETE") return DELETED.includes(event.step) ? "sold" : "removed";
  return Object.hasOwn(OBSERVED, event.step) ? OBSERVED[event.step] : "";
}

/** The shares of an item in an event, each with what it does. @param {Told} event @param {string} item @returns {[Share, string][]} */
function doing(event, item) {
  const of = (/** @type {Share[]} */ shares, /** @type {string} */ kind) => shares.filter((share) => share.item === item).map((share) => /** @type {[Share, string]} */ ([share, kind]));
  if (event.kind === "transformation") return [...of(event.inputs, "used"), ...of(event.outputs, "made")];
  const kind = event.kind === "object" || event.kind === "transaction" ? kindOf(event) : "";
  return kind ? of(event.items, kind) : [];
}

/** Carriers of the item that an event moves without naming the item. @param {Told} event @param {string} item @param {Set<string>} carriers @returns {[string, string][]} */
function byCarrier(event, item, carriers) {
  if ((event.kind !== "object" && event.kind !== "transaction") || named(event).has(item) || event.action === "ADD") return [];
  if (event.kind === "object" && event.action === "DELETE") return [];
  const kind = Object.hasOwn(OBSERVED, event.step) ? OBSERVED[event.step] : "";
  return kind && kind !== "counted" ? event.items.filter((share) => carriers.has(share.item)).map((share) => [share.item, kind]) : [];
}

/** @param {Told[]} events @param {string} item */
function dimensionOf(events, item) {
  let first = "";
  for (const event of events) {
    for (const [share, kind] of doing(event, item)) {
      const found = shareQuantity(share);
      if (found && kind === "made") return found.dimension;
      first ||= found?.dimension ?? "";
    }
  }
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
/** @param {Shipment} shipment @param {Move} move */
const isBound = (shipment, move) => sharesTransaction(shipment, move) || Boolean(move.carrier && shipment.move.carrier === move.carrier);

/** @param {Shipment} shipment @param {Move} move @param {Carriers} carriers */
function mayBe(shipment, move, carriers) {
  const [sent, got] = [shipment.move.event, move.event];
  if (sent.site && sent.by === got.by && sent.site === got.site && got.step !== "void_shipping") return false;
  const [one, other] = [shipment.move.carrier, move.carrier];
  return !one || !other || one === other || carriers.above(other).has(one) || carriers.above(one).has(other);
}

/**
 * The shipment that a receipt most likely is of.
 * @param {Shipment[]} candidates
 * @param {Move} move
 * @param {bigint} left
 * @returns {Shipment|null}
 */
function likeliest(candidates, move, left) {
  const rank = (/** @type {Shipment} */ one) => [!sharesTransaction(one, move), !(move.carrier && one.move.carrier === move.carrier), one.receipts.length > 0, one.open !== left, one.open < left].map(Number);
  const compare = (/** @type {Shipment} */ one, /** @type {Shipment} */ other) => {
    const [a, b] = [rank(one), rank(other)];
    const at = a.findIndex((value, index) => value !== b[index]);
    return at < 0 ? byTime(one.move.event, other.move.event) : a[at] - b[at];
  };
  return candidates.length ? candidates.reduce((best, one) => (compare(one, best) < 0 ? one : best)) : null;
}

/** @param {Move[]} moves @param {Carriers} carriers @returns {{shipments: Shipment[], excesses: bigint[]}} */
function paired(moves, carriers) {
  /** @type {Shipment[]} */
  const shipments = moves.filter((move) => move.kind === "shipped" && move.amount !== null).map((move) => ({ move, open: /** @type {bigint} */ (move.amount), receipts: [] }));
  /** @type {bigint[]} */
  const excesses = [];
  const unmatched = [];
  for (const move of moves) {
    if (move.kind !== "received" || move.amount === null) continue;
    let left = move.amount;
    let isFilled = false;
    const bound = shipments.filter((one) => isBound(one, move));
    const candidates = bound.length ? bound : shipments.filter((one) => one.move.event.timeMs <= move.event.timeMs && mayBe(one, move, carriers));
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
    const amount = /** @type {bigint} */ (move.amount);
    const later = likeliest(shipments.filter((one) => !one.receipts.length && one.open === amount && mayBe(one, move, carriers)), move, amount);
    if (later) Object.assign(later, { open: 0n, receipts: [move] });
    else excesses.push(amount);
  }
  return { shipments, excesses };
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

/**
 * The sums of an item, in the words of the node's answer, and whether more of it went than was ever made. Null if the events of a carrier that
 * it was in are not among those given.
 * @param {Told[]} events every event known, each once, without those that were declared errors
 * @param {string} item
 * @param {(item: string) => boolean} isComplete whether all events of a thing are among them
 * @returns {{figures: Record<string, string>, isShort: boolean}|null}
 */
export function sumsOf(events, item, isComplete = () => true) {
  const carriers = new Carriers(events);
  const parents = carriers.above(item);
  if (![item, ...parents].every(isComplete)) return null;
  const own = events.filter((event) => [...named(event)].some((one) => one === item || parents.has(one))).sort(byTime);
  const dimension = dimensionOf(own, item);
  /** @type {Move[]} */
  const moves = [];
  for (const event of own) {
    for (const [share, kind] of doing(event, item)) moves.push({ event, kind, amount: amountIn(share, dimension), carrier: "" });
    const all = named(event);
    for (const [carrier, kind] of byCarrier(event, item, parents)) {
      if ([...carriers.above(carrier)].some((one) => all.has(one))) continue;
      const amount = carriers.amount(carrier, item, event.timeMs, dimension);
      if (amount !== 0n) moves.push({ event, kind, amount, carrier });
    }
  }
  const total = (/** @type {string[]} */ ...kinds) => sum(moves.filter((move) => kinds.includes(move.kind)).map((move) => move.amount ?? 0n));
  const { shipments, excesses } = paired(moves, carriers);
  const lost = sum(shipments.filter((one) => one.receipts.length).map((one) => one.open));
  const onTheWay = sum(shipments.filter((one) => !one.receipts.length).map((one) => one.open));
  const stayed = sum(stocks(moves).filter((one) => one.made > 0n && one.shipped > 0n && one.came > one.went).map((one) => one.came - one.went));
  const gone = total("used", "sold", "removed");
  const left = total("made") + sum(excesses) - gone - lost - onTheWay;
  const figures = {
    made: total("made"), used: total("used"), shipped: total("shipped"), received: total("received"), sold: total("sold"), removed: total("removed"),
    lost, on_the_way: onTheWay, never_shipped: stayed, left: left > 0n ? left : 0n,
  };
  return {
    figures: { ...Object.fromEntries(Object.entries(figures).map(([name, amount]) => [name, shown(amount, dimension)])), unit: SHOWN[dimension]?.[0] ?? dimension },
    isShort: moves.some((move) => move.kind === "made") && !moves.some((move) => move.kind === "made" && move.amount === null) && gone > total("made"),
  };
}
