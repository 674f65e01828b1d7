// Made by scripts/browser.py from the library's registry of record types; do not edit by hand.

/** @typedef {import("./record-types.js").RecordType} RecordType */

const SHARED = [
  "-.0123456789_abcdefghijklmnopqrstuvwxyz",
  ["audit", "citizen-request", "complaint", "correction", "inspection", "issue", "print", "verify"],
  ["consent", "contract", "court-order", "data-subject-request", "legal-duty", "public-task", "retention-over"],
  "-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
  ["administrator", "auditor", "device", "inspector", "issuer", "key-manager", "office", "producer", "validator"],
  ["entry-time-ahead-ms", "key-grace-ms"],
  ["abolition", "merge", "rename", "split"],
  "-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz",
];

/** @type {Record<string, RecordType>} */
export const RECORD_TYPES = {
  "access.log/1": {
    roles: ["auditor", "inspector", "issuer", "office"],
    bySuccessor: false,
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["owner", true, ["Ascii", 1, 64, SHARED[0]]],
      ["item", true, ["Bytes", 32]],
      ["nonce", true, ["Bytes", 16]],
      ["purpose", true, ["Choice", SHARED[1]]],
      ["legal_ground", true, ["Choice", SHARED[2]]],
      ["law", false, ["Ascii", 1, 40, SHARED[3]]],
    ],
  },
  "checkpoint.witness/1": {
    roles: ["administrator", "auditor", "validator"],
    bySuccessor: false,
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["origin", true, ["Text", 1, 255]],
      ["size", true, ["Integer", 0, 9007199254740991]],
      ["root", true, ["Bytes", 32]],
      ["cosigned_s", true, ["Integer", 0, 9007199254740991]],
    ],
  },
  "erase.tombstone/1": {
    roles: ["issuer", "office"],
    bySuccessor: true,
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["item", true, ["Bytes", 32]],
      ["legal_ground", true, ["Choice", SHARED[2]]],
      ["law", false, ["Ascii", 1, 40, SHARED[3]]],
    ],
  },
  "governance.approve/1": {
    roles: ["administrator"],
    bySuccessor: false,
    isSingle: true,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["proposer", true, ["Ascii", 1, 64, SHARED[0]]],
      ["proposal", true, ["Bytes", 32]],
    ],
  },
  "governance.propose/1": {
    roles: ["administrator", "key-manager"],
    bySuccessor: false,
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["action", true, ["ActionBytes", 4096]],
      ["expires_ms", true, ["Integer", 0, 9007199254740991]],
    ],
  },
  "governance.withdraw/1": {
    roles: ["administrator", "key-manager"],
    bySuccessor: false,
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["proposal", true, ["Bytes", 32]],
    ],
  },
  "key.register/1": {
    roles: ["administrator", "key-manager"],
    bySuccessor: false,
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["member", true, ["Ascii", 1, 64, SHARED[0]]],
      ["key", true, ["Bytes", 32]],
      ["roles", true, ["ChoiceList", SHARED[4]]],
      ["possession", true, ["Bytes", 64]],
      ["until_ms", false, ["Integer", 0, 9007199254740991]],
    ],
  },
  "key.retire/1": {
    roles: ["administrator", "auditor", "device", "inspector", "issuer", "key-manager", "office", "producer", "validator"],
    bySuccessor: false,
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["member", true, ["Ascii", 1, 64, SHARED[0]]],
      ["key", true, ["Bytes", 32]],
    ],
  },
  "key.revoke/1": {
    roles: ["administrator", "auditor", "device", "inspector", "issuer", "key-manager", "office", "producer", "validator"],
    bySuccessor: false,
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["member", true, ["Ascii", 1, 64, SHARED[0]]],
      ["key", true, ["Bytes", 32]],
      ["from_ms", true, ["Integer", 0, 9007199254740991]],
    ],
  },
  "key.rotate/1": {
    roles: ["administrator", "auditor", "device", "inspector", "issuer", "key-manager", "office", "producer", "validator"],
    bySuccessor: false,
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["key", true, ["Bytes", 32]],
      ["possession", true, ["Bytes", 64]],
    ],
  },
  "member.register/1": {
    roles: ["administrator"],
    bySuccessor: false,
    isSingle: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["member", true, ["Ascii", 1, 64, SHARED[0]]],
      ["name", true, ["Text", 1, 200]],
      ["roles", true, ["ChoiceList", SHARED[4]]],
      ["key", false, ["Bytes", 32]],
      ["possession", false, ["Bytes", 64]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
  "member.roles/1": {
    roles: ["administrator"],
    bySuccessor: false,
    isSingle: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["member", true, ["Ascii", 1, 64, SHARED[0]]],
      ["roles", true, ["ChoiceList", SHARED[4]]],
      ["key", false, ["Bytes", 32]],
      ["possession", false, ["Bytes", 64]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
  "parameter.set/1": {
    roles: ["administrator"],
    bySuccessor: false,
    isSingle: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["name", true, ["Choice", SHARED[5]]],
      ["value", true, ["Integer", 0, 7776000000]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
  "succession.cancel/1": {
    roles: ["administrator", "key-manager"],
    bySuccessor: false,
    isSingle: true,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["predecessor", true, ["Ascii", 1, 64, SHARED[0]]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
  "succession.declare/1": {
    roles: ["administrator"],
    bySuccessor: false,
    isSingle: true,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["predecessor", true, ["Ascii", 1, 64, SHARED[0]]],
      ["successors", true, ["IdentifierList", 1, 8]],
      ["effective_ms", true, ["Integer", 0, 9007199254740991]],
      ["kind", true, ["Choice", SHARED[6]]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
  "succession.handover/1": {
    roles: ["administrator", "key-manager"],
    bySuccessor: false,
    isSingle: true,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["successors", true, ["IdentifierList", 1, 8]],
      ["effective_ms", true, ["Integer", 0, 9007199254740991]],
      ["kind", true, ["Choice", SHARED[6]]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
  "validator.set/1": {
    roles: ["administrator"],
    bySuccessor: false,
    isSingle: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["set", true, ["Integer", 0, 9007199254740991]],
      ["validator", false, ["Ascii", 1, 200, SHARED[7]]],
      ["engine_key", false, ["Bytes", 32]],
      ["engine_possession", false, ["Bytes", 64]],
      ["header_key", false, ["Bytes", 32]],
      ["header_possession", false, ["Bytes", 64]],
      ["log_key", false, ["Bytes", 32]],
      ["log_possession", false, ["Bytes", 64]],
      ["cosigning_key", false, ["Bytes", 32]],
      ["cosigning_possession", false, ["Bytes", 64]],
      ["witness_key", false, ["Bytes", 32]],
      ["witness_possession", false, ["Bytes", 64]],
      ["leaves", false, ["Text", 1, 200]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
};

/** Least and greatest value of each parameter, in milliseconds. @type {Record<string, number[]>} */
export const PARAMETER_BOUNDS = {"entry-time-ahead-ms": [0, 86400000], "key-grace-ms": [0, 7776000000]};

export const ROLES = ["administrator", "auditor", "device", "inspector", "issuer", "key-manager", "office", "producer", "validator"];
