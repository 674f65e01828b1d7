/**
 * A small picture of what came from what: things in rows, the oldest on top, arrows downward.
 *
 * Rules: drawn from text alone, never from markup. It holds so many things and no more; what is nearest to the thing asked about comes first,
 * and the picture says how many are not in it. A recall is told by words and a thick border, not by colour alone. Whoever shows it puts a list
 * beside it.
 */

import { el, say } from "../dom.js";
import { t } from "../words.js";

/** @typedef {{item: string, layer: number, name: string, detail: string, status: string}} GraphNode */

const SPACE = "http://www.w3.org/2000/svg";
const WIDTH = 196, HEIGHT = 74, GAP_X = 18, GAP_Y = 40, MARGIN = 6;
const MAX_NODES = 60, MAX_ROW = 20, MAX_EDGES = 400;
const LETTERS = 22;

/**
 * @param {string} tag
 * @param {Record<string, any>} properties
 * @param {...(Node|string)} children
 */
function svg(tag, properties, ...children) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(properties)) if (value !== null) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @param {string} text @param {number} most */
const cut = (text, most) => ([...text].length > most ? `${[...text].slice(0, most - 1).join("")}…` : text);

/** A text on one line or two. @param {string} text */
function twoLines(text) {
  if ([...text].length <= LETTERS) return [text];
  const at = text.slice(0, LETTERS + 1).lastIndexOf(" ");
  const first = at > 6 ? text.slice(0, at) : [...text].slice(0, LETTERS).join("");
  return [first, cut(text.slice(first.length).trim(), LETTERS)];
}

/**
 * @param {GraphNode[]} nodes
 * @param {[string, string][]} edges from the one that was used to the one that was made
 * @param {{centre: string, onpick?: (item: string) => void, address: (item: string) => string}} options
 * @returns {HTMLElement}
 */
export function graph(nodes, edges, { centre, onpick, address }) {
  const near = [...nodes].sort((a, b) => Math.abs(a.layer) - Math.abs(b.layer) || a.layer - b.layer || (a.item < b.item ? -1 : 1));
  /** @type {Map<number, GraphNode[]>} */
  const rows = new Map();
  let count = 0;
  for (const node of near) {
    const row = rows.get(node.layer) ?? [];
    if (count >= MAX_NODES || row.length >= MAX_ROW) continue;
    row.push(node);
    rows.set(node.layer, row);
    count++;
  }
  const layers = [...rows.keys()].sort((a, b) => a - b);
  const widest = Math.max(1, ...[...rows.values()].map((row) => row.length));
  const width = 2 * MARGIN + widest * (WIDTH + GAP_X) - GAP_X;
  const height = 2 * MARGIN + layers.length * (HEIGHT + GAP_Y) - GAP_Y;
  /** @type {Map<string, [number, number]>} */
  const places = new Map();
  for (const [y, layer] of layers.entries()) {
    const row = rows.get(layer) ?? [];
    const left = MARGIN + ((widest - row.length) * (WIDTH + GAP_X)) / 2;
    for (const [x, node] of row.entries()) places.set(node.item, [left + x * (WIDTH + GAP_X), MARGIN + y * (HEIGHT + GAP_Y)]);
  }
  const drawn = edges.filter(([from, to]) => from !== to && places.has(from) && places.has(to)).slice(0, MAX_EDGES);
  const picture = svg("svg", { class: "graph", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": t("tr.graph") },
    ...drawn.map(([from, to]) => arrow(/** @type {[number, number]} */ (places.get(from)), /** @type {[number, number]} */ (places.get(to)))),
    ...layers.flatMap((layer) => rows.get(layer) ?? []).map((node) => box(node, /** @type {[number, number]} */ (places.get(node.item)), node.item === centre, onpick, address)));
  const left = nodes.length - count;
  const [centreX] = places.get(centre) ?? [0, 0];
  // Once it stands on the page: a wide picture begins where the thing asked about is.
  requestAnimationFrame(() => {
    const scroller = picture.parentElement;
    if (scroller) scroller.scrollLeft = centreX + WIDTH / 2 - scroller.clientWidth / 2;
  });
  return el("div", { class: "graph-part" },
    el("div", { class: "graph-scroll", tabindex: "0", role: "region", "data-t-label": "tr.graph", "aria-label": t("tr.graph") }, picture),
    left > 0 ? el("p", { class: "small soft", "data-left-out": left }, `+${left} `, say("tr.graph-more")) : null);
}

/** @param {[number, number]} from @param {[number, number]} to */
function arrow([fromX, fromY], [toX, toY]) {
  const down = toY >= fromY;
  const [x1, y1] = [fromX + WIDTH / 2, fromY + (down ? HEIGHT : 0)];
  const [x2, y2] = [toX + WIDTH / 2, toY + (down ? 0 : HEIGHT)];
  const middle = (y1 + y2) / 2, tip = down ? -7 : 7;
  return svg("g", { class: "edge", "aria-hidden": "true" },
    svg("path", { d: `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}` }),
    svg("path", { class: "tip", d: `M${x2 - 5} ${y2 + tip}L${x2} ${y2}L${x2 + 5} ${y2 + tip}` }));
}

/**
 * @param {GraphNode} node
 * @param {[number, number]} place
 * @param {boolean} isCentre
 * @param {((item: string) => void)|undefined} onpick
 * @param {(item: string) => string} address
 */
function box(node, [x, y], isCentre, onpick, address) {
  const isRecalled = node.status.startsWith("recalled");
  const state = isRecalled ? t(`tr.graph.${node.status}`) : isCentre ? t("tr.graph.this") : "";
  const lines = [...twoLines(node.name), cut(node.detail, LETTERS + 2), ...(state ? [state] : [])].slice(0, 4);
  const top = y + (HEIGHT - lines.length * 16) / 2 + 12;
  const texts = lines.map((line, at) => {
    const kind = at === lines.length - 1 && state ? "state" : at < lines.length - (state ? 2 : 1) ? "name" : "detail";
    return svg("text", { x: x + WIDTH / 2, y: top + at * 16, class: kind, "text-anchor": "middle" }, line);
  }).flatMap((text) => [text, " "]);
  const link = svg("a", { href: address(node.item), class: `node${isCentre ? " centre" : ""}${isRecalled ? " recalled" : ""}` },
    svg("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 10 }), ...texts);
  if (onpick) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      onpick(node.item);
    });
  }
  return link;
}
