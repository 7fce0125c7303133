"""The one loop, clicked through by those who do it, in Chinese: from a lead to the call-back."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.served import Installation

Seat = Callable[..., Desk]
COMPANY = "苏州启明星精密机械有限公司"
PRODUCT = "协作机器人 RC-5"


@pytest.fixture
def _stages_without_conditions(installation: Installation) -> Iterator[None]:
    """The stages of the demonstration company ask for visits and documents; this story is about the deal's way."""
    with closing(sqlite3.connect(installation.database, timeout=10)) as store:
        criteria = store.execute("SELECT id FROM pipeline_stagecriterion WHERE archived_at IS NULL").fetchall()
        fields = store.execute("SELECT exit_requires, id FROM pipeline_stage").fetchall()
        with store:
            store.executemany("UPDATE pipeline_stagecriterion SET archived_at = created_at WHERE id = ?", criteria)
            store.execute("UPDATE pipeline_stage SET exit_requires = '[]'")
        yield
        with store:
            store.executemany("UPDATE pipeline_stagecriterion SET archived_at = NULL WHERE id = ?", criteria)
            store.executemany("UPDATE pipeline_stage SET exit_requires = ? WHERE id = ?", fields)


@pytest.mark.usefixtures("_stages_without_conditions")
def test_it_goes_from_the_lead_to_the_call_back(desk: Seat) -> None:
    seller = desk("wangfang")
    opportunity = _win_a_lead(seller)
    _move_the_card(seller, opportunity)
    quote = _offer(seller, opportunity)
    _decide_on_the_phone(desk("zhaolei", phone=True), quote)
    order = _sell(seller, quote)
    _deliver(desk("wuyong"), order)
    _collect(desk("zhoujie"), order)
    seller.open(f"/orders/{order}")
    seller.expect_state("已完成")
    _look_after(desk("hetao"))


def _win_a_lead(seller: Desk) -> int:
    page = seller.open("/leads/new")
    page.fill("[name=company]", COMPANY)
    page.fill("[name=contact_name]", "顾明")
    page.fill("[name=phone]", "13800005678")
    page.fill("[name=need]", "两条焊接线换机器人")
    page.fill("[name=budget]", "200000")
    expect(page.locator(".echo").first).to_contain_text("贰拾万元整")
    seller.save()
    seller.expect_state("新建")
    seller.act("contact")
    seller.expect_state("已联系")
    seller.act("qualify")
    seller.expect_state("已确认有效")
    seller.act("convert")
    expect(page).to_have_url(re.compile(r"/opportunities/\d+$"))
    expect(page.locator("h1")).to_contain_text(COMPANY)
    return seller.number_here()


def _column_of(seller: Desk, opportunity: int) -> str:
    column = seller.page.locator(f"[data-column]:has([data-card='{opportunity}']) h2")
    return column.inner_text()


def _move_the_card(seller: Desk, opportunity: int) -> None:
    page = seller.open("/opportunities/board")
    card = page.locator(f"[data-card='{opportunity}']")
    second = page.locator("[data-column]").nth(1).locator("[data-cards]")
    start, end = card.bounding_box(), second.bounding_box()
    assert start
    assert end
    with page.expect_response(re.compile("/board/drop")) as answer:
        page.mouse.move(start["x"] + 20, start["y"] + 60)
        page.mouse.down()
        page.mouse.move(end["x"] + 60, end["y"] + 40, steps=12)
        page.mouse.move(end["x"] + 62, end["y"] + 44, steps=4)
        page.mouse.up()
    assert answer.value.status == 204
    assert _column_of(seller, opportunity) == "需求确认"

    card.locator("a").focus()
    page.keyboard.press("m")
    with page.expect_response(re.compile("/board/drop")) as answer:
        page.locator("#move button", has_text="方案报价").click()
    assert answer.value.status == 204
    seller.open("/opportunities/board")
    assert _column_of(seller, opportunity) == "方案报价"


def _offer(seller: Desk, opportunity: int) -> int:
    page = seller.open(f"/quotes/new?opportunity={opportunity}")
    seller.pick("customer", COMPANY)
    page.fill("[name=valid_until]", str(date.today() + timedelta(days=30)))
    line = page.locator("[data-line]").first
    seller.pick("lines-0-product", PRODUCT)
    line.locator("[name=lines-0-quantity]").fill("很多")
    line.locator("[name=lines-0-discount_percent]").fill("16")
    page.locator(".form-foot .btn-primary").click()
    expect(page.locator("[data-line] .field-error")).to_be_visible()
    expect(page.locator("[name=lines-0-quantity]")).to_have_value("很多")
    expect(page.locator("[name=lines-0-discount_percent]")).to_have_value("16")
    page.fill("[name=lines-0-quantity]", "2")
    page.locator("[data-add-line]").click()
    seller.pick("lines-1-product", "操作培训")
    page.fill("[name=lines-1-quantity]", "1")
    seller.save()
    quote = seller.number_here()
    table = page.locator(".record-main .sheet").first
    expect(table).to_contain_text("86,000")  # filled in from the price list
    # 2 x 86,000 x 0.84 at 13 % and 2,800 at 6 %
    expect(page.locator(".sums")).to_contain_text("¥166,230.40")
    seller.act("submit")
    seller.expect_state("审批中")
    seller.expect_message("审批中")
    return quote


def _decide_on_the_phone(manager: Desk, quote: int) -> None:
    page = manager.open("/")
    page.locator("a.top-button[href='/approvals']").tap()
    item = page.locator(".approval", has=page.locator(f"a[href='/quotes/{quote}']"))
    expect(item).to_be_visible()
    manager.settle()
    with page.expect_navigation():
        item.locator("form[action$='/approve'] button").tap()
    manager.settle()
    expect(page.locator(f"a[href='/quotes/{quote}']")).to_have_count(0)


def _sell(seller: Desk, quote: int) -> int:
    page = seller.open(f"/quotes/{quote}")
    seller.expect_state("已批准")
    seller.act("send")
    seller.act("accept")
    seller.expect_state("已接受")
    seller.act("create-order")
    expect(page).to_have_url(re.compile(r"/orders/\d+$"))
    seller.act("confirm")
    seller.expect_state("已确认")
    order = seller.number_here()
    seller.act("create-delivery")
    expect(page).to_have_url(re.compile(r"/deliveries/\d+$"))
    return order


def _deliver(warehouse: Desk, order: int) -> None:
    page = warehouse.open(f"/orders/{order}")
    page.locator("[role=tab]", has_text="发货单").click()
    page.locator(".tab-pane.active tbody a").first.click()
    warehouse.settle()
    warehouse.act("ship")
    warehouse.expect_state("已发货")
    warehouse.act("accept")
    warehouse.expect_state("已签收")


def _collect(finance: Desk, order: int) -> None:
    finance.open(f"/orders/{order}")
    finance.expect_state("已发货")
    page = finance.page
    finance.act("create-invoice")
    expect(page).to_have_url(re.compile(r"/invoices/\d+$"))
    finance.act("issue")
    invoice = finance.number_here()
    page = finance.open("/receipts/new")
    finance.pick("customer", COMPANY)
    page.fill("[name=amount]", "166230.40")
    finance.save()
    finance.act("allocate")
    finance.open(f"/invoices/{invoice}")
    finance.expect_state("已结清")


def _look_after(agent: Desk) -> None:
    page = agent.open("/tickets/new")
    agent.pick("customer", COMPANY)
    page.fill("[name=subject]", "首件焊缝偏移")
    agent.save()
    agent.act("respond", text="已电话指导")
    agent.act("resolve", solution="重新标定工具坐标系")
    agent.expect_state("已解决")
    agent.act("close")
    page.locator("[role=tab]", has_text="回访").click()
    agent.settle()
    page.locator(".tab-pane.active tbody a").first.click()
    agent.settle()
    agent.act("complete", result="客户满意", score="9")
    agent.expect_state("已完成")
