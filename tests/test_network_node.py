"""A validator's node among several, with no engine running: what other engines hand on is judged as at its own door, and lies
are proved by what it has heard.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.entry import NONCE_SIZE, encode_record, sign_entry
from ledger.records import record_types
from ledger.records.base import Record
from ledger.store.view import LedgerView
from node.config import load_config
from node.engine.cometbft.adapter import REFUSED
from node.engine.cometbft.engine import CometBftEngine
from node.engine.cometbft.messages import RECHECK, format_request, parse_request
from node.home import Home, cosigner_of, load_keys
from node.network import load_network
from node.network_init import NETWORK_KEYS, example_organisations, init_network
from node.network_part import NetworkPart
from node.outcomes import Accepted
from node.service import Node, clock_ms
from tests.support import NODE_KEYS

ORIGIN = "door.example/so-goc"
KEYS = (*NODE_KEYS, "engine", *NETWORK_KEYS)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> list[Home]:
    folder = tmp_path_factory.mktemp("network") / "homes"
    members = example_organisations(4)
    init_network(
        folder,
        members,
        origin=ORIGIN,
        hosts=["127.0.0.1"] * 4,
        passphrase=None,
        time_s=int(time.time()),
        config=lambda _: "",
    )
    return [Home(folder / member.id) for member in members]


@pytest.fixture
def node(homes: list[Home], monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """The first validator's node with its engine's adapter; nothing of it runs, so no `cometbft` is needed."""
    monkeypatch.setattr("node.engine.cometbft.engine.find_program", lambda: Path("cometbft"))
    home = homes[0]
    settings, keys = load_network(home.path), load_keys(home, KEYS, None)
    assert settings is not None
    part = NetworkPart(home.path, home.engine, settings, keys["engine"], keys["peer"], keys["tls"])
    made = Node(home, load_config(home.config), keys, network=part)
    yield made
    made.stop()


def entry(node: Node, title: str) -> bytes:
    """A submission with a title that everybody would read."""
    record = encode_record(
        "doc.anchor/1",
        {
            "authority": "ward",
            "hash": secrets.token_bytes(32),
            "media_type": "application/pdf",
            "size": 1,
            "abstract": title,
        },
    )
    return sign_entry(
        load_keys(node.home, ("office",), None)["office"],
        chain_id=node.chain_id,
        nonce=secrets.token_bytes(NONCE_SIZE),
        time_ms=clock_ms(),
        records=[record],
    ).submission()


def handed_on(node: Node, submission: bytes, kind: int = 0) -> tuple[object, object]:
    """What the engine is told of an entry that another engine, or this node, hands it."""
    engine = node.engine
    assert isinstance(engine, CometBftEngine)
    request = parse_request(format_request("check_tx", {"tx": submission, "type": kind}))
    _, answer = engine._server._handler(request)
    return answer.get("code", 0), answer.get("log", "")


def test_what_the_door_refuses_is_not_taken_from_another_engine_either(node: Node) -> None:
    assert handed_on(node, entry(node, "Thông báo tuyển quân")) == (0, "")
    personal = entry(node, "Liên hệ ông An, 0912 345 678")
    (refused,) = node.submit([personal])
    assert getattr(refused, "rule", "") == "privacy.personal-data"
    assert handed_on(node, personal) == (REFUSED, "privacy.personal-data")


def test_it_is_no_rule_of_the_chain(node: Node) -> None:
    """What others have decided on is taken, whatever the door says: else one gate more would split the ledger."""
    node.application.check(entry(node, "Liên hệ ông An, 0912 345 678"), clock_ms())


def test_what_was_acknowledged_goes_its_way_though_the_door_was_mended_since(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    personal = entry(node, "Liên hệ ông An, 0912 345 678")
    with monkeypatch.context() as older:

        def lax(_: Record) -> None:
            """Take everything."""

        older.setattr("node.door.check_public", lax)
        (outcome,) = node.submit([personal])
        assert isinstance(outcome, Accepted)
    assert handed_on(node, personal) == (0, "")
    assert handed_on(node, personal, RECHECK) == (0, "")


def test_a_lie_is_proved_by_what_was_heard_without_looking(
    node: Node, homes: list[Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LedgerView, "signed_backwards", lambda *_: iter(()))
    keys = load_keys(homes[1], ("log", "validator"), None)
    (liar,) = [one for one in node.genesis.validators if one.cosigning_key == keys["validator"].public_key]
    cosigner = cosigner_of(node.genesis, liar, keys["log"], keys["validator"])
    node.take_cosignatures(liar.name, cosigner.sign(node.store.head.size, bytes(32), clock_ms() // 1000))
    (kept,) = node.evidence.all()
    assert (kept.signer, kept.proved) == (liar.name, True)


def test_the_inspectorate_acts_as_an_inspector_alone(homes: list[Home]) -> None:
    """Its key anchors its reports and recalls lots: the role of an office would let it certify copies too."""
    genesis = homes[3].read_genesis()
    (member,) = (one for one in genesis.members if one.id == "inspectorate")
    assert set(member.roles) == {"administrator", "auditor", "inspector", "validator"}
    assert [
        key.roles for key in genesis.keys if key.member == "inspectorate" and "administrator" not in key.roles
    ] == [("inspector",)]
    assert "inspector" in record_types()["doc.anchor/1"].roles
