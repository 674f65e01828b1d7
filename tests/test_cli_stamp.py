"""`sogoc document stamp`: copies that lead to their record and are recorded themselves, whatever ends a run early."""

from __future__ import annotations

import io
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pypdf = pytest.importorskip("pypdf", reason="pip install 'sogoc[papers]' to make papers")
pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")

from pypdf.generic import DictionaryObject, NameObject, NumberObject  # noqa: E402  after what may be missing

from api.cli import demo_documents, demo_ward, stamps  # noqa: E402
from api.cli.files import sha256_of  # noqa: E402
from api.cli.output import ExitCode  # noqa: E402
from api.client import Client  # noqa: E402
from ledger.lookup_code import code_of, grouped  # noqa: E402
from ledger.records import parse_record  # noqa: E402
from node import keyfiles  # noqa: E402
from node.service import Node  # noqa: E402
from tests.serving import Done, quiet_logs, serving, sogoc  # noqa: E402
from tests.support import register_key, register_member, running_node  # noqa: E402

__all__ = ["quiet_logs"]

SITE = "https://so-goc.phuson.example"


@dataclass
class Office:
    node: Node
    address: str
    originals: Path

    def fresh(self, folder: Path, name: str = "giay.pdf") -> Path:
        """A PDF that nobody has anchored."""
        writer = pypdf.PdfWriter()
        writer.add_blank_page(595, 842)
        writer.add_metadata({"/Title": str(folder / name)})
        with (folder / name).open("wb") as stream:
            writer.write(stream)
        return folder / name

    def stamp(self, *arguments: str | Path, key: str = "office", site: str = SITE) -> Done:
        return sogoc(
            "document", "stamp", *arguments, "--site", site, "--node", self.address, "--key", self.node.home.key(key),
            "--policy", self.node.home.policy, "--json",
        )  # fmt: skip

    def verify(self, file: Path, *more: str | Path) -> Done:
        return sogoc("verify", file, "--policy", self.node.home.policy, "--json", *more)

    def entries(self) -> int:
        """How many signed entries the ledger has: all leaves of its log but the blocks' headers."""
        final = self.node.final
        return final.size - final.view.head.height


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("papers")
    demo_documents.write_documents(folder)
    with running_node(tmp_path_factory.mktemp("node")) as node, serving(node) as address:
        for paper in (demo_ward.REPORT, demo_ward.NOTICE):
            done = sogoc(
                "anchor", *paper.options, folder / paper.file, "--node", address, "--key", node.home.key("office"), "--json"
            )  # fmt: skip
            assert done.code == ExitCode.GOOD, done.rule
        yield Office(node, address, folder)


def text_of(pdf: bytes) -> str:
    (page,) = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return str(page.extract_text())


def test_a_copy_bears_the_lookup_code_and_the_original_is_as_it_was(office: Office, tmp_path: Path) -> None:
    file = office.originals / demo_ward.REPORT.file
    original, entries = file.read_bytes(), office.entries()
    copy = tmp_path / "dau.pdf"
    done = office.stamp(file, "-o", copy)
    assert done.code == ExitCode.GOOD, done.rule
    (said,) = done.json["documents"]
    assert (said["already_anchored"], said["already_stamped"]) == (True, False)
    with Client(office.address) as client:
        info = client.record(bytes.fromhex(said["record_id"]))
        (found,) = client.document(sha256_of(copy)[0])
    assert said["code"] == grouped(code_of(info.record_id))
    assert (found.type, found.subject_id, found.status) == ("doc.paper/1", info.subject_id, "in-force")
    text = text_of(copy.read_bytes())
    for words in (said["code"], SITE, demo_ward.REPORT.lines[0]):
        assert words in text
    assert demo_ward.NOTICE.lines[0] not in text
    assert file.read_bytes() == original
    assert office.entries() == entries + 1
    assert (office.verify(copy).code, office.verify(copy).json["verdict_vi"]) == (0, "HỢP LỆ")
    assert office.verify(file).code == 0


def test_a_copy_is_found_by_the_document_that_it_is_of(office: Office, tmp_path: Path) -> None:
    file, copy = office.fresh(tmp_path), tmp_path / "dau.pdf"
    done = office.stamp(file, "-o", copy)
    found = sogoc("document", "find", copy, "--node", office.address, "--json")
    assert (found.code, found.json["is_stamped_copy"]) == (0, True)
    (anchor,) = found.json["anchors"]
    assert anchor["record_id"] == done.json["documents"][0]["record_id"]
    found = sogoc("document", "find", file, "--node", office.address, "--json")
    assert (found.code, found.json["is_stamped_copy"]) == (0, False)
    nobody = sogoc("document", "find", office.fresh(tmp_path, "x.pdf"), "--node", office.address, "--json")
    assert (nobody.code, nobody.json["anchors"]) == (3, [])
    assert "bản đóng dấu" in sogoc("document", "find", copy, "--node", office.address).output


def test_another_file_beside_the_copy_s_receipt_does_not_match(office: Office, tmp_path: Path) -> None:
    file, copy = office.fresh(tmp_path), tmp_path / "dau.pdf"
    assert office.stamp(file, "-o", copy).code == 0
    assert office.verify(file, "--receipt", tmp_path / "dau.pdf.tlog-proof").json["code"] == "document.hash"
    copy.write_bytes(copy.read_bytes() + b"\n")
    assert (office.verify(copy).code, office.verify(copy).json["code"]) == (1, "document.hash")


def test_many_files_anchored_and_stamped_by_one_signature(office: Office, tmp_path: Path) -> None:
    files = [office.fresh(tmp_path, f"{number}.pdf") for number in range(5)]
    files.append(office.originals / demo_ward.NOTICE.file)
    entries = office.entries()
    done = office.stamp(*files, "-o", tmp_path / "dau")
    assert done.code == 0, done.rule
    assert office.entries() == entries + 1
    assert [one["already_anchored"] for one in done.json["documents"]] == [False] * 5 + [True]
    for file in files:
        assert office.verify(tmp_path / "dau" / file.name).code == 0
        assert office.verify(file).code == 0
    assert not [path for path in (tmp_path / "dau").iterdir() if path.name.startswith(".")]
    # The same command again finds everything done.
    again = office.stamp(*files, "-o", tmp_path / "dau")
    assert (again.code, office.entries()) == (0, entries + 1)
    assert all(one["already_stamped"] for one in again.json["documents"])


def test_once_withdrawn_the_copy_is_withdrawn_too_and_none_is_stamped(office: Office, tmp_path: Path) -> None:
    file, copy = office.fresh(tmp_path), tmp_path / "dau.pdf"
    assert office.stamp(file, "-o", copy).code == 0
    done = sogoc(
        "document", "withdraw", file, "--reason", "wrong-content", "--key", office.node.home.key("office"), "--node",
        office.address, "--json",
    )  # fmt: skip
    assert done.code == 0, done.rule
    record = office.stamp(office.fresh(tmp_path, "khac.pdf"), "-o", tmp_path / "khac-dau.pdf")
    assert record.code == 0
    with Client(office.address) as client:
        (info,) = client.document(sha256_of(copy)[0])
        receipt = client.receipt(info.record_id)
    (tmp_path / "moi.tlog-proof").write_text(receipt)
    found = office.verify(copy, "--receipt", tmp_path / "moi.tlog-proof")
    assert (found.code, found.json["code"]) == (4, "status.withdrawn")
    refused = office.stamp(file, "-o", tmp_path / "lai.pdf")
    assert (refused.code, refused.rule) == (1, "document.not-in-force")


def test_a_private_paper_shows_nothing_and_its_copy_is_its_owner_s(office: Office, tmp_path: Path) -> None:
    file, copy = office.fresh(tmp_path), tmp_path / "dau.pdf"
    done = office.stamp(file, "-o", copy, "--private")
    assert done.code == 0, done.rule
    with Client(office.address) as client:
        assert client.document(sha256_of(file)[0]) == []
        info = client.record(bytes.fromhex(done.json["documents"][0]["record_id"]))
    assert "commitment" in parse_record(info.raw).body
    salt = tmp_path / "giay.pdf.salt"
    for secret in (salt, copy):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert office.verify(copy).code == office.verify(file).code == 0
    # Without the salt the original cannot be told; the copy needs none.
    salt.rename(tmp_path / "away")
    assert office.verify(copy).code == 0
    assert office.verify(file).json["code"] == "document.salt-missing"


def test_nothing_is_overwritten(office: Office, tmp_path: Path) -> None:
    file = office.originals / demo_ward.REPORT.file
    (tmp_path / "dau.pdf").write_bytes(b"mine")
    done = office.stamp(file, "-o", tmp_path / "dau.pdf")
    assert (done.code, done.rule) == (ExitCode.USAGE, "file.exists")
    assert (tmp_path / "dau.pdf").read_bytes() == b"mine"
    assert office.stamp(file, "-o", office.originals).rule == "file.exists"
    shutil.copy(file, tmp_path / file.name)
    assert office.stamp(file, tmp_path / file.name, "-o", tmp_path / "out").rule == "file.same-name"


def test_one_that_cannot_be_stamped_stops_all_before_anything_is_signed(
    office: Office, tmp_path: Path
) -> None:
    good, signed = office.fresh(tmp_path, "good.pdf"), tmp_path / "signed.pdf"
    writer = pypdf.PdfWriter(clone_from=good)
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject("/SigFlags"): NumberObject(3)})
    with signed.open("wb") as stream:
        writer.write(stream)
    entries = office.entries()
    assert office.stamp(good, signed, "-o", tmp_path / "out").rule == "paper.signed"
    assert list((tmp_path / "out").iterdir()) == []
    assert office.stamp(good, "-o", tmp_path / "out" / "a.pdf", key="admin").rule == "authority.role"
    secret = tmp_path / "Tối mật.pdf"
    shutil.copy(good, secret)
    assert office.stamp(secret, "-o", tmp_path / "out" / "b.pdf").rule == "document.secret"
    assert office.stamp(good, "-o", tmp_path / "out" / "c.pdf", site="phuson").rule == "qr.site"
    assert office.entries() == entries
    assert not [path for path in (tmp_path / "out").iterdir() if path.suffix == ".pdf"]


def test_another_authority_s_document_is_not_stamped(office: Office, tmp_path: Path) -> None:
    register_member(office.node, "school", "Trường THCS Phú Sơn")
    key = tmp_path / "school.pem"
    made = sogoc("keygen", key, "--insecure-no-passphrase", "--json")
    assert made.code == 0
    register_key(office.node, keyfiles.load(key, lambda: None), member="school")
    done = sogoc(
        "document", "stamp", office.originals / demo_ward.REPORT.file, "-o", tmp_path / "dau.pdf", "--site", SITE, "--node",
        office.address, "--key", key, "--json",
    )  # fmt: skip
    assert (done.code, done.rule) == (1, "document.of-another")


class PowerCutError(BaseException):
    """Not an Exception: nothing may catch it on its way out."""


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (stamps, "put_file", 1),
        (stamps, "keep_salts", 0),
        (Client, "submit", 0),
        (Client, "wait_until_final", 0),
        (stamps, "_name", 0),
        (stamps, "_name", 1),
        (stamps, "keep_checked_receipt", 0),
        (stamps, "keep_checked_receipt", 2),
    ],
)
def test_after_a_crash_the_same_command_goes_on(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, call: int
) -> None:
    files = [office.fresh(tmp_path, f"{number}.pdf") for number in range(2)]
    out, entries = tmp_path / "dau", office.entries()
    real, calls = getattr(owner, name), iter(range(10))

    def cut(*arguments: object, **options: object) -> object:
        if next(calls) == call:
            raise PowerCutError
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, cut)
        with pytest.raises(PowerCutError):
            office.stamp(*files, "-o", out)
    again = office.stamp(*files, "-o", out)
    if again.rule == "document.exists":  # it was final a moment after the look
        again = office.stamp(*files, "-o", out)
    assert again.code == 0, again.rule
    assert office.entries() == entries + 1
    assert sorted(path.name for path in out.iterdir()) == [
        "0.pdf", "0.pdf.tlog-proof", "1.pdf", "1.pdf.tlog-proof"
    ]  # fmt: skip
    for file in files:
        assert office.verify(file).code == office.verify(out / file.name).code == 0
