"""Papers: certificates rendered as PDF, and codes stamped on papers that exist.

Needs the extra `papers` (typst, pypdf); `ledger` and `node` know nothing of it.
"""

from __future__ import annotations
