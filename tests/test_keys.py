"""The signature rule: what every node must accept and refuse alike, whichever library it was built with."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import keys
from ledger.errors import FormatError, LedgerError, VerificationError
from tests import edwards

MESSAGE = b"sogoc/v1/entry\x00one entry"
SECRET = 0x1F3A5C7E9B2D4F60718293A4B5C6D7E8F90A1B2C3D4E5F60718293A4B5C6D7E % edwards.L
HONEST = edwards.multiply(SECRET, edwards.BASE)
HONEST_KEY = edwards.compress(HONEST)
TORSION = edwards.torsion()

Case = tuple[str, bytes, bytes, str | None]
"""What it is, the public key, the signature over MESSAGE, and the rule that refuses it (None: it is valid)."""


def rule_of(public_key: bytes, signature: bytes, message: bytes = MESSAGE) -> str | None:
    """The rule by which `verify` refuses, or None if it accepts."""
    try:
        keys.verify(public_key, signature, message)
    except VerificationError as error:
        return error.rule
    return None


def with_challenge(public_key: bytes, wanted: int) -> bytes:
    """A signature by the honest scalar whose challenge is `wanted` mod 8: the part of k that torsion in A can see."""
    nonce = 1
    while True:
        signature = edwards.sign(SECRET, public_key, MESSAGE, nonce)
        if edwards.challenge(signature[:32], public_key, MESSAGE) % 8 == wanted:
            return signature
        nonce += 1


def order(point: edwards.Point) -> int:
    """The order of a torsion point."""
    return next(k for k in (1, 2, 4, 8) if edwards.multiply(k, point) == edwards.IDENTITY)


def make_edge_cases() -> Iterator[Case]:
    """Every way of leaving the narrow path that a forger has, and its narrow side."""
    honest = edwards.sign(SECRET, HONEST_KEY, MESSAGE, 7)
    yield "honest", HONEST_KEY, honest, None
    for number, point in enumerate(TORSION[1:], start=1):
        mixed = edwards.sign(SECRET, HONEST_KEY, MESSAGE, 7, point)
        yield f"R with torsion point {number}", HONEST_KEY, mixed, "signature.mismatch"
        mixed_key = edwards.compress(edwards.add(HONEST, point))
        for wanted in range(8):
            # A key outside the subgroup makes valid signatures where the challenge cancels its torsion: by this rule,
            # as by every cofactorless one. Registration keeps such keys out.
            expected = None if wanted % order(point) == 0 else "signature.mismatch"
            signature = with_challenge(mixed_key, wanted)
            yield f"A with torsion point {number}, k = {wanted} mod 8", mixed_key, signature, expected
        both = edwards.sign(SECRET, mixed_key, MESSAGE, 7, point)
        yield f"A and R with torsion point {number}", mixed_key, both, by_the_twin(mixed_key, both)
    s = int.from_bytes(honest[32:], "little")
    for times in range(1, 16):
        larger = honest[:32] + (s + times * edwards.L).to_bytes(32, "little")
        yield f"S + {times}L", HONEST_KEY, larger, "signature.s-not-canonical"
    for value in (edwards.L, edwards.L + 1, 2**253 - 1, 2**255, 2**256 - 1):
        yield (
            f"S = {value}",
            HONEST_KEY,
            honest[:32] + value.to_bytes(32, "little"),
            "signature.s-not-canonical",
        )
    yield "S = L - 1", HONEST_KEY, honest[:32] + (edwards.L - 1).to_bytes(32, "little"), "signature.mismatch"
    yield "S = 0", HONEST_KEY, honest[:32] + bytes(32), "signature.mismatch"
    for encoded in sorted(keys.SMALL_ORDER_ENCODINGS):
        point = edwards.decompress(encoded) or edwards.IDENTITY
        # Signed with the scalar 0: valid under any equation whenever the challenge cancels the torsion.
        nonce = 1
        while True:
            signature = edwards.sign(0, encoded, MESSAGE, nonce)
            if edwards.challenge(signature[:32], encoded, MESSAGE) % order(point) == 0:
                break
            nonce += 1
        yield f"A = {encoded.hex()}", encoded, signature, "signature.key-small-order"
        signature = edwards.sign(SECRET, HONEST_KEY, MESSAGE, 0, r=encoded)
        yield f"R = {encoded.hex()}", HONEST_KEY, signature, "signature.r-small-order"
    for y, sign_bit in product(range(edwards.P, 2**255), (0, 1)):
        encoded = (y | sign_bit << 255).to_bytes(32, "little")
        signature = edwards.sign(0, encoded, MESSAGE, 5)
        yield f"A with y = p + {y - edwards.P}", encoded, signature, "signature.key-not-canonical"
        signature = edwards.sign(SECRET, HONEST_KEY, MESSAGE, 0, r=encoded)
        yield f"R with y = p + {y - edwards.P}", HONEST_KEY, signature, "signature.r-not-canonical"
    off_curve = (2).to_bytes(32, "little")
    assert edwards.decompress(off_curve) is None
    yield "A not on the curve", off_curve, edwards.sign(0, off_curve, MESSAGE, 5), "signature.mismatch"
    yield "R not on the curve", HONEST_KEY, off_curve + honest[32:], "signature.mismatch"


def by_the_twin(public_key: bytes, signature: bytes) -> str | None:
    return None if edwards.verify_by_the_rule(public_key, signature, MESSAGE) else "signature.mismatch"


@cache
def edge_cases() -> tuple[Case, ...]:
    return tuple(make_edge_cases())


LIBRARIES = {"libsodium": keys._libsodium_equation, "openssl": keys._openssl_equation}


@pytest.fixture(params=sorted(LIBRARIES))
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test once with each library computing the last rule."""
    name = str(request.param)
    monkeypatch.setattr(keys, "_equation", lambda: LIBRARIES[name])
    return name


def test_edge_cases_get_the_same_verdict_and_rule_from_both_libraries(library: str) -> None:
    wrong = [
        (what, expected, got)
        for what, public_key, signature, expected in edge_cases()
        if (got := rule_of(public_key, signature)) != expected
    ]
    assert not wrong, library


def test_the_expected_verdicts_are_those_of_the_rule_spelled_out() -> None:
    wrong = [
        what
        for what, public_key, signature, expected in edge_cases()
        if edwards.verify_by_the_rule(public_key, signature, MESSAGE) != (expected is None)
    ]
    assert not wrong


def test_the_edge_cases_tell_the_two_equations_apart() -> None:
    """Else this file would pass with a library that computes the wrong one."""
    only_cofactored = [
        what
        for what, public_key, signature, expected in edge_cases()
        if expected == "signature.mismatch" and edwards.verify_cofactored(public_key, signature, MESSAGE)
    ]
    assert len(only_cofactored) > 30


def test_openssl_alone_accepts_small_order_so_the_byte_checks_are_needed() -> None:
    accepted = [
        expected
        for _, public_key, signature, expected in edge_cases()
        if expected is not None and keys._openssl_equation(public_key, signature, MESSAGE)
    ]
    assert "signature.key-small-order" in accepted
    assert "signature.r-small-order" in accepted


@pytest.mark.parametrize(
    ("seed", "public_key", "message", "signature"),
    [
        # RFC 8032 §7.1, tests 1 to 3.
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ],
)
def test_rfc_8032_vectors(library: str, seed: str, public_key: str, message: str, signature: str) -> None:
    key = keys.SigningKey.from_seed(bytes.fromhex(seed))
    assert key.public_key.hex() == public_key
    assert key.sign(bytes.fromhex(message)).hex() == signature
    keys.verify(key.public_key, bytes.fromhex(signature), bytes.fromhex(message))


def test_a_cofactored_libsodium_is_found_out_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_libsodium_equation", edwards.verify_cofactored)
    keys._equation.cache_clear()
    try:
        assert keys.equation_library() == "openssl"
        wrong = [what for what, key, signature, rule in edge_cases() if rule_of(key, signature) != rule]
    finally:
        keys._equation.cache_clear()
    assert not wrong


def test_the_probes_are_valid_for_the_cofactored_equation_only() -> None:
    assert len(keys._PROBES) == 2
    for public_key, signature in keys._PROBES:
        assert edwards.verify_cofactored(public_key, signature, keys._PROBE_MESSAGE)
        assert not edwards.verify_by_the_rule(public_key, signature, keys._PROBE_MESSAGE)
        assert rule_of(public_key, signature, keys._PROBE_MESSAGE) == "signature.mismatch"


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300), place=st.integers(0, 63))
def test_a_signature_is_valid_until_any_byte_changes(seed: bytes, message: bytes, place: int) -> None:
    key = keys.SigningKey.from_seed(seed)
    signature = key.sign(message)
    for equation in LIBRARIES.values():
        assert equation(key.public_key, signature, message)
    keys.verify(key.public_key, signature, message)
    changed = bytearray(signature)
    changed[place] ^= 1 << place % 8
    assert rule_of(key.public_key, bytes(changed), message)
    assert rule_of(key.public_key, signature, message + b"\0") == "signature.mismatch"
    other = bytearray(key.public_key)
    other[place // 2] ^= 1 << place % 8
    assert rule_of(bytes(other), signature, message)


@given(public_key=st.binary(min_size=32, max_size=32), signature=st.binary(min_size=64, max_size=64))
def test_random_bytes_get_one_verdict_from_both_libraries(public_key: bytes, signature: bytes) -> None:
    verdicts = {equation(public_key, signature, MESSAGE) for equation in LIBRARIES.values()}
    assert verdicts == {False}
    assert rule_of(public_key, signature)


@pytest.mark.parametrize(
    ("key_size", "signature_size"), [(31, 64), (33, 64), (0, 64), (32, 63), (32, 65), (32, 0)]
)
def test_wrong_sizes_are_refused(key_size: int, signature_size: int) -> None:
    assert rule_of(bytes([9] * key_size), bytes([9] * signature_size)) == "signature.size"


def check_rule(public_key: bytes) -> str | None:
    try:
        keys.check_public_key(public_key)
    except VerificationError as error:
        return error.rule
    return None


def test_registration_admits_honest_keys() -> None:
    for number in range(20):
        assert check_rule(keys.SigningKey.from_seed(bytes([number] * 32)).public_key) is None
    assert check_rule(HONEST_KEY) is None


@pytest.mark.parametrize("encoded", sorted(keys.SMALL_ORDER_ENCODINGS), ids=bytes.hex)
def test_registration_refuses_small_order(encoded: bytes) -> None:
    assert check_rule(encoded) == "key.small-order"


def test_the_list_of_small_order_is_complete() -> None:
    """All canonical-y encodings of the eight torsion points, computed the slow way."""
    expected = set()
    for x, y in TORSION:
        for sign_bit in (0, 1):
            encoded = (y | sign_bit << 255).to_bytes(32, "little")
            if x == 0 or edwards.decompress(encoded) == (x, y):
                expected.add(encoded)
    assert expected == keys.SMALL_ORDER_ENCODINGS
    assert len(expected) == 10


@pytest.mark.parametrize("number", range(1, 8))
def test_registration_refuses_keys_outside_the_subgroup(number: int) -> None:
    mixed = edwards.compress(edwards.add(HONEST, TORSION[number]))
    assert check_rule(mixed) == "key.not-in-subgroup"


@pytest.mark.parametrize("sign_bit", [0, 1])
@pytest.mark.parametrize("y", range(edwards.P, 2**255), ids=lambda y: f"p+{y - edwards.P}")
def test_registration_refuses_a_y_of_p_or_more(y: int, sign_bit: int) -> None:
    assert check_rule((y | sign_bit << 255).to_bytes(32, "little")) == "key.not-canonical"


@pytest.mark.parametrize("size", [0, 31, 33])
def test_registration_refuses_other_sizes(size: int) -> None:
    assert check_rule(bytes(size)) == "key.size"


def test_registration_refuses_what_is_not_on_the_curve() -> None:
    assert check_rule((2).to_bytes(32, "little")) == "key.not-in-subgroup"


def test_a_seed_has_32_bytes() -> None:
    with pytest.raises(FormatError) as caught:
        keys.SigningKey.from_seed(bytes(31))
    assert caught.value.rule == "key.seed-size"


def test_a_private_key_does_not_show_itself() -> None:
    key = keys.SigningKey.from_seed(bytes(range(32)))
    assert key.seed == bytes(range(32))
    for text in (repr(key), str(key), f"{key}"):
        assert key.public_key.hex() in text
        assert key.seed.hex() not in text
    attempts: list[Callable[[], object]] = [lambda: pickle.dumps(key), lambda: copy.copy(key)]
    for attempt in attempts:
        with pytest.raises(TypeError, match="not pickled"):
            attempt()


def test_errors_are_the_library_s_own() -> None:
    with pytest.raises(LedgerError, match=r"\[signature\.mismatch\]$"):
        keys.verify(HONEST_KEY, edwards.sign(SECRET, HONEST_KEY, MESSAGE, 7), b"another message")
