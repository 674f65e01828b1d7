"""`/v1/evidence`: what was signed against this ledger, or by a witnessed ledger against itself, for everybody to check."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from api.http.context import context_of
from api.http.models import Model

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
