"""What an audit is asked, and what it answers.

Rules: an audit names the first thing that is wrong. First means: the lowest block; within a block what each leaf says of
itself before what the chain rules say of it, and there the lowest log index. The answer does not depend on how many
workers looked.

Not here: looking.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

from ledger.errors import CannotTellError, FormatError, LedgerError, StoreCorruptError, VerificationError
from ledger.policy import CheckedCheckpoint


class Level(IntEnum):
    """How deep an audit goes; each level includes those before it."""

    LINKS = 1
    """Headers and their signatures, parents, log roots, every leaf's hash, every tile, the cosigned checkpoint."""
    SIGNATURES = 2
    """Also every entry: its form, its author's signature, the root over its records and their sizes."""
    FULL = 3
    """Also the records themselves and the chain rules, by executing every block again: field tables, authority, state
    roots. Of a store, every row it holds, and that it holds no other; of an export, the files beside the log."""


class AuditFailure(VerificationError):  # noqa: N818  the name says what it is: the verdict of an audit
    """The first thing that an audit found wrong, and where.

    height: of the block; None where it belongs to no block. index: of the leaf in the log, or None. record_index: of
    the record in its entry, or None. `rule` and `detail` are those of the rule that is broken.
    """

    def __init__(
        self,
        rule: str,
        detail: str,
        *,
        height: int | None = None,
        index: int | None = None,
        record_index: int | None = None,
    ) -> None:
        super().__init__(rule, f"{_where(height, index, record_index)}{detail}")
        self.height = height
        self.index = index
        self.record_index = record_index


@contextmanager
def faults_as_failures() -> Iterator[None]:
    """Raise as AuditFailure what says that bytes are wrong; let pass what says that something else is."""
    try:
        yield
    except AuditFailure:
        raise
    except (VerificationError, FormatError, StoreCorruptError) as error:
        raise AuditFailure(error.rule, error.detail) from error


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, on its way to be reported: a value, so that it crosses process borders and can be compared."""

    index: int
    rule: str
    detail: str
    record_index: int | None = None
    headers_before: int = 0
    """Headers of the same segment that stand before `index`; from it follows the height."""
    unknown: bool = False
    """Not wrong but of a version or type that is not known here."""

    @classmethod
    def of(
        cls, error: LedgerError, index: int, *, record_index: int | None = None, headers_before: int = 0
    ) -> Finding:
        """The finding for an error that came up at log index `index`."""
        unknown = isinstance(error, CannotTellError)
        return cls(index, error.rule, error.detail, record_index, headers_before, unknown)

    def error(self, height: int | None) -> LedgerError:
        """What to raise: AuditFailure, or CannotTellError for what this version does not know."""
        if self.unknown:
            return CannotTellError(self.rule, _where(height, self.index, self.record_index) + self.detail)
        return AuditFailure(
            self.rule, self.detail, height=height, index=self.index, record_index=self.record_index
        )


@dataclass(frozen=True, slots=True)
class AuditReport:
    """An audit that found nothing wrong, and what it looked at."""

    level: Level
    origin: str
    """The ledger's name, from its genesis document."""
    chain_id: bytes
    size: int
    """Leaves audited."""
    height: int
    """Of the last block audited."""
    root: bytes
    """Root of the log at `size`."""
    entries: int
    records: int
    """Records beside the entries; 0 at level LINKS, which does not read them."""
    checkpoint: CheckedCheckpoint
    """The cosigned checkpoint that all of it hangs from. Of a store it may be smaller than `size`: the blocks after it
    are whole but not final yet."""


def _where(height: int | None, index: int | None, record_index: int | None) -> str:
    parts = [
        f"{what} {number}"
        for what, number in (("block", height), ("log index", index), ("record", record_index))
        if number is not None
    ]
    return ", ".join(parts) + ": " if parts else ""
