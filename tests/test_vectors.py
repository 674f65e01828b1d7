"""The conformance vectors: this library gives what every file in `tests/vectors/` says, and the files are up to date.

The files are read as another implementation would read them: nothing here knows how they were made. The network is cut off.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ledger.encoding import decode, encode
from ledger.errors import CannotTellError, FormatError, LedgerError, RefusedError, VerificationError
from ledger.records import record_types
from ledger.rules import is_late
from scripts import vectors as script
from tests.vectorgen.run import RUNNERS, run

pytestmark = pytest.mark.usefixtures("no_network")

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "vectors"
FAMILIES: dict[str, type[LedgerError]] = {
    "format": FormatError,
    "verification": VerificationError,
    "cannot-tell": CannotTellError,
    "refused": RefusedError,
}
JUDGED = ("certificate-proof", "document", "receipt")
"""Folders whose vectors end in a verdict."""
VERDICTS = {"in-force", "does-not-match", "cannot-tell", "no-longer-in-force"}

Vector = dict[str, Any]


@cache
def load(folder: str) -> dict[str, Vector]:
    """The vectors of a folder by name."""
    files = sorted((VECTORS / folder).glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


def outcome(folder: str, vector: Vector) -> Vector:
    """What the library says of a vector, in the vector's own words."""
    try:
        return {"result": run(folder, vector["input"])}
    except LedgerError as error:
        family = next(name for name, kind in FAMILIES.items() if type(error) is kind)
        return {"error": {"family": family, "rule": error.rule}}


@pytest.mark.parametrize("folder", sorted(RUNNERS))
def test_every_vector_gives_what_it_says(folder: str) -> None:
    vectors = load(folder)
    assert vectors
    wrong = {}
    for name, vector in vectors.items():
        expected = {part: vector[part] for part in ("result", "error") if part in vector}
        got = outcome(folder, vector)
        if got != expected:
            wrong[name] = (vector["desc"], expected, got)
    assert not wrong


def test_the_folders_are_those_that_are_run() -> None:
    folders = {path.name for path in VECTORS.iterdir() if path.is_dir()}
    assert folders == {*RUNNERS, "golden"}
    assert {path.name for path in VECTORS.iterdir() if path.is_file()} == {"README.md"}


def test_the_readme_tells_of_every_folder_and_of_the_number_of_golden_blocks() -> None:
    text = (VECTORS / "README.md").read_text(encoding="utf-8")
    for folder in (*RUNNERS, "golden"):
        assert f"`{folder}/`" in text
    assert f"a ledger of {len(list((VECTORS / 'golden').glob('*.json')))} blocks" in text


@pytest.mark.parametrize("folder", sorted(RUNNERS))
def test_every_file_has_the_documented_shape(folder: str) -> None:
    for name, vector in load(folder).items():
        assert vector.keys() - {"result", "error"} == {"desc", "input"}, name
        assert ("result" in vector) != ("error" in vector), name
        assert vector["desc"], name
        if "error" in vector:
            assert vector["error"].keys() == {"family", "rule"}, name
            assert vector["error"]["family"] in FAMILIES, name
        if folder in JUDGED:
            assert vector["result"]["verdict"] in VERDICTS, name


@pytest.mark.parametrize("folder", sorted(RUNNERS))
def test_every_family_has_both_kinds_of_vectors(folder: str) -> None:
    vectors = load(folder).values()
    if folder in JUDGED:
        assert len({vector["result"]["verdict"] for vector in vectors}) >= 3
    else:
        assert any("result" in vector for vector in vectors)
        assert any("error" in vector for vector in vectors)


@pytest.mark.parametrize("folder", JUDGED)
def test_every_verdict_is_among_them(folder: str) -> None:
    assert {vector["result"]["verdict"] for vector in load(folder).values()} == VERDICTS


def test_no_two_vectors_of_a_folder_have_the_same_input() -> None:
    for folder in RUNNERS:
        seen: dict[str, str] = {}
        for name, vector in load(folder).items():
            shown = json.dumps(vector["input"], sort_keys=True)
            assert seen.setdefault(shown, name) == name, f"{folder}: {name} repeats {seen[shown]}"


def test_every_field_of_every_record_type_has_wrong_vectors() -> None:
    names = load("record").keys()
    for record_type in record_types().values():
        for field in record_type.fields:
            prefix = f"{record_type.name.replace('/', '-')}.{field.name}."
            wrong = [name for name in names if name.startswith(prefix) and "error" in load("record")[name]]
            assert len(wrong) >= 5, prefix


def untyped(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        if "hex" in value:
            return bytes.fromhex(value["hex"])
        return {name: untyped(item) for name, item in value["map"].items()}
    return [untyped(item) for item in value] if isinstance(value, list) else value


def test_the_encoding_s_values_encode_to_their_bytes() -> None:
    for name, vector in load("encoding").items():
        if "result" in vector:
            data = bytes.fromhex(vector["input"]["hex"])
            assert encode(untyped(vector["result"]["value"])) == data, name
            assert encode(decode(data)) == data, name


def test_a_late_receipt_is_flagged_and_no_other() -> None:
    late = {name for name, vector in load("receipt").items() if vector["result"].get("late")}
    assert late == {"late"}
    assert is_late(0, 24 * 3600 * 1000 + 1)


def test_receipts_change_their_verdict_with_any_one_letter() -> None:
    """An in-force receipt with no signature to spare stays in force under no change of a letter."""
    vector = load("receipt")["document"]
    head, checkpoint, signatures = vector["input"]["text"].split("\n\n")
    log, *_, first, second, third = signatures.splitlines(keepends=True)
    text = f"{head}\n\n{checkpoint}\n\n{log}{first}{second}{third}"
    assert outcome("receipt", {"input": {**vector["input"], "text": text}})["result"]["verdict"] == "in-force"
    accepted = []
    for at in range(0, len(text), 3):
        letter = "A" if text[at] != "A" else "B"
        changed = {**vector["input"], "text": text[:at] + letter + text[at + 1 :]}
        if outcome("receipt", {"input": changed})["result"]["verdict"] == "in-force":
            accepted.append(at)
    assert not accepted


SCRIPT = ROOT / "scripts" / "vectors.py"


def check(root: Path) -> subprocess.CompletedProcess[str]:
    """`scripts/vectors.py --check` on a checkout."""
    command = [sys.executable, str(root / "scripts" / "vectors.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_vectors_are_what_the_script_makes() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_a_missing_and_a_stale_vector_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = shutil.copytree(VECTORS, tmp_path / "vectors")
    (vectors / "record" / "old.json").write_text("{}\n", encoding="utf-8")
    (vectors / "golden" / "03.json").unlink()
    empty = vectors / "encoding" / "array-empty.json"
    empty.write_text(empty.read_text(encoding="utf-8").replace("90", "80"), encoding="utf-8")
    # What it makes is known: the test above has made it, and found it equal to what lies here.
    made = script.found_files()
    monkeypatch.setattr(script, "VECTORS", vectors)
    monkeypatch.setattr(script, "wanted_files", lambda: made)
    monkeypatch.setattr("sys.argv", ["vectors.py", "--check"])
    assert script.main() == 1
    said = capsys.readouterr()
    assert "2 new or changed, 1 no longer made" in said.out
    for name in ("record/old.json", "golden/03.json", "encoding/array-empty.json"):
        assert name in said.err
