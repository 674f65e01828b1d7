"""GS1 Digital Link: the address on a label leads people to a page and programs to a linkset.

Rules (GS1 Digital Link 1.4, GS1-Conformant Resolver 1.1, RFC 9264): `application/linkset+json`, or `linkType=all` or
`linkType=linkset` in the query, gives all links; another `linkType` leads to what it names, or is a 404; a person gets the page
of the thing at once, a program that asks for neither is led to it. Other members of the query go along. A wrong check digit is
a 400: a label that is misread must not lead to somebody else's goods. What nobody recorded anything about is shown as such by
the page, and is no error here: a resolver says where to look, not what is there.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.http.items import raw_tail
from api.http.problem import HttpError
from api.http.tracing import trace_page
from api.pages import words
from ledger.errors import FormatError
from ledger.gs1 import DigitalLink, Item, parse_link_path

LINKSET: Final = "application/linkset+json"
_VOCABULARY: Final = "https://ref.gs1.org/voc/"
_ALL: Final = frozenset({"all", "linkset"})
_PAGE: Final = "/truy-xuat"
_DEFAULT: Final = "gs1:defaultLink"

router = APIRouter(tags=["goods"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The page of the thing, or all its links (RFC 9264).",
        "content": {
            LINKSET: {"schema": {"type": "object", "required": ["linkset"]}},
            "text/html": {"schema": {"type": "string"}},
        },
    },
    307: {"description": "Where the page, or what `linkType` names, is."},
}
_Rest = Annotated[
    str,
    Path(
        description="GTIN of 8, 12, 13 or 14 digits, then `/10/<lot>` or `/21/<serial>` or both.",
        max_length=600,
        examples=["08938500000027/10/DSD%2F1121"],
    ),
]
_Language = Annotated[str, Query(alias="lang", description="`vi` or `en`, of the page.", max_length=8)]
_LinkType = Annotated[
    str | None,
    Query(
        alias="linkType",
        description="`all`, or one of the link types such as `gs1:traceability`.",
        max_length=64,
    ),
]


@router.api_route(
    "/01/{goods:path}",
    methods=["GET"],
    summary="A label's address: a class of goods, a lot or a single piece",
    response_class=Response,
    status_code=200,
    responses=_RESPONSES,
)
def get_goods(
    request: Request,
    goods: _Rest,  # noqa: ARG001  read as it came
    link_type: _LinkType = None,
    language: _Language = words.VIETNAMESE,
) -> Response:
    """400 `gs1.check-digit` if a digit was misread, and other `gs1.*`; 404 `link.type` for a link type that there is not."""
    return _answer(request, f"01/{raw_tail(request, 1)}", link_type, language)


@router.get(
    "/00/{sscc}",
    summary="A label's address: a logistic unit",
    response_class=Response,
    responses=_RESPONSES,
)
def get_unit(
    request: Request,
    sscc: Annotated[
        str, Path(description="SSCC, 18 digits.", max_length=64, examples=["089385000000000010"])
    ],
    link_type: _LinkType = None,
    language: _Language = words.VIETNAMESE,
) -> Response:
    """As for goods."""
    return _answer(request, f"00/{quote(sscc, safe='')}", link_type, language)


def _answer(request: Request, path: str, link_type: str | None, language: str) -> Response:
    accept = request.headers.get("accept", "")
    wants_page = link_type is None and "text/html" in accept and not _wants_linkset(accept)
    try:
        link = parse_link_path(path)
    except FormatError as error:
        if not wants_page:
            raise
        return trace_page(request, language=language, wrong=error.rule)
    if wants_page:
        return trace_page(
            request, language=language, link=link, headers={"vary": "accept", "link": _link_header(link)}
        )
    links = _links(link)
    vary = {"vary": "accept"}
    if link_type in _ALL or (link_type is None and _wants_linkset(request.headers.get("accept", ""))):
        return JSONResponse(
            _linkset(request, link, links), media_type=LINKSET, headers=vary | {"cache-control": "no-cache"}
        )
    wanted = _DEFAULT if link_type is None else link_type
    wanted = wanted if wanted.startswith(("gs1:", "http")) else f"gs1:{wanted}"
    found = links.get(wanted.replace(_VOCABULARY, "gs1:"))
    if not found:
        raise HttpError(
            "link.type", f"there is no link of the type {wanted:.64}; ask with linkType=all", status=404
        )
    target = found[0]["href"]
    kept = urlencode(
        [pair for pair in parse_qsl(request.url.query, max_num_fields=50) if pair[0] != "linkType"]
    )
    if kept:
        path, mark, fragment = target.partition("#")
        target = f"{path}{'&' if '?' in path else '?'}{kept}{mark}{fragment}"
    return RedirectResponse(target, status_code=307, headers=vary | {"link": _link_header(link)})


def _wants_linkset(accept: str) -> bool:
    """Whether a linkset is preferred to a page (RFC 9110 §12.5.1); nothing said, or anything welcome, means a page."""
    weights: dict[str, float] = {}
    for part in accept.split(",")[:20]:
        media_type, _, parameters = part.partition(";")
        weight = 1.0
        for parameter in parameters.split(";"):
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "q":
                weight = _number(value.strip())
        weights[media_type.strip().lower()] = weight
    linkset = max(weights.get(LINKSET, 0.0), weights.get("application/json", 0.0))
    return linkset > 0 and linkset >= max(
        weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0)
    )


def _number(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


def _links(link: DigitalLink) -> dict[str, list[dict[str, Any]]]:
    """Link types and their targets, relative to this node; the first of a type is the one that `linkType` leads to."""
    item = link.item
    # The letters of a path that are escaped stay so behind `#` and in addresses alike.
    page = {
        "href": f"{_PAGE}#/{item.path}",
        "type": "text/html",
        "title": "Truy xuất nguồn gốc",
        "hreflang": ["vi", "en"],
    }
    kept = link.lot or item
    history = f"/v1/subjects/thing/*/{item.path}/history"
    found: dict[str, list[dict[str, Any]]] = {
        _DEFAULT: [page],
        "gs1:pip": [page],
        "gs1:traceability": [
            page,
            {"href": f"/v1/trace/{item.path}", "type": "application/json", "title": "Dữ liệu truy xuất"},
        ],
        "gs1:epcis": [
            {
                "href": f"/epcis/v2/events?{_epcis_query(item)}",
                "type": "application/ld+json",
                "title": "EPCIS 2.0",
            }
        ],
        "gs1:certificationInfo": [
            {
                "href": history,
                "type": "application/msgpack",
                "title": "Bằng chứng đủ bản ghi / proof of all records",
            }
        ],
    }
    if item.is_class:
        # A class has no journey of its own: its lots have.
        del found["gs1:epcis"]
    goods = item.product
    if goods is not None:
        where = goods.path if goods.code is not None else goods.gtin
        found["gs1:masterData"] = [
            {"href": f"/v1/products/{where}", "type": "application/json", "title": "Sản phẩm"}
        ]
    if kept.lot is not None:
        found["gs1:recallStatus"] = [
            {"href": f"/v1/lots/{kept.path}", "type": "application/json", "title": "Tình trạng thu hồi"}
        ]
    return found


def _epcis_query(item: Item) -> str:
    # In EPCIS a lot is a class of things, and only what is told apart piece by piece has an EPC.
    name = "MATCH_anyEPCClass" if item.lot is not None else "MATCH_anyEPC"
    return urlencode({name: f"https://id.gs1.org/{item.path}"})


def _linkset(request: Request, link: DigitalLink, links: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    host = str(request.base_url).rstrip("/")
    absolute = {
        name.replace("gs1:", _VOCABULARY): [
            target | {"href": f"{host}{target['href']}"} for target in targets
        ]
        for name, targets in links.items()
    }
    return {"linkset": [{"anchor": f"{host}/{link.item.path}", **absolute}]}


def _link_header(link: DigitalLink) -> str:
    return f'</{link.item.path}?linkType=all>; rel="linkset"; type="{LINKSET}"'
