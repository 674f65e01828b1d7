"""The state: a sparse Merkle tree of key -> value, hashed as the ICS-23 `SmtSpec` says.

* `update` sets a block's rows and returns the new root and the pages to write. Rows are never deleted.
* `prove` shows that a row is there or that a key has none; `verify_membership` and `verify_absence` check it offline.
* `ics23_proof` gives the same in the form of ICS-23, for any verifier of it.

Modules, each importing only those above it: `nodes` (hashing), `pages` (what is stored), `tree` (changing), `walk`
(reading), `proof`, `ics23`. What the rows mean is `ledger.rows`; where pages and rows are kept is `ledger.store`.
No I/O, clock or randomness.
"""

from ledger.state.ics23 import ics23_proof
from ledger.state.nodes import EMPTY as EMPTY_STATE_ROOT
from ledger.state.nodes import RECORD_SIZE, leaf_record, leaf_records
from ledger.state.pages import PageSource
from ledger.state.proof import RowReader, StateProof, prove, verify_absence, verify_membership
from ledger.state.tree import Update, update, update_records

__all__ = [
    "EMPTY_STATE_ROOT",
    "RECORD_SIZE",
    "PageSource",
    "RowReader",
    "StateProof",
    "Update",
    "ics23_proof",
    "leaf_record",
    "leaf_records",
    "prove",
    "update",
    "update_records",
    "verify_absence",
    "verify_membership",
]
