"""`sogoc demo`: the whole story is played once, and what it leaves in its folder is what it says."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.certificates.schemas import schemas
from api.certificates.table import read_table
from api.cli import demo_goods as goods
from api.cli import demo_ward as ward
from api.cli.demo_documents import FIGURES, write_documents
from api.cli.demo_stage import DemoError, Stage
from api.cli.output import ExitCode
from api.http.app import create_app
from node.config import Config
from node.home import Home, load_keys
from node.service import Node
from tests.serving import quiet_logs, sogoc
from tests.support import NODE_KEYS

__all__ = ["quiet_logs"]

CHECKOUT = Path(__file__).resolve().parent.parent
UNMEASURED = """
import os, sys
from api.cli import main

# Coverage has begun for the demo itself; the dozens of commands that it starts have tests of their own, and would take half as
# long again.
os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
sys.argv[0] = "sogoc"
main()
"""


@dataclass(frozen=True)
class Played:
    """What a demo has printed, and its folder."""

    folder: Path
    output: str

    def verdict(self, *names: str | Path) -> str:
        done = sogoc(
            "verify", self.folder.joinpath(*names), "--policy", self.folder / "office" / "policy", "--json"
        )
        return str(done.json["code"])

    def holders(self, folder: str) -> Iterator[tuple[str, Path]]:
        """Identifiers and folders of the certificates in a folder, in the order of the table."""
        text = (self.folder / folder / "danh-sach.csv").read_text(encoding="utf-8-sig")
        for row in list(csv.reader(text.splitlines()))[1:]:
            yield row[1], self.folder / folder / row[3]


def demo(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", UNMEASURED, "demo", "--once", *map(str, arguments)],
        cwd=cwd,
        # What somebody has set for another ledger must not reach in.
        env=os.environ
        | {"PYTHONPATH": str(CHECKOUT), "SOGOC_NODE": "http://127.0.0.1:9", "SOGOC_PASSPHRASE": "x"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    place = tmp_path_factory.mktemp("demo")
    done = demo("--folder", place / "phu-son", cwd=place)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return Played(place / "phu-son", done.stdout)


def test_each_document_stands_as_the_story_has_it(played: Played) -> None:
    assert {
        paper.file: played.verdict(paper.file) for paper in ward.PAPERS if paper != ward.OLD_DECISION
    } == {
        ward.REPORT.file: "status.in-force",
        ward.DECISION.file: "status.in-force",
        ward.NOTICE.file: "status.withdrawn",
        ward.SUCCESSORS_NOTICE.file: "status.in-force",
        ward.PRIVATE.file: "status.in-force",
    }
    assert played.verdict(FIGURES) == "document.hash"


def test_the_private_paper_is_on_the_ledger_by_its_commitment_alone(played: Played) -> None:
    (played.folder / f"{ward.PRIVATE.file}.salt").rename(played.folder / "salt")
    try:
        assert played.verdict(ward.PRIVATE.file) == "document.salt-missing"
    finally:
        (played.folder / "salt").rename(played.folder / f"{ward.PRIVATE.file}.salt")


def test_sheets_lie_in_the_holders_folders_and_are_those_that_the_ledger_knows(played: Played) -> None:
    pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")
    standings = []
    for folder in ("giay-ocop", "giay-hon-nhan", "giay-quang-trung"):
        for _, place in played.holders(folder):
            (sheet,) = place.glob("*.pdf")
            standings.append(played.verdict(sheet))
    # Revoked and suspended came later: a proof says how it stood when it was fetched; that the days are over, it says itself.
    assert standings == ["status.in-force", "status.expired", *["status.in-force"] * 6]


@pytest.fixture(scope="module")
def after(played: Played) -> Iterator[TestClient]:
    """The demo's ledger, opened again, over HTTP."""
    home = Home(played.folder / "office")
    node = Node(home, Config(), load_keys(home, NODE_KEYS, None))
    try:
        yield TestClient(create_app(node))
    finally:
        node.stop()


def test_the_lot_of_the_story_has_exactly_its_figures(after: TestClient) -> None:
    """5 kg lost on the way, 120 packs never shipped, 18 sold and 42 at the shop: this, and nothing else that is serious."""
    lot = f"01/{goods.DRIED}/10/{goods.DRIED_LOT}"
    told = after.get(f"/v1/findings/{lot}", params={"scope": "trace"}).json()["findings"]
    found = {one["rule"]: one["figures"] for one in told}
    assert [one["rule"] for one in told if one["severity"] == "serious"] == ["recall.reaches-sold"]
    assert {"lost": "5", "sent": "1200", "received": "1195"}.items() <= found["balance.transit-loss"].items()
    assert {"amount": "120", "made": "180", "shipped": "60"}.items() <= found["stock.never-shipped"].items()
    assert {"sold": "18", "at_sellers": "42", "reason": "quality"}.items() <= found[
        "recall.reaches-sold"
    ].items()
    assert set(found) == {"recall.reaches-sold", "balance.transit-loss", "stock.never-shipped"}


def test_the_label_of_the_story_leads_to_the_recall(after: TestClient) -> None:
    page = after.get(goods.PAGE, headers={"accept": "text/html"})
    assert page.status_code == 200
    assert f'data-item="{goods.PAGE[1:]}"' in page.text
    # What the page's script asks for, and shows the banner by.
    trace = after.get(f"/v1/trace{goods.PAGE}", params={"direction": "back", "depth": 16}).json()
    (own,) = [one for one in trace["nodes"] if one["item"] == goods.PAGE[1:]]
    assert (own["status"], own["recall"]["reason"], own["recall"]["by"]) == (
        "recalled",
        "quality",
        goods.COOP,
    )
    lots = after.get(f"/v1/lots/{goods.DRIED}/{goods.DRIED_LOT}").json()["items"]
    assert [(one["status"], one["recalled_by"]) for one in lots] == [("recalled", [goods.COOP])]


def test_it_ends_with_links_for_every_verdict(played: Played) -> None:
    links = re.findall(r"http://127\.0\.0\.1:\d+(/\S*)", played.output)
    assert {"/", "/so-cai", "/van-phong"} <= set(links)
    assert len({link for link in links if link.startswith("/c/")}) >= 6
    assert str(played.folder) in played.output
    # With --once nobody is left to answer there.
    assert "without --once, those pages open" in played.output
    assert "Traceback" not in played.output


def test_every_command_is_shown_before_it_runs(played: Played) -> None:
    shown = re.findall(r"^\$ sogoc (\S+)", played.output, re.MULTILINE)
    assert {
        "init",
        "serve",
        "anchor",
        "verify",
        "certify",
        "revoke",
        "certificate",
        "vault",
        "erase",
        "member",
        "governance",
        "audit",
    } <= set(shown)


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    done = demo("--folder", tmp_path, cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert "demo.folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_command_that_ends_otherwise_ends_the_demo(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 9)
    with pytest.raises(DemoError) as caught:
        stage.run("verify", "nothing.pdf", "--policy", "nothing")
    assert caught.value.rule == "demo.step"
    with pytest.raises(DemoError) as caught:
        stage.prepare(("keygen", "a.pem", "--insecure-no-passphrase"), ("keygen", "a.pem"))
    assert caught.value.rule == "demo.step"


def test_a_node_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(DemoError) as caught, Stage(tmp_path, 9).node("nowhere"):
        pass
    assert caught.value.rule == "demo.node"
    assert "nowhere" in caught.value.detail


def test_without_typst_the_papers_are_plain_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.cli.demo_documents.find_spec", lambda _: None)
    write_documents(tmp_path)
    report = (tmp_path / ward.REPORT.file).read_bytes()
    assert report.startswith(b"%PDF-1.4")
    assert b"UBND phuong Phu Son" in report


def test_the_tables_have_no_mistake() -> None:
    for schema, text, rows in (
        (ward.OCOP, ward.OCOP_TABLE, 4),
        (ward.MARITAL, ward.MARITAL_TABLE, 2),
        (ward.OCOP, ward.SUCCESSORS_TABLE, 2),
    ):
        table = read_table(text.encode(), schemas()[schema])
        assert (table.mistakes, len(table.rows)) == ((), rows)
