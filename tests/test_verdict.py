"""The four verdicts: a fault of the evidence is never shown as a forgery, and a forgery never as in force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.words import reason
from ledger.encoding import Value, encode
from ledger.entry import encode_record
from ledger.hashing import sha256
from ledger.receipt import Receipt
from ledger.records.privacy import ACCESS_LOG, TOMBSTONE
from ledger.verdict import DONE, Judgement, Verdict, judge_document, judge_receipt
from tests.vectorgen.ledgers import (
    FIVE,
    ONE,
    PRIVATE,
    PRIVATE_FILE,
    SCHOOL,
    Parts,
    base,
    commitment,
    end_key,
    honest,
    register_member,
)

pytestmark = pytest.mark.usefixtures("no_network")

POLICY = honest().policy
PAPER = sha256(b"paper 0")


def judged(parts: Parts, file_hash: bytes | None = None, committed: bytes | None = None) -> Judgement:
    text = parts.text()
    judgement = (
        judge_receipt(text, POLICY)
        if file_hash is None
        else judge_document(file_hash, text, POLICY, commitment=committed)
    )
    assert judgement.rule
    assert judgement.reason
    return judgement


def summary(judgement: Judgement) -> tuple[Verdict, str]:
    return judgement.verdict, judgement.rule


def test_a_good_file_is_in_force() -> None:
    judgement = judged(honest().parts(ONE), PAPER)
    assert summary(judgement) == (Verdict.IN_FORCE, "status.in-force")
    assert judgement.proved is not None
    assert judgement.proved.standing is not None
    assert judged(honest().parts(PRIVATE), PAPER, commitment()).verdict is Verdict.IN_FORCE


def test_an_altered_file_does_not_match() -> None:
    judgement = judged(honest().parts(ONE), sha256(b"paper O"))
    assert summary(judgement) == (Verdict.DOES_NOT_MATCH, "document.hash")
    assert judgement.proved is not None
    assert (
        judged(honest().parts(PRIVATE), PAPER, commitment(PRIVATE_FILE + b".")).verdict
        is Verdict.DOES_NOT_MATCH
    )
    assert judged(honest().parts(PRIVATE), PAPER).rule == "document.salt-missing"
    assert judged(honest().parts(ONE), PAPER, commitment()).verdict is Verdict.IN_FORCE, (
        "a salt it does not need"
    )
    assert (
        judged(honest().parts(PRIVATE), PAPER, commitment(salt=bytes(32))).verdict is Verdict.DOES_NOT_MATCH
    )


def test_a_disputed_key_cannot_be_told() -> None:
    ledger = base()
    ledger.place([end_key("revoke", "office", "office", from_ms=0)], by="admin")
    assert summary(judged(ledger.parts(ONE), PAPER)) == (Verdict.CANNOT_TELL, "key.disputed")
    assert summary(judged(ledger.parts(ONE), bytes(32))) == (Verdict.DOES_NOT_MATCH, "document.hash")


def test_another_status_is_no_longer_in_force() -> None:
    ledger = base()
    index = ledger.place([end_key("retire", "office", "office")], by="admin")
    judgement = judged(ledger.parts(index))
    assert summary(judgement) == (Verdict.NO_LONGER_IN_FORCE, "status.retired")
    assert judgement.proved is not None


def test_an_end_is_told_before_a_dispute_that_is_told_beside_it() -> None:
    ledger = base()
    fields: dict[str, Value] = {"authority": "office", "document": PAPER, "reason": "no-longer-applies"}
    ledger.place([encode_record("doc.withdraw/1", fields)])
    assert not judged(ledger.parts(ONE)).disputed
    ledger.place([end_key("revoke", "office", "office", from_ms=0)], by="admin")
    judgement = judged(ledger.parts(ONE), PAPER)
    assert summary(judgement) == (Verdict.NO_LONGER_IN_FORCE, "status.withdrawn")
    assert judgement.disputed
    assert not Judgement(Verdict.CANNOT_TELL, "receipt.missing", "why").disputed


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        (ACCESS_LOG, {"owner": "office", "purpose": "audit", "nonce": bytes(16)}, "logged"),
        (TOMBSTONE, {}, "erased"),
    ],
)
def test_what_was_done_once_and_for_all_is_valid(name: str, fields: dict[str, Value], status: str) -> None:
    """A log of an access is never "no longer in force": nothing about it could be."""
    ledger = base()
    body: dict[str, Value] = {"authority": "office", "item": bytes(32), "legal_ground": "consent"}
    index = ledger.place([encode_record(name, body | fields)])
    judgement = judged(ledger.parts(index))
    assert summary(judgement) == (Verdict.IN_FORCE, f"status.{status}")
    assert judgement.headline == ("HỢP LỆ", "valid, recorded")
    assert reason(judgement) != reason(judged(ledger.parts(ONE)))
    ledger.place([end_key("revoke", "office", "office", from_ms=0)], by="admin")
    assert summary(judged(ledger.parts(index))) == (Verdict.CANNOT_TELL, "key.disputed")


def test_a_proposal_that_was_carried_out_is_valid_and_one_that_was_taken_back_is_not() -> None:
    ledger = base()
    action = register_member("clinic", "Trạm y tế Phú Sơn", "office")
    body: dict[str, Value] = {
        "authority": "office",
        "action": action,
        "expires_ms": ledger.next_time_ms + 10_000,
    }
    index = ledger.place([encode_record("governance.propose/1", body)], by="admin")
    assert summary(judged(ledger.parts(index))) == (Verdict.IN_FORCE, "status.executed")
    # A status that ended something is none of these.
    assert DONE.isdisjoint({"withdrawn", "retired", "revoked", "superseded", "suspended", "in-force"})


def test_a_receipt_without_state_does_not_say_whether_in_force() -> None:
    parts = honest().parts(ONE).put(6, None)
    assert summary(judged(parts)) == (Verdict.CANNOT_TELL, "receipt.no-state")
    assert summary(judged(parts, PAPER)) == (Verdict.CANNOT_TELL, "receipt.no-state")
    assert summary(judged(parts, bytes(32))) == (Verdict.DOES_NOT_MATCH, "document.hash")


@pytest.mark.parametrize("at", [0, 1])
def test_a_receipt_for_a_member_or_key_is_none_for_a_document(at: int) -> None:
    parts = honest().parts(SCHOOL, at)
    assert judged(parts).verdict is Verdict.IN_FORCE
    assert summary(judged(parts, PAPER)) == (Verdict.CANNOT_TELL, "receipt.other-kind")


def test_a_key_that_is_named_like_the_file_is_no_document() -> None:
    """The identifier of a key's subject is bytes too: the kind decides."""
    parts = honest().parts(SCHOOL, 1)
    proved = judged(parts).proved
    assert proved is not None
    identifier = proved.record.subject.identifier
    assert isinstance(identifier, bytes)
    assert judged(parts, identifier).rule == "receipt.other-kind"


def test_what_cannot_be_read_cannot_be_told() -> None:
    for text in ("", "hello\n", honest().parts(ONE).text()[:-1], b"\xff\xfe"):
        judgement = judge_receipt(text, POLICY)
        assert judgement.verdict is Verdict.CANNOT_TELL
        assert judgement.proved is None
        assert judge_document(PAPER, text, POLICY) == judgement


def test_a_changed_record_does_not_match() -> None:
    parts = honest().parts(ONE)
    raw = parts.extra[1]
    assert isinstance(raw, bytes)
    forged = parts.put(1, raw.replace(PAPER, sha256(b"another paper")))
    assert summary(judged(forged, sha256(b"another paper"))) == (
        Verdict.DOES_NOT_MATCH,
        "proof.root-mismatch",
    )


def test_a_receipt_already_parsed_is_judged_the_same() -> None:
    text = honest().parts(FIVE, 2).text()
    assert (
        judge_receipt(Receipt.parse(text), POLICY)
        == judge_receipt(text, POLICY)
        == judge_receipt(text.encode(), POLICY)
    )


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_gets_a_verdict_and_never_a_good_one(text: str | bytes) -> None:
    assert judge_receipt(text, POLICY).verdict is Verdict.CANNOT_TELL


TEXT = honest().parts(FIVE, 2).text()


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_a_changed_letter_never_makes_another_record_good(at: int, letter: str) -> None:
    judgement = judge_receipt(TEXT[:at] + letter + TEXT[at + 1 :], POLICY)
    if judgement.verdict in (Verdict.IN_FORCE, Verdict.NO_LONGER_IN_FORCE):
        # A log signature that the policy does not need may be spoilt beyond recognition; nothing else may.
        assert judgement.proved is not None
        assert judgement.proved.record.raw == honest().records[FIVE][2]
        assert judgement.proved.standing == judged(honest().parts(FIVE, 2)).proved.standing  # type: ignore[union-attr]


def test_the_words_and_exit_codes_are_the_designed_ones() -> None:
    assert {verdict: verdict.value for verdict in Verdict} == {
        Verdict.IN_FORCE: 0,
        Verdict.DOES_NOT_MATCH: 1,
        Verdict.CANNOT_TELL: 3,
        Verdict.NO_LONGER_IN_FORCE: 4,
    }
    assert {verdict.vietnamese for verdict in Verdict} == {
        "HỢP LỆ",
        "KHÔNG HỢP LỆ",
        "CHƯA KIỂM TRA ĐƯỢC",
        "KHÔNG CÒN HIỆU LỰC",
    }
    assert Verdict.IN_FORCE.english == "valid, in force"
    assert len({verdict.english for verdict in Verdict}) == 4


def test_a_version_from_later_cannot_be_told() -> None:
    parts = honest().parts(ONE)
    assert judged(parts.put(0, 2)).rule == "receipt.version"
    assert judged(parts.put(0, 2)).verdict is Verdict.CANNOT_TELL
    garbage = parts.put(4, encode([9]))
    assert judged(garbage).verdict is Verdict.DOES_NOT_MATCH


@pytest.mark.parametrize(
    ("rule", "vietnamese"),
    [
        ("status.revoked", "ĐÃ THU HỒI"),
        ("status.superseded", "ĐÃ THAY THẾ"),
        ("status.withdrawn", "ĐÃ THU HỒI"),
        ("status.suspended", "TẠM ĐÌNH CHỈ"),
        ("status.expired", "HẾT HẠN"),
        ("status.not-yet", "CHƯA ĐẾN NGÀY CÓ HIỆU LỰC"),
        ("status.retired", "KHÔNG CÒN HIỆU LỰC"),
        ("status.of-tomorrow", "KHÔNG CÒN HIỆU LỰC"),
    ],
)
def test_what_is_no_longer_in_force_has_its_own_word(rule: str, vietnamese: str) -> None:
    judgement = Judgement(Verdict.NO_LONGER_IN_FORCE, rule, "why")
    assert judgement.headline[0] == vietnamese
    assert judgement.headline[1].startswith("authentic, ")
    assert reason(judgement)


def test_a_refined_word_stands_for_its_own_verdict_only() -> None:
    for verdict in (Verdict.IN_FORCE, Verdict.DOES_NOT_MATCH, Verdict.CANNOT_TELL):
        assert Judgement(verdict, "status.revoked", "why").headline == (verdict.vietnamese, verdict.english)


def test_who_issued_is_said_with_whatever_else_is_proved() -> None:
    judgement = judged(honest().parts(ONE))
    assert judgement.issuer is not None
    assert (judgement.issuer.identifier, judgement.issuer.name) == ("office", "Văn phòng xã Phú Sơn")
    assert (judgement.issuer.ended_ms, judgement.issuer.successors) == (None, ())
    assert Judgement(Verdict.CANNOT_TELL, "receipt.missing", "why").issuer is None
