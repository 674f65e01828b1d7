"""Threads end when they are told to, whether they were begun or not; a link closes what it spoke through."""

from __future__ import annotations

import threading

import httpx
import pytest

from node.threads import Background, Link, Links

SECONDS = 20.0


class Patient(Background):
    """Waits to be told."""

    def __init__(self) -> None:
        super().__init__("patient")
        self.begun, self.ended = threading.Event(), False

    def _run(self) -> None:
        self.begun.set()
        self.ended = self._stopping.wait(SECONDS)


class Talk(Link[str]):
    """Waits for news."""

    def __init__(self) -> None:
        super().__init__("talk", httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(204))))
        self.heard = threading.Event()

    @property
    def state(self) -> str:
        return "heard" if self.heard.is_set() else "quiet"

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait(SECONDS)
            self._news.clear()
            self.heard.set()


def test_stopping_waits_for_the_thread() -> None:
    thread = Patient()
    thread.start()
    assert thread.begun.wait(SECONDS)
    thread.stop()
    assert thread.ended


def test_what_was_never_begun_is_stopped() -> None:
    thread = Patient()
    thread.stop()
    assert not thread.begun.is_set()


def test_links_are_told_and_stopped_together() -> None:
    talks = (Talk(), Talk())
    links = Links(talks)
    links.start()
    assert links.states == ("quiet", "quiet")
    links.tell()
    assert all(talk.heard.wait(SECONDS) for talk in talks)
    assert links.states == ("heard", "heard")
    links.stop()
    for talk in talks:
        with pytest.raises(RuntimeError, match="closed"):
            talk._client.get("http://example/")
