"""What becomes of certificates: each rule by its name, and all of them against the card box of `tests.twins.certificates`."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import days
from ledger.disclosure import (
    certificate_of,
)
from ledger.encoding import Value, decode
from ledger.entry import Entry, EntryBody, encode_record
from ledger.errors import RefusedError
from ledger.hashing import leaf_hash, sha256
from ledger.merkle import root_of_hashes
from ledger.records import parse_record, record_types
from ledger.records.certificates import (
    CERTIFICATE_LOOKUP,
    MAX_CLAIMS,
    MAX_STATUS_INDEX,
    REVOCATION_REASONS,
    STATUS_LIST_SIZE,
    SUSPENSION_REASONS,
    status_list_lookup,
    until_key,
)
from ledger.records.documents import PAPER_LOOKUP, authority_tag
from ledger.roles import ISSUER, OFFICE
from ledger.rows import (
    KeyRow,
    MemberRow,
    SubjectRow,
    genesis_rows,
    key_key,
    member_key,
    subject_key,
)
from ledger.rules import ParsedEntry, apply_entries
from tests.certificate_records import change, issue, name_of, paper, renew, revoke, suspend
from tests.chains import START_MS, State, key, make_genesis
from tests.twins import certificates as twin

GENESIS = make_genesis()
CHAIN_ID = GENESIS.chain_id
OLD, NEW = "phu-son", "quang-trung"
ENDED_MS = START_MS + 10_000


@dataclass
class Desk:
    """A ledger with an issuing office, and an authority that ends with its successor."""

    state: State = field(default_factory=lambda: State(dict(genesis_rows(GENESIS))))
    time_ms: int = START_MS + 1000
    nonce: int = 0

    def __post_init__(self) -> None:
        rows: dict[bytes, MemberRow | KeyRow] = {
            member_key(OLD): MemberRow("UBND phường Phú Sơn", (ISSUER,), START_MS, ENDED_MS, (), (NEW,)),
            member_key(NEW): MemberRow("UBND phường Quang Trung", (ISSUER,), START_MS, None, (OLD,), ()),
            key_key(key(OLD).public_key): KeyRow(OLD, (ISSUER,), START_MS),
            key_key(key(NEW).public_key): KeyRow(NEW, (ISSUER,), START_MS),
            key_key(key("clerk").public_key): KeyRow("office", (OFFICE,), START_MS),
        }
        self.state.rows.update({name: row.encoded() for name, row in rows.items()})

    def put(self, *records: bytes, by: str = "office") -> None:
        """One entry of these records, a second later; raises what the rules raise."""
        self.time_ms += 1000
        self.nonce += 1
        hashes = [leaf_hash(record) for record in records]
        body = EntryBody(
            CHAIN_ID,
            key(by).public_key,
            self.nonce.to_bytes(16, "big"),
            self.time_ms,
            len(records),
            root_of_hashes(hashes),
        )
        entry = Entry(body, bytes(64), records)
        effects = apply_entries(self.state, CHAIN_ID, self.time_ms, 2, [ParsedEntry.of(entry)])
        self.state.rows.update(effects.rows)

    def refusal(self, *records: bytes, by: str = "office") -> tuple[str, bool]:
        """Rule of the refusal, and whether it is for ever; nothing has changed then."""
        before = dict(self.state.rows)
        with pytest.raises(RefusedError) as caught:
            self.put(*records, by=by)
        assert self.state.rows == before
        return caught.value.rule, caught.value.permanent

    def row(self, number: int = 0, authority: str = "office") -> SubjectRow:
        return SubjectRow.parse(self.state.rows[subject_key("certificate", authority, name_of(number))])


def test_a_certificates_life() -> None:
    desk = Desk()
    desk.put(issue(valid_from="2026-01-01", valid_until="2026-10-30", status_index=7))
    assert desk.row().status == "in-force"
    for record, status in (
        (paper(b"signed"), "in-force"),
        (suspend(), "suspended"),
        (change("reinstate"), "in-force"),
        (renew("2026-12-31"), "in-force"),
        (revoke(), "revoked"),
    ):
        desk.put(record)
        assert desk.row().status == status
    row = desk.row()
    assert row.history.size == 6
    assert row.changed_ms == desk.time_ms > row.time_ms
    assert decode(desk.state.rows[until_key("office", name_of(0))]) == "2026-12-31"


def test_one_signature_issues_thousands() -> None:
    desk = Desk()
    desk.put(*(issue(number, status_index=number) for number in range(2_000)))
    assert desk.row(1_999).status == "in-force"


def test_all_of_an_entry_or_none() -> None:
    desk = Desk()
    desk.put(issue(0))
    assert desk.refusal(issue(1), issue(2), issue(0, claims_count=2)) == ("certificate.exists", True)
    desk.put(issue(1), issue(2))


REFUSED: list[tuple[str, bool, list[bytes], bytes]] = [
    ("certificate.exists", True, [issue()], issue(claims_count=4)),
    ("certificate.exists", True, [issue(), revoke()], issue(claims_count=4)),
    ("certificate.status-index", True, [issue(status_index=7)], issue(1, status_index=7)),
    ("certificate.status-index", True, [issue(status_index=7), revoke()], issue(1, status_index=7)),
    *(
        ("certificate.unknown", False, [issue()], record)
        for record in (
            suspend(1),
            change("reinstate", 1),
            revoke(1),
            renew("2027-01-01", 1),
            paper(b"", 1),
        )
    ),
    *(
        ("certificate.revoked", True, [issue(valid_until="2026-01-01"), revoke()], record)
        for record in (
            suspend(),
            change("reinstate"),
            change("revoke", reason="other"),
            renew("2027-01-01"),
            paper(b""),
        )
    ),
    *(
        ("certificate.not-in-force", False, [issue(valid_until="2026-01-01"), suspend()], record)
        for record in (change("suspend", reason="other"), renew("2027-01-01"), paper(b""))
    ),
    ("certificate.not-suspended", False, [issue()], change("reinstate")),
    ("certificate.no-end", True, [issue()], renew("2027-01-01")),
    ("certificate.renewal-day", True, [issue(valid_until="2026-12-31")], renew("2026-12-31")),
    ("certificate.renewal-day", True, [issue(valid_until="2026-12-31")], renew("2026-01-01")),
    (
        "certificate.renewal-day",
        True,
        [issue(valid_until="2026-12-31"), renew("2027-12-31")],
        renew("2027-06-30"),
    ),
]


@pytest.mark.parametrize(("rule", "permanent", "before", "record"), REFUSED)
def test_what_the_rules_refuse(rule: str, permanent: bool, before: list[bytes], record: bytes) -> None:
    desk = Desk()
    for one in before:
        desk.put(one)
    assert desk.refusal(record) == (rule, permanent)


def test_nothing_is_renewed_once_its_last_day_is_over() -> None:
    desk = Desk()
    desk.put(issue(valid_until="2026-10-30"), issue(1, valid_until="2026-10-30"))
    desk.time_ms = days.after_ms("2026-10-30") - 2000
    desk.put(renew("2026-10-31"))
    assert desk.refusal(renew("2026-10-31", 1)) == ("certificate.expired", True)
    assert desk.refusal(renew("2099-12-31", 1)) == ("certificate.expired", True)
    desk.put(renew("2099-12-31"))


def test_another_authority_has_its_own_certificates_and_status_lists() -> None:
    desk = Desk()
    desk.put(issue(status_index=7))
    desk.put(issue(0, OLD, status_index=7), by=OLD)
    desk.put(change("revoke", 0, OLD, reason="other"), by=OLD)
    assert desk.row().status == "in-force"
    assert desk.refusal(change("suspend", 0, OLD, reason="other")) == ("authority.not-acting", False)


def test_a_successor_acts_for_an_authority_that_has_ended_but_issues_nothing_in_its_name() -> None:
    desk = Desk()
    desk.put(issue(0, OLD, valid_until="2026-10-30"), by=OLD)
    assert desk.refusal(change("suspend", 0, OLD, reason="other"), by=NEW) == ("authority.not-acting", False)
    desk.time_ms = ENDED_MS
    for record in (
        change("suspend", 0, OLD, reason="other"),
        change("reinstate", 0, OLD),
        change("renew", 0, OLD, valid_until="2026-12-31"),
        change("revoke", 0, OLD, reason="replaced"),
    ):
        desk.put(record, by=NEW)
    assert desk.row(0, OLD).status == "revoked"
    for record in (issue(1, OLD), change("paper", 0, OLD, hash=bytes(32))):
        assert desk.refusal(record, by=NEW) == ("authority.not-acting", True)


def test_only_an_issuers_key_issues() -> None:
    desk = Desk()
    for record in (issue(), suspend(), change("reinstate"), revoke(), renew("2027-01-01"), paper(b"")):
        assert desk.refusal(record, by="clerk") == ("authority.role", False)


FIELDS: list[tuple[str, bytes]] = [
    ("certificate.days", issue(valid_from="2026-02-01", valid_until="2026-01-31")),
    ("record.field-length", issue(certificate=bytes(15))),
    ("record.field-length", issue(claims_root=bytes(31))),
    ("record.field-range", issue(claims_count=0)),
    ("record.field-range", issue(claims_count=MAX_CLAIMS + 1)),
    ("record.field-kind", issue(claims_count=True)),
    ("record.field-range", issue(valid_until="2026-02-29")),
    ("record.field-alphabet", issue(valid_until="29/02/2028")),
    ("record.field-range", issue(status_index=MAX_STATUS_INDEX + 1)),
    ("record.field-range", issue(status_index=-1)),
    ("record.field-alphabet", issue(schema="Giấy xác nhận")),
    ("record.field-unknown", issue(ho_ten="Nguyễn Văn A")),
    ("record.field-unknown", issue(reason="other")),
    ("record.field-range", change("revoke", reason="ông ấy không trả tiền")),
    ("record.field-range", change("revoke", reason="under-review")),
    ("record.field-range", change("suspend", reason="issued-in-error")),
    ("record.field-missing", change("revoke")),
    ("record.field-missing", change("renew")),
    ("record.field-unknown", change("reinstate", reason="other")),
    ("record.field-length", change("paper", hash=bytes(20))),
]


@pytest.mark.parametrize(("rule", "record"), FIELDS)
def test_fields_say_nothing_they_must_not(rule: str, record: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_record(record)
    assert caught.value.rule == rule


def test_an_authority_of_four_letters_can_reinstate_too() -> None:
    bare: dict[str, Value] = {"authority": "ubnd", "certificate": bytes(16)}
    assert len(encode_record("cert.reinstate/1", bare)) == 64
    assert parse_record(encode_record("cert.reinstate/1", bare | {"decision": "-"})).authority == "ubnd"


def test_no_field_takes_free_text() -> None:
    """Every field of the family is bytes of a fixed length, a number, a day, or letters of identifiers."""
    for name, record_type in record_types().items():
        if name.startswith("cert."):
            kinds = {type(one.kind).__name__ for one in record_type.fields}
            assert kinds <= {"Ascii", "Bytes", "Integer", "Date", "Choice"}, name


def test_what_the_index_finds() -> None:
    record = parse_record(issue(status_index=2 * STATUS_LIST_SIZE + 5))
    assert set(record.type.lookups(record.body)) == {
        CERTIFICATE_LOOKUP + name_of(0) + authority_tag("office"),
        status_list_lookup("office", 2) + (5).to_bytes(4, "big") + name_of(0),
    }
    record = parse_record(paper(b"signed"))
    assert set(record.type.lookups(record.body)) == {
        CERTIFICATE_LOOKUP + name_of(0) + authority_tag("office"),
        PAPER_LOOKUP + sha256(b"signed") + authority_tag("office"),
    }
    # The lists of an authority whose name another's begins with are apart.
    assert not status_list_lookup("office-2", 0).startswith(status_list_lookup("office", 0)[:-8])


DAYS = ("2025-12-31", "2026-01-01", "2026-11-30", "2026-12-31", "2027-01-01")


@st.composite
def records(draw: st.DrawFn) -> bytes:
    number = draw(st.integers(0, 2))
    match draw(st.sampled_from(["issue", "suspend", "reinstate", "revoke", "renew", "paper"])):
        case "issue":
            given = draw(st.sets(st.sampled_from(["valid_from", "valid_until", "status_index"])))
            fields: dict[str, Value] = {
                name: draw(st.integers(0, 2) if name == "status_index" else st.sampled_from(DAYS))
                for name in sorted(given)
            }
            return issue(number, **fields)
        case "suspend":
            return change("suspend", number, reason=draw(st.sampled_from(sorted(SUSPENSION_REASONS))))
        case "reinstate":
            return change("reinstate", number)
        case "revoke":
            return change("revoke", number, reason=draw(st.sampled_from(sorted(REVOCATION_REASONS))))
        case "renew":
            return renew(draw(st.sampled_from(DAYS)), number)
        case _:
            return paper(draw(st.binary(max_size=1)), number)


@given(st.lists(records(), max_size=25))
def test_the_rules_and_the_card_box_agree(made: list[bytes]) -> None:
    desk, box = Desk(), twin.CardBox()
    histories: dict[bytes, list[bytes]] = {}
    for record in made:
        value = decode(record)
        assert isinstance(value, list)
        name, fields = value
        assert isinstance(name, str)
        assert isinstance(fields, dict)
        expected = box.write(name, fields, desk.time_ms + 1000)
        if expected is None:
            desk.put(record)
            identifier = fields["certificate"]
            assert isinstance(identifier, bytes)
            histories.setdefault(identifier, []).append(record)
        else:
            with pytest.raises(RefusedError) as caught:
                desk.put(record)
            assert caught.value.rule == expected
    for (authority, identifier), card in box.cards.items():
        row = SubjectRow.parse(desk.state.rows[subject_key("certificate", authority, identifier)])
        assert (row.status, row.history.size) == (card.status, card.records)
        known = certificate_of([parse_record(one) for one in histories[identifier]])
        assert (known.valid_until, list(known.papers), known.reason) == (card.until, card.papers, card.reason)
