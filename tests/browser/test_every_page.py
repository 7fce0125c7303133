"""Every page of administration, account, notices and teamwork: accessible and within the width at both sizes and in
both themes, in one language at a time; and what is kept from those without rights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from saleswright.config.demo import DEMO_PASSWORD
from tests.browser.desk import DESKTOP, PHONE, ROOT, Desk
from tests.browser.served import Installation

Seat = Callable[..., Desk]
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: what the theme can spoil
COLOURS = ["color-contrast", "link-in-text-block"]
PAGES = """
    /settings /account /account/tokens /account/people /account/people/1 /account/notifications /account/second-factor
    /audit /settings/rights /settings/notice-defaults /settings/notices /settings/storage /settings/personal-data
    /settings/jobs /settings/jobs/schedule /settings/failed-events /approvals /notifications /public-pool /search?q=hw
    /announcements /announcements/first /announcements/new /meetings /meetings/first /meetings/new /meetings/calendar
    /custom-fields /custom-fields/first /custom-fields/new /approval-flows /approval-flows/first /approval-flows/new
    /pools/first /recycle-rules/first /duplicate-pairs /duplicate-pairs/first /webhooks /webhooks/new
    /webhook-deliveries /notice-bots/first /notice-bots/new /roles/first /employees/first /employees/1/actions/hand-over
    /subject-requests /subject-requests/new /retention-items/first /data-groups/first /file-rules/first
    /dictionaries/first /number-series /working-hours /special-days /state-limits/new /workplaces /workplaces/first
    /linked-accounts/new /nowhere
"""
#: words that stay as they are in Chinese: names of products and forms, codes, addresses
FOREIGN = re.compile(
    r"Webhook|English|HTTPS?|API|OIDC|PDF|CSV|Excel|SHA-256|TOTP|AppKey|CorpID|AgentId|Client ID|EncodingAESKey|Token"
    r"|Chrome · Linux|Ctrl|Enter|Esc|https?://\S+|\S+@\S+|[\w.-]+\.(?:com|cn)\b|[A-Z]+-[\d-]+|plant_area|Plant area"
    r"|partner|dengxia|admin|INV|currencies|Chinese yuan|US dollar|Euro|Hong Kong dollar|Japanese yen|Pound sterling"
    r"|CNY|USD|EUR|HKD|JPY|GBP|Asia/Shanghai"
)
#: where people's own words stand, which no language of the pages changes
ENTERED = (
    "tbody td, tbody th, dd, option, h1, h2 a, .crumb, .person, .face, .tag-soft, .history, .notice-text, .top-person,"
    ".top-tools, .side-head, .language, .views, .chip, .flow-picture, .flow-end, .item, .hit, .reading, .month, .found,"
    ".list-card, .account-list, .choices, .flow-versions, .merge-name"
)
#: where codes stand that programs use
CODES = (
    "option, .history, small, .k-first, .audit-changes, .is-cards th [title], dd:not(:has(.tag-soft)),"
    ".sheet:not(.is-list) td, .is-list .tick *, [data-label=编码], [data-label=登录名], [data-label=记录]"
)
READER = (Path(__file__).parent / "texts.js").read_text(encoding="utf-8")
HAN, LATIN = re.compile("[\u4e00-\u9fff]"), re.compile("[A-Za-z]{3}")


def faults(page: Page, run_only: dict[str, Any]) -> list[str]:
    """What axe calls serious or critical."""
    found: Any = page.evaluate("only => axe.run(document, {runOnly: only, resultTypes: ['violations']})", run_only)
    return [
        f"{rule['id']}: {node['target']} {node.get('failureSummary', '')}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def go(one: Desk, path: str) -> Page:
    """Open a page, or the first record of a list; wait until what it loads afterwards is there."""
    page = one.page
    answer = page.goto(path.removesuffix("/first"))
    if path.endswith("/first"):
        rows = page.locator("[data-rows] tbody tr")
        answer = page.goto(rows.first.get_attribute("data-url", timeout=2000) or "")
    assert answer
    assert answer.status == (404 if path == "/nowhere" else 200)
    expect(page.locator(".htmx-request")).to_have_count(0)
    return page


@pytest.fixture(scope="module")
def walker(browser: Browser, installation: Installation) -> Iterator[Desk]:
    """An administrator who walks through all pages in one window."""
    one = Desk(browser, installation.url, None, phone=False, theme="light")
    one.sign_in("admin", DEMO_PASSWORD)
    yield one
    one.context.close()


@pytest.mark.parametrize("path", PAGES.split())
def test_it_is_accessible_fits_and_speaks_one_language(walker: Desk, path: str) -> None:
    walker.complaints.clear()
    page = go(walker, path)
    page.evaluate(AXE)
    found = []
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for theme in ("light", "dark"):
            page.evaluate("theme => { document.documentElement.dataset.bsTheme = theme; }", theme)
            only = {"type": "tag", "values": RULES} if theme == "light" else {"type": "rule", "values": COLOURS}
            found += [f"{theme} {size['width']} {fault}" for fault in faults(page, only)]
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{size['width']}: {over} too wide"] if over > 0 else []
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    assert found == []

    page.evaluate(READER)
    chinese = page.evaluate("left => textsOf(document.body, left)", CODES)
    english = page.evaluate("left => textsInEnglish(left)", ENTERED)
    assert [text for text in chinese if LATIN.search(FOREIGN.sub("", text)) and not HAN.search(text)] == []
    assert [text for text in english if HAN.search(text) and not LATIN.search(text)] == []
    assert walker.complaints == []


@pytest.mark.parametrize(
    "path", ["/settings", "/audit", "/webhooks", "/custom-fields/new", "/account/people", "/settings/jobs"]
)
def test_those_without_rights_meet_a_page_of_ours(desk: Seat, path: str) -> None:
    seller = desk("wangfang")
    answer = seller.page.goto(path)
    assert answer
    assert answer.status == 403
    assert seller.page.locator(".error-code").inner_text() == "403"
    assert seller.page.locator(".blank-card .btn-primary").get_attribute("href") == "/"
