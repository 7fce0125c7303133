"""Northwind with commas that spoil rows, through the command: what is broken is named, what is good is taken."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from typer.testing import CliRunner

from saleswright import cli
from saleswright.interface.exchange.readers import open_table
from saleswright.kernel.models import AuditEntry
from saleswright.modules.customers.models import Customer

pytestmark = pytest.mark.django_db
BROKEN = {"rows": 91, "created": 0, "updated": 0, "failed": 24}


@pytest.fixture
def malformed(data_folder: Path) -> Path:
    return data_folder / "northwind_malformed" / "customers.csv"


@pytest.fixture
def rows(malformed: Path) -> dict[int, list[str]]:
    """Line of the file -> cells, without the header."""
    with malformed.open(encoding="utf-8", newline="") as file:
        return dict(list(enumerate(csv.reader(file), start=1))[1:])


def run(*arguments: Any) -> Any:
    """The import command with the mapping for Northwind's customers."""
    return CliRunner().invoke(cli.app, ["import", *map(str, arguments)])


def result_of(done: Any) -> dict[str, int]:
    """The JSON of the last line on standard output."""
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def mapping(examples: Path) -> Path:
    return examples / "northwind-customers.toml"


def test_it_names_each_broken_row_and_takes_the_others(
    malformed: Path, mapping: Path, rows: dict[int, list[str]], tmp_path: Path
) -> None:
    errors = tmp_path / "errors.csv"
    done = run("customers", malformed, "--mapping", mapping, "--on-error", "skip", "--errors", errors)
    assert done.exit_code == 3
    assert result_of(done) == BROKEN | {"created": 67}
    broken = {line: len(cells) for line, cells in rows.items() if len(cells) != 11}
    named = {int(row.cells[0]): row.cells[1] for row in open_table(errors).rows}
    assert named.keys() == broken.keys()
    assert all(str(count) in named[line] and "11" in named[line] for line, count in broken.items())
    assert all(re.search(rf"\b{line}\b", done.stderr) for line in broken)
    good = [[("" if cell == "NULL" else cell.strip()) for cell in cells] for cells in rows.values() if len(cells) == 11]
    found = Customer.objects.values_list("code", "name", "address", "city", "province")
    assert sorted(found) == sorted(
        (code, name, street, city, region) for code, name, _, _, street, city, region, *_ in good
    )


def test_it_takes_nothing_when_told_to_stop(malformed: Path, mapping: Path) -> None:
    done = run("customers", malformed, "--mapping", mapping, "--on-error", "stop")
    assert (done.exit_code, result_of(done)) == (1, BROKEN)
    assert not Customer.objects.exists()
    assert not AuditEntry.objects.filter(resource="customers").exists()


def test_it_takes_the_sound_file_whole(data_folder: Path, mapping: Path) -> None:
    done = run("customers", data_folder / "northwind" / "customers.csv", "--mapping", mapping)
    assert done.exit_code == 0
    assert result_of(done) == {"rows": 91, "created": 91, "updated": 0, "failed": 0}
    assert not Customer.objects.filter(province="NULL").exists()


@pytest.mark.parametrize(
    "wrong",
    [("no-such-things", "{file}"), ("customers", "{file}.none"), ("customers", "{file}", "--mode", "guess"),
     ("customers", "{file}", "--mapping", "{mapping}", "--key", "fax")],
)  # fmt: skip
def test_it_refuses_bad_arguments(malformed: Path, mapping: Path, wrong: tuple[str, ...]) -> None:
    done = run(*(part.format(file=malformed, mapping=mapping) for part in wrong))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr
    assert not Customer.objects.exists()


def test_the_installed_command_ends_with_json_and_its_status(
    django_db_setup: None, tmp_path: Path, other_process: str
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("code,name\nA1,Acme\nA2\n", encoding="utf-8")
    command = [sys.executable, "-m", "saleswright.cli", "import", "customers", str(file), "--on-error", "skip"]
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTEST_VERSION", "TEST_DATABASE_URL"}}
    environment = kept | {"DATABASE_URL": other_process}
    done = subprocess.run([*command, "--dry-run"], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3, done.stderr
    assert done.stdout == '{"rows": 2, "created": 1, "updated": 0, "failed": 1}\n'
    assert " 3" in done.stderr


@pytest.fixture
def other_process(db: None, tmp_path: Path) -> str:
    """The address of a database with all tables for another process; a copy of the tests' own on SQLite."""
    settings = connection.settings_dict
    if connection.vendor != "sqlite":
        person = f"{settings['USER']}:{settings['PASSWORD']}" if settings["PASSWORD"] else settings["USER"]
        return f"postgresql://{person}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    copy = tmp_path / "copy.sqlite3"
    copy.write_bytes(connection.connection.serialize())
    return f"sqlite:///{copy}"
