"""Fills the worked examples and field tables of docs/spec.md from the code. `--check` demands that nothing would change."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ledger.encoding import Value, encode  # noqa: E402  the checkout's own packages, wherever this is run from
from ledger.entry import entry_id, parse_leaf  # noqa: E402
from ledger.hashing import leaf_hash, sha256  # noqa: E402
from ledger.receipt import verify  # noqa: E402
from ledger.records import record_types  # noqa: E402
from ledger.rows import (  # noqa: E402
    VALIDATORS_BEFORE_KEY,
    VALIDATORS_KEY,
    SubjectRow,
    entry_key,
    history_leaf,
    key_key,
    subject_key,
)
from ledger.rules import Place  # noqa: E402
from ledger.state import prove  # noqa: E402
from node.receipts import FinalView  # noqa: E402
from tests.chains import Chain, key  # noqa: E402
from tests.changing import Changing  # noqa: E402
from tests.vectorgen.certificate_keys import CLERK, ISSUED, RENEWAL, desk_of_keys  # noqa: E402
from tests.vectorgen.certificates import CERTIFICATE  # noqa: E402

SPEC = ROOT / "docs" / "spec.md"
_BLOCK = re.compile(r"(<!-- example: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WIDTH = 100


def example_chain() -> Chain:
    """The ledger of the examples: a genesis block, and one block with one entry of two documents."""
    chain = Chain()
    chain.add([chain.entry(chain.documents(2))])
    return chain


def main() -> int:
    """Write docs/spec.md, or with --check compare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if something would change")
    check = parser.parse_args().check
    before = SPEC.read_text(encoding="utf-8")
    after = fill(before)
    if before == after:
        return 0
    if check:
        print("docs/spec.md does not say what the code does: run scripts/spec.py", file=sys.stderr)
        return 1
    SPEC.write_text(after, encoding="utf-8")
    return 0


def fill(text: str) -> str:
    """The specification with every example made anew."""
    chain = example_chain()

    def example(match: re.Match[str]) -> str:
        return f"{match[1]}{EXAMPLES[match['name']](chain)}\n{match[3]}"

    return _BLOCK.sub(example, text)


def _fenced(*pairs: tuple[str, bytes | str]) -> str:
    lines = []
    for name, value in pairs:
        shown = value.hex() if isinstance(value, bytes) else value
        lines.append(f"{name}")
        lines += [f"    {shown[at : at + _WIDTH]}" for at in range(0, len(shown), _WIDTH)] or ["    (empty)"]
    return "```\n" + "\n".join(lines) + "\n```"


def _encoding(_: Chain) -> str:
    values: tuple[Value, ...] = (
        None,
        True,
        0,
        127,
        128,
        -1,
        -33,
        2**53 - 1,
        "Sổ",
        b"\x00\xff",
        [1, [2, []]],
        {"a": 1, "b": None},
    )
    rows = [f"| `{value!r}` | `{encode(value).hex()}` |" for value in values]
    return "\n".join(["| value | bytes |", "|---|---|", *rows])


def _genesis(chain: Chain) -> str:
    leaf = chain.genesis.leaf()
    return _fenced(
        ("genesis leaf", leaf), ("chain_id", chain.genesis.chain_id), ("leaf hash, index 0", leaf_hash(leaf))
    )


def _entry(chain: Chain) -> str:
    leaf, records = chain.leaves[2], chain.records[2]
    body, signature = parse_leaf(leaf)
    pairs: list[tuple[str, bytes | str]] = []
    for number, record in enumerate(records):
        pairs += [(f"record {number}", record), (f"record {number}: id", leaf_hash(record))]
    signed = b"sogoc/v1/entry\x00" + body.encoded()
    pairs += [
        ("body", body.encoded()),
        ("signed bytes", signed),
        ("signature", signature),
        ("entry leaf, index 2", leaf),
        ("leaf hash", leaf_hash(leaf)),
        ("seed of the author's key (for these examples only)", key("office").seed),
        ("entry_id", _entry_id(leaf)),
    ]
    return _fenced(*pairs)


def _entry_id(leaf: bytes) -> bytes:
    return entry_id(parse_leaf(leaf)[0].encoded())


def _header(chain: Chain) -> str:
    return _fenced(
        ("header leaf of height 0, index 1", chain.leaves[1]),
        ("its leaf hash", leaf_hash(chain.leaves[1])),
        ("header leaf of height 1, index 3", chain.leaves[3]),
        ("its leaf hash", leaf_hash(chain.leaves[3])),
        ("proposer's signature over header 1", chain.records[3][0]),
        ("tree root at size 4", chain.root),
    )


def _state(chain: Chain) -> str:
    root = chain.headers[-1].state_root
    body = parse_leaf(chain.leaves[2])[0]
    present, absent = key_key(body.author_key), subject_key("document", "office", bytes(32))
    by_hash = {sha256(row): (row, value) for row, value in chain.state.rows.items()}
    pairs: list[tuple[str, bytes | str]] = [("state root after height 1", root)]
    entry_row = entry_key(_entry_id(chain.leaves[2]))
    for name, row in (("entry row", entry_row), ("author key row", present)):
        pairs += [(f"{name}: key", row), (f"{name}: value", chain.state.rows[row])]
    for name, row in (
        ("membership proof, author key row", present),
        ("absence proof, a document nobody anchored", absent),
    ):
        pairs.append((name, encode(prove(chain.state, root, row, by_hash.get).to_value())))
    return _fenced(*pairs)


def _record_types(_: Chain) -> str:
    parts = []
    for name, record_type in record_types().items():
        roles = " or ".join(sorted(record_type.roles))
        parts += [
            f"### `{name}`",
            "",
            f"{record_type.meaning} Roles: {roles}.{' A successor may author it.' if record_type.by_successor else ''}",
            "",
            "| field | rule | required | meaning |",
            "|---|---|---|---|",
        ]
        parts += [
            f"| `{field.name}` | {field.kind.describe()} | {'yes' if field.required else 'no'} | {field.meaning} |"
            for field in sorted(record_type.fields, key=lambda field: field.name)
        ]
        parts.append("")
    return "\n".join(parts).rstrip()


def _epochs(_: Chain) -> str:
    made = Changing()
    made.documents()
    made.rotate(0)
    (step,) = made.steps
    second = made.epochs().newest
    return _fenced(
        ("validators row after height 2", made.chain.state.rows[VALIDATORS_KEY]),
        ("validators-before row", made.chain.state.rows[VALIDATORS_BEFORE_KEY]),
        ("file of transitions", made.transitions.encoded()),
        ("its one header leaf", step.header_leaf),
        (f"policy of the second epoch, from size {second.from_size} on", second.policy.format().encode()),
    )


def _checkpoint(chain: Chain) -> str:
    return f"The policy:\n\n```\n{chain.policy.format()}```\n\nThe checkpoint at size 4:\n\n```\n{chain.checkpoint()}```"


def _receipt(chain: Chain) -> str:
    with tempfile.TemporaryDirectory() as directory:
        store = chain.write_store(Path(directory) / "ledger")
        try:
            receipt = FinalView(store, chain.checkpoint()).receipt(Place(2, 1))
        finally:
            store.close()
    verify(receipt, chain.policy)
    return f"The receipt of record 1 of the entry above:\n\n```\n{receipt.text()}```"


def _certificate_proof(_: Chain) -> str:
    desk = desk_of_keys((ISSUED, "office"), (RENEWAL, CLERK))
    proof = desk.proof()
    row = SubjectRow.parse(desk.ledger.state.rows[subject_key("certificate", "office", CERTIFICATE)])
    pairs: list[tuple[str, bytes | str]] = []
    for number, item in enumerate(proof.records):
        leaf = history_leaf(item.entry_id, item.record_index, leaf_hash(item.record))
        pairs += [
            (f"record {number}", item.record),
            (f"record {number}: entry_body", item.entry_body),
            (f"record {number}: entry_id", item.entry_id),
            (f"record {number}: leaf hash in the history", leaf),
        ]
    pairs.append(("root in the subject's row", row.history.root()))
    for key_proof in proof.keys:
        pairs += [("key proof: key", key_proof.key), ("key proof: value", key_proof.value or b"")]
    pairs.append(("SHA-256 of the file", sha256(proof.encoded())))
    return (
        "A certificate that one key issued and another one renewed; the file is `data` in "
        f"`certificate-proof/renewed-by-another.json` of the vectors:\n\n{_fenced(*pairs)}"
    )


EXAMPLES: dict[str, Callable[[Chain], str]] = {
    "encoding": _encoding,
    "genesis": _genesis,
    "entry": _entry,
    "header": _header,
    "state": _state,
    "record-types": _record_types,
    "checkpoint": _checkpoint,
    "epochs": _epochs,
    "receipt": _receipt,
    "certificate-proof": _certificate_proof,
}


if __name__ == "__main__":
    sys.exit(main())
