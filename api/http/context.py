"""What the endpoints share: the node, its limits, and where blocks begin and end.

Rules: an answer is made from one `FinalView`, taken once at its beginning, so that its parts belong together.
"""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from api.http.body import BodyBudget
from api.http.limits import Limits
from ledger.block import parse_header_leaf
from ledger.errors import FormatError
from ledger.hashing import HASH_SIZE
from ledger.store.view import LedgerView
from node.enrolments import Enrolments
from node.receipts import FinalView
from node.service import Node
from node.vault.keeper import VaultKeeper
from node.witness.acting import Witness

_HEX = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class BlockPlace:
    """Which leaves of the log a block holds, and its chain time."""

    first_index: int
    header_index: int
    height: int
    time_ms: int


class BlockPlaces:
    """The newest blocks' places, which most answers are about. Blocks never change, so what is kept stays true."""

    def __init__(self, keep: int = 256) -> None:
        self._keep = keep
        self._places: list[BlockPlace] = []
        self._lock = threading.Lock()

    def find(self, view: LedgerView, index: int) -> BlockPlace:
        """The block that holds the leaf at `index`, which is in the view."""
        with self._lock:
            at = bisect_right(self._places, index, key=lambda place: place.first_index) - 1
            if at >= 0 and index <= self._places[at].header_index:
                return self._places[at]
        return self._look_up(view, index)

    def _look_up(self, view: LedgerView, index: int) -> BlockPlace:
        # What is asked for is most often in one of the last blocks: try these before searching among all.
        head = view.head.height
        for height in range(head, max(-1, head - 4), -1):
            place = place_of_block(view, height)
            self._remember(place)
            if place.first_index <= index:
                return place
        return place_of_block(view, view.height_of_index(index))

    def _remember(self, place: BlockPlace) -> None:
        with self._lock:
            at = bisect_right(self._places, place.first_index, key=lambda known: known.first_index)
            if at == 0 or self._places[at - 1] != place:
                self._places.insert(at, place)
            if len(self._places) > self._keep:
                self._places.pop(0)


def place_of_block(view: LedgerView, height: int) -> BlockPlace:
    """Where the block at `height` stands."""
    header = parse_header_leaf(view.header_leaf(height))
    return BlockPlace(header.first_index, header.index, height, header.time_ms)


@dataclass(slots=True)
class Context:
    """One for each application."""

    node: Node
    limits: Limits
    clock_ms: Callable[[], int]
    vault: VaultKeeper | None
    witness: Witness | None
    genesis_leaf: bytes
    enrolments: Enrolments
    bodies: BodyBudget = field(default_factory=BodyBudget)
    places: BlockPlaces = field(default_factory=BlockPlaces)
    started: float = field(default_factory=time.monotonic)
    listeners: int = 0
    """Streams of events that are open."""

    @property
    def policy_text(self) -> str:
        """The policy that judges the newest final checkpoint."""
        return self.final.policy.format()

    @property
    def final(self) -> FinalView:
        """The newest final view; take it once for each answer."""
        return self.node.final


def context_of(request: Request) -> Context:
    """The application's context."""
    context = request.app.state.context
    if not isinstance(context, Context):
        raise TypeError("the application was not made by create_app")
    return context


def parse_id(text: str, what: str) -> bytes:
    """32 bytes from 64 hexadecimal digits. Raises FormatError, rule `request.id`."""
    if not _HEX.fullmatch(text):
        raise FormatError("request.id", f"{what} is written as {2 * HASH_SIZE} hexadecimal digits")
    return bytes.fromhex(text)
