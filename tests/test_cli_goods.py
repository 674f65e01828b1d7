"""`sogoc product`, `sogoc place` and `sogoc lot`: registered with a key file, shown after they verified, recalled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from node import keyfiles
from node.service import Node
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import register_member, running_node

__all__ = ["quiet_logs"]

GTIN, CODE, COOP, INSPECTORS = "8938500000027", "CHE-1", "htx", "thanh-tra"
LOT = "DSD/1"
PATH = f"01/0{GTIN}/10/DSD%2F1"


@dataclass(frozen=True)
class Market:
    node: Node
    address: str
    folder: Path

    def run(self, *arguments: str | Path, by: str = COOP) -> Done:
        return sogoc(*arguments, "--node", self.address, "--key", self.folder / f"{by}.pem")

    def show(self, *arguments: str) -> Done:
        return sogoc(*arguments, "--node", self.address)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("keys")
    home = tmp_path_factory.mktemp("market")
    with running_node(home, requests_per_address_per_minute=0) as node, serving(node) as address:
        for member, role in ((COOP, "producer"), (INSPECTORS, "inspector")):
            register_member(node, member, member, [role])
            done = sogoc(
                "member", "add", "--member", member, "--roles", role, "--node", address,
                "--key", node.home.key("admin"), "--new-key", folder / f"{member}.pem", "--insecure-no-passphrase",
            )  # fmt: skip
            assert done.code == ExitCode.GOOD, done.output
        yield Market(node, address, folder)


@pytest.fixture(scope="module")
def stocked(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Market:
    picture = tmp_path_factory.mktemp("pictures") / "dua.jpg"
    picture.write_bytes(b"a picture")
    done = market.run(
        "product", "add", GTIN, "--name", "Dứa sấy dẻo 200 g", "--category", "fruit.dried", "--unit", "H87",
        "--ocop-stars", "3", "--ocop-until", "2029-06-30", "--image", picture, "--standard", "VietGAP",
        "--standard", "TCVN 12940:2020", "--json",
    )  # fmt: skip
    assert done.code == ExitCode.GOOD, done.output
    assert done.json["subject"] == {"kind": "product", "authority": COOP, "id": f"0{GTIN}"}
    for arguments in (
        ("product", "add", CODE, "--name", "Chè", "--category", "tea", "--unit", "KGM"),
        (
            "place",
            "add",
            "8938500000010",
            "--name",
            "Xưởng",
            "--kind",
            "processing",
            "--position",
            "20.079, 105.867",
        ),
        (
            "lot",
            "create",
            GTIN,
            LOT,
            "--quantity",
            "180 H87",
            "--tolerance",
            "1.5",
            "--place",
            "8938500000010",
        ),
        (
            "lot",
            "create",
            CODE,
            "A",
            "--quantity",
            "1.5kgm",
            "--produced",
            "2026-11-20",
            "--expires",
            "2027-11-20",
        ),
    ):
        done = market.run(*arguments)
        assert done.code == ExitCode.GOOD, done.output
    return market


def test_a_product_is_shown_as_it_was_registered(stocked: Market) -> None:
    done = stocked.show("product", "show", GTIN, "--json")
    (one,) = done.json["products"]
    assert (done.code, one["status"], one["records"]) == (ExitCode.GOOD, "in-force", 1)
    assert one["fields"]["images"] == [hashlib.sha256(b"a picture").hexdigest()]
    assert one["fields"]["standards"] == ["VietGAP", "TCVN 12940:2020"]
    shown = stocked.show("product", "show", CODE, "--member", COOP)
    assert (shown.code, "còn hiệu lực" in shown.output) == (ExitCode.GOOD, True)
    assert stocked.show("product", "show", CODE).rule == "product.member"
    nobody = stocked.show("product", "show", "8938500000041")
    assert (nobody.code, "nobody has registered" in nobody.output) == (ExitCode.NO_LONGER_IN_FORCE, True)


def test_what_is_not_named_stays_and_what_is_cleared_goes(stocked: Market) -> None:
    done = stocked.run(
        "product", "update", GTIN, "--ocop-stars", "4", "--brand", "Nga Mỹ", "--clear", "standards"
    )
    assert done.code == ExitCode.GOOD, done.output
    (one,) = stocked.show("product", "show", GTIN, "--json").json["products"]
    assert (one["fields"]["ocop_stars"], one["fields"]["ocop_until"], one["fields"]["brand"]) == (
        4,
        "2029-06-30",
        "Nga Mỹ",
    )
    assert "standards" not in one["fields"]
    assert stocked.run("product", "update", "8938500000041", "--brand", "X").rule == "product.unknown"


def test_numbers_are_scaled_exactly(stocked: Market) -> None:
    (one,) = stocked.show("lot", "show", GTIN, LOT, "--json").json["lots"]
    assert (one["fields"]["quantity"], one["fields"]["unit"], one["fields"]["tolerance"]) == (
        180_000,
        "H87",
        150,
    )
    (tea,) = stocked.show("lot", "show", CODE, "A", "--member", COOP, "--json").json["lots"]
    assert (tea["fields"]["quantity"], tea["fields"]["unit"]) == (1_500, "KGM")


def test_all_lots_of_a_product(stocked: Market) -> None:
    listed = stocked.show("lot", "list", GTIN, "--json")
    assert listed.code == ExitCode.GOOD
    assert [(one["authority"], one["lot"]) for one in listed.json["lots"]] == [(COOP, LOT)]
    assert "1 lô" in stocked.show("lot", "list", CODE, "--member", COOP).output
    assert stocked.show("lot", "list", CODE).rule == "lot.member"
    assert stocked.show("lot", "list", "8938500000041").code == ExitCode.DOES_NOT_MATCH


@pytest.mark.parametrize(
    ("rule", "arguments"),
    [
        (
            "gs1.check-digit",
            ("product", "add", "8938500000028", "--name", "X", "--category", "x", "--unit", "H87"),
        ),
        ("product.option", ("product", "add", "X", "--name", "X", "--category", "x")),
        ("product.ocop", ("product", "update", CODE, "--ocop-until", "2029-01-01")),
        ("product.exists", ("product", "add", GTIN, "--name", "X", "--category", "x", "--unit", "H87")),
        ("record.field-range", ("product", "end", CODE, "--reason", "bored")),
        ("gs1.check-digit", ("place", "add", "8938500000011", "--name", "X", "--kind", "farm")),
        ("place.position", ("place", "add", "X", "--name", "X", "--kind", "farm", "--position", "20.1")),
        ("record.field-range", ("place", "add", "X", "--name", "X", "--kind", "farm", "--position", "200,1")),
        ("place.unknown", ("place", "end", "X")),
        ("lot.quantity", ("lot", "create", GTIN, "B", "--quantity", "12")),
        ("lot.quantity", ("lot", "create", GTIN, "B", "--quantity", "0.0001KGM")),
        ("lot.tolerance", ("lot", "create", GTIN, "B", "--tolerance", "-1")),
        ("lot.tolerance", ("lot", "create", GTIN, "B", "--tolerance", "NaN")),
        ("lot.exists", ("lot", "create", GTIN, LOT, "--tolerance", "9")),
        ("product.unknown", ("lot", "create", "8938500000041", "A")),
        ("gs1.check-digit", ("lot", "recall", "8938500000028", LOT, "--reason", "other")),
        ("gs1.item", ("lot", "recall", GTIN, "--reason", "other")),
        ("lot.unknown", ("lot", "recall", GTIN, "X", "--reason", "other")),
        ("lot.not-recalled", ("lot", "release", CODE, "A", "--reason", "other")),
    ],
)
def test_what_is_refused_names_its_rule(stocked: Market, rule: str, arguments: tuple[str, ...]) -> None:
    done = stocked.run(*arguments)
    assert (done.rule, done.code in (ExitCode.USAGE, ExitCode.DOES_NOT_MATCH)) == (rule, True)


def test_a_recall_by_the_owner_and_one_by_an_inspector(stocked: Market) -> None:
    assert stocked.show("lot", "show", GTIN, LOT).code == ExitCode.GOOD
    assert stocked.run("lot", "recall", GTIN, LOT, "--reason", "quality").code == ExitCode.GOOD
    shown = stocked.show("lot", "show", GTIN, LOT)
    assert (shown.code, "ĐÃ THU HỒI" in shown.output) == (ExitCode.NO_LONGER_IN_FORCE, True)
    by_path = stocked.run("lot", "recall", PATH, "--reason", "contamination", "--owner", COOP, by=INSPECTORS)
    assert by_path.code == ExitCode.GOOD, by_path.output
    assert stocked.run("lot", "release", PATH, "--reason", "tested-safe").code == ExitCode.GOOD
    label = f"https://so-goc.example/{PATH}?linkType=all"
    still = stocked.show("lot", "show", label, "--json")
    assert (still.json["recalled"], still.json["item"]) == (True, PATH)
    assert [one["authority"] for one in still.json["records"]] == [COOP, COOP, INSPECTORS, COOP]
    done = stocked.run("lot", "release", PATH, "--reason", "tested-safe", "--owner", COOP, by=INSPECTORS)
    assert done.code == ExitCode.GOOD, done.output
    assert stocked.show("lot", "show", label).code == ExitCode.GOOD
    assert (
        stocked.run("lot", "recall", PATH, "--reason", "other", "--owner", INSPECTORS).rule == "lot.unknown"
    )
    unknown = stocked.show("lot", "show", GTIN, "X", "--json")
    assert (unknown.code, unknown.json["lots"]) == (ExitCode.DOES_NOT_MATCH, [])


def test_what_has_ended(stocked: Market) -> None:
    code = "CU"
    for arguments in (
        ("product", "add", code, "--name", "Cũ", "--category", "x", "--unit", "KGM"),
        ("place", "add", code, "--name", "Cũ", "--kind", "farm"),
        ("product", "end", code),
        ("place", "end", code, "--reason", "moved"),
    ):
        assert stocked.run(*arguments).code == ExitCode.GOOD
    shown = stocked.show("product", "show", code, "--member", COOP, "--json")
    assert (shown.code, shown.json["products"][0]["status"]) == (ExitCode.NO_LONGER_IN_FORCE, "ended")
    assert shown.json["products"][0]["fields"]["name"] == "Cũ"
    assert stocked.run("lot", "create", code, "A").rule == "product.ended"


def test_the_history_of_a_thing_from_the_command_line(stocked: Market) -> None:
    done = stocked.show("history", PATH, "--json")
    assert done.json["kind"] == "thing"
    assert done.json["records"][0]["type"] == "lot.create/1"
    same = stocked.show("history", f"lot/{COOP}/{PATH}", "--json")
    assert (same.json["kind"], same.json["authority"]) == ("lot", COOP)
    assert stocked.show("history", PATH.replace("0027", "0028")).rule == "gs1.check-digit"


def test_a_key_that_nobody_registered_signs_nothing(stocked: Market, tmp_path: Path) -> None:
    keyfiles.generate(tmp_path / "stranger.pem", None)
    done = sogoc("product", "end", GTIN, "--node", stocked.address, "--key", tmp_path / "stranger.pem")
    assert done.rule == "key.unknown"


def test_a_producer_does_not_act_for_another(stocked: Market) -> None:
    done = stocked.run("product", "end", GTIN, "--member", INSPECTORS)
    assert done.rule == "authority.not-acting"
