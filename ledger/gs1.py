"""GS1 identifiers: check digits, the path by which the ledger names a thing, EPC URNs and Digital Link addresses.

Rules (GS1 General Specifications §7.9 and figure 7.11-1, EPC Tag Data Standard 2.0 §6, GS1 Digital Link 1.4 §4, RFC 3986): a
thing is named by its *item path*, one text for one thing:

    01/<gtin, 14 digits>                  a class of goods        code/<member>/<code>            goods without a GTIN
    01/<gtin>/10/<lot>                    a lot of it             code/<member>/<code>/10/<lot>   a lot of those
    01/<gtin>/21/<serial>                 a single piece
    00/<sscc, 18 digits>                  a logistic unit

Lots and serials are 1 to 20 letters of GS1's character set 82; in a path, letters that RFC 3986 does not call unreserved are
percent-encoded with upper-case digits, and nothing else is. So a path is ASCII, and part of an address as it stands. That is
why a lot or a serial may be neither `.` nor `..`, which addresses give another meaning. A wrong check digit is refused, never
mended.

What this module does not do: know which numbers GS1 has given out, or to whom. No I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from ledger.errors import FormatError
from ledger.fields import DIGITS, IDENTIFIER_ALPHABET, LOWER

UNRESERVED: Final = frozenset(LOWER + LOWER.upper() + DIGITS + "-._~")
"""Letters that stand for themselves in an address (RFC 3986 §2.3)."""
CHARACTER_SET_82: Final = frozenset(LOWER + LOWER.upper() + DIGITS + "!\"%&'()*+,-./:;<=>?_")
"""Letters of lots and serials (GS1 General Specifications, figure 7.11-1)."""
CODE_ALPHABET: Final = frozenset(LOWER + LOWER.upper() + DIGITS + "-._")
"""Letters of the codes that a member gives to its own goods and places."""
MAX_LOT: Final = 20
"""Letters of a lot or a serial."""
MAX_CODE: Final = 30
"""Letters of a member's own code."""
MAX_PATH: Final = 3 * MAX_LOT + MAX_CODE + 64 + len("code///10/")
"""Letters of an item path."""
MAX_URI: Final = 2_048
"""Letters of an address or URN that is read."""

_DIGITS = frozenset(DIGITS)
_GTIN_LENGTHS = (8, 12, 13, 14)
_PREFIX_LENGTHS = range(6, 13)
_DOTS = (".", "..")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?", re.ASCII)
_ADDRESS = re.compile(r"https?://[^/?#\s]+(/[^?#]*)(?:[?#].*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
"""An address of the web: scheme and host, path, and what says nothing about the item (RFC 3986, appendix B)."""
_SHOWN = 60


# -- check digits --------------------------------------------------------------------------------------------------------


def check_digit(digits: str) -> str:
    """The digit that belongs behind `digits`: weights 3 and 1 from the right (GS1 General Specifications §7.9.1).

    Raises FormatError, rule `gs1.charset`, unless all are ASCII digits.
    """
    if not digits or not _DIGITS.issuperset(digits):
        raise FormatError("gs1.charset", f"{digits[:_SHOWN]!a} is not a row of digits")
    values = digits.encode()[::-1]
    odd, even = values[::2], values[1::2]
    # Sums of ASCII codes, of which the one of "0" is taken off again: an event may name hundreds of things.
    total = 3 * sum(odd) + sum(even) - ord("0") * (3 * len(odd) + len(even))
    return str(-total % 10)


def _checked(digits: str, lengths: tuple[int, ...], what: str) -> str:
    if not _DIGITS.issuperset(digits):
        raise FormatError("gs1.charset", f"a {what} has digits only, unlike {digits[:_SHOWN]!a}")
    if len(digits) not in lengths:
        wanted = " or ".join(str(length) for length in lengths)
        raise FormatError("gs1.length", f"a {what} has {wanted} digits, not {len(digits)}")
    wanted = check_digit(digits[:-1])
    if digits[-1] != wanted:
        raise FormatError(
            "gs1.check-digit",
            f"the last digit of the {what} {digits} is {digits[-1]}, and must be {wanted}: a digit was misread or mistyped",
        )
    return digits


def gtin14(digits: str) -> str:
    """A GTIN-8, -12, -13 or -14 as 14 digits. Raises FormatError (`gs1.charset`, `gs1.length`, `gs1.check-digit`)."""
    return _checked(digits, _GTIN_LENGTHS, "GTIN").rjust(14, "0")


def gln(digits: str) -> str:
    """A global location number: 13 digits. Raises FormatError (`gs1.charset`, `gs1.length`, `gs1.check-digit`)."""
    return _checked(digits, (13,), "GLN")


def sscc(digits: str) -> str:
    """A serial shipping container code: 18 digits. Raises FormatError (`gs1.charset`, `gs1.length`, `gs1.check-digit`)."""
    return _checked(digits, (18,), "SSCC")


def lot_text(letters: str, what: str = "lot") -> str:
    """A lot or serial as it is printed. Raises FormatError (`gs1.charset`, `gs1.length`)."""
    if not 1 <= len(letters) <= MAX_LOT:
        raise FormatError("gs1.length", f"a {what} has 1 to {MAX_LOT} letters, not {len(letters)}")
    if not CHARACTER_SET_82.issuperset(letters):
        raise FormatError(
            "gs1.charset", f"the {what} {letters!a} has letters outside of GS1's character set 82"
        )
    if letters in _DOTS:
        raise FormatError("gs1.charset", f"a {what} of dots alone cannot stand in an address")
    return letters


def own_code(letters: str) -> str:
    """A member's own code for goods: 1 to 30 of `CODE_ALPHABET`. Raises FormatError (`gs1.charset`, `gs1.length`)."""
    if not 1 <= len(letters) <= MAX_CODE:
        raise FormatError("gs1.length", f"a product's code has 1 to {MAX_CODE} letters, not {len(letters)}")
    if not CODE_ALPHABET.issuperset(letters) or letters in _DOTS:
        raise FormatError("gs1.charset", f"the code {letters!a} may hold letters, digits and -._ only")
    return letters


# -- items ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """A thing: goods by GTIN or by a member's own code, as a class, a lot or a single piece; or a logistic unit.

    Built from what is printed (not percent-encoded); raises FormatError (`gs1.*`) for what names no thing.
    """

    gtin: str | None = None
    """14 digits."""
    lot: str | None = None
    serial: str | None = None
    sscc: str | None = None
    """18 digits."""
    member: str | None = None
    """The member whose `code` it is."""
    code: str | None = None

    def __post_init__(self) -> None:
        """Check that the parts name one thing."""
        named = (self.gtin is not None) + (self.code is not None) + (self.sscc is not None)
        if named != 1 or (self.member is None) != (self.code is None):
            raise FormatError("gs1.item", "a thing is named by a GTIN, by a member's code, or by an SSCC")
        if self.sscc is not None:
            sscc(self.sscc)
        if self.gtin is not None:
            # Leading zeros fill a shorter one up, so that a thing has one name.
            _checked(self.gtin, (14,), "GTIN of an item")
        if self.code is not None:
            own_code(self.code)
        if self.member is not None and (
            not 1 <= len(self.member) <= 64
            or not IDENTIFIER_ALPHABET.issuperset(self.member)
            or self.member in _DOTS
        ):
            raise FormatError("gs1.charset", f"{self.member[:_SHOWN]!a} cannot be a member's identifier")
        if self.lot is not None:
            lot_text(self.lot)
        if self.serial is not None:
            lot_text(self.serial, "serial")
        if (self.sscc and (self.lot or self.serial)) or (self.serial and (self.lot or not self.gtin)):
            raise FormatError(
                "gs1.item", "a logistic unit has no lot, and a single piece is named by GTIN and serial alone"
            )

    @property
    def path(self) -> str:
        """The item path."""
        if self.sscc is not None:
            return f"00/{self.sscc}"
        path = f"01/{self.gtin}" if self.gtin is not None else f"code/{self.member}/{self.code}"
        if self.lot is not None:
            return f"{path}/10/{escape(self.lot)}"
        return path if self.serial is None else f"{path}/21/{escape(self.serial)}"

    @property
    def product(self) -> Item | None:
        """The class that the item is of; None for a logistic unit."""
        return None if self.sscc is not None else Item(gtin=self.gtin, member=self.member, code=self.code)

    @property
    def is_class(self) -> bool:
        """Whether it names all goods of a sort rather than some of them."""
        return self.sscc is None and self.lot is None and self.serial is None


def escape(text: str) -> str:
    """`text` (ASCII) with every letter that is not unreserved percent-encoded, in upper case."""
    if UNRESERVED.issuperset(text):
        return text
    return "".join(letter if letter in UNRESERVED else f"%{ord(letter):02X}" for letter in text)


def unescape(text: str) -> str:
    """`text` without percent-encoding. Raises FormatError, rule `gs1.charset`, for a broken escape, or one beyond ASCII."""
    if "%" not in text and text.isascii():
        return text
    if not all(_ESCAPE.findall(text)):
        raise FormatError(
            "gs1.charset", f"{text[:_SHOWN]!a} has a % that two hexadecimal digits do not follow"
        )
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    if not plain.isascii():
        raise FormatError("gs1.charset", f"{text[:_SHOWN]!a} stands for letters that are not ASCII")
    return plain


def parse_item(text: str) -> Item:
    """Read an item path. Raises FormatError: `gs1.item` for another form, else `gs1.*` for the part that is wrong.

    Only the one form is read: 14 digits, upper-case escapes, and no letter escaped that need not be.
    """
    if len(text) > MAX_PATH:
        raise FormatError("gs1.length", f"an item path has at most {MAX_PATH} letters, not {len(text)}")
    item = _item(text.split("/"))
    if item is None or item.path != text:
        raise FormatError(
            "gs1.item", f"{text[:_SHOWN]!a} is not the path of an item such as 01/<gtin>/10/<lot>"
        )
    return item


def _item(parts: list[str]) -> Item | None:
    """The item that the segments of a path name, percent-encoded in whatever way; None for no path of an item."""
    match parts:
        case ["00", digits]:
            return Item(sscc=digits)
        case ["01", digits]:
            return Item(gtin=digits)
        case ["01", digits, "10", lot]:
            return Item(gtin=digits, lot=unescape(lot))
        case ["01", digits, "21", serial]:
            return Item(gtin=digits, serial=unescape(serial))
        case ["code", member, code]:
            return Item(member=member, code=code)
        case ["code", member, code, "10", lot]:
            return Item(member=member, code=code, lot=unescape(lot))
        case _:
            return None


# -- Digital Link ----------------------------------------------------------------------------------------------------------


class DigitalLink(NamedTuple):
    """What an address names: one item, and the lot that a label states beside a serial."""

    item: Item
    lot: Item | None
    """The lot: the item itself if it is one."""

    @property
    def items(self) -> tuple[Item, ...]:
        """The item and what it is part of: piece, lot, class."""
        found = (self.item, self.lot, self.item.product)
        return tuple(dict.fromkeys(item for item in found if item is not None))


_KEYS = ("01", "00", "code")


def parse_link_path(path: str) -> DigitalLink:
    """Read the path of an address, percent-encoded as it came: `/01/<gtin>[/22/<variant>][/10/<lot>][/21/<serial>]`,
    `/00/<sscc>`, or the item path of goods with a member's code. A GTIN may have 8, 12, 13 or 14 digits, and anything may
    stand before it.

    Raises FormatError: `gs1.link` for another form, else `gs1.*` for the part that is wrong.
    """
    if len(path) > MAX_URI:
        raise FormatError("gs1.length", f"an address has at most {MAX_URI} letters, not {len(path)}")
    parts = path.strip("/").split("/")
    for start, part in enumerate(parts):
        if part in _KEYS and (found := _link(parts[start:])) is not None:
            return found
    raise FormatError("gs1.link", f"{path[:_SHOWN]!a} is no GS1 Digital Link such as /01/<gtin>/10/<lot>")


def _link(parts: list[str]) -> DigitalLink | None:
    match parts:
        case ["01", digits, *rest] if len(rest) % 2 == 0:
            qualifiers = dict(zip(rest[::2], rest[1::2], strict=True))
            # Key qualifiers stand in this order, each once (GS1 Digital Link §4.3).
            if rest[::2] != [key for key in ("22", "10", "21") if key in qualifiers]:
                return None
            gtin = gtin14(unescape(digits))
            lot = None if "10" not in qualifiers else Item(gtin=gtin, lot=unescape(qualifiers["10"]))
            if "21" in qualifiers:
                return DigitalLink(Item(gtin=gtin, serial=unescape(qualifiers["21"])), lot)
            return DigitalLink(lot or Item(gtin=gtin), lot)
        case ["00", digits]:
            return DigitalLink(Item(sscc=unescape(digits)), None)
        case _:
            item = _item(parts)
            return None if item is None else DigitalLink(item, item if item.lot is not None else None)


def parse_link(url: str) -> DigitalLink:
    """Read a Digital Link address, of any host; its query and fragment say nothing about which item it is.

    Raises FormatError, rule `gs1.*`.
    """
    if len(url) > MAX_URI:
        raise FormatError("gs1.length", f"an address has at most {MAX_URI} letters, not {len(url)}")
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise FormatError("gs1.link", f"{url[:_SHOWN]!a} is no http(s) address with a path")
    return parse_link_path(found[1])


def format_link(item: Item, host: str = "https://id.gs1.org", *, lot: str | None = None) -> str:
    """The Digital Link address of an item at `host` (scheme and authority, no slash behind); `lot` is stated beside a serial.

    Raises FormatError, rule `gs1.*`, for a lot beside anything but a serial.
    """
    if lot is None:
        return f"{host}/{item.path}"
    if item.serial is None or item.gtin is None:
        raise FormatError("gs1.item", "a lot is stated beside a serial only")
    return f"{host}/01/{item.gtin}/10/{escape(lot_text(lot))}/21/{escape(item.serial)}"


# -- EPC URNs ----------------------------------------------------------------------------------------------------------------

_URN = re.compile(r"urn:epc:(id|idpat|class):([a-z0-9]+):(.*)", re.ASCII | re.DOTALL)
_URN_RESERVED = frozenset('"%&/<>?')
"""What is percent-encoded in a URN (EPC Tag Data Standard §6.3.1, A.3)."""


class Urn(NamedTuple):
    """An EPC URN taken apart: `urn:epc:<space>:<scheme>:<parts joined by dots>`."""

    space: str
    scheme: str
    parts: tuple[str, ...]


def parse_urn(uri: str) -> Urn:
    """Take an EPC URN apart; the last part may hold dots. Raises FormatError, rule `gs1.urn`."""
    found = _URN.fullmatch(uri) if len(uri) <= MAX_URI else None
    if found is None:
        raise FormatError("gs1.urn", f"{uri[:_SHOWN]!a} is no EPC URN such as urn:epc:id:sgtin:…")
    return Urn(found[1], found[2], tuple(found[3].split(".", 2)))


def _prefixed(prefix: str, rest: str, digits: int, what: str) -> None:
    if (
        len(prefix) not in _PREFIX_LENGTHS
        or len(prefix) + len(rest) != digits
        or not _DIGITS.issuperset(prefix + rest)
    ):
        raise FormatError(
            "gs1.urn",
            f"in the URN of a {what}, a company prefix of 6 to 12 digits and the rest make {digits} digits",
        )


def _gtin_of(prefix: str, reference: str) -> str:
    _prefixed(prefix, reference, 13, "GTIN")
    digits = reference[:1] + prefix + reference[1:]
    return digits + check_digit(digits)


def item_of_urn(uri: str) -> Item:
    """The item that an EPC URN names: SGTIN, LGTIN, the class pattern of an SGTIN, SSCC. Raises FormatError (`gs1.urn`, …)."""
    match parse_urn(uri):
        case ("id", "sgtin", (prefix, reference, serial)):
            return Item(gtin=_gtin_of(prefix, reference), serial=unescape(serial))
        case ("idpat", "sgtin", (prefix, reference, "*")):
            return Item(gtin=_gtin_of(prefix, reference))
        case ("class", "lgtin", (prefix, reference, lot)):
            return Item(gtin=_gtin_of(prefix, reference), lot=unescape(lot))
        case ("id", "sscc", (prefix, reference)):
            _prefixed(prefix, reference, 17, "SSCC")
            digits = reference[:1] + prefix + reference[1:]
            return Item(sscc=digits + check_digit(digits))
        case _:
            raise FormatError("gs1.urn", f"{uri[:_SHOWN]!a} names no goods and no logistic unit")


def gln_of_urn(uri: str) -> tuple[str, str | None]:
    """Location number, and extension if there is one, of an SGLN or PGLN URN. Raises FormatError (`gs1.urn`, …)."""
    match parse_urn(uri):
        case ("id", "sgln", (prefix, reference, extension)):
            _prefixed(prefix, reference, 12, "location")
            number = prefix + reference
            return number + check_digit(number), None if extension == "0" else lot_text(
                unescape(extension), "extension"
            )
        case ("id", "pgln", (prefix, reference)):
            _prefixed(prefix, reference, 12, "party")
            return prefix + reference + check_digit(prefix + reference), None
        case _:
            raise FormatError("gs1.urn", f"{uri[:_SHOWN]!a} names no location")


def _urn_escape(text: str) -> str:
    return "".join(f"%{ord(letter):02X}" if letter in _URN_RESERVED else letter for letter in text)


def urn_of_item(item: Item, prefix_length: int) -> str:
    """The EPC URN of an item whose company prefix has so many digits (6 to 12): the number alone does not tell how many.

    Raises FormatError, rule `gs1.urn`, for another length or for goods that have no GTIN.
    """
    if prefix_length not in _PREFIX_LENGTHS:
        raise FormatError("gs1.urn", f"a company prefix has 6 to 12 digits, not {prefix_length}")
    number = item.sscc or item.gtin
    if number is None:
        raise FormatError("gs1.urn", "goods that have no GTIN have no EPC URN")
    company = number[1 : 1 + prefix_length]
    reference = number[0] + number[1 + prefix_length : -1]
    if item.sscc is not None:
        return f"urn:epc:id:sscc:{company}.{reference}"
    if item.lot is not None:
        return f"urn:epc:class:lgtin:{company}.{reference}.{_urn_escape(item.lot)}"
    if item.serial is not None:
        return f"urn:epc:id:sgtin:{company}.{reference}.{_urn_escape(item.serial)}"
    return f"urn:epc:idpat:sgtin:{company}.{reference}.*"


def urn_of_gln(number: str, prefix_length: int, extension: str | None = None) -> str:
    """The SGLN URN of a location number. Raises FormatError, rule `gs1.*`."""
    gln(number)
    if prefix_length not in _PREFIX_LENGTHS:
        raise FormatError("gs1.urn", f"a company prefix has 6 to 12 digits, not {prefix_length}")
    inner = "0" if extension is None else _urn_escape(lot_text(extension, "extension"))
    return f"urn:epc:id:sgln:{number[:prefix_length]}.{number[prefix_length:-1]}.{inner}"


def item_of_epc(uri: str) -> Item:
    """The item that an `epc` or `epcClass` of an EPCIS event names: an EPC URN, a Digital Link address or an item path.

    Raises FormatError (`gs1.urn`, `gs1.link`, `gs1.item`, …).
    """
    if uri[:8].lower() == "urn:epc:":
        return item_of_urn(uri)
    if uri[:8].lower().startswith(("http://", "https://")):
        return parse_link(uri).item
    return parse_item(uri)
