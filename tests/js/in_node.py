"""The browser's verifier run by node, where that is at hand: the harness of this folder, fed over standard input."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HARNESS = Path(__file__).resolve().parent
VERIFY = HARNESS.parents[1] / "api" / "pages" / "static" / "verify"
SAFE = 2**53 - 1
_SECONDS = 120


def outgoing(value: Any) -> Any:  # noqa: ANN401  JSON
    """Integers beyond what JavaScript's numbers hold travel as {"int": "…"}."""
    if isinstance(value, dict):
        return {name: outgoing(item) for name, item in value.items()}
    if isinstance(value, list):
        return [outgoing(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -SAFE <= value <= SAFE:
        return {"int": str(value)}
    return value


def incoming(value: Any) -> Any:  # noqa: ANN401  JSON
    """The way back: what the verifier holds as BigInt is a plain integer again."""
    if isinstance(value, dict):
        if value.keys() == {"int"}:
            return int(value["int"])
        return {name: incoming(item) for name, item in value.items()}
    return [incoming(item) for item in value] if isinstance(value, list) else value


def node_program() -> str | None:
    """The program, or None."""
    return shutil.which("node")


def run_in_node(place: Path, program: str, inputs: Mapping[str, Mapping[str, Any]]) -> Any:  # noqa: ANN401  JSON
    """Outcomes by family of vectors and name, of inputs likewise; `place` is an empty folder."""
    (place / "verify").symlink_to(VERIFY)
    (place / "js").symlink_to(HARNESS)
    (place / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    # Node 18, which is Debian 12's, has WebCrypto, but not where browsers and later ones have it.
    (place / "crypto.js").write_text(
        'import { webcrypto } from "node:crypto";\nglobalThis.crypto ??= webcrypto;\n', encoding="utf-8"
    )
    (place / "run.js").write_text(
        'import "./crypto.js";\nimport { runFolder } from "./js/harness.js";\nimport { readFileSync } from "node:fs";\n'
        'const all = JSON.parse(readFileSync(0, "utf8"));\nconst outcomes = {};\n'
        "for (const [name, text] of Object.entries(all)) outcomes[name] = JSON.parse(await runFolder(name, text));\n"
        "process.stdout.write(JSON.stringify(outcomes));\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [program, "--preserve-symlinks", "--preserve-symlinks-main", str(place / "run.js")],
        input=json.dumps({family: json.dumps(outgoing(some)) for family, some in inputs.items()}),
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return incoming(json.loads(done.stdout))
