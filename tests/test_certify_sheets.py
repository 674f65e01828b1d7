"""Sheets of paper in their order: issued and final, typeset, signed, on the disk, stated on the ledger; cut off and gone on."""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")
pdfium = pytest.importorskip("pypdfium2", reason="pip install 'sogoc[test]' to look at papers")
zxingcpp = pytest.importorskip("zxingcpp", reason="pip install 'sogoc[test]' to read codes")

from cryptography import x509  # noqa: E402  after what may be missing
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.hashes import SHA256  # noqa: E402
from cryptography.hazmat.primitives.serialization import (  # noqa: E402
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID  # noqa: E402

from api.certificates import issuing, packs, sheets  # noqa: E402
from api.certificates.issuing import Plan  # noqa: E402
from api.cli import certify as command  # noqa: E402
from api.cli.pdf_signatures import examine  # noqa: E402
from api.client import Client  # noqa: E402
from api.qr import parse_link  # noqa: E402
from ledger import compact_receipt  # noqa: E402
from ledger.claims import Claim, FullClaims  # noqa: E402
from ledger.disclosure import CertificateProof  # noqa: E402
from ledger.hashing import sha256  # noqa: E402
from ledger.lookup_code import code_of  # noqa: E402
from ledger.policy import Policy  # noqa: E402
from node.service import Node  # noqa: E402
from tests.serving import quiet_logs, serving, sogoc  # noqa: E402
from tests.support import running_node  # noqa: E402
from tests.test_certify import Office, PowerCutError, line, table_of  # noqa: E402

__all__ = ["quiet_logs"]

SITE = "https://so-goc.phuson.example"
PAPERS = ("--papers", "--site", SITE)


class PaperOffice(Office):
    """An office that prints."""

    def entries(self) -> int:
        """How many signed entries the ledger has: all leaves of its log but the blocks' headers."""
        final = self.node.final
        return final.size - final.view.head.height

    def sheets(self, out: str) -> list[Path]:
        return self.files(out, ".pdf")

    def check(self, sheet: Path, *, is_stated_twice: bool = False) -> None:
        """A sheet beside its pack is good, and so is all that lies there; altered, it is not.

        A receipt by itself does not show what three records are: one that was stated twice may have been reinstated.
        """
        found = self.verify(sheet)
        assert (found.code, found.json["verdict_vi"]) == (0, "HỢP LỆ")
        assert found.json["claims"]["san_pham"] == "Dứa sấy dẻo 200 g"
        for suffix in (".sogoc-proof", ".vc.json"):
            assert self.verify(sheet.with_name(sheet.name + suffix)).code == 0
        alone = self.verify(sheet.with_suffix(".tlog-proof"))
        unknown = (3, "certificate.reinstatement-unknown")
        expected = unknown if is_stated_twice else (0, "status.in-force")
        assert (alone.code, alone.json["code"]) == expected
        assert sorted(path.name for path in sheet.parent.iterdir()) == sorted(
            [
                sheet.name,
                f"{sheet.name}.sogoc-proof",
                f"{sheet.name}.vc.json",
                f"{sheet.stem}.tlog-proof",
            ]
        )
        altered = self.path / "altered.pdf"
        altered.write_bytes(sheet.read_bytes() + b"\n")
        proof = sheet.with_name(f"{sheet.name}.sogoc-proof")
        assert self.verify(altered, "--receipt", proof).json["code"] == "certificate.paper"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperOffice]:
    path = tmp_path_factory.mktemp("office")
    with running_node(path) as node, serving(node) as url:
        yield PaperOffice(node, url, path)


def codes_in(pdf: bytes) -> list[str]:
    document = pdfium.PdfDocument(pdf)
    try:
        picture = document[0].render(scale=4).to_pil()
    finally:
        document.close()
    return [code.text for code in zxingcpp.read_barcodes(picture)]


def compact_of(node: Node, sheet: Path, record_id: bytes) -> tuple[Claim, ...]:
    """What the sheet's two codes lead to: the record, and the claims that the offline code proves."""
    links = [parse_link(text) for text in codes_in(sheet.read_bytes())]
    (everyday,) = [link for link in links if link.code]
    assert (everyday.code, everyday.salt) == (code_of(record_id), None)
    (offline,) = [link.compact for link in links if link.compact]
    verified = compact_receipt.verify(offline, Policy.parse(node.home.policy.read_text()), node.chain_id)
    assert (verified.record_id, verified.status) == (record_id, "in-force")
    return verified.claims


def test_sheets_are_made_of_what_is_final_and_stated_with_one_signature_more(office: PaperOffice) -> None:
    before = office.entries()
    done = office.certify(table_of(line(1), line(2), line(3)), "printed", *PAPERS)
    assert done.code == 0, done.rule
    assert office.entries() == before + 2
    files = office.sheets("printed")
    assert [one["sheet"] for one in done.json["certificates"]] == [str(file) for file in files]
    for number, (sheet, one) in enumerate(zip(files, done.json["certificates"], strict=True), 1):
        assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
        office.check(sheet)
        claims = compact_of(office.node, sheet, bytes.fromhex(one["record_id"]))
        assert Claim("so", f"{number:02}/OCOP") in claims
        with Client(office.url) as client:
            (found,) = client.certificate(bytes.fromhex(one["certificate"]))
            (stated,) = client.document(sha256(sheet.read_bytes()))
        assert found.papers == (sha256(sheet.read_bytes()),)
        assert stated.type == "cert.paper/1"
    assert not (office.path / "printed" / command.PLAN_NAME).exists()


CUTS: dict[str, tuple[object, str, int]] = {
    "before-any-sheet": (sheets, "render", 1),
    "some-sheets": (sheets, "render", 3),
    "sheet-half-written": (packs.HolderFolders, "put_sheet", 1),
    "before-the-flush": (packs.HolderFolders, "flush", 0),
    "before-the-plan": (issuing, "save_plan", 0),
    "issue-submit": (Client, "submit", 0),
    "papers-submit": (Client, "submit", 2),
    "papers-wait": (Client, "wait_until_final", 2),
    "second-papers-submit": (Client, "submit", 3),
    "new-receipts": (Client, "receipts", 2),
    "new-packs": (packs.HolderFolders, "put", 4),
    "last-flush": (packs.HolderFolders, "flush", 1),
}


@pytest.mark.parametrize("at", sorted(CUTS))
def test_after_a_crash_the_same_command_goes_on_and_states_nothing_twice(
    office: PaperOffice, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    data, out = table_of(line(1), line(2), line(3)), f"cut-{at}"
    before = office.issued()
    monkeypatch.setattr(issuing, "MAX_RECORDS", 2)
    owner, name, call = CUTS[at]
    real, calls = getattr(owner, name), iter(range(100))

    def cut(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  whatever is cut
        if next(calls) == call:
            raise PowerCutError
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, cut)
        with pytest.raises(PowerCutError):
            office.certify(data, out, *PAPERS)
    kept = {path: path.read_bytes() for path in office.sheets(out)}
    plan = Plan.parse((office.path / out / command.PLAN_NAME).read_bytes())
    again = office.certify(data, out, *PAPERS)
    assert again.code == 0, again.rule
    assert office.issued() == before + 3
    for sheet in office.sheets(out):
        office.check(sheet)
        # What was signed before the crash is what the holder gets.
        if plan.papers:
            assert sheet.read_bytes() == kept[sheet]
    for one in again.json["certificates"]:
        with Client(office.url) as client:
            (found,) = client.certificate(bytes.fromhex(one["certificate"]))
        assert len(found.papers) == 1
        assert len(found.records) == 2


def test_a_sheet_that_went_missing_is_made_and_stated_anew(
    office: PaperOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = table_of(line(1), line(2))
    real, calls = command._kept, iter(range(9))

    def cut(*arguments: Any) -> Any:  # noqa: ANN401
        if next(calls) == 1:
            raise PowerCutError
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(command, "_kept", cut)
        with pytest.raises(PowerCutError):
            office.certify(data, "missing", *PAPERS)
    first, second = office.sheets("missing")
    first.unlink()
    second.write_bytes(second.read_bytes()[:-9])
    assert office.certify(data, "missing", *PAPERS).code == 0
    for sheet in office.sheets("missing"):
        office.check(sheet, is_stated_twice=True)


def test_what_is_revoked_meanwhile_gets_no_sheet_and_holds_up_no_other(
    office: PaperOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, state = table_of(line(1), line(2), line(3)), sheets.state_sheets

    def revoke_first(*arguments: Any) -> Any:  # noqa: ANN401
        made = arguments[3]
        assert office.run("revoke", made[1].certificate.hex(), "--reason", "issued-in-error").code == 0
        return state(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(command, "state_sheets", revoke_first)
        refused = office.certify(data, "revoked", *PAPERS)
    assert (refused.code, refused.rule) == (1, "certificate.revoked")
    done = office.certify(data, "revoked", *PAPERS)
    assert done.code == 0, done.rule
    assert ["sheet" in one for one in done.json["certificates"]] == [True, False, True]
    assert len(office.sheets("revoked")) == 2
    for sheet in office.sheets("revoked"):
        office.check(sheet)
    _, gone, _ = office.files("revoked", ".sogoc-proof")
    assert office.verify(gone).json["verdict_vi"] == "ĐÃ THU HỒI"


def test_what_would_fail_later_fails_before_anything_is_issued(
    office: PaperOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, data = office.issued(), table_of(line(1))
    assert office.certify(data, "early", "--papers").rule == "paper.where"
    assert office.certify(data, "early", "--papers", "--site", "phuson").rule == "qr.site"
    assert office.certify(data, "early", "--papers", "--site", f"https://{'x' * 300}").rule == "qr.too-large"
    nothing = office.path / "nothing.pem"
    assert office.certify(data, "early", *PAPERS, "--pdf-key", str(nothing)).rule == "paper.key"
    keys = ("--pdf-key", str(nothing), "--pdf-cert", str(nothing))
    assert office.certify(data, "early", *keys).rule == "paper.key"
    pytest.importorskip("pyhanko", reason="the extra pdf-signatures is not installed")
    assert office.certify(data, "early", *PAPERS, *keys).rule == "paper.signing-key"
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "pyhanko.sign.signers", None)
        assert office.certify(data, "early", *PAPERS, *keys).rule == "paper.signing-extra"
    assert office.issued() == before
    assert not (office.path / "early").exists()


def test_a_node_s_lie_is_not_printed(office: PaperOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    data, ask = table_of(line(1)), Client.compact_receipt

    def lie(client: Client, record_id: bytes) -> Any:  # noqa: ANN401
        return replace(ask(client, record_id), status="suspended")

    with monkeypatch.context() as patch:
        patch.setattr(Client, "compact_receipt", lie)
        lied = office.certify(data, "lied", *PAPERS)
    assert (lied.code, lied.rule) == (1, "compact.mismatch")
    assert office.sheets("lied") == []
    assert office.certify(data, "lied", *PAPERS).code == 0


def test_a_receipt_too_large_for_a_code_is_left_to_the_everyday_one(
    office: PaperOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.papers.certificates.qr.offline_code", lambda *_: too_large())

    def too_large() -> None:
        from ledger.errors import FormatError  # noqa: PLC0415

        raise FormatError("qr.too-large", "too large")

    assert office.certify(table_of(line(1)), "large", *PAPERS).code == 0
    (sheet,) = office.sheets("large")
    (link,) = [parse_link(text) for text in codes_in(sheet.read_bytes())]
    assert link.code is not None
    office.check(sheet)


# --- digital signatures -----------------------------------------------------------------------------------------------


def seal(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """A private key with a passphrase, the passphrase's file, and a certificate that the key made for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "UBND phường Phú Sơn")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(True, True, False, False, False, True, True, False, False),
            critical=True,
        )
        .sign(key, SHA256())
    )
    paths = folder / f"{name}.key", folder / f"{name}.pass", folder / f"{name}.pem"
    paths[0].write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"mat khau"))
    )
    paths[1].write_text("mat khau\n")
    paths[1].chmod(0o600)
    paths[2].write_bytes(certificate.public_bytes(Encoding.PEM))
    return paths


def test_a_signed_sheet_is_a_pdf_that_others_check_too(office: PaperOffice) -> None:
    pytest.importorskip("pyhanko", reason="the extra pdf-signatures is not installed")
    key, passphrase, certificate = seal(office.path, "seal")
    options: tuple[str, ...] = (*PAPERS, "--pdf-key", str(key), "--pdf-cert", str(certificate))
    wrong = office.certify(table_of(line(1)), "signed", *options)
    assert wrong.rule == "paper.signing-key"
    options = (*options, "--pdf-passphrase-file", str(passphrase))
    done = office.certify(table_of(line(1)), "signed", *options)
    assert done.code == 0, done.rule
    (sheet,) = office.sheets("signed")
    office.check(sheet)
    (finding,) = examine(sheet, [certificate])
    assert finding.is_sound
    assert (finding.coverage, finding.changes, finding.trust) == ("whole-file", "none", "trusted")
    # A signature by a key that the certificate is not of is found before anything is issued.
    before = office.issued()
    _, _, other = seal(office.path, "other")
    mixed = (
        *PAPERS,
        "--pdf-key",
        str(key),
        "--pdf-cert",
        str(other),
        "--pdf-passphrase-file",
        str(passphrase),
    )
    assert office.certify(table_of(line(1)), "mixed", *mixed).rule == "paper.signing-key"
    assert office.issued() == before


def test_a_signed_sheet_is_not_signed_again_after_a_crash(
    office: PaperOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyhanko", reason="the extra pdf-signatures is not installed")
    key, passphrase, certificate = seal(office.path, "again")
    options = (
        *PAPERS, "--pdf-key", str(key), "--pdf-cert", str(certificate), "--pdf-passphrase-file", str(passphrase),
    )  # fmt: skip
    submit, sent = Client.submit, iter(range(9))

    def cut(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        answer = submit(*arguments, **options)
        if next(sent) == 1:
            raise PowerCutError
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(Client, "submit", cut)
        with pytest.raises(PowerCutError):
            office.certify(table_of(line(1)), "sealed", *options)
    (sheet,) = office.sheets("sealed")
    before = sheet.read_bytes()
    assert office.certify(table_of(line(1)), "sealed", *options).code == 0
    assert sheet.read_bytes() == before
    office.check(sheet)


def test_the_sheet_shows_what_the_proof_proves(office: PaperOffice) -> None:
    pypdf = pytest.importorskip("pypdf")
    done = office.certify(table_of(line(7)), "shown", *PAPERS)
    (sheet,) = office.sheets("shown")
    proof = CertificateProof.parse(sheet.with_name(f"{sheet.name}.sogoc-proof").read_bytes())
    assert isinstance(proof.claims, FullClaims)
    text = " ".join(pypdf.PdfReader(io.BytesIO(sheet.read_bytes())).pages[0].extract_text().split())
    for said in ("07/OCOP", "Dứa sấy dẻo 200 g", "UBND phường Phú Sơn", SITE):
        assert said in text
    assert done.json["certificates"][0]["sheet"] == str(sheet)
    shown = sogoc("verify", sheet, "--policy", office.policy)
    assert "Giấy chứng nhận sản phẩm OCOP" in shown.output
