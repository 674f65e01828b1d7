"""Schemas of certificates: which claims there are, in which order, and how a value is written.

Rules: a schema is a JSON file beside this module. Its name carries a version and is what the ledger knows; a schema that has
been used is never changed, a new version is another file. The order of its fields is the order of the claims.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from ledger.claims import Claim, ClaimValue
from ledger.credentials.jcs import parse
from ledger.errors import FormatError

Kind = Literal["text", "date", "integer", "boolean", "choice"]

_DATE = re.compile(r"(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}))", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,15}", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_YES = frozenset({"có", "co", "yes", "true", "1", "x"})
_NO = frozenset({"không", "khong", "no", "false", "0"})
_FIRST_YEAR = 1900
_DEFAULT_TEXT = 200


class FieldValueError(Exception):
    """A value that a field does not take: what is wrong, in Vietnamese and English."""

    def __init__(self, vietnamese: str, english: str) -> None:
        super().__init__(english)
        self.vietnamese = vietnamese
        self.english = english


@dataclass(frozen=True, slots=True)
class Label:
    """A name for people."""

    vietnamese: str
    english: str


@dataclass(frozen=True, slots=True)
class SchemaField:
    """One claim of a schema."""

    name: str
    label: Label
    kind: Kind
    required: bool
    personal: bool
    """Whether it says something about a person."""
    minimum: int | None = None
    maximum: int | None = None
    """Of an integer; of a text, its letters."""
    choices: tuple[tuple[str, Label], ...] = ()

    def read(self, text: str) -> ClaimValue:
        """The value written as `text`, in NFC; None for an empty one. Raises FieldValueError."""
        text = unicodedata.normalize("NFC", text).strip()
        if not text:
            if self.required:
                raise FieldValueError("bắt buộc phải có", "is required")
            return None
        match self.kind:
            case "text":
                return self._text(text)
            case "date":
                return read_date(text)
            case "integer":
                return self._integer(text)
            case "boolean":
                return _boolean(text)
            case "choice":
                return self._choice(text)

    def shown(self, value: ClaimValue, *, english: bool = False) -> str:
        """A value for people."""
        if value is None:
            return "—"
        if isinstance(value, bool):
            return ("yes" if value else "no") if english else ("có" if value else "không")
        if self.kind == "date" and isinstance(value, str) and not english:
            return "/".join(reversed(value.split("-")))
        for choice, label in self.choices:
            if choice == value:
                return label.english if english else label.vietnamese
        return str(value)

    def _text(self, text: str) -> str:
        limit = self.maximum or _DEFAULT_TEXT
        if len(text) > limit:
            raise FieldValueError(
                f"dài {len(text)} chữ, tối đa {limit}", f"has {len(text)} letters, at most {limit} are taken"
            )
        if any(unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") for letter in text):
            raise FieldValueError(
                "có ký tự điều khiển hoặc xuống dòng", "holds a control character or a line break"
            )
        return text

    def _integer(self, text: str) -> int:
        low, high = self.minimum, self.maximum
        if not _INTEGER.fullmatch(text):
            raise FieldValueError("phải là số nguyên", "must be a whole number")
        value = int(text)
        if (low is not None and value < low) or (high is not None and value > high):
            raise FieldValueError(f"phải từ {low} đến {high}", f"must be from {low} to {high}")
        return value

    def _choice(self, text: str) -> str:
        wanted = _fold(text)
        for choice, label in self.choices:
            if wanted in (_fold(choice), _fold(label.vietnamese), _fold(label.english)):
                return choice
        listed = "; ".join(label.vietnamese for _, label in self.choices)
        raise FieldValueError(
            f"phải là một trong: {listed}",
            f"must be one of: {', '.join(choice for choice, _ in self.choices)}",
        )


@dataclass(frozen=True, slots=True)
class Schema:
    """What a kind of certificate claims."""

    name: str
    label: Label
    credential: str
    """Its type as a Verifiable Credential."""
    valid_months: int | None
    """How long it is good, where nobody says otherwise."""
    fields: tuple[SchemaField, ...]

    def check_names(self, claims: tuple[Claim, ...], *, complete: bool) -> None:
        """Check that claims bear this schema's names, in its order. Raises FormatError, rule `schema.claims`."""
        names = [claim.name for claim in claims]
        known = [field.name for field in self.fields if complete or field.name in names]
        if names != known:
            raise FormatError("schema.claims", f"these are not the claims of the schema {self.name}")

    def field(self, name: str) -> SchemaField | None:
        """The field of that name."""
        return next((field for field in self.fields if field.name == name), None)


def read_date(text: str) -> str:
    """A date as `YYYY-MM-DD`, from that or from day/month/year. Raises FieldValueError."""
    problem = FieldValueError(
        "phải là ngày, viết 05/03/2025 hoặc 2025-03-05", "must be a date: 05/03/2025 or 2025-03-05"
    )
    found = _DATE.fullmatch(text)
    if found is None:
        raise problem
    year, month, day, day_first, month_second, year_last = found.groups()
    try:
        value = date(int(year or year_last), int(month or month_second), int(day or day_first))
    except ValueError as error:
        raise FieldValueError("ngày này không có trong lịch", "there is no such day") from error
    if value.year < _FIRST_YEAR:
        raise FieldValueError(f"phải từ năm {_FIRST_YEAR} trở đi", f"must be of {_FIRST_YEAR} or later")
    return value.isoformat()


def _boolean(text: str) -> bool:
    word = text.casefold()
    if word not in _YES | _NO:
        raise FieldValueError("phải là có hoặc không", "must be yes or no")
    return word in _YES


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


@cache
def schemas() -> Mapping[str, Schema]:
    """All schemas that come with the program, by name."""
    found = {}
    for entry in sorted(files(__name__).iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".json"):
            schema = parse_schema(entry.read_bytes())
            found[schema.name] = schema
    return found


def parse_schema(data: bytes) -> Schema:
    """Read a schema file. Raises FormatError: `json.*`, `schema.shape`."""
    value = parse(data)
    try:
        schema = Schema(
            name=_name(value["name"]),
            label=_label(value["label"]),
            credential=str(value["credential"]),
            valid_months=value.get("valid_months"),
            fields=tuple(_field(item) for item in value["fields"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError("schema.shape", f"this is not a schema: {error}") from error
    names = [field.name for field in schema.fields]
    if not names or len(set(names)) != len(names):
        raise FormatError("schema.shape", "a schema has fields, each of its own name")
    return schema


def _field(value: dict[str, Any]) -> SchemaField:
    kind: Kind = value["kind"]
    if kind not in get_args(Kind):
        raise ValueError(f"there is no kind {kind!r}")
    return SchemaField(
        name=_name(value["name"]),
        label=_label(value["label"]),
        kind=kind,
        required=bool(value["required"]),
        personal=bool(value["personal"]),
        minimum=value.get("min"),
        maximum=value.get("max"),
        choices=tuple((name, _label(label)) for name, label in value.get("choices", {}).items()),
    )


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not a name")
    return value


def _label(value: dict[str, Any]) -> Label:
    return Label(str(value["vi"]), str(value["en"]))
