"""`/v1/evidence`: what was signed against this ledger, or by a witnessed ledger against itself, for everybody to check; and
`/v1/cosigned`: what each validator has signed for it last.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.http.context import context_of, parse_id
from api.http.models import Model
from api.http.problem import HttpError

router = APIRouter(tags=["operations"])


class EvidenceItem(Model):
    """Something that a validator has signed and that is not this ledger, or two histories of a ledger that is witnessed."""

    signer: str = Field(description="Name of the key that signed.")
    size: int = Field(description="Tree size of the checkpoint that is another history.")
    proved: bool = Field(
        description="Whether the signer has contradicted itself; then the text is a file that `sogoc evidence` checks."
    )
    text: str = Field(description="The file.")


class EvidenceAnswer(Model):
    """All of it, what is proved first."""

    evidence: list[EvidenceItem]


@router.get("/v1/evidence", summary="Signed histories that are not this ledger")
def get_evidence(request: Request) -> EvidenceAnswer:
    """Empty where the validators, and each ledger that is witnessed here, have all signed one history."""
    return EvidenceAnswer(
        evidence=[
            EvidenceItem(signer=one.signer, size=one.size, proved=one.proved, text=one.text)
            for one in context_of(request).node.evidence.all()
        ]
    )


@router.get(
    "/v1/cosigned/{key}",
    summary="What a validator's key has cosigned last",
    response_class=PlainTextResponse,
    responses={
        200: {
            "description": "A C2SP checkpoint with this one cosignature; it need not be final",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
def get_cosigned(
    request: Request,
    key: Annotated[str, Path(description="Cosigning key: 64 hexadecimal digits.", examples=["00" * 32])],
) -> Response:
    """The newest checkpoint that this node knows to be cosigned by a key, also one that others have gone on from: what a
    validator that is restored from a backup needs to know of its own key.
    """
    found = context_of(request).node.cosigned.newest(parse_id(key, "a key"))
    if found is None:
        raise HttpError("cosigned.unknown", "this node knows nothing that this key has cosigned", status=404)
    return PlainTextResponse(found.text, headers={"cache-control": "no-store"})
