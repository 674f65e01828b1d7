"""Ledgers to take receipts from: honest ones, and ones whose whole quorum signed what it must not."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from ledger import merkle, tlog_proof
from ledger.claims import Disclosure, FullClaims
from ledger.disclosure import CertificateProof, LogPlace, SubjectRecord
from ledger.encoding import Value, encode
from ledger.entry import encode_record, parse_leaf
from ledger.execution import seal
from ledger.hashing import leaf_hashes, sha256
from ledger.records import parse_record
from ledger.records.members import possession_message
from ledger.rows import KeyRow, MemberRow, key_key, member_key, subject_key
from ledger.rules import Effects
from ledger.state import StateProof, prove
from ledger.succession import line_of
from ledger.tlog_proof import TlogProof
from tests.chains import START_MS, Chain, document, key, sign_checkpoint

VALIDATORS = 4
QUORUM = 3
SALT = bytes(range(32))
PRIVATE_FILE = "Giấy khai sinh của một người không có thật".encode()


@dataclass(frozen=True, slots=True)
class Parts:
    """A receipt in pieces, each of which may be replaced by a wrong one."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: tuple[Value, ...]

    def text(self) -> str:
        """The receipt as a file."""
        return tlog_proof.format(TlogProof(self.index, self.path, self.checkpoint, encode(self.extra)))

    def put(self, at: int, item: Value) -> Parts:
        """The same with another item in `extra`."""
        return replace(self, extra=(*self.extra[:at], item, *self.extra[at + 1 :]))


class Ledger(Chain):
    """A chain of four validators that can also be given blocks which break the rules."""

    def __init__(self, nonce: bytes = bytes(16)) -> None:
        super().__init__(VALIDATORS, nonce=nonce)

    def place(self, records: Sequence[bytes], *, by: str = "office", time_ms: int | None = None) -> int:
        """Add a block of one entry by the rules; returns the entry's log index."""
        index = self.size
        self.add([self.entry(records, by=by, time_ms=time_ms)])
        return index

    def force(
        self,
        leaf: bytes,
        records: Sequence[bytes],
        rows: Mapping[bytes, bytes],
        *,
        header_leaf: bytes | None = None,
        header: Mapping[str, int | bytes] | None = None,
    ) -> int:
        """Add a block that no rule was asked about: this leaf, these state rows, these header fields or header leaf."""
        index = self.size
        time_ms = self.next_time_ms
        executed = seal(
            self.state,
            self.tip,
            [leaf],
            Effects(rows=dict(rows)),
            engine_height=self.tip.header.engine_height + 1,
            time_ms=time_ms,
            proposer=key("header 0").public_key,
        )
        last = replace(executed.header, **(header or {}))  # type: ignore[arg-type]  # whatever the forger wants
        self.state.rows.update(executed.rows)
        self.state.pages.update(executed.pages)
        self.leaves += [leaf, last.leaf() if header_leaf is None else header_leaf]
        self.records += [list(records), [last.sign(key("header 0"))]]
        self.headers.append(last)
        return index

    def prove(self, row: bytes) -> list[Value]:
        """The state proof of a row, or of its absence, as it stands in a receipt."""
        by_hash = {sha256(name): (name, value) for name, value in self.state.rows.items()}
        return prove(self.state, self.headers[-1].state_root, row, by_hash.get).to_value()

    def certificate_proof(
        self,
        places: Sequence[int],
        claims: FullClaims | Disclosure | None = None,
        *,
        at: int = 0,
        validators: Sequence[int] = range(QUORUM),
        timed: Sequence[int] = (),
    ) -> CertificateProof:
        """The proof file of a certificate whose records stand in entries of their own, with the receipt of record `at`.

        `timed`: numbers of the records that are shown with their places in the log.
        """
        bodies = [parse_leaf(self.leaves[place])[0] for place in places]
        authors = dict.fromkeys(body.author_key for body in bodies)
        del authors[bodies[at].author_key]
        parts = replace(self.parts(places[at]), checkpoint=self.checkpoint_by(validators))
        return CertificateProof(
            parts.text(),
            tuple(
                SubjectRecord(
                    body.encoded(),
                    0,
                    self.records[place][0],
                    self.log_place(place) if number in timed else None,
                )
                for number, (body, place) in enumerate(zip(bodies, places, strict=True))
            ),
            tuple(StateProof.from_value(self.prove(key_key(author))) for author in authors),
            claims,
        )

    def log_place(self, index: int) -> LogPlace:
        """Where an entry stands in the log, and in which block."""
        hashes = self._leaf_hashes(self.size)
        (end,) = (one.index for one in self.headers if one.first_index <= index < one.index)
        return LogPlace(
            parse_leaf(self.leaves[index])[1],
            index,
            tuple(merkle.inclusion_path(hashes, index)),
            self.leaves[end],
            end,
            tuple(merkle.inclusion_path(hashes, end)),
        )

    def line(self, authority: str) -> list[str]:
        """Identifiers of a member and of those that succeed it, nearest first."""

        def row(member: str) -> MemberRow | None:
            data = self.state.rows.get(member_key(member))
            return None if data is None else MemberRow.parse(data)

        return list(line_of(authority, row))

    def checkpoint_by(self, validators: Sequence[int]) -> str:
        """The newest checkpoint, signed by some of the validators."""
        time_s = self.headers[-1].time_ms // 1000 + 1
        return sign_checkpoint(self.size, self.root, validators=validators, time_s=time_s)

    def parts(self, index: int, record_index: int = 0, *, subject: bytes | None = None) -> Parts:
        """The receipt of a record under the newest checkpoint, in pieces."""
        hashes = self._leaf_hashes(self.size)
        records, leaf = self.records[index], self.leaves[index]
        record = records[record_index]
        author_key = parse_leaf(leaf)[0].author_key
        if subject is None:
            parsed = parse_record(record)
            subject, members = subject_key(*parsed.subject), self.line(parsed.authority)
        else:
            members = [KeyRow.parse(self.state.rows[key_key(author_key)]).member]
        return Parts(
            index,
            tuple(merkle.inclusion_path(hashes, index)),
            self.checkpoint_by(range(QUORUM)),
            (
                1,
                record,
                record_index,
                list(merkle.inclusion_path(leaf_hashes(records), record_index)),
                leaf,
                [self.leaves[-1], list(merkle.inclusion_path(hashes, self.size - 1))],
                state_value(
                    self.prove(subject),
                    self.prove(key_key(author_key)),
                    {member: self.prove(member_key(member)) for member in members},
                ),
            ),
        )


def state_value(subject: Value, author_key: Value, members: dict[str, list[Value]]) -> list[Value]:
    """A receipt's state part: state proofs of the subject, of the author's key, and of members by identifier."""
    return [subject, author_key, [[name, proof] for name, proof in members.items()]]


def register_member(member: str, name: str, *roles: str, authority: str = "office") -> bytes:
    """A `member.register/1` record."""
    body: dict[str, Value] = {"authority": authority, "member": member, "name": name, "roles": list(roles)}
    return encode_record("member.register/1", body)


def register_key(chain: Chain, member: str, name: str, *roles: str) -> bytes:
    """A `key.register/1` record, with the possession signature of the key that the tests call `name`."""
    public_key = key(name).public_key
    possession = key(name).sign(possession_message(chain.genesis.chain_id, member, public_key))
    return encode_record(
        "key.register/1",
        {
            "authority": "office",
            "member": member,
            "key": public_key,
            "roles": list(roles),
            "possession": possession,
        },
    )


def end_key(verb: str, member: str, name: str, **fields: Value) -> bytes:
    """A `key.retire/1` or `key.revoke/1` record."""
    body: dict[str, Value] = {"authority": "office", "member": member, "key": key(name).public_key}
    return encode_record(f"key.{verb}/1", body | fields)


def commitment(file: bytes = PRIVATE_FILE, salt: bytes = SALT) -> bytes:
    """The commitment to a file."""
    return hmac.new(salt, b"file\x00" + file, hashlib.sha256).digest()


def report() -> bytes:
    """The record of a public document, "paper 0", with its number, symbol and date, and what it is about."""
    return encode_record(
        "doc.anchor/1",
        {
            "authority": "office",
            "hash": sha256(b"paper 0"),
            "media_type": "application/pdf",
            "size": 7,
            "number": "41",
            "symbol": "BC-UBND",
            "date": "2026-07-31",
            "abstract": "Báo cáo tình hình kinh tế – xã hội tháng 7",
        },
    )


ONE, FIVE, PRIVATE, SCHOOL, PUPIL, LATE = 2, 4, 6, 8, 10, 12
"""Log indexes of the entries that `base` makes."""


def base(nonce: bytes = bytes(16)) -> Ledger:
    """A ledger with one document, five in one entry, a commitment, a second member and its key, its document, a late one."""
    ledger = Ledger(nonce)
    ledger.place([report()])
    ledger.place([document(number) for number in range(1, 6)])
    ledger.place([encode_record("doc.anchor/1", {"authority": "office", "commitment": commitment()})])
    school = register_member("school", "Trường THCS Phú Sơn", "office")
    ledger.place([school, register_key(ledger, "school", "school", "office")], by="admin")
    ledger.place([document(6, authority="school")], by="school")
    ledger.place([document(7)], time_ms=START_MS - 3 * 24 * 3600 * 1000)
    return ledger


@cache
def honest() -> Ledger:
    """`base`, made once; nobody may add to it."""
    return base()
