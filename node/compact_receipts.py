"""Making compact receipts from a view of the ledger at a signed checkpoint.

Rules: all of one is read from one snapshot. Claims and salts are not the ledger's, so whoever holds them adds them
(`CompactReceipt.with_private`).
"""

from __future__ import annotations

from ledger import checkpoint
from ledger.block import parse_header_leaf
from ledger.compact_form import CompactReceipt
from ledger.compact_receipt import make_compact
from ledger.errors import StoreCorruptError
from ledger.policy import Policy
from ledger.records import parse_record
from ledger.rows import SubjectRow, subject_key
from ledger.rules import Place
from ledger.tiles import inclusion_proof
from node.receipts import FinalView


def compact_receipt(final: FinalView, place: Place, policy: Policy) -> CompactReceipt:
    """The compact receipt of the record at a place, with as few cosignatures as satisfy the policy.

    Raises RefusedError (`compact.not-first`) if the record did not begin its subject.
    """
    record = parse_record(final.record(place))
    proof = final.prove(subject_key(*record.subject))
    if proof.value is None:
        raise StoreCorruptError(
            "state.subject", "the state has lost a record's subject: run `sogoc audit --level full`"
        )
    view, size = final.view, final.size
    return make_compact(
        record=record,
        row=SubjectRow.parse(proof.value),
        proof=proof,
        header=parse_header_leaf(view.header_leaf(view.head.height)),
        path=inclusion_proof(view, size - 1, size),
        checkpoint=checkpoint.parse(final.checkpoint_text),
        policy=policy,
    )
