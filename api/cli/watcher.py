"""The work behind `sogoc watch`: from a finished file in a folder to its receipt beside it, whatever comes in between.

Rules:

* A file is hashed when it is finished, and what was hashed is what is anchored: one that changed meanwhile is read again.
* Each step is in the queue before the next begins, so a crash at any moment means at most that a step is repeated, and every
  step may be: an entry that was signed is sent again as it is, and a paper that the ledger has is not signed again.
* One signature covers all papers that are ready together, up to the limits of an entry.
* A file that fails does not stop the others; a key that is not in service stops everything, and loses nothing.

What this module does not do: ask for a passphrase, or print.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from api.answers import ApiError
from api.cli.files import RECEIPT_SUFFIX, SALT_SUFFIX, beside, commitment_of, read_salt, sha256_of
from api.cli.output import UsageError
from api.cli.papers import (
    Paper,
    anchored_by,
    check_not_secret,
    keep_checked_receipt,
    keep_salts,
    media_type_of,
    salt_of,
    split,
)
from api.cli.signing import key_row, make_record
from api.cli.watch_folder import Settling, Stamp, is_being_written, walk
from api.cli.watch_queue import Item, Queue, Step, name_of, path_of
from api.client import Client
from ledger.encoding import Value
from ledger.entry import MAX_RECORDS, NONCE_SIZE, parse_submission, sign_entry
from ledger.errors import LedgerError, RefusedError
from ledger.genesis import parse_genesis_leaf
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.policy import Trust
from ledger.receipt import Receipt
from ledger.records.base import split_record

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 300.0
"""Pauses between attempts to reach a node that does not answer: each is twice the one before."""
FINAL_SECONDS = 30.0
"""How long an acknowledged entry is waited for, before other work goes on."""
_RECEIPTS_AT_ONCE = 500
_WHOLE_FOLDER = ("key.", "authority.", "member.", "entry.", "signature.")
"""Refusals by these rules are not about one paper: every other would be refused alike."""
_TOO_MANY, _SERVER_FAULT = 429, 500
"""HTTP statuses, the second with all above it, that say nothing about what was sent."""
_CHAIN, _AUTHORITY = "chain", "authority"


@dataclass(frozen=True, slots=True)
class Options:
    """How a folder is watched."""

    folder: Path
    private: bool = False
    settle_seconds: float = 3.0


class Events(Protocol):
    """What is told to whoever watches the watcher."""

    def anchored(self, path: Path, receipt: Path) -> None:
        """A file's receipt lies beside it."""

    def refused(self, path: Path, rule: str, detail: str) -> None:
        """A file cannot be anchored, or something about it went wrong."""

    def signed(self, count: int) -> None:
        """So many papers were signed with one signature."""

    def unreachable(self, error: ApiError, seconds: float) -> None:
        """The node does not answer; it is asked again after so many seconds."""


@dataclass(slots=True)
class Watcher:
    """Looks after one folder. `clock`: seconds that never go back."""

    options: Options
    queue: Queue
    signer: SigningKey
    connect: Callable[[], Client]
    policy_of: Callable[[Client], Trust]
    events: Events
    clock: Callable[[], float] = time.monotonic
    settling: set[Path] = field(default_factory=set)
    """Files that are not finished yet."""
    next_attempt: float = 0.0
    """Before this time of `clock` the node is not asked again."""
    _steady: Settling = field(init=False)
    _told: dict[Path, str] = field(default_factory=dict)
    _pause: float = 0.0

    def __post_init__(self) -> None:
        self._steady = Settling(self.options.settle_seconds)

    @property
    def has_work(self) -> bool:
        """Whether anything still waits for the node."""
        return any(
            item.step in (Step.QUEUED, Step.SIGNED, Step.ANCHORED) for item in self.queue.items.values()
        )

    def look(self) -> None:
        """Look at the folder once: queue what is finished, and forget what is gone. Needs no network."""
        found, closed = walk(self.options.folder)
        for directory, error in closed.items():
            self._tell(directory, "watch.folder", f"cannot look into this folder: {error.strerror}")
        if self.options.folder in closed:
            # A drive that is not there for a moment has not lost its files.
            return
        self._forget(found, closed)
        fresh = [
            (path, stamp)
            for path, stamp in sorted(found.items())
            if not self._is_known(name_of(path, self.options.folder), stamp)
        ]
        ready = self._steady.settled(fresh, self.clock())
        self.settling = {path for path, _ in fresh}
        queued = []
        for path, stamp in ready:
            if not is_being_written(path):
                item = self._read(path, stamp)
                if item is not None:
                    queued.append(item)
                    self.settling.discard(path)
        self.queue.save(queued)

    def send(self) -> bool:
        """Do what the node is needed for, unless it is too early to ask again; whether the node could be asked.

        Raises RefusedError if the key may not sign here, or the ledger is another than before: nothing is lost by it.
        """
        if not self.has_work:
            return True
        if self.clock() < self.next_attempt:
            return False
        try:
            with self.connect() as client:
                authority = self._recognise(client)
                self._resume(client)
                self._sign(client, authority)
                self._fetch(client)
        except ApiError as error:
            self._pause = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, 2 * self._pause))
            pause = max(self._pause, min(LONGEST_PAUSE_SECONDS, error.retry_after or 0.0))
            self.next_attempt = self.clock() + pause
            self.events.unreachable(error, pause)
            return False
        self._pause = 0.0
        return True

    def retry_refused(self) -> None:
        """Take up again what was refused, whatever the reason was."""
        self.queue.save(forget=[item.name for item in self.queue.at(Step.REFUSED)])

    # -- the folder ----------------------------------------------------------------------------------------------------

    def _is_known(self, name: bytes, stamp: Stamp) -> bool:
        item = self.queue.items.get(name)
        # What is signed is settled first; then a change is seen again.
        return item is not None and (item.stamp == stamp.text() or item.step is Step.SIGNED)

    def _forget(self, found: dict[Path, Stamp], closed: Iterable[Path]) -> None:
        """Drop the rows of files that are gone: deleted, or moved, and then they are found under their new name."""
        blind = tuple(closed)
        gone = []
        for item in self.queue.items.values():
            path = path_of(item.name, self.options.folder)
            if (
                item.step is not Step.SIGNED
                and path not in found
                and Stamp.of(path) is None
                and not any(path.is_relative_to(directory) for directory in blind)
            ):
                gone.append(item.name)
        self.queue.save(forget=gone)

    def _read(self, path: Path, stamp: Stamp) -> Item | None:
        """A finished file as it is queued, or None if it changed while it was read."""
        name = name_of(path, self.options.folder)
        item = Item(name, stamp.text(), Step.QUEUED)
        try:
            check_not_secret(path.relative_to(self.options.folder))
            item.file_hash, size = sha256_of(path)
            if size != stamp.size or Stamp.of(path) != stamp:
                return None
            if self.options.private:
                self._commit(item, path)
        except RefusedError as error:
            self._refuse(item, error)
        except UsageError as error:
            # It cannot be read now; perhaps later.
            self._tell(path, error.rule, error.detail)
            return None
        return item

    def _commit(self, item: Item, path: Path) -> None:
        """Give a private paper its salt, which is on the disk before anything hangs on it."""
        salt = self._salt_of_moved(path) or salt_of(path)
        item.commitment = commitment_of(path, salt)
        keep_salts([Paper(path, b"", b"", item.commitment, salt)])
        # A hash without a salt is not kept of papers about people.
        item.file_hash = b""

    def _salt_of_moved(self, path: Path) -> bytes | None:
        """The salt that a paper had under another name in its folder, so that it stays the same document when it is renamed."""
        if beside(path, SALT_SUFFIX).exists():
            return None
        known = {item.commitment for item in self.queue.items.values()}
        for salt_file in sorted(path.parent.glob(f"*{SALT_SUFFIX}")):
            former = salt_file.with_name(salt_file.name.removesuffix(SALT_SUFFIX))
            if former.exists():
                continue
            salt = read_salt(salt_file)
            commitment = commitment_of(path, salt)
            if commitment in known or commitment == _commitment_in(beside(former, RECEIPT_SUFFIX)):
                return salt
        return None

    def _is_unchanged(self, item: Item) -> bool:
        stamp = Stamp.of(path_of(item.name, self.options.folder))
        return stamp is not None and stamp.text() == item.stamp

    # -- the node ------------------------------------------------------------------------------------------------------

    def _recognise(self, client: Client) -> str:
        """The authority for which the key acts, on the ledger that this folder belongs to."""
        chain = parse_genesis_leaf(client.genesis()).chain_id
        known = self.queue.about(_CHAIN)
        if known is not None and known != chain:
            raise RefusedError(
                "watch.other-ledger",
                "the node serves another ledger than the one that this folder has been anchored on: name the right node, or "
                "another --state directory",
            )
        authority = key_row(client, self.signer.public_key).member
        if known is None or self.queue.about(_AUTHORITY) != authority.encode():
            self.queue.remember({_CHAIN: chain, _AUTHORITY: authority.encode()})
        return authority

    def _resume(self, client: Client) -> None:
        """Send again what was signed and is not known to be on the ledger: the same bytes, so the same entry."""
        for entry_id in sorted({item.entry for item in self.queue.at(Step.SIGNED)}):
            self._submit(client, entry_id, self.queue.submission(entry_id))

    def _sign(self, client: Client, authority: str) -> None:
        """Sign what is queued and not on the ledger yet, as few times as the limits of an entry allow."""
        self._drop_changed(self.queue.at(Step.QUEUED))
        fresh: dict[int, dict[bytes, list[Item]]] = {}
        for item in self.queue.at(Step.QUEUED):
            known = anchored_by(client, authority, item.identifier)
            if known is not None:
                item.record, item.step = known.raw, Step.ANCHORED
                self.queue.save([item])
                continue
            try:
                item.record = self._record(item, authority)
            except LedgerError as error:
                self._refuse(item, error)
                self.queue.save([item])
                continue
            fresh.setdefault(item.at_most, {}).setdefault(item.record, []).append(item)
        for at_most, items_of in fresh.items():
            for records in split([[record] for record in items_of], at_most=at_most):
                # Files of equal content are one document, and one record.
                self._sign_batch(client, records, [item for record in records for item in items_of[record]])

    def _sign_batch(self, client: Client, records: Sequence[bytes], items: Sequence[Item]) -> None:
        chain = self.queue.about(_CHAIN)
        if chain is None:
            raise ValueError("the ledger has not been recognised")
        entry = sign_entry(
            self.signer,
            chain_id=chain,
            nonce=secrets.token_bytes(NONCE_SIZE),
            time_ms=time.time_ns() // 1_000_000,
            records=records,
        )
        for item in items:
            item.entry, item.step, item.problem = entry.id, Step.SIGNED, None
        submission = entry.submission()
        # Durable before it is sent: after a crash the same entry is sent again, and not another over the same papers.
        self.queue.save(items, entries={entry.id: submission})
        self.events.signed(len(records))
        self._submit(client, entry.id, submission)

    def _submit(self, client: Client, entry_id: bytes, submission: bytes) -> None:
        (outcome,) = client.submit(submission, wait_final=True)
        problem = outcome.problem
        status = outcome.status
        if problem is None and status == "accepted":
            info = client.wait_until_final(entry_id, seconds=FINAL_SECONDS)
            status, problem = info.status, info.refusal
        items = [item for item in self.queue.at(Step.SIGNED) if item.entry == entry_id]
        if problem is not None:
            self._refused(entry_id, submission, items, problem)
        elif status == "final":
            for item in items:
                item.step, item.entry, item.problem = Step.ANCHORED, b"", None
            self.queue.save(items, entries={entry_id: None})

    def _refused(self, entry_id: bytes, submission: bytes, items: Sequence[Item], problem: ApiError) -> None:
        """An entry is refused whole; so its papers are tried in smaller ones, until the one at fault is alone."""
        concerns_all = problem.rule.startswith(_WHOLE_FOLDER)
        if problem.status is None or problem.status == _TOO_MANY or problem.status >= _SERVER_FAULT:
            raise problem
        count = len(parse_submission(submission).records)
        for item in items:
            item.entry, item.step = b"", Step.QUEUED
            if concerns_all:
                continue
            if count > 1:
                item.at_most = max(1, count // 2)
            # Somebody else of the office was faster: it is on the ledger, and will be found there.
            elif problem.rule != "document.exists":
                self._refuse(item, problem)
        self.queue.save(items, entries={entry_id: None})
        if concerns_all:
            raise RefusedError(problem.rule, problem.detail)

    def _fetch(self, client: Client) -> None:
        """Put receipts beside the files whose papers are on the ledger."""
        waiting = self.queue.at(Step.ANCHORED)
        self._drop_changed(waiting)
        waiting = [item for item in waiting if item.name in self.queue.items]
        if not waiting:
            return
        policy = self.policy_of(client)
        for start in range(0, len(waiting), _RECEIPTS_AT_ONCE):
            some = waiting[start : start + _RECEIPTS_AT_ONCE]
            texts = client.receipts([leaf_hash(item.record) for item in some])
            for item in some:
                text = texts.get(leaf_hash(item.record))
                if text is not None and self._keep(item, text, policy):
                    item.step, item.problem, item.at_most = Step.DONE, None, MAX_RECORDS
            self.queue.save(some)

    def _keep(self, item: Item, text: str, policy: Trust) -> bool:
        path = path_of(item.name, self.options.folder)
        try:
            receipt = keep_checked_receipt(
                Paper(path, item.file_hash, item.record, item.commitment or None), text, policy
            )
        except LedgerError as error:
            item.problem = (error.rule, error.detail)
            self._tell(path, error.rule, error.detail)
            return False
        self.events.anchored(path, receipt)
        self._told.pop(path, None)
        return True

    # -- within --------------------------------------------------------------------------------------------------------

    def _record(self, item: Item, authority: str) -> bytes:
        path = path_of(item.name, self.options.folder)
        body: dict[str, Value] = {"authority": authority}
        if item.commitment:
            body["commitment"] = item.commitment
        else:
            size = int(item.stamp.partition(" ")[0])
            body |= {"hash": item.file_hash, "media_type": media_type_of(path), "size": size}
        return make_record("doc.anchor/1", body)

    def _drop_changed(self, items: Iterable[Item]) -> None:
        """Forget files that are gone or no longer what was hashed: the next look finds them as they are."""
        self.queue.save(forget=[item.name for item in items if not self._is_unchanged(item)])

    def _refuse(self, item: Item, error: LedgerError) -> None:
        item.step, item.problem = Step.REFUSED, (error.rule, error.detail)
        self._tell(path_of(item.name, self.options.folder), error.rule, error.detail)

    def _tell(self, path: Path, rule: str, detail: str) -> None:
        """Say what is wrong with a file, once for as long as it is the same."""
        if self._told.get(path) != rule:
            self._told[path] = rule
            self.events.refused(path, rule, detail)


def _commitment_in(receipt: Path) -> object:
    """The commitment in a receipt's record, or None if there is no such receipt."""
    try:
        return split_record(Receipt.parse(receipt.read_bytes()).record)[1].get("commitment")
    except (OSError, LedgerError):
        return None
