"""A validator that lies: `python -m tests.network.liar HOME LIE…` is `sogoc serve` with parts of it turned against the others.

Lies: `state-root`, `log-root`, `entry` (an entry of its own making inside a proposal), `time`, `header-key`, `height`,
`empty` and `order` are proposals that break a rule; `two-roots` cosigns a second root beside the true one, and sends it;
`garbage` sends bytes of all kinds to the others' listeners; `answers` answers with such when they ask.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import httpx

from api.cli.app import app
from ledger.block import Header, SignedHeader, parse_signed_header
from ledger.hashing import sha256
from ledger.keys import SigningKey
from node import peers
from node.application import Application
from node.cosigning import Cosigner
from node.network_part import NetworkPart
from node.service import Node

Proposal = list[bytes]

_STRANGER = SigningKey.from_seed(sha256(b"tests/network stranger"))


def _header_lie(change: Callable[[Header], Header]) -> Callable[[Proposal, SigningKey], Proposal]:
    def lie(proposal: Proposal, key: SigningKey) -> Proposal:
        header = change(parse_signed_header(proposal[0]).header)
        return [SignedHeader(header, header.sign(key)).encoded(), *proposal[1:]]

    return lie


def _by_stranger(proposal: Proposal, _: SigningKey) -> Proposal:
    header = replace(parse_signed_header(proposal[0]).header, proposer=_STRANGER.public_key)
    return [SignedHeader(header, header.sign(_STRANGER)).encoded(), *proposal[1:]]


PROPOSALS: dict[str, Callable[[Proposal, SigningKey], Proposal]] = {
    "state-root": _header_lie(lambda header: replace(header, state_root=sha256(header.state_root))),
    "log-root": _header_lie(lambda header: replace(header, log_root=sha256(header.log_root))),
    "time": _header_lie(lambda header: replace(header, time_ms=header.time_ms + 1)),
    "height": _header_lie(lambda header: replace(header, engine_height=header.engine_height + 1)),
    "header-key": _by_stranger,
    "entry": lambda proposal, _: [*proposal[:-1], proposal[-1][:-1] + bytes([proposal[-1][-1] ^ 1])],
    "empty": lambda proposal, _: proposal[:1],
    "order": lambda proposal, _: proposal[::-1],
}
"""What each lie makes of an honest proposal."""


def lie_in_proposals(lies: Sequence[str]) -> None:
    """Each proposal is turned into one of the lies, in turn; this node itself accepts whatever comes."""
    honest = Application.prepare
    turn = iter(range(1_000_000))

    def prepare(self: Application, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  as the honest one
        proposal, refused = honest(self, *arguments, **options)
        if proposal:
            key = self.header_key
            assert key is not None
            proposal = PROPOSALS[lies[next(turn) % len(lies)]](proposal, key)
        return proposal, refused

    def process(self: Application, *_arguments: Any, **_options: Any) -> None:  # noqa: ANN401  as the honest one
        """Accept."""

    Application.prepare = prepare  # type: ignore[method-assign]
    Application.process = process  # type: ignore[method-assign]


def sign_two_roots() -> None:
    """Beside each true checkpoint the others get one of another root, under the same key."""
    honest = peers.PeerLink._talk
    cosigners: list[Cosigner] = []
    sign = Cosigner.sign

    def remember(self: Cosigner, size: int, root: bytes, time_s: int) -> str:
        cosigners[:] = [self]
        return sign(self, size, root, time_s)

    def talk(self: peers.PeerLink) -> None:
        honest(self)
        text = self._gathering.newest_text()
        if text is not None and cosigners:
            size = int(text.split("\n")[1])
            lie = sign(cosigners[0], size, sha256(b"another history %d" % size), int(time.time()))
            self._client.post(peers.PATH, content=lie)

    Cosigner.sign = remember  # type: ignore[method-assign]
    peers.PeerLink._talk = talk  # type: ignore[method-assign]


def send_garbage() -> None:
    """Bytes of all kinds for the others' listeners, under this validator's own certificate."""
    honest = NetworkPart.make_peers

    def make_peers(self: NetworkPart, *arguments: Any) -> Any:  # noqa: ANN401  as the honest one
        for peer in self.settings.links(self.home):
            client = httpx.Client(base_url=peer.url, verify=self._context(peer), timeout=10)
            threading.Thread(target=_pour, args=(client,), daemon=True).start()
        return honest(self, *arguments)

    NetworkPart.make_peers = make_peers  # type: ignore[method-assign, assignment]


def _pour(client: httpx.Client) -> None:
    random = Random(7)
    while True:
        time.sleep(0.2)
        body = random.choice(
            [
                b"",
                random.randbytes(200),
                b"a\n" * 60_000,
                b"tinh.example/so-goc\n9\n" + random.randbytes(20),
                b"faults.example/so-goc\n99999999999999999999\nAAAA\n\n\xe2\x80\x94 x AAAA\n",
                random.randbytes(3_000_000),
            ]
        )
        try:
            client.request(
                random.choice(["POST", "POST", "PUT", "GET"]),
                random.choice([peers.PATH, "/", "/v1/entries"]),
                content=body,
            )
        except httpx.HTTPError:
            continue


def answer_garbage() -> None:
    """What the others get when they ask for the newest checkpoint."""
    random = Random(8)

    def newest(_: Node) -> str:
        return random.choice(["x" * 2_000_000, "faults.example/so-goc\n9\nAAAA\n\n", "\x00", ""])

    Node.newest_cosigned = newest  # type: ignore[method-assign, assignment]


def main() -> None:
    """Turn what is asked for, then serve."""
    home, *lies = sys.argv[1:]
    proposals = [lie for lie in lies if lie in PROPOSALS]
    if proposals:
        lie_in_proposals(proposals)
    if "two-roots" in lies:
        sign_two_roots()
    if "garbage" in lies:
        send_garbage()
    if "answers" in lies:
        answer_garbage()
    app(["serve", home, "--port", "0"])


if __name__ == "__main__":
    main()
