/**
 * Several files as one: a ZIP archive whose files are stored as they are (APPNOTE 6.3, method 0, names in UTF-8).
 *
 * Rules: no compression, no encryption, below 4 GB and 65,535 files; the same files give the same bytes but for their time.
 */

const MAX_FILES = 0xffff;
const MAX_BYTES = 0xffff_ffff;
const UTF8_NAMES = 0x0800;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

/** @param {Uint8Array} data */
function crc32(data) {
  let value = 0xffffffff;
  for (const byte of data) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/**
 * @param {Date} when
 * @returns {[number, number]} time and day as MS-DOS writes them
 */
function dosTime(when) {
  const time = (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1);
  return [time, ((Math.max(1980, when.getFullYear()) - 1980) << 9) | ((when.getMonth() + 1) << 5) | when.getDate()];
}

/** @param {...[number, number]} fields value and bytes, little-endian */
function packed(...fields) {
  const bytes = new Uint8Array(fields.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

/**
 * @param {{name: string, content: Uint8Array|string}[]} files names are made unlike each other
 * @param {Date} when
 * @returns {Blob}
 */
export function zipped(files, when = new Date()) {
  if (files.length > MAX_FILES) throw new RangeError("too many files for one archive");
  const [time, day] = dosTime(when);
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {Uint8Array[]} */
  const directory = [];
  const taken = new Set();
  let offset = 0;
  for (const { name, content } of files) {
    const path = new TextEncoder().encode(unlike(taken, name.normalize("NFC")));
    const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
    /** @type {[number, number][]} */
    const common = [[20, 2], [UTF8_NAMES, 2], [0, 2], [time, 2], [day, 2], [crc32(data), 4], [data.length, 4], [data.length, 4], [path.length, 2], [0, 2]];
    const head = packed([0x04034b50, 4], ...common);
    parts.push(head, path, /** @type {BlobPart} */ (data));
    directory.push(packed([0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), path);
    offset += head.length + path.length + data.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  if (offset + size > MAX_BYTES) throw new RangeError("the files are too large for one archive");
  const end = packed([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [size, 4], [offset, 4], [0, 2]);
  return new Blob([...parts, .../** @type {BlobPart[]} */ (directory), end], { type: "application/zip" });
}

/**
 * @param {Set<string>} taken
 * @param {string} name
 */
function unlike(taken, name) {
  let chosen = name;
  for (let at = 2; taken.has(chosen.toLowerCase()); at++) chosen = name.replace(/((?:\.[^./]{1,12}){0,2})$/, ` (${at})$1`);
  taken.add(chosen.toLowerCase());
  return chosen;
}

/** A file name without what file systems refuse. @param {string} name */
export function fileName(name) {
  return name.normalize("NFC").replace(/[/\\:*?"<>|\u0000-\u001f]/g, "_").slice(0, 180) || "tep";
}
