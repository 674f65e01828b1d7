"""`/v1/exports/{form}/{item}`: a thing's story in the forms that others ask for.

Rules: made from one view, as the trace is; names of members are the ledger's. A form of which nothing can be run: CSV cells are
neutralised, the picture comes under a policy that loads and runs nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from api.exports.forms import FORMS
from api.http.context import context_of
from api.http.items import item_of
from api.http.routers.trace import LIMITS, Depth, ItemPath, Names, Side, limits_of
from node.origin import trace_of

router = APIRouter(tags=["origin"])

FormName = Literal["steps.csv", "steps.json", "passport.csv", "passport.json", "epcis.jsonld", "trace.svg"]


@router.get(
    "/v1/exports/{form}/{item:path}",
    summary="A thing's story as table, passport, EPCIS document or picture",
    response_class=Response,
    responses={
        200: {
            "description": "The export.",
            "content": {form.media_type.partition(";")[0]: {} for form in FORMS.values()},
        }
    },
)
def get_export(
    request: Request,
    form: Annotated[FormName, Path(description="Which form.")],
    item: ItemPath,  # noqa: ARG001  read from the address as it came
    direction: Side = "both",
    depth: Depth = LIMITS.depth,
) -> Response:
    """`steps`: one step back, one step forward; `passport`: the ten fields of Thông tư 02/2024/TT-BKHCN; `epcis`: all events;
    `trace.svg`: the picture. 400 `gs1.*`.
    """
    path = item_of(request, 3).path
    final = context_of(request).final
    found, _ = trace_of(final, path, direction, limits_of(depth), check_hashes=False)
    names = Names(final)
    made = FORMS[form]
    return Response(
        made.make(found, lambda member: names.of(member) or member),
        media_type=made.media_type,
        headers={
            "cache-control": "no-cache",
            "content-disposition": f'{"inline" if form == "trace.svg" else "attachment"}; filename="{form}"',
        },
    )
