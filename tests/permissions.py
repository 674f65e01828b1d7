"""File permissions bind root as well, for a while: tests of what may not be written need no other user."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_VERSION_3: Final = 0x20080522
_OVERRIDES: Final = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7))."""
_WORDS: Final = 6
"""Two times what is effective, permitted and inheritable, 32 bits each."""


def _call(name: str, words: ctypes.Array[ctypes.c_uint32]) -> None:
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    if getattr(ctypes.CDLL(None, use_errno=True), name)(header, words) != 0:
        raise OSError(ctypes.get_errno(), f"{name} failed")


@contextmanager
def obeyed() -> Iterator[None]:
    """This thread, and those that it starts meanwhile, may open only what permissions allow, whoever they run as."""
    if os.geteuid() != 0:
        yield
        return
    words = (ctypes.c_uint32 * _WORDS)()
    _call("capget", words)
    before = words[0]
    words[0] = before & ~_OVERRIDES
    _call("capset", words)
    try:
        yield
    finally:
        words[0] = before
        _call("capset", words)
