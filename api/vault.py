"""A typed client of a node's vault: challenges signed with an officer's key.

Rules: what is kept is sent only over HTTPS or to this machine, which the node insists on too. An access is recorded on the
ledger by the caller before it is read (`api.cli.signing.submit_final`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from api.answers import Fields, unusable
from api.client import Client
from ledger.encoding import Value, encode
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.records.privacy import vault_message
from node.vault.batch import MAX_BATCH_BYTES, MAX_BATCH_ITEMS, batch_of

_OVERHEAD: Final = 64
"""Bytes of a batch beside a content, at most: the item, and lengths."""

_VERBS = {
    "store": "/v1/vault/items",
    "store-all": "/v1/vault/batches",
    "read": "/v1/vault/read",
    "state": "/v1/vault/state",
}


class VaultClient:
    """What an officer's key may ask of a node's vault. Every failure is an ApiError with the node's code."""

    def __init__(self, client: Client, chain_id: bytes, signer: SigningKey) -> None:
        self._client = client
        self._chain_id = chain_id
        self._signer = signer

    def store(self, owner: str, item: bytes, content: bytes) -> None:
        """Keep a content for `owner` under 32 bytes (`ledger.records.privacy.vault_item`); on the disk when this returns."""
        self._ask("store", [owner, item, sha256(content)], [owner, item, content])

    def store_all(self, owner: str, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep contents by item, in as few requests as their limits allow; each of these keeps all it has or nothing."""
        for part in _parts(items):
            batch = batch_of(part)
            self._ask("store-all", [owner, sha256(batch)], [owner, batch])

    def read(self, access: bytes) -> bytes:
        """What the final `access.log/1` record of id `access`, signed with the same key, names."""
        return self._ask("read", [access], [access])

    def state(self, owner: str, item: bytes) -> str:
        """`held`, `erased` or `unknown`."""
        state = Fields.of(self._ask("state", [owner, item], [owner, item])).text("state")
        if state not in {"held", "erased", "unknown"}:
            raise unusable("a vault's item is held, erased or unknown")
        return state

    def carry_out(self) -> int:
        """Have what tombstones name destroyed now; how many items that were."""
        return Fields.of(self._client.post("/v1/vault/carry-out", b"")).integer("erased")

    def _ask(self, verb: str, signed: list[bytes | str], sent: list[Value]) -> bytes:
        answer = Fields.of(self._client.post("/v1/vault/challenge", b""))
        challenge = answer.digits("challenge")
        signature = self._signer.sign(vault_message(self._chain_id, challenge, verb, *signed))
        body = encode([self._signer.public_key, challenge, signature, *sent])
        return self._client.post(_VERBS[verb], body)


def _parts(items: Iterable[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    """Items in groups that a request may hold."""
    part: list[tuple[bytes, bytes]] = []
    size = _OVERHEAD
    for item, content in items:
        more = len(content) + _OVERHEAD
        if part and (len(part) == MAX_BATCH_ITEMS or size + more > MAX_BATCH_BYTES):
            yield part
            part, size = [], _OVERHEAD
        part.append((item, content))
        size += more
    if part:
        yield part
