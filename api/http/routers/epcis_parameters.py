"""How the description of the HTTP interface names the parameters of EPCIS queries.

Rules: those that stand by themselves are described; docs/epcis.md has all, with those whose names hold a type, a unit or a name
of somebody's own.
"""

from __future__ import annotations

from typing import Any, Final

from api.epcis.items import MATCHES
from api.epcis.query import MAX_PAGE


def _parameter(name: str, what: str, **schema: object) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": what,
        "schema": {"type": "string", "maxLength": 2_000} | schema,
    }


_MATCHED = [_parameter(name, "URIs of items, separated by commas.") for name in MATCHES]
PAGING = [
    _parameter("perPage", f"Events of a page; at most {MAX_PAGE} come.", type="integer", minimum=1),
    _parameter("nextPageToken", "Out of an earlier page's `Link`."),
]
QUERY_PARAMETERS: Final = {
    "parameters": [
        {
            "name": "GS1-Extensions",
            "in": "header",
            "description": "What prefixes in names of members of one's own stand for.",
            "schema": {"type": "string", "maxLength": 2_000},
            "example": "example=https://ns.example.com/epcis/",
        },
        _parameter("eventType", "Event types, separated by commas.", examples=["ObjectEvent"]),
        _parameter("GE_eventTime", "From this time on.", format="date-time"),
        _parameter("LT_eventTime", "Before this time.", format="date-time"),
        _parameter("GE_recordTime", "Recorded from this chain time on.", format="date-time"),
        _parameter("LT_recordTime", "Recorded before this chain time.", format="date-time"),
        _parameter("EQ_action", "ADD, OBSERVE or DELETE."),
        _parameter("EQ_bizStep", "Business steps: bare words, or addresses of your own."),
        _parameter("EQ_disposition", "Dispositions, likewise."),
        _parameter("EQ_readPoint", "URIs of places."),
        _parameter("EQ_bizLocation", "URIs of places."),
        _parameter("EQ_transformationID", "URIs."),
        _parameter(
            "EQ_eventID", "Identifiers of events: hashes are found at once, others by looking through."
        ),
        *_MATCHED,
        _parameter("EXISTS_errorDeclaration", "Only events that were declared to be in error."),
        _parameter("orderBy", "In which order.", enum=["eventTime", "recordTime"]),
        _parameter("orderDirection", "Newest first (DESC), or last.", enum=["ASC", "DESC"]),
        _parameter("WD_readPoint", "URIs of places: these, or places within them."),
        _parameter("WD_bizLocation", "URIs of places: these, or places within them."),
        _parameter("EQ_persistentDisposition_set", "Dispositions that the event sets."),
        _parameter("EQ_persistentDisposition_unset", "Dispositions that the event unsets."),
        _parameter(
            "GE_errorDeclarationTime", "Declared to be in error from this time on.", format="date-time"
        ),
        _parameter(
            "LT_errorDeclarationTime", "Declared to be in error before this time.", format="date-time"
        ),
        _parameter("EQ_errorReason", "Reasons for error declarations."),
        _parameter("EQ_correctiveEventID", "Identifiers of events that stand in place of the one in error."),
        _parameter(
            "maxEventCount",
            "Where more events answer, none are given: 413 `epcis.query-too-large`.",
            type="integer",
            minimum=1,
        ),
        _parameter("eventCountLimit", "Events of all pages together.", type="integer", minimum=1),
        _parameter("EXISTS_sensorElementList", "Only events in which a sensor reported something."),
        _parameter(
            "EQ_type",
            "What a sensor measured; docs/epcis.md has the other parameters on sensors and members.",
        ),
        *PAGING,
    ]
}
