"""The administrators' table: two of them decide together, each at a browser of their own, each with their own key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.keys import SigningKey
from ledger.records.governance import EXECUTED, WITHDRAWN, ProposalRow, proposal_key
from ledger.records.members import possession_message
from ledger.rows import KeyRow, MemberRow, key_key, member_key
from node import keyfiles
from tests.browser.test_access import overflow, serious
from tests.browser.test_office import FINAL_MS, Desk, Office, office
from tests.support import MEMBER, key_of, new_key, put, sign

__all__ = ["office"]

SECOND = "ubnd-bac-son"


@pytest.fixture(scope="module")
def second_key() -> SigningKey:
    return new_key()


@pytest.fixture(scope="module")
def hall(office: Office, second_key: SigningKey) -> Office:
    """The office's ledger with a second administrator: from now on a quorum is two of two."""
    shown = second_key.sign(possession_message(office.node.chain_id, SECOND, second_key.public_key))
    body: dict[str, Value] = {
        "authority": MEMBER,
        "member": SECOND,
        "name": "UBND phường Bắc Sơn",
        "roles": ["administrator", "office"],
        "key": second_key.public_key,
        "possession": shown,
    }
    put(office.node, sign(office.node, [encode_record("member.register/1", body)], key="admin"))
    return office


@pytest.fixture
def chief(hall: Office) -> Iterator[Desk]:
    yield from seated(hall, key_of(hall.node, "admin"))


@pytest.fixture
def second(hall: Office, second_key: SigningKey) -> Iterator[Desk]:
    yield from seated(hall, second_key)


def seated(hall: Office, key: SigningKey) -> Iterator[Desk]:
    path = hall.papers / f"administrator-{len(hall.desks)}.pem"
    keyfiles.save(path, key, None)
    desk = hall.sit()
    desk.open("#khoa")
    desk.bring(path)
    desk.open("#quan-tri")
    desk.page.locator("#propose-kind").wait_for(timeout=FINAL_MS)
    yield desk
    desk.leave()
    assert desk.visit.complaints == []


def propose(desk: Desk, kind: str, **fields: str) -> None:
    page = desk.page
    page.locator("#propose-kind").select_option(kind)
    for name, value in fields.items():
        field = page.locator(f"#propose-{name}")
        if field.evaluate("one => one.tagName") == "SELECT":
            field.locator(f'option[value="{value}"]').wait_for(state="attached")
            field.select_option(value)
        else:
            field.fill(value)


def signed(desk: Desk) -> None:
    desk.page.locator("#propose-do").click()
    desk.page.locator('#propose p[data-job="final"]').wait_for(timeout=FINAL_MS)


def vote(desk: Desk, proposal: str, button: str) -> None:
    row = desk.page.locator(f'#proposals [data-proposal="{proposal}"]')
    row.wait_for(timeout=FINAL_MS)
    row.get_by_role("button", name=button).click()
    desk.page.locator("#vote-do").click()
    desk.page.locator('dialog p[data-job="final"]').wait_for(timeout=FINAL_MS)


def newest(desk: Desk) -> str:
    row = desk.page.locator("#proposals [data-proposal]").first
    row.wait_for(timeout=FINAL_MS)
    return str(row.get_attribute("data-proposal"))


def tally(hall: Office, proposal: str) -> ProposalRow:
    data = hall.node.final.view.get(proposal_key(bytes.fromhex(proposal)))
    assert data is not None
    return ProposalRow.parse(data)


def member(hall: Office, name: str) -> MemberRow | None:
    data = hall.node.final.view.get(member_key(name))
    return None if data is None else MemberRow.parse(data)


def test_two_administrators_admit_a_member_change_its_roles_and_end_its_key(
    hall: Office, chief: Desk, second: Desk
) -> None:
    propose(chief, "member.register/1", name="Hợp tác xã Dứa", id="htx-dua")
    assert "2/2" in chief.page.locator("#quorum").inner_text()
    assert "Ký đề xuất" in chief.page.locator("#propose-do").inner_text()
    signed(chief)
    proposal = newest(chief)
    row = chief.page.locator(f'[data-proposal="{proposal}"]')
    assert "1/2" in row.inner_text()
    assert "Bạn đã chấp thuận" in row.inner_text()
    assert "Hợp tác xã Dứa" in row.inner_text()
    assert member(hall, "htx-dua") is None

    second.open("#quan-tri")
    second.page.reload()
    waiting = second.page.locator(f'#proposals [data-proposal="{proposal}"]')
    waiting.wait_for(timeout=FINAL_MS)
    assert "UBND phường Phú Sơn" in waiting.inner_text()
    waiting.get_by_role("button", name="Chấp thuận").click()
    shown = second.page.locator("dialog").inner_text()
    for said in ("Kết nạp thành viên", "Hợp tác xã Dứa", "htx-dua", "neo văn bản", "phiếu cuối cùng"):
        assert said in shown
    second.page.locator("#vote-do").click()
    second.page.locator('dialog p[data-job="final"]').wait_for(timeout=FINAL_MS)
    assert tally(hall, proposal).outcome == EXECUTED
    row_now = member(hall, "htx-dua")
    assert row_now is not None
    assert (row_now.name, row_now.roles) == ("Hợp tác xã Dứa", ("issuer", "key-manager", "office"))
    second.page.keyboard.press("Escape")
    second.page.locator('#decided [data-outcome="executed"]').first.wait_for(
        state="attached", timeout=FINAL_MS
    )

    # Its roles, by the other one.
    second.page.reload()
    propose(second, "member.roles/1", member="htx-dua")
    second.page.locator('#propose [data-role="producer"]').check()
    second.page.locator('#propose [data-role="issuer"]').uncheck()
    signed(second)
    proposal = newest(second)
    chief.page.reload()
    vote(chief, proposal, "Chấp thuận")
    row_now = member(hall, "htx-dua")
    assert row_now is not None
    assert row_now.roles == ("key-manager", "office", "producer")


def test_a_key_that_was_made_elsewhere_and_its_end(hall: Office, chief: Desk, second: Desk) -> None:
    key = new_key()
    propose(
        chief,
        "key.register/1",
        member=SECOND,
        key=key.public_key.hex(),
        possession=key.sign(possession_message(hall.node.chain_id, SECOND, key.public_key)).hex(),
    )
    assert chief.page.locator('#propose [data-role="issuer"]').is_hidden()
    signed(chief)
    second.page.reload()
    vote(second, newest(second), "Chấp thuận")
    assert key_row(hall, key).roles == ("office",)
    chief.page.reload()
    propose(chief, "key.revoke/1", member=SECOND, which=key.public_key.hex())
    chief.page.locator("#propose-since").fill("2035-01-01T08:00")
    chief.page.locator("#propose-do").click()
    chief.page.get_by_text("phải ở trong quá khứ").wait_for(timeout=FINAL_MS)
    chief.page.locator("#propose-since").fill("2025-03-01T08:00")
    signed(chief)
    second.page.reload()
    vote(second, newest(second), "Chấp thuận")
    # 8 o'clock in Vietnam.
    assert key_row(hall, key).disputed_from_ms == 1_740_790_800_000


def key_row(hall: Office, key: SigningKey) -> KeyRow:
    data = hall.node.final.view.get(key_key(key.public_key))
    assert data is not None
    return KeyRow.parse(data)


def test_who_proposed_may_take_it_back(hall: Office, chief: Desk) -> None:
    propose(chief, "member.register/1", name="Trạm y tế", id="tram-y-te")
    signed(chief)
    proposal = newest(chief)
    vote(chief, proposal, "Rút lại")
    assert tally(hall, proposal).outcome == WITHDRAWN
    chief.page.keyboard.press("Escape")
    chief.page.locator("#proposals li").first.wait_for(state="detached", timeout=FINAL_MS)


def test_nothing_is_signed_for_a_form_that_is_not_filled_in(chief: Desk) -> None:
    for fields, said in (
        ({"id": "Sai Mã", "name": "X"}, "Mã chỉ gồm chữ thường"),
        ({"id": SECOND, "name": "X"}, "đã có thành viên dùng"),
        ({"id": "moi", "name": ""}, "chưa điền"),
    ):
        propose(chief, "member.register/1", **fields)
        chief.page.locator("#propose-do").click()
        chief.page.locator("#propose .error").filter(has_text=said).wait_for(timeout=FINAL_MS)
    propose(chief, "member.roles/1", member=MEMBER)
    ticked = chief.page.locator("#propose [data-role]:checked")
    while ticked.count():
        ticked.first.uncheck()
    chief.page.locator("#propose-do").click()
    chief.page.get_by_text("ít nhất một vai trò").wait_for(timeout=FINAL_MS)
    assert not [one for one in chief.visit.requests if "/v1/entries" in one.url and one.method == "POST"]


def test_a_proposal_that_the_node_misstates_cannot_be_approved(
    hall: Office, chief: Desk, second: Desk
) -> None:
    """The list may say what it likes: what is signed is read from the record whose hash the proposal is."""
    propose(second, "member.register/1", name="Trạm khuyến nông", id="khuyen-nong")
    signed(second)
    proposal = newest(second)

    def misstate(route: Any) -> None:  # noqa: ANN401  playwright's own
        answer = route.fetch()
        body = answer.json()
        body["raw"] = body["raw"][:-8] + "AAAA" + body["raw"][-4:]
        route.fulfill(response=answer, json=body)

    chief.page.route(f"**/v1/records/{proposal}", misstate)
    chief.page.reload()
    row = chief.page.locator(f'#proposals [data-proposal="{proposal}"]')
    row.get_by_text("không ký điều không đọc được").wait_for(timeout=FINAL_MS)
    assert row.locator("button").count() == 0
    vote(second, proposal, "Rút lại")


def test_an_officer_has_no_table_of_administrators(hall: Office) -> None:
    officer = hall.officer()
    assert officer.page.locator('#tabs a[href="#quan-tri"]').is_hidden()
    officer.leave()


def test_axe_the_small_screen_and_the_keyboard(hall: Office, chief: Desk, axe: str) -> None:
    propose(chief, "member.register/1", name="Trường tiểu học Phú Sơn", id="truong-phu-son")
    signed(chief)
    proposal = newest(chief)
    assert serious(chief.visit, axe) == []
    chief.page.set_viewport_size({"width": 360, "height": 740})
    assert overflow(chief.visit) <= 0
    row = chief.page.locator(f'#proposals [data-proposal="{proposal}"]')
    row.get_by_role("button", name="Rút lại").focus()
    chief.page.keyboard.press("Enter")
    assert serious(chief.visit, axe) == []
    assert overflow(chief.visit) <= 0
    chief.page.locator("#vote-do").focus()
    chief.page.keyboard.press("Enter")
    chief.page.locator('dialog p[data-job="final"]').wait_for(timeout=FINAL_MS)
