"""Vectors of records: their shape, and every field of every type broken in every way its kind can be."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.encoding import MAX_INT, Value, encode
from ledger.fields import Ascii, Bytes, Choice, ChoiceList, Date, Field, Integer, MediaType, Text
from ledger.records import record_types
from ledger.records.goods import CheckedDigits, HashList, ItemList, LotPath, Octets, TextList
from ledger.records.governance import ActionBytes
from ledger.records.succession import IdentifierList
from tests.vectorgen import goods
from tests.vectorgen.bodies import BODIES, OTHER_BASES, PRIVATE, PUBLIC, REFUSED_ALL_THE_SAME, Body
from tests.vectorgen.case import Case, bad, good
from tests.vectorgen.governance import right_actions, right_lists, wrong_actions, wrong_lists

Wrong = tuple[str, Value, str]
"""What is wrong, the value, and the last part of the rule."""

_KINDS: tuple[tuple[str, Value], ...] = (
    ("nil", None),
    ("boolean", True),
    ("integer", 7),
    ("text", "seven"),
    ("bytes", b"seven"),
)


_OWN_KINDS: dict[type, str] = {
    ActionBytes: "bytes",
    Bytes: "bytes",
    ChoiceList: "array",
    HashList: "array",
    ItemList: "array",
    Octets: "bytes",
    TextList: "array",
    IdentifierList: "array",
    Integer: "integer",
}


def wrong_values(field: Field) -> Iterator[Wrong]:
    """Values that break a field's rule, one way each."""
    kind = field.kind
    own = _OWN_KINDS.get(type(kind), "text")
    # A word that is no text is none of the words: the same rule.
    other = "range" if isinstance(kind, Choice) else "kind"
    yield from ((f"is-{name}", value, other) for name, value in _KINDS if name != own)
    match kind:
        case Text() | Ascii():
            yield from _wrong_texts(kind)
        case MediaType():
            yield from _wrong_media_types()
        case Date():
            yield from _wrong_dates()
        case Bytes(length):
            yield "empty", b"", "length"
            yield "short", bytes(length - 1), "length"
            yield "long", bytes(length + 1), "length"
        case Integer(minimum, maximum):
            yield "too-small", minimum - 1, "range"
            if maximum < MAX_INT:
                yield "too-large", maximum + 1, "range"
        case Choice():
            yield "unknown-word", "bizarre", "range"
            yield "empty", "", "range"
        case ActionBytes():
            yield from wrong_actions(kind)
        case IdentifierList():
            yield from wrong_lists(kind)
        case CheckedDigits() | HashList() | ItemList() | LotPath() | Octets() | TextList():
            yield from goods.wrong_values(kind)
        case ChoiceList():
            yield "empty", [], "order"
            yield "unknown-word", ["office", "witness"], "range"
            yield "upper-case", ["OFFICE"], "range"
            yield "descending", ["office", "issuer"], "order"
            yield "twice", ["office", "office"], "order"
            yield "number-in-it", [1], "range"


def _wrong_texts(kind: Text | Ascii) -> Iterator[Wrong]:
    yield "too-short", "a" * (kind.minimum - 1), "length"
    yield "too-long", "a" * (kind.maximum + 1), "length"
    if isinstance(kind, Text):
        yield "too-long-in-bytes", "ế" * (kind.maximum // 3 + 1), "length"
        for number in (0x00, 0x0A, 0x1F, 0x7F, 0x80, 0x9F, 0x2028, 0x202E, 0x2066, 0x2069):
            yield f"control-{number:04x}", f"a{chr(number)}b", "alphabet"
        return
    yield "space", "a b", "alphabet"
    yield "newline", "a\n", "alphabet"
    yield "not-ascii-letter", "xã", "alphabet"
    yield "not-ascii-digit", "٤" * kind.minimum, "alphabet"
    if "A" not in kind.alphabet:
        yield "upper-case", "Office", "alphabet"
    if "a" not in kind.alphabet:
        yield "lower-case", "a" * kind.minimum, "alphabet"
    if "/" not in kind.alphabet:
        yield "slash", "a/b", "alphabet"


def _wrong_media_types() -> Iterator[Wrong]:
    yield "too-short", "a/", "length"
    yield "too-long", "application/" + "a" * 116, "length"
    yield "no-slash", "pdf-file", "alphabet"
    yield "two-slashes", "application/pdf/a", "alphabet"
    yield "no-type", "/pdf", "alphabet"
    yield "no-subtype", "application/", "alphabet"
    yield "upper-case", "application/PDF", "alphabet"
    yield "parameter", "text/plain;charset=utf-8", "alphabet"
    yield "leading-dot", "application/.pdf", "alphabet"
    yield "leading-plus", "+application/pdf", "alphabet"


def _wrong_dates() -> Iterator[Wrong]:
    yield "slashes", "2026/07/31", "alphabet"
    yield "short", "2026-7-31", "alphabet"
    yield "with-time", "2026-07-31T00:00", "alphabet"
    yield "sign", "+026-07-31", "alphabet"
    yield "not-ascii-digits", "٢٠٢٦-07-31", "alphabet"
    yield "space", "2026-07- 1", "alphabet"
    yield "month-0", "2026-00-10", "range"
    yield "month-13", "2026-13-10", "range"
    yield "day-0", "2026-07-00", "range"
    yield "april-31", "2026-04-31", "range"
    yield "no-leap-year", "2026-02-29", "range"
    yield "century-no-leap-year", "2100-02-29", "range"
    yield "before-1900", "1899-12-31", "range"


def right_values(field: Field) -> Iterator[tuple[str, Value]]:
    """Values at the edge of what a field's rule allows."""
    kind = field.kind
    match kind:
        case Text(minimum, maximum):
            yield "shortest", "a" * minimum
            yield "longest", "a" * maximum
            yield "not-normalised", "So\u0302\u0309"
            yield "first-after-controls", "\u00a0 ~"
        case Ascii(minimum, maximum, alphabet):
            yield "shortest", ("-" if "-" in alphabet else min(alphabet)) * minimum
            yield "longest", ("z" if "z" in alphabet else max(alphabet)) * maximum
            letters = "".join(sorted(alphabet))
            yield "first-letters", letters[:maximum]
            if len(letters) > maximum:
                yield "last-letters", letters[-maximum:]
        case MediaType():
            yield "shortest", "a/b"
            yield "longest", "application/" + "a" * 115
            yield "signs", "0!#$&^_.+-/9a"
        case Date():
            yield "first", "1900-01-01"
            yield "last", "9999-12-31"
            yield "leap-day", "2000-02-29"
        case Integer(minimum, maximum):
            yield "smallest", minimum
            yield "largest", maximum
        case ChoiceList(choices):
            yield "all", list[Value](sorted(choices))
        case Choice(choices):
            yield "first-word", min(choices)
            yield "last-word", max(choices)
        case ActionBytes():
            yield from right_actions(kind)
        case IdentifierList():
            yield from right_lists(kind)
        case _:
            yield from goods.right_values(kind)


def cases() -> Iterator[Case]:
    """The vectors of `record/`."""
    for name, record_type in record_types().items():
        body = BODIES[name]
        slug = name.replace("/", "-")
        yield good("record", slug, record_type.meaning, record=encode([name, body]))
        yield _bad(
            f"{slug}.unknown-field",
            f"{name} with a field it does not list",
            name,
            body | {"zeta": 1},
            "unknown",
        )
        for field in record_type.fields:
            base = OTHER_BASES.get((name, field.name), body)
            yield from _field_cases(slug, name, field, base)
    yield from _document_cases()
    yield from _shape_cases()


def _field_cases(slug: str, name: str, field: Field, base: Body) -> Iterator[Case]:
    place = f"{slug}.{field.name}"
    if field.required:
        without = {key: value for key, value in base.items() if key != field.name}
        yield _bad(f"{place}.missing", f"{name} without {field.name}", name, without, "missing")
    for what, value in right_values(field):
        if value == base.get(field.name):
            continue  # the good body is this vector already
        desc = f"{name}: {field.name}: {what.replace('-', ' ')}"
        record = encode([name, base | {field.name: value}])
        rule = REFUSED_ALL_THE_SAME.get((name, field.name, what))
        if rule:
            yield bad("record", f"{place}.{what}", desc, rule, "refused", record=record)
        else:
            yield good("record", f"{place}.{what}", desc, record=record)
    for what, value, rule in wrong_values(field):
        desc = f"{name}: {field.name}: {what.replace('-', ' ')}"
        yield _bad(f"{place}.{what}", desc, name, base | {field.name: value}, rule)


def _bad(path: str, desc: str, name: str, body: Body, rule: str) -> Case:
    return bad("record", path, desc, f"record.field-{rule}", "refused", record=encode([name, body]))


def _document_cases() -> Iterator[Case]:
    name = "doc.anchor/1"
    yield good(
        "record",
        "doc.anchor-1.commitment",
        "a commitment, and nothing beside it",
        record=encode([name, PRIVATE]),
    )
    least = {field: PUBLIC[field] for field in ("authority", "hash", "media_type", "size")}
    yield good(
        "record", "doc.anchor-1.least", "the least that a public document needs", record=encode([name, least])
    )
    rules: list[tuple[str, str, Body, str]] = [
        ("neither", "no hash and no commitment", {"authority": "office"}, "document.hash-or-commitment"),
        ("both", "a hash and a commitment", least | PRIVATE, "document.hash-or-commitment"),
    ]
    for field in ("media_type", "size"):
        without = {key: value for key, value in least.items() if key != field}
        rules.append((f"hash-without-{field}", f"a hash without {field}", without, "document.description"))
    for field in sorted(PUBLIC.keys() - {"authority", "continues", "hash"}):
        body = PRIVATE | {field: PUBLIC[field]}
        desc = f"a commitment that discloses {field}"
        rules.append((f"commitment-with-{field}", desc, body, "document.commitment-discloses"))
    for path, desc, body, rule in rules:
        yield bad("record", f"doc.anchor-1.{path}", desc, rule, "refused", record=encode([name, body]))


def _shape_cases() -> Iterator[Case]:
    name, body = "doc.anchor/1", PRIVATE
    sixty_four = encode(
        ["member.roles/1", {"authority": "phu-son", "member": "hai-yen", "roles": ["office"]}]
    )
    if len(sixty_four) != 64:
        raise ValueError(f"this record should have 64 bytes and has {len(sixty_four)}")
    shapes: tuple[tuple[str, str, bytes, str], ...] = (
        ("empty", "no bytes", b"", "record.size"),
        ("size-64", "a good record of 64 bytes", sixty_four, "record.size-64"),
        ("not-an-array", "the body alone", encode(body), "record.shape"),
        ("one-item", "a type and no body", encode([name]), "record.shape"),
        ("three-items", "an item more", encode([name, body, None]), "record.shape"),
        ("type-bytes", "a type that is not text", encode([name.encode(), body]), "record.shape"),
        ("type-empty", "an empty type", encode(["", body]), "record.shape"),
        ("type-33-bytes", "a type of 33 bytes", encode(["a" * 31 + "/1", body]), "record.shape"),
        (
            "type-33-bytes-13-letters",
            "a type of 13 letters and 33 bytes",
            encode(["ế" * 10 + "a/1", body]),
            "record.shape",
        ),
        ("body-array", "a body that is not a map", encode([name, list(body.items())]), "record.shape"),
        (
            "trailing-byte",
            "a byte behind the record",
            encode([name, body]) + b"\xc0",
            "encoding.trailing-bytes",
        ),
        ("truncated", "a byte short", encode([name, body])[:-1], "encoding.truncated"),
    )
    for path, desc, record, rule in shapes:
        yield bad("record", path, desc, rule, record=record)
    unknown = (
        ("type-unknown", "doc.shred/1"),
        ("type-version-2", "doc.anchor/2"),
        ("type-no-version", "doc.anchor"),
    )
    for path, other in unknown:
        desc = f"the type {other} is not known"
        yield bad("record", path, desc, "record.type-unknown", "cannot-tell", record=encode([other, body]))
