"""`/docs`: the reference of this interface, made from its OpenAPI description; `/docs/errors`: the codes of problems.

Rules: plain HTML from this server alone: no script, nothing from anywhere else, readable with the strictest browser. (The
usual viewer of OpenAPI descriptions loads a megabyte of script from a delivery network; whoever wants it can open
`/openapi.json` in their own.)
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.http.codes import HTTP_CODES

_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_HEADERS = {"content-security-policy": _POLICY}


def add_pages(app: FastAPI, document: dict[str, Any]) -> None:
    """Render the pages once, and serve them."""
    environment = Environment(
        loader=PackageLoader("api.http"), autoescape=select_autoescape(default=True), trim_blocks=True
    )
    environment.filters["pretty"] = _pretty
    loader = environment.loader
    style = loader.get_source(environment, "reference.css")[0] if loader else ""
    pages = {
        "/docs": environment.get_template("reference.html").render(
            document=document, groups=_groups(document)
        ),
        "/docs/errors": environment.get_template("errors.html").render(codes=sorted(HTTP_CODES.items())),
    }
    for path, text in pages.items():
        _add(app, path, HTMLResponse(text, headers=_HEADERS))
    _add(app, "/docs/style.css", Response(style, media_type="text/css"))


def _pretty(value: object) -> str:
    """A value as a reader wants it: text as it stands, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _add(app: FastAPI, path: str, response: Response) -> None:
    async def page(_: Request) -> Response:
        return response

    app.add_route(path, page, methods=["GET"], include_in_schema=False)


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Operations by tag, each with its method and path."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["other"])[0]
            groups.setdefault(tag, []).append({"method": method.upper(), "path": path, **operation})
    return groups
