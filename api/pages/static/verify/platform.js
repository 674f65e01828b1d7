/**
 * What the browser must offer: WebCrypto with SHA-256 and Ed25519, in a secure context; and the modules that most proofs do not need.
 *
 * Rules: no cryptographic primitive is written here. Where the browser lacks one, nothing can be checked, and that is said
 * as such (`browser.*`, a CannotTellError): it is never a verdict on the paper.
 */

import { CannotTellError, LedgerError } from "./errors.js";

/**
 * The browser's WebCrypto.
 * @returns {SubtleCrypto}
 */
export function subtle() {
  const found = globalThis.crypto?.subtle;
  if (!found || globalThis.isSecureContext === false) {
    throw new CannotTellError("browser.insecure", "this page was not opened over a secure connection, so the browser does not check signatures");
  }
  return found;
}

/**
 * What is thrown where Ed25519 is missing from WebCrypto.
 * @returns {CannotTellError}
 */
export function noEd25519() {
  return new CannotTellError("browser.no-ed25519", "this browser cannot check Ed25519 signatures; a newer one can");
}

/**
 * A module that is loaded where a proof needs it. Throws CannotTellError (`browser.part-missing`) where it cannot be had.
 * @template T
 * @param {() => Promise<T>} load
 * @returns {Promise<T>}
 */
export async function part(load) {
  try {
    return await load();
  } catch (error) {
    if (error instanceof LedgerError) throw error;
    throw new CannotTellError("browser.part-missing", `a part of the verifier that this needs could not be loaded: ${error}`);
  }
}
