"""A ledger with papers of every kind, served on a real port, and Chromium to look at it with."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import pytest

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.records import parse_record
from node.service import Node, clock_ms
from tests.chromium import CHROMIUM
from tests.serving import _be_quiet, serving
from tests.support import MEMBER, document_record, put, running_node, sign

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

VERDICT_MS = 20_000
AXE = ("axe-core@4.14.1", "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c")
"""The package, and SHA-256 of its `axe.min.js`."""


def pdf(name: str) -> bytes:
    return f"%PDF-1.7\n% {name}\n".encode()


@dataclass
class Site:
    """The node, where it is served, and what was put on its ledger."""

    node: Node
    url: str
    papers: Path
    records: dict[str, bytes] = field(default_factory=dict)
    """Record ids by the name of the paper."""

    def file(self, name: str, content: bytes | str) -> str:
        path = self.papers / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def paper(self, name: str) -> str:
        return self.file(f"{name}.pdf", pdf(name))

    def receipt_text(self, name: str) -> str:
        final = self.node.final
        place = final.place(self.records[name])
        assert place is not None
        return final.receipt(place).text()

    def receipt(self, name: str) -> str:
        return self.file(f"{name}.tlog-proof", self.receipt_text(name))

    def put(self, name: str, record: bytes) -> None:
        put(self.node, sign(self.node, [record]))
        self.records[name] = parse_record(record).id

    def anchor(self, name: str, **fields: Any) -> None:  # noqa: ANN401  as the record has it
        self.put(name, document_record(pdf(name), **fields))


def fill(site: Site) -> None:
    """Papers that are in force, withdrawn, superseded, private; certificates that are good, expired and revoked."""
    site.anchor(
        "report",
        number="41",
        symbol="BC-UBND",
        date="2025-02-13",
        abstract="Báo cáo tiến độ hạ tầng số",
    )
    site.anchor("plain")
    endings: tuple[tuple[str, str, dict[str, Value]], ...] = (
        ("withdrawn", "doc.withdraw/1", {"reason": "wrong-content"}),
        ("superseded", "doc.supersede/1", {"by": hashlib.sha256(pdf("plain")).digest()}),
    )
    for name, kind, body in endings:
        site.anchor(name)
        content: dict[str, Value] = {
            "authority": MEMBER,
            "document": hashlib.sha256(pdf(name)).digest(),
            **body,
        }
        put(site.node, sign(site.node, [encode_record(kind, content)]))
    salt = b"\x07" * 32
    site.put(
        "private",
        encode_record(
            "doc.anchor/1",
            {
                "authority": MEMBER,
                "commitment": hmac.new(salt, b"file\0" + pdf("private"), hashlib.sha256).digest(),
            },
        ),
    )
    site.file("private.pdf.salt", salt.hex())
    for name, until in (
        ("licence", "2099-12-31"),
        ("old-licence", "2024-12-31"),
        ("revoked-licence", "2099-12-31"),
    ):
        identifier = hashlib.sha256(name.encode()).digest()[:16]
        site.put(
            name,
            encode_record(
                "cert.issue/1",
                {
                    "authority": MEMBER,
                    "certificate": identifier,
                    "schema": "vn.licence.1",
                    "claims_root": hashlib.sha256(b"claims" + identifier).digest(),
                    "claims_count": 3,
                    "valid_from": "2024-01-01",
                    "valid_until": until,
                },
            ),
        )
    revoke: dict[str, Value] = {
        "authority": MEMBER,
        "certificate": hashlib.sha256(b"revoked-licence").digest()[:16],
        "reason": "issued-in-error",
    }
    put(site.node, sign(site.node, [encode_record("cert.revoke/1", revoke)]))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    _be_quiet()
    with ExitStack() as stack:
        node = stack.enter_context(running_node(tmp_path_factory.mktemp("site"), clock=clock_ms))
        url = stack.enter_context(serving(node))
        made = Site(node, url, tmp_path_factory.mktemp("papers"))
        fill(made)
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for one module: while Playwright runs, this thread is inside an event loop, which others must not be."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no {CHROMIUM}")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A person at a browser: a page, and everything that it asked for and complained about."""

    page: Any
    context: Any
    site: Site
    requests: list[Any] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.site.url + path)

    def give(self, *files: str, to: str = "#files") -> str:
        """Hand files to the page; the verdict."""
        self.page.locator(to).set_input_files(list(files))
        return self.verdict()

    def verdict(self) -> str:
        """`verdict rule` as the page gives it."""
        panel = self.page.locator("#result [data-verdict][data-rule]").first
        panel.wait_for(timeout=VERDICT_MS)
        return f"{panel.get_attribute('data-verdict')} {panel.get_attribute('data-rule')}"

    def title(self) -> str:
        return str(self.page.locator("#verdict-title").inner_text())

    def text(self) -> str:
        return str(self.page.locator("#result").inner_text())

    def look_up(self, code: str) -> str:
        self.page.locator("#code").fill(code)
        self.page.locator("#code-form button").click()
        return self.verdict()


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Visit]:
    """A first visit with a phone. Whatever the page complains about fails the test."""
    context = chromium.new_context(
        viewport={"width": 360, "height": 740},
        locale="vi-VN",
        timezone_id="Asia/Ho_Chi_Minh",
        accept_downloads=True,
    )
    made = made_visit(context, site)
    yield made
    context.close()
    assert made.complaints == []


def made_visit(context: BrowserContext, site: Site) -> Visit:
    page = context.new_page()
    made = Visit(page, context, site)
    context.on("request", lambda request: made.requests.append(request))  # noqa: PLW0108  it wants a Python function
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            made.complaints.append(message.text)
            # A failed request is what many of these tests are about; a policy that was broken never is.
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    return made


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, from the package registry."""
    name, digest = AXE
    npm = which("npm")
    if npm is None:
        pytest.skip("npm is not installed: axe-core cannot be had")
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run(
        [npm, "pack", "--silent", name], cwd=folder, capture_output=True, timeout=120, check=False
    )
    packed = next(folder.glob("axe-core-*.tgz"), None)
    if done.returncode or packed is None:
        pytest.skip("the package registry cannot be reached: axe-core cannot be had")
    with tarfile.open(packed) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        source = member.read()
    assert hashlib.sha256(source).hexdigest() == digest
    return source.decode()
