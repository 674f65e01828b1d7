"""Beginning with a snapshot: an honest one becomes a store that can be extended, a lying one is named and leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http import backfilling
from api.http.app import create_app
from ledger.encoding import encode
from ledger.errors import LedgerError, RefusedError, StoreVersionError
from ledger.hashing import sha256
from ledger.rows import VALIDATORS_KEY
from ledger.state import EMPTY_STATE_ROOT, leaf_records, transfer, update, verify_membership
from ledger.state.pages import BRANCH_PAGE, DIGITS, branch_page, leaf_page, page_path, records_of, top_of
from ledger.state.transfer import Arriving, SentPage, make_part, parse_part
from ledger.store.from_snapshot import SnapshotStore, discard
from ledger.store.ledger_store import LedgerStore
from node import moments, snapshot
from node.config import Config
from node.following import FollowPart, catch_up, create
from node.home import Home
from node.moments import Moments
from node.outbox import Outbox
from node.receipts import FinalView
from node.safe_files import put_file
from node.service import Node
from node.snapshot import SnapshotHome, receive, snapshot_path
from tests.chains import Chain, Image, State, chain_of, sign_checkpoint

HOUR = 3600


class Keeper(Image):
    """Hands out a chain's state as it was when this was made, page by page, honestly."""

    def __init__(self, chain: Chain) -> None:
        image = chain.image()
        super().__init__(image.leaves, image.records, image.checkpoint_text)
        self.told = image.checkpoint_text
        self.state = State(dict(chain.state.rows), dict(chain.state.pages))
        self.rows = {sha256(key): (key, value) for key, value in self.state.rows.items()}
        self.asked: list[bytes | None] = []

    def snapshot(self) -> str:
        return self.told

    def snapshot_part(self, size: int, after: bytes | None) -> bytes:
        assert size == self.size
        self.asked.append(after)
        behind = b"" if after is None else page_path(after)
        pages = [(path, page) for path, page in sorted(self.state.pages.items()) if path > behind]
        return make_part(pages, self.rows.get)


class Liar(Keeper):
    """Changes each part before it leaves."""

    def __init__(self, chain: Chain, lie: Callable[[list[SentPage]], Sequence[SentPage]]) -> None:
        super().__init__(chain)
        self.lie = lie

    def snapshot_part(self, size: int, after: bytes | None) -> bytes:
        sent = self.lie(parse_part(super().snapshot_part(size, after)))
        return encode([[one.prefix, one.page, [part for row in one.rows for part in row]] for one in sent])


@pytest.fixture(scope="module")
def chain() -> Chain:
    return chain_of(12, 6, 2)


@pytest.fixture
def home(tmp_path: Path, chain: Chain) -> Home:
    made = Home(tmp_path / "copy")
    create(made, chain, chain.policy)
    Outbox.open(made.outbox, create=True).close()
    put_file(made.genesis, chain.genesis.leaf())
    return made


def get(home: Home, source: snapshot.SnapshotSource, chain: Chain, at_least: int = 0) -> int:
    return receive(home, source, chain.policy, chain.genesis, at_least=at_least)


def test_what_is_received_is_the_state_and_is_extended_like_any_ledger(home: Home, chain: Chain) -> None:
    grown = chain_of(12, 6, 2)
    assert get(home, Keeper(grown), grown) == grown.size
    store = SnapshotStore.open(snapshot_path(home))
    assert {key: store.get(key) for key in grown.state.rows} == grown.state.rows
    assert dict(store.pages_behind(b"")) == grown.state.pages
    for counts in ((1,), (2, 3), (1,) * 300, (1,)):
        grown.add_documents(*counts)
        reached = catch_up(store, grown, grown.policy, grown.genesis)
        assert reached is not None
        assert (store.head.root, store.head.state_root) == (
            grown.image().root,
            grown.headers[-1].state_root,
        )
    store.close()
    again = SnapshotStore.open(snapshot_path(home))
    assert again.head.size == grown.size
    again.close()
    assert chain.size < grown.size


@pytest.mark.parametrize("leaves", [255, 256, 257, 511, 512])
def test_it_may_begin_anywhere_in_the_logs_tiles(tmp_path: Path, leaves: int) -> None:
    chain = Chain()
    chain.add_documents(*[1] * (leaves - 3))
    assert chain.size == leaves
    home = Home(tmp_path / "copy")
    assert get(home, Keeper(chain), chain) == leaves
    store = SnapshotStore.open(snapshot_path(home))
    chain.add_documents(*[1] * 3)
    catch_up(store, chain, chain.policy, chain.genesis)
    final = FinalView(store, chain.signed())
    proof = final.prove(VALIDATORS_KEY)
    assert proof.value is not None
    verify_membership(store.head.state_root, VALIDATORS_KEY, proof.value, proof)
    assert final.policy.check(chain.signed()).checkpoint.size == chain.size
    store.close()


def test_no_program_takes_it_for_a_ledger(home: Home, chain: Chain) -> None:
    get(home, Keeper(chain), chain)
    with pytest.raises(StoreVersionError) as caught:
        LedgerStore.open(snapshot_path(home))
    assert caught.value.rule == "store.not-a-ledger"
    with pytest.raises(StoreVersionError):
        SnapshotStore.open(home.ledger)
    discard(snapshot_path(home))
    assert not snapshot_path(home).exists()


# -- lies ----------------------------------------------------------------------------------------------------------------


def _in_leaf_page(
    change: Callable[[SentPage], Sequence[SentPage]],
) -> Callable[[list[SentPage]], list[SentPage]]:
    def lie(sent: list[SentPage]) -> list[SentPage]:
        at = next(number for number, one in enumerate(sent) if one.rows)
        return [*sent[:at], *change(sent[at]), *sent[at + 1 :]]

    return lie


def _rows(change: Callable[[list[tuple[bytes, bytes]]], list[tuple[bytes, bytes]]]) -> Callable[..., object]:
    return _in_leaf_page(lambda one: [replace(one, rows=tuple(change(list(one.rows))))])


def _page_with(change: Callable[[list[bytes], SentPage], SentPage]) -> Callable[..., object]:
    return _in_leaf_page(lambda one: [change(records_of(one.page), one)])


def _forged_row(records: list[bytes], one: SentPage) -> SentPage:
    """A page and a row that agree with each other, and with nothing else."""
    row = (one.rows[0][0], one.rows[0][1] + b"x")
    forged = sorted([*leaf_records([row]), *records[1:]])
    return SentPage(one.prefix, leaf_page(forged, len(one.prefix)), (row, *one.rows[1:]))


def _without_row(records: list[bytes], one: SentPage) -> SentPage:
    return SentPage(one.prefix, leaf_page(records[1:], len(one.prefix)), one.rows[1:])


def _with_row(records: list[bytes], one: SentPage) -> SentPage:
    number = 0
    while not sha256(key := b"added %d" % number).hex().encode().startswith(one.prefix):
        number += 1
    rows = {**dict(one.rows), key: b"value"}
    ordered = sorted(rows.items(), key=lambda row: sha256(row[0]))
    assert len(ordered) == len(records) + 1
    return SentPage(one.prefix, leaf_page(leaf_records(ordered), len(one.prefix)), tuple(ordered))


def _flipped(page: bytes, at: int) -> bytes:
    return page[:at] + bytes([page[at] ^ 1]) + page[at + 1 :]


def _split(sent: list[SentPage]) -> list[SentPage]:
    """A leaf page as a branch page with leaf pages below: the same hashes, and much more of it."""
    at = next(number for number, one in enumerate(sent) if one.rows)
    one = sent[at]
    slots, below = [], []
    for digit in DIGITS:
        prefix = one.prefix + digit
        rows = [row for row in one.rows if sha256(row[0]).hex().encode().startswith(prefix)]
        page = leaf_page(leaf_records(rows), len(prefix)) if rows else b""
        slots.append(top_of(page) if rows else (EMPTY_STATE_ROOT, 0))
        if rows:
            below.append(SentPage(prefix, page, tuple(rows)))
    split = [*sent[:at], SentPage(one.prefix, branch_page(slots), ()), *sent[at + 1 :], *below]
    return sorted(split, key=lambda page: (len(page.prefix), page.prefix))


LIES: dict[str, tuple[str, Callable[..., object]]] = {
    "an altered value": ("snapshot.row", _rows(lambda rows: [(rows[0][0], rows[0][1] + b"x"), *rows[1:]])),
    "an altered key": ("snapshot.row", _rows(lambda rows: [(rows[0][0] + b"x", rows[0][1]), *rows[1:]])),
    "a row left out": ("snapshot.row", _rows(lambda rows: rows[1:])),
    "a row added": ("snapshot.row", _rows(lambda rows: [*rows, (b"key", b"value")])),
    "rows in another order": ("snapshot.row", _rows(lambda rows: rows[::-1])),
    "no rows": ("snapshot.row", _rows(lambda _: [])),
    "a row and its page forged": ("snapshot.page", _page_with(_forged_row)),
    "a row left out of its page too": ("snapshot.page", _page_with(_without_row)),
    "a row added to its page too": ("snapshot.page", _page_with(_with_row)),
    "a hash in a page": (
        "snapshot.page",
        _in_leaf_page(lambda one: [replace(one, page=_flipped(one.page, 5))]),
    ),
    "a record in a page": (
        "snapshot.page",
        _in_leaf_page(lambda one: [replace(one, page=_flipped(one.page, len(one.page) - 1))]),
    ),
    "the root's page": (
        "snapshot.page",
        lambda sent: (
            [replace(sent[0], page=_flipped(sent[0].page, -1 % len(sent[0].page))), *sent[1:]]
            if not sent[0].prefix
            else sent
        ),
    ),
    "a page that is none": ("snapshot.page", _in_leaf_page(lambda one: [replace(one, page=b"\x00")])),
    "an empty page": ("snapshot.page", _in_leaf_page(lambda one: [replace(one, page=b"")])),
    "a page left out": ("snapshot.order", _in_leaf_page(lambda _: [])),
    "a page twice": ("snapshot.order", _in_leaf_page(lambda one: [one, one])),
    "another page's prefix": ("snapshot.order", _in_leaf_page(lambda one: [replace(one, prefix=b"ff0")])),
    "pages out of order": ("snapshot.order", lambda sent: sent[::-1]),
    "one page for ever": ("snapshot.order", lambda sent: sent[:1] * 5),
    "an end before the end": ("snapshot.order", lambda sent: sent if not sent[0].prefix else []),
    "pages split for nothing": ("snapshot.page", _split),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_named_and_an_honest_source_finishes(
    home: Home, chain: Chain, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule, lie = LIES[name]
    if name == "an end before the end":
        monkeypatch.setattr(transfer, "PART_PAGES", 4)
    with pytest.raises(LedgerError) as caught:
        get(home, Liar(chain, lie), chain)  # type: ignore[arg-type]
    assert caught.value.rule == rule
    assert not snapshot_path(home).exists()
    discard(snapshot_path(home))
    assert get(home, Keeper(chain), chain) == chain.size


def test_more_than_a_part_may_hold_is_not_read(home: Home, chain: Chain) -> None:
    class Endless(Keeper):
        def snapshot_part(self, size: int, after: bytes | None) -> bytes:
            return encode([[b"", b"", []]] * (transfer.PART_PAGES + 1))

    with pytest.raises(LedgerError) as caught:
        get(home, Endless(chain), chain)
    assert caught.value.rule == "snapshot.shape"


def test_a_state_of_another_time_is_not_this_ones(home: Home, chain: Chain) -> None:
    later = chain_of(13, 6, 2)
    source = Keeper(later)
    source.state, source.rows = Keeper(chain).state, Keeper(chain).rows
    with pytest.raises(LedgerError) as caught:
        get(home, source, later)
    assert caught.value.rule == "snapshot.page"


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        (lambda chain: chain.signed(3), "snapshot.old"),
        (lambda chain: sign_checkpoint(9, bytes(32), validators=(7,), time_s=1), "policy"),
        (lambda _: chain_of(12, 6, 1).signed(), "proof"),
        (lambda _: chain_of(2, 1, 3).signed(), "proof"),
        (lambda _: "nothing", "note"),
    ],
)
def test_a_checkpoint_that_is_not_the_newest_log_is_refused(
    home: Home, chain: Chain, told: Callable[[Chain], str], rule: str
) -> None:
    source = Keeper(chain)
    source.told = told(chain)
    with pytest.raises(LedgerError) as caught:
        get(home, source, chain, at_least=chain.headers[4].size if rule == "snapshot.old" else 0)
    assert caught.value.rule.startswith(rule), caught.value.rule
    assert not snapshot_path(home).exists()
    assert source.asked == []


def test_a_snapshot_hours_older_than_the_newest_checkpoint_is_refused(home: Home, chain: Chain) -> None:
    source = Keeper(chain)
    now_s = chain.headers[-1].time_ms // 1000
    source.checkpoint_text = sign_checkpoint(source.size, source.root, time_s=now_s + 3 * HOUR)
    with pytest.raises(LedgerError) as caught:
        get(home, source, chain)
    assert caught.value.rule == "snapshot.old"
    source.told = sign_checkpoint(source.size, source.root, time_s=now_s + 2 * HOUR)
    assert get(home, source, chain) == chain.size


# -- kills ---------------------------------------------------------------------------------------------------------------


class PowerCutError(Exception):
    """The process is gone."""


def test_whoever_is_killed_goes_on_behind_the_last_page(
    home: Home, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PART_PAGES", 3)

    class Cut(Keeper):
        """Answers so often, and then never again."""

        def __init__(self, chain: Chain, answers: int) -> None:
            super().__init__(chain)
            self.answers = answers

        def snapshot_part(self, size: int, after: bytes | None) -> bytes:
            if len(self.asked) == self.answers:
                raise PowerCutError
            return super().snapshot_part(size, after)

    pages = len(chain.state.pages)
    whole = -(-pages // 3)
    for answers in range(whole):
        discard(snapshot_path(home))
        with pytest.raises(PowerCutError):
            get(home, Cut(chain, answers), chain)
        assert not snapshot_path(home).exists()
        rest = Keeper(chain)
        assert get(home, rest, chain) == chain.size
        # One more to ask whether it is still handed out.
        assert len(rest.asked) == whole - answers + 1
        SnapshotStore.open(snapshot_path(home)).close()


def test_what_was_let_go_of_meanwhile_is_begun_again(
    home: Home, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PART_PAGES", 2)

    class Gone(Keeper):
        def snapshot_part(self, size: int, after: bytes | None) -> bytes:
            if after is not None:
                raise RefusedError("snapshot.gone", "not kept")
            return super().snapshot_part(size, after)

    with pytest.raises(RefusedError):
        get(home, Gone(chain), chain)
    later = chain_of(13, 6, 2)

    class Moved(Keeper):
        def snapshot_part(self, size: int, after: bytes | None) -> bytes:
            if size != self.size:
                raise RefusedError("snapshot.gone", "not kept")
            return super().snapshot_part(size, after)

    assert get(home, Moved(later), later) == later.size


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 400), st.integers(1, 40))
def test_every_state_arrives_as_it_is(count: int, per_part: int) -> None:
    rows = {b"key %d" % number: b"value %d" % (number * count) for number in range(count)}
    made = update(State(), EMPTY_STATE_ROOT, rows)
    by_hash = {sha256(key): (key, value) for key, value in rows.items()}
    stored = State()
    after: bytes | None = None
    pages = sorted(made.pages.items())
    while True:
        arriving = Arriving(stored, made.root, after)
        behind = b"" if after is None else page_path(after)
        rest = [(path, page) for path, page in pages if path > behind][:per_part]
        if arriving.wanted is None:
            assert not rest
            break
        for one in parse_part(make_part(rest, by_hash.get)):
            arriving.take(one)
            stored.pages[page_path(one.prefix)] = one.page
            stored.rows.update(one.rows)
            after = one.prefix
    arriving.finish()
    assert (stored.pages, stored.rows) == (made.pages, rows)
    assert any(page[0] == BRANCH_PAGE for page in made.pages.values()) == (count > 32)


# -- what serves it ------------------------------------------------------------------------------------------------------


def test_a_node_keeps_two_moments_and_lets_them_go(chain: Chain, tmp_path: Path) -> None:
    store = chain.write_store(tmp_path / "ledger")
    now = [0.0]
    newest = [FinalView(store.snapshot(), chain.signed())]
    kept = Moments(lambda: newest[0], seconds=lambda: now[0])
    first = kept.newest()
    assert kept.at(first.size) is first
    for number in range(3):
        now[0] += moments.REFRESH_SECONDS + 1
        assert kept.newest() is newest[0]
        newest[0] = FinalView(SizedView(first.size + number + 1), "")  # type: ignore[arg-type]
        assert kept.newest() is not newest[0]
    assert len({kept.at(size).size for size in (first.size + 1, first.size + 2)}) == 2
    with pytest.raises(RefusedError) as caught:
        kept.at(first.size)
    assert caught.value.rule == "snapshot.gone"
    now[0] += moments.IDLE_SECONDS + 1
    kept.expire()
    with pytest.raises(RefusedError):
        kept.at(first.size + 2)
    store.close()


class SizedView:
    """A view of which only the size is asked."""

    def __init__(self, size: int) -> None:
        self.head = self
        self.size = size


def test_while_blocks_are_missing_only_the_state_is_answered(home: Home, chain: Chain) -> None:
    get(home, Keeper(chain), chain)
    part = FollowPart("https://source.example", chain.image, chain.policy, from_snapshot=True)
    node = Node(SnapshotHome(home.path), Config(), {}, follow=part)
    try:
        client = TestClient(create_app(node))
        assert node.final_size == chain.size
        for path in ("/checkpoint", "/v1/status", "/v1/policy", "/healthz", "/genesis", "/docs", "/metrics"):
            assert client.get(path).status_code == 200, path
        row = client.get(f"/v1/state/{VALIDATORS_KEY.hex()}").json()
        assert row["present"]
        assert row["checkpoint"] == chain.signed()
        refused = [
            *("/v1/members", "/v1/policy/epochs", "/v1/blocks", "/v1/snapshot", "/v1/proposals", "/"),
            *("/tile/0/000.p/2", f"/v1/snapshot/{chain.size}", f"/v1/documents/{'00' * 32}"),
        ]
        for path in refused:
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "node.backfilling"), path
            assert answer.headers["retry-after"] == str(backfilling.RETRY_SECONDS)
    finally:
        node.stop()


def test_an_address_that_is_added_is_refused_until_somebody_thinks_about_it() -> None:
    assert not backfilling.is_answered("/v1/anything-new")
    assert not backfilling.is_answered("/v1/states")
