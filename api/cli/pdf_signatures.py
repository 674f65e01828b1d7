"""Signatures found in a PDF: what pyHanko makes of them, ready to be stated on the ledger (`doc.signatures/1`).

Rules: nothing is fetched from anywhere. What is found is the statement of whoever anchors the file, never a rule of the
ledger. A signer's name stays here: the ledger gets the certificate's fingerprint, and whether it is trusted only if
trusted certificates were named.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from api.cli.output import UsageError
from ledger.encoding import Value
from ledger.hashing import sha256
from ledger.records.document_signatures import (
    BROKEN,
    EXPIRED,
    INTACT,
    MAX_SIGNATURES,
    NO_CHANGES,
    NOT_CHECKED,
    NOT_PERMITTED,
    PERMITTED,
    REVISION,
    REVOKED,
    TRUSTED,
    UNCLEAR,
    UNTRUSTED,
    WHOLE_FILE,
)

if TYPE_CHECKING:
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
    from pyhanko.sign.validation.status import PdfSignatureStatus
    from pyhanko_certvalidator import ValidationContext

INSTALL = "pip install 'sogoc[pdf-signatures]'"
_PDF_START, _PDF_START_WITHIN = b"%PDF-", 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One signature of a PDF, in the words of `doc.signatures/1`."""

    position: int
    """From 1, in the order of signing."""
    certificate: bytes | None
    """SHA-256 of the signer's certificate."""
    signed_ms: int | None
    """Milliseconds since the epoch, as the signature claims."""
    integrity: str
    coverage: str
    changes: str
    trust: str
    signer: str
    """The name in the certificate, to be shown on this machine only."""

    @property
    def is_sound(self) -> bool:
        """Whether the signature fits the file, and nothing was added that it does not permit."""
        return self.integrity == INTACT and self.coverage != UNCLEAR and self.changes != NOT_PERMITTED


def is_pdf(path: Path) -> bool:
    """Whether a file begins as a PDF does. Raises UsageError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return _PDF_START in stream.read(_PDF_START_WITHIN)
    except OSError as error:
        raise UsageError("file.read", f"cannot read {path}: {error.strerror}") from error


def check_installed() -> None:
    """Raise UsageError, rule `pdf.extra-missing`, if pyHanko is not installed."""
    try:
        import pyhanko.sign.validation  # noqa: F401, PLC0415  an extra: only this option needs it
    except ImportError as error:
        raise UsageError(
            "pdf.extra-missing",
            f"checking the signatures in a PDF takes the program pyHanko, which is not installed: run {INSTALL}",
        ) from error


def examine(path: Path, roots: Sequence[Path] = ()) -> tuple[Finding, ...]:
    """What the signatures in a PDF are worth; none if it has none. `roots`: PEM or DER files of trusted certificates.

    Raises UsageError (`pdf.extra-missing`, `pdf.unreadable`, `pdf.roots`).
    """
    check_installed()
    from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: PLC0415  see check_installed

    context = _context(roots)
    # It reports what it finds by its log too; names of signers do not belong there.
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    try:
        with path.open("rb") as stream:
            signatures = PdfFileReader(stream).embedded_regular_signatures
            if len(signatures) > MAX_SIGNATURES:
                raise UsageError(
                    "pdf.unreadable",
                    f"{path} holds more than {MAX_SIGNATURES} signatures: look at it yourself",
                )
            return tuple(
                _finding(position, signature, context, is_trust_checked=bool(roots))
                for position, signature in enumerate(signatures, 1)
            )
    except UsageError:
        raise
    # Whatever somebody else's parser stumbles over in a file from anywhere: it is the file that is at fault.
    except Exception as error:
        raise UsageError(
            "pdf.unreadable", f"{path} cannot be read as a PDF: {str(error) or type(error).__name__}"
        ) from error


def statement(authority: str, document: bytes, count: int, finding: Finding | None) -> dict[str, Value]:
    """The body of `doc.signatures/1`; `finding` is None where `count` is 0."""
    body: dict[str, Value] = {"authority": authority, "document": document, "count": count}
    if finding is not None:
        body |= {
            "position": finding.position,
            "integrity": finding.integrity,
            "coverage": finding.coverage,
            "changes": finding.changes,
            "trust": finding.trust,
        }
        if finding.certificate is not None:
            body["certificate"] = finding.certificate
        if finding.signed_ms is not None:
            body["signed_ms"] = finding.signed_ms
    return body


def statements(authority: str, document: bytes, findings: Sequence[Finding]) -> list[dict[str, Value]]:
    """The bodies of the statements about a PDF: one for each signature, or one that says there are none."""
    each: Sequence[Finding | None] = findings or (None,)
    return [statement(authority, document, len(findings), finding) for finding in each]


def _context(roots: Sequence[Path]) -> ValidationContext:
    from pyhanko.keys import load_certs_from_pemder  # noqa: PLC0415  see check_installed
    from pyhanko_certvalidator import ValidationContext  # noqa: PLC0415  see check_installed

    try:
        names = [str(root) for root in roots]
        trusted = list(load_certs_from_pemder(names))  # type: ignore[no-untyped-call]  # pyHanko's own
    except (OSError, ValueError) as error:
        raise UsageError("pdf.roots", f"the trusted certificates cannot be read: {error}") from error
    return ValidationContext(trust_roots=trusted, allow_fetching=False)


def _finding(
    position: int, signature: EmbeddedPdfSignature, context: ValidationContext, *, is_trust_checked: bool
) -> Finding:
    from pyhanko.sign.validation import validate_pdf_signature  # noqa: PLC0415  see check_installed

    try:
        status = validate_pdf_signature(signature, context)
    except Exception:  # noqa: BLE001  as in `examine`
        # Damaged to the point where nothing can be told of it: that is a finding too.
        return Finding(position, None, None, BROKEN, UNCLEAR, NOT_PERMITTED, NOT_CHECKED, "")
    certificate = status.signing_cert
    return Finding(
        position=position,
        certificate=sha256(certificate.dump()),
        signed_ms=_milliseconds(status),
        integrity=INTACT if status.intact and status.valid else BROKEN,
        coverage=_coverage(status),
        changes=_changes(status),
        trust=_trust(status) if is_trust_checked else NOT_CHECKED,
        signer=str(certificate.subject.human_friendly),
    )


def _milliseconds(status: PdfSignatureStatus) -> int | None:
    claimed = status.signer_reported_dt
    if claimed is None or claimed.timestamp() < 0:
        return None
    return int(claimed.timestamp() * 1000)


def _coverage(status: PdfSignatureStatus) -> str:
    from pyhanko.sign.validation.status import SignatureCoverageLevel  # noqa: PLC0415  see check_installed

    if status.coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return WHOLE_FILE
    return REVISION if status.coverage == SignatureCoverageLevel.ENTIRE_REVISION else UNCLEAR


def _changes(status: PdfSignatureStatus) -> str:
    from pyhanko.sign.diff_analysis import ModificationLevel  # noqa: PLC0415  see check_installed

    level = status.modification_level
    if level == ModificationLevel.NONE:
        return NO_CHANGES
    if level is None or level == ModificationLevel.OTHER or status.docmdp_ok is False:
        return NOT_PERMITTED
    return PERMITTED


def _trust(status: PdfSignatureStatus) -> str:
    from pyhanko.sign.ades.report import AdESIndeterminate  # noqa: PLC0415  see check_installed

    if status.revoked:
        return REVOKED
    if status.trusted:
        return TRUSTED
    past = (
        AdESIndeterminate.EXPIRED,
        AdESIndeterminate.OUT_OF_BOUNDS_NO_POE,
        AdESIndeterminate.OUT_OF_BOUNDS_NOT_REVOKED,
    )
    return EXPIRED if status.trust_problem_indic in past else UNTRUSTED
