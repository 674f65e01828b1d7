/**
 * Trust policies: which logs, which witnesses, and how many of them are enough (c2sp.org/tlog-policy; docs/spec.md §9).
 *
 * Rules: `log <vkey> [<url>]`, `witness <name> <vkey> [<url>]`, `group <name> all|any|<k> <name>…`, one `quorum <name>`. A
 * checkpoint passes if one listed log whose name is the checkpoint's origin signed it and the quorum cosigned it; a wrong
 * signature by any listed key spoils it, however many others are right.
 *
 * Proven times, over a group of n of which k must agree: everything "existed no later than" the min(k, n−k+1)-th smallest time;
 * its "status is as of" the smallest of the k newest. Nested groups are judged from the inside outwards, the two times apart.
 */

import { fromUtf8, toHex, toUtf8 } from "./bytes.js";
import { parseCheckpoint, verifyCosignature } from "./checkpoint.js";
import { checkPublicKey } from "./ed25519.js";
import { CannotTellError, FormatError, LedgerError } from "./errors.js";
import { COSIGNING_KEY, LOG_KEY, MLDSA_COSIGNING_KEY, parseVkey, verifyLogSignature } from "./note.js";

/** @typedef {import("./checkpoint.js").Checkpoint} Checkpoint */
/** @typedef {import("./note.js").VerifierKey} VerifierKey */
/** @typedef {{kind: "log", key: VerifierKey, url: string|null}} Log */
/** @typedef {{kind: "witness", name: string, key: VerifierKey, url: string|null}} Witness */
/** @typedef {{kind: "group", name: string, threshold: number, members: string[]}} Group */
/** @typedef {{existedByS: bigint, statusAsOfS: bigint}} Times */
/**
 * What a policy has passed. Times are in seconds since the epoch, null under `quorum none`; `cosignatures` has the policy's name of
 * each listed witness that cosigned and its newest time, in the policy's order.
 * @typedef {{checkpoint: Checkpoint, log: VerifierKey, cosignatures: [string, bigint][], existedByS: bigint|null, statusAsOfS: bigint|null}} CheckedCheckpoint
 */

/**
 * Whom a verifier trusts: one policy, or one for each epoch of a ledger's validators (epochs.js).
 * @typedef {{check: (text: string|Uint8Array) => Promise<CheckedCheckpoint>, policyAt: (size: bigint) => Policy,
 *   confirm: (size: bigint, root: Uint8Array, asOfS: bigint|null) => Promise<void>}} Trust
 */

const MAX_POLICY_BYTES = 262_144;
const MAX_LINES_OF_A_KIND = 256;
const NO_QUORUM = "none";

/** A trust policy. Make it with `Policy.parse` or `Policy.forValidators`. */
export class Policy {
  /**
   * @param {Log[]} logs
   * @param {Witness[]} witnesses
   * @param {Group[]} groups
   * @param {string} quorum
   */
  constructor(logs, witnesses, groups, quorum) {
    for (const lines of [logs, witnesses, groups]) {
      if (lines.length > MAX_LINES_OF_A_KIND) {
        throw new FormatError("policy.too-many-lines", `a policy has at most ${MAX_LINES_OF_A_KIND} lines of a kind`);
      }
    }
    this.logs = logs;
    this.witnesses = witnesses;
    this.groups = groups;
    this.quorum = quorum;
    this.byKey = indexKeys(logs, witnesses);
    checkNames(witnesses, groups, quorum);
  }

  /**
   * Read a policy file strictly. Throws FormatError (`policy.*`, `note.*`), CannotTellError for a key of an unknown type,
   * VerificationError (`key.*`) for a key that must not be used.
   * @param {string|Uint8Array} text
   * @returns {Promise<Policy>}
   */
  static async parse(text) {
    /** @type {(Log|Witness|Group)[]} */
    const lines = [];
    /** @type {Set<string>} */
    const names = new Set();
    /** @type {string|null} */
    let quorum = null;
    for (const [at, line] of policyLines(text).entries()) {
      const words = line.split(/[ \t]+/).filter((word) => word);
      if (!words.length || words[0].startsWith("#")) continue;
      try {
        if (words[0] === "quorum") {
          quorum = parseQuorum(words, quorum, names);
        } else {
          lines.push(await parseLine(words, names));
        }
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error;
        const kind = /** @type {typeof LedgerError} */ (error.constructor);
        throw new kind(error.rule, `line ${at + 1} of the policy: ${error.detail}`);
      }
    }
    if (quorum === null) {
      throw new FormatError("policy.quorum-line", "a policy has exactly one quorum line, and this one has none");
    }
    return new Policy(
      lines.filter((line) => line.kind === "log"),
      lines.filter((line) => line.kind === "witness"),
      lines.filter((line) => line.kind === "group"),
      quorum,
    );
  }

  /**
   * The policy of a chain: any validator signs as the log, and `threshold` of them cosign.
   * @param {VerifierKey[]} logs
   * @param {VerifierKey[]} witnesses
   * @param {number} threshold
   */
  static forValidators(logs, witnesses, threshold) {
    return new Policy(
      logs.map((key) => ({ kind: "log", key, url: null })),
      witnesses.map((key) => ({ kind: "witness", name: key.name, key, url: null })),
      [{ kind: "group", name: "validators", threshold, members: witnesses.map((key) => key.name) }],
      "validators",
    );
  }

  /** The policy as a file. Thresholds are written as numbers. */
  format() {
    const lines = [
      ...this.logs.map((log) => ["log", log.key.vkey, log.url]),
      ...this.witnesses.map((one) => ["witness", one.name, one.key.vkey, one.url]),
      ...this.groups.map((group) => ["group", group.name, group.threshold, ...group.members]),
      ["quorum", this.quorum],
    ];
    return lines.map((words) => `${words.filter((word) => word).join(" ")}\n`).join("");
  }

  /**
   * Check a checkpoint's signatures, and say what they prove. Throws FormatError if it is no checkpoint, VerificationError if
   * any signature by a listed key is wrong, CannotTellError (`policy.no-log-signature`, `policy.quorum-missing`).
   * @param {string|Uint8Array} text
   * @returns {Promise<CheckedCheckpoint>}
   */
  async check(text) {
    const checkpoint = parseCheckpoint(text);
    /** @type {VerifierKey|null} */
    let signer = null;
    /** @type {Map<string, bigint>} */
    const times = new Map();
    for (const signature of checkpoint.note.signatures) {
      const line = this.byKey.get(address(signature.name, signature.keyId));
      if (line === undefined || line.key.type === MLDSA_COSIGNING_KEY) continue;
      if (line.kind === "log") {
        await verifyLogSignature(checkpoint.note.text, signature, line.key);
        if (signer === null && line.key.name === checkpoint.origin) {
          signer = line.key;
        }
      } else {
        const time = await verifyCosignature(checkpoint.note.text, signature, line.key);
        // A witness may cosign one tree again to keep it fresh: it still counts once.
        const before = times.get(line.name);
        times.set(line.name, before === undefined || time > before ? time : before);
      }
    }
    if (signer === null) {
      throw new CannotTellError("policy.no-log-signature", `no log of this policy named ${checkpoint.origin} signed the checkpoint`);
    }
    const proven = this.quorumTimes(times);
    return {
      checkpoint,
      log: signer,
      cosignatures: this.cosigners(times),
      existedByS: proven && proven.existedByS,
      statusAsOfS: proven && proven.statusAsOfS,
    };
  }

  /**
   * This policy: it is the same for all sizes (`Trust`).
   * @param {bigint} _size
   * @returns {Policy}
   */
  policyAt(_size) {
    return this;
  }

  /**
   * Nothing: where no keys are known to have been retired, signatures say it all (`Trust`).
   * @param {bigint} _size
   * @param {Uint8Array} _root
   * @param {bigint|null} _asOfS
   * @returns {Promise<void>}
   */
  async confirm(_size, _root, _asOfS) {}

  /**
   * Times by witness, in the policy's order.
   * @param {Map<string, bigint>} times
   * @returns {[string, bigint][]}
   */
  cosigners(times) {
    return this.witnesses.flatMap(({ name }) => {
      const time = times.get(name);
      return time === undefined ? [] : [/** @type {[string, bigint]} */ ([name, time])];
    });
  }

  /**
   * The proven times of the quorum; null for `quorum none`.
   * @param {Map<string, bigint>} times
   * @returns {Times|null}
   */
  quorumTimes(times) {
    if (this.quorum === NO_QUORUM) return null;
    /** @type {Map<string, Times>} */
    const proven = new Map();
    for (const [name, time] of times) {
      proven.set(name, { existedByS: time, statusAsOfS: time });
    }
    // A group names only what stands above it, so one pass in order meets every member before its group.
    for (const group of this.groups) {
      const members = group.members.flatMap((name) => proven.get(name) ?? []);
      if (members.length >= group.threshold) {
        proven.set(group.name, groupTimes(members, group.threshold, group.members.length));
      }
    }
    const found = proven.get(this.quorum);
    if (found === undefined) {
      const signed = [...times.keys()].sort().join(", ") || "nobody";
      throw new CannotTellError("policy.quorum-missing", `the quorum ${this.quorum} did not cosign; of the listed witnesses there signed: ${signed}`);
    }
    return found;
  }
}

/**
 * How many of `validators` must cosign: ⌊2n/3⌋ + 1.
 * @param {number} validators at least 1
 */
export function quorumSize(validators) {
  if (validators < 1) {
    throw new FormatError("policy.threshold", "there is no quorum of no validators");
  }
  return Math.floor((2 * validators) / 3) + 1;
}

/**
 * @param {Times[]} members
 * @param {number} threshold
 * @param {number} size
 * @returns {Times}
 */
function groupTimes(members, threshold, size) {
  const ascending = (/** @type {bigint} */ a, /** @type {bigint} */ b) => (a < b ? -1 : Number(a > b));
  const existed = members.map((times) => times.existedByS).sort(ascending);
  const status = members.map((times) => times.statusAsOfS).sort(ascending);
  return { existedByS: existed[Math.min(threshold, size - threshold + 1) - 1], statusAsOfS: status[status.length - threshold] };
}

/**
 * The lines of a policy. Names are opaque octets: those that are not UTF-8 are held as U+DC80 … U+DCFF, one to one.
 * @param {string|Uint8Array} text
 * @returns {string[]}
 */
function policyLines(text) {
  const octets = typeof text === "string" ? escapedOctets(text) : text;
  if (octets.length > MAX_POLICY_BYTES) {
    throw new FormatError("policy.too-large", `a policy has at most ${MAX_POLICY_BYTES} bytes`);
  }
  if (octets.some((octet) => (octet < 0x20 && octet !== 0x09 && octet !== 0x0a) || octet === 0x7f)) {
    throw new FormatError("policy.character", "a policy has no control character but tab and newline");
  }
  const read = escapedText(octets);
  if (read && !read.endsWith("\n")) {
    throw new FormatError("policy.no-final-newline", "every line of a policy ends in a newline; the last one does not");
  }
  return read.split("\n").slice(0, -1);
}

/**
 * Octets of a text, in which U+DC80 … U+DCFF stand for octets that are not UTF-8.
 * @param {string} text
 * @returns {Uint8Array}
 */
function escapedOctets(text) {
  if (text.length > MAX_POLICY_BYTES) {
    throw new FormatError("policy.too-large", `a policy has at most ${MAX_POLICY_BYTES} bytes`);
  }
  const octets = [];
  for (const character of text) {
    const code = /** @type {number} */ (character.codePointAt(0));
    if (code >= 0xdc80 && code <= 0xdcff) {
      octets.push(code - 0xdc00);
    } else {
      octets.push(...toUtf8(character, "policy.character"));
    }
  }
  return Uint8Array.from(octets);
}

/**
 * @param {Uint8Array} octets
 * @returns {string}
 */
function escapedText(octets) {
  try {
    return fromUtf8(octets, "policy.character");
  } catch {
    // Octet by octet: what begins no well-formed sequence stands for itself.
    let text = "";
    for (let at = 0; at < octets.length; ) {
      const length = octets[at] < 0x80 ? 1 : octets[at] < 0xe0 ? 2 : octets[at] < 0xf0 ? 3 : 4;
      const character = sequence(octets.subarray(at, at + length));
      text += character ?? String.fromCharCode(0xdc00 + octets[at]);
      at += character === null ? 1 : length;
    }
    return text;
  }
}

/**
 * @param {Uint8Array} octets
 * @returns {string|null}
 */
function sequence(octets) {
  try {
    return fromUtf8(octets, "policy.character");
  } catch {
    return null;
  }
}

/**
 * Read a log, witness or group line, and add the name it defines to `names`.
 * @param {string[]} words
 * @param {Set<string>} names
 * @returns {Promise<Log|Witness|Group>}
 */
async function parseLine(words, names) {
  const [keyword, ...items] = words;
  if (keyword === "log" && (items.length === 1 || items.length === 2)) {
    return { kind: "log", key: await parseKey(items[0], LOG_KEY), url: items[1] ?? null };
  }
  if (keyword === "witness" && (items.length === 2 || items.length === 3)) {
    define(items[0], names);
    return { kind: "witness", name: items[0], key: await parseKey(items[1], COSIGNING_KEY), url: items[2] ?? null };
  }
  if (keyword === "group" && items.length >= 3) {
    const [name, threshold, ...members] = items;
    for (const member of members) {
      if (!names.has(member)) {
        throw new FormatError("policy.undefined-name", `${member} is not defined above group ${name}`);
      }
    }
    define(name, names);
    return { kind: "group", name, threshold: parseThreshold(threshold, members.length), members };
  }
  if (["log", "witness", "group"].includes(keyword)) {
    throw new FormatError("policy.line", `this ${keyword} line has too few or too many items`);
  }
  throw new FormatError("policy.keyword", "a line starts with log, witness, group, quorum or #");
}

/**
 * @param {string[]} words
 * @param {string|null} quorum
 * @param {Set<string>} names
 */
function parseQuorum(words, quorum, names) {
  if (quorum !== null) {
    throw new FormatError("policy.quorum-line", "a policy has exactly one quorum line, and this is a second one");
  }
  if (words.length !== 2) {
    throw new FormatError("policy.line", "a quorum line has one name");
  }
  if (words[1] !== NO_QUORUM && !names.has(words[1])) {
    throw new FormatError("policy.undefined-name", `the quorum ${words[1]} is not defined above`);
  }
  return words[1];
}

/**
 * @param {string} text
 * @param {number} members
 */
function parseThreshold(text, members) {
  if (text === "all") return members;
  if (text === "any") return 1;
  if (!/^[1-9][0-9]{0,3}$/.test(text) || Number(text) > members) {
    throw new FormatError("policy.threshold", `a threshold is all, any, or a decimal number from 1 to ${members}`);
  }
  return Number(text);
}

/**
 * @param {string} vkey
 * @param {number} type
 */
async function parseKey(vkey, type) {
  const key = await parseVkey(vkey);
  checkKey(key, type);
  return key;
}

/**
 * @param {VerifierKey} key
 * @param {number} type
 */
function checkKey(key, type) {
  if (key.type === MLDSA_COSIGNING_KEY) return;
  if (key.type !== type) {
    throw new FormatError("policy.key-type", `key ${key.name} has type ${key.type}; on this line it is ${type} or 6`);
  }
  checkPublicKey(key.publicKey);
}

/**
 * @param {string} name
 * @param {Uint8Array} keyId
 */
function address(name, keyId) {
  return `${name}+${toHex(keyId)}`;
}

/**
 * @param {Log[]} logs
 * @param {Witness[]} witnesses
 */
function indexKeys(logs, witnesses) {
  /** @type {Map<string, Log|Witness>} */
  const byKey = new Map();
  for (const [what, type, lines] of /** @type {[string, number, (Log|Witness)[]][]} */ ([["log", LOG_KEY, logs], ["witness", COSIGNING_KEY, witnesses]])) {
    if (new Set(lines.map((line) => toHex(line.key.publicKey))).size !== lines.length) {
      throw new FormatError("policy.duplicate-key", `two ${what} lines list the same public key`);
    }
    for (const line of lines) {
      checkKey(line.key, type);
      const at = address(line.key.name, line.key.keyId);
      if (byKey.has(at)) {
        // Four bytes can be made to collide. Then a line in a note would not say which key it is by.
        throw new FormatError("policy.key-id-collision", `two keys named ${line.key.name} have the same key id`);
      }
      byKey.set(at, line);
    }
  }
  return byKey;
}

/**
 * @param {Witness[]} witnesses
 * @param {Group[]} groups
 * @param {string} quorum
 */
function checkNames(witnesses, groups, quorum) {
  /** @type {Set<string>} */
  const names = new Set();
  /** @type {Set<string>} */
  const members = new Set();
  for (const witness of witnesses) {
    define(witness.name, names);
  }
  for (const group of groups) {
    if (group.threshold < 1 || group.threshold > group.members.length) {
      throw new FormatError("policy.threshold", `the threshold of group ${group.name} is from 1 to ${group.members.length}, not ${group.threshold}`);
    }
    for (const member of group.members) {
      if (!names.has(member)) {
        throw new FormatError("policy.undefined-name", `${member} is not defined above group ${group.name}`);
      }
      if (members.has(member)) {
        throw new FormatError("policy.duplicate-member", `${member} is a member twice; a name may be a member of one group, once`);
      }
      members.add(member);
    }
    define(group.name, names);
  }
  if (quorum !== NO_QUORUM && !names.has(quorum)) {
    throw new FormatError("policy.undefined-name", `the quorum ${quorum} is not defined`);
  }
}

/**
 * @param {string} name
 * @param {Set<string>} names
 */
function define(name, names) {
  if (name === NO_QUORUM) {
    throw new FormatError("policy.reserved-name", "the name none is predefined");
  }
  if (names.has(name)) {
    throw new FormatError("policy.duplicate-name", `${name} is defined twice`);
  }
  names.add(name);
}
