"""Products, places and lots as a view of the ledger has them: who registered what, and where it stands.

Rules: who has goods of a name is found by seeking from one member to the next in the index, so that a member's many records
cost no more than one. What describes a product is its newest record that does: its end, which is always the last one, does not.

What this module does not do: prove anything; each answer names the records by which it can be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ledger.errors import StoreCorruptError
from ledger.gs1 import Item
from ledger.records import Record, Subject, parse_record
from ledger.records.lots import LOT_MEMBER_LOOKUP, LOT_OWNER_LOOKUP, lot
from ledger.records.places import END as PLACE_END
from ledger.records.places import PLACE_LOOKUP, PLACE_MEMBER_LOOKUP, place
from ledger.records.products import END, PRODUCT_LOOKUP, PRODUCT_MEMBER_LOOKUP, product
from ledger.rows import SubjectRow, subject_key
from node.receipts import FinalView

MAX_HOLDERS: Final = 100
"""Members shown that have goods of one name."""
_ENDS = frozenset({END, PLACE_END})
_AFTER_SLASH = b"0"
"""The letter that follows `/`: it begins what stands behind all keys of a name."""


@dataclass(frozen=True, slots=True)
class Registered:
    """Something that a member registered, as it is now."""

    subject: Subject
    row: SubjectRow
    record: Record
    """The newest one that describes it."""

    @property
    def authority(self) -> str:
        """The member that it belongs to."""
        return self.subject.authority


def registered(final: FinalView, subject: Subject) -> Registered | None:
    """What a subject is and where it stands; None if nothing was recorded about it. Raises StoreCorruptError."""
    data = final.view.get(subject_key(*subject))
    if data is None:
        return None
    row = SubjectRow.parse(data)
    for number in range(row.history.size - 1, max(-1, row.history.size - 3), -1):
        for at in final.places(subject, [number]):
            record = parse_record(final.record(at))
            if record.type.name not in _ENDS:
                return Registered(subject, row, record)
    raise StoreCorruptError(
        "index.subject", "the index has lost a record of this subject: run `sogoc rebuild`"
    )


def created(final: FinalView, subject: Subject) -> Registered | None:
    """A lot and where it stands, with the record that created it; None if there is none. Raises StoreCorruptError."""
    data = final.view.get(subject_key(*subject))
    if data is None:
        return None
    for at in final.places(subject, [0]):
        return Registered(subject, SubjectRow.parse(data), parse_record(final.record(at)))
    raise StoreCorruptError(
        "index.subject", "the index has lost a record of this subject: run `sogoc rebuild`"
    )


def products(final: FinalView, goods: Item) -> list[Registered]:
    """Who registered these goods, in order of member, `MAX_HOLDERS` at most."""
    name = goods.gtin if goods.gtin is not None else goods.code or ""
    if goods.member is not None:
        found = registered(final, product(goods.member, name))
        return [] if found is None else [found]
    prefix = PRODUCT_LOOKUP + name.encode() + b"/"
    members = islice(_names(final, prefix, b""), MAX_HOLDERS)
    return [found for who in members if (found := registered(final, product(who, name))) is not None]


def places(final: FinalView, identifier: str) -> list[Registered]:
    """Who registered a place of this GLN or code, in order of member, `MAX_HOLDERS` at most."""
    members = islice(_names(final, PLACE_LOOKUP + identifier.encode() + b"/", b""), MAX_HOLDERS)
    return [found for who in members if (found := registered(final, place(who, identifier))) is not None]


def lots(final: FinalView, path: str) -> list[Registered]:
    """Who created a lot of this path, in order of member, `MAX_HOLDERS` at most."""
    members = islice(_names(final, LOT_OWNER_LOOKUP + path.encode() + b"/", b""), MAX_HOLDERS)
    return [found for who in members if (found := created(final, lot(who, path))) is not None]


def products_of(final: FinalView, member: str, after: str = "") -> Iterator[Registered]:
    """A member's products in order of GTIN or code, behind `after`."""
    for name in _names(final, PRODUCT_MEMBER_LOOKUP + member.encode() + b"/", after.encode()):
        found = registered(final, product(member, name))
        if found is not None:
            yield found


def places_of(final: FinalView, member: str, after: str = "") -> Iterator[Registered]:
    """A member's places in order of GLN or code, behind `after`."""
    for name in _names(final, PLACE_MEMBER_LOOKUP + member.encode() + b"/", after.encode()):
        found = registered(final, place(member, name))
        if found is not None:
            yield found


def lots_of(final: FinalView, member: str, after: str = "") -> Iterator[Registered]:
    """A member's lots in order of item path, behind `after`."""
    prefix = LOT_MEMBER_LOOKUP + member.encode() + b"/"
    start = prefix + after.encode() + _AFTER_SLASH if after else None
    for key, _ in final.view.lookup(prefix, start=start):
        # Behind the path stand a slash and the record's id of 32 bytes.
        found = created(final, lot(member, key[len(prefix) : -33].decode()))
        if found is not None:
            yield found


def lots_of_product(final: FinalView, goods: Item, after: tuple[str, str] = ("", "")) -> Iterator[Registered]:
    """All lots of goods, whoever created them: in order of member and item path, behind the lot `after` (member, item path).

    Whoever creates a lot has registered its product, so the members that have are all there is to look at.
    """
    who, path = after
    members = (
        _names(final, PRODUCT_LOOKUP + (goods.gtin or "").encode() + b"/", b"", first=who.encode())
        if goods.member is None
        else iter([goods.member])
    )
    for member in members:
        prefix = LOT_MEMBER_LOOKUP + member.encode() + b"/" + goods.path.encode() + b"/10/"
        before = LOT_MEMBER_LOOKUP + member.encode() + b"/" + path.encode() + _AFTER_SLASH
        for key, _ in final.view.lookup(prefix, start=before if member == who and path else None):
            found = created(final, lot(member, key[len(prefix) - len(goods.path) - 4 : -33].decode()))
            if found is not None:
                yield found


def _names(final: FinalView, prefix: bytes, after: bytes, *, first: bytes = b"") -> Iterator[str]:
    """What stands between `prefix` and the next slash in the index, once, ascending: behind `after`, or from `first` on."""
    start = prefix + after + _AFTER_SLASH if after else prefix + first if first else None
    while True:
        row = next(final.view.lookup(prefix, start=start), None)
        if row is None:
            return
        name = row[0][len(prefix) :].partition(b"/")[0]
        yield name.decode()
        start = prefix + name + _AFTER_SLASH
