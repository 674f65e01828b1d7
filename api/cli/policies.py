"""`sogoc policy`: what has become of a pinned policy since, as the ledger's validators changed.

Rules: the policy that somebody pinned is never replaced. The changes are kept beside it; each is proved by those before it, so
it does not matter who handed them over. A file that tells of other changes than those that are kept is a second history: it is
not taken over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.files import (
    EPOCHS_SUFFIX,
    beside,
    escape_path,
    read_pinned,
    read_transitions_beside,
    write_atomically,
)
from api.cli.output import JsonOption, console, iso_time, local_time, print_json
from api.cli.sources import open_source
from ledger.epochs import Epochs, extends
from ledger.transitions import Transitions
from ledger.verify.trust import TellsTransitions

app = typer.Typer(
    help="Chính sách tin cậy và các lần đổi bên xác nhận. The trust policy, and how the validators changed since.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

PolicyArgument = Annotated[
    Path, typer.Option("--policy", help="Chính sách đã ghim / the pinned policy", envvar="SOGOC_POLICY")
]


@app.command("update")
def update(
    source: Annotated[
        str,
        typer.Argument(
            help="Nút, bản sao, bản xuất hoặc sao lưu / a node, mirror, export or backup of the ledger"
        ),
    ],
    *,
    policy: PolicyArgument,
    as_json: JsonOption = False,
) -> None:
    """Lấy các lần đổi bên xác nhận và kiểm từng lần. Fetch how the validators changed, and check each change."""
    pinned, kept = read_pinned(policy), read_transitions_beside(policy)
    with open_source(source) as log:
        data = log.transitions() if isinstance(log, TellsTransitions) else None
    found = Transitions(pinned.format(), ()) if data is None else Transitions.parse(data)
    if kept is not None:
        extends(kept, found)
    epochs = Epochs.follow(pinned, found) if found.steps else Epochs.pinned(pinned)
    if found.steps:
        write_atomically(beside(policy, EPOCHS_SUFFIX), found.encoded())
    _print(epochs, policy, as_json=as_json)


@app.command("show")
def show(*, policy: PolicyArgument, as_json: JsonOption = False) -> None:
    """Các thời kỳ đã biết. The epochs that are known here."""
    pinned, kept = read_pinned(policy), read_transitions_beside(policy)
    epochs = Epochs.pinned(pinned) if kept is None else Epochs.follow(pinned, kept)
    _print(epochs, policy, as_json=as_json)


def _print(epochs: Epochs, policy: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "policy": str(policy),
                "epochs": [
                    {
                        "from_size": epoch.from_size,
                        "to_size": epoch.to_size,
                        "closed": None if epoch.closing is None else iso_time(epoch.closing.time_s),
                        "witnesses": [witness.key.vkey for witness in epoch.policy.witnesses],
                    }
                    for epoch in epochs.epochs
                ],
            }
        )
        return
    console.print(f"[bold green]Đã kiểm / checked:[/] {escape_path(policy)}")
    for epoch in epochs.epochs:
        end = "…" if epoch.closing is None else f"{epoch.closing.size:,} ({local_time(epoch.closing.time_s)})"
        names = ", ".join(witness.name for witness in epoch.policy.witnesses)
        console.print(f"  {epoch.from_size:,} – {end}  {names}")
