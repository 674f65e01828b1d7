"""The chain rules as docs/spec.md §8 tells them, over dictionaries: slow, obvious, and sharing no code with the product.

`Twin.apply` answers with the rule that refuses an entry, or None, in the order in which the specification lists them. It
is given records that follow their field tables; what one field means for another is judged here too.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgpack  # type: ignore[import-untyped]  # it publishes no type information
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests import reference
from tests.twins.documents import RefusalError, look_at

Json = dict[str, Any]

ASKED_ROLES = {
    "doc.anchor/1": {"issuer", "office"},
    "member.register/1": {"administrator"},
    "member.roles/1": {"administrator"},
    "key.register/1": {"administrator"},
    "key.retire/1": {"administrator"},
    "key.revoke/1": {"administrator"},
}


class Refusal(Exception):  # noqa: N818  what the specification calls it
    """An entry is refused by this rule."""


def pack(value: object) -> bytes:
    """Arrays, numbers, text and bytes as the format has them; msgpack alone does it for these."""
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def pack_record(name: str, body: Json) -> bytes:
    return pack([name, dict(sorted(body.items()))])


def peaks(leaves: Sequence[bytes]) -> list[bytes]:
    """The roots of the complete subtrees over `leaves`, largest first."""
    size = 1
    while size * 2 <= len(leaves):
        size *= 2
    if not leaves:
        return []
    return [reference.mth(leaves[:size]), *peaks(leaves[size:])]


@dataclass
class Twin:
    """The state as a person would keep it in a notebook."""

    chain_id: bytes
    ahead_ms: int
    grace_ms: int
    members: dict[str, Json] = field(default_factory=dict)
    keys: dict[bytes, Json] = field(default_factory=dict)
    subjects: dict[tuple[str, str, str | bytes], Json] = field(default_factory=dict)
    entries: dict[bytes, int] = field(default_factory=dict)

    def apply(
        self, body: Sequence[Any], records: Sequence[tuple[str, Json]], time_ms: int, index: int
    ) -> str | None:
        """Apply one entry, or say why not; then nothing has changed."""
        before = copy.deepcopy((self.members, self.keys, self.subjects, self.entries))
        try:
            self._apply(body, records, time_ms, index)
        except Refusal as refusal:
            self.members, self.keys, self.subjects, self.entries = before
            return str(refusal)
        return None

    def _apply(
        self, body: Sequence[Any], records: Sequence[tuple[str, Json]], time_ms: int, index: int
    ) -> None:
        raws = [pack_record(name, fields) for name, fields in records]
        if len(set(raws)) < len(raws):
            raise Refusal("entry.records-repeat")
        for name, fields in records:
            check_alone(name, fields)
        entry_id = hashlib.sha256(b"sogoc/v1/entry\x00" + pack(list(body))).digest()
        if entry_id in self.entries:
            raise Refusal("entry.duplicate")
        _, chain_id, author, _, claimed_ms, _, _ = body
        if chain_id != self.chain_id:
            raise Refusal("entry.chain")
        if claimed_ms > time_ms + self.ahead_ms:
            raise Refusal("entry.time-ahead")
        member, roles = self._author(author, claimed_ms, time_ms)
        for name, fields in records:
            if fields["authority"] != member:
                raise Refusal("authority.not-acting")
            if not roles & ASKED_ROLES[name]:
                raise Refusal("authority.role")
        for place, (name, fields) in enumerate(records):
            self._record(name, fields, time_ms, [entry_id, place, reference.leaf(raws[place])])
        self.entries[entry_id] = index

    def _author(self, author: bytes, claimed_ms: int, time_ms: int) -> tuple[str, set[str]]:
        """For whom a key acts and in which roles: judged once, before the first record changes anything."""
        key = self.keys.get(author)
        if key is None:
            raise Refusal("key.unknown")
        if key["revoked"] is not None:
            raise Refusal("key.revoked")
        if key["retired"] is not None and (
            claimed_ms > key["retired"] or time_ms > key["retired"] + self.grace_ms
        ):
            raise Refusal("key.retired")
        member: str = key["member"]
        return member, set(key["roles"]) & set(self.members[member]["roles"])

    def _record(self, name: str, fields: Json, time_ms: int, history: list[Any]) -> None:
        family, verb = name.removesuffix("/1").split(".")
        if family == "doc":
            subject = ("document", fields["authority"], fields.get("hash") or fields["commitment"])
            if subject in self.subjects:
                raise Refusal("document.exists")
            status = "in-force"
        elif family == "member":
            subject = ("member", fields["member"], fields["member"])
            status = self._member(verb, fields, time_ms)
        else:
            subject = ("key", fields["member"], fields["key"])
            status = self._key(verb, fields, time_ms)
        row = self.subjects.setdefault(subject, {"issue": history[2], "time": time_ms, "leaves": []})
        row["status"], row["changed"] = status, time_ms
        row["leaves"].append(pack(history))

    def _member(self, verb: str, fields: Json, time_ms: int) -> str:
        if verb == "register":
            if fields["member"] in self.members:
                raise Refusal("member.exists")
            self.members[fields["member"]] = {
                "name": fields["name"],
                "roles": fields["roles"],
                "time": time_ms,
            }
        else:
            if fields["member"] not in self.members:
                raise Refusal("member.unknown")
            self.members[fields["member"]]["roles"] = fields["roles"]
        return "in-force"

    def _key(self, verb: str, fields: Json, time_ms: int) -> str:
        member, public_key = fields["member"], fields["key"]
        if verb == "register":
            if member not in self.members:
                raise Refusal("member.unknown")
            if public_key in self.keys:
                raise Refusal("key.exists")
            if not set(fields["roles"]) <= set(self.members[member]["roles"]):
                raise Refusal("key.roles")
            message = b"sogoc/v1/key-possession\x00" + pack([self.chain_id, member, public_key])
            try:
                Ed25519PublicKey.from_public_bytes(public_key).verify(fields["possession"], message)
            except InvalidSignature as error:
                raise Refusal("key.possession") from error
            self.keys[public_key] = {
                "member": member,
                "roles": fields["roles"],
                "time": time_ms,
                "retired": None,
                "revoked": None,
                "disputed": None,
            }
            return "in-force"
        key = self.keys.get(public_key)
        if key is None:
            raise Refusal("key.unknown")
        if key["member"] != member:
            raise Refusal("key.other-member")
        if verb == "retire":
            if key["revoked"] is not None or key["retired"] is not None:
                raise Refusal("key.ended")
            key["retired"] = time_ms
            return "retired"
        return _revoke(key, fields["from_ms"], time_ms)

    def rows(self) -> dict[bytes, bytes]:
        """The state rows of members, keys, subjects and entries (docs/spec.md §7)."""
        rows: dict[bytes, bytes] = {}
        for name, member in self.members.items():
            line = [member.get("ended"), member.get("predecessors", []), member.get("successors", [])]
            rows[pack(["member", name])] = pack([member["name"], member["roles"], member["time"], *line])
        administrators = sorted(name for name, one in self.members.items() if "administrator" in one["roles"])
        rows[pack(["administrators"])] = pack(administrators)
        for public_key, key in self.keys.items():
            names = ("member", "roles", "time", "until", "retired", "revoked", "disputed")
            rows[pack(["key", public_key])] = pack([key.get(name) for name in names])
        for subject, row in self.subjects.items():
            leaves = row["leaves"]
            tree = [len(leaves), reference.mth(leaves), peaks(leaves)]
            times = [row["time"], row["changed"]]
            rows[pack(["subject", *subject])] = pack([row["status"], row["issue"], *times, *tree])
        for entry_id, index in self.entries.items():
            rows[pack(["entry", entry_id])] = pack(index)
        return rows


def _revoke(key: Json, from_ms: int, time_ms: int) -> str:
    if from_ms > time_ms:
        raise Refusal("key.revoked-ahead")
    if key["disputed"] == from_ms:
        raise Refusal("key.ended")
    if key["revoked"] is None:
        key["revoked"] = time_ms
    key["disputed"] = from_ms
    return "revoked"


def check_alone(name: str, fields: Json) -> None:
    """What one field means for another, without any state."""
    try:
        look_at(name, fields)
    except RefusalError as refusal:
        raise Refusal(str(refusal)) from refusal
    first, last = fields.get("valid_from"), fields.get("valid_until")
    if name == "cert.issue/1" and first and last and date.fromisoformat(last) < date.fromisoformat(first):
        raise Refusal("certificate.days")
