"""Record types: one module per family, found by being in this folder.

Rules: a module here exposes `TYPES`, a tuple of `RecordType`. Adding a type means adding it to one such tuple (or adding
one module); nothing else in the project lists the types. Golden blocks in the tests notice a type that changes by accident.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ledger.records.base import Record, RecordType, Subject
from ledger.records.quick import QuickReader

__all__ = ["Record", "RecordType", "Subject", "parse_record", "record_types"]


def _load() -> dict[str, RecordType]:
    found: dict[str, RecordType] = {}
    for module in sorted(info.name for info in iter_modules(__path__)):
        for record_type in getattr(import_module(f"{__name__}.{module}"), "TYPES", ()):
            if record_type.name in found:
                raise ImportError(f"record type {record_type.name} is defined twice")
            found[record_type.name] = record_type
    return found


_TYPES = _load()
_QUICK = QuickReader(_TYPES)


def record_types() -> dict[str, RecordType]:
    """All record types by name, in order of name."""
    return dict(sorted(_TYPES.items()))


def parse_record(raw: bytes) -> Record:
    """Read a record's canonical bytes and check its body against the type's field table.

    Raises FormatError (`encoding.*`, `record.shape`), CannotTellError (`record.type-unknown`), or RefusedError
    (`record.field-*` and the type's own rules).
    """
    record = _QUICK.read(raw)
    return Record.parse(raw, _TYPES) if record is None else record
