"""`sogoc trace` and `sogoc findings` against a served node: verified, exported, saved, checked again, signed."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger.encoding import decode, encode
from ledger.epcis.document import parse_document
from ledger.keys import SigningKey
from node import keyfiles
from node.service import Node, clock_ms
from tests import orchard
from tests.chains import key
from tests.orchard import CARTON, COOP, DRIED, DRIED_GTIN, FARM, FRESH, INSPECTOR, NAMES, SHOP, STORE, Orchard
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import running_node

__all__ = ["quiet_logs"]

KNOWN = ["recall.reaches-sold", "balance.transit-loss", "stock.never-shipped"]
LOT = "DS-2509/1"


@dataclass(frozen=True)
class Place:
    node: Node
    address: str
    orchard: Orchard

    def run(self, *arguments: str | Path) -> Done:
        return sogoc(*arguments, "--node", self.address)

    @property
    def policy(self) -> Path:
        return self.node.home.policy


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("origin-cli")
    with running_node(folder, requests_per_address_per_minute=0) as node:
        planted = orchard.plant(node, now_ms=clock_ms())
        with serving(node) as address:
            yield Place(node, address, planted)


@pytest.fixture(scope="module")
def proof(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("proof") / "lot.sogoc-trace"
    assert place.run("trace", DRIED_GTIN, LOT, "--proof", path, "--json").code == ExitCode.NO_LONGER_IN_FORCE
    return path


def test_a_recalled_lot_says_so_in_its_exit_code(place: Place) -> None:
    done = place.run("trace", DRIED_GTIN, LOT)
    assert done.code == ExitCode.NO_LONGER_IN_FORCE
    assert "ĐÃ THU HỒI" in done.output
    assert "Hao hụt 5 kg" in done.output
    assert "verified complete" in done.output
    assert "Cửa" in done.output  # the shop, by its name
    assert "Chế biến" in done.output
    assert "creating_class_instance" not in done.output


@pytest.mark.parametrize(
    "thing",
    [(DRIED,), (f"https://id.gs1.org/{DRIED}",), (DRIED_GTIN, LOT), ("8938500000027", LOT)],
    ids=["path", "link", "gtin", "gtin-13"],
)
def test_a_lot_may_be_named_in_several_ways(place: Place, thing: tuple[str, ...]) -> None:
    assert place.run("trace", *thing, "--json").json["item"] == DRIED


def test_a_narrow_window_cuts_no_number(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = place.run("trace", DRIED, "--policy", place.policy).output
    assert "…" not in shown
    rows = [line.split("│") for line in shown.partition("Lúc")[0].splitlines() if line.startswith("│")]
    cells = [row[2].strip() for row in rows]
    assert DRIED in "".join(cells)


def test_directions(place: Place) -> None:
    back = place.run("trace", DRIED_GTIN, LOT, "--back", "--json").json
    assert [one["item"] for one in back["nodes"]] == [FRESH, DRIED]
    forward = place.run("trace", FRESH, "--forward", "--depth", "1", "--json")
    assert [one["item"] for one in forward.json["nodes"]] == [FRESH, DRIED]
    assert forward.json["truncated"]
    assert forward.code == ExitCode.GOOD
    carton = place.run("trace", CARTON.removeprefix("00/"), "--json")
    assert carton.json["item"] == CARTON


def test_the_nodes_word_is_quick_and_says_so(place: Place) -> None:
    done = place.run("trace", DRIED_GTIN, LOT, "--quick")
    assert done.code == ExitCode.GOOD
    assert "ĐÃ THU HỒI" in done.output
    assert "by the node's word" in " ".join(done.output.split())
    told = place.run("trace", DRIED_GTIN, LOT, "--quick", "--json").json
    proved = place.run("trace", DRIED_GTIN, LOT, "--json").json
    assert told["verified"] is False
    assert told["nodes"] == proved["nodes"]
    assert [link["event"] for link in told["links"]] == [link["event"] for link in proved["links"]]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((), "trace.thing"),
        (("08938500000028", "A"), "gs1.check-digit"),
        (("pineapple",), "trace.thing"),
        ((DRIED, "--export", "x.csv", "-o", "x"), "trace.export"),
        ((DRIED, "--export", "steps.csv"), "trace.export"),
        ((DRIED, "--quick", "--svg", "x"), "trace.quick"),
    ],
)
def test_what_cannot_be_meant(place: Place, arguments: tuple[str, ...], rule: str) -> None:
    assert place.run("trace", *arguments).rule == rule


def test_a_saved_proof_is_checked_offline(place: Place, proof: Path) -> None:
    done = sogoc("trace", "--check", proof, "--policy", place.policy, "--json")
    assert done.code == ExitCode.NO_LONGER_IN_FORCE
    assert [one["rule"] for one in done.json["findings"]] == KNOWN
    assert done.json["proof"]["histories"] == 8
    alone = sogoc("findings", "--check", proof, "--policy", place.policy, "--json")
    assert [one["rule"] for one in alone.json["findings"]] == KNOWN


def test_a_proof_needs_a_policy(proof: Path) -> None:
    assert sogoc("trace", "--check", proof).rule == "policy.missing"


def test_a_proof_with_a_history_less_is_none(place: Place, proof: Path, tmp_path: Path) -> None:
    value = decode(proof.read_bytes())
    assert isinstance(value, list)
    histories = value[4]
    assert isinstance(histories, list)
    for left_out in range(len(histories)):
        changed = [*value[:4], [*histories[:left_out], *histories[left_out + 1 :]], value[5]]
        path = tmp_path / "changed"
        path.write_bytes(encode(changed))
        done = sogoc("trace", "--check", path, "--policy", place.policy)
        assert (done.code, done.rule) == (ExitCode.DOES_NOT_MATCH, "trace.history-missing")


def test_a_proof_with_another_answer_is_none(place: Place, proof: Path, tmp_path: Path) -> None:
    value = decode(proof.read_bytes())
    assert isinstance(value, list)
    answer = value[5]
    assert isinstance(answer, bytes)
    path = tmp_path / "changed"
    path.write_bytes(encode([*value[:5], answer.replace(b'"lost":"5"', b'"lost":"4"')]))
    assert sogoc("trace", "--check", path, "--policy", place.policy).rule == "trace.answer"
    path.write_bytes(encode([*value[:4], [*value[4], value[4][0]], answer]))  # type: ignore[misc,index]
    assert sogoc("trace", "--check", path, "--policy", place.policy).rule == "trace.history-twice"
    path.write_bytes(encode([value[0], FRESH, "back", *value[3:]]))
    assert sogoc("trace", "--check", path, "--policy", place.policy).rule == "trace.history-needless"
    path.write_bytes(encode([2, *value[1:]]))
    assert sogoc("trace", "--check", path, "--policy", place.policy).code == ExitCode.CANNOT_TELL


def test_the_picture(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "trace.svg"
    place.run("trace", DRIED_GTIN, LOT, "--svg", path)
    root = ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314  our own
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in root.iter(f"{space}text")]
    assert texts.count("ĐÃ THU HỒI") == 1
    assert texts.count("LIÊN QUAN LÔ THU HỒI") == 1
    assert len([one for one in root.iter(f"{space}path") if one.get("marker-end")]) == 2
    description = root.find(f"{space}desc")
    assert description is not None
    assert "3 đối tượng, 2 mũi tên." in str(description.text)


def export(place: Place, form: str, tmp_path: Path) -> bytes:
    path = tmp_path / form
    assert (
        place.run("trace", DRIED_GTIN, LOT, "--export", form, "-o", path).code == ExitCode.NO_LONGER_IN_FORCE
    )
    return path.read_bytes()


def test_the_ten_fields(place: Place, tmp_path: Path) -> None:
    passport = json.loads(export(place, "passport.json", tmp_path))
    assert passport["name"] == "Dứa sấy dẻo 200 g"
    assert len(passport["images"]) == 1
    assert passport["producer"] == {"id": COOP, "name": NAMES[COOP]}
    assert passport["address"]["address"] == "Phường Quang Trung, tỉnh Thanh Hóa"
    assert passport["trace_code"] == f"(01){DRIED_GTIN}(10){LOT}"
    assert (passport["brand"], passport["serial"], passport["expires"]) == ("Phú Sơn", None, "2027-03-31")
    assert passport["standards"] == ["TCVN 12940:2020", "VietGAP"]
    assert passport["produced"] == "2026-09-21"
    stages = passport["stages"]
    assert len(stages) == 12
    assert (stages[0]["label"], stages[0]["place"], stages[0]["products"]) == (
        "Thu hoạch, làm ra",
        FARM,
        [FRESH],
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00", stages[0]["time"])
    assert stages[7]["place"] == STORE


def test_the_table_opens_in_a_spreadsheet(place: Place, tmp_path: Path) -> None:
    data = export(place, "passport.csv", tmp_path)
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert len(rows) == 13
    assert {len(row) for row in rows} == {13}
    assert rows[0][0] == "Tên sản phẩm, hàng hóa"
    assert rows[1][0] == "Dứa sấy dẻo 200 g"


def test_one_step_back_and_one_forward(place: Place, tmp_path: Path) -> None:
    lines = json.loads(export(place, "steps.json", tmp_path))["steps"]
    assert [(one["direction"], one["what"], one["item"], one["amount"]) for one in lines] == [
        ("back", "made-of", FRESH, "1195"),
        ("back", "received", DRIED, "60"),
        ("forward", "shipped", DRIED, "60"),
        ("forward", "sold", DRIED, "11"),
        ("forward", "sold", DRIED, "7"),
    ]
    assert lines[1]["other"] == {"id": COOP, "name": NAMES[COOP]}
    assert lines[2]["other"] == {"id": SHOP, "name": NAMES[SHOP]}
    table = export(place, "steps.csv", tmp_path).decode("utf-8-sig")
    assert table.splitlines()[1].startswith("Lùi,Nguyên liệu,")


def test_the_epcis_document(place: Place, tmp_path: Path) -> None:
    document = parse_document(export(place, "epcis.jsonld", tmp_path))
    assert len(document.events) == 12


def test_findings_of_the_whole_ledger_are_the_nodes_word(place: Place) -> None:
    done = place.run("findings", "--json")
    assert done.json["verified"] is False
    assert sorted(one["rule"] for one in done.json["findings"]) == sorted(KNOWN)
    assert "the node's word" in " ".join(place.run("findings", "--severity", "serious").output.split())


def test_a_signed_report(place: Place, tmp_path: Path) -> None:
    key_file = tmp_path / "inspector.pem"
    _write_key(key_file, key(INSPECTOR))
    folder = tmp_path / "report"
    done = place.run(
        "findings", DRIED_GTIN, LOT, "--report", folder, "--key", key_file, "--policy", place.policy
    )
    assert done.code == ExitCode.GOOD, done.rule
    for name in ("bao-cao.json", "bao-cao.pdf"):
        verified = sogoc("verify", folder / name, "--policy", place.policy, "--json")
        assert verified.code == ExitCode.GOOD, verified.output
        assert INSPECTOR in verified.output
    report = json.loads((folder / "bao-cao.json").read_text(encoding="utf-8"))
    assert [one["rule"] for one in report["findings"]] == KNOWN
    assert report["verified"]["histories"] == 8
    assert (folder / "bao-cao.pdf").read_bytes().startswith(b"%PDF")
    again = sogoc(
        "findings", "--check", folder / "bang-chung.sogoc-trace", "--policy", place.policy, "--json"
    )
    assert again.json["findings"] == report["findings"]
    (folder / "bao-cao.json").write_text("{}")
    assert sogoc("verify", folder / "bao-cao.json", "--policy", place.policy).code == ExitCode.DOES_NOT_MATCH


def _write_key(path: Path, signing_key: SigningKey) -> None:
    keyfiles.save(path, signing_key, None)
