"""docs/operating.md but for "Several organisations" (`tests.network.test_guide`): what it has an operator type is typed.

What is replaced is what a test has not: users and places of the system (all of it lies in one folder), systemd (the node runs
in this process; the units themselves are judged by `systemd-analyze verify`), a terminal, the address, and what the guide
leaves open (`…`). Lines that are not typed here are named below, with where they are.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger.rows import KeyRow, key_key
from ledger.verify.sources.stored import open_store
from node import keyfiles
from node.config import load_config
from node.home import Home, load_keys, load_next_keys
from node.service import Node
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import NODE_KEYS, put, sign

__all__ = ["quiet_logs"]

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
ALONE = GUIDE.partition("\n## Several organisations\n")[0] + GUIDE.partition("\n## Witnesses\n")[2]
PASSPHRASE = "một mật khẩu dài"
ELSEWHERE = {
    "useradd ": "needs root; the units name the same user",
    "python3 -m venv ": "scripts/test installs so, in each run",
    "/opt/sogoc/bin/pip install --upgrade ": "as above",
    "sogoc governance ": "tests/test_quan_tri.py",
    "sogoc verify ": "tests/test_cli_validators.py",
    "sogoc vault ": "tests/test_vault.py",
    "sogoc erase ": "tests/test_vault.py",
}
"""Beginnings of lines that are not typed here, and where that is tested."""
LINE = re.compile(r"(?:\([a-z]+\) +)?[#$] (.+?)(?: {4,}\(.*\))?")
NODE_ADDRESS, MIRROR = "https://so-goc.phuson.example", "https://mirror.example/so-goc"


def lines() -> list[str]:
    found = []
    for block in re.findall(r"```console\n(.*?)```", ALONE, re.DOTALL):
        for line in block.splitlines():
            match = LINE.fullmatch(line)
            assert match is not None, line
            found.append(match[1])
    return found


class _Mirror(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Machine:
    """A machine of the office's, which is a folder, and whoever sits at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "var/lib/sogoc/office")
        self.node: Node | None = None
        self.address = ""
        self.said = ""
        self.done: list[tuple[str, Done]] = []
        self.rest = ExitStack()
        self._service = ExitStack()

    def type(self, line: str) -> None:
        words = shlex.split(line.removeprefix("runuser -u sogoc -- "))
        match words:
            case ["install", "-d", *options]:
                for path in options:
                    if path.startswith("/"):
                        self.at(path).mkdir(parents=True, exist_ok=True)
            case ["install", *_, "/dev/stdin", target]:
                self.at(target).parent.mkdir(parents=True, exist_ok=True)
                self.at(target).write_text(PASSPHRASE)
                self.at(target).chmod(0o600)
            case ["install", *_, source, target]:
                self.at(target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.at(source), self.at(target))
            case ["cp", source, target]:
                self.at(target).mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, self.at(target))
            case ["rm", path]:
                self.at(path).unlink()
            case ["systemctl", *verb, "sogoc@office"]:
                self._systemctl(verb[0])
            case ["sogoc" | "/opt/sogoc/bin/sogoc", *command]:
                self._sogoc(line, command)
            case _:
                raise AssertionError(f"the guide has a command that nobody has thought about: {line}")

    def at(self, path: str) -> Path:
        """Where a place of the guide's is here."""
        return self.folder / path.lstrip("/")

    def _systemctl(self, verb: str) -> None:
        if verb in {"stop", "restart"}:
            self._service.close()
        if verb in {"start", "restart", "enable"}:
            self.node = Node(
                self.home,
                load_config(self.home.config),
                load_keys(self.home, NODE_KEYS, PASSPHRASE),
                next_keys=load_next_keys(self.home, NODE_KEYS, PASSPHRASE),
            )
            self._service.callback(self.node.stop)
            self.node.start()
            self.address = self._service.enter_context(serving(self.node))

    def _sogoc(self, line: str, command: list[str]) -> None:
        command = [self._word(word) for word in command]
        if command[0] == "member" and "--node" not in command:
            command += ["--node", self.address]  # a node on this machine is asked at its usual port
        if command[0] == "keygen":
            self.said = ""
        done = sogoc(*command)
        self.said += done.output
        self.done.append((line, done))
        # A home is held until the last checkpoint is there: the guide says which exit code that is.
        held = command[0] == "restore" and "--release" not in command
        assert (done.code, done.rule) == (ExitCode.CANNOT_TELL if held else ExitCode.GOOD, ""), (line, done)

    def _word(self, word: str) -> str:
        match word:
            case "…":
                # The public key comes first, then what shows that it is held.
                found = re.findall(r"--(?:public-key|possession) ([0-9a-f]+)", self.said)
                self._given = not getattr(self, "_given", False)
                return str(found[0 if self._given else 1])
            case "/run/sogoc-passphrase" if not self.at(word).exists():
                self.at(word).write_text(PASSPHRASE)
                self.at(word).chmod(0o600)
            case "admin.pem":
                return str(self.home.key("admin"))
            case "office-2026-03-01.tar":
                return str(self.at("/var/backups/sogoc") / word)
            case "/media/keys":
                if not self.at(word).exists():
                    shutil.copytree(self.home.keys, self.at(word))
                return str(self.at(word))
            case _ if word == NODE_ADDRESS:
                return self.address
            case _ if word == MIRROR:
                return self._mirror()
        return str(self.at(word)) if word.startswith("/") else word

    def _mirror(self) -> str:
        """Somebody else's copy, which any web server gives; the ledger has gone on since the backup."""
        out = self.folder / "mirror"
        if not out.exists():
            assert self.node is not None
            put(self.node, sign(self.node, key=keyfiles.load(self.home.key("office"), PASSPHRASE)))
            assert sogoc("export", self.address, out).code == ExitCode.GOOD
            server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Mirror, directory=str(out)))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            self.rest.callback(thread.join)
            self.rest.callback(server.server_close)
            self.rest.callback(server.shutdown)
            self._mirrored = f"http://127.0.0.1:{server.server_address[1]}"
        return self._mirrored

    def close(self) -> None:
        self._service.close()
        self.rest.close()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("guide")
    made = Machine(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "300")
        patch.setenv(keyfiles.PASSPHRASE_VARIABLE, PASSPHRASE)
        try:
            for line in lines():
                if line.startswith("sogoc policy update"):
                    assert made.node is not None
                    (folder / "policy").write_bytes(made.home.policy.read_bytes())
                if not line.startswith(tuple(ELSEWHERE)):
                    made.type(line)
            yield made
        finally:
            made.close()


def test_every_line_of_the_guide_is_typed(machine: Machine) -> None:
    typed = {
        " ".join(shlex.split(line.removeprefix("runuser -u sogoc -- "))[1:2]) for line, _ in machine.done
    }
    assert typed == {
        *("init", "keygen", "member", "validator", "policy", "backup", "restore", "audit", "doctor"),
        *("witness", "export"),
    }
    for beginning in ELSEWHERE:
        assert any(line.startswith(beginning) for line in lines()), f"not in the guide any more: {beginning}"


def test_the_ledger_goes_on_after_the_upgrade_with_the_keys_that_were_put_in_service(
    machine: Machine,
) -> None:
    node = machine.node
    assert node is not None
    put(node, sign(node, key=keyfiles.load(machine.home.key("office"), PASSPHRASE)))
    assert not machine.home.next_keys.exists()
    assert len(node.transitions().steps) == 1
    assert (machine.folder / "policy.epochs").exists()
    officer = keyfiles.load(machine.folder / "can-bo-2.pem", PASSPHRASE)
    put(node, sign(node, key=officer))
    anchor = keyfiles.load(machine.home.key("anchor"), PASSPHRASE)
    row = node.final.view.get(key_key(anchor.public_key))
    assert row is not None
    assert KeyRow.parse(row).roles == ("auditor",)


def test_the_drill_ends_with_what_the_mirror_has(machine: Machine) -> None:
    drill = Home(machine.folder / "drill")
    assert not drill.cosign_hold.exists()
    with open_store(drill.ledger) as store:
        assert store.checkpoint() == (machine.folder / "mirror" / "checkpoint").read_text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    units = []
    for source in sorted((ROOT / "docs" / "systemd").iterdir()):
        # It looks for the program where the unit says that it is.
        text = source.read_text(encoding="utf-8").replace("/opt/sogoc/bin/sogoc", "/bin/true")
        units.append(tmp_path / source.name.replace("@", "@office"))
        for name in (source.name, units[-1].name):
            (tmp_path / name).write_text(text, encoding="utf-8")
    assert len(units) == 3
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units)],
        capture_output=True,
        text=True,
        check=False,
    )
    # What it does not know it ignores, and says so.
    said = [line for line in (done.stdout + done.stderr).splitlines() if "sogoc" in line]
    assert (done.returncode, said) == (0, []), done
