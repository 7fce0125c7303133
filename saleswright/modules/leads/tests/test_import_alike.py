"""Rows of a file that are likely there already: marked by the check, and created, left out or taken into the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from saleswright.interface.exchange.importer import run_import
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.records import save_record
from saleswright.modules.customers.public import Customer
from saleswright.modules.leads.models import Lead
from saleswright.modules.leads.tests.factories import make_lead

ROOT = system("test")
pytestmark = pytest.mark.django_db
ROWS = "name,city\n上诲华沛乐精密科技有限公司,苏州\n北京玖隆物流有限公司,北京\n"


@pytest.fixture
def known() -> Customer:
    """A customer that the first row is likely the same as."""
    return save_record(Customer, {"name": "上海华沛乐精密科技有限公司", "code": "K1", "city": "上海"}, actor=ROOT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two rows, one with a slip in its name."""
    path = tmp_path / "rows.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def test_the_check_marks_the_row_with_the_record(known: Customer, file: Path) -> None:
    outcome = run_import("customers", file, actor=ROOT, dry_run=True, alike="create")
    assert (outcome.created, outcome.likely, outcome.skipped) == (2, 1, 0)
    (one,) = outcome.alike
    assert (one.line, one.record_id, one.label, one.seen) == (2, known.pk, f"{known.name} · no owner", True)
    assert one.percent >= 35
    assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    ("choice", "rows", "names"),
    [
        ("create", {}, 3),
        ("skip", {}, 2),
        ("update", {}, 2),
        ("create", {2: "skip"}, 2),
        ("skip", {2: "update"}, 2),
    ],
)
def test_it_does_what_was_chosen(known: Customer, file: Path, choice: Any, rows: Any, names: int) -> None:
    outcome = run_import("customers", file, actor=ROOT, alike=choice, alike_rows=rows)
    known.refresh_from_db()
    updated = "update" in (rows.get(2, choice),)
    assert Customer.objects.count() == names
    assert (known.city, known.code) == ("苏州" if updated else "上海", "K1")
    assert outcome.updated == int(updated)


def test_it_changes_nothing_out_of_sight(known: Customer, file: Path, person: Any) -> None:
    Customer.objects.filter(pk=known.pk).update(owner=person("sales_representative"))
    actor = actor_for(person("sales_representative"), origin="test")
    outcome = run_import("customers", file, actor=actor, alike="update")
    known.refresh_from_db()
    assert (outcome.created, outcome.updated, outcome.skipped, known.city) == (1, 0, 1, "上海")
    assert not outcome.alike[0].seen


def test_nobody_looks_unless_asked(known: Customer, file: Path) -> None:
    outcome = run_import("customers", file, actor=ROOT)
    assert (outcome.created, outcome.likely, outcome.alike) == (2, 0, [])


def test_leads_are_found_by_number_and_name(tmp_path: Path) -> None:
    one = make_lead(company="Alpha", phone="13800000001")
    two = make_lead(company="上海华沛乐精密科技有限公司", phone="13800000002")
    path = tmp_path / "leads.csv"
    path.write_text(
        "company,phone\nBeta,+86 138 0000 0001\n上海华佩乐精密科技,13800000003\n,13800000009\n", encoding="utf-8"
    )
    outcome = run_import("leads", path, actor=ROOT, alike="skip")
    assert [(row.line, row.record_id) for row in outcome.alike] == [(2, one.pk), (3, two.pk)]
    assert Lead.objects.count() == 2


def test_the_page_offers_the_choice_and_takes_it(known: Customer, browse: Any) -> None:
    client = browse(language="en")
    sent = client.post("/customers/import", {"file": SimpleUploadedFile("rows.csv", ROWS.encode())}).content.decode()
    token = sent.partition('name="file_token" value="')[2].partition('"')[0]
    columns = {"file_token": token, "column.0": "name", "column.1": "city"}
    checked = client.post("/customers/import", columns | {"dry_run": "1"}).content.decode()
    assert "Likely there already" in checked
    assert 'name="alike.2"' in checked
    assert f"/customers/{known.pk}" in checked
    taken = client.post("/customers/import", columns | {"alike": "create", "alike.2": "update"}).content.decode()
    assert "What has happened" in taken
    known.refresh_from_db()
    assert (known.city, Customer.objects.count()) == ("苏州", 2)
