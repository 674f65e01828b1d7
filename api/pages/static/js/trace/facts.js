/** What the histories in a proof say of whatever a thing's events point to: certificates, the product and its stars (`ledger/origin/story.py`). */

import { fromHex, toHex } from "../../verify/index.js";

/** @typedef {import("../../verify/history.js").VerifiedHistory} VerifiedHistory */
/** @typedef {import("./redone.js").Facts} Facts */

const CERTIFICATE = /^urn:sogoc:certificate:([-._0-9a-z]{1,64}):([0-9a-f]{32})$/;
/** @type {Record<string, string>} */
const TURNS = { "cert.suspend/1": "suspended", "cert.revoke/1": "revoked", "cert.reinstate/1": "in-force" };

/**
 * What is needed to judge a thing; null if a history that says it is not in the proof, and so nothing can be said.
 * @param {import("./balance.js").Flows} flows
 * @param {string[]} owners of the lot
 * @param {Map<string, VerifiedHistory>} histories
 * @param {import("./proof.js").Recall|null} recall
 * @returns {Facts|null}
 */
export function factsOf(flows, owners, histories, recall) {
  const certificates = new Map();
  for (const uri of flows.own.flatMap((event) => /** @type {import("./redone.js").Recorded} */ (event).certificates)) {
    const [, authority, digits] = CERTIFICATE.exec(uri) ?? [];
    if (!digits) continue;
    const history = histories.get(`certificate\n${authority}\n${toHex(fromHex(digits))}`);
    if (!history) return null;
    const fact = certificateOf(history);
    if (fact) certificates.set(uri, fact);
  }
  const product = productOf(flows, owners, histories);
  return product === undefined ? null : { certificates, product, recall };
}

/** @param {VerifiedHistory} history */
function certificateOf({ records }) {
  const issued = records.find(({ record }) => record.type === "cert.issue/1");
  if (!issued) return null;
  const text = (/** @type {unknown} */ value) => (typeof value === "string" ? value : "");
  let validUntil = text(issued.record.body.get("valid_until"));
  /** @type {[number, string][]} */
  const turns = [];
  for (const { record, timeMs } of records) {
    if (record.type === "cert.renew/1") validUntil = text(record.body.get("valid_until"));
    else if (Object.hasOwn(TURNS, record.type)) turns.push([timeMs, TURNS[record.type]]);
  }
  return { validFrom: text(issued.record.body.get("valid_from")), validUntil, turns };
}

/**
 * The product as the lot's owner registered it, else as a member that made some of it did; null for none, undefined if a history is missing.
 * @param {import("./balance.js").Flows} flows
 * @param {string[]} owners
 * @param {Map<string, VerifiedHistory>} histories
 */
function productOf({ item, own }, owners, histories) {
  const [kind, first, second] = item.split("/");
  if (kind !== "01" && kind !== "code") return null;
  const makers = own.filter((event) => event.things.includes(item) && (event.action === "ADD" || event.outputs.some((share) => share.item === item))).map((event) => event.by);
  const names = kind === "code" ? [`product\n${first}\n${second}`] : [...new Set([...owners, ...makers])].map((member) => `product\n${member}\n${first}`);
  for (const name of names) {
    const history = histories.get(name);
    if (!history) return undefined;
    const descriptions = history.records.filter(({ record }) => record.type !== "product.end/1");
    const newest = descriptions.at(-1);
    if (!newest) continue;
    const ocop = descriptions.map(({ record, timeMs }) => /** @type {[number, number, string]} */ ([timeMs, Number(record.body.get("ocop_stars") ?? 0), String(record.body.get("ocop_until") ?? "")]));
    return { recordId: toHex(newest.recordId), ocop };
  }
  return null;
}
