"""Sheets of paper for certificates that are on the ledger: made, signed, and stated there as their papers.

Rules, in this order: the certificate is final; its sheet is typeset, with the code that leads to it and the one that is checked
offline; it is signed, if there is a certificate to sign with; it is on the disk; then its hash is signed for the ledger, all
hashes at once. A sheet whose hash is signed is never made again, since nobody makes the same signature twice.

What this module does not do: know keys' passphrases, or print on paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from api.certificates.issuing import Issuing, Planned
from api.certificates.packs import HolderFolders, Pack
from api.certificates.schemas import Schema
from api.client import Client
from api.papers.certificates import CertificatePaper, render
from api.papers.signing import PdfSigner
from ledger import compact_receipt
from ledger.claims import FullClaims
from ledger.disclosure import SubjectRecord
from ledger.entry import Entry, encode_record
from ledger.errors import CannotTellError, FormatError, RefusedError
from ledger.hashing import sha256
from ledger.policy import Trust
from ledger.records import parse_record
from ledger.records.base import IN_FORCE, octets
from ledger.records.certificates import PAPER

_TRIAL_RECORD = bytes(32)


@dataclass(frozen=True, slots=True)
class SheetMaker:
    """Makes the sheets of one schema for one site."""

    client: Client
    policy: Trust
    chain_id: bytes
    schema: Schema
    authority: str
    site: str
    signer: PdfSigner | None = None

    def try_out(self, one: Planned) -> None:
        """Make the sheet of a certificate to come, to see that nothing is missing. Raises PaperError, FormatError."""
        pdf = render(
            CertificatePaper(
                schema=self.schema,
                claims=one.claims,
                record_id=_TRIAL_RECORD,
                issuer=self.authority,
                origin=self.authority,
                site=self.site,
                issued_ms=0,
                valid_from=one.valid_from,
                valid_until=one.valid_until,
            )
        )
        if self.signer is not None:
            self.signer.try_out(pdf)

    def make(self, pack: Pack) -> bytes:
        """A certificate's sheet as PDF. Raises PaperError, FormatError (`qr.*`), ApiError, VerificationError."""
        judgement, claims = pack.judgement, pack.proof.claims
        proved, certificate, issuer = judgement.proved, judgement.certificate, judgement.issuer
        if (
            proved is None
            or proved.standing is None
            or certificate is None
            or issuer is None
            or not isinstance(claims, FullClaims)
        ):
            raise RefusedError(judgement.rule, "a sheet takes a proof with all claims and with its state")
        pdf = render(
            CertificatePaper(
                schema=self.schema,
                claims=claims,
                record_id=pack.record_id,
                issuer=issuer.name,
                origin=proved.checked.checkpoint.origin,
                site=self.site,
                issued_ms=proved.standing.subject.time_ms,
                valid_from=certificate.valid_from,
                valid_until=certificate.valid_until,
                compact=self._compact(pack.record_id, claims),
            )
        )
        return pdf if self.signer is None else self.signer.sign(pdf)

    def _compact(self, record_id: bytes, claims: FullClaims) -> bytes | None:
        """What the offline code holds, checked; None if no code could be checked offline, or would hold it."""
        try:
            receipt = self.client.compact_receipt(record_id).with_private(claims)
            compact_receipt.verify(receipt, self.policy, self.chain_id)
            return receipt.encoded()
        except (CannotTellError, FormatError):
            return None  # the everyday code leads to the whole receipt

    def record(self, pack: Pack, pdf: bytes) -> bytes:
        """The record that states a sheet."""
        record = encode_record(
            PAPER, {"authority": self.authority, "certificate": pack.certificate, "hash": sha256(pdf)}
        )
        parse_record(record)
        return record


def is_in_force(pack: Pack) -> bool:
    """Whether the ledger has a certificate as in force, whatever the day: others get no sheet."""
    proved = pack.judgement.proved
    return proved is not None and proved.standing is not None and proved.standing.subject.status == IN_FORCE


def state_sheets(
    issuing: Issuing,
    maker: SheetMaker,
    folders: HolderFolders,
    packs: Sequence[Pack],
    report: Callable[[int], None],
) -> Mapping[bytes, SubjectRecord]:
    """Make the sheets of issued certificates and state them on the ledger; returns what was recorded, by certificate.

    Raises as `SheetMaker.make` and `Issuing.state_papers`; then it may be called again.
    """
    stated = issuing.plan.stated
    records = []
    for count, pack in enumerate(packs, 1):
        if is_in_force(pack):
            pdf = _kept(folders, pack, stated.get(pack.certificate))
            if pdf is None:
                pdf = maker.make(pack)
                folders.put_sheet(pack, pdf)
            records.append(maker.record(pack, pdf))
        report(count)
    # Before a hash is signed, the file that it is of must be there for good.
    folders.flush()
    recorded = _by_certificate(issuing.state_papers(records)) if records else {}
    for pack in packs:
        if pack.certificate not in recorded:
            folders.drop_sheet(pack)
    return recorded


def _kept(folders: HolderFolders, pack: Pack, digest: bytes | None) -> bytes | None:
    """A sheet from a run before, if its hash is signed."""
    path = folders.sheet(pack)
    if digest is None or not path.is_file():
        return None
    pdf = path.read_bytes()
    return pdf if sha256(pdf) == digest else None


def _by_certificate(entries: Sequence[Entry]) -> dict[bytes, SubjectRecord]:
    return {
        octets(parse_record(record).body, "certificate"): SubjectRecord(entry.body_bytes, index, record)
        for entry in entries
        for index, record in enumerate(entry.records)
    }
