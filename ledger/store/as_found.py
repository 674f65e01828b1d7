"""The files of a database as they were found, kept until it is known that opening it has lost nothing.

LevelDB deletes, on opening, every file that it believes to be of no more use. Where a fault makes it believe wrong,
that would be the last copy.

Not here: telling whether something was lost (`ledger.store.database`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

KEPT: Final = "as-found"
"""Directory with hard links to the files as they were before LevelDB opened them; left behind only if something is
wrong."""


def keep_files(path: Path) -> bool:
    """Give the database's files second names, since LevelDB deletes on opening what it believes to be of no more
    use.

    Returns whether this call made them.

    What an earlier opening left there is from closer to the fault, and stays. On file systems without hard links,
    and when another process deletes a file meanwhile, fewer files are kept; the checks do not rely on them.
    """
    kept = path / KEPT
    try:
        kept.mkdir(mode=0o700)
    except OSError:
        return False
    try:
        for child in path.iterdir():
            if child.is_file() and child.name != "LOCK" and not child.name.startswith("LOG"):
                os.link(child, kept / child.name)
    except OSError:
        return True
    return True


def drop_files(path: Path) -> None:
    """Remove what `keep_files` made in the directory `path`: the database is as it was left."""
    shutil.rmtree(path / KEPT, ignore_errors=True)
