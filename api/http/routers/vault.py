"""`/v1/vault`: what an officer's signature opens (`node.vault`).

Rules: every request but the one for a challenge is a msgpack array that begins `[key, challenge, signature, …]`, 32, 32 and 64
bytes. Only over TLS or from this machine, since contents travel in clear inside. Answers are never to be stored by anything on
the way.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass

import anyio.to_thread
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.http.body import read_body
from api.http.context import Context, context_of
from api.http.problem import HttpError, error_response
from api.wire import JSON, MSGPACK
from ledger.encoding import Value, decode
from ledger.errors import FormatError, LedgerError
from ledger.hashing import sha256
from ledger.rows import KeyRow
from node.receipts import FinalView
from node.vault.access import Signed, check_owner
from node.vault.batch import MAX_BATCH_BYTES
from node.vault.keeper import VaultKeeper
from node.vault.store import MAX_CONTENT_BYTES, Kept

MAX_STORE_BYTES = MAX_CONTENT_BYTES + 1_000
_MAX_ASK_BYTES = 1_000
_NO_STORE = {"cache-control": "no-store"}

router = APIRouter(tags=["vault"])


class ChallengeAnswer(BaseModel):
    """A challenge to sign."""

    challenge: str = Field(description="32 bytes in hexadecimal.", examples=["5a" * 32])
    until_ms: int = Field(
        description="When it ends, milliseconds since the epoch.", examples=[1_790_000_060_000]
    )


class CarriedOutAnswer(BaseModel):
    """What was destroyed."""

    erased: int = Field(description="Items destroyed now.", examples=[1])


def keeper_of(request: Request) -> VaultKeeper:
    """The node's vault. Raises HttpError: 404 `vault.none`, 403 `vault.insecure`."""
    keeper = context_of(request).vault
    if keeper is None:
        raise HttpError("vault.none", "this node keeps no vault", status=404)
    if request.url.scheme != "https" and not _is_here(request):
        raise HttpError(
            "vault.insecure", "a vault is used over HTTPS, or on the node's own machine", status=403
        )
    return keeper


def _is_here(request: Request) -> bool:
    if request.client is None:  # the Unix socket
        return True
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


@router.post("/v1/vault/challenge", summary="A challenge to sign")
def post_challenge(request: Request) -> ChallengeAnswer:
    """32 bytes, good for one request and one minute. 404 `vault.none`."""
    challenge, until_ms = keeper_of(request).challenge()
    return ChallengeAnswer(challenge=challenge.hex(), until_ms=until_ms)


@router.post("/v1/vault/carry-out", summary="Destroy what tombstones name")
def post_carry_out(request: Request) -> CarriedOutAnswer:
    """Destroys what tombstones on the ledger name and the vault still holds; anybody may remind a node of it."""
    return CarriedOutAnswer(erased=keeper_of(request).carry_out())


async def post_store(request: Request) -> Response:
    """Keep a content: `[key, challenge, signature, owner, item, content]`."""
    return await _answer(request, MAX_STORE_BYTES, 6, _store)


async def post_store_all(request: Request) -> Response:
    """Keep many contents, all or none: `[key, challenge, signature, owner, batch]`."""
    return await _answer(request, MAX_BATCH_BYTES + 1_000, 5, _store_all)


async def post_read(request: Request) -> Response:
    """Read what a recorded access names: `[key, challenge, signature, record id]`."""
    return await _answer(request, _MAX_ASK_BYTES, 4, _read)


async def post_state(request: Request) -> Response:
    """Whether an item is held: `[key, challenge, signature, owner, item]`."""
    return await _answer(request, _MAX_ASK_BYTES, 5, _state)


def _store(keeper: VaultKeeper, signed: Signed, about: list[Value]) -> Response:
    keeper.store(signed, text_of(about[0]), octets_of(about[1]), octets_of(about[2]))
    return _json({"state": "held"})


def _store_all(keeper: VaultKeeper, signed: Signed, about: list[Value]) -> Response:
    count = keeper.store_all(signed, text_of(about[0]), octets_of(about[1]))
    return _json({"state": "held", "count": count})


def _read(keeper: VaultKeeper, signed: Signed, about: list[Value]) -> Response:
    return Response(
        keeper.read(signed, octets_of(about[0])), media_type="application/octet-stream", headers=_NO_STORE
    )


def _state(keeper: VaultKeeper, signed: Signed, about: list[Value]) -> Response:
    return _json({"state": keeper.state(signed, text_of(about[0]), octets_of(about[1])).value})


def _json(value: dict[str, str | int]) -> Response:
    return Response(json.dumps(value).encode(), media_type=JSON, headers=_NO_STORE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that an officer is known to have signed."""

    context: Context
    final: FinalView
    key: KeyRow
    about: list[Value]
    """What stands behind the signature in the request."""

    def check_owner(self, owner: str) -> None:
        """Raise RefusedError (`vault.owner`) unless the officer's member is `owner`, or succeeds it."""
        check_owner(self.final, self.key.member, owner)


async def answer_signed(
    request: Request, limit: int, items: int, verb: str, do: Callable[[Asked], Response]
) -> Response:
    """Answer a request whose last item is large: it is signed by its SHA-256, the others as they are."""

    def judge(keeper: VaultKeeper, signed: Signed, about: list[Value]) -> Response:
        said = [item if isinstance(item, str) else octets_of(item) for item in about[:-1]]
        final, key = keeper.admit(signed, verb, *said, sha256(octets_of(about[-1])))
        return do(Asked(context_of(request), final, key, about))

    return await _answer(request, limit, items, judge)


async def _answer(
    request: Request,
    limit: int,
    items: int,
    do: Callable[[VaultKeeper, Signed, list[Value]], Response],
) -> Response:
    try:
        keeper = keeper_of(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MSGPACK:
            raise HttpError("http.media-type", f"send {MSGPACK}", status=415)
        with await read_body(request, context_of(request).bodies, limit) as body:
            signed, about = _parse(body, limit, items)
            return await anyio.to_thread.run_sync(do, keeper, signed, about)
    except LedgerError as error:
        return error_response(error)


def _parse(body: bytes, limit: int, items: int) -> tuple[Signed, list[Value]]:
    value = decode(body, max_bytes=limit, max_items=items + 1)
    if not isinstance(value, list) or len(value) != items:
        raise FormatError("vault.request", f"a request is an array of {items} items")
    key, challenge, signature = (octets_of(item) for item in value[:3])
    if (len(key), len(challenge), len(signature)) != (32, 32, 64):
        raise FormatError("vault.request", "key, challenge and signature are 32, 32 and 64 bytes")
    return Signed(key, challenge, signature), value[3:]


def octets_of(value: Value) -> bytes:
    """A request's item that must be bytes. Raises FormatError (`vault.request`)."""
    if not isinstance(value, bytes):
        raise FormatError("vault.request", "bytes were expected")
    return value


def text_of(value: Value) -> str:
    """A request's item that must be text. Raises FormatError (`vault.request`)."""
    if not isinstance(value, str):
        raise FormatError("vault.request", "text was expected")
    return value


def described(
    summary: str, shape: str, answer: str, content: dict[str, dict[str, object]]
) -> dict[str, object]:
    """The OpenAPI description of an address that takes a signed request; `content`: schemas of its answer by media type."""
    return {
        "tags": ["vault"],
        "operationId": summary.lower().replace(" ", "_").replace("'", ""),
        "summary": summary,
        "description": f"The body is {shape} in msgpack, each signature over what `docs/spec.md` says.",
        "requestBody": {
            "required": True,
            "content": {MSGPACK: {"schema": {"type": "string", "format": "binary"}}},
        },
        "responses": {
            "200": {
                "description": answer,
                "content": {media: {"schema": schema} for media, schema in content.items()},
            }
        },
    }


def _object(**properties: object) -> dict[str, dict[str, object]]:
    """The schema of a JSON answer that has all of these members and no other."""
    return {
        JSON: {
            "type": "object",
            "required": list(properties),
            "additionalProperties": False,
            "properties": properties,
        }
    }


_HELD = {"type": "string", "enum": ["held"]}
_KEPT = _object(state=_HELD)
_ALL_KEPT = _object(state=_HELD, count={"type": "integer", "minimum": 0})
_STATE = _object(state={"type": "string", "enum": [state.value for state in Kept]})

POST_ROUTES = (
    (
        "/v1/vault/items",
        post_store,
        described(
            "Keep something",
            "`[key, challenge, signature, owner, item, content]`",
            "It is on the disk.",
            _KEPT,
        ),
    ),
    (
        "/v1/vault/batches",
        post_store_all,
        described(
            "Keep many things",
            "`[key, challenge, signature, owner, batch]`, where the batch is the bytes of `[[item, content], …]`",
            "All of it is on the disk.",
            _ALL_KEPT,
        ),
    ),
    (
        "/v1/vault/read",
        post_read,
        described(
            "Read something",
            "`[key, challenge, signature, record id]`",
            "The content, as it was kept.",
            {"application/octet-stream": {"type": "string", "format": "binary"}},
        ),
    ),
    (
        "/v1/vault/state",
        post_state,
        described(
            "Whether something is held",
            "`[key, challenge, signature, owner, item]`",
            "held, erased or unknown.",
            _STATE,
        ),
    ),
)
"""Path, endpoint and description of each address that takes a body."""
