/**
 * What an office keeps in this browser: keys that cannot be taken out, and what was signed with them (IndexedDB).
 *
 * Rules: a write is done when the transaction is complete and synced, and only then is anything sent. Nothing here is ever evicted
 * silently: persistent storage is asked for when the first key is made.
 */

const VERSION = 1;
let name = "sogoc-office";

/** Another page keeps its keys and jobs apart. Said before anything is opened. @param {string} chosen */
export function useDatabase(chosen) {
  name = chosen;
}

/** What only one tab at a time may do with it, by name. @param {string} what */
export function lockOf(what) {
  return `${name}-${what}`;
}

/** @type {Promise<IDBDatabase>|null} */
let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(name, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("keys", { keyPath: "publicKey" });
      request.result.createObjectStore("jobs", { keyPath: "id", autoIncrement: true });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/**
 * @template T
 * @param {"keys"|"jobs"} store
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>}
 */
async function run(store, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, mode, { durability: "strict" });
    const request = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}

/**
 * @param {"keys"|"jobs"} store
 * @returns {Promise<any[]>} in order of their keys
 */
export function all(store) {
  return run(store, "readonly", (found) => found.getAll());
}

/**
 * @param {"keys"|"jobs"} store
 * @param {IDBValidKey} key
 */
export function get(store, key) {
  return run(store, "readonly", (found) => found.get(key));
}

/**
 * @param {"keys"|"jobs"} store
 * @param {any} value
 * @returns {Promise<any>} its key
 */
export function put(store, value) {
  return run(store, "readwrite", (found) => found.put(value));
}

/**
 * @param {"keys"|"jobs"} store
 * @param {IDBValidKey} key
 */
export function remove(store, key) {
  return run(store, "readwrite", (found) => found.delete(key));
}

/** Ask the browser not to clear this by itself. */
export async function keepForGood() {
  try {
    await navigator.storage?.persist?.();
  } catch {
    // It stays as it is: the recovery file is what keys are brought back from.
  }
}
