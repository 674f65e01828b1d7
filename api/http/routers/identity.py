"""`/.well-known/did.json`: which keys speak for the domain that this node is configured with (W3C `did:web`).

Rules: the keys are those of the configured member that issue certificates, as the newest checkpoint has them, without those
that were revoked: what a retired key has signed stays good. Without a domain there is no document.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.http.context import context_of
from api.http.problem import HttpError
from ledger.credentials.did import did_document, did_web
from ledger.roles import ISSUER
from ledger.rows import KeyRow, key_key
from node.registered import registered_keys

DID_TYPE = "application/did+json"
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "A DID document", "content": {DID_TYPE: {"schema": {"type": "object"}}}}
}

router = APIRouter(tags=["certificates"])


@router.get(
    "/.well-known/did.json",
    summary="The keys that issue under this node's domain",
    response_class=Response,
    responses=_ANSWERS,
)
def get_did_document(request: Request) -> Response:
    """The DID document of the domain in the node's configuration. 404 `did.none` if there is none."""
    context = context_of(request)
    config, view = context.node.config, context.final.view
    if not config.domain:
        raise HttpError("did.none", "this node speaks for no domain", status=404)
    keys = []
    for public_key in sorted(registered_keys(view, context.node.genesis)):
        data = view.get(key_key(public_key))
        row = None if data is None else KeyRow.parse(data)
        if row is not None and _issues(row, config.domain_member):
            keys.append(public_key)
    return JSONResponse(
        did_document(did_web(config.domain), keys),
        media_type=DID_TYPE,
        headers={"cache-control": "no-cache"},
    )


def _issues(row: KeyRow, member: str) -> bool:
    return row.member == member and ISSUER in row.roles and row.revoked_ms is None
