"""TLS between validators: a certificate for each, and settings by which exactly one peer is believed.

Rules: TLS 1.3; each side shows its certificate and trusts only those it was given, file by file. A certificate is
self-signed, has no end (it is taken away by hand, like it was given) and names the validator for people only: which one it
is, is what counts.
"""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ledger.keys import SigningKey

_MAX_NAME: Final = 64
_NO_END: Final = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
"""RFC 5280 §4.1.2.5: the time that says a certificate has no well-defined end."""
_BEGIN: Final = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
"""A fixed one, so that a peer whose clock is wrong is still reached."""


def make_certificate(key: SigningKey, name: str) -> bytes:
    """A self-signed certificate (PEM) of this Ed25519 key."""
    private = Ed25519PrivateKey.from_private_bytes(key.seed)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_MAX_NAME])])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_NO_END)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
    )
    return builder.sign(private, None).public_bytes(Encoding.PEM)


def client_context(certificate: Path, key: SigningKey, peer: Path) -> ssl.SSLContext:
    """Settings for reaching the one peer that has the certificate `peer`, showing `certificate`.

    Raises OSError or ssl.SSLError if a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # The certificate itself is pinned; its name says nothing more.
    context.check_hostname = False
    context.load_verify_locations(cafile=str(peer))
    return _shown(context, certificate, key)


def server_context(certificate: Path, key: SigningKey, peers: Sequence[Path]) -> ssl.SSLContext:
    """Settings for being reached by the peers that have these certificates, and by nobody else. Raises as `client_context`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    for peer in peers:
        context.load_verify_locations(cafile=str(peer))
    return _shown(context, certificate, key)


def _shown(context: ssl.SSLContext, certificate: Path, key: SigningKey) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    private = Ed25519PrivateKey.from_private_bytes(key.seed).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    # The library reads keys from files only: this one is there, for this user alone, while it reads.
    with tempfile.TemporaryDirectory(prefix="sogoc-tls-") as directory:
        path = Path(directory) / "key.pem"
        path.touch(mode=0o600)
        path.write_bytes(private)
        context.load_cert_chain(certificate, path)
    return context
