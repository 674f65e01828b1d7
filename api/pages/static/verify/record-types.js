// Made by scripts/browser.py from the library's registry of record types; do not edit by hand.

/**
 * Field tables (docs/spec.md §8). A field is [name, whether it is required, kind]; a kind is [its name in ledger/fields.py
 * or beside its record types, then its limits in the order in which they are declared there].
 * `isChecked`: what one field means for another is judged too, when a record is read (records.js).
 * @typedef {[string, ...any[]]} Kind
 * @typedef {{roles: string[], bySuccessor: boolean, isChecked: boolean, fields: [string, boolean, Kind][]}} RecordType
 */

const SHARED = [
  "-.0123456789_abcdefghijklmnopqrstuvwxyz",
  ["audit", "citizen-request", "complaint", "correction", "inspection", "issue", "print", "verify"],
  ["consent", "contract", "court-order", "data-subject-request", "legal-duty", "public-task", "retention-over"],
  "-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
  ["conditions-ended", "decision-annulled", "holder-request", "issued-in-error", "obtained-by-deceit", "other", "replaced"],
  ["complaint", "conditions-in-doubt", "holder-request", "other", "under-review"],
  "-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz",
  ["ban-ghi-nho", "ban-thoa-thuan", "bao-cao", "bien-ban", "chi-thi", "chuong-trinh", "cong-dien", "cong-van", "de-an", "du-an", "giay-gioi-thieu", "giay-moi", "giay-nghi-phep", "giay-uy-quyen", "giay-xac-nhan", "hop-dong", "huong-dan", "ke-hoach", "khac", "nghi-quyet", "phieu-bao", "phieu-chuyen", "phieu-gui", "phuong-an", "quy-che", "quy-dinh", "quyet-dinh", "thong-bao", "thong-cao", "thu-cong", "to-trinh"],
  ["hoa-toc", "khan", "thuong-khan"],
  ["khong", "mat", "toi-mat", "tuyet-mat"],
  ["broken", "intact"],
  ["revision", "unclear", "whole-file"],
  ["none", "not-permitted", "permitted"],
  ["expired", "not-checked", "revoked", "trusted", "untrusted"],
  ["no-longer-applies", "obtained-by-fraud", "ordered", "other", "recorded-in-error", "unlawful", "wrong-content"],
  ["administrator", "auditor", "device", "inspector", "issuer", "key-manager", "office", "producer", "validator"],
  ["entry-time-ahead-ms", "key-grace-ms"],
  ["abolition", "merge", "rename", "split"],
];

/** @type {Record<string, RecordType>} */
export const RECORD_TYPES = {
  "access.log/1": {
    roles: ["auditor", "inspector", "issuer", "office"],
    bySuccessor: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["owner", true, ["Ascii", 1, 64, SHARED[0]]],
      ["item", true, ["Bytes", 32]],
      ["purpose", true, ["Choice", SHARED[1]]],
      ["legal_ground", true, ["Choice", SHARED[2]]],
      ["law", false, ["Ascii", 1, 40, SHARED[3]]],
    ],
  },
  "cert.issue/1": {
    roles: ["issuer"],
    bySuccessor: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["certificate", true, ["Bytes", 16]],
      ["schema", true, ["Ascii", 1, 64, SHARED[0]]],
      ["claims_root", true, ["Bytes", 32]],
      ["claims_count", true, ["Integer", 1, 256]],
      ["valid_from", false, ["Date"]],
      ["valid_until", false, ["Date"]],
      ["status_index", false, ["Integer", 0, 2147483647]],
    ],
  },
  "cert.paper/1": {
    roles: ["issuer"],
    bySuccessor: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["certificate", true, ["Bytes", 16]],
      ["hash", true, ["Bytes", 32]],
    ],
  },
  "cert.reinstate/1": {
    roles: ["issuer"],
    bySuccessor: true,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["certificate", true, ["Bytes", 16]],
    ],
  },
  "cert.renew/1": {
    roles: ["issuer"],
    bySuccessor: true,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["certificate", true, ["Bytes", 16]],
      ["valid_until", true, ["Date"]],
    ],
  },
  "cert.revoke/1": {
    roles: ["issuer"],
    bySuccessor: true,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["certificate", true, ["Bytes", 16]],
      ["reason", true, ["Choice", SHARED[4]]],
    ],
  },
  "cert.suspend/1": {
    roles: ["issuer"],
    bySuccessor: true,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["certificate", true, ["Bytes", 16]],
      ["reason", true, ["Choice", SHARED[5]]],
    ],
  },
  "doc.anchor/1": {
    roles: ["issuer", "office"],
    bySuccessor: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["hash", false, ["Bytes", 32]],
      ["commitment", false, ["Bytes", 32]],
      ["media_type", false, ["MediaType"]],
      ["size", false, ["Integer", 0, 9007199254740991]],
      ["number", false, ["Ascii", 1, 20, SHARED[6]]],
      ["symbol", false, ["Text", 1, 60]],
      ["book", false, ["Ascii", 1, 64, SHARED[0]]],
      ["date", false, ["Date"]],
      ["kind", false, ["Choice", SHARED[7]]],
      ["abstract", false, ["Text", 1, 1000]],
      ["urgency", false, ["Choice", SHARED[8]]],
      ["secrecy", false, ["Choice", SHARED[9]]],
      ["number_tag", false, ["Bytes", 32]],
      ["continues", false, ["Bytes", 32]],
    ],
  },
  "doc.copy/1": {
    roles: ["issuer", "office"],
    bySuccessor: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["commitment", true, ["Bytes", 32]],
      ["number_tag", false, ["Bytes", 32]],
      ["continues", false, ["Bytes", 32]],
      ["original", false, ["Bytes", 32]],
      ["original_authority", false, ["Ascii", 1, 64, SHARED[0]]],
    ],
  },
  "doc.correct/1": {
    roles: ["issuer", "office"],
    bySuccessor: true,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["document", true, ["Bytes", 32]],
      ["by", true, ["Bytes", 32]],
      ["by_authority", false, ["Ascii", 1, 64, SHARED[0]]],
    ],
  },
  "doc.paper/1": {
    roles: ["issuer", "office"],
    bySuccessor: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["document", true, ["Bytes", 32]],
      ["hash", true, ["Bytes", 32]],
    ],
  },
  "doc.signatures/1": {
    roles: ["issuer", "office"],
    bySuccessor: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["document", true, ["Bytes", 32]],
      ["count", true, ["Integer", 0, 64]],
      ["position", false, ["Integer", 1, 64]],
      ["certificate", false, ["Bytes", 32]],
      ["signed_ms", false, ["Integer", 0, 9007199254740991]],
      ["integrity", false, ["Choice", SHARED[10]]],
      ["coverage", false, ["Choice", SHARED[11]]],
      ["changes", false, ["Choice", SHARED[12]]],
      ["trust", false, ["Choice", SHARED[13]]],
    ],
  },
  "doc.supersede/1": {
    roles: ["issuer", "office"],
    bySuccessor: true,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["document", true, ["Bytes", 32]],
      ["by", true, ["Bytes", 32]],
      ["by_authority", false, ["Ascii", 1, 64, SHARED[0]]],
    ],
  },
  "doc.withdraw/1": {
    roles: ["issuer", "office"],
    bySuccessor: true,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["document", true, ["Bytes", 32]],
      ["reason", true, ["Choice", SHARED[14]]],
    ],
  },
  "erase.tombstone/1": {
    roles: ["issuer", "office"],
    bySuccessor: true,
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
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["proposal", true, ["Bytes", 32]],
    ],
  },
  "key.register/1": {
    roles: ["administrator", "key-manager"],
    bySuccessor: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["member", true, ["Ascii", 1, 64, SHARED[0]]],
      ["key", true, ["Bytes", 32]],
      ["roles", true, ["ChoiceList", SHARED[15]]],
      ["possession", true, ["Bytes", 64]],
      ["until_ms", false, ["Integer", 0, 9007199254740991]],
    ],
  },
  "key.retire/1": {
    roles: ["administrator", "auditor", "device", "inspector", "issuer", "key-manager", "office", "producer", "validator"],
    bySuccessor: false,
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
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["member", true, ["Ascii", 1, 64, SHARED[0]]],
      ["name", true, ["Text", 1, 200]],
      ["roles", true, ["ChoiceList", SHARED[15]]],
      ["key", false, ["Bytes", 32]],
      ["possession", false, ["Bytes", 64]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
  "member.roles/1": {
    roles: ["administrator"],
    bySuccessor: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["member", true, ["Ascii", 1, 64, SHARED[0]]],
      ["roles", true, ["ChoiceList", SHARED[15]]],
      ["key", false, ["Bytes", 32]],
      ["possession", false, ["Bytes", 64]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
  "parameter.set/1": {
    roles: ["administrator"],
    bySuccessor: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["name", true, ["Choice", SHARED[16]]],
      ["value", true, ["Integer", 0, 7776000000]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
  "succession.cancel/1": {
    roles: ["administrator", "key-manager"],
    bySuccessor: false,
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
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["predecessor", true, ["Ascii", 1, 64, SHARED[0]]],
      ["successors", true, ["IdentifierList", 1, 8]],
      ["effective_ms", true, ["Integer", 0, 9007199254740991]],
      ["kind", true, ["Choice", SHARED[17]]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
  "succession.handover/1": {
    roles: ["administrator", "key-manager"],
    bySuccessor: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["successors", true, ["IdentifierList", 1, 8]],
      ["effective_ms", true, ["Integer", 0, 9007199254740991]],
      ["kind", true, ["Choice", SHARED[17]]],
      ["decision", false, ["Text", 1, 200]],
    ],
  },
};

/** Least and greatest value of each parameter, in milliseconds. @type {Record<string, number[]>} */
export const PARAMETER_BOUNDS = {"entry-time-ahead-ms": [0, 86400000], "key-grace-ms": [0, 7776000000]};

export const ROLES = ["administrator", "auditor", "device", "inspector", "issuer", "key-manager", "office", "producer", "validator"];
