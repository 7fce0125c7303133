"""Makes the pictures of docs/images anew: pages of the demonstration company in Chinese.

`python tools/pictures.py [NAME ...]` starts the system in a folder that is forgotten afterwards; with `--url` it uses
one that runs. Every picture is 1280 pixels wide, with a palette, and below 120 KB.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import django
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saleswright.config.settings")
django.setup()

from saleswright.config.demo import DEMO_PASSWORD  # noqa: E402
from tests.browser.desk import Desk  # noqa: E402
from tests.browser.served import browser_path, served  # noqa: E402

IMAGES = ROOT / "docs" / "images"
MOST = 120_000  # bytes
COLOURS = 128


def nothing(page: Page) -> None:
    """The page as it opens."""


def open_row(words: str) -> Callable[[Page], None]:
    """Follow the row of a list that holds these words."""

    def act(page: Page) -> None:
        page.locator("[data-rows] tbody tr", has_text=words).locator(".k-first a").first.click()
        page.wait_for_load_state("networkidle")

    return act


def open_filter(page: Page) -> None:
    """The panel of filters with its conditions."""
    page.locator("[data-bs-target='#filters']").click()
    page.locator("[data-conditions] [data-rule]").first.scroll_into_view_if_needed()


def try_out(page: Page) -> None:
    """A dry run of the flow that is drawn."""
    page.locator("[data-rows] .k-first a").first.click()
    page.locator("[data-edit]").click()
    page.fill("[name=try-amount]", "600000")
    page.locator(".flow-node.is-asked .flow-people").first.wait_for()


#: name: (who looks, address, what is done there, height)
PICTURES: dict[str, tuple[str, str, Callable[[Page], None], int]] = {
    "announcement": ("sunmin", "/announcements", open_row("价格体系"), 720),
    "meeting": ("zhaolei", "/meetings", open_row("纪要已签发"), 860),
    "pool": ("zhaolei", "/public-pool", nothing, 560),
    "custom-field": ("admin", "/custom-fields", open_row("付款习惯"), 560),
    "designer": ("admin", "/approval-flows", try_out, 800),
    "conditions": (
        "chensiyuan",
        '/customers?where={"or":[{"field":"level","op":"exact","value":"A"},{"and":[{"field":"figures.ordered","op":"gt",'
        '"value":"100000","period":"this_year"},{"field":"created_at","op":"lt","value":"this_quarter"}]}]}',
        open_filter,
        720,
    ),
    "notices": ("zhaolei", "/notifications", nothing, 620),
    "notice-times": ("zhaolei", "/account/notifications", nothing, 560),
}  # fmt: skip


def take(browser: Browser, url: str, name: str) -> int:
    """Take one picture; answers its size in bytes. Raises ValueError for one that is too large."""
    who, path, act, height = PICTURES[name]
    one = Desk(browser, url, None, phone=False, theme="light")
    try:
        one.page.set_viewport_size({"width": 1280, "height": height})
        one.sign_in(who, DEMO_PASSWORD)
        act(one.open(path))
        one.settle()
        shot = one.page.screenshot()
    finally:
        one.context.close()
    stream = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS).save(stream, "PNG", optimize=True)
    if len(stream.getvalue()) > MOST:
        raise ValueError(f"{name}: {len(stream.getvalue())} bytes are too many")
    (IMAGES / f"{name}.png").write_bytes(stream.getvalue())
    return len(stream.getvalue())


def take_all(url: str, names: list[str]) -> None:
    """Take the pictures one by one."""
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=browser_path(), args=["--lang=zh-CN"])
        for name in names:
            print(f"{name}.png", take(browser, url, name))


def main() -> None:
    """Read the arguments and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}; all by default")
    parser.add_argument("--url", help="a running system with the demonstration company")
    given = parser.parse_args()
    names = given.names or list(PICTURES)
    if unknown := sorted(set(names) - set(PICTURES)):
        parser.error(f"no such picture: {', '.join(unknown)}")
    if given.url:
        take_all(given.url, names)
        return
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as found:
        take_all(found.url, names)


if __name__ == "__main__":
    main()
