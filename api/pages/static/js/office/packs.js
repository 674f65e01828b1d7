/**
 * What the holder of a certificate is given: sheet, receipt, proof with all claims, credential; named as `sogoc certify` names them.
 *
 * Rules: a pack holds what its holder needs to prove everything with no server. A credential is signed by the key that issued the certificate,
 * or there is none.
 */

import { decode, encode, fromHex } from "../../verify/index.js";
import { commitClaims } from "../../verify/claims.js";
import { askBytes, askJson } from "../ask.js";
import { credentialOf, didKey, didWeb, signedCredential } from "./credential.js";
import { desk, nameOf } from "./desk.js";
import { forEach, receiptsOf } from "./node.js";

/** The schemas of certificates, as the command line has them. */
export const SCHEMAS = "/van-phong/schemas.json";
/** Where a domain says which keys speak for it (W3C did:web). */
const DOMAIN = "/.well-known/did.json";
const MAX_PROOF_BYTES = 3_000_000;

/**
 * A certificate with its claims. @typedef {{row: number, certificate: string, authority: string, recordId: string, schema: string, validFrom: string,
 *   validUntil: string|null, index: number, salt: string, claims: [string, any][]}} Held
 */

/** A key of this browser, by its public half. @param {string} publicKey hexadecimal */
export function keyOf(publicKey) {
  return desk.keys.find((one) => one.publicKey === publicKey) ?? null;
}

/** All claims with their salt, as files and the vault hold them. @param {any} item */
export function claimsValue(item) {
  return [0, fromHex(item.salt), item.claims];
}

/**
 * A folder for each holder.
 * @param {{item: Held, key: import("./keys.js").OfficeKey|null, pdf: Uint8Array|null}[]} things `key`: the one that issued, if it is here
 * @returns {Promise<{name: string, content: Uint8Array|string}[]|null>} null if the node does not give all of it
 */
export async function holderFiles(things) {
  const receipts = await receiptsOf(things.map(({ item }) => item.recordId));
  const asked = await askJson(SCHEMAS);
  if (asked.kind !== "ok") return null;
  const domain = await askJson(DOMAIN);
  // Said wrongly it would be said for ever: with no answer there is no pack. That there is none is an answer.
  if (domain.kind === "outage") return null;
  const types = new Map(asked.value.map((/** @type {any} */ one) => [one.name, one.credential]));
  const packs = await forEach(things, async ({ item, key, pdf }) => {
    const proof = await askBytes(`/v1/certificates/${item.certificate}/proof?authority=${encodeURIComponent(item.authority)}`);
    const receipt = receipts.get(item.recordId);
    if (proof === null || receipt === undefined) return null;
    const name = `${String(item.row).padStart(5, "0")}-${item.certificate.slice(0, 8)}`;
    const stem = pdf ? `${name}.pdf` : name;
    const type = types.get(item.schema);
    return [
      ...(pdf ? [{ name: `${name}/${name}.pdf`, content: pdf }] : []),
      { name: `${name}/${name}.tlog-proof`, content: receipt },
      { name: `${name}/${stem}.sogoc-proof`, content: withClaims(proof, item) },
      ...(key && type ? [{ name: `${name}/${stem}.vc.json`, content: await credentialFile(key, item, type, domain.kind === "ok" ? domain.value : null) }] : []),
    ];
  });
  return packs.includes(null) ? null : /** @type {any[]} */ (packs.flat());
}

/**
 * The node's proof of a certificate, which has no claims, with them.
 * @param {Uint8Array} proof
 * @param {Held} item
 * @returns {Uint8Array}
 */
function withClaims(proof, item) {
  const value = /** @type {any[]} */ (decode(proof, { maxBytes: MAX_PROOF_BYTES }));
  return encode([...value.slice(0, -1), claimsValue(item)]);
}

/**
 * @param {import("./keys.js").OfficeKey} key
 * @param {Held} item
 * @param {string} type the schema's name for the credential
 * @param {any} domain the DID document of the node's domain, if it has one
 */
async function credentialFile(key, item, type, domain) {
  const claims = item.claims.map(([name, value]) => ({ name, value }));
  const document = credentialOf(item, {
    claimsRoot: await commitClaims(claims, fromHex(item.salt)), type, issuer: didWeb(domain, key.publicKey) ?? didKey(key.publicKey), name: nameOf(item.authority), origin: desk.origin,
    // What is written into a credential outlives this day: an address without TLS, or of this machine alone, has no place in it.
    statusLists: location.protocol === "https:" ? `${location.origin}/v1/status-lists/${item.authority}` : null,
  });
  return `${JSON.stringify(await signedCredential(document, key, Date.now()), null, 2)}\n`;
}
