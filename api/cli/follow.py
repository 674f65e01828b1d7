"""`sogoc follow URL`: a node that copies a ledger, verifies every block, and serves reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.files import read_pinned
from api.cli.follow_snapshot import Copy, serve_copy, serve_from_snapshot
from api.cli.output import JsonOption, UsageError, console, print_json, progress
from api.cli.serve import configure_logging
from api.client import Client
from api.remote_log import RemoteLog
from ledger.policy import Policy
from ledger.store.from_snapshot import discard
from ledger.store.ledger_store import LedgerStore
from node.config import load_config
from node.following import FollowPart, catch_up, create
from node.home import Home
from node.outbox import Outbox
from node.safe_files import put_file
from node.service import Node
from node.snapshot import snapshot_path


def follow(
    url: Annotated[str, typer.Argument(help="Nút để chép theo / the node to copy from")],
    *,
    policy: Annotated[Path, typer.Option("--policy", help="Chính sách tin cậy / the policy you trust")],
    home: Annotated[
        Path, typer.Option("--home", help="Thư mục của bản sao / the copy's home; made if it is not there")
    ],
    host: Annotated[str | None, typer.Option(help="Địa chỉ lắng nghe / address; 127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Cổng / port; 0 chooses a free one")
    ] = None,
    from_snapshot: Annotated[
        bool,
        typer.Option(
            "--snapshot",
            help="Bắt đầu từ trạng thái hiện tại, chép khối cũ sau / begin with the state of now; older blocks come later",
        ),
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Chép đến hiện tại rồi thôi / catch up, then stop without serving")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Chép sổ từ nút khác, kiểm tra từng khối, phục vụ đọc. Copy a ledger, verify every block, serve reads."""
    if from_snapshot and once:
        raise UsageError(
            "follow.once", "--once fetches all blocks, and --snapshot serves before they are here"
        )
    pinned = read_pinned(policy)
    place = Home(home)
    with Client(url) as client:
        begin_copy(place, client, pinned, policy)
        if not once and (from_snapshot or snapshot_path(place).exists()):
            copy = Copy(place, client, pinned, url)
            if not serve_from_snapshot(copy, host=host, port=port, quiet=as_json):
                return
        discard(snapshot_path(place))
        size = _catch_up(place, client, pinned, quiet=as_json)
        if once:
            _tell(place, size, as_json=as_json)
            return
        _serve(place, client, pinned, url, host=host, port=port)


def begin_copy(home: Home, client: Client, policy: Policy, policy_file: Path) -> None:
    """Make the copy's home if it is not there. What is there must be a copy, or it is left alone."""
    if home.genesis.exists():
        if home.keys.exists():
            raise UsageError("follow.validator", f"{home.path} is a validator's home: name another directory")
        return
    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if home.ledger.exists():
        raise UsageError(
            "home.exists", f"{home.path} holds a ledger without its genesis file: name another directory"
        )
    genesis = create(home, RemoteLog(client), policy)
    Outbox.open(home.outbox, create=True).close()
    put_file(home.policy, policy_file.read_bytes())
    put_file(home.genesis, genesis.leaf())


def _catch_up(home: Home, client: Client, policy: Policy, *, quiet: bool) -> int:
    store = LedgerStore.open(home.ledger)
    try:
        with progress("Chép và kiểm tra / copying, verifying", None, quiet=quiet) as report:
            reached = catch_up(store, RemoteLog(client), policy, home.read_genesis(), report=report)
        if reached is not None:
            store.put_signatures(reached.size, reached.text)
        return store.head.size
    finally:
        store.close()


def _tell(home: Home, size: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"home": str(home.path), "size": size})
        return
    console.print(f"[bold green]Đã chép đến / copied up to[/] {size}  ({home.path})")


def _serve(
    home: Home, client: Client, policy: Policy, url: str, *, host: str | None, port: int | None
) -> None:
    configure_logging()
    node = Node(home, load_config(home.config), {}, follow=FollowPart(url, lambda: RemoteLog(client), policy))
    serve_copy(node, host=host, port=port)
