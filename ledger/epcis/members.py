"""The standard's own members: which stand in an event of which type, and what sensors may report (EPCIS 2.0 §7.4, §7.3.7).

Rules: these tables are what the strict reading asks, here and in the browser: `scripts/browser.py` writes them there.

What this module does not do: read anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.epcis.model import KIND_OF_TYPE, Kind

_COMMON = frozenset(
    {
        "@context",
        "type",
        "eventTime",
        "recordTime",
        "eventTimeZoneOffset",
        "eventID",
        "certificationInfo",
        "errorDeclaration",
        "bizStep",
        "disposition",
        "readPoint",
        "bizLocation",
        "bizTransactionList",
        "sourceList",
        "destinationList",
        "sensorElementList",
    }
)
EVENT_MEMBERS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.OBJECT: _COMMON | {"epcList", "quantityList", "action", "persistentDisposition", "ilmd"},
    Kind.AGGREGATION: _COMMON | {"parentID", "childEPCs", "childQuantityList", "action"},
    Kind.TRANSACTION: _COMMON | {"parentID", "epcList", "quantityList", "action"},
    Kind.TRANSFORMATION: _COMMON
    | {
        "inputEPCList",
        "inputQuantityList",
        "outputEPCList",
        "outputQuantityList",
        "transformationID",
        "ilmd",
    },
    Kind.ASSOCIATION: _COMMON | {"parentID", "childEPCs", "childQuantityList", "action"},
}
STANDARD_TERMS = frozenset().union(
    *EVENT_MEMBERS.values(),
    KIND_OF_TYPE,
    {
        "id",
        "uom",
        "quantity",
        "epcClass",
        "source",
        "destination",
        "bizTransaction",
        "sensorMetadata",
        "sensorReport",
    },
)
METADATA_URIS = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
METADATA_TIMES = ("time", "startTime", "endTime")
REPORT_URIS = (
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "microorganism",
    "chemicalSubstance",
    "coordinateReferenceSystem",
    "uriValue",
)
REPORT_NUMBERS = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
REPORT_TEXTS = ("stringValue", "uom")
REPORT_MEMBERS = frozenset(
    {
        "type",
        "exception",
        "component",
        "time",
        "booleanValue",
        "hexBinaryValue",
        *REPORT_URIS,
        *REPORT_NUMBERS,
        *REPORT_TEXTS,
    }
)
