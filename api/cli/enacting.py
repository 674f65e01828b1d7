"""Doing what concerns everybody: at once where one administrator decides, and else as a proposal that a quorum approves.

Rules: commands say what they want done; whether that takes a quorum follows from the ledger's state (docs/adr/0009), and the
one who types is told which it was and what the others have to do. One signature covers all records of a command.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.answers import EntryInfo
from api.cli.output import console, iso_time, local_time, print_json
from api.cli.signing import key_row, make_record, member_row, submit_final
from api.client import Client
from ledger.encoding import Value
from ledger.errors import FormatError, RefusedError
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.policy import quorum_size
from ledger.records import record_types
from ledger.records.governance import GOVERNED
from ledger.records.members import KEY_MANAGERS
from ledger.records.succession import SuccessionRow, succession_key
from ledger.roles import ADMINISTRATOR
from ledger.rows import ADMINISTRATORS_KEY, parse_administrators

Wanted = tuple[str, dict[str, Value]]
"""A record that shall take effect: type and body."""

NO_DECISION = "-"
"""The decision of a record that names none, and would have the one length that is refused."""
DEFAULT_DAYS = 30
DaysOption = Annotated[
    int,
    typer.Option(
        "--days",
        min=1,
        max=89,
        help="Nếu phải chờ chấp thuận: đề xuất có hiệu lực mấy ngày / if it takes a quorum: days until the proposal expires",
    ),
]
DecisionOption = Annotated[
    str | None,
    typer.Option(
        "--decision",
        help="Căn cứ pháp lý: số quyết định, cơ quan ra quyết định / the legal decision behind it",
    ),
]


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who signs: for which member, and in which roles."""

    key: SigningKey
    member: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Enacted:
    """What became of what was wanted: the entry is final, and these proposals wait for a quorum."""

    info: EntryInfo
    proposals: tuple[bytes, ...]
    expires_ms: int
    voters: tuple[str, ...]


def speaker(client: Client, key: SigningKey) -> Speaker:
    """Who this key speaks for. Raises RefusedError (`key.unknown`)."""
    row = key_row(client, key.public_key)
    member = member_row(client, row.member)
    return Speaker(key, row.member, frozenset(row.roles) & frozenset(member.roles if member else ()))


def administrator(client: Client, key: SigningKey) -> Speaker:
    """As `speaker`, if that is an administrator. Raises RefusedError (`key.unknown`, `authority.role`)."""
    return _in_role(speaker(client, key), frozenset({ADMINISTRATOR}), "an administrator's key")


def key_manager(client: Client, key: SigningKey) -> Speaker:
    """As `speaker`, if it manages keys. Raises RefusedError (`key.unknown`, `authority.role`)."""
    return _in_role(speaker(client, key), KEY_MANAGERS, "a key with the role administrator or key-manager")


def _in_role(who: Speaker, roles: frozenset[str], what: str) -> Speaker:
    if not who.roles & roles:
        detail = f"this key acts for {who.member!r} as {', '.join(sorted(who.roles)) or 'nothing'}: it takes {what}"
        raise RefusedError("authority.role", detail)
    return who


def administrators(client: Client) -> tuple[str, ...]:
    """The members that are administrators now, as the node has it."""
    value = client.state(ADMINISTRATORS_KEY).proof.value
    now_ms = time.time_ns() // 1_000_000
    found = []
    for name in () if value is None else parse_administrators(value):
        row = member_row(client, name)
        if row is not None and (row.ended_ms is None or now_ms < row.ended_ms):
            found.append(name)
    return tuple(found)


def enact(client: Client, who: Speaker, wanted: Sequence[Wanted], *, days: int = DEFAULT_DAYS) -> Enacted:
    """Put what is wanted on the ledger in one entry: as it is, or, where it takes a quorum, as a proposal.

    Raises as `submit_final` and `make_record`.
    """
    voters = administrators(client)
    expires_ms = time.time_ns() // 1_000_000 + days * 24 * 3600 * 1000
    records, proposals = [], []
    for name, body in wanted:
        record = _make(name, body)
        if _takes_quorum(client, who, name, body, voters):
            record = _make(
                "governance.propose/1",
                {"authority": who.member, "action": record, "expires_ms": expires_ms},
            )
            proposals.append(leaf_hash(record))
        records.append(record)
    info = submit_final(client, who.key, records)
    return Enacted(info, tuple(proposals), expires_ms, voters)


def _make(name: str, body: dict[str, Value]) -> bytes:
    try:
        return make_record(name, body)
    except FormatError as error:
        fields = {field.name for field in record_types()[name].fields}
        if error.rule != "record.size-64" or "decision" in body or "decision" not in fields:
            raise
        # The format refuses 64 bytes, and nobody can help that. As on the office's page, a dash for the decision helps.
        return make_record(name, body | {"decision": NO_DECISION})


def _takes_quorum(
    client: Client, who: Speaker, name: str, body: dict[str, Value], voters: tuple[str, ...]
) -> bool:
    if name not in GOVERNED or (len(voters) < 2 and ADMINISTRATOR in who.roles):
        return False
    if name.startswith("key."):
        return body["member"] != who.member
    if name == "succession.cancel/1":
        return body["predecessor"] != who.member or _was_declared(client, who.member)
    return True


def _was_declared(client: Client, member: str) -> bool:
    value = client.state(succession_key(member)).proof.value
    return value is not None and SuccessionRow.parse(value).declared


def report(done: Enacted, message: str, found: dict[str, Any], *, as_json: bool) -> None:
    """Say what was done, or what was proposed and what the others have to do."""
    info = done.info
    if as_json:
        what: dict[str, Any] = {"outcome": "proposed" if done.proposals else "done"}
        if done.proposals:
            what |= {
                "proposals": [proposal.hex() for proposal in done.proposals],
                "expires": iso_time(done.expires_ms / 1000),
                "voters": list(done.voters),
                "quorum": quorum_size(len(done.voters)),
            }
        entry = {"entry": info.entry_id.hex(), "index": info.index, "height": info.height}
        print_json(found | what | entry)
        return
    if not done.proposals:
        console.print(f"[bold green]{escape(message)}[/]")
        console.print(f"  mục / entry  {info.entry_id.hex()}, {info.index}")
        return
    ids = " ".join(proposal.hex()[:16] for proposal in done.proposals)
    console.print(
        f"[bold yellow]Đã đề xuất, chờ chấp thuận / proposed, waiting for approval:[/] {escape(message)}"
    )
    console.print(
        f"  cần / needs          {quorum_size(len(done.voters))} / {len(done.voters)}: {escape(', '.join(done.voters))}"
    )
    console.print(f"  hạn / until          {local_time(done.expires_ms / 1000)}")
    console.print(f"  người khác chạy / others run:  sogoc governance approve {ids} --key …")
