"""Documents by number and symbol, out of the index that the ledger keeps of them (`ledger.records.numbering`).

Rules: the newest year first, and in a year what was recorded last. Nothing is left out for its age; a search costs a walk over
the rows of that number, a few bytes each, and reads no record.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from ledger.records.documents import authority_tag
from ledger.records.numbering import SYMBOL_TAG_SIZE, YEAR_SIZE, number_prefix, symbol_tag
from ledger.rules import Place
from node.receipts import FinalView, parse_place


def numbered(
    final: FinalView, number: str, symbol: str | None = None, authority: str | None = None, *, limit: int
) -> list[Place]:
    """Where the newest `limit` documents with a number stand; `symbol` and `authority` narrow it.

    An absent symbol asks for any; the empty one for papers without.
    """
    prefix = number_prefix(number)
    found: list[Place] = []
    for year in final.view.lookup_groups(prefix, YEAR_SIZE):
        rows = _rows(final, prefix + year, symbol, authority)
        found += heapq.nlargest(limit - len(found), rows, key=lambda one: (one.index, one.record_index))
        if len(found) >= limit:
            break
    return found


def _rows(final: FinalView, prefix: bytes, symbol: str | None, authority: str | None) -> Iterator[Place]:
    whose = b"" if authority is None else authority_tag(authority)
    if symbol is not None:
        prefixes: Iterator[bytes] = iter((prefix + symbol_tag(symbol) + whose,))
    elif authority is None:
        prefixes = iter((prefix,))
    else:
        tags = final.view.lookup_groups(prefix, SYMBOL_TAG_SIZE)
        prefixes = (prefix + tag + whose for tag in tags)
    for one in prefixes:
        for _, value in final.view.lookup(one):
            yield parse_place(value)
