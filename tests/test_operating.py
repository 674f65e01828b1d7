"""The operator's guide and the systemd units say what the program does: commands, options, settings, metrics, codes."""

from __future__ import annotations

import re
import shlex
from configparser import RawConfigParser
from dataclasses import fields
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from api.cli.app import app
from api.cli.output import ExitCode
from node import keyfiles
from node.config import Config
from node.metrics import Metrics

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
UNITS = ROOT / "docs" / "systemd"


def commands() -> list[str]:
    """The arguments of every `sogoc …` in a console block, and of every one in backquotes that has an option."""
    lines = re.findall(r"(?:\$ |/bin/)sogoc (.*)$", GUIDE, re.MULTILINE)
    return [*lines, *re.findall(r"`sogoc ([^`]* --[^`]*)`", GUIDE)]


def unit(name: str) -> RawConfigParser:
    parser = RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((UNITS / name).read_text(encoding="utf-8"))
    return parser


def check_command(line: str) -> None:
    words = shlex.split(line)
    command = get_command(app)
    while isinstance(command, TyperGroup):
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if word.startswith("--"):
            assert word in known, f"{line}: {word}"


def test_the_guide_has_commands() -> None:
    names = {line.split()[0] for line in commands()}
    assert {"init", "keygen", "member", "backup", "restore", "audit", "export", "doctor"} <= names


@pytest.mark.parametrize("line", commands())
def test_commands_in_the_guide_exist_with_their_options(line: str) -> None:
    check_command(line)


def test_every_setting_and_metric_is_in_the_guide() -> None:
    for setting in fields(Config):
        assert f"`{setting.name}`" in GUIDE, setting.name
    names = {
        line.split()[2]
        for line in Metrics().text().decode().splitlines()
        if line.startswith("# TYPE") and not line.split()[2].endswith("_created")
    }
    for name in names:
        assert f"`{name}" in GUIDE, name


def test_every_code_in_the_guide_is_one() -> None:
    listed = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    codes = re.findall(r"`((?:restore|store|cosign|disk|node|mempool)\.[a-z-]+)`", GUIDE)
    assert codes
    for code in codes:
        assert f"`{code}`" in listed, code


def test_the_unit_serves_with_the_credential_that_the_program_looks_for() -> None:
    service = unit("sogoc@.service")["Service"]
    assert service["LoadCredential"].split(":")[0] == keyfiles.PASSPHRASE_CREDENTIAL
    assert service["RestartPreventExitStatus"] == str(int(ExitCode.USAGE))
    assert service["UMask"] == "0077"
    assert service["StateDirectory"] == "sogoc/%i"
    check_command(service["ExecStart"].split("/sogoc ", 1)[1])


def test_the_backup_unit_runs_a_command_that_exists() -> None:
    line = unit("sogoc-backup@.service")["Service"]["ExecStart"]
    inner = shlex.split(line)[2].split("/sogoc ", 1)[1]
    check_command(re.sub(r"\$\(.*?\)", "now", inner))
    assert unit("sogoc-backup@.timer")["Timer"]["OnCalendar"]
