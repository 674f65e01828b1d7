"""`sogoc governance`, rotation and succession at the command line, and what `/v1/proposals` tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from api.cli import enacting, governance, signing
from api.cli.output import ExitCode
from api.client import Client
from api.http.app import create_app
from ledger.errors import VerificationError
from ledger.rows import PARAMETERS_KEY, KeyRow, MemberRow, key_key, member_key, parse_parameters
from node import keyfiles
from node.service import Node
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import document_record, put, running_node, sign

__all__ = ["quiet_logs"]

DAY_MS = 24 * 3600 * 1000
OPEN = "--insecure-no-passphrase"


@dataclass
class Council:
    """A ledger with the administrators `office` and `thi-xa`, and the cooperative `htx`; its clock can be put forward."""

    folder: Path
    ahead_ms: int = 0
    node: Node = field(init=False)
    address: str = ""
    _keys: int = 0

    def clock(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def key(self, name: str) -> Path:
        return self.node.home.key(name) if name in {"admin", "office"} else self.folder / f"{name}.pem"

    def public_key(self, name: str) -> str:
        return keyfiles.load(self.key(name), None).public_key.hex()

    def run(self, by: str, *arguments: str | Path) -> Done:
        return sogoc(*arguments, "--key", self.key(by), "--node", self.address)

    def good(self, by: str, *arguments: str | Path) -> Done:
        done = self.run(by, *arguments)
        assert (done.code, done.rule) == (ExitCode.GOOD, ""), done.output
        return done

    def new_key(self) -> Path:
        self._keys += 1
        return self.folder / f"new {self._keys}.pem"

    def propose(self, by: str = "admin") -> str:
        """Propose a new member; gives the proposal's id."""
        new = self.new_key()
        done = self.good(
            by, "member", "add", OPEN, "--member", f"truong-{self._keys}", "--name", "Trường", "--roles", "office",
            "--new-key", new, "--json",
        )  # fmt: skip
        assert done.json["outcome"] == "proposed"
        (proposal,) = done.json["proposals"]
        return str(proposal)

    def row(self, member: str) -> MemberRow | None:
        value = self.node.final.view.get(member_key(member))
        return None if value is None else MemberRow.parse(value)

    def key_row(self, public_key: str) -> KeyRow:
        value = self.node.final.view.get(key_key(bytes.fromhex(public_key)))
        assert value is not None
        return KeyRow.parse(value)


@pytest.fixture(scope="module")
def council(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    one = Council(tmp_path_factory.mktemp("council"))
    clock = SimpleNamespace(time_ns=lambda: one.clock() * 1_000_000)
    with (
        pytest.MonkeyPatch.context() as patch,
        running_node(one.folder, clock=one.clock) as node,
        serving(node) as address,
    ):
        patch.setattr(signing, "time", clock)
        patch.setattr(enacting, "time", clock)
        one.node, one.address = node, address
        one.good(
            "admin", "member", "add", OPEN, "--member", "htx", "--name", "Hợp tác xã", "--roles", "key-manager,producer",
            "--new-key", one.key("htx"),
        )  # fmt: skip
        one.good(
            "admin", "member", "add", OPEN, "--member", "thi-xa", "--name", "UBND thị xã", "--roles",
            "administrator,key-manager,office", "--new-key", one.key("thi-xa"),
        )  # fmt: skip
        yield one


# --- proposing and voting ---------------------------------------------------------------------------------------------


def test_what_takes_a_quorum_becomes_a_proposal_and_says_what_to_do(council: Council) -> None:
    done = council.good(
        "admin", "member", "roles", "--member", "htx", "--roles", "key-manager,office,producer"
    )
    assert "Đã đề xuất, chờ chấp thuận" in done.output
    assert "2 / 2: office, thi-xa" in done.output
    assert "sogoc governance approve " in done.output
    row = council.row("htx")
    assert row is not None
    assert row.roles == ("key-manager", "producer")
    proposal = council.good(
        "admin", "governance", "withdraw", done.output.split("approve ")[1].split()[0], "--yes"
    )
    assert "đã rút / withdrawn" in proposal.output


def test_one_command_approves_several_each_in_an_entry_of_its_own(council: Council) -> None:
    first, second = council.propose(), council.propose()
    height = council.node.final.view.head.height
    done = council.good("thi-xa", "governance", "approve", first[:8], second.upper(), "--yes", "--json")
    assert council.node.final.view.head.height == height + 2
    assert len({one["entry"] for one in done.json["entries"]}) == 2
    assert {one["outcome"] for one in done.json["proposals"]} == {"executed"}
    assert council.row(f"truong-{council._keys}") is not None
    listed = sogoc("governance", "list", "--all", "--json", "--node", council.address)
    assert {first, second} <= {one["id"] for one in listed.json["proposals"]}


def test_members_and_keys_that_came_by_a_vote_are_listed(council: Council) -> None:
    proposal = council.propose()
    council.good("thi-xa", "governance", "approve", proposal, "--yes")
    member = f"truong-{council._keys}"
    listed = sogoc("member", "list", "--json", "--node", council.address).json["members"]
    (found,) = [one for one in listed if one["id"] == member]
    assert [one["public_key"] for one in found["keys"]] == [council.public_key(f"new {council._keys}")]


def test_nothing_is_signed_unread(council: Council) -> None:
    proposal = council.propose()
    height = council.node.final.view.head.height
    done = council.run("thi-xa", "governance", "approve", proposal)
    assert (done.code, done.rule) == (ExitCode.USAGE, "governance.confirm")
    assert "kết nạp thành viên / admit a member" in done.output
    assert council.node.final.view.head.height == height


def test_a_proposal_is_named_by_enough_of_its_id(council: Council) -> None:
    proposal = council.propose()
    for name in (proposal[:7], "zzzzzzzz", "", "0" * 64):
        done = council.run("thi-xa", "governance", "approve", name, "--yes")
        assert (done.code, done.rule) == (ExitCode.USAGE, "proposal.unknown"), name


def test_a_node_that_shows_another_proposal_is_caught(
    council: Council, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is signed is the id; so what it stands for must follow from it, and not from the node's word."""
    asked, shown = council.propose(), council.propose()
    honest = Client.record

    def lying(self: Client, record_id: bytes) -> object:
        return honest(self, bytes.fromhex(shown) if record_id.hex() == asked else record_id)

    monkeypatch.setattr(Client, "record", lying)
    with Client(council.address) as client, pytest.raises(VerificationError) as caught:
        governance.find(client, [asked])
    assert caught.value.rule == "proposal.other"
    done = council.run("thi-xa", "governance", "approve", asked, "--yes")
    assert (done.code, done.rule) == (ExitCode.DOES_NOT_MATCH, "proposal.other")


def test_who_has_no_vote_is_told(council: Council) -> None:
    proposal = council.propose()
    assert council.run("htx", "governance", "approve", proposal, "--yes").rule == "authority.role"
    assert council.run("admin", "governance", "approve", proposal, "--yes").rule == "proposal.approved"
    assert council.run("thi-xa", "governance", "withdraw", proposal, "--yes").rule == "proposal.unknown"
    assert (
        council.run("htx", "member", "roles", "--member", "htx", "--roles", "office").rule == "authority.role"
    )


def test_parameters(council: Council) -> None:
    assert council.run("admin", "governance", "set-parameter", "no-such", "5").rule == "parameter.unknown"
    too_much = council.run("admin", "governance", "set-parameter", "entry-time-ahead-ms", str(2 * DAY_MS))
    assert too_much.rule == "parameter.range"
    done = council.good(
        "thi-xa",
        "governance",
        "set-parameter",
        "key-grace-ms",
        str(3 * DAY_MS),
        "--decision",
        "Quy chế",
        "--json",
    )
    (proposal,) = done.json["proposals"]
    council.good("admin", "governance", "approve", proposal, "--yes")
    found = parse_parameters(council.node.final.view.get(PARAMETERS_KEY) or b"")
    assert found["key-grace-ms"] == 3 * DAY_MS


def test_a_record_that_would_have_64_bytes_names_a_dash_as_its_decision(council: Council) -> None:
    """The format refuses 64 bytes, and nobody who types a command can help that."""
    # ["parameter.set/1", {authority: "office", name: "key-grace-ms", value: …}] has 64 bytes for a value of 32 bits.
    days = str(4 * DAY_MS)
    for arguments, decision in (((days,), "-"), (("60000",), None), ((days, "--decision", "QĐ 1"), "QĐ 1")):
        done = council.good("admin", "governance", "set-parameter", "key-grace-ms", *arguments, "--json")
        (proposal,) = done.json["proposals"]
        listed = sogoc("governance", "list", "--node", council.address, "--json").json["proposals"]
        (action,) = [one["action"] for one in listed if one["id"] == proposal]
        assert action["type"] == "parameter.set/1"
        assert action["body"].get("decision") == decision
        council.good("admin", "governance", "withdraw", proposal, "--yes")


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_proposals_over_http(council: Council) -> None:
    council.good("thi-xa", "governance", "approve", council.propose(), "--yes")
    proposal = council.propose()
    with TestClient(create_app(council.node)) as http:
        answer = http.get("/v1/proposals", params={"open": "true"}).json()
        newest = answer["proposals"][0]
        assert newest["id"] == proposal
        assert newest["action"]["type"] == "member.register/1"
        assert newest["action"]["body"]["member"] == f"truong-{council._keys}"
        assert (newest["voters"], newest["quorum"]) == (["office", "thi-xa"], 2)
        assert newest["approvals"] == newest["counted"] == ["office"]
        assert newest["outcome"] == "open"
        every = http.get("/v1/proposals").json()["proposals"]
        assert {one["outcome"] for one in every} >= {"open", "executed"}
        assert [one["proposed_ms"] for one in every] == sorted(
            (one["proposed_ms"] for one in every), reverse=True
        )
        assert http.get("/v1/proposals", params={"open": "maybe"}).status_code == 422
    council.good("admin", "governance", "withdraw", proposal, "--yes")


def test_an_expired_proposal_is_shown_as_such(council: Council) -> None:
    proposal = council.propose()
    council.ahead_ms += 31 * DAY_MS
    put(council.node, sign(council.node, [document_record()], time_ms=council.clock()))
    with Client(council.address) as client:
        found = {one.id.hex(): one.outcome for one in client.proposals()}
        assert found[proposal] == "expired"
        assert proposal not in {one.id.hex() for one in client.proposals(still_open=True)}
    done = council.run("thi-xa", "governance", "approve", proposal, "--yes")
    assert (done.code, done.rule) == (ExitCode.DOES_NOT_MATCH, "proposal.expired")


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_rotates_itself(council: Council) -> None:
    old, new = council.folder / "phone.pem", council.folder / "phone 2.pem"
    council.good("htx", "member", "add", OPEN, "--member", "htx", "--roles", "producer", "--new-key", old)
    done = council.good("phone", "member", "rotate-key", OPEN, "--new-key", new, "--json")
    assert done.json["public_key"] == council.public_key("phone 2")
    assert council.key_row(council.public_key("phone")).retired_ms is not None
    assert council.key_row(council.public_key("phone 2")).roles == ("producer",)
    again = council.run("phone", "member", "rotate-key", OPEN, "--new-key", new)
    assert (again.code, again.rule) == (ExitCode.USAGE, "key-file.exists")
    late = council.run("phone", "member", "rotate-key", OPEN, "--new-key", council.new_key())
    assert late.rule in {"key.retired", "key.not-current"}


def test_a_key_ends_itself_and_its_member_s_manager_ends_it(council: Council) -> None:
    for number, by in enumerate(("own", "htx")):
        file = council.folder / f"own {number}.pem"
        council.good(
            "htx", "member", "add", OPEN, "--member", "htx", "--roles", "producer", "--new-key", file
        )
        mine = council.public_key(f"own {number}")
        signer = f"own {number}" if by == "own" else by
        assert (
            council.good(signer, "member", "retire-key", "--public-key", mine, "--json").json["outcome"]
            == "done"
        )
        assert council.key_row(mine).retired_ms is not None
    office = council.public_key("office")
    assert council.run("htx", "member", "retire-key", "--public-key", office).rule == "authority.role"
    done = council.good(
        "thi-xa", "member", "revoke-key", "--public-key", office, "--from", "2026-01-01", "--json"
    )
    assert done.json["outcome"] == "proposed"


def test_a_key_with_an_end(council: Council) -> None:
    add = ("member", "add", OPEN, "--member", "htx", "--roles", "producer", "--new-key")
    past = council.run("htx", *add, council.new_key(), "--until", "2020-01-01")
    assert past.rule == "key.until-past"
    council.good("htx", *add, council.key("season"), "--until", "2099-01-01T00:00Z")
    assert council.key_row(council.public_key("season")).until_ms == 4_070_908_800_000
    assert "dùng đến / valid until" in sogoc("member", "list", "--node", council.address).output
    new = council.run(
        "admin", "member", "add", OPEN, "--member", "x", "--name", "X", "--roles", "office", "--until", "2099-01-01",
        "--new-key", council.new_key(),
    )  # fmt: skip
    assert (new.code, new.rule) == (ExitCode.USAGE, "member.arguments")


def test_who_becomes_an_administrator_shows_a_key(council: Council) -> None:
    roles = ("member", "roles", "--member", "htx", "--roles")
    without = council.run("admin", *roles, "administrator,key-manager,producer")
    assert (without.code, without.rule) == (ExitCode.USAGE, "member.arguments")
    unasked = council.run("admin", *roles, "producer", OPEN, "--new-key", council.new_key())
    assert (unasked.code, unasked.rule) == (ExitCode.USAGE, "member.arguments")
    done = council.good(
        "admin", *roles, "administrator,key-manager,producer", OPEN, "--new-key", council.new_key(), "--json"
    )
    assert done.json["public_key"] == council.public_key(f"new {council._keys}")
    council.good("admin", "governance", "withdraw", done.json["proposals"][0], "--yes")


def test_the_last_administrator_keeps_role_and_key(
    council: Council, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (enacting, signing):
        monkeypatch.setattr(module, "time", time)  # this ledger's clock is not the council's
    assert council.address
    with running_node(tmp_path) as node, serving(node) as address:
        admin = node.home.key("admin")
        last = keyfiles.load(admin, None).public_key.hex()

        def run(verb: str, *arguments: str | Path) -> Done:
            return sogoc("member", verb, *arguments, "--key", admin, "--node", address)

        roles = run("roles", "--member", "office", "--roles", "office")
        assert (roles.code, roles.rule) == (ExitCode.USAGE, "member.last-administrator")
        for command in (("retire-key",), ("revoke-key", "--from", "2026-01-01")):
            done = run(*command, "--public-key", last)
            assert (done.code, done.rule) == (ExitCode.USAGE, "key.last-administrator")
        added = run(
            "add", OPEN, "--member", "office", "--roles", "administrator", "--new-key", tmp_path / "b.pem"
        )
        assert added.code == ExitCode.GOOD
        assert run("retire-key", "--public-key", last).code == ExitCode.GOOD


# --- succession -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("htx", "--by", "thi-xa", "--effective", "2099-01-01", "--kind", "marriage"), "succession.kind"),
        (("htx", "--by", "nobody", "--effective", "2099-01-01", "--kind", "merge"), "member.unknown"),
        (("nobody", "--by", "thi-xa", "--effective", "2099-01-01", "--kind", "merge"), "member.unknown"),
        (("htx", "--by", "thi-xa", "--effective", "soon", "--kind", "merge"), "arguments.time"),
        (("htx", "--by", "htx", "--effective", "2099-01-01", "--kind", "merge"), "succession.itself"),
        (("htx", "--by", "thi-xa", "--effective", "2020-01-01", "--kind", "merge"), "succession.not-ahead"),
    ],
)
def test_what_is_no_succession(council: Council, arguments: tuple[str, ...], rule: str) -> None:
    assert council.run("htx", "member", "succeed", *arguments).rule == rule


def test_an_authority_hands_over_and_calls_it_off(council: Council) -> None:
    succeed = ("member", "succeed", "htx", "--effective", "2099-01-01", "--kind")
    done = council.good("htx", *succeed, "split", "--by", "thi-xa", "--by", "office", "--json")
    assert (done.json["outcome"], done.json["successors"]) == ("done", ["office", "thi-xa"])
    row = council.row("htx")
    assert row is not None
    assert row.successors == ("office", "thi-xa")
    # Another's handover is called off by the administrators only.
    assert council.good("admin", "member", "cancel-succession", "htx", "--json").json["outcome"] == "proposed"
    assert council.good("htx", "member", "cancel-succession", "htx", "--json").json["outcome"] == "done"
    assert council.run("htx", "member", "cancel-succession", "htx").rule == "succession.none"


def test_a_clerk_s_key_hands_nothing_over(council: Council) -> None:
    done = council.run(
        "office",
        "member",
        "succeed",
        "office",
        "--by",
        "thi-xa",
        "--effective",
        "2099-01-01",
        "--kind",
        "merge",
    )
    assert done.rule == "authority.role"
