#!/usr/bin/env python3
"""Make docs/errors.md: every stable code, found in the source.

    scripts/errors.py            write docs/errors.md again
    scripts/errors.py --check    fail if it is not what the source says

A code is the first argument of an error, or a text of that shape handed to a function that raises one. Where a part of the
code is filled in at run time, it is shown in angle brackets. A few codes are both a rule of the ledger and an answer to a
request for what is not there: these have two statuses. The tests make the page again and demand the same text.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from api.http.codes import HTTP_CODES, READY_CODES  # noqa: E402  the checkout's own, wherever this is started
from api.http.problem import STATUS_OF_CODE  # noqa: E402

PAGE = CHECKOUT / "docs" / "errors.md"
PACKAGES = ("ledger", "node", "api")
_CODE = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9<>_-]+)+")
_STATUS = {
    "FormatError": 400,
    "EpcisError": 400,
    "VerificationError": 422,
    "CannotTellError": 422,
    "RefusedError": 422,
}
_FAMILIES = {
    "FormatError": "malformed",
    "EpcisError": "malformed",
    "VerificationError": "wrong",
    "CannotTellError": "cannot tell",
    "RefusedError": "refused",
}

_HEAD = """\
# Codes of errors

<!-- Made by scripts/errors.py from the source; do not edit by hand. -->

Every failure has a stable code. Over HTTP it is the member `code` of an `application/problem+json` answer (RFC 9457); on the
command line, and in `--json`, it is the `rule`; in the library, `LedgerError.rule`. A code is never renamed and never changes
its meaning. Codes may be added: match those you know, and go by the status or the family for the rest. Parts in angle
brackets stand for the name of a field or a kind.

A problem also has `retry`: whether the same request may succeed later. With status 429 and 503, `Retry-After` says when.

| family | HTTP status | what it says |
|---|---|---|
| malformed | 400 (413 for what is too large) | the bytes or the text are not of the format |
| wrong | 422 | well formed, and provably not right |
| cannot tell | 422 | of a version, type or key that is not known here: not a forgery |
| refused | 422, or 503 where the table says so | the rules do not admit it: for ever, or (`retry`) only for now |
| other | 500 for the store, for papers as listed, else none | the node, its disk, its configuration, the command line |

Over HTTP a failure of the store comes without particulars: these are in the node's log.

A verdict has a rule too. Where no error is behind it (`status.…`, `key.disputed`, `receipt.no-state`, `document.hash` and
others), it is no error's code and not listed here; [spec.md](spec.md) §11 and §14 say what each means. Codes that only the
browser's verifier has are in [browser-verifier.md](browser-verifier.md).

"""


@dataclass(frozen=True, slots=True)
class Code:
    """A code as the source has it."""

    name: str
    family: str
    """Name of the error's class."""
    meaning: str
    rule_status: int | None = None
    """Of a code of the HTTP interface: the other status, if it is a rule of the ledger too."""


def text_of(node: ast.expr) -> str | None:
    """A text as it stands in the source, what is filled in at run time as <name>; None if it is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = [
            str(part.value) if isinstance(part, ast.Constant) else f"<{_word(part)}>" for part in node.values
        ]
        return "".join(parts)
    return None


def _word(part: ast.expr) -> str:
    names = [node.id for node in ast.walk(part) if isinstance(node, ast.Name)]
    attributes = [node.attr for node in ast.walk(part) if isinstance(node, ast.Attribute)]
    return (attributes or names or ["…"])[0].strip("_").lower()


def _called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def _codes_in(tree: ast.Module) -> Iterator[Code]:
    nodes = list(ast.walk(tree))
    raisers = _raisers(nodes)
    assigned = _assigned(nodes)
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        family = _called(node) if _called(node).endswith("Error") else raisers.get(_called(node))
        if family is None:
            continue
        texts = [
            text_of(argument) for argument in [*node.args, *(keyword.value for keyword in node.keywords)]
        ]
        found = [at for at, text in enumerate(texts) if text and _CODE.fullmatch(text)]
        for at in found[:1] if _called(node).endswith("Error") else found:
            after = [text for text in texts[at + 1 :] if text and " " in text]
            if not after and at + 1 < len(node.args):
                after = _text_before(assigned, node.args[at + 1], node.lineno)
            yield Code(texts[at] or "", family, after[0] if after else "")


def _assigned(nodes: Sequence[ast.AST]) -> list[tuple[int, str, str]]:
    """Texts given to names: (line, name, text), in order."""
    found = []
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = text_of(node.value)
            if text is not None:
                found.append((node.lineno, node.targets[0].id, text))
    return sorted(found)


def _text_before(assigned: list[tuple[int, str, str]], argument: ast.expr, line: int) -> list[str]:
    """The text that a name got last before a line; none if there is no such."""
    if not isinstance(argument, ast.Name):
        return []
    return [text for at, name, text in assigned if at < line and name == argument.id][-1:]


def _raisers(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """Functions that raise an error whose code is one of their arguments, and the error's class."""
    found = {}
    for function in nodes:
        if not isinstance(function, ast.FunctionDef):
            continue
        arguments = {argument.arg for argument in [*function.args.args, *function.args.kwonlyargs]}
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and _called(call).endswith("Error") and call.args:
                first = call.args[0]
                if isinstance(first, ast.Name) and first.id in arguments:
                    found[function.name] = _called(call)
    return found


@cache
def _codes_of(source: bytes) -> tuple[Code, ...]:
    """The codes of one module; the page is made of the same source more than once."""
    return tuple(_codes_in(ast.parse(source)))


def collect(packages: tuple[str, ...] = PACKAGES) -> dict[str, Code]:
    """All codes of these packages, by name; of several places that raise one, the first that says what it means."""
    codes: dict[str, Code] = {}
    for package in packages:
        for path in sorted((CHECKOUT / package).rglob("*.py")):
            for code in _codes_of(path.read_bytes()):
                known = codes.get(code.name)
                if known is None or (not known.meaning and code.meaning):
                    codes[code.name] = code
    return codes


def page() -> str:
    """The text of docs/errors.md."""
    codes = collect()
    rules = collect(("ledger",))
    for name, (status, meaning) in HTTP_CODES.items():
        other = _STATUS.get(rules[name].family) if name in rules else None
        codes[name] = Code(name, "HttpError", meaning, None if other == status else other)
    for name, meaning in READY_CODES.items():
        codes.setdefault(name, Code(name, "HttpError", meaning))
    lines = [_HEAD]
    groups: dict[str, list[Code]] = {}
    for code in codes.values():
        groups.setdefault(code.name.split(".")[0], []).append(code)
    for group, members in sorted(groups.items()):
        lines.append(f"## {group}\n\n| code | status | family | meaning |\n|---|---|---|---|")
        lines += [_row(code) for code in sorted(members, key=lambda code: code.name)]
        lines.append("")
    return "\n".join(lines)


def _row(code: Code) -> str:
    meaning = re.sub(
        r"\s+", " ", code.meaning.replace("|", "\\|").replace("<", "‹").replace(">", "›")
    ).strip()
    meaning = f"{meaning[:1].upper()}{meaning[1:]}" if meaning else "The detail says what was found."
    family = "HTTP" if code.family == "HttpError" else _FAMILIES.get(code.family, "other")
    return f"| `{code.name}` | {_status(code)} | {family} | {meaning} |"


def _status(code: Code) -> str:
    if code.name in HTTP_CODES:
        status = str(HTTP_CODES[code.name][0])
        return status if code.rule_status is None else f"{status}; {code.rule_status} for an entry"
    if code.name in READY_CODES:
        return "503"
    if code.name in STATUS_OF_CODE:
        return str(STATUS_OF_CODE[code.name])
    if code.family in _STATUS:
        return str(_STATUS[code.family])
    return "500" if code.family.startswith("Store") else "–"


def main() -> None:
    """Write the page, or compare it."""
    text = page()
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text(encoding="utf-8") != text:
            sys.exit("docs/errors.md is not what the source says: run scripts/errors.py")
    else:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
