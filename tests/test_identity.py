"""The DID document of a node's domain: which keys issue under it, as the newest checkpoint has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.http.app import create_app
from ledger.credentials.did import parse_multikey
from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.keys import SigningKey
from node.service import Node
from tests.support import (
    MEMBER,
    key_of,
    new_key,
    put,
    register_key,
    register_member,
    retire_key,
    running_node,
    sign,
)

DOMAIN = "phuson.example:8443"
DID = "did:web:phuson.example%3A8443"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with running_node(tmp_path, domain=DOMAIN, domain_member=MEMBER) as node:
        yield node


def issuers(node: Node) -> set[bytes]:
    with TestClient(create_app(node)) as http:
        answer = http.get("/.well-known/did.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/did+json"
    # A resolver in another page may read it.
    assert answer.headers["access-control-allow-origin"] == "*"
    document = answer.json()
    assert document["id"] == DID
    methods = document["verificationMethod"]
    assert [one["id"] for one in methods] == document["assertionMethod"]
    assert all(
        one["id"] == f"{DID}#{one['publicKeyMultibase']}" and one["controller"] == DID for one in methods
    )
    return {parse_multikey(one["publicKeyMultibase"]) for one in methods}


def test_the_keys_are_those_that_issue_for_the_member(node: Node) -> None:
    office = key_of(node).public_key
    issuer, clerk, stranger = new_key(), new_key(), new_key()
    register_key(node, issuer, roles=("issuer",))
    register_key(node, clerk, roles=("office",))
    register_member(node, "other", "UBND phường Bắc Sơn", roles=("issuer", "office"))
    register_key(node, stranger, member="other", roles=("issuer",))
    assert issuers(node) == {office, issuer.public_key}
    retire_key(node, issuer)
    assert issuers(node) == {office, issuer.public_key}
    revoke(node, issuer)
    assert issuers(node) == {office}


def revoke(node: Node, key: SigningKey) -> None:
    body: dict[str, Value] = {"authority": MEMBER, "member": MEMBER, "key": key.public_key, "from_ms": 0}
    put(node, sign(node, [encode_record("key.revoke/1", body)], key="admin"))


def test_without_a_domain_there_is_none(node: Node) -> None:
    node.config = replace(node.config, domain="")
    with TestClient(create_app(node)) as http:
        answer = http.get("/.well-known/did.json")
    assert (answer.status_code, answer.json()["code"]) == (404, "did.none")
