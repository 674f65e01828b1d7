"""Processes that share the work of an audit: on this machine, or on a cluster that is there already.

Rules: they are spawned and not forked, since a child that inherits threads or an open database could hang. They yield to the
process that audits, because what it has not put together yet is what everybody waits for; and, like all work that can wait,
to a node that serves on the same machine.

What this module does not do: audit.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Final

from api.cli.output import UsageError

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


DASK: Final = "dask://"
"""How the address of a Dask scheduler begins on the command line."""
_CONNECT_SECONDS: Final = 30


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """An executor over the workers of a running cluster, and how many tasks they take at a time.

    `address` is `dask://host:port`, the scheduler's. Its workers must have this very version of `sogoc` installed. That they
    found nothing wrong is believed, as it is of the processes of this machine: an audit is worth what the machines are that
    make it. What they find wrong is audited again here, and a worker that dies leads to no verdict.
    Raises UsageError: `executor.address`, `executor.missing` (Dask is not installed here), `executor.unreachable`.
    """
    if not address.startswith(DASK) or not address.removeprefix(DASK):
        raise UsageError("executor.address", f"{address!r} is not of the form {DASK}host:port")
    try:
        from distributed import Client  # noqa: PLC0415  an extra
    except ImportError as error:
        raise UsageError(
            "executor.missing", "Dask is not installed here: install it with `pip install 'sogoc[dask]'`"
        ) from error
    try:
        client = Client(f"tcp://{address.removeprefix(DASK)}", timeout=_CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(
            "executor.unreachable", f"no Dask scheduler answers at {address}: {error}"
        ) from error
    try:
        tasks = sum(client.nthreads().values())
        if not tasks:
            raise UsageError("executor.unreachable", f"the scheduler at {address} has no workers")
        # The same segment is never looked up from an earlier audit: each is worked out again.
        yield client.get_executor(pure=False), tasks
    finally:
        client.close()
