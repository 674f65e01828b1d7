"""Records, receipts, documents, blocks, state, members and tiles: what is served verifies with nothing but the policy."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from httpx import Response
from starlette.testclient import TestClient

from api.http.app import create_app
from api.http.models import BlockAnswer, DocumentAnswer, MembersAnswer, RecordAnswer, StateAnswer
from api.http.routers import chain, records
from api.http.routers.tiles import takes_gzip
from api.wire import BLOCK_STREAM, MAX_RECEIPTS, PROBLEM, read_frames
from ledger import days
from ledger.block import parse_header_leaf
from ledger.disclosure import CertificateProof
from ledger.encoding import Value, decode, encode
from ledger.entry import encode_record
from ledger.errors import StoreCorruptError, VerificationError
from ledger.genesis import parse_genesis_leaf
from ledger.hashing import leaf_hash
from ledger.policy import Policy
from ledger.proofs import verify_inclusion
from ledger.receipt import verify
from ledger.rows import VALIDATORS_KEY, SubjectRow, key_key, member_key, subject_key
from ledger.rules import Place
from ledger.state import StateProof, verify_absence, verify_membership
from ledger.store.view import LedgerView
from ledger.tiles import decode_entry_bundle, decode_records_bundle, root, tile_path, tiles
from ledger.verdict import judge_proof
from node.service import Node, clock_ms
from tests.support import (
    document_record,
    key_of,
    new_key,
    put,
    register_key,
    register_member,
    retire_key,
    running_node,
    sign,
)

CONTENT = "Báo cáo tiến độ 41/BC-UBND".encode()
CROWDED = b"a paper that others crowd round"
FILED = hashlib.sha256(b"a certificate's sheet").digest()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("reads")) as node:
        put(
            node,
            sign(
                node,
                [
                    document_record(CONTENT, number="41", symbol="BC-UBND", date="2025-02-13"),
                    document_record(),
                ],
            ),
        )
        # More leaves than one tile holds, in several blocks.
        put(node, *[sign(node) for _ in range(150)])
        put(node, *[sign(node) for _ in range(150)])
        yield node


@pytest.fixture(scope="module")
def http(node: Node) -> Iterator[TestClient]:
    with TestClient(create_app(node)) as client:
        yield client


@pytest.fixture(scope="module")
def policy(http: TestClient) -> Policy:
    return Policy.parse(http.get("/v1/policy").text)


def assert_problem(response: Response, status: int, code: str) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM), response.text
    assert response.json()["code"] == code


def unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


# -- records, receipts, documents --------------------------------------------------------------------------------------


def test_a_record(node: Node, http: TestClient) -> None:
    entry = sign(node, [document_record(abstract="Về việc công bố", number="7", date="2025-02-13")])
    put(node, entry)
    answer = RecordAnswer.model_validate_json(http.get(f"/v1/records/{entry.record_ids[0].hex()}").content)
    assert unb64(answer.raw) == entry.records[0]
    assert leaf_hash(unb64(answer.raw)).hex() == answer.id
    assert (answer.authority, answer.authority_name) == ("office", "UBND phường Phú Sơn")
    assert answer.body["abstract"] == "Về việc công bố"
    assert len(answer.body["hash"]) == 64
    assert (answer.entry, answer.record_index, answer.author_key) == (
        entry.id.hex(),
        0,
        key_of(node).public_key.hex(),
    )
    assert (answer.subject.kind, answer.subject.status, answer.subject.records) == ("document", "in-force", 1)


def test_a_receipt_verifies_with_the_policy_alone(node: Node, http: TestClient, policy: Policy) -> None:
    entry = sign(node, [document_record() for _ in range(3)])
    put(node, entry)
    for record_id in entry.record_ids:
        response = http.get(f"/v1/records/{record_id.hex()}/receipt")
        assert response.headers["content-type"].startswith("text/plain")
        proved = verify(response.text, policy)
        assert (proved.record_id, proved.entry_id) == (record_id, entry.id)
        assert proved.standing is not None
        assert proved.standing.subject.status == "in-force"


def test_many_receipts_at_once(node: Node, http: TestClient, policy: Policy) -> None:
    entry = sign(node, [document_record() for _ in range(20)])
    put(node, entry)
    ids = [record_id.hex() for record_id in entry.record_ids]
    answer = http.post("/v1/receipts", json={"records": [*ids, ids[0], "00" * 32]}).json()
    assert (sorted(answer["receipts"]), answer["unknown"], answer["rest"]) == (sorted(ids), ["00" * 32], [])
    for name, text in answer["receipts"].items():
        assert verify(text, policy).record_id.hex() == name


def test_many_receipts_are_those_asked_for_one_by_one(node: Node) -> None:
    entries = [sign(node, [document_record() for _ in range(count)]) for count in (1, 7, 3)]
    put(node, *entries)
    final = node.final
    places = [final.place(record_id) for entry in entries for record_id in entry.record_ids]
    asked = [place for place in places if place is not None]
    assert len(asked) == 11
    found = list(final.receipts([*reversed(asked), asked[0]]))
    assert [place for place, _ in found] == sorted(asked, key=lambda place: (place.index, place.record_index))
    for place, receipt in found:
        assert receipt.text() == final.receipt(place).text()
    with pytest.raises(StoreCorruptError):
        list(final.receipts([Place(asked[0].index, 99)]))


def test_an_entry_is_read_once_for_all_its_receipts(
    node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [sign(node, [document_record() for _ in range(50)]) for _ in range(2)]
    put(node, *entries)
    read: list[int] = []
    records_of = LedgerView.records

    def counted(self: LedgerView, index: int) -> tuple[bytes, ...]:
        read.append(index)
        return records_of(self, index)

    monkeypatch.setattr(LedgerView, "records", counted)
    ids = [
        record_id.hex()
        for pair in zip(*(entry.record_ids for entry in entries), strict=True)
        for record_id in pair
    ]
    answer = http.post("/v1/receipts", json={"records": ids}).json()
    assert sorted(answer["receipts"]) == sorted(ids)
    assert len(read) == len(set(read)) == 2


def test_a_long_answer_names_the_rest(node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_RECEIPTS_LETTERS", 3_000)
    entry = sign(node, [document_record() for _ in range(5)])
    put(node, entry)
    ids = [record_id.hex() for record_id in entry.record_ids]
    answer = http.post("/v1/receipts", json={"records": ids}).json()
    assert answer["rest"]
    assert [*answer["receipts"], *answer["rest"]] == ids


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "request.json"),
        (b"[]", "request.json"),
        (b'{"records": []}', "request.json"),
        (b'{"records": ["00"], "x": 1}', "request.json"),
        (b'{"records": ["00"]}', "request.id"),
        (b'{"records": [1]}', "request.id"),
        (b"[" * 50_000, "request.json"),
    ],
)
def test_receipts_asked_for_wrongly(http: TestClient, body: bytes, code: str) -> None:
    response = http.post("/v1/receipts", content=body, headers={"content-type": "application/json"})
    assert_problem(response, 400, code)


def test_too_many_receipts(http: TestClient) -> None:
    assert_problem(
        http.post("/v1/receipts", json={"records": ["00" * 32] * (MAX_RECEIPTS + 1)}), 400, "request.json"
    )
    assert_problem(http.post("/v1/receipts", json={"records": ["00" * 32] * 9_000}), 413, "http.body-size")
    response = http.post("/v1/receipts", content=b"{}", headers={"content-type": "text/plain"})
    assert_problem(response, 415, "http.media-type")


def test_a_document_lists_every_authority_that_anchored_it(node: Node, http: TestClient) -> None:
    key = new_key()
    register_member(node, "ngoc-trao", "UBND phường Ngọc Trạo")
    register_key(node, key, member="ngoc-trao")
    put(node, sign(node, [document_record(CONTENT, authority="ngoc-trao")], key=key))
    name = hashlib.sha256(CONTENT).hexdigest()
    answer = DocumentAnswer.model_validate_json(http.get(f"/v1/documents/{name}").content)
    assert answer.hash == name
    assert [anchor.authority for anchor in answer.anchors] == ["office", "ngoc-trao"]
    assert [anchor.subject.status for anchor in answer.anchors] == ["in-force", "in-force"]
    assert answer.more is False


def others_records(node: Node, name: str, digest: bytes) -> None:
    """Another authority anchors and withdraws as much as it can beside somebody's document."""
    key = new_key()
    register_member(node, name, "Cơ quan khác", roles=("issuer", "office"))
    register_key(node, key, member=name, roles=("issuer", "office"))

    def say(kind: str, **fields: Value) -> bytes:
        return encode_record(kind, {"authority": name, **fields})

    commitments = [hashlib.sha256(b"%s %d" % (name.encode(), number)).digest() for number in range(600)]
    put(node, sign(node, [say("doc.anchor/1", commitment=one) for one in commitments], key=key), seconds=30)
    put(
        node,
        sign(node, [say("doc.paper/1", document=one, hash=digest) for one in commitments], key=key),
        seconds=30,
    )
    for own in (
        [document_record(CROWDED, authority=name)],
        [say("doc.paper/1", document=digest, hash=one) for one in commitments],
        [say("doc.withdraw/1", document=digest, reason="wrong-content")],
    ):
        put(node, sign(node, own, key=key), seconds=30)


def test_nobody_crowds_out_another_authority_s_document(node: Node, http: TestClient) -> None:
    digest = hashlib.sha256(CROWDED).digest()
    for name in ("crowd-1", "crowd-2"):
        others_records(node, name, digest)
    put(node, sign(node, [document_record(CROWDED, number="900", date="2026-03-01")]))
    answer = DocumentAnswer.model_validate_json(http.get(f"/v1/documents/{digest.hex()}").content)
    assert answer.more
    own = [anchor for anchor in answer.anchors if anchor.authority == "office"]
    assert [(anchor.type, anchor.subject.status) for anchor in own] == [("doc.anchor/1", "in-force")]
    for name in ("crowd-1", "crowd-2"):
        theirs = [anchor for anchor in answer.anchors if anchor.authority == name]
        about = [anchor for anchor in theirs if anchor.subject.id == digest.hex()]
        # What began it and what became of it, however much lies between.
        assert (about[0].type, about[-1].type) == ("doc.anchor/1", "doc.withdraw/1")
        assert len(about) == records.MAX_ANCHORS_EACH
        assert len(theirs) - len(about) == records.MAX_PAPERS_EACH
    is_itself = [anchor.subject.id == digest.hex() for anchor in answer.anchors]
    assert is_itself == sorted(is_itself, reverse=True)


def test_the_records_of_a_file_are_shared_out_evenly(
    node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"shared by many"
    digest = hashlib.sha256(content).digest()
    for name in ("many-1", "many-2", "many-3"):
        key = new_key()
        register_member(node, name, name)
        register_key(node, key, member=name)
        put(node, sign(node, [document_record(content, authority=name)], key=key))
    address = f"/v1/documents/{digest.hex()}"
    monkeypatch.setattr(records, "MAX_ANCHORS", 3)
    answer = http.get(address).json()
    assert ([one["authority"] for one in answer["anchors"]], answer["more"]) == (
        ["many-1", "many-2", "many-3"],
        False,
    )
    monkeypatch.setattr(records, "MAX_AUTHORITIES", 2)
    answer = http.get(address).json()
    assert (len(answer["anchors"]), answer["more"]) == (2, True)


# -- certificates ------------------------------------------------------------------------------------------------------


def certificate_record(verb: str, identifier: bytes, authority: str = "office", **fields: Value) -> bytes:
    if verb == "issue":
        fields |= {"schema": "ocop.1", "claims_root": bytes(32), "claims_count": 1}
    return encode_record(f"cert.{verb}/1", {"authority": authority, "certificate": identifier, **fields})


def test_what_is_recorded_twice_in_the_same_words_is_in_the_proof_twice(
    node: Node, http: TestClient, policy: Policy
) -> None:
    identifier = b"suspended twice."
    put(node, sign(node, [certificate_record("issue", identifier)]))
    for _ in range(2):
        put(node, sign(node, [certificate_record("suspend", identifier, reason="under-review")]))
        put(node, sign(node, [certificate_record("reinstate", identifier)]))
    address = f"/v1/certificates/{identifier.hex()}"
    judged = judge_proof(http.get(f"{address}/proof").content, policy, now_ms=clock_ms())
    assert (judged.rule, judged.proved is not None) == ("status.in-force", True)
    (answer,) = http.get(address).json()["certificates"]
    assert (answer["status"], answer["reason"], len(answer["records"])) == ("in-force", None, 5)
    assert len(set(answer["records"])) == 3


def test_a_proof_has_the_rows_of_all_keys_that_signed(node: Node, http: TestClient, policy: Policy) -> None:
    identifier = b"signed by three."
    first, second = new_key(), new_key()
    for key in (first, second):
        register_key(node, key, member="office", roles=("issuer",))
    issued = certificate_record("issue", identifier, valid_until="2090-12-31")
    renewed = certificate_record("renew", identifier, valid_until="2099-12-31")
    put(node, sign(node, [issued], key=first))
    put(node, sign(node, [certificate_record("paper", identifier, hash=FILED)], key=second))
    put(node, sign(node, [renewed]))
    put(node, sign(node, [certificate_record("paper", identifier, hash=FILED)], key=second))
    address = f"/v1/certificates/{identifier.hex()}"
    data = http.get(f"{address}/proof").content
    assert [proof.key for proof in CertificateProof.parse(data).keys] == [
        key_key(second.public_key),
        key_key(key_of(node, "office").public_key),
    ]
    assert judge_proof(data, policy, now_ms=clock_ms(), file_hash=FILED).rule == "status.in-force"
    assert http.get(address).json()["certificates"][0]["disputed"] == []
    body: dict[str, Value] = {
        "authority": "office",
        "member": "office",
        "key": second.public_key,
        "from_ms": 0,
    }
    put(node, sign(node, [encode_record("key.revoke/1", body)], key="admin"))
    data = http.get(f"{address}/proof").content
    assert judge_proof(data, policy, now_ms=clock_ms(), file_hash=FILED).rule == "key.disputed"
    assert judge_proof(data, policy, now_ms=clock_ms()).rule == "status.in-force"
    (answer,) = http.get(address).json()["certificates"]
    assert (answer["disputed"], answer["valid_until"]) == ([answer["records"][1]] * 2, "2099-12-31")


def test_a_proof_shows_when_a_record_came_where_a_dispute_makes_that_matter(
    node: Node, http: TestClient, policy: Policy
) -> None:
    """A sheet stated before the theft stays good, though another key renews the certificate after it."""
    identifier, sheet = b"renewed after it", hashlib.sha256(b"an older sheet").digest()
    key = new_key()
    register_key(node, key, member="office", roles=("issuer",))
    put(node, sign(node, [certificate_record("issue", identifier, valid_until="2090-12-31")]))
    put(node, sign(node, [certificate_record("paper", identifier, hash=sheet)], key=key))
    stated_ms = subject_row_of(node, identifier).changed_ms
    put(node, sign(node, [certificate_record("renew", identifier, valid_until="2099-12-31")]))
    address = f"/v1/certificates/{identifier.hex()}"
    assert not any(one.place for one in CertificateProof.parse(http.get(f"{address}/proof").content).records)
    for from_ms, places, rule in ((stated_ms + 1, [1], "status.in-force"), (stated_ms, [1], "key.disputed")):
        body: dict[str, Value] = {"authority": "office", "member": "office", "key": key.public_key}
        put(node, sign(node, [encode_record("key.revoke/1", body | {"from_ms": from_ms})], key="admin"))
        proof = CertificateProof.parse(http.get(f"{address}/proof").content)
        assert [number for number, one in enumerate(proof.records) if one.place] == places
        assert judge_proof(proof, policy, now_ms=clock_ms(), file_hash=sheet).rule == rule
        bare = replace(proof, records=tuple(replace(one, place=None) for one in proof.records))
        assert judge_proof(bare, policy, now_ms=clock_ms(), file_hash=sheet).rule == "key.disputed"
        (answer,) = http.get(address).json()["certificates"]
        assert answer["disputed"] == ([answer["records"][1]] if rule == "key.disputed" else [])


def subject_row_of(node: Node, identifier: bytes) -> SubjectRow:
    data = node.final.view.get(subject_key("certificate", "office", identifier))
    assert data is not None
    return SubjectRow.parse(data)


def test_who_repeats_a_certificate_s_identifier_takes_nothing_from_it(
    node: Node, http: TestClient, policy: Policy
) -> None:
    identifier = b"repeated by many"
    address = f"/v1/certificates/{identifier.hex()}"
    key = new_key()
    register_member(node, "repeater", "Kẻ lặp lại", roles=("issuer",))
    register_key(node, key, member="repeater", roles=("issuer",))
    put(node, sign(node, [certificate_record("issue", identifier, "repeater")], key=key))
    hashes = [hashlib.sha256(b"%d" % number).digest() for number in range(1_100)]
    papers = [certificate_record("paper", identifier, "repeater", hash=one) for one in hashes]
    put(node, sign(node, papers, key=key), seconds=30)
    assert_problem(http.get(f"{address}/proof"), 422, "certificate.records-many")
    put(node, sign(node, [certificate_record("issue", identifier)]))
    proof = http.get(f"{address}/proof", params={"authority": "office"})
    assert judge_proof(proof.content, policy, now_ms=clock_ms()).rule == "status.in-force"
    answer = http.get(address).json()
    assert ([one["authority"] for one in answer["certificates"]], answer["more"]) == (["office"], True)
    assert_problem(http.get(f"{address}/proof"), 404, "certificate.not-found")
    assert_problem(http.get(address, params={"authority": "repeater"}), 422, "certificate.records-many")
    assert_problem(http.get(address, params={"authority": "nobody"}), 404, "certificate.not-found")


def test_a_certificate_s_receipt_is_that_of_its_issue_until_its_first_last_day_is_over(
    node: Node, http: TestClient, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = b"renewed one time"
    put(node, sign(node, [certificate_record("issue", identifier, valid_until="2090-12-31")]))
    put(node, sign(node, [certificate_record("renew", identifier, valid_until="2099-12-31")]))
    for today, kind in (("2090-12-31", "cert.issue/1"), ("2091-01-01", "cert.renew/1")):
        monkeypatch.setattr(days, "day_of", lambda _, today=today: today)
        text = http.get(f"/v1/certificates/{identifier.hex()}/receipt").text
        assert verify(text, policy).record.type.name == kind


def test_an_entry_s_records_are_read_once_for_one_request(
    node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = sign(node, [document_record() for _ in range(150)])
    put(node, entry)
    read: list[int] = []
    records_of = LedgerView.records

    def counted(self: LedgerView, index: int) -> tuple[bytes, ...]:
        read.append(index)
        return records_of(self, index)

    monkeypatch.setattr(LedgerView, "records", counted)
    for address in (f"/so-cai/muc/{entry.id.hex()}", "/so-cai/tim?q=4711", "/v1/members"):
        read.clear()
        assert http.get(address).status_code == 200
        # Members and records are looked for one after the other.
        assert max(read.count(index) for index in read) <= 2, address


def test_unknown_records_and_documents(http: TestClient) -> None:
    nothing = "00" * 32
    assert_problem(http.get(f"/v1/records/{nothing}"), 404, "record.unknown")
    assert_problem(http.get(f"/v1/records/{nothing}/receipt"), 404, "record.unknown")
    assert_problem(http.get(f"/v1/documents/{nothing}"), 404, "document.unknown")
    for path in ("/v1/records/1", "/v1/records/1/receipt", "/v1/documents/1"):
        assert_problem(http.get(path), 400, "request.id")


# -- blocks ------------------------------------------------------------------------------------------------------------


def test_a_block(node: Node, http: TestClient) -> None:
    head = node.final.view.head.height
    for height in (0, 1, head):
        answer = BlockAnswer.model_validate_json(http.get(f"/v1/blocks/{height}").content)
        header = parse_header_leaf(unb64(answer.header_leaf))
        assert (answer.header.height, header.height) == (height, height)
        assert answer.header_hash == header.hash().hex()
        assert answer.header.state_root == header.state_root.hex()
        assert len(answer.entries) == (0 if height == 0 else header.entry_count)
        if height:
            header.verify_signature(bytes.fromhex(answer.signature))
            for entry in answer.entries:
                assert http.get(f"/v1/entries/{entry.id}").json()["index"] == entry.index
    assert_problem(http.get(f"/v1/blocks/{head + 1}"), 404, "block.unknown")
    assert_problem(http.get("/v1/blocks/x"), 422, "request.invalid")


def test_the_stream_of_blocks_is_the_whole_log(node: Node, http: TestClient) -> None:
    final = node.final
    response = http.get("/v1/blocks")
    assert response.headers["content-type"] == BLOCK_STREAM
    assert response.headers["sogoc-height"] == str(final.view.head.height)
    frames = list(read_frames([response.content]))
    index, parent = 0, bytes(32)
    for height, frame in enumerate(frames):
        header = parse_header_leaf(frame.header_leaf)
        assert (header.height, header.parent, header.first_index) == (height, parent, index)
        for leaf, items in frame.parts():
            assert (final.view.leaf(index), final.view.records(index)) == (leaf, items)
            index += 1
        assert final.view.leaf(index) == frame.header_leaf
        index, parent = index + 1, header.hash()
    assert index == final.size


def test_a_part_of_the_stream(node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    head = node.final.view.head.height
    (frame,) = read_frames([http.get("/v1/blocks", params={"from": head}).content])
    assert parse_header_leaf(frame.header_leaf).height == head
    two = list(read_frames([http.get("/v1/blocks?from=0&limit=2").content]))
    assert [parse_header_leaf(frame.header_leaf).height for frame in two] == [0, 1]
    monkeypatch.setattr(chain, "MAX_STREAM_BYTES", 1)
    assert len(list(read_frames([http.get("/v1/blocks").content]))) == 1
    assert_problem(http.get("/v1/blocks", params={"from": head + 1}), 404, "block.unknown")
    for query in ("from=-1", "from=x", "limit=0", "limit=1001", f"from={10**30}"):
        assert_problem(http.get(f"/v1/blocks?{query}"), 422, "request.invalid")


# -- state -------------------------------------------------------------------------------------------------------------


def state_of(http: TestClient, policy: Policy, key: bytes) -> StateProof:
    """What the node proves about a state key, checked down from the cosigned checkpoint."""
    answer = StateAnswer.model_validate_json(http.get(f"/v1/state/{key.hex()}").content)
    checked = policy.check(answer.checkpoint)
    leaf = unb64(answer.header.leaf)
    verify_inclusion(
        leaf_hash(leaf),
        answer.header.index,
        checked.checkpoint.size,
        [bytes.fromhex(step) for step in answer.header.path],
        checked.checkpoint.root,
    )
    proof = StateProof.from_value(decode(unb64(answer.proof)))
    state_root = parse_header_leaf(leaf).state_root
    if proof.value is None:
        verify_absence(state_root, key, proof)
        assert (answer.present, answer.value) == (False, None)
    else:
        verify_membership(state_root, key, proof.value, proof)
        assert answer.present
        assert unb64(answer.value or "") == proof.value
    return proof


def test_state_rows_come_with_their_proof(http: TestClient, policy: Policy, node: Node) -> None:
    document = subject_key("document", "office", hashlib.sha256(CONTENT).digest())
    for key in (VALIDATORS_KEY, member_key("office"), key_key(key_of(node).public_key), document):
        assert state_of(http, policy, key).value is not None


def test_absence_is_proved_too(http: TestClient, policy: Policy) -> None:
    absent = member_key("nobody")
    proof = state_of(http, policy, absent)
    assert proof.value is None
    with pytest.raises(VerificationError):
        verify_membership(bytes(32), absent, b"x", proof)


def test_ics23(http: TestClient, node: Node) -> None:
    response = http.get(f"/v1/state/{VALIDATORS_KEY.hex()}?format=ics23")
    assert response.headers["content-type"] == "application/x-protobuf"
    assert response.headers["sogoc-size"] == str(node.final.size)
    assert node.final.view.get(VALIDATORS_KEY) in response.content
    assert http.get(f"/v1/state/{member_key('nobody').hex()}?format=ics23").status_code == 200
    assert_problem(http.get("/v1/state/00?format=xml"), 422, "request.invalid")


@pytest.mark.parametrize("key", ["0", "zz", "00" * 513, "0x00", "٠٠"])
def test_what_is_no_state_key(http: TestClient, key: str) -> None:
    assert_problem(http.get(f"/v1/state/{key}"), 400, "request.state-key")


def test_members_and_keys(node: Node, http: TestClient) -> None:
    answer = MembersAnswer.model_validate_json(http.get("/v1/members").content)
    office = next(member for member in answer.members if member.id == "office")
    assert office.name == "UBND phường Phú Sơn"
    keys = {key.public_key: key for key in office.keys}
    assert keys[key_of(node, "admin").public_key.hex()].roles == ["administrator"]


def test_members_and_keys_that_came_later(node: Node, http: TestClient) -> None:
    key = new_key()
    register_member(node, "quang-trung", "UBND phường Quang Trung")
    register_key(node, key, member="quang-trung")
    retire_key(node, key, member="quang-trung")
    answer = MembersAnswer.model_validate_json(http.get("/v1/members").content)
    assert [member.id for member in answer.members] == sorted(member.id for member in answer.members)
    (member,) = [member for member in answer.members if member.id == "quang-trung"]
    assert [item.public_key for item in member.keys] == [key.public_key.hex()]
    assert member.keys[0].retired_ms is not None


# -- the log as tiles --------------------------------------------------------------------------------------------------


class Served:
    """A `TileSource` over HTTP."""

    def __init__(self, http: TestClient) -> None:
        self.http = http

    def tile(self, level: int, n: int, width: int) -> bytes:
        response = self.http.get(f"/{tile_path(level, n, width)}")
        assert response.status_code == 200
        data: bytes = response.content
        return data


def test_the_tiles_give_the_checkpoints_root(http: TestClient, policy: Policy) -> None:
    checked = policy.check(http.get("/checkpoint").text)
    assert checked.checkpoint.size > 256
    assert root(Served(http), checked.checkpoint.size) == checked.checkpoint.root


def test_the_bundles_hold_what_the_tiles_hash(node: Node, http: TestClient) -> None:
    size = node.final.size
    for tile in tiles(size):
        if tile.level == 0:
            hashes = http.get(f"/{tile_path(0, tile.n, tile.width)}").content
            leaves = decode_entry_bundle(
                http.get(f"/{tile_path('entries', tile.n, tile.width)}").content, tile.width
            )
            assert b"".join(leaf_hash(leaf) for leaf in leaves) == hashes
            beside = decode_records_bundle(
                http.get(f"/{tile_path('records', tile.n, tile.width)}").content, tile.width
            )
            assert len(beside) == tile.width
            first = tile.n * 256
            assert beside == [
                list(node.final.view.records(index)) for index in range(first, first + tile.width)
            ]


def test_tiles_may_be_kept_for_ever_and_checkpoints_not(http: TestClient) -> None:
    for path in ("/tile/0/000", "/tile/0/000.p/7", "/tile/entries/000", "/tile/records/000.p/1", "/genesis"):
        assert "immutable" in http.get(path).headers["cache-control"]
    assert http.get("/checkpoint").headers["cache-control"] == "no-cache"


def test_bundles_are_compressed_for_those_who_take_it(http: TestClient) -> None:
    path = "/tile/entries/000"
    plain = http.get(path, headers={"accept-encoding": "identity"})
    packed = http.get(path, headers={"accept-encoding": "br, gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers["vary"] == packed.headers["vary"] == "accept-encoding"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert gzip.compress(plain.content, 6, mtime=0)[:3] == b"\x1f\x8b\x08"
    assert "content-encoding" not in http.get("/tile/0/000", headers={"accept-encoding": "gzip"}).headers


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("br;q=1, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("", False),
        ("br", False),
    ],
)
def test_accept_encoding(header: str, takes: bool) -> None:
    assert takes_gzip(header) is takes


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "entries",
        "0/001.p/255",
        "0/999",
        "1/000.p/200",
        "64/000",
        "x/000",
        "0/0",
        "0/000.p/0",
        "0/000.p/256",
        "0/x000/000",
        "entries/009",
        "..%2f..%2fetc%2fpasswd",
        "0/000.p/1/",
        "records/000.p/",
        "0/000%00",
    ],
)
def test_tiles_that_are_not_there(http: TestClient, path: str) -> None:
    assert_problem(http.get(f"/tile/{path}"), 404, "tile.unknown")


def test_the_genesis_leaf(node: Node, http: TestClient) -> None:
    leaf = http.get("/genesis").content
    assert parse_genesis_leaf(leaf).chain_id == node.chain_id
    assert node.final.view.leaf(0) == leaf
    assert encode(decode(leaf)) == leaf


def test_reads_are_open_to_any_page_and_guarded_otherwise(http: TestClient) -> None:
    for path in ("/checkpoint", "/v1/status", "/nowhere", "/docs", "/tile/0/000"):
        headers = http.get(path).headers
        assert headers["access-control-allow-origin"] == "*"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_answers_of_one_moment(node: Node, http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that comes while an answer is made does not get into it."""
    old = node.final
    put(node, sign(node))
    assert node.final.size > old.size
    monkeypatch.setattr(type(node), "final", property(lambda _: old))
    answer: Any = http.get(f"/v1/state/{VALIDATORS_KEY.hex()}").json()
    assert answer["checkpoint"] == old.checkpoint_text
    assert answer["header"]["index"] == old.size - 1
    assert_problem(http.get(f"/v1/blocks/{old.view.head.height + 1}"), 404, "block.unknown")
