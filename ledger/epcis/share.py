"""The file that shows hidden parts of an event to one reader: `.sogoc-share`.

Rules: a share is the canonical encoding of

    [1, receipt, [[index, pointer, value text, check, [path, …]], …]]

`receipt` is the text of the receipt of the event's record. Whoever reads it needs a policy and no network: the receipt proves
the record, the record holds the commitment, and each part shown is proved to be behind it. Nothing is believed before that.
The verdict is the record's own: an event that was declared an error since is "authentic, no longer in force".

What this module does not do: read a file, or say whether the receipt is fresh enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

from ledger.claims import Claim
from ledger.encoding import Value, decode, encode
from ledger.epcis import record as event_record
from ledger.epcis.hiding import MAX_HIDDEN, MAX_VALUE_BYTES, Hidden, Shown, reveal, verify
from ledger.epcis.json_text import Json
from ledger.epcis.model import Event
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.policy import Trust
from ledger.proofs import MAX_PROOF_HASHES
from ledger.receipt import VerifiedReceipt
from ledger.receipt import verify as verify_receipt
from ledger.records.base import integer, octets
from ledger.records.events import CAPTURE
from ledger.tlog_proof import MAX_PROOF_BYTES
from ledger.verdict import Judgement, Verdict, judge_receipt

SHARE_SUFFIX: Final = ".sogoc-share"
SHARE_VERSION: Final = 1
MAX_FILE_BYTES: Final = MAX_PROOF_BYTES + 2_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """A share as it came: well formed, and nothing in it believed."""

    receipt: str
    parts: tuple[Shown, ...]

    def encoded(self) -> bytes:
        """The file's bytes."""
        parts: list[Value] = [
            [item.index, item.part.pointer, item.part.text, item.mac, list(item.path)] for item in self.parts
        ]
        return encode([SHARE_VERSION, self.receipt, parts])

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a share. Raises FormatError (`share.shape`), or CannotTellError for a version that is not known."""
        value = decode(data, max_bytes=MAX_FILE_BYTES)
        if not isinstance(value, list) or not value:
            raise _shape("it is an array")
        if value[0] != SHARE_VERSION or isinstance(value[0], bool):
            raise CannotTellError("share.version", f"share version {value[0]!r:.40} is not known here")
        match value:
            case [_, str() as receipt, list() as parts] if 1 <= len(parts) <= MAX_HIDDEN:
                return cls(receipt, tuple(_part(part) for part in parts))
            case _:
                raise _shape("it holds a receipt's text and a list of parts")


@dataclass(frozen=True, slots=True)
class SharedEvent:
    """What a share proves."""

    receipt: VerifiedReceipt
    event: Event
    """As everybody sees it."""
    shown: tuple[Hidden, ...]
    """The parts that are shown here."""
    hidden: int
    """How many parts the event keeps back, those shown among them."""

    @property
    def revealed(self) -> Json:
        """The event with the parts that are shown. Where others of a list stay hidden, elements stand closer together."""
        return reveal(self.event.json, self.shown)


def check(share: Share, policy: Trust) -> SharedEvent:
    """Check a share offline.

    Raises FormatError, CannotTellError, or VerificationError: `receipt.*` and what else a receipt's check raises,
    `share.record` if it is no event with hidden parts, `event.mismatch`, `share.proof`.
    """
    receipt = verify_receipt(share.receipt, policy)
    record = receipt.record
    if record.type.name != CAPTURE or "hidden_root" not in record.body:
        raise VerificationError("share.record", "the receipt is not of an event with hidden parts")
    event = event_record.read(record.body)
    count = integer(record.body, "hidden_count")
    verify(share.parts, octets(record.body, "hidden_root"), count)
    return SharedEvent(receipt, event, tuple(item.part for item in share.parts), count)


def judge(data: bytes, policy: Trust, *, now_ms: int | None = None) -> Judgement:
    """The verdict on a share's bytes; the parts shown are its claims, by their JSON pointers.

    `now_ms`: the reader's clock, as for every verdict.
    """
    try:
        share = Share.parse(data)
    except (CannotTellError, FormatError) as error:
        return Judgement(Verdict.CANNOT_TELL, error.rule, error.detail)
    judgement = judge_receipt(share.receipt, policy, now_ms=now_ms)
    if judgement.proved is None:
        return judgement
    try:
        shared = check(share, policy)
    except CannotTellError as error:
        return Judgement(Verdict.CANNOT_TELL, error.rule, error.detail)
    except (FormatError, VerificationError) as error:
        return Judgement(Verdict.DOES_NOT_MATCH, error.rule, error.detail, proved=judgement.proved)
    return replace(judgement, claims=tuple(Claim(*part) for part in shared.shown))


def _part(value: Value) -> Shown:
    match value:
        case [int() as index, str() as pointer, str() as text, bytes() as mac, list() as path] if (
            not isinstance(index, bool) and index >= 0 and len(path) <= MAX_PROOF_HASHES
        ):
            hashes = tuple(step for step in path if isinstance(step, bytes))
            if len(hashes) == len(path) and len(text) <= MAX_VALUE_BYTES:
                return Shown(index, Hidden(pointer, text), mac, hashes)
    raise _shape("a part is [index, pointer, value, check, path]")


def _shape(what: str) -> FormatError:
    return FormatError("share.shape", f"this is no share of an event: {what}")
