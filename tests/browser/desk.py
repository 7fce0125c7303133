"""Somebody at a browser: what people do on the pages, in their words, and what the pages complain about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

ROOT = Path(__file__).resolve().parent.parent.parent
SCREENSHOTS = ROOT / "var" / "screenshots"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
#: a newer request of a form took the place of one that was under way; one that failed is told as htmx:sendError
REPLACED = re.compile(r"htmx:(sendAbort|afterRequest), ")
#: what a browser notes about an answer that refuses, which is no fault of the page
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4|Response Status Error Code 4")


class Desk:
    """A person's browser window; `complaints` holds what its console and the policies had to say."""

    def __init__(self, browser: Browser, url: str, session: Any, *, phone: bool, theme: str) -> None:
        self.phone, self.theme, self.url = phone, theme, url
        self.context = browser.new_context(
            base_url=url,
            viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
            is_mobile=phone,
            has_touch=phone,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            storage_state=session,
        )
        self.context.add_cookies([{"name": "theme", "value": theme, "url": url}])
        self.context.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.page = self._watched(self.context.new_page())

    def _watched(self, page: Page) -> Page:
        page.on("console", lambda line: self._note(line.type, line.text))
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("response", lambda answer: self._check_asset(answer.status, answer.url))
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not (REFUSED.match(text) or REPLACED.match(text)):
            self.complaints.append(f"{self.page.url}: {text}")

    def _check_asset(self, status: int, url: str) -> None:
        if status >= 500 or (status >= 400 and "/static/" in url):
            self.complaints.append(f"{url}: {status}")

    # --- going about -------------------------------------------------------------------------------------------

    def sign_in(self, username: str, password: str) -> None:
        """Sign in by the form."""
        self.page.goto("/sign-in")
        self.page.fill("#username", username)
        self.page.fill("#password", password)
        self.page.locator("#password").press("Enter")
        self.page.wait_for_url(lambda address: "/sign-in" not in address)

    def open(self, path: str) -> Page:
        """Go to a page and wait until all of it is there."""
        self.page.goto(path)
        return self.settle()

    def settle(self) -> Page:
        """Wait until nothing is loading any more."""
        self.page.wait_for_load_state("networkidle")
        return self.page

    def number_here(self) -> int:
        """The id of the record whose page is open."""
        found = re.search(r"/(\d+)(?:[?#]|$)", self.page.url)
        assert found, self.page.url
        return int(found[1])

    def picture(self, name: str) -> None:
        """Keep a screenshot under var/screenshots."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        size = "phone" if self.phone else "desktop"
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{size}-{self.theme}.png")

    # --- forms -------------------------------------------------------------------------------------------------

    def pick(self, name: str, words: str, inside: Locator | None = None) -> None:
        """Search in a picker and take the first hit."""
        select = (inside or self.page.locator("main")).locator(f"select[name='{name}']")
        box = select.locator("xpath=following-sibling::*[contains(@class, 'ts-wrapper')]")
        box.locator(".ts-control").click()
        with self.page.expect_response(lambda answer: "/pick/" in answer.url and _asks_for(answer.url, words)):
            box.locator("input").press_sequentially(words)
        hit = self.page.locator(".ts-dropdown:visible .option", has_text=words).first
        hit.click()
        expect(box.locator(".item").first).to_be_visible()
        if select.get_attribute("multiple") is not None:  # one that takes several stays open
            self.page.keyboard.press("Tab")
        expect(box).not_to_have_class(re.compile("dropdown-active|loading"))

    def save(self) -> None:
        """Send the form of the page and follow to where it leads."""
        with self.page.expect_navigation():
            self.page.locator(".form-foot .btn-primary").click()
        refused = self.page.locator("form.record-form[data-has-errors]")
        if refused.count():
            names = self.page.locator(".is-invalid[name]").evaluate_all("fields => fields.map(field => field.name)")
            pytest.fail(f"refused: {names} {self.page.locator('.field-error, .alert-box').all_inner_texts()}")
        self.settle()

    # --- records -----------------------------------------------------------------------------------------------

    def action(self, verb: str) -> Locator:
        """The button of an action on a record's page; opens the menu when it is in there."""
        here = f"[action$='/actions/{verb}'] button, button[hx-get$='/actions/{verb}']"
        buttons = self.page.locator(f".record-actions :is({here})")
        shown = buttons.filter(visible=True)
        if not shown.count():
            self.page.locator(".record-actions .dropdown > [data-bs-toggle]").last.click()
        return shown.first

    def act(self, verb: str, **values: str) -> None:
        """Do something with a record, answering what its dialog asks."""
        button = self.action(verb)
        asks = button.get_attribute("hx-get") is not None
        button.click()
        if asks:
            dialog = self.page.locator("#dialog")
            expect(dialog).to_be_visible()
            for name, value in values.items():
                dialog.locator(f"[name='{name}']").fill(value)
            with self.page.expect_navigation():
                dialog.locator(".dialog-foot .btn-primary").click()
        else:
            self.page.wait_for_event("load")
        self.settle()

    def expect_state(self, label: str) -> None:
        """The record shows the state."""
        expect(self.page.locator("h1 .badge-soft")).to_have_text(label)

    def expect_message(self, words: str) -> None:
        """The page says in passing what has been done."""
        expect(self.page.locator("#toasts")).to_contain_text(words)


def _asks_for(address: str, words: str) -> bool:
    """Whether a picker asked for just these words, not for what was typed of them before."""
    return parse_qs(urlsplit(address).query).get("q") == [words]
