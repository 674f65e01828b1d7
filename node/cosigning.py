"""Cosigning: a validator's statement that every leaf is valid and the state root is correct.

Rules: only after the block is committed, only the newest committed checkpoint, never two roots at one size, never a smaller
size than before: (size, root) is in the commit's synced batch, and is checked again here before a key is touched.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger import checkpoint, note
from ledger.keys import SigningKey
from ledger.note import Note, NoteSignature
from ledger.store.ledger_store import LedgerStore
from ledger.store.values import Head


@dataclass(frozen=True, slots=True)
class Cosigner:
    """One validator's two keys for checkpoints: as the log, and as a cosigner."""

    origin: str
    name: str
    log_key: SigningKey
    cosigning_key: SigningKey

    @property
    def key_id(self) -> bytes:
        """32 bytes: the cosigning public key, under which the store remembers what it signed last."""
        return self.cosigning_key.public_key

    def sign(self, size: int, root: bytes, time_s: int) -> str:
        """The checkpoint of (size, root), signed as the log and cosigned at `time_s` (seconds since the epoch)."""
        body = checkpoint.body(self.origin, size, root)
        signatures: tuple[NoteSignature, ...] = (
            note.sign_log(body, self.origin, self.log_key),
            checkpoint.cosign(body, self.name, self.cosigning_key, time_s),
        )
        return note.format(Note(body, signatures))


def cosign_head(store: LedgerStore, cosigner: Cosigner, time_s: int) -> str:
    """Cosign the newest committed checkpoint and store it; returns its text. Raises as `cosign`."""
    return cosign(store, store.head, cosigner, time_s)


def cosign(store: LedgerStore, head: Head, cosigner: Cosigner, time_s: int) -> str:
    """Cosign the checkpoint of `head` and store it; returns its text. Raises as `sign`."""
    text = sign(store, head, cosigner, time_s)
    store.put_signatures(head.size, text)
    return text


def sign(store: LedgerStore, head: Head, cosigner: Cosigner, time_s: int) -> str:
    """Cosign the checkpoint of `head`, for whoever gathers signatures; returns its text with this cosigner's alone.

    Raises StoreError, rule `cosign.*`, if that would be a second root at one size or a step back; `cosign.not-newest` if a
    block was committed after `head`.
    """
    store.record_intent_to_sign(cosigner.key_id, head.size, head.root)
    return cosigner.sign(head.size, head.root, time_s)
