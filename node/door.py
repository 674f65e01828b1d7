"""What a node turns away although no rule of the chain forbids it.

Rules: a validator that meets such an entry in another's block takes it all the same: the door binds who takes in, hands on or
proposes.

What this module does not do: judge an entry by the rules of the chain (`ledger.rules`).
"""

from __future__ import annotations

from ledger.errors import RefusedError
from ledger.personal_data import check_public
from ledger.records import Record
from ledger.records.governance import PROPOSE, action_of
from ledger.records.validators import SET
from ledger.rows import StateReader
from ledger.rules import ParsedEntry
from ledger.validators import current_set


def check_door(parsed: ParsedEntry) -> None:
    """What no rule of the chain forbids, and no honest node takes in, hands on or proposes. Raises RefusedError."""
    for record in parsed.records:
        check_public(record)


def check_single(state: StateReader, record: Record) -> None:
    """An engine that orders for one validator: a second one would leave the ledger without a quorum.

    Raises RefusedError (`engine.single`).
    """
    if record.type.name not in {PROPOSE.name, SET.name}:
        return
    action = action_of(record)
    if action.type.name != SET.name:
        return
    names = {validator.name for validator in current_set(state)}
    joins = "validator" in action.body and action.body["validator"] not in names
    if joins != ("leaves" in action.body):
        raise RefusedError(
            "engine.single",
            "this node orders for a ledger of one validator: who joins takes the place of the one there is (`leaves`)",
        )
