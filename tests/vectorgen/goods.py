"""Bodies of the records about goods, and values that break the kinds of fields that only they have."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.encoding import Value
from ledger.hashing import sha256
from ledger.records.goods import CheckedDigits, HashList, ItemList, LotPath, Octets, TextList

Body = dict[str, Value]
Wrong = tuple[str, Value, str]

GTIN, OTHER_GTIN = "08938500000027", "08938500000010"
LOT = f"01/{GTIN}/10/DSD-2026.11%2F1"
_GOODS: Body = {"authority": "htx-nga-my", "gtin": GTIN}
_PRODUCT: Body = _GOODS | {
    "brand": "Nga Mỹ",
    "category": "fruit.dried",
    "description": "Dứa gai sấy dẻo, không thêm đường.",
    "images": [sha256(b"a picture"), sha256(b"another picture")],
    "name": "Dứa sấy dẻo 200 g",
    "ocop_stars": 3,
    "ocop_until": "2028-06-30",
    "pad": 0,
    "standards": ["VietGAP", "TCVN 12940:2020"],
    "unit": "H87",
}
_PLACE: Body = {
    "address": "Cụm công nghiệp Nga Mỹ",
    "authority": "htx-nga-my",
    "gln": "8938500000010",
    "growing_area": "VN-THOR-0001",
    "kind": "packing",
    "latitude": 19_998_000,
    "longitude": 105_975_000,
    "name": "Xưởng đóng gói",
    "pad": 0,
}
_CLOSED: Body = {"authority": "htx-nga-my", "pad": 0, "reason": "registered-in-error"}
_RECALL: Body = {"authority": "chi-cuc-attp", "item": LOT, "owner": "htx-nga-my"}
_EVENT: Body = {
    "authority": "htx-nga-my",
    "event": b'{"action":"ADD","epcList":["a vector of six things takes a hundred and twenty bytes of an event"],'
    b'"type":"ObjectEvent","eventTimeZoneOffset":"+07:00"}',
    "event_tag": sha256(b"a tag"),
    "things": ["00/089385000000000010", LOT],
    "time_ms": 1_790_000_000_000,
}

BODIES: dict[str, Body] = {
    "epcis.error/1": _EVENT,
    "epcis.event/1": _EVENT
    | {"hidden_count": 2, "hidden_root": sha256(b"hidden parts"), "kind": "object", "step": "shipping"},
    "lot.create/1": _GOODS
    | {
        "expires": "2027-11-20",
        "lot": "DSD-2026.11/1",
        "pad": 0,
        "place": "8938500000010",
        "produced": "2026-11-20",
        "quantity": 180_000,
        "tolerance": 200,
        "unit": "H87",
    },
    "lot.recall/1": _RECALL | {"reason": "contamination"},
    "lot.release/1": _RECALL | {"reason": "tested-safe"},
    "place.end/1": _CLOSED | {"code": "XUONG-DONG-GOI-SO-1"},
    "place.register/1": _PLACE,
    "product.end/1": _GOODS | {"pad": 0, "reason": "discontinued"},
    "product.register/1": _PRODUCT,
    "product.update/1": _PRODUCT,
}
"""One good body of each type, with every field that goes with the others."""


def _own(body: Body, number: str) -> Body:
    return {name: value for name, value in body.items() if name != number} | {"code": "DUA-SAY.2"}


_HASHED: Body = {
    name: value
    for name, value in BODIES["epcis.event/1"].items()
    if name not in ("event_tag", "hidden_count", "hidden_root")
} | {"event_hash": sha256(b"an event")}

OTHER_BASES: dict[tuple[str, str], Body] = {
    **{
        (name, "code"): _own(BODIES[name], "gln" if name.startswith("place.") else "gtin")
        for name in BODIES
        if BODIES[name].keys() & {"gln", "gtin"}
    },
    ("place.end/1", "gln"): _CLOSED | {"gln": "8938500000010"},
    ("epcis.event/1", "event_hash"): _HASHED,
    ("epcis.error/1", "event_hash"): {name: value for name, value in _EVENT.items() if name != "event_tag"}
    | {"event_hash": sha256(b"an event")},
}
"""Where a field is none of the good body's: the body to try it in."""

REFUSED_ALL_THE_SAME: dict[tuple[str, str, str], str] = {
    **{(name, "things", "most"): "event.size" for name in ("epcis.event/1", "epcis.error/1")},
    **{(name, "event", "shortest"): "event.size" for name in ("epcis.event/1", "epcis.error/1")},
    ("lot.create/1", "produced", "last"): "lot.days",
    ("lot.create/1", "expires", "first"): "lot.days",
    ("lot.create/1", "expires", "leap-day"): "lot.days",
}


def _path(number: int) -> str:
    return f"01/{GTIN}/10/{number:05}"


def wrong_values(kind: object) -> Iterator[Wrong]:
    """Values that break a kind of field that only records about goods have."""
    match kind:
        case CheckedDigits(length):
            good = (GTIN if length == 14 else "8938500000010")[:length]
            yield "wrong-check-digit", good[:-1] + str((int(good[-1]) + 1) % 10), "check-digit"
            yield "digits-swapped", good[:-3] + good[-2] + good[-3] + good[-1], "check-digit"
            yield "short", good[1:], "length"
            yield "long", "0" + good, "length"
            yield "letter", good[:-1] + "x", "alphabet"
            yield "not-ascii-digits", "٠" * length, "alphabet"
        case LotPath():
            yield from _wrong_paths()
            yield "class", f"01/{GTIN}", "item"
            yield "serial", f"01/{GTIN}/21/7", "item"
            yield "unit", "00/089385000000000010", "item"
        case ItemList(_, maximum):
            yield "none", [], "length"
            yield "too-many", [_path(number) for number in range(maximum + 1)], "length"
            yield "descending", [LOT, "00/089385000000000010"], "order"
            yield "twice", [LOT, LOT], "order"
            yield "number-in-it", [1], "kind"
            for name, value, rule in _wrong_paths():
                yield name, [value], rule
        case HashList(maximum):
            yield "none", [], "length"
            yield "too-many", [sha256(bytes([number])) for number in range(maximum + 1)], "length"
            yield "twice", [bytes(32), bytes(32)], "order"
            yield "short-one", [bytes(31)], "length"
            yield "text-in-it", ["a" * 32], "kind"
        case TextList(maximum, longest):
            yield "none", [], "length"
            yield "too-many", [f"TCVN {number}" for number in range(maximum + 1)], "length"
            yield "twice", ["VietGAP", "VietGAP"], "order"
            yield "empty-one", [""], "length"
            yield "long-one", ["ế" * (longest // 3 + 1)], "length"
            yield "control", ["Viet\nGAP"], "alphabet"
            yield "number-in-it", [1], "kind"
        case Octets(minimum, maximum):
            yield "short", bytes(minimum - 1), "length"
            yield "long", bytes(maximum + 1), "length"


def _wrong_paths() -> Iterator[tuple[str, str, str]]:
    yield "empty-path", "", "length"
    yield "long-path", "01/" + "1" * 200, "length"
    yield "not-ascii", f"01/{GTIN}/10/lô", "alphabet"
    yield "space-in-path", f"01/{GTIN}/10/a b", "alphabet"
    yield "wrong-check-digit", f"01/{GTIN[:-1]}8/10/A", "check-digit"
    yield "wrong-check-digit-of-unit", "00/089385000000000011", "check-digit"
    yield "gtin-13", f"01/{GTIN[1:]}/10/A", "item"
    yield "no-key", GTIN, "item"
    yield "other-key", f"02/{GTIN}/10/A", "item"
    yield "other-qualifier", f"01/{GTIN}/22/A", "item"
    yield "other-qualifier-wrong-digit", f"01/{GTIN[:-1]}8/22/A", "item"
    yield "lot-and-serial", f"01/{GTIN}/10/A/21/7", "item"
    yield "leading-slash", f"/01/{GTIN}/10/A", "item"
    yield "trailing-slash", f"01/{GTIN}/10/A/", "item"
    yield "no-lot", f"01/{GTIN}/10", "item"
    yield "empty-lot", f"01/{GTIN}/10/", "item"
    yield "long-lot", f"01/{GTIN}/10/{'a' * 21}", "item"
    yield "dots", f"01/{GTIN}/10/..", "item"
    yield "lower-case-escape", f"01/{GTIN}/10/a%2fb", "item"
    yield "needless-escape", f"01/{GTIN}/10/%41", "item"
    yield "half-escape", f"01/{GTIN}/10/a%2", "item"
    yield "escaped-not-ascii", f"01/{GTIN}/10/%C3%B4", "item"
    yield "outside-set-82", f"01/{GTIN}/10/%23", "item"
    yield "tilde", f"01/{GTIN}/10/~", "item"
    yield "code-of-nobody", "code/DUA", "item"
    yield "code-of-dots", "code/htx/../10/A", "item"
    yield "member-of-dots", "code/../DUA/10/A", "item"
    yield "member-upper-case", "code/HTX/DUA/10/A", "item"
    yield "code-serial", "code/htx/DUA/21/7", "item"
    yield "unit-with-lot", "00/089385000000000010/10/A", "item"


def right_values(kind: object) -> Iterator[tuple[str, Value]]:
    """Values at the edge of what such a kind allows."""
    every = "!%22%25%26%27%28%29%2A%2B%2C-.%2F09%3A"
    match kind:
        case CheckedDigits(length):
            yield "zeros", "0" * length
        case LotPath():
            yield "shortest", f"01/{GTIN}/10/-"
            yield "escaped", f"01/{OTHER_GTIN}/10/{every.replace('!', '%21')}"
            yield "own-code", "code/htx-nga-my/DUA-SAY.2/10/A%3B%3C%3D%3E%3F_Zaz"
            yield "longest", f"code/{'a' * 64}/{'B' * 30}/10/{'%2F' * 20}"
        case ItemList(_, maximum):
            yield "one", [LOT]
            yield "most", [_path(number) for number in range(maximum)]
            yield (
                "every-form",
                [
                    "00/089385000000000010",
                    f"01/{OTHER_GTIN}",
                    f"01/{OTHER_GTIN}/10/A",
                    f"01/{OTHER_GTIN}/21/%2B7",
                    "code/htx/DUA",
                    "code/htx/DUA/10/A",
                ],
            )
        case HashList(maximum):
            yield "most-descending", [bytes([255 - number]) * 32 for number in range(maximum)]
        case TextList(maximum, longest):
            yield "most", [f"TCVN {number}" for number in reversed(range(maximum))]
            yield "longest", ["a" * longest]
        case Octets(minimum, maximum):
            yield "shortest", bytes(minimum)
            yield "longest", bytes(maximum)
