"""Shares of an event by vectors that the library and the browser's script share (`tests/share/`)."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.epcis.share import Share, address, check, judge, share_of_link
from ledger.errors import CannotTellError, FormatError
from ledger.keys import SigningKey
from ledger.policy import Policy
from tests.js.in_node import VERIFY, node_program
from tests.share.making import FILE

VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = VECTORS["cases"]
_PROGRAM = """
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
globalThis.crypto ??= webcrypto;
const { fromBase64, judgeReceipt, LedgerError } = await import("./static/verify/index.js");
await import("./static/verify/records-goods.js");
const { judgeShare, linkOf, ofFragment, parseShare } = await import("./static/js/epcis/share.js");
const { policy, cases } = JSON.parse(readFileSync(0, "utf8"));
async function told({ share, receipt }) {
  const data = fromBase64(share, "case");
  let found;
  try {
    found = parseShare(data);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { verdict: "cannot-tell", rule: error.rule };
  }
  const { verdict, rule, shared } = await judgeShare(found, await judgeReceipt(receipt ?? found.receipt, policy));
  const link = linkOf(data, "https://so-goc.example");
  const back = link === null ? null : Buffer.from(ofFragment(new URL(link).hash)).toString("base64");
  return {
    verdict, rule, link, back, hidden: shared && shared.hidden,
    shown: shared && Object.fromEntries(shared.shown.map(({ pointer, text }) => [pointer, text])),
    reader: (shared && shared.addressee && shared.addressee.reader) ?? null, byAuthor: Boolean(shared && shared.isByAuthor),
  };
}
process.stdout.write(JSON.stringify(await Promise.all(cases.map(told))));
"""


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.parse(VECTORS["policy"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["desc"])
def test_the_library(case: dict[str, Any], policy: Policy) -> None:
    data = base64.b64decode(case["share"])
    judgement = judge(data, policy, receipt_text=case["receipt"])
    assert (judgement.verdict.name.lower().replace("_", "-"), judgement.rule) == (
        case["verdict"],
        case["rule"],
    )
    if case["shown"] is None:
        assert judgement.claims == ()
        return
    shared = check(Share.parse(data), policy, receipt_text=case["receipt"])
    assert {part.pointer: part.text for part in shared.shown} == case["shown"]
    assert {claim.name: claim.value for claim in judgement.claims} == case["shown"]
    told = shared.addressee
    assert (shared.hidden, told and told.reader, shared.is_by_author) == (
        case["hidden"],
        case["reader"],
        case["byAuthor"],
    )


def test_the_browser_s_script(tmp_path: Path) -> None:
    program = node_program()
    if program is None:
        pytest.skip("node is not installed")
    (tmp_path / "static").symlink_to(VERIFY.parent)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (tmp_path / "run.js").write_text(_PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [program, "--preserve-symlinks", "--preserve-symlinks-main", str(tmp_path / "run.js")],
        input=json.dumps(VECTORS), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = ("verdict", "rule", "shown", "hidden", "reader", "byAuthor")
    links = 0
    for case, told in zip(CASES, json.loads(done.stdout), strict=True):
        assert {name: told.get(name) for name in names} == {"shown": None, "hidden": None, "reader": None} | {
            name: case[name] if name in told else None for name in names
        }, case["desc"]
        if told.get("link"):
            # What the browser writes is what the library reads, and writes; and back.
            links += 1
            assert told["back"] == case["share"]
            found = share_of_link(told["link"])
            if case["desc"] == "a file of the first version":
                continue
            assert base64.b64encode(found.encoded()).decode() == case["share"]
            if isinstance(found.evidence, bytes):
                assert found.link("https://so-goc.example/") == told["link"]
    assert links > 5


def test_a_link_is_the_whole_share_or_is_refused() -> None:
    case = next(case for case in CASES if case["receipt"] and case["verdict"] == "in-force")
    share = Share.parse(base64.b64decode(case["share"]))
    link = share.link("https://so-goc.example")
    assert link.startswith("https://so-goc.example/chia-se#")
    assert share_of_link(link) == share
    assert len(link) < 600
    for end in range(len("https://so-goc.example/chia-se#"), len(link)):
        with pytest.raises((FormatError, CannotTellError)) as refused:
            share_of_link(link[:end])
        assert refused.value.rule.split(".")[0] in {"share", "encoding"}
    for wrong in ("https://so-goc.example/chia-se", link + "!", link + "A" * 9_000):
        with pytest.raises(FormatError) as refused_too:
            share_of_link(wrong)
        assert refused_too.value.rule == "share.link"
    with pytest.raises(CannotTellError) as lacking:
        check(share, Policy.parse(VECTORS["policy"]))
    assert lacking.value.rule == "share.no-receipt"
    with pytest.raises(FormatError) as no_link:
        Share("a receipt", share.parts).link("https://so-goc.example")
    assert no_link.value.rule == "share.link"
    key = SigningKey.from_seed(b"k" * 32)
    for name in ("", " x", "x" * 201):
        with pytest.raises(FormatError) as nobody:
            address(name, 0, bytes(32), share.parts, key)
        assert nobody.value.rule == "share.reader-name"
    large = replace(share, parts=tuple(replace(share.parts[0], index=index) for index in range(80)))
    with pytest.raises(FormatError) as long:
        large.link("https://so-goc.example")
    assert long.value.rule == "share.link-size"
