"""The page of findings names every rule that the source has, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from api.exports.forms import FORMS

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "origin.md").read_text(encoding="utf-8")


def rules_in_the_source() -> set[str]:
    """The first argument of every finding that is made."""
    found = set()
    for path in (ROOT / "ledger" / "origin").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                first = node.args[0]
                assert isinstance(first, ast.Constant)
                found.add(str(first.value))
    return found


def test_every_rule_is_explained() -> None:
    rules = rules_in_the_source()
    assert len(rules) > 15
    assert set(re.findall(r"^\| `([a-z.-]+)` \| (?:serious|warning|info)", PAGE, re.MULTILINE)) == rules


def test_every_export_is_named() -> None:
    table = PAGE.split("## Exports")[1]
    assert set(FORMS) <= set(re.findall(r"`([a-z]+\.[a-z]+)`", table))
