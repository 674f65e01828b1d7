"""The gateway: capture, jobs, privacy, being offline, restarts, and a machine that is switched off at any moment."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.client import Client
from api.gateway.capturing import Capturer
from api.gateway.journal import Fault, Journal, Kind, New
from api.gateway.privacy import Privacy
from api.gateway.sealed import Kept, Sealed, read_sealed
from api.gateway.sending import Sender
from api.gateway.serving import BASE, Gateway, create_gateway_app
from ledger.encoding import decode
from ledger.epcis import record
from ledger.epcis.json_text import parse_object
from ledger.epcis.reading import parse
from ledger.epcis.vocabulary import CONTEXT
from ledger.errors import FormatError, RefusedError, StoreCorruptError, StoreError, StoreLockedError
from ledger.keys import SigningKey
from ledger.records import parse_record
from ledger.records.events import CAPTURE, DECLARED_ERROR, EVENT_LOOKUP, TIME_LOOKUP, event, event_identifier
from ledger.rows import SubjectRow, subject_key
from node import keyfiles
from node.receipts import parse_place
from node.service import Node
from tests.field import COOP, field_node, gtin_lot, object_event, transaction_event
from tests.processes import to_be_killed
from tests.serving import quiet_logs, serving, sogoc
from tests.support import put, retire_key, sign

__all__ = ["quiet_logs"]

SECRET = b"s" * 32
SENSED = [{"sensorReport": [{"type": "Temperature"}]}]
NOWHERE = "http://127.0.0.1:9"
BUYER: dict[str, Any] = {
    "destinationList": [{"type": "owning_party", "destination": "urn:epc:id:pgln:8938500.00010"}]
}


def document(*events: dict[str, Any], **members: Any) -> bytes:  # noqa: ANN401
    value = {
        "@context": [CONTEXT, {"example": "https://ns.example.com/epcis/"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2025-03-01T00:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }
    return json.dumps(value | members).encode()


def pieces(count: int) -> list[str]:
    return [f"urn:epc:id:sgtin:893850.0000001.{number}" for number in range(count)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, SigningKey, str]]:
    home = tmp_path_factory.mktemp("gateway")
    with field_node(home, requests_per_address_per_minute=0) as (node, key), serving(node) as address:
        yield node, key, address


@dataclass
class Desk:
    """A gateway that is asked in this process, and sends when told."""

    gateway: Gateway
    http: TestClient

    @property
    def journal(self) -> Journal:
        return self.gateway.journal

    def capture(self, data: bytes, **headers: str) -> httpx.Response:
        answer: httpx.Response = self.http.post(
            f"{BASE}/capture", content=data, headers={"content-type": "application/json"} | headers
        )
        return answer

    def taken(self, data: bytes, **headers: str) -> dict[str, Any]:
        answer = self.capture(data, **headers)
        assert answer.status_code == 202, answer.text
        return self.job(answer)

    def job(self, answer: httpx.Response) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(answer.headers["location"]).json()
        return found


@contextmanager
def desk(
    directory: Path, key: SigningKey, address: str = NOWHERE, privacy: Privacy | None = None
) -> Iterator[Desk]:
    with Journal.open(directory) as journal, Sealed(directory / "events.sealed", SECRET) as sealed:
        sender = Sender(
            journal, key, connect=lambda: Client(address, repeats=0, timeout=10.0), clock=lambda: 0.0
        )
        gateway = Gateway(
            Capturer(journal, sealed, SECRET, privacy or Privacy()),
            sender,
            address,
            now_ms=lambda: 1_700_000_000_000,
        )
        with TestClient(create_gateway_app(gateway), base_url="http://127.0.0.1:8585") as http:
            yield Desk(gateway, http)


def records_about(node: Node, identity: bytes) -> int:
    return sum(1 for _ in node.final.view.lookup(EVENT_LOOKUP + identity))


def identity_of(value: dict[str, Any], **hiding: Any) -> bytes:  # noqa: ANN401
    return event_identifier(record.body(COOP, parse(json.dumps(value).encode()).json, **hiding))


# -- capture and jobs ------------------------------------------------------------------------------------------------------


def test_what_is_captured_is_on_the_ledger(tmp_path: Path, made: tuple[Node, SigningKey, str]) -> None:
    node, key, address = made
    events = [object_event(lot="CAP", hour=hour) for hour in range(3)]
    with desk(tmp_path, key, address) as here:
        job = here.taken(document(*events))
        assert (job["running"], job["recorded"], job["total"]) == (True, 0, 3)
        assert here.gateway.sender.send()
        (same,) = here.http.get(f"{BASE}/capture").json()
        assert same == here.http.get(f"{BASE}/capture/{job['captureID']}").json()
        assert (same["running"], same["success"], same["recorded"], same["errors"]) == (False, True, 3, [])
        assert here.journal.depth() == 0
    for value in events:
        identity = identity_of(value)
        ((_, place),) = node.final.view.lookup(EVENT_LOOKUP + identity)
        kept = parse_record(node.final.record(parse_place(place)))
        record.read(kept.body)
        assert kept.authority == COOP
    # One signature covered all three.
    places = {
        parse_place(next(node.final.view.lookup(EVENT_LOOKUP + identity_of(one)))[1]).index for one in events
    }
    assert len(places) == 1


def test_the_same_event_is_recorded_once(tmp_path: Path, made: tuple[Node, SigningKey, str]) -> None:
    node, key, address = made
    value = object_event(lot="ONCE")
    again = value | {
        "eventID": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "recordTime": "2025-04-01T00:00:00Z",
    }
    with desk(tmp_path, key, address) as here:
        first = here.taken(document(value, again))
        second = here.taken(document(again))
        assert here.journal.depth() == 1
        here.gateway.sender.send()
        third = here.taken(document(value))
        for job in (first, second, third):
            answer = here.http.get(f"{BASE}/capture/{job['captureID']}").json()
            assert (answer["running"], answer["success"]) == (False, True)
    # A gateway that has lost its journal captures it once more, and the ledger still has it once.
    with desk(tmp_path / "other", key, address) as here:
        job = here.taken(document(value))
        here.gateway.sender.send()
        assert here.http.get(f"{BASE}/capture/{job['captureID']}").json()["success"] is True
    assert records_about(node, identity_of(value)) == 1


def test_a_document_is_taken_whole_or_not_at_all(tmp_path: Path, made: tuple[Node, SigningKey, str]) -> None:
    _, key, address = made
    good, bad = object_event(lot="ALL"), object_event(lot="ALL", action="EAT")
    with desk(tmp_path, key, address) as here:
        answer = here.capture(document(good, bad))
        assert (answer.status_code, answer.json()["code"]) == (400, "epcis.action")
        assert "/epcisBody/eventList/1/action" in answer.json()["detail"]
        assert [error["instance"] for error in answer.json()["errors"]] == ["/epcisBody/eventList/1"]
        assert here.journal.depth() == 0
        assert here.http.get(f"{BASE}/capture").json() == []
        job = here.taken(document(good, bad), **{"gs1-capture-error-behaviour": "proceed"})
        assert (job["success"], [error["code"] for error in job["errors"]]) == (False, ["epcis.action"])
        assert here.gateway.sender.send()
        done = here.http.get(f"{BASE}/capture/{job['captureID']}").json()
        assert (done["running"], done["recorded"], done["total"]) == (False, 1, 2)
        alone = here.taken(document(bad), **{"gs1-capture-error-behaviour": "proceed"})
        assert (alone["running"], alone["recorded"]) == (False, 0)


def test_one_event_by_itself(tmp_path: Path, made: tuple[Node, SigningKey, str]) -> None:
    _, key, address = made
    with desk(tmp_path, key, address) as here:
        stop = threading.Event()

        def send_on() -> None:
            while not stop.wait(0.05):
                here.gateway.sender.send()

        thread = threading.Thread(target=send_on)
        thread.start()
        try:
            headers = {"content-type": "application/ld+json"}
            value = json.dumps(object_event(lot="SOLO"))
            answer = here.http.post(f"{BASE}/events", content=value, headers=headers)
            assert answer.status_code == 201, answer.text
            found = here.http.get(answer.headers["location"])
            assert found.json()["bizStep"] == "commissioning"
            refused = here.http.post(f"{BASE}/events", content=document(), headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (400, "epcis.type")
        finally:
            stop.set()
            thread.join()


def test_an_error_declaration(tmp_path: Path, made: tuple[Node, SigningKey, str]) -> None:
    node, key, address = made
    value = object_event(lot="ERR", **BUYER)
    declared = value | {
        "errorDeclaration": {"declarationTime": "2025-04-01T00:00:00Z", "reason": "did_not_occur"}
    }
    with desk(tmp_path, key, address) as here:
        here.taken(document(declared))
        assert here.journal.depth() == 2
        assert here.gateway.sender.send()
        assert here.journal.depth() == 0
        again = here.taken(document(declared))
        assert (again["running"], again["success"]) == (False, True)
    identity = identity_of(value, hide=["/destinationList"], secret=SECRET)
    row = node.final.view.get(subject_key(*event(COOP, identity)))
    assert row is not None
    assert SubjectRow.parse(row).status == DECLARED_ERROR
    assert records_about(node, identity) == 2


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "epcis.json"),
        (b"[]", 400, "epcis.json"),
        (b"<epcis/>", 400, "epcis.json"),
        (b"[" * 100_000, 400, "epcis.depth"),
        (b'{"a":' * 100_000, 400, "epcis.depth"),
        (b'{"type":"EPCISDocument","type":"x"}', 400, "epcis.name-twice"),
        (b'{"type":1e999999999}', 400, "epcis.number"),
        (b'{"type":' + b"9" * 5_000 + b"}", 400, "epcis.number"),
        (b'{"type":NaN}', 400, "epcis.number"),
        (b'{"type":"EPCISDocument"}', 400, "epcis.missing"),
        (document(schemaVersion="1.2"), 400, "epcis.version"),
        (document(*[object_event()] * 1_001), 413, "epcis.events-many"),
        (document(object_event(epcList=pieces(10_000))), 400, "epcis.things-many"),
        (document(object_event(epcList=pieces(300))), 400, "epcis.things-many"),
        (document(object_event(**{"example:note": "x" * 61_000})), 400, "epcis.event-size"),
        (document(object_event(**{"example:deep": json.loads("[" * 40 + "]" * 40)})), 400, "epcis.depth"),
        (document(object_event(quantityList=[{"epcClass": "https://id.gs1.org/01/08938500000011"}])), 400, "gs1.check-digit"),
        (document(object_event(quantityList=[], sensorElementList=SENSED)), 400, "epcis.no-things"),
    ],
)  # fmt: skip
def test_hostile_documents(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, status: int, code: str
) -> None:
    with desk(tmp_path_factory.mktemp("hostile"), SigningKey.from_seed(bytes(32))) as here:
        answer = here.capture(data)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert here.journal.depth() == 0


def test_what_is_not_a_capture(tmp_path: Path) -> None:
    with desk(tmp_path, SigningKey.from_seed(bytes(32))) as here:

        def refusal(answer: httpx.Response) -> tuple[int, str]:
            return answer.status_code, answer.json()["code"]

        http = here.http
        assert refusal(
            http.post(f"{BASE}/capture", content=b"<x/>", headers={"content-type": "application/xml"})
        ) == (
            415,
            "http.media-type",
        )
        assert refusal(here.capture(document(), **{"gs1-capture-error-behaviour": "hope"})) == (
            400,
            "gateway.behaviour",
        )
        for name in ("0", "zz" * 8, "0" * 15 + "9"):
            assert refusal(http.get(f"{BASE}/capture/{name}")) == (404, "gateway.job-unknown")
        assert refusal(http.get(f"{BASE}/capture", params={"x": "1"})) == (400, "epcis.query-parameter")
        assert refusal(http.get("/elsewhere")) == (404, "http.not-found")
        assert refusal(http.get(f"{BASE}/events")) == (503, "node.unreachable")
        for path in ("/capture", "/events", ""):
            options = http.options(f"{BASE}{path}")
            assert (options.status_code, options.headers["gs1-epcis-capture-limit"]) == (204, "1000")
            assert options.headers["gs1-capture-error-behaviour"] == "rollback, proceed"
        many = here.capture(document(*[object_event()] * 1_001))
        assert (many.status_code, many.headers["gs1-epcis-capture-limit"]) == (413, "1000")
        assert http.get("/healthz").json() == {"alive": True, "waiting": 0, "problem": None}


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "192.168.1.7:8585"},
        {"host": ""},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_other_machines_and_pages_get_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    with desk(tmp_path, SigningKey.from_seed(bytes(32))) as here:
        answer = here.capture(document(object_event()), **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "gateway.not-local")
        assert here.journal.depth() == 0


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"gs1-epcis-version": "2.0.0", "gs1-cbv-version": "2.0"}, 202, ""),
        ({"gs1-epcis-version": "2.0.1"}, 415, "epcis.content-version"),
        ({"gs1-epcis-version": "1.2"}, 415, "epcis.content-version"),
        ({"gs1-cbv-version": "1.2"}, 415, "epcis.content-version"),
        ({"gs1-epcis-max": "1.2"}, 406, "epcis.version-range"),
        ({"gs1-epc-format": "Always_EPC_URN"}, 406, "epcis.epc-format"),
        ({"content-type": "application/ld+json; charset=utf-8"}, 202, ""),
        ({"content-type": "text/plain"}, 415, "http.media-type"),
    ],
)
def test_what_is_said_of_a_document(tmp_path: Path, headers: dict[str, str], status: int, code: str) -> None:
    with desk(tmp_path, SigningKey.from_seed(bytes(32))) as here:
        answer = here.capture(document(object_event()), **headers)
        assert answer.status_code == status, answer.text
        assert here.journal.depth() == (1 if status == 202 else 0)
        if code:
            assert answer.json()["code"] == code
            assert answer.headers["content-type"] == "application/problem+json"


def test_a_node_is_asked_as_the_gateway_is(tmp_path: Path, made: tuple[Node, SigningKey, str]) -> None:
    _, key, address = made
    with desk(tmp_path, key, address) as here:
        told = here.taken(document(object_event(lot="TIENTO", **{"example:note": "khô"})))
        here.gateway.sender.send()
        asked = {"EQ_e:note": "khô"}
        answer = here.http.get(
            f"{BASE}/events", params=asked, headers={"gs1-extensions": "e=https://ns.example.com/epcis/"}
        )
        found = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        assert [event["example:note"] for event in found] == ["khô"]
        refused = here.http.get(f"{BASE}/events", params=asked)
        assert (refused.status_code, refused.json()["code"]) == (400, "epcis.query-prefix")
        assert told["total"] == 1


def test_only_what_is_wrong_in_a_document_is_left_out_and_each_is_told_why(tmp_path: Path) -> None:
    """Sensors without goods, a line of 10,000 EPCs, a wrong digit: each its own error; the good one waits to be sent."""
    events = [
        object_event(quantityList=[], sensorElementList=SENSED),
        object_event(),
        object_event(epcList=pieces(10_000)),
        object_event(quantityList=[{"epcClass": "https://id.gs1.org/01/08938500000011"}]),
    ]
    with desk(tmp_path, SigningKey.from_seed(bytes(32))) as here:
        job = here.taken(document(*events), **{"gs1-capture-error-behaviour": "proceed"})
        assert [(one["code"], one["instance"]) for one in job["errors"]] == [
            ("epcis.no-things", "/epcisBody/eventList/0"),
            ("epcis.things-many", "/epcisBody/eventList/2"),
            ("gs1.check-digit", "/epcisBody/eventList/3"),
        ]
        assert here.journal.depth() == 1


def test_jobs_are_listed_in_pages(tmp_path: Path) -> None:
    with desk(tmp_path, SigningKey.from_seed(bytes(32))) as here:
        names = [here.taken(document(object_event(hour=hour)))["captureID"] for hour in range(5)]
        found: list[str] = []
        address = f"{BASE}/capture?perPage=2"
        while address:
            answer = here.http.get(address)
            found += [job["captureID"] for job in answer.json()]
            link = answer.headers.get("link", "")
            address = link.partition(">")[0].removeprefix("<")
        assert found == names[::-1]


# -- privacy ---------------------------------------------------------------------------------------------------------------


def test_what_is_hidden_unless_one_says_otherwise() -> None:
    value = object_event(
        action="ADD",
        bizTransactionList=[{"bizTransaction": "urn:epcglobal:cbv:bt:8938500000003:1"}],
        **BUYER,
        **{
            "example:unitPrice": 25000,
            "example:gia_ban": 1,
            "example:weather": "rain",
            "example:details": {"example:plot": "12", "example:soil": "red"},
            "ilmd": {"example:householdName": "A", "example:variety": "Queen"},
        },
    )
    parts = {
        "/bizTransactionList",
        "/destinationList",
        "/example:unitPrice",
        "/example:gia_ban",
        "/example:details/example:plot",
        "/ilmd/example:householdName",
    }
    assert Privacy().parts(value) == parts
    assert Privacy.chosen(nothing=True).parts(value) == frozenset()
    assert Privacy.chosen(show=["destinationList"]).parts(value) == parts - {"/destinationList"}
    assert Privacy.chosen(hide=["ilmd", "/readPoint", "/nothing/here"]).parts(value) == (
        parts - {"/ilmd/example:householdName"} | {"/ilmd", "/readPoint"}
    )


@pytest.mark.parametrize("name", ["epcList", "eventTime", "type", "", "a b", "/@context/x", "@context"])
def test_what_can_never_be_hidden(name: str) -> None:
    with pytest.raises(FormatError) as refused:
        Privacy.chosen(hide=[name])
    assert refused.value.rule == "gateway.privacy"


def test_nothing_hidden_leaves_the_machine_or_lies_open_on_it(
    tmp_path: Path, made: tuple[Node, SigningKey, str]
) -> None:
    node, key, address = made
    value = transaction_event(**BUYER, **{"example:price": "73519"})
    with desk(tmp_path, key, address) as here:
        here.taken(document(value))
        here.gateway.sender.send()
        assert here.journal.depth() == 0
    private = (b"73519", b"8938500.00010", b"4711")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not any(text in path.read_bytes() for text in private), path
    identity = identity_of(
        value, hide=["/bizTransactionList", "/destinationList", "/example:price"], secret=SECRET
    )
    ((_, place),) = node.final.view.lookup(EVENT_LOOKUP + identity)
    raw = node.final.record(parse_place(place))
    assert not any(text in raw for text in private)
    assert parse_record(raw).body["hidden_count"] == 3
    kept = read_sealed(tmp_path / "events.sealed", SECRET, identity)
    assert kept is not None
    assert parse_object(kept.whole, max_bytes=100_000)["example:price"] == "73519"


def test_a_sealed_file_that_was_cut_short_or_changed(tmp_path: Path) -> None:
    path = tmp_path / "events.sealed"
    items = [Kept(bytes([n]) * 32, ("/a",), b"{}" * n) for n in range(1, 4)]
    with Sealed(path, SECRET) as sealed:
        sealed.append(items[:2])
    whole = path.read_bytes()
    with Sealed(path, SECRET) as sealed:
        sealed.append(items[2:])
    for cut in range(len(whole), path.stat().st_size):
        path.write_bytes(path.read_bytes()[:cut] if cut > len(whole) else whole)
        assert read_sealed(path, SECRET, items[1].identity) == items[1]
        assert read_sealed(path, SECRET, items[2].identity) is None
        with Sealed(path, SECRET) as sealed:
            sealed.append(items[2:])
        assert read_sealed(path, SECRET, items[2].identity) == items[2]
    with pytest.raises(StoreCorruptError):
        read_sealed(path, b"t" * 32, items[0].identity)
    data = bytearray(whole)
    data[60] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreCorruptError):
        read_sealed(path, SECRET, items[0].identity)
    assert read_sealed(tmp_path / "none", SECRET, items[0].identity) is None


def test_a_share_from_the_command_line(tmp_path: Path, made: tuple[Node, SigningKey, str]) -> None:
    node, key, address = made
    key_file, state = tmp_path / "key.pem", tmp_path / "state"
    keyfiles.save(key_file, key, None)
    secret = keyfiles.generate(make_directory(state) / "event-secret.pem", None).seed
    value = object_event(lot="SHARE", **BUYER, **{"example:price": 88123})
    with Journal.open(state) as journal, Sealed(state / "events.sealed", secret) as sealed:
        job, (name,) = Capturer(journal, sealed, secret, Privacy()).capture(
            document(value), proceed=False, time_ms=1
        )
        assert job.total == 1
        assert Sender(journal, key, connect=lambda: Client(address)).send()
    common: list[str | Path] = ["--key", key_file, "--node", address, "--state", state]
    listed = sogoc("gateway", "share", name, *common, "--json")
    assert listed.json == {"hidden": ["/destinationList", "/example:price"]}
    share = tmp_path / "price.sogoc-share"
    done = sogoc("gateway", "share", name, *common, "--show", "/example:price", "--out", share, "--json")
    assert (done.code, done.json["shown"]) == (0, ["/example:price"])
    assert b"pgln" not in share.read_bytes()
    policy = node.home.policy
    checked = sogoc("gateway", "check", share, "--policy", policy, "--json")
    assert checked.code == 0
    assert (checked.json["shown"], checked.json["hidden"]) == ({"/example:price": "88123"}, 2)
    assert sogoc("gateway", "check", share, "--policy", policy).code == 0
    verified = sogoc("verify", share, "--policy", policy, "--json")
    assert (verified.code, verified.json["code"]) == (0, "status.in-force")
    assert verified.json["shown"] == {"/example:price": "88123"}
    assert "88123" in sogoc("verify", share, "--policy", policy).output
    good = share.read_bytes()
    share.write_bytes(good.replace(b"88123", b"11111"))
    assert sogoc("gateway", "check", share, "--policy", policy).rule == "share.proof"
    forged = sogoc("verify", share, "--policy", policy, "--json")
    assert (forged.code, forged.json["code"]) == (1, "share.proof")
    assert "shown" not in forged.json
    share.write_bytes(good[:-9])
    assert sogoc("verify", share, "--policy", policy, "--json").code == 3
    assert (
        sogoc("gateway", "share", name, *common, "--show", "/x", "--out", tmp_path / "x").rule
        == "epcis.hide-unknown"
    )
    other = "urn:sogoc:event:" + "00" * 32
    assert sogoc("gateway", "share", other, *common).rule == "gateway.not-kept"
    assert sogoc("gateway", "share", "urn:x:y", *common).rule == "gateway.event"


def make_directory(path: Path) -> Path:
    path.mkdir()
    return path


# -- offline, restarts, refusals -------------------------------------------------------------------------------------------


def test_what_is_captured_offline_is_sent_later(tmp_path: Path, made: tuple[Node, SigningKey, str]) -> None:
    node, key, address = made
    value = object_event(lot="LATER")
    with desk(tmp_path, key) as here:
        job = here.taken(document(value))
        assert not here.gateway.sender.send()
        answer = here.http.get(f"{BASE}/capture/{job['captureID']}").json()
        assert (answer["running"], answer["waitingBecause"]["code"]) == (True, "node.unreachable")
        assert here.http.get("/healthz").json()["problem"]["code"] == "node.unreachable"
    with desk(tmp_path, key, address) as here:
        assert here.journal.depth() == 1
        assert here.gateway.sender.send()
        assert here.http.get(f"{BASE}/capture/{job['captureID']}").json()["success"] is True
        found = here.http.get(f"{BASE}/events", params={"MATCH_epcClass": gtin_lot(lot="LATER")})
        assert len(found.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) == 1
        assert here.http.get(f"{BASE}/events", params={"x": "1"}).json()["code"] == "epcis.query-parameter"
    assert records_about(node, identity_of(value)) == 1


class LostAnswerError(Exception):
    """The answer never came."""


def test_an_entry_whose_answer_was_lost_is_sent_again_as_it_was(
    tmp_path: Path, made: tuple[Node, SigningKey, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    node, key, address = made
    value = object_event(lot="LOST")
    with desk(tmp_path, key, address) as here:
        here.taken(document(value))
        real = Client.submit

        def submit_and_lose(self: Client, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            real(self, *arguments, **named)
            raise LostAnswerError

        monkeypatch.setattr(Client, "submit", submit_and_lose)
        with pytest.raises(LostAnswerError):
            here.gateway.sender.send()
        monkeypatch.undo()
        assert len(here.journal.signed()) == 1
    with desk(tmp_path, key, address) as here:
        assert here.gateway.sender.send()
        assert here.journal.depth() == 0
    assert records_about(node, identity_of(value)) == 1


def test_an_event_at_fault_does_not_stop_the_others(
    tmp_path: Path, made: tuple[Node, SigningKey, str]
) -> None:
    node, key, address = made
    events = [object_event(lot="FAULT", hour=hour) for hour in range(6)]
    # Somebody else of the co-operative has recorded one of them; another's body is damaged, so the ledger refuses it.
    put(node, sign(node, [encode_event(events[2])], key=key))
    with desk(tmp_path, key, address) as here:
        job = here.taken(document(*events))
        items = here.journal.queued()
        body = decode(items[4].body)
        assert isinstance(body, dict)
        items[4].body = encode_body(body | {"time_ms": -1})
        for _ in range(4):
            assert here.gateway.sender.send()
        answer = here.http.get(f"{BASE}/capture/{job['captureID']}").json()
        assert (answer["running"], answer["success"], answer["recorded"]) == (False, False, 5)
        assert [error["code"] for error in answer["errors"]] == ["record.field-range"]
        assert [error["instance"] for error in answer["errors"]] == ["/epcisBody/eventList/4"]
    for number, value in enumerate(events):
        assert records_about(node, identity_of(value)) == (0 if number == 4 else 1)


def encode_event(value: dict[str, Any]) -> bytes:
    from ledger.entry import encode_record  # noqa: PLC0415  beside its only use

    return encode_record(CAPTURE, record.body(COOP, parse(json.dumps(value).encode()).json))


def encode_body(body: Any) -> bytes:  # noqa: ANN401
    from ledger.encoding import encode  # noqa: PLC0415  beside its only use

    return encode(body)


def test_a_key_out_of_service_loses_nothing(tmp_path: Path) -> None:
    with field_node(tmp_path / "node") as (node, key), serving(node) as address:
        stranger = SigningKey.from_seed(b"x" * 32)
        with desk(tmp_path / "a", stranger, address) as here:
            here.taken(document(object_event()))
            assert not here.gateway.sender.send()
            assert isinstance(here.gateway.sender.problem, RefusedError)
            assert (here.gateway.sender.problem.rule, here.journal.depth()) == ("key.unknown", 1)
        retire_key(node, key, member=COOP)
        with desk(tmp_path / "b", key, address) as here:
            here.taken(document(object_event()))
            assert not here.gateway.sender.send()
            assert here.gateway.sender.problem is not None
            assert here.gateway.sender.problem.rule.startswith("key.")
            assert len(here.journal.queued()) == 1


def test_another_ledger_is_noticed(tmp_path: Path, made: tuple[Node, SigningKey, str]) -> None:
    _, key, address = made
    with desk(tmp_path, key, address) as here:
        here.journal.remember({"chain": bytes(32)})
        here.taken(document(object_event(lot="CHAIN")))
        assert not here.gateway.sender.send()
        assert here.gateway.sender.problem is not None
        assert (here.gateway.sender.problem.rule, here.journal.depth()) == ("gateway.other-ledger", 1)


def test_a_journal_has_one_gateway_and_room_for_so_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal.open(tmp_path) as journal:
        with pytest.raises(StoreLockedError) as refused:
            Journal.open(tmp_path)
        assert refused.value.rule == "gateway.running"
        monkeypatch.setattr("api.gateway.journal.MAX_WAITING", 1)
        new = [New(Kind.EVENT, bytes([n]) * 32, b"", n) for n in range(2)]
        with pytest.raises(StoreError) as full:
            journal.take(new, (), total=2, proceed=False, time_ms=1)
        assert (full.value.rule, journal.depth()) == ("gateway.full", 0)


@given(
    places=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    faults=st.integers(0, 3),
    refused=st.sets(st.integers(0, 5)),
)
def test_a_job_ends_when_each_of_its_events_is_settled(
    tmp_path_factory: pytest.TempPathFactory, places: list[int], faults: int, refused: set[int]
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    new = [New(Kind.EVENT, bytes([n]) * 32, bytes([n]), at) for at, n in enumerate(places)]
    wrong = [Fault(100 + n, "epcis.x", "no") for n in range(faults)]
    with Journal.open(directory) as journal:
        job = journal.take(new, wrong, total=len(new) + faults, proceed=True, time_ms=1)
        assert job.running
    with Journal.open(directory) as journal:
        assert [item.body[0] for item in journal.queued()] == list(dict.fromkeys(places))
        for item in journal.queued():
            if item.identity[0] in refused:
                journal.refuse(item, "event.x", "no", time_ms=2)
            else:
                journal.sign([item], b"e" * 32, b"submission")
                journal.settle({item.number: b"r" * 32}, b"e" * 32, time_ms=2)
    with Journal.open(directory) as journal:
        done = journal.job(job.number)
        assert done is not None
        assert not done.running
        at_fault = sum(1 for n in places if n in refused)
        assert (done.recorded, len(done.faults)) == (len(places) - at_fault, faults + at_fault)
        for n in set(places):
            fate = journal.fate(Kind.EVENT, bytes([n]) * 32)
            assert (fate is None) is (n in refused)


# -- power cuts --------------------------------------------------------------------------------------------------------------


@contextmanager
def process(arguments: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "gateway", *arguments, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=to_be_killed(PYTHONPATH=str(Path(__file__).parent.parent)),
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with suppress(httpx.HTTPError):
                httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
                break
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield running
    finally:
        running.kill()
        running.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_no_event_is_lost_or_doubled_when_the_gateway_is_killed(
    tmp_path: Path, made: tuple[Node, SigningKey, str]
) -> None:
    node, key, address = made
    key_file = tmp_path / "key.pem"
    keyfiles.save(key_file, key, None)
    arguments = ["--key", str(key_file), "--node", address, "--state", str(tmp_path / "state")]
    port = free_port()
    acknowledged: list[dict[str, Any]] = []
    number = 0
    for life in range(3):
        with process(arguments, port) as running, httpx.Client(timeout=10) as http:
            timer = threading.Timer(0.25 + 0.2 * life, running.send_signal, (signal.SIGKILL,))
            timer.start()
            while True:
                events = [object_event(lot=f"K{number}-{n}", day=1 + number % 27, **BUYER) for n in range(3)]
                number += 1
                try:
                    answer = http.post(
                        f"http://127.0.0.1:{port}{BASE}/capture",
                        content=document(*events),
                        headers={"content-type": "application/json"},
                    )
                except httpx.HTTPError:
                    break
                assert answer.status_code == 202
                acknowledged += events
            timer.join()
    assert len(acknowledged) > 9
    with process(arguments, port):
        deadline = time.monotonic() + 60
        while httpx.get(f"http://127.0.0.1:{port}/healthz").json()["waiting"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    secret = keyfiles.load(tmp_path / "state" / "event-secret.pem", lambda: None).seed
    for value in acknowledged:
        identity = identity_of(value, hide=["/destinationList"], secret=secret)
        assert records_about(node, identity) == 1
        assert read_sealed(tmp_path / "state" / "events.sealed", secret, identity) is not None
    seen = [
        parse_record(node.final.record(parse_place(place))).id
        for _, place in node.final.view.lookup(TIME_LOOKUP)
    ]
    assert len(seen) == len(set(seen))


# -- what else may be tried ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{"host": "[::1"}, {"origin": "http://[::1"}])
def test_an_address_that_is_none_is_refused_like_any_other(tmp_path: Path, headers: dict[str, str]) -> None:
    with desk(tmp_path, SigningKey.from_seed(bytes(32))) as here:
        answer = here.capture(document(object_event()), **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "gateway.not-local")


@pytest.mark.parametrize("raw", [b"/epcis/v2/\xff\xfe", b"/epcis/v2/a b", b"/epcis/v2/\x01"])
def test_a_path_that_is_no_address_is_answered(tmp_path: Path, raw: bytes) -> None:
    asked: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return httpx.Response(404, json={})

    with desk(tmp_path, SigningKey.from_seed(bytes(32))) as here:
        here.gateway.transport = httpx.MockTransport(answer)
        app = create_gateway_app(here.gateway)

        async def with_raw(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
            if scope["type"] == "http":
                scope["raw_path"] = raw
            await app(scope, receive, send)

        with TestClient(with_raw, base_url="http://127.0.0.1:8585") as http:
            assert http.get("/epcis/v2/x").status_code == 404
    assert all(path.isascii() and path.startswith(b"/epcis/v2/") for path in asked)


def test_a_disk_that_takes_half_a_row_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.sealed"
    kept = [Kept(bytes([number]) * 32, ("/x",), b"{}") for number in range(3)]

    class Full:
        """A file on a disk that takes a few bytes at a time, and then none."""

        def __init__(self, file: Any, room: int) -> None:  # noqa: ANN401
            self.file, self.room = file, room

        def write(self, data: bytes) -> int:
            if self.room == 0:
                raise OSError(28, "No space left on device")
            taken = int(self.file.write(data[: min(7, self.room)]))
            self.room -= taken
            return taken

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            return getattr(self.file, name)

    with Sealed(path, SECRET) as sealed:
        sealed.append(kept[:1])
        file = sealed._file
        monkeypatch.setattr(sealed, "_file", Full(file, 30))
        with pytest.raises(StoreError):
            sealed.append(kept[1:2])
        monkeypatch.setattr(sealed, "_file", Full(file, 10_000))
        sealed.append(kept[2:])
    assert read_sealed(path, SECRET, kept[0].identity) == kept[0]
    assert read_sealed(path, SECRET, kept[1].identity) is None
    assert read_sealed(path, SECRET, kept[2].identity) == kept[2]


def test_a_job_of_more_errors_than_it_remembers_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.gateway.journal.MAX_ERRORS", 3)
    with desk(tmp_path, SigningKey.from_seed(bytes(32))) as here:
        job = here.taken(document(*[object_event(lot="MANY", hour=hour) for hour in range(5)]))
        for item in here.journal.queued():
            here.journal.refuse(item, "event.things", "no", time_ms=1)
        done = here.http.get(f"{BASE}/capture/{job['captureID']}").json()
    assert (done["running"], done["success"], len(done["errors"]), done["errorsInAll"]) == (
        False,
        False,
        3,
        5,
    )


def test_master_data_in_a_document_is_answered_plainly(tmp_path: Path) -> None:
    header = {
        "epcisMasterData": {
            "vocabularyList": [
                {
                    "type": "urn:epcglobal:epcis:vtype:BusinessLocation",
                    "vocabularyElementList": [{"id": "urn:epc:id:sgln:893850000.001.0"}],
                }
            ]
        }
    }
    with desk(tmp_path, SigningKey.from_seed(bytes(32))) as here:
        job = here.taken(document(object_event(), epcisHeader=header))
        assert (job["masterData"]["elements"], job["masterData"]["recorded"]) == (1, 0)
        assert "sogoc place" in job["masterData"]["detail"]
        assert "masterData" not in here.taken(document(object_event(hour=2)))


def test_a_sensors_event_about_a_place_is_refused_with_its_reason(tmp_path: Path) -> None:
    with desk(tmp_path, SigningKey.from_seed(bytes(32))) as here:
        answer = here.capture(document(object_event(quantityList=[], sensorElementList=SENSED)))
        assert (answer.status_code, answer.json()["code"]) == (400, "epcis.no-things")
        assert "EPCIS 2.0 §7.4.2" in answer.json()["detail"]
