"""Signed notes: what is read, what is refused and by which rule, and that nothing has two spellings."""

from __future__ import annotations

import base64
import contextlib
import hashlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger import note as notes
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.keys import SigningKey
from ledger.note import LOG_KEY, Note, NoteSignature, VerifierKey

# The example of c2sp.org/signed-note; its signature line shows a key that is not ours to check.
EXAMPLE = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""

TEXT = "sổ gốc\n\nline two\n"
NAME = "phuson.example/so-goc"
KEYS = tuple(SigningKey.from_seed(bytes([number]) * 32) for number in range(4))
VKEYS = tuple(VerifierKey(NAME, LOG_KEY, key.public_key) for key in KEYS)

# Unicode's White_Space, from PropList.txt.
SPACES = (
    *range(0x09, 0x0E),
    *(0x20, 0x85, 0xA0, 0x1680),
    *range(0x2000, 0x200B),
    *(0x2028, 0x2029, 0x202F, 0x205F, 0x3000),
)

# Any Unicode but surrogates, and but the control characters that the format refuses.
allowed_characters = st.characters(exclude_categories=["Cs"]).filter(lambda c: c >= " ")
texts = st.lists(st.text(allowed_characters, max_size=20), min_size=1, max_size=6).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)
names = st.text(
    allowed_characters.filter(lambda c: c != "+" and ord(c) not in SPACES), min_size=1, max_size=20
)
signatures = st.builds(
    NoteSignature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=100)
)
notes_ = st.builds(Note, texts, st.lists(signatures, min_size=1, max_size=8).map(tuple))
verifier_keys = st.builds(
    VerifierKey, names, st.sampled_from([0x01, 0x04]), st.binary(min_size=32, max_size=32)
) | st.builds(VerifierKey, names, st.just(0x06), st.binary(min_size=1312, max_size=1312))


def signed(*keys: SigningKey, text: str = TEXT) -> str:
    return notes.format(Note(text, tuple(notes.sign_log(text, NAME, key) for key in keys)))


def refused(data: str | bytes) -> str:
    with pytest.raises(FormatError) as caught:
        notes.parse(data)
    return caught.value.rule


def test_the_published_example_is_read_and_written_back() -> None:
    note = notes.parse(EXAMPLE)
    assert note.text == EXAMPLE[: EXAMPLE.rindex("\n\n") + 1]
    (signature,) = note.signatures
    assert signature.name == "quasimodo.example/salvatore"
    assert signature.key_id.hex() == "367ba04b"
    assert len(signature.signature) == 64
    assert notes.format(note) == EXAMPLE
    assert notes.parse(EXAMPLE.encode()) == note


@given(notes_)
def test_round_trip(note: Note) -> None:
    full = notes.format(note)
    assert notes.parse(full) == note
    assert notes.parse(full.encode()) == note


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_whatever_is_read_is_written_back_the_same(data: str | bytes) -> None:
    try:
        note = notes.parse(data)
    except FormatError:
        return
    assert notes.format(note) == (data if isinstance(data, str) else data.decode())


@given(notes_, st.data())
def test_a_changed_note_is_refused_or_reads_as_another(note: Note, data: st.DataObject) -> None:
    full = notes.format(note).encode()
    place = data.draw(st.integers(0, len(full) - 1))
    changed = full[:place] + data.draw(st.binary(max_size=2)) + full[place + 1 :]
    try:
        other = notes.parse(changed)
    except FormatError:
        return
    assert notes.format(other).encode() == changed


LINE = "— a.example AAAAAAA=\n"


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ("note.no-signatures", ""),
        ("note.no-signatures", "text\n"),
        ("note.no-signatures", "text\n\n"),
        ("note.no-signatures", "text\n" + LINE),
        ("note.no-final-newline", "text\n\n" + LINE[:-1]),
        ("note.signature-line", "text\n\n- a.example AAAAAAA=\n"),
        ("note.signature-line", "text\n\n—a.example AAAAAAA=\n"),
        ("note.signature-line", "text\n\n\u2013 a.example AAAAAAA=\n"),
        ("note.signature-line", "text\n\n— a.example AAAAAAA= \n"),
        ("note.signature-line", "text\n\n—  a.example AAAAAAA=\n"),
        ("note.signature-line", "text\n\n— a.example\n"),
        ("note.signature-line", "text\n\n " + LINE),
        ("note.signature-line", "text\n\nwords\n" + LINE),
        ("note.key-name", "text\n\n—  AAAAAAA=\n"),
        ("note.key-name", "text\n\n— a+b AAAAAAA=\n"),
        ("note.key-name", "text\n\n— a\u00a0b AAAAAAA=\n"),
        ("note.signature", "text\n\n— a.example \n"),
        ("note.signature", "text\n\n— a.example AAAA\n"),
        ("note.signature", "text\n\n— a.example AAAAAA==\n"),
        ("note.signature-base64", "text\n\n— a.example AAAAAAB=\n"),
        ("note.signature-base64", "text\n\n— a.example AAAAAAA\n"),
        ("note.signature-base64", "text\n\n— a.example AAAAAAA==\n"),
        ("note.signature-base64", "text\n\n— a.example AAAA_AA=\n"),
        ("note.signature-base64", "text\n\n— a.example AA=AAAA=\n"),
        ("note.signature-base64", "text\n\n— a.example AAAAAAé=\n"),
        ("note.control-character", "te\txt\n\n" + LINE),
        ("note.control-character", "text\r\n\n" + LINE),
        ("note.control-character", "te\0xt\n\n" + LINE),
        ("note.control-character", "text\n\n" + LINE[:-1] + "\r\n"),
        ("note.not-utf-8", b"te\xffxt\n\n" + LINE.encode()),
        ("note.not-utf-8", b"te\xed\xa0\x80xt\n\n" + LINE.encode()),
        ("note.not-utf-8", "te\ud800xt\n\n" + LINE),
        ("note.too-large", "é" * 500_001),
        ("note.too-large", b"x" * 1_000_001),
        ("note.too-many-signatures", "text\n\n" + LINE * 65),
        ("note.too-many-signatures", "text\n\n" + LINE * 40_000),
    ],
)
def test_malformed_notes_are_refused_by_name(rule: str, data: str | bytes) -> None:
    assert refused(data) == rule
    if isinstance(data, str) and "\ud800" not in data:
        assert refused(data.encode()) == rule


@pytest.mark.parametrize("code", [code for code in range(0x20) if code != 0x0A])
def test_every_control_character_but_newline_is_refused(code: int) -> None:
    assert refused(f"te{chr(code)}xt\n\n{LINE}") == "note.control-character"


def test_del_and_c1_controls_are_allowed_as_the_format_says() -> None:
    assert notes.parse(f"te\x7f\x80xt\n\n{LINE}").text == "te\x7f\x80xt\n"


def test_64_signatures_are_read_and_an_empty_first_line_is_text() -> None:
    assert len(notes.parse("text\n\n" + LINE * 64).signatures) == 64
    assert notes.parse("\n\n" + LINE).text == "\n"
    assert refused("\n" + LINE) == "note.no-signatures"


@pytest.mark.parametrize("code", SPACES)
def test_no_unicode_space_is_part_of_a_name(code: int) -> None:
    with pytest.raises(FormatError) as caught:
        notes.check_key_name(f"a{chr(code)}b")
    assert caught.value.rule == "note.key-name"


@pytest.mark.parametrize("name", ["", "a+b", "a b", "\x00", "a\x1fb", "\ud800"])
def test_bad_names_are_refused_everywhere(name: str) -> None:
    for attempt in (
        lambda: notes.check_key_name(name),
        lambda: VerifierKey(name, LOG_KEY, bytes(32)),
        lambda: notes.sign_log(TEXT, name, KEYS[0]),
        lambda: notes.format(Note(TEXT, (NoteSignature(name, bytes(4), b"x"),))),
    ):
        with pytest.raises(FormatError) as caught:
            attempt()
        assert caught.value.rule == "note.key-name"


def test_signing_and_verifying() -> None:
    note = notes.parse(signed(KEYS[1], KEYS[0], KEYS[1]))
    assert notes.verify(note, VKEYS) == (VKEYS[1], VKEYS[0])
    assert notes.verify(note, VKEYS[:1]) == (VKEYS[0],)
    with pytest.raises(CannotTellError) as caught:
        notes.verify(note, VKEYS[2:])
    assert caught.value.rule == "note.no-known-key"


def test_a_signature_by_an_unknown_key_is_kept_and_ignored() -> None:
    strange = NoteSignature(NAME, b"\xff\xff\xff\xff", b"what is this")
    same_id_other_name = NoteSignature("other.example", VKEYS[0].key_id, b"what is this")
    good = notes.sign_log(TEXT, NAME, KEYS[0])
    note = notes.parse(notes.format(Note(TEXT, (strange, same_id_other_name, good))))
    assert note.signatures == (strange, same_id_other_name, good)
    assert notes.verify(note, VKEYS) == (VKEYS[0],)


def test_a_wrong_signature_by_a_known_key_spoils_the_note() -> None:
    good, other = notes.sign_log(TEXT, NAME, KEYS[0]), notes.sign_log("other\n", NAME, KEYS[1])
    for order in ((good, other), (other, good)):
        with pytest.raises(VerificationError) as caught:
            notes.verify(Note(TEXT, order), VKEYS)
        assert caught.value.rule == "signature.mismatch"
    short = NoteSignature(NAME, VKEYS[1].key_id, bytes(63))
    with pytest.raises(VerificationError) as caught:
        notes.verify(Note(TEXT, (good, short)), VKEYS)
    assert caught.value.rule == "note.signature-size"
    # Unknown to this verifier, it would not matter.
    notes.verify(Note(TEXT, (good, other, short)), VKEYS[:1])


def test_a_signature_is_only_checked_under_the_key_it_names() -> None:
    signature = notes.sign_log(TEXT, NAME, KEYS[0])
    notes.verify_log_signature(TEXT, signature, VKEYS[0])
    for key in (
        VKEYS[1],
        VerifierKey("other", LOG_KEY, KEYS[0].public_key),
        VerifierKey(NAME, 4, KEYS[0].public_key),
    ):
        with pytest.raises(VerificationError) as caught:
            notes.verify_log_signature(TEXT, signature, key)
        assert caught.value.rule == "note.wrong-key"


@pytest.mark.parametrize("text", ["", "text", "te\0xt\n", "te\txt\n", "\ud800\n"])
def test_what_cannot_be_a_text_is_not_signed(text: str) -> None:
    with pytest.raises(FormatError):
        notes.sign_log(text, NAME, KEYS[0])


@pytest.mark.parametrize(
    "note",
    [
        Note(TEXT, ()),
        Note(TEXT, (NoteSignature("a", bytes(4), b"x"),) * 65),
        Note(TEXT, (NoteSignature("a", bytes(3), b"x"),)),
        Note(TEXT, (NoteSignature("a", bytes(4), b""),)),
        Note("text", (NoteSignature("a", bytes(4), b"x"),)),
        Note("x" * 1_000_000 + "\n", (NoteSignature("a", bytes(4), b"x"),)),
    ],
)
def test_what_would_not_read_back_is_not_written(note: Note) -> None:
    with pytest.raises(FormatError):
        notes.format(note)


@given(verifier_keys)
def test_vkey_round_trip(key: VerifierKey) -> None:
    assert VerifierKey.parse(key.vkey) == key
    digest = hashlib.sha256(key.name.encode() + b"\n" + bytes([key.type]) + key.public_key).digest()
    assert key.key_id == digest[:4]


def test_a_published_vkey_is_read() -> None:
    """The log key of golang.org's checksum database, as every Go installation carries it."""
    key = VerifierKey.parse("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
    assert (key.name, key.type, key.key_id.hex()) == ("sum.golang.org", 1, "033de0ae")


GOOD = VKEYS[0].vkey


@pytest.mark.parametrize(
    ("rule", "vkey"),
    [
        ("note.vkey", ""),
        ("note.vkey", NAME),
        ("note.vkey", GOOD.replace("+", "-")),
        ("note.vkey", GOOD.rsplit("+", 1)[0]),
        ("note.vkey", GOOD + "="),
        ("note.vkey", GOOD + " "),
        ("note.vkey", GOOD.rsplit("+", 1)[0] + "+"),
        ("note.key-name", GOOD[len(NAME) :]),
        ("note.key-name", "a b" + GOOD[len(NAME) :]),
        ("note.vkey-id", "other" + GOOD[len(NAME) :]),
        ("note.vkey-id", GOOD.replace(VKEYS[0].key_id.hex(), VKEYS[0].key_id.hex().upper())),
        ("note.vkey-id", GOOD.replace(VKEYS[0].key_id.hex(), "0" + VKEYS[0].key_id.hex())),
        ("note.key-size", f"a+00000000+{base64.b64encode(bytes([1]) + bytes(31)).decode()}"),
        ("note.key-size", f"a+00000000+{base64.b64encode(bytes([4]) + bytes(33)).decode()}"),
        ("note.key-size", f"a+00000000+{base64.b64encode(bytes([6]) + bytes(32)).decode()}"),
    ],
)
def test_malformed_vkeys_are_refused_by_name(rule: str, vkey: str) -> None:
    assert VKEYS[0].key_id.hex().upper() != VKEYS[0].key_id.hex()
    with pytest.raises(FormatError) as caught:
        VerifierKey.parse(vkey)
    assert caught.value.rule == rule


@pytest.mark.parametrize("key_type", [0x00, 0x02, 0x03, 0x05, 0x07, 0xFF])
def test_an_unknown_type_is_cannot_tell(key_type: int) -> None:
    vkey = f"a+00000000+{base64.b64encode(bytes([key_type]) + bytes(32)).decode()}"
    with pytest.raises(CannotTellError) as caught:
        VerifierKey.parse(vkey)
    assert caught.value.rule == "note.unknown-key-type"


@given(st.text(max_size=80))
def test_a_vkey_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(LedgerError):
        assert VerifierKey.parse(text).vkey == text


@given(st.binary(max_size=60), st.text("ABab01+/=_-\n ", max_size=8), st.integers(0, 80))
def test_base64_has_one_spelling(data: bytes, noise: str, place: int) -> None:
    text = notes.encode_base64(data)
    assert text == base64.b64encode(data).decode()
    assert notes.decode_base64(text, "x") == data
    changed = text[:place] + noise + text[place:]
    assume(changed != text)
    with contextlib.suppress(FormatError):
        assert notes.encode_base64(notes.decode_base64(changed, "x")) == changed
