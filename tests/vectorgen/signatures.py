"""Vectors of the signature rule: the edge cases on which libraries differ, and the rule for registering a key."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ledger.keys import SMALL_ORDER_ENCODINGS
from tests import edwards
from tests.test_keys import HONEST, HONEST_KEY, MESSAGE, TORSION, edge_cases
from tests.vectorgen.case import Case, bad, flip, good


def cases() -> Iterator[Case]:
    """The vectors of `signature/` and `public-key/`."""
    for number, (what, public_key, signature, rule) in enumerate(edge_cases()):
        words = re.sub(r"[^a-z0-9]+", "-", re.sub("[0-9a-f]{64}", "small-order", what.lower())).strip("-")
        yield _signature(f"{number:03}-{words[:48].rstrip('-')}", what, public_key, signature, MESSAGE, rule)
    honest = edge_cases()[0][2]
    mismatch, size = "signature.mismatch", "signature.size"
    yield _signature("message-other", "another message", HONEST_KEY, honest, MESSAGE + b".", mismatch)
    yield _signature("message-empty", "no message", HONEST_KEY, honest, b"", mismatch)
    yield _signature("r-flipped", "one bit of R", HONEST_KEY, flip(honest, 3), MESSAGE, mismatch)
    yield _signature("s-flipped", "one bit of S", HONEST_KEY, flip(honest, 40), MESSAGE, mismatch)
    yield _signature("signature-63-bytes", "a byte short", HONEST_KEY, honest[:63], MESSAGE, size)
    yield _signature("signature-65-bytes", "a byte long", HONEST_KEY, honest + b"\0", MESSAGE, size)
    yield _signature("key-31-bytes", "a key a byte short", HONEST_KEY[:31], honest, MESSAGE, size)
    yield from _public_keys()


def _signature(name: str, desc: str, key: bytes, signature: bytes, message: bytes, rule: str | None) -> Case:
    inputs = {"public_key": key, "signature": signature, "message": message}
    if rule is None:
        return good("signature", name, desc, **inputs)
    return bad("signature", name, desc, rule, "verification", **inputs)


def _public_keys() -> Iterator[Case]:
    yield good("public-key", "honest", "a multiple of the base point", public_key=HONEST_KEY)
    wrong = [
        (f"small-order-{number}", "a point of small order", encoded, "key.small-order")
        for number, encoded in enumerate(sorted(SMALL_ORDER_ENCODINGS))
    ]
    wrong += [
        (
            f"torsion-{number}",
            f"an honest key with torsion point {number} added",
            edwards.compress(edwards.add(HONEST, TORSION[number])),
            "key.not-in-subgroup",
        )
        for number in range(1, 8)
    ]
    wrong += [
        (
            f"y-p-plus-{more}",
            f"y = p + {more}",
            (edwards.P + more).to_bytes(32, "little"),
            "key.not-canonical",
        )
        for more in (0, 1, 2, 18)
    ]
    wrong += [
        ("not-on-the-curve", "y = 2 is the y of no point", (2).to_bytes(32, "little"), "key.not-in-subgroup"),
        ("31-bytes", "a byte short", HONEST_KEY[:31], "key.size"),
        ("33-bytes", "a byte long", HONEST_KEY + b"\0", "key.size"),
    ]
    for name, desc, public_key, rule in wrong:
        yield bad("public-key", name, desc, rule, "verification", public_key=public_key)
