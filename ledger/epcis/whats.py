"""Which lists an event must hold: what it is about, by its type and action.

Rules: EPCIS 2.0 §7.4.2 to §7.4.6, and the conditions of GS1's own schema. An aggregation or its end names its parent.

What this module does not do: look into the lists (`ledger.epcis.reading`).
"""

from __future__ import annotations

from ledger.epcis.json_text import EpcisError, Json, join
from ledger.epcis.model import Kind


def check_whats(kind: Kind, action: str | None, value: Json, pointer: str) -> None:
    """Raise EpcisError (`epcis.missing`, `epcis.ilmd`) unless an event holds the lists that its type and action need."""

    def has(name: str) -> bool:
        return bool(value.get(name))

    match kind:
        case Kind.OBJECT:
            sensed = has("sensorElementList") and "readPoint" in value
            enough = "epcList" in value or has("quantityList") or sensed
            wanted = "epcList or quantityList"
        case Kind.TRANSACTION:
            enough = "epcList" in value or has("quantityList") or action == "DELETE"
            wanted = "epcList or quantityList"
            if not has("bizTransactionList"):
                raise EpcisError(
                    "epcis.missing",
                    join(pointer, "bizTransactionList"),
                    "a transaction event names its transaction",
                )
        case Kind.AGGREGATION | Kind.ASSOCIATION:
            enough = has("childEPCs") or has("childQuantityList") or action == "DELETE"
            wanted = "childEPCs or childQuantityList"
            if "parentID" not in value and (kind is Kind.ASSOCIATION or action != "OBSERVE"):
                raise EpcisError(
                    "epcis.missing", join(pointer, "parentID"), "the event names what things are in"
                )
        case _:
            made_of = has("inputEPCList") or has("inputQuantityList")
            makes = has("outputEPCList") or has("outputQuantityList")
            enough = (made_of and makes) or ("transformationID" in value and (made_of or makes))
            wanted = "inputs and outputs, or one of them with a transformationID"
    if not enough:
        raise EpcisError("epcis.missing", pointer, f"an event of this type holds {wanted}")
    if kind is Kind.OBJECT and "ilmd" in value and action != "ADD":
        raise EpcisError(
            "epcis.ilmd",
            join(pointer, "ilmd"),
            "data about how things came to be belong to the action ADD",
        )
