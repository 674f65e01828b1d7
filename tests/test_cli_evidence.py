"""`sogoc evidence` and `/v1/evidence`: a liar named to whoever asks, and no honest validator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledger import evidence as evidences
from ledger.note import COSIGNING_KEY, VerifierKey
from node.evidence import EvidenceBook
from node.finality import Dissent
from tests.chains import ORIGIN, Chain, key, sign_checkpoint, validator_name
from tests.serving import quiet_logs, sogoc

__all__ = ["quiet_logs"]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    """An evidence file about validator 2 of four, and their policy."""
    chain = Chain(4)
    chain.add_documents(1)
    store = chain.write_store(tmp_path / "ledger")
    try:
        lie = sign_checkpoint(chain.size, b"\x07" * 32, validators=(2,), time_s=1_790_000_100)
        liar = VerifierKey(validator_name(2), COSIGNING_KEY, key("cosigning 2").public_key)
        kept = EvidenceBook(tmp_path / "evidence").report(Dissent(liar, lie), store)
    finally:
        store.close()
    assert kept is not None
    assert kept.proved
    policy = tmp_path / "policy"
    policy.write_text(chain.policy.format(), encoding="utf-8")
    return tmp_path / "evidence" / kept.name, policy


def test_the_liar_is_named_offline(made: tuple[Path, Path]) -> None:
    file, policy = made
    done = sogoc("evidence", file, "--policy", policy, "--json")
    assert done.code == 0
    assert done.json["signer"] == validator_name(2)
    assert done.json["origin"] == ORIGIN
    assert len({one["root"] for one in done.json["checkpoints"]}) == 2
    told = sogoc("evidence", file, "--policy", policy)
    assert validator_name(2) in told.output


def test_what_proves_nothing_accuses_nobody(made: tuple[Path, Path]) -> None:
    file, policy = made
    evidence = evidences.parse(file.read_bytes())
    same = replace(evidence, later_text=evidence.earlier_text)
    file.write_text(evidences.format(same), encoding="utf-8")
    done = sogoc("evidence", file, "--policy", policy)
    assert (done.code, done.rule) == (1, "evidence.same")


def test_a_key_that_the_policy_does_not_name_is_nobodys(made: tuple[Path, Path], tmp_path: Path) -> None:
    file, _ = made
    other = tmp_path / "other"
    other.write_text(Chain(1).policy.format(), encoding="utf-8")
    done = sogoc("evidence", file, "--policy", other)
    assert (done.code, done.rule) == (1, "evidence.unknown-key")
