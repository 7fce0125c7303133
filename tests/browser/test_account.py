"""One's own account: notices as they come, when they may come, the second factor, open sessions."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
from playwright.sync_api import expect

from saleswright.config.demo import DEMO_PASSWORD
from tests.browser.desk import Desk
from tests.browser.test_dialogs import first_id

Seat = Callable[..., Desk]
#: what a browser tells a page that comes to the front: then it counts at once, not after its twenty seconds
TO_THE_FRONT = 'document.dispatchEvent(new Event("visibilitychange"))'


def test_a_mention_is_counted_without_a_reload(desk: Seat) -> None:
    seller, manager = desk("wangfang"), desk("zhaolei")
    here = seller.open("/customers")
    customer = f"/customers/{first_id(here)}"
    badge = here.locator("[data-count=notifications]")
    before = int(badge.text_content() or 0)

    there = manager.open(customer)
    words = "@王芳 请补充决策链"
    there.locator(".comment textarea").fill(words)
    with there.expect_response(re.compile("/comments")):
        there.locator(".comment .btn-primary").click()
    expect(there.locator(".entries")).to_contain_text(words)

    here.evaluate(TO_THE_FRONT)
    expect(badge).to_have_text(str(before + 1))
    expect(here).to_have_title(re.compile(r"^\(\d+\) "))
    expect(here.locator("#toasts")).to_contain_text("通知")
    page = seller.open("/notifications")
    notice = page.locator(".notice.is-unread").first
    expect(notice).to_contain_text("赵磊")
    notice.locator(".notice-text").click()
    expect(page).to_have_url(re.compile(rf"{customer}\b"))


def test_quiet_hours_are_kept(desk: Seat) -> None:
    seller = desk("wangfang")
    page = seller.open("/account/notifications")
    page.locator("[name=own_hours]").check()
    page.fill("[name=quiet_from]", "22:30")
    page.fill("[name=digest_at]", "08:15")
    page.locator(".form-actions .btn-primary").click()
    expect(page.locator("#toasts")).not_to_be_empty()
    page = seller.open("/account/notifications")
    expect(page.locator("[name=own_hours]")).to_be_checked()
    expect(page.locator("[name=quiet_from]")).to_have_value("22:30")
    expect(page.locator("[name=digest_at]")).to_have_value("08:15")


def test_a_second_factor_is_set_up_and_another_session_ended(desk: Seat) -> None:
    owner, elsewhere = desk("fengchao"), desk("")
    elsewhere.sign_in("fengchao", DEMO_PASSWORD)
    page = owner.open("/account")
    other = page.locator(".account-list li:has(form)")
    expect(other).to_have_count(1)
    other.locator("button").click()
    expect(other).to_have_count(0)
    elsewhere.page.goto("/customers")
    expect(elsewhere.page).to_have_url(re.compile("/sign-in"))

    page = owner.open("/account/second-factor")
    expect(page.locator(".qr-box svg")).to_be_visible()
    page.locator(".by-hand summary").click()
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.fill("#code", "000000")
    page.locator("main .btn-primary").click()
    expect(page.locator("#code_error")).to_be_visible()
    page.fill("#code", pyotp.TOTP(secret).now())
    page.locator("main .btn-primary").click()
    expect(page.locator("#recovery-codes li").first).to_be_visible()
