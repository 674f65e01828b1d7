"""The merger of 1 July 2025, from beginning to end: Bắc Sơn, Ngọc Trạo, Phú Sơn and xã Quang Trung become phường Quang Trung.

Told with the commands that people type, on a node whose clock stands where the story is. Two things that names and codes
would get wrong: the new ward has the name of the old commune, and the administrative code that Ngọc Trạo had (in this
story 14818). So members are identifiers, and each stands for one authority for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from api.cli import enacting, signing, verify
from api.cli.output import ExitCode
from api.client import Client
from ledger.claims import Claim, FullClaims
from ledger.disclosure import CertificateProof
from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.errors import RefusedError
from ledger.hashing import sha256
from ledger.receipt import Receipt
from ledger.rows import MemberRow, member_key
from node import home, keyfiles
from node.home import Home
from node.service import Node
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import document_record, put, running_node, sign

__all__ = ["quiet_logs"]

PHU_SON, BAC_SON, NGOC_TRAO = "p-14821-1994", "p-14809-1981", "p-14818-1981"
XA_QUANG_TRUNG, QUANG_TRUNG = "x-14824-1981", "p-14818-2025"
EFFECTIVE = "2025-07-01T00:00+07:00"
DECISION = "Nghị quyết của Ủy ban Thường vụ Quốc hội về sắp xếp đơn vị hành chính cấp xã"
PAPER = b"41/BC-UBND: bao cao tien do"
OLD_PAPER = b"09/QD-UBND: quyet dinh se bi bai bo"
CERTIFICATE = bytes(range(16))
CLAIMS = FullClaims((Claim("so", "01/CN-OCOP"), Claim("san_pham", "Dứa sấy dẻo 200 g")), bytes(range(32)))


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@dataclass
class Story:
    """The node, where its clock stands, and what was kept on the way."""

    folder: Path
    now_ms: int = ms("2025-01-02T08:00+07:00")
    node: Node = field(init=False)
    address: str = ""
    kept: dict[str, str] = field(default_factory=dict)
    done: dict[str, Done] = field(default_factory=dict)

    def on(self, when: str) -> None:
        self.now_ms = ms(when)

    def clock(self) -> int:
        self.now_ms += 1
        return self.now_ms

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def run(self, *arguments: str | Path, key: Path) -> Done:
        command, verb, *rest = arguments
        return sogoc(command, verb, *rest, "--key", key, "--node", self.address)

    def good(self, *arguments: str | Path, key: Path) -> Done:
        done = self.run(*arguments, key=key)
        assert (done.code, done.rule) == (ExitCode.GOOD, ""), done.output
        return done

    def anchor(self, content: bytes, authority: str, key: str) -> bytes:
        record = document_record(content, authority=authority)
        signer = key if key == "office" else keyfiles.load(self.key(key), None)
        entry = sign(self.node, [record], key=signer, time_ms=self.now_ms)
        put(self.node, entry)
        return entry.record_ids[0]

    def receipt(self, record_id: str | bytes) -> str:
        with Client(self.address) as client:
            return client.receipt(bytes.fromhex(record_id) if isinstance(record_id, str) else record_id)

    def member(self, name: str) -> MemberRow:
        value = self.node.final.view.get(member_key(name))
        assert value is not None
        return MemberRow.parse(value)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("merger")
    told = Story(folder)
    home.init(
        folder / "node",
        origin="phuson.example/so-goc",
        name="UBND phường Phú Sơn",
        member=PHU_SON,
        time_s=told.now_ms // 1000,
        passphrase=None,
    )
    clock = SimpleNamespace(time_ns=lambda: told.clock() * 1_000_000)
    with (
        pytest.MonkeyPatch.context() as patch,
        running_node(folder, clock=told.clock) as node,
        serving(node) as address,
    ):
        patch.setattr(signing, "time", clock)
        patch.setattr(enacting, "time", clock)
        told.node, told.address = node, address
        tell(told)
        yield told


def tell(story: Story) -> None:
    """What happened, in the order in which it did."""
    admin, office = Home(story.folder / "node").key("admin"), Home(story.folder / "node").key("office")
    add = ("member", "add", "--insecure-no-passphrase")

    story.on("2025-01-10T09:00+07:00")
    for member, name in (
        (BAC_SON, "UBND phường Bắc Sơn"),
        (NGOC_TRAO, "UBND phường Ngọc Trạo"),
        (XA_QUANG_TRUNG, "UBND xã Quang Trung"),
    ):
        story.good(
            *add, "--member", member, "--name", name, "--roles", "office,key-manager", "--new-key", story.key(member),
            key=admin,
        )  # fmt: skip

    story.on("2025-03-12T14:30+07:00")
    paper, old = story.anchor(PAPER, PHU_SON, "office"), story.anchor(OLD_PAPER, PHU_SON, "office")
    story.kept |= {"paper": paper.hex(), "old": old.hex(), "march": story.receipt(paper)}
    (story.folder / "41-BC-UBND.pdf").write_bytes(PAPER)
    issue: dict[str, Value] = {
        "authority": PHU_SON,
        "certificate": CERTIFICATE,
        "schema": "ocop.1",
        "claims_root": CLAIMS.root,
        "claims_count": len(CLAIMS.claims),
        "valid_from": "2025-03-14",
        "valid_until": "2028-03-13",
    }
    put(story.node, sign(story.node, [encode_record("cert.issue/1", issue)], time_ms=story.now_ms))

    # The new ward is admitted before it exists; it will administer the ledger when Phú Sơn does not any more.
    story.on("2025-06-20T10:00+07:00")
    story.good(
        *add, "--member", QUANG_TRUNG, "--name", "UBND phường Quang Trung", "--roles", "administrator,key-manager,office",
        "--new-key", story.key(QUANG_TRUNG), "--decision", DECISION, key=admin,
    )  # fmt: skip

    story.on("2025-06-25T10:00+07:00")
    succeed = ("--by", QUANG_TRUNG, "--effective", EFFECTIVE, "--kind", "merge", "--decision", DECISION)
    story.good("member", "succeed", BAC_SON, *succeed, key=story.key(BAC_SON))
    story.good("member", "succeed", NGOC_TRAO, *succeed, key=story.key(NGOC_TRAO))
    # The commune's officer has lost the key: two administrators decide in its place.
    story.done["proposed"] = story.good("member", "succeed", XA_QUANG_TRUNG, *succeed, "--json", key=admin)
    (proposal,) = story.done["proposed"].json["proposals"]
    story.kept["proposal"] = proposal
    story.done["before"] = sogoc("member", "list", "--json", "--node", story.address)
    story.on("2025-06-26T09:00+07:00")
    story.done["approved"] = story.good(
        "governance", "approve", proposal[:12], "--yes", "--json", key=story.key(QUANG_TRUNG)
    )
    story.good("member", "succeed", PHU_SON, *succeed, key=admin)

    story.on("2025-06-30T23:59+07:00")
    story.anchor(b"the last paper of Phu Son", PHU_SON, "office")

    story.on("2025-07-01T00:00:01+07:00")
    with pytest.raises(RefusedError) as caught:
        story.anchor(b"one paper too many", PHU_SON, "office")
    story.kept["refused"] = caught.value.rule
    story.done["refused"] = story.run(
        "member", "add", "--insecure-no-passphrase", "--member", PHU_SON, "--roles", "office", "--new-key",
        story.folder / "late.pem", key=admin,
    )  # fmt: skip

    story.on("2025-08-04T08:00+07:00")
    story.anchor(b"1/QD-UBND of the new ward", QUANG_TRUNG, QUANG_TRUNG)
    withdrawal = encode_record(
        "doc.withdraw/1",
        {"authority": PHU_SON, "document": sha256(OLD_PAPER), "reason": "no-longer-applies"},
    )
    signer = keyfiles.load(story.key(QUANG_TRUNG), None)
    withdrawn = sign(story.node, [withdrawal], key=signer, time_ms=story.now_ms)
    put(story.node, withdrawn)
    story.kept["withdrawal"] = withdrawn.record_ids[0].hex()
    assert office.is_file()

    story.on("2026-03-16T09:00+07:00")
    story.anchor(b"life goes on", QUANG_TRUNG, QUANG_TRUNG)


def judged(story: Story, receipt: str, monkeypatch: pytest.MonkeyPatch, *more: str) -> Done:
    """What `sogoc verify` says about the paper of March 2025, at the story's time."""
    clock = SimpleNamespace(time_ns=lambda: story.now_ms * 1_000_000)
    monkeypatch.setattr(verify, "time", clock)
    (story.folder / "receipt.tlog-proof").write_text(receipt)
    return sogoc(
        "verify", story.folder / "41-BC-UBND.pdf", "--receipt", story.folder / "receipt.tlog-proof", "--policy",
        Home(story.folder / "node").policy, *more,
    )  # fmt: skip


def test_a_paper_of_march_2025_verifies_in_2026_and_says_who_succeeds(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = story.receipt(story.kept["paper"])
    done = judged(story, receipt, monkeypatch, "--json")
    assert done.code == ExitCode.GOOD
    assert done.json["verdict"] == "in-force"
    assert done.json["issuer"] == {
        "id": PHU_SON,
        "name": "UBND phường Phú Sơn",
        "ended": "2025-06-30T17:00:00Z",
        "successors": ["UBND phường Quang Trung"],
    }
    assert done.json["proved"]["since"].startswith("2025-03-12T07:30:00")
    shown = judged(story, receipt, monkeypatch).output
    assert "UBND phường Phú Sơn (đến 30/6/2025); cơ quan kế thừa: UBND phường Quang Trung" in shown


def test_a_certificate_of_march_2025_verifies_in_2026_and_says_who_succeeds(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(story.address) as client:
        data = client.certificate_proof(CERTIFICATE, PHU_SON)
    file = story.folder / "giay.sogoc-proof"
    file.write_bytes(CertificateProof.parse(data).with_claims(CLAIMS).encoded())
    monkeypatch.setattr(verify, "time", SimpleNamespace(time_ns=lambda: story.now_ms * 1_000_000))
    done = sogoc("verify", file, "--policy", Home(story.folder / "node").policy)
    assert done.code == ExitCode.GOOD
    for said in (
        "HỢP LỆ",
        "UBND phường Phú Sơn (đến 30/6/2025); cơ quan kế thừa: UBND phường Quang Trung",
        "14/3/2025 – 13/3/2028",
        "Dứa sấy dẻo 200 g",
        "12/03/2025",
    ):
        assert said in done.output, said


def test_the_receipt_of_march_still_holds_and_cannot_know_what_came_after(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to fetch anything: what was proved in March 2025 stays proved, as of then."""
    done = judged(story, story.kept["march"], monkeypatch, "--json")
    assert (done.code, done.json["verdict"]) == (ExitCode.GOOD, "in-force")
    assert done.json["issuer"]["name"] == "UBND phường Phú Sơn"
    assert done.json["issuer"]["ended"] is None
    assert done.json["proved"]["status_as_of"].startswith("2025-03-12")


def test_the_receipt_proves_each_member_of_the_line(story: Story) -> None:
    receipt = Receipt.parse(story.receipt(story.kept["paper"]))
    assert receipt.state is not None
    assert [name for name, _ in receipt.state.members] == [PHU_SON, QUANG_TRUNG]


def test_the_old_keys_refuse_after_the_cut_off(story: Story) -> None:
    assert story.kept["refused"] == "member.ended"
    # The commands say so before they sign, or the ledger does; in either case nothing is admitted.
    assert story.done["refused"].code == ExitCode.DOES_NOT_MATCH
    assert story.done["refused"].rule in {"member.ended", "key.not-current"}


def test_the_new_ward_withdraws_a_paper_of_the_old_one(story: Story) -> None:
    receipt = story.receipt(story.kept["old"])
    (story.folder / "09.pdf").write_bytes(OLD_PAPER)
    (story.folder / "09.tlog-proof").write_text(receipt)
    done = sogoc(
        "verify", story.folder / "09.pdf", "--receipt", story.folder / "09.tlog-proof", "--policy",
        Home(story.folder / "node").policy, "--json",
    )  # fmt: skip
    assert (done.code, done.json["code"]) == (ExitCode.NO_LONGER_IN_FORCE, "status.withdrawn")
    assert done.json["issuer"]["id"] == PHU_SON
    # Who withdrew it is told from who had put it on record, whichever of the two records the receipt is of.
    for name, label, by in (
        ("old", "do / by  ", "UBND phường Phú Sơn"),
        ("withdrawal", "record by", "UBND phường Quang Trung"),
    ):
        (story.folder / "09.tlog-proof").write_text(story.receipt(story.kept[name]))
        done = sogoc(
            "verify", story.folder / "09.pdf", "--receipt", story.folder / "09.tlog-proof", "--policy",
            Home(story.folder / "node").policy,
        )  # fmt: skip
        assert "UBND phường Phú Sơn (đến 30/6/2025)" in done.output
        (line,) = [one for one in done.output.splitlines() if label in one]
        assert by in line
        assert "12/03/2025" in done.output


def test_one_predecessor_could_not_sign_and_two_administrators_decided(story: Story) -> None:
    proposed, approved = story.done["proposed"].json, story.done["approved"].json
    assert (proposed["outcome"], proposed["quorum"]) == ("proposed", 2)
    before = {member["id"]: member for member in story.done["before"].json["members"]}
    assert before[XA_QUANG_TRUNG]["ended"] is None
    assert before[BAC_SON]["successors"] == [QUANG_TRUNG]
    (tally,) = approved["proposals"]
    assert (tally["outcome"], tally["approvals"]) == (
        "executed",
        sorted([PHU_SON, QUANG_TRUNG], reverse=True),
    )
    assert story.member(XA_QUANG_TRUNG).successors == (QUANG_TRUNG,)


def test_a_code_and_a_name_that_were_used_before_confuse_nobody(story: Story) -> None:
    new, commune, code_before = (story.member(name) for name in (QUANG_TRUNG, XA_QUANG_TRUNG, NGOC_TRAO))
    assert new.predecessors == tuple(sorted((BAC_SON, NGOC_TRAO, PHU_SON, XA_QUANG_TRUNG)))
    assert new.ended_ms is None
    assert commune.ended_ms == code_before.ended_ms == ms(EFFECTIVE)
    assert QUANG_TRUNG.split("-")[1] == NGOC_TRAO.split("-")[1]
    assert new.name.endswith("Quang Trung")
    assert commune.name.endswith("Quang Trung")


def test_people_see_the_succession_in_the_list(story: Story) -> None:
    shown = sogoc("member", "list", "--node", story.address).output
    assert f"kế thừa / successors: {QUANG_TRUNG}" in shown
    assert f"kế thừa của / succeeds: {BAC_SON}, {NGOC_TRAO}, {PHU_SON}, {XA_QUANG_TRUNG}" in shown
    page = httpx.get(f"{story.address}/so-cai/thanh-vien").text
    (row,) = re.findall(rf'<a href="/so-cai/thanh-vien/{PHU_SON}">.*?</a>', page, re.DOTALL)
    said = " ".join(re.sub("<[^>]+>", " ", row).split())
    assert "Kết thúc 01/07/2025 00:00:00 · Cơ quan kế thừa : UBND phường Quang Trung" in said
