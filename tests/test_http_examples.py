"""The OpenAPI document's examples: every operation has them, and each is what its schema asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from api.http.app import create_app
from api.http.examples import add_examples, is_json
from api.wire import MSGPACK
from ledger.encoding import decode
from ledger.entry import parse_submission
from ledger.epcis.document import parse_document
from ledger.policy import Policy
from ledger.receipt import verify
from tests.support import make_node

MISSING = object()
DONE = ("200", "201", "202")
Described = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    node = make_node(tmp_path_factory.mktemp("examples"))
    try:
        found: dict[str, Any] = json.loads(json.dumps(create_app(node).openapi_schema))
    finally:
        node.stop()
    return found


def described(document: dict[str, Any]) -> Iterator[Described]:
    """Everything that is taken or answered, but for problems: where, media type, description."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts = {"body": operation.get("requestBody")} | operation["responses"]
            for part, one in parts.items():
                for media_type, content in ((one or {}).get("content") or {}).items():
                    if part != "default":
                        yield f"{method.upper()} {path} {part}", media_type, content


def examples(content: dict[str, Any]) -> list[Any]:
    named = [one["value"] for one in content.get("examples", {}).values()]
    return named + ([content["example"]] if "example" in content else [])


def without_example(document: dict[str, Any]) -> list[str]:
    """What has none: contents, and operations that describe no good answer at all."""
    found = [f"{where} {media}" for where, media, content in described(document) if not examples(content)]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if not any(operation["responses"].get(status, {}).get("content") for status in DONE):
                found.append(f"{method.upper()} {path}")
    return found


def is_good(schema: dict[str, Any], media_type: str, one: object) -> bool:
    """Whether an example is what the schema asks for, and neither empty JSON nor anything but text for other types."""
    validator = jsonschema_rs.validator_for(schema)
    return validator.is_valid(one) and (bool(one) if is_json(media_type) else isinstance(one, str))


def wrong(document: dict[str, Any]) -> list[str]:
    """Examples that are not what their schema asks for."""
    components = {"components": document["components"]}
    return [
        f"{where} {media_type}"
        for where, media_type, content in described(document)
        for one in examples(content)
        if not is_good(content.get("schema", {}) | components, media_type, one)
    ]


def test_every_operation_has_an_example_of_what_it_takes_and_of_what_it_answers(
    document: dict[str, Any],
) -> None:
    assert len(list(described(document))) > 100
    assert without_example(document) == []


def test_every_example_is_what_its_schema_asks_for(document: dict[str, Any]) -> None:
    assert wrong(document) == []


def test_an_example_that_is_taken_out_is_missed(document: dict[str, Any]) -> None:
    for where, media_type, content in described(document):
        kept = dict(content)
        content.pop("example", None)
        content.pop("examples", None)
        try:
            assert without_example(document) == [f"{where} {media_type}"]
        finally:
            content.update(kept)
    block = document["paths"]["/v1/blocks/{height}"]["get"]["responses"]
    answer = block.pop("200")
    assert without_example(document) == ["GET /v1/blocks/{height}"]
    block["200"] = answer


@pytest.mark.parametrize(
    ("path", "names", "value"),
    [
        ("/v1/blocks/{height}", ("header", "parent"), "9f" * 31),
        ("/v1/blocks/{height}", ("header", "time_ms"), -1),
        ("/v1/status", ("height",), MISSING),
        ("/v1/records/{record_id}", ("subject", "colour"), "red"),
    ],
)
def test_an_example_that_is_wrong_is_found(
    document: dict[str, Any], path: str, names: tuple[str, ...], value: object
) -> None:
    content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    good = content["example"]
    changed = content["example"] = json.loads(json.dumps(good))
    for name in names[:-1]:
        changed = changed[name]
    if value is MISSING:
        del changed[names[-1]]
    else:
        changed[names[-1]] = value
    try:
        assert wrong(document) == [f"GET {path} 200 application/json"]
    finally:
        content["example"] = good


def test_an_example_without_its_place_is_refused() -> None:
    with pytest.raises(KeyError):
        add_examples({})


def test_times_are_milliseconds(document: dict[str, Any]) -> None:
    times = [
        int(time)
        for _, _, content in described(document)
        for time in re.findall(r'"\w+_ms": (\d+)', json.dumps(examples(content)))
    ]
    assert len(times) > 50
    assert all(1_790_000_000_000 <= time < 1_800_000_000_000 for time in times)


def test_the_entry_and_the_receipt_of_the_examples_are_real(document: dict[str, Any]) -> None:
    """They belong together, as they would on a ledger."""
    paths = document["paths"]
    post = paths["/v1/entries"]["post"]
    entry = parse_submission(bytes.fromhex(post["requestBody"]["content"][MSGPACK]["example"]))
    answer = post["responses"]["200"]["content"]["application/json"]["example"]
    assert (entry.id.hex(), [one.hex() for one in entry.record_ids]) == (answer["id"], answer["records"])
    text = paths["/v1/records/{record_id}/receipt"]["get"]["responses"]["200"]["content"]["text/plain"]
    policy = paths["/v1/policy"]["get"]["responses"]["200"]["content"]["text/plain"]["example"]
    assert verify(text["example"], Policy.parse(policy)).record.id.hex() == answer["records"][0]


def test_the_bodies_of_msgpack_can_be_read(document: dict[str, Any]) -> None:
    bodies = [
        content["example"]
        for where, media_type, content in described(document)
        if media_type == MSGPACK and where.endswith(" body")
    ]
    assert len(bodies) == 7
    for body in bodies:
        assert isinstance(decode(bytes.fromhex(body)), list)


def test_the_documents_of_epcis_can_be_read(document: dict[str, Any]) -> None:
    """Their answers have no schema here, because the standard has one: so they are read as such documents are."""
    found = [
        content["example"]
        for where, _, content in described(document)
        if where.startswith("GET /epcis/v2/") and content["example"]["type"].endswith("Document")
    ]
    assert len(found) == 2 * 8  # in both media types
    for one in found:
        events = parse_document(json.dumps(one).encode()).events
        assert bool(events) is (one["type"] == "EPCISQueryDocument")
