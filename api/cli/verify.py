"""`sogoc verify`: the offline verdict on a document or a receipt. No network is touched.

Rules: four verdicts, never two. A missing receipt or an unknown key is "cannot tell", never a forgery.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.cli.files import (
    RECEIPT_SUFFIX,
    SALT_SUFFIX,
    beside,
    commitment_of,
    escape_path,
    read_policy,
    read_salt,
    sha256_of,
)
from api.cli.output import JsonOption, UsageError, console, iso_time, local_time, print_json
from api.words import reason
from ledger.policy import Policy
from ledger.receipt import VerifiedReceipt
from ledger.tlog_proof import MAX_PROOF_BYTES
from ledger.verdict import Judgement, Verdict, judge_document, judge_receipt

_COLOURS = {
    Verdict.IN_FORCE: "bold green",
    Verdict.DOES_NOT_MATCH: "bold red",
    Verdict.CANNOT_TELL: "bold yellow",
    Verdict.NO_LONGER_IN_FORCE: "bold magenta",
}


def verify(
    file: Annotated[Path, typer.Argument(help="Văn bản, hoặc tệp biên nhận / a document, or a receipt")],
    *,
    policy: Annotated[
        Path, typer.Option("--policy", help="Chính sách tin cậy / the trust policy", envvar="SOGOC_POLICY")
    ],
    receipt: Annotated[
        Path | None,
        typer.Option(
            "--receipt", help="Biên nhận; mặc định nằm cạnh tệp / receipt; beside the file by default"
        ),
    ] = None,
    salt: Annotated[
        Path | None, typer.Option("--salt", help="Tệp muối của giấy tờ riêng / salt of a private document")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Kiểm tra ngoại tuyến: còn hiệu lực không, từ bao giờ, do ai. Verify offline: in force, since when, by whom."""
    if not file.is_file():
        raise UsageError("file.missing", f"there is no file {file}")
    judgement = judge_file(file, receipt, salt, read_policy(policy))
    if as_json:
        print_json(as_dictionary(file, judgement))
    else:
        print_judgement(file, judgement)
    raise typer.Exit(judgement.verdict.value)


def judge_file(file: Path, receipt: Path | None, salt: Path | None, policy: Policy) -> Judgement:
    """The verdict on a file: a document with its receipt, or a receipt by itself."""
    if receipt is None and file.name.endswith(RECEIPT_SUFFIX):
        return judge_receipt(_read_receipt(file), policy)
    path = receipt if receipt is not None else beside(file, RECEIPT_SUFFIX)
    if not path.is_file():
        if receipt is not None:
            raise UsageError("receipt.missing", f"there is no receipt {path}")
        return Judgement(
            Verdict.CANNOT_TELL, "receipt.missing", f"there is no receipt {path}: name it with --receipt"
        )
    text = _read_receipt(path)
    salt_file = salt if salt is not None else beside(file, SALT_SUFFIX)
    if salt is not None and not salt.is_file():
        raise UsageError("salt.missing", f"there is no salt file {salt}")
    commitment = commitment_of(file, read_salt(salt_file)) if salt_file.is_file() else None
    return judge_document(sha256_of(file)[0], text, policy, commitment=commitment)


def _read_receipt(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_PROOF_BYTES + 1)
    except OSError as error:
        raise UsageError("receipt.read", f"cannot read {path}: {error.strerror}") from error


def as_dictionary(file: Path, judgement: Judgement) -> dict[str, Any]:
    """A judgement for programs."""
    result: dict[str, Any] = {
        "file": str(file),
        "verdict": judgement.verdict.name.lower().replace("_", "-"),
        "verdict_vi": judgement.verdict.vietnamese,
        "code": judgement.rule,
        "reason": judgement.reason,
        "reason_vi": reason(judgement),
    }
    if judgement.proved is not None:
        result["proved"] = _proved(judgement.proved)
    return result


def _proved(proved: VerifiedReceipt) -> dict[str, Any]:
    checked = proved.checked
    result: dict[str, Any] = {
        "origin": checked.checkpoint.origin,
        "record_type": proved.record.type.name,
        "record_id": proved.record_id.hex(),
        "entry_id": proved.entry_id.hex(),
        "log_index": proved.index,
        "authority": proved.record.authority,
        "author_key": proved.author_key.hex(),
        "claimed_time": iso_time(proved.claimed_ms / 1000),
        "existed_by": _optional_time(checked.existed_by_s),
        "status_as_of": _optional_time(checked.status_as_of_s),
        "late": proved.late,
        "fields": {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in proved.record.body.items()
        },
    }
    if proved.standing is not None:
        standing = proved.standing
        result |= {
            "status": standing.subject.status,
            "since": iso_time(standing.subject.time_ms / 1000),
            "by": standing.author.member.name,
            "roles": list(standing.author.key.roles),
            "disputed": standing.disputed,
        }
    return result


def _optional_time(seconds: int | None) -> str | None:
    return None if seconds is None else iso_time(seconds)


def print_judgement(file: Path, judgement: Judgement) -> None:
    """A judgement for people: the verdict first, then what was proved."""
    verdict = judgement.verdict
    console.print(f"[{_COLOURS[verdict]}]{verdict.vietnamese}[/] — {verdict.english}: {escape_path(file)}")
    if verdict is not Verdict.IN_FORCE:
        console.print(f"  lý do                   {escape(reason(judgement))}")
        console.print(
            f"  reason                  {escape(judgement.reason)} [dim]\\[{escape(judgement.rule)}][/]"
        )
    if judgement.proved is not None:
        if verdict is Verdict.DOES_NOT_MATCH:
            console.print("  [dim]biên nhận nói về / what the receipt is about:[/]")
        _print_proved(judgement.proved)


def _print_proved(proved: VerifiedReceipt) -> None:
    body, checked = proved.record.body, proved.checked
    rows = []
    if "number" in body or "symbol" in body:
        rows.append(
            (
                "số, ký hiệu / number",
                "/".join(str(body[name]) for name in ("number", "symbol") if name in body),
            )
        )
    for name, label in (("date", "ngày ban hành / date"), ("abstract", "trích yếu / abstract")):
        if name in body:
            rows.append((label, str(body[name])))
    if proved.standing is not None:
        standing = proved.standing
        rows.append(("do / by", f"{standing.author.member.name} ({', '.join(standing.author.key.roles)})"))
        rows.append(("từ / since", local_time(standing.subject.time_ms / 1000)))
    if checked.existed_by_s is not None:
        rows.append(
            ("có trước / existed by", f"{local_time(checked.existed_by_s)} (chữ ký xác nhận / cosigned)")
        )
    if checked.status_as_of_s is not None:
        rows.append(("tình trạng lúc / as of", local_time(checked.status_as_of_s)))
    if proved.late:
        rows.append(
            ("ghi muộn / late", f"tác giả ghi / author's clock: {local_time(proved.claimed_ms / 1000)}")
        )
    rows.append(("sổ / ledger", f"{checked.checkpoint.origin}, mục / entry {proved.index}"))
    for label, value in rows:
        console.print(f"  {label:<24}{escape(value)}")
