"""Who acts for whom, once authorities have been merged, split, renamed or abolished.

Rules (docs/spec.md, "Succession"): a member's row names its successors and the chain time at which it ended. From then on
each successor, and theirs, may act for it where a record type allows that. A walk visits at most `MAX_MEMBERS` members.

What this module does not do: judge who may declare a succession (`ledger.records.succession`), or read anything itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from ledger.rows import MemberRow

MAX_MEMBERS = 16
"""Most members that one walk along successors visits; whoever stands behind that is no known successor."""


def line_of(member: str, row_of: Callable[[str], MemberRow | None]) -> dict[str, MemberRow]:
    """The rows of `member` and of those who succeed it, each once, nearest first, at most `MAX_MEMBERS`.

    `row_of` gives a member's row, or None if it has none; such a member is left out.
    """
    found: dict[str, MemberRow] = {}
    waiting = deque([member])
    while waiting and len(found) < MAX_MEMBERS:
        name = waiting.popleft()
        row = None if name in found else row_of(name)
        if row is not None:
            found[name] = row
            waiting.extend(row.successors)
    return found


def acts_for(author: str, authority: str, rows: Mapping[str, MemberRow], time_ms: int) -> bool:
    """Whether `author` may act for `authority` at chain time `time_ms`: it is that member, or succeeds it by now.

    `rows`: what `line_of` found for the authority. Every member on the way must have ended.
    """
    if author == authority:
        return True
    reached, waiting = {authority}, deque([authority])
    while waiting:
        row = rows.get(waiting.popleft())
        if row is None or row.ended_ms is None or time_ms < row.ended_ms:
            continue
        if author in row.successors and author in rows:
            return True
        for name in row.successors:
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return False
