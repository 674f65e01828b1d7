"""Pages for people: verify (`/`, `/c/{code}`), the explorer (`/so-cai`), their static files, the service worker.

Rules: pages are rendered with autoescape from one `FinalView` each, work without script where reading is all there is to
it, and carry a policy that allows this server's own files and nothing else: no inline script or style, no third party, no
frame. What the explorer shows is what the server says; the browser's own verifier (`/static/…/verify/`) is what checks it.

What this module does not do: verify, or take writes.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.http.context import context_of, parse_id
from api.http.models import MemberAnswer, RecordAnswer
from api.http.problem import HttpError, status_of
from api.http.routers import chain, histories, operations, records
from api.http.routers.tiles import IMMUTABLE, takes_gzip
from api.http.shapes import entry_answer, entry_index, record_answer
from api.pages import words
from api.pages.assets import assets
from api.pages.rendering import environment, language_tools
from ledger.block import parse_header_leaf
from ledger.errors import LedgerError
from ledger.records.numbering import readings
from ledger.rows import VALIDATORS_KEY, MemberRow, member_key, parse_validators
from ledger.rules import Place
from node.numbered import numbered
from node.receipts import FinalView

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types sogoc"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "cache-control": "no-cache",
}
"""On every page. The cache asks each time, so that a mended page reaches people at once."""

BLOCKS_ON_A_PAGE = 20
RECORDS_ON_A_PAGE = 200
MAX_RESULTS = 20
MAX_SKIPPED = 10_000
"""Results that may be turned over: who looks further back names the symbol too."""
MAX_QUERY_LETTERS = 200
MAX_CODE_LETTERS = 120

_HEX_ID = re.compile(r"[0-9a-fA-F]{64}")
_HEX = re.compile(r"[0-9a-f]{32,}")
_HEIGHT = re.compile(r"[0-9]{1,15}")
_STYLES = {
    "verify": ["tokens", "house", "verify"],
    "explorer": ["tokens", "house", "verify", "explorer"],
    "office": ["tokens", "house", "verify", "office"],
    "producer": ["tokens", "house", "verify", "office", "producer"],
    "trace": ["tokens", "house", "verify", "trace"],
    "inspector": ["tokens", "house", "verify", "explorer", "trace", "inspector"],
    "share": ["tokens", "house", "verify", "share"],
}
_SCRIPTS = {
    "verify": "joined/verify.js",
    "explorer": "joined/explorer.js",
    "error": "joined/plain.js",
    "office": "js/office/office.js",
    "producer": "js/producer/producer.js",
    "trace": "joined/trace.js",
    "inspector": "joined/inspector.js",
    "share": "joined/share.js",
}
_KEPT = {"/": "verify", "/truy-xuat": "trace", "/kiem-tra": "inspector", "/chia-se": "share"}
"""What the service worker keeps once it was visited: a page, and the name of its style and script."""
_MANIFEST = (
    '{"name":"Sổ Gốc","short_name":"Sổ Gốc","lang":"vi","start_url":"/","scope":"/","display":"standalone",'
    '"background_color":"#fbfaf7","theme_color":"#0b4f55","icons":[{"src":"%s","sizes":"any","type":"image/svg+xml"}]}'
)

Language = Annotated[str, Query(alias="lang", max_length=8)]
Height = Annotated[int, Path(ge=0, le=chain.MAX_HEIGHT)]
HexId = Annotated[str, Path(max_length=80)]

router = APIRouter(include_in_schema=False)


# -- rendering ---------------------------------------------------------------------------------------------------------


def _is_hex(value: object) -> bool:
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_shown(item)}" for name, item in value.items())
    return "" if value is None else str(value)


def page_response(
    request: Request,
    template: str,
    *,
    page: str,
    title: str,
    language: str,
    status: int = 200,
    **values: Any,  # noqa: ANN401  whatever a template shows
) -> HTMLResponse:
    """A page. `page` names its style and script; `title` is a key of words, or the title itself."""
    lang = language if language in words.LANGUAGES else words.VIETNAMESE

    text = (
        environment()
        .get_template(template)
        .render(
            **language_tools(lang),
            is_hex=_is_hex,
            shown=_shown,
            lang=lang,
            page=page,
            title=words.word(title, lang) if words.has(title) else title,
            origin=context_of(request).node.genesis.origin,
            sheets=_STYLES.get(page, _STYLES["verify"]),
            script=_SCRIPTS.get(page, _SCRIPTS["error"]),
            **values,
        )
    )
    headers = {**HEADERS, "vary": "accept-encoding"}
    data = text.encode()
    if takes_gzip(request.headers.get("accept-encoding", "")):
        headers["content-encoding"] = "gzip"
        data = gzip.compress(data, compresslevel=6, mtime=0)
    return HTMLResponse(data, status_code=status, headers=headers)


def _error_page(request: Request, error: LedgerError, language: str) -> HTMLResponse:
    status = status_of(error)
    response = page_response(
        request,
        "error.html",
        page="error",
        title="error.title",
        language=language,
        status=status,
        code=error.rule,
    )
    response.headers["cache-control"] = "no-store"
    return response


# -- verify ------------------------------------------------------------------------------------------------------------


@router.api_route("/", methods=["GET", "HEAD"])
def get_verify(request: Request, language: Language = words.VIETNAMESE) -> Response:
    """The citizen's page."""
    return page_response(
        request, "verify.html", page="verify", title="verify.title", language=language, code=""
    )


@router.api_route("/c/{code}", methods=["GET", "HEAD"])
def get_code(
    request: Request,
    code: Annotated[str, Path(max_length=MAX_CODE_LETTERS)],
    language: Language = words.VIETNAMESE,
) -> Response:
    """The same page with a lookup code, which the script asks about. A salt in the fragment never reaches the server."""
    return page_response(
        request, "verify.html", page="verify", title="verify.title", language=language, code=code
    )


# -- explorer ----------------------------------------------------------------------------------------------------------


def _explorer(request: Request, template: str, title: str, language: str, **values: Any) -> Response:  # noqa: ANN401  as above
    return page_response(request, template, page="explorer", title=title, language=language, **values)


def _blocks(final: FinalView, newest: int, count: int) -> list[dict[str, object]]:
    found = []
    for height in range(newest, max(-1, newest - count), -1):
        header = parse_header_leaf(final.view.header_leaf(height))
        found.append(
            {
                "height": height,
                "time_ms": header.time_ms,
                "entries": header.entry_count,
                "hash": header.hash().hex(),
            }
        )
    return found


@router.api_route("/so-cai", methods=["GET", "HEAD"])
def get_ledger(request: Request, language: Language = words.VIETNAMESE) -> Response:
    """The ledger at a glance: health, newest blocks, search."""
    final = context_of(request).final
    return _explorer(
        request,
        "ledger.html",
        "ex.title",
        language,
        node=operations.get_status(request),
        blocks=_blocks(final, final.view.head.height, 8),
    )


@router.api_route("/so-cai/khoi", methods=["GET", "HEAD"])
def get_blocks(
    request: Request,
    newest: Annotated[int | None, Query(alias="tu", ge=0, le=chain.MAX_HEIGHT)] = None,
    language: Language = words.VIETNAMESE,
) -> Response:
    """Blocks, newest first, a page at a time."""
    final = context_of(request).final
    head = final.view.head.height
    top = head if newest is None else min(newest, head)
    return _explorer(
        request,
        "blocks.html",
        "ex.all-blocks",
        language,
        blocks=_blocks(final, top, BLOCKS_ON_A_PAGE),
        newer=None if top == head else min(head, top + BLOCKS_ON_A_PAGE),
        older=None if top < BLOCKS_ON_A_PAGE else top - BLOCKS_ON_A_PAGE,
    )


@router.api_route("/so-cai/khoi/{height}", methods=["GET", "HEAD"])
def get_block(request: Request, height: Height, language: Language = words.VIETNAMESE) -> Response:
    """One block."""
    try:
        block = chain.get_block(request, height)
    except LedgerError as error:
        return _error_page(request, error, language)
    return _explorer(
        request,
        "block.html",
        f"{words.word('ex.block', words.VIETNAMESE)} {height}",
        language,
        block=block,
        head=context_of(request).final.view.head.height,
    )


@router.api_route("/so-cai/muc/{entry_id}", methods=["GET", "HEAD"])
def get_entry(request: Request, entry_id: HexId, language: Language = words.VIETNAMESE) -> Response:
    """One entry and its records."""
    context = context_of(request)
    final = context.final
    try:
        index = entry_index(final, parse_id(entry_id, "an entry id"))
        if index is None:
            raise HttpError("entry.unknown", "this ledger has no such entry", status=404)
        entry = entry_answer(context, final, index)
        count = len(entry.records or ())
        shown = [
            record_answer(context, final, Place(index, at)) for at in range(min(count, RECORDS_ON_A_PAGE))
        ]
    except LedgerError as error:
        return _error_page(request, error, language)
    return _explorer(
        request, "entry.html", "ex.entry", language, entry=entry, records=shown, more=count - len(shown)
    )


@router.api_route("/so-cai/ban-ghi/{record_id}", methods=["GET", "HEAD"])
def get_record(request: Request, record_id: HexId, language: Language = words.VIETNAMESE) -> Response:
    """One record."""
    try:
        record = records.get_record(request, record_id)
    except LedgerError as error:
        return _error_page(request, error, language)
    fields = [(name, value) for name, value in record.body.items() if value is not None]
    return _explorer(request, "record.html", "ex.record", language, record=record, fields=fields)


@router.api_route("/so-cai/tep/{document_hash}", methods=["GET", "HEAD"])
def get_document(request: Request, document_hash: HexId, language: Language = words.VIETNAMESE) -> Response:
    """The records about a file."""
    try:
        document = records.get_document(request, document_hash)
    except LedgerError as error:
        return _error_page(request, error, language)
    return _explorer(request, "document.html", "ex.document", language, document=document)


@router.api_route("/so-cai/thanh-vien", methods=["GET", "HEAD"])
def get_members(request: Request, language: Language = words.VIETNAMESE) -> Response:
    """All members; those that have ended with when and their successors."""
    members = chain.get_members(request).members
    return _explorer(
        request,
        "members.html",
        "ex.members",
        language,
        members=members,
        names={member.id: member.name for member in members},
    )


@router.api_route("/so-cai/thanh-vien/{member_id}", methods=["GET", "HEAD"])
def get_member(
    request: Request,
    member_id: Annotated[str, Path(max_length=200)],
    language: Language = words.VIETNAMESE,
) -> Response:
    """One member: roles, keys, predecessors and successors."""
    all_members = {member.id: member for member in chain.get_members(request).members}
    member = all_members.get(member_id)
    data = None if member is None else context_of(request).final.view.get(member_key(member_id))
    if member is None or data is None:
        error = HttpError("http.not-found", "this ledger has no such member", status=404)
        return _error_page(request, error, language)
    row = MemberRow.parse(data)

    def named(ids: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"id": one, "name": all_members[one].name if one in all_members else one} for one in ids]

    return _explorer(
        request,
        "member.html",
        member.name,
        language,
        member=member,
        row=row,
        predecessors=named(row.predecessors),
        successors=named(row.successors),
    )


@router.api_route("/so-cai/xac-nhan", methods=["GET", "HEAD"])
def get_validators(request: Request, language: Language = words.VIETNAMESE) -> Response:
    """Who cosigns, how many must, and the policy that says so."""
    context = context_of(request)
    data = context.final.view.get(VALIDATORS_KEY)
    validators = () if data is None else parse_validators(data)
    return _explorer(
        request,
        "validators.html",
        "ex.validators",
        language,
        validators=[{"name": one.name, "key": one.cosigning_key.hex()} for one in validators],
        quorum=2 * len(validators) // 3 + 1,
        node=operations.get_status(request),
        policy=context.policy_text,
    )


@router.api_route("/so-cai/tim", methods=["GET", "HEAD"])
def get_search(
    request: Request,
    query: Annotated[str, Query(alias="q", max_length=MAX_QUERY_LETTERS)] = "",
    after: Annotated[int, Query(alias="sau", ge=0, le=MAX_SKIPPED)] = 0,
    language: Language = words.VIETNAMESE,
) -> Response:
    """Search: what names one thing leads straight to it, anything else to a list."""
    wanted = words.nfc(query).strip()
    final = context_of(request).final
    target = _target(request, final, wanted)
    if target:
        return RedirectResponse(target, status_code=303, headers=HEADERS)
    found = _records_numbered(request, final, wanted, after)
    height = _height(final, wanted)
    if height is not None and not found:
        return RedirectResponse(f"/so-cai/khoi/{height}", status_code=303, headers=HEADERS)
    is_more = len(found) > MAX_RESULTS and after + MAX_RESULTS <= MAX_SKIPPED
    return _explorer(
        request,
        "search.html",
        "ex.search",
        language,
        query=wanted,
        members=_members_named(request, wanted) if wanted and not after else [],
        block=None if after else height,
        records=found[:MAX_RESULTS],
        following=after + MAX_RESULTS if is_more else None,
    )


def _target(request: Request, final: FinalView, wanted: str) -> str | None:
    """The page of the one thing that `wanted` names, or None."""
    if _HEX_ID.fullmatch(wanted):
        raw = bytes.fromhex(wanted)
        if final.place(raw) is not None:
            return f"/so-cai/ban-ghi/{raw.hex()}"
        if entry_index(final, raw) is not None:
            return f"/so-cai/muc/{raw.hex()}"
        try:
            records.get_document(request, raw.hex())
        except LedgerError:
            return None
        return f"/so-cai/tep/{raw.hex()}"
    coded = _coded(request, wanted)
    if coded is not None:
        return coded
    return None


def _height(final: FinalView, wanted: str) -> int | None:
    """The block that `wanted` names, if there is one."""
    height = int(wanted) if _HEIGHT.fullmatch(wanted) else None
    return height if height is not None and height <= final.view.head.height else None


def _coded(request: Request, wanted: str) -> str | None:
    """The page of the record with a lookup code, if `wanted` is one."""
    try:
        found = histories.get_code(request, wanted).records
    except LedgerError:
        return None
    return f"/so-cai/ban-ghi/{found[0].id}"


def _members_named(request: Request, wanted: str) -> list[MemberAnswer]:
    folded = wanted.casefold()
    found = chain.get_members(request).members
    return [one for one in found if folded in words.nfc(one.name).casefold() or folded == one.id][
        :MAX_RESULTS
    ]


def _records_numbered(request: Request, final: FinalView, wanted: str, after: int) -> list[RecordAnswer]:
    """Documents with a number, newest year first: `41` or `41/BC-UBND`; one more than a page has."""
    found: dict[Place, None] = {}
    for number, symbol in readings(wanted):
        for place in numbered(final, number, symbol, limit=after + MAX_RESULTS + 1):
            found[place] = None
    context = context_of(request)
    return [record_answer(context, final, place) for place in islice(found, after, after + MAX_RESULTS + 1)]


# -- files -------------------------------------------------------------------------------------------------------------


@router.api_route("/static/{path:path}", methods=["GET", "HEAD"])
def get_static(request: Request, path: str) -> Response:
    """A static file; under the current version it may be kept for ever, without one it is asked for each time."""
    held = assets()
    first, _, rest = path.partition("/")
    is_current = first == held.version
    asset = held.files.get(rest if is_current else path)
    if asset is None:
        raise HttpError("http.not-found", "nothing is served under this address; see /docs", status=404)
    headers = {
        **HEADERS,
        "cache-control": IMMUTABLE if is_current else "no-cache",
        "vary": "accept-encoding",
    }
    data = asset.data
    if len(asset.compressed) < len(data) and takes_gzip(request.headers.get("accept-encoding", "")):
        headers["content-encoding"] = "gzip"
        data = asset.compressed
    return Response(data, media_type=asset.media_type, headers=headers)


def worker_response(name: str, kept: Mapping[str, Iterable[str]]) -> Response:
    """A service worker: the version, for each page the static files that it needs, its own part, and what all workers do."""
    files = {page: [assets().address(path) for path in paths] for page, paths in kept.items()}
    folder = FilePath(words.__file__).parent
    head = f"const VERSION = {json.dumps(assets().version)};\nconst FILES = {json.dumps(files)};\n"
    parts = [(folder / part).read_text(encoding="utf-8") for part in (name, "worker.js")]
    return Response("\n".join([head, *parts]), media_type="text/javascript", headers=HEADERS)


@router.api_route("/sw.js", methods=["GET", "HEAD"])
def get_service_worker() -> Response:
    """The service worker, with the version and the lists of what it keeps."""
    return worker_response("sw.js", {path: _needed(page) for path, page in _KEPT.items()})


def _needed(page: str) -> list[str]:
    """A page's script with its parts, its styles, its icon."""
    script = _SCRIPTS[page]
    parts = [path for path in assets().files if path.startswith(script.removesuffix("js"))]
    return [*parts, *(f"css/{sheet}.css" for sheet in _STYLES[page]), "icons/mark.svg"]


@router.api_route("/app.webmanifest", methods=["GET", "HEAD"])
def get_manifest() -> Response:
    """What a phone shows when the page is put on its home screen."""
    return Response(
        _MANIFEST % assets().address("icons/mark.svg"),
        media_type="application/manifest+json",
        headers=HEADERS,
    )
