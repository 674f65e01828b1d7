"""Files that commands read and write beside a document: its receipt, its salt, a policy."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from rich.markup import escape

from api.cli.output import UsageError
from api.client import Client
from ledger import checkpoint
from ledger.epochs import Epochs, TileLinks, extends
from ledger.errors import LedgerError
from ledger.policy import Policy, Trust
from ledger.receipt import Receipt
from ledger.transitions import Transitions

RECEIPT_SUFFIX = ".tlog-proof"
SALT_SUFFIX = ".salt"
EPOCHS_SUFFIX = ".epochs"
"""Beside a policy: how the validators have changed since."""
SALT_SIZE = 32
_COMMITMENT_PREFIX = b"file\x00"


def escape_path(path: Path) -> str:
    """A path as it can be printed: brackets are not markup, control characters do not reach the terminal."""
    return escape("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(path)))


def check_file(path: Path) -> None:
    """Raise UsageError, rule `file.missing` or `file.folder`, unless there is a file to read."""
    if path.is_dir():
        raise UsageError("file.folder", f"{path} is a folder: name the files in it")
    if not path.is_file():
        raise UsageError("file.missing", f"there is no file {path}")


def beside(path: Path, suffix: str) -> Path:
    """The file next to `path` with the same name and one more suffix."""
    return path.with_name(path.name + suffix)


def sha256_of(path: Path) -> tuple[bytes, int]:
    """SHA-256 and size (bytes) of a file, read once. Raises UsageError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").digest()
            return digest, stream.tell()
    except OSError as error:
        raise UsageError("file.read", f"cannot read {path}: {error.strerror}") from error


def commitment_of(path: Path, salt: bytes) -> bytes:
    """The salted commitment to a file: HMAC-SHA-256(salt, "file" ‖ 0 ‖ bytes)."""
    mac = hmac.new(salt, _COMMITMENT_PREFIX, hashlib.sha256)
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                mac.update(chunk)
    except OSError as error:
        raise UsageError("file.read", f"cannot read {path}: {error.strerror}") from error
    return mac.digest()


def read_salt(path: Path) -> bytes:
    """A salt file: 64 hexadecimal digits. Raises UsageError."""
    try:
        salt = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise UsageError(
            "salt.read", f"{path} is not a salt file: it must hold {2 * SALT_SIZE} hexadecimal digits"
        ) from error
    if len(salt) != SALT_SIZE:
        raise UsageError("salt.size", f"{path} must hold {2 * SALT_SIZE} hexadecimal digits")
    return salt


def read_policy(path: Path | None, client: Client | None = None) -> Trust:
    """The policy in a file, or, without one, the policy that the node publishes; and what has become of it since.

    The changes of validators since are in a file beside it (`sogoc policy update`), or the node tells them: either way they
    prove themselves. Raises UsageError, and VerificationError or CannotTellError for changes that do not follow from it.
    """
    told = None if client is None else _told(client)
    if path is None:
        if client is None:
            raise UsageError("policy.missing", "name the trust policy with --policy")
        if told is None:
            return Policy.parse(client.policy())
        return Epochs.follow(Policy.parse(told.first_policy), told, _links(client))
    pinned = read_pinned(path)
    kept = read_transitions_beside(path)
    if kept is not None and told is not None:
        extends(kept, told)
    found = told or kept
    return pinned if found is None or not found.steps else Epochs.follow(pinned, found, _links(client))


def _told(client: Client) -> Transitions | None:
    data = client.transitions()
    return None if data is None else Transitions.parse(data)


def _links(client: Client | None) -> TileLinks | None:
    return None if client is None else TileLinks(client, checkpoint.parse(client.checkpoint()).size)


def read_pinned(path: Path) -> Policy:
    """The policy in a file, by itself. Raises UsageError."""
    try:
        return Policy.parse(path.read_bytes())
    except OSError as error:
        raise UsageError("policy.read", f"cannot read the policy {path}: {error.strerror}") from error
    except LedgerError as error:
        raise UsageError(error.rule, f"{path} is not a policy file: {error.detail}") from error


def read_transitions_beside(path: Path) -> Transitions | None:
    """The changes of validators that are kept beside the policy at `path`, or None. Raises UsageError."""
    file = beside(path, EPOCHS_SUFFIX)
    try:
        return Transitions.parse(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError("policy.read", f"cannot read {file}: {error.strerror}") from error
    except LedgerError as error:
        raise UsageError(error.rule, f"{file} is not a file of transitions: {error.detail}") from error


def write_atomically(path: Path, text: str | bytes, *, mode: int = 0o644) -> None:
    """Write a whole file or nothing, synced."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode() if isinstance(text, str) else text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise UsageError("file.write", f"cannot write {path}: {error.strerror}") from error


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    write_atomically(path, text, mode=0o600)


def keep_receipt(document: Path, text: str) -> Path:
    """Write a document's receipt beside it; an older one that is about something else is kept under another name."""
    path = beside(document, RECEIPT_SUFFIX)
    if path.exists() and not _same_record(path, text):
        number = 1
        while (kept := beside(document, f".{number}{RECEIPT_SUFFIX}")).exists():
            number += 1
        path.rename(kept)
    write_atomically(path, text)
    return path


def _same_record(path: Path, text: str) -> bool:
    try:
        return Receipt.parse(path.read_bytes()).record == Receipt.parse(text).record
    except (OSError, LedgerError):
        return False
