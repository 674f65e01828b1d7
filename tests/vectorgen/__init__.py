"""Makes the conformance vectors in `tests/vectors/` (see the README there); `scripts/vectors.py` writes them down.

One module a family. What a wrong input must give is stated by hand beside it; what a right one gives is computed by
`run`, which is also what the tests run on the files.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.vectorgen import (
    blocks,
    certificate_keys,
    certificates,
    codec,
    compact,
    entries,
    epochs,
    histories,
    later,
    notes,
    policies,
    proofs,
    receipts,
    records,
    signatures,
    state,
    successors,
)
from tests.vectorgen.case import Case

MODULES = (
    codec,
    signatures,
    records,
    entries,
    blocks,
    proofs,
    state,
    notes,
    policies,
    epochs,
    receipts,
    successors,
    later,
    certificates,
    certificate_keys,
    histories,
    compact,
)


def all_cases() -> Iterator[Case]:
    """Every case of every family; each has a path of its own."""
    for module in MODULES:
        yield from module.cases()
