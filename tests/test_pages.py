"""Pages as the server makes them: headers, escaping, words in both languages, static files, and the one-file verifier."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.http.app import create_app
from api.http.pages import HEADERS
from api.pages import words
from api.pages.assets import ENTRIES, assets, read_assets
from api.pages.joining import (
    JoinError,
    imports_of,
    joined,
    joined_parts,
    later_imports_of,
    resolve,
    without_notes,
)
from api.pages.one_file import ENTRY, one_file
from ledger.lookup_code import code_of, grouped
from ledger.records import parse_record
from node.service import Node
from tests.support import document_record, put, register_member, running_node, sign

HOSTILE = "<script>alert('x')</script>\"&"
PAGES = (
    "/",
    "/c/7K4M-2XRD-3WPA",
    "/so-cai",
    "/so-cai/khoi",
    "/so-cai/khoi/1",
    "/so-cai/thanh-vien",
    "/so-cai/thanh-vien/hostile",
    "/so-cai/xac-nhan",
    "/so-cai/tim?q=41",
    "/so-cai/tim?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "/truy-xuat",
    "/kiem-tra",
    "/chia-se",
)
JS = Path(words.__file__).parent / "static" / "js"


@pytest.fixture(scope="module")
def record() -> bytes:
    return document_record(b"a paper", number="41", symbol="BC-UBND", date="2025-02-13", abstract=HOSTILE)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, record: bytes) -> Iterator[Node]:
    with running_node(tmp_path_factory.mktemp("pages")) as node:
        register_member(node, "hostile", HOSTILE)
        put(node, sign(node, [record]))
        yield node


@pytest.fixture(scope="module")
def http(node: Node) -> Iterator[TestClient]:
    with TestClient(create_app(node)) as client:
        yield client


class Scan(HTMLParser):
    """What a page would run or load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.links: list[str] = []
        self.keys: set[str] = set()
        self.ids: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._in_script = tag in {"script", "style"}
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "action"}]
        self.keys |= {given[name] or "" for name in ("data-t", "data-t-label") if name in given}
        if given.get("id"):
            self.ids.append(given["id"] or "")

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_page_is_strict(http: TestClient, path: str, language: str) -> None:
    response = http.get(path + ("&" if "?" in path else "?") + f"lang={language}")
    assert response.status_code == 200
    for name, value in HEADERS.items():
        assert response.headers[name] == value
    policy = response.headers["content-security-policy"]
    for part in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
    ):
        assert part in policy
    assert "unsafe" not in policy
    scan = Scan(response.text)
    assert scan.inline == []
    assert [link for link in scan.links if not link.startswith(("/", "#", "?"))] == []
    assert len(scan.ids) == len(set(scan.ids))
    assert f'<html lang="{language}">' in response.text
    assert {key for key in scan.keys if not words.has(key)} == set()


def test_a_page_does_without_what_a_record_does_not_say(node: Node, http: TestClient) -> None:
    """A whole description, less each of its parts in turn, and less all of them."""
    whole = {
        "number": "4711",
        "symbol": "BC-UBND",
        "book": "di",
        "date": "2025-02-13",
        "kind": "bao-cao",
        "abstract": "Về việc",
        "urgency": "khan",
        "secrecy": "khong",
    }
    less: list[dict[str, str]] = [{}, {"number": "4711", "date": "2025-02-13"}, whole]
    for name in whole:
        gone = {"date": {"date", "number", "book"}, "number": {"number", "book"}}.get(name, {name})
        less.append({key: value for key, value in whole.items() if key not in gone})
    bodies = [
        said | ({"number": f"4711{at}"} if "number" in said and at > 1 else {})
        for at, said in enumerate(less)
    ]
    written = [document_record(b"part %d" % at, **body) for at, body in enumerate(bodies)]
    entry = sign(node, written)
    put(node, entry)
    addresses = [f"/so-cai/muc/{entry.id.hex()}", "/so-cai/tim?q=4711", "/so-cai/tim?q=47112"]
    addresses += [f"/so-cai/ban-ghi/{record_id.hex()}" for record_id in entry.record_ids]
    addresses += [f"/so-cai/tep/{hashlib.sha256(b'part %d' % at).hexdigest()}" for at in range(len(written))]
    for address in addresses:
        page = http.get(address)
        assert page.status_code == 200, address
    assert f"/so-cai/ban-ghi/{entry.record_ids[1].hex()}" in http.get("/so-cai/tim?q=4711").text


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(http: TestClient, path: str) -> None:
    for link in set(Scan(http.get(path).text).links):
        if link.startswith("/"):
            assert http.get(link.partition("#")[0], follow_redirects=True).status_code == 200, link


def test_names_from_the_ledger_are_text(http: TestClient, node: Node, record: bytes) -> None:
    record_id = parse_record(record).id.hex()
    entry = http.get(f"/v1/records/{record_id}").json()["entry"]
    for path in (
        "/so-cai/thanh-vien",
        "/so-cai/thanh-vien/hostile",
        f"/so-cai/ban-ghi/{record_id}",
        f"/so-cai/muc/{entry}",
        "/so-cai/tim?q=41/BC-UBND",
        f"/so-cai/tep/{hashlib.sha256(b'a paper').hexdigest()}",
        "/so-cai/tim?q=" + HOSTILE,
    ):
        text = http.get(path).text
        assert "<script>alert" not in text, path
        assert "&lt;script&gt;alert" in text, path


def test_an_unknown_thing_is_a_page_that_helps(http: TestClient) -> None:
    for path, status in (
        ("/so-cai/khoi/999999", 404),
        ("/so-cai/muc/" + "00" * 32, 404),
        ("/so-cai/muc/zz", 400),
        ("/so-cai/ban-ghi/" + "00" * 32, 404),
        ("/so-cai/tep/" + "00" * 32, 404),
        ("/so-cai/thanh-vien/nobody", 404),
    ):
        response = http.get(path)
        assert response.status_code == status, path
        assert response.headers["content-type"].startswith("text/html")
        assert response.headers["cache-control"] == "no-store"
        assert words.word("error.advice") in response.text


@pytest.mark.parametrize("what", ["record", "code", "entry", "file", "height"])
def test_search_leads_straight_to_one_thing(http: TestClient, record: bytes, what: str) -> None:
    record_id = parse_record(record).id
    entry = http.get(f"/v1/records/{record_id.hex()}").json()["entry"]
    typed, target = {
        "record": (record_id.hex().upper(), f"/so-cai/ban-ghi/{record_id.hex()}"),
        "code": (grouped(code_of(record_id)).lower(), f"/so-cai/ban-ghi/{record_id.hex()}"),
        "entry": (entry, f"/so-cai/muc/{entry}"),
        "file": (
            hashlib.sha256(b"a paper").hexdigest(),
            f"/so-cai/tep/{hashlib.sha256(b'a paper').hexdigest()}",
        ),
        "height": (" 1 ", "/so-cai/khoi/1"),
    }[what]
    response = http.get("/so-cai/tim", params={"q": typed}, follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, target)


# -- static files ------------------------------------------------------------------------------------------------------


def test_files_of_a_version_never_change(http: TestClient) -> None:
    held = assets()
    for path, asset in held.files.items():
        response = http.get(held.address(path), headers={"accept-encoding": "identity"})
        assert response.content == asset.data
        assert response.headers["content-type"] == asset.media_type
        assert "immutable" in response.headers["cache-control"]
        plain = http.get(f"/static/{path}", headers={"accept-encoding": "gzip"})
        assert plain.content == asset.data
        assert plain.headers["cache-control"] == "no-cache"
        assert gzip.decompress(asset.compressed) == asset.data


@pytest.mark.parametrize(
    "path", ["../app.py", "js/none.js", "%2e%2e/app.py", "000000000000/js/verify.js", "js", ""]
)
def test_nothing_else_is_a_static_file(http: TestClient, path: str) -> None:
    assert http.get(f"/static/{path}").status_code in {404, 405}


def test_the_version_follows_from_the_content(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("export const a = 1;\n")
    before = read_assets(tmp_path).version
    assert read_assets(tmp_path).version == before
    (tmp_path / "a.js").write_text("export const a = 2;\n")
    assert read_assets(tmp_path).version != before


def test_a_page_s_script_comes_in_one_piece(http: TestClient) -> None:
    (script,) = re.findall(r'<script type="module" src="([^"]+)"></script>', http.get("/").text)
    text = http.get(script).text
    assert "judgeReceipt" in text
    assert not re.search(r"^import\b", text, re.MULTILINE)
    for name in ENTRIES:
        assert f"joined/{name.rpartition('/')[2]}" in assets().files


def test_a_part_takes_from_the_page_s_script_what_is_there_and_brings_nothing_twice() -> None:
    held = {path: asset.data.decode() for path, asset in assets().files.items()}
    parts = [path for path in held if path.startswith("joined/verify.") and path != "joined/verify.js"]
    assert {path.removeprefix("joined/verify.") for path in parts} == {
        "epochs.js",
        "history.js",
        "records-goods.js",
        "records-governance.js",
    }
    for path in parts:
        assert f'import("./{path.removeprefix("joined/")}")' in held["joined/verify.js"]
        imported = re.findall(r"^import \{ (.*) \} from \"./verify.js\";$", held[path], re.MULTILINE)
        (given,) = re.findall(r"^export \{ (.*) \};$", held["joined/verify.js"], re.MULTILINE)
        assert set(imported[0].split(", ")) <= set(given.split(", "))
        defined = set(re.findall(r"^const (module\d+) = \(", held[path], re.MULTILINE))
        assert not defined & set(
            re.findall(r"^const (module\d+) = \(", held["joined/verify.js"], re.MULTILINE)
        )
    # Where a page imports them at once, they are in its one script.
    assert "joined/trace.history.js" not in held
    assert "verifyHistory" in held["joined/trace.js"]


def test_comments_that_begin_a_line_are_left_out() -> None:
    source = '/** one\n * two */\nconst a = "/* b */"; // c\n  // d\nconst e = 1;\n/** f */\ng();\n'
    assert without_notes(source) == 'const a = "/* b */"; // c\nconst e = 1;\ng();\n'


def test_the_service_worker_keeps_this_version(http: TestClient) -> None:
    response = http.get("/sw.js")
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["cache-control"] == "no-cache"
    lists = json.loads(re.findall(r"^const FILES = (.*);$", response.text, re.MULTILINE)[0])
    assert lists.keys() == {"/", "/truy-xuat", "/kiem-tra", "/chia-se"}
    for page, files in lists.items():
        asked = {link for link in Scan(http.get(page).text).links if link.startswith("/static/")}
        assert asked <= set(files), page
        assert set(files) <= {assets().address(path) for path in assets().files}
    assert assets().version in response.text


@pytest.mark.parametrize(
    ("worker", "page"), [("/van-phong-sw.js", "/van-phong"), ("/san-xuat-sw.js", "/san-xuat")]
)
def test_the_desks_keep_what_they_import_now_or_later(http: TestClient, worker: str, page: str) -> None:
    text = http.get(worker).text
    files = json.loads(re.findall(r"^const FILES = (.*);$", text, re.MULTILINE)[0])[page]
    assert {link for link in Scan(http.get(page).text).links if link.startswith("/static/")} <= set(files)
    assert assets().address("verify/epochs.js") in files


def test_a_citizen_s_first_visit_loads_nobody_else_s_scripts(http: TestClient) -> None:
    lists = json.loads(re.findall(r"^const FILES = (.*);$", http.get("/sw.js").text, re.MULTILINE)[0])
    names = {address.rpartition("/")[2] for address in lists["/"]}
    assert not any(
        name.startswith(("trace", "inspector", "explorer", "office", "producer")) for name in names
    )
    held = assets()
    sizes = [len(asset.compressed) for path, asset in held.files.items() if held.address(path) in lists["/"]]
    assert len(sizes) == len(lists["/"])
    assert sum(sizes) < 100_000


def test_the_manifest(http: TestClient) -> None:
    manifest = http.get("/app.webmanifest").json()
    assert manifest["name"] == "Sổ Gốc"
    assert http.get(manifest["icons"][0]["src"]).status_code == 200


# -- words -------------------------------------------------------------------------------------------------------------


def test_every_key_that_scripts_use_has_words() -> None:
    used: set[str] = set()
    for path in JS.glob("*.js"):
        used |= set(re.findall(r'"((?:[a-z]+)\.[a-z.-]+[a-z0-9])"', path.read_text(encoding="utf-8")))
    families = {key.partition(".")[0] for table in words.tables().values() for key in table}
    known_rules = re.compile(
        r"^(?:document|certificate|receipt|key|policy|browser|answer|lookup-code|ledger|page|tlog-proof|record|fork|export|note)\."
    )
    missing = {key for key in used if key.partition(".")[0] in families and not words.has(key)}
    assert {key for key in missing if not known_rules.match(key)} == set()


def test_claims_are_called_as_their_schemas_call_them() -> None:
    table = words.tables()["verify"]
    assert table["claim.ocop.1.hang_sao"] == ("Hạng sao", "Stars")
    key = "claim.tinh-trang-hon-nhan.1.tinh_trang"
    assert table[key] == ("Tình trạng hôn nhân", "Marital status")
    assert table[f"{key}.da-ly-hon"] == ("Đã ly hôn, chưa kết hôn lại", "divorced")
    # A verdict without a server says them too.
    assert (
        "Vợ hoặc chồng đã chết"
        in one_file(policy="quorum none\n", origin="x.example", chain_id=bytes(32)).decode()
    )


def test_words_are_composed_and_in_both_languages() -> None:
    for table in words.tables().values():
        for key, (vietnamese, english) in table.items():
            assert vietnamese.strip()
            assert english.strip()
            assert words.nfc(vietnamese) == vietnamese, key


# -- one file ----------------------------------------------------------------------------------------------------------


def test_the_one_file_verifier_allows_itself_alone() -> None:
    text = one_file(policy="quorum none\n", origin="x</script>.example", chain_id=bytes(32)).decode()
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)[0].replace(
        "&#39;", "'"
    )
    (script,) = re.findall(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    for source, kind in ((script, "script-src"), (style, "style-src")):
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert "connect-src" not in policy
    assert "default-src 'none'" in policy
    assert re.findall(r'(?:src|href)="([^#"][^"]*)"', text) == []
    (embedded,) = re.findall(r'<script type="application/json" id="embedded">(.*?)</script>', text, re.DOTALL)
    assert json.loads(embedded) == {
        "policy": "quorum none\n",
        "origin": "x</script>.example",
        "chain_id": "00" * 32,
    }


def made(**sources: str) -> dict[str, str]:
    return {f"{name}.js": text for name, text in sources.items()}


def test_modules_are_joined_in_the_order_they_need_each_other() -> None:
    text = joined(
        made(
            a='import b from "./b.js";\nimport { one as first } from "./b.js";\n'
            'import * as c from "./c.js";\nexport const a = [b, first, c];\n',
            b='export default 7;\nexport const one = 1;\nexport { two as three } from "./c.js";\n',
            c="export function two() {}\nexport async function four() {}\nexport class Five {}\n",
        ),
        "a.js",
    )
    assert text.index("function two") < text.index("const one") < text.index("const a =")
    assert "import" not in text
    assert "export" not in text
    assert "three: module0.two" in text


@pytest.mark.parametrize(
    "source",
    [
        "export let x = 1;\n",
        "export { y };\n",
        'import d, { e } from "./b.js";\n',
        'export * from "./b.js";\n',
        'export const g = await import("./b.js");\n',
        "export const g = (name) => import(name);\n",
    ],
)
def test_a_form_that_the_joiner_does_not_know_is_refused(source: str) -> None:
    with pytest.raises(JoinError):
        joined(made(a=source, b="export const e = 1;\n"), "a.js")


LATER = {
    "a": 'import { c } from "./c.js";\nimport { d } from "./d.js";\nexport const a = [c, d, () => import("./b.js")];\n',
    "b": 'import { c } from "./c.js";\nimport "./e.js";\nexport const b = c;\nexport function more() {}\n',
    "c": "export const c = 1;\n",
    "d": '/** @type {() => import("./b.js").T} */\nexport const d = 2;\n',
    "e": "globalThis.e = 1;\n",
}


def test_what_is_imported_later_is_a_script_of_its_own() -> None:
    scripts = joined_parts(made(**LATER), "a.js", "a.js")
    assert scripts.keys() == {"a.js", "a.b.js"}
    assert '=> import("./a.b.js")' in scripts["a.js"]
    assert "export { module0 };" in scripts["a.js"]
    assert "function more" not in scripts["a.js"]
    assert scripts["a.b.js"].startswith('import { module0 } from "./a.js";')
    assert "globalThis.e" in scripts["a.b.js"]
    assert "export const { b, more } = " in scripts["a.b.js"]
    assert later_imports_of(made(**LATER)["d.js"]) == []


def test_what_is_imported_later_is_inside_the_one_script_where_there_is_one() -> None:
    text = joined(made(**LATER), "a.js")
    (name,) = re.findall(r"^const (module\d+) = \(\(\) => \{\n(?:.*\n){0,4}const b = c;", text, re.MULTILINE)
    assert f"=> Promise.resolve({name})" in text
    assert text.index("const b = c;") < text.index("const a = [")
    assert 'import("./b.js")' not in text.replace('import("./b.js").T', "")
    # Where the page imports it anyway, there is nothing to load later.
    at_once = made(**{**LATER, "a": 'import { b } from "./b.js";\n' + LATER["a"]})
    scripts = joined_parts(at_once, "a.js", "a.js")
    assert scripts.keys() == {"a.js"}
    assert "=> Promise.resolve(module" in scripts["a.js"]


def test_a_module_that_two_parts_would_hold_is_refused() -> None:
    shared = {
        **LATER,
        "d": 'export const d = () => import("./f.js");\n',
        "f": 'import "./e.js";\nexport const f = 1;\n',
    }
    with pytest.raises(JoinError):
        joined_parts(made(**shared), "a.js", "a.js")


def test_modules_in_a_circle_are_refused() -> None:
    with pytest.raises(JoinError):
        joined(made(a='import { b } from "./b.js";\n', b='import { a } from "./a.js";\n'), "a.js")


def test_imports_are_found_whatever_their_form() -> None:
    source = (
        '/** @typedef {import("./no.js").T} T */\nimport {\n  a,\n  b,\n} from "./x.js";\n'
        'export { c } from "../y/z.js";\nimport "./w.js";\n// import "./comment.js"\n'
    )
    assert imports_of(source) == ["./x.js", "../y/z.js", "./w.js"]
    assert resolve("js/main.js", "../y/z.js") == "y/z.js"
    with pytest.raises(ValueError, match="relative"):
        resolve("js/main.js", "react")


def test_scripts_never_write_markup() -> None:
    sources = {path: asset.data.decode() for path, asset in assets().files.items() if path.endswith(".js")}
    assert ENTRY in sources
    for path, source in sources.items():
        for name in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert name not in source, f"{path}: {name}"
