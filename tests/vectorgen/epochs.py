"""Vectors of policy epochs: a pinned policy, a file of transitions, and a checkpoint held against what follows from both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from ledger.encoding import Value, decode, encode
from ledger.epochs import TileLinks
from tests.chains import START_MS, validator_name
from tests.changing import Changing, Signer
from tests.vectorgen.case import Case, bad, good

FOLDER = "policy-epochs"
LATER_S = START_MS // 1000 + 10_000


@cache
def changing() -> Changing:
    """Four validators, of which two get new keys, one after the other, and then one of them a new header key alone."""
    made = Changing(4)
    made.documents(2)
    made.rotate(1)
    made.documents(2)
    made.rotate(2)
    made.rotate(2, "header")
    made.documents(1)
    return made


def cases() -> Iterator[Case]:
    """The vectors of `policy-epochs/`."""
    yield from _chains()
    yield from _wrong_chains()
    yield from _checkpoints()


def _given(**more: Any) -> dict[str, Any]:  # noqa: ANN401  the inputs of a case
    made = changing()
    return {
        "policy": made.policy.format(),
        "transitions": made.transitions.encoded(),
        "checkpoint": None,
        "link": None,
    } | more


def _chains() -> Iterator[Case]:
    made = changing()
    yield good(FOLDER, "chain", "four epochs follow from the first policy", **_given())
    middle = made.epochs().epochs[1].policy.format()
    yield good(FOLDER, "chain-from-the-second", "and three from the second epoch's", **_given(policy=middle))
    newest = made.epochs().newest.policy.format()
    yield good(
        FOLDER,
        "chain-from-the-newest",
        "two epochs have one policy here: the earlier counts",
        **_given(policy=newest),
    )
    none = replace(made.transitions, steps=()).encoded()
    yield good(FOLDER, "chain-none", "a ledger whose validators never changed", **_given(transitions=none))
    own = (
        made.policy.format()
        .replace(f"witness {validator_name(0)} ", "witness ward ")
        .replace(f" 3 {validator_name(0)}", " 3 ward")
    )
    yield good(FOLDER, "chain-own-names", "a policy with a name of its own", **_given(policy=own))


def _wrong_chains() -> Iterator[Case]:
    made = changing()
    first, second, third = made.steps

    def put(name: str, desc: str, rule: str, family: str, *steps: object) -> Case:
        found = replace(made.transitions, steps=steps).encoded()  # type: ignore[arg-type]
        return bad(FOLDER, name, desc, rule, family, **_given(transitions=found))

    few = made.sign(made.closings[0], made.sets[0][:2])
    yield put("wrong-quorum", "a closing checkpoint of two out of four", "policy.quorum-missing", "cannot-tell",
              replace(first, checkpoint_text=few))  # fmt: skip
    late = made.sign(made.closings[0], made.sets[2])
    yield put("wrong-keys", "closed by those who came later", "policy.quorum-missing", "cannot-tell",
              replace(first, checkpoint_text=late))  # fmt: skip
    yield put("wrong-path", "the header's path is cut short", "proof.length", "verification",
              replace(first, path=first.path[:-1]))  # fmt: skip
    yield put("wrong-header", "the header of another transition", "proof.root-mismatch", "verification",
              replace(first, header_leaf=second.header_leaf))  # fmt: skip
    yield put("wrong-set", "the set of another transition", "state-proof.root-mismatch", "verification",
              replace(first, after=second.after))  # fmt: skip
    absent = replace(first.after, value=None)
    yield put(
        "wrong-absent", "a proof without a set", "epochs.state", "verification", replace(first, after=absent)
    )
    yield put("wrong-skipped", "a change is left out, and a quorum of the first set still signs", "epochs.skipped",
              "verification", first, third)  # fmt: skip
    unchanged = made.transition(made.chain.headers[-1], made.sign(made.chain.tip.size, made.sets[-1]))
    yield put(
        "wrong-unchanged",
        "a block that changed nothing",
        "epochs.unchanged",
        "verification",
        *made.steps,
        unchanged,
    )
    value = decode(made.transitions.encoded())
    if not isinstance(value, list):
        raise TypeError("a file of transitions is an array")
    shapes: dict[str, tuple[Value, str, str]] = {
        "file-version": ([2, *value[1:]], "epochs.version", "cannot-tell"),
        "file-empty": ([], "epochs.shape", "format"),
        "file-map": ({}, "epochs.shape", "format"),
        "file-four-items": ([*value, 0], "epochs.shape", "format"),
        "file-policy-bytes": ([1, b"", []], "epochs.shape", "format"),
        "file-step-short": ([1, value[1], [[]]], "epochs.shape", "format"),
        "file-step-text-bytes": ([1, value[1], [[b"", b"", [], 0, 0]]], "epochs.shape", "format"),
        "file-step-path": ([1, value[1], [["", b"", [b"x"], 0, 0]]], "epochs.shape", "format"),
    }
    for name, (shape, rule, family) in shapes.items():
        yield bad(FOLDER, name, "a file of another form", rule, family, **_given(transitions=encode(shape)))
    data = made.transitions.encoded()
    yield bad(
        FOLDER,
        "file-trailing",
        "a byte too many",
        "encoding.trailing-bytes",
        **_given(transitions=data + b"\0"),
    )


def _checkpoints() -> Iterator[Case]:
    made = changing()
    end = made.chain.tip.size
    first, second = made.closings[:2]

    def asked(size: int, signers: list[Signer], **how: Any) -> dict[str, Any]:  # noqa: ANN401  of `sign`
        return _given(checkpoint=made.sign(size, signers, **how))

    def linked(given: dict[str, Any], size: int, closing: int) -> dict[str, Any]:
        root, path = TileLinks(made.chain, end).link(size, closing)
        return given | {"link": {"root": root, "proof": path}}

    yield good(FOLDER, "newest", "the newest epoch's checkpoint", **asked(end, made.sets[-1]))
    yield good(FOLDER, "closing", "a closing checkpoint needs no link", **asked(first, made.sets[0]))
    yield good(
        FOLDER,
        "old-linked",
        "an old checkpoint that the closing one covers",
        **linked(asked(4, made.sets[0]), 4, first),
    )
    yield good(
        FOLDER,
        "second-linked",
        "of the second epoch",
        **linked(asked(first + 2, made.sets[1]), first + 2, second),
    )
    yield bad(
        FOLDER,
        "old-bare",
        "an old checkpoint by itself",
        "policy.epoch-unlinked",
        "cannot-tell",
        **asked(4, made.sets[0]),
    )
    forged = asked(4, made.sets[0], root=bytes(32))
    yield bad(FOLDER, "old-forged", "another tree by retired keys", "policy.epoch-root", "verification",
              **linked(forged, 4, first))  # fmt: skip
    wrong = linked(asked(4, made.sets[0]), 4, first)
    wrong["link"] = {"root": bytes(32), "proof": []}
    yield bad(FOLDER, "old-wrong-link", "a link that leads nowhere says nothing of the checkpoint", "policy.epoch-link",
              "cannot-tell", **wrong)  # fmt: skip
    yield bad(FOLDER, "closing-forged", "another tree at the end of an epoch", "policy.epoch-root", "verification",
              **asked(first, made.sets[0], root=bytes(32)))  # fmt: skip
    yield bad(FOLDER, "closing-late", "the closing checkpoint, said to be of a later time", "policy.epoch-late", "verification",
              **asked(first, made.sets[0], time_s=LATER_S))  # fmt: skip
    strangers = [Signer(validator_name(number), 9) for number in range(4)]
    yield bad(FOLDER, "unknown-keys", "keys that nobody has told of", "policy.epoch-unknown", "cannot-tell",
              **asked(end, strangers))  # fmt: skip
    yield bad(FOLDER, "retired", "a quorum of those who were replaced", "policy.epoch-ended", "verification",
              **asked(end, [made.sets[0][1], made.sets[0][2], made.sets[0][0]]))  # fmt: skip
    yield bad(FOLDER, "two-of-four", "too few, none of them retired", "policy.epoch-unknown", "cannot-tell",
              **asked(end, made.sets[-1][:2]))  # fmt: skip
    later = made.epochs().epochs[1].policy.format()
    before = asked(4, made.sets[0]) | {"policy": later}
    yield bad(FOLDER, "before", "older than what is pinned", "policy.epoch-before", "cannot-tell", **before)
    text = str(asked(end, made.sets[-1])["checkpoint"])
    at = text.rindex("\n", 0, -1) + 90
    spoilt = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    yield bad(FOLDER, "wrong-signature", "one wrong signature by a listed key", "signature.mismatch", "verification",
              **_given(checkpoint=spoilt))  # fmt: skip
