"""Approvals on a phone, and the designer that draws their flows."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.desk import Desk
from tests.browser.test_conditions import rule_of

Seat = Callable[..., Desk]


def ask_for_consent(seller: Desk, discount: str) -> str:
    """A quote whose discount its maker may not give, submitted; its address."""
    page = seller.open("/quotes/new")
    seller.pick("customer", "有限公司")
    seller.pick("lines-0-product", "操作培训")
    page.fill("[name=lines-0-quantity]", "2")
    page.fill("[name=lines-0-discount_percent]", discount)
    seller.save()
    address = f"/quotes/{seller.number_here()}"
    seller.act("submit")
    seller.expect_state("审批中")
    return address


def waiting(page: Page, quote: str) -> Locator:
    """A quote among those that wait for one's decision."""
    return page.locator(".approval", has=page.locator(f"a[href='{quote}']"))


def test_a_manager_decides_on_the_phone(desk: Seat) -> None:
    """Two taps from “my work” approve; a rejection asks for its reason and shows it to the one who asked."""
    seller, manager = desk("wangfang"), desk("zhaolei", phone=True)
    good, bad = ask_for_consent(seller, "15"), ask_for_consent(seller, "17")

    page = manager.open("/")
    page.locator(".tile h2 a[href='/approvals']").tap()
    approve = waiting(page, good).locator("form[action$='/approve'] button")
    with page.expect_navigation():
        approve.tap()
    manager.settle()
    expect(waiting(page, good)).to_have_count(0)

    waiting(page, bad).locator("button[hx-get$='/reject']").tap()
    dialog = page.locator("#dialog")
    comment = dialog.locator("[name=comment]")
    expect(comment).to_be_visible()
    manager.picture("reject")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    comment.fill("毛利太低，请重报")
    with page.expect_navigation():
        dialog.locator(".dialog-foot .btn-primary, .dialog-foot .btn-danger").tap()
    manager.settle()
    expect(waiting(page, bad)).to_have_count(0)

    page = seller.open(good)
    seller.expect_state("已批准")
    page = seller.open(bad)
    seller.expect_state("草稿")
    expect(page.locator(".history")).to_contain_text("毛利太低，请重报")


def test_a_step_is_drawn_tried_and_saved_as_a_new_version(desk: Seat) -> None:
    admin = desk("admin")
    page = admin.open("/approval-flows")
    page.locator("[data-rows] a", has_text="大额合同").click()
    versions = page.locator(".flow-versions li")
    expect(versions.first).to_be_visible()
    before = versions.count()
    page.locator("[data-edit]").click()
    drawn = page.locator("#flow-picture .flow-node")
    steps = drawn.count()

    with page.expect_response(re.compile("/approval-flows/try")):
        page.locator(".add-line").click()
    step = page.locator("[data-step]").last
    step.locator("[name$='-approver']").select_option("role")
    step.locator("[name$='-role']").select_option("finance")
    group = step.locator("[data-conditions] > [data-group]")
    if not group.locator("[data-rule]").count():
        group.locator("[data-add-rule]").click()
    rule_of(page, group, "facts.amount", "gte", "9000000")
    expect(drawn).to_have_count(steps + 1)
    expect(drawn.last).to_contain_text("如果 本位币金额 ≥ ¥9,000,000")
    expect(drawn.last).to_contain_text("财务")

    side = page.locator(".flow-try")
    admin.pick("try-submitter", "王芳", side)
    side.locator("[name=try-amount]").fill("600000")
    expect(drawn.last).to_contain_text("不需要")
    expect(drawn.first.locator(".flow-people")).to_have_text(re.compile("陈思远"))
    side.locator("[name=try-amount]").fill("9000000")
    expect(drawn.last.locator(".flow-people")).to_have_text(re.compile("周杰"))
    admin.picture("designer")
    with page.expect_navigation():
        page.locator(".form-foot .btn-primary").click()
    admin.settle()
    expect(versions).to_have_count(before + 1)
    expect(page.locator(".flow-node").last).to_contain_text("如果 本位币金额 ≥ ¥9,000,000")
