"""A node's configuration: `sogoc.toml`, read strictly, every value with a default and a range.

Rules: an unknown or wrongly typed setting is an error that names it; nothing is guessed. Secrets are never in this file.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from ledger.errors import LedgerError

_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?(?::[0-9]{1,5})?", re.ASCII)

DEFAULT_CONFIG = """\
# Cấu hình nút Sổ Gốc / Configuration of a Sổ Gốc node. Every line may be left out; these are the defaults.

# Where the HTTP interface listens. 127.0.0.1 is this machine only.
host = "127.0.0.1"
port = 8080

# Certificate and key for HTTPS (PEM files). Empty: plain HTTP.
tls_cert = ""
tls_key = ""

# Below this much free disk space (megabytes) the node takes no new entries; reading goes on.
low_disk_megabytes = 512

# Entries per minute that one signing key, and requests per minute that one address, may send.
entries_per_key_per_minute = 60000
requests_per_address_per_minute = 6000

# Bytes that one signing key may put on the ledger in a day (megabytes).
megabytes_per_key_per_day = 2048

# A quiet ledger's checkpoint is cosigned again after this many seconds, so that "status as of" stays fresh.
recosign_seconds = 600

# What this node's witness has seen of other ledgers goes onto this ledger after so many seconds, in one entry.
witness_anchor_seconds = 3600

# Domain name under which credentials made on the office's page name their issuer (did:web), and the member whose domain it is.
# /.well-known/did.json of that domain must lead here. Empty: did:key.
domain = ""
domain_member = "office"
"""


class ConfigError(LedgerError):
    """A configuration that cannot be used; the detail names the setting."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of a node; see `DEFAULT_CONFIG` for what each means and its unit."""

    host: str = "127.0.0.1"
    port: int = 8080
    tls_cert: str = ""
    tls_key: str = ""
    low_disk_megabytes: int = 512
    entries_per_key_per_minute: int = 60_000
    requests_per_address_per_minute: int = 6_000
    megabytes_per_key_per_day: int = 2_048
    recosign_seconds: int = 600
    witness_anchor_seconds: int = 3_600
    domain: str = ""
    domain_member: str = "office"


def load_config(path: Path) -> Config:
    """Read `sogoc.toml`; a missing file means the defaults. Raises ConfigError, rule `config.*`."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("config.read", f"cannot read {path}: {error}") from error
    known = {field.name: field.type for field in fields(Config)}
    for name, value in data.items():
        if name not in known:
            raise ConfigError(
                "config.unknown", f"{path}: {name!r} is not a setting; the settings are {', '.join(known)}"
            )
        wanted = str if known[name] == "str" else int
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise ConfigError(
                "config.type", f"{path}: {name} must be {'text' if wanted is str else 'a whole number'}"
            )
        if isinstance(value, int) and value < 0:
            raise ConfigError("config.range", f"{path}: {name} must not be negative")
    config = Config(**data)
    if not 0 <= config.port <= 65_535:
        raise ConfigError("config.range", f"{path}: port must be from 0 to 65535")
    if bool(config.tls_cert) != bool(config.tls_key):
        raise ConfigError("config.tls", f"{path}: tls_cert and tls_key go together")
    if config.domain and not _DOMAIN.fullmatch(config.domain):
        raise ConfigError(
            "config.domain", f"{path}: domain must be a domain name in small letters, such as phuson.example"
        )
    return config
