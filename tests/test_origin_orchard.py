"""The example lot yields exactly its known figures, whether the story is read from the index or from proofs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.origin.findings import Judgement
from ledger.origin.graph import Exploration, Limits, explore
from ledger.origin.proof import check
from ledger.origin.recall import IN_FORCE, RECALLED, RECALLED_UPSTREAM
from node.origin import ViewSource, proof_of
from node.receipts import FinalView
from tests import orchard
from tests.chains import Chain
from tests.orchard import CARTON, DRIED, FRESH, Orchard


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


@pytest.fixture(scope="module")
def grown(chain: Chain) -> Orchard:
    return orchard.grow(chain)


@pytest.fixture(scope="module")
def final(chain: Chain, grown: Orchard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FinalView]:
    store = chain.write_store(tmp_path_factory.mktemp("orchard") / "store")
    with store.snapshot() as view:
        yield FinalView(view, chain.signed())
    store.close()


@pytest.fixture(scope="module")
def story(final: FinalView) -> Exploration:
    return explore(ViewSource(final), DRIED)


def test_the_trace_goes_from_the_farm_to_the_carton(story: Exploration) -> None:
    assert story.nodes == {DRIED: 0, FRESH: -1, CARTON: 1}
    assert not story.truncated
    assert not story.story.troubled


def test_exactly_the_known_figures(final: FinalView, grown: Orchard, story: Exploration) -> None:
    judgement = Judgement(story.story)
    found = judgement.findings(story.nodes, ViewSource(final).as_of_ms)
    assert [(one.rule, one.severity.value, one.items) for one in found] == [
        ("recall.reaches-sold", "serious", (DRIED,)),
        ("balance.transit-loss", "info", (FRESH,)),
        ("stock.never-shipped", "info", (DRIED,)),
    ]
    recalled, lost, stayed = found
    assert lost.figures == {
        "lost": "5",
        "unit": "KGM",
        "sent": "1200",
        "received": "1195",
        "tolerance_bp": 100,
    }
    assert grown.names(lost.records) == ["shipped fresh", "received fresh"]
    assert stayed.figures == {"amount": "120", "unit": "H87", "made": "180", "shipped": "60"}
    assert grown.names(stayed.records) == ["dried", "shipped"]
    assert recalled.figures == {
        "sold": "18",
        "sold_after": "0",
        "at_sellers": "42",
        "never_shipped": "120",
        "on_the_way": "0",
        "unit": "H87",
        "reason": "quality",
    }
    assert grown.names(recalled.records) == ["recalled", "sold first", "sold later"]
    assert lost.vi.startswith("Hao hụt 5 kg trên đường")
    assert stayed.en.startswith("120 pieces of lot DS-2509/1")


def test_who_is_recalled(story: Exploration) -> None:
    judgement = Judgement(story.story)
    assert judgement.status(DRIED) == RECALLED
    assert judgement.status(FRESH) == IN_FORCE
    assert judgement.status(CARTON) == RECALLED_UPSTREAM


def test_without_the_recall_it_is_no_finding(tmp_path: Path) -> None:
    chain = Chain()
    orchard.grow(chain, recalled=False)
    store = chain.write_store(tmp_path / "store")
    with store.snapshot() as view:
        source = ViewSource(FinalView(view, chain.signed()))
        found = explore(source, FRESH)
        rules = [one.rule for one in Judgement(found.story).findings(found.nodes, source.as_of_ms)]
    store.close()
    assert found.nodes == {FRESH: 0, DRIED: 1, CARTON: 2}
    assert rules == ["balance.transit-loss", "stock.never-shipped"]


def test_the_proof_holds_and_gives_the_same_answer(chain: Chain, final: FinalView) -> None:
    proof = proof_of(final, DRIED, "both", Limits())
    checked = check(proof.encoded(), chain.policy)
    assert checked.answer == proof.answer
    assert [one.rule for one in checked.findings] == [
        "recall.reaches-sold",
        "balance.transit-loss",
        "stock.never-shipped",
    ]
    assert checked.histories == 8  # three things, two products, three places
    assert checked.exploration.nodes == {DRIED: 0, FRESH: -1, CARTON: 1}
