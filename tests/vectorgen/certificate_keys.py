"""Vectors of proof files of certificates whose records several keys signed, one of which was revoked since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ledger import days
from ledger.disclosure import CertificateProof, LogPlace
from ledger.encoding import decode, encode
from ledger.hashing import sha256
from ledger.rows import KeyRow, key_key
from ledger.state import StateProof
from tests.chains import document, key
from tests.vectorgen.case import Case, flip
from tests.vectorgen.certificates import (
    AFTER,
    AFTER_RENEWED,
    GOOD,
    LATER,
    RENEWED,
    SHEET,
    SOME_DAYS,
    Desk,
    case,
    issue,
    record,
)
from tests.vectorgen.ledgers import end_key, register_key
from tests.vectorgen.receipts import CANNOT, ENDED, IN_FORCE, NO_MATCH, receipt

ISSUED, SHEET_STATED = issue(**SOME_DAYS), record("cert.paper/1", hash=sha256(SHEET))
RENEWAL, SECOND_RENEWAL = (
    record("cert.renew/1", valid_until=RENEWED),
    record("cert.renew/1", valid_until=LATER),
)
SUSPENDED, REINSTATED = record("cert.suspend/1", reason="other"), record("cert.reinstate/1")
REVOKED = record("cert.revoke/1", reason="other")
DISPUTED = "key.disputed"

THIEF, CLERK = "stolen key", "clerk"
"""Keys of the office beside its first: one that is revoked, and one that is not."""


def desk_of_keys(*records: tuple[bytes, str]) -> Desk:
    """A ledger on which these records are placed, each signed by the key of that name."""
    desk = Desk()
    for name in (THIEF, CLERK):
        desk.ledger.place([register_key(desk.ledger, "office", name, "issuer", "office")], by="admin")
    for one, by in records:
        desk.places.append(desk.ledger.place([one], by=by))
    return desk


def revoked_from(desk: Desk, number: int, after_ms: int = 0, name: str = THIEF) -> Desk:
    """The same ledger, on which the key is revoked since: from so long after record `number` was registered."""
    place = desk.places[number]
    (since,) = (one.time_ms for one in desk.ledger.headers if one.first_index <= place < one.index)
    desk.ledger.place([end_key("revoke", "office", name, from_ms=since + after_ms)], by="admin")
    return desk


def cases() -> Iterator[Case]:
    """Vectors of `certificate-proof/`, and of `receipt/` those of receipts that do not show who signed the rest."""
    yield from _keys()
    yield from _disputed_renewals()
    yield from _disputed_statuses()
    yield from _disputed_papers()
    yield from _disputed_issues()
    yield from _places()
    yield from _receipts()


def _keys() -> Iterator[Case]:
    """The rows of the keys that signed, each wrong in one way."""
    desk = desk_of_keys((ISSUED, "office"), (SUSPENDED, THIEF), (REINSTATED, CLERK))
    proof = desk.proof()
    yield case("keys", "records that three keys signed", IN_FORCE, GOOD, proof)
    yield case("keys-receipt-of-second", "with another record's receipt", IN_FORCE, GOOD, desk.proof(1))
    two = desk_of_keys((ISSUED, "office"), (RENEWAL, CLERK))
    yield case(
        "renewed-by-another", "one key issued it, another one renewed it", IN_FORCE, GOOD, two.proof(), AFTER
    )
    first, second = proof.keys
    issuer = StateProof.from_value(desk.ledger.prove(key_key(key("office").public_key)))
    absent = StateProof.from_value(desk.ledger.prove(key_key(key("nobody").public_key)))
    longer = replace(first, siblings=(*first.siblings, bytes([1]) * 32))
    row = KeyRow("office", ("issuer", "office"), 0).encoded()
    before = desk_of_keys((ISSUED, "office"), (SUSPENDED, THIEF), (REINSTATED, CLERK))
    older = StateProof.from_value(before.ledger.prove(key_key(key(THIEF).public_key)))
    revoked = revoked_from(before, 1).proof()
    count = "certificate.keys"
    wrong: tuple[tuple[str, str, tuple[StateProof, ...], str], ...] = (
        ("none", "left out", (), count),
        ("first-missing", "the first left out", (second,), count),
        ("last-missing", "the last left out", (first,), count),
        ("other-order", "in another order", (second, first), "state-proof.key"),
        ("twice", "one of them twice, in the place of the other", (first, first), "state-proof.key"),
        ("one-more", "one of them a second time", (first, second, second), count),
        ("receipts-too", "that of the receipt's key too", (issuer, first, second), count),
        (
            "receipts-instead",
            "that of the receipt's key in the place of one",
            (issuer, second),
            "state-proof.key",
        ),
        ("absent", "a key that nobody registered in the place of one", (absent, second), count),
        ("altered", "one altered", (replace(first, value=row), second), "state-proof.root-mismatch"),
        ("sibling", "a hash too many", (longer, second), "state-proof.root-mismatch"),
    )
    for name, desc, keys, rule in wrong:
        changed = replace(proof, keys=keys)
        yield case(f"keys-{name}", f"the rows of its keys: {desc}", NO_MATCH, rule, changed)
    changed = replace(revoked, keys=(older, *revoked.keys[1:]))
    desc = "the row of a key as it was before it was revoked"
    yield case("keys-older", desc, NO_MATCH, "state-proof.root-mismatch", changed)
    yield from _bodies(proof)


def _bodies(proof: CertificateProof) -> Iterator[Case]:
    """The body of the second record's entry, wrong in one way."""
    body = decode(proof.records[1].entry_body)
    if not isinstance(body, list):
        raise TypeError("an entry's body is an array")
    for name, desc, entry_body in (
        ("other-key", "another author", encode([*body[:2], key(CLERK).public_key, *body[3:]])),
        ("other-time", "another time", encode([*body[:4], 0, *body[5:]])),
        ("of-another", "that of another record", proof.records[2].entry_body),
        ("empty", "none", b""),
    ):
        records = (proof.records[0], replace(proof.records[1], entry_body=entry_body), proof.records[2])
        changed = replace(proof, records=records)
        yield case(f"body-{name}", f"the body of an entry: {desc}", NO_MATCH, "certificate.records", changed)


def stolen(*records: tuple[bytes, str], after_ms: int = 0) -> Desk:
    """A ledger with these records, on which the stolen key is revoked since from (so long after) its first record of them."""
    number = next(at for at, (_, by) in enumerate(records) if by == THIEF)
    return revoked_from(desk_of_keys(*records), number, after_ms)


def _disputed_renewals() -> Iterator[Case]:
    renewal = stolen((ISSUED, "office"), (RENEWAL, THIEF))
    for at, which in enumerate(("issue", "renewal")):
        desc = f"renewed by a disputed key, by the receipt of the {which}"
        yield case(f"disputed-renewal-{which}", desc, CANNOT, DISPUTED, renewal.proof(at), AFTER)
        desc += ": within the days of before"
        yield case(f"disputed-renewal-{which}-within", desc, IN_FORCE, GOOD, renewal.proof(at))
    again = stolen((ISSUED, "office"), (RENEWAL, THIEF), (SECOND_RENEWAL, CLERK))
    yield case(
        "disputed-renewal-again", "and renewed again by another key", IN_FORCE, GOOD, again.proof(), AFTER
    )
    twice = stolen((ISSUED, "office"), (RENEWAL, CLERK), (SECOND_RENEWAL, THIEF))
    desc = "the second renewal is disputed: the last day of the first"
    yield case("disputed-renewal-second", desc, IN_FORCE, GOOD, twice.proof(), RENEWED)
    desc = "the second renewal is disputed: the day after the first ends"
    yield case("disputed-renewal-second-after", desc, CANNOT, DISPUTED, twice.proof(), AFTER_RENEWED)
    over = stolen((ISSUED, "office"), (RENEWAL, THIEF))
    over.ledger.add([over.ledger.entry([document(90)])], time_ms=days.first_ms(AFTER_RENEWED))
    desc = "a disputed renewal is over too"
    yield case("disputed-renewal-expired", desc, ENDED, "status.expired", over.proof(), AFTER_RENEWED)
    desc = "a disputed renewal is over too, by a checkpoint of before"
    rule = "certificate.renewal-unknown"
    yield case("disputed-renewal-unknown", desc, CANNOT, rule, renewal.proof(), AFTER_RENEWED)
    before = stolen((ISSUED, "office"), (RENEWAL, THIEF), after_ms=1)
    desc = "renewed by a key that was revoked from a time after it"
    yield case("renewal-before-dispute", desc, IN_FORCE, GOOD, before.proof(), AFTER)
    between = stolen((ISSUED, "office"), (RENEWAL, THIEF), (SHEET_STATED, CLERK), after_ms=1)
    desc = "the same with a newer record: when each came is not proved"
    yield case("renewal-between", desc, CANNOT, DISPUTED, between.proof(), AFTER)


def _disputed_statuses() -> Iterator[Case]:
    back = stolen((ISSUED, "office"), (SUSPENDED, CLERK), (REINSTATED, THIEF))
    for at, which in enumerate(("issue", "suspension", "reinstatement")):
        desc = f"reinstated by a disputed key, by the receipt of the {which}"
        yield case(f"disputed-reinstatement-{which}", desc, CANNOT, DISPUTED, back.proof(at))
    once_more = stolen(
        (ISSUED, "office"), (SUSPENDED, CLERK), (REINSTATED, THIEF), (SUSPENDED, CLERK), (REINSTATED, CLERK)
    )
    desc = "suspended and reinstated again by another key"
    yield case("disputed-reinstatement-again", desc, IN_FORCE, GOOD, once_more.proof())
    idle = stolen((ISSUED, "office"), (SUSPENDED, THIEF), (REINSTATED, CLERK))
    desc = "suspended by a disputed key, and reinstated by another"
    yield case("disputed-suspension-reinstated", desc, IN_FORCE, GOOD, idle.proof())
    ended = stolen((ISSUED, "office"), (SUSPENDED, THIEF))
    desc = "suspended by a disputed key: it is not in force"
    yield case("disputed-suspension", desc, ENDED, "status.suspended", ended.proof())
    for name, desc, records in (
        ("disputed-revocation", "revoked by a disputed key", ((ISSUED, "office"), (REVOKED, THIEF))),
        (
            "disputed-reinstatement-revoked",
            "reinstated by a disputed key, and revoked",
            ((ISSUED, "office"), (SUSPENDED, CLERK), (REINSTATED, THIEF), (REVOKED, CLERK)),
        ),
    ):
        yield case(name, f"{desc}: it is not in force", ENDED, "status.revoked", stolen(*records).proof())


def _disputed_papers() -> Iterator[Case]:
    paper = stolen((ISSUED, "office"), (SHEET_STATED, THIEF))
    desc = "its paper is named by a disputed key"
    yield case("disputed-paper", desc, CANNOT, DISPUTED, paper.proof(), hash=sha256(SHEET))
    desc = "its paper is named by a disputed key, and no file is asked about"
    yield case("disputed-paper-not-asked", desc, IN_FORCE, GOOD, paper.proof())
    desc = "only a disputed key named a paper, and this is another file"
    yield case("disputed-paper-other", desc, CANNOT, "certificate.no-paper", paper.proof(), hash=sha256(b"x"))
    both = stolen((ISSUED, "office"), (SHEET_STATED, THIEF), (SHEET_STATED, CLERK))
    desc = "another key named it too"
    yield case("disputed-paper-twice", desc, IN_FORCE, GOOD, both.proof(), hash=sha256(SHEET))
    two = stolen(
        (ISSUED, "office"), (SHEET_STATED, THIEF), (record("cert.paper/1", hash=sha256(b"second")), CLERK)
    )
    desc = "the file that only the disputed key named"
    yield case("disputed-paper-of-two", desc, CANNOT, DISPUTED, two.proof(), hash=sha256(SHEET))
    desc = "a file that no key named, beside an undisputed paper"
    yield case("disputed-paper-neither", desc, NO_MATCH, "certificate.paper", two.proof(), hash=sha256(b"x"))
    gone = stolen((ISSUED, "office"), (SHEET_STATED, THIEF), (REVOKED, CLERK))
    desc = "revoked, and its paper is named by a disputed key"
    yield case("disputed-paper-revoked", desc, ENDED, "status.revoked", gone.proof(), hash=sha256(SHEET))


def _disputed_issues() -> Iterator[Case]:
    own = stolen((ISSUED, THIEF), (SHEET_STATED, CLERK))
    for at, which in enumerate(("issue", "paper")):
        desc = f"issued by a disputed key, by the receipt of the {which}"
        yield case(f"disputed-issue-{which}", desc, CANNOT, DISPUTED, own.proof(at))
    first = stolen((ISSUED, THIEF), (RENEWAL, CLERK), after_ms=1)
    desc = "issued by a key that was revoked from a time after it"
    yield case("issue-before-dispute", desc, IN_FORCE, GOOD, first.proof(), AFTER)


def _places() -> Iterator[Case]:
    """Records between the first and the newest, shown with their places in the log."""
    sheet = sha256(SHEET)
    steps = ((ISSUED, "office"), (SHEET_STATED, THIEF), (RENEWAL, CLERK))
    desk = stolen(*steps, after_ms=1)
    untimed, proof = desk.proof(), desk.proof(timed=[1])
    desc = "a paper named before the dispute, and a newer record: when the paper came is not shown"
    yield case("place-none", desc, CANNOT, DISPUTED, untimed, hash=sheet)
    desc = "the same with the paper's place: it came before"
    yield case("place", desc, IN_FORCE, GOOD, proof, hash=sheet)
    desc = "every record with its place"
    yield case("place-of-all", desc, IN_FORCE, GOOD, desk.proof(2, timed=range(3)), hash=sheet)
    disputed = stolen(*steps).proof(timed=[1])
    desc = "with the paper's place: it came when the dispute began"
    yield case("place-disputed", desc, CANNOT, DISPUTED, disputed, hash=sheet)
    place, other = proof.records[1].place, desk.ledger.log_place(desk.places[2])
    if place is None:
        raise TypeError("the second record has a place")
    earlier = desk.ledger.log_place(desk.places[0])
    mismatch, wrong_block = "proof.root-mismatch", "certificate.place"
    entry = (place.signature, place.index, place.path)
    wrong: tuple[tuple[str, str, LogPlace, str], ...] = (
        ("other-entry", "another entry's", other, mismatch),
        ("signature", "another signature", replace(place, signature=flip(place.signature, 0)), mismatch),
        ("index", "another index", replace(place, index=place.index - 2), mismatch),
        ("index-outside", "an index outside the tree", replace(place, index=10**6), "proof.index"),
        ("path", "a path too short", replace(place, path=place.path[:-1]), "proof.length"),
        ("later-block", "a later block", LogPlace(*entry, *_block(other)), wrong_block),
        ("earlier-block", "an earlier block", LogPlace(*entry, *_block(earlier)), wrong_block),
        ("header-index", "another header index", replace(place, header_index=other.header_index), mismatch),
        ("header-leaf", "another header", replace(place, header_leaf=other.header_leaf), mismatch),
        ("header-path", "another header's path", replace(place, header_path=other.header_path), mismatch),
    )
    for name, desc, one, rule in wrong:
        records = (proof.records[0], replace(proof.records[1], place=one), proof.records[2])
        changed = replace(proof, records=records)
        yield case(f"place-{name}", f"the paper's place: {desc}", NO_MATCH, rule, changed, hash=sheet)
    entry_leaf = desk.ledger.leaves[place.index]
    no_header = replace(place, header_leaf=entry_leaf, header_index=place.index, header_path=place.path)
    records = (proof.records[0], replace(proof.records[1], place=no_header), proof.records[2])
    desc = "the paper's place: the entry itself for a header"
    yield case("place-no-header", desc, CANNOT, "header.leaf", replace(proof, records=records), hash=sheet)
    value = decode(proof.encoded())
    if not isinstance(value, list) or not isinstance(value[2], list):
        raise TypeError("a proof file is an array of arrays")
    first, second, third = value[2]
    if not isinstance(second, list) or not isinstance(second[3], list):
        raise TypeError("a record with its place is an array of arrays")
    for name, what, item in (
        ("five-items", "an item short", [*second[:3], second[3][:5]]),
        ("bytes", "bytes", [*second[:3], b"place"]),
        ("missing", "not even nil", second[:3]),
    ):
        data = encode([*value[:2], [first, item, third], *value[3:]])
        desc = f"the paper's place: {what}"
        yield case(f"place-{name}", desc, CANNOT, "certificate-proof.shape", data, hash=sheet)


def _block(place: LogPlace) -> tuple[bytes, int, tuple[bytes, ...]]:
    return place.header_leaf, place.header_index, place.header_path


def _receipts() -> Iterator[Case]:
    """What a receipt of the issue says by itself, where more was recorded."""
    sheet = record("cert.paper/1", hash=sha256(SHEET))
    two = Desk.of(issue(), sheet)
    desc = "a certificate and its paper, by the receipt of its issue: nobody can have reinstated it"
    yield receipt("certificate-and-paper", desc, IN_FORCE, GOOD, two.ledger.parts(two.places[0]))
    back = Desk.of(issue(), SUSPENDED, REINSTATED)
    desc = "a reinstated certificate, by the receipt of its issue: who reinstated it is not shown"
    rule = "certificate.reinstatement-unknown"
    yield receipt("certificate-reinstated", desc, CANNOT, rule, back.ledger.parts(back.places[0]))
    desc = "a certificate with two papers, by the receipt of its issue: what its records are is not shown"
    three = Desk.of(issue(), sheet, record("cert.paper/1", hash=sha256(b"second")))
    yield receipt("certificate-and-papers", desc, CANNOT, rule, three.ledger.parts(three.places[0]))
