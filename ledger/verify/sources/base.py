"""What an audit needs of a place that holds a log.

Rules: the same four questions everywhere (C2SP tlog-tiles, and the records beside them). A source answers with what it
has and judges nothing; bytes that are not there are FormatError or StoreError, and a source that cannot be asked at all
(no network) raises CannotTellError.

Only the process that runs the audit asks a source; workers are given bytes.
"""

from __future__ import annotations

from typing import Protocol


class LogSource(Protocol):
    """A log to audit. Its `tile` makes it a `ledger.tiles.TileSource` too."""

    def checkpoint(self) -> str:
        """The newest checkpoint with its signatures; the same one each time it is asked."""
        ...

    def tile(self, level: int, n: int, width: int) -> bytes:
        """The first `width` hashes of tile `n` of `level`."""
        ...

    def entry_bundle(self, n: int, width: int) -> bytes:
        """Leaves `256 n` and following, `width` of them."""
        ...

    def records_bundle(self, n: int, width: int) -> bytes:
        """What stands beside those leaves: the records of entries, the proposers' signatures of headers."""
        ...
