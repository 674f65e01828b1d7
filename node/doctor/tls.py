"""Checks of the certificate for HTTPS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from node.config import Config
from node.doctor.finding import Finding, error, good, warning

_CERTIFICATE_DAYS: Final = 30


def check_tls(config: Config, now_s: float) -> Iterator[Finding]:
    """The certificate for HTTPS: readable, not running out, and of the key beside it."""
    if not config.tls_cert:
        return
    check, renew = (
        "tls",
        "gia hạn chứng thư rồi khởi động lại nút / renew the certificate, then restart the node",
    )
    try:
        certificate = x509.load_pem_x509_certificate(Path(config.tls_cert).read_bytes())
        key = serialization.load_pem_private_key(Path(config.tls_key).read_bytes(), None)
    except (OSError, ValueError, TypeError) as failure:
        yield error(
            check,
            f"không đọc được chứng thư hoặc khóa TLS / certificate or key cannot be read: {failure}",
            "sửa tls_cert và tls_key trong sogoc.toml / mend tls_cert and tls_key in sogoc.toml",
        )
        return
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        yield error(check, "chứng thư không đi với khóa / the certificate is not for this key", renew)
        return
    now = datetime.fromtimestamp(now_s, tz=UTC)
    days = (certificate.not_valid_after_utc - now).days
    until = certificate.not_valid_after_utc.date().isoformat()
    if now >= certificate.not_valid_after_utc:
        yield error(check, f"chứng thư hết hạn / the certificate ended on {until}", renew)
    elif now < certificate.not_valid_before_utc:
        yield error(
            check,
            "chứng thư chưa có hiệu lực / the certificate is not valid yet",
            "kiểm tra đồng hồ / check the clock",
        )
    elif days < _CERTIFICATE_DAYS:
        yield warning(
            check, f"chứng thư còn {days} ngày / the certificate ends in {days} days ({until})", renew
        )
    else:
        yield good(check, f"chứng thư đến / certificate until {until}")
