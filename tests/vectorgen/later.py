"""Vectors of files held against the receipt of a later record: of what became of a document, of a copy, or of its paper."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.hashing import sha256
from tests.vectorgen.case import Case, flip, verdict
from tests.vectorgen.ledgers import PRIVATE_FILE, SALT, Ledger, base, commitment
from tests.vectorgen.receipts import CANNOT, ENDED, IN_FORCE, NO_MATCH

GOOD, OTHER, SALT_MISSING = "status.in-force", "document.hash", "document.salt-missing"
STAMPED, SIGNED_SHEET = b"paper 1, stamped", b"a certificate's sheet"


def cases() -> Iterator[Case]:
    """The vectors of `document/` whose names begin with the kind of the record."""
    yield from _changed_public()
    yield from _changed_private()
    yield from _copies()
    yield from _papers()


def _record(name: str, **fields: Value) -> bytes:
    return encode_record(name, {"authority": "office", **fields})


def _case(name: str, desc: str, expected: str, rule: str, text: str, **given: object) -> Case:
    policy = base().policy.format()
    return verdict("document", name, desc, expected, rule, policy=policy, text=text, **given)


def _changed(record: bytes, *before: bytes) -> str:
    """The receipt of a record on `base`."""
    ledger = base()
    for one in before:
        ledger.place([one])
    return _of(ledger, record)


def _of(ledger: Ledger, record: bytes) -> str:
    index = ledger.place([record])
    return ledger.parts(index).text()


def _changed_public() -> Iterator[Case]:
    superseded = _changed(_record("doc.supersede/1", document=sha256(b"paper 1"), by=sha256(b"paper 2")))
    rule = "status.superseded"
    yield _case("supersede", "superseded, by that record's receipt", ENDED, rule, superseded, file=b"paper 1")
    yield _case(
        "supersede-by",
        "the file that took its place: the receipt is not for it, or its salt is missing",
        CANNOT,
        SALT_MISSING,
        superseded,
        file=b"paper 2",
    )
    yield _case(
        "supersede-by-salted",
        "and with a salt it is not",
        NO_MATCH,
        OTHER,
        superseded,
        file=b"paper 2",
        salt=SALT,
    )
    withdrawn = _changed(_record("doc.withdraw/1", document=sha256(b"paper 1"), reason="ordered"))
    yield _case(
        "withdraw",
        "withdrawn, with a needless salt",
        ENDED,
        "status.withdrawn",
        withdrawn,
        file=b"paper 1",
        salt=SALT,
    )


def _changed_private() -> Iterator[Case]:
    """A record that came later does not say whether it names a document by its hash or by its commitment."""
    corrected = _changed(_record("doc.correct/1", document=commitment(), by=sha256(b"paper 1")))
    name = "correct-private"
    yield _case(
        name,
        "a private paper, corrected: with its salt",
        IN_FORCE,
        GOOD,
        corrected,
        file=PRIVATE_FILE,
        salt=SALT,
    )
    yield _case(f"{name}-no-salt", "without its salt", CANNOT, SALT_MISSING, corrected, file=PRIVATE_FILE)
    yield _case(
        f"{name}-other-salt",
        "another salt",
        NO_MATCH,
        OTHER,
        corrected,
        file=PRIVATE_FILE,
        salt=flip(SALT, 1),
    )
    yield _case(
        f"{name}-altered", "a byte changed", NO_MATCH, OTHER, corrected, file=PRIVATE_FILE + b".", salt=SALT
    )
    withdrawn = _changed(_record("doc.withdraw/1", document=commitment(), reason="recorded-in-error"))
    name, rule = "withdraw-private", "status.withdrawn"
    yield _case(
        name,
        "a private paper, withdrawn: with its salt",
        ENDED,
        rule,
        withdrawn,
        file=PRIVATE_FILE,
        salt=SALT,
    )
    yield _case(f"{name}-no-salt", "without its salt", CANNOT, SALT_MISSING, withdrawn, file=PRIVATE_FILE)
    checked = _changed(_record("doc.signatures/1", document=commitment(), count=0))
    desc = "what was found of its signatures"
    yield _case("signatures-private", desc, IN_FORCE, GOOD, checked, file=PRIVATE_FILE, salt=SALT)
    yield _case("signatures-private-no-salt", desc, CANNOT, SALT_MISSING, checked, file=PRIVATE_FILE)
    by_commitment = _changed(_record("doc.signatures/1", document=sha256(b"paper 1"), count=0))
    yield _case("signatures", f"{desc}: a public paper", IN_FORCE, GOOD, by_commitment, file=b"paper 1")


def _copies() -> Iterator[Case]:
    copy = _record("doc.copy/1", commitment=commitment(b"a copy"), original=sha256(b"paper 1"))
    text = _changed(copy)
    yield _case("copy", "a certified copy with its salt", IN_FORCE, GOOD, text, file=b"a copy", salt=SALT)
    yield _case("copy-no-salt", "without its salt", CANNOT, SALT_MISSING, text, file=b"a copy")
    yield _case(
        "copy-original", "the original is not the copy", NO_MATCH, OTHER, text, file=b"paper 1", salt=SALT
    )
    made = "a file whose SHA-256 is the commitment is not it either; here another file"
    yield _case("copy-altered", made, NO_MATCH, OTHER, text, file=b"A copy", salt=SALT)


def _papers() -> Iterator[Case]:
    stamped = _record("doc.paper/1", document=sha256(b"paper 1"), hash=sha256(STAMPED))
    text = _changed(stamped)
    yield _case("paper", "a stamped copy", IN_FORCE, GOOD, text, file=STAMPED)
    yield _case(
        "paper-salted", "a stamped copy, and a needless salt", IN_FORCE, GOOD, text, file=STAMPED, salt=SALT
    )
    yield _case("paper-altered", "a byte changed", NO_MATCH, OTHER, text, file=STAMPED + b".")
    desc = "the document itself is another file than its stamped copy"
    yield _case("paper-document", desc, NO_MATCH, OTHER, text, file=b"paper 1")
    ended = base()
    index = ended.place([stamped])
    ended.place([_record("doc.withdraw/1", document=sha256(b"paper 1"), reason="other")])
    desc = "a stamped copy of what was withdrawn"
    yield _case("paper-withdrawn", desc, ENDED, "status.withdrawn", ended.parts(index).text(), file=STAMPED)
    private = _record("doc.paper/1", document=commitment(), hash=sha256(STAMPED))
    desc = "a stamped copy of a private paper is known by its own hash"
    yield _case("paper-private", desc, IN_FORCE, GOOD, _changed(private), file=STAMPED)
    issue = _record(
        "cert.issue/1",
        certificate=bytes(16),
        schema="ocop.1",
        claims_root=bytes(32),
        claims_count=1,
    )
    sheet = _record("cert.paper/1", certificate=bytes(16), hash=sha256(SIGNED_SHEET))
    text = _changed(sheet, issue)
    rule = "certificate.days-unknown"
    desc = "a certificate's paper: its days stand in its proof"
    yield _case("certificate-paper", desc, CANNOT, rule, text, file=SIGNED_SHEET)
    yield _case(
        "certificate-paper-altered", "a byte changed", NO_MATCH, OTHER, text, file=SIGNED_SHEET + b"."
    )
    revoked = base()
    for one in (issue, sheet):
        index = revoked.place([one])
    revoked.place([_record("cert.revoke/1", certificate=bytes(16), reason="replaced")])
    text = revoked.parts(index).text()
    desc = "a revoked certificate's paper"
    yield _case("certificate-paper-revoked", desc, ENDED, "status.revoked", text, file=SIGNED_SHEET)
