"""The vault's store: what is kept comes back, what is erased is in no file any more, and nothing takes another's place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ledger.errors import StoreCorruptError
from ledger.keys import SigningKey
from node.vault.store import MAX_CONTENT_BYTES, Kept, Vault, VaultError, wrapping_key

KEY = wrapping_key(SigningKey.from_seed(b"\x01" * 32))
OTHER_KEY = wrapping_key(SigningKey.from_seed(b"\x02" * 32))
ITEM, SECOND = b"item" * 8, b"next" * 8


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    opened = Vault.open(tmp_path / "vault", KEY, create=True)
    yield opened
    opened.close()


def raw_rows(vault: Vault) -> dict[bytes, bytes]:
    return dict(vault._database.iterate())


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def refusal(call: object, *arguments: bytes) -> str:
    with pytest.raises(VaultError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.rule


def test_a_content_comes_back_also_after_closing(tmp_path: Path) -> None:
    vault = Vault.open(tmp_path / "vault", KEY, create=True)
    vault.put(ITEM, b"claims and salt")
    vault.put(ITEM, b"claims and salt")
    vault.close()
    again = Vault.open(tmp_path / "vault", KEY, create=False)
    assert again.get(ITEM) == b"claims and salt"
    assert (again.state(ITEM), again.state(SECOND)) == (Kept.HELD, Kept.UNKNOWN)
    again.close()


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    vault = Vault.open(tmp_path / "vault", KEY, create=True)
    mark = vault.fingerprint()
    vault.close()
    with pytest.raises(VaultError) as caught:
        Vault.open(tmp_path / "vault", OTHER_KEY, create=False)
    assert caught.value.rule == "vault.key"
    again = Vault.open(tmp_path / "vault", KEY, create=False)  # and it was not left locked
    assert again.fingerprint() == mark
    again.close()


def test_refusals_have_names(vault: Vault) -> None:
    vault.put(ITEM, b"one")
    assert refusal(vault.put, ITEM, b"two") == "vault.exists"
    assert refusal(vault.put, b"short", b"one") == "vault.item"
    assert refusal(vault.put, SECOND, b"") == "vault.size"
    assert refusal(vault.put, SECOND, bytes(MAX_CONTENT_BYTES + 1)) == "vault.size"
    assert refusal(vault.get, SECOND) == "vault.unknown"
    vault.erase(ITEM)
    assert refusal(vault.get, ITEM) == "vault.erased"
    assert refusal(vault.put, ITEM, b"one") == "vault.erased"


def test_what_is_erased_was_in_the_files_and_is_in_none_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    vault = Vault.open(folder, KEY, create=True)
    for number in range(200):
        vault.put(bytes([number]) * 32, os.urandom(3_000))
    vault.put(SECOND, b"stays")
    plain = os.urandom(20_000)
    target = b"\x07\x08" * 16
    vault.put(target, plain)
    rows = raw_rows(vault)
    wrapped, content = rows[b"k" + target], rows[b"c" + target]
    for closed in (False, True):
        if closed:  # also once it has gone through LevelDB's log into a table, and back
            vault.close()
            vault = Vault.open(folder, KEY, create=False)
            vault._database.compact()
        before = bytes_of(folder)
        # Tables are compressed, which random bytes are not: each is there as it is.
        assert wrapped[12:] in before
        assert content[100:1_000] in before
        assert plain[100:200] not in before
    vault.erase(target)
    for closed in (False, True):
        if closed:
            vault.close()
        after = bytes_of(folder)
        for piece in (wrapped[12:], wrapped[12:28], content[100:132], content[-32:], content[:12]):
            assert piece not in after
    vault = Vault.open(folder, KEY, create=False)
    assert vault.state(target) is Kept.ERASED
    assert vault.get(SECOND) == b"stays"
    vault.erase(target)
    vault.close()


def test_nothing_can_be_put_in_another_s_place(vault: Vault) -> None:
    vault.put(ITEM, b"one")
    vault.put(SECOND, b"two")
    rows = raw_rows(vault)
    for kinds in (b"k", b"c", b"kc"):
        changed = [(bytes([kind]) + ITEM, rows[bytes([kind]) + SECOND]) for kind in kinds]
        vault._database.write(changed)
        with pytest.raises(StoreCorruptError) as caught:
            vault.get(ITEM)
        assert caught.value.rule == "vault.corrupt"
        vault._database.write([(bytes([kind]) + ITEM, rows[bytes([kind]) + ITEM]) for kind in kinds])
    assert vault.get(ITEM) == b"one"


@settings(max_examples=40)
@given(at=st.integers(0, 10**6), bit=st.integers(0, 7), kind=st.sampled_from([b"k", b"c"]))
def test_a_changed_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int, kind: bytes
) -> None:
    vault = Vault.open(tmp_path_factory.mktemp("v") / "vault", KEY, create=True)
    vault.put(ITEM, b"claims")
    row = bytearray(raw_rows(vault)[kind + ITEM])
    row[at % len(row)] ^= 1 << bit
    vault._database.write([(kind + ITEM, bytes(row))])
    with pytest.raises(StoreCorruptError):
        vault.get(ITEM)
    vault.close()


def test_a_new_vault_s_key_opens_all_and_the_old_one_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    vault = Vault.open(folder, KEY, create=True)
    vault.put(ITEM, b"one")
    vault.put(SECOND, b"two")
    wrapped = raw_rows(vault)[b"k" + ITEM]
    assert wrapped[12:] in bytes_of(folder)
    assert vault.rewrap(OTHER_KEY) == 2
    assert vault.get(ITEM) == b"one"
    assert wrapped[12:] not in bytes_of(folder)
    vault.close()
    with pytest.raises(VaultError):
        Vault.open(folder, KEY, create=False)
    again = Vault.open(folder, OTHER_KEY, create=False)
    assert (again.get(ITEM), again.get(SECOND), list(again.items())) == (b"one", b"two", [ITEM, SECOND])
    again.close()


WRITER = """
import sys
from pathlib import Path
from node.vault.store import Vault
vault = Vault.open(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), create=True)
for number in range(10_000):
    item = number.to_bytes(32, "big")
    vault.put(item, b"content %d" % number)
    print(f"put {number}", flush=True)
    if number % 3 == 0:
        vault.erase(item)
        print(f"erased {number}", flush=True)
"""


@pytest.mark.parametrize("milliseconds", [30, 80, 140])
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path, milliseconds: int) -> None:
    folder = tmp_path / "vault"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), KEY.hex()], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(milliseconds / 1000)
    process.send_signal(signal.SIGKILL)
    lines = [first, *process.stdout.read().splitlines()]
    process.stdout.close()
    process.wait()
    done = {tuple(line.split()) for line in lines if len(line.split()) == 2}
    vault = Vault.open(folder, KEY, create=False)
    for word, number in done:
        item = int(number).to_bytes(32, "big")
        if word == "erased":
            assert vault.state(item) is Kept.ERASED
        elif ("erased", number) not in done and vault.state(item) is not Kept.ERASED:
            assert vault.get(item) == b"content " + number.encode()
    vault.close()


class Machine(RuleBasedStateMachine):
    """A vault beside a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[bytes, bytes] = {}
        self.erased: set[bytes] = set()
        self.key = KEY
        self.folder = Path(self.make_folder())
        self.vault = Vault.open(self.folder / "vault", self.key, create=True)

    @staticmethod
    def make_folder() -> str:
        import tempfile  # noqa: PLC0415  a state machine has no fixtures

        return tempfile.mkdtemp(prefix="sogoc-vault-")

    @rule(number=st.integers(0, 3), content=st.binary(min_size=1, max_size=50))
    def put(self, number: int, content: bytes) -> None:
        item = bytes([number]) * 32
        if item in self.erased:
            assert refusal(self.vault.put, item, content) == "vault.erased"
        elif self.held.setdefault(item, content) != content:
            assert refusal(self.vault.put, item, content) == "vault.exists"
        else:
            self.vault.put(item, content)

    @rule(number=st.integers(0, 3))
    def erase(self, number: int) -> None:
        item = bytes([number]) * 32
        self.vault.erase(item)
        self.held.pop(item, None)
        self.erased.add(item)

    @rule()
    def reopen(self) -> None:
        self.vault.close()
        self.vault = Vault.open(self.folder / "vault", self.key, create=False)

    @precondition(lambda self: self.held)
    @rule()
    def change_key(self) -> None:
        self.key = OTHER_KEY if self.key == KEY else KEY
        assert self.vault.rewrap(self.key) == len(self.held)

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        assert {item: self.vault.get(item) for item in self.vault.items()} == self.held

    def teardown(self) -> None:
        import shutil  # noqa: PLC0415  as above

        self.vault.close()
        shutil.rmtree(self.folder)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
