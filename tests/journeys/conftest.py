"""What the journeys through real files share: where the files lie, one import for a module of tests, and reports."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from saleswright.interface.exchange.importer import run_import
from saleswright.interface.exchange.mapping import load_mapping
from saleswright.interface.exchange.outcome import ImportOutcome
from saleswright.interface.reports import report_named
from saleswright.kernel.access.actors import system

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the public data sets."""
    folder = Path(os.environ.get("SALESWRIGHT_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the data sets are not here: {folder} (SALESWRIGHT_DATA names another folder)")
    return folder


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder of the mapping files that are shipped as examples."""
    return EXAMPLES


@pytest.fixture(scope="module")
def kept(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """What is written stays until the last test of the module has read it."""
    assert request.node.get_closest_marker("django_db"), "without the mark there is no database of the tests' own"
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="session")
def take() -> Callable[..., ImportOutcome]:
    """Imports a file as the system: `take("customers", path, "crm-accounts", key="name")`."""

    def run(resource: str, path: Path, mapping: str | Path, **options: Any) -> ImportOutcome:
        source = EXAMPLES / f"{mapping}.toml" if isinstance(mapping, str) else mapping
        return run_import(resource, path, actor=system("import"), mapping=load_mapping(source), **options)

    return run


@pytest.fixture(scope="session")
def table_of() -> Callable[..., dict[str, tuple[Any, ...]]]:
    """A report as {first column: the other columns that are asked for}; no two rows may share the first."""

    def read(name: str, *columns: str, **parameters: str) -> dict[str, tuple[Any, ...]]:
        result = report_named(name).run(parameters, system("test"))
        places = [[column.name for column in result.columns].index(column) for column in columns]
        found = {row[0]: tuple(row[place] for place in places) for row in result.rows}
        assert len(found) == len(result.rows)
        return found

    return read


def ratio(part: Decimal | int, whole: Decimal | int, places: int) -> Decimal:
    """`part / whole`, halves away from zero."""
    return (Decimal(part) / Decimal(whole)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


@pytest.fixture(scope="session", name="ratio")
def ratio_() -> Callable[[Decimal | int, Decimal | int, int], Decimal]:
    """Divides and rounds as the reports promise."""
    return ratio
