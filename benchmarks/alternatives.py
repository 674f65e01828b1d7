"""What somebody might take instead, on the same entries: appending durably, proving one record, verifying all, bytes.

Each peer is given the same signed entries in the same groups, one sync for each group where the peer can do that. What
each of them proves and what not is in `docs/performance.md`: the figures alone do not say.

* `sogoc`: a node in this process, no HTTP: admission, outbox, block, cosignature.
* `sqlite chain`: a table whose rows hash the row before, every signature verified; WAL, `synchronous=FULL`.
* `pymerkle sqlite`, `pymerkle memory`: an RFC 9162 tree over the records alone; the one commits every record by itself, the
  other is gone with the process. Left out where pymerkle is not installed.
* `git fast-import`, `git commit`: one commit for each entry, its records in a file; packs are synced for each group, and
  with `git commit` for each entry.
"""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from benchmarks.audit_signatures import audit_seconds
from benchmarks.disk import sizes
from benchmarks.generate import UNLIMITED, new_home, sign_all
from benchmarks.measure import Result, seconds_of, summary
from benchmarks.scale import Workshop
from ledger.entry import Entry, entry_from_parts
from ledger.errors import LedgerError
from ledger.hashing import leaf_hash, sha256
from ledger.tiles import decode_records_bundle, encode_records_bundle
from ledger.verify.report import Level
from node.home import Home, load_keys
from node.outcomes import Accepted
from node.service import Node, clock_ms

GROUP = 100
"""Entries for each sync."""
_PROOFS = 50
_MOST_ENTRIES = {"git commit": 50}
"""Entries given to a peer that is slow: `git commit` starts two processes for each."""
_MOST_RECORDS = {"pymerkle sqlite": 1_000}
"""The same in records: pymerkle syncs each by itself."""
_GIT = ("git", "-c", "core.fsync=all", "-c", "gc.auto=0", "-c", "user.name=b", "-c", "user.email=b@example")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of one peer took."""

    records: int
    append_s: float
    prove_s: float
    """For one record: all that is needed to show to somebody who trusts the head alone that it is in."""
    proof_bytes: int
    verify_s: float
    """Of everything, signatures included where the peer has them."""
    stored_bytes: int

    def result(self) -> dict[str, float]:
        """The figures that are compared."""
        return {
            "records": self.records,
            "append_records_per_s": self.records / self.append_s,
            "prove_ms": self.prove_s * 1e3,
            "proof_bytes": self.proof_bytes,
            "verify_all_records_per_s": self.records / self.verify_s,
            "bytes_per_record": self.stored_bytes / self.records,
        }


Peer = Callable[[Path, Sequence[Entry]], Outcome]


def run(place: Workshop) -> Result:
    """pymerkle, a hash-chained SQLite table and git, beside the ledger itself, on the same signed entries."""
    found: Result = {}
    for per_entry, records in ((1, place.scale.alternatives // 10), (100, place.scale.alternatives)):
        outcomes: dict[str, list[dict[str, float]]] = {}
        for _ in range(max(1, place.scale.rounds - 2)):
            for name, peer in peers().items():
                room = place.room()
                new_home(room / "home")
                entries = list(_entries(Home(room / "home"), records, per_entry))
                most = min(
                    _MOST_ENTRIES.get(name, len(entries)),
                    max(1, _MOST_RECORDS.get(name, records) // per_entry),
                )
                outcomes.setdefault(name, []).append(peer(room, entries[:most]).result())
                shutil.rmtree(room)
        found[f"{per_entry} per entry"] = {
            name: {what: summary([run[what] for run in runs]) for what in runs[0]}
            for name, runs in outcomes.items()
        }
    return found


def peers() -> dict[str, Peer]:
    """All that can run here, by name."""
    found: dict[str, Peer] = {"sogoc": _sogoc, "sqlite chain": _sqlite}
    if find_spec("pymerkle"):
        found |= {
            "pymerkle sqlite": partial(_pymerkle, in_memory=False),
            "pymerkle memory": partial(_pymerkle, in_memory=True),
        }
    if shutil.which("git"):
        found |= {"git fast-import": _git_import, "git commit": _git_commit}
    return found


def _entries(home: Home, records: int, per_entry: int) -> Iterator[Entry]:
    author = load_keys(home, ("office",), None)["office"]
    return sign_all(author, home.read_genesis().chain_id, range(records), per_entry, clock_ms())


def _groups(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    return (entries[at : at + GROUP] for at in range(0, len(entries), GROUP))


def _count(entries: Sequence[Entry]) -> int:
    return sum(len(entry.records) for entry in entries)


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


# -- the ledger ------------------------------------------------------------------------------------------------------


def _sogoc(room: Path, entries: Sequence[Entry]) -> Outcome:
    home = Home(room / "home")
    node = Node(home, UNLIMITED, load_keys(home, ("log", "validator", "header"), None))
    node.start()
    submissions = [[entry.submission() for entry in group] for group in _groups(entries)]
    try:
        append_s = seconds_of(lambda: _submit_all(node, submissions))
        texts: list[str] = []
        prove = [
            seconds_of(lambda: texts.append(_receipt(node, entry)))  # noqa: B023  called at once
            for entry in _spread(entries)
        ]
    finally:
        node.stop()
    _, stored = sizes(home, room)
    verify_s = audit_seconds(home, Level.SIGNATURES, None, 0)
    return Outcome(
        records=_count(entries),
        append_s=append_s,
        prove_s=statistics.median(prove),
        proof_bytes=int(statistics.median(len(text) for text in texts)),
        verify_s=verify_s,
        stored_bytes=stored,
    )


def _submit_all(node: Node, groups: Sequence[Sequence[bytes]]) -> None:
    """Submit group by group, each when the one before is final."""
    for group in groups:
        futures = []
        for outcome in node.submit(group):
            if isinstance(outcome, LedgerError):
                raise outcome
            if isinstance(outcome, Accepted):
                futures.append(node.wait(outcome.entry_id))
        for future in futures:
            future.result()


def _receipt(node: Node, entry: Entry) -> str:
    final = node.final
    place = final.place(entry.record_ids[0])
    if place is None:
        raise RuntimeError("the ledger lacks a record that was final")
    return final.receipt(place).text()


def _spread(entries: Sequence[Entry]) -> Sequence[Entry]:
    return entries[:: max(1, len(entries) // _PROOFS)]


# -- a hash chain in SQLite ------------------------------------------------------------------------------------------


def _sqlite(room: Path, entries: Sequence[Entry]) -> Outcome:
    path = room / "chain.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, leaf BLOB, records BLOB, hash BLOB)")
        append_s = seconds_of(lambda: _sqlite_append(database, entries))
        head = database.execute("SELECT hash FROM entry ORDER BY id DESC LIMIT 1").fetchone()[0]
        proof_bytes: list[int] = []
        prove = [
            seconds_of(lambda: proof_bytes.append(_sqlite_prove(database, number)))  # noqa: B023
            for number in range(1, len(entries) + 1, max(1, len(entries) // _PROOFS))
        ]
        verify_s = seconds_of(lambda: _sqlite_verify(database, head))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Outcome(
        records=_count(entries),
        append_s=append_s,
        prove_s=statistics.median(prove),
        proof_bytes=int(statistics.median(proof_bytes)),
        verify_s=verify_s,
        stored_bytes=path.stat().st_size,
    )


def _sqlite_append(database: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    previous = bytes(32)
    for group in _groups(entries):
        database.execute("BEGIN IMMEDIATE")
        for entry in group:
            entry.check_records_root()
            entry.verify_signature()
            bundle = encode_records_bundle([entry.records])
            previous = sha256(previous + entry.leaf + bundle)
            database.execute(
                "INSERT INTO entry (leaf, records, hash) VALUES (?, ?, ?)", (entry.leaf, bundle, previous)
            )
        database.execute("COMMIT")


def _sqlite_prove(database: sqlite3.Connection, number: int) -> int:
    """Bytes that show that row `number` is under the head: itself, and what every later row adds to the chain."""
    rows = database.execute("SELECT leaf, records FROM entry WHERE id >= ?", (number,))
    return sum(len(leaf) + len(records) for leaf, records in rows)


def _sqlite_verify(database: sqlite3.Connection, head: bytes) -> None:
    previous = bytes(32)
    for leaf, bundle, claimed in database.execute("SELECT leaf, records, hash FROM entry ORDER BY id"):
        previous = sha256(previous + leaf + bundle)
        if previous != claimed:
            raise RuntimeError("the chain is broken")
        (records,) = decode_records_bundle(bundle)
        entry = entry_from_parts(leaf, records)
        entry.check_records_root()
        entry.verify_signature()
    if previous != head:
        raise RuntimeError("the chain does not lead to its head")


# -- pymerkle --------------------------------------------------------------------------------------------------------


def _pymerkle(room: Path, entries: Sequence[Entry], *, in_memory: bool) -> Outcome:
    import pymerkle  # noqa: PLC0415  of the extra `benchmark`, which the tests do without

    path = room / "tree.sqlite"
    records = [record for entry in entries for record in entry.records]
    tree = pymerkle.InmemoryTree() if in_memory else pymerkle.SqliteTree(str(path))
    append_s = seconds_of(lambda: [tree.append_entry(record) for record in records])
    size, root = tree.get_size(), tree.get_root()
    spread = range(1, size + 1, max(1, size // _PROOFS))
    proofs = []
    prove = [
        seconds_of(lambda: proofs.append(tree.prove_inclusion(index, size)))  # noqa: B023
        for index in spread
    ]
    for index, proof in zip(spread, proofs, strict=True):
        proof.verify(leaf_hash(records[index - 1]), root)
    verify_s = seconds_of(lambda: _pymerkle_verify(pymerkle, records, root))
    stored = 0
    if not in_memory:
        tree.close()
        stored = path.stat().st_size
    return Outcome(
        records=len(records),
        append_s=append_s,
        prove_s=statistics.median(prove),
        proof_bytes=32 * (size - 1).bit_length(),
        verify_s=verify_s,
        stored_bytes=stored,
    )


def _pymerkle_verify(pymerkle: object, records: Sequence[bytes], root: bytes) -> None:
    """Build the tree again from the records: pymerkle's own way to check everything."""
    tree = pymerkle.InmemoryTree()  # type: ignore[attr-defined]  # a module without type information
    for record in records:
        tree.append_entry(record)
    if tree.get_root() != root:
        raise RuntimeError("the tree does not have its root")


# -- git ---------------------------------------------------------------------------------------------------------------


def _git(repository: Path, *arguments: str, data: bytes | None = None) -> bytes:
    command = [*_GIT, "-C", str(repository), *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def _git_init(room: Path) -> Path:
    repository = room / "log.git"
    repository.mkdir()
    _git(repository, "init", "--quiet", "--bare", "--initial-branch=main", ".")
    return repository


def _git_path(number: int) -> str:
    return f"{number // 10_000:04d}/{number // 100 % 100:02d}/{number:08d}"


def _git_import(room: Path, entries: Sequence[Entry]) -> Outcome:
    repository = _git_init(room)
    command = [*_GIT, "-C", str(repository), "fast-import", "--quiet", "--done"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        append_s = seconds_of(lambda: _git_stream(process, entries))
        process.communicate(b"done\n")
    if process.returncode:
        raise RuntimeError("git fast-import failed")
    return _git_outcome(repository, entries, append_s)


def _git_stream(process: subprocess.Popen[bytes], entries: Sequence[Entry]) -> None:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("git fast-import has no pipes")
    number = 0
    for group in _groups(entries):
        for entry in group:
            data = entry.submission()
            process.stdin.write(
                b"commit refs/heads/main\ncommitter b <b@example> %d +0000\ndata 2\ne\n" % number
                + b"M 100644 inline %s\ndata %d\n%s\n" % (_git_path(number).encode(), len(data), data)
            )
            number += 1
        # A checkpoint closes and syncs the pack; the answer to `progress` tells that it is done.
        process.stdin.write(b"checkpoint\nprogress synced\n")
        process.stdin.flush()
        process.stdout.readline()


def _git_commit(room: Path, entries: Sequence[Entry]) -> Outcome:
    repository = _git_init(room)
    work = room / "work"
    work.mkdir()
    environment = ("--work-tree", str(work))

    def append() -> None:
        for number, entry in enumerate(entries):
            file = work / _git_path(number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(entry.submission())
            _git(repository, *environment, "add", str(file))
            _git(repository, *environment, "commit", "--quiet", "--message", "e")

    return _git_outcome(repository, entries, seconds_of(append))


def _git_outcome(repository: Path, entries: Sequence[Entry], append_s: float) -> Outcome:
    middle = f"main~{len(entries) // 2}"
    proof_bytes: list[int] = []
    prove_s = seconds_of(lambda: proof_bytes.append(_git_prove(repository, middle)))
    verify_s = seconds_of(lambda: _git(repository, "fsck", "--full", "--strict"))
    _git(repository, "gc", "--quiet", "--prune=now")
    return Outcome(
        records=_count(entries),
        append_s=append_s,
        prove_s=prove_s,
        proof_bytes=proof_bytes[0],
        verify_s=verify_s,
        stored_bytes=_bytes_in(repository / "objects"),
    )


def _git_prove(repository: Path, commit: str) -> int:
    """Bytes of the commits from the head back to the record's own, which lead to it by their hashes."""
    commits = _git(repository, "rev-list", f"{commit}..main")
    return len(_git(repository, "cat-file", "--batch", data=commits))
