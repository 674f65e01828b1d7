"""`checkpoint.witness/1`: what another ledger looked like, as a witness of this one has cosigned it (docs/adr/0021).

Rules: a ledger is named by its origin, and stands under the SHA-256 of it, since origins hold letters that state keys do not.
What an authority says of one ledger goes forward: a larger size, or the same size and root at a later time. So no authority
can have stated two roots at one size, and a ledger proves what another looked like even when that one is gone.

What this module does not do: cosign, or check that one size continues another: the witness does both before
(`node.witness`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from ledger.encoding import decode, encode
from ledger.errors import FormatError, RefusedError
from ledger.fields import MAX_TIME_MS, Body, Bytes, Field, Integer, Text
from ledger.hashing import sha256
from ledger.records.base import (
    AUTHORITY,
    IN_FORCE,
    RecordType,
    RuleState,
    Subject,
    integer,
    octets,
    text,
)
from ledger.roles import ADMINISTRATOR, AUDITOR, VALIDATOR
from ledger.rows import row_key

LEDGER: Final = "ledger"
"""Kind of the subjects of this family."""
WITNESSED: Final = "witnessed"
"""Kind of this family's rows: `["witnessed", authority, SHA-256 of the origin]`."""
WITNESS: Final = "checkpoint.witness/1"
MAX_ORIGIN_BYTES: Final = 255


@dataclass(frozen=True, slots=True)
class WitnessedRow:
    """`[size, root, cosigned_s]`: the newest that an authority has said of a ledger."""

    size: int
    root: bytes
    cosigned_s: int

    def encoded(self) -> bytes:
        """The row's value."""
        return encode([self.size, self.root, self.cosigned_s])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a row's value. Raises FormatError."""
        value = decode(data)
        if not isinstance(value, list) or len(value) != 3:
            raise FormatError("row.shape", "a witnessed row has 3 items")
        size, root, cosigned_s = value
        if not isinstance(size, int) or not isinstance(root, bytes) or not isinstance(cosigned_s, int):
            raise FormatError("row.shape", "an item of a witnessed row is of another kind than it should be")
        return cls(size, root, cosigned_s)


def witnessed_key(authority: str, origin: str) -> bytes:
    """State key of the row that says what an authority has witnessed of a ledger last."""
    return row_key(WITNESSED, authority, sha256(origin.encode()))


def _subject(body: Body) -> Subject:
    return Subject(LEDGER, text(body, "authority"), sha256(text(body, "origin").encode()))


def _witness(state: RuleState, _status: str | None, body: Body) -> str:
    key = witnessed_key(text(body, "authority"), text(body, "origin"))
    said = WitnessedRow(integer(body, "size"), octets(body, "root"), integer(body, "cosigned_s"))
    data = state.get(key)
    if data is not None:
        _check_forward(WitnessedRow.parse(data), said)
    state.put(key, said.encoded())
    return IN_FORCE


def _check_forward(last: WitnessedRow, said: WitnessedRow) -> None:
    if said.size < last.size:
        raise RefusedError(
            "witness.backwards",
            f"size {last.size} of that ledger is recorded here, and {said.size} is smaller",
        )
    if said.size == last.size and said.root != last.root:
        raise RefusedError("witness.second-root", f"another root is recorded here at size {said.size}")
    if said.cosigned_s <= last.cosigned_s:
        raise RefusedError("witness.not-later", "what is recorded here was cosigned no earlier than this")


TYPES = (
    RecordType(
        name=WITNESS,
        meaning="What another ledger looked like when a witness of this authority cosigned its checkpoint.",
        fields=(
            AUTHORITY,
            Field(
                "origin", Text(1, MAX_ORIGIN_BYTES), "the other ledger's name: first line of its checkpoints"
            ),
            Field("size", Integer(0, MAX_TIME_MS), "its tree size"),
            Field("root", Bytes(32), "its root at that size (RFC 9162)"),
            Field(
                "cosigned_s", Integer(0, MAX_TIME_MS), "when the witness cosigned it, seconds since the epoch"
            ),
        ),
        roles=frozenset({ADMINISTRATOR, AUDITOR, VALIDATOR}),
        subject=_subject,
        rule=_witness,
    ),
)
