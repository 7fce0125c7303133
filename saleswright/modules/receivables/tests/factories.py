"""Invoices and receipts for the tests of receivables."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from saleswright.kernel.records import save_record
from saleswright.modules.customers.models import Customer
from saleswright.modules.fulfilment.tests.factories import ROOT, line_ids, make_customer, make_order
from saleswright.modules.receivables.actions.invoices import issue_invoice
from saleswright.modules.receivables.models import Invoice, LedgerEntry, Receipt
from saleswright.modules.sales.models import Order

_serial = itertools.count(1)

__all__ = [
    "ROOT",
    "free_invoice",
    "history_invoice",
    "invoice_of",
    "issued",
    "line_ids",
    "make_customer",
    "make_order",
    "receivable_of",
    "receive",
    "reread",
]  # fmt: skip


def free_invoice(customer: Customer, *prices: str, quantity: str = "1", tax_rate: str = "0", **values: Any) -> Invoice:
    """A draft with a free line for each price."""
    common = {"description": "Line", "quantity": Decimal(quantity), "tax_rate": Decimal(tax_rate)}
    lines = [common | {"unit_price": Decimal(price)} for price in prices]
    return save_record(Invoice, {"customer": customer.pk, **values}, lines={"lines": lines}, actor=ROOT)


def issued(customer: Customer, *prices: str, **values: Any) -> Invoice:
    """An issued invoice with free lines."""
    return reread(issue_invoice(free_invoice(customer, *prices, **values).pk, actor=ROOT))


def invoice_of(order: Order, *quantities: str, **values: Any) -> Invoice:
    """A draft over quantities of the order's lines."""
    lines = [
        {"order_line": pk, "quantity": Decimal(quantity)}
        for pk, quantity in zip(line_ids(order), quantities, strict=False)
    ]
    return save_record(Invoice, {"order": order.pk, **values}, lines={"lines": lines}, actor=ROOT)


def history_invoice(customer: Customer, total: str, issued_on: date, **values: Any) -> Invoice:
    """An invoice as an import of the past makes it."""
    given = {"customer": customer.pk, "number": f"OLD-{next(_serial)}", "issued_on": issued_on, "status": "issued"}
    line = {"description": "Line", "quantity": Decimal(1), "unit_price": Decimal(total), "tax_rate": Decimal(0)}
    return save_record(Invoice, given | values, lines={"lines": [line]}, actor=ROOT, history=True)


def receive(customer: Customer, amount: str, **values: Any) -> Receipt:
    """A receipt."""
    return save_record(Receipt, {"customer": customer.pk, "amount": Decimal(amount), **values}, actor=ROOT)


def reread(record: Any) -> Any:
    """The record as the database has it."""
    return type(record).objects.get(pk=record.pk)


def receivable_of(customer: Customer) -> Decimal:
    """What the ledger says that a customer owes."""
    return LedgerEntry.objects.filter(customer=customer).aggregate(value=Sum("amount"))["value"] or Decimal(0)
