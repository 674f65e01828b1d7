"""Keeping parts of an event back: the ledger holds a commitment to them, and each may be shown to one reader.

Rules: a part is named by a JSON pointer into the whole event, and its value is the canonical JSON text. What is hidden is taken
out of the event that everybody sees. The ledger holds the RFC 9162 tree root over

    encode([pointer, value text, HMAC-SHA-256(salt, pointer)])

one leaf for each part, in ascending order of pointer, as `ledger.claims` does for certificates; and their count. Items, kind
and times cannot be hidden: they are what the event is found by. Whoever shows some parts gives their checks, and the salt to
nobody.

What this module does not do: make or keep salts, or choose what is hidden.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

from ledger import merkle, proofs
from ledger.claims import SALT_SIZE, Claim, claim_leaf
from ledger.epcis.json_text import EpcisError, Json, canonical, parse_object, split_pointer
from ledger.epcis.model import Kind
from ledger.epcis.reading import HIDDEN
from ledger.errors import FormatError, VerificationError
from ledger.hashing import HASH_SIZE, leaf_hash, leaf_hashes

MAX_HIDDEN: Final = 256
"""Parts of one event that this program hides: fewer than the ledger would take."""
MAX_POINTER_BYTES: Final = 512
MAX_VALUE_BYTES: Final = 32_000
"""Bytes of one hidden value's text."""
_TRANSACTIONS: Final = "/bizTransactionList"


class Hidden(NamedTuple):
    """One part that is kept back."""

    pointer: str
    text: str
    """The value's canonical JSON."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One hidden part with the evidence that it is the event's."""

    index: int
    part: Hidden
    mac: bytes
    path: tuple[bytes, ...]


def hide(event: Json, pointers: Collection[str]) -> tuple[Json, tuple[Hidden, ...]]:
    """The event without the parts named, and these parts in order.

    Raises FormatError: `epcis.hide-unknown` for a pointer that leads nowhere, `epcis.hide-nested` for one inside another,
    `epcis.hide-limit`.
    """
    ordered = _ordered(pointers)
    public = copy.deepcopy(event)
    hidden = tuple(Hidden(pointer, canonical(_value_at(event, pointer)).decode()) for pointer in ordered)
    _check_limits(hidden)
    for pointer in reversed(ordered):
        holder, name = _holder(public, pointer)
        if isinstance(holder, list):
            del holder[int(name)]
        elif pointer == _TRANSACTIONS and event.get("type") == Kind.TRANSACTION.type:
            # This type of event is nothing without a transaction: a word that says "hidden" stands for it.
            holder[name] = [{"bizTransaction": HIDDEN}]
        else:
            del holder[name]
    return public, hidden


def reveal(public: Json, parts: Iterable[Hidden]) -> Json:
    """The event with parts put back where they were; all of them give back the whole event.

    Raises FormatError, rule `epcis.hide-unknown`, where there is no place for one.
    """
    event = copy.deepcopy(public)
    for pointer, text in sorted(parts, key=lambda part: _sort_key(part.pointer)):
        value = parse_value(text)
        holder, name = _holder(event, pointer)
        if isinstance(holder, list):
            # Where only some of a list's elements are shown, they stand closer together than they did.
            holder.insert(_index(name, pointer), value)
        elif name in holder and pointer != _TRANSACTIONS:
            raise FormatError("epcis.hide-unknown", f"{pointer!a} is not hidden in this event")
        else:
            holder[name] = value
    return event


def parse_value(text: str) -> Any:  # noqa: ANN401  JSON is anything
    """A hidden value. Raises FormatError (`epcis.*`), also unless the text is canonical."""
    data = text.encode()
    if len(data) > MAX_VALUE_BYTES:
        raise FormatError("epcis.hide-limit", f"a hidden value has at most {MAX_VALUE_BYTES} bytes")
    value = parse_object(b'{"":' + data + b"}", max_bytes=MAX_VALUE_BYTES + 8)
    if set(value) != {""} or canonical(value[""]) != data:
        raise FormatError("epcis.value", "a hidden value is canonical JSON")
    return value[""]


# -- the commitment ------------------------------------------------------------------------------------------------------


def part_mac(salt: bytes, pointer: str) -> bytes:
    """HMAC-SHA-256(salt, pointer): 32 bytes that blind a part's leaf."""
    return hmac.digest(salt, pointer.encode(), hashlib.sha256)


def commit(hidden: Sequence[Hidden], salt: bytes) -> bytes:
    """The 32-byte root over all parts. Raises FormatError (`epcis.hide-*`)."""
    return merkle.root_of_hashes(_leaf_hashes(hidden, salt))


def disclose(hidden: Sequence[Hidden], salt: bytes, pointers: Collection[str]) -> tuple[Shown, ...]:
    """Only the parts named, each with what it takes to check it. Raises FormatError (`epcis.hide-unknown`)."""
    known = {part.pointer for part in hidden}
    for pointer in pointers:
        if pointer not in known:
            raise FormatError(
                "epcis.hide-unknown", f"{pointer[:MAX_POINTER_BYTES]!a} is not a hidden part of this event"
            )
    hashes = _leaf_hashes(hidden, salt)
    return tuple(
        Shown(index, part, part_mac(salt, part.pointer), tuple(merkle.inclusion_path(hashes, index)))
        for index, part in enumerate(hidden)
        if part.pointer in pointers
    )


def verify(items: Sequence[Shown], root: bytes, count: int) -> None:
    """Check that each shown part is the event's, which committed to `count` of them under `root`.

    Raises FormatError (`epcis.hide-*`), VerificationError (`share.proof`).
    """
    _check_limits([item.part for item in items])
    if any(a.index >= b.index for a, b in pairwise(items)):
        raise FormatError("epcis.hide-order", "shown parts stand in ascending order, each once")
    for item in items:
        parse_value(item.part.text)
        try:
            if len(item.mac) != HASH_SIZE:
                raise VerificationError("share.proof", f"a check has {HASH_SIZE} bytes")
            proofs.verify_inclusion(
                leaf_hash(claim_leaf(Claim(*item.part), item.mac)), item.index, count, item.path, root
            )
        except VerificationError as error:
            raise VerificationError(
                "share.proof",
                f"{item.part.pointer!a} is not what the ledger's record commits to: {error.detail}",
                expected=error.expected,
                got=error.got,
            ) from error


def _leaf_hashes(hidden: Sequence[Hidden], salt: bytes) -> list[bytes]:
    _check_limits(hidden)
    if len(salt) != SALT_SIZE:
        raise FormatError("epcis.hide-salt", f"a salt has {SALT_SIZE} bytes, not {len(salt)}")
    if list(hidden) != sorted(hidden, key=lambda part: _sort_key(part.pointer)):
        raise FormatError("epcis.hide-order", "hidden parts stand in ascending order of their pointers")
    return leaf_hashes(claim_leaf(Claim(*part), part_mac(salt, part.pointer)) for part in hidden)


def _check_limits(hidden: Sequence[Hidden]) -> None:
    if not 1 <= len(hidden) <= MAX_HIDDEN:
        raise FormatError(
            "epcis.hide-limit", f"1 to {MAX_HIDDEN} parts of an event are hidden, not {len(hidden)}"
        )
    for pointer, text in hidden:
        if len(pointer.encode()) > MAX_POINTER_BYTES or len(text.encode()) > MAX_VALUE_BYTES:
            raise FormatError(
                "epcis.hide-limit",
                f"a hidden part has at most {MAX_VALUE_BYTES} bytes, and its pointer {MAX_POINTER_BYTES}",
            )


# -- pointers ------------------------------------------------------------------------------------------------------------


def _sort_key(pointer: str) -> tuple[tuple[int, int, str], ...]:
    """Names in order of their letters, numbers of list elements as numbers."""
    return tuple(
        (0, int(name), "") if name.isascii() and name.isdigit() and len(name) <= 6 else (1, 0, name)
        for name in split_pointer(pointer)
    )


def _ordered(pointers: Collection[str]) -> list[str]:
    ordered = sorted(set(pointers), key=_sort_key)
    if not ordered:
        raise FormatError("epcis.hide-limit", "nothing is named that should be hidden")
    for outer in ordered:
        for inner in ordered:
            if inner.startswith(f"{outer}/"):
                raise FormatError(
                    "epcis.hide-nested", f"{inner!a} is inside of {outer!a}, which is hidden whole"
                )
    return ordered


def _value_at(event: Json, pointer: str) -> Any:  # noqa: ANN401  JSON is anything
    holder, name = _holder(event, pointer)
    if isinstance(holder, list):
        index = _index(name, pointer)
        if index < len(holder):
            return holder[index]
    elif name in holder:
        return holder[name]
    raise _nowhere(pointer)


def _holder(event: Json, pointer: str) -> tuple[Any, str]:
    """The object or list in which the last name of a pointer stands."""
    names = split_pointer(pointer)
    if not names:
        raise FormatError("epcis.hide-unknown", "an event cannot be hidden whole")
    value: Any = event
    for name in names[:-1]:
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and _index(name, pointer) < len(value):
            value = value[int(name)]
        else:
            raise _nowhere(pointer)
    if not isinstance(value, dict | list):
        raise _nowhere(pointer)
    return value, names[-1]


def _index(name: str, pointer: str) -> int:
    if not (name.isascii() and name.isdigit()) or (name != "0" and name[0] == "0") or len(name) > 6:
        raise _nowhere(pointer)
    return int(name)


def _nowhere(pointer: str) -> EpcisError:
    return EpcisError("epcis.hide-unknown", pointer, "the event has nothing there that could be hidden")
