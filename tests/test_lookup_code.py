"""Lookup codes: what is typed wrong is noticed, what looks alike is read alike, and a code leads to its record."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import FormatError, VerificationError
from ledger.hashing import sha256
from ledger.lookup_code import (
    ALPHABET,
    BITS,
    LETTERS,
    LOOK_ALIKES,
    MAX_TYPED,
    SEPARATORS,
    code_of,
    grouped,
    matches,
    parse,
    prefix_of,
)

IDS = st.binary(min_size=32, max_size=32)
SAMPLES = [code_of(sha256(b"sample %d" % number)) for number in range(40)]


def slow_code(record_id: bytes) -> str:
    """The rule word for word, from the bits."""
    bits = "".join(f"{byte:08b}" for byte in record_id)[:53]
    number = int(bits, 2)
    letters = [ALPHABET[number // 29 ** (10 - at) % 29] for at in range(11)]
    for check in ALPHABET:
        total = sum((12 - at) * ALPHABET.index(letter) for at, letter in enumerate([*letters, check]))
        if total % 29 == 0:
            return "".join([*letters, check])
    raise AssertionError(number)


@given(IDS)
def test_the_code_is_the_one_of_the_rule(record_id: bytes) -> None:
    code = code_of(record_id)
    assert code == slow_code(record_id)
    assert (len(code), set(code) <= set(ALPHABET)) == (LETTERS, True)
    assert parse(code) == code
    assert prefix_of(code) == record_id[:6]
    assert matches(code, record_id)


def test_the_ends_of_the_range() -> None:
    assert code_of(bytes(32)) == "000000000000"
    assert code_of(b"\xff" * 32) == slow_code(b"\xff" * 32)


@given(IDS, st.integers(0, 255))
def test_the_first_53_bits_decide(record_id: bytes, bit: int) -> None:
    at, place = divmod(bit, 8)
    other = bytes(byte ^ (0x80 >> place) if n == at else byte for n, byte in enumerate(record_id))
    assert matches(code_of(record_id), other) == (bit >= BITS)
    if bit >= 48:
        assert prefix_of(code_of(other)) == prefix_of(code_of(record_id))


def test_the_alphabet_is_a_prime_of_letters_none_of_which_looks_like_another() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 29
    assert all(29 % divisor for divisor in range(2, 29))
    every = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert set(ALPHABET) | set(LOOK_ALIKES) == every
    assert set(LOOK_ALIKES).isdisjoint(ALPHABET)
    for pair in ("0O", "1I", "1L", "2Z", "5S", "8B", "VU"):
        assert pair[0] in ALPHABET
        assert LOOK_ALIKES[pair[1]] == pair[0]


@pytest.mark.parametrize("code", SAMPLES)
def test_every_wrong_letter_is_noticed(code: str) -> None:
    for at in range(LETTERS):
        for letter in set(ALPHABET) - {code[at]}:
            with pytest.raises(VerificationError) as caught:
                parse(code[:at] + letter + code[at + 1 :])
            assert caught.value.rule == "lookup-code.check"


@pytest.mark.parametrize("code", SAMPLES)
def test_every_two_letters_that_change_places_are_noticed(code: str) -> None:
    for one, two in combinations(range(LETTERS), 2):
        if code[one] != code[two]:
            letters = list(code)
            letters[one], letters[two] = letters[two], letters[one]
            with pytest.raises(VerificationError):
                parse("".join(letters))


@given(IDS, st.data())
def test_however_it_is_typed_it_is_the_same_code(record_id: bytes, data: st.DataObject) -> None:
    code = code_of(record_id)
    like = {right: [right, right.lower()] for right in ALPHABET}
    for odd, right in LOOK_ALIKES.items():
        like[right] += [odd, odd.lower()]
    typed = "".join(
        data.draw(st.sampled_from(["", "", *SEPARATORS])) + data.draw(st.sampled_from(like[letter]))
        for letter in code
    )
    assert parse(typed) == code
    assert parse(f" {grouped(code).lower()} ") == code


def test_how_it_is_printed() -> None:
    code = code_of(sha256(b"a paper"))
    assert grouped(code) == f"{code[:4]}-{code[4:8]}-{code[8:]}"


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ("", "lookup-code.length"),
        (SAMPLES[0][:-1], "lookup-code.length"),
        (SAMPLES[0] + "0", "lookup-code.length"),
        ("0" * (MAX_TYPED + 1), "lookup-code.length"),
        (SAMPLES[0][:-1] + "!", "lookup-code.letters"),
        (SAMPLES[0][:-1] + "\n", "lookup-code.letters"),
        ("ı" + SAMPLES[0][1:], "lookup-code.letters"),
        ("ſ" + SAMPLES[0][1:], "lookup-code.letters"),
        ("Đ" + SAMPLES[0][1:], "lookup-code.letters"),
        ("٣" + SAMPLES[0][1:], "lookup-code.letters"),
    ],
)
def test_what_no_code_looks_like(typed: str, rule: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(typed)
    assert caught.value.rule == rule


def test_a_number_that_no_record_has() -> None:
    letters = "Y" * 11
    weighted = sum((12 - at) * 28 for at in range(11))
    with pytest.raises(FormatError) as caught:
        parse(letters + ALPHABET[-weighted % 29])
    assert caught.value.rule == "lookup-code.range"


def test_only_a_record_id_has_a_code() -> None:
    for size in (0, 31, 33):
        with pytest.raises(FormatError) as caught:
            code_of(bytes(size))
        assert caught.value.rule == "lookup-code.record-id"


@given(st.text(max_size=70))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    letters = [letter for letter in text.upper() if letter.isascii() and letter.isalnum()]
    if len(letters) == LETTERS:
        return
    with pytest.raises(FormatError):
        parse(text)


def test_collisions_are_as_rare_as_the_specification_says() -> None:
    records = 10**8
    assert 80e6 < 2**BITS / records < 100e6
    assert 0.5 < records**2 / 2 / 2**BITS < 0.6
    assert 2**BITS < 29**11
