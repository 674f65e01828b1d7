"""A command starts with its own modules and nobody else's; each command that is listed is there."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from api.cli import members
from api.cli.app import COMMANDS, app
from api.version import program_version

OF_OTHERS = (
    "fastapi",
    "uvicorn",
    "google.protobuf",
    "jinja2",
    "segno",
    "api.gateway",
    "api.http",
    "api.cli.gateway",
)
"""What no command needs that only reads files: the web server's, the engine's and the gateway's."""


@pytest.mark.parametrize("name", COMMANDS)
def test_each_listed_command_is_there_and_says_what_it_does(name: str) -> None:
    command = get_command(app).commands[name]  # type: ignore[attr-defined]  # a group, as its class says
    assert command.name == name
    assert command.get_short_help_str()


def test_what_is_added_to_a_group_is_in_it() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]  # as above
    added = {name: set(place.added) for name, place in COMMANDS.items() if place.added}
    assert added.keys() == {"member", "document"}
    for name, names in added.items():
        assert names <= set(commands[name].commands)


def test_a_group_is_the_same_however_often_it_is_loaded() -> None:
    before = len(members.app.registered_commands)
    first, second = (list(COMMANDS["member"].load("member").commands) for _ in range(2))
    assert first == second
    assert len(members.app.registered_commands) == before


def test_verifying_waits_for_no_library_of_the_servers() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from api.cli.app import app;"
        "assert CliRunner().invoke(app, ['verify', '--help']).exit_code == 0; print('\\n'.join(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "api.cli.verify" in answer.stdout.split()
    assert set(OF_OTHERS) & set(answer.stdout.split()) == set()


def test_the_program_says_which_release_it_is() -> None:
    answer = CliRunner().invoke(app, ["--version"])
    assert (answer.exit_code, answer.output) == (0, f"sogoc {program_version()}\n")


def test_a_misspelt_command_is_corrected() -> None:
    answer = CliRunner().invoke(app, ["verifi"])
    assert answer.exit_code == 2
    assert "verify" in answer.output
