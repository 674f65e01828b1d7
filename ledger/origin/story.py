"""From records to a story: what each event's bytes say, what its summary says otherwise, and what was taken back.

Rules: the bytes of an event are believed, and nothing in the record beside them: where kind, time, step, things or hash
differ, that is a finding and the bytes count. An event that was declared an error is out of every sum; only its own author,
or who succeeded it, can declare that, which the chain rules see to. An event with hidden parts is known by a tag that only
its author can compute, so its identity is not compared.

What this module does not do: verify records (`ledger.history` does), or read them from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

from ledger.encoding import Value
from ledger.epcis.addresses import canonical_address
from ledger.epcis.event_hash import event_hash
from ledger.epcis.model import Event
from ledger.epcis.model import Quantity as EpcisQuantity
from ledger.epcis.reading import HIDDEN, parse
from ledger.errors import FormatError
from ledger.origin.model import (
    CertificateFact,
    Facts,
    LotClaim,
    OriginEvent,
    Placed,
    PlaceFact,
    ProductFact,
    RecallNotice,
    Share,
    Story,
    Taken,
    Thing,
    Troubled,
)
from ledger.records import Record, Subject
from ledger.records.base import IN_FORCE, integer, octets, text, words
from ledger.records.certificates import CERTIFICATE, REINSTATE, RENEW, REVOKE, REVOKED, SUSPEND, SUSPENDED
from ledger.records.certificates import ISSUE as CERTIFICATE_ISSUE
from ledger.records.events import CAPTURE, ERROR, event_identifier
from ledger.records.goods import PLACE, PRODUCT
from ledger.records.lots import CREATE, RECALL, RELEASE
from ledger.records.places import REGISTER as PLACE_REGISTER
from ledger.records.places import place
from ledger.records.products import END as PRODUCT_END
from ledger.records.products import product

_SITE = re.compile(r"https?://[^/?#]+/(?:[^?#]*/)?(414/[0-9]{13}|place/[^/?#]+/[^/?#]+)(?:[/?#].*)?")
_OWN_PLACE = re.compile(r"urn:sogoc:place:([-._0-9a-z]{1,64}):([-._0-9A-Za-z]{1,30})")
_CERTIFICATE = re.compile(r"urn:sogoc:certificate:([-._0-9a-z]{1,64}):([0-9a-f]{32})")
_LEAVES_FROM: Final = frozenset({"shipping", "departing"})


def site_of(uri: str) -> str:
    """A place as one text however it is written: `414/<gln>`, `place/<member>/<code>`, or the identifier as it came."""
    own = _OWN_PLACE.fullmatch(uri)
    if own is not None:
        return f"place/{own[1]}/{own[2]}"
    found = _SITE.fullmatch(canonical_address(uri))
    return found[1] if found else uri


def certificate_of(uri: str) -> tuple[str, bytes] | None:
    """Authority and identifier of a certificate of this ledger: `urn:sogoc:certificate:<authority>:<hexadecimal>`; or None."""
    found = _CERTIFICATE.fullmatch(uri)
    return None if found is None else (found[1], bytes.fromhex(found[2]))


# -- events --------------------------------------------------------------------------------------------------------------


def _shares(
    things: frozenset[str], epcs: Iterable[str], quantities: Iterable[EpcisQuantity]
) -> tuple[Share, ...]:
    return (
        *(Share(item) for item in epcs if item in things),
        *(Share(one.item, one.amount, one.unit or "") for one in quantities if one.item in things),
    )


def _others(
    things: frozenset[str], epcs: Iterable[str], quantities: Iterable[EpcisQuantity]
) -> tuple[Share, ...]:
    """What is named and not followed; a piece without an amount says nothing that could be summed."""
    return (
        *(Share(item) for item in epcs if item not in things),
        *(Share(one.item, one.amount, one.unit or "") for one in quantities if one.item not in things),
    )


def origin_event(placed: Placed, event: Event) -> OriginEvent:
    """An event as the arithmetic sees it; what it names that is no goods and no logistic unit is left out."""
    things = frozenset(event.things)
    # What is shipped is at the read point; a location given beside it is where it goes.
    leaves = event.step in _LEAVES_FROM
    here = (event.read_point or event.biz_location) if leaves else (event.biz_location or event.read_point)
    parent = event.parent if event.parent in things else None
    items = _shares(things, event.epcs, event.quantities) or _shares(
        things, event.children, event.child_quantities
    )
    return OriginEvent(
        record_id=placed.record_id,
        by=placed.record.authority,
        kind=event.kind.value,
        action=event.action or "",
        step=event.step or "",
        time_ms=event.event_time_ms,
        recorded_ms=placed.time_ms,
        order=(placed.index, placed.record_index),
        site="" if here is None else site_of(here),
        items=items,
        parent=parent or "",
        inputs=_shares(things, event.inputs, event.input_quantities),
        outputs=_shares(things, event.outputs, event.output_quantities),
        other_inputs=_others(things, event.inputs, event.input_quantities),
        other_outputs=_others(things, event.outputs, event.output_quantities),
        # The word for "hidden" stands in many events, and connects none of them.
        transactions=tuple(sorted({link.id for link in event.biz_transactions} - {HIDDEN})),
        certificates=event.certification,
    )


def _differences(record: Record, event: Event, *, check_hash: bool) -> tuple[str, ...]:
    body = record.body
    told: dict[str, object] = {
        "kind": event.kind.value,
        "time_ms": event.event_time_ms,
        "things": event.things,
    }
    said: dict[str, object] = {
        "kind": text(body, "kind"),
        "time_ms": integer(body, "time_ms"),
        "things": words(body, "things"),
    }
    found = [name for name, value in told.items() if said[name] != value]
    if "step" in body and body["step"] != event.step:
        found.append("step")
    if check_hash and "event_hash" in body and octets(body, "event_hash") != event_hash(event.json):
        found.append("event_hash")
    return tuple(sorted(found))


# -- things --------------------------------------------------------------------------------------------------------------


class Reading(NamedTuple):
    """What the bytes of an event's record give, wherever the record stands."""

    event: OriginEvent
    differ: tuple[str, ...]
    things: tuple[str, ...]
    hash_checked: bool

    @property
    def weight(self) -> int:
        """How many names it holds: what its size follows from."""
        event = self.event
        others = len(event.other_inputs) + len(event.other_outputs) + len(event.transactions)
        return 4 + len(self.things) + others + len(event.certificates)


class Memory(Protocol):
    """Where readings are kept from one trace to the next: by record id, which is a hash of all that they were read from."""

    def get(self, record_id: bytes) -> Reading | None:
        """What is known of a record."""

    def put(self, record_id: bytes, reading: Reading) -> None:
        """Keep this."""


class Teller:
    """Gathers things by their histories, each event once."""

    def __init__(self, *, check_hashes: bool = True, memory: Memory | None = None) -> None:
        """`check_hashes`: whether each event's hash is computed, which takes longer than all else."""
        self._check_hashes = check_hashes
        self._memory = memory
        self.things: dict[str, Thing] = {}
        self._events: dict[bytes, OriginEvent | None] = {}
        self._sources: dict[bytes, bytes] = {}
        self._identity: dict[tuple[str, bytes], bytes] = {}
        self._declared: dict[tuple[str, bytes], tuple[bytes, str, int]] = {}
        self._errors: dict[bytes, Taken] | None = None
        self._troubled: dict[bytes, Troubled] = {}

    @property
    def events(self) -> int:
        """How many events have been read."""
        return len(self._events)

    def add(self, item: str, history: Sequence[Placed], records: int) -> Thing:
        """Take a thing's history: all of its records, or the first of `records`."""
        self._errors = None
        events: list[bytes] = []
        lots: list[LotClaim] = []
        recalls: list[RecallNotice] = []
        for placed in history:
            name = placed.record.type.name
            if name == CAPTURE:
                self._read(placed)
                events.append(placed.record_id)
            elif name == ERROR:
                body = placed.record.body
                self._declared[placed.record.authority, event_identifier(body)] = (
                    placed.record_id,
                    placed.record.authority,
                    placed.time_ms,
                )
            elif name == CREATE:
                lots.append(_lot_claim(placed))
            elif name in {RECALL, RELEASE}:
                recalls.append(_recall(placed, lifted=name == RELEASE))
        found = self.things[item] = Thing(
            item, tuple(events), tuple(lots), tuple(recalls), records, len(history) == records
        )
        return found

    def _read(self, placed: Placed) -> None:
        record, record_id = placed.record, placed.record_id
        if record_id in self._events:
            return
        self._identity[record.authority, event_identifier(record.body)] = record_id
        known = None if self._memory is None else self._memory.get(record_id)
        if known is None or (self._check_hashes and not known.hash_checked):
            try:
                event = parse(octets(record.body, "event"))
                differ = _differences(record, event, check_hash=self._check_hashes)
            except FormatError:
                self._events[record_id] = None
                self._troubled[record_id] = Troubled(
                    record_id, record.authority, ("unreadable",), words(record.body, "things")
                )
                return
            known = Reading(origin_event(placed, event), differ, event.things, self._check_hashes)
            if self._memory is not None:
                self._memory.put(record_id, known)
        self._events[record_id] = replace(
            known.event, recorded_ms=placed.time_ms, order=(placed.index, placed.record_index)
        )
        self._sources[record_id] = octets(record.body, "event")
        # Whoever looked at the hash before: the answer to one question is always the same.
        differ = tuple(name for name in known.differ if self._check_hashes or name != "event_hash")
        if differ:
            items = sorted({*words(record.body, "things"), *known.things})
            self._troubled[record_id] = Troubled(record_id, record.authority, differ, tuple(items))

    def errors(self) -> Mapping[bytes, Taken]:
        """Events declared errors, by record id."""
        if self._errors is None:
            self._errors = {
                (record_id := self._identity[identity]): Taken(*declared, self._events[record_id])
                for identity, declared in self._declared.items()
                if identity in self._identity
            }
        return self._errors

    def events_of(self, item: str) -> list[OriginEvent]:
        """The events of a thing that can be read and were not taken back."""
        errors = self.errors()
        return [
            event
            for record_id in self.things[item].events
            if record_id not in errors and (event := self._events[record_id]) is not None
        ]

    def story(self, facts: Facts | None = None) -> Story:
        """Everything gathered so far."""
        errors = self.errors()
        return Story(
            things=dict(sorted(self.things.items())),
            events={
                record_id: event
                for record_id, event in sorted(self._events.items())
                if event is not None and record_id not in errors
            },
            errors=errors,
            troubled=tuple(one for _, one in sorted(self._troubled.items())),
            sources=self._sources,
            facts=facts or Facts(),
        )


def _lot_claim(placed: Placed) -> LotClaim:
    body = placed.record.body
    return LotClaim(
        record_id=placed.record_id,
        by=placed.record.authority,
        recorded_ms=placed.time_ms,
        gtin=_maybe(body, "gtin"),
        code=_maybe(body, "code"),
        produced=_maybe(body, "produced"),
        expires=_maybe(body, "expires"),
        quantity=_number(body, "quantity"),
        unit=_maybe(body, "unit"),
        tolerance=_number(body, "tolerance"),
        place=_maybe(body, "place"),
    )


def _recall(placed: Placed, *, lifted: bool) -> RecallNotice:
    body = placed.record.body
    owner, by = text(body, "owner"), placed.record.authority
    return RecallNotice(
        record_id=placed.record_id,
        by=by,
        owner=owner,
        recorded_ms=placed.time_ms,
        order=(placed.index, placed.record_index),
        reason=text(body, "reason"),
        lifted=lifted,
    )


def _maybe(body: Mapping[str, Value], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _number(body: Mapping[str, Value], name: str) -> int | None:
    value = body.get(name)
    return value if isinstance(value, int) else None


# -- facts ---------------------------------------------------------------------------------------------------------------


def fact_subjects(story: Story) -> tuple[Subject, ...]:
    """The subjects whose histories say what the story points to: products, places, certificates; in a fixed order."""
    found: set[Subject] = set()
    for item, one in story.things.items():
        owners = {lot.by for lot in one.lots}
        match item.split("/"):
            case ["01", gtin, *_]:
                makers = {
                    event.by
                    for event in story.events_of(item)
                    if event.action == "ADD" or any(share.item == item for share in event.outputs)
                }
                found |= {product(member, gtin) for member in owners | makers}
            case ["code", member, own, *_]:
                found.add(product(member, own))
        found |= {place(lot.by, lot.place) for lot in one.lots if lot.place}
    for event in story.events.values():
        at = _place_subject(event)
        if at is not None:
            found.add(at)
        for uri in event.certificates:
            named = certificate_of(uri)
            if named is not None:
                found.add(Subject(CERTIFICATE, *named))
    return tuple(sorted(found, key=_subject_key))


def _subject_key(subject: Subject) -> tuple[str, str, str]:
    kind, authority, identifier = subject
    return kind, authority, identifier.hex() if isinstance(identifier, bytes) else identifier


def _place_subject(event: OriginEvent) -> Subject | None:
    match event.site.split("/"):
        case ["414", gln]:
            return place(event.by, gln)
        case ["place", member, code]:
            return place(member, code)
        case _:
            return None


def facts_of(histories: Mapping[Subject, Sequence[Placed]]) -> Facts:
    """What the histories of `fact_subjects` say. Of a place that several members registered the first gives its name."""
    places: dict[str, PlaceFact] = {}
    own_places: dict[tuple[str, str], PlaceFact] = {}
    contested: set[str] = set()
    products: dict[tuple[str, str], ProductFact] = {}
    certificates: dict[str, CertificateFact] = {}
    for subject, history in sorted(histories.items(), key=lambda one: _subject_key(one[0])):
        kind, authority, identifier = subject
        if not history:
            continue
        if kind == CERTIFICATE and isinstance(identifier, bytes):
            fact = _certificate_fact(history)
            if fact is not None:
                certificates[f"urn:sogoc:certificate:{authority}:{identifier.hex()}"] = fact
        elif isinstance(identifier, str) and kind == PRODUCT:
            products[authority, identifier] = _product_fact(history)
        elif isinstance(identifier, str) and kind == PLACE:
            site = (
                f"414/{identifier}" if "gln" in history[0].record.body else f"place/{authority}/{identifier}"
            )
            own = own_places[site, authority] = _place_fact(history)
            known = places.setdefault(site, own)
            if (known.latitude, known.longitude) != (own.latitude, own.longitude):
                contested.add(site)
    return Facts(places, own_places, frozenset(contested), products, certificates)


def _place_fact(history: Sequence[Placed]) -> PlaceFact:
    first = next(one.record for one in history if one.record.type.name == PLACE_REGISTER)
    return PlaceFact(
        name=text(first.body, "name"),
        by=first.authority,
        kind=text(first.body, "kind"),
        address=_maybe(first.body, "address"),
        growing_area=_maybe(first.body, "growing_area"),
        latitude=_number(first.body, "latitude"),
        longitude=_number(first.body, "longitude"),
    )


def _product_fact(history: Sequence[Placed]) -> ProductFact:
    descriptions = [one for one in history if one.record.type.name != PRODUCT_END]
    ended = [one.time_ms for one in history if one.record.type.name == PRODUCT_END]
    newest = descriptions[-1]
    body = newest.record.body
    images, standards = body.get("images"), body.get("standards")
    return ProductFact(
        by=newest.record.authority,
        name=text(body, "name"),
        category=text(body, "category"),
        unit=text(body, "unit"),
        brand=_maybe(body, "brand"),
        ocop=tuple(
            (one.time_ms, _number(one.record.body, "ocop_stars") or 0, _maybe(one.record.body, "ocop_until"))
            for one in descriptions
        ),
        images=tuple(one for one in images if isinstance(one, bytes)) if isinstance(images, list) else (),
        standards=tuple(map(str, standards)) if isinstance(standards, list) else (),
        description=_maybe(body, "description"),
        ended_ms=ended[0] if ended else None,
        record_id=newest.record_id,
    )


def _certificate_fact(history: Sequence[Placed]) -> CertificateFact | None:
    issued = next((one for one in history if one.record.type.name == CERTIFICATE_ISSUE), None)
    if issued is None:
        return None
    until = _maybe(issued.record.body, "valid_until")
    turns = []
    turned = {SUSPEND: SUSPENDED, REVOKE: REVOKED, REINSTATE: IN_FORCE}
    for one in history:
        name = one.record.type.name
        if name == RENEW:
            until = text(one.record.body, "valid_until")
        elif name in turned:
            turns.append((one.time_ms, turned[name]))
    return CertificateFact(_maybe(issued.record.body, "valid_from"), until, issued.time_ms, tuple(turns))
