"""A network's settings: `network.toml` in a validator's home says how the other validators are reached.

Rules: read strictly, like `sogoc.toml`; an unknown setting is an error that names it. Without the file a ledger has one
validator and the embedded engine. Certificates lie in `network/`, beside the file; no secret does.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.config import ConfigError
from node.engine.cometbft.files import EnginePeer
from node.peers import Peer

FILE: Final = "network.toml"
CERTIFICATES: Final = "network"
OWN_CERTIFICATE: Final = "own.pem"
_SETTINGS: Final = ("engine_listen", "peer_listen")
_PEER_SETTINGS: Final = ("name", "url", "certificate", "engine", "engine_id")
_ID_CHARACTERS: Final = 40
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class NetworkPeer:
    """Another validator, and both ways in which it is reached."""

    name: str
    """The validator's name on the ledger."""
    url: str
    """https address of its peer listener."""
    certificate: str
    """File name of its certificate, in `network/`."""
    engine: str
    """host:port of its engine."""
    engine_id: str
    """How engines know each other: 40 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Network:
    """Where this validator listens, and who the others are."""

    engine_listen: str
    """host:port for the others' engines."""
    peer_listen: str
    """host:port for the others' nodes, over TLS."""
    peers: tuple[NetworkPeer, ...]

    def engine_peers(self) -> tuple[EnginePeer, ...]:
        """The other engines."""
        return tuple(EnginePeer(peer.engine_id, peer.engine) for peer in self.peers)

    def links(self, home: Path) -> tuple[Peer, ...]:
        """The other nodes."""
        return tuple(Peer(peer.name, peer.url, home / CERTIFICATES / peer.certificate) for peer in self.peers)

    def format(self) -> str:
        """The settings as a file; `load_network` gives them back."""
        lines = [
            "# Cách gặp các nút xác thực khác / How the other validators are reached (docs/operating.md).",
            f"engine_listen = {json.dumps(self.engine_listen)}",
            f"peer_listen = {json.dumps(self.peer_listen)}",
        ]
        for peer in self.peers:
            lines += ["", "[[peer]]"]
            lines += [
                f"{name} = {json.dumps(getattr(peer, name), ensure_ascii=False)}" for name in _PEER_SETTINGS
            ]
        return "\n".join(lines) + "\n"


def load_network(home: Path) -> Network | None:
    """Read a home's `network.toml`; None if there is none. Raises ConfigError, rule `network.*`."""
    path = home / FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("network.read", f"cannot read {path}: {error}") from error
    rows = data.pop("peer", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError("network.peer", f"{path}: each other validator is a [[peer]]")
    settings = _texts(path, data, _SETTINGS)
    peers = tuple(NetworkPeer(**_texts(path, row, _PEER_SETTINGS)) for row in rows)
    network = Network(settings["engine_listen"], settings["peer_listen"], peers)
    check_network(path, network)
    return network


def check_network(path: Path, network: Network) -> None:
    """Check settings that are, or are to be, in the file `path`. Raises ConfigError, rule `network.*`."""
    peers = network.peers
    for address in (network.engine_listen, network.peer_listen, *(peer.engine for peer in peers)):
        split_address(address, path)
    _check_peers(path, peers)


def split_address(address: str, path: Path = Path(FILE)) -> tuple[str, int]:
    """Host and port of `host:port`. Raises ConfigError, rule `network.address`."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= _MAX_PORT:
        raise ConfigError("network.address", f"{path}: {address!r} is not of the form host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _texts(path: Path, row: Mapping[str, object], names: Sequence[str]) -> dict[str, str]:
    for name in row:
        if name not in names:
            raise ConfigError(
                "network.unknown", f"{path}: {name!r} is not a setting; the settings are {', '.join(names)}"
            )
    found: dict[str, str] = {}
    for name in names:
        value = row.get(name)
        if not isinstance(value, str) or not value:
            raise ConfigError("network.type", f"{path}: {name} is missing, or is not a text")
        found[name] = value
    return found


def _check_peers(path: Path, peers: Sequence[NetworkPeer]) -> None:
    if len({peer.name for peer in peers}) != len(peers):
        raise ConfigError("network.peer", f"{path}: a validator stands there twice")
    for peer in peers:
        if not peer.url.startswith("https://"):
            raise ConfigError("network.url", f"{path}: {peer.url!r} must begin with https://")
        if Path(peer.certificate).name != peer.certificate:
            raise ConfigError(
                "network.certificate", f"{path}: {peer.certificate!r} must be a file name in network/"
            )
        if len(peer.engine_id) != _ID_CHARACTERS or set(peer.engine_id) - set("0123456789abcdef"):
            raise ConfigError(
                "network.engine-id", f"{path}: {peer.engine_id!r} must be {_ID_CHARACTERS} hexadecimal digits"
            )
