"""Which release of the program this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def program_version() -> str:
    """Version of the installed package; "unknown" where the checkout is run without being installed."""
    try:
        return version("sogoc")
    except PackageNotFoundError:
        return "unknown"
