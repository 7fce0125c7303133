"""The main pages as they are looked at: on desktop and phone, light and dark, quick, accessible, within the width."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.desk import ROOT, Desk

Seat = Callable[..., Desk]
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
#: name of the picture -> address; those that end in `/first` stand for the first record of the list
PAGES = {
    "home": "/",
    "customers": "/customers",
    "customer": "/customers/first",
    "board": "/opportunities/board",
    "quote-form": "/quotes/new",
    "quote": "/quotes/first",
    "approvals": "/approvals",
    "calendar": "/activities/calendar",
    "report": "/reports/funnel",
    "import": "/leads/import",
}
OTHERS = """
    /campaigns /leads /contacts /opportunities /activities /quotes /contracts /orders /deliveries /invoices /receipts
    /collection-plans /tickets /callbacks /products /price-lists /targets /employees /roles /departments
    /approval-flows /notifications /leads/board /invoices/calendar /customers/new
    /reports/ageing /reports/sales /reports/target-attainment
"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
MOST_REQUESTS, MOST_BYTES = 30, 500_000


def visit(one: Desk, path: str) -> None:
    """Open a page of the table."""
    if not path.endswith("/first"):
        one.open(path)
        return
    page = one.open(path.removesuffix("/first"))
    address = page.locator("[data-rows] tbody tr").first.get_attribute("data-url")
    assert address
    one.open(address)


def faults(one: Desk) -> list[str]:
    """What axe calls serious or critical on the page, with the place of it."""
    one.page.evaluate(AXE)
    found: dict[str, Any] = one.page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})", RULES
    )
    return [
        f"{rule['id']}: {node['target']} {node.get('failureSummary', '')}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_it_is_accessible_and_keeps_within_the_width(desk: Seat, name: str, phone: bool, theme: str) -> None:
    one = desk("zhaolei", phone=phone, theme=theme)
    visit(one, PAGES[name])
    one.picture(name)
    assert one.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert faults(one) == []


@pytest.mark.parametrize("name", PAGES)
def test_it_is_there_quickly_on_the_first_visit(desk: Seat, name: str) -> None:
    one = desk("zhaolei")
    page = one.page
    path = PAGES[name]
    if path.endswith("/first"):
        visit(one, path)
        path = page.url
        page.goto("about:blank")
    traffic = one.context.new_cdp_session(page)
    traffic.send("Network.enable")
    traffic.send("Network.setCacheDisabled", {"cacheDisabled": True})
    sizes: list[float] = []
    traffic.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    one.open(path)
    assert len(sizes) <= MOST_REQUESTS
    assert sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize("path", OTHERS.split())
def test_no_page_complains(desk: Seat, path: str) -> None:
    admin = desk("admin")
    page = admin.open(path)
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
