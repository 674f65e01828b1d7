/**
 * Writing down what was done: one tap on what, one tap to sign. What is asked between them is filled in already wherever this device
 * knows it: the lot worked with last, how much is left, the place, now.
 *
 * Rules: what is signed is what the large button says. Nothing about people is asked: buyers and prices stay in the producer's own books.
 */

import { el, icon, say, time } from "../dom.js";
import { CANONICAL, gtin14, lotText, nextSscc, parseItem, pathOf, readLink, sscc } from "../epcis/gs1.js";
import { recordOf } from "../epcis/record.js";
import { eventOf } from "../epcis/templates.js";
import { act, field, guarded, select } from "../office/ui.js";
import { openScan } from "../scan.js";
import { keep, kept } from "../store.js";
import { showTime, t } from "../words.js";
import { UNITS, showAmount, typedAmount, unitWord } from "./amounts.js";
import { Wrong, allGood, amountField, bigButton, choices, typed, viewHead } from "./forms.js";
import { checkGtin } from "./goods.js";
import { goodsNamed } from "./ledger.js";
import { isOpen, leftOf, lotAt, productOf, productOfLot, shelf } from "./shelf.js";
import { signRecord, signedPanel, stateTag } from "./signing.js";

/** @typedef {import("./shelf.js").Part} Part */

export const DEEDS = ["harvest", "process", "pack", "ship", "receive", "sell"];
const SHOWN = 4;

/** What is left on this device of a product's name and unit that is another's. @type {(path: string) => {name: string, unit: string}|null} */
const foreign = (path) => kept("producer.foreign")?.[path] ?? null;

/** What a lot, or a carrier, is called. @param {string} path */
export function nameOfThing(path) {
  if (path.startsWith("00/")) return `${t("pr.carrier")} …${path.slice(-6)}`;
  const item = parseItem(path);
  const lot = lotAt(path);
  const name = (lot ? productOfLot(lot) : productOf(item.gtin ?? item.code ?? ""))?.body.name ?? foreign(path)?.name ?? item.gtin ?? item.code;
  return `${name} · ${item.lot}`;
}

/** @param {string} path */
function unitOfThing(path) {
  const lot = lotAt(path);
  if (lot) return lot.body.unit ?? productOfLot(lot)?.body.unit ?? "KGM";
  return foreign(path)?.unit ?? "KGM";
}

/** How a place is named in an event. @param {import("./shelf.js").Held} place */
function placeUri(place) {
  return place.body.gln ? `${CANONICAL}/414/${place.body.gln}` : `${location.origin}/place/${shelf.member}/${place.body.code}`;
}

/** @param {Part} part */
function amountWords(part) {
  return el("span", { class: "num" }, `${showAmount(part.amount)} `, unitWord(part.unit));
}

/** One line of a story. @param {any} deed */
export function deedLine(deed) {
  const carrier = deed.carrier ? [" ", say(deed.template === "pack" ? "pr.deed.into" : "pr.deed.of-carrier"), ` ${nameOfThing(deed.carrier)}`] : [];
  const parts = deed.parts.flatMap((/** @type {Part} */ part, /** @type {number} */ at) => [at ? ", " : " ", amountWords(part), ` ${nameOfThing(part.path)}`]);
  const made = deed.made.length ? [" ", say("pr.deed.became"), ...deed.made.flatMap((/** @type {Part} */ part) => [" ", amountWords(part), ` ${nameOfThing(part.path)}`])] : [];
  return el("li", { class: "deed", "data-template": deed.template, "data-record": deed.recordId, "data-state": deed.state }, icon(deed.template === "packs" ? "pack" : deed.template), el("div", { class: "grow" },
    el("span", { class: "title" }, say(`pr.deed.${deed.template}`)), el("span", { class: "body" }, ...parts, ...made, ...carrier),
    el("span", { class: "more" }, time(deed.timeMs), deed.place ? ` · ${deed.place}` : null)),
  deed.state === "waiting" ? stateTag(/** @type {any} */ ({ state: "waiting" })) : null);
}

/**
 * The first tab.
 * @param {{onlots: () => void}} more
 */
export function deedsView({ onlots }) {
  const view = el("div", {});
  /** @type {string|null} */
  let chosenLot = null;

  /** @param {string|null} path a lot that was chosen elsewhere */
  function overview(path = null) {
    chosenLot = path;
    const hasGoods = shelf.products.length > 0;
    const tiles = el("ul", { class: "tiles" }, ...DEEDS.map((name) => el("li", {}, el("button", { type: "button", class: "tile", "data-deed": name, onclick: () => go(deedForm(name)) }, icon(name), say(`pr.deed.${name}`)))));
    const last = shelf.deeds.slice(-3).reverse();
    view.replaceChildren(say("pr.deeds.title", "h2", { tabindex: "-1" }),
      path ? el("p", { class: "chosen" }, icon("lot"), ` ${nameOfThing(path)}`) : "",
      ...(hasGoods ? [] : [el("div", { class: "note", id: "first-steps" }, el("p", {}, el("strong", {}, say("pr.first.title"))), el("ol", {}, say("pr.first.1", "li"), say("pr.first.2", "li"), say("pr.first.3", "li")), el("div", { class: "buttons" }, el("a", { class: "button primary", href: "#hang" }, icon("goods"), say("pr.first.go"))))]),
      tiles, ...(last.length ? [say("pr.deeds.last", "h3"), el("ol", { class: "story" }, ...last.map(deedLine))] : []));
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

  /** @param {string} name */
  function deedForm(name) {
    const messages = el("div");
    const { button, detail } = bigButton(`pr.sign.${name}`, { id: "sign-deed", sign: name });
    const where = shelf.places.filter(isOpen);
    const place = where.length ? choices("pr.deed.place", [...where.map((one) => ({ value: one.id, title: one.body.name, sign: "place" })), { value: "", title: say("pr.deed.nowhere") }], { id: "deed-place" }) : null;
    const fold = place ? placeFold(place, where) : null;
    const moment = whenField();
    const body = (name === "process" ? changing : name === "pack" ? packing : moving)(name, chosenLot, told);
    const form = el("form", { novalidate: true, class: "deed-form" }, body.whole, fold?.whole ?? null, moment.whole, ["ship", "receive", "sell"].includes(name) ? el("p", { class: "private" }, icon("lock"), say("pr.deed.private")) : null, messages, el("div", { class: "do" }, button));
    const whole = el("section", { class: "sheet", "data-deed": name }, viewHead(`pr.deed.${name}`, back), form);

    function told() {
      // The form's parts call this while they are being made.
      queueMicrotask(() => {
        detail.replaceChildren(...body.summary());
        fold?.suggest(placeFor(name, body.lot(), where));
      });
    }
    told();
    if (!body.isPossible) {
      return el("section", { class: "sheet" }, viewHead(`pr.deed.${name}`, back), say("pr.deed.no-lots", "p"), el("div", { class: "buttons" }, act("pr.deed.to-lots", { kind: "primary", icon: "lot", onclick: onlots })));
    }

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!allGood([...body.fields(), moment])) return;
      guarded(button, messages, async () => {
        const facts = body.facts();
        const site = where.find((one) => one.id === place?.value) ?? null;
        const timeMs = moment.ms();
        const template = facts.template ?? name;
        const whatHappened = eventOf(template, {
          timeMs, place: site ? placeUri(site) : null, unit: facts.carrier || undefined,
          parts: facts.parts.map(asPart), made: facts.made.map(asPart),
        }, location.origin);
        keep(`producer.place.${name}`, place?.value ?? "");
        if (facts.carrier && name === "pack") keep("producer.sscc", facts.carrier.slice(3));
        const title = t(`pr.deed.${facts.shown ?? name}`);
        const item = { what: "event", site: site?.id ?? "", template: facts.shown ?? name, parts: facts.parts, made: facts.made, carrier: facts.carrier ?? "", place: site?.body.name ?? "", timeMs, title, event: whatHappened };
        const job = await signRecord("epcis.event/1", await recordOf(whatHappened), item);
        const things = facts.parts.length ? facts.parts.map((part) => part.path) : [/** @type {string} */ (facts.carrier)];
        const panel = signedPanel(job, { title: el("span", {}, el("strong", {}, title), ` · ${things.map(nameOfThing).join(", ")}`), buttons: [act("pr.deeds.more", { kind: "primary", icon: "pen", id: "done", onclick: back })] });
        chosenLot = null;
        go(panel);
      });
    });
    return whole;
  }

  return { view, show: () => overview(chosenLot), start: (/** @type {string|null} */ name, /** @type {string} */ path) => {
    overview(path);
    if (name) go(deedForm(name));
  } };
}

/** @param {Part} part */
function asPart({ path, amount, unit }) {
  return { path, amount: amount / 1_000, unit };
}

/**
 * Places, folded behind the one that is chosen; what is suggested gives way to what somebody chose.
 * @param {{whole: HTMLElement, value: string}} place
 * @param {import("./shelf.js").Held[]} where
 */
function placeFold(place, where) {
  const shown = el("strong", {});
  let isChosen = false;
  const show = () => shown.replaceChildren(where.find((one) => one.id === place.value)?.body.name ?? t("pr.deed.nowhere"));
  place.whole.addEventListener("change", () => {
    isChosen = true;
    show();
  });
  show();
  return {
    whole: el("details", { class: "fold", id: "fold-place" }, el("summary", {}, icon("place"), say("pr.deed.at"), " ", shown), el("div", { class: "inside" }, place.whole)),
    /** @param {string} id */
    suggest(id) {
      if (isChosen || !id) return;
      place.value = id;
      show();
    },
  };
}

/**
 * Where a thing most likely is: where it was last, or, once shipped, at another place than that.
 * @param {string} name of the deed
 * @param {string} path
 * @param {import("./shelf.js").Held[]} where
 */
function placeFor(name, path, where) {
  const last = shelf.deeds.filter((deed) => deed.carrier === path || [...deed.parts, ...deed.made].some((part) => part.path === path)).at(-1);
  const isGone = last?.template === "ship";
  const habit = kept(`producer.place.${name}`);
  const there = where.filter((one) => (isGone ? one.id !== last.site : true));
  const at = last ? last.site : path.startsWith("00/") ? "" : lotAt(path)?.body.place;
  if (!isGone && there.some((one) => one.id === at)) return at;
  return (there.find((one) => one.id === habit) ?? there[0] ?? where[0])?.id ?? "";
}

/** When: now, unless somebody says otherwise. */
function whenField() {
  const now = new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 16);
  const box = typed("pr.deed.when", { id: "deed-when", hintKey: "pr.deed.when-hint", value: now, properties: { type: "datetime-local" }, check: (text) => {
    if (fold.open && Number.isNaN(asMs(text))) throw new Wrong("pr.wrong.time", { isCertain: true });
    if (fold.open && asMs(text) > Date.now() + 300_000) throw new Wrong("pr.wrong.time-ahead", { isCertain: true });
    return null;
  } });
  const shown = el("strong", {}, say("pr.deed.now"));
  const fold = /** @type {HTMLDetailsElement} */ (el("details", { class: "fold", id: "fold-when" }, el("summary", {}, icon("expired"), say("pr.deed.at-time"), " ", shown), el("div", { class: "inside" }, box.whole)));
  let isChanged = false;
  box.box.addEventListener("input", () => {
    isChanged = true;
    shown.replaceChildren(Number.isNaN(asMs(box.value)) ? "…" : showTime(asMs(box.value)));
  });
  return { whole: fold, box: box.box, look: box.look, ms: () => (isChanged ? asMs(box.value) : Date.now()) };
}

/** A time as a field has it, in Vietnam. @param {string} text */
function asMs(text) {
  return Date.parse(`${text}:00.000+07:00`.replace(/(\d\d:\d\d:\d\d):00\.000/, "$1.000"));
}

/**
 * Lots to choose from, newest first, and a way to name another by its label.
 * @param {string} legendKey
 * @param {string} id
 * @param {{value?: string|null, carriers?: boolean, mine?: boolean, except?: () => string, onchange: () => void, prefer?: (unit: string) => boolean}} options
 */
function lotChoice(legendKey, id, { value = null, carriers = false, mine = false, onchange, prefer = () => true }) {
  const paths = lotsByUse().filter((path) => !mine || lotAt(path));
  if (value && !paths.includes(value)) paths.unshift(value);
  const units = carriers ? carriersKnown() : [];
  const preferred = [...paths].sort((one, other) => Number(prefer(unitOfThing(other))) - Number(prefer(unitOfThing(one))));
  let chosen = value ?? preferred[0] ?? units[0] ?? "";
  const place = el("div");
  const other = typed("pr.deed.other-gtin", { id: `${id}-gtin`, hintKey: "pr.deed.other-hint", properties: { inputmode: "text", maxlength: 300 }, check: (text) => {
    const link = text.trim() ? linked(text) : null;
    if (link) return say("pr.right.link");
    return checkGtin(text);
  } });
  const otherLot = typed("pr.lot.name", { id: `${id}-lot`, properties: { maxlength: 20, autocapitalize: "characters" }, check: (text) => {
    if (linked(other.value)) return null;
    if (!text.trim()) throw new Wrong("pr.wrong.lot-missing");
    try {
      lotText(text.trim());
    } catch {
      throw new Wrong("pr.wrong.lot", { isCertain: true });
    }
    return null;
  } });
  const unit = select(UNITS.map((one) => [one, unitWord(one)]), { id: `${id}-unit` });
  const fold = /** @type {HTMLDetailsElement} */ (el("details", { class: "fold", id: `${id}-other` }, el("summary", {}, icon("scan"), say("pr.deed.other")), el("div", { class: "inside" },
    el("div", { class: "buttons" }, act("pr.deed.scan", { icon: "scan", onclick: () => openScan((found) => add(found.item), readLabel) })),
    other.whole, otherLot.whole, field(say("pr.product.unit"), unit), el("div", { class: "buttons" }, act("pr.deed.use", { kind: "primary", id: `${id}-use`, onclick: useTyped })))));
  const whole = el("div", {}, place, mine ? null : fold);
  if (!preferred.length && !units.length && !mine) fold.open = true;

  function draw() {
    const all = [...preferred, ...units];
    const near = [...new Set([chosen, ...all])].filter(Boolean).slice(0, SHOWN);
    // What is chosen stays where it stands, so that nothing jumps under a thumb.
    const shownPaths = all.filter((path) => near.includes(path));
    const rest = all.filter((path) => !near.includes(path));
    const list = choices(legendKey, shownPaths.map((path) => ({ value: path, title: nameOfThing(path), more: moreOf(path), sign: path.startsWith("00/") ? "pack" : "lot" })), { value: chosen, id, onchange: (path) => {
      chosen = path;
      onchange();
    } });
    const more = rest.length ? select([["", say("pr.deed.older")], ...rest.map((path) => /** @type {[string, string]} */ ([path, nameOfThing(path)]))], { id: `${id}-older`, "aria-label": t("pr.deed.older"), "data-t-label": "pr.deed.older", onchange: (/** @type {Event} */ event) => {
      chosen = /** @type {HTMLSelectElement} */ (event.currentTarget).value || chosen;
      draw();
      onchange();
    } }) : null;
    place.replaceChildren(...(all.length ? [list.whole] : []), ...(more ? [more] : []));
  }

  /** @param {string} path */
  function moreOf(path) {
    if (path.startsWith("00/")) return contentOf(path);
    const left = leftOf(path, unitOfThing(path));
    return left === null ? null : el("span", {}, say("pr.lot.left"), ` ${showAmount(left)} `, unitWord(unitOfThing(path)));
  }

  async function useTyped() {
    const link = linked(other.value);
    if (!allGood([other, otherLot])) return;
    await add(link ?? { gtin: gtin14(other.value.replace(/[\s-]/g, "")), lot: otherLot.value });
  }

  /** @param {import("../epcis/gs1.js").Item} item */
  async function add(item) {
    const { serial: _, ...lot } = item;
    const path = pathOf(lot);
    if (!path.startsWith("00/") && !lotAt(path)) {
      const known = await goodsNamed(item);
      keep("producer.foreign", { ...kept("producer.foreign"), [path]: { name: known?.name ?? item.gtin ?? item.code, unit: known?.unit ?? unit.value } });
    }
    if (![...preferred, ...units].includes(path)) (path.startsWith("00/") ? units : preferred).unshift(path);
    chosen = path;
    fold.open = false;
    draw();
    onchange();
    /** @type {HTMLElement|null} */ (place.querySelector("input:checked"))?.focus();
  }

  draw();
  return { whole, get value() { return chosen; }, get isEmpty() { return !chosen; }, fold, other };
}

/** What a scanned code says of things. @param {string} text @returns {any} */
function readLabel(text) {
  const item = linked(text);
  return item ? { item } : { foreign: text };
}

/** The lot or carrier that a link names, or null. @param {string} text */
function linked(text) {
  try {
    const item = readLink(text.trim());
    return item && (item.lot || item.sscc) ? item : null;
  } catch {
    return null;
  }
}

/** Own lots that are open, and lots of others that were worked with here: last used first. */
function lotsByUse() {
  const used = shelf.deeds.flatMap((deed) => [...deed.parts, ...deed.made].map((part) => part.path)).reverse();
  const open = [...shelf.lots].reverse().filter(isOpen).map((lot) => lot.id);
  const isUsable = (/** @type {string} */ path) => (lotAt(path) ? isOpen(/** @type {any} */ (lotAt(path))) : true);
  return [...new Set([...open.filter((path) => !used.includes(path)), ...used.filter(isUsable), ...open])];
}

function carriersKnown() {
  return [...new Set(shelf.deeds.map((deed) => deed.carrier).filter(Boolean).reverse())];
}

/** @param {string} carrier */
function contentOf(carrier) {
  const packed = shelf.deeds.filter((deed) => deed.template === "pack" && deed.carrier === carrier).flatMap((deed) => deed.parts);
  return packed.length ? el("span", {}, ...packed.flatMap((part, at) => [at ? ", " : "", amountWords(part), ` ${nameOfThing(part.path)}`])) : null;
}

/**
 * Harvest, ship, receive, sell: a lot and how much of it; or a carrier as it is.
 * @param {string} name
 * @param {string|null} chosen
 * @param {() => void} told
 */
function moving(name, chosen, told) {
  const lot = lotChoice("pr.deed.which", "deed-lot", { value: chosen, carriers: name === "ship" || name === "receive", mine: name === "harvest", onchange: change });
  const place = el("div");
  /** @type {ReturnType<typeof amountField>|null} */
  let amount = null;

  function change() {
    const path = lot.value;
    if (!path || path.startsWith("00/")) amount = null;
    else amount = amountField(`pr.deed.amount-${name}`, { id: "deed-amount", unit: unitOfThing(path), value: suggested(name, path), oninput: told });
    place.replaceChildren(...(amount ? [amount.whole] : []));
    told();
  }

  change();
  return {
    whole: el("div", {}, lot.whole, place),
    isPossible: name !== "harvest" || !lot.isEmpty,
    lot: () => lot.value,
    fields: () => [...(lot.isEmpty ? [lot.other] : []), ...(amount ? [amount] : [])],
    summary: () => (lot.isEmpty ? [] : [...amountShown(amount, unitOfThing(lot.value)), nameOfThing(lot.value)]),
    facts: () => (amount ? { parts: [{ path: lot.value, amount: /** @type {number} */ (amount.amount), unit: unitOfThing(lot.value) }], made: [], carrier: "" } : { parts: [], made: [], carrier: lot.value }),
  };
}

/** @param {{amount: number|null}|null} amount @param {string} unit */
function amountShown(amount, unit) {
  return amount?.amount ? [`${showAmount(amount.amount)} `, unitWord(unit), " · "] : [];
}

/** How much, where this device knows. @param {string} name @param {string} path */
function suggested(name, path) {
  const unit = unitOfThing(path);
  const left = leftOf(path, unit);
  if (name === "harvest") {
    const whole = lotAt(path)?.body.quantity;
    return whole && left === null ? typedAmount(whole) : "";
  }
  if (name === "receive") {
    const sent = shelf.deeds.filter((deed) => deed.template === "ship").flatMap((deed) => deed.parts).filter((part) => part.path === path).at(-1);
    return sent ? typedAmount(sent.amount) : "";
  }
  return left ? typedAmount(left) : "";
}

/**
 * Something becomes something else: this much of one lot, that much of another.
 * @param {string} name
 * @param {string|null} chosen
 * @param {() => void} told
 */
function changing(name, chosen, told) {
  const from = lotChoice("pr.deed.from", "deed-lot", { value: chosen, onchange: change, prefer: (unit) => name !== "packs" || unit !== "H87" });
  const to = lotChoice("pr.deed.to", "deed-made", { mine: true, onchange: change, value: newestOther(from.value, name), prefer: (unit) => name !== "packs" || unit === "H87" });
  const fromPlace = el("div");
  const toPlace = el("div");
  const same = el("div");
  /** @type {ReturnType<typeof amountField>} */
  let used;
  /** @type {ReturnType<typeof amountField>} */
  let made;
  let shown = ["", ""];

  function change() {
    if (shown[0] !== from.value) {
      used = amountField("pr.deed.amount-used", { id: "deed-amount", unit: unitOfThing(from.value || "01/"), value: from.value ? suggested("process", from.value) : "", oninput: told });
      fromPlace.replaceChildren(used.whole);
    }
    if (shown[1] !== to.value) {
      const quantity = to.value && leftOf(to.value, unitOfThing(to.value)) === null ? lotAt(to.value)?.body.quantity : null;
      made = amountField("pr.deed.amount-made", { id: "deed-made-amount", unit: unitOfThing(to.value || "01/"), value: quantity ? typedAmount(quantity) : "", oninput: told });
      toPlace.replaceChildren(made.whole);
    }
    shown = [from.value, to.value];
    same.replaceChildren(...(from.value && from.value === to.value ? [say("pr.wrong.same-lot", "p", { class: "error", role: "alert" })] : []));
    told();
  }

  change();
  return {
    whole: el("div", {}, from.whole, fromPlace, el("div", { class: "becomes", "aria-hidden": "true" }, icon("back")), to.whole, toPlace, same),
    isPossible: Boolean(from.value && to.value),
    lot: () => from.value,
    fields: () => [...(from.value === to.value ? [{ look: () => false, box: /** @type {HTMLElement} */ (to.whole.querySelector("input")) }] : []), used, made],
    summary: () => [...amountShown(used, unitOfThing(from.value)).slice(0, 2), " → ", ...amountShown(made, unitOfThing(to.value)), nameOfThing(to.value)],
    facts: () => ({
      template: "process", shown: name,
      parts: [{ path: from.value, amount: /** @type {number} */ (used.amount), unit: unitOfThing(from.value) }],
      made: [{ path: to.value, amount: /** @type {number} */ (made.amount), unit: unitOfThing(to.value) }],
    }),
  };
}

/** The lot that something most likely becomes. @param {string} from @param {string} name */
function newestOther(from, name) {
  const others = [...shelf.lots].reverse().filter((lot) => isOpen(lot) && lot.id !== from);
  return (others.find((lot) => name !== "packs" || unitOfThing(lot.id) === "H87") ?? others[0])?.id ?? null;
}

/**
 * Packing: into packs that are sold, which is another lot; or packs into a carrier with an SSCC.
 * @param {string} _name
 * @param {string|null} chosen
 * @param {() => void} told
 */
function packing(_name, chosen, told) {
  const packs = changing("packs", chosen, told);
  const lot = lotChoice("pr.deed.which", "pack-lot", { value: chosen, onchange: change, prefer: (unit) => unit === "H87" });
  const place = el("div");
  const last = kept("producer.sscc");
  const number = typed("pr.deed.sscc", { id: "deed-sscc", hintKey: "pr.deed.sscc-hint", value: last ? nextSscc(last) ?? "" : "", oninput: told, properties: { inputmode: "numeric", maxlength: 24, class: "input amount" }, check: (text) => {
    const digits = text.replace(/[\s-]/g, "");
    if (!digits) throw new Wrong("pr.wrong.sscc-missing");
    if (!/^\d+$/.test(digits)) throw new Wrong("pr.wrong.digits", { isCertain: true });
    if (digits.length !== 18) throw new Wrong("pr.wrong.sscc-length", { isCertain: digits.length > 18, text: `(${digits.length})` });
    try {
      sscc(digits);
    } catch {
      throw new Wrong("pr.wrong.check-digit", { isCertain: true });
    }
    return say("pr.right.check-digit");
  } });
  /** @type {ReturnType<typeof amountField>} */
  let amount;
  function change() {
    amount = amountField("pr.deed.amount-pack", { id: "pack-amount", unit: unitOfThing(lot.value || "01/"), value: lot.value ? suggested("pack", lot.value) : "", oninput: told });
    place.replaceChildren(amount.whole);
    told();
  }
  change();
  const box = el("div", {}, lot.whole, place, number.whole);
  const hasPacks = shelf.deeds.some((deed) => deed.template === "packs");
  const way = choices("pr.pack.way", [{ value: "packs", title: say("pr.pack.packs"), more: say("pr.pack.packs-more") }, { value: "carrier", title: say("pr.pack.carrier"), more: say("pr.pack.carrier-more") }], { id: "pack-way", value: packs.isPossible && !hasPacks ? "packs" : "carrier", onchange: show });
  function show() {
    packs.whole.hidden = way.value !== "packs";
    box.hidden = way.value !== "carrier";
    told();
  }
  show();
  const isPacks = () => way.value === "packs";
  return {
    whole: el("div", {}, way.whole, packs.whole, box),
    isPossible: Boolean(lot.value),
    lot: () => (isPacks() ? packs.lot() : lot.value),
    fields: () => (isPacks() ? packs.fields() : [amount, number]),
    summary: () => (isPacks() ? packs.summary() : [...amountShown(amount, unitOfThing(lot.value)), nameOfThing(lot.value)]),
    facts: () => (isPacks() ? packs.facts() : {
      parts: [{ path: lot.value, amount: /** @type {number} */ (amount.amount), unit: unitOfThing(lot.value) }], made: [], carrier: pathOf({ sscc: number.value.replace(/[\s-]/g, "") }),
    }),
  };
}
