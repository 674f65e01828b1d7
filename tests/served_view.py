"""What a served node's tile endpoints give, without the HTTP."""

from __future__ import annotations

from node.service import Node


class ServedView:
    """A running node's newest final view, as a source; the node goes on meanwhile."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._checkpoint = node.final.checkpoint_text

    def checkpoint(self) -> str:
        return self._checkpoint

    def tile(self, level: int, n: int, width: int) -> bytes:
        return self._node.final.view.tile(level, n, width)

    def entry_bundle(self, n: int, width: int) -> bytes:
        return self._node.final.view.entry_bundle(n, width)

    def records_bundle(self, n: int, width: int) -> bytes:
        return self._node.final.view.records_bundle(n, width)
