"""Whether the end of a LevelDB log is that of a write cut short, or of a damaged one.

Rules:

* LevelDB's log and manifest are files of 32 KiB blocks of records: checksum (CRC-32C, masked), length (2 bytes),
  type, data; all little-endian. Of all damage to them only one kind passes without a word, checksums and all: a
  length that points beyond the end of the file. LevelDB takes it for a write that a crash cut short and drops that
  record and all that follow.
* A write cut short has less data than its checksum was made over. So if the checksum fits some beginning of the
  data that are there, the record was whole, and its length is what changed. This is looked at before LevelDB opens
  the files.

Source: "leveldb Log format" (doc/log_format.md in LevelDB's sources); the masking of checksums is that of its
util/crc32c.h.

Not here: any other damage; LevelDB reports that itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ledger.errors import StoreCorruptError

_BLOCK: Final = 32_768
_HEADER: Final = 7


def _table() -> tuple[int, ...]:
    values = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)  # noqa: PLW2901  Castagnoli, reflected
        values.append(value)
    return tuple(values)


_CRC_TABLE: Final = _table()


def _unmasked(checksum: int) -> int:
    rotated = (checksum - 0xA282EAD8) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def check_logs(directory: Path) -> None:
    """Raise StoreCorruptError (`store.cut-short`) if a log or manifest in `directory` ends in a damaged record.
    Raises OSError.
    """
    for path in sorted(directory.iterdir()):
        if path.suffix == ".log" or path.name.startswith("MANIFEST-"):
            _check_tail(path)


def _check_tail(path: Path) -> None:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(size // _BLOCK * _BLOCK)
        block = file.read()
    at = 0
    while len(block) - at >= _HEADER:
        length = int.from_bytes(block[at + 4 : at + 6], "little")
        if at + _HEADER + length > len(block):
            break
        at += _HEADER + length
    else:
        return
    wanted = _unmasked(int.from_bytes(block[at : at + 4], "little"))
    crc = 0xFFFFFFFF
    for byte in block[at + 6 :]:  # type and data
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
        if crc ^ 0xFFFFFFFF == wanted:
            detail = (
                f"{path} is damaged at byte {size // _BLOCK * _BLOCK + at + 4}: a record there has a wrong length, and "
                "with it all that follow would be lost. Nothing was changed. Check the disk, then restore from a "
                "backup or from the peers."
            )
            raise StoreCorruptError("store.cut-short", detail)
