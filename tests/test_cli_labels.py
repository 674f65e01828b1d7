"""`sogoc label`: stickers of what the ledger proves, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")
pdfium = pytest.importorskip("pypdfium2", reason="pip install 'sogoc[test]' to look at papers")
zxingcpp = pytest.importorskip("zxingcpp", reason="pip install 'sogoc[test]' to read codes")

from api.cli.output import ExitCode  # noqa: E402  after what may be missing
from ledger.gs1 import parse_item, parse_link  # noqa: E402
from node.service import Node, clock_ms  # noqa: E402
from tests.orchard import COOP, DRIED, FRESH, FRESH_GTIN, SHOP, plant  # noqa: E402
from tests.serving import Done, quiet_logs, serving, sogoc  # noqa: E402
from tests.support import running_node  # noqa: E402

__all__ = ["quiet_logs"]

SITE = "https://so-goc.phuson.example"


@dataclass
class Orchard:
    node: Node
    address: str

    def label(self, *arguments: str | Path) -> Done:
        return sogoc(
            "label", *arguments, "--site", SITE, "--node", self.address, "--policy", self.node.home.policy, "--json"
        )  # fmt: skip


@pytest.fixture(scope="module")
def orchard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchard]:
    with running_node(tmp_path_factory.mktemp("orchard"), requests_per_address_per_minute=0) as node:
        plant(node, now_ms=clock_ms())
        with serving(node) as address:
            yield Orchard(node, address)


def codes(path: Path) -> list[str]:
    pages = [page.render(scale=300 / 72).to_pil() for page in pdfium.PdfDocument(path.read_bytes())]
    return [
        code.text
        for page in pages
        for code in zxingcpp.read_barcodes(page, formats=zxingcpp.BarcodeFormat.QRCode)
    ]


def test_a_lot_by_gtin_and_number(orchard: Orchard, tmp_path: Path) -> None:
    lot = str(parse_item(FRESH).lot)
    done = orchard.label(FRESH_GTIN.lstrip("0"), lot, "-o", tmp_path / "tem.pdf", "--used", "3")
    assert done.code == ExitCode.GOOD, done.output
    assert done.json["labels"] == 18
    assert codes(tmp_path / "tem.pdf") == [f"{SITE}/{FRESH}"] * 18


def test_a_number_on_each(orchard: Orchard, tmp_path: Path) -> None:
    done = orchard.label(
        FRESH, "-o", tmp_path / "tem.pdf", "--sheet", "a4-65", "--count", "4", "--serials-from", "998"
    )
    assert done.code == ExitCode.GOOD, done.output
    links = [parse_link(one) for one in codes(tmp_path / "tem.pdf")]
    assert sorted(str(one.item.serial) for one in links) == ["1000", "1001", "998", "999"]
    assert {one.lot.path for one in links if one.lot is not None} == {FRESH}


@pytest.mark.parametrize(
    ("rule", "arguments"),
    [
        ("label.recalled", (DRIED,)),
        ("label.unknown", ("01/08938500000034/10/X",)),
        ("label.unknown", (FRESH, "--member", SHOP)),
        ("label.layout", (FRESH, "--sheet", "a5")),
        ("label.count", (FRESH, "--count", "0")),
        ("gs1.check-digit", ("08938500000011", "X")),
    ],
)
def test_what_the_ledger_does_not_have_is_not_printed(
    orchard: Orchard, tmp_path: Path, rule: str, arguments: tuple[str, ...]
) -> None:
    done = orchard.label(*arguments, "-o", tmp_path / "tem.pdf")
    assert done.code != ExitCode.GOOD
    assert done.rule == rule
    assert not (tmp_path / "tem.pdf").exists()


def test_whose_lot_it_is_may_be_said(orchard: Orchard, tmp_path: Path) -> None:
    done = orchard.label(FRESH, "-o", tmp_path / "tem.pdf", "--member", COOP, "--count", "1")
    assert done.code == ExitCode.GOOD, done.output
