"""Vectors of receipts, and of files held against receipts: every part replaced, removed or claimed.

Two kinds of wrong receipts. In most, one part of an honest receipt was changed by somebody on the way. In those called
`signed-…`, a whole quorum signed a log that breaks the rules: a verifier that looks at the quorum only would pass them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace

from ledger import merkle
from ledger.encoding import Value, encode
from ledger.entry import encode_record
from ledger.hashing import leaf_hash
from ledger.merkle import CompactRange
from ledger.note import NoteSignature, decode_base64
from ledger.policy import Policy
from ledger.rows import KeyRow, MemberRow, SubjectRow, key_key, member_key, subject_key
from tests import edwards
from tests.chains import START_MS, document, key
from tests.vectorgen import entries, policies
from tests.vectorgen.case import Case, flip, verdict
from tests.vectorgen.ledgers import (
    FIVE,
    LATE,
    ONE,
    PRIVATE,
    PRIVATE_FILE,
    PUPIL,
    SALT,
    SCHOOL,
    Ledger,
    Parts,
    base,
    end_key,
    honest,
    register_key,
    state_value,
)

IN_FORCE, NO_MATCH, CANNOT, ENDED = "in-force", "does-not-match", "cannot-tell", "no-longer-in-force"
MISMATCH = "proof.root-mismatch"

Wrong = tuple[str, str, str, Parts | str]
"""Name, what is wrong, rule, receipt."""


def receipt(name: str, desc: str, expected: str, rule: str, parts: Parts | str) -> Case:
    """A vector of `receipt/`, under the policy of the four validators."""
    text = parts if isinstance(parts, str) else parts.text()
    policy = honest().policy.format()
    return verdict("receipt", name, desc, expected, rule, policy=policy, text=text)


def cases() -> Iterator[Case]:
    """The vectors of `receipt/` and `document/`."""
    yield from _in_force()
    yield from _ended_and_disputed()
    for name, desc, rule, parts in _incomplete():
        yield receipt(name, desc, CANNOT, rule, parts)
    for groups in (_wrong_record, _wrong_entry, _wrong_checkpoint, _wrong_header, _wrong_state):
        for name, desc, rule, parts in groups(honest().parts(FIVE, 2)):
            yield receipt(name, desc, NO_MATCH, rule, parts)
    for name, desc, expected, rule, parts in _signed_nonsense():
        yield receipt(f"signed-{name}", f"a quorum signed it: {desc}", expected, rule, parts)
    yield from _other_policies()
    yield from _documents()


def _in_force() -> Iterator[Case]:
    ledger, good = honest(), "status.in-force"
    for name, desc, index, at in (
        ("document", "a public document with its number, alone in its entry", ONE, 0),
        ("document-of-five", "the third of five documents under one signature", FIVE, 2),
        ("document-last-of-five", "the fifth: its path in the entry is short", FIVE, 4),
        ("commitment", "a document that nobody can guess", PRIVATE, 0),
        ("member", "a member's registration", SCHOOL, 0),
        ("key", "a key's registration", SCHOOL, 1),
        ("other-member", "a document of another member", PUPIL, 0),
        ("late", "an entry that came three days after its claimed time: accepted, and flagged", LATE, 0),
    ):
        yield receipt(name, desc, IN_FORCE, good, ledger.parts(index, at))
    parts = ledger.parts(ONE)
    by_all = replace(parts, checkpoint=ledger.checkpoint_by(range(4)))
    yield receipt("cosigned-by-all", "four of four cosigned", IN_FORCE, good, by_all)
    stranger = "— somebody.example " + b64encode(b"\x01\x02\x03\x04" + bytes(72)).decode() + "\n"
    unknown = replace(parts, checkpoint=parts.checkpoint + stranger)
    yield receipt("unknown-signature-line", "a line by nobody known is ignored", IN_FORCE, good, unknown)
    nobody = ledger.parts(ONE).put(6, None).put(5, None)
    text = "recorded for certain; nothing says whether it is in force"
    yield receipt("no-header-no-state", text, CANNOT, "receipt.no-state", nobody)
    yield receipt(
        "no-state", f"{text}, though the header is there", CANNOT, "receipt.no-state", parts.put(6, None)
    )
    yield receipt(
        "state-without-header",
        f"{text}: nothing vouches for the state",
        CANNOT,
        "receipt.no-state",
        parts.put(5, None),
    )


def _ended_and_disputed() -> Iterator[Case]:
    retired = base()
    record = retired.place([end_key("retire", "office", "office")], by="admin")
    desc = "a document by a key that has been retired since stays good"
    yield receipt("key-retired-since", desc, IN_FORCE, "status.in-force", retired.parts(ONE))
    yield receipt(
        "key-retire", "the record that retired a key", ENDED, "status.retired", retired.parts(record)
    )
    since = honest().headers[1].time_ms
    revoked = base()
    for name, from_ms, expected, rule in (
        ("key-revoked-from-then", since, CANNOT, "key.disputed"),
        ("key-revoked-from-before", 0, CANNOT, "key.disputed"),
        ("key-revoked-from-after", since + 1, IN_FORCE, "status.in-force"),
    ):
        revoked = base()
        record = revoked.place([end_key("revoke", "office", "office", from_ms=from_ms)], by="admin")
        desc = f"a document by a key that was revoked from {from_ms - since} ms after its registration"
        yield receipt(name, desc, expected, rule, revoked.parts(ONE))
    yield receipt(
        "key-revoke", "the record that revoked a key", ENDED, "status.revoked", revoked.parts(record)
    )
    yield receipt(
        "other-key-revoked", "a document by another key", IN_FORCE, "status.in-force", revoked.parts(PUPIL)
    )
    roles = base()
    change = encode_record(
        "member.roles/1", {"authority": "office", "member": "school", "roles": ["issuer", "office"]}
    )
    record = roles.place([change], by="admin")
    yield receipt(
        "member-roles", "a later record of its subject", IN_FORCE, "status.in-force", roles.parts(record)
    )
    roles.place([end_key("retire", "school", "school")], by="admin")
    roles.place([_new_administrator(roles)], by="admin")
    since = next(one.time_ms for one in roles.headers if one.first_index == record)
    roles.place([end_key("revoke", "office", "admin", from_ms=since + 1)], by="second admin")
    desc = "a later record of its subject, by a key revoked since from a time after the newest record of it"
    yield receipt("member-roles-key-revoked", desc, IN_FORCE, "status.in-force", roles.parts(record))
    roles.place([end_key("revoke", "office", "admin", from_ms=since)], by="second admin")
    desc = "the same, from that time on: when it was registered is not proved, so it is in doubt"
    yield receipt("member-roles-key-disputed", desc, CANNOT, "key.disputed", roles.parts(record))


def _new_administrator(ledger: Ledger) -> bytes:
    return register_key(ledger, "office", "second admin", "administrator")


def _incomplete() -> Iterator[Wrong]:
    ledger = honest()
    parts = ledger.parts(FIVE, 2)
    text = parts.text()
    for number in (0, 1, 2):
        checkpoint = (
            ledger.checkpoint_by(range(number))
            if number
            else policies.signed([_log_line(ledger)], _body(ledger))
        )
        few = replace(parts, checkpoint=checkpoint)
        yield f"cosigned-by-{number}", f"{number} of four cosigned", "policy.quorum-missing", few
    cosigned = "".join(
        line
        for line in parts.checkpoint.splitlines(keepends=True)
        if not line.startswith("— phuson.example/so-goc ")
    )
    yield "no-log-signature", "no log signed", "policy.no-log-signature", replace(parts, checkpoint=cosigned)
    yield "extra-version-2", "a version that is not known", "receipt.version", parts.put(0, 2)
    yield "extra-version-true", "a version that is not 1", "receipt.version", parts.put(0, True)
    yield (
        "proof-version-2",
        "a version of the file format that is not known",
        "tlog-proof.version",
        text.replace("@v1", "@v2", 1),
    )
    head, _, rest = text.split("\n", 2)
    yield "no-extra", "a proof of something else than a record", "receipt.no-extra", f"{head}\n{rest}"
    encoded = encode(parts.extra)

    def other_extra(data: bytes) -> str:
        return f"{head}\nextra {b64encode(data).decode()}\n{rest}"

    yield (
        "extra-trailing-byte",
        "a byte behind the extra",
        "encoding.trailing-bytes",
        other_extra(encoded + b"\xc0"),
    )
    yield "extra-truncated", "a byte short", "encoding.truncated", other_extra(encoded[:-1])
    long_form = b"\xdc\x00\x07" + encoded[1:]
    yield (
        "extra-not-shortest",
        "a longer form of the array",
        "encoding.array-not-shortest",
        other_extra(long_form),
    )
    yield "extra-map", "a map", "receipt.shape", other_extra(encode({"record": parts.extra[1]}))
    yield "extra-six-items", "an item short", "receipt.shape", replace(parts, extra=parts.extra[:-1])
    yield "extra-eight-items", "an item long", "receipt.shape", replace(parts, extra=(*parts.extra, None))
    shapes: tuple[tuple[str, str, int, Value, str], ...] = (
        ("record-text", "the record as text", 1, "record", "receipt.shape"),
        ("record-empty", "no record", 1, b"", "record.size"),
        ("record-64-bytes", "a record of the refused length", 1, bytes(64), "record.size-64"),
        ("record-index-negative", "an index below 0", 2, -1, "receipt.shape"),
        ("record-index-true", "a boolean for an index", 2, True, "receipt.shape"),
        ("record-path-65", "a path too long for any entry", 3, [bytes(32)] * 65, "receipt.path"),
        ("record-path-31-bytes", "a hash too short", 3, [bytes(31)] * 3, "receipt.path"),
        ("record-path-bytes", "a path as one byte string", 3, bytes(96), "receipt.path"),
        ("entry-leaf-array", "the entry leaf as an array", 4, [], "receipt.shape"),
        ("header-leaf-alone", "a header without its path", 5, [ledger.leaves[-1]], "receipt.header"),
        ("header-path-33-bytes", "a hash too long", 5, [ledger.leaves[-1], [bytes(33)]], "receipt.path"),
        ("state-two-proofs", "a state proof short", 6, _items(parts.extra[6])[:2], "receipt.state"),
        ("state-four-items", "an item too many", 6, [*_items(parts.extra[6]), None], "receipt.state"),
        (
            "state-proof-nil",
            "no proof where one should be",
            6,
            [None, None, [["a", None]]],
            "state-proof.shape",
        ),
        ("state-no-members", "no member", 6, [*_items(parts.extra[6])[:2], []], "receipt.state"),
        (
            "state-17-members",
            "more members than any line has",
            6,
            [*_items(parts.extra[6])[:2], _items(_items(parts.extra[6])[2]) * 17],
            "receipt.state",
        ),
        (
            "state-member-alone",
            "a member's proof without its identifier",
            6,
            [*_items(parts.extra[6])[:2], [_items(_items(_items(parts.extra[6])[2])[0])[1:]]],
            "receipt.state",
        ),
    )
    for name, desc, at, item, rule in shapes:
        yield name, desc, rule, parts.put(at, item)
    subject, *others = _items(parts.extra[6])
    longer = [*_items(subject)[:2], bytes([*_bytes(_items(subject)[2]), 0]), *_items(subject)[3:]]
    yield (
        "state-proof-not-canonical",
        "a second form of a state proof",
        "state-proof.present",
        parts.put(6, [longer, *others]),
    )
    yield "not-a-receipt", "another text", "tlog-proof.header", "Xin chào\n"
    yield "empty", "nothing", "tlog-proof.header", ""
    yield "no-checkpoint", "no checkpoint", "tlog-proof.no-checkpoint", text.split("\n\n", 1)[0] + "\n"
    yield (
        "carriage-return",
        "lines that a mail program changed",
        "tlog-proof.control-character",
        text.replace("\n", "\r\n"),
    )


def _items(value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise TypeError("an array was expected here")
    return value


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("bytes were expected here")
    return value


def _path(value: Value) -> list[bytes]:
    return [_bytes(item) for item in _items(value)]


def _wrong_record(parts: Parts) -> Iterator[Wrong]:
    record, path = _bytes(parts.extra[1]), _path(parts.extra[3])
    at = record.index(b"hash") + 10
    yield "record-hash-flipped", "one bit of the document's hash", MISMATCH, parts.put(1, flip(record, at))
    yield "record-first-byte", "the record's first byte", MISMATCH, parts.put(1, flip(record, 0))
    yield (
        "record-authority",
        "another authority",
        MISMATCH,
        parts.put(1, record.replace(b"office", b"school")),
    )
    yield "record-of-another-place", "the record beside it", MISMATCH, parts.put(1, honest().records[FIVE][3])
    type_two = record.replace(b"doc.anchor/1", b"doc.anchor/2")
    yield (
        "record-type-changed",
        "an unknown type, and no signature covers it",
        MISMATCH,
        parts.put(1, type_two),
    )
    yield "record-index-next", "the place beside it", MISMATCH, parts.put(2, 3)
    yield "record-index-count", "a place behind the last", "proof.index", parts.put(2, 5)
    yield "record-index-huge", "a place beyond everything", "proof.index", parts.put(2, 2**53 - 1)
    for number in range(len(path)):
        changed = [*path[:number], flip(path[number], 9), *path[number + 1 :]]
        yield (
            f"record-path-{number}",
            f"one bit of hash {number} of its path",
            MISMATCH,
            parts.put(3, list(changed)),
        )
    yield "record-path-short", "a hash short", "proof.length", parts.put(3, list(path[:-1]))
    yield "record-path-long", "a hash long", "proof.length", parts.put(3, [*path, bytes(32)])
    yield "record-path-empty", "no path", "proof.length", parts.put(3, [])


def _wrong_entry(parts: Parts) -> Iterator[Wrong]:
    leaf, path = _bytes(parts.extra[4]), parts.path
    yield (
        "entry-signature-flipped",
        "one bit of the author's signature",
        MISMATCH,
        parts.put(4, flip(leaf, -1)),
    )
    yield (
        "entry-time-changed",
        "one bit of the claimed time",
        MISMATCH,
        parts.put(4, flip(leaf, leaf.index(b"\xcf") + 8)),
    )
    yield (
        "entry-version-changed",
        "a version that is not known, and no log holds it",
        MISMATCH,
        parts.put(4, flip(leaf, 3, 1)),
    )
    yield "entry-garbage", "bytes that are no entry", MISMATCH, parts.put(4, b"entry")
    yield "entry-other", "another entry of the log", MISMATCH, parts.put(4, honest().leaves[ONE])
    yield "index-next", "the place beside it", MISMATCH, replace(parts, index=parts.index + 1)
    yield (
        "index-far",
        "a place with a path of another length",
        "proof.length",
        replace(parts, index=honest().size - 1),
    )
    yield "index-size", "a place behind the last", "proof.index", replace(parts, index=honest().size)
    yield "index-huge", "a place beyond everything", "proof.index", replace(parts, index=2**63 - 1)
    for number in range(len(path)):
        changed = (*path[:number], flip(path[number], 9), *path[number + 1 :])
        yield (
            f"path-{number}",
            f"one bit of hash {number} of its path",
            MISMATCH,
            replace(parts, path=changed),
        )
    yield "path-short", "a hash short", "proof.length", replace(parts, path=path[:-1])
    yield "path-long", "a hash long", "proof.length", replace(parts, path=(*path, bytes(32)))
    yield "path-empty", "no path", "proof.length", replace(parts, path=())


def _body(ledger: Ledger) -> str:
    return ledger.checkpoint_by((0,)).split("\n\n")[0] + "\n"


def _log_line(ledger: Ledger) -> NoteSignature:
    return policies.log_line(0, _body(ledger))


def _wrong_checkpoint(parts: Parts) -> Iterator[Wrong]:
    text = parts.checkpoint
    size = honest().size
    larger = text.replace(f"\n{size}\n", f"\n{size + 1}\n", 1)
    yield "checkpoint-size", "another size", "signature.mismatch", replace(parts, checkpoint=larger)
    root = b64encode(honest().root).decode()
    other = text.replace(root, b64encode(flip(honest().root, 0)).decode())
    yield "checkpoint-root", "another root", "signature.mismatch", replace(parts, checkpoint=other)
    lines = text.splitlines(keepends=True)
    for name, at in (("log-signature", 4), ("cosignature", -1)):
        line = lines[at].rstrip("\n").split(" ")
        data = bytearray(decode_base64(line[-1], "vector"))
        data[-1] ^= 4
        changed = [*lines]
        changed[at] = " ".join((*line[:-1], b64encode(bytes(data)).decode())) + "\n"
        desc = f"one bit of a {name.replace('-', ' ')}"
        yield f"{name}-flipped", desc, "signature.mismatch", replace(parts, checkpoint="".join(changed))
    later = base()
    later.place([document(8)])
    newer = later.checkpoint_by(range(3))
    yield "checkpoint-newer", "a good checkpoint of a later tree", MISMATCH, replace(parts, checkpoint=newer)
    foreign = base(b"another ledger!!").checkpoint_by(range(3))
    yield (
        "checkpoint-of-another-ledger",
        "a good checkpoint of another log",
        MISMATCH,
        replace(parts, checkpoint=foreign),
    )


def _wrong_header(parts: Parts) -> Iterator[Wrong]:
    ledger = honest()
    leaf, path = ledger.leaves[-1], _path(_items(parts.extra[5])[1])
    hashes = [leaf_hash(one) for one in ledger.leaves]
    fields = (("version", 3), ("chain-id", 10), ("height", 38), ("state-root", 170), ("proposer", -1))
    for name, at in fields:
        yield (
            f"header-{name}",
            f"one bit of the header's {name}",
            MISMATCH,
            parts.put(5, [flip(leaf, at), list(path)]),
        )
    yield "header-garbage", "bytes that are no header", MISMATCH, parts.put(5, [b"header", list(path)])
    for number in range(len(path)):
        changed = [*path[:number], flip(path[number], 9), *path[number + 1 :]]
        yield (
            f"header-path-{number}",
            f"one bit of hash {number} of its path",
            MISMATCH,
            parts.put(5, [leaf, list(changed)]),
        )
    yield "header-path-short", "a hash short", "proof.length", parts.put(5, [leaf, list(path[:-1])])
    earlier = ledger.headers[2].index
    old: list[Value] = [ledger.leaves[earlier], list[Value](merkle.inclusion_path(hashes, earlier))]
    yield "header-not-last", "an earlier header of the log, with its path", "proof.length", parts.put(5, old)
    same_length: list[Value] = [ledger.leaves[earlier], list[Value](path)]
    yield (
        "header-not-last-path",
        "an earlier header, with the last one's path",
        MISMATCH,
        parts.put(5, same_length),
    )
    foreign = base(b"another ledger!!")
    other: list[Value] = [foreign.leaves[-1], list[Value](path)]
    yield "header-of-another-ledger", "another ledger's last header", MISMATCH, parts.put(5, other)
    entry: list[Value] = [_bytes(parts.extra[4]), list[Value](path)]
    yield "header-is-an-entry", "an entry in the header's place", MISMATCH, parts.put(5, entry)


def _wrong_state(parts: Parts) -> Iterator[Wrong]:
    ledger = honest()
    proofs = _proofs(parts)
    mismatch = "state-proof.root-mismatch"

    def state(at: int, proof: list[Value]) -> Parts:
        return _with_proofs(parts, [*proofs[:at], proof, *proofs[at + 1 :]])

    for at, name in enumerate(("subject", "author-key", "member")):
        key_, value, present, siblings, other = proofs[at]
        row, hashes = _bytes(value), _bytes(siblings)
        yield (
            f"{name}-value",
            f"one bit of the {name}'s row",
            mismatch,
            state(at, [key_, flip(row, 1), present, siblings, other]),
        )
        yield (
            f"{name}-sibling",
            "one bit of a sibling",
            mismatch,
            state(at, [key_, value, present, flip(hashes, 0), other]),
        )
        last = state(at, [key_, value, present, flip(hashes, -1), other])
        yield f"{name}-sibling-deepest", "one bit of the deepest sibling", mismatch, last
    revoked = bytes(_bytes(proofs[0][1])).replace(b"\xa8in-force", b"\xa8in-farce")
    status = state(0, [proofs[0][0], revoked, *proofs[0][2:]])
    yield "subject-status", "another status", mismatch, status
    others: tuple[tuple[str, str, int, bytes], ...] = (
        (
            "subject-other",
            "a good proof of another document",
            0,
            subject_key("document", "office", _hash_of(document(1))),
        ),
        (
            "subject-other-authority",
            "of the same paper with another authority",
            0,
            subject_key("document", "school", _hash_of(document(6))),
        ),
        ("author-key-other", "a good proof of another key", 1, key_key(key("admin").public_key)),
        (
            "author-key-other-member",
            "a good proof of another member's key",
            1,
            key_key(key("school").public_key),
        ),
        ("member-other", "a good proof of another member", 2, member_key("school")),
    )
    for name, desc, at, row_key in others:
        yield name, desc, "state-proof.key", state(at, ledger.prove(row_key))
        relabelled = [proofs[at][0], *ledger.prove(row_key)[1:]]
        yield f"{name}-relabelled", f"{desc}, under the right key", mismatch, state(at, relabelled)
    absent = ledger.prove(subject_key("document", "office", bytes(32)))
    yield (
        "subject-absent",
        "a good proof that another document is not there",
        "receipt.state-absent",
        state(0, absent),
    )
    swapped = _with_proofs(parts, [proofs[0], proofs[2], proofs[1]])
    yield "proofs-swapped", "the proofs in another order", "state-proof.key", swapped
    older = base()
    before = older.prove(_bytes(proofs[0][0]))
    older.place([document(9)])
    stale = older.parts(FIVE, 2)
    _, *rest = _items(stale.extra[6])
    yield "subject-stale", "a proof under an earlier state root", mismatch, stale.put(6, [before, *rest])


def _proofs(parts: Parts) -> list[list[Value]]:
    """The three state proofs of a receipt with one member: of the subject, the author's key and the member."""
    subject, author_key, members = _items(parts.extra[6])
    return [_items(subject), _items(author_key), _items(_items(_items(members)[0])[1])]


def _with_proofs(parts: Parts, proofs: list[list[Value]]) -> Parts:
    return parts.put(6, state_value(proofs[0], proofs[1], {"office": proofs[2]}))


def _hash_of(record: bytes) -> bytes:
    at = record.index(b"hash") + 6
    return record[at : at + 32]


Signed = tuple[str, str, str, str, Parts]
"""Name, what was signed, verdict, rule, receipt."""


def _signed_nonsense() -> Iterator[Signed]:
    unknown = encode_record("doc.shred/1", {"authority": "office", "hash": bytes(32)})
    subject = subject_key("document", "office", bytes(32))
    row = SubjectRow("in-force", leaf_hash(unknown), START_MS, START_MS, CompactRange(1, (bytes(32),)))

    def forced(
        records: list[bytes], leaf: bytes, *, rows: dict[bytes, bytes] | None = None, **header: int | bytes
    ) -> Parts:
        ledger = base()
        changed = {subject: row.encoded()} if rows is None else rows
        index = ledger.force(leaf, records, changed, header=header)
        return ledger.parts(index, subject=subject)

    def leaf_of(records: list[bytes]) -> bytes:
        return base().entry(records).leaf

    doc = encode_record(
        "doc.anchor/1", {"authority": "office", "hash": bytes(32), "media_type": "a/b", "size": 1}
    )
    yield (
        "type-unknown",
        "a record type of a later version",
        CANNOT,
        "record.type-unknown",
        forced([unknown], leaf_of([unknown])),
    )
    broken = encode_record("doc.anchor/1", {"authority": "office", "hash": bytes(32), "size": 1})
    yield (
        "record-refused",
        "a record that breaks its type's rules",
        NO_MATCH,
        "document.description",
        forced([broken], leaf_of([broken])),
    )
    field = encode_record("doc.anchor/1", {"authority": "office", "commitment": bytes(32), "zeta": 1})
    yield (
        "record-field",
        "a record with a field too many",
        NO_MATCH,
        "record.field-unknown",
        forced([field], leaf_of([field])),
    )
    yield (
        "record-no-record",
        "a record that is no record",
        CANNOT,
        "record.shape",
        forced([encode([1, 2])], leaf_of([encode([1, 2])])),
    )
    honest_leaf = leaf_of([doc])
    bad_signature = forced([doc], flip(honest_leaf, -33))
    yield "bad-signature", "an entry whose signature is wrong", NO_MATCH, "signature.mismatch", bad_signature
    s = int.from_bytes(honest_leaf[-32:], "little") + edwards.L
    malleable = honest_leaf[:-32] + s.to_bytes(32, "little")
    yield (
        "signature-s-plus-l",
        "an entry signed with S + L",
        NO_MATCH,
        "signature.s-not-canonical",
        forced([doc], malleable),
    )
    value = entries.body([doc])
    version = encode([0, [2, *value[1:]], bytes(64)])
    good_parts = forced([doc], honest_leaf)
    yield (
        "rows-made-up",
        "everything fits: a verifier of receipts trusts the quorum for the state",
        IN_FORCE,
        "status.in-force",
        good_parts,
    )
    yield (
        "entry-version-2",
        "an entry of a later version",
        CANNOT,
        "entry.version",
        _leaf_in(version, [doc], subject, row),
    )
    yield (
        "entry-nine-items",
        "an entry that is none",
        CANNOT,
        "entry.shape",
        _leaf_in(encode([0, [*value, 0, 0], bytes(64)]), [doc], subject, row),
    )
    yield (
        "other-chain-entry",
        "an entry that was signed for another ledger",
        NO_MATCH,
        "receipt.chain",
        forced([doc], _foreign_leaf(doc)),
    )
    for name, header, rule in (
        ("header-chain", {"chain_id": bytes(32)}, "receipt.chain"),
        ("header-first-index", {"first_index": 3}, "receipt.header-index"),
        ("header-entry-count", {"entry_count": 2}, "receipt.header-index"),
        ("header-state-root", {"state_root": bytes(32)}, "state-proof.root-mismatch"),
    ):
        parts = forced([doc], honest_leaf, **header)
        if "state_root" in header:
            parts = parts.put(6, good_parts.extra[6])
        yield (
            name,
            f"a last header that is wrong in its {name.removeprefix('header-')}",
            NO_MATCH,
            rule,
            parts,
        )
    yield from _signed_rows(doc, subject)
    yield from _signed_headers(doc, subject, row)


def _leaf_in(leaf: bytes, records: list[bytes], subject: bytes, row: SubjectRow) -> Parts:
    """The receipt of an entry leaf that cannot be read, in a log that holds it all the same."""
    ledger = base()
    index = ledger.force(leaf, records, {subject: row.encoded()})
    hashes = [leaf_hash(one) for one in ledger.leaves]
    parts = ledger.parts(ONE)
    return replace(
        parts.put(1, records[0]).put(4, leaf), index=index, path=tuple(merkle.inclusion_path(hashes, index))
    )


def _foreign_leaf(doc: bytes) -> bytes:
    other = base(b"another ledger!!")
    return other.entry([doc]).leaf


def _signed_rows(doc: bytes, subject: bytes) -> Iterator[Signed]:
    """State rows that no honest execution gives."""

    def forced(row: SubjectRow | bytes, **rows: bytes) -> Parts:
        ledger = base()
        changes = {subject: row if isinstance(row, bytes) else row.encoded()}
        names = {"key": key_key(key("office").public_key), "member": member_key("office")}
        changes |= {names[name]: value for name, value in rows.items()}
        index = ledger.force(ledger.entry([doc]).leaf, [doc], changes)
        parts = ledger.parts(index, subject=subject)
        proofs = _items(parts.extra[6])
        return parts.put(6, [*proofs[:2], [["office", ledger.prove(names["member"])]]])

    good = SubjectRow("in-force", leaf_hash(doc), START_MS, START_MS, CompactRange(1, (bytes(32),)))
    ended = replace(good, status="withdrawn")
    yield (
        "status-other",
        "a status of a later version: it is not in force",
        ENDED,
        "status.withdrawn",
        forced(ended),
    )
    roles = ("issuer", "office")
    school_key = KeyRow("school", roles, START_MS).encoded()
    yield (
        "author-other-member",
        "an author whose key acts for another member",
        NO_MATCH,
        "receipt.author",
        forced(good, key=school_key),
    )
    revoked = KeyRow("office", roles, START_MS, None, None, START_MS + 1, START_MS).encoded()
    yield (
        "author-revoked",
        "a document registered in the disputed interval",
        CANNOT,
        "key.disputed",
        forced(good, key=revoked),
    )
    wrong_root = good.encoded().replace(good.history.root(), bytes([1]) * 32, 1)
    yield (
        "subject-root",
        "a subject whose root is not that of its peaks",
        CANNOT,
        "row.history",
        forced(wrong_root),
    )
    yield (
        "subject-shape",
        "a subject's row of another shape",
        CANNOT,
        "row.shape",
        forced(encode(["in-force"])),
    )
    member = MemberRow("Văn phòng khác", ("office",), START_MS).encoded()
    yield (
        "member-renamed",
        "a member by another name: the quorum vouches for names",
        IN_FORCE,
        "status.in-force",
        forced(good, member=member),
    )


def _signed_headers(doc: bytes, subject: bytes, row: SubjectRow) -> Iterator[Signed]:
    """Last leaves that are no header known here."""
    honest_header = honest().headers[-1].value()
    wrong: tuple[tuple[str, str, Value, str], ...] = (
        (
            "header-rules-version-2",
            "a header of later rules",
            [1, [2, *honest_header[1:]]],
            "header.rules-version",
        ),
        ("header-shape", "a header of another shape", [1, honest_header[:-1]], "header.shape"),
        (
            "header-entry-count-0",
            "a header of an empty block",
            [1, [*honest_header[:7], 0, *honest_header[8:]]],
            "header.entry-count",
        ),
        ("header-tag", "a last leaf of an unknown kind", [7, honest_header], "header.leaf"),
    )
    for name, desc, value, rule in wrong:
        ledger = base()
        index = ledger.force(
            ledger.entry([doc]).leaf, [doc], {subject: row.encoded()}, header_leaf=encode(value)
        )
        yield name, desc, CANNOT, rule, ledger.parts(index, subject=subject)


def _other_policies() -> Iterator[Case]:
    text = honest().parts(ONE).text()
    other = [policies.log_key(number, "other.example/log") for number in range(4)]
    witnesses = [policies.witness_key(number) for number in range(4)]
    logs = [policies.log_key(number) for number in range(4)]
    strangers = [policies.witness_key(number) for number in range(4, 8)]
    for name, desc, rule, policy in (
        (
            "policy-other-origin",
            "a policy of another log",
            "policy.no-log-signature",
            Policy.for_validators(other, witnesses, 3),
        ),
        (
            "policy-other-log-keys",
            "a policy with other log keys",
            "policy.no-log-signature",
            Policy.for_validators([policies.log_key(7)], witnesses, 3),
        ),
        (
            "policy-other-witnesses",
            "a policy with other validators",
            "policy.quorum-missing",
            Policy.for_validators(logs, strangers, 3),
        ),
        (
            "policy-all-four",
            "a policy that asks for all four",
            "policy.quorum-missing",
            Policy.for_validators(logs, witnesses, 4),
        ),
    ):
        yield verdict("receipt", name, desc, CANNOT, rule, policy=policy.format(), text=text)
    none = Policy.for_validators(logs, witnesses, 3).format().replace("quorum validators", "quorum none")
    desc = "a policy without a quorum: in force, and no proven time"
    yield verdict("receipt", "policy-quorum-none", desc, IN_FORCE, "status.in-force", policy=none, text=text)


def _documents() -> Iterator[Case]:
    ledger = honest()
    policy = ledger.policy.format()

    def document_case(name: str, desc: str, expected: str, rule: str, text: str, **file: object) -> Case:
        return verdict("document", name, desc, expected, rule, policy=policy, text=text, **file)

    one, private = ledger.parts(ONE).text(), ledger.parts(PRIVATE).text()
    other = "document.hash"
    yield document_case(
        "file", "the file that was anchored", IN_FORCE, "status.in-force", one, file=b"paper 0"
    )
    yield document_case("file-altered", "a byte changed", NO_MATCH, other, one, file=b"paper O")
    yield document_case("file-longer", "a byte more", NO_MATCH, other, one, file=b"paper 0\n")
    yield document_case("file-empty", "an empty file", NO_MATCH, other, one, file=b"")
    yield document_case(
        "file-of-five",
        "one of five",
        IN_FORCE,
        "status.in-force",
        ledger.parts(FIVE, 2).text(),
        file=b"paper 3",
    )
    yield document_case(
        "file-beside",
        "its neighbour's receipt",
        NO_MATCH,
        other,
        ledger.parts(FIVE, 3).text(),
        file=b"paper 3",
    )
    yield document_case(
        "salted", "a file with its salt", IN_FORCE, "status.in-force", private, file=PRIVATE_FILE, salt=SALT
    )
    yield document_case(
        "salted-altered", "a byte changed", NO_MATCH, other, private, file=PRIVATE_FILE + b".", salt=SALT
    )
    yield document_case(
        "salt-other", "another salt", NO_MATCH, other, private, file=PRIVATE_FILE, salt=flip(SALT, 0)
    )
    yield document_case(
        "salt-forgotten", "no salt", CANNOT, "document.salt-missing", private, file=PRIVATE_FILE
    )
    yield document_case(
        "salt-needless",
        "a salt where there was none",
        IN_FORCE,
        "status.in-force",
        one,
        file=b"paper 0",
        salt=SALT,
    )
    member = ledger.parts(SCHOOL).text()
    yield document_case(
        "receipt-of-a-member",
        "a receipt for something else",
        CANNOT,
        "receipt.other-kind",
        member,
        file=b"paper 0",
    )
    few = replace(ledger.parts(ONE), checkpoint=ledger.checkpoint_by((0, 1))).text()
    yield document_case(
        "quorum-missing", "too few cosigned", CANNOT, "policy.quorum-missing", few, file=b"paper 0"
    )
    desc = "too few cosigned: nothing is known, not even that the file differs"
    yield document_case(
        "quorum-missing-file-altered", desc, CANNOT, "policy.quorum-missing", few, file=b"paper O"
    )
    nothing = ledger.parts(ONE).put(5, None).put(6, None).text()
    yield document_case(
        "no-state",
        "recorded; whether it is in force is not said",
        CANNOT,
        "receipt.no-state",
        nothing,
        file=b"paper 0",
    )
    yield document_case(
        "no-state-file-altered",
        "the file differs, whatever the state",
        NO_MATCH,
        other,
        nothing,
        file=b"paper O",
    )
    revoked = base()
    revoked.place([end_key("revoke", "office", "office", from_ms=0)], by="admin")
    text = revoked.parts(ONE).text()
    yield document_case(
        "key-disputed", "the key was revoked from before", CANNOT, "key.disputed", text, file=b"paper 0"
    )
    yield document_case(
        "key-disputed-file-altered",
        "the file differs, whoever signed",
        NO_MATCH,
        other,
        text,
        file=b"paper O",
    )
    altered = ledger.parts(ONE)
    record = _bytes(altered.extra[1])
    forged = altered.put(1, record.replace(_hash_of(record), bytes(32))).text()
    yield document_case(
        "receipt-altered", "the receipt changed to fit a file", NO_MATCH, MISMATCH, forged, file=b"paper 0"
    )
