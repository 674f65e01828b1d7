"""Key files: what protects them, what is refused, and that nothing half-written is ever found."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_p256
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.errors import LedgerError
from ledger.keys import SigningKey
from node import keyfiles
from node.keyfiles import KeyFileError

KEY = SigningKey.from_seed(bytes(range(32)))
PASSPHRASE = "mật khẩu của văn thư"
FULL_COST = keyfiles._SCRYPT_N


@pytest.fixture(autouse=True)
def cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost is for attackers; the tests that are not about it take less."""
    monkeypatch.setattr(keyfiles, "_SCRYPT_N", 16)


def rule(attempt: Callable[[], object]) -> str:
    with pytest.raises(KeyFileError) as caught:
        attempt()
    assert isinstance(caught.value, LedgerError)
    return caught.value.rule


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("passphrase", [PASSPHRASE, None])
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_what_is_saved_is_loaded_and_private(tmp_path: Path, passphrase: str | None, umask: int) -> None:
    path = tmp_path / "office.pem"
    before = os.umask(umask)
    try:
        keyfiles.save(path, KEY, passphrase)
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert keyfiles.load(path, passphrase).seed == KEY.seed
    assert keyfiles.load(path, lambda: passphrase).public_key == KEY.public_key
    assert keyfiles.is_encrypted(path) == (passphrase is not None)


def test_generated_keys_differ_and_match_their_files(tmp_path: Path) -> None:
    keys = [keyfiles.generate(tmp_path / f"{number}.pem", PASSPHRASE) for number in range(3)]
    assert len({key.seed for key in keys}) == 3
    for number, key in enumerate(keys):
        assert keyfiles.load(tmp_path / f"{number}.pem", PASSPHRASE).seed == key.seed


def test_the_seed_is_not_in_an_encrypted_file(tmp_path: Path) -> None:
    keyfiles.save(tmp_path / "a.pem", KEY, PASSPHRASE)
    keyfiles.save(tmp_path / "b.pem", KEY, PASSPHRASE)
    first, second = ((tmp_path / name).read_bytes() for name in ("a.pem", "b.pem"))
    assert first.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    # Salt and IV are fresh: equal keys under equal passphrases do not look alike.
    assert first.splitlines()[2] != second.splitlines()[2]


def test_the_passphrase_is_the_same_one_in_either_unicode_form(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, PASSPHRASE) for form in ("NFC", "NFD"))
    assert composed != decomposed
    keyfiles.save(tmp_path / "k.pem", KEY, decomposed)
    assert keyfiles.load(tmp_path / "k.pem", composed).seed == KEY.seed


def test_a_function_is_asked_only_if_the_file_is_encrypted(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask() -> str:
        asked.append("asked")
        return PASSPHRASE

    keyfiles.save(tmp_path / "clear.pem", KEY, None)
    keyfiles.save(tmp_path / "secret.pem", KEY, PASSPHRASE)
    keyfiles.load(tmp_path / "clear.pem", ask)
    assert asked == []
    keyfiles.load(tmp_path / "secret.pem", ask)
    assert asked == ["asked"]


@pytest.mark.parametrize("passphrase", [PASSPHRASE + " ", PASSPHRASE.upper(), "x", " "])
def test_a_wrong_passphrase_is_refused_by_name(tmp_path: Path, passphrase: str) -> None:
    path = tmp_path / "k.pem"
    keyfiles.save(path, KEY, PASSPHRASE)
    assert rule(lambda: keyfiles.load(path, passphrase)) == "key-file.passphrase"


def test_many_wrong_passphrases_never_open_it(tmp_path: Path) -> None:
    """About one in 256 decrypts to well-padded nonsense."""
    path = tmp_path / "k.pem"
    keyfiles.save(path, KEY, PASSPHRASE)
    for number in range(1_000):
        assert rule(partial(keyfiles.load, path, f"x{number}")) == "key-file.passphrase"


def test_a_missing_or_empty_passphrase_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    keyfiles.save(path, KEY, PASSPHRASE)
    assert rule(lambda: keyfiles.load(path, None)) == "key-file.passphrase-missing"
    assert rule(lambda: keyfiles.load(path, lambda: None)) == "key-file.passphrase-missing"
    assert rule(lambda: keyfiles.load(path, "")) == "key-file.empty-passphrase"
    assert rule(lambda: keyfiles.save(tmp_path / "other.pem", KEY, "")) == "key-file.empty-passphrase"
    assert rule(lambda: keyfiles.save(tmp_path / "other.pem", KEY, "\ud800")) == "key-file.passphrase-source"
    assert (
        rule(lambda: keyfiles.save(tmp_path / "other.pem", KEY, "x" * 1025)) == "key-file.passphrase-source"
    )
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("passphrase", [PASSPHRASE, None])
def test_a_key_file_is_never_overwritten(tmp_path: Path, passphrase: str | None) -> None:
    path = tmp_path / "k.pem"
    path.write_text("a file that matters")
    assert rule(lambda: keyfiles.generate(path, passphrase)) == "key-file.exists"
    assert path.read_text() == "a file that matters"
    dangling = tmp_path / "link.pem"
    dangling.symlink_to(tmp_path / "nowhere")
    assert rule(lambda: keyfiles.generate(dangling, passphrase)) == "key-file.exists"
    assert sorted(tmp_path.iterdir()) == [path, dangling]


@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    if call == "write":
        monkeypatch.setattr(os, "fchmod", fail)
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(KeyFileError, match="No space left") as caught:
        keyfiles.save(tmp_path / "k.pem", KEY, None)
    assert caught.value.rule == "key-file.write"
    assert list(tmp_path.iterdir()) == []


def test_the_bytes_are_synced_before_the_name_and_the_directory_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync, link = os.fsync, os.link

    def recording_sync(descriptor: int) -> None:
        order.append("sync directory" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "sync file")
        sync(descriptor)

    def recording_link(source: Path, target: Path) -> None:
        order.append("link")
        link(source, target)

    monkeypatch.setattr(os, "fsync", recording_sync)
    monkeypatch.setattr(os, "link", recording_link)
    keyfiles.save(tmp_path / "k.pem", KEY, None)
    assert order == ["sync file", "link", "sync directory"]


@pytest.mark.parametrize(("number", "refused"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_directory_that_cannot_be_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, refused: bool
) -> None:
    """Not supported there is borne; a failed one is said, though the file is there: it may not survive a crash."""
    sync = os.fsync

    def refuse_directories(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_directories)
    path = tmp_path / "k.pem"
    if refused:
        assert rule(lambda: keyfiles.save(path, KEY, None)) == "key-file.write"
    else:
        keyfiles.save(path, KEY, None)
    assert keyfiles.load(path, None).seed == KEY.seed


def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    assert rule(lambda: keyfiles.generate(tmp_path / "no" / "k.pem", None)) == "key-file.write"


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o644, 0o601, 0o620])
def test_a_file_that_others_may_use_is_refused_and_the_cure_is_named(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "k.pem"
    keyfiles.save(path, KEY, None)
    path.chmod(bits)
    for attempt in (lambda: keyfiles.load(path, None), lambda: keyfiles.is_encrypted(path)):
        with pytest.raises(KeyFileError, match=f"mode {bits:04o}.*chmod 600") as caught:
            attempt()
        assert caught.value.rule == "key-file.permissions"
    path.chmod(0o400)
    assert keyfiles.load(path, None).seed == KEY.seed


def write_private(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    assert rule(lambda: keyfiles.load(tmp_path / "none.pem", None)) == "key-file.not-found"
    assert rule(lambda: keyfiles.load(tmp_path, None)) in {"key-file.read", "key-file.permissions"}
    for data in (
        b"",
        b"junk",
        b"\xff" * 100,
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        bytes(70_000),
    ):
        path = write_private(tmp_path / "junk.pem", data)
        assert rule(partial(keyfiles.load, path, PASSPHRASE)) == "key-file.format"
    p256 = generate_p256(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = write_private(tmp_path / "p256.pem", p256)
    assert rule(lambda: keyfiles.load(path, None)) == "key-file.key-type"


def test_a_named_pipe_does_not_hang_us(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o600)
    assert rule(lambda: keyfiles.load(path, None)) == "key-file.read"


def test_every_damaged_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    good = keyfiles._to_pem(KEY.seed, PASSPHRASE)
    for place in range(0, len(good), 3):
        damaged = bytearray(good)
        damaged[place] ^= 1
        path = write_private(tmp_path / "k.pem", bytes(damaged))
        try:
            loaded = keyfiles.load(path, PASSPHRASE)
        except KeyFileError:
            continue
        except MemoryError:  # the damage asked scrypt for more than there is
            continue
        assert len(loaded.seed) == 32


def test_files_of_other_programs_are_read(tmp_path: Path) -> None:
    """The library's own PBKDF2 envelope, such as older tools write."""
    theirs = Ed25519PrivateKey.from_private_bytes(KEY.seed).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSPHRASE.encode()),
    )
    path = write_private(tmp_path / "theirs.pem", theirs)
    assert keyfiles.load(path, PASSPHRASE).seed == KEY.seed


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program is not installed")
def test_openssl_reads_our_files_at_full_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyfiles, "_SCRYPT_N", FULL_COST)
    path = tmp_path / "k.pem"
    keyfiles.save(path, KEY, PASSPHRASE)
    command = ["openssl", "pkey", "-in", str(path), "-passin", "env:P", "-outform", "DER"]
    done = subprocess.run(command, env={**os.environ, "P": PASSPHRASE}, capture_output=True, check=True)
    assert done.stdout.endswith(KEY.seed)


def test_the_cost_of_a_guess_is_what_the_module_says() -> None:
    assert (FULL_COST, keyfiles._SCRYPT_R, keyfiles._SCRYPT_P) == (2**14, 8, 5)


def test_the_passphrase_sources_and_their_order(tmp_path: Path) -> None:
    file = write_private(tmp_path / "passphrase", "từ tệp\n".encode())
    (tmp_path / "sogoc-passphrase").write_text("from the credential\n")
    environ = {"SOGOC_PASSPHRASE": "from the environment", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    credential_only = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    def prompt() -> str:
        return "from the prompt"

    find = keyfiles.resolve_passphrase
    assert find(file=file, prompt=prompt, environ=environ) == "từ tệp"
    assert find(prompt=prompt, environ=environ) == "from the environment"
    assert find(prompt=prompt, environ=credential_only) == "from the credential"
    assert find(prompt=prompt, environ=credential_only, credential="another") == "from the prompt"
    assert find(prompt=prompt, environ={}) == "from the prompt"
    assert find(environ={}) is None


def test_the_environment_is_the_process_s_own_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOGOC_PASSPHRASE", PASSPHRASE)
    assert keyfiles.resolve_passphrase() == PASSPHRASE


@pytest.mark.parametrize(
    ("content", "passphrase"),
    [(b"abc", "abc"), (b"abc\n", "abc"), (b"abc\r\n", "abc"), (b" abc \n\n", " abc \n"), (b"a\nb", "a\nb")],
)
def test_one_newline_at_the_end_of_a_file_is_not_part_of_it(
    tmp_path: Path, content: bytes, passphrase: str
) -> None:
    assert keyfiles.resolve_passphrase(file=write_private(tmp_path / "p", content), environ={}) == passphrase


def test_bad_sources_are_refused_by_name(tmp_path: Path) -> None:
    def from_file(data: bytes) -> str:
        path = write_private(tmp_path / "p", data)
        return rule(lambda: keyfiles.resolve_passphrase(file=path, environ={}))

    assert from_file(b"") == "key-file.empty-passphrase"
    assert from_file(b"\n") == "key-file.empty-passphrase"
    assert from_file(b"\xff") == "key-file.passphrase-source"
    assert from_file(b"x" * 1025) == "key-file.passphrase-source"
    assert rule(lambda: keyfiles.resolve_passphrase(file=tmp_path / "none")) == "key-file.not-found"
    readable = write_private(tmp_path / "q", b"x")
    readable.chmod(0o644)
    assert rule(lambda: keyfiles.resolve_passphrase(file=readable)) == "key-file.permissions"
    empty = {"SOGOC_PASSPHRASE": ""}
    assert rule(lambda: keyfiles.resolve_passphrase(environ=empty)) == "key-file.empty-passphrase"
    not_text = {"SOGOC_PASSPHRASE": "\udcff"}
    assert rule(lambda: keyfiles.resolve_passphrase(environ=not_text)) == "key-file.passphrase-source"
    assert rule(lambda: keyfiles.resolve_passphrase(prompt=str, environ={})) == "key-file.empty-passphrase"
    (tmp_path / "sogoc-passphrase").mkdir()
    credential = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert rule(lambda: keyfiles.resolve_passphrase(environ=credential)) == "key-file.passphrase-source"
