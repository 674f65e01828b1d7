"""Making proof files of certificates from a view of the ledger at a signed checkpoint.

Rules: receipt, records and key rows are read from one snapshot, the one whose head the checkpoint signs.

What this module does not do: know claims or salts, which are the holder's (`ledger.disclosure`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.block import parse_header_leaf
from ledger.disclosure import CertificateProof, LogPlace, SubjectRecord, disputed_records
from ledger.entry import parse_leaf
from ledger.errors import StoreCorruptError
from ledger.rows import KeyRow, SubjectRow, key_key
from ledger.rules import Place
from ledger.tiles import inclusion_proof
from node.receipts import FinalView


def certificate_proof(final: FinalView, row: SubjectRow, places: Sequence[Place]) -> CertificateProof:
    """The proof of a certificate, without claims: the receipt of its issue, all of its records, which stand at `places`, and
    the rows of their authors' keys. Where it matters when one was registered, that is shown too. Raises StoreCorruptError.
    """
    entries = [parse_leaf(final.view.leaf(place.index)) for place in places]
    keys = list(dict.fromkeys(body.author_key for body, _ in entries))
    rows = {key: _key_row(final, key) for key in keys}
    return CertificateProof(
        final.receipt(places[0]).text(),
        tuple(
            SubjectRecord(
                body.encoded(),
                place.record_index,
                final.record(place),
                _log_place(final, place, signature) if _needs_time(row, rows[body.author_key]) else None,
            )
            for (body, signature), place in zip(entries, places, strict=True)
        ),
        # The receipt has the row of the key.
        tuple(final.prove(key_key(key)) for key in keys[1:]),
    )


def disputed_at(final: FinalView, row: SubjectRow, places: Sequence[Place]) -> frozenset[int]:
    """Which of a subject's records, which stand at `places`, are disputed, from 0. Raises StoreCorruptError (`state.key`)."""
    keys = [parse_leaf(final.view.leaf(place.index))[0].author_key for place in places]
    times = [parse_header_leaf(_header_leaf(final, place)).time_ms for place in places]
    return disputed_records(row, [_key_row(final, key) for key in keys], times)


def _needs_time(row: SubjectRow, author: KeyRow) -> bool:
    """Whether some of a subject's records are from before the dispute over a key, and some are not."""
    return author.is_disputed(row.changed_ms) and not author.is_disputed(row.time_ms)


def _log_place(final: FinalView, place: Place, signature: bytes) -> LogPlace:
    view, size = final.view, final.size
    header_leaf = _header_leaf(final, place)
    header_index = parse_header_leaf(header_leaf).index
    return LogPlace(
        signature,
        place.index,
        tuple(inclusion_proof(view, place.index, size)),
        header_leaf,
        header_index,
        tuple(inclusion_proof(view, header_index, size)),
    )


def _header_leaf(final: FinalView, place: Place) -> bytes:
    return final.view.header_leaf(final.view.height_of_index(place.index))


def _key_row(final: FinalView, public_key: bytes) -> KeyRow:
    data = final.view.get(key_key(public_key))
    if data is None:
        raise StoreCorruptError(
            "state.key", "the state has lost an author's key: run `sogoc audit --level full`"
        )
    return KeyRow.parse(data)
