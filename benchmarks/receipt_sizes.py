"""How large a compact receipt is, and whether a printed code holds it, on a large ledger and with more validators.

The state is made of leaves with random hashes, among which the sampled certificates stand with their real ones: nothing in a
proof depends on what the other leaves mean. The log before the header is any peaks of as many leaves as there might be. So
every receipt is whole: each is verified as it is, before its size counts.
"""

from __future__ import annotations

import random
import statistics
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import partial

from api.qr import everyday_code, everyday_link, offline_code, offline_link
from benchmarks.measure import Result, milliseconds, seconds_of
from benchmarks.scale import Workshop
from ledger import checkpoint, note
from ledger.block import Header
from ledger.checkpoint import Checkpoint
from ledger.claims import Claim, FullClaims
from ledger.compact_form import CompactReceipt, to_digits
from ledger.compact_receipt import make_compact, verify
from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.errors import FormatError
from ledger.hashing import HASH_SIZE, node_hash, sha256
from ledger.keys import SigningKey
from ledger.lookup_code import code_of
from ledger.merkle import CompactRange
from ledger.note import COSIGNING_KEY, LOG_KEY, Note, VerifierKey
from ledger.policy import Policy, quorum_size
from ledger.records import Record, parse_record
from ledger.rows import SubjectRow, subject_key
from ledger.state import StateProof, leaf_record
from ledger.state.nodes import EMPTY, bit_of, subtree_hash

VALIDATORS = (1, 3, 4, 7)
SITE = "https://so-goc.phuson.example"
ORIGIN = "phuson.example/so-goc"
NOW_S = 1_795_000_000
_SHARED_LEVELS = 14
"""Nodes above this depth stand on the paths of several samples: each is hashed once."""
_CODE_BITS = 8 * 2_334
"""What a code of version 40 holds at level M (ISO/IEC 18004)."""

_FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ")
_MIDDLES = ("Văn", "Thị", "Minh", "Thị Phương", "Đức", "Quang", "Ngọc", "Hoàng Bảo", "Thanh")
_NAMES = ("An", "Bình", "Châu", "Dũng", "Hương", "Khánh", "Linh", "Nghĩa", "Phúc", "Quỳnh", "Trâm", "Uyên")
_COURSES = (
    "Tin học ứng dụng cơ bản",
    "An toàn vệ sinh thực phẩm",
    "Kỹ thuật trồng và chăm sóc cây ăn quả theo tiêu chuẩn VietGAP",
    "Sơ cấp cứu",
    "Nghiệp vụ văn thư, lưu trữ",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A certificate: its record, its claims, its row."""

    record: Record
    claims: FullClaims
    row: SubjectRow

    @property
    def key(self) -> bytes:
        """State key of its row."""
        return subject_key(*self.record.subject)


@dataclass(slots=True)
class State:
    """Leaf records of a state (64 bytes each, ascending), and the nodes that several proofs share."""

    records: list[bytes]
    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def siblings(self, key_hash: bytes) -> tuple[bytes, ...]:
        """The siblings on the way to the leaf of `key_hash`, root first."""
        low, high, depth = 0, len(self.records), 0
        found: list[bytes] = []
        while high - low > 1:
            middle = self._middle(low, high, depth)
            if bit_of(key_hash, depth):
                found.append(self._node(low, middle, depth + 1))
                low = middle
            else:
                found.append(self._node(middle, high, depth + 1))
                high = middle
            depth += 1
        return tuple(found)

    def _middle(self, low: int, high: int, depth: int) -> int:
        """The first of the records `low` to `high`, which share `depth` bits, whose next bit is set."""
        shift = 8 * HASH_SIZE - 1 - depth
        prefix = int.from_bytes(self.records[low][:HASH_SIZE], "big") >> shift | 1
        return bisect_left(self.records, (prefix << shift).to_bytes(HASH_SIZE, "big"), low, high)

    def _node(self, low: int, high: int, depth: int) -> bytes:
        if low == high:
            return EMPTY
        if depth > _SHARED_LEVELS or high - low == 1:
            return subtree_hash(self.records[low:high], depth)
        known = self.nodes.get((low, depth))
        if known is None:
            middle = self._middle(low, high, depth)
            left, right = self._node(low, middle, depth + 1), self._node(middle, high, depth + 1)
            known = self.nodes[low, depth] = node_hash(left, right)
        return known


@dataclass(frozen=True, slots=True)
class Validators:
    """The keys of a ledger's validators, and the policy that they make."""

    cosigning: tuple[SigningKey, ...]
    policy: Policy

    @classmethod
    def make(cls, count: int) -> Validators:
        """So many, the same on every run."""
        keys = [
            [SigningKey.from_seed(sha256(f"{what} {number}".encode())) for number in range(count)]
            for what in ("log", "cosigning")
        ]
        return cls(
            tuple(keys[1]),
            Policy.for_validators(
                [VerifierKey(ORIGIN, LOG_KEY, key.public_key) for key in keys[0]],
                [
                    VerifierKey(f"{ORIGIN}/v{number}", COSIGNING_KEY, key.public_key)
                    for number, key in enumerate(keys[1])
                ],
                quorum_size(count),
            ),
        )

    def sign(self, size: int, root: bytes) -> Checkpoint:
        """A checkpoint that all of them cosigned."""
        text = checkpoint.body(ORIGIN, size, root)
        lines = tuple(
            checkpoint.cosign(text, f"{ORIGIN}/v{number}", key, NOW_S + number)
            for number, key in enumerate(self.cosigning)
        )
        return checkpoint.parse(note.format(Note(text, lines)))


def run(place: Workshop) -> Result:
    """Compact receipts of certificates: bytes and code versions with 1, 3, 4 and 7 validators, and verification."""
    sizes = sorted({max(shape.records, place.scale.receipts) for shape in place.scale.growth})
    return {"sizes": [measure(leaves, place.scale.receipts) for leaves in sizes]}


def measure(leaves: int, count: int) -> Result:
    """The figures over `count` certificates on a state of `leaves` leaves."""
    rng = random.Random(20260101)
    samples = [_sample(rng) for _ in range(count)]
    leaf_records = [leaf_record(sample.key, sample.row.encoded()) for sample in samples]
    state = State(sorted([*leaf_records, *(rng.randbytes(64) for _ in range(leaves - count))]))
    code = everyday_code(everyday_link(SITE, code_of(samples[0].record.id), samples[0].claims.salt))
    return {
        "leaves": leaves,
        "certificates": count,
        "everyday_code_version": int(code.version),
        "validators": {
            str(number): _with_validators(Validators.make(number), samples, state, leaves)
            for number in VALIDATORS
        },
    }


def _with_validators(validators: Validators, samples: list[Sample], state: State, leaves: int) -> Result:
    rng = random.Random(20260102)
    chain_id = rng.randbytes(HASH_SIZE)
    receipts = [_receipt(rng, sample, state, validators, chain_id, leaves) for sample in samples]
    encoded = sorted((receipt.encoded() for receipt in receipts), key=len)
    verified = [seconds_of(partial(verify, data, validators.policy, chain_id)) for data in encoded]
    sizes = [len(data) for data in encoded]
    held = [data for data in encoded if _is_held(data)]
    # Drawing takes longer than all the rest: the smallest and the largest are drawn, and the first that should not fit.
    if len(held) < len(encoded) and _version(encoded[len(held)]) is not None:
        raise RuntimeError("a code holds more than was computed")
    return {
        "bytes": {
            "mean": round(statistics.mean(sizes)),
            "p50": sizes[len(sizes) // 2],
            "p99": sizes[len(sizes) * 99 // 100],
            "max": sizes[-1],
        },
        "digits_of_p99": len(to_digits(encoded[len(encoded) * 99 // 100])),
        "held_by_a_code": f"{len(held)} of {len(encoded)}",
        "versions": [_version(data) for data in held[:: max(1, len(held) - 1)]],
        "verify_offline": milliseconds(verified),
    }


def _is_held(data: bytes) -> bool:
    """Whether a code holds a receipt: a segment of bytes and one of digits, each behind four bits and its length."""
    site, _, digits = offline_link(SITE, data).partition("#")
    return 4 + 16 + 8 * len(site + "#") + 4 + 14 + -(-10 * len(digits) // 3) <= _CODE_BITS


def _version(data: bytes) -> int | None:
    try:
        return int(offline_code(offline_link(SITE, data)).version)
    except FormatError:
        return None


def _receipt(
    rng: random.Random, sample: Sample, state: State, validators: Validators, chain_id: bytes, leaves: int
) -> CompactReceipt:
    """The receipt of a sample, in a log of one to two leaves for each leaf of the state, with its claims."""
    size = rng.randrange(leaves, 2 * leaves)
    path = tuple(rng.randbytes(HASH_SIZE) for _ in range(size.bit_count()))
    key_hash = sha256(sample.key)
    siblings = state.siblings(key_hash)
    node = leaf_record(sample.key, sample.row.encoded())[HASH_SIZE:]
    for depth in range(len(siblings) - 1, -1, -1):
        pair = (siblings[depth], node) if bit_of(key_hash, depth) else (node, siblings[depth])
        node = node_hash(*pair)
    entries = rng.randrange(1, min(300, size))
    before = CompactRange(size, path[::-1])
    header = Header(
        rules_version=1,
        chain_id=chain_id,
        height=size // 10,
        engine_height=size // 8,
        parent=rng.randbytes(HASH_SIZE),
        time_ms=1000 * NOW_S,
        first_index=size - entries,
        entry_count=entries,
        log_root=before.root(),
        state_root=node,
        proposer=rng.randbytes(HASH_SIZE),
    )
    return make_compact(
        record=sample.record,
        row=sample.row,
        proof=StateProof(sample.key, sample.row.encoded(), siblings),
        header=header,
        path=path,
        checkpoint=validators.sign(size + 1, before.append(header.hash()).root()),
        policy=validators.policy,
    ).with_private(sample.claims)


def _sample(rng: random.Random) -> Sample:
    """A training certificate of somebody who does not exist; one in ten was suspended and reinstated."""
    name = " ".join(rng.choice(words) for words in (_FAMILIES, _MIDDLES, _NAMES))
    claims = FullClaims(
        (
            Claim("holder", name),
            Claim("born", f"{rng.randrange(1955, 2010)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"),
            Claim("course", rng.choice(_COURSES)),
            Claim("hours", rng.choice((24, 40, 60, 120))),
            Claim("grade", rng.choice(("Trung bình", "Khá", "Giỏi", "Xuất sắc"))),
            Claim("number", f"{rng.randrange(1, 5000)}/2026/CN-UBND"),
        ),
        rng.randbytes(32),
    )
    body: dict[str, Value] = {
        "authority": "ubnd-phuong-phu-son",
        "certificate": rng.randbytes(16),
        "schema": "training.v1",
        "claims_root": claims.root,
        "claims_count": len(claims.claims),
        "valid_from": "2026-03-01",
        "status_index": rng.randrange(131_072),
    }
    if rng.random() < 0.5:
        body["valid_until"] = "2031-02-28"
    record = parse_record(encode_record("cert.issue/1", body))
    issued_ms = 1000 * NOW_S - rng.randrange(10**10)
    count = 3 if rng.random() < 0.1 else 1
    tree = CompactRange().extend(rng.randbytes(HASH_SIZE) for _ in range(count))
    row = SubjectRow("in-force", record.id, issued_ms, issued_ms + (0 if count == 1 else 10**9), tree)
    return Sample(record, claims, row)
