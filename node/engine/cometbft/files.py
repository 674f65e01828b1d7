"""What a `cometbft` process reads: its configuration, genesis document and keys, written from the ledger's own.

Rules: the engine's key file and peer key file exist only in a directory of mode 0700 while the process starts: at rest both
keys lie encrypted in keys/, like every other. What the engine must never lose, the heights at which it has voted
(`priv_validator_state.json`), lies with its data and is in no backup.

The forms are those of CometBFT v0.38 (docs.cometbft.com/v0.38/core/configuration).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ledger.genesis import Genesis, Validator
from ledger.hashing import sha256
from ledger.keys import SigningKey
from node.engine.cometbft.voting import let_vote
from node.safe_files import put_file

ADDRESS_BYTES: Final = 20
MAX_BLOCK_BYTES: Final = 4 * 1024 * 1024
"""Bytes of an engine block."""
KEEP_SECONDS: Final = 7 * 24 * 3600
"""How long engine blocks are kept for engines that catch up; the ledger's own are kept for ever."""
_EVIDENCE_SECONDS: Final = 48 * 3600
_EVIDENCE_BLOCKS: Final = 100_000
_BILLION: Final = 1_000_000_000


def address(engine_key: bytes) -> bytes:
    """20 bytes: how the engine names a validator or peer with this Ed25519 public key."""
    return sha256(engine_key)[:ADDRESS_BYTES]


def engine_chain_id(chain_id: bytes) -> str:
    """The engine's name of this ledger, of at most 50 characters as the engine demands: the first 20 bytes of the chain id."""
    return f"sogoc-{chain_id[:20].hex()}"


@dataclass(frozen=True, slots=True)
class EnginePeer:
    """Another validator's engine."""

    identifier: str
    """`address` of its peer key in hexadecimal."""
    listen: str
    """host:port where it is reached."""


@dataclass(frozen=True, slots=True)
class EngineFiles:
    """Paths of one engine: what it keeps, and the directory that lives only as long as the process."""

    home: Path
    runtime: Path

    @property
    def config(self) -> Path:
        """The engine's configuration."""
        return self.home / "config" / "config.toml"

    @property
    def genesis(self) -> Path:
        """The engine's genesis document."""
        return self.home / "config" / "genesis.json"

    @property
    def voted(self) -> Path:
        """What the engine has voted on last: losing it could make it vote twice."""
        return self.home / "data" / "priv_validator_state.json"

    @property
    def stores(self) -> Path:
        """Blocks, votes and states, each a LevelDB in a directory of its own."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """What the engine prints."""
        return self.home / "engine.log"

    @property
    def application_socket(self) -> Path:
        """Where the engine asks the application."""
        return self.runtime / "app.sock"

    @property
    def rpc_socket(self) -> Path:
        """Where the engine takes entries."""
        return self.runtime / "rpc.sock"

    @property
    def engine_key(self) -> Path:
        """The validator's engine key, while the process starts."""
        return self.runtime / "engine_key.json"

    @property
    def peer_key(self) -> Path:
        """The key by which other engines know this one, while the process starts."""
        return self.runtime / "peer_key.json"


def write_home(files: EngineFiles, genesis: Genesis, *, listen: str, peers: Sequence[EnginePeer]) -> None:
    """Write configuration and genesis document of an engine.

    `listen` is host:port for the other engines. What was voted on is written only if it is not there. Raises OSError.
    """
    for directory in (files.home / "config", files.home / "data"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    put_file(files.config, _config(files, listen, peers).encode())
    put_file(files.genesis, json.dumps(_genesis(genesis), indent=1).encode())
    if not files.voted.exists():
        let_vote(files.voted)


def write_keys(files: EngineFiles, engine_key: SigningKey, peer_key: SigningKey) -> None:
    """Put the two private keys where the process reads them when it starts."""
    public = engine_key.public_key
    voting = {
        "address": address(public).hex().upper(),
        "pub_key": _public(public),
        "priv_key": _private(engine_key),
    }
    put_file(files.engine_key, json.dumps(voting).encode(), mode=0o600)
    put_file(files.peer_key, json.dumps({"priv_key": _private(peer_key)}).encode(), mode=0o600)


def remove_keys(files: EngineFiles) -> None:
    """Take the private keys away again: the process has read them."""
    files.engine_key.unlink(missing_ok=True)
    files.peer_key.unlink(missing_ok=True)


def _public(key: bytes) -> dict[str, str]:
    return {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(key).decode()}


def _private(key: SigningKey) -> dict[str, str]:
    return {
        "type": "tendermint/PrivKeyEd25519",
        "value": base64.b64encode(key.seed + key.public_key).decode(),
    }


def _genesis(genesis: Genesis) -> dict[str, object]:
    return {
        "genesis_time": datetime.fromtimestamp(genesis.time_ms / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
        "chain_id": engine_chain_id(genesis.chain_id),
        "initial_height": "1",
        "consensus_params": {
            "block": {"max_bytes": str(MAX_BLOCK_BYTES), "max_gas": "-1"},
            "evidence": {
                "max_age_num_blocks": str(_EVIDENCE_BLOCKS),
                "max_age_duration": str(_EVIDENCE_SECONDS * _BILLION),
                "max_bytes": "65536",
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": str(genesis.rules_version)},
        },
        "validators": [_validator(one) for one in genesis.validators],
        "app_hash": "",
    }


def _validator(validator: Validator) -> dict[str, object]:
    return {
        "address": address(validator.engine_key).hex().upper(),
        "pub_key": _public(validator.engine_key),
        "power": "1",
        "name": validator.name,
    }


def _config(files: EngineFiles, listen: str, peers: Sequence[EnginePeer]) -> str:
    # Only what differs from the engine's defaults; JSON's strings are TOML's.
    text = json.dumps
    return f"""\
# Written by sogoc at each start: changes here are lost. Chỉ sogoc ghi tệp này.
proxy_app = {text(f"unix://{files.application_socket}")}
abci = "socket"
log_level = "error"
priv_validator_key_file = {text(str(files.engine_key))}
node_key_file = {text(str(files.peer_key))}

[rpc]
laddr = {text(f"unix://{files.rpc_socket}")}
max_body_bytes = 8000000
max_request_batch_size = 1000

[p2p]
laddr = {text(f"tcp://{listen}")}
persistent_peers = {text(",".join(f"{peer.identifier}@{peer.listen}" for peer in peers))}
# Members are few and known: nobody else is looked for, and their addresses need not be public ones.
pex = false
addr_book_strict = false
allow_duplicate_ip = true

[mempool]
# What was refused for now is offered again, and must not be taken for known.
keep-invalid-txs-in-cache = false
max_txs_bytes = 67108864
max_tx_bytes = 1048576

[consensus]
# Without empty blocks, the first block after a quiet night would bear the evening's time.
create_empty_blocks_interval = "10s"
timeout_commit = "200ms"

[tx_index]
# Entries are found in the ledger.
indexer = "null"

[instrumentation]
prometheus = false
"""
