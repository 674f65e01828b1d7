"""An inspector's report: what was found about a lot, as JSON for programs and as a paper for people.

Rules: the report names the checkpoint that it is of, how many records were verified, and every finding with the records that
it rests on; the proof beside it lets anybody find the same. Both files are anchored by the inspector's key, and so signed and
dated by the ledger. What comes from records is placed as text, never as markup.
"""

from __future__ import annotations

import json
from typing import Any

from api.exports.passport import step_label, trace_code
from api.exports.steps import Name
from api.exports.times import local_iso
from api.papers.typesetting import typeset
from ledger.origin import papers, words
from ledger.origin.findings import Judgement
from ledger.origin.proof import CheckedTrace
from ledger.origin.trace import as_dictionary, ends, events_of

MAX_EVENTS = 300
"""Events that the paper lists; the JSON has all."""
_SEVERITIES = {"serious": "Nghiêm trọng", "warning": "Cảnh báo", "info": "Thông tin"}
_STATUS = {
    "in-force": "còn lưu hành",
    "recalled": "ĐÃ THU HỒI",
    "recalled-upstream": "LIÊN QUAN LÔ THU HỒI",
    "unknown": "không có bản ghi",
}


def as_json(checked: CheckedTrace) -> bytes:
    """The report for programs: no name that no history proves."""
    judgement = Judgement(checked.exploration.story)
    report = {
        "format": "sogoc-origin-report/1",
        "item": checked.exploration.start,
        "as_of_ms": checked.as_of_ms,
        "ledger": {
            "origin": checked.checked.checkpoint.origin,
            "size": checked.checked.checkpoint.size,
            "root": checked.checked.checkpoint.root.hex(),
        },
        "verified": {"histories": checked.histories, "records": checked.records},
        "complete": not checked.exploration.truncated,
        "findings": [one.as_dictionary() for one in checked.findings],
        "trace": as_dictionary(checked.exploration, judgement, checked.direction, checked.as_of_ms),
    }
    return (json.dumps(report, ensure_ascii=False, indent=2) + "\n").encode()


def as_pdf(checked: CheckedTrace, name: Name) -> bytes:
    """The report as a paper. Raises PaperError (`paper.extra`)."""
    return typeset("origin-report.typ", _data(checked, name), time_s=checked.as_of_ms // 1000)


def _data(checked: CheckedTrace, name: Name) -> dict[str, Any]:
    found = checked.exploration
    judgement = Judgement(found.story)
    fact = papers.product_of(found.story, found.start)
    events = events_of(found)
    places = found.story.facts.places
    vi_item, _ = words.thing(found.start)
    return {
        "item": words.capital(vi_item),
        "code": trace_code(found.start),
        "product": "" if fact is None else fact.name,
        "owner": "" if fact is None else name(fact.by),
        "as_of": local_iso(checked.as_of_ms),
        "origin": checked.checked.checkpoint.origin,
        "size": str(checked.checked.checkpoint.size),
        "root": checked.checked.checkpoint.root.hex(),
        "histories": str(checked.histories),
        "records": str(checked.records),
        "complete": not found.truncated,
        "findings": [
            {
                "severity": _SEVERITIES[one.severity],
                "weight": one.severity.value,
                "rule": one.rule,
                "vi": one.vi,
                "en": one.en,
                "records": [record_id.hex()[:16] for record_id in one.records[:12]],
            }
            for one in checked.findings
        ],
        "things": [
            {"item": item, "layer": str(layer), "status": _STATUS[judgement.status(item)]}
            for item, layer in sorted(found.nodes.items(), key=lambda one: (one[1], one[0]))
        ][:MAX_EVENTS],
        "events": [
            {
                "time": words.moment(event.time_ms),
                "step": step_label(event),
                "from": ", ".join(ends(event)[0][:6]),
                "to": ", ".join(ends(event)[1][:6]),
                "by": name(event.by),
                "place": places[event.site].name if event.site in places else event.site,
            }
            for event in events[:MAX_EVENTS]
        ],
        "left_out": str(max(0, len(events) - MAX_EVENTS)),
    }
