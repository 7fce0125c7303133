"""Third-party files and icons for the pages: an explicit list out of node_modules, served under `vendor/`."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

PACKAGES = Path(settings.BASE_DIR) / "node_modules"
SPRITE = "vendor/icons.svg"

#: served name -> file of an installed package
FILES = {
    "vendor/tabler.css": "@tabler/core/dist/css/tabler.min.css",
    "vendor/tabler.js": "@tabler/core/dist/js/tabler.min.js",
    "vendor/htmx.js": "htmx.org/dist/htmx.min.js",
    "vendor/sortable.js": "sortablejs/Sortable.min.js",
    "vendor/tom-select.js": "tom-select/dist/js/tom-select.complete.min.js",
    "vendor/tom-select.css": "tom-select/dist/css/tom-select.bootstrap5.min.css",
    "vendor/echarts.js": "echarts/dist/echarts.common.min.js",
    "vendor/echarts-all.js": "echarts/dist/echarts.min.js",
    "vendor/swagger-ui.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "vendor/wecom.js": "@wecom/jssdk/dist/wecom.global.prod.js",
    "vendor/swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
}

NAMES_OF_ICONS = """
    activity address-book adjustments affiliate alarm alert-circle alert-triangle archive arrow-back-up arrow-down
    arrow-left arrow-right arrow-up arrows-exchange arrows-sort arrows-split at award ban barcode bell bell-cog
    bell-ringing book bookmark books box briefcase building building-bank building-community building-factory-2
    building-skyscraper building-store building-warehouse bulb businessplan calculator calendar calendar-check
    calendar-clock calendar-dollar calendar-due calendar-event calendar-plus calendar-repeat calendar-time camera cash
    cash-banknote category certificate chart-arrows chart-bar chart-donut chart-funnel chart-histogram chart-line
    chart-pie check checklist checks chevron-down chevron-left chevron-right chevron-up circle circle-check
    circle-dashed circle-off circle-x clipboard-check clipboard-list clock clock-check clock-dollar clock-exclamation
    clock-pause coin coins color-swatch columns-3 confetti contract copy copy-check corner-down-right credit-card
    currency-yuan dashboard database database-export database-import device-analytics device-floppy device-mobile
    discount dots dots-vertical download edit eraser external-link eye eye-off file file-analytics file-certificate
    file-check file-description file-diff file-dollar file-export file-import file-invoice file-spreadsheet file-text
    file-type-docx file-type-pdf file-x filter filter-off flag flame folder forms gauge gift git-branch git-merge
    grip-vertical hand-stop headset heart-handshake help help-circle hierarchy hierarchy-2 history home hourglass id
    id-badge id-badge-2 inbox info-circle key keyboard language layout-board layout-kanban layout-list
    layout-sidebar-left-collapse layout-sidebar-left-expand license lifebuoy link list list-check list-details
    list-numbers loader-2 lock lock-open login logout mail mail-forward map map-pin medal menu-2 message message-2
    message-chatbot message-circle message-reply messages microphone microscope mood-sad mood-smile moon notebook notes
    package package-export package-import packages paperclip password pencil percentage phone phone-call photo pin
    plane player-pause player-play player-stop plug plus pointer presentation presentation-analytics printer progress
    puzzle qrcode question-mark radar receipt receipt-2 receipt-refund receipt-tax recycle refresh repeat replace report
    report-analytics report-money ripple rocket rotate route rubber-stamp ruler scale school scoreboard search select
    send settings settings-automation share shield shield-check shopping-bag shopping-cart signature sitemap
    sort-ascending sort-descending speakerphone square square-check stack-2 stairs-up star stars stopwatch sum sun
    sun-moon switch-horizontal swords table tag tags target target-arrow template thumb-up ticket timeline tool tools
    tournament transfer transform trash trending-down trending-up triangle trophy truck truck-delivery truck-return
    upload user user-check user-circle user-cog user-minus user-plus user-question user-search user-share user-star
    user-x users users-group versions wallet webhook world writing x zoom-check
"""
#: Tabler icons that pages and declarations may name
ICONS = tuple(NAMES_OF_ICONS.split())


def sprite(names: Iterable[str] = ICONS) -> str:
    """One SVG with a symbol for each named icon that the package has."""
    folder = PACKAGES / "@tabler" / "icons" / "icons"
    symbols = []
    for name in names:
        path = folder / "outline" / f"{name}.svg"
        if path.exists():
            body = re.sub(
                r"^.*?<svg[^>]*>|</svg>\s*$|\s*<path stroke=\"none\"[^>]*/>", "", path.read_text(), flags=re.S
            )
            lines = "".join(line.strip() for line in body.splitlines())
            symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{lines}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'


def sprite_file() -> Path:
    """The sprite's file in `var/`, written when it is missing or older than this list."""
    target = Path(settings.VAR_DIR) / "assets" / "icons.svg"
    if not target.exists() or target.stat().st_mtime < Path(__file__).stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False) as file:
            file.write(sprite())
        os.chmod(file.name, 0o644)
        os.replace(file.name, target)
    return target


class PackageStorage(FileSystemStorage):
    """Reads the served names from where the packages have them."""

    def path(self, name: str) -> str:
        return str(sprite_file() if name == SPRITE else PACKAGES / FILES[name])


class PackageFinder(BaseFinder):
    """Finds `vendor/` files; packages that aren't installed are left out."""

    storage = PackageStorage()

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        everything = find_all or kwargs.get("all", False)
        found = self.storage.path(path) if path in FILES or path == SPRITE else ""
        if found and not os.path.exists(found):
            found = ""
        if everything:
            return [found] if found else []
        return found or None

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        for name in (*FILES, SPRITE):
            if os.path.exists(self.storage.path(name)):
                yield name, self.storage


class QuickCompressor(Compressor):
    """Brotli at a level that takes seconds, not half a minute, for a few percent more bytes."""

    @staticmethod
    def compress_brotli(data: bytes) -> bytes:
        return brotli.compress(data, quality=9)


class PackedStorage(CompressedManifestStaticFilesStorage):
    """Hashed names and compressed copies; source maps are not served, modules import each other by hashed name."""

    def create_compressor(self, **kwargs: Any) -> Compressor:
        return QuickCompressor(**kwargs)

    manifest_strict = False
    patterns = (
        (
            "*.js",
            (
                (
                    r"""(?P<matched>import(?P<import>[\s\{][^;'"]*?)\s*from\s*["'](?P<url>\./.*?)["']\s*;)""",
                    """import%(import)s from "%(url)s";""",
                ),
            ),
        ),
    )
