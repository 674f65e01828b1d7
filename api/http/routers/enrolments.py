"""`/v1/enrolments`: keys that ask an administrator to be put in service (`node.enrolments`)."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.http.body import read_body
from api.http.context import context_of
from api.http.models import Hash, Model, TimeMs
from api.http.problem import HttpError, error_response
from api.wire import JSON
from ledger.errors import FormatError, LedgerError
from node.enrolments import Enrolment

_MAX_BODY_BYTES = 2_000

router = APIRouter(tags=["members"])


class EnrolmentAnswer(Model):
    """A key that asks to be put in service."""

    member: str = Field(examples=["office"])
    roles: list[str] = Field(examples=[["issuer", "office"]])
    public_key: Hash
    possession: str = Field(
        pattern=r"^[0-9a-f]{128}$", description="What `key.register/1` asks for.", examples=["ab" * 64]
    )
    asked_ms: TimeMs


class EnrolmentsAnswer(Model):
    """The keys that wait."""

    enrolments: list[EnrolmentAnswer]


@router.get("/v1/enrolments", summary="Keys that ask to be put in service")
def get_enrolments(request: Request) -> EnrolmentsAnswer:
    """Oldest first. None of them may sign anything until an administrator registers it."""
    context = context_of(request)
    return EnrolmentsAnswer(enrolments=[_answer(one) for one in context.enrolments.waiting(context.final)])


def _answer(one: Enrolment) -> EnrolmentAnswer:
    return EnrolmentAnswer(
        member=one.member,
        roles=list(one.roles),
        public_key=one.public_key.hex(),
        possession=one.possession.hex(),
        asked_ms=one.asked_ms,
    )


async def post_enrolment(request: Request) -> Response:
    """Ask for a key to be put in service; see `POST_DESCRIPTION`."""
    context = context_of(request)
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise HttpError("http.media-type", "send application/json", status=415)
        with await read_body(request, context.bodies, _MAX_BODY_BYTES) as body:
            value = _parse(body)
        one = context.enrolments.ask(
            context.final,
            context.node.chain_id,
            value["member"],
            value["roles"],
            _octets(value["public_key"], 32),
            _octets(value["possession"], 64),
            address=request.client.host if request.client else "",
        )
    except LedgerError as error:
        return error_response(error)
    return Response(_answer(one).model_dump_json().encode(), status_code=202, media_type=JSON)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FormatError("request.json", "the body is not JSON") from error
    names = {"member", "roles", "public_key", "possession"}
    if (
        not isinstance(value, dict)
        or set(value) != names
        or not all(isinstance(value[name], str) for name in names - {"roles"})
        or not isinstance(value["roles"], list)
        or len(value["member"]) > 64
    ):
        raise FormatError("request.json", f"send an object with {', '.join(sorted(names))}")
    return value


def _octets(text: str, size: int) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) != size:
        raise FormatError(
            "request.json", f"a key has 64 hexadecimal digits, a signature 128: not {len(text)}"
        )
    return data


POST_DESCRIPTION: dict[str, object] = {
    "tags": ["members"],
    "operationId": "post_enrolment",
    "summary": "Ask for a key to be put in service",
    "description": "Anybody may ask; an administrator compares the key and signs. Nothing about a person is taken.",
    "requestBody": {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["member", "roles", "public_key", "possession"],
                    "additionalProperties": False,
                    "properties": {
                        "member": {"type": "string", "maxLength": 64},
                        "roles": {"type": "array", "items": {"type": "string"}},
                        "public_key": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                        "possession": {"type": "string", "pattern": "^[0-9a-f]{128}$"},
                    },
                }
            }
        },
    },
    "responses": {
        "202": {
            "description": "It waits for an administrator.",
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/EnrolmentAnswer"}}},
        }
    },
}
