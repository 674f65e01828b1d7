"""Reading a record the quick way: says yes, or says nothing.

Rules:

* `QuickReader.read` gives the record that `Record.parse` would give for the same bytes, or None, and then `Record.parse`
  decides, and names what is wrong. So a mistake here can cost time; to be wrong it would have to say yes where the other
  says no, and the tests look for that.
* Nearly all records of a type have the same few fields. Which field comes where, whether those that are required are there
  and whether the names ascend is found out once for each *shape*: the names of a body in the order in which they stand.
* A value is judged by its kind's own `check`; where the same few words stand in many records, what `check` allowed is
  remembered. Only kinds of text, bytes and integers are let through here, so a body that passes holds nothing but these,
  and if it packs to the bytes that were read, they are its canonical form (`ledger.encoding`).

What this module does not do: name what is wrong, or see a state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgpack  # type: ignore[import-untyped]  # it publishes no type information

from ledger.entry import MAX_RECORD_BYTES, REFUSED_RECORD_BYTES
from ledger.errors import LedgerError
from ledger.fields import Ascii, Bytes, Choice, Date, Field, Integer, Kind, MediaType, Text
from ledger.records.base import Record, RecordType

_PLAIN: Final = (Ascii, Bytes, Choice, Date, Integer, MediaType, Text)
"""Kinds of values that hold no other value."""
_SHORT_TEXT: Final = 64
"""Bytes of a text of which it is worth remembering that it was allowed."""
_REMEMBERED: Final = 1_024
"""Values of one field that are remembered."""
_MOST_SHAPES: Final = 256
"""Shapes of one type that are remembered: whoever sends all there are shall not fill the memory."""

_pack: Final = msgpack.Packer(autoreset=True, use_bin_type=True).pack
_unpack: Final = msgpack.unpackb

_Check = Callable[[Any], object]
"""Raises RefusedError, or TypeError, unless the value is allowed."""


class _Plan(NamedTuple):
    """How records of one type are read."""

    type: RecordType
    checks: dict[str, _Check]
    """By field; one that is not here is for `Record.parse`."""
    required: frozenset[str]
    shapes: dict[tuple[str, ...], tuple[_Check, ...]]
    """The checks of a body's values, in their order, by the names of its fields."""

    @classmethod
    def of(cls, record_type: RecordType) -> _Plan:
        fields = record_type.fields
        return cls(
            record_type,
            {field.name: _check_of(field) for field in fields if type(field.kind) in _PLAIN},
            frozenset(field.name for field in fields if field.required),
            {},
        )

    def learn(self, names: tuple[str, ...]) -> tuple[_Check, ...]:
        """The checks for a shape that is not known yet. Raises KeyError for one that no record may have."""
        checks = tuple(self.checks[name] for name in names)
        if not self.required.issubset(names) or not all(one < other for one, other in pairwise(names)):
            raise KeyError
        if len(self.shapes) < _MOST_SHAPES:
            self.shapes[names] = checks
        return checks


class QuickReader:
    """Reads records of the types given."""

    def __init__(self, types: Mapping[str, RecordType]) -> None:
        self._plans = {name: _Plan.of(record_type) for name, record_type in types.items()}

    def read(self, raw: bytes) -> Record | None:
        """The record whose canonical bytes are `raw`, or None: then `Record.parse` reads it, or says what is wrong."""
        if type(raw) is not bytes or len(raw) > MAX_RECORD_BYTES or len(raw) == REFUSED_RECORD_BYTES:
            return None
        try:
            # No array but the outermost is let through, and it has two items: nothing else is to be allocated.
            value = _unpack(raw, max_array_len=2)
            if type(value) is not list:
                return None
            name, body = value
            if type(body) is not dict:
                return None
            plan = self._plans[name]
            names = tuple(body)
            checks = plan.shapes.get(names) or plan.learn(names)
            for check, item in zip(checks, body.values(), strict=True):
                check(item)
            plan.type.check(body)
            # Values of other types than those allowed were not; what is left is whether this is their shortest form.
            return Record(plan.type, body, raw) if _pack(value) == raw else None
        except (LedgerError, ValueError, KeyError, TypeError):
            return None


def _check_of(field: Field) -> _Check:
    kind: Kind = field.kind
    check = partial(kind.check, field.name)
    if isinstance(kind, Ascii | Choice | Date | MediaType) or (
        isinstance(kind, Text) and kind.maximum <= _SHORT_TEXT
    ):
        # They allow nothing but text, and no text equals a value of another type.
        return lru_cache(maxsize=_REMEMBERED)(check)
    return check
