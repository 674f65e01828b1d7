"""Checks of the files in a node's home: configuration, policy, and the hold of a restored node."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.errors import LedgerError
from ledger.genesis import Genesis, genesis_policy
from ledger.policy import Policy
from node.config import Config, ConfigError, load_config
from node.doctor.finding import Finding, error, good
from node.home import Home


def check_config(home: Home) -> tuple[Config, Finding]:
    """The configuration (the defaults if it cannot be used), and what is to be said of it."""
    try:
        config = load_config(home.config)
    except ConfigError as failure:
        return Config(), error(
            "config",
            f"cấu hình sai / the configuration cannot be used: {failure.detail}",
            f"sửa {home.config} / mend {home.config}",
        )
    return config, good("config", "cấu hình đọc được / the configuration is good")


def check_hold(home: Home) -> Iterator[Finding]:
    """Whether the node was restored and must not cosign yet."""
    if home.cosign_hold.exists():
        yield error(
            "cosign.held",
            "nút được khôi phục và chưa được ký / this node was restored and must not cosign yet",
            f"đọc {home.cosign_hold}; rồi / read it, then: sogoc restore --release {home.path} --checkpoint …",
        )


def check_policy(home: Home, genesis: Genesis) -> Finding:
    """Whether the policy file that is given to others is the one that the genesis document implies."""
    remedy = "so với bản đã công bố; bản đúng có trong sogoc export / an export holds the right one"
    try:
        policy = Policy.parse(home.policy.read_bytes())
    except (OSError, LedgerError) as failure:
        return error(
            "policy", f"không đọc được tệp chính sách / the policy file cannot be read: {failure}", remedy
        )
    if policy.format() != genesis_policy(genesis).format():
        return error(
            "policy",
            "tệp chính sách khác với khối gốc / the policy file is not the one that the genesis document implies",
            remedy,
        )
    return good("policy", "tệp chính sách khớp khối gốc / the policy file matches the genesis document")
