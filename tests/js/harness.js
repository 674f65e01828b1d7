/**
 * What each family of vectors asks of the verifier in the browser: the twin of tests/vectorgen/run.py. It is loaded by page.html in a
 * real browser, and by node where that is at hand; it decides nothing: the test compares what comes out with what the vector says.
 *
 * JSON has no integers beyond 2^53: on both ways they travel as {"int": "…"}.
 */

import { fromHex, toHex } from "../verify/bytes.js";
import { parseCheckpoint } from "../verify/checkpoint.js";
import { checkPublicKey, verify } from "../verify/ed25519.js";
import { Epochs, parseTransitions } from "../verify/epochs.js";
import { CannotTellError, FormatError, LedgerError, RefusedError, VerificationError } from "../verify/errors.js";
import { parseGenesisLeaf } from "../verify/genesis.js";
import { leafHash } from "../verify/hash.js";
import { parseHeaderLeaf, verifySignedHeader } from "../verify/header.js";
import * as api from "../verify/index.js";
import { verifyConsistency, verifyInclusion } from "../verify/merkle.js";
import { decode, encode } from "../verify/msgpack.js";
import { groupedCode, codeOf, parseCode, prefixOf } from "../verify/lookupcode.js";
import { parseNote } from "../verify/note.js";
import { Policy } from "../verify/policy.js";
import { parseRecord, subjectOf } from "../verify/records.js";
import { parseStateProof, verifyAbsence, verifyMembership } from "../verify/state.js";
import { buildEntry, encodeBatch, possessionMessage, verifySubmission } from "../verify/submission.js";
import { parseTlogProof } from "../verify/tlogproof.js";

/** Families of errors, the special ones first. */
const FAMILIES = [
  ["format", FormatError],
  ["verification", VerificationError],
  ["cannot-tell", CannotTellError],
  ["refused", RefusedError],
];

/** A decoded value as the vectors write it. */
function typed(value) {
  if (value instanceof Uint8Array) return { hex: toHex(value) };
  if (Array.isArray(value)) return value.map(typed);
  if (value instanceof Map) return { map: Object.fromEntries([...value].map(([name, item]) => [name, typed(item)])) };
  return value;
}

const subjectOut = ({ kind, authority, identifier }) => [kind, authority, typed(identifier)];
const textOf = (input) => input.text ?? fromHex(input.hex);
const pathOf = (input) => input.proof.map(fromHex);

/** The output of judge… in the vectors' words. */
function judged({ verdict, rule, proved }) {
  const result = { verdict, rule };
  if (proved === null) return result;
  Object.assign(result, {
    record_id: toHex(proved.recordId),
    entry_id: toHex(proved.entryId),
    index: proved.index,
    author_key: toHex(proved.authorKey),
    existed_by_s: proved.checked.existedByS,
    status_as_of_s: proved.checked.statusAsOfS,
    late: proved.late,
  });
  const { standing } = proved;
  if (standing !== null) {
    Object.assign(result, {
      member: standing.member.name,
      roles: standing.key.roles,
      status: standing.subject.status,
      since_ms: standing.subject.timeMs,
      changed_ms: standing.subject.changedMs,
      members: [...standing.members.keys()],
      disputed: standing.disputed,
    });
  }
  return result;
}

const RUNNERS = {
  encoding(input) {
    const bytes = fromHex(input.hex);
    const value = decode(bytes);
    if (toHex(encode(value)) !== input.hex) throw new Error("encode does not give back what decode read");
    return { value: typed(value) };
  },
  async signature(input) {
    await verify(fromHex(input.public_key), fromHex(input.signature), fromHex(input.message));
    return {};
  },
  "public-key"(input) {
    checkPublicKey(fromHex(input.public_key));
    return {};
  },
  async record(input) {
    const raw = fromHex(input.record);
    const record = await parseRecord(raw);
    return { type: record.type, record_id: toHex(await leafHash(raw)), authority: record.authority, subject: subjectOut(await subjectOf(record)) };
  },
  async submission(input) {
    const entry = await verifySubmission(fromHex(input.submission));
    return {
      entry_id: toHex(entry.id),
      leaf: toHex(entry.leaf),
      leaf_hash: toHex(entry.leafHash),
      record_ids: entry.recordIds.map(toHex),
      author_key: toHex(entry.body.authorKey),
      time_ms: entry.body.timeMs,
    };
  },
  async header(input) {
    const leaf = fromHex(input.leaf);
    const header = parseHeaderLeaf(leaf);
    return {
      leaf_hash: toHex(await leafHash(leaf)),
      height: header.height,
      time_ms: header.timeMs,
      index: header.index,
      size: header.size,
      chain_id: toHex(header.chainId),
      state_root: toHex(header.stateRoot),
    };
  },
  async "signed-header"(input) {
    const signed = await verifySignedHeader(fromHex(input.signed_header));
    return { leaf_hash: toHex(signed.leafHash), proposer: toHex(signed.header.proposer) };
  },
  async genesis(input) {
    const genesis = await parseGenesisLeaf(fromHex(input.leaf));
    return {
      chain_id: toHex(genesis.chainId),
      origin: genesis.origin,
      header_leaf: toHex(genesis.headerLeaf),
      state_root: toHex(genesis.stateRoot),
      tree_root: toHex(genesis.treeRoot),
      policy: genesis.policy.format(),
    };
  },
  async "policy-epochs"(input) {
    const link = input.link === null ? null : { root: fromHex(input.link.root), hashes: pathOf(input.link) };
    const found = parseTransitions(fromHex(input.transitions));
    const epochs = await Epochs.follow(await Policy.parse(input.policy), found, async () => link);
    const result = { epochs: epochs.epochs.map(({ fromSize, policy, closing }) => [fromSize, closing && closing.size, policy.format()]) };
    if (input.checkpoint === null) return result;
    const { checkpoint, statusAsOfS } = await epochs.check(input.checkpoint);
    return { ...result, size: checkpoint.size, status_as_of_s: statusAsOfS };
  },
  async inclusion(input) {
    await verifyInclusion(fromHex(input.leaf_hash), BigInt(input.index), BigInt(input.size), pathOf(input), fromHex(input.root));
    return {};
  },
  async consistency(input) {
    await verifyConsistency(BigInt(input.size1), BigInt(input.size2), pathOf(input), fromHex(input.root1), fromHex(input.root2));
    return {};
  },
  async "state-proof"(input) {
    const proof = parseStateProof(decode(fromHex(input.proof)));
    const [root, key] = [fromHex(input.state_root), fromHex(input.key)];
    if (input.value === null) {
      await verifyAbsence(root, key, proof);
    } else {
      await verifyMembership(root, key, fromHex(input.value), proof);
    }
    return { levels: proof.siblings.length };
  },
  note(input) {
    const note = parseNote(textOf(input));
    return { text: note.text, signatures: note.signatures.map((one) => [one.name, toHex(one.keyId), toHex(one.signature)]) };
  },
  checkpoint(input) {
    const { origin, size, root, extensions, note } = parseCheckpoint(textOf(input));
    return { origin, size, root: toHex(root), extensions, signatures: note.signatures.map((one) => one.name) };
  },
  async policy(input) {
    const policy = await Policy.parse(textOf(input));
    const again = await Policy.parse(policy.format());
    if (again.format() !== policy.format()) throw new Error("a policy does not read back as it was written");
    return {
      logs: policy.logs.map((log) => log.key.vkey),
      witnesses: policy.witnesses.map((one) => [one.name, one.key.vkey]),
      groups: policy.groups.map((group) => [group.name, group.threshold, group.members]),
      quorum: policy.quorum,
    };
  },
  async "policy-check"(input) {
    const checked = await api.checkCheckpoint(input.checkpoint, input.policy);
    return {
      origin: checked.checkpoint.origin,
      size: checked.checkpoint.size,
      root: toHex(checked.checkpoint.root),
      log: checked.log.vkey,
      cosignatures: checked.cosignatures,
      existed_by_s: checked.existedByS,
      status_as_of_s: checked.statusAsOfS,
    };
  },
  "tlog-proof"(input) {
    const proof = parseTlogProof(textOf(input));
    return {
      index: proof.index,
      path: proof.path.map(toHex),
      extra: proof.extra === null ? null : toHex(proof.extra),
      checkpoint: proof.checkpointText,
    };
  },
  async receipt(input) {
    return judged(await api.judgeReceipt(textOf(input), input.policy, { nowMs: input.now_ms }));
  },
  async history(input) {
    const shown = await api.verifyHistory(input.parts.map(fromHex), input.policy);
    return {
      subject: subjectOut(shown.subject),
      status: shown.row && shown.row.status,
      size: shown.header.size,
      existed_by_s: shown.checked.existedByS,
      status_as_of_s: shown.checked.statusAsOfS,
      records: shown.records.map((one) => ({
        type: one.record.type,
        record_id: toHex(one.recordId),
        entry_id: toHex(one.entryId),
        index: one.index,
        record_index: one.recordIndex,
        height: one.height,
        time_ms: one.timeMs,
        claimed_ms: one.claimedMs,
        author_key: toHex(one.authorKey),
      })),
    };
  },
  async "compact-receipt"(input) {
    const data = input.digits === undefined ? fromHex(input.hex) : api.fromDigits(input.digits);
    const proved = await api.verifyCompact(data, input.policy, fromHex(input.chain_id));
    return {
      digits: api.toDigits(data),
      type: proved.record.type,
      record_id: toHex(proved.recordId),
      subject: subjectOut(proved.subject),
      status: proved.status,
      time_ms: proved.timeMs,
      changed_ms: proved.changedMs,
      count: proved.count,
      origin: proved.origin,
      size: proved.size,
      root: toHex(proved.root),
      cosignatures: proved.cosignatures,
      existed_by_s: proved.existedByS,
      status_as_of_s: proved.statusAsOfS,
      claims: (proved.claims?.shown ?? []).map(({ name, value }) => [name, value]),
      salt: proved.salt && toHex(proved.salt),
    };
  },
  "lookup-code"(input) {
    const code = input.record_id === undefined ? parseCode(input.typed) : codeOf(fromHex(input.record_id));
    return { code, printed: groupedCode(code), prefix: toHex(prefixOf(code)) };
  },
  async document(input) {
    const salt = input.salt === undefined ? undefined : fromHex(input.salt);
    return judged(await api.judgeDocument({ file: fromHex(input.file), salt }, textOf(input), input.policy, { nowMs: input.now_ms }));
  },
  async "certificate-proof"(input) {
    const hash = input.hash === undefined ? undefined : fromHex(input.hash);
    const judgement = await api.judgeProof(fromHex(input.data), input.policy, { nowMs: input.now_ms, hash });
    const { certificate, issuer } = judgement;
    return {
      ...judged(judgement),
      turn_ms: judgement.sinceMs,
      claims: judgement.claims.map(({ name, value }) => [name, value]),
      issuer: issuer && [issuer.name, issuer.endedMs, issuer.successors],
      complete: certificate && certificate.complete,
      reason_code: certificate && certificate.reason,
      disputed_records: certificate && certificate.disputed,
    };
  },
};

/** Beside the vectors, what tests/js/cases.py makes up. */
Object.assign(RUNNERS, {
  "made-up-records": RUNNERS.record,
  async "damaged-receipts"(input) {
    const proved = await api.verifyReceipt(input.text, input.policy);
    return {
      record_id: toHex(proved.recordId),
      entry_id: toHex(proved.entryId),
      status: proved.standing && proved.standing.subject.status,
      changed_ms: proved.standing && proved.standing.subject.changedMs,
      members: proved.standing && [...proved.standing.members.keys()],
    };
  },
  "damaged-histories": RUNNERS.history,
  "damaged-compact-receipts": RUNNERS["compact-receipt"],
  async "certificate-proofs"(input) {
    const hash = input.hash === undefined ? undefined : fromHex(input.hash);
    const judgement = await api.judgeProof(fromHex(input.data), input.policy, { nowMs: input.now_ms ?? undefined, hash });
    return {
      verdict: judgement.verdict,
      rule: judgement.rule,
      since_ms: judgement.sinceMs,
      claims: judgement.claims.map(({ name, value }) => [name, value]),
      issuer: judgement.issuer && judgement.issuer.name,
      complete: judgement.certificate && judgement.certificate.complete,
      reason_code: judgement.certificate && judgement.certificate.reason,
      disputed_records: judgement.certificate && judgement.certificate.disputed,
    };
  },
});

/** A record's body out of JSON, where bytes are {"hex": "…"}. */
function bodyOf(body) {
  return Object.fromEntries(Object.entries(body).map(([name, item]) => [name, item.hex === undefined ? item : fromHex(item.hex)]));
}

/** Folders that the browser judges. */
export const FOLDERS = Object.keys(RUNNERS);

/** Integers beyond what JSON's numbers hold, as the test sent them. */
export function revive(_, value) {
  return value !== null && typeof value === "object" && Object.keys(value).join() === "int" ? BigInt(value.int) : value;
}

/** The way back: every BigInt as {"int": "…"}. */
export function outgoing(_, value) {
  return typeof value === "bigint" ? { int: String(value) } : value;
}

/** What the verifier says of one vector, in the vector's own words; anything that is no LedgerError is a bug, and is shown as one. */
export async function outcome(folder, input) {
  try {
    return { result: await RUNNERS[folder](input) };
  } catch (error) {
    if (!(error instanceof LedgerError)) return { bug: `${error?.stack ?? error}` };
    const family = FAMILIES.find(([, kind]) => error instanceof kind)?.[0];
    return { error: { family, rule: error.rule } };
  }
}

/** All vectors of a folder: `text` is JSON, {name: input}; the answer is JSON, {name: outcome}. */
export async function runFolder(folder, text) {
  const inputs = JSON.parse(text, revive);
  const outcomes = {};
  for (const [name, input] of Object.entries(inputs)) {
    outcomes[name] = await outcome(folder, input);
  }
  return JSON.stringify(outcomes, outgoing);
}

globalThis.harness = {
  fromHex,
  toHex,
  api,
  outcome,
  /** Fetches a folder's vectors from the server that this page is from, runs them, and returns the outcomes as JSON. */
  async folder(name) {
    const answer = await fetch(`/vectors/${name}`);
    return runFolder(name, await answer.text());
  },
  /** What one call of the verifier's interface gives: "ok", or the rule by which it fails and the evidence, if there is one. */
  async call(name, ...values) {
    try {
      await api[name](...values);
      return { rule: "ok" };
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return { rule: error.rule, family: FAMILIES.find(([, kind]) => error instanceof kind)?.[0], evidence: error.evidence };
    }
  },
  /** Milliseconds for each of `rounds` verifications of one receipt. */
  async measure(text, policy, rounds) {
    const times = [];
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      await api.verifyReceipt(text, policy);
      times.push(performance.now() - start);
    }
    return times;
  },
  /** An entry over records, signed by a key that this browser makes and does not give out. */
  async sign(chainId, records, nonce, timeMs) {
    const pair = await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]);
    const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    const sign = (message) => crypto.subtle.sign("Ed25519", pair.privateKey, message);
    const entry = await buildEntry({
      chainId: fromHex(chainId),
      publicKey,
      sign,
      timeMs,
      nonce: fromHex(nonce),
      records: records.map(([type, body]) => api.encodeRecord(type, bodyOf(body))),
    });
    const possession = new Uint8Array(await sign(possessionMessage(fromHex(chainId), "office", publicKey)));
    return {
      publicKey: toHex(publicKey),
      id: toHex(entry.id),
      leaf: toHex(entry.leaf),
      submission: toHex(entry.submission),
      recordIds: entry.recordIds.map(toHex),
      batch: toHex(encodeBatch([entry.submission])),
      possession: toHex(possession),
    };
  },
};
