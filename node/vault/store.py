"""Keeping things that can be destroyed: each encrypted under a key of its own, which lies beside it, wrapped.

Rules:

* an item is known by 32 bytes (`ledger.records.privacy.vault_item`). Its content is encrypted with AES-256-GCM under a random
  key of its own; that key is wrapped with AES-256-GCM under the vault's key, which is in no backup of the vault. Both name the
  item in their authenticated data, so that nothing can be put in another's place;
* the vault's key is derived from a key file (`keys/vault.pem`) by HKDF-SHA-256, so key files, passphrases and their care are
  the same as everywhere else;
* erasing deletes wrapped key and content in one synced batch, leaves a mark that says so, and then writes the database's files
  anew, so that neither is in any of them. What a disk keeps in blocks that it no longer uses is encrypted, and its key is gone;
* an item is never replaced by another content: what was kept is what was committed to.

What this module does not do: say who may look, or know what a content means.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.errors import LedgerError, StoreCorruptError
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.store.database import Database

ITEM_SIZE: Final = 32
MAX_CONTENT_BYTES: Final = 16_000_000
"""Bytes of one content, at most: a long scanned file."""

_KEY_SIZE, _NONCE_SIZE = 32, 12
_KEY, _CONTENT, _ERASED, _USED, _CHECK = b"k", b"c", b"e", b"u", b"v"
_CHECK_KEY: Final = _CHECK + b"vault-key"
_KEY_CONTEXT, _CONTENT_CONTEXT = b"sogoc/v1/vault-key\0", b"sogoc/v1/vault-content\0"


class VaultError(LedgerError):
    """Something that a vault cannot do; the detail says why."""


class Kept(Enum):
    """What a vault has of an item."""

    HELD = "held"
    ERASED = "erased"
    UNKNOWN = "unknown"


def wrapping_key(key: SigningKey) -> bytes:
    """The vault's key, 32 bytes, out of the key in its key file (HKDF-SHA-256, RFC 5869)."""
    return HKDF(SHA256(), _KEY_SIZE, salt=None, info=b"sogoc/v1/vault").derive(key.seed)


def _sealed(key: bytes, context: bytes, item: bytes, plain: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_SIZE)
    return nonce + AESGCM(key).encrypt(nonce, plain, context + item)


def _opened(key: bytes, context: bytes, item: bytes, sealed: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], context + item)
    except (InvalidTag, ValueError) as error:
        raise StoreCorruptError(
            "vault.corrupt",
            f"item {item.hex()} of the vault does not open: it is damaged, or sealed with another vault's key",
        ) from error


class Vault:
    """An open vault. Any number of threads of one process may use it."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = key
        self._writing = threading.Lock()

    @classmethod
    def open(cls, path: Path, key: bytes, *, create: bool) -> Self:
        """Open the vault in the directory `path` with its 32-byte key; `create` makes one where there is none.

        Raises VaultError (`vault.key`: not this vault's key), StoreError.
        """
        database = Database.open(path, create=create)
        try:
            mark = database.get(_CHECK_KEY)
            if mark is None:
                database.write([(_CHECK_KEY, _sealed(key, _KEY_CONTEXT, _CHECK_KEY, b""))])
            else:
                cls._check_key(key, mark, path)
        except BaseException:
            database.close()
            raise
        return cls(database, key)

    @staticmethod
    def _check_key(key: bytes, mark: bytes, path: Path) -> None:
        try:
            _opened(key, _KEY_CONTEXT, _CHECK_KEY, mark)
        except StoreCorruptError as error:
            raise VaultError(
                "vault.key", f"keys/vault.pem does not open the vault in {path}: put the right key file back"
            ) from error

    def state(self, item: bytes) -> Kept:
        """Whether an item is held, has been erased, or was never here."""
        if self._database.get(_KEY + item) is not None:
            return Kept.HELD
        return Kept.UNKNOWN if self._database.get(_ERASED + item) is None else Kept.ERASED

    def put(self, item: bytes, content: bytes) -> None:
        """Keep a content; on the disk when this returns. Raises as `put_all`."""
        self.put_all([(item, content)])

    def put_all(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep contents by item, all of them or none, in one synced write; on the disk when this returns. The same content
        again changes nothing.

        Raises VaultError: `vault.item`, `vault.size`, `vault.erased`, `vault.exists` (another content is held, or stands in
        `items` too); StoreError.
        """
        for item, content in items:
            if len(item) != ITEM_SIZE:
                raise VaultError("vault.item", f"an item is known by {ITEM_SIZE} bytes")
            if not 1 <= len(content) <= MAX_CONTENT_BYTES:
                raise VaultError("vault.size", f"a content has from 1 to {MAX_CONTENT_BYTES} bytes")
        with self._writing:
            rows: list[tuple[bytes, bytes | None]] = []
            fresh: dict[bytes, bytes] = {}
            for item, content in items:
                if not self._is_new(item, content, fresh):
                    continue
                fresh[item] = content
                key = secrets.token_bytes(_KEY_SIZE)
                rows.append((_KEY + item, _sealed(self._key, _KEY_CONTEXT, item, key)))
                rows.append((_CONTENT + item, _sealed(key, _CONTENT_CONTEXT, item, content)))
            if rows:
                self._database.write(rows)

    def _is_new(self, item: bytes, content: bytes, fresh: Mapping[bytes, bytes]) -> bool:
        kept = self.state(item)
        if kept is Kept.ERASED:
            raise VaultError("vault.erased", "this item has been erased, for good")
        held = self.get(item) if kept is Kept.HELD else fresh.get(item)
        if held is not None and held != content:
            raise VaultError("vault.exists", "the vault holds another content under this identifier")
        return held is None

    def get(self, item: bytes) -> bytes:
        """The content of an item. Raises VaultError (`vault.erased`, `vault.unknown`), StoreCorruptError, StoreError."""
        wrapped = self._database.get(_KEY + item)
        if wrapped is None:
            if self.state(item) is Kept.ERASED:
                raise VaultError("vault.erased", "this item has been erased, for good")
            raise VaultError("vault.unknown", "the vault holds nothing under this identifier")
        content = self._database.get(_CONTENT + item)
        if content is None:
            raise StoreCorruptError("vault.corrupt", f"the vault has lost the content of item {item.hex()}")
        return _opened(_opened(self._key, _KEY_CONTEXT, item, wrapped), _CONTENT_CONTEXT, item, content)

    def erase(self, item: bytes) -> None:
        """Destroy an item's key and content, in the database and in its files. A second time, or for what was never here,
        it only makes sure of it. Raises StoreError.
        """
        with self._writing:
            self._database.write([(_KEY + item, None), (_CONTENT + item, None), (_ERASED + item, b"\x01")])
        self._database.compact()

    def use_once(self, ticket: bytes) -> None:
        """Note that a ticket has been used. Raises VaultError (`vault.used`) if it was already; StoreError."""
        with self._writing:
            if self._database.get(_USED + ticket) is not None:
                raise VaultError("vault.used", "this access has been used: record another")
            self._database.write([(_USED + ticket, b"\x01")])

    def items(self) -> Iterator[bytes]:
        """The items that are held, in order. Raises StoreError."""
        for key, _ in self._database.iterate(_KEY):
            yield key[1:]

    def rewrap(self, key: bytes) -> int:
        """Wrap every item's key under another vault's key, in one synced batch; return how many there are.

        The old key opens nothing any more, neither here nor in the files. Raises StoreError, StoreCorruptError.
        """
        rows: list[tuple[bytes, bytes | None]] = [
            (name, _sealed(key, _KEY_CONTEXT, name[1:], _opened(self._key, _KEY_CONTEXT, name[1:], wrapped)))
            for name, wrapped in self._database.iterate(_KEY)
        ]
        self._database.write([*rows, (_CHECK_KEY, _sealed(key, _KEY_CONTEXT, _CHECK_KEY, b""))])
        self._key = key
        self._database.compact()
        return len(rows)

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that tell this vault's key from another, and tell nothing about it."""
        return sha256(b"sogoc/v1/vault-fingerprint\0" + self._key)[:4].hex()

    def close(self) -> None:
        """Close the vault; nobody may be using it."""
        self._database.close()
