"""A node's log as a source for an audit: one checkpoint, held fast, and the tiles under it."""

from __future__ import annotations

from api.client import Client


class RemoteLog:
    """What an audit reads of a node (`ledger.verify.sources.base.LogSource`), as of the moment this is made."""

    def __init__(self, client: Client) -> None:
        """`client` stays the caller's. Raises ApiError if the node does not answer."""
        self._client = client
        self._checkpoint = client.checkpoint()

    def checkpoint(self) -> str:
        """The checkpoint that was newest at the beginning."""
        return self._checkpoint

    def transitions(self) -> bytes | None:
        """How the validators have changed."""
        return self._client.transitions()

    def tile(self, level: int, n: int, width: int) -> bytes:
        """The first `width` hashes of a tile."""
        return self._client.tile(level, n, width)

    def entry_bundle(self, n: int, width: int) -> bytes:
        """A bundle of leaves."""
        return self._client.entry_bundle(n, width)

    def records_bundle(self, n: int, width: int) -> bytes:
        """What stands beside those leaves."""
        return self._client.records_bundle(n, width)

    def snapshot(self) -> str:
        """The checkpoint of the state that the node hands out (`node.snapshot.SnapshotSource`)."""
        return self._client.snapshot()

    def snapshot_part(self, size: int, after: bytes | None) -> bytes:
        """Pages of that state."""
        return self._client.snapshot_part(size, after)
