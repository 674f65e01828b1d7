"""An engine's stores, copied to another validator's engine: taken in a moment, sent as a tar archive, put in their place.

Rules: what is copied is blocks, votes on them and the set of validators, as every validator's engine has them; never what this
engine has voted on, its diary, or a key. It is taken while the engine's process stands still, all stores at one instant, as a
power cut would leave them; what LevelDB never changes once it is written is linked, so that this takes milliseconds whatever
the size.

What this module does not do: say how far the receiver may believe it (`node.network_join`), or travel.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from ledger.errors import FormatError

STORES: Final = ("blockstore.db", "state.db", "evidence.db")
NEEDED: Final = STORES[:2]
_NEVER_CHANGED: Final = ".ldb"
_PATH: Final = re.compile(
    r"(?:blockstore|state|evidence)\.db/(?:[0-9]{1,20}\.(?:ldb|log)|MANIFEST-[0-9]{1,20}|CURRENT)"
)
"""All files that a LevelDB needs; its own log and lock are not among them."""
_CHUNK_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 512
_MAX_FILES: Final = 1_000_000


def take(data: Path, into: Path) -> None:
    """Copy the stores in an engine's `data` into the folder `into`, on the same file system; the engine stands still.

    Raises OSError.
    """
    for store in STORES:
        if not (data / store).is_dir():
            continue
        (into / store).mkdir(mode=0o700)
        for source in (data / store).iterdir():
            target = into / store / source.name
            if not _PATH.fullmatch(f"{store}/{source.name}"):
                continue
            if source.suffix == _NEVER_CHANGED:
                os.link(source, target)
            else:
                shutil.copyfile(source, target)


def archive(folder: Path) -> Iterator[bytes]:
    """What `take` has put into a folder, as an uncompressed tar archive. Raises OSError."""
    for path in sorted(folder.glob("*/*")):
        with path.open("rb") as stream:
            # A table that was being written goes on growing, and nobody reads it: it is as long as it is now.
            left = os.fstat(stream.fileno()).st_size
            info = tarfile.TarInfo(path.relative_to(folder).as_posix())
            info.size, info.mode = left, 0o600
            yield info.tobuf(tarfile.PAX_FORMAT)
            yield from _exactly(stream, left)
            yield bytes(-left % _BLOCK_BYTES)
    yield bytes(2 * _BLOCK_BYTES)


def _exactly(stream: BinaryIO, left: int) -> Iterator[bytes]:
    while left:
        chunk = stream.read(min(left, _CHUNK_BYTES))
        if not chunk:
            raise OSError("a file of the engine's data became shorter while it was read")
        left -= len(chunk)
        yield chunk


def unpack(stream: BinaryIO, into: Path) -> None:
    """Write the stores in an archive into the folder `into`. Raises FormatError (`engine.copy`), OSError."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for number, member in enumerate(tar):
                if number >= _MAX_FILES or not member.isreg() or not _PATH.fullmatch(member.name):
                    raise FormatError(
                        "engine.copy", f"{member.name[:200]!a} has no place in an engine's data"
                    )
                content = tar.extractfile(member)
                target = into / member.name
                target.parent.mkdir(mode=0o700, exist_ok=True)
                with target.open("xb") as file:
                    if content is not None:
                        shutil.copyfileobj(content, file, _CHUNK_BYTES)
    except (tarfile.TarError, EOFError) as error:
        raise FormatError("engine.copy", "the engine's data was cut short, or is something else") from error
    missing = [store for store in NEEDED if not (into / store / "CURRENT").is_file()]
    if missing:
        raise FormatError("engine.copy", f"the engine's data has no {missing[0]}")
