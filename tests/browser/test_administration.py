"""What administrators set up in the browser: webhooks, custom fields, hand-overs."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.served import Installation

Seat = Callable[..., Desk]


def test_a_webhook_refuses_a_private_address_and_sends_again_what_was_given_up(
    desk: Seat, installation: Installation
) -> None:
    admin = desk("admin")
    page = admin.open("/webhooks/new")
    page.fill("[name=name]", "仓储系统")
    page.fill("[name=url]", "http://10.0.0.7/hook")
    box = page.locator("select[name=events] + .ts-wrapper")
    box.locator("input").press_sequentially("线索：创建")
    page.locator(".ts-dropdown:visible .option", has_text="线索：创建").first.click()
    expect(box.locator(".item")).to_have_text(re.compile("线索：创建"))
    page.locator("[name=secret]").fill("a-secret-of-at-least-24-signs")
    page.locator(".form-foot .btn-primary").click()
    expect(page.locator(".field:has([name=url]) .field-error")).to_contain_text("10.0.0.7")
    expect(page.locator("[name=name]")).to_have_value("仓储系统")
    expect(box.locator(".item")).to_have_text(re.compile("线索：创建"))
    page.fill("[name=url]", "https://hooks.invalid/in")
    page.locator("[name=secret]").fill("a-secret-of-at-least-24-signs")
    admin.save()
    expect(page.locator(".fact-groups")).to_contain_text("线索：创建")
    admin.act("test")

    with closing(sqlite3.connect(installation.database, timeout=10)) as store, store:
        given_up = "UPDATE integration_webhookdelivery SET state = 'failed', problem = 'HTTP 500', attempts = 12"
        assert store.execute(given_up).rowcount == 1
    page = admin.open("/settings/failed-events")
    row = page.locator("tr", has_text="仓储系统")
    expect(row).to_contain_text("HTTP 500")
    row.locator("button").click()
    admin.settle()
    admin.open("/settings/failed-events")
    expect(row).to_have_count(0)


def test_a_custom_field_is_at_once_in_list_filter_form_and_export(desk: Seat) -> None:
    admin = desk("admin")
    page = admin.open("/custom-fields/new")
    page.locator("[name=resource]").select_option("campaigns")
    page.locator("[name=kind]").select_option("choice")
    page.fill("[name=code]", "channel")
    page.fill("[name=label_zh]", "投放渠道")
    page.fill("[name=label_en]", "Media")
    page.locator(".form-foot .btn-primary").click()
    expect(page.locator(".alert-box[role=alert]")).to_be_visible()  # a choice without anything to choose
    for code, label in (("search", "搜索引擎"), ("fair", "展会")):
        page.locator("[data-add-line]").click()
        line = page.locator("[data-line]").last
        line.locator("[name$=-code]").fill(code)
        line.locator("[name$=-label_zh]").fill(label)
    admin.save()

    page = admin.open("/campaigns/new")
    page.locator("[name='custom.channel']").select_option(label="展会")
    page.fill("[name=name]", "华东自动化展")
    for name in page.locator("main [required]:not([name=name])").evaluate_all("fields => fields.map(one => one.name)"):
        field = page.locator(f"[name='{name}']")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(index=1)
    admin.save()
    expect(page.locator(".fact-groups")).to_contain_text("展会")

    page = admin.open("/campaigns?custom.channel=fair&columns=name,custom.channel")
    expect(page.locator(".chip")).to_contain_text("投放渠道")
    expect(page.locator("[data-rows] thead")).to_contain_text("投放渠道")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(1)
    expect(page.locator("#filters")).to_contain_text("投放渠道")
    page.locator(".dropdown:has([download]) > button").click()
    with page.expect_download() as taken:
        page.locator("[download][href*='format=csv']").click()
    head, row = taken.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert head.split(",") == ["名称", "投放渠道"]
    assert row == "华东自动化展,展会"


def test_a_hand_over_is_previewed_done_and_told_in_the_history(desk: Seat) -> None:
    admin = desk("admin")
    page = admin.open("/employees?q=xieyu")
    page.locator("[data-rows] .k-first a").first.click()
    page.wait_for_url(re.compile(r"/employees/\d+$"))
    giver = admin.number_here()
    page = admin.open(f"/customers?owner_id={giver}")
    customer = page.locator("[data-rows] tbody tr").first.get_attribute("data-url")
    assert customer
    page = admin.open(f"/employees/{giver}/actions/hand-over")
    owned = page.locator("section[aria-labelledby=owned] tr", has_text="客户").first.locator(".num").inner_text()
    admin.pick("to_id", "宋俊杰")
    page.locator(".hand-over .btn-primary").click()
    outcome = page.locator("section[aria-labelledby=outcome]")
    expect(outcome.locator("thead")).to_contain_text("宋俊杰")
    assert outcome.locator("tr", has_text="客户").first.locator(".num").inner_text() == owned
    with page.expect_navigation():
        outcome.locator(".btn-primary").click()
    admin.settle()
    expect(page).to_have_url(re.compile(rf"/employees/{giver}$"))
    admin.open(customer)
    expect(page.locator(".fact-groups")).to_contain_text("宋俊杰")
    expect(page.locator(".history .entries li").first).to_contain_text("交接")
