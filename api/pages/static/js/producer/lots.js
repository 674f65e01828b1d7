/** Lots: what there is, creating one, what happened to it, its labels, its recall. */

import { dialog, el, facts, icon, say } from "../dom.js";
import { lotText, pathOf } from "../epcis/gs1.js";
import { act, checkbox, field, guarded, select, today } from "../office/ui.js";
import { keep, kept } from "../store.js";
import { showDay } from "../words.js";
import { readAmount, showAmount, unitWord } from "./amounts.js";
import { deedLine } from "./naming.js";
import { Wrong, allGood, amountField, bigButton, choices, typed, viewHead } from "./forms.js";
import { done, stars } from "./goods.js";
import { labelForm } from "./labels.js";
import { storyOf } from "./ledger.js";
import { heldTag, signRecord, signer } from "./signing.js";
import { isOpen, leftOf, lotAt, productOfLot, shelf } from "./shelf.js";
import { tenFieldsView } from "./tenfields.js";

/** @typedef {import("./shelf.js").Held} Held */

export const RECALL_REASONS = ["contamination", "allergen", "foreign-body", "labelling", "quality", "expired", "counterfeit", "ordered", "other"];
export const RELEASE_REASONS = ["tested-safe", "recalled-in-error", "corrected", "ordered", "other"];

/** Product and lot, as people say it. @param {Held} lot */
export function lotTitle(lot) {
  return `${productOfLot(lot)?.body.name ?? lot.body.gtin ?? lot.body.code} · ${lot.body.lot}`;
}

/** @param {Held} lot */
export function lotUnit(lot) {
  return lot.body.unit ?? productOfLot(lot)?.body.unit ?? "KGM";
}

/** @param {Held} lot */
function standing(lot) {
  if (lot.status === "recalled") return el("span", { class: "tag bad", "data-status": "recalled" }, icon("alarm"), say("pr.lot.recalled"));
  return heldTag(lot);
}

/**
 * The tab of lots.
 * @param {(template: string|null, path: string) => void} onrecord begin to write down something about a lot
 */
export function lotsView(onrecord) {
  const view = el("div", {});

  function overview() {
    const lots = [...shelf.lots].reverse();
    const add = act("pr.lots.add", { icon: "plus", kind: "primary", id: "add-lot", onclick: () => go(lotForm(back)) });
    if (!shelf.products.some(isOpen)) add.setAttribute("disabled", "");
    view.replaceChildren(say("pr.lots.title", "h2", { tabindex: "-1" }),
      lots.length ? el("ul", { class: "cards" }, ...lots.map(row)) : say(shelf.products.length ? "pr.lots.none" : "pr.lots.no-product", "p", { class: "soft empty" }),
      el("div", { class: "buttons" }, add));
  }

  /** @param {Held} lot */
  function row(lot) {
    const left = leftOf(lot.id, lotUnit(lot));
    return el("li", { class: "thing", "data-id": lot.id }, el("button", { type: "button", class: "open", onclick: () => go(lotPage(lot.id)) }, icon("lot"), el("span", { class: "grow" },
      el("span", { class: "title" }, productOfLot(lot)?.body.name ?? lot.body.gtin ?? lot.body.code),
      el("span", { class: "more" }, say("pr.lot.word"), " ", el("span", { class: "num" }, lot.body.lot), left === null ? null : el("span", {}, " · ", say("pr.lot.left"), ` ${showAmount(left)} `, unitWord(lotUnit(lot))))), standing(lot)));
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

  /** @param {string} path */
  function lotPage(path) {
    const lot = /** @type {Held} */ (lotAt(path));
    const { body } = lot;
    const again = () => go(lotPage(path));
    const story = el("ol", { class: "story", id: "story" });
    const left = leftOf(path, lotUnit(lot));
    const isRecalled = lot.status === "recalled";
    showStory(path, story);
    return el("section", { class: "sheet lot-page", "data-id": path }, viewHead("", back, el("span", {}, productOfLot(lot)?.body.name ?? body.gtin ?? body.code)),
      isRecalled ? el("div", { class: "note alarm", role: "note" }, el("p", {}, el("strong", {}, say("pr.lot.recalled")), " ", say("pr.lot.recalled-text"))) : null,
      el("p", { class: "state-line" }, standing(lot) ?? el("span", { class: "tag good" }, icon("check"), say("pr.state.registered"))),
      facts([
        ["pr.lot.lot", el("span", { class: "num" }, body.lot)], ["pr.lot.goods", el("span", { class: "num" }, body.gtin ?? body.code)], ["pr.lot.stars", productOfLot(lot) ? stars(/** @type {Held} */ (productOfLot(lot)).body) : null],
        ["pr.lot.produced", body.produced ? showDay(body.produced) : null], ["pr.lot.expires", body.expires ? showDay(body.expires) : null],
        ["pr.lot.quantity", body.quantity ? el("span", {}, showAmount(body.quantity), " ", unitWord(body.unit)) : null],
        ["pr.lot.left-here", left === null ? null : el("span", {}, showAmount(left), " ", unitWord(lotUnit(lot)))],
        ["pr.lot.place", body.place ? shelf.places.find((one) => one.id === body.place)?.body.name ?? body.place : null]]),
      el("div", { class: "buttons" },
        isRecalled ? null : act("pr.lot.record", { kind: "primary", icon: "pen", id: "record-here", onclick: () => onrecord(null, path) }),
        isRecalled ? null : act("pr.labels.open", { icon: "print", id: "labels", onclick: () => go(labelForm(lot, lotTitle(lot), again)) }),
        el("a", { class: "button", href: `/${path}`, target: "_blank", rel: "noopener" }, icon("search"), say("pr.lot.public"))),
      tenFieldsView(lot), say("pr.lot.story", "h3"), story,
      el("div", { class: "buttons away" }, isRecalled
        ? act("pr.release.open", { kind: "quiet", id: "release", onclick: () => openRecall(lot, "release", again) })
        : act("pr.recall.open", { kind: "danger-quiet", icon: "alarm", id: "recall", onclick: () => openRecall(lot, "recall", again) })));
  }

  return { view, show: overview, open: (/** @type {string} */ path) => go(lotPage(path)), create: (/** @type {() => void} */ onback) => go(lotForm(onback)) };
}

/** What happened to a lot: what this device wrote down, and what anybody else registered. @param {string} path @param {HTMLElement} list */
async function showStory(path, list) {
  const here = shelf.deeds.filter((deed) => [...deed.parts, ...deed.made].some((part) => part.path === path));
  const draw = (/** @type {any[]} */ others) => {
    const mine = new Set(here.map((deed) => deed.recordId));
    const all = [...here.map((deed) => ({ timeMs: deed.timeMs, line: deedLine(deed) })), ...others.filter((one) => !mine.has(one.recordId)).map((one) => ({ timeMs: one.timeMs, line: one.line }))];
    all.sort((one, other) => one.timeMs - other.timeMs);
    list.replaceChildren(...(all.length ? all.map((one) => one.line) : [say("pr.lot.no-story", "li", { class: "soft empty" })]));
  };
  draw([]);
  const others = await storyOf(path);
  if (others.length && list.isConnected) draw(others);
}

/** A name for a lot that no lot of the product has yet: day and a running number. @param {Held} product */
function freshLot(product) {
  const day = today().slice(2).replaceAll("-", "");
  const taken = new Set(shelf.lots.filter((lot) => (lot.body.gtin ?? lot.body.code) === product.id).map((lot) => lot.body.lot));
  for (let at = 1; ; at += 1) if (!taken.has(`${day}-${at}`)) return `${day}-${at}`;
}

/** @param {() => void} onback @param {(path: string) => void} onmade once it is signed, instead of the panel that follows it */
export function lotForm(onback, onmade = () => {}) {
  const place = el("div");
  const products = shelf.products.filter(isOpen);
  const places = shelf.places.filter(isOpen);
  const what = choices("pr.lot.of", products.map((one) => ({ value: one.id, title: one.body.name, more: el("span", { class: "num" }, one.id) })), { id: "lot-product", onchange: change });
  const product = () => /** @type {Held} */ (products.find((one) => one.id === what.value));
  const name = typed("pr.lot.name", { id: "lot-name", hintKey: "pr.lot.name-hint", value: freshLot(product()), properties: { maxlength: 20, autocapitalize: "characters", class: "input amount" }, check: (text) => {
    if (!text.trim()) throw new Wrong("pr.wrong.lot-missing");
    try {
      lotText(text.trim());
    } catch {
      throw new Wrong("pr.wrong.lot", { isCertain: true });
    }
    if (shelf.lots.some((lot) => lot.id === path(text.trim()))) throw new Wrong("pr.wrong.lot-there");
    return null;
  } });
  let amount = amountField("pr.lot.quantity", { id: "lot-quantity", unit: product().body.unit, isNeeded: false });
  const produced = typed("pr.lot.produced", { id: "lot-produced", value: today(), properties: { type: "date" } });
  const expires = typed("pr.lot.expires", { id: "lot-expires", properties: { type: "date" }, check: (text) => {
    if (text && produced.value && text < produced.value) throw new Wrong("pr.wrong.days", { isCertain: true });
    return null;
  } });
  const where = places.length ? select([["", say("pr.lot.nowhere")], ...places.map((one) => /** @type {[string, string]} */ ([one.id, one.body.name]))], { id: "lot-place" }) : null;
  const habit = kept("producer.place.lot");
  if (where) where.value = (places.find((one) => one.id === habit) ?? /** @type {Held} */ (places.at(-1))).id;
  const loss = typed("pr.lot.tolerance", { id: "lot-tolerance", hintKey: "pr.lot.tolerance-hint", unit: el("span", {}, "%"), properties: { inputmode: "decimal", maxlength: 5 }, check: (text) => {
    if (!text.trim()) return null;
    const part = readAmount(text);
    if (part === null || part > 100_000) throw new Wrong("pr.wrong.percent");
    return null;
  } });
  const { button } = bigButton("pr.lot.sign", { sign: "lot", id: "sign-lot" });
  const amountPlace = el("div", {}, amount.whole);
  const form = el("form", { novalidate: true }, what.whole, name.whole, amountPlace, el("div", { class: "pair" }, produced.whole, expires.whole), where ? field(say("pr.lot.place"), where) : null,
    el("details", {}, say("pr.more", "summary"), el("div", { class: "inside" }, loss.whole)), place, el("div", { class: "do" }, button));
  const whole = el("section", { class: "sheet" }, viewHead("pr.lots.add", onback), form);

  /** @param {string} lot */
  function path(lot) {
    const { gtin, code } = product().body;
    return pathOf(gtin ? { gtin, lot } : { member: shelf.member, code, lot });
  }

  function change() {
    name.box.value = freshLot(product());
    name.look(false);
    amount = amountField("pr.lot.quantity", { id: "lot-quantity", unit: product().body.unit, isNeeded: false, value: amount.box.value });
    amountPlace.replaceChildren(amount.whole);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!allGood([name, amount, expires, loss])) return;
    guarded(button, place, async () => {
      const { gtin, code, unit } = product().body;
      const quantity = amount.amount ?? undefined;
      const body = {
        gtin, code, lot: name.value, produced: produced.value || undefined, expires: expires.value || undefined, quantity, unit: quantity ? unit : undefined,
        tolerance: loss.value ? Math.round(/** @type {number} */ (readAmount(loss.value)) / 10) : undefined, place: where?.value || undefined,
      };
      const id = path(name.value);
      const title = `${product().body.name} · ${name.value}`;
      if (where) keep("producer.place.lot", where.value);
      const job = await signRecord("lot.create/1", body, { what: "lot", id, body, title });
      onmade(id);
      if (whole.isConnected) done(whole, job, title, onback, "pr.lots.add", () => lotForm(onback));
    });
  });
  return whole;
}

/** @param {Held} lot @param {"recall"|"release"} what @param {() => void} ondone */
function openRecall(lot, what, ondone) {
  const place = el("div");
  const reasons = what === "recall" ? RECALL_REASONS : RELEASE_REASONS;
  const reason = select([["", say("pr.reason.choose")], ...reasons.map((one) => /** @type {[string, HTMLElement]} */ ([one, say(`pr.reason.${one}`)]))], { id: "recall-reason" });
  const sure = checkbox(say(`pr.${what}.sure`), { id: "recall-sure" });
  const go = act(`pr.${what}.do`, { kind: what === "recall" ? "danger" : "primary", icon: what === "recall" ? "alarm" : "check", id: "recall-do", onclick: () => {
    if (!reason.value || !sure.box.checked) {
      place.replaceChildren(say(reason.value ? "pr.wrong.sure" : "pr.wrong.reason", "p", { class: "error", role: "alert" }));
      (reason.value ? sure.box : reason).focus();
      return;
    }
    guarded(go, place, async () => {
      const type = `lot.${what}/1`;
      const owner = signer(type).member;
      await signRecord(type, { owner, item: lot.id, reason: reason.value }, { what, id: lot.id, body: { reason: reason.value }, title: lotTitle(lot) });
      box.close();
      ondone();
    });
  } });
  const box = dialog(`pr.${what}.title`, [el("p", { class: "signed-what" }, el("strong", {}, lotTitle(lot))), say(`pr.${what}.text`, "p"), field(say("pr.reason.label"), reason), el("p", {}, sure.whole), place, el("div", { class: "buttons" }, go)]);
}
