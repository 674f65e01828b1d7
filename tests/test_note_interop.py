"""What other people's programs say of our notes, checkpoints, policies and proofs, and what ours says of theirs.

The other side is Go: golang.org/x/mod/sumdb/note and tlog (the format's first implementation) and filippo.io/torchwood
(cosignatures, policies, proof files). See `interop/notes/main.go`. Without `go`, or where its modules cannot be had, the
tests are skipped and say why.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import checkpoint as checkpoints
from ledger import merkle, tlog_proof
from ledger import note as notes
from ledger.errors import CannotTellError, VerificationError
from ledger.hashing import leaf_hash
from ledger.keys import SigningKey
from ledger.note import COSIGNING_KEY, LOG_KEY, Note, NoteSignature, VerifierKey
from ledger.policy import Policy
from ledger.tlog_proof import TlogProof

SOURCE = Path(__file__).parent / "interop" / "notes"
ORIGIN = "phuson.example/sổ-gốc"

LOGS = [SigningKey.from_seed(bytes([3, number]) * 16) for number in range(4)]
WITNESSES = [SigningKey.from_seed(bytes([4, number]) * 16) for number in range(4)]
LOG_KEYS = [VerifierKey(ORIGIN, LOG_KEY, key.public_key) for key in LOGS]
WITNESS_KEYS = [
    VerifierKey(f"w{number}.example", COSIGNING_KEY, key.public_key) for number, key in enumerate(WITNESSES)
]
LEAVES = [f"leaf {number}".encode() for number in range(23)]
ROOT = merkle.root(LEAVES)
BODY = checkpoints.body(ORIGIN, len(LEAVES), ROOT)

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Builds the Go program and returns a function that puts one question to it."""
    if shutil.which("go") is None:
        pytest.skip("go is not installed: the other implementations of the formats cannot be asked")
    # The workspace's own settings must not reach in, and a newer toolchain must not be fetched.
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    listed = subprocess.run(
        ["go", "list", "-deps", "."], cwd=SOURCE, env=environment, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip(f"the Go modules cannot be had here: {listed.stderr.strip()[-300:]}")
    program = tmp_path_factory.mktemp("notes") / "notes"
    subprocess.run(
        ["go", "build", "-buildvcs=false", "-o", program, "."], cwd=SOURCE, env=environment, check=True
    )

    def put(op: str, **fields: object) -> dict[str, Any]:
        question = json.dumps({"op": op, **fields})
        done = subprocess.run([program], input=question, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return put


def sign(*, logs: int, witnesses: int, body: str = BODY) -> str:
    """Our checkpoint: signed by the first logs and cosigned by the first witnesses, at times 1000, 1001, ..."""
    signatures = [notes.sign_log(body, ORIGIN, key) for key in LOGS[:logs]]
    signatures += [
        checkpoints.cosign(body, WITNESS_KEYS[number].name, WITNESSES[number], 1_000 + number)
        for number in range(witnesses)
    ]
    return notes.format(Note(body, tuple(signatures)))


def policy_of(*, logs: int, witnesses: int, threshold: int) -> Policy:
    return Policy.for_validators(LOG_KEYS[:logs], WITNESS_KEYS[:witnesses], threshold)


def test_go_opens_our_notes(ask: Ask) -> None:
    text = "Sổ Gốc\n\nvới một dòng trống\n"
    signatures = tuple(notes.sign_log(text, ORIGIN, key) for key in LOGS)
    unknown = NoteSignature("unknown.example", b"\1\2\3\4", b"opaque")
    note = Note(text, (unknown, *signatures))
    vkeys = [key.vkey for key in LOG_KEYS]
    answer = ask("open-note", text=notes.format(note), vkeys=vkeys)
    assert answer == {"text": text, "signers": [ORIGIN] * 4}
    other = Note(text.replace("một", "hai"), note.signatures)
    assert "invalid signature" in ask("open-note", text=notes.format(other), vkeys=vkeys)["error"]


def test_we_read_notes_and_checkpoints_that_go_signed(ask: Ask) -> None:
    before = int(time.time())
    witnesses = [{"name": f"w{number}.example", "seed": WITNESSES[number].seed.hex()} for number in range(3)]
    answer = ask(
        "sign", text=BODY, origin=ORIGIN, log_seeds=[key.seed.hex() for key in LOGS[:2]], witnesses=witnesses
    )
    assert answer["vkeys"] == [key.vkey for key in (*LOG_KEYS[:2], *WITNESS_KEYS[:3])]
    note = notes.parse(answer["text"])
    assert notes.format(note) == answer["text"]
    assert notes.verify(note, LOG_KEYS) == tuple(LOG_KEYS[:2])
    # Ed25519 is deterministic: a log's signature is the very same.
    assert note.signatures[:2] == tuple(notes.sign_log(BODY, ORIGIN, key) for key in LOGS[:2])
    checked = policy_of(logs=4, witnesses=4, threshold=3).check(answer["text"])
    assert [name for name, _ in checked.cosignatures] == ["w0.example", "w1.example", "w2.example"]
    assert checked.status_as_of_s is not None
    assert before <= checked.status_as_of_s <= time.time() + 1


def test_torchwood_passes_our_checkpoint_under_our_policy(ask: Ask) -> None:
    policy = policy_of(logs=1, witnesses=4, threshold=3)
    text = sign(logs=1, witnesses=3)
    assert policy.check(text).cosignatures == (
        ("w0.example", 1000),
        ("w1.example", 1001),
        ("w2.example", 1002),
    )
    answer = ask("verify-checkpoint", text=text, policy=policy.format())
    assert answer["text"] == BODY
    assert list(zip(answer["signers"], answer["times"], strict=True)) == [
        (ORIGIN, 0),
        ("w0.example", 1000),
        ("w1.example", 1001),
        ("w2.example", 1002),
    ]


def test_torchwood_and_we_refuse_alike(ask: Ask) -> None:
    policy = policy_of(logs=1, witnesses=4, threshold=3)
    good = sign(logs=1, witnesses=3)
    other = checkpoints.body("other.example/log", len(LEAVES), ROOT)
    renamed = notes.format(Note(other, notes.parse(good).signatures))
    cases = {
        "too few": (sign(logs=1, witnesses=2), CannotTellError),
        "no log": (sign(logs=0, witnesses=3), CannotTellError),
        "another text": (renamed, VerificationError),
        "another origin": (sign(logs=1, witnesses=3, body=other), CannotTellError),
        "a forged line": (
            good.replace(notes.parse(good).signatures[2].line, forged_line(good)),
            VerificationError,
        ),
    }
    for what, (text, expected) in cases.items():
        assert "error" in ask("verify-checkpoint", text=text, policy=policy.format()), what
        with pytest.raises(expected):
            policy.check(text)


def forged_line(text: str) -> str:
    signature = notes.parse(text).signatures[2]
    data = bytes([*signature.signature[:-40], signature.signature[-40] ^ 1, *signature.signature[-39:]])
    return NoteSignature(signature.name, signature.key_id, data).line


def test_torchwood_reads_nested_policies_the_same_way(ask: Ask) -> None:
    policy = Policy.parse(
        f"# two levels\nlog {LOG_KEYS[0].vkey}\n"
        + "".join(f"witness w{number} {key.vkey}\n" for number, key in enumerate(WITNESS_KEYS))
        + "group inner 2 w0 w1 w2\ngroup outer all inner w3\nquorum outer\n"
    )
    for chosen in range(16):
        signatures = [notes.sign_log(BODY, ORIGIN, LOGS[0])]
        signatures += [
            checkpoints.cosign(BODY, WITNESS_KEYS[number].name, WITNESSES[number], 1_000)
            for number in range(4)
            if chosen >> number & 1
        ]
        text = notes.format(Note(BODY, tuple(signatures)))
        theirs = "error" not in ask("verify-checkpoint", text=text, policy=policy.format())
        try:
            policy.check(text)
            ours = True
        except CannotTellError:
            ours = False
        assert ours == theirs == (chosen & 8 != 0 and (chosen & 7).bit_count() >= 2)


def test_torchwood_asks_for_every_listed_log(ask: Ask) -> None:
    """Where we differ, and who is right: by c2sp.org/tlog-policy "all of the listed logs are accepted" means any one.

    Torchwood 0.9 and 0.10 want the signatures of all of them. A checkpoint that all validators signed satisfies both.
    This test fails when torchwood follows the text, and then says so.
    """
    policy = policy_of(logs=4, witnesses=4, threshold=3)
    few, all_of_them = sign(logs=1, witnesses=3), sign(logs=4, witnesses=3)
    assert len(policy.check(few).cosignatures) == len(policy.check(all_of_them).cosignatures) == 3
    assert "error" not in ask("verify-checkpoint", text=all_of_them, policy=policy.format())
    assert "components satisfied" in ask("verify-checkpoint", text=few, policy=policy.format())["error"]


@pytest.mark.parametrize("extra", [None, b"\x00\xff any bytes"])
@pytest.mark.parametrize("index", [0, 7, 22])
def test_torchwood_verifies_our_proof_files(ask: Ask, index: int, extra: bytes | None) -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    proof = TlogProof(index, tuple(merkle.inclusion_path(hashes, index)), sign(logs=1, witnesses=3), extra)
    text = tlog_proof.format(proof)
    policy = policy_of(logs=1, witnesses=4, threshold=3)
    answer = ask("verify-proof", text=text, policy=policy.format(), leaf_hash=hashes[index].hex())
    assert answer == ({"extra": extra.hex()} if extra else {})
    wrong = ask("verify-proof", text=text, policy=policy.format(), leaf_hash=hashes[index - 1].hex())
    assert "inclusion proof verification failed" in wrong["error"]


@pytest.mark.parametrize("extra", ["", "00ff"])
@pytest.mark.parametrize(("index", "size"), [(0, 1), (6, 7), (5, 23)])
def test_we_verify_proof_files_that_torchwood_made(ask: Ask, index: int, size: int, extra: str) -> None:
    answer = ask(
        "make-proof",
        origin=ORIGIN,
        leaves=[leaf.hex() for leaf in LEAVES[:size]],
        index=index,
        extra=extra,
        log_seeds=[LOGS[0].seed.hex()],
        witnesses=[{"name": "w0.example", "seed": WITNESSES[0].seed.hex()}],
    )
    proof = tlog_proof.parse(answer["text"])
    assert tlog_proof.format(proof) == answer["text"]
    assert (proof.extra or b"").hex() == extra
    checked = proof.verify(leaf_hash(LEAVES[index]), policy_of(logs=1, witnesses=1, threshold=1))
    assert checked.checkpoint.root == merkle.root(LEAVES[:size])
    with pytest.raises(VerificationError):
        proof.verify(leaf_hash(b"another leaf"), policy_of(logs=1, witnesses=1, threshold=1))
