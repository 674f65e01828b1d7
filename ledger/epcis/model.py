"""What an EPCIS 2.0 event says, as types: the five event types in one, as their differences are few.

Rules: an item is named by its item path (`ledger.gs1`) where it is goods or a logistic unit; any other URI stays as the event
writes it. A standard word is the bare one (`shipping`), another word is its URI. Amounts are exact decimals. Times are
milliseconds since the epoch.

What this module does not do: read or check (`ledger.epcis.reading`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from ledger.epcis.json_text import Json

MAX_THINGS: Final = 256
"""Different items that one event names: so many histories its record is appended to."""


class Kind(StrEnum):
    """The five event types (EPCIS 2.0 §7.4)."""

    OBJECT = "object"
    AGGREGATION = "aggregation"
    TRANSACTION = "transaction"
    TRANSFORMATION = "transformation"
    ASSOCIATION = "association"

    @property
    def type(self) -> str:
        """Its name in an event."""
        return f"{self.value.capitalize()}Event"


KIND_OF_TYPE: Final = {kind.type: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Quantity:
    """So much of a class or lot: an amount with a unit, a count without one, or an amount that is not said."""

    item: str
    """Item path, or the URI of what is no goods."""
    amount: Decimal | None
    unit: str | None
    """UN/ECE Recommendation 20, such as `KGM`; None: pieces."""


@dataclass(frozen=True, slots=True)
class Link:
    """A business transaction, a source or a destination."""

    type: str | None
    id: str


@dataclass(frozen=True, slots=True)
class SensorElement:
    """What a sensor reported: metadata and reports as the event has them, numbers exact."""

    metadata: Mapping[str, Any]
    reports: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ErrorDeclaration:
    """That the event is declared to be in error (EPCIS 2.0 §7.4.1.2)."""

    time_ms: int
    reason: str | None
    corrective_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    kind: Kind
    event_time_ms: int
    offset: str
    """`eventTimeZoneOffset`, such as `+07:00`."""
    action: str | None
    """`ADD`, `OBSERVE` or `DELETE`; None for a transformation."""
    epcs: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    parent: str | None = None
    children: tuple[str, ...] = ()
    child_quantities: tuple[Quantity, ...] = ()
    inputs: tuple[str, ...] = ()
    input_quantities: tuple[Quantity, ...] = ()
    outputs: tuple[str, ...] = ()
    output_quantities: tuple[Quantity, ...] = ()
    transformation_id: str | None = None
    event_id: str | None = None
    record_time_ms: int | None = None
    """What the event itself says; the ledger's own time is its block's."""
    step: str | None = None
    disposition: str | None = None
    set_dispositions: tuple[str, ...] = ()
    unset_dispositions: tuple[str, ...] = ()
    read_point: str | None = None
    biz_location: str | None = None
    biz_transactions: tuple[Link, ...] = ()
    sources: tuple[Link, ...] = ()
    destinations: tuple[Link, ...] = ()
    sensors: tuple[SensorElement, ...] = ()
    ilmd: Mapping[str, Any] = field(default_factory=dict)
    certification: tuple[str, ...] = ()
    error_declaration: ErrorDeclaration | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """Members of somebody's own at the top of the event, by their names as written."""
    json: Json = field(default_factory=dict, repr=False, compare=False)
    """The event as it was read, with its context: what the canonical bytes and the event hash are of."""
    things: tuple[str, ...] = ()
    """Item paths of all goods and logistic units it names, each once, ascending."""
