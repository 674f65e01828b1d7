"""Reaching a node: by its address, or through the Unix socket in its home."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import httpx

from api.client import Client
from api.served_store import ServedClient
from node.home import Home

_LOCAL = "http://localhost"
"""Host name in requests over a Unix socket, where it means nothing."""


def is_address(target: str) -> bool:
    """Whether a command's target is a URL rather than a path."""
    return target.startswith(("http://", "https://"))


def is_served(home: Home) -> bool:
    """Whether a node is running on this home: somebody answers at its socket."""
    if not home.socket.exists():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(os.fsdecode(home.socket.resolve()))
        except OSError:
            return False
    return True


def connect(target: str) -> Client:
    """A client for a URL, or for the home of a node that is running. The caller closes it."""
    return Client(target) if is_address(target) else connect_home(Home(Path(target)))


def connect_home(home: Home) -> ServedClient:
    """A client on the Unix socket of a home whose node is running. The caller closes it."""
    transport = httpx.HTTPTransport(uds=os.fsdecode(home.socket.resolve()))
    return ServedClient(_LOCAL, transport=transport)
