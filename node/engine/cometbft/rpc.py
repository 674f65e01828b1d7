"""Asking the engine over its own socket: JSON-RPC 2.0, on a Unix socket that only this user may open.

Rules: entries are offered in batches of bounded size; an answer is the application's own verdict, told back by the engine,
or the engine's reason for not asking it. Whatever goes wrong on the way is `EngineUnreachableError`: the entry stays in the
outbox and is offered again.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from ledger.errors import LedgerError

BATCH_BYTES: Final = 4_000_000
"""Bytes of entries in one request; base64 makes them a third longer."""
BATCH_ENTRIES: Final = 500
_TIMEOUT_SECONDS: Final = 30.0
_KNOWN: Final = "tx already exists in cache"


class EngineUnreachableError(LedgerError):
    """The engine did not answer, or not in a way that can be read."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What became of an entry that was offered: `code` 0 if it is in the engine's mempool, the application's code if it was
    refused.
    """

    code: int
    busy: bool = False
    """Whether the engine took it for no reason of the entry's: a full mempool, say."""


class EngineClient:
    """One engine. Used by one thread at a time."""

    def __init__(self, socket: Path) -> None:
        self._client = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://engine", timeout=_TIMEOUT_SECONDS
        )

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def height(self) -> int:
        """The engine's newest height. Raises EngineUnreachableError."""
        answer = self._post({"jsonrpc": "2.0", "id": 0, "method": "status", "params": {}})
        try:
            return int(answer["result"]["sync_info"]["latest_block_height"])  # type: ignore[index]
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable() from error

    def offer(self, submissions: Sequence[bytes]) -> list[Offered]:
        """Offer entries to the mempool, each one checked by the application before this returns.

        Raises EngineUnreachableError; then any of them may have been taken.
        """
        answers = self._post(
            [
                {
                    "jsonrpc": "2.0",
                    "id": number,
                    "method": "broadcast_tx_sync",
                    "params": {"tx": base64.b64encode(submission).decode()},
                }
                for number, submission in enumerate(submissions)
            ]
        )
        if isinstance(answers, dict):
            answers = [answers]
        if not isinstance(answers, list) or len(answers) != len(submissions):
            raise _unreadable()
        offered: dict[int, Offered] = {}
        for answer in answers:
            if not isinstance(answer, dict) or not isinstance(answer.get("id"), int):
                raise _unreadable()
            offered[answer["id"]] = _offered(answer)
        try:
            return [offered[number] for number in range(len(submissions))]
        except KeyError as error:
            raise _unreadable() from error

    def _post(self, content: object) -> object:
        try:
            response = self._client.post("/", json=content)
            return response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise EngineUnreachableError(
                "engine.unreachable", f"the engine does not answer: {error}"
            ) from error


def _offered(answer: dict[str, object]) -> Offered:
    result = answer.get("result")
    if isinstance(result, dict) and isinstance(result.get("code"), int):
        return Offered(result["code"])
    error = answer.get("error")
    reason = f"{error.get('message', '')} {error.get('data', '')}" if isinstance(error, dict) else ""
    return Offered(0, busy=_KNOWN not in reason)


def _unreadable() -> EngineUnreachableError:
    return EngineUnreachableError("engine.answer", "the engine's answer is not of the expected form")
