"""Trust that keeps up with the validators' changes, as every verifier's does: from one pinned policy, over what nodes tell.

Whether a quorum has cosigned is counted a second time here, by an arithmetic of its own: were the ledger's rule wrong, nodes
and checker would be wrong together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ledger.checkpoint import Checkpoint
from ledger.checkpoint import parse as parse_checkpoint
from ledger.epochs import Epochs, TileLinks
from ledger.errors import CannotTellError, VerificationError
from ledger.note import Note
from ledger.policy import CheckedCheckpoint, Policy, Trust
from ledger.tiles import tile_path
from ledger.transitions import Transitions


class Trusting:
    """The pinned policy, and what follows from it; asks for the changes whenever it cannot tell. For any thread."""

    def __init__(self, pinned: Policy, fetch: Callable[[str], bytes]) -> None:
        """`fetch` gets a path from any node that is there."""
        self.pinned = pinned
        self._fetch = fetch
        self._lock = threading.RLock()
        self._trust: Trust = pinned

    def check(self, note: Note | Checkpoint | str | bytes) -> CheckedCheckpoint:
        """As `Policy.check`. Raises VerificationError, rule `test.quorum`, if it has passed what a quorum has not signed."""
        with self._lock:
            try:
                return self._counted(self._trust.check(note))
            except CannotTellError:
                self.learn()
                return self._counted(self._trust.check(note))

    def _counted(self, checked: CheckedCheckpoint) -> CheckedCheckpoint:
        validators = len(self._trust.policy_at(checked.checkpoint.size).witnesses)
        signed = len({name for name, _ in checked.cosignatures})
        if 3 * signed <= 2 * validators:
            raise VerificationError(
                "test.quorum", f"{signed} of {validators} have cosigned, and it was passed"
            )
        return checked

    def policy_at(self, size: int) -> Policy:
        """As `Trust.policy_at`."""
        with self._lock:
            return self._trust.policy_at(size)

    def confirm(self, size: int, root: bytes, as_of_s: int | None) -> None:
        """As `Trust.confirm`."""
        with self._lock:
            self._trust.confirm(size, root, as_of_s)

    def learn(self) -> Epochs:
        """Fetch the changes, which prove themselves."""
        with self._lock:
            told = Transitions.parse(self._fetch("/v1/policy/epochs"))
            size = parse_checkpoint(self._fetch("/checkpoint").decode()).size
            found = Epochs.follow(self.pinned, told, TileLinks(_Tiles(self._fetch), size))
            self._trust = found
            return found


class _Tiles:
    def __init__(self, fetch: Callable[[str], bytes]) -> None:
        self._fetch = fetch
        self._known: dict[str, bytes] = {}

    def tile(self, level: int, n: int, width: int) -> bytes:
        path = "/" + tile_path(level, n, width)
        if path not in self._known:
            self._known[path] = self._fetch(path)
        return self._known[path]
