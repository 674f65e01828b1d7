"""`sogoc verify`: the offline verdict on a document, a receipt, a certificate in any of its forms, or a share of an event.
No network is touched.

Rules: four verdicts, never two. A missing receipt or an unknown key is "cannot tell", never a forgery.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.certificates.schemas import schemas
from api.cli.files import (
    RECEIPT_SUFFIX,
    SALT_SUFFIX,
    beside,
    check_file,
    commitment_of,
    escape_path,
    read_pinned,
    read_policy,
    read_salt,
    read_transitions_beside,
    sha256_of,
)
from api.cli.output import JsonOption, UsageError, console, iso_time, local_time, print_json
from api.cli.sources import open_source
from api.wire import json_value
from api.words import day_words, issuer_words, reason
from ledger import checkpoint
from ledger.credentials import jcs
from ledger.credentials.verdict import judge_credential
from ledger.disclosure import MAX_FILE_BYTES, PROOF_SUFFIX, Certificate
from ledger.epcis import share
from ledger.epochs import Epochs, TileLinks, extends
from ledger.policy import Trust
from ledger.receipt import VerifiedReceipt
from ledger.tlog_proof import MAX_PROOF_BYTES
from ledger.transitions import Transitions
from ledger.verdict import Judgement, Verdict, judge_document, judge_proof, judge_receipt
from ledger.verify.trust import TellsTransitions

CREDENTIAL_SUFFIX = ".vc.json"
SUPERSEDE = "doc.supersede/1"

_COLOURS = {
    Verdict.IN_FORCE: "bold green",
    Verdict.DOES_NOT_MATCH: "bold red",
    Verdict.CANNOT_TELL: "bold yellow",
    Verdict.NO_LONGER_IN_FORCE: "bold magenta",
}


def verify(
    file: Annotated[
        Path,
        typer.Argument(
            help="Văn bản, biên nhận, giấy chứng nhận (.sogoc-proof, .vc.json), phần được cho xem (.sogoc-share) / document, "
            "receipt, certificate, or what was shown of an event"
        ),
    ],
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
    log: Annotated[
        str | None,
        typer.Option(
            "--log",
            help="Nút, bản sao hoặc bản xuất của sổ, cho biên nhận cũ / a node, mirror or export, for receipts from before a "
            "change of validators",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Kiểm tra ngoại tuyến: còn hiệu lực không, từ bao giờ, do ai. Verify offline: in force, since when, by whom."""
    check_file(file)
    with trusted(policy, log) as trust:
        judgement = judge_file(file, receipt, salt, trust, now_ms=time.time_ns() // 1_000_000)
    if as_json:
        print_json(as_dictionary(file, judgement))
    else:
        print_judgement(file, judgement)
    raise typer.Exit(judgement.verdict.value)


@contextmanager
def trusted(policy: Path, log: str | None) -> Iterator[Trust]:
    """The policy in a file with what is kept beside it, and, where a log is named, with the proofs that old receipts need."""
    if log is None:
        yield read_policy(policy)
        return
    with open_source(log) as source:
        pinned, found = read_pinned(policy), read_transitions_beside(policy)
        told = source.transitions() if isinstance(source, TellsTransitions) else None
        if told is not None:
            newer = Transitions.parse(told)
            if found is not None:
                extends(found, newer)
            found = newer
        if found is None or not found.steps:
            yield pinned
            return
        size = checkpoint.parse(source.checkpoint()).size
        yield Epochs.follow(pinned, found, TileLinks(source, size))


def judge_file(
    file: Path, receipt: Path | None, salt: Path | None, policy: Trust, *, now_ms: int
) -> Judgement:
    """The verdict on a file: a document with its receipt; or a receipt, a certificate's proof, a credential, a share alone."""
    if file.name.endswith(CREDENTIAL_SUFFIX):
        return _judge_credential(file, receipt, policy, now_ms)
    if receipt is None and file.name.endswith(PROOF_SUFFIX):
        return judge_proof(_read_evidence(file, MAX_FILE_BYTES), policy, now_ms=now_ms)
    if receipt is None and file.name.endswith(share.SHARE_SUFFIX):
        return share.judge(_read_evidence(file, share.MAX_FILE_BYTES), policy, now_ms=now_ms)
    if receipt is None and file.name.endswith(RECEIPT_SUFFIX):
        return judge_receipt(_read_receipt(file), policy, now_ms=now_ms)
    path = receipt if receipt is not None else _evidence_beside(file)
    if not path.is_file():
        if receipt is not None:
            raise UsageError("receipt.missing", f"there is no receipt {path}")
        return Judgement(
            Verdict.CANNOT_TELL, "receipt.missing", f"there is no receipt {path}: name it with --receipt"
        )
    if path.name.endswith(PROOF_SUFFIX):
        evidence = _read_evidence(path, MAX_FILE_BYTES)
        return judge_proof(evidence, policy, now_ms=now_ms, file_hash=sha256_of(file)[0])
    text = _read_receipt(path)
    salt_file = salt if salt is not None else beside(file, SALT_SUFFIX)
    if salt is not None and not salt.is_file():
        raise UsageError("salt.missing", f"there is no salt file {salt}")
    commitment = commitment_of(file, read_salt(salt_file)) if salt_file.is_file() else None
    return judge_document(sha256_of(file)[0], text, policy, commitment=commitment, now_ms=now_ms)


def _evidence_beside(file: Path) -> Path:
    """A receipt beside the file, or else the proof of the certificate whose paper it is."""
    receipt, proof = beside(file, RECEIPT_SUFFIX), beside(file, PROOF_SUFFIX)
    return proof if proof.is_file() and not receipt.is_file() else receipt


def _judge_credential(file: Path, proof: Path | None, policy: Trust, now_ms: int) -> Judgement:
    if proof is not None and not proof.is_file():
        raise UsageError("receipt.missing", f"there is no proof {proof}")
    path = proof or file.with_name(file.name.removesuffix(CREDENTIAL_SUFFIX) + PROOF_SUFFIX)
    evidence = _read_evidence(path, MAX_FILE_BYTES) if path.is_file() else None
    return judge_credential(_read_evidence(file, jcs.MAX_BYTES), evidence, policy, now_ms=now_ms)


def _read_receipt(path: Path) -> bytes:
    return _read_evidence(path, MAX_PROOF_BYTES)


def _read_evidence(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise UsageError("receipt.read", f"cannot read {path}: {error.strerror}") from error


def as_dictionary(file: Path, judgement: Judgement) -> dict[str, Any]:
    """A judgement for programs."""
    result: dict[str, Any] = {
        "file": str(file),
        "verdict": judgement.verdict.name.lower().replace("_", "-"),
        "verdict_vi": judgement.headline[0],
        "code": judgement.rule,
        "reason": judgement.reason,
        "reason_vi": reason(judgement),
    }
    if judgement.since_ms is not None:
        result["not_in_force_since"] = iso_time(judgement.since_ms / 1000)
    if judgement.issuer is not None:
        issuer = judgement.issuer
        result["issuer"] = {
            "id": issuer.identifier,
            "name": issuer.name,
            "ended": None if issuer.ended_ms is None else iso_time(issuer.ended_ms / 1000),
            "successors": list(issuer.successors),
        }
    if judgement.certificate is not None:
        result["certificate"] = _certificate(judgement.certificate)
        result["claims"] = {claim.name: claim.value for claim in judgement.claims}
    elif judgement.claims:
        result["shown"] = {claim.name: claim.value for claim in judgement.claims}
    if judgement.proved is not None:
        result["proved"] = _proved(judgement.proved)
    return result


def _certificate(certificate: Certificate) -> dict[str, Any]:
    return {
        "id": certificate.identifier.hex(),
        "schema": certificate.schema,
        "valid_from": certificate.valid_from,
        "valid_until": certificate.valid_until,
        "reason": certificate.reason,
        "papers": [paper.hex() for paper in certificate.papers],
        "disputed_records": sorted(certificate.disputed),
        "disputed_until": certificate.disputed_until,
        "disputed_papers": [paper.hex() for paper in certificate.disputed_papers],
        "complete": certificate.complete,
    }


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
        "fields": {name: json_value(value) for name, value in proved.record.body.items()},
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
    vietnamese, english = judgement.headline
    console.print(f"[{_COLOURS[verdict]}]{vietnamese}[/] — {english}: {escape_path(file)}")
    if verdict is not Verdict.IN_FORCE:
        console.print(f"  lý do                   {escape(reason(judgement))}")
        console.print(
            f"  reason                  {escape(judgement.reason)} [dim]\\[{escape(judgement.rule)}][/]"
        )
    if judgement.proved is not None:
        if verdict is Verdict.DOES_NOT_MATCH:
            console.print("  [dim]biên nhận nói về / what the receipt is about:[/]")
        rows = _issuer_rows(judgement) + _certificate_rows(judgement) + _proved_rows(judgement.proved)
        for label, value in rows:
            console.print(f"  {label:<24}{escape(value)}")
        if judgement.rule == "status.superseded" and _replacement(judgement.proved) is None:
            kind, authority, identifier = judgement.proved.record.subject
            thing = f"{kind}/{authority}/{identifier.hex() if isinstance(identifier, bytes) else identifier}"
            console.print(
                "  [dim]thay bằng văn bản nào thì biên nhận này không nói; hỏi sổ / by what, this receipt does not say; ask "
                f"the ledger:[/]\n  sogoc history {escape(thing)} --node …"
            )


def _replacement(proved: VerifiedReceipt) -> str | None:
    """The document that has taken this one's place, if the record says so: hash or commitment in hexadecimal."""
    by = proved.record.body.get("by")
    return by.hex() if proved.record.type.name == SUPERSEDE and isinstance(by, bytes) else None


def _issuer_rows(judgement: Judgement) -> list[tuple[str, str]]:
    words = issuer_words(judgement)
    if words is None:
        return []
    return [("cấp bởi / issued by", words[0])] + ([("", words[1])] if words[1] != words[0] else [])


def _certificate_rows(judgement: Judgement) -> list[tuple[str, str]]:
    certificate = judgement.certificate
    if certificate is None:
        return [(f"được cho xem / shown {claim.name}", str(claim.value)) for claim in judgement.claims]
    form = schemas().get(certificate.schema)
    rows = [("loại giấy / certificate", certificate.schema if form is None else form.label.vietnamese)]
    first, last = certificate.valid_from, certificate.valid_until
    if first is not None or last is not None:
        # The last day may be a later one, if not all records are at hand.
        rows.append(
            (
                "thời hạn / valid",
                f"{day_words(first) if first else '…'} – {day_words(last) if last else '…'}"
                + ("" if certificate.complete else " (theo bản ghi này / by this record)"),
            )
        )
    for name, value in judgement.claims:
        item = None if form is None else form.field(name)
        rows.append(
            (
                name if item is None else item.label.vietnamese,
                str(value) if item is None else item.shown(value),
            )
        )
    return rows


def _proved_rows(proved: VerifiedReceipt) -> list[tuple[str, str]]:
    body, checked = proved.record.body, proved.checked
    rows = []
    if "number" in body or "symbol" in body:
        rows.append(
            (
                "số, ký hiệu / number",
                "/".join(str(body[name]) for name in ("number", "symbol") if name in body),
            )
        )
    replacement = _replacement(proved)
    if replacement is not None:
        rows.append(("thay bằng / replaced by", replacement))
    for name, label in (("date", "ngày ban hành / date"), ("abstract", "trích yếu / abstract")):
        if name in body:
            rows.append((label, str(body[name])))
    if proved.standing is not None:
        standing = proved.standing
        # A later record's author has withdrawn or renewed, and has not put the thing on record: that stands in the first one.
        label = "do / by" if standing.is_first else "bản này do / record by"
        rows.append((label, f"{standing.author.member.name} ({', '.join(standing.author.key.roles)})"))
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
    return rows
