"""The ways in which a small ledger is forged, each with the rule by which an audit must find it, and where.

Rules: what a forger can make fit is made to fit (`relink`), so that only what is forged is wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from ledger.block import Header, parse_header_leaf
from ledger.entry import Entry, encode_record, entry_from_parts
from ledger.hashing import EMPTY_ROOT
from ledger.merkle import root
from ledger.verify import Level
from tests.chains import Chain, Image, document, key, sign_checkpoint, small_chain

SMALL = small_chain()
"""Leaves: 0 genesis, 1 header | 2 entry, 3 header | 4 5 entries, 6 header | 7 8 9 entries, 10 header."""

POLICY = SMALL.policy


def relink(image: Image) -> Image:
    """Write every header again so that places, parents and log roots follow, sign it, and have the rest cosigned."""
    parent, next_index = bytes(32), 0
    for index, leaf in enumerate(image.leaves):
        if leaf[:2] != b"\x92\x01":
            continue
        header = dataclasses.replace(
            parse_header_leaf(leaf),
            first_index=next_index,
            entry_count=index - next_index,
            parent=parent,
            log_root=root(image.leaves[:index]),
        )
        put_header(image, index, header)
        parent, next_index = header.hash(), index + 1
    return image.sign()


def changed(header: Header, **fields: Any) -> Header:  # noqa: ANN401  whatever the fields hold
    return dataclasses.replace(header, **fields)


def put_header(image: Image, index: int, header: Header, signer: str = "header 0") -> None:
    image.leaves[index] = header.leaf()
    image.records[index] = [header.sign(key(signer))] if header.height else []


def with_header(index: int, signer: str = "header 0", **changes: object) -> Callable[[], Image]:
    def forge() -> Image:
        image = SMALL.image()
        header = changed(parse_header_leaf(image.leaves[index]), **changes)
        put_header(image, index, header, signer)
        return image.sign()

    return forge


def with_entry(index: int, entry: Callable[[], Entry], *, again: bool = True) -> Callable[[], Image]:
    """The small chain with another entry at `index`, and everything after it made to fit."""

    def forge() -> Image:
        image = SMALL.image()
        made = entry()
        image.leaves[index], image.records[index] = made.leaf, list(made.records)
        return relink(image) if again else image

    return forge


def entry_of(records: Sequence[bytes], **options: Any) -> Callable[[], Entry]:  # noqa: ANN401  as `Chain.entry` has them
    return lambda: SMALL.entry(records, **options)


def with_records(index: int, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[], Image]:
    def forge() -> Image:
        image = SMALL.image()
        image.records[index] = change(image.records[index])
        return image

    return forge


def with_leaf(index: int, change: Callable[[bytes], bytes]) -> Callable[[], Image]:
    def forge() -> Image:
        image = SMALL.image()
        image.leaves[index] = change(image.leaves[index])
        return relink(image)

    return forge


def other_signature(leaf: bytes) -> bytes:
    return leaf[:-1] + bytes((leaf[-1] ^ 1,))


def of_another_ledger() -> Image:
    other = Chain(nonce=b"another ledger..")
    for counts in ((1,), (1, 3), (2, 1, 1)):
        other.add_documents(*counts)
    image = other.image()
    image.checkpoint_text = SMALL.checkpoint()
    return image


def with_another_end() -> Image:
    chain = small_chain()
    chain.add_documents(1)
    image = chain.image()
    image.checkpoint_text = sign_checkpoint(chain.size, SMALL.root, time_s=1_800_000_000)
    return image


def without(*indexes: int) -> Callable[[], Image]:
    def forge() -> Image:
        image = SMALL.image()
        for index in sorted(indexes, reverse=True):
            del image.leaves[index], image.records[index]
        return image.sign()

    return forge


@dataclasses.dataclass(frozen=True)
class Forgery:
    make: Callable[[], Image]
    rule: str
    height: int | None
    index: int | None
    record: int | None = None
    level: Level = Level.LINKS
    """The first level that finds it."""


FORGERIES = {
    # what stands in a header
    "header: rules of tomorrow": Forgery(with_header(6, rules_version=2), "header.rules-version", 2, 6),
    "header: another ledger's": Forgery(with_header(6, chain_id=bytes(32)), "header.chain-id", 2, 6),
    "header: height": Forgery(with_header(6, height=3), "header.height", 2, 6),
    "header: height 0 again, unsigned": Forgery(with_header(6, height=0), "header.height", 2, 6),
    "header: engine height": Forgery(with_header(6, engine_height=1), "header.engine-height", 2, 6),
    "header: parent": Forgery(with_header(6, parent=bytes(32)), "header.parent", 2, 6),
    "header: time": Forgery(with_header(6, time_ms=SMALL.headers[1].time_ms), "header.time", 2, 6),
    "header: place": Forgery(with_header(6, first_index=5), "header.first-index", 2, 6),
    "header: begins too early": Forgery(
        with_header(6, first_index=3, entry_count=3), "header.first-index", 2, 6
    ),
    "header: begins too late": Forgery(
        with_header(6, first_index=5, entry_count=1), "header.first-index", 2, 6
    ),
    "header: log root": Forgery(with_header(6, log_root=EMPTY_ROOT), "header.log-root", 2, 6),
    "header: no validator proposed it": Forgery(
        with_header(6, signer="nobody", proposer=key("nobody").public_key), "header.proposer", 2, 6
    ),
    "header: signed by another": Forgery(with_header(6, signer="office"), "signature.mismatch", 2, 6),
    "header: state root": Forgery(
        with_header(10, state_root=bytes(32)), "header.state-root", 3, 10, None, Level.FULL
    ),
    "header: no signature": Forgery(with_records(6, lambda _: []), "header.signature", 2, 6),
    "header: two signatures": Forgery(with_records(6, lambda items: items * 2), "header.signature", 2, 6),
    "genesis header: signed": Forgery(with_records(1, lambda _: [bytes(64)]), "header.signature", 0, 1),
    "genesis header: state root": Forgery(with_header(1, state_root=bytes(32)), "header.state-root", 0, 1),
    "genesis: with records": Forgery(with_records(0, lambda _: [b"x"]), "genesis.records", 0, 0),
    "genesis: a second one": Forgery(with_leaf(5, lambda _: SMALL.genesis.leaf()), "leaf.genesis", 2, 5),
    "leaf: of an unknown kind": Forgery(with_leaf(5, lambda leaf: b"\x93\x07" + leaf[2:]), "leaf.tag", 2, 5),
    "block: dropped from the middle": Forgery(without(4, 5, 6), "header.first-index", 2, 7),
    "block: without entries": Forgery(without(2), "header.first-index", 1, 2),
    "entry: dropped": Forgery(without(5), "header.first-index", 2, 5),
    "log: ends with an entry": Forgery(without(10), "log.end", None, 9),
    # what stands in an entry
    "entry: signature": Forgery(
        with_leaf(5, other_signature), "signature.mismatch", 2, 5, None, Level.SIGNATURES
    ),
    "entry: not canonical": Forgery(
        with_leaf(5, lambda leaf: leaf[:99] + b"\xcc\x03" + leaf[100:]),
        "encoding.int-not-shortest",
        2,
        5,
        None,
        Level.SIGNATURES,
    ),
    "entry: version of tomorrow": Forgery(
        with_leaf(5, lambda leaf: leaf[:3] + b"\x02" + leaf[4:]),
        "entry.version",
        2,
        5,
        None,
        Level.SIGNATURES,
    ),
    "entry: for another ledger": Forgery(
        with_entry(5, entry_of([document(70)], chain_id=bytes(32))),
        "entry.chain",
        2,
        5,
        None,
        Level.SIGNATURES,
    ),
    "entry: records swapped": Forgery(
        with_records(5, lambda items: [items[1], items[0], items[2]]),
        "entry.records-root",
        2,
        5,
        None,
        Level.SIGNATURES,
    ),
    "entry: record changed": Forgery(
        with_records(5, lambda items: [items[0], items[1] + b"x", items[2]]),
        "entry.records-root",
        2,
        5,
        None,
        Level.SIGNATURES,
    ),
    "entry: record dropped": Forgery(
        with_records(5, lambda items: items[:2]), "entry.count", 2, 5, None, Level.SIGNATURES
    ),
    "entry: record empty": Forgery(
        with_records(5, lambda items: [items[0], b"", items[2]]), "record.size", 2, 5, 1, Level.SIGNATURES
    ),
    "entry: record like a node": Forgery(
        with_records(5, lambda items: [items[0], items[1], bytes(64)]),
        "record.size-64",
        2,
        5,
        2,
        Level.SIGNATURES,
    ),
    # what the chain rules say
    "rules: another entry than the state has": Forgery(
        with_entry(5, entry_of([document(70)])), "header.state-root", 2, 6, None, Level.FULL
    ),
    "rules: key not registered": Forgery(
        with_entry(5, entry_of([document(70)], by="nobody")), "key.unknown", 2, 5, None, Level.FULL
    ),
    "rules: ahead of its time": Forgery(
        with_entry(5, entry_of([document(70)], time_ms=SMALL.next_time_ms + 10**6)),
        "entry.time-ahead",
        2,
        5,
        None,
        Level.FULL,
    ),
    "rules: role": Forgery(
        with_entry(5, entry_of([document(70)], by="admin")), "authority.role", 2, 5, 0, Level.FULL
    ),
    "rules: not acting for the authority": Forgery(
        with_entry(5, entry_of([document(70), document(71, authority="tax")])),
        "authority.not-acting",
        2,
        5,
        1,
        Level.FULL,
    ),
    "rules: document anchored before": Forgery(
        with_entry(5, entry_of([document(70), document(0, size=1)])), "document.exists", 2, 5, 1, Level.FULL
    ),
    "rules: the same record twice": Forgery(
        with_entry(5, entry_of([document(70), document(71), document(70)])),
        "entry.records-repeat",
        2,
        5,
        2,
        Level.FULL,
    ),
    "rules: the same entry twice": Forgery(
        with_entry(8, lambda: entry_from_parts(SMALL.leaves[4], SMALL.records[4])),
        "entry.duplicate",
        3,
        8,
        None,
        Level.FULL,
    ),
    "rules: field table": Forgery(
        with_entry(5, entry_of([document(70), document(71, size=-1)])),
        "record.field-range",
        2,
        5,
        1,
        Level.FULL,
    ),
    "rules: record type of tomorrow": Forgery(
        with_entry(5, entry_of([document(70), encode_record("doc.anchor/9", {})])),
        "record.type-unknown",
        2,
        5,
        1,
        Level.FULL,
    ),
    "rules: record not canonical": Forgery(
        with_entry(5, entry_of([b"\x92\xd9\x01x\x80"])), "encoding.str-not-shortest", 2, 5, 0, Level.FULL
    ),
    # the checkpoint
    "checkpoint: of another ledger": Forgery(of_another_ledger, "checkpoint.root", 3, None),
    "checkpoint: of another root": Forgery(with_another_end, "checkpoint.root", 4, None),
}
