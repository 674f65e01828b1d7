"""Certificates as an office issues them: tables read strictly, commands on a real node, crashes at every step.

The holder's files are then verified offline, by the same command that a stranger would use.
"""

from __future__ import annotations

import csv
import io
import json
import secrets
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from api.answers import ApiError
from api.certificates import issuing, packs
from api.certificates.issuing import Plan, last_day
from api.certificates.schemas import FieldValueError, parse_schema, read_date, schemas
from api.certificates.table import read_table, safe_cell, write_table
from api.cli import certify as command
from api.cli import certify_report, passphrases
from api.client import Client
from api.words import issuer_words, reason
from ledger.claims import Claim, FullClaims
from ledger.credentials import did, jcs, status_list, vc
from ledger.disclosure import CertificateProof
from ledger.encoding import encode
from ledger.errors import CannotTellError, FormatError, LedgerError
from ledger.hashing import sha256
from ledger.policy import Policy
from ledger.rows import MemberRow
from ledger.verdict import judge_proof
from node.service import Node, clock_ms
from tests.serving import quiet_logs, serving, sogoc
from tests.support import new_key, put, register_key, retire_key, running_node, sign

__all__ = ["quiet_logs"]

OCOP = schemas()["ocop.1"]
MARRIAGE = schemas()["tinh-trang-hon-nhan.1"]
HEADINGS = (
    "Số giấy chứng nhận,Tên sản phẩm,Chủ thể,Địa chỉ sản xuất,Hạng sao,Quyết định công nhận,Ngày công nhận"
)
LISTS = "https://phuson.example/v1/status-lists"


def line(number: int, stars: object = 3) -> str:
    return f"{number:02}/OCOP,Dứa sấy dẻo 200 g,HTX Phú Sơn,Phú Sơn,{stars},27/QĐ-UBND,05/03/2025"


def table_of(*lines: str, headings: str = HEADINGS) -> bytes:
    return "\r\n".join((headings, *lines)).encode()


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_table_is_the_same_however_it_was_saved() -> None:
    plain = table_of(line(1), line(2))
    expected = read_table(plain, OCOP)
    assert not expected.mistakes
    assert [row.number for row in expected.rows] == [2, 3]
    assert expected.rows[0].claims[:3] == (
        Claim("so", "01/OCOP"),
        Claim("san_pham", "Dứa sấy dẻo 200 g"),
        Claim("chu_the", "HTX Phú Sơn"),
    )
    assert [claim.name for claim in expected.rows[0].claims] == [one.name for one in OCOP.fields]
    text = plain.decode()
    names = "so,san_pham,chu_the,dia_chi,hang_sao,quyet_dinh,ngay_cong_nhan"
    for other in (
        "\ufeff" + text,
        text.replace(",", ";"),
        "\ufeff" + text.replace(",", "\t"),
        text.replace("\r\n", "\n") + "\n",
        unicodedata.normalize("NFD", text),
        text.replace(HEADINGS, HEADINGS.upper()),
        text.replace(HEADINGS, names),
        text.replace("Phú Sơn,3", '"  Phú Sơn ",3'),
        text.replace("05/03/2025", "2025-03-05"),
        text.replace("05/03/2025", "5.3.2025"),
    ):
        assert read_table(other.encode(), OCOP) == expected, other


def test_empty_rows_are_passed_over_and_counted() -> None:
    table = read_table(table_of(line(1), "", ",,,,,,", line(2)), OCOP)
    assert [row.number for row in table.rows] == [2, 5]


def test_a_cell_may_hold_a_separator_and_an_empty_one_is_nothing() -> None:
    headings = HEADINGS + ",Nhóm sản phẩm,Có giá trị từ,Có giá trị đến"
    table = read_table(table_of(line(1) + ',"Thực phẩm, đồ uống",,1/1/2027', headings=headings), OCOP)
    (row,) = table.rows
    assert Claim("nhom", "Thực phẩm, đồ uống") in row.claims
    assert Claim("dai_dien", None) in row.claims
    assert (row.valid_from, row.valid_until) == (None, "2027-01-01")


MISTAKES: list[tuple[str, int, str, str]] = [
    (line(1, 6), 2, "Hạng sao", "từ 3 đến 5"),
    (line(1, "bốn"), 2, "Hạng sao", "số nguyên"),
    (line(1, "3,5"), 2, "", "ô mà chỉ có"),
    (line(1, "\u0664"), 2, "Hạng sao", "số nguyên"),
    (line(1).replace("05/03/2025", "31/02/2025"), 2, "Ngày công nhận", "không có trong lịch"),
    (line(1).replace("05/03/2025", "03-2025"), 2, "Ngày công nhận", "05/03/2025"),
    (line(1).replace("05/03/2025", "05/03/1825"), 2, "Ngày công nhận", "1900"),
    (line(1).replace("HTX Phú Sơn", ""), 2, "Chủ thể", "bắt buộc"),
    (line(1).replace("HTX Phú Sơn", "x" * 201), 2, "Chủ thể", "tối đa 200"),
    (line(1).replace("HTX Phú Sơn", "a\u202eb"), 2, "Chủ thể", "ký tự điều khiển"),
    (line(1).replace("HTX Phú Sơn", '"a\nb"'), 2, "Chủ thể", "xuống dòng"),
    (line(1) + "\r\n" + line(1), 3, "", "giống hệt dòng 2"),
]


@pytest.mark.parametrize(("lines", "row", "column", "words"), MISTAKES)
def test_a_mistake_is_named_by_row_and_column(lines: str, row: int, column: str, words: str) -> None:
    table = read_table(table_of(lines), OCOP)
    assert table.rows == ()
    mistake = next(one for one in table.mistakes if words in one.vietnamese)
    assert (mistake.row, mistake.column) == (row, column)
    assert mistake.english


def test_all_mistakes_are_found_at_once() -> None:
    table = read_table(table_of(line(1, 9), line(2), line(3, "x").replace("HTX Phú Sơn", "")), OCOP)
    assert [(one.row, one.column) for one in table.mistakes] == [
        (2, "Hạng sao"),
        (4, "Chủ thể"),
        (4, "Hạng sao"),
    ]


@pytest.mark.parametrize(
    ("headings", "column", "words"),
    [
        (HEADINGS + ",CCCD", "CCCD", "không có cột này"),
        (HEADINGS.replace("Hạng sao", "Sao"), "Sao", "không có cột này"),
        (HEADINGS.replace(",Hạng sao", ""), "Hạng sao", "thiếu cột"),
        (HEADINGS + ",hang_sao", "hang_sao", "hai lần"),
    ],
)
def test_headings_are_named_when_they_are_wrong(headings: str, column: str, words: str) -> None:
    table = read_table(table_of(line(1), headings=headings), OCOP)
    assert any(one.column == column and words in one.vietnamese and one.row == 1 for one in table.mistakes)


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ("table.empty", b""),
        ("table.empty", table_of()),
        ("table.encoding", table_of(line(1)).decode().encode("utf-16")),
        ("table.encoding", "Số;Tên".encode("cp1258", "replace") + b"\xff"),
        ("table.csv", table_of('"' + line(1))),
        ("table.csv", table_of(line(1) + "\0")),
        ("table.csv", b"x" * 200_000),
    ],
)
def test_what_is_no_table_is_refused_by_its_rule(rule: str, data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        read_table(data, OCOP)
    assert caught.value.rule == rule


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: table_of(text.replace("\ud800", ""))))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    try:
        table = read_table(data, OCOP)
    except FormatError:
        return
    assert not (table.rows and table.mistakes)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=4))
def test_nothing_written_is_a_formula(cells: list[str]) -> None:
    text = write_table([f"c{number}" for number in range(len(cells))], [cells])
    for cell in next(iter(list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))[1:]), []):
        assert (
            not unicodedata.normalize("NFKC", cell)
            .lstrip(" ")
            .startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        )


@pytest.mark.parametrize(
    "cell", ["=1+1", "+84", "-1", "@SUM(A1)", "\t=1", " =1", "\uff1d1", '=HYPERLINK("x")']
)
def test_formulas_are_made_harmless(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


def test_months_are_counted_as_the_civil_code_does() -> None:
    assert last_day("2025-03-05", 6) == "2025-09-05"
    assert last_day("2025-08-31", 6) == "2026-02-28"
    assert last_day("2023-08-31", 6) == "2024-02-29"
    assert last_day("2025-12-15", 36) == "2028-12-15"


def test_schemas_are_sound() -> None:
    for schema in schemas().values():
        assert schema.label.vietnamese
        assert schema.credential.isidentifier()
        for one in schema.fields:
            assert one.label.vietnamese
            assert one.label.english
            FullClaims((Claim(one.name, "x"),), bytes(32))
    assert {one.name for one in MARRIAGE.fields if not one.personal} == {"so"}
    (choice,) = [one for one in MARRIAGE.fields if one.name == "tinh_trang"]
    assert choice.read("chưa đăng ký kết hôn với ai") == choice.read("chua-ket-hon") == "chua-ket-hon"
    assert choice.shown("goa").startswith("Vợ hoặc chồng")
    with pytest.raises(FieldValueError, match="must be one of"):
        choice.read("độc thân")
    with pytest.raises(FieldValueError):
        read_date("2025-13-01")


@pytest.mark.parametrize("text", ["[]", "{}", '{"name": "Ơ"}', '{"name": "a", "label": {}, "fields": []}'])
def test_what_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_schema(text.encode())


# --- commands ---------------------------------------------------------------------------------------------------------


class Office:
    """A node that is served, and the commands of the office that runs it."""

    def __init__(self, node: Node, url: str, path: Path) -> None:
        self.node, self.url, self.path = node, url, path
        self.key = node.home.key("office")
        self.policy = node.home.policy

    def certify(self, data: bytes, out: str, *more: str, schema: str = "ocop.1") -> Any:  # noqa: ANN401  as `sogoc` answers
        table = self.path / f"{out}.csv"
        table.write_bytes(data)
        return sogoc(
            "certify", "--schema", schema, "--csv", table, "--key", self.key, "--node", self.url,
            "-o", self.path / out, "--status-lists", LISTS, "--json", *more,
        )  # fmt: skip

    def run(self, *arguments: str | Path) -> Any:  # noqa: ANN401
        return sogoc(*arguments, "--key", self.key, "--node", self.url, "--json")

    def verify(self, file: Path, *more: str | Path) -> Any:  # noqa: ANN401
        return sogoc("verify", file, "--policy", self.policy, "--json", *more)

    def issued(self) -> int:
        """How many certificates are on the ledger."""
        with Client(self.url) as client:
            return client.status_list("office", 0).count

    def files(self, out: str, suffix: str) -> list[Path]:
        return sorted((self.path / out).glob(f"*/*{suffix}"))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    path = tmp_path_factory.mktemp("office")
    with running_node(path) as node, serving(node) as url:
        yield Office(node, url, path)


def test_from_a_table_to_a_strangers_verdict(office: Office) -> None:
    done = office.certify(table_of(line(1), line(2)), "two", "--valid-from", "2025-03-05")
    assert done.code == 0, done.rule
    assert done.json["entries"] == 1
    assert [one["row"] for one in done.json["certificates"]] == [2, 3]
    assert not (office.path / "two" / command.PLAN_NAME).exists()
    assert (office.path / "two" / command.LIST_NAME).read_text(encoding="utf-8").startswith("\ufeff")
    for suffix in (".sogoc-proof", ".vc.json", ".tlog-proof"):
        files = office.files("two", suffix)
        assert len(files) == 2
        for file in files:
            private = stat.S_IMODE(file.stat().st_mode) == 0o600
            assert private is (suffix != ".tlog-proof")
            verdict = office.verify(file)
            assert (verdict.code, verdict.json["verdict_vi"]) == (0, "HỢP LỆ")
    proof = office.files("two", ".sogoc-proof")[0]
    found = office.verify(proof).json
    assert found["claims"]["so"] in ("01/OCOP", "02/OCOP")
    assert found["certificate"]["valid_until"] == "2028-03-05"
    assert found["issuer"]["name"] == "UBND phường Phú Sơn"
    said = sogoc("verify", proof, "--policy", office.policy)
    assert "Giấy chứng nhận sản phẩm OCOP" in said.output
    assert "5/3/2025 – 5/3/2028" in said.output


def test_nothing_about_a_person_is_on_the_ledger(office: Office) -> None:
    names = ",".join(one.name for one in MARRIAGE.fields)
    private = ("Nguyễn Thị Không Có Thật", "001090000001", "Số 7 ngõ 12")
    cells = (
        "15/UBND",
        private[0],
        "3/2/1990",
        "Nữ",
        "Kinh",
        "Việt Nam",
        f"CCCD {private[1]}",
        private[2],
        "goa",
        "vay vốn",
    )
    done = office.certify(table_of(",".join(cells), headings=names), "one", schema=MARRIAGE.name)
    assert done.code == 0, done.rule
    (proof,) = office.files("one", ".sogoc-proof")
    (receipt,) = office.files("one", ".tlog-proof")
    for text in private:
        assert text.encode() in proof.read_bytes()
        assert text.encode() not in receipt.read_bytes()
    stored = b"".join(path.read_bytes() for path in office.node.home.ledger.rglob("*") if path.is_file())
    identifier = bytes.fromhex(done.json["certificates"][0]["certificate"])
    assert identifier in stored
    full = CertificateProof.parse(proof.read_bytes()).claims
    assert isinstance(full, FullClaims)
    for hidden in (*(text.encode() for text in private), full.salt):
        assert hidden not in stored
    # Shown in part to a bank: the marital status and nothing else.
    shown = office.path / "shown.sogoc-proof"
    assert sogoc("certificate", "disclose", proof, "--claims", "tinh_trang", "-o", shown).code == 0
    assert office.verify(shown).json["claims"] == {"tinh_trang": "goa"}
    assert not any(text.encode() in shown.read_bytes() for text in private)


def test_a_mistake_anywhere_and_nothing_is_issued(office: Office) -> None:
    before = office.issued()
    done = office.certify(table_of(line(1), line(2, 9), line(3)), "wrong")
    assert done.code == 2
    assert done.json["mistakes"][0] | {"en": ""} == {
        "row": 3,
        "column": "Hạng sao",
        "vi": "phải từ 3 đến 5",
        "en": "",
    }
    assert not (office.path / "wrong").exists()
    assert office.certify(table_of(line(1)), "wrong", "--check-only").code == 0
    assert office.certify(table_of(), "wrong").rule == "table.empty"
    assert office.certify(table_of(line(1)), "wrong", schema="x").rule == "schema.unknown"
    assert office.certify(table_of(line(1)), "wrong", "--valid-until", "x").rule == "certificate.day"
    assert office.issued() == before
    assert not (office.path / "wrong").exists()


def test_a_folder_holds_one_issue(office: Office) -> None:
    data = table_of(line(41))
    assert office.certify(data, "once").code == 0
    before = office.issued()
    assert office.certify(data, "once").rule == "output.exists"
    assert office.issued() == before


class PowerCutError(BaseException):
    """Not an Exception: nothing may catch it on its way out."""


def cut_power(*_: object, **__: object) -> None:
    raise PowerCutError


CUTS: dict[str, tuple[Any, str]] = {
    "put": (packs.HolderFolders, "put"),
    "list": (command, "write_list"),
    "unlink": (Path, "unlink"),
}


@pytest.mark.parametrize("at", ["submit", "wait_until_final", "receipts", "put", "list", "unlink"])
def test_after_a_crash_the_same_command_goes_on_and_issues_nothing_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    data, out = table_of(*(line(number) for number in range(1, 6))), f"crash-{at}"
    before = office.issued()
    monkeypatch.setattr(issuing, "MAX_RECORDS", 2)
    owner, name = CUTS.get(at, (Client, at))
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, cut_power)
        with pytest.raises(PowerCutError):
            office.certify(data, out)
    plan = office.path / out / command.PLAN_NAME
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    planned = Plan.parse(plan.read_bytes())
    assert planned.count == 5
    # Other rows are not for this folder until these are done.
    assert office.certify(table_of(line(9)), out).rule == "plan.other"
    again = office.certify(data, out)
    assert again.code == 0, again.rule
    assert office.issued() == before + 5
    assert {one["certificate"] for one in again.json["certificates"]} == {
        one.certificate.hex() for batch in planned.batches for one in batch.planned
    }
    assert not plan.exists()
    assert len(office.files(out, ".vc.json")) == 5


def test_when_a_later_entry_is_refused_it_is_said_exactly(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The officer's key is retired after the first of three entries: the rest goes on with another key."""
    officer, other = new_key(), new_key()
    for one in (officer, other):
        register_key(office.node, one, roles=("issuer",))
    monkeypatch.setattr(issuing, "MAX_RECORDS", 2)
    monkeypatch.setattr(passphrases, "load_key", lambda *_: officer)
    written = io.StringIO()
    monkeypatch.setattr(
        certify_report, "error_console", Console(file=written, soft_wrap=True, highlight=False)
    )
    submit = Client.submit
    sent: list[int] = []

    def retire_after_the_first(client: Client, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if len(sent) == 1:
            retire_key(office.node, officer)
        sent.append(1)
        return submit(client, *arguments, **options)

    before = office.issued()
    data = table_of(*(line(number) for number in range(1, 6)))
    with monkeypatch.context() as patch:
        patch.setattr(Client, "submit", retire_after_the_first)
        # A claimed time behind the retirement is refused for good; the grace period is for what was signed before.
        patch.setattr(command, "now_ms", lambda: clock_ms() + 60_000)
        stopped = office.certify(data, "stopped")
    assert stopped.code == 1
    assert stopped.rule == "key.retired"
    said = written.getvalue()
    assert "dòng / rows 2–3" in said
    assert "dừng ở / stopped at: 2 giấy, dòng / rows 4–5" in said
    assert "chưa gửi / not submitted: 1 giấy, dòng / rows 6–6" in said
    assert office.issued() == before + 2
    assert len(office.files("stopped", ".sogoc-proof")) == 2
    monkeypatch.setattr(passphrases, "load_key", lambda *_: other)
    assert office.certify(data, "stopped").code == 0
    assert office.issued() == before + 5
    assert len(office.files("stopped", ".sogoc-proof")) == 5


def test_two_officers_who_draw_the_same_places_both_get_theirs(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = office.issued()
    with Client(office.url) as client:
        (taken,) = issuing.free_indexes(client, "office", 1)
    draws = iter([taken, taken + 1])
    real = secrets.randbelow
    monkeypatch.setattr(secrets, "randbelow", lambda _: next(draws, None) or real(131_072))
    assert office.certify(table_of(line(1)), "first").code == 0
    # The second officer asked before the first had issued: the same place is in the plan.
    monkeypatch.setattr(command, "free_indexes", lambda *_, **__: [taken])
    assert office.certify(table_of(line(2)), "second").code == 0
    assert office.issued() == before + 2


def test_suspended_reinstated_renewed_and_revoked(office: Office) -> None:
    done = office.certify(
        table_of(line(1)), "life", "--valid-from", "2025-03-05", "--valid-until", "2090-01-31"
    )
    identifier = done.json["certificates"][0]["certificate"]
    (proof,), (credential,) = office.files("life", ".sogoc-proof"), office.files("life", ".vc.json")

    def standing() -> tuple[int, str, str]:
        assert sogoc("certificate", "refresh", proof, "--node", office.url, "--json").code == 0
        found = office.verify(proof)
        assert office.verify(credential).json["code"] == found.json["code"]
        return found.code, found.json["code"], found.json["verdict_vi"]

    renewed = office.run("certificate", "renew", identifier, "--until", "31/12/2099")
    assert renewed.json["valid_until"] == "2099-12-31"
    assert standing() == (0, "status.in-force", "HỢP LỆ")
    newest = httpx.get(f"{office.url}/v1/certificates/{identifier}/receipt").text
    fresh = office.path / "newest.tlog-proof"
    fresh.write_text(newest)
    assert office.verify(fresh).code == 0
    assert (
        office.run("certificate", "suspend", identifier, "--reason", "complaint").json["status"]
        == "suspended"
    )
    assert standing() == (4, "status.suspended", "TẠM ĐÌNH CHỈ")
    assert "khiếu nại" in office.verify(proof).json["reason_vi"]
    assert office.run("certificate", "reinstate", identifier).json["status"] == "in-force"
    assert standing() == (0, "status.in-force", "HỢP LỆ")
    longer = office.run("certificate", "renew", identifier, "--months", "12")
    assert longer.json["valid_until"] == "2100-12-31"
    assert office.run("revoke", identifier, "--reason", "replaced").json["status"] == "revoked"
    assert standing() == (4, "status.revoked", "ĐÃ THU HỒI")
    refused = office.run("certificate", "suspend", identifier, "--reason", "complaint")
    assert (refused.code, refused.rule) == (1, "certificate.revoked")
    shown = sogoc("certificate", "show", identifier, "--node", office.url)
    assert "đã thu hồi" in shown.output
    assert "đã cấp giấy khác thay thế" in shown.output
    answer = sogoc("certificate", "show", identifier, "--node", office.url, "--json").json["certificates"][0]
    assert (answer["status"], answer["reason"], len(answer["records"])) == ("revoked", "replaced", 6)


def test_what_has_expired_says_so_and_is_not_renewed(office: Office) -> None:
    done = office.certify(
        table_of(line(1)), "over", "--valid-from", "2025-03-05", "--valid-until", "2026-01-31"
    )
    identifier = done.json["certificates"][0]["certificate"]
    for suffix in (".sogoc-proof", ".vc.json", ".tlog-proof"):
        (file,) = office.files("over", suffix)
        found = office.verify(file)
        assert (found.code, found.json["verdict_vi"], found.json["code"]) == (4, "HẾT HẠN", "status.expired")
        assert "31/1/2026" in found.json["reason_vi"]
    assert (
        office.run("certificate", "renew", identifier, "--until", "31/12/2099").rule == "certificate.expired"
    )


def test_wrong_arguments_are_named(office: Office) -> None:
    unknown = "00" * 16
    for arguments, rule in (
        (("revoke", "xyz", "--reason", "other"), "certificate.id"),
        (("revoke", unknown, "--reason", "vì tôi muốn"), "certificate.reason"),
        (("revoke", unknown, "--reason", "other"), "certificate.unknown"),
        (("certificate", "suspend", unknown, "--reason", "issued-in-error"), "certificate.reason"),
        (("certificate", "renew", unknown), "certificate.renewal"),
        (("certificate", "renew", unknown, "--months", "1"), "certificate.no-end"),
        (("certificate", "renew", unknown, "--until", "hôm nào đó"), "certificate.day"),
    ):
        assert office.run(*arguments).rule == rule
    assert sogoc("certificate", "show", unknown, "--node", office.url).rule == "certificate.not-found"
    admin = sogoc(
        "revoke", unknown, "--reason", "other", "--key", office.node.home.key("admin"), "--node", office.url
    )
    assert admin.rule == "authority.role"


def test_a_credential_is_worth_what_the_ledger_says(office: Office) -> None:
    office.certify(table_of(line(1), line(2)), "wallet")
    first, second = office.files("wallet", ".vc.json")
    one, two = office.files("wallet", ".sogoc-proof")
    alone = office.path / "alone.vc.json"
    alone.write_bytes(first.read_bytes())
    assert office.verify(alone).json["code"] == "vc.no-proof"
    assert office.verify(alone, "--receipt", one).code == 0
    assert office.verify(alone, "--receipt", two).json["code"] == "vc.certificate"
    signed = jcs.parse(first.read_bytes())
    unsigned = {name: value for name, value in signed.items() if name != "proof"}
    better = {**unsigned, "credentialSubject": {**unsigned["credentialSubject"], "hang_sao": 5}}
    alone.write_text(json.dumps({**better, "proof": signed["proof"]}))
    assert (office.verify(alone).code, office.verify(alone).json["code"]) == (1, "signature.mismatch")
    # The issuer's own key under other claims: signed well, and not what was issued.
    key = passphrases.load_key(office.key, None)
    alone.write_text(json.dumps(vc.sign(better, key, signed["issuer"]["id"], created="2026-09-22T08:00:00Z")))
    assert office.verify(alone, "--receipt", one).json["code"] == "vc.claims"
    # The same claims by a stranger's key.
    stranger = new_key()
    named = did.did_key(stranger.public_key)
    forged = vc.sign(
        {**unsigned, "issuer": {"id": named, "name": "x"}}, stranger, named, created="2026-09-22T08:00:00Z"
    )
    alone.write_text(json.dumps(forged))
    found = office.verify(alone, "--receipt", one)
    assert (found.code, found.json["code"]) == (3, "vc.other-key")
    part = office.path / "part.sogoc-proof"
    assert sogoc("certificate", "disclose", two, "--claims", "so", "-o", part).code == 0
    assert office.verify(second, "--receipt", part).json["code"] == "vc.claims-hidden"
    alone.write_text("{}")
    assert office.verify(alone).json["code"] == "vc.proof"
    assert office.verify(alone, "--receipt", office.path / "none").rule == "receipt.missing"


def test_a_paper_is_checked_against_its_certificate(office: Office) -> None:
    done = office.certify(table_of(line(1)), "printed")
    identifier = bytes.fromhex(done.json["certificates"][0]["certificate"])
    paper = office.path / "giay.pdf"
    paper.write_bytes(b"%PDF-1.7 signed and unlike any other")
    record = encode(
        [
            "cert.paper/1",
            {"authority": "office", "certificate": identifier, "hash": sha256(paper.read_bytes())},
        ]
    )
    put(office.node, sign(office.node, [record]))
    with Client(office.url) as client:
        anchored = client.document(sha256(paper.read_bytes()))
    assert [one.type for one in anchored] == ["cert.paper/1"]
    (proof,) = office.files("printed", ".sogoc-proof")
    assert sogoc("certificate", "refresh", proof, "--node", office.url).code == 0
    assert office.verify(paper, "--receipt", proof).code == 0
    beside = office.path / "giay.pdf.sogoc-proof"
    beside.write_bytes(proof.read_bytes())
    assert office.verify(paper).json["claims"]["so"] == "01/OCOP"
    paper.write_bytes(b"%PDF-1.7 altered")
    assert office.verify(paper).json["code"] == "certificate.paper"


def test_status_lists_are_signed_served_and_true(office: Office) -> None:
    done = office.certify(table_of(line(1), line(2), line(3)), "listed")
    ids = [one["certificate"] for one in done.json["certificates"]]
    office.run("revoke", ids[0], "--reason", "other")
    suspended = sogoc(
        "certificate", "suspend", ids[1], "--reason", "other", "--key", office.key, "--node", office.url
    )
    # "Until" the last day would read as if it were suspended until then.
    assert "tạm đình chỉ" in suspended.output
    assert "until" not in suspended.output
    folder = office.node.home.path / "status-lists"
    made = sogoc(
        "certificate", "status-list", "--key", office.key, "--node", office.url, "-o", folder,
        "--status-lists", LISTS, "--json",
    )  # fmt: skip
    assert [Path(path).name for path in made.json["files"]] == [
        "office.0.revocation.json",
        "office.0.suspension.json",
    ]
    bits = {}
    for purpose in ("revocation", "suspension"):
        answer = httpx.get(f"{office.url}/v1/status-lists/office/0/{purpose}")
        assert answer.headers["content-type"] == "application/vc"
        credential = vc.verify(jcs.parse(answer.content))
        assert credential.document["id"] == f"{LISTS}/office/0/{purpose}"
        assert credential.subject["statusPurpose"] == purpose
        bits[purpose] = status_list.decode_list(credential.subject["encodedList"])
    for number, file in enumerate(office.files("listed", ".vc.json")):
        document = jcs.parse(file.read_bytes())
        at = ids.index(document["evidence"][0]["certificate"])
        entries = {one["statusPurpose"]: one for one in document["credentialStatus"]}
        for purpose, entry in entries.items():
            assert entry["statusListCredential"] == f"{LISTS}/office/0/{purpose}"
            expected = (at, purpose) in ((0, "revocation"), (1, "suspension"))
            assert status_list.is_set(bits[purpose], int(entry["statusListIndex"])) is expected, (
                number,
                purpose,
            )


def test_what_the_node_answers_about_certificates(office: Office) -> None:
    done = office.certify(table_of(line(1)), "asked")
    identifier = done.json["certificates"][0]["certificate"]
    base = f"{office.url}/v1/certificates/{identifier}"
    (found,) = httpx.get(base).json()["certificates"]
    proof = CertificateProof.parse(httpx.get(office.url + found["proof"]).content)
    policy = Policy.parse(office.policy.read_text())
    assert judge_proof(proof, policy, now_ms=found["issued_ms"]).rule == "status.in-force"
    assert httpx.get(office.url + found["receipt"]).text.startswith("c2sp.org/tlog-proof")
    assert found["status_index"] is not None
    for path, status, code in (
        (f"{base}/proof?authority=nobody", 404, "certificate.not-found"),
        (f"{office.url}/v1/certificates/{'00' * 16}", 404, "certificate.not-found"),
        (f"{office.url}/v1/certificates/xyz", 422, "request.invalid"),
        (f"{office.url}/v1/status-lists/office/5/revocation", 404, "status-list.unknown"),
        (f"{office.url}/v1/status-lists/office/0/message", 422, "request.invalid"),
        (f"{office.url}/v1/status-lists/Office/0", 404, "status-list.unknown"),
        (f"{office.url}/v1/status-lists/office/99999", 422, "request.invalid"),
    ):
        answer = httpx.get(path)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
    assert httpx.get(f"{office.url}/v1/status-lists/nobody/0").json()["count"] == 0


def test_did_web_where_a_domain_is_configured(office: Office) -> None:
    done = office.certify(table_of(line(1)), "domain", "--domain", "phuson.example")
    assert done.code == 0
    (file,) = office.files("domain", ".vc.json")
    assert vc.verify(jcs.parse(file.read_bytes())).issuer == "did:web:phuson.example"
    assert office.verify(file).code == 0
    made = sogoc(
        "certificate",
        "did-document",
        "--domain",
        "phuson.example",
        "--member",
        "office",
        "--node",
        office.url,
    )
    method = jcs.parse(file.read_bytes())["proof"]["verificationMethod"]
    assert method in made.json["assertionMethod"]
    nobody = sogoc(
        "certificate", "did-document", "--domain", "a.example", "--member", "x", "--node", office.url
    )
    assert nobody.rule == "member.unknown"


def test_a_node_that_lies_about_receipts_is_caught(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.certify(table_of(line(9)), "truth")
    other = office.files("truth", ".sogoc-proof")[0].read_bytes()
    receipts = Client.receipts

    def swap(client: Client, ids: list[bytes]) -> dict[bytes, str]:
        found = receipts(client, ids)
        return dict(zip(found, reversed(found.values()), strict=True))

    with monkeypatch.context() as patch:
        patch.setattr(Client, "receipts", swap)
        patch.setattr(Client, "certificate_proof", lambda *_: other)
        lied = office.certify(table_of(line(1), line(2)), "lied")
    assert lied.code == 1
    assert not office.files("lied", ".sogoc-proof")
    with monkeypatch.context() as patch:
        patch.setattr(Client, "receipts", lambda *_: {})
        assert office.certify(table_of(line(1), line(2)), "lied").rule == "record.unknown"
    assert office.certify(table_of(line(1), line(2)), "lied").code == 0


def test_the_issuer_and_its_successor_are_named(office: Office) -> None:
    office.certify(table_of(line(1)), "merged")
    (file,) = office.files("merged", ".sogoc-proof")
    judgement = judge_proof(
        file.read_bytes(), Policy.parse(office.policy.read_text()), now_ms=4_000_000_000_000
    )
    proved = judgement.proved
    assert proved is not None
    assert proved.standing is not None
    assert issuer_words(judgement) == ("UBND phường Phú Sơn", "UBND phường Phú Sơn")
    july = 1_751_302_800_000
    members = {
        "office": MemberRow("UBND phường Phú Sơn", (), 0, july, (), ("between",)),
        "between": MemberRow("UBND phường Trung Gian", (), 0, july + 1, ("office",), ("new",)),
        "new": MemberRow("UBND phường Quang Trung", (), 0, None, ("between",), ()),
    }
    merged = replace(judgement, proved=replace(proved, standing=replace(proved.standing, members=members)))
    assert issuer_words(merged) == (
        "UBND phường Phú Sơn (đến 30/6/2025); cơ quan kế thừa: UBND phường Quang Trung",
        "UBND phường Phú Sơn (until 30/6/2025); succeeded by: UBND phường Quang Trung",
    )
    alone = {"office": members["office"]}
    ended = replace(judgement, proved=replace(proved, standing=replace(proved.standing, members=alone)))
    assert issuer_words(ended) == (
        "UBND phường Phú Sơn (đến 30/6/2025)",
        "UBND phường Phú Sơn (until 30/6/2025)",
    )
    assert "đã được gia hạn" in reason(judgement)


@given(st.binary(max_size=60))
def test_a_damaged_plan_is_refused(data: bytes) -> None:
    with pytest.raises(LedgerError):
        Plan.parse(data)


def test_a_plan_of_tomorrow_is_not_called_damaged() -> None:
    with pytest.raises(CannotTellError) as caught:
        Plan.parse(encode([3, b"", b"", "", "", [], []]))
    assert caught.value.rule == "plan.version"


def test_an_answer_that_is_no_status_list_is_refused(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Client._request

    def lie(client: Client, *arguments: Any, **options: Any) -> bytes:  # noqa: ANN401
        answer = json.loads(request(client, *arguments, **options))
        return json.dumps(answer | {"issued": "uAAAA"}).encode()

    monkeypatch.setattr(Client, "_request", lie)
    with Client(office.url) as client, pytest.raises(ApiError) as caught:
        client.status_list("office", 0)
    assert caught.value.code == "node.answer"
