"""Writes the conformance vectors in tests/vectors/, golden blocks included. `--check` demands that nothing would change."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.vectorgen import all_cases  # noqa: E402  the checkout's own packages, wherever this is run from
from tests.vectorgen.golden import golden_files  # noqa: E402

VECTORS = ROOT / "tests" / "vectors"
README = "README.md"


def main() -> int:
    """Write the files, or with --check compare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if something would change")
    check = parser.parse_args().check
    wanted = wanted_files()
    found = found_files()
    stale = sorted(path for path in found.keys() - wanted.keys())
    changed = sorted(path for path, text in wanted.items() if found.get(path) != text)
    if not check:
        for path in stale:
            (VECTORS / path).unlink()
        for path in changed:
            (VECTORS / path).parent.mkdir(parents=True, exist_ok=True)
            (VECTORS / path).write_text(wanted[path], encoding="utf-8")
    print(f"{len(wanted)} files: {len(changed)} new or changed, {len(stale)} no longer made")
    if check and (changed or stale):
        print(
            "tests/vectors/ is not what the code makes: run scripts/vectors.py and read the diff",
            file=sys.stderr,
        )
        for path in [*changed, *stale][:20]:
            print(f"  {path}", file=sys.stderr)
        return 1
    return 0


def wanted_files() -> dict[str, str]:
    """Path below tests/vectors/ and content of every file."""
    files: dict[str, str] = {}
    for case in all_cases():
        if case.path in files:
            raise ValueError(f"two vectors are called {case.path}")
        files[case.path] = case.text()
    return files | golden_files()


def found_files() -> dict[str, str]:
    """The same, of the files that are there; the README is written by hand."""
    return {
        path.relative_to(VECTORS).as_posix(): path.read_text(encoding="utf-8")
        for path in VECTORS.rglob("*")
        if path.is_file() and path.name != README
    }


if __name__ == "__main__":
    sys.exit(main())
