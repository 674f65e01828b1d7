"""Load for a node that is about to be killed, and the book in which every answer is written down.

A `Book` is a file of JSON lines that outlives whatever is killed: what was offered, what was acknowledged, what was refused,
and every checkpoint that was seen. Each is written before the next request is made.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from api.wire import encode_batch
from ledger import note
from ledger.entry import Entry, encode_record, sign_entry
from ledger.errors import LedgerError
from ledger.keys import SigningKey
from ledger.policy import Trust
from ledger.receipt import verify
from tests.faults.serving import SECONDS, GoneError, Http, Within

MEMBER = "office"
Line: TypeAlias = dict[str, Any]
"""A line of the book; its keys are where it is written."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who signs, and for which ledger."""

    key: SigningKey
    chain_id: bytes
    policy: Trust
    member: str = MEMBER


class Book:
    """Append-only; any number of threads may write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def note(self, *lines: Line) -> None:
        """Write down, at once."""
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def read(self) -> list[Line]:
        """All lines so far."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]


class Load:
    """Threads that submit entries, alone and in batches, new, repeated and wrong, until the node is gone."""

    def __init__(
        self,
        port: int,
        author: Author,
        book: Book,
        seed: int,
        *,
        threads: int = 3,
        within: Within = nullcontext,
        pause: float = 0.0,
        waits: float = 0.4,
    ) -> None:
        """`within` says whose 127.0.0.1 it is; each thread rests for `pause` seconds between two requests, of which the part
        `waits` asks for an answer only once the entries are final.
        """
        self.failures: list[Exception] = []
        self.acknowledgements = 0
        self._port = port
        self._within = within
        self._pause = pause
        self._waits = waits
        self._author = author
        self._book = book
        self._over = threading.Event()
        self._sent: deque[bytes] = deque(maxlen=200)
        self._records: deque[bytes] = deque(maxlen=200)
        self._threads = [
            threading.Thread(target=self._run, args=(self._submit, f"{seed}/{number}"))
            for number in range(threads)
        ]
        self._threads.append(threading.Thread(target=self._run, args=(self._watch, f"{seed}/watch")))
        for thread in self._threads:
            thread.start()

    def wait_for(self, acknowledgements: int, seconds: float) -> None:
        """Wait until so many were given, but no longer than that."""
        deadline = time.monotonic() + seconds
        while self.acknowledgements < acknowledgements and time.monotonic() < deadline and not self.failures:
            time.sleep(0.002)

    def more(self, acknowledgements: int) -> None:
        """Wait for so many more, which must come."""
        wanted = self.acknowledgements + acknowledgements
        self.wait_for(wanted, SECONDS)
        assert self.acknowledgements >= wanted, self.failures

    def end(self) -> None:
        """Submit nothing more; raises what went wrong in a thread."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _run(self, what: Callable[[Http, Random], None], seed: str) -> None:
        node = Http(self._port, self._within)
        random = Random(seed)
        try:
            while not self._over.wait(self._pause):
                what(node, random)
        except GoneError:
            pass
        except Exception as error:  # noqa: BLE001  raised again by `end`
            self.failures.append(error)
        finally:
            node.close()

    # -- submitting --------------------------------------------------------------------------------------------------

    def _submit(self, node: Http, random: Random) -> None:
        kind = random.random()
        if kind < 0.45:
            self._offer(node, random, [self._entry(random)])
        elif kind < 0.65:
            self._offer(node, random, [self._entry(random) for _ in range(random.randrange(2, 25))])
        elif kind < 0.72:
            # Each of two may come first, and makes the other impossible.
            record = self._record(random)
            self._offer(node, random, [self._entry(random, [record]) for _ in range(2)], rivals=True)
        elif kind < 0.88:
            if self._sent:
                self._repeat(node, random)
        else:
            self._offer_wrong(node, random)

    def _record(self, random: Random) -> bytes:
        digest = hashlib.sha256(random.randbytes(16)).digest()
        return encode_record(
            "doc.anchor/1",
            {"authority": self._author.member, "hash": digest, "media_type": "text/plain", "size": 1},
        )

    def _entry(
        self,
        random: Random,
        records: Sequence[bytes] | None = None,
        *,
        key: SigningKey | None = None,
        chain_id: bytes | None = None,
    ) -> Entry:
        return sign_entry(
            key or self._author.key,
            chain_id=chain_id or self._author.chain_id,
            nonce=random.randbytes(16),
            time_ms=time.time_ns() // 1_000_000,
            records=records or [self._record(random) for _ in range(random.choice((1, 1, 1, 3)))],
        )

    def _offer(self, node: Http, random: Random, entries: list[Entry], *, rivals: bool = False) -> None:
        submissions = [entry.submission() for entry in entries]
        self._book.note(*({"offered": entry.id.hex(), "rival": rivals} for entry in entries))
        is_batch = len(entries) > 1 or random.random() < 0.2
        body = encode_batch(submissions) if is_batch else submissions[0]
        wait = random.random() < self._waits
        status, answer = node.ask("POST", "/v1/entries" + ("?wait=final" if wait else ""), body)
        results = json.loads(answer)
        results = results["results"] if is_batch and status in {200, 202, 207} else [results]
        assert len(results) == len(entries) or status >= 400, (status, answer)
        for result, entry in zip(results, entries, strict=False):
            self._take_down(status, result, entry, rivals=rivals)
        self._sent.extend(submissions)

    def _repeat(self, node: Http, random: Random) -> None:
        submission = random.choice(list(self._sent))
        status, answer = node.ask("POST", "/v1/entries", submission)
        result = json.loads(answer)
        if status in {200, 202}:
            self._acknowledged(result)
        else:
            # One of two rivals, after the other.
            assert result["code"] == "document.exists", (status, result)

    def _take_down(self, status: int, result: dict[str, object], entry: Entry, *, rivals: bool) -> None:
        if result.get("status") in {"accepted", "final"}:
            assert result["id"] == entry.id.hex()
            self._acknowledged(result)
            if result["status"] == "final":
                self._records.append(entry.record_ids[0])
            return
        problem = result.get("problem", result)
        assert isinstance(problem, dict)
        # A rival may have been refused already; nothing else that is right is refused, now or later.
        assert rivals, (status, result)
        assert problem["code"] == "document.exists", (status, result)

    def _acknowledged(self, result: dict[str, object]) -> None:
        self._book.note({"acknowledged": result["id"], "index": result.get("index")})
        self.acknowledgements += 1

    def _offer_wrong(self, node: Http, random: Random) -> None:
        stranger = SigningKey.from_seed(random.randbytes(32))
        entry, code = random.choice(
            [
                (self._entry(random, chain_id=random.randbytes(32)), "entry.chain"),
                (self._entry(random, key=stranger), "key.unknown"),
            ]
        )
        submission = entry.submission()
        self._book.note({"wrong": entry.id.hex()})
        if random.random() < 0.3:
            code = ""
            spoilt = bytearray(submission)
            spoilt[random.randrange(len(spoilt))] ^= 1 << random.randrange(8)
            submission = bytes(spoilt)
        status, answer = node.ask("POST", "/v1/entries", submission)
        assert 400 <= status < 500, (status, answer)
        if code:
            assert json.loads(answer)["code"] == code, answer

    # -- watching ----------------------------------------------------------------------------------------------------

    def _watch(self, node: Http, random: Random) -> None:
        text = node.get("/checkpoint").decode()
        self._book.note({"checkpoint": text})
        if self._records and random.random() < 0.3:
            record_id = random.choice(list(self._records))
            receipt = node.get(f"/v1/records/{record_id.hex()}/receipt").decode()
            try:
                verified = verify(receipt, self._author.policy)
            except LedgerError as error:
                raise AssertionError(f"a receipt is wrong: {error}\n{receipt}") from error
            assert verified.standing is not None
            self._book.note({"checkpoint": note.format(verified.checked.checkpoint.note)})
        time.sleep(0.005)
