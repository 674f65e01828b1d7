"""Workers that die, lie or answer with nonsense: whatever they do, a verdict is not wrong because of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.cli.app import main
from api.cli.output import ExitCode
from ledger.errors import CannotTellError
from ledger.verify import audit
from ledger.verify.report import Finding, Level
from tests.chains import Chain, Image, chain_of, write_export
from tests.serving import quiet_logs, sogoc

__all__ = ["quiet_logs"]


class Workers(Executor):
    """Works at once, and turns the results of its second task into something else."""

    def __init__(self, turn: Callable[[list[Any]], Any]) -> None:
        self.turn = turn
        self.tasks = 0

    def submit(self, what: Callable[..., Any], /, *arguments: object, **_: object) -> Future[Any]:
        self.tasks += 1
        done: Future[Any] = Future()
        try:
            result = what(*arguments)
            done.set_result(self.turn(result) if self.tasks == 2 else result)
        except Exception as error:  # noqa: BLE001  as a worker's are
            done.set_exception(error)
        return done


class Gone(Workers):
    """Takes no second task."""

    def submit(self, what: Callable[..., Any], /, *arguments: object, **options: object) -> Future[Any]:
        if self.tasks:
            raise BrokenProcessPool("a worker was killed")
        return super().submit(what, *arguments, **options)


def fail(error: Exception) -> Callable[[list[Any]], Any]:
    def turn(_: list[Any]) -> None:
        raise error

    return turn


def accuse(results: list[Any]) -> list[Any]:
    """Say of what is right that it is wrong."""
    result, parts = results[0]
    finding = Finding(1, "signature.invalid", "an entry's signature is forged")
    return [(replace(result, finding=finding), parts), *results[1:]]


def invent(results: list[Any]) -> list[Any]:
    """Say that the headers follow on others than they do."""
    result, parts = results[0]
    facts = tuple(replace(fact, parent=bytes(32)) for fact in result.facts)
    return [(replace(result, facts=facts), parts), *results[1:]]


NONSENSE: dict[str, Callable[[list[Any]], Any]] = {
    "nothing": lambda _: None,
    "too little": lambda results: results[:-1],
    "too much": lambda results: [*results, results[-1]],
    "other things": lambda results: [b"" for _ in results],
    "pairs of other things": lambda results: [(None, []) for _ in results],
    "killed": fail(BrokenProcessPool("a worker was killed")),
    "cancelled": fail(CancelledError()),
    "out of memory": fail(MemoryError()),
}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return chain_of(30, 30, 1)


@pytest.mark.parametrize("name", NONSENSE)
@pytest.mark.parametrize("level", [Level.SIGNATURES, Level.FULL])
def test_a_worker_that_fails_leads_to_no_verdict(chain: Chain, name: str, level: Level) -> None:
    workers = Workers(NONSENSE[name])
    with pytest.raises(CannotTellError) as caught:
        audit(chain.image(), chain.policy, level=level, executor=workers)
    assert caught.value.rule == "audit.worker"
    assert workers.tasks >= 2


def test_workers_that_are_gone_lead_to_no_verdict(chain: Chain) -> None:
    with pytest.raises(CannotTellError) as caught:
        audit(chain.image(), chain.policy, executor=Gone(lambda results: results))
    assert caught.value.rule == "audit.worker"


# -- at the command line -------------------------------------------------------------------------------------------------


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[list[Any]], Any]], None]:
    def lie(turn: Callable[[list[Any]], Any]) -> None:
        @contextmanager
        def cluster(_: str) -> Iterator[tuple[Executor, int]]:
            yield Workers(turn), 2

        monkeypatch.setattr("api.cli.audit.cluster", cluster)

    return lie


@pytest.mark.parametrize("turn", [accuse, invent, NONSENSE["killed"]])
def test_a_cluster_cannot_have_a_sound_ledger_called_wrong(
    chain: Chain,
    turn: Callable[[list[Any]], Any],
    lying: Callable[[Callable[[list[Any]], Any]], None],
    tmp_path: Path,
) -> None:
    export = chain.export(tmp_path / "out")
    lying(turn)
    done = sogoc("audit", export, "--executor", "dask://somewhere:1", "--level", "signatures", "--json")
    assert (done.code, done.rule) == (3, "audit.worker")


def test_what_is_wrong_is_told_as_this_machine_found_it(
    chain: Chain, lying: Callable[[Callable[[list[Any]], Any]], None], tmp_path: Path
) -> None:
    image = chain.image()
    records = [list(items) for items in image.records]
    place = next(at for at in range(600, 700) if len(records[at][0]) != 64)
    records[place] = [records[place][0][:-1] + b"x"]
    bad = write_export(Image(image.leaves, records, image.checkpoint_text), chain.genesis, tmp_path / "bad")
    here = sogoc("audit", bad, "--workers", "0", "--json")
    assert (here.code, here.json["index"]) == (1, place)
    # The cluster says that it is wrong too, but elsewhere and otherwise.
    lying(accuse)
    there = sogoc("audit", bad, "--executor", "dask://somewhere:1", "--json")
    assert (there.code, there.json) == (1, here.json)


def test_a_fault_of_the_program_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("nobody has thought of this")

    monkeypatch.setattr("api.cli.app.app", broken)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == ExitCode.CANNOT_TELL
    assert "nobody has thought of this" in capsys.readouterr().err
