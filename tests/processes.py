"""Processes that tests start and kill."""

from __future__ import annotations

import os


def to_be_killed(**more: str) -> dict[str, str]:
    """The environment of a process that ends by SIGKILL: it can save no coverage, so gathering it would only slow it down."""
    return {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"} | more
