"""Icons come from one packed list, so each one that is named must be in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from saleswright.interface.assets import ICONS
from saleswright.interface.entity import all_entities

BASE = Path(settings.BASE_DIR)
IN_TEMPLATES = re.compile(r"""\bicon\(["']([a-z0-9-]*[a-z0-9])["'][,)]""")
IN_CODE = re.compile(r"""\bicon ?= ?["']([a-z0-9-]+)["']""")


def named_in(pattern: re.Pattern[str], folder: str, suffix: str) -> set[tuple[str, str]]:
    """The icons named in the files of a folder, with the file."""
    files = [path for path in (BASE / folder).rglob(f"*{suffix}") if "tests" not in path.parts]
    return {(name, str(path.relative_to(BASE))) for path in files for name in pattern.findall(path.read_text("utf-8"))}


@pytest.mark.parametrize(
    ("pattern", "folder", "suffix"), [(IN_TEMPLATES, "templates", ".html"), (IN_CODE, "saleswright", ".py")]
)
def test_it_packs_every_icon_that_is_named(pattern, folder, suffix):
    named = named_in(pattern, folder, suffix)
    assert len(named) > 50
    assert {(name, path) for name, path in named if name not in ICONS} == set()


def test_it_packs_the_icons_of_entities_and_actions():
    icons = {entity.icon for entity in all_entities()}
    icons |= {transition.icon for entity in all_entities() for transition in entity.transitions}
    assert {icon for icon in icons if icon and icon not in ICONS} == set()
