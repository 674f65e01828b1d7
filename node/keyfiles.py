"""Private keys at rest: PKCS#8 PEM files, encrypted under a passphrase, that `openssl pkey` can read too.

Rules:

* a key file holds one Ed25519 key, has mode 0600, and is never overwritten: keys are kept or deleted by people;
* it appears under its name complete and synced to disk, or not at all;
* a file that others could read is refused, since its key may no longer be the owner's alone;
* the passphrase is NFC-normalised UTF-8, so that it is the same one typed on another system's keyboard;
* encryption is PBES2 with scrypt (RFC 7914) and AES-256-CBC. The library's own writer would derive the key with 2,048
  rounds of PBKDF2, which a graphics card tries by the hundred thousand a second; so the envelope is built here, and
  reading is left to the library.

What this module does not do: talk to the terminal (a prompt is passed in), or know what a key is for.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import os
import secrets
import stat
import textwrap
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from ledger.errors import LedgerError
from ledger.keys import SEED_SIZE, SigningKey

PASSPHRASE_VARIABLE: Final = "SOGOC_PASSPHRASE"  # noqa: S105 - the name of the variable, not its value
PASSPHRASE_CREDENTIAL: Final = "sogoc-passphrase"  # noqa: S105 - the name of the systemd credential

MAX_FILE_BYTES: Final = 65_536
MAX_PASSPHRASE_BYTES: Final = 1_024

# 16 MiB and five passes: the most memory that `openssl pkey` grants to scrypt, and a few hundred milliseconds a try.
_SCRYPT_N: Final = 2**14
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 5
_SCRYPT_MEMORY: Final = 2**26

_ENCRYPTED_LABEL: Final = "ENCRYPTED PRIVATE KEY"

# Object identifiers in DER: PBES2 and its parts (RFC 8018, RFC 7914), AES-256-CBC, Ed25519 (RFC 8410).
_OID_PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
_OID_SCRYPT: Final = bytes.fromhex("06092b06010401da47040b")
_OID_AES256_CBC: Final = bytes.fromhex("060960864801650304012a")

PassphraseSource = str | Callable[[], str | None] | None


class KeyFileError(LedgerError):
    """A key file or passphrase that cannot be used; the detail says what to do about it."""


def generate(path: Path, passphrase: str | None) -> SigningKey:
    """Make a new random key and write it to `path`; like `save` in everything else."""
    key = new_key()
    save(path, key, passphrase)
    return key


def new_key() -> SigningKey:
    """A new random key, not on any disk yet."""
    return SigningKey.from_seed(secrets.token_bytes(SEED_SIZE))


def save(path: Path, key: SigningKey, passphrase: str | None) -> None:
    """Write a key to `path`, encrypted; with None, in clear (which a user must have asked for by name).

    The file is complete and synced before it has its name, and its directory is synced after.

    Raises `KeyFileError`: `key-file.exists` (nothing is touched), `key-file.empty-passphrase`,
    `key-file.passphrase-source`, `key-file.write`.
    """
    pem = _to_pem(key.seed, passphrase)
    try:
        _write_new(path, pem)
    except FileExistsError as error:
        detail = f"{path} exists and a key file is never overwritten; move it away first if it is not needed"
        raise KeyFileError("key-file.exists", detail) from error
    except OSError as error:
        raise KeyFileError("key-file.write", f"cannot write {path}: {error.strerror}") from error


def load(path: Path, passphrase: PassphraseSource) -> SigningKey:
    """Read a key file. `passphrase` may be a function, which is asked only if the file is encrypted.

    A passphrase for a file that is not encrypted is not an error; `is_encrypted` tells.

    Raises `KeyFileError`: `key-file.not-found`, `key-file.permissions` (others may read it), `key-file.read`,
    `key-file.format`, `key-file.key-type`, `key-file.passphrase-missing`, `key-file.passphrase` (the wrong one).
    """
    pem = _read_private(path, "a key file")
    given: bytes | None = None
    if _looks_encrypted(pem):
        text = passphrase() if callable(passphrase) else passphrase
        if text is None:
            detail = f"{path} is encrypted and no passphrase was given"
            raise KeyFileError("key-file.passphrase-missing", detail)
        given = _passphrase_bytes(text)
    try:
        key = serialization.load_pem_private_key(pem, given)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # One wrong passphrase in 256 decrypts to well-padded nonsense, so damage cannot be told apart from it for sure.
        if given is not None and isinstance(error, ValueError):
            detail = f"the passphrase does not open {path} (or the file is damaged)"
            raise KeyFileError("key-file.passphrase", detail) from error
        raise KeyFileError("key-file.format", f"{path} is not a PKCS#8 PEM key file") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError("key-file.key-type", f"{path} holds a key of another kind than Ed25519")
    return SigningKey.from_seed(key.private_bytes_raw())


def is_encrypted(path: Path) -> bool:
    """Say whether a key file needs a passphrase. Raises `KeyFileError` like `load` does before it decrypts."""
    return _looks_encrypted(_read_private(path, "a key file"))


def resolve_passphrase(
    *,
    file: Path | None = None,
    prompt: Callable[[], str] | None = None,
    environ: Mapping[str, str] | None = None,
    credential: str = PASSPHRASE_CREDENTIAL,
) -> str | None:
    """Find the passphrase: from `file`, else $SOGOC_PASSPHRASE, else a systemd credential, else by asking `prompt`.

    `environ` defaults to the process's own. A file or credential holds the passphrase and at most one newline after it.
    Returns None where there is no source at all.

    Raises `KeyFileError`: `key-file.empty-passphrase`, `key-file.passphrase-source` (unreadable, too long, not UTF-8),
    and for `file` also `key-file.not-found` and `key-file.permissions`.
    """
    variables = os.environ if environ is None else environ
    if file is not None:
        return _one_line(_read_private(file, "a passphrase file"), str(file))
    if PASSPHRASE_VARIABLE in variables:
        return _checked(variables[PASSPHRASE_VARIABLE])
    directory = variables.get("CREDENTIALS_DIRECTORY")
    if directory:
        # The service manager guards this directory, by means (an ACL) that look like a group's right to read.
        path = Path(directory) / credential
        try:
            with path.open("rb") as handle:
                return _one_line(handle.read(MAX_FILE_BYTES), str(path))
        except FileNotFoundError:
            pass
        except OSError as error:
            detail = f"cannot read the credential {path}: {error.strerror}"
            raise KeyFileError("key-file.passphrase-source", detail) from error
    return _checked(prompt()) if prompt is not None else None


def _checked(passphrase: str) -> str:
    _passphrase_bytes(passphrase)
    return passphrase


def _one_line(data: bytes, source: str) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise KeyFileError(
            "key-file.passphrase-source", f"the passphrase in {source} is not UTF-8"
        ) from error
    return _checked(text.removesuffix("\n").removesuffix("\r"))


def _passphrase_bytes(passphrase: str) -> bytes:
    if not passphrase:
        raise KeyFileError("key-file.empty-passphrase", "an empty passphrase protects nothing")
    try:
        data = unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError as error:
        raise KeyFileError("key-file.passphrase-source", "the passphrase is not valid text") from error
    if len(data) > MAX_PASSPHRASE_BYTES:
        detail = f"a passphrase has at most {MAX_PASSPHRASE_BYTES} bytes"
        raise KeyFileError("key-file.passphrase-source", detail)
    return data


def _read_private(path: Path, what: str) -> bytes:
    """Read a small file that only its owner may read; the rights are those of the file that was opened."""
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as handle:  # noqa: PTH123
            status = os.fstat(handle.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileError("key-file.read", f"{path} is not a regular file")
            if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                mode = stat.S_IMODE(status.st_mode)
                detail = f"{path} has mode {mode:04o}, and {what} is its owner's alone: chmod 600 {path}"
                raise KeyFileError("key-file.permissions", detail)
            data = handle.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise KeyFileError("key-file.not-found", f"there is no file {path}") from error
    except OSError as error:
        raise KeyFileError("key-file.read", f"cannot read {path}: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise KeyFileError("key-file.format", f"{path} is too large for {what}")
    return data


def _write_new(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as handle:  # noqa: PTH123 - a descriptor, not a path
            os.fchmod(descriptor, 0o600)
            handle.write(data)
            handle.flush()
            # 1. The bytes are on disk before the name exists.
            os.fsync(descriptor)
        # 2. The name appears at once, and only if it is free: a rename would replace what is there.
        os.link(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    # 3. The name is on disk before anybody relies on the key.
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network filesystems cannot sync a directory and say so.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def _looks_encrypted(pem: bytes) -> bool:
    return f"-----BEGIN {_ENCRYPTED_LABEL}-----".encode() in pem


def _to_pem(seed: bytes, passphrase: str | None) -> bytes:
    private_key = Ed25519PrivateKey.from_private_bytes(seed)
    pkcs8, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    if passphrase is None:
        return private_key.private_bytes(serialization.Encoding.PEM, pkcs8, clear)
    der = private_key.private_bytes(serialization.Encoding.DER, pkcs8, clear)
    body = base64.b64encode(_encrypt(der, _passphrase_bytes(passphrase))).decode("ascii")
    lines = "\n".join(textwrap.wrap(body, 64))
    return f"-----BEGIN {_ENCRYPTED_LABEL}-----\n{lines}\n-----END {_ENCRYPTED_LABEL}-----\n".encode("ascii")


def _encrypt(der: bytes, passphrase: bytes) -> bytes:
    """Wrap a PKCS#8 key into an EncryptedPrivateKeyInfo (RFC 5958 §3) under PBES2 with scrypt (RFC 7914 §7.1)."""
    salt, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    key = hashlib.scrypt(
        passphrase, salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, maxmem=_SCRYPT_MEMORY, dklen=32
    )
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).encryptor()
    data = encryptor.update(padder.update(der) + padder.finalize()) + encryptor.finalize()
    costs = b"".join(_der_integer(number) for number in (_SCRYPT_N, _SCRYPT_R, _SCRYPT_P))
    derivation = _der(0x30, _OID_SCRYPT, _der(0x30, _der(0x04, salt), costs))
    encryption = _der(0x30, _OID_AES256_CBC, _der(0x04, iv))
    algorithm = _der(0x30, _OID_PBES2, _der(0x30, derivation, encryption))
    return _der(0x30, algorithm, _der(0x04, data))


def _der(tag: int, *contents: bytes) -> bytes:
    """One DER element (X.690 §8.1) of fewer than 256 bytes, which every part of this envelope is."""
    body = b"".join(contents)
    length = (len(body),) if len(body) < 0x80 else (0x81, len(body))
    return bytes((tag, *length)) + body


def _der_integer(number: int) -> bytes:
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))
