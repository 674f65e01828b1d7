"""`sogoc gateway`: the EPCIS capture interface for business software, on the producer's own machine; and what it keeps back.

Rules: it listens on the loopback interface only. The passphrase is asked for once, at the start; it also protects the secret
that hides parts of events, which lies beside the journal. Stopping the command, or the power, at any moment loses nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from api.answers import ApiError
from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, NodeOption
from api.cli.files import escape_path, read_policy
from api.cli.output import JsonOption, UsageError, console, error_console, local_time, print_json
from api.cli.signing import key_row, make_record
from api.client import Client
from api.gateway.journal import Journal
from api.gateway.privacy import Privacy
from api.gateway.sealed import Sealed, read_sealed
from api.gateway.sending import Sender
from ledger.epcis.hiding import disclose
from ledger.epcis.json_text import parse_object
from ledger.epcis.record import identity_in, prepare
from ledger.epcis.share import MAX_FILE_BYTES, PAGE, SHARE_SUFFIX, Share, address, check, share_of_link
from ledger.errors import CannotTellError, FormatError, LedgerError
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.records.events import CAPTURE
from node import keyfiles
from node.safe_files import disk_error, new_file

DEFAULT_PORT: Final = 8585
_SECRET_FILE, _SEALED_FILE = "event-secret.pem", "events.sealed"
_IDLE_SECONDS = 2.0
"""How long the sending thread waits, at most, before it looks again."""

app = typer.Typer(
    help="Cổng EPCIS cho phần mềm của cơ sở. EPCIS capture for a producer's own software.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="Nơi giữ hàng đợi và phần riêng tư, mặc định trong thư mục người dùng / where the journal is kept",
    ),
]
KeyOption = Annotated[
    Path | None, typer.Option("--key", help="Tệp khóa ký / file of the signing key", envvar="SOGOC_KEY")
]


@app.callback()
def gateway(
    context: typer.Context,
    *,
    key: KeyOption = None,
    node: NodeOption = DEFAULT_NODE,
    port: Annotated[int, typer.Option(help="Cổng trên máy này / port on this machine")] = DEFAULT_PORT,
    hide_names: Annotated[
        list[str] | None,
        typer.Option(
            "--hide", help="Giấu thêm: tên trường hoặc JSON pointer / hide this too: a member or a pointer"
        ),
    ] = None,
    show_names: Annotated[
        list[str] | None,
        typer.Option("--show", help="Không giấu trường này / do not hide this member"),
    ] = None,
    open_events: Annotated[
        bool, typer.Option("--open", help="Không tự giấu gì / hide nothing that --hide does not name")
    ] = False,
    state: StateOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
) -> None:
    """Nhận sự kiện EPCIS trên máy này, ký và ghi sổ; mất mạng thì xếp hàng. Capture EPCIS events, sign and record them."""
    if context.invoked_subcommand is not None:
        return
    if key is None:
        raise UsageError("key.missing", "name the signing key with --key")
    privacy = Privacy.chosen(hide=hide_names or (), show=show_names or (), nothing=open_events)
    passphrase = _once(passphrases.existing(passphrase_file))
    signer = keyfiles.load(key, passphrase)
    directory = state or state_directory(signer)
    with Journal.open(directory) as journal:
        secret = _secret(directory, key, passphrase, create=True)
        with Sealed(directory / _SEALED_FILE, secret) as sealed:
            _serve(journal, sealed, secret, privacy, signer, node, port)


def state_directory(signer: SigningKey) -> Path:
    """Where a key's journal is kept unless the user says otherwise: $XDG_STATE_HOME/sogoc, by the key's name."""
    base = os.environ.get("XDG_STATE_HOME", "")
    home = Path(base) if base else Path.home() / ".local" / "state"
    return home / "sogoc" / f"gateway-{signer.public_key.hex()[:16]}"


def _once(find: Callable[[], str | None]) -> Callable[[], str | None]:
    """A function that asks the first time only."""
    found: list[str | None] = []

    def remembered() -> str | None:
        if not found:
            found.append(find())
        return found[0]

    return remembered


def _secret(directory: Path, key: Path, passphrase: Callable[[], str | None], *, create: bool) -> bytes:
    """The secret that hides parts of events; made when there is none. It is encrypted if the key is."""
    path = directory / _SECRET_FILE
    if not path.exists():
        if not create:
            raise UsageError("gateway.secret", f"there is no {path}: name the gateway's --state directory")
        return keyfiles.generate(path, passphrase() if keyfiles.is_encrypted(key) else None).seed
    return keyfiles.load(path, passphrase).seed


def _serve(
    journal: Journal,
    sealed: Sealed,
    secret: bytes,
    privacy: Privacy,
    signer: SigningKey,
    node: str,
    port: int,
) -> None:
    import uvicorn  # noqa: PLC0415  with the web framework, which few commands need

    from api.gateway.capturing import Capturer  # noqa: PLC0415  as above
    from api.gateway.serving import BASE, Gateway, create_gateway_app  # noqa: PLC0415  as above

    sender = Sender(journal, signer, connect=lambda: Client(node, repeats=0))
    gateway_now = Gateway(
        Capturer(journal, sealed, secret, privacy), sender, node, now_ms=lambda: time.time_ns() // 1_000_000
    )
    stop = threading.Event()
    thread = threading.Thread(target=_send_on, args=(gateway_now.woken, sender, stop), daemon=True)
    server = uvicorn.Server(
        uvicorn.Config(
            create_gateway_app(gateway_now),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
        )
    )
    waiting = journal.depth()
    console.print(
        f"Cổng EPCIS / EPCIS gateway: http://127.0.0.1:{port}{BASE}/capture  →  {escape(node)}"
        + (f"\nĐang chờ gửi / waiting: {waiting}" if waiting else "")
    )
    thread.start()
    try:
        server.run()
    finally:
        stop.set()
        gateway_now.woken.set()
        thread.join(60)


def _send_on(woken: threading.Event, sender: Sender, stop: threading.Event) -> None:
    """Send what waits until the command is stopped. A failure is told once, and tried again."""
    told = ""
    while not stop.is_set():
        woken.wait(_IDLE_SECONDS)
        woken.clear()
        try:
            sender.send()
        except LedgerError as error:
            sender.problem = error
        problem = sender.problem
        if problem is None and sender.journal.depth():
            # What came meanwhile, or waits to be tried in smaller entries, need not wait.
            woken.set()
        if problem is not None and told != problem.rule:
            what = "đã xếp hàng, không mất gì / queued, nothing is lost"
            if isinstance(problem, ApiError) or sender.journal.depth():
                error_console.print(
                    f"[yellow]chưa ghi được / not recorded yet[/]  {escape(problem.detail)} "
                    f"[dim]\\[{escape(problem.rule)}][/]; {what}"
                )
        told = "" if problem is None else problem.rule


# -- showing hidden parts ----------------------------------------------------------------------------------------------------


@app.command("share")
def share_event(
    event: Annotated[str, typer.Argument(help="Mã sự kiện (urn:sogoc:event:…) / the event's identifier")],
    *,
    show_parts: Annotated[
        list[str] | None,
        typer.Option(
            "--show",
            help="Phần được cho xem (JSON pointer); bỏ trống: liệt kê / parts to show; none: list them",
        ),
    ] = None,
    reader: Annotated[
        str | None,
        typer.Option("--to", help="Cho ai xem; được ký kèm / the reader's name, which is signed"),
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Tạo liên kết thay cho tệp / a link instead of a file")
    ] = False,
    site: Annotated[
        str | None,
        typer.Option(
            "--site",
            help="Trang mà liên kết dẫn tới; mặc định là nút / the pages that the link leads to, by default the node's",
            envvar="SOGOC_SITE",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Tệp ghi ra / file to write")] = None,
    key: KeyOption = None,
    node: NodeOption = DEFAULT_NODE,
    state: StateOption = None,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cho một người xem phần đã giấu của một sự kiện. Show hidden parts of one event to one reader."""
    if key is None:
        raise UsageError("key.missing", "name the signing key with --key")
    identity = identity_in(event)
    if identity is None:
        raise UsageError(
            "gateway.event", "an event with hidden parts is called urn:sogoc:event: and 64 digits"
        )
    passphrase = _once(passphrases.existing(passphrase_file))
    signer = keyfiles.load(key, passphrase)
    directory = state or state_directory(signer)
    secret = _secret(directory, key, passphrase, create=False)
    kept = read_sealed(directory / _SEALED_FILE, secret, identity)
    if kept is None:
        raise CannotTellError("gateway.not-kept", "this machine keeps no hidden parts of such an event")
    whole = parse_object(kept.whole, max_bytes=MAX_FILE_BYTES)
    if not show_parts:
        _list_parts(kept.hidden, as_json=as_json)
        return
    with Client(node) as client:
        authority = key_row(client, signer.public_key).member
        made = prepare(authority, whole, hide_parts=kept.hidden, secret=secret)
        if made.salt is None or made.body.get("event_tag") != identity:
            raise CannotTellError("gateway.not-kept", "what this machine keeps is another event")
        shown = disclose(made.hidden, made.salt, show_parts)
        record_id = leaf_hash(make_record(CAPTURE, made.body))
        told = None
        if reader is not None:
            told = address(reader, time.time_ns() // 1_000_000, record_id, shown, signer)
        share = Share(record_id if link else client.receipt(record_id), shown, told)
    said: dict[str, object] = {
        "shown": [item.part.pointer for item in shown], "hidden": len(kept.hidden), "to": reader
    }  # fmt: skip
    parts = f"{len(shown)}/{len(kept.hidden)} phần / parts"
    if link:
        where = share.link(site or node)
        if as_json:
            print_json({"link": where, **said})
        else:
            console.print(f"[green]liên kết / link[/]  {parts}")
            # By itself and unbroken, to be copied.
            console.print(where, markup=False, highlight=False, soft_wrap=True)
        return
    target = out or Path(f"{identity.hex()[:16]}{SHARE_SUFFIX}")
    try:
        with new_file(target) as stream:
            stream.write(share.encoded())
    except OSError as error:
        raise disk_error(error, target) from error
    if as_json:
        print_json({"file": str(target), **said})
    else:
        console.print(f"[green]đã ghi / written[/]  {escape_path(target)}: {parts}")


def _list_parts(pointers: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"hidden": list(pointers)})
        return
    for pointer in pointers:
        console.print(f"  {escape(pointer)}")


@app.command("check")
def check_share(
    shown: Annotated[str, typer.Argument(help="Tệp .sogoc-share, hoặc liên kết / the share, or a link")],
    *,
    policy: Annotated[
        Path, typer.Option("--policy", help="Chính sách tin cậy / the trust policy", envvar="SOGOC_POLICY")
    ],
    node: Annotated[
        str | None,
        typer.Option(
            "--node",
            help="Lấy biên nhận ở đâu, khi có liên kết / where a link's receipt is had; by default from its own site",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Kiểm tra những phần được cho xem; tệp thì không cần mạng. Check what was shown to you; a file is checked offline."""
    trust = read_policy(policy)
    site, is_link, _ = shown.partition(f"{PAGE}#")
    if is_link:
        share = share_of_link(shown)
        with Client(node or site) as client:
            # What is shown stays here: only the record's id is asked about.
            text = client.receipt(share.evidence) if isinstance(share.evidence, bytes) else None
        shared = check(share, trust, receipt_text=text)
    else:
        shared = check(Share.parse(_read_share(Path(shown))), trust)
    receipt = shared.receipt
    said = {part.pointer: part.text for part in shared.shown}
    if as_json:
        print_json(
            {
                "record": receipt.record.id.hex(),
                "authority": receipt.record.authority,
                "event_time_ms": shared.event.event_time_ms,
                "things": list(shared.event.things),
                "shown": said,
                "hidden": shared.hidden,
                "to": None if shared.addressee is None else shared.addressee.reader,
                "to_by_author": shared.is_by_author,
                "status_as_of_s": receipt.checked.status_as_of_s,
            }
        )
        return
    console.print(
        f"[bold green]ĐÚNG / HOLDS[/]  {escape(receipt.record.authority)}, "
        f"{local_time(shared.event.event_time_ms / 1000)}: {len(said)}/{shared.hidden} phần / parts"
    )
    for pointer, text in said.items():
        console.print(f"  {escape(pointer)}  {escape(text)}")
    if shared.addressee is not None:
        word = (
            "do khóa đã ghi ký / signed by its author" if shared.is_by_author else "lời người gửi / claimed"
        )
        console.print(f"  cho / for {escape(shared.addressee.reader)}: {word}")


def _read_share(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise FormatError("share.shape", "the file is too long to be a share")
        return file.read_bytes()
    except OSError as error:
        raise UsageError("file.unreadable", f"cannot read {file}: {error.strerror}") from error
