"""docs/traceability.md covers every capability and names places that exist."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"^\| ([A-Z]+-\d+) \| (.+?) \| (done|partial|not yet) \| (.*?) \| (.*?) \| (.*?) \|$", re.M)
ROWS = ROW.findall((ROOT / "docs" / "traceability.md").read_text(encoding="utf-8"))
SPEC = Path(os.environ.get("SALESWRIGHT_SPEC", ROOT.parent / "shared" / "spec"))


def test_it_names_every_capability_of_the_specification() -> None:
    if not SPEC.is_dir():
        pytest.skip("the specification is not beside the project")
    wanted = {
        identifier
        for path in SPEC.glob("[1-9]0-*.md")
        for identifier in re.findall(r"^- ([A-Z]+-\d+) ", path.read_text(encoding="utf-8"), re.M)
    }
    assert {row[0] for row in ROWS} == wanted


def test_it_says_where_and_by_what_test_for_all_that_is_done() -> None:
    lacking = [row[0] for row in ROWS if row[2] == "done" and not (row[3] and row[4])]
    assert lacking == []


def test_it_says_what_is_missing_of_all_that_is_partial() -> None:
    assert [row[0] for row in ROWS if row[2] == "partial" and not row[5]] == []


def test_it_names_only_places_that_exist() -> None:
    places = {place for row in ROWS for cell in row[3:5] for place in re.findall(r"`([^`]+)`", cell)}
    assert sorted(place for place in places if not (ROOT / place).exists()) == []
