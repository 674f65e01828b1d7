"""What validators have signed against this ledger, and witnessed ledgers against themselves, kept so that it can be shown:
in a directory, one file each.

Rules: a validly signed root that is not this ledger's is a *dissent*; it is written down before anything else happens, and
never deleted. It becomes *evidence* (`ledger.evidence`), which anybody checks offline, once the same key is seen to have
signed this ledger too, at that size or a larger one: then the signer has contradicted itself, and no longer only us. Two
validators that differ without contradicting themselves are two histories, and which one is true is for people to find out.

What this module does not do: send anything, or stop the node.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
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
"""Files in the directory: a signer that lies a thousand times has been found out."""
_LOOKED_AT: Final = 200
"""Signed checkpoints, newest first, among which a contradiction is looked for at once."""
_DISSENT, _EVIDENCE = ".dissent", ".evidence"

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


class EvidenceBook:
    """A directory of dissents and evidence. Methods may be called from any thread."""

    def __init__(self, directory: Path) -> None:
        """The directory is made when there is something to keep."""
        self._directory = directory
        self._lock = threading.Lock()

    def report(self, dissent: Dissent, view: LedgerView) -> Kept | None:
        """Keep a dissent, as evidence if `view` proves a contradiction. Returns what was kept, None if it was here already.

        Raises StoreError if it cannot be written.
        """
        evidence = contradiction(dissent, view)
        if evidence is None:
            text = f"{dissent.key.vkey}\n\n{dissent.checkpoint_text}"
            return self._keep(dissent, text, _DISSENT)
        return self._keep(dissent, evidences.format(evidence), _EVIDENCE)

    def keep(self, evidence: Evidence) -> Kept | None:
        """Keep what was proved elsewhere, against a ledger that is witnessed. Returns None if it was here already.

        Raises StoreError if it cannot be written.
        """
        return self._keep(Dissent(evidence.key, evidence.later_text), evidences.format(evidence), _EVIDENCE)

    def look_again(self, view: LedgerView) -> list[Kept]:
        """See whether dissents can be proved now; returns those that were."""
        proved = []
        for path in self._files(_DISSENT):
            dissent = _parse_dissent(path.read_text(encoding="utf-8"))
            evidence = contradiction(dissent, view)
            if evidence is not None:
                kept = self._keep(dissent, evidences.format(evidence), _EVIDENCE)
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

    def _keep(self, dissent: Dissent, text: str, suffix: str) -> Kept | None:
        # By what is accused, not by how it is proved: one lie is one file.
        about = sha256(f"{dissent.key.vkey}\n{checkpoints.parse(dissent.checkpoint_text).note.text}".encode())
        path = self._directory / f"{about[:16].hex()}{suffix}"
        with self._lock:
            if path.exists() or len(self._files(suffix)) >= MAX_KEPT:
                return None
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            put_file(path, text.encode())
        kept = _kept(path, (dissent.key, dissent.checkpoint_text, text))
        _log.error("another history was signed", signer=kept.signer, size=kept.size, proved=kept.proved)
        return kept


def contradiction(dissent: Dissent, view: LedgerView) -> Evidence | None:
    """Proof that the dissenting key has signed this ledger too, at the same size or a larger one, or None."""
    said = checkpoints.parse(dissent.checkpoint_text)
    if said.size > view.head.size:
        return None
    for size in sorted((size for size in view.signed_sizes() if size >= said.size), reverse=True)[
        :_LOOKED_AT
    ]:
        evidence = _against(dissent, view, said.size, size)
        if evidence is not None:
            return evidence
    return None


def _against(dissent: Dissent, view: LedgerView, said_size: int, size: int) -> Evidence | None:
    kept = checkpoints.parse(view.signed_checkpoint(size) or "").note
    key = dissent.key
    own = tuple(one for one in kept.signatures if (one.name, one.key_id) == (key.name, key.key_id))
    if not own:
        return None
    made = Evidence(key, dissent.checkpoint_text, notes.format(Note(kept.text, own)))
    if size > said_size:
        made = Evidence(
            key,
            made.earlier_text,
            made.later_text,
            tiles.root(view, said_size),
            tuple(tiles.consistency_proof(view, said_size, size)),
        )
    try:
        evidences.verify(made)
    except LedgerError:
        return None
    return made


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
