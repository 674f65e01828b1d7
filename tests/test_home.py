"""A node's home: made whole or not at all, and never over something that is there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ledger.errors import FormatError, RefusedError, StoreError
from ledger.policy import Policy
from ledger.store.ledger_store import LedgerStore
from node import home as module
from node import keyfiles
from node.config import Config, load_config
from node.home import KEY_FILES, KEY_NAMES, Home, HomeError, cosigner_of, init, load_keys
from node.outbox import Outbox
from node.safe_files import put_file
from tests.support import ORIGIN, make_home, new_key

TIME_S = 1_790_000_000


def test_init_makes_everything_a_node_needs(tmp_path: Path) -> None:
    heard: list[str] = []
    path = tmp_path / "deep" / "office"
    genesis = init(path, origin=ORIGIN, name="UBND xã", time_s=TIME_S, passphrase=None, on_key=heard.append)
    home = Home(path)
    assert heard == list(KEY_FILES)
    assert home.read_genesis() == genesis
    assert genesis.time_ms == TIME_S * 1000
    assert load_config(home.config) == Config()
    keys = load_keys(home, KEY_NAMES, None)
    assert len({key.public_key for key in keys.values()}) == len(KEY_NAMES)
    validator = genesis.validators[0]
    assert (validator.log_key, validator.cosigning_key) == (
        keys["log"].public_key,
        keys["validator"].public_key,
    )
    assert (validator.header_key, validator.engine_key) == (
        keys["header"].public_key,
        keys["engine"].public_key,
    )
    assert {key.public_key for key in genesis.keys} == {keys["admin"].public_key, keys["office"].public_key}
    store = LedgerStore.open(home.ledger)
    text = store.signed_checkpoint()
    assert text is not None
    checked = Policy.parse(home.policy.read_text()).check(text)
    assert (checked.checkpoint.size, checked.checkpoint.root) == (2, store.head.root)
    assert (checked.status_as_of_s, checked.checkpoint.origin) == (TIME_S, ORIGIN)
    store.close()
    outbox = Outbox.open(home.outbox, create=False)
    assert outbox.depth == 0
    outbox.close()


def test_keys_and_their_directory_are_for_their_owner_alone(tmp_path: Path) -> None:
    home = make_home(tmp_path / "node")
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.keys.stat().st_mode) == 0o700
    for name in KEY_NAMES:
        assert stat.S_IMODE(home.key(name).stat().st_mode) == 0o600


def test_two_ledgers_of_the_same_name_are_not_the_same(tmp_path: Path) -> None:
    one, other = (make_home(tmp_path / name, time_s=TIME_S).read_genesis() for name in "ab")
    assert one.origin == other.origin
    assert one.chain_id != other.chain_id


def test_init_touches_nothing_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(HomeError, match=r"home\.exists"):
            make_home(path)
    assert (tmp_path / "file").read_text() == "mine"
    assert [child.name for child in tmp_path.iterdir()] == ["file"]
    make_home(tmp_path / "node")
    with pytest.raises(HomeError, match=r"home\.exists"):
        make_home(tmp_path / "node")


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("broken", ["keys", "store", "outbox", "genesis"])
def test_init_that_fails_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, is_there: bool
) -> None:
    path = tmp_path / "node"
    if is_there:
        path.mkdir()

    def fail(*args: object, **kwargs: object) -> None:
        raise StoreError("store.full", "no room is left")

    with monkeypatch.context() as patched:
        if broken == "keys":
            saved = keyfiles.save
            patched.setattr(
                keyfiles, "save", lambda *args: fail() if args[0].stem == "header" else saved(*args)
            )
        elif broken == "store":
            patched.setattr(module, "cosign_head", fail)
        elif broken == "outbox":
            patched.setattr(Outbox, "open", fail)
        else:
            patched.setattr(
                module, "put_file", lambda *args: fail() if args[0].name == "genesis" else put_file(*args)
            )
        with pytest.raises(StoreError, match="no room"):
            make_home(path)
    assert path.exists() == is_there
    assert not is_there or not list(path.iterdir())
    make_home(path)


@pytest.mark.parametrize(
    ("origin", "name"), [("", "UBND"), ("has space/so-goc", "UBND"), (ORIGIN, ""), (ORIGIN, "x" * 201)]
)
def test_a_name_that_no_ledger_may_have_is_refused_before_anything_is_made(
    tmp_path: Path, origin: str, name: str
) -> None:
    with pytest.raises((FormatError, RefusedError)):
        init(tmp_path / "node", origin=origin, name=name, time_s=TIME_S, passphrase=None)
    assert not (tmp_path / "node").exists()


def test_a_directory_that_is_no_home_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(HomeError) as caught:
        Home(tmp_path).read_genesis()
    assert caught.value.rule == "home.missing"
    assert "sogoc init" in caught.value.detail
    (tmp_path / "genesis").write_bytes(b"\x92\x02\x90")
    with pytest.raises(FormatError):
        Home(tmp_path).read_genesis()


def test_keys_of_another_ledger_do_not_cosign_this_one(tmp_path: Path) -> None:
    home = make_home(tmp_path / "node")
    genesis = home.read_genesis()
    keys = load_keys(home, ("log", "validator"), None)
    cosigner_of(genesis, genesis.validators[0], keys["log"], keys["validator"])
    for log, validator in (
        (new_key(), keys["validator"]),
        (keys["log"], new_key()),
        (keys["validator"], keys["log"]),
    ):
        with pytest.raises(HomeError, match=r"home\.keys"):
            cosigner_of(genesis, genesis.validators[0], log, validator)


def test_the_passphrase_is_asked_for_once(tmp_path: Path) -> None:
    path = tmp_path / "node"
    init(path, origin=ORIGIN, name="UBND", time_s=TIME_S, passphrase="ba con mèo")
    asked: list[str] = []

    def ask() -> str:
        asked.append("asked")
        return "ba con mèo"

    assert set(load_keys(Home(path), ("log", "validator", "header"), ask)) == {"log", "validator", "header"}
    assert asked == ["asked"]
