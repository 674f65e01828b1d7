"""Claims and salts in the office's vault: there before the certificate is issued, so nothing final can lack its claims.

Rules: an item is what the ledger does not have and nobody can compute: the claims with their salt, as a proof file holds them.
Receipts and records are fetched when they are needed, and are newer then. So an item is written once, also if its entry is
signed again, and the commands and the office page keep the same.

What this module does not do: read. That takes a recorded access (`sogoc vault get`, `sogoc certificate recover`).
"""

from __future__ import annotations

from collections.abc import Iterable

from api.answers import ApiError
from api.certificates.issuing import Planned
from api.client import Client
from api.vault import VaultClient
from ledger.claims import FullClaims, parse_claims
from ledger.disclosure import MAX_FILE_BYTES
from ledger.encoding import decode, encode
from ledger.errors import FormatError
from ledger.records.certificates import CERTIFICATE
from ledger.records.privacy import vault_item


def keeps_vault(client: Client) -> bool:
    """Whether the node keeps a vault. Raises ApiError, `vault.insecure` among others, if that cannot be told or used."""
    try:
        client.post("/v1/vault/challenge", b"")
    except ApiError as error:
        if error.code == "vault.none":
            return False
        raise
    return True


class VaultClaims:
    """The vault as a place for what an authority certifies."""

    def __init__(self, vault: VaultClient, authority: str) -> None:
        self._vault = vault
        self._authority = authority

    def keep(self, planned: Iterable[Planned]) -> None:
        """Keep claims and salts: on the node's disk when this returns. What is there already stays. Raises ApiError."""
        self._vault.store_all(
            self._authority,
            (
                (
                    vault_item(self._authority, CERTIFICATE, one.certificate),
                    encode(one.claims.to_value()),
                )
                for one in planned
            ),
        )


def read_claims(content: bytes) -> FullClaims:
    """What a vault gave back. Raises FormatError (`vault.claims`)."""
    claims = parse_claims(decode(content, max_bytes=MAX_FILE_BYTES))
    if not isinstance(claims, FullClaims):
        raise FormatError(
            "vault.claims", "what the vault holds is not a certificate's claims with their salt"
        )
    return claims
