"""What each question of the engine means for the application: ABCI 2.0 on one side, `node.application`'s verbs on the
other.

Rules (docs/adr/0005, 0020): the first transaction of a proposal is its signed header, the others are entries. An entry that
is refused for now is refused to the engine too, also when it asks again after a block, and offered again later: else the
engine would make empty blocks without end. A proposal that breaks a rule is rejected and its proposer named; a *decided*
block that breaks one stops the node, since then the engine's quorum is broken.

What this module does not do: sockets, processes, or keeping entries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from ledger.block import RULES_VERSION
from ledger.errors import (
    CannotTellError,
    FormatError,
    LedgerError,
    RefusedError,
    StoreError,
    VerificationError,
)
from ledger.genesis import Genesis
from ledger.rules import ParsedEntry
from ledger.validators import current_set
from node.application import Application, Candidate
from node.engine.cometbft.files import address, engine_chain_id
from node.engine.cometbft.messages import ACCEPT, RECHECK, REJECT, Fields, Request, time_ms
from node.engine.committing import commit

REFUSED, NOT_YET = 1, 2
"""Codes of `check_tx`: an entry that can never become valid, and one that waits for something."""
_CODESPACE: Final = "sogoc"

_log = structlog.get_logger("engine")


class AdapterEvents(Protocol):
    """What the adapter tells whoever runs the engine. Called on the engine's connections."""

    def committed(self, block: Candidate) -> None:
        """A block is in the store; cosign it. The engine goes on once this returns."""

    def rejected(self, rejection: Rejection) -> None:
        """Another validator proposed what the rules forbid."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A proposal that this node voted against."""

    proposer: str
    """Name of the validator whose turn it was; its engine address in hexadecimal if it is none of this ledger's."""
    engine_height: int
    rule: str
    detail: str


class Adapter:
    """Answers the engine's requests. The engine never asks two things of its consensus connection at once."""

    def __init__(
        self,
        application: Application,
        genesis: Genesis,
        events: AdapterEvents,
        *,
        cosigning_key_id: Callable[[], bytes | None],
        clock_ms: Callable[[], int],
        admit: Callable[[ParsedEntry], None],
        retain_height: Callable[[], int] = lambda: 0,
    ) -> None:
        """`admit` raises RefusedError for what this node does not hand on and does not propose, although the rules would take
        it, and votes for all the same if another proposes it; `retain_height` is the
        lowest engine height to keep, 0 for all; `cosigning_key_id` is asked at each commit.
        """
        self._application = application
        self._genesis = genesis
        self._events = events
        self._cosigning_key_id = cosigning_key_id
        self._clock_ms = clock_ms
        self._admit = admit
        self._retain_height = retain_height
        self._verbs: dict[str, Callable[[Request], Fields]] = {
            "echo": lambda request: {"message": request.text("message")},
            "info": self._info,
            "init_chain": self._init_chain,
            "check_tx": self._check,
            "prepare_proposal": self._prepare,
            "process_proposal": self._process,
            "finalize_block": self._finalize,
            "commit": self._commit,
            # Nothing of the following is offered: the state travels by the ledger's own blocks, which are verified.
            "query": lambda _: {
                "code": REFUSED,
                "log": "ask the node, not its engine",
                "codespace": _CODESPACE,
            },
            "list_snapshots": lambda _: {},
            "offer_snapshot": lambda _: {"result": REJECT},
            "load_snapshot_chunk": lambda _: {},
            "apply_snapshot_chunk": lambda _: {"result": REJECT},
            "extend_vote": lambda _: {},
            "verify_vote_extension": lambda _: {"status": ACCEPT},
        }

    def __call__(self, request: Request) -> tuple[str, Fields]:
        """Answer a request. Raises LedgerError if the engine must stop."""
        return request.verb, self._verbs[request.verb](request)

    def _info(self, _: Request) -> Fields:
        info = self._application.info()
        return {
            "data": "sogoc",
            "version": str(info.ledger_height),
            "app_version": RULES_VERSION,
            "last_block_height": info.engine_height,
            "last_block_app_hash": info.app_hash,
        }

    def _init_chain(self, request: Request) -> Fields:
        expected = engine_chain_id(self._genesis.chain_id)
        if request.text("chain_id") != expected:
            raise VerificationError(
                "engine.other-ledger",
                f"the engine's data is of {request.text('chain_id')!r}, this is {expected!r}",
            )
        keys = {_engine_key(one) for one in request.many_fields("validators")}
        if keys != {one.engine_key for one in self._genesis.validators}:
            raise VerificationError(
                "engine.validators",
                "the engine's first validators are not those of the ledger's genesis document",
            )
        info = self._application.info()
        if info.engine_height:
            raise VerificationError(
                "engine.data-lost",
                f"the engine begins anew, but this ledger has its blocks up to engine height {info.engine_height}: "
                "put a copy of another validator's engine data there (`sogoc network engine`)",
            )
        return {"app_hash": info.app_hash}

    def _check(self, request: Request) -> Fields:
        try:
            parsed = self._application.check(request.octets("tx"), self._clock_ms())
            if request.integer("type") != RECHECK:
                self._admit(parsed)
        except StoreError:
            raise
        except LedgerError as error:
            code = NOT_YET if isinstance(error, RefusedError) and not error.permanent else REFUSED
            return {"code": code, "log": error.rule, "codespace": _CODESPACE}
        return {"gas_wanted": 1}

    def _prepare(self, request: Request) -> Fields:
        proposal, _ = self._application.prepare(
            request.many_octets("txs"),
            engine_height=request.integer("height"),
            time_ms=time_ms(request.fields),
            max_bytes=request.integer("max_tx_bytes"),
        )
        return {"txs": proposal}

    def _process(self, request: Request) -> Fields:
        try:
            self._application.process(
                request.many_octets("txs"),
                engine_height=request.integer("height"),
                time_ms=time_ms(request.fields),
                proposer=self._proposer(request),
            )
        except (VerificationError, FormatError, RefusedError, CannotTellError) as error:
            rejection = Rejection(
                self._name(request.octets("proposer_address")),
                request.integer("height"),
                error.rule,
                error.detail,
            )
            _log.warning(
                "proposal rejected", proposer=rejection.proposer, rule=error.rule, detail=error.detail
            )
            self._events.rejected(rejection)
            return {"status": REJECT}
        return {"status": ACCEPT}

    def _finalize(self, request: Request) -> Fields:
        proposal = request.many_octets("txs")
        decided = self._application.finalize(
            proposal,
            engine_height=request.integer("height"),
            time_ms=time_ms(request.fields),
            proposer=self._proposer(request) if proposal else b"",
        )
        return {
            "app_hash": decided.app_hash,
            "tx_results": [{"code": 0} for _ in proposal],
            "validator_updates": [
                {"pub_key": {"ed25519": key}, "power": power} for key, power in decided.validator_updates
            ],
        }

    def _commit(self, _: Request) -> Fields:
        block = commit(self._application, self._cosigning_key_id())
        if block is not None:
            self._events.committed(block)
        return {"retain_height": self._retain_height()}

    def _proposer(self, request: Request) -> bytes:
        """The header key of whoever the engine says proposed the block."""
        return self._application.proposer_at(request.integer("height"), request.octets("proposer_address"))

    def _name(self, engine_address: bytes) -> str:
        for validator in current_set(self._application.store):
            if address(validator.engine_key) == engine_address:
                return validator.name
        return engine_address.hex()


def _engine_key(update: Fields) -> bytes:
    key = update.get("pub_key")
    value = key.get("ed25519") if isinstance(key, dict) else None
    return value if isinstance(value, bytes) else b""
