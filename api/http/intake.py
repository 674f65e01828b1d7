"""Taking entries in: from the bytes of a request to one result for each entry.

Rules: a body is counted before it is parsed and parsed before it is judged; each entry of a batch is judged by itself; what
concerns one request never fails another that is judged together with it.

What this module does not do: HTTP, or threads. It turns bytes and a media type into results, and results into JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from api.http.context import Context
from api.http.limits import author_key_of
from api.http.problem import HttpError, problem, problem_of
from api.wire import BATCH_PREFIX, JSON, MAX_BATCH_BYTES, MSGPACK, check_batch_count, decode_batch
from ledger.encoding import encode
from ledger.entry import MAX_RECORDS, MAX_SUBMISSION_BYTES, SUBMISSION_TAG, Entry
from ledger.errors import FormatError, LedgerError
from ledger.rules import is_late
from node.outbox import Refusal
from node.outcomes import Accepted, Ended, Final, Outcome
from node.receipts import FinalView

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


@dataclass(frozen=True, slots=True)
class Posted:
    """A request that brings entries."""

    body: bytes
    media_type: str
    is_waiting: bool
    """Whether its sender waits until they are final."""
    address: str | None
    """Of its sender; None for a Unix socket."""


@dataclass(slots=True)
class Item:
    """One submission on its way: what was decided about it so far."""

    entry: Entry | None
    outcome: Outcome | LedgerError
    pending: Future[Outcome] | None = None


@dataclass(slots=True)
class Taken:
    """What was decided about the entries of one request."""

    items: list[Item]
    is_batch: bool


def take(context: Context, requests: Sequence[Posted]) -> list[Taken | LedgerError]:
    """Judge the entries of several requests and journal the good ones with one sync; runs on a worker thread.

    One result for each, an error being what concerns all of that request.
    """
    results: list[Taken | LedgerError] = []
    submissions: list[tuple[bytes, Posted]] = []
    shares: list[int] = []
    for request in requests:
        try:
            own, is_batch = _read(context, request)
        except LedgerError as error:
            results.append(error)
            shares.append(0)
            continue
        results.append(Taken([], is_batch))
        shares.append(len(own))
        submissions += [(submission, request) for submission in own]
    try:
        items = judge(context, submissions) if submissions else []
    except LedgerError as error:
        return [result if isinstance(result, LedgerError) else error for result in results]
    at = 0
    for result, share in zip(results, shares, strict=True):
        if isinstance(result, Taken):
            result.items = items[at : at + share]
            at += share
    return results


def _read(context: Context, request: Posted) -> tuple[list[bytes], bool]:
    context.limits.check_sender(request.address)
    try:
        return read_submissions(request.body, request.media_type)
    except LedgerError:
        context.limits.charge_sender(request.address, len(request.body))
        raise


def judge(context: Context, submissions: Sequence[tuple[bytes, Posted]]) -> list[Item]:
    """Judge and journal submissions, each with the request that brought it; a future goes with each accepted entry whose
    sender waits. Raises as `Node.submit`.
    """
    node = context.node
    refused: dict[int, HttpError] = {}
    passed: list[bytes] = []
    planned: dict[bytes, tuple[int, int]] = {}
    for at, (submission, _) in enumerate(submissions):
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
    for at, (submission, request) in enumerate(submissions):
        if at in refused:
            items.append(Item(None, refused[at]))
            continue
        outcome = next(outcomes)
        _charge(context, request, submission, outcome)
        if isinstance(outcome, LedgerError):
            items.append(Item(None, outcome))
            continue
        # Parsed a moment ago and remembered.
        entry = node.application.parse(submission).entry
        is_pending = isinstance(outcome, Accepted) and request.is_waiting
        items.append(Item(entry, outcome, node.wait(outcome.entry_id) if is_pending else None))
    return items


def _charge(context: Context, request: Posted, submission: bytes, outcome: Outcome | LedgerError) -> None:
    """Whoever made the node work pays for it: the key for what it signed, the address for what came to nothing."""
    limits, size = context.limits, len(submission)
    if isinstance(outcome, Accepted):
        key = author_key_of(submission)
        if key is not None:
            limits.charge_key(key, size)
        return
    limits.charge_sender(request.address, size)
    if isinstance(outcome, LedgerError) and outcome.signed_by is not None:
        limits.charge_refused(outcome.signed_by, size)


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
