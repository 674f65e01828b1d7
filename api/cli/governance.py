"""`sogoc governance`: what administrators have proposed, and their votes on it.

Rules: an approval signs the proposal's id, which is the hash of what it says; so what it says is read from the ledger, checked
against that id and shown, before anything is signed. What the node tells about the tally is its word.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.answers import ProposalInfo
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.enacting import (
    DEFAULT_DAYS,
    DaysOption,
    DecisionOption,
    administrator,
    enact,
    report,
    speaker,
)
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, console, iso_time, local_time, print_json
from api.cli.signing import make_record, submit_final
from api.client import Client
from ledger.encoding import Value
from ledger.errors import VerificationError
from ledger.genesis import DEFAULT_PARAMETERS
from ledger.hashing import leaf_hash
from ledger.records import Record, parse_record
from ledger.records.governance import PROPOSE, action_of

app = typer.Typer(
    help="Đề xuất và chấp thuận của các quản trị viên. Proposals and approvals of the administrators.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

MIN_PREFIX = 8
"""Fewest digits by which a proposal may be named."""

_TITLES = {
    "member.register/1": "kết nạp thành viên / admit a member",
    "member.roles/1": "đặt lại vai trò / set a member's roles",
    "key.register/1": "đưa khóa vào sử dụng / put a key in service",
    "key.retire/1": "cho khóa thôi dùng / retire a key",
    "key.revoke/1": "thu hồi khóa / revoke a key",
    "parameter.set/1": "đặt tham số / set a parameter",
    "validator.set/1": "đổi bên xác nhận / change the validators",
    "succession.declare/1": "công bố kế thừa / declare a succession",
    "succession.cancel/1": "hủy việc kế thừa / call a succession off",
}
_LABELS = {
    "authority": "người đề xuất / proposer",
    "member": "thành viên / member",
    "name": "tên / name",
    "roles": "vai trò / roles",
    "key": "khóa / key",
    "until_ms": "dùng đến / valid until",
    "from_ms": "tranh chấp từ / disputed from",
    "value": "giá trị / value",
    "set": "bộ xác nhận số / set number",
    "validator": "bên nhận khóa / validator that gets keys",
    "leaves": "bên rời đi / validator that leaves",
    "engine_key": "khóa engine / engine key",
    "header_key": "khóa khối / header key",
    "log_key": "khóa sổ / log key",
    "cosigning_key": "khóa đồng xác nhận / cosigning key",
    "witness_key": "khóa nhân chứng / witness key",
    "predecessor": "cơ quan chấm dứt / predecessor",
    "successors": "cơ quan kế thừa / successors",
    "effective_ms": "hiệu lực từ / effective from",
    "kind": "hình thức / kind",
    "decision": "căn cứ / decision",
}
OPEN = "open"
_OUTCOMES = {
    OPEN: "[yellow]đang chờ / open[/]",
    "expired": "[dim]hết hạn / expired[/]",
    "executed": "[green]đã thực hiện / executed[/]",
    "withdrawn": "[dim]đã rút / withdrawn[/]",
}

ProposalArgument = Annotated[
    list[str],
    typer.Argument(
        help=f"Mã đề xuất, từ {MIN_PREFIX} chữ số đầu / the proposal's id, or its first {MIN_PREFIX} digits"
    ),
]
YesOption = Annotated[
    bool, typer.Option("--yes", help="Không hỏi lại / sign without asking: you have read what it says")
]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as it stands on the ledger: what it says follows from its id."""

    id: bytes
    record: Record
    action: Record


def find(client: Client, names: Sequence[str]) -> list[Proposal]:
    """Proposals by id or by its first digits, each read from the ledger and checked against its id.

    Raises UsageError for a name that is none, or several; VerificationError for a node that shows something else.
    """
    known = [one.id.hex() for one in client.proposals()]
    return [_read(client, _resolve(name.lower(), known)) for name in names]


def _resolve(name: str, known: Sequence[str]) -> bytes:
    found = [one for one in known if len(name) >= MIN_PREFIX and one.startswith(name)]
    if len(found) != 1:
        what = "several proposals begin" if found else "no proposal begins"
        raise UsageError("proposal.unknown", f"{what} with {name!r}: see `sogoc governance list`")
    return bytes.fromhex(found[0])


def _read(client: Client, proposal: bytes) -> Proposal:
    raw = client.record(proposal).raw
    if leaf_hash(raw) != proposal:
        raise VerificationError(
            "proposal.other",
            "the node shows another record under this id",
            expected=proposal,
            got=leaf_hash(raw),
        )
    record = parse_record(raw)
    if record.type.name != PROPOSE.name:
        raise UsageError("proposal.unknown", f"{proposal.hex()} is the id of a record that proposes nothing")
    return Proposal(proposal, record, action_of(record))


def action_lines(action: Record) -> list[tuple[str, str]]:
    """What a record would do, as label and text for people."""
    lines = [("việc / action", _TITLES.get(action.type.name, action.type.name))]
    for field in action.type.fields:
        if field.name in action.body and field.name != "authority" and not field.name.endswith("possession"):
            value = action.body[field.name]
            lines.append((_LABELS.get(field.name, field.name), _shown(field.name, value)))
    return lines


def _shown(name: str, value: Value) -> str:
    if name.endswith("_ms") and isinstance(value, int):
        return local_time(value / 1000)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _print(proposal: Proposal, info: ProposalInfo | None) -> None:
    console.print(f"[bold]{proposal.id.hex()}[/]")
    rows = [(_LABELS["authority"], proposal.record.authority), *action_lines(proposal.action)]
    for label, value in rows:
        console.print(f"  {label:<36}{escape(value)}")
    if info is not None:
        console.print(f"  {'tình trạng / outcome':<36}{_OUTCOMES.get(info.outcome, escape(info.outcome))}")
        votes = _tally(info)
        if info.approvals:
            votes += f" ({', '.join(info.approvals)})"
        console.print(f"  {'đã chấp thuận / approvals':<36}{escape(votes)}")
        console.print(f"  {'người có quyền / voters':<36}{escape(', '.join(info.voters))}")
        console.print(f"  {'hạn / until':<36}{local_time(info.expires_ms / 1000)}")


@app.command("list")
def list_proposals(
    *,
    node: NodeOption = DEFAULT_NODE,
    every: Annotated[
        bool, typer.Option("--all", help="Cả những đề xuất đã xong / those that are closed, too")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Các đề xuất đang chờ. Proposals that wait for approvals."""
    with connect(node) as client:
        found = client.proposals(still_open=not every)
        if as_json:
            print_json({"proposals": [_as_json(one) for one in found]})
            return
        if not found:
            console.print("Không có đề xuất nào / no proposals")
        for one in found:
            _print(_read(client, one.id), one)


def _as_json(one: ProposalInfo) -> dict[str, Any]:
    return {
        "id": one.id.hex(),
        "proposer": one.proposer,
        "action": {"type": one.action_type, "body": dict(one.action)},
        "proposed": iso_time(one.proposed_ms / 1000),
        "expires": iso_time(one.expires_ms / 1000),
        "voters": list(one.voters),
        "quorum": one.quorum,
        "approvals": list(one.approvals),
        "counted": list(one.counted),
        "outcome": one.outcome,
        "decided": None if one.decided_ms is None else iso_time(one.decided_ms / 1000),
    }


@app.command("approve")
def approve(
    proposals: ProposalArgument,
    *,
    key: KeyOption,
    node: NodeOption = DEFAULT_NODE,
    yes: YesOption = False,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Đọc rồi chấp thuận đề xuất; đủ số thì việc được làm ngay. Read proposals, then vote for them, one after the other."""
    _vote("governance.approve/1", proposals, key, node, passphrase_file, yes=yes, as_json=as_json)


@app.command("withdraw")
def withdraw(
    proposals: ProposalArgument,
    *,
    key: KeyOption,
    node: NodeOption = DEFAULT_NODE,
    yes: YesOption = False,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rút lại đề xuất của mình. Take back what one has proposed."""
    _vote("governance.withdraw/1", proposals, key, node, passphrase_file, yes=yes, as_json=as_json)


def _vote(
    record_type: str,
    names: Sequence[str],
    key: Path,
    node: str,
    passphrase_file: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        who = speaker(client, signer)
        found = find(client, names)
        if not as_json:
            for proposal in found:
                _print(proposal, None)
        _confirm(yes=yes)
        records = []
        for proposal in found:
            body: dict[str, Value] = {"authority": who.member, "proposal": proposal.id}
            if record_type == "governance.approve/1":
                body["proposer"] = proposal.record.authority
            records.append(make_record(record_type, body))
        # An entry holds one vote (`entry.single`): each is signed by itself, in the order in which they were named.
        votes = record_type == "governance.approve/1"
        entries = [
            submit_final(client, signer, some)
            for some in ([[one] for one in records] if votes else [records])
        ]
        ids = {proposal.id for proposal in found}
        tally = [one for one in client.proposals() if one.id in ids]
    if as_json:
        made = [{"entry": one.entry_id.hex(), "index": one.index, "height": one.height} for one in entries]
        print_json({"proposals": [_as_json(one) for one in tally], "entries": made} | made[-1])
        return
    for one in tally:
        said = _OUTCOMES.get(one.outcome, escape(one.outcome))
        console.print(f"{one.id.hex()[:16]}  {said}  {_tally(one)}")
    for info in entries:
        console.print(f"  mục / entry  {info.entry_id.hex()}, {info.index}")


def _tally(info: ProposalInfo) -> str:
    """The votes of a proposal: while it is open those that count, afterwards those it had when it was decided."""
    if info.outcome == OPEN:
        return f"{len(info.counted)} / {info.quorum}"
    return f"{len(info.approvals)} phiếu thuận, cần {info.quorum} / approvals, of {info.quorum} needed"


def _confirm(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("governance.confirm", "read what is proposed, then say --yes")
    if not typer.confirm("Ký? / Sign?", err=True):
        raise UsageError("governance.declined", "nothing was signed")


@app.command("set-parameter")
def set_parameter(
    name: Annotated[
        str, typer.Argument(help=f"Tham số / parameter: {', '.join(sorted(DEFAULT_PARAMETERS))}")
    ],
    value: Annotated[int, typer.Argument(help="Giá trị, mili giây / value, milliseconds", min=0)],
    *,
    key: KeyOption,
    node: NodeOption = DEFAULT_NODE,
    decision: DecisionOption = None,
    days: DaysOption = DEFAULT_DAYS,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Đặt tham số của sổ, có hiệu lực từ khối sau. Set a parameter of the ledger, from the next block on."""
    if name not in DEFAULT_PARAMETERS:
        known = ", ".join(sorted(DEFAULT_PARAMETERS))
        raise UsageError("parameter.unknown", f"{name!r} is not a parameter; there are {known}")
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        who = administrator(client, signer)
        body: dict[str, Value] = {"authority": who.member, "name": name, "value": value}
        if decision is not None:
            body["decision"] = decision
        done = enact(client, who, [("parameter.set/1", body)], days=days)
    report(done, f"Tham số / parameter {name}: {value}", {"parameter": name, "value": value}, as_json=as_json)
