"""The socket on which the engine asks: ABCI 2.0 over a Unix socket, one thread to a connection.

Rules: a message is its length as a variable-length integer (Protocol Buffers' base-128 form), then its bytes; a length
beyond `MAX_MESSAGE_BYTES` ends the connection before memory is spent. Answers go out in the order of the questions. A
question that cannot be answered is answered with `exception`, upon which the engine stops: whoever owns the server is told
first.

What this module does not do: know what any verb means.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import structlog

from ledger.errors import FormatError
from node.engine.cometbft.messages import Fields, Request, format_response, parse_request

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""Bytes of one message: several times the largest block that the engine is configured to make."""
_LENGTH_BYTES: Final = 5
_CONTINUES: Final = 0x80

_log = structlog.get_logger("abci")

Handler = Callable[[Request], tuple[str, Fields]]
"""Answers one request with a verb and the fields of its response."""


class ByteStream(Protocol):
    """What a connection or a buffer is read and written as."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; fewer only at the end."""

    def write(self, data: bytes, /) -> int:
        """Write all of `data`."""

    def flush(self) -> None:
        """Send what was written."""


def read_message(stream: ByteStream) -> bytes | None:
    """The next message's bytes, or None at the end. Raises FormatError, rule `abci.length` or `abci.truncated`."""
    length = 0
    for position in range(_LENGTH_BYTES):
        octet = stream.read(1)
        if not octet:
            if position:
                raise FormatError("abci.truncated", "the engine's connection ended inside a message")
            return None
        length |= (octet[0] & ~_CONTINUES) << (7 * position)
        if not octet[0] & _CONTINUES:
            break
    else:
        raise FormatError("abci.length", "a message's length takes more than five bytes")
    if length > MAX_MESSAGE_BYTES:
        raise FormatError("abci.length", f"a message of {length} bytes is more than {MAX_MESSAGE_BYTES}")
    data = stream.read(length)
    if len(data) != length:
        raise FormatError("abci.truncated", "the engine's connection ended inside a message")
    return data


def write_message(stream: ByteStream, data: bytes) -> None:
    """Write one message with its length; nothing is sent before the stream is flushed."""
    length = len(data)
    prefix = bytearray()
    while length >= _CONTINUES:
        prefix.append(length & ~_CONTINUES & 0xFF | _CONTINUES)
        length >>= 7
    prefix.append(length)
    stream.write(bytes(prefix))
    stream.write(data)


class AbciServer:
    """Listens on a Unix socket of mode 0600 and answers with `handler`, which several threads call at once."""

    def __init__(self, path: Path, handler: Handler, failed: Callable[[Exception], None]) -> None:
        """`failed` hears of what `handler` raised, before the engine does."""
        self._handler = handler
        self._failed = failed
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen(8)
        self._thread = threading.Thread(target=self._accept, name="sogoc-abci", daemon=True)

    def start(self) -> None:
        """Begin to take connections."""
        self._thread.start()

    def stop(self) -> None:
        """Take none any more and end those there are; the engine stops when it notices."""
        with self._lock:
            self._stopping = True
            connections = tuple(self._connections)
        # A thread that waits in accept or read is woken by a shutdown, not by a close.
        for one in (self._listener, *connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._thread.is_alive():
            self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._stopping:
                    connection.close()
                    return
                self._connections.add(connection)
            threading.Thread(
                target=self._converse, args=(connection,), name="sogoc-abci-connection", daemon=True
            ).start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rwb") as stream:
                self._answer_all(stream)
        except (OSError, FormatError) as error:
            if not self._stopping:
                _log.warning("the engine's connection ended", error=str(error))
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _answer_all(self, stream: ByteStream) -> None:
        while (data := read_message(stream)) is not None:
            request = parse_request(data)
            if request.verb == "flush":
                write_message(stream, format_response("flush", {}))
                stream.flush()
                continue
            write_message(stream, self._answer(request))

    def _answer(self, request: Request) -> bytes:
        try:
            verb, fields = self._handler(request)
            return format_response(verb, fields)
        except Exception as error:  # noqa: BLE001  the engine must hear of whatever it is, and stop
            self._failed(error)
            return format_response("exception", {"error": str(error)[:1000]})
