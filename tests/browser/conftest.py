"""Tests in a real browser: the Chromium or Chrome that `tools/browser.sh` finds.

Without one they are skipped and the summary says so; with SALESWRIGHT_REQUIRE_BROWSER=1 they fail instead.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from saleswright.config.demo import DEMO_PASSWORD
from tests.browser.desk import Desk

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FINDER = ROOT / "tools" / "browser.sh"
PATIENCE = 60  # seconds that the server may take to answer first
NO_BROWSER = "NO BROWSER: install chromium or Google Chrome, or name one in SALESWRIGHT_BROWSER"

# Playwright keeps an event loop in the tests' thread, which Django takes for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@cache
def browser_path() -> str:
    """The browser's path, or an empty text."""
    return subprocess.run(["sh", FINDER], capture_output=True, text=True, check=True).stdout.strip()


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


@dataclass(frozen=True)
class Installation:
    """A running system with the demonstration company."""

    url: str
    folder: Path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(server: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        with suppress(URLError, ConnectionError), urlopen(f"{url}/sign-in", timeout=5):
            return
        time.sleep(0.2)
    pytest.fail(f"the server did not answer at {url}")


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The real system: `init`, `demo` and `serve` in a folder of its own, stopped and forgotten at the end.

    Static files packed before are copied, since packing them takes longer than everything else; `init` packs them
    anew when any of them changed.
    """
    folder = tmp_path_factory.mktemp("installation")
    for name in ("assets", "static"):
        if (ROOT / "var" / name).exists():
            shutil.copytree(ROOT / "var" / name, folder / name)
    database = f"sqlite:///{folder / 'browser.sqlite3'}"
    environment = {**os.environ, "VAR_DIR": str(folder), "DATABASE_URL": database, "REDIS_URL": "", "DEBUG": "0"}
    for name in ("DJANGO_ALLOW_ASYNC_UNSAFE", "PYTEST_CURRENT_TEST", "PYTEST_VERSION"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "saleswright.cli"]
    for step in ("init", "demo"):
        subprocess.run([*command, step], env=environment, cwd=ROOT, check=True)
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "serve", "--port", str(port)], env=environment, cwd=ROOT, stdout=log, stderr=log
        )
        try:
            _wait_until_it_answers(server, url)
            yield Installation(url, folder)
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()


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
