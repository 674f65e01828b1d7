"""What validators have signed against this ledger, and witnessed ledgers against themselves, kept so that it can be shown:
in a directory, one file each.

Rules: a validly signed root that is not this ledger's is a *dissent*; it is written down before anything else happens. It
becomes *evidence* (`ledger.evidence`), which anybody checks offline, once the same key is seen to have signed this ledger
too, at that size or a larger one: then the signer has contradicted itself, and no longer only us. Two validators that
differ without contradicting themselves are two histories, and which one is true is for people to find out.

Lying must not cost us more than it costs the liar, and must not hide another lie:

* any checkpoint that the key signed here at that size or above is as good as any other, so the largest such size is all that
  is looked up (`SignedSizes`). Nothing is searched for while no dissent is open; then at most `WALKED_AT_ONCE` checkpoints and
  `PROVED_AT_ONCE` proofs for each dissent and for each block;
* of one key at most `MAX_OPEN` dissents wait to be proved: those of the smallest sizes. What proves the one that is not kept
  proves each of them too, so a key that has contradicted itself is always proved to have;
* of one key at most `MAX_PROVED` pieces of evidence are kept: one is enough. Evidence is never deleted;
* how many files there are is bounded, but the first of each key is always kept. Keys are few: they are a validator's, or a
  witnessed ledger's.

What this module does not do: send anything, or stop the node.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import structlog

from ledger import checkpoint as checkpoints
from ledger import evidence as evidences
from ledger import note as notes
from ledger import tiles
from ledger.errors import LedgerError
from ledger.evidence import Evidence
from ledger.hashing import sha256
from ledger.note import Note, VerifierKey
from ledger.store.view import LedgerView
from node.finality import Dissent
from node.safe_files import put_file

MAX_KEPT: Final = 1_000
"""Files in the directory, beyond which a key that has one gets no more."""
MAX_OPEN: Final = 8
"""Dissents of one key that wait to be proved."""
MAX_PROVED: Final = 8
"""Pieces of evidence against one key: who lies more often has been found out."""
WALKED_AT_ONCE: Final = 64
"""Kept checkpoints that are read, newest first, for one dissent or one block."""
PROVED_AT_ONCE: Final = 4
"""Proofs that are tried for one block."""
_DISSENT, _EVIDENCE = ".dissent", ".evidence"

_Line = tuple[str, bytes]
"""Name and id of a key, as in a line of a note."""

_log = structlog.get_logger("evidence")


@dataclass(frozen=True, slots=True)
class Kept:
    """One file: what is accused, and whether it is proved."""

    name: str
    """The file's name: a hash of what it holds."""
    signer: str
    """Name of the key that signed."""
    size: int
    """Tree size of the checkpoint that is not this ledger's."""
    proved: bool
    text: str


class SignedSizes:
    """The largest size at which each key has signed this ledger, as far as is known. Methods may be called from any thread.

    What is signed from now on is heard of. What was signed before is looked for backwards in what the store keeps, some at a
    time, and each checkpoint once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[_Line, int] = {}
        self._below: int | None = None

    def heard(self, line: _Line, size: int) -> None:
        """A signature by the key on this ledger's checkpoint of `size` has been checked and kept."""
        with self._lock:
            self._newest[line] = max(size, self._newest.get(line, 0))

    def newest(self, line: _Line) -> int:
        """The largest size known, 0 if there is none."""
        return self._newest.get(line, 0)

    def walk(self, view: LedgerView, down_to: int) -> None:
        """Go on looking, but not below size `down_to`: at most `WALKED_AT_ONCE` checkpoints. One caller at a time."""
        below = view.head.size + 1 if self._below is None else self._below
        if below <= down_to:
            return
        reached, found = below, 0
        for size, text in islice(view.signed_backwards(below), WALKED_AT_ONCE):
            if size < down_to:
                break
            reached, found = size, found + 1
            for one in checkpoints.parse(text).note.signatures:
                self.heard((one.name, one.key_id), size)
        # Fewer than may be read: all there are down to that size.
        self._below = reached if found == WALKED_AT_ONCE else down_to


@dataclass(frozen=True, slots=True, order=True)
class _Open:
    """A dissent that is not proved; in the order in which signatures prove them."""

    size: int
    name: str
    dissent: Dissent


class EvidenceBook:
    """A directory of dissents and evidence, which only this object writes to. Methods may be called from any thread."""

    def __init__(self, directory: Path) -> None:
        """The directory is read when it is first needed, and made when there is something to keep."""
        self._directory = directory
        self._lock = threading.Lock()
        self._signed = SignedSizes()
        self._is_read = False
        self._names: set[str] = set()
        self._open: dict[_Line, list[_Open]] = {}
        self._proved: Counter[_Line] = Counter()
        self._refused: set[_Line] = set()
        self._tried: dict[str, int] = {}

    def signed(self, key: VerifierKey, size: int) -> None:
        """Be told of a checked signature on this ledger's own checkpoint of `size`. Costs nothing."""
        self._signed.heard(_line(key), size)

    def report(self, dissent: Dissent, view: LedgerView) -> Kept | None:
        """Keep a dissent, as evidence if `view` proves a contradiction. Returns what was kept; None if it was here already,
        or if enough is kept of this key.

        Raises StoreError if it cannot be written.
        """
        with self._lock:
            self._read()
            line, stem = _line(dissent.key), _stem(dissent)
            if not self._names.isdisjoint((stem + _DISSENT, stem + _EVIDENCE)):
                return None
            if self._proved[line] >= MAX_PROVED:
                self._refuse(dissent)
                return None
            size = checkpoints.parse(dissent.checkpoint_text).size
            if self._signed.newest(line) < size:
                self._signed.walk(view, size)
            newest = self._signed.newest(line)
            evidence = contradiction(dissent, view, newest) if newest >= size else None
            if evidence is not None:
                return self._keep_evidence(dissent, evidence)
            return self._keep_open(_Open(size, stem + _DISSENT, dissent))

    def keep(self, evidence: Evidence) -> Kept | None:
        """Keep what was proved elsewhere, against a ledger that is witnessed. Returns None as `report`.

        Raises StoreError if it cannot be written.
        """
        with self._lock:
            self._read()
            return self._keep_evidence(Dissent(evidence.key, evidence.later_text), evidence)

    def look_again(self, view: LedgerView) -> list[Kept]:
        """See whether dissents can be proved now, as far as one call goes; returns those that were."""
        with self._lock:
            self._read()
            sought = [
                waiting[0].size
                for line, waiting in self._open.items()
                if self._signed.newest(line) < waiting[0].size
            ]
            if sought:
                self._signed.walk(view, min(sought))
            provable = sorted(
                (self._tried.get(one.name, 0), one)
                for line, waiting in self._open.items()
                for one in waiting
                if max(one.size, self._tried.get(one.name, 0) + 1)
                <= self._signed.newest(line)
                <= view.head.size
            )
            proved = []
            for _, one in provable[:PROVED_AT_ONCE]:
                newest = self._signed.newest(_line(one.dissent.key))
                evidence = contradiction(one.dissent, view, newest)
                if evidence is None:
                    self._tried[one.name] = newest
                    continue
                self._forget_open(one)
                kept = self._keep_evidence(one.dissent, evidence)
                if kept is not None:
                    proved.append(kept)
            return proved

    def all(self) -> list[Kept]:
        """All that is kept, evidence first; a dissent that was proved since is told once, as evidence."""
        proved = [_kept(path, _read_evidence(path)) for path in self._files(_EVIDENCE)]
        known = {(one.signer, one.size) for one in proved}
        open_ones = [_kept(path, _read_dissent(path)) for path in self._files(_DISSENT)]
        return proved + [one for one in open_ones if (one.signer, one.size) not in known]

    def _files(self, suffix: str) -> list[Path]:
        return sorted(self._directory.glob(f"*{suffix}"))

    def _read(self) -> None:
        """Learn what earlier processes have kept."""
        if self._is_read:
            return
        for path in self._files(_EVIDENCE):
            self._names.add(path.name)
            try:
                self._proved[_line(_read_evidence(path)[0])] += 1
            except (LedgerError, UnicodeDecodeError) as error:
                _log.warning("evidence cannot be read", file=path.name, error=str(error))
        for path in self._files(_DISSENT):
            self._names.add(path.name)
            if path.stem + _EVIDENCE in self._names:
                continue
            try:
                dissent = _parse_dissent(path.read_text(encoding="utf-8"))
                size = checkpoints.parse(dissent.checkpoint_text).size
            except (LedgerError, UnicodeDecodeError) as error:
                _log.warning("a dissent cannot be read", file=path.name, error=str(error))
                continue
            insort(self._open.setdefault(_line(dissent.key), []), _Open(size, path.name, dissent))
        self._is_read = True

    def _keep_evidence(self, dissent: Dissent, evidence: Evidence) -> Kept | None:
        line, name = _line(dissent.key), _stem(dissent) + _EVIDENCE
        if name in self._names:
            return None
        most = 1 if len(self._names) >= MAX_KEPT else MAX_PROVED
        if self._proved[line] >= most:
            self._refuse(dissent)
            return None
        kept = self._write(name, dissent, evidences.format(evidence))
        self._proved[line] += 1
        return kept

    def _keep_open(self, one: _Open) -> Kept | None:
        line = _line(one.dissent.key)
        waiting = self._open.get(line, [])
        # Where there is no room, one of a larger size makes it: the signature that proves that one proves all of them.
        is_replacing = bool(waiting) and one.size < waiting[-1].size
        if (len(waiting) >= MAX_OPEN or self._is_full(line)) and not is_replacing:
            self._refuse(one.dissent)
            return None
        room = min(MAX_OPEN, len(waiting)) if self._is_full(line) else MAX_OPEN
        kept = self._write(one.name, one.dissent, f"{one.dissent.key.vkey}\n\n{one.dissent.checkpoint_text}")
        insort(self._open.setdefault(line, []), one)
        while len(self._open[line]) > room:
            dropped = self._open[line][-1]
            self._forget_open(dropped)
            (self._directory / dropped.name).unlink(missing_ok=True)
            self._names.discard(dropped.name)
        return kept

    def _forget_open(self, one: _Open) -> None:
        line = _line(one.dissent.key)
        self._open[line].remove(one)
        self._tried.pop(one.name, None)
        if not self._open[line]:
            del self._open[line]

    def _is_full(self, line: _Line) -> bool:
        return len(self._names) >= MAX_KEPT and (line in self._open or self._proved[line] > 0)

    def _refuse(self, dissent: Dissent) -> None:
        """Say once of each key that no more of it is kept."""
        if _line(dissent.key) not in self._refused:
            self._refused.add(_line(dissent.key))
            _log.warning(
                "another history was signed, and enough is kept of this key", signer=dissent.key.name
            )

    def _write(self, name: str, dissent: Dissent, text: str) -> Kept:
        path = self._directory / name
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        put_file(path, text.encode())
        self._names.add(name)
        kept = _kept(path, (dissent.key, dissent.checkpoint_text, text))
        _log.error("another history was signed", signer=kept.signer, size=kept.size, proved=kept.proved)
        return kept


def contradiction(dissent: Dissent, view: LedgerView, size: int) -> Evidence | None:
    """Proof that the dissenting key has signed this ledger too, by what is kept of the checkpoint of `size`; None if that
    has no signature of it, or is smaller than the dissent.
    """
    said = checkpoints.parse(dissent.checkpoint_text)
    text = view.signed_checkpoint(size)
    if text is None or size < said.size:
        return None
    kept = checkpoints.parse(text).note
    own = tuple(one for one in kept.signatures if (one.name, one.key_id) == _line(dissent.key))
    if not own:
        return None
    made = Evidence(dissent.key, dissent.checkpoint_text, notes.format(Note(kept.text, own)))
    if size > said.size:
        made = Evidence(
            dissent.key,
            made.earlier_text,
            made.later_text,
            tiles.root(view, said.size),
            tuple(tiles.consistency_proof(view, said.size, size)),
        )
    try:
        evidences.verify(made)
    except LedgerError:
        return None
    return made


def _line(key: VerifierKey) -> _Line:
    return key.name, key.key_id


def _stem(dissent: Dissent) -> str:
    """By what is accused, not by how it is proved: one lie is one file."""
    text = checkpoints.parse(dissent.checkpoint_text).note.text
    return sha256(f"{dissent.key.vkey}\n{text}".encode())[:16].hex()


def _kept(path: Path, read: tuple[VerifierKey, str, str]) -> Kept:
    key, checkpoint_text, text = read
    return Kept(path.name, key.name, checkpoints.parse(checkpoint_text).size, path.suffix == _EVIDENCE, text)


def _parse_dissent(text: str) -> Dissent:
    vkey, _, checkpoint_text = text.partition("\n\n")
    return Dissent(VerifierKey.parse(vkey), checkpoint_text)


def _read_dissent(path: Path) -> tuple[VerifierKey, str, str]:
    text = path.read_text(encoding="utf-8")
    dissent = _parse_dissent(text)
    return dissent.key, dissent.checkpoint_text, text


def _read_evidence(path: Path) -> tuple[VerifierKey, str, str]:
    text = path.read_text(encoding="utf-8")
    evidence = evidences.parse(text)
    return evidence.key, evidence.earlier_text, text
