"""The static files of the pages, read once, and the address that they are served under.

Rules: the files under `static/`, one module for each table of words, and for each page's script all of its modules in one
piece, beside which lie the parts that it loads later; nothing else. Their version is a digest over all
of them, and stands in their address (`/static/<version>/…`): whatever is served there may be kept for ever, modules find each
other by relative paths, and a page never mixes two versions.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from api.pages import words
from api.pages.joining import joined_parts, without_notes

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_VERSION_DIGITS = 12
ENTRIES = (
    "js/verify.js",
    "js/explorer.js",
    "js/plain.js",
    "js/trace/trace.js",
    "js/inspector/inspector.js",
    "js/share/share.js",
)
"""The scripts that pages begin with: each is served joined with all that it imports at once, as `joined/<name>.js`, and what it
imports later as `joined/<name>.<part>.js`."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, the same compressed, and what it is."""

    data: bytes
    compressed: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All of them, by path below `/static/<version>/`."""

    files: dict[str, Asset]
    version: str

    def address(self, path: str) -> str:
        """Where a file is served. Raises KeyError for one that is not there."""
        if path not in self.files:
            raise KeyError(path)
        return f"/static/{self.version}/{path}"


def read_assets(folder: Path = FOLDER) -> Assets:
    """Read every file."""
    data = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _TYPES
    }
    data |= {f"words/{name}.js": words.module(name).encode() for name in words.tables()}
    sources = {path: content.decode() for path, content in data.items() if path.endswith(".js")}
    for entry in ENTRIES:
        if entry in data:
            scripts = joined_parts(sources, entry, entry.rpartition("/")[2])
            data |= {f"joined/{name}": without_notes(text).encode() for name, text in scripts.items()}
    digest = hashlib.sha256()
    for path, content in sorted(data.items()):
        digest.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
    files = {
        path: Asset(content, gzip.compress(content, mtime=0), _TYPES["." + path.rpartition(".")[2]])
        for path, content in data.items()
    }
    return Assets(files, digest.hexdigest()[:_VERSION_DIGITS])


@cache
def assets() -> Assets:
    """The static files, read when they are first needed."""
    return read_assets()
