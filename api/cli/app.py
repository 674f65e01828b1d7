"""`sogoc`: the commands put together, and what happens when one of them fails.

Rules: exit codes are 0 good and in force, 1 does not match (or refused), 2 usage, 3 cannot tell (or cannot be reached),
4 authentic but no longer in force. An expected failure is one clear message that names its rule; a traceback is a bug.
A command's module is read when the command is asked for: whoever verifies a receipt does not wait for the gateway's libraries.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Annotated, Any, Final, NamedTuple, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from api.cli.output import ExitCode, exit_code_of, print_error
from api.version import program_version
from ledger.errors import LedgerError


class Place(NamedTuple):
    """Where a command is: its function or group in a module of `api.cli`, and what other modules add to a group."""

    module: str
    name: str
    added: Mapping[str, tuple[str, str]] = {}

    def load(self, called: str) -> Any:  # noqa: ANN401 - Typer's classes of commands have no public common one
        """The command, under the name it is called by."""
        found = _attribute(self.module, self.name)
        if not isinstance(found, typer.Typer):
            return _command(called, found)
        # Into the group that is made here, not into the module's own: that one stays as it was, however often this is called.
        group = get_group(found)
        for name, (module, function) in self.added.items():
            group.add_command(_command(name, _attribute(module, function)))
        return group


COMMANDS: Final[Mapping[str, Place]] = {
    "init": Place("setup", "init"),
    "serve": Place("serve", "serve"),
    "follow": Place("follow", "follow"),
    "demo": Place("demo", "demo"),
    "keygen": Place("setup", "keygen"),
    "member": Place(
        "members",
        "app",
        {
            "rotate-key": ("member_keys", "rotate_key"),
            "retire-key": ("member_keys", "retire_key"),
            "revoke-key": ("member_keys", "revoke_key"),
            "succeed": ("successions", "succeed"),
            "cancel-succession": ("successions", "cancel"),
        },
    ),
    "governance": Place("governance", "app"),
    "validator": Place("validators", "app"),
    "policy": Place("policies", "app"),
    "network": Place("network", "app"),
    "witness": Place("witness", "app"),
    "anchor": Place("anchor", "anchor"),
    "document": Place("documents", "app", {"stamp": ("stamps", "stamp")}),
    "watch": Place("watch", "watch"),
    "gateway": Place("gateway", "app"),
    "product": Place("products", "app"),
    "place": Place("places", "app"),
    "lot": Place("lots", "app"),
    "label": Place("labels", "label"),
    "receipt": Place("anchor", "receipt"),
    "certify": Place("certify", "certify"),
    "revoke": Place("certificate_later", "revoke"),
    "certificate": Place("certificates", "app"),
    "verify": Place("verify", "verify"),
    "evidence": Place("evidence", "evidence"),
    "history": Place("history", "history"),
    "trace": Place("trace", "trace"),
    "findings": Place("trace", "findings"),
    "vault": Place("vault", "app"),
    "erase": Place("vault", "erase"),
    "audit": Place("audit", "audit"),
    "rebuild": Place("maintenance", "rebuild"),
    "export": Place("maintenance", "export"),
    "backup": Place("maintenance", "backup"),
    "restore": Place("restoring", "restore"),
    "status": Place("status", "status"),
    "doctor": Place("status", "doctor"),
}
"""In the order in which `sogoc --help` shows them."""


def _tell_both_languages(command: Any) -> None:  # noqa: ANN401 - see `Place.load`
    """Let lists of commands show the whole line about each: else they end after its first sentence, which is Vietnamese."""
    command.short_help = (command.help or "").partition("\n\n")[0].replace("\n", " ")
    for further in getattr(command, "commands", {}).values():
        _tell_both_languages(further)


class _Loaded(MutableMapping[str, Any]):
    """The commands by name, each read from its module when it is first looked at."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - see `Place.load`
        if name not in self._loaded:
            command = COMMANDS[name].load(name)
            command.name = name
            _tell_both_languages(command)
            self._loaded[name] = command
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __setitem__(self, name: str, command: object) -> NoReturn:
        raise TypeError("commands are listed in COMMANDS")

    def __delitem__(self, name: str) -> NoReturn:
        raise TypeError("commands are listed in COMMANDS")


class _Commands(TyperGroup):
    """A group that knows its commands' names before it has them."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - what Typer passes on
        super().__init__(**settings)
        self.commands = _Loaded()


app = typer.Typer(
    name="sogoc",
    cls=_Commands,
    help="Sổ Gốc: sổ cái kiểm chứng được. A ledger whose every answer can be checked offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"sogoc {program_version()}")
        raise typer.Exit


@app.callback()
def _sogoc(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Phiên bản / which release this is"
        ),
    ] = False,
) -> None:
    """What may come before the commands."""


def _attribute(module: str, name: str) -> Any:  # noqa: ANN401 - a function or a Typer
    return getattr(import_module(f"api.cli.{module}"), name)


def _command(name: str, function: Any) -> Any:  # noqa: ANN401 - any signature, and see `Place.load`
    alone = typer.Typer(rich_markup_mode=None, add_completion=False)
    alone.command(name)(function)
    return get_command(alone)


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    as_json = "--json" in sys.argv
    try:
        app(standalone_mode=True)
    except LedgerError as error:
        print_error(error, as_json=as_json)
        sys.exit(exit_code_of(error))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does.
        sys.stderr.close()
        sys.exit(ExitCode.GOOD)
    except Exception:  # noqa: BLE001  whatever it is, a fault of the program is no verdict, and Python's own code would be one
        sys.excepthook(*sys.exc_info())
        sys.exit(ExitCode.CANNOT_TELL)
