"""`verifier.html`: one file that checks documents, receipts and whole exports with no server and no network.

Rules: it holds our own modules, styles and words as they are served, put into one script in the order in which they need
each other; nothing is fetched, and its policy allows that one script and that one style by their hashes, and no connection at
all. The trust policy inside is a convenience, and the page says so: whoever can change the file can change that too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re

from markupsafe import Markup

from api.pages import words
from api.pages.assets import assets
from api.pages.joining import JoinError, joined
from api.pages.rendering import environment, language_tools

FILE_NAME = "verifier.html"
ENTRY = "js/file.js"
_SHEETS = ("css/tokens.css", "css/house.css", "css/verify.css")

_ENDS_SCRIPT = re.compile(r"</script|<!--", re.IGNORECASE)


def one_file(*, policy: str, origin: str, chain_id: bytes, transitions: bytes | None = None) -> bytes:
    """The page for the ledger `origin`, with its trust policy inside, and how the validators have changed since."""
    held = assets()
    script = "\n" + joined({path: asset.data.decode() for path, asset in held.files.items()}, ENTRY) + "\n"
    style = "\n" + "\n".join(held.files[sheet].data.decode() for sheet in _SHEETS)
    inside = {"policy": policy, "origin": origin, "chain_id": chain_id.hex()}
    if transitions is not None:
        inside["epochs"] = base64.b64encode(transitions).decode()
    embedded = json.dumps(inside, ensure_ascii=False)
    text = (
        environment()
        .get_template("one_file.html")
        .render(
            **language_tools(words.VIETNAMESE),
            policy=_content_policy(script, style),
            style=Markup(style),  # noqa: S704  our own file
            script=Markup(script),  # noqa: S704  our own files, checked below to stay inside their element
            embedded=Markup(embedded.replace("<", "\\u003c")),  # noqa: S704  cannot end its element
        )
    )
    return text.encode()


def _content_policy(script: str, style: str) -> str:
    if _ENDS_SCRIPT.search(script) or "</style" in style.lower():
        raise JoinError("a module or a style would end its own element")
    return (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
