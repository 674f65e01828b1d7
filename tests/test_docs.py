"""What the documents promise is run: the README's commands and program, the specification's examples, links between pages."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from api.cli.app import app
from tests.test_cli import SOGOC, free_port, wait_for_port

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LIBRARY = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
SPEC = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")


def fenced(language: str, after: str) -> str:
    """The first block of `language` after a heading."""
    found = re.search(rf"## {re.escape(after)}.*?```{language}\n(.*?)```", README, re.DOTALL)
    assert found, after
    return found[1]


def test_the_figures_of_faults_are_those_that_were_kept() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "faults.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_librarys_public_names_are_as_documented() -> None:
    listed = re.findall(r"^\| `(ledger\.[\w.]+)\((.*?)\)`", LIBRARY, re.MULTILINE)
    assert len(listed) == 10
    for name, parameters in listed:
        found: Any = import_module(".".join(name.split(".")[:2]))
        for part in name.split(".")[2:]:
            found = getattr(found, part)
        wanted = [each.strip() for each in parameters.split(",")]
        has = [
            each for each in signature(found).parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD
        ]
        assert [each.name for each in has if each.name != "self"] == wanted, name


def test_the_readme_commands_and_program_run(tmp_path: Path) -> None:
    commands = [
        line[2:]
        for line in fenced("console", "A first verified proof").splitlines()
        if line.startswith("$ sogoc")
    ]
    assert [shlex.split(command)[1] for command in commands] == ["init", "serve", "anchor", "verify", "audit"]
    for name in ("Báo cáo 41.pdf", "anh.jpg", "so-lieu.csv"):
        (tmp_path / name).write_bytes(f"nội dung của {name}".encode())
    port = free_port()
    environment = os.environ | {"SOGOC_PASSPHRASE": "một mật khẩu dài", "PYTHONPATH": str(ROOT)}
    node: subprocess.Popen[bytes] | None = None
    try:
        for command in commands:
            arguments = shlex.split(
                command.replace("8080", str(port)).removeprefix("sogoc ").removesuffix(" &")
            )
            if arguments[0] == "serve":
                node = subprocess.Popen(
                    [*SOGOC, *arguments, "--port", str(port)], cwd=tmp_path, env=environment
                )
                wait_for_port(port, node)
                continue
            done = subprocess.run(
                [*SOGOC, *arguments],
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=90,
            )
            assert done.returncode == 0, (command, done.stdout, done.stderr)
            if arguments[0] == "verify":
                assert "HỢP LỆ — valid, in force: Báo cáo 41.pdf" in done.stdout
                assert "UBND phường Phú Sơn (issuer, office)" in done.stdout
    finally:
        if node is not None:
            node.send_signal(signal.SIGTERM)
            assert node.wait(30) == 0
    program = subprocess.run(
        [sys.executable, "-c", fenced("python", "From Python")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.stdout == "HỢP LỆ UBND phường Phú Sơn\n", program.stderr
    program = subprocess.run(
        [sys.executable, "-c", LIBRARY.split("```python\n")[1].split("```")[0]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    rules = [line for line in program.stdout.splitlines() if " " not in line]
    assert rules == ["proof.root-mismatch", "policy.no-log-signature", "signature.key-small-order"], (
        program.stderr
    )
    assert "doc.anchor/1 UBND phường Phú Sơn" in program.stdout


def test_the_specification_says_what_the_code_does() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "spec.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def sources(*folders: str) -> dict[Path, str]:
    """The text of all source files in some folders of the checkout."""
    endings = {".py", ".js", ".go"}
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in endings]
    return {path: path.read_text(encoding="utf-8") for path in sorted(found)}


def test_every_section_of_the_specification_that_a_module_names_is_there() -> None:
    headings = re.findall(r"^##+ (?:\d+\. )?(.+)$|^\*\*([^*]+?)\.\*\*", SPEC, re.MULTILINE)
    titles = [title for pair in headings for title in pair if title]
    named = {
        (title, path.name)
        for path, text in sources("ledger", "node", "api", "tests").items()
        for title in re.findall(r'docs/spec\.md, "([^"\n\\(]+)"', text)
    }
    assert len(named) > 15
    missing = {(title, path) for title, path in named if not any(each.startswith(title) for each in titles)}
    assert missing == set()


def test_every_rule_that_the_specification_names_is_one() -> None:
    prose = re.sub(r"<!-- example: .*?<!-- end -->", "", SPEC, flags=re.DOTALL)
    codes = set(re.findall(r"`([a-z][a-z-]*\.[a-z-]+)`", prose))
    assert len(codes) > 100
    text = "\n".join(sources("ledger", "api").values())
    unknown = {code for code in codes if f'"{code}"' not in text}
    assert unknown == set()


def test_the_table_of_commands_names_them_all() -> None:
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    table = README.split("## The commands")[1].split("\n## ")[0]
    named = {span.removeprefix("sogoc ").split(" ")[0] for span in re.findall(r"`([^`]+)`", table)}
    assert set(command.commands) - named == set()
    assert named - set(command.commands) <= {"--help", "--json", "serve", "demo", "/docs"}


def pages() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
