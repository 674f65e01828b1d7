"""What the holder of a certificate is given, and where it is kept.

Rules: a pack is three files: the receipt, which anybody may see; the proof with all claims and the salt, which is the holder's
alone; and the Verifiable Credential; and the sheet of paper, where sheets are made. Each is checked before it is kept. Files
with claims are readable by their owner only.

What this module does not do: encrypt. The office's own copy of the claims is in its vault (`api.certificates.vaulting`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from api.answers import ApiError
from api.certificates.issuing import Batch, Planned
from api.certificates.schemas import Schema
from api.client import Client
from ledger.credentials import vc
from ledger.credentials.jcs import Json
from ledger.disclosure import PROOF_SUFFIX, CertificateProof, SubjectRecord
from ledger.errors import RefusedError
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.policy import Trust
from ledger.verdict import Judgement, Verdict, judge_proof
from node.safe_files import disk_error

RECEIPT_SUFFIX: Final = ".tlog-proof"
CREDENTIAL_SUFFIX: Final = ".vc.json"
SHEET_SUFFIX: Final = ".pdf"
_PRIVATE: Final = 0o600
_MORE_RECORDS: Final = frozenset({"certificate.keys", "certificate.records"})
"""More has been recorded of the certificate since, or by another key: then the node is asked for all of its records."""
_NONE: Final[Mapping[bytes, SubjectRecord]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Pack:
    """A certificate as its holder gets it."""

    row: int
    certificate: bytes
    record_id: bytes
    receipt: str
    proof: CertificateProof
    """With all claims and the salt."""
    credential: Json
    """Signed by the issuer's key."""
    judgement: Judgement
    """What its proof was found to be; its receipt carries the state."""

    @property
    def name(self) -> str:
        """A name for its files: the row and the beginning of the identifier, nothing about the holder."""
        return f"{self.row:05}-{self.certificate.hex()[:8]}"


class HolderFolders:
    """One folder for each holder, under a folder of one's choice. Nothing is encrypted: hand it over and delete it.

    With sheets, proof and credential are named after the sheet, so that each is found beside it.
    """

    def __init__(self, folder: Path, *, with_sheets: bool = False) -> None:
        self._folder = folder
        self._with_sheets = with_sheets

    def put(self, pack: Pack) -> str:
        """Write the three files, each under its name once it is complete, in the place of older ones; returns where.

        Raises StoreError (`files.write`).
        """
        folder = self._folder / pack.name
        stem = pack.name + (SHEET_SUFFIX if self._with_sheets else "")
        text = json.dumps(pack.credential, ensure_ascii=False, indent=2) + "\n"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(folder / f"{pack.name}{RECEIPT_SUFFIX}", pack.receipt.encode(), 0o644)
            _write(folder / f"{stem}{PROOF_SUFFIX}", pack.proof.encoded(), _PRIVATE)
            _write(folder / f"{stem}{CREDENTIAL_SUFFIX}", text.encode(), _PRIVATE)
        except OSError as error:
            raise disk_error(error, folder) from error
        return pack.name

    def sheet(self, pack: Pack) -> Path:
        """Where a certificate's sheet is."""
        return self._folder / pack.name / f"{pack.name}{SHEET_SUFFIX}"

    def put_sheet(self, pack: Pack, pdf: bytes) -> None:
        """Write a sheet beside a pack that was put. Raises StoreError (`files.write`)."""
        path = self.sheet(pack)
        try:
            _write(path, pdf, _PRIVATE)
        except OSError as error:
            raise disk_error(error, path) from error

    def drop_sheet(self, pack: Pack) -> None:
        """Remove a sheet that was made and is not to be handed out, if there is one. Raises StoreError (`files.write`)."""
        path = self.sheet(pack)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, path) from error

    def flush(self) -> None:
        """Return when all that was put is on the disk; one by one, a thousand packs would take half a minute."""
        os.sync()


def _write(path: Path, data: bytes, mode: int) -> None:
    # Not synced yet: after a crash the plan is still there, and all packs are written again.
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    temporary.replace(path)


@dataclass(frozen=True, slots=True)
class PackMaker:
    """Makes and checks the packs of certificates that are on the ledger."""

    client: Client
    policy: Trust
    signer: SigningKey
    issuer: vc.Issuer
    schema: Schema
    authority: str
    now_ms: int

    def make(self, batch: Batch, later: Mapping[bytes, SubjectRecord] = _NONE) -> list[Pack]:
        """The packs of a batch, in order. Raises RefusedError if what the node gave does not hold, ApiError.

        `later`: by certificate, the record of it that is known to have followed.
        """
        entry = batch.entry
        records = [
            SubjectRecord(entry.body_bytes, index, record) for index, record in enumerate(entry.records)
        ]
        receipts = self.client.receipts([leaf_hash(item.record) for item in records])
        return [
            self._pack(one, item, later.get(one.certificate), receipts)
            for one, item in zip(batch.planned, records, strict=True)
        ]

    def _pack(
        self, one: Planned, item: SubjectRecord, later: SubjectRecord | None, receipts: Mapping[bytes, str]
    ) -> Pack:
        record_id = leaf_hash(item.record)
        receipt = receipts.get(record_id)
        if receipt is None:
            raise ApiError("record.unknown", f"the node has no receipt for the certificate of row {one.row}")
        records = (item,) if later is None else (item, later)
        proof = CertificateProof(receipt, records, claims=one.claims)
        judgement = judge_proof(proof, self.policy, now_ms=self.now_ms)
        if judgement.rule in _MORE_RECORDS:
            data = self.client.certificate_proof(one.certificate, self.authority)
            proof = CertificateProof.parse(data).with_claims(one.claims)
            receipt = proof.receipt
            judgement = judge_proof(proof, self.policy, now_ms=self.now_ms)
        credential = self._credential(one, judgement)
        return Pack(one.row, one.certificate, record_id, receipt, proof, credential, judgement)

    def _credential(self, one: Planned, judgement: Judgement) -> Json:
        certificate, proved = judgement.certificate, judgement.proved
        if judgement.verdict is Verdict.DOES_NOT_MATCH or certificate is None or proved is None:
            raise RefusedError(
                judgement.rule, f"the node's receipt for row {one.row} does not hold: {judgement.reason}"
            )
        document = vc.certificate_credential(
            certificate,
            one.claims,
            self.issuer,
            kind=self.schema.credential,
            origin=proved.checked.checkpoint.origin,
        )
        return vc.sign(document, self.signer, self.issuer.did, created=vc.local_time(self.now_ms))
