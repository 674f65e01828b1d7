"""Examples for the OpenAPI document: of every body that is taken, and of every answer.

Rules: an operation's examples stand in the file of its tag, under `<METHOD> <path>`, by part (`body`; `bodies` where there are
several of one media type, by name; or the status of an answer) and media type; several media types with one example are
separated by commas. JSON is written as it is; any other text as its lines; bytes as hexadecimal, or as the first of them and
what they are. What is named here has to be described by its route: an example without its place is a mistake that keeps the
application from starting.

They were taken from one ledger that holds the story of a lot of dried pineapples, a document and a certificate, and long ones
were shortened. Proposals, evidence and outside witnesses, which that ledger has not, are made up in the same shapes.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from api.wire import JSON

_BODY, _BODIES = "body", "bodies"
_CREDENTIAL = "application/vc"


def is_json(media_type: str) -> bool:
    """Whether what has a media type is JSON."""
    return media_type in (JSON, _CREDENTIAL) or media_type.endswith("+json")


def add_examples(paths: dict[str, dict[str, Any]]) -> None:
    """Put the examples where the operations describe what they take and answer. Raises KeyError for one without a place."""
    for file in sorted(files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            _add(paths, json.loads(file.read_text(encoding="utf-8")))


def _add(paths: dict[str, dict[str, Any]], found: dict[str, dict[str, dict[str, Any]]]) -> None:
    for name, parts in found.items():
        method, path = name.split(" ")
        operation = paths[path][method.lower()]
        for part, examples in parts.items():
            place = operation["requestBody"] if part in (_BODY, _BODIES) else operation["responses"][part]
            for media_types, example in examples.items():
                for media_type in media_types.split(", "):
                    described = place["content"][media_type]
                    if part == _BODIES:
                        described["examples"] = {title: {"value": value} for title, value in example.items()}
                    else:
                        described["example"] = example if is_json(media_type) else "\n".join(example)
