"""Witnesses and logs that we did not write: litewitness is asked by a node, and a Tessera log asks our witness.

filippo.io/torchwood has `litewitness`, whose key lies in an ssh-agent and whose list of logs in an SQLite database;
github.com/transparency-dev/tessera is a log that publishes nothing before its witnesses have cosigned. Both are pinned in
`interop/witness/go.mod`. By hand: `cd tests/interop/witness && go build -o DIR/ . filippo.io/torchwood/cmd/litewitness`.
Without `go` and `ssh-agent`, or where the modules cannot be had, the tests are skipped and say why.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import checkpoint as checkpoints
from ledger.hashing import EMPTY_ROOT
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, LOG_KEY, VerifierKey, encode_base64
from ledger.policy import Policy
from ledger.witnessing import PATH, format_request
from node.witness.acting import Witness as ActingWitness
from tests.serving import serving
from tests.support import make_home, make_node, put, running_node, sign
from tests.witnesses import KEY, VKEY, WardLog, open_witness, witness_home

SOURCE = Path(__file__).parent / "interop" / "witness"
NAME = "litewitness.example/w1"
SEED = bytes(range(32))
LITE_KEY = VerifierKey(NAME, COSIGNING_KEY, SigningKey.from_seed(SEED).public_key)
SECONDS = 30.0


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with `litewitness` and `witness`, a Tessera log."""
    for needed in ("go", "ssh-agent", "ssh-add"):
        if shutil.which(needed) is None:
            pytest.skip(
                f"{needed} is not installed (apt-get install golang openssh-client): no other witness can be tried"
            )
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    packages = [".", "filippo.io/torchwood/cmd/litewitness"]
    listed = subprocess.run(
        ["go", "list", "-deps", *packages],
        cwd=SOURCE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip(
            f"the Go modules cannot be had here (cd {SOURCE} && go mod download): {listed.stderr.strip()[-300:]}"
        )
    directory = tmp_path_factory.mktemp("programs")
    subprocess.run(
        ["go", "build", "-buildvcs=false", "-o", f"{directory}/", *packages],
        cwd=SOURCE,
        env=environment,
        check=True,
    )
    return directory


@dataclass
class LiteWitness:
    """A running litewitness."""

    address: str
    database: Path

    def add_log(self, origin: str, *vkeys: str) -> None:
        """What its `witnessctl add-log` and `add-key` do."""
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            database.execute(
                "INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)",
                (origin, base64.b64encode(EMPTY_ROOT).decode()),
            )
            database.executemany(
                "INSERT INTO key (origin, key) VALUES (?, ?)", [(origin, one) for one in vkeys]
            )

    def size(self, origin: str) -> int:
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            ((size,),) = database.execute("SELECT tree_size FROM log WHERE origin = ?", (origin,))
            return int(size)


def until(done: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline, "it did not happen"
        assert process is None or process.poll() is None, "the program has ended"
        time.sleep(0.05)


@contextlib.contextmanager
def stopped(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def lite(programs: Path, tmp_path: Path) -> Iterator[LiteWitness]:
    key_file, agent_socket = tmp_path / "key.pem", tmp_path / "agent.sock"
    key_file.write_bytes(
        Ed25519PrivateKey.from_private_bytes(SEED).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
    )
    key_file.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with stopped(
        subprocess.Popen(["ssh-agent", "-D", "-a", str(agent_socket)], stdout=subprocess.DEVNULL)
    ) as agent:
        until(agent_socket.exists, agent)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(agent_socket)}
        subprocess.run(["ssh-add", str(key_file)], env=environment, check=True, capture_output=True)
        listed = subprocess.run(
            ["ssh-add", "-l"], env=environment, check=True, capture_output=True, text=True
        )
        fingerprint = listed.stdout.split()[1]
        database = tmp_path / "litewitness.db"
        command = [
            str(programs / "litewitness"),
            *("-name", NAME, "-key", fingerprint, "-ssh-agent", str(agent_socket)),
            *("-db", str(database), "-listen", f"127.0.0.1:{port}"),
        ]
        with (
            (tmp_path / "litewitness.log").open("wb") as log,
            stopped(subprocess.Popen(command, stdout=log, stderr=log)) as process,
        ):

            def answers() -> bool:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    return True
                return False

            until(answers, process)
            yield LiteWitness(f"http://127.0.0.1:{port}", database)


def test_a_node_is_cosigned_by_litewitness(lite: LiteWitness, tmp_path: Path) -> None:
    home = make_home(tmp_path / "node")
    policy = Policy.parse(home.policy.read_bytes())
    (log,) = policy.logs
    lite.add_log(log.key.name, log.key.vkey)
    home.witnesses.write_text(f"witness lite {LITE_KEY.vkey} {lite.address}\n")
    node = make_node(tmp_path)
    try:
        node.start()
        for _ in range(3):
            put(node, sign(node))
            until(lambda: lite.size(log.key.name) == node.final.size)
            until(lambda: NAME in node.final.checkpoint_text)
        final = node.final
        assert [(one.size, one.problem) for one in node.outside] == [(final.size, "")]
    finally:
        node.stop()
    # A policy that asks for the witness alone is content with what the ledger shows.
    asks = Policy.parse(f"log {log.key.vkey}\nwitness lite {LITE_KEY.vkey}\nquorum lite\n")
    checked = asks.check(final.checkpoint_text)
    assert (checked.checkpoint.size, checked.cosignatures[0][0]) == (final.size, "lite")
    assert abs((checked.existed_by_s or 0) - time.time()) < 60
    # A node that has forgotten what the witness knows is told, and goes on from there.
    again = make_node(tmp_path)
    try:
        again.start()
        put(again, sign(again))
        until(lambda: lite.size(log.key.name) == again.final.size)
        until(lambda: NAME in again.final.checkpoint_text)
    finally:
        again.stop()


def test_both_witnesses_answer_the_same_requests_the_same(lite: LiteWitness, tmp_path: Path) -> None:
    """Ours beside theirs: status, and the size that a conflict tells."""
    log, stranger = WardLog("phuong-1.example/log"), WardLog("stranger.example/log")
    log.grow(40)
    stranger.grow(1)
    fork = log.fork(3)
    lite.add_log(log.origin, *(key.vkey for key in log.vkeys))
    ours = open_witness(witness_home(tmp_path / "ours", log))
    wrong_key = WardLog(log.origin, (KEY,), log.leaves)
    requests = [
        stranger.request(0),
        wrong_key.request(0),
        format_request(9, [], log.checkpoint(5)).encode(),
        log.request(3, 5),
        b"old 0\n",
        b"old x\n\n" + log.checkpoint().encode(),
        format_request(0, [bytes(32)] * 63, log.checkpoint(5)).encode().replace(b"\n\n", b"\nAAAA\n\n", 1),
        log.request(0, 5),
        log.request(0, 5),
        log.request(5, 5),
        format_request(5, [bytes(32)], log.checkpoint(9)).encode(),
        fork.request(5, 9),
        log.request(5, 32),
        log.request(9, 20),
        log.request(32, 40),
    ]
    with running_node(tmp_path) as node, serving(node, witness=ours) as address:
        for number, request in enumerate(requests):
            theirs = httpx.post(lite.address + PATH, content=request)
            mine = httpx.post(address + PATH, content=request)
            assert mine.status_code == theirs.status_code, (number, mine.text, theirs.text)
            if mine.status_code == 409:
                assert mine.text == theirs.text, number
                assert mine.headers["content-type"] == theirs.headers["content-type"] == "text/x.tlog.size"
    assert ours.seen()[0].size == lite.size(log.origin) == 40


def test_a_tessera_log_publishes_what_our_witness_cosigns(programs: Path, tmp_path: Path) -> None:
    origin = "tessera.example/log"
    log_key = VerifierKey(origin, LOG_KEY, SigningKey.from_seed(SEED).public_key)
    signer = f"PRIVATE+KEY+{origin}+{log_key.key_id.hex()}+{encode_base64(bytes([LOG_KEY]) + SEED)}"
    home = witness_home(tmp_path / "witness")
    (home.witnessed / "tessera").write_text(f"log {log_key.vkey}\nquorum none\n")
    ours: ActingWitness = open_witness(home, now_s=int(time.time()))
    with running_node(tmp_path) as node, serving(node, witness=ours) as address:
        for wanted in (5, 10):  # the second run begins without knowing what the witness has seen
            command = [str(programs / "witness"), str(tmp_path / "log"), signer, VKEY.vkey, address, "5"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
            assert done.returncode == 0, done.stderr[-2_000:]
            asks = Policy.parse(f"log {log_key.vkey}\nwitness ours {VKEY.vkey}\nquorum ours\n")
            size = asks.check(done.stdout).checkpoint.size
            assert size == wanted
            assert ours.seen()[0].size >= size
            assert checkpoints.parse(ours.seen()[0].text).origin == origin
