/**
 * Who acts for whom, once authorities have been merged, split, renamed or abolished (docs/spec.md, "Succession").
 *
 * Rules: a member's row names its successors and the chain time at which it ended; from then on each successor, and theirs, may
 * act for it where a record type allows that. A walk visits at most `MAX_MEMBERS` members.
 */

/** @typedef {import("./rows.js").MemberRow} MemberRow */

export const MAX_MEMBERS = 16;

/**
 * The rows of a member and of those who succeed it, each once, nearest first. A member without a row is left out.
 * @param {string} member
 * @param {Map<string, MemberRow>} rows
 * @returns {Map<string, MemberRow>}
 */
export function lineOf(member, rows) {
  /** @type {Map<string, MemberRow>} */
  const found = new Map();
  const waiting = [member];
  for (let at = 0; at < waiting.length && found.size < MAX_MEMBERS; at++) {
    const row = found.has(waiting[at]) ? undefined : rows.get(waiting[at]);
    if (row !== undefined) {
      found.set(waiting[at], row);
      waiting.push(...row.successors);
    }
  }
  return found;
}

/**
 * Whether `author` may act for `authority` at a chain time: it is that member, or every member on the way to it has ended.
 * @param {string} author
 * @param {string} authority
 * @param {Map<string, MemberRow>} rows what `lineOf` found for the authority
 * @param {number} timeMs
 */
export function actsFor(author, authority, rows, timeMs) {
  if (author === authority) return true;
  const reached = new Set([authority]);
  for (const name of reached) {
    const row = rows.get(name);
    if (row === undefined || row.endedMs === null || timeMs < row.endedMs) continue;
    if (row.successors.includes(author) && rows.has(author)) return true;
    row.successors.forEach((next) => reached.add(next));
  }
  return false;
}
