"""A verifier written from `docs/spec.md` alone, in another language, by someone who had not seen this code: both must agree.

The program is in `tests/interop/newcomer`. Where the two disagree, one of them is wrong, or the specification is. What it knows
of certificates was added later, by somebody who had seen the code.
"""

from __future__ import annotations

import dataclasses
import hmac
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger import note
from ledger.block import Header
from ledger.disclosure import CertificateProof
from ledger.encoding import Value
from ledger.entry import check_record_size, encode_record
from ledger.errors import LedgerError, RefusedError
from ledger.hashing import leaf_hash, sha256
from ledger.policy import Policy
from ledger.receipt import make_receipt, verify
from ledger.records import record_types
from ledger.records.base import split_record
from ledger.records.members import possession_message
from ledger.verdict import Judgement, Verdict, judge_document, judge_proof
from node.receipts import FinalView
from tests.chains import Chain, Image, chain_of, document, key, sign_checkpoint, small_chain, write_export
from tests.vectorgen import certificates
from tests.vectorgen.ledgers import Ledger, end_key, register_key, register_member, report

GO = shutil.which("go")
pytestmark = pytest.mark.skipif(GO is None, reason="go is not on PATH")

HERE = Path(__file__).parent
SOURCE = HERE / "interop" / "newcomer"
SPEC = HERE.parent / "docs" / "spec.md"
VECTORS = HERE / "vectors"

# The toolchain that is there, this module alone, nothing from a network.
OFFLINE = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}

SALT = sha256(b"a salt for the tests")
DAY_MS = 24 * 60 * 60 * 1000


def go(*arguments: str, **environment: str) -> str:
    """Run the go command on the program."""
    assert GO is not None
    done = subprocess.run(
        [GO, *arguments],
        cwd=SOURCE,
        env=os.environ | OFFLINE | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclasses.dataclass
class Said:
    """What the newcomer's program said, and its exit code."""

    code: int
    verdict: str
    lines: dict[str, str]


@dataclasses.dataclass
class Newcomer:
    """The program, and a folder for what it is to read."""

    program: Path
    folder: Path

    def run(self, *arguments: str | Path) -> Said:
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        verdict, *lines = done.stdout.splitlines()
        return Said(done.returncode, verdict, dict(line.partition(": ")[::2] for line in lines))

    def verify(self, file: bytes, receipt: bytes, policy: Policy, salt: bytes | None = None) -> Said:
        names = [self.folder / name for name in ("file", "receipt", "policy")]
        for name, data in zip(names, (file, receipt, policy.format().encode()), strict=True):
            name.write_bytes(data)
        return self.run("verify", *([] if salt is None else ["-salt", salt.hex()]), *names)

    def agrees(self, file: bytes, receipt: bytes, policy: Policy, salt: bytes | None = None) -> Verdict:
        """The verdict, which both have reached."""
        committed = None if salt is None else commitment(file, salt)
        judgement = judge_document(sha256(file), receipt, policy, commitment=committed)
        said = self.verify(file, receipt, policy, salt)
        assert said.verdict == judgement.verdict.name.lower().replace("_", "-"), (said, judgement.reason)
        assert said.code == judgement.verdict.value
        if said.verdict != "does-not-match":
            assert_same_facts(said, judgement)
        return judgement.verdict

    def agrees_on_proof(self, data: bytes, policy: Policy, paper: bytes | None) -> Verdict:
        """The verdict on a certificate without days, which both have reached."""
        file_hash = None if paper is None else sha256(paper)
        judgement = judge_proof(data, policy, now_ms=0, file_hash=file_hash)
        names = [self.folder / name for name in ("proof", "policy", "paper")]
        for name, content in zip(names, (data, policy.format().encode(), paper or b""), strict=True):
            name.write_bytes(content)
        options = () if paper is None else ("-paper", names[2])
        said = self.run("certificate", *options, *names[:2])
        assert said.verdict == judgement.verdict.name.lower().replace("_", "-"), (said, judgement.reason)
        assert said.code == judgement.verdict.value
        return judgement.verdict


def assert_same_facts(said: Said, judgement: Judgement) -> None:
    """Who, since when and how late, where the library has found it proved; and nothing where it has not."""
    standing = judgement.proved.standing if judgement.proved else None
    if judgement.proved is None or standing is None:
        assert "who" not in said.lines
        return
    roles = ", ".join(standing.author.key.roles)
    assert said.lines["who"] == f"{standing.author.member.name}, as {roles}"
    assert said.lines["status"] == standing.subject.status
    since = datetime.fromisoformat(said.lines["since"])
    assert since == datetime.fromtimestamp(standing.subject.time_ms / 1000, UTC)
    assert ("late" in said.lines) == judgement.proved.late


def commitment(file: bytes, salt: bytes) -> bytes:
    return hmac.digest(salt, b"file\0" + file, "sha256")


def record(kind: str, **fields: Value) -> bytes:
    return encode_record(kind, {"authority": "office", **fields})


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("newcomer") / "newcomer"
    go("build", "-o", str(path), ".")
    return path


@pytest.fixture
def newcomer(program: Path, tmp_path: Path) -> Newcomer:
    return Newcomer(program, tmp_path)


@dataclasses.dataclass
class Papers:
    """A chain of documents, whose files are `paper 0`, `paper 1` …, and the receipts of its records."""

    chain: Chain
    view: FinalView

    def receipt(self, a_record: bytes) -> bytes:
        place = self.view.place(leaf_hash(a_record))
        assert place is not None
        return self.view.receipt(place).text().encode()


def papers_of(chain: Chain, folder: Path) -> Iterator[Papers]:
    store = chain.write_store(folder)
    yield Papers(chain, FinalView(store, chain.signed()))
    store.close()


PRIVATE = encode_record(
    "doc.anchor/1", {"authority": "office", "commitment": commitment(b"about a person", SALT)}
)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Papers]:
    """Ten public documents under four validators, the last of which came late, and one about a person."""
    chain = small_chain(4)
    chain.add([chain.entry([PRIVATE])])
    chain.add([chain.entry(chain.documents(1), time_ms=chain.next_time_ms - DAY_MS - 1)])
    yield from papers_of(chain, tmp_path_factory.mktemp("papers") / "store")


def revoked_papers(tmp_path: Path, from_ms: int) -> Iterator[Papers]:
    """One document, whose author's key was revoked afterwards."""
    chain = Chain(4)
    chain.add_documents(1)
    revocation = record("key.revoke/1", member="office", key=key("office").public_key, from_ms=from_ms)
    chain.add([chain.entry([revocation], by="admin")])
    yield from papers_of(chain, tmp_path / "store")


# --- The specification --------------------------------------------------------------------------------------------------


def test_the_examples_and_the_vectors_hold() -> None:
    said = go("test", "-count=1", "-v", ".", SOGOC_SPEC=str(SPEC), SOGOC_VECTORS=str(VECTORS))
    assert "--- PASS: TestVerdictVectors" in said
    assert "--- SKIP" not in said
    # It skips the vectors of the types that it says it does not know, every one of these, and none beside.
    skipped = dict(re.findall(r"skipped in ([a-z-]+): (\d+) vectors", said))
    counted = {name: str(len(vectors_it_cannot_judge(name))) for name in skipped}
    assert skipped == counted
    assert {name for name, count in skipped.items() if count != "0"} == {"receipt", "record"}
    blocks = re.search(r"replayed (\d+) of (\d+) golden blocks", said)
    assert blocks is not None
    assert int(blocks[1]) >= 20
    assert int(blocks[2]) == len(list((VECTORS / "golden").glob("*.json")))


def types_it_does_not_judge() -> set[str]:
    listed = re.search(
        r"var notJudged = \[\]string\{(.*?)\n\}", (SOURCE / "record.go").read_text(), re.DOTALL
    )
    assert listed is not None
    return set(re.findall(r'"([^"]+)"', listed[1]))


def test_what_it_does_not_judge_is_listed() -> None:
    known = set(re.findall(r'^\t"([a-z.]+/\d+)": \{', (SOURCE / "record.go").read_text(), re.MULTILINE))
    assert known | types_it_does_not_judge() == set(record_types())
    assert not known & types_it_does_not_judge()


def vectors_it_cannot_judge(folder: str) -> list[str]:
    """Vectors about a record of such a type: of those in a receipt only if the receipt gets as far as the record."""
    found = []
    for path in (VECTORS / folder).glob("*.json"):
        given = json.loads(path.read_text(encoding="utf-8"))["input"]
        if type_in(folder, given) in types_it_does_not_judge():
            found.append(path.stem)
    return found


def type_in(folder: str, given: dict[str, str]) -> str | None:
    try:
        if folder == "record":
            raw = bytes.fromhex(given["record"])
            check_record_size(raw)
            return split_record(raw)[0]
        if folder in ("document", "receipt"):
            return verify(given["text"], Policy.parse(given["policy"])).record.type.name
    except (LedgerError, KeyError):
        return None
    return None


def test_what_it_does_not_know_is_no_forgery(newcomer: Newcomer, tmp_path: Path) -> None:
    chain = small_chain(4)
    body: dict[str, Value] = {"owner": "office", "item": bytes(32), "nonce": bytes(16)}
    body |= {"purpose": "audit", "legal_ground": "consent"}
    chain.add([chain.entry([record("access.log/1", **body)])])
    said = newcomer.run("audit", chain.export(tmp_path / "export"))
    assert (said.code, said.verdict) == (Verdict.CANNOT_TELL.value, "cannot-tell")
    assert "not known here" in said.lines["reason"]


def test_the_newcomers_code_is_in_order() -> None:
    go("vet", ".")


def test_the_example_receipt_is_of_paper_1(newcomer: Newcomer) -> None:
    page = SPEC.read_text(encoding="utf-8")

    def fenced(example: str) -> str:
        found = re.search(rf"<!-- example: {example} -->.*?```\n(.*?)```", page, re.DOTALL)
        assert found is not None
        return found[1]

    receipt, policy = fenced("receipt").encode(), Policy.parse(fenced("checkpoint"))
    assert newcomer.agrees(b"paper 1", receipt, policy) is Verdict.IN_FORCE
    assert newcomer.agrees(b"paper 0", receipt, policy) is Verdict.DOES_NOT_MATCH


# --- Receipts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(10))
def test_a_good_receipt(newcomer: Newcomer, papers: Papers, number: int) -> None:
    receipt = papers.receipt(document(number))
    assert newcomer.agrees(b"paper %d" % number, receipt, papers.chain.policy) is Verdict.IN_FORCE


def test_the_wrong_file(newcomer: Newcomer, papers: Papers) -> None:
    receipt = papers.receipt(document(3))
    for file in (b"paper 4", b"paper 3 ", b""):
        assert newcomer.agrees(file, receipt, papers.chain.policy) is Verdict.DOES_NOT_MATCH


@pytest.mark.parametrize(
    ("file", "salt", "verdict"),
    [
        (b"about a person", SALT, Verdict.IN_FORCE),
        (b"about a person", sha256(b"another salt"), Verdict.DOES_NOT_MATCH),
        (b"about another", SALT, Verdict.DOES_NOT_MATCH),
        (b"about a person", None, Verdict.CANNOT_TELL),
    ],
)
def test_a_salted_file(
    newcomer: Newcomer, papers: Papers, file: bytes, salt: bytes | None, verdict: Verdict
) -> None:
    assert newcomer.agrees(file, papers.receipt(PRIVATE), papers.chain.policy, salt) is verdict


@pytest.mark.parametrize("slice_", range(8))
def test_an_altered_receipt(newcomer: Newcomer, papers: Papers, slice_: int) -> None:
    """A bit of every 61st byte: the file format, the parts in `extra`, the path, the checkpoint and its signatures."""
    receipt = papers.receipt(document(2))
    names = {line.split()[1] for line in receipt.decode().splitlines() if line.startswith("— ")}
    assert len(names) == 5
    for place in range(slice_, len(receipt), 61):
        altered = bytearray(receipt)
        altered[place] ^= 1 << (place + slice_) % 7
        verdict = newcomer.agrees(b"paper 2", bytes(altered), papers.chain.policy)
        # A line by nobody known is ignored, and the other signatures are enough.
        assert verdict is not Verdict.IN_FORCE or place >= receipt.index("— ".encode())


def test_too_few_cosignatures(newcomer: Newcomer, papers: Papers) -> None:
    receipt, view = papers.receipt(document(0)), papers.view.view
    whole = papers.view.checkpoint_text.encode()
    assert whole in receipt
    for count, verdict in ((1, Verdict.CANNOT_TELL), (2, Verdict.CANNOT_TELL), (3, Verdict.IN_FORCE)):
        fewer = sign_checkpoint(view.head.size, view.head.root, validators=range(count), time_s=1_790_000_100)
        for file in (b"paper 0", b"paper 1"):
            other = Verdict.DOES_NOT_MATCH if verdict is Verdict.IN_FORCE else verdict
            expected = verdict if file == b"paper 0" else other
            got = newcomer.agrees(file, receipt.replace(whole, fewer.encode()), papers.chain.policy)
            assert got is expected


def test_no_signature_of_the_log(newcomer: Newcomer, papers: Papers) -> None:
    whole = note.parse(papers.view.checkpoint_text)
    lines = tuple(line for line in whole.signatures if line.name != papers.chain.genesis.origin)
    text = note.format(dataclasses.replace(whole, signatures=lines))
    receipt = papers.receipt(document(0)).replace(papers.view.checkpoint_text.encode(), text.encode())
    assert newcomer.agrees(b"paper 0", receipt, papers.chain.policy) is Verdict.CANNOT_TELL


def test_a_receipt_without_state(newcomer: Newcomer, papers: Papers) -> None:
    place = papers.view.place(leaf_hash(document(1)))
    assert place is not None
    whole = papers.view.receipt(place)
    receipt = (
        make_receipt(
            index=whole.proof.index,
            path=list(whole.proof.path),
            checkpoint_text=papers.view.checkpoint_text,
            record=whole.record,
            record_index=whole.record_index,
            record_path=list(whole.record_path),
            entry_leaf=whole.entry_leaf,
            header=whole.header,
            state=None,
        )
        .text()
        .encode()
    )
    assert newcomer.agrees(b"paper 1", receipt, papers.chain.policy) is Verdict.CANNOT_TELL
    assert newcomer.agrees(b"paper 2", receipt, papers.chain.policy) is Verdict.DOES_NOT_MATCH


@pytest.mark.parametrize(("after_ms", "verdict"), [(0, Verdict.CANNOT_TELL), (1, Verdict.IN_FORCE)])
def test_a_disputed_key(newcomer: Newcomer, tmp_path: Path, after_ms: int, verdict: Verdict) -> None:
    registered_ms = Chain(4).next_time_ms
    for papers in revoked_papers(tmp_path, registered_ms + after_ms):
        assert newcomer.agrees(b"paper 0", papers.receipt(document(0)), papers.chain.policy) is verdict


@pytest.mark.parametrize("stolen", ["issue", "reinstate", "paper", None])
def test_a_certificate_s_proof(newcomer: Newcomer, stolen: str | None) -> None:
    """Issued, suspended, reinstated, its paper named, each by another key: one of them stolen, or none."""
    steps = {
        "issue": certificates.issue(),
        "suspend": certificates.record("cert.suspend/1", reason="other"),
        "reinstate": certificates.record("cert.reinstate/1"),
        "paper": certificates.record("cert.paper/1", hash=sha256(certificates.SHEET)),
    }
    ledger = Ledger()
    for name in steps:
        ledger.place([register_key(ledger, "office", name, "issuer", "office")], by="admin")
    places = [ledger.place([one], by=name) for name, one in steps.items()]
    if stolen is not None:
        ledger.place([end_key("revoke", "office", stolen, from_ms=0)], by="admin")
    proofs = [ledger.certificate_proof(places, certificates.CLAIMS, at=at) for at in range(len(places))]
    for proof in proofs:
        for paper in (None, certificates.SHEET, b"another"):
            for data in (proof.encoded(), proof.encoded()[:-1], replace_key(proof).encoded()):
                newcomer.agrees_on_proof(data, ledger.policy, paper)
    verdict = newcomer.agrees_on_proof(proofs[0].encoded(), ledger.policy, certificates.SHEET)
    assert verdict is (Verdict.IN_FORCE if stolen is None else Verdict.CANNOT_TELL)


def replace_key(proof: CertificateProof) -> CertificateProof:
    """The same proof with one key's row twice, in the place of another's."""
    first, *rest = proof.keys
    return dataclasses.replace(proof, keys=(first, first, *rest[1:]))


def test_a_receipt_for_something_else(newcomer: Newcomer, tmp_path: Path) -> None:
    for papers in revoked_papers(tmp_path, 0):
        revocation = record("key.revoke/1", member="office", key=key("office").public_key, from_ms=0)
        verdict = newcomer.agrees(b"paper 0", papers.receipt(revocation), papers.chain.policy)
        assert verdict is Verdict.CANNOT_TELL


# --- Exports ------------------------------------------------------------------------------------------------------------


def administered_chain() -> Chain:
    """Four validators, and records of every kind but a new key's."""
    chain = small_chain(4)
    roles: list[Value] = ["auditor", "issuer"]
    chain.add(
        [
            chain.entry([record("member.register/1", member="ward", name="Phường", roles=roles)], by="admin"),
            chain.entry([record("member.roles/1", member="ward", roles=["auditor"])], by="admin"),
            chain.entry([PRIVATE]),
        ]
    )
    office = key("office").public_key
    chain.add([chain.entry([record("key.retire/1", member="office", key=office)], by="admin")])
    claimed_ms = chain.tip.header.time_ms
    chain.add([chain.entry(chain.documents(1), time_ms=claimed_ms)])
    for from_ms in (0, 5):
        revoked = record("key.revoke/1", member="office", key=office, from_ms=from_ms)
        chain.add([chain.entry([revoked], by="admin")])
    return chain


def test_a_good_export(newcomer: Newcomer, tmp_path: Path) -> None:
    chain = administered_chain()
    said = newcomer.run("audit", chain.export(tmp_path / "export"))
    assert (said.code, said.verdict) == (0, "good")
    assert said.lines["state root"] == chain.tip.header.state_root.hex()


def test_a_good_export_of_full_tiles(newcomer: Newcomer, tmp_path: Path) -> None:
    chain = chain_of(100, 2, 1)
    assert chain.size > 256
    export = chain.export(tmp_path / "export")
    assert newcomer.run("audit", export).code == 0
    for name in ("tile/0/000", "tile/1/000.p/1", "tile/records/000"):
        flip(export / name, 31)
        assert newcomer.run("audit", export).code == 1
        flip(export / name, 31)


def test_a_policy_of_ones_own(newcomer: Newcomer, tmp_path: Path) -> None:
    export = small_chain(4).export(tmp_path / "export")
    mine = tmp_path / "mine"
    mine.write_bytes((export / "policy").read_bytes())
    assert newcomer.run("audit", export, mine).code == 0
    mine.write_text(Chain(1).policy.format(), encoding="utf-8")
    assert newcomer.run("audit", export, mine).code == 0  # its one validator is the first of these
    mine.write_text(
        Chain(4).policy.format().replace("group validators 3", "group validators all"), encoding="utf-8"
    )
    assert newcomer.run("audit", export, mine).code == 0
    (export / "checkpoint").write_text(sign_checkpoint_of(small_chain(4), range(3)), encoding="utf-8")
    assert newcomer.run("audit", export).code == 0
    assert newcomer.run("audit", export, mine).code == Verdict.CANNOT_TELL.value


def sign_checkpoint_of(chain: Chain, validators: range) -> str:
    return sign_checkpoint(chain.size, chain.root, validators=validators, time_s=1_790_000_100)


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_of_an_export(newcomer: Newcomer, tmp_path: Path) -> None:
    export = administered_chain().export(tmp_path / "export")
    for path in sorted(export.rglob("*")):
        if not path.is_file():
            continue
        size = path.stat().st_size
        if path.name == "checkpoint":  # behind its text, a changed name or id makes a line that is ignored
            size = path.read_bytes().index(b"\n\n")
        for place in range(0, size, max(1, size // 12)):
            flip(path, place)
            said = newcomer.run("audit", export)
            assert said.code in {Verdict.DOES_NOT_MATCH.value, Verdict.CANNOT_TELL.value}, (path, place)
            flip(path, place)
    assert newcomer.run("audit", export).code == 0


def test_a_missing_file_of_an_export(newcomer: Newcomer, tmp_path: Path) -> None:
    export = small_chain(4).export(tmp_path / "export")
    for path in [path for path in sorted(export.rglob("*")) if path.is_file()]:
        data = path.read_bytes()
        path.unlink()
        assert newcomer.run("audit", export).code == Verdict.CANNOT_TELL.value
        path.write_bytes(data)


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (lambda header, _: dataclasses.replace(header, state_root=bytes(32)), "state_root is not"),
        (lambda header, _: dataclasses.replace(header, log_root=bytes(32)), "log_root is not"),
        (lambda header, parent: dataclasses.replace(header, time_ms=parent.time_ms), "wrong in time_ms"),
        (lambda header, _: dataclasses.replace(header, parent=bytes(32)), "wrong in parent"),
        (lambda header, _: dataclasses.replace(header, proposer=key("office").public_key), "no validator"),
    ],
)
def test_an_export_that_a_quorum_forged(
    newcomer: Newcomer, tmp_path: Path, forge: Callable[[Header, Header], Header], reason: str
) -> None:
    """Every validator signed it; only whoever replays the blocks can tell."""
    chain = small_chain(4)
    parent, last = chain.headers[-2:]
    header = forge(last, parent)
    forged: Image = chain.image()
    forged.leaves[-1] = header.leaf()
    forged.records[-1] = [header.sign(key("header 0" if header.proposer == last.proposer else "office"))]
    forged.sign(validators=range(4))
    said = newcomer.run("audit", write_export(forged, chain.genesis, tmp_path / "export"))
    assert said.code == Verdict.DOES_NOT_MATCH.value
    assert reason in said.lines["reason"]


# --- What the rules refuse, and a quorum has let in ---------------------------------------------------------------------

Step = tuple[list[bytes], str]
"""Records of an entry, and the key that signs it."""
CHAIN = Ledger()


def shown(member: str, name: str) -> dict[str, Value]:
    """The fields that show a key of a member."""
    public_key = key(name).public_key
    message = possession_message(CHAIN.genesis.chain_id, member, public_key)
    return {"key": public_key, "possession": key(name).sign(message)}


def anchored(which: int, /, **fields: Value) -> bytes:
    body: dict[str, Value] = {"hash": sha256(b"paper %d" % which), "media_type": "a/b", "size": 1}
    return record("doc.anchor/1", **body, **fields)


SECOND: Step = (
    [
        record(
            "member.register/1",
            member="tinh",
            name="Tỉnh",
            roles=["administrator"],
            **shown("tinh", "second"),
        )
    ],
    "admin",
)
SCHOOL: Step = (
    [register_member("school", "Trường", "office"), register_key(CHAIN, "school", "pupil", "office")],
    "admin",
)
MANAGER: Step = (
    [
        record("member.roles/1", member="office", roles=["administrator", "issuer", "key-manager", "office"]),
        register_key(CHAIN, "office", "manager", "key-manager"),
    ],
    "admin",
)
REPLACED: list[Step] = [
    ([register_key(CHAIN, "office", "admin 2", "administrator")], "admin"),
    ([end_key("retire", "office", "admin")], "admin 2"),
]
NUMBERED: Step = ([report()], "office")
TWO: Step = ([document(1), document(2)], "office")
WITHDRAWN: Step = ([record("doc.withdraw/1", document=sha256(b"paper 1"), reason="other")], "office")
PAPER_1, PAPER_2 = sha256(b"paper 1"), sha256(b"paper 2")

REFUSED: dict[str, tuple[list[Step], bytes, str, str, str]] = {
    "alone of two administrators": (
        [SECOND],
        register_member("ward", "Phường", "office"),
        "admin",
        "governance.quorum",
        "governance.quorum",
    ),
    "another member's key, alone of two": (
        [SCHOOL, SECOND],
        end_key("retire", "school", "pupil"),
        "admin",
        "governance.quorum",
        "governance.quorum",
    ),
    "a key manager makes an administrator": (
        [MANAGER],
        register_key(CHAIN, "office", "third", "administrator"),
        "manager",
        "authority.role",
        "authority.role",
    ),
    "an office key ends another": (
        [],
        end_key("retire", "office", "admin"),
        "office",
        "authority.role",
        "authority.role",
    ),
    "a key by itself disputes what it signed long ago": (
        [],
        end_key("revoke", "office", "office", from_ms=0),
        "office",
        "key.dispute-early",
        "signed long ago",
    ),
    "a key revoked from the same time again": (
        [([end_key("revoke", "office", "office", from_ms=7)], "admin")],
        record("key.revoke/1", member="office", key=key("office").public_key, from_ms=7),
        "admin",
        "key.ended",
        "revoked from then on already",
    ),
    "a retired key, dated back, admits a key": (
        REPLACED,
        register_key(CHAIN, "office", "third", "office"),
        "admin",
        "key.not-current",
        "key.not-current",
    ),
    "an administrator that cannot vote": (
        [],
        register_member("tinh", "Tỉnh", "administrator"),
        "admin",
        "member.key-missing",
        "without a key",
    ),
    "one that becomes it, and cannot vote": (
        [SCHOOL],
        record("member.roles/1", member="school", roles=["administrator"]),
        "admin",
        "member.key-missing",
        "member.key-missing",
    ),
    "a key that is there already takes a key's place": (
        [],
        record("key.rotate/1", **shown("office", "admin")),
        "office",
        "key.exists",
        "the key exists",
    ),
    "a key whose owner does not hold it takes a key's place": (
        [],
        record("key.rotate/1", **(shown("office", "third") | {"possession": bytes(64)})),
        "office",
        "key.possession",
        "possession",
    ),
    "a key whose time is over": (
        [],
        record("key.register/1", member="office", roles=["office"], until_ms=5, **shown("office", "third")),
        "admin",
        "key.until-past",
        "the time of the key is over",
    ),
    "a secret": ([], anchored(9, secrecy="mat"), "office", "document.secret", "a secret"),
    "a number twice": (
        [NUMBERED],
        anchored(9, number="41", date="2026-12-31"),
        "office",
        "document.number-taken",
        "the number is taken",
    ),
    "a number that another document holds": (
        [NUMBERED, TWO],
        anchored(9, number="41", date="2026-12-31", continues=PAPER_1),
        "office",
        "document.continues",
        "does not hold the number",
    ),
    "superseded by nothing": (
        [TWO],
        record("doc.supersede/1", document=PAPER_1, by=bytes(32)),
        "office",
        "document.by-unknown",
        "other document is not anchored",
    ),
    "corrected by a third member's": (
        [TWO, SCHOOL, ([document(2, authority="school")], "pupil")],
        record("doc.correct/1", document=PAPER_1, by=PAPER_2, by_authority="school"),
        "office",
        "document.by-other-authority",
        "of a third member",
    ),
    "withdrawn twice": (
        [TWO, WITHDRAWN],
        record("doc.withdraw/1", document=PAPER_1, reason="unlawful"),
        "office",
        "document.not-in-force",
        "not in force",
    ),
    "a copy of what was withdrawn": (
        [TWO, WITHDRAWN],
        record("doc.copy/1", commitment=bytes(32), original=PAPER_1),
        "office",
        "document.original-not-in-force",
        "original is not anchored, or not in force",
    ),
    "a stamped copy of nothing": (
        [],
        record("doc.paper/1", document=PAPER_1, hash=bytes(32)),
        "office",
        "document.unknown",
        "not anchored",
    ),
    "another's document withdrawn": (
        [TWO, SCHOOL],
        record("doc.withdraw/1", document=PAPER_1, reason="other"),
        "pupil",
        "authority.not-acting",
        "authority.not-acting",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_record_that_a_quorum_should_have_refused(newcomer: Newcomer, tmp_path: Path, name: str) -> None:
    before, refused, by, rule, reason = REFUSED[name]
    ledger = Ledger()
    claimed_ms = ledger.next_time_ms
    for records, author in before:
        ledger.place(records, by=author)
    honest = ledger.export(tmp_path / "honest")
    assert newcomer.run("audit", honest).code == 0
    entry = ledger.entry([refused], by=by, time_ms=claimed_ms if "dated back" in name else None)
    with pytest.raises(RefusedError) as caught:
        ledger.add([entry])
    assert caught.value.rule == rule
    ledger.force(entry.leaf, [refused], {b"\x91\xa1x": b"\x01"})
    said = newcomer.run("audit", ledger.export(tmp_path / "export"))
    assert said.code == Verdict.DOES_NOT_MATCH.value
    assert reason in said.lines["reason"]
