"""Four kinds of findings, computed by the library and by the browser's script on the same events and facts.

`tests/redone/cases.py` has the events; every finding of these kinds that the library gives is found again by the script, and a
finding that was left out, added or changed is a difference there.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from ledger.origin.findings import Judgement
from ledger.origin.model import Story
from tests.js.in_node import VERIFY, node_program
from tests.redone.cases import CASES, Redone
from tests.test_origin_sums import event_to

RULES = ("recall.reaches-sold", "serial.reused", "certificate.not-in-force", "entry.late")
_PROGRAM = """
import { readFileSync } from "node:fs";
const { flowsOf } = await import("./static/js/trace/balance.js");
const { compare, redo, RULES } = await import("./static/js/trace/redone.js");
const cases = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(cases.map(({ events, item, owners, facts, stated }) => {
  const known = new Map(events.map((one) => [one.id, one]));
  const flows = flowsOf(events, item, owners);
  const own = redo(flows, { ...facts, certificates: new Map(Object.entries(facts.certificates)) });
  const told = stated.map((findings) => {
    const { isSame, redone } = compare(findings, flows, own, known);
    return { isSame, redone: redone.size };
  });
  return { rules: RULES, own, told };
})));
"""


def outgoing(case: Redone, story: Story) -> dict[str, Any]:
    """A case as the script takes it."""
    events = [
        event_to(event) | {"recordedMs": event.recorded_ms, "certificates": list(event.certificates)}
        for event in story.events.values()
    ]
    certificates = {
        name: {
            "validFrom": one.valid_from,
            "validUntil": one.valid_until,
            "turns": [list(turn) for turn in one.turns],
        }
        for name, one in story.facts.certificates.items()
    }
    product = next(iter(story.facts.products.values()), None)
    recall = Judgement(story).reach.get(case.item)
    return {
        "events": events,
        "item": case.item,
        "owners": [lot.by for lot in story.things[case.item].lots],
        "facts": {
            "certificates": certificates,
            "product": product
            and {"recordId": product.record_id.hex(), "ocop": [list(term) for term in product.ocop]},
            "recall": recall
            and {"id": recall.record_id.hex(), "reason": recall.reason, "timeMs": recall.recorded_ms},
        },
    }


def spoilt(findings: list[dict[str, Any]], item: str) -> list[list[dict[str, Any]]]:
    """The findings with one of these kinds made up, left out, made lighter, or with another record or figure."""
    made_up = {
        "rule": "serial.reused",
        "severity": "serious",
        "items": [item],
        "records": [],
        "figures": {"times": 9},
    }
    late = {
        "rule": "entry.late",
        "severity": "info",
        "items": [],
        "records": [],
        "figures": {"by": "farm", "events": 0},
    }
    found = [[*findings, made_up], [*findings, late]]
    for at, one in enumerate(findings):
        if one["rule"] not in RULES:
            continue
        rest = [*findings[:at], *findings[at + 1 :]]
        lighter = {"serious": "warning", "warning": "info", "info": "warning"}[one["severity"]]
        found += [rest, [*rest, one | {"severity": lighter}], [*rest, one | {"records": one["records"][1:]}]]
        found.append([*rest, one | {"figures": one["figures"] | {"unheard": 1}}])
        found.append([*rest, one | {"items": [*one["items"], "01/08938500000041/10/X"]}])
    return found


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    program = node_program()
    if program is None:
        pytest.skip("node is not installed")
    place = tmp_path_factory.mktemp("redone")
    (place / "static").symlink_to(VERIFY.parent)
    (place / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (place / "run.js").write_text(_PROGRAM, encoding="utf-8")
    asked = []
    for case in CASES:
        found = findings_of(case)
        asked.append(outgoing(case, case.story) | {"stated": [found, *spoilt(found, case.item)]})
    done = subprocess.run(
        [program, "--preserve-symlinks", "--preserve-symlinks-main", str(place / "run.js")],
        input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {case.desc: one for case, one in zip(CASES, json.loads(done.stdout), strict=True)}


def findings_of(case: Redone) -> list[dict[str, Any]]:
    judgement = Judgement(case.story)
    return [one.as_dictionary() for one in judgement.findings(case.story.things, case.as_of_ms)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.desc)
def test_the_library_finds_what_the_case_says(case: Redone) -> None:
    found = [(one["rule"], one["severity"]) for one in findings_of(case) if one["rule"] in RULES]
    assert sorted(found) == sorted(case.expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.desc)
def test_the_script_finds_the_same(case: Redone, outcomes: dict[str, Any]) -> None:
    out = outcomes[case.desc]
    assert tuple(out["rules"]) == RULES
    stated = [one for one in findings_of(case) if one["rule"] in RULES]
    assert out["told"][0] == {"isSame": True, "redone": len(stated)}
    mine = [
        {name: one[name] for name in ("rule", "severity", "items", "records", "figures")} for one in stated
    ]
    concerning = [one for one in mine if one["rule"] != "entry.late" and case.item in one["items"]]
    assert sorted(out["own"], key=json.dumps) == sorted(
        [
            {name: one[name] for name in ("rule", "severity", "items", "records", "figures")}
            for one in concerning
        ],
        key=json.dumps,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.desc)
def test_the_script_notices_what_was_changed(case: Redone, outcomes: dict[str, Any]) -> None:
    told = [one["isSame"] for one in outcomes[case.desc]["told"][1:]]
    assert told == [False] * len(spoilt(findings_of(case), case.item))
