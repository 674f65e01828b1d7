"""`python -m tests.small_chunks …` is `sogoc …` that proves and executes a hundred leaves at a time, so that small ledgers do
for large ones.
"""

from __future__ import annotations

from api import cli
from node import following

if __name__ == "__main__":
    following.CHUNK_LEAVES = 100  # type: ignore[misc]
    cli.main()
