"""The verification core: is this whole ledger what it says it is?

* `audit` checks a ledger from its first leaf to its last, at one of three levels, and names the first fault.
* `ledger.verify.sources` are the places a ledger can be read from: a store, an export, a node.

Modules, each importing only those above it: `report` (what is answered), `segments` (256 leaves, checked one by one),
`pieces` (fewer of them, where they are long), `quick` (the same, fast), `changes` (rows as they are stored), `lookups` (index
rows, by a sum), `trust` (policy and genesis), `ahead` and `replay` (the chain rules), `stored` (a store's rows),
`reading`, `linking` (what goes across segments), `audit`.
"""

from ledger.verify.audit import audit
from ledger.verify.report import AuditFailure, AuditReport, Level
from ledger.verify.sources.base import LogSource

__all__ = ["AuditFailure", "AuditReport", "Level", "LogSource", "audit"]
