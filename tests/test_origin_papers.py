"""Certificates and OCOP stars that did not hold when something was made under them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ledger.days import after_ms, first_ms
from ledger.encoding import Value
from ledger.hashing import sha256
from ledger.origin.findings import Judgement
from ledger.origin.model import CertificateFact, Facts, Finding, ProductFact
from ledger.origin.story import facts_of
from ledger.records import Subject
from ledger.records.certificates import CERTIFICATE
from ledger.records.places import place
from ledger.records.products import product
from tests.orchard import FARM, record
from tests.supply_chains import Supply
from tests.test_origin_hostile import Pile

NAME = f"urn:sogoc:certificate:so-nn:{'0a' * 16}"
DAY = "2026-09-21"
GTIN = "08938500000010"


def told(*, at_ms: int, facts: Facts, certificates: tuple[str, ...] = ()) -> list[Finding]:
    supply = Supply(now_ms=at_ms)
    supply.make("farm", Decimal(10))
    supply.events[0] = replace(supply.events[0], certificates=certificates, time_ms=at_ms, recorded_ms=at_ms)
    story = replace(supply.story(), facts=facts)
    return list(Judgement(story).findings(story.things, at_ms))


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        (CertificateFact(DAY, DAY), None),
        (CertificateFact(), None),
        (CertificateFact("2026-09-22"), "not-yet"),
        (CertificateFact("", "2026-09-20"), "expired"),
        (CertificateFact(turns=((first_ms(DAY) - 1, "suspended"),)), "suspended"),
        (CertificateFact(turns=((first_ms(DAY) - 2, "suspended"), (first_ms(DAY) - 1, "in-force"))), None),
        (CertificateFact(turns=((after_ms(DAY), "revoked"),)), None),
        (CertificateFact(turns=((first_ms(DAY), "revoked"),)), "revoked"),
    ],
)
def test_a_certificate_counts_as_it_stood_then(fact: CertificateFact, why: str | None) -> None:
    found = told(at_ms=first_ms(DAY), facts=Facts(certificates={NAME: fact}), certificates=(NAME,))
    assert [one.rule for one in found] == ([] if why is None else ["certificate.not-in-force"])
    if why is not None:
        assert found[0].figures["why"] == why


def test_what_the_ledger_does_not_have_cannot_be_told() -> None:
    assert told(at_ms=first_ms(DAY), facts=Facts(), certificates=(NAME, "https://example.com/vietgap")) == []


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (((0, 3, DAY),), 0),
        (((0, 3, "2026-09-20"),), 1),
        (((0, 3, ""),), 0),
        (((0, 0, ""),), 0),
        # Renewed in time; renewed only afterwards.
        (((0, 3, "2026-09-20"), (1, 4, "2029-09-20")), 0),
        (((0, 3, "2026-09-20"), (first_ms(DAY) + 1, 4, "2029-09-20")), 1),
        # Registered after the goods were made: its first term is what there is.
        (((first_ms(DAY) + 1, 3, "2026-09-20"),), 1),
    ],
)
def test_stars_have_a_term(terms: tuple[tuple[int, int, str], ...], found: int) -> None:
    fact = ProductFact(by="farm", name="Dứa", ocop=terms, record_id=sha256(b"product"))
    facts = Facts(products={("farm", GTIN): fact})
    assert [one.rule for one in told(at_ms=first_ms(DAY), facts=facts)] == [
        "certificate.not-in-force"
    ] * found


def test_facts_are_what_the_histories_say() -> None:
    pile = Pile()
    add = pile.add_to
    certificate = Subject(CERTIFICATE, "so-nn", b"\n" * 16)
    named: dict[str, Value] = {"certificate": b"\n" * 16}
    issue: dict[str, Value] = {
        "schema": "ocop.1",
        "claims_root": bytes(32),
        "claims_count": 3,
        "valid_from": "2026-01-01",
        "valid_until": "2026-12-31",
    }
    add(certificate, record("cert.issue/1", "so-nn", **named, **issue), 1)
    add(certificate, record("cert.renew/1", "so-nn", **named, valid_until="2027-12-31"), 2)
    add(certificate, record("cert.suspend/1", "so-nn", **named, reason="complaint"), 3)
    goods = product("farm", GTIN)
    described: dict[str, Value] = {"gtin": GTIN, "category": "fruit", "unit": "KGM"}
    add(goods, record("product.register/1", "farm", **described, name="Dứa", ocop_stars=3, ocop_until=DAY), 1)
    add(goods, record("product.update/1", "farm", **described, name="Dứa gai", standards=["VietGAP"]), 2)
    add(goods, record("product.end/1", "farm", gtin=GTIN, reason="discontinued"), 3)
    farm = place("farm", FARM)
    add(farm, record("place.register/1", "farm", gln=FARM, name="Nương dứa", kind="farm"), 1)
    facts = facts_of(pile.histories)
    assert facts.certificates == {NAME: CertificateFact("2026-01-01", "2027-12-31", 1, ((3, "suspended"),))}
    fact = facts.products["farm", GTIN]
    assert (fact.name, fact.standards, fact.ended_ms) == ("Dứa gai", ("VietGAP",), 3)
    assert fact.ocop == ((1, 3, DAY), (2, 0, ""))
    assert facts.places[f"414/{FARM}"].name == "Nương dứa"
