"""Which committed checkpoint is final: cosignatures gathered from all validators until they are a quorum.

Rules (docs/architecture.md, "Finality"): a checkpoint is judged by the validators in the state before its last block; it is
final once a quorum of them has cosigned it, or a larger one. Each signature is checked before it is kept, and kept in the
store, so that it survives a restart. What is signed for a size that this node has not committed yet waits until it has. A
validly signed root that is not this ledger's is never dropped: it is reported (`Dissent`), with proof if the signer
contradicts itself.

What this module does not do: sign (`node.cosigning`), send or fetch anything (`node.peers`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger import checkpoint as checkpoints
from ledger import note as notes
from ledger import tiles
from ledger.block import parse_header_leaf
from ledger.checkpoint import Checkpoint
from ledger.errors import FormatError
from ledger.genesis import validators_policy
from ledger.note import COSIGNING_KEY, MAX_SIGNATURES, Note, NoteSignature, VerifierKey
from ledger.policy import Policy, quorum_size
from ledger.store.ledger_store import LedgerStore
from ledger.store.view import LedgerSnapshot
from ledger.validators import current_set, judging_set
from node.cosigned import CosignedBook

MAX_PENDING: Final = 64
"""Committed checkpoints that wait for a quorum, each with a snapshot; the oldest are given up, since a larger one covers
them.
"""
MAX_EARLY: Final = 8
"""Checkpoints of one validator that are kept until this node has committed as much."""

_Signatures = dict[tuple[str, bytes], NoteSignature]


@dataclass(frozen=True, slots=True)
class FinalCheckpoint:
    """A committed state of the ledger and the text by which a quorum vouches for it."""

    view: LedgerSnapshot
    checkpoint_text: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class Dissent:
    """A validator has signed a root that is not this ledger's."""

    key: VerifierKey
    checkpoint_text: str
    """What it signed, with its signature alone."""


@dataclass(slots=True)
class _Pending:
    view: LedgerSnapshot
    policy: Policy
    keys: dict[tuple[str, bytes], VerifierKey]
    body: str
    signatures: _Signatures = field(default_factory=dict)

    @property
    def size(self) -> int:
        return self.view.head.size

    def text(self) -> str:
        """The checkpoint with all signatures, in the order of the policy's lines."""
        known = [self.signatures[line] for line in self.keys if line in self.signatures]
        # The validators come first: what an outside witness adds never costs one of them its place.
        return notes.format(Note(self.body, tuple(known[:MAX_SIGNATURES])))


class Finality:
    """Gathers signatures. All methods may be called from any thread."""

    def __init__(
        self,
        store: LedgerStore,
        origin: str,
        *,
        dissented: Callable[[Dissent], None],
        signed: Callable[[VerifierKey, int], None] = lambda _key, _size: None,
        outside: Sequence[VerifierKey] = (),
        cosigned: CosignedBook | None = None,
    ) -> None:
        """`dissented` is called with no lock held. `signed` hears of each signature that is kept, with the tree size, and
        may call nothing here. `cosigned` remembers what each validator has cosigned last, also what comes too late to
        count. `outside`: keys of witnesses that count for no quorum, and whose cosignatures are kept all the
        same.
        """
        self._store = store
        self._origin = origin
        self._dissented = dissented
        self._signed = signed
        self._cosigned = CosignedBook(None) if cosigned is None else cosigned
        self._outside = {(key.name, key.key_id): key for key in outside}
        self._lock = threading.RLock()
        self._pending: OrderedDict[int, _Pending] = OrderedDict()
        self._early: dict[tuple[str, bytes], OrderedDict[int, tuple[Checkpoint, NoteSignature]]] = {}
        self._final: FinalCheckpoint | None = None

    @property
    def final(self) -> FinalCheckpoint | None:
        """The newest final checkpoint; None after a start until a quorum has signed this node's newest block or a later
        one.
        """
        return self._final

    def committed(self, view: LedgerSnapshot) -> None:
        """A block is in the store, and `view` is of the ledger as it is then. What was kept or came early for it is
        counted.
        """
        size = view.head.size
        with self._lock:
            if size in self._pending or (self._final is not None and size <= self._final.view.head.size):
                return
            validators = judging_set(view, parse_header_leaf(view.header_leaf(view.head.height)))
            policy = validators_policy(self._origin, validators)
            pending = _Pending(
                view,
                policy,
                {(key.name, key.key_id): key for key in policy_keys(policy)} | self._outside,
                checkpoints.body(self._origin, size, view.head.root),
            )
            self._pending[size] = pending
            while len(self._pending) > MAX_PENDING:
                self._pending.popitem(last=False)
        kept = view.signed_checkpoint(size)
        if kept is not None:
            self.receive(kept)
        for text in self._take_early(size):
            self.receive(text)

    def receive(self, text: str) -> bool:
        """Take the signatures by validators in a checkpoint; returns whether one of them was new here.

        Raises FormatError if it is none of this ledger's, VerificationError if a signature under a validator's name is not
        its.
        """
        checkpoint = checkpoints.parse(text)
        if checkpoint.origin != self._origin or checkpoint.extensions:
            raise FormatError("finality.origin", "the checkpoint is not of this ledger")
        with self._lock:
            pending = self._pending.get(checkpoint.size)
            if pending is not None:
                fresh, dissents = self._count(pending, checkpoint)
            elif checkpoint.size > self._store.head.size:
                return self._keep_early(checkpoint)
            else:
                fresh, dissents = False, self._compare_old(checkpoint)
        for dissent in dissents:
            self._dissented(dissent)
        return fresh

    def keep_outside(self, size: int, key: VerifierKey, signature: NoteSignature) -> None:
        """Keep the checked cosignature of a witness that is in no quorum, on this ledger's checkpoint of `size`.

        Raises FormatError, StoreError.
        """
        with self._lock:
            pending = self._pending.get(size)
            if pending is not None:
                pending.signatures[key.name, key.key_id] = signature
                self._settle(pending)
                self._signed(key, size)
                return
            kept = self._store.signed_checkpoint(size)
            if kept is None:
                return
            note = notes.parse(kept)
            others = tuple(one for one in note.signatures if (one.name, one.key_id) != (key.name, key.key_id))
            if len(others) < MAX_SIGNATURES:
                self._store.put_signatures(size, notes.format(Note(note.text, (*others, signature))))
                self._signed(key, size)

    def newest_text(self) -> str | None:
        """The newest committed checkpoint with all signatures gathered for it, to be sent to others."""
        with self._lock:
            if self._pending:
                pending = next(reversed(self._pending.values()))
                return pending.text() if pending.signatures else None
            return None if self._final is None else self._final.checkpoint_text

    def missing(self) -> tuple[str, ...]:
        """Names of the validators whose cosignature on the newest committed checkpoint is not here."""
        with self._lock:
            if not self._pending:
                return ()
            pending = next(reversed(self._pending.values()))
            return tuple(
                witness.name
                for witness in pending.policy.witnesses
                if (witness.name, witness.key.key_id) not in pending.signatures
            )

    # -- within ------------------------------------------------------------------------------------------------------

    def _count(self, pending: _Pending, checkpoint: Checkpoint) -> tuple[bool, list[Dissent]]:
        signed = verified(checkpoint, pending.keys)
        if checkpoint.root != pending.view.head.root:
            return False, _dissents(checkpoint, signed)
        fresh = False
        for key, signature in signed:
            line = (key.name, key.key_id)
            known = pending.signatures.get(line)
            if known is None or _is_newer(signature, known, key):
                pending.signatures[line] = signature
                fresh = True
                self._cosigned.heard(key, checkpoint, signature)
        if fresh:
            self._settle(pending)
            for key, _ in signed:
                self._signed(key, pending.size)
        return fresh, []

    def _settle(self, pending: _Pending) -> None:
        text = pending.text()
        if self._store.signed_checkpoint(pending.size) != text:
            self._store.put_signatures(pending.size, text)
        # Each was checked when it came; a validator has one line, so that it counts once.
        cosigned = sum(
            (witness.name, witness.key.key_id) in pending.signatures for witness in pending.policy.witnesses
        )
        if cosigned < quorum_size(len(pending.policy.witnesses)):
            return
        if self._final is None or pending.size >= self._final.view.head.size:
            self._final = FinalCheckpoint(pending.view, text, pending.policy)
        # What is smaller is covered. This one stays: its cosignatures are made again when they grow old.
        for size in [size for size in self._pending if size < pending.size]:
            del self._pending[size]

    def _keep_early(self, checkpoint: Checkpoint) -> bool:
        # By the validators there are now: one who joins in a block that is not here yet will send again.
        keys = {
            (key.name, key.key_id): key
            for key in policy_keys(validators_policy(self._origin, current_set(self._store)))
        }
        fresh = False
        for key, signature in verified(checkpoint, keys):
            kept = self._early.setdefault((key.name, key.key_id), OrderedDict())
            fresh = fresh or checkpoint.size not in kept
            kept[checkpoint.size] = (checkpoint, signature)
            self._cosigned.heard(key, checkpoint, signature)
            while len(kept) > MAX_EARLY:
                kept.popitem(last=False)
        return fresh

    def _take_early(self, size: int) -> list[str]:
        found = []
        with self._lock:
            for kept in self._early.values():
                early = kept.pop(size, None)
                if early is not None:
                    checkpoint, signature = early
                    found.append(notes.format(Note(checkpoint.note.text, (signature,))))
        return found

    def _compare_old(self, checkpoint: Checkpoint) -> list[Dissent]:
        """What an old checkpoint says against this ledger."""
        view = self._store
        keys = {
            (key.name, key.key_id): key
            for key in policy_keys(validators_policy(self._origin, current_set(view)))
        }
        if checkpoint.size == 0:
            return []
        if checkpoint.root != tiles.root(view, checkpoint.size):
            return _dissents(checkpoint, verified(checkpoint, keys))
        # Too late to count; but it may be the last that its validator ever signs. The others' were heard in time.
        news = {line: key for line, key in keys.items() if self._cosigned.is_news(key, checkpoint.size)}
        for key, signature in verified(checkpoint, news):
            self._cosigned.heard(key, checkpoint, signature)
        return []


def policy_keys(policy: Policy) -> tuple[VerifierKey, ...]:
    """The keys of a policy's log and witness lines, in its order."""
    return (*(log.key for log in policy.logs), *(witness.key for witness in policy.witnesses))


def verified(
    checkpoint: Checkpoint, keys: dict[tuple[str, bytes], VerifierKey]
) -> list[tuple[VerifierKey, NoteSignature]]:
    """The signatures that are by one of `keys`, checked; those by others are passed over.

    Raises VerificationError if one that says it is by one of them is not.
    """
    found = []
    text = checkpoint.note.text
    for signature in checkpoint.note.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is None:
            continue
        if key.type == COSIGNING_KEY:
            checkpoints.verify_cosignature(text, signature, key)
        else:
            notes.verify_log_signature(text, signature, key)
        found.append((key, signature))
    return found


def _is_newer(signature: NoteSignature, known: NoteSignature, key: VerifierKey) -> bool:
    # A cosignature begins with its time, eight octets of which the first is the most significant.
    return key.type == COSIGNING_KEY and signature.signature[:8] > known.signature[:8]


def _dissents(checkpoint: Checkpoint, signed: list[tuple[VerifierKey, NoteSignature]]) -> list[Dissent]:
    # All log keys have one name; the cosignature is what counts, and says who it is.
    return [
        Dissent(key, notes.format(Note(checkpoint.note.text, (signature,))))
        for key, signature in signed
        if key.type == COSIGNING_KEY
    ]
