"""Where a command reads a ledger from: a node's home (also while it is served), an address, an export, or a backup."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from api.cli.nodes import connect, connect_home, is_address, is_served
from api.cli.output import UsageError, progress
from api.remote_log import RemoteLog
from api.served_store import ServedStore, open_served
from ledger.verify.sources.base import LogSource
from ledger.verify.sources.export import CHECKPOINT, ExportSource
from ledger.verify.sources.stored import open_store
from node.backup import Backup
from node.home import Home


@contextmanager
def open_source(target: str, *, quiet: bool = True) -> Iterator[LogSource]:
    """The ledger at `target`, as one source, for as long as the block lasts; `quiet` shows no progress while sums are checked.

    Raises UsageError (`source.unknown`), ApiError, StoreError, or what a backup breaks.
    """
    with ExitStack() as stack:
        path = Path(target)
        if is_address(target):
            yield RemoteLog(stack.enter_context(connect(target)))
        elif Home(path).ledger.is_dir():
            if is_served(Home(path)):
                yield stack.enter_context(open_running(Home(path))).source
            else:
                yield stack.enter_context(open_store(Home(path).ledger))
        elif (path / CHECKPOINT).is_file():
            yield ExportSource(path)
        elif path.is_file():
            yield stack.enter_context(open_backup(path, quiet=quiet))
        else:
            raise UsageError(
                "source.unknown",
                f"{target} is neither a node's home, an export, a backup, nor the address of a node",
            )


@contextmanager
def open_running(home: Home) -> Iterator[ServedStore]:
    """One moment of a home that is being served, for as long as the block lasts. Raises as `api.served_store.open_served`."""
    with connect_home(home) as client, open_served(home, client) as served:
        yield served


@contextmanager
def open_backup(path: Path, *, quiet: bool) -> Iterator[Backup]:
    """A backup whose sums have been checked, for as long as the block lasts. Raises UsageError if there is no such file."""
    if not path.is_file():
        raise UsageError("backup.missing", f"there is no backup {path}")
    with progress("Kiểm tra sao lưu / checking the backup", None, quiet=quiet) as report:
        backup = Backup(path, report)
    with backup:
        yield backup
