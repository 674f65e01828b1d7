"""Vectors of state proofs, made by the dictionary twin in `tests.reference_state`."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.encoding import Value, encode
from ledger.state import StateProof
from tests.reference_state import ReferenceState, sha256
from tests.vectorgen.case import Case, bad, changed, flip, good

STATE = ReferenceState({encode(["row", number]): encode(number) for number in range(24)})
ROOT = STATE.root()

Input = dict[str, object]


def proof_value(key: bytes, state: ReferenceState = STATE) -> list[Value]:
    """The encoded form of a right proof, as an array."""
    siblings, other = state.prove(key)
    return StateProof(key, state.rows.get(key), tuple(siblings), other).to_value()


def inputs(key: bytes, proof: list[Value] | None = None, **other: object) -> Input:
    """A vector's input about `key`."""
    shown: Input = {"state_root": ROOT, "key": key, "value": STATE.rows.get(key)}
    return shown | {"proof": encode(proof_value(key) if proof is None else proof)} | other


def cases() -> Iterator[Case]:
    """The vectors of `state-proof/`."""
    folder = "state-proof"
    present = max(STATE.rows, key=lambda key: (bytes(32) in STATE.prove(key)[0], len(STATE.prove(key)[0])))
    missing = [encode(["row", number]) for number in range(100, 160)]
    beside_leaf = next(key for key in missing if STATE.prove(key)[1] is not None)
    beside_nothing = next(key for key in missing if STATE.prove(key)[1] is None)
    yield good(folder, "membership", "a row, with an empty sibling on its way", **inputs(present))
    yield good(folder, "membership-shallow", "another row", **inputs(encode(["row", 3])))
    yield good(folder, "absence-other-leaf", "no row: another leaf stands there", **inputs(beside_leaf))
    yield good(folder, "absence-nothing", "no row: nothing stands there", **inputs(beside_nothing))
    yield from _small_states(folder)
    for name, desc, rule, family, changes in _wrong_memberships(present):
        yield bad(folder, f"membership-{name}", desc, rule, family, **(inputs(present) | changes))
    for name, desc, rule, family, changes in _wrong_absences(beside_leaf, present):
        yield bad(folder, f"absence-{name}", desc, rule, family, **(inputs(beside_leaf) | changes))
    claims: tuple[tuple[str, str, Value], ...] = (
        ("nothing", "claimed to end at an empty place", None),
        (
            "own-leaf",
            "claimed to end at its own leaf as if it were another",
            sha256(present) + sha256(STATE.rows[present]),
        ),
    )
    for name, desc, other in claims:
        value = changed(changed(proof_value(present), 1, None), 4, other)
        rule = "state-proof.root-mismatch" if other is None else "state-proof.other-leaf"
        shown = inputs(present, value, value=None)
        claim = f"absence of a row that is there, {desc}"
        yield bad(folder, f"absence-of-a-row-{name}", claim, rule, "verification", **shown)


def _small_states(folder: str) -> Iterator[Case]:
    """States of no and of one row, where a proof has no levels."""
    key, value = b"key", b"value"
    one = ReferenceState({key: value})
    alone = {"state_root": one.root(), "key": key, "value": value, "proof": encode(proof_value(key, one))}
    yield good(folder, "membership-one-row", "the only row: the root is its leaf", **alone)
    other = {
        "state_root": one.root(),
        "key": b"other",
        "value": None,
        "proof": encode(proof_value(b"other", one)),
    }
    yield good(folder, "absence-one-row", "not the only row", **other)
    empty = {"state_root": bytes(32), "key": key, "value": None, "proof": encode([key, None, b"", b"", None])}
    yield good(folder, "absence-empty-state", "nothing in an empty state", **empty)
    absent = one.root()
    yield bad(
        folder,
        "absence-empty-proof",
        "an empty proof under the root of a state that has a row",
        "state-proof.root-mismatch",
        "verification",
        **(empty | {"state_root": absent}),
    )


Change = tuple[str, str, str, str, Input]


def _wrong_memberships(key: bytes) -> Iterator[Change]:
    value = proof_value(key)
    _, row, present, siblings, _ = value
    if not isinstance(row, bytes) or not isinstance(present, bytes) or not isinstance(siblings, bytes):
        raise TypeError("a membership proof holds bytes")
    mismatch = "state-proof.root-mismatch"

    def proved(*changes: tuple[int, Value]) -> Input:
        new = value
        for at, item in changes:
            new = changed(new, at, item)
        return {"proof": encode(new)}

    wrong = "verification"
    yield "root", "another root", mismatch, wrong, {"state_root": flip(ROOT, 0)}
    yield "key", "asked about another key", "state-proof.key", wrong, {"key": encode(["row", 99])}
    yield "value", "asked about another value", "state-proof.value", wrong, {"value": flip(row, 0)}
    yield (
        "key-and-proof-key",
        "the proof of another key, relabelled",
        mismatch,
        wrong,
        {"key": encode(["row", 99])} | proved((0, encode(["row", 99]))),
    )
    yield (
        "value-and-proof-value",
        "another value, in the proof too",
        mismatch,
        wrong,
        {"value": flip(row, 0)} | proved((1, flip(row, 0))),
    )
    yield (
        "asked-for-absence",
        "a membership proof where absence is asked",
        "state-proof.value",
        wrong,
        {"value": None},
    )
    for at in range(len(siblings) // 32):
        moved = proved((3, flip(siblings, 32 * at + at)))
        yield f"sibling-{at}", f"one bit of sibling {at}", mismatch, wrong, moved
    first = f"{int.from_bytes(present, 'big'):0{8 * len(present)}b}".index("0")
    filled = bytearray(present)
    filled[first // 8] |= 0x80 >> first % 8
    yield (
        "present-moved",
        "a sibling on another level",
        mismatch,
        wrong,
        proved((2, (int.from_bytes(present, "big") >> 1).to_bytes(len(present) + 1, "big").rstrip(b"\0")))
        if not present[-1] & 1
        else proved((2, b"\0" + present)),
    )
    format_ = "format"
    yield (
        "present-zero-byte",
        "a last byte without a bit",
        "state-proof.present",
        format_,
        proved((2, present + b"\0")),
    )
    long_present = bytes(32) + b"\x80"
    yield (
        "present-33-bytes",
        "more than 256 levels",
        "state-proof.present",
        format_,
        proved((2, long_present)),
    )
    yield "present-text", "bits as text", "state-proof.present", format_, proved((2, "1"))
    yield (
        "present-bit-more",
        "a bit without a sibling",
        "state-proof.siblings",
        format_,
        proved((2, bytes(filled))),
    )
    yield "siblings-short", "a sibling left out", "state-proof.siblings", format_, proved((3, siblings[:-32]))
    yield (
        "siblings-byte-short",
        "a byte left out",
        "state-proof.siblings",
        format_,
        proved((3, siblings[:-1])),
    )
    yield (
        "siblings-long",
        "a sibling more",
        "state-proof.siblings",
        format_,
        proved((3, siblings + bytes(32))),
    )
    spelt_out = bytes(filled), _spell_out(present, siblings, first)
    yield (
        "sibling-empty-spelt-out",
        "an empty sibling as 32 zero bytes and not as a bit",
        "state-proof.siblings",
        format_,
        proved((2, spelt_out[0]), (3, spelt_out[1])),
    )
    yield "siblings-array", "siblings as an array", "state-proof.siblings", format_, proved((3, [siblings]))
    yield (
        "other-leaf",
        "another leaf in a membership proof",
        "state-proof.other-leaf",
        format_,
        proved((4, bytes(64))),
    )
    yield "value-empty", "an empty value", "state-proof.value", format_, proved((1, b""))
    yield "value-text", "a value as text", "state-proof.value", format_, proved((1, "row"))
    yield "key-empty", "an empty key", "state-proof.key", format_, proved((0, b""))
    yield "four-items", "an item short", "state-proof.shape", format_, {"proof": encode(value[:-1])}
    yield "six-items", "an item long", "state-proof.shape", format_, {"proof": encode([*value, None])}
    trailing = encode(value) + b"\xc0"
    yield "trailing-byte", "a byte behind it", "encoding.trailing-bytes", format_, {"proof": trailing}


def _spell_out(present: bytes, siblings: bytes, level: int) -> bytes:
    """`siblings` with 32 zero bytes where the first empty one, at `level`, belongs."""
    before = f"{int.from_bytes(present, 'big'):0{8 * len(present)}b}"[:level].count("1")
    return siblings[: 32 * before] + bytes(32) + siblings[32 * before :]


def _wrong_absences(key: bytes, there: bytes) -> Iterator[Change]:
    value = proof_value(key)
    siblings, other = value[3], value[4]
    if not isinstance(siblings, bytes) or not isinstance(other, bytes):
        raise TypeError("this absence proof holds bytes")
    mismatch, wrong = "state-proof.root-mismatch", "verification"

    def proved(at: int, item: Value) -> Input:
        return {"proof": encode(changed(value, at, item))}

    yield "root", "another root", mismatch, wrong, {"state_root": flip(ROOT, 7)}
    yield "key", "asked about another key", "state-proof.key", wrong, {"key": there}
    yield (
        "other-value-hash",
        "another value hash in the other leaf",
        mismatch,
        wrong,
        proved(4, flip(other, 40)),
    )
    yield (
        "other-key-hash-near",
        "another key hash, on the same path",
        mismatch,
        wrong,
        proved(4, flip(other, 31)),
    )
    yield (
        "other-leaf-far",
        "a leaf from elsewhere in the tree",
        "state-proof.other-leaf",
        wrong,
        proved(4, flip(other, 0, 7)),
    )
    own = sha256(key) + other[32:]
    yield (
        "other-leaf-own-key",
        "the other leaf is the key's own",
        "state-proof.other-leaf",
        wrong,
        proved(4, own),
    )
    yield "other-leaf-left-out", "an empty place where a leaf stands", mismatch, wrong, proved(4, None)
    yield "sibling-0", "one bit of a sibling", mismatch, wrong, proved(3, flip(siblings, 0))
    yield (
        "asked-for-membership",
        "an absence proof where a value is asked",
        "state-proof.value",
        wrong,
        {"value": b"\x01"},
    )
    yield "other-leaf-63-bytes", "half a leaf", "state-proof.other-leaf", "format", proved(4, other[:63])
    yield "other-leaf-text", "a leaf as text", "state-proof.other-leaf", "format", proved(4, "leaf")
