"""The last golden blocks: a co-operative's goods, from the field to a recall."""

from __future__ import annotations

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.hashing import leaf_hash, sha256
from ledger.records.members import possession_message
from tests.chains import key
from tests.vectorgen.story import DAY_MS, Story

OFFICE, INSPECTORS, PROVINCE, COOP = "office", "thanh-tra", "tinh", "htx-nga-my"
FRESH, DRIED, TEA = "08938500000010", "08938500000027", "CHE-XANH"
FIELD_LOT = f"01/{FRESH}/10/DG-1120"
DRIED_LOT = f"01/{DRIED}/10/DSD%2F1121"
TEA_LOT = f"code/{COOP}/{TEA}/10/A"
CARTON = "00/089385000000000010"


def _record(name: str, authority: str = COOP, /, **fields: Value) -> bytes:
    return encode_record(name, {"authority": authority, **fields})


def _event(name: str, authority: str, things: list[Value], at_ms: int, /, **fields: Value) -> bytes:
    event = f'{{"action":"OBSERVE","bizStep":"{name}","type":"ObjectEvent"}}'.encode()
    return _record("epcis.event/1", authority, event=event, things=things, time_ms=at_ms, **fields)


def tell(story: Story) -> None:
    """All of it, onto the story as it is."""
    _admitted(story)
    _registered(story)
    _moved(story)
    _recalled(story)


def _admitted(story: Story) -> None:
    public_key = key("co-operative").public_key
    message = possession_message(story.genesis.chain_id, COOP, public_key)
    admission = encode_record(
        "member.register/1",
        {
            "authority": PROVINCE,
            "member": COOP,
            "name": "Hợp tác xã dứa Nga Mỹ",
            "roles": ["producer"],
            "key": public_key,
            "possession": key("co-operative").sign(message),
        },
    )
    proposal = _record(
        "governance.propose/1", PROVINCE, action=admission, expires_ms=story.next_time_ms + DAY_MS
    )
    votes = [
        story.entry(
            [_record("governance.approve/1", who, proposal=leaf_hash(proposal), proposer=PROVINCE)], by=by
        )
        for who, by in ((OFFICE, "admin"), (INSPECTORS, "inspectors' vote"))
    ]
    story.tell(
        "A co-operative becomes a member: one administrator proposes it, the two others agree.",
        story.entry([proposal], by="province"),
        *votes,
    )


def _registered(story: Story) -> None:
    described: dict[str, Value] = {
        "name": "Dứa sấy dẻo 200 g",
        "category": "fruit.dried",
        "unit": "H87",
        "brand": "Nga Mỹ",
        "ocop_stars": 3,
        "ocop_until": "2028-06-30",
        "images": [sha256(b"a picture")],
        "standards": ["VietGAP", "TCVN 12940:2020"],
        "description": "Dứa gai sấy dẻo, không thêm đường.",
        "pad": 0,
    }
    tea: dict[str, Value] = {"code": TEA, "name": "Chè xanh", "category": "tea", "unit": "KGM"}
    story.tell(
        "It registers three products, two by GTIN and one by a code of its own; and a field and a workshop.",
        story.entry(
            [
                _record("product.register/1", gtin=FRESH, name="Dứa gai tươi", category="fruit", unit="KGM"),
                _record("product.register/1", gtin=DRIED, **described),
                _record("product.register/1", **tea),
                _record(
                    "place.register/1",
                    code="DOI-3",
                    name="Đồi 3",
                    kind="farm",
                    growing_area="VN-THOR-0001",
                    latitude=19_998_000,
                    longitude=-105_975_000,
                ),
                _record(
                    "place.register/1",
                    gln="8938500000010",
                    name="Xưởng sấy",
                    kind="processing",
                    address="Cụm công nghiệp Nga Mỹ",
                    pad=0,
                ),
            ],
            by="co-operative",
        ),
    )
    story.tell(
        "Two products are described anew: the dried one wins a star, the tea its brand. Three lots are created.",
        story.entry(
            [
                _record("product.update/1", gtin=DRIED, **described | {"ocop_stars": 4}),
                _record("product.update/1", **tea, brand="Đồi 3"),
            ],
            by="co-operative",
        ),
        story.entry(
            [
                _record(
                    "lot.create/1",
                    gtin=FRESH,
                    lot="DG-1120",
                    produced="2026-11-20",
                    expires="2026-12-01",
                    quantity=1_200_000,
                    unit="KGM",
                    tolerance=150,
                    place="DOI-3",
                ),
                _record("lot.create/1", gtin=DRIED, lot="DSD/1121", place="8938500000010", pad=0),
                _record("lot.create/1", code=TEA, lot="A"),
            ],
            by="co-operative",
        ),
    )


def _moved(story: Story) -> None:
    at_ms = story.next_time_ms
    dried: dict[str, Value] = {"kind": "transformation", "event_hash": sha256(b"drying")}
    packed = _event(
        "packing", COOP, [CARTON, DRIED_LOT], at_ms, kind="aggregation", event_hash=sha256(b"packing")
    )
    story.tell(
        "What happened to them, as events: harvest, drying, packing; and what an inspector saw there, two parts of it hidden.",
        story.entry(
            [
                _event(
                    "commissioning",
                    COOP,
                    [FIELD_LOT],
                    at_ms - DAY_MS,
                    kind="object",
                    step="commissioning",
                    event_hash=sha256(b"harvest"),
                ),
                _event("drying", COOP, [FIELD_LOT, DRIED_LOT], at_ms, **dried),
                packed,
            ],
            by="co-operative",
        ),
        story.entry(
            [
                _event(
                    "inspecting",
                    INSPECTORS,
                    [FIELD_LOT, TEA_LOT],
                    at_ms,
                    kind="object",
                    step="inspecting",
                    event_tag=sha256(b"a tag"),
                    hidden_root=sha256(b"hidden parts"),
                    hidden_count=2,
                )
            ],
            by="inspector",
        ),
    )
    wrong: dict[str, Value] = {"event": b'{"errorDeclaration":{},"type":"ObjectEvent"}', "time_ms": at_ms}
    story.tell(
        "Two of them were wrong, and their authors say so in the histories of the same things.",
        story.entry(
            [
                _record(
                    "epcis.error/1",
                    event_hash=sha256(b"packing"),
                    things=[CARTON, DRIED_LOT],
                    **wrong,
                )
            ],
            by="co-operative",
        ),
        story.entry(
            [
                _record(
                    "epcis.error/1",
                    INSPECTORS,
                    event_tag=sha256(b"a tag"),
                    things=[FIELD_LOT, TEA_LOT],
                    **wrong,
                )
            ],
            by="inspector",
        ),
    )


def _recalled(story: Story) -> None:
    lot: dict[str, Value] = {"owner": COOP, "item": DRIED_LOT}
    story.tell(
        "The dried lot is recalled by an inspector and by the co-operative, whose lifting its own leaves it recalled.",
        story.entry(
            [_record("lot.recall/1", INSPECTORS, reason="contamination", **lot)],
            by="inspector",
        ),
        story.entry(
            [
                _record("lot.recall/1", reason="quality", **lot),
                _record("lot.release/1", reason="tested-safe", **lot),
            ],
            by="co-operative",
        ),
        story.entry(
            [_record("lot.recall/1", reason="labelling", owner=COOP, item=FIELD_LOT)], by="co-operative"
        ),
    )
    story.tell(
        "The inspector lifts the recall. Tea and fresh fruit are made no more; the field is closed, and the workshop moved.",
        story.entry([_record("lot.release/1", INSPECTORS, reason="tested-safe", **lot)], by="inspector"),
        story.entry(
            [
                _record("product.end/1", code=TEA, reason="discontinued"),
                _record("product.end/1", gtin=FRESH, reason="ordered", pad=0),
                _record("place.end/1", code="DOI-3", reason="closed", pad=0),
                _record("place.end/1", gln="8938500000010", reason="moved"),
            ],
            by="co-operative",
        ),
    )
