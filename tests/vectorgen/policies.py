"""Vectors of trust policies, and of checkpoints held against them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger import checkpoint, note
from ledger.note import COSIGNING_KEY, LOG_KEY, Note, NoteSignature, VerifierKey
from ledger.policy import Policy
from tests.chains import ORIGIN, START_MS, key, validator_name
from tests.vectorgen.case import Case, bad, flip, good

TIME_S = START_MS // 1000
ROOT = bytes(range(32))
SIZE = 7
BODY = checkpoint.body(ORIGIN, SIZE, ROOT)


def log_key(number: int, origin: str = ORIGIN) -> VerifierKey:
    """The key by which a validator signs as the log."""
    return VerifierKey(origin, LOG_KEY, key(f"log {number}").public_key)


def witness_key(number: int) -> VerifierKey:
    """The key by which a validator cosigns."""
    return VerifierKey(validator_name(number), COSIGNING_KEY, key(f"cosigning {number}").public_key)


POLICY = Policy.for_validators(map(log_key, range(4)), map(witness_key, range(4)), 3).format()


def log_line(number: int, body: str = BODY, origin: str = ORIGIN) -> NoteSignature:
    """A log's signature."""
    return note.sign_log(body, origin, key(f"log {number}"))


def cosignature(number: int, time_s: int, body: str = BODY) -> NoteSignature:
    """A validator's cosignature."""
    return checkpoint.cosign(body, validator_name(number), key(f"cosigning {number}"), time_s)


def signed(lines: Sequence[NoteSignature], body: str = BODY) -> str:
    """A checkpoint with these signature lines."""
    return note.format(Note(body, tuple(lines)))


def cases() -> Iterator[Case]:
    """The vectors of `policy/` and `policy-check/`."""
    yield from _policies()
    yield from _checks()
    yield from _wrong_checks()


def _policies() -> Iterator[Case]:
    a, b = (f"witness w{number} {witness_key(number).vkey}\n" for number in range(2))
    log = f"log {log_key(0).vkey}\n"
    post_quantum = f"witness pq {VerifierKey('pq.example', 0x06, bytes(1312)).vkey}\n"
    right = (
        ("validators", "the policy of four validators", POLICY),
        ("one-witness", "a witness as quorum", f"{log}{a}quorum w0\n"),
        ("none", "no quorum", f"{log}quorum none\n"),
        (
            "comments",
            "comments, tabs, empty lines and addresses",
            f"# Phú Sơn\n\n{log[:-1]}\thttps://log.example/\n{a}\nquorum\tw0 \n",
        ),
        ("all-any", "all and any", f"{log}{a}{b}group two all w0 w1\ngroup one any two\nquorum one\n"),
        (
            "post-quantum",
            "a witness of a kind that is kept and does not count",
            f"{log}{a}{post_quantum}quorum w0\n",
        ),
    )
    for name, desc, text in right:
        yield good("policy", name, desc, text=text)
    group = "group g 2 w0 w1\n"
    wrong = (
        ("no-quorum-line", "no quorum line", f"{log}{a}", "policy.quorum-line"),
        ("two-quorum-lines", "two quorum lines", f"{log}{a}quorum w0\nquorum w0\n", "policy.quorum-line"),
        ("no-final-newline", "a last line without its end", f"{log}{a}quorum w0", "policy.no-final-newline"),
        ("unknown-keyword", "a line of an unknown kind", f"{log}{a}server x\nquorum w0\n", "policy.keyword"),
        (
            "carriage-return",
            "lines that end as on another system",
            f"{log}{a}quorum w0\r\n",
            "policy.character",
        ),
        ("quorum-undefined", "a quorum that is not defined", f"{log}{a}quorum w1\n", "policy.undefined-name"),
        ("quorum-above", "a quorum above its definition", f"quorum w0\n{log}{a}", "policy.undefined-name"),
        (
            "group-undefined",
            "a group of undefined members",
            f"{log}{a}{group}quorum g\n",
            "policy.undefined-name",
        ),
        ("group-empty", "a group without members", f"{log}{a}group g 1\nquorum g\n", "policy.line"),
        ("threshold-0", "a threshold of none", f"{log}{a}group g 0 w0\nquorum g\n", "policy.threshold"),
        ("threshold-2-of-1", "more than there are", f"{log}{a}group g 2 w0\nquorum g\n", "policy.threshold"),
        (
            "threshold-leading-zero",
            "a leading zero",
            f"{log}{a}group g 01 w0\nquorum g\n",
            "policy.threshold",
        ),
        (
            "name-twice",
            "a name twice",
            f"{log}{a}{b.replace('w1', 'w0', 1)}quorum w0\n",
            "policy.duplicate-name",
        ),
        (
            "name-reserved",
            "the reserved name",
            f"{log}{a.replace('w0', 'none', 1)}quorum none\n",
            "policy.reserved-name",
        ),
        (
            "key-twice",
            "a witness's key twice",
            f"{log}{a}{a.replace('w0', 'w1', 1)}quorum w0\n",
            "policy.duplicate-key",
        ),
        (
            "member-twice",
            "a member of two groups",
            f"{log}{a}{b}{group}group h 1 w0\nquorum g\n",
            "policy.duplicate-member",
        ),
        (
            "log-key-as-witness",
            "a log's kind of key for a witness",
            f"{log}witness w0 {log_key(1).vkey}\nquorum w0\n",
            "policy.key-type",
        ),
        (
            "log-too-many-items",
            "an item too many",
            f"{log[:-1]} https://a.example/ b\n{a}quorum w0\n",
            "policy.line",
        ),
        (
            "vkey-id",
            "a key id that is not the key's",
            f"{log}{a.replace('+', '+00', 1)}quorum w0\n",
            "note.vkey-id",
        ),
    )
    for name, desc, text, rule in wrong:
        yield bad("policy", name, desc, rule, text=text)
    small = VerifierKey("w.example", COSIGNING_KEY, b"\x01" + bytes(31)).vkey
    text = f"{log}witness w0 {small}\nquorum w0\n"
    yield bad(
        "policy",
        "key-small-order",
        "a key that is the neutral point",
        "key.small-order",
        "verification",
        text=text,
    )
    unknown = f"{log}witness w0 w.example+5cc64c09+fwAA\nquorum w0\n"
    yield bad(
        "policy",
        "key-type-unknown",
        "a key of an unknown kind",
        "note.unknown-key-type",
        "cannot-tell",
        text=unknown,
    )


def _checks() -> Iterator[Case]:
    times = (TIME_S + 40, TIME_S + 10, TIME_S + 30, TIME_S + 20)
    every = [cosignature(number, time_s) for number, time_s in enumerate(times)]
    folder = "policy-check"

    def passed(name: str, desc: str, lines: Sequence[NoteSignature], policy: str = POLICY) -> Case:
        return good(folder, name, desc, policy=policy, checkpoint=signed(lines))

    yield passed("all-four", "four of four", [log_line(0), *every])
    yield passed("three-of-four", "the smallest quorum", [log_line(2), *every[1:]])
    yield passed("any-log-key", "signed as the log by the last of four", [*every, log_line(3)])
    unknown = NoteSignature("somebody.example", b"\x01\x02\x03\x04", bytes(64))
    yield passed("unknown-line", "a line by nobody known is ignored", [unknown, log_line(0), *every])
    disguised = NoteSignature(validator_name(0), b"\x01\x02\x03\x04", bytes(72))
    yield passed(
        "unknown-key-id",
        "a line under a known name with another key id is ignored",
        [disguised, log_line(0), *every],
    )
    yield passed(
        "cosigned-again",
        "a cosigner twice counts once, with its newest time",
        [log_line(0), *every, cosignature(1, TIME_S + 99)],
    )
    keys = "".join(f"witness w{number} {witness_key(number).vkey}\n" for number in range(4))
    log = f"log {log_key(0).vkey}\n"
    nested = f"{log}{keys}group inner 2 w0 w1 w2\ngroup outer all inner w3\nquorum outer\n"
    yield passed("nested", "groups are judged from the inside outwards", [log_line(0), *every], nested)
    yield passed("quorum-none", "nobody asked: no proven time", [log_line(0)], f"{log}{keys}quorum none\n")
    yield passed("one-witness", "one witness: one time", [log_line(0), *every], f"{log}{keys}quorum w1\n")
    weak = f"{log}{keys}group any-one 1 w0 w1 w2 w3\nquorum any-one\n"
    yield passed(
        "one-of-four", "a quorum below half rests on one of any being right", [log_line(0), *every], weak
    )


def _wrong_checks() -> Iterator[Case]:
    every = [cosignature(number, TIME_S + number) for number in range(4)]

    def cannot(name: str, desc: str, rule: str, lines: Sequence[NoteSignature]) -> Case:
        return bad("policy-check", name, desc, rule, "cannot-tell", policy=POLICY, checkpoint=signed(lines))

    def wrong(name: str, desc: str, rule: str, lines: Sequence[NoteSignature], body: str = BODY) -> Case:
        text = signed(lines, body)
        return bad("policy-check", name, desc, rule, "verification", policy=POLICY, checkpoint=text)

    yield cannot("two-of-four", "one short of the quorum", "policy.quorum-missing", [log_line(0), *every[:2]])
    yield cannot("no-cosignature", "signed as the log only", "policy.quorum-missing", [log_line(0)])
    yield cannot(
        "one-cosigner-thrice",
        "one cosigner does not make three",
        "policy.quorum-missing",
        [log_line(0), *every[:1] * 3],
    )
    yield cannot("no-log-signature", "cosigned only", "policy.no-log-signature", every)
    other = note.sign_log(BODY, ORIGIN, key("another log"))
    yield cannot(
        "unknown-log-key",
        "signed as the log by a key that the policy does not list",
        "policy.no-log-signature",
        [other, *every],
    )
    renamed = checkpoint.body("another.example/log", SIZE, ROOT)
    lines = [
        note.sign_log(renamed, ORIGIN, key("log 0")),
        *(cosignature(number, TIME_S, renamed) for number in range(4)),
    ]
    text = signed(lines, renamed)
    yield bad(
        "policy-check",
        "other-origin",
        "signed by a listed log's key, and named as another log",
        "policy.no-log-signature",
        "cannot-tell",
        policy=POLICY,
        checkpoint=text,
    )
    spoilt = [NoteSignature(one.name, one.key_id, flip(one.signature, -1, 3)) for one in every]
    yield wrong(
        "cosignature-flipped",
        "one wrong cosignature spoils four right ones",
        "signature.mismatch",
        [log_line(0), *every, spoilt[0]],
    )
    earlier = [NoteSignature(one.name, one.key_id, flip(one.signature, 7)) for one in every]
    yield wrong(
        "cosignature-time",
        "a cosignature's time changed",
        "signature.mismatch",
        [log_line(0), earlier[0], *every[1:]],
    )
    log = log_line(0)
    flipped = NoteSignature(log.name, log.key_id, flip(log.signature, 0))
    yield wrong("log-signature-flipped", "a wrong log signature", "signature.mismatch", [flipped, *every])
    for name, desc, body in (
        ("size-changed", "another size", checkpoint.body(ORIGIN, SIZE + 1, ROOT)),
        ("root-changed", "another root", checkpoint.body(ORIGIN, SIZE, flip(ROOT, 0))),
        ("extension-added", "an extension more", checkpoint.body(ORIGIN, SIZE, ROOT, ("more",))),
    ):
        yield wrong(name, desc, "signature.mismatch", [log_line(0), *every], body)
    short = NoteSignature(every[0].name, every[0].key_id, every[0].signature[8:])
    yield wrong(
        "cosignature-without-time",
        "a cosignature without its time",
        "cosignature.size",
        [log_line(0), short, *every[1:]],
    )
    truncated = NoteSignature(log.name, log.key_id, log.signature[:63])
    yield wrong(
        "log-signature-63-bytes", "a log signature a byte short", "note.signature-size", [truncated, *every]
    )
    far = NoteSignature(every[0].name, every[0].key_id, b"\x80" + every[0].signature[1:])
    yield wrong(
        "cosignature-time-2-63", "a time above 2^63 - 1", "cosignature.time", [log_line(0), far, *every[1:]]
    )
