"""A validator's keys are replaced at the command line: what was proved before stays proved, and retired keys forge nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger import checkpoint
from ledger.errors import StoreError
from ledger.hashing import leaf_hash
from ledger.receipt import Receipt, verify
from ledger.store.ledger_store import LedgerStore
from ledger.transitions import Transitions, read_transitions
from ledger.validators import current_set
from node.config import Config
from node.home import Home, HomeError, cosigner_of, load_keys, load_next_keys
from node.service import Node, clock_ms
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import NODE_KEYS, document_record, make_home, put, sign

__all__ = ["quiet_logs"]

OPEN = "--insecure-no-passphrase"
DAY_MS = 24 * 3600 * 1000


def open_node(home: Home, *, clock_ahead_ms: int = 0) -> Node:
    return Node(
        home,
        Config(),
        load_keys(home, NODE_KEYS, None),
        next_keys=load_next_keys(home, NODE_KEYS, None),
        clock_ms=lambda: clock_ms() + clock_ahead_ms,
    )


@contextmanager
def started(home: Home, *, clock_ahead_ms: int = 0) -> Iterator[Node]:
    node = open_node(home, clock_ahead_ms=clock_ahead_ms)
    try:
        node.start()
        yield node
    finally:
        node.stop()


def add(node: Node, content: bytes) -> str:
    """Anchor a document and return its receipt."""
    record = document_record(content)
    put(node, sign(node, [record]))
    place = node.final.place(leaf_hash(record))
    assert place is not None
    return node.final.receipt(place).text()


def size_of(receipt: str) -> int:
    return checkpoint.parse(Receipt.parse(receipt).proof.checkpoint_text).size


@dataclass
class Story:
    """A ledger whose only validator has new keys since its fourth block."""

    folder: Path
    home: Home = field(init=False)
    old: str = ""
    closing: str = ""
    new: str = ""

    def __post_init__(self) -> None:
        self.home = make_home(self.folder / "office")
        self.policy = self.folder / "policy"
        self.policy.write_bytes(self.home.policy.read_bytes())
        with started(self.home) as node:
            self.old = add(node, b"old")
        shutil.copytree(self.home.path, self.folder / "thief")
        with started(self.home) as node:
            add(node, b"second")
            add(node, b"third")
        self.good("validator", "keys", self.home.path, OPEN)
        with started(self.home) as node, serving(node) as address:
            done = self.good(
                "validator",
                "set",
                self.home.path,
                "--key",
                self.home.key("admin"),
                "--node",
                address,
                "--json",
            )
            assert done.json["outcome"] == "done"
            place = node.final.place(leaf_hash(document_record(b"third")))
            assert place is not None
            self.closing = node.final.receipt(place).text()
            # The node had the next keys: it goes on without a pause.
            assert node.failure is None
            self.new = add(node, b"new")

    def good(self, *arguments: str | Path) -> Done:
        done = sogoc(*arguments)
        assert (done.code, done.rule) == (ExitCode.GOOD, ""), done.output
        return done

    def check(self, receipt: str, *options: str | Path) -> tuple[int, str]:
        """Exit code and rule of `sogoc verify` on a receipt."""
        file = self.folder / "asked.tlog-proof"
        file.write_text(receipt)
        done = sogoc("verify", file, "--policy", self.policy, "--json", *options)
        return done.code, done.json["code"]

    @property
    def thief(self) -> Home:
        """The home as it was before, with the keys that are retired now."""
        return Home(self.folder / "thief")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(tmp_path_factory.mktemp("story"))


@pytest.fixture
def story(told: Story) -> Iterator[Story]:
    """With nothing kept beside the policy."""
    yield told
    (told.folder / "policy.epochs").unlink(missing_ok=True)


def test_a_pinned_policy_judges_old_and_new_receipts_once_it_knows_the_transitions(story: Story) -> None:
    assert story.check(story.old) == (ExitCode.GOOD, "status.in-force")
    assert story.check(story.new)[0] == ExitCode.CANNOT_TELL
    done = story.good("policy", "update", story.home.path, "--policy", story.policy, "--json")
    first, second = done.json["epochs"]
    assert (first["from_size"], first["to_size"]) == (0, size_of(story.closing))
    assert (second["from_size"], second["to_size"]) == (size_of(story.closing) + 1, None)
    assert first["witnesses"] != second["witnesses"]
    assert story.check(story.new) == (ExitCode.GOOD, "status.in-force")
    assert story.check(story.closing) == (ExitCode.GOOD, "status.in-force")
    assert story.check(story.old) == (ExitCode.CANNOT_TELL, "policy.epoch-unlinked")
    assert story.check(story.old, "--log", story.home.path) == (ExitCode.GOOD, "status.in-force")
    assert story.good("policy", "show", "--policy", story.policy, "--json").json == done.json


def test_an_export_is_enough_for_old_receipts_and_carries_the_transitions(
    story: Story, tmp_path: Path
) -> None:
    story.good("export", story.home.path, tmp_path / "export")
    assert story.check(story.old, "--log", tmp_path / "export") == (ExitCode.GOOD, "status.in-force")
    assert story.check(story.new, "--log", tmp_path / "export") == (ExitCode.GOOD, "status.in-force")
    found = Transitions.parse((tmp_path / "export" / "policy-epochs").read_bytes())
    assert len(found.steps) == 1
    for level in ("links", "signatures", "full"):
        story.good("audit", tmp_path / "export", "--level", level, "--policy", story.policy)
    (tmp_path / "export" / "policy-epochs").unlink()
    done = sogoc("audit", tmp_path / "export", "--policy", story.policy)
    assert (done.code, done.rule) == (ExitCode.CANNOT_TELL, "policy.no-log-signature")


@pytest.mark.parametrize("level", ["links", "signatures", "full"])
def test_every_audit_follows_the_change(story: Story, level: str) -> None:
    story.good("audit", story.home.path, "--level", level)
    with started(story.home) as node, serving(node) as address:
        story.good("audit", address, "--level", level, "--policy", story.policy)
        story.good("audit", story.home.path, "--level", level, "--policy", story.policy)
        assert story.check(story.old, "--log", address) == (ExitCode.GOOD, "status.in-force")
        node_policy = story.folder / "newest policy"
        node_policy.write_text(node.policy.format())
        # Who pinned the newest policy audits all of it too: what was before is told by the log itself.
        story.good("audit", address, "--level", level, "--policy", node_policy)


def forged(story: Story, tmp_path: Path, papers: int, *, clock_ahead_ms: int) -> str:
    """A receipt for a paper that the ledger never had, by the retired keys, after so many others."""
    home = Home(tmp_path / "forger")
    shutil.copytree(story.thief.path, home.path)
    with started(home, clock_ahead_ms=clock_ahead_ms) as node:
        for number in range(papers):
            add(node, b"filler %d" % number)
        return add(node, b"forged")


@pytest.mark.parametrize(
    ("papers", "bare", "linked"),
    [
        (0, (ExitCode.CANNOT_TELL, "policy.epoch-unlinked"), (ExitCode.DOES_NOT_MATCH, "policy.epoch-root")),
        (2, (ExitCode.DOES_NOT_MATCH, "policy.epoch-root"), (ExitCode.DOES_NOT_MATCH, "policy.epoch-root")),
        (3, (ExitCode.DOES_NOT_MATCH, "policy.epoch-ended"), (ExitCode.DOES_NOT_MATCH, "policy.epoch-ended")),
    ],
    ids=["within the epoch", "at its end", "after its end"],
)
def test_retired_keys_forge_no_receipt_however_they_date_it(
    story: Story, tmp_path: Path, papers: int, bare: tuple[int, str], linked: tuple[int, str]
) -> None:
    receipt = forged(story, tmp_path, papers, clock_ahead_ms=-2_000)
    # Who has not heard of the change is deceived: that is why there are epochs.
    assert story.check(receipt) == (ExitCode.GOOD, "status.in-force")
    story.good("policy", "update", story.home.path, "--policy", story.policy)
    back_dated = _back_dated(story, receipt)
    assert story.check(back_dated) == bare
    assert story.check(back_dated, "--log", story.home.path) == linked


def _back_dated(story: Story, receipt: str) -> str:
    """The same receipt, its checkpoint cosigned anew by the retired keys with a time before the epoch's end."""
    parsed = Receipt.parse(receipt)
    claimed = checkpoint.parse(parsed.proof.checkpoint_text)
    keys = load_keys(story.thief, NODE_KEYS, None)
    genesis = story.thief.read_genesis()
    cosigner = cosigner_of(genesis, genesis.validators[0], keys["log"], keys["validator"])
    text = cosigner.sign(claimed.size, claimed.root, genesis.time_ms // 1000)
    return replace(parsed, proof=replace(parsed.proof, checkpoint_text=text)).text()


def test_what_retired_keys_cosign_later_is_refused_without_the_log(story: Story, tmp_path: Path) -> None:
    story.good("policy", "update", story.home.path, "--policy", story.policy)
    receipt = forged(story, tmp_path, 0, clock_ahead_ms=DAY_MS)
    assert story.check(receipt) == (ExitCode.DOES_NOT_MATCH, "policy.epoch-late")


def test_transitions_of_another_history_are_not_taken_over(story: Story, tmp_path: Path) -> None:
    story.good("policy", "update", story.home.path, "--policy", story.policy)
    kept = (story.folder / "policy.epochs").read_bytes()
    home = Home(tmp_path / "forger")
    shutil.copytree(story.thief.path, home.path)
    story.good("validator", "keys", home.path, OPEN)
    with started(home) as node, serving(node) as address:
        story.good("validator", "set", home.path, "--key", home.key("admin"), "--node", address)
        add(node, b"forged")
        done = sogoc("policy", "update", address, "--policy", story.policy)
        assert (done.code, done.rule) == (ExitCode.DOES_NOT_MATCH, "epochs.fork")
    assert (story.folder / "policy.epochs").read_bytes() == kept
    done = sogoc("policy", "update", story.thief.path, "--policy", story.policy)
    assert (done.code, done.rule) == (ExitCode.CANNOT_TELL, "epochs.older")


def test_switching_puts_the_keys_in_place_and_an_old_home_says_that_it_is_out(tmp_path: Path) -> None:
    story = Story(tmp_path)
    home = story.home
    assert sogoc("validator", "keys", home.path, OPEN).rule == "validator.next-keys"
    retired = load_keys(home, NODE_KEYS, None)
    story.good("validator", "switch", home.path)
    assert not home.next_keys.exists()
    assert sogoc("validator", "switch", home.path).rule == "validator.next-keys"
    with pytest.raises(HomeError) as caught:
        Node(home, Config(), retired)
    assert caught.value.rule == "home.keys"
    with started(home) as node, serving(node) as address:
        assert size_of(add(node, b"another")) > size_of(story.new)
        (shown,) = story.good("validator", "show", "--node", address, "--json").json["validators"]
        assert shown["cosigning"] == load_keys(home, NODE_KEYS, None)["validator"].public_key.hex()
    story.good("doctor", home.path)
    story.good("audit", home.path)


def test_a_node_without_the_new_keys_closes_its_epoch_and_stops(tmp_path: Path) -> None:
    home = make_home(tmp_path / "office")
    sogoc("validator", "keys", home.path, OPEN)
    node = Node(home, Config(), load_keys(home, NODE_KEYS, None))
    node.start()
    with serving(node) as address:
        done = sogoc("validator", "set", home.path, "--key", home.key("admin"), "--node", address)
        assert done.code == ExitCode.GOOD, done.output
    assert isinstance(node.failure, StoreError)
    assert node.failure.rule == "cosign.retired"
    with pytest.raises(StoreError, match=r"node\.stopped"):
        node.check_intake()
    # It closed the epoch: what it serves is final, and proves the change.
    assert len(node.transitions().steps) == 1
    node.policy.check(node.final.checkpoint_text)
    node.stop()
    # Started again as it is, it serves what there is and takes nothing.
    again = Node(home, Config(), load_keys(home, NODE_KEYS, None))
    assert isinstance(again.failure, StoreError)
    again.stop()
    assert sogoc("validator", "switch", home.path).code == ExitCode.GOOD
    with started(home) as node:
        add(node, b"by the new keys")


def test_a_backup_takes_the_epochs_along(story: Story, tmp_path: Path) -> None:
    story.good("backup", story.home.path, tmp_path / "b.tar")
    restored = Home(tmp_path / "restored")
    with started(story.home) as node:
        text = node.final.checkpoint_text
    (tmp_path / "last").write_text(text)
    done = sogoc(
        "restore",
        tmp_path / "b.tar",
        restored.path,
        "--checkpoint",
        tmp_path / "last",
        "--not-run-since",
    )
    assert done.code == ExitCode.GOOD, done.output
    with started(story.home) as first:
        expected = first.transitions()
    story.good("audit", restored.path, "--policy", story.policy)
    store = LedgerStore.open(restored.ledger)
    try:
        assert read_transitions(store, restored.read_genesis()) == expected
        assert current_set(store)[0].name == restored.read_genesis().validators[0].name
    finally:
        store.close()


def test_a_backup_from_before_the_change_is_released_by_what_the_new_keys_signed(tmp_path: Path) -> None:
    home = make_home(tmp_path / "office")
    with started(home) as node:
        add(node, b"old")
    backed_up = sogoc("backup", home.path, tmp_path / "b.tar")
    assert backed_up.code == ExitCode.GOOD, backed_up.output
    sogoc("validator", "keys", home.path, OPEN)
    with started(home) as node, serving(node) as address:
        sogoc("validator", "set", home.path, "--key", home.key("admin"), "--node", address)
        add(node, b"new")
        (tmp_path / "last").write_text(node.final.checkpoint_text)
    restored = tmp_path / "restored"
    done = sogoc(
        "restore", tmp_path / "b.tar", restored, "--checkpoint", tmp_path / "last", "--from", home.path
    )
    assert done.code == ExitCode.GOOD, done.output
    shutil.copytree(home.keys, restored / "keys", dirs_exist_ok=True)
    with started(Home(restored)) as node:
        assert len(node.transitions().steps) == 1
        add(node, b"newer")


def test_rebuilding_makes_the_proofs_again(story: Story, tmp_path: Path) -> None:
    home = Home(tmp_path / "copy")
    shutil.copytree(story.home.path, home.path)
    before = sogoc("policy", "update", home.path, "--policy", story.policy, "--json").json
    story.good("rebuild", home.path)
    assert sogoc("policy", "update", home.path, "--policy", story.policy, "--json").json == before
    story.good("audit", home.path)


def test_a_second_validator_is_refused_where_one_engine_orders(story: Story, tmp_path: Path) -> None:
    home = Home(tmp_path / "copy")
    shutil.copytree(story.home.path, home.path)
    story.good("validator", "switch", home.path)
    story.good("validator", "keys", home.path, OPEN)
    story.good("validator", "offer", home.path, "--name", "second", "--out", tmp_path / "offer.json")
    with started(home) as node, serving(node) as address:
        options = ("--key", home.key("admin"), "--node", address)
        assert sogoc("validator", "set", tmp_path / "offer.json", *options).rule == "engine.single"
        name = node.genesis.validators[0].name
        assert sogoc("validator", "remove", name, *options).rule == "engine.single"
        story.good("validator", "set", tmp_path / "offer.json", "--leaves", name, *options)
        assert node.failure is None
        proved = verify(add(node, b"by the second"), node.policy)
        assert proved.checked.cosignatures[0][0] == "second"
        assert len(node.transitions().steps) == 2
