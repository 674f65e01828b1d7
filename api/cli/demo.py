"""`sogoc demo`: a throw-away ledger of an example ward, made and used with the very commands a person would type.

Rules: every step is a real command run as a process of its own, shown before it runs; a step that does not end as it
should ends the demo with an error. Everything lies in one folder: a temporary one that is removed at the end, or the one that
was named, which stays.
"""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.cli import demo_goods as goods
from api.cli import demo_ward as ward
from api.cli.demo_documents import (
    FIGURES,
    MARITAL_TABLE,
    OCOP_TABLE,
    PICTURE,
    SUCCESSORS_TABLE,
    write_documents,
)
from api.cli.demo_stage import Stage, free_port
from api.cli.output import ExitCode, UsageError, console
from ledger.lookup_code import code_of, grouped

_HOME = "office"
_ADMINISTRATOR = "office/keys/admin.pem"
_SUCCESSORS_KEY = "quang-trung.pem"
_STAMPED = "Báo cáo 41, có mã tra cứu.pdf"


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="Làm xong rồi thoát / do the job and exit")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Cổng / port; a free one by default")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Thư mục mới để giữ lại mọi tệp / a new folder in which everything stays; else nothing does"
        ),
    ] = None,
) -> None:
    """Xem thử: lập sổ tạm cho một phường, neo, cấp giấy, kiểm tra. A throw-away ledger of an example ward."""
    stay = not once and sys.stdin.isatty() and sys.stdout.isatty()
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("demo.folder", f"{folder} is not empty: choose a folder that does not exist yet")
    # Ended from outside it still stops its node and removes its files.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    place = Path(tempfile.mkdtemp(prefix="sogoc-demo-")) if folder is None else folder.absolute()
    place.mkdir(parents=True, exist_ok=True)
    try:
        _Demo(Stage(place, port if port is not None else free_port())).run(stay=stay, kept=folder is not None)
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


@dataclass(slots=True)
class _Demo:
    """The story, part by part."""

    stage: Stage
    codes: dict[str, str] = field(default_factory=dict)
    """Lookup codes, by what they are shown as."""
    with_papers: bool = field(default_factory=lambda: bool(find_spec("typst") and find_spec("pypdf")))

    def run(self, *, stay: bool, kept: bool) -> None:
        stage = self.stage
        stage.title("1. Lập sổ / make a ledger")
        stage.run(
            "init", _HOME, "--origin", ward.ORIGIN, "--name", ward.WARD, "--member", ward.WARD_ID,
            "--insecure-no-passphrase",
        )  # fmt: skip
        stage.title("2. Chạy nút / run the node")
        with stage.node(_HOME):
            write_documents(stage.folder)
            stage.export(
                SOGOC_NODE=stage.url,
                SOGOC_SITE=stage.url,
                SOGOC_KEY="office/keys/office.pem",
                SOGOC_POLICY="office/policy",
            )
            self._main_job()
            self._goods()
            self._ward_at_work()
            self._merger()
            self._where_to_look(stay=stay, kept=kept)
            if stay:
                _wait()

    def _main_job(self) -> None:
        stage = self.stage
        stage.title("3. Neo văn bản / anchor documents")
        stage.run("anchor", *ward.REPORT.options, ward.REPORT.file)
        stage.run("anchor", PICTURE, FIGURES)
        stage.title("4. Kiểm tra ngoại tuyến / verify offline")
        stage.run("verify", ward.REPORT.file)
        stage.say("sửa một chữ số trong bảng / change one digit in the table")
        table = stage.folder / FIGURES
        table.write_bytes(table.read_bytes().replace(b"95", b"96", 1))
        stage.run("verify", FIGURES, expect=ExitCode.DOES_NOT_MATCH)

    def _goods(self) -> None:
        self.stage.title("5. Từ ruộng tới cửa hàng: một lô dứa / from the field to the shop")
        goods.play(self.stage, _ADMINISTRATOR)

    def _ward_at_work(self) -> None:
        stage = self.stage
        stage.title("6. Một phường đang làm việc / a ward at work")
        if not self.with_papers:
            stage.say("không có bản giấy và dấu / no sheets and stamps without: pip install 'sogoc[papers]'")
        old, private, _, ocop, marital, *_ = stage.prepare(
            ("anchor", *ward.OLD_DECISION.options, ward.OLD_DECISION.file),
            ("anchor", "--private", ward.PRIVATE.file),
            ("anchor", *ward.NOTICE.options, ward.NOTICE.file),
            self._certify(ward.OCOP, OCOP_TABLE, "giay-ocop"),
            self._certify(ward.MARITAL, MARITAL_TABLE, "giay-hon-nhan"),
            (
                "member", "add", "--key", _ADMINISTRATOR, "--member", ward.SUCCESSOR_ID, "--name", ward.SUCCESSOR,
                "--roles", "administrator,issuer,office", "--new-key", _SUCCESSORS_KEY, "--insecure-no-passphrase",
            ),
            *([("document", "stamp", ward.REPORT.file, "-o", _STAMPED)] if self.with_papers else []),
        )  # fmt: skip
        ocop_papers, people = ocop["certificates"], marital["certificates"]
        for meaning, made in (
            ("giấy tờ riêng, chỉ có cam kết / a private paper", private["documents"][0]),
            ("đã thay thế / superseded: 09/QĐ-UBND", old["documents"][0]),
            ("giấy OCOP còn hiệu lực / in force", ocop_papers[ward.HONEY]),
            ("hết hạn / expired", ocop_papers[ward.PINEAPPLE]),
            ("đã thu hồi / revoked", ocop_papers[ward.SHRIMP_PASTE]),
            ("tạm đình chỉ / suspended", ocop_papers[ward.RICE]),
        ):
            self.codes[meaning] = grouped(code_of(bytes.fromhex(made["record_id"])))
        kept, erased = people[ward.KEPT_HOLDER]["certificate"], people[ward.ERASED_HOLDER]["certificate"]
        self._change(ocop_papers, kept, erased)

    def _change(self, ocop_papers: Sequence[Mapping[str, Any]], kept: str, erased: str) -> None:
        """What becomes of documents and certificates, and of what is kept about people."""
        stage = self.stage
        stage.say(
            "thay thế, thu hồi, đình chỉ; xem và xóa dữ liệu cá nhân / replace, revoke, suspend; look, erase"
        )
        stage.prepare(
            ("anchor", *ward.DECISION.options, "--supersedes", ward.OLD_DECISION.file, ward.DECISION.file),
            ("revoke", ocop_papers[ward.SHRIMP_PASTE]["certificate"], "--reason", "issued-in-error"),
            ("certificate", "suspend", ocop_papers[ward.RICE]["certificate"], "--reason", "complaint"),
            (
                "vault", "get", "xem-lai.bin", "--certificate", kept, "--purpose", "citizen-request",
                "--legal-ground", "data-subject-request",
            ),
            (
                "erase", "--certificate", erased, "--legal-ground", "data-subject-request", "--law", ward.ERASURE_LAW,
                "--yes",
            ),
        )  # fmt: skip

    def _certify(self, schema: str, table: str, output: str) -> tuple[str, ...]:
        papers = ("--papers",) if self.with_papers else ()
        return ("certify", "--schema", schema, "--csv", table, *papers, "-o", output)

    def _merger(self) -> None:
        stage = self.stage
        stage.title("7. Sáp nhập: cơ quan kế thừa / a merger, and who succeeds")
        stage.say(
            "việc ngày 1/7/2025; sổ này mới lập nên ở đây là hôm nay / as on 1 July 2025; on a ledger this young, today"
        )
        now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        (proposed,) = stage.prepare(
            (
                "member", "succeed", ward.WARD_ID, "--by", ward.SUCCESSOR_ID, "--kind", "merge", "--effective", now,
                "--decision", ward.MERGER, "--key", _SUCCESSORS_KEY,
            )
        )  # fmt: skip
        stage.say("hai quản trị viên, cả hai phải đồng ý / two administrators, and it takes both")
        stage.run("governance", "approve", proposed["proposals"][0][:16], "--yes", "--key", _ADMINISTRATOR)
        stage.title("8. Kiểm toán toàn bộ sổ / audit the whole ledger")
        stage.run("audit", stage.url, "--level", "full", "--workers", "2", "--policy", "office/policy")
        stage.say("từ đây phường Quang Trung làm thay / from here on Quang Trung acts for it")
        stage.export(SOGOC_KEY=_SUCCESSORS_KEY)
        stage.prepare(
            ("anchor", *ward.SUCCESSORS_NOTICE.options, ward.SUCCESSORS_NOTICE.file),
            ("document", "withdraw", ward.NOTICE.file, "--reason", "no-longer-applies"),
            self._certify(ward.OCOP, SUCCESSORS_TABLE, "giay-quang-trung"),
        )
        stage.run("verify", ward.NOTICE.file, expect=ExitCode.NO_LONGER_IN_FORCE)

    def _where_to_look(self, *, stay: bool, kept: bool) -> None:
        stage = self.stage
        stage.title("9. Xem tiếp / where to look")
        for path, meaning in (
            (
                "/",
                f"kiểm tra: thả “{ward.REPORT.file}” hay một PDF trong giay-ocop / verify: drop a file here",
            ),
            ("/so-cai", "sổ cái: khối, thành viên, tìm kiếm / the ledger: blocks, members, search"),
            (
                "/van-phong",
                f"bàn làm việc: mở bằng khóa {_SUCCESSORS_KEY} / an officer's desk: open it with that key",
            ),
            (
                goods.PAGE,
                "tem của một gói dứa sấy, lô bị thu hồi / the label of a pack, whose lot is recalled",
            ),
            (
                f"/kiem-tra#{goods.PAGE}",
                "thanh tra: truy cả hai chiều, cảnh báo, kiểm tra sổ / an inspector's page",
            ),
            ("/docs", "giao diện lập trình / the API, with examples"),
        ):
            console.print(f"  {stage.url}{path:<20} {meaning}")
        console.print("  mỗi mã in trên giấy dẫn tới một trang / each printed code leads to a page:")
        for meaning, code in self.codes.items():
            console.print(f"  {stage.url}/c/{code:<17} {meaning}")
        if stay or kept:
            end = (
                "tệp ở đây, được giữ lại / files, kept"
                if kept
                else "tệp ở đây, sẽ được xóa / files, removed at the end"
            )
            console.print(f"\n  [bold]{escape(str(stage.folder))}[/]   [dim]{end}[/]")
        if stay:
            console.print("\nNút vẫn chạy; Ctrl-C để dừng. The node keeps running; Ctrl-C to stop.")
        else:
            console.print(
                "\n[bold green]Xong / done.[/] Nút đã dừng; chạy ở cửa sổ lệnh, không có --once, thì các trang trên mở được. "
                "The node has stopped; run at a terminal and without --once, those pages open."
            )


def _wait() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print()
