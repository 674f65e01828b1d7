"""A home for a validator that joins a network which runs already: its keys, its settings, and what it offers to the others.

Rules: the ledger in the home was verified by whoever follows (`node.following`): either a copy of all of it, or its genesis
block alone, from which the engine then brings all others. The keys are made here and stay here; what leaves is the *offer*:
public keys with the signatures that show their possession, and the validator's card. The keys' directory appears last, and
whole, since it is what makes a copy a validator's home.

An engine whose data is empty needs the others' engine blocks from the first one on, and they keep theirs for `KEEP_SECONDS`. On
an older ledger, and wherever a copy of the ledger is there already, the engine's data comes from another validator: it hands
it out while it runs (`fetch_engine_data`), or it is copied from one that stands still (`put_engine_data`). Of that nothing is
believed but the order of what is not final yet: the application executes every block itself, and its root is compared.

What this module does not do: fetch, or change the ledger's validators.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.errors import LedgerError
from ledger.genesis import COSIGNING, ENGINE, HEADER, LOG, Genesis
from ledger.keys import SigningKey
from ledger.records.validators import possession_message
from node import keyfiles
from node.engine.cometbft.copying import NEEDED, STORES
from node.engine.cometbft.files import EngineFiles
from node.engine.cometbft.voting import hold, never_voted
from node.home import VALIDATOR_KEYS, VAULT_KEY, Home, HomeError
from node.network import CERTIFICATES, FILE, OWN_CERTIFICATE, Network, check_network
from node.network_cards import Card, own_card, peer_of
from node.network_init import NETWORK_KEYS
from node.peer_engine import PeerEngine
from node.peer_tls import make_certificate
from node.safe_files import disk_error, put_file, sync_names

PURPOSES: Final = {"log": LOG, "validator": COSIGNING, "header": HEADER, "engine": ENGINE}
"""Purposes by the names of the key files."""
OFFER: Final = "offer.json"
JOINING_KEYS: Final = (*VALIDATOR_KEYS, *NETWORK_KEYS, VAULT_KEY)
_DIARY: Final = "cs.wal"
"""What the engine wrote while it was voting: of no use to other stores."""


@dataclass(frozen=True, slots=True)
class Place:
    """How the others are to reach a validator."""

    engine_listen: str
    """host:port of its engine."""
    peer_listen: str
    """host:port of its node's listener for the others."""


def join_network(
    home: Home,
    genesis: Genesis,
    name: str,
    place: Place,
    others: Sequence[Card],
    *,
    passphrase: str | None,
    config: bytes,
    on_key: Callable[[str], None] = lambda _: None,
) -> Path:
    """Make a home that holds a verified copy into that of the validator `name`; returns the offer's file.

    Raises HomeError (`home.exists`, `network.name`), ConfigError for cards that cannot be used, KeyFileError, StoreError.
    """
    if home.keys.exists():
        raise HomeError("home.exists", f"{home.path} is a validator's home already: it has keys")
    if name in {card.name for card in others}:
        raise HomeError("network.name", f"{name} is among the validators already: choose another name")
    keys = {one: SigningKey.from_seed(secrets.token_bytes(32)) for one in JOINING_KEYS}
    network = Network(place.engine_listen, place.peer_listen, ())
    for card in others:
        peer = peer_of(card, [one.certificate for one in network.peers])
        network = Network(place.engine_listen, place.peer_listen, (*network.peers, peer))
    check_network(home.path / FILE, network)
    try:
        certificates = home.path / CERTIFICATES
        certificates.mkdir(mode=0o700, exist_ok=True)
        put_file(certificates / OWN_CERTIFICATE, make_certificate(keys["tls"], name))
        for peer, card in zip(network.peers, others, strict=True):
            put_file(certificates / peer.certificate, card.certificate.encode())
        put_file(home.path / FILE, network.format().encode())
        put_file(home.config, config)
        told = own_card(home, network, name, keys["peer"].public_key)
        offer = home.path / OFFER
        put_file(offer, (json.dumps(_offer(genesis, name, keys, told), indent=2) + "\n").encode())
        _put_keys(home, keys, passphrase, on_key)
    except OSError as error:
        raise disk_error(error, home.path) from error
    return offer


def offer_of(genesis: Genesis, name: str, keys: dict[str, SigningKey]) -> dict[str, Any]:
    """Public keys for a validator of this name, and that they are held; `keys` by the names of their files."""
    offered: dict[str, dict[str, str]] = {}
    for file, purpose in PURPOSES.items():
        message = possession_message(genesis.chain_id, name, purpose, keys[file].public_key)
        offered[purpose] = {
            "key": keys[file].public_key.hex(),
            "possession": keys[file].sign(message).hex(),
        }
    return {"chain_id": genesis.chain_id.hex(), "validator": name, "keys": offered}


def put_engine_data(home: Home, copy: Path, before: Callable[[], None] = lambda: None) -> None:
    """Put what another validator's engine has kept (a copy of its `data/engine`) in the place of what this home's engine has.

    What this validator itself has voted on stays as it is, and nobody else's is taken. `before` is called when all has been
    read and nothing is in place. Run again after a crash. Raises HomeError (`network.engine-data`), and what `before` raises.
    """
    source = copy / "data"
    missing = [name for name in NEEDED if not (source / name).is_dir()]
    if missing:
        raise HomeError(
            "network.engine-data",
            f"{copy} is no copy of a validator's data/engine: it has no data/{missing[0]}",
        )

    def fill(part: Path) -> None:
        for name in STORES:
            if (source / name).is_dir():
                shutil.copytree(source / name, part / name)

    _replace_stores(home, fill, before)


def fetch_engine_data(home: Home, engine: PeerEngine, before: Callable[[], None]) -> None:
    """The same with the data that another validator's node hands out while it runs. Raises as `put_engine_data`, and
    CannotTellError (`network.peer`), FormatError (`engine.copy`).
    """
    _replace_stores(home, engine.fetch, before)


def hold_votes(home: Home, height: int) -> None:
    """Let this validator's engine vote on nothing up to `height`, if nothing is known of what it has voted on.

    Raises StoreError.
    """
    voted = EngineFiles(home.engine, home.engine).voted
    if never_voted(voted):
        voted.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        hold(voted, height)


def _replace_stores(home: Home, fill: Callable[[Path], None], before: Callable[[], None]) -> None:
    target = EngineFiles(home.engine, home.engine).stores
    part = target / "copied.part"
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left_over in (part, target / _DIARY):
            shutil.rmtree(left_over, ignore_errors=True)
        part.mkdir(mode=0o700)
        fill(part)
        before()
        for name in STORES:
            shutil.rmtree(target / name, ignore_errors=True)
        for one in part.iterdir():
            one.rename(target / one.name)
        part.rmdir()
        sync_names(target)
    except (OSError, shutil.Error) as error:
        raise HomeError("network.engine-data", f"cannot copy the engine's data: {error}") from error


def _offer(genesis: Genesis, name: str, keys: dict[str, SigningKey], card: Card) -> dict[str, Any]:
    return offer_of(genesis, name, keys) | {"reached": card.value()}


def _put_keys(
    home: Home, keys: dict[str, SigningKey], passphrase: str | None, on_key: Callable[[str], None]
) -> None:
    part = home.path / ".keys.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    try:
        for name, key in keys.items():
            on_key(name)
            keyfiles.save(part / f"{name}.pem", key, passphrase)
        sync_names(part)
        part.rename(home.keys)
        sync_names(home.path)
    except LedgerError:
        shutil.rmtree(part, ignore_errors=True)
        raise
