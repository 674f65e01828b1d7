"""What the arithmetic of origin is done on.

Rules: an `OriginEvent` holds what the event's own bytes say; what stands on the ledger beside them (who, when, which record)
comes from the record's place, never from the bytes. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from ledger.records import Record

OBJECT, AGGREGATION, TRANSACTION, TRANSFORMATION, ASSOCIATION = (
    "object",
    "aggregation",
    "transaction",
    "transformation",
    "association",
)
ADD, OBSERVE, DELETE = "ADD", "OBSERVE", "DELETE"


class Placed(Protocol):
    """A record and where it stands on the ledger: `ledger.history.HistoryRecord` is one."""

    @property
    def record(self) -> Record:
        """What it says."""

    @property
    def record_id(self) -> bytes:
        """32 bytes."""

    @property
    def index(self) -> int:
        """Log index of its entry."""

    @property
    def record_index(self) -> int:
        """Its own index in the entry."""

    @property
    def time_ms(self) -> int:
        """Chain time of its block."""


@dataclass(frozen=True, slots=True)
class Share:
    """So much of an item as an event names."""

    item: str
    amount: Decimal | None = None
    """None: the event does not say how much."""
    unit: str = ""
    """UN/ECE Rec 20; empty for pieces."""


@dataclass(frozen=True, slots=True)
class OriginEvent:
    """An event as its bytes tell it, and where its record stands."""

    record_id: bytes
    by: str
    """Identifier of the member that recorded it."""
    kind: str
    action: str
    """`ADD`, `OBSERVE`, `DELETE`; empty for a transformation."""
    step: str
    """CBV business step as a bare word; empty if none is given."""
    time_ms: int
    """When it happened, by its own word."""
    recorded_ms: int
    """Chain time of its record's block."""
    order: tuple[int, int]
    """Log index of the entry, index of the record in it."""
    site: str = ""
    """Where: `414/<gln>`, or the location's identifier as it came; empty if not said."""
    items: tuple[Share, ...] = ()
    """What the event is about; of an aggregation or association the children."""
    parent: str = ""
    inputs: tuple[Share, ...] = ()
    outputs: tuple[Share, ...] = ()
    other_inputs: tuple[Share, ...] = ()
    """Of a transformation what it took under names that the ledger does not follow, by these names."""
    other_outputs: tuple[Share, ...] = ()
    transactions: tuple[str, ...] = ()
    """Business transactions, such as despatch advices, that it belongs to."""
    certificates: tuple[str, ...] = ()
    """Identifiers of certificates that the event points to."""

    @property
    def sort_key(self) -> tuple[int, bytes]:
        """Order of happening, by claimed time; ties by id, so that it depends on no order of arrival."""
        return self.time_ms, self.record_id

    @property
    def named(self) -> frozenset[str]:
        """Every item that the event names."""
        shares = (*self.items, *self.inputs, *self.outputs)
        return frozenset(share.item for share in shares) | ({self.parent} if self.parent else set())


@dataclass(frozen=True, slots=True)
class Troubled:
    """An event whose summary the event's bytes contradict, or whose bytes cannot be read."""

    record_id: bytes
    by: str
    what: tuple[str, ...]
    """Names of the fields that differ; `unreadable` if the bytes are no event."""
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LotClaim:
    """A `lot.create` record: what a member says about a lot of its own."""

    record_id: bytes
    by: str
    recorded_ms: int
    gtin: str = ""
    code: str = ""
    produced: str = ""
    expires: str = ""
    quantity: int | None = None
    """Thousandths of `unit`."""
    unit: str = ""
    tolerance: int | None = None
    """Loss that is declared to be normal, in basis points."""
    place: str = ""


@dataclass(frozen=True, slots=True)
class RecallNotice:
    """A `lot.recall` or, where `lifted`, a `lot.release` record."""

    record_id: bytes
    by: str
    owner: str
    recorded_ms: int
    order: tuple[int, int]
    reason: str = ""
    lifted: bool = False


@dataclass(frozen=True, slots=True)
class Thing:
    """What the commons say of one thing."""

    item: str
    events: tuple[bytes, ...] = ()
    """Ids of the events that name it, in order of recording."""
    lots: tuple[LotClaim, ...] = ()
    recalls: tuple[RecallNotice, ...] = ()
    records: int = 0
    """How many records its history has."""
    whole: bool = True
    """Whether all of them were read."""

    @property
    def recalled(self) -> RecallNotice | None:
        """The newest recall that stands, if one does.

        An owner and an inspector recall each by themselves: the owner lifts its own recall only, an inspector lifts both.
        """
        standing: dict[tuple[str, bool], RecallNotice] = {}
        for notice in sorted(self.recalls, key=lambda one: one.order):
            by_owner = notice.by == notice.owner
            if not notice.lifted:
                standing[notice.owner, by_owner] = notice
                continue
            standing.pop((notice.owner, True), None)
            if not by_owner:
                standing.pop((notice.owner, False), None)
        return max(standing.values(), key=lambda one: one.order, default=None)


@dataclass(frozen=True, slots=True)
class PlaceFact:
    """A registered place."""

    name: str
    by: str
    kind: str = ""
    address: str = ""
    growing_area: str = ""
    latitude: int | None = None
    """Microdegrees."""
    longitude: int | None = None


@dataclass(frozen=True, slots=True)
class ProductFact:
    """A registered product, as its authority's newest record has it."""

    by: str
    name: str
    category: str = ""
    unit: str = ""
    brand: str = ""
    ocop: tuple[tuple[int, int, str], ...] = ()
    """(chain time of the record, stars or 0, last day or empty), one for each record about the product, in order."""
    images: tuple[bytes, ...] = ()
    standards: tuple[str, ...] = ()
    description: str = ""
    ended_ms: int | None = None
    record_id: bytes = b""


@dataclass(frozen=True, slots=True)
class CertificateFact:
    """A certificate of this ledger: its days, and when it was suspended, reinstated or revoked."""

    valid_from: str = ""
    valid_until: str = ""
    issued_ms: int = 0
    turns: tuple[tuple[int, str], ...] = ()
    """(chain time, status from then on), in order."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is registered about whatever the events point to."""

    places: Mapping[str, PlaceFact] = field(default_factory=dict)
    """By site, as `OriginEvent.site` writes it: for names. Several members may have registered one."""
    own_places: Mapping[tuple[str, str], PlaceFact] = field(default_factory=dict)
    """By site and the member that registered it."""
    contested: frozenset[str] = frozenset()
    """Sites that several members registered at different positions."""
    products: Mapping[tuple[str, str], ProductFact] = field(default_factory=dict)
    """By (authority, GTIN or internal code)."""
    certificates: Mapping[str, CertificateFact] = field(default_factory=dict)
    """By identifier, as `OriginEvent.certificates` writes it."""


class Taken(NamedTuple):
    """By which record an event was declared an error, by whom, when that was recorded, and what the event was."""

    record_id: bytes
    by: str
    recorded_ms: int = 0
    event: OriginEvent | None = None
    """None if its bytes cannot be read."""


@dataclass(frozen=True, slots=True)
class Story:
    """Things with all that was recorded about them."""

    things: Mapping[str, Thing]
    events: Mapping[bytes, OriginEvent]
    """By record id; without those that were declared errors."""
    errors: Mapping[bytes, Taken] = field(default_factory=dict)
    """Events declared to be errors, by record id."""
    troubled: tuple[Troubled, ...] = ()
    sources: Mapping[bytes, bytes] = field(default_factory=dict)
    """Of each event by record id the bytes that it was read from."""
    facts: Facts = field(default_factory=Facts)

    def events_of(self, item: str) -> list[OriginEvent]:
        """The events that name an item, in order of happening."""
        thing = self.things.get(item)
        ids = () if thing is None else thing.events
        return sorted(
            (self.events[record_id] for record_id in ids if record_id in self.events),
            key=lambda event: event.sort_key,
        )


class Severity(StrEnum):
    """How much a finding weighs."""

    INFO = "info"
    WARNING = "warning"
    SERIOUS = "serious"

    @property
    def rank(self) -> int:
        """Heaviest first."""
        return _RANKS[self]


_RANKS: Final = {Severity.SERIOUS: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up, or that an inspector should know; with all it rests on."""

    rule: str
    severity: Severity
    items: tuple[str, ...]
    records: tuple[bytes, ...]
    """Ids of the records that it rests on, the deciding ones first."""
    figures: Mapping[str, str | int]
    vi: str
    en: str

    @property
    def sort_key(self) -> tuple[int, str, tuple[str, ...], tuple[bytes, ...], str]:
        """The order in which findings are shown."""
        return self.severity.rank, self.rule, self.items, self.records, self.en

    def as_dictionary(self) -> dict[str, Any]:
        """The finding as JSON has it."""
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "items": list(self.items),
            "records": [record_id.hex() for record_id in self.records],
            "figures": dict(sorted(self.figures.items())),
            "vi": self.vi,
            "en": self.en,
        }
