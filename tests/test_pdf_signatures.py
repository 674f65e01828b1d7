"""Signatures in PDFs: a small certification authority of the tests' own signs, files are tampered with, nothing is fetched."""

from __future__ import annotations

import builtins
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyhanko", reason="the extra pdf-signatures is not installed")

from asn1crypto import keys as asn1_keys  # type: ignore[import-untyped]
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import signers
from pyhanko_certvalidator.registry import SimpleCertificateStore

from api.cli.output import ExitCode, UsageError
from api.cli.pdf_signatures import INSTALL, examine, is_pdf, statements
from ledger.encoding import encode
from ledger.entry import encode_record
from ledger.hashing import sha256
from ledger.records import parse_record
from node.service import Node
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import running_node

__all__ = ["quiet_logs"]

NAME = "Nguyễn Văn Mẫu"
CONTENT = b"BT /F1 12 Tf (95 phan tram) Tj ET"


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(signs, signs, False, False, False, not signs, not signs, False, False)


@dataclass(frozen=True)
class Authority:
    """A certification authority made for these tests."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder("CA thử", "CA thử", key.public_key(), days=(-400, 400))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=False), critical=True)
        return cls(key, builder.sign(key, SHA256()))

    def signer(self, *, days: tuple[int, int] = (-1, 100)) -> signers.SimpleSigner:
        """Somebody to whom it gave a certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(NAME, "CA thử", key.public_key(), days=days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        certificate = builder.add_extension(_usage(signs=True), critical=True).sign(self.key, SHA256())
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register(asn1_x509.Certificate.load(self.certificate.public_bytes(Encoding.DER)))
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return signers.SimpleSigner(
            signing_cert=asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER)),
            signing_key=asn1_keys.PrivateKeyInfo.load(private),
            cert_registry=store,
        )

    def root(self, folder: Path) -> Path:
        path = folder / "root.pem"
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return path


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePublicKey, *, days: tuple[int, int]
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )


def unsigned() -> bytes:
    writer = PdfFileWriter()  # type: ignore[no-untyped-call]
    stream = writer.add_object(generic.StreamObject(stream_data=CONTENT))
    page = PageObject(contents=stream, media_box=(0, 0, 200, 200))  # type: ignore[no-untyped-call]
    writer.insert_page(page)  # type: ignore[no-untyped-call]
    out = io.BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def sign(data: bytes, signer: signers.SimpleSigner, name: str = "ChuKy1") -> bytes:
    out = io.BytesIO()
    metadata = signers.PdfSignatureMetadata(field_name=name)
    signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(data)), metadata, signer=signer, output=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make()


@pytest.fixture(scope="module")
def signer(authority: Authority) -> signers.SimpleSigner:
    return authority.signer()


@pytest.fixture(scope="module")
def signed(signer: signers.SimpleSigner) -> bytes:
    return sign(unsigned(), signer)


def write(folder: Path, data: bytes) -> Path:
    path = folder / "van-ban.pdf"
    path.write_bytes(data)
    return path


@pytest.mark.usefixtures("no_network")
def test_a_sound_signature(
    tmp_path: Path, authority: Authority, signer: signers.SimpleSigner, signed: bytes
) -> None:
    (found,) = examine(write(tmp_path, signed), [authority.root(tmp_path)])
    assert found.is_sound
    assert (found.position, found.integrity, found.coverage, found.changes, found.trust) == (
        1,
        "intact",
        "whole-file",
        "none",
        "trusted",
    )
    assert signer.signing_cert is not None
    assert found.certificate == sha256(signer.signing_cert.dump())
    assert found.signed_ms is not None
    assert abs(found.signed_ms / 1000 - datetime.now(UTC).timestamp()) < 600
    assert NAME in found.signer


@pytest.mark.usefixtures("no_network")
def test_trust_is_not_claimed_without_roots_and_not_given_by_others(tmp_path: Path, signed: bytes) -> None:
    path = write(tmp_path, signed)
    assert [found.trust for found in examine(path)] == ["not-checked"]
    other = Authority.make().root(tmp_path)
    assert [found.trust for found in examine(path, [other])] == ["untrusted"]


@pytest.mark.usefixtures("no_network")
def test_a_certificate_that_was_over(tmp_path: Path, authority: Authority) -> None:
    path = write(tmp_path, sign(unsigned(), authority.signer(days=(-300, -200))))
    (found,) = examine(path, [authority.root(tmp_path)])
    assert (found.integrity, found.trust) == ("intact", "expired")


@pytest.mark.usefixtures("no_network")
def test_a_tampered_file_is_reported_as_broken(tmp_path: Path, authority: Authority, signed: bytes) -> None:
    assert signed.count(b"95 phan tram") == 1
    path = write(tmp_path, signed.replace(b"95 phan tram", b"96 phan tram"))
    (found,) = examine(path, [authority.root(tmp_path)])
    assert (found.integrity, found.is_sound) == ("broken", False)


@pytest.mark.usefixtures("no_network")
def test_a_page_that_was_changed_after_signing(tmp_path: Path, signed: bytes) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    page = writer.root["/Pages"]["/Kids"][0]
    page["/MediaBox"] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 500, 500)))
    writer.update_container(page)
    out = io.BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    (found,) = examine(write(tmp_path, out.getvalue()))
    assert (found.integrity, found.coverage, found.changes) == ("intact", "revision", "not-permitted")
    assert not found.is_sound


@pytest.mark.usefixtures("no_network")
def test_two_signatures(tmp_path: Path, signer: signers.SimpleSigner, signed: bytes) -> None:
    found = examine(write(tmp_path, sign(signed, signer, "ChuKy2")))
    assert [(one.position, one.coverage, one.changes) for one in found] == [
        (1, "revision", "permitted"),
        (2, "whole-file", "none"),
    ]
    assert all(one.is_sound for one in found)


def test_what_is_stated_names_nobody(tmp_path: Path, signed: bytes) -> None:
    for data, count in ((signed, 1), (unsigned(), 0)):
        (body,) = statements("office", bytes(32), examine(write(tmp_path, data)))
        assert parse_record(encode_record("doc.signatures/1", body)).body["count"] == count
        assert NAME.encode() not in encode(body)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7 khong phai", b"%PDF-1.7\nstartxref\n5\n%%EOF\n"])
def test_what_is_no_pdf(tmp_path: Path, data: bytes) -> None:
    path = write(tmp_path, data)
    assert is_pdf(path) == bool(data)
    with pytest.raises(UsageError) as caught:
        examine(path)
    assert caught.value.rule == "pdf.unreadable"


def unsound(path: Path) -> bool:
    """Whether a file is refused, or one of its signatures is."""
    try:
        return not all(found.is_sound for found in examine(path))
    except UsageError:
        return True


def test_a_changed_byte_never_passes_for_a_sound_file(tmp_path: Path, signed: bytes) -> None:
    contents = signed.index(b"/Contents <")
    assert not unsound(write(tmp_path, signed))
    for place in [*range(9, contents, 41), len(signed) - 30]:
        changed = bytearray(signed)
        changed[place] ^= 1
        assert unsound(write(tmp_path, bytes(changed))), place


def test_roots_that_cannot_be_read(tmp_path: Path, signed: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        examine(write(tmp_path, signed), [tmp_path / "khong-co.pem"])
    assert caught.value.rule == "pdf.roots"


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def missing(name: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  as the function it replaces
        if name.partition(".")[0] == "pyhanko":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    path = write(tmp_path, b"%PDF-1.7")
    with pytest.raises(UsageError) as caught:
        examine(path)
    assert caught.value.rule == "pdf.extra-missing"
    assert INSTALL in caught.value.detail
    done = sogoc("anchor", "--pdf-signatures", path, "--key", tmp_path / "khong-co.pem")
    assert (done.code, done.rule) == (ExitCode.USAGE, "pdf.extra-missing")


# -- anchored with what was found --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, str]]:
    with running_node(tmp_path_factory.mktemp("office")) as node, serving(node) as address:
        yield node, address


def anchor(served: tuple[Node, str], *arguments: str | Path) -> Done:
    node, address = served
    return sogoc("anchor", *arguments, "--node", address, "--key", node.home.key("office"), "--json")


def test_findings_stand_in_the_same_entry(
    served: tuple[Node, str], tmp_path: Path, authority: Authority, signed: bytes
) -> None:
    node, address = served
    good, bad, none = tmp_path / "tot.pdf", tmp_path / "hong.pdf", tmp_path / "khong-ky.pdf"
    good.write_bytes(signed)
    bad.write_bytes(signed.replace(b"95 phan tram", b"97 phan tram"))
    none.write_bytes(unsigned())
    text = tmp_path / "ghi-chu.txt"
    text.write_text("không phải PDF")
    before = node.final.size
    done = anchor(served, good, bad, none, text, "--pdf-signatures", "--pdf-root", authority.root(tmp_path))
    assert done.code == ExitCode.GOOD, done.rule
    assert node.final.size == before + 2, "one entry in one block"
    said = [document.get("signatures") for document in done.json["documents"]]
    assert [[one["integrity"] for one in each] if each is not None else None for each in said] == [
        ["intact"],
        ["broken"],
        [],
        None,
    ]
    found = sogoc("document", "find", good, "--node", address, "--json").json["anchors"][0]
    assert (found["status"], found["signatures"]) == ("in-force", 1)
    assert sogoc("document", "find", none, "--node", address, "--json").json["anchors"][0]["signatures"] == 0
    # Once stated, it is not stated again; and what was anchored without it can be told of later.
    size = node.final.size
    assert anchor(served, good, "--pdf-signatures").code == ExitCode.GOOD
    assert node.final.size == size
    later = tmp_path / "sau.pdf"
    later.write_bytes(sign(unsigned(), authority.signer()))
    assert anchor(served, later).code == ExitCode.GOOD
    assert anchor(served, later, "--pdf-signatures").json["signed"] == 0
    assert sogoc("document", "find", later, "--node", address, "--json").json["anchors"][0]["signatures"] == 1
    shown = sogoc(
        "anchor", bad, "--pdf-signatures", "--node", address, "--key", node.home.key("office")
    ).output
    assert "chữ ký hỏng" in shown
    assert NAME in shown
