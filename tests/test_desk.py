"""What the office page asks of a node: registers, papers, and keys that wait to be put in service."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.certificates.schemas import schemas
from api.client import Client
from api.http.routers import registers
from ledger.claims import Claim, ClaimValue, FullClaims
from ledger.encoding import Value, encode
from ledger.entry import encode_record
from ledger.errors import RefusedError
from ledger.hashing import leaf_hash, sha256
from ledger.keys import SigningKey
from ledger.lookup_code import code_of, grouped
from ledger.records.members import possession_message
from ledger.records.privacy import vault_message
from node.enrolments import MAX_FROM_ONE_ADDRESS, WAIT_MS, Enrolments
from node.service import Node
from node.vault.keeper import VaultKeeper, open_vault
from tests.serving import quiet_logs, serving
from tests.support import (
    MEMBER,
    document_record,
    key_of,
    new_key,
    put,
    register_key,
    register_member,
    running_node,
    sign,
)

__all__ = ["quiet_logs"]

SITE = "https://so-goc.phuson.example"
NAMES = ("Báo cáo", "Quyết định", "Công văn", "Tờ trình")


@dataclass
class Desk:
    node: Node
    keeper: VaultKeeper
    http: httpx.Client
    documents: list[bytes]
    """Records of numbered documents, in the order in which they were anchored."""
    certificate: bytes
    claims: FullClaims

    def signed(self, verb: str, *about: bytes | str, by: SigningKey | None = None) -> list[Value]:
        key = by or key_of(self.node)
        challenge = bytes.fromhex(self.http.post("/v1/vault/challenge").json()["challenge"])
        signature = key.sign(vault_message(self.node.chain_id, challenge, verb, *about))
        return [key.public_key, challenge, signature]

    def paper(
        self, path: str, record_id: bytes, payload: bytes, *, by: SigningKey | None = None
    ) -> httpx.Response:
        verb = {"certificate": "paper", "stamp": "stamp"}[path]
        body = encode([*self.signed(verb, record_id, SITE, sha256(payload), by=by), record_id, SITE, payload])
        return self.http.post(
            f"/v1/papers/{path}", content=body, headers={"content-type": "application/msgpack"}, timeout=30
        )

    def register(self, **query: str | int) -> list[dict[str, object]]:
        """All items of a register, page by page."""
        items: list[dict[str, object]] = []
        following: str | None = None
        while True:
            asked: dict[str, str | int] = dict(query)
            if following is not None:
                asked["before"] = following
            answer = self.http.get("/v1/registers/office", params=asked)
            assert answer.status_code == 200, answer.text
            items += answer.json()["items"]
            following = answer.json()["next"]
            if following is None:
                return items


def full_claims() -> FullClaims:
    schema = schemas()["ocop.1"]
    values: dict[str, ClaimValue] = {field.name: "Dứa sấy" for field in schema.fields}
    values |= {"hang_sao": 3, "ngay_cong_nhan": "2025-03-14"}
    return FullClaims(tuple(Claim(name, value) for name, value in values.items()), secrets.token_bytes(32))


def issue_record(claims: FullClaims) -> bytes:
    body: dict[str, Value] = {
        "authority": MEMBER,
        "certificate": secrets.token_bytes(16),
        "schema": "ocop.1",
        "claims_root": claims.root,
        "claims_count": len(claims.claims),
        "status_index": secrets.randbelow(131_072),
        "valid_from": "2025-03-14",
        "valid_until": "2028-03-13",
    }
    return encode_record("cert.issue/1", body)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with running_node(tmp_path_factory.mktemp("desk"), requests_per_address_per_minute=0) as node:
        keeper = open_vault(node, key_of(node, "vault"))
        keeper.start()
        documents = [
            document_record(
                number=str(number), date="2025-03-14", abstract=f"{NAMES[number % 4]} số {number}"
            )
            for number in range(1, 41)
        ]
        for at in range(0, 40, 8):
            put(node, sign(node, documents[at : at + 6]), sign(node, documents[at + 6 : at + 8]))
        claims = full_claims()
        certificate = issue_record(claims)
        put(node, sign(node, [certificate]))
        with serving(node, vault=keeper) as address, httpx.Client(base_url=address) as http:
            yield Desk(node, keeper, http, documents, certificate, claims)
        keeper.stop()


# --- registers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_register_lists_all_newest_first_whatever_the_page(desk: Desk, limit: int) -> None:
    found = [item["id"] for item in desk.register(limit=limit)]
    assert found == [leaf_hash(record).hex() for record in reversed(desk.documents)]


@pytest.mark.parametrize(("leaves", "records"), [(1, 20_000), (3, 20_000), (3_000, 1), (2, 2)])
def test_a_walk_that_ends_early_goes_on_where_it_ended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, leaves: int, records: int
) -> None:
    monkeypatch.setattr(registers, "MAX_LEAVES", leaves)
    monkeypatch.setattr(registers, "MAX_RECORDS", records)
    found = [item["id"] for item in desk.register(limit=5)]
    assert found == [leaf_hash(record).hex() for record in reversed(desk.documents)]


def test_search_and_kinds(desk: Desk) -> None:
    assert [item["body"]["number"] for item in desk.register(q="QUYẾT định 13")] == ["13"]  # type: ignore[index]
    decomposed = "Công văn"
    assert len(desk.register(q=decomposed)) == 10
    assert desk.register(q="không có đâu") == []
    (certificate,) = desk.register(kind="certificate")
    assert certificate["id"] == leaf_hash(desk.certificate).hex()


def test_a_register_s_bad_questions_are_named(desk: Desk) -> None:
    for path, code in (
        ("/v1/registers/nobody", "member.unknown"),
        ("/v1/registers/Office!", "member.unknown"),
        ("/v1/registers/office?before=x", "request.invalid"),
        ("/v1/registers/office?kind=paper", "request.invalid"),
        ("/v1/registers/office?limit=0", "request.invalid"),
    ):
        assert desk.http.get(path).json()["code"] == code
    assert desk.http.get("/v1/registers/office?before=999999999-5").json()["items"]


# --- papers ---------------------------------------------------------------------------------------------------------


def text_of(pdf: bytes) -> str:
    pypdf = pytest.importorskip("pypdf", reason="pip install 'sogoc[papers]' to make papers")
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages).split())


def test_a_certificate_s_sheet_is_made_for_an_officer_with_its_claims(desk: Desk) -> None:
    pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")
    record_id = leaf_hash(desk.certificate)
    answer = desk.paper("certificate", record_id, encode(desk.claims.to_value()))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
    assert answer.headers["cache-control"] == "no-store"
    text = text_of(answer.content)
    for said in ("Dứa sấy", "UBND phường Phú Sơn", grouped(code_of(record_id)), SITE):
        assert said in text


def test_claims_that_the_ledger_does_not_commit_to_are_not_typeset(desk: Desk) -> None:
    record_id = leaf_hash(desk.certificate)
    shown = desk.claims.disclose(["so"]).to_value()
    for claims in (full_claims().to_value(), shown):
        answer = desk.paper("certificate", record_id, encode(claims))
        assert answer.json()["code"] == "paper.claims"
    assert desk.paper("certificate", record_id, b"\xc1").json()["code"].startswith("encoding.")
    document = leaf_hash(desk.documents[0])
    assert (
        desk.paper("certificate", document, encode(desk.claims.to_value())).json()["code"] == "paper.record"
    )
    assert desk.paper("certificate", bytes(32), b"x").json()["code"] == "record.unknown"
    assert desk.paper("certificate", bytes(3), b"x").json()["code"] == "record.unknown"


def test_only_officers_of_the_authority_have_papers_made(desk: Desk) -> None:
    record_id, claims = leaf_hash(desk.certificate), encode(desk.claims.to_value())
    assert desk.paper("certificate", record_id, claims, by=new_key()).json()["code"] == "vault.key"
    register_member(desk.node, "school", "Trường THCS Phú Sơn")
    stranger = new_key()
    register_key(desk.node, stranger, member="school")
    assert desk.paper("certificate", record_id, claims, by=stranger).json()["code"] == "vault.owner"


def test_a_stamp_goes_on_the_file_that_was_anchored(desk: Desk) -> None:
    pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")
    pypdf = pytest.importorskip("pypdf", reason="pip install 'sogoc[papers]' to make papers")
    writer = pypdf.PdfWriter()
    writer.add_blank_page(595, 842)
    out = io.BytesIO()
    writer.write(out)
    pdf = out.getvalue()
    record = document_record(pdf)
    put(desk.node, sign(desk.node, [record]))
    answer = desk.paper("stamp", leaf_hash(record), pdf)
    assert answer.status_code == 200, answer.text
    assert grouped(code_of(leaf_hash(record))) in text_of(answer.content)
    assert desk.paper("stamp", leaf_hash(record), pdf + b"\n").json()["code"] == "paper.file"
    assert desk.paper("stamp", leaf_hash(desk.certificate), pdf).json()["code"] == "paper.record"
    text = document_record(b"xin chao")
    put(desk.node, sign(desk.node, [text]))
    assert desk.paper("stamp", leaf_hash(text), b"xin chao").json()["code"] == "paper.unreadable"


# --- enrolments -----------------------------------------------------------------------------------------------------


def ask(desk: Desk, key: SigningKey, *, roles: list[str] | None = None, **changed: object) -> httpx.Response:
    body: dict[str, object] = {
        "member": MEMBER,
        "roles": roles or ["office"],
        "public_key": key.public_key.hex(),
        "possession": key.sign(possession_message(desk.node.chain_id, MEMBER, key.public_key)).hex(),
    }
    return desk.http.post("/v1/enrolments", json=body | changed)


def waiting(desk: Desk) -> list[str]:
    return [one["public_key"] for one in desk.http.get("/v1/enrolments").json()["enrolments"]]


def test_a_key_waits_until_it_is_registered(desk: Desk) -> None:
    key = new_key()
    assert ask(desk, key).status_code == 202
    assert ask(desk, key).status_code == 202
    assert waiting(desk).count(key.public_key.hex()) == 1
    register_key(desk.node, key)
    assert key.public_key.hex() not in waiting(desk)
    assert ask(desk, key).json()["code"] == "key.exists"


def test_requests_that_could_not_be_approved_are_refused(desk: Desk) -> None:
    key = new_key()
    other = key.sign(possession_message(bytes(32), MEMBER, key.public_key)).hex()
    for changed, code in (
        ({"member": "nobody"}, "member.unknown"),
        ({"roles": ["producer"]}, "key.roles"),
        ({"roles": ["king"]}, "record.field-range"),
        ({"roles": [1]}, "record.field-range"),
        ({"roles": ["office", "issuer"]}, "record.field-order"),
        ({"possession": other}, "key.possession"),
        ({"public_key": "00" * 32}, "key.possession"),
        ({"public_key": "zz" * 32}, "request.json"),
        ({"possession": "ab"}, "request.json"),
        ({"member": "a" * 65}, "request.json"),
        ({"name": "Nguyễn Văn A"}, "request.json"),
    ):
        assert ask(desk, key, **changed).json()["code"] == code, changed
    assert desk.http.post("/v1/enrolments", content=b"{}").json()["code"] == "http.media-type"
    assert desk.http.post("/v1/enrolments", json=[]).json()["code"] == "request.json"
    assert key.public_key.hex() not in waiting(desk)


def test_nobody_is_pushed_out_and_nothing_waits_for_ever(desk: Desk) -> None:
    now = [1_000]
    enrolments = Enrolments(lambda: now[0])
    final, chain = desk.node.final, desk.node.chain_id

    def wait(key: SigningKey, address: str) -> None:
        possession = key.sign(possession_message(chain, MEMBER, key.public_key))
        enrolments.ask(final, chain, MEMBER, ["office"], key.public_key, possession, address=address)

    officer = new_key()
    wait(officer, "192.0.2.1")
    for _ in range(MAX_FROM_ONE_ADDRESS):
        wait(new_key(), "192.0.2.66")
    with pytest.raises(RefusedError) as caught:
        wait(new_key(), "192.0.2.66")
    assert (caught.value.rule, caught.value.permanent) == ("enrolment.full", False)
    wait(officer, "192.0.2.66")
    wait(new_key(), "192.0.2.1")
    assert enrolments.waiting(final)[0].public_key == officer.public_key
    now[0] += WAIT_MS + 1
    wait(new_key(), "192.0.2.66")
    assert len(enrolments.waiting(final)) == 1


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_body_is_refused_by_name(desk: Desk, body: bytes) -> None:
    for path, media_type in (
        ("/v1/enrolments", "application/json"),
        ("/v1/papers/stamp", "application/msgpack"),
        ("/v1/papers/certificate", "application/msgpack"),
    ):
        answer = desk.http.post(path, content=body, headers={"content-type": media_type})
        assert 400 <= answer.status_code < 500
        assert answer.json()["code"]


def test_the_typed_client_is_still_the_way_in(desk: Desk) -> None:
    with Client(str(desk.http.base_url)) as client:
        assert client.record(leaf_hash(desk.certificate)).status == "in-force"
    with pytest.raises(RefusedError):
        Enrolments(lambda: 0).ask(
            desk.node.final, bytes(32), MEMBER, ["office"], bytes(32), bytes(64), address=""
        )
