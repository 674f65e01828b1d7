"""Cosignatures between validators: each tells the others what it has signed, and asks for what it misses.

Rules: over TLS, with the certificates that were exchanged by hand and with no others (docs/operating.md): both sides show
theirs. One thread to a peer, so that a slow or dead one holds nobody up. Only the newest checkpoint is ever sent, since it
covers the ones before; it is sent until the peer has taken it. Whatever a peer answers is checked like what a stranger says
(`node.finality`), and read no further than a checkpoint can be long, uncompressed, and for no longer than it may take: whoever
lies may also answer without end. A peer with which there is nothing to settle is still asked now and then, so that what is
said about it is true; the Date on its answers (RFC 9110 §6.6.1) tells how its clock stands to this one's.

What this module does not do: decide what is final, or order entries: that is the engine's business, over connections of its
own.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, Protocol

import httpx
import structlog

from ledger.errors import LedgerError
from ledger.note import MAX_NOTE_BYTES
from node.threads import Link, Links

PATH: Final = "/v1/cosignatures"
ASK_SECONDS: Final = 2.0
"""How often a peer whose cosignature is missing is asked for it."""
QUIET_SECONDS: Final = 10.0
"""After so long without a word a peer is asked although there is nothing to ask."""
_TIMEOUT_SECONDS: Final = 10.0
_WHOLE_SECONDS: Final = 20.0
"""How long an answer may take in all."""
_FIRST_PAUSE_SECONDS: Final = 0.5
_MAX_PAUSE_SECONDS: Final = 15.0

_log = structlog.get_logger("peers")


@dataclass(frozen=True, slots=True)
class Peer:
    """Another validator's node."""

    name: str
    """The validator's name on the ledger."""
    url: str
    """https address of its peer listener."""
    certificate: Path
    """Its certificate (PEM), the only one it may show."""


class Gathering(Protocol):
    """What is gathered, as `node.finality.Finality` has it."""

    def newest_text(self) -> str | None:
        """The newest committed checkpoint with all signatures gathered for it."""

    def missing(self) -> tuple[str, ...]:
        """Names of the validators whose cosignature on it is not here."""


@dataclass(frozen=True, slots=True)
class PeerState:
    """How a peer is doing, for whoever operates this node."""

    name: str
    reached_s: float | None
    """Seconds since it last answered; None if it never did."""
    problem: str
    """Why it was not reached the last time; empty if it was."""
    clock_s: float | None = None
    """Seconds by which its clock is ahead of this node's, good to a second or two; None if it never told."""


class PeerLink(Link[PeerState]):
    """The thread that talks to one peer."""

    def __init__(
        self,
        peer: Peer,
        context: ssl.SSLContext,
        gathering: Gathering,
        receive: Callable[[str, str], None],
        clock_ms: Callable[[], int],
    ) -> None:
        """`receive` takes a peer's name and the text of a checkpoint that it sent, and raises LedgerError if that is wrong;
        `clock_ms` is this node's clock, milliseconds since the epoch.
        """
        client = httpx.Client(base_url=peer.url, verify=context, timeout=_TIMEOUT_SECONDS, trust_env=False)
        super().__init__(f"sogoc-peer-{peer.name}", client)
        self._peer = peer
        self._clock_ms = clock_ms
        self._gathering = gathering
        self._receive = receive
        self._sent: str | None = None
        self._reached: float | None = None
        self._problem = ""
        self._clock_s: float | None = None

    @property
    def state(self) -> PeerState:
        """How the peer is doing."""
        reached = self._reached
        return PeerState(
            self._peer.name,
            None if reached is None else time.monotonic() - reached,
            self._problem,
            self._clock_s,
        )

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                self._talk()
            except (httpx.HTTPError, LedgerError, ssl.SSLError) as error:
                self._failed(error)
                self._news.wait(pause)
                # Soon at first: a peer that is started again is back in seconds.
                pause = min(2 * pause, _MAX_PAUSE_SECONDS)
            else:
                pause = _FIRST_PAUSE_SECONDS
                self._news.wait(ASK_SECONDS)
            self._news.clear()

    def _failed(self, error: Exception) -> None:
        problem = f"{type(error).__name__}: {error}"
        if problem != self._problem:
            _log.warning("peer not reached", peer=self._peer.name, problem=problem)
        self._problem = problem

    def _talk(self) -> None:
        was_quiet = self._reached is None or time.monotonic() - self._reached >= QUIET_SECONDS
        text = self._gathering.newest_text()
        if text is not None and text != self._sent:
            self._ask("POST", text)
            self._sent = text
        if self._peer.name in self._gathering.missing() or was_quiet:
            answer = self._ask("GET")
            if answer:
                self._receive(self._peer.name, answer)
        self._problem = ""

    def _ask(self, method: str, text: str | None = None) -> str:
        """Send one request; returns what was answered. Raises LedgerError (`peer.*`), httpx.HTTPError."""
        headers = {"Content-Type": "text/plain", "Accept-Encoding": "identity"}
        with self._client.stream(method, PATH, content=text, headers=headers) as answer:
            body = self._body(answer)
        if not answer.is_success:
            said = body[:200].decode("utf-8", "replace")
            raise LedgerError("peer.refused", f"the peer answers {answer.status_code}: {said}")
        self._reached = time.monotonic()
        with contextlib.suppress(KeyError, ValueError, OverflowError):
            theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
            self._clock_s = theirs - self._clock_ms() / 1000
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise LedgerError("peer.answer", "the peer's answer is not a text in UTF-8") from error

    def _body(self, answer: httpx.Response) -> bytes:
        body = bytearray()
        end = time.monotonic() + _WHOLE_SECONDS
        for part in answer.iter_raw():
            body += part
            if len(body) > MAX_NOTE_BYTES:
                raise LedgerError("peer.too-large", "the peer's answer is larger than any checkpoint")
            if self._stopping.is_set() or time.monotonic() > end:
                raise LedgerError("peer.slow", "the peer's answer did not come in time")
        return bytes(body)


class Peers(Links[PeerState]):
    """The links to all other validators."""

    def __init__(
        self,
        peers: Sequence[Peer],
        context_for: Callable[[Peer], ssl.SSLContext],
        gathering: Gathering,
        receive: Callable[[str, str], None],
        clock_ms: Callable[[], int],
    ) -> None:
        """`context_for` gives the TLS settings by which a peer is reached; the rest as for a `PeerLink`."""
        super().__init__([PeerLink(peer, context_for(peer), gathering, receive, clock_ms) for peer in peers])
