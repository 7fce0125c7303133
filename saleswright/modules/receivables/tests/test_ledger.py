"""The ledger: never changed, and always what the balances say."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.modules.receivables.actions import receipts, reversal
from saleswright.modules.receivables.models import Allocation, AppendOnly, Invoice, LedgerEntry, Receipt
from saleswright.modules.receivables.tests.factories import (
    ROOT,
    free_invoice,
    history_invoice,
    issued,
    make_customer,
    receivable_of,
    receive,
)


@pytest.mark.django_db
class TestImmutability:
    def test_the_model_refuses(self):
        issued(make_customer(), "100")
        entry = LedgerEntry.objects.get()
        entry.amount = Decimal(1)
        for change in (
            entry.save,
            entry.delete,
            LedgerEntry.objects.all().delete,
            lambda: LedgerEntry.objects.update(amount=Decimal(1)),
            lambda: LedgerEntry.objects.bulk_update([entry], ["amount"]),
        ):
            with pytest.raises(AppendOnly):
                change()
        assert LedgerEntry.objects.get().amount == 100

    @pytest.mark.parametrize(
        "statement", ["UPDATE receivables_ledgerentry SET amount = 1", "DELETE FROM receivables_ledgerentry"]
    )
    def test_the_database_refuses(self, statement):
        issued(make_customer(), "100")
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert LedgerEntry.objects.get().amount == 100

    @pytest.mark.parametrize("change", [{"balance": Decimal(-1)}, {"balance": Decimal("100.01")}])
    def test_a_balance_stays_within_the_total(self, change):
        invoice = issued(make_customer(), "100")
        with pytest.raises(DatabaseError), transaction.atomic():
            Invoice.objects.filter(pk=invoice.pk).update(**change)
        assert Invoice.objects.get().balance == 100


class Books:
    """What the ledger should say, in plain Python: the money of receipts, and who took how much of it."""

    def __init__(self):
        self.invoices, self.receipts, self.taken = {}, {}, []

    def open(self, invoice):
        return self.invoices[invoice] - sum(amount for _r, i, amount in self.taken if i == invoice)

    def left(self, receipt):
        return self.receipts[receipt] - sum(amount for r, _i, amount in self.taken if r == receipt)

    def take(self, receipt, invoice, amount):
        if not 0 < amount <= min(self.open(invoice), self.left(receipt)):
            return False
        self.taken.append((receipt, invoice, amount))
        return True

    def take_oldest(self, receipt):
        took = False
        for invoice in self.invoices:
            amount = min(self.open(invoice), self.left(receipt))
            took |= amount > 0 and self.take(receipt, invoice, amount)
        return took

    def give_back(self, place):
        del self.taken[place]

    def credit(self, invoice, amount):
        """A red letter: money that the rest doesn't need goes back, the latest first."""
        needed = amount - self.open(invoice)
        for place in range(len(self.taken) - 1, -1, -1):
            receipt, target, taken = self.taken[place]
            if target == invoice and needed > 0:
                part = min(needed, taken)
                self.taken[place] = (receipt, target, taken - part)
                needed -= part
        self.taken = [row for row in self.taken if row[2]]
        self.invoices[invoice] -= amount

    def refund(self, receipt, amount):
        if not 0 < amount <= self.left(receipt):
            return False
        self.receipts[receipt] -= amount
        return True


INDEX = st.integers(0, 3)
CENTS = st.integers(1, 3000).map(lambda cents: Decimal(cents) / 100)
STEPS = st.one_of(
    st.tuples(st.just("issue"), CENTS, INDEX),
    st.tuples(st.just("receive"), CENTS, INDEX),
    st.tuples(st.just("allocate"), CENTS, st.tuples(INDEX, INDEX)),
    st.tuples(st.just("allocate_oldest"), CENTS, INDEX),
    st.tuples(st.just("unallocate"), CENTS, INDEX),
    st.tuples(st.just("reverse"), CENTS, INDEX),
    st.tuples(st.just("reverse_part"), CENTS, INDEX),
    st.tuples(st.just("refund"), CENTS, INDEX),
)


class TestBalances(TestCase):
    """Random courses of business against plain Python."""

    @settings(max_examples=25, deadline=None)
    @given(st.lists(STEPS, min_size=3, max_size=14))
    def test_the_ledger_says_what_happened(self, steps):
        customer, books = make_customer(), Books()
        for name, amount, where in steps:
            getattr(self, name)(customer, books, amount, where)
            self.compare(customer, books)

    def issue(self, customer, books, amount, _where):
        invoice = issued(customer, str(amount), quantity="2")
        books.invoices[invoice.pk] = amount * 2

    def receive(self, customer, books, amount, _where):
        books.receipts[receive(customer, str(amount)).pk] = amount

    def allocate(self, _customer, books, amount, where):
        if books.receipts and books.invoices:
            receipt, invoice = pick(books.receipts, where[0]), pick(books.invoices, where[1])
            rows = [{"invoice_id": invoice, "amount": amount}]
            agree(books.take(receipt, invoice, amount), receipts.allocate_receipt, receipt, allocations=rows)

    def allocate_oldest(self, _customer, books, _amount, where):
        if books.receipts:
            receipt = pick(books.receipts, where)
            agree(books.take_oldest(receipt), receipts.allocate_receipt, receipt)

    def unallocate(self, _customer, books, _amount, where):
        if books.taken:
            place = where % len(books.taken)
            receipt = books.taken[place][0]
            allocation = [row.pk for row in Allocation.objects.order_by("pk") if row.kept][place]
            books.give_back(place)
            agree(True, receipts.unallocate_receipt, receipt, allocation_id=allocation)

    def reverse(self, _customer, books, _amount, where):
        if books.invoices:
            invoice = pick(books.invoices, where)
            rest = books.invoices[invoice]
            agree(rest > 0, reversal.reverse_invoice, invoice, reason="x")
            books.credit(invoice, rest)

    def reverse_part(self, _customer, books, _amount, where):
        if books.invoices:
            invoice = pick(books.invoices, where)
            line = Invoice.objects.get(pk=invoice).lines.get()
            rows = [{"line_id": line.pk, "quantity": "1"}]
            agree(line.reversed_quantity < 2, reversal.reverse_invoice, invoice, reason="x", lines=rows)
            if line.reversed_quantity < 2:
                books.credit(invoice, line.unit_price)

    def refund(self, _customer, books, amount, where):
        if books.receipts:
            receipt = pick(books.receipts, where)
            agree(books.refund(receipt, amount), receipts.refund_receipt, receipt, amount=amount)

    def compare(self, customer, books):
        owed = {pk: books.open(pk) for pk in books.invoices}
        left = {pk: books.left(pk) for pk in books.receipts}
        assert dict(Invoice.objects.filter(reverses=None).values_list("pk", "balance")) == owed
        assert dict(Receipt.objects.values_list("pk", "unapplied")) == left
        assert receivable_of(customer) == sum(owed.values()) - sum(left.values())
        entries = LedgerEntry.objects.filter(invoice__reverses=None, invoice__isnull=False).values_list("invoice")
        assert dict(entries.annotate(Sum("amount"))) == owed
        entries = LedgerEntry.objects.filter(invoice=None).values_list("receipt")
        assert {pk: -amount for pk, amount in entries.annotate(Sum("amount"))} == left
        for amount, base in Invoice.objects.values_list("balance", "base_balance"):
            assert amount == base
        unpaid = Invoice.objects.filter(balance__gt=0)
        assert set(unpaid.values_list("status", flat=True)) <= {"issued"}


def pick(numbers, where):
    return sorted(numbers)[where % len(numbers)]


def agree(expected, action, pk, **arguments):
    """The action runs exactly when the books say that it can."""
    if expected:
        action(pk, actor=ROOT, **arguments)
    else:
        with pytest.raises((Conflict, ValidationFailed)):
            action(pk, actor=ROOT, **arguments)


@pytest.mark.django_db
class TestHistory:
    def test_issued_invoices_are_posted(self):
        customer = make_customer()
        invoice = history_invoice(customer, "94", date(2025, 1, 27), due_on=date(2025, 2, 26))
        assert (invoice.status, invoice.balance, invoice.total) == ("issued", 94, 94)
        entry = LedgerEntry.objects.get()
        assert (entry.amount, entry.posted_on) == (94, date(2025, 1, 27))
        assert receivable_of(customer) == 94

    def test_paid_ones_are_settled_on_their_day(self):
        customer = make_customer()
        history_invoice(customer, "94", date(2025, 1, 27), status="paid", paid_on=date(2025, 2, 3))
        days = LedgerEntry.objects.order_by("pk").values_list("amount", "posted_on")
        assert list(days) == [(94, date(2025, 1, 27)), (-94, date(2025, 2, 3))]
        assert Invoice.objects.get().balance == 0

    @pytest.mark.parametrize(
        ("values", "field"),
        [({"number": None}, "number"), ({"issued_on": None}, "issued_on"), ({"status": "draft"}, "status")],
    )
    def test_it_must_be_whole(self, values, field):
        with pytest.raises(ValidationFailed) as refused:
            history_invoice(make_customer(), "94", values.get("issued_on", date(2025, 1, 27)), **{
                name: value for name, value in values.items() if name != "issued_on"
            })  # fmt: skip
        assert refused.value.errors[0].field == field
        assert not Invoice.objects.exists()

    def test_drafts_are_in_no_ledger(self):
        free_invoice(make_customer(), "5")
        assert not LedgerEntry.objects.exists()
