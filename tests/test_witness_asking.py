"""Asking outside witnesses: a node, and witnesses over HTTP that are honest, slow, behind, ahead or lying."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from api.http.app import create_app
from ledger import checkpoint as checkpoints
from ledger import note as notes
from ledger.errors import LedgerError
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, VerifierKey
from ledger.policy import Group, Policy, Witness
from ledger.witnessing import format_size, parse_request
from node.config import ConfigError
from node.metrics import Metrics
from node.service import Node
from node.witness.acting import Witness as ActingWitness
from node.witness.acting import WitnessConflictError
from node.witness.asking import MAX_WITNESSES, OutsideLink, load_witnesses
from node.witness.book import create_book
from tests.serving import serving
from tests.support import ORIGIN, make_home, make_node, put, running_node, sign
from tests.witnesses import KEY, VKEY, WardLog, open_witness, witness_home

SECONDS = 20.0


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


# -- one link, one request at a time, over a transport that is a function --------------------------------------------------


@dataclass
class Asked:
    """A link to a witness that answers by a function, and what it has kept."""

    link: OutsideLink
    kept: list[tuple[int, int]]
    metrics: Metrics


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("asking")) as node:
        for _ in range(3):
            put(node, sign(node))
        yield node


@pytest.fixture
def true_witness(tmp_path: Path, node: Node) -> ActingWitness:
    home = witness_home(tmp_path / "witness")
    (home.witnessed / "ledger").write_text(node.policy.format())
    return open_witness(home)


def said(status: int, text: str) -> httpx.Response:
    """An answer that is still to be read, as one from a network is."""
    return httpx.Response(status, stream=httpx.ByteStream(text.encode()))


def always(status: int, text: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: said(status, text)


def answered(witness: ActingWitness) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        try:
            return said(200, witness.add_checkpoint(request.read()))
        except WitnessConflictError as error:
            return said(409, format_size(error.size))
        except LedgerError as error:
            return said(422, error.rule)

    return answer


def asking(
    node: Node, answer: Callable[[httpx.Request], httpx.Response], *, refresh_seconds: float = 600
) -> Asked:
    kept: list[tuple[int, int]] = []
    metrics = Metrics()

    def keep(size: int, key: VerifierKey, signature: notes.NoteSignature) -> None:
        text = checkpoints.parse(node.final.checkpoint_text).note.text
        kept.append((size, checkpoints.verify_cosignature(text, signature, key)))

    link = OutsideLink(
        Witness("province", VKEY, "https://tinh.example/witness/"),
        lambda: node.finality.final,
        keep,
        metrics=metrics,
        refresh_seconds=refresh_seconds,
        transport=httpx.MockTransport(answer),
    )
    return Asked(link, kept, metrics)


def problem(asked: Asked) -> str:
    with pytest.raises(LedgerError) as caught:
        asked.link.ask()
    assert asked.kept == []
    return caught.value.rule


def test_a_witness_that_knows_nothing_yet(node: Node, true_witness: ActingWitness) -> None:
    asked = asking(node, answered(true_witness))
    asked.link.ask()
    size = node.final.size
    assert [one[0] for one in asked.kept] == [size]
    assert true_witness.seen()[0].size == size
    assert (asked.link.state.size, asked.link.state.problem) == (size, "")
    asked.link.ask()  # nothing new: nothing is asked
    assert len(asked.kept) == 1


def test_a_witness_that_was_told_before_is_told_from_there(node: Node, true_witness: ActingWitness) -> None:
    """After a restart a node does not know what the witness has seen; the witness says so."""
    asking(node, answered(true_witness)).link.ask()
    put(node, sign(node))
    requests: list[tuple[int, int]] = []
    honest = answered(true_witness)

    def noted(request: httpx.Request) -> httpx.Response:
        read = parse_request(request.read())
        requests.append((read.old_size, read.checkpoint.size))
        assert str(request.url) == "https://tinh.example/witness/add-checkpoint"
        return honest(request)

    before = true_witness.seen()[0].size
    asked = asking(node, noted)
    asked.link.ask()
    assert requests == [(0, node.final.size), (before, node.final.size)]
    assert asked.kept[0][0] == node.final.size


def test_a_checkpoint_that_stays_the_newest_is_cosigned_again(
    node: Node, true_witness: ActingWitness
) -> None:
    asked = asking(node, answered(true_witness), refresh_seconds=0)
    asked.link.ask()
    asked.link.ask()
    assert [one[0] for one in asked.kept] == [node.final.size] * 2


def text_of(node: Node) -> str:
    return checkpoints.parse(node.final.checkpoint_text).note.text


def test_what_a_lying_witness_answers_is_not_kept(node: Node) -> None:
    stranger = SigningKey.from_seed(b"\x66" * 32)
    body = text_of(node)
    other_body = checkpoints.body(ORIGIN, node.final.size, bytes(32))
    forged = notes.NoteSignature(VKEY.name, VKEY.key_id, bytes(72))
    ahead = int(time.time()) + 3_600
    for line, rule in (
        ("", "note.no-signatures"),
        ("nonsense\n", "note.signature-line"),
        (checkpoints.cosign(body, VKEY.name, stranger, 5).line, "witness.not-cosigned"),
        (checkpoints.cosign(other_body, VKEY.name, KEY, 5).line, "signature.mismatch"),
        (forged.line, None),
        (checkpoints.cosign(body, VKEY.name, KEY, ahead).line, "witnesses.time"),
        ("x" * 20_000, "witnesses.answer"),
    ):
        asked = asking(node, always(200, line))
        found = problem(asked)
        assert rule is None or found == rule or found.split(".")[0] == rule.split(".")[0], (line, found)


def test_what_a_witness_may_answer_instead(node: Node) -> None:
    size = node.final.size

    def conflict(known: int) -> Callable[[httpx.Request], httpx.Response]:
        return lambda _: said(409, f"{known}\n")

    assert problem(asking(node, conflict(size + 1))) == "witnesses.ahead"
    assert problem(asking(node, conflict(0))) == "witnesses.other-root"
    assert problem(asking(node, lambda _: said(409, "soon\n"))) == "witness.size"
    assert problem(asking(node, lambda _: said(404, "who?"))) == "witnesses.refused"
    sizes = iter(range(1, size))
    assert problem(asking(node, lambda _: said(409, f"{next(sizes)}\n"))) == "witnesses.moving"

    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody there")

    link = asking(node, away).link
    with pytest.raises(httpx.ConnectError):
        link.ask()


# -- the list ------------------------------------------------------------------------------------------------------------


def other_vkey(number: int) -> str:
    key = SigningKey.from_seed(bytes([number]) * 32)
    return VerifierKey(f"w{number}.example", COSIGNING_KEY, key.public_key).vkey


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (f"witness a {VKEY.vkey}\n", "witnesses.url"),
        (f"witness a {VKEY.vkey} gopher://a\n", "witnesses.url"),
        (f"witness a {VKEY.vkey} https://a.example", "witnesses.policy"),
        (f"witness a {VKEY.vkey} https://a.example\nquorum a\n", "witnesses.policy"),
        (f"witness a {VKEY.vkey} https://a.example\ngroup g any a\n", "witnesses.line"),
        (WardLog().policy.replace("quorum none\n", ""), "witnesses.line"),
        (
            "".join(
                f"witness w{one} {other_vkey(one)} https://w.example\n" for one in range(MAX_WITNESSES + 1)
            ),
            "witnesses.many",
        ),
    ],
)
def test_a_list_that_is_wrong(tmp_path: Path, text: str, rule: str) -> None:
    (tmp_path / "witnesses").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_witnesses(tmp_path / "witnesses")
    assert caught.value.rule == rule


def test_no_list_asks_nobody(tmp_path: Path) -> None:
    assert load_witnesses(tmp_path / "witnesses") == ()


# -- a ward's node and a province's, over HTTP ----------------------------------------------------------------------------


def test_a_province_witnesses_a_ward_and_receipts_carry_it(tmp_path: Path) -> None:
    ward_home = make_home(tmp_path / "node")
    with running_node(tmp_path / "province") as province:
        home = province.home
        create_book(home, VKEY)
        home.witnessed.mkdir()
        (home.witnessed / "ward").write_bytes(ward_home.policy.read_bytes())
        witness = ActingWitness(
            home,
            KEY,
            evidence=province.evidence,
            metrics=province.metrics,
            clock_ms=lambda: time.time_ns() // 10**6,
        )
        with serving(province, witness=witness) as address:
            ward_home.witnesses.write_text(f"witness province {VKEY.vkey} {address}\n")
            node = make_node(tmp_path)
            try:
                node.start()
                entry = sign(node)
                put(node, entry)
                until(lambda: witness.seen() != [] and witness.seen()[0].size == node.final.size)
                until(lambda: VKEY.name in node.final.checkpoint_text)
                check_receipt(node, entry.records[0])
                assert [(one.name, one.size, one.problem) for one in node.outside] == [
                    ("province", node.final.size, "")
                ]
                with TestClient(create_app(node)) as http:
                    assert http.get("/v1/witness").json()["outside"][0]["size"] == node.final.size
                    assert VKEY.name in http.get("/checkpoint").text
                    assert 'sogoc_outside_size{witness="province"}' in http.get("/metrics").text
                size = node.final.size
            finally:
                node.stop()
            # Kept over a restart, while the witness is away.
            again = make_node(tmp_path)
            try:
                assert again.final.size == size
                assert VKEY.name in again.final.checkpoint_text
                check_receipt(again, entry.records[0])
            finally:
                again.stop()
            answer = httpx.get(f"{address}/v1/witness").json()
            assert (answer["vkey"], answer["ledgers"][0]["size"]) == (VKEY.vkey, size)


def check_receipt(node: Node, record: bytes) -> None:
    """Whoever trusts the province, and asks for its cosignature, finds it in the receipt."""
    place = node.final.place(leaf_hash(record))
    assert place is not None
    receipt = node.final.receipt(place)
    own = node.policy
    asks = Policy(
        own.logs,
        (*own.witnesses, Witness("province", VKEY)),
        (*own.groups, Group("both", 2, (own.quorum, "province"))),
        "both",
    )
    checked = asks.check(node.final.checkpoint_text)
    assert "province" in [name for name, _ in checked.cosignatures]
    assert receipt.proof.checkpoint_text == node.final.checkpoint_text


def test_finality_waits_for_no_witness(tmp_path: Path) -> None:
    """One that takes connections and never answers."""
    home = make_home(tmp_path / "node")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        home.witnesses.write_text(f"witness province {VKEY.vkey} http://127.0.0.1:{port}\n")
        node = make_node(tmp_path)
        try:
            node.start()
            put(node, sign(node), seconds=5)
            put(node, sign(node), seconds=5)
        finally:
            silent.close()
            started = threading.active_count()
            node.stop()
        assert threading.active_count() <= started
