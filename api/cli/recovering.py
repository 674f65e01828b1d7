"""`sogoc certificate recover`: a certificate's proof once more, out of the claims in the office's vault.

Rules: the access is on the ledger, with purpose and legal ground, before the vault opens. What comes out is checked like any
proof before it is written. Once the claims are erased there is nothing to make it of; the holder's own copy stays good.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from api.certificates.vaulting import read_claims
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption, PolicyOption, policy_of
from api.cli.files import escape_path, read_policy
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, console, print_json
from api.cli.signing import chain_id_of, key_row, make_record, submit_final
from api.cli.vault import GroundOption, LawOption, OwnerOption
from api.client import Client
from api.vault import VaultClient
from ledger.disclosure import CertificateProof
from ledger.encoding import Value
from ledger.entry import NONCE_SIZE
from ledger.errors import RefusedError
from ledger.keys import SigningKey
from ledger.policy import Trust
from ledger.records.certificates import CERTIFICATE, CERTIFICATE_SIZE
from ledger.records.privacy import ACCESS_LOG, PURPOSES, vault_item
from ledger.verdict import Verdict, judge_proof
from node.safe_files import put_file


def recover(
    certificate: Annotated[
        str,
        typer.Argument(help="Mã giấy (32 chữ số thập lục phân) / the certificate's identifier in hex"),
    ],
    *,
    key: KeyOption,
    purpose: Annotated[str, typer.Option("--purpose", help=f"Mục đích / why: {', '.join(sorted(PURPOSES))}")],
    legal_ground: GroundOption,
    output: Annotated[Path, typer.Option("-o", "--output", help="Tệp .sogoc-proof mới / the new file")],
    law: LawOption = None,
    owner: OwnerOption = None,
    node: NodeOption = DEFAULT_NODE,
    policy: PolicyOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Làm lại hồ sơ của một giấy từ kho; lần xem được ghi lên sổ trước. Make a certificate's proof again, from the vault."""
    if output.exists():
        raise UsageError("file.exists", f"{output} exists: name another file; nothing is overwritten")
    try:
        identifier = bytes.fromhex(certificate)
    except ValueError:
        identifier = b""
    if len(identifier) != CERTIFICATE_SIZE:
        raise UsageError(
            "certificate.id", f"a certificate's identifier is {2 * CERTIFICATE_SIZE} hexadecimal digits"
        )
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        trusted = read_policy(policy if policy is not None else policy_of(key), client)
        member = key_row(client, signer.public_key).member
        reason: dict[str, Value] = {"purpose": purpose, "legal_ground": legal_ground}
        if law is not None:
            reason["law"] = law
        proof = _proof(client, signer, member, owner or member, identifier, reason, trusted)
    put_file(output, proof.encoded(), mode=0o600)
    if as_json:
        print_json({"certificate": certificate, "proof": str(output)})
    else:
        console.print(
            f"[bold green]Đã làm lại / made again:[/] {escape_path(output)}  (giữ kín / keep it secret)"
        )


def _proof(
    client: Client,
    signer: SigningKey,
    member: str,
    owner: str,
    identifier: bytes,
    reason: dict[str, Value],
    policy: Trust,
) -> CertificateProof:
    # Fetched first: an access that leads to nothing should not be on the ledger.
    bare = CertificateProof.parse(client.certificate_proof(identifier, owner))
    item = vault_item(owner, CERTIFICATE, identifier)
    body: dict[str, Value] = {
        "authority": member,
        "owner": owner,
        "item": item,
        "nonce": secrets.token_bytes(NONCE_SIZE),
    }
    access = submit_final(client, signer, [make_record(ACCESS_LOG, body | reason)])
    vault = VaultClient(client, chain_id_of(client), signer)
    claims = read_claims(vault.read(access.record_ids[0]))
    proof = bare.with_claims(claims)
    judgement = judge_proof(proof, policy, now_ms=time.time_ns() // 1_000_000)
    if judgement.verdict is Verdict.DOES_NOT_MATCH:
        raise RefusedError(
            judgement.rule, f"what the node and its vault gave does not hold: {judgement.reason}"
        )
    return proof
