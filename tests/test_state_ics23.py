"""Proofs in the form of ICS-23: read back field by field here, and judged by its reference library, if Go is there."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.errors import CannotTellError, StoreCorruptError
from ledger.state import EMPTY_STATE_ROOT, ics23_proof, update
from tests.reference_state import ReferenceState, sha256
from tests.test_state_tree import Pages, apply, rows

VERIFIER = Path(__file__).parent / "interop" / "ics23"

# 1: no siblings. 2 and 3: the edges of the tree are its only neighbours. 33 and above: branch pages.
SIZES = (1, 2, 3, 33, 400)


@dataclass(frozen=True)
class Question:
    """What the reference library is asked; a value of None asks for absence."""

    root: bytes
    proof: bytes
    key: bytes
    value: bytes | None


class Tree:
    """A state whose proofs are asked for."""

    def __init__(self, size: int) -> None:
        self.reference = ReferenceState(rows(0, size, b"some value"))
        self.pages = Pages()
        self.root = apply(self.pages, EMPTY_STATE_ROOT, self.reference.rows)

    def proof(self, key: bytes) -> bytes:
        return ics23_proof(self.pages, self.root, key, self.reference.read_row)

    def question(self, key: bytes) -> Question:
        return Question(self.root, self.proof(key), key, self.reference.rows.get(key))


def message(data: bytes) -> dict[int, list[bytes | int]]:
    """Read a protobuf message: field number -> what it has, in order."""
    fields: dict[int, list[bytes | int]] = {}

    def varint() -> int:
        nonlocal data
        result = shift = 0
        while True:
            byte, data = data[0], data[1:]
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    while data:
        number, kind = divmod(varint(), 8)
        size = varint()
        if kind == 2:
            assert size <= len(data)
            fields.setdefault(number, []).append(data[:size])
            data = data[size:]
        else:
            assert kind == 0
            fields.setdefault(number, []).append(size)
    return fields


def part(fields: dict[int, list[bytes | int]], number: int) -> bytes:
    (only,) = fields.get(number, [b""])
    assert isinstance(only, bytes)
    return only


def calculate(existence: bytes) -> tuple[bytes, bytes, bytes]:
    """Key, value, and the root that an ExistenceProof leads to, as cosmos.ics23.v1 says."""
    fields = message(existence)
    key, value = part(fields, 1), part(fields, 2)
    # hash, prehash_key, prehash_value: SHA256 = 1; length: NO_PREFIX = 0, not written; prefix.
    assert message(part(fields, 3)) == {1: [1], 2: [1], 3: [1], 5: [b"\x00"]}
    node = sha256(b"\x00" + sha256(key) + sha256(value))
    for step in fields.get(4, []):
        assert isinstance(step, bytes)
        inner = message(step)
        assert inner[1] == [1]
        prefix, suffix = part(inner, 2), part(inner, 3)
        assert (prefix[:1], len(prefix + suffix)) == (b"\x01", 33)
        node = sha256(prefix + node + suffix)
    return key, value, node


@pytest.mark.parametrize("size", SIZES)
def test_existence_leads_to_the_root(size: int) -> None:
    tree = Tree(size)
    for key in list(tree.reference.rows)[:20]:
        fields = message(tree.proof(key))
        assert list(fields) == [1]
        assert calculate(part(fields, 1)) == (key, b"some value", tree.root)


@pytest.mark.parametrize("size", SIZES)
def test_absence_shows_both_neighbours(size: int) -> None:
    tree = Tree(size)
    paths = {sha256(key): key for key in tree.reference.rows}
    for number in range(40):
        key = b"absent %d" % number
        outer = message(tree.proof(key))
        assert list(outer) == [2]
        fields = message(part(outer, 2))
        assert part(fields, 1) == key
        below = max((path for path in paths if path < sha256(key)), default=None)
        above = min((path for path in paths if path > sha256(key)), default=None)
        for field, neighbour in ((2, below), (3, above)):
            assert (field in fields) == (neighbour is not None)
            if neighbour is not None:
                assert calculate(part(fields, field)) == (paths[neighbour], b"some value", tree.root)


def test_a_long_value_has_a_long_length() -> None:
    reference, pages = ReferenceState({b"k" * 200: b"v" * 70_000}), Pages()
    root = apply(pages, EMPTY_STATE_ROOT, reference.rows)
    proof = ics23_proof(pages, root, b"k" * 200, reference.read_row)
    assert calculate(part(message(proof), 1)) == (b"k" * 200, b"v" * 70_000, root)


def test_the_empty_tree_is_beyond_ics23() -> None:
    with pytest.raises(CannotTellError) as caught:
        ics23_proof(Pages(), EMPTY_STATE_ROOT, b"key", ReferenceState().read_row)
    assert caught.value.rule == "ics23.empty-tree"


def test_a_neighbour_without_its_row() -> None:
    tree = Tree(400)
    tree.reference.rows.clear()
    with pytest.raises(StoreCorruptError) as caught:
        tree.proof(b"absent 1")
    assert caught.value.rule == "state.row"


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference library's verifier, built from tests/interop/ics23."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not on PATH, so the ICS-23 reference library cannot be asked")
    download = subprocess.run(
        [go, "mod", "download"], cwd=VERIFIER, capture_output=True, text=True, check=False
    )
    if download.returncode:
        pytest.skip(f"the ICS-23 reference library cannot be downloaded: {download.stderr.strip()}")
    program = tmp_path_factory.mktemp("ics23") / "verifier"
    subprocess.run([go, "build", "-buildvcs=false", "-o", program, "."], cwd=VERIFIER, check=True)
    return program


def ask(verifier: Path, questions: Sequence[Question]) -> list[str]:
    """Return what the reference library says to each question: `accepted`, or a line that begins with `refused`."""
    lines = [
        json.dumps({name: data if data is None else data.hex() for name, data in vars(question).items()})
        for question in questions
    ]
    done = subprocess.run(
        [verifier], input="\n".join(lines), capture_output=True, text=True, check=True, timeout=60
    )
    answers = done.stdout.splitlines()
    assert len(answers) == len(questions)
    return answers


def accepted(verifier: Path, questions: Sequence[Question]) -> list[Question]:
    answers = ask(verifier, questions)
    return [question for question, answer in zip(questions, answers, strict=True) if answer == "accepted"]


def test_the_reference_library_accepts_every_proof(verifier: Path) -> None:
    questions = []
    for tree in map(Tree, SIZES):
        questions += [
            tree.question(b"key %d" % number) for number in range(min(60, len(tree.reference.rows)))
        ]
        questions += [tree.question(b"absent %d" % number) for number in range(60)]
    assert accepted(verifier, questions) == questions


def test_the_reference_library_refuses_other_questions(verifier: Path) -> None:
    tree = Tree(400)
    newer = update(tree.pages, tree.root, {b"key 9": b"new"}).root
    member, other = tree.question(b"key 7"), tree.question(b"key 8")
    absent = tree.question(b"absent 7")
    questions = [
        Question(newer, member.proof, member.key, member.value),
        Question(member.root, member.proof, member.key, b"some other value"),
        Question(member.root, member.proof, other.key, member.value),
        Question(member.root, other.proof, member.key, member.value),
        Question(member.root, member.proof, member.key, None),
        Question(member.root, absent.proof, member.key, None),
        Question(newer, absent.proof, absent.key, None),
        Question(absent.root, absent.proof, absent.key, b"some value"),
        Question(absent.root, member.proof, absent.key, None),
    ]
    # Between other neighbours there is no room for this key.
    for number in range(30):
        key = b"absent %d" % number
        proof = tree.proof(key)
        if (
            proof[proof.index(key) + len(key) :]
            != absent.proof[absent.proof.index(absent.key) + len(absent.key) :]
        ):
            questions.append(Question(absent.root, proof, absent.key, None))
    assert len(questions) > 30
    assert accepted(verifier, questions) == []


def changed_bytes(proof: bytes, start: int) -> Iterator[bytes]:
    for at in range(start, len(proof)):
        for bit in (0x01, 0x80):
            yield proof[:at] + bytes([proof[at] ^ bit]) + proof[at + 1 :]


@pytest.mark.parametrize("key", [b"key 3", b"absent 3", b"absent 4"])
def test_the_reference_library_refuses_every_changed_proof(verifier: Path, key: bytes) -> None:
    asked = Tree(33).question(key)
    # The key inside a NonExistenceProof is a label: a verifier uses the one it asks about. All behind it counts.
    start = 0 if asked.value is not None else asked.proof.index(key) + len(key)
    questions = [Question(asked.root, proof, key, asked.value) for proof in changed_bytes(asked.proof, start)]
    assert len(questions) > 400
    assert accepted(verifier, questions) == []
