"""From a document that business software sends to what the journal takes.

Rules: each event is read strictly by itself; what is private is taken out of it here, before anything is written that leaves
the
machine; its whole form is sealed before the event is acknowledged. An event that carries an error declaration is two things:
the event, if the ledger has it not yet, and the declaration.

What this module does not do: sign, or speak to a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.gateway.journal import Fault, Job, Journal, Kind, New
from api.gateway.privacy import Privacy
from api.gateway.sealed import Kept, Sealed
from ledger.encoding import Value, encode
from ledger.epcis.document import parse_document
from ledger.epcis.json_text import Json
from ledger.epcis.reading import read_event
from ledger.epcis.record import Prepared, error_body, identifier, prepare
from ledger.errors import FormatError, LedgerError

_NOBODY = "-"
"""Stands for the authority until a node has said for whom the key acts."""


class CaptureRefusedError(FormatError):
    """Events of a document are wrong, and so nothing of it was taken."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """`faults`: at least one."""
        super().__init__(faults[0].rule, faults[0].detail)
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Capturer:
    """Takes documents."""

    journal: Journal
    sealed: Sealed
    secret: bytes
    privacy: Privacy

    def capture(
        self, data: bytes, *, proceed: bool, time_ms: int, single: bool = False
    ) -> tuple[Job, tuple[str, ...]]:
        """Take the events of a document, durably; with `single`, one event by itself.

        Returns the job, and what the events taken are called.

        Raises FormatError for a document that cannot be read, CaptureRefusedError for events that cannot, unless `proceed` asks
        for the others; StoreError if it cannot be written: then nothing was taken.
        """
        document = parse_document(data)
        if single and not document.bare:
            raise FormatError(
                "epcis.type", "one event by itself is taken here; documents are captured at /capture"
            )
        items: list[New] = []
        kept: list[Kept] = []
        faults: list[Fault] = []
        names: list[str] = []
        for place, (pointer, value) in enumerate(document.events):
            try:
                made, new, private = self._read(document.event(value, pointer), pointer, place)
            except LedgerError as error:
                faults.append(Fault(place, error.rule, error.detail))
                continue
            items += new
            kept += private
            names.append(identifier(made.body))
        if faults and not proceed:
            raise CaptureRefusedError(faults)
        # First what proves the hidden parts, then the promise: never the other way round.
        self.sealed.append(one for one in kept if self.journal.fate(Kind.EVENT, one.identity) is None)
        job = self.journal.take(
            items,
            faults,
            total=len(items) + len(faults),
            proceed=proceed,
            time_ms=time_ms,
            described=sum(len(one.get("vocabularyElementList", ())) for one in document.vocabularies),
        )
        return job, tuple(names)

    def _read(self, event: Json, pointer: str, place: int) -> tuple[Prepared, list[New], list[Kept]]:
        declared = "errorDeclaration" in event
        if declared:
            read_event(event, pointer)
        bare = {name: value for name, value in event.items() if name != "errorDeclaration"}
        hide_parts = self.privacy.parts(bare)
        made = prepare(_NOBODY, bare, hide_parts=hide_parts, secret=self.secret, pointer=pointer)
        identity = _identity(made)
        items = []
        if not declared or self.journal.fate(Kind.EVENT, identity) is None:
            items.append(New(Kind.EVENT, identity, _without_authority(made.body), place))
        if declared:
            body = error_body(_NOBODY, event, hide_parts=hide_parts, secret=self.secret)
            items.append(New(Kind.ERROR, identity, _without_authority(body), place))
        kept = (
            [Kept(identity, tuple(part.pointer for part in made.hidden), made.whole)] if made.hidden else []
        )
        return made, items, kept


def _identity(made: Prepared) -> bytes:
    identity = made.body.get("event_tag", made.digest)
    if not isinstance(identity, bytes):
        raise TypeError("a tag is bytes")
    return identity


def _without_authority(body: dict[str, Value]) -> bytes:
    return encode({name: value for name, value in body.items() if name != "authority"})
