"""A running node: intake, engine, cosigning, and the newest final view, put together.

Rules: what is acknowledged is in the outbox's synced journal; what is final is in a synced block that is cosigned; what is
served is final. If the store fails, intake closes and the node says why: it never limps on, and never deletes.

What this module does not do: HTTP, the command line, or the wording of answers.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from itertools import takewhile
from statistics import median

import structlog

from ledger.encoding import decode
from ledger.errors import LedgerError, RefusedError, StoreError
from ledger.genesis import Genesis, Validator
from ledger.keys import SigningKey
from ledger.note import NoteSignature, VerifierKey
from ledger.policy import Policy
from ledger.rows import VALIDATORS_KEY, entry_key
from ledger.rules import ParsedEntry
from ledger.store.from_snapshot import SnapshotStore
from ledger.store.ledger_store import LedgerStore
from ledger.transitions import Transitions, read_transitions
from ledger.validators import current_set
from node.application import Application, Candidate
from node.config import Config
from node.cosigned import CosignedBook, Lag
from node.door import check_door, check_single
from node.engine import Engine
from node.engine.cometbft.adapter import Rejection
from node.engine.embedded import EmbeddedEngine
from node.evidence import EvidenceBook
from node.finality import Dissent, FinalCheckpoint, Finality
from node.following import CaughtUp, FollowEngine, FollowPart
from node.following import refused as refused_by_follower
from node.home import Home, HomeError
from node.metrics import Metrics
from node.moments import Moments
from node.network_part import NetworkPart
from node.outbox import WAIT_LIMIT_MS, Outbox, Refusal
from node.outcomes import Accepted, Ended, Final, Outcome, Standing
from node.own_keys import OwnKeys
from node.peers import Peers, PeerState
from node.pinned import Pins
from node.receipts import FinalView
from node.settling import Settling
from node.waiting import Waiting
from node.witness.asking import Outside, OutsideState, load_witnesses

_log = structlog.get_logger("node")
_MAINTENANCE_SECONDS = 30.0
_SAVE_SECONDS = 10.0
"""How often what others have cosigned is written down, if there is anything new."""
_BEHIND_MS = 10_000
"""A block that is older than this when it is committed is one that the others have had for some time."""
_COSIGN_BEHIND_SECONDS = 2.0


def clock_ms() -> int:
    """This machine's clock, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Node:
    """A single-organisation node. All public methods may be called from any thread."""

    def __init__(
        self,
        home: Home,
        config: Config,
        keys: dict[str, SigningKey],
        *,
        next_keys: dict[str, SigningKey] | None = None,
        network: NetworkPart | None = None,
        follow: FollowPart | None = None,
        clock_ms: Callable[[], int] = clock_ms,
    ) -> None:
        """Open the node's stores and recover: `keys` are its log, validator and header keys; `next_keys` are those that are
        to take their place, and do so with the block in which the ledger says it. Without a `network` the node orders
        alone.

        Raises StoreError, HomeError (`home.keys`, `home.other-ledger`, `home.outbox`, `cosign.held`) or FormatError.
        """
        self.home = home
        self.config = config
        self.genesis: Genesis = home.read_genesis()
        self.metrics = Metrics()
        self._clock_ms = clock_ms
        self._failure: Exception | None = None
        self._failing = threading.Lock()
        self._stopping = threading.Event()
        self._waiting = Waiting(self._over)
        self._intake = threading.Condition()
        self._submitting = 0
        self._maintenance = threading.Thread(target=self._maintain, name="sogoc-maintenance", daemon=True)
        self._cosign_lock = threading.Lock()
        self._cosigned_at = float("-inf")
        self._final_lock = threading.Lock()
        self._final: FinalView | None = None
        self._network = network
        self._follow = follow
        self._peers: Peers | None = None
        self._witnesses = () if follow is not None else load_witnesses(home.witnesses)
        self.moments = Moments(lambda: self.final)
        self.evidence = EvidenceBook(home.evidence)
        self.cosigned = CosignedBook(home.cosigned)
        self._lag = Lag()
        self._saved_at = time.monotonic()
        if home.cosign_hold.exists():
            raise HomeError(
                "cosign.held", f"this ledger was restored and must not cosign yet: read {home.cosign_hold}"
            )
        sets = () if follow is not None else (keys,) if next_keys is None else (keys, next_keys)
        self._own = OwnKeys(self.genesis, sets)
        kind = SnapshotStore if self.backfilling else LedgerStore
        self.store: LedgerStore = kind.open(home.ledger)
        try:
            self._open()
        except BaseException:
            self.store.close()
            raise

    def _open(self) -> None:
        header_key, next_header_key, *_ = (*self._own.header_keys, None, None)
        self.application = Application(self.store, header_key, next_header_key=next_header_key)
        if self.application.tip.header.chain_id != self.genesis.chain_id:
            raise HomeError(
                "home.other-ledger", "data/ledger is not the ledger that the genesis file describes"
            )
        if not self.home.outbox.is_dir():
            raise HomeError(
                "home.outbox",
                "data/outbox is missing, and with it whatever was acknowledged and not final yet: put it back from a backup, "
                "or make an empty directory in its place to go on without it",
            )
        if self._follow is None:
            self._own.check(self.store, self.application.tip.header, alone=self._alone)
            if self._own.among(current_set(self.store)) is None:
                _log.warning("the ledger does not name this node's keys: it comes along and has no vote")
        if self._alone and len(current_set(self.store)) > 1:
            raise HomeError(
                "home.network",
                "the ledger has several validators, and this home has no network.toml that says how the others are reached: "
                "alone it would order, and cosign, a history of its own",
            )
        self.outbox = Outbox.open(self.home.outbox, create=True)
        self._settling = Settling(self.outbox, self._waiting, self.metrics)
        self.pins = Pins(self.store, self.outbox)
        try:
            self._recover()
        except BaseException:
            self.outbox.close()
            raise

    def _recover(self) -> None:
        self.engine: Engine = self._make_engine()
        self.finality = Finality(
            self.store,
            self.genesis.origin,
            dissented=self._dissented,
            signed=self.evidence.signed,
            outside=[one.key for one in self._witnesses],
            cosigned=self.cosigned,
        )
        self._outside = Outside(
            self._witnesses,
            self._newest_final,
            self._keep_outside,
            metrics=self.metrics,
            refresh_seconds=self.config.recosign_seconds,
        )
        if self._network is not None:
            self._peers = self._network.make_peers(self.finality, self.take_cosignatures, self._clock_ms)
        # A crash between a commit and its cosignature leaves a head without one; this is the same call as after a commit.
        if self._follow is None:
            self._cosign()
        else:
            self.finality.committed(self.store.snapshot())
            self._update_final()
        self._replay_outbox()
        self._check_in_service()

    def _make_engine(self) -> Engine:
        if self._follow is not None:
            return FollowEngine(self.store, self.genesis, self, self._follow)
        if self._network is not None:
            return self._network.make_engine(
                self.application,
                self.genesis,
                self,
                cosigning_key_id=partial(self._own.next_key_id, self.store),
                clock_ms=self._clock_ms,
                admit=check_door,
            )
        return EmbeddedEngine(
            self.application,
            self,
            cosigning_key_id=partial(self._own.next_key_id, self.store),
            clock_ms=self._clock_ms,
        )

    @property
    def _alone(self) -> bool:
        """Whether this node is the only one that orders."""
        return self._network is None and self._follow is None

    @property
    def backfilling(self) -> bool:
        """Whether this node has a state and not the blocks before it: it answers what follows from the state alone."""
        return self._follow is not None and self._follow.from_snapshot

    @property
    def chain_id(self) -> bytes:
        """32 bytes: which ledger this is."""
        return self.genesis.chain_id

    @property
    def policy(self) -> Policy:
        """The trust policy of this ledger: the one that judges its newest final checkpoint."""
        return self.final.policy

    def transitions(self) -> Transitions:
        """How the validators of this ledger have changed, for whoever pinned an earlier policy."""
        return read_transitions(self.store, self.genesis)

    @property
    def final(self) -> FinalView:
        """The newest final view. Whoever needs answers that belong together keeps the one it got.

        Raises RefusedError, rule `node.not-final`, while a validator among several waits for the others after a start.
        """
        final = self._final
        if final is None:
            raise RefusedError(
                "node.not-final",
                "the other validators have not cosigned this node's newest block yet; it serves only what is final",
                permanent=False,
            )
        return final

    @property
    def final_size(self) -> int:
        """Tree size of the newest final view, 0 if there is none yet."""
        final = self._final
        return 0 if final is None else final.size

    @property
    def peers(self) -> tuple[PeerState, ...]:
        """How the other validators are doing; empty for a node that orders alone."""
        return () if self._peers is None else self._peers.states

    @property
    def validators(self) -> tuple[Validator, ...]:
        """The ledger's validators, by this node's newest block."""
        return current_set(self.store)

    @property
    def standing(self) -> Standing:
        """What this node is to its ledger."""
        if self._follow is not None:
            return "copy"
        return "waiting" if self._own.among(self.validators) is None else "validator"

    @property
    def name(self) -> str | None:
        """This node's name among the validators; None if it is none of them."""
        own = self._own.among(self.validators)
        return None if own is None else own.name

    @property
    def others_size(self) -> int:
        """Tree size that others have cosigned, so many of them that one must be honest; 0 if that is not known."""
        validators = self.validators
        others = [one for one in validators if one.name != self.name]
        return self.cosigned.reached(others, len(validators))

    @property
    def behind_s(self) -> float:
        """For how many seconds this node has not got to where the others were then."""
        return self._lag.seconds(self.store.head.size, time.monotonic())

    @property
    def clock_off_s(self) -> float | None:
        """Seconds by which this machine's clock is ahead of the other validators', of whom more than half agree or are
        further off; None if fewer have told.
        """
        known = [peer.clock_s for peer in self.peers if peer.clock_s is not None]
        return -median(known) if len(known) > len(self.peers) // 2 else None

    @property
    def outside(self) -> tuple[OutsideState, ...]:
        """How the outside witnesses are doing that this node asks."""
        return self._outside.states

    @property
    def failure(self) -> Exception | None:
        """Why the node has stopped taking entries for good, or None."""
        return self._failure

    def start(self) -> None:
        """Begin ordering and maintenance."""
        self.engine.start()
        if self._peers is not None:
            self._peers.start()
        self._outside.start()
        self._maintenance.start()

    def stop(self) -> None:
        """Take nothing more, finish the block in hand and close the stores; a second call does nothing."""
        with self._intake:
            if self._stopping.is_set():
                return
            self._stopping.set()
            # The stores must not be closed under somebody who uses them.
            self._intake.wait_for(lambda: self._submitting == 0)
        self.engine.stop()
        if self._peers is not None:
            self._peers.stop()
        self._outside.stop()
        if self._maintenance.is_alive():
            self._maintenance.join()
        with suppress(StoreError):  # a disk that takes nothing more; the others have heard it too
            self.cosigned.save()
        self._waiting.abandon(_stopping())
        # What others read at this moment is read to its end; then nobody has a snapshot of a store that is closed.
        self.pins.close()
        self.moments.close()
        self.outbox.close()
        self.store.close()

    # -- intake ------------------------------------------------------------------------------------------------------

    def free_bytes(self) -> int:
        """Bytes left on the disk that holds the ledger."""
        return shutil.disk_usage(self.home.ledger).free

    def _over(self) -> StoreError | None:
        """Why this process settles nothing that is asked of it from now on; None while it runs."""
        if self._failure is not None:
            return _stopped(self._failure)
        return _stopping() if self._stopping.is_set() else None

    def check_intake(self) -> None:
        """Raise RefusedError (not permanent) or StoreError if the node takes nothing now.

        Rules: `node.stopped`, `disk.low`, `mempool.full`.
        """
        over = self._over()
        if over is not None:
            raise over
        if self._follow is not None:
            raise refused_by_follower(self._follow.address)
        if self.free_bytes() < self.config.low_disk_megabytes * 1_000_000:
            raise RefusedError(
                "disk.low",
                f"less than {self.config.low_disk_megabytes} MB of disk are free: "
                "the node takes no new entries until there is room",
                permanent=False,
            )
        if self.engine.full:
            raise RefusedError(
                "mempool.full", "the node has too many entries waiting; try again shortly", permanent=False
            )

    def submit(self, submissions: Sequence[bytes]) -> list[Outcome | LedgerError]:
        """Judge submissions and journal the good ones with one sync; one outcome or error for each, in order.

        A repeat, also under a second signature, is answered with the first one's place; an error says who signed, if the
        signature is good (`LedgerError.signed_by`). Raises as `check_intake`, and StoreError if the disk fails, after which the
        node is stopped; then none of them is acknowledged.
        """
        with self._intake:
            self.check_intake()
            self._submitting += 1
        try:
            return self._take_in(submissions)
        except StoreError as error:
            # Whether the journal holds these entries is known once it is opened again: nothing more is built on it.
            self.failed(error)
            raise
        finally:
            with self._intake:
                self._submitting -= 1
                self._intake.notify_all()

    def _take_in(self, submissions: Sequence[bytes]) -> list[Outcome | LedgerError]:
        outcomes: list[Outcome | LedgerError] = []
        accepted: list[tuple[bytes, bytes]] = []
        for submission in submissions:
            try:
                outcome = self._admit(submission)
            except StoreError:
                raise
            except LedgerError as error:
                self.metrics.refusals.labels(code=error.rule).inc()
                outcomes.append(error)
                continue
            outcomes.append(outcome)
            if isinstance(outcome, Accepted) and not self.outbox.holds(outcome.entry_id):
                accepted.append((outcome.entry_id, submission))
        if accepted:
            self.outbox.append(accepted, self._clock_ms())
            self._settling.acknowledged(entry_id for entry_id, _ in accepted)
            self.engine.add(accepted)
        return outcomes

    def _admit(self, submission: bytes) -> Outcome:
        parsed: ParsedEntry = self.application.parse(submission)
        try:
            return self._judge(parsed, submission)
        except LedgerError as error:
            error.signed_by = parsed.entry.body.author_key
            raise

    def _judge(self, parsed: ParsedEntry, submission: bytes) -> Outcome:
        check_door(parsed)
        if self._network is None:
            for record in parsed.records:
                check_single(self.store, record)
        entry_id = parsed.entry.id
        known = self.outcome(entry_id)
        if known is not None and not isinstance(known, Ended):
            return known
        try:
            self.application.check(submission, self._clock_ms())
        except RefusedError as error:
            if error.rule != "entry.duplicate":
                raise
            # It became part of the ledger between the two questions; its final place is about to be known.
        return Accepted(entry_id)

    def outcome(self, entry_id: bytes) -> Outcome | None:
        """What became of an entry; None if this node has never acknowledged it."""
        final = self._final
        value = None if final is None else final.view.get(entry_key(entry_id))
        if value is not None:
            index = decode(value)
            return Final(entry_id, index if isinstance(index, int) else 0)
        if self.outbox.holds(entry_id) or self.store.get(entry_key(entry_id)) is not None:
            return Accepted(entry_id)
        refusal = self.outbox.refusal(entry_id)
        return None if refusal is None else Ended(entry_id, refusal)

    def wait(self, entry_id: bytes) -> Future[Outcome]:
        """A future that is done when an acknowledged entry is final or refused; whoever gives up cancels it."""
        future = self._waiting.wait(entry_id)
        if future.done():  # the stores may be closed
            return future
        outcome = self.outcome(entry_id)
        if isinstance(outcome, Final | Ended):
            self._waiting.settle(entry_id, outcome)
        return future

    # -- what the engine tells ---------------------------------------------------------------------------------------

    def committed(self, block: Candidate) -> None:
        """A block is in the store: cosign it, and let its senders know once it is final."""
        self._settling.committed(block)
        if self._catching_up(block):
            # What is newer covers it; maintenance cosigns if nothing newer comes.
            self.finality.committed(self.store.snapshot())
        else:
            self._cosign()
        self.metrics.records.inc(sum(len(entry.records) for entry in block.entries))
        _log.info("block", height=block.executed.header.height, entries=len(block.entries))
        # Last: whoever waits for an entry of this block is told that it is final.
        self._check_in_service()

    def _catching_up(self, block: Candidate) -> bool:
        """Whether a validator among several is behind the others: it cosigns now and then only, as it comes along."""
        return (
            self._network is not None
            and self._clock_ms() - block.executed.header.time_ms > _BEHIND_MS
            and time.monotonic() - self._cosigned_at < _COSIGN_BEHIND_SECONDS
            # A block that changes the validators closes an epoch: what is newer is cosigned by others, and covers nothing.
            and VALIDATORS_KEY not in block.executed.rows
        )

    def caught_up(self, reached: CaughtUp) -> None:
        """A follower has all blocks under a checkpoint that a quorum signed: serve them."""
        view = self.store.snapshot()
        self.metrics.height.set(view.head.height)
        self.finality.committed(view)
        self.finality.receive(reached.text)
        self._update_final()

    def rejected(self, rejection: Rejection) -> None:
        """Another validator proposed what the rules forbid; this node has voted against it."""
        self.metrics.rejected_proposals.labels(proposer=rejection.proposer, rule=rejection.rule).inc()

    def take_cosignatures(self, sender: str, text: str) -> None:
        """Take the signatures in a checkpoint that another validator's node sent. Raises LedgerError if something is wrong
        in it.
        """
        try:
            self.finality.receive(text)
        except LedgerError as error:
            _log.warning("cosignatures refused", sender=sender, rule=error.rule, detail=error.detail)
            self.metrics.refused_cosignatures.labels(rule=error.rule).inc()
            raise
        self._update_final()

    def newest_cosigned(self) -> str | None:
        """The newest committed checkpoint with all signatures gathered for it, for whoever asks."""
        return self.finality.newest_text()

    def _dissented(self, dissent: Dissent) -> None:
        kept = self.evidence.report(dissent, self.store)
        if kept is not None:
            self.metrics.dissents.labels(signer=kept.signer).inc()

    def _newest_final(self) -> FinalCheckpoint | None:
        return self.finality.final

    def _keep_outside(self, size: int, key: VerifierKey, signature: NoteSignature) -> None:
        self.finality.keep_outside(size, key, signature)
        self._update_final()

    def _update_final(self) -> None:
        """Serve what has become final, and tell its senders."""
        with self._final_lock:
            found = self.finality.final
            if found is None or (
                self._final is not None and self._final.checkpoint_text == found.checkpoint_text
            ):
                return
            # The newest view replaces the last in one assignment; a reader keeps the snapshot it holds.
            self._final = FinalView(found.view, found.checkpoint_text)
            self.metrics.final_size.set(found.view.head.size)
            final = self._settling.take_final(found.view.head.size)
        self._outside.tell()
        self._settling.settle(final)
        if final:
            self.evidence.look_again(self.store)

    def refused(self, entry_id: bytes, error: LedgerError) -> None:
        """An acknowledged entry can never be put on the ledger."""
        if error.rule == "entry.duplicate":
            self._settling.repeated(entry_id)
            return
        height = self.application.tip.header.height
        self._settling.refuse(entry_id, Refusal(error.rule, error.detail, height, self._clock_ms()))

    def failed(self, error: Exception) -> None:
        """Something that the node cannot go on without has failed: close intake and begin no further block.

        The first reason is kept.
        """
        self.metrics.ready.set(0)
        with self._failing:
            if self._failure is None:
                self._failure = error
                _log.error("node stopped", error=str(error))
        self.engine.halt()
        self._waiting.abandon(_stopped(error))

    # -- within ------------------------------------------------------------------------------------------------------

    def _cosign(self) -> None:
        with self._cosign_lock:
            view, text = self._own.cosign_newest(self.store, self._clock_ms() // 1000, alone=self._alone)
            self._cosigned_at = time.monotonic()
            self.metrics.height.set(view.head.height)
            self.finality.committed(view)
            if text is not None:
                self.finality.receive(text)
        self._update_final()
        if self._peers is not None:
            self._peers.tell()

    def _check_in_service(self) -> None:
        """Stop for good once the set has none of this node's keys."""
        if self._alone and self._own.among(current_set(self.store)) is None:
            self.failed(_retired())

    def _replay_outbox(self) -> None:
        done: list[bytes] = []
        again: list[tuple[bytes, bytes]] = []
        for waiting in self.outbox.waiting():
            if self.store.get(entry_key(waiting.entry_id)) is not None:
                done.append(waiting.entry_id)
            else:
                again.append((waiting.entry_id, waiting.submission))
        self.outbox.finish(done)
        self.engine.add(again)
        if done or again:
            _log.info("outbox replayed", already_final=len(done), submitted_again=len(again))

    def _cosign_newest(self) -> None:
        """Cosign what was committed while this validator was behind the others, and is still the newest."""
        final = self._final
        cosigner = self._own.among(current_set(self.store))
        if cosigner is None or (final is not None and final.size == self.store.head.size):
            return
        signed = self.store.last_signed(cosigner.key_id)
        if signed is None or signed[0] < self.store.head.size:
            self._cosign()

    def _maintain(self) -> None:
        interval = max(1.0, min(_MAINTENANCE_SECONDS, self.config.recosign_seconds))
        if self._network is not None:
            interval = 1.0
        while not self._stopping.wait(interval):
            if self._failure is not None:
                return
            try:
                self._maintain_once()
            except LedgerError as error:
                _log.exception("maintenance stopped", error=str(error))
                self.failed(error)

    def _maintain_once(self) -> None:
        self.pins.expire()
        self.moments.expire()
        if self._network is not None:
            self._cosign_newest()
            self._lag.look(self.store.head.size, self.others_size, time.monotonic())
        if time.monotonic() - self._saved_at >= _SAVE_SECONDS:
            self._saved_at = time.monotonic()
            self.cosigned.save()
        if self._follow is None and time.monotonic() - self._cosigned_at >= self.config.recosign_seconds:
            self._cosign()
        now = self._clock_ms()
        expired = [
            waiting.entry_id
            for waiting in takewhile(lambda one: now - one.received_ms > WAIT_LIMIT_MS, self.outbox.waiting())
        ]
        # Only what the engine has let go of: an entry never ends as both final and refused.
        for entry_id in self.engine.withdraw(expired):
            self.refused(
                entry_id,
                RefusedError("outbox.expired", "the entry waited 30 days for something that never came"),
            )
        self.outbox.forget_refusals(now - WAIT_LIMIT_MS)


def _stopping() -> StoreError:
    detail = (
        "the node is being stopped; what it acknowledged is in its journal and goes on with the next start"
    )
    return StoreError("node.stopped", detail)


def _stopped(failure: Exception) -> StoreError:
    return StoreError(
        "node.stopped", f"the node has stopped and must be restarted by its operator: {failure}"
    )


def _retired() -> StoreError:
    return StoreError(
        "cosign.retired",
        "the keys of this node are no longer a validator's: it cosigns nothing more and takes no entries. If it has new ones, "
        "put them in service (`sogoc validator switch`) and start it again",
    )
