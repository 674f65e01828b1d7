"""Label sheets: every sticker's code is read again from the drawn page, in its place, and says what was asked for."""

from __future__ import annotations

import pytest

pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")
pdfium = pytest.importorskip("pypdfium2", reason="pip install 'sogoc[test]' to look at papers")
zxingcpp = pytest.importorskip("zxingcpp", reason="pip install 'sogoc[test]' to read codes")

from PIL import Image  # noqa: E402  after what may be missing

from api.papers.labels import A4, LAYOUTS, MAX_LABELS, Label, label_sheets  # noqa: E402  after what may be missing
from ledger.errors import FormatError  # noqa: E402  after what may be missing

SITE = "https://so-goc.phuson.example"
LINK = f"{SITE}/01/08938500000027/10/SAY-2511"
HOSTILE = '<b>*đậm*</b> #sys.version $x$ \\ "]] `mã` \u202engược'
MILLIMETRE = 25.4
DOTS = 300


def sheets(labels: list[Label], layout: str, used: int = 0) -> bytes:
    return label_sheets(labels, layout=layout, site=SITE, time_s=1_790_000_000, used=used)


def pages(pdf: bytes) -> list[Image.Image]:
    return [page.render(scale=DOTS / 72).to_pil() for page in pdfium.PdfDocument(pdf)]


def sticker(page: Image.Image, layout: str, at: int) -> Image.Image:
    shape = LAYOUTS[layout]
    left, top = shape.place(at)
    dots = DOTS / MILLIMETRE
    return page.crop((left * dots, top * dots, (left + shape.width) * dots, (top + shape.height) * dots))


def read(page: Image.Image, layout: str) -> dict[int, str]:
    """What each sticker's code says, by the sticker's number on its sheet: looked at sticker by sticker."""
    found = {}
    for at in range(LAYOUTS[layout].count):
        for code in zxingcpp.read_barcodes(sticker(page, layout, at), formats=zxingcpp.BarcodeFormat.QRCode):
            assert at not in found
            found[at] = code.text
    return found


def serials(count: int) -> list[Label]:
    return [Label(f"{LINK}/21/{n:03}", "Dứa sấy dẻo 200 g", ("Lô SAY-2511",)) for n in range(1, count + 1)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_sticker_holds_its_own_code(layout: str) -> None:
    shape = LAYOUTS[layout]
    labels = serials(shape.count + 3)
    first, second = pages(sheets(labels, layout, used=2))
    links = [label.link for label in labels]
    assert read(first, layout) == dict(enumerate(links[: shape.count - 2], start=2))
    assert read(second, layout) == dict(enumerate(links[shape.count - 2 :]))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_stickers_lie_on_the_sheet_and_beside_each_other(layout: str) -> None:
    shape = LAYOUTS[layout]
    places = [shape.place(at) for at in range(shape.count)]
    for left, top in places:
        assert 0 <= left <= left + shape.width <= A4[0] + 0.01
        assert 0 <= top <= top + shape.height <= A4[1] + 0.01
    for at, (left, top) in enumerate(places):
        for other_left, other_top in places[:at]:
            assert abs(left - other_left) >= shape.width - 1e-6 or abs(top - other_top) >= shape.height - 1e-6


def test_words_from_outside_are_text_and_stay_on_their_sticker() -> None:
    labels = [Label(LINK, HOSTILE * 8, (HOSTILE * 4,) * 6), *serials(2)]
    pdf = sheets(labels, "a4-21")
    (page,) = pages(pdf)
    assert read(page, "a4-21") == {at: label.link for at, label in enumerate(labels)}
    said = pdfium.PdfDocument(pdf)[0].get_textpage().get_text_range()
    assert "#sys.version" in said
    assert "<b>*đậm*</b>" in said
    # Below the sticker that says too much is the next row's place, and nothing is printed there.
    assert sticker(page, "a4-21", 3).convert("L").getextrema() == (255, 255)


def test_the_same_labels_give_the_same_bytes() -> None:
    assert sheets(serials(2), "a4-14") == sheets(serials(2), "a4-14")


@pytest.mark.parametrize(
    ("rule", "labels", "layout", "used"),
    [
        ("label.layout", serials(1), "a3-1", 0),
        ("label.count", [], "a4-8", 0),
        ("label.count", [Label(LINK, "")] * (MAX_LABELS + 1), "a4-8", 0),
        ("label.used", serials(1), "a4-8", 8),
        ("label.used", serials(1), "a4-8", -1),
        ("label.too-small", [Label(f"{LINK}/21/{'7' * 60}", "")], "a4-65", 0),
        ("qr.too-large", [Label(f"{LINK}{'x' * 300}", "")], "a4-8", 0),
    ],
)
def test_what_cannot_be_printed_is_refused(rule: str, labels: list[Label], layout: str, used: int) -> None:
    with pytest.raises(FormatError) as refused:
        sheets(labels, layout, used=used)
    assert refused.value.rule == rule
