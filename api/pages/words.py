"""The words of the pages: one table for the server's templates and the browser's scripts, Vietnamese first, English beside.

Rules: `words/<page>.json` maps a key to `[Vietnamese, English]`; no key stands in two of them. A key that is asked for and does
not exist is a mistake of ours and raises. What certificates claim is called as their schemas call it (`claim.<schema>.<field>`,
and `….<choice>` for its values), so that a verdict without a network says it in words too.
"""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from pathlib import Path

from api.certificates.schemas import schemas

VIETNAMESE, ENGLISH = "vi", "en"
LANGUAGES = (VIETNAMESE, ENGLISH)
FOLDER = Path(__file__).parent / "words"

Table = dict[str, tuple[str, str]]


def nfc(text: str) -> str:
    """Composed letters: a Vietnamese word is the same, however its marks were typed."""
    return unicodedata.normalize("NFC", text)


@cache
def tables() -> dict[str, Table]:
    """Every table of words, by the name of its page."""
    found: dict[str, Table] = {}
    seen: set[str] = set()
    for path in sorted(FOLDER.glob("*.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        table = {key: (nfc(vietnamese), english) for key, (vietnamese, english) in raw.items()}
        twice = seen & table.keys()
        if twice:
            raise ValueError(f"{path.name}: {', '.join(sorted(twice))} stands in another table of words too")
        seen |= table.keys()
        found[path.stem] = table
    found["verify"] |= _claims()
    return found


def _claims() -> Table:
    found: Table = {}
    for form in schemas().values():
        for item in form.fields:
            key = f"claim.{form.name}.{item.name}"
            named = [(key, item.label), *((f"{key}.{choice}", label) for choice, label in item.choices)]
            found |= {name: (nfc(label.vietnamese), label.english) for name, label in named}
    return found


@cache
def _all() -> Table:
    return {key: words for table in tables().values() for key, words in table.items()}


def has(key: str) -> bool:
    """Whether there are words for `key`."""
    return key in _all()


def word(key: str, language: str = VIETNAMESE) -> str:
    """The words for `key` in a language. Raises KeyError."""
    return _all()[key][LANGUAGES.index(language)]


def module(name: str) -> str:
    """A table as an ES module, for the browser."""
    # JSON is a subset of JavaScript; "</" cannot end a script element when the module is put inside one.
    text = json.dumps(tables()[name], ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return f"export default {text};\n"
