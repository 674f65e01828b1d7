"""The administrators' table: two of them decide together, each at a browser of their own, each with their own key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from api.pages import words
from ledger.encoding import Value
from ledger.entry import encode_record
from ledger.keys import SigningKey
from ledger.records.governance import EXECUTED, GOVERNED, WITHDRAWN, ProposalRow, proposal_key
from ledger.records.members import possession_message
from ledger.records.succession import SuccessionRow, succession_key
from ledger.rows import PARAMETERS_KEY, KeyRow, MemberRow, key_key, member_key, parse_parameters
from node import keyfiles
from tests.browser.test_access import overflow, serious
from tests.browser.test_office import FINAL_MS, Desk, Office, office
from tests.support import MEMBER, key_of, new_key, put, sign

if TYPE_CHECKING:
    from playwright.sync_api import Route

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


def test_a_succession_is_declared_and_called_off(hall: Office, chief: Desk, second: Desk) -> None:
    # Admitted by the two of them together, as a page would have it.
    for name, called in (("ubnd-cu", "UBND xã Cũ"), ("ubnd-moi", "UBND phường Mới")):
        propose(chief, "member.register/1", name=called, id=name)
        signed(chief)
        second.page.reload()
        vote(second, newest(second), "Chấp thuận")
        chief.page.reload()
    propose(chief, "succession.declare/1", member="ubnd-cu", effective="2099-07-01T00:00")
    page = chief.page
    page.locator("#propose-do").click()
    page.locator("#propose .error").get_by_text("chưa điền").wait_for(timeout=FINAL_MS)
    page.locator('[data-successor="ubnd-moi"]').check()
    page.locator(f'[data-successor="{SECOND}"]').check()
    page.locator("#propose-do").click()
    page.locator("#propose .error").get_by_text("đúng một cơ quan kế thừa").wait_for(timeout=FINAL_MS)
    page.locator(f'[data-successor="{SECOND}"]').uncheck()
    page.locator("#propose-decision").fill("Nghị quyết 01/NQ-HĐND")
    assert page.locator('[data-successor="ubnd-cu"]').is_hidden()
    signed(chief)
    second.page.reload()
    proposal = newest(second)
    row = second.page.locator(f'[data-proposal="{proposal}"]')
    assert "UBND xã Cũ → UBND phường Mới" in row.inner_text()
    row.get_by_role("button", name="Chấp thuận").click()
    shown = second.page.locator("dialog").inner_text()
    for said in (
        "UBND xã Cũ (ubnd-cu)",
        "UBND phường Mới (ubnd-moi)",
        "Sáp nhập",
        "01/07/2099 00:00",
        "01/NQ-HĐND",
    ):
        assert said in shown
    second.page.keyboard.press("Escape")
    vote(second, proposal, "Chấp thuận")
    ended = member(hall, "ubnd-cu")
    assert ended is not None
    # Midnight in Vietnam.
    assert (ended.ended_ms, ended.successors) == (4_086_522_000_000, ("ubnd-moi",))
    chief.page.reload()
    propose(chief, "succession.cancel/1", member="ubnd-cu")
    assert "Ký đề xuất" in chief.page.locator("#propose-do").inner_text()
    signed(chief)
    second.page.reload()
    vote(second, newest(second), "Chấp thuận")
    ended = member(hall, "ubnd-cu")
    assert ended is not None
    assert (ended.ended_ms, ended.successors) == (None, ())


def test_an_authority_hands_itself_over_by_nobody_s_leave(hall: Office, second: Desk) -> None:
    page = second.page
    propose(
        second, "succession.declare/1", member=SECOND, succession="abolition", effective="2025-07-01T00:00"
    )
    page.locator(f'[data-successor="{MEMBER}"]').check()
    assert "Ký và thực hiện" in page.locator("#propose-do").inner_text()
    page.locator("#propose-do").click()
    page.locator("#propose .error").get_by_text("ít nhất 24 giờ").wait_for(timeout=FINAL_MS)
    page.locator("#propose-effective").fill("2099-07-01T00:00")
    signed(second)
    data = hall.node.final.view.get(succession_key(SECOND))
    assert data is not None
    assert SuccessionRow.parse(data).kind == "abolition"
    assert not SuccessionRow.parse(data).declared
    page.reload()
    propose(second, "succession.cancel/1", member=SECOND)
    assert "Ký và thực hiện" in page.locator("#propose-do").inner_text()
    signed(second)
    row = member(hall, SECOND)
    assert row is not None
    assert row.ended_ms is None


def test_a_parameter_is_said_in_days(hall: Office, chief: Desk, second: Desk) -> None:
    propose(chief, "parameter.set/1", parameter="key-grace-ms")
    chief.page.locator("#propose").get_by_text("Đang là 7 ngày").wait_for(timeout=FINAL_MS)
    chief.page.locator("#propose-do").click()
    chief.page.locator("#propose .error").get_by_text("một số không âm").wait_for(timeout=FINAL_MS)
    chief.page.locator("#propose-value").fill("3")
    signed(chief)
    second.page.reload()
    proposal = newest(second)
    assert "3 ngày" in second.page.locator(f'[data-proposal="{proposal}"]').inner_text()
    vote(second, proposal, "Chấp thuận")
    data = hall.node.final.view.get(PARAMETERS_KEY)
    assert data is not None
    assert parse_parameters(data)["key-grace-ms"] == 3 * 24 * 3600 * 1000


def test_a_change_of_validators_is_read_in_words_before_it_is_approved(
    hall: Office, chief: Desk, second_key: SigningKey
) -> None:
    """It is proposed by command; its approval needs the page to say all of it."""
    body: dict[str, Value] = {
        "authority": SECOND,
        "set": 0,
        "validator": "validator-2",
        "engine_key": bytes(31) + b"\x01",
        "engine_possession": bytes(64),
        "leaves": "validator-1",
    }
    action = encode_record("validator.set/1", body)
    proposed: dict[str, Value] = {
        "authority": SECOND,
        "action": action,
        "expires_ms": hall.node.final.view.head.time_ms + 86_400_000,
    }
    put(hall.node, sign(hall.node, [encode_record("governance.propose/1", proposed)], key=second_key))
    chief.page.reload()
    proposal = newest(chief)
    row = chief.page.locator(f'[data-proposal="{proposal}"]')
    for said in ("Đổi bên xác nhận", "validator-2"):
        assert said in row.inner_text()
    row.get_by_role("button", name="Chấp thuận").click()
    shown = chief.page.locator("dialog").inner_text()
    for said in ("Đổi bên xác nhận", "Khóa xếp thứ tự", "validator-2", "Bên rời đi", "validator-1"):
        assert said in shown
    assert "possession" not in shown
    chief.page.keyboard.press("Escape")
    withdrawn: dict[str, Value] = {"authority": SECOND, "proposal": bytes.fromhex(proposal)}
    put(hall.node, sign(hall.node, [encode_record("governance.withdraw/1", withdrawn)], key=second_key))


def test_every_field_that_may_be_proposed_has_words() -> None:
    for record_type in GOVERNED.values():
        assert words.has(f"of.gov.kind.{record_type.name.removesuffix('/1')}")
        for field in record_type.fields:
            if field.name not in {"authority", "key", "roles"} and not field.name.endswith("possession"):
                assert words.has(f"of.gov.field.{field.name}"), (record_type.name, field.name)


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

    def misstate(route: Route) -> None:
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
