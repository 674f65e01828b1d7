"""The verdict on a Verifiable Credential: its signature is checked first, then what the ledger says of the certificate.

Rules: a credential whose signature is good and whose standing is not at hand is "cannot tell": that it was signed once does not
make it in force. One that says something else than the certificate it names does not match.
"""

from __future__ import annotations

from dataclasses import replace

from ledger.claims import FullClaims
from ledger.credentials import vc
from ledger.credentials.jcs import parse
from ledger.disclosure import CertificateProof
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.policy import Trust
from ledger.verdict import Judgement, Verdict, judge_proof


def judge_credential(
    credential: bytes, proof: bytes | CertificateProof | None, policy: Trust, *, now_ms: int | None
) -> Judgement:
    """The verdict on a credential (JSON), with the holder's full proof of the certificate if it is at hand."""
    try:
        verified = vc.verify(parse(credential))
    except CannotTellError as error:
        return Judgement(Verdict.CANNOT_TELL, error.rule, error.detail)
    except FormatError as error:
        return Judgement(
            Verdict.CANNOT_TELL, error.rule, f"this is not a credential that can be read: {error.detail}"
        )
    except VerificationError as error:
        return Judgement(Verdict.DOES_NOT_MATCH, error.rule, error.detail)
    if proof is None:
        return Judgement(
            Verdict.CANNOT_TELL,
            "vc.no-proof",
            "the credential's signature is good; whether it is in force stands in the certificate's proof",
        )
    judgement = judge_proof(proof, policy, now_ms=now_ms)
    if judgement.certificate is None or judgement.verdict is Verdict.DOES_NOT_MATCH:
        return judgement
    return _compared(verified, proof, judgement)


def _compared(
    verified: vc.VerifiedCredential, proof: bytes | CertificateProof, judgement: Judgement
) -> Judgement:
    certificate = judgement.certificate
    if certificate is None:
        return judgement
    claims = (proof if isinstance(proof, CertificateProof) else CertificateProof.parse(proof)).claims
    try:
        if not isinstance(claims, FullClaims):
            raise CannotTellError(
                "vc.claims-hidden", "the proof does not show all claims: they cannot be compared"
            )
        vc.check_same(verified, certificate, claims.claims)
        if verified.public_key != certificate.issue_key:
            raise CannotTellError(
                "vc.other-key",
                "the credential was signed by another key than the one that issued the certificate",
            )
    except (CannotTellError, FormatError) as error:
        return replace(judgement, verdict=Verdict.CANNOT_TELL, rule=error.rule, reason=error.detail)
    except VerificationError as error:
        return replace(judgement, verdict=Verdict.DOES_NOT_MATCH, rule=error.rule, reason=error.detail)
    return judgement
