/**
 * What a buyer reads: one verdict, then who did what, what came from what, what is proven and what is only said, and what does not add up.
 *
 * Rules: what is shown as proven was checked on this device. Whatever came from outside is text.
 */

import { toHex } from "../../verify/index.js";
import { button, el, facts, hash, icon, save, say, sayOr, time } from "../dom.js";
import { ownPolicyNote } from "../panel.js";
import { showDay, t } from "../words.js";
import { findingsList } from "./findings.js";
import { graph } from "./graph.js";
import { after, before } from "./happened.js";
import { expiry } from "./look.js";
import { Names, addressOf, itemOf, quantity, stepName } from "./names.js";
import { timeline } from "./timeline.js";

/** @typedef {import("./look.js").Outcome} Outcome */

/** Tone and sign of each verdict. @type {Record<string, [string, string]>} */
const LOOKS = {
  registered: ["good", "good"], recalled: ["bad", "alarm"], "recalled-upstream": ["bad", "alarm"], expired: ["ended", "expired"], absent: ["unknown", "unknown"],
  unknown: ["unknown", "unknown"], bad: ["bad", "bad"], telling: ["busy", "busy"],
};
const STEPS = ["tr.check.checkpoint", "tr.check.order", "tr.check.complete", "tr.check.who", "tr.check.upstream"];

/**
 * What is shown while the check goes on: the node's own words, and a recall at once.
 * @param {string} item
 * @param {any} told
 */
export function tellingPanel(item, told) {
  const sign = icon("busy");
  sign.classList.add("spin");
  const node = told?.nodes.find((/** @type {any} */ one) => one?.item === item);
  const isRecalled = typeof node?.status === "string" && node.status.startsWith("recalled");
  const names = new Names(null, told, null);
  return el("div", {},
    isRecalled ? el("section", { class: "note alarm", role: "alert", id: "recall-told" }, el("h2", {}, icon("alarm"), say(`tr.verdict.${node.status}`)), say("tr.recall-told", "p")) : null,
    el("section", { class: "verdict busy", "aria-busy": "true" },
      el("div", { class: "verdict-head" }, sign, el("div", {}, say("busy.title", "h2"), say("tr.busy", "p", { class: "doing" }), el("progress", { "data-t-label": "tr.progress", "aria-label": t("tr.progress") }))),
      el("div", { class: "verdict-body" }, el("p", { class: "issuer" }, names.goods(item), el("small", {}, codeOf(item))))));
}

/** A thing's numbers as they stand on a label. @param {string} path */
export function codeOf(path) {
  const item = itemOf(path);
  if (!item) return path;
  if (item.sscc) return `(00) ${item.sscc}`;
  const goods = item.gtin ? `(01) ${item.gtin}` : `${item.member} / ${item.code}`;
  return goods + (item.lot !== undefined ? ` (10) ${item.lot}` : "") + (item.serial !== undefined ? ` (21) ${item.serial}` : "");
}

/**
 * @param {Outcome} outcome
 * @param {{serial: string|null, onagain: () => void}} desk
 */
export function tracePanel(outcome, desk) {
  const { trace, told, verdict, item } = outcome;
  const names = new Names(trace, told, outcome.maker);
  const [tone, sign] = LOOKS[verdict];
  const node = (trace?.answer ?? told)?.nodes.find((/** @type {any} */ one) => one?.item === item);
  const asOf = trace && trace.checked.statusAsOfS !== null ? Number(trace.checked.statusAsOfS) * 1000 : null;
  const head = el("div", { class: "verdict-head" }, icon(sign), el("div", {}, say(`tr.verdict.${verdict}`, "h1", { id: "verdict-title", tabindex: "-1" }), say(`tr.verdict.${verdict}.sub`, "p"),
    asOf !== null ? el("p", { class: "num" }, say("fact.as-of"), " ", time(asOf)) : null));
  const isToldRecalled = verdict !== "recalled" && verdict !== "recalled-upstream" && typeof told?.nodes !== "undefined" && String(node?.status ?? "").startsWith("recalled");
  const body = el("div", { class: "verdict-body" }, ownPolicyNote(outcome.own),
    isToldRecalled ? el("div", { class: "note alarm", id: "recall-told" }, say("tr.recall-told", "p")) : null,
    ...recallLines(trace, names), ...goods(outcome, names, desk.serial), advice(outcome),
    trace && !trace.isWhole ? say("tr.not-whole", "p", { class: "note warn" }) : null,
    outcome.isFirst ? say("note.first", "p", { class: "small soft" }) : null, actions(outcome, desk));
  const panel = el("section", { class: `verdict ${tone}`, "aria-labelledby": "verdict-title", "data-verdict": verdict, "data-rule": outcome.rule }, head, body);
  if (!trace || verdict === "absent") return el("div", {}, panel, trace ? proofPart(outcome) : whyPart(outcome), say("tr.limits", "p", { class: "soft small" }));
  return el("div", {}, panel, worries(trace), provenPart(trace, names), historyPart(trace, names), graphPart(trace, names), stepsPart(trace, names), downloads(outcome), proofPart(outcome),
    say("tr.limits", "p", { class: "soft small" }));
}

/** @param {import("./proof.js").ProvenTrace|null} trace @param {Names} names */
function recallLines(trace, names) {
  if (!trace?.recall) return [];
  const { recall } = trace;
  return [el("div", { class: "note alarm", id: "recall" },
    facts([
      ["tr.recall.what", recall.item === trace.item ? say("tr.recall.this") : el("a", { href: addressOf(recall.item) }, names.thing(recall.item))],
      ["tr.recall.by", names.member(recall.by)],
      ["tr.recall.since", time(recall.timeMs)],
      ["tr.recall.reason", sayOr(`tr.reason.${recall.reason}`, String(recall.reason))],
    ]))];
}

/** @param {Outcome} outcome @param {Names} names @param {string|null} serial */
function goods({ trace, item, maker }, names, serial) {
  const product = names.product(item);
  const [lot] = trace?.lots ?? [];
  const body = product?.body;
  const producer = maker?.name ?? (lot ? names.member(lot.by) : product ? names.member(product.by) : null);
  const stars = body?.get("ocop_stars"), until = body?.get("ocop_until");
  const day = (/** @type {unknown} */ value) => (typeof value === "string" ? showDay(value) : null);
  const quantityOf = lot?.body.get("quantity");
  const place = lot?.body.get("place");
  return [
    el("p", { class: "issuer" }, names.goods(item), el("small", { class: "hash" }, codeOf(item))),
    facts([
      ["tr.producer", producer && el("span", {}, producer, maker ? null : el("span", { class: "soft small" }, " ", say("tr.name-told")))],
      ["tr.brand", body?.get("brand")],
      ["tr.ocop", stars ? el("span", {}, el("span", { class: "stars", "aria-hidden": "true" }, "★".repeat(stars) + "☆".repeat(5 - stars)), ` ${stars} `, say("tr.ocop-stars"), until ? el("span", {}, ", ", say("tr.ocop-until"), ` ${day(until)}`) : null) : null],
      ["tr.serial", serial],
      ["tr.produced", day(lot?.body.get("produced"))],
      ["tr.expires", trace ? day(expiry(trace)) : null],
      ["tr.quantity", typeof quantityOf === "number" ? quantity(String(quantityOf / 1000), lot.body.get("unit") ?? "") : null],
      ["tr.place", typeof place === "string" ? names.place(names.places.has(`414/${place}`) ? `414/${place}` : `place/${lot.by}/${place}`) : null],
      ["tr.standards", Array.isArray(body?.get("standards")) ? body.get("standards").join(", ") : null],
      ["tr.about", body?.get("description")],
    ]),
  ];
}

/** @param {Outcome} outcome */
function advice({ todo }) {
  return todo ? el("div", { class: "todo", id: "todo" }, say("todo.title", "h2", { class: "label" }), say(todo, "p")) : null;
}

/** @param {Outcome} outcome @param {{onagain: () => void}} desk */
function actions({ proof, item, verdict }, desk) {
  return el("div", { class: "buttons no-print" },
    button("tr.again", { kind: verdict === "unknown" ? "primary" : "", icon: "search", id: "again", onclick: desk.onagain }),
    proof ? button("tr.save-proof", { icon: "save", id: "save-proof", onclick: () => save(`${fileName(item)}.sogoc-trace`, proof, "application/msgpack") }) : null,
    button("tr.print", { icon: "print", kind: "quiet", onclick: () => globalThis.print() }));
}

/** @param {string} item */
const fileName = (item) => item.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 80);

/** @param {import("./proof.js").ProvenTrace} trace */
function worries({ findings, rules, sums }) {
  const worse = findings.filter((one) => one.severity !== "info").length;
  return el("section", { class: "part", id: "findings" }, say("tr.findings", "h2"),
    findings.length ? say(worse ? "tr.findings-text" : "tr.findings-info", "p", { class: "soft" }) : el("p", { class: "none" }, icon("check"), say("tr.findings-none")),
    rules === "differ" || sums === "differ" ? el("p", { class: "note warn", id: "differs" }, icon("alarm"), say("tr.findings-differ")) : null,
    findings.length ? findingsList(findings, { isChecked: true }) : null,
    say("tr.findings-by", "p", { class: "small soft" }));
}

/** @param {import("./proof.js").ProvenTrace} trace @param {Names} names */
function provenPart(trace, names) {
  const who = [...new Set(trace.events.map((event) => names.member(event.by)))];
  const count = (/** @type {number} */ number, /** @type {string} */ key) => el("li", {}, el("strong", {}, String(number)), " ", say(key));
  return el("section", { class: "part two-sides" },
    el("div", { class: "card proven-side", id: "proven" }, el("h2", {}, icon("check"), say("tr.proven")),
      el("ul", {}, count(trace.records, "tr.proven.records"), count(trace.things.size, "tr.proven.things"), el("li", {}, say("tr.proven.who"), " ", who.slice(0, 8).join(", ") + (who.length > 8 ? ` +${who.length - 8}` : "")), say("tr.proven.order", "li"), say("tr.proven.none-left-out", "li"))),
    el("div", { class: "card claimed-side", id: "claimed" }, el("h2", {}, icon("pen"), say("tr.claimed")),
      el("ul", {}, say("tr.claimed.happened", "li"), say("tr.claimed.amounts", "li"), say("tr.claimed.quality", "li")), say("tr.claimed.text", "p", { class: "small soft" })));
}

/** @param {import("./proof.js").ProvenTrace} trace @param {Names} names */
function historyPart(trace, names) {
  return el("section", { class: "part", id: "history" }, say("tr.history", "h2"), say("tr.history-text", "p", { class: "soft" }),
    trace.events.length ? timeline(trace.events, names, { item: trace.item, address: addressOf }) : say("tr.history-none", "p"));
}

/**
 * Arrows out of verified events.
 * @param {import("./proof.js").ProvenEvent[]} events
 * @returns {[string, string][]}
 */
export function edgesOf(events) {
  /** @type {Map<string, [string, string]>} */
  const edges = new Map();
  for (const { said, declaredError } of events) {
    if (!said || declaredError) continue;
    const made = said.kind === "transformation" ? said.outputs.map((one) => one.item) : said.parent && said.action === "ADD" ? [said.parent] : [];
    const used = said.kind === "transformation" ? said.inputs : said.items;
    // An event of thousands of things times thousands is not a picture.
    for (const from of used.slice(0, 200)) for (const to of made.slice(0, 200)) if (edges.size < 2_000) edges.set(`${from.item}\n${to}`, [from.item, to]);
  }
  return [...edges.values()];
}

/** @param {import("./proof.js").ProvenTrace} trace @param {Names} names */
function graphPart(trace, names) {
  const statuses = new Map(trace.answer.nodes.map((/** @type {any} */ one) => [one.item, String(one.status)]));
  const layers = new Map(trace.layers);
  // One step forward: what the thing was packed into or used for.
  for (const event of trace.events) if (event.said && !event.declaredError) for (const one of after(event.said, trace.item)) if (!layers.has(one)) layers.set(one, 1);
  const nodes = [...layers].map(([item, layer]) => {
    const named = itemOf(item);
    return {
      item, layer, name: named?.sscc ? t("tr.unit") : names.goods(item), detail: named?.sscc ?? (named?.lot !== undefined ? `${t("tr.lot-word")} ${named.lot}` : named?.serial ?? item),
      // What a recalled thing went into holds some of it.
      status: item === trace.item ? trace.status : layer === 1 && trace.recall ? "recalled-upstream" : (statuses.get(item) ?? ""),
    };
  });
  return el("section", { class: "part", id: "graph" }, say("tr.graph", "h2"), say("tr.graph-text", "p", { class: "soft" }), graph(nodes, edgesOf(trace.events), { centre: trace.item, address: addressOf }));
}

/** @param {import("./proof.js").ProvenTrace} trace @param {Names} names */
function stepsPart(trace, names) {
  const own = trace.events.filter((event) => event.said && !event.declaredError && event.things.includes(trace.item));
  const back = own.flatMap((event) => before(/** @type {any} */ (event.said), trace.item).map((item) => ({ event, item })));
  const forward = own.flatMap((event) => after(/** @type {any} */ (event.said), trace.item).map((item) => ({ event, item })));
  const passed = own.filter((event) => ["shipping", "receiving", "retail_selling", "accepting"].includes(event.said?.step ?? ""));
  const list = (/** @type {{event: any, item: string}[]} */ found) => found.length
    ? el("ul", {}, ...found.slice(0, 12).map(({ event, item }) => el("li", {}, el("a", { href: addressOf(item) }, names.thing(item)), " · ", stepName(event.said.step, event.said.kind), " · ", time(event.timeMs))), found.length > 12 ? el("li", { class: "soft" }, `+${found.length - 12}`) : null)
    : say("tr.step-none", "p", { class: "soft" });
  const others = passed.length ? el("ul", {}, ...passed.slice(0, 12).map((event) => el("li", {}, stepName(event.said?.step ?? "", event.said?.kind ?? ""), " · ", names.member(event.by), event.said?.site ? ` · ${names.place(event.said.site)}` : "", " · ", time(event.timeMs)))) : null;
  return el("section", { class: "part", id: "steps" }, el("div", { class: "two" },
    el("div", {}, say("tr.step-back", "h2"), list(back)),
    el("div", {}, say("tr.step-forward", "h2"), list(forward), others)));
}

/** @param {Outcome} outcome */
function downloads({ item, proof }) {
  const form = (/** @type {string} */ name, /** @type {string} */ key) => el("li", {}, el("a", { href: `/v1/exports/${name}/${item}?direction=back`, download: `${fileName(item)}-${name}` }, say(key)));
  return el("section", { class: "part no-print", id: "downloads" }, say("tr.downloads", "h2"),
    el("ul", {}, form("passport.csv", "tr.get.passport-csv"), form("passport.json", "tr.get.passport-json"), form("steps.csv", "tr.get.steps"), form("epcis.jsonld", "tr.get.epcis"), form("trace.svg", "tr.get.picture")),
    proof ? say("tr.get.proof", "p", { class: "small soft" }) : null);
}

/** @param {Outcome} outcome */
function proofPart(outcome) {
  const { trace } = outcome;
  if (!trace) return null;
  const checks = el("ul", { class: "checks" }, ...STEPS.map((key) => {
    const isOpen = key === "tr.check.upstream" && !trace.isWhole;
    const sign = icon(isOpen ? "dash" : "check");
    sign.classList.add(isOpen ? "open" : "yes");
    return el("li", { "data-step": key, "data-state": isOpen ? "open" : "yes" }, sign, el("span", {}, say(key), el("span", { class: "sr" }, ": "), say(isOpen ? "check.not-done" : "check.passed", "span", { class: "sr" })));
  }));
  const cosigners = el("span", {}, ...trace.checked.cosignatures.flatMap((/** @type {any} */ [name, seconds]) => [el("span", {}, `${name} · `, time(Number(seconds) * 1000)), el("br")]));
  return el("details", { id: "proof", class: "part" }, say("details.title", "summary"), el("div", { class: "inside" }, checks, facts([
    ["details.rule", el("code", {}, outcome.rule)],
    ["details.origin", trace.checked.checkpoint.origin],
    ["details.size", String(trace.checked.checkpoint.size)],
    ["tr.root", hash(toHex(trace.checked.checkpoint.root))],
    ["tr.histories", String(trace.histories.size)],
    ["details.cosigners", cosigners],
  ])));
}

/** Why nothing could be told. @param {Outcome} outcome */
function whyPart({ rule, reason }) {
  return el("details", { id: "proof", class: "part" }, say("tr.why", "summary"), el("div", { class: "inside" }, facts([["details.rule", el("span", {}, el("code", {}, rule), reason ? el("span", { lang: "en", class: "soft" }, ` ${reason}`) : null)]])));
}
