"""Taking entries in: from the bytes of a request to one result for each entry.

Rules: a body is counted before it is parsed and parsed before it is judged; signatures are checked on worker threads, several
requests at a time; each entry of a batch is judged by itself; a request that waits is woken once, when its last entry is final
or refused.

What this module does not do: HTTP. It turns bytes and a media type into results, and results into JSON.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import anyio.to_thread

from api.http.context import Context
from api.http.limits import author_key_of
from api.http.problem import HttpError, problem, problem_of
from api.wire import BATCH_PREFIX, JSON, MAX_BATCH_BYTES, MSGPACK, check_batch_count, decode_batch
from ledger.encoding import encode
from ledger.entry import MAX_RECORDS, MAX_SUBMISSION_BYTES, SUBMISSION_TAG, Entry
from ledger.errors import FormatError, LedgerError
from ledger.rules import is_late
from node.outbox import Refusal
from node.receipts import FinalView
from node.service import Accepted, Ended, Final, Outcome

MAX_JSON_BYTES = MAX_BATCH_BYTES // 3 * 4 + 1_000_000
"""Base64 makes four letters of three bytes; the rest is JSON's own framing."""

_UNKNOWN_MEDIA = "send application/msgpack (a submission or a batch) or application/json; see /docs"


def body_limit(media_type: str) -> int:
    """Bytes that a body of this media type may have. Raises HttpError 415, code `http.media-type`."""
    limits = {MSGPACK: MAX_BATCH_BYTES, JSON: MAX_JSON_BYTES}
    if media_type not in limits:
        raise HttpError("http.media-type", _UNKNOWN_MEDIA, status=415)
    return limits[media_type]


def narrowed_limit(first_bytes: bytes) -> int:
    """Bytes that a msgpack body may have, seen how it begins: only a batch may be longer than one entry."""
    return MAX_BATCH_BYTES if first_bytes == BATCH_PREFIX else MAX_SUBMISSION_BYTES


def read_submissions(body: bytes, media_type: str) -> tuple[list[bytes], bool]:
    """The submissions in a body, and whether they came as a batch. Raises FormatError."""
    if media_type == JSON:
        return _read_json(body)
    if body.startswith(BATCH_PREFIX):
        return decode_batch(body), True
    return [body], False


def _read_json(body: bytes) -> tuple[list[bytes], bool]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FormatError("request.json", "the body is not JSON") from error
    if isinstance(value, dict) and set(value) == {"entries"}:
        entries = value["entries"]
        if not isinstance(entries, list):
            raise FormatError("request.json", "entries is a list")
        check_batch_count(len(entries))
        return [_from_json(entry) for entry in entries], True
    return [_from_json(value)], False


def _from_json(value: object) -> bytes:
    if not isinstance(value, dict) or set(value) != {"leaf", "records"}:
        raise FormatError(
            "request.json",
            'an entry is {"leaf": base64, "records": [base64, …]}; several are {"entries": […]}',
        )
    records = value["records"]
    if not isinstance(records, list) or len(records) > MAX_RECORDS:
        raise FormatError("request.json", f"records is a list of at most {MAX_RECORDS}")
    return encode([SUBMISSION_TAG, _from_base64(value["leaf"]), [_from_base64(record) for record in records]])


def _from_base64(value: object) -> bytes:
    if not isinstance(value, str):
        raise FormatError("request.base64", "leaf and records are base64 texts")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("request.base64", "leaf and records are base64 texts, with padding") from error


@dataclass(slots=True)
class Item:
    """One submission on its way: what was decided about it so far."""

    entry: Entry | None
    outcome: Outcome | LedgerError
    pending: Future[Outcome] | None = None


class _Countdown:
    """Sets an event of the loop, once, when all futures are done."""

    def __init__(self, loop: asyncio.AbstractEventLoop, futures: Sequence[Future[Outcome]]) -> None:
        self.done = asyncio.Event()
        self._loop = loop
        self._left = len(futures)
        self._lock = threading.Lock()
        for future in futures:
            future.add_done_callback(self._one_done)

    def _one_done(self, _: Future[Outcome]) -> None:
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.done.set)


async def take_in(
    context: Context, body: bytes, media_type: str, *, wait_seconds: float
) -> tuple[list[Item], bool]:
    """Judge the entries in a body, journal the good ones, and wait up to `wait_seconds` until they are final.

    Returns an item for each and whether they came as a batch. Raises FormatError, RefusedError or StoreError for what
    concerns the whole request.
    """

    def work() -> tuple[list[Item], bool]:
        submissions, is_batch = read_submissions(body, media_type)
        return judge(context, submissions, is_waiting=wait_seconds > 0), is_batch

    items, is_batch = await anyio.to_thread.run_sync(work, limiter=context.submitting)
    futures = [item.pending for item in items if item.pending is not None]
    if futures:
        countdown = _Countdown(asyncio.get_running_loop(), futures)
        try:
            async with asyncio.timeout(wait_seconds):
                await countdown.done.wait()
        except TimeoutError:
            pass  # what is not final yet is answered as accepted, which it is
        for item in items:
            _settle(item)
    return items, is_batch


def _settle(item: Item) -> None:
    future = item.pending
    # One that failed tells that the node stopped; the entry is in the journal all the same.
    if future is not None and not future.cancel() and not future.cancelled() and future.exception() is None:
        item.outcome = future.result()


def judge(context: Context, submissions: Sequence[bytes], *, is_waiting: bool) -> list[Item]:
    """Judge and journal. Runs on a worker thread. Raises as `Node.submit`."""
    node = context.node
    refused: dict[int, HttpError] = {}
    passed: list[bytes] = []
    planned: dict[bytes, tuple[int, int]] = {}
    for at, submission in enumerate(submissions):
        key = author_key_of(submission)
        if key is not None:
            entries, size = planned.get(key, (0, 0))
            try:
                context.limits.check_key(key, entries=entries + 1, size=size + len(submission))
            except HttpError as error:
                node.metrics.refusals.labels(code=error.rule).inc()
                refused[at] = error
                continue
            planned[key] = entries + 1, size + len(submission)
        passed.append(submission)
    if passed:
        outcomes = iter(node.submit(passed))
    else:
        node.check_intake()
        outcomes = iter(())
    items: list[Item] = []
    for at, submission in enumerate(submissions):
        outcome = refused.get(at) or next(outcomes)
        if isinstance(outcome, LedgerError):
            items.append(Item(None, outcome))
            continue
        # Parsed a moment ago and remembered.
        entry = node.application.parse(submission).entry
        pending = None
        if isinstance(outcome, Accepted):
            context.limits.charge_key(entry.body.author_key, len(submission))
            if is_waiting:
                pending = node.wait(outcome.entry_id)
        items.append(Item(entry, outcome, pending))
    return items


def refusal_problem(refusal: Refusal) -> dict[str, object]:
    """The problem of an entry that was acknowledged and refused later."""
    return problem(refusal.rule, refusal.detail, 422, retry=False)


def result(context: Context, final: FinalView, item: Item) -> dict[str, object]:
    """The result of one entry, in the shape of `EntryResult`."""
    outcome = item.outcome
    if isinstance(outcome, LedgerError):
        return {"status": "refused", "problem": problem_of(outcome)}
    answer: dict[str, object] = {"id": outcome.entry_id.hex(), "status": "accepted"}
    if item.entry is not None:
        answer["records"] = [record_id.hex() for record_id in item.entry.record_ids]
    if isinstance(outcome, Ended):
        answer["status"] = "refused"
        answer["problem"] = refusal_problem(outcome.refusal)
    elif isinstance(outcome, Final):
        block = context.places.find(final.view, outcome.index)
        answer["status"] = "final"
        answer["index"] = outcome.index
        answer["height"] = block.height
        if item.entry is not None:
            answer["late"] = is_late(item.entry.body.time_ms, block.time_ms)
    return answer


def status_of_batch(items: Sequence[Item]) -> int:
    """200 if all are final, 202 if all are taken, 207 if any was refused: look at each."""
    if all(isinstance(item.outcome, Final) for item in items):
        return 200
    return 202 if all(isinstance(item.outcome, Final | Accepted) for item in items) else 207
