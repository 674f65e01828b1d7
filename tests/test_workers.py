"""The processes of an audit: they yield to the one that audits."""

from __future__ import annotations

import os

from api.cli.workers import worker_processes


def test_workers_stand_below_whoever_starts_them() -> None:
    with worker_processes(1) as pool:
        assert pool.submit(os.nice, 0).result() > os.nice(0)
        assert pool.submit(os.getpid).result() != os.getpid()
