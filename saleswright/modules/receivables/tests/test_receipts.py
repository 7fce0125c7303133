"""Receipts: booked, allocated, taken back, paid back."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.metrics import measure, metric_named
from saleswright.kernel.models import AuditEntry, OutboxEvent
from saleswright.kernel.records import delete_record, save_record
from saleswright.modules.fulfilment.actions import accept_delivery, create_delivery, ship_delivery
from saleswright.modules.receivables.actions import invoices, receipts
from saleswright.modules.receivables.models import Allocation, CollectionPlan, Invoice, LedgerEntry, Receipt
from saleswright.modules.receivables.tests.factories import (
    ROOT,
    invoice_of,
    issued,
    make_customer,
    make_order,
    receivable_of,
    receive,
    reread,
)

on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer")


def plan_for(order, *amounts):
    rows = [
        {"trigger": "date", "due_on": date(2027, 1, 1 + place), "amount": Decimal(amount)}
        for place, amount in enumerate(amounts)
    ]
    return save_record(CollectionPlan, {"order": order.pk}, lines={"instalments": rows}, actor=ROOT)


def collected(plan):
    return [int(row.collected) for row in plan.instalments.order_by("position")]


@pytest.mark.django_db
class TestBooking:
    def test_it_is_numbered_and_posted(self, person):
        owner = person("sales_representative")
        customer = make_customer(owner=owner.pk)
        receipt = reread(receive(customer, "100", received_on=date(2026, 3, 5)))
        assert receipt.number.startswith("RC-")
        assert (receipt.unapplied, receipt.base_unapplied, receipt.owner_id) == (100, 100, owner.pk)
        entry = LedgerEntry.objects.get()
        assert (entry.kind, entry.amount, entry.posted_on) == ("receipt", -100, date(2026, 3, 5))
        assert receivable_of(customer) == -100

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"amount": Decimal(0)}, "amount"),
            ({"amount": Decimal(-1)}, "amount"),
            ({"received_on": date(2999, 1, 1)}, "received_on"),
            ({"currency": "XYZ"}, "currency"),
        ],
    )
    def test_it_refuses_what_is_no_receipt(self, values, field):
        given = {"customer": make_customer().pk, "amount": Decimal(1)} | values
        with pytest.raises(ValidationFailed) as refused:
            save_record(Receipt, given, actor=ROOT)
        assert refused.value.errors[0].field == field
        assert not Receipt.objects.exists()
        assert not LedgerEntry.objects.exists()

    @pytest.mark.parametrize(
        ("name", "value"), [("amount", Decimal(5)), ("received_on", date(2026, 1, 1)), ("currency", "USD")]
    )
    def test_it_stays_as_it_was_booked(self, name, value):
        receipt = receive(make_customer(), "100")
        with pytest.raises(ValidationFailed) as refused:
            save_record(Receipt, {name: value}, pk=receipt.pk, actor=ROOT)
        assert [(e.field, e.code) for e in refused.value.errors] == [(name, "read_only")]
        save_record(Receipt, {"reference": "4711"}, pk=receipt.pk, actor=ROOT)
        assert (reread(receipt).amount, reread(receipt).reference) == (100, "4711")
        with pytest.raises(Conflict):
            delete_record(Receipt, receipt.pk, actor=ROOT)

    def test_it_may_bring_its_allocations(self):
        customer = make_customer()
        one, two = issued(customer, "60"), issued(customer, "60")
        rows = [{"invoice_id": one.pk, "amount": "60"}, {"invoice_id": two.pk, "amount": "30"}]
        receipt = reread(receive(customer, "100", allocations=rows))
        assert receipt.unapplied == 10
        assert [(reread(i).status, reread(i).balance) for i in (one, two)] == [("paid", 0), ("issued", 30)]
        assert receivable_of(customer) == 20

    @pytest.mark.parametrize(
        ("rows", "field"),
        [
            ([(0, "101")], "allocations.0.amount"),
            ([(0, "60"), (0, "41")], "allocations.1.amount"),
            ([(1, "1")], "allocations.0.invoice_id"),
            ([(2, "1")], "allocations.0.invoice_id"),
        ],
    )
    def test_it_refuses_allocations_that_cannot_be(self, rows, field):
        customer = make_customer()
        own, foreign = issued(customer, "100"), issued(make_customer(), "100")
        ids = [own.pk, foreign.pk, 0x7FFFFFFF]
        given = [{"invoice_id": ids[at], "amount": amount} for at, amount in rows]
        with pytest.raises(ValidationFailed) as refused:
            receive(customer, "200", allocations=given)
        assert refused.value.errors[0].field == field
        assert not Receipt.objects.exists()
        assert reread(own).balance == 100


@pytest.mark.django_db
class TestAllocating:
    def test_the_oldest_due_comes_first(self):
        customer = make_customer()
        late = issued(customer, "50", issued_on=date(2026, 1, 1), due_on=date(2026, 5, 1))
        early = issued(customer, "50", issued_on=date(2026, 2, 1), due_on=date(2026, 4, 1))
        receipt = receive(customer, "70")
        receipts.allocate_receipt(receipt.pk, actor=ROOT)
        assert [(reread(i).status, reread(i).balance) for i in (early, late)] == [("paid", 0), ("issued", 30)]
        assert reread(receipt).unapplied == 0
        assert OutboxEvent.objects.filter(name="invoices.InvoicePaid", record_id=early.pk).count() == 1

    def test_what_no_invoice_takes_stays(self):
        customer = make_customer()
        invoice = issued(customer, "50")
        receipt = receive(customer, "70")
        receipts.allocate_receipt(receipt.pk, actor=ROOT, allocations=[{"invoice_id": invoice.pk, "amount": "20"}])
        assert (reread(receipt).unapplied, reread(invoice).balance) == (50, 30)
        receipts.allocate_receipt(receipt.pk, actor=ROOT)
        assert (reread(receipt).unapplied, reread(invoice).status) == (20, "paid")
        assert receivable_of(customer) == -20

    def test_it_counts_from_the_day_of_money_and_invoice(self):
        customer = make_customer()
        invoice = issued(customer, "50", issued_on=date(2026, 3, 1))
        receipts.allocate_receipt(receive(customer, "20", received_on=date(2026, 2, 1)).pk, actor=ROOT)
        receipts.allocate_receipt(receive(customer, "30", received_on=date(2026, 4, 1)).pk, actor=ROOT)
        days = LedgerEntry.objects.filter(invoice=invoice, kind="allocation").order_by("pk")
        assert [entry.posted_on for entry in days] == [date(2026, 3, 1), date(2026, 4, 1)]
        assert reread(invoice).paid_on == date(2026, 4, 1)

    @pytest.mark.parametrize(
        ("rows", "field"),
        [
            ([{"invoice": 0, "amount": "51"}], "allocations.0.amount"),
            ([{"invoice": 0, "amount": "40"}, {"invoice": 0, "amount": "11"}], "allocations.1.amount"),
            ([{"invoice": 0, "amount": "0"}], "allocations.0.amount"),
            ([{"invoice": 0, "amount": "-5"}], "allocations.0.amount"),
            ([{"invoice": 1, "amount": "5"}], "allocations.0.invoice_id"),
            ([{"invoice": 2, "amount": "5"}], "allocations.0.invoice_id"),
            ([{"amount": "5"}], "allocations.0.invoice_id"),
        ],
    )
    def test_it_refuses_what_cannot_be(self, rows, field):
        customer = make_customer()
        own, foreign = issued(customer, "50"), issued(make_customer(), "50")
        draft = invoice_of(make_order("1", customer=customer), "1")
        ids = [own.pk, foreign.pk, draft.pk]
        given = [
            {"invoice_id": ids[row["invoice"]] if "invoice" in row else None, "amount": row["amount"]} for row in rows
        ]
        receipt = receive(customer, "200")
        audited = AuditEntry.objects.count()
        with pytest.raises(ValidationFailed) as refused:
            receipts.allocate_receipt(receipt.pk, actor=ROOT, allocations=given)
        assert refused.value.errors[0].field == field
        assert (reread(receipt).unapplied, reread(own).balance) == (200, 50)
        assert AuditEntry.objects.count() == audited
        assert not Allocation.objects.exists()

    def test_it_refuses_when_nothing_is_left_or_open(self):
        customer = make_customer()
        receipt = receive(customer, "50")
        with pytest.raises(Conflict):
            receipts.allocate_receipt(receipt.pk, actor=ROOT)
        issued(customer, "80")
        receipts.allocate_receipt(receipt.pk, actor=ROOT)
        with pytest.raises(Conflict):
            receipts.allocate_receipt(receipt.pk, actor=ROOT)
        assert Invoice.objects.get().balance == 30

    def test_it_takes_a_right(self, person, acting):
        owner = person("sales_representative")
        customer = make_customer(owner=owner.pk)
        issued(customer, "50")
        receipt = receive(customer, "50")
        with pytest.raises(NotAllowed):
            receipts.allocate_receipt(receipt.pk, actor=acting(owner))
        assert reread(receipt).unapplied == 50
        receipts.allocate_receipt(receipt.pk, actor=acting("finance"))
        assert reread(receipt).unapplied == 0


def _race(work, count):
    outcomes, start = [], threading.Barrier(count)

    def run(place):
        try:
            start.wait(10)
            work(place)
            outcomes.append("done")
        except (Conflict, ValidationFailed):
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(outcomes)


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_money_is_allocated_once_however_many_try():
    customer = make_customer()
    targets = [issued(customer, "100") for _ in range(4)]
    receipt = receive(customer, "100")

    def allocate(place):
        rows = [{"invoice_id": targets[place].pk, "amount": "60"}]
        receipts.allocate_receipt(receipt.pk, actor=ROOT, allocations=rows)

    assert _race(allocate, 4) == ["done", "refused", "refused", "refused"]
    assert reread(receipt).unapplied == 40
    assert sorted(reread(invoice).balance for invoice in targets) == [40, 100, 100, 100]


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_an_invoice_takes_its_balance_once_however_many_pay():
    customer = make_customer()
    invoice = issued(customer, "100")
    money = [receive(customer, "60") for _ in range(4)]

    def allocate(place):
        rows = [{"invoice_id": invoice.pk, "amount": "60"}]
        receipts.allocate_receipt(money[place].pk, actor=ROOT, allocations=rows)

    assert _race(allocate, 4) == ["done", "refused", "refused", "refused"]
    assert reread(invoice).balance == 40
    assert sum(reread(receipt).unapplied for receipt in money) == 180


@pytest.mark.django_db
class TestTakingBack:
    def test_the_invoice_is_open_again(self):
        customer = make_customer()
        invoice, receipt = issued(customer, "50"), receive(customer, "70")
        receipts.allocate_receipt(receipt.pk, actor=ROOT)
        receipts.unallocate_receipt(receipt.pk, actor=ROOT, allocation_id=Allocation.objects.get().pk)
        invoice = reread(invoice)
        assert (invoice.status, invoice.balance, invoice.paid_on, reread(receipt).unapplied) == ("issued", 50, None, 70)
        with pytest.raises(ValidationFailed):
            receipts.unallocate_receipt(receipt.pk, actor=ROOT, allocation_id=Allocation.objects.get().pk)
        assert reread(receipt).unapplied == 70

    def test_it_refuses_allocations_of_other_receipts(self):
        customer = make_customer()
        issued(customer, "50")
        one, two = receive(customer, "50"), receive(customer, "50")
        receipts.allocate_receipt(one.pk, actor=ROOT)
        with pytest.raises(ValidationFailed):
            receipts.unallocate_receipt(two.pk, actor=ROOT, allocation_id=Allocation.objects.get().pk)
        assert reread(one).unapplied == 0


@pytest.mark.django_db
class TestPayingBack:
    def test_it_leaves_the_rest(self):
        customer = make_customer()
        receipt = receive(customer, "70")
        receipts.refund_receipt(receipt.pk, actor=ROOT, amount=Decimal("20.50"))
        receipt = reread(receipt)
        assert (receipt.unapplied, receipt.refunded) == (Decimal("49.50"), Decimal("20.50"))
        assert receivable_of(customer) == Decimal("-49.50")
        assert measure(metric_named("collected"), ROOT) == Decimal("49.50")

    @pytest.mark.parametrize("amount", ["20.01", "0", "-1"])
    def test_it_refuses_more_than_is_left(self, amount):
        customer = make_customer()
        issued(customer, "50")
        receipt = receive(customer, "70")
        receipts.allocate_receipt(receipt.pk, actor=ROOT)
        with pytest.raises(ValidationFailed):
            receipts.refund_receipt(receipt.pk, actor=ROOT, amount=Decimal(amount))
        assert (reread(receipt).unapplied, reread(receipt).refunded) == (20, 0)

    def test_it_refuses_when_all_was_taken(self):
        customer = make_customer()
        issued(customer, "70")
        receipt = receive(customer, "70")
        receipts.allocate_receipt(receipt.pk, actor=ROOT)
        with pytest.raises(Conflict):
            receipts.refund_receipt(receipt.pk, actor=ROOT, amount=Decimal(1))
        assert reread(receipt).refunded == 0


@pytest.mark.django_db
class TestInstalments:
    def test_money_counts_before_any_invoice_and_stays_unapplied(self):
        order = make_order("10")
        plan = plan_for(order, "330", "800")
        receipt = receive(order.customer, "400")
        first = plan.instalments.first().pk
        receipts.allocate_receipt(receipt.pk, actor=ROOT, allocations=[{"instalment_id": first, "amount": "330"}])
        assert collected(plan) == [330, 0]
        assert reread(receipt).unapplied == 400
        assert (reread(plan).collected, reread(plan).next_due_on) == (330, date(2027, 1, 2))

    def test_the_invoice_that_takes_it_counts_it_no_second_time(self):
        order = make_order("10")
        plan = plan_for(order, "330", "800")
        receipt = receive(order.customer, "400")
        first = plan.instalments.first().pk
        receipts.allocate_receipt(receipt.pk, actor=ROOT, allocations=[{"instalment_id": first, "amount": "330"}])
        invoices.issue_invoice(invoice_of(order, "10").pk, actor=ROOT)
        receipts.allocate_receipt(receipt.pk, actor=ROOT)
        assert collected(plan) == [330, 70]
        assert reread(receipt).unapplied == 0

    def test_what_invoices_take_counts_on_the_oldest_due(self):
        order = make_order("10")
        plan = plan_for(order, "330", "800")
        invoices.issue_invoice(invoice_of(order, "10").pk, actor=ROOT)
        receipt = receive(order.customer, "500")
        receipts.allocate_receipt(receipt.pk, actor=ROOT)
        assert collected(plan) == [330, 170]
        allocation = Allocation.objects.get(invoice__isnull=False)
        receipts.unallocate_receipt(receipt.pk, actor=ROOT, allocation_id=allocation.pk)
        assert collected(plan) == [0, 0]

    @pytest.mark.parametrize(("customer", "amount"), [(0, "331"), (0, "0"), (1, "10")])
    def test_it_refuses_more_than_is_asked_for_and_other_customers(self, customer, amount):
        order = make_order("10")
        plan = plan_for(order, "330", "800")
        receipt = receive([order.customer, make_customer()][customer], "400")
        rows = [{"instalment_id": plan.instalments.first().pk, "amount": amount}]
        with pytest.raises(ValidationFailed):
            receipts.allocate_receipt(receipt.pk, actor=ROOT, allocations=rows)
        assert collected(plan) == [0, 0]
        assert not Allocation.objects.exists()

    def test_money_counts_on_one_instalment_only_and_is_not_paid_back(self):
        order = make_order("10")
        plan = plan_for(order, "330", "800")
        receipt = receive(order.customer, "400")
        first, second = plan.instalments.order_by("position").values_list("pk", flat=True)
        receipts.allocate_receipt(receipt.pk, actor=ROOT, allocations=[{"instalment_id": first, "amount": "330"}])
        with pytest.raises(ValidationFailed):
            receipts.allocate_receipt(receipt.pk, actor=ROOT, allocations=[{"instalment_id": second, "amount": "71"}])
        with pytest.raises(ValidationFailed):
            receipts.refund_receipt(receipt.pk, actor=ROOT, amount=Decimal(71))
        receipts.refund_receipt(receipt.pk, actor=ROOT, amount=Decimal(70))
        assert collected(plan) == [330, 0]


@pytest.mark.django_db
class TestCompletion:
    def test_an_order_is_complete_when_delivered_accepted_invoiced_and_paid(self):
        order = make_order("10")
        delivery = create_delivery(order.pk, actor=ROOT)["id"]
        ship_delivery(delivery, actor=ROOT)
        invoices.issue_invoice(invoice_of(order, "10").pk, actor=ROOT)
        receipts.allocate_receipt(receive(order.customer, "1130").pk, actor=ROOT)
        assert reread(order).status == "partly_delivered"
        accept_delivery(delivery, actor=ROOT)
        assert reread(order).status == "completed"

    def test_a_payment_completes_what_was_accepted_before(self):
        order = make_order("10")
        delivery = create_delivery(order.pk, actor=ROOT)["id"]
        ship_delivery(delivery, actor=ROOT)
        accept_delivery(delivery, actor=ROOT)
        invoices.issue_invoice(invoice_of(order, "10").pk, actor=ROOT)
        part = receive(order.customer, "1129.99")
        receipts.allocate_receipt(part.pk, actor=ROOT)
        assert reread(order).status == "delivered"
        receipts.allocate_receipt(receive(order.customer, "0.01").pk, actor=ROOT)
        assert reread(order).status == "completed"
        assert reread(order).ended_on == clock.today()
