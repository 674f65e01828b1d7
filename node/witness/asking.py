"""Asking outside witnesses for their cosignatures (c2sp.org/tlog-witness): who is in no quorum here, and has seen it all the
same.

Rules: the file `witnesses` lists them, as lines of a C2SP policy: `witness <name> <vkey> <url>`. Only final checkpoints are
sent, the newest only, and one thread serves each witness, so that a slow or dead one holds nobody up: finality never waits.
What comes back is checked before it is kept, its time too. A witness that knows another size is told from there; one that
knows more of this ledger than this node has, or another root, is reported and not argued with.

What this module does not do: count these cosignatures for anything. Receipts carry them; who reads one decides by a policy of
his own what they are worth.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import structlog

from ledger import checkpoint as checkpoints
from ledger import tiles
from ledger.errors import LedgerError
from ledger.note import COSIGNING_KEY, NoteSignature, VerifierKey
from ledger.policy import MAX_POLICY_BYTES, NO_QUORUM, Policy, Witness
from ledger.witnessing import (
    MAX_ANSWER_BYTES,
    PATH,
    cosignature_by,
    format_request,
    parse_cosignatures,
    parse_size,
)
from node.config import ConfigError
from node.finality import FinalCheckpoint
from node.metrics import Metrics
from node.threads import Link, Links

MAX_WITNESSES: Final = 16
"""Outside witnesses: with the signatures of the largest set of validators they fit on one checkpoint."""
PAUSE_SECONDS: Final = 1.0
"""A witness is asked no more often, however fast the ledger grows."""
_MAX_PAUSE_SECONDS: Final = 60.0
_TIMEOUT_SECONDS: Final = 10.0
_WHOLE_SECONDS: Final = 20.0
_CLOCK_AHEAD_SECONDS: Final = 300
_ATTEMPTS: Final = 3
"""Requests in a row: one to learn where the witness stands, one to go on from there, and one if it was told more meanwhile."""
_CONFLICT: Final = 409

_log = structlog.get_logger("witnesses")

Keep = Callable[[int, VerifierKey, NoteSignature], None]
"""Takes a checked cosignature on the checkpoint of a tree size."""


class WitnessError(LedgerError):
    """A witness did not cosign; the detail says why."""


@dataclass(frozen=True, slots=True)
class OutsideState:
    """How an outside witness is doing, for whoever operates this node."""

    name: str
    url: str
    size: int
    """Tree size that it has cosigned last; 0 if it has not since the start."""
    cosigned_s: int | None
    """Time of that cosignature, seconds since the epoch."""
    problem: str
    """Why it did not cosign the last time; empty if it did."""


def load_witnesses(path: Path) -> tuple[Witness, ...]:
    """Read the list of outside witnesses; none if there is no file. Raises ConfigError (`witnesses.*`)."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_POLICY_BYTES)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError("witnesses.read", f"cannot read {path}: {error.strerror}") from error
    try:
        policy = Policy.parse(data + f"quorum {NO_QUORUM}\n".encode())
    except LedgerError as error:
        raise ConfigError("witnesses.policy", f"{path}: {error.detail} ({error.rule})") from error
    if policy.logs or policy.groups:
        raise ConfigError("witnesses.line", f"{path}: the lines here are `witness <name> <vkey> <url>`")
    if len(policy.witnesses) > MAX_WITNESSES:
        raise ConfigError("witnesses.many", f"{path}: at most {MAX_WITNESSES} outside witnesses are asked")
    for one in policy.witnesses:
        if one.url is None or not one.url.startswith(("https://", "http://")):
            raise ConfigError("witnesses.url", f"{path}: {one.name} needs the address at which it is asked")
        if one.key.type != COSIGNING_KEY:
            raise ConfigError(
                "witnesses.key", f"{path}: {one.name} has a key whose cosignatures cannot be checked here"
            )
    return policy.witnesses


class OutsideLink(Link[OutsideState]):
    """The thread that asks one witness."""

    def __init__(
        self,
        witness: Witness,
        newest: Callable[[], FinalCheckpoint | None],
        keep: Keep,
        *,
        metrics: Metrics,
        refresh_seconds: float,
        clock_s: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`newest` gives the newest final checkpoint. A checkpoint that stays the newest is cosigned again after
        `refresh_seconds`, so that its proven time stays fresh.
        """
        client = httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False, transport=transport)
        super().__init__(f"sogoc-witness-{witness.name}", client)
        self._witness = witness
        self._newest = newest
        self._keep = keep
        self._metrics = metrics
        self._refresh_seconds = refresh_seconds
        self._clock_s = clock_s
        self._url = (witness.url or "").rstrip("/") + PATH
        self._known_size = 0
        self._cosigned: tuple[int, int, float] | None = None
        self._problem = ""

    @property
    def state(self) -> OutsideState:
        """How the witness is doing."""
        size, time_s, _ = self._cosigned or (0, None, 0.0)
        return OutsideState(self._witness.name, self._witness.url or "", size, time_s, self._problem)

    def ask(self) -> None:
        """Get the newest final checkpoint cosigned, if it is not yet. Raises LedgerError or httpx.HTTPError."""
        final = self._newest()
        if final is None or not self._is_due(final.view.head.size):
            return
        for _ in range(_ATTEMPTS):
            if self._ask_once(final):
                return
        raise WitnessError(
            "witnesses.moving", "the witness is being told of this ledger by others all the time"
        )

    def _is_due(self, size: int) -> bool:
        if self._cosigned is None or self._cosigned[0] < size:
            return True
        return time.monotonic() - self._cosigned[2] >= self._refresh_seconds

    def _ask_once(self, final: FinalCheckpoint) -> bool:
        """Send one request; returns whether it is done, or else has said from where to go on."""
        size, old_size = final.view.head.size, self._known_size
        path = tiles.consistency_proof(final.view, old_size, size) if 0 < old_size < size else []
        status, body = self._post(format_request(old_size, path, final.checkpoint_text))
        if status == _CONFLICT:
            known = parse_size(body)
            if known == old_size:
                raise WitnessError(
                    "witnesses.other-root",
                    f"{self._witness.name} says that it has cosigned another history of this ledger, of size {known}: find out "
                    "which one is true",
                )
            if known > size:
                raise WitnessError(
                    "witnesses.ahead", f"{self._witness.name} has cosigned size {known}, and here is {size}"
                )
            self._known_size = known
            return False
        if status != httpx.codes.OK:
            said = body[:200].decode("utf-8", "replace")
            raise WitnessError("witnesses.refused", f"{self._witness.name} answers {status}: {said}")
        text = checkpoints.parse(final.checkpoint_text).note.text
        signature, time_s = cosignature_by(self._witness.key, parse_cosignatures(body), text)
        if time_s > self._clock_s() + _CLOCK_AHEAD_SECONDS:
            raise WitnessError(
                "witnesses.time", f"{self._witness.name} says that it cosigned at {time_s}, which is to come"
            )
        self._known_size = size
        self._keep(size, self._witness.key, signature)
        self._cosigned = (size, time_s, time.monotonic())
        self._metrics.outside_size.labels(witness=self._witness.name).set(size)
        return True

    def _post(self, request: str) -> tuple[int, bytes]:
        headers = {"Content-Type": "text/plain; charset=utf-8", "Accept-Encoding": "identity"}
        with self._client.stream("POST", self._url, content=request.encode(), headers=headers) as answer:
            body = bytearray()
            end = time.monotonic() + _WHOLE_SECONDS
            for part in answer.iter_raw():
                if self._stopping.is_set() or time.monotonic() > end:
                    raise WitnessError("witnesses.slow", "the answer did not come in time")
                body += part
                if len(body) > MAX_ANSWER_BYTES:
                    raise WitnessError("witnesses.answer", "the answer is larger than cosignatures are")
            return answer.status_code, bytes(body)

    def _run(self) -> None:
        pause = PAUSE_SECONDS
        while not self._stopping.is_set():
            self._news.clear()
            try:
                self.ask()
            except (httpx.HTTPError, LedgerError) as error:
                self._failed(error)
                pause = min(2 * pause, _MAX_PAUSE_SECONDS)
                self._stopping.wait(pause)
            else:
                self._problem = ""
                pause = PAUSE_SECONDS
                self._stopping.wait(pause)
                self._news.wait(self._refresh_seconds)

    def _failed(self, error: Exception) -> None:
        problem = error.detail if isinstance(error, LedgerError) else f"{type(error).__name__}: {error}"
        rule = error.rule if isinstance(error, LedgerError) else "witnesses.unreachable"
        self._metrics.outside_failures.labels(witness=self._witness.name, rule=rule).inc()
        if problem != self._problem:
            _log.warning("not cosigned by an outside witness", witness=self._witness.name, problem=problem)
        self._problem = problem


class Outside(Links[OutsideState]):
    """The links to all outside witnesses."""

    def __init__(
        self,
        witnesses: Sequence[Witness],
        newest: Callable[[], FinalCheckpoint | None],
        keep: Keep,
        *,
        metrics: Metrics,
        refresh_seconds: float,
    ) -> None:
        """As `OutsideLink`, for each of them."""
        super().__init__(
            [
                OutsideLink(one, newest, keep, metrics=metrics, refresh_seconds=refresh_seconds)
                for one in witnesses
            ]
        )
