"""A real node in a temporary directory, and signed entries to give it: shared by the tests of `node` and `api`.

* `make_node(tmp_path)`: a new ledger, opened, not started;
* `with running_node(tmp_path) as node:` the same, started, and stopped at the end;
* `sign(node, [document_record(b"a file")])`: an entry by the office's key; its `.submission()` is what travels.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.encoding import Value
from ledger.entry import NONCE_SIZE, Entry, encode_record, sign_entry
from ledger.hashing import ENTRY, signed_message
from ledger.keys import SigningKey
from ledger.records.members import possession_message
from node.config import Config
from node.home import Home, init, load_keys
from node.service import Node, clock_ms
from tests import edwards

ORIGIN = "test.example/so-goc"
MEMBER = "office"
NODE_KEYS = ("log", "validator", "header")

_numbers = itertools.count(1)


def make_home(path: Path, *, time_s: int | None = None) -> Home:
    """A new ledger in `path`, with keys that are not encrypted."""
    init(
        path,
        origin=ORIGIN,
        name="UBND phường Phú Sơn",
        time_s=clock_ms() // 1000 if time_s is None else time_s,
        passphrase=None,
    )
    return Home(path)


def make_node(path: Path, *, clock: Callable[[], int] = clock_ms, **config: Any) -> Node:  # noqa: ANN401  fields of Config
    """A node with a ledger of its own in `path`/node (made if it is not there), opened and not started.

    `clock` gives milliseconds since the epoch; `config` are fields of `node.config.Config`. The caller stops it.
    """
    home = Home(path / "node")
    if not home.path.exists():
        make_home(home.path, time_s=clock() // 1000)
    return Node(home, Config(**config), load_keys(home, NODE_KEYS, None), clock_ms=clock)


@contextmanager
def running_node(path: Path, *, clock: Callable[[], int] = clock_ms, **config: Any) -> Iterator[Node]:  # noqa: ANN401
    """As `make_node`, started, and stopped at the end."""
    node = make_node(path, clock=clock, **config)
    try:
        node.start()
        yield node
    finally:
        node.stop()


def key_of(node: Node, name: str = "office") -> SigningKey:
    """One of the keys in the node's home: admin, office, log, validator, header, engine."""
    return load_keys(node.home, (name,), None)[name]


def new_key() -> SigningKey:
    """A fresh key that no ledger knows."""
    return SigningKey.from_seed(secrets.token_bytes(32))


def document_record(content: bytes | None = None, *, authority: str = MEMBER, **fields: Value) -> bytes:
    """A `doc.anchor/1` of a public document; without `content`, of one that no other call makes."""
    if content is None:
        content = b"document %d" % next(_numbers)
    body: dict[str, Value] = {
        "authority": authority,
        "hash": hashlib.sha256(content).digest(),
        "media_type": "application/pdf",
        "size": len(content),
    }
    return encode_record("doc.anchor/1", body | fields)


def sign(
    node: Node,
    records: Sequence[bytes] | None = None,
    *,
    key: SigningKey | str = "office",
    time_ms: int | None = None,
    chain_id: bytes | None = None,
    nonce: bytes | None = None,
) -> Entry:
    """An entry over `records` (one new document if none are given) for the node's ledger, by a key or a key file's name."""
    return sign_entry(
        key_of(node, key) if isinstance(key, str) else key,
        chain_id=node.chain_id if chain_id is None else chain_id,
        nonce=secrets.token_bytes(NONCE_SIZE) if nonce is None else nonce,
        time_ms=clock_ms() if time_ms is None else time_ms,
        records=[document_record()] if records is None else records,
    )


def put(node: Node, *entries: Entry, seconds: float = 20.0) -> None:
    """Submit entries to a running node and wait until each is final. Raises whatever refuses one of them."""
    for outcome in node.submit([entry.submission() for entry in entries]):
        if isinstance(outcome, Exception):
            raise outcome
    for entry in entries:
        node.wait(entry.id).result(seconds)


def register_key(
    node: Node, key: SigningKey, *, member: str = MEMBER, roles: Sequence[str] = ("office",)
) -> None:
    """Put a key in service for a member of a running node's ledger, by the administrator's key."""
    body: dict[str, Value] = {
        "authority": MEMBER,
        "member": member,
        "key": key.public_key,
        "roles": list[Value](sorted(roles)),
        "possession": key.sign(possession_message(node.chain_id, member, key.public_key)),
    }
    put(node, sign(node, [encode_record("key.register/1", body)], key="admin"))


def retire_key(node: Node, key: SigningKey, *, member: str = MEMBER) -> None:
    """Take a key out of service."""
    body: dict[str, Value] = {"authority": MEMBER, "member": member, "key": key.public_key}
    put(node, sign(node, [encode_record("key.retire/1", body)], key="admin"))


def register_member(node: Node, member: str, name: str, roles: Sequence[str] = ("office",)) -> None:
    """Admit a member to a running node's ledger, by the administrator's key."""
    body: dict[str, Value] = {
        "authority": MEMBER,
        "member": member,
        "name": name,
        "roles": list[Value](sorted(roles)),
    }
    put(node, sign(node, [encode_record("member.register/1", body)], key="admin"))


def second_signature(entry: Entry, seed: bytes) -> Entry:
    """The same entry under another valid signature: Ed25519 with a nonce of its own, as a signer with randomness makes it."""
    digest = bytearray(hashlib.sha512(seed).digest()[:32])
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    signature = edwards.sign(
        int.from_bytes(digest, "little"),
        entry.body.author_key,
        signed_message(ENTRY, entry.body_bytes),
        nonce=int.from_bytes(hashlib.sha512(seed + entry.id).digest(), "little") % edwards.L,
    )
    return Entry(entry.body, signature, entry.records)
