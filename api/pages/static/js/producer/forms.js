/** Pieces that the producer's views are made of: made for a thumb, and for one that is wet. */

import { el, icon, say } from "../dom.js";
import { field, freshId, input } from "../office/ui.js";
import { readAmount, showAmount, unitWord } from "./amounts.js";

/**
 * One of a few, as large buttons; what is chosen stays visible.
 * @param {string} legendKey
 * @param {{value: string, title: Node|string, more?: Node|string|null, sign?: string}[]} options
 * @param {{value?: string, onchange?: (value: string) => void, id?: string}} more
 */
export function choices(legendKey, options, { value = options[0]?.value ?? "", onchange = () => {}, id = freshId() } = {}) {
  const whole = el("fieldset", { class: "choices", id }, say(legendKey, "legend", { class: "label" }),
    el("div", { class: "options" }, ...options.map((one) => {
      const box = /** @type {HTMLInputElement} */ (el("input", { type: "radio", name: id, id: freshId(), value: one.value, checked: one.value === value, onchange: () => onchange(one.value) }));
      return el("div", { class: "option" }, box, el("label", { for: box.id }, one.sign ? icon(one.sign) : null,
        el("span", {}, el("span", { class: "title" }, one.title), one.more ? el("span", { class: "more" }, one.more) : null)));
    })));
  return {
    whole,
    get value() {
      return /** @type {HTMLInputElement|null} */ (whole.querySelector("input:checked"))?.value ?? "";
    },
    set value(chosen) {
      for (const box of whole.querySelectorAll("input")) box.checked = box.value === chosen;
    },
  };
}

/**
 * A text field that says beside itself, as it is typed, what is wrong or what was understood.
 * @param {string} labelKey
 * @param {{id: string, value?: string, hintKey?: string, check?: (text: string) => Node|string|null, properties?: Record<string, any>, unit?: Node|null, oninput?: () => void}} options
 * `check` throws for what is wrong (`code` of words `pr.wrong.…`), and returns what was understood
 */
export function typed(labelKey, { id, value = "", hintKey, check = () => null, properties = {}, unit = null, oninput = () => {} }) {
  const box = input({ id, value, ...properties });
  const said = el("p", { class: "typed", id: `${id}-said`, "aria-live": "polite" });
  const whole = field(say(labelKey), box, { hint: hintKey ? say(hintKey) : null, extra: said });
  if (unit) {
    const row = el("div", { class: "with-unit" });
    box.replaceWith(row);
    row.append(box, el("span", { class: "unit" }, unit));
  }
  box.setAttribute("aria-describedby", [box.getAttribute("aria-describedby"), said.id].filter(Boolean).join(" "));

  /** @param {boolean} isEarnest whether an unfinished text is wrong already */
  function look(isEarnest) {
    said.replaceChildren();
    said.className = "typed";
    box.removeAttribute("aria-invalid");
    try {
      const understood = check(box.value);
      if (understood) {
        said.append(icon("check"), " ", understood);
        said.classList.add("good");
      }
      return true;
    } catch (error) {
      const wrong = /** @type {Wrong} */ (error);
      if (!(wrong instanceof Wrong)) throw error;
      if (isEarnest || wrong.isCertain) {
        said.append(wrong.said());
        said.classList.add("bad");
        box.setAttribute("aria-invalid", "true");
      }
      return false;
    }
  }

  box.addEventListener("input", () => {
    look(false);
    oninput();
  });
  box.addEventListener("change", () => look(box.value !== ""));
  return { box, whole, look, get value() { return box.value.trim(); } };
}

/** Something typed is wrong, or not finished yet. */
export class Wrong extends Error {
  /**
   * @param {string} key of words
   * @param {{isCertain?: boolean, text?: string}} more `isCertain`: typing on does not mend it; `text` is shown behind
   */
  constructor(key, { isCertain = false, text = "" } = {}) {
    super(key);
    this.key = key;
    this.isCertain = isCertain;
    this.text = text;
  }

  said() {
    return el("span", {}, say(this.key), this.text ? ` ${this.text}` : "");
  }
}

/**
 * A field for an amount in a unit.
 * @param {string} labelKey
 * @param {{id: string, value?: string, unit: string, isNeeded?: boolean, oninput?: () => void}} options
 */
export function amountField(labelKey, { id, value = "", unit, isNeeded = true, oninput }) {
  const made = typed(labelKey, {
    id, value, unit: unitWord(unit), oninput,
    properties: { inputmode: "decimal", class: "input amount", maxlength: 20 },
    check(text) {
      if (!text.trim() && !isNeeded) return null;
      const amount = readAmount(text);
      if (amount === null) throw new Wrong(text.trim() ? "pr.wrong.amount" : "pr.wrong.amount-missing");
      if (unit === "H87" && amount % 1_000) throw new Wrong("pr.wrong.amount-piece", { isCertain: true });
      return showAmount(amount) === text.trim() ? null : el("span", {}, showAmount(amount), " ", unitWord(unit));
    },
  });
  return { ...made, get value() { return made.box.value.trim(); }, get amount() { return readAmount(made.box.value); } };
}

/**
 * Look at all fields in earnest; focus goes to the first that is wrong.
 * @param {{look: (isEarnest: boolean) => boolean, box: HTMLElement}[]} fields
 */
export function allGood(fields) {
  const bad = fields.filter((one) => !one.look(true));
  bad[0]?.box.focus();
  return bad.length === 0;
}

/**
 * The one large button at the end of a form.
 * @param {string} key
 * @param {{sign?: string, id?: string, kind?: string}} more
 */
export function bigButton(key, { sign = "pen", id, kind = "primary" } = {}) {
  const detail = el("span", { class: "detail" });
  const button = el("button", { type: "submit", class: `button big ${kind}`, id }, icon(sign), el("span", { class: "words" }, say(key), detail));
  return { button, detail };
}

/** A head with a way back. @param {string} key @param {() => void} onback @param {Node|null} title instead of words */
export function viewHead(key, onback, title = null) {
  return el("div", { class: "view-head" },
    el("button", { type: "button", class: "button quiet back-button", onclick: onback }, icon("back"), say("pr.back")),
    title ? el("h2", { tabindex: "-1" }, title) : say(key, "h2", { tabindex: "-1" }));
}
