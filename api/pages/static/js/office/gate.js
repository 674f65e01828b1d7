/**
 * What is asked of a public paper before anybody signs, as the node's own gate and the command line ask it: nothing that looks like a
 * person's data in free text, and no paper whose name marks it as secret. It cannot know a name; whoever signs still looks.
 */

const S = "[ .\\-\\u00a0]?";
/** @param {string} pattern `~` where a separator may stand */
const alone = (pattern) => new RegExp(`(?<![\\d+])${pattern.replaceAll("~", S)}(?!\\d)`);

/** @type {[string, RegExp][]} */
const PATTERNS = [
  ["of.gate.citizen", alone(`0${"~\\d".repeat(11)}`)],
  ["of.gate.phone", alone(`0~[35789]${"~\\d".repeat(8)}`)],
  ["of.gate.phone", alone(`0~2${"~\\d".repeat(9)}`)],
  ["of.gate.phone", new RegExp(`\\+84${S}(?:\\d${S}){9,10}(?!\\d)`)],
  ["of.gate.mail", /[^\s@<>()[\],;:"]{1,64}@[^\s@<>()[\],;:"]{1,190}\.[A-Za-z]{2,24}\b/],
];

/**
 * What a text seems to hold about a person: a key of words, or null.
 * @param {string} text
 */
export function personalData(text) {
  return PATTERNS.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

const GRAVE = ["tối mật", "tuyệt mật", "toi-mat", "tuyet-mat", "toi_mat", "tuyet_mat", "độ mật"];
const BARE = ["mật", "mat"];

/**
 * Whether a file's name marks the paper as secret.
 * @param {string} name
 */
export function isMarkedSecret(name) {
  const words = name.normalize("NFC").toLowerCase().replaceAll("(", "[").replaceAll(")", "]");
  const bare = words.split(".", 1)[0].replace(/^[ [\]_-]+|[ [\]_-]+$/g, "");
  return GRAVE.some((mark) => words.includes(mark)) || BARE.includes(bare) || BARE.some((mark) => words.includes(`[${mark}]`));
}

/** Ký hiệu to tên loại (Nghị định 30/2020/NĐ-CP, Phụ lục III). @type {Record<string, string>} */
const KIND_OF_SYMBOL = {
  NQ: "nghi-quyet", QĐ: "quyet-dinh", CT: "chi-thi", QC: "quy-che", QyĐ: "quy-dinh", TC: "thong-cao", TB: "thong-bao", HD: "huong-dan",
  CTr: "chuong-trinh", KH: "ke-hoach", PA: "phuong-an", ĐA: "de-an", DA: "du-an", BC: "bao-cao", BB: "bien-ban", TTr: "to-trinh",
  HĐ: "hop-dong", CĐ: "cong-dien", BGN: "ban-ghi-nho", BTT: "ban-thoa-thuan", GUQ: "giay-uy-quyen", GM: "giay-moi", GGT: "giay-gioi-thieu",
  GNP: "giay-nghi-phep", PG: "phieu-gui", PC: "phieu-chuyen", PB: "phieu-bao",
};
const IDENTIFIER = "-.0123456789_abcdefghijklmnopqrstuvwxyz";

/** The kind of paper that a symbol says, or "". @param {string} symbol */
export function kindOf(symbol) {
  const letters = symbol.split("-", 1)[0];
  return Object.hasOwn(KIND_OF_SYMBOL, letters) ? KIND_OF_SYMBOL[letters] : "";
}

/**
 * The register that gave a number, where nobody names it: one for each symbol, or each kind. As the command line has it.
 * @param {string} symbol
 * @param {string} kind
 */
export function bookOf(symbol, kind) {
  const plain = symbol.toLowerCase().normalize("NFD").replaceAll("đ", "d").replace(/\p{M}/gu, "");
  const slug = [...plain].map((letter) => (IDENTIFIER.includes(letter) ? letter : "-")).join("").split("-").filter(Boolean).join("-").slice(0, 64);
  return slug || kind || null;
}

/**
 * What a file's name says of its paper: `41-BC-UBND.pdf`, `41_BC-UBND.pdf`, `41.BC-UBND.signed.pdf`, `Báo cáo 41-BC-UBND.pdf`.
 * @param {string} name
 * @returns {{number: string, symbol: string}|null}
 */
export function numberIn(name) {
  const match = /(?:^|[\s_(])(\d{1,6}[a-zA-Z]?)[\s_.\-–/]([A-ZĐ][A-ZĐa-z]{0,4}(?:-[A-ZĐ0-9]{2,12}){1,3})(?=$|[\s_.)])/.exec(name.normalize("NFC"));
  return match ? { number: match[1].replace(/^0+(?=\d)/, ""), symbol: match[2] } : null;
}
