"""Backing up a node: one file that holds everything but its private keys.

Rules:

* **a backup must not be able to fork the ledger**: no cosigning, header, engine or log key is in it, nor any other key. Keys
  are few and never change: whoever runs the node keeps copies of them once, elsewhere (docs/operating.md);
* all else that makes the home is in it, so that it is in service again with one command: settings, the other validators'
  certificates and one's own, lists of witnesses. What an engine keeps is not: blocks come from the other validators, and what
  it has voted on (`priv_validator_state`) would be old (`node.engine.cometbft.voting`);
* it is an uncompressed tar file; unpacked it is an export, with the configuration and the outbox beside it. It ends with
  `SHA256SUMS`, which `sha256sum -c` reads, so that a file that was cut short or has rotted is known before it is used;
* it is consistent also while the node serves: it holds the log up to one signed checkpoint, and the outbox as it was no later
  than that (`node.pinned`). So what was acknowledged at that moment and not final is among the waiting entries. One that became
  final in between may be in both; a restored node strikes it off, as after a crash;
* it is complete and synced before it has its name, and it never overwrites anything.

What this module does not do: HTTP, restoring (`node.restore`), encrypting. Nothing in a backup is secret.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from ledger.encoding import decode
from ledger.entry import MAX_SUBMISSION_BYTES, parse_submission
from ledger.errors import CannotTellError, FormatError, StoreError, VerificationError
from ledger.tiles import Level, tile_path
from ledger.transitions import MAX_EPOCHS_BYTES
from ledger.verify.sources.base import LogSource
from ledger.verify.sources.export import MAX_FILE_BYTES
from node.export import CHECKPOINT_PATH, TRANSITIONS_PATH, Exported, Progress, write_log
from node.home import Home
from node.network import CERTIFICATES
from node.network import FILE as NETWORK_FILE
from node.outbox import Waiting
from node.safe_files import new_file

FORMAT_NAME: Final = "sogoc backup"
FORMAT_VERSION: Final = 1
CONFIG_PATH, ABOUT_PATH, SUMS_PATH = "sogoc.toml", "backup.json", "SHA256SUMS"
OUTBOX_PREFIX: Final = "outbox/"
_SETTINGS_FOLDERS: Final = {CERTIFICATES: "*.pem", "witnessed": "*"}
"""Folders of certificates and policies, all public, and which files of them."""
_PRIVATE: Final = b"PRIVATE KEY"
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}")
MAX_TEXT_BYTES: Final = 1_000_000
"""Most bytes of the configuration, the checkpoint and what a backup says of itself."""
_CHUNK_BYTES: Final = 1 << 20
_MAX_SUMS_LINE: Final = 1_024


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself; the ledger in it is checked against the checkpoint in it, not against this."""

    origin: str
    chain_id: bytes
    size: int
    root: bytes
    made_s: int
    """When it was made, seconds since the epoch by that machine's clock."""
    outbox: int
    """How many waiting entries it holds."""

    def encoded(self) -> bytes:
        """As `backup.json`."""
        value = {
            "format": FORMAT_NAME,
            "version": FORMAT_VERSION,
            "origin": self.origin,
            "chain_id": self.chain_id.hex(),
            "size": self.size,
            "root": self.root.hex(),
            "made_s": self.made_s,
            "outbox": self.outbox,
        }
        return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read `backup.json`. Raises FormatError (`backup.about`), CannotTellError (`backup.version`)."""
        try:
            value = json.loads(data)
            if value["format"] != FORMAT_NAME:
                raise FormatError("backup.about", "this is not a backup of a Sổ Gốc node")
            if value["version"] != FORMAT_VERSION:
                detail = f"this backup has version {value['version']!r}; this program knows {FORMAT_VERSION}"
                raise CannotTellError("backup.version", detail)
            return cls(
                str(value["origin"]),
                bytes.fromhex(value["chain_id"]),
                int(value["size"]),
                bytes.fromhex(value["root"]),
                int(value["made_s"]),
                int(value["outbox"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FormatError("backup.about", f"{ABOUT_PATH} of this backup cannot be read") from error


def backup(
    home: Home,
    source: LogSource,
    waiting: Iterable[Waiting],
    out: Path,
    *,
    time_s: int,
    progress: Progress = lambda _done, _of: None,
) -> About:
    """Write a backup of the node at `home` to the file `out`, which must not exist.

    `source` is its ledger: the store of a stopped node, or a moment of one that runs; `waiting` its outbox, as it was no later
    than `source`. `time_s` is now. Raises OccupiedError (`files.exists`), StoreError, and as `node.export.export`.
    """
    with new_file(out) as stream, closing(_TarSink(stream, time_s)) as sink:
        exported = write_log(source, sink, progress)
        sink.add(CONFIG_PATH, _read_small(home.config))
        for name in settings_files(home):
            data = _read_small(home.path / name)
            # Somebody may have put a key beside the certificates: no backup takes it along.
            if _PRIVATE not in data:
                sink.add(name, data)
        about = _about(exported, time_s, _write_outbox(sink, waiting))
        sink.add(ABOUT_PATH, about.encoded())
        sink.finish()
    return about


def settings_files(home: Home) -> list[str]:
    """The files of a home beside `sogoc.toml` that hold settings and no secret, relative to it."""
    found = [name for name in (NETWORK_FILE, home.witnesses.name) if (home.path / name).is_file()]
    for folder, pattern in _SETTINGS_FOLDERS.items():
        found += sorted(
            f"{folder}/{path.name}" for path in (home.path / folder).glob(pattern) if path.is_file()
        )
    return [name for name in found if is_settings_file(name)]


def is_settings_file(name: str) -> bool:
    """Whether a name in a backup is that of a file with settings."""
    folder, _, file = name.rpartition("/")
    plain = bool(_PLAIN_NAME.fullmatch(file))
    return name in {NETWORK_FILE, "witnesses"} or (plain and folder in _SETTINGS_FOLDERS)


def _about(exported: Exported, time_s: int, outbox: int) -> About:
    covered, genesis = exported.checked.checkpoint, exported.genesis
    return About(genesis.origin, genesis.chain_id, covered.size, covered.root, time_s, outbox)


def _read_small(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_TEXT_BYTES + 1)
    except FileNotFoundError:
        return b""  # a node without a configuration file runs on the defaults, which an empty one means too
    except OSError as error:
        raise StoreError("files.read", f"cannot read {path}: {error.strerror}") from error
    if len(data) > MAX_TEXT_BYTES:
        raise FormatError("files.too-large", f"{path} has more than {MAX_TEXT_BYTES} bytes")
    return data


def _write_outbox(sink: _TarSink, waiting: Iterable[Waiting]) -> int:
    count = 0
    for entry in waiting:
        sink.add(f"{OUTBOX_PREFIX}{entry.sequence:020d}", entry.encoded())
        count += 1
    return count


class _TarSink:
    """Writes files into a tar archive and keeps their sums; memory does not grow with their number."""

    def __init__(self, stream: BinaryIO, time_s: int) -> None:
        self._tar = tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  `finish` closes it
        self._time_s = time_s
        self._sums = tempfile.SpooledTemporaryFile(max_size=_CHUNK_BYTES)  # noqa: SIM115  `close` closes it

    def add(self, path: str, data: bytes) -> None:
        """Take one file."""
        self._put(path, io.BytesIO(data), len(data))
        self._sums.write(f"{hashlib.sha256(data).hexdigest()}  {path}\n".encode())

    def finish(self) -> None:
        """Write the sums, and the end of the archive."""
        size = self._sums.tell()
        self._sums.seek(0)
        self._put(SUMS_PATH, self._sums, size)
        self._tar.close()

    def close(self) -> None:
        """Let go of the sums, also of an archive that was not finished."""
        self._sums.close()

    def _put(self, path: str, data: io.BytesIO | tempfile.SpooledTemporaryFile[bytes], size: int) -> None:
        info = tarfile.TarInfo(path)
        info.size, info.mtime, info.mode = size, self._time_s, 0o644
        self._tar.addfile(info, data)
        # The library remembers every member to look them up again, which a writer never does.
        self._tar.members = []  # type: ignore[attr-defined]  # it is there, and typeshed does not say so


class Backup:
    """An open backup whose sums have been checked. Also a source of the ledger in it (`LogSource`). A context manager."""

    def __init__(self, path: Path, progress: Progress = lambda _done, _of: None) -> None:
        """Open a backup and check the sum of every file in it; `progress` hears bytes checked and bytes in all.

        Raises FormatError (`backup.*`: not a backup, or cut short), VerificationError (`backup.sum`: a file in it has
        changed), CannotTellError (a newer version), StoreError (`files.read`).
        """
        self._path = path
        try:
            self._tar = tarfile.open(path, mode="r:")  # noqa: SIM115  `close` closes it
        except (tarfile.TarError, EOFError) as error:
            raise FormatError(
                "backup.format", f"{path} is not a backup: it is no tar file, or was cut short"
            ) from error
        except OSError as error:
            raise StoreError("files.read", f"cannot read {path}: {error.strerror}") from error
        try:
            self._members = self._index()
            self._check_sums(progress)
            self.about: About = About.parse(self.read(ABOUT_PATH, MAX_TEXT_BYTES))
        except (tarfile.TarError, EOFError) as error:
            self._tar.close()
            raise _cut_short(path) from error
        except OSError as error:
            self._tar.close()
            raise StoreError("files.read", f"cannot read {path}: {error.strerror}") from error
        except BaseException:
            self._tar.close()
            raise

    def checkpoint(self) -> str:
        """The checkpoint that covers the ledger in it."""
        try:
            return self.read(CHECKPOINT_PATH, MAX_TEXT_BYTES).decode()
        except UnicodeDecodeError as error:
            raise FormatError("backup.text", "the checkpoint in the backup is not UTF-8 text") from error

    def transitions(self) -> bytes | None:
        """How the validators changed, or None if they did not."""
        return self.read(TRANSITIONS_PATH, MAX_EPOCHS_BYTES) if TRANSITIONS_PATH in self._members else None

    def tile(self, level: int, n: int, width: int) -> bytes:
        """The first `width` hashes of tile `n` of `level`."""
        return self._tile(level, n, width)

    def entry_bundle(self, n: int, width: int) -> bytes:
        """Leaves `256 n` and following, `width` of them."""
        return self._tile("entries", n, width)

    def records_bundle(self, n: int, width: int) -> bytes:
        """What stands beside those leaves."""
        return self._tile("records", n, width)

    def read(self, path: str, max_bytes: int) -> bytes:
        """One file of it. Raises FormatError (`backup.incomplete`, `backup.too-large`)."""
        member = self._must(path)
        if member.size > max_bytes:
            raise FormatError("backup.too-large", f"{path} in the backup has more than {max_bytes} bytes")
        with self._stream(member) as stream:
            return stream.read()

    def waiting(self) -> Iterator[Waiting]:
        """The waiting entries in it, oldest first. Raises FormatError (`backup.outbox`)."""
        for path in sorted(name for name in self._members if name.startswith(OUTBOX_PREFIX)):
            row = decode(self.read(path, MAX_SUBMISSION_BYTES + 128), max_bytes=MAX_SUBMISSION_BYTES + 128)
            match row:
                case [bytes(entry_id), int(received_ms), bytes(submission)] if (
                    parse_submission(submission).id == entry_id
                ):
                    yield Waiting(0, entry_id, received_ms, submission)
                case _:
                    raise FormatError("backup.outbox", f"{path} of the backup is not a waiting entry")

    def settings(self) -> Iterator[tuple[str, bytes]]:
        """Settings in it beside `sogoc.toml`, by their place in a home."""
        for name in self._members:
            if is_settings_file(name):
                yield name, self.read(name, MAX_TEXT_BYTES)

    def close(self) -> None:
        """Close the file."""
        self._tar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tile(self, level: Level, n: int, width: int) -> bytes:
        return self.read(tile_path(level, n, width), MAX_FILE_BYTES)

    def _index(self) -> dict[str, tarfile.TarInfo]:
        """Its files by name. Nothing is ever unpacked under a name that the archive chose."""
        members: dict[str, tarfile.TarInfo] = {}
        for member in self._tar:
            if not member.isreg() or member.name in members:
                raise FormatError(
                    "backup.member", f"{member.name[:200]!a} has no place in a backup, or stands in it twice"
                )
            members[member.name] = member
        return members

    def _check_sums(self, progress: Progress) -> None:
        listed: set[str] = set()
        done, total = 0, sum(member.size for member in self._members.values())
        with self._stream(self._must(SUMS_PATH)) as sums:
            while line := sums.readline(_MAX_SUMS_LINE):
                wanted, _, name = line.decode(errors="replace").rstrip("\n").partition("  ")
                member = self._must(name)
                got = self._sum(member)
                if got != wanted or name in listed:
                    detail = (
                        f"{name} in the backup {self._path} is not what was written there: use another backup"
                    )
                    raise VerificationError("backup.sum", detail)
                listed.add(name)
                done += member.size
                progress(done, total)
        if listed | {SUMS_PATH} != set(self._members):
            raise FormatError("backup.member", f"{SUMS_PATH} does not list every file of the backup")
        progress(total, total)

    def _must(self, name: str) -> tarfile.TarInfo:
        member = self._members.get(name)
        if member is None:
            raise _cut_short(self._path)
        return member

    def _sum(self, member: tarfile.TarInfo) -> str:
        digest = hashlib.sha256()
        with self._stream(member) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()

    def _stream(self, member: tarfile.TarInfo) -> tarfile.ExFileObject:
        stream = self._tar.extractfile(member)
        if not isinstance(stream, tarfile.ExFileObject):
            raise _cut_short(self._path)
        return stream


def _cut_short(path: Path) -> FormatError:
    detail = f"{path} is not a whole backup: it was cut short, or is something else. Use another backup"
    return FormatError("backup.incomplete", detail)
