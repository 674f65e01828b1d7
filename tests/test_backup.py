"""Backups hold no key, are read only whole, and come back row by row."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.errors import CannotTellError, FormatError, StoreError, VerificationError
from ledger.store import layout, swap
from ledger.store.database import Database
from ledger.tiles import tile_path
from ledger.verify.audit import audit
from ledger.verify.report import Level
from ledger.verify.sources.export import ExportSource
from ledger.verify.sources.stored import open_store
from node import keyfiles, restore
from node.backup import ABOUT_PATH, SUMS_PATH, Backup, backup
from node.home import KEY_NAMES, Home, HomeError
from node.outbox import Waiting
from node.outcomes import Final
from node.restore import release
from node.safe_files import OccupiedError
from tests.lost_node import NOW_S, Lost, back_up, checkpoint_of, lose_a_node, open_node, restore_from
from tests.served_view import ServedView
from tests.support import document_record, make_node, put, running_node, sign

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    return lose_a_node(tmp_path_factory.mktemp("lost"))


# -- what is in a backup ---------------------------------------------------------------------------------------------


def test_a_backup_holds_no_key(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        put(node, sign(node))
    back_up(node.home, tmp_path / "backup.tar")
    data = (tmp_path / "backup.tar").read_bytes()
    assert b"PRIVATE KEY" not in data
    for name in KEY_NAMES:
        seed = keyfiles.load(node.home.key(name), None).seed
        assert seed not in data
        assert seed.hex().encode() not in data
    with tarfile.open(tmp_path / "backup.tar") as tar:
        names = tar.getnames()
    assert not [name for name in names if "key" in name.lower() or name.endswith(".pem")]


def test_what_makes_the_home_is_in_a_backup_and_comes_back(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        put(node, sign(node))
    home = node.home
    settings = {
        "network.toml": b"engine_listen = ...",
        "network/own.pem": b"-----BEGIN CERTIFICATE-----",
        "network/tinh.pem": b"-----BEGIN CERTIFICATE-----",
        "witnesses": b"witness tinh ...",
        "witnessed/ward": b"log ...",
    }
    others = {
        "network/own-key.pem": b"-----BEGIN PRIVATE KEY-----",
        "network/notes.txt": b"nothing that a node reads",
        "witnessed/.swp": b"an editor's",
        "data/engine/data/priv_validator_state.json": b"what the engine has voted on",
        "data/cosigned": b"what others have cosigned",
    }
    for name, content in (settings | others).items():
        (home.path / name).parent.mkdir(parents=True, exist_ok=True)
        (home.path / name).write_bytes(content)
    back_up(home, tmp_path / "backup.tar")
    restored = restore_from(tmp_path / "backup.tar", tmp_path / "restored", home.keys)
    for name, content in settings.items():
        assert (restored.path / name).read_bytes() == content
    assert [name for name in others if (restored.path / name).exists()] == []


def test_a_backup_unpacks_into_an_export_with_sums_that_other_tools_read(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        put(node, *[sign(node) for _ in range(5)])
    back_up(node.home, tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar") as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    assert audit(ExportSource(tmp_path / "unpacked"), level=Level.FULL).records == 5
    sums = (tmp_path / "unpacked" / SUMS_PATH).read_text().splitlines()
    assert sorted(line.split("  ")[1] for line in sums) == sorted(
        str(path.relative_to(tmp_path / "unpacked"))
        for path in (tmp_path / "unpacked").rglob("*")
        if path.is_file() and path.name != SUMS_PATH
    )


def test_a_backup_is_a_source_of_the_log(lost: Lost, tmp_path: Path) -> None:
    with Backup(lost.backup) as opened:
        assert audit(opened, level=Level.FULL).records == 3
        size = opened.about.size
        assert opened.tile(0, 0, size) == opened.read(tile_path(0, 0, size), 10_000)


def test_nothing_is_overwritten_by_a_backup(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    node.stop()
    (tmp_path / "backup.tar").write_text("mine")
    with pytest.raises(OccupiedError):
        back_up(node.home, tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "node"]


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node(tmp_path)
    node.stop()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with open_store(node.home.ledger) as store:
        monkeypatch.setattr("node.safe_files.os.fsync", full)
        with pytest.raises(StoreError) as caught:
            backup(node.home, store, (), tmp_path / "backup.tar", time_s=NOW_S)
    assert caught.value.rule == "files.write"
    assert "No space left" in caught.value.detail
    assert [path.name for path in tmp_path.iterdir()] == ["node"]


# -- damage ----------------------------------------------------------------------------------------------------------


def test_a_backup_that_was_cut_short_is_refused(lost: Lost, tmp_path: Path) -> None:
    data = lost.backup.read_bytes()
    for length in [0, 1, 511, 512, 513, *range(1024, len(data.rstrip(b"\0")), 2048)]:
        (tmp_path / "cut.tar").write_bytes(data[:length])
        with pytest.raises(FormatError) as caught:
            Backup(tmp_path / "cut.tar")
        assert caught.value.rule.startswith("backup."), length


def test_every_changed_byte_of_a_file_in_a_backup_is_found(lost: Lost, tmp_path: Path) -> None:
    data = lost.backup.read_bytes()
    with tarfile.open(lost.backup) as tar:
        members = [(member.name, member.offset_data, member.size) for member in tar]
    for name, start, size in members:
        for at in range(start, start + size, max(1, size // 7)):
            changed = bytearray(data)
            changed[at] ^= 0x01
            (tmp_path / "bad.tar").write_bytes(changed)
            with pytest.raises((VerificationError, FormatError)) as caught:
                Backup(tmp_path / "bad.tar")
            assert caught.value.rule in {"backup.sum", "backup.incomplete", "backup.member"}, (name, at)


def rewritten(archive: Path, out: Path, change: Callable[[tarfile.TarInfo, bytes], bytes | None]) -> Path:
    """The same archive with other files, and sums that fit them."""
    with tarfile.open(archive) as tar, tarfile.open(out, "w") as new:
        lines: list[str] = []
        for member in tar:
            stream = tar.extractfile(member)
            data = b"" if stream is None else stream.read()
            if member.name == SUMS_PATH:
                data = "".join(lines).encode()
            else:
                given = change(member, data)
                if given is None:
                    continue
                data = given
                lines.append(f"{hashlib.sha256(data).hexdigest()}  {member.name}\n")
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return out


def test_a_forged_backup_is_refused_by_its_signatures(lost: Lost, tmp_path: Path) -> None:
    """Sums are against rot. Against people there are the checkpoint and the replay."""

    def change(member: tarfile.TarInfo, data: bytes) -> bytes:
        return data.replace(b"application/pdf", b"application/xyz") if "records" in member.name else data

    forged = rewritten(lost.backup, tmp_path / "forged.tar", change)
    with Backup(forged) as opened, pytest.raises(VerificationError) as caught:
        restore.restore(opened, tmp_path / "home")
    assert caught.value.rule == "entry.records-root"
    assert not (tmp_path / "home").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["forged.tar"]


def test_a_backup_of_a_newer_program_is_refused(lost: Lost, tmp_path: Path) -> None:
    newer = rewritten(
        lost.backup,
        tmp_path / "newer.tar",
        lambda member, data: (
            data.replace(b'"version": 1', b'"version": 2') if member.name == ABOUT_PATH else data
        ),
    )
    with pytest.raises(CannotTellError) as caught:
        Backup(newer)
    assert caught.value.rule == "backup.version"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_a_backup_holds_files_only(lost: Lost, tmp_path: Path, kind: bytes) -> None:
    shutil.copy(lost.backup, tmp_path / "odd.tar")
    with tarfile.open(tmp_path / "odd.tar", "a") as tar:
        info = tarfile.TarInfo("../../etc/passwd")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(FormatError) as caught:
        Backup(tmp_path / "odd.tar")
    assert caught.value.rule == "backup.member"


def test_a_file_that_the_sums_do_not_list_has_no_place(lost: Lost, tmp_path: Path) -> None:
    shutil.copy(lost.backup, tmp_path / "more.tar")
    with tarfile.open(tmp_path / "more.tar", "a") as tar:
        tar.addfile(tarfile.TarInfo("outbox/00000000000000000009"))
    with pytest.raises(FormatError) as caught:
        Backup(tmp_path / "more.tar")
    assert caught.value.rule == "backup.member"


def test_something_else_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello " * 1000)
    with pytest.raises(FormatError, match="not a backup"):
        Backup(tmp_path / "text")
    with pytest.raises(StoreError):
        Backup(tmp_path)


# -- the round trip --------------------------------------------------------------------------------------------------


def rows_of(home: Home) -> dict[bytes, bytes]:
    """Every row of a store but those about signatures."""
    with Database.open(home.ledger / swap.CURRENT, create=False) as database:
        return {key: value for key, value in database.iterate() if key[:1] not in layout.COPIED}


def test_a_restored_store_is_the_same_row_by_row(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        put(node, *[sign(node) for _ in range(300)])
        put(node, sign(node, [document_record() for _ in range(20)]))
    back_up(node.home, tmp_path / "backup.tar")
    restored = restore_from(tmp_path / "backup.tar", tmp_path / "restored", node.home.keys)
    assert rows_of(restored) == rows_of(node.home)
    for name in ("sogoc.toml", "policy", "genesis"):
        assert (restored.path / name).read_bytes() == (node.home.path / name).read_bytes()
    assert checkpoint_of(restored) == checkpoint_of(node.home)
    for name in KEY_NAMES:
        assert restored.key(name).read_bytes() == node.home.key(name).read_bytes()
        assert restored.key(name).stat().st_mode & 0o777 == 0o600
    assert restored.path.stat().st_mode & 0o777 == 0o700


def test_acknowledged_entries_survive_in_the_outbox(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    entries = [sign(node) for _ in range(3)]
    node.submit([entry.submission() for entry in entries])
    text = node.final.checkpoint_text
    node.stop()
    assert back_up(node.home, tmp_path / "backup.tar").outbox == 3
    restored = restore_from(tmp_path / "backup.tar", tmp_path / "restored", node.home.keys)
    release(restored, text, not_run_since=True)
    again = open_node(restored)
    try:
        assert [waiting.entry_id for waiting in again.outbox.waiting()] == [entry.id for entry in entries]
        again.start()
        for entry in entries:
            assert isinstance(again.wait(entry.id).result(20), Final)
    finally:
        again.stop()


def test_a_damaged_waiting_entry_is_named(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    node.submit([sign(node).submission()])
    node.stop()
    back_up(node.home, tmp_path / "backup.tar")
    bad = rewritten(
        tmp_path / "backup.tar",
        tmp_path / "bad.tar",
        lambda member, data: (
            data[:20] + bytes((data[20] ^ 1,)) + data[21:] if member.name.startswith("outbox/") else data
        ),
    )
    with Backup(bad) as opened, pytest.raises(FormatError) as caught:
        restore.restore(opened, tmp_path / "restored")
    assert caught.value.rule == "backup.outbox"
    assert not (tmp_path / "restored").exists()


def test_what_became_final_while_it_was_backed_up_may_be_in_both_parts(tmp_path: Path) -> None:
    with running_node(tmp_path) as node:
        entry = sign(node)
        put(node, entry)
        both = [Waiting(1, entry.id, 1, entry.submission())]
        about = backup(node.home, ServedView(node), both, tmp_path / "backup.tar", time_s=NOW_S)
        text = node.final.checkpoint_text
    assert about.outbox == 1
    with Backup(tmp_path / "backup.tar") as opened:
        assert opened.about == about
    restored = restore_from(tmp_path / "backup.tar", tmp_path / "restored", node.home.keys)
    release(restored, text, not_run_since=True)
    again = open_node(restored)
    try:
        assert list(again.outbox.waiting()) == []
        assert again.outcome(entry.id) == Final(entry.id, 2)
    finally:
        again.stop()


def test_restoring_overwrites_nothing_and_needs_real_keys(lost: Lost, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine").write_text("kept")
    with Backup(lost.backup) as opened:
        with pytest.raises(OccupiedError):
            restore.restore(opened, tmp_path / "home")
        (tmp_path / "none").mkdir()
        with pytest.raises(HomeError, match="key files"):
            restore.restore(opened, tmp_path / "new", tmp_path / "none")
        (tmp_path / "loose").mkdir()
        shutil.copy(lost.keys / "log.pem", tmp_path / "loose" / "log.pem")
        (tmp_path / "loose" / "log.pem").chmod(0o644)
        with pytest.raises(keyfiles.KeyFileError):
            restore.restore(opened, tmp_path / "new", tmp_path / "loose")
    assert not (tmp_path / "new").exists()
