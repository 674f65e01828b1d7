"""Record types: the registry, what each type asks of its fields, and every rule of its own by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.encoding import Value, encode
from ledger.entry import encode_record
from ledger.errors import CannotTellError, FormatError, LedgerError, RefusedError
from ledger.hashing import leaf_hash, sha256
from ledger.records import parse_record, record_types
from ledger.records.base import (
    MAX_TYPE_BYTES,
    RecordType,
    Subject,
    integer,
    octets,
    split_record,
    text,
    words,
)
from ledger.records.documents import HASH_LOOKUP, authority_tag
from ledger.records.members import possession_message
from ledger.records.numbering import number_lookup
from ledger.roles import ROLES
from ledger.rows import KeyRow, MemberRow, SubjectRow, key_key, member_key, subject_key
from tests import edwards
from tests.chains import START_MS, document, key
from tests.test_rules import CHAIN_ID, Desk, end_key, record, register_key, register_member
from tests.vectorgen.bodies import BODIES, PRIVATE, PUBLIC


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refusal(desk: Desk, *records: bytes, by: str = "admin") -> tuple[str, bool]:
    return desk.refusal(desk.entry(*records, by=by))


def row(desk: Desk, *subject: str | bytes) -> SubjectRow:
    kind, authority, identifier = subject
    assert isinstance(kind, str)
    assert isinstance(authority, str)
    return SubjectRow.parse(desk.state.rows[subject_key(kind, authority, identifier)])


# --- the registry -----------------------------------------------------------------------------------------------------


def test_the_registry_holds_the_types_in_order_of_name() -> None:
    assert list(record_types()) == sorted(BODIES)


@pytest.mark.parametrize("record_type", record_types().values(), ids=lambda one: one.name)
def test_every_type_is_well_made(record_type: RecordType) -> None:
    names = [field.name for field in record_type.fields]
    assert len(set(names)) == len(names)
    assert names[0] == "authority"
    assert record_type.fields[0].required
    assert record_type.roles
    assert record_type.roles <= ROLES
    assert len(record_type.name.encode()) <= MAX_TYPE_BYTES
    assert record_type.name.rsplit("/", 1)[1].isdigit()
    assert record_type.meaning.endswith(".")
    for field in record_type.fields:
        assert field.meaning


@pytest.mark.parametrize("name", BODIES)
def test_a_good_record_is_read(name: str) -> None:
    raw = encode_record(name, BODIES[name])
    read = parse_record(raw)
    assert (read.type.name, read.body, read.raw) == (name, BODIES[name], raw)
    assert read.id == leaf_hash(raw)
    assert read.authority == BODIES[name]["authority"]
    assert isinstance(read.subject, Subject)


@given(st.binary(max_size=120))
def test_any_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises((FormatError, CannotTellError, RefusedError)):
        parse_record(data)


@given(st.sampled_from(sorted(BODIES)), st.data())
def test_a_changed_byte_gives_another_record_or_none(name: str, data: st.DataObject) -> None:
    raw = encode_record(name, BODIES[name])
    at, mask = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(1, 255))
    changed = raw[:at] + bytes([raw[at] ^ mask]) + raw[at + 1 :]
    try:
        read = parse_record(changed)
    except LedgerError:
        return
    assert encode_record(read.type.name, dict(read.body)) == changed
    assert read.id != leaf_hash(raw)


def test_the_name_of_a_type_is_measured_in_bytes() -> None:
    for name, family in (
        ("a" * 32, CannotTellError),
        ("a" * 33, FormatError),
        ("ế" * 11, FormatError),
        ("", FormatError),
    ):
        with pytest.raises(family):
            parse_record(encode([name, {}]))


def test_a_record_of_an_unknown_type_can_still_be_split() -> None:
    assert split_record(encode(["doc.shred/9", {"a": 1}])) == ("doc.shred/9", {"a": 1})


@pytest.mark.parametrize("read", [text, octets, integer, words])
def test_fields_are_read_as_what_the_table_says(read: object) -> None:
    values: dict[object, Value] = {text: "a", octets: b"a", integer: 1, words: ["a"]}
    for kind, value in values.items():
        if kind is read:
            read({"f": value}, "f")  # type: ignore[operator]
        else:
            with pytest.raises(FormatError):
                read({"f": value}, "f")  # type: ignore[operator]


# --- documents --------------------------------------------------------------------------------------------------------


def rule_of(body: dict[str, Value]) -> str:
    with pytest.raises(RefusedError) as caught:
        parse_record(encode_record("doc.anchor/1", body))
    assert caught.value.permanent
    return caught.value.rule


def test_a_document_is_known_by_its_hash_or_its_commitment() -> None:
    public, private = (parse_record(encode_record("doc.anchor/1", body)) for body in (PUBLIC, PRIVATE))
    assert public.subject == Subject("document", "office", sha256(b"a paper"))
    assert private.subject == Subject("document", "office", sha256(b"a commitment"))
    assert public.type.lookups(public.body) == (
        HASH_LOOKUP + sha256(b"a paper") + authority_tag("office"),
        *number_lookup(public.body, authority_tag("office")),
    )
    assert private.type.lookups(private.body) == (
        HASH_LOOKUP + sha256(b"a commitment") + authority_tag("office"),
    )


def test_a_document_has_a_hash_or_a_commitment_and_not_both() -> None:
    assert rule_of({"authority": "office"}) == "document.hash-or-commitment"
    assert rule_of(PUBLIC | PRIVATE) == "document.hash-or-commitment"


@pytest.mark.parametrize("field", sorted(PUBLIC.keys() - {"authority", "continues", "hash"}))
def test_a_commitment_discloses_nothing(field: str) -> None:
    assert rule_of(PRIVATE | {field: PUBLIC[field]}) == "document.commitment-discloses"


def test_a_commitment_may_continue_another_by_its_tag_alone() -> None:
    """`continues` names an earlier commitment, which is as good as random; so it says nothing about the paper."""
    continued = PRIVATE | {"continues": PUBLIC["continues"]}
    assert parse_record(encode_record("doc.anchor/1", continued)).subject.identifier == PRIVATE["commitment"]
    without = {name: value for name, value in continued.items() if name != "number_tag"}
    assert rule_of(without) == "document.continues-alone"


@pytest.mark.parametrize("field", ["media_type", "size"])
def test_a_public_document_is_described(field: str) -> None:
    assert rule_of({name: value for name, value in PUBLIC.items() if name != field}) == "document.description"


def test_a_document_that_exists_is_refused(desk: Desk) -> None:
    desk.bring(desk.entry(document(1)))
    assert refusal(desk, document(1, symbol="BC"), by="office") == ("document.exists", True)


def test_a_document_twice_in_one_entry_is_refused(desk: Desk) -> None:
    assert refusal(desk, document(1), document(1, symbol="BC"), by="office") == ("document.exists", True)


def test_two_authorities_may_anchor_one_document(desk: Desk) -> None:
    """Nobody can keep another from anchoring its own paper by being faster with the hash."""
    desk.bring(
        desk.entry(
            register_member("school", "office"), register_key("school", "school", "office"), by="admin"
        )
    )
    desk.bring(desk.entry(document(1, authority="school"), by="school"))
    desk.bring(desk.entry(document(1)))
    ids = {row(desk, "document", authority, sha256(b"paper 1")).issue for authority in ("office", "school")}
    assert len(ids) == 2


def test_a_commitment_and_a_hash_of_the_same_bytes_are_one_subject(desk: Desk) -> None:
    digest = sha256(b"paper 1")
    desk.bring(desk.entry(document(1)))
    assert refusal(desk, record("doc.anchor/1", commitment=digest), by="office") == ("document.exists", True)


# --- members ----------------------------------------------------------------------------------------------------------


def test_a_member_is_registered(desk: Desk) -> None:
    desk.bring(desk.entry(register_member("school", "auditor", "office"), by="admin"))
    member = MemberRow.parse(desk.state.rows[member_key("school")])
    assert member == MemberRow("Member school", ("auditor", "office"), START_MS + 1000)
    assert row(desk, "member", "school", "school").status == "in-force"


def test_a_member_that_exists_is_refused(desk: Desk) -> None:
    assert refusal(desk, register_member("office", "office")) == ("member.exists", True)


def test_roles_of_a_member_that_does_not_exist_are_refused_for_now(desk: Desk) -> None:
    roles = record("member.roles/1", member="school", roles=["office"])
    assert refusal(desk, roles) == ("member.unknown", False)


def test_roles_replace_those_before_and_the_history_grows(desk: Desk) -> None:
    desk.bring(desk.entry(register_member("school", "office"), by="admin"))
    desk.time_ms += 5
    desk.bring(desk.entry(record("member.roles/1", member="school", roles=["auditor"]), by="admin"))
    member = MemberRow.parse(desk.state.rows[member_key("school")])
    assert member == MemberRow("Member school", ("auditor",), START_MS + 1000)
    subject = row(desk, "member", "school", "school")
    assert (subject.history.size, subject.time_ms) == (2, START_MS + 1000)


def test_a_member_from_the_genesis_document_gets_its_subject_with_its_first_record(desk: Desk) -> None:
    assert subject_key("member", "office", "office") not in desk.state.rows
    desk.bring(desk.entry(record("member.roles/1", member="office", roles=["administrator"]), by="admin"))
    assert row(desk, "member", "office", "office").history.size == 1


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_is_registered(desk: Desk) -> None:
    desk.bring(desk.entry(register_key("office", "second", "office"), by="admin"))
    public_key = key("second").public_key
    assert KeyRow.parse(desk.state.rows[key_key(public_key)]) == KeyRow(
        "office", ("office",), START_MS + 1000
    )
    assert row(desk, "key", "office", public_key).status == "in-force"


def test_a_key_of_nobody_is_refused_for_now(desk: Desk) -> None:
    assert refusal(desk, register_key("school", "second", "office")) == ("member.unknown", False)


def test_a_key_that_exists_is_refused_even_for_another_member(desk: Desk) -> None:
    assert refusal(desk, register_key("office", "office", "office")) == ("key.exists", True)
    desk.bring(desk.entry(register_member("school", "office"), by="admin"))
    assert refusal(desk, register_key("school", "office", "office")) == ("key.exists", True)


def test_a_key_that_was_retired_or_revoked_never_comes_back(desk: Desk) -> None:
    desk.bring(desk.entry(register_key("office", "second", "office"), by="admin"))
    desk.bring(
        desk.entry(end_key("retire", "office", "second"), end_key("retire", "office", "office"), by="admin")
    )
    desk.bring(desk.entry(end_key("revoke", "office", "office", from_ms=0), by="admin"))
    for name in ("second", "office"):
        assert refusal(desk, register_key("office", name, "office")) == ("key.exists", True)


def test_a_key_has_only_roles_that_its_member_has(desk: Desk) -> None:
    desk.bring(desk.entry(register_member("school", "office"), by="admin"))
    assert refusal(desk, register_key("school", "school", "issuer", "office")) == ("key.roles", False)
    desk.bring(desk.entry(register_key("school", "school", "office"), by="admin"))


def possession(member: str, name: str, chain_id: bytes = CHAIN_ID) -> bytes:
    return key(name).sign(possession_message(chain_id, member, key(name).public_key))


def test_possession_is_a_signature_by_the_key_over_chain_member_and_key(desk: Desk) -> None:
    message = b"sogoc/v1/key-possession\x00" + encode([CHAIN_ID, "office", key("second").public_key])
    assert possession_message(CHAIN_ID, "office", key("second").public_key) == message
    good = possession("office", "second")
    wrong = {
        "nothing": bytes(64),
        "a bit changed": bytes([good[0] ^ 1]) + good[1:],
        "another chain": possession("office", "second", bytes(32)),
        "another member": possession("school", "second"),
        "another key": possession("office", "third"),
        "no context": key("second").sign(encode([CHAIN_ID, "office", key("second").public_key])),
    }
    for what, signature in wrong.items():
        body = record(
            "key.register/1",
            member="office",
            key=key("second").public_key,
            roles=["office"],
            possession=signature,
        )
        assert refusal(desk, body) == ("key.possession", True), what


def test_keys_outside_the_prime_order_subgroup_are_refused(desk: Desk) -> None:
    """Their signatures can be valid by the ledger's rule, and are told otherwise by other verifiers."""
    honest = edwards.multiply(7, edwards.BASE)
    for point in edwards.torsion()[1:]:
        mixed = edwards.compress(edwards.add(honest, point))
        nonce, message = 1, possession_message(CHAIN_ID, "office", mixed)
        while edwards.challenge(edwards.sign(7, mixed, message, nonce)[:32], mixed, message) % 8:
            nonce += 1
        body = record(
            "key.register/1",
            member="office",
            key=mixed,
            roles=["office"],
            possession=edwards.sign(7, mixed, message, nonce),
        )
        assert refusal(desk, body) == ("key.possession", True)


def test_a_key_is_retired_once(desk: Desk) -> None:
    desk.bring(desk.entry(end_key("retire", "office", "office"), by="admin"))
    retired = KeyRow.parse(desk.state.rows[key_key(key("office").public_key)])
    assert (retired.retired_ms, retired.revoked_ms, retired.disputed_from_ms) == (START_MS + 1000, None, None)
    assert row(desk, "key", "office", key("office").public_key).status == "retired"
    desk.time_ms += 1
    assert refusal(desk, end_key("retire", "office", "office")) == ("key.ended", True)


def test_a_key_is_revoked_once_retired_or_not(desk: Desk) -> None:
    desk.bring(desk.entry(end_key("retire", "office", "office"), by="admin"))
    desk.time_ms += 5
    desk.bring(desk.entry(end_key("revoke", "office", "office", from_ms=START_MS), by="admin"))
    revoked = KeyRow.parse(desk.state.rows[key_key(key("office").public_key)])
    assert (revoked.retired_ms, revoked.revoked_ms, revoked.disputed_from_ms) == (
        START_MS + 1000,
        START_MS + 1005,
        START_MS,
    )
    assert row(desk, "key", "office", key("office").public_key).status == "revoked"
    assert refusal(desk, end_key("retire", "office", "office")) == ("key.ended", True)


def test_a_revoked_key_gets_another_start_of_its_dispute_and_nothing_else(desk: Desk) -> None:
    desk.bring(desk.entry(end_key("revoke", "office", "office", from_ms=START_MS), by="admin"))
    again = end_key("revoke", "office", "office", from_ms=START_MS)
    assert refusal(desk, again) == ("key.ended", True)
    desk.time_ms += 5
    desk.bring(desk.entry(end_key("revoke", "office", "office", from_ms=0), by="admin"))
    revoked = KeyRow.parse(desk.state.rows[key_key(key("office").public_key)])
    assert (revoked.retired_ms, revoked.revoked_ms, revoked.disputed_from_ms) == (None, START_MS + 1000, 0)
    assert row(desk, "key", "office", key("office").public_key).history.size == 2


def test_a_key_by_itself_disputes_what_it_signed_of_late(desk: Desk) -> None:
    day_ms = 24 * 3600 * 1000
    early = end_key("revoke", "office", "office", from_ms=desk.time_ms - day_ms - 1)
    assert refusal(desk, early, by="office") == ("key.dispute-early", False)
    late = end_key("revoke", "office", "office", from_ms=desk.time_ms - day_ms)
    desk.bring(desk.entry(late, by="office"))
    desk.bring(desk.entry(early, by="admin"))


def test_a_key_is_not_revoked_from_a_time_to_come(desk: Desk) -> None:
    ahead = end_key("revoke", "office", "office", from_ms=desk.time_ms + 1)
    assert refusal(desk, ahead) == ("key.revoked-ahead", False)
    desk.bring(desk.entry(end_key("revoke", "office", "office", from_ms=desk.time_ms), by="admin"))


@pytest.mark.parametrize("verb", ["retire", "revoke"])
def test_a_key_that_does_not_exist_is_not_ended(desk: Desk, verb: str) -> None:
    fields = {"from_ms": 0} if verb == "revoke" else {}
    assert refusal(desk, end_key(verb, "office", "second", **fields)) == ("key.unknown", False)


@pytest.mark.parametrize("verb", ["retire", "revoke"])
def test_a_key_is_ended_under_its_own_member_s_name(desk: Desk, verb: str) -> None:
    fields = {"from_ms": 0} if verb == "revoke" else {}
    desk.bring(desk.entry(register_member("school", "office"), by="admin"))
    assert refusal(desk, end_key(verb, "school", "office", **fields)) == ("key.other-member", True)


def test_an_administrator_may_end_the_key_that_signs(desk: Desk) -> None:
    desk.bring(desk.entry(end_key("revoke", "office", "admin", from_ms=0), by="admin"))
    assert refusal(desk, register_member("school", "office")) == ("key.revoked", True)
