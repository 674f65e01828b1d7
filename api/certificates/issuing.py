"""Issuing certificates, one or thousands with one signature: a plan on the disk first, then the ledger.

Rules: every row is read, every record is made and checked, and every entry is signed before the first is submitted; the plan
with all of that is on the disk by then. An entry has one id, so submitting it again after a crash issues nothing twice. All
certificates of an entry are issued, or none of them. A plan holds salts and claims: its file is the issuer's alone, and is
deleted once all is done. Deleting is no shredding: what a disk keeps of it is for an encrypted disk to hide.

What this module does not do: know keys' passphrases, or print.
"""

from __future__ import annotations

import calendar
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, Self

from api.answers import ApiError
from api.certificates.schemas import Schema
from api.certificates.table import Row
from api.client import Client
from ledger.claims import SALT_SIZE, FullClaims, parse_claims
from ledger.credentials.status_list import is_set
from ledger.encoding import Value, decode, encode
from ledger.entry import (
    MAX_RECORDS,
    MAX_SUBMISSION_BYTES,
    NONCE_SIZE,
    Entry,
    encode_record,
    parse_submission,
    sign_entry,
)
from ledger.errors import CannotTellError, FormatError, RefusedError
from ledger.keys import SigningKey
from ledger.records import parse_record
from ledger.records.base import octets
from ledger.records.certificates import CERTIFICATE_SIZE, ISSUE, STATUS_LIST_SIZE
from node.safe_files import put_file

PLAN_VERSION: Final = 2
_MAX_PLAN_BYTES: Final = 1_000_000_000
_ENTRY_OVERHEAD_BYTES: Final = 1_024
_LIST_FILL: Final = STATUS_LIST_SIZE // 2
"""A status list is left for the next when so many of its places are taken: so a random place is soon found."""
_TRIES: Final = 5
TAKEN: Final = "certificate.status-index"
"""Somebody else took a place in a status list since it was asked which are free."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One certificate to be issued."""

    row: int
    """Of the table it comes from; a spreadsheet's count."""
    certificate: bytes
    claims: FullClaims
    valid_from: str | None
    valid_until: str | None
    status_index: int

    def record(self, schema: str, authority: str) -> bytes:
        """Its `cert.issue/1`, checked against the field table. Raises RefusedError, FormatError."""
        body: dict[str, Value] = {
            "authority": authority,
            "certificate": self.certificate,
            "schema": schema,
            "claims_root": self.claims.root,
            "claims_count": len(self.claims.claims),
            "status_index": self.status_index,
        }
        if self.valid_from is not None:
            body["valid_from"] = self.valid_from
        if self.valid_until is not None:
            body["valid_until"] = self.valid_until
        record = encode_record(ISSUE, body)
        parse_record(record)
        return record


@dataclass(frozen=True, slots=True)
class Batch:
    """The certificates of one entry, with the entry."""

    planned: tuple[Planned, ...]
    submission: bytes

    @property
    def entry(self) -> Entry:
        """The signed entry."""
        return parse_submission(self.submission)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is about to be issued."""

    chain_id: bytes
    source: bytes
    """SHA-256 over what was asked for, so that the same command finds its plan again."""
    schema: str
    authority: str
    batches: tuple[Batch, ...]
    papers: tuple[bytes, ...] = ()
    """Signed submissions that state which files are the certificates' sheets, once these are on the disk."""

    @property
    def stated(self) -> dict[bytes, bytes]:
        """SHA-256 of each certificate's sheet, by certificate, as far as they are signed."""
        bodies = [parse_record(record).body for entry in self.paper_entries for record in entry.records]
        return {octets(body, "certificate"): octets(body, "hash") for body in bodies}

    @property
    def paper_entries(self) -> list[Entry]:
        """The signed entries about sheets."""
        return [parse_submission(submission) for submission in self.papers]

    @property
    def count(self) -> int:
        """Certificates in it."""
        return sum(len(batch.planned) for batch in self.batches)

    def encoded(self) -> bytes:
        """The plan's file."""
        batches: list[Value] = [
            [[_planned_value(one) for one in batch.planned], batch.submission] for batch in self.batches
        ]
        papers: list[Value] = list(self.papers)
        return encode(
            [PLAN_VERSION, self.chain_id, self.source, self.schema, self.authority, batches, papers]
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a plan's file. Raises FormatError, CannotTellError."""
        value = decode(data, max_bytes=_MAX_PLAN_BYTES, max_items=_MAX_PLAN_BYTES)
        match value:
            case [int() as version, *_] if version != PLAN_VERSION:
                raise CannotTellError("plan.version", f"a plan of version {version} is not known here")
            case [
                int(),
                bytes() as chain_id,
                bytes() as source,
                str() as schema,
                str() as authority,
                list() as batches,
                list() as papers,
            ]:
                signed = tuple(_batch(item) for item in batches)
                return cls(chain_id, source, schema, authority, signed, tuple(map(_submission, papers)))
            case _:
                raise FormatError("plan.shape", "this is not a plan of certificates to issue")


def _submission(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise FormatError("plan.shape", "an entry of a plan is bytes")
    return value


def _planned_value(one: Planned) -> Value:
    return [
        one.row,
        one.certificate,
        one.claims.to_value(),
        one.valid_from,
        one.valid_until,
        one.status_index,
    ]


def _batch(value: Value) -> Batch:
    match value:
        case [list() as planned, bytes() as submission]:
            return Batch(tuple(_planned(item) for item in planned), submission)
        case _:
            raise FormatError("plan.shape", "a batch of a plan is [certificates, submission]")


def _planned(value: Value) -> Planned:
    match value:
        case [int() as row, bytes() as certificate, list() as claims, first, last, int() as index]:
            full = parse_claims(claims)
            if (
                isinstance(full, FullClaims)
                and isinstance(first, str | None)
                and isinstance(last, str | None)
            ):
                return Planned(row, certificate, full, first, last, index)
    raise FormatError("plan.shape", "a certificate of a plan is not of its shape")


def last_day(first: str, months: int) -> str:
    """The day of the same number so many months later, or the month's last: how the civil code counts months."""
    start = date.fromisoformat(first)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1])).isoformat()


def plan_rows(
    rows: Sequence[Row], schema: Schema, *, valid_from: str, valid_until: str | None, indexes: Iterable[int]
) -> list[Planned]:
    """Give each row an identifier, a salt, its days and a place in the status lists. Raises FormatError (`claims.*`).

    `valid_from`, `valid_until`: for rows that do not say; without a last day, the schema's number of months counts.
    """
    planned = []
    for row, index in zip(rows, indexes, strict=False):
        first = row.valid_from or valid_from
        last = row.valid_until or valid_until
        if last is None and schema.valid_months is not None:
            last = last_day(first, schema.valid_months)
        claims = FullClaims(row.claims, secrets.token_bytes(SALT_SIZE))
        planned.append(Planned(row.number, secrets.token_bytes(CERTIFICATE_SIZE), claims, first, last, index))
    return planned


def free_indexes(
    client: Client, authority: str, count: int, *, avoid: frozenset[int] = frozenset()
) -> list[int]:
    """`count` random free places in the authority's status lists. Raises ApiError."""
    chosen: list[int] = []
    number = 0
    while len(chosen) < count:
        found = client.status_list(authority, number)
        room = min(count - len(chosen), max(0, _LIST_FILL - found.count))
        taken = {index for index in avoid if index // STATUS_LIST_SIZE == number}
        while room:
            index = secrets.randbelow(STATUS_LIST_SIZE)
            place = number * STATUS_LIST_SIZE + index
            if place not in taken and not is_set(found.issued, index):
                taken.add(place)
                chosen.append(place)
                room -= 1
        number += 1
    return chosen


def sign_batches(
    planned: Sequence[Planned],
    signer: SigningKey,
    *,
    schema: str,
    authority: str,
    chain_id: bytes,
    time_ms: int,
) -> list[Batch]:
    """Sign the certificates in as few entries as their limits allow: one signature for each entry."""
    records = [one.record(schema, authority) for one in planned]
    batches: list[Batch] = []
    first = 0
    for submission, count in sign_records(records, signer, chain_id=chain_id, time_ms=time_ms):
        batches.append(Batch(tuple(planned[first : first + count]), submission))
        first += count
    return batches


def sign_records(
    records: Sequence[bytes], signer: SigningKey, *, chain_id: bytes, time_ms: int
) -> list[tuple[bytes, int]]:
    """Sign records in as few entries as their limits allow; returns each submission with the number of its records."""
    groups: list[list[bytes]] = []
    room = 0
    for record in records:
        size = len(record) + 8
        if not groups or len(groups[-1]) == MAX_RECORDS or size > room:
            groups.append([])
            room = MAX_SUBMISSION_BYTES - _ENTRY_OVERHEAD_BYTES
        groups[-1].append(record)
        room -= size
    return [
        (
            sign_entry(
                signer,
                chain_id=chain_id,
                nonce=secrets.token_bytes(NONCE_SIZE),
                time_ms=time_ms,
                records=tuple(group),
            ).submission(),
            len(group),
        )
        for group in groups
    ]


def save_plan(path: Path, plan: Plan) -> None:
    """Write the plan: complete and synced under its name, readable by its owner alone."""
    put_file(path, plan.encoded(), mode=0o600)


class Issuing:
    """A plan on its way: each entry submitted until it is final, in order."""

    def __init__(
        self, client: Client, signer: SigningKey, plan: Plan, path: Path, *, clock_ms: Callable[[], int]
    ) -> None:
        self._client = client
        self._signer = signer
        self.plan = plan
        self._path = path
        self._clock_ms = clock_ms

    def issue(self, number: int) -> Batch:
        """Put the plan's batch `number` on the ledger, unless it is there; returns it as it was issued.

        Raises ApiError (refused, or no answer), CannotTellError (`node.not-final`): then it may be tried again.
        """
        for _ in range(_TRIES):
            if self._is_lost(self.plan.batches[number].entry):
                self._sign_again(number)
            batch = self.plan.batches[number]
            try:
                self._submit(batch.entry)
            except ApiError as error:
                if error.code != TAKEN:
                    raise
                # It was refused for good, so its certificates can be signed again without issuing any twice.
                self._sign_again(number)
            else:
                return batch
        raise RefusedError(TAKEN, "others keep taking the free places in the status list: try again later")

    def _is_lost(self, entry: Entry, *, is_wanted: bool = True) -> bool:
        """Whether an entry will never be on the ledger: refused for good, or never taken and signed by another key or for
        something that is not wanted as it is, such as the sheet of what has been revoked meanwhile.
        """
        try:
            info = self._client.entry(entry.id)
        except ApiError as error:
            if error.code != "entry.unknown":
                raise
            return not is_wanted or entry.body.author_key != self._signer.public_key
        return info.status == "refused"

    def state_papers(self, records: Sequence[bytes]) -> list[Entry]:
        """Put `cert.paper/1` records on the ledger, with one signature unless they fill several entries; returns the entries.

        What the plan has signed and was not refused is submitted as it is, so nothing is stated twice. Raises as `issue`.
        """
        wanted = set(records)
        entries = [
            entry
            for entry in self.plan.paper_entries
            if not self._is_lost(entry, is_wanted=wanted.issuperset(entry.records))
        ]
        there = {record for entry in entries for record in entry.records}
        missing = [record for record in records if record not in there]
        if missing or len(entries) < len(self.plan.papers):
            signed = sign_records(
                missing, self._signer, chain_id=self.plan.chain_id, time_ms=self._clock_ms()
            )
            entries += [parse_submission(submission) for submission, _ in signed]
            self.plan = replace(self.plan, papers=tuple(entry.submission() for entry in entries))
            save_plan(self._path, self.plan)
        for entry in entries:
            self._submit(entry)
        return entries

    def _submit(self, entry: Entry) -> None:
        (outcome,) = self._client.submit(entry.submission(), wait_final=True)
        if outcome.problem is not None:
            raise outcome.problem
        info = self._client.wait_until_final(entry.id)
        if info.refusal is not None:
            raise info.refusal
        if info.status != "final":
            raise CannotTellError(
                "node.not-final",
                f"entry {entry.id.hex()} is accepted but not final yet: run this again later",
            )

    def _sign_again(self, number: int) -> None:
        plan, batch = self.plan, self.plan.batches[number]
        others = frozenset(one.status_index for other in plan.batches for one in other.planned)
        indexes = free_indexes(self._client, plan.authority, len(batch.planned), avoid=others)
        # Longer numbers may take one entry more.
        again = sign_batches(
            [replace(one, status_index=index) for one, index in zip(batch.planned, indexes, strict=True)],
            self._signer,
            schema=plan.schema,
            authority=plan.authority,
            chain_id=plan.chain_id,
            time_ms=self._clock_ms(),
        )
        batches = (*plan.batches[:number], *again, *plan.batches[number + 1 :])
        self.plan = replace(plan, batches=batches)
        # On the disk before it is submitted, like the first.
        save_plan(self._path, self.plan)
