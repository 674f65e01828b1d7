"""The administrator's guide, run as it is written: each command in order, against one ledger, and what each leaves behind."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from api.cli.output import ExitCode
from ledger.rows import KeyRow, MemberRow, key_key, member_key
from node import keyfiles
from node.keyfiles import PASSPHRASE_VARIABLE
from node.service import Node
from tests.serving import Done, quiet_logs, serving, sogoc
from tests.support import running_node

__all__ = ["quiet_logs"]

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "huong-dan" / "quan-tri.md"
PLACEHOLDERS = {
    "KHÓA-CÁN-BỘ": r"--public-key ([0-9a-f]{64})",
    "CHỮ-KÝ": r"--possession ([0-9a-f]{128})",
    "MÃ-ĐỀ-XUẤT": r"governance approve ([0-9a-f]{16})",
}
"""What stands in capitals for something that a command before has printed."""
FILES = {
    "KHÓA-LAN-2": "lan-2.pem",
    "KHÓA-VĂN-PHÒNG": "so/keys/office.pem",
    "KHÓA-QUẢN-TRỊ": "so/keys/admin.pem",
}
"""What stands for the public key of a file."""


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def commands() -> list[list[str]]:
    """The arguments of every `sogoc …` in the guide's blocks, in order."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    assert all(line.startswith("sogoc ") for line in lines)
    return [shlex.split(line)[1:] for line in lines]


@dataclass
class Reader:
    """Somebody who types what the guide says."""

    node: Node
    address: str
    said: str = ""
    done: list[tuple[list[str], Done]] = field(default_factory=list)

    def type(self, words: list[str]) -> None:
        filled = [self._fill(word) for word in words]
        if "--node" not in filled and words[0] != "keygen":
            filled += ["--node", self.address]
        if filled[:2] in (["governance", "approve"], ["governance", "withdraw"]):
            filled.append("--yes")  # at a terminal one is asked, and says yes
        done = sogoc(*filled)
        assert (done.code, done.rule) == (ExitCode.GOOD, ""), words
        self.said = done.output + self.said
        self.done.append((words, done))

    def _fill(self, word: str) -> str:
        if word in FILES:
            return self.public_key(FILES[word]).hex()
        if word not in PLACEHOLDERS:
            return word
        found = re.search(PLACEHOLDERS[word], self.said)
        assert found is not None, word
        return found[1]

    def public_key(self, file: str) -> bytes:
        return keyfiles.load(Path(file), "mật khẩu thử").public_key

    def key(self, file: str) -> KeyRow:
        value = self.node.final.view.get(key_key(self.public_key(file)))
        assert value is not None
        return KeyRow.parse(value)

    def member(self, name: str) -> MemberRow:
        value = self.node.final.view.get(member_key(name))
        assert value is not None
        return MemberRow.parse(value)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("guide")
    with (
        pytest.MonkeyPatch.context() as patch,
        running_node(folder) as node,
        serving(node) as address,
    ):
        patch.chdir(folder)
        patch.setenv(PASSPHRASE_VARIABLE, "mật khẩu thử")
        (folder / "so").symlink_to(node.home.path)
        one = Reader(node, address)
        for words in commands():
            one.type(words)
        yield one


def test_the_guide_has_its_commands(reader: Reader) -> None:
    verbs = {" ".join(words[:2]) for words, _ in reader.done}
    assert verbs >= {
        "member add",
        "member rotate-key",
        "member retire-key",
        "member revoke-key",
        "member succeed",
        "member cancel-succession",
        "governance list",
        "governance approve",
        "governance withdraw",
        "governance set-parameter",
    }


def test_keys_stand_as_the_guide_says(reader: Reader) -> None:
    assert reader.key("du-phong.pem").roles == ("administrator",)
    assert reader.key("lan.pem").retired_ms is not None
    assert reader.key("lan-2.pem").retired_ms is not None
    assert reader.key("lan-2.pem").roles == ("issuer", "office")
    assert reader.key("ky-thay.pem").until_ms == ms("2099-09-30T17:00+07:00")
    assert reader.key("so/keys/office.pem").disputed_from_ms == ms("2026-03-01T08:00+07:00")
    assert reader.key("van-phong-2.pem").revoked_ms is None
    assert reader.key("so/keys/admin.pem").revoked_ms is not None
    assert reader.key("quan-tri-2.pem").roles == ("administrator",)
    assert reader.key("htx-dua-dien-thoai.pem").member == "htx-dua"


def test_members_stand_as_the_guide_says(reader: Reader) -> None:
    assert reader.member("htx-dua").ended_ms is None
    assert reader.member("thi-xa").roles == ("administrator", "office")
    assert reader.member("truong-hoc").successors == ("thi-xa",)
    assert reader.member("thi-xa").predecessors == ("truong-hoc",)


def test_the_list_shows_a_proposal_before_it_is_approved(reader: Reader) -> None:
    (listed,) = [done.output for words, done in reader.done if words == ["governance", "list"]]
    for said in (
        "kết nạp thành viên / admit a member",
        "truong-hoc",
        "Trường THCS",
        "đang chờ / open",
        "1 / 2",
    ):
        assert said in listed
    assert (
        sogoc("governance", "list", "--node", reader.address).output.strip()
        == "Không có đề xuất nào / no proposals"
    )
    closed = sogoc("governance", "list", "--all", "--json", "--node", reader.address).json["proposals"]
    assert sorted(one["outcome"] for one in closed) == ["executed", "executed", "withdrawn"]
