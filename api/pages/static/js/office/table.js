/**
 * Tables of certificates to issue, as `sogoc certify` reads them: the same columns, the same values, every mistake by row and column.
 *
 * Rules: UTF-8; commas, semicolons or tabs; the first row names the columns by a field's name or its label in either language. Values
 * are in NFC. All mistakes are found before anything is signed. Rows are counted as a spreadsheet counts them.
 */

/** @typedef {{vi: string, en: string}} Label */
/** @typedef {{name: string, label: Label, kind: string, required: boolean, personal: boolean, min?: number, max?: number, choices?: Record<string, Label>}} Field */
/** @typedef {{name: string, label: Label, valid_months?: number, fields: Field[]}} Schema */
/** @typedef {{row: number, column: string, vi: string, en: string}} Mistake */
/** @typedef {{number: number, claims: {name: string, value: any}[], validFrom: string|null, validUntil: string|null}} Row */

const MAX_BYTES = 64_000_000;
export const MAX_ROWS = 20_000;
const DEFAULT_TEXT = 200;
const FIRST_YEAR = 1900;
const YES = new Set(["có", "co", "yes", "true", "1", "x"]);
const NO = new Set(["không", "khong", "no", "false", "0"]);
/** @type {[string, string[]][]} */
const DAY_COLUMNS = [["valid_from", ["valid_from", "có giá trị từ", "valid from"]], ["valid_until", ["valid_until", "có giá trị đến", "valid until"]]];

class Wrong extends Error {
  /**
   * @param {string} vi
   * @param {string} en
   */
  constructor(vi, en) {
    super(en);
    this.vi = vi;
    this.en = en;
  }
}

/** @param {string} text */
const fold = (text) => text.normalize("NFC").toLowerCase().split(/\s+/).filter(Boolean).join(" ");

/**
 * A day as YYYY-MM-DD, from that or from day/month/year.
 * @param {string} text
 */
export function readDay(text) {
  const match = /^(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}))$/.exec(text);
  if (!match) throw new Wrong("phải là ngày, viết 05/03/2025 hoặc 2025-03-05", "must be a date: 05/03/2025 or 2025-03-05");
  const [year, month, day] = match[1] ? [match[1], match[2], match[3]].map(Number) : [match[6], match[5], match[4]].map(Number);
  const found = new Date(Date.UTC(year, month - 1, day));
  if (found.getUTCFullYear() !== year || found.getUTCMonth() !== month - 1 || found.getUTCDate() !== day) {
    throw new Wrong("ngày này không có trong lịch", "there is no such day");
  }
  if (year < FIRST_YEAR) throw new Wrong(`phải từ năm ${FIRST_YEAR} trở đi`, `must be of ${FIRST_YEAR} or later`);
  return found.toISOString().slice(0, 10);
}

/**
 * The value of a field written as text; null for an empty one.
 * @param {Field} field
 * @param {string} typed
 */
export function readValue(field, typed) {
  const text = typed.normalize("NFC").trim();
  if (!text) {
    if (field.required) throw new Wrong("bắt buộc phải có", "is required");
    return null;
  }
  if (field.kind === "date") return readDay(text);
  if (field.kind === "integer") {
    if (!/^-?\d{1,15}$/.test(text)) throw new Wrong("phải là số nguyên", "must be a whole number");
    const value = Number(text);
    if ((field.min !== undefined && value < field.min) || (field.max !== undefined && value > field.max)) {
      throw new Wrong(`phải từ ${field.min} đến ${field.max}`, `must be from ${field.min} to ${field.max}`);
    }
    return value;
  }
  if (field.kind === "boolean") {
    const word = text.toLowerCase();
    if (!YES.has(word) && !NO.has(word)) throw new Wrong("phải là có hoặc không", "must be yes or no");
    return YES.has(word);
  }
  if (field.kind === "choice") {
    const wanted = fold(text);
    const choices = Object.entries(field.choices ?? {});
    const found = choices.find(([code, label]) => [code, label.vi, label.en].some((one) => fold(one) === wanted));
    if (!found) throw new Wrong(`phải là một trong: ${choices.map(([, label]) => label.vi).join("; ")}`, `must be one of: ${choices.map(([code]) => code).join(", ")}`);
    return found[0];
  }
  const limit = field.max ?? DEFAULT_TEXT;
  const letters = [...text].length;
  if (letters > limit) throw new Wrong(`dài ${letters} chữ, tối đa ${limit}`, `has ${letters} letters, at most ${limit} are taken`);
  if (/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) throw new Wrong("có ký tự điều khiển hoặc xuống dòng", "holds a control character or a line break");
  return text;
}

/**
 * Read one certificate's values.
 * @param {Schema} schema
 * @param {Record<string, string>} values by field name, and the two days
 * @param {number} number
 * @returns {{row: Row, mistakes: Mistake[]}}
 */
export function readRow(schema, values, number) {
  /** @type {Mistake[]} */
  const mistakes = [];
  /**
   * @template T
   * @param {string} column
   * @param {() => T} read
   * @returns {T|null}
   */
  const tried = (column, read) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      mistakes.push({ row: number, column, vi: error.vi, en: error.en });
      return null;
    }
  };
  const claims = schema.fields.map((field) => ({ name: field.name, value: tried(field.label.vi, () => readValue(field, values[field.name] ?? "")) }));
  const [validFrom, validUntil] = DAY_COLUMNS.map(([name, ways]) => {
    const text = (values[name] ?? "").normalize("NFC").trim();
    return text ? tried(ways[1], () => readDay(text)) : null;
  });
  if (validFrom && validUntil && validUntil < validFrom) mistakes.push({ row: number, column: "có giá trị đến", vi: "trước ngày bắt đầu", en: "is before the first day" });
  return { row: { number, claims, validFrom, validUntil }, mistakes };
}

/**
 * Read a CSV file for a schema: rows to issue, or mistakes to mend.
 * @param {Uint8Array} data
 * @param {Schema} schema
 * @returns {{rows: Row[], mistakes: Mistake[]}}
 */
export function readTable(data, schema) {
  /** @param {string} vi @param {string} en @returns {{rows: Row[], mistakes: Mistake[]}} */
  const whole = (vi, en) => ({ rows: [], mistakes: [{ row: 0, column: "", vi, en }] });
  if (data.length > MAX_BYTES) return whole("tệp quá lớn", "the table is too large");
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    return whole("tệp không phải UTF-8: khi lưu hãy chọn “CSV UTF-8”", "the table is not UTF-8: save it as “CSV UTF-8”");
  }
  const known = names(schema);
  const first = text.split("\n", 1)[0];
  const delimiter = [",", ";", "\t"].map((mark) => ({ mark, found: first.split(mark).filter((cell) => known.has(fold(cell.replace(/^"|"\s*$/g, "")))).length }))
    .reduce((best, one) => (one.found > best.found ? one : best)).mark;
  const lines = cells(text, delimiter);
  if (lines === null) return whole("dấu ngoặc kép trong tệp không khép lại", "a quotation mark in the table is not closed");
  if (!lines.length) return whole("bảng trống: dòng đầu phải ghi tên cột", "the table is empty: its first row names the columns");
  const { columns, mistakes } = headings(lines[0], schema, known);
  if (mistakes.length) return { rows: [], mistakes };
  /** @type {Row[]} */
  const rows = [];
  /** @type {Map<string, number>} */
  const seen = new Map();
  lines.slice(1).forEach((line, at) => {
    if (!line.some((cell) => cell.trim())) return;
    const number = at + 2;
    if (line.slice(columns.length).some((cell) => cell.trim())) {
      mistakes.push({ row: number, column: "", vi: `có ${line.length} ô mà chỉ có ${columns.length} cột (dấu phân cách trong ô phải nằm trong ngoặc kép)`, en: `has ${line.length} cells for ${columns.length} columns: quote cells that hold a separator` });
    }
    const values = Object.fromEntries(columns.map((column, place) => [column, line[place] ?? ""]).filter(([column]) => column));
    const read = readRow(schema, values, number);
    mistakes.push(...read.mistakes);
    if (read.mistakes.length) return;
    const same = JSON.stringify([read.row.claims, read.row.validFrom, read.row.validUntil]);
    const before = seen.get(same);
    if (before !== undefined) mistakes.push({ row: number, column: "", vi: `giống hệt dòng ${before}: cấp hai lần?`, en: `is the same as row ${before}` });
    seen.set(same, before ?? number);
    rows.push(read.row);
  });
  if (rows.length > MAX_ROWS) return whole(`một bảng có tối đa ${MAX_ROWS} dòng`, `a table has at most ${MAX_ROWS} rows`);
  if (!rows.length && !mistakes.length) return whole("bảng chỉ có tên cột, chưa có dòng nào", "the table has headings and no row");
  return { rows: mistakes.length ? [] : rows, mistakes };
}

/** @param {Schema} schema @returns {Map<string, string>} every way to write a heading, to the column it names */
function names(schema) {
  const found = new Map();
  for (const [column, ways] of DAY_COLUMNS) for (const way of ways) found.set(fold(way), column);
  for (const field of schema.fields) for (const way of [field.name, field.label.vi, field.label.en]) found.set(fold(way), field.name);
  return found;
}

/**
 * @param {string[]} line
 * @param {Schema} schema
 * @param {Map<string, string>} known
 */
function headings(line, schema, known) {
  /** @type {Mistake[]} */
  const mistakes = [];
  /** @type {string[]} */
  const columns = [];
  for (const heading of line) {
    const column = known.get(fold(heading)) ?? "";
    if (!column && heading.trim()) {
      mistakes.push({ row: 1, column: heading.trim().slice(0, 60), vi: `không có cột này; các cột là: ${schema.fields.map((one) => one.label.vi).join(", ")}`, en: `is no column of ${schema.name}: ${schema.fields.map((one) => one.name).join(", ")}` });
    } else if (column && columns.includes(column)) {
      mistakes.push({ row: 1, column: heading.trim().slice(0, 60), vi: "cột này có hai lần", en: "stands there twice" });
    }
    columns.push(column);
  }
  for (const field of schema.fields) {
    if (field.required && !columns.includes(field.name)) mistakes.push({ row: 1, column: field.label.vi, vi: "thiếu cột bắt buộc này", en: `the required column ${field.name} is missing` });
  }
  return { columns, mistakes };
}

/**
 * The cells of a CSV text; null where a quotation mark is not closed.
 * @param {string} text
 * @param {string} delimiter
 * @returns {string[][]|null}
 */
function cells(text, delimiter) {
  /** @type {string[][]} */
  const lines = [];
  /** @type {string[]} */
  let line = [];
  let cell = "";
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') cell += text[++at];
      else isQuoted = false;
    } else if (letter === '"' && cell === "") isQuoted = true;
    else if (letter === delimiter) {
      line.push(cell);
      cell = "";
    } else if (letter === "\n" || letter === "\r") {
      if (letter === "\r" && text[at + 1] === "\n") at++;
      lines.push([...line, cell]);
      line = [];
      cell = "";
    } else cell += letter;
  }
  if (isQuoted) return null;
  if (cell || line.length) lines.push([...line, cell]);
  return lines;
}

/**
 * The day of the same number so many months later, or the month's last: as `sogoc certify` counts.
 * @param {string} first YYYY-MM-DD
 * @param {number} months
 */
export function lastDay(first, months) {
  const [year, month, day] = first.split("-").map(Number);
  const total = year * 12 + month - 1 + months;
  const last = new Date(Date.UTC(Math.floor(total / 12), (total % 12) + 1, 0)).getUTCDate();
  return new Date(Date.UTC(Math.floor(total / 12), total % 12, Math.min(day, last))).toISOString().slice(0, 10);
}

/** A table with the headings alone, for a spreadsheet. @param {Schema} schema */
export function emptyTable(schema) {
  return `\ufeff${[...schema.fields.map((field) => field.label.vi), "có giá trị từ", "có giá trị đến"].map((cell) => (/[",;]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\r\n`;
}
