"""What shows hidden parts of an event to one reader: a file (`.sogoc-share`), or a link.

Rules: a share is the canonical encoding of

    [2, evidence, [[index, pointer, value text, check, [path, …]], …], nil | [reader, time_ms, key, signature]]

In a file `evidence` is the text of the receipt of the event's record: whoever reads it needs a policy and no network. In a
link it is the record's id (32 bytes), and the receipt, which is public, is fetched from any node; the share stands behind the
link's `#` in base64url, and no browser sends that to a server. The receipt proves the record, the record holds the commitment,
and each part shown is proved to be behind it. Nothing is believed before that. Version 1, `[1, receipt, parts]`, is read too.

The last item says for whom the share was made. Its signature (context `sogoc/v1/share`) is over

    [record_id, reader, time_ms, [[pointer, value text], …]]

so who passes a share on cannot put in another name. By the key that recorded the event it proves who showed this to whom; by
any other key it is somebody's word. The verdict is the record's own: an event that was declared an error since is "authentic,
no longer in force".

What this module does not do: read a file, fetch a receipt, or say whether one is fresh enough.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Self

from ledger.claims import Claim
from ledger.encoding import Value, decode, encode
from ledger.epcis import record as event_record
from ledger.epcis.hiding import MAX_HIDDEN, MAX_VALUE_BYTES, Hidden, Shown, reveal, verify
from ledger.epcis.json_text import Json
from ledger.epcis.model import Event
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.hashing import HASH_SIZE, SHARE, signed_message
from ledger.keys import SigningKey
from ledger.keys import verify as verify_signature
from ledger.policy import Trust
from ledger.proofs import MAX_PROOF_HASHES
from ledger.receipt import VerifiedReceipt
from ledger.receipt import verify as verify_receipt
from ledger.records.base import integer, octets
from ledger.records.events import CAPTURE
from ledger.tlog_proof import MAX_PROOF_BYTES
from ledger.verdict import Judgement, Verdict, judge_receipt

SHARE_SUFFIX: Final = ".sogoc-share"
SHARE_VERSION: Final = 2
_OLD_VERSION: Final = 1
MAX_FILE_BYTES: Final = MAX_PROOF_BYTES + 2_000_000
PAGE: Final = "/chia-se"
"""The page that opens a share, whose fragment a link carries."""
MAX_LINK_LETTERS: Final = 8_000
"""Letters behind a link's `#`: what mail and messages carry whole. What has more goes as a file."""
MAX_READER_LETTERS: Final = 200
_KEY_SIZE, _SIGNATURE_SIZE = 32, 64
_LETTERS = re.compile(r"[A-Za-z0-9_-]+")


class Addressee(NamedTuple):
    """For whom a share was made, as whoever made it signed."""

    reader: str
    time_ms: int
    """By the clock of whoever made it; milliseconds since the epoch."""
    key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Share:
    """A share as it came: well formed, and nothing in it believed."""

    evidence: str | bytes
    """The receipt's text, or the id of the record whose receipt is to be had."""
    parts: tuple[Shown, ...]
    addressee: Addressee | None = None

    def encoded(self) -> bytes:
        """The file's bytes."""
        parts: list[Value] = [
            [item.index, item.part.pointer, item.part.text, item.mac, list(item.path)] for item in self.parts
        ]
        told: Value = None if self.addressee is None else list(self.addressee)
        return encode([SHARE_VERSION, self.evidence, parts, told])

    def link(self, site: str) -> str:
        """The address that shows this, at a ledger's pages. Raises FormatError (`share.link`, `share.link-size`)."""
        if not isinstance(self.evidence, bytes):
            raise FormatError("share.link", "a link has the record's id, and no receipt")
        letters = base64.urlsafe_b64encode(self.encoded()).rstrip(b"=").decode()
        if len(letters) > MAX_LINK_LETTERS:
            raise FormatError(
                "share.link-size",
                f"a link has at most {MAX_LINK_LETTERS} letters, and these parts make {len(letters)}: send them as a file",
            )
        return f"{site.rstrip('/')}{PAGE}#{letters}"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a share. Raises FormatError (`share.shape`), or CannotTellError for a version that is not known."""
        value = decode(data, max_bytes=MAX_FILE_BYTES)
        if not isinstance(value, list) or not value:
            raise _shape("it is an array")
        if isinstance(value[0], bool) or value[0] not in {_OLD_VERSION, SHARE_VERSION}:
            raise CannotTellError("share.version", f"share version {value[0]!r:.40} is not known here")
        match value:
            case [1, str() as receipt, list() as parts] if 1 <= len(parts) <= MAX_HIDDEN:
                return cls(receipt, tuple(_part(part) for part in parts))
            case [2, str() | bytes() as evidence, list() as parts, told] if 1 <= len(parts) <= MAX_HIDDEN:
                if isinstance(evidence, bytes) and len(evidence) != HASH_SIZE:
                    raise _shape("a record's id has 32 bytes")
                return cls(
                    evidence,
                    tuple(_part(part) for part in parts),
                    None if told is None else _addressee(told),
                )
            case _:
                raise _shape(
                    "it holds a receipt's text or a record's id, a list of parts, and for whom they are"
                )


def share_of_link(link: str) -> Share:
    """The share that a link carries. Raises FormatError (`share.link`, `share.shape`), CannotTellError (`share.version`)."""
    _, _, letters = link.partition("#")
    if not _LETTERS.fullmatch(letters) or len(letters) > MAX_LINK_LETTERS:
        raise FormatError("share.link", "this link carries nothing that is shown: part of it may be missing")
    try:
        data = base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
    except (binascii.Error, ValueError) as error:
        raise FormatError(
            "share.link", "this link carries nothing that is shown: part of it may be missing"
        ) from error
    return Share.parse(data)


def address(
    reader: str, time_ms: int, record_id: bytes, parts: Sequence[Shown], key: SigningKey
) -> Addressee:
    """Sign for whom parts are shown. Raises FormatError (`share.reader-name`) for a name of no or too many letters."""
    if not 1 <= len(reader) <= MAX_READER_LETTERS or reader != reader.strip():
        raise FormatError("share.reader-name", f"a reader's name has 1 to {MAX_READER_LETTERS} letters")
    return Addressee(reader, time_ms, key.public_key, key.sign(_statement(reader, time_ms, record_id, parts)))


def _statement(reader: str, time_ms: int, record_id: bytes, parts: Sequence[Shown]) -> bytes:
    shown: list[Value] = [[item.part.pointer, item.part.text] for item in parts]
    return signed_message(SHARE, encode([record_id, reader, time_ms, shown]))


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
    addressee: Addressee | None = None
    """For whom, and its signature is good."""

    @property
    def revealed(self) -> Json:
        """The event with the parts that are shown. Where others of a list stay hidden, elements stand closer together."""
        return reveal(self.event.json, self.shown)

    @property
    def is_by_author(self) -> bool:
        """Whether the key that recorded the event signed for whom this is."""
        return self.addressee is not None and self.addressee.key == self.receipt.author_key


def check(share: Share, policy: Trust, *, receipt_text: str | None = None) -> SharedEvent:
    """Check a share offline; `receipt_text` is the record's receipt, for a share that came by link, or a newer one.

    Raises FormatError, CannotTellError (`share.no-receipt`), or VerificationError: what a receipt's check raises;
    `share.record` if it is of another record, or of no event with hidden parts; `event.mismatch`, `share.proof`,
    `share.reader`.
    """
    receipt = verify_receipt(_receipt_text(share, receipt_text), policy)
    record = receipt.record
    if isinstance(share.evidence, bytes) and receipt.record_id != share.evidence:
        raise VerificationError("share.record", "the receipt is of another record than the one that is shown")
    if record.type.name != CAPTURE or "hidden_root" not in record.body:
        raise VerificationError("share.record", "the receipt is not of an event with hidden parts")
    event = event_record.read(record.body)
    count = integer(record.body, "hidden_count")
    verify(share.parts, octets(record.body, "hidden_root"), count)
    told = share.addressee
    if told is not None:
        message = _statement(told.reader, told.time_ms, receipt.record_id, share.parts)
        try:
            verify_signature(told.key, told.signature, message)
        except VerificationError as error:
            raise VerificationError(
                "share.reader", f"what it says of whom it is for was not signed like this: {error.detail}"
            ) from error
    return SharedEvent(receipt, event, tuple(item.part for item in share.parts), count, told)


def judge(
    data: bytes, policy: Trust, *, now_ms: int | None = None, receipt_text: str | None = None
) -> Judgement:
    """The verdict on a share's bytes; the parts shown are its claims, by their JSON pointers.

    `now_ms`: the reader's clock, as for every verdict. `receipt_text`: as for `check`.
    """
    try:
        share = Share.parse(data)
        text = _receipt_text(share, receipt_text)
    except (CannotTellError, FormatError) as error:
        return Judgement(Verdict.CANNOT_TELL, error.rule, error.detail)
    judgement = judge_receipt(text, policy, now_ms=now_ms)
    if judgement.proved is None:
        return judgement
    try:
        shared = check(share, policy, receipt_text=text)
    except CannotTellError as error:
        return Judgement(Verdict.CANNOT_TELL, error.rule, error.detail)
    except (FormatError, VerificationError) as error:
        return Judgement(Verdict.DOES_NOT_MATCH, error.rule, error.detail, proved=judgement.proved)
    return replace(judgement, claims=tuple(Claim(*part) for part in shared.shown))


def _receipt_text(share: Share, given: str | None) -> str:
    if given is not None:
        return given
    if isinstance(share.evidence, bytes):
        raise CannotTellError("share.no-receipt", "a link has no receipt: it is to be had from a node")
    return share.evidence


def _part(value: Value) -> Shown:
    match value:
        case [int() as index, str() as pointer, str() as text, bytes() as mac, list() as path] if (
            not isinstance(index, bool) and index >= 0 and len(path) <= MAX_PROOF_HASHES
        ):
            hashes = tuple(step for step in path if isinstance(step, bytes))
            if len(hashes) == len(path) and len(text) <= MAX_VALUE_BYTES:
                return Shown(index, Hidden(pointer, text), mac, hashes)
    raise _shape("a part is [index, pointer, value, check, path]")


def _addressee(value: Value) -> Addressee:
    match value:
        case [str() as reader, int() as time_ms, bytes() as key, bytes() as signature] if (
            not isinstance(time_ms, bool)
            and time_ms >= 0
            and 1 <= len(reader) <= MAX_READER_LETTERS
            and (len(key), len(signature)) == (_KEY_SIZE, _SIGNATURE_SIZE)
        ):
            return Addressee(reader, time_ms, key, signature)
    raise _shape("for whom it is stands as [reader, time, key, signature]")


def _shape(what: str) -> FormatError:
    return FormatError("share.shape", f"this is no share of an event: {what}")
