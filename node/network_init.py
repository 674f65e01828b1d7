"""Making a ledger of several organisations: one complete home for each of its validators.

Rules: all homes are made or none. Each member gets keys of its own for each kind of statement, its settings, and the
others' certificates; the genesis checkpoint is cosigned by all, so that each node has something final from the first
moment. Whoever runs this has seen every key: members who do not trust one machine change theirs afterwards
(docs/operating.md, "Changing a validator's keys").

What this module does not do: start anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger import note
from ledger.block import RULES_VERSION
from ledger.checkpoint import parse as parse_checkpoint
from ledger.entry import NONCE_SIZE
from ledger.genesis import Genesis, GenesisKey, GenesisMember, Validator, check_genesis
from ledger.keys import SigningKey
from ledger.note import Note
from ledger.roles import (
    ADMINISTRATOR,
    AUDITOR,
    INSPECTOR,
    ISSUER,
    OFFICE,
    PRODUCER,
    VALIDATOR,
)
from ledger.store.ledger_store import LedgerStore
from node.cosigning import Cosigner
from node.engine.cometbft.files import address
from node.home import KEY_NAMES, Home, HomeError, remove_half_made, write_home
from node.network import CERTIFICATES, FILE, OWN_CERTIFICATE, Network, NetworkPeer
from node.peer_tls import make_certificate
from node.safe_files import put_file

NETWORK_KEYS: Final = ("peer", "tls")
"""Keys of a validator among several, beside those of every home: its engine's among engines, and its listener's."""
MAX_VALIDATORS: Final = 16
HTTP_PORT, PEER_PORT, ENGINE_PORT = 8080, 8443, 26656
"""Ports of the first validator on a machine; the next one there has the next ones."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A member that runs a validator."""

    id: str
    name: str
    roles: tuple[str, ...]
    """What it does beside validating and administering."""


EXAMPLE: Final = (
    Organisation("ward", "UBND phường Phú Sơn", (ISSUER, OFFICE)),
    Organisation("province", "Sở Khoa học và Công nghệ tỉnh", (ISSUER, OFFICE)),
    Organisation("coop", "Hợp tác xã nông nghiệp", (PRODUCER,)),
    Organisation("inspectorate", "Thanh tra tỉnh", (INSPECTOR,)),
)
"""Who runs a validator when nobody else is named."""


@dataclass(frozen=True, slots=True)
class Seat:
    """An organisation with its keys and places."""

    organisation: Organisation
    keys: dict[str, SigningKey]
    certificate: bytes
    """What its listener shows, the same bytes for all who pin it."""
    host: str
    offset: int
    """How many validators before it are on the same host."""

    @property
    def id(self) -> str:
        """The member's identifier, and the name of its home."""
        return self.organisation.id


def example_organisations(count: int) -> tuple[Organisation, ...]:
    """`count` organisations for a trial: those of `EXAMPLE`, then further offices."""
    more = (
        Organisation(f"office-{number}", f"Cơ quan {number}", (ISSUER, OFFICE))
        for number in range(len(EXAMPLE) + 1, count + 1)
    )
    return (*EXAMPLE, *more)[:count]


def init_network(
    out: Path,
    organisations: Sequence[Organisation],
    *,
    origin: str,
    hosts: Sequence[str],
    passphrase: str | None,
    time_s: int,
    config: Callable[[int], str],
    on_key: Callable[[str], None] = lambda _: None,
) -> Genesis:
    """Make `out`/<member>/ for each organisation; `out` must not exist or be empty.

    `hosts` has one address for each; `config` gives the text of `sogoc.toml` for an HTTP port. Raises HomeError
    (`home.exists`, `network.members`), KeyFileError, FormatError or RefusedError (a bad origin or name), StoreError.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise HomeError("home.exists", f"{out} is not empty: choose a directory that does not exist yet")
    if not 1 <= len(organisations) <= MAX_VALIDATORS or len(hosts) != len(organisations):
        raise HomeError(
            "network.members",
            f"a network is begun with 1 to {MAX_VALIDATORS} validators, and one host for each",
        )
    seats = [
        _seat(origin, organisation, host, hosts[:number].count(host))
        for number, (organisation, host) in enumerate(zip(organisations, hosts, strict=True))
    ]
    genesis = _genesis(origin, seats, time_s * 1000)
    check_genesis(genesis)
    made_here = not out.exists()
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        for seat in seats:
            _write_seat(out / seat.id, genesis, seat, seats, passphrase, time_s, config, on_key)
    except BaseException:
        remove_half_made(out, made_here=made_here)
        raise
    return genesis


def _seat(origin: str, organisation: Organisation, host: str, offset: int) -> Seat:
    keys = {name: SigningKey.from_seed(secrets.token_bytes(32)) for name in (*KEY_NAMES, *NETWORK_KEYS)}
    return Seat(
        organisation, keys, make_certificate(keys["tls"], f"{origin}/{organisation.id}"), host, offset
    )


def _genesis(origin: str, seats: Sequence[Seat], time_ms: int) -> Genesis:
    members = sorted(
        (
            GenesisMember(
                seat.id,
                seat.organisation.name,
                tuple(sorted({ADMINISTRATOR, AUDITOR, VALIDATOR, *seat.organisation.roles})),
            )
            for seat in seats
        ),
        key=lambda member: member.id,
    )
    acting = [
        key
        for seat in seats
        for key in (
            GenesisKey(seat.keys["admin"].public_key, seat.id, (ADMINISTRATOR,)),
            GenesisKey(seat.keys["office"].public_key, seat.id, tuple(sorted(seat.organisation.roles))),
        )
    ]
    return Genesis(
        origin=origin,
        nonce=secrets.token_bytes(NONCE_SIZE),
        rules_version=RULES_VERSION,
        time_ms=time_ms,
        members=tuple(members),
        keys=tuple(sorted(acting, key=lambda key: key.public_key)),
        validators=tuple(sorted((_validator(origin, seat) for seat in seats), key=lambda one: one.name)),
    )


def _validator(origin: str, seat: Seat) -> Validator:
    return Validator(
        name=f"{origin}/{seat.id}",
        engine_key=seat.keys["engine"].public_key,
        header_key=seat.keys["header"].public_key,
        log_key=seat.keys["log"].public_key,
        cosigning_key=seat.keys["validator"].public_key,
    )


def _write_seat(
    path: Path,
    genesis: Genesis,
    seat: Seat,
    seats: Sequence[Seat],
    passphrase: str | None,
    time_s: int,
    config: Callable[[int], str],
    on_key: Callable[[str], None],
) -> None:
    def sign(store: LedgerStore) -> None:
        head = store.head
        store.record_intent_to_sign(seat.keys["validator"].public_key, head.size, head.root)
        store.put_signatures(head.size, _signed_by_all(genesis, seats, head.size, head.root, time_s))

    write_home(Home(path), genesis, seat.keys, passphrase, sign, lambda name: on_key(f"{seat.id}/{name}"))
    put_file(path / "sogoc.toml", config(HTTP_PORT + seat.offset).encode())
    certificates = path / CERTIFICATES
    certificates.mkdir(mode=0o700)
    for one in seats:
        name = OWN_CERTIFICATE if one is seat else f"{one.id}.pem"
        put_file(certificates / name, one.certificate)
    put_file(path / FILE, _network(genesis.origin, seat, seats).format().encode())


def _signed_by_all(genesis: Genesis, seats: Sequence[Seat], size: int, root: bytes, time_s: int) -> str:
    signed = [
        Cosigner(
            genesis.origin, f"{genesis.origin}/{seat.id}", seat.keys["log"], seat.keys["validator"]
        ).sign(size, root, time_s)
        for seat in seats
    ]
    notes = [parse_checkpoint(text).note for text in signed]
    lines = [one.signatures[0] for one in notes] + [one.signatures[1] for one in notes]
    return note.format(Note(notes[0].text, tuple(lines)))


def _network(origin: str, seat: Seat, seats: Sequence[Seat]) -> Network:
    return Network(
        engine_listen=_at(seat, ENGINE_PORT),
        peer_listen=_at(seat, PEER_PORT),
        peers=tuple(
            NetworkPeer(
                name=f"{origin}/{one.id}",
                url=f"https://{_at(one, PEER_PORT)}",
                certificate=f"{one.id}.pem",
                engine=_at(one, ENGINE_PORT),
                engine_id=address(one.keys["peer"].public_key).hex(),
            )
            for one in seats
            if one is not seat
        ),
    )


def _at(seat: Seat, port: int) -> str:
    return at_port(seat.host, port + seat.offset)


def at_port(host: str, port: int) -> str:
    """`host:port`, whatever kind of address the host is."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
