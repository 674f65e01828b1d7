"""A witness: what it cosigns, in which order it refuses, and that it never signs two histories, crash or not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger import checkpoint as checkpoints
from ledger import evidence as evidences
from ledger import note as notes
from ledger.errors import FormatError, LedgerError, StoreCorruptError, StoreError
from ledger.keys import SigningKey
from ledger.note import MAX_SIGNATURES, Note, VerifierKey
from ledger.witnessing import MAX_PATH, MAX_REQUEST_BYTES, format_request, parse_request
from node.config import ConfigError
from node.evidence import EvidenceBook
from node.home import Home, HomeError
from node.metrics import Metrics
from node.witness import witnessed as witnessed_module
from node.witness.acting import Witness, WitnessConflictError
from node.witness.book import create_book
from tests.witnesses import KEY, NOW_S, VKEY, WardLog, cosigned_s, open_witness, witness_home

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture
def log() -> WardLog:
    log = WardLog()
    log.grow(9)
    return log


@pytest.fixture
def home(tmp_path: Path, log: WardLog) -> Home:
    return witness_home(tmp_path / "home", log)


@pytest.fixture
def witness(home: Home) -> Witness:
    return open_witness(home)


def refused(witness: Witness, request: bytes) -> str:
    with pytest.raises(LedgerError) as caught:
        witness.add_checkpoint(request)
    return caught.value.rule


def known_size(witness: Witness, request: bytes) -> tuple[str, int]:
    with pytest.raises(WitnessConflictError) as caught:
        witness.add_checkpoint(request)
    return caught.value.rule, caught.value.size


# -- what is cosigned ---------------------------------------------------------------------------------------------------


def test_a_ledger_that_grows_is_cosigned_at_each_size(witness: Witness, log: WardLog) -> None:
    assert witness.seen() == []
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 9)):
        line = witness.add_checkpoint(log.request(old, size))
        assert cosigned_s(line, log, size) == NOW_S
        (seen,) = witness.seen()
        assert (seen.origin, seen.size, seen.root) == (log.origin, size, log.root(size))


def test_what_was_cosigned_is_known_after_a_restart(home: Home, witness: Witness, log: WardLog) -> None:
    witness.add_checkpoint(log.request(0, 5))
    again = open_witness(home, now_s=NOW_S + 60)
    assert known_size(again, log.request(0, 9)) == ("witness.other-size", 5)
    # The same once more is a newer statement about the same tree; what is remembered is when it was first seen.
    assert cosigned_s(again.add_checkpoint(log.request(5, 5)), log, 5) == NOW_S + 60
    assert again.seen()[0].cosigned_s == NOW_S


def test_extension_lines_are_cosigned_too(home: Home, witness: Witness, log: WardLog) -> None:
    body = checkpoints.body(log.origin, 2, log.root(2), ("an extension",))
    text = notes.format(Note(body, (notes.sign_log(body, log.origin, log.keys[0]),)))
    line = witness.add_checkpoint(format_request(0, [], text).encode())
    checkpoints.verify_cosignature(body, notes.parse(f"{body}\n{line}").signatures[0], VKEY)


# -- what is refused, in the order of the protocol ------------------------------------------------------------------------


def test_an_unknown_ledger(witness: Witness) -> None:
    stranger = WardLog("stranger.example")
    stranger.grow(1)
    assert refused(witness, stranger.request(0)) == "witness.unknown-ledger"


def test_a_checkpoint_that_its_ledger_has_not_signed(witness: Witness, log: WardLog) -> None:
    other = replace(log, keys=(SigningKey.from_seed(b"\x99" * 32),))
    assert refused(witness, other.request(0)) == "witness.not-signed"
    # A line under the known key's name and id that is not its signature.
    text = log.checkpoint()
    good = notes.parse(text)
    forged = replace(good.signatures[0], signature=bytes(64))
    assert (
        refused(witness, format_request(0, [], notes.format(Note(good.text, (forged,)))).encode())
        == "witness.not-signed"
    )


def test_signatures_by_strangers_are_passed_over(witness: Witness, log: WardLog) -> None:
    note = notes.parse(log.checkpoint())
    strangers = tuple(
        notes.sign_log(note.text, f"x{number}.example", KEY) for number in range(MAX_SIGNATURES - 1)
    )
    text = notes.format(Note(note.text, (*strangers, *note.signatures)))
    cosigned_s(witness.add_checkpoint(format_request(0, [], text).encode()), log)
    # And are not kept.
    assert witness.seen()[0].text == log.checkpoint()


def test_the_quorum_that_a_policy_asks_for_must_have_cosigned(home: Home, log: WardLog) -> None:
    cosigner = SigningKey.from_seed(b"\x44" * 32)
    validator = VerifierKey("phuong-1.example/v0", notes.COSIGNING_KEY, cosigner.public_key)
    policy = log.policy.replace("quorum none", f"witness v0 {validator.vkey}\nquorum v0")
    (path,) = home.witnessed.iterdir()
    path.write_text(policy)
    witness = open_witness(home)
    assert refused(witness, log.request(0)) == "witness.not-signed"
    note = notes.parse(log.checkpoint())
    cosignature = checkpoints.cosign(note.text, validator.name, cosigner, NOW_S)
    text = notes.format(Note(note.text, (*note.signatures, cosignature)))
    cosigned_s(witness.add_checkpoint(format_request(0, [], text).encode()), log)


def test_an_old_size_above_the_checkpoints(witness: Witness, log: WardLog) -> None:
    request = format_request(7, [], log.checkpoint(5)).encode()
    assert refused(witness, request) == "witness.old-size-above"


def test_another_old_size_is_answered_with_the_right_one(witness: Witness, log: WardLog) -> None:
    assert known_size(witness, log.request(4)) == ("witness.other-size", 0)
    witness.add_checkpoint(log.request(0, 4))
    assert known_size(witness, log.request(0)) == ("witness.other-size", 4)
    assert known_size(witness, log.request(3, 3)) == ("witness.other-size", 4)


def test_nothing_smaller_is_ever_cosigned(witness: Witness, log: WardLog) -> None:
    witness.add_checkpoint(log.request(0, 8))
    for old in range(8):
        assert known_size(witness, log.request(old, 7 if old <= 7 else 8)) == ("witness.other-size", 8)


def test_a_path_that_does_not_hold(witness: Witness, log: WardLog) -> None:
    witness.add_checkpoint(log.request(0, 5))
    good = log.path(5)
    for path in ([], good[:-1], [*good, bytes(32)], [bytes(32), *good[1:]]):
        assert refused(witness, format_request(5, path, log.checkpoint()).encode()) == "witness.path"
    # From nothing and between equal sizes a path is empty.
    fresh = format_request(5, [bytes(32)], log.checkpoint(5)).encode()
    assert refused(witness, fresh) == "witness.path"
    witness.add_checkpoint(log.request(5))


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "witness.request"),
        (b"old 0\n", "witness.request"),
        (b"new 0\n\nx\n1\n", "witness.request"),
        (b"old 00\n\n", "witness.old-size"),
        (b"old -1\n\n", "witness.old-size"),
        (b"old 9223372036854775808\n\n", "witness.old-size"),
        (b"old 1\nAAAA\n\n", "witness.path-hash"),
        (b"old 1\n" + 64 * b"A\n" + b"\nx\n", "witness.path-length"),
        (b"old 0\r\n\nx", "witness.control-character"),
        (b"\xff\n\n", "witness.not-utf-8"),
        (b"old 0\n\nx\n1\nAAAA\n", "note.no-signatures"),
        (b"a" * (MAX_REQUEST_BYTES + 1), "witness.too-large"),
    ],
)
def test_malformed_requests(witness: Witness, data: bytes, rule: str) -> None:
    with pytest.raises(FormatError) as caught:
        witness.add_checkpoint(data)
    assert caught.value.rule == rule


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: f"old 0\n\n{text}".encode("utf-8", "replace"))
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        request = parse_request(data)
    except FormatError:
        return
    text = notes.format(request.checkpoint.note)
    assert format_request(request.old_size, request.path, text).encode() == data


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=MAX_PATH))
def test_requests_are_read_back(old: int, path: list[bytes]) -> None:
    log = WardLog()
    log.grow(1)
    request = parse_request(format_request(old, path, log.checkpoint()).encode())
    assert (request.old_size, list(request.path), request.checkpoint.root) == (old, path, log.root())


# -- contradictions ------------------------------------------------------------------------------------------------------


def kept_evidence(home: Home) -> list[str]:
    return [one.text for one in EvidenceBook(home.evidence).all() if one.proved]


@pytest.mark.parametrize("old", [5, 0, 3])
def test_a_second_root_at_one_size_is_evidence(home: Home, witness: Witness, log: WardLog, old: int) -> None:
    witness.add_checkpoint(log.request(0, 5))
    fork = log.fork(2)
    rule, size = known_size(witness, format_request(old, [], fork.checkpoint(5)).encode())
    assert (rule, size) == ("witness.other-root" if old == 5 else "witness.other-size", 5)
    (text,) = kept_evidence(home)
    evidence = evidences.parse(text)
    evidences.verify(evidence)
    assert evidence.key == log.vkeys[0]
    # The true log goes on being cosigned.
    witness.add_checkpoint(log.request(5))


def test_a_log_that_was_rewritten_is_evidence_by_its_own_path(home: Home, log: WardLog) -> None:
    metrics = Metrics()
    witness = open_witness(home, metrics=metrics)
    witness.add_checkpoint(log.request(0, 5))
    fork = log.fork(2)
    for _ in range(2):
        assert refused(witness, fork.request(5)) == "witness.path"
    (text,) = kept_evidence(home)  # once
    earlier, later = evidences.verify(evidences.parse(text))
    assert (earlier.size, earlier.root, later.root) == (5, log.root(5), fork.root())
    assert 'sogoc_dissents_total{signer="phuong-1.example/so-goc"} 1.0' in metrics.text().decode()


def test_nobody_is_accused_for_a_path_that_proves_nothing(home: Home, witness: Witness, log: WardLog) -> None:
    """Anybody can send a true checkpoint with a wrong path."""
    witness.add_checkpoint(log.request(0, 5))
    for path in ([], [bytes(32)] * len(log.path(5)), log.path(6)):
        assert refused(witness, format_request(5, path, log.checkpoint()).encode()) == "witness.path"
    witness.add_checkpoint(log.request(5, 8))
    # Of a size that is a power of two a path does not hold the root: a rewritten log is refused, and not yet proved.
    assert refused(witness, log.fork(2).request(8)) == "witness.path"
    assert kept_evidence(home) == []


# -- the list of ledgers -------------------------------------------------------------------------------------------------


def test_a_ledger_is_added_while_the_witness_runs(
    home: Home, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witnessed_module, "LOOK_SECONDS", 0.0)
    other = WardLog("phuong-2.example/so-goc")
    other.grow(2)
    assert refused(witness, other.request(0)) == "witness.unknown-ledger"
    (home.witnessed / "two").write_text(other.policy)
    cosigned_s(witness.add_checkpoint(other.request(0)), other)
    # What is wrong in the folder later does not take away what was good.
    (home.witnessed / "three").write_text("nonsense\n")
    witness.add_checkpoint(other.request(2))
    (home.witnessed / "three").unlink()
    (home.witnessed / "two").unlink()
    assert refused(witness, other.request(2)) == "witness.unknown-ledger"


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        (["nonsense\n"], "witnessed.policy"),
        (["quorum none\n"], "witnessed.origin"),
        (
            [WardLog("a.example").policy.replace("quorum none\n", "") + WardLog("b.example", (KEY,)).policy],
            "witnessed.origin",
        ),
        ([WardLog("a.example").policy, WardLog("a.example", (KEY,)).policy], "witnessed.twice"),
    ],
)
def test_a_list_that_is_wrong(home: Home, files: list[str], rule: str) -> None:
    for number, text in enumerate(files):
        (home.witnessed / f"file-{number}").write_text(text)
    with pytest.raises(ConfigError) as caught:
        open_witness(home)
    assert caught.value.rule == rule


# -- the book ------------------------------------------------------------------------------------------------------------


def test_a_key_without_its_book_is_no_witness(tmp_path: Path, home: Home) -> None:
    (home.witness / "identity").unlink()
    with pytest.raises(HomeError) as caught:
        open_witness(home)
    assert caught.value.rule == "witness.book"
    with pytest.raises(HomeError) as caught:
        create_book(home, VKEY)
    assert caught.value.rule == "witness.exists"
    other = Home(tmp_path / "other")
    create_book(other, replace(VKEY, public_key=SigningKey.from_seed(b"\x77" * 32).public_key))
    with pytest.raises(HomeError):
        open_witness(other)


def test_a_damaged_file_stops_its_ledger_and_no_other(tmp_path: Path, log: WardLog) -> None:
    other = WardLog("phuong-2.example/so-goc")
    other.grow(3)
    home = witness_home(tmp_path / "home", log, other)
    witness = open_witness(home)
    witness.add_checkpoint(log.request(0, 5))
    (path,) = (home.witness / "logs").iterdir()
    good = path.read_bytes()
    for damage in (
        b"",
        b"time 5\n",
        good.removeprefix(b"time "),
        good[:-9],
        other.checkpoint().encode(),
        b"\xff",
    ):
        path.write_bytes(damage)
        again = open_witness(home)
        with pytest.raises(StoreCorruptError):
            again.add_checkpoint(log.request(0, 5))
        assert again.seen() == []
    cosigned_s(open_witness(home).add_checkpoint(other.request(0)), other)


def test_what_could_not_be_written_is_not_signed(
    home: Home, witness: Witness, log: WardLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness.add_checkpoint(log.request(0, 3))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError):
        witness.add_checkpoint(log.request(3, 9))
    monkeypatch.undo()
    assert witness.seen()[0].size == 3
    # Refreshing what is known writes nothing, so it works on a full disk too.
    monkeypatch.setattr(os, "fsync", full)
    witness.add_checkpoint(log.request(3, 3))


def test_two_requests_at_once_are_one_after_the_other(witness: Witness, log: WardLog) -> None:
    forks = [log, log.fork(0, "b"), log.fork(0, "c"), log.fork(0, "d")]
    answers: list[tuple[WardLog, str]] = []
    barrier = threading.Barrier(len(forks))

    def send(one: WardLog) -> None:
        barrier.wait()
        with contextlib.suppress(WitnessConflictError):
            answers.append((one, witness.add_checkpoint(one.request(0))))

    threads = [threading.Thread(target=send, args=(one,)) for one in forks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((signed, line),) = answers
    cosigned_s(line, signed)
    assert witness.seen()[0].root == signed.root()


# -- killed --------------------------------------------------------------------------------------------------------------

_CHILD = """
import os, signal, sys
from pathlib import Path
from ledger import checkpoint
from node import safe_files
from node.home import Home
from node.witness.book import WitnessBook
from tests.witnesses import WardLog, open_witness

home, moment = Home(Path(sys.argv[1])), sys.argv[2]
log = WardLog()
log.grow(9)
log = log.fork(5, "the killed one's ")

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if moment == "before-rename":
    Path.replace = die
elif moment == "after-rename":
    safe_files.sync_names = die
elif moment == "before-signing":
    checkpoint.cosign = die
witness = open_witness(home)
line = witness.add_checkpoint(log.request(5))
sys.stdout.write(line)
sys.stdout.flush()
die()
"""


@pytest.mark.parametrize(
    ("moment", "survives"),
    [("before-rename", False), ("after-rename", True), ("before-signing", True), ("after-answer", True)],
)
def test_killed_at_any_moment_it_never_signs_a_second_history(
    home: Home, witness: Witness, log: WardLog, moment: str, survives: bool
) -> None:
    witness.add_checkpoint(log.request(0, 5))
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_CHILD), str(home.path), moment],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert bool(child.stdout) is (moment == "after-answer")
    killed = log.fork(5, "the killed one's ")
    again = open_witness(home)
    if survives:
        # Whatever it may have signed counts: only that history goes on.
        assert again.seen()[0].root == killed.root()
        assert known_size(again, log.request(5)) == ("witness.other-size", 9)
        assert known_size(again, format_request(9, [], log.checkpoint()).encode()) == (
            "witness.other-root",
            9,
        )
        cosigned_s(again.add_checkpoint(killed.request(9)), killed)
    else:
        # Nothing had been signed, so either history may go on, and then the other may not.
        assert again.seen()[0].size == 5
        cosigned_s(again.add_checkpoint(log.request(5)), log)
        assert known_size(again, format_request(9, [], killed.checkpoint()).encode()) == (
            "witness.other-root",
            9,
        )


# -- any order of requests, crashes and restarts ---------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Two histories of one ledger compete for cosignatures; whatever is sent, what was signed is one history."""

    def __init__(self) -> None:
        super().__init__()
        self.signed: dict[int, bytes] = {}
        self.largest = 0

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        log = WardLog()
        log.grow(12)
        self.logs = [log, log.fork(4), log.fork(0, "x")]
        self.home = witness_home(Path(self.directory.name) / "home", log)
        self.witness = open_witness(self.home)

    @rule(which=st.integers(0, 2), old=st.integers(0, 12), size=st.integers(0, 12))
    def send(self, which: int, old: int, size: int) -> None:
        log = self.logs[which]
        try:
            line = self.witness.add_checkpoint(log.request(old, size))
        except LedgerError:
            return
        cosigned_s(line, log, size)
        assert size >= self.largest
        self.largest = size
        assert self.signed.setdefault(size, log.root(size)) == log.root(size)

    @rule()
    def restart(self) -> None:
        self.witness = open_witness(self.home)

    @invariant()
    def all_that_was_signed_is_one_history(self) -> None:
        if self.signed:
            assert any(all(log.root(size) == root for size, root in self.signed.items()) for log in self.logs)

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.directory.cleanup()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
