"""docs/operating.md, "Several organisations": its commands are run one after the other, by real processes, as they stand there.

What is replaced is what a test machine has not: systemd (a process is started and stopped), the machines' addresses and places,
the passphrase, and the number of the proposal, which the guide leaves to the reader.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger.epochs import Epochs
from ledger.receipt import verify
from node.engine.cometbft.process import INSTALL
from node.home import Home
from tests.network.checking import check_all
from tests.network.hall import Hall, free_ports, needs_cometbft
from tests.network.test_changes import final_entry, receipt_of
from tests.serving import quiet_logs, sogoc

__all__ = ["quiet_logs"]

pytestmark = needs_cometbft

GUIDE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
SECTION = GUIDE.partition("\n## Several organisations\n")[2].partition("\n### A copy\n")[0]
LINE = re.compile(r"(?:\(([a-z-]+)\) +)?[#$] (.+)")
MEMBERS = ("phuong", "tinh", "htx", "tra")
EXAMPLES = ("GOBIN=/usr/local/bin " + INSTALL, "sogoc evidence ", "sogoc audit ")
"""Lines that nobody takes in the story; their own tests are elsewhere."""
MAKES_KEYS = (["network", "init"], ["network", "join"], ["validator", "keys"])


def lines() -> list[tuple[str, str]]:
    """Who types what, in the guide's order: the steps of its story, each with who takes it."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", SECTION, re.DOTALL):
        for line in block.splitlines():
            match = LINE.fullmatch(line)
            assert match is not None, line
            if match[1] is None:
                assert match[2].startswith(EXAMPLES), line
                continue
            found.append((match[1], match[2]))
    return found


class Operators:
    """Everybody who types, each on a machine of his own, which here is a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hall: Hall | None = None
        self.proposal = ""
        self.ran: list[str] = []

    @property
    def network(self) -> Hall:
        """The network; it is there once all homes are in their places."""
        if self.hall is None:
            self.hall = Hall(self.folder, made=MEMBERS)
        return self.hall

    def type(self, who: str, line: str) -> None:
        """Run a line of the guide."""
        words = shlex.split(line.removeprefix("runuser -u sogoc -- "))
        words = [self._place(word) for word in words]
        self.ran.append(" ".join(words[:3]))
        match words:
            case ["mv", source, target]:
                Path(target).parent.mkdir(exist_ok=True)
                shutil.move(source, target)
            case ["cp", "-r", source, target]:
                shutil.copytree(source, target)
            case ["systemctl", *verb, unit]:
                self._systemctl(verb[0], unit.removeprefix("sogoc@"))
            case ["sogoc" | "/opt/sogoc/bin/sogoc", *command]:
                self._sogoc(who, command)
            case _:
                raise AssertionError(f"the guide has a command that nobody has thought about: {line}")

    def _place(self, word: str) -> str:
        word = word.replace("/var/lib/sogoc/", f"{self.folder}/homes/")
        word = word.replace("/var/backups/sogoc/", f"{self.folder}/")
        if word == "https://so-goc.tinh.example":
            # Whoever runs: one that was told to start again is waited for.
            number = next(at for at, served in enumerate(self.network.served) if served.alive)
            self.network.wait_ready(number)
            return f"http://127.0.0.1:{self.network.port(number)}"
        return re.sub(r"^10\.0\.0\.\d+$", "127.0.0.1", word)

    def _systemctl(self, verb: str, name: str) -> None:
        hall = self.network
        if name not in hall.names:
            hall.take_in(Home(self.folder / "homes" / name))
        number = hall.names.index(name)
        if verb in {"stop", "restart", "disable"}:
            # The guide: one after the other, and the next one once all are ready.
            for other, served in enumerate(hall.served):
                if served.alive:
                    hall.wait_ready(other)
            hall.served[number].stop()
        if verb in {"start", "restart", "enable"}:
            hall.served[number].spawn()

    def _sogoc(self, who: str, command: list[str]) -> None:
        if command[:2] in MAKES_KEYS:
            command = [*command, "--insecure-no-passphrase"]
        if command[:2] == ["network", "join"]:
            engine, peer = free_ports(2)
            command += ["--engine-port", str(engine), "--peer-port", str(peer)]
        if command[:2] == ["governance", "approve"]:
            command = [self.proposal if word == "PROPOSAL" else word for word in command] + ["--yes"]
        command = [
            str(self.folder / "homes" / who / "keys" / word) if word == "admin.pem" else word
            for word in command
        ]
        if command[0] != "network":
            for number, served in enumerate(self.network.served):
                if served.alive:
                    self.network.wait_ready(number)
        done = sogoc(*command)
        assert (done.code, done.rule) == (ExitCode.GOOD, ""), (command, done.output)
        if found := re.search(r"governance approve\s+([0-9a-f]+)", done.output):
            self.proposal = found[1]

    def close(self) -> None:
        """Leave no process behind."""
        if self.hall is not None:
            self.hall.close()


@pytest.fixture
def operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operators]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    made = Operators(tmp_path)
    yield made
    made.close()


def test_from_nothing_to_a_validator_in_service_and_out_again(operators: Operators) -> None:
    old = ""
    for who, line in lines():
        if "network members" in line:
            # The network of four is in service: somebody uses it.
            (operators.folder / "policy").write_bytes(operators.network.homes[0].policy.read_bytes())
            with operators.network.load(0, seed=41) as load:
                load.wait_for(20, seconds=20)
            operators.network.until_agreed(above=2)
            old = receipt_of(operators.network, 0, final_entry(operators.network))
        operators.type(who, line)
    hall = operators.network
    staying = tuple(map(hall.names.index, MEMBERS))
    with hall.load(0, seed=42) as load:
        load.wait_for(20, seconds=20)
    hall.until_agreed(*staying, above=2)
    check_all(hall, *staying)
    epochs: Epochs = hall.policy.learn()
    assert [len(epoch.policy.witnesses) for epoch in epochs.epochs] == [4, 5, 5, 4]
    assert verify(old, epochs).index > 0
    assert verify(receipt_of(hall, 1, final_entry(hall, newest=True)), epochs.newest.policy).index > 0
    assert (operators.folder / "policy.epochs").exists()
    assert (operators.folder / "tra-before-upgrade.tar").exists()
    assert hall.homes[hall.names.index("htx")].next_keys.exists() is False


def test_the_guide_has_a_command_for_each_step() -> None:
    typed = "\n".join(line for _, line in lines())
    for step in (
        *("network init", "network members", "network join", "network engine", "network admit"),
        *("network dismiss", "validator set", "validator remove", "validator keys", "validator switch"),
        *("governance approve", "backup", "doctor", "policy update", "follow"),
    ):
        assert f"sogoc {step} " in typed, step
