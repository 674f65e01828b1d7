"""Members, keys, governance and succession as docs/spec.md tells them, over dictionaries: slow, obvious, no product code.

`GovernanceTwin` is the twin of `tests/reference_rules.py` with the rules of docs/adr/0009. Each method raises the first rule
that refuses, in the order in which the specification lists them.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack  # type: ignore[import-untyped]  # it publishes no type information
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests import reference
from tests.reference_rules import Json, Refusal, Twin, check_alone, pack, pack_record

DAY_MS = 24 * 3600 * 1000
EVERY_ROLE = {
    "administrator",
    "auditor",
    "device",
    "inspector",
    "issuer",
    "key-manager",
    "office",
    "producer",
    "validator",
}
MANAGERS = {"administrator", "key-manager"}
ASKED_ROLES: dict[str, set[str]] = {
    "doc.anchor/1": {"issuer", "office"},
    "member.register/1": {"administrator"},
    "member.roles/1": {"administrator"},
    "key.register/1": MANAGERS,
    "key.rotate/1": EVERY_ROLE,
    "key.retire/1": EVERY_ROLE,
    "key.revoke/1": EVERY_ROLE,
    "parameter.set/1": {"administrator"},
    "governance.propose/1": MANAGERS,
    "governance.approve/1": {"administrator"},
    "governance.withdraw/1": MANAGERS,
    "succession.handover/1": MANAGERS,
    "succession.declare/1": {"administrator"},
    "succession.cancel/1": MANAGERS,
    "validator.set/1": {"administrator"},
}
GOVERNED = {
    "key.register/1",
    "key.retire/1",
    "key.revoke/1",
    "member.register/1",
    "member.roles/1",
    "parameter.set/1",
    "succession.cancel/1",
    "succession.declare/1",
    "validator.set/1",
}
PURPOSES = ("engine", "header", "log", "cosigning", "witness")
SINGLE = {"governance.approve/1", "succession.handover/1", "succession.declare/1", "succession.cancel/1"}
BOUNDS = {"entry-time-ahead-ms": DAY_MS, "key-grace-ms": 90 * DAY_MS}


@dataclass
class GovernanceTwin(Twin):
    """The state, with proposals and successions."""

    proposals: dict[bytes, Json] = field(default_factory=dict)
    successions: dict[str, Json] = field(default_factory=dict)
    validators: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """The set that is in force: by name, then by purpose."""
    used: dict[bytes, list[Any]] = field(default_factory=dict)
    """Keys that were a validator's, with whose, what for, and until when."""
    changed: list[Any] | None = None
    """When the set was changed last, and what it was before."""
    _now: int = 0
    _author_key: bytes = b""
    _speaker: str = ""
    _approved: bool = False
    _history: list[Any] = field(default_factory=list)
    _next: dict[str, int] = field(default_factory=dict)
    """Parameters as they will be from the next block on."""

    def apply(
        self, body: Sequence[Any], records: Sequence[tuple[str, Json]], time_ms: int, index: int
    ) -> str | None:
        """Apply one entry, or say why not; then nothing has changed."""
        before = copy.deepcopy(
            (self.proposals, self.successions, self._next, self.validators, self.used, self.changed)
        )
        self._now, self._author_key = time_ms, body[2]
        refused = super().apply(body, records, time_ms, index)
        if refused is not None:
            self.proposals, self.successions, self._next, self.validators, self.used, self.changed = before
        return refused

    def next_block(self) -> None:
        """Parameters that were set count from now on."""
        self.ahead_ms = self._next.get("entry-time-ahead-ms", self.ahead_ms)
        self.grace_ms = self._next.get("key-grace-ms", self.grace_ms)

    def _apply(
        self, body: Sequence[Any], records: Sequence[tuple[str, Json]], time_ms: int, index: int
    ) -> None:
        raws = [pack_record(name, fields) for name, fields in records]
        if len(set(raws)) < len(raws):
            raise Refusal("entry.records-repeat")
        for name, fields in records:
            check_alone(name, fields)
            check_by_itself(name, fields)
        if len([name for name, _ in records if name in SINGLE]) > 1:
            raise Refusal("entry.single")
        entry_id = hashlib.sha256(b"sogoc/v1/entry\x00" + pack(list(body))).digest()
        if entry_id in self.entries:
            raise Refusal("entry.duplicate")
        if body[1] != self.chain_id:
            raise Refusal("entry.chain")
        if body[4] > time_ms + self.ahead_ms:
            raise Refusal("entry.time-ahead")
        member, roles = self._author(body[2], body[4], time_ms)
        for name, fields in records:
            if fields["authority"] != member:
                raise Refusal("authority.not-acting")
            if not roles & ASKED_ROLES[name]:
                raise Refusal("authority.role")
        self._speaker = member
        for place, (name, fields) in enumerate(records):
            self._history = [entry_id, place, reference.leaf(raws[place])]
            self._record(name, fields, time_ms, self._history)
        self.entries[entry_id] = index

    def _author(self, author: bytes, claimed_ms: int, time_ms: int) -> tuple[str, set[str]]:
        member, roles = super()._author(author, claimed_ms, time_ms)
        ends = (("key.expired", self.keys[author].get("until")), ("member.ended", self._end(member)))
        for rule, end in ends:
            if end is not None and time_ms > end and (claimed_ms > end or time_ms > end + self.grace_ms):
                raise Refusal(rule)
        return member, roles

    def _end(self, member: str) -> int | None:
        end: int | None = self.members[member].get("ended")
        return end

    # --- who may --------------------------------------------------------------------------------------------------------

    def administrators(self) -> list[str]:
        """The members that are administrators now."""
        return sorted(
            name
            for name, one in self.members.items()
            if "administrator" in one["roles"] and not self._over(name, self._now)
        )

    def _over(self, member: str, time_ms: int) -> bool:
        end = self._end(member)
        return end is not None and end <= time_ms

    def _roles_now(self) -> set[str]:
        return set(self.keys[self._author_key]["roles"]) & set(self.members[self._speaker]["roles"])

    def _own_end(self, whom: str) -> None:
        self._current()
        if whom in self.administrators():
            self._administrator()

    def _current(self) -> None:
        key = self.keys[self._author_key]
        until = key.get("until")
        gone = key["retired"] is not None or key["revoked"] is not None
        if gone or (until is not None and self._now > until) or self._over(self._speaker, self._now):
            raise Refusal("key.not-current")

    def _quorum(self) -> None:
        if len(self.administrators()) > 1:
            raise Refusal("governance.quorum")

    def _governed(self) -> None:
        if not self._approved:
            self._current()
            self._quorum()

    def _administrator(self) -> None:
        if not self._approved and "administrator" not in self._roles_now():
            raise Refusal("authority.role")

    def _manager(self, member: str, public_key: bytes, roles: Sequence[str], *, itself: bool) -> None:
        if self._approved:
            return
        self._current()
        held = self._roles_now()
        if member != self._speaker:
            self._administrator()
            self._quorum()
        elif not (
            (itself and public_key == self._author_key)
            or "administrator" in held
            or ("key-manager" in held and "administrator" not in roles)
        ):
            raise Refusal("authority.role")

    # --- what they do ---------------------------------------------------------------------------------------------------

    def _record(self, name: str, fields: Json, time_ms: int, history: list[Any]) -> None:
        if name.startswith("doc."):
            super()._record(name, fields, time_ms, history)
        else:
            self._joins(*self._act(name, fields))

    def _joins(self, subject: tuple[str, str, str | bytes], status: str) -> None:
        """The record being applied joins a subject's history."""
        row = self.subjects.setdefault(subject, {"issue": self._history[2], "time": self._now, "leaves": []})
        row["status"], row["changed"] = status, self._now
        row["leaves"].append(pack(self._history))

    def _act(self, name: str, fields: Json) -> tuple[tuple[str, str, str | bytes], str]:
        """Do what a record says; gives its subject and that subject's status."""
        family, verb = name.removesuffix("/1").split(".")
        match family:
            case "member":
                self._governed()
                self._member_key(verb, fields)
                return ("member", fields["member"], fields["member"]), self._member(verb, fields, self._now)
            case "key":
                member = fields["authority"] if verb == "rotate" else fields["member"]
                return ("key", member, fields["key"]), self._key(verb, fields, self._now)
            case "parameter":
                self._governed()
                self._next[fields["name"]] = fields["value"]
                return ("parameter", fields["name"], fields["name"]), "in-force"
            case "validator":
                self._governed()
                self._set_validator(fields)
                return ("validators", "validators", "validators"), "in-force"
            case "governance":
                return self._governance(verb, fields)
            case _:
                whom = fields["authority"] if verb == "handover" else fields["predecessor"]
                self._succession(verb, whom, fields)
                return ("member", whom, whom), "in-force"

    def _member_key(self, verb: str, fields: Json) -> None:
        """Who becomes an administrator shows a key; whoever is admitted may."""
        member = fields["member"]
        if (member in self.members) == (verb == "register"):
            raise Refusal("member.exists" if verb == "register" else "member.unknown")
        if "key" not in fields:
            votes = "administrator" in fields["roles"]
            if verb == "roles" and votes and "administrator" not in self.members[member]["roles"]:
                raise Refusal("member.key-missing")
            return
        if verb == "roles" and "administrator" not in fields["roles"]:
            raise Refusal("member.key-unasked")
        self._unknown(fields["key"])
        self._new_key(member, fields, fields["roles"] if verb == "register" else ["administrator"], None)
        self._joins(("key", member, fields["key"]), "in-force")

    def _key(self, verb: str, fields: Json, time_ms: int) -> str:
        public_key = fields["key"]
        if verb == "register":
            self._manager(fields["member"], public_key, fields["roles"], itself=False)
            if fields["member"] not in self.members:
                raise Refusal("member.unknown")
            self._unknown(public_key)
            if not set(fields["roles"]) <= set(self.members[fields["member"]]["roles"]):
                raise Refusal("key.roles")
            if "until_ms" in fields and fields["until_ms"] <= time_ms:
                raise Refusal("key.until-past")
            self._new_key(fields["member"], fields, fields["roles"], fields.get("until_ms"))
            return "in-force"
        if verb == "rotate":
            self._current()
            self._unknown(public_key)
            old = self.keys[self._author_key]
            self._new_key(self._speaker, fields, old["roles"], old.get("until"))
            old["retired"] = time_ms
            self._joins(("key", self._speaker, self._author_key), "retired")
            return "in-force"
        if public_key not in self.keys:
            raise Refusal("key.unknown")
        if self.keys[public_key]["member"] != fields["member"]:
            raise Refusal("key.other-member")
        roles = self.keys[public_key]["roles"]
        self._manager(fields["member"], public_key, roles, itself=True)
        status = super()._key(verb, fields, time_ms)
        if verb == "revoke" and not self._approved and public_key == self._author_key:
            held = self._roles_now()
            manages = "administrator" in held or ("key-manager" in held and "administrator" not in roles)
            if not manages and fields["from_ms"] < time_ms - DAY_MS:
                raise Refusal("key.dispute-early")
        return status

    def _new_key(self, member: str, fields: Json, roles: Sequence[str], until: int | None) -> None:
        message = b"sogoc/v1/key-possession\x00" + pack([self.chain_id, member, fields["key"]])
        try:
            Ed25519PublicKey.from_public_bytes(fields["key"]).verify(fields["possession"], message)
        except InvalidSignature as error:
            raise Refusal("key.possession") from error
        self.keys[fields["key"]] = {
            "member": member,
            "roles": roles,
            "time": self._now,
            "until": until,
            "retired": None,
            "revoked": None,
            "disputed": None,
        }

    def _unknown(self, public_key: bytes) -> None:
        if public_key in self.keys:
            raise Refusal("key.exists")
        if self._is_validators(public_key):
            raise Refusal("key.validator")

    # --- validators -----------------------------------------------------------------------------------------------------

    def _is_validators(self, public_key: bytes) -> bool:
        return public_key in self.used or any(public_key in one.values() for one in self.validators.values())

    def _set_validator(self, fields: Json) -> None:  # noqa: C901  rule after rule, as the specification lists them
        history = self.subjects.get(("validators",) * 3)
        if fields["set"] != (len(history["leaves"]) if history else 0):
            raise Refusal("validator.set-number")
        after = copy.deepcopy(self.validators)
        if "leaves" in fields:
            if fields["leaves"] not in after:
                raise Refusal("validator.unknown")
            del after[fields["leaves"]]
        name = fields.get("validator")
        for purpose in PURPOSES:
            if f"{purpose}_key" not in fields:
                continue
            public_key = fields[f"{purpose}_key"]
            if public_key in self.keys or self._is_validators(public_key):
                raise Refusal("validator.key-used")
            message = b"sogoc/v1/key-possession\x00" + pack([self.chain_id, name, purpose, public_key])
            try:
                Ed25519PublicKey.from_public_bytes(public_key).verify(
                    fields[f"{purpose}_possession"], message
                )
            except InvalidSignature as error:
                raise Refusal("validator.possession") from error
            after.setdefault(str(name), {})[purpose] = public_key
        if name in after and not set(PURPOSES[:4]) <= set(after[name]):
            raise Refusal("validator.keys-missing")
        if not after:
            raise Refusal("validator.last")
        if len(after) > 32:
            raise Refusal("validator.many")
        if self.changed is None or self.changed[0] != self._now:
            self.changed = [self._now, _listed(self.validators)]
        for who, keys in self.validators.items():
            for purpose, public_key in keys.items():
                if public_key not in after.get(who, {}).values():
                    self.used[public_key] = [who, purpose, self._now]
        self.validators = after

    # --- governance -----------------------------------------------------------------------------------------------------

    def _governance(self, verb: str, fields: Json) -> tuple[tuple[str, str, str | bytes], str]:
        if verb == "propose":
            proposal = reference.leaf(pack_record("governance.propose/1", fields))
            return ("proposal", self._speaker, proposal), self._propose(proposal, fields)
        proposer = fields["proposer"] if verb == "approve" else self._speaker
        self._current()
        one = self.proposals.get(fields["proposal"])
        if one is None or one["proposer"] != proposer:
            raise Refusal("proposal.unknown")
        if one["outcome"] != "in-force":
            raise Refusal("proposal.closed")
        if self._now > one["expires"]:
            raise Refusal("proposal.expired")
        if verb == "withdraw":
            one["outcome"], one["decided"] = "withdrawn", self._now
        else:
            if self._speaker not in one["voters"] or "administrator" not in self._roles_now():
                raise Refusal("proposal.no-vote")
            if self._speaker in one["approvals"]:
                raise Refusal("proposal.approved")
            one["approvals"].append(self._speaker)
            self._count(one)
        return ("proposal", proposer, fields["proposal"]), one["outcome"]

    def _propose(self, proposal: bytes, fields: Json) -> str:
        self._current()
        if proposal in self.proposals:
            raise Refusal("proposal.exists")
        if fields["expires_ms"] <= self._now:
            raise Refusal("proposal.expired")
        if fields["expires_ms"] > self._now + 90 * DAY_MS:
            raise Refusal("proposal.expiry-far")
        name, action = msgpack.unpackb(fields["action"])
        # No record has 64 bytes: it would share its shape with two hashes.
        if name not in GOVERNED or len(fields["action"]) == 64:
            raise Refusal("proposal.action")
        try:
            check_by_itself(name, action)
        except Refusal as refusal:
            raise Refusal("proposal.action") from refusal
        if action["authority"] != self._speaker:
            raise Refusal("proposal.authority")
        votes = "administrator" in self._roles_now()
        if not votes and not (name == "succession.declare/1" and self._speaker in action["successors"]):
            raise Refusal("authority.role")
        voters = self.administrators()
        one: Json = {
            "proposer": self._speaker,
            "action": fields["action"],
            "proposed": self._now,
            "expires": fields["expires_ms"],
            "voters": voters,
            "quorum": len(voters) * 2 // 3 + 1,
            "approvals": [self._speaker] if votes else [],
            "outcome": "in-force",
            "decided": None,
        }
        self._count(one)
        self.proposals[proposal] = one
        outcome: str = one["outcome"]
        return outcome

    def _count(self, one: Json) -> None:
        """With enough votes of members that still are administrators, what is proposed is done."""
        if len(set(one["approvals"]) & set(self.administrators())) < one["quorum"]:
            return
        self._approved = True
        try:
            subject, status = self._act(*msgpack.unpackb(one["action"]))
        finally:
            self._approved = False
        self._joins(subject, status)
        one["outcome"], one["decided"] = "executed", self._now

    # --- succession -----------------------------------------------------------------------------------------------------

    def _succession(self, verb: str, whom: str, fields: Json) -> None:
        declared = self.successions.get(whom, {}).get("declared", False)
        match verb:
            case "handover":
                self._own_end(whom)
                if declared:
                    raise Refusal("succession.declared")
                if fields["effective_ms"] < self._now + DAY_MS:
                    raise Refusal("succession.not-ahead")
                if self._is_repeated(whom, fields):
                    raise Refusal("succession.same")
            case "declare":
                self._governed()
                if whom not in self.members:
                    raise Refusal("member.unknown")
                if fields["effective_ms"] < self.members[whom]["time"]:
                    raise Refusal("succession.before-member")
                if self._over(whom, self._now) and fields["effective_ms"] > self._now:
                    raise Refusal("succession.ended")
            case _:
                self._cancel(whom, declared=declared)
                return
        self._name_successors(verb, whom, fields)

    def _is_repeated(self, whom: str, fields: Json) -> bool:
        last = self.successions.get(whom, {"kind": None})
        return last["kind"] is not None and (
            self._end(whom) == fields["effective_ms"]
            and list(self.members[whom]["successors"]) == fields["successors"]
            and last["kind"] == fields["kind"]
            and last["decision"] == fields.get("decision")
        )

    def _name_successors(self, verb: str, whom: str, fields: Json) -> None:
        for name in fields["successors"]:
            if name not in self.members:
                raise Refusal("member.unknown")
            if self._over(name, fields["effective_ms"]):
                raise Refusal("succession.successor-ended")
            if whom in self._line(name):
                raise Refusal("succession.circle")
        others = [name for name in self.administrators() if name != whom and self._end(name) is None]
        if whom in self.administrators() and not others:
            raise Refusal("succession.no-administrator")
        self._follow(whom, fields["effective_ms"], fields["successors"])
        self.successions[whom] = {
            "kind": fields["kind"],
            "decision": fields.get("decision"),
            "declared": verb == "declare",
            "recorded": self._now,
        }

    def _cancel(self, whom: str, *, declared: bool) -> None:
        if whom == self._speaker and not declared and not self._approved:
            self._own_end(whom)
        else:
            self._administrator()
            self._governed()
        if whom not in self.members:
            raise Refusal("member.unknown")
        if self._end(whom) is None:
            raise Refusal("succession.none")
        if self._over(whom, self._now):
            raise Refusal("succession.ended")
        self._follow(whom, None, [])
        self.successions[whom] = {"kind": None, "decision": None, "declared": False, "recorded": self._now}

    def _line(self, member: str) -> list[str]:
        """The member and those that succeed it, nearest first, at most sixteen."""
        found: list[str] = []
        waiting = [member]
        while waiting and len(found) < 16:
            name = waiting.pop(0)
            if name not in found:
                found.append(name)
                waiting += self.members[name].get("successors", [])
        return found

    def _follow(self, whom: str, end: int | None, successors: Sequence[str]) -> None:
        before = self.members[whom].get("successors", [])
        self.members[whom] |= {"ended": end, "successors": list(successors)}
        for name in sorted({*before, *successors}):
            of = set(self.members[name].get("predecessors", [])) - {whom}
            if name in successors:
                of.add(whom)
            if len(of) > 64:
                raise Refusal("succession.too-many")
            self.members[name]["predecessors"] = sorted(of)
            self._joins(("member", name, name), "in-force")

    # --- the state ------------------------------------------------------------------------------------------------------

    def rows(self) -> dict[bytes, bytes]:
        """The state rows, with those of proposals, successions and parameters."""
        rows = super().rows()
        for proposal, one in self.proposals.items():
            rows[pack(["proposal", proposal])] = pack(list(one.values()))
        for whom, one in self.successions.items():
            rows[pack(["succession", whom])] = pack(list(one.values()))
        if self.changed is not None:
            rows[pack(["validators"])] = pack(_listed(self.validators))
            rows[pack(["validators-before"])] = pack(self.changed)
        for public_key, told in self.used.items():
            rows[pack(["validator-key", public_key])] = pack(told)
        if self._next:
            parameters = {"entry-time-ahead-ms": self.ahead_ms, "key-grace-ms": self.grace_ms} | self._next
            rows[pack(["parameters"])] = pack([list(pair) for pair in sorted(parameters.items())])
        return rows


def _listed(validators: dict[str, dict[str, bytes]]) -> list[Any]:
    """A set as the state lists it."""
    return [
        [name, *(keys[purpose] for purpose in PURPOSES if purpose in keys)]
        for name, keys in sorted(validators.items(), key=lambda pair: pair[0].encode())
    ]


def check_by_itself(name: str, fields: Json) -> None:  # noqa: C901  type after type
    """What one field means for another, without any state."""
    if name in {"member.register/1", "member.roles/1"}:
        if ("key" in fields) != ("possession" in fields):
            raise Refusal("member.key-pair")
        if name == "member.register/1" and "administrator" in fields["roles"] and "key" not in fields:
            raise Refusal("member.key-missing")
    if name == "parameter.set/1" and fields["value"] > BOUNDS[fields["name"]]:
        raise Refusal("parameter.range")
    if name in {"succession.handover/1", "succession.declare/1"}:
        whom = fields["authority" if name == "succession.handover/1" else "predecessor"]
        if whom in fields["successors"]:
            raise Refusal("succession.itself")
        count = len(fields["successors"])
        if (fields["kind"] in {"merge", "rename"} and count != 1) or (
            fields["kind"] == "split" and count < 2
        ):
            raise Refusal("succession.kind")
    if name == "validator.set/1":
        given = [fields[f"{purpose}_key"] for purpose in PURPOSES if f"{purpose}_key" in fields]
        if any((f"{one}_key" in fields) != (f"{one}_possession" in fields) for one in PURPOSES):
            raise Refusal("validator.key-pair")
        if bool(given) != ("validator" in fields):
            raise Refusal("validator.keys-missing")
        if not given and "leaves" not in fields:
            raise Refusal("validator.nothing")
        if fields.get("validator") in {"none", "validators"}:
            raise Refusal("validator.name")
        if "leaves" in fields and fields["leaves"] == fields.get("validator"):
            raise Refusal("validator.name")
        if len(set(given)) < len(given):
            raise Refusal("validator.key-used")
