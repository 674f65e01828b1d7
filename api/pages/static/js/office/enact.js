/**
 * What an administrator decides: done at once, or, where it takes a quorum, proposed to the others (docs/adr/0009).
 *
 * Rules: as `sogoc member` and `sogoc governance` do it. Whether it takes a quorum is the ledger's to judge; what is asked here only chooses
 * between the record and its proposal.
 */

import { LedgerError, RECORD_TYPES, encodeRecord } from "../../verify/index.js";
import { el, say } from "../dom.js";
import { t } from "../words.js";
import { desk } from "./desk.js";
import { problemNote } from "./problems.js";
import { jobOf, onQueue, sign } from "./queue.js";
import { announce, jobTag } from "./ui.js";

/** @typedef {import("./keys.js").OfficeKey} OfficeKey */

const DAY_MS = 24 * 3_600_000;
export const DEFAULT_DAYS = 30;
const GOVERNED = ["member.register/1", "member.roles/1", "key.register/1", "key.retire/1", "key.revoke/1", "parameter.set/1", "succession.declare/1", "succession.cancel/1"];

/** The administrators of the ledger now. */
export function administrators() {
  return desk.members.filter((one) => one.roles.includes("administrator") && (one.ended_ms === null || Date.now() < one.ended_ms)).map((one) => one.id);
}

/** How many of so many administrators decide. @param {number} count */
export function quorumOf(count) {
  return Math.floor((2 * count) / 3) + 1;
}

/**
 * Whether a record by a key is for the administrators together to decide.
 * @param {OfficeKey} key
 * @param {string} type
 * @param {string} member whom it concerns
 */
export function takesQuorum(key, type, member) {
  if (!GOVERNED.includes(type) || (administrators().length < 2 && key.roles.includes("administrator"))) return false;
  // One's own keys and one's own handover are nobody else's business.
  return type.startsWith("key.") || type === "succession.cancel/1" ? member !== key.member : true;
}

/**
 * Sign a record, or the proposal of it.
 * @param {OfficeKey} key
 * @param {string} type
 * @param {Record<string, any>} body
 * @param {string} title what the list of what was signed calls it
 * @param {boolean} isProposed whether it is for the administrators together to decide
 * @returns {Promise<number>} the job's id
 */
export async function enact(key, type, body, title, isProposed = takesQuorum(key, type, body.member)) {
  const record = encoded(type, body);
  const signed = isProposed ? encodeRecord("governance.propose/1", { authority: key.member, action: record, expires_ms: Date.now() + DEFAULT_DAYS * DAY_MS }) : record;
  const [id] = await sign(key, isProposed ? "proposal" : type.startsWith("key.") ? "key" : "governance", [{ record: signed, item: { title } }]);
  return id;
}

/**
 * A record's bytes. By chance they may be the 64 that the format refuses: then the decision behind it is named as a dash.
 * @param {string} type
 * @param {Record<string, any>} body
 */
function encoded(type, body) {
  try {
    return encodeRecord(type, body);
  } catch (error) {
    const mayBeNamed = !("decision" in body) && RECORD_TYPES[type].fields.some(([name]) => name === "decision");
    if (!(error instanceof LedgerError) || error.rule !== "record.size-64" || !mayBeNamed) throw error;
    return encodeRecord(type, { ...body, decision: "-" });
  }
}

/**
 * Show how a job stands until it is final or refused.
 * @param {number} id
 * @param {HTMLElement} place
 * @param {(state: string) => void} ondone
 */
export function showJob(id, place, ondone = () => {}) {
  let said = "";
  async function show() {
    const job = await jobOf(id);
    if (!job) return;
    place.replaceChildren(el("p", { "data-job": job.state }, jobTag(job)), ...(job.problem ? [problemNote(job.problem)] : []),
      ...(job.state === "waiting" ? [say("of.job.waiting-text", "p", { class: "soft" })] : []));
    if ((job.state !== "final" && job.state !== "refused") || said === job.state) return;
    said = job.state;
    stop();
    announce(t(`of.job.${job.state}`));
    ondone(job.state);
  }
  const stop = onQueue(show);
  show();
}
