"""Making proof files of certificates from a view of the ledger at a signed checkpoint.

Rules: receipt, records and key rows are read from one snapshot, the one whose head the checkpoint signs.

What this module does not do: know claims or salts, which are the holder's (`ledger.disclosure`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.disclosure import CertificateProof, SubjectRecord, disputed_records
from ledger.entry import EntryBody, parse_leaf
from ledger.errors import StoreCorruptError
from ledger.rows import KeyRow, SubjectRow, key_key
from ledger.rules import Place
from node.receipts import FinalView


def certificate_proof(final: FinalView, places: Sequence[Place]) -> CertificateProof:
    """The proof of a certificate, without claims: the receipt of its issue, all of its records, which stand at `places`, and
    the rows of their authors' keys. Raises StoreCorruptError.
    """
    bodies = [_body(final, place) for place in places]
    # The receipt has the row of the key.
    _, *others = dict.fromkeys(body.author_key for body in bodies)
    return CertificateProof(
        final.receipt(places[0]).text(),
        tuple(
            SubjectRecord(body.encoded(), place.record_index, final.record(place))
            for body, place in zip(bodies, places, strict=True)
        ),
        tuple(final.prove(key_key(key)) for key in others),
    )


def disputed_at(final: FinalView, row: SubjectRow, places: Sequence[Place]) -> frozenset[int]:
    """Which of a subject's records, which stand at `places`, are disputed, from 0. Raises StoreCorruptError (`state.key`)."""
    return disputed_records(row, [_key_row(final, _body(final, place).author_key) for place in places])


def _body(final: FinalView, place: Place) -> EntryBody:
    return parse_leaf(final.view.leaf(place.index))[0]


def _key_row(final: FinalView, public_key: bytes) -> KeyRow:
    data = final.view.get(key_key(public_key))
    if data is None:
        raise StoreCorruptError(
            "state.key", "the state has lost an author's key: run `sogoc audit --level full`"
        )
    return KeyRow.parse(data)
