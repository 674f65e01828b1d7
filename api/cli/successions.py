"""`sogoc member succeed`, `cancel-succession`: an authority is merged, split, renamed or abolished.

Rules: signed with a key of the authority itself it is a handover, in advance; signed with another key it is a declaration, for
an authority that cannot sign, and takes a quorum where there are several administrators.
"""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.enacting import (
    DEFAULT_DAYS,
    DaysOption,
    DecisionOption,
    Wanted,
    enact,
    key_manager,
    report,
)
from api.cli.members import decision_field, time_ms
from api.cli.nodes import connect
from api.cli.output import JsonOption, UsageError, iso_time, local_time
from api.cli.signing import member_row
from ledger.encoding import Value
from ledger.records.succession import ABOLITION, MERGE, RENAME, SPLIT

PredecessorArgument = Annotated[
    str, typer.Argument(help="Mã cơ quan chấm dứt / identifier of the authority that ends")
]


def succeed(
    predecessor: PredecessorArgument,
    *,
    key: KeyOption,
    successors: Annotated[
        list[str],
        typer.Option(
            "--by", help="Mã cơ quan kế thừa, có thể nhiều / who takes over; more than one if given again"
        ),
    ],
    effective: Annotated[
        str,
        typer.Option("--effective", help="Hiệu lực từ / when it takes effect: 2025-07-01T00:00+07:00"),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="merge (sáp nhập), split (chia), rename (đổi tên), abolition (giải thể)",
        ),
    ],
    decision: DecisionOption = None,
    node: NodeOption = DEFAULT_NODE,
    days: DaysOption = DEFAULT_DAYS,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bàn giao cho cơ quan kế thừa. Hand an authority over to those that succeed it, from a given time on."""
    if kind not in {MERGE, SPLIT, RENAME, ABOLITION}:
        raise UsageError("succession.kind", f"{kind!r} is none of merge, split, rename, abolition")
    effective_ms = time_ms(effective)
    names = sorted(set(successors))
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        for name in (predecessor, *names):
            if member_row(client, name) is None:
                raise UsageError(
                    "member.unknown", f"{name!r} is not a member: admit it with `sogoc member add` first"
                )
        who = key_manager(client, signer)
        body: dict[str, Value] = {
            "authority": who.member,
            "successors": [*names],
            "effective_ms": effective_ms,
            "kind": kind,
        }
        body |= decision_field(decision)
        record: Wanted = ("succession.handover/1", body)
        if who.member != predecessor:
            record = ("succession.declare/1", body | {"predecessor": predecessor})
        done = enact(client, who, [record], days=days)
    report(
        done,
        f"{predecessor} → {', '.join(names)}, hiệu lực từ / effective from {local_time(effective_ms / 1000)}",
        {
            "predecessor": predecessor,
            "successors": names,
            "effective": iso_time(effective_ms / 1000),
            "kind": kind,
        },
        as_json=as_json,
    )


def cancel(
    predecessor: PredecessorArgument,
    *,
    key: KeyOption,
    decision: DecisionOption = None,
    node: NodeOption = DEFAULT_NODE,
    days: DaysOption = DEFAULT_DAYS,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hủy việc bàn giao chưa có hiệu lực. Call off a succession that has not taken effect."""
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        who = key_manager(client, signer)
        body: dict[str, Value] = {"authority": who.member, "predecessor": predecessor}
        done = enact(client, who, [("succession.cancel/1", body | decision_field(decision))], days=days)
    report(
        done,
        f"Đã hủy việc bàn giao / succession called off: {predecessor}",
        {"predecessor": predecessor},
        as_json=as_json,
    )
