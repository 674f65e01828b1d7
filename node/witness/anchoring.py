"""What was witnessed, put on this node's own ledger: one entry for all ledgers seen since the last one.

Rules: `keys/anchor.pem` signs, a member's key with a role that `checkpoint.witness/1` asks for; without it nothing is recorded.
The state says what is recorded already, so nothing is said twice, whatever was lost between. A ledger whose size has not
changed is not recorded again: its last record stands.

What this module does not do: wait until an entry is final. What was refused is tried again with the next round.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from ledger.entry import MAX_RECORDS, NONCE_SIZE, encode_record, sign_entry
from ledger.errors import LedgerError
from ledger.fields import MAX_TIME_MS
from ledger.keys import SigningKey
from ledger.records.witness import MAX_ORIGIN_BYTES, WITNESS, WitnessedRow, witnessed_key
from ledger.rows import KeyRow, StateReader, key_key
from node.service import Node
from node.threads import Background
from node.witness.book import Seen

MAX_RECORDS_AT_ONCE: Final = min(1_000, MAX_RECORDS)
"""Records in one entry: a few hundred kilobytes."""

_log = structlog.get_logger("witness")


def records_due(seen: Sequence[Seen], state: StateReader, authority: str) -> list[bytes]:
    """The records that say of each ledger what the state does not say yet, at most `MAX_RECORDS_AT_ONCE`."""
    due = []
    for one in seen:
        if not 1 <= len(one.origin.encode()) <= MAX_ORIGIN_BYTES or one.size > MAX_TIME_MS:
            continue  # what a record cannot hold: another program's log of more than 2^53 leaves, say
        data = state.get(witnessed_key(authority, one.origin))
        last = None if data is None else WitnessedRow.parse(data)
        if last is not None and (last.size >= one.size or last.cosigned_s >= one.cosigned_s):
            continue
        due.append(
            encode_record(
                WITNESS,
                {
                    "authority": authority,
                    "origin": one.origin,
                    "size": one.size,
                    "root": one.root,
                    "cosigned_s": one.cosigned_s,
                },
            )
        )
    return due[:MAX_RECORDS_AT_ONCE]


class Anchoring(Background):
    """The thread that records now and then what was witnessed; it is stopped before the node is."""

    def __init__(
        self,
        node: Node,
        key: SigningKey,
        seen: Callable[[], Sequence[Seen]],
        *,
        seconds: float,
        clock_ms: Callable[[], int],
    ) -> None:
        """`key` is a member's; `seen` says what was witnessed last; `seconds` lie between two entries."""
        super().__init__("sogoc-anchoring")
        self._node = node
        self._key = key
        self._seen = seen
        self._seconds = seconds
        self._clock_ms = clock_ms

    def anchor(self) -> bytes | None:
        """Submit one entry for all that is due, and return its id; None if nothing is. Raises LedgerError."""
        view = self._node.final.view
        data = view.get(key_key(self._key.public_key))
        if data is None:
            raise LedgerError(
                "witness.anchor-key",
                "keys/anchor.pem is in service for no member of this ledger: have it registered (docs/operating.md)",
            )
        records = records_due(self._seen(), view, KeyRow.parse(data).member)
        if not records:
            return None
        entry = sign_entry(
            self._key,
            chain_id=self._node.chain_id,
            nonce=secrets.token_bytes(NONCE_SIZE),
            time_ms=self._clock_ms(),
            records=records,
        )
        (outcome,) = self._node.submit([entry.submission()])
        if isinstance(outcome, LedgerError):
            raise outcome
        _log.info("witnessed ledgers recorded", count=len(records))
        return entry.id

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            try:
                self.anchor()
            except LedgerError as error:
                _log.warning("witnessed ledgers not recorded", rule=error.rule, detail=error.detail)
