"""Checks of a stopped node's store, outbox and socket, and of the clock against them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from ledger import checkpoint as checkpoints
from ledger.block import parse_header_leaf
from ledger.epochs import stored_epochs
from ledger.errors import LedgerError, StoreError, StoreLockedError
from ledger.genesis import Genesis, Validator
from ledger.store import swap
from ledger.store.as_found import KEPT
from ledger.store.ledger_store import LedgerStore
from ledger.validators import current_set
from node.doctor.administrators import administrators_in, check_administrators
from node.doctor.finding import Finding, error, good, warning
from node.home import Home
from node.outbox import Outbox

MAX_SOCKET_PATH: Final = 100
"""Bytes that the path of the control socket may have: Linux allows 107."""
_CLOCK_WARNING_SECONDS: Final = 60
_CLOCK_ERROR_SECONDS: Final = 300
"""An entry may be five minutes ahead of its block, so a clock that is further off refuses good entries."""


def check_socket(home: Home) -> Iterator[Finding]:
    """What stands in the way of reaching a node through its socket. Asked only if none answered."""
    if home.socket.exists():
        yield warning(
            "node.socket",
            f"{home.socket} có đó nhưng không ai trả lời / is there and nobody answers: the node was killed, or hangs",
            "xem nhật ký nút; khởi động lại sẽ thay tệp này / look at the node's log; starting it again replaces the file",
        )
    elif len(os.fsencode(home.socket.resolve())) > MAX_SOCKET_PATH:
        yield warning(
            "node.socket",
            "đường dẫn quá dài cho ổ cắm Unix / the path is too long for a Unix socket: commands cannot reach a running node",
            f"đặt thư mục ở nơi có tên ngắn hơn {MAX_SOCKET_PATH} byte / use a directory with a shorter path",
        )
    else:
        yield good("node.socket", "nút không chạy / the node is not running")


def validators_in(home: Home, genesis: Genesis) -> tuple[Validator, ...]:
    """The validators that the store names; if it does not open, which `check_store` reports, those of the genesis document."""
    try:
        store = LedgerStore.open(home.ledger)
    except StoreError:
        return genesis.validators
    try:
        return current_set(store) if store.leaf(0) == genesis.leaf() else genesis.validators
    except LedgerError:
        return genesis.validators
    finally:
        store.close()


def check_store(home: Home, genesis: Genesis, now_s: float) -> Iterator[Finding]:
    """Whether the store opens, is of this ledger, and its head is signed and not in the future."""
    try:
        store = LedgerStore.open(home.ledger)
    except StoreLockedError:
        yield error(
            "store.open",
            "kho đang bị một tiến trình khác giữ mà không trả lời qua ổ cắm / another process has the store open, and does not "
            "answer on the socket",
            f"tìm và dừng tiến trình đó / find that process and stop it: fuser {home.ledger / swap.CURRENT / 'LOCK'}",
        )
        return
    except StoreError as failure:
        yield error(
            "store.open",
            f"không mở được kho / the store does not open: {failure.detail}",
            "sogoc rebuild nếu chỉ hỏng chỉ mục; nếu không, khôi phục / `sogoc rebuild` mends what follows from the blocks; "
            "otherwise restore from a backup (docs/operating.md)",
        )
        return
    try:
        yield from _check_open_store(store, genesis, now_s)
    except StoreError as failure:
        yield error(
            "store.read",
            f"kho đọc lỗi / the store cannot be read: {failure.detail}",
            "sogoc audit --level full",
        )
    finally:
        store.close()


def _check_open_store(store: LedgerStore, genesis: Genesis, now_s: float) -> Iterator[Finding]:
    head = store.head
    yield good(
        "store.open", f"kho mở được / the store opens: khối / height {head.height:,}, lá / size {head.size:,}"
    )
    if store.leaf(0) != genesis.leaf():
        yield error(
            "store.genesis",
            "kho là của sổ khác / the store is of another ledger than the genesis file",
            "đặt lại đúng thư mục data / put the right data directory back",
        )
        return
    yield check_cosigned(store, genesis)
    time_ms = parse_header_leaf(store.header_leaf(head.height)).time_ms
    yield check_administrators(administrators_in(store, genesis, time_ms))
    yield check_clock(time_ms / 1000, now_s)


def check_cosigned(store: LedgerStore, genesis: Genesis) -> Finding:
    """Whether the newest block is under a checkpoint that the policy passes."""
    check = "store.signed"
    text = store.signed_checkpoint()
    if text is None or checkpoints.parse(text).size != store.head.size:
        return warning(
            check,
            "khối cuối chưa được đồng xác nhận / the newest block is not cosigned yet",
            "khởi động nút: nó ký ngay khi mở / start the node: it cosigns on opening",
        )
    try:
        checked = stored_epochs(store, genesis).policy_at(store.head.size).check(text)
    except LedgerError as failure:
        return error(
            check,
            f"điểm kiểm không đạt chính sách / the checkpoint does not pass the policy: {failure.detail}",
            "sogoc audit --level full",
        )
    if checked.checkpoint.root != store.head.root:
        return error(
            check,
            "điểm kiểm có gốc khác kho / the checkpoint has another root than the store",
            "sogoc audit --level full",
        )
    return good(check, "khối cuối có chữ ký / the newest block is cosigned")


def check_clock(last_s: float, now_s: float) -> Finding:
    """Whether this machine's clock is before the last block's time, both in seconds since the epoch."""
    behind = last_s - now_s
    if behind > 0:
        return (error if behind > _CLOCK_ERROR_SECONDS else warning)(
            "clock",
            f"đồng hồ chậm hơn khối cuối / the clock is {behind:.0f} s before the newest block's time",
            "bật đồng bộ giờ / turn on time synchronisation: timedatectl set-ntp true",
        )
    return good("clock", "đồng hồ không trước khối cuối / the clock is not before the newest block")


def check_clock_against(other_s: float, now_s: float, who: str) -> Finding:
    """This machine's clock against another's, `who`, both in seconds since the epoch."""
    off = now_s - other_s
    text = f"đồng hồ lệch / the clock is {off:+.0f} s against {who}"
    remedy = (
        "bật đồng bộ giờ trên cả hai máy / turn on time synchronisation on both: timedatectl set-ntp true"
    )
    if abs(off) > _CLOCK_ERROR_SECONDS:
        return error("clock.other", text, remedy)
    if abs(off) > _CLOCK_WARNING_SECONDS:
        return warning("clock.other", text, remedy)
    return good("clock.other", text)


def check_outbox(home: Home) -> Finding:
    """Whether the outbox opens, and what waits in it."""
    try:
        outbox = Outbox.open(home.outbox, create=False)
    except StoreLockedError as failure:
        return error(
            "outbox",
            f"sổ chờ đang bị giữ / the outbox is in use: {failure.detail}",
            "dừng tiến trình kia / stop it",
        )
    except StoreError as failure:
        return error(
            "outbox",
            f"không mở được sổ chờ / the outbox does not open: {failure.detail}",
            "khôi phục từ bản sao lưu; người gửi có thể gửi lại / restore from a backup; senders may send again",
        )
    try:
        waiting = sum(1 for _ in outbox.waiting())
    except LedgerError as failure:
        return error(
            "outbox",
            f"sổ chờ hỏng / the outbox is damaged: {failure.detail}",
            "khôi phục / restore from a backup",
        )
    finally:
        outbox.close()
    return good("outbox", f"đang chờ / waiting: {waiting:,}")


def check_as_found(home: Home) -> Iterator[Finding]:
    """Whether an opening of a database found something lost, and kept the files as they were."""
    for database in (home.ledger / swap.CURRENT, home.outbox):
        kept = database / KEPT
        if kept.exists():
            yield warning(
                "store.as-found",
                f"lần mở trước gặp lỗi / an earlier opening failed and kept the files as they were in {kept}",
                "giữ thư mục này đến khi hiểu nguyên nhân / keep it until the cause is understood; if the store opens now, it "
                "goes away by itself",
            )
