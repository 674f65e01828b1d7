"""`sogoc anchor` and `sogoc document`: numbers, secrecy, what is there already, and what becomes of documents."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli import papers
from api.cli.output import ExitCode
from api.cli.papers import KIND_OF_SYMBOL, default_book, secrecy_mark, slug, split
from ledger.encoding import decode
from ledger.entry import MAX_RECORDS, MAX_SUBMISSION_BYTES
from ledger.errors import RefusedError
from ledger.records.document_words import KINDS
from ledger.records.documents import number_tag
from ledger.rows import row_key
from node.service import Node
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import running_node

__all__ = ["quiet_logs"]

NAMED = ("--symbol", "BC-UBND", "--date", "2025-02-13")


@dataclass(frozen=True)
class Office:
    node: Node
    address: str
    folder: Path

    def run(self, *arguments: str | Path) -> Done:
        return sogoc(*arguments, "--node", self.address, "--json")

    def signed(self, *arguments: str | Path) -> Done:
        return self.run(*arguments, "--key", self.node.home.key("office"))

    def write(self, name: str, content: str | None = None) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name if content is None else content, encoding="utf-8")
        return path

    def anchor(self, name: str, *arguments: str | Path) -> str:
        """Anchor a new file, and give its identifier."""
        done = self.signed("anchor", self.write(name), *arguments)
        assert done.code == ExitCode.GOOD, done.rule
        return str(done.json["documents"][0]["document"])

    def verify(self, name: str) -> Done:
        return sogoc("verify", self.folder / name, "--policy", self.node.home.policy, "--json")

    @property
    def size(self) -> int:
        return self.node.final.size


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, str]]:
    with running_node(tmp_path_factory.mktemp("office")) as node, serving(node) as address:
        yield node, address


@pytest.fixture
def office(shared: tuple[Node, str], tmp_path: Path) -> Office:
    return Office(*shared, tmp_path)


# -- what is said of a paper -------------------------------------------------------------------------------------------


def test_a_symbol_says_kind_and_book(office: Office) -> None:
    office.anchor("bc1.pdf", "--number", "1", *NAMED, "--urgency", "khan")
    fields = office.run("document", "find", office.folder / "bc1.pdf").json["anchors"][0]["fields"]
    assert (fields["kind"], fields["book"], fields["urgency"]) == ("bao-cao", "bc-ubnd", "khan")
    assert slug("QĐ-UBND") == "qd-ubnd"
    assert slug("  Sổ  01/2025-SCT/BS ") == "so-01-2025-sct-bs"
    assert default_book(None, "cong-van") == "cong-van"
    assert default_book(None, None) is None
    assert set(KIND_OF_SYMBOL.values()) == set(KINDS) - {"cong-van", "thu-cong", "giay-xac-nhan", "khac"}


def test_a_number_that_is_taken_is_refused_before_anything_is_signed(office: Office) -> None:
    first = office.anchor("so-2.pdf", "--number", "2", *NAMED)
    before = office.size
    again = office.signed("anchor", office.write("so-2-khac.pdf"), "--number", "2", *NAMED)
    assert (again.code, again.rule) == (ExitCode.DOES_NOT_MATCH, "document.number-taken")
    assert office.size == before
    assert not (office.folder / "so-2-khac.pdf.tlog-proof").exists()
    # In another book, and in another year, it is another number.
    office.anchor("so-2-qd.pdf", "--number", "2", "--symbol", "QĐ-UBND", "--date", "2025-02-13")
    office.anchor("so-2-2026.pdf", "--number", "2", "--symbol", "BC-UBND", "--date", "2026-02-13")
    found = office.run("document", "find", "--authority", "office", "--number", "2", *NAMED)
    assert (found.code, found.json["anchors"][0]["document"]) == (ExitCode.GOOD, first)
    none = office.run("document", "find", "--authority", "office", "--number", "999", *NAMED)
    assert (none.code, none.json["anchors"]) == (ExitCode.CANNOT_TELL, [])


def test_a_newer_version_takes_over_the_number(office: Office) -> None:
    office.anchor("so-3.pdf", "--number", "3", *NAMED)
    second = office.anchor(
        "so-3-ban-2.pdf", "--number", "3", *NAMED, "--continues", office.folder / "so-3.pdf"
    )
    found = office.run("document", "find", office.folder / "so-3.pdf")
    assert found.code == ExitCode.NO_LONGER_IN_FORCE
    assert (found.json["anchors"][0]["status"], found.json["anchors"][0]["replaced_by"]) == (
        "superseded",
        second,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "rule"),
    [
        (("--number", "7", "--symbol", "BC-UBND"), 1, "document.number-date"),
        (("--kind", "to-roi"), 1, "record.field-range"),
        (("--urgency", "voi"), 1, "record.field-range"),
        (("--secrecy", "mat"), 1, "document.secret"),
        (("--secrecy", "tuyet-mat"), 1, "document.secret"),
        (("--secrecy", "kin"), 1, "record.field-range"),
        (("--continues", "xyz"), 2, "document.reference"),
        (("--supersedes", "00" * 32), 1, "document.unknown"),
        (("--continues", "00" * 32), 1, "document.continues-alone"),
        (("--private", "--urgency", "khan"), 2, "document.commitment-discloses"),
        (("--private", "--pdf-signatures"), 2, "document.commitment-discloses"),
    ],
)
def test_what_is_refused(office: Office, arguments: Sequence[str], code: int, rule: str) -> None:
    before = office.size
    done = office.signed("anchor", office.write("tu-choi.pdf"), *arguments)
    assert (done.code, done.rule) == (code, rule)
    assert office.size == before
    assert sorted(path.name for path in office.folder.iterdir()) == ["tu-choi.pdf"]


def test_without_a_key_nothing_is_signed(office: Office) -> None:
    done = office.run("anchor", office.write("khong-khoa.pdf"))
    assert (done.code, done.rule) == (ExitCode.USAGE, "key.missing")


# -- secret papers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Tối mật 12.pdf",
        "TUYỆT MẬT.pdf",
        "toi-mat/a.pdf",
        "Mật/a.pdf",
        "[MẬT] a.pdf",
        "a (mật).pdf",
        "Độ mật A.pdf",
    ],
)
def test_a_name_can_mark_a_paper_as_secret(name: str) -> None:
    assert secrecy_mark(Path(name)) is not None


@pytest.mark.parametrize(
    "name", ["Mật ong hoa rừng.pdf", "Cam kết bảo mật.pdf", "mat bang.pdf", "Mật độ dân số.pdf", "matrix.pdf"]
)
def test_honey_is_no_secret(name: str) -> None:
    assert secrecy_mark(Path(name)) is None


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("arguments", [("--secrecy", "mat", "a.pdf"), ("TỐI MẬT.pdf",)])
def test_nothing_of_a_secret_paper_is_read_or_sent(
    arguments: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("the file was read")

    monkeypatch.setattr(papers, "sha256_of", read)
    monkeypatch.chdir(tmp_path)
    (tmp_path / arguments[-1]).write_text("x")
    done = sogoc("anchor", *arguments, "--key", "khong-co.pem", "--json")
    assert (done.code, done.rule) == (ExitCode.DOES_NOT_MATCH, "document.secret")


def test_a_person_may_say_that_only_the_name_looks_secret(office: Office) -> None:
    assert office.anchor("Báo cáo tối mật (đã giải mật).pdf", "--secrecy", "khong")


# -- asking ------------------------------------------------------------------------------------------------------------


def test_asking_signs_nothing_and_says_by_whom_when_and_how_it_stands(office: Office) -> None:
    known = office.anchor("da-neo.pdf", "--number", "11", *NAMED)
    before = office.size
    asked = office.run("anchor", "--check", office.folder / "da-neo.pdf", office.write("chua-neo.pdf"))
    assert (asked.code, office.size) == (ExitCode.CANNOT_TELL, before)
    first, second = asked.json["documents"]
    assert [each["document"] for each in first["anchors"]] == [known]
    anchored = first["anchors"][0]
    assert (anchored["authority_name"], anchored["status"]) == ("UBND phường Phú Sơn", "in-force")
    assert anchored["anchored"].endswith("Z")
    assert second["anchors"] == []
    assert office.run("anchor", "--check", office.folder / "da-neo.pdf").code == ExitCode.GOOD
    shown = sogoc("anchor", "--check", office.folder / "da-neo.pdf", "--node", office.address)
    assert "còn hiệu lực" in shown.output
    assert "11/BC-UBND" in shown.output
    assert "báo cáo" in shown.output
    usage = office.run("document", "find")
    assert (usage.code, usage.rule) == (ExitCode.USAGE, "document.reference")


# -- what becomes of documents -----------------------------------------------------------------------------------------


def test_superseding_withdrawing_and_correcting(office: Office) -> None:
    old = office.anchor("09.pdf", "--number", "109", "--symbol", "QĐ-UBND", "--date", "2025-01-01")
    new = office.anchor("27.pdf", "--number", "127", "--symbol", "QĐ-UBND", "--date", "2025-02-13")
    done = office.signed("document", "supersede", office.folder / "09.pdf", "--by", office.folder / "27.pdf")
    assert (done.code, done.json["status"]) == (ExitCode.GOOD, "superseded")
    assert office.verify("09.pdf").code == ExitCode.NO_LONGER_IN_FORCE
    assert office.verify("27.pdf").code == ExitCode.GOOD
    found = office.run("document", "find", old).json["anchors"][0]
    assert (found["status"], found["replaced_by"]) == ("superseded", new)
    again = office.signed("document", "withdraw", old, "--reason", "other")
    assert (again.code, again.rule) == (ExitCode.DOES_NOT_MATCH, "document.not-in-force")

    correction = office.anchor("dinh-chinh.pdf", "--corrects", office.folder / "27.pdf")
    found = office.run("document", "find", new).json["anchors"][0]
    assert (found["status"], found["corrected_by"]) == ("in-force", [correction])
    second = office.anchor("dinh-chinh-2.pdf")
    done = office.signed("document", "correct", new, "--by", second)
    assert (done.code, done.json["receipt"]) == (ExitCode.GOOD, None)
    assert office.run("document", "find", new).json["anchors"][0]["corrected_by"] == [correction, second]

    wrong = office.signed("document", "withdraw", office.folder / "27.pdf", "--reason", "vì sai")
    assert (wrong.code, wrong.rule) == (ExitCode.DOES_NOT_MATCH, "record.field-range")
    done = office.signed("document", "withdraw", office.folder / "27.pdf", "--reason", "unlawful")
    assert (done.code, done.json["status"]) == (ExitCode.GOOD, "withdrawn")
    assert office.verify("27.pdf").code == ExitCode.NO_LONGER_IN_FORCE
    found = office.run("document", "find", new).json["anchors"][0]
    assert (found["status"], found["withdrawal_reason"]) == ("withdrawn", "unlawful")
    shown = sogoc("document", "find", new, "--node", office.address)
    assert "ban hành trái pháp luật" in shown.output


def test_one_entry_anchors_a_paper_and_supersedes_others(office: Office) -> None:
    first, second = office.anchor("cu-1.pdf"), office.anchor("cu-2.pdf")
    before = office.size
    new = office.anchor("moi.pdf", "--supersedes", first, "--supersedes", office.folder / "cu-2.pdf")
    assert office.size == before + 2
    for old in (first, second):
        assert office.run("document", "find", old).json["anchors"][0]["replaced_by"] == new


def test_what_took_a_documents_place_is_named(office: Office) -> None:
    """A receipt of the anchoring cannot say it; the ledger's history can, and the receipt of the record that superseded."""
    old, new = office.anchor("cu-3.pdf"), office.anchor("moi-3.pdf")
    done = office.signed("document", "supersede", old, "--by", new)
    office.signed("anchor", office.folder / "cu-3.pdf")
    shown = sogoc("verify", office.folder / "cu-3.pdf", "--policy", office.node.home.policy)
    assert (shown.code, f"sogoc history document/office/{old}" in shown.output) == (4, True)
    later = office.folder / "thay.tlog-proof"
    office.run("receipt", done.json["record_id"], "-o", later)
    shown = sogoc("verify", later, "--policy", office.node.home.policy)
    assert f"thay bằng / replaced by {new}" in shown.output
    assert "sogoc history" not in shown.output
    history = sogoc("history", f"document/office/{old}", "--node", office.address).output
    assert f"thay bằng / replaced by {new}" in history
    other = sogoc("history", f"document/office/{new}", "--node", office.address).output
    assert f"thay cho / in place of {old}" in other
    # A newer version that continues the number stands in the history of the one before it.
    first = office.anchor("so-33.pdf", "--number", "33", *NAMED)
    second = office.anchor("so-33-2.pdf", "--number", "33", *NAMED, "--continues", first)
    history = sogoc("history", f"document/office/{first}", "--node", office.address).output
    assert f"thay bằng / replaced by {second}" in history


def test_a_disputed_key_does_not_keep_other_papers_from_their_receipts(office: Office) -> None:
    key, admin = office.folder / "mat.pem", office.node.home.key("admin")
    done = office.run(
        "member", "add", "--key", admin, "--member", "office", "--roles", "office", "--new-key", key,
        "--insecure-no-passphrase",
    )  # fmt: skip
    paper = office.write("bi-nghi.pdf")
    assert office.run("anchor", paper, "--key", key).code == ExitCode.GOOD
    public = done.json["public_key"]
    revoked = office.run(
        "member", "revoke-key", "--key", admin, "--public-key", public, "--from", "2026-01-01T07:00+07:00"
    )
    assert revoked.code == ExitCode.GOOD
    done = office.signed("anchor", paper, office.write("khac.pdf"))
    assert (done.code, done.rule) == (ExitCode.CANNOT_TELL, "")
    assert [each["disputed"] for each in done.json["documents"]] == [True, False]
    # Both have the newest receipt, and it says how things are.
    verdicts = [office.verify(name).json["code"] for name in ("bi-nghi.pdf", "khac.pdf")]
    assert verdicts == ["key.disputed", "status.in-force"]
    corrected = office.signed("document", "correct", paper, "--by", office.folder / "khac.pdf")
    assert (corrected.code, corrected.json["status"]) == (ExitCode.GOOD, "in-force")


def test_a_document_that_is_not_there(office: Office) -> None:
    path = office.write("chua-co.pdf")
    done = office.signed("document", "withdraw", path, "--reason", "other")
    assert (done.code, done.rule) == (ExitCode.DOES_NOT_MATCH, "document.unknown")
    known = office.anchor("co.pdf")
    done = office.signed("document", "supersede", known, "--by", path)
    assert (done.code, done.rule) == (ExitCode.DOES_NOT_MATCH, "document.unknown")


def test_a_private_document_changes_by_its_file_and_salt(office: Office) -> None:
    office.anchor("rieng.pdf", "--private")
    done = office.signed("document", "withdraw", office.folder / "rieng.pdf", "--reason", "wrong-content")
    assert (done.code, done.json["status"]) == (ExitCode.GOOD, "withdrawn")
    assert office.verify("rieng.pdf").code == ExitCode.NO_LONGER_IN_FORCE


# -- copies and tags ---------------------------------------------------------------------------------------------------


def test_a_certified_copy(office: Office) -> None:
    secret = office.folder / "bi-mat"
    assert sogoc("document", "new-secret", secret).code == ExitCode.GOOD
    assert secret.stat().st_mode & 0o777 == 0o600
    assert sogoc("document", "new-secret", secret).rule == "file.exists"
    original = office.anchor("ban-chinh.pdf")
    numbered = (
        "--number",
        "1287",
        "--book",
        "01/2025-SCT/BS",
        "--date",
        "2025-03-01",
        "--office-secret",
        secret,
    )
    copy = office.write("ban-sao.pdf")
    done = office.signed("document", "copy", copy, *numbered, "--original", office.folder / "ban-chinh.pdf")
    assert done.code == ExitCode.GOOD, done.rule
    assert office.verify("ban-sao.pdf").code == ExitCode.GOOD
    fields = office.run("document", "find", copy).json["anchors"][0]["fields"]
    assert set(fields) == {"authority", "commitment", "number_tag", "original"}
    assert fields["original"] == original
    tag = number_tag(bytes.fromhex(secret.read_text()), "01/2025-SCT/BS", 2025, "1287")
    assert fields["number_tag"] == tag.hex()
    held = office.node.final.view.get(row_key("number-tag", "office", tag))
    assert held is not None
    assert decode(held) == bytes.fromhex(done.json["record_id"])
    # Certifying it again signs nothing; another paper cannot have its number; and the number can be asked for.
    assert office.signed("document", "copy", copy, *numbered).json["already_anchored"] is True
    other = office.signed("document", "copy", office.write("ban-sao-2.pdf"), *numbered)
    assert (other.code, other.rule) == (ExitCode.DOES_NOT_MATCH, "document.number-taken")
    assert not (office.folder / "ban-sao-2.pdf.salt").exists()
    found = office.run("document", "find", "--authority", "office", *numbered)
    assert found.json["anchors"][0]["document"] == done.json["document"]


def test_the_salt_is_on_the_disk_before_anything_is_signed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = office.write("muoi.pdf")
    seen: list[bool] = []

    def submit(*_: object) -> None:
        seen.append(path.with_name("muoi.pdf.salt").is_file())
        raise RefusedError("test.power-cut", "the power is cut")

    monkeypatch.setattr("api.cli.anchor.submit_final", submit)
    assert office.signed("anchor", path, "--private").rule == "test.power-cut"
    assert seen == [True]
    monkeypatch.undo()
    kept = path.with_name("muoi.pdf.salt").read_text()
    assert office.signed("anchor", path, "--private").code == ExitCode.GOOD
    assert path.with_name("muoi.pdf.salt").read_text() == kept


def test_words_that_come_too_late_are_not_passed_over_in_silence(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.anchor("muon.pdf")
    heard: list[str] = []
    monkeypatch.setattr("api.cli.anchor.error_console.print", heard.append)
    assert office.signed("anchor", office.folder / "muon.pdf").json["signed"] == 0
    assert heard == []
    again = ("anchor", office.folder / "muon.pdf", "--number", "77", *NAMED)
    done = office.signed(*again)
    assert (done.code, done.json["signed"]) == (ExitCode.GOOD, 0)
    assert len(heard) == 1
    assert "mô tả khác" in heard[0]
    assert (
        office.run("document", "find", "--authority", "office", "--number", "77", *NAMED).json["anchors"]
        == []
    )


# -- the guide ---------------------------------------------------------------------------------------------------------

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "huong-dan" / "can-bo.md"


def guided_commands() -> list[list[str]]:
    """The commands about documents that the clerk's guide shows, in order."""
    blocks = re.findall(r"```\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("sogoc ")]
    return [command for command in commands if command[0] in ("anchor", "document", "watch")]


def test_what_the_clerks_guide_shows_works(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(office.folder)
    monkeypatch.setenv("SOGOC_NODE", office.address)
    monkeypatch.setenv("XDG_STATE_HOME", str(office.folder / "trang-thai"))
    Path("khoa-cua-toi.pem").write_bytes(office.node.home.key("office").read_bytes())
    Path("khoa-cua-toi.pem").chmod(0o600)
    office.anchor("09-QĐ.pdf", "--number", "9", "--symbol", "QĐ-UBND", "--date", "2025-01-02")
    office.anchor("Đính chính.pdf")
    policy = ("--policy", office.node.home.policy)
    seen = []
    for command in guided_commands():
        if command[0] == "watch":
            office.write(f"{command[1]}/a.pdf")
        for name in command:
            if name.endswith(".pdf") and name != "*.pdf" and not Path(name).exists():
                office.write(name)
        arguments: list[str | Path] = []
        for word in command:
            arguments += sorted(Path().glob(word)) if word == "*.pdf" else [word]
        if command[0] == "watch" and "--status" not in command:
            arguments += ["--once", "--settle", "0"]
        elif "--key" in command:
            arguments += policy
        if "http://127.0.0.1:8080" in arguments:
            arguments[arguments.index("http://127.0.0.1:8080")] = office.address
        done = sogoc(*arguments)
        # The guide says that two of them do the same; here one comes after the other.
        again = command[:2] == ["document", "supersede"]
        assert (done.code, done.rule) == ((1, "document.not-in-force") if again else (0, "")), (command, done)
        seen.append(" ".join(command[:2]) if command[0] == "document" else command[0])
    assert {"anchor", "document find", "document withdraw", "document copy", "watch"} <= set(seen)
    assert (office.folder / "Văn bản đã ký" / "a.pdf.tlog-proof").is_file()


# -- batches -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("groups", "at_most", "expected"),
    [
        ([], MAX_RECORDS, []),
        ([[b"a"], [b"b", b"c"]], MAX_RECORDS, [3]),
        ([[b"a"]] * 5, 2, [2, 2, 1]),
        ([[b"a"]] * (MAX_RECORDS + 1), MAX_RECORDS, [MAX_RECORDS, 1]),
        ([[b"a"], [b"b"] * MAX_RECORDS], MAX_RECORDS, [1, MAX_RECORDS]),
        ([[bytes(60_000)]] * 12, MAX_RECORDS, [11, 1]),
    ],
)
def test_records_are_split_into_entries(groups: list[list[bytes]], at_most: int, expected: list[int]) -> None:
    batches = split(groups, at_most=at_most)
    assert [len(batch) for batch in batches] == expected
    assert [record for batch in batches for record in batch] == [one for group in groups for one in group]
    assert all(sum(len(record) for record in batch) < MAX_SUBMISSION_BYTES for batch in batches)
