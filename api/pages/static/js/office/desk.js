/**
 * What this browser knows at the moment: which ledger, who is who on it, which keys are here and what they may sign.
 *
 * Rules: what the ledger said last is kept, so that signing goes on with no network; whether a key is in service is the ledger's to say,
 * and is asked again whenever there is a network.
 */

import { RECORD_TYPES } from "../../verify/index.js";
import "../../verify/records-governance.js";
import { askJson } from "../ask.js";
import { keep, kept } from "../store.js";
import { heldKeys, keepKey } from "./keys.js";
import { membersNow } from "./node.js";

/** @typedef {import("./keys.js").OfficeKey} OfficeKey */
/** @typedef {{id: string, name: string, roles: string[], ended_ms: number|null, predecessors: string[], successors: string[], keys: any[]}} Member */

const KEPT = "office.ledger";

/** @type {{chainId: string, origin: string, members: Member[], keys: OfficeKey[], isOnline: boolean}} */
export const desk = { chainId: "", origin: "", members: [], keys: [], isOnline: true };

/** Ask the ledger anew; false if it could not be asked and nothing is known from before. */
export async function refresh() {
  const [status, members] = await Promise.all([askJson("/v1/status"), membersNow()]);
  desk.isOnline = status.kind === "ok" && members !== null;
  if (status.kind === "ok" && members !== null) {
    keep(KEPT, { chainId: status.value.chain_id, origin: status.value.origin, members });
  }
  const known = kept(KEPT);
  if (!known) return false;
  Object.assign(desk, { chainId: known.chainId, origin: known.origin, members: known.members });
  desk.keys = await heldKeys(desk.chainId);
  if (desk.isOnline) await lookUpKeys();
  return true;
}

async function lookUpKeys() {
  for (const key of desk.keys) {
    const found = onLedger(key.publicKey);
    const state = found && isInService(found.key) && !isOver(found.member) ? "ready" : found ? "ended" : "asked";
    const member = found?.member.id ?? key.member;
    const roles = found?.key.roles ?? key.roles;
    if (state !== key.state || member !== key.member || roles.join() !== key.roles.join()) {
      Object.assign(key, { state, member, roles });
      await keepKey(key);
    }
  }
}

/** @param {string} publicKey @returns {{member: Member, key: any}|null} */
export function onLedger(publicKey) {
  for (const member of desk.members) {
    const key = member.keys.find((one) => one.public_key === publicKey);
    if (key) return { member, key };
  }
  return null;
}

/** Whether an authority has ended, and its keys with it. @param {Member} member */
function isOver(member) {
  return member.ended_ms !== null && member.ended_ms <= Date.now();
}

/** @param {any} key as the ledger lists it */
function isInService(key) {
  return key.retired_ms === null && key.revoked_ms === null && (key.until_ms === null || key.until_ms > Date.now());
}

/**
 * The key here that signs a type of record; null if there is none.
 * @param {string} type
 * @returns {OfficeKey|null}
 */
export function keyFor(type) {
  const { roles } = RECORD_TYPES[type];
  return desk.keys.find((key) => key.state === "ready" && key.roles.some((role) => roles.includes(role))) ?? null;
}

/** @param {string} id */
export function nameOf(id) {
  return desk.members.find((member) => member.id === id)?.name ?? id;
}

/**
 * Whose registers an officer of a member keeps: its own, and those of the authorities that it succeeds, nearest first.
 * @param {string} member
 * @returns {string[]}
 */
export function authoritiesOf(member) {
  const found = [member];
  for (const id of found) {
    for (const before of desk.members.find((one) => one.id === id)?.predecessors ?? []) if (!found.includes(before)) found.push(before);
  }
  return found;
}
