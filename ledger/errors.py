"""The failures this library promises to raise, and nothing else.

Rules: every error names the rule that was broken (`rule`, a stable dotted code that programs may match) and says in one
plain sentence what was found (`detail`). A programming mistake is not wrapped: it surfaces as itself.

The families differ in what a caller may conclude:

* `FormatError`: the bytes or text are not of the format at all.
* `VerificationError`: well formed, and provably wrong.
* `CannotTellError`: neither right nor wrong to this verifier (an unknown version, type, key, or a missing proof).
  Showing this as a forgery would be a false alarm.
* `RefusedError`: the chain rules do not admit an entry, for ever (`permanent`) or only for now.
* `StoreError`: the disk did not give back what was put there, or cannot take more.
"""

from __future__ import annotations


class LedgerError(Exception):
    """Base of all expected failures: `rule` is a stable dotted code, `detail` a sentence for people."""

    signed_by: bytes | None = None
    """Of an entry that is refused though its signature is good: the public key that signed it."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{detail} [{rule}]")
        self.rule = rule
        self.detail = detail

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders when an audit runs on several workers.
        return (_restore, (type(self), dict(self.__dict__), self.args))


def _restore(kind: type[LedgerError], attributes: dict[str, object], args: tuple[object, ...]) -> LedgerError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(attributes)
    return error


class FormatError(LedgerError):
    """Bytes or text that do not follow the format."""


class VerificationError(LedgerError):
    """Well-formed evidence that does not match; carries what was expected and what was found, where there are such."""

    def __init__(
        self, rule: str, detail: str, *, expected: bytes | None = None, got: bytes | None = None
    ) -> None:
        if expected is not None and got is not None:
            detail = f"{detail}: expected {expected.hex()}, got {got.hex()}"
        super().__init__(rule, detail)
        self.expected = expected
        self.got = got


class CannotTellError(LedgerError):
    """Evidence that this verifier cannot judge: an unknown version, type or key, or a part that is missing."""


class RefusedError(LedgerError):
    """The chain rules refuse an entry. `permanent`: no later state can admit it; otherwise it may wait."""

    def __init__(self, rule: str, detail: str, *, permanent: bool = True) -> None:
        super().__init__(rule, detail)
        self.permanent = permanent


class StoreError(LedgerError):
    """The store cannot be read or written as it must be; the node stops and says what to do."""


class StoreLockedError(StoreError):
    """Another process has the store open."""


class StoreCorruptError(StoreError):
    """Stored bytes are missing or are not the bytes that were written."""


class StoreVersionError(StoreError):
    """The store was written by a format this program does not know (a downgrade), or is not a ledger store."""
