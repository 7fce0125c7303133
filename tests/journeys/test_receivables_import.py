"""Settled invoices taken over as issued invoices and receipts: ageing and DSO of past days are those of the file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db.models import Sum

from saleswright.interface.exchange.outcome import ImportOutcome
from saleswright.modules.receivables.models import Invoice, LedgerEntry, Receipt

pytestmark = pytest.mark.django_db
Table = Callable[..., dict[str, tuple[Any, ...]]]
DAYS = (date(2012, 12, 31), date(2013, 6, 30), date(2013, 12, 31))
BUCKETS = ("not_due", "d1_30", "d31_60", "d61_90", "d91_180", "d181_365", "over_365")
LAST_DAYS = (0, 30, 60, 90, 180, 365)


@pytest.fixture(scope="module")
def path(data_folder: Path) -> Path:
    return data_folder / "accounts_receivable" / "accounts_receivable_dev.csv"


@pytest.fixture(scope="module")
def rows(path: Path) -> pl.DataFrame:
    """The invoices of the file, amounts in cents."""
    dates = [pl.col(name).str.to_date("%m/%d/%Y") for name in ("InvoiceDate", "DueDate", "SettledDate")]
    cents = (pl.col("InvoiceAmount").cast(float) * 100).round().cast(int)
    return pl.read_csv(path, infer_schema=False).with_columns(*dates, cents=cents)


@pytest.fixture(scope="module")
def imported(kept: None, path: Path, take: Callable[..., ImportOutcome]) -> dict[str, ImportOutcome]:
    return {name: take(name, path, f"receivables-{name}") for name in ("customers", "invoices", "receipts")}


def counts(outcome: ImportOutcome) -> tuple[int, int, int, int]:
    return outcome.rows, outcome.created, outcome.updated, outcome.failed


def cents(amount: Decimal) -> int:
    return int(amount * 100)


def open_on(rows: pl.DataFrame, day: date) -> pl.DataFrame:
    """The invoices issued by the end of the day and not settled by then."""
    return rows.filter(pl.col("InvoiceDate") <= day, pl.col("SettledDate") > day)


def test_it_takes_every_customer_invoice_and_receipt(imported: dict[str, ImportOutcome], rows: pl.DataFrame) -> None:
    customers = rows["customerID"].n_unique()
    assert counts(imported["customers"]) == (1244, customers, 1244 - customers, 0)
    assert counts(imported["invoices"]) == counts(imported["receipts"]) == (1244, 1244, 0, 0)
    expected = rows.select("invoiceNumber", "customerID", "InvoiceDate", "DueDate", "cents")
    found = Invoice.objects.values_list("number", "customer__code", "issued_on", "due_on", "total")
    assert sorted((*head, cents(total)) for *head, total in found) == sorted(expected.iter_rows())


def test_each_invoice_is_paid_on_the_day_of_its_receipt(imported: dict[str, ImportOutcome], rows: pl.DataFrame) -> None:
    expected = rows.select("invoiceNumber", "SettledDate")
    assert sorted(Invoice.objects.values_list("number", "paid_on")) == sorted(expected.iter_rows())
    assert set(Invoice.objects.values_list("status", "balance")) == {("paid", Decimal(0))}
    assert set(Receipt.objects.values_list("unapplied", flat=True)) == {Decimal(0)}


def test_the_ledger_holds_charges_and_payments_alike(imported: dict[str, ImportOutcome], rows: pl.DataFrame) -> None:
    total = rows["cents"].sum()
    invoiced = LedgerEntry.objects.filter(kind="invoice").aggregate(value=Sum("base_amount"))["value"]
    assert cents(invoiced) == total
    assert LedgerEntry.objects.aggregate(value=Sum("base_amount"))["value"] == 0


@pytest.mark.parametrize("day", DAYS)
def test_the_ageing_is_that_of_the_file(
    imported: dict[str, ImportOutcome], rows: pl.DataFrame, table_of: Table, day: date
) -> None:
    overdue = (day - pl.col("DueDate")).dt.total_days()
    bucket = pl.sum_horizontal((overdue > last).cast(int) for last in LAST_DAYS)
    sums = open_on(rows, day).group_by("customerID", bucket=bucket).agg(pl.col("cents").sum())
    expected: dict[str, list[int]] = {}
    for customer, place, amount in sums.iter_rows():
        expected.setdefault(customer, [0] * len(BUCKETS))[place] += amount
    found = table_of("ageing", *BUCKETS, "total", as_of=day.isoformat(), by="customer")
    assert {name: [cents(amount) for amount in amounts] for name, amounts in found.items()} == {
        name: [*amounts, sum(amounts)] for name, amounts in expected.items()
    }


def test_the_days_asked_for_have_invoices_open(rows: pl.DataFrame) -> None:
    assert [open_on(rows, day).height > 0 for day in DAYS] == [True, True, True]


@pytest.mark.parametrize("day", DAYS)
def test_the_days_sales_outstanding_are_those_of_the_file(
    imported: dict[str, ImportOutcome], rows: pl.DataFrame, table_of: Table, ratio: Any, day: date
) -> None:
    receivable = open_on(rows, day)["cents"].sum()
    recent = rows.filter(pl.col("InvoiceDate") > day - timedelta(days=90), pl.col("InvoiceDate") <= day)
    invoiced = recent["cents"].sum()
    found = table_of("dso", "invoiced_90", "dso", as_of=day.isoformat())
    assert found == {Decimal(receivable) / 100: (Decimal(invoiced) / 100, ratio(receivable * 90, invoiced, 2))}


def test_no_receipt_is_taken_twice(imported: dict[str, ImportOutcome], path: Path, take: Any) -> None:
    again = take("receipts", path, "receivables-receipts", mode="create")
    assert counts(again) == (1244, 0, 0, 1244)
    assert Receipt.objects.count() == 1244
