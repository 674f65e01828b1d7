"""A town hall in memory: members with keys, the product's rules and their twin side by side.

A `Hall` brings one record after another to `ledger.rules` and to `tests.twins.governance`, and demands the same answer and the
same rows. Signatures of entries are left out: the rules do not look at them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ledger import merkle
from ledger.encoding import Value
from ledger.entry import Entry, EntryBody, encode_record
from ledger.errors import RefusedError
from ledger.genesis import DEFAULT_PARAMETERS, KEY_GRACE, TIME_AHEAD, Genesis, GenesisKey, GenesisMember
from ledger.hashing import leaf_hash
from ledger.records.governance import ProposalRow, proposal_key
from ledger.records.members import possession_message
from ledger.records.validators import possession_message as validator_message
from ledger.rows import KeyRow, MemberRow, SubjectRow, genesis_rows, key_key, member_key, subject_key
from ledger.rules import Overlay, ParsedEntry, apply_entry
from tests.chains import START_MS, State, key, make_genesis
from tests.reference_rules import Json
from tests.twins.governance import GovernanceTwin

DAY_MS = 24 * 3600 * 1000
ADMINISTRATORS = ("bac-son", "ngoc-trao", "phu-son", "quang-trung", "thi-xa")
"""In ascending order; a hall has the first so many of them."""
COOP = "htx-dua"
"""A member without a vote; its key `htx-dua` manages keys and is a producer's."""


def make_hall_genesis(administrators: int) -> Genesis:
    """So many administrators, each with the keys `<member>` (administrator) and `<member> office`; and a cooperative."""
    names = ADMINISTRATORS[:administrators]
    members = [
        GenesisMember(name, f"UBND {name}", ("administrator", "key-manager", "office")) for name in names
    ]
    members.append(GenesisMember(COOP, "Hợp tác xã Dứa", ("device", "key-manager", "producer")))
    keys = [GenesisKey(key(name).public_key, name, ("administrator",)) for name in names]
    keys += [GenesisKey(key(f"{name} office").public_key, name, ("office",)) for name in names]
    keys.append(GenesisKey(key(COOP).public_key, COOP, ("key-manager", "producer")))
    keys.append(GenesisKey(key(f"{COOP} device").public_key, COOP, ("device",)))
    return replace(
        make_genesis(),
        members=tuple(sorted(members, key=lambda one: one.id)),
        keys=tuple(sorted(keys, key=lambda one: one.public_key)),
    )


@dataclass
class Hall:
    """The product's state and the twin's; every step is taken by both."""

    administrators: int = 3
    time_ms: int = START_MS + 1000
    index: int = 2
    nonce: int = 0
    state: State = field(init=False)
    twin: GovernanceTwin = field(init=False)
    genesis: Genesis = field(init=False)

    def __post_init__(self) -> None:
        self.genesis = make_hall_genesis(self.administrators)
        self.constant = dict(genesis_rows(self.genesis))
        self.state = State(dict(self.constant))
        self.twin = GovernanceTwin(
            self.genesis.chain_id, DEFAULT_PARAMETERS[TIME_AHEAD], DEFAULT_PARAMETERS[KEY_GRACE]
        )
        for member in self.genesis.members:
            self.twin.members[member.id] = {
                "name": member.name,
                "roles": list(member.roles),
                "time": START_MS,
            }
        self.twin.validators = {one.name: dict(one.keys) for one in self.genesis.validators}
        ends: Json = {"retired": None, "revoked": None, "disputed": None}
        for one in self.genesis.keys:
            self.twin.keys[one.public_key] = {
                "member": one.member,
                "roles": list(one.roles),
                "time": START_MS,
                **ends,
            }

    def send(
        self, by: str, *records: tuple[str, Json], time_ms: int | None = None
    ) -> tuple[str, bool] | None:
        """Bring one entry, in a block of its own: None, or the rule that refuses it and whether for ever."""
        self.nonce += 1
        raws = [encode_record(name, body) for name, body in records]
        claimed_ms = self.time_ms if time_ms is None else time_ms
        body = EntryBody(
            self.genesis.chain_id,
            key(by).public_key,
            self.nonce.to_bytes(16, "big"),
            claimed_ms,
            len(raws),
            merkle.root(raws),
        )
        entry = Entry(body, bytes(64), tuple(raws))
        overlay = Overlay(self.state, self.genesis.chain_id, self.time_ms)
        answer = None
        try:
            apply_entry(overlay, ParsedEntry.of(entry), self.index)
        except RefusedError as error:
            answer = error.rule, error.permanent
            assert overlay.rows == {}
        self.state.rows.update(overlay.rows)
        fields: Sequence[object] = [
            1,
            self.genesis.chain_id,
            body.author_key,
            body.nonce,
            claimed_ms,
            len(raws),
            body.records_root,
        ]
        expected = self.twin.apply(fields, records, self.time_ms, self.index)
        assert (None if answer is None else answer[0]) == expected
        assert self.state.rows == self.constant | self.twin.rows()
        self.twin.next_block()
        self.index += 2
        return answer

    def good(self, by: str, *records: tuple[str, Json]) -> None:
        """Bring an entry that must not be refused."""
        assert self.send(by, *records) is None

    def propose(self, by: str, action: tuple[str, Json], *, days: int = 30) -> bytes:
        """Propose something with the key `by`; gives the proposal's id."""
        record = proposal(action[1]["authority"], action, self.time_ms + days * DAY_MS)
        self.good(by, record)
        return leaf_hash(encode_record(*record))

    def approve(self, by: str, proposer: str, proposal: bytes) -> tuple[str, bool] | None:
        """Vote for a proposal."""
        return self.send(by, approval(by, proposer, proposal))

    # --- what stands in the state -------------------------------------------------------------------------------------

    def member(self, name: str) -> MemberRow:
        return MemberRow.parse(self.state.rows[member_key(name)])

    def key(self, name: str) -> KeyRow:
        return KeyRow.parse(self.state.rows[key_key(key(name).public_key)])

    def proposal(self, proposal: bytes) -> ProposalRow:
        return ProposalRow.parse(self.state.rows[proposal_key(proposal)])

    def history(self, kind: str, authority: str, identifier: str | bytes) -> SubjectRow:
        return SubjectRow.parse(self.state.rows[subject_key(kind, authority, identifier)])

    def register(self, by: str, member: str, name: str, *roles: str, **more: Value) -> tuple[str, Json]:
        """A `key.register/1` of the key `name`."""
        return "key.register/1", {
            "authority": by,
            "member": member,
            "key": key(name).public_key,
            "roles": sorted(roles),
            "possession": self.possession(member, name),
            **more,
        }

    def seat(self, record: tuple[str, Json], name: str) -> tuple[str, Json]:
        """The same `member.*` record, with the key `name` of the member."""
        kind, body = record
        shown = {"key": key(name).public_key, "possession": self.possession(body["member"], name)}
        return kind, body | shown

    def rotate(self, by: str, name: str) -> tuple[str, Json]:
        """A `key.rotate/1` to the key `name`."""
        return "key.rotate/1", {
            "authority": by,
            "key": key(name).public_key,
            "possession": self.possession(by, name),
        }

    def validator(
        self, by: str, number: int, name: str | None = None, /, leaves: str | None = None, **keys: str
    ) -> tuple[str, Json]:
        """A `validator.set/1` of set `number`: the validator `name` gets the keys of these names, by purpose."""
        body: Json = {"authority": by, "set": number}
        if name is not None:
            body["validator"] = name
        if leaves is not None:
            body["leaves"] = leaves
        for purpose, one in keys.items():
            public_key = key(one).public_key
            message = validator_message(self.genesis.chain_id, str(name), purpose, public_key)
            body |= {f"{purpose}_key": public_key, f"{purpose}_possession": key(one).sign(message)}
        return "validator.set/1", body

    def possession(self, member: str, name: str) -> bytes:
        return key(name).sign(possession_message(self.genesis.chain_id, member, key(name).public_key))


def proposal(by: str, action: tuple[str, Json], expires_ms: int) -> tuple[str, Json]:
    """A `governance.propose/1`."""
    return "governance.propose/1", {
        "authority": by,
        "action": encode_record(*action),
        "expires_ms": expires_ms,
    }


def approval(by: str, proposer: str, proposal: bytes) -> tuple[str, Json]:
    return "governance.approve/1", {"authority": by, "proposer": proposer, "proposal": proposal}


def withdrawal(by: str, proposal: bytes) -> tuple[str, Json]:
    return "governance.withdraw/1", {"authority": by, "proposal": proposal}


def admit(by: str, member: str, *roles: str) -> tuple[str, Json]:
    name = f"UBND {member}"
    return "member.register/1", {"authority": by, "member": member, "name": name, "roles": sorted(roles)}


def set_roles(by: str, member: str, *roles: str) -> tuple[str, Json]:
    return "member.roles/1", {"authority": by, "member": member, "roles": sorted(roles)}


def set_parameter(by: str, name: str, value: int) -> tuple[str, Json]:
    return "parameter.set/1", {"authority": by, "name": name, "value": value}


def end_key(verb: str, by: str, member: str, name: str, **more: Value) -> tuple[str, Json]:
    return f"key.{verb}/1", {"authority": by, "member": member, "key": key(name).public_key, **more}


def hand_over(
    by: str, *successors: str, at: int, kind: str = "merge", decision: str | None = None
) -> tuple[str, Json]:
    body: Json = {"authority": by, "successors": sorted(successors), "effective_ms": at, "kind": kind}
    return "succession.handover/1", body | ({} if decision is None else {"decision": decision})


def declare(
    by: str, predecessor: str, *successors: str, at: int, kind: str = "merge", decision: str | None = None
) -> tuple[str, Json]:
    _, body = hand_over(by, *successors, at=at, kind=kind, decision=decision)
    return "succession.declare/1", body | {"predecessor": predecessor}


def cancel(by: str, predecessor: str) -> tuple[str, Json]:
    return "succession.cancel/1", {"authority": by, "predecessor": predecessor}
