"""What a validator asks of another's engine, over the listener that only pinned certificates open: how far it is, and its data.

Rules: whoever hands out an engine's data can show an order of its own for what is not final yet. So only validators are asked,
whom people have admitted, and the ledger that is there before is verified by its own proofs. Nothing else of it is believed:
the application executes every block, and its root is compared.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import httpx

from ledger.errors import CannotTellError, LedgerError
from node.engine.cometbft.copying import unpack

ENGINE_PATH: Final = "/v1/engine"
STORES_PATH: Final = "/v1/engine/data"


class CopiedEngine(Protocol):
    """An engine, as far as others may ask (`node.engine.cometbft.engine.CometBftEngine`)."""

    @property
    def held(self) -> str:
        """Why it does not vote yet; empty if it does."""

    def height(self) -> int:
        """Its newest height. Raises EngineUnreachableError."""

    def stores(self) -> AbstractContextManager[Path]:
        """A folder with its stores, as long as the block lasts."""


@dataclass(frozen=True, slots=True)
class EngineState:
    """Where another validator's engine stands."""

    height: int
    votes: bool
    """False for one that was restored and does not vote yet."""


class PeerEngine:
    """Another validator's engine."""

    def __init__(self, name: str, client: httpx.Client) -> None:
        """`client` reaches the peer's listener, and stays the caller's."""
        self.name = name
        self._client = client

    def state(self) -> EngineState:
        """Where it stands. Raises CannotTellError (`network.peer`)."""
        try:
            answer = self._client.get(ENGINE_PATH)
            answer.raise_for_status()
            value = answer.json()
            return EngineState(int(value["height"]), bool(value["votes"]))
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise self._problem(error) from error

    def fetch(self, into: Path) -> None:
        """Write its stores, as they are now, into the folder `into`. Raises CannotTellError (`network.peer`), FormatError
        (`engine.copy`), OSError.
        """
        try:
            with self._client.stream("GET", STORES_PATH) as answer:
                answer.raise_for_status()
                unpack(io.BufferedReader(_Body(answer.iter_bytes())), into)
        except httpx.HTTPError as error:
            raise self._problem(error) from error

    def _problem(self, error: Exception) -> LedgerError:
        return CannotTellError(
            "network.peer", f"{self.name} does not answer as a validator's node does: {error}"
        )


class _Body(io.RawIOBase):
    """The body of an answer as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # what a BufferedReader hands it
        """Read some bytes; 0 at the end."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = chunk
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count
