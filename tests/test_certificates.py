"""What a certificate's records prove: the file that a holder shows, and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import days
from ledger.claims import Claim, FullClaims
from ledger.disclosure import (
    MAX_RECORDS,
    CertificateProof,
    SubjectRecord,
    check_history,
)
from ledger.encoding import Value, decode, encode
from ledger.entry import encode_record
from ledger.errors import CannotTellError, FormatError, VerificationError
from ledger.hashing import leaf_hash, sha256
from ledger.rows import (
    SubjectRow,
    history_leaf,
    subject_key,
)
from ledger.verdict import Judgement, Verdict, judge_certificate, judge_document, judge_proof, judge_receipt
from tests.certificate_records import CLAIMS, SALT, change, issue, name_of, paper, renew, revoke, suspend
from tests.chains import START_MS
from tests.twins import certificates as twin
from tests.vectorgen.ledgers import Ledger, end_key, register_key

DAY = days.DAY_MS
SIGNED = b"%PDF-1.7 signed"
CONDEMNED = b"%PDF-1.7 another"


def day(offset: int) -> str:
    """A day counted from the one on which the ledger begins."""
    return days.day_of(START_MS + offset * DAY)


@dataclass(frozen=True)
class Case:
    """A ledger that tells one certificate's story, each record a block."""

    ledger: Ledger
    indexes: tuple[int, ...]

    def receipt(self, at: int = 0) -> str:
        """The receipt of one of its records."""
        return self.ledger.parts(self.indexes[at]).text()

    @property
    def proof(self) -> CertificateProof:
        """The holder's file."""
        return self.ledger.certificate_proof(self.indexes, CLAIMS)

    def judged(self, now_ms: int | None, **given: bytes) -> Judgement:
        """The verdict on the holder's file as bytes."""
        return judge_proof(self.proof.encoded(), self.ledger.policy, now_ms=now_ms, **given)


@cache
def story(*steps: tuple[bytes, int]) -> Case:
    """A ledger with these records, each in a block so many days after the ledger's beginning; then an empty day."""
    ledger = Ledger()
    indexes = []
    for record, after in steps:
        indexes.append(ledger.size)
        time_ms = max(ledger.next_time_ms, START_MS + after * DAY)
        ledger.add([ledger.entry([record], time_ms=time_ms)], time_ms=time_ms)
    return Case(ledger, tuple(indexes))


def told(judgement: Judgement) -> tuple[Verdict, str]:
    return judgement.verdict, judgement.rule


OK = (Verdict.IN_FORCE, "status.in-force")
EXPIRED = (Verdict.NO_LONGER_IN_FORCE, "status.expired")
NOT_YET = (Verdict.NO_LONGER_IN_FORCE, "status.not-yet")
UNKNOWN = (Verdict.CANNOT_TELL, "certificate.renewal-unknown")

offline = pytest.mark.usefixtures("no_network")


@offline
def test_a_holder_shows_everything_or_a_part_of_it() -> None:
    case = story((issue(valid_from=day(0), valid_until=day(30)), 0), (paper(SIGNED), 0))
    now = START_MS + DAY
    judgement = case.judged(now, file_hash=sha256(SIGNED))
    assert told(judgement) == OK
    assert judgement.claims == CLAIMS.claims
    assert judgement.headline == ("HỢP LỆ", "valid, in force")
    assert judgement.issuer is not None
    assert judgement.issuer.name == "Văn phòng xã Phú Sơn"
    part = case.proof.disclose({"tinh_trang"})
    shown = judge_proof(part.encoded(), case.ledger.policy, now_ms=now)
    assert told(shown) == OK
    assert [claim.name for claim in shown.claims] == ["tinh_trang"]
    assert "Người Không Có Thật".encode() not in part.encoded()
    assert SALT not in part.encoded()
    assert judge_proof(case.proof.disclose(()), case.ledger.policy, now_ms=now).claims == ()


@offline
def test_a_proof_reads_back() -> None:
    case = story((issue(valid_until=day(30)), 0), (paper(SIGNED), 0))
    for proof in (case.proof, case.proof.disclose({"so"}), case.proof.disclose(())):
        assert CertificateProof.parse(proof.encoded()) == proof
    with pytest.raises(FormatError) as caught:
        case.proof.disclose({"so"}).disclose({"so"})
    assert caught.value.rule == "claims.hidden"


FORGED_CLAIMS = FullClaims((CLAIMS.claims[0], Claim("ho_ten", "Kẻ Giả Mạo"), CLAIMS.claims[2]), SALT)


@offline
def test_forgeries_do_not_match_and_say_why() -> None:
    case = story(
        (issue(valid_until=day(30)), 0), (paper(SIGNED), 0), (suspend(), 1), (change("reinstate"), 2)
    )
    proof, policy, now = case.proof, case.ledger.policy, START_MS + 3 * DAY
    first, second, third, fourth = proof.records
    part = proof.disclose({"ho_ten"}).claims
    assert part is not None
    assert not isinstance(part, FullClaims)
    (item,) = part.items
    forgeries = {
        "claims.root": replace(proof, claims=FORGED_CLAIMS),
        "claims.count": replace(proof, claims=FullClaims(CLAIMS.claims[:2], SALT)),
        "claims.proof": replace(
            proof, claims=replace(part, items=(replace(item, claim=Claim("ho_ten", "Kẻ Giả Mạo")),))
        ),
    }
    for rule, forged in forgeries.items():
        assert told(judge_proof(forged, policy, now_ms=now)) == (Verdict.DOES_NOT_MATCH, rule)
    other = replace(fourth, record=renew(day(300)))
    for wrong in (
        (first, second, third),
        (first, second, fourth),
        (second, first, third, fourth),
        (first, second, third, fourth, fourth),
        (first, second, third, other),
        (first, second, third, replace(fourth, record_index=1)),
        (first, second, third, replace(fourth, entry_body=third.entry_body)),
    ):
        assert told(judge_proof(replace(proof, records=wrong), policy, now_ms=now)) == (
            Verdict.DOES_NOT_MATCH,
            "certificate.records",
        )
    assert told(case.judged(now, file_hash=sha256(CONDEMNED))) == (
        Verdict.DOES_NOT_MATCH,
        "certificate.paper",
    )
    assert told(judge_proof(replace(proof, receipt=proof.receipt[:-8] + "AAAAAA=\n"), policy, now_ms=now))[
        0
    ] in (
        Verdict.CANNOT_TELL,
        Verdict.DOES_NOT_MATCH,
    )


@offline
def test_the_records_of_another_certificate_are_not_this_ones() -> None:
    case = story((issue(0), 0), (issue(1), 0))
    mine, theirs = case.proof.records
    policy, now = case.ledger.policy, START_MS
    proof = CertificateProof(case.receipt(0), (theirs,), claims=CLAIMS)
    assert told(judge_proof(proof, policy, now_ms=now)) == (Verdict.DOES_NOT_MATCH, "certificate.records")
    assert told(judge_proof(replace(proof, records=(mine,)), policy, now_ms=now)) == OK


@offline
def test_statuses_have_their_words_and_since_when() -> None:
    start = (issue(valid_until=day(30)), 0)
    suspended = story(start, (suspend(), 5)).judged(START_MS + 6 * DAY)
    assert told(suspended) == (Verdict.NO_LONGER_IN_FORCE, "status.suspended")
    assert suspended.headline[0] == "TẠM ĐÌNH CHỈ"
    assert suspended.since_ms == START_MS + 5 * DAY
    assert suspended.certificate is not None
    assert suspended.certificate.reason == "under-review"
    revoked = story(start, (suspend(), 5), (revoke(), 7)).judged(START_MS + 90 * DAY)
    assert told(revoked) == (Verdict.NO_LONGER_IN_FORCE, "status.revoked")
    assert revoked.headline == ("ĐÃ THU HỒI", "authentic, revoked")
    assert revoked.since_ms == START_MS + 7 * DAY
    again = story(start, (suspend(), 5), (change("reinstate"), 7)).judged(START_MS + 8 * DAY)
    assert told(again) == OK
    assert again.certificate is not None
    assert again.certificate.reason is None


@offline
def test_days_begin_and_end_in_vietnam() -> None:
    # The newest block is after the last day, so that nothing can have renewed the certificate before it was over.
    case = story((issue(valid_from=day(2), valid_until=day(4)), 0), (issue(1), 10))
    case = replace(case, indexes=case.indexes[:1])
    first, over = days.first_ms(day(2)), days.after_ms(day(4))
    assert told(case.judged(first - 1)) == NOT_YET
    assert told(case.judged(first)) == OK
    assert told(case.judged(over - 1)) == OK
    expired = case.judged(over)
    assert told(expired) == EXPIRED
    assert expired.headline[0] == "HẾT HẠN"
    assert expired.since_ms == over
    assert case.judged(first - 1).headline[0] == "CHƯA ĐẾN NGÀY CÓ HIỆU LỰC"
    assert told(case.judged(None)) == (Verdict.CANNOT_TELL, "certificate.time-missing")


@offline
def test_a_renewed_certificate_is_never_called_expired() -> None:
    """Whatever the holder kept: the receipt of the issue from before, or from after, or of the renewal, or the whole proof."""
    start = (issue(valid_until=day(4)), 0)
    before, after = story(start), story(start, (renew(day(40)), 3), (issue(1), 10))
    after = replace(after, indexes=after.indexes[:2])
    now = START_MS + 10 * DAY
    policy = before.ledger.policy
    assert told(before.judged(now)) == UNKNOWN
    for receipt in (before.receipt(), after.receipt()):
        assert told(judge_receipt(receipt, policy, now_ms=now)) == UNKNOWN
        assert told(judge_certificate(CLAIMS, receipt, policy, now_ms=now)) == UNKNOWN
    assert told(after.judged(now)) == OK
    # The renewal by itself does not say from which day on.
    days_unknown = (Verdict.CANNOT_TELL, "certificate.days-unknown")
    assert told(judge_receipt(after.receipt(1), policy, now_ms=now)) == days_unknown
    # When the renewal is over too, only who knows all of the records can say so.
    late = START_MS + 41 * DAY
    assert told(after.judged(late)) == UNKNOWN
    # Once it is proved to have expired, it cannot be renewed: the proof stays true.
    later = story(start, (renew(day(40)), 3), (issue(1), 45))
    assert told(replace(later, indexes=later.indexes[:2]).judged(START_MS + 50 * DAY)) == EXPIRED


@offline
def test_a_receipt_by_itself_says_what_it_can() -> None:
    case = story(
        (issue(valid_until=day(30)), 0), (paper(SIGNED), 0), (suspend(), 1), (change("reinstate"), 2)
    )
    policy, now = case.ledger.policy, START_MS + 3 * DAY
    unknown = (Verdict.CANNOT_TELL, "certificate.days-unknown")
    # Nobody sees in a receipt that it was suspended, nor whose key brought it back.
    brought_back = (Verdict.CANNOT_TELL, "certificate.reinstatement-unknown")
    assert [told(judge_receipt(case.receipt(at), policy, now_ms=now)) for at in range(4)] == [
        brought_back,
        *[unknown] * 3,
    ]
    two = story((issue(valid_until=day(30)), 0), (paper(SIGNED), 0))
    assert told(judge_receipt(two.receipt(), policy, now_ms=now)) == OK
    assert told(judge_certificate(CLAIMS, two.receipt(), policy, now_ms=now)) == OK
    early = story((issue(valid_from=day(30)), 0), (suspend(), 1), (change("reinstate"), 2))
    assert told(judge_receipt(early.receipt(), policy, now_ms=now)) == NOT_YET
    missing = (Verdict.CANNOT_TELL, "certificate.records-missing")
    assert told(judge_certificate(CLAIMS, case.receipt(2), policy, now_ms=now)) == missing
    assert told(judge_certificate(None, case.receipt(2), policy, now_ms=now)) == unknown
    assert told(judge_certificate(CLAIMS, case.receipt(), policy, now_ms=now)) == brought_back
    assert told(judge_certificate(FORGED_CLAIMS, case.receipt(), policy, now_ms=now)) == (
        Verdict.DOES_NOT_MATCH,
        "claims.root",
    )
    # The paper: by its own receipt, and by the issue's, which cannot know of it.
    assert told(judge_document(sha256(SIGNED), case.receipt(1), policy, now_ms=now)) == unknown
    assert told(judge_document(sha256(CONDEMNED), case.receipt(1), policy, now_ms=now)) == (
        Verdict.DOES_NOT_MATCH,
        "document.hash",
    )
    assert told(judge_document(sha256(SIGNED), case.receipt(), policy, now_ms=now)) == (
        Verdict.CANNOT_TELL,
        "receipt.other-kind",
    )
    papers = (Verdict.CANNOT_TELL, "certificate.papers-unknown")
    for file_hash in (sha256(SIGNED), sha256(CONDEMNED)):
        assert (
            told(judge_certificate(CLAIMS, case.receipt(), policy, now_ms=now, file_hash=file_hash)) == papers
        )
    alone = story((issue(valid_until=day(30)), 0))
    assert told(alone.judged(now, file_hash=sha256(SIGNED))) == (Verdict.CANNOT_TELL, "certificate.no-paper")


@offline
def test_evidence_of_something_else_is_no_forgery() -> None:
    ledger = story((issue(), 0)).ledger
    document = Ledger()
    at = document.place(document.documents(1))
    judgement = judge_certificate(CLAIMS, document.parts(at).text(), document.policy, now_ms=START_MS)
    assert told(judgement) == (Verdict.CANNOT_TELL, "receipt.other-kind")
    for data in (b"", b"\x90", encode([1]), encode([2, "x", [], [], None]), b"\x95\x02\xa0\x90\x90\xc0"):
        assert judge_proof(data, ledger.policy, now_ms=START_MS).verdict is Verdict.CANNOT_TELL
    assert judge_proof(encode([1]), ledger.policy, now_ms=0).rule == "certificate-proof.version"


@offline
def test_a_renewal_does_not_make_a_certificate_good_before_its_first_day() -> None:
    case = story((issue(valid_from=day(100), valid_until=day(200)), 0), (renew(day(300)), 1))
    policy, now = case.ledger.policy, START_MS + 2 * DAY
    assert told(case.judged(now)) == (Verdict.NO_LONGER_IN_FORCE, "status.not-yet")
    for judgement in (
        judge_receipt(case.receipt(1), policy, now_ms=now),
        judge_certificate(None, case.receipt(1), policy, now_ms=now),
    ):
        assert told(judgement) == (Verdict.CANNOT_TELL, "certificate.days-unknown")


@offline
def test_a_revoked_certificate_is_revoked_though_the_key_is_disputed() -> None:
    ledger = Ledger()
    ledger.place([register_key(ledger, "office", "second", "issuer", "office")], by="admin")
    at = ledger.place([issue(valid_until=day(30))], by="second")
    ended = ledger.place([revoke()])
    ledger.place([end_key("revoke", "office", "second", from_ms=0)], by="admin")
    now, receipt = START_MS + DAY, ledger.parts(at).text()
    for judgement in (
        Case(ledger, (at, ended)).judged(now),
        judge_receipt(receipt, ledger.policy, now_ms=now),
    ):
        assert told(judgement) == (Verdict.NO_LONGER_IN_FORCE, "status.revoked")
        assert judgement.disputed


@offline
def test_a_revoked_keys_certificates_are_in_doubt_and_not_forged() -> None:
    ledger = Ledger()
    at = ledger.place([issue(valid_until=day(30))])
    ledger.place([end_key("revoke", "office", "office", from_ms=START_MS)], by="admin")
    case = Case(ledger, (at,))
    assert told(case.judged(START_MS + DAY)) == (Verdict.CANNOT_TELL, "key.disputed")


@offline
@given(
    st.none() | st.integers(-3, 3),
    st.none() | st.integers(-3, 6),
    st.none() | st.integers(1, 6),
    st.sampled_from(["none", "suspend", "revoke"]),
    st.integers(0, 8),
    st.integers(-4 * 24, 10 * 24),
    st.booleans(),
)
def test_verdicts_are_those_of_the_calendar(
    first: int | None,
    last: int | None,
    more: int | None,
    end: str,
    final: int,
    now_hours: int,
    whole: bool,
) -> None:
    if first is not None and last is not None and last < first:
        first, last = last, first
    fields: dict[str, Value] = {}
    if first is not None:
        fields["valid_from"] = day(first)
    if last is not None:
        fields["valid_until"] = day(last)
    steps = [(issue(**fields), 0)]
    if last is not None and more is not None:
        steps.append((renew(day(last + more)), 0))
    if end != "none":
        steps.append((suspend() if end == "suspend" else revoke(), 0))
    made = len(steps)
    case = story(*steps, (issue(1), final))
    case = replace(case, indexes=case.indexes[:made])
    now_ms = START_MS + now_hours * 3_600_000
    policy = case.ledger.policy
    status = {"none": "in-force", "suspend": "suspended", "revoke": "revoked"}[end]
    renewed = last is not None and more is not None
    known = fields.get("valid_until")
    if renewed and whole and last is not None and more is not None:
        known = day(last + more)
    assert known is None or isinstance(known, str)
    as_of_ms = (case.ledger.headers[-1].time_ms // 1000 + 1) * 1000
    expected = twin.verdict(
        status,
        None if first is None else day(first),
        known,
        now_ms,
        complete=whole or made == 1,
        as_of_ms=as_of_ms,
    )
    judgement = case.judged(now_ms) if whole else judge_receipt(case.receipt(), policy, now_ms=now_ms)
    assert judgement.rule == expected
    assert judgement.verdict is not Verdict.DOES_NOT_MATCH


OFFICE_KEYS = ("office", "second", "third")
STEPS = ("renew", "suspend", "reinstate", "revoke", "paper")


def keyed_ledger() -> Ledger:
    """A ledger on which the office has three keys."""
    ledger = Ledger()
    for name in OFFICE_KEYS[1:]:
        ledger.place([register_key(ledger, "office", name, "issuer", "office")], by="admin")
    return ledger


def signed_story(*steps: tuple[bytes, str]) -> Case:
    """A ledger on which these records are placed, each by the office's key of that name."""
    ledger = keyed_ledger()
    return Case(ledger, tuple(ledger.place([record], by=by) for record, by in steps))


def disputed(case: Case, name: str, from_ms: int) -> Case:
    """The same ledger, on which a key is revoked since."""
    case.ledger.place([end_key("revoke", "office", name, from_ms=from_ms)], by="admin")
    return case


def let_time_pass(ledger: Ledger, time_ms: int) -> None:
    """A block of something else at that time."""
    ledger.add([ledger.entry([issue(1)], time_ms=time_ms)], time_ms=time_ms)


IN_DOUBT = (Verdict.CANNOT_TELL, "key.disputed")


@offline
def test_a_stolen_key_does_not_bring_a_suspended_certificate_back() -> None:
    """Whichever of its records the receipt is of."""
    case = signed_story(
        (issue(valid_until=day(30)), "office"), (suspend(), "office"), (change("reinstate"), "second")
    )
    now, policy = START_MS + DAY, case.ledger.policy
    assert told(case.judged(now)) == OK
    disputed(case, "second", START_MS)
    for at in range(3):
        proof = case.ledger.certificate_proof(case.indexes, CLAIMS, at=at)
        assert told(judge_proof(proof, policy, now_ms=now)) == IN_DOUBT
    # Whoever reinstates it again vouches for it.
    again = [case.ledger.place([record]) for record in (suspend(), change("reinstate"))]
    judgement = replace(case, indexes=(*case.indexes, *again)).judged(now)
    assert told(judgement) == OK
    assert judgement.disputed


@offline
def test_a_stolen_keys_renewal_counts_for_nothing() -> None:
    case = signed_story((issue(valid_until=day(4)), "office"), (renew(day(40)), "second"))
    now, later = days.first_ms(day(4)), days.first_ms(day(20))
    assert told(case.judged(later)) == OK
    disputed(case, "second", START_MS)
    judgement = case.judged(now)
    assert told(judgement) == OK
    assert judgement.certificate is not None
    assert (judgement.certificate.valid_until, judgement.certificate.disputed_until) == (day(4), day(40))
    assert told(case.judged(later)) == IN_DOUBT
    # Both last days are over, and nobody renewed it: it has expired, whoever is to be believed.
    assert told(case.judged(days.first_ms(day(50)))) == UNKNOWN
    let_time_pass(case.ledger, days.first_ms(day(50)))
    assert told(case.judged(days.first_ms(day(50)))) == EXPIRED
    # An older proof than the last day by which the stolen key renewed says nothing of what came after.
    case = disputed(
        signed_story((issue(valid_until=day(4)), "office"), (renew(day(40)), "second")), "second", 0
    )
    let_time_pass(case.ledger, days.first_ms(day(20)))
    assert told(case.judged(days.first_ms(day(50)))) == UNKNOWN


@offline
def test_a_stolen_keys_paper_is_not_vouched_for() -> None:
    case = signed_story(
        (issue(), "office"),
        (paper(SIGNED), "office"),
        (paper(CONDEMNED), "second"),
        (paper(SIGNED), "second"),
    )
    now = START_MS + DAY
    assert told(case.judged(now, file_hash=sha256(CONDEMNED))) == OK
    disputed(case, "second", START_MS)
    assert told(case.judged(now, file_hash=sha256(CONDEMNED))) == IN_DOUBT
    assert told(case.judged(now, file_hash=sha256(SIGNED))) == OK
    assert told(case.judged(now)) == OK
    mismatch = (Verdict.DOES_NOT_MATCH, "certificate.paper")
    assert told(case.judged(now, file_hash=sha256(b"neither"))) == mismatch
    # A file is called another than the paper only by what is not in dispute.
    alone = disputed(signed_story((issue(), "office"), (paper(CONDEMNED), "second")), "second", START_MS)
    assert told(alone.judged(now, file_hash=sha256(SIGNED))) == (Verdict.CANNOT_TELL, "certificate.no-paper")


@offline
def test_what_a_stolen_key_ended_stays_ended() -> None:
    """A dispute is no way to get a certificate back: who finds that it was ended wrongly reinstates it, or issues another."""
    now = START_MS + DAY
    for last, status in ((suspend(), "status.suspended"), (revoke(), "status.revoked")):
        case = disputed(signed_story((issue(), "office"), (last, "second")), "second", START_MS)
        judgement = case.judged(now)
        assert told(judgement) == (Verdict.NO_LONGER_IN_FORCE, status)
        assert judgement.disputed
    steps = ((issue(), "office"), (suspend(), "second"), (change("reinstate"), "office"))
    assert told(disputed(signed_story(*steps), "second", START_MS).judged(now)) == OK


@offline
def test_the_receipt_of_another_record_does_not_hide_that_the_issue_is_disputed() -> None:
    case = disputed(signed_story((issue(), "second"), (paper(SIGNED), "office")), "second", START_MS)
    for at in range(2):
        proof = case.ledger.certificate_proof(case.indexes, CLAIMS, at=at)
        assert told(judge_proof(proof, case.ledger.policy, now_ms=START_MS)) == IN_DOUBT


@offline
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(OFFICE_KEYS)), max_size=6),
    st.sampled_from(OFFICE_KEYS),
    st.integers(-1, 8),
    st.sampled_from([None, 1, 2, 3]),
    st.integers(-1, 9),
    st.data(),
)
def test_disputes_are_those_of_the_card_box(
    steps: list[tuple[str, str]],
    stolen: str,
    since: int,
    last: int | None,
    now_days: int,
    data: st.DataObject,
) -> None:
    """Against the twin: whatever was recorded by whom, whichever key is revoked from whenever, whatever is asked."""
    ledger = keyed_ledger()
    dates: dict[str, Value] = {} if last is None else {"valid_until": day(last)}
    places = [ledger.place([issue(**dates)], by="office")]
    told_by, status, until = ["office"], "in-force", last
    facts: list[twin.Fact] = [("issue", None if last is None else day(last))]
    for number, (verb, by) in enumerate(steps):
        fits = {"suspended": ("reinstate", "revoke"), "in-force": ("renew", "suspend", "revoke", "paper")}
        if verb not in fits.get(status, ()) or (verb == "renew" and until is None):
            continue
        status = {"suspend": "suspended", "reinstate": "in-force", "revoke": "revoked"}.get(verb, status)
        if verb == "renew":
            until = (until or 0) + 2
        records = {
            "renew": (renew(day(until or 0)), day(until or 0)),
            "suspend": (suspend(), None),
            "reinstate": (change("reinstate"), None),
            "revoke": (revoke(), None),
            "paper": (paper(b"%d" % (number % 2)), sha256(b"%d" % (number % 2))),
        }
        places.append(ledger.place([records[verb][0]], by=by))
        told_by.append(by)
        facts.append((verb, records[verb][1]))
    times = [one.time_ms for place in places for one in ledger.headers if one.first_index == place]
    from_ms = ledger.headers[-1].time_ms if since >= len(times) else times[since] if since >= 0 else 0
    manager = "admin"
    ledger.place([end_key("revoke", "office", stolen, from_ms=from_ms)], by=manager)
    file_hash = data.draw(st.sampled_from([None, sha256(b"0"), sha256(b"1"), sha256(b"2")]))
    at = data.draw(st.integers(0, len(places) - 1))
    timed = data.draw(st.sets(st.integers(0, len(places) - 1)))
    proof = ledger.certificate_proof(places, CLAIMS, at=at, timed=sorted(timed))
    assert CertificateProof.parse(proof.encoded()) == proof
    now_ms = START_MS + now_days * DAY
    judgement = judge_proof(proof.encoded(), ledger.policy, now_ms=now_ms, file_hash=file_hash)
    in_dispute = [
        by == stolen and (times[number] if number in {0, *timed} else times[-1]) >= from_ms
        for number, by in enumerate(told_by)
    ]
    assert judgement.rule == twin.disputed_verdict(status, facts, in_dispute, now_ms, file_hash)


@given(st.data())
def test_records_that_are_not_the_whole_history_are_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    whole = [SubjectRecord(b"%d" % n, n % 3, issue(n)) for n in range(size)]
    row = SubjectRow.parse(history_row(whole))
    check_history(row, whole)
    wrong = data.draw(st.permutations(whole)) if size > 1 else []
    if data.draw(st.booleans()):
        wrong = whole[: data.draw(st.integers(0, size - 1))]
    if list(wrong) != whole:
        with pytest.raises(VerificationError) as caught:
            check_history(row, wrong)
        assert caught.value.rule == "certificate.records"


def history_row(records: list[SubjectRecord]) -> bytes:
    leaves = [history_leaf(one.entry_id, one.record_index, leaf_hash(one.record)) for one in records]
    row = SubjectRow.parse(SubjectRow.first_encoded("in-force", leaf_hash(records[0].record), 0, leaves[0]))
    for one in leaves[1:]:
        row = row.appended("in-force", one, 0)
    return row.encoded()


@offline
@pytest.mark.parametrize(
    ("rule", "record", "version"),
    [
        ("record.type-unknown", encode_record("cert.bless/1", {}), 1),
        ("entry.version", encode_record("cert.reinstate/1", {}), 2),
    ],
)
def test_a_record_or_an_entry_of_tomorrow_is_no_forgery(rule: str, record: bytes, version: int) -> None:
    """The quorum took it into the certificate's history, by rules that are not known here."""
    case = story((issue(), 0))
    ledger = case.ledger
    (first,) = case.proof.records
    body = decode(first.entry_body)
    assert isinstance(body, list)
    second = SubjectRecord(encode([version, *body[1:]]), 1, record)
    name = subject_key("certificate", "office", name_of(0))
    forced = Ledger()
    forced.place([issue()])
    row = SubjectRow.parse(ledger.state.rows[name]).appended(
        "in-force", history_leaf(second.entry_id, 1, leaf_hash(record)), START_MS + DAY
    )
    leaf = forced.entry([issue(1)]).leaf
    forced.force(leaf, [issue(1)], {name: row.encoded()})
    proof = CertificateProof(forced.parts(case.indexes[0]).text(), (first, second))
    assert told(judge_proof(proof, forced.policy, now_ms=START_MS)) == (Verdict.CANNOT_TELL, rule)


RECORD: list[Value] = [b"body", 0, issue(), None]
PLACE: list[Value] = [bytes(64), 2, [], b"header", 3, []]


def placed(place: Value) -> Value:
    """A file with one record that has this place."""
    return [2, "r", [[*RECORD[:3], place]], [], None]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("certificate-proof.shape", {}),
        ("certificate-proof.shape", []),
        ("certificate-proof.shape", [2, "r", [RECORD], []]),
        ("certificate-proof.shape", [2, "r", [RECORD], None]),
        ("certificate-proof.shape", [2, b"r", [RECORD], [], None]),
        ("certificate-proof.shape", [2, "r", None, [], None]),
        ("certificate-proof.shape", [2, "r", [RECORD], None, None]),
        ("certificate-proof.shape", [2, "r", [], [], None]),
        ("certificate-proof.shape", [2, "r", [RECORD] * (MAX_RECORDS + 1), [], None]),
        ("certificate-proof.shape", [2, "r", [RECORD], [None] * (MAX_RECORDS + 1), None]),
        ("certificate-proof.shape", [2, "r", [[[], 0, issue(), None]], [], None]),
        ("certificate-proof.shape", [2, "r", [["body", 0, issue(), None]], [], None]),
        ("certificate-proof.shape", [2, "r", [[b"body", True, issue(), None]], [], None]),
        ("certificate-proof.shape", [2, "r", [[b"body", -1, issue(), None]], [], None]),
        ("certificate-proof.shape", [2, "r", [[b"body", 0, "x", None]], [], None]),
        ("certificate-proof.shape", [2, "r", [RECORD[:3]], [], None]),
        ("certificate-proof.shape", placed(b"")),
        ("certificate-proof.shape", placed([])),
        ("certificate-proof.shape", placed(PLACE[:5])),
        ("certificate-proof.shape", placed([bytes(63), *PLACE[1:]])),
        ("certificate-proof.shape", placed([PLACE[0], True, *PLACE[2:]])),
        ("certificate-proof.shape", placed([PLACE[0], -1, *PLACE[2:]])),
        ("certificate-proof.shape", placed([*PLACE[:2], None, *PLACE[3:]])),
        ("certificate-proof.shape", placed([*PLACE[:2], [bytes(31)], *PLACE[3:]])),
        ("certificate-proof.shape", placed([*PLACE[:2], [bytes(32)] * 65, *PLACE[3:]])),
        ("certificate-proof.shape", placed([*PLACE[:3], "leaf", *PLACE[4:]])),
        ("certificate-proof.shape", placed([*PLACE[:4], True, PLACE[5]])),
        ("certificate-proof.shape", placed([*PLACE[:4], -1, PLACE[5]])),
        ("certificate-proof.shape", placed([*PLACE[:5], ["hash"]])),
        ("record.size-64", [2, "r", [[b"body", 0, bytes(64), None]], [], None]),
        ("state-proof.shape", [2, "r", [RECORD], [[]], None]),
        ("claims.form", [2, "r", [RECORD], [], [9]]),
        ("certificate-proof.version", [True, "r", [RECORD], [], None]),
        ("certificate-proof.version", [1, "r", [RECORD], None]),
        ("certificate-proof.version", [3, "r", [RECORD], [], None]),
    ],
)
def test_malformed_proofs_are_refused_by_their_rule(rule: str, value: Value) -> None:
    with pytest.raises((FormatError, CannotTellError)) as caught:
        CertificateProof.parse(encode(value))
    assert caught.value.rule == rule
