"""Printed codes: both are drawn, treated as paper is treated, photographed badly, and read again."""

from __future__ import annotations

import io
import random
import xml.etree.ElementTree as ET
from base64 import urlsafe_b64encode

import pytest
import segno
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from api.qr import (
    EVERYDAY_VERSION,
    OFFLINE_MILLIMETRES,
    QUIET_ZONE,
    everyday_code,
    everyday_link,
    offline_code,
    offline_link,
    parse_link,
    png,
    svg,
)
from ledger.compact_form import to_digits
from ledger.errors import FormatError, LedgerError, VerificationError
from ledger.hashing import sha256
from ledger.lookup_code import code_of, grouped

SITE = "https://so-goc.phuson.example"
CODE = code_of(sha256(b"a certificate"))
SALT = sha256(b"a salt")
EVERYDAY = everyday_link(SITE, CODE, SALT)


def receipt_of(size: int) -> bytes:
    """Bytes that compress to nothing smaller, as a compact receipt's hashes do."""
    return b"\x99" + random.Random(size).randbytes(size - 1)


def read(image: Image.Image) -> str:
    """What a phone makes of a picture."""
    found = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    assert len(found) == 1, f"{len(found)} codes were found"
    return str(found[0].text)


def picture(code: segno.QRCode, pixels_a_module: int = 8) -> Image.Image:
    return Image.open(io.BytesIO(png(code, pixels_a_module=pixels_a_module))).convert("L")


def on_paper(image: Image.Image, *, seed: int = 1) -> Image.Image:
    """On a sheet with text around it, photographed askew, out of focus, in bad light, by a noisy camera."""
    sheet = Image.new("L", (image.width + 300, image.height + 300), 238)
    sheet.paste(image, (150, 150))
    draw = ImageDraw.Draw(sheet)
    for line in range(8):
        draw.text(
            (20, 10 + 15 * line), "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM".encode("ascii", "replace"), fill=30
        )
    light = Image.linear_gradient("L").resize(sheet.size).point(lambda value: 150 + value * 80 // 255)
    sheet = Image.composite(sheet, Image.new("L", sheet.size, 70), light)
    noise = Image.frombytes("L", sheet.size, random.Random(seed).randbytes(sheet.width * sheet.height))
    sheet = Image.blend(sheet, noise, 0.12)
    sheet = sheet.rotate(7, expand=True, fillcolor=160, resample=Image.Resampling.BICUBIC)
    return sheet.filter(ImageFilter.GaussianBlur(1.6))


def scanned(image: Image.Image, *, millimetres: float, dots_an_inch: int = 300) -> Image.Image:
    """Printed so wide, and scanned by an office scanner: grey steps, a little smear, and JPEG."""
    pixels = round(millimetres / 25.4 * dots_an_inch)
    small = image.resize((pixels, pixels), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(0.6))
    stream = io.BytesIO()
    small.rotate(1.5, fillcolor=255, resample=Image.Resampling.BICUBIC).save(stream, "JPEG", quality=60)
    return Image.open(stream)


# --- the everyday code ------------------------------------------------------------------------------------------------


def test_the_everyday_code_is_small_and_reads_back() -> None:
    code = everyday_code(EVERYDAY)
    assert int(code.version) <= 7 < EVERYDAY_VERSION
    assert (code.error, code.is_micro) == ("M", False)
    assert read(picture(code)) == EVERYDAY
    link = parse_link(EVERYDAY)
    assert (link.code, link.salt, link.compact) == (CODE, SALT, None)


@pytest.mark.parametrize("seed", range(3))
def test_the_everyday_code_is_read_off_a_bad_photograph(seed: int) -> None:
    assert read(on_paper(picture(everyday_code(EVERYDAY)), seed=seed)) == EVERYDAY


def test_the_everyday_code_is_read_printed_at_25_millimetres() -> None:
    assert read(scanned(picture(everyday_code(EVERYDAY)), millimetres=25)) == EVERYDAY


def test_the_everyday_code_survives_a_stamp_over_its_corner() -> None:
    image = picture(everyday_code(EVERYDAY))
    at = image.width * 6 // 10
    ImageDraw.Draw(image).ellipse((at, at, at + image.width // 7, at + image.width // 7), fill=255)
    assert read(image) == EVERYDAY


def test_the_longest_site_that_fits_and_one_letter_more() -> None:
    fits = "https://" + "h" * 63 + "." + "i" * 63 + ".example"
    longer = "https://" + "h" * 63 + "." + "i" * 63 + "." + "j" * 63 + ".example"
    assert int(everyday_code(everyday_link(fits, CODE, SALT)).version) <= EVERYDAY_VERSION
    with pytest.raises(FormatError) as caught:
        everyday_code(everyday_link(longer, CODE, SALT))
    assert caught.value.rule == "qr.too-large"


# --- the offline code -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [900, 1_800, 2_281])
def test_the_offline_code_reads_back(size: int) -> None:
    link = offline_link(SITE, receipt_of(size))
    code = offline_code(link)
    assert code.error == "M"
    assert read(picture(code, 4)) == link
    assert parse_link(link).compact == receipt_of(size)


def test_the_offline_code_holds_what_the_specification_says_and_no_more() -> None:
    assert offline_code(offline_link(SITE, receipt_of(2_281))).version == 40
    with pytest.raises(FormatError) as caught:
        offline_code(offline_link(SITE, receipt_of(2_300)))
    assert caught.value.rule == "qr.too-large"
    assert "2300 bytes" in caught.value.detail


@pytest.mark.parametrize("size", [1_800, 2_200])
def test_the_offline_code_is_read_printed_at_its_least_width(size: int) -> None:
    link = offline_link(SITE, receipt_of(size))
    image = picture(offline_code(link), 6)
    assert read(scanned(image, millimetres=OFFLINE_MILLIMETRES)) == link


def test_the_offline_code_is_read_off_a_bad_photograph() -> None:
    link = offline_link(SITE, receipt_of(1_800))
    assert read(on_paper(picture(offline_code(link), 8))) == link


# --- drawing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link", [EVERYDAY, offline_link(SITE, receipt_of(1_200))], ids=["everyday", "offline"]
)
def test_the_svg_is_the_same_picture(link: str) -> None:
    """The SVG's one path is drawn by hand: h runs to the right, m moves, and a line is as thick as a module."""
    code = everyday_code(link) if "/c/" in link else offline_code(link)
    root = ET.fromstring(svg(code, millimetres=60))  # noqa: S314  we made it
    modules = int(code.symbol_size(border=QUIET_ZONE)[0])
    assert root.attrib["width"] == root.attrib["height"]
    assert root.attrib["width"].endswith("mm")
    assert float(root.attrib["width"].removesuffix("mm")) == pytest.approx(60, abs=0.5)
    dark = next(one for one in root.iter() if one.tag.endswith("path") and "stroke" in one.attrib)
    image = Image.new("L", (modules * 4, modules * 4), 255)
    draw = ImageDraw.Draw(image)
    for x, y, length in runs(dark.attrib["d"]):
        draw.rectangle((x * 4, y * 4, (x + length) * 4 - 1, y * 4 + 3), fill=0)
    assert read(image) == link


def runs(path: str) -> list[tuple[int, int, int]]:
    """Runs of dark modules: left, top, length."""
    found = []
    x = y = 0.0
    for letter, text in pieces(path):
        numbers = [float(one) for one in text.replace(",", " ").split()]
        if letter == "M":
            x, y = numbers
        elif letter == "m":
            x, y = x + numbers[0], y + numbers[1]
        else:
            assert letter == "h"
            found.append((round(x), round(y - 0.5), round(numbers[0])))
            x += numbers[0]
    return found


def pieces(path: str) -> list[tuple[str, str]]:
    marks = [at for at, letter in enumerate(path) if letter.isalpha()]
    return [(path[a], path[a + 1 : b]) for a, b in zip(marks, [*marks[1:], len(path)], strict=True)]


def test_both_have_a_quiet_zone() -> None:
    for code in (everyday_code(EVERYDAY), offline_code(offline_link(SITE, receipt_of(900)))):
        image = picture(code, 5)
        inner = image.crop((20, 20, image.width - 20, image.height - 20))
        assert image.width == 5 * (int(code.version) * 4 + 17 + 8)
        edge = image.copy()
        edge.paste(255, (20, 20, image.width - 20, image.height - 20))
        assert edge.getextrema() == (255, 255)
        assert inner.getpixel((0, 0)) == 0


# --- links ------------------------------------------------------------------------------------------------------------


def test_how_the_links_look() -> None:
    assert everyday_link("https://a.example/", grouped(CODE).lower()) == f"https://a.example/c/{CODE}"
    assert everyday_link("https://a.example:8443", CODE, bytes(32)) == (
        f"https://a.example:8443/c/{CODE}#{'A' * 43}"
    )
    assert offline_link("https://a.example", b"\x99\x01") == "https://a.example/#39169"


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_everyday_links_read_back(record_id: bytes, salt: bytes) -> None:
    link = parse_link(everyday_link(SITE, code_of(record_id), salt))
    assert (link.code, link.salt) == (code_of(record_id), salt)
    assert parse_link(everyday_link(SITE, code_of(record_id))).salt is None


@pytest.mark.parametrize(
    ("link", "rule"),
    [
        ("", "qr.link"),
        ("https://a.example", "qr.link"),
        ("https://a.example/x/" + CODE, "qr.link"),
        ("https://a.example/c/" + CODE + "/x", "qr.link"),
        ("https://a.example/c/" + CODE + "?x=1", "qr.link"),
        ("https://a.example/c/" + CODE + "#" + "A" * 42, "qr.link"),
        ("https://a.example/c/" + CODE + "#" + "A" * 42 + "B", "qr.link"),
        ("https://a.example/c/" + CODE + "#" + "!" * 43, "qr.link"),
        ("https://a.example/c/XX", "lookup-code.length"),
        ("https://a.example/#12x", "compact.digits"),
        ("ftp://a.example/c/" + CODE, "qr.link"),
        ("https://[/c/" + CODE, "qr.link"),
        ("https://a.example/#" + "1" * 9_000, "qr.link"),
    ],
)
def test_links_that_hold_nothing(link: str, rule: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_link(link)
    assert caught.value.rule == rule


def test_a_mistyped_code_in_a_link() -> None:
    wrong = ("1" if CODE[0] == "0" else "0") + CODE[1:]
    for attempt in (lambda: parse_link(f"{SITE}/c/{wrong}"), lambda: everyday_link(SITE, wrong)):
        with pytest.raises(VerificationError) as caught:
            attempt()
        assert caught.value.rule == "lookup-code.check"


@pytest.mark.parametrize(
    "site",
    [
        "",
        "a.example",
        "https://",
        "https://a.example/x",
        "https://a@b.example",
        "https://a.example?x",
        "https://phường.example",
        "https://a.example:x",
    ],
)
def test_what_is_no_site(site: str) -> None:
    with pytest.raises(FormatError) as caught:
        everyday_link(site, CODE)
    assert caught.value.rule == "qr.site"
    with pytest.raises(FormatError) as offline:
        offline_link(site, b"\x99")
    assert offline.value.rule == "qr.site"


def test_a_salt_of_another_length() -> None:
    with pytest.raises(FormatError) as caught:
        everyday_link(SITE, CODE, bytes(31))
    assert caught.value.rule == "qr.salt"


@given(st.text(max_size=100))
def test_any_text_is_a_link_or_refused(text: str) -> None:
    with pytest.raises(LedgerError):
        parse_link(text)


def test_digits_are_denser_than_letters() -> None:
    data = receipt_of(1_500)
    as_digits = offline_code(offline_link(SITE, data))
    as_letters = segno.make_qr(f"{SITE}/#{urlsafe_b64encode(data).decode()}", error="m", boost_error=False)
    assert len(to_digits(data)) > len(data) * 2.4
    assert int(as_digits.version) < int(as_letters.version)
