"""Collection plans: their sums, and the days that events give them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from saleswright.kernel import clock
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.models import Product
from saleswright.modules.fulfilment.actions import accept_delivery, create_delivery, ship_delivery
from saleswright.modules.fulfilment.models import DeliveryLine
from saleswright.modules.receivables.actions import receipts
from saleswright.modules.receivables.models import CollectionPlan
from saleswright.modules.receivables.queries import months_after
from saleswright.modules.receivables.tests.factories import ROOT, make_customer, make_order, receive, reread
from saleswright.modules.sales.actions.contracts import sign_contract
from saleswright.modules.sales.actions.orders import confirm_order
from saleswright.modules.sales.models import Contract

MONDAY = datetime(2026, 3, 2, 4, tzinfo=UTC)


def plan(instalments, **values):
    rows = [{"trigger": t, "days": d, "amount": Decimal(a), "due_on": on} for t, d, a, on in instalments]
    return save_record(CollectionPlan, values, lines={"instalments": rows}, actor=ROOT)


def dues(record):
    return [row.due_on for row in record.instalments.order_by("position")]


def contract(**values):
    given = {"customer": make_customer().pk, "title": "Frame", "amount": Decimal(1000), **values}
    made = save_record(Contract, given, actor=ROOT)
    Contract.objects.filter(pk=made.pk).update(status="approved")
    return made


BY_EVENT = [("signing", 5, "130", None), ("delivery", 0, "400", None), ("acceptance", 30, "500", None),
            ("warranty_end", 0, "100", None)]  # fmt: skip


@pytest.mark.django_db
class TestPlans:
    def test_it_follows_its_order(self, person):
        owner = person("sales_representative")
        order = make_order("10", owner=owner)
        made = plan([("date", 0, "1130", date(2027, 1, 1))], order=order.pk)
        assert (made.customer_id, made.total, made.owner_id) == (order.customer_id, Decimal(1130), owner.pk)
        assert made.number.startswith("CP-")
        assert made.instalments.get().responsible_id == owner.pk

    @pytest.mark.parametrize("amount", ["1129.99", "1130.01"])
    def test_it_adds_up_to_the_cent(self, amount):
        with pytest.raises(ValidationFailed) as refused:
            plan([("date", 0, amount, date(2027, 1, 1))], order=make_order("10").pk)
        assert [e.field for e in refused.value.errors] == ["instalments"]
        assert not CollectionPlan.objects.exists()

    def test_it_needs_something_to_pay(self):
        with pytest.raises(ValidationFailed) as refused:
            plan([("date", 0, "10", date(2027, 1, 1))])
        assert refused.value.errors[0].field == "contract"

    def test_a_date_must_be_given_where_a_date_decides(self):
        with pytest.raises(ValidationFailed) as refused:
            plan([("date", 0, "1130", None)], order=make_order("10").pk)
        assert refused.value.errors[0].field == "instalments.0.due_on"

    def test_what_was_collected_stays(self):
        order = make_order("10")
        made = plan([("date", 0, "130", date(2027, 1, 1)), ("date", 0, "1000", date(2027, 2, 1))], order=order.pk)
        first = made.instalments.first()
        receipt = receive(order.customer, "100")
        receipts.allocate_receipt(receipt.pk, actor=ROOT, allocations=[{"instalment_id": first.pk, "amount": "100"}])
        whole = {"trigger": "date", "due_on": date(2027, 1, 1), "amount": Decimal(1130)}
        less = [{"id": first.pk, "amount": Decimal(99)}, whole | {"amount": Decimal(1031)}]
        for rows in ([whole], less):
            with pytest.raises(ValidationFailed):
                save_record(CollectionPlan, {}, pk=made.pk, lines={"instalments": rows}, actor=ROOT)
        assert [row.amount for row in made.instalments.order_by("position")] == [130, 1000]
        kept = [{"id": first.pk, "amount": Decimal(100)}, whole | {"amount": Decimal(1030)}]
        save_record(CollectionPlan, {}, pk=made.pk, lines={"instalments": kept}, actor=ROOT)
        assert [row.collected for row in made.instalments.order_by("position")] == [100, 0]
        assert reread(made).collected == 100


@pytest.mark.django_db
class TestEvents:
    def test_instalments_wait_for_their_events(self):
        order = make_order("10", confirmed=False)
        Product.objects.filter(pk=order.lines.get().product_id).update(warranty_months=12)
        made = plan(BY_EVENT, order=order.pk)
        assert dues(made) == [None] * 4
        assert reread(made).next_due_on is None
        confirm_order(order.pk, actor=ROOT)
        signed = clock.today() + timedelta(days=5)
        assert dues(made) == [signed, None, None, None]
        assert reread(made).next_due_on == signed
        delivery = create_delivery(order.pk, actor=ROOT)["id"]
        ship_delivery(delivery, actor=ROOT, shipped_at=MONDAY)
        assert dues(made) == [signed, date(2026, 3, 2), None, None]
        accept_delivery(delivery, actor=ROOT, accepted_at=MONDAY + timedelta(days=1))
        assert dues(made) == [signed, date(2026, 3, 2), date(2026, 4, 2), date(2027, 3, 3)]

    def test_a_part_delivered_is_not_delivered(self):
        order = make_order("10", "5", price="1000", confirmed=True)
        made = plan([("delivery", 0, str(order.total), None)], order=order.pk)
        delivery = create_delivery(order.pk, actor=ROOT)["id"]
        DeliveryLine.objects.filter(delivery=delivery, position=1).delete()
        ship_delivery(delivery, actor=ROOT)
        assert dues(made) == [None]
        ship_delivery(create_delivery(order.pk, actor=ROOT)["id"], actor=ROOT)
        assert dues(made) == [clock.today()]

    def test_signing_a_contract_dates_its_plan(self):
        made_contract = contract()
        made = plan([("signing", 10, "300", None), ("acceptance", 0, "700", None)], contract=made_contract.pk)
        assert dues(made) == [None, None]
        sign_contract(made_contract.pk, actor=ROOT, signed_on=date(2026, 3, 1))
        assert dues(made) == [date(2026, 3, 11), None]

    def test_what_has_happened_dates_a_plan_at_once(self):
        order = make_order("10")
        ship_delivery(create_delivery(order.pk, actor=ROOT)["id"], actor=ROOT, shipped_at=MONDAY)
        assert dues(plan([("delivery", 7, "1130", None)], order=order.pk)) == [date(2026, 3, 9)]

    def test_months_end_where_the_month_ends(self):
        assert months_after(date(2026, 1, 31), 1) == date(2026, 2, 28)
        assert months_after(date(2026, 12, 15), 12) == date(2027, 12, 15)
