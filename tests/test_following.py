"""Following a ledger: what an honest source serves is copied whole; what a lying one serves leaves no trace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.store.ledger_store import LedgerStore
from ledger.tiles import encode_entry_bundle, encode_records_bundle
from node import following
from node.config import Config
from node.following import FollowPart, catch_up, create
from node.home import Home
from node.outbox import Outbox
from node.safe_files import put_file
from node.service import Node
from tests.chains import Chain, Image, chain_of, key, make_genesis, sign_checkpoint


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "copy")


def _follow(home: Home, source: Image, chain: Chain) -> LedgerStore:
    if not home.ledger.exists():
        create(home, source, chain.policy)
    store = LedgerStore.open(home.ledger)
    try:
        catch_up(store, source, chain.policy, chain.genesis)
    except LedgerError:
        store.close()
        raise
    return store


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_the_copy_is_the_ledger(home: Home, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "CHUNK_LEAVES", chunk)
    chain = chain_of(6, 3, 2)
    _follow(home, chain, chain).close()
    chain.add_documents(1, 4)
    store = _follow(home, chain, chain)
    assert store.head.root == chain.image().root
    assert store.head.state_root == chain.headers[-1].state_root
    assert [store.block(height).header_leaf for height in range(8)] == [
        commit.header_leaf for commit in chain.commits
    ]
    store.close()


def test_what_is_not_newer_changes_nothing(home: Home) -> None:
    chain = chain_of(3, 1, 1)
    old = chain.image()
    chain.add_documents(1)
    store = _follow(home, chain, chain)
    assert catch_up(store, old, chain.policy, chain.genesis) is None
    reached = catch_up(store, chain, chain.policy, chain.genesis)
    assert reached is not None
    assert reached.size == store.head.size == chain.size
    store.close()


def _changed(chain: Chain, place: int, leaf: bytes) -> Image:
    """The chain as it was signed, but one leaf is served otherwise."""
    image = chain.image()
    text = image.checkpoint_text

    class Lying(Image):
        def entry_bundle(self, n: int, width: int) -> bytes:
            leaves = list(self.leaves)
            leaves[place] = leaf
            return encode_entry_bundle(leaves[256 * n : 256 * n + width])

    return Lying(image.leaves, image.records, text)


def test_a_leaf_that_was_not_signed_is_never_stored(home: Home) -> None:
    chain, other = chain_of(3, 2, 1), chain_of(3, 2, 2)
    source = _changed(chain, 3, other.leaves[3])
    create(home, chain, chain.policy)
    store = LedgerStore.open(home.ledger)
    with pytest.raises(VerificationError):
        catch_up(store, source, chain.policy, chain.genesis)
    assert store.head.height == 0
    store.close()


def test_records_that_were_not_signed_are_never_stored(home: Home) -> None:
    chain = chain_of(3, 2, 2)
    image = chain.image()

    class Lying(Image):
        def records_bundle(self, n: int, width: int) -> bytes:
            items = [list(reversed(each)) for each in self.records[256 * n : 256 * n + width]]
            return encode_records_bundle(items)

    create(home, chain, chain.policy)
    store = LedgerStore.open(home.ledger)
    with pytest.raises(LedgerError):
        catch_up(
            store, Lying(image.leaves, image.records, image.checkpoint_text), chain.policy, chain.genesis
        )
    assert store.head.height == 0
    store.close()


def test_a_rule_that_a_quorum_broke_is_not_stored_either(home: Home) -> None:
    """Who signs a wrong state root deceives nobody who executes."""
    chain = chain_of(2, 1, 1)
    image = chain.image()
    forged = chain.headers[-1]
    leaves = list(image.leaves)
    lying = type(forged)(
        **{name: getattr(forged, name) for name in forged.__dataclass_fields__} | {"state_root": bytes(32)}
    )
    leaves[-1] = lying.leaf()
    records = [list(each) for each in image.records]
    records[-1] = [lying.sign(key("header 0"))]
    source = Image(leaves, records).sign()
    create(home, chain, chain.policy)
    store = LedgerStore.open(home.ledger)
    with pytest.raises(VerificationError) as caught:
        catch_up(store, source, chain.policy, chain.genesis)
    assert caught.value.rule == "header.state-root"
    assert store.head.height == 1
    store.close()


def test_without_a_quorum_nothing_is_fetched(home: Home) -> None:
    chain = Chain(4)
    chain.add_documents(1)
    image = chain.image()
    image.checkpoint_text = sign_checkpoint(image.size, image.root, validators=(0, 1), time_s=1_790_000_000)
    with pytest.raises(CannotTellError) as caught:
        create(home, image, chain.policy)
    assert caught.value.rule == "policy.quorum-missing"
    assert not home.ledger.exists()


def test_another_ledgers_policy_follows_nothing(home: Home) -> None:
    chain = chain_of(1, 1, 1)
    strange = Chain(2)
    with pytest.raises((CannotTellError, VerificationError)):
        create(home, chain, strange.policy)
    assert not home.ledger.exists()


def test_two_quorums_on_one_size_stop_the_copy(home: Home) -> None:
    chain, other = chain_of(2, 1, 1), chain_of(2, 1, 2)
    store = _follow(home, chain, chain)
    with pytest.raises(VerificationError) as caught:
        catch_up(store, other, chain.policy, chain.genesis)
    assert caught.value.rule == "follow.fork"
    assert store.head.root == chain.image().root
    store.close()


def test_a_fork_that_grew_is_found_too(home: Home) -> None:
    chain, other = chain_of(2, 1, 1), chain_of(3, 1, 2)
    store = _follow(home, chain, chain)
    with pytest.raises((VerificationError, FormatError)):
        catch_up(store, other, chain.policy, chain.genesis)
    assert store.head.size == chain.size
    store.close()


# -- as a node -----------------------------------------------------------------------------------------------------------


@dataclass
class Followed:
    home: Home
    chain: Chain
    node: Node = field(init=False)

    def start(self) -> Node:
        part = FollowPart("https://source.example", self.chain.image, self.chain.policy)
        self.node = Node(self.home, Config(), {}, follow=part)
        self.node.start()
        return self.node

    def until(self, what: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while not what():
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.fixture
def followed(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Followed]:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(following, "_MAX_PAUSE_SECONDS", 0.05)
    chain = chain_of(2, 2, 1)
    create(home, chain, chain.policy)
    Outbox.open(home.outbox, create=True).close()
    put_file(home.genesis, chain.genesis.leaf())
    made = Followed(home, chain)
    made.start()
    yield made
    made.node.stop()


def test_a_follower_serves_what_is_final_and_follows_on(followed: Followed) -> None:
    node, chain = followed.node, followed.chain
    followed.until(lambda: node.final_size == chain.size)
    before = chain.size
    chain.add_documents(3)
    followed.until(lambda: node.final_size == chain.size)
    assert chain.size > before
    node.policy.check(node.final.checkpoint_text)
    node.stop()
    again = followed.start()
    followed.until(lambda: again.final_size == chain.size)


def test_a_follower_takes_no_entries_and_says_who_does(followed: Followed) -> None:
    entry = followed.chain.entry(followed.chain.documents(1))
    with pytest.raises(LedgerError) as caught:
        followed.node.submit([entry.submission()])
    assert caught.value.rule == "node.follower"
    assert "source.example" in caught.value.detail


def test_a_fork_by_a_quorum_stops_a_follower(followed: Followed) -> None:
    node = followed.node
    followed.until(lambda: node.final_size == followed.chain.size)
    size = node.final_size
    followed.chain.__dict__.update(chain_of(2, 2, 2).__dict__)
    followed.until(lambda: node.failure is not None)
    assert node.final_size == size
    assert make_genesis() == followed.chain.genesis
