"""A validator that catches up cosigns now and then; a block that closes an epoch it never passes over."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from ledger.rows import VALIDATORS_KEY
from node.service import Node

NOW_MS = 1_790_000_000_000


def _passes_over(*, age_ms: int, rows: dict[bytes, bytes], cosigned_ago: float = 0.0) -> bool:
    node = SimpleNamespace(
        _network=object(), _clock_ms=lambda: NOW_MS, _cosigned_at=time.monotonic() - cosigned_ago
    )
    header = SimpleNamespace(time_ms=NOW_MS - age_ms)
    block = SimpleNamespace(executed=SimpleNamespace(header=header, rows=rows))
    return Node._catching_up(node, block)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("age_ms", "rows", "cosigned_ago", "passed_over"),
    [
        (60_000, {}, 0.0, True),
        (60_000, {VALIDATORS_KEY: b"\x90"}, 0.0, False),
        (60_000, {}, 3600.0, False),
        (0, {}, 0.0, False),
    ],
)
def test_which_old_blocks_are_cosigned(
    age_ms: int, rows: dict[bytes, bytes], cosigned_ago: float, *, passed_over: bool
) -> None:
    assert _passes_over(age_ms=age_ms, rows=rows, cosigned_ago=cosigned_ago) is passed_over
