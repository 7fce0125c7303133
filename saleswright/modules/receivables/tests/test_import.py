"""Imported invoices and receipts: history that posts to the ledger."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.interface.exchange.importer import run_import
from saleswright.modules.receivables.models import Invoice, LedgerEntry, Receipt
from saleswright.modules.receivables.tests.factories import ROOT, make_customer, receivable_of

INVOICES = (
    "number,customer__code,status,issued_on,due_on,lines.description,lines.quantity,lines.unit_price,lines.tax_rate"
)
RECEIPTS = "number,customer__code,received_on,amount,allocations.invoice__number,allocations.amount"


def take(path, resource, header, rows, **options):
    file = path / f"{resource}.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return run_import(resource, file, actor=ROOT, **options)


def invoice_rows(customer, count):
    return [f"A{n},{customer.code},issued,2025-01-{n % 28 + 1:02},2025-02-{n % 28 + 1:02},Goods,1,{n}.50,0"
            for n in range(1, count + 1)]  # fmt: skip


def receipt_rows(customer, count):
    return [f"R{n},{customer.code},2025-02-10,{n}.50,A{n},{n}.50" for n in range(1, count + 1)]


@pytest.mark.django_db
def test_invoices_and_receipts_settle_each_other(tmp_path):
    customer = make_customer()
    assert take(tmp_path, "invoices", INVOICES, invoice_rows(customer, 3)).created == 3
    assert receivable_of(customer) == Decimal("7.50")
    invoice = Invoice.objects.get(number="A2")
    assert (invoice.status, invoice.due_on, invoice.balance) == ("issued", date(2025, 2, 3), Decimal("2.50"))
    assert take(tmp_path, "receipts", RECEIPTS, receipt_rows(customer, 3)).created == 3
    assert receivable_of(customer) == 0
    assert set(Invoice.objects.values_list("status", "balance", "paid_on")) == {("paid", 0, date(2025, 2, 10))}
    assert set(Receipt.objects.values_list("unapplied", "base_unapplied")) == {(0, 0)}


@pytest.mark.django_db
def test_one_receipt_settles_several_invoices(tmp_path):
    customer = make_customer()
    take(tmp_path, "invoices", INVOICES, invoice_rows(customer, 2))
    rows = [f"R1,{customer.code},2025-02-10,5,A1,1.50", f"R1,{customer.code},2025-02-10,5,A2,2"]
    assert take(tmp_path, "receipts", RECEIPTS, rows).created == 1
    assert Receipt.objects.get().unapplied == Decimal("1.50")
    assert dict(Invoice.objects.values_list("number", "balance")) == {"A1": 0, "A2": Decimal("0.50")}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "row", ["R1,{0},2025-02-10,5,A1,1.51", "R1,{0},2025-02-10,1,A1,1.50", "R1,{0},2025-02-10,1,A9,1"]
)
def test_rows_that_cannot_be_are_refused(tmp_path, row):
    customer = make_customer()
    take(tmp_path, "invoices", INVOICES, invoice_rows(customer, 1))
    outcome = take(tmp_path, "receipts", RECEIPTS, [row.format(customer.code)])
    assert (outcome.created, outcome.failed) == (0, 1)
    assert not Receipt.objects.exists()
    assert LedgerEntry.objects.count() == 1


@pytest.mark.django_db
def test_statements_are_for_batches_not_for_rows(tmp_path):
    customer = make_customer()
    counts = []
    for start, many in ((0, 20), (20, 150)):
        rows = [row.replace("A", f"A{start}-", 1) for row in invoice_rows(customer, many)]
        paid = [row.replace("R", f"R{start}-", 1).replace(",A", f",A{start}-") for row in receipt_rows(customer, many)]
        with CaptureQueriesContext(connection) as captured:
            assert take(tmp_path, "invoices", INVOICES, rows).created == many
            assert take(tmp_path, "receipts", RECEIPTS, paid).created == many
        counts.append(len(captured))
    assert counts[1] < counts[0] * 2
    assert receivable_of(customer) == 0
