"""Changing a vault's key, so that copies of the old one open nothing that is kept from now on.

Rules: the new key file is on the disk before anything is wrapped under it, and takes the old one's name after; a crash at any
point leaves a vault that one of the two opens, and running it again finishes. The old file stays, under another name, for as
long as backups of the vault need it.

What this module does not do: ask for a passphrase, or know of a node that runs (the vault's lock keeps it out).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ledger.keys import SigningKey
from node import keyfiles
from node.home import VAULT_KEY, Home
from node.safe_files import sync_names
from node.vault.store import Vault, VaultError, wrapping_key


def rekey(home: Home, passphrase: Callable[[], str | None]) -> int:
    """Change the key of a stopped node's vault; returns how many items are wrapped anew. `keys/vault-old.pem` is the old key.

    Both files have one passphrase, which is asked for if there is one. Raises KeyFileError (`key-file.exists`: an old key is
    still there), VaultError, StoreError.
    """
    current, old, fresh = (home.key(VAULT_KEY + ending) for ending in ("", "-old", "-new"))
    if not current.exists() and fresh.exists():
        _rename(fresh, current)
        with_key = Vault.open(home.vault, wrapping_key(keyfiles.load(current, passphrase)), create=False)
        try:
            return sum(1 for _ in with_key.items())
        finally:
            with_key.close()
    if old.exists():
        raise keyfiles.KeyFileError(
            "key-file.exists", f"{old} is still there: destroy it, or move it away, before the next change"
        )
    said = passphrase() if keyfiles.is_encrypted(current) else None
    if not fresh.exists():
        keyfiles.generate(fresh, said)
    count = _rewrap(home.vault, keyfiles.load(current, said), keyfiles.load(fresh, said))
    _rename(current, old)
    _rename(fresh, current)
    return count


def _rewrap(path: Path, current: SigningKey, fresh: SigningKey) -> int:
    try:
        vault = Vault.open(path, wrapping_key(current), create=False)
    except VaultError:
        # An earlier run came as far as this: what it wrapped is wrapped once more.
        vault = Vault.open(path, wrapping_key(fresh), create=False)
    try:
        return vault.rewrap(wrapping_key(fresh))
    finally:
        vault.close()


def _rename(path: Path, name: Path) -> None:
    path.rename(name)
    sync_names(name.parent)
