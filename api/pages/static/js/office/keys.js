/**
 * Officers' keys: made here, kept here, never sent (docs/huong-dan/van-phong.md).
 *
 * Rules: a key is kept as one that the browser does not give out (`extractable: false`). Only at the moment of making it is there a
 * copy that can be exported, and that copy goes into the recovery file, encrypted, and is overwritten. A key signs nothing before its
 * recovery file has been opened again.
 *
 * A recovery file is JSON: who and which key in clear; the PKCS#8 form of the key under AES-256-GCM, whose key is derived from the
 * passphrase (NFKC, UTF-8) by PBKDF2-SHA-256, the strongest derivation that WebCrypto offers; what stands in clear is authenticated too.
 */

import { LedgerError, encode, equal, fromBase64, fromHex, sha256, toBase64, toHex } from "../../verify/index.js";
import { possessionMessage } from "../../verify/submission.js";
import { all, keepForGood, put, remove } from "./db.js";

/**
 * @typedef {{publicKey: string, privateKey: CryptoKey, member: string, roles: string[], chainId: string, madeMs: number, state: "asked"|"ready",
 *   eventSecret?: Uint8Array}} OfficeKey
 * `state`: `asked` waits for an administrator; `ready` was in service when last looked at. `eventSecret`: of hidden parts of events (`producer/hush.js`).
 */

const FORMAT = "sogoc-recovery";
const ITERATIONS = 1_000_000;
const LEAST_ITERATIONS = 600_000;
const MOST_ITERATIONS = 20_000_000;
export const LEAST_LETTERS = 12;
/** How PKCS#8 begins for Ed25519 (RFC 8410); the 32 bytes of the key follow. */
const PKCS8_HEAD = fromHex("302e020100300506032b657004220420");

export class KeyProblem extends LedgerError {}

const utf8 = new TextEncoder();

/**
 * What people compare: the first 20 digits of the public key's SHA-256, in groups of four.
 * @param {string} publicKey hexadecimal
 */
export async function fingerprint(publicKey) {
  const digest = toHex(await sha256(fromHex(publicKey)));
  return (digest.slice(0, 20).match(/.{4}/g) ?? []).join(" ");
}

/** Random bytes. @param {number} size */
export function random(size) {
  return crypto.getRandomValues(new Uint8Array(size));
}

/**
 * @param {string} passphrase
 * @param {Uint8Array} salt
 * @param {number} iterations
 * @param {KeyUsage[]} uses
 */
async function derived(passphrase, salt, iterations, uses) {
  const words = await crypto.subtle.importKey("raw", utf8.encode(passphrase.normalize("NFKC")), "PBKDF2", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt: /** @type {BufferSource} */ (salt), iterations }, words, { name: "AES-GCM", length: 256 }, false, uses,
  );
}

/** @param {{chain_id: string, member: string, roles: string[], public_key: string}} who */
function bound(who) {
  return /** @type {BufferSource} */ (encode([FORMAT, 1, fromHex(who.chain_id), who.member, who.roles, fromHex(who.public_key)]));
}

/**
 * Make a key and its recovery file. The key is not kept anywhere yet (`keepKey`).
 * @param {{member: string, roles: string[], chainId: string}} who
 * @param {string} origin
 * @param {string} passphrase
 * @returns {Promise<{key: OfficeKey, recovery: string}>}
 */
export async function makeKey({ member, roles, chainId }, origin, passphrase) {
  const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]));
  const publicKey = toHex(new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  const secret = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  try {
    const privateKey = await crypto.subtle.importKey("pkcs8", secret, "Ed25519", false, ["sign"]);
    const salt = random(32);
    const iv = random(12);
    const who = { chain_id: chainId, member, roles, public_key: publicKey };
    const wrapping = await derived(passphrase, salt, ITERATIONS, ["encrypt"]);
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bound(who) }, wrapping, secret);
    const madeMs = Date.now();
    const file = {
      format: FORMAT, version: 1, origin, ...who, made: new Date(madeMs).toISOString(),
      derivation: { name: "PBKDF2", hash: "SHA-256", iterations: ITERATIONS, salt: toBase64(salt) },
      cipher: { name: "AES-256-GCM", iv: toBase64(iv) },
      key: toBase64(new Uint8Array(sealed)),
    };
    return { key: { publicKey, privateKey, member, roles, chainId, madeMs, state: "asked" }, recovery: `${JSON.stringify(file, null, 2)}\n` };
  } finally {
    secret.fill(0);
  }
}

/**
 * A text under a passphrase, as a key's recovery file is: what `about` says stands beside it in clear, and is authenticated with it.
 * @param {string} text
 * @param {{format: string, chain_id: string, member: string}} about
 * @param {string} passphrase
 */
export async function sealText(text, about, passphrase) {
  const salt = random(32);
  const iv = random(12);
  const wrapping = await derived(passphrase, salt, ITERATIONS, ["encrypt"]);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: boundText(about) }, wrapping, utf8.encode(text));
  return `${JSON.stringify({
    ...about, version: 1, derivation: { name: "PBKDF2", hash: "SHA-256", iterations: ITERATIONS, salt: toBase64(salt) },
    cipher: { name: "AES-256-GCM", iv: toBase64(iv) }, data: toBase64(new Uint8Array(sealed)),
  }, null, 2)}\n`;
}

/**
 * The text in such a file. Throws KeyProblem: `recovery.form`, `recovery.passphrase`, `recovery.ledger`.
 * @param {string} content
 * @param {{format: string, chain_id: string, member: string}} about what it must be
 * @param {string} passphrase
 */
export async function openText(content, about, passphrase) {
  let file;
  try {
    file = JSON.parse(content);
  } catch {
    file = null;
  }
  const iterations = file?.derivation?.iterations;
  if (file?.format !== about.format || file.version !== 1 || !Number.isInteger(iterations) || iterations < LEAST_ITERATIONS || iterations > MOST_ITERATIONS) {
    throw new KeyProblem("recovery.form", "this is not such a file");
  }
  if (file.chain_id !== about.chain_id || file.member !== about.member) throw new KeyProblem("recovery.ledger", "this file belongs to another ledger or member");
  const wrapping = await derived(passphrase, bytesOf(file.derivation.salt), iterations, ["decrypt"]);
  try {
    const iv = /** @type {BufferSource} */ (bytesOf(file.cipher?.iv));
    return new TextDecoder("utf-8", { fatal: true }).decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: boundText(about) }, wrapping, /** @type {BufferSource} */ (bytesOf(file.data))));
  } catch {
    throw new KeyProblem("recovery.passphrase", "the passphrase does not open this file, or the file has been changed");
  }
}

/** @param {{format: string, chain_id: string, member: string}} about */
function boundText({ format, chain_id: chainId, member }) {
  return /** @type {BufferSource} */ (encode([format, 1, fromHex(chainId), member]));
}

/**
 * Open a recovery file. Throws KeyProblem: `recovery.form`, `recovery.passphrase`, `recovery.ledger`.
 * @param {string} text
 * @param {string} passphrase
 * @param {string} chainId of the ledger here
 * @returns {Promise<OfficeKey>}
 */
export async function openRecovery(text, passphrase, chainId) {
  const file = readRecovery(text);
  if (file.chain_id !== chainId) throw new KeyProblem("recovery.ledger", "this recovery file belongs to another ledger");
  const { salt, iterations } = file.derivation;
  const wrapping = await derived(passphrase, bytesOf(salt), iterations, ["decrypt"]);
  let secret;
  try {
    const iv = /** @type {BufferSource} */ (bytesOf(file.cipher.iv));
    secret = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: bound(file) }, wrapping, /** @type {BufferSource} */ (bytesOf(file.key))));
  } catch {
    throw new KeyProblem("recovery.passphrase", "the passphrase does not open this file, or the file has been changed");
  }
  const { publicKey, privateKey } = await imported(secret);
  if (publicKey !== file.public_key) throw new KeyProblem("recovery.form", "the key in this file is not the one that it names");
  return { publicKey, privateKey, member: file.member, roles: file.roles, chainId, madeMs: Date.now(), state: "asked" };
}

/** @param {string} text */
function readRecovery(text) {
  const problem = new KeyProblem("recovery.form", "this is not a recovery file that can be read");
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw problem;
  }
  const iterations = file?.derivation?.iterations;
  const isGood = file?.format === FORMAT && file.version === 1 && /^[0-9a-f]{64}$/.test(file.chain_id) && /^[0-9a-f]{64}$/.test(file.public_key)
    && typeof file.member === "string" && Array.isArray(file.roles) && file.roles.every((/** @type {unknown} */ one) => typeof one === "string")
    && file.derivation.name === "PBKDF2" && file.derivation.hash === "SHA-256" && file.cipher?.name === "AES-256-GCM"
    && Number.isInteger(iterations) && iterations >= LEAST_ITERATIONS && iterations <= MOST_ITERATIONS;
  if (!isGood) throw problem;
  return file;
}

/** @param {unknown} text */
function bytesOf(text) {
  if (typeof text !== "string") throw new KeyProblem("recovery.form", "this is not a recovery file that can be read");
  return fromBase64(text, "recovery.form");
}

/**
 * Read a PKCS#8 PEM. Throws KeyProblem: `pem.encrypted` (no browser opens it), `pem.form`.
 * @param {string} text
 * @param {string} chainId
 * @returns {Promise<OfficeKey>} with no member: the ledger says whose it is
 */
export async function openPem(text, chainId) {
  if (text.includes("ENCRYPTED PRIVATE KEY")) throw new KeyProblem("pem.encrypted", "the browser cannot open an encrypted PEM file");
  const match = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(text);
  if (!match) throw new KeyProblem("pem.form", "this is not a PKCS#8 PEM file of an Ed25519 key");
  const { publicKey, privateKey } = await imported(fromBase64(match[1].replace(/\s/g, ""), "pem.form"));
  return { publicKey, privateKey, member: "", roles: [], chainId, madeMs: Date.now(), state: "ready" };
}

/**
 * A key out of its PKCS#8 bytes, which are overwritten.
 * @param {Uint8Array} secret
 */
async function imported(secret) {
  try {
    if (secret.length !== 48 || !equal(secret.subarray(0, 16), PKCS8_HEAD)) throw new KeyProblem("pem.form", "this is not a PKCS#8 form of an Ed25519 key");
    const data = /** @type {BufferSource} */ (secret);
    const privateKey = await crypto.subtle.importKey("pkcs8", data, "Ed25519", false, ["sign"]);
    // The public half is only to be had from a form that can be exported; that one is forgotten at once.
    const open = await crypto.subtle.importKey("pkcs8", data, "Ed25519", true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", open);
    const publicKey = toHex(fromBase64(`${(x ?? "").replace(/-/g, "+").replace(/_/g, "/")}=`, "pem.form"));
    return { publicKey, privateKey };
  } finally {
    secret.fill(0);
  }
}

/**
 * @param {OfficeKey} key
 * @param {Uint8Array} message
 */
export async function signWith(key, message) {
  return new Uint8Array(await crypto.subtle.sign("Ed25519", key.privateKey, /** @type {BufferSource} */ (message)));
}

/**
 * What shows that this browser holds the key. @param {OfficeKey} key
 */
export function possession(key) {
  return signWith(key, possessionMessage(fromHex(key.chainId), key.member, fromHex(key.publicKey)));
}

/** @param {OfficeKey} key */
export async function keepKey(key) {
  await keepForGood();
  await put("keys", key);
}

/** @param {string} publicKey */
export function forgetKey(publicKey) {
  return remove("keys", publicKey);
}

/**
 * This browser's keys for a ledger, in order of making.
 * @param {string} chainId
 * @returns {Promise<OfficeKey[]>}
 */
export async function heldKeys(chainId) {
  return (await all("keys")).filter((key) => key.chainId === chainId).sort((one, other) => one.madeMs - other.madeMs);
}
