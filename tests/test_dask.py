"""An audit over a running Dask cluster: the same verdict as at home, and the same fault by name."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from ledger.checkpoint import parse
from tests.chains import chain_of
from tests.serving import quiet_logs, sogoc

__all__ = ["quiet_logs"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A cluster of two processes, which are started again when they die. Its scheduler's page stands on any free port: without
    an address it would ask for one that another run's cluster may have.
    """
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as made:
        yield made


@pytest.fixture(scope="module")
def scheduler(cluster: LocalCluster) -> str:
    """The address of it."""
    return "dask://" + str(cluster.scheduler_address).removeprefix("tcp://")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of a few hundred entries."""
    chain = chain_of(40, 20, 2)
    return chain.export(tmp_path_factory.mktemp("export") / "out")


@pytest.mark.parametrize("level", ["links", "signatures", "full"])
def test_a_cluster_says_what_this_machine_says(scheduler: str, export: Path, level: str) -> None:
    here = sogoc("audit", export, "--level", level, "--workers", "0", "--json")
    there = sogoc("audit", export, "--level", level, "--executor", scheduler, "--json")
    assert (here.code, there.code) == (0, 0)
    told = {name: here.json[name] for name in ("verdict", "root", "size", "entries", "records")}
    assert {name: there.json[name] for name in told} == told
    assert told["size"] == parse((export / "checkpoint").read_text(encoding="utf-8")).size


def test_a_cluster_finds_the_fault_that_this_machine_finds(
    scheduler: str, export: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    for path in export.rglob("*"):
        target = bad / path.relative_to(export)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    bundle = next(path for path in sorted((bad / "tile" / "entries").rglob("*")) if path.is_file())
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    here = sogoc("audit", bad, "--workers", "0", "--json")
    there = sogoc("audit", bad, "--executor", scheduler, "--json")
    assert here.code == there.code == 1
    assert there.json == here.json


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("dask://", "executor.address"),
        ("spark://here:1", "executor.address"),
        ("dask://127.0.0.1:9", "executor.unreachable"),
    ],
)
def test_a_cluster_that_is_not_there_is_said_so(
    export: Path, address: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.cli.workers._CONNECT_SECONDS", 1)
    done = sogoc("audit", export, "--executor", address)
    assert (done.code, done.rule) == (2, rule)


def test_without_dask_the_way_to_get_it_is_told(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = sogoc("audit", export, "--executor", "dask://127.0.0.1:8786")
    assert (done.code, done.rule) == (2, "executor.missing")


class Killing:
    """An executor of the cluster before whose second task something is done."""

    def __init__(self, real: Executor, before: Callable[[], None]) -> None:
        self.real = real
        self.before = before
        self.tasks = 0

    def submit(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  as the real one
        self.tasks += 1
        if self.tasks == 2:
            self.before()
        return self.real.submit(*arguments, **options)


def test_a_worker_that_is_killed_meanwhile_changes_nothing(
    cluster: LocalCluster, scheduler: str, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    get_executor: Any = Client.get_executor

    def killing(self: Client, **options: Any) -> Any:  # noqa: ANN401  as the real one
        def kill() -> None:
            pid = cluster.workers[0].pid
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

        return Killing(get_executor(self, **options), kill)

    monkeypatch.setattr(Client, "get_executor", killing)
    here = sogoc("audit", export, "--level", "signatures", "--workers", "0", "--json")
    there = sogoc("audit", export, "--level", "signatures", "--executor", scheduler, "--json")
    assert killed
    assert (there.code, there.json["verdict"], there.json["root"]) == (0, "sound", here.json["root"])


def test_work_at_which_every_worker_dies_leads_to_no_verdict(
    cluster: LocalCluster, scheduler: str, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled: Any = cluster.scheduler
    monkeypatch.setattr(scheduled, "allowed_failures", 0)
    get_executor: Any = Client.get_executor

    class Deadly(Killing):
        def submit(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  as the real one
            self.tasks += 1
            return (
                self.real.submit(os._exit, 1) if self.tasks == 2 else self.real.submit(*arguments, **options)
            )

    monkeypatch.setattr(
        Client, "get_executor", lambda self, **options: Deadly(get_executor(self, **options), lambda: None)
    )
    done = sogoc("audit", export, "--level", "signatures", "--executor", scheduler, "--json")
    assert (done.code, done.rule) == (3, "audit.worker")
