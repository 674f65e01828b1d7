"""Claims go to the office's vault before anything is issued: whatever happens after, and until they are erased."""

from __future__ import annotations

import csv
import io
import re
import secrets
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.certificates import issuing
from api.certificates.issuing import Plan
from api.certificates.vaulting import read_claims
from api.cli import certify as command
from api.cli.output import UsageError
from api.client import Client
from api.vault import VaultClient
from ledger.claims import FullClaims
from ledger.disclosure import CertificateProof
from ledger.encoding import encode
from ledger.errors import LedgerError
from ledger.records.privacy import vault_item
from ledger.verdict import Verdict, judge_proof
from node.service import clock_ms
from node.vault.keeper import open_vault
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import key_of, new_key, running_node
from tests.test_certify import Office, PowerCutError, cut_power, line, table_of

__all__ = ["quiet_logs"]

WHY = ("--purpose", "citizen-request", "--legal-ground", "data-subject-request")


class Vaulted(Office):
    """An office whose node keeps a vault."""

    def issue(self, data: bytes, name: str, *more: str | Path) -> Done:
        """`sogoc certify` without a folder for holders."""
        table = self.path / f"{name}.csv"
        table.write_bytes(data)
        done: Done = self.run("certify", "--schema", "ocop.1", "--csv", table, *more)
        return done

    def held(self, certificate: str) -> str:
        with Client(self.url) as client:
            vault = VaultClient(client, self.node.chain_id, key_of(self.node))
            return vault.state("office", vault_item("office", "certificate", bytes.fromhex(certificate)))

    def recover(self, certificate: str, name: str) -> tuple[Done, Path]:
        file = self.path / f"{name}.sogoc-proof"
        return self.run("certificate", "recover", certificate, "-o", file, *WHY), file


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vaulted]:
    path = tmp_path_factory.mktemp("office")
    with running_node(path) as node:
        keeper = open_vault(node, key_of(node, "vault"))
        keeper.start()
        with serving(node, vault=keeper) as url:
            yield Vaulted(node, url, path)
        keeper.stop()


def test_without_folders_the_vault_has_all_and_the_table_s_list_says_which_is_which(office: Vaulted) -> None:
    done = office.issue(table_of(line(1), line(2)), "no-folder")
    assert done.code == 0, done.rule
    assert done.json["in_vault"] is True
    listed = (office.path / f"no-folder.csv.{command.LIST_NAME}").read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(listed, newline="")))[1:]
    assert [(row[0], row[1]) for row in rows] == [
        (str(one["row"]), one["certificate"]) for one in done.json["certificates"]
    ]
    assert not (office.path / f"no-folder.csv{command.PLAN_SUFFIX}").exists()
    for number, one in enumerate(done.json["certificates"], 1):
        assert office.held(one["certificate"]) == "held"
        recovered, file = office.recover(one["certificate"], f"again-{number}")
        assert recovered.code == 0, recovered.rule
        found = office.verify(file)
        assert (found.code, found.json["claims"]["so"]) == (0, f"{number:02}/OCOP")
    assert office.issue(table_of(line(1), line(2)), "no-folder").rule == "output.exists"


def test_what_the_vault_gives_back_is_all_claims_with_their_salt(office: Vaulted) -> None:
    done = office.certify(table_of(line(3)), "given")
    (proof,) = office.files("given", ".sogoc-proof")
    out = office.path / "given.bin"
    identifier = done.json["certificates"][0]["certificate"]
    assert office.run("vault", "get", out, "--certificate", identifier, *WHY).code == 0
    claims = CertificateProof.parse(proof.read_bytes()).claims
    assert isinstance(claims, FullClaims)
    assert read_claims(out.read_bytes()) == claims
    for junk in (b"", b"x", encode([1]), encode(claims.disclose(["so"]).to_value())):
        with pytest.raises(LedgerError):
            read_claims(junk)


@pytest.mark.parametrize("at", ["submit", "wait_until_final", "receipts", "write_list"])
def test_nothing_that_may_become_final_lacks_its_claims(
    office: Vaulted, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    data, name = table_of(line(1), line(2), line(3)), f"cut-{at}"
    before = office.issued()
    monkeypatch.setattr(issuing, "MAX_RECORDS", 2)
    with monkeypatch.context() as patch:
        patch.setattr(command if at == "write_list" else Client, at, cut_power)
        with pytest.raises(PowerCutError):
            office.issue(data, name)
    plan = Plan.parse((office.path / f"{name}.csv{command.PLAN_SUFFIX}").read_bytes())
    first, second = plan.batches
    assert {office.held(one.certificate.hex()) for one in first.planned} == {"held"}
    assert {office.held(one.certificate.hex()) for one in second.planned} == {"unknown"}
    assert office.issue(data, name).code == 0
    assert office.issued() == before + 3
    assert {office.held(one.certificate.hex()) for one in second.planned} == {"held"}


def test_where_the_vault_refuses_nothing_is_issued(office: Vaulted, monkeypatch: pytest.MonkeyPatch) -> None:
    before = office.issued()

    def refuse(*_: object) -> None:
        raise UsageError("vault.full", "no room")

    with monkeypatch.context() as patch:
        patch.setattr(VaultClient, "store_all", refuse)
        assert office.issue(table_of(line(7)), "refused").rule == "vault.full"
    assert office.issued() == before
    assert office.issue(table_of(line(7)), "refused").code == 0


def test_signed_again_the_item_is_the_same(office: Vaulted, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(office.url) as client:
        (taken,) = issuing.free_indexes(client, "office", 1)
    draws, real = iter([taken]), secrets.randbelow
    with monkeypatch.context() as patch:
        patch.setattr(secrets, "randbelow", lambda limit: next(draws, None) or real(limit))
        assert office.issue(table_of(line(1)), "first").code == 0
    monkeypatch.setattr(command, "free_indexes", lambda *_, **__: [taken])
    done = office.issue(table_of(line(2)), "second")
    assert done.code == 0, done.rule
    recovered, file = office.recover(done.json["certificates"][0]["certificate"], "second")
    assert (recovered.code, office.verify(file).code) == (0, 0)


def test_after_the_erasure_the_holder_s_copy_is_good_and_no_fresh_one_is_made(office: Vaulted) -> None:
    done = office.certify(table_of(line(5)), "erased")
    identifier = done.json["certificates"][0]["certificate"]
    (proof,) = office.files("erased", ".sogoc-proof")
    claims = CertificateProof.parse(proof.read_bytes()).claims
    assert isinstance(claims, FullClaims)
    kept = office.path / "before"
    assert office.recover(identifier, "before")[0].code == 0
    assert office.verify(kept.with_suffix(".sogoc-proof")).code == 0
    erased = office.run(
        "erase", "--certificate", identifier, "--legal-ground", "data-subject-request", "--yes"
    )
    assert (erased.code, erased.json["state"]) == (0, "erased")
    # What the holder has is good, and can be brought up to date.
    assert office.verify(proof).code == 0
    assert sogoc("certificate", "refresh", proof, "--node", office.url).code == 0
    assert office.verify(proof).json["claims"]["so"] == "05/OCOP"
    # The office has nothing left to make one of.
    again, file = office.recover(identifier, "fresh")
    assert (again.code, again.rule) == (1, "access.erased")
    assert not file.exists()
    out = office.path / "fresh.bin"
    assert office.run("vault", "get", out, "--certificate", identifier, *WHY).rule == "access.erased"
    with Client(office.url) as client:
        bare = CertificateProof.parse(client.certificate_proof(bytes.fromhex(identifier), "office"))
    assert bare.claims is None
    for stored in office.node.home.path.rglob("*"):
        if stored.is_file() and stored.suffix != ".pem":
            assert claims.salt not in stored.read_bytes(), stored


def test_whether_there_is_a_vault_is_asked_before_anything(office: Vaulted, tmp_path: Path) -> None:
    done = office.certify(table_of(line(6)), "left-out", "--no-vault")
    assert (done.code, done.json["in_vault"]) == (0, False)
    identifier = done.json["certificates"][0]["certificate"]
    assert office.held(identifier) == "unknown"
    assert office.recover(identifier, "never")[0].rule == "vault.unknown"
    assert office.issue(table_of(line(6)), "nowhere", "--no-vault").rule == "vault.needed"
    assert not (office.path / f"nowhere.csv{command.PLAN_SUFFIX}").exists()
    with running_node(tmp_path) as node, serving(node) as url:
        bare = Vaulted(node, url, tmp_path)
        assert bare.issue(table_of(line(1)), "bare").rule == "vault.needed"
        assert bare.certify(table_of(line(1)), "bare", "--vault").rule == "vault.none"
        assert bare.certify(table_of(line(1)), "bare").json["in_vault"] is False


def test_a_vault_out_of_reach_stops_the_command_and_says_how_to_go_on(
    office: Vaulted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.routers.vault._is_here", lambda _: False)
    done = office.certify(table_of(line(8)), "far")
    assert (done.code, done.rule) == (2, "vault.insecure")
    assert office.certify(table_of(line(8)), "far", "--no-vault").code == 0


def test_what_is_recovered_is_checked(office: Vaulted, monkeypatch: pytest.MonkeyPatch) -> None:
    done = office.issue(table_of(line(9), line(10)), "swapped")
    one, other = (each["certificate"] for each in done.json["certificates"])
    read = VaultClient.read

    def another(vault: VaultClient, access: bytes) -> Any:  # noqa: ANN401  as `read` answers
        claims = read_claims(read(vault, access))
        return encode(FullClaims(claims.claims, new_key().public_key).to_value())

    with monkeypatch.context() as patch:
        patch.setattr(VaultClient, "read", another)
        lied, file = office.recover(one, "swapped")
    assert (lied.code, file.exists()) == (1, False)
    assert office.recover("xyz", "swapped")[0].rule == "certificate.id"
    assert office.recover("00" * 16, "swapped")[0].rule == "certificate.not-found"
    assert office.recover(other, "swapped")[0].code == 0
    assert office.recover(other, "swapped")[0].rule == "file.exists"


# --- the guide --------------------------------------------------------------------------------------------------------

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "huong-dan" / "can-bo.md"


def test_what_the_clerks_guide_shows_of_certificates_works(
    office: Vaulted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its table and its commands as they are written, in order, and what each leaves behind."""
    monkeypatch.chdir(office.path)
    monkeypatch.setenv("SOGOC_NODE", office.url)
    Path("khoa-cua-toi.pem").write_bytes(office.node.home.key("office").read_bytes())
    Path("khoa-cua-toi.pem").chmod(0o600)
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    start = lines.index(next(line for line in lines if line.startswith("so,san_pham")))
    Path("bang.csv").write_text("\n".join(lines[start : start + 3]) + "\n", encoding="utf-8")
    named = ("sogoc certify ", "sogoc certificate ", "sogoc revoke ")
    commands = [shlex.split(line)[1:] for line in lines if line.startswith(named)]
    placeholders: dict[str, str] = {}
    ran = []
    for words in commands:
        # What is taken from the node's home there is not where this key lies.
        trust = (
            ["--policy", str(office.node.home.policy)] if words[0] == "certify" or "recover" in words else []
        )
        done = sogoc(*[placeholders.get(word, word) for word in words], *trust)
        assert (done.code, done.rule) == (0, ""), words
        ran.append(words[1] if words[0] == "certificate" else words[0])
        if words[0] == "certify" and "--check-only" not in words:
            listed = Path("ban-giao/danh-sach.csv").read_text(encoding="utf-8-sig")
            first = next(iter(csv.DictReader(io.StringIO(listed))))
            folder = Path("ban-giao") / first["thư mục / folder"]
            placeholders = {
                "MÃ-GIẤY": first["mã giấy / certificate"],
                "BẰNG-CHỨNG": str(next(folder.glob("*.sogoc-proof"))),
            }
            assert {path.suffix for path in folder.iterdir()} == {".tlog-proof", ".sogoc-proof", ".json"}
    assert set(ran) >= {"schemas", "certify", "show", "suspend", "reinstate", "renew", "revoke", "disclose"}
    assert set(ran) >= {"refresh", "recover"}
    again = CertificateProof.parse(Path("hoi-lai.sogoc-proof").read_bytes())
    assert isinstance(again.claims, FullClaims)
    assert ("san_pham", "Dứa sấy dẻo, 200 g") in [(one.name, one.value) for one in again.claims.claims]
    judgement = judge_proof(again, office.node.policy, now_ms=clock_ms())
    assert (judgement.verdict, judgement.rule) == (Verdict.NO_LONGER_IN_FORCE, "status.revoked")
