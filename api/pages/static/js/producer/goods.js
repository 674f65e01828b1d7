/**
 * Products and places: what there is, adding one, describing a product anew, and ending either.
 *
 * Rules: a GTIN's or GLN's check digit is looked at while it is typed. A picture stays on this device; only its hash is written down.
 */

import { fromHex, hashFile, toHex } from "../../verify/index.js";
import { dialog, el, icon, say } from "../dom.js";
import { gln, gtin14, ownCode } from "../epcis/gs1.js";
import { act, announce, checkbox, field, guarded, select, today } from "../office/ui.js";
import { showDay, t } from "../words.js";
import { UNITS, unitWord } from "./amounts.js";
import { Wrong, allGood, bigButton, choices, typed, viewHead } from "./forms.js";
import { heldTag, signRecord, signedPanel } from "./signing.js";
import { isOpen, productOf, shelf } from "./shelf.js";

/** @typedef {import("./shelf.js").Held} Held */

export const CATEGORIES = ["trai-cay", "rau-cu", "lua-gao", "thuy-san", "thit", "trung-sua", "mat-ong", "che-bien", "gia-vi", "do-uong", "duoc-lieu", "thu-cong", "khac"];
export const PLACES = ["farm", "processing", "packing", "warehouse", "shop", "other"];
/** Why a product, or a place, ends (`ledger/records/products.py`, `places.py`). @type {Record<string, string[]>} */
export const END_REASONS = { product: ["discontinued", "replaced", "registered-in-error", "ordered", "other"], place: ["closed", "moved", "registered-in-error", "ordered", "other"] };
const MOST_IMAGES = 8;

/** A check of typed digits that is certain only when they are all there. @param {(text: string) => any} read @param {number[]} lengths @param {string} family */
function digitsCheck(read, lengths, family) {
  return (/** @type {string} */ typedText) => {
    const text = typedText.replace(/[\s-]/g, "");
    if (!text) throw new Wrong(`pr.wrong.${family}-missing`);
    if (!/^\d+$/.test(text)) throw new Wrong("pr.wrong.digits", { isCertain: true });
    if (!lengths.includes(text.length)) throw new Wrong(`pr.wrong.${family}-length`, { isCertain: text.length > Math.max(...lengths), text: `(${text.length})` });
    try {
      read(text);
    } catch {
      throw new Wrong("pr.wrong.check-digit", { isCertain: text.length === Math.max(...lengths) || lengths.length === 1 });
    }
    return say("pr.right.check-digit");
  };
}

export const checkGtin = digitsCheck(gtin14, [8, 12, 13, 14], "gtin");
export const checkGln = digitsCheck(gln, [13], "gln");

/** @param {string} text */
function checkCode(text) {
  const code = text.trim();
  if (!code) throw new Wrong("pr.wrong.code-missing");
  try {
    ownCode(code);
  } catch {
    throw new Wrong("pr.wrong.code", { isCertain: true });
  }
  if (/^\d{13,14}$/.test(code)) throw new Wrong("pr.wrong.code-digits", { isCertain: true });
  return null;
}

/** @param {string} text */
function checkName(text) {
  if (!text.trim()) throw new Wrong("pr.wrong.name-missing");
  if (new TextEncoder().encode(text.trim()).length > 200) throw new Wrong("pr.wrong.long", { isCertain: true });
  return null;
}

/** NFC, without what stands around it. @param {string} text */
const tidy = (text) => text.normalize("NFC").trim();

/** What a product is called with its number. @param {Held} product */
export function productTitle(product) {
  return `${product.body.name}`;
}

/** Stars as people know them. @param {Record<string, any>} body */
export function stars(body) {
  if (!body.ocop_stars) return null;
  const isOver = body.ocop_until && body.ocop_until < today();
  return el("span", { class: "stars", "data-over": isOver ? "true" : null }, el("span", { "aria-hidden": "true" }, "★".repeat(body.ocop_stars)), el("span", { class: "sr" }, `${body.ocop_stars}/5`), " OCOP",
    body.ocop_until ? el("span", { class: "soft" }, " · ", say(isOver ? "pr.product.ocop-over" : "pr.product.ocop-to"), ` ${showDay(body.ocop_until)}`) : null);
}

/** The tab of products and places. */
export function goodsView() {
  const list = el("div");
  const view = el("div", {});

  function overview() {
    list.replaceChildren(
      say("pr.goods.title", "h2", { tabindex: "-1" }),
      shelf.products.length ? el("ul", { class: "cards" }, ...shelf.products.map((one) => productRow(one, actions(one)))) : say("pr.goods.none", "p", { class: "soft empty" }),
      el("div", { class: "buttons" }, act("pr.goods.add", { icon: "plus", kind: "primary", id: "add-product", onclick: () => go(productForm(back)) })),
      say("pr.places.title", "h2", { class: "second" }),
      shelf.places.length ? el("ul", { class: "cards" }, ...shelf.places.map((one) => placeRow(one, actions(one)))) : say("pr.places.none", "p", { class: "soft empty" }),
      el("div", { class: "buttons" }, act("pr.places.add", { icon: "plus", id: "add-place", onclick: () => go(placeForm(back)) })));
    view.replaceChildren(list);
  }

  /** What may be done with it; nothing once it has ended. @param {Held} held */
  function actions(held) {
    if (!isOpen(held)) return el("span", { class: "tag ended", "data-status": "ended" }, icon("ended"), say("pr.state.ended"));
    return el("span", { class: "buttons row-buttons" },
      held.what === "product" ? act("pr.change", { kind: "small", icon: "pen", onclick: () => go(productForm(back, held)) }) : null,
      act("pr.end.open", { kind: "small quiet", onclick: () => openEnd(held, overview) }));
  }

  /** @param {HTMLElement} panel */
  function go(panel) {
    view.replaceChildren(panel);
    /** @type {HTMLElement|null} */ (panel.querySelector("h2"))?.focus();
    globalThis.scrollTo(0, 0);
  }

  function back() {
    overview();
    /** @type {HTMLElement|null} */ (view.querySelector("h2"))?.focus();
  }

  return { view, show: overview };
}

/**
 * The end of a product or a place, for ever.
 * @param {Held} held
 * @param {() => void} ondone
 */
function openEnd(held, ondone) {
  const place = el("div");
  const reason = select([["", say("pr.reason.choose")], ...END_REASONS[held.what].map((one) => /** @type {[string, HTMLElement]} */ ([one, say(`pr.reason.${one}`)]))], { id: "end-reason" });
  const sure = checkbox(say("pr.end.sure"), { id: "end-sure" });
  const go = act("pr.end.do", { kind: "danger", id: "end-do", onclick: () => {
    if (!reason.value || !sure.box.checked) {
      place.replaceChildren(say(reason.value ? "pr.wrong.sure" : "pr.wrong.reason", "p", { class: "error", role: "alert" }));
      (reason.value ? sure.box : reason).focus();
      return;
    }
    guarded(go, place, async () => {
      const { gtin, gln, code } = held.body;
      await signRecord(`${held.what}.end/1`, { gtin, gln, code, reason: reason.value }, { what: "end", of: held.what, id: held.id, body: { reason: reason.value }, title: held.body.name });
      box.close();
      ondone();
    });
  } });
  const box = dialog(`pr.end.${held.what}`, [el("p", { class: "signed-what" }, el("strong", {}, held.body.name)), say(`pr.end.${held.what}-text`, "p"), field(say("pr.reason.label"), reason), el("p", {}, sure.whole), place, el("div", { class: "buttons" }, go)]);
}

/** @param {Held} product @param {Node} more */
function productRow(product, more) {
  const { body } = product;
  return el("li", { class: "thing", "data-id": product.id }, icon("goods"), el("div", { class: "grow" },
    el("span", { class: "title" }, body.name), stars(body),
    el("span", { class: "more" }, el("span", { class: "num" }, product.id), " · ", unitWord(body.unit))), heldTag(product), more);
}

/** @param {Held} place @param {Node} more */
function placeRow(place, more) {
  return el("li", { class: "thing", "data-id": place.id }, icon("place"), el("div", { class: "grow" },
    el("span", { class: "title" }, place.body.name),
    el("span", { class: "more" }, say(`pr.place.${place.body.kind}`), " · ", el("span", { class: "num" }, place.id), place.body.growing_area ? ` · ${place.body.growing_area}` : null)), heldTag(place), more);
}

/** GTIN or code, as two ways of naming. @param {string} prefix of ids @param {[string, string]} ways keys of words @param {(text: string) => any} checkNumber @param {number} digits */
function naming(prefix, ways, checkNumber, digits) {
  const number = typed(ways[0], { id: `${prefix}-number`, check: checkNumber, properties: { inputmode: "numeric", maxlength: digits + 4, class: "input amount" } });
  const code = typed(ways[1], { id: `${prefix}-code`, check: checkCode, hintKey: "pr.hint.code", properties: { maxlength: 30, autocapitalize: "characters" } });
  const way = choices(`pr.${prefix}.way`, [{ value: "number", title: say(`pr.${prefix}.way-number`), more: say(`pr.${prefix}.way-number-more`) }, { value: "code", title: say(`pr.${prefix}.way-code`), more: say(`pr.${prefix}.way-code-more`) }], { onchange: show, id: `${prefix}-way` });
  function show() {
    number.whole.hidden = way.value !== "number";
    code.whole.hidden = way.value !== "code";
  }
  show();
  return { whole: el("div", {}, way.whole, number.whole, code.whole), get isNumber() { return way.value === "number"; }, number, code, get field() { return way.value === "number" ? number : code; }, setWay(/** @type {string} */ value) {
    const box = /** @type {HTMLInputElement|null} */ (way.whole.querySelector(`input[value="${value}"]`));
    if (box) box.checked = true;
    show();
  } };
}

/** @param {() => void} onback */
export function placeForm(onback) {
  const place = el("div");
  const name = typed("pr.place.name", { id: "place-name", check: checkName, hintKey: "pr.place.name-hint", properties: { maxlength: 200 } });
  const kind = choices("pr.place.kind", PLACES.map((one) => ({ value: one, title: say(`pr.place.${one}`) })), { id: "place-kind" });
  const named = naming("place", ["pr.place.gln", "pr.place.code"], checkGln, 13);
  named.setWay("code");
  const area = typed("pr.place.area", { id: "place-area", hintKey: "pr.place.area-hint", properties: { maxlength: 40, autocapitalize: "characters" }, check: (text) => {
    if (text.trim() && !/^[A-Za-z0-9\-./]+$/.test(text.trim())) throw new Wrong("pr.wrong.area", { isCertain: true });
    return null;
  } });
  const address = typed("pr.place.address", { id: "place-address", hintKey: "pr.place.address-hint", properties: { maxlength: 300 } });
  const { button } = bigButton("pr.place.sign", { sign: "place", id: "sign-place" });
  const form = el("form", { novalidate: true }, kind.whole, name.whole, named.whole, el("details", {}, say("pr.more", "summary"), el("div", { class: "inside" }, area.whole, address.whole)), place, el("div", { class: "do" }, button));
  const whole = el("section", { class: "sheet" }, viewHead("pr.places.add", onback), form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!allGood([name, named.field, area])) return;
    guarded(button, place, async () => {
      const gln13 = named.isNumber ? named.number.value.replace(/[\s-]/g, "") : undefined;
      const body = { gln: gln13, code: named.isNumber ? undefined : named.code.value, name: tidy(name.value), kind: kind.value, growing_area: area.value || undefined, address: tidy(address.value) || undefined };
      const id = gln13 ?? named.code.value;
      const job = await signRecord("place.register/1", body, { what: "place", id, body, title: body.name });
      done(whole, job, body.name, onback, "pr.places.add", () => placeForm(onback));
    });
  });
  return whole;
}

/**
 * A product that is new, or one that is described anew: what is not stated again no longer holds.
 * @param {() => void} onback
 * @param {Held|null} held
 */
export function productForm(onback, held = null) {
  const before = held?.body ?? {};
  const place = el("div");
  const name = typed("pr.product.name", { id: "product-name", value: before.name, check: checkName, hintKey: "pr.product.name-hint", properties: { maxlength: 200 } });
  const named = held ? null : naming("product", ["pr.product.gtin", "pr.product.code"], checkNew, 14);
  const category = select([...(before.category && !CATEGORIES.includes(before.category) ? [/** @type {[string, string]} */ ([before.category, before.category])] : []), ...CATEGORIES.map((one) => /** @type {[string, HTMLElement]} */ ([one, say(`pr.category.${one}`)]))], { id: "product-category" });
  category.value = before.category ?? CATEGORIES[0];
  const units = before.unit && !UNITS.includes(before.unit) ? [before.unit, ...UNITS] : UNITS;
  const unit = choices("pr.product.unit", units.map((one) => ({ value: one, title: unitWord(one) })), { id: "product-unit", value: before.unit ?? UNITS[0] });
  const brand = typed("pr.product.brand", { id: "product-brand", value: before.brand, properties: { maxlength: 100 } });
  const until = typed("pr.product.ocop-until", { id: "product-ocop-until", value: before.ocop_until, hintKey: "pr.product.ocop-hint", properties: { type: "date" } });
  until.whole.hidden = !before.ocop_stars;
  const rating = choices("pr.product.ocop", [{ value: "", title: say("pr.product.ocop-none") }, ...[3, 4, 5].map((one) => ({ value: String(one), title: el("span", { class: "stars" }, el("span", { "aria-hidden": "true" }, "★".repeat(one)), el("span", { class: "sr" }, `${one}/5`)) }))], { id: "product-ocop", value: before.ocop_stars ? String(before.ocop_stars) : "", onchange: (value) => (until.whole.hidden = !value) });
  const standards = typed("pr.product.standards", { id: "product-standards", value: (before.standards ?? []).join("; "), hintKey: "pr.product.standards-hint", properties: { maxlength: 400 } });
  const description = /** @type {HTMLTextAreaElement} */ (el("textarea", { class: "input", rows: 3, maxlength: 1000, id: "product-description" }));
  description.value = before.description ?? "";
  const pictures = picturesField(before.images ?? []);
  const { button } = bigButton(held ? "pr.change.sign" : "pr.product.sign", { sign: "goods", id: "sign-product" });
  const form = el("form", { novalidate: true }, name.whole, named ? named.whole : el("p", { class: "soft" }, say("pr.lot.goods"), ": ", el("span", { class: "num" }, held?.id)), unit.whole, field(say("pr.product.category"), category), rating.whole, until.whole, pictures.whole,
    el("details", { open: held !== null }, say("pr.more", "summary"), el("div", { class: "inside" }, brand.whole, standards.whole, field(say("pr.product.description"), description))), place, el("div", { class: "do" }, button));
  const whole = el("section", { class: "sheet" }, viewHead(held ? "pr.change.title" : "pr.goods.add", onback), form);

  /** @param {string} text */
  function checkNew(text) {
    const right = checkGtin(text);
    const there = productOf(gtin14(text.replace(/[\s-]/g, "")));
    if (there && isOpen(there)) throw new Wrong("pr.wrong.product-there", { isCertain: true, text: there.body.name });
    return right;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!allGood([name, ...(named ? [named.field] : [])])) return;
    guarded(button, place, async () => {
      const gtin = named ? (named.isNumber ? gtin14(named.number.value.replace(/[\s-]/g, "")) : undefined) : before.gtin;
      const code = named ? (gtin ? undefined : named.code.value) : before.code;
      const list = [...new Set(standards.value.split(/[;,\n]/).map(tidy).filter(Boolean))];
      const body = {
        gtin, code, name: tidy(name.value), category: category.value, unit: unit.value, brand: tidy(brand.value) || undefined,
        ocop_stars: rating.value ? Number(rating.value) : undefined, ocop_until: rating.value && until.value ? until.value : undefined,
        standards: list.length ? list : undefined, description: tidy(description.value) || undefined,
      };
      const id = gtin ?? code;
      const images = pictures.hashes.length ? pictures.hashes : undefined;
      const job = await signRecord(held ? "product.update/1" : "product.register/1", { ...body, images }, { what: "product", id, body: { ...body, images: images?.map(toHex) }, title: body.name });
      done(whole, job, body.name, onback, "pr.goods.add", () => productForm(onback));
    });
  });
  return whole;
}

/** Pictures: looked at and hashed here, sent nowhere. @param {string[]} before hashes that stand already */
function picturesField(before) {
  /** @type {Uint8Array[]} */
  const hashes = [];
  const shown = el("ul", { class: "pictures" });
  for (const hex of before) {
    const digest = fromHex(hex);
    hashes.push(digest);
    const row = el("li", { "data-hash": hex }, icon("image"), el("span", { class: "grow" }, el("span", { class: "hash small" }, `${hex.slice(0, 16)}…`)), act("pr.remove", { kind: "small quiet", onclick: () => {
      hashes.splice(hashes.indexOf(digest), 1);
      row.remove();
    } }));
    shown.append(row);
  }
  const hidden = /** @type {HTMLInputElement} */ (el("input", { type: "file", accept: "image/*", multiple: true, hidden: true, id: "product-images", "aria-label": t("pr.product.images"), "data-t-label": "pr.product.images" }));
  hidden.addEventListener("change", async () => {
    const files = [...(hidden.files ?? [])].slice(0, MOST_IMAGES - hashes.length);
    hidden.value = "";
    for (const file of files) {
      const digest = await hashFile(file);
      const hex = toHex(digest);
      if (hashes.some((one) => toHex(one) === hex)) continue;
      hashes.push(digest);
      const address = URL.createObjectURL(file);
      const row = el("li", { "data-hash": hex }, el("img", { src: address, alt: file.name, width: "72", height: "72" }), el("span", { class: "grow" }, el("span", { class: "title" }, file.name), el("span", { class: "hash small" }, `${hex.slice(0, 16)}…`)),
        act("pr.remove", { kind: "small quiet", onclick: () => {
          hashes.splice(hashes.indexOf(digest), 1);
          URL.revokeObjectURL(address);
          row.remove();
        } }));
      shown.append(row);
      announce(t("pr.product.image-hashed"));
    }
  });
  const whole = el("div", { class: "field" }, say("pr.product.images", "span", { class: "label" }), say("pr.product.images-hint", "span", { class: "hint" }), shown, hidden,
    act("pr.product.images-choose", { icon: "image", onclick: () => hidden.click() }));
  return { whole, hashes };
}

/**
 * What was signed takes the form's place.
 * @param {HTMLElement} whole
 * @param {number} job
 * @param {string} title
 * @param {() => void} onback
 * @param {string} moreKey
 * @param {() => HTMLElement} more
 */
export function done(whole, job, title, onback, moreKey, more) {
  const panel = signedPanel(job, { title: el("strong", {}, title), buttons: [
    act("pr.done", { kind: "primary", id: "done", onclick: onback }),
    act(moreKey, { kind: "quiet", icon: "plus", onclick: () => {
      const next = more();
      panel.replaceWith(next);
      /** @type {HTMLElement|null} */ (next.querySelector("h2"))?.focus();
    } })] });
  whole.replaceWith(panel);
  /** @type {HTMLElement|null} */ (panel.querySelector("h2"))?.focus();
  globalThis.scrollTo(0, 0);
}
