/**
 * Amounts as people write them here: a comma before decimals, dots between thousands; and as the ledger has them, in whole thousandths.
 */

import { sayOr } from "../dom.js";
import { language } from "../words.js";

const MOST = 9_000_000_000_000;
/** Units that a producer chooses from (UN/ECE Recommendation 20); each has words under `pr.unit.…`. */
export const UNITS = ["KGM", "GRM", "TNE", "LTR", "MLT", "H87"];

/**
 * Thousandths, or null for what is no amount. `1.200` is a thousand and two hundred, `1,5` and `1.5` are one and a half.
 * @param {string} text
 * @returns {number|null}
 */
export function readAmount(text) {
  const typed = text.trim().replace(/[\s\u00a0]/g, "");
  let plain;
  if (/^\d{1,3}(\.\d{3})+(,\d{1,3})?$/.test(typed)) plain = typed.replaceAll(".", "").replace(",", ".");
  else if (/^\d{1,3}(,\d{3}){2,}(\.\d{1,3})?$/.test(typed)) plain = typed.replaceAll(",", "");
  else if (/^\d{1,10}([.,]\d{1,3})?$/.test(typed)) plain = typed.replace(",", ".");
  else return null;
  const [whole, part = ""] = plain.split(".");
  const thousandths = Number(whole) * 1_000 + Number(part.padEnd(3, "0"));
  return thousandths > 0 && thousandths <= MOST ? thousandths : null;
}

/** @param {number} thousandths */
export function showAmount(thousandths) {
  return new Intl.NumberFormat(language() === "en" ? "en-GB" : "vi-VN", { maximumFractionDigits: 3 }).format(thousandths / 1_000);
}

/** As it is typed again into a field. @param {number} thousandths */
export function typedAmount(thousandths) {
  return new Intl.NumberFormat("vi-VN", { maximumFractionDigits: 3 }).format(thousandths / 1_000);
}

/** What a unit is called; of one that has no words here, its code. @param {string} unit */
export function unitWord(unit) {
  return sayOr(`pr.unit.${unit}`, unit);
}
