"""docs/operating.md, "Several organisations": its commands are run one after the other, by real processes, as they stand there.

What is replaced is what a test machine has not: systemd (a process is started and stopped), the machines' addresses and places,
the passphrase, and the number of the proposal, which the guide leaves to the reader. Where the guide brings lost machines back,
they are lost first: killed, and their disks with them, all of one passage at once. Until the newcomer is admitted, the engines
keep blocks for a second only, as after years of service: none is there from the beginning.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger.epochs import Epochs
from ledger.receipt import verify
from node.engine.cometbft.process import INSTALL
from node.engine.cometbft.voting import held_to
from node.home import Home
from tests.faults.load import Load
from tests.faults.serving import SECONDS
from tests.network.checking import check_all
from tests.network.hall import Hall, free_ports, needs_cometbft
from tests.network.nursery import KEEP
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
HOMES = "/var/lib/sogoc/"
MAKES_KEYS = (["network", "init"], ["network", "join"], ["validator", "keys"])


def passages() -> list[list[tuple[str, str]]]:
    """Who types what, in the guide's order: the steps of its story, each with who takes it, as they stand together."""
    return [
        found for block in re.findall(r"```console\n(.*?)```", SECTION, re.DOTALL) if (found := _steps(block))
    ]


def _steps(block: str) -> list[tuple[str, str]]:
    found = []
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
        self.seed = 40

    @property
    def network(self) -> Hall:
        """The network; it is there once all homes are in their places."""
        if self.hall is None:
            self.hall = Hall(self.folder, made=MEMBERS)
            for served in self.hall.served:
                served.environment = {KEEP: "1"}
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
        word = word.replace(HOMES, f"{self.folder}/homes/")
        word = word.replace("/var/backups/sogoc/", f"{self.folder}/")
        word = word.replace("/media/", f"{self.folder}/")
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
            if verb == "restart":
                hall.served[number].environment = {}
            hall.served[number].spawn()

    def lose(self, *names: str) -> None:
        """These machines are gone, at once and with all that was on them."""
        hall = self.network
        hall.until_agreed(*self.alive())
        hall.kill(*map(hall.names.index, names))
        for name in names:
            shutil.rmtree(self.folder / "homes" / name)

    def alive(self) -> list[int]:
        """Those that are served."""
        return [number for number, served in enumerate(self.network.served) if served.alive]

    def standing(self, name: str) -> str:
        """What a node says that it is to the ledger."""
        number = self.network.names.index(name)
        self.network.wait_ready(number)
        return str(self.network.status(number)["standing"])

    def held(self, name: str) -> int:
        """The engine height up to which a validator votes on nothing; 0 if it votes."""
        return held_to(
            self.folder / "homes" / name / "data" / "engine" / "data" / "priv_validator_state.json"
        )

    def load(self) -> AbstractContextManager[Load]:
        """Somebody uses the first node, with entries of his own."""
        self.network.wait_ready(0)
        self.seed += 1
        return self.network.load(0, seed=self.seed, pause=0.05, waits=0)

    def wait(self) -> None:
        """Until all that run are ready."""
        for number in self.alive():
            self.network.wait_ready(number)

    def use(self) -> None:
        """Somebody uses the network, and all that run take part."""
        with self.load() as load:
            load.wait_for(20, seconds=SECONDS)
            self.wait()
        self.network.until_agreed(*self.alive(), above=2)

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
        if command[0] not in {"network", "restore"}:
            for number, served in enumerate(self.network.served):
                if served.alive:
                    self.network.wait_ready(number)
        done = sogoc(*command)
        assert (done.code, done.rule) == (ExitCode.GOOD, ""), (command, done.output)
        if command[0] == "status":
            assert "behind" in done.output
            assert all(f"  {name} " in done.output for name in ("tinh", "htx", "tra")), done.output
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
    for passage in passages():
        restored = [line.split()[3].removeprefix(HOMES) for _, line in passage if "sogoc restore " in line]
        lost = restored or [
            part for _, line in passage for part in re.findall(r"--leaves tinh.example/so-goc/(\S+)", line)
        ]
        if lost:
            operators.lose(*lost)
        with ExitStack() as passing:
            if restored:
                # Where too many are lost, none of these becomes final before they are back.
                passing.enter_context(operators.load())
            for who, line in passage:
                if "network members" in line and not old:
                    # The network of four is in service: somebody uses it.
                    (operators.folder / "policy").write_bytes(operators.network.homes[0].policy.read_bytes())
                    operators.use()
                    old = receipt_of(operators.network, 0, final_entry(operators.network))
                if "network admit /var/lib/sogoc/tinh /var/lib/sogoc/htx-moi" in line:
                    # The others read their settings again, one after the other, while entries come.
                    passing.enter_context(operators.load())
                if "network engine" in line:
                    passing.close()
                if "validator set /var/lib/sogoc/kiem-lam" in line:
                    assert operators.standing("kiem-lam") == "waiting"
                operators.type(who, line)
                if "sogoc restore " in line:
                    assert operators.held(line.split()[3].removeprefix(HOMES))
            if restored:
                operators.wait()
        if restored:
            operators.network.until_agreed(*operators.alive())
            assert [operators.held(name) for name in restored] == [0] * len(restored)
            check_all(operators.network, *operators.alive())
    hall = operators.network
    operators.use()
    check_all(hall, *operators.alive())
    staying = ["phuong", "tinh", "tra", "htx-moi"]
    assert [hall.names[number] for number in operators.alive()] == staying
    assert [operators.standing(name) for name in staying] == ["validator"] * 4
    epochs: Epochs = hall.policy.learn()
    assert [len(epoch.policy.witnesses) for epoch in epochs.epochs] == [4, 5, 5, 4, 4]
    assert verify(old, epochs).index > 0
    assert verify(receipt_of(hall, 1, final_entry(hall, newest=True)), epochs.newest.policy).index > 0
    assert (operators.folder / "policy.epochs").exists()


def test_the_guide_has_a_command_for_each_step() -> None:
    typed = "\n".join(line for passage in passages() for _, line in passage)
    for step in (
        *("network init", "network members", "network join", "network engine", "network admit"),
        *("network dismiss", "network resume", "validator set", "validator remove", "validator keys"),
        *("validator switch", "governance approve", "backup", "restore", "doctor", "policy update"),
        *("follow", "status"),
    ):
        assert f"sogoc {step} " in typed, step
