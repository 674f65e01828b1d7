"""What failed is said in two languages, and in words for rules that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from api.cli import failures
from api.cli.failures import in_vietnamese
from api.cli.output import UsageError, print_error

ROOT = Path(__file__).resolve().parent.parent
CODES = frozenset(
    re.findall(r"^\| `([^`]+)`", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8"), re.MULTILINE)
)
PAGES = ROOT / "api" / "pages"
OF_VERDICTS = frozenset({"key.disputed"})
"""Rules behind which there is no error, but a verdict."""


def is_a_rule(name: str) -> bool:
    """Whether there is such a code, or, for `family.*`, one of the family."""
    if name.endswith("*"):
        return any(code.startswith(name.removesuffix("*")) for code in CODES)
    return name in CODES | OF_VERDICTS


def test_words_are_for_rules_that_there_are() -> None:
    assert [name for name in failures._WORDS if not is_a_rule(name)] == []


def test_the_desks_words_are_for_rules_that_there_are() -> None:
    words = json.loads((PAGES / "words" / "office.json").read_text(encoding="utf-8"))
    names = {name.removeprefix("of.problem.") for name in words if name.startswith("of.problem.")}
    scripts = "".join(path.read_text(encoding="utf-8") for path in sorted((PAGES / "static").rglob("*.js")))
    # What only a browser meets is in its own scripts: `code` and `field` are labels, `other` stands for the rest.
    own = {name for name in names if (f'"{name[:-1]}' if name.endswith("*") else f'"{name}"') in scripts}
    own |= {"code", "field", "other"}
    assert sorted(name for name in names - own if not is_a_rule(name)) == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("document.number-taken", "số này đã cấp cho văn bản khác trong cùng sổ và năm"),
        ("key.disputed", "khóa đã ký bị thu hồi, và những gì nó ký vào lúc ấy đang có tranh chấp"),
        ("proof.root-mismatch", "bằng chứng bao hàm không dẫn tới gốc đã ký: biên nhận bị sửa"),
        ("record.field-length", "một ô ghi sai"),
        ("backup.sum", "tệp sao lưu hỏng, thiếu, hoặc không phải tệp sao lưu của Sổ Gốc"),
        ("abci.length", None),
        ("record.size", None),
    ],
)
def test_a_rule_has_its_own_words_or_its_familys_or_none(rule: str, words: str | None) -> None:
    assert in_vietnamese(rule) == words


def test_both_languages_are_printed_and_the_rule(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    print_error(UsageError("file.missing", f"there is no file {tmp_path}/[a].pdf"), as_json=True)
    printed = capsys.readouterr()
    expected = f"Lỗi / error: không có tệp này / there is no file {tmp_path}/[a].pdf [file.missing]"
    assert expected in printed.err
    assert json.loads(printed.out)["error"]["detail"].startswith("there is no file")
    print_error(UsageError("abci.length", "nobody has words for it"), as_json=False)
    assert "Lỗi / error: nobody has words for it [abci.length]" in capsys.readouterr().err
