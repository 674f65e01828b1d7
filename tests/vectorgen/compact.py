"""Vectors of compact receipts, in which nothing can be changed, and of lookup codes, in which no letter can be mistyped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

from ledger import merkle
from ledger.block import parse_header_leaf
from ledger.checkpoint import parse as parse_checkpoint
from ledger.claims import Claim, FullClaims
from ledger.compact_form import CompactReceipt, to_digits
from ledger.compact_receipt import make_compact
from ledger.encoding import Value, decode, encode
from ledger.entry import encode_record
from ledger.hashing import sha256
from ledger.lookup_code import ALPHABET, LOOK_ALIKES, code_of, grouped
from ledger.note import LOG_KEY, VerifierKey
from ledger.policy import Log
from ledger.records import parse_record
from ledger.rows import SubjectRow, subject_key
from ledger.state import StateProof
from tests.chains import document, key
from tests.vectorgen.case import Case, bad, flip, good
from tests.vectorgen.ledgers import SALT, VALIDATORS, Ledger, commitment

CLAIMS = FullClaims(
    (
        Claim("holder", "Nguyễn Thị Minh Khai"),
        Claim("born", "1998-02-03"),
        Claim("course", "An toàn thực phẩm"),
        Claim("hours", 40),
        Claim("remote", value=False),
        Claim("note", None),
    ),
    bytes(range(32)),
)
CERTIFICATE = sha256(b"a certificate")[:16]
ISSUE, OFFERED, REVOKED, DOCUMENT, PRIVATE = range(5)


def issue(certificate: bytes = CERTIFICATE, claims: FullClaims = CLAIMS) -> bytes:
    body: dict[str, Value] = {
        "authority": "office",
        "certificate": certificate,
        "schema": "training.v1",
        "claims_root": claims.root,
        "claims_count": len(claims.claims),
        "valid_from": "2026-09-22",
    }
    return encode_record("cert.issue/1", body)


def certificate_ledger() -> Ledger:
    """A ledger with two certificates, one of them revoked, and two documents, one of them private."""
    ledger = Ledger()
    ledger.place([issue(), document(1)])
    ledger.place([issue(sha256(b"another")[:16])])
    body: dict[str, Value] = {
        "authority": "office",
        "certificate": sha256(b"another")[:16],
        "reason": "issued-in-error",
    }
    ledger.place([encode_record("cert.revoke/1", body)])
    ledger.place([encode_record("doc.anchor/1", {"authority": "office", "commitment": commitment()})])
    ledger.place([document(number) for number in range(2, 40)])
    return ledger


@cache
def ledger() -> Ledger:
    """`certificate_ledger`, made once; nobody may add to it."""
    return certificate_ledger()


PLACES = {ISSUE: (2, 0), OFFERED: (4, 0), REVOKED: (6, 0), DOCUMENT: (2, 1), PRIVATE: (8, 0)}


def compact(which: int = ISSUE, *, checkpoint: str | None = None) -> CompactReceipt:
    """The compact receipt of a record, as a node would make it: without claims or salt."""
    index, at = PLACES[which]
    record = parse_record(ledger().records[index][at])
    proof = StateProof.from_value(ledger().prove(subject_key(*record.subject)))
    assert proof.value is not None
    return make_compact(
        record=record,
        row=SubjectRow.parse(proof.value),
        proof=proof,
        header=parse_header_leaf(ledger().leaves[-1]),
        path=merkle.inclusion_path(ledger()._leaf_hashes(ledger().size), ledger().size - 1),
        checkpoint=parse_checkpoint(checkpoint or ledger().checkpoint_by(range(VALIDATORS))),
        policy=ledger().policy,
    )


OTHER = sha256(b"another hash")
CHANGES: dict[str, Callable[[CompactReceipt], CompactReceipt]] = {
    "another-schema": lambda r: replace(r, body={**r.body, "schema": "training.v2"}),
    "another-day": lambda r: replace(r, body={**r.body, "valid_from": "2026-09-23"}),
    "another-certificate": lambda r: replace(r, body={**r.body, "certificate": bytes(16)}),
    "a-claim-changed": lambda r: replace(
        r, private=replace(CLAIMS, claims=(Claim("holder", "Ai đó"), *CLAIMS.claims[1:]))
    ),
    "a-claim-left-out": lambda r: replace(r, private=replace(CLAIMS, claims=CLAIMS.claims[:-1])),
    "claims-in-another-order": lambda r: replace(r, private=replace(CLAIMS, claims=CLAIMS.claims[::-1])),
    "another-salt": lambda r: replace(r, private=replace(CLAIMS, salt=bytes(32))),
    "revoked-shown-in-force": lambda r: replace(r, status="revoked"),
    "earlier": lambda r: replace(r, time_ms=r.time_ms - 1, changed_ms=r.changed_ms - 1),
    "changed-later": lambda r: replace(r, changed_ms=r.changed_ms + 1),
    "more-records": lambda r: replace(r, count=2, peaks=(OTHER,)),
    "another-history": lambda r: replace(r, peaks=(OTHER,)),
    "another-sibling": lambda r: replace(r, siblings=(OTHER, *r.siblings[1:])),
    "a-sibling-more": lambda r: replace(r, siblings=(*r.siblings, OTHER)),
    "a-sibling-less": lambda r: replace(r, siblings=r.siblings[:-1]),
    "another-height": lambda r: replace(r, height=r.height + 1),
    "another-engine-height": lambda r: replace(r, engine_height=r.engine_height + 1),
    "another-parent": lambda r: replace(r, parent=OTHER),
    "another-header-time": lambda r: replace(r, header_time_ms=r.header_time_ms + 1),
    "another-first-index": lambda r: replace(r, first_index=r.first_index - 1, entry_count=r.entry_count + 1),
    "another-proposer": lambda r: replace(r, proposer=OTHER),
    "another-path": lambda r: replace(r, path=(*r.path[:-1], OTHER)),
    "another-signature": lambda r: replace(
        r, cosignatures=(flip(r.cosignatures[0], 40), *r.cosignatures[1:])
    ),
    "another-time-of-a-cosignature": lambda r: replace(
        r, cosignatures=(flip(r.cosignatures[0], 11), *r.cosignatures[1:])
    ),
}

MISMATCH, UNKNOWN, FORM = "verification", "cannot-tell", "format"


def cases() -> Iterator[Case]:
    """The vectors of `compact-receipt/` and `lookup-code/`."""
    yield from _honest()
    honest = compact().with_private(CLAIMS)
    for name, change in CHANGES.items():
        yield _bad(
            name, f"changed on the way: {name}", "compact.mismatch", MISMATCH, change(honest).encoded()
        )
    yield from _others(honest)
    yield from _forms(honest)
    yield from _codes()


def _inputs(data: bytes, **others: object) -> dict[str, object]:
    return {"policy": ledger().policy.format(), "chain_id": ledger().genesis.chain_id, "hex": data} | others


def _bad(name: str, desc: str, rule: str, family: str, data: bytes, **others: object) -> Case:
    return bad("compact-receipt", name, desc, rule, family, **_inputs(data, **others))


def _honest() -> Iterator[Case]:
    stranger = b"\x01\x02\x03\x04" + bytes(72)
    for name, desc, receipt in (
        ("certificate", "a certificate with its claims", compact().with_private(CLAIMS)),
        ("certificate-bare", "the same as a node gives it", compact()),
        ("certificate-revoked", "a certificate that was revoked", compact(OFFERED).with_private(CLAIMS)),
        ("document", "a public document", compact(DOCUMENT)),
        ("document-private", "a private document with its salt", compact(PRIVATE).with_private(SALT)),
        (
            "unknown-cosigner",
            "a cosignature by nobody known is passed over",
            replace(compact(), cosignatures=(stranger, *compact().cosignatures)),
        ),
    ):
        yield good("compact-receipt", name, desc, **_inputs(receipt.encoded()))
    inputs = _inputs(b"") | {"digits": to_digits(compact(DOCUMENT).encoded())}
    del inputs["hex"]
    yield good("compact-receipt", "digits", "as a printed code holds it", **inputs)
    for name, digits in (
        ("digits-none", ""),
        ("digits-zero", "012"),
        ("digits-letter", "12a"),
        ("digits-space", " 12"),
    ):
        yield bad(
            "compact-receipt",
            name,
            "no decimal number",
            "compact.digits",
            FORM,
            **(inputs | {"digits": digits}),
        )


def _others(honest: CompactReceipt) -> Iterator[Case]:
    few = replace(honest, cosignatures=honest.cosignatures[1:])
    yield _bad("quorum-missing", "two of four cosigned", "policy.quorum-missing", UNKNOWN, few.encoded())
    once = replace(honest, cosignatures=honest.cosignatures[:1] * 3)
    yield _bad(
        "cosigned-thrice", "one cosigned three times", "policy.quorum-missing", UNKNOWN, once.encoded()
    )
    wrong = replace(honest, cosignatures=(*honest.cosignatures, flip(honest.cosignatures[0], 30)))
    yield _bad("one-wrong", "a fourth cosignature is wrong", "compact.mismatch", MISMATCH, wrong.encoded())
    data = honest.encoded()
    yield _bad(
        "other-chain", "another chain id is pinned", "compact.mismatch", MISMATCH, data, chain_id=OTHER
    )
    policy = ledger().policy
    none = replace(policy, groups=(), quorum="none").format()
    yield _bad(
        "quorum-none", "a policy that asks for nobody", "compact.no-quorum", UNKNOWN, data, policy=none
    )
    both = replace(policy, logs=(*policy.logs, Log(_another_log())))
    yield _bad("two-origins", "a policy with two logs", "compact.origin", UNKNOWN, data, policy=both.format())
    unknown = replace(honest, record_type="cert.issue/2")
    yield _bad("type-unknown", "a type that is not known", "record.type-unknown", UNKNOWN, unknown.encoded())
    field = replace(honest, body={**honest.body, "valid_from": "2026-02-30"})
    yield _bad("field-wrong", "a field breaks its rule", "record.field-range", MISMATCH, field.encoded())


def _forms(honest: CompactReceipt) -> Iterator[Case]:
    value = decode(honest.encoded())
    if not isinstance(value, list):
        raise TypeError("a compact receipt is an array")

    def form(name: str, desc: str, rule: str, at: int, item: Value, family: str = FORM) -> Case:
        return _bad(name, desc, rule, family, encode([*value[:at], item, *value[at + 1 :]]))

    body, private, row, state, header = value[2], value[3], value[4], value[5], value[6]
    if not (isinstance(body, dict) and isinstance(private, list) and isinstance(row, list)):
        raise TypeError("the parts of a compact receipt")
    if not (isinstance(state, list) and isinstance(header, list) and isinstance(state[1], bytes)):
        raise TypeError("the parts of a compact receipt")
    yield form("version-2", "a version that is not known", "compact.version", 0, 2, UNKNOWN)
    yield form("version-true", "a version that is not 1", "compact.version", 0, True, UNKNOWN)
    yield _bad("eight-items", "an item short", "compact.shape", FORM, encode(value[:8]))
    yield _bad("ten-items", "an item long", "compact.shape", FORM, encode([*value, None]))
    yield _bad(
        "trailing-byte", "a byte behind it", "encoding.trailing-bytes", FORM, honest.encoded() + b"\xc0"
    )
    yield form("type-number", "a number for the type", "compact.shape", 1, 1)
    yield form("body-list", "a list for the body", "compact.shape", 2, [])
    yield form(
        "root-beside-claims",
        "the root beside the claims",
        "compact.private",
        2,
        body | {"claims_root": CLAIMS.root},
    )
    yield form(
        "count-beside-claims", "the count beside the claims", "compact.private", 2, body | {"claims_count": 6}
    )
    yield form(
        "some-claims", "some of the claims", "compact.private", 3, CLAIMS.disclose({"born"}).to_value()
    )
    yield form("salt-of-no-file", "a file's salt with a certificate", "compact.private", 3, bytes(32))
    yield form("salt-31-bytes", "a salt too short", "compact.private", 3, bytes(31))
    yield form(
        "claims-salt-31-bytes", "the claims' salt is too short", "claims.salt", 3, [0, bytes(31), private[2]]
    )
    yield form(
        "equal-times", "an equal time that is carried", "compact.shape", 4, [*row[:2], row[1], *row[3:]]
    )
    yield form("count-0", "a subject without records", "compact.peaks", 4, [*row[:3], 0, b""])
    yield form("peak-short", "a peak too few", "compact.peaks", 4, [*row[:3], 3, row[4]])
    yield form("peaks-31-bytes", "a piece of a hash", "compact.shape", 4, [*row[:4], bytes(31)])
    yield form("state-present-long", "a bit too many", "state-proof.present", 5, [b"\x00", b""])
    yield form(
        "state-sibling-short", "a sibling too short", "state-proof.siblings", 5, [state[0], state[1][:-1]]
    )
    yield form(
        "parent-31-bytes", "a parent too short", "compact.shape", 6, [*header[:2], bytes(31), *header[3:]]
    )
    yield form("height-negative", "a height below 0", "compact.shape", 6, [-1, *header[1:]])
    yield form("no-entries", "a block without entries", "compact.path", 6, [*header[:5], 0, header[6]])
    yield form("path-short", "a hash too few", "compact.path", 7, b"".join(honest.path[1:]))
    yield form("path-long", "a hash too many", "compact.path", 7, b"".join([*honest.path, OTHER]))
    yield form(
        "cosignature-short", "a piece of a cosignature", "compact.shape", 8, b"".join(honest.cosignatures)[1:]
    )
    yield form("cosignatures-65", "too many of them", "compact.cosignatures", 8, bytes(76 * 65))


def _codes() -> Iterator[Case]:
    for number in range(8):
        record_id = sha256(b"record %d" % number)
        yield good("lookup-code", f"record-{number}", "of a record", record_id=record_id)
    yield good("lookup-code", "record-zeros", "the first there is", record_id=bytes(32))
    yield good("lookup-code", "record-ones", "the last there is", record_id=b"\xff" * 32)
    code = code_of(sha256(b"record 0"))
    yield good("lookup-code", "typed", "as it is printed", typed=grouped(code))
    yield good("lookup-code", "typed-small", "in small letters", typed=code.lower())
    yield good("lookup-code", "typed-spaces", "with spaces", typed=f" {grouped(code)} ".replace("-", "  "))
    yield good(
        "lookup-code",
        "typed-dashes",
        "with what a word processor makes of hyphens",
        typed=grouped(code).replace("-", "\u2013"),
    )
    back = {letter: odd for odd, letter in LOOK_ALIKES.items()}
    yield good(
        "lookup-code",
        "typed-look-alikes",
        "as it looks",
        typed="".join(back.get(letter, letter) for letter in code),
    )
    for at in (0, 5, 11):
        letter = ALPHABET[(ALPHABET.index(code[at]) + 1) % len(ALPHABET)]
        typed = code[:at] + letter + code[at + 1 :]
        yield bad(
            "lookup-code", f"wrong-{at}", "one letter is wrong", "lookup-code.check", MISMATCH, typed=typed
        )
    at = next(at for at in range(11) if code[at] != code[at + 1])
    typed = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    yield bad(
        "lookup-code",
        "swapped",
        "two neighbours have changed places",
        "lookup-code.check",
        MISMATCH,
        typed=typed,
    )
    for name, typed, rule in (
        ("empty", "", "lookup-code.length"),
        ("short", code[:-1], "lookup-code.length"),
        ("long", code + "0", "lookup-code.length"),
        ("endless", "0" * 65, "lookup-code.length"),
        ("sign", code[:-1] + "!", "lookup-code.letters"),
        ("newline", code[:-1] + "\n", "lookup-code.letters"),
        ("dotless-i", "\u0131" + code[1:], "lookup-code.letters"),
        ("other-digits", "\u0663" + code[1:], "lookup-code.letters"),
    ):
        yield bad("lookup-code", name, "no code looks like this", rule, typed=typed)
    check = -sum((12 - at) * 28 for at in range(11)) % 29
    yield bad(
        "lookup-code",
        "too-large",
        "no record has so large a number",
        "lookup-code.range",
        typed="Y" * 11 + ALPHABET[check],
    )


def _another_log() -> VerifierKey:
    """The key of a log of another name."""
    return VerifierKey("other.example/so-goc", LOG_KEY, key("another log").public_key)
