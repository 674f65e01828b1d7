"""Vectors of receipts of an authority that has successors: whose rows are shown, in which order, and who acts for whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.hashing import leaf_hash, sha256
from ledger.merkle import CompactRange
from ledger.records import parse_record
from ledger.rows import SubjectRow, member_key, subject_key
from ledger.rules import Effects
from tests.chains import document
from tests.vectorgen.case import Case
from tests.vectorgen.ledgers import (
    PUPIL,
    Ledger,
    Parts,
    base,
    end_key,
    register_key,
    register_member,
)
from tests.vectorgen.receipts import CANNOT, ENDED, IN_FORCE, NO_MATCH, receipt

MEMBERS, AUTHOR = "receipt.members", "receipt.author"
SCHOOL, JOINT, OFFICE = "school", "joint-school", "office"
PAPER = sha256(b"paper 6")
"""The school's document in `base`."""


def declare(predecessor: str, *successors: str, at_ms: int, kind: str = "merge") -> bytes:
    """A `succession.declare/1` record of the office."""
    body: dict[str, Value] = {
        "authority": OFFICE,
        "predecessor": predecessor,
        "successors": list[Value](sorted(successors)),
        "effective_ms": at_ms,
        "kind": kind,
    }
    return encode_record("succession.declare/1", body)


def withdraw(authority: str = SCHOOL) -> bytes:
    """The record that withdraws the school's document."""
    body: dict[str, Value] = {"authority": authority, "document": PAPER, "reason": "no-longer-applies"}
    return encode_record("doc.withdraw/1", body)


def correct() -> bytes:
    """The record by which a document of the office corrects the school's."""
    body: dict[str, Value] = {
        "authority": SCHOOL,
        "document": PAPER,
        "by": sha256(b"paper 7"),
        "by_authority": OFFICE,
    }
    return encode_record("doc.correct/1", body)


def begun() -> Ledger:
    """`base`, with the school that will succeed the first one."""
    ledger = base()
    joint = register_member(JOINT, "Trường liên cấp Phú Sơn", "office")
    ledger.place([joint, register_key(ledger, JOINT, "joint school", "office")], by="admin")
    return ledger


def handed_on() -> Ledger:
    """The school was merged into the joint school, which was merged into the office's commune."""
    ledger = begun()
    now_ms = ledger.headers[-1].time_ms
    ledger.place([declare(SCHOOL, JOINT, at_ms=now_ms)], by="admin")
    ledger.place([declare(JOINT, OFFICE, at_ms=now_ms + 2_000)], by="admin")
    return ledger


def with_members(ledger: Ledger, parts: Parts, names: Sequence[str]) -> Parts:
    """The same receipt with the rows of these members, in this order."""
    return listing(parts, [(name, ledger.prove(member_key(name))) for name in names])


def listing(parts: Parts, members: Sequence[tuple[str, list[Value]]]) -> Parts:
    """The same receipt with these members and proofs."""
    state = parts.extra[6]
    if not isinstance(state, list):
        raise TypeError("these receipts have a state part")
    return parts.put(6, [*state[:2], [[name, proof] for name, proof in members]])


def cases() -> Iterator[Case]:
    """Vectors of `receipt/` whose names begin with `succession`."""
    yield from _lists()
    yield from _who_acts()
    yield from _who_does_not()
    yield from _done()
    yield from _long_line()


def _lists() -> Iterator[Case]:
    ledger = handed_on()
    parts = ledger.parts(PUPIL)
    good = "status.in-force"
    desc = "the school's document, with the school's row and those of the two that follow"
    yield receipt("succession", desc, IN_FORCE, good, parts)
    wrong: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("all-left-out", "no successor listed", (SCHOOL,)),
        ("nearest-left-out", "the nearest successor left out", (SCHOOL, OFFICE)),
        ("last-left-out", "the last successor left out", (SCHOOL, JOINT)),
        ("authority-left-out", "the authority itself left out", (JOINT, OFFICE)),
        ("other-order", "the successors in another order", (SCHOOL, OFFICE, JOINT)),
        ("turned-round", "the authority last", (OFFICE, JOINT, SCHOOL)),
        ("twice", "a successor twice", (SCHOOL, JOINT, OFFICE, OFFICE)),
        ("authority-twice", "the authority twice", (SCHOOL, SCHOOL, JOINT, OFFICE)),
    )
    for name, what, names in wrong:
        changed = with_members(ledger, parts, names)
        yield receipt(f"succession-{name}", what, NO_MATCH, MEMBERS, changed)
    proof = {name: ledger.prove(member_key(name)) for name in (SCHOOL, JOINT, OFFICE)}
    swapped = listing(parts, [(SCHOOL, proof[SCHOOL]), (JOINT, proof[OFFICE]), (OFFICE, proof[JOINT])])
    what = "two successors' rows under each other's names"
    yield receipt("succession-renamed", what, NO_MATCH, "state-proof.key", swapped)
    absent = listing(parts, [*proof.items(), ("clinic", ledger.prove(member_key("clinic")))])
    what = "and a proof that somebody else is no member"
    yield receipt("succession-absent", what, NO_MATCH, "receipt.state-absent", absent)
    stranger = begun()
    what = "a member listed that does not follow"
    more = with_members(stranger, stranger.parts(PUPIL), (SCHOOL, JOINT))
    yield receipt("succession-of-nobody", what, NO_MATCH, MEMBERS, more)
    ahead = begun()
    ahead.place([declare(SCHOOL, JOINT, at_ms=ahead.headers[-1].time_ms + 10**9)], by="admin")
    what = "decided on, and not yet in effect: the successor is listed already"
    yield receipt("succession-ahead", what, IN_FORCE, good, ahead.parts(PUPIL))
    what = "decided on, and not yet in effect: the successor left out"
    alone = with_members(ahead, ahead.parts(PUPIL), (SCHOOL,))
    yield receipt("succession-ahead-left-out", what, NO_MATCH, MEMBERS, alone)


def _who_acts() -> Iterator[Case]:
    nearest = handed_on()
    index = nearest.place([withdraw()], by="joint school", time_ms=nearest.headers[-1].time_ms)
    what = "the school's document withdrawn by its successor"
    yield receipt("succession-by-successor", what, ENDED, "status.withdrawn", nearest.parts(index))
    last = handed_on()
    last.place([document(8)])
    index = last.place([correct()])
    what = "the school's document corrected by the successor of its successor"
    yield receipt("succession-by-the-next", what, IN_FORCE, "status.in-force", last.parts(index))
    halves = begun()
    now_ms = halves.headers[-1].time_ms
    halves.place([declare(SCHOOL, JOINT, OFFICE, at_ms=now_ms, kind="split")], by="admin")
    index = halves.place([withdraw()])
    what = "one of two successors withdraws it"
    yield receipt("succession-by-one-of-two", what, ENDED, "status.withdrawn", halves.parts(index))
    issued = encode_record(
        "cert.issue/1",
        {
            "authority": OFFICE,
            "certificate": bytes(16),
            "schema": "ocop.1",
            "claims_root": bytes(32),
            "claims_count": 1,
        },
    )
    certified = begun()
    issue = certified.place([issued])
    revoked = certified.place(
        [
            encode_record(
                "cert.revoke/1", {"authority": OFFICE, "certificate": bytes(16), "reason": "replaced"}
            )
        ]
    )
    what = "a revoked certificate, by the receipt of its issue"
    yield receipt("certificate-revoked", what, ENDED, "status.revoked", certified.parts(issue))
    what = "and by that of its revocation"
    yield receipt("certificate-revocation", what, ENDED, "status.revoked", certified.parts(revoked))


def _who_does_not() -> Iterator[Case]:
    """Who does not follow now; what the record says of it stays open, unless its type is for the authority alone."""
    early = begun()
    early.place([declare(SCHOOL, JOINT, at_ms=early.headers[-1].time_ms + 10**9)], by="admin")
    broken = begun()
    now_ms = broken.headers[-1].time_ms
    broken.place([declare(SCHOOL, JOINT, at_ms=now_ms)], by="admin")
    broken.place([declare(JOINT, OFFICE, at_ms=now_ms + 10**9)], by="admin")
    anchored = encode_record(
        "doc.anchor/1", {"authority": SCHOOL, "hash": bytes(32), "media_type": "a/b", "size": 1}
    )
    forged: tuple[tuple[str, str, str, Ledger, bytes, str], ...] = (
        (
            "anchors",
            "a successor anchors in the name of the school",
            NO_MATCH,
            handed_on(),
            anchored,
            "joint school",
        ),
        ("early", "one acts before the school has ended", CANNOT, early, withdraw(), "joint school"),
        ("next-early", "one acts before the one between has ended", CANNOT, broken, withdraw(), "office"),
        ("stranger", "one acts that does not follow", CANNOT, begun(), withdraw(), "joint school"),
        ("upwards", "the school acts for its successor", CANNOT, handed_on(), withdraw(JOINT), "school"),
    )
    for name, desc, expected, ledger, record, by in forged:
        what = f"a quorum signed it: {desc}"
        yield receipt(f"signed-succession-{name}", what, expected, AUTHOR, _forced(ledger, record, by))
    corrected = begun()
    now_ms = corrected.headers[-1].time_ms
    corrected.place([declare(SCHOOL, JOINT, at_ms=now_ms)], by="admin")
    index = corrected.place([withdraw()], by="joint school")
    corrected.place([declare(SCHOOL, OFFICE, at_ms=now_ms)], by="admin")
    what = "one acted by right, and the administrators have corrected since who follows"
    yield receipt("succession-corrected", what, CANNOT, AUTHOR, corrected.parts(index))


def _forced(ledger: Ledger, record: bytes, by: str) -> Parts:
    entry = ledger.entry([record], by=by)
    about = subject_key(*parse_record(record).subject)
    now_ms = ledger.next_time_ms
    row = SubjectRow("in-force", leaf_hash(record), now_ms, now_ms, CompactRange(1, (bytes(32),)))
    index = ledger.force(entry.leaf, [record], Effects(rows={about: row.encoded()}).rows)
    return ledger.parts(index)


def _done() -> Iterator[Case]:
    """What was done once and for all is recorded for good; what ended is told before a dispute over the key."""
    ledger = base()
    about: dict[str, Value] = {"authority": OFFICE, "item": bytes(32), "legal_ground": "contract"}
    look: dict[str, Value] = {"owner": OFFICE, "nonce": bytes(16), "purpose": "print"}
    looked = ledger.place([encode_record("access.log/1", about | look)])
    erased = ledger.place([encode_record("erase.tombstone/1", about)])
    action = encode_record(
        "parameter.set/1",
        {"authority": OFFICE, "name": "key-grace-ms", "value": 10**9, "decision": "Quy chế"},
    )
    proposal: dict[str, Value] = {
        "authority": OFFICE,
        "action": action,
        "expires_ms": ledger.next_time_ms + 9,
    }
    executed = ledger.place([encode_record("governance.propose/1", proposal)], by="admin")
    for name, index, what in (
        ("logged", looked, "a look at what a vault keeps"),
        ("erased", erased, "an erasure"),
        ("executed", executed, "a proposal that was done"),
    ):
        yield receipt(f"done-{name}", what, IN_FORCE, f"status.{name}", ledger.parts(index))
    ledger.place([end_key("revoke", OFFICE, OFFICE, from_ms=0)], by="admin")
    what = "a look at what a vault keeps, by a key that is disputed"
    yield receipt("done-disputed", what, CANNOT, "key.disputed", ledger.parts(looked))
    ended = base()
    body: dict[str, Value] = {"authority": OFFICE, "document": sha256(b"paper 1"), "reason": "ordered"}
    index = ended.place([encode_record("doc.withdraw/1", body)])
    ended.place([end_key("revoke", OFFICE, OFFICE, from_ms=0)], by="admin")
    what = "withdrawn, by a key that is disputed: that it is no longer in force is told first"
    yield receipt("ended-disputed", what, ENDED, "status.withdrawn", ended.parts(index))


def _long_line() -> Iterator[Case]:
    """More follow than a walk visits: then the sixteen nearest are listed."""
    ledger = begun()
    first = [f"commune-{number}" for number in range(8)]
    second = [f"ward-{number}" for number in range(8)]
    for name in (*first, *second):
        ledger.place([register_member(name, f"Xã {name}", "office")], by="admin")
    now_ms = ledger.headers[-1].time_ms
    ledger.place([declare(SCHOOL, *first, at_ms=now_ms, kind="split")], by="admin")
    ledger.place([declare(first[0], *second, at_ms=now_ms, kind="split")], by="admin")
    parts = ledger.parts(PUPIL)
    line = ledger.line(SCHOOL)
    if line != [SCHOOL, *first, *second[:7]]:
        raise ValueError("the walk should visit the school, eight communes and seven wards")
    what = "sixteen members, and one more that nobody asks for"
    yield receipt("succession-sixteen", what, IN_FORCE, "status.in-force", parts)
    what = "sixteen, of which the last is not the nearest"
    other = with_members(ledger, parts, [*line[:-1], second[7]])
    yield receipt("succession-other-sixteen", what, NO_MATCH, MEMBERS, other)
    what = "fifteen of the sixteen"
    yield receipt("succession-fifteen", what, NO_MATCH, MEMBERS, with_members(ledger, parts, line[:-1]))
    what = "seventeen members"
    yield receipt(
        "succession-seventeen", what, CANNOT, "receipt.state", with_members(ledger, parts, [*line, second[7]])
    )
