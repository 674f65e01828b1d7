"""The codes of problems: all documented, none invented, each with one status."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from api.http.codes import HTTP_CODES, READY_CODES
from api.http.problem import (
    MAX_DETAIL_LETTERS,
    STATUS_OF_CODE,
    HttpError,
    problem,
    problem_of,
    retry_after_of,
)
from api.papers.typesetting import PaperError
from ledger.errors import (
    CannotTellError,
    FormatError,
    LedgerError,
    RefusedError,
    StoreCorruptError,
    StoreError,
    VerificationError,
)
from scripts import errors

HTTP = Path(__file__).resolve().parent.parent / "api" / "http"


def test_the_page_is_what_the_source_says() -> None:
    assert errors.PAGE.read_text(encoding="utf-8") == errors.page(), "run scripts/errors.py"


def test_the_page_is_found_out_when_it_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "errors.md"
    monkeypatch.setattr(errors, "PAGE", page)
    monkeypatch.setattr("sys.argv", ["errors.py"])
    errors.main()
    monkeypatch.setattr("sys.argv", ["errors.py", "--check"])
    errors.main()
    page.write_text(page.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        errors.main()


def test_codes_are_found_in_every_way_they_are_written() -> None:
    source = """
def f(size, what):
    detail = "two is not one"
    raise FormatError("a.plain", "it is plain")
    raise RefusedError(f"b.{size}-{what.name}", f"it has {size} bytes")
    raise StoreError("c.named", detail)
    g(1, "d.handed-on", "it is handed on")
    print("e.not-a-code")

def g(value, rule, detail):
    raise FormatError(rule, detail)
"""
    found = {code.name: (code.family, code.meaning) for code in errors._codes_in(ast.parse(source))}
    assert found == {
        "a.plain": ("FormatError", "it is plain"),
        "b.<size>-<name>": ("RefusedError", "it has <size> bytes"),
        "c.named": ("StoreError", "two is not one"),
        "d.handed-on": ("FormatError", "it is handed on"),
    }


def codes_of_the_interface() -> dict[str, set[int]]:
    """Codes that `api.http` raises itself, each with the statuses it is raised with."""
    found: dict[str, set[int]] = {}
    for path in HTTP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                continue
            code = errors.text_of(node.args[0])
            if code is None or node.func.id not in {"HttpError", "FormatError", "problem"}:
                continue
            statuses = [keyword.value for keyword in node.keywords if keyword.arg == "status"] or node.args[
                2:3
            ]
            status = statuses[0] if statuses else ast.Constant(400)
            found.setdefault(code, set()).add(int(ast.literal_eval(status)))
    return found


def test_the_interfaces_own_codes_are_all_in_its_table_with_their_status() -> None:
    found = codes_of_the_interface()
    assert len(found) > 15
    assert set(found) <= set(HTTP_CODES)
    for code, statuses in found.items():
        assert {STATUS_OF_CODE.get(code, status) for status in statuses} == {HTTP_CODES[code][0]}, code
    text = "".join(
        path.read_text(encoding="utf-8") for path in [*HTTP.rglob("*.py"), HTTP.parent / "wire.py"]
    )
    for code in {**HTTP_CODES, **READY_CODES}:
        assert text.count(f'"{code}"') >= 1 + (code in found), code


@pytest.mark.parametrize(
    ("error", "status", "retry", "retry_after"),
    [
        (FormatError("a.b", "x"), 400, False, None),
        (FormatError("entry.size", "x"), 413, False, None),
        (VerificationError("a.b", "x"), 422, False, None),
        (CannotTellError("a.b", "x"), 422, False, None),
        (RefusedError("a.b", "x"), 422, False, None),
        (RefusedError("a.b", "x", permanent=False), 422, True, None),
        (RefusedError("disk.low", "x", permanent=False), 503, True, 300),
        (RefusedError("mempool.full", "x", permanent=False), 503, True, 2),
        (StoreError("node.stopped", "x"), 503, True, 60),
        (StoreError("store.not-there", "x"), 404, False, None),
        (PaperError("paper.signed", "x"), 422, False, None),
        (PaperError("paper.extra", "x"), 501, False, None),
        (StoreCorruptError("store.row-missing", "x"), 500, False, None),
        (LedgerError("a.b", "x"), 500, False, None),
        (HttpError("a.b", "x", status=429, retry_after=0.2), 429, True, 1),
        (HttpError("a.b", "x", status=408), 408, True, None),
    ],
)
def test_the_status_follows_from_the_family(
    error: LedgerError, status: int, retry: bool, retry_after: int | None
) -> None:
    body = problem_of(error)
    assert (body["status"], body["retry"], retry_after_of(error)) == (status, retry, retry_after)
    assert body["code"] == error.rule
    assert body["title"]


def test_a_detail_is_never_long() -> None:
    assert len(str(problem("a.b", "x" * 10_000, 400, retry=False)["detail"])) == MAX_DETAIL_LETTERS
    assert problem("a.b", "short", 418, retry=False)["title"] == "I'm a Teapot"
