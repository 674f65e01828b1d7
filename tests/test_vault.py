"""The vault beside a node: only a signature opens it, every look is on the ledger, and what is erased is gone for good."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from api.cli.output import ExitCode
from api.client import ApiError, Client
from api.vault import VaultClient
from ledger.encoding import Value, encode
from ledger.entry import encode_record
from ledger.errors import LedgerError, RefusedError
from ledger.hashing import sha256
from ledger.keys import SigningKey
from ledger.records.privacy import vault_item, vault_message, vault_place
from ledger.rows import member_key
from node.service import Node, clock_ms
from node.vault import keeper as keeper_module
from node.vault.access import ACCESS_MS, CHALLENGE_MS, Challenges, Signed
from node.vault.batch import MAX_BATCH_BYTES, MAX_BATCH_ITEMS, batch_of
from node.vault.keeper import VaultKeeper, open_vault
from node.vault.store import Kept, Vault, VaultError
from tests.serving import quiet_logs, serving, sogoc
from tests.support import (
    MEMBER,
    key_of,
    make_node,
    new_key,
    put,
    register_key,
    register_member,
    retire_key,
    running_node,
    sign,
)

__all__ = ["quiet_logs"]


class Clock:
    """A clock that the tests move."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return clock_ms() + self.ahead_ms


@dataclass
class Desk:
    node: Node
    keeper: VaultKeeper
    clock: Clock
    made: int = 0

    def item(self) -> bytes:
        """An identifier that nothing stands under."""
        self.made += 1
        return vault_item(MEMBER, "certificate", self.made.to_bytes(16, "big"))

    def signed(
        self, verb: str, *about: bytes | str, by: SigningKey | None = None, challenge: bytes | None = None
    ) -> Signed:
        key = by or key_of(self.node)
        challenge = challenge if challenge is not None else self.keeper.challenge()[0]
        return Signed(
            key.public_key, challenge, key.sign(vault_message(self.node.chain_id, challenge, verb, *about))
        )

    def store(
        self, item: bytes, content: bytes, *, owner: str = MEMBER, by: SigningKey | None = None
    ) -> None:
        self.keeper.store(self.signed("store", owner, item, sha256(content), by=by), owner, item, content)

    def record_access(self, item: bytes, *, by: SigningKey | str = "office", **fields: Value) -> bytes:
        body: dict[str, Value] = {
            "authority": MEMBER,
            "owner": MEMBER,
            "item": item,
            "nonce": secrets.token_bytes(16),
            "purpose": "citizen-request",
            "legal_ground": "consent",
        }
        entry = sign(self.node, [encode_record("access.log/1", body | fields)], key=by)
        put(self.node, entry)
        return entry.record_ids[0]

    def read(self, access: bytes, *, by: SigningKey | None = None) -> bytes:
        return self.keeper.read(self.signed("read", access, by=by), access)

    def bury(self, item: bytes) -> bytes:
        body: dict[str, Value] = {"authority": MEMBER, "item": item, "legal_ground": "data-subject-request"}
        entry = sign(self.node, [encode_record("erase.tombstone/1", body)])
        put(self.node, entry)
        return entry.record_ids[0]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    clock = Clock()
    with running_node(tmp_path_factory.mktemp("vault")) as node:
        keeper = open_vault(node, key_of(node, "vault"), clock_ms=clock)
        keeper.start()
        yield Desk(node, keeper, clock)
        keeper.stop()


def rule_of(call: object, *arguments: object, **options: object) -> str:
    with pytest.raises(LedgerError) as caught:
        call(*arguments, **options)  # type: ignore[operator]
    return caught.value.rule


def test_what_an_officer_keeps_is_read_after_the_access_is_on_the_ledger(desk: Desk) -> None:
    item = desk.item()
    desk.store(item, b"claims and salt")
    assert desk.read(desk.record_access(item)) == b"claims and salt"


def test_an_access_opens_its_item_once_for_its_officer_and_for_a_quarter_of_an_hour(desk: Desk) -> None:
    item, other = desk.item(), new_key()
    register_key(desk.node, other)
    desk.store(item, b"claims")
    access = desk.record_access(item)
    assert rule_of(desk.read, access, by=other) == "vault.other-officer"
    assert desk.read(access) == b"claims"
    assert rule_of(desk.read, access) == "vault.used"
    late = desk.record_access(item)
    desk.clock.ahead_ms = ACCESS_MS + 60_000
    try:
        assert rule_of(desk.read, late) == "vault.access-old"
    finally:
        desk.clock.ahead_ms = 0


def test_without_a_record_on_the_ledger_nothing_is_read(desk: Desk) -> None:
    item = desk.item()
    desk.store(item, b"claims")
    assert rule_of(desk.read, bytes(32)) == "vault.not-recorded"
    entry = sign(desk.node)
    put(desk.node, entry)
    assert rule_of(desk.read, entry.record_ids[0]) == "vault.not-recorded"
    assert rule_of(desk.read, desk.record_access(desk.item())) == "vault.unknown"


def test_a_challenge_is_good_once_and_for_a_minute(desk: Desk) -> None:
    item = desk.item()
    signed = desk.signed("store", MEMBER, item, sha256(b"a"))
    desk.keeper.store(signed, MEMBER, item, b"a")
    assert rule_of(desk.keeper.store, signed, MEMBER, item, b"a") == "vault.challenge"
    unknown = desk.signed("store", MEMBER, item, sha256(b"a"), challenge=bytes(32))
    assert rule_of(desk.keeper.store, unknown, MEMBER, item, b"a") == "vault.challenge"
    late = desk.signed("store", MEMBER, item, sha256(b"a"))
    desk.clock.ahead_ms = CHALLENGE_MS
    try:
        assert rule_of(desk.keeper.store, late, MEMBER, item, b"a") == "vault.challenge"
    finally:
        desk.clock.ahead_ms = 0


def test_challenges_cannot_be_used_up_by_others_and_are_of_this_process() -> None:
    now = [0]
    challenges, others = Challenges(lambda: now[0]), Challenges(lambda: now[0])
    given = [challenges.give()[0] for _ in range(5_000)]
    assert len(set(given)) == len(given)
    challenges.check(given[0])
    challenges.use(given[0])
    assert rule_of(challenges.check, given[0]) == "vault.challenge"
    assert rule_of(challenges.use, given[0]) == "vault.challenge"
    challenges.check(given[1])
    for wrong in (
        others.give()[0],
        bytes(32),
        b"",
        given[2][:-1],
        (10**12).to_bytes(8, "big") + given[2][8:],
    ):
        assert rule_of(challenges.check, wrong) == "vault.challenge"
    now[0] = CHALLENGE_MS
    assert rule_of(challenges.check, given[1]) == "vault.challenge"
    challenges.use(challenges.give()[0])
    assert len(challenges._used) == 1


@pytest.mark.parametrize("wrong", ["verb", "owner", "item", "content", "chain", "signature"])
def test_the_signature_names_all_that_is_asked(desk: Desk, wrong: str) -> None:
    item, key = desk.item(), key_of(desk.node)
    challenge = desk.keeper.challenge()[0]
    chain = bytes(32) if wrong == "chain" else desk.node.chain_id
    message = vault_message(
        chain,
        challenge,
        "read" if wrong == "verb" else "store",
        "school" if wrong == "owner" else MEMBER,
        bytes(32) if wrong == "item" else item,
        sha256(b"b" if wrong == "content" else b"a"),
    )
    signature = bytes(64) if wrong == "signature" else key.sign(message)
    signed = Signed(key.public_key, challenge, signature)
    assert rule_of(desk.keeper.store, signed, MEMBER, item, b"a") == "vault.signature"
    assert desk.keeper.state(desk.signed("state", MEMBER, item), MEMBER, item) is Kept.UNKNOWN


def test_who_may_not_open_a_vault(desk: Desk) -> None:
    item, retired = desk.item(), new_key()
    assert rule_of(desk.store, item, b"a", by=new_key()) == "vault.key"
    assert rule_of(desk.store, item, b"a", by=key_of(desk.node, "admin")) == "vault.role"
    register_key(desk.node, retired)
    desk.store(item, b"a", by=retired)
    retire_key(desk.node, retired)
    assert rule_of(desk.store, item, b"a", by=retired) == "vault.key"
    stranger = new_key()
    register_member(desk.node, "school", "Trường THCS Phú Sơn")
    register_key(desk.node, stranger, member="school")
    assert rule_of(desk.store, item, b"a", by=stranger) == "vault.owner"
    access = desk.record_access(item, by=stranger, authority="school")
    assert rule_of(desk.read, access, by=stranger) == "vault.owner"


def neighbour(desk: Desk) -> SigningKey:
    """An officer of another member of the ledger."""
    key = new_key()
    if desk.node.final.view.get(member_key("ward")) is None:
        register_member(desk.node, "ward", "UBND phường Bắc Sơn")
    register_key(desk.node, key, member="ward")
    return key


def test_another_member_s_records_neither_open_nor_destroy_nor_occupy_an_item(desk: Desk) -> None:
    item, stranger = desk.item(), neighbour(desk)
    desk.store(item, b"squatted", owner="ward", by=stranger)
    desk.store(item, b"claims")
    access = desk.record_access(item, by=stranger, authority="ward", owner="ward")
    assert desk.read(access, by=stranger) == b"squatted"
    body: dict[str, Value] = {"authority": "ward", "item": item, "legal_ground": "consent"}
    put(desk.node, sign(desk.node, [encode_record("erase.tombstone/1", body)], key=stranger))
    assert desk.keeper.carry_out() == 1
    assert desk.read(desk.record_access(item)) == b"claims"


def test_a_vault_starts_before_anything_is_final_and_sweeps_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a validator whose newest block the others have not cosigned yet."""
    item = desk.item()
    desk.store(item, b"claims")
    access = desk.record_access(item)
    desk.bury(item)
    keeper = VaultKeeper(desk.node, desk.keeper._vault, clock_ms=desk.clock)
    monkeypatch.setattr(keeper_module, "_SWEEP_SECONDS", 0.01)
    with monkeypatch.context() as before:
        before.setattr(desk.node, "_final", None)
        keeper.start()
    until_erased = time.monotonic() + 20
    while desk.keeper._vault.state(vault_place(MEMBER, item)) is not Kept.ERASED:
        assert time.monotonic() < until_erased
        time.sleep(0.01)
    keeper._stopping.set()
    keeper._sweeper.join()
    assert rule_of(desk.read, access) == "vault.erased"


def test_an_item_is_looked_at_as_often_as_it_takes(desk: Desk) -> None:
    item, other = desk.item(), new_key()
    register_key(desk.node, other)
    desk.store(item, b"claims")
    for by in ("office", "office", other):
        key = None if by == "office" else other
        assert desk.read(desk.record_access(item, by=by), by=key) == b"claims"


def test_nothing_is_read_between_the_tombstone_and_its_carrying_out(desk: Desk) -> None:
    item = desk.item()
    desk.store(item, b"claims")
    access = desk.record_access(item)
    desk.bury(item)
    assert rule_of(desk.read, access) == "vault.erased"
    assert desk.keeper.carry_out() == 1


def test_two_who_keep_at_once_do_not_both_succeed(desk: Desk) -> None:
    item, rules = desk.item(), list[str]()

    def keep(content: bytes) -> None:
        try:
            desk.keeper._vault.put(item, content)
        except LedgerError as error:
            rules.append(error.rule)

    for number in range(20):
        item, rules = desk.item(), []
        threads = [threading.Thread(target=keep, args=(b"%d %d" % (number, at),)) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert rules == ["vault.exists"] * 3


def test_a_tombstone_is_carried_out_and_the_ledger_stands(desk: Desk) -> None:
    item, kept = desk.item(), desk.item()
    desk.store(item, b"claims")
    desk.store(kept, b"others")
    access = desk.record_access(item)
    desk.bury(item)
    assert desk.keeper.carry_out() == 1
    assert desk.keeper.carry_out() == 0
    assert desk.keeper._vault.state(vault_place(MEMBER, item)) is Kept.ERASED
    assert rule_of(desk.read, access) == "vault.erased"
    assert rule_of(desk.store, item, b"claims") == "vault.erased"
    assert rule_of(desk.record_access, item) == "access.erased"
    assert rule_of(desk.bury, item) == "erase.done"
    assert desk.read(desk.record_access(kept)) == b"others"


def test_a_tombstone_met_at_the_start_is_carried_out(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        keeper = open_vault(node, key_of(node, "vault"))
        keeper.start()
        desk = Desk(node, keeper, Clock())
        item = desk.item()
        desk.store(item, b"claims")
        keeper.stop()
        keeper.stop()
        desk.bury(item)  # the node goes down before it could carry this out
    node = make_node(tmp_path)
    try:
        keeper = open_vault(node, key_of(node, "vault"))
        keeper.start()
        signed = Desk(node, keeper, Clock()).signed("state", MEMBER, item)
        assert keeper.state(signed, MEMBER, item) is Kept.ERASED
        keeper.stop()
    finally:
        node.stop()


def test_a_vault_of_another_key_is_not_opened(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    try:
        open_vault(node, key_of(node, "vault")).stop()
        with pytest.raises(VaultError) as caught:
            open_vault(node, new_key())
        assert caught.value.rule == "vault.key"
    finally:
        node.stop()


def test_the_gate_stands_before_public_fields(desk: Desk) -> None:
    from tests.support import document_record  # noqa: PLC0415  beside the record that it makes

    entry = sign(desk.node, [document_record(abstract="liên hệ 0912 345 678")])
    (outcome,) = desk.node.submit([entry.submission()])
    assert isinstance(outcome, RefusedError)
    assert outcome.rule == "privacy.personal-data"
    assert "'abstract'" in outcome.detail


# --- many at once -----------------------------------------------------------------------------------------------------


def store_all(
    desk: Desk, items: list[tuple[bytes, bytes]], *, owner: str = MEMBER, by: SigningKey | None = None
) -> int:
    batch = batch_of(items)
    return desk.keeper.store_all(desk.signed("store-all", owner, sha256(batch), by=by), owner, batch)


def test_a_batch_is_kept_whole_and_once(desk: Desk) -> None:
    items = [(desk.item(), f"claims {n}".encode()) for n in range(50)]
    assert store_all(desk, items) == 50
    assert store_all(desk, items) == 50
    for item, content in (items[0], items[-1]):
        assert desk.read(desk.record_access(item)) == content


def test_what_may_not_be_kept_keeps_the_whole_batch_out(desk: Desk) -> None:
    taken, gone, fresh = desk.item(), desk.item(), desk.item()
    desk.store(taken, b"first")
    desk.store(gone, b"erased")
    desk.bury(gone)
    stranger = new_key()
    for rule, items, options in (
        ("vault.exists", [(fresh, b"a"), (taken, b"second")], {}),
        ("vault.erased", [(fresh, b"a"), (gone, b"erased")], {}),
        ("vault.batch", [(fresh, b"a"), (fresh, b"a")], {}),
        ("vault.batch", [(fresh, b"a"), (fresh[:-1], b"a")], {}),
        ("vault.batch", [], {}),
        ("vault.size", [(fresh, b"a"), (desk.item(), b"")], {}),
        ("vault.key", [(fresh, b"a")], {"by": stranger}),
        ("vault.owner", [(fresh, b"a")], {"owner": "ward"}),
    ):
        assert rule_of(store_all, desk, items, **options) == rule
        assert desk.keeper.state(desk.signed("state", MEMBER, fresh), MEMBER, fresh) is Kept.UNKNOWN, rule
    assert desk.read(desk.record_access(taken)) == b"first"


def test_a_batch_is_signed_by_what_is_in_it(desk: Desk) -> None:
    """A signature over one batch, one owner or one verb opens nothing for another."""
    one, other = (batch_of([(desk.item(), content)]) for content in (b"a", b"b"))
    keep = desk.keeper.store_all
    assert rule_of(keep, desk.signed("store-all", MEMBER, sha256(one)), MEMBER, other) == "vault.signature"
    assert rule_of(keep, desk.signed("store-all", "ward", sha256(one)), MEMBER, one) == "vault.signature"
    assert rule_of(keep, desk.signed("store", MEMBER, sha256(one)), MEMBER, one) == "vault.signature"
    signed = desk.signed("store-all", MEMBER, sha256(one))
    assert keep(signed, MEMBER, one) == 1
    assert rule_of(keep, signed, MEMBER, one) == "vault.challenge"


def test_a_tombstone_that_comes_while_a_batch_is_kept_is_carried_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is final after the look at the ledger and before the write; the sweep that follows must not have passed it by."""
    item = desk.item()
    keep = Vault.put_all
    sweeps: list[threading.Thread] = []

    def put_all(vault: Vault, items: Sequence[tuple[bytes, bytes]]) -> None:
        desk.bury(item)
        sweeps.append(threading.Thread(target=desk.keeper.carry_out))
        sweeps[0].start()
        sweeps[0].join(0.2)
        keep(vault, items)

    monkeypatch.setattr(Vault, "put_all", put_all)
    assert store_all(desk, [(item, b"claims")]) == 1
    sweeps[0].join()
    assert desk.keeper.state(desk.signed("state", MEMBER, item), MEMBER, item) is Kept.ERASED


# --- over HTTP and from the command line ----------------------------------------------------------------------------


@pytest.fixture
def address(desk: Desk) -> Iterator[str]:
    with serving(desk.node, vault=desk.keeper) as address:
        yield address


def test_over_http(desk: Desk, address: str) -> None:
    item = desk.item()
    with Client(address) as client:
        vault = VaultClient(client, desk.node.chain_id, key_of(desk.node))
        assert vault.state(MEMBER, item) == "unknown"
        vault.store(MEMBER, item, b"claims" * 1_000)
        assert vault.state(MEMBER, item) == "held"
        assert vault.read(desk.record_access(item)) == b"claims" * 1_000
        many = [(desk.item(), b"%d" % n * 1_000) for n in range(MAX_BATCH_ITEMS + 1)]
        vault.store_all(MEMBER, iter(many))
        assert [vault.state(MEMBER, one) for one, _ in (many[0], many[-1])] == ["held", "held"]
        stranger = VaultClient(client, desk.node.chain_id, new_key())
        with pytest.raises(ApiError) as caught:
            stranger.store(MEMBER, item, b"x")
        assert (caught.value.code, caught.value.status) == ("vault.key", 422)
        desk.bury(item)
        assert vault.carry_out() == 1
        assert vault.state(MEMBER, item) == "erased"


def test_malformed_requests_are_refused_by_name(address: str) -> None:
    good: list[Value] = [bytes(32), bytes(32), bytes(64)]
    cases: tuple[tuple[str, bytes, str], ...] = (
        ("items", b"", "encoding.truncated"),
        ("items", encode([]), "vault.request"),
        ("items", encode([*good, 1, bytes(32), b"x"]), "vault.request"),
        ("items", encode([*good, "office", "item", b"x"]), "vault.request"),
        ("batches", encode([*good, "office", []]), "vault.request"),
        ("batches", encode([*good, "office", b""]), "vault.challenge"),
        ("batches", bytes(MAX_BATCH_BYTES + 2_000), "http.body-size"),
        ("read", encode([bytes(31), *good[1:], bytes(32)]), "vault.request"),
        ("read", encode([*good, bytes(32)]), "vault.challenge"),
        ("state", bytes(2_000), "http.body-size"),
        ("state", encode([*good, "office", bytes(32)]) + b"\0", "encoding.trailing-bytes"),
    )
    with httpx.Client(base_url=address) as http:
        for path, body, code in cases:
            answer = http.post(
                f"/v1/vault/{path}", content=body, headers={"content-type": "application/msgpack"}
            )
            assert answer.json()["code"] == code, (path, code)
        assert http.post("/v1/vault/read", content=b"{}").json()["code"] == "http.media-type"


def test_a_node_without_a_vault_says_so(desk: Desk) -> None:
    with serving(desk.node) as address, httpx.Client(base_url=address) as http:
        assert http.post("/v1/vault/challenge").json()["code"] == "vault.none"


def test_a_vault_is_not_used_over_plain_http_from_elsewhere(desk: Desk) -> None:
    from starlette.testclient import TestClient  # noqa: PLC0415  only here

    from api.http.app import create_app  # noqa: PLC0415  only here

    application = create_app(desk.node, vault=desk.keeper)
    for base, client, code in (
        ("http://ledger.example", ("192.0.2.7", 5000), "vault.insecure"),
        ("https://ledger.example", ("192.0.2.7", 5000), ""),
        ("http://127.0.0.1", ("127.0.0.1", 5000), ""),
    ):
        answer = TestClient(application, base_url=base, client=client).post("/v1/vault/challenge")
        assert answer.json().get("code", "") == code


def test_the_commands_keep_look_and_erase(desk: Desk, address: str, tmp_path: Path) -> None:
    key = ("--key", desk.node.home.key("office"), "--node", address, "--json")
    certificate = ("--certificate", "ab" * 16)
    (tmp_path / "claims").write_bytes(b"private")
    assert sogoc("vault", "put", tmp_path / "claims", *certificate, *key).code == ExitCode.GOOD
    why = ("--purpose", "print", "--legal-ground", "public-task", "--law", "91/2025/QH15")
    done = sogoc("vault", "get", tmp_path / "out", *certificate, *why, *key)
    assert done.code == ExitCode.GOOD
    assert (tmp_path / "out").read_bytes() == b"private"
    with Client(address) as client:
        logged = client.record(bytes.fromhex(done.json["access"]))
    assert (logged.type, logged.authority) == ("access.log/1", MEMBER)
    again = sogoc("vault", "get", tmp_path / "out", *certificate, *why, *key)
    assert (again.code, again.rule) == (ExitCode.USAGE, "vault.out")
    erased = sogoc("erase", *certificate, "--legal-ground", "data-subject-request", "--yes", *key)
    assert (erased.code, erased.json["state"]) == (ExitCode.GOOD, "erased")
    gone = sogoc("vault", "get", tmp_path / "out2", *certificate, *why, *key)
    assert (gone.code, gone.rule) == (ExitCode.DOES_NOT_MATCH, "access.erased")
    for wrong in ((), ("--certificate", "ab"), ("--certificate", "ab" * 16, "--document", "cd" * 32)):
        assert sogoc("erase", *wrong, "--legal-ground", "consent", "--yes", *key).rule == "vault.which"
    bad = sogoc("erase", *certificate, "--legal-ground", "because", "--yes", *key)
    assert bad.rule == "record.field-range"


def test_a_stopped_node_s_vault_gets_another_key(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        keeper = open_vault(node, key_of(node, "vault"))
        desk = Desk(node, keeper, Clock())
        item = desk.item()
        desk.store(item, b"claims")
        locked = sogoc("vault", "rekey", node.home.path, "--json")
        assert locked.code != ExitCode.GOOD
        keeper.stop()
    home, before = node.home, key_of(node, "vault").public_key
    done = sogoc("vault", "rekey", home.path, "--json")
    assert (done.code, done.json["items"]) == (ExitCode.GOOD, 1)
    assert key_of(node, "vault").public_key != before
    assert key_of(node, "vault-old").public_key == before
    again = sogoc("vault", "rekey", home.path, "--json")
    assert again.rule == "key-file.exists"
    home.key("vault-old").unlink()
    # As after a crash between the two renamings.
    home.key("vault").rename(home.key("vault-new"))
    assert sogoc("vault", "rekey", home.path, "--json").code == ExitCode.GOOD
    # And as after one between the wrapping and the renamings.
    (tmp_path / "current.pem").write_bytes(home.key("vault").read_bytes())
    home.key("vault").rename(home.key("vault-new"))
    from node import keyfiles  # noqa: PLC0415  only here

    keyfiles.generate(home.key("vault"), None)
    assert sogoc("vault", "rekey", home.path, "--json").code == ExitCode.GOOD
    node = make_node(tmp_path)
    try:
        keeper = open_vault(node, key_of(node, "vault"))
        assert keeper._vault.get(vault_place(MEMBER, item)) == b"claims"
        keeper.stop()
    finally:
        node.stop()
