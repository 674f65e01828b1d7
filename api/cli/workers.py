"""Processes that share the work of an audit.

Rules: they are spawned and not forked, since a child that inherits threads or an open database could hang. They yield to the
process that audits, because what it has not put together yet is what everybody waits for; and, like all work that can wait,
to a node that serves on the same machine.

What this module does not do: audit.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

_NICENESS = 5
"""How far below the process that starts them they stand: on one processor with it they would get about a quarter."""


def worker_processes(workers: int) -> ProcessPoolExecutor:
    """An executor with so many processes; close it when done."""
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=os.nice,
        initargs=(_NICENESS,),
    )
