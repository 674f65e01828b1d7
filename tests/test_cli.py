"""The command line as a person uses it: real files, a real node in a process of its own, exit codes and words."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import serve as serve_module
from api.cli.app import app, main
from ledger.receipt import Receipt
from node import keyfiles
from node.home import Home

SOGOC = [sys.executable, "-m", "api.cli"]
SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sogoc(
    *arguments: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SOGOC, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def here(
    *arguments: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The same in this process, from `main` on: what a command does and says does not take a Python of its own each time."""
    with (
        contextlib.chdir(cwd),
        CliRunner().isolation(env=env) as streams,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("sys.argv", ["sogoc", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        sys.stderr.flush()
        said = [stream.getvalue().decode() for stream in streams[:2]]
    code = ended.value.code
    assert code is None or isinstance(code, int)
    return subprocess.CompletedProcess(list(arguments), code or 0, *said)


@dataclass(frozen=True)
class Office:
    """A running node and the directory that its clerk works in."""

    directory: Path
    url: str
    start: Callable[..., subprocess.CompletedProcess[str]] = here

    @property
    def policy(self) -> Path:
        return self.directory / "office" / "policy"

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.start(*arguments, cwd=self.directory)

    def anchor(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.run("anchor", "--node", self.url, "--key", "office/keys/office.pem", *arguments)

    def verify(self, file: str | Path, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
        done = self.run("verify", file, "--policy", self.policy, "--json", *arguments)
        return done.returncode, json.loads(done.stdout)

    def write(self, name: str, content: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content)
        return path


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    directory = tmp_path_factory.mktemp("office")
    made = sogoc(
        "init", "office", "--origin", "phuson.example/so-goc", "--name", "UBND phường Phú Sơn", "--insecure-no-passphrase",
        cwd=directory,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    port = free_port()
    process = subprocess.Popen(
        [*SOGOC, "serve", "office", "--port", str(port)],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(port, process)
        yield Office(directory, f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the node did not start")


def test_the_main_job(office: Office) -> None:
    office = replace(office, start=sogoc)
    files = [
        office.write("Báo cáo 41.pdf", b"%PDF-1.4 bao cao"),
        office.write("anh.jpg", b"\xff\xd8\xff"),
        office.write("so-lieu.csv", b"a,b\n1,2\n"),
    ]
    done = office.anchor(*[path.name for path in files])
    assert done.returncode == 0, done.stderr
    assert "3 văn bản mới" in done.stdout
    leaves = {
        Receipt.parse(path.with_name(path.name + ".tlog-proof").read_bytes()).entry_leaf for path in files
    }
    assert len(leaves) == 1, "one signature for all the files"
    for path in files:
        code, verdict = office.verify(path.name)
        assert (code, verdict["verdict"], verdict["verdict_vi"]) == (0, "in-force", "HỢP LỆ")
        assert verdict["proved"]["by"] == "UBND phường Phú Sơn"
        assert verdict["proved"]["since"] <= verdict["proved"]["existed_by"] + "~"
    shown = office.run("verify", "anh.jpg", "--policy", office.policy)
    assert shown.stdout.startswith("HỢP LỆ — valid, in force: anh.jpg")
    for target in ("office", office.url):
        audited = office.run("audit", target, "--level", "full", "--workers", "2", "--json")
        assert audited.returncode == 0, audited.stdout + audited.stderr
        assert json.loads(audited.stdout)["records"] >= 3


def test_a_changed_file_does_not_match(office: Office) -> None:
    path = office.write("giay.txt", b"so tien: 95")
    assert office.anchor(path.name).returncode == 0
    path.write_bytes(b"so tien: 96")
    code, verdict = office.verify(path.name)
    assert (code, verdict["code"]) == (1, "document.hash")


def test_a_changed_receipt_does_not_match(office: Office) -> None:
    path = office.write("bien-nhan.txt", b"noi dung")
    assert office.anchor(path.name).returncode == 0
    receipt = office.directory / "bien-nhan.txt.tlog-proof"
    text = receipt.read_text(encoding="utf-8")
    lines = text.split("\n")
    lines[3] = ("A" if lines[3][0] != "A" else "B") + lines[3][1:]
    receipt.write_text("\n".join(lines), encoding="utf-8")
    code, verdict = office.verify(path.name)
    assert (code, verdict["code"]) == (1, "proof.root-mismatch")


def test_no_receipt_and_another_policy_cannot_tell(office: Office, tmp_path: Path) -> None:
    path = office.write("chua-neo.txt", b"chua neo")
    assert office.verify(path.name)[0] == 3
    assert office.anchor(path.name).returncode == 0
    other = here(
        "init", "other", "--origin", "phuson.example/so-goc", "--insecure-no-passphrase", cwd=tmp_path
    )
    assert other.returncode == 0
    done = office.run("verify", path.name, "--policy", tmp_path / "other" / "policy", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["verdict_vi"] == "CHƯA KIỂM TRA ĐƯỢC"


def test_anchoring_twice_signs_once_and_keeps_older_receipts(office: Office) -> None:
    path = office.write("hai-lan.txt", b"ban dau")
    first = json.loads(office.anchor(path.name, "--json").stdout)
    again = json.loads(office.anchor(path.name, "--json").stdout)
    assert (first["signed"], again["signed"]) == (1, 0)
    assert first["documents"][0]["record_id"] == again["documents"][0]["record_id"]
    path.write_bytes(b"ban sau")
    assert json.loads(office.anchor(path.name, "--json").stdout)["signed"] == 1
    old = office.directory / "hai-lan.txt.1.tlog-proof"
    assert (
        Receipt.parse(old.read_bytes()).record
        != Receipt.parse((office.directory / "hai-lan.txt.tlog-proof").read_bytes()).record
    )


def test_equal_files_are_one_document_with_two_receipts(office: Office) -> None:
    office.write("ban-1.txt", b"nhu nhau")
    office.write("ban-2.txt", b"nhu nhau")
    done = office.anchor("ban-1.txt", "ban-2.txt", "--json")
    assert json.loads(done.stdout)["signed"] == 1
    assert office.verify("ban-1.txt")[0] == office.verify("ban-2.txt")[0] == 0


def test_a_described_document(office: Office) -> None:
    office.write("27.pdf", b"%PDF quyet dinh 27")
    described = (
        "--number",
        "27",
        "--symbol",
        "QĐ-UBND",
        "--date",
        "2025-02-13",
        "--abstract",
        "Thay thế 09/QĐ-UBND",
    )
    assert office.anchor("27.pdf", *described).returncode == 0
    fields = office.verify("27.pdf")[1]["proved"]["fields"]
    assert (fields["number"], fields["symbol"], fields["date"]) == ("27", "QĐ-UBND", "2025-02-13")


def test_a_private_document_shows_nothing_and_needs_its_salt(office: Office) -> None:
    path = office.write("xac-nhan.pdf", b"giay xac nhan tinh trang hon nhan")
    assert office.anchor(path.name, "--private").returncode == 0
    salt = office.directory / "xac-nhan.pdf.salt"
    assert salt.stat().st_mode & 0o777 == 0o600
    code, verdict = office.verify(path.name)
    assert code == 0
    assert set(verdict["proved"]["fields"]) == {"authority", "commitment"}
    kept = salt.read_text(encoding="ascii")
    salt.write_text("00" * 32, encoding="ascii")
    assert office.verify(path.name)[0] == 1
    salt.unlink()
    code, verdict = office.verify(path.name)
    assert (code, verdict["code"]) == (3, "document.salt-missing")
    salt.write_text(kept, encoding="ascii")
    path.write_bytes(b"sua")
    assert office.verify(path.name)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--number", "1", "a.txt", "b.txt"), "document.one"),
        (("--private", "--number", "1", "a.txt"), "document.commitment-discloses"),
        (("khong-co.txt",), "file.missing"),
        (("office",), "file.folder"),
        (("--date", "13/02/2025", "a.txt"), "record.field-alphabet"),
        (("--date", "2025-02-30", "a.txt"), "record.field-range"),
        (("--abstract", "dòng một\ndòng hai", "a.txt"), "record.field-alphabet"),
    ],
)
def test_bad_input_names_its_rule_and_changes_nothing(
    office: Office, arguments: tuple[str, ...], code: str
) -> None:
    office.write("a.txt", b"a")
    office.write("b.txt", b"b")
    done = office.anchor("--json", *arguments)
    assert done.returncode in (1, 2)
    assert json.loads(done.stdout)["error"]["code"] == code
    assert "Traceback" not in done.stderr
    assert not (office.directory / "a.txt.tlog-proof").exists()


def test_a_node_that_does_not_answer_cannot_tell(office: Office) -> None:
    office.write("a.txt", b"a")
    done = office.run(
        "anchor", "--node", f"http://127.0.0.1:{free_port()}", "--key", "office/keys/office.pem", "a.txt"
    )
    assert done.returncode == 3
    assert "node.unreachable" in done.stderr


def test_a_hostile_file_name_reaches_neither_markup_nor_terminal(office: Office) -> None:
    name = "[red]x\x1b[31m\n.txt"
    office.write(name, b"ten la")
    done = office.anchor(name)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "[red]x" in done.stdout


def test_five_hundred_files_one_signature(office: Office) -> None:
    folder = office.directory / "500"
    folder.mkdir()
    names = []
    for number in range(500):
        path = folder / f"giay {number}.pdf"
        path.write_bytes(b"%PDF-1.4 " + str(number).encode())
        names.append(f"500/{path.name}")
    done = office.anchor(*names, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["signed"] == 500
    leaves = {
        Receipt.parse((office.directory / f"{name}.tlog-proof").read_bytes()).entry_leaf for name in names
    }
    assert len(leaves) == 1
    assert office.verify(names[499])[0] == 0


@pytest.mark.usefixtures("no_network")
def test_verify_is_offline(office: Office) -> None:
    office.write("ngoai-tuyen.txt", b"khong can mang")
    # The anchoring takes the network: it is a process of its own, which the fixture does not reach.
    assert replace(office, start=sogoc).anchor("ngoai-tuyen.txt").returncode == 0
    file, policy = office.directory / "ngoai-tuyen.txt", office.policy
    result = CliRunner().invoke(app, ["verify", str(file), "--policy", str(policy), "--json"])
    assert result.exit_code == 0, result.output


def test_receipt_command_and_receipts_verify_by_themselves(office: Office) -> None:
    office.write("rieng.txt", b"rieng")
    anchored = json.loads(office.anchor("rieng.txt", "--json").stdout)
    record_id = anchored["documents"][0]["record_id"]
    assert office.run("receipt", record_id, "-o", "r.tlog-proof", "--node", office.url).returncode == 0
    assert office.verify("r.tlog-proof")[0] == 0
    assert office.run("receipt", "00" * 32, "-o", "s.tlog-proof", "--node", office.url).returncode == 1
    assert office.run("receipt", "xyz", "-o", "s.tlog-proof", "--node", office.url).returncode == 2
    assert not (office.directory / "s.tlog-proof").exists()


def test_init_refuses_a_directory_in_use(tmp_path: Path) -> None:
    (tmp_path / "office").mkdir()
    (tmp_path / "office" / "thu.txt").write_text("giu lai")
    done = here("init", "office", "--insecure-no-passphrase", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "home.exists"
    assert [path.name for path in (tmp_path / "office").iterdir()] == ["thu.txt"]


@pytest.mark.parametrize("origin", ["có dấu cách", "a+b", "", "a" * 191])
def test_what_cannot_name_a_ledger(origin: str, tmp_path: Path) -> None:
    done = here("init", "office", "--origin", origin, "--insecure-no-passphrase", cwd=tmp_path)
    assert (done.returncode, "[genesis.origin]" in done.stderr) == (2, True)
    assert f"'{origin}' cannot name a ledger" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_made_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "tep").touch()
    done = here("init", "tep/office", "--origin", "a.example", "--insecure-no-passphrase", cwd=tmp_path)
    assert (done.returncode, "[files.write]" in done.stderr) == (1, True)
    done = here("init", "office", "--origin", "a" * 190, "--insecure-no-passphrase", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_node_that_cannot_listen_says_so_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("configure_logging", "_rest_the_collector"):
        monkeypatch.setattr(serve_module, name, lambda: None)
    made = here("init", "office", "--insecure-no-passphrase", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        done = here("serve", "office", "--port", taken, cwd=tmp_path)
        assert (done.returncode, "[node.listen]" in done.stderr) == (3, True)
        assert f"127.0.0.1, port {taken}: Address already in use" in done.stderr
        assert "Traceback" not in done.stderr
    done = here("serve", "office", "--host", "256.1.1.1", "--port", "0", cwd=tmp_path)
    assert (done.returncode, "[node.listen]" in done.stderr) == (3, True)
    assert here("serve", "office", "--port", "99999", cwd=tmp_path).returncode == 2
    # Nothing was left locked or half done.
    assert here("audit", "office", "--level", "full", cwd=tmp_path).returncode == 0


def test_keys_are_encrypted_unless_asked_for_otherwise(tmp_path: Path) -> None:
    refused = here("init", "office", cwd=tmp_path)
    assert (refused.returncode, (tmp_path / "office").exists()) == (2, False)
    secret = tmp_path / "mat-khau"
    secret.write_text("mật khẩu của ward\n", encoding="utf-8")
    secret.chmod(0o600)
    made = here("init", "office", "--passphrase-file", secret, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    for key in (tmp_path / "office" / "keys").iterdir():
        assert key.stat().st_mode & 0o777 == 0o600
        assert key.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    wrong = sogoc("serve", "office", cwd=tmp_path, env={"SOGOC_PASSPHRASE": "sai"})
    assert wrong.returncode == 2
    assert "key-file.passphrase" in wrong.stderr
    assert "sai" not in wrong.stderr


def test_a_spare_administrator_s_key_is_made_with_the_ledger(tmp_path: Path) -> None:
    """It is in the genesis document, opens with a passphrase of its own, and lies outside of what a lost disk takes away."""
    for name, text in (("mat-khau", "mật khẩu của ward"), ("mat-khau-2", "một câu khác hẳn")):
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    init = [
        "init",
        "office",
        "--passphrase-file",
        "mat-khau",
        "--recovery-passphrase-file",
        "mat-khau-2",
        "--json",
    ]
    for place, code in (("office/spare.pem", "recovery.place"), ("mat-khau", "key-file.exists")):
        refused = here(*init, "--recovery-key", place, cwd=tmp_path)
        assert json.loads(refused.stdout)["error"]["code"] == code
        assert not (tmp_path / "office").exists()
    bad = here(*init, "--recovery-key", "spare.pem", "--origin", "Not An Origin!", cwd=tmp_path)
    assert bad.returncode
    assert not (tmp_path / "spare.pem").exists()
    made = here(*init, "--recovery-key", "spare.pem", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["recovery_key"] == "spare.pem"
    spare = keyfiles.load(tmp_path / "spare.pem", lambda: "một câu khác hẳn")
    held = {key.public_key: key.roles for key in Home(tmp_path / "office").read_genesis().keys}
    assert held[spare.public_key] == ("administrator",)
    checked = here("doctor", "office", "--passphrase-file", "mat-khau", "--json", cwd=tmp_path)
    found = {one["check"]: one["severity"] for one in json.loads(checked.stdout)["findings"]}
    assert found["keys.administrators"] == "good"


def test_the_passphrase_is_asked_for_at_a_terminal(tmp_path: Path) -> None:
    transcript, code = at_terminal([*SOGOC, "keygen", "khoa.pem"], ["bí mật\n", "bí mật\n"], cwd=tmp_path)
    assert code == 0, transcript
    assert "bí mật" not in transcript
    assert (tmp_path / "khoa.pem").read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")


def at_terminal(command: list[str], answers: list[str], *, cwd: Path) -> tuple[str, int]:
    """Run a program at a pseudo-terminal, giving one answer for each line that ends in a colon."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(cwd)
        os.execvp(command[0], command)  # noqa: S606  the program under test, in the child
    heard, waiting = b"", list(answers)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                heard += os.read(terminal, 4096)
            except OSError:
                break
        elif waiting and heard.rstrip(b" ").endswith(b":"):
            os.write(terminal, waiting.pop(0).encode())
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return heard.decode(errors="replace"), os.waitstatus_to_exitcode(status)


def test_an_audit_names_what_is_wrong(office: Office, tmp_path: Path) -> None:
    path = office.write("kiem-toan.txt", b"kiem toan")
    assert office.anchor(path.name).returncode == 0
    done = office.run("export", "office", tmp_path / "ban-xuat")
    assert done.returncode == 0, done.stderr
    target = str(tmp_path / "ban-xuat")
    assert office.run("audit", target, "--policy", office.policy).returncode == 0
    bundle = next((tmp_path / "ban-xuat" / "tile" / "entries").rglob("*.p/*"))
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"\x00")
    failed = office.run("audit", target, "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["verdict"] == "wrong"
    shutil.rmtree(tmp_path / "ban-xuat" / "tile" / "entries")
    assert office.run("audit", target).returncode == 1
    assert office.run("audit", str(tmp_path)).returncode == 2


def test_every_command_explains_itself(tmp_path: Path) -> None:
    listing = sogoc("--help", cwd=tmp_path)
    assert listing.returncode == 0
    # In both languages: the first sentence is the Vietnamese one.
    assert "Kiểm tra ngoại tuyến" in listing.stdout
    assert "Verify offline" in listing.stdout
    members = here("member", "--help", cwd=tmp_path).stdout
    assert "Retire a key: it signs nothing new" in " ".join(members.split())
    for name in (
        "init", "serve", "demo", "keygen", "member", "anchor", "receipt", "verify", "audit",
        "rebuild", "export", "backup", "restore", "status", "doctor",
    ):  # fmt: skip
        assert name in listing.stdout
        shown = here(name, "--help", cwd=tmp_path)
        assert shown.returncode == 0
        assert f"sogoc {name} " in shown.stdout.partition("\n")[0]
