"""Files on their way to the ledger: what is said of them, whether they are there already, and their receipts.

Rules: a file is read once, hashed on this machine and never sent. What bears a secrecy mark is refused before it is read.
A salt is on the disk before anything that hangs on it is signed. A receipt is checked before it is kept.
"""

from __future__ import annotations

import mimetypes
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from api.answers import RecordInfo
from api.cli.files import (
    SALT_SIZE,
    SALT_SUFFIX,
    beside,
    commitment_of,
    keep_receipt,
    read_salt,
    sha256_of,
    write_private,
)
from api.cli.output import UsageError, local_time
from api.cli.signing import make_record
from api.client import Client
from ledger.encoding import Value, decode
from ledger.entry import MAX_RECORDS, MAX_SUBMISSION_BYTES
from ledger.errors import RefusedError
from ledger.fields import IDENTIFIER_ALPHABET
from ledger.hashing import HASH_SIZE, leaf_hash
from ledger.policy import Trust
from ledger.records import parse_record
from ledger.records.documents import number_key
from ledger.verdict import Verdict, judge_document

ANCHORING = frozenset({"doc.anchor/1", "doc.copy/1"})
"""Types of the records by which a document comes onto the ledger."""

KIND_OF_SYMBOL: Mapping[str, str] = {
    "NQ": "nghi-quyet",
    "QĐ": "quyet-dinh",
    "CT": "chi-thi",
    "QC": "quy-che",
    "QyĐ": "quy-dinh",
    "TC": "thong-cao",
    "TB": "thong-bao",
    "HD": "huong-dan",
    "CTr": "chuong-trinh",
    "KH": "ke-hoach",
    "PA": "phuong-an",
    "ĐA": "de-an",
    "DA": "du-an",
    "BC": "bao-cao",
    "BB": "bien-ban",
    "TTr": "to-trinh",
    "HĐ": "hop-dong",
    "CĐ": "cong-dien",
    "BGN": "ban-ghi-nho",
    "BTT": "ban-thoa-thuan",
    "GUQ": "giay-uy-quyen",
    "GM": "giay-moi",
    "GGT": "giay-gioi-thieu",
    "GNP": "giay-nghi-phep",
    "PG": "phieu-gui",
    "PC": "phieu-chuyen",
    "PB": "phieu-bao",
}
"""The letters before the first hyphen of a symbol say which kind of paper it is (Nghị định 30/2020/NĐ-CP, Phụ lục III)."""

_ENTRY_OVERHEAD_BYTES = 1_024
"""Room left in a submission for the leaf and the framing."""
_RECORD_OVERHEAD_BYTES = 8
_OCTETS = "application/octet-stream"
_GRAVE_MARKS = ("tối mật", "tuyệt mật", "toi-mat", "tuyet-mat", "toi_mat", "tuyet_mat", "độ mật")
_BARE_MARKS = frozenset({"mật", "mat"})


@dataclass(slots=True)
class Paper:
    """One file on its way to the ledger."""

    path: Path
    file_hash: bytes
    record: bytes
    """The record that anchors it, or that anchored it before."""
    commitment: bytes | None = None
    salt: bytes | None = None
    further: list[bytes] = field(default_factory=list)
    """Records about it that go into the same entry, after its own."""
    known: RecordInfo | None = None
    """What the node says of it, if this authority anchored it before."""
    disputed: bool = False
    """Whether its receipt shows that the key that anchored it was revoked from before."""

    @property
    def identifier(self) -> bytes:
        """What the ledger knows the document by."""
        return self.file_hash if self.commitment is None else self.commitment

    @property
    def to_sign(self) -> list[bytes]:
        """The records to be signed for it: all of them in one entry."""
        return [*([self.record] if self.known is None else []), *self.further]


# -- what is said of a paper -------------------------------------------------------------------------------------------


def secrecy_mark(path: Path) -> str | None:
    """The part of a path that marks the paper as secret, or None.

    A name that contains "tối mật", "tuyệt mật" or "độ mật" does, and so does one that is "mật" alone or in brackets. The
    word by itself within a name says nothing: honey is "mật ong", and security is "bảo mật".
    """
    for part in path.parts:
        name = unicodedata.normalize("NFC", part).lower()
        words = name.replace("(", "[").replace(")", "]")
        bare = words.partition(".")[0].strip(" []_-")
        if (
            any(mark in words for mark in _GRAVE_MARKS)
            or bare in _BARE_MARKS
            or any(f"[{mark}]" in words for mark in _BARE_MARKS)
        ):
            return part
    return None


def check_not_secret(path: Path) -> None:
    """Raise RefusedError, rule `document.secret`, if a file's name or a folder on the way to it bears a secrecy mark."""
    mark = secrecy_mark(path)
    if mark is not None:
        raise RefusedError(
            "document.secret",
            f"{mark!r} marks the paper as secret: it is not read, and nothing about it leaves this machine",
        )


def slug(words: str) -> str:
    """Words as an identifier: `QĐ-UBND` becomes `qd-ubnd`."""
    plain = unicodedata.normalize("NFD", words.lower()).replace("đ", "d")
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    kept = "".join(letter if letter in IDENTIFIER_ALPHABET else "-" for letter in letters)
    return "-".join(filter(None, kept.split("-")))[:64]


def default_book(symbol: str | None, kind: str | None) -> str | None:
    """The register that gave a number, where nobody names it: one for each symbol, or each kind of paper."""
    return slug(symbol or "") or kind


def kind_of(symbol: str | None) -> str | None:
    """The kind of paper that a symbol says, or None."""
    return None if symbol is None else KIND_OF_SYMBOL.get(symbol.partition("-")[0])


def described(fields: Mapping[str, str | None]) -> dict[str, Value]:
    """The fields that are given, normalised: the chain never judges normalisation."""
    return {name: unicodedata.normalize("NFC", value) for name, value in fields.items() if value is not None}


def media_type_of(path: Path) -> str:
    """The media type that a file's name says."""
    return (mimetypes.guess_type(path.name)[0] or _OCTETS).lower()


def public_paper(path: Path, authority: str, fields: Mapping[str, Value]) -> Paper:
    """A paper that is anchored by its hash. Raises UsageError if it cannot be read, RefusedError for a field that is wrong."""
    digest, size = sha256_of(path)
    body: dict[str, Value] = {
        "authority": authority,
        "hash": digest,
        "media_type": media_type_of(path),
        "size": size,
    }
    return Paper(path, digest, make_record("doc.anchor/1", body | dict(fields)))


def private_paper(
    path: Path, authority: str, fields: Mapping[str, Value], record_type: str = "doc.anchor/1"
) -> Paper:
    """A paper that is anchored by a salted commitment; the salt in the file beside it is taken, if there is one."""
    salt = salt_of(path)
    commitment = commitment_of(path, salt)
    body: dict[str, Value] = {"authority": authority, "commitment": commitment}
    record = make_record(record_type, body | dict(fields))
    return Paper(path, sha256_of(path)[0], record, commitment, salt)


def salt_of(path: Path) -> bytes:
    """The salt in the file beside a paper, or a new one that nothing holds yet."""
    salt_file = beside(path, SALT_SUFFIX)
    return read_salt(salt_file) if salt_file.exists() else secrets.token_bytes(SALT_SIZE)


def keep_salts(papers: Iterable[Paper]) -> None:
    """Write down the salts of private papers: before anything is signed, for without its salt a commitment is worth nothing."""
    for paper in papers:
        if paper.salt is not None:
            write_private(beside(paper.path, SALT_SUFFIX), paper.salt.hex() + "\n")


# -- what the ledger has of it -----------------------------------------------------------------------------------------


def anchors_of(client: Client, identifier: bytes) -> list[RecordInfo]:
    """The records by which authorities anchored a document, as the node has them."""
    return [
        info
        for info in client.document(identifier)
        if info.type in ANCHORING and info.subject_id == identifier.hex()
    ]


def anchored_by(client: Client, authority: str, identifier: bytes) -> RecordInfo | None:
    """The record by which this authority anchored the document, or None."""
    return next((info for info in anchors_of(client, identifier) if info.authority == authority), None)


def owner_of(client: Client, own: str, identifier: bytes, authority: str | None = None) -> str:
    """Whose document it is: `authority` if one is named, else one's own, else the one authority that anchored it.

    Raises RefusedError (`document.unknown`), UsageError (`document.several`).
    """
    owners = {info.authority for info in anchors_of(client, identifier)}
    if authority is not None:
        owners &= {authority}
    if own in owners:
        return own
    if not owners:
        raise RefusedError(
            "document.unknown", f"the document {identifier.hex()} is not anchored on this ledger"
        )
    if len(owners) > 1:
        raise UsageError(
            "document.several",
            f"several authorities anchored the document {identifier.hex()}: name one with --authority",
        )
    return owners.pop()


def change_of(
    client: Client,
    own: str,
    record_type: str,
    document: bytes,
    by: bytes,
    *,
    authority: str | None = None,
    by_owner: str | None = None,
) -> bytes:
    """A record by which the document `by` supersedes or corrects `document`, which may be one of an authority that has ended.

    `by_owner`: whose document `by` is, where it is not on the ledger yet. Raises as `owner_of` does.
    """
    owner = owner_of(client, own, document, authority)
    by_owner = by_owner or owner_of(client, own, by)
    body: dict[str, Value] = {"authority": owner, "document": document, "by": by}
    if by_owner != owner:
        body["by_authority"] = by_owner
    return make_record(record_type, body)


def mark_known(client: Client, authority: str, papers: Iterable[Paper]) -> None:
    """Find out which papers this authority has anchored before, so that they are not signed again."""
    for paper in papers:
        paper.known = anchored_by(client, authority, paper.identifier)
        if paper.known is not None:
            paper.record = paper.known.raw


def holder_of_number(client: Client, key: bytes) -> RecordInfo | None:
    """The record of the document that has the number whose row stands under `key`, as the node has it, or None."""
    value = client.state(key).proof.value
    holder = None if value is None else decode(value)
    return client.record(holder) if isinstance(holder, bytes) else None


def check_number(client: Client, paper: Paper) -> None:
    """Raise RefusedError, rule `document.number-taken`, before anything is signed, if another document has the number."""
    body = parse_record(paper.record).body
    key = number_key(body)
    if key is None or paper.known is not None:
        return
    holder = holder_of_number(client, key)
    if holder is None or body.get("continues") == bytes.fromhex(holder.subject_id):
        return
    raise RefusedError(
        "document.number-taken",
        f"the number is held by the document {holder.subject_id}, anchored by {holder.authority_name or holder.authority} on "
        f"{local_time(holder.time_ms / 1000)}, {holder.status}: use another number, or say --continues {holder.subject_id} if "
        "this paper is a corrected or newer version of it",
    )


# -- entries and receipts ----------------------------------------------------------------------------------------------


def first_of_each(papers: Iterable[Paper]) -> list[Paper]:
    """Files of equal content are one document."""
    return list({paper.identifier: paper for paper in papers}.values())


def split(groups: Iterable[Sequence[bytes]], *, at_most: int = MAX_RECORDS) -> list[list[bytes]]:
    """Records in as few entries as their limits allow; those of one group stay together. `at_most`: groups in one entry."""
    batches: list[list[bytes]] = []
    room = groups_left = 0
    for group in groups:
        size = sum(len(record) + _RECORD_OVERHEAD_BYTES for record in group)
        if not batches or not groups_left or len(batches[-1]) + len(group) > MAX_RECORDS or size > room:
            batches.append([])
            room = MAX_SUBMISSION_BYTES - _ENTRY_OVERHEAD_BYTES
            groups_left = at_most
        batches[-1] += group
        room -= size
        groups_left -= 1
    return batches


def keep_checked_receipt(paper: Paper, text: str, policy: Trust, *, disputed_too: bool = False) -> Path:
    """Check a receipt against the file and the policy, and keep it beside the file. Raises RefusedError, UsageError.

    `disputed_too`: a receipt that holds, and shows that the key's signature is disputed, is kept as well: `paper.disputed`
    says so then.
    """
    judgement = judge_document(paper.file_hash, text, policy, commitment=paper.commitment)
    paper.disputed = judgement.rule == "key.disputed"
    if paper.disputed and disputed_too:
        return keep_receipt(paper.path, text)
    if judgement.verdict in (Verdict.DOES_NOT_MATCH, Verdict.CANNOT_TELL):
        raise RefusedError(
            judgement.rule, f"the node's receipt for {paper.path} does not hold: {judgement.reason}"
        )
    return keep_receipt(paper.path, text)


def receipts_of(client: Client, papers: Sequence[Paper]) -> dict[bytes, str]:
    """The receipts of papers that are on the ledger, by record id."""
    return client.receipts([leaf_hash(paper.record) for paper in papers])


def identifier_of(reference: str) -> bytes:
    """A document's hash or commitment: the 64 digits themselves, or those of a file (with the salt beside it, if there is one).

    Raises UsageError, rule `document.reference`.
    """
    path = Path(reference)
    if path.is_file():
        salt_file = beside(path, SALT_SUFFIX)
        return commitment_of(path, read_salt(salt_file)) if salt_file.exists() else sha256_of(path)[0]
    try:
        identifier = bytes.fromhex(reference)
    except ValueError:
        identifier = b""
    if len(identifier) != HASH_SIZE:
        raise UsageError(
            "document.reference", f"{reference} is neither a file nor the 64 hexadecimal digits of a document"
        )
    return identifier
