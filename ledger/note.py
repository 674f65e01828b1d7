"""C2SP signed notes: a text, an empty line, and lines that sign it (c2sp.org/signed-note).

Rules:

* a note is UTF-8 without control characters other than the newline; its text ends in a newline;
* a signature line is an em dash, a space, the key's name, a space, base64 of the 4-byte key id and the signature;
* base64 is the standard alphabet with padding, and canonical: one text per value;
* signatures by keys one does not know are kept and ignored; a signature by a known key that is wrong spoils the note.

The key id says which of one's own keys to try. It is four bytes of a hash, not evidence of anything.

What this module does not do: read files, know the time, or decide which keys are trusted (see `ledger.policy`).
It makes and checks type 0x01 (Ed25519 over the text); type 0x04 is checked in `ledger.checkpoint`, which knows what a
cosignature covers.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ledger import keys
from ledger.errors import CannotTellError, FormatError, VerificationError

MAX_NOTE_BYTES: Final = 1_000_000
MAX_SIGNATURES: Final = 64

KEY_ID_SIZE: Final = 4

LOG_KEY: Final = 0x01
"""Signature type: Ed25519 over the note's text."""

COSIGNING_KEY: Final = 0x04
"""Signature type: Ed25519 cosignature with a time (c2sp.org/tlog-cosignature)."""

MLDSA_COSIGNING_KEY: Final = 0x06
"""Signature type: ML-DSA-44 cosignature. Its keys are read and written, its signatures cannot be judged here."""

_PUBLIC_KEY_SIZES: Final = {LOG_KEY: 32, COSIGNING_KEY: 32, MLDSA_COSIGNING_KEY: 1312}

_DASH: Final = "\u2014 "

# The White_Space code points, written out: what `str.isspace` answers depends on the interpreter's Unicode version and
# differs from what the other readers of this format use. (Controls below U+0020 are refused in any case.)
_SPACES: Final = frozenset(
    "\t\n\v\f\r \u0085\u00a0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

# Exactly those the format refuses: below U+0020, but for newline. DEL and the C1 controls are allowed.
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: who says to have signed, and what they signed with.

    name: the key's name. key_id: the four bytes that, with the name, point at a key. signature: the bytes after the
    key id; 64 for type 0x01, 72 (8 of time, 64 of signature) for type 0x04, and anything for types unknown here.
    """

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The signature's line in a note, with its newline."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. text: what is signed, with its final newline. signatures: in the order of their lines."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name and the signature type it is used under: what a "vkey" line says.

    name: not empty, no Unicode space, no plus sign. type: the signature type, one byte. public_key: 32 bytes for the
    Ed25519 types, 1,312 for ML-DSA-44.
    """

    name: str
    type: int
    public_key: bytes

    def __post_init__(self) -> None:
        """Check name and key; raises `FormatError` (`note.*`), or `CannotTellError` for an unknown type."""
        check_key_name(self.name)
        expected = _PUBLIC_KEY_SIZES.get(self.type)
        if expected is None:
            detail = f"keys of type 0x{self.type:02x} are unknown to this version"
            raise CannotTellError("note.unknown-key-type", detail)
        if len(self.public_key) != expected:
            detail = f"a key of type 0x{self.type:02x} has {expected} bytes, this one {len(self.public_key)}"
            raise FormatError("note.key-size", detail)

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name ‖ newline ‖ type ‖ public key)."""
        data = self.name.encode() + b"\n" + bytes((self.type,)) + self.public_key
        return hashlib.sha256(data).digest()[:KEY_ID_SIZE]

    @property
    def vkey(self) -> str:
        """The key as one word: name, key id in hexadecimal and base64 of type and key, joined by plus signs."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes((self.type,)) + self.public_key)}"

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Read a vkey. Raises `FormatError` (`note.vkey`, `note.key-*`), `CannotTellError` for an unknown type."""
        # Base64 may contain plus signs itself; the name may not, and comes first.
        name, first, rest = vkey.partition("+")
        key_id_text, second, key_text = rest.partition("+")
        if not first or not second:
            raise FormatError("note.vkey", "a key is written name+id+base64; this text has fewer parts")
        check_key_name(name)
        data = decode_base64(key_text, "note.vkey")
        if not data:
            raise FormatError("note.vkey", "the key part of the vkey is empty")
        key = cls(name, data[0], data[1:])
        if key_id_text != key.key_id.hex():
            detail = f"the vkey says its id is {key_id_text!a}, and its name and key make {key.key_id.hex()}"
            raise FormatError("note.vkey-id", detail)
        return key


def parse(data: str | bytes) -> Note:
    """Read a note strictly; at most 1,000,000 bytes and 64 signatures. Says nothing about whether they are valid.

    Raises `FormatError` with a rule `note.*` (c2sp.org/signed-note, "Format").
    """
    full = to_text(data, "note", MAX_NOTE_BYTES)
    end = full.rfind("\n\n")
    if end < 0:
        raise FormatError(
            "note.no-signatures", "a note has an empty line between its text and its signatures"
        )
    text, lines = full[: end + 1], full[end + 2 :]
    if not lines.endswith("\n"):
        detail = "the last line of a note is a signature and ends in a newline"
        raise FormatError("note.no-signatures" if not lines else "note.no-final-newline", detail)
    # Counted before the lines are split and decoded: a note of a million newlines costs nothing.
    if lines.count("\n") > MAX_SIGNATURES:
        raise FormatError("note.too-many-signatures", f"a note has at most {MAX_SIGNATURES} signatures")
    return Note(text, tuple(_parse_signature(line) for line in lines[:-1].split("\n")))


def format(note: Note) -> str:  # noqa: A001 - the verb of every codec here; called as note.format
    """Write a note; the inverse of `parse`. Raises `FormatError` for anything that `parse` would refuse."""
    check_text(note.text)
    for signature in note.signatures:
        check_key_name(signature.name)
        if len(signature.key_id) != KEY_ID_SIZE or not signature.signature:
            raise FormatError(
                "note.signature", "a signature is a key id of 4 bytes and at least one byte more"
            )
    if not note.signatures:
        raise FormatError("note.no-signatures", "a note has at least one signature")
    if len(note.signatures) > MAX_SIGNATURES:
        raise FormatError("note.too-many-signatures", f"a note has at most {MAX_SIGNATURES} signatures")
    full = note.text + "\n" + "".join(signature.line for signature in note.signatures)
    if len(full.encode()) > MAX_NOTE_BYTES:
        raise FormatError("note.too-large", f"a note has at most {MAX_NOTE_BYTES} bytes")
    return full


def sign_log(text: str, name: str, signing_key: keys.SigningKey) -> NoteSignature:
    """Sign a note's text with an Ed25519 key (type 0x01) under a key name; for a log, the name is its origin.

    Raises `FormatError` if the text cannot be a note's text or the name cannot be a key's name.
    """
    check_text(text)
    key = VerifierKey(name, LOG_KEY, signing_key.public_key)
    return NoteSignature(name, key.key_id, signing_key.sign(text.encode()))


def verify_log_signature(text: str, signature: NoteSignature, key: VerifierKey) -> None:
    """Check one type 0x01 signature over a note's text under the key that its name and key id point at.

    Raises `VerificationError` (`note.wrong-key`, `note.signature-size`, `signature.*`).
    """
    check_pointed_at(signature, key, LOG_KEY)
    if len(signature.signature) != keys.SIGNATURE_SIZE:
        detail = f"{key.name}'s signature has {len(signature.signature)} bytes, an Ed25519 signature has 64"
        raise VerificationError("note.signature-size", detail)
    keys.verify(key.public_key, signature.signature, text.encode())


def verify(note: Note, known: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Check every type 0x01 signature by a known key, and say which keys signed (in the order of the lines, once each).

    Raises `VerificationError` if one of them is wrong (a wrong signature by a known key spoils the note, however many
    others are right), `CannotTellError` (`note.no-known-key`) if no known key signed.
    """
    by_id = {(key.name, key.key_id): key for key in known if key.type == LOG_KEY}
    signers: dict[VerifierKey, None] = {}
    for signature in note.signatures:
        key = by_id.get((signature.name, signature.key_id))
        if key is not None:
            verify_log_signature(note.text, signature, key)
            signers[key] = None
    if not signers:
        raise CannotTellError("note.no-known-key", "none of the keys known here signed the note")
    return tuple(signers)


def check_pointed_at(signature: NoteSignature, key: VerifierKey, key_type: int) -> None:
    """Check that a signature line names this key and that the key is of the type that is about to be verified.

    Raises `VerificationError` (`note.wrong-key`): the caller picked a key that the line does not point at.
    """
    if key.type != key_type or signature.name != key.name or signature.key_id != key.key_id:
        detail = f"the line of {signature.name} does not point at key {key.name} of type 0x{key_type:02x}"
        raise VerificationError("note.wrong-key", detail, expected=key.key_id, got=signature.key_id)


def check_key_name(name: str) -> None:
    """Check that `name` may name a key: not empty, valid text, no Unicode space, no plus sign, no control character.

    Raises `FormatError` (`note.key-name`).
    """
    if not name or "+" in name or any(character in _SPACES or character < " " for character in name):
        detail = f"a key's name is not empty and has no space, plus sign or control character: {name!a}"
        raise FormatError("note.key-name", detail)
    _check_utf8(name, "note.key-name")


def check_text(text: str) -> None:
    """Check that `text` may be signed as a note: well-formed, no controls, ends in a newline.

    Raises `FormatError` (`note.text`, `note.control-character`).
    """
    _check_utf8(text, "note.text")
    _check_controls(text, "note")
    if not text.endswith("\n"):
        raise FormatError("note.text", "the text of a note ends in a newline")


def to_text(data: str | bytes, what: str, max_bytes: int) -> str:
    """Take bytes or text as UTF-8 of at most `max_bytes` bytes without controls but newline; `what` prefixes the rules.

    Raises `FormatError` (`<what>.too-large`, `<what>.not-utf-8`, `<what>.control-character`).
    """
    # A character has at least one byte, so this bound holds before anything is copied.
    if len(data) > max_bytes:
        raise FormatError(f"{what}.too-large", f"a {what} has at most {max_bytes} bytes")
    if isinstance(data, str):
        if len(_check_utf8(data, f"{what}.not-utf-8")) > max_bytes:
            raise FormatError(f"{what}.too-large", f"a {what} has at most {max_bytes} bytes")
        text = data
    else:
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise FormatError(
                f"{what}.not-utf-8", f"a {what} is UTF-8, and byte {error.start} is not"
            ) from error
    _check_controls(text, what)
    return text


def encode_base64(data: bytes) -> str:
    """Write bytes as base64 (RFC 4648 §4: standard alphabet, with padding)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def decode_base64(text: str, rule: str) -> bytes:
    """Read base64 strictly: standard alphabet, full padding, unused bits zero. Raises `FormatError` under `rule`."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise FormatError(rule, "this is not base64") from error
    # Strict mode lets through unused bits in the last character that are not zero: a second text for the same bytes.
    if encode_base64(data) != text:
        raise FormatError(rule, "this base64 is not canonical: it does not re-encode to itself")
    return data


def _parse_signature(line: str) -> NoteSignature:
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2:
        detail = f"a signature line is an em dash, a name and base64: {line[:80]!a}"
        raise FormatError("note.signature-line", detail)
    name, encoded = parts
    check_key_name(name)
    data = decode_base64(encoded, "note.signature-base64")
    if len(data) <= KEY_ID_SIZE:
        raise FormatError("note.signature", f"the signature of {name} is shorter than a key id and one byte")
    return NoteSignature(name, data[:KEY_ID_SIZE], data[KEY_ID_SIZE:])


def _check_controls(text: str, what: str) -> None:
    found = _CONTROL.search(text)
    if found:
        detail = f"a {what} has no control character but newline; this one has U+{ord(found[0]):04X}"
        raise FormatError(f"{what}.control-character", detail)


def _check_utf8(text: str, rule: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise FormatError(rule, f"character {error.start} is half of a surrogate pair") from error
