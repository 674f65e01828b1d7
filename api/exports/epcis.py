"""The events of a trace as one EPCIS 2.0 document (JSON-LD), as they stand on the ledger."""

from __future__ import annotations

from ledger.epcis.document import document
from ledger.epcis.reading import parse
from ledger.origin.graph import Exploration
from ledger.origin.trace import events_of

MEDIA_TYPE = "application/ld+json"


def document_of(found: Exploration) -> bytes:
    """All events of the things in a trace, in order of happening, without those that were declared errors."""
    return document(parse(found.story.sources[event.record_id]) for event in events_of(found))
