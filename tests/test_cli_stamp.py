"""`sogoc document stamp`: the code on the copy leads to the record, and nothing else is changed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pypdf = pytest.importorskip("pypdf", reason="pip install 'sogoc[papers]' to make papers")
pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")

from api.cli import demo_documents, demo_ward, stamps  # noqa: E402  after what may be missing
from api.cli.output import ExitCode, UsageError  # noqa: E402
from api.client import Client  # noqa: E402
from ledger.lookup_code import code_of, grouped  # noqa: E402
from node.service import Node  # noqa: E402
from tests.serving import Done, quiet_logs, serving, sogoc  # noqa: E402
from tests.support import running_node  # noqa: E402

__all__ = ["quiet_logs"]

SITE = "https://so-goc.phuson.example"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, str, Path]]:
    folder = tmp_path_factory.mktemp("papers")
    demo_documents.write_documents(folder)
    with running_node(tmp_path_factory.mktemp("node")) as node, serving(node) as address:
        for paper in (demo_ward.REPORT, demo_ward.NOTICE):
            done = sogoc(
                "anchor", *paper.options, folder / paper.file, "--node", address, "--key", node.home.key("office"), "--json"
            )  # fmt: skip
            assert done.code == ExitCode.GOOD, done.rule
        yield node, address, folder


def stamp(served: tuple[Node, str, Path], name: str, output: Path) -> Done:
    _, address, folder = served
    return sogoc(
        "document", "stamp", folder / name, "-o", output, "--site", SITE, "--node", address, "--json"
    )


def text_of(pdf: bytes) -> str:
    (page,) = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return str(page.extract_text())


def test_a_copy_bears_the_lookup_code_and_the_original_is_as_it_was(
    served: tuple[Node, str, Path], tmp_path: Path
) -> None:
    _, address, folder = served
    original = (folder / demo_ward.REPORT.file).read_bytes()
    done = stamp(served, demo_ward.REPORT.file, tmp_path / "dau.pdf")
    assert done.code == ExitCode.GOOD
    with Client(address) as client:
        info = client.record(bytes.fromhex(done.json["record_id"]))
    assert done.json["code"] == grouped(code_of(info.record_id))
    text = text_of((tmp_path / "dau.pdf").read_bytes())
    for said in (done.json["code"], SITE, demo_ward.REPORT.lines[0]):
        assert said in text
    assert demo_ward.NOTICE.lines[0] not in text
    assert (folder / demo_ward.REPORT.file).read_bytes() == original


def test_nothing_is_overwritten(served: tuple[Node, str, Path], tmp_path: Path) -> None:
    (tmp_path / "dau.pdf").write_bytes(b"mine")
    done = stamp(served, demo_ward.REPORT.file, tmp_path / "dau.pdf")
    assert (done.code, done.rule) == (ExitCode.USAGE, "file.exists")
    assert (tmp_path / "dau.pdf").read_bytes() == b"mine"


def test_what_is_not_on_the_ledger_gets_no_stamp(served: tuple[Node, str, Path], tmp_path: Path) -> None:
    done = stamp(served, demo_ward.DECISION.file, tmp_path / "dau.pdf")
    assert (done.code, done.rule) == (ExitCode.DOES_NOT_MATCH, "document.unknown")
    assert not (tmp_path / "dau.pdf").exists()


def test_where_several_authorities_anchored_it_one_is_named(served: tuple[Node, str, Path]) -> None:
    _, address, folder = served
    file = folder / demo_ward.NOTICE.file
    with Client(address) as client:
        (mine,) = stamps.anchors_of(client, stamps.identifier_of(str(file)))
    other = replace(mine, authority="x")
    with pytest.raises(UsageError) as caught:
        stamps._anchor([mine, other], file, None)
    assert caught.value.rule == "document.several"
    assert stamps._anchor([mine, other], file, "x") is other
