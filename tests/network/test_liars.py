"""One validator of four lies in every way there is: nothing comes of it, and it is named."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ledger import evidence as evidences
from tests.network.checking import check_all, row
from tests.network.figures import keep
from tests.network.hall import ORIGIN, Hall, needs_cometbft
from tests.network.liar import PROPOSALS
from tests.network.light import LightClient

pytestmark = needs_cometbft

LIAR = 3
RULES = {
    "state-root": "header.state-root",
    "log-root": "header.log-root",
    "time": "header.time",
    "height": "header.engine-height",
    "header-key": "header.proposer",
    "entry": "",
    "empty": "proposal.empty",
    "order": "",
}
"""The rule that each proposal breaks; empty where it depends on the bytes."""


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """One network for all lies: the liar tells all of them at once."""
    made = Hall(tmp_path_factory.mktemp("liars"))
    made.lie(LIAR, *PROPOSALS, "two-roots", "garbage", "answers")
    try:
        made.start()
        yield made
    finally:
        made.close()


def _is_beyond(hall: Hall, number: int, size: int) -> bool:
    return hall.final_size(number) > size


def test_every_lie_in_a_proposal_is_voted_down_and_named(hall: Hall) -> None:
    assert set(RULES) == set(PROPOSALS)
    named: dict[str, float] = {}

    def all_named() -> bool:
        named.update(hall.counted(0, "sogoc_rejected_proposals"))
        return all(any(f'rule="{rule}"' in labels for labels in named) for rule in RULES.values() if rule)

    with hall.load(0, seed=5, pause=0.05) as load, hall.meter(0, 1, 2) as meter:
        hall.until(all_named, "all lies named", seconds=120)
        # Its answers are read no further than they can be true.
        hall.until(lambda: b"peer.too-large" in hall.served[0].said(), "an endless answer refused")
        assert load.acknowledgements > 0
    assert all(f'proposer="{ORIGIN}/{hall.names[LIAR]}"' in labels for labels in named)
    hall.until_agreed(0, 1, 2, above=2)
    keep(row("one lies: wrong proposals, two roots, garbage", check_all(hall, 0, 1, 2), meter))


def test_two_histories_under_one_key_are_proved_offline_and_deceive_nobody(
    hall: Hall, tmp_path: Path
) -> None:
    """Evidence on the nodes; and who holds nothing but the policy, and asks one honest node after the other while the fourth
    lies, gets proofs that hold, by the library and by the browser's verifier.
    """
    client = LightClient(hall.genesis)
    with hall.load(0, seed=6, pause=0.05) as load:
        load.more(30)
        for number in (0, 1, 2):
            entry_id, index = hall.newest_final(0)
            seen = max(index, client.size)
            hall.until(partial(_is_beyond, hall, number, seen), "final there, and grown since")
            client.ask(hall.names[number], hall.port(number), entry_id)
        hall.until(lambda: hall.evidence(0) and hall.evidence(1), "evidence on two nodes")
    for number in (0, 1):
        for text in hall.evidence(number):
            evidence = evidences.parse(text)
            evidences.verify(evidence)
            assert evidences.accused_by(evidence, hall.policy.pinned) == f"{ORIGIN}/{hall.names[LIAR]}"
        client.be_lied_to(hall.names[number], hall.evidence(number)[0])
    assert any(
        "sogoc_refused_cosignatures" in line for line in hall.ask(0, "/metrics")[1].decode().splitlines()
    )
    hall.until_agreed(0, 1, 2, above=2)
    check_all(hall, 0, 1, 2)
    is_judged_by_both = client.judge(tmp_path)
    assert {family: len(inputs) for family, inputs in client.honest.items()} == {
        "policy-check": 3,
        "consistency": 2,
        "receipt": 3,
        "history": 3,
        "compact-receipt": 3,
    }
    if not is_judged_by_both:
        pytest.skip("node is not installed: judged by the library alone")
