"""Verifiable Credentials 2.0 secured by Data Integrity `eddsa-jcs-2022`.

Rules (W3C Data Integrity EdDSA Cryptosuites v1.0, §3.3): what is signed with Ed25519 is SHA-256 of the canonical proof options,
then SHA-256 of the canonical document without its proof (RFC 8785 both). The proof carries the document's `@context`; a
verifier checks that the document's begins with it. Context documents give the terms a meaning elsewhere; nothing here fetches
them.

What this module does not do: say whether a certificate is in force. That the ledger does (`ledger.verdict`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger import days, keys
from ledger.claims import Claim, FullClaims
from ledger.credentials.did import parse_verification_method, verification_method
from ledger.credentials.jcs import Json, canonical
from ledger.credentials.multibase import base58btc, base64url, parse_base58btc
from ledger.disclosure import Certificate
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.records.base import integer, octets
from ledger.records.certificates import STATUS_LIST_SIZE

CONTEXT: Final = "https://www.w3.org/ns/credentials/v2"
UNDEFINED_TERMS: Final = "https://www.w3.org/ns/credentials/undefined-terms/v2"
"""Gives a meaning to terms that no other context defines: the claims of our schemas."""
PROOF_TYPE, CRYPTOSUITE, PURPOSE = "DataIntegrityProof", "eddsa-jcs-2022", "assertionMethod"
REVOCATION, SUSPENSION = "revocation", "suspension"
_OFFSET: Final = "+07:00"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs credentials, and where their statuses are published."""

    did: str
    name: str
    """Name of the authority, for people."""
    status_lists: str | None = None
    """URL under which the authority's status lists stand; the list's number and purpose follow."""

    def status_list(self, number: int, purpose: str) -> str:
        """URL of a status list credential."""
        return f"{self.status_lists}/{number}/{purpose}"


@dataclass(frozen=True, slots=True)
class VerifiedCredential:
    """A credential whose signature is good."""

    issuer: str
    """Its DID."""
    public_key: bytes
    """The key that signed: the issuer's, as a `did:key` shows by itself; for a `did:web` see `ledger.credentials.did`."""
    document: Json
    """Without its proof."""

    @property
    def subject(self) -> Mapping[str, Any]:
        """The claims."""
        subject = self.document.get("credentialSubject")
        if not isinstance(subject, dict):
            raise FormatError("vc.subject", "a credential has one subject")
        return subject

    @property
    def certificate(self) -> bytes:
        """The certificate on the ledger that it is a form of. Raises FormatError, rule `vc.evidence`."""
        evidence = self.document.get("evidence")
        for item in evidence if isinstance(evidence, list) else [evidence]:
            if isinstance(item, dict) and isinstance(item.get("certificate"), str):
                try:
                    return bytes.fromhex(item["certificate"])
                except ValueError:
                    break
        raise FormatError("vc.evidence", "the credential does not name a certificate on a ledger")


def sign(document: Json, key: SigningKey, did: str, *, created: str) -> Json:
    """The document with a proof by `key`, a key of `did`. `created` is an RFC 3339 time. Raises FormatError (`json.value`)."""
    options: Json = {
        "type": PROOF_TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": created,
        "verificationMethod": verification_method(did, key.public_key),
        "proofPurpose": PURPOSE,
    }
    if "@context" in document:
        options["@context"] = document["@context"]
    signature = key.sign(signed_bytes(document, options))
    return {**document, "proof": {**options, "proofValue": base58btc(signature)}}


def signed_bytes(document: Json, options: Json) -> bytes:
    """The 64 bytes that are signed: hashes of the proof options and of the document, neither with its proof value."""
    return sha256(canonical(options)) + sha256(canonical(document))


def verify(credential: Json) -> VerifiedCredential:
    """Check a credential's signature, and that the key is the issuer's by name.

    Raises FormatError (`vc.*`, `json.*`, `did.*`, `multibase.*`), CannotTellError (a proof or DID of another kind),
    VerificationError (`vc.context`, `vc.issuer`, `signature.*`).
    """
    proof = credential.get("proof")
    if isinstance(proof, list):
        raise CannotTellError("vc.proofs", "credentials with several proofs are not read here")
    if not isinstance(proof, dict):
        raise FormatError("vc.proof", "the credential has no proof")
    if proof.get("type") != PROOF_TYPE or proof.get("cryptosuite") != CRYPTOSUITE:
        raise CannotTellError("vc.suite", f"only {CRYPTOSUITE} proofs are known here")
    if proof.get("proofPurpose") != PURPOSE:
        raise VerificationError("vc.purpose", f"a credential's proof is for {PURPOSE}")
    document = {name: value for name, value in credential.items() if name != "proof"}
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    if "@context" in options:
        _check_context(_list(document.get("@context")), _list(options["@context"]))
        document["@context"] = options["@context"]
    did, public_key = parse_verification_method(_text(proof, "verificationMethod"))
    if _issuer_of(document) != did:
        raise VerificationError("vc.issuer", "the key that signed is not one of the issuer's by its name")
    signature = parse_base58btc(_text(proof, "proofValue"))
    keys.verify(public_key, signature, signed_bytes(document, options))
    return VerifiedCredential(did, public_key, document)


def _check_context(document: list[Any], proof: list[Any]) -> None:
    if document[: len(proof)] != proof:
        raise VerificationError(
            "vc.context", "the credential's @context does not begin with that of its proof"
        )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(members: Json, name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise FormatError("vc.proof", f"a proof's {name} is text")
    return value


def _issuer_of(document: Json) -> str:
    issuer = document.get("issuer")
    value = issuer.get("id") if isinstance(issuer, dict) else issuer
    if not isinstance(value, str):
        raise FormatError("vc.issuer-name", "a credential names its issuer")
    return value


def certificate_credential(
    certificate: Certificate, claims: FullClaims, issuer: Issuer, *, kind: str, origin: str
) -> Json:
    """The unsigned credential of a certificate with all of its claims.

    `kind`: the credential's type, such as `MaritalStatusCertificate`; `origin`: the ledger's. A claim that was left empty is
    left out. The evidence names the record, so that whoever has the certificate's proof can look for it.
    """
    body = certificate.issue.body
    identifier = certificate.identifier
    document: Json = {
        "@context": [CONTEXT, UNDEFINED_TERMS],
        "id": f"urn:uuid:{_uuid(identifier)}",
        "type": ["VerifiableCredential", kind],
        "issuer": {"id": issuer.did, "name": issuer.name},
        "credentialSubject": stated(claims.claims),
        "evidence": [
            {
                "type": ["LedgerRecord"],
                "ledger": origin,
                "authority": certificate.issue.authority,
                "certificate": identifier.hex(),
                "record": certificate.issue.id.hex(),
                "claimsRoot": base64url(octets(body, "claims_root")),
                "schema": certificate.schema,
            }
        ],
    }
    if certificate.valid_from is not None:
        document["validFrom"] = f"{certificate.valid_from}T00:00:00{_OFFSET}"
    if certificate.valid_until is not None:
        document["validUntil"] = f"{certificate.valid_until}T23:59:59{_OFFSET}"
    if issuer.status_lists is not None and "status_index" in body:
        number, index = divmod(integer(body, "status_index"), STATUS_LIST_SIZE)
        document["credentialStatus"] = [
            {
                "type": "BitstringStatusListEntry",
                "statusPurpose": purpose,
                "statusListIndex": str(index),
                "statusListCredential": issuer.status_list(number, purpose),
            }
            for purpose in (REVOCATION, SUSPENSION)
        ]
    return document


def stated(claims: tuple[Claim, ...]) -> dict[str, Any]:
    """The claims that have a value, by name."""
    return {claim.name: claim.value for claim in claims if claim.value is not None}


def check_same(credential: VerifiedCredential, certificate: Certificate, claims: tuple[Claim, ...]) -> None:
    """Check that a credential says what a certificate's claims say: no other certificate, and no other claim.

    `claims` are all of the certificate's, verified. Raises VerificationError (`vc.certificate`, `vc.claims`), FormatError.
    """
    if credential.certificate != certificate.identifier:
        raise VerificationError("vc.certificate", "the credential is a form of another certificate")
    said = {name: value for name, value in credential.subject.items() if name != "id"}
    if canonical(said) != canonical(stated(claims)):
        raise VerificationError("vc.claims", "the credential claims something else than the certificate")


def _uuid(identifier: bytes) -> str:
    digits = identifier.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def local_time(time_ms: int) -> str:
    """An instant as an RFC 3339 time in Vietnam's zone; milliseconds since the epoch."""
    seconds = (time_ms + days.UTC_OFFSET_MS) % days.DAY_MS // 1000
    hours, rest = divmod(seconds, 3600)
    return f"{days.day_of(time_ms)}T{hours:02}:{rest // 60:02}:{rest % 60:02}{_OFFSET}"
