"""Restoring a node from a backup, and the wait until it is safe for it to cosign again.

Rules:

* every block of the backup is executed again, as a validator executes what others propose: signatures, records, chain rules,
  roots; at the end stands the root that the checkpoint in the backup signs;
* **a restored node must not fork its ledger.** After the backup was made its key may have signed larger checkpoints, of
  blocks that are not in the backup. To sign other blocks at those sizes would be a second history. So the home is held
  (`COSIGNING-HELD`), and the node does not start, until it holds the last checkpoint that its key has signed, from somebody
  who kept it: a mirror, a witness, an auditor, a receipt's holder;
* that checkpoint must lie in the log that was restored. If it is larger, blocks are missing and come from a mirror, verified
  like all others. If its root is another one, there are two histories: that is kept as evidence, and nothing is released;
* what is released knows for good what its key has signed: the store refuses a second root at that size, and anything smaller;
* the checkpoint in the backup itself, given back, shows nothing: then the operator has to say that the node has not run since;
* the hold is the first file that is written and the last that is removed. A crash leaves a home that is held, or none.

What this module does not do: know whether the checkpoint it was given is the *last* one. That is for the operator to find
out: its cosignature's time is shown for that.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger import checkpoint as checkpoints
from ledger.block import parse_header_leaf
from ledger.checkpoint import Checkpoint
from ledger.epochs import stored_epochs
from ledger.errors import CannotTellError, VerificationError
from ledger.genesis import Genesis, Validator, cosigning_verifier, genesis_policy
from ledger.policy import CheckedCheckpoint
from ledger.store.ledger_store import LedgerStore
from ledger.tiles import AtSize
from ledger.tiles import root as log_root
from ledger.validators import current_set, judging_set
from ledger.verify.sources.base import LogSource
from ledger.verify.trust import ValidatorSets, transitions_of, trust_of
from node import keyfiles
from node.backup import CONFIG_PATH, MAX_TEXT_BYTES, About, Backup
from node.export import Progress, check_checkpoint
from node.home import KEY_FILES, Home, HomeError, load_keys, load_next_keys
from node.log_blocks import read_blocks, read_genesis
from node.network_init import NETWORK_KEYS
from node.outbox import Outbox, Waiting
from node.replay import Replay, create_store
from node.safe_files import OccupiedError, disk_error, is_free, new_folder, put_file, sync_names, write_synced

EVIDENCE_NAME: Final = "FORK-EVIDENCE"
_OWN_NAMES: Final = ("log", "validator")


Pair = tuple[bytes, bytes]
"""Public log and cosigning key, 32 bytes each, by which a ledger knows a validator."""
Own = Callable[[], Sequence[Pair]]
"""Reads a home's own keys, those in service and those that are to take their place; asked only where nothing else tells."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has made. It is held."""

    about: About
    height: int
    cosigned_s: int
    """The newest time of a cosignature under the checkpoint in the backup, seconds since the epoch."""
    keys: tuple[str, ...]
    """Names of the key files that were put in place."""


@dataclass(frozen=True, slots=True)
class Released:
    """A home that may cosign again, and the checkpoint because of which it may."""

    size: int
    root: bytes
    cosigned_s: int
    """When this validator cosigned it, seconds since the epoch: nothing may have been signed after this."""
    head_size: int
    """Tree size of the log that is there now."""


def cosigners(store: LedgerStore) -> tuple[Validator, ...]:
    """The validators whose cosignatures a store's end may bear: those before its last block, and those after it."""
    header = parse_header_leaf(store.header_leaf(store.head.height))
    return tuple(dict.fromkeys((*judging_set(store, header), *current_set(store))))


def read_own(home: Home, passphrase: keyfiles.PassphraseSource) -> tuple[Pair, ...]:
    """The pairs of keys that a home holds. Raises KeyFileError."""
    sets = [load_keys(home, _OWN_NAMES, passphrase), load_next_keys(home, _OWN_NAMES, passphrase)]
    return tuple((keys["log"].public_key, keys["validator"].public_key) for keys in sets if keys is not None)


def signed_by_own(
    validators: Sequence[Validator], given: Checkpoint, own: Own | None
) -> list[tuple[Validator, int]]:
    """As which of the validators this home has cosigned `given`, by its keys, and when (seconds since the epoch), newest first.

    Where all are one validator, perhaps with other keys since, no keys are needed to tell. Raises CannotTellError
    (`restore.not-our-signature`) if it has not, HomeError (`restore.keys`) if the home's keys are none's, and
    what `own` raises.
    """
    mine = list(validators)
    if len({one.name for one in validators}) > 1:
        if own is None:
            raise HomeError(
                "restore.keys",
                "the ledger has several validators: which one this home is, its keys must tell",
            )
        pairs = own()
        mine = [one for one in validators if (one.log_key, one.cosigning_key) in pairs]
    if not mine:
        raise HomeError("restore.keys", "the keys in keys/ are not those of a validator of this ledger")
    found: list[tuple[Validator, int]] = []
    refused: CannotTellError | None = None
    for one in mine:
        try:
            found.append((one, cosigned_at(one, given)))
        except CannotTellError as error:
            refused = refused or error
    if not found and refused is not None:
        raise refused
    return sorted(found, key=lambda one: one[1], reverse=True)


def restore(
    backup: Backup, target: Path, keys: Path | None = None, progress: Progress = lambda _done, _of: None
) -> Restored:
    """Make the home `target`, which must not exist or be empty, from a backup; with `keys`, copy the key files from there.

    The home is held. `progress` hears leaves replayed and leaves in all. Raises OccupiedError (`files.exists`), HomeError
    (`restore.keys`), KeyFileError, what a block breaks, VerificationError (`restore.root`), StoreError; then there is no
    home.
    """
    if not is_free(target):
        raise OccupiedError(
            "files.exists", f"{target} is not empty: name a directory that does not exist yet"
        )
    key_files = {} if keys is None else _key_files(keys)
    with new_folder(target, mode=0o700) as path:
        home = Home(path)
        text = backup.checkpoint()
        genesis, checked = check_checkpoint(backup, text)
        put_file(home.cosign_hold, hold_text(genesis, checked).encode(), mode=0o600)
        store = _replay_all(home, backup, checked, progress)
        try:
            height = store.head.height
            _remember(store, genesis, backup, text)
        finally:
            store.close()
        _restore_outbox(home, backup.waiting())
        for name, data in backup.settings():
            (home.path / name).parent.mkdir(mode=0o700, exist_ok=True)
            write_synced(home.path / name, data)
        _write_files(home, genesis, backup.read(CONFIG_PATH, MAX_TEXT_BYTES), key_files)
    cosigned_s = max((time_s for _, time_s in checked.cosignatures), default=0)
    return Restored(backup.about, height, cosigned_s, tuple(key_files))


def _replay_all(home: Home, backup: Backup, checked: CheckedCheckpoint, progress: Progress) -> LedgerStore:
    wanted = checked.checkpoint
    blocks = read_blocks(backup, 0, 0, wanted.size)
    home.ledger.parent.mkdir(mode=0o700)
    store = create_store(home.ledger, next(blocks))
    try:
        replay = Replay(store)
        for block in blocks:
            replay.commit(block)
            progress(store.head.size, wanted.size)
        progress(store.head.size, wanted.size)
        if (store.head.size, store.head.root) != (wanted.size, wanted.root):
            detail = f"The blocks of the backup do not lead to the root that its checkpoint of size {wanted.size} signs"
            raise VerificationError("restore.root", detail, expected=wanted.root, got=store.head.root)
    except BaseException:
        store.close()
        raise
    return store


def _remember(store: LedgerStore, genesis: Genesis, source: LogSource, text: str) -> None:
    """Tell the store what was signed at its own end: whatever becomes of the hold, no second root is signed there.

    It learns that for each key that did, whichever of them this home has; and what closed its epochs.
    """
    head = store.head
    given = checkpoints.parse(text)
    for validator in cosigners(store):
        with contextlib.suppress(CannotTellError):
            cosigned_at(validator, given)
            store.learn_signed(validator.cosigning_key, head.size, head.root)
    _keep_closings(store, genesis, source)
    store.put_signatures(head.size, text)


def _keep_closings(store: LedgerStore, genesis: Genesis, source: LogSource) -> None:
    """Keep the closing checkpoints that a source tells, as far as the log goes: receipts of all later epochs rest on them."""
    found = transitions_of(source, genesis)
    ValidatorSets.of(found, genesis)
    for step in found.steps:
        size = checkpoints.parse(step.checkpoint_text).size
        if size <= store.head.size and store.signed_checkpoint(size) is None:
            store.put_signatures(size, step.checkpoint_text)


def _restore_outbox(home: Home, waiting: Iterable[Waiting]) -> None:
    outbox = Outbox.open(home.outbox, create=True)
    try:
        for received_ms, entries in itertools.groupby(waiting, key=lambda entry: entry.received_ms):
            outbox.append([(entry.entry_id, entry.submission) for entry in entries], received_ms)
    finally:
        outbox.close()


def _key_files(directory: Path) -> dict[str, bytes]:
    """The node's key files in a directory, each of which must be one. The passphrase is not needed to copy it."""
    found: dict[str, bytes] = {}
    for name in (*KEY_FILES, *NETWORK_KEYS):
        path = directory / f"{name}.pem"
        if path.is_file():
            keyfiles.is_encrypted(path)
            found[name] = path.read_bytes()
    if not found:
        raise HomeError(
            "restore.keys", f"{directory} has none of a node's key files (log.pem, validator.pem, …)"
        )
    return found


def _write_files(home: Home, genesis: Genesis, config: bytes, key_files: dict[str, bytes]) -> None:
    home.keys.mkdir(mode=0o700)
    for name, pem in key_files.items():
        write_synced(home.key(name), pem, mode=0o600)
    write_synced(home.config, config)
    write_synced(home.policy, genesis_policy(genesis).format().encode())
    # Last, since it is what says that the home is complete.
    write_synced(home.genesis, genesis.leaf())


def hold_text(genesis: Genesis, checked: CheckedCheckpoint) -> str:
    """What the hold file says."""
    covered = checked.checkpoint
    return _HOLD.format(origin=genesis.origin, size=covered.size, root=covered.root.hex())


_HOLD: Final = """\
NÚT NÀY ĐANG BỊ GIỮ, CHƯA ĐƯỢC KÝ / THIS NODE IS HELD AND MUST NOT COSIGN YET

Sổ / ledger {origin}
Được khôi phục từ bản sao lưu tới {size} lá, gốc / restored from a backup up to {size} leaves, root
{root}

Sau bản sao lưu, khóa của nút có thể đã ký những điểm kiểm lớn hơn. Nếu nút ký tiếp từ đây, sổ sẽ có hai lịch sử.
Hãy xin điểm kiểm CUỐI CÙNG mà khóa này đã ký từ người giữ nó (bản sao công khai, nhân chứng, kiểm toán), rồi chạy:
After the backup was made, this node's key may have signed larger checkpoints. If it went on from here, there would be two
histories. Get the LAST checkpoint that this key has signed from somebody who kept it (a mirror, a witness, an auditor), and
run:

    sogoc restore --release THƯ_MỤC_NÀY --checkpoint TỆP [--from BẢN_SAO]
    sogoc restore --release THIS_DIRECTORY --checkpoint FILE_OR_URL [--from MIRROR_URL_OR_EXPORT]

Nếu phần cuối đã mất hẳn, đừng xóa tệp này: sổ phải đóng, và sổ mới với khóa mới nêu tên sổ cũ.
If the end is lost for good, do not delete this file: the ledger is closed, and a new one with new keys names this one.
"""


def release(
    home: Home,
    text: str,
    blocks: LogSource | None = None,
    *,
    not_run_since: bool = False,
    own: Own | None = None,
    progress: Progress = lambda _done, _of: None,
) -> Released:
    """Let a held home cosign again, given `text`: the last checkpoint that its key has signed, from somebody who kept it.

    `blocks` is where blocks that are missing come from. `not_run_since` is the operator's word that the node was stopped
    before the backup was made and has not run since, so that the checkpoint in the backup is the last. `own` reads the home's
    keys, where the ledger has several validators.

    Raises, and the home stays held: HomeError (`restore.not-held`), CannotTellError (`restore.not-our-signature`,
    `restore.checkpoint-older`, `restore.checkpoint-same`, `restore.blocks-missing`), VerificationError (`restore.fork`: there
    are two histories, and the evidence is kept beside the hold; or what a block breaks), StoreError.
    """
    if not home.cosign_hold.exists():
        raise HomeError("restore.not-held", f"{home.path} is not held: there is nothing to release")
    genesis = home.read_genesis()
    given = checkpoints.parse(text)
    if given.origin != genesis.origin:
        raise VerificationError(
            "restore.other-ledger", f"the checkpoint is of {given.origin!a}, not of {genesis.origin!a}"
        )
    store = LedgerStore.open(home.ledger)
    try:
        theirs = None
        try:
            signed_as = signed_by_own(cosigners(store), given, own)
        except (CannotTellError, HomeError):
            # By keys that came after the backup? The blocks that are missing tell.
            if blocks is None:
                raise
            theirs = _catch_up(home, store, blocks, text, progress)
            signed_as = signed_by_own(cosigners(store), given, own)
        validator, cosigned_s = signed_as[0]
        _check_newer(store, validator, given, cosigned_s, not_run_since=not_run_since)
        if blocks is not None and theirs is None:
            theirs = _catch_up(home, store, blocks, text, progress)
        if given.size > store.head.size:
            detail = (
                f"the checkpoint has {given.size} leaves and the restored log {store.head.size}: blocks are missing. Name a "
                "mirror or an export that has them with --from"
            )
            raise CannotTellError("restore.blocks-missing", detail)
        _check_same_history(home, store, given, text)
        # 1. From here on the store itself refuses a second root at that size; this is on the disk.
        for one, _ in signed_as:
            store.learn_signed(one.cosigning_key, given.size, given.root)
        # 2. Only then the hold goes.
        _remove_hold(home)
        # 3. What was signed is kept, so that the log can be exported before the node cosigns it again. Not earlier: until the
        #    hold is gone, what the store has signed is what the backup had, and a release that was cut short can be repeated.
        for signed in (text, theirs):
            if signed is not None:
                _keep(store, genesis, signed)
        return Released(given.size, given.root, cosigned_s, store.head.size)
    finally:
        store.close()


def _remove_hold(home: Home) -> None:
    try:
        home.cosign_hold.unlink()
        sync_names(home.path)
    except OSError as error:
        raise disk_error(error, home.cosign_hold) from error


def _keep(store: LedgerStore, genesis: Genesis, text: str) -> None:
    size = checkpoints.parse(text).size
    try:
        stored_epochs(store, genesis).policy_at(size).check(text)
    except CannotTellError:
        return  # it was not final, or others made it so
    store.put_signatures(size, text)


def cosigned_at(validator: Validator, checkpoint: Checkpoint) -> int:
    """When `validator` cosigned a checkpoint (the newest time, seconds since the epoch).

    Raises CannotTellError (`restore.not-our-signature`) if it did not, VerificationError if its signature is wrong.
    """
    key = cosigning_verifier(validator)
    times = [
        checkpoints.verify_cosignature(checkpoint.note.text, signature, key)
        for signature in checkpoint.note.signatures
        if (signature.name, signature.key_id) == (key.name, key.key_id)
    ]
    if not times:
        detail = (
            f"the checkpoint is not cosigned by {key.name}: it says nothing about what that key has signed"
        )
        raise CannotTellError("restore.not-our-signature", detail)
    return max(times)


def _check_newer(
    store: LedgerStore, validator: Validator, given: Checkpoint, cosigned_s: int, *, not_run_since: bool
) -> None:
    """The backup holds a checkpoint by this key: what is older cannot be the last, and the same one is no evidence."""
    known = store.signed_checkpoint()
    if known is None:
        return
    newest = checkpoints.parse(known)
    try:
        before = (newest.size, cosigned_at(validator, newest))
    except CannotTellError:
        before = (newest.size, 0)  # it was cosigned by the keys before these
    if given.size < before[0] or cosigned_s < before[1]:
        detail = (
            f"the checkpoint ({given.size} leaves) is older than the one in the backup ({newest.size} leaves), so it is "
            "not the last that this key has signed. Ask those who keep checkpoints for a newer one"
        )
        raise CannotTellError("restore.checkpoint-older", detail)
    if (given.size, cosigned_s) == before and not not_run_since:
        detail = (
            "this is the checkpoint that the backup itself holds, so it does not show what its key has signed since. Ask "
            "those who keep checkpoints for the last one. Only if the node was stopped before the backup was made, and has not "
            "run since, say so with --not-run-since"
        )
        raise CannotTellError("restore.checkpoint-same", detail)


def _catch_up(home: Home, store: LedgerStore, source: LogSource, text: str, progress: Progress) -> str:
    """Go on from where the store ends with the blocks of a mirror, each verified, up to the mirror's checkpoint: returned."""
    genesis = home.read_genesis()
    their_text = source.checkpoint()
    theirs = trust_of(None, transitions_of(source, genesis), genesis).check(their_text).checkpoint
    if read_genesis(source, theirs.size).leaf() != genesis.leaf():
        raise VerificationError("restore.other-ledger", "the mirror holds another ledger under the same name")
    size, root = store.head.size, store.head.root
    if theirs.size <= size:
        _check_same_history(home, store, theirs, their_text)
        return their_text
    if log_root(AtSize(source, theirs.size), size) != root:
        raise _fork(home, size, store.signed_checkpoint(), their_text, text)
    replay = Replay(store)
    for block in read_blocks(source, store.head.height + 1, size, theirs.size):
        replay.commit(block)
        progress(store.head.size, theirs.size)
    if (store.head.size, store.head.root) != (theirs.size, theirs.root):
        raise _fork(home, theirs.size, store.signed_checkpoint(), their_text, text)
    _keep_closings(store, genesis, source)
    _remember_theirs(store, theirs)
    return their_text


def _remember_theirs(store: LedgerStore, theirs: Checkpoint) -> None:
    for validator in cosigners(store):
        # Where others made it final, it says nothing about this one's key.
        with contextlib.suppress(CannotTellError):
            cosigned_at(validator, theirs)
            store.learn_signed(validator.cosigning_key, theirs.size, theirs.root)


def _check_same_history(home: Home, store: LedgerStore, given: Checkpoint, text: str) -> None:
    here = log_root(store, given.size)
    if here != given.root:
        raise _fork(home, given.size, store.signed_checkpoint(), text)


def _fork(home: Home, size: int, *texts: str | None) -> VerificationError:
    """Keep the checkpoints that contradict each other, and say so."""
    evidence = home.path / EVIDENCE_NAME
    put_file(evidence, "\n\n".join(dict.fromkeys(text for text in texts if text is not None)).encode())
    detail = (
        f"the restored log and the checkpoint disagree at size {size}: there are two histories of this ledger under the same "
        f"key. Nothing was released. Both checkpoints are kept in {evidence}: publish them, and find out which history is true"
    )
    return VerificationError("restore.fork", detail)
