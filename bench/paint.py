"""What a browser without a cache loads until a page stands: requests and compressed bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

from bench.data import People
from bench.lists import BOARD, PAGE
from bench.measure import Row
from bench.serving import ROOT, Server, serving
from bench.web import Web

PAGES = {"home": "/", "list": PAGE, "board": BOARD}


def run(people: People) -> Iterator[Row]:
    """Requests and kilobytes of each page, cold; everything until the network is quiet counts."""
    from playwright.sync_api import sync_playwright

    cookie = Web(people.manager).cookie.partition("=")[2]
    browser_path = subprocess.run(["sh", ROOT / "tools" / "browser.sh"], capture_output=True, text=True).stdout.strip()
    with serving() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path or None)
        for name, path in PAGES.items():
            requests, sizes, paint = _load(browser, server, path, cookie)
            yield Row(f"{name}, cold browser: requests", requests, 30, "")
            yield Row(f"{name}, cold browser: compressed", sizes / 1000, 500, "kB", ours_ms=paint)
        browser.close()


def _load(browser: Any, server: Server, path: str, session: str) -> tuple[int, float, float]:
    context = browser.new_context()
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    sizes: list[float] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(server.url + path, wait_until="networkidle")
    script = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime || 0"
    paint = page.evaluate(script)
    context.close()
    return len(sizes), sum(sizes), paint
