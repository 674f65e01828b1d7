"""Vectors of submissions: an entry with its records, right, and wrong in one thing at a time.

Every wrong entry is signed over what it says (unless the signature is what is wrong), so that nothing else catches it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from ledger import merkle
from ledger.encoding import Value, encode
from ledger.entry import encode_record
from ledger.hashing import ENTRY, HEADER, signed_message
from tests import edwards
from tests.chains import START_MS, document, key, make_genesis
from tests.vectorgen.bodies import BODIES
from tests.vectorgen.case import Case, bad, changed, flip, good

AUTHOR = key("office")
CHAIN_ID = make_genesis().chain_id
RECORDS = [document(number) for number in range(3)]


def body(records: Sequence[bytes] = RECORDS, *, time_ms: int = START_MS) -> list[Value]:
    """The array of a good entry body."""
    return [1, CHAIN_ID, AUTHOR.public_key, bytes(15) + b"\x01", time_ms, len(records), merkle.root(records)]


def sign(value: list[Value]) -> bytes:
    """The author's signature over a body, whatever it holds."""
    return AUTHOR.sign(signed_message(ENTRY, encode(value)))


def submission(
    value: list[Value], records: Sequence[Value] = RECORDS, signature: bytes | None = None
) -> bytes:
    """The submission of a body and some records."""
    leaf = encode([0, value, sign(value) if signature is None else signature])
    return encode([0, leaf, list(records)])


def second_signature(value: list[Value]) -> bytes:
    """Another valid signature over the same body: one with another nonce, as a signer with randomness makes it."""
    digest = hashlib.sha512(AUTHOR.seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254
    return edwards.sign(scalar, AUTHOR.public_key, signed_message(ENTRY, encode(value)), 12_345)


def cases() -> Iterator[Case]:
    """The vectors of `submission/`."""
    value = body()
    yield good(
        "submission", "three-records", "one signature over three records", submission=submission(value)
    )
    one = body(RECORDS[:1])
    yield good(
        "submission",
        "one-record",
        "one record: its leaf hash is the root",
        submission=submission(one, RECORDS[:1]),
    )
    yield good(
        "submission",
        "second-signature",
        "the entry of three-records under another valid signature: another leaf, the same entry id",
        submission=submission(value, signature=second_signature(value)),
    )
    for name, time_ms in (("time-0", 0), ("time-largest", 2**53 - 1)):
        at = body(time_ms=time_ms)
        yield good(
            "submission", name, "any time is well formed; the chain rules judge it", submission=submission(at)
        )
    yield from _wrong_bodies(value)
    yield from _wrong_signatures(value)
    yield from _wrong_records()
    yield from _wrong_shapes(value)


def _wrong_bodies(value: list[Value]) -> Iterator[Case]:
    fields: tuple[tuple[str, str, int, Value, str], ...] = (
        ("version-true", "the version is true, which is not 1", 0, True, "entry.version"),
        ("version-2", "a version that is not known", 0, 2, "entry.version"),
        ("version-text", "a version that is no number", 0, "1", "entry.version"),
        ("chain-id-31-bytes", "chain_id a byte short", 1, CHAIN_ID[:31], "entry.chain-id"),
        ("chain-id-text", "chain_id as text", 1, CHAIN_ID.hex(), "entry.chain-id"),
        ("author-key-33-bytes", "the key a byte long", 2, AUTHOR.public_key + b"\0", "entry.author-key"),
        ("author-key-nil", "no key", 2, None, "entry.author-key"),
        ("nonce-15-bytes", "the nonce a byte short", 3, bytes(15), "entry.nonce"),
        ("nonce-17-bytes", "the nonce a byte long", 3, bytes(17), "entry.nonce"),
        ("time-negative", "a time before 1970", 4, -1, "entry.time"),
        ("time-true", "a boolean for a time", 4, True, "entry.time"),
        ("time-text", "a time as text", 4, "1790000000000", "entry.time"),
        ("count-0", "an entry that signs no records", 5, 0, "entry.count"),
        ("count-4097", "one record too many", 5, 4097, "entry.count"),
        ("count-true", "a boolean for a count", 5, True, "entry.count"),
        ("records-root-31-bytes", "the root a byte short", 6, bytes(31), "entry.records-root"),
        ("records-root-array", "the root as an array", 6, [bytes(32)], "entry.records-root"),
    )
    for name, desc, at, item, rule in fields:
        family = "cannot-tell" if rule == "entry.version" else "format"
        yield bad("submission", name, desc, rule, family, submission=submission(changed(value, at, item)))
    yield bad(
        "submission", "body-six-items", "an item short", "entry.shape", submission=submission(value[:-1])
    )
    yield bad(
        "submission", "body-eight-items", "an item long", "entry.shape", submission=submission([*value, None])
    )
    yield bad("submission", "body-empty", "an empty body", "entry.shape", submission=submission([]))
    mismatches: tuple[tuple[str, str, int, Value, str], ...] = (
        ("count-2", "signed for two records, with three", 5, 2, "entry.count"),
        ("count-4", "signed for four records, with three", 5, 4, "entry.count"),
        ("records-root-other", "signed for other records", 6, bytes(32), "entry.records-root"),
    )
    for name, desc, at, item, rule in mismatches:
        yield bad(
            "submission", name, desc, rule, "verification", submission=submission(changed(value, at, item))
        )


def _wrong_signatures(value: list[Value]) -> Iterator[Case]:
    honest, encoded = sign(value), encode(value)
    larger = honest[:32] + (int.from_bytes(honest[32:], "little") + edwards.L).to_bytes(32, "little")
    signatures = (
        ("signature-r-flipped", "one bit of R", flip(honest, 0), "signature.mismatch"),
        ("signature-s-flipped", "one bit of S", flip(honest, 33), "signature.mismatch"),
        ("signature-s-plus-l", "S + L, which lenient verifiers accept", larger, "signature.s-not-canonical"),
        ("signature-zero", "64 zero bytes", bytes(64), "signature.r-small-order"),
        ("signature-no-context", "signed without the context", AUTHOR.sign(encoded), "signature.mismatch"),
        (
            "signature-header-context",
            "signed in the context of headers",
            AUTHOR.sign(signed_message(HEADER, encoded)),
            "signature.mismatch",
        ),
        (
            "signature-other-key",
            "signed by another key",
            key("admin").sign(signed_message(ENTRY, encoded)),
            "signature.mismatch",
        ),
    )
    for name, desc, signature, rule in signatures:
        data = submission(value, signature=signature)
        yield bad("submission", name, desc, rule, "verification", submission=data)
    for name, signature in (("signature-63-bytes", honest[:63]), ("signature-empty", b"")):
        data = submission(value, signature=signature)
        yield bad("submission", name, "a signature of another length", "entry.signature", submission=data)
    small = changed(value, 2, b"\x01" + bytes(31))
    yield bad(
        "submission",
        "author-key-small-order",
        "the author's key is the neutral point",
        "signature.key-small-order",
        "verification",
        submission=submission(small),
    )


def _wrong_records() -> Iterator[Case]:
    value = body()
    root = "entry.records-root"
    for name, desc, records, rule in (
        ("records-swapped", "the records in another order", [RECORDS[1], RECORDS[0], RECORDS[2]], root),
        ("record-changed", "one bit of a record", [flip(RECORDS[0], -1), *RECORDS[1:]], root),
        ("record-dropped", "a record short", RECORDS[:2], "entry.count"),
        ("record-added", "a record long", [*RECORDS, document(3)], "entry.count"),
    ):
        yield bad("submission", name, desc, rule, "verification", submission=submission(value, records))
    equal = [RECORDS[0], RECORDS[0]]
    yield bad(
        "submission",
        "records-repeat",
        "two equal records, properly signed",
        "entry.records-repeat",
        "refused",
        submission=submission(body(equal), equal),
    )
    yield from _single()
    unknown = [
        encode(
            ["doc.shred/1", {"authority": "office", "why": "a type from a later version, properly signed"}]
        )
    ]
    yield bad(
        "submission",
        "record-type-unknown",
        "a record of an unknown type, properly signed",
        "record.type-unknown",
        "cannot-tell",
        submission=submission(body(unknown), unknown),
    )
    disclosing = [encode(["doc.anchor/1", {"authority": "office", "commitment": bytes(32), "size": 1}])]
    yield bad(
        "submission",
        "record-refused",
        "a record that breaks its type's rules, properly signed",
        "document.commitment-discloses",
        "refused",
        submission=submission(body(disclosing), disclosing),
    )
    for name, size, rule in (("record-64-bytes", 64, "record.size-64"), ("record-empty", 0, "record.size")):
        records = [bytes(size)]
        desc = f"a record of {size} bytes"
        yield bad("submission", name, desc, rule, submission=submission(body(records), records))


def _wrong_shapes(value: list[Value]) -> Iterator[Case]:
    leaf = encode([0, value, sign(value)])
    records: list[Value] = list(RECORDS)
    shapes: tuple[tuple[str, str, Value, str], ...] = (
        ("two-items", "a submission without records", [0, leaf], "entry.submission"),
        ("four-items", "a submission with an item more", [0, leaf, records, None], "entry.submission"),
        ("tag-1", "the tag of a batch", [1, leaf, records], "entry.submission"),
        ("tag-false", "false is not 0", [False, leaf, records], "entry.submission"),
        (
            "leaf-nested",
            "the leaf as an array and not as bytes",
            [0, [0, value, sign(value)], records],
            "entry.submission",
        ),
        ("records-bytes", "the records as one byte string", [0, leaf, b"".join(RECORDS)], "entry.submission"),
        ("records-none", "no records", [0, leaf, []], "entry.count"),
        ("record-text", "a record as text", [0, leaf, ["record"]], "entry.submission"),
        (
            "leaf-trailing-byte",
            "a byte behind the leaf",
            [0, leaf + b"\xc0", records],
            "encoding.trailing-bytes",
        ),
        (
            "leaf-tag-header",
            "a leaf with the tag of headers",
            [0, encode([1, value, sign(value)]), records],
            "entry.leaf",
        ),
        (
            "leaf-four-items",
            "a leaf with an item more",
            [0, encode([0, value, sign(value), 0]), records],
            "entry.leaf",
        ),
        (
            "leaf-body-bytes",
            "a leaf whose body is a byte string",
            [0, encode([0, encode(value), sign(value)]), records],
            "entry.shape",
        ),
        ("not-an-array", "a map", {"leaf": leaf}, "entry.submission"),
    )
    for name, desc, shape, rule in shapes:
        yield bad("submission", name, desc, rule, submission=encode(shape))
    whole = submission(value)
    yield bad(
        "submission", "trailing-byte", "a byte behind it", "encoding.trailing-bytes", submission=whole + b"\0"
    )
    yield bad("submission", "truncated", "a byte short", "encoding.truncated", submission=whole[:-1])


def _single() -> Iterator[Case]:
    """Of the records that change many rows, an entry holds one."""
    vote, other = (
        encode_record("governance.approve/1", BODIES["governance.approve/1"] | {"proposer": name})
        for name in ("thi-xa", "tinh")
    )
    end = encode_record("succession.handover/1", BODIES["succession.handover/1"])
    one = [vote, *RECORDS]
    yield good("submission", "one-vote", "one vote, and documents", submission=submission(body(one), one))
    for name, desc, records in (
        ("two-votes", "two votes", [vote, other]),
        ("vote-and-succession", "a vote and a succession, with a document between", [vote, RECORDS[0], end]),
    ):
        data = submission(body(records), records)
        yield bad("submission", name, desc, "entry.single", "refused", submission=data)
