"""A chain that is told as a story: the golden blocks (`tests.vectorgen.golden`) are one."""

from __future__ import annotations

from ledger.encoding import decode
from ledger.entry import Entry
from ledger.execution import seal
from ledger.rows import MEMBER
from ledger.rules import ParsedEntry, apply_entries
from node.application import block_commit
from tests.chains import Chain, key
from tests.vectorgen.ledgers import VALIDATORS

MINUTE_MS, DAY_MS = 60_000, 24 * 3600 * 1000


class Story(Chain):
    """A chain that remembers, for each block, what it tells and which rows it set."""

    def __init__(self) -> None:
        super().__init__(VALIDATORS)
        self.header_keys = [f"header {number}" for number in range(VALIDATORS)]
        """Names of the keys with which the validators propose, in their turn."""
        self.told = ["The genesis block: one member with two keys, four validators. Nobody signs it."]

    def tell(self, what: str, *entries: Entry, wait_ms: int = 1000, engine_steps: int = 1) -> None:
        """Add a block; the validators take turns in proposing."""
        header_key = key(self.header_keys[len(self.headers) % VALIDATORS])
        time_ms = self.tip.header.time_ms + wait_ms
        parsed = [ParsedEntry.of(entry) for entry in entries]
        executed = seal(
            self.state,
            self.tip,
            [entry.leaf for entry in entries],
            apply_entries(self.state, self.genesis.chain_id, time_ms, self.tip.size, parsed),
            engine_height=self.tip.header.engine_height + engine_steps,
            time_ms=time_ms,
            proposer=header_key.public_key,
        )
        signature = executed.header.sign(header_key)
        self._keep(executed, block_commit(executed, signature, entries), signature)
        self.told.append(what)

    def member_names(self) -> list[str]:
        """Identifiers of all members, in ascending order."""
        rows = [decode(name) for name in self.state.rows]
        return sorted(str(row[1]) for row in rows if isinstance(row, list) and row[0] == MEMBER)
