"""The network is really cut off where a test says so, and Hypothesis runs the profile that was asked for."""

from __future__ import annotations

import os
import socket
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import NetworkUsedError


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        yield host, port


def connect(host: str, port: int) -> None:
    with socket.socket() as out:
        out.connect((host, port))


def connect_ex(host: str, port: int) -> None:
    with socket.socket() as out:
        out.connect_ex((host, port))


def send_datagram(host: str, port: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as out:
        out.sendto(b"query", (host, port))


def create_connection(host: str, port: int) -> None:
    socket.create_connection((host, port), timeout=5).close()


def resolve(host: str, port: int) -> None:
    socket.getaddrinfo(host, port)


def resolve_the_old_way(host: str, _port: int) -> None:
    socket.gethostbyname(host)


def fetch_with_urllib(host: str, port: int) -> None:
    with urllib.request.urlopen(f"http://{host}:{port}/", timeout=5):
        pass


def fetch_with_httpx(host: str, port: int) -> None:
    httpx.get(f"http://{host}:{port}/", timeout=5)


WAYS_OUT: list[Callable[[str, int], None]] = [
    connect,
    connect_ex,
    send_datagram,
    create_connection,
    resolve,
    resolve_the_old_way,
    fetch_with_urllib,
    fetch_with_httpx,
]


@pytest.mark.parametrize("way", WAYS_OUT)
@pytest.mark.usefixtures("no_network")
def test_no_way_out_is_left(way: Callable[[str, int], object]) -> None:
    # Port 9 of this very machine: should a way out be open after all, nothing is reached.
    with pytest.raises(NetworkUsedError):
        way("127.0.0.1", 9)


def test_without_the_fixture_the_same_call_goes_through(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=5) as connection:
        assert connection.getpeername() == address


@pytest.mark.usefixtures("no_network")
def test_unix_sockets_stay(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "socket"))
        server.listen()
        client.connect(str(tmp_path / "socket"))
        assert client.getpeername() == str(tmp_path / "socket")


@pytest.mark.usefixtures("no_network")
@given(st.integers())
def test_properties_may_run_offline_too(number: int) -> None:
    with pytest.raises(NetworkUsedError):
        socket.getaddrinfo("localhost", number % 65_536)


@pytest.mark.usefixtures("no_network")
def test_a_process_pool_works_offline() -> None:
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(abs, -3).result(timeout=60) == 3


def test_the_profile_is_the_one_asked_for() -> None:
    if os.environ.get("HYPOTHESIS_PROFILE", "ci") == "ci":
        assert settings().derandomize
        assert settings().deadline is None
    else:
        assert not settings().derandomize
