"""`/v1/evidence`: what validators have signed against this ledger, for everybody to take along and check."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from api.http.context import context_of
from api.http.models import Model

router = APIRouter(tags=["operations"])


class EvidenceItem(Model):
    """Something that a validator has signed and that is not this ledger."""

    signer: str = Field(description="Name of the key that signed.")
    size: int = Field(description="Tree size of the checkpoint that is not this ledger's.")
    proved: bool = Field(
        description="Whether the signer has contradicted itself; then the text is a file that `sogoc evidence` checks."
    )
    text: str = Field(description="The file.")


class EvidenceAnswer(Model):
    """All of it, what is proved first."""

    evidence: list[EvidenceItem]


@router.get("/v1/evidence", summary="Signed histories that are not this ledger")
def get_evidence(request: Request) -> EvidenceAnswer:
    """Empty on a ledger whose validators have all signed one history."""
    return EvidenceAnswer(
        evidence=[
            EvidenceItem(signer=one.signer, size=one.size, proved=one.proved, text=one.text)
            for one in context_of(request).node.evidence.all()
        ]
    )
