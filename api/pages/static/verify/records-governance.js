/**
 * Records of members, keys, governance, succession, validators, of other ledgers that were witnessed, and of looks into the vault: what
 * their fields mean for one another, and what they are about.
 *
 * Rules: as in records.js, which loads this with the first record that needs it; a page that makes such records imports it at once.
 */

import { toHex, toUtf8 } from "./bytes.js";
import { RefusedError } from "./errors.js";
import { leafHash, sha256 } from "./hash.js";
import { PARAMETER_BOUNDS, RECORD_TYPES } from "./record-types-governance.js";
import { about, learn } from "./records.js";

/** @typedef {import("./records.js").Body} Body */

const member = about("member", "member", "member");
const key = about("key", "member", "key");
const predecessor = about("member", "predecessor", "predecessor");

/** @param {Body} body */
function checkPair(body) {
  if (body.has("key") !== body.has("possession")) {
    throw new RefusedError("member.key-pair", "a key and the signature that shows its possession go together");
  }
}

/** @param {Body} body */
function checkAdmission(body) {
  checkPair(body);
  if (body.get("roles").includes("administrator") && !body.has("key")) {
    throw new RefusedError("member.key-missing", "who becomes an administrator shows a key that can vote");
  }
}

/** @param {Body} body */
function checkParameter(body) {
  const [least, greatest] = PARAMETER_BOUNDS[body.get("name")];
  if (body.get("value") < least || body.get("value") > greatest) {
    throw new RefusedError("parameter.range", `${body.get("name")} is from ${least} to ${greatest}, not ${body.get("value")}`);
  }
}

/** @param {string} predecessor the field that names who ends */
const checkSuccession = (predecessor) => (/** @type {Body} */ body) => {
  const successors = body.get("successors");
  if (successors.includes(body.get(predecessor))) {
    throw new RefusedError("succession.itself", "an authority cannot succeed itself");
  }
  const single = ["merge", "rename"].includes(body.get("kind"));
  if ((single && successors.length !== 1) || (body.get("kind") === "split" && successors.length < 2)) {
    throw new RefusedError("succession.kind", "a merger or a new name has one successor, a split at least two");
  }
};

const PURPOSES = ["engine", "header", "log", "cosigning", "witness"];

/** @param {Body} body */
function checkValidator(body) {
  if (PURPOSES.some((one) => body.has(`${one}_key`) !== body.has(`${one}_possession`))) {
    throw new RefusedError("validator.key-pair", "a key and the signature that shows its possession go together");
  }
  const given = PURPOSES.filter((one) => body.has(`${one}_key`)).map((one) => toHex(body.get(`${one}_key`)));
  if (body.has("validator") !== given.length > 0) {
    throw new RefusedError("validator.keys-missing", "a validator is named together with the keys that it gets, and only then");
  }
  if (!given.length && !body.has("leaves")) {
    throw new RefusedError("validator.nothing", "the record changes nothing: name who comes or who leaves");
  }
  if (["none", "validators"].includes(body.get("validator"))) {
    throw new RefusedError("validator.name", "no validator is called none or validators");
  }
  if (body.has("leaves") && body.get("leaves") === body.get("validator")) {
    throw new RefusedError("validator.name", "who gets keys does not leave");
  }
  if (new Set(given).size !== given.length) {
    throw new RefusedError("validator.key-used", "one key may make one kind of statement only: all keys differ");
  }
}

/** @param {Body} body */
async function otherLedger(body) {
  const origin = toUtf8(body.get("origin"), "record.field-alphabet");
  return { kind: "ledger", authority: body.get("authority"), identifier: await sha256(origin) };
}

learn("governance", RECORD_TYPES, {
  "access.log/1": [about("access", "owner", "item")],
  "checkpoint.witness/1": [otherLedger],
  "erase.tombstone/1": [about("erasure", "authority", "item")],
  "governance.approve/1": [about("proposal", "proposer", "proposal")],
  "governance.propose/1": [async (body, raw) => ({ kind: "proposal", authority: body.get("authority"), identifier: await leafHash(raw) })],
  "governance.withdraw/1": [about("proposal", "authority", "proposal")],
  "key.register/1": [key],
  "key.retire/1": [key],
  "key.revoke/1": [key],
  "key.rotate/1": [about("key", "authority", "key")],
  "member.register/1": [member, checkAdmission],
  "member.roles/1": [member, checkPair],
  "parameter.set/1": [about("parameter", "name", "name"), checkParameter],
  "succession.cancel/1": [predecessor],
  "succession.declare/1": [predecessor, checkSuccession("predecessor")],
  "succession.handover/1": [about("member", "authority", "authority"), checkSuccession("authority")],
  "validator.set/1": [() => ({ kind: "validators", authority: "validators", identifier: "validators" }), checkValidator],
});
