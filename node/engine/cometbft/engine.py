"""CometBFT as this node's engine: the same questions and answers as the embedded one (`node.engine.embedded`).

Rules: the outbox alone remembers. What is added is kept here in memory and offered to the engine until it is committed or
can never be; the engine's mempool forgets when it is restarted, so what stays uncommitted is offered again every
`OFFER_AGAIN_SECONDS`. An entry is refused to its sender only by this node's own judgement of the committed state.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import structlog

from ledger.errors import LedgerError, RefusedError, StoreError
from ledger.genesis import Genesis
from ledger.keys import SigningKey
from ledger.rules import ParsedEntry
from node.application import Application, Candidate
from node.engine.cometbft.abci import AbciServer
from node.engine.cometbft.adapter import Adapter, Rejection
from node.engine.cometbft.copying import take
from node.engine.cometbft.files import KEEP_SECONDS, EngineFiles, EnginePeer, write_home
from node.engine.cometbft.process import EngineProcess, find_program
from node.engine.cometbft.retaining import retain_height
from node.engine.cometbft.rpc import BATCH_BYTES, BATCH_ENTRIES, EngineClient, EngineUnreachableError
from node.engine.cometbft.voting import held_to
from node.engine.embedded import MAX_MEMPOOL_BYTES, EngineEvents

OFFER_AGAIN_SECONDS: Final = 10.0
REST_SECONDS: Final = 5.0
"""How long an entry that was refused only for now, or that found the engine busy, rests before it is offered again."""

_log = structlog.get_logger("engine")


class NetworkEvents(EngineEvents, Protocol):
    """What this engine tells the node beside what every engine does."""

    def rejected(self, rejection: Rejection) -> None:
        """Another validator proposed what the rules forbid."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where the engine lives and whom it talks to."""

    home: Path
    listen: str
    """host:port for the other engines."""
    peers: tuple[EnginePeer, ...]


@dataclass(slots=True)
class _Waiting:
    submission: bytes
    offer_at: float


class CometBftEngine:
    """Mempool, process and adapter. `add` may be called from any thread."""

    def __init__(
        self,
        application: Application,
        genesis: Genesis,
        events: NetworkEvents,
        settings: EngineSettings,
        *,
        keys: tuple[SigningKey, SigningKey],
        cosigning_key_id: Callable[[], bytes | None],
        clock_ms: Callable[[], int],
        admit: Callable[[ParsedEntry], None],
    ) -> None:
        """`keys` are the engine key and the peer key; `admit` raises RefusedError for what this node would not take from a
        sender, and is asked about what other validators' engines hand on. Write the engine's files and listen for it;
        nothing runs before `start`. Raises EngineMissingError, OSError, StoreError.
        """
        self._application = application
        self._events = events
        self._clock_ms = clock_ms
        self._admit = admit
        self._changed = threading.Condition()
        self._waiting: OrderedDict[bytes, _Waiting] = OrderedDict()
        self._bytes = 0
        self._stopping = False
        self._copying = threading.Lock()
        program = find_program()
        # A Unix socket's path is short, and a home's may be long.
        self._runtime = Path(tempfile.mkdtemp(prefix="sogoc-engine-"))
        self._files = EngineFiles(settings.home, self._runtime)
        for left_over in settings.home.glob("copy-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        write_home(self._files, genesis, listen=settings.listen, peers=settings.peers)
        self._held_to = held_to(self._files.voted)
        adapter = Adapter(
            application,
            genesis,
            self,
            cosigning_key_id=cosigning_key_id,
            clock_ms=clock_ms,
            admit=self._admit_foreign,
            retain_height=lambda: retain_height(application.store, clock_ms() - KEEP_SECONDS * 1000),
        )
        self._server = AbciServer(self._files.application_socket, adapter, self._failed)
        self._process = EngineProcess(program, self._files, keys=keys)
        self._thread = threading.Thread(target=self._offer_all, name="sogoc-engine-offer", daemon=True)

    @property
    def depth(self) -> int:
        """Entries that wait to be committed."""
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether the node takes nothing more for now."""
        return self._bytes >= MAX_MEMPOOL_BYTES

    @property
    def trouble(self) -> str:
        """That the engine does not answer, in words; empty while it does."""
        return self._process.trouble

    @property
    def held(self) -> str:
        """That it does not vote yet, after a restore, in words; empty if it does."""
        if self._held_to <= self._process.height:
            return ""
        return (
            f"restored from a backup: its engine's key votes after engine height {self._held_to}, since it may have voted up "
            f"to there before; the engine is at {self._process.height}. If the others stand still because too few of them "
            "are left, see `sogoc network resume`"
        )

    def height(self) -> int:
        """The engine's newest height, asked now. Raises EngineUnreachableError."""
        with EngineClient(self._files.rpc_socket) as client:
            return client.height()

    @contextmanager
    def stores(self) -> Iterator[Path]:
        """A folder with a copy of the engine's stores as they are now, which goes away after the block. Raises RefusedError
        (`engine.copying`) while there is another, EngineUnreachableError, OSError.
        """
        if not self._copying.acquire(blocking=False):
            raise RefusedError(
                "engine.copying",
                "the engine's data is being copied to somebody else; try again",
                permanent=False,
            )
        try:
            # On the same file system, where files can be linked.
            with tempfile.TemporaryDirectory(prefix="copy-", dir=self._files.home) as folder:
                with self._process.standing_still():
                    take(self._files.stores, Path(folder))
                yield Path(folder)
        finally:
            self._copying.release()

    def start(self) -> None:
        """Start the engine."""
        self._server.start()
        self._process.start()
        self._thread.start()

    def halt(self) -> None:
        """Let the engine decide nothing further with this node; does not wait."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End the engine's process. What waits is in the outbox too."""
        self.halt()
        self._process.stop()
        self._server.stop()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()
        shutil.rmtree(self._runtime, ignore_errors=True)

    def add(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Take `(entry id, submission)` pairs; those that are already here are skipped."""
        with self._changed:
            for entry_id, submission in items:
                if entry_id not in self._waiting:
                    self._waiting[entry_id] = _Waiting(submission, 0.0)
                    self._bytes += len(submission)
            self._changed.notify_all()

    def withdraw(self, entry_ids: Sequence[bytes]) -> list[bytes]:
        """Take entries out again that the rules refuse for now; returns those that were here and will be in no block.

        What the engine may hold, here or at another member's, is not taken out: it may still be decided.
        """
        withdrawn = []
        for entry_id in entry_ids:
            with self._changed:
                waiting = self._waiting.get(entry_id)
            if waiting is not None and self._refusal(waiting.submission) is not None:
                withdrawn.append(entry_id)
        with self._changed:
            self._forget(withdrawn)
        return withdrawn

    def _admit_foreign(self, parsed: ParsedEntry) -> None:
        # What this node has acknowledged was asked at its own door, perhaps by an older version: it goes its way.
        with self._changed:
            is_own = parsed.entry.id in self._waiting
        if not is_own:
            self._admit(parsed)

    # -- what the adapter tells --------------------------------------------------------------------------------------

    def committed(self, block: Candidate) -> None:
        """A block is in the store."""
        with self._changed:
            self._forget([entry.id for entry in block.entries])
        self._events.committed(block)

    def rejected(self, rejection: Rejection) -> None:
        """Another validator proposed what the rules forbid."""
        self._events.rejected(rejection)

    def _failed(self, error: Exception) -> None:
        _log.error("the application cannot go on", error=str(error))
        self._events.failed(error)

    # -- offering ----------------------------------------------------------------------------------------------------

    def _offer_all(self) -> None:
        client = EngineClient(self._files.rpc_socket)
        with client:
            while (batch := self._next_batch()) is not None:
                try:
                    self._offer(client, batch)
                except EngineUnreachableError:
                    self._rest(batch, REST_SECONDS / 5)
                except Exception as error:  # noqa: BLE001  whatever it is, intake must not go on without it
                    _log.exception("offering entries failed", error=str(error))
                    self._events.failed(error)
                    return

    def _next_batch(self) -> dict[bytes, bytes] | None:
        """What is due to be offered, waiting for it; None when the engine is being stopped."""
        with self._changed:
            while not self._stopping:
                batch = self._due(time.monotonic())
                if batch:
                    return batch
                self._changed.wait(timeout=1.0 if self._waiting else None)
        return None

    def _due(self, now: float) -> dict[bytes, bytes]:
        batch: dict[bytes, bytes] = {}
        size = 0
        for entry_id, waiting in self._waiting.items():
            if waiting.offer_at > now:
                continue
            size += len(waiting.submission)
            if batch and (size > BATCH_BYTES or len(batch) == BATCH_ENTRIES):
                break
            batch[entry_id] = waiting.submission
        for entry_id in batch:
            self._waiting[entry_id].offer_at = now + OFFER_AGAIN_SECONDS
        return batch

    def _offer(self, client: EngineClient, batch: dict[bytes, bytes]) -> None:
        answers = client.offer(list(batch.values()))
        rest = [
            entry_id
            for (entry_id, submission), answer in zip(batch.items(), answers, strict=True)
            if answer.busy or (answer.code and not self._settle_refused(entry_id, submission))
        ]
        self._rest(rest, REST_SECONDS)

    def _settle_refused(self, entry_id: bytes, submission: bytes) -> bool:
        """Tell the sender if the entry can never be valid; False if it only waits for something."""
        error = self._refusal(submission)
        if error is None or (isinstance(error, RefusedError) and not error.permanent):
            return False
        with self._changed:
            self._forget([entry_id])
        self._events.refused(entry_id, error)
        return True

    def _refusal(self, submission: bytes) -> LedgerError | None:
        """Why the committed state refuses a submission now."""
        with contextlib.suppress(StoreError):
            try:
                self._application.check(submission, self._clock_ms())
            except StoreError:
                raise
            except LedgerError as error:
                return error
        return None

    def _rest(self, entry_ids: Sequence[bytes] | dict[bytes, bytes], seconds: float) -> None:
        with self._changed:
            for entry_id in entry_ids:
                if entry_id in self._waiting:
                    self._waiting[entry_id].offer_at = time.monotonic() + seconds

    def _forget(self, entry_ids: Sequence[bytes]) -> None:
        for entry_id in entry_ids:
            waiting = self._waiting.pop(entry_id, None)
            if waiting is not None:
                self._bytes -= len(waiting.submission)
