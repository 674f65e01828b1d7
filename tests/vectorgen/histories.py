"""Vectors of histories: honest ones, and what a server would do that leaves something out or puts something in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from ledger import merkle
from ledger.block import parse_header_leaf
from ledger.encoding import Value, decode, encode
from ledger.entry import Entry, encode_record
from ledger.hashing import leaf_hashes, sha256
from ledger.history_form import MAX_PART_RECORDS, BlockPart, EntryPart, HistoryPart, RecordPart
from ledger.merkle import CompactRange
from ledger.receipt import HeaderPart
from ledger.records import Subject, parse_record
from ledger.rows import SubjectRow, history_leaf, subject_key
from ledger.state import StateProof
from tests.chains import START_MS, document
from tests.vectorgen.case import Case, bad, good
from tests.vectorgen.ledgers import QUORUM, Ledger, register_key, register_member

SCHOOL = Subject("member", "school", "school")
NOBODY = Subject("document", "office", sha256(b"a paper that nobody anchored"))


def roles(*words: str) -> bytes:
    return encode_record("member.roles/1", {"authority": "office", "member": "school", "roles": list(words)})


def school_years(changes: int = 6) -> Ledger:
    """A ledger on which a school joins and its roles change, among documents of others, also twice in one entry."""
    ledger = Ledger()
    ledger.place([document(0)])
    joined = register_member("school", "Trường THCS Phú Sơn", "office")
    ledger.place([joined, register_key(ledger, "school", "school", "office")], by="admin")
    for number in range(changes):
        # The same few records come again word for word: what is told apart by its place alone must be.
        words = ("auditor", "office") if number % 2 else ("issuer", "office")
        ledger.place([document(100 + number), document(200 + number)])
        ledger.place([roles(*words), roles("office")] if number == 2 else [roles(*words)], by="admin")
    ledger.place([document(1)])
    return ledger


@cache
def school() -> Ledger:
    """`school_years`, made once; nobody may add to it."""
    return school_years()


LOT_PATH = "01/08938500000027/10/DSD%2F1121"
LOT = Subject("thing", "*", LOT_PATH)


@cache
def lot() -> Ledger:
    """A lot of a co-operative, and what others recorded about it too; nobody may add to this ledger."""
    ledger = Ledger()
    for member, role in (("htx", "producer"), ("cua-hang", "producer"), ("thanh-tra", "inspector")):
        joined = encode_record(
            "member.register/1",
            {"authority": "office", "member": member, "name": member, "roles": [role]},
        )
        ledger.place([joined, register_key(ledger, member, member, role)], by="admin")
    goods: dict[str, Value] = {"authority": "htx", "gtin": LOT_PATH[3:17]}
    product = goods | {"name": "Dứa sấy dẻo", "category": "fruit.dried", "unit": "H87"}
    ledger.place(
        [
            encode_record("product.register/1", product),
            encode_record("lot.create/1", goods | {"lot": "DSD/1121"}),
        ],
        by="htx",
    )
    ledger.place([_event("htx", 1, LOT_PATH), _event("htx", 2, "01/08938500000010")], by="htx")
    ledger.place([_event("cua-hang", 1, "00/089385000000000010", LOT_PATH)], by="cua-hang")
    recall: dict[str, Value] = {
        "authority": "thanh-tra",
        "owner": "htx",
        "item": LOT_PATH,
        "reason": "quality",
    }
    ledger.place([encode_record("lot.recall/1", recall)], by="thanh-tra")
    return ledger


def _event(authority: str, number: int, *things: str) -> bytes:
    body: dict[str, Value] = {
        "authority": authority,
        "event": b'{"epcList":[],"eventTimeZoneOffset":"+07:00","type":"ObjectEvent"}',
        "event_hash": sha256(b"event %d" % number),
        "kind": "object",
        "things": list(things),
        "time_ms": START_MS,
    }
    return encode_record("epcis.event/1", body)


def is_about(raw: bytes, subject: Subject) -> bool:
    """Whether a record stands in a subject's history; a thing's holds whatever names it."""
    record = parse_record(raw)
    if subject.kind != "thing":
        return record.subject == subject
    things = record.body.get("things")
    named = (
        things
        if isinstance(things, list)
        else [record.subject.identifier]
        if record.subject.kind == "lot"
        else []
    )
    return subject.identifier in named


def history_of(ledger: Ledger, subject: Subject, first: int = 0, most: int = MAX_PART_RECORDS) -> HistoryPart:
    """The slow and obvious twin of `node.histories`: read the whole log, keep what is about the subject."""
    hashes = leaf_hashes(ledger.leaves)
    seen = 0
    blocks = []
    for header in ledger.headers[1:]:
        entries = []
        for index in range(header.first_index, header.index):
            ids = leaf_hashes(ledger.records[index])
            records = []
            for number, raw in enumerate(ledger.records[index]):
                if is_about(raw, subject):
                    if first <= seen < first + most:
                        records.append(RecordPart(raw, number, tuple(merkle.inclusion_path(ids, number))))
                    seen += 1
            if records:
                path = tuple(merkle.inclusion_path(hashes, index))
                entries.append(EntryPart(ledger.leaves[index], index, path, tuple(records)))
        if entries:
            path = tuple(merkle.inclusion_path(hashes, header.index))
            blocks.append(BlockPart(header.leaf(), header.index, path, tuple(entries)))
    return HistoryPart(
        subject,
        ledger.checkpoint_by(range(QUORUM)),
        HeaderPart(ledger.leaves[-1], tuple(merkle.inclusion_path(hashes, ledger.size - 1))),
        StateProof.from_value(ledger.prove(subject_key(*subject))),
        first,
        tuple(blocks),
    )


def flat(part: HistoryPart) -> list[tuple[int, int, int]]:
    """Where each record of a part stands: block, entry, record."""
    return [
        (b, e, r)
        for b, block in enumerate(part.blocks)
        for e, entry in enumerate(block.entries)
        for r, _ in enumerate(entry.records)
    ]


def without(part: HistoryPart, at: tuple[int, int, int]) -> HistoryPart:
    """A part with one record left out, and nothing left behind that would tell."""
    b, e, r = at
    block = part.blocks[b]
    records = block.entries[e].records
    entry = replace(block.entries[e], records=records[:r] + records[r + 1 :])
    entries = block.entries[:e] + ((entry,) if entry.records else ()) + block.entries[e + 1 :]
    changed = ((replace(block, entries=entries),) if entries else ()) if entries else ()
    return replace(part, blocks=part.blocks[:b] + changed + part.blocks[b + 1 :])


def cases() -> Iterator[Case]:
    """The vectors of `history/`."""
    yield from _complete()
    yield from _thing()
    for name, desc, rule, family, parts in (
        *_left_out(),
        *_moved(),
        *_parts(),
        *_forms(),
        *_signed_nonsense(),
    ):
        yield _bad(name, desc, rule, family, *parts)


Wrong = tuple[str, str, str, str, tuple[HistoryPart | bytes, ...]]
"""Name, what is wrong, rule, family of the error, parts."""
DOCUMENT = Subject("document", "office", sha256(b"paper 1"))
MISMATCH, UNKNOWN, FORM = "verification", "cannot-tell", "format"


def _thing() -> Iterator[Case]:
    """The history of a lot, in which each of three members has recorded something."""
    whole = history_of(lot(), LOT)
    policy = lot().policy.format()
    yield good(
        "history",
        "thing",
        "a lot: created and moved by one member, received by another, recalled by an inspector",
        policy=policy,
        parts=[whole.encoded()],
    )
    for number, at in enumerate(flat(whole)):
        yield bad(
            "history",
            f"thing-without-{number}",
            f"record {number} of the lot left out",
            "history.count",
            MISMATCH,
            policy=policy,
            parts=[without(whole, at).encoded()],
        )
    other = replace(whole, subject=Subject("thing", "htx", LOT_PATH))
    yield bad(
        "history",
        "thing-of-a-member",
        "the same as if it were a member's",
        "state-proof.key",
        MISMATCH,
        policy=policy,
        parts=[other.encoded()],
    )


def _inputs(parts: tuple[HistoryPart | bytes, ...]) -> dict[str, object]:
    shown = [part if isinstance(part, bytes) else part.encoded() for part in parts]
    return {"policy": school().policy.format(), "parts": shown}


def _bad(name: str, desc: str, rule: str, family: str, *parts: HistoryPart | bytes) -> Case:
    return bad("history", name, desc, rule, family, **_inputs(parts))


def _complete() -> Iterator[Case]:
    whole = history_of(school(), SCHOOL)
    for name, desc, parts in (
        ("complete", "eight records, two of them in one entry, some word for word the same", (whole,)),
        ("one-record", "a document that was anchored last", (history_of(school(), DOCUMENT),)),
        ("empty", "nothing was ever recorded about it", (history_of(school(), NOBODY),)),
        (
            "in-parts",
            "in three parts",
            tuple(history_of(school(), SCHOOL, first, 3) for first in (0, 3, 6)),
        ),
        (
            "while-it-grew",
            "the first part is of an older checkpoint",
            (history_of(school_years(3), SCHOOL, 0, 3), history_of(school(), SCHOOL, 3)),
        ),
        (
            "older",
            "an older checkpoint: complete as of then, and it says when that was",
            (history_of(school_years(3), SCHOOL),),
        ),
    ):
        yield good("history", name, desc, **_inputs(parts))


def _left_out() -> Iterator[Wrong]:
    ledger = school()
    whole, other = history_of(ledger, SCHOOL), history_of(ledger, DOCUMENT)
    places = flat(whole)
    for number, name in ((0, "first"), (3, "middle"), (4, "one-of-two-in-an-entry"), (7, "last")):
        left = without(whole, places[number])
        yield f"left-out-{name}", f"record {number} of 8 is left out", "history.count", MISMATCH, (left,)
    yield "nothing-shown", "all are left out", "history.count", MISMATCH, (replace(whole, blocks=()),)
    absent = StateProof.from_value(ledger.prove(subject_key(*NOBODY)))
    text = "said to be empty, with the proof for something else"
    yield "said-to-be-empty", text, "state-proof.key", MISMATCH, (replace(whole, blocks=(), state=absent),)
    bare = replace(whole.state, value=None)
    text = "said to be empty, with its own proof of membership"
    yield (
        "said-to-be-absent",
        text,
        "state-proof.root-mismatch",
        MISMATCH,
        (replace(whole, blocks=(), state=bare),),
    )
    old = history_of(school_years(3), SCHOOL)
    text = "the older state under the newer header"
    yield "older-state", text, "state-proof.root-mismatch", MISMATCH, (replace(whole, state=old.state),)
    added = replace(whole, blocks=whole.blocks + other.blocks)
    yield "added", "a record about something else is added", "history.count", MISMATCH, (added,)
    exchanged = replace(without(whole, places[-1]), blocks=whole.blocks[:-1] + other.blocks)
    yield (
        "exchanged",
        "the last one is exchanged for one about something else",
        "history.root",
        MISMATCH,
        (exchanged,),
    )
    lonely = replace(history_of(ledger, NOBODY), blocks=other.blocks)
    yield "added-to-nothing", "records of something that has none", "history.count", MISMATCH, (lonely,)


def _moved() -> Iterator[Wrong]:
    whole = history_of(school(), SCHOOL)
    places = flat(whole)
    blocks = whole.blocks
    swapped = replace(whole, blocks=(*blocks[:2], blocks[3], blocks[2], *blocks[4:]))
    yield "swapped-blocks", "two blocks have changed places", "history.order", MISMATCH, (swapped,)
    twice = replace(whole, blocks=(*blocks[:2], blocks[1], *blocks[3:]))
    yield "shown-twice", "one is shown twice and the next left out", "history.order", MISMATCH, (twice,)
    at = next(b for b, _, r in places if r == 1)
    entry = replace(blocks[at].entries[0], records=blocks[at].entries[0].records[::-1])
    inside = replace(whole, blocks=(*blocks[:at], replace(blocks[at], entries=(entry,)), *blocks[at + 1 :]))
    yield (
        "swapped-records",
        "two records of an entry have changed places",
        "history.order",
        MISMATCH,
        (inside,),
    )
    wrong = replace(whole, subject=Subject("member", "office", "office"))
    yield "other-subject", "said to be about something else", "state-proof.key", MISMATCH, (wrong,)
    wrong = replace(whole, subject=Subject("member", "school", b"school"))
    yield (
        "identifier-as-bytes",
        "the identifier as bytes is another subject",
        "state-proof.key",
        MISMATCH,
        (wrong,),
    )
    wrong = replace(whole, blocks=(blocks[0], replace(blocks[2], entries=blocks[1].entries), *blocks[2:]))
    yield "later-block", "an entry under a later block's header", "history.block", MISMATCH, (wrong,)
    wrong = replace(whole, blocks=(*blocks[:2], replace(blocks[1], entries=blocks[2].entries), *blocks[3:]))
    yield "earlier-block", "an entry under an earlier block's header", "history.block", MISMATCH, (wrong,)
    forged = replace(parse_header_leaf(blocks[0].header_leaf), time_ms=START_MS).leaf()
    wrong = replace(whole, blocks=(replace(blocks[0], header_leaf=forged), *blocks[1:]))
    yield "other-header-time", "a header with another time", "proof.root-mismatch", MISMATCH, (wrong,)
    raw = encode_record("member.roles/1", {"authority": "office", "member": "school", "roles": ["office"]})
    changed = replace(blocks[1].entries[0], records=(replace(blocks[1].entries[0].records[0], raw=raw),))
    wrong = replace(whole, blocks=(blocks[0], replace(blocks[1], entries=(changed,)), *blocks[2:]))
    yield "other-record", "a record is not the one that was signed", "proof.root-mismatch", MISMATCH, (wrong,)


def _parts() -> Iterator[Wrong]:
    ledger = school()
    whole = history_of(ledger, SCHOOL)
    first, second, third = (history_of(ledger, SCHOOL, start, 3) for start in (0, 3, 6))
    yield "cut-after-a-part", "the last part is missing", "history.count", MISMATCH, (first, second)
    yield (
        "part-missing",
        "the second of three parts is missing",
        "history.part-missing",
        UNKNOWN,
        (first, third),
    )
    yield (
        "parts-swapped",
        "the parts in another order",
        "history.part-missing",
        UNKNOWN,
        (second, first, third),
    )
    cut = (without(first, flat(first)[1]), replace(second, first=2), replace(third, first=5))
    yield "left-out-in-parts", "one is left out of the first part", "history.count", MISMATCH, cut
    key = Subject("key", "school", parse_record(ledger.records[4][1]).subject.identifier)
    mixed = (history_of(ledger, SCHOOL, 0, 1), replace(history_of(ledger, key), first=1))
    yield "parts-of-two-subjects", "parts about different subjects", "history.subject", MISMATCH, mixed
    twin = Ledger(nonce=b"another ledger!!")
    twin.place([register_member("school", "Trường", "office")], by="admin")
    twin.place([roles("issuer", "office")], by="admin")
    mixed = (history_of(ledger, SCHOOL, 0, 1), history_of(twin, SCHOOL, 1))
    yield "parts-of-two-ledgers", "parts of different ledgers", "history.chain", MISMATCH, mixed
    few = replace(whole, checkpoint_text=ledger.checkpoint_by(range(QUORUM - 1)))
    yield "quorum-missing", "two of four cosigned", "policy.quorum-missing", UNKNOWN, (few,)


def _forms() -> Iterator[Wrong]:
    value = decode(history_of(school(), SCHOOL).encoded())
    if not isinstance(value, list):
        raise TypeError("a part is an array")

    def put(at: int, item: Value) -> tuple[bytes]:
        return (encode([*value[:at], item, *value[at + 1 :]]),)

    yield "version-2", "a version that is not known", "history.version", UNKNOWN, put(0, 2)
    yield "version-true", "a version that is not 1", "history.version", UNKNOWN, put(0, True)
    yield "six-items", "an item short", "history.shape", FORM, (encode(value[:6]),)
    yield "eight-items", "an item long", "history.shape", FORM, (encode([*value, None]),)
    yield "map", "a map", "history.shape", FORM, (encode({"history": 1}),)
    yield "no-parts", "no part at all", "history.shape", FORM, ()
    yield (
        "subject-of-two",
        "a subject without an identifier",
        "history.shape",
        FORM,
        put(1, ["member", "school"]),
    )
    yield (
        "subject-number",
        "a number for an identifier",
        "history.subject",
        FORM,
        put(1, ["member", "school", 1]),
    )
    yield "checkpoint-bytes", "the checkpoint as bytes", "history.shape", FORM, put(2, b"checkpoint")
    yield "header-alone", "a header without its path", "history.shape", FORM, put(3, [b"header"])
    yield "path-31-bytes", "a hash too short", "history.path", FORM, put(3, [b"header", [bytes(31)]])
    yield (
        "path-65",
        "a path too long for any log",
        "history.path",
        FORM,
        put(3, [b"header", [bytes(32)] * 65]),
    )
    yield "state-nil", "no state proof", "state-proof.shape", FORM, put(4, None)
    yield "first-negative", "a number below 0", "history.shape", FORM, put(5, -1)
    yield "first-false", "a boolean for a number", "history.shape", FORM, put(5, False)
    yield "blocks-nil", "no list of blocks", "history.shape", FORM, put(6, None)
    yield "block-of-three", "a block without entries", "history.shape", FORM, put(6, [[b"", 1, []]])
    many: Value = [[b"", 1, [], [[b"", 0, [], [[b"x", 0, []]] * (MAX_PART_RECORDS + 1)]]]]
    yield "too-many", "more records than a part may have", "history.limit", FORM, put(6, many)


def _signed_nonsense() -> Iterator[Wrong]:
    row = SubjectRow.parse(school_years(1).state.rows[subject_key(*SCHOOL)])
    for name, desc, wrong in (
        ("issue", "the row names another first record", replace(row, issue=sha256(b"another record"))),
        ("time", "the row has another first time", replace(row, time_ms=row.time_ms - 1)),
        ("changed", "the row has another newest time", replace(row, changed_ms=row.changed_ms + 1)),
    ):
        forged = school_years(1)
        entry = forged.entry([document(5)])
        forged.force(entry.leaf, entry.records, {subject_key(*SCHOOL): wrong.encoded()})
        yield (
            f"signed-{name}",
            f"a quorum signed it: {desc}",
            "history.row",
            MISMATCH,
            (history_of(forged, SCHOOL),),
        )
    ledger = Ledger()
    entry = ledger.entry([document(5)])
    subject = parse_record(document(5)).subject
    time_ms = ledger.next_time_ms
    tree = CompactRange().append(history_leaf(entry.id, 0, entry.record_ids[0]))
    first = SubjectRow("in-force", entry.record_ids[0], time_ms, time_ms, tree)
    unsigned = Entry(entry.body, b"\x01" + bytes(63), entry.records)
    ledger.force(unsigned.leaf, entry.records, {subject_key(*subject): first.encoded()})
    text = "a quorum signed it: nobody signed the entry"
    yield "signed-unsigned", text, "signature.r-small-order", MISMATCH, (history_of(ledger, subject),)
