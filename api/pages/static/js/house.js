/** What every page begins with: its language, and the service worker that lets it open with no network. */

import { startLanguage } from "./words.js";

const WORKER = "/sw.js";
const WORKER_AFTER_MS = 3_000;

/** Take a page into service. */
export function startHouse() {
  startLanguage();
  if (globalThis.isSecureContext && "serviceWorker" in navigator) {
    // Not at once: what the person came for goes first. A worker that cannot be installed costs the offline page, and nothing else.
    setTimeout(() => keepPage().catch(() => {}), WORKER_AFTER_MS);
  }
}

/** Have the worker keep this page, which may be the first of its kind that it sees. */
async function keepPage() {
  const { serviceWorker } = navigator;
  await serviceWorker.register(/** @type {any} */ (workerAddress()), { updateViaCache: "none" });
  (await serviceWorker.ready).active?.postMessage("keep");
}

/** The one address that the page's policy lets a worker come from. */
function workerAddress() {
  const { trustedTypes } = /** @type {any} */ (globalThis);
  if (!trustedTypes) return WORKER;
  const only = trustedTypes.createPolicy("sogoc", {
    createScriptURL(/** @type {string} */ address) {
      if (address !== WORKER) throw new TypeError("no other script may be loaded");
      return address;
    },
  });
  return only.createScriptURL(WORKER);
}
