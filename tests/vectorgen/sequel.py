"""The golden blocks after the thirteenth: documents change, certificates, a vault, administrators, and who follows whom."""

from __future__ import annotations

import hashlib
import hmac

from ledger import merkle
from ledger.encoding import Value, encode
from ledger.entry import Entry, encode_record
from ledger.hashing import leaf_hash, sha256
from ledger.records.members import possession_message
from ledger.records.privacy import vault_item
from ledger.records.validators import PURPOSES
from ledger.records.validators import possession_message as validator_message
from tests.chains import document, key, validator_name
from tests.vectorgen.ledgers import SALT, commitment, register_key
from tests.vectorgen.story import DAY_MS, MINUTE_MS, Story

HOUR_MS = 60 * MINUTE_MS
OFFICE, SCHOOL, INSPECTORS = "office", "truong-thcs", "thanh-tra"
DISTRICT, JOINT, PROVINCE = "huyen-cu", "truong-lien-cap", "tinh"
CERTIFICATES = [sha256(b"certificate %d" % number)[:16] for number in range(3)]
CLAIMS: tuple[tuple[str, Value], ...] = (("ten_san_pham", "Chè Phú Sơn"), ("hang_sao", 4), ("ghi_chu", None))


def record(name: str, authority: str = OFFICE, /, **fields: Value) -> bytes:
    """A record's canonical bytes."""
    return encode_record(name, {"authority": authority, **fields})


def paper(number: int) -> bytes:
    """SHA-256 of the file of `document(number)`."""
    return sha256(b"paper %d" % number)


def tell(story: Story) -> None:
    """All of it, onto the story as it is."""
    _documents(story)
    _certificates(story)
    _vault(story)
    _keys(story)
    _succession(story)
    _administrators(story)
    _validators(story)


# --- documents --------------------------------------------------------------------------------------------------------


def _anchor(number: int, **fields: Value) -> bytes:
    return record(
        "doc.anchor/1",
        hash=paper(number),
        media_type="application/pdf",
        size=1000 + number,
        abstract="Về việc tổ chức Ngày hội Đại đoàn kết toàn dân tộc",
        book="di-2026",
        date="2026-11-18",
        kind="thong-bao",
        number="57",
        secrecy="khong",
        symbol="TB-UBND",
        urgency="thuong-khan",
        **fields,
    )


def _tag(number: str) -> bytes:
    return hmac.new(SALT, b"number\x00" + encode(["chung-thuc", 2026, number]), hashlib.sha256).digest()


def _documents(story: Story) -> None:
    copies = [commitment(file) for file in (b"a copy", b"the copy once more, legible")]
    story.tell(
        "A document with every field there is takes a number in a book and a year; a corrected version takes the number over.",
        story.entry([_anchor(200)]),
        story.entry([_anchor(201, continues=paper(200))]),
    )
    story.tell(
        "One document takes another's place, one corrects another, one gets a stamped copy, and one is withdrawn.",
        story.entry(
            [
                record("doc.supersede/1", document=paper(1), by=paper(2), by_authority=OFFICE),
                record("doc.correct/1", document=paper(3), by=paper(100), by_authority=OFFICE),
                record("doc.paper/1", document=paper(100), hash=sha256(b"a stamped copy")),
                record("doc.withdraw/1", document=paper(101), reason="recorded-in-error"),
            ]
        ),
    )
    school = story.entry(
        [
            record(
                "doc.copy/1",
                SCHOOL,
                commitment=copies[0],
                number_tag=_tag("18"),
                original=paper(102),
                original_authority=OFFICE,
            ),
            record(
                "doc.copy/1",
                SCHOOL,
                commitment=copies[1],
                number_tag=_tag("18"),
                continues=copies[0],
            ),
        ],
        by="school 2",
    )
    private = record(
        "doc.anchor/1", commitment=commitment(b"a decision about a person"), number_tag=_tag("9")
    )
    again = record(
        "doc.anchor/1",
        commitment=commitment(b"the same decision, corrected"),
        number_tag=_tag("9"),
        continues=commitment(b"a decision about a person"),
    )
    story.tell(
        "The school certifies a copy of the office's paper, and makes it anew. A private paper has a tag for its number.",
        school,
        story.entry([private]),
        story.entry([again]),
    )
    good: dict[str, Value] = {
        "integrity": "intact",
        "coverage": "revision",
        "changes": "permitted",
        "trust": "trusted",
    }
    signer: dict[str, Value] = {
        "certificate": sha256(b"a signer's certificate"),
        "signed_ms": story.headers[0].time_ms - HOUR_MS,
    }
    story.tell(
        "What the office found of the signatures in two of its files: two in the first, none in the second.",
        story.entry(
            [
                record("doc.signatures/1", document=paper(103), count=2, position=1, **good, **signer),
                record("doc.signatures/1", document=paper(103), count=2, position=2, **good),
                record("doc.signatures/1", document=paper(104), count=0),
            ]
        ),
    )


# --- certificates -----------------------------------------------------------------------------------------------------


def _claims_root() -> bytes:
    leaves = []
    for name, value in CLAIMS:
        leaves.append(encode([name, value, hmac.new(SALT, name.encode(), hashlib.sha256).digest()]))
    return merkle.root(leaves)


def _issue(certificate: bytes, authority: str = OFFICE, **fields: Value) -> bytes:
    return record(
        "cert.issue/1",
        authority,
        certificate=certificate,
        schema="ocop.1",
        claims_root=_claims_root(),
        claims_count=len(CLAIMS),
        **fields,
    )


def _certificates(story: Story) -> None:
    first, second, _ = CERTIFICATES
    story.tell(
        "Two certificates are issued: one with days and a place in the status list, one without; then the first one's paper.",
        story.entry(
            [
                _issue(first, valid_from="2026-09-30", valid_until="2027-09-29", status_index=131_072),
                _issue(second),
            ]
        ),
        story.entry([record("cert.paper/1", certificate=first, hash=sha256(b"a signed sheet"))]),
    )
    story.tell(
        "The first certificate is suspended, and the second one revoked.",
        story.entry([record("cert.suspend/1", certificate=first, reason="complaint")]),
        story.entry([record("cert.revoke/1", certificate=second, reason="issued-in-error")]),
    )
    story.tell(
        "The first certificate is reinstated and, in the same entry, renewed.",
        story.entry(
            [
                record("cert.reinstate/1", certificate=first, decision="31/QD-UBND"),
                record("cert.renew/1", certificate=first, valid_until="2028-09-29"),
            ]
        ),
    )


# --- a vault ----------------------------------------------------------------------------------------------------------


def _vault(story: Story) -> None:
    item = vault_item(OFFICE, "certificate", CERTIFICATES[1])
    law: dict[str, Value] = {"law": "91/2025/QH15"}
    story.tell(
        "An inspector looks at what the office keeps of the second certificate; then the office destroys its key and salt.",
        story.entry(
            [
                record(
                    "access.log/1",
                    INSPECTORS,
                    owner=OFFICE,
                    item=item,
                    nonce=sha256(b"a look")[:16],
                    purpose="inspection",
                    legal_ground="public-task",
                    **law,
                )
            ],
            by="inspector",
        ),
        story.entry([record("erase.tombstone/1", item=item, legal_ground="data-subject-request", **law)]),
    )


# --- keys and parameters, while there is one administrator --------------------------------------------------------------


def _shown(story: Story, member: str, name: str) -> dict[str, Value]:
    """The fields that show a key of the member."""
    public_key = key(name).public_key
    message = possession_message(story.genesis.chain_id, member, public_key)
    return {"key": public_key, "possession": key(name).sign(message)}


def _keys(story: Story) -> None:
    story.tell(
        "The school's key puts another in its place. The office's administrator sets a parameter: 14 days of grace.",
        story.entry([record("key.rotate/1", SCHOOL, **_shown(story, SCHOOL, "school 3"))], by="school 2"),
        story.entry(
            [
                record(
                    "parameter.set/1",
                    name="key-grace-ms",
                    value=14 * DAY_MS,
                    decision="Quy chế vận hành, Điều 4",
                )
            ],
            by="admin",
        ),
    )
    registered = record(
        "key.register/1",
        member=OFFICE,
        roles=["issuer", "office"],
        until_ms=story.next_time_ms + 365 * DAY_MS,
        **_shown(story, OFFICE, "officer 2"),
    )
    story.tell(
        "A key of the office for a year; and the school gets the role that manages its own keys, with a key for that.",
        story.entry([registered], by="admin"),
        story.entry(
            [
                record("member.roles/1", member=SCHOOL, roles=["key-manager", "office"]),
                register_key(story, SCHOOL, "school manager", "key-manager"),
            ],
            by="admin",
        ),
    )
    own = record(
        "key.register/1", SCHOOL, member=SCHOOL, roles=["office"], **_shown(story, SCHOOL, "school 4")
    )
    story.tell(
        "The school puts a key in service by itself, and retires the one before.",
        story.entry([own], by="school manager"),
        story.entry(
            [record("key.retire/1", SCHOOL, member=SCHOOL, key=key("school 3").public_key)],
            by="school manager",
        ),
    )


# --- who follows whom ---------------------------------------------------------------------------------------------------


def _succession(story: Story) -> None:
    district = record(
        "member.register/1",
        member=DISTRICT,
        name="Ủy ban nhân dân huyện",
        roles=["issuer", "key-manager", "office"],
        decision="Quyết định 3/QĐ-UBND",
        **_shown(story, DISTRICT, "district"),
    )
    joint = record(
        "member.register/1",
        member=JOINT,
        name="Trường liên cấp Phú Sơn",
        roles=["issuer", "key-manager", "office"],
        **_shown(story, JOINT, "joint school"),
    )
    story.tell(
        "Two members are admitted, each with its first key; the one that will soon end signs twice.",
        story.entry([district, joint], by="admin"),
        story.entry([document(300, authority=DISTRICT), _issue(CERTIFICATES[2], DISTRICT)], by="district"),
    )
    ended_ms = story.next_time_ms
    story.tell(
        "Declared when it had ended already: the district's business goes to the office and to the new school.",
        story.entry(
            [
                record(
                    "succession.declare/1",
                    predecessor=DISTRICT,
                    successors=[OFFICE, JOINT],
                    effective_ms=ended_ms,
                    kind="split",
                    decision="Nghị quyết 1661/NQ-UBTVQH15",
                )
            ],
            by="admin",
        ),
        wait_ms=DAY_MS,
    )
    item = vault_item(DISTRICT, "certificate", CERTIFICATES[2])
    story.tell(
        "Successors act for the district: a paper is superseded by one of theirs, a certificate revoked, its salt destroyed.",
        story.entry([document(301, authority=JOINT)], by="joint school"),
        story.entry(
            [record("doc.supersede/1", DISTRICT, document=paper(300), by=paper(301), by_authority=JOINT)],
            by="joint school",
        ),
        story.entry(
            [
                record("cert.revoke/1", DISTRICT, certificate=CERTIFICATES[2], reason="conditions-ended"),
                record("erase.tombstone/1", DISTRICT, item=item, legal_ground="retention-over"),
            ]
        ),
    )
    hand_over: dict[str, Value] = {
        "successors": [JOINT],
        "kind": "merge",
        "decision": "Quyết định 77/QĐ-UBND",
    }
    at_ms = story.next_time_ms + DAY_MS
    story.tell(
        "The school hands over to the new one, a day ahead.",
        story.entry(
            [record("succession.handover/1", SCHOOL, effective_ms=at_ms, **hand_over)], by="school manager"
        ),
    )
    story.tell(
        "The school calls it off, and hands over at a later time.",
        story.entry(
            [record("succession.cancel/1", SCHOOL, predecessor=SCHOOL, decision="Quyết định 78/QĐ-UBND")],
            by="school manager",
        ),
        story.entry(
            [record("succession.handover/1", SCHOOL, effective_ms=at_ms + HOUR_MS, **hand_over)],
            by="school manager",
        ),
    )
    on_its_way = story.entry([document(8, authority=SCHOOL)], by="school 4", time_ms=at_ms)
    story.tell(
        "The school has ended: what it signed before is still taken; its successor withdraws one of its papers.",
        on_its_way,
        story.entry(
            [record("doc.withdraw/1", SCHOOL, document=paper(7), reason="no-longer-applies")],
            by="joint school",
        ),
        wait_ms=2 * DAY_MS,
    )


# --- several administrators ---------------------------------------------------------------------------------------------


def _proposed(action: bytes, by: str, expires_ms: int) -> bytes:
    return record("governance.propose/1", by, action=action, expires_ms=expires_ms)


def _approval(by: str, proposal: bytes, proposer: str) -> bytes:
    return record("governance.approve/1", by, proposal=leaf_hash(proposal), proposer=proposer)


def _administrators(story: Story) -> None:
    province = record(
        "member.register/1",
        member=PROVINCE,
        name="Ủy ban nhân dân tỉnh",
        roles=["administrator", "office"],
        **_shown(story, PROVINCE, "province"),
    )
    story.tell(
        "A second administrator, with the key that it votes with.", story.entry([province], by="admin")
    )
    expires_ms = story.next_time_ms + 30 * DAY_MS
    promote = record(
        "member.roles/1",
        PROVINCE,
        member=INSPECTORS,
        roles=["administrator", "auditor", "inspector", "office"],
        decision="Quyết định 9/QĐ-UBND",
        **_shown(story, INSPECTORS, "inspectors' vote"),
    )
    third = _proposed(promote, PROVINCE, expires_ms)
    story.tell(
        "The province proposes a third administrator. The office proposes a shorter grace, and takes that back.",
        story.entry([third], by="province"),
        *_taken_back(story, expires_ms),
    )
    story.tell(
        "The office approves: two of two, and it is done.",
        story.entry([_approval(OFFICE, third, PROVINCE)], by="admin"),
    )
    revoke = record(
        "key.revoke/1",
        member=OFFICE,
        key=key("officer 2").public_key,
        from_ms=story.tip.header.time_ms,
    )
    limit = _proposed(
        record("parameter.set/1", name="entry-time-ahead-ms", value=2 * MINUTE_MS), OFFICE, expires_ms
    )
    story.tell(
        "The office ends a key of its own alone, and proposes a parameter: three administrators now, and all must agree.",
        story.entry([revoke], by="admin"),
        story.entry([limit], by="admin"),
        story.entry([_approval(PROVINCE, limit, OFFICE)], by="province"),
    )
    story.tell(
        "The third vote, which makes the quorum: the parameter is set.",
        story.entry([_approval(INSPECTORS, limit, OFFICE)], by="inspectors' vote"),
    )
    story.tell("From this block on it counts: a clock two minutes ahead, no more.", _ahead(story))


def _taken_back(story: Story, expires_ms: int) -> list[Entry]:
    grace = record("parameter.set/1", name="key-grace-ms", value=DAY_MS, decision="Dự thảo Quy chế vận hành")
    shorter = _proposed(grace, OFFICE, expires_ms)
    withdrawn = record("governance.withdraw/1", proposal=leaf_hash(shorter))
    return [story.entry([shorter], by="admin"), story.entry([withdrawn], by="admin")]


def _ahead(story: Story) -> Entry:
    return story.entry([document(400)], time_ms=story.next_time_ms + 2 * MINUTE_MS)


# --- validators ---------------------------------------------------------------------------------------------------------


def _change(story: Story, number: int, name: str, generation: str, /, **fields: Value) -> bytes:
    """A change of the set: the validator gets a key for each purpose, whose names end in `generation`."""
    body: dict[str, Value] = {"set": number, "validator": name, **fields}
    for purpose in PURPOSES:
        new = key(f"{purpose} {generation}")
        message = validator_message(story.genesis.chain_id, name, purpose, new.public_key)
        body |= {f"{purpose}_key": new.public_key, f"{purpose}_possession": new.sign(message)}
    return record("validator.set/1", **body)


def _validators(story: Story) -> None:
    expires_ms = story.next_time_ms + 30 * DAY_MS
    which = (len(story.headers) + 2) % len(story.header_keys)
    rotated = _proposed(_change(story, 0, validator_name(which), "anew"), OFFICE, expires_ms)
    story.tell(
        "New keys for one of the validators, a witness key among them: proposed, and approved by one more.",
        story.entry([rotated], by="admin"),
        story.entry([_approval(PROVINCE, rotated, OFFICE)], by="province"),
    )
    story.tell(
        "The third vote: the set is another one from the next block on. This block is still judged by the set before.",
        story.entry([_approval(INSPECTORS, rotated, OFFICE)], by="inspectors' vote"),
    )
    story.tell(
        "In the engine height after a change, a key that went may still propose: so it does here.",
        story.entry([document(401)]),
    )
    story.header_keys[which] = "header anew"
    leaver = (which + 2) % len(story.header_keys)
    joined = _proposed(
        _change(
            story,
            1,
            "thanh-tra.example/so-goc",
            "joined",
            leaves=validator_name(leaver),
            decision="Quyết định 15/QĐ-UBND",
        ),
        OFFICE,
        expires_ms,
    )
    story.tell(
        "The inspectorate shall take the place of another validator.",
        story.entry([joined], by="admin"),
        story.entry([_approval(PROVINCE, joined, OFFICE)], by="province"),
    )
    story.tell(
        "It does, while a document is anchored in the same block.",
        story.entry([_approval(INSPECTORS, joined, OFFICE)], by="inspectors' vote"),
        story.entry([document(402)]),
    )
    story.header_keys[leaver] = "header joined"
    story.tell(
        "Two engine heights later only the new set proposes.", story.entry([document(403)]), engine_steps=2
    )


# --- other ledgers ------------------------------------------------------------------------------------------------------


def _witnessed(number: int, size: int, cosigned_s: int) -> bytes:
    return record(
        "checkpoint.witness/1",
        PROVINCE,
        origin=f"phường-{number}.example/sổ-gốc",
        size=size,
        root=sha256(b"ward %d at %d" % (number, size)),
        cosigned_s=cosigned_s,
    )


def tell_of_others(story: Story) -> None:
    """What the province has witnessed of other ledgers, onto the story as it is."""
    time_s = story.next_time_ms // 1000
    story.tell(
        "The province records what it has witnessed of three wards' ledgers, in one entry.",
        story.entry([_witnessed(number, 100 * number, time_s) for number in range(3)], by="province"),
    )
    story.tell(
        "One of them has grown; another was cosigned again as it was.",
        story.entry([_witnessed(1, 250, time_s + 60), _witnessed(2, 200, time_s + 60)], by="province"),
    )
