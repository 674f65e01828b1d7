"""Cosigning: only what is committed, only the newest, never two roots at one size, and mended after a crash."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import checkpoint
from ledger.errors import StoreError, StoreLockedError
from ledger.genesis import genesis_policy
from ledger.policy import Policy
from ledger.store.ledger_store import LedgerStore
from node.cosigning import Cosigner, cosign, cosign_head
from node.service import Node
from tests.chains import ORIGIN, START_MS, Chain, key, validator_name
from tests.support import make_node, put, running_node, sign

TIME_S = START_MS // 1000 + 60
KEY_ID = key("cosigning 0").public_key


@pytest.fixture
def chain() -> Chain:
    made = Chain()
    made.add_documents(1)
    made.add_documents(2, 1)
    return made


@pytest.fixture
def store(tmp_path: Path, chain: Chain) -> Iterator[LedgerStore]:
    """The chain as committed, with no word yet of what any key has signed."""
    opened = LedgerStore.create(tmp_path / "ledger", chain.commits[0])
    for commit, header in list(zip(chain.commits, chain.headers, strict=True))[1:]:
        opened.commit(commit, header.engine_height)
    yield opened
    opened.close()


@pytest.fixture
def cosigner() -> Cosigner:
    return Cosigner(ORIGIN, validator_name(0), key("log 0"), key("cosigning 0"))


def test_the_head_is_signed_as_the_log_and_cosigned(
    store: LedgerStore, chain: Chain, cosigner: Cosigner
) -> None:
    text = cosign_head(store, cosigner, TIME_S)
    checked = chain.policy.check(text)
    assert (checked.checkpoint.size, checked.checkpoint.root) == (chain.size, chain.root)
    assert checked.cosignatures == ((validator_name(0), TIME_S),)
    assert (checked.existed_by_s, checked.status_as_of_s) == (TIME_S, TIME_S)
    assert store.signed_checkpoint() == store.signed_checkpoint(chain.size) == text
    assert store.last_signed(KEY_ID) == (chain.size, chain.root)


def test_the_same_root_may_be_cosigned_again_with_a_newer_time(
    store: LedgerStore, chain: Chain, cosigner: Cosigner
) -> None:
    for later in (0, 600, 1_200):
        text = cosign_head(store, cosigner, TIME_S + later)
        assert chain.policy.check(text).status_as_of_s == TIME_S + later
        assert store.signed_checkpoint() == text


def test_only_the_newest_checkpoint_is_cosigned(store: LedgerStore, chain: Chain, cosigner: Cosigner) -> None:
    with store.snapshot() as before:
        chain.add_documents(1)
        store.commit(chain.commits[-1], chain.headers[-1].engine_height)
        signed: list[int] = []
        watched = WatchedCosigner(
            cosigner.origin, cosigner.name, cosigner.log_key, cosigner.cosigning_key, signed
        )
        with pytest.raises(StoreError) as caught:
            cosign(store, before.head, watched, TIME_S)
    assert caught.value.rule == "cosign.not-newest"
    assert not signed  # the key was not touched
    cosign_head(store, watched, TIME_S)
    assert signed == [chain.size]


class WatchedCosigner(Cosigner):
    """Notes the sizes that it signs."""

    def __init__(self, *fields: object) -> None:
        *own, signed = fields
        super().__init__(*own)  # type: ignore[arg-type]
        object.__setattr__(self, "signed", signed)

    def sign(self, size: int, root: bytes, time_s: int) -> str:
        self.signed.append(size)  # type: ignore[attr-defined]
        return super().sign(size, root, time_s)


def test_the_intent_is_on_the_disk_before_the_key_is_touched(store: LedgerStore, cosigner: Cosigner) -> None:
    head = store.head

    class Looks(WatchedCosigner):
        def sign(self, size: int, root: bytes, time_s: int) -> str:
            assert store.last_signed(KEY_ID) == (size, root) == (head.size, head.root)
            return super().sign(size, root, time_s)

    signed: list[int] = []
    looks = Looks(cosigner.origin, cosigner.name, cosigner.log_key, cosigner.cosigning_key, signed)
    assert store.last_signed(KEY_ID) is None
    cosign_head(store, looks, TIME_S)
    assert signed == [head.size]


def test_a_second_root_at_one_size_is_never_signed(
    store: LedgerStore, chain: Chain, cosigner: Cosigner
) -> None:
    # The key signed another root here before, as a peer's copy shows.
    store.learn_signed(KEY_ID, chain.size, bytes(32))
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            cosign_head(store, cosigner, TIME_S)
        assert caught.value.rule == "cosign.second-root"
    assert store.signed_checkpoint() is None


def test_nothing_smaller_than_was_signed_before_is_signed(
    store: LedgerStore, chain: Chain, cosigner: Cosigner
) -> None:
    store.learn_signed(KEY_ID, chain.size + 5, bytes(32))
    with pytest.raises(StoreError) as caught:
        cosign_head(store, cosigner, TIME_S)
    assert caught.value.rule == "cosign.smaller-size"
    # Nor once the ledger has grown to that size, with another root.
    chain.add_documents(1, 1, 1, 1)
    assert chain.size > chain.headers[-2].size + 4
    with pytest.raises(StoreError) as caught:
        store.commit(chain.commits[-1], chain.headers[-1].engine_height, cosign_key_id=KEY_ID)
    assert caught.value.rule == "cosign.second-root"


def test_a_genesis_documents_policy_is_its_validators() -> None:
    for validators in (1, 4):
        chain = Chain(validators)
        policy = genesis_policy(chain.genesis)
        assert Policy.parse(policy.format()).check(chain.signed()).checkpoint.size == chain.size
        assert len(policy.witnesses) == validators


# --- in a whole node -----------------------------------------------------------------------------------------------------


def cosigned(node: Node) -> tuple[int, bytes]:
    """Size and root of the final checkpoint, checked."""
    checked = node.policy.check(node.final.checkpoint_text).checkpoint
    assert checked.size == node.final.size == node.final.view.head.size
    return checked.size, checked.root


@pytest.mark.parametrize("key_named", [True, False], ids=["with the key in the batch", "without"])
def test_a_crash_between_commit_and_cosignature_is_mended_at_the_next_start(
    tmp_path: Path, key_named: bool
) -> None:
    node = make_node(tmp_path)
    entry = sign(node)
    validator = node.genesis.validators[0]
    decided = {"engine_height": 1, "time_ms": entry.body.time_ms}
    proposal, _ = node.application.prepare([entry.submission()], max_bytes=1_000_000, **decided)
    node.application.finalize(proposal, proposer=validator.header_key, **decided)
    node.application.commit(validator.cosigning_key if key_named else None)
    head = node.store.head
    assert head.size == 4
    assert cosigned(node)[0] == 2  # what is served is what was signed
    assert node.outcome(entry.id) is not None
    node.stop()  # killed here, as far as the disk can tell

    again = make_node(tmp_path)
    assert cosigned(again) == (head.size, head.root)
    assert again.store.signed_checkpoint() == again.final.checkpoint_text
    assert again.store.last_signed(validator.cosigning_key) == (head.size, head.root)
    again.stop()


def test_a_node_on_a_copy_that_fell_behind_refuses_to_fork(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        put(node, sign(node))
    home = node.home
    shutil.copytree(home.ledger, tmp_path / "old")
    with running_node(tmp_path) as node:
        put(node, sign(node), sign(node))
        known = cosigned(node)
        validator = node.genesis.validators[0]
    # The old copy comes back, and somebody who kept the last checkpoint tells it what its key has signed.
    shutil.rmtree(home.ledger)
    shutil.copytree(tmp_path / "old", home.ledger)
    store = LedgerStore.open(home.ledger)
    store.learn_signed(validator.cosigning_key, *known)
    store.close()
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            make_node(tmp_path)
        assert caught.value.rule == "cosign.smaller-size"
    # It left nothing open, and signed nothing.
    store = LedgerStore.open(home.ledger)
    assert store.last_signed(validator.cosigning_key) == known
    assert store.signed_checkpoint(store.head.size) is not None  # the one from before
    assert checkpoint.parse(store.signed_checkpoint() or "").size < known[0]
    store.close()


def test_two_nodes_on_one_home_are_refused_in_one_process(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    with pytest.raises(StoreLockedError):
        make_node(tmp_path)
    put_in = sign(node)
    node.start()
    put(node, put_in)
    node.stop()
    make_node(tmp_path).stop()
