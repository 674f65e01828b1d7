"""What is wrong with a node, and what to do about it.

Rules: each check looks at one thing and gives findings; one that finds nothing wrong says so, since silence could mean that
nothing was looked at. Nothing is repaired and nothing deleted.

What this package does not do: HTTP. What a running node says of itself is asked in `api`, and shown beside these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ledger.errors import LedgerError
from node.doctor.administrators import check_administrators, is_deciding
from node.doctor.disk import check_disk
from node.doctor.files import check_config, check_hold, check_policy
from node.doctor.finding import Finding, Severity, error, good, warning
from node.doctor.keys import check_keys
from node.doctor.store import (
    check_as_found,
    check_clock,
    check_clock_against,
    check_outbox,
    check_socket,
    check_store,
    validators_in,
)
from node.doctor.tls import check_tls
from node.home import Home

__all__ = [
    "Finding",
    "Severity",
    "check_administrators",
    "check_clock",
    "check_clock_against",
    "error",
    "examine",
    "good",
    "is_deciding",
    "warning",
]


def examine(
    home: Home,
    *,
    now_s: float,
    served: bool = False,
    passphrase: Callable[[], str | None] = lambda: None,
) -> Iterator[Finding]:
    """Examine the node at `home`; `now_s` is this machine's clock, seconds since the epoch.

    `served`: a node answers on its socket, so the store is its own and is not opened here. `passphrase` is asked, once, to
    compare encrypted keys with the genesis document; if it has none, they are not compared.
    """
    try:
        genesis = home.read_genesis()
    except LedgerError as failure:
        yield error(
            "home.genesis",
            f"không đọc được khối gốc / the genesis file cannot be read: {failure.detail}",
            "kiểm tra tên thư mục; hoặc khôi phục từ bản sao lưu / check the directory's name, or restore from a backup",
        )
        return
    yield good("home.genesis", f"sổ / ledger {genesis.origin}, {genesis.chain_id.hex()[:16]}…")
    config, finding = check_config(home)
    yield finding
    yield from check_hold(home)
    yield check_policy(home, genesis)
    yield from check_disk(home, config)
    # Opening a database without a fault lets go of what an earlier, faulty opening kept; so this is looked at first.
    yield from check_as_found(home)
    yield from check_keys(home, genesis, None if served else validators_in(home, genesis), passphrase)
    yield from check_tls(config, now_s)
    if not served:
        yield from check_socket(home)
        yield from check_store(home, genesis, now_s)
        yield check_outbox(home)
