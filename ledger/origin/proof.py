"""A trace that proves itself: with the whole history of each thing it speaks of, and nothing left out of any.

Rules: a proof is the canonical encoding of

    [1, item, direction, [depth, width, things, events, records], [[part, …], …], answer]

where each inner list is one history (`ledger.history_form`), and `answer` is the trace and its findings in canonical JSON.
The check verifies every history against a policy, demands that all are of one checkpoint, makes the trace and the findings
again from them, and compares the bytes. A history that the trace needs and the proof lacks is no proof; neither is one more
than it needs.

What this module does not do: no file, no network, no clock. The answer is as of the checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Final, Self, cast, get_args

from ledger import history
from ledger.encoding import Value, decode, encode
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.gs1 import parse_item
from ledger.history import VerifiedHistory
from ledger.origin.findings import Judgement
from ledger.origin.graph import MAX_DEPTH, Direction, Exploration, Limits, explore
from ledger.origin.model import Finding, Placed
from ledger.origin.trace import answer_bytes
from ledger.policy import CheckedCheckpoint, Trust
from ledger.records import Subject

PROOF_VERSION: Final = 1
MAX_PROOF_BYTES: Final = 64_000_000
_MAX_ITEMS: Final = 100_000
_MOST: Final = Limits(MAX_DEPTH, 10_000, 20_000, 200_000, 20_000)
"""What a proof may ask whoever checks it to do."""


@dataclass(frozen=True, slots=True)
class OriginProof:
    """A proof as it came: well formed, and nothing in it believed."""

    item: str
    direction: Direction
    limits: Limits
    histories: tuple[tuple[bytes, ...], ...]
    answer: bytes

    def encoded(self) -> bytes:
        """The proof's canonical bytes."""
        return encode(
            [
                PROOF_VERSION,
                self.item,
                self.direction,
                list[Value](astuple(self.limits)),
                [list[Value](parts) for parts in self.histories],
                self.answer,
            ]
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a proof. Raises FormatError (`trace.*`, `encoding.*`, `gs1.*`), or CannotTellError (`trace.version`)."""
        value = decode(data, max_bytes=MAX_PROOF_BYTES, max_items=_MAX_ITEMS)
        if not isinstance(value, list) or not value:
            raise FormatError("trace.shape", "the proof of a trace is an array")
        if value[0] != PROOF_VERSION or isinstance(value[0], bool):
            raise CannotTellError(
                "trace.version", f"version {value[0]!r:.40} of a trace's proof is not known here"
            )
        match value:
            case [
                _,
                str() as item,
                str() as direction,
                list() as limits,
                list() as histories,
                bytes() as answer,
            ] if direction in get_args(Direction):
                return cls(
                    parse_item(item).path,
                    cast("Direction", direction),
                    _limits(limits),
                    tuple(_parts(parts) for parts in histories),
                    answer,
                )
            case _:
                raise FormatError("trace.shape", "the proof of a trace has six items")


def _limits(value: list[Value]) -> Limits:
    numbers = [one for one in value if isinstance(one, int) and not isinstance(one, bool)]
    if len(numbers) != len(value) or len(numbers) != len(astuple(_MOST)):
        raise FormatError("trace.shape", "the limits of a trace are five integers")
    if any(not 0 <= one <= most for one, most in zip(numbers, astuple(_MOST), strict=True)):
        raise FormatError("trace.limits", "the proof asks for more than a trace may take")
    return Limits(*numbers)


def _parts(value: Value) -> tuple[bytes, ...]:
    if not isinstance(value, list) or not value:
        raise FormatError("trace.shape", "each history is a list of parts")
    parts = tuple(part for part in value if isinstance(part, bytes))
    if len(parts) != len(value):
        raise FormatError("trace.shape", "each part of a history is a byte string")
    return parts


@dataclass(frozen=True, slots=True)
class CheckedTrace:
    """A trace that was made again from verified histories."""

    exploration: Exploration
    direction: Direction
    limits: Limits
    findings: tuple[Finding, ...]
    answer: bytes
    as_of_ms: int
    """Chain time of the last block of the checkpoint, milliseconds since the epoch."""
    checked: CheckedCheckpoint
    histories: int
    records: int
    """How many records the histories have together."""


class _Proven:
    """Verified histories as a source; what is not there is not guessed."""

    def __init__(self, histories: Mapping[Subject, VerifiedHistory]) -> None:
        self._histories = histories
        self.asked: set[Subject] = set()

    def history(self, subject: Subject, most: int) -> tuple[Sequence[Placed], int]:
        found = self._histories.get(subject)
        if found is None:
            kind, authority, identifier = subject
            shown = identifier.hex() if isinstance(identifier, bytes) else identifier
            raise VerificationError(
                "trace.history-missing", f"the proof lacks the history of {kind}/{authority}/{shown}"
            )
        self.asked.add(subject)
        return found.records[:most], len(found.records)


def check(data: bytes, policy: Trust) -> CheckedTrace:
    """Check the proof of a trace, and return the trace as made again.

    Raises FormatError, VerificationError (`trace.*`, `history.*`, …) or CannotTellError.
    """
    proof = OriginProof.parse(data)
    histories: dict[Subject, VerifiedHistory] = {}
    last: VerifiedHistory | None = None
    for parts in proof.histories:
        verified = history.verify(parts, policy)
        if last is not None and verified.checked.checkpoint.root != last.checked.checkpoint.root:
            raise VerificationError("trace.checkpoints", "the histories are of different checkpoints")
        if verified.subject in histories:
            raise VerificationError("trace.history-twice", "the proof has a history twice")
        histories[verified.subject] = last = verified
    if last is None:
        raise FormatError("trace.shape", "the proof of a trace has at least one history")
    source = _Proven(histories)
    found = explore(source, proof.item, proof.direction, proof.limits)
    if source.asked != histories.keys():
        raise VerificationError(
            "trace.history-needless", "the proof has a history that the trace does not need"
        )
    as_of_ms = last.header.time_ms
    again = answer_bytes(found, proof.direction, as_of_ms)
    if again != proof.answer:
        raise VerificationError(
            "trace.answer", "the trace or its findings are not what the records in the proof give"
        )
    return CheckedTrace(
        found,
        proof.direction,
        proof.limits,
        Judgement(found.story).findings(found.nodes, as_of_ms),
        again,
        as_of_ms,
        last.checked,
        len(histories),
        sum(len(one.records) for one in histories.values()),
    )
