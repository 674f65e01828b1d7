"""What a check of a node finds, and how bad it is.

Rules: a finding says what is so and what to do about it, in Vietnamese and English, since an operator reads it when something
is already wrong. Its `check` is a stable code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    WARNING = "warning"
    """Works, and will not for long, or not safely."""
    ERROR = "error"
    """Does not work, or must not go on like this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. Texts are "Vietnamese / English"."""

    check: str
    """Stable code, such as `disk.space`."""
    severity: Severity
    message: str
    remedy: str = ""


def good(check: str, message: str) -> Finding:
    """Nothing is wrong here."""
    return Finding(check, Severity.GOOD, message)


def warning(check: str, message: str, remedy: str) -> Finding:
    """Something will go wrong."""
    return Finding(check, Severity.WARNING, message, remedy)


def error(check: str, message: str, remedy: str) -> Finding:
    """Something is wrong."""
    return Finding(check, Severity.ERROR, message, remedy)
