/** Who did what, when and where: the events of a trace in order, with what of each is proven and what is only claimed. */

import { button, el, icon, say, time } from "../dom.js";
import { quantity, stepName } from "./names.js";

const AT_ONCE = 40;
const MAX_THINGS = 6;
const LATE_MS = 24 * 3_600_000;

/**
 * @param {import("./proof.js").ProvenEvent[]} events
 * @param {import("./names.js").Names} names
 * @param {{item: string, address: (item: string) => string}} options
 */
export function timeline(events, names, options) {
  const list = el("ol", { class: "timeline" });
  let shown = 0;
  const more = button("tr.more", { kind: "small", onclick: () => show() });
  const show = () => {
    const first = list.children.length;
    for (const event of events.slice(shown, shown + AT_ONCE)) list.append(entry(event, names, options));
    shown = Math.min(events.length, shown + AT_ONCE);
    more.hidden = shown >= events.length;
    if (first) /** @type {HTMLElement|null} */ (list.children[first]?.querySelector("h3"))?.focus();
  };
  show();
  return el("div", {}, list, more);
}

/**
 * @param {import("./proof.js").ProvenEvent} event
 * @param {import("./names.js").Names} names
 * @param {{item: string, address: (item: string) => string}} options
 */
function entry(event, names, { item, address }) {
  const { said } = event;
  const kind = said?.kind ?? String(event.record.record.body.get("kind") ?? "");
  const title = el("h3", { tabindex: "-1" }, stepName(said?.step || String(event.record.record.body.get("step") ?? ""), kind));
  const claims = said ? claimed(said, item, names, address) : [say("tr.unreadable", "p", { class: "soft" })];
  const place = said?.site ? el("p", { class: "where" }, say("tr.at"), " ", names.place(said.site)) : null;
  const isLate = event.recordedMs - event.timeMs > LATE_MS;
  return el("li", { class: event.declaredError ? "wrong" : "", "data-event": event.id },
    el("p", { class: "when num" }, time(event.timeMs)),
    title,
    event.declaredError ? say("tr.declared-error", "p", { class: "tag ended" }) : null,
    ...claims, place, ...(said?.sensors ?? []).map(sensor),
    said?.hidden ? say("tr.hidden", "p", { class: "small soft" }) : null,
    el("p", { class: "recorded small" }, icon("check"), el("span", {}, el("strong", {}, names.member(event.by)), " ", say("tr.recorded"), " ", time(event.recordedMs),
      isLate ? el("span", {}, " · ", say("tr.late")) : null, " · ", el("a", { href: `/so-cai/ban-ghi/${event.id}` }, say("tr.record"), el("span", { class: "sr" }, ` ${event.id.slice(0, 12)}`)))));
}

/**
 * @param {import("./happened.js").Happened} said
 * @param {string} item
 * @param {import("./names.js").Names} names
 * @param {(item: string) => string} address
 */
function claimed(said, item, names, address) {
  if (said.kind === "transformation") return [shares("tr.used", said.inputs), shares("tr.made", said.outputs)];
  const children = said.items.length ? shares(said.parent ? "tr.contents" : "tr.what", said.items) : null;
  return [children, said.parent ? el("p", {}, say("tr.holder"), " ", thing(said.parent)) : null];

  /** @param {string} path */
  function thing(path) {
    return path === item ? el("strong", {}, names.thing(path)) : el("a", { href: address(path) }, names.thing(path));
  }

  /** @param {string} key @param {import("./happened.js").Share[]} list */
  function shares(key, list) {
    const some = list.slice(0, MAX_THINGS).flatMap((one, at) => [at ? "; " : "", isPiece(one.item) ? null : quantity(one.amount, one.unit), " ", thing(one.item)]);
    return el("p", {}, say(key), " ", ...some, list.length > MAX_THINGS ? el("span", { class: "soft" }, ` +${list.length - MAX_THINGS}`) : null);
  }
}

/** What there is one of. @param {string} path */
const isPiece = (path) => path.startsWith("00/") || path.includes("/21/");

/** @param {{type: string, low: string, high: string, unit: string}} one */
function sensor({ type, low, high, unit }) {
  return el("p", {}, type === "Temperature" ? say("tr.temperature") : el("span", {}, type || "?"), " ", quantity(low, unit || " "), low === high ? null : el("span", {}, " – ", quantity(high, unit || " ")));
}
