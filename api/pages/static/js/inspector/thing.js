/** One thing as an inspector looks at it: the graph both ways, its events as a table, what does not add up, and the check of all of it here. */

import { askJson } from "../ask.js";
import { button, el, facts, icon, save, say, time } from "../dom.js";
import { finding } from "../trace/proof.js";
import { findingsList } from "../trace/findings.js";
import { graph } from "../trace/graph.js";
import { lookUp } from "../trace/look.js";
import { Names, itemOf, quantity, stepName } from "../trace/names.js";
import { codeOf } from "../trace/panel.js";
import { t } from "../words.js";
import { reportPanel } from "./report.js";

const ROWS_AT_ONCE = 50;
const MAX_EDGES = 4_000;
const DIRECTIONS = ["both", "back", "forward"];
const DEPTHS = [1, 2, 4, 8, 16, 32];

/**
 * @param {string} item
 * @param {{direction: string, depth: number, onpick: (item: string) => void, onchange: (direction: string, depth: number) => void, signal: AbortSignal}} desk
 * @returns {Promise<HTMLElement>}
 */
export async function thingView(item, { direction, depth, onpick, onchange, signal }) {
  const asked = `direction=${direction}&depth=${depth}`;
  const [answer, found] = await Promise.all([askJson(`/v1/trace/${item}?${asked}`), askJson(`/v1/findings/${item}?scope=trace&depth=${depth}`)]);
  if (answer.kind !== "ok" || !Array.isArray(answer.value?.nodes) || !Array.isArray(answer.value?.links)) {
    return el("div", {}, say(answer.kind === "refused" ? "tr.wrong.number" : "in.outage", "p", { class: "note warn", role: "alert" }));
  }
  const told = answer.value;
  const names = new Names(null, told, null);
  const self = told.nodes.find((/** @type {any} */ node) => node.item === item) ?? {};
  const findings = found.kind === "ok" && Array.isArray(found.value?.findings) ? found.value.findings.map((/** @type {any} */ one) => finding(one, new Set())) : null;
  const result = el("div", { id: "checked", role: "status" });
  const worries = el("div", { id: "thing-findings" }, findings === null ? say("in.outage", "p", { class: "note warn" }) : findings.length ? findingsList(findings, { isChecked: false }) : el("p", { class: "none" }, icon("check"), say("tr.findings-none")));
  const check = button("in.check", { kind: "primary", icon: "good", id: "check-trace", onclick: () => verifyHere(item, direction, depth, { place: result, worries, check }, signal) });
  return el("div", {},
    el("p", { class: "issuer" }, names.goods(item), el("small", { class: "hash" }, codeOf(item))),
    statusTag(self.status), el("p", { class: "small" }, el("a", { href: item.startsWith("code/") ? `/truy-xuat#/${item}` : `/${item}` }, say("in.buyer-page"))),
    sums(self), controls(direction, depth, onchange),
    told.truncated ? say("in.truncated", "p", { class: "note warn", id: "truncated" }) : null,
    el("div", { class: "buttons" }, check), result,
    say("tr.graph", "h3"), picture(told, names, item, onpick),
    say("in.findings", "h3"), worries,
    say("in.events", "h3"), table(told, names, onpick),
    exportsList(item, asked, found.kind === "ok" ? found.value : null));
}

/** @param {unknown} status */
function statusTag(status) {
  const known = ["in-force", "recalled", "recalled-upstream", "unknown"].includes(String(status)) ? String(status) : "unknown";
  return el("p", {}, el("span", { class: `tag ${known.startsWith("recalled") ? "bad" : known === "in-force" ? "good" : ""}`, "data-status": known }, icon(known.startsWith("recalled") ? "alarm" : known === "in-force" ? "check" : "dash"), say(`in.status.${known}`)));
}

/** @param {any} self */
function sums({ quantity: figures }) {
  if (!figures || typeof figures !== "object") return null;
  const unit = String(figures.unit ?? "");
  const rows = Object.entries(figures).filter(([name, value]) => name !== "unit" && typeof value === "string" && (value !== "0" || name === "left")).slice(0, 20);
  return el("dl", { class: "tiles" }, ...rows.map(([name, value]) => el("div", {}, el("dt", {}, has(name) ? say(`in.sum.${name}`) : name), el("dd", {}, quantity(String(value), unit)))));
}

const SUMS = ["made", "used", "shipped", "received", "sold", "removed", "lost", "on_the_way", "never_shipped", "left"];
/** @param {string} name */
const has = (name) => SUMS.includes(name);

/** @param {string} direction @param {number} depth @param {(direction: string, depth: number) => void} onchange */
function controls(direction, depth, onchange) {
  const way = /** @type {HTMLSelectElement} */ (el("select", { class: "input", id: "way" }, ...DIRECTIONS.map((one) => say(`in.way.${one}`, "option", { value: one, selected: one === direction }))));
  const deep = /** @type {HTMLSelectElement} */ (el("select", { class: "input", id: "depth" }, ...DEPTHS.map((one) => el("option", { value: one, selected: one === depth }, one))));
  for (const choice of [way, deep]) choice.addEventListener("change", () => onchange(way.value, Number(deep.value)));
  return el("div", { class: "controls" }, el("div", { class: "field" }, say("in.way", "label", { for: "way" }), way), el("div", { class: "field" }, say("in.depth", "label", { for: "depth" }), deep));
}

/** @param {any} told @param {Names} names @param {string} item @param {(item: string) => void} onpick */
function picture(told, names, item, onpick) {
  const nodes = told.nodes.filter((/** @type {any} */ node) => typeof node?.item === "string" && Number.isInteger(node.layer)).map((/** @type {any} */ node) => {
    const named = itemOf(node.item);
    return {
      item: node.item, layer: node.layer, status: String(node.status), name: named?.sscc ? t("tr.unit") : names.goods(node.item),
      detail: named?.sscc ?? (named?.lot !== undefined ? `${t("tr.lot-word")} ${named.lot}` : (named?.serial ?? "")),
    };
  });
  /** @type {Map<string, [string, string]>} */
  const edges = new Map();
  for (const link of told.links) {
    if (link.kind !== "transformation" && link.action !== "ADD") continue;
    for (const from of (link.from ?? []).slice(0, 200)) for (const to of (link.to ?? []).slice(0, 200)) if (from !== to && edges.size < MAX_EDGES) edges.set(`${from}\n${to}`, [from, to]);
  }
  return graph(nodes, [...edges.values()], { centre: item, onpick, address: (one) => `#/${one}` });
}

/** @param {any} told @param {Names} names @param {(item: string) => void} onpick */
function table(told, names, onpick) {
  const body = el("tbody");
  const link = (/** @type {string} */ one) => el("a", { href: `#/${one}`, onclick: (/** @type {Event} */ event) => { event.preventDefault(); onpick(one); } }, names.thing(one));
  const several = (/** @type {any} */ list) => {
    const items = Array.isArray(list) ? list.map(String) : [];
    return [...items.slice(0, 4).flatMap((one, at) => [at ? ", " : "", link(one)]), items.length > 4 ? el("span", { class: "soft" }, ` +${items.length - 4}`) : null];
  };
  let shown = 0;
  const more = button("tr.more", { kind: "small", id: "more-events", onclick: () => show() });
  const show = () => {
    for (const one of told.links.slice(shown, shown + ROWS_AT_ONCE)) {
      const isSame = JSON.stringify(one.from) === JSON.stringify(one.to);
      body.append(el("tr", {},
        el("td", { class: "num-left" }, time(Number(one.time_ms))), el("td", {}, stepName(String(one.step ?? ""), String(one.kind))),
        el("td", {}, ...several(one.from), ...(isSame ? [] : [" → ", ...several(one.to)])),
        el("td", {}, ...(Array.isArray(one.amounts) ? one.amounts.filter((/** @type {any} */ share) => typeof share?.amount === "string").slice(0, 3).flatMap((/** @type {any} */ share, /** @type {number} */ at) => [at ? "; " : "", quantity(share.amount, String(share.unit ?? ""))]) : [])),
        el("td", {}, names.member(String(one.by)), one.place?.id ? el("span", { class: "soft" }, ` · ${names.place(String(one.place.id))}`) : null),
        el("td", {}, time(Number(one.recorded_ms)), " ", /^[0-9a-f]{64}$/.test(one.event) ? el("a", { href: `/so-cai/ban-ghi/${one.event}`, class: "hash" }, one.event.slice(0, 8)) : null)));
    }
    shown = Math.min(told.links.length, shown + ROWS_AT_ONCE);
    more.hidden = shown >= told.links.length;
  };
  show();
  const head = ["in.col.when", "in.col.step", "in.col.things", "in.col.amount", "in.col.who", "in.col.recorded"].map((key) => say(key, "th", { scope: "col" }));
  if (!told.links.length) return say("tr.history-none", "p");
  return el("div", {}, el("div", { class: "scroll", tabindex: "0", role: "region", "data-t-label": "in.events", "aria-label": t("in.events") },
    el("table", { id: "events" }, el("caption", {}, `${told.links.length} `, say("in.events-count")), el("thead", {}, el("tr", {}, ...head)), body)), more);
}

/** @param {string} item @param {string} asked @param {any} findings */
function exportsList(item, asked, findings) {
  const name = item.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 80);
  const form = (/** @type {string} */ file, /** @type {string} */ key) => el("li", {}, el("a", { href: `/v1/exports/${file}/${item}?${asked}`, download: `${name}-${file}` }, say(key)));
  return el("section", { class: "no-print" }, say("in.exports", "h3"),
    el("div", { class: "buttons" }, findings ? button("in.save-findings", { icon: "save", id: "save-findings", onclick: () => save(`${name}-canh-bao.json`, `${JSON.stringify(findings, null, 1)}\n`, "application/json") }) : null),
    el("ul", {}, form("passport.csv", "tr.get.passport-csv"), form("passport.json", "tr.get.passport-json"), form("steps.csv", "tr.get.steps"), form("epcis.jsonld", "tr.get.epcis"), form("trace.svg", "tr.get.picture")),
    el("p", { class: "small" }, say("in.signed"), " ", el("code", {}, "sogoc findings … --report --key")));
}

/**
 * @param {string} item
 * @param {string} direction
 * @param {number} depth
 * @param {{place: HTMLElement, worries: HTMLElement, check: HTMLElement}} page
 * @param {AbortSignal} signal
 */
async function verifyHere(item, direction, depth, { place, worries, check }, signal) {
  check.setAttribute("disabled", "");
  const bar = el("progress", { "aria-label": t("tr.progress") });
  place.replaceChildren(say("tr.busy", "p"), bar);
  const outcome = await lookUp(item, { direction, depth, signal, onprogress: (done, all) => Object.assign(bar, { max: all, value: done }) }).finally(() => check.removeAttribute("disabled"));
  const { trace, verdict, rule, reason, todo, proof } = outcome;
  if (!trace || verdict === "bad") {
    place.replaceChildren(el("div", { class: `note ${verdict === "bad" ? "alarm" : "warn"}`, "data-checked": verdict, "data-rule": rule }, el("p", {}, say(`tr.verdict.${verdict}`, "strong")), todo ? say(todo, "p") : null,
      el("p", { class: "small" }, el("code", {}, rule), reason ? el("span", { lang: "en" }, ` ${reason}`) : null)));
    return;
  }
  // The same findings, now each with what was found out about it here.
  if (trace.findings.length) worries.replaceChildren(findingsList(trace.findings, { isChecked: true }));
  const strangers = trace.findings.filter((one) => !one.isProven).length;
  place.replaceChildren(el("div", { class: "note", "data-checked": "yes", "data-rule": rule }, el("p", {}, say("in.checked", "strong")), facts([
    ["in.checked.histories", String(trace.histories.size)], ["in.checked.records", String(trace.records)], ["in.checked.findings", `${trace.findings.length - strangers} / ${trace.findings.length}`],
    ["fact.as-of", trace.checked.statusAsOfS === null ? null : time(Number(trace.checked.statusAsOfS) * 1000)],
  ]), proof ? el("div", { class: "buttons" }, button("tr.save-proof", { icon: "save", id: "save-proof", onclick: () => save(`${item.replace(/[^A-Za-z0-9]+/g, "-")}.sogoc-trace`, proof, "application/msgpack") })) : null,
  el("p", { class: trace.sums === "differ" ? "note warn" : "small", id: "checked-sums", "data-sums": trace.sums }, trace.sums === "differ" ? icon("alarm") : null, say(`in.checked.sums-${trace.sums}`)),
  el("p", { class: trace.rules === "differ" ? "note warn" : "small", id: "checked-rules", "data-rules": trace.rules }, trace.rules === "differ" ? icon("alarm") : null, say(`in.checked.rules-${trace.rules}`)),
  say("in.checked.words", "p", { class: "small", id: "checked-words" })), proof ? reportPanel(trace, direction, proof) : "");
}
