"""Dialogs with tables and forms that fill themselves, as people use them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import Desk
from tests.browser.test_pages import faults

Seat = Callable[..., Desk]


def first_id(page: Page) -> int:
    """The id of the first record of the list that is open."""
    address = page.locator("[data-rows] tbody tr").first.get_attribute("data-url") or ""
    return int(address.rpartition("/")[2])


def follow(one: Desk, name: str, words: str) -> None:
    """Search in a picker that follows another field, and take the first hit."""
    box = one.page.locator(f"select[name='{name}'] + .ts-wrapper")
    box.locator(".ts-control").click()
    with one.page.expect_response(lambda answer: f"pick={name}" in answer.url and "q=" in answer.url):
        box.locator("input").press_sequentially(words)
    one.page.locator(".ts-dropdown:visible .option", has_text=words).first.click()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_it_allocates_chosen_amounts(desk: Seat, phone: bool) -> None:
    finance = desk("zhoujie", phone=phone)
    page = finance.open("/invoices?status=issued")
    page = finance.open(f"/invoices/{first_id(page)}")
    number = page.locator("h1").inner_text().split()[0]
    customer = page.locator(".record-main a[href^='/customers/']").first.get_attribute("href") or ""
    finance.open(f"/receipts/new?customer={customer.rpartition('/')[2]}")
    page.fill("[name=amount]", "100")
    finance.save()

    finance.action("allocate").click()
    dialog = page.locator("#dialog")
    row = dialog.locator("tr", has_text=number)
    expect(dialog.locator("[data-rest]")).to_have_text("¥100.00")
    row.locator("[data-take]").click()
    expect(row.locator("input").first).to_have_value("100.00")
    expect(dialog.locator("[data-rest]")).to_have_text("¥0.00")
    row.locator("input").first.fill("100.01")
    expect(dialog.locator("[data-rest].is-over")).to_have_text("-¥0.01")
    finance.picture("allocate")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert faults(finance) == []
    row.locator("input").first.press("Enter")
    expect(row.locator(".field-error")).to_be_visible()
    expect(row.locator("input").first).to_have_value("100.01")
    row.locator("input").first.fill("30")
    expect(dialog.locator("[data-rest]")).to_have_text("¥70.00")
    with page.expect_navigation():
        dialog.locator(".dialog-foot .btn-primary").click()
    finance.settle()
    expect(page.locator(".record-main")).to_contain_text("¥70.00")


def test_it_delivers_and_accepts_a_part_of_an_order(desk: Seat) -> None:
    warehouse = desk("wuyong")
    page = warehouse.open("/orders?status=confirmed")
    order = page.locator("[data-rows] tbody tr .k-first").first.inner_text().strip()
    warehouse.open("/deliveries/new")
    warehouse.pick("order", order)
    expect(page.locator("[name=lines-1-quantity], [name=lines-0-quantity]").first).not_to_have_value("")
    lines = page.locator("[data-line]")
    while lines.count() > 1:
        lines.last.locator("[data-remove-line]").click()
    product = lines.first.locator(".item").inner_text()
    asked = lines.first.locator("[name$=-quantity]").input_value()
    lines.first.locator("[name$=-quantity]").fill("1")
    warehouse.picture("delivery-form")
    warehouse.save()
    warehouse.act("ship")
    warehouse.action("accept").click()
    row = page.locator("#dialog .is-rows tbody tr")
    expect(row).to_have_count(1)
    assert asked
    assert row.locator("td").first.inner_text() in product
    expect(row.locator("input").first).to_have_value("1")
    row.locator("input").first.fill("0.25")
    with page.expect_navigation():
        page.locator("#dialog .dialog-foot .btn-primary").click()
    warehouse.settle()
    warehouse.expect_state("已签收")
    expect(page.locator(".record-main .sheet").first).to_contain_text("0.75")


def test_it_fills_a_quote_from_its_opportunity_and_empties_what_fits_no_longer(desk: Seat) -> None:
    seller = desk("wangfang")
    page = seller.open("/opportunities?status=open")
    page = seller.open(f"/opportunities/{first_id(page)}")
    customer = page.locator(".record-main a[href^='/customers/']").first.inner_text()
    name = page.locator("h1").inner_text().split()[0]

    seller.open("/quotes/new")
    follow(seller, "opportunity", name)
    expect(page.locator("select[name=customer] + .ts-wrapper .item")).to_have_text(customer)
    page.locator("select[name=contact] + .ts-wrapper .ts-control").click()
    with page.expect_response(re.compile(r"pick=contact.*customer=\d+")):
        page.locator("select[name=contact] + .ts-wrapper input").press_sequentially("a")
    page.keyboard.press("Escape")
    page.locator("select[name=customer] + .ts-wrapper .clear-button").click()
    expect(page.locator("select[name=opportunity] + .ts-wrapper .item")).to_have_count(0)
    expect(page.locator("select[name=contact] + .ts-wrapper .item")).to_have_count(0)


def test_it_never_overwrites_what_was_typed(desk: Seat) -> None:
    seller = desk("wangfang")
    page = seller.open("/quotes")
    number = page.locator("[data-rows] tbody tr .k-first").first.inner_text().strip()
    seller.open("/contracts/new")
    page.fill("[name=amount]", "5")
    follow(seller, "quote", number)
    expect(page.locator("select[name=customer] + .ts-wrapper .item")).to_have_count(1)
    expect(page.locator("[name=amount]")).to_have_value("5")


def test_it_asks_for_weights_of_the_parts_once_it_is_said_along_what(desk: Seat) -> None:
    admin = desk("admin")
    page = admin.open("/targets?period=year")
    rows = page.locator("[data-rows] tbody tr").all()
    for address in [row.get_attribute("data-url") or "" for row in rows]:
        admin.open(address)
        if page.locator(".record-actions button[hx-get$='/decompose']").count():
            break
    admin.action("decompose").click()
    dialog = page.locator("#dialog")
    expect(dialog.locator("#rows-weights")).to_be_hidden()
    dialog.locator("[name=by]").select_option("quarters")
    dialog.locator("[name=method]").select_option("weights")
    expect(dialog.locator("#rows-weights tbody tr")).to_have_count(4)
    dialog.locator("[name=by]").select_option("months")
    expect(dialog.locator("#rows-weights tbody tr")).to_have_count(12)
    expect(dialog.locator("[name=method]")).to_have_value("weights")
    assert faults(admin) == []
