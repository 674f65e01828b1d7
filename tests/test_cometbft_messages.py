"""ABCI messages: what goes through the wire form comes back, and bytes that are none are refused by name."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import FormatError, LedgerError
from node.engine.cometbft import messages
from node.engine.cometbft.abci import AbciServer, ByteStream, read_message, write_message
from node.engine.cometbft.messages import Fields, Request, format_request, format_response, parse_request

WAIT_SECONDS = 30.0


def test_a_request_written_by_hand_is_read() -> None:
    body = bytes.fromhex("0864" + "120161" + "12017a" + "2805" + "32060807" + "10c0843d")
    request = parse_request(b"\x82\x01" + bytes([len(body)]) + body)
    assert request.verb == "prepare_proposal"
    assert request.integer("max_tx_bytes") == 100
    assert request.many_octets("txs") == [b"a", b"z"]
    assert request.integer("height") == 5
    # 7 s and 1,000,000 ns
    assert messages.time_ms(request.fields) == 7001


def test_a_response_is_what_the_interface_says() -> None:
    key = b"\x0b" * 32
    written = format_response(
        "finalize_block",
        {
            "tx_results": [{"code": 0}, {"code": 1}],
            "validator_updates": [{"pub_key": {"ed25519": key}, "power": 0}],
            "app_hash": b"hash",
        },
    )
    # finalize_block is field 21; results are field 2, updates 3, the hash 5.
    update = b"\x0a\x22\x0a\x20" + key
    body = b"\x12\x00" + b"\x12\x02\x08\x01" + b"\x1a" + bytes([len(update)]) + update + b"\x2a\x04hash"
    assert written == b"\xaa\x01" + bytes([len(body)]) + body


@given(
    txs=st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    height=st.integers(1, 2**63 - 1),
    seconds=st.integers(0, 253_402_300_799),
    nanoseconds=st.integers(0, 999_999_999),
    address=st.binary(min_size=20, max_size=20),
)
def test_proposals_come_back(
    txs: list[bytes], height: int, seconds: int, nanoseconds: int, address: bytes
) -> None:
    for verb in ("prepare_proposal", "process_proposal", "finalize_block"):
        request = parse_request(
            format_request(
                verb,
                {
                    "txs": txs,
                    "height": height,
                    "time": {"seconds": seconds, "nanos": nanoseconds},
                    "proposer_address": address,
                },
            )
        )
        assert request.verb == verb
        assert request.many_octets("txs") == txs
        assert request.integer("height") == height
        assert messages.time_ms(request.fields) == (seconds * 10**9 + nanoseconds) // 10**6
        assert request.octets("proposer_address") == address


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    # Any other error is a failure of the test.
    with contextlib.suppress(FormatError):
        assert parse_request(data).verb


def test_a_field_of_another_kind_is_taken_for_unset() -> None:
    request = Request("check_tx", {"tx": 5, "type": b"x", "txs": 7, "text": 1})
    assert request.octets("tx") == b""
    assert request.integer("type") == 0
    assert request.many_octets("txs") == []
    assert request.many_fields("txs") == []
    assert request.text("text") == ""


# -- framing -------------------------------------------------------------------------------------------------------------


def _stream(data: bytes) -> ByteStream:
    return io.BytesIO(data)


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_framed_messages_come_back(many: list[bytes]) -> None:
    written = io.BytesIO()
    for data in many:
        write_message(written, data)
    stream = _stream(written.getvalue())
    assert [read_message(stream) for _ in many] == many
    assert read_message(stream) is None


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"\x80", "abci.truncated"),
        (b"\x05abc", "abci.truncated"),
        (b"\xff\xff\xff\xff\xff\x01", "abci.length"),
        (b"\xff\xff\xff\xff\x0f", "abci.length"),
    ],
)
def test_bad_framing_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_message(_stream(data))
    assert caught.value.rule == rule


# -- the server ----------------------------------------------------------------------------------------------------------


class Asked:
    """A handler that notes what it is asked."""

    def __init__(self) -> None:
        self.verbs: list[str] = []
        self.failures: list[Exception] = []

    def __call__(self, request: Request) -> tuple[str, Fields]:
        self.verbs.append(request.verb)
        if request.verb == "commit":
            raise LedgerError("test.broken", "it broke")
        return request.verb, {"message": "back"} if request.verb == "echo" else {}


@contextmanager
def _served(path: Path) -> Iterator[tuple[Asked, socket.socket]]:
    asked = Asked()
    server = AbciServer(path, asked, asked.failures.append)
    server.start()
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(WAIT_SECONDS)
            client.connect(str(path))
            yield asked, client
    finally:
        server.stop()


def _ask(stream: ByteStream, *verbs: str) -> list[Request]:
    for verb in (*verbs, "flush"):
        write_message(stream, format_request(verb, {"message": "there"} if verb == "echo" else {}))
    stream.flush()
    answers = [read_message(stream) for _ in (*verbs, "flush")]
    return [messages.parse_response(answer or b"") for answer in answers]


def test_answers_come_in_the_order_of_the_questions(tmp_path: Path) -> None:
    with _served(tmp_path / "s") as (asked, client), client.makefile("rwb") as stream:
        answers = _ask(stream, "echo", "info", "echo")
    assert [answer.verb for answer in answers] == ["echo", "info", "echo", "flush"]
    assert answers[0].text("message") == "back"
    assert asked.verbs == ["echo", "info", "echo"]


def test_what_cannot_be_answered_is_told_to_the_owner_and_to_the_engine(tmp_path: Path) -> None:
    with _served(tmp_path / "s") as (asked, client), client.makefile("rwb") as stream:
        answer = _ask(stream, "commit")[0]
    assert answer.verb == "exception"
    assert "it broke" in answer.text("error")
    assert [str(error) for error in asked.failures] == ["it broke [test.broken]"]


def test_the_socket_is_for_this_user_alone(tmp_path: Path) -> None:
    with _served(tmp_path / "s"):
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600


def test_garbage_ends_its_connection_and_no_other(tmp_path: Path) -> None:
    with _served(tmp_path / "s") as (_, client), socket.socket(socket.AF_UNIX) as bad:
        bad.settimeout(WAIT_SECONDS)
        bad.connect(str(tmp_path / "s"))
        bad.sendall(b"\x03\xff\xff\xff")
        assert bad.recv(1) == b""
        with client.makefile("rwb") as stream:
            assert _ask(stream, "echo")[0].verb == "echo"


def test_stopping_ends_the_connections(tmp_path: Path) -> None:
    asked = Asked()
    server = AbciServer(tmp_path / "s", asked, asked.failures.append)
    server.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(WAIT_SECONDS)
        client.connect(str(tmp_path / "s"))
        with client.makefile("rwb") as stream:
            _ask(stream, "echo")
            server.stop()
            assert stream.read(1) == b""
