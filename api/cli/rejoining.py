"""The other validators of a home's ledger, reached as its node reaches them: for a home that was restored, or that joins.

Rules: over their own listeners, with the certificates that lie in the home, so that nobody else is asked. What a key has
cosigned last is believed when so many have answered that one of them must be honest. The engine's data is fetched after the
ledger is there, never before, since an application that is ahead of its engine cannot go on; and before it is in place, this
validator is held from voting on what it may have voted on before (`node.engine.cometbft.voting`).
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from api.answers import ApiError
from api.cli.output import console
from api.client import Client
from api.remote_log import RemoteLog
from ledger.checkpoint import parse as parse_checkpoint
from ledger.errors import CannotTellError, LedgerError
from ledger.policy import quorum_size
from ledger.store.ledger_store import LedgerStore
from ledger.validators import is_validator_key
from node import keyfiles
from node.config import ConfigError
from node.cosigned import Cosigned
from node.engine.cometbft.files import EngineFiles
from node.engine.cometbft.voting import HELD_HEIGHTS, held_to
from node.export import Progress
from node.home import Home, load_keys
from node.network import CERTIFICATES, OWN_CERTIFICATE
from node.network_cards import settings_of
from node.network_join import fetch_engine_data, hold_votes, put_engine_data
from node.peer_engine import EngineState, PeerEngine
from node.peer_tls import client_context
from node.restore import Own, Released, release

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Other:
    """Another validator's node."""

    name: str
    client: Client
    engine: PeerEngine


@contextmanager
def reach_others(home: Home, passphrase: keyfiles.PassphraseSource) -> Iterator[tuple[Other, ...]]:
    """The other validators that `network.toml` names, whether they answer or not, as long as the block lasts.

    Raises HomeError (`network.none`), ConfigError (`network.certificate`), KeyFileError.
    """
    network = settings_of(home)
    key = load_keys(home, ("tls",), passphrase)["tls"]
    with ExitStack() as stack:
        found = []
        for peer in network.links(home.path):
            try:
                context = client_context(home.path / CERTIFICATES / OWN_CERTIFICATE, key, peer.certificate)
            except (OSError, ssl.SSLError) as error:
                raise ConfigError("network.certificate", f"cannot use {peer.certificate}: {error}") from error
            transport = httpx.HTTPTransport(verify=context, trust_env=False)
            client = stack.enter_context(Client(peer.url, timeout=_SECONDS, transport=transport, repeats=0))
            plain = httpx.Client(base_url=peer.url, verify=context, timeout=_SECONDS, trust_env=False)
            found.append(Other(peer.name, client, PeerEngine(peer.name, stack.enter_context(plain))))
        yield tuple(found)


@dataclass(frozen=True, slots=True)
class Rejoined:
    """A home that is released, and has its engine's data."""

    released: Released
    answered: tuple[str, ...]
    """Names of the validators that said what this one's key has signed."""
    held: bool
    """Whether its engine waits before it votes."""


def rejoin(home: Home, own: Own, passphrase: keyfiles.PassphraseSource, progress: Progress) -> Rejoined:
    """Release a held home of a validator among several by what the others know, and give it what it needs to go on.

    Raises CannotTellError (`restore.peers-away`, `restore.not-our-signature`, `network.peer`), and as
    `node.restore.release` and `fetch_engine`.
    """
    with reach_others(home, passphrase) as others:
        signed, answered = _last_signed(others, [key for _, key in own()])
        source, log = _furthest(answered)
        # What at least one honest node among the others knows is the last, also if it is what the backup holds.
        released = release(home, signed.text, log, not_run_since=True, own=own, progress=progress)
        held = fetch_engine(home, [source, *(one for one in answered if one is not source)], passphrase)
        return Rejoined(released, tuple(one.name for one in answered), held)


def fetch_engine(
    home: Home, others: Sequence[Other], passphrase: keyfiles.PassphraseSource, copy: Path | None = None
) -> bool:
    """Take over the engine's data of the first of the others that gives it, or a `copy` of another's `data/engine` that was
    made by hand; returns whether this validator is then held from voting.

    Raises CannotTellError (`network.peer`) if none does, HomeError (`network.engine-data`), StoreError.
    """
    if copy is not None:
        put_engine_data(home, copy, lambda: _hold(home, others, passphrase))
        return is_held(home)
    problem: LedgerError | None = None
    for one in others:
        try:
            fetch_engine_data(home, one.engine, lambda: _hold(home, others, passphrase))
        except CannotTellError as error:
            problem = problem or error
        else:
            return is_held(home)
    raise problem or CannotTellError(
        "network.peer", "there is no other validator whose engine could be asked"
    )


def engine_states(others: Sequence[Other]) -> dict[str, EngineState]:
    """Where the engines of the others stand that answer, by validator's name."""
    found = {}
    for one in others:
        try:
            found[one.name] = one.engine.state()
        except CannotTellError:
            continue
    return found


def print_held() -> None:
    """Say that a validator does not vote yet, and why."""
    console.print(
        "  [yellow]chưa bỏ phiếu / does not vote yet:[/] cho đến khi các bên khác qua khỏi những khối nó có thể đã bỏ phiếu / "
        "until the others are past what it may have voted on before"
    )


def is_held(home: Home) -> bool:
    """Whether the home's engine is held from voting. Raises StoreError."""
    return held_to(EngineFiles(home.engine, home.engine).voted) > 0


def _hold(home: Home, others: Sequence[Other], passphrase: keyfiles.PassphraseSource) -> None:
    key = load_keys(home, ("engine",), passphrase)["engine"].public_key
    store = LedgerStore.open(home.ledger)
    try:
        if not is_validator_key(store, key):
            return  # it has never voted
    finally:
        store.close()
    states = engine_states(others)
    if not states:
        raise CannotTellError(
            "network.peer",
            "no other validator says where its engine is, so this one may have voted there before",
        )
    hold_votes(home, max(one.height for one in states.values()) + HELD_HEIGHTS)


def _last_signed(others: Sequence[Other], keys: Sequence[bytes]) -> tuple[Cosigned, list[Other]]:
    """The last checkpoint that one of `keys` is known to have cosigned, and who has answered."""
    answered: list[Other] = []
    known: list[Cosigned] = []
    for one in others:
        try:
            for key in keys:
                try:
                    known.append(Cosigned.parse(one.client.cosigned(key)))
                except ApiError as error:
                    if error.rule != "cosigned.unknown":
                        raise
        except ApiError:
            continue
        answered.append(one)
    count = len(others) + 1
    may_lie = count - quorum_size(count)
    if len(answered) <= may_lie:
        raise CannotTellError(
            "restore.peers-away",
            f"{len(answered)} of the other validators answer, and {may_lie + 1} are needed to know what this one has signed "
            "last: try again when more of them are there, or name a checkpoint and a mirror (--checkpoint, --from)",
        )
    if not known:
        raise CannotTellError(
            "restore.not-our-signature", "none of the others knows anything that this validator has cosigned"
        )
    return max(known, key=lambda one: (one.size, one.time_s)), answered


def _furthest(others: Sequence[Other]) -> tuple[Other, RemoteLog]:
    """The one that has the most final blocks, and its log."""
    logs: list[tuple[int, Other, RemoteLog]] = []
    problem: ApiError | None = None
    for one in others:
        try:
            log = RemoteLog(one.client)
        except ApiError as error:
            problem = error
            continue
        logs.append((parse_checkpoint(log.checkpoint()).size, one, log))
    if not logs:
        raise problem or CannotTellError("network.peer", "no other validator gives its log")
    _, source, log = max(logs, key=lambda found: found[0])
    return source, log
