"""`sogoc serve` over TLS: a clerk whose machine trusts the office's certificate anchors; one whose machine does not, cannot."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import signal
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.test_cli import SOGOC, free_port, sogoc, wait_for_port


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sogoc test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_file, key_file


def test_anchor_over_tls(tmp_path: Path) -> None:
    assert sogoc("init", "office", "--insecure-no-passphrase", cwd=tmp_path).returncode == 0
    cert, key = write_certificate(tmp_path)
    port = free_port()
    node = subprocess.Popen(
        [*SOGOC, "serve", "office", "--port", str(port), "--tls-cert", str(cert), "--tls-key", str(key)],
        cwd=tmp_path,
    )
    try:
        wait_for_port(port, node)
        (tmp_path / "a.txt").write_bytes(b"a")
        arguments = (
            "anchor",
            "--node",
            f"https://127.0.0.1:{port}",
            "--key",
            "office/keys/office.pem",
            "a.txt",
            "--json",
        )
        distrusted = sogoc(*arguments, cwd=tmp_path)
        assert distrusted.returncode == 3
        assert json.loads(distrusted.stdout)["error"]["code"] == "node.unreachable"
        trusted = sogoc(*arguments, cwd=tmp_path, env={"SSL_CERT_FILE": str(cert)})
        assert trusted.returncode == 0, trusted.stderr
        assert sogoc("verify", "a.txt", "--policy", "office/policy", cwd=tmp_path).returncode == 0
        assert sogoc("audit", "office", "--workers", "0", cwd=tmp_path).returncode == 0, (
            "over the socket, without TLS"
        )
    finally:
        node.send_signal(signal.SIGTERM)
        assert node.wait(30) == 0


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    assert sogoc("init", "office", "--insecure-no-passphrase", cwd=tmp_path).returncode == 0
    cert, _ = write_certificate(tmp_path)
    refused = sogoc("serve", "office", "--port", str(free_port()), "--tls-cert", cert, cwd=tmp_path)
    assert refused.returncode == 2
    assert "tls.pair" in refused.stderr
