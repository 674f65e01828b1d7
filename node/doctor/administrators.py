"""Whether the ledger can still be administered when one key is lost: who decides, and with how many keys each.

Rules: a sole administrator decides alone and has no way back but a second key. With two or three, a quorum takes all of them,
so each needs a spare one. From four on, the others put a new key in service for whoever lost theirs.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.genesis import Genesis
from ledger.policy import quorum_size
from ledger.roles import ADMINISTRATOR
from ledger.rows import ADMINISTRATORS_KEY, KeyRow, MemberRow, key_key, member_key, parse_administrators
from ledger.store.view import LedgerView
from node.doctor.finding import Finding, error, good, warning
from node.registered import registered_keys

CHECK = "keys.administrators"
GUIDE = "docs/huong-dan/quan-tri.md"


def administrators_in(view: LedgerView, genesis: Genesis, now_ms: int) -> dict[str, int]:
    """The administrators in a ledger's state, with the number of their keys in service that vote; `now_ms`: chain time."""
    data = view.get(ADMINISTRATORS_KEY)
    counts = dict.fromkeys(() if data is None else parse_administrators(data), 0)
    for name in list(counts):
        row = view.get(member_key(name))
        ended_ms = None if row is None else MemberRow.parse(row).ended_ms
        if ended_ms is not None and ended_ms <= now_ms:
            del counts[name]
    for key in registered_keys(view, genesis):
        found = view.get(key_key(key))
        if found is None:
            continue
        held = KeyRow.parse(found)
        if held.member in counts and is_deciding(
            held.roles, held.until_ms, held.retired_ms, held.revoked_ms, now_ms
        ):
            counts[held.member] += 1
    return counts


def is_deciding(
    roles: tuple[str, ...], until_ms: int | None, retired_ms: int | None, revoked_ms: int | None, now_ms: int
) -> bool:
    """Whether a key of these roles and ends votes now."""
    is_over = until_ms is not None and until_ms < now_ms
    return ADMINISTRATOR in roles and retired_ms is None and revoked_ms is None and not is_over


def check_administrators(counts: Mapping[str, int]) -> Finding:
    """Judge who decides: member to number of keys."""
    able = {member: keys for member, keys in counts.items() if keys}
    needed = quorum_size(len(counts)) if counts else 1
    if len(able) < needed:
        return error(
            CHECK,
            "không đủ quản trị viên có khóa / too few administrators have a key: members and keys cannot be changed any more",
            f"sổ vẫn ghi được bằng các khóa đang dùng; xem / the ledger goes on with the keys it has; see {GUIDE}",
        )
    alone = sorted(member for member, keys in able.items() if keys == 1)
    if len(counts) == 1:
        (member,) = counts
        if alone:
            return warning(
                CHECK,
                "chỉ có một quản trị viên và một khóa quản trị / one administrator with one key: if it or its passphrase is "
                "lost, nobody can ever be admitted or replaced; and nobody else has a say",
                f"sogoc member add --key keys/admin.pem --member {member} --roles administrator --new-key du-phong.pem, "
                f"cất nơi khác / keep that file elsewhere; {GUIDE}",
            )
        return good(
            CHECK,
            f"một quản trị viên, {able[member]} khóa quản trị / one administrator with a spare key; it decides alone",
        )
    lost = sorted(set(counts) - set(able))
    if lost or (alone and needed == len(counts)):
        who = ", ".join(lost or alone)
        said = (
            "mất hết khóa quản trị / has lost its keys"
            if lost
            else "chỉ có một khóa quản trị / has one key only"
        )
        return warning(
            CHECK,
            f"{who}: {said}; cần {needed} trên {len(counts)} / it takes {needed} of {len(counts)} to decide",
            f"thêm khóa quản trị dự phòng cho họ / put a spare key in service for them: sogoc member add; {GUIDE}",
        )
    return good(CHECK, f"{len(counts)} quản trị viên, cần {needed} / administrators, of whom {needed} decide")
