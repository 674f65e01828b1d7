"""`sogoc serve`: run a node, on its address and on the Unix socket in its home."""

from __future__ import annotations

import gc
import logging
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from api.cli import passphrases
from api.cli.output import UsageError
from ledger.keys import SigningKey
from node.config import Config, load_config
from node.home import ANCHOR_KEY, VAULT_KEY, WITNESS_KEY, Home, load_keys, load_next_keys
from node.network import Network, load_network
from node.network_init import NETWORK_KEYS
from node.network_part import NetworkPart
from node.service import Node, clock_ms
from node.vault.keeper import open_vault
from node.witness.acting import Witness
from node.witness.anchoring import Anchoring

SERVING_KEYS = ("log", "validator", "header")
NETWORK_SERVING_KEYS = ("engine", *NETWORK_KEYS)


def serve(
    directory: Annotated[Path, typer.Argument(help="Thư mục của nút / the node's home")],
    *,
    host: Annotated[
        str | None, typer.Option(help="Địa chỉ lắng nghe / address; 127.0.0.1 unless configured")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Cổng / port; 0 chooses a free one")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Chứng thư TLS (PEM) / certificate for HTTPS")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Khóa TLS (PEM) / its private key")] = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
) -> None:
    """Chạy nút: nhận, ghi, ký, phục vụ. Run the node."""
    import uvloop  # noqa: PLC0415  with the web framework, which no other command needs

    from api.cli.server import run_servers  # noqa: PLC0415  as above

    home = Home(directory)
    config = load_config(home.config)
    home.read_genesis()
    configure_logging()
    has_vault = home.key(VAULT_KEY).exists()
    names = (*SERVING_KEYS, VAULT_KEY) if has_vault else SERVING_KEYS
    # Both are their owner's choice: who makes the key file wants it used.
    names = (*names, *(name for name in (WITNESS_KEY, ANCHOR_KEY) if home.key(name).exists()))
    passphrase = passphrases.once(passphrases.existing(passphrase_file))
    settings = load_network(directory)
    if settings is not None:
        names = (*names, *NETWORK_SERVING_KEYS)
    keys = load_keys(home, names, passphrase)
    next_keys = load_next_keys(home, SERVING_KEYS, passphrase)
    network = None if settings is None else _network(home, settings, keys)
    node = Node(home, config, keys, next_keys=next_keys, network=network)
    vault = open_vault(node, keys[VAULT_KEY]) if has_vault else None
    anchoring = None
    try:
        witness = _witness(node, keys)
        anchoring = _anchoring(node, keys, witness)
        _rest_the_collector()
        uvloop.run(
            run_servers(
                node,
                vault=vault,
                witness=witness,
                anchoring=anchoring,
                host=host or config.host,
                port=config.port if port is None else port,
                tls=_tls(config, tls_cert, tls_key),
                network=network,
            )
        )
    finally:
        if anchoring is not None:
            anchoring.stop()
        if vault is not None:
            vault.stop()
        node.stop()
    if node.failure is not None:
        raise typer.Exit(1)


def _witness(node: Node, keys: dict[str, SigningKey]) -> Witness | None:
    if WITNESS_KEY not in keys:
        return None
    return Witness(
        node.home, keys[WITNESS_KEY], evidence=node.evidence, metrics=node.metrics, clock_ms=clock_ms
    )


def _anchoring(node: Node, keys: dict[str, SigningKey], witness: Witness | None) -> Anchoring | None:
    if witness is None or ANCHOR_KEY not in keys:
        return None
    seconds = max(1, node.config.witness_anchor_seconds)
    return Anchoring(node, keys[ANCHOR_KEY], witness.seen, seconds=seconds, clock_ms=clock_ms)


def _network(home: Home, settings: Network, keys: dict[str, SigningKey]) -> NetworkPart:
    return NetworkPart(
        home=home.path,
        engine_home=home.engine,
        settings=settings,
        engine_key=keys["engine"],
        peer_key=keys["peer"],
        tls_key=keys["tls"],
    )


def _rest_the_collector() -> None:
    """Let the cycle collector look less often: a fifth of the node's time under load went into it.

    What an entry leaves behind is freed by counting references; by default all that waits to be committed is gone through
    several times a second for cycles that are not there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def configure_logging() -> None:
    """Structured logs on standard error: for people at a terminal, as JSON lines otherwise."""
    people = sys.stderr.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _tls(config: Config, cert: Path | None, key: Path | None) -> tuple[str, str] | None:
    chosen = (str(cert or config.tls_cert), str(key or config.tls_key))
    if not any(chosen):
        return None
    if not all(chosen):
        raise UsageError("tls.pair", "--tls-cert and --tls-key go together")
    for path in chosen:
        if not Path(path).is_file():
            raise UsageError("tls.missing", f"there is no file {path}")
    return chosen
