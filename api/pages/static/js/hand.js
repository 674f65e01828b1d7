/**
 * Sorting what somebody dropped: a document, a receipt, a certificate's proof, a salt, a policy. Rules: what a file is follows from its content
 * first and its name second; a file that is none of the others is a document.
 */

import { fromHex } from "../verify/index.js";

const RECEIPT = "c2sp.org/tlog-proof@";
const SMALL = 3_000_000;

/**
 * @param {Iterable<File>} files
 * @returns {Promise<{file: File|null, receipt: string|null, proof: Uint8Array|null, salt: Uint8Array|null, policy: string|null}>}
 */
export async function sort(files) {
  /** @type {Awaited<ReturnType<typeof sort>>} */
  const hand = { file: null, receipt: null, proof: null, salt: null, policy: null };
  for (const file of files) {
    const name = file.name.normalize("NFC").toLowerCase();
    const head = await file.slice(0, 64).text();
    if (file.size <= SMALL && (head.startsWith(RECEIPT) || name.endsWith(".tlog-proof"))) hand.receipt = await file.text();
    else if (file.size <= SMALL && name.endsWith(".sogoc-proof")) hand.proof = new Uint8Array(await file.arrayBuffer());
    else if (file.size <= 66 && /^[0-9a-f]{64}\s*$/i.test(head)) hand.salt = fromHex(head.trim().toLowerCase());
    else if (file.size <= SMALL && (name === "policy" || name.endsWith(".policy") || /^(log|witness) \S+\+[0-9a-f]{8}\+/.test(head))) hand.policy = await file.text();
    else hand.file ??= file;
  }
  return hand;
}

/**
 * The salt in a QR code's fragment: 64 hexadecimal digits or 43 letters of base64url, alone or after `s=`.
 * @param {string|null} fragment
 * @returns {Uint8Array|null}
 */
export function saltOf(fragment) {
  const text = (fragment ?? "").replace(/^#/, "").replace(/^s=/, "");
  if (/^[0-9a-f]{64}$/i.test(text)) return fromHex(text.toLowerCase());
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return null;
  const bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(bytes, (letter) => letter.charCodeAt(0));
}
