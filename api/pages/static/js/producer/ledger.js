/** What the ledger has of a producer and of a lot, asked of the node. Rules: nothing here is a verdict; null wherever it cannot be asked. */

/**
 * @param {string} _member
 * @returns {Promise<import("./shelf.js").Held[]|null>}
 */
export async function ledgerHas(_member) {
  return null;
}

/**
 * What others registered about a thing.
 * @param {string} _path
 * @returns {Promise<{recordId: string, timeMs: number, line: HTMLElement}[]>}
 */
export async function storyOf(_path) {
  return [];
}
