"""Histories, codes and compact receipts as a node serves them and as the command line checks them; and servers that lie."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from api.client import ApiError, Client
from api.http.app import create_app
from api.http.routers import histories
from api.http.routers.histories import CodeAnswer, HistoryAnswer
from api.wire import MSGPACK, PROBLEM
from ledger import lookup_code
from ledger.claims import Claim, FullClaims
from ledger.compact_receipt import verify as verify_compact
from ledger.entry import encode_record
from ledger.errors import VerificationError
from ledger.hashing import leaf_hash
from ledger.history import verify
from ledger.history_form import HistoryPart, encode_file, parse_file
from ledger.policy import Policy
from ledger.records import Subject
from node.service import Node
from tests.serving import serving, sogoc
from tests.support import document_record, new_key, put, register_key, register_member, running_node, sign

CONTENT = b"a paper with a history"
DOCUMENT = Subject("document", "office", hashlib.sha256(CONTENT).digest())
SCHOOL = Subject("member", "school", "school")
CLAIMS = FullClaims((Claim("holder", "Nguyễn Văn A"), Claim("hours", 40)), bytes(range(32)))


def roles(*words: str) -> bytes:
    return encode_record("member.roles/1", {"authority": "office", "member": "school", "roles": list(words)})


def certificate() -> bytes:
    return encode_record(
        "cert.issue/1",
        {
            "authority": "office",
            "certificate": bytes(range(16)),
            "schema": "training.v1",
            "claims_root": CLAIMS.root,
            "claims_count": 2,
        },
    )


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("histories"), requests_per_address_per_minute=0) as node:
        put(node, sign(node, [document_record(CONTENT)]))
        register_member(node, "school", "Trường THCS Phú Sơn")
        register_key(node, new_key(), member="school")
        for words in (("auditor", "office"), ("office",), ("auditor", "office"), ("office",)):
            put(node, sign(node, [roles(*words)], key="admin"))
            put(node, sign(node))
        put(node, sign(node, [certificate()]))
        yield node


@pytest.fixture(scope="module")
def http(node: Node) -> Iterator[TestClient]:
    with TestClient(create_app(node)) as http:
        yield http


@pytest.fixture(scope="module")
def policy(http: TestClient) -> Policy:
    return Policy.parse(http.get("/v1/policy").text)


Liar = Callable[[httpx.Request, httpx.Response], httpx.Response]


def client_of(http: TestClient, lie: Liar = lambda _, answer: answer) -> Client:
    """A client whose server may change what the node says."""

    def handle(request: httpx.Request) -> httpx.Response:
        answer = http.get(str(request.url), headers=dict(request.headers))
        kept = {"content-type": answer.headers["content-type"]}
        return lie(request, httpx.Response(answer.status_code, headers=kept, content=answer.content))

    return Client("http://node.test", transport=httpx.MockTransport(handle))


def assert_problem(response: Any, status: int, code: str) -> None:  # noqa: ANN401
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM), response.text
    assert response.json()["code"] == code


# -- what a node serves ------------------------------------------------------------------------------------------------


def test_a_history_by_its_subject_and_by_any_of_its_records(http: TestClient, policy: Policy) -> None:
    with client_of(http) as client:
        history = verify(client.history(SCHOOL), policy)
        assert [one.record.type.name for one in history.records] == ["member.register/1"] + 4 * [
            "member.roles/1"
        ]
        for record in history.records:
            assert verify(client.history(record.record_id), policy) == history
        assert len(verify(client.history(DOCUMENT), policy).records) == 1


def test_nothing_was_recorded(http: TestClient, policy: Policy) -> None:
    with client_of(http) as client:
        for subject in (Subject("document", "office", bytes(32)), Subject("member", "nobody", "nobody")):
            history = verify(client.history(subject), policy)
            assert (history.subject, history.records) == (subject, ())
        with pytest.raises(ApiError) as caught:
            client.history(bytes(32))
        assert caught.value.code == "record.unknown"


def test_in_words(http: TestClient) -> None:
    answer = HistoryAnswer.model_validate_json(http.get("/v1/subjects/member/school/school/history").content)
    assert (answer.status, answer.records, answer.first, answer.next) == ("in-force", 5, 0, None)
    assert [item.number for item in answer.items] == [0, 1, 2, 3, 4]
    assert answer.items[1].body["roles"] == ["auditor", "office"]
    address = f"/v1/subjects/document/office/{DOCUMENT.identifier.hex()}/history"  # type: ignore[union-attr]
    (item,) = HistoryAnswer.model_validate_json(http.get(address).content).items
    assert item.body["hash"] == hashlib.sha256(CONTENT).hexdigest()
    later = HistoryAnswer.model_validate_json(
        http.get("/v1/subjects/member/school/school/history?from=3").content
    )
    assert [item.number for item in later.items] == [3, 4]
    empty = HistoryAnswer.model_validate_json(http.get("/v1/subjects/member/nobody/nobody/history").content)
    assert (empty.status, empty.records, empty.items, empty.next) == (None, 0, [], None)


def test_a_long_history_comes_in_parts(
    http: TestClient, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.histories.FULL_BYTES", 100)
    with client_of(http) as client:
        parts = client.history(SCHOOL)
    assert len(parts) > 1
    assert len(verify(parts, policy).records) == 5
    first = HistoryPart.parse(parts[1]).first
    answer = http.get("/v1/subjects/member/school/school/history").json()
    assert answer["next"] == first


def test_addresses_that_name_nothing(http: TestClient) -> None:
    for path in ("member/school/SCHOOL", "Member/school/school", "member/sch%20ool/x", "member/school/a%2Fb"):
        assert http.get(f"/v1/subjects/{path}/history").status_code in (404, 422)
    assert_problem(http.get("/v1/subjects/nonsense/history"), 400, "request.id")
    assert_problem(http.get("/v1/subjects/member/school/school/history?from=-1"), 422, "request.invalid")


def test_a_code_leads_to_its_record(http: TestClient) -> None:
    record_id = leaf_hash(document_record(CONTENT))
    code = lookup_code.code_of(record_id)
    for typed in (code, lookup_code.grouped(code), lookup_code.grouped(code).lower().replace("-", "%20")):
        answer = CodeAnswer.model_validate_json(http.get(f"/v1/codes/{typed}").content)
        assert (answer.code, answer.printed) == (code, lookup_code.grouped(code))
        assert [record.id for record in answer.records] == [record_id.hex()]
    with client_of(http) as client:
        assert [record.record_id for record in client.code(lookup_code.grouped(code))] == [record_id]
        assert client.code(lookup_code.code_of(bytes(32))) == []


def test_codes_that_lead_nowhere(http: TestClient) -> None:
    assert_problem(http.get(f"/v1/codes/{lookup_code.code_of(bytes(32))}"), 404, "code.unknown")
    code = lookup_code.code_of(leaf_hash(document_record(CONTENT)))
    wrong = ("1" if code[0] == "0" else "0") + code[1:]
    assert_problem(http.get(f"/v1/codes/{wrong}"), 422, "lookup-code.check")
    assert_problem(http.get("/v1/codes/what"), 400, "lookup-code.length")
    assert_problem(http.get("/v1/codes/!!!"), 400, "lookup-code.letters")


def test_two_records_with_one_code_are_both_listed(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """No two records of a test have 53 equal bits, so codes are made to be equal."""
    monkeypatch.setattr(histories, "prefix_of", lambda _: b"")
    monkeypatch.setattr(histories, "code_of", lambda _: lookup_code.code_of(bytes(32)))
    answer = http.get(f"/v1/codes/{lookup_code.code_of(bytes(32))}").json()
    assert len(answer["records"]) > 5


def test_a_compact_receipt(node: Node, http: TestClient, policy: Policy) -> None:
    record_id = leaf_hash(certificate())
    with client_of(http) as client:
        receipt = client.compact_receipt(record_id).with_private(CLAIMS)
        proved = verify_compact(receipt.encoded(), policy, node.chain_id)
        assert (proved.record_id, proved.status, proved.claims) == (record_id, "in-force", CLAIMS.claims)
        with pytest.raises(ApiError) as caught:
            client.compact_receipt(bytes(32))
        assert caught.value.code == "record.unknown"
        with pytest.raises(ApiError) as later:
            client.compact_receipt(leaf_hash(roles("office")))
        assert later.value.code == "compact.not-first"


# -- a node that lies --------------------------------------------------------------------------------------------------


def leave_out(number: int) -> Liar:
    """Leave one record out of every history."""

    def lie(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if not request.url.path.endswith("/history"):
            return answer
        part = HistoryPart.parse(answer.content)
        kept = tuple(block for at, block in enumerate(part.blocks, part.first) if at != number)
        forged = HistoryPart(part.subject, part.checkpoint_text, part.header, part.state, part.first, kept)
        # The client asks on, since the forged part says that more follows: it is told the same again, from there.
        return httpx.Response(200, content=forged.encoded())

    return lie


@pytest.mark.parametrize("number", range(5))
def test_a_server_that_leaves_a_record_out_is_caught(http: TestClient, policy: Policy, number: int) -> None:
    with client_of(http, leave_out(number)) as client, pytest.raises((ApiError, VerificationError)) as caught:
        verify(client.history(SCHOOL), policy)
    assert caught.value.rule in ("node.answer", "history.count", "history.root", "history.order")


def test_a_server_that_answers_with_another_history_is_caught(http: TestClient, policy: Policy) -> None:
    def lie(_: httpx.Request, __: httpx.Response) -> httpx.Response:
        other = http.get("/v1/subjects/member/office/office/history", headers={"accept": MSGPACK})
        return httpx.Response(200, content=other.content)

    with client_of(http, lie) as client:
        assert verify(client.history(SCHOOL), policy).subject != SCHOOL


@pytest.mark.parametrize("content", [b"", b"\x90", b"{}", b"\x91\x02", bytes(100)])
def test_an_answer_that_is_no_history(http: TestClient, content: bytes) -> None:
    with client_of(http, lambda *_: httpx.Response(200, content=content)) as client:
        for ask in (lambda: client.history(SCHOOL), lambda: client.compact_receipt(bytes(32))):
            with pytest.raises(ApiError) as caught:
                ask()
            assert caught.value.code == "node.answer"


# -- the command line --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def office(node: Node) -> Iterator[str]:
    with serving(node) as address:
        yield address


@pytest.fixture
def policy_file(tmp_path: Path, policy: Policy) -> Path:
    path = tmp_path / "policy"
    path.write_text(policy.format())
    return path


def test_the_command_shows_what_is_proved_and_saves_it(
    office: str, tmp_path: Path, policy_file: Path
) -> None:
    saved = tmp_path / "school.history"
    done = sogoc("history", "member/school/school", "--node", office, "-o", saved)
    assert done.code == 0, done.output
    assert "đủ 5 bản ghi" in done.output
    again = sogoc("history", saved, "--policy", policy_file, "--json").json
    assert (again["complete"], len(again["records"]), again["status"]) == (True, 5, "in-force")
    by_id = sogoc(
        "history", again["records"][2]["record_id"], "--node", office, "--policy", policy_file, "--json"
    )
    assert by_id.json == again
    code = again["records"][0]["lookup_code"]
    assert sogoc("history", code.lower(), "--node", office, "--json").json["id"] == "school"
    none = sogoc("history", f"document/office/{'00' * 32}", "--node", office)
    assert (none.code, "chưa từng có bản ghi nào" in none.output) == (0, True)


def test_the_command_refuses_what_was_cut(office: str, tmp_path: Path, policy_file: Path) -> None:
    saved = tmp_path / "school.history"
    assert sogoc("history", "member/school/school", "--node", office, "-o", saved).code == 0
    (part,) = parse_file(saved.read_bytes())
    whole = HistoryPart.parse(part)
    cut = HistoryPart(whole.subject, whole.checkpoint_text, whole.header, whole.state, 0, whole.blocks[:-1])
    saved.write_bytes(encode_file([cut.encoded()]))
    done = sogoc("history", saved, "--policy", policy_file)
    assert (done.code, done.rule) == (1, "history.count")


@pytest.mark.parametrize(
    ("thing", "code", "rule"),
    [
        ("member/school", 2, "history.thing"),
        ("member//x", 2, "history.thing"),
        ("x" * 64, 2, "history.thing"),
        ("what is this?", 2, "lookup-code.letters"),
        ("0000-0000-0000", 1, "code.unknown"),
        ("00" * 32, 1, "record.unknown"),
    ],
)
def test_things_the_command_does_not_find(office: str, thing: str, code: int, rule: str) -> None:
    done = sogoc("history", thing, "--node", office)
    assert (done.code, done.rule) == (code, rule)


def test_a_saved_history_needs_a_policy(tmp_path: Path) -> None:
    path = tmp_path / "a.history"
    path.write_bytes(encode_file([]))
    assert sogoc("history", path).rule == "policy.missing"
