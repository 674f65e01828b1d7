"""The doctor finds what is wrong, says what to do, and repairs nothing."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.records.members import possession_message
from ledger.store import swap
from ledger.store.as_found import KEPT
from node import keyfiles
from node.config import Config
from node.doctor import Finding, Severity, check_administrators, check_clock, check_clock_against, examine
from node.doctor.administrators import administrators_in
from node.doctor.tls import check_tls
from node.home import KEY_NAMES, Home, init
from node.service import Node, clock_ms
from tests import permissions
from tests.support import (
    MEMBER,
    make_home,
    make_node,
    new_key,
    put,
    register_key,
    retire_key,
    running_node,
    sign,
)

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with running_node(tmp_path_factory.mktemp("doctor")) as node:
        put(node, sign(node))
        register_key(node, new_key(), roles=("administrator",))
        return node.home.path


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Home:
    """A stopped node with nothing wrong but that its keys are not encrypted."""
    shutil.copytree(template, tmp_path / "node")
    return Home(tmp_path / "node")


def findings(home: Home, *, now_s: float | None = None, served: bool = False) -> dict[str, Finding]:
    found = list(examine(home, now_s=clock_ms() / 1000 if now_s is None else now_s, served=served))
    assert len({one.check for one in found}) == len(found)
    for one in found:
        assert bool(one.remedy) == (one.severity is not Severity.GOOD)
        assert " / " in one.message or one.check.startswith("keys.")
    return {one.check: one for one in found}


def bad(found: dict[str, Finding]) -> dict[str, Severity]:
    return {name: one.severity for name, one in found.items() if one.severity is not Severity.GOOD}


BARE = {"keys.encryption": Severity.WARNING}


def test_a_good_node(home: Home) -> None:
    before = {path: path.stat().st_mtime_ns for path in (home.genesis, home.policy, home.config)}
    found = findings(home)
    assert bad(found) == BARE
    assert {
        "disk.space",
        "disk.write",
        "config",
        "policy",
        "store.open",
        "store.signed",
        "clock",
        "outbox",
    } <= set(found)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert not [path for path in home.ledger.parent.iterdir() if path.name.startswith(".")]


def test_encrypted_keys_are_good_and_compared_when_there_is_a_passphrase(tmp_path: Path) -> None:
    init(
        tmp_path / "node",
        origin="a.example/b",
        name="A",
        time_s=clock_ms() // 1000,
        passphrase="mật khẩu",
        recovery_key=new_key().public_key,
    )
    home = Home(tmp_path / "node")
    asked: list[int] = []

    def passphrase() -> str:
        asked.append(1)
        return "mật khẩu"

    with_it = list(examine(home, now_s=clock_ms() / 1000, passphrase=passphrase))
    assert all(one.severity is Severity.GOOD for one in with_it)
    assert len(asked) == 1
    assert sum("khớp" in one.message for one in with_it if one.check.startswith("keys.")) == len(KEY_NAMES)
    without = findings(home)
    assert bad(without) == {}
    assert "chưa so" in without["keys.log"].message
    wrong = {
        one.check: one.severity for one in examine(home, now_s=clock_ms() / 1000, passphrase=lambda: "khác")
    }
    assert wrong["keys.log"] is Severity.ERROR


def put_elsewhere_key(home: Home) -> None:
    other = make_home(home.path.parent / "other")
    shutil.copy(other.key("log"), home.key("log"))


def other_store(home: Home) -> None:
    other = make_home(home.path.parent / "other")
    shutil.rmtree(home.ledger)
    shutil.copytree(other.ledger, home.ledger)


def damage_table(home: Home) -> None:
    for path in (home.ledger / swap.CURRENT).iterdir():
        if path.suffix in {".ldb", ".log"} and path.stat().st_size > 100:
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 0xFF
            path.write_bytes(data)


BROKEN: dict[str, tuple[Callable[[Home], object], dict[str, Severity]]] = {
    "configuration": (
        lambda home: home.config.write_text("port = 'eighty'\n"),
        {"config": Severity.ERROR},
    ),
    "policy changed": (
        lambda home: home.policy.write_text(
            home.policy.read_text().replace("quorum validators", "quorum none")
        ),
        {"policy": Severity.ERROR},
    ),
    "policy gone": (lambda home: home.policy.unlink(), {"policy": Severity.ERROR}),
    "policy not one": (lambda home: home.policy.write_text("hello\n"), {"policy": Severity.ERROR}),
    "held": (lambda home: home.cosign_hold.write_text("held"), {"cosign.held": Severity.ERROR}),
    "serving key gone": (lambda home: home.key("header").unlink(), {"keys.header": Severity.ERROR}),
    "admin key elsewhere": (lambda home: home.key("admin").unlink(), {}),
    "key open to others": (lambda home: home.key("log").chmod(0o644), {"keys.log": Severity.ERROR}),
    "key not one": (lambda home: home.key("log").write_text("x"), {"keys.log": Severity.ERROR}),
    "key of another node": (put_elsewhere_key, {"keys.log": Severity.ERROR}),
    "keys open to others": (lambda home: home.keys.chmod(0o755), {"keys.directory": Severity.WARNING}),
    "low disk": (
        lambda home: home.config.write_text(
            f"low_disk_megabytes = {shutil.disk_usage(home.path).free // 2_000_000}\n"
        ),
        {"disk.space": Severity.WARNING},
    ),
    "full disk": (
        lambda home: home.config.write_text(
            f"low_disk_megabytes = {shutil.disk_usage(home.path).total // 1_000_000}\n"
        ),
        {"disk.space": Severity.ERROR},
    ),
    "stale socket": (lambda home: home.socket.touch(), {"node.socket": Severity.WARNING}),
    "store gone": (
        lambda home: shutil.rmtree(home.ledger / swap.CURRENT),
        {"store.open": Severity.ERROR},
    ),
    "store damaged": (damage_table, {"store.open": Severity.ERROR}),
    "store of another ledger": (other_store, {"store.genesis": Severity.ERROR}),
    "outbox gone": (lambda home: shutil.rmtree(home.outbox), {"outbox": Severity.ERROR}),
    "files kept by a failed opening": (
        lambda home: (home.outbox / KEPT).mkdir(),
        {"store.as-found": Severity.WARNING},
    ),
    "genesis gone": (lambda home: home.genesis.unlink(), {"home.genesis": Severity.ERROR}),
    "no certificate": (
        lambda home: home.config.write_text("tls_cert = '/none'\ntls_key = '/none'\n"),
        {"tls": Severity.ERROR},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found(home: Home, name: str) -> None:
    act, expected = BROKEN[name]
    act(home)
    got = bad(findings(home))
    assert {check: severity for check, severity in got.items() if check != "keys.encryption"} == expected


def test_a_block_without_its_cosignature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node(tmp_path)
    monkeypatch.setattr(node, "_cosign", lambda: None)
    node.start()
    node.submit([sign(node).submission()])
    deadline = time.monotonic() + 20
    while node.store.head.height < 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    node.stop()
    expected = {"store.signed": Severity.WARNING, "keys.administrators": Severity.WARNING}
    assert bad(findings(node.home)) == BARE | expected


def test_a_path_too_long_for_a_socket(tmp_path: Path, template: Path) -> None:
    place = tmp_path / ("x" * 100)
    shutil.copytree(template, place)
    assert bad(findings(Home(place))) == BARE | {"node.socket": Severity.WARNING}


def test_a_store_that_another_process_holds_is_an_error_unless_it_answers(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        assert bad(findings(node.home)) == BARE | {"store.open": Severity.ERROR, "outbox": Severity.ERROR}
        assert bad(findings(node.home, served=True)) == BARE


def test_a_read_only_directory(home: Home) -> None:
    home.ledger.parent.chmod(0o500)
    try:
        with permissions.obeyed():
            assert bad(findings(home))["disk.write"] is Severity.ERROR
    finally:
        home.ledger.parent.chmod(0o700)


def test_a_disk_that_does_not_sync(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("node.doctor.disk.os.fsync", refuse)
    found = findings(home, served=True)
    assert found["disk.write"].severity is Severity.ERROR
    assert "Read-only" in found["disk.write"].message
    assert not [path for path in home.ledger.parent.iterdir() if path.name.startswith(".")]


def test_a_slow_disk(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 2.5])
    monkeypatch.setattr("node.doctor.disk.time.monotonic", lambda: next(times))
    assert findings(home, served=True)["disk.write"].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("behind_s", "severity"),
    [
        (-1, Severity.GOOD),
        (0, Severity.GOOD),
        (1, Severity.WARNING),
        (300, Severity.WARNING),
        (301, Severity.ERROR),
    ],
)
def test_a_clock_behind_the_last_block(behind_s: float, severity: Severity) -> None:
    assert check_clock(1_000_000.0, 1_000_000.0 - behind_s).severity is severity


@pytest.mark.parametrize(
    ("off_s", "severity"),
    [
        (0, Severity.GOOD),
        (60, Severity.GOOD),
        (-61, Severity.WARNING),
        (300, Severity.WARNING),
        (-301, Severity.ERROR),
    ],
)
def test_a_clock_against_another(off_s: float, severity: Severity) -> None:
    assert check_clock_against(1_000_000.0, 1_000_000.0 + off_s, "another").severity is severity


def certificate(path: Path, *, starts: datetime, ends: datetime, of_key: bool = True) -> Config:
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "phuson.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(starts)
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    (path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (path / "key.pem").write_bytes(
        (key if of_key else other).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return Config(tls_cert=str(path / "cert.pem"), tls_key=str(path / "key.pem"))


@pytest.mark.parametrize(
    ("starts", "ends", "of_key", "severity"),
    [
        (-10, 90, True, Severity.GOOD),
        (-10, 29, True, Severity.WARNING),
        (-10, -1, True, Severity.ERROR),
        (1, 90, True, Severity.ERROR),
        (-10, 90, False, Severity.ERROR),
    ],
)
def test_the_certificate(tmp_path: Path, starts: int, ends: int, of_key: bool, severity: Severity) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    config = certificate(
        tmp_path, starts=now + timedelta(days=starts), ends=now + timedelta(days=ends), of_key=of_key
    )
    (finding,) = check_tls(config, now.timestamp())
    assert finding.severity is severity


def test_without_tls_there_is_nothing_to_say() -> None:
    assert list(check_tls(Config(), 0)) == []


def test_a_new_key_that_is_registered_later_is_no_error(home: Home) -> None:
    home.key("admin").unlink()
    keyfiles.generate(home.key("admin"), None)
    assert bad(findings(home))["keys.admin"] is Severity.WARNING


# --- who decides ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "severity", "said"),
    [
        ({}, Severity.ERROR, "too few"),
        ({"a": 0}, Severity.ERROR, "too few"),
        ({"a": 1}, Severity.WARNING, "one administrator with one key"),
        ({"a": 2}, Severity.GOOD, "decides alone"),
        ({"a": 1, "b": 2}, Severity.WARNING, "a: "),
        ({"a": 2, "b": 2}, Severity.GOOD, "of whom 2"),
        ({"a": 0, "b": 2}, Severity.ERROR, "too few"),
        ({"a": 2, "b": 2, "c": 1}, Severity.WARNING, "c: "),
        # Three of four decide: who has lost theirs gets a new one.
        ({"a": 1, "b": 1, "c": 1, "d": 1}, Severity.GOOD, "of whom 3"),
        ({"a": 1, "b": 1, "c": 1, "d": 0}, Severity.WARNING, "d: "),
        ({"a": 1, "b": 1, "c": 0, "d": 0}, Severity.ERROR, "too few"),
    ],
)
def test_whether_one_lost_key_is_the_end(counts: dict[str, int], severity: Severity, said: str) -> None:
    found = check_administrators(counts)
    assert (found.check, found.severity) == ("keys.administrators", severity)
    assert said in found.message
    assert bool(found.remedy) == (severity is not Severity.GOOD)


def test_a_new_ledger_is_told_of_its_one_key_unless_it_has_a_spare_one(tmp_path: Path) -> None:
    alone = make_home(tmp_path / "alone")
    found = findings(alone)["keys.administrators"]
    assert found.severity is Severity.WARNING
    assert "--roles administrator --new-key" in found.remedy
    init(
        tmp_path / "spare",
        origin="a.example/b",
        name="A",
        time_s=clock_ms() // 1000,
        passphrase=None,
        recovery_key=new_key().public_key,
    )
    assert findings(Home(tmp_path / "spare"))["keys.administrators"].severity is Severity.GOOD


def test_keys_are_counted_as_the_ledger_has_them(tmp_path: Path) -> None:
    """A spare key is found, also one that a proposal put in service; what was retired does not count."""
    with running_node(tmp_path) as node:
        home = node.home
        spare, gone = new_key(), new_key()
        for key in (spare, gone):
            register_key(node, key, roles=("administrator",))
        assert counted(node) == {MEMBER: 3}
        retire_key(node, gone)
        register_key(node, new_key(), roles=("office",))
        assert counted(node) == {MEMBER: 2}
        second = new_key()
        shown = second.sign(possession_message(node.chain_id, "second", second.public_key))
        body: dict[str, Value] = {
            "authority": MEMBER,
            "member": "second",
            "name": "UBND phường Bắc Sơn",
            "roles": ["administrator"],
            "key": second.public_key,
            "possession": shown,
        }
        put(node, sign(node, [encode_record("member.register/1", body)], key="admin"))
        assert counted(node) == {MEMBER: 2, "second": 1}
    found = findings(home)
    assert bad(found) == BARE | {"keys.administrators": Severity.WARNING}
    assert "second" in found["keys.administrators"].message


def counted(node: Node) -> dict[str, int]:
    return administrators_in(node.final.view, node.genesis, clock_ms())
