"""Committing with an eye on the clock: an operator must hear of a disk that holds the ledger up.

What this module does not do: refuse or delay anything.
"""

from __future__ import annotations

import time
from typing import Final

import structlog

from node.application import Application, Candidate

SLOW_SECONDS: Final = 1.0
"""A block's synced write takes milliseconds on a disk that is well."""

_log = structlog.get_logger("engine")


def commit(application: Application, cosigning_key_id: bytes | None) -> Candidate | None:
    """`Application.commit`, with a warning in the log if it took long. Raises StoreError."""
    began = time.monotonic()
    block = application.commit(cosigning_key_id)
    seconds = time.monotonic() - began
    if seconds > SLOW_SECONDS:
        _log.warning("the disk is slow: a block took long to write", seconds=round(seconds, 1))
    return block
