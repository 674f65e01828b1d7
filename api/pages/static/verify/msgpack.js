/**
 * The canonical encoding: msgpack, restricted so that every value has exactly one form (docs/spec.md §1).
 *
 * Rules: nil, bool, integers within ±(2^53−1), well-formed text, bytes, arrays, maps with text keys that ascend as UTF-8.
 * No float, extension or timestamp; shortest forms only; nothing follows the value. Limits hold before memory is spent.
 *
 * In JavaScript: null, boolean, number, string, Uint8Array, Array, Map. `encode` also takes plain objects as maps.
 */

import { compare, fromUtf8, join, toUtf8 } from "./bytes.js";
import { FormatError } from "./errors.js";

/** @typedef {null|boolean|number|string|Uint8Array|Array<any>|Map<string, any>} Value */

export const MAX_BYTES = 1_000_000;
export const MAX_DEPTH = 16;
export const MAX_ITEMS = 100_000;

/** tag: [bytes, signed, and the range that has a shorter form] @type {Record<number, [number, boolean, bigint, bigint]>} */
const INTEGERS = {
  0xcc: [1, false, 0n, 0x7fn],
  0xcd: [2, false, 0n, 0xffn],
  0xce: [4, false, 0n, 0xffffn],
  0xcf: [8, false, 0n, 0xffff_ffffn],
  0xd0: [1, true, -0x20n, 0x7fn],
  0xd1: [2, true, -0x80n, 0xffn],
  0xd2: [4, true, -0x8000n, 0xffffn],
  0xd3: [8, true, -0x8000_0000n, 0xffff_ffffn],
};

/** tag: [what, bytes of the length, smallest length without a shorter form] @type {Record<number, [string, number, number]>} */
const LENGTHS = {
  0xc4: ["bin", 1, 0],
  0xc5: ["bin", 2, 0x100],
  0xc6: ["bin", 4, 0x1_0000],
  0xd9: ["str", 1, 0x20],
  0xda: ["str", 2, 0x100],
  0xdb: ["str", 4, 0x1_0000],
  0xdc: ["array", 2, 0x10],
  0xdd: ["array", 4, 0x1_0000],
  0xde: ["map", 2, 0x10],
  0xdf: ["map", 4, 0x1_0000],
};

/**
 * The value whose canonical encoding is `data`. Throws FormatError (`encoding.*`).
 * @param {Uint8Array} data
 * @param {{maxBytes?: number, maxDepth?: number, maxItems?: number}} [limits]
 * @returns {Value}
 */
export function decode(data, { maxBytes = MAX_BYTES, maxDepth = MAX_DEPTH, maxItems = MAX_ITEMS } = {}) {
  if (data.length > maxBytes) {
    throw new FormatError("encoding.too-large", `The encoding takes ${data.length} bytes; at most ${maxBytes} are allowed.`);
  }
  return new Reader(data, Math.min(maxDepth, MAX_DEPTH), maxItems).read();
}

/** Reads one value strictly, front to back. */
class Reader {
  /**
   * @param {Uint8Array} data
   * @param {number} depth
   * @param {number} maxItems
   */
  constructor(data, depth, maxItems) {
    this.data = data;
    this.depth = depth;
    this.itemsLeft = maxItems;
    this.position = 0;
  }

  /** @returns {Value} the value that takes all of the data */
  read() {
    this.claim(1);
    const value = this.value(this.depth);
    if (this.position !== this.data.length) {
      throw this.error("trailing-bytes", "Bytes follow the value");
    }
    return value;
  }

  /**
   * @param {number} depth arrays and maps that may still be inside one another
   * @returns {Value}
   */
  value(depth) {
    const tag = this.take(1)[0];
    if (tag <= 0x7f) return tag;
    if (tag >= 0xe0) return tag - 0x100;
    if (tag <= 0x8f) return this.map(tag & 0x0f, depth);
    if (tag <= 0x9f) return this.array(tag & 0x0f, depth);
    if (tag <= 0xbf) return this.text(tag & 0x1f);
    if (tag === 0xc0) return null;
    if (tag === 0xc2) return false;
    if (tag === 0xc3) return true;
    if (tag in INTEGERS) return this.integer(tag);
    if (tag in LENGTHS) return this.sized(tag, depth);
    if (tag === 0xca || tag === 0xcb) throw this.error("float", "A floating-point number is not allowed");
    if (tag === 0xc1) throw this.error("reserved", "The byte 0xc1 begins no value");
    throw this.error("ext", "An extension type is not allowed");
  }

  /** @param {number} tag */
  integer(tag) {
    const [size, signed, low, high] = INTEGERS[tag];
    const unsigned = this.take(size).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    const value = signed ? BigInt.asIntN(8 * size, unsigned) : unsigned;
    if (low <= value && value <= high) {
      throw this.error("int-not-shortest", "An integer is not in its shortest form");
    }
    if (signed && value >= 0n) {
      throw this.error("int-not-shortest", "An integer from 0 up is in a signed form");
    }
    if (!Number.isSafeInteger(Number(value))) {
      throw this.error("int-range", "An integer is not within ±(2**53-1)");
    }
    return Number(value);
  }

  /**
   * @param {number} tag
   * @param {number} depth
   * @returns {Value}
   */
  sized(tag, depth) {
    const [what, size, shortest] = LENGTHS[tag];
    const length = this.take(size).reduce((sum, byte) => sum * 256 + byte, 0);
    if (length < shortest) {
      throw this.error(`${what}-not-shortest`, `A ${what} has too long a header`);
    }
    if (what === "str") return this.text(length);
    if (what === "bin") return this.take(length).slice();
    return what === "array" ? this.array(length, depth) : this.map(length, depth);
  }

  /**
   * @param {number} length
   * @param {number} depth
   */
  array(length, depth) {
    this.enter(depth);
    this.claim(length);
    const items = [];
    for (let at = 0; at < length; at++) {
      items.push(this.value(depth - 1));
    }
    return items;
  }

  /**
   * @param {number} length
   * @param {number} depth
   */
  map(length, depth) {
    this.enter(depth);
    this.claim(2 * length);
    const result = new Map();
    /** @type {Uint8Array|null} */
    let last = null;
    for (let at = 0; at < length; at++) {
      const key = this.value(depth - 1);
      if (typeof key !== "string") {
        throw this.error("map-key", "A key of a map is not a str");
      }
      const bytes = toUtf8(key, "encoding.utf8");
      if (last !== null && compare(bytes, last) <= 0) {
        if (result.has(key)) throw this.error("duplicate-key", "A map has a key twice");
        throw this.error("map-order", "The keys of a map are not in ascending order");
      }
      result.set(key, this.value(depth - 1));
      last = bytes;
    }
    return result;
  }

  /** @param {number} length */
  text(length) {
    return fromUtf8(this.take(length), "encoding.utf8");
  }

  /** @param {number} depth */
  enter(depth) {
    if (depth === 0) {
      throw this.error("too-deep", `More than ${this.depth} arrays and maps are inside one another`);
    }
  }

  /**
   * Count values about to be read, before anything is kept of them.
   * @param {number} items
   */
  claim(items) {
    if (items > this.itemsLeft) throw this.error("too-many-items", "There are more values than allowed");
    if (items > this.data.length - this.position) throw this.error("truncated", "The data end within a value");
    this.itemsLeft -= items;
  }

  /** @param {number} length */
  take(length) {
    const end = this.position + length;
    if (end > this.data.length) throw this.error("truncated", "The data end within a value");
    const taken = this.data.subarray(this.position, end);
    this.position = end;
    return taken;
  }

  /**
   * @param {string} word
   * @param {string} what
   */
  error(word, what) {
    return new FormatError(`encoding.${word}`, `${what} (before byte ${this.position} of ${this.data.length}).`);
  }
}

/**
 * The canonical bytes of a value; map keys may come in any order. Throws FormatError (`encoding.*`).
 * @param {any} value
 * @returns {Uint8Array}
 */
export function encode(value) {
  /** @type {Uint8Array[]} */
  const parts = [];
  write(value, MAX_DEPTH, parts);
  return join(parts);
}

/**
 * @param {any} value
 * @param {number} depth
 * @param {Uint8Array[]} parts
 */
function write(value, depth, parts) {
  if (value === null) {
    parts.push(Uint8Array.of(0xc0));
  } else if (typeof value === "boolean") {
    parts.push(Uint8Array.of(value ? 0xc3 : 0xc2));
  } else if (typeof value === "number") {
    parts.push(integer(value));
  } else if (typeof value === "string") {
    const bytes = toUtf8(value, "encoding.utf8");
    parts.push(bytes.length < 32 ? Uint8Array.of(0xa0 | bytes.length) : sized([0xd9, 0xda, 0xdb], bytes.length), bytes);
  } else if (value instanceof Uint8Array) {
    parts.push(sized([0xc4, 0xc5, 0xc6], value.length), value);
  } else {
    container(value, depth, parts);
  }
}

/**
 * @param {any} value
 * @param {number} depth
 * @param {Uint8Array[]} parts
 */
function container(value, depth, parts) {
  const isMap = value instanceof Map || isPlainObject(value);
  if (!isMap && !Array.isArray(value)) {
    throw new FormatError("encoding.type", `A value of type ${typeof value} has no canonical encoding.`);
  }
  if (depth === 0) {
    throw new FormatError("encoding.too-deep", `More than ${MAX_DEPTH} arrays and maps are inside one another.`);
  }
  if (!isMap) {
    parts.push(value.length < 16 ? Uint8Array.of(0x90 | value.length) : sized([0, 0xdc, 0xdd], value.length));
    for (const item of value) {
      write(item, depth - 1, parts);
    }
    return;
  }
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  if (entries.some(([key]) => typeof key !== "string")) {
    throw new FormatError("encoding.map-key", "A key of a map is not a str.");
  }
  const rows = entries.map(([key, item]) => /** @type {[Uint8Array, any, string]} */ ([toUtf8(key, "encoding.utf8"), item, key]));
  rows.sort((a, b) => compare(a[0], b[0]));
  parts.push(rows.length < 16 ? Uint8Array.of(0x80 | rows.length) : sized([0, 0xde, 0xdf], rows.length));
  for (const [, item, key] of rows) {
    write(key, depth - 1, parts);
    write(item, depth - 1, parts);
  }
}

/** @param {any} value */
function isPlainObject(value) {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** @param {number} value */
function integer(value) {
  if (!Number.isInteger(value)) {
    throw new FormatError("encoding.type", "A number that is no integer has no canonical encoding.");
  }
  if (!Number.isSafeInteger(value)) {
    throw new FormatError("encoding.int-range", "An integer is not within ±(2**53-1).");
  }
  if (value >= 0) {
    if (value <= 0x7f) return Uint8Array.of(value);
    if (value <= 0xff) return tagged(0xcc, value, 1);
    if (value <= 0xffff) return tagged(0xcd, value, 2);
    return value <= 0xffff_ffff ? tagged(0xce, value, 4) : tagged(0xcf, value, 8);
  }
  if (value >= -0x20) return Uint8Array.of(value + 0x100);
  if (value >= -0x80) return tagged(0xd0, value, 1);
  if (value >= -0x8000) return tagged(0xd1, value, 2);
  return value >= -0x8000_0000 ? tagged(0xd2, value, 4) : tagged(0xd3, value, 8);
}

/**
 * The header of something with a length, in its shortest form.
 * @param {[number, number, number]} tags for lengths of 1, 2 and 4 bytes
 * @param {number} length
 */
function sized([one, two, four], length) {
  if (length <= 0xff && one) return tagged(one, length, 1);
  return length <= 0xffff ? tagged(two, length, 2) : tagged(four, length, 4);
}

/**
 * @param {number} tag
 * @param {number} value
 * @param {number} size bytes, big-endian, two's complement
 */
function tagged(tag, value, size) {
  const bytes = new Uint8Array(1 + size);
  bytes[0] = tag;
  let rest = BigInt.asUintN(8 * size, BigInt(value));
  for (let at = size; at > 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
