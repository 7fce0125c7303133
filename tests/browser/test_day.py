"""A representative's day on a phone: planned visit, check-in, needs and next step, the stage, the report."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

SHANGHAI = ZoneInfo("Asia/Shanghai")
GATE = {"latitude": 31.230416, "longitude": 121.473701}
NEAR = {"latitude": 31.231, "longitude": 121.4737, "accuracy": 15}
FAR = {"latitude": 31.29, "longitude": 121.4737, "accuracy": 15}


def write(seat: Any, path: str, **values: str) -> int:
    """Send a form of the pages as the person there, the owner; the id of the record that it leads to."""
    me = seat.page.locator("a[href^='/employees/']").first.get_attribute("href").rpartition("/")[2]
    token = seat.page.locator("meta[name=csrf-token]").get_attribute("content")
    headers = {"X-CSRFToken": token, "Referer": seat.url + path, "HX-Request": "true"}
    answer = seat.context.request.post(path, form={"owner": me, **values}, headers=headers)
    found = re.search(r"/(\d+)$", answer.headers.get("hx-redirect", ""))
    assert found, (answer.status, re.findall(r"(?s)(?:field-error|alert-box)[^>]*>.{0,300}", answer.text()))
    return int(found[1])


def now() -> datetime:
    return datetime.now(SHANGHAI)


@pytest.fixture
def phone(desk: Any) -> Any:
    """Wang Fang with her phone, which knows where it is once it is told."""
    seat = desk("wangfang", phone=True)
    seat.open("/my-day")
    return seat


def plan_visit(seat: Any, subject: str, opportunity: bool = False) -> tuple[int, int, int]:
    """A customer with coordinates, perhaps a deal with them, and a visit of now: their ids."""
    customer = write(
        seat, "/customers/new", name=f"上海{subject}设备有限公司", latitude=str(GATE["latitude"]),
        longitude=str(GATE["longitude"]), country="CN", life_cycle="prospect",
    )  # fmt: skip
    deal = write(seat, "/opportunities/new", name=f"{subject}改造", customer=str(customer)) if opportunity else 0
    visit = write(
        seat, "/activities/new", kind="visit", subject=subject, customer=str(customer),
        opportunity=str(deal or ""), planned_at=f"{now():%Y-%m-%dT%H:%M}",
    )  # fmt: skip
    return customer, deal, visit


def move_on(seat: Any, deal: int) -> None:
    """Change the stage of the deal to the second one."""
    seat.open(f"/opportunities/{deal}")
    seat.action("move").click()
    dialog = seat.page.locator("#dialog")
    expect(dialog).to_be_visible()
    chooser = dialog.locator("select[name=stage_id]")
    if chooser.get_attribute("data-picker-url"):
        chooser.locator("xpath=following-sibling::*[contains(@class, 'ts-wrapper')]").locator(".ts-control").click()
        seat.page.locator(".ts-dropdown:visible .option", has_text="需求确认").first.click()
    else:
        value = chooser.locator("option", has_text="需求确认").first.get_attribute("value")
        chooser.select_option(value)
    dialog.locator(".btn-primary").click()


def test_the_day_goes_from_the_plan_to_the_submitted_report(desk: Any, phone: Any) -> None:
    operations = desk("sunmin")
    operations.open("/stages?name=new")
    operations.page.locator("#list tbody a").first.click()
    stage = operations.number_here()
    operations.open(f"/stages/{stage}/edit")
    operations.page.locator("[name=exit_requires]").fill("needs, next_step")
    operations.save()

    _customer, deal, visit = plan_visit(phone, "灌装线", opportunity=True)
    move_on(phone, deal)
    expect(phone.page.locator("#toasts")).to_contain_text("下一步")
    page = phone.open("/")
    page.locator("main a[href='/my-day']").click()
    page.wait_for_url("**/my-day")
    phone.settle()

    phone.context.grant_permissions(["geolocation"])
    phone.context.set_geolocation(NEAR)
    page.locator(f"[hx-get='/activities/{visit}/actions/check-in']").click()
    expect(page.locator("#dialog [data-position]")).to_have_class(re.compile("tone-green"))
    expect(page.locator("#dialog input[name=latitude]")).to_have_value("31.231000")
    expect(page.locator("#dialog input[name=latitude]")).to_be_hidden()
    with page.expect_navigation():
        page.locator("#dialog .btn-primary").click()
    phone.settle()
    expect(page.locator(".visit-panel .badge-soft.tone-green")).to_be_visible()
    phone.picture("checked-in")

    page = phone.open("/my-day")
    page.locator(f"[hx-get='/activities/{visit}/actions/complete']").click()
    dialog = page.locator("#dialog")
    dialog.locator("[name=outcome]").fill("看了产线，客户要双班方案")
    dialog.locator("[name=needs]").fill("12 轴同步控制\n备件 24 小时到货")
    dialog.locator("[name=next_step]").fill("提交方案")
    dialog.locator("[name=next_step_at]").fill(f"{now() + timedelta(days=2):%Y-%m-%dT10:00}")
    dialog.locator("[name=next_kind]").select_option("visit")
    with page.expect_navigation():
        dialog.locator(".btn-primary").click()
    phone.settle()

    with page.expect_navigation():
        move_on(phone, deal)
    phone.settle()
    expect(page.locator("main")).to_contain_text("需求确认")
    expect(page.locator("main")).to_contain_text("12 轴同步控制")

    page = phone.open("/my-day")
    page.locator("main a[href='/my-report']").click()
    page.wait_for_url("**/my-report")
    expect(page.locator("#report-summary")).to_have_value(re.compile("看了产线，客户要双班方案"))
    expect(page.locator(".report-facts")).to_contain_text("灌装线改造")
    page.locator("#report-problems").fill("样机档期紧张")
    phone.picture("report")
    with page.expect_navigation():
        page.locator("button[name=submit]").click()
    page.wait_for_url("**/work-reports/*")
    report = phone.number_here()

    manager = desk("zhaolei")
    day = f"{now():%Y-%m-%d}"
    manager.open(f"/report-desk?day={day}")
    expect(manager.page.locator(f"a[href='/work-reports/{report}']")).to_be_visible()


def test_a_check_in_far_away_needs_a_reason_and_is_marked(phone: Any) -> None:
    _customer, _deal, visit = plan_visit(phone, "远程站")
    phone.context.grant_permissions(["geolocation"])
    phone.context.set_geolocation(FAR)
    page = phone.open("/my-day")
    page.locator(f"[hx-get='/activities/{visit}/actions/check-in']").click()
    expect(page.locator("#dialog [data-position]")).to_have_class(re.compile("tone-green"))
    page.locator("#dialog .btn-primary").click()
    reason = page.locator("#dialog [name=reason]")
    expect(reason).to_have_class(re.compile("is-invalid"))
    expect(page.locator("#dialog input[name=latitude]")).to_have_value("31.290000")
    reason.fill("客户临时改到新厂区")
    with page.expect_navigation():
        page.locator("#dialog .btn-primary").click()
    phone.settle()
    expect(page.locator(".visit-panel")).to_contain_text("客户临时改到新厂区")
    expect(page.locator(".visit-panel .badge-soft.tone-orange")).to_be_visible()


def test_a_phone_without_position_says_so_and_asks_why(phone: Any) -> None:
    _customer, _deal, visit = plan_visit(phone, "地下库")
    phone.context.clear_permissions()
    page = phone.open("/my-day")
    page.locator(f"[hx-get='/activities/{visit}/actions/check-in']").click()
    expect(page.locator("#dialog [data-position]")).to_have_class(re.compile("tone-orange"))
    expect(page.locator("#dialog [name=reason]")).to_be_focused()
    page.locator("#dialog [name=reason]").fill("公司手机不开定位")
    with page.expect_navigation():
        page.locator("#dialog .btn-primary").click()
    phone.settle()
    expect(page.locator(".visit-panel")).to_contain_text("公司手机不开定位")


def test_an_entry_of_the_calendar_is_moved_by_key_and_by_mouse(desk: Any) -> None:
    seat = desk("lina")
    seat.open("/schedule")
    tomorrow = now() + timedelta(days=1)
    customer = write(seat, "/customers/new", name="苏州拖放设备有限公司", country="CN", life_cycle="prospect")
    visit = write(seat, "/activities/new", kind="visit", subject="拖放", customer=str(customer),
                  planned_at=f"{tomorrow:%Y-%m-%dT12:00}")  # fmt: skip
    page = seat.open(f"/schedule?mode=day&day={tomorrow:%Y-%m-%d}")
    slot = page.locator(f"[data-slot='{visit}']")
    slot.focus()
    slot.press("Alt+ArrowDown")
    expect(slot).to_have_attribute("data-start", f"{tomorrow:%Y-%m-%dT12:15}")
    slot.press("Alt+Shift+ArrowDown")
    expect(slot).to_have_attribute("data-until", f"{tomorrow:%Y-%m-%dT13:30}")
    expect(slot).to_have_attribute("data-start", f"{tomorrow:%Y-%m-%dT12:15}")
    slot.scroll_into_view_if_needed()
    box = slot.bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 40, steps=4)
    page.mouse.move(box["x"] + 40, box["y"] + 66, steps=4)
    page.mouse.up()
    expect(slot).to_have_attribute("data-start", f"{tomorrow:%Y-%m-%dT13:15}")
    expect(slot).to_have_attribute("data-until", f"{tomorrow:%Y-%m-%dT14:30}")
