// Made by scripts/browser.py from the library's registry of record types; do not edit by hand.

/**
 * Field tables (docs/spec.md §8). A field is [name, whether it is required, kind]; a kind is [its name in ledger/fields.py
 * or beside its record types, then its limits in the order in which they are declared there].
 * `isSingle`: an entry holds one record of all such types at most.
 * `isChecked`: what one field means for another is judged too, when a record is read (records.js).
 * @typedef {[string, ...any[]]} Kind
 * @typedef {{roles: string[], bySuccessor: boolean, isSingle: boolean, isChecked: boolean,
 *   fields: [string, boolean, Kind][]}} RecordType
 */

const SHARED = [
  "-.0123456789_abcdefghijklmnopqrstuvwxyz",
  "-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz",
  ["conditions-ended", "decision-annulled", "holder-request", "issued-in-error", "obtained-by-deceit", "other", "replaced"],
  ["complaint", "conditions-in-doubt", "holder-request", "other", "under-review"],
  ["ban-ghi-nho", "ban-thoa-thuan", "bao-cao", "bien-ban", "chi-thi", "chuong-trinh", "cong-dien", "cong-van", "de-an", "du-an", "giay-gioi-thieu", "giay-moi", "giay-nghi-phep", "giay-uy-quyen", "giay-xac-nhan", "hop-dong", "huong-dan", "ke-hoach", "khac", "nghi-quyet", "phieu-bao", "phieu-chuyen", "phieu-gui", "phuong-an", "quy-che", "quy-dinh", "quyet-dinh", "thong-bao", "thong-cao", "thu-cong", "to-trinh"],
  ["hoa-toc", "khan", "thuong-khan"],
  ["khong", "mat", "toi-mat", "tuyet-mat"],
  ["broken", "intact"],
  ["revision", "unclear", "whole-file"],
  ["none", "not-permitted", "permitted"],
  ["expired", "not-checked", "revoked", "trusted", "untrusted"],
  ["no-longer-applies", "obtained-by-fraud", "ordered", "other", "recorded-in-error", "unlawful", "wrong-content"],
];

/** @type {Record<string, RecordType>} */
export const RECORD_TYPES = {
  "cert.issue/1": {
    roles: ["issuer"],
    bySuccessor: false,
    isSingle: false,
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
    isSingle: false,
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
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["certificate", true, ["Bytes", 16]],
      ["decision", false, ["Ascii", 1, 40, SHARED[1]]],
    ],
  },
  "cert.renew/1": {
    roles: ["issuer"],
    bySuccessor: true,
    isSingle: false,
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
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["certificate", true, ["Bytes", 16]],
      ["reason", true, ["Choice", SHARED[2]]],
    ],
  },
  "cert.suspend/1": {
    roles: ["issuer"],
    bySuccessor: true,
    isSingle: false,
    isChecked: false,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["certificate", true, ["Bytes", 16]],
      ["reason", true, ["Choice", SHARED[3]]],
    ],
  },
  "doc.anchor/1": {
    roles: ["inspector", "issuer", "office"],
    bySuccessor: false,
    isSingle: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["hash", false, ["Bytes", 32]],
      ["commitment", false, ["Bytes", 32]],
      ["media_type", false, ["MediaType"]],
      ["size", false, ["Integer", 0, 9007199254740991]],
      ["number", false, ["Ascii", 1, 20, SHARED[1]]],
      ["symbol", false, ["Text", 1, 60]],
      ["book", false, ["Ascii", 1, 64, SHARED[0]]],
      ["date", false, ["Date"]],
      ["kind", false, ["Choice", SHARED[4]]],
      ["abstract", false, ["Text", 1, 1000]],
      ["urgency", false, ["Choice", SHARED[5]]],
      ["secrecy", false, ["Choice", SHARED[6]]],
      ["number_tag", false, ["Bytes", 32]],
      ["continues", false, ["Bytes", 32]],
    ],
  },
  "doc.copy/1": {
    roles: ["issuer", "office"],
    bySuccessor: false,
    isSingle: false,
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
    roles: ["inspector", "issuer", "office"],
    bySuccessor: true,
    isSingle: false,
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
    isSingle: false,
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
    isSingle: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["document", true, ["Bytes", 32]],
      ["count", true, ["Integer", 0, 64]],
      ["position", false, ["Integer", 1, 64]],
      ["certificate", false, ["Bytes", 32]],
      ["signed_ms", false, ["Integer", 0, 9007199254740991]],
      ["integrity", false, ["Choice", SHARED[7]]],
      ["coverage", false, ["Choice", SHARED[8]]],
      ["changes", false, ["Choice", SHARED[9]]],
      ["trust", false, ["Choice", SHARED[10]]],
    ],
  },
  "doc.supersede/1": {
    roles: ["inspector", "issuer", "office"],
    bySuccessor: true,
    isSingle: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["document", true, ["Bytes", 32]],
      ["by", true, ["Bytes", 32]],
      ["by_authority", false, ["Ascii", 1, 64, SHARED[0]]],
    ],
  },
  "doc.withdraw/1": {
    roles: ["inspector", "issuer", "office"],
    bySuccessor: true,
    isSingle: false,
    isChecked: true,
    fields: [
      ["authority", true, ["Ascii", 1, 64, SHARED[0]]],
      ["document", true, ["Bytes", 32]],
      ["reason", true, ["Choice", SHARED[11]]],
    ],
  },
};

/** The family of a type by its first word. @type {Record<string, string>} */
export const FAMILIES = {"access": "governance", "cert": "papers", "checkpoint": "governance", "doc": "papers", "epcis": "goods", "erase": "governance", "governance": "governance", "key": "governance", "lot": "goods", "member": "governance", "parameter": "governance", "place": "goods", "product": "goods", "succession": "governance", "validator": "governance"};
