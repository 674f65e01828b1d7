"""A digital signature in a PDF (PAdES, baseline B), made with a key and a certificate in files.

Rules: pyHanko signs; nothing is fetched from anywhere, and no time-stamping authority is asked: when a sheet existed, the
ledger says. A first signature is made and checked before anything is issued, so a key that does not fit its certificate is
found in time.

What this module does not do: use a token or a signing service; sign the sheets there, and anchor what comes back.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from api.papers.typesetting import PaperError

if TYPE_CHECKING:
    from pyhanko.sign.signers import SimpleSigner

INSTALL: Final = "pip install 'sogoc[pdf-signatures]'"
_FIELD: Final = "SoGoc"
_DIGEST: Final = "sha256"


@dataclass(frozen=True, slots=True)
class PdfSigner:
    """A key with its certificate."""

    _signer: SimpleSigner

    @classmethod
    def load(cls, key: Path, certificate: Path, passphrase: str | None) -> Self:
        """Read both from PEM or DER files. Raises PaperError (`paper.signing-extra`, `paper.signing-key`)."""
        try:
            from pyhanko.sign.signers import SimpleSigner  # noqa: PLC0415  of an extra that most commands do without
        except ImportError as error:
            raise PaperError(
                "paper.signing-extra",
                f"signing a PDF takes the program pyHanko, which is not installed: {INSTALL}",
            ) from error
        # It says why a key cannot be read in its log, and returns nothing.
        logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
        secret = None if passphrase is None else passphrase.encode()
        signer = SimpleSigner.load(str(key), str(certificate), key_passphrase=secret)  # type: ignore[no-untyped-call]
        if signer is None:
            raise PaperError(
                "paper.signing-key",
                f"{key} and {certificate} cannot be read as a private key and a certificate (PEM or DER), or the key's "
                "passphrase is wrong: use --pdf-passphrase-file",
            )
        return cls(signer)

    def sign(self, pdf: bytes) -> bytes:
        """A signed copy of a PDF. Raises PaperError (`paper.signing`)."""
        from pyhanko.pdf_utils.incremental_writer import (  # noqa: PLC0415  see `load`
            IncrementalPdfFileWriter,
        )
        from pyhanko.sign import PdfSignatureMetadata, sign_pdf  # noqa: PLC0415  of an extra
        from pyhanko.sign.fields import SigSeedSubFilter  # noqa: PLC0415  of an extra

        what = PdfSignatureMetadata(field_name=_FIELD, md_algorithm=_DIGEST, subfilter=SigSeedSubFilter.PADES)
        out = io.BytesIO()
        try:
            writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
            sign_pdf(writer, what, self._signer, output=out)
        # Whatever somebody else's program stumbles over: the sheet is not signed, and that is all there is to know.
        except Exception as error:
            raise PaperError(
                "paper.signing", f"the PDF cannot be signed: {str(error) or type(error).__name__}"
            ) from error
        return out.getvalue()

    def try_out(self, pdf: bytes) -> None:
        """Sign a PDF and check the signature. Raises PaperError (`paper.signing`, `paper.signing-key`)."""
        from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: PLC0415  see `load`
        from pyhanko.sign.validation import validate_pdf_signature  # noqa: PLC0415  of an extra
        from pyhanko_certvalidator import ValidationContext  # noqa: PLC0415  of an extra

        logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
        (signature,) = PdfFileReader(io.BytesIO(self.sign(pdf))).embedded_regular_signatures
        status = validate_pdf_signature(signature, ValidationContext(trust_roots=[], allow_fetching=False))
        if not (status.intact and status.valid):
            raise PaperError("paper.signing-key", "the key and the certificate do not belong together")
