"""A chain whose validators change, and whoever signs for them, rightly or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ledger import checkpoint, note
from ledger.block import Header
from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.epochs import Epochs, TileLinks
from ledger.genesis import genesis_policy
from ledger.hashing import sha256
from ledger.merkle import root_of_hashes
from ledger.note import Note
from ledger.policy import Policy
from ledger.records.validators import REQUIRED, possession_message
from ledger.rows import VALIDATORS_BEFORE_KEY, VALIDATORS_KEY
from ledger.state import prove
from ledger.tiles import inclusion_proof
from ledger.transitions import Transition, Transitions
from tests.chains import ORIGIN, Chain, key, validator_name


@dataclass
class Signer:
    """A validator's private side: which generation of its keys is in force."""

    name: str
    generation: int = 0

    def seed(self, purpose: str) -> str:
        number = self.name.removeprefix(validator_name(0)[:-1])
        return f"{purpose} {number}" if not self.generation else f"{purpose} {self.name} {self.generation}"


@dataclass
class Changing:
    """A chain whose validators change; it keeps the transitions, and can sign anything with anybody's keys."""

    count: int = 1
    chain: Chain = field(init=False)
    steps: list[Transition] = field(default_factory=list)
    sets: list[list[Signer]] = field(default_factory=list)
    """Who signs, by epoch."""
    closings: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chain = Chain(self.count)
        self.sets.append([Signer(validator_name(number)) for number in range(self.count)])

    @property
    def policy(self) -> Policy:
        return genesis_policy(self.chain.genesis)

    @property
    def transitions(self) -> Transitions:
        return Transitions(self.policy.format(), tuple(self.steps))

    def documents(self, blocks: int = 1) -> None:
        proposer = self.sets[-1][0].seed("header")
        for _ in range(blocks):
            self.chain.add([self.chain.entry(self.chain.documents(1))], proposer=proposer)

    def rotate(self, which: int, *purposes: str) -> None:
        """Give one validator new keys, and keep the transition."""
        old = self.sets[-1]
        signers = [replace(one) for one in old]
        signers[which].generation += 1
        one = signers[which]
        body: dict[str, Value] = {"authority": "office", "set": len(self.steps), "validator": one.name}
        for purpose in purposes or REQUIRED:
            new = key(one.seed(purpose))
            message = possession_message(self.chain.genesis.chain_id, one.name, purpose, new.public_key)
            body |= {f"{purpose}_key": new.public_key, f"{purpose}_possession": new.sign(message)}
        record = encode_record("validator.set/1", body)
        header = self.chain.add([self.chain.entry([record], by="admin")], proposer=old[0].seed("header"))
        self.closings.append(header.size)
        self.steps.append(self.transition(header, self.sign(header.size, old)))
        self.sets.append(signers)

    def transition(self, header: Header, text: str) -> Transition:
        state = self.chain.state
        proofs = [
            prove(state, header.state_root, name, self._row)
            for name in (VALIDATORS_KEY, VALIDATORS_BEFORE_KEY)
        ]
        path = tuple(inclusion_proof(self.chain, header.size - 1, header.size))
        return Transition(text, header.leaf(), path, *proofs)

    def _row(self, key_hash: bytes) -> tuple[bytes, bytes] | None:
        return next(((k, v) for k, v in self.chain.state.rows.items() if sha256(k) == key_hash), None)

    def root(self, size: int) -> bytes:
        return root_of_hashes(self.chain._leaf_hashes(size))

    def sign(
        self, size: int, signers: Sequence[Signer], *, root: bytes | None = None, time_s: int | None = None
    ) -> str:
        """A checkpoint signed as the log and cosigned by some keys, whether they should or not."""
        body = checkpoint.body(ORIGIN, size, self.root(size) if root is None else root)
        time_s = self.chain.genesis.time_ms // 1000 + size if time_s is None else time_s
        lines = [note.sign_log(body, ORIGIN, key(one.seed("log"))) for one in signers]
        lines += [checkpoint.cosign(body, one.name, key(one.seed("cosigning")), time_s) for one in signers]
        return note.format(Note(body, tuple(lines)))

    def epochs(self, *, linked: bool = True) -> Epochs:
        return Epochs.follow(
            self.policy, self.transitions, TileLinks(self.chain, self.chain.size) if linked else None
        )
