/**
 * What the browser must offer: WebCrypto with SHA-256 and Ed25519, in a secure context.
 *
 * Rules: no cryptographic primitive is written here. Where the browser lacks one, nothing can be checked, and that is said
 * as such (`browser.*`, a CannotTellError): it is never a verdict on the paper.
 */

import { CannotTellError } from "./errors.js";

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
