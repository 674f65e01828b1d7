"""Records about the certificates of one office, and the claims that all of them hold."""

from __future__ import annotations

from ledger.claims import Claim, FullClaims
from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.hashing import sha256

SALT = bytes(range(32))
CLAIMS = FullClaims(
    (
        Claim("so", "15/UBND-XNTTHN"),
        Claim("ho_ten", "Người Không Có Thật"),
        Claim("tinh_trang", "chua-ket-hon"),
    ),
    SALT,
)


def name_of(number: int) -> bytes:
    return sha256(b"certificate %d" % number)[:16]


def issue(number: int = 0, authority: str = "office", /, **fields: Value) -> bytes:
    body: dict[str, Value] = {
        "authority": authority,
        "certificate": name_of(number),
        "schema": "tinh-trang-hon-nhan.1",
        "claims_root": CLAIMS.root,
        "claims_count": 3,
    }
    return encode_record("cert.issue/1", body | fields)


def change(verb: str, number: int = 0, authority: str = "office", /, **fields: Value) -> bytes:
    return encode_record(f"cert.{verb}/1", {"authority": authority, "certificate": name_of(number), **fields})


def suspend(number: int = 0, /) -> bytes:
    return change("suspend", number, reason="under-review")


def revoke(number: int = 0, /) -> bytes:
    return change("revoke", number, reason="issued-in-error")


def renew(until: str, number: int = 0, /) -> bytes:
    return change("renew", number, valid_until=until)


def paper(content: bytes, number: int = 0, /) -> bytes:
    return change("paper", number, hash=sha256(content))
