/**
 * The holder's Verifiable Credential 2.0, signed here with the officer's key: the same form as the command line's (docs/spec.md §15,
 * `ledger.credentials`).
 *
 * Rules: `eddsa-jcs-2022` signs SHA-256 of the canonical proof options, then SHA-256 of the canonical document (RFC 8785). The issuer is the
 * `did:key` of the key that issued the certificate, or the `did:web` of the office's domain where the domain's document names that key, so
 * the credential is this key's to sign and no other's. Its days are those that were issued; renewals are in the certificate's proof. It says
 * nothing about whether the certificate is still in force: the ledger does.
 */

import { LedgerError, fromHex, sha256, toBase64, toHex } from "../../verify/index.js";
import { signWith } from "./keys.js";

const CONTEXT = "https://www.w3.org/ns/credentials/v2";
/** Gives a meaning to terms that no other context defines: the claims of our schemas. */
const UNDEFINED_TERMS = "https://www.w3.org/ns/credentials/undefined-terms/v2";
const LIST_SIZE = 131_072;
const LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/** Multicodec of an Ed25519 public key. */
const ED25519 = [0xed, 0x01];
const OFFSET = "+07:00";

const utf8 = new TextEncoder();

/**
 * `z` and the base58btc of some bytes (W3C Controlled Identifiers v1.0, "Multibase").
 * @param {Uint8Array} bytes
 */
export function base58btc(bytes) {
  let number = bytes.length ? BigInt(`0x${toHex(bytes)}`) : 0n;
  let text = "";
  for (; number > 0n; number /= 58n) text = LETTERS[Number(number % 58n)] + text;
  const first = bytes.findIndex((byte) => byte !== 0);
  return `z${LETTERS[0].repeat(first < 0 ? bytes.length : first)}${text}`;
}

/**
 * JSON as RFC 8785 writes it: names in the order of their UTF-16 units, numbers and text as JavaScript does.
 * @param {any} value
 * @returns {string}
 */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    return `{${Object.keys(value).sort().map((name) => `${canonical(name)}:${canonical(value[name])}`).join(",")}}`;
  }
  // Half of a character is no text, and every program would hash something else.
  if (typeof value === "string" && /\p{Surrogate}/u.test(value)) throw new LedgerError("json.value", "this text has no canonical JSON form");
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new LedgerError("json.value", "this number has no canonical JSON form");
  return JSON.stringify(value);
}

/** @param {string} publicKey hexadecimal */
function multikey(publicKey) {
  return base58btc(Uint8Array.from([...ED25519, ...fromHex(publicKey)]));
}

/**
 * The unsigned credential of a certificate with all of its claims. A claim that was left empty is left out.
 * @param {{certificate: string, authority: string, recordId: string, schema: string, validFrom: string, validUntil: string|null, index: number, claims: [string, any][]}} item
 * @param {{claimsRoot: Uint8Array, type: string, issuer: string, name: string, origin: string, statusLists: string|null}} more `statusLists`: under which URL the
 *   authority's lists stand
 */
export function credentialOf(item, { claimsRoot, type, issuer, name, origin, statusLists }) {
  const id = item.certificate;
  /** @type {Record<string, any>} */
  const document = {
    "@context": [CONTEXT, UNDEFINED_TERMS],
    id: `urn:uuid:${[id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join("-")}`,
    type: ["VerifiableCredential", type],
    issuer: { id: issuer, name },
    credentialSubject: Object.fromEntries(item.claims.filter(([, value]) => value !== null)),
    evidence: [{
      type: ["LedgerRecord"], ledger: origin, authority: item.authority, certificate: id, record: item.recordId,
      claimsRoot: `u${toBase64(claimsRoot).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`, schema: item.schema,
    }],
    validFrom: `${item.validFrom}T00:00:00${OFFSET}`,
  };
  if (item.validUntil) document.validUntil = `${item.validUntil}T23:59:59${OFFSET}`;
  if (statusLists !== null) {
    const number = Math.floor(item.index / LIST_SIZE);
    document.credentialStatus = ["revocation", "suspension"].map((purpose) => ({
      type: "BitstringStatusListEntry", statusPurpose: purpose, statusListIndex: String(item.index % LIST_SIZE), statusListCredential: `${statusLists}/${number}/${purpose}`,
    }));
  }
  return document;
}

/**
 * The issuer that a key's credentials name.
 * @param {string} publicKey hexadecimal
 */
export function didKey(publicKey) {
  return `did:key:${multikey(publicKey)}`;
}

/**
 * The issuer that a domain's DID document gives a key; null if the document does not name the key for making statements.
 * @param {any} document as the node gave it
 * @param {string} publicKey hexadecimal
 * @returns {string|null}
 */
export function didWeb(document, publicKey) {
  const did = document?.id;
  if (typeof did !== "string" || !/^did:web:[A-Za-z0-9.%_-]{1,253}$/.test(did) || !Array.isArray(document.assertionMethod)) return null;
  return document.assertionMethod.includes(`${did}#${multikey(publicKey)}`) ? did : null;
}

/**
 * A document with its proof (W3C Data Integrity EdDSA Cryptosuites v1.0, §3.3).
 * @param {Record<string, any>} document whose issuer is the key's `did:key`, or the `did:web` that names the key
 * @param {import("./keys.js").OfficeKey} key
 * @param {number} nowMs
 * @returns {Promise<Record<string, any>>}
 */
export async function signedCredential(document, key, nowMs) {
  const options = {
    type: "DataIntegrityProof", cryptosuite: "eddsa-jcs-2022", created: localTime(nowMs),
    verificationMethod: `${document.issuer.id}#${multikey(key.publicKey)}`, proofPurpose: "assertionMethod", "@context": document["@context"],
  };
  const hashes = await Promise.all([options, document].map((one) => sha256(utf8.encode(canonical(one)))));
  const message = new Uint8Array(64);
  hashes.forEach((hash, at) => message.set(hash, 32 * at));
  return { ...document, proof: { ...options, proofValue: base58btc(await signWith(key, message)) } };
}

/** An instant as an RFC 3339 time in Vietnam's zone. @param {number} ms since the epoch */
function localTime(ms) {
  return `${new Date(ms + 7 * 3_600_000).toISOString().slice(0, 19)}${OFFSET}`;
}
