"""A restored node does not cosign before that is safe, and the fork that would have been if it did."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import checkpoint
from ledger.entry import sign_entry
from ledger.errors import LedgerError, StoreError, VerificationError
from ledger.genesis import genesis_policy
from ledger.keys import SigningKey
from ledger.store.ledger_store import LedgerStore
from ledger.store.values import StoredBlock
from ledger.verify.audit import audit
from ledger.verify.report import Level
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.stored import open_store
from node import restore
from node.application import Application
from node.backup import Backup
from node.export import export
from node.home import Home, HomeError, cosigner_of, load_keys
from node.replay import create_store
from node.restore import EVIDENCE_NAME, release
from node.service import clock_ms
from tests.lost_node import Lost, back_up, lose_a_node, open_node, restore_from
from tests.support import NODE_KEYS, document_record, key_of, make_node, put, running_node, sign

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    return lose_a_node(tmp_path_factory.mktemp("lost"))


def test_the_hold_is_written_before_anything_can_be_signed(
    lost: Lost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def watched(path: Path, block: StoredBlock) -> LedgerStore:
        seen.append(Home(path.parent.parent).cosign_hold.exists())
        return create_store(path, block)

    monkeypatch.setattr("node.restore.create_store", watched)
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    assert seen == [True]
    assert home.cosign_hold.exists()


@pytest.mark.parametrize("step", ["_remember", "_restore_outbox", "_write_files"])
def test_a_restore_that_is_cut_short_leaves_no_home(
    lost: Lost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(restore, step, crash)
    with pytest.raises(KeyboardInterrupt):
        restore_from(lost.backup, tmp_path / "home", lost.keys)
    assert not (tmp_path / "home").exists()


def test_the_fork_that_would_have_been(lost: Lost, tmp_path: Path) -> None:
    """An old backup that goes on as if nothing had been: two roots at one size, both signed, both good by the policy."""
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    genesis = home.read_genesis()
    keys = load_keys(home, (*NODE_KEYS, "office"), None)
    wanted = checkpoint.parse(lost.between)

    # What a program would do that restores the files and the keys and knows no hold: propose, commit, cosign.
    naive = Home(tmp_path / "naive")
    shutil.copytree(home.path, naive.path)
    store = LedgerStore.open(naive.ledger)
    application = Application(store, keys["header"])
    time_ms = clock_ms()
    entry = sign_with(keys["office"], genesis.chain_id, time_ms)
    proposal, refused = application.prepare(
        [entry], engine_height=store.head.engine_height + 1, time_ms=time_ms, max_bytes=1_000_000
    )
    assert not refused
    header_key = genesis.validators[0].header_key
    application.finalize(
        proposal, engine_height=store.head.engine_height + 1, time_ms=time_ms, proposer=header_key
    )
    application.commit()
    cosigner = cosigner_of(genesis, genesis.validators[0], keys["log"], keys["validator"])
    second = cosigner.sign(store.head.size, store.head.root, time_ms // 1000)
    store.close()

    policy = genesis_policy(genesis)
    one, two = policy.check(lost.between).checkpoint, policy.check(second).checkpoint
    assert one.size == two.size == wanted.size
    assert one.root != two.root, (
        "this is the fork: the same key, the same size, two roots, both pass the policy"
    )

    # The node of this project refuses to be that program ...
    with pytest.raises(HomeError) as caught:
        open_node(home)
    assert caught.value.rule == "cosign.held"
    # ... until it holds the last checkpoint and the blocks under it. Then it goes on from there, and no size is signed twice.
    release(home, lost.last, ExportSource(lost.mirror))
    node = open_node(home)
    try:
        node.start()
        put(node, sign(node))
        theirs, ours = checkpoint.parse(lost.last), checkpoint.parse(node.final.checkpoint_text)
        assert ours.size > theirs.size
        assert node.final.view.checkpoint_root(theirs.size) == theirs.root
        assert node.final.view.checkpoint_root(wanted.size) == wanted.root
    finally:
        node.stop()


def sign_with(key: SigningKey, chain_id: bytes, time_ms: int) -> bytes:
    return sign_entry(
        key, chain_id=chain_id, nonce=bytes(16), time_ms=time_ms, records=[document_record()]
    ).submission()


def test_what_was_restored_knows_what_its_key_has_signed_even_without_the_hold(
    lost: Lost, tmp_path: Path
) -> None:
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    store = LedgerStore.open(home.ledger)
    try:
        key_id = home.read_genesis().validators[0].cosigning_key
        assert store.last_signed(key_id) == (store.head.size, store.head.root)
        with pytest.raises(StoreError) as caught:
            store.learn_signed(key_id, store.head.size, bytes(32))
        assert caught.value.rule == "cosign.second-root"
    finally:
        store.close()


def assert_held(home: Home, rule: str, act: Callable[[], object]) -> LedgerError:
    with pytest.raises(LedgerError) as caught:
        act()
    assert caught.value.rule == rule
    assert home.cosign_hold.exists()
    with pytest.raises(HomeError):
        open_node(home)
    return caught.value


def test_the_drill(lost: Lost, tmp_path: Path) -> None:
    """Restore, and prove equality with a checkpoint that somebody else holds: every way in which that is not yet so."""
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    mirror = ExportSource(lost.mirror)
    # The backup's own checkpoint shows nothing about the time since.
    assert_held(home, "restore.checkpoint-same", lambda: release(home, lost.backed_up))
    # The true last one names blocks that are not here.
    assert_held(home, "restore.blocks-missing", lambda: release(home, lost.last))
    # Another backup of the same day has not got them either.
    with Backup(lost.backup) as opened:
        assert_held(home, "restore.blocks-missing", lambda: release(home, lost.last, opened))
    # The mirror has.
    released = release(home, lost.last, mirror)
    last = checkpoint.parse(lost.last)
    assert (released.size, released.root, released.head_size) == (last.size, last.root, last.size)
    assert not home.cosign_hold.exists()
    with open_store(home.ledger) as store:
        assert store.head.root == last.root
        assert store.last_signed(home.read_genesis().validators[0].cosigning_key) == (last.size, last.root)
        assert audit(store, level=Level.FULL).size == last.size
    with pytest.raises(HomeError, match="not held"):
        release(home, lost.last, mirror)


def test_an_older_checkpoint_is_not_the_last(lost: Lost, tmp_path: Path) -> None:
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    keys = load_keys(home, NODE_KEYS, None)
    genesis = home.read_genesis()
    cosigner = cosigner_of(genesis, genesis.validators[0], keys["log"], keys["validator"])
    head = checkpoint.parse(lost.backed_up)
    same_but_earlier = cosigner.sign(head.size, head.root, 1_000)
    with open_store(home.ledger) as store:
        smaller = cosigner.sign(2, store.checkpoint_root(2), clock_ms() // 1000)
    for text in (same_but_earlier, smaller):
        error = assert_held(home, "restore.checkpoint-older", lambda text=text: release(home, text))  # type: ignore[misc]
        assert "older" in error.detail


def test_a_later_cosignature_of_the_same_tree_releases(lost: Lost, tmp_path: Path) -> None:
    """The node was idle after the backup: it cosigned the same tree again, and a mirror kept that."""
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    keys = load_keys(home, NODE_KEYS, None)
    genesis = home.read_genesis()
    cosigner = cosigner_of(genesis, genesis.validators[0], keys["log"], keys["validator"])
    head = checkpoint.parse(lost.backed_up)
    text = cosigner.sign(head.size, head.root, clock_ms() // 1000)
    assert release(home, text).cosigned_s == pytest.approx(clock_ms() // 1000, abs=30)


def test_the_backups_own_checkpoint_releases_on_the_operators_word(lost: Lost, tmp_path: Path) -> None:
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    assert release(home, lost.backed_up, not_run_since=True).size == checkpoint.parse(lost.backed_up).size


def test_a_checkpoint_that_the_key_did_not_sign_says_nothing(lost: Lost, tmp_path: Path) -> None:
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    lines = lost.last.splitlines(keepends=True)
    assert_held(home, "restore.not-our-signature", lambda: release(home, "".join(lines[:-1])))


def test_a_wrong_signature_under_the_keys_name_is_refused(lost: Lost, tmp_path: Path) -> None:
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    text = lost.last.replace(
        str(checkpoint.parse(lost.last).size), str(checkpoint.parse(lost.last).size + 2), 1
    )
    assert_held(home, "signature.mismatch", lambda: release(home, text))


def test_a_checkpoint_of_another_ledger_is_refused(lost: Lost, tmp_path: Path) -> None:
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    text = lost.last.replace("test.example", "best.example", 1)
    assert_held(home, "restore.other-ledger", lambda: release(home, text))


@pytest.fixture(scope="module")
def forked(lost: Lost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another history under the same keys, from the backup on: its export."""
    path = tmp_path_factory.mktemp("forked")
    home = restore_from(lost.backup, path / "node", lost.keys)
    home.cosign_hold.unlink()
    with running_node(path) as node:
        for _ in range(4):
            put(node, sign(node))
    with open_store(home.ledger) as store:
        export(store, path / "mirror")
    return path / "mirror"


def test_two_histories_release_nothing_and_are_kept_as_evidence(
    lost: Lost, forked: Path, tmp_path: Path
) -> None:
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    other = ExportSource(forked)
    # The blocks of one history, the checkpoint of another.
    error = assert_held(home, "restore.fork", lambda: release(home, lost.last, other))
    assert EVIDENCE_NAME in error.detail
    evidence = (home.path / EVIDENCE_NAME).read_text()
    assert lost.last.strip() in evidence
    # Blocks of the one history are here now; a mirror of the other does not continue them.
    assert_held(home, "restore.fork", lambda: release(home, other.checkpoint(), ExportSource(lost.mirror)))


def test_a_fork_before_the_backup_is_found_too(lost: Lost, forked: Path, tmp_path: Path) -> None:
    """The backup is of one history, the mirror of another that left it earlier."""
    path = tmp_path / "later"
    home = restore_from(lost.backup, path / "node", lost.keys)
    release(home, lost.last, ExportSource(lost.mirror))
    back_up(home, tmp_path / "later.tar")
    later = restore_from(tmp_path / "later.tar", tmp_path / "home", lost.keys)
    other = ExportSource(forked)
    assert checkpoint.parse(other.checkpoint()).size > checkpoint.parse(lost.last).size
    assert_held(later, "restore.fork", lambda: release(later, other.checkpoint(), other))


def test_a_mirror_of_another_ledger_gives_no_blocks(lost: Lost, tmp_path: Path) -> None:
    with running_node(tmp_path / "other") as node:
        put(node, sign(node))
    with open_store(node.home.ledger) as store:
        export(store, tmp_path / "mirror")
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    with pytest.raises(LedgerError):
        release(home, lost.last, ExportSource(tmp_path / "mirror"))
    assert home.cosign_hold.exists()


def test_a_mirror_with_a_bad_block_gives_none_after_it(lost: Lost, tmp_path: Path) -> None:
    shutil.copytree(lost.mirror, tmp_path / "mirror")
    (records,) = (tmp_path / "mirror" / "tile" / "records").rglob("*.p/*")
    data = records.read_bytes()
    at = data.rindex(b"application/pdf")
    records.write_bytes(data[:at] + b"application/xyz" + data[at + 15 :])
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    error = assert_held(
        home, "entry.records-root", lambda: release(home, lost.last, ExportSource(tmp_path / "mirror"))
    )
    assert isinstance(error, VerificationError)
    # The good mirror still can.
    release(home, lost.last, ExportSource(lost.mirror))


def test_the_hold_goes_last(lost: Lost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between knowing what was signed and removing the hold: held, and released by the same command again."""
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)

    def crash(self: Path, missing_ok: bool = False) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", crash)
        with pytest.raises(KeyboardInterrupt):
            release(home, lost.last, ExportSource(lost.mirror))
    assert home.cosign_hold.exists()
    assert release(home, lost.last, ExportSource(lost.mirror)).size == checkpoint.parse(lost.last).size


def test_the_checkpoint_itself_is_remembered_whatever_the_mirror_says(
    lost: Lost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror's checkpoint may be cosigned by other validators only; then only the given one tells about this key."""
    monkeypatch.setattr(restore, "_remember_theirs", lambda *_: None)
    home = restore_from(lost.backup, tmp_path / "home", lost.keys)
    release(home, lost.last, ExportSource(lost.mirror))
    last = checkpoint.parse(lost.last)
    with open_store(home.ledger) as store:
        assert store.last_signed(home.read_genesis().validators[0].cosigning_key) == (last.size, last.root)


def test_keys_of_another_node_are_not_released_into_service(lost: Lost, tmp_path: Path) -> None:
    other = make_node(tmp_path / "other")
    other.stop()
    home = restore_from(lost.backup, tmp_path / "home", other.home.keys)
    release(home, lost.last, ExportSource(lost.mirror))
    with pytest.raises(HomeError) as caught:
        open_node(home)
    assert caught.value.rule == "home.keys"
    assert key_of(other, "log").public_key != home.read_genesis().validators[0].log_key
