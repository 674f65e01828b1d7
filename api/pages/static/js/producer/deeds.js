/**
 * Writing down what was done: one tap on what, one tap to sign. What is asked between them is filled in already wherever this device
 * knows it: the lot worked with last, how much is left, the place, now.
 *
 * Rules: what is signed is what the large button says. What concerns trade and people is asked for folded away, and hidden before it is
 * signed (`hush.js`).
 */

import { el, icon, say } from "../dom.js";
import { CANONICAL } from "../epcis/gs1.js";
import { eventOf } from "../epcis/templates.js";
import { act, guarded } from "../office/ui.js";
import { keep, kept } from "../store.js";
import { showTime, t } from "../words.js";
import { Wrong, allGood, bigButton, choices, typed, viewHead } from "./forms.js";
import { hushFields, hushed } from "./hush.js";
import { deedLine, nameOfThing } from "./naming.js";
import { isOpen, lotAt, shelf } from "./shelf.js";
import { signRecord, signedPanel } from "./signing.js";
import { changing, moving, packing, unpacking } from "./workings.js";

/** @typedef {import("./shelf.js").Part} Part */

export const DEEDS = ["harvest", "process", "pack", "ship", "receive", "unpack", "sell"];

/** How a place is named in an event: by its GLN, or by member and code, whatever this ledger's address is. @param {import("./shelf.js").Held} place */
function placeUri(place) {
  return place.body.gln ? `${CANONICAL}/414/${place.body.gln}` : `urn:sogoc:place:${shelf.member}:${place.body.code}`;
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
    const hush = hushFields(name, where.length > 0);
    const body = (name === "process" ? changing : name === "pack" ? packing : name === "unpack" ? unpacking : moving)(name, chosenLot, told);
    const form = el("form", { novalidate: true, class: "deed-form" }, body.whole, fold?.whole ?? null, moment.whole, hush.whole, messages, el("div", { class: "do" }, button));
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
      if (!allGood([...body.fields(), moment, ...hush.fields])) return;
      guarded(button, messages, async () => {
        const facts = body.facts();
        const site = where.find((one) => one.id === place?.value) ?? null;
        const timeMs = moment.ms();
        const whatHappened = eventOf(facts.template, {
          timeMs, place: site ? placeUri(site) : null, unit: facts.carrier || undefined,
          parts: facts.parts.map(asPart), made: facts.made.map(asPart), told: hush.told(),
        }, location.origin);
        const { body: record, hidden } = await hushed(whatHappened, hush.pointers(whatHappened));
        keep(`producer.place.${name}`, place?.value ?? "");
        if (facts.carrier && name === "pack") keep("producer.sscc", facts.carrier.slice(3));
        const title = t(`pr.deed.${facts.shown}`);
        const item = { what: "event", site: site?.id ?? "", template: facts.shown, parts: facts.parts, made: facts.made, carrier: facts.carrier, place: site?.body.name ?? "", timeMs, title, event: whatHappened, ...(hidden ? { hidden } : {}) };
        const job = await signRecord("epcis.event/1", record, item);
        const things = facts.parts.length ? facts.parts.map((part) => part.path) : [facts.carrier];
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
