"""A vault beside a node: what officers ask of it, and tombstones carried out.

Rules: what a tombstone on the ledger names is destroyed here, whoever asks and whenever the node learns of it: at its start,
with each request to erase, and every minute. So a crash between the tombstone and the destruction only delays it.

What this module does not do: HTTP, and knowing what a content means.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from ledger.errors import LedgerError, RefusedError
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.records import parse_record
from ledger.records.base import octets, text
from ledger.records.privacy import ERASURE, ERASURE_LOOKUP, vault_place
from ledger.rows import KeyRow, subject_key
from node.receipts import FinalView, parse_place
from node.service import Node, clock_ms
from node.vault.access import Challenges, Signed, check_officer, check_owner, recorded_access
from node.vault.batch import parse_batch
from node.vault.store import Kept, Vault, wrapping_key

_SWEEP_SECONDS: Final = 60.0
_log = structlog.get_logger("vault")


def open_vault(node: Node, key: SigningKey, *, clock_ms: Callable[[], int] = clock_ms) -> VaultKeeper:
    """The vault in a node's home, made if there is none yet; not started. Raises VaultError (`vault.key`), StoreError."""
    return VaultKeeper(node, Vault.open(node.home.vault, wrapping_key(key), create=True), clock_ms=clock_ms)


class VaultKeeper:
    """What may be asked of a vault. `start` begins its sweeps; `stop` ends them and closes the vault."""

    def __init__(self, node: Node, vault: Vault, *, clock_ms: Callable[[], int]) -> None:
        self._node = node
        self._vault = vault
        self._clock_ms = clock_ms
        self._challenges = Challenges(clock_ms)
        self._erasing = threading.Lock()
        self._carried_out: set[bytes] = set()
        self._stopping = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="sogoc-vault", daemon=True)

    def start(self) -> None:
        """Carry out what the ledger already says, and look again from time to time. Raises StoreError."""
        try:
            self.carry_out()
        except RefusedError as error:
            # One validator of several may wait for the others first; nothing is read of the vault before that either.
            if error.rule != "node.not-final":
                raise
        self._sweeper.start()

    def stop(self) -> None:
        """Close the vault; a second call does nothing."""
        if not self._stopping.is_set():
            self._stopping.set()
            if self._sweeper.is_alive():
                self._sweeper.join()
            self._vault.close()

    def challenge(self) -> tuple[bytes, int]:
        """A challenge to sign, 32 bytes, and until when, milliseconds since the epoch."""
        return self._challenges.give()

    def admit(self, signed: Signed, verb: str, *about: bytes | str) -> tuple[FinalView, KeyRow]:
        """Check that an officer signed this request; returns the ledger as it was judged on, and the key's row.

        Raises RefusedError: `vault.challenge`, `vault.signature`, `vault.key`, `vault.role`.
        """
        self._challenges.check(signed.challenge)
        final = self._node.final
        key = check_officer(final, self._node.chain_id, signed, verb, *about)
        # Only now: whoever is no officer uses nothing up.
        self._challenges.use(signed.challenge)
        return final, key

    def store(self, signed: Signed, owner: str, item: bytes, content: bytes) -> None:
        """Keep a content for a member; on the disk when this returns.

        Raises RefusedError (`vault.challenge`, `vault.signature`, `vault.key`, `vault.role`, `vault.owner`), VaultError,
        StoreError.
        """
        self._admit(signed, owner, "store", owner, item, sha256(content))
        self._keep(owner, [(item, content)])

    def store_all(self, signed: Signed, owner: str, batch: bytes) -> int:
        """Keep many contents for a member, all of them or none; on the disk when this returns how many there are.

        `batch` is what `batch_of` makes; it is signed by its SHA-256. Raises as `store`, and FormatError (`vault.batch`).
        """
        self._admit(signed, owner, "store-all", owner, sha256(batch))
        items = parse_batch(batch)
        self._keep(owner, items)
        return len(items)

    def _keep(self, owner: str, items: Sequence[tuple[bytes, bytes]]) -> None:
        # Nothing is erased meanwhile: a tombstone that becomes final after this look is carried out after this write.
        with self._erasing:
            final = self._node.final
            for item, _ in items:
                if self._is_erased(final, owner, item):
                    raise RefusedError("vault.erased", "the ledger says that this item has been erased")
            self._vault.put_all([(vault_place(owner, item), content) for item, content in items])
        for item, content in items:
            _log.info("stored", owner=owner, item=item.hex(), bytes=len(content))

    def read(self, signed: Signed, record_id: bytes) -> bytes:
        """What the recorded access `record_id` names. Raises as `store` and `recorded_access`; VaultError (`vault.used`)."""
        final, key = self.admit(signed, "read", record_id)
        access = recorded_access(final, record_id, signed.key, self._clock_ms())
        owner, item = text(access.body, "owner"), octets(access.body, "item")
        check_owner(final, key.member, owner)
        if self._is_erased(final, owner, item):
            raise RefusedError("vault.erased", "the ledger says that this item has been erased")
        content = self._vault.get(vault_place(owner, item))
        self._vault.use_once(record_id)
        _log.info("read", owner=owner, item=item.hex(), access=record_id.hex())
        return content

    def state(self, signed: Signed, owner: str, item: bytes) -> Kept:
        """Whether an item is held or erased. Raises as `store`."""
        self._admit(signed, owner, "state", owner, item)
        return self._vault.state(vault_place(owner, item))

    def carry_out(self) -> int:
        """Destroy what tombstones on the ledger name and the vault still holds; returns how many. Raises StoreError."""
        final = self._node.final
        done = 0
        with self._erasing:
            for tombstone, place in final.view.lookup(ERASURE_LOOKUP):
                if tombstone in self._carried_out:
                    continue
                body = parse_record(final.record(parse_place(place))).body
                owner, item = text(body, "authority"), octets(body, "item")
                if self._vault.state(vault_place(owner, item)) is Kept.HELD:
                    self._vault.erase(vault_place(owner, item))
                    _log.info("erased", owner=owner, item=item.hex())
                    done += 1
                self._carried_out.add(tombstone)
        return done

    def _admit(self, signed: Signed, owner: str, verb: str, *about: bytes | str) -> FinalView:
        final, key = self.admit(signed, verb, *about)
        check_owner(final, key.member, owner)
        return final

    def _is_erased(self, final: FinalView, owner: str, item: bytes) -> bool:
        return final.view.get(subject_key(ERASURE, owner, item)) is not None

    def _sweep(self) -> None:
        while not self._stopping.wait(_SWEEP_SECONDS):
            try:
                self.carry_out()
            except LedgerError as error:
                _log.exception("a tombstone could not be carried out; it is tried again", error=str(error))
