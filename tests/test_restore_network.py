"""`sogoc restore` of a validator among several: its own keys tell which one it is, and what it has signed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger import tiles
from ledger.genesis import genesis_policy
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.stored import open_store
from node import keyfiles
from node.config import DEFAULT_CONFIG, Config
from node.home import Home, HomeError, load_keys
from node.network import Network, NetworkPeer
from node.outbox import Outbox
from node.peer_tls import make_certificate
from node.service import Node
from tests.chains import Chain, key, sign_checkpoint
from tests.lost_node import back_up
from tests.serving import quiet_logs, sogoc
from tests.support import NODE_KEYS

__all__ = ["quiet_logs"]

OWN = 2
"""Which of the four validators was lost."""
NAMES = {"log": "log", "validator": "cosigning", "header": "header", "engine": "engine"}
"""Names of key files, and what the chain calls those keys."""


@dataclass(frozen=True)
class Lost:
    """What is left of a validator, and what the others go on to have."""

    chain: Chain
    backup: Path
    keys: Path
    mirror: Path

    def checkpoint(self, *validators: int) -> str:
        """The newest, cosigned by these."""
        header = self.chain.headers[-1]
        root = self.chain.image().root
        return sign_checkpoint(header.size, root, validators=validators, time_s=header.time_ms // 1000 + 5)


def save_keys(folder: Path, number: int, passphrase: str | None = None) -> None:
    folder.mkdir(mode=0o700, parents=True)
    for name, what in NAMES.items():
        keyfiles.save(folder / f"{name}.pem", key(f"{what} {number}"), passphrase)


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    folder = tmp_path_factory.mktemp("lost")
    chain = Chain(4)
    chain.add_documents(2)
    home = Home(folder / "node")
    home.path.mkdir(mode=0o700)
    home.ledger.parent.mkdir()
    chain.write_store(home.ledger).close()
    Outbox.open(home.outbox, create=True).close()
    home.config.write_text(DEFAULT_CONFIG)
    home.policy.write_text(genesis_policy(chain.genesis).format())
    home.genesis.write_bytes(chain.genesis.leaf())
    back_up(home, folder / "backup.tar")
    shutil.rmtree(home.path)
    save_keys(folder / "keys", OWN)
    for name in ("peer", "tls"):
        keyfiles.generate(folder / "keys" / f"{name}.pem", None)
    chain.add_documents(1)
    chain.add_documents(1, 1)
    return Lost(chain, folder / "backup.tar", folder / "keys", chain.export(folder / "mirror"))


def restored(lost: Lost, tmp_path: Path, keys: Path | None = None) -> Home:
    done = sogoc("restore", lost.backup, tmp_path / "home", "--keys", keys or lost.keys)
    assert done.code == ExitCode.CANNOT_TELL, done.output
    return Home(tmp_path / "home")


def release(lost: Lost, home: Home, text: str, *options: str | Path) -> tuple[int, str]:
    where = home.path.parent / "last"
    where.write_text(text)
    done = sogoc("restore", "--release", home.path, "--checkpoint", where, "--from", lost.mirror, *options)
    return done.code, done.rule


def assert_released(lost: Lost, home: Home) -> None:
    assert not home.cosign_hold.exists()
    with open_store(home.ledger) as store:
        assert store.head.root == lost.chain.image().root
        assert store.last_signed(key(f"cosigning {OWN}").public_key) == (store.head.size, store.head.root)


def test_a_validator_among_several_is_released_by_what_its_own_key_signed(lost: Lost, tmp_path: Path) -> None:
    home = restored(lost, tmp_path)
    assert release(lost, home, lost.checkpoint(0, 1, 3)) == (
        ExitCode.CANNOT_TELL,
        "restore.not-our-signature",
    )
    assert home.cosign_hold.exists()
    assert release(lost, home, lost.checkpoint(0, 1, OWN)) == (ExitCode.GOOD, "")
    assert_released(lost, home)
    assert home.key("peer").is_file()
    assert home.key("tls").is_file()


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """What a node answers, as files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_node_is_asked_for_the_last_that_this_key_has_cosigned(lost: Lost, tmp_path: Path) -> None:
    """The others have gone on without it: the newest checkpoint of all does not bear its cosignature any more."""
    node = shutil.copytree(lost.mirror, tmp_path / "node")
    (node / "checkpoint").write_text(lost.checkpoint(0, 1, 3))
    home = restored(lost, tmp_path)
    with web_server(node) as address:
        options = ("--release", home.path, "--checkpoint", address, "--from", address)
        assert sogoc("restore", *options).rule == "restore.not-our-signature"
        known = node / "v1" / "cosigned" / key(f"cosigning {OWN}").public_key.hex()
        known.parent.mkdir(parents=True)
        header = lost.chain.headers[-2]
        text = sign_checkpoint(
            header.size, tiles_root(lost, header.size), validators=(OWN,), time_s=header.time_ms // 1000 + 5
        )
        known.write_text(text)
        assert sogoc("restore", *options).code == ExitCode.GOOD
    assert not home.cosign_hold.exists()
    with open_store(home.ledger) as store:
        assert store.head.size == lost.chain.size, "up to where the others are"
        assert store.last_signed(key(f"cosigning {OWN}").public_key) == (
            header.size,
            tiles_root(lost, header.size),
        )


def tiles_root(lost: Lost, size: int) -> bytes:
    return tiles.root(tiles.AtSize(ExportSource(lost.mirror), lost.chain.size), size)


def test_too_few_others_do_not_tell_what_was_signed_last(lost: Lost, tmp_path: Path) -> None:
    home = restored(lost, tmp_path)
    assert sogoc("restore", "--release", home.path, "--rejoin").rule == "network.none"
    for name in ("own", "a", "b", "c"):
        (home.path / "network").mkdir(exist_ok=True)
        certificate = make_certificate(keyfiles.load(home.key("tls"), None), name)
        (home.path / "network" / f"{name}.pem").write_bytes(certificate)
    peers = tuple(
        NetworkPeer(name, "https://127.0.0.1:1", f"{name}.pem", "127.0.0.1:1", "00" * 20) for name in "abc"
    )
    (home.path / "network.toml").write_text(Network("127.0.0.1:1", "127.0.0.1:1", peers).format())
    done = sogoc("restore", "--release", home.path, "--rejoin")
    assert (done.code, done.rule) == (ExitCode.CANNOT_TELL, "restore.peers-away")
    assert home.cosign_hold.exists()
    assert (
        sogoc("restore", "--release", home.path, "--rejoin", "--checkpoint", "x").rule == "restore.arguments"
    )
    done = sogoc("network", "resume", home.path)
    assert done.rule == "network.not-held"


def test_in_one_command_too(lost: Lost, tmp_path: Path) -> None:
    (tmp_path / "last").write_text(lost.checkpoint(OWN))
    home = Home(tmp_path / "home")
    options = ("--keys", lost.keys, "--checkpoint", tmp_path / "last", "--from", lost.mirror)
    done = sogoc("restore", lost.backup, home.path, *options)
    assert done.code == ExitCode.GOOD, done.output
    assert_released(lost, home)


def test_keys_that_wait_for_their_turn_are_this_homes_too(lost: Lost, tmp_path: Path) -> None:
    """A backup from before the keys changed, and a home that holds both sets of them."""
    save_keys(tmp_path / "keys", 8)
    home = restored(lost, tmp_path, tmp_path / "keys")
    assert release(lost, home, lost.checkpoint(0, OWN))[1] == "restore.keys"
    assert home.cosign_hold.exists()
    save_keys(home.next_keys, OWN)
    assert release(lost, home, lost.checkpoint(0, OWN)) == (ExitCode.GOOD, "")
    assert_released(lost, home)


def test_encrypted_keys_are_opened_to_tell(
    lost: Lost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(keyfiles.PASSPHRASE_VARIABLE, raising=False)
    save_keys(tmp_path / "keys", OWN, "một mật khẩu dài")
    home = restored(lost, tmp_path, tmp_path / "keys")
    assert release(lost, home, lost.checkpoint(OWN))[1] == "passphrase.missing"
    assert home.cosign_hold.exists()
    (tmp_path / "passphrase").write_text("một mật khẩu dài")
    (tmp_path / "passphrase").chmod(0o600)
    assert release(lost, home, lost.checkpoint(OWN), "--passphrase-file", tmp_path / "passphrase")[0] == 0
    assert_released(lost, home)


def test_without_its_network_a_validator_among_several_does_not_order_alone(
    lost: Lost, tmp_path: Path
) -> None:
    """A home without `network.toml`, started as if it were alone, would make a history of its own."""
    home = restored(lost, tmp_path)
    assert release(lost, home, lost.checkpoint(OWN))[0] == ExitCode.GOOD
    with pytest.raises(HomeError) as caught:
        Node(home, Config(), load_keys(home, NODE_KEYS, None))
    assert caught.value.rule == "home.network"
    assert_released(lost, home)
