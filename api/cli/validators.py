"""`sogoc validator`: who orders and cosigns, and how new keys or another validator come into service.

Rules: a validator's new keys are made in the home that will use them, and leave it only as an *offer*: public keys, with the
signatures that show their possession. Whoever administers the ledger puts an offer on it, which is governed. The node goes over
to the new keys with the block that says so, if it was started since they were made; `switch` puts the files in their place
afterwards, and keeps the old ones, which sign nothing any more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.cli import passphrases
from api.cli.anchor import DEFAULT_NODE, KeyOption, NodeOption
from api.cli.enacting import DEFAULT_DAYS, DaysOption, DecisionOption, administrator, enact, report
from api.cli.files import escape_path, write_atomically
from api.cli.nodes import connect, is_served
from api.cli.output import JsonOption, UsageError, console, print_json
from api.client import Client
from ledger.encoding import Value
from ledger.genesis import Validator
from ledger.keys import SigningKey
from ledger.records.validators import SET, SUBJECT
from ledger.rows import VALIDATORS_KEY, SubjectRow, parse_validators, subject_key
from ledger.store.ledger_store import LedgerStore
from ledger.validators import current_set, quorum_of
from node import keyfiles
from node.home import VALIDATOR_KEYS, Home
from node.network_join import PURPOSES, offer_of
from node.safe_files import sync_names

app = typer.Typer(
    help="Các bên xác nhận của sổ và khóa của họ. The ledger's validators and their keys.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

MAX_OFFER_BYTES = 65_536

HomeArgument = Annotated[Path, typer.Argument(help="Thư mục nút / the node's home")]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name", help="Tên bên xác nhận; mặc định bên duy nhất / the validator; the only one by default"
    ),
]


@app.command("show")
def show(*, node: NodeOption = DEFAULT_NODE, as_json: JsonOption = False) -> None:
    """Ai đang xác nhận, bằng khóa nào. Who validates, with which keys, as the node has it."""
    with connect(node) as client:
        validators, number = validators_of(client), _set_number(client)
    if as_json:
        print_json(
            {
                "set": number,
                "quorum": quorum_of(validators),
                "validators": [
                    {"name": one.name} | {purpose: key.hex() for purpose, key in one.keys}
                    for one in validators
                ],
            }
        )
        return
    console.print(
        f"  bộ số / set number   {number}; cần / quorum {quorum_of(validators)} / {len(validators)}"
    )
    for one in validators:
        console.print(f"[bold]{escape(one.name)}[/]")
        for purpose, key in one.keys:
            console.print(f"  {purpose:<12}{key.hex()}")


@app.command("keys")
def make_keys(
    directory: HomeArgument,
    *,
    passphrase_file: passphrases.PassphraseFileOption = None,
    insecure_no_passphrase: passphrases.InsecureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tạo bộ khóa xác nhận mới, chưa dùng. Make a validator's next keys; they are not in service yet."""
    home = Home(directory)
    home.read_genesis()
    if home.next_keys.exists():
        raise UsageError(
            "validator.next-keys",
            f"{home.next_keys} holds keys already: put them in service (`sogoc validator set`, `switch`), or take them away",
        )
    passphrase = passphrases.new(passphrase_file, insecure=insecure_no_passphrase)
    home.next_keys.mkdir(mode=0o700)
    made = {name: keyfiles.generate(home.next_key(name), passphrase).public_key for name in VALIDATOR_KEYS}
    if as_json:
        print_json({PURPOSES[name]: key.hex() for name, key in made.items()})
        return
    console.print(f"[bold green]Đã tạo / made:[/] {escape_path(home.next_keys)}")
    for name, key in made.items():
        console.print(f"  {PURPOSES[name]:<12}{key.hex()}")
    console.print("  khởi động lại nút rồi đề xuất / restart the node, then:  sogoc validator set")


@app.command("offer")
def offer(
    directory: HomeArgument,
    name: Annotated[str, typer.Option("--name", help="Tên sẽ ký / the name it will cosign under")],
    out: Annotated[
        Path, typer.Option("--out", help="Tệp để đưa cho quản trị viên / file for the administrators")
    ],
    *,
    passphrase_file: passphrases.PassphraseFileOption = None,
) -> None:
    """Ghi khóa công khai và bằng chứng giữ khóa ra tệp. Write the next keys' public halves, and that they are held."""
    if out.exists():
        raise UsageError("files.exists", f"{out} exists: name a file that does not")
    write_atomically(out, json.dumps(_offer_of(Home(directory), name, passphrase_file), indent=2) + "\n")
    console.print(f"[bold green]Đã ghi / written:[/] {escape_path(out)}")


@app.command("set")
def set_validator(
    offered: Annotated[
        Path,
        typer.Argument(help="Thư mục nút có khóa mới, hoặc tệp đề nghị / a home with next keys, or an offer"),
    ],
    *,
    key: KeyOption,
    name: NameOption = None,
    leaves: Annotated[
        str | None,
        typer.Option("--leaves", help="Bên rời đi để nhường chỗ / the validator whose place it takes"),
    ] = None,
    decision: DecisionOption = None,
    days: DaysOption = DEFAULT_DAYS,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Đưa khóa mới, hoặc bên xác nhận mới, vào sử dụng. Put new keys, or a new validator, in service."""
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        if offered.is_dir():
            told = _offer_of(Home(offered), _only(client, name), passphrase_file)
        else:
            told = _read_offer(offered)
            if name is not None and name != told["validator"]:
                raise UsageError("validator.name", f"the offer is for {told['validator']!r}")
        body: dict[str, Value] = {"validator": told["validator"]}
        for purpose, given in told["keys"].items():
            body[f"{purpose}_key"] = bytes.fromhex(given["key"])
            body[f"{purpose}_possession"] = bytes.fromhex(given["possession"])
        if leaves is not None:
            body["leaves"] = leaves
        _enact(
            client,
            signer,
            body,
            decision,
            days,
            f"{told['validator']} có khóa mới / gets keys",
            as_json=as_json,
        )


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="Bên xác nhận rời đi / the validator that leaves")],
    *,
    key: KeyOption,
    decision: DecisionOption = None,
    days: DaysOption = DEFAULT_DAYS,
    node: NodeOption = DEFAULT_NODE,
    passphrase_file: passphrases.PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cho một bên thôi xác nhận. Take a validator out of the set."""
    signer = passphrases.load_key(key, passphrase_file)
    with connect(node) as client:
        _enact(client, signer, {"leaves": name}, decision, days, f"{name} rời đi / leaves", as_json=as_json)


@app.command("switch")
def switch(directory: HomeArgument, *, passphrase_file: passphrases.PassphraseFileOption = None) -> None:
    """Đặt bộ khóa mới vào chỗ bộ cũ, sau khi sổ đã đổi. Put the next keys in the place of those that were retired."""
    home = Home(directory)
    home.read_genesis()
    if is_served(home):
        raise UsageError("home.served", "the node is running: stop it first")
    if not home.next_keys.is_dir():
        raise UsageError(
            "validator.next-keys", f"{home.next_keys} is not there: nothing is waiting to be put in service"
        )
    find = passphrases.once(passphrases.existing(passphrase_file))
    waiting = {
        name: keyfiles.load(home.next_key(name), find).public_key
        for name in VALIDATOR_KEYS
        if home.next_key(name).exists()
    }
    store = LedgerStore.open(home.ledger)
    try:
        validators, size = current_set(store), store.head.size
        signed = store.signed_checkpoint(size) is not None
    finally:
        store.close()
    for name, public_key in waiting.items():
        if public_key not in {dict(one.keys)[PURPOSES[name]] for one in validators}:
            raise UsageError(
                "validator.next-keys",
                f"the ledger does not name the next {name} key yet: `sogoc validator set` puts it there",
            )
    if not signed:
        raise UsageError(
            "cosign.closing", "the last block is not cosigned yet: start the node once more before this"
        )
    former = home.keys / f"former-{size}"
    former.mkdir(mode=0o700, exist_ok=True)
    # One after the other, and again from where it stopped: a file that was moved is not waiting any more.
    for name in waiting:
        if home.key(name).exists():
            home.key(name).rename(former / home.key(name).name)
        home.next_key(name).rename(home.key(name))
    home.next_keys.rmdir()
    sync_names(home.keys)
    console.print(f"[bold green]Đã đổi khóa / switched:[/] {escape_path(home.keys)}")
    console.print(f"  khóa cũ / former keys  {escape_path(former)}")


def _enact(
    client: Client,
    signer: SigningKey,
    body: dict[str, Value],
    decision: str | None,
    days: int,
    message: str,
    *,
    as_json: bool,
) -> None:
    who = administrator(client, signer)
    body |= {"authority": who.member, "set": _set_number(client)}
    if decision is not None:
        body["decision"] = decision
    done = enact(client, who, [(SET.name, body)], days=days)
    report(done, message, {"set": body["set"]}, as_json=as_json)


def _offer_of(home: Home, name: str, passphrase_file: Path | None) -> dict[str, Any]:
    genesis = home.read_genesis()
    if not home.next_keys.is_dir():
        raise UsageError(
            "validator.next-keys", f"{home.next_keys} is not there: `sogoc validator keys` makes them"
        )
    find = passphrases.once(passphrases.existing(passphrase_file))
    return offer_of(genesis, name, {file: keyfiles.load(home.next_key(file), find) for file in PURPOSES})


def _read_offer(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            told = json.loads(stream.read(MAX_OFFER_BYTES))
        for given in told["keys"].values():
            bytes.fromhex(given["key"]), bytes.fromhex(given["possession"])
        if not isinstance(told["validator"], str) or not told["keys"].keys() <= set(PURPOSES.values()):
            raise KeyError("validator")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            "validator.offer", f"{path} is not an offer made by `sogoc validator offer`"
        ) from error
    return dict(told)


def validators_of(client: Client) -> tuple[Validator, ...]:
    """The validators now, as the node has it."""
    value = client.state(VALIDATORS_KEY).proof.value
    return () if value is None else parse_validators(value)


def _set_number(client: Client) -> int:
    value = client.state(subject_key(*SUBJECT)).proof.value
    return 0 if value is None else SubjectRow.parse(value).history.size


def _only(client: Client, name: str | None) -> str:
    if name is not None:
        return name
    names = [one.name for one in validators_of(client)]
    if len(names) != 1:
        raise UsageError(
            "validator.name", f"the ledger has {len(names)} validators: say with --name whose keys these are"
        )
    return names[0]
