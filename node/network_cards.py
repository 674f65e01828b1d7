"""How validators are told of one another: cards, which say where one is reached and by which certificate it is known.

Rules: a card holds no secret and is believed because it was handed over by people (docs/operating.md). A card's certificate is
one certificate with one Ed25519 key, written again here, so that nothing else that stood in the file is ever trusted. Taking
a card in or out changes `network.toml` and the file beside it, the certificate first: a crash leaves the settings as they were,
or as they are to be.

What this module does not do: change the ledger's validators, which is governance, or tell a running node: it reads its
settings when it starts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from ledger.errors import FormatError
from node.config import ConfigError
from node.engine.cometbft.files import address
from node.home import Home, HomeError
from node.network import (
    CERTIFICATES,
    FILE,
    OWN_CERTIFICATE,
    Network,
    NetworkPeer,
    check_network,
    load_network,
)
from node.safe_files import put_file

MAX_CARDS_BYTES: Final = 1_000_000
MAX_CARDS: Final = 64
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Card:
    """A validator as the others reach it."""

    name: str
    """The validator's name on the ledger."""
    url: str
    """https address of its peer listener."""
    certificate: str
    """Its certificate, PEM."""
    engine: str
    """host:port of its engine."""
    engine_id: str
    """How engines know it: 40 hexadecimal digits."""

    def value(self) -> dict[str, str]:
        """The card as JSON has it."""
        return asdict(self)

    @classmethod
    def parse(cls, value: object) -> Card:
        """Read a card. Raises FormatError, rule `network.card`."""
        names = tuple(cls.__dataclass_fields__)
        if not isinstance(value, Mapping) or set(value) != set(names):
            raise FormatError("network.card", f"a validator's card has the fields {', '.join(names)}")
        if not all(isinstance(one, str) and one.replace("\n", "").isprintable() for one in value.values()):
            raise FormatError(
                "network.card", "each field of a validator's card is a text that can be printed"
            )
        found = cls(**value)
        return replace(found, certificate=_one_certificate(found.certificate))


def own_card(home: Home, network: Network, name: str, peer_key: bytes) -> Card:
    """The card of the validator whose home this is. Raises ConfigError (`network.certificate`)."""
    return Card(
        name,
        f"https://{network.peer_listen}",
        _read_certificate(home, OWN_CERTIFICATE),
        network.engine_listen,
        address(peer_key).hex(),
    )


def peer_cards(home: Home, network: Network) -> list[Card]:
    """Cards of the others that this home knows. Raises ConfigError (`network.certificate`)."""
    return [
        Card(peer.name, peer.url, _read_certificate(home, peer.certificate), peer.engine, peer.engine_id)
        for peer in network.peers
    ]


def cards_text(chain_id: bytes, cards: Sequence[Card]) -> str:
    """A file of cards for one ledger."""
    return (
        json.dumps({"chain_id": chain_id.hex(), "validators": [card.value() for card in cards]}, indent=2)
        + "\n"
    )


def read_cards(path: Path, chain_id: bytes) -> list[Card]:
    """The cards in a file made by `cards_text`, or the one in an offer. Raises FormatError, rule `network.card*`."""
    try:
        with path.open("rb") as stream:
            told: Any = json.loads(stream.read(MAX_CARDS_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError("network.card", f"{path} cannot be read as a file of validators' cards") from error
    rows = told.get("validators", [told.get("reached")]) if isinstance(told, dict) else None
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_CARDS:
        raise FormatError("network.card", f"{path} holds no validators' cards")
    if told.get("chain_id") != chain_id.hex():
        raise FormatError("network.card-ledger", f"{path} is about another ledger than this home's")
    return [Card.parse(row) for row in rows]


def admit(home: Home, card: Card, *, replacing: bool) -> None:
    """Let a validator in among those that this home reaches and believes; with `replacing`, in the place of its old card.

    Raises HomeError (`network.known`, `network.unknown-validator`, `network.none`), ConfigError for a card that cannot be used,
    StoreError.
    """
    network = settings_of(home)
    known = {peer.name: peer for peer in network.peers}
    if (card.name in known) != replacing:
        raise HomeError(
            "network.unknown-validator" if replacing else "network.known",
            f"{card.name} is {'not ' if replacing else ''}among the validators that this home reaches"
            + ("" if replacing else ": to change how, say --replace"),
        )
    peer = peer_of(card, [one.certificate for name, one in known.items() if name != card.name])
    others = tuple(one for one in network.peers if one.name != card.name)
    changed = replace(network, peers=(*others, peer))
    check_network(home.path / FILE, changed)
    put_file(home.path / CERTIFICATES / peer.certificate, card.certificate.encode())
    put_file(home.path / FILE, changed.format().encode())


def dismiss(home: Home, name: str) -> None:
    """Reach and believe a validator no more. Raises HomeError (`network.unknown-validator`, `network.none`), StoreError."""
    network = settings_of(home)
    gone = [peer for peer in network.peers if peer.name == name]
    if not gone:
        raise HomeError(
            "network.unknown-validator", f"{name} is not among the validators that this home reaches"
        )
    put_file(home.path / FILE, replace(network, peers=_without(network, name)).format().encode())
    (home.path / CERTIFICATES / gone[0].certificate).unlink(missing_ok=True)


def peer_of(card: Card, taken: Sequence[str]) -> NetworkPeer:
    """A card as settings; its certificate's file gets a name that is not among `taken`."""
    stem = _UNSAFE.sub("-", card.name.rpartition("/")[2])[:60].strip(".") or "validator"
    names = (f"{stem}{'' if not number else f'-{number}'}.pem" for number in range(MAX_CARDS + 2))
    file = next(name for name in names if name != OWN_CERTIFICATE and name not in taken)
    return NetworkPeer(card.name, card.url, file, card.engine, card.engine_id)


def settings_of(home: Home) -> Network:
    """The settings of a home that has some. Raises ConfigError, HomeError (`network.none`)."""
    network = load_network(home.path)
    if network is None:
        raise HomeError(
            "network.none", f"{home.path} has no {FILE}: it is not the home of a validator among several"
        )
    return network


def _without(network: Network, name: str) -> tuple[NetworkPeer, ...]:
    return tuple(peer for peer in network.peers if peer.name != name)


def _read_certificate(home: Home, name: str) -> str:
    path = home.path / CERTIFICATES / name
    try:
        return _one_certificate(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, FormatError) as error:
        raise ConfigError("network.certificate", f"cannot read the certificate {path}: {error}") from error


def _one_certificate(text: str) -> str:
    try:
        found = x509.load_pem_x509_certificates(text.encode("ascii"))
        key = found[0].public_key() if len(found) == 1 else None
    except (ValueError, UnicodeEncodeError) as error:
        raise FormatError("network.card", "a card's certificate cannot be read") from error
    if not isinstance(key, Ed25519PublicKey):
        raise FormatError("network.card", "a card has one certificate, of an Ed25519 key")
    return found[0].public_bytes(Encoding.PEM).decode("ascii")
