"""Vectors of proof files of certificates: all claims, some or none; every day; every way to leave something out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ledger import days
from ledger.claims import Claim, FullClaims
from ledger.disclosure import CertificateProof, SubjectRecord
from ledger.encoding import Value, decode, encode
from ledger.entry import encode_record
from ledger.hashing import sha256
from tests.chains import document
from tests.vectorgen.case import Case, flip, verdict
from tests.vectorgen.ledgers import QUORUM, SALT, Ledger, base, register_key
from tests.vectorgen.receipts import CANNOT, ENDED, IN_FORCE, NO_MATCH
from tests.vectorgen.successors import SCHOOL, declare

FIRST, LAST = "2026-09-25", "2026-10-24"
RENEWED = "2027-10-24"
LATER = "2030-10-24"
BEFORE, WITHIN, AFTER, AFTER_RENEWED = "2026-09-24", "2026-10-01", "2026-10-25", "2027-10-25"
GOOD = "status.in-force"
SHEET = b"a certificate's sheet"
CLAIMS = FullClaims(
    (
        Claim("ten_san_pham", "Chè Phú Sơn"),
        Claim("hang_sao", 4),
        Claim("xuat_khau", value=False),
        Claim("ghi_chu", None),
        Claim("chu_the", "Hợp tác xã không có thật"),
    ),
    SALT,
)
CERTIFICATE, ANOTHER = bytes(range(16)), bytes(16)


def record(
    name: str, authority: str = "office", certificate: bytes = CERTIFICATE, /, **fields: Value
) -> bytes:
    """The canonical bytes of a record about a certificate."""
    return encode_record(name, {"authority": authority, "certificate": certificate, **fields})


def issue(certificate: bytes = CERTIFICATE, authority: str = "office", /, **dates: Value) -> bytes:
    """The record that issues a certificate over `CLAIMS`."""
    return record(
        "cert.issue/1",
        authority,
        certificate,
        schema="ocop.1",
        claims_root=CLAIMS.root,
        claims_count=len(CLAIMS.claims),
        **dates,
    )


SOME_DAYS: dict[str, Value] = {"valid_from": FIRST, "valid_until": LAST}


@dataclass
class Desk:
    """A ledger on which one certificate's records are placed, and where they stand."""

    ledger: Ledger = field(default_factory=base)
    places: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, *records: bytes) -> Desk:
        """A ledger with these records, each in a block of its own."""
        desk = cls()
        for one in records:
            desk.places.append(desk.ledger.place([one]))
        return desk

    def proof(
        self, at: int = 0, *, validators: Sequence[int] = range(QUORUM), timed: Sequence[int] = ()
    ) -> CertificateProof:
        """The proof file with all records and claims, and the receipt of record `at`."""
        return self.ledger.certificate_proof(self.places, CLAIMS, at=at, validators=validators, timed=timed)


def case(
    name: str,
    desc: str,
    expected: str,
    rule: str,
    proof: CertificateProof | bytes,
    day: str | None = WITHIN,
    **given: object,
) -> Case:
    """A vector of `certificate-proof/`: the reader's clock stands at the first moment of `day`, or there is none."""
    data = proof if isinstance(proof, bytes) else proof.encoded()
    asked: dict[str, object] = {"policy": base().policy.format(), "data": data, **given}
    if day is not None:
        asked["now_ms"] = days.first_ms(day)
    return verdict("certificate-proof", name, desc, expected, rule, **asked)


def cases() -> Iterator[Case]:
    """The vectors of `certificate-proof/`."""
    yield from _claims()
    yield from _days()
    yield from _statuses()
    yield from _papers()
    yield from _records()
    yield from _shapes()


def _claims() -> Iterator[Case]:
    whole = Desk.of(issue(**SOME_DAYS)).proof()
    yield case("all-claims", "all claims with their salt", IN_FORCE, GOOD, whole)
    some = whole.disclose(["hang_sao", "chu_the"])
    yield case("some-claims", "two claims of five", IN_FORCE, GOOD, some)
    yield case("no-claims", "no claim shown", IN_FORCE, GOOD, whole.disclose([]))
    first, *rest = CLAIMS.claims
    changed: tuple[tuple[str, str, FullClaims, str], ...] = (
        (
            "claim-altered",
            "a value changed",
            FullClaims((Claim(first.name, "Chè khác"), *rest), SALT),
            "claims.root",
        ),
        (
            "claim-renamed",
            "a name changed",
            FullClaims((Claim("ten", first.value), *rest), SALT),
            "claims.root",
        ),
        ("claims-other-salt", "another salt", FullClaims(CLAIMS.claims, flip(SALT, 0)), "claims.root"),
        ("claims-other-order", "in another order", FullClaims((*rest, first), SALT), "claims.root"),
        ("claim-left-out", "one left out", FullClaims(CLAIMS.claims[:-1], SALT), "claims.count"),
        (
            "claim-too-many",
            "one more",
            FullClaims((*CLAIMS.claims, Claim("them", 1)), SALT),
            "claims.count",
        ),
        (
            "claim-nil-for-false",
            "nil for false",
            FullClaims((*CLAIMS.claims[:2], Claim("xuat_khau", None), *CLAIMS.claims[3:]), SALT),
            "claims.root",
        ),
    )
    for name, desc, claims, rule in changed:
        yield case(name, desc, NO_MATCH, rule, replace(whole, claims=claims))
    yield from _shown_claims(some)


def _shown_claims(some: CertificateProof) -> Iterator[Case]:
    """Shown claims with one thing changed."""
    value = decode(some.encoded())
    if not isinstance(value, list) or not isinstance(value[4], list) or not isinstance(value[4][2], list):
        raise TypeError("a proof file is an array, and so are its shown claims")
    count, (one, two) = value[4][1], value[4][2]
    if not isinstance(one, list) or not isinstance(two, list) or not isinstance(one[3], bytes):
        raise TypeError("a shown claim is an array")

    def file(items: list[Value], number: Value = count, form: Value = 1) -> bytes:
        return encode([*value[:4], [form, number, items]])

    wrong: tuple[tuple[str, str, str, str, bytes], ...] = (
        ("value", "another value", NO_MATCH, "claims.proof", file([[*one[:2], 5, *one[3:]], two])),
        ("index", "at another index", NO_MATCH, "claims.proof", file([[0, *one[1:]], two])),
        ("mac", "another HMAC", NO_MATCH, "claims.proof", file([[*one[:3], flip(one[3], 0), one[4]], two])),
        ("path", "another claim's path", NO_MATCH, "claims.proof", file([[*one[:4], two[4]], two])),
        ("count", "another count", NO_MATCH, "claims.count", file([one, two], 6)),
        ("order", "in another order", CANNOT, "claims.order", file([two, one])),
        ("twice", "one shown twice", CANNOT, "claims.name-twice", file([one, one])),
        ("value-bytes", "a value of bytes", CANNOT, "claims.value", file([[*one[:2], b"4", *one[3:]]])),
        ("mac-short", "an HMAC of 31 bytes", CANNOT, "claims.shape", file([[*one[:3], bytes(31), one[4]]])),
        ("form-2", "a form that is not known", CANNOT, "claims.form", file([one, two], form=2)),
        ("form-true", "a form that is no number", CANNOT, "claims.shape", file([one, two], form=True)),
    )
    for name, desc, expected, rule, data in wrong:
        yield case(f"shown-{name}", f"shown claims: {desc}", expected, rule, data)


def _days() -> Iterator[Case]:
    limited, renewed = issue(**SOME_DAYS), record("cert.renew/1", valid_until=RENEWED)
    proof = Desk.of(limited).proof()
    yield case("day-before", "the day before the first", ENDED, "status.not-yet", proof, BEFORE)
    yield case("day-first", "the first moment of the first day", IN_FORCE, GOOD, proof, FIRST)
    yield case("day-last", "the last day", IN_FORCE, GOOD, proof, LAST)
    unknown = "certificate.renewal-unknown"
    yield case(
        "day-after", "the day after: whether it was renewed since is not known", CANNOT, unknown, proof, AFTER
    )
    yield case("no-clock", "nobody says what day it is", CANNOT, "certificate.time-missing", proof, None)
    over = Desk.of(limited)
    over.ledger.add([over.ledger.entry([document(90)])], time_ms=days.first_ms(AFTER))
    desc = "the day after, by a checkpoint of that day: it was not renewed"
    yield case("expired", desc, ENDED, "status.expired", over.proof(), AFTER)
    yield case(
        "expired-not-yet", "the last day, by a checkpoint of the next", IN_FORCE, GOOD, over.proof(), LAST
    )
    longer = Desk.of(limited, renewed)
    for at, which in enumerate(("issue", "renewal")):
        desc = f"renewed: the day after the first end, by the receipt of the {which}"
        yield case(f"renewed-{which}", desc, IN_FORCE, GOOD, longer.proof(at), AFTER)
    again = Desk.of(issue())
    yield case("no-days", "a certificate without days needs no clock", IN_FORCE, GOOD, again.proof(), None)
    begins = Desk.of(issue(valid_from=FIRST))
    yield case("first-day-only", "a first day and no last one", IN_FORCE, GOOD, begins.proof(), RENEWED)
    desc = "a first day, and nobody says what day it is"
    yield case("first-day-no-clock", desc, CANNOT, "certificate.time-missing", begins.proof(), None)


def _statuses() -> Iterator[Case]:
    good, suspended = issue(**SOME_DAYS), record("cert.suspend/1", reason="complaint")
    revoked = record("cert.revoke/1", reason="obtained-by-deceit")
    for name, desc, records, expected, rule in (
        ("suspended", "suspended", (good, suspended), ENDED, "status.suspended"),
        (
            "reinstated",
            "suspended and reinstated",
            (good, suspended, record("cert.reinstate/1")),
            IN_FORCE,
            GOOD,
        ),
        ("revoked", "revoked", (good, revoked), ENDED, "status.revoked"),
        ("suspended-revoked", "suspended, then revoked", (good, suspended, revoked), ENDED, "status.revoked"),
    ):
        yield case(name, desc, expected, rule, Desk.of(*records).proof())
    proof = Desk.of(good, revoked).proof()
    yield case("revoked-expired", "revoked, and its days over", ENDED, "status.revoked", proof, AFTER)
    yield case("revoked-no-clock", "revoked, whatever the day", ENDED, "status.revoked", proof, None)
    few = Desk.of(good).proof(validators=range(QUORUM - 1))
    yield case("quorum-missing", "too few cosigned", CANNOT, "policy.quorum-missing", few)
    ledger = handed_on_with_certificate()
    desc = "its issuer has ended, and the successor revoked it"
    yield case("successor-revoked", desc, ENDED, "status.revoked", ledger.proof())


def handed_on_with_certificate() -> Desk:
    """A certificate of an authority that was merged into the office since."""
    desk = Desk()
    admitted = encode_record(
        "member.roles/1", {"authority": "office", "member": SCHOOL, "roles": ["issuer", "office"]}
    )
    desk.ledger.place([admitted], by="admin")
    desk.ledger.place([register_key(desk.ledger, SCHOOL, "school issuer", "issuer")], by="admin")
    desk.places.append(desk.ledger.place([issue(CERTIFICATE, SCHOOL)], by="school issuer"))
    desk.ledger.place([declare(SCHOOL, "office", at_ms=desk.ledger.headers[-1].time_ms)], by="admin")
    desk.places.append(desk.ledger.place([record("cert.revoke/1", SCHOOL, reason="conditions-ended")]))
    return desk


def _papers() -> Iterator[Case]:
    sheet = record("cert.paper/1", hash=sha256(SHEET))
    with_paper = Desk.of(issue(**SOME_DAYS), sheet)
    proof = with_paper.proof()
    yield case("paper", "the certificate's paper", IN_FORCE, GOOD, proof, hash=sha256(SHEET))
    desc = "another file than the paper"
    yield case("paper-other", desc, NO_MATCH, "certificate.paper", proof, hash=sha256(SHEET + b"."))
    none = Desk.of(issue(**SOME_DAYS)).proof()
    desc = "nothing says which file is the paper"
    yield case("paper-none", desc, CANNOT, "certificate.no-paper", none, hash=sha256(SHEET))
    two = Desk.of(issue(**SOME_DAYS), sheet, record("cert.paper/1", hash=sha256(b"a second sheet"))).proof()
    yield case("paper-first-of-two", "the first of two papers", IN_FORCE, GOOD, two, hash=sha256(SHEET))


def _records() -> Iterator[Case]:
    desk = Desk.of(issue(**SOME_DAYS), record("cert.suspend/1", reason="other"), record("cert.reinstate/1"))
    proof = desk.proof()
    one, two, three = proof.records
    other = Desk.of(issue(ANOTHER)).proof().records[0]
    wrong: tuple[tuple[str, str, tuple[SubjectRecord, ...]], ...] = (
        ("first-missing", "the issue left out", (two, three)),
        ("last-missing", "the newest left out", (one, two)),
        ("alone", "the issue alone", (one,)),
        ("other-order", "in another order", (one, three, two)),
        ("twice", "one of them twice", (one, two, three, three)),
        ("other-entry", "one under another entry", (one, two, replace(three, entry_body=two.entry_body))),
        ("other-place", "one at another place in its entry", (one, replace(two, record_index=1), three)),
        ("of-another", "another certificate's issue", (other, two, three)),
    )
    for name, desc, records in wrong:
        changed = replace(proof, records=records)
        yield case(f"records-{name}", f"its records: {desc}", NO_MATCH, "certificate.records", changed)
    renewed = Desk.of(issue(**SOME_DAYS), record("cert.renew/1", valid_until=RENEWED))
    forged = replace(renewed.proof().records[1], record=record("cert.renew/1", valid_until="2037-10-24"))
    changed = replace(renewed.proof(), records=(renewed.proof().records[0], forged))
    yield case("records-renewal", "a renewal altered", NO_MATCH, "certificate.records", changed, AFTER)
    about = base()
    other_kind = replace(proof, receipt=about.parts(2).text())
    desc = "the receipt of a document in its place"
    yield case("receipt-other-kind", desc, CANNOT, "receipt.other-kind", other_kind)
    stranger = replace(proof, receipt=Desk.of(issue(ANOTHER)).proof().receipt)
    desc = "the receipt of another certificate"
    yield case("receipt-of-another", desc, NO_MATCH, "certificate.records", stranger)


def _shapes() -> Iterator[Case]:
    proof = Desk.of(issue(**SOME_DAYS)).proof()
    value = decode(proof.encoded())
    if not isinstance(value, list):
        raise TypeError("a proof file is an array")
    _, text, records, keys, claims = value
    body = proof.records[0].entry_body
    shape = "certificate-proof.shape"
    wrong: tuple[tuple[str, str, Value, str], ...] = (
        ("version-1", "a version of before", [1, text, records, claims], "certificate-proof.version"),
        ("version-3", "a version that is not known", [3, *value[1:]], "certificate-proof.version"),
        ("version-true", "a version that is no number", [True, *value[1:]], "certificate-proof.version"),
        ("four-items", "an item short", value[:-1], shape),
        ("six-items", "an item more", [*value, None], shape),
        ("map", "a map", {"receipt": text}, shape),
        ("receipt-bytes", "the receipt as bytes", [2, proof.receipt.encode(), records, keys, claims], shape),
        ("no-records", "no records", [2, text, [], keys, claims], shape),
        ("record-two-items", "a record without its place", [2, text, [[body, 0, b"a"]], keys, claims], shape),
        (
            "entry-body-array",
            "an entry body that is no bytes",
            [2, text, [[[1], 0, b"a", None]], keys, claims],
            shape,
        ),
        ("keys-nil", "nil for the keys' rows", [2, text, records, None, claims], shape),
        (
            "keys-bytes",
            "a key's row that is no proof",
            [2, text, records, [b"a"], claims],
            "state-proof.shape",
        ),
        (
            "record-64-bytes",
            "a record of the refused length",
            [2, text, [[body, 0, bytes(64), None]], keys, claims],
            "record.size-64",
        ),
        (
            "receipt-none",
            "another text for a receipt",
            [2, "Xin chào\n", records, keys, claims],
            "tlog-proof.header",
        ),
        ("claims-text", "claims as text", [2, text, records, keys, "claims"], "claims.shape"),
        (
            "salt-31-bytes",
            "a salt too short",
            [2, text, records, keys, [0, bytes(31), [["a", 1]]]],
            "claims.salt",
        ),
        (
            "claim-name-space",
            "a name with a space",
            [2, text, records, keys, [0, SALT, [["a b", 1]]]],
            "claims.name",
        ),
        (
            "claim-twice",
            "a name twice",
            [2, text, records, keys, [0, SALT, [["a", 1], ["a", 2]]]],
            "claims.name-twice",
        ),
    )
    for name, desc, item, rule in wrong:
        yield case(f"file-{name}", desc, CANNOT, rule, encode(item))
    data = proof.encoded()
    yield case("file-trailing-byte", "a byte behind it", CANNOT, "encoding.trailing-bytes", data + b"\xc0")
    yield case("file-truncated", "a byte short", CANNOT, "encoding.truncated", data[:-1])
    yield case("file-empty", "nothing", CANNOT, "encoding.truncated", b"")
