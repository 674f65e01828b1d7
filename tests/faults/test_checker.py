"""The checker itself: each thing that must never happen, made to look as if it had, is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest
from fastapi.testclient import TestClient

from api.http.app import create_app
from node.home import cosigner_of, load_keys
from node.service import Node, clock_ms
from tests.faults.checker import Checker
from tests.faults.load import Line
from tests.faults.serving import Http
from tests.support import document_record, put, running_node, sign


class InProcess(Http):
    """The same questions, asked without a socket."""

    def __init__(self, node: Node) -> None:
        self._http = TestClient(create_app(node))

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        answer = self._http.request(method, path, content=body)
        return answer.status_code, answer.content


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("checked")) as running:
        for _ in range(5):
            put(running, sign(running), sign(running))
        yield running


def found(node: Node, *book: Line) -> dict[str, int]:
    """What the checker finds, when this is all that was written down."""
    checker = Checker(node.genesis)
    checker.check(InProcess(node), list(book))
    figures = asdict(checker.figures)
    assert len(checker.faults) == sum(
        figures[name] for name in ("lost", "duplicated", "two_roots", "went_back", "other")
    )
    return {name: count for name, count in figures.items() if count and name not in {"final", "checkpoints"}}


def acknowledged(node: Node, **more: object) -> Line:
    entry = sign(node)
    put(node, entry)
    return {"acknowledged": entry.id.hex(), "index": None} | more


def forged(node: Node, size: int) -> str:
    """Another root at some size, by the node's own keys."""
    keys = load_keys(node.home, ("log", "validator"), None)
    cosigner = cosigner_of(node.genesis, node.genesis.validators[0], keys["log"], keys["validator"])
    return cosigner.sign(size, bytes(32), clock_ms() // 1000)


def refused_later(node: Node) -> Line:
    record = document_record()
    first, rival = sign(node, [record]), sign(node, [record])
    node.submit([first.submission(), rival.submission()])
    node.wait(rival.id).result(30)
    return {"acknowledged": rival.id.hex(), "index": None}


def test_a_true_book_is_passed(node: Node) -> None:
    line = acknowledged(node)
    text = node.final.checkpoint_text
    rival = refused_later(node)
    book: list[Line] = [
        {"offered": line["acknowledged"], "rival": False},
        line,
        {"checkpoint": text},
        {"checkpoint": text},
        {"offered": rival["acknowledged"], "rival": True},
        rival,
        {"wrong": "00" * 32},
    ]
    assert found(node, *book) == {"offered": 2, "acknowledged": 2, "refused": 1}


FAULTS: dict[str, tuple[Callable[[Node], list[Line]], str]] = {
    "acknowledged and unknown": (lambda node: [{"acknowledged": sign(node).id.hex(), "index": None}], "lost"),
    "acknowledged and refused without cause": (lambda node: [refused_later(node)], "lost"),
    "final somewhere else": (lambda node: [acknowledged(node, index=2)], "lost"),
    "another root at a size": (lambda node: [{"checkpoint": forged(node, node.final.size)}], "two_roots"),
    "a root at a size that no block has": (lambda node: [{"checkpoint": forged(node, 3)}], "two_roots"),
    "a root that nobody signed": (
        lambda node: [
            {
                "checkpoint": node.final.checkpoint_text.replace(
                    f"\n{node.final.size}\n", f"\n{node.final.size - 3}\n"
                )
            }
        ],
        "other",
    ),
    "a checkpoint that went back": (
        lambda node: [
            {"checkpoint": node.final.checkpoint_text},
            {"checkpoint": node.store.signed_checkpoint(2)},
        ],
        "went_back",
    ),
    "an entry that is against the rules": (
        lambda node: [{"wrong": acknowledged(node)["acknowledged"]}],
        "other",
    ),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_what_must_not_happen_is_found(node: Node, fault: str) -> None:
    make, kind = FAULTS[fault]
    assert kind in found(node, *make(node))


def test_an_entry_that_stands_twice_is_found(node: Node) -> None:
    line = acknowledged(node)
    checker = Checker(node.genesis)
    # The rules let no entry in twice, and the checker executes by them: so it is told that it has met this one before.
    checker.places[line["acknowledged"]] = 1
    checker.check(InProcess(node), [line])
    assert checker.figures.duplicated == 1
