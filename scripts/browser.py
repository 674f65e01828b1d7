"""Writes api/pages/static/verify/record-types*.js: the field tables of all record types, for the verifier in the browser;
and api/pages/static/js/epcis/vocabulary.js: the words and members of EPCIS, for the strict reading of events.

    scripts/browser.py            write the files again
    scripts/browser.py --check    fail if they are not what the registry says

Papers are what most people check: their tables come with a page, and those of goods and of governance where a proof needs them.

The tables come from `ledger.records.record_types()` and from nowhere else, so the browser judges a record's fields as the
library does. A kind of field that the browser does not know is found by the tests, which run the same vectors in both.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ledger.epcis import members, vocabulary  # noqa: E402
from ledger.fields import Kind  # noqa: E402  the checkout's own package, wherever this is run from
from ledger.records import RecordType, record_types  # noqa: E402
from ledger.records.members import PARAMETER_BOUNDS  # noqa: E402
from ledger.roles import ROLES  # noqa: E402

FOLDER = ROOT / "api" / "pages" / "static" / "verify"
VOCABULARY = ROOT / "api" / "pages" / "static" / "js" / "epcis" / "vocabulary.js"
WORD_LISTS = (
    "STEPS",
    "DISPOSITIONS",
    "TRANSACTIONS",
    "PARTIES",
    "ERRORS",
    "COMPONENTS",
    "ALERTS",
    "MEASUREMENTS",
)
"""Lists of `ledger.epcis.vocabulary`."""
MEMBER_LISTS = ("METADATA_URIS", "METADATA_TIMES", "REPORT_URIS", "REPORT_NUMBERS", "REPORT_TEXTS")
"""Lists of `ledger.epcis.members`."""
REPORT_OTHERS = {"REPORT_TIMES": ["time"], "REPORT_FLAGS": ["booleanValue"], "REPORT_HEX": ["hexBinaryValue"]}

PAPERS, GOODS, GOVERNANCE = "papers", "goods", "governance"
FAMILIES = {
    "access": GOVERNANCE,
    "cert": PAPERS,
    "checkpoint": GOVERNANCE,
    "doc": PAPERS,
    "epcis": GOODS,
    "erase": GOVERNANCE,
    "governance": GOVERNANCE,
    "key": GOVERNANCE,
    "lot": GOODS,
    "member": GOVERNANCE,
    "parameter": GOVERNANCE,
    "place": GOODS,
    "product": GOODS,
    "succession": GOVERNANCE,
    "validator": GOVERNANCE,
}
"""The family of a type by its first word: what the browser loads together."""
FILES = {
    PAPERS: "record-types.js",
    GOODS: "record-types-goods.js",
    GOVERNANCE: "record-types-governance.js",
}

NO_CHECK = next(field.default for field in dataclass_fields(RecordType) if field.name == "check")
"""What types have for a check whose field table says it all."""

_HEAD = "// Made by scripts/browser.py from the library's registry of record types; do not edit by hand.\n\n"
_ABOUT = """\
/**
 * Field tables (docs/spec.md §8). A field is [name, whether it is required, kind]; a kind is [its name in ledger/fields.py
 * or beside its record types, then its limits in the order in which they are declared there].
 * `isSingle`: an entry holds one record of all such types at most.
 * `isChecked`: what one field means for another is judged too, when a record is read (records.js).
 * @typedef {[string, ...any[]]} Kind
 * @typedef {{roles: string[], bySuccessor: boolean, isSingle: boolean, isChecked: boolean,
 *   fields: [string, boolean, Kind][]}} RecordType
 */

"""


class Letters:
    """Alphabets and lists of words that several fields share, each written once."""

    def __init__(self) -> None:
        self._seen: list[str] = []

    def name(self, value: str) -> str:
        """How the file refers to a JSON text."""
        if value not in self._seen:
            self._seen.append(value)
        return f"SHARED[{self._seen.index(value)}]"

    def lines(self) -> str:
        """The definition of all that was named."""
        return "const SHARED = [\n" + "".join(f"  {value},\n" for value in self._seen) + "];\n\n"


def limit(value: object, letters: Letters) -> str:
    """One limit of a kind of field as JavaScript."""
    if isinstance(value, frozenset):
        words = sorted(value)
        joined = all(len(word) == 1 for word in words)
        return letters.name(shown("".join(words) if joined else words))
    if not isinstance(value, int):
        raise TypeError(f"a limit of type {type(value).__name__} cannot be written for the browser")
    return shown(value)


def kind(value: Kind, letters: Letters) -> str:
    """A kind of field as JavaScript. Raises TypeError for one that is no dataclass."""
    limits = [limit(getattr(value, item.name), letters) for item in dataclass_fields(cast("Any", value))]
    return "[" + ", ".join([shown(type(value).__name__), *limits]) + "]"


def record_type(value: RecordType, letters: Letters) -> str:
    """A record type as JavaScript."""
    rows = "".join(
        f"      [{shown(field.name)}, {shown(field.required)}, {kind(field.kind, letters)}],\n"
        for field in value.fields
    )
    return (
        f"  {shown(value.name)}: {{\n"
        f"    roles: {shown(sorted(value.roles))},\n"
        f"    bySuccessor: {shown(value.by_successor)},\n"
        f"    isSingle: {shown(value.single)},\n"
        f"    isChecked: {shown(value.check is not NO_CHECK)},\n"
        f"    fields: [\n{rows}    ],\n"
        "  },\n"
    )


def shown(value: Any) -> str:  # noqa: ANN401  JSON
    """A value as JSON, which is JavaScript."""
    return json.dumps(value, ensure_ascii=False)


def content(family: str) -> str:
    """The whole file of a family. Raises KeyError for a type whose family is not said."""
    letters = Letters()
    types = "".join(
        record_type(value, letters)
        for name, value in record_types().items()
        if FAMILIES[name.partition(".")[0]] == family
    )
    about = (
        _ABOUT
        if family == PAPERS
        else '/** @typedef {import("./record-types.js").RecordType} RecordType */\n\n'
    )
    text = (
        f"{_HEAD}{about}{letters.lines()}"
        f"/** @type {{Record<string, RecordType>}} */\nexport const RECORD_TYPES = {{\n{types}}};\n"
    )
    if family == PAPERS:
        text += (
            "\n/** The family of a type by its first word. @type {Record<string, string>} */\n"
            f"export const FAMILIES = {shown(FAMILIES)};\n"
        )
    if family == GOVERNANCE:
        bounds = {name: list(limits) for name, limits in sorted(PARAMETER_BOUNDS.items())}
        text += (
            "\n/** Least and greatest value of each parameter, in milliseconds. @type {Record<string, number[]>} */\n"
            f"export const PARAMETER_BOUNDS = {shown(bounds)};\n\n"
            f"export const ROLES = {shown(sorted(ROLES))};\n"
        )
    return text


def epcis_vocabulary() -> str:
    """The whole file of EPCIS's words and members."""
    words = {
        name: {"prefix": one.prefix, "urn": one.urn, "words": sorted(one.words)}
        for name, one in ((name, getattr(vocabulary, name)) for name in WORD_LISTS)
    }
    events = {kind.type: sorted(names) for kind, names in members.EVENT_MEMBERS.items()}
    lists = {name: list(getattr(members, name)) for name in MEMBER_LISTS} | REPORT_OTHERS
    return (
        "// Made by scripts/browser.py from ledger/epcis; do not edit by hand.\n\n"
        "/** Lists of standard words, and what stands before a word in its address and in its URN.\n"
        " * @type {Record<string, {prefix: string, urn: string, words: string[]}>} */\n"
        + constants({"WORDS": words})
        + "\n/** What the standard's own context calls namespaces. @type {Record<string, string>} */\n"
        + constants({"STANDARD_PREFIXES": vocabulary.STANDARD_PREFIXES})
        + "\n/** The members of an event of each type. @type {Record<string, string[]>} */\n"
        + constants({"EVENT_MEMBERS": events})
        + "\n/** Names that no prefix may have. */\n"
        + constants({"STANDARD_TERMS": sorted(members.STANDARD_TERMS)})
        + "\n/** Members of sensor metadata and of reports, by what they hold. */\n"
        + constants(lists)
    )


def constants(values: dict[str, Any]) -> str:
    """Definitions of what other modules take, each member of an object on a line of its own."""
    found = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows = "".join(f"  {shown(key)}: {shown(below)},\n" for key, below in value.items())
            found.append(f"export const {name} = {{\n{rows}}};\n")
        else:
            found.append(f"export const {name} = {shown(value)};\n")
    return "".join(found)


def main() -> int:
    """Write the file, or with --check compare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if something would change")
    check = parser.parse_args().check
    code = 0
    files = {FOLDER / name: content(family) for family, name in FILES.items()} | {
        VOCABULARY: epcis_vocabulary()
    }
    for target, wanted in files.items():
        name = target.name
        if target.exists() and target.read_text(encoding="utf-8") == wanted:
            print(f"{name} is up to date")
        elif check:
            print(f"{name} is not what the registry says: run scripts/browser.py", file=sys.stderr)
            code = 1
        else:
            target.write_text(wanted, encoding="utf-8")
            print(f"{name} written")
    return code


if __name__ == "__main__":
    sys.exit(main())
