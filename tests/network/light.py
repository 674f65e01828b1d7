"""A light client: it holds the policy and the newest checkpoint that it has seen, and asks now this node, now that one.

Whatever it is given is judged twice, by the library and by the verifier that browsers run (in node, where that is at hand),
and both must say the same.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from api.client import Client
from api.remote_log import RemoteLog
from ledger import evidence as evidences
from ledger import tiles, tlog_proof
from ledger.checkpoint import Checkpoint, parse
from ledger.errors import CannotTellError, FormatError, LedgerError, VerificationError
from ledger.genesis import Genesis, genesis_policy
from tests.js.in_node import node_program, run_in_node
from tests.vectorgen.run import run

Asked = dict[str, dict[str, dict[str, Any]]]
"""Inputs by the family of vectors (`tests/vectorgen/run.py`) and a name."""

_FAMILIES = (("format", FormatError), ("verification", VerificationError), ("cannot-tell", CannotTellError))


class LightClient:
    """Keeps what it was given, honestly and by liars, and judges it."""

    def __init__(self, genesis: Genesis) -> None:
        self._policy = genesis_policy(genesis).format()
        self._chain_id = genesis.chain_id.hex()
        self._newest: Checkpoint | None = None
        self._receipts: list[str] = []
        self.honest: Asked = {}
        self.lies: Asked = {}

    @property
    def size(self) -> int:
        """Tree size of the newest checkpoint that it has seen."""
        return 0 if self._newest is None else self._newest.size

    def ask(self, name: str, port: int, entry_id: str) -> None:
        """Ask a node for all there is about the first record of an entry, and how its log has grown since the last time."""
        with Client(f"http://127.0.0.1:{port}") as client:
            log = RemoteLog(client)
            self._keep("policy-check", name, checkpoint=log.checkpoint())
            self._follow(name, log)
            record_id = client.entry(bytes.fromhex(entry_id)).record_ids[0]
            receipt = client.receipt(record_id)
            self._receipts.append(receipt)
            self._keep("receipt", name, text=receipt)
            self._keep("history", name, parts=[part.hex() for part in client.history(record_id)])
            compact = client.compact_receipt(record_id).encoded()
            self._keep("compact-receipt", name, hex=compact.hex(), chain_id=self._chain_id)

    def _follow(self, name: str, log: RemoteLog) -> None:
        now = parse(log.checkpoint())
        before, self._newest = self._newest, now
        if before is not None:
            proof = tiles.consistency_proof(log, before.size, now.size)
            self.honest.setdefault("consistency", {})[name] = {
                "size1": before.size,
                "size2": now.size,
                "proof": [step.hex() for step in proof],
                "root1": before.root.hex(),
                "root2": now.root.hex(),
            }

    def be_lied_to(self, name: str, evidence_text: str) -> None:
        """A checkpoint of another history, by itself, under an honest receipt and as what the log has grown to; and what honest
        nodes have given, altered on its way.
        """
        lie = evidences.parse(evidence_text).earlier_text
        self._keep("policy-check", name, into=self.lies, checkpoint=lie)
        receipt = tlog_proof.parse(self._receipts[-1])
        for how, forged in (
            ("under another history", replace(receipt, checkpoint_text=lie)),
            ("at another place", replace(receipt, index=receipt.index - 1)),
            ("without its path", replace(receipt, path=receipt.path[:-1])),
        ):
            self._keep("receipt", f"{name}, {how}", into=self.lies, text=tlog_proof.format(forged))
        for grown in self.honest["consistency"].values():
            lies = self.lies.setdefault("consistency", {})
            lies[f"{name}, to another history"] = {**grown, "root2": parse(lie).root.hex()}
            lies[f"{name}, from another history"] = {**grown, "root1": parse(lie).root.hex()}
        for history in list(self.honest["history"].values()):
            *parts, last = history["parts"]
            self._keep("history", f"{name}, altered", into=self.lies, parts=[*parts, altered(last)])
        for compact in list(self.honest["compact-receipt"].values()):
            self.lies.setdefault("compact-receipt", {})[f"{name}, altered"] = {
                **compact,
                "hex": altered(compact["hex"]),
            }

    def _keep(self, family: str, name: str, *, into: Asked | None = None, **given: Any) -> None:  # noqa: ANN401  JSON
        asked = self.honest if into is None else into
        asked.setdefault(family, {})[name] = {**given, "policy": self._policy}

    def judge(self, folder: Path) -> bool:
        """Judge all of it. Returns whether the browser's verifier was asked too."""
        for family, inputs in self.honest.items():
            for name, given in inputs.items():
                answer = run(family, given)
                assert answer.get("verdict", "in-force") == "in-force", (family, name, answer)
        for family, inputs in self.lies.items():
            for name, given in inputs.items():
                answer = outcome(family, given)
                assert "error" in answer or answer["result"]["verdict"] in {
                    "does-not-match",
                    "cannot-tell",
                }, (
                    family,
                    name,
                )
        program = node_program()
        if program is None:
            return False
        for number, asked in enumerate((self.honest, self.lies)):
            place = folder / f"browser-{number}"
            place.mkdir()
            said = run_in_node(place, program, asked)
            for family, inputs in asked.items():
                for name, given in inputs.items():
                    assert said[family][name] == outcome(family, given), (family, name)
        return True


def altered(text: str) -> str:
    """Octets in hexadecimal of which one in the middle is another."""
    data = bytearray.fromhex(text)
    data[len(data) // 2] ^= 1
    return data.hex()


def outcome(family: str, given: dict[str, Any]) -> dict[str, Any]:
    """What the library says, in the words of the harness."""
    try:
        return {"result": run(family, given)}
    except LedgerError as error:
        kind = next(name for name, one in _FAMILIES if isinstance(error, one))
        return {"error": {"family": kind, "rule": error.rule}}
