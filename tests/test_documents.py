"""What becomes of documents: each rule by its name, and all of them against the notebook of `tests.twins.documents`."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle
from ledger.encoding import Value, decode, encode
from ledger.entry import Entry, EntryBody, encode_record
from ledger.errors import RefusedError
from ledger.hashing import leaf_hash, sha256
from ledger.records import parse_record, record_types
from ledger.records.document_words import KINDS, REASONS, SECRECIES, UNCLASSIFIED
from ledger.records.documents import HASH_LOOKUP, PAPER_LOOKUP, number_key, number_tag
from ledger.roles import INSPECTOR, ISSUER, OFFICE, PRODUCER
from ledger.rows import KeyRow, MemberRow, SubjectRow, genesis_rows, key_key, member_key, row_key, subject_key
from ledger.rules import ParsedEntry, apply_entries
from tests.chains import START_MS, State, key, make_genesis
from tests.twins.documents import Notebook

GENESIS = make_genesis()
CHAIN_ID = GENESIS.chain_id
OLD, NEW, FARM, INSPECTORATE = "phu-son", "quang-trung", "farm", "thanh-tra"
ENDED_MS = START_MS + 10_000


def paper(number: int) -> bytes:
    return sha256(b"paper %d" % number)


def anchor(number: int, authority: str = "office", /, **fields: Value) -> bytes:
    body: dict[str, Value] = {
        "authority": authority,
        "hash": paper(number),
        "media_type": "application/pdf",
        "size": 7,
    }
    return encode_record("doc.anchor/1", body | fields)


def numbered(number: int, printed: str = "41", /, **fields: Value) -> bytes:
    return anchor(number, number=printed, date="2025-02-13", **fields)


def private(number: int, /, **fields: Value) -> bytes:
    return encode_record("doc.anchor/1", {"authority": "office", "commitment": paper(number), **fields})


def copy_of(number: int, /, **fields: Value) -> bytes:
    return encode_record("doc.copy/1", {"authority": "office", "commitment": paper(number), **fields})


def change(verb: str, number: int, authority: str = "office", /, **fields: Value) -> bytes:
    return encode_record(f"doc.{verb}/1", {"authority": authority, "document": paper(number), **fields})


def withdraw(number: int, reason: str = "recorded-in-error", /, **fields: Value) -> bytes:
    return change("withdraw", number, reason=reason, **fields)


@dataclass
class Desk:
    """A ledger with an office, an authority that ends and its successor, and a farm that may not anchor."""

    state: State = field(default_factory=lambda: State(dict(genesis_rows(GENESIS))))
    time_ms: int = START_MS + 1000
    entries: int = 0
    lookups: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        roles = (ISSUER, OFFICE)
        members = {
            OLD: MemberRow("UBND phường Phú Sơn", roles, START_MS, ENDED_MS, (), (NEW,)),
            NEW: MemberRow("UBND phường Quang Trung", roles, START_MS, None, (OLD,), ()),
            FARM: MemberRow("Hợp tác xã", (PRODUCER,), START_MS),
            INSPECTORATE: MemberRow("Thanh tra tỉnh", (INSPECTOR,), START_MS),
        }
        for name, row in members.items():
            self.state.rows[member_key(name)] = row.encoded()
            self.state.rows[key_key(key(name).public_key)] = KeyRow(name, row.roles, START_MS).encoded()

    def entry(self, *records: bytes, by: str = "office") -> Entry:
        """An entry whose signature is left out: the rules do not look at it."""
        self.entries += 1
        nonce = self.entries.to_bytes(16, "big")
        body = EntryBody(
            CHAIN_ID, key(by).public_key, nonce, self.time_ms, len(records), merkle.root(records)
        )
        return Entry(body, bytes(64), records)

    def bring(self, *records: bytes, by: str = "office") -> None:
        """A block of one entry, a second after the last. Raises what the rules raise; then nothing has changed."""
        parsed = ParsedEntry.of(self.entry(*records, by=by))
        effects = apply_entries(self.state, CHAIN_ID, self.time_ms, 2 * self.entries, [parsed])
        self.state.rows.update(effects.rows)
        self.lookups += [lookup for lookup, _ in effects.lookups]
        self.time_ms += 1000

    def refusal(self, *records: bytes, by: str = "office") -> tuple[str, bool]:
        """The rule that refuses an entry, and whether for ever."""
        before = dict(self.state.rows)
        with pytest.raises(RefusedError) as caught:
            self.bring(*records, by=by)
        assert self.state.rows == before
        return caught.value.rule, caught.value.permanent

    def row(self, number: int, authority: str = "office") -> SubjectRow:
        data = self.state.rows[subject_key("document", authority, paper(number))]
        return SubjectRow.parse(data)

    def standing(self, number: int, authority: str = "office") -> tuple[str, int]:
        """Status, and how many records concern the document."""
        row = self.row(number, authority)
        return row.status, row.history.size


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refused_alone(record: bytes) -> str:
    with pytest.raises(RefusedError) as caught:
        parse_record(record)
    assert caught.value.permanent
    return caught.value.rule


# -- what a paper says of itself ---------------------------------------------------------------------------------------


def test_all_that_the_decree_names_may_be_said(desk: Desk) -> None:
    said: dict[str, Value] = {
        "symbol": "BC-UBND",
        "book": "bao-cao",
        "kind": "bao-cao",
        "urgency": "hoa-toc",
        "secrecy": UNCLASSIFIED,
        "abstract": "Báo cáo tiến độ",
    }
    desk.bring(numbered(1, **said))
    assert desk.standing(1) == ("in-force", 1)
    assert len(KINDS) == 29 + 2


@pytest.mark.parametrize("secrecy", sorted(set(SECRECIES) - {UNCLASSIFIED}))
def test_a_paper_marked_secret_is_refused(secrecy: str) -> None:
    assert refused_alone(anchor(1, secrecy=secrecy)) == "document.secret"
    assert refused_alone(private(1, secrecy=secrecy)) == "document.secret"


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        (anchor(1, kind="to-roi"), "record.field-range"),
        (anchor(1, urgency="thuong"), "record.field-range"),
        (anchor(1, secrecy="top secret"), "record.field-range"),
        (numbered(1, book="Sổ 1"), "record.field-alphabet"),
        (anchor(1, number="41"), "document.number-date"),
        (anchor(1, book="bao-cao"), "document.book-alone"),
        (anchor(1, number_tag=bytes(32)), "document.number-tag"),
        (anchor(1, continues=paper(2)), "document.continues-alone"),
        (numbered(1, continues=paper(1)), "document.by-itself"),
        (private(1, continues=paper(2)), "document.continues-alone"),
        (private(1, number_tag=bytes(32), continues=paper(1)), "document.by-itself"),
        (private(1, number_tag=bytes(31)), "record.field-length"),
        (copy_of(1, original_authority=OLD), "document.original-alone"),
        (copy_of(1, continues=paper(2)), "document.continues-alone"),
        (copy_of(1, hash=paper(1)), "record.field-unknown"),
        (change("supersede", 1, by=paper(1)), "document.by-itself"),
        (change("correct", 1, by=paper(1), by_authority="office"), "document.by-itself"),
        (change("supersede", 1), "record.field-missing"),
        (withdraw(1, "vì sai"), "record.field-range"),
        (change("withdraw", 1), "record.field-missing"),
        (change("paper", 1), "record.field-missing"),
        (change("paper", 1, hash=paper(1)), "document.by-itself"),
        (change("paper", 1, hash=bytes(31)), "record.field-length"),
    ],
)
def test_what_is_wrong_by_itself(record: bytes, rule: str) -> None:
    assert refused_alone(record) == rule


@pytest.mark.parametrize(
    "name",
    ["abstract", "book", "date", "kind", "media_type", "number", "secrecy", "size", "symbol", "urgency"],
)
def test_a_commitment_keeps_every_word_to_itself(name: str) -> None:
    body = parse_record(
        numbered(1, symbol="BC", book="b", kind="bao-cao", urgency="khan", secrecy="khong", abstract="x")
    ).body
    assert refused_alone(private(1, **{name: body[name]})) == "document.commitment-discloses"


def test_every_reason_and_kind_has_words_that_people_read() -> None:
    for words in (KINDS, REASONS, SECRECIES):
        assert all(word and word != code for code, word in words.items())
    fields = {field.name: field.kind for field in record_types()["doc.anchor/1"].fields}
    assert "bao-cao" in fields["kind"].describe()


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_a_number_is_used_once_in_a_book_and_a_year(desk: Desk) -> None:
    desk.bring(numbered(1))
    assert desk.refusal(numbered(2)) == ("document.number-taken", True)
    desk.bring(numbered(3, book="quyet-dinh"))
    desk.bring(anchor(4, number="41", date="2026-02-13"))
    desk.bring(numbered(5, "42"))
    desk.bring(anchor(6, OLD, number="41", date="2025-02-13"), by=OLD)
    assert desk.refusal(numbered(7, book="quyet-dinh")) == ("document.number-taken", True)
    assert desk.refusal(numbered(8, "43"), numbered(9, "43")) == ("document.number-taken", True)


def test_the_row_of_a_number_names_its_record(desk: Desk) -> None:
    record = numbered(1, book="bao-cao")
    desk.bring(record)
    key_ = row_key("number", "office", "bao-cao", 2025, "41")
    assert key_ == encode(["number", "office", "bao-cao", 2025, "41"])
    assert decode(desk.state.rows[key_]) == leaf_hash(record)
    assert number_key(parse_record(record).body) == key_
    assert number_key(parse_record(anchor(1)).body) is None
    with pytest.raises(RefusedError, match=leaf_hash(record).hex()):
        desk.bring(numbered(2, book="bao-cao"))


def test_a_newer_version_takes_over_the_number_and_supersedes(desk: Desk) -> None:
    desk.bring(numbered(1))
    changed = desk.time_ms
    desk.bring(numbered(2, continues=paper(1)))
    assert (desk.standing(1), desk.standing(2)) == (("superseded", 2), ("in-force", 1))
    assert desk.row(1).changed_ms == changed
    assert decode(desk.state.rows[row_key("number", "office", "", 2025, "41")]) == desk.row(2).issue
    # The first no longer holds the number; the second does.
    assert desk.refusal(numbered(3, continues=paper(1))) == ("document.continues", True)
    desk.bring(numbered(3, continues=paper(2)))
    assert desk.standing(2) == ("superseded", 2)


def test_after_a_withdrawal_the_number_is_carried_on(desk: Desk) -> None:
    desk.bring(numbered(1), withdraw(1))
    assert desk.refusal(numbered(2)) == ("document.number-taken", True)
    desk.bring(numbered(2, continues=paper(1)))
    assert (desk.standing(1), desk.standing(2)) == (("withdrawn", 3), ("in-force", 1))


def test_what_cannot_be_continued(desk: Desk) -> None:
    desk.bring(numbered(1), numbered(2, "42"), change("supersede", 2, by=paper(1)))
    assert desk.refusal(numbered(3, continues=paper(9))) == ("document.unknown", False)
    assert desk.refusal(numbered(3, "50", continues=paper(1))) == ("document.continues", True)
    assert desk.refusal(numbered(3, "41", continues=paper(2))) == ("document.continues", True)
    assert desk.refusal(numbered(3, "42", continues=paper(2))) == ("document.not-in-force", True)


def test_a_tag_stands_for_the_number_of_a_private_document(desk: Desk) -> None:
    secret = b"s" * 32
    tag = number_tag(secret, "01", 2025, "1287")
    expected = hmac.new(secret, b"number\0" + encode(["01", 2025, "1287"]), hashlib.sha256).digest()
    assert tag == expected
    assert len({tag, number_tag(secret, "0", 2025, "11287"), number_tag(b"t" * 32, "01", 2025, "1287")}) == 3
    desk.bring(private(1, number_tag=tag))
    assert decode(desk.state.rows[row_key("number-tag", "office", tag)]) == desk.row(1).issue
    assert desk.refusal(private(2, number_tag=tag)) == ("document.number-taken", True)
    assert desk.refusal(copy_of(2, number_tag=tag)) == ("document.number-taken", True)
    desk.bring(copy_of(3, number_tag=tag, continues=paper(1)))
    assert decode(desk.state.rows[row_key("number-tag", "office", tag)]) == desk.row(3).issue
    assert desk.standing(1) == ("superseded", 2)


# -- supersede, withdraw, correct --------------------------------------------------------------------------------------


def test_another_document_takes_its_place(desk: Desk) -> None:
    desk.bring(numbered(1, "9"))
    desk.bring(numbered(2, "27"), change("supersede", 1, by=paper(2)))
    assert (desk.standing(1), desk.standing(2)) == (("superseded", 2), ("in-force", 2))
    assert desk.refusal(change("supersede", 1, by=paper(2))) == ("document.not-in-force", True)
    assert desk.refusal(withdraw(1)) == ("document.not-in-force", True)
    assert desk.refusal(change("correct", 1, by=paper(2))) == ("document.not-in-force", True)


def test_a_corrected_document_stays_in_force_and_shows_when(desk: Desk) -> None:
    desk.bring(numbered(1), numbered(2, "42"))
    before, changed = desk.row(1), desk.time_ms
    desk.bring(change("correct", 1, by=paper(2)))
    assert (desk.standing(1), desk.standing(2)) == (("in-force", 2), ("in-force", 2))
    assert (before.changed_ms, desk.row(1).changed_ms) == (before.time_ms, changed)


@pytest.mark.parametrize("verb", ["supersede", "correct"])
def test_the_other_document_must_be_there_and_in_force(desk: Desk, verb: str) -> None:
    desk.bring(anchor(1), anchor(2), withdraw(2))
    assert desk.refusal(change(verb, 1, by=paper(9))) == ("document.by-unknown", False)
    assert desk.refusal(change(verb, 1, by=paper(2))) == ("document.by-not-in-force", True)
    assert desk.refusal(change(verb, 9, by=paper(1))) == ("document.unknown", False)
    # In the same entry it must come first.
    assert desk.refusal(change(verb, 1, by=paper(4)), anchor(4)) == ("document.by-unknown", False)
    # A document of somebody else does not count, also if it is named.
    desk.bring(anchor(5, OLD), by=OLD)
    assert desk.refusal(change(verb, 1, by=paper(5))) == ("document.by-unknown", False)
    assert desk.refusal(change(verb, 1, by=paper(5), by_authority=OLD)) == (
        "document.by-other-authority",
        True,
    )


def test_withdrawing(desk: Desk) -> None:
    desk.bring(anchor(1))
    assert desk.refusal(withdraw(2)) == ("document.unknown", False)
    desk.bring(withdraw(1, "unlawful"))
    assert desk.standing(1) == ("withdrawn", 2)
    assert desk.refusal(anchor(1)) == ("document.exists", True)


@pytest.mark.parametrize("by", [NEW, FARM])
def test_nobody_else_changes_what_a_document_is(desk: Desk, by: str) -> None:
    desk.bring(anchor(1), anchor(2))
    for record in (
        withdraw(1),
        change("supersede", 1, by=paper(2)),
        change("correct", 1, by=paper(2)),
        change("signatures", 1, count=0),
        copy_of(7),
        anchor(8),
    ):
        assert desk.refusal(record, by=by)[0] == "authority.not-acting"


def test_a_member_without_the_role_anchors_nothing(desk: Desk) -> None:
    assert desk.refusal(anchor(1, FARM), by=FARM) == ("authority.role", False)
    assert desk.refusal(change("withdraw", 1, FARM, reason="other"), by=FARM) == ("authority.role", False)


def test_an_inspector_anchors_its_own_reports_and_takes_them_back(desk: Desk) -> None:
    """And nothing more: certified copies are an office's, and what others anchored stays theirs."""
    desk.bring(anchor(1, INSPECTORATE), anchor(2, INSPECTORATE), by=INSPECTORATE)
    desk.bring(change("supersede", 1, INSPECTORATE, by=paper(2)), by=INSPECTORATE)
    desk.bring(change("withdraw", 2, INSPECTORATE, reason="wrong-content"), by=INSPECTORATE)
    assert [desk.standing(number, INSPECTORATE)[0] for number in (1, 2)] == ["superseded", "withdrawn"]
    assert desk.refusal(anchor(3, "office"), by=INSPECTORATE)[0] == "authority.not-acting"
    copied = encode_record("doc.copy/1", {"authority": INSPECTORATE, "commitment": paper(4)})
    assert desk.refusal(copied, by=INSPECTORATE) == ("authority.role", False)


def test_a_successor_acts_for_the_authority_that_has_ended(desk: Desk) -> None:
    desk.bring(anchor(1, OLD), anchor(2, OLD), anchor(3, OLD), by=OLD)
    desk.bring(anchor(4, NEW), by=NEW)
    replacing = change("supersede", 1, OLD, by=paper(4), by_authority=NEW)
    assert desk.refusal(replacing, by=NEW) == ("authority.not-acting", False)
    desk.time_ms = ENDED_MS
    desk.bring(replacing, by=NEW)
    desk.bring(change("withdraw", 2, OLD, reason="unlawful"), by=NEW)
    desk.bring(change("correct", 3, OLD, by=paper(4), by_authority=NEW), by=NEW)
    assert [desk.standing(number, OLD) for number in (1, 2, 3)] == [
        ("superseded", 2),
        ("withdrawn", 2),
        ("in-force", 2),
    ]
    assert desk.standing(4, NEW) == ("in-force", 3)
    # It issues in its own name, not in the other's.
    assert desk.refusal(anchor(5, OLD), by=NEW)[0] == "authority.not-acting"
    assert desk.refusal(change("signatures", 3, OLD, count=0), by=NEW)[0] == "authority.not-acting"
    assert desk.refusal(change("paper", 4, OLD, hash=paper(9)), by=NEW)[0] == "authority.not-acting"
    assert desk.refusal(change("withdraw", 3, OLD, reason="other"), by="office")[0] == "authority.not-acting"


# -- copies and signatures ---------------------------------------------------------------------------------------------


def test_a_certified_copy_is_a_document_of_its_own(desk: Desk) -> None:
    desk.bring(anchor(1, OLD), anchor(3, OLD), change("withdraw", 3, OLD, reason="other"), by=OLD)
    desk.bring(copy_of(2, original=paper(1), original_authority=OLD))
    assert (desk.standing(2), desk.standing(1, OLD)) == (("in-force", 1), ("in-force", 1))
    desk.bring(copy_of(4))
    assert desk.refusal(copy_of(4, number_tag=bytes(32))) == ("document.exists", True)
    assert desk.refusal(copy_of(5, original=paper(1))) == ("document.original-unknown", False)
    assert desk.refusal(copy_of(5, original=paper(3), original_authority=OLD)) == (
        "document.original-not-in-force",
        True,
    )
    desk.bring(withdraw(4))
    assert desk.standing(4) == ("withdrawn", 2)


STATEMENT: dict[str, Value] = {
    "count": 2,
    "position": 1,
    "certificate": sha256(b"certificate"),
    "signed_ms": START_MS,
    "integrity": "intact",
    "coverage": "revision",
    "changes": "permitted",
    "trust": "not-checked",
}


def test_what_was_found_of_signatures_joins_the_history(desk: Desk) -> None:
    second = STATEMENT | {"position": 2, "coverage": "whole-file", "changes": "none"}
    desk.bring(anchor(1), change("signatures", 1, **STATEMENT), change("signatures", 1, **second))
    assert desk.standing(1) == ("in-force", 3)
    desk.bring(anchor(2), change("signatures", 2, count=0))
    assert desk.standing(2) == ("in-force", 2)
    desk.bring(withdraw(2), change("signatures", 2, **STATEMENT))
    assert desk.standing(2) == ("withdrawn", 4)
    assert desk.refusal(change("signatures", 9, count=0)) == ("document.unknown", False)


@pytest.mark.parametrize("missing", ["position", "integrity", "coverage", "changes", "trust"])
def test_a_statement_about_a_signature_is_whole(missing: str) -> None:
    body = {name: value for name, value in STATEMENT.items() if name != missing}
    assert refused_alone(change("signatures", 1, **body)) == "document.signature-fields"


@pytest.mark.parametrize("name", sorted(set(STATEMENT) - {"count"}))
def test_where_there_is_no_signature_nothing_is_said_of_one(name: str) -> None:
    record = change("signatures", 1, count=0, **{name: STATEMENT[name]})
    assert refused_alone(record) == "document.signature-fields"


def test_a_position_is_among_those_counted() -> None:
    assert refused_alone(change("signatures", 1, **STATEMENT | {"position": 3})) == (
        "document.signature-position"
    )
    assert refused_alone(change("signatures", 1, **STATEMENT | {"name": "Nguyễn Văn A"})) == (
        "record.field-unknown"
    )


def test_a_stamped_copy_joins_the_document_while_that_is_in_force(desk: Desk) -> None:
    desk.bring(anchor(1), change("paper", 1, hash=paper(7)))
    desk.bring(change("paper", 1, hash=paper(8)))
    assert desk.standing(1) == ("in-force", 3)
    found = [lookup.removeprefix(HASH_LOOKUP)[:32] for lookup in desk.lookups]
    copies = [lookup.removeprefix(PAPER_LOOKUP)[:32] for lookup in desk.lookups]
    assert (found.count(paper(1)), copies.count(paper(7)), copies.count(paper(8))) == (3, 1, 1)
    # The copy is no document: nobody has anchored it, and its hash is free for whoever does.
    assert desk.refusal(withdraw(7)) == ("document.unknown", False)
    assert desk.refusal(change("paper", 9, hash=paper(7))) == ("document.unknown", False)
    desk.bring(private(2), change("paper", 2, hash=paper(9)))
    desk.bring(withdraw(1))
    assert desk.refusal(change("paper", 1, hash=paper(9))) == ("document.not-in-force", True)
    assert desk.refusal(change("paper", 1, OLD, hash=paper(9)))[0] == "authority.not-acting"


def test_a_document_is_found_by_what_concerns_it(desk: Desk) -> None:
    desk.bring(anchor(1), numbered(2), change("supersede", 1, by=paper(2)))
    found = [lookup for lookup in desk.lookups if lookup.startswith(HASH_LOOKUP)]
    assert sorted(lookup[len(HASH_LOOKUP) :][:32] for lookup in found) == sorted(
        [paper(1), paper(1), paper(2)]
    )


# -- all of it against the notebook ------------------------------------------------------------------------------------

_papers = st.integers(0, 4).map(paper)
_tags = st.sampled_from([bytes([tag]) * 32 for tag in range(2)])
_authors = st.sampled_from(["office", NEW])


@st.composite
def _records(draw: st.DrawFn) -> tuple[str, str, dict[str, Any]]:
    """An author, and a record that its field table admits, about one of few documents with one of few numbers."""
    author, authority = draw(_authors), draw(st.sampled_from(["office", NEW, OLD]))
    name = draw(
        st.sampled_from(
            [
                *["doc.anchor/1"] * 4,
                "doc.copy/1",
                "doc.supersede/1",
                "doc.withdraw/1",
                "doc.correct/1",
                "doc.paper/1",
                "doc.signatures/1",
            ]
        )
    )
    fields: dict[str, Any] = {"authority": authority}

    def maybe(field_name: str, values: st.SearchStrategy[Any], odds: int = 3) -> None:
        if draw(st.integers(0, odds)) == 0:
            fields[field_name] = draw(values)

    if name == "doc.anchor/1":
        if draw(st.integers(0, 2)):
            fields |= {"hash": draw(_papers), "media_type": "application/pdf", "size": 7}
            maybe("number", st.sampled_from(["1", "2"]), 1)
            if "number" in fields:
                fields["date"] = draw(st.sampled_from(["2025-02-13", "2026-02-13"]))
            maybe("date", st.just("2025-12-31"), 9)
            maybe("book", st.sampled_from(["a", "b"]), 9)
            maybe("secrecy", st.sampled_from(["khong", "mat"]), 9)
            maybe("commitment", _papers, 19)
            maybe("number_tag", _tags, 19)
        else:
            fields["commitment"] = draw(_papers)
            maybe("number_tag", _tags, 1)
            maybe("number", st.just("1"), 19)
        maybe("continues", _papers, 2)
    elif name == "doc.copy/1":
        fields["commitment"] = draw(_papers)
        maybe("number_tag", _tags, 1)
        maybe("continues", _papers)
        maybe("original", _papers)
        maybe("original_authority", st.sampled_from(["office", OLD]))
    else:
        fields["document"] = draw(_papers)
        if name == "doc.withdraw/1":
            fields["reason"] = "other"
        elif name == "doc.signatures/1":
            fields["count"] = 0
        elif name == "doc.paper/1":
            fields["hash"] = draw(_papers)
        else:
            fields["by"] = draw(_papers)
            maybe("by_authority", st.sampled_from(["office", OLD, NEW]))
    return author, name, fields


@given(st.lists(_records(), min_size=1, max_size=24))
def test_the_rules_agree_with_a_notebook(brought: list[tuple[str, str, dict[str, Any]]]) -> None:
    desk, notebook = Desk(), Notebook()
    # What the old authority anchored while it was there.
    desk.bring(anchor(0, OLD), anchor(1, OLD), by=OLD)
    for number in (0, 1):
        kept: dict[str, Any] = {
            "authority": OLD,
            "hash": paper(number),
            "media_type": "application/pdf",
            "size": 7,
        }
        assert notebook.write(OLD, "doc.anchor/1", kept) is None
    desk.time_ms = ENDED_MS
    for author, name, fields in brought:
        acts = fields["authority"] == author or (
            (fields["authority"], author) == (OLD, NEW)
            and name in ("doc.supersede/1", "doc.withdraw/1", "doc.correct/1")
        )
        try:
            desk.bring(encode_record(name, fields), by=author)
            ended = None
        except RefusedError as error:
            ended = error.rule
        if ended == "authority.not-acting":
            assert not acts
        else:
            assert ended == notebook.write(author, name, fields)
    for (authority, document), page in notebook.pages.items():
        row = SubjectRow.parse(desk.state.rows[subject_key("document", authority, document)])
        assert (row.status, row.history.size) == (page.status, len(page.lines))
    kinds = [decode(row)[:1] for row in desk.state.rows]  # type: ignore[index]  # keys are arrays
    assert sum(kind in (["number"], ["number-tag"]) for kind in kinds) == len(notebook.numbers)
