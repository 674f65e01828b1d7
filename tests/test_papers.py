"""Papers: what a certificate's sheet says, codes that cameras read, and stamps that break nothing."""

from __future__ import annotations

import contextlib
import io
import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

pytest.importorskip("typst", reason="pip install 'sogoc[papers]' to make papers")
pytest.importorskip("pypdf", reason="pip install 'sogoc[papers]' to make papers")
pdfium = pytest.importorskip("pypdfium2", reason="pip install 'sogoc[test]' to look at papers")
zxingcpp = pytest.importorskip("zxingcpp", reason="pip install 'sogoc[test]' to read codes")

import pypdf  # noqa: E402  after what may be missing
from hypothesis import given, settings  # noqa: E402  after what may be missing
from hypothesis import strategies as st  # noqa: E402
from PIL import Image  # noqa: E402
from pypdf.generic import DictionaryObject, NameObject, NumberObject  # noqa: E402

from api.certificates.schemas import Schema, schemas  # noqa: E402
from api.papers import typesetting  # noqa: E402
from api.papers.certificates import CertificatePaper, render  # noqa: E402
from api.papers.stamping import Stamp, stamp  # noqa: E402
from api.papers.typesetting import PaperError  # noqa: E402
from api.qr import parse_link  # noqa: E402
from ledger.claims import Claim, ClaimValue, FullClaims  # noqa: E402
from ledger.errors import FormatError  # noqa: E402
from ledger.lookup_code import code_of, grouped  # noqa: E402

RECORD_ID = bytes(range(32))
SITE = "https://so-goc.phuson.example"
ISSUED_MS = 1_741_910_400_000
HOSTILE = '<b>*đậm*</b> #sys.version $x$ \\ "]] `mã` \u202engược'


def claims_of(schema: Schema, **changed: ClaimValue) -> FullClaims:
    kinds: dict[str, ClaimValue] = {"date": "2025-03-14", "integer": 3, "boolean": True}
    values = {
        field.name: field.choices[0][0] if field.choices else kinds.get(field.kind, f"Giá trị {field.name}")
        for field in schema.fields
    }
    return FullClaims(tuple(Claim(name, value) for name, value in (values | changed).items()), bytes(32))


def paper_of(name: str = "ocop.1", **changed: ClaimValue) -> CertificatePaper:
    schema = schemas()[name]
    return CertificatePaper(
        schema=schema,
        claims=claims_of(schema, **changed),
        record_id=RECORD_ID,
        issuer="UBND phường Phú Sơn",
        origin="phuson.example/so-goc",
        site=SITE,
        issued_ms=ISSUED_MS,
        valid_from="2025-03-14",
        valid_until="2028-03-13",
    )


def pages_of(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def picture_of(pdf: bytes, page: int = 0, scale: float = 4) -> Image.Image:
    document = pdfium.PdfDocument(pdf)
    try:
        picture: Image.Image = document[page].render(scale=scale).to_pil()
        return picture
    finally:
        document.close()


def codes_in(picture: Image.Image) -> list[str]:
    return sorted(code.text for code in zxingcpp.read_barcodes(picture))


@pytest.mark.parametrize("name", sorted(schemas()))
def test_every_schema_s_paper_is_one_sheet_that_says_all(name: str) -> None:
    paper = paper_of(name)
    (text,) = pages_of(render(paper))
    flat = " ".join(text.split())
    assert paper.schema.label.vietnamese.upper() in flat
    for field in paper.schema.fields:
        value = next(claim.value for claim in paper.claims.claims if claim.name == field.name)
        assert field.shown(value) in flat
    assert grouped(code_of(RECORD_ID)) in flat
    for said in (
        "UBND phường Phú Sơn",
        "phuson.example/so-goc",
        SITE,
        "14/03/2025",
        "13/03/2028",
        "Ngày 14 tháng 03 năm 2025",
    ):
        assert said in flat


def test_both_codes_are_read_by_a_camera() -> None:
    compact = secrets.token_bytes(1_800)
    picture = picture_of(render(replace(paper_of(), compact=compact)))
    links = [parse_link(text) for text in codes_in(picture)]
    assert {link.code for link in links if link.code} == {code_of(RECORD_ID)}
    assert [link.compact for link in links if link.compact is not None] == [compact]


def test_a_receipt_too_large_for_a_code_is_left_out_and_the_everyday_code_stays() -> None:
    picture = picture_of(render(replace(paper_of(), compact=secrets.token_bytes(2_600))))
    (link,) = [parse_link(text) for text in codes_in(picture)]
    assert link.code == code_of(RECORD_ID)


def test_markup_in_a_claim_is_only_text() -> None:
    text = " ".join(pages_of(render(paper_of(san_pham=HOSTILE)))[0].split())
    for piece in ("<b>*đậm*</b>", "#sys.version", "$x$", "`mã`"):
        assert piece in text


def test_an_empty_claim_takes_no_line() -> None:
    assert "Nhóm sản phẩm" not in pages_of(render(paper_of(nhom=None)))[0]


def test_the_same_paper_is_the_same_bytes() -> None:
    assert render(paper_of()) == render(paper_of())
    assert render(paper_of()) != render(paper_of(san_pham="khác"))


def test_a_sheet_s_hash_lets_nobody_try_out_claims() -> None:
    paper = paper_of()
    other = replace(paper, claims=FullClaims(paper.claims.claims, b"\1" * 32))
    assert pages_of(render(paper)) == pages_of(render(other))
    assert render(paper) != render(other)
    assert stamped(bytes_of(sheet())) != stamped(bytes_of(sheet()))


def test_the_longest_values_break_no_sheet() -> None:
    paper = paper_of(san_pham="Dứa " * 50, dia_chi="đường " * 50, chu_the="x" * 200)
    assert "Dứa Dứa" in " ".join(" ".join(pages_of(render(paper))).split())


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=120))
def test_any_text_makes_a_paper(text: str) -> None:
    assert render(paper_of(san_pham=text)).startswith(b"%PDF-")


def test_a_site_that_no_code_holds_is_named() -> None:
    with pytest.raises(FormatError) as caught:
        render(replace(paper_of(), site="phuson"))
    assert caught.value.rule == "qr.site"


# --- stamps ---------------------------------------------------------------------------------------------------------

STAMP = Stamp(code_of(RECORD_ID), SITE, "phuson.example/so-goc", "UBND phường Phú Sơn")


def sheet(*, width: float = 595, height: float = 842, pages: int = 2, turned: int = 0) -> pypdf.PdfWriter:
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width, height).rotate(turned)
    return writer


def bytes_of(writer: pypdf.PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def stamped(pdf: bytes) -> bytes:
    return stamp(pdf, STAMP, time_s=ISSUED_MS // 1000)


def rule_of(pdf: bytes) -> str:
    with pytest.raises(PaperError) as caught:
        stamped(pdf)
    return caught.value.rule


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize(("width", "height"), [(595, 842), (842, 595), (420, 298)])
def test_the_stamp_stands_at_the_bottom_left_as_the_page_is_seen(
    width: float, height: float, turned: int
) -> None:
    made = stamped(bytes_of(sheet(width=width, height=height, turned=turned)))
    assert len(pages_of(made)) == 2
    assert codes_in(picture_of(made, 0)) == []
    picture = picture_of(made, 1)
    (code,) = zxingcpp.read_barcodes(picture)
    assert parse_link(code.text).code == STAMP.code
    assert code.position.bottom_left.x < picture.width / 4
    assert code.position.top_left.y > picture.height / 2
    assert abs(code.orientation) < 5
    assert grouped(STAMP.code) in " ".join(pages_of(made)[1].split())


def test_a_page_whose_origin_is_elsewhere() -> None:
    writer = sheet(pages=1)
    for box in ("/MediaBox", "/CropBox"):
        writer.pages[0][NameObject(box)] = pypdf.generic.RectangleObject((100, 200, 695, 1042))
    assert len(codes_in(picture_of(stamped(bytes_of(writer))))) == 1


def test_what_was_on_the_page_stays() -> None:
    base = render(paper_of())
    made = stamped(base)
    before, after = pages_of(base)[0], pages_of(made)[0]
    assert before.split()[:40] == after.split()[:40]
    assert made != base


def signed_sheet() -> bytes:
    writer = sheet()
    form = DictionaryObject({NameObject("/SigFlags"): NumberObject(3)})
    writer.root_object[NameObject("/AcroForm")] = form
    return bytes_of(writer)


def test_what_a_stamp_would_break_or_cannot_go_on_is_refused() -> None:
    assert rule_of(signed_sheet()) == "paper.signed"
    locked = sheet()
    locked.encrypt("mật khẩu", algorithm="AES-256")
    assert rule_of(bytes_of(locked)) == "paper.encrypted"
    assert rule_of(bytes_of(sheet(width=100, height=100))) == "paper.page"
    for junk in (b"", b"Xin chao", b"%PDF-1.7\n", bytes(1_000)):
        assert rule_of(junk) == "paper.unreadable"


def test_a_size_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.papers.stamping.MAX_BYTES", 10)
    assert rule_of(bytes_of(sheet())) == "paper.size"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_damaged_pdf_is_stamped_or_named(at: int, value: int) -> None:
    data = bytearray(bytes_of(sheet(pages=1)))
    data[at % len(data)] = value
    with contextlib.suppress(PaperError):
        assert stamped(bytes(data)).startswith(b"%PDF-")


@pytest.fixture
def without_typst(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    typesetting._typst.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "typst", None)
    yield
    typesetting._typst.cache_clear()


@pytest.mark.usefixtures("without_typst")
def test_without_the_extra_it_is_said_how_to_get_it() -> None:
    with pytest.raises(PaperError) as caught:
        render(paper_of())
    assert caught.value.rule == "paper.extra"
    assert "sogoc[papers]" in caught.value.detail
