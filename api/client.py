"""A typed client of a node's HTTP interface; the command line uses it too.

    with Client("http://127.0.0.1:8080") as node:
        (outcome,) = node.submit([entry], wait_final=True)
        text = node.receipt(outcome.record_ids[0])

Rules: every failure is an `ApiError` with a stable code, also when there was no answer. A node that is busy is asked again
after the time it names, a few times: all requests may be repeated, since a repeated entry is the same entry. Answers have size
limits too.

What this module does not do: verify. What a node says is its word; `ledger.receipt.verify` and `ledger.policy` make it more.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx

from api.answers import (
    ApiError,
    EntryInfo,
    Fields,
    FindingsPage,
    GoodsInfo,
    KeyInfo,
    MemberInfo,
    NodeStatus,
    ProposalInfo,
    RecordInfo,
    StateInfo,
    Submitted,
    problem_error,
    unusable,
)
from api.certificates.answers import CertificateInfo, StatusListInfo
from api.reading import ACCEPTED, pieces, read
from api.wire import (
    MAX_RECEIPTS,
    MSGPACK,
    PROBLEM,
    BlockFrame,
    encode_batch,
    read_frames,
    split_batches,
)
from ledger import lookup_code
from ledger.compact_form import CompactReceipt
from ledger.entry import Entry
from ledger.errors import FormatError, LedgerError
from ledger.hashing import HASH_SIZE
from ledger.history import next_first
from ledger.history_form import MAX_PART_BYTES as MAX_HISTORY_BYTES
from ledger.history_form import HistoryPart
from ledger.note import MAX_NOTE_BYTES
from ledger.records import Subject
from ledger.state.transfer import MAX_PART_BYTES
from ledger.tiles import MAX_ITEM_BYTES, TILE_WIDTH, Level, tile_path
from ledger.transitions import MAX_EPOCHS_BYTES
from ledger.verify.sources.export import TRANSITIONS

__all__ = [
    "ApiError",
    "BlockFrame",
    "Client",
    "EntryInfo",
    "KeyInfo",
    "MemberInfo",
    "NodeStatus",
    "ProposalInfo",
    "RecordInfo",
    "StateInfo",
    "Submitted",
]

DEFAULT_TIMEOUT = 30.0
"""Seconds without any progress after which a request is given up."""
FINAL_TIMEOUT = 60.0
"""The same for a request that waits until entries are final: the node itself answers after 30 seconds."""
MAX_ANSWER_BYTES = 64_000_000
MAX_BUNDLE_BYTES = 256 * 720_000
"""Bytes of a records bundle: 256 entries of the largest size."""
MAX_LEAVES_BYTES = TILE_WIDTH * (2 + MAX_ITEM_BYTES)
"""Bytes of an entry bundle: 256 leaves of the largest size, each with its length in front."""
MAX_PAUSE_SECONDS = 30.0
"""The longest pause before a request is repeated, whatever the node asks for."""
_MAX_PROBLEM_BYTES = 1_000_000
_BUSY = frozenset({429, 503})
_FOR_PEOPLE = frozenset({"disk.low", "node.stopped"})
"""Problems that somebody has to do something about first: whoever waits is told, and not kept waiting."""


class Client:
    """A node's HTTP interface. May be used from several threads; close it when done."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        transport: httpx.BaseTransport | None = None,
        ca_file: str | None = None,
        repeats: int = 3,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`timeout`: seconds without progress. `ca_file`: certificates (PEM) to trust instead of the usual ones.

        `transport` replaces the network, or goes over a Unix socket. `repeats`: how often a busy node is asked again. Raises
        ApiError, code `node.address`, for an address that is none.
        """
        context: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_file) if ca_file else True
        try:
            self._http = httpx.Client(
                base_url=base_url,
                timeout=timeout,
                transport=transport,
                verify=context,
                follow_redirects=False,
                headers={"accept-encoding": ACCEPTED},
            )
            if self._http.base_url.scheme not in {"http", "https"} or not self._http.base_url.host:
                raise httpx.InvalidURL("it begins with http:// or https:// and names a host")
        except httpx.InvalidURL as error:
            raise ApiError("node.address", f"{base_url!r} is not the address of a node: {error}") from error
        self._timeout = timeout
        self._repeats = repeats
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    # -- writing -----------------------------------------------------------------------------------------------------

    def submit(
        self, entries: Entry | bytes | Iterable[Entry | bytes], *, wait_final: bool = False
    ) -> list[Submitted]:
        """Submit entries, or submissions as bytes, in as few requests as they fit into; one outcome for each, in order.

        With `wait_final` the node answers when they are final, or after half a minute as things stand then. Raises ApiError for
        what concerns a whole request; then what was sent before may have been taken, and may be sent again.
        """
        if isinstance(entries, Entry | bytes):
            entries = [entries]
        submissions = [entry.submission() if isinstance(entry, Entry) else entry for entry in entries]
        outcomes: list[Submitted] = []
        for batch in split_batches(submissions):
            answer = self._request(
                "POST",
                "/v1/entries",
                params={"wait": "final"} if wait_final else None,
                headers={"content-type": MSGPACK},
                content=encode_batch(batch),
                timeout=max(self._timeout, FINAL_TIMEOUT) if wait_final else self._timeout,
            )
            results = [Submitted.read(Fields(item)) for item in Fields.of(answer).items("results")]
            if len(results) != len(batch):
                raise unusable(f"{len(batch)} entries were sent and {len(results)} results came")
            outcomes += results
        return outcomes

    def wait_until_final(self, entry_id: bytes, *, seconds: float = 60.0) -> EntryInfo:
        """Ask until an acknowledged entry is final or refused, or `seconds` have passed; returns what was heard last."""
        pause, waited = 0.1, 0.0
        while True:
            info = self.entry(entry_id)
            if info.status != "accepted" or waited >= seconds:
                return info
            self._sleep(pause)
            waited += pause
            pause = min(2.0, pause * 2)

    # -- entries, records, documents -----------------------------------------------------------------------------------

    def entry(self, entry_id: bytes) -> EntryInfo:
        """What became of an entry. Raises ApiError (`entry.unknown`)."""
        return EntryInfo.read(self._fields(f"/v1/entries/{entry_id.hex()}"))

    def record(self, record_id: bytes) -> RecordInfo:
        """A record and its subject's standing. Raises ApiError (`record.unknown`)."""
        return RecordInfo.read(self._fields(f"/v1/records/{record_id.hex()}"))

    def receipt(self, record_id: bytes) -> str:
        """A record's receipt: the text of a `.tlog-proof` file. Raises ApiError (`record.unknown`)."""
        return self._text(f"/v1/records/{record_id.hex()}/receipt")

    def receipts(self, record_ids: Sequence[bytes]) -> dict[bytes, str]:
        """Receipts of many records, by id, in as few requests as they fit into. Ids that are not on the ledger are left out."""
        receipts: dict[bytes, str] = {}
        left = list(dict.fromkeys(record_ids))
        while left:
            asked = left[:MAX_RECEIPTS]
            body = {"records": [record_id.hex() for record_id in asked]}
            answer = Fields.of(self._request("POST", "/v1/receipts", json=body))
            found = answer.fields("receipts")
            rest = set(answer.hashes("rest"))
            if rest.issuperset(asked):
                raise unusable("it puts off every receipt")
            receipts |= {id_: found.text(id_.hex()) for id_ in asked if found.has(id_.hex())}
            left = [*(id_ for id_ in asked if id_ in rest), *left[MAX_RECEIPTS:]]
        return receipts

    def document(self, document_hash: bytes) -> list[RecordInfo]:
        """All records about a document (SHA-256 of the file, or its commitment), in order; none if nobody anchored it."""
        try:
            answer = self._fields(f"/v1/documents/{document_hash.hex()}")
        except ApiError as error:
            if error.code == "document.unknown":
                return []
            raise
        return [RecordInfo.read(Fields(item)) for item in answer.items("anchors")]

    def certificate(self, certificate: bytes) -> list[CertificateInfo]:
        """Where the certificates of an identifier stand: one, unless another authority repeated it; none if it is unknown."""
        try:
            answer = self._fields(f"/v1/certificates/{certificate.hex()}")
        except ApiError as error:
            if error.code == "certificate.not-found":
                return []
            raise
        return [CertificateInfo.read(Fields(item)) for item in answer.items("certificates")]

    def certificate_proof(self, certificate: bytes, authority: str) -> bytes:
        """A certificate's `.sogoc-proof` file, without claims. Raises ApiError (`certificate.not-found`)."""
        return self._request(
            "GET", f"/v1/certificates/{certificate.hex()}/proof", params={"authority": authority}
        )

    def status_list(self, authority: str, number: int) -> StatusListInfo:
        """An authority's status list, as the ledger has it."""
        return StatusListInfo.read(self._fields(f"/v1/status-lists/{authority}/{number}"))

    # -- histories, codes, compact receipts ----------------------------------------------------------------------------

    def history(self, thing: Subject | bytes) -> list[bytes]:
        """All parts of the history of a subject, or of what a record (by its id) is about: `ledger.history.verify` reads them.

        Raises ApiError (`record.unknown`).
        """
        path = f"/v1/subjects/{thing.hex() if isinstance(thing, bytes) else _subject_path(thing)}/history"
        parts: list[bytes] = []
        first: int | None = 0
        while first is not None:
            part = self._request(
                "GET",
                path,
                params={"from": str(first)} if first else None,
                headers={"accept": MSGPACK},
                max_bytes=MAX_HISTORY_BYTES,
            )
            following = _next_first(part)
            if following is not None and following <= first:
                raise unusable("a part of a history goes no further than the one before it")
            parts.append(part)
            first = following
        return parts

    def products(self, name: str) -> list[GoodsInfo]:
        """Who registered goods, by GTIN or by `code/<member>/<code>`; none if nobody did. Raises ApiError (`gs1.*`)."""
        return self._goods(f"/v1/products/{quote(name, safe='/')}")

    def lots(self, path: str) -> list[GoodsInfo]:
        """Who created a lot, by its item path; none if nobody did. Raises ApiError (`gs1.*`)."""
        return self._goods(f"/v1/lots/{quote(path, safe='/%')}")

    def lots_of_product(self, name: str) -> list[GoodsInfo]:
        """All lots of goods, by GTIN or by `code/<member>/<code>`, as the node's index has them. Raises ApiError (`gs1.*`)."""
        found: list[GoodsInfo] = []
        after: str | None = ""
        while after is not None:
            asked = urlencode({"product": name, "after": after, "limit": "100"})
            try:
                page = self._fields(f"/v1/lots?{asked}")
            except ApiError as error:
                if error.code == "product.unknown":
                    return []
                raise
            lots = [GoodsInfo.read(Fields(item)) for item in page.items("items")]
            found += lots
            after = page.text("next") if page.has("next") else None
            if after is not None and not lots:
                raise unusable("a page of lots is empty and yet says that there are more")
        return found

    def _goods(self, path: str) -> list[GoodsInfo]:
        try:
            return [GoodsInfo.read(Fields(item)) for item in self._fields(path).items("items")]
        except ApiError as error:
            if error.code in ("product.unknown", "lot.unknown"):
                return []
            raise

    def code(self, code: str) -> list[RecordInfo]:
        """The records with a lookup code, as it was typed; none if there are none.

        Raises FormatError or VerificationError (`lookup-code.*`) for what is no code, without asking.
        """
        try:
            answer = self._fields(f"/v1/codes/{lookup_code.parse(code)}")
        except ApiError as error:
            if error.code == "code.unknown":
                return []
            raise
        return [RecordInfo.read(Fields(item)) for item in answer.items("records")]

    def compact_receipt(self, record_id: bytes) -> CompactReceipt:
        """A record's compact receipt, without claims or salt (`CompactReceipt.with_private` adds them).

        Raises ApiError (`record.unknown`, `compact.not-first`).
        """
        data = self._request("GET", f"/v1/records/{record_id.hex()}/compact-receipt")
        try:
            return CompactReceipt.parse(data)
        except LedgerError as error:
            raise unusable(error.detail) from error

    # -- origin --------------------------------------------------------------------------------------------------------

    def trace_proof(self, item: str, *, direction: str = "both", depth: int = 16) -> bytes:
        """The proof of a trace of an item path; `ledger.origin.proof.check` reads it. Raises ApiError (`gs1.*`, `trace.*`)."""
        return self._request(
            "GET",
            f"/v1/trace/{item}",
            params={"direction": direction, "depth": str(depth)},
            headers={"accept": MSGPACK},
        )

    def trace_words(self, item: str, *, direction: str = "both", depth: int = 16) -> dict[str, Any]:
        """The same trace in words, by the node's word. Raises ApiError."""
        query = {"direction": direction, "depth": str(depth)}
        answer = Fields.of(self._request("GET", f"/v1/trace/{item}", params=query))
        return {name: answer.items(name) for name in ("nodes", "links")} | {
            "item": answer.text("item"),
            "direction": answer.text("direction"),
            "as_of_ms": answer.integer("as_of_ms"),
            "truncated": answer.flag("truncated"),
        }

    def findings_page(self, query: Mapping[str, str]) -> FindingsPage:
        """A page of the findings of the whole ledger, by the node's word; `query` as in `GET /v1/findings`."""
        return FindingsPage.read(Fields.of(self._request("GET", "/v1/findings", params=dict(query))))

    # -- the chain -----------------------------------------------------------------------------------------------------

    def state(self, key: bytes) -> StateInfo:
        """A state key's value or absence, with its proof, under the newest checkpoint."""
        return StateInfo.read(self._fields(f"/v1/state/{key.hex()}"))

    def members(self) -> list[MemberInfo]:
        """All members with their keys."""
        return [MemberInfo.read(Fields(item)) for item in self._fields("/v1/members").items("members")]

    def proposals(self, *, still_open: bool = False) -> list[ProposalInfo]:
        """Proposals with their tallies, the newest first."""
        answer = self._fields("/v1/proposals?open=true" if still_open else "/v1/proposals")
        return [ProposalInfo.read(Fields(item)) for item in answer.items("proposals")]

    def blocks(self, first: int = 0, last: int | None = None) -> Iterator[BlockFrame]:
        """Final blocks from height `first` up to `last`, or up to the newest there is when the last request is made."""
        height = first
        while last is None or height <= last:
            limit = {} if last is None else {"limit": str(min(1_000, last - height + 1))}
            with self._stream("GET", "/v1/blocks", params={"from": str(height)} | limit) as response:
                head = _height(response)
                came = height
                for frame in self._frames(response):
                    height += 1
                    yield frame
            if height > head:
                return
            if height == came:
                raise unusable("a stream of blocks ended before its first block")

    def checkpoint(self) -> str:
        """The newest final checkpoint, cosigned."""
        return self._text("/checkpoint", max_bytes=MAX_NOTE_BYTES)

    def policy(self) -> str:
        """The policy that the node publishes. A verifier takes it from the office, not from a server it is about to check."""
        return self._text("/v1/policy")

    def transitions(self) -> bytes | None:
        """How the validators have changed (`ledger.transitions`), or None where they have not or the node does not tell.

        A mirror is an export on any web server: it tells with the export's own file, and where there is none, by being without.
        """
        for path in ("/v1/policy/epochs", f"/{TRANSITIONS}"):
            try:
                return self._request("GET", path, max_bytes=MAX_EPOCHS_BYTES) or None
            except ApiError as error:
                if error.code == "http.not-found":
                    return None
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
        return None

    def genesis(self) -> bytes:
        """Leaf 0 of the log."""
        return self._request("GET", "/genesis")

    def tile(self, level: int, n: int, width: int) -> bytes:
        """A hash tile (`ledger.tiles.TileSource`)."""
        data = self._tile(level, n, width, HASH_SIZE * width)
        if len(data) != HASH_SIZE * width:
            raise unusable(f"a tile of width {width} has {len(data)} bytes")
        return data

    def entry_bundle(self, n: int, width: int) -> bytes:
        """A bundle of leaves."""
        return self._tile("entries", n, width, MAX_LEAVES_BYTES)

    def records_bundle(self, n: int, width: int) -> bytes:
        """The bundle of the records beside those leaves."""
        return self._tile("records", n, width, MAX_BUNDLE_BYTES)

    def _tile(self, level: Level, n: int, width: int, max_bytes: int) -> bytes:
        return self._request("GET", f"/{tile_path(level, n, width)}", max_bytes=max_bytes)

    def snapshot(self) -> str:
        """The checkpoint of the state that the node hands out to followers."""
        return self._text("/v1/snapshot", max_bytes=MAX_NOTE_BYTES)

    def snapshot_part(self, size: int, after: bytes | None) -> bytes:
        """Pages of the state at tree size `size`, behind the one with the prefix `after` (`ledger.state.transfer`)."""
        params = {} if after is None else {"after": after.decode("ascii")}
        return self._request("GET", f"/v1/snapshot/{size}", params=params, max_bytes=MAX_PART_BYTES)

    def cosigned(self, key: bytes) -> str:
        """The newest checkpoint that the node knows a cosigning key (32 bytes) to have signed. Raises ApiError
        (`cosigned.unknown`).
        """
        return self._text(f"/v1/cosigned/{key.hex()}")

    # -- the node ------------------------------------------------------------------------------------------------------

    def status(self) -> NodeStatus:
        """What the node is doing."""
        return NodeStatus.read(self._fields("/v1/status"))

    def post(self, path: str, content: bytes) -> bytes:
        """Send msgpack to an address that this client has no method for, and return the answer. Raises ApiError."""
        return self._request("POST", path, content=content, headers={"content-type": MSGPACK})

    # -- within --------------------------------------------------------------------------------------------------------

    def _fields(self, path: str) -> Fields:
        return Fields.of(self._request("GET", path))

    def _text(self, path: str, *, max_bytes: int = MAX_ANSWER_BYTES) -> str:
        try:
            return self._request("GET", path, max_bytes=max_bytes).decode()
        except UnicodeDecodeError as error:
            raise unusable("it is not text") from error

    def _request(
        self, method: str, path: str, *, max_bytes: int = MAX_ANSWER_BYTES, **options: object
    ) -> bytes:
        with self._stream(method, path, **options) as response:
            return read(response, max_bytes, patience=self._timeout)

    @contextmanager
    def _stream(self, method: str, path: str, **options: object) -> Iterator[httpx.Response]:
        """The answer to a request, its body not read yet. Raises ApiError for problems and for no answer."""
        for left in range(self._repeats, -1, -1):
            try:
                with self._http.stream(method, path, **options) as response:  # type: ignore[arg-type]  # httpx's own options
                    if response.status_code < 300:
                        yield response
                        return
                    error = self._problem(response)
            except httpx.TransportError as failure:
                raise ApiError(
                    "node.unreachable",
                    f"{self._http.base_url} does not answer: {str(failure) or type(failure).__name__}",
                    retry=True,
                ) from failure
            if not left or error.status not in _BUSY or not error.retry or error.code in _FOR_PEOPLE:
                raise error
            self._sleep(min(MAX_PAUSE_SECONDS, error.retry_after or 1.0))

    def _frames(self, response: httpx.Response) -> Iterator[BlockFrame]:
        try:
            yield from read_frames(pieces(response, patience=self._timeout))
        except FormatError as error:
            raise unusable(error.detail) from error

    def _problem(self, response: httpx.Response) -> ApiError:
        data = read(response, _MAX_PROBLEM_BYTES, patience=self._timeout)
        status = response.status_code
        if response.headers.get("content-type", "").partition(";")[0] != PROBLEM:
            # A proxy, or no node at all.
            return ApiError(
                "node.answer", f"the server answered {status} and is perhaps not a node", status=status
            )
        wait = response.headers.get("retry-after", "")
        return problem_error(Fields.of(data), status, float(wait) if wait.isdecimal() else None)


def _subject_path(subject: Subject) -> str:
    identifier = subject.identifier
    last = identifier.hex() if isinstance(identifier, bytes) else identifier
    return "/".join(quote(part, safe="") for part in (subject.kind, subject.authority, last))


def _next_first(part: bytes) -> int | None:
    try:
        return next_first(HistoryPart.parse(part))
    except LedgerError as error:
        raise unusable(error.detail) from error


def _height(response: httpx.Response) -> int:
    """Height of the newest final block, as a stream of blocks says it in front."""
    text = response.headers.get("sogoc-height", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise unusable("a stream of blocks does not say how far the chain goes")
    return int(text)
