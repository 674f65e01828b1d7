"""What an engine has voted on, and the height below which it must not vote again (`priv_validator_state.json`).

Rules: an engine that has lost this file, with its machine, could vote twice on one block. So a validator that is restored votes
on nothing before the others are past every height at which it may have voted: it is *held* there, by a state that says that it
has voted in the last round there is. It follows all the same, and votes when that height is behind it.

The file's form is CometBFT's (privval/file.go); a height of 0 is an engine that has never voted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from ledger.errors import StoreError
from node.safe_files import put_file

HELD_HEIGHTS: Final = 2
"""A validator that was ahead may have voted on the block after the one that the others were voting on."""
_LAST_ROUND: Final = 2**31 - 1
_PRECOMMIT: Final = 3


def never_voted(path: Path) -> bool:
    """Whether the file is not there, or says that nothing was voted on. Raises StoreError (`engine.voted`)."""
    return not path.exists() or _read(path)[0] == 0


def hold(path: Path, height: int) -> None:
    """Let the engine vote on nothing up to `height`. Raises StoreError."""
    _write(path, height, _LAST_ROUND, _PRECOMMIT)


def held_to(path: Path) -> int:
    """The height up to which `hold` has held the engine; 0 if it has not, or if the engine has voted since.

    Raises StoreError (`engine.voted`).
    """
    if not path.exists():
        return 0
    height, vote_round = _read(path)
    return height if vote_round == _LAST_ROUND else 0


def let_vote(path: Path) -> None:
    """Let the engine vote on whatever comes. Raises StoreError."""
    _write(path, 0, 0, 0)


def _write(path: Path, height: int, vote_round: int, step: int) -> None:
    put_file(path, json.dumps({"height": str(height), "round": vote_round, "step": step}).encode())


def _read(path: Path) -> tuple[int, int]:
    try:
        value = json.loads(path.read_bytes())
        return int(value["height"]), int(value.get("round", 0))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError("engine.voted", f"cannot read what the engine has voted on, in {path}") from error
