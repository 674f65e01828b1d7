"""A validator's own keys: which of its sets the ledger names now, and what they sign.

Rules: a checkpoint is cosigned by the validators in the state before its last block, so a block that changes them is still
cosigned with the old keys, and once: what bears a later time by keys that were retired counts for nothing
(`ledger.epochs`). A node may hold two sets of keys, those in service and those that are to take their place; the state says
which of them it uses.

What this module does not do: gather others' signatures (`node.finality`), or read key files.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.block import Header, parse_header_leaf
from ledger.errors import StoreError
from ledger.genesis import Genesis, Validator
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, VerifierKey
from ledger.note import parse as parse_note
from ledger.store.ledger_store import LedgerStore
from ledger.store.view import LedgerSnapshot
from ledger.validators import current_set, is_validator_key, judging_set, set_before
from node.cosigning import Cosigner, sign
from node.home import HomeError, cosigner_of, own_validator

KeySet = dict[str, SigningKey]
"""A validator's keys by name: `log`, `validator` (cosigning), `header`."""


class OwnKeys:
    """The sets of keys that a node holds, those in service first; none for a node that only copies."""

    def __init__(self, genesis: Genesis, sets: Sequence[KeySet]) -> None:
        """`sets` are one or two, each complete."""
        self._genesis = genesis
        self._sets = tuple(sets)

    @property
    def header_keys(self) -> tuple[SigningKey, ...]:
        """The header keys, in the order of the sets."""
        return tuple(keys["header"] for keys in self._sets)

    def among(self, validators: Sequence[Validator]) -> Cosigner | None:
        """Who of a set of validators this node is; None if it is none of them."""
        for keys in self._sets:
            log_key, cosigning_key = keys["log"], keys["validator"]
            validator = own_validator(validators, log_key.public_key, cosigning_key.public_key)
            if validator is not None:
                return cosigner_of(self._genesis, validator, log_key, cosigning_key)
        return None

    def next_key_id(self, store: LedgerStore) -> bytes | None:
        """The key that will cosign the next block."""
        cosigner = self.among(current_set(store))
        return None if cosigner is None else cosigner.key_id

    def check(self, store: LedgerStore, tip: Header, *, alone: bool) -> None:
        """Raise HomeError (`home.keys`) unless this node is a validator, or was one up to the last block, or, where it is not
        `alone`, is none yet: then none of its keys was ever a validator's, and it comes along until the ledger names them.
        """
        if self.among(judging_set(store, tip)) is None and self.among(current_set(store)) is None:
            if not alone and not self._ever_were(store):
                return
            raise HomeError(
                "home.keys",
                "the keys in keys/ are not those of a validator of this ledger, or are so no more: `sogoc validator show` says "
                "who they are",
            )

    def _ever_were(self, store: LedgerStore) -> bool:
        return any(is_validator_key(store, key.public_key) for keys in self._sets for key in keys.values())

    def cosign_newest(
        self, store: LedgerStore, time_s: int, *, alone: bool
    ) -> tuple[LedgerSnapshot, str | None]:
        """A view of the ledger as it is, and this node's signatures on the checkpoint of that very view.

        None instead of them for who is no validator there, unless it is `alone`: then nobody else could sign, and
        StoreError (`cosign.closing`) says so. Raises StoreError, rule `cosign.*`.
        """
        while True:
            view = store.snapshot()
            try:
                return view, self._text(store, view, time_s, alone=alone)
            except StoreError as error:
                # Maintenance signs again while the engine commits: only the newest checkpoint is signed, so look again.
                if error.rule != "cosign.not-newest" or store.head.size == view.head.size:
                    raise

    def _text(self, store: LedgerStore, view: LedgerSnapshot, time_s: int, *, alone: bool) -> str | None:
        header = parse_header_leaf(view.header_leaf(view.head.height))
        cosigner = self.among(judging_set(view, header))
        if set_before(view, header.time_ms) is not None:
            # It closes an epoch.
            known = store.signed_checkpoint(view.head.size)
            if known is not None and (cosigner is None or _is_signed_by(known, cosigner)):
                return known
        if cosigner is not None:
            return sign(store, view.head, cosigner, time_s)
        if alone:
            raise StoreError(
                "cosign.closing",
                "the last block changed the validators, and those before have not cosigned it: start the node once more with "
                "the keys that it had before",
            )
        return None


def _is_signed_by(text: str, cosigner: Cosigner) -> bool:
    line = (cosigner.name, VerifierKey(cosigner.name, COSIGNING_KEY, cosigner.key_id).key_id)
    return any((one.name, one.key_id) == line for one in parse_note(text).signatures)
