/**
 * Reading a QR code with the camera or from a photo, where the browser can (BarcodeDetector).
 *
 * Rules: pictures are looked at on this device and kept nowhere. A code that leads to this site, or that is a bare lookup code, is
 * used; the address of any other site is shown and never opened.
 */

import { button, dialog, el, say } from "./dom.js";
import { readCode } from "./code.js";
import { compactOf } from "./offline.js";

const LOOK_MS = 200;

/** @returns {Promise<any>} null where the browser reads no QR codes */
async function reader() {
  const Detector = /** @type {any} */ (globalThis).BarcodeDetector;
  if (!Detector) return null;
  try {
    return (await Detector.getSupportedFormats()).includes("qr_code") ? new Detector({ formats: ["qr_code"] }) : null;
  } catch {
    return null;
  }
}

/**
 * What a QR code says, for this site.
 * @param {string} text
 * @returns {{code: string, salt: string|null}|{compact: Uint8Array}|{other: string}|{foreign: string}}
 */
export function readLink(text) {
  const typed = readCode(text.trim());
  if (typed) return { code: typed, salt: null };
  let url;
  try {
    url = new URL(text.trim());
  } catch {
    return { foreign: text };
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return { foreign: text };
  // An offline code proves itself, whatever site it names.
  const compact = url.pathname === "/" ? compactOf(url.hash) : null;
  if (compact) return { compact };
  if (url.origin !== location.origin) return { other: text };
  const match = /^\/c\/([^/]+)$/.exec(url.pathname);
  const code = match && readCode(decodeURIComponent(match[1]));
  return code ? { code, salt: url.hash.slice(1) || null } : { foreign: text };
}

/**
 * @param {(found: any) => void} onfound
 * @param {(text: string) => {other: string}|{foreign: string}|Record<string, any>} read what a code says; `other` and `foreign` are shown and not used
 */
export async function openScan(onfound, read = readLink) {
  const detector = await reader();
  const said = el("p", { role: "status", class: "scan-said" });
  const photo = /** @type {HTMLInputElement} */ (el("input", { type: "file", accept: "image/*", hidden: true }));
  const stage = el("div", { class: "camera", hidden: true });
  /** @type {MediaStream|null} */
  let stream = null;
  let isOpen = true;
  const stop = () => {
    isOpen = false;
    for (const track of stream?.getTracks() ?? []) track.stop();
  };
  const tell = (/** @type {string} */ key, /** @type {string|null} */ text = null) => {
    said.replaceChildren(say(key), ...(text ? [" ", el("code", {}, text.slice(0, 300))] : []));
  };
  const take = (/** @type {string} */ text) => {
    const found = read(text);
    if ("other" in found) tell("scan.other", found.other);
    else if ("foreign" in found) tell("scan.foreign", found.foreign);
    else {
      box.close();
      onfound(found);
    }
  };
  const body = detector ? [say("scan.text", "p"), stage, said] : [say("scan.none", "p", { id: "scan-none" })];
  if (detector) body.push(el("div", { class: "buttons" }, button("scan.photo", { icon: "image", onclick: () => photo.click() })), photo);
  const box = dialog("scan.title", body, stop);
  if (!detector) return;
  photo.addEventListener("change", async () => {
    const [file] = photo.files ?? [];
    photo.value = "";
    if (!file) return;
    try {
      const [found] = await detector.detect(await createImageBitmap(file));
      if (found) take(found.rawValue);
      else tell("scan.not-found");
    } catch {
      tell("scan.not-found");
    }
  });
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch {
    tell("scan.no-camera");
    return;
  }
  if (!isOpen) {
    stop();
    return;
  }
  const video = /** @type {HTMLVideoElement} */ (el("video", { autoplay: true, playsinline: true, muted: true, "data-t-label": "scan.video" }));
  video.srcObject = stream;
  stage.append(video);
  stage.hidden = false;
  while (isOpen) {
    try {
      const [found] = video.readyState >= 2 ? await detector.detect(video) : [];
      if (found && isOpen) take(found.rawValue);
    } catch {
      // A frame that cannot be read is followed by the next one.
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
