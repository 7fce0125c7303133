"""Tests in a real browser: the Chromium or Chrome that `tools/browser.sh` finds.

Without one they are skipped and the summary says so; with SALESWRIGHT_REQUIRE_BROWSER=1 they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from saleswright.config.demo import DEMO_PASSWORD
from tests.browser.desk import Desk
from tests.browser.served import Installation, browser_path, served

HERE = Path(__file__).resolve().parent
NO_BROWSER = "NO BROWSER: install chromium or Google Chrome, or name one in SALESWRIGHT_BROWSER"

# Playwright keeps an event loop in the tests' thread, which Django takes for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder carries the marker `browser`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Playwright's arguments with the machine's browser in place of a downloaded one."""
    if path := browser_path():
        return {**browser_type_launch_args, "executable_path": path}
    if os.environ.get("SALESWRIGHT_REQUIRE_BROWSER") == "1":
        pytest.fail(NO_BROWSER)
    pytest.skip(NO_BROWSER)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud when the browser tests were skipped."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if NO_BROWSER in str(report.longrepr)]
    if skipped:
        terminalreporter.section(f"{len(skipped)} BROWSER TESTS WERE SKIPPED", sep="!", red=True, bold=True)
        terminalreporter.line(NO_BROWSER)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The real system with the demonstration company, forgotten at the end."""
    with served(tmp_path_factory.mktemp("installation")) as found:
        yield found


@pytest.fixture(scope="session")
def _sessions() -> dict[str, Any]:
    """The cookies of those who signed in, by name: people sign in once."""
    return {}


@pytest.fixture
def desk(browser: Browser, installation: Installation, _sessions: dict[str, Any]) -> Iterator[Callable[..., Desk]]:
    """Seats people: `desk("zhaolei", phone=True, theme="dark")`. At the end no page may have complained."""
    seated: list[Desk] = []

    def sit_down(username: str, *, phone: bool = False, theme: str = "light") -> Desk:
        one = Desk(browser, installation.url, _sessions.get(username), phone=phone, theme=theme)
        seated.append(one)
        if username and username not in _sessions:
            one.sign_in(username, DEMO_PASSWORD)
            _sessions[username] = one.context.storage_state()
        return one

    yield sit_down
    complaints = [text for one in seated for text in one.complaints]
    for one in seated:
        one.context.close()
    assert complaints == []
