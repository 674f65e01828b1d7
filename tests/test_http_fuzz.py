"""Bad input: whatever comes, the answer is never a 500, and every refusal is a problem with a code of the documented kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from httpx import Response
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.http.app import create_app
from api.http.models import BatchResult, Problem
from api.wire import JSON, MSGPACK, encode_batch
from ledger.encoding import encode
from ledger.entry import Entry
from node.service import Node
from node.vault.keeper import open_vault
from tests.support import document_record, key_of, put, running_node, sign
from tests.witnesses import WardLog, open_witness, witness_home

CODE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("fuzz"), requests_per_address_per_minute=0) as node:
        put(node, sign(node), sign(node, [document_record(), document_record()]))
        yield node


@pytest.fixture(scope="module")
def http(node: Node) -> Iterator[TestClient]:
    keeper = open_vault(node, key_of(node, "vault"))
    witness = open_witness(witness_home(node.home.path, WardLog()))
    with TestClient(create_app(node, vault=keeper, witness=witness), client=("127.0.0.1", 50_000)) as client:
        yield client
    keeper.stop()


@pytest.fixture(scope="module")
def entry(node: Node) -> Entry:
    """A good entry that nobody submits as it is."""
    return sign(node, [document_record() for _ in range(3)])


def check(response: Response) -> None:
    """Either what was asked for, or a problem that names its rule."""
    assert response.status_code < 500, response.text
    if response.status_code == 207:
        results = BatchResult.model_validate_json(response.content).results
        problems = [result.problem for result in results if result.problem]
        assert problems
    elif response.status_code >= 400:
        problems = [Problem.model_validate_json(response.content)]
        assert problems[0].status == response.status_code
    else:
        return
    for problem in problems:
        assert CODE.fullmatch(problem.code)
        assert 0 < len(problem.detail) <= 300
        assert problem.status < 500


def post(http: TestClient, body: bytes, media_type: str = MSGPACK) -> Response:
    response: Response = http.post("/v1/entries", content=body, headers={"content-type": media_type})
    return response


@FUZZ
@given(body=st.binary(max_size=300), media_type=st.sampled_from([MSGPACK, JSON]))
@example(body=b"\xdd\xff\xff\xff\xff", media_type=MSGPACK)
@example(body=b"\xc6\xff\xff\xff\xff", media_type=MSGPACK)
@example(body=b"\x92\x01\xdd\xff\xff\xff\xff", media_type=MSGPACK)
@example(body=b"\x93\x00\xc4", media_type=MSGPACK)
@example(body=b'{"entries": [[]]}', media_type=JSON)
@example(body=b"1e999", media_type=JSON)
@example(body=b'"\\ud800"', media_type=JSON)
@example(body=b'{"\\ud800": 1}', media_type=JSON)
def test_any_bytes(http: TestClient, body: bytes, media_type: str) -> None:
    check(post(http, body, media_type))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.binary(max_size=70)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
    ),
    max_leaves=20,
)


@FUZZ
@given(value=values, leaf=values, tag=st.integers(-1, 3))
def test_any_value(http: TestClient, value: Any, leaf: Any, tag: int) -> None:  # noqa: ANN401
    check(post(http, encode(value)))
    check(post(http, encode([tag, encode(leaf), [encode(value)]])))
    check(post(http, encode([tag, leaf, value])))
    check(post(http, encode([1, [encode([0, encode([0, leaf, bytes(64)]), [encode(value)]])]])))


@FUZZ
@given(data=st.data())
def test_a_good_entry_changed_anywhere(http: TestClient, entry: Entry, data: st.DataObject) -> None:
    body = bytearray(entry.submission())
    at = data.draw(st.integers(0, len(body) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "insert", "delete"]))
    if change == "flip":
        body[at] ^= data.draw(st.integers(1, 255))
    elif change == "cut":
        del body[at:]
    elif change == "insert":
        body[at:at] = data.draw(st.binary(min_size=1, max_size=9))
    else:
        del body[at]
    if bytes(body) != entry.submission():
        response = post(http, bytes(body))
        assert 400 <= response.status_code < 500, response.text
        check(response)
        check(post(http, encode_batch([bytes(body)])))


@FUZZ
@given(
    prefix=st.sampled_from(
        [
            "/v1/entries/",
            "/v1/records/",
            "/v1/documents/",
            "/v1/blocks/",
            "/v1/state/",
            "/tile/",
            "/docs/",
            "/v1/",
            "/",
        ]
    ),
    text=st.text(max_size=80) | st.from_regex(r"[0-9a-f/.xp]{0,70}", fullmatch=True),
    suffix=st.sampled_from(["", "/receipt", "/", "?format=ics23"]),
)
@example(prefix="/v1/blocks/", text="9" * 2_000, suffix="")
@example(prefix="/v1/blocks/", text="1_0", suffix="")
@example(prefix="/tile/", text="entries/x999/x999/x999/x999/999", suffix="")
@example(prefix="/v1/state/", text="00", suffix="?format=ics23")
def test_any_path(http: TestClient, prefix: str, text: str, suffix: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    if f"{prefix}{text}".startswith("/v1/events"):
        return  # an endless stream is a good answer too
    check(http.get(prefix + quote(text, safe="/") + suffix))
    check(http.get(prefix + quote(text, safe="") + suffix))


@FUZZ
@given(raw=st.binary(max_size=60))
def test_any_percent_encoded_bytes(http: TestClient, raw: bytes) -> None:
    for prefix in ("/v1/entries/", "/tile/", "/v1/state/", "/v1/blocks/"):
        check(http.get(prefix + "".join(f"%{byte:02x}" for byte in raw)))


@FUZZ
@given(
    name=st.sampled_from(["from", "limit", "format", "wait", "x"]),
    value=st.text(max_size=40) | st.integers().map(str),
)
def test_any_query(http: TestClient, name: str, value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    for path in ("/v1/blocks", "/v1/state/00", "/v1/status", "/readyz"):
        check(http.get(path, params={name: value}))
    check(http.post("/v1/entries", params={name: value}, content=b"", headers={"content-type": MSGPACK}))


@FUZZ
@given(body=st.binary(max_size=200))
def test_any_bytes_for_receipts(http: TestClient, body: bytes) -> None:
    check(http.post("/v1/receipts", content=body, headers={"content-type": JSON}))


@FUZZ
@given(
    body=st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: f"old 0\n\n{text}".encode("utf-8", "replace"))
)
@example(body=WardLog(leaves=[bytes(32)]).request(0)[:-3])
@example(body=WardLog("nobody.example", leaves=[bytes(32)]).request(0))
def test_any_bytes_for_a_witness(http: TestClient, body: bytes) -> None:
    check(http.post("/add-checkpoint", content=body))


# -- as the description says -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def described(http: TestClient) -> Any:  # noqa: ANN401  schemathesis types it as unknown
    return schemathesis.openapi.from_asgi("/openapi.json", http.app)


@schemathesis.serializer(MSGPACK)
def as_it_is(_: object, value: object) -> bytes:
    """Whatever is drawn for a body of msgpack goes out as bytes: nearly all of it is none."""
    if isinstance(value, bytes):
        return value
    return value.encode(errors="replace") if isinstance(value, str) else repr(value).encode()


OPERATIONS = [
    ("POST", "/v1/entries"),
    ("POST", "/v1/receipts"),
    ("GET", "/v1/entries/{entry_id}"),
    ("GET", "/v1/records/{record_id}"),
    ("GET", "/v1/records/{record_id}/receipt"),
    ("GET", "/v1/documents/{document_hash}"),
    ("GET", "/v1/blocks"),
    ("GET", "/v1/blocks/{height}"),
    ("GET", "/v1/state/{key}"),
    ("GET", "/v1/snapshot"),
    ("GET", "/v1/snapshot/{size}"),
    ("GET", "/v1/policy"),
    ("GET", "/v1/policy/epochs"),
    ("GET", "/v1/members"),
    ("GET", "/v1/status"),
    ("GET", "/v1/evidence"),
    ("GET", "/v1/cosigned/{key}"),
    ("GET", "/checkpoint"),
    ("GET", "/tile/{path}"),
    ("GET", "/genesis"),
    ("GET", "/.well-known/did.json"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/v1/certificates/{certificate}"),
    ("GET", "/v1/certificates/{certificate}/proof"),
    ("GET", "/v1/certificates/{certificate}/receipt"),
    ("GET", "/v1/codes/{code}"),
    ("GET", "/v1/enrolments"),
    ("GET", "/v1/exports/{form}/{item}"),
    ("GET", "/v1/findings"),
    ("GET", "/v1/findings/{item}"),
    ("POST", "/v1/enrolments"),
    ("POST", "/v1/papers/certificate"),
    ("POST", "/v1/papers/stamp"),
    ("GET", "/v1/proposals"),
    ("GET", "/v1/records/{record_id}/compact-receipt"),
    ("GET", "/v1/registers/{authority}"),
    ("GET", "/v1/status-lists/{authority}/{number}"),
    ("GET", "/v1/status-lists/{authority}/{number}/{purpose}"),
    ("GET", "/v1/subjects/{kind}/{authority}/{identifier}/history"),
    ("GET", "/v1/subjects/{record_id}/history"),
    ("POST", "/v1/vault/batches"),
    ("GET", "/v1/lots"),
    ("GET", "/v1/lots/{lot}"),
    ("GET", "/v1/places"),
    ("GET", "/v1/products"),
    ("GET", "/v1/products/{product}"),
    ("GET", "/00/{sscc}"),
    ("GET", "/01/{goods}"),
    ("GET", "/v1/trace/{item}"),
    ("POST", "/v1/vault/carry-out"),
    ("POST", "/v1/vault/challenge"),
    ("POST", "/v1/vault/items"),
    ("POST", "/v1/vault/read"),
    ("POST", "/v1/vault/state"),
    ("GET", "/epcis/v2"),
    ("GET", "/epcis/v2/bizLocations"),
    ("GET", "/epcis/v2/bizLocations/{name}/events"),
    ("GET", "/epcis/v2/bizSteps"),
    ("GET", "/epcis/v2/bizSteps/{name}/events"),
    ("GET", "/epcis/v2/dispositions"),
    ("GET", "/epcis/v2/dispositions/{name}/events"),
    ("GET", "/epcis/v2/epcs"),
    ("GET", "/epcis/v2/epcs/{name}/events"),
    ("GET", "/epcis/v2/eventTypes"),
    ("GET", "/epcis/v2/eventTypes/{name}/events"),
    ("GET", "/epcis/v2/events"),
    ("GET", "/epcis/v2/events/{event_id}"),
    ("GET", "/epcis/v2/masterData"),
    ("GET", "/epcis/v2/readPoints"),
    ("GET", "/epcis/v2/readPoints/{name}/events"),
    ("GET", "/v1/witness"),
    ("POST", "/add-checkpoint"),
]


def test_no_operation_is_left_out(http: TestClient) -> None:
    document = http.get("/openapi.json").json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described - set(OPERATIONS) == {("GET", "/v1/events")}  # endless; its own tests are elsewhere


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_endpoint_does_what_its_description_says(described: Any, method: str, path: str) -> None:  # noqa: ANN401
    # Schemathesis draws requests that follow the description, and some that do not; its own pytest plugin is not used, since
    # it stands on private parts of pytest.
    checks = [
        schemathesis.checks.not_a_server_error,
        schemathesis.checks.status_code_conformance,
        schemathesis.checks.content_type_conformance,
        schemathesis.checks.response_schema_conformance,
    ]
    operation = described[path][method]

    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    @given(
        case=st.one_of(
            operation.as_strategy(),
            operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE),
        )
    )
    def follows(case: Any) -> None:  # noqa: ANN401
        response = case.call()
        case.validate_response(response, checks=checks)
        if response.status_code >= 400:
            assert CODE.fullmatch(response.json()["code"])

    follows()
