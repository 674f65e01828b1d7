"""`sogoc member`: a second officer, a new organisation, and how keys leave service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger.errors import VerificationError
from ledger.keys import verify
from ledger.records.members import possession_message
from ledger.rows import KeyRow, MemberRow, key_key, member_key
from node import keyfiles
from node.service import Node
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import document_record, put, running_node, sign

__all__ = ["quiet_logs"]


@dataclass(frozen=True)
class Office:
    node: Node
    address: str

    def member(self, command: str, *arguments: str | Path) -> Done:
        return sogoc("member", command, "--node", self.address, *arguments)

    def administrate(self, command: str, *arguments: str | Path) -> Done:
        return self.member(command, "--key", self.node.home.key("admin"), *arguments)

    def key(self, public_key: bytes) -> KeyRow | None:
        value = self.node.final.view.get(key_key(public_key))
        return None if value is None else KeyRow.parse(value)

    def row(self, member: str) -> MemberRow | None:
        value = self.node.final.view.get(member_key(member))
        return None if value is None else MemberRow.parse(value)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with running_node(tmp_path_factory.mktemp("office")) as node, serving(node) as address:
        yield Office(node, address)


def proof_of(office: Office, key: Path, member: str) -> tuple[str, str, str, str]:
    done = office.member("prove", key, "--member", member, "--json")
    assert done.code == ExitCode.GOOD
    return "--public-key", done.json["public_key"], "--possession", done.json["possession"]


def test_a_second_officer_is_put_in_service_without_the_key_leaving_the_machine(
    office: Office, tmp_path: Path
) -> None:
    officer = keyfiles.generate(tmp_path / "officer.pem", None)
    proof = proof_of(office, tmp_path / "officer.pem", "office")
    done = office.administrate("add", "--member", "office", "--roles", "office,issuer", *proof, "--json")
    assert done.code == ExitCode.GOOD
    assert done.json["public_key"] == officer.public_key.hex()
    row = office.key(officer.public_key)
    assert row is not None
    assert (row.member, row.roles) == ("office", ("issuer", "office"))
    put(office.node, sign(office.node, key=officer))


def test_the_proof_is_of_this_key_member_and_ledger(office: Office, tmp_path: Path) -> None:
    officer = keyfiles.generate(tmp_path / "officer.pem", None)
    chain_id = office.node.chain_id
    done = sogoc(
        "member",
        "prove",
        tmp_path / "officer.pem",
        "--member",
        "office",
        "--chain-id",
        chain_id.hex(),
        "--json",
    )
    possession = bytes.fromhex(done.json["possession"])
    verify(officer.public_key, possession, possession_message(chain_id, "office", officer.public_key))
    with pytest.raises(VerificationError):
        verify(officer.public_key, possession, possession_message(chain_id, "other", officer.public_key))
    shown = sogoc("member", "prove", tmp_path / "officer.pem", "--member", "office", "--node", office.address)
    assert done.json["possession"] in shown.output
    # For another member it does not do, and the mistake costs no signature.
    height = office.node.final.view.head.height
    wrong = proof_of(office, tmp_path / "officer.pem", "elsewhere")
    refused = office.administrate("add", "--member", "office", "--roles", "office", *wrong)
    assert (refused.code, refused.rule) == (ExitCode.USAGE, "key.possession")
    assert office.node.final.view.head.height == height


def test_a_new_member_and_its_key_are_one_record(office: Office, tmp_path: Path) -> None:
    height = office.node.final.view.head.height
    done = office.administrate(
        "add", "--member", "htx-dua", "--name", "Hợp tác xã Dứa", "--roles", "producer",
        "--new-key", tmp_path / "htx.pem", "--insecure-no-passphrase",
    )  # fmt: skip
    assert done.code == ExitCode.GOOD
    assert str(tmp_path / "htx.pem") in done.output
    assert office.node.final.view.head.height == height + 1
    assert len(office.node.final.view.records(office.node.final.size - 2)) == 1
    member, key = office.row("htx-dua"), office.key(keyfiles.load(tmp_path / "htx.pem", None).public_key)
    assert member is not None
    assert key is not None
    assert (member.name, member.roles) == ("Hợp tác xã Dứa", ("producer",))
    assert (key.member, key.roles) == ("htx-dua", ("producer",))


def test_a_new_key_is_encrypted_unless_one_says_otherwise(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "passphrase").write_text("mật khẩu\n")
    (tmp_path / "passphrase").chmod(0o600)
    monkeypatch.delenv(keyfiles.PASSPHRASE_VARIABLE, raising=False)
    arguments = ("--member", "office", "--roles", "office", "--new-key", tmp_path / "new.pem")
    assert office.administrate("add", *arguments).rule == "passphrase.missing"
    assert not (tmp_path / "new.pem").exists()
    done = office.administrate("add", *arguments, "--new-passphrase-file", tmp_path / "passphrase")
    assert done.code == ExitCode.GOOD
    assert keyfiles.is_encrypted(tmp_path / "new.pem")
    again = office.administrate("add", *arguments, "--new-passphrase-file", tmp_path / "passphrase")
    assert (again.code, again.rule) == (ExitCode.USAGE, "key-file.exists")


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (("--member", "nobody", "--roles", "office"), "member.unknown"),
        (("--member", "office", "--roles", "office", "--name", "Khác"), "member.exists"),
        (("--member", "office", "--roles", "producer"), "key.roles"),
        (("--member", "office", "--roles", "king"), "member.roles"),
        (("--member", "office", "--roles", ","), "member.roles"),
    ],
)
def test_what_would_be_refused_is_said_before_a_key_is_made(
    office: Office, tmp_path: Path, arguments: tuple[str, ...], rule: str
) -> None:
    done = office.administrate(
        "add", *arguments, "--new-key", tmp_path / "new.pem", "--insecure-no-passphrase"
    )
    assert (done.code, done.rule) == (ExitCode.USAGE, rule)
    assert not (tmp_path / "new.pem").exists()


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((), "member.arguments"),
        (("--public-key", "00" * 32), "member.arguments"),
        (("--public-key", "00" * 32, "--possession", "00" * 64, "--new-key", "x.pem"), "member.arguments"),
        (("--public-key", "00", "--possession", "00" * 64), "arguments.hex"),
        (("--public-key", "zz" * 32, "--possession", "00" * 64), "arguments.hex"),
        (("--public-key", "00" * 32, "--possession", "00" * 64), "key.possession"),
    ],
)
def test_arguments_of_add(office: Office, arguments: tuple[str, ...], rule: str) -> None:
    done = office.administrate("add", "--member", "office", "--roles", "office", *arguments)
    assert (done.code, done.rule) == (ExitCode.USAGE, rule)


def test_a_key_without_the_role_may_not(office: Office, tmp_path: Path) -> None:
    arguments = (
        "--member",
        "office",
        "--roles",
        "office",
        "--new-key",
        tmp_path / "n.pem",
        "--insecure-no-passphrase",
    )
    done = office.member("add", "--key", office.node.home.key("office"), *arguments)
    assert done.rule == "authority.role"
    assert done.code == ExitCode.DOES_NOT_MATCH
    keyfiles.generate(tmp_path / "stranger.pem", None)
    done = office.member(
        "roles", "--key", tmp_path / "stranger.pem", "--member", "office", "--roles", "office"
    )
    assert (done.code, done.rule) == (ExitCode.DOES_NOT_MATCH, "key.unknown")


def test_roles_are_set(office: Office, tmp_path: Path) -> None:
    office.administrate(
        "add", "--member", "htx-mat-ong", "--name", "HTX Mật ong", "--roles", "producer", "--new-key", tmp_path / "h.pem",
        "--insecure-no-passphrase",
    )  # fmt: skip
    done = office.administrate(
        "roles", "--member", "htx-mat-ong", "--roles", " producer , inspector", "--json"
    )
    assert (done.code, done.json["roles"]) == (ExitCode.GOOD, ["inspector", "producer"])
    row = office.row("htx-mat-ong")
    assert row is not None
    assert row.roles == ("inspector", "producer")
    assert office.administrate("roles", "--member", "nobody", "--roles", "office").rule == "member.unknown"


def test_a_key_is_retired_and_signs_nothing_new(office: Office, tmp_path: Path) -> None:
    officer = keyfiles.generate(tmp_path / "officer.pem", None)
    office.administrate(
        "add",
        "--member",
        "office",
        "--roles",
        "office",
        *proof_of(office, tmp_path / "officer.pem", "office"),
    )
    put(office.node, sign(office.node, key=officer))
    done = office.administrate("retire-key", "--public-key", officer.public_key.hex(), "--json")
    assert (done.code, done.json["member"]) == (ExitCode.GOOD, "office")
    row = office.key(officer.public_key)
    assert row is not None
    assert row.retired_ms is not None
    (outcome,) = office.node.submit([sign(office.node, [document_record()], key=officer).submission()])
    assert getattr(outcome, "rule", None) == "key.retired"
    again = office.administrate("retire-key", "--public-key", officer.public_key.hex())
    assert (again.code, again.rule) == (ExitCode.DOES_NOT_MATCH, "key.ended")


def test_a_key_is_revoked_from_a_time(office: Office, tmp_path: Path) -> None:
    officer = keyfiles.generate(tmp_path / "officer.pem", None)
    office.administrate(
        "add",
        "--member",
        "office",
        "--roles",
        "office",
        *proof_of(office, tmp_path / "officer.pem", "office"),
    )
    arguments = ("--public-key", officer.public_key.hex(), "--from")
    assert office.administrate("revoke-key", *arguments, "yesterday").rule == "arguments.time"
    assert office.administrate("revoke-key", *arguments, "2999-01-01").rule == "key.revoked-ahead"
    done = office.administrate("revoke-key", *arguments, "2026-01-01T07:00+07:00", "--json")
    assert (done.code, done.json["disputed_from"]) == (ExitCode.GOOD, "2026-01-01T00:00:00Z")
    row = office.key(officer.public_key)
    assert row is not None
    assert row.revoked_ms is not None
    assert row.disputed_from_ms == 1_767_225_600_000
    assert (
        office.administrate("revoke-key", "--public-key", "11" * 32, "--from", "2026-01-01").rule
        == "key.unknown"
    )


def test_the_list(office: Office, tmp_path: Path) -> None:
    office.administrate(
        "add", "--member", "htx", "--name", "HTX [Dứa]", "--roles", "producer", "--new-key", tmp_path / "h.pem",
        "--insecure-no-passphrase",
    )  # fmt: skip
    new = keyfiles.load(tmp_path / "h.pem", None).public_key.hex()
    office.administrate("revoke-key", "--public-key", new, "--from", "2026-01-01")
    listed = {member["id"]: member for member in office.member("list", "--json").json["members"]}
    assert [key["roles"] for key in listed["office"]["keys"]]
    assert listed["htx"]["name"] == "HTX [Dứa]"
    (key,) = listed["htx"]["keys"]
    assert (key["public_key"], key["disputed_from"]) == (new, "2026-01-01T00:00:00Z")
    shown = office.member("list").output
    assert "HTX [Dứa]" in shown
    assert "thu hồi / revoked" in shown
    assert "đang dùng / in service" in shown
