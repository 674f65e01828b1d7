"""The proof of a trace: read strictly, and nothing in it can be changed so that another answer comes out."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.http.app import create_app
from api.wire import MSGPACK
from ledger.encoding import encode
from ledger.errors import CannotTellError, FormatError, LedgerError, RefusedError, VerificationError
from ledger.origin.graph import Limits
from ledger.origin.proof import OriginProof, check
from ledger.policy import Policy
from node.origin import proof_of
from node.receipts import FinalView
from tests import orchard
from tests.chains import Chain
from tests.orchard import DRIED, FRESH
from tests.support import running_node

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Kept:
    proof: OriginProof
    policy: Policy
    other: OriginProof
    """The same trace when the ledger has one block more."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    chain = Chain()
    orchard.grow(chain)
    found = []
    for number in range(2):
        store = chain.write_store(tmp_path_factory.mktemp("proof") / str(number))
        with store.snapshot() as view:
            found.append(proof_of(FinalView(view, chain.signed()), DRIED, "both", Limits()))
        store.close()
        chain.add_documents(1)
    return Kept(found[0], chain.policy, found[1])


def test_it_is_read_as_it_was_written(kept: Kept) -> None:
    assert OriginProof.parse(kept.proof.encoded()) == kept.proof


@settings(max_examples=200)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_no_proof(data: bytes) -> None:
    with pytest.raises((FormatError, CannotTellError)):
        OriginProof.parse(data)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ([], "trace.shape"),
        ([1, DRIED, "both"], "trace.shape"),
        ([1, "x", "both", [1, 1, 1, 1, 1], [[b""]], b""], "gs1.item"),
        ([1, DRIED, "sideways", [1, 1, 1, 1, 1], [[b""]], b""], "trace.shape"),
        ([1, DRIED, "both", [1, 1, 1, 1], [[b""]], b""], "trace.shape"),
        ([1, DRIED, "both", [True, 1, 1, 1, 1], [[b""]], b""], "trace.shape"),
        ([1, DRIED, "both", [65, 1, 1, 1, 1], [[b""]], b""], "trace.limits"),
        ([1, DRIED, "both", [1, -1, 1, 1, 1], [[b""]], b""], "trace.limits"),
        ([1, DRIED, "both", [1, 1, 1, 1, 1], [[]], b""], "trace.shape"),
        ([1, DRIED, "both", [1, 1, 1, 1, 1], [["x"]], b""], "trace.shape"),
        ([2, DRIED, "both", [1, 1, 1, 1, 1], [[b""]], b""], "trace.version"),
        ([True, DRIED, "both", [1, 1, 1, 1, 1], [[b""]], b""], "trace.version"),
    ],
)
def test_another_shape_is_no_proof(value: list[object], rule: str) -> None:
    with pytest.raises(LedgerError) as caught:
        OriginProof.parse(encode(value))
    assert caught.value.rule == rule


def test_without_histories_it_proves_nothing(kept: Kept) -> None:
    with pytest.raises(FormatError):
        check(replace(kept.proof, histories=()).encoded(), kept.policy)


@SLOW
@given(data=st.data())
def test_a_changed_byte_never_gives_another_answer(kept: Kept, data: st.DataObject) -> None:
    good = kept.proof.encoded()
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    try:
        checked = check(changed, kept.policy)
    except LedgerError:
        return
    assert checked.answer == kept.proof.answer


@SLOW
@given(data=st.data())
def test_histories_of_two_moments_do_not_mix(kept: Kept, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.booleans(), min_size=8, max_size=8))
    histories = tuple(
        (new if later else old)
        for later, old, new in zip(chosen, kept.proof.histories, kept.other.histories, strict=True)
    )
    mixed = replace(kept.proof, histories=histories)
    if not any(chosen):
        check(mixed.encoded(), kept.policy)
        return
    with pytest.raises(VerificationError) as caught:
        check(mixed.encoded(), kept.policy)
    # All of the later moment is a proof of another answer: it is as of another time.
    assert caught.value.rule == ("trace.answer" if all(chosen) else "trace.checkpoints")


def test_another_item_direction_or_depth_is_another_proof(kept: Kept) -> None:
    for changed in (
        replace(kept.proof, item=FRESH),
        replace(kept.proof, direction="back"),
        replace(kept.proof, limits=replace(Limits(), depth=0)),
        replace(kept.proof, limits=replace(Limits(), records=3)),
    ):
        with pytest.raises(VerificationError):
            check(changed.encoded(), kept.policy)
    assert len(astuple(Limits())) == 5


def test_a_proof_that_would_be_too_long_is_refused(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.origin.MAX_PROOF_BYTES", 10_000)
    with running_node(tmp_path_factory.mktemp("long"), requests_per_address_per_minute=0) as node:
        orchard.plant(node, now_ms=1_790_000_000_000)
        with pytest.raises(RefusedError):
            proof_of(node.final, DRIED, "both", Limits())
        with TestClient(create_app(node)) as http:
            response = http.get(f"/v1/trace/{DRIED}", headers={"accept": MSGPACK})
            assert (response.status_code, response.json()["code"]) == (422, "trace.proof-size")
