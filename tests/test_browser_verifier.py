"""The verifier in the browser, in a real one: Debian's Chromium, driven by Playwright, against a server on 127.0.0.1.

The browser judges the very vectors that the Python library is held to (`tests/vectors/`), and every outcome is compared
here, in Python: the browser is not asked whether it passed. What this needs and does not find, it says and skips.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from api.pages.assets import assets
from api.pages.joining import imports_of, later_imports_of
from ledger import keys, merkle
from ledger.encoding import encode
from ledger.entry import EntryBody, encode_record, parse_submission
from ledger.hashing import leaf_hashes
from ledger.records import record_types
from ledger.records.members import possession_message
from ledger.rules import ParsedEntry
from tests.chains import document
from tests.chromium import CHROMIUM
from tests.js.cases import FAMILIES_OF_CASES, Case
from tests.js.in_node import HARNESS, VERIFY, incoming, node_program, outgoing, run_in_node
from tests.vectorgen.ledgers import QUORUM, Ledger

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "vectors"

FOLDERS = tuple(sorted(path.name for path in VECTORS.iterdir() if path.is_dir() and path.name != "golden"))

Vector = dict[str, Any]


@cache
def vectors(folder: str) -> dict[str, Vector]:
    """The vectors of a folder by name."""
    files = sorted((VECTORS / folder).glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


@cache
def made_up(family: str) -> dict[str, Case]:
    """Cases beside the vectors."""
    return FAMILIES_OF_CASES[family]()


def inputs(folder: str) -> Vector:
    """What goes in, by name: of a folder of vectors, or of a family of cases that are made up."""
    if folder in FAMILIES_OF_CASES:
        return {name: outgoing(given) for name, (given, _) in made_up(folder).items()}
    return {name: outgoing(vector["input"]) for name, vector in vectors(folder).items()}


class _Handler(SimpleHTTPRequestHandler):
    """Serves /verify/ and /js/ from the checkout, and /vectors/<folder>: the inputs, never what is expected of them."""

    def translate_path(self, path: str) -> str:
        _, area, *rest = path.partition("?")[0].split("/")
        base = {"verify": VERIFY, "js": HARNESS}.get(area)
        if base is None or ".." in rest:
            return str(ROOT / "nothing")
        return str(base.joinpath(*rest))

    def do_GET(self) -> None:
        if not self.path.startswith("/vectors/"):
            super().do_GET()
            return
        body = json.dumps(inputs(self.path.removeprefix("/vectors/"))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        # The policy under which the pages run, but that the test may evaluate what it asks.
        self.send_header(
            "Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'"
        )
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name in the base class
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of a static server for the harness."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(ROOT))) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser here: {CHROMIUM} is missing")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def page(browser: Any, server: str) -> Iterator[Any]:  # noqa: ANN401  playwright is optional
    """A page that has loaded the verifier and the harness."""
    with browser.new_context() as context:
        opened = context.new_page()
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on(
            "console", lambda message: problems.append(message.text) if message.type == "error" else None
        )
        load(opened, server)
        yield opened
        assert not problems


def load(page: Any, server: str) -> None:  # noqa: ANN401  playwright is optional
    """Open the harness and wait until its modules are there."""
    page.goto(f"{server}/js/page.html")
    page.wait_for_function("globalThis.harness !== undefined", timeout=20_000)


def compare(folder: str, outcomes: dict[str, Any]) -> dict[str, Any]:
    """What differs from what the vectors say: name to (about, expected, got)."""
    wrong = {}
    for name, vector in vectors(folder).items():
        expected = {part: vector[part] for part in ("result", "error") if part in vector}
        if outcomes.get(name) != expected:
            wrong[name] = (vector["desc"], expected, outcomes.get(name))
    return wrong


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_browser_says_of_every_vector_what_it_must(folder: str, page: Any) -> None:  # noqa: ANN401
    outcomes = incoming(json.loads(page.evaluate("name => harness.folder(name)", folder)))
    assert outcomes.keys() == vectors(folder).keys()
    assert not compare(folder, outcomes)


@pytest.mark.parametrize("family", sorted(FAMILIES_OF_CASES))
def test_the_browser_and_the_library_agree_on_what_is_made_up(family: str, page: Any) -> None:  # noqa: ANN401
    outcomes = incoming(json.loads(page.evaluate("name => harness.folder(name)", family)))
    cases = made_up(family)
    wrong = {
        name: (expected, outcomes.get(name))
        for name, (_, expected) in cases.items()
        if outcomes.get(name) != expected
    }
    assert not wrong
    kinds = {json.dumps(expected)[:10] for _, expected in cases.values()}
    assert len(cases) > 100
    assert len(kinds) > 1 or family == "certificate-proofs"


# --- where it must say that it cannot -------------------------------------------------------------------------------------

JUDGE = "([text, policy]) => harness.api.judgeReceipt(text, policy).then((it) => [it.verdict, it.rule, it.proved])"
FAKES = {
    "browser.no-ed25519": """
        const original = SubtleCrypto.prototype.importKey;
        SubtleCrypto.prototype.importKey = function (format, data, algorithm, ...more) {
            const name = algorithm.name ?? algorithm;
            if (name === "Ed25519") return Promise.reject(new DOMException("no", "NotSupportedError"));
            return original.call(this, format, data, algorithm, ...more);
        };""",
    "browser.cofactored": "SubtleCrypto.prototype.verify = async () => true;",
}


@pytest.mark.parametrize("rule", sorted(FAKES))
def test_a_browser_that_cannot_check_says_so(rule: str, browser: Any, server: str) -> None:  # noqa: ANN401
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script(FAKES[rule])
        load(page, server)
        given = vectors("receipt")["document"]["input"]
        assert page.evaluate(JUDGE, [given["text"], given["policy"]]) == ["cannot-tell", rule, None]


@pytest.mark.parametrize(
    ("part", "folder", "name"),
    [
        ("history.js", "history", "complete"),
        ("records-goods.js", "record", "lot."),
        ("records-governance.js", "record", "member."),
    ],
)
def test_a_part_that_cannot_be_loaded_is_no_verdict(
    part: str,
    folder: str,
    name: str,
    browser: Any,  # noqa: ANN401  playwright is optional
    server: str,
) -> None:
    """And what does not need it is judged as ever."""
    given = next(
        vector for found, vector in vectors(folder).items() if found.startswith(name) and "result" in vector
    )
    with browser.new_context() as context:
        page = context.new_page()
        page.route(f"**/{part}", lambda route: route.abort())
        load(page, server)
        said = page.evaluate(
            """([folder, input]) => harness.outcome(folder, input)""", [folder, outgoing(given["input"])]
        )
        assert said == {"error": {"family": "cannot-tell", "rule": "browser.part-missing"}}
        paper = vectors("receipt")["document"]["input"]
        assert page.evaluate(JUDGE, [paper["text"], paper["policy"]])[1] == "status.in-force"


def test_without_a_secure_connection_it_says_so(server: str) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser here: {CHROMIUM} is missing")
    rules = "--host-resolver-rules=MAP ubnd.example 127.0.0.1"
    script = """
import json, sys
from playwright.sync_api import sync_playwright
given = json.load(sys.stdin)
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=given["chromium"], args=["--no-sandbox", given["rules"]])
    page = browser.new_page()
    page.goto(given["page"])
    page.wait_for_function("globalThis.harness !== undefined", timeout=20_000)
    print(json.dumps([page.evaluate("isSecureContext"), page.evaluate(given["judge"], given["input"])]))
    browser.close()
"""
    assert sync_api is not None
    given = vectors("receipt")["document"]["input"]
    asked = {
        "chromium": CHROMIUM,
        "rules": rules,
        "page": f"http://ubnd.example:{server.rpartition(':')[2]}/js/page.html",
        "judge": JUDGE,
        "input": [given["text"], given["policy"]],
    }
    # In a process of its own: Playwright's synchronous interface runs once in each.
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [False, ["cannot-tell", "browser.insecure", None]]


def test_judging_asks_nobody(page: Any) -> None:  # noqa: ANN401
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    for folder, name in (("receipt", "document"), ("receipt", "path-0"), ("receipt", "cosigned-by-1")):
        given = vectors(folder)[name]["input"]
        page.evaluate(JUDGE, [given["text"], given["policy"]])
    assert requests == []


def test_a_file_is_judged_by_its_bytes_its_hash_or_its_salt(page: Any) -> None:  # noqa: ANN401
    judge = """async ([file, salt, hash, text, policy]) => {
        const bytes = harness.fromHex(file);
        const more = salt === null ? {} : { salt: harness.fromHex(salt) };
        const given = hash ? { hash: await harness.api.hashFile(bytes) } : { file: new Blob([bytes]) };
        const { verdict, rule } = await harness.api.judgeDocument({ ...given, ...more }, text, policy);
        return [verdict, rule];
    }"""
    public, private = vectors("document")["file"]["input"], vectors("document")["salted"]["input"]
    for hashed in (False, True):
        asked = [public["file"], None, hashed, public["text"], public["policy"]]
        assert page.evaluate(judge, asked) == ["in-force", "status.in-force"]
    asked = [private["file"], private["salt"], False, private["text"], private["policy"]]
    assert page.evaluate(judge, asked) == ["in-force", "status.in-force"]
    asked[2] = True
    assert page.evaluate(judge, asked) == ["cannot-tell", "document.salt-missing"]
    asked[1:3] = [private["salt"][:-2], False]
    assert page.evaluate(judge, asked) == ["cannot-tell", "document.salt-size"]


def test_a_file_beyond_the_limit_is_not_read(page: Any) -> None:  # noqa: ANN401
    judge = """([text, policy]) => {
        class Large extends Blob { get size() { return harness.api.MAX_FILE_BYTES + 1; } }
        return harness.api.judgeDocument({ file: new Large([]) }, text, policy).then((it) => [it.verdict, it.rule]);
    }"""
    given = vectors("document")["file"]["input"]
    found = page.evaluate(judge, [given["text"], given["policy"]])
    assert found == ["cannot-tell", "browser.file-too-large"]


# --- watching the log --------------------------------------------------------------------------------------------------------


def growing() -> tuple[list[str], list[list[bytes]], str]:
    """Checkpoints of one ledger as it grows, the leaf hashes under each, and its policy."""
    ledger = Ledger()
    texts, hashes = [], []
    for number in range(5):
        ledger.place([document(number)])
        texts.append(ledger.checkpoint_by(range(QUORUM)))
        hashes.append(leaf_hashes(ledger.leaves))
    return texts, hashes, ledger.policy.format()


def grow(page: Any, one: str, other: str, root: bytes | None, proof: list[bytes], policy: str) -> Vector:  # noqa: ANN401
    """What the browser says of two checkpoints."""
    asked = """([one, other, root, proof, policy]) => harness.call("checkGrowth", one, other, {
        root: root === null ? null : harness.fromHex(root), hashes: proof.map(harness.fromHex) }, policy)"""
    shown = None if root is None else root.hex()
    answer: Vector = page.evaluate(asked, [one, other, shown, [step.hex() for step in proof], policy])
    return answer


def test_a_log_that_only_grew(page: Any) -> None:  # noqa: ANN401
    texts, hashes, policy = growing()
    proof = merkle.consistency_path(hashes[3], len(hashes[1]))
    for one, other in ((1, 3), (3, 1)):
        assert grow(page, texts[one], texts[other], None, proof, policy)["rule"] == "ok"
    assert grow(page, texts[2], texts[2], None, [], policy)["rule"] == "ok"
    for wrong in ([], proof[:-1], [*proof[:-1], bytes(32)]):
        found = grow(page, texts[1], texts[3], None, wrong, policy)
        assert (found["rule"], found["family"]) == ("fork.not-shown", "cannot-tell")


def test_a_fork_at_one_size_and_at_another(page: Any) -> None:  # noqa: ANN401
    texts, hashes, policy = growing()
    other = Ledger()
    for number in range(1, 4):
        other.place([document(100 + number)])
    forked = other.checkpoint_by(range(QUORUM))
    check = "([text, policy]) => harness.call('checkEvidence', text, policy)"
    write = "evidence => harness.api.formatEvidence(evidence)"
    proof = merkle.consistency_path(hashes[4], len(hashes[2]))
    asked: tuple[tuple[str, str, bytes | None, list[bytes]], ...] = (
        (texts[2], forked, None, []),
        (forked, texts[4], merkle.root_of_hashes(hashes[2]), proof),
        (texts[4], forked, merkle.root_of_hashes(hashes[2]), proof),
    )
    for one, two, root, hashed in asked:
        found = grow(page, one, two, root, hashed, policy)
        assert (found["rule"], found["family"]) == ("fork.two-trees", "verification")
        evidence = page.evaluate(write, found["evidence"])
        assert page.evaluate(check, [evidence, policy])["rule"] == "ok"
        # At one size the two checkpoints say it all; otherwise it takes the hashes, every one of them.
        lacking = "ok" if root is None else "fork.not-shown"
        second = found["evidence"]["second"]
        for changed, rule in (
            ({"firstRootInSecond": None}, lacking),
            ({"proof": [bytes(32).hex()]}, lacking),
            ({"first": second}, "evidence.not-a-fork"),
            ({"second": {}}, "evidence.shape"),
            ({"format": "another"}, "evidence.shape"),
        ):
            damaged = json.dumps({**found["evidence"], **changed})
            assert page.evaluate(check, [damaged, policy])["rule"] == rule, changed
    assert page.evaluate(check, ["{}", policy])["rule"] == "evidence.shape"
    # Without a quorum nobody has shown anything.
    alone = other.checkpoint_by(range(1))
    assert grow(page, texts[2], alone, None, [], policy)["rule"] == "policy.quorum-missing"


# --- signing -----------------------------------------------------------------------------------------------------------------


def test_an_entry_made_in_the_browser_is_one(page: Any) -> None:  # noqa: ANN401
    chain_id, nonce = bytes(range(32)), bytes(range(16))
    bodies: list[tuple[str, Vector]] = [
        (
            "doc.anchor/1",
            {
                "authority": "office",
                "hash": {"hex": bytes([number]).hex() * 32},
                "media_type": "application/pdf",
                "size": 2**40 + number,
                "abstract": "Tờ trình về việc sửa đường liên thôn",
            },
        )
        for number in range(40)
    ]
    made = page.evaluate(
        "([chainId, records, nonce, timeMs]) => harness.sign(chainId, records, nonce, timeMs)",
        [chain_id.hex(), bodies, nonce.hex(), 1_750_000_000_000],
    )
    entry = parse_submission(bytes.fromhex(made["submission"]))
    entry.check_records_root()
    entry.verify_signature()
    ParsedEntry.of(entry)
    assert entry.records == tuple(
        encode_record(
            name,
            {
                field: bytes.fromhex(item["hex"]) if isinstance(item, dict) else item
                for field, item in body.items()
            },
        )
        for name, body in bodies
    )
    assert (entry.id.hex(), entry.leaf.hex()) == (made["id"], made["leaf"])
    assert [one.hex() for one in entry.record_ids] == made["recordIds"]
    assert entry.body == EntryBody(
        chain_id,
        bytes.fromhex(made["publicKey"]),
        nonce,
        1_750_000_000_000,
        40,
        entry.body.records_root,
    )
    assert made["batch"] == encode([1, [bytes.fromhex(made["submission"])]]).hex()
    public_key = bytes.fromhex(made["publicKey"])
    keys.check_public_key(public_key)
    keys.verify(
        public_key, bytes.fromhex(made["possession"]), possession_message(chain_id, "office", public_key)
    )


def test_what_the_rules_would_refuse_is_not_signed(page: Any) -> None:  # noqa: ANN401
    for name, body, rule in (
        ("doc.anchor/1", {"authority": "office"}, "document.hash-or-commitment"),
        ("doc.anchor/1", {"authority": "Office"}, "record.field-alphabet"),
        ("doc.anchor/9", {}, "record.type-unknown"),
    ):
        found = page.evaluate("([name, body]) => harness.call('encodeRecord', name, body)", [name, body])
        assert found["rule"] == rule


# --- the modules themselves -----------------------------------------------------------------------------------------------


def modules() -> dict[str, str]:
    """The modules of the verifier by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(VERIFY.glob("*.js"))}


def test_the_field_tables_are_those_of_the_registry() -> None:
    script = ROOT / "scripts" / "browser.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_browser_knows_every_record_type_and_every_kind_of_field(page: Any) -> None:  # noqa: ANN401
    families = (
        "Promise.all([import('../verify/records-goods.js'), import('../verify/records-governance.js')])"
    )
    page.evaluate(families + ".then(() => true)")
    names = page.evaluate("import('../verify/records.js').then((records) => records.types())")
    assert sorted(names) == sorted(record_types())
    kinds = page.evaluate("import('../verify/fields.js').then((fields) => fields.kinds())")
    assert {type(field.kind).__name__ for one in record_types().values() for field in one.fields} <= set(
        kinds
    )


def test_the_modules_touch_no_page_and_no_network() -> None:
    """No markup from text, no code from text, and nothing that leads out of the page."""
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacent|srcdoc|\beval\(|new Function|setTimeout|\bfetch\(|XMLHttpRequest|WebSocket|"
        r"localStorage|indexedDB|\bwindow\.|\bdocument\.(?:write|body|create|query|get|cookie)|"
        # A part of the verifier itself, named as it stands there, and nothing else.
        r"(?<!\(\) => )\bimport\(|\bimport\((?!\"\./[a-z-]+\.js\"\))"
    )
    for name, text in modules().items():
        code = "\n".join(
            line for line in text.splitlines() if not line.lstrip().startswith(("*", "/*", "//"))
        )
        assert not forbidden.search(code), name


def test_the_modules_import_each_other_and_nothing_else() -> None:
    texts = modules()
    for name, text in texts.items():
        for line in text.splitlines():
            if line.startswith(("import ", "export ")) and " from " in line:
                assert line.split(' from "./')[1].removesuffix('";') in texts, (name, line)
        for other in [*imports_of(text), *later_imports_of(text)]:
            assert other.removeprefix("./") in texts, (name, other)


def test_the_modules_stay_small() -> None:
    """What a phone loads before the first verdict on a paper: as it is written, and as it travels."""
    texts = modules()
    needed, waiting = set(), ["index.js"]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [other.removeprefix("./") for other in imports_of(texts[name])]
    assert {"receipt.js", "disclosure.js", "compact.js", "watch.js"} <= needed
    assert not needed & {"epochs.js", "history.js", "goods.js", "records-goods.js", "records-governance.js"}
    assert sum(len(texts[name].encode()) for name in needed) < 205_000
    assert len(assets().files["joined/verify.js"].compressed) < 67_000


def test_node_says_the_same(tmp_path: Path) -> None:
    """The vectors once more in node, where it is at hand: modules that run in two engines lean on neither."""
    node = node_program()
    if node is None:
        pytest.skip("node is not installed")
    outcomes = run_in_node(tmp_path, node, {folder: inputs(folder) for folder in FOLDERS})
    assert not {
        folder: compare(folder, outcomes[folder]) for folder in FOLDERS if compare(folder, outcomes[folder])
    }


def test_the_types_in_the_comments_hold(tmp_path: Path) -> None:
    """TypeScript reads the JSDoc of all modules of the pages, where it is at hand."""
    compiler = shutil.which("tsc")
    if compiler is None:
        pytest.skip("tsc (TypeScript) is not installed")
    options = {
        "allowJs": True,
        "checkJs": True,
        "noEmit": True,
        "strict": True,
        "target": "ES2022",
        "module": "ES2022",
        "lib": ["ES2022", "DOM", "DOM.Iterable"],
        "moduleResolution": "bundler",
        "types": [],
    }
    # As they are served: among them the words, which are made of JSON.
    for path, asset in assets().files.items():
        if path.endswith(".js") and not path.startswith("joined/"):
            copy = tmp_path / "static" / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            said = b"export default /** @type {Record<string, [string, string]>} */ ("
            is_table = path.startswith("words/")
            copy.write_bytes(
                asset.data.replace(b"export default ", said).replace(b"};", b"});")
                if is_table
                else asset.data
            )
    config = {"compilerOptions": options, "include": ["static/**/*.js"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(config), encoding="utf-8")
    done = subprocess.run(
        [compiler, "-p", str(tmp_path / "tsconfig.json")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


def test_it_measures_a_verification(page: Any) -> None:  # noqa: ANN401
    """A bound that only something badly wrong would break; docs/browser-verifier.md has what was measured."""
    given = vectors("receipt")["document-of-five"]["input"]
    times = page.evaluate(
        "([text, policy]) => harness.measure(text, policy, 20)", [given["text"], given["policy"]]
    )
    assert len(times) == 20
    assert statistics.median(times) < 1_000
