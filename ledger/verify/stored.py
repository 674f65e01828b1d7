"""Comparing every row of a store with what follows from its blocks.

Rules:

* Each row must be there, be exactly what a store of this ledger writes (`ledger.store.layout`), and no other row may be
  there. What should be there is known from the log and from executing it again, never from the rows themselves.
* Rows of blocks and roots are compared as the blocks go by; all the others in one sweep at the end, over every key: index
  rows by a sum over them (`ledger.verify.lookups`), the others one by one.
* What was signed follows from nothing, so it must prove itself: each kept checkpoint is of this ledger, its signatures are
  right and none is by an unlisted key (a changed key id would make one by a listed key look like that), and no key has
  signed beyond the end of the store.

Not here: the leaves and records, which the segments check; the sweep only sees that there are no more of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import groupby, islice
from typing import Protocol

from ledger.block import parse_header_leaf
from ledger.checkpoint import Checkpoint
from ledger.encoding import encode
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.genesis import Genesis, Validator, validators_policy
from ledger.hashing import HASH_SIZE
from ledger.policy import NO_QUORUM, Policy, Trust
from ledger.rows import VALIDATORS_BEFORE_KEY, VALIDATORS_KEY, ValidatorsBefore
from ledger.state import StateProof, verify_membership
from ledger.store import layout
from ledger.store.database import Reader
from ledger.store.values import Head, hash_of, integer, items
from ledger.tiles import tile_width
from ledger.validators import current_set, set_before
from ledger.verify.lookups import Row, added, sum_of
from ledger.verify.report import AuditFailure
from ledger.verify.segments import BlockFact
from ledger.verify.trust import ValidatorSets


class Executed(Protocol):
    """What executing the blocks again has left."""

    @property
    def secret(self) -> bytes:
        """What the sum over index rows was made with (`ledger.verify.lookups`)."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a state row, or None."""

    def rows(self, kind: bytes) -> Iterator[Row]:
        """State rows, pages, or index rows that were kept, under their keys and in order."""


class RowCheck:
    """The rows of one store against the blocks of one log."""

    def __init__(
        self, reader: Reader, head: Head, genesis: Genesis, policy: Trust, sets: ValidatorSets
    ) -> None:
        self._sets = sets
        self._by_set: dict[tuple[Validator, ...], tuple[list[Policy], set[tuple[str, bytes]]]] = {}
        self._reader = reader
        self._head = head
        self._genesis = genesis
        self._policy = policy
        self._lookup_sum: int | None = None

    def block(self, fact: BlockFact) -> None:
        """Check the rows of a block whose header was found right. Raises AuditFailure."""
        rows = {
            layout.numbered(layout.BLOCK, fact.height): layout.block_row(
                fact.first_index, fact.index - fact.first_index
            ),
            layout.numbered(layout.CHECKPOINT, fact.size): fact.root,
        }
        for key, value in rows.items():
            if self._reader.get(key) != value:
                raise _differs(key, fact.height)

    def head(self, last: BlockFact) -> None:
        """Check the rows that say where the ledger stands. Raises AuditFailure."""
        # The engine may have gone on without a block of this ledger; how far, only a row beside the head tells too.
        engine_height = max(self._head.engine_height, last.engine_height)
        wanted = Head(
            height=last.height,
            engine_height=engine_height,
            size=last.size,
            root=last.root,
            header_hash=last.hash,
            state_root=last.state_root,
            time_ms=last.time_ms,
        )
        for key, value in (
            (layout.HEAD, wanted.encoded()),
            (layout.ENGINE, layout.engine_row(engine_height, last.engine_height)),
            (layout.FORMAT, encode([layout.FORMAT_NAME, layout.FORMAT_VERSION])),
        ):
            if self._reader.get(key) != value:
                raise _differs(key, None)

    def cosigned(self) -> None:
        """Check what each cosigning key is noted to have signed last. Raises AuditFailure."""
        keys = {validator.cosigning_key for known in self._sets.sets for validator in known}
        for key, value in self._reader.iterate(layout.COSIGNED):
            if key[1:] not in keys:
                raise AuditFailure("store.row-extra", f"{_name(key)} is of a key that is no validator's")
            size_item, root_item = items(value, 2, _name(key))
            size, root = integer(size_item, _name(key)), hash_of(root_item, _name(key))
            if size > self._head.size:
                detail = (
                    f"{_name(key)} says that this validator has signed size {size}, and the store ends at {self._head.size}: "
                    "it has lost its end"
                )
                raise AuditFailure("store.behind-cosigned", detail)
            if self._reader.get(layout.numbered(layout.CHECKPOINT, size)) != root:
                raise AuditFailure(
                    "store.cosigned-root", f"{_name(key)} is not the root of this ledger at size {size}"
                )

    def checkpoints(self) -> None:
        """Check every checkpoint that is kept with signatures. Raises AuditFailure, CannotTellError."""
        count = largest = 0
        for key, value in self._reader.iterate(layout.SIGNED):
            count += 1
            largest = layout.number_of(key)
            try:
                policies, listed = self._lenient(largest)
                for policy in policies:
                    self._checkpoint(largest, policy.check(value).checkpoint, listed)
            except CannotTellError as error:
                raise CannotTellError(error.rule, f"{_name(key)}: {error.detail}") from error
            except (VerificationError, FormatError) as error:
                raise AuditFailure(error.rule, f"{_name(key)}: {error.detail}") from error
        if self._reader.get(layout.SIGNED_SUMMARY) != encode([count, largest]) and count:
            raise _differs(layout.SIGNED_SUMMARY, None)

    def _lenient(self, size: int) -> tuple[list[Policy], set[tuple[str, bytes]]]:
        """The policies that judge tree size `size`, that of the validators and the one that this audit trusts, and the names
        and key ids that they list. A checkpoint is kept from its first signature on, so it need not have its quorum yet; the
        newest final one has.
        """
        validators = self._sets.at(size)
        if validators not in self._by_set:
            policies = [validators_policy(self._genesis.origin, validators)]
            # What is older than the policy that is trusted is told by the log alone.
            with suppress(CannotTellError):
                policies.append(self._policy.policy_at(size))
            lenient = [replace(policy, quorum=NO_QUORUM) for policy in policies]
            keys = [line.key for policy in lenient for line in policy.logs]
            keys += [line.key for policy in lenient for line in policy.witnesses]
            self._by_set[validators] = lenient[::-1], {(key.name, key.key_id) for key in keys}
        return self._by_set[validators]

    def changes(self, executed: Executed, last: BlockFact) -> None:
        """Check that each change of validators which executing the blocks gave is told. Raises AuditFailure."""
        if set_before(executed, last.time_ms) is None and current_set(executed) != self._sets.sets[-1]:
            raise AuditFailure(
                "store.row-missing", "a change of validators is missing, or its closing checkpoint"
            )

    def _change(self, key: bytes, value: bytes) -> None:
        """Check the state proofs of a change of validators: they hold in one form only. Raises AuditFailure."""
        size = layout.number_of(key)
        leaf = (
            self._reader.get(layout.numbered(layout.LEAF, size - 1)) if 0 < size <= self._head.size else None
        )
        if leaf is None or key != layout.numbered(layout.VALIDATOR_CHANGE, size):
            raise _extra(key)
        try:
            header = parse_header_leaf(leaf)
            proofs = [StateProof.from_value(item) for item in items(value, 2, _name(key))]
            for name, proof in zip((VALIDATORS_KEY, VALIDATORS_BEFORE_KEY), proofs, strict=True):
                verify_membership(header.state_root, name, proof.value or b"", proof)
            changed_ms = ValidatorsBefore.parse(proofs[1].value or b"").changed_ms
        except LedgerError as error:
            raise _differs(key, None) from error
        if changed_ms != header.time_ms:
            raise _extra(key)

    def _checkpoint(self, size: int, signed: Checkpoint, listed: set[tuple[str, bytes]]) -> None:
        if signed.size != size or signed.origin != self._genesis.origin:
            raise VerificationError("checkpoint.size", "the checkpoint is of another size or another ledger")
        root = self._reader.get(layout.numbered(layout.CHECKPOINT, size))
        if root != signed.root:
            raise VerificationError(
                "checkpoint.root", "the checkpoint signs another root than that of the log"
            )
        for signature in signed.note.signatures:
            if (signature.name, signature.key_id) not in listed:
                raise VerificationError(
                    "checkpoint.unlisted-key", f"a signature by {signature.name!a} is by no listed key"
                )

    def sweep(self, executed: Executed, lookup_sum: int, every_lookup: Callable[[], Iterator[Row]]) -> None:
        """Go through every key of the database, and compare all rows that executing the blocks gave with those stored.

        `lookup_sum`: over the index rows that `executed` does not keep. `every_lookup`: all index rows under their keys, in
        order; asked for only if those stored differ from what they should be, or a later one has taken the place of an
        earlier. Raises AuditFailure.
        """
        expected = {kind: executed.rows(kind) for kind in _EXECUTED}
        numbers: dict[bytes, Iterator[int]] = {
            layout.BLOCK: iter(range(self._head.height + 1)),
            layout.CHECKPOINT: self._ends(),
            layout.LEAF: iter(range(self._head.size)),
            layout.RECORDS: iter(range(self._head.size)),
        }
        self._sweep(self._reader.iterate(stop=layout.LOOKUP), expected, numbers)
        self._compare_lookups(executed, lookup_sum, every_lookup)
        self._sweep(self._reader.iterate(start=_BEHIND_LOOKUPS), expected, numbers)
        for kind, rest in numbers.items():
            number = next(rest, None)
            if number is not None:
                raise _missing(layout.numbered(kind, number))
        for of_kind in expected.values():
            row = next(of_kind, None)
            if row is not None:
                raise _missing(row[0])

    def _sweep(
        self, found: Iterator[Row], expected: dict[bytes, Iterator[Row]], numbers: dict[bytes, Iterator[int]]
    ) -> None:
        for kind, rows in _by_kind(found):
            if kind in _EXECUTED:
                # Nearly all rows are of these kinds and right, and many are compared faster than one by one.
                wanted = list(islice(expected[kind], len(rows)))
                if wanted != rows:
                    _compare_all(wanted, rows)
            else:
                for key, value in rows:
                    self._row(key, value, numbers)

    def add_up_lookups(self, secret: bytes) -> None:
        """Add up the index rows of the store, for `sweep`: so much of it can be done before anything has been executed.

        What is wrong with them is not said here, but in its turn.
        """
        try:
            self._lookup_sum = self._sum_of_lookups(secret)
        except LedgerError:
            self._lookup_sum = None

    def _sum_of_lookups(self, secret: bytes) -> int:
        total = 0
        rows = self._reader.iterate(layout.LOOKUP)
        while some := list(islice(rows, _AT_ONCE)):
            total = added(total, sum_of(some, secret))
        return total

    def _compare_lookups(
        self, executed: Executed, lookup_sum: int, every_lookup: Callable[[], Iterator[Row]]
    ) -> None:
        stored = self._lookup_sum
        if stored is None:
            stored = self._sum_of_lookups(executed.secret)
        # Those that were kept, each as the last block that set it left it.
        kept = sum_of(executed.rows(layout.LOOKUP), executed.secret)
        if stored != added(lookup_sum, kept):
            self._each_lookup(every_lookup())

    def _each_lookup(self, wanted: Iterator[Row]) -> None:
        for key, value in self._reader.iterate(layout.LOOKUP):
            _compare(next(wanted, None), key, value)
        row = next(wanted, None)
        if row is not None:
            raise _missing(row[0])

    def _row(self, key: bytes, value: bytes, numbers: dict[bytes, Iterator[int]]) -> None:
        kind = key[:1]
        if kind in numbers:
            _compare_number(next(numbers[kind], None), key)
        elif kind == layout.TILE:
            self._tile(key, value)
        elif kind == layout.SIGNED:
            self._signed(key)
        elif kind == layout.VALIDATOR_CHANGE:
            self._change(key, value)
        elif key not in _SINGLE and kind != layout.COSIGNED:
            raise _extra(key)

    def _ends(self) -> Iterator[int]:
        """The tree sizes after each block, from the rows of blocks, which were compared with the headers."""
        for _, value in self._reader.iterate(layout.BLOCK):
            yield int.from_bytes(value[:8], "big") + int.from_bytes(value[8:], "big") + 1

    def _tile(self, key: bytes, value: bytes) -> None:
        # Its hashes were compared when the log was; here only whether it should be there, and ends where it should.
        if len(key) != len(layout.tile_key(0, 0)):
            raise _extra(key)
        width = tile_width(key[1], int.from_bytes(key[2:], "big"), self._head.size)
        if not width:
            raise _extra(key)
        if len(value) != width * HASH_SIZE:
            raise _differs(key, None)

    def _signed(self, key: bytes) -> None:
        known = self._reader.get(layout.CHECKPOINT + key[1:])
        if key != layout.numbered(layout.SIGNED, layout.number_of(key)) or known is None:
            raise _extra(key)


def _by_kind(rows: Iterator[Row]) -> Iterator[tuple[bytes, list[Row]]]:
    """Rows in order of key, some at a time, so that those of one time are all of one kind."""
    while some := list(islice(rows, _AT_ONCE)):
        kind = some[0][0][:1]
        if some[-1][0][:1] == kind:
            yield kind, some
        else:
            yield from ((one, list(each)) for one, each in groupby(some, lambda row: row[0][:1]))


_AT_ONCE = 200
_BEHIND_LOOKUPS = bytes((layout.LOOKUP[0] + 1,))
"""Before all keys of the kinds that come after index rows."""
_EXECUTED = (layout.STATE_ROW, layout.STATE_PAGE)
_SINGLE = (layout.HEAD, layout.ENGINE, layout.FORMAT, layout.SIGNED_SUMMARY)

_NAMES = {
    layout.BLOCK: "row of block",
    layout.CHECKPOINT: "root of the log at size",
    layout.LEAF: "leaf",
    layout.RECORDS: "records of leaf",
    layout.SIGNED: "signed checkpoint of size",
    layout.VALIDATOR_CHANGE: "change of validators at size",
}
_KINDS = {
    layout.HEAD: "the head row",
    layout.ENGINE: "the row of the engine's height",
    layout.FORMAT: "the format row",
    layout.SIGNED_SUMMARY: "the summary of signed checkpoints",
    layout.COSIGNED: "what was last signed by key",
    layout.STATE_ROW: "state row",
    layout.STATE_PAGE: "state page",
    layout.LOOKUP: "lookup row",
    layout.TILE: "tile",
}


def _compare_number(number: int | None, key: bytes) -> None:
    if number is None:
        raise _extra(key)
    wanted = layout.numbered(key[:1], number)
    if key != wanted:
        raise _missing(wanted) if key > wanted else _extra(key)


def _compare_all(wanted: list[Row], found: list[Row]) -> None:
    """Name the first difference of two lists that differ. Raises AuditFailure."""
    for number, (key, value) in enumerate(found):
        _compare(wanted[number] if number < len(wanted) else None, key, value)


def _compare(wanted: Row | None, key: bytes, value: bytes) -> None:
    if wanted is None or key < wanted[0]:
        raise _extra(key)
    if key > wanted[0]:
        raise _missing(wanted[0])
    if value != wanted[1]:
        raise _differs(key, None)


def _name(key: bytes) -> str:
    """The row at `key`, for people."""
    kind, rest = key[:1], key[1:]
    if kind in _NAMES and len(key) == len(layout.numbered(kind, 0)):
        return f"{_NAMES[kind]} {layout.number_of(key)}"
    return f"{_KINDS.get(kind, 'row ' + kind.hex())} {rest.hex()}".rstrip()


def _differs(key: bytes, height: int | None) -> AuditFailure:
    return AuditFailure(
        "store.row-differs", f"{_name(key)} is not what follows from the blocks", height=height
    )


def _missing(key: bytes) -> AuditFailure:
    return AuditFailure("store.row-missing", f"{_name(key)} is missing")


def _extra(key: bytes) -> AuditFailure:
    return AuditFailure("store.row-extra", f"{_name(key)} belongs to nothing in this ledger")
