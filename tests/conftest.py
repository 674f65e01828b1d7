"""What every test shares: Hypothesis's profiles, and the fixture that cuts the network off."""

from __future__ import annotations

import gc
import os
import socket
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests.scheduling import dealt

# `ci` tries the same examples on every run and every machine, so a red run is red for whoever repeats it. It has no
# deadline and no complaint about slowness, because the machine may be busy with the other tests.
settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
# `deep` searches from new seeds, and keeps what it found in .hypothesis/ for the next run.
settings.register_profile(
    "deep",
    deadline=None,
    max_examples=5_000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


# Most of what tests make is gone at once and in no cycle: sweeping less often saves a tenth of the processor's time.
gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests first, where several workers share them (`tests.scheduling`)."""
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers > 1:
        items[:] = dealt([(item.nodeid, item) for item in items], workers)


class NetworkUsedError(AssertionError):
    """Something that must work offline reached for the network."""


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every way out of this process over IP, and every name look-up, fail the test.

    Use it for a whole module with `pytestmark = pytest.mark.usefixtures("no_network")`. Unix sockets stay: the workers
    of a process pool are reached over them. A process that the test starts is not covered.
    """

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise NetworkUsedError(f"the network is cut off in this test: {args[1:] or args} {kwargs or ''}")

    def guard(name: str) -> None:
        original = getattr(socket.socket, name)

        def guarded(self: socket.socket, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the method it replaces
            if self.family != socket.AF_UNIX:
                refuse(self, *args, **kwargs)
            return original(self, *args, **kwargs)

        monkeypatch.setattr(socket.socket, name, guarded)

    for method in ("connect", "connect_ex", "sendto", "sendmsg"):
        guard(method)
    for function in (
        "create_connection",
        "getaddrinfo",
        "gethostbyaddr",
        "gethostbyname",
        "gethostbyname_ex",
        "getnameinfo",
    ):
        monkeypatch.setattr(socket, function, refuse)
