"""Trust policies: which logs, which witnesses, and how many of them are enough (c2sp.org/tlog-policy).

Rules:

* a policy is lines of octets: tab, newline, 0x20-0x7E, 0x80-0xFF; every line ends in a newline; items are separated by
  spaces and tabs; empty lines and lines that start with "#" are ignored;
* `log <vkey> [<url>]`, `witness <name> <vkey> [<url>]`, `group <name> all|any|<k> <name>...`, and one `quorum <name>`;
* a group and the quorum name only what stands above them; a name is a member of at most one group, once; no name is
  defined twice, no public key is listed twice as a log or twice as a witness; `none` is reserved for the quorum;
* a checkpoint passes if any one listed log whose name is the checkpoint's origin signed it, and the quorum's witnesses
  cosigned it; a wrong signature by any listed key spoils it, however many others are right.

Names are opaque octets. They are held as `str` through UTF-8 with `surrogateescape`, which maps octets to text and back
one to one, and they are compared as they are: no normalisation.

Times (`CheckedCheckpoint.existed_by_s`, `.status_as_of_s`), over the quorum's own valid cosignatures: for a group of n
members of which k must agree,

* "existed no later than" is the (n-k+1)-th smallest time, and the k-th smallest where k is less than half (a policy
  that k members can satisfy rests on one of any k being right; there is nothing better to rest on);
* "status as of" is the smallest of the k newest.

A group that is a member of another counts there with its own two times, so nested groups are judged from the inside
outwards. A single witness has one time, and `quorum none` has none.

What this module does not do: know the present time, fetch anything, or judge post-quantum (0x06) lines. Those are kept,
and never count towards the quorum here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from ledger import checkpoint as checkpoints
from ledger import keys
from ledger import note as notes
from ledger.checkpoint import Checkpoint
from ledger.errors import CannotTellError, FormatError, LedgerError
from ledger.note import COSIGNING_KEY, LOG_KEY, MLDSA_COSIGNING_KEY, Note, VerifierKey

MAX_POLICY_BYTES: Final = 262_144

MAX_LINES_OF_A_KIND: Final = 256
"""Most logs, witnesses or groups: eight times what the format asks every implementation to support."""

NO_QUORUM: Final = "none"
"""The predefined name for a quorum that asks for no cosignature."""

VALIDATORS_GROUP: Final = "validators"
"""The name of the one group in a policy made by `Policy.for_validators`."""

_OCTETS: Final = bytes((0x09, 0x0A, *range(0x20, 0x7F), *range(0x80, 0x100)))
_THRESHOLD: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)

_KeyAddress = tuple[str, bytes]


def quorum_size(validators: int) -> int:
    """How many of `validators` must cosign: the smallest number that is more than two thirds, ⌊2n/3⌋ + 1.

    Raises `FormatError` (`policy.threshold`) if there are none.
    """
    if validators < 1:
        raise FormatError("policy.threshold", "there is no quorum of no validators")
    return 2 * validators // 3 + 1


@dataclass(frozen=True, slots=True)
class Log:
    """A `log` line. key: its key, whose name is the origin of its checkpoints. url: where it is served, if said."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A `witness` line. name: what this policy calls it. key: its key. url: its submission prefix, if said."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A `group` line. name: what this policy calls it. threshold: how many of the members. members: names."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedCheckpoint:
    """A checkpoint that a policy has passed.

    checkpoint: origin, size, root, and the note. log: the listed log key that signed it (the first in the note).
    cosignatures: the policy's name of each listed witness that cosigned, with the newest time it gave (seconds since
    the epoch), in the policy's order. existed_by_s: everything in the tree existed no later than this, in seconds since
    the epoch. status_as_of_s: it was the newest tree as of this time. Both are None under `quorum none`.
    """

    checkpoint: Checkpoint
    log: VerifierKey
    cosignatures: tuple[tuple[str, int], ...]
    existed_by_s: int | None
    status_as_of_s: int | None


class ProvenTimes(NamedTuple):
    """What a quorum's cosignatures prove about time, in seconds since the epoch; see `CheckedCheckpoint`."""

    existed_by_s: int
    status_as_of_s: int


class Trust(Protocol):
    """Whom a verifier trusts: one policy, or one for each epoch of a ledger's validators (`ledger.epochs`)."""

    def check(self, note: Note | Checkpoint | str | bytes) -> CheckedCheckpoint:
        """Check a checkpoint's signatures, and say what they prove. Raises as `Policy.check`."""

    def policy_at(self, size: int) -> Policy:
        """The policy that judges checkpoints of tree size `size`. Raises CannotTellError if none is known."""

    def confirm(self, size: int, root: bytes, as_of_s: int | None) -> None:
        """Check what signatures alone do not say of a checkpoint that `policy_at` has passed, whose cosignatures prove that
        it was the newest as of `as_of_s`. Raises VerificationError or CannotTellError.
        """


@dataclass(frozen=True, slots=True)
class Policy:
    """A trust policy. logs, witnesses, groups: its lines of each kind, in order. quorum: a name, or "none".

    However it is made, it obeys the rules in the module's head.
    """

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str
    _by_key: Mapping[_KeyAddress, Log | Witness] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check all rules that do not depend on the order of lines. Raises like `parse`."""
        for what, lines in (("logs", self.logs), ("witnesses", self.witnesses), ("groups", self.groups)):
            if len(lines) > MAX_LINES_OF_A_KIND:
                raise FormatError(
                    "policy.too-many-lines", f"a policy has at most {MAX_LINES_OF_A_KIND} {what}"
                )
        object.__setattr__(self, "_by_key", _index_keys(self.logs, self.witnesses))
        _check_names(self.witnesses, self.groups, self.quorum)
        urls = [log.url for log in self.logs] + [witness.url for witness in self.witnesses]
        for url in urls:
            if url is not None:
                _check_word(url, "policy.url")

    @classmethod
    def parse(cls, text: str | bytes) -> Policy:
        """Read a policy file strictly; at most 262,144 bytes.

        Raises `FormatError` (`policy.*`, `note.vkey*`, `note.key-*`), `CannotTellError` for a key of an unknown type,
        `VerificationError` (`key.*`) for an Ed25519 key that must not be used. The detail says in which line.
        """
        octets = _to_octets(text)
        lines: list[Log | Witness | Group] = []
        names: set[str] = set()
        quorum: str | None = None
        for number, line in enumerate(octets.split(b"\n")[:-1], start=1):
            words = [word.decode("utf-8", "surrogateescape") for word in line.split()]
            if not words or words[0].startswith("#"):
                continue
            try:
                if words[0] == "quorum":
                    quorum = _parse_quorum(words, quorum, names)
                else:
                    lines.append(_parse_line(words, names))
            except LedgerError as error:
                raise type(error)(error.rule, f"line {number} of the policy: {error.detail}") from error
        if quorum is None:
            raise FormatError(
                "policy.quorum-line", "a policy has exactly one quorum line, and this one has none"
            )
        return cls(
            tuple(line for line in lines if isinstance(line, Log)),
            tuple(line for line in lines if isinstance(line, Witness)),
            tuple(line for line in lines if isinstance(line, Group)),
            quorum,
        )

    @classmethod
    def for_validators(
        cls,
        log_vkeys: Iterable[str | VerifierKey],
        witness_vkeys: Iterable[str | VerifierKey],
        threshold: int,
    ) -> Policy:
        """Make the policy of a chain: any validator signs as the log, and `threshold` of them cosign.

        Each witness is named by its key's name. Raises like `parse`.
        """
        logs = tuple(Log(_to_key(vkey)) for vkey in log_vkeys)
        cosigners = [_to_key(vkey) for vkey in witness_vkeys]
        witnesses = tuple(Witness(key.name, key) for key in cosigners)
        group = Group(VALIDATORS_GROUP, threshold, tuple(witness.name for witness in witnesses))
        return cls(logs, witnesses, (group,), VALIDATORS_GROUP)

    def format(self) -> str:
        """Write the policy as a file; `Policy.parse` gives it back. Thresholds are written as numbers."""
        lines: list[tuple[str, ...]] = []
        lines += (("log", log.key.vkey, log.url or "") for log in self.logs)
        lines += (("witness", one.name, one.key.vkey, one.url or "") for one in self.witnesses)
        lines += (("group", group.name, str(group.threshold), *group.members) for group in self.groups)
        lines.append(("quorum", self.quorum))
        return "".join(" ".join(word for word in words if word) + "\n" for words in lines)

    def check(self, note: Note | Checkpoint | str | bytes) -> CheckedCheckpoint:
        """Check a checkpoint's signatures against this policy, and say what they prove.

        Raises `FormatError` if it is no checkpoint; `VerificationError` if any signature by a listed key is wrong;
        `CannotTellError` if no listed log of that origin signed (`policy.no-log-signature`) or too few listed witnesses
        cosigned (`policy.quorum-missing`): the evidence is incomplete, which does not make it a forgery.
        """
        checkpoint = _to_checkpoint(note)
        text = checkpoint.note.text
        signer: VerifierKey | None = None
        times_s: dict[str, int] = {}
        for signature in checkpoint.note.signatures:
            line = self._by_key.get((signature.name, signature.key_id))
            if line is None or line.key.type == MLDSA_COSIGNING_KEY:
                continue
            if isinstance(line, Log):
                notes.verify_log_signature(text, signature, line.key)
                if signer is None and line.key.name == checkpoint.origin:
                    signer = line.key
            else:
                time_s = checkpoints.verify_cosignature(text, signature, line.key)
                # A witness may cosign one tree again to keep it fresh: it still counts once.
                times_s[line.name] = max(time_s, times_s.get(line.name, 0))
        if signer is None:
            detail = f"no log of this policy named {checkpoint.origin!a} signed the checkpoint"
            raise CannotTellError("policy.no-log-signature", detail)
        proven = self.quorum_times(times_s)
        return CheckedCheckpoint(
            checkpoint,
            signer,
            tuple(
                (witness.name, times_s[witness.name]) for witness in self.witnesses if witness.name in times_s
            ),
            proven.existed_by_s if proven else None,
            proven.status_as_of_s if proven else None,
        )

    def policy_at(self, size: int) -> Policy:  # noqa: ARG002  it is the same for all (`Trust`)
        """This policy."""
        return self

    def confirm(self, size: int, root: bytes, as_of_s: int | None) -> None:
        """Nothing: where no keys are known to have been retired, signatures say it all (`Trust`)."""

    def quorum_times(self, times_s: Mapping[str, int]) -> ProvenTimes | None:
        """What valid cosignatures prove, given the newest time of each by the witness's name; None for `quorum none`.

        Raises `CannotTellError` (`policy.quorum-missing`) if they are too few.
        """
        if self.quorum == NO_QUORUM:
            return None
        proven = {name: ProvenTimes(time_s, time_s) for name, time_s in times_s.items()}
        # A group names only what stands above it, so one pass in order meets every member before its group.
        for group in self.groups:
            members = [proven[name] for name in group.members if name in proven]
            if len(members) >= group.threshold:
                proven[group.name] = _group_times(members, group.threshold, len(group.members))
        if self.quorum not in proven:
            signed = ", ".join(sorted(times_s)) or "nobody"
            detail = (
                f"the quorum {self.quorum!a} did not cosign; of the listed witnesses there signed: {signed!a}"
            )
            raise CannotTellError("policy.quorum-missing", detail)
        return proven[self.quorum]


def _group_times(members: list[ProvenTimes], threshold: int, size: int) -> ProvenTimes:
    existed_by_s = sorted(times.existed_by_s for times in members)
    status_as_of_s = sorted(times.status_as_of_s for times in members)
    return ProvenTimes(existed_by_s[min(threshold, size - threshold + 1) - 1], status_as_of_s[-threshold])


def _to_checkpoint(note: Note | Checkpoint | str | bytes) -> Checkpoint:
    if isinstance(note, Checkpoint):
        # Made by hand, its fields might say something else than the text that was signed.
        return checkpoints.from_note(note.note)
    if isinstance(note, Note):
        return checkpoints.from_note(note)
    return checkpoints.parse(note)


def _to_key(vkey: str | VerifierKey) -> VerifierKey:
    return VerifierKey.parse(vkey) if isinstance(vkey, str) else vkey


def _to_octets(text: str | bytes) -> bytes:
    # A character has at least one octet, so this bound holds before anything is copied.
    if len(text) > MAX_POLICY_BYTES:
        raise FormatError("policy.too-large", f"a policy has at most {MAX_POLICY_BYTES} bytes")
    if isinstance(text, str):
        try:
            octets = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            detail = f"character {error.start} of the policy is half of a surrogate pair"
            raise FormatError("policy.character", detail) from error
    else:
        octets = bytes(text)
    if len(octets) > MAX_POLICY_BYTES:
        raise FormatError("policy.too-large", f"a policy has at most {MAX_POLICY_BYTES} bytes")
    foreign = octets.translate(None, delete=_OCTETS)
    if foreign:
        detail = f"a policy has no control character but tab and newline; this one has 0x{foreign[0]:02x}"
        raise FormatError("policy.character", detail)
    if octets and not octets.endswith(b"\n"):
        raise FormatError(
            "policy.no-final-newline", "every line of a policy ends in a newline; the last one does not"
        )
    return octets


def _parse_line(words: list[str], names: set[str]) -> Log | Witness | Group:
    """Read a log, witness or group line, and add the name it defines to `names`."""
    match words:
        case ["log", vkey, *url] if len(url) <= 1:
            return Log(_parse_key(vkey, LOG_KEY), *url)
        case ["witness", name, vkey, *url] if len(url) <= 1:
            _define(name, names)
            return Witness(name, _parse_key(vkey, COSIGNING_KEY), *url)
        case ["group", name, threshold, first, *rest]:
            members = (first, *rest)
            for member in members:
                if member not in names:
                    raise FormatError(
                        "policy.undefined-name", f"{member!a} is not defined above group {name!a}"
                    )
            _define(name, names)
            return Group(name, _parse_threshold(threshold, len(members)), members)
        case [("log" | "witness" | "group") as keyword, *_]:
            raise FormatError("policy.line", f"this {keyword} line has too few or too many items")
        case _:
            detail = f"a line starts with log, witness, group, quorum or #, not with {words[0][:40]!a}"
            raise FormatError("policy.keyword", detail)


def _parse_quorum(words: list[str], quorum: str | None, names: set[str]) -> str:
    if quorum is not None:
        raise FormatError(
            "policy.quorum-line", "a policy has exactly one quorum line, and this is a second one"
        )
    if len(words) != 2:
        raise FormatError("policy.line", "a quorum line has one name")
    if words[1] != NO_QUORUM and words[1] not in names:
        raise FormatError("policy.undefined-name", f"the quorum {words[1]!a} is not defined above")
    return words[1]


def _parse_threshold(text: str, members: int) -> int:
    if text == "all":
        return members
    if text == "any":
        return 1
    if not _THRESHOLD.fullmatch(text) or int(text) > members:
        detail = f"a threshold is all, any, or a decimal number from 1 to {members}, not {text[:40]!a}"
        raise FormatError("policy.threshold", detail)
    return int(text)


def _parse_key(vkey: str, key_type: int) -> VerifierKey:
    key = VerifierKey.parse(vkey)
    _check_key(key, key_type)
    return key


def _check_key(key: VerifierKey, key_type: int) -> None:
    if key.type == MLDSA_COSIGNING_KEY:
        return
    if key.type != key_type:
        detail = f"key {key.name!a} has type 0x{key.type:02x}; on this line it is 0x{key_type:02x} or 0x06"
        raise FormatError("policy.key-type", detail)
    keys.check_public_key(key.public_key)


def _index_keys(logs: tuple[Log, ...], witnesses: tuple[Witness, ...]) -> dict[_KeyAddress, Log | Witness]:
    by_key: dict[_KeyAddress, Log | Witness] = {}
    for what, key_type, lines in (("log", LOG_KEY, logs), ("witness", COSIGNING_KEY, witnesses)):
        if len({line.key.public_key for line in lines}) != len(lines):
            raise FormatError("policy.duplicate-key", f"two {what} lines list the same public key")
        for line in lines:
            _check_key(line.key, key_type)
            address = (line.key.name, line.key.key_id)
            if address in by_key:
                # Four bytes can be made to collide. Then a line in a note would not say which key it is by.
                detail = f"two keys named {line.key.name!a} have the same key id {line.key.key_id.hex()}"
                raise FormatError("policy.key-id-collision", detail)
            by_key[address] = line
    return by_key


def _check_names(witnesses: tuple[Witness, ...], groups: tuple[Group, ...], quorum: str) -> None:
    names: set[str] = set()
    members: set[str] = set()
    for witness in witnesses:
        _define(witness.name, names)
    for group in groups:
        if not 1 <= group.threshold <= len(group.members):
            detail = f"the threshold of group {group.name!a} is from 1 to {len(group.members)}, not {group.threshold}"
            raise FormatError("policy.threshold", detail)
        for member in group.members:
            if member not in names:
                raise FormatError(
                    "policy.undefined-name", f"{member!a} is not defined above group {group.name!a}"
                )
            if member in members:
                detail = f"{member!a} is a member twice; a name may be a member of one group, once"
                raise FormatError("policy.duplicate-member", detail)
            members.add(member)
        _define(group.name, names)
    if quorum != NO_QUORUM and quorum not in names:
        raise FormatError("policy.undefined-name", f"the quorum {quorum!a} is not defined")


def _define(name: str, names: set[str]) -> None:
    _check_word(name, "policy.name")
    if name == NO_QUORUM:
        raise FormatError("policy.reserved-name", "the name none is predefined")
    if name in names:
        raise FormatError("policy.duplicate-name", f"{name!a} is defined twice")
    names.add(name)


def _check_word(word: str, rule: str) -> None:
    """Check that a name or URL is one item of a line: not empty, allowed octets, no whitespace, and reads back."""
    try:
        octets = word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise FormatError(rule, "a name or URL holds a character that has no octets") from error
    readable = octets.decode("utf-8", "surrogateescape") == word
    if not readable or octets.split() != [octets] or octets.translate(None, delete=_OCTETS):
        raise FormatError(rule, f"a name or URL is one word without control characters: {word[:40]!a}")
