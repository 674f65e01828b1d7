"""What a node needs to be one validator among several: an engine of its own process, and links to the others."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ledger.genesis import Genesis
from ledger.keys import SigningKey
from ledger.rules import ParsedEntry
from node.application import Application
from node.engine.cometbft.engine import CometBftEngine, EngineSettings, NetworkEvents
from node.network import CERTIFICATES, OWN_CERTIFICATE, Network
from node.peer_tls import client_context, server_context
from node.peers import Gathering, Peer, Peers


@dataclass(frozen=True, slots=True)
class NetworkPart:
    """A validator's settings and the three keys that only a network needs."""

    home: Path
    engine_home: Path
    settings: Network
    engine_key: SigningKey
    peer_key: SigningKey
    tls_key: SigningKey

    def make_engine(
        self,
        application: Application,
        genesis: Genesis,
        events: NetworkEvents,
        *,
        cosigning_key_id: Callable[[], bytes | None],
        clock_ms: Callable[[], int],
        admit: Callable[[ParsedEntry], None],
    ) -> CometBftEngine:
        """The engine, not started; `admit` as it is told there. Raises EngineMissingError, OSError, StoreError."""
        return CometBftEngine(
            application,
            genesis,
            events,
            EngineSettings(self.engine_home, self.settings.engine_listen, self.settings.engine_peers()),
            keys=(self.engine_key, self.peer_key),
            cosigning_key_id=cosigning_key_id,
            clock_ms=clock_ms,
            admit=admit,
        )

    def make_peers(
        self, gathering: Gathering, receive: Callable[[str, str], None], clock_ms: Callable[[], int]
    ) -> Peers:
        """The links to the other validators, not started. Raises OSError or ssl.SSLError for a certificate that cannot be
        read.
        """
        return Peers(self.settings.links(self.home), self._context, gathering, receive, clock_ms)

    def listener_context(self) -> ssl.SSLContext:
        """TLS for the listener that the other validators reach. Raises as `make_peers`."""
        pinned = [peer.certificate for peer in self.settings.links(self.home)]
        return server_context(self._certificate, self.tls_key, pinned)

    def _context(self, peer: Peer) -> ssl.SSLContext:
        return client_context(self._certificate, self.tls_key, peer.certificate)

    @property
    def _certificate(self) -> Path:
        return self.home / CERTIFICATES / OWN_CERTIFICATE
