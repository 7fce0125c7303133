"""Announcements that are read and confirmed, and a meeting whose decision becomes somebody's task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from playwright.sync_api import expect

from tests.browser.desk import Desk

Seat = Callable[..., Desk]


def test_an_announcement_is_confirmed_by_its_reader(desk: Seat) -> None:
    author, reader = desk("sunmin"), desk("wangfang", phone=True)
    page = author.open("/announcements/new")
    page.fill("[name=title]", "展会物料领取")
    page.fill("[name=body]", "周五前到市场部领取。")
    page.locator("[name=must_confirm]").check()
    author.pick("person_ids", "王芳")
    author.save()
    address = page.url
    author.act("publish")
    author.expect_state("已发布")
    figures = page.locator(".reading-figures")
    expect(figures).to_contain_text("0 / 1")

    there = reader.open(address)
    confirm = there.locator(".reading-mine .btn-primary")
    expect(confirm).to_be_visible()
    with there.expect_navigation():
        confirm.tap()
    reader.settle()
    expect(confirm).to_have_count(0)
    author.open(address)
    expect(figures.locator("p")).to_have_text(["1 / 1 已阅读", "1 / 1 已确认"])


def test_a_decision_becomes_a_task(desk: Seat) -> None:
    chair, seller = desk("zhaolei"), desk("wangfang")
    yesterday = date.today() - timedelta(days=1)
    page = chair.open("/meetings/new")
    page.fill("[name=title]", "华东回款专题会")
    page.fill("[name=starts_at]", f"{yesterday}T09:00")
    page.fill("[name=ends_at]", f"{yesterday}T10:00")
    page.locator("[data-lines=participants] [data-add-line]").click()
    chair.pick("participants-0-person", "王芳")
    page.locator("[data-lines=decisions] [data-add-line]").click()
    page.fill("[name=decisions-0-text]", "与苏州新邦确认付款日期")
    chair.pick("decisions-0-responsible", "王芳")
    page.fill("[name=decisions-0-due_on]", str(date.today() + timedelta(days=3)))
    chair.save()
    chair.act("invite")
    chair.act("sign-off")
    chair.expect_state("纪要已签发")

    page = seller.open("/tasks?state=open")
    page.locator("[data-rows] a", has_text="与苏州新邦确认付款日期").click()
    seller.settle()
    seller.act("complete")
    page = chair.open("/meetings")
    page.locator("[data-rows] a", has_text="华东回款专题会").click()
    points = page.locator(".reading-points")
    expect(points).to_contain_text("已完成")
