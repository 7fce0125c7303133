"""The editor of conditions in a list's filter: built by hand, kept as a view, read back in words and unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.browser.desk import Desk

Seat = Callable[..., Desk]


def rule_of(page: Page, group: Locator, field: str, op: str, value: str) -> Locator:
    """Fill the last row of a group; the row comes anew from the server with its field and with its operator."""
    rule = group.locator(":scope > [data-parts] > [data-rule]").last
    for part, wanted in (("field", field), ("op", op)):
        control = rule.locator(f"[data-{part}]")
        if control.evaluate("control => control.tagName") == "SELECT" and control.input_value() != wanted:
            with page.expect_response(lambda answer: "/row?" in answer.url):
                control.select_option(wanted)
            expect(rule.locator(f"[data-{part}]")).to_have_value(wanted)
    control = rule.locator("[data-value]").first
    if control.evaluate("control => control.tagName") == "SELECT":
        control.select_option(value)
    else:
        control.fill(value)
    return rule


def tree_of(page: Page) -> dict[str, object]:
    """The conditions in the address of the list."""
    found: dict[str, object] = json.loads(parse_qs(urlsplit(page.url).query)["where"][0])
    return found


def open_editor(page: Page) -> Locator:
    """The outer group of the editor, in the panel of filters."""
    page.locator("[data-bs-target='#filters']").click()
    details = page.locator("details.advanced")
    expect(page.locator("#filters.show")).to_be_visible()
    if details.get_attribute("open") is None:
        details.locator("summary").click()
    root = page.locator("[data-conditions] > [data-group]")
    expect(root).to_be_visible()
    return root


def test_it_builds_a_or_b_and_c_and_keeps_it_as_a_view(desk: Seat) -> None:
    operator = desk("sunmin")
    page = operator.open("/customers")
    root = open_editor(page)
    root.locator(":scope > .rule-join [data-join]").select_option("or")
    root.locator(":scope > .rule-tools [data-add-rule]").click()
    rule_of(page, root, "custom.plant_area", "gte", "5000")
    root.locator(":scope > .rule-tools [data-add-group]").click()
    inner = root.locator(":scope > [data-parts] > [data-group]")
    inner.locator("[data-join]").select_option("and")
    figure = rule_of(page, inner, "figures.ordered", "gt", "100000")
    figure.locator("[data-period]").select_option("this_year")
    inner.locator("[data-add-rule]").click()
    rule_of(page, inner, "created_at", "lt", "this_quarter")
    operator.picture("conditions")
    with page.expect_navigation():
        page.locator("#filters .btn-primary").click()
    operator.settle()

    wanted = {
        "or": [
            {"field": "custom.plant_area", "op": "gte", "value": "5000"},
            {
                "and": [
                    {"field": "figures.ordered", "op": "gt", "value": "100000", "period": "this_year"},
                    {"field": "created_at", "op": "lt", "value": "this_quarter"},
                ]
            },
        ]
    }
    assert tree_of(page) == wanted
    words = page.locator(".chip")
    expect(words).to_have_count(1)
    for part in ("厂房面积（㎡） ≥ 5,000", "或", "订单额（本年） > ¥100,000", "且", "创建早于本季度"):
        expect(words).to_contain_text(part)
    rows = page.locator("[data-rows] tbody tr").count()
    assert rows

    page.locator("[data-open='save-view']").click()
    page.fill("#view-name", "大厂房或老客户")
    with page.expect_navigation():
        page.locator("#save-view .btn-primary").click()
    operator.open("/customers")
    page.locator(".views a", has_text="大厂房或老客户").click()
    operator.settle()
    expect(page.locator("[data-rows] tbody tr")).to_have_count(rows)
    root = open_editor(page)
    expect(root.locator("[data-rule]")).to_have_count(3)
    expect(root.locator("[data-period]")).to_have_value("this_year")
    with page.expect_navigation():
        page.locator("#filters .btn-primary").click()
    assert tree_of(page) == wanted


def test_an_empty_group_matches_nothing_and_says_so(desk: Seat) -> None:
    operator = desk("sunmin")
    page = operator.open("/customers")
    root = open_editor(page)
    root.locator(":scope > .rule-tools [data-add-group]").click()
    root.locator("[data-parts] [data-rule] [data-remove-rule]").click()
    with page.expect_navigation():
        page.locator("#filters .btn-primary").click()
    operator.settle()
    assert tree_of(page) == {"and": [{"or": []}]}
    expect(page.locator(".empty-state")).to_be_visible()
    expect(page.locator(".chip")).to_contain_text("什么都不符合")
    expect(page.locator("[data-rows]")).to_have_count(0)
