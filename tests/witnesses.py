"""A log that grows in memory and signs what it is told to, and a witness that knows it: shared by tests of witnessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger import checkpoint as checkpoints
from ledger import merkle
from ledger import note as notes
from ledger.hashing import EMPTY_ROOT, leaf_hash
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, LOG_KEY, Note, VerifierKey
from ledger.policy import Policy
from ledger.witnessing import format_request
from node.evidence import EvidenceBook
from node.home import Home
from node.metrics import Metrics
from node.witness.acting import Witness
from node.witness.book import create_book

NAME = "tinh.example/witness"
KEY = SigningKey.from_seed(b"\x57" * 32)
VKEY = VerifierKey(NAME, COSIGNING_KEY, KEY.public_key)
NOW_S = 1_790_000_000


@dataclass
class WardLog:
    """Another ledger: its leaves, and its log keys."""

    origin: str = "phuong-1.example/so-goc"
    keys: Sequence[SigningKey] = (SigningKey.from_seed(b"\x31" * 32),)
    leaves: list[bytes] = field(default_factory=list)

    def grow(self, count: int, flavour: str = "") -> None:
        self.leaves += [leaf_hash(f"{flavour}{len(self.leaves) + one}".encode()) for one in range(count)]

    def fork(self, size: int, flavour: str = "other ") -> WardLog:
        """The same log up to `size`, and then another one, as long."""
        fork = WardLog(self.origin, self.keys, self.leaves[:size])
        fork.grow(len(self.leaves) - size, flavour)
        return fork

    @property
    def vkeys(self) -> list[VerifierKey]:
        return [VerifierKey(self.origin, LOG_KEY, key.public_key) for key in self.keys]

    @property
    def policy(self) -> str:
        return "".join(f"log {key.vkey}\n" for key in self.vkeys) + "quorum none\n"

    def root(self, size: int | None = None) -> bytes:
        leaves = self.leaves[:size]
        return merkle.root_of_hashes(leaves) if leaves else EMPTY_ROOT

    def checkpoint(self, size: int | None = None, *, signers: Sequence[SigningKey] | None = None) -> str:
        size = len(self.leaves) if size is None else size
        body = checkpoints.body(self.origin, size, self.root(size))
        signing = self.keys if signers is None else signers
        return notes.format(Note(body, tuple(notes.sign_log(body, self.origin, key) for key in signing)))

    def path(self, old: int, size: int | None = None) -> list[bytes]:
        leaves = self.leaves[:size]
        return merkle.consistency_path(leaves, old) if 0 < old < len(leaves) else []

    def request(self, old: int, size: int | None = None) -> bytes:
        return format_request(old, self.path(old, size), self.checkpoint(size)).encode()


def witness_home(path: Path, *logs: WardLog) -> Home:
    """A home with the book of `KEY`, which witnesses `logs`."""
    home = Home(path)
    create_book(home, VKEY)
    home.witnessed.mkdir()
    for log in logs:
        (home.witnessed / log.origin.replace("/", "_")).write_text(log.policy)
    return home


def open_witness(home: Home, *, now_s: int = NOW_S, metrics: Metrics | None = None) -> Witness:
    return Witness(
        home,
        KEY,
        evidence=EvidenceBook(home.evidence),
        metrics=metrics or Metrics(),
        clock_ms=lambda: now_s * 1000,
    )


def cosigned_s(witness_line: str, log: WardLog, size: int | None = None) -> int:
    """Check the line that a witness answered with, and return its time."""
    text = checkpoints.parse(log.checkpoint(size)).note.text
    (signature,) = notes.parse(f"{text}\n{witness_line}").signatures
    return checkpoints.verify_cosignature(text, signature, VKEY)


def policy_of(log: WardLog) -> Policy:
    return Policy.parse(log.policy)
