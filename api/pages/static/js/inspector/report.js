/**
 * An inspector's report on a thing that this device has checked: a file, signed and dated by anchoring it (`doc.anchor/1`).
 *
 * Rules: only what was checked is reported, and the report names the checkpoint that it is of. What is sent is its hash. The
 * key is the one that the office page keeps in this browser; nothing else of that page's is touched. What was signed is sent
 * again as the same bytes, so that nothing is recorded twice.
 */

import { LedgerError, encodeRecord, fromHex, sha256, toHex } from "../../verify/index.js";
import { buildEntry } from "../../verify/submission.js";
import { askJson } from "../ask.js";
import { button, el, icon, save, say } from "../dom.js";
import { desk, nameOf, refresh } from "../office/desk.js";
import { random, signWith } from "../office/keys.js";
import { receiptsOf, submit } from "../office/node.js";
import { zipped } from "../office/zip.js";

const TYPE = "doc.anchor/1";
const MEDIA = "application/json";
const POLL_MS = 2_000;
const POLLS = 30;

/**
 * @param {import("../trace/proof.js").ProvenTrace} trace
 * @param {string} direction
 * @returns {Uint8Array} the report for programs; its form is that of `sogoc findings --report`
 */
export function reportOf(trace, direction) {
  const { checkpoint } = trace.checked;
  const report = {
    format: "sogoc-origin-report/1", item: trace.item, as_of_ms: trace.asOfMs, direction,
    ledger: { origin: checkpoint.origin, size: Number(checkpoint.size), root: toHex(checkpoint.root) },
    verified: { histories: trace.histories.size, records: trace.records },
    complete: trace.isWhole && trace.answer.truncated === false,
    // Whether this device found the same sums of the thing itself. The findings were computed by the node; the proof beside the
    // report lets anybody compute them again (`sogoc findings --check`).
    sums: trace.sums,
    findings_by: "node",
    findings: trace.findings.map(({ rule, severity, items, records, figures, vi, en, isProven }) => ({ rule, severity, items, records, figures, vi, en, records_verified: isProven })),
    trace: trace.answer,
  };
  return new TextEncoder().encode(`${JSON.stringify(report, null, 1)}\n`);
}

/**
 * The part of a lot's page that signs.
 * @param {import("../trace/proof.js").ProvenTrace} trace
 * @param {string} direction
 * @param {Uint8Array} proof
 */
export function reportPanel(trace, direction, proof) {
  const place = el("div", { role: "status" });
  const who = el("div");
  const name = `bao-cao-${trace.item.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 80)}`;
  const data = reportOf(trace, direction);
  /** @type {{id: string, recordId: string, submission: Uint8Array}|null} */
  let signed = null;
  const go = button("in.report.sign", { kind: "primary", icon: "lock", id: "sign-report", onclick: () => work() });
  const whole = el("section", { class: "card no-print", id: "report" }, say("in.report", "h3"), say("in.report.text", "p", { class: "small" }), who, place);
  show();

  async function show() {
    const key = await inspectorKey();
    who.replaceChildren(...(key
      ? [el("p", {}, say("in.report.as"), " ", el("strong", {}, nameOf(key.member))), el("div", { class: "buttons" }, go)]
      : [el("p", { id: "no-key" }, say("in.report.no-key"), " ", el("a", { href: "/van-phong#khoa" }, say("in.report.bring")))]));
  }

  async function work() {
    if (go.hasAttribute("disabled")) return;
    go.setAttribute("disabled", "");
    place.replaceChildren(say("in.report.busy", "p", { class: "soft" }));
    try {
      const key = await inspectorKey();
      if (!key) return await show();
      signed ??= await entryOf(key, data);
      await sent(signed);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      refused(error.rule, error.detail);
    } finally {
      go.removeAttribute("disabled");
    }
  }

  /** @param {{id: string, recordId: string, submission: Uint8Array}} entry */
  async function sent(entry) {
    const answer = await submit(entry.submission);
    if (answer.kind === "refused") {
      signed = null;
      refused(answer.problem.code, answer.problem.detail);
      return;
    }
    let status = answer.kind === "ok" ? answer.value.status : "";
    for (let polls = 0; answer.kind === "ok" && status !== "final" && polls < POLLS; polls += 1) {
      const now = await askJson(`/v1/entries/${entry.id}`);
      if (now.kind === "ok" && now.value.status === "refused") {
        signed = null;
        refused(String(now.value.refusal?.code), String(now.value.refusal?.detail));
        return;
      }
      status = now.kind === "ok" ? now.value.status : status;
      if (status !== "final") await new Promise((done) => setTimeout(done, POLL_MS));
    }
    const receipt = status === "final" ? (await receiptsOf([entry.recordId])).get(entry.recordId) : undefined;
    if (receipt === undefined) {
      place.replaceChildren(say("in.report.later", "p", { class: "note warn", role: "alert", id: "report-later" }));
      return;
    }
    const hand = () => save(`${name}.zip`, /** @type {any} */ (zipped([{ name: `${name}.json`, content: data }, { name: `${name}.json.tlog-proof`, content: receipt }, { name: `${name}.sogoc-trace`, content: proof }])), "application/zip");
    hand();
    go.hidden = true;
    place.replaceChildren(el("div", { class: "note", id: "report-signed", "data-record": entry.recordId }, el("p", {}, icon("check"), " ", say("in.report.done", "strong")), say("in.report.files", "p", { class: "small" }),
      el("div", { class: "buttons" }, button("in.report.again", { icon: "save", kind: "small", onclick: hand }))));
  }

  /** @param {string} code @param {string} detail */
  function refused(code, detail) {
    place.replaceChildren(el("div", { class: "note alarm", role: "alert", "data-code": code }, say("in.report.refused", "p"), el("p", { class: "small" }, el("code", {}, code), " ", el("span", { lang: "en" }, detail))));
  }

  return whole;
}

/** The key in this browser that signs as an inspector, or null. */
async function inspectorKey() {
  if (!globalThis.isSecureContext || !globalThis.indexedDB || !(await refresh())) return null;
  return desk.keys.find((key) => key.state === "ready" && key.roles.includes("inspector")) ?? null;
}

/** @param {import("../office/keys.js").OfficeKey} key @param {Uint8Array} data */
async function entryOf(key, data) {
  const record = encodeRecord(TYPE, { authority: key.member, hash: await sha256(data), media_type: MEDIA, size: data.length });
  const { id, submission, recordIds } = await buildEntry({
    chainId: fromHex(key.chainId), publicKey: fromHex(key.publicKey), sign: (message) => signWith(key, message), timeMs: Date.now(), nonce: random(16), records: [record],
  });
  return { id: toHex(id), recordId: toHex(recordIds[0]), submission };
}
