"""Where a command gets the passphrase of a key file: a prompt, a file, the environment, or a systemd credential."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import UsageError, error_console
from ledger.keys import SigningKey
from node import keyfiles

PassphraseFileOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", help="Tệp chứa mật khẩu của khóa (quyền 0600) / file that holds the passphrase"
    ),
]
InsecureOption = Annotated[
    bool,
    typer.Option(
        "--insecure-no-passphrase",
        help="Không mã hóa khóa / write keys without encryption: whoever reads the file can sign in your name",
    ),
]


def existing(file: Path | None) -> Callable[[], str | None]:
    """A function that finds the passphrase of existing keys, asking at the terminal if nothing else is given."""

    def find() -> str | None:
        prompt = _ask if sys.stdin.isatty() else None
        passphrase = keyfiles.resolve_passphrase(file=file, prompt=prompt)
        if passphrase is None:
            raise UsageError("passphrase.missing", _how("the key is encrypted"))
        return passphrase

    return find


def once(find: Callable[[], str | None]) -> Callable[[], str | None]:
    """`find`, asked at most once."""
    asked: list[str | None] = []

    def answer() -> str | None:
        if not asked:
            asked.append(find())
        return asked[0]

    return answer


def new(file: Path | None, *, insecure: bool) -> str | None:
    """The passphrase for keys about to be made; None if they shall not be encrypted. Raises UsageError or KeyFileError."""
    if insecure:
        if file is not None:
            raise UsageError(
                "passphrase.both", "--insecure-no-passphrase and --passphrase-file contradict each other"
            )
        error_console.print(
            "[yellow]Cảnh báo / warning:[/] khóa được ghi không mã hóa / the keys are written without encryption; "
            "whoever can read the files can sign in your name"
        )
        return None
    prompt = _ask_twice if sys.stdin.isatty() else None
    passphrase = keyfiles.resolve_passphrase(file=file, prompt=prompt)
    if passphrase is None:
        raise UsageError("passphrase.missing", _how("new keys are encrypted"))
    return passphrase


def load_key(path: Path, file: Path | None) -> SigningKey:
    """Load one private key, finding its passphrase if it has one."""
    return keyfiles.load(path, existing(file))


def _how(why: str) -> str:
    return (
        f"{why}, and there is no passphrase: run at a terminal, or use --passphrase-file, the variable "
        f"{keyfiles.PASSPHRASE_VARIABLE} or a systemd credential (or --insecure-no-passphrase where a command has it)"
    )


def _ask() -> str:
    return str(typer.prompt("Mật khẩu khóa / key passphrase", hide_input=True, err=True))


def _ask_twice() -> str:
    return str(
        typer.prompt(
            "Mật khẩu mới cho khóa / new key passphrase", hide_input=True, confirmation_prompt=True, err=True
        )
    )
