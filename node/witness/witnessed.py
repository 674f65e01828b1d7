"""Which ledgers are witnessed: the policies in the folder `witnessed/`, one file for each ledger.

Rules: a file is the trust policy that the ledger gives out (C2SP tlog-policy, `sogoc policy show`), and is asked for as it
stands: a checkpoint counts if one of its log keys signed it and its quorum cosigned it. `quorum none` asks for the log key
alone, as for a log that is not one of ours. All log lines of a file name one origin, and no two files the same. The folder is
read again when it changes; what is wrong in it then is reported, and what was good before stays.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import structlog

from ledger.errors import LedgerError
from ledger.policy import MAX_POLICY_BYTES, Policy
from node.config import ConfigError

MAX_LEDGERS: Final = 10_000
LOOK_SECONDS: Final = 2.0

_log = structlog.get_logger("witness")
_Shape = tuple[tuple[str, int, int], ...]


def read_witnessed(directory: Path) -> dict[str, Policy]:
    """The policies by origin; none if there is no such folder. Raises ConfigError (`witnessed.*`)."""
    found: dict[str, Policy] = {}
    for path in _files(directory):
        policy = _read(path)
        origins = {log.key.name for log in policy.logs}
        if len(origins) != 1:
            raise ConfigError(
                "witnessed.origin", f"{path}: the log lines of a ledger's policy name one origin"
            )
        (origin,) = origins
        if origin in found:
            raise ConfigError("witnessed.twice", f"{path}: another file is about {origin} too")
        found[origin] = policy
    if len(found) > MAX_LEDGERS:
        raise ConfigError("witnessed.many", f"{directory}: at most {MAX_LEDGERS} ledgers are witnessed")
    return found


class Witnessed:
    """The folder, looked at again now and then."""

    def __init__(self, directory: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read it for the first time. Raises ConfigError."""
        self._directory = directory
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._shape = _shape(directory)
        self._policies = read_witnessed(directory)
        self._looked = monotonic()

    def policies(self) -> Mapping[str, Policy]:
        """The policies by origin, as the folder has them now."""
        with self._lock:
            if self._monotonic() - self._looked >= LOOK_SECONDS:
                self._looked = self._monotonic()
                self._look()
            return self._policies

    def _look(self) -> None:
        shape = _shape(self._directory)
        if shape == self._shape:
            return
        self._shape = shape
        try:
            self._policies = read_witnessed(self._directory)
        except ConfigError as error:
            _log.error("the list of witnessed ledgers stays as it was", rule=error.rule, detail=error.detail)
        else:
            _log.info("witnessed ledgers", count=len(self._policies))


def _files(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if not path.name.startswith("."))


def _shape(directory: Path) -> _Shape:
    shape = []
    for path in _files(directory):
        try:
            status = path.stat()
        except OSError:
            continue
        shape.append((path.name, status.st_mtime_ns, status.st_size))
    return tuple(shape)


def _read(path: Path) -> Policy:
    try:
        with path.open("rb") as stream:
            return Policy.parse(stream.read(MAX_POLICY_BYTES + 1))
    except OSError as error:
        raise ConfigError("witnessed.read", f"cannot read {path}: {error.strerror}") from error
    except LedgerError as error:
        raise ConfigError("witnessed.policy", f"{path}: {error.detail} ({error.rule})") from error
