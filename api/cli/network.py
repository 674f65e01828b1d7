"""`sogoc network`: a ledger of several organisations, one home for each; who joins and who leaves.

Rules: what the validators' nodes believe of one another is changed by hand, in each home, with cards that people hand over
(`node.network_cards`); who is a validator is the ledger's business (`sogoc validator`). A running node reads its settings when
it starts.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli import passphrases
from api.cli.files import escape_path, read_pinned, write_atomically
from api.cli.follow import begin_copy
from api.cli.nodes import connect_home, is_served
from api.cli.output import JsonOption, UsageError, console, print_json, progress
from api.cli.rejoining import engine_states, fetch_engine, print_held, reach_others
from api.cli.validators import HomeArgument, validators_of
from api.client import Client
from api.remote_log import RemoteLog
from ledger.block import parse_header_leaf
from ledger.checkpoint import parse as parse_checkpoint
from ledger.genesis import Validator
from ledger.policy import quorum_size
from ledger.roles import ISSUER, OFFICE
from ledger.store.ledger_store import LedgerStore
from ledger.validators import current_set
from node.config import DEFAULT_CONFIG
from node.engine.cometbft.files import KEEP_SECONDS, EngineFiles
from node.engine.cometbft.process import EngineMissingError, find_program
from node.engine.cometbft.voting import held_to, let_vote
from node.home import KEY_FILES, Home, HomeError, load_keys, own_validator
from node.log_blocks import read_blocks
from node.network_cards import admit, cards_text, dismiss, own_card, peer_cards, read_cards, settings_of
from node.network_init import (
    ENGINE_PORT,
    HTTP_PORT,
    NETWORK_KEYS,
    PEER_PORT,
    Organisation,
    at_port,
    example_organisations,
    init_network,
)
from node.network_join import JOINING_KEYS, Place, join_network

app = typer.Typer(
    help="Nhiều cơ quan cùng giữ một sổ / several organisations keep one ledger", no_args_is_help=True
)

LOOPBACK = "127.0.0.1"


@app.command("init")
def init(
    out: Annotated[Path, typer.Argument(help="Thư mục mới / a directory that does not exist yet")],
    *,
    validators: Annotated[
        int | None,
        typer.Option(
            "--validators", min=1, max=16, help="Số nút xác thực / how many; 4 unless members are named"
        ),
    ] = None,
    member: Annotated[
        list[str] | None,
        typer.Option(
            "--member", help="Cơ quan, dạng MÃ=TÊN, mỗi nút một cơ quan / an organisation, as ID=NAME; repeat"
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(
            "--host", help="Địa chỉ máy của từng nút / address of each one's machine, in order; 127.0.0.1"
        ),
    ] = None,
    origin: Annotated[
        str, typer.Option("--origin", help="Tên của sổ / the ledger's name")
    ] = "tinh.example/so-goc",
    passphrase_file: passphrases.PassphraseFileOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Lập sổ của nhiều cơ quan, mỗi cơ quan một thư mục chạy được ngay. Make one complete home for each organisation."""
    organisations = _organisations(validators, member or [])
    hosts = _hosts(host or [], len(organisations))
    passphrase = passphrases.new(passphrase_file, insecure=insecure_no_passphrase)
    count = len(organisations) * (len(KEY_FILES) + len(NETWORK_KEYS))
    with progress("Khóa / keys", count, quiet=as_json) as report:
        done = iter(range(count))
        genesis = init_network(
            out,
            organisations,
            origin=origin,
            hosts=hosts,
            passphrase=passphrase,
            time_s=int(time.time()),
            config=_config,
            on_key=lambda _: report(next(done) + 1),
        )
    homes = [str(out / one.id) for one in organisations]
    if as_json:
        print_json({"origin": origin, "chain_id": genesis.chain_id.hex(), "homes": homes})
        return
    console.print(f"[bold green]Đã lập sổ chung / network made:[/] {origin}")
    console.print(f"  mã chuỗi / chain id   {genesis.chain_id.hex()}")
    console.print("  mỗi cơ quan chạy / each organisation runs:")
    for home in homes:
        console.print(f"    sogoc serve {home}")
    try:
        find_program()
    except EngineMissingError as error:
        console.print(f"[yellow]Còn thiếu / still missing:[/] {error.detail}")


@app.command("members")
def members(
    directory: HomeArgument,
    out: Annotated[Path, typer.Option("--out", help="Tệp để đưa cho bên khác / file to hand over")],
    *,
    passphrase_file: passphrases.PassphraseFileOption = None,
) -> None:
    """Ghi cách gặp các bên xác nhận ra tệp. Write how the validators are reached, for one that joins. No secret is in it."""
    home = Home(directory)
    if out.exists():
        raise UsageError("files.exists", f"{out} exists: name a file that does not")
    genesis, network = home.read_genesis(), settings_of(home)
    keys = load_keys(
        home, ("log", "validator", "peer"), passphrases.once(passphrases.existing(passphrase_file))
    )
    own = own_validator(_current(home), keys["log"].public_key, keys["validator"].public_key)
    cards = peer_cards(home, network)
    if own is not None:
        cards.insert(0, own_card(home, network, own.name, keys["peer"].public_key))
    write_atomically(out, cards_text(genesis.chain_id, cards))
    console.print(f"[bold green]Đã ghi / written:[/] {escape_path(out)}  ({len(cards)})")


@app.command("join")
def join(
    directory: HomeArgument,
    *,
    node: Annotated[str, typer.Option("--node", help="Một nút của sổ / a node of the ledger")],
    policy: Annotated[Path, typer.Option("--policy", help="Chính sách tin cậy / the policy you trust")],
    members_file: Annotated[
        Path, typer.Option("--members", help="Tệp do `network members` ghi / file made by `network members`")
    ],
    name: Annotated[
        str, typer.Option("--name", help="Mã của bên mới / identifier of the one that joins, as `thanh-tra`")
    ],
    host: Annotated[str, typer.Option("--host", help="Địa chỉ máy này / this machine's address")],
    engine_port: Annotated[int, typer.Option("--engine-port", min=1, max=65535)] = ENGINE_PORT,
    peer_port: Annotated[int, typer.Option("--peer-port", min=1, max=65535)] = PEER_PORT,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="HTTP")] = HTTP_PORT,
    passphrase_file: passphrases.PassphraseFileOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Lập thư mục cho một bên xác nhận mới. Make the home of a validator that joins a network which runs already."""
    home = Home(directory)
    if home.keys.exists():
        raise UsageError("home.exists", f"{directory} is a validator's home already: it has keys")
    passphrase = passphrases.new(passphrase_file, insecure=insecure_no_passphrase)
    with Client(node) as client:
        begin_copy(home, client, read_pinned(policy), policy)
        genesis = home.read_genesis()
        behind = _first_blocks_are_gone(home, client)
    with progress("Khóa / keys", len(JOINING_KEYS), quiet=as_json) as report:
        done = iter(range(len(JOINING_KEYS)))
        offer = join_network(
            home,
            genesis,
            f"{genesis.origin}/{name}",
            Place(at_port(host, engine_port), at_port(host, peer_port)),
            read_cards(members_file, genesis.chain_id),
            passphrase=passphrase,
            config=_config(port).encode(),
            on_key=lambda _: report(next(done) + 1),
        )
    if as_json:
        print_json({"home": str(directory), "offer": str(offer), "needs_engine_data": behind})
        return
    console.print(f"[bold green]Đã lập / made:[/] {escape_path(directory)}")
    console.print(f"  đưa cho các bên / hand to the others  {escape_path(offer)}")
    if behind:
        console.print(
            "  [yellow]cần dữ liệu engine, khi đã có bên nhận / needs engine data, once one has admitted it:[/]  sogoc network "
            f"engine {escape_path(directory)}"
        )
    console.print(f"  sau đó / then   sogoc serve {escape_path(directory)}")


@app.command("engine")
def engine(
    directory: HomeArgument,
    copy: Annotated[
        Path | None,
        typer.Argument(
            help="Bản sao data/engine của một bên đã dừng; không có thì hỏi các bên đang chạy / copy of data/engine of a "
            "validator that stood still; without it, one that runs is asked"
        ),
    ] = None,
    *,
    passphrase_file: passphrases.PassphraseFileOption = None,
) -> None:
    """Lấy dữ liệu engine của một bên khác về đây. Take over the engine data of another validator, which goes on meanwhile."""
    home = Home(directory)
    home.read_genesis()
    _refuse_served(home)
    passphrase = passphrases.once(passphrases.existing(passphrase_file))
    with reach_others(home, passphrase) as others:
        held = fetch_engine(home, others, passphrase, copy)
    console.print(f"[bold green]Đã đặt / in place:[/] {escape_path(home.engine)}")
    if held:
        print_held()


@app.command("resume")
def resume(
    directory: HomeArgument,
    *,
    passphrase_file: passphrases.PassphraseFileOption = None,
) -> None:
    """Mạng đứng yên vì mất quá nhiều bên: cho bên vừa khôi phục này bỏ phiếu ngay. Let a restored validator vote at once, where
    the network stands still because too many were lost.
    """
    home = Home(directory)
    home.read_genesis()
    _refuse_served(home)
    voted = EngineFiles(home.engine, home.engine).voted
    height = held_to(voted)
    if not height:
        raise HomeError("network.not-held", f"{directory} is not held from voting: there is nothing to do")
    with reach_others(home, passphrases.once(passphrases.existing(passphrase_file))) as others:
        states = engine_states(others)
        voting = sum(one.votes for one in states.values())
        if voting >= quorum_size(len(others) + 1):
            raise HomeError(
                "network.goes-on",
                f"{voting} others vote, enough for a quorum without this one: it votes by itself once they are past engine "
                f"height {height}",
            )
    let_vote(voted)
    console.print(
        "[bold green]Được bỏ phiếu / it votes again.[/] Chỉ làm ở MỘT bên vừa khôi phục, các bên khác tự chờ / on ONE restored "
        "validator only; the others wait by themselves"
    )


@app.command("admit")
def admit_validator(
    directory: HomeArgument,
    offer: Annotated[
        Path,
        typer.Argument(help="Tệp offer.json của bên mới, hoặc tệp members / its offer, or a members' file"),
    ],
    *,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Bên này đã có, nay đổi chỗ / known already, now reached otherwise"),
    ] = False,
) -> None:
    """Cho nút này gặp một bên xác nhận mới. Let this node reach and believe another validator, from its next start on."""
    home = Home(directory)
    for card in read_cards(offer, home.read_genesis().chain_id):
        admit(home, card, replacing=replace)
        console.print(f"[bold green]Đã nhận / admitted:[/] {escape(card.name)}")
    console.print("  khởi động lại nút / restart the node")


@app.command("dismiss")
def dismiss_validator(
    directory: HomeArgument,
    name: Annotated[str, typer.Argument(help="Tên bên đã rời đi / name of the validator that has left")],
) -> None:
    """Thôi gặp một bên đã rời đi. Reach and believe a validator no more, from this node's next start on."""
    dismiss(Home(directory), name)
    console.print(f"[bold green]Đã bỏ / dismissed:[/] {escape(name)}")
    console.print("  khởi động lại nút / restart the node")


def _current(home: Home) -> tuple[Validator, ...]:
    if is_served(home):
        with connect_home(home) as client:
            return validators_of(client)
    store = LedgerStore.open(home.ledger)
    try:
        return current_set(store)
    finally:
        store.close()


def _first_blocks_are_gone(home: Home, client: Client) -> bool:
    """Whether an engine that begins with nothing would wait for ever for blocks that the others have no more."""
    store = LedgerStore.open(home.ledger)
    try:
        if store.head.height > 0:
            return True
    finally:
        store.close()
    source = RemoteLog(client)
    size = parse_checkpoint(source.checkpoint()).size
    first = next(read_blocks(source, 1, store.head.size, size), None)
    if first is None:
        return False
    age_s = time.time() - parse_header_leaf(first.header_leaf).time_ms / 1000
    return age_s > KEEP_SECONDS


def _refuse_served(home: Home) -> None:
    if is_served(home):
        raise UsageError("home.served", "the node is running: stop it first")


def _organisations(validators: int | None, members: list[str]) -> tuple[Organisation, ...]:
    if not members:
        return example_organisations(4 if validators is None else validators)
    if validators is not None and validators != len(members):
        raise UsageError(
            "network.members", f"--validators says {validators}, but {len(members)} members are named"
        )
    found = []
    for text in members:
        identifier, equals, name = text.partition("=")
        if not equals or not identifier or not name:
            raise UsageError("network.members", f"{text!r} is not of the form ID=NAME")
        found.append(Organisation(identifier, name, (ISSUER, OFFICE)))
    if len({one.id for one in found}) != len(found):
        raise UsageError("network.members", "two members have the same identifier")
    return tuple(found)


def _hosts(hosts: list[str], count: int) -> list[str]:
    if not hosts:
        return [LOOPBACK] * count
    if len(hosts) != count:
        raise UsageError(
            "network.hosts", f"{count} validators need {count} hosts, or none; {len(hosts)} are named"
        )
    return hosts


def _config(port: int) -> str:
    return DEFAULT_CONFIG.replace(f"port = {HTTP_PORT}", f"port = {port}")
