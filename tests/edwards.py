"""Tiny Edwards25519 arithmetic for tests: slow, not constant time, never to be used with a secret that matters.

It exists to make what no signing library will make: signatures whose points lie outside the prime-order subgroup, and
keys of small or mixed order. It follows RFC 8032 §5.1 and is written to be read.

What it does not do: sign anything real, hide timing, or serve as the verifier under test.
"""

from __future__ import annotations

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    """Sum of two points (the complete addition law; RFC 8032 §5.1.4 in affine form)."""
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P
    return x, y


def negate(a: Point) -> Point:
    """The point that sums with `a` to the identity."""
    return -a[0] % P, a[1]


def multiply(k: int, a: Point) -> Point:
    """`k` times `a` for any non-negative `k`, not reduced by the group order (torsion must survive).

    The law of `add` with the divisions put off to the end (x = X/Z, y = Y/Z): there, each takes most of the time.
    """
    x1, y1, z1 = 0, 1, 1
    x2, y2 = a
    for bit in reversed(range(k.bit_length())):
        x1, y1, z1 = _add_fractions(x1, y1, z1, x1, y1, z1)
        if k >> bit & 1:
            x1, y1, z1 = _add_fractions(x1, y1, z1, x2, y2, 1)
    inverse = pow(z1, -1, P)
    return x1 * inverse % P, y1 * inverse % P


def _add_fractions(x1: int, y1: int, z1: int, x2: int, y2: int, z2: int) -> tuple[int, int, int]:
    z = z1 * z2 % P
    square = z * z % P
    t = D * x1 * x2 % P * y1 * y2 % P
    minus, plus = square - t, square + t
    x = z * minus % P * (x1 * y2 + x2 * y1) % P
    y = z * plus % P * (y1 * y2 + x1 * x2) % P
    return x, y, minus * plus % P


def recover_x(y: int, sign: int) -> int | None:
    """The x for a y and a sign bit (RFC 8032 §5.1.3), but with "negative zero" read as zero; None if no point."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    return -x % P if x & 1 != sign else x


def compress(a: Point) -> bytes:
    """The canonical 32-byte encoding of a point (RFC 8032 §5.1.2)."""
    return (a[1] | (a[0] & 1) << 255).to_bytes(32, "little")


def decompress(data: bytes) -> Point | None:
    """The point of 32 bytes, reducing a y of p or more (so lenient on purpose); None where there is no such point."""
    number = int.from_bytes(data, "little")
    y = number % 2**255 % P
    x = recover_x(y, number >> 255)
    return None if x is None else (x, y)


_BASE_Y = 4 * pow(5, -1, P) % P
BASE: Point = (recover_x(_BASE_Y, 0) or 0, _BASE_Y)


def torsion() -> list[Point]:
    """The eight points of small order: all multiples of one point of order eight."""
    y = 2
    while True:
        x = recover_x(y, 0)
        if x is not None:
            generator = multiply(L, (x, y))
            points = [multiply(k, generator) for k in range(8)]
            if len(set(points)) == 8:
                return points
        y += 1


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    """SHA-512(R ‖ A ‖ message) as a number mod L (RFC 8032 §5.1.7)."""
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L


def verify_cofactored(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """What the ledger must not do: the equation of RFC 8032 §5.1.7 with the factor 8, which forgives torsion."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    point_a, point_r = decompress(public_key), decompress(r)
    if point_a is None or point_r is None or s >= L:
        return False
    k = challenge(r, public_key, message)
    difference = add(multiply(s, BASE), negate(add(point_r, multiply(k, point_a))))
    return multiply(8, difference) == IDENTITY


def sign(
    secret: int,
    public_key: bytes,
    message: bytes,
    nonce: int,
    torsion_of_r: Point = IDENTITY,
    r: bytes | None = None,
) -> bytes:
    """Sign with a chosen scalar and nonce; R may get a torsion point, or be replaced by other bytes altogether."""
    if r is None:
        r = compress(add(multiply(nonce, BASE), torsion_of_r))
    s = (nonce + challenge(r, public_key, message) * secret) % L
    return r + s.to_bytes(32, "little")


def verify_by_the_rule(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """The ledger's rule, spelled out: canonical y of A and R, no small order, S < L, and R recomputed byte for byte."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    for encoded in (public_key, r):
        if int.from_bytes(encoded, "little") % 2**255 >= P:
            return False
    point_a, point_r = decompress(public_key), decompress(r)
    small = set(torsion())
    if point_a is None or point_a in small or point_r is None or point_r in small or s >= L:
        return False
    k = challenge(r, public_key, message)
    return compress(add(multiply(s, BASE), multiply(k, negate(point_a)))) == r
