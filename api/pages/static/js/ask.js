/**
 * Asking the node. Rules: this server only, without credentials, within a time and a size; an outage, an answer that cannot be read
 * and "there is none" are three different things, and none of them is a verdict.
 */

const WAIT_MS = 15_000;
const MAX_LETTERS = 4_000_000;

/**
 * @typedef {{kind: "ok", text: string}|{kind: "missing", code: string}|{kind: "refused", code: string}|{kind: "outage"}|{kind: "garbage"}} Answer
 */

/**
 * @param {string} path
 * @returns {Promise<Answer>}
 */
export async function ask(path) {
  const answer = await fetched(path);
  if (answer === null) return { kind: "outage" };
  const { status, text } = answer;
  if (status === 200) return text.length > MAX_LETTERS ? { kind: "garbage" } : { kind: "ok", text };
  const code = problemCode(text);
  if (status === 404) return code ? { kind: "missing", code } : { kind: "garbage" };
  if (status >= 400 && status < 500 && status !== 429 && status !== 408) return { kind: "refused", code: code ?? "" };
  return { kind: "outage" };
}

/**
 * @param {string} path
 * @returns {Promise<{kind: "ok", value: any}|Exclude<Answer, {kind: "ok"}>>}
 */
export async function askJson(path) {
  const answer = await ask(path);
  if (answer.kind !== "ok") return answer;
  try {
    return { kind: "ok", value: JSON.parse(answer.text) };
  } catch {
    return { kind: "garbage" };
  }
}

/**
 * @param {string} path
 * @returns {Promise<Uint8Array|null>} null for anything but the bytes
 */
export async function askBytes(path) {
  try {
    const answer = await request(path);
    return answer.status === 200 ? new Uint8Array(await answer.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

/** @param {string} path */
async function fetched(path) {
  try {
    const answer = await request(path);
    return { status: answer.status, text: await answer.text() };
  } catch {
    return null;
  }
}

/** @param {string} path */
function request(path) {
  return fetch(path, {
    cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer", signal: timeout(),
  });
}

function timeout() {
  const control = new AbortController();
  setTimeout(() => control.abort(), WAIT_MS);
  return control.signal;
}

/** @param {string} text */
function problemCode(text) {
  try {
    const code = JSON.parse(text).code;
    return typeof code === "string" ? code : null;
  } catch {
    return null;
  }
}
