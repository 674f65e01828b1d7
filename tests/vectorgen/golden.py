"""The golden blocks: a story that uses every record type, told once and replayed for ever (`tests/test_golden.py`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.hashing import sha256
from ledger.merkle import root
from tests.chains import document
from tests.vectorgen import harvest, sequel
from tests.vectorgen.case import to_json
from tests.vectorgen.ledgers import VALIDATORS, commitment, end_key, register_key, register_member, report
from tests.vectorgen.story import DAY_MS, MINUTE_MS, Story

FOLDER = "golden"
CHARTER = sha256(b"a paper that two authorities anchor")


def _anchor(authority: str = "office", **fields: Value) -> bytes:
    return encode_record("doc.anchor/1", {"authority": authority, **fields})


def _charter(authority: str) -> bytes:
    return _anchor(authority, hash=CHARTER, media_type="application/pdf", size=35)


def _roles(member: str, *roles: str) -> bytes:
    return encode_record("member.roles/1", {"authority": "office", "member": member, "roles": list(roles)})


def golden_chain() -> Story:
    """The story, block by block."""
    story = Story()
    story.tell(
        "The office anchors a public document: its number, symbol and date, and what it is about.",
        story.entry([report()]),
    )
    story.tell(
        "Three documents under one signature; then a commitment to a paper about a person, in an entry of its own.",
        story.entry([document(number) for number in (1, 2, 3)]),
        story.entry([_anchor(commitment=commitment())]),
    )
    story.tell(
        "The administrator admits a school.",
        story.entry([register_member("truong-thcs", "Trường THCS Phú Sơn", "office")], by="admin"),
    )
    story.tell(
        "The school's key is put in service, and used later in the same block.",
        story.entry([register_key(story, "truong-thcs", "school", "office")], by="admin"),
        story.entry([document(4, authority="truong-thcs")], by="school"),
    )
    story.tell(
        "A member and its key in one entry: the second record sees what the first did.",
        story.entry(
            [
                register_member("thanh-tra", "Thanh tra huyện", "auditor", "inspector", "office"),
                register_key(story, "thanh-tra", "inspector", "inspector", "office"),
            ],
            by="admin",
        ),
    )
    story.tell(
        "The school may issue certificates too. Two authorities anchor the same paper, each under its own name.",
        story.entry([_roles("truong-thcs", "issuer", "office")], by="admin"),
        story.entry([_charter("office")]),
        story.entry([_charter("truong-thcs")], by="school"),
    )
    story.tell(
        "A second officer's key; and an entry three days late, which is accepted.",
        story.entry([register_key(story, "office", "officer", "office")], by="admin"),
        story.entry([document(5)], time_ms=story.tip.header.time_ms - 3 * DAY_MS),
        wait_ms=7_000,
        engine_steps=5,
    )
    signed_before = story.entry([document(6)], by="officer", time_ms=story.tip.header.time_ms + MINUTE_MS)
    story.tell(
        "The second officer's key is retired.",
        story.entry([end_key("retire", "office", "officer")], by="admin"),
        wait_ms=2 * MINUTE_MS,
    )
    story.tell(
        "Seven days later to the millisecond, the last moment of grace: what the retired key signed before it was retired.",
        signed_before,
        wait_ms=7 * DAY_MS,
    )
    story.tell(
        "The school's key is revoked, from a day before its first document: what it did is disputed.",
        story.entry(
            [end_key("revoke", "truong-thcs", "school", from_ms=story.headers[4].time_ms - DAY_MS)],
            by="admin",
        ),
    )
    story.tell(
        "The school gets another key, and a role is taken away again; the retired key is revoked as well.",
        story.entry(
            [
                register_key(story, "truong-thcs", "school 2", "issuer", "office"),
                _roles("truong-thcs", "office"),
                end_key("revoke", "office", "officer", from_ms=story.tip.header.time_ms),
            ],
            by="admin",
        ),
        engine_steps=3,
    )
    story.tell(
        "Twenty documents under one signature, from a clock exactly five minutes ahead; one by the school's new key.",
        story.entry(
            [document(number) for number in range(100, 120)],
            time_ms=story.tip.header.time_ms + 1000 + 5 * MINUTE_MS,
        ),
        story.entry([document(7, authority="truong-thcs")], by="school 2"),
    )
    sequel.tell(story)
    harvest.tell(story)
    sequel.tell_of_others(story)
    return story


def golden_files() -> dict[str, str]:
    """Path and content of every golden file."""
    story = golden_chain()
    files = {f"{FOLDER}/{height:02}.json": _dump(block) for height, block in enumerate(_blocks(story))}
    files[f"{FOLDER}/scenario.md"] = _scenario(story)
    return files


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _blocks(story: Story) -> Iterator[object]:
    for header, commit, told in zip(story.headers, story.commits, story.told, strict=True):
        entries = [
            {"leaf": leaf, "records": list(records)}
            for leaf, records in zip(commit.leaves, commit.records, strict=True)
        ]
        yield to_json(
            {
                "desc": told,
                "entries": entries,
                "header_leaf": commit.header_leaf,
                "header_signature": commit.header_signature,
                "header_hash": header.hash(),
                "log_root": header.log_root,
                "state_root": header.state_root,
                "size": header.size,
                "tree_root": root(story.leaves[: header.size]),
                "rows": {name.hex(): value for name, value in sorted(commit.state_rows.items())},
            }
        )


def _scenario(story: Story) -> str:
    lines = [
        "# The golden blocks",
        "",
        "Written by `scripts/vectors.py`, replayed by `tests/test_golden.py`. A block that comes out otherwise is another",
        "ledger: nodes that disagree on one of these bytes would split. Times are milliseconds after the genesis block.",
        "",
        "| block | time | engine | log | entries: records | what happens |",
        "|---|---|---|---|---|---|",
    ]
    start_ms = story.headers[0].time_ms
    for header, commit, told in zip(story.headers, story.commits, story.told, strict=True):
        shown = _shown(commit.records)
        lines.append(
            f"| {header.height} | {header.time_ms - start_ms} | {header.engine_height} "
            f"| {header.first_index}–{header.index} | {shown} | {told} |"
        )
    head = story.headers[-1]
    members = ", ".join(f"`{name}`" for name in story.member_names())
    lines += [
        "",
        f"Members: {members}. Validators: {VALIDATORS}, which propose in turn.",
        "",
        f"- chain_id: `{story.genesis.chain_id.hex()}`",
        f"- last header: `{head.hash().hex()}`",
        f"- last state root: `{head.state_root.hex()}`",
        f"- tree root at size {head.size}: `{story.root.hex()}`",
        "",
    ]
    return "\n".join(lines)


def _shown(entries: Sequence[Sequence[bytes]]) -> str:
    return ", ".join(str(len(records)) for records in entries)
