"""`sogoc watch`: unfinished files, moves, being offline, refusals, and a power cut at every step of the way."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from api.answers import ApiError
from api.cli import watcher as watcher_module
from api.cli.files import read_policy, sha256_of
from api.cli.output import ExitCode
from api.cli.papers import identifier_of, split
from api.cli.verify import judge_file
from api.cli.watch import state_directory
from api.cli.watch_folder import Settling, Stamp, is_being_written, is_paper, walk
from api.cli.watch_queue import Item, Queue, Step
from api.cli.watcher import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Options, Watcher
from api.client import Client
from ledger.encoding import encode
from ledger.errors import RefusedError, StoreCorruptError, StoreLockedError
from ledger.keys import SigningKey
from ledger.receipt import Receipt
from ledger.records.documents import HASH_LOOKUP
from ledger.store.database import Database
from node import keyfiles
from node.service import Node, clock_ms
from tests.processes import to_be_killed
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import document_record, key_of, new_key, put, register_key, running_node, sign

__all__ = ["quiet_logs"]


class PowerCutError(BaseException):
    """The machine stops here."""


@dataclass
class Heard:
    """What a watcher told."""

    lines: list[tuple[str, ...]] = field(default_factory=list)
    signatures: list[int] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def anchored(self, path: Path, receipt: Path) -> None:
        self.lines.append(("anchored", path.name, receipt.name))

    def refused(self, path: Path, rule: str, detail: str) -> None:
        assert detail
        self.lines.append(("refused", path.name, rule))

    def signed(self, count: int) -> None:
        self.signatures.append(count)

    def unreachable(self, error: ApiError, seconds: float) -> None:
        self.lines.append(("unreachable", error.rule))
        self.pauses.append(seconds)


@dataclass
class Desk:
    """A folder, the directory of its queue, and a clock that moves when told."""

    node: Node
    address: str
    base: Path
    private: bool = False
    settle: float = 0.0
    now: float = 1_000.0
    heard: Heard = field(default_factory=Heard)
    key: SigningKey | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)

    @property
    def folder(self) -> Path:
        return self.base / "van-ban"

    @property
    def state(self) -> Path:
        return self.base / "hang-doi"

    def write(self, name: str, content: str | None = None) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{self.base} {name}" if content is None else content, encoding="utf-8")
        return path

    @contextmanager
    def watching(self, address: str | None = None) -> Iterator[Watcher]:
        with Queue.open(self.state) as queue:
            yield Watcher(
                Options(self.folder, private=self.private, settle_seconds=self.settle),
                queue,
                self.key or key_of(self.node),
                connect=lambda: Client(address or self.address, repeats=0, timeout=10.0),
                policy_of=lambda _: read_policy(self.node.home.policy),
                events=self.heard,
                clock=lambda: self.now,
            )

    def run(self, rounds: int = 1, address: str | None = None) -> dict[str, Step]:
        """So many looks and sendings; then how far each file has come."""
        with self.watching(address) as watcher:
            for _ in range(rounds):
                watcher.look()
                watcher.send()
                self.now += LONGEST_PAUSE_SECONDS + self.settle
            return self.steps(watcher)

    def steps(self, watcher: Watcher) -> dict[str, Step]:
        return {os.fsdecode(name): item.step for name, item in watcher.queue.items.items()}

    def anchors(self, identifier: bytes) -> int:
        """How many records on the ledger are about a document."""
        return sum(1 for _ in self.node.final.view.lookup(HASH_LOOKUP + identifier))

    def receipt(self, name: str) -> Receipt:
        return Receipt.parse((self.folder / (name + ".tlog-proof")).read_bytes())

    def verdict(self, name: str) -> int:
        policy = read_policy(self.node.home.policy)
        return judge_file(self.folder / name, None, None, policy, now_ms=clock_ms()).verdict.value

    def check_whole(self) -> None:
        """Every paper has a receipt that holds for it, and stands on the ledger once."""
        for path in walk(self.folder)[0]:
            name = str(path.relative_to(self.folder))
            assert self.verdict(name) == 0, name
            with Client(self.address) as client:
                assert len(client.document(identifier_of(str(path)))) == 1, name


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, str]]:
    with running_node(tmp_path_factory.mktemp("office")) as node, serving(node) as address:
        yield node, address


@pytest.fixture
def desk(served: tuple[Node, str], tmp_path: Path) -> Desk:
    return Desk(*served, tmp_path)


NOWHERE = "http://127.0.0.1:9"
"""The discard port: nobody listens there."""


# -- which files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        ".an", "~$bao-cao.docx", "a.part", "a.pdf.crdownload", "a.tmp", "A.TMP", "a.pdf~", "Thumbs.db", "a.swp",
        "a.pdf.tlog-proof", "a.pdf.1.tlog-proof", "a.pdf.salt", ".~lock.a.odt#",
    ],
)  # fmt: skip
def test_what_is_no_paper(name: str) -> None:
    assert not is_paper(name)
    assert is_paper("báo cáo.pdf")


def test_a_folder_is_walked(tmp_path: Path) -> None:
    for name in ("a.pdf", "thang-1/b.pdf", "thang-1/sau/c.pdf", ".git/d.pdf", "e.pdf.part", "f.odt", "g.pdf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "rong.pdf").touch()
    (tmp_path / ".~lock.f.odt#").touch()
    (tmp_path / "lien-ket.pdf").symlink_to("a.pdf")
    (tmp_path / "vong").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "ong.pdf")
    found, closed = walk(tmp_path)
    names = sorted(str(path.relative_to(tmp_path)) for path in found)
    assert (names, closed) == (["a.pdf", "g.pdf", "thang-1/b.pdf", "thang-1/sau/c.pdf"], {})
    assert found[tmp_path / "a.pdf"] == Stamp.of(tmp_path / "a.pdf")
    assert list(walk(tmp_path / "khong-co")[1]) == [tmp_path / "khong-co"]
    assert Stamp.of(tmp_path / "vong") is None


def test_a_file_settles_when_it_stays_the_same() -> None:
    settling, path = Settling(3.0), Path("a")
    first, second = Stamp(1, 1, 1), Stamp(2, 1, 1)
    assert settling.settled([(path, first)], 0.0) == []
    assert settling.settled([(path, first)], 2.9) == []
    assert settling.settled([(path, second)], 3.0) == []
    assert settling.settled([(path, second)], 5.9) == []
    assert settling.settled([(path, second)], 6.0) == [(path, second)]
    # One that goes away and comes back begins anew.
    assert settling.settled([], 7.0) == []
    assert settling.settled([(path, second)], 8.0) == []


def test_a_file_that_is_open_for_writing_is_left_alone(desk: Desk) -> None:
    path = desk.write("dang-ghi.pdf", "nua dau")
    assert not is_being_written(path)
    with path.open("ab") as stream:
        assert is_being_written(path)
        assert desk.run(2) == {}
        stream.write(b" nua sau")
    assert not is_being_written(path)
    assert desk.run(2) == {"dang-ghi.pdf": Step.DONE}
    assert desk.verdict("dang-ghi.pdf") == 0


def test_a_file_that_is_locked_is_left_alone(desk: Desk) -> None:
    path = desk.write("khoa.pdf")
    with path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert is_being_written(path)
        assert desk.run(2) == {}
    assert desk.run(1) == {"khoa.pdf": Step.DONE}


def test_a_file_that_grows_is_not_touched_until_it_rests(desk: Desk) -> None:
    desk.settle = 3.0
    path = desk.write("lon-dan.pdf", "0")
    with desk.watching() as watcher:
        for number in range(1, 6):
            watcher.look()
            assert watcher.settling == {path}
            desk.now += 2.0
            with path.open("a") as stream:
                stream.write(str(number))
        assert not watcher.queue.items
        for _ in range(2):
            watcher.look()
            desk.now += 3.0
        watcher.look()
        watcher.send()
        assert (desk.steps(watcher), watcher.settling) == ({"lon-dan.pdf": Step.DONE}, set())
    assert desk.verdict("lon-dan.pdf") == 0


def test_what_changes_while_it_is_read_is_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.write("doi.pdf", "truoc")
    original = sha256_of

    def read(one: Path) -> tuple[bytes, int]:
        result = original(one)
        path.write_text("sau!!")
        os.utime(path, ns=(1, 1))
        return result

    monkeypatch.setattr(watcher_module, "sha256_of", read)
    assert desk.run() == {}
    monkeypatch.undo()
    assert desk.run() == {"doi.pdf": Step.DONE}
    assert desk.verdict("doi.pdf") == 0


# -- anchoring ------------------------------------------------------------------------------------------------------------


def test_everything_that_is_ready_shares_one_signature(desk: Desk) -> None:
    names = [f"thang-{number % 3}/{number}.pdf" for number in range(20)]
    for name in names:
        desk.write(name)
    desk.write("thang-0/trung.pdf", f"{desk.base} {names[0]}")
    assert set(desk.run().values()) == {Step.DONE}
    assert desk.heard.signatures == [20], "equal files are one document"
    assert len({desk.receipt(name).entry_leaf for name in [*names, "thang-0/trung.pdf"]}) == 1
    desk.check_whole()
    # Nothing is done twice.
    size = desk.node.final.size
    assert set(desk.run(2).values()) == {Step.DONE}
    assert (desk.node.final.size, desk.heard.signatures) == (size, [20])


def test_more_than_an_entry_holds_takes_several(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    original = split
    monkeypatch.setattr(
        watcher_module, "split", lambda groups, at_most: original(groups, at_most=min(4, at_most))
    )
    for number in range(10):
        desk.write(f"{number}.pdf")
    assert set(desk.run().values()) == {Step.DONE}
    assert desk.heard.signatures == [4, 4, 2]
    desk.check_whole()


def test_what_is_anchored_already_is_not_signed_again(desk: Desk) -> None:
    path = desk.write("co-san.pdf", "co san")
    put(desk.node, sign(desk.node, [document_record(b"co san")]))
    assert desk.run() == {"co-san.pdf": Step.DONE}
    assert desk.heard.signatures == []
    assert desk.verdict(path.name) == 0


def test_a_changed_file_is_a_new_document_and_the_old_receipt_stays(desk: Desk) -> None:
    path = desk.write("sua.pdf", f"{desk.base} mot")
    desk.run()
    first = desk.receipt("sua.pdf").record
    path.write_text(f"{desk.base} hai")
    desk.run()
    assert desk.receipt("sua.pdf").record != first
    assert desk.receipt("sua.pdf.1").record == first
    desk.check_whole()


def test_private_papers_keep_their_salts_when_they_are_renamed(desk: Desk) -> None:
    desk.private = True
    path = desk.write("xac-nhan.pdf")
    assert desk.run() == {"xac-nhan.pdf": Step.DONE}
    salt = desk.folder / "xac-nhan.pdf.salt"
    assert salt.stat().st_mode & 0o777 == 0o600
    body = desk.receipt("xac-nhan.pdf").record
    path.rename(desk.folder / "doi-ten.pdf")
    assert desk.run(2) == {"doi-ten.pdf": Step.DONE}
    assert (desk.folder / "doi-ten.pdf.salt").read_text() == salt.read_text()
    assert desk.receipt("doi-ten.pdf").record == body
    desk.check_whole()
    # Another file, though a salt without a paper lies about, gets one of its own.
    desk.write("khac.pdf")
    desk.run()
    assert (desk.folder / "khac.pdf.salt").read_text() != salt.read_text()
    with desk.watching() as watcher:
        assert {item.file_hash for item in watcher.queue.items.values()} == {b""}


def test_secret_papers_are_not_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("Tối mật/a.pdf")
    desk.write("ke-hoach [MẬT].pdf")

    def read(path: Path) -> tuple[bytes, int]:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(watcher_module, "sha256_of", read)
    assert set(desk.run(2).values()) == {Step.REFUSED}
    assert sorted(desk.heard.lines) == [
        ("refused", "a.pdf", "document.secret"),
        ("refused", "ke-hoach [MẬT].pdf", "document.secret"),
    ]


# -- moved, deleted, unreadable --------------------------------------------------------------------------------------------


def test_moved_and_deleted_while_queued(desk: Desk) -> None:
    desk.write("o-lai.pdf")
    moved = desk.write("se-doi.pdf")
    gone = desk.write("se-mat.pdf")
    assert set(desk.run(1, NOWHERE).values()) == {Step.QUEUED}
    (desk.folder / "thu-muc").mkdir()
    moved.rename(desk.folder / "thu-muc" / "da-doi.pdf")
    gone.unlink()
    assert desk.run() == {"o-lai.pdf": Step.DONE, "thu-muc/da-doi.pdf": Step.DONE}
    assert desk.heard.signatures == [2]
    desk.check_whole()


def test_moved_after_it_was_anchored_it_gets_its_receipt_there(desk: Desk) -> None:
    path = desk.write("cu.pdf")
    desk.run()
    path.rename(desk.folder / "moi.pdf")
    assert desk.run(2) == {"moi.pdf": Step.DONE}
    assert desk.heard.signatures == [1]
    assert desk.receipt("moi.pdf").record == desk.receipt("cu.pdf").record


def test_changed_between_queueing_and_signing(desk: Desk) -> None:
    path = desk.write("doi.pdf", f"{desk.base} cu")
    desk.run(1, NOWHERE)
    with desk.watching() as watcher:
        path.write_text(f"{desk.base} moi!")
        watcher.send()
        assert desk.steps(watcher) == {}
    assert desk.run() == {"doi.pdf": Step.DONE}
    assert desk.heard.signatures == [1]
    desk.check_whole()


def test_deleted_after_signing_leaves_no_receipt_and_stops_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.write("mat-sau.pdf")
    desk.write("con.pdf")
    cut = Cuts(monkeypatch, at=1)
    cut.arm("api.client.Client.submit")
    with pytest.raises(PowerCutError):
        desk.run()
    monkeypatch.undo()
    path.unlink()
    assert desk.run(2) == {"con.pdf": Step.DONE}
    assert not path.with_name("mat-sau.pdf.tlog-proof").exists()


def test_a_file_that_cannot_be_read_is_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("hong-o.pdf")
    desk.write("tot.pdf")
    original = sha256_of

    def read(path: Path) -> tuple[bytes, int]:
        return original(path.with_name("khong-co")) if path.name == "hong-o.pdf" else original(path)

    monkeypatch.setattr(watcher_module, "sha256_of", read)
    assert desk.run(2) == {"tot.pdf": Step.DONE}
    assert desk.heard.lines.count(("refused", "hong-o.pdf", "file.read")) == 1, "said once"
    monkeypatch.undo()
    assert desk.run() == {"hong-o.pdf": Step.DONE, "tot.pdf": Step.DONE}


def test_a_drive_that_is_away_has_not_lost_its_files(desk: Desk) -> None:
    desk.write("a.pdf")
    desk.run(1, NOWHERE)
    away = desk.base / "thao-ra"
    desk.folder.rename(away)
    with desk.watching() as watcher:
        watcher.look()
        assert desk.steps(watcher) == {"a.pdf": Step.QUEUED}
    away.rename(desk.folder)
    assert desk.run() == {"a.pdf": Step.DONE}


# -- the node ----------------------------------------------------------------------------------------------------------------


def test_offline_it_queues_and_asks_less_and_less_often(desk: Desk) -> None:
    desk.write("a.pdf")
    with desk.watching(NOWHERE) as watcher:
        watcher.look()
        asked = 0
        for _ in range(2_000):
            before = len(desk.heard.pauses)
            assert not watcher.send()
            asked += len(desk.heard.pauses) - before
            desk.now += 1.0
        assert desk.heard.pauses[:3] == [FIRST_PAUSE_SECONDS, 10.0, 20.0]
        assert max(desk.heard.pauses) == LONGEST_PAUSE_SECONDS
        assert 8 <= asked <= 14
    assert desk.run() == {"a.pdf": Step.DONE}
    assert desk.verdict("a.pdf") == 0


def test_one_bad_paper_among_many_is_found_and_the_others_are_anchored(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        desk.write(f"{number}.pdf")
    bad = desk.write("hong.pdf")
    original = Watcher._record

    def record(self: Watcher, item: Item, authority: str) -> bytes:
        if item.name == b"hong.pdf":
            # The ledger refuses it: it has no number that this would continue.
            fields: dict[str, Any] = {"number": "1", "date": "2025-01-01", "continues": bytes(32)}
            return document_record(bad.read_bytes(), **fields)
        return original(self, item, authority)

    monkeypatch.setattr(Watcher, "_record", record)
    steps = desk.run(5)
    assert steps.pop("hong.pdf") == Step.REFUSED
    assert set(steps.values()) == {Step.DONE}
    assert ("refused", "hong.pdf", "document.unknown") in desk.heard.lines
    assert desk.heard.signatures[0] == 8
    # Refused, it is not tried again until it changes, or somebody asks for it.
    size = desk.node.final.size
    desk.run(2)
    assert desk.node.final.size == size
    monkeypatch.undo()
    with desk.watching() as watcher:
        watcher.retry_refused()
    assert set(desk.run(2).values()) == {Step.DONE}
    desk.check_whole()


def test_a_key_that_may_not_sign_stops_everything_and_loses_nothing(desk: Desk) -> None:
    desk.write("a.pdf")
    desk.key = new_key()
    with pytest.raises(RefusedError) as caught:
        desk.run()
    assert caught.value.rule == "key.unknown"
    register_key(desk.node, desk.key)
    assert desk.run() == {"a.pdf": Step.DONE}


def test_a_key_without_the_role_stops_everything(desk: Desk) -> None:
    desk.write("a.pdf")
    desk.write("b.pdf")
    desk.key = key_of(desk.node, "admin")
    with pytest.raises(RefusedError) as caught:
        desk.run()
    assert caught.value.rule == "authority.role"
    desk.key = None
    assert set(desk.run().values()) == {Step.DONE}


def test_another_ledger_is_not_mistaken_for_this_one(desk: Desk, tmp_path: Path) -> None:
    desk.write("a.pdf")
    desk.run()
    desk.write("b.pdf")
    with running_node(tmp_path / "khac") as other, serving(other) as address:
        desk.key = key_of(other)
        with pytest.raises(RefusedError) as caught:
            desk.run(1, address)
    assert caught.value.rule == "watch.other-ledger"
    desk.key = None
    assert set(desk.run().values()) == {Step.DONE}


def test_a_receipt_that_does_not_hold_is_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("a.pdf")
    original = Client.receipts

    def forged(self: Client, record_ids: Any) -> dict[bytes, str]:  # noqa: ANN401  as the method it replaces
        return {one: text.replace("\n", "\n\n", 1) for one, text in original(self, record_ids).items()}

    monkeypatch.setattr(Client, "receipts", forged)
    assert desk.run(2) == {"a.pdf": Step.ANCHORED}
    assert not (desk.folder / "a.pdf.tlog-proof").exists()
    assert any(line[:2] == ("refused", "a.pdf") for line in desk.heard.lines)
    monkeypatch.undo()
    assert desk.run() == {"a.pdf": Step.DONE}
    assert desk.heard.signatures == [1]


# -- the power is cut ----------------------------------------------------------------------------------------------------


@dataclass
class Cuts:
    """Cuts the power at the `at`-th of the steps that are armed: before it is done, or after."""

    monkeypatch: pytest.MonkeyPatch
    at: int
    after: bool = False
    count: int = 0

    def arm(self, *names: str) -> None:
        for name in names:
            module, _, attribute = name.rpartition(".")
            owner: Any = sys.modules.get(module)
            if owner is None:
                package, _, kind = module.rpartition(".")
                owner = getattr(sys.modules[package], kind)
            self.monkeypatch.setattr(owner, attribute, self._around(getattr(owner, attribute)))

    def _around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  as whatever it replaces
            self.count += 1
            if self.count == self.at and not self.after:
                raise PowerCutError
            result = original(*arguments, **options)
            if self.count == self.at:
                raise PowerCutError
            return result

        return step


STEPS = (
    "api.cli.watch_queue.Queue.save",
    "api.cli.watch_queue.Queue.remember",
    "api.client.Client.submit",
    "api.client.Client.receipts",
    "api.cli.files.write_atomically",
)


@pytest.mark.parametrize(("after", "private"), [(False, False), (True, False), (False, True)])
def test_a_power_cut_at_any_step_loses_nothing_and_anchors_nothing_twice(
    served: tuple[Node, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool, private: bool
) -> None:
    at, finished = 1, False
    while not finished:
        base = tmp_path / f"{at}"
        base.mkdir()
        desk = Desk(*served, base, private=private)
        for name in ("a.pdf", "b.pdf"):
            desk.write(name)
        with monkeypatch.context() as patch:
            Cuts(patch, at, after).arm(*STEPS)
            try:
                desk.run(2)
                finished = True
            except PowerCutError:
                # The lock goes with the process, which has not really ended.
                pass
        assert desk.run(3) == {"a.pdf": Step.DONE, "b.pdf": Step.DONE}, at
        if not private or at % 3 == 0:
            desk.check_whole()
        leaves = {desk.receipt(name).entry_leaf for name in ("a.pdf", "b.pdf")}
        assert len(leaves) == 1, "one signature, whenever the power was cut"
        at += 1
    assert at > 8, "the power was cut at every step there is"


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_every_paper_ends_with_its_receipt(
    served: tuple[Node, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A busy day: files come, change, move and go, the line is cut, and so is the power."""
    chance = random.Random(seed)
    desk = Desk(*served, tmp_path)
    number = 0
    for _ in range(25):
        files = sorted(walk(desk.folder)[0])
        match chance.choice(
            ["new", "new", "new", "change", "move", "delete", "online", "offline", "cut", "cut"]
        ):
            case "new":
                number += 1
                desk.write(f"{chance.choice(['', 'x/', 'x/y/'])}{number}.pdf")
            case "change" if files:
                chance.choice(files).write_text(f"{desk.base} {number} {chance.random()}")
            case "move" if files:
                number += 1
                chance.choice(files).rename(desk.folder / f"{number}-moi.pdf")
            case "delete" if files:
                chance.choice(files).unlink()
            case "online":
                desk.run()
            case "offline":
                desk.run(1, NOWHERE)
            case "cut":
                with monkeypatch.context() as patch:
                    Cuts(patch, chance.randint(1, 10), chance.random() < 0.5).arm(*STEPS)
                    with suppress(PowerCutError):
                        desk.run(2)
            case _:
                pass
    assert set(desk.run(3).values()) <= {Step.DONE}
    desk.check_whole()


def test_a_full_disk_is_an_error_and_the_queue_goes_on_afterwards(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.write("a.pdf")

    def full(*_: object) -> Path:
        raise RefusedError("file.write", "no space left on device")

    monkeypatch.setattr(watcher_module, "keep_checked_receipt", full)
    assert desk.run() == {"a.pdf": Step.ANCHORED}
    monkeypatch.undo()
    assert desk.run() == {"a.pdf": Step.DONE}


# -- the queue -------------------------------------------------------------------------------------------------------------


def test_one_watcher_at_a_time(desk: Desk) -> None:
    with desk.watching():
        with pytest.raises(StoreLockedError) as caught:
            Queue.open(desk.state)
        assert caught.value.rule == "watch.running"


def test_a_damaged_queue_says_what_to_do_and_costs_nothing(desk: Desk) -> None:
    desk.write("a.pdf")
    desk.run()
    database = Database.open(desk.state / "queue", create=False)
    database.write([(b"f" + b"b.pdf", encode([1, 2]))])
    database.close()
    with pytest.raises(StoreCorruptError) as caught:
        Queue.open(desk.state)
    assert caught.value.rule == "watch.queue"
    assert "Remove that directory" in caught.value.detail
    for path in sorted(desk.state.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert desk.run() == {"a.pdf": Step.DONE}
    assert desk.heard.signatures == [1]


@pytest.mark.parametrize(
    "item",
    [
        Item(b"a", "1 2 3", Step.QUEUED, bytes(32)),
        Item("thư/mục.pdf".encode(), "1 2 3", Step.SIGNED, bytes(32), bytes(32), b"r", b"e", 7),
        Item(b"\xff\xfe", "9 9 9", Step.REFUSED, problem=("document.secret", "mật")),
    ],
)
def test_rows_of_the_queue(item: Item) -> None:
    assert Item.parse(item.name, item.encoded()) == item


@pytest.mark.parametrize("data", [b"", encode([]), encode(["", "bay", b"", b"", b"", b"", 1, "", ""])])
def test_rows_that_nobody_wrote(data: bytes) -> None:
    with pytest.raises(StoreCorruptError):
        Item.parse(b"a", data)


def test_a_name_that_is_no_text_is_a_name(desk: Desk) -> None:
    path = Path(os.fsdecode(os.fsencode(desk.folder) + b"/\xff.pdf"))
    path.write_text(f"{desk.base}")
    assert list(desk.run().values()) == [Step.DONE]
    assert Path(os.fsdecode(os.fsencode(path) + b".tlog-proof")).is_file()


# -- the command -----------------------------------------------------------------------------------------------------------


def watch(desk: Desk, *arguments: str | Path, address: str | None = None) -> Done:
    return sogoc(
        "watch", desk.folder, "--key", desk.node.home.key("office"), "--node", address or desk.address,
        "--state", desk.state, "--settle", "0.1", *arguments,
    )  # fmt: skip


def test_once(desk: Desk) -> None:
    desk.write("a.pdf")
    desk.write("TUYỆT MẬT.pdf")
    empty = watch(desk, "--status", "--json")
    assert (empty.code, empty.json["done"], empty.json["running"]) == (ExitCode.GOOD, 0, False)
    offline = watch(desk, "--once", "--json", address=NOWHERE)
    assert (offline.code, offline.json["queued"], offline.json["refused"]) == (ExitCode.CANNOT_TELL, 1, 1)
    assert "mật" in watch(desk, "--status").output.lower()
    done = watch(desk, "--once")
    assert done.code == ExitCode.DOES_NOT_MATCH, "one was refused"
    assert "a.pdf.tlog-proof" in done.output
    state = watch(desk, "--status", "--json").json
    assert (state["done"], state["queued"], state["problems"][0]["code"]) == (1, 0, "document.secret")
    (desk.folder / "TUYỆT MẬT.pdf").unlink()
    assert watch(desk, "--once").code == ExitCode.GOOD
    assert desk.verdict("a.pdf") == 0


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [((), "watch.folder"), (("--state", "van-ban/hang-doi"), "watch.state"), (("--no-key",), "key.missing")],
)
def test_usage(desk: Desk, arguments: tuple[str, ...], rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.base)
    folder = "khong-co" if rule == "watch.folder" else "van-ban"
    key = () if "--no-key" in arguments else ("--key", desk.node.home.key("office"))
    extra = [argument for argument in arguments if argument != "--no-key"]
    done = sogoc("watch", folder, *key, *extra, "--once")
    assert (done.code, done.rule) == (ExitCode.USAGE, rule)


def test_the_queue_lies_in_the_users_own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one, other = state_directory(Path("/a")), state_directory(Path("/b"))
    assert one != other
    assert one.parent == tmp_path / "sogoc"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert state_directory(Path("/a")).is_relative_to(Path.home())


def kept(folder: Path) -> set[tuple[str, int]]:
    """The files below a folder and their sizes; what goes while one looks is left out."""
    found = set()
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found.add((str(path), path.stat().st_size))
    return found


def test_killed_again_and_again_it_still_anchors_everything_once(desk: Desk) -> None:
    """A real process, killed without warning at moments that nobody chose; and one passphrase for all of it."""
    secret = desk.base / "mat-khau"
    secret.write_text("một mật khẩu dài")
    secret.chmod(0o600)
    key = desk.base / "khoa.pem"
    register_key(desk.node, keyfiles.generate(key, "một mật khẩu dài"))
    command: list[str | Path] = [
        sys.executable, "-m", "api.cli", "watch", desk.folder, "--key", key, "--passphrase-file", secret,
        "--node", desk.address, "--policy", desk.node.home.policy, "--state", desk.state, "--settle", "0.05",
        "--interval", "0.05",
    ]  # fmt: skip
    chance = random.Random(7)
    for number in range(60):
        desk.write(f"{number % 4}/{number}.pdf")
    for attempt in range(4):
        before = kept(desk.state)
        process = subprocess.Popen(
            command, env=to_be_killed(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # However long it takes to start: the kill comes when it has begun to keep something.
        until = time.monotonic() + 60
        while kept(desk.state) == before:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(chance.random() * 0.8)
        for number in range(5):
            desk.write(f"them/{attempt}-{number}.pdf")
        time.sleep(chance.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert watch(desk, "--once", "--json", "--policy", desk.node.home.policy).json["done"] == 80
    with Client(desk.address) as client:
        for path in walk(desk.folder)[0]:
            assert len(client.document(identifier_of(str(path)))) == 1
    assert desk.verdict("0/0.pdf") == 0


def test_a_running_watcher_can_be_asked(desk: Desk) -> None:
    desk.write("a.pdf")
    command: list[str | Path] = [
        sys.executable, "-m", "api.cli", "watch", desk.folder, "--key", desk.node.home.key("office"), "--node", desk.address,
        "--state", desk.state, "--settle", "0.05", "--interval", "0.05",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        deadline = time.monotonic() + 60
        state: Any = {}
        while state.get("done") != 1:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
            asked = watch(desk, "--status", "--json")
            state = json.loads(asked.output) if asked.code == 0 else {}
        assert state["running"] is True
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (ExitCode.GOOD, ExitCode.INTERRUPTED)
    assert process.stdout is not None
    assert "a.pdf.tlog-proof" in process.stdout.read()
    process.stdout.close()
