"""An inspector's report in a folder: JSON, paper, proof; and, with a key, anchored, with receipts beside them.

Rules: anchoring is what signs: the entry holds the hashes of both files under the inspector's key, and the receipt shows
since when. The proof needs no signature, as it proves itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from api.cli.anchor import collect
from api.cli.output import UsageError
from api.cli.papers import mark_known, public_paper
from api.cli.signing import key_row, submit_final
from api.client import Client
from api.exports.report import as_json, as_pdf
from api.exports.steps import Name
from ledger.keys import SigningKey
from ledger.origin.proof import CheckedTrace
from ledger.policy import Trust

JSON_NAME, PDF_NAME, PROOF_NAME = "bao-cao.json", "bao-cao.pdf", "bang-chung.sogoc-trace"


@dataclass(frozen=True, slots=True)
class Signing:
    """What it takes to anchor a report."""

    client: Client
    key: SigningKey
    policy: Trust


def write_report(folder: Path, of: tuple[CheckedTrace, bytes, Name], signing: Signing | None) -> list[Path]:
    """Write the report on a checked trace (with its proof, and names of members), and anchor it; returns what was written.

    Raises PaperError (`paper.extra`), UsageError, and what anchoring raises.
    """
    checked, proof, name = of
    files = {JSON_NAME: as_json(checked), PDF_NAME: as_pdf(checked, name), PROOF_NAME: proof}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file_name, data in files.items():
            (folder / file_name).write_bytes(data)
    except OSError as error:
        raise UsageError("file.write", f"cannot write into {folder}: {error.strerror}") from error
    written = [folder / file_name for file_name in files]
    if signing is None:
        return written
    authority = key_row(signing.client, signing.key.public_key).member
    papers = [public_paper(folder / file_name, authority, {}) for file_name in (JSON_NAME, PDF_NAME)]
    mark_known(signing.client, authority, papers)
    fresh = [paper.record for paper in papers if paper.known is None]
    if fresh:
        submit_final(signing.client, signing.key, fresh)
    receipts = collect(signing.client, papers, signing.policy, quiet=True)
    return [*written, *(path for _, path in receipts)]
