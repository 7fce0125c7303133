"""The auditor's page: filters, words, rights over fields, pages, files."""

import csv
import io
from datetime import UTC, datetime

import pytest

from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.models import AuditEntry
from saleswright.kernel.records import save_record
from saleswright.kernel.tests.test_audit import seal_everything
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Customer

pytestmark = pytest.mark.django_db
ROOT = system("test")


@pytest.fixture
def auditor(browse):
    return browse("auditor", language="en")


def shown(client, **given):
    answer = client.get("/audit", {name.rstrip("_"): value for name, value in given.items()})
    assert answer.status_code == 200
    return answer.content.decode()


def note(label, *, actor=ROOT, at=None, resource="customers", action="changed", record_id=None, changes=None):
    line = AuditLine(resource, record_id, label, action, changes or {})
    record_audit([line], actor=actor, at=at or clock.now())


def test_it_tells_what_changed_in_words(auditor):
    customer = save_record(Customer, {"name": "Delta Ltd", "level": "B"}, actor=ROOT)
    save_record(Customer, {"level": "A"}, pk=customer.pk, actor=ROOT)
    html = shown(auditor)
    assert f'<a href="/customers/{customer.pk}">Delta Ltd</a>' in html
    assert '<span class="muted">Level</span> <del>B important</del> → A key' in html


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"resource": "orders"}, {"order"}),
        ({"action": "exported"}, {"file"}),
        ({"record": "7"}, {"order"}),
        ({"origin": "API"}, {"call"}),
        ({"from": "2026-03-02", "to": "2026-03-02"}, {"march"}),
        ({"to": "2026-03-01"}, set()),
        ({"resource": "orders", "action": "exported"}, set()),
    ],
)
def test_it_filters(auditor, given, found):
    AuditEntry.objects.all().delete()
    note("order", resource="orders", record_id=7)
    note("file", action="exported")
    note("call", actor=system("api v1"))
    note("march", at=datetime(2026, 3, 1, 16, 30, tzinfo=UTC))  # after midnight in Shanghai
    html = shown(auditor, **{name + "_" if name == "from" else name: value for name, value in given.items()})
    assert {
        label for label in ("order", "file", "call", "march") if f">{label}</td>" in html or f">{label}</a>" in html
    } == found


def test_it_filters_by_person(auditor, person):
    one = person("sales_representative", name="Anna")
    note("hers", actor=actor_for(one, origin="web"))
    note("nobody's")
    html = shown(auditor, who=one.pk)
    assert ">hers<" in html
    assert "nobody" not in html


@pytest.mark.parametrize(
    ("given", "text"),
    [({"from": "yesterday"}, "“yesterday” is no day."), ({"record": "x1"}, "“x1” is no number of a record.")],
)
def test_it_says_what_is_wrong_with_a_filter(auditor, given, text):
    answer = auditor.get("/audit", given)
    assert answer.status_code == 422
    assert text in answer.content.decode()


def test_it_goes_on_page_by_page(auditor):
    AuditEntry.objects.all().delete()
    for number in range(51):
        note(f"entry {number:02}")
    html = shown(auditor)
    assert ("entry 50" in html, "entry 00" in html) == (True, False)
    oldest = AuditEntry.objects.get(label="entry 01").pk
    assert f'href="/audit?before={oldest}"' in html
    assert "entry 00" in shown(auditor, before=oldest)


def test_it_says_which_entries_are_sealed(auditor):
    AuditEntry.objects.all().delete()
    note("one")
    assert "Not sealed yet" in shown(auditor)
    seal_everything()
    html = shown(auditor)
    assert '<td class="num" data-label="Entry">1</td>' in html


def test_it_hides_fields_that_need_a_right(browse):
    product = save_record(Product, {"name": "Pump", "list_price": "10", "cost": "7.35"}, actor=ROOT)
    save_record(Product, {"cost": "8.45"}, pk=product.pk, actor=ROOT)
    assert "8.45" in shown(browse("auditor"))
    assert "8.45" not in shown(browse("sales_operations"))


@pytest.mark.parametrize("address", ["/audit", "/audit/export"])
def test_it_is_for_those_who_may_read_the_audit(browse, address):
    assert browse("sales_director").get(address).status_code == 403


def test_it_is_among_the_settings_of_an_auditor(auditor):
    assert 'href="/audit"' in auditor.get("/settings").content.decode()


def test_it_exports_what_the_filters_leave_and_notes_it(auditor):
    note("order", resource="orders", record_id=7, changes={"rows": [None, 3]})
    note("other")
    answer = auditor.get("/audit/export", {"resource": "orders", "format": "csv"})
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [row[5:] for row in rows] == [["Record", "Action", "Changes"], ["order", "Changed", "Rows: – → 3"]]
    entry = AuditEntry.objects.get(action="exported")
    assert (entry.resource, entry.changes) == ("audit", {"rows": [None, 1], "resource": [None, "orders"]})
    assert entry.actor.username


def test_it_exports_a_workbook(auditor):
    answer = auditor.get("/audit/export")
    assert b"".join(answer.streaming_content)[:2] == b"PK"


def test_it_refuses_files_that_are_too_long(auditor, monkeypatch):
    monkeypatch.setattr("saleswright.interface.pages.audit.MOST", 1)
    note("one")
    note("two")
    assert auditor.get("/audit/export").status_code == 422
    assert not AuditEntry.objects.filter(action="exported").exists()


def test_it_refuses_other_formats(auditor):
    assert auditor.get("/audit/export", {"format": "pdf"}).status_code == 422


def test_it_takes_few_statements_whatever_the_kinds(auditor, django_assert_max_num_queries):
    customer = save_record(Customer, {"name": "Delta Ltd"}, actor=ROOT)
    for number in range(20):
        save_record(Customer, {"name": f"Delta {number}", "parent": customer.pk}, actor=ROOT)
        save_record(Product, {"name": f"Pump {number}", "list_price": "10"}, actor=ROOT)
    shown(auditor)
    with django_assert_max_num_queries(20):
        shown(auditor)
