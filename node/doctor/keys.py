"""Checks of key files: there, for nobody else's eyes, encrypted, and the ones that the ledger names."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from ledger.errors import LedgerError
from ledger.genesis import COSIGNING, ENGINE, HEADER, LOG, Genesis, Validator
from node import keyfiles
from node.doctor.finding import Finding, error, good, warning
from node.home import KEY_NAMES, Home

SERVING_KEYS: Final = ("log", "validator", "header")
"""Keys without which a node does not serve; the others may be kept elsewhere, and better are."""


def check_keys(
    home: Home,
    genesis: Genesis,
    validators: Sequence[Validator] | None,
    passphrase: Callable[[], str | None],
) -> Iterator[Finding]:
    """Key files: there, for nobody else's eyes, encrypted, and the ones that the ledger names.

    `validators`: those in force; None if that is not known here, and they are not compared.
    """
    try:
        mode = stat.S_IMODE(home.keys.stat().st_mode)
    except OSError:
        mode = 0
    if mode & 0o077:
        yield warning(
            "keys.directory",
            f"{home.keys} mở cho người khác / others may enter it (mode {mode:04o})",
            f"chmod 700 {home.keys}",
        )
    asked: list[str | None] = []

    def once() -> str | None:
        if not asked:
            asked.append(passphrase())
        return asked[0]

    wanted = _public_keys(genesis, validators)
    for name in KEY_NAMES:
        yield _check_key(home.key(name), name, wanted[name], once)
    yield from _check_encryption([home.key(name) for name in KEY_NAMES])


def _check_encryption(paths: Sequence[Path]) -> Iterator[Finding]:
    bare = []
    for path in paths:
        # What cannot be read was reported one by one.
        with contextlib.suppress(LedgerError):
            if path.exists() and not keyfiles.is_encrypted(path):
                bare.append(path.name)
    if bare:
        yield warning(
            "keys.encryption",
            f"không mã hóa / not encrypted, whoever can read these files can sign in your name: {', '.join(bare)}",
            "openssl pkcs8 -topk8 -scrypt -in KEY.pem -out NEW.pem, rồi thay tệp, quyền 0600 / then replace it, mode 0600",
        )


def _public_keys(genesis: Genesis, validators: Sequence[Validator] | None) -> dict[str, set[bytes] | None]:
    acting = {key.public_key for key in genesis.keys}
    found: dict[str, set[bytes] | None] = {"admin": acting, "office": acting}
    for name, purpose in (("log", LOG), ("validator", COSIGNING), ("header", HEADER), ("engine", ENGINE)):
        found[name] = None if validators is None else {dict(one.keys)[purpose] for one in validators}
    return found


def _check_key(
    path: Path, name: str, wanted: set[bytes] | None, passphrase: Callable[[], str | None]
) -> Finding:
    check = f"keys.{name}"
    if not path.exists():
        if name in SERVING_KEYS:
            return error(
                check,
                f"thiếu khóa / {path} is missing: the node cannot serve",
                "chép lại từ bản cất giữ riêng của khóa / put it back from where keys are kept; a backup holds none",
            )
        return good(
            check, f"{path.name} không ở đây / is not here (cất riêng là tốt / kept elsewhere is well)"
        )
    try:
        encrypted = keyfiles.is_encrypted(path)
        answer = passphrase() if encrypted else None
        public_key = None if encrypted and answer is None else keyfiles.load(path, answer).public_key
    except LedgerError as failure:
        return error(
            check,
            f"không dùng được / cannot be used: {failure.detail}",
            "làm như thông báo nói / do as the message says",
        )
    if public_key is not None and wanted is not None and public_key not in wanted:
        return (error if name in SERVING_KEYS else warning)(
            check,
            f"{path.name} không phải khóa có trong khối gốc / is not the key that the genesis document names",
            "đặt lại đúng tệp khóa / put the right key file back",
        )
    compared = (
        "khớp khối gốc / matches"
        if public_key
        else "chưa so: không có mật khẩu / not compared: no passphrase"
    )
    return good(check, f"{path.name}: {compared}")
