"""Signing what the journal holds and putting it on the ledger, whatever comes in between.

Rules:

* One signature covers as many events as an entry holds. An entry is in the journal before it is sent, and is sent again as it
  is after a crash: the same entry, so nothing is recorded twice.
* An entry is refused whole; so its events are tried in smaller ones, until the one at fault is alone. That the ledger has an
  event already is no fault: it was captured before, perhaps by a gateway that has lost its journal.
* A key that is not in service stops everything and loses nothing: what waits is signed when it is.

What this module does not do: take events, or ask for a passphrase.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from api.answers import ApiError
from api.client import Client
from api.gateway.journal import Item, Journal, Kind
from ledger.encoding import Value, decode
from ledger.entry import (
    MAX_RECORDS,
    MAX_SUBMISSION_BYTES,
    NONCE_SIZE,
    encode_record,
    parse_submission,
    sign_entry,
)
from ledger.errors import FormatError, LedgerError, RefusedError, StoreCorruptError
from ledger.genesis import parse_genesis_leaf
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.records import parse_record
from ledger.records.events import CAPTURE, ERROR
from ledger.rows import KeyRow, key_key
from ledger.rules import MAX_JOINED

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
"""Pauses between attempts to reach a node that does not answer: each is twice the one before."""
FINAL_SECONDS: Final = 30.0
_BATCH_BYTES: Final = MAX_SUBMISSION_BYTES - 4_096
_RECORD_OVERHEAD: Final = 100
_WHOLE_KEY: Final = ("key.", "authority.", "member.", "signature.")
"""Refusals by these rules are not about one event: every other would be refused alike."""
_THERE_ALREADY: Final = frozenset({"event.exists", "event.declared-error"})
_TOO_MANY, _SERVER_FAULT = 429, 500
_CHAIN, _AUTHORITY = "chain", "authority"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Sender:
    """Sends what a journal holds. Used from one thread."""

    journal: Journal
    signer: SigningKey
    connect: Callable[[], Client]
    clock: Callable[[], float] = time.monotonic
    now_ms: Callable[[], int] = _now_ms
    next_attempt: float = 0.0
    """Before this time of `clock` the node is not asked again."""
    problem: LedgerError | None = None
    """Why nothing could be sent last; None if it could."""
    _pause: float = field(default=0.0)

    def send(self) -> bool:
        """Do what can be done now; whether the node could be asked."""
        if not self.journal.depth():
            return True
        if self.clock() < self.next_attempt:
            return False
        try:
            with self.connect() as client:
                authority, chain = self._recognise(client)
                self._resume(client)
                self._sign(client, authority, chain)
        except (ApiError, RefusedError) as error:
            self._pause = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, 2 * self._pause))
            wait = error.retry_after if isinstance(error, ApiError) else None
            self.next_attempt = self.clock() + max(self._pause, min(LONGEST_PAUSE_SECONDS, wait or 0.0))
            self.problem = error
            return False
        self._pause, self.problem = 0.0, None
        return True

    def _recognise(self, client: Client) -> tuple[str, bytes]:
        """The authority for which the key acts, on the ledger that this journal belongs to."""
        chain = parse_genesis_leaf(client.genesis()).chain_id
        known = self.journal.about(_CHAIN)
        if known is not None and known != chain:
            raise RefusedError(
                "gateway.other-ledger",
                "the node serves another ledger than the one that events were captured for: name the right node, or another "
                "--state directory",
            )
        row = client.state(key_key(self.signer.public_key)).proof.value
        if row is None:
            raise RefusedError("key.unknown", "the gateway's key is not registered on this ledger yet")
        authority = KeyRow.parse(row).member
        if known is None or self.journal.about(_AUTHORITY) != authority.encode():
            self.journal.remember({_CHAIN: chain, _AUTHORITY: authority.encode()})
        return authority, chain

    def _resume(self, client: Client) -> None:
        """Send again what was signed and is not settled: the same bytes, so the same entry."""
        for entry_id, items in self.journal.signed().items():
            self._submit(client, entry_id, self.journal.submission(entry_id), items)

    def _sign(self, client: Client, authority: str, chain: bytes) -> None:
        """Sign what is queued, as few times as the limits of an entry allow."""
        for items, records in self._batches(authority):
            entry = sign_entry(
                self.signer,
                chain_id=chain,
                nonce=secrets.token_bytes(NONCE_SIZE),
                time_ms=self.now_ms(),
                records=records,
            )
            submission = entry.submission()
            self.journal.sign(items, entry.id, submission)
            self._submit(client, entry.id, submission, items)

    def _batches(self, authority: str) -> Iterator[tuple[list[Item], list[bytes]]]:
        items: list[Item] = []
        records: list[bytes] = []
        size = joined = 0
        for item in self.journal.queued():
            try:
                record, things = _record(item, authority)
            except LedgerError as error:
                self.journal.refuse(item, error.rule, error.detail, time_ms=self.now_ms())
                continue
            room = len(records) < min(MAX_RECORDS, item.at_most, items[0].at_most if items else MAX_RECORDS)
            fits = size + len(record) + _RECORD_OVERHEAD <= _BATCH_BYTES and joined + things <= MAX_JOINED
            if items and not (room and fits):
                yield items, records
                items, records, size, joined = [], [], 0, 0
            items.append(item)
            records.append(record)
            size += len(record) + _RECORD_OVERHEAD
            joined += things
        if items:
            yield items, records

    def _submit(self, client: Client, entry_id: bytes, submission: bytes, items: Sequence[Item]) -> None:
        (outcome,) = client.submit(submission, wait_final=True)
        problem, status = outcome.problem, outcome.status
        if problem is None and status == "accepted":
            info = client.wait_until_final(entry_id, seconds=FINAL_SECONDS)
            status, problem = info.status, info.refusal
        # Items were signed in the order of their numbers, and so they come out of the journal.
        records = parse_submission(submission).records
        ids = {item.number: leaf_hash(record) for item, record in zip(items, records, strict=True)}
        if problem is not None:
            self._refused(entry_id, items, ids, problem)
        elif status == "final":
            self.journal.settle(ids, entry_id, time_ms=self.now_ms())

    def _refused(
        self, entry_id: bytes, items: Sequence[Item], ids: Mapping[int, bytes], problem: ApiError
    ) -> None:
        if problem.status is None or problem.status == _TOO_MANY or problem.status >= _SERVER_FAULT:
            raise problem
        if problem.rule.startswith(_WHOLE_KEY):
            self.journal.unsign(items, entry_id, at_most=MAX_RECORDS)
            raise RefusedError(problem.rule, problem.detail)
        if len(items) > 1 or problem.rule.startswith("entry."):
            self.journal.unsign(items, entry_id, at_most=max(1, len(items) // 2))
            if problem.rule.startswith("entry."):
                # Its time or its form: a fresh one is signed next time.
                raise RefusedError(problem.rule, problem.detail)
            return
        (item,) = items
        if problem.rule in _THERE_ALREADY:
            # The record that stands there may be of other bytes: only what is said of this identity is settled.
            self.journal.settle(ids, entry_id, time_ms=self.now_ms())
        else:
            self.journal.refuse(item, problem.rule, problem.detail, time_ms=self.now_ms(), entry_id=entry_id)


def _record(item: Item, authority: str) -> tuple[bytes, int]:
    """An item's record, and how many things it names."""
    try:
        body = decode(item.body)
    except FormatError as error:
        raise StoreCorruptError("gateway.journal", "an event in the gateway's journal is damaged") from error
    if not isinstance(body, dict):
        raise StoreCorruptError("gateway.journal", "an event in the gateway's journal is damaged")
    made: dict[str, Value] = {"authority": authority, **body}
    things = body["things"]
    record = encode_record(CAPTURE if item.kind is Kind.EVENT else ERROR, made)
    parse_record(record)
    return record, len(things) if isinstance(things, list) else 0
