"""One vector: what goes in, and what must come out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ledger.encoding import Value
from tests.vectorgen.run import run

Vector = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A vector and the folder and name it is filed under."""

    folder: str
    name: str
    vector: Vector

    @property
    def path(self) -> str:
        """Path below `tests/vectors/`."""
        return f"{self.folder}/{self.name}.json"

    def text(self) -> str:
        """The file's content."""
        return json.dumps(self.vector, ensure_ascii=False, indent=1) + "\n"


def good(folder: str, name: str, desc: str, **inputs: object) -> Case:
    """A vector that must be accepted; the result is computed."""
    shown = to_json(inputs)
    return Case(folder, name, {"desc": desc, "input": shown, "result": run(folder, shown)})


def bad(folder: str, name: str, desc: str, rule: str, family: str = "format", **inputs: object) -> Case:
    """A vector that must fail; family and rule are stated by whoever made it."""
    error = {"family": family, "rule": rule}
    return Case(folder, name, {"desc": desc, "input": to_json(inputs), "error": error})


def verdict(folder: str, name: str, desc: str, expected: str, rule: str, **inputs: object) -> Case:
    """A vector of the families that end in a verdict, which is stated by whoever made it."""
    shown = to_json(inputs)
    result = run(folder, shown) | {"verdict": expected, "rule": rule}
    return Case(folder, name, {"desc": desc, "input": shown, "result": result})


def to_json(value: Any) -> Any:  # noqa: ANN401  anything that JSON can hold, and bytes
    """Bytes as hexadecimal, tuples as lists."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def flip(data: bytes, at: int, bit: int = 0) -> bytes:
    """`data` with one bit changed; negative places count from the end."""
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    return bytes(changed)


def changed(value: list[Value], at: int, item: Value) -> list[Value]:
    """A copy of an array with another item in one place."""
    return [*value[:at], item, *value[at:][1:]]
