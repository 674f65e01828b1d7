"""Machines on one: a network namespace for each, joined by cables that can be pulled.

A namespace lives as long as somebody holds it, and only this process does, by an open file, with the processes that it
starts there: nothing has a name, so nothing is left behind, however the tests end. A machine's own 127.0.0.1 is reached by
opening the connection from within (`Wires.within`); no address of these networks is known outside of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.faults.serving import Within

_NEW_NETWORK: Final = 0x40000000
"""CLONE_NEWNET, clone(2)."""
_RETRANSMIT: Final = Path("/proc/sys/net/ipv4/tcp_rto_max_ms")
"""After a cut, TCP tries again at intervals that double, up to this: otherwise a cut is felt twice as long as it was."""

_libc = ctypes.CDLL(None, use_errno=True)


class Wires:
    """So many machines, each with a cable to a switch. Raises OSError where this user may not make them."""

    def __init__(self, machines: int) -> None:
        self._switch = _new_network()
        self._machines: list[int] = []
        try:
            for _ in range(machines):
                self._machines.append(_new_network())
            self._connect()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> None:
        count = range(len(self._machines))
        # As many bridges as there can be parts; a cable is pulled by moving it to another one.
        lines = [line for n in count for line in (f"link add part{n} type bridge", f"link set part{n} up")]
        for n in count:
            lines += [
                f"link add cable{n} type veth peer name eth0 netns {self.path(n)}",
                f"link set cable{n} master part0",
                f"link set cable{n} up",
            ]
        _ip(self._switch, lines)
        for n, machine in enumerate(self._machines):
            _ip(machine, ["link set lo up", f"addr add {self.host(n)}/24 dev eth0", "link set eth0 up"])
            with _inside(machine), contextlib.suppress(OSError):
                _RETRANSMIT.write_text("1000", encoding="ascii")

    def host(self, machine: int) -> str:
        """A machine's address for the others."""
        return f"10.83.0.{machine + 1}"

    def path(self, machine: int) -> str:
        """A machine's network as a file, for whoever is to enter it."""
        return f"/proc/{os.getpid()}/fd/{self._machines[machine]}"

    def within(self, machine: int) -> Within:
        """For a `with` statement: what this thread opens or starts in it, it does on that machine."""
        return partial(_inside, self._machines[machine])

    def part(self, *groups: Sequence[int]) -> None:
        """Who is in one group reaches who is in it, and nobody else. Packets vanish; no connection is told."""
        assert sorted(one for group in groups for one in group) == list(range(len(self._machines)))
        _ip(
            self._switch,
            [f"link set cable{one} master part{n}" for n, group in enumerate(groups) for one in group],
        )

    def heal(self) -> None:
        """All reach all."""
        self.part(range(len(self._machines)))

    def close(self) -> None:
        """Let go: what nobody is in goes away, with its cables."""
        for one in (self._switch, *self._machines):
            os.close(one)
        self._switch, self._machines = -1, []


@contextlib.contextmanager
def wires_or_skip(machines: int) -> Iterator[Wires]:
    """Wires for a test, which is skipped where they cannot be had."""
    try:
        wires = Wires(machines)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"network namespaces cannot be made here (they need root and `ip`): {error}")
    try:
        yield wires
    finally:
        wires.close()


def _call(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _own() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _new_network() -> int:
    before = _own()
    try:
        _call(_libc.unshare(_NEW_NETWORK))
        made = _own()
        _call(_libc.setns(before, _NEW_NETWORK))
    finally:
        os.close(before)
    return made


@contextlib.contextmanager
def _inside(network: int) -> Iterator[None]:
    """This thread alone; a process that it starts stays there."""
    before = _own()
    try:
        _call(_libc.setns(network, _NEW_NETWORK))
        try:
            yield
        finally:
            _call(_libc.setns(before, _NEW_NETWORK))
    finally:
        os.close(before)


def _ip(network: int, lines: Sequence[str]) -> None:
    with _inside(network):
        subprocess.run(
            ["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True, capture_output=True
        )
