/**
 * What the office asks of the node, beside what `ask.js` does for every page: sending, and the vault's signed requests.
 *
 * Rules: an outage, "later", and a refusal are three things. A refusal is for good unless the node says that it may be tried again.
 */

import { encode, fromHex, sha256 } from "../../verify/index.js";
import { signedMessage } from "../../verify/hash.js";
import { askJson } from "../ask.js";
import { signWith } from "./keys.js";

/** `retry`: whether the same bytes may be taken later. @typedef {{code: string, detail: string, retry?: boolean}} Problem */
/**
 * @template T
 * @typedef {{kind: "ok", status: number, value: T}|{kind: "later", problem: Problem|null, afterMs: number}|{kind: "refused", problem: Problem}} Sent
 */

const MSGPACK = "application/msgpack";
const VAULT_CONTEXT = "sogoc/v1/vault";
const WAIT_MS = 60_000;

/**
 * @param {string} path
 * @param {Uint8Array|string|null} body
 * @param {string} type
 * @returns {Promise<Sent<Response>>}
 */
export async function send(path, body, type = MSGPACK) {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), WAIT_MS);
  try {
    const answer = await fetch(path, {
      method: "POST", cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer", signal: control.signal,
      ...(body === null ? {} : { body: /** @type {BodyInit} */ (body), headers: { "content-type": type } }),
    });
    if (answer.ok) return { kind: "ok", status: answer.status, value: answer };
    const said = await answer.json().catch(() => null);
    const problem = typeof said?.code === "string" ? { code: said.code, detail: String(said.detail ?? ""), retry: said.retry === true } : null;
    if (problem && answer.status < 500 && answer.status !== 429 && answer.status !== 408) return { kind: "refused", problem };
    return { kind: "later", problem, afterMs: 1000 * Number(answer.headers.get("retry-after") ?? 0) };
  } catch {
    return { kind: "later", problem: null, afterMs: 0 };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} path
 * @param {any} body
 * @returns {Promise<Sent<any>>}
 */
export async function sendJson(path, body) {
  return read(await send(path, JSON.stringify(body), "application/json"), (answer) => answer.json());
}

/**
 * @template T
 * @param {Sent<Response>} sent
 * @param {(answer: Response) => Promise<T>} how
 * @returns {Promise<Sent<T>>}
 */
async function read(sent, how) {
  if (sent.kind !== "ok") return sent;
  try {
    return { ...sent, value: await how(sent.value) };
  } catch {
    return { kind: "later", problem: null, afterMs: 0 };
  }
}

/**
 * Send an entry and wait until it is final, or a moment.
 * @param {Uint8Array} submission
 * @returns {Promise<Sent<{status: string, index?: number, height?: number}>>}
 */
export async function submit(submission) {
  return read(await send("/v1/entries?wait=final", submission), (answer) => answer.json());
}

/**
 * A request that an officer signs over a fresh challenge: `[key, challenge, signature, …said]`.
 * @param {import("./keys.js").OfficeKey} key
 * @param {string} path
 * @param {string} verb
 * @param {(string|Uint8Array)[]} said
 * @param {boolean} isLastHashed whether the last item is signed by its SHA-256
 * @returns {Promise<Sent<Uint8Array>>}
 */
export async function askSigned(key, path, verb, said, isLastHashed) {
  const given = await read(await send("/v1/vault/challenge", null), (answer) => answer.json());
  if (given.kind !== "ok") return given;
  const challenge = fromHex(String(given.value.challenge));
  const signed = [...said];
  if (isLastHashed) signed.push(await sha256(/** @type {Uint8Array} */ (signed.pop())));
  const signature = await signWith(key, signedMessage(VAULT_CONTEXT, encode([fromHex(key.chainId), challenge, verb, ...signed])));
  const body = encode([fromHex(key.publicKey), challenge, signature, ...said]);
  return read(await send(path, body), async (answer) => new Uint8Array(await answer.arrayBuffer()));
}

/**
 * What the vault calls something that a member keeps (`ledger.records.privacy`).
 * @param {string} owner
 * @param {"certificate"|"document"} kind
 * @param {Uint8Array} identifier
 */
export function vaultItem(owner, kind, identifier) {
  return sha256(encode(["vault", owner, kind, identifier]));
}

/**
 * Receipts by record id; those that could not be had are left out.
 * @param {string[]} recordIds
 * @returns {Promise<Map<string, string>>}
 */
export async function receiptsOf(recordIds) {
  /** @type {Map<string, string>} */
  const found = new Map();
  const left = [...recordIds];
  while (left.length) {
    const part = left.splice(0, 500);
    const answer = await sendJson("/v1/receipts", { records: part });
    if (answer.kind !== "ok") break;
    for (const [id, text] of Object.entries(answer.value.receipts)) found.set(id, String(text));
    left.unshift(...answer.value.rest);
  }
  return found;
}

/** The members of the ledger, or null. @returns {Promise<any[]|null>} */
export async function membersNow() {
  const answer = await askJson("/v1/members");
  return answer.kind === "ok" && Array.isArray(answer.value.members) ? answer.value.members : null;
}

/**
 * Do something for each of many, a few at a time.
 * @template T, R
 * @param {T[]} items
 * @param {(item: T, at: number) => Promise<R>} work
 * @param {number} together
 * @returns {Promise<R[]>}
 */
export async function forEach(items, work, together = 6) {
  /** @type {R[]} */
  const done = [];
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(together, items.length) }, async () => {
    while (next < items.length) {
      const at = next++;
      done[at] = await work(items[at], at);
    }
  }));
  return done;
}
