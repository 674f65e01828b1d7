/**
 * Showing hidden parts of one event to one reader: by a link, which carries them behind its `#`, or by a file (`epcis/share.js`).
 *
 * Rules: whoever shows something says for whom, and signs that. The link needs no network: it carries no receipt. What is too long for a link
 * goes as a file.
 */

import { fromHex } from "../../verify/index.js";
import { dialog, el, icon, save, say, toast } from "../dom.js";
import { shareOf } from "../epcis/hiding.js";
import { MAX_READER_LETTERS, linkOf, statementOf } from "../epcis/share.js";
import { signWith } from "../office/keys.js";
import { receiptsOf } from "../office/node.js";
import { act, checkbox, field, guarded, input } from "../office/ui.js";
import { partName, partText } from "./hush.js";
import { signer } from "./signing.js";

const TYPE = "epcis.event/1";

/** @param {any} item what was signed, with its hidden parts */
export function openShare(item) {
  const place = el("div");
  const reader = input({ id: "share-reader", autocomplete: "off", maxlength: MAX_READER_LETTERS });
  const ticks = item.hidden.pointers.map((/** @type {string} */ pointer) => ({ pointer, ...checkbox(el("span", {}, partName(pointer), ": ", partText(item, pointer)), { id: `share-${pointer.replace(/[^a-z]/gi, "")}` }) }));
  const refuse = (/** @type {string} */ key) => place.replaceChildren(say(key, "p", { class: "error", role: "alert" }));

  /** What was chosen and for whom, as bytes; null if something is missing, which is told. @param {string|Uint8Array} evidence */
  async function made(evidence) {
    const chosen = ticks.filter((/** @type {any} */ one) => one.box.checked).map((/** @type {any} */ one) => one.pointer);
    const name = reader.value.normalize("NFC").trim();
    if (!chosen.length || !name) {
      refuse(chosen.length ? "pr.share.nobody" : "pr.share.none");
      if (chosen.length) reader.focus();
      return null;
    }
    const key = signer(TYPE);
    const now = Date.now();
    return shareOf(evidence, item.event, item.hidden.pointers, fromHex(item.hidden.salt), chosen, async (shown) =>
      [name, now, fromHex(key.publicKey), await signWith(key, statementOf(fromHex(item.recordId), name, now, shown))]);
  }

  const link = act("pr.share.link", { kind: "primary", icon: "receipt", id: "share-link", onclick: () => guarded(link, place, async () => {
    const data = await made(fromHex(item.recordId));
    if (data === null) return;
    const address = linkOf(data, location.origin);
    if (address === null) {
      refuse("pr.share.too-long");
      return;
    }
    const line = input({ id: "share-address", readonly: true, value: address, onfocus: () => line.select() });
    const copy = act("action.copy", { id: "share-copy", onclick: async () => {
      await navigator.clipboard.writeText(address);
      toast("action.copied");
    } });
    const hand = "share" in navigator ? act("pr.share.hand", { onclick: () => navigator.share({ url: address }).catch(() => {}) }) : null;
    place.replaceChildren(field(say("pr.share.address"), line, { hint: say("pr.share.address-hint") }), el("div", { class: "buttons" }, copy, hand), el("p", { class: "sr", role: "status" }, say("pr.share.linked")));
    // On a phone it stands below what is seen of the dialog.
    copy.focus();
  }) });
  const file = act("pr.share.do", { icon: "save", id: "share-do", onclick: () => guarded(file, place, async () => {
    if ((await made(fromHex(item.recordId))) === null) return;
    const receipt = (await receiptsOf([item.recordId])).get(item.recordId);
    const data = receipt === undefined ? null : await made(receipt);
    if (data === null) {
      refuse("pr.offline-now");
      return;
    }
    save(`${item.recordId.slice(0, 12)}.sogoc-share`, data, "application/octet-stream");
    place.replaceChildren(el("p", { class: "doing", role: "status", id: "share-made" }, icon("check"), say("pr.share.made")));
  }) });
  dialog("pr.share.title", [say("pr.share.text", "p"), field(say("pr.share.reader"), reader, { hint: say("pr.share.reader-hint") }), ...ticks.map((/** @type {any} */ one) => el("p", {}, one.whole)), el("div", { class: "buttons" }, link, file), place]);
}
