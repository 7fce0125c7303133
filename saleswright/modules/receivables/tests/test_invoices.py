"""Invoices: drafted, issued, reversed."""

import threading
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.metrics import measure, measure_by, metric_named
from saleswright.kernel.models import AuditEntry, Company, ExchangeRate
from saleswright.kernel.records import delete_record, save_record
from saleswright.modules.receivables.actions import invoices, receipts, reversal
from saleswright.modules.receivables.models import Invoice, LedgerEntry
from saleswright.modules.receivables.states import InvoiceStatus
from saleswright.modules.receivables.tests.factories import (
    ROOT,
    free_invoice,
    history_invoice,
    invoice_of,
    issued,
    line_ids,
    make_customer,
    make_order,
    receivable_of,
    receive,
    reread,
)
from saleswright.modules.sales.actions.orders import cancel_order

on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer")


def invoiced(order):
    return [int(line.invoiced_quantity) for line in order.lines.order_by("position")]


@pytest.mark.django_db
class TestDrafts:
    def test_it_follows_its_order(self, person):
        owner = person("sales_representative")
        order = make_order("10", price="12.5", owner=owner)
        invoice = invoice_of(order, "4")
        assert (invoice.customer_id, invoice.owner_id) == (order.customer_id, owner.pk)
        assert (invoice.untaxed, invoice.tax, invoice.total) == (Decimal("50.00"), Decimal("6.50"), Decimal("56.50"))
        assert invoice.number is None
        assert invoice.balance == 0
        assert not LedgerEntry.objects.exists()

    def test_free_ones_belong_to_the_customers_owner(self, person):
        owner = person("sales_representative")
        assert free_invoice(make_customer(owner=owner.pk), "1").owner_id == owner.pk

    def test_it_refuses_more_than_is_left_to_invoice(self):
        order = make_order("10")
        with pytest.raises(ValidationFailed) as refused:
            invoice_of(order, "10.0001")
        assert [(e.field, e.code) for e in refused.value.errors] == [("lines.0.quantity", "range")]
        assert not Invoice.objects.exists()

    def test_it_refuses_lines_of_other_orders_and_other_prices(self):
        order, other = make_order("10"), make_order("10")
        rows = [
            {"order_line": line_ids(other)[0], "quantity": Decimal(1)},
            {"order_line": line_ids(order)[0], "quantity": Decimal(1), "unit_price": Decimal(1)},
        ]
        with pytest.raises(ValidationFailed) as refused:
            save_record(Invoice, {"order": order.pk}, lines={"lines": rows}, actor=ROOT)
        assert [e.field for e in refused.value.errors] == ["lines.0.order_line", "lines.1.unit_price"]

    def test_it_needs_a_customer_or_an_order(self):
        line = {"description": "x", "quantity": Decimal(1), "unit_price": Decimal(1), "tax_rate": Decimal(0)}
        with pytest.raises(ValidationFailed) as refused:
            save_record(Invoice, {}, lines={"lines": [line]}, actor=ROOT)
        assert [(e.field, e.code) for e in refused.value.errors] == [("customer", "required")]

    def test_it_refuses_the_order_of_another_customer(self):
        with pytest.raises(ValidationFailed) as refused:
            invoice_of(make_order("10"), "1", customer=make_customer().pk)
        assert refused.value.errors[0].field == "order"

    def test_free_lines_take_a_right(self, acting, person):
        owner = person("sales_representative")
        customer = make_customer(owner=owner.pk)
        line = {"description": "x", "quantity": Decimal(1), "unit_price": Decimal(1), "tax_rate": Decimal(0)}
        with pytest.raises(NotAllowed):
            save_record(Invoice, {"customer": customer.pk}, lines={"lines": [line]}, actor=acting(owner))
        finance = acting("finance")
        assert save_record(Invoice, {"customer": customer.pk}, lines={"lines": [line]}, actor=finance).total == 1
        without = finance.access.grants | {"invoices.create": finance.scopes("invoices.view")}
        without.pop("invoices.*")
        object.__setattr__(finance.access, "grants", without)
        with pytest.raises(ValidationFailed) as refused:
            save_record(Invoice, {"customer": customer.pk}, lines={"lines": [line]}, actor=finance)
        assert refused.value.errors[0].code == "not_allowed"
        assert Invoice.objects.count() == 1

    @pytest.mark.parametrize("missing", ["description", "unit_price", "tax_rate"])
    def test_free_lines_say_everything(self, missing):
        line = {"description": "x", "quantity": Decimal(1), "unit_price": Decimal(1), "tax_rate": Decimal(0)}
        line.pop(missing)
        with pytest.raises(ValidationFailed) as refused:
            save_record(Invoice, {"customer": make_customer().pk}, lines={"lines": [line]}, actor=ROOT)
        assert [(e.field, e.code) for e in refused.value.errors] == [(f"lines.0.{missing}", "required")]

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"issued_on": date(2999, 1, 1)}, "issued_on"),
            ({"issued_on": date(2026, 1, 2), "due_on": date(2026, 1, 1)}, "due_on"),
            ({"currency": "YUAN"}, "currency"),
        ],
    )
    def test_it_checks_dates_and_currency(self, values, field):
        with pytest.raises(ValidationFailed) as refused:
            free_invoice(make_customer(), "1", **values)
        assert refused.value.errors[0].field == field

    def test_it_is_deleted_as_a_draft_only(self):
        customer = make_customer()
        draft, posted = free_invoice(customer, "1"), issued(customer, "1")
        delete_record(Invoice, draft.pk, actor=ROOT)
        with pytest.raises(Conflict):
            delete_record(Invoice, posted.pk, actor=ROOT)
        with pytest.raises(Conflict):
            save_record(Invoice, {"kind": "other"}, pk=posted.pk, actor=ROOT)
        assert Invoice.objects.get() == posted


@pytest.mark.django_db
class TestIssuing:
    def test_it_numbers_dates_and_posts(self):
        order = make_order("10", price="12.5")
        invoice = reread(invoices.issue_invoice(invoice_of(order, "4").pk, actor=ROOT))
        today = clock.today()
        assert invoice.number == f"INV-{today:%Y%m}-000001"
        assert (invoice.issued_on, invoice.due_on) == (today, today + timedelta(days=30))
        assert (invoice.status, invoice.balance, invoice.base_balance) == ("issued", Decimal("56.50"), Decimal("56.50"))
        entry = LedgerEntry.objects.get()
        assert (entry.kind, entry.amount, entry.invoice_id, entry.posted_on) == ("invoice", 56.5, invoice.pk, today)
        assert invoiced(order) == [4]

    def test_it_is_due_when_it_says(self):
        customer = make_customer()
        assert issued(customer, "1", issued_on=date(2026, 1, 5), payment_days=10).due_on == date(2026, 1, 15)
        assert issued(customer, "1", issued_on=date(2026, 1, 5), payment_days=0).due_on == date(2026, 1, 5)
        assert issued(customer, "1", issued_on=date(2026, 1, 5), due_on=date(2026, 3, 1)).due_on == date(2026, 3, 1)

    def test_the_parts_of_an_order_add_up_to_it(self):
        order = make_order("3", price="33.333333")
        found = [reread(invoices.issue_invoice(invoice_of(order, "1").pk, actor=ROOT)).total for _ in range(3)]
        assert found == [Decimal("37.66"), Decimal("37.66"), Decimal("37.68")]
        assert sum(found) == order.total == Decimal("113.00")

    def test_numbers_have_no_gaps(self):
        customer = make_customer()
        drafts = [free_invoice(customer, "1"), free_invoice(customer, "0"), free_invoice(customer, "1")]
        invoices.issue_invoice(drafts[0].pk, actor=ROOT)
        with pytest.raises(Conflict):
            invoices.issue_invoice(drafts[1].pk, actor=ROOT)
        assert reread(invoices.issue_invoice(drafts[2].pk, actor=ROOT)).number.endswith("000002")
        assert reread(drafts[1]).status == "draft"

    def test_it_refuses_what_another_invoice_has_taken(self):
        order = make_order("10")
        one, two = invoice_of(order, "6"), invoice_of(order, "6")
        invoices.issue_invoice(one.pk, actor=ROOT)
        with pytest.raises(Conflict):
            invoices.issue_invoice(two.pk, actor=ROOT)
        assert invoiced(order) == [6]
        assert (reread(two).status, reread(two).number) == ("draft", None)
        assert LedgerEntry.objects.count() == 1

    def test_it_refuses_an_order_that_does_not_bind(self):
        order = make_order("10")
        draft = invoice_of(order, "6")
        cancel_order(order.pk, actor=ROOT, reason="no")
        with pytest.raises(Conflict):
            invoices.issue_invoice(draft.pk, actor=ROOT)
        assert reread(draft).status == "draft"
        assert not LedgerEntry.objects.exists()

    def test_representatives_ask_for_invoices_and_finance_issues_them(self, person, acting):
        owner = person("sales_representative")
        order = make_order("10", owner=owner)
        made = invoices.create_invoice(order.pk, actor=acting(owner))
        with pytest.raises(NotAllowed):
            invoices.issue_invoice(made["id"], actor=acting(owner))
        assert invoices.issue_invoice(made["id"], actor=acting("finance")).status == "issued"

    def test_create_invoice_takes_what_is_on_no_other(self):
        order = make_order("10", "3")
        invoices.issue_invoice(invoice_of(order, "4").pk, actor=ROOT)
        invoice_of(order, "1")
        made = invoices.create_invoice(order.pk, actor=ROOT)
        lines = Invoice.objects.get(pk=made["id"]).lines.order_by("position")
        assert [int(line.quantity) for line in lines] == [5, 3]
        with pytest.raises(Conflict):
            invoices.create_invoice(order.pk, actor=ROOT)
        assert Invoice.objects.count() == 3


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_two_invoices_at_once_never_exceed_the_order():
    order = make_order("10")
    drafts = [invoice_of(order, "6").pk for _ in range(3)]
    outcomes, start = [], threading.Barrier(3)

    def issue(pk):
        try:
            start.wait(10)
            invoices.issue_invoice(pk, actor=ROOT)
            outcomes.append("issued")
        except Conflict:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=issue, args=(pk,)) for pk in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["issued", "refused", "refused"]
    assert invoiced(order) == [6]


MOVES = {
    "issue": (invoices.issue_invoice, {}, {"draft"}),
    "reverse": (reversal.reverse_invoice, {"reason": "wrong"}, {"issued", "paid"}),
}


@pytest.mark.django_db
@pytest.mark.parametrize("state", InvoiceStatus.values)
@pytest.mark.parametrize("verb", MOVES)
def test_it_moves_from_its_source_states_only(verb, state):
    customer = make_customer()
    run, arguments, sources = MOVES[verb]
    invoice = free_invoice(customer, "100") if state == "draft" else issued(customer, "100")
    if state == "paid":
        receipts.allocate_receipt(receive(customer, "100").pk, actor=ROOT)
    if state == "reversed":
        reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="wrong")
    assert reread(invoice).status == state
    if state in sources:
        run(invoice.pk, actor=ROOT, **arguments)
        assert reread(invoice).status == {"issue": "issued", "reverse": "reversed"}[verb]
        return
    audited, entries = AuditEntry.objects.count(), LedgerEntry.objects.count()
    with pytest.raises(Conflict):
        run(invoice.pk, actor=ROOT, **arguments)
    assert reread(invoice).status == state
    assert (AuditEntry.objects.count(), LedgerEntry.objects.count()) == (audited, entries)


@pytest.mark.django_db
class TestReversing:
    def test_the_whole_of_it(self):
        order = make_order("10", price="12.5")
        invoice = invoices.issue_invoice(invoice_of(order, "4").pk, actor=ROOT)
        reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="wrong title")
        invoice, red = reread(invoice), Invoice.objects.get(reverses=invoice)
        assert (invoice.status, invoice.balance, invoice.reason) == ("reversed", 0, "wrong title")
        assert red.number.endswith("000002")
        assert (red.untaxed, red.tax, red.total) == (Decimal(-50), Decimal("-6.5"), Decimal("-56.5"))
        assert (red.balance, red.customer_id, red.order_id) == (0, order.customer_id, order.pk)
        assert red.lines.get().quantity == Decimal(-4)
        assert invoiced(order) == [0]
        assert receivable_of(order.customer) == 0

    def test_it_can_be_invoiced_anew(self):
        order = make_order("10")
        invoice = invoices.issue_invoice(invoice_of(order, "10").pk, actor=ROOT)
        reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="x")
        again = invoices.issue_invoice(invoice_of(order, "10").pk, actor=ROOT)
        assert again.total == order.total
        assert receivable_of(order.customer) == order.total

    def test_a_part_of_it_leaves_the_rest_open(self):
        order = make_order("10", "5")
        invoice = invoices.issue_invoice(invoice_of(order, "10", "5").pk, actor=ROOT)
        rows = [{"order_line_id": line_ids(order)[0], "quantity": "4"}]
        reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="damaged", lines=rows)
        invoice = reread(invoice)
        assert (invoice.status, invoice.balance, invoice.total) == ("issued", Decimal(1243), Decimal(1695))
        assert Invoice.objects.get(reverses=invoice).total == Decimal(-452)
        assert invoiced(order) == [6, 5]
        assert receivable_of(order.customer) == Decimal(1243)

    def test_the_parts_add_up_to_the_whole(self):
        customer = make_customer()
        invoice = issued(customer, "33.333333", quantity="3", tax_rate="13")
        line = invoice.lines.get().pk
        for _ in range(3):
            rows = [{"line_id": line, "quantity": "1"}]
            reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="x", lines=rows)
        reds = Invoice.objects.filter(reverses=invoice).order_by("pk")
        assert [red.total for red in reds] == [Decimal("-37.66"), Decimal("-37.66"), Decimal("-37.68")]
        assert reread(invoice).status == "reversed"
        assert receivable_of(customer) == 0

    def test_it_frees_what_was_allocated(self):
        customer = make_customer()
        invoice, receipt = issued(customer, "100"), receive(customer, "70")
        receipts.allocate_receipt(receipt.pk, actor=ROOT)
        reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="x")
        assert reread(receipt).unapplied == Decimal(70)
        assert reread(invoice).balance == 0
        assert receivable_of(customer) == Decimal(-70)

    def test_it_frees_the_latest_money_first_and_no_more_than_needed(self):
        customer = make_customer()
        invoice = issued(customer, "50", "50")
        first, second = receive(customer, "60"), receive(customer, "30")
        for receipt in (first, second):
            receipts.allocate_receipt(receipt.pk, actor=ROOT)
        rows = [{"line_id": invoice.lines.first().pk, "quantity": "1"}]
        reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="x", lines=rows)
        assert (reread(first).unapplied, reread(second).unapplied) == (Decimal(10), Decimal(30))
        invoice = reread(invoice)
        assert (invoice.status, invoice.balance) == ("paid", 0)

    def test_red_letters_are_not_reversed(self):
        invoice = issued(make_customer(), "100")
        reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="x")
        red = Invoice.objects.get(reverses=invoice)
        with pytest.raises(Conflict):
            reversal.reverse_invoice(red.pk, actor=ROOT, reason="x")
        assert Invoice.objects.count() == 2

    @pytest.mark.parametrize(("line", "quantity"), [(0, "2"), (0, "0"), (0, "-1"), (1, "1")])
    def test_it_refuses_what_is_not_on_it(self, line, quantity):
        invoice = issued(make_customer(), "100")
        rows = [{"line_id": invoice.lines.get().pk + line, "quantity": quantity}]
        with pytest.raises(ValidationFailed):
            reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="x", lines=rows)
        assert Invoice.objects.count() == 1
        assert reread(invoice).balance == Decimal(100)

    def test_it_needs_a_reason(self):
        invoice = issued(make_customer(), "100")
        with pytest.raises(ValidationFailed):
            reversal.reverse_invoice(invoice.pk, actor=ROOT)
        assert reread(invoice).status == "issued"

    def test_what_was_settled_before_the_take_over_stays(self):
        invoice = history_invoice(make_customer(), "100", date(2025, 1, 1), status="paid")
        with pytest.raises(Conflict):
            reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="x")
        assert Invoice.objects.count() == 1
        assert LedgerEntry.objects.count() == 2


@pytest.mark.django_db
def test_the_metric_counts_red_letters_against(person):
    owner = person("sales_representative")
    order = make_order("10", owner=owner)
    invoice = invoices.issue_invoice(invoice_of(order, "10").pk, actor=ROOT)
    invoice_of(make_order("1"), "1")
    rows = [{"order_line_id": line_ids(order)[0], "quantity": "3"}]
    reversal.reverse_invoice(invoice.pk, actor=ROOT, reason="x", lines=rows)
    metric = metric_named("invoiced")
    assert measure(metric, ROOT) == Decimal(700)
    product = order.lines.get().product_id
    assert measure_by(metric, "product", ROOT) == {product: Decimal(700)}
    assert measure_by(metric, "owner", ROOT) == {owner.pk: Decimal(700)}


@pytest.mark.django_db
def test_foreign_currency_is_kept_at_the_rate_of_the_day():
    Company.objects.update(currency="CNY")
    at = clock.now()
    for day, rate in ((date(2026, 1, 1), "7.1"), (date(2026, 2, 1), "7.2")):
        ExchangeRate.objects.create(currency="USD", valid_from=day, rate=Decimal(rate), created_at=at, updated_at=at)
    customer = make_customer()
    invoice = issued(customer, "100", currency="USD", issued_on=date(2026, 1, 10))
    assert (invoice.total, invoice.base_total, invoice.base_balance) == (100, 710, 710)
    receipt = receive(customer, "40", currency="USD", received_on=date(2026, 2, 5))
    assert receipt.base_amount == Decimal(288)
    receipts.allocate_receipt(receipt.pk, actor=ROOT)
    invoice = reread(invoice)
    assert (invoice.balance, invoice.base_balance) == (60, 426)
    assert reread(receipt).base_unapplied == 0
    in_yuan = issued(customer, "100")
    other = receive(customer, "5", currency="USD")
    with pytest.raises(ValidationFailed) as refused:
        receipts.allocate_receipt(other.pk, actor=ROOT, allocations=[{"invoice_id": in_yuan.pk, "amount": "5"}])
    assert refused.value.errors[0].field == "allocations.0.invoice_id"
    assert reread(other).unapplied == 5
