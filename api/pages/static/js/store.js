/**
 * What this device keeps: in the browser's own storage for this address, and nowhere else.
 *
 * Rules: where the browser keeps nothing (a private window, storage switched off) values live as long as the page. A value that cannot be read is treated as missing.
 */

const PREFIX = "sogoc.";
/** @type {Map<string, string>} */
const memory = new Map();

let isMemoryOnly = false;

/** Keep nothing beyond this page. */
export function keepInMemory() {
  isMemoryOnly = true;
}

function storage() {
  if (isMemoryOnly) return null;
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

/**
 * @param {string} name
 * @param {unknown} value
 */
export function keep(name, value) {
  const text = JSON.stringify(value);
  memory.set(name, text);
  try {
    storage()?.setItem(PREFIX + name, text);
  } catch {
    // Full or forbidden: the page goes on with what it has in memory.
  }
}

/**
 * @param {string} name
 * @returns {any} null if there is none
 */
export function kept(name) {
  let text = memory.get(name) ?? null;
  try {
    text = storage()?.getItem(PREFIX + name) ?? text;
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string} name */
export function forget(name) {
  memory.delete(name);
  try {
    storage()?.removeItem(PREFIX + name);
  } catch {
    // Nothing was kept there.
  }
}
