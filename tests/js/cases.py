"""Inputs on which the Python library and the verifier in the browser must agree, beside the vectors.

Honest ones, and many that were damaged at random, the same on every run. What is expected of each is what the library says.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator
from typing import Any, cast

from ledger import days, receipt
from ledger.claims import FullClaims
from ledger.disclosure import CertificateProof, SubjectRecord
from ledger.encoding import Value, decode, encode
from ledger.entry import encode_record, parse_leaf
from ledger.errors import CannotTellError, FormatError, LedgerError, RefusedError, VerificationError
from ledger.fields import Ascii, Bytes, Choice, ChoiceList, Date, Integer, Kind, MediaType, Text
from ledger.hashing import sha256
from ledger.policy import Policy
from ledger.records import RecordType, parse_record, record_types
from ledger.rows import member_key
from ledger.verdict import Judgement, Verdict, judge_proof
from tests.vectorgen.certificate_keys import (
    CLERK,
    ISSUED,
    REINSTATED,
    RENEWAL,
    SHEET_STATED,
    SUSPENDED,
    THIEF,
    desk_of_keys,
    revoked_from,
)
from tests.vectorgen.compact import CLAIMS, DOCUMENT, ISSUE, OFFERED, PLACES, PRIVATE, compact
from tests.vectorgen.compact import ledger as certificates
from tests.vectorgen.histories import NOBODY, SCHOOL, history_of, school
from tests.vectorgen.ledgers import SALT, Ledger, register_key, register_member
from tests.vectorgen.run import typed
from tests.vectorgen.run_histories import RUNNERS as RUN_HISTORIES

CHAIN_ID = certificates().genesis.chain_id

Fields = dict[str, Any]
Case = tuple[Fields, Fields]
"""What goes in, and what must come out."""

FAMILIES = {
    FormatError: "format",
    VerificationError: "verification",
    CannotTellError: "cannot-tell",
    RefusedError: "refused",
}
WORDS = {
    Verdict.IN_FORCE: "in-force",
    Verdict.DOES_NOT_MATCH: "does-not-match",
    Verdict.CANNOT_TELL: "cannot-tell",
    Verdict.NO_LONGER_IN_FORCE: "no-longer-in-force",
}


def outcome(run: Callable[[], Fields]) -> Fields:
    """What the library says, in the words of the harness."""
    try:
        return {"result": run()}
    except LedgerError as error:
        return {"error": {"family": FAMILIES[type(error)], "rule": error.rule}}


# --- damage -----------------------------------------------------------------------------------------------------------


def damaged(data: bytes, chance: random.Random, count: int) -> Iterator[bytes]:
    """Bytes with one thing changed: a bit, the length, or one item of what they encode."""
    value = decode(data, max_bytes=10_000_000, max_items=200_000)
    for number in range(count):
        match number % 6:
            case 0:
                at = chance.randrange(len(data))
                yield data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
            case 1:
                yield data[: chance.randrange(len(data))]
            case _:
                yield encode(changed(value, chance))


def changed(value: Value, chance: random.Random) -> Value:
    """A value with one item, somewhere inside, made another."""
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        way = chance.random()
        if way < 0.1:
            return value[:at] + value[at + 1 :]
        if way < 0.2:
            return [*value[: at + 1], *value[at:]]
        if way < 0.25:
            return value[::-1]
        return [*value[:at], changed(value[at], chance), *value[at + 1 :]]
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(sorted(value))
        if chance.random() < 0.2:
            return {key: item for key, item in value.items() if key != name}
        return {**value, name: changed(value[name], chance)}
    return another(value, chance)


def another(value: Value, chance: random.Random) -> Value:
    """Something else in the place of one item."""
    others: list[Value] = [None, True, 0, -1, 2**53 - 1, "", b"", [], {}, "văn bản", bytes(32), bytes(16)]
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return chance.choice(others)
    if isinstance(value, int):
        return chance.choice([*others, value + 1, max(value - 1, 0)])
    if isinstance(value, str):
        return chance.choice(
            [*others, value + "a", value[:-1], value.upper(), value + "\n", value + "\u202e"]
        )
    if not value or chance.random() < 0.4:
        return chance.choice(others)
    at = chance.randrange(len(value))
    flipped = value[:at] + bytes([value[at] ^ 1 << chance.randrange(8)]) + value[at + 1 :]
    if chance.random() < 0.5:
        return flipped
    # What is itself an encoding inside bytes is opened, so that leaves and records are changed in their parts.
    try:
        return encode(changed(decode(value), chance))
    except LedgerError:
        return chance.choice([flipped, value[:-1], value + b"\0"])


# --- families ---------------------------------------------------------------------------------------------------------


def record_cases() -> dict[str, Case]:
    """Records of every type that the registry has: fields at random, most of them as the table wants them."""
    cases = {}
    for record_type in record_types().values():
        chance = random.Random(record_type.name)
        for number in range(60):
            raw = encode([record_type.name, made_up(record_type, chance)])
            cases[f"{record_type.name} {number}"] = (
                {"record": raw.hex()},
                outcome(lambda raw=raw: _record(raw)),  # type: ignore[misc]
            )
    return cases


def _record(raw: bytes) -> Fields:
    record = parse_record(raw)
    kind, authority, identifier = record.subject
    return {
        "type": record.type.name,
        "record_id": record.id.hex(),
        "authority": record.authority,
        "subject": [kind, authority, typed(identifier)],
    }


def made_up(record_type: RecordType, chance: random.Random) -> dict[str, Value]:
    """A body: each required field and some of the others, now and then with a value that is wrong."""
    share = chance.choice((0.0, 0.3, 0.6, 1.0))
    body = {
        field.name: good_value(field.kind, chance)
        for field in record_type.fields
        if field.required or chance.random() < share
    }
    if chance.random() < 0.3:
        name = chance.choice(sorted(body))
        body[name] = another(body[name], chance)
    if chance.random() < 0.05:
        body["unknown"] = 1
    return body


def good_value(kind: Kind, chance: random.Random) -> Value:
    """A value of a kind; few different ones, so that two fields are now and then equal."""
    match kind:
        case Text(minimum=least):
            return "Đ" * max(1, least)
        case Ascii(minimum=least, alphabet=letters):
            return chance.choice(sorted(letters)[10:13]) * max(1, least)
        case MediaType():
            return "application/pdf"
        case Date():
            return chance.choice(("2024-02-29", "2026-11-22"))
        case Bytes(length=length):
            return chance.choice((bytes(length), bytes([7]) * length))
        case Integer(minimum=least, maximum=most):
            return chance.choice((least, most, min(most, least + 1), min(most, 1_000_000)))
        case Choice(choices=choices):
            return chance.choice(sorted(choices))
        case ChoiceList(choices=choices):
            return list[Value](sorted(chance.sample(sorted(choices), chance.randint(1, 3))))
    return _value_of_a_kind_of_its_own(kind, chance)


def _value_of_a_kind_of_its_own(kind: Kind, chance: random.Random) -> Value:
    """A value of a kind that stands beside its record types."""
    if type(kind).__name__ == "IdentifierList":
        return list[Value](sorted(chance.sample(("a", "b", "c", "7"), chance.randint(1, 3))))
    return encode(["member.roles/1", {}])


def receipt_cases() -> dict[str, Case]:
    """Receipts of several records, whole and damaged in what no signature covers."""
    ledger, policy = certificates(), certificates().policy.format()
    cases = {}
    for which in (ISSUE, OFFERED, DOCUMENT, PRIVATE):
        text = ledger.parts(*PLACES[which]).text()
        head, extra, rest = text.split("\n", 2)
        chance = random.Random(which)
        others = damaged(base64.b64decode(extra.removeprefix("extra ")), chance, 150)
        texts = [
            text,
            *(f"{head}\nextra {base64.b64encode(data).decode()}\n{rest}" for data in others if data),
        ]
        for number, one in enumerate(texts):
            cases[f"{which} {number}"] = (
                {"text": one, "policy": policy},
                outcome(lambda one=one: _receipt(one, policy)),  # type: ignore[misc]
            )
    return cases | succession_cases()


def succession_cases() -> dict[str, Case]:
    """Receipts of a school that the office has taken over: whose rows are shown, in which order, and who acts for whom."""
    ledger = Ledger()
    joined = register_member("school", "Trường THCS Phú Sơn", "office")
    ledger.place([joined, register_key(ledger, "school", "school", "office")], by="admin")
    paper = sha256(b"a paper of the school")
    body: dict[str, Value] = {"authority": "school", "hash": paper, "media_type": "text/plain", "size": 1}
    anchored = ledger.place([encode_record("doc.anchor/1", body)], by="school")
    end: dict[str, Value] = {
        "authority": "office",
        "predecessor": "school",
        "successors": ["office"],
        "effective_ms": ledger.headers[-1].time_ms,
        "kind": "merge",
    }
    ledger.place([encode_record("succession.declare/1", end)], by="admin")
    withdrawal: dict[str, Value] = {"authority": "school", "document": paper, "reason": "wrong-content"}
    withdrawn = ledger.place([encode_record("doc.withdraw/1", withdrawal)])
    school: list[Value] = ["school", list[Value](ledger.prove(member_key("school")))]
    office: list[Value] = ["office", list[Value](ledger.prove(member_key("office")))]
    lists: dict[str, list[Value]] = {
        "both": [school, office],
        "turned round": [office, school],
        "authority alone": [school],
        "successor alone": [office],
        "twice": [school, office, office],
        "renamed": [["school", office[1]], ["office", school[1]]],
        "none": [],
    }
    cases = {}
    for which, index in (("anchored", anchored), ("withdrawn", withdrawn)):
        parts = ledger.parts(index)
        subject, key, _ = cast("list[Value]", parts.extra[6])
        for name, members in lists.items():
            given = {
                "text": parts.put(6, [subject, key, members]).text(),
                "policy": ledger.policy.format(),
            }
            cases[f"{which}: {name}"] = (
                given,
                outcome(lambda given=given: _receipt(given["text"], given["policy"])),  # type: ignore[misc]
            )
    return cases


def _receipt(text: str, policy: str) -> Fields:
    proved = receipt.verify(text, Policy.parse(policy))
    standing = proved.standing
    return {
        "record_id": proved.record_id.hex(),
        "entry_id": proved.entry_id.hex(),
        "status": None if standing is None else standing.subject.status,
        "changed_ms": None if standing is None else standing.subject.changed_ms,
        "members": None if standing is None else list(standing.members),
    }


def history_cases() -> dict[str, Case]:
    """Histories in one part and in several, one of nothing, and damaged ones."""
    policy = school().policy.format()
    whole = history_of(school(), SCHOOL).encoded()
    parts = [history_of(school(), SCHOOL, first, 3).encoded() for first in (0, 3, 6)]
    honest = {
        "whole": [whole],
        "in parts": parts,
        "of nothing": [history_of(school(), NOBODY).encoded()],
        "no part": [],
        "a part missing": [parts[0], parts[2]],
        "the last part missing": parts[:2],
        "a part twice": [parts[0], parts[0]],
        "another subject's part": [parts[0], history_of(school(), NOBODY, 3).encoded()],
    }
    chance = random.Random("history")
    for number, data in enumerate(damaged(whole, chance, 300)):
        honest[f"damaged {number}"] = [data]
    given = {
        name: {"parts": [part.hex() for part in data], "policy": policy} for name, data in honest.items()
    }
    return _judged_as("history", given)


def _judged_as(family: str, given: dict[str, Fields]) -> dict[str, Case]:
    """What the library says of each, as of a vector of that family."""
    return {
        name: (one, outcome(lambda one=one: RUN_HISTORIES[family](one)))  # type: ignore[misc]
        for name, one in given.items()
    }


def compact_cases() -> dict[str, Case]:
    """Compact receipts, with and without what only the holder has, and damaged ones."""
    policy = certificates().policy.format()
    honest = {
        "issue": compact(ISSUE).encoded(),
        "issue with claims": compact(ISSUE).with_private(CLAIMS).encoded(),
        "revoked": compact(OFFERED).encoded(),
        "document": compact(DOCUMENT).encoded(),
        "private": compact(PRIVATE).with_private(SALT).encoded(),
    }
    cases = dict(honest)
    for name, data in honest.items():
        chance = random.Random(name)
        for number, one in enumerate(damaged(data, chance, 80)):
            cases[f"{name} damaged {number}"] = one
    given = {
        name: {"hex": data.hex(), "policy": policy, "chain_id": CHAIN_ID.hex()}
        for name, data in cases.items()
    }
    return _judged_as("compact-receipt", given)


def proof_cases() -> dict[str, Case]:
    """Proof files of certificates: all claims, some, none; at several times; with the wrong records; damaged."""
    policy = certificates().policy.format()
    cases: dict[str, Case] = {}
    issue_places = {ISSUE: [PLACES[ISSUE]], OFFERED: [PLACES[OFFERED], (PLACES[OFFERED][0] + 2, 0)]}
    for which, places in issue_places.items():
        records = tuple(_subject_record(*place) for place in places)
        text = certificates().parts(*PLACES[which]).text()
        full = CertificateProof(text, records, claims=FullClaims(CLAIMS.claims, CLAIMS.salt))
        files = {
            "all": full.encoded(),
            "some": full.disclose(["holder", "note"]).encoded(),
            "none": full.disclose([]).encoded(),
            "too few records": CertificateProof(text, records[:1]).encoded(),
            "other receipt": CertificateProof(
                certificates().parts(*PLACES[DOCUMENT]).text(), records
            ).encoded(),
        }
        value = cast("list[Value]", decode(files["some"]))
        for name, claims in odd_claims(cast("list[Value]", value[4])).items():
            files[name] = encode([*value[:4], claims])
        for name, data in list(files.items())[:2]:
            chance = random.Random(name)
            files |= {f"{name} damaged {at}": one for at, one in enumerate(damaged(data, chance, 80))}
        for name in ("all", "none"):
            asked = {"data": files[name].hex(), "policy": policy, "now_ms": None, "hash": SALT.hex()}
            said = judge_proof(files[name], Policy.parse(policy), now_ms=None, file_hash=SALT)
            cases[f"{which} {name} of a file"] = (asked, {"result": _judged(said)})
        for name, data in files.items():
            for now_ms in (None, days.first_ms("2026-09-21"), days.first_ms("2027-01-01")):
                if now_ms is not None and "damaged" in name:
                    continue
                cases[f"{which} {name} {now_ms}"] = (
                    {"data": data.hex(), "policy": policy, "now_ms": now_ms},
                    {"result": _judged(judge_proof(data, Policy.parse(policy), now_ms=now_ms))},
                )
    return cases | keyed_proof_cases()


def keyed_proof_cases() -> dict[str, Case]:
    """Proof files of a certificate that three keys signed, one of which was revoked: as they are, and damaged."""
    steps = (
        (ISSUED, "office"),
        (SUSPENDED, THIEF),
        (REINSTATED, CLERK),
        (RENEWAL, THIEF),
        (SHEET_STATED, CLERK),
    )
    policy = desk_of_keys().ledger.policy.format()
    cases: dict[str, Case] = {}
    for name, desk in (("keyed", desk_of_keys(*steps)), ("stolen", revoked_from(desk_of_keys(*steps), 1))):
        honest = desk.proof(2, timed=(1, 3)).encoded()
        damage = random.Random(name)
        files = {name: honest} | {
            f"{name} damaged {at}": one for at, one in enumerate(damaged(honest, damage, 120))
        }
        value = cast("list[Value]", decode(honest))
        keys = cast("list[list[Value]]", value[3])
        for at, key in enumerate(keys):
            for number, one in enumerate(damaged(encode(key), damage, 30)):
                try:
                    odd: Value = decode(one)
                except LedgerError:
                    odd = one
                files[f"{name} key {at} damaged {number}"] = encode(
                    [*value[:3], [*keys[:at], odd, *keys[at + 1 :]], value[4]]
                )
        for which, data in files.items():
            for now_ms in (days.first_ms("2026-10-01"), days.first_ms("2027-01-01")):
                cases[f"{which} {now_ms}"] = (
                    {"data": data.hex(), "policy": policy, "now_ms": now_ms},
                    {"result": _judged(judge_proof(data, Policy.parse(policy), now_ms=now_ms))},
                )
    return cases


def odd_claims(some: list[Value]) -> dict[str, Value]:
    """Claims that break one rule of their form each, out of two that are shown."""
    _, count, (first, second) = cast("tuple[int, int, list[list[Value]]]", some)
    path = cast("list[Value]", first[4])
    return {
        "form 2": [2, SALT, []],
        "form -1": [-1],
        "form true": [True, SALT, []],
        "none of how many": [1, 0, [first]],
        "too many": [1, 257, [first]],
        "another count": [1, count + 1, [first]],
        "turned round": [1, count, [second, first]],
        "nothing shown": [1, count, []],
        "shown twice": [1, count, [first, first]],
        "beyond the end": [1, count, [[count, *first[1:]]]],
        "mac of 31 bytes": [1, count, [[*first[:3], bytes(31), path]]],
        "step of 31 bytes": [1, count, [[*first[:4], [bytes(31), *path[1:]]]]],
        "65 steps": [1, count, [[*first[:4], [bytes(32)] * 65]]],
        "five items": [1, count, [[*first, None]]],
        "no claims": [0, SALT, []],
        "pair of three": [0, SALT, [["holder", "a", "b"]]],
        "pair of one": [0, SALT, [["holder"]]],
        "salt of 31 bytes": [0, SALT[1:], [["holder", "a"]]],
        "257 claims": [0, SALT, [[f"claim-{number}", number] for number in range(257)]],
        "name of 65 letters": [0, SALT, [["a" * 65, 1]]],
        "name with a newline": [0, SALT, [["holder\n", 1]]],
        "no name": [0, SALT, [["", 1]]],
        "long value": [0, SALT, [["holder", "Đ" * 2_049]]],
        "value of bytes": [0, SALT, [["holder", b"a"]]],
        "value of a list": [0, SALT, [["holder", []]]],
    }


def _subject_record(index: int, at: int) -> SubjectRecord:
    body, _ = parse_leaf(certificates().leaves[index])
    return SubjectRecord(body.encoded(), at, certificates().records[index][at])


def _judged(judgement: Judgement) -> Fields:
    certificate = judgement.certificate
    return {
        "verdict": WORDS[judgement.verdict],
        "rule": judgement.rule,
        "since_ms": judgement.since_ms,
        "claims": [list(claim) for claim in judgement.claims],
        "issuer": None if judgement.issuer is None else judgement.issuer.name,
        "complete": None if certificate is None else certificate.complete,
        "reason_code": None if certificate is None else certificate.reason,
        "disputed_records": None if certificate is None else sorted(certificate.disputed),
    }


FAMILIES_OF_CASES: dict[str, Callable[[], dict[str, Case]]] = {
    "made-up-records": record_cases,
    "damaged-receipts": receipt_cases,
    "damaged-histories": history_cases,
    "damaged-compact-receipts": compact_cases,
    "certificate-proofs": proof_cases,
}
