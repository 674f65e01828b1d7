"""What each family of vectors asks for: the function from a vector's `input` to its `result`, or to an error.

Only the public library is used, so that this module reads as a list of what another implementation must offer.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ledger import checkpoint, keys, note, proofs, tlog_proof
from ledger.block import parse_header_leaf, parse_signed_header
from ledger.encoding import Value, decode
from ledger.entry import parse_submission
from ledger.epochs import Epochs
from ledger.execution import execute_genesis
from ledger.genesis import genesis_policy, parse_genesis_leaf
from ledger.hashing import leaf_hash, sha256
from ledger.policy import Policy
from ledger.records import parse_record
from ledger.rules import ParsedEntry
from ledger.state import StateProof, verify_absence, verify_membership
from ledger.transitions import Transitions
from ledger.verdict import Judgement, Verdict, judge_document, judge_proof, judge_receipt
from tests.vectorgen import run_histories

Fields = dict[str, Any]

VERDICTS = {
    Verdict.IN_FORCE: "in-force",
    Verdict.DOES_NOT_MATCH: "does-not-match",
    Verdict.CANNOT_TELL: "cannot-tell",
    Verdict.NO_LONGER_IN_FORCE: "no-longer-in-force",
}


def run(folder: str, inputs: Fields) -> Fields:
    """What the library makes of a vector's input. Raises LedgerError where it refuses."""
    return RUNNERS[folder](inputs)


def typed(value: Value) -> Any:  # noqa: ANN401  JSON
    """A decoded value as JSON: bytes as {"hex": …}, maps as {"map": {…}}."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, dict):
        return {"map": {name: typed(item) for name, item in value.items()}}
    return value


def _hex(inputs: Fields, name: str) -> bytes:
    return bytes.fromhex(inputs[name])


def _path(inputs: Fields) -> list[bytes]:
    return [bytes.fromhex(item) for item in inputs["proof"]]


def _text(inputs: Fields) -> str | bytes:
    text: str | None = inputs.get("text")
    return bytes.fromhex(inputs["hex"]) if text is None else text


def _encoding(inputs: Fields) -> Fields:
    return {"value": typed(decode(_hex(inputs, "hex")))}


def _signature(inputs: Fields) -> Fields:
    keys.verify(_hex(inputs, "public_key"), _hex(inputs, "signature"), _hex(inputs, "message"))
    return {}


def _public_key(inputs: Fields) -> Fields:
    keys.check_public_key(_hex(inputs, "public_key"))
    return {}


def _record(inputs: Fields) -> Fields:
    record = parse_record(_hex(inputs, "record"))
    kind, authority, identifier = record.subject
    return {
        "type": record.type.name,
        "record_id": record.id.hex(),
        "authority": record.authority,
        "subject": [kind, authority, typed(identifier)],
    }


def _submission(inputs: Fields) -> Fields:
    entry = parse_submission(_hex(inputs, "submission"))
    entry.check_records_root()
    entry.verify_signature()
    ParsedEntry.of(entry)
    return {
        "entry_id": entry.id.hex(),
        "leaf": entry.leaf.hex(),
        "leaf_hash": leaf_hash(entry.leaf).hex(),
        "record_ids": [record_id.hex() for record_id in entry.record_ids],
        "author_key": entry.body.author_key.hex(),
        "time_ms": entry.body.time_ms,
    }


def _header(inputs: Fields) -> Fields:
    header = parse_header_leaf(_hex(inputs, "leaf"))
    return {
        "leaf_hash": header.hash().hex(),
        "height": header.height,
        "time_ms": header.time_ms,
        "index": header.index,
        "size": header.size,
        "chain_id": header.chain_id.hex(),
        "state_root": header.state_root.hex(),
    }


def _signed_header(inputs: Fields) -> Fields:
    signed = parse_signed_header(_hex(inputs, "signed_header"))
    signed.header.verify_signature(signed.signature)
    return {"leaf_hash": signed.header.hash().hex(), "proposer": signed.header.proposer.hex()}


def _genesis(inputs: Fields) -> Fields:
    genesis = parse_genesis_leaf(_hex(inputs, "leaf"))
    executed = execute_genesis(genesis)
    return {
        "chain_id": genesis.chain_id.hex(),
        "origin": genesis.origin,
        "header_leaf": executed.header.leaf().hex(),
        "state_root": executed.header.state_root.hex(),
        "tree_root": executed.tip.log.root().hex(),
        "policy": genesis_policy(genesis).format(),
    }


def _inclusion(inputs: Fields) -> Fields:
    proofs.verify_inclusion(
        _hex(inputs, "leaf_hash"), inputs["index"], inputs["size"], _path(inputs), _hex(inputs, "root")
    )
    return {}


def _consistency(inputs: Fields) -> Fields:
    proofs.verify_consistency(
        inputs["size1"], inputs["size2"], _path(inputs), _hex(inputs, "root1"), _hex(inputs, "root2")
    )
    return {}


def _state_proof(inputs: Fields) -> Fields:
    proof = StateProof.from_value(decode(_hex(inputs, "proof")))
    root, key = _hex(inputs, "state_root"), _hex(inputs, "key")
    if inputs["value"] is None:
        verify_absence(root, key, proof)
    else:
        verify_membership(root, key, _hex(inputs, "value"), proof)
    return {"levels": len(proof.siblings)}


def _note(inputs: Fields) -> Fields:
    parsed = note.parse(_text(inputs))
    return {
        "text": parsed.text,
        "signatures": [[one.name, one.key_id.hex(), one.signature.hex()] for one in parsed.signatures],
    }


def _checkpoint(inputs: Fields) -> Fields:
    parsed = checkpoint.parse(_text(inputs))
    return {
        "origin": parsed.origin,
        "size": parsed.size,
        "root": parsed.root.hex(),
        "extensions": list(parsed.extensions),
        "signatures": [one.name for one in parsed.note.signatures],
    }


def _policy(inputs: Fields) -> Fields:
    policy = Policy.parse(_text(inputs))
    return {
        "logs": [log.key.vkey for log in policy.logs],
        "witnesses": [[witness.name, witness.key.vkey] for witness in policy.witnesses],
        "groups": [[group.name, group.threshold, list(group.members)] for group in policy.groups],
        "quorum": policy.quorum,
    }


def _policy_check(inputs: Fields) -> Fields:
    checked = Policy.parse(inputs["policy"]).check(inputs["checkpoint"])
    return {
        "origin": checked.checkpoint.origin,
        "size": checked.checkpoint.size,
        "root": checked.checkpoint.root.hex(),
        "log": checked.log.vkey,
        "cosignatures": [list(one) for one in checked.cosignatures],
        "existed_by_s": checked.existed_by_s,
        "status_as_of_s": checked.status_as_of_s,
    }


@dataclass(frozen=True, slots=True)
class _OneLink:
    """The one consistency proof that a vector holds."""

    root: bytes
    proof: list[bytes]

    def link(self, size: int, closing: int) -> tuple[bytes, list[bytes]]:
        return self.root, self.proof


def _policy_epochs(inputs: Fields) -> Fields:
    link: Fields | None = inputs["link"]
    links = None if link is None else _OneLink(bytes.fromhex(link["root"]), _path(link))
    found = Transitions.parse(_hex(inputs, "transitions"))
    epochs = Epochs.follow(Policy.parse(inputs["policy"]), found, links)
    result: Fields = {
        "epochs": [[one.from_size, one.to_size, one.policy.format()] for one in epochs.epochs],
    }
    if inputs["checkpoint"] is not None:
        checked = epochs.check(inputs["checkpoint"])
        result |= {"size": checked.checkpoint.size, "status_as_of_s": checked.status_as_of_s}
    return result


def _tlog_proof(inputs: Fields) -> Fields:
    proof = tlog_proof.parse(_text(inputs))
    return {
        "index": proof.index,
        "path": [step.hex() for step in proof.path],
        "extra": None if proof.extra is None else proof.extra.hex(),
        "checkpoint": proof.checkpoint_text,
    }


def _receipt(inputs: Fields) -> Fields:
    return _judged(judge_receipt(_text(inputs), Policy.parse(inputs["policy"]), now_ms=inputs.get("now_ms")))


def _document(inputs: Fields) -> Fields:
    file = _hex(inputs, "file")
    salt: str | None = inputs.get("salt")
    commitment = (
        None if salt is None else hmac.new(bytes.fromhex(salt), b"file\x00" + file, hashlib.sha256).digest()
    )
    policy = Policy.parse(inputs["policy"])
    return _judged(
        judge_document(
            sha256(file), _text(inputs), policy, commitment=commitment, now_ms=inputs.get("now_ms")
        )
    )


def _certificate_proof(inputs: Fields) -> Fields:
    hash_hex: str | None = inputs.get("hash")
    judgement = judge_proof(
        _hex(inputs, "data"),
        Policy.parse(inputs["policy"]),
        now_ms=inputs.get("now_ms"),
        file_hash=None if hash_hex is None else bytes.fromhex(hash_hex),
    )
    certificate, issuer = judgement.certificate, judgement.issuer
    return _judged(judgement) | {
        "turn_ms": judgement.since_ms,
        "claims": [list(claim) for claim in judgement.claims],
        "issuer": None if issuer is None else [issuer.name, issuer.ended_ms, list(issuer.successors)],
        "complete": None if certificate is None else certificate.complete,
        "reason_code": None if certificate is None else certificate.reason,
        "disputed_records": None if certificate is None else sorted(certificate.disputed),
    }


def _judged(judgement: Judgement) -> Fields:
    result: Fields = {"verdict": VERDICTS[judgement.verdict], "rule": judgement.rule}
    proved = judgement.proved
    if proved is None:
        return result
    result |= {
        "record_id": proved.record_id.hex(),
        "entry_id": proved.entry_id.hex(),
        "index": proved.index,
        "author_key": proved.author_key.hex(),
        "existed_by_s": proved.checked.existed_by_s,
        "status_as_of_s": proved.checked.status_as_of_s,
        "late": proved.late,
    }
    standing = proved.standing
    if standing is not None:
        result |= {
            "member": standing.author.member.name,
            "roles": list(standing.author.key.roles),
            "status": standing.subject.status,
            "since_ms": standing.subject.time_ms,
            "changed_ms": standing.subject.changed_ms,
            "members": list(standing.members),
            "disputed": standing.disputed,
        }
    return result


RUNNERS: dict[str, Callable[[Fields], Fields]] = {
    "encoding": _encoding,
    "signature": _signature,
    "public-key": _public_key,
    "record": _record,
    "submission": _submission,
    "header": _header,
    "signed-header": _signed_header,
    "genesis": _genesis,
    "inclusion": _inclusion,
    "consistency": _consistency,
    "state-proof": _state_proof,
    "note": _note,
    "checkpoint": _checkpoint,
    "policy": _policy,
    "policy-check": _policy_check,
    "policy-epochs": _policy_epochs,
    "tlog-proof": _tlog_proof,
    "receipt": _receipt,
    "document": _document,
    "certificate-proof": _certificate_proof,
    **run_histories.RUNNERS,
}
