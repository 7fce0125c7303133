"""Dialogs of receipts and invoices: amounts for chosen invoices, quantities of chosen lines."""

from datetime import date
from decimal import Decimal

import pytest

from saleswright.interface.tests.dialogs import ask, inputs, mistakes, send, table_rows
from saleswright.kernel.models import User
from saleswright.kernel.records import save_record
from saleswright.modules.receivables.models import Allocation, CollectionPlan, Invoice
from saleswright.modules.receivables.tests.factories import (
    ROOT,
    issued,
    make_customer,
    make_order,
    receive,
    reread,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(browse, person):
    user = person("finance")
    User.objects.filter(pk=user.pk).update(language="en")
    return browse(User.objects.get(pk=user.pk))


@pytest.fixture
def owing():
    """A customer with two open invoices, the second due first, and a receipt of 100."""
    customer = make_customer()
    late = issued(customer, "80", due_on=date(2999, 2, 1))
    soon = issued(customer, "60", due_on=date(2999, 1, 1))
    return receive(customer, "100"), soon, late


def path(receipt):
    return f"/receipts/{receipt.pk}/actions/allocate"


def taken():
    return list(Allocation.objects.order_by("pk").values_list("invoice", "instalment", "amount"))


class TestAllocating:
    def test_it_offers_open_invoices_the_oldest_due_first(self, client, owing):
        receipt, soon, late = owing
        issued(make_customer(), "70")
        issued(receipt.customer, "70", currency="CNY")
        Invoice.objects.filter(total=70).update(currency="USD")
        text = ask(client, path(receipt))
        assert table_rows(text) == [
            ([soon.number, "2999-01-01", "¥60.00"], ""),
            ([late.number, "2999-02-01", "¥80.00"], ""),
        ]
        assert 'data-share-of="100.00"' in text
        assert ">¥100.00</b>" in text

    def test_it_offers_instalments_with_what_is_not_collected(self, client):
        order = make_order("1", price="100")
        rows = [
            {"trigger": "signing", "amount": Decimal(13)},
            {"trigger": "date", "due_on": date(2999, 1, 1), "amount": Decimal(100)},
        ]
        plan = save_record(CollectionPlan, {"order": order.pk}, lines={"instalments": rows}, actor=ROOT)
        receipt = receive(order.customer, "50")
        text = ask(client, path(receipt))
        assert [(shown[0], shown[2]) for shown, _value in table_rows(text)][-1] == (
            f"{plan.number}, instalment 2",
            "¥100.00",
        )
        second = plan.instalments.get(position=1)
        place = next(name for name, value in inputs(text).items() if value == str(second.pk)).rpartition("-")[0]
        assert send(client, path(receipt), **{f"{place}-amount": "50"}).status_code == 204
        assert taken() == [(None, second.pk, Decimal(50))]

    def test_it_allocates_the_amounts_that_were_typed(self, client, owing):
        receipt, _soon, late = owing
        answer = send(client, path(receipt), **{"allocations-1-amount": "30.5"})
        assert answer["HX-Redirect"] == f"/receipts/{receipt.pk}"
        assert taken() == [(late.pk, None, Decimal("30.50"))]
        assert reread(receipt).unapplied == Decimal("69.50")

    def test_it_takes_the_oldest_first_when_nothing_was_typed(self, client, owing):
        receipt, soon, late = owing
        assert send(client, path(receipt)).status_code == 204
        assert taken() == [(soon.pk, None, Decimal(60)), (late.pk, None, Decimal(40))]

    def test_it_says_what_is_wrong_beside_the_row_and_keeps_all_that_was_typed(self, client, owing):
        receipt, *_invoices = owing
        answer = send(client, path(receipt), **{"allocations-0-amount": "1,0", "allocations-1-amount": "81"})
        text = answer.content.decode()
        assert answer.status_code == 200
        assert mistakes(text) == {"allocations-1-amount": ["At most 80.00 are left."]}
        assert [value for _shown, value in table_rows(text)] == ["1,0", "81"]
        assert taken() == []

    def test_it_counts_only_the_rows_that_were_filled_when_it_refuses(self, client, owing):
        receipt, *_invoices = owing
        text = send(client, path(receipt), **{"allocations-1-amount": "much"}).content.decode()
        assert list(mistakes(text)) == ["allocations-1-amount"]
        assert taken() == []

    def test_it_keeps_what_was_typed_for_an_invoice_that_is_open_no_more(self, client, owing):
        receipt, soon, _late = owing
        sent = inputs(ask(client, path(receipt))) | {"allocations-0-amount": "5"}
        Invoice.objects.filter(pk=soon.pk).update(status="paid", balance=0)
        text = client.post(path(receipt), sent, headers={"HX-Request": "true"}).content.decode()
        assert table_rows(text)[-1] == (["No longer offered", "–", "–"], "5")
        assert mistakes(text) == {"allocations-1-amount": ["The invoice is not open."]}
        assert taken() == []

    def test_it_offers_nothing_of_others(self, browse, person, owing):
        receipt, *_invoices = owing
        user = person("sales_representative")
        assert browse(user).get(path(receipt)).status_code == 404

    def test_it_says_when_nothing_is_open(self, client):
        receipt = receive(make_customer(), "5")
        assert "There is nothing open." in ask(client, path(receipt))

    def test_it_works_as_a_page_of_its_own(self, client, owing):
        receipt, *_invoices = owing
        text = client.get(path(receipt)).content.decode()
        assert "<html" in text
        answer = client.post(path(receipt), {**inputs(text), "allocations-0-amount": "61"})
        assert answer.status_code == 422
        assert mistakes(answer.content.decode()) == {"allocations-0-amount": ["At most 60.00 are left."]}


class TestReversing:
    def test_it_offers_the_lines_and_takes_back_what_was_typed(self, client):
        invoice = issued(make_customer(), "10", "20", quantity="3")
        place = f"/invoices/{invoice.pk}/actions/reverse"
        assert table_rows(ask(client, place)) == [(["Line", "3"], ""), (["Line", "3"], "")]
        answer = send(client, place, reason="wrong", **{"lines-1-quantity": "2"})
        assert answer.status_code == 204
        assert [line.reversed_quantity for line in invoice.lines.order_by("position")] == [0, 2]
        assert [shown[1] for shown, _value in table_rows(ask(client, place))] == ["3", "1"]

    def test_it_takes_back_the_whole_when_nothing_was_typed(self, client):
        invoice = issued(make_customer(), "10", "20", quantity="3")
        send(client, f"/invoices/{invoice.pk}/actions/reverse", reason="wrong")
        assert reread(invoice).status == "reversed"

    def test_it_says_what_is_too_much_beside_the_row(self, client):
        invoice = issued(make_customer(), "10", quantity="3")
        answer = send(client, f"/invoices/{invoice.pk}/actions/reverse", reason="why", **{"lines-0-quantity": "4"})
        text = answer.content.decode()
        assert mistakes(text) == {"lines-0-quantity": ["More than 0, at most 3."]}
        assert ">why</textarea>" in text.replace("\n", "")
        assert reread(invoice).balance == 30
