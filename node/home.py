"""A node's home directory: what lies where, and how a new ledger is made.

Rules: `init` makes everything or nothing, never touches a directory that holds something, and leaves private keys in files
of mode 0600. Layout:

    sogoc.toml            configuration
    genesis               leaf 0 of the log, so that the ledger can be told from another without opening it
    policy                the trust policy to give to others (C2SP tlog-policy)
    keys/next             a validator's next keys, until they are in service (docs/operating.md)
    keys/                 admin, office, log, validator (cosigning), header, engine: one statement each, one file each; vault
    data/ledger, data/outbox, data/vault
    witnesses             outside witnesses that are asked (docs/operating.md); witnessed/, keys/witness.pem, keys/anchor.pem
                          and data/witness: other ledgers that are witnessed here
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.block import RULES_VERSION
from ledger.entry import NONCE_SIZE
from ledger.errors import LedgerError
from ledger.execution import execute_genesis
from ledger.genesis import (
    Genesis,
    GenesisKey,
    GenesisMember,
    Validator,
    check_genesis,
    genesis_policy,
    parse_genesis_leaf,
)
from ledger.keys import SigningKey
from ledger.roles import ADMINISTRATOR, AUDITOR, ISSUER, OFFICE, VALIDATOR
from ledger.store.ledger_store import LedgerStore
from node import keyfiles
from node.application import genesis_commit
from node.config import DEFAULT_CONFIG
from node.cosigning import Cosigner, cosign_head
from node.outbox import Outbox
from node.safe_files import disk_error, put_file

KEY_NAMES = ("admin", "office", "log", "validator", "header", "engine")
VAULT_KEY = "vault"
"""Its file wraps the keys of what the vault keeps; no statement is made with it."""
WITNESS_KEY = "witness"
"""Cosigns other ledgers' checkpoints, and nothing else."""
ANCHOR_KEY = "anchor"
"""A member's key, by which the node puts on its own ledger what it has witnessed."""
VALIDATOR_KEYS = ("log", "validator", "header", "engine")
"""Those of them by which the ledger knows a validator; `validator` cosigns."""
KEY_FILES = (*KEY_NAMES, VAULT_KEY)
"""What `init` writes into keys/."""
DEFAULT_MEMBER = "office"


class HomeError(LedgerError):
    """A home directory that cannot be made or used; the detail says what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths inside a node's home directory."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.path / "sogoc.toml"

    @property
    def genesis(self) -> Path:
        """The genesis leaf."""
        return self.path / "genesis"

    @property
    def policy(self) -> Path:
        """The trust policy."""
        return self.path / "policy"

    @property
    def keys(self) -> Path:
        """The directory of private keys."""
        return self.path / "keys"

    @property
    def ledger(self) -> Path:
        """The ledger's store."""
        return self.path / "data" / "ledger"

    @property
    def outbox(self) -> Path:
        """The outbox journal."""
        return self.path / "data" / "outbox"

    @property
    def vault(self) -> Path:
        """What is kept so that it can be destroyed."""
        return self.path / "data" / "vault"

    @property
    def evidence(self) -> Path:
        """What validators have signed against this ledger."""
        return self.path / "data" / "evidence"

    @property
    def cosigned(self) -> Path:
        """What each validator has cosigned last, as far as this node has heard (`node.cosigned`)."""
        return self.path / "data" / "cosigned"

    @property
    def witness(self) -> Path:
        """What this node's witness has cosigned last (`node.witness.book`)."""
        return self.path / "data" / "witness"

    @property
    def witnessed(self) -> Path:
        """The folder of policies of the ledgers that are witnessed here."""
        return self.path / "witnessed"

    @property
    def witnesses(self) -> Path:
        """The list of outside witnesses that are asked for cosignatures."""
        return self.path / "witnesses"

    @property
    def engine(self) -> Path:
        """What an engine in a process of its own keeps."""
        return self.path / "data" / "engine"

    @property
    def socket(self) -> Path:
        """The Unix socket through which commands reach a node that runs."""
        return self.path / "control.sock"

    @property
    def cosign_hold(self) -> Path:
        """Present after a restore until it is safe to cosign again; says why."""
        return self.path / "COSIGNING-HELD"

    def key(self, name: str) -> Path:
        """The file of one of the node's own keys."""
        return self.keys / f"{name}.pem"

    @property
    def next_keys(self) -> Path:
        """The directory of a validator's next keys, from when they are made until they have taken the others' place."""
        return self.keys / "next"

    def next_key(self, name: str) -> Path:
        """The file of one of the validator's next keys."""
        return self.next_keys / f"{name}.pem"

    def read_genesis(self) -> Genesis:
        """The genesis document. Raises HomeError if this is not a node's home."""
        try:
            leaf = self.genesis.read_bytes()
        except OSError as error:
            raise HomeError(
                "home.missing",
                f"{self.path} is not the home of a node: it has no genesis file; make one with `sogoc init`",
            ) from error
        return parse_genesis_leaf(leaf)


def init(
    path: Path,
    *,
    origin: str,
    name: str,
    time_s: int,
    passphrase: str | None,
    member: str = DEFAULT_MEMBER,
    recovery_key: bytes | None = None,
    on_key: Callable[[str], None] = lambda _: None,
) -> Genesis:
    """Make a new single-validator ledger in `path`, which must not exist or be empty.

    `time_s` is now, seconds since the epoch; `passphrase` encrypts the keys (None: not at all); `recovery_key` is the public
    half of a second administrator's key, which is kept elsewhere; `on_key` hears of each key as it is made.

    Raises HomeError, KeyFileError, RefusedError or FormatError (a bad origin or name), StoreError.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise HomeError("home.exists", f"{path} is not empty: choose a directory that does not exist yet")
    genesis_keys = {name: SigningKey.from_seed(secrets.token_bytes(32)) for name in KEY_NAMES}
    genesis = _new_genesis(origin, name, member, time_s * 1000, genesis_keys, recovery_key)
    check_genesis(genesis)
    made_here = not path.exists()
    try:
        cosigner = cosigner_of(genesis, genesis.validators[0], genesis_keys["log"], genesis_keys["validator"])
        write_home(
            Home(path),
            genesis,
            genesis_keys,
            passphrase,
            lambda store: _sign_genesis(store, cosigner, time_s),
            on_key,
        )
    except BaseException as error:
        remove_half_made(path, made_here=made_here)
        if isinstance(error, OSError):
            raise disk_error(error, path) from error
        raise
    return genesis


def remove_half_made(path: Path, *, made_here: bool) -> None:
    """Take away what an attempt has left in a directory that was empty: it has no entry in it and would only be in the way."""
    for child in path.iterdir() if path.is_dir() else ():
        if child.is_dir():
            shutil.rmtree(child, ignore_errors=True)
        else:
            child.unlink(missing_ok=True)
    if made_here:
        shutil.rmtree(path, ignore_errors=True)


def _sign_genesis(store: LedgerStore, cosigner: Cosigner, time_s: int) -> None:
    cosign_head(store, cosigner, time_s)


def _new_genesis(
    origin: str,
    name: str,
    member: str,
    time_ms: int,
    keys: dict[str, SigningKey],
    recovery_key: bytes | None,
) -> Genesis:
    roles = tuple(sorted((ADMINISTRATOR, AUDITOR, ISSUER, OFFICE, VALIDATOR)))
    members = (GenesisMember(member, name, roles),)
    acting = (
        GenesisKey(keys["admin"].public_key, member, (ADMINISTRATOR,)),
        GenesisKey(keys["office"].public_key, member, tuple(sorted((ISSUER, OFFICE)))),
        *(() if recovery_key is None else (GenesisKey(recovery_key, member, (ADMINISTRATOR,)),)),
    )
    validator = Validator(
        name=f"{origin}/validator",
        engine_key=keys["engine"].public_key,
        header_key=keys["header"].public_key,
        log_key=keys["log"].public_key,
        cosigning_key=keys["validator"].public_key,
    )
    return Genesis(
        origin=origin,
        nonce=secrets.token_bytes(NONCE_SIZE),
        rules_version=RULES_VERSION,
        time_ms=time_ms,
        members=members,
        keys=tuple(sorted(acting, key=lambda key: key.public_key)),
        validators=(validator,),
    )


def write_home(
    home: Home,
    genesis: Genesis,
    keys: dict[str, SigningKey],
    passphrase: str | None,
    sign: Callable[[LedgerStore], None],
    on_key: Callable[[str], None],
) -> None:
    """Write all of a home but what is a network's; `sign` puts the cosigned genesis checkpoint into its new store.

    The genesis file comes last, since it is what says that the home is complete. Raises KeyFileError, StoreError, OSError.
    """
    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.keys.mkdir(mode=0o700)
    for name, key in keys.items():
        on_key(name)
        keyfiles.save(home.key(name), key, passphrase)
    on_key(VAULT_KEY)
    keyfiles.generate(home.key(VAULT_KEY), passphrase)
    put_file(home.config, DEFAULT_CONFIG.encode())
    put_file(home.policy, genesis_policy(genesis).format().encode())
    home.ledger.parent.mkdir()
    store = LedgerStore.create(home.ledger, genesis_commit(execute_genesis(genesis), genesis.leaf()))
    try:
        sign(store)
    finally:
        store.close()
    Outbox.open(home.outbox, create=True).close()
    put_file(home.genesis, genesis.leaf())


def cosigner_of(
    genesis: Genesis, validator: Validator, log_key: SigningKey, cosigning_key: SigningKey
) -> Cosigner:
    """The cosigner of `validator`. Raises HomeError if the keys are not its."""
    if log_key.public_key != validator.log_key or cosigning_key.public_key != validator.cosigning_key:
        raise HomeError("home.keys", "the keys in keys/ are not the validator's keys that the ledger names")
    return Cosigner(genesis.origin, validator.name, log_key, cosigning_key)


def own_validator(validators: Sequence[Validator], log_key: bytes, cosigning_key: bytes) -> Validator | None:
    """The one of a set that has these two keys (32 bytes each), or None."""
    for validator in validators:
        if (validator.log_key, validator.cosigning_key) == (log_key, cosigning_key):
            return validator
    return None


def load_keys(
    home: Home, names: Sequence[str], passphrase: keyfiles.PassphraseSource
) -> dict[str, SigningKey]:
    """Load some of the node's keys; a passphrase function is asked once at most. Raises KeyFileError."""
    asked: list[str | None] = []

    def once() -> str | None:
        if not asked:
            asked.append(passphrase() if callable(passphrase) else passphrase)
        return asked[0]

    return {name: keyfiles.load(home.key(name), once) for name in names}


def load_next_keys(
    home: Home, names: Sequence[str], passphrase: keyfiles.PassphraseSource
) -> dict[str, SigningKey] | None:
    """A validator's next keys, if there are any, by the same names. Raises KeyFileError."""
    if not home.next_keys.is_dir():
        return None
    return {name: keyfiles.load(home.next_key(name), passphrase) for name in names}
