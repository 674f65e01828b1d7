"""Products, places and lots: who registered goods of a name, and what each says of them.

Rules: everything is shown as its member states it, with the records that prove it; two members may have goods of one GTIN, and
both are shown. A recall stands in the answer's `status`, and who recalls in `recalled_by`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request

from api.http.context import context_of
from api.http.items import goods_of, item_of, raw_tail
from api.http.models import Hash, Model, TimeMs
from api.http.problem import HttpError
from api.wire import json_value
from ledger.encoding import decode
from ledger.errors import RefusedError
from ledger.fields import IDENTIFIER
from ledger.gs1 import Item, gtin14, lot_text, unescape
from ledger.records.goods import goods as goods_name
from ledger.records.goods import lot_item
from ledger.records.lots import recall_key
from ledger.records.places import place_identifier
from ledger.records.products import product as product_subject
from ledger.rows import MemberRow, member_key
from node import goods
from node.goods import Registered
from node.origin import recalled_upstream
from node.receipts import FinalView

MAX_LIMIT = 100

router = APIRouter(tags=["goods"])


class Goods(Model):
    """What all answers about something registered have."""

    authority: str
    authority_name: str | None
    status: str = Field(description="`in-force`, `ended`, or of a lot `recalled`.")
    fields: dict[str, Any] = Field(
        description="As the newest record that describes it says; bytes in hexadecimal."
    )
    record: Hash = Field(description="Id of that record.")
    issue: Hash = Field(description="Id of the first record: the one whose receipt shows where it stands.")
    since_ms: TimeMs = Field(description="Chain time of the first record.")
    changed_ms: TimeMs = Field(description="Chain time of the newest record.")
    records: int


class ProductAnswer(Goods):
    """A product."""

    item: str = Field(description="Its item path.", examples=["01/08938500000027"])


class PlaceAnswer(Goods):
    """A place."""

    place: str = Field(description="GLN or the member's own code.")


class LotAnswer(Goods):
    """A lot."""

    item: str = Field(description="Its item path.", examples=["01/08938500000027/10/DSD%2F1121"])
    product: ProductAnswer | None = Field(
        description="The product that it is a lot of, as its owner describes it."
    )
    recalled_by: list[str] = Field(
        description="The members that recall it now: its owner, an inspector, or both."
    )
    recalled_upstream: list[str] | None = Field(
        default=None,
        description="Recalled lots that it was made from, the nearest first; null in a list of many lots, and where none was "
        "found and not all of the origin could be read.",
    )


class ProductsAnswer(Model):
    """Products."""

    items: list[ProductAnswer]
    next: str | None = Field(default=None, description="Pass it as `after` to go on.")
    size: int = Field(description="Tree size of the checkpoint that this answer is of.")


class PlacesAnswer(Model):
    """Places."""

    items: list[PlaceAnswer]
    next: str | None = Field(default=None, description="Pass it as `after` to go on.")
    size: int


class LotsAnswer(Model):
    """Lots: of one name nearly always one, as each producer has its own GTINs."""

    items: list[LotAnswer]
    next: str | None = Field(default=None, description="Pass it as `after` to go on.")
    size: int


Member = Annotated[
    str, Query(description="The member whose they are.", max_length=64, examples=["htx-nga-my"])
]
After = Annotated[str, Query(description="`next` of the page before.", max_length=200)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
GoodsPath = Annotated[
    str,
    Path(
        description="A GTIN of 8, 12, 13 or 14 digits, or `code/<member>/<code>` for goods without one.",
        max_length=300,
        examples=["08938500000027"],
    ),
]
LotPath = Annotated[
    str,
    Path(
        description="`<gtin>/<lot>`, or the lot's item path; all but letters, digits and `-._~` percent-encoded.",
        max_length=600,
        examples=["08938500000027/DSD%2F1121"],
    ),
]


@router.get("/v1/products", summary="A member's products")
def get_products(request: Request, member: Member, after: After = "", limit: Limit = 50) -> ProductsAnswer:
    """In order of GTIN or code. 404 `member.unknown`."""
    final = context_of(request).final
    found, following = _page(
        final, member, after, limit, goods.products_of, lambda one: str(one.subject.identifier)
    )
    return ProductsAnswer(items=[_product(final, one) for one in found], next=following, size=final.size)


@router.get(
    "/v1/products/{product:path}", summary="Who registered goods of this name, and how each describes them"
)
def get_product(request: Request, product: GoodsPath) -> ProductsAnswer:  # noqa: ARG001  read as it came
    """400 `gs1.check-digit` if a digit was mistyped; 404 `product.unknown` if nobody registered it."""
    final = context_of(request).final
    named = goods_of(raw_tail(request, 2))
    if not named.is_class:
        raise HttpError(
            "request.item", "a product is named by its GTIN, or by member and code, alone", status=400
        )
    found = goods.products(final, named)
    if not found:
        raise HttpError("product.unknown", "nobody has registered this product on this ledger", status=404)
    return ProductsAnswer(items=[_product(final, one) for one in found], size=final.size)


@router.get("/v1/places", summary="A member's places, or the places of one name")
def get_places(
    request: Request,
    member: Annotated[str | None, Query(description="The member whose they are.", max_length=64)] = None,
    place: Annotated[str | None, Query(description="GLN or own code.", max_length=30)] = None,
    after: After = "",
    limit: Limit = 50,
) -> PlacesAnswer:
    """One of `member` and `place` is given. 404 `member.unknown`."""
    final = context_of(request).final
    if (member is None) == (place is None):
        raise HttpError(
            "request.invalid", "ask for the places of a member, or for a place by its name", status=422
        )
    if member is None:
        return PlacesAnswer(
            items=[_place(final, one) for one in goods.places(final, place or "")], size=final.size
        )
    found, following = _page(
        final, member, after, limit, goods.places_of, lambda one: str(one.subject.identifier)
    )
    return PlacesAnswer(items=[_place(final, one) for one in found], next=following, size=final.size)


@router.get("/v1/lots", summary="A member's lots, or all lots of a product")
def get_lots(
    request: Request,
    member: Annotated[str | None, Query(description="The member whose they are.", max_length=64)] = None,
    product: Annotated[
        str | None,
        Query(description="A GTIN, or `code/<member>/<code>`: all its lots, whoever's.", max_length=300),
    ] = None,
    after: Annotated[str, Query(description="`next` of the page before.", max_length=300)] = "",
    limit: Limit = 50,
) -> LotsAnswer:
    """One of `member` and `product` is given. In order of item path; of a product by member first. 400 `gs1.*`, 404
    `member.unknown`, `product.unknown`.
    """
    final = context_of(request).final
    if (member is None) == (product is None):
        raise HttpError(
            "request.invalid", "ask for the lots of a member, or for all lots of a product", status=422
        )
    if member is None:
        return _lots_of_product(final, goods_of(product or ""), after, limit)
    found, following = _page(
        final, member, after, limit, goods.lots_of, lambda one: str(one.subject.identifier)
    )
    return LotsAnswer(items=[_lot(final, one) for one in found], next=following, size=final.size)


def _lots_of_product(final: FinalView, named: Item, after: str, limit: int) -> LotsAnswer:
    if not named.is_class:
        raise HttpError(
            "request.item", "a product is named by its GTIN, or by member and code, alone", status=400
        )
    if not goods.products(final, named):
        raise HttpError("product.unknown", "nobody has registered this product on this ledger", status=404)
    who, _, path = after.partition("/")
    found = list(islice(goods.lots_of_product(final, named, (who, path)), limit + 1))
    following = (
        f"{found[limit - 1].authority}/{found[limit - 1].subject.identifier!s}"
        if len(found) > limit
        else None
    )
    return LotsAnswer(items=[_lot(final, one) for one in found[:limit]], next=following, size=final.size)


@router.get("/v1/lots/{lot:path}", summary="Who created a lot of this name, and whether it is recalled")
def get_lot(request: Request, lot: LotPath) -> LotsAnswer:  # noqa: ARG001  read as it came
    """400 `gs1.check-digit` if a digit was mistyped; 404 `lot.unknown` if nobody created it."""
    final = context_of(request).final
    named = lot_named(request)
    found = goods.lots(final, named.path)
    if not found:
        raise HttpError("lot.unknown", "nobody has created this lot on this ledger", status=404)
    upstream, incomplete = recalled_upstream(final, named.path)
    # "None that is recalled" is only said where all of the origin was read.
    told = upstream if upstream or not incomplete else None
    lots = [_lot(final, one).model_copy(update={"recalled_upstream": told}) for one in found]
    return LotsAnswer(items=lots, size=final.size)


def lot_named(request: Request) -> Item:
    """The lot in an address `/v1/lots/…`. Raises FormatError, rule `gs1.*`."""
    first, slash, rest = raw_tail(request, 2).partition("/")
    if slash and first not in ("00", "01", "code"):
        # Whatever stands behind the GTIN is the lot: a server in between may have undone its escapes.
        return Item(gtin=gtin14(first), lot=lot_text(unescape(rest)))
    item = item_of(request, 2)
    if item.lot is None:
        raise HttpError("request.item", "a lot is named by its product and its lot number", status=400)
    return item


def _page(
    final: FinalView,
    member: str,
    after: str,
    limit: int,
    walk: Callable[[FinalView, str, str], Iterator[Registered]],
    name: Callable[[Registered], str],
) -> tuple[list[Registered], str | None]:
    try:
        IDENTIFIER.check("member", member)
    except RefusedError as error:
        raise HttpError("member.unknown", "this ledger has no such member", status=404) from error
    if final.view.get(member_key(member)) is None:
        raise HttpError("member.unknown", "this ledger has no such member", status=404)
    found = list(islice(walk(final, member, after), limit + 1))
    return found[:limit], name(found[limit - 1]) if len(found) > limit else None


def _common(final: FinalView, one: Registered) -> dict[str, Any]:
    data = final.view.get(member_key(one.authority))
    return {
        "authority": one.authority,
        "authority_name": None if data is None else MemberRow.parse(data).name,
        "status": one.row.status,
        "fields": {field: json_value(value) for field, value in one.record.body.items()},
        "record": one.record.id.hex(),
        "issue": one.row.issue.hex(),
        "since_ms": one.row.time_ms,
        "changed_ms": one.row.changed_ms,
        "records": one.row.history.size,
    }


def _product(final: FinalView, one: Registered) -> ProductAnswer:
    body = one.record.body
    item = (
        Item(gtin=str(body["gtin"])) if "gtin" in body else Item(member=one.authority, code=str(body["code"]))
    )
    return ProductAnswer(item=item.path, **_common(final, one))


def _place(final: FinalView, one: Registered) -> PlaceAnswer:
    return PlaceAnswer(place=place_identifier(one.record.body), **_common(final, one))


def _lot(final: FinalView, one: Registered) -> LotAnswer:
    item = lot_item(one.record.body)
    found = goods.registered(final, product_subject(one.authority, goods_name(one.record.body)))
    return LotAnswer(
        item=item.path,
        product=None if found is None else _product(final, found),
        recalled_by=_recalled_by(final, one.authority, item.path),
        **_common(final, one),
    )


def _recalled_by(final: FinalView, owner: str, path: str) -> list[str]:
    data = final.view.get(recall_key(owner, path))
    match None if data is None else decode(data):
        case [bool(by_owner), inspector]:
            return [owner] * by_owner + ([inspector] if isinstance(inspector, str) else [])
    return []
