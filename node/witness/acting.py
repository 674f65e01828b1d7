"""Acting as a witness (c2sp.org/tlog-witness): other ledgers' checkpoints, cosigned if they continue what was seen before.

Rules: nothing is cosigned that its ledger's policy does not pass, nor anything that does not extend, by proof, what was
cosigned last. What is cosigned is durable first (`node.witness.book`); looking, remembering and signing are one step for each
ledger, so that two requests at once never sign two histories. The key makes this one kind of statement and no other.

A ledger that contradicts itself does not get a cosignature, and is reported: if one key signed both sides, with evidence that
anybody checks (`ledger.evidence`).

What this module does not do: HTTP, or put what was seen on this node's own ledger (`node.witness.anchoring`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from ledger import checkpoint as checkpoints
from ledger import evidence as evidences
from ledger import note as notes
from ledger import proofs
from ledger.checkpoint import Checkpoint
from ledger.errors import CannotTellError, LedgerError, RefusedError, StoreError, VerificationError
from ledger.evidence import Evidence
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, LOG_KEY, Note, NoteSignature, VerifierKey
from ledger.policy import Policy
from ledger.witnessing import AddCheckpoint, parse_request
from node.evidence import EvidenceBook
from node.finality import policy_keys, verified
from node.home import Home
from node.metrics import Metrics
from node.witness.book import Seen, WitnessBook
from node.witness.witnessed import Witnessed

_LOCKS: Final = 64
"""Ledgers share them by origin: one is never judged twice at once, and a slow disk holds up few."""

_Signed = list[tuple[VerifierKey, NoteSignature]]
_log = structlog.get_logger("witness")


class WitnessConflictError(LedgerError):
    """The request does not begin where this witness stands; `size` is where it does."""

    def __init__(self, rule: str, detail: str, size: int) -> None:
        super().__init__(rule, detail)
        self.size = size


class Witness:
    """A witness with its key. Methods may be called from any thread."""

    def __init__(
        self,
        home: Home,
        key: SigningKey,
        *,
        evidence: EvidenceBook,
        metrics: Metrics,
        clock_ms: Callable[[], int],
    ) -> None:
        """Open the book and read which ledgers are witnessed. Raises HomeError, ConfigError, StoreCorruptError."""
        self._book = WitnessBook(home, key.public_key)
        self._key = key
        self._witnessed = Witnessed(home.witnessed)
        self._evidence = evidence
        self._metrics = metrics
        self._clock_ms = clock_ms
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))
        self._last: dict[str, Seen] = {}

    @property
    def key(self) -> VerifierKey:
        """Under which name and key it cosigns."""
        return self._book.key

    def witnessed(self) -> Mapping[str, Policy]:
        """The ledgers that are witnessed, by origin."""
        return self._witnessed.policies()

    def seen(self) -> list[Seen]:
        """What was cosigned last, for each ledger that is witnessed and was seen; a damaged file is left out."""
        found = []
        for origin in sorted(self.witnessed()):
            try:
                seen = self._known(origin)
            except StoreError:
                continue
            if seen.text:
                found.append(seen)
        return found

    def add_checkpoint(self, data: bytes) -> str:
        """Judge a request and return the cosignature's line, its statement durable before.

        Raises FormatError; RefusedError: `witness.unknown-ledger`, `witness.not-signed`, `witness.old-size-above`,
        `witness.path`; WitnessConflictError: `witness.other-size`, `witness.other-root`; StoreError.
        """
        try:
            line = self._add(data)
        except LedgerError as error:
            self._metrics.witness_requests.labels(outcome=error.rule).inc()
            raise
        self._metrics.witness_requests.labels(outcome="cosigned").inc()
        return line

    # -- within ------------------------------------------------------------------------------------------------------

    def _add(self, data: bytes) -> str:
        request = parse_request(data)
        origin = request.checkpoint.origin
        policy = self.witnessed().get(origin)
        if policy is None:
            raise RefusedError("witness.unknown-ledger", f"this witness does not know the ledger {origin!a}")
        signed = _check_signed(request.checkpoint, policy)
        if request.old_size > request.checkpoint.size:
            raise RefusedError("witness.old-size-above", "the old size is above the checkpoint's")
        with self._locks[hash(origin) % _LOCKS]:
            known = self._known(origin)
            try:
                _check_continues(known, request)
            except LedgerError:
                self._accuse(known, request, signed)
                raise
            return self._cosign(known, request.checkpoint, signed)

    def _known(self, origin: str) -> Seen:
        seen = self._last.get(origin)
        if seen is None:
            # setdefault: a slower thread does not put an older state over what was cosigned meanwhile.
            seen = self._last.setdefault(origin, self._book.last(origin))
        return seen

    def _cosign(self, known: Seen, checkpoint: Checkpoint, signed: _Signed) -> str:
        time_s = self._clock_ms() // 1000
        if not known.text or checkpoint.size != known.size:
            text = notes.format(Note(checkpoint.note.text, tuple(one for _, one in signed)))
            seen = Seen(checkpoint.origin, checkpoint.size, checkpoint.root, time_s, text)
            # Durable first. If this raises, whatever is on the disk was not signed, and the old state goes on counting.
            self._book.remember(seen)
            self._last[checkpoint.origin] = seen
            self._metrics.witnessed_size.labels(origin=checkpoint.origin).set(checkpoint.size)
        return checkpoints.cosign(checkpoint.note.text, self.key.name, self._key, time_s).line

    def _accuse(self, known: Seen, request: AddCheckpoint, signed: _Signed) -> None:
        """Keep evidence for each key that has signed both what is known and what contradicts it."""
        for evidence in contradictions(known, request, signed):
            kept = self._evidence.keep(evidence)
            if kept is not None:
                self._metrics.dissents.labels(signer=kept.signer).inc()


def contradictions(known: Seen, request: AddCheckpoint, signed: _Signed) -> list[Evidence]:
    """Evidence against the keys that have signed `known` and, with it irreconcilable, the checkpoint of `request`.

    `signed`: that checkpoint's checked signatures. None if the checkpoints do not exclude each other, or nothing shows it: a
    path that fits neither side proves nothing, and anybody can send one.
    """
    said = request.checkpoint
    if not known.text or said.size < known.size:
        return []
    true_root: bytes | None = None
    path: tuple[bytes, ...] = ()
    if said.size > known.size:
        if request.old_size != known.size:
            return []
        true_root, path = _root_before(request), request.path
        if true_root is None or true_root == known.root:
            return []
    before = notes.parse(known.text)
    found = []
    for key, signature in signed:
        own = tuple(one for one in before.signatures if (one.name, one.key_id) == (key.name, key.key_id))
        if not own:
            continue
        earlier = notes.format(Note(before.text, own))
        later = notes.format(Note(said.note.text, (signature,)))
        made = Evidence(key, earlier, later, true_root, path)
        try:
            evidences.verify(made)
        except LedgerError:
            continue
        found.append(made)
    return found


def _root_before(request: AddCheckpoint) -> bytes | None:
    """The root at the old size from which the path leads to the checkpoint, if it does; the path itself tells."""
    size, checkpoint = request.old_size, request.checkpoint
    try:
        # Any root does: the error says which one the path rebuilds.
        proofs.verify_consistency(size, checkpoint.size, request.path, bytes(32), checkpoint.root)
    except VerificationError as error:
        rebuilt = error.got
    else:
        return None
    if rebuilt is None:
        return None
    try:
        proofs.verify_consistency(size, checkpoint.size, request.path, rebuilt, checkpoint.root)
    except VerificationError:
        return None
    return rebuilt


def _check_signed(checkpoint: Checkpoint, policy: Policy) -> _Signed:
    """The checkpoint's signatures by the policy's keys. Raises RefusedError, rule `witness.not-signed`."""
    try:
        policy.check(checkpoint)
        keys = {
            (key.name, key.key_id): key for key in policy_keys(policy) if key.type in {COSIGNING_KEY, LOG_KEY}
        }
        return verified(checkpoint, keys)
    except (VerificationError, CannotTellError) as error:
        raise RefusedError(
            "witness.not-signed", f"the checkpoint is not signed as its ledger's policy asks: {error.detail}"
        ) from error


def _check_continues(known: Seen, request: AddCheckpoint) -> None:
    checkpoint = request.checkpoint
    if request.old_size != known.size:
        detail = f"this witness knows the ledger at size {known.size}, not {request.old_size}"
        raise WitnessConflictError("witness.other-size", detail, known.size)
    if checkpoint.size == known.size and checkpoint.root != known.root:
        detail = f"this witness knows another root at size {known.size}"
        raise WitnessConflictError("witness.other-root", detail, known.size)
    try:
        proofs.verify_consistency(known.size, checkpoint.size, request.path, known.root, checkpoint.root)
    except VerificationError as error:
        raise RefusedError("witness.path", f"the path does not hold: {error.detail}") from error
