"""Deliveries: what may be put on them, how they are shipped and accepted, and what the order learns of it."""

import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from saleswright.kernel import clock
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.metrics import measure, metric_named
from saleswright.kernel.models import AuditEntry, OutboxEvent
from saleswright.kernel.records import save_record
from saleswright.modules.fulfilment import actions
from saleswright.modules.fulfilment.models import Delivery
from saleswright.modules.fulfilment.queries import open_quantities, progress_of
from saleswright.modules.fulfilment.states import DeliveryStatus
from saleswright.modules.fulfilment.tests.factories import ROOT, line_ids, make_order
from saleswright.modules.sales.actions.orders import cancel_order, close_order
from saleswright.modules.sales.models import Order

on_postgres = pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer")


def deliver(order, *quantities, **values):
    lines = [
        {"order_line": pk, "quantity": Decimal(quantity)}
        for pk, quantity in zip(line_ids(order), quantities or ["10"], strict=False)
    ]
    return save_record(Delivery, {"order": order.pk, **values}, lines={"lines": lines}, actor=ROOT)


def delivered(order):
    return [str(line.delivered_quantity.normalize()) for line in order.lines.order_by("position")]


def status_of(record):
    return type(record).objects.values_list("status", flat=True).get(pk=record.pk)


@pytest.mark.django_db
class TestDrafts:
    def test_it_takes_customer_and_owner_from_the_order(self, person):
        owner = person("sales_representative")
        order = make_order("10", owner=owner)
        delivery = deliver(order, "4")
        assert delivery.customer_id == order.customer_id
        assert delivery.owner_id == owner.pk
        assert delivery.number.startswith("DN-")

    @pytest.mark.parametrize("confirmed", [False, True])
    def test_it_needs_a_confirmed_order(self, confirmed):
        order = make_order("10", confirmed=confirmed)
        if confirmed:
            cancel_order(order.pk, actor=ROOT, reason="no")
        with pytest.raises(ValidationFailed) as refused:
            deliver(order, "1")
        assert [(e.field, e.code) for e in refused.value.errors] == [("order", "invalid")]
        assert not Delivery.objects.exists()

    def test_it_refuses_more_than_is_left_over_all_its_lines(self):
        order = make_order("10")
        first = line_ids(order)[0]
        rows = [{"order_line": first, "quantity": Decimal(6)}, {"order_line": first, "quantity": Decimal(5)}]
        with pytest.raises(ValidationFailed) as refused:
            save_record(Delivery, {"order": order.pk}, lines={"lines": rows}, actor=ROOT)
        assert [(e.field, e.code) for e in refused.value.errors] == [("lines.1.quantity", "range")]
        assert not Delivery.objects.exists()

    def test_it_counts_what_was_shipped_already(self):
        order = make_order("10")
        actions.ship_delivery(deliver(order, "7").pk, actor=ROOT)
        with pytest.raises(ValidationFailed):
            deliver(order, "4")
        assert deliver(order, "3").pk

    def test_it_refuses_lines_of_other_orders(self):
        order, other = make_order("10"), make_order("10")
        rows = [{"order_line": line_ids(other)[0], "quantity": Decimal(1)}]
        with pytest.raises(ValidationFailed) as refused:
            save_record(Delivery, {"order": order.pk}, lines={"lines": rows}, actor=ROOT)
        assert refused.value.errors[0].field == "lines.0.order_line"

    @pytest.mark.parametrize("quantity", ["0", "-1"])
    def test_it_refuses_quantities_that_are_none(self, quantity):
        with pytest.raises(ValidationFailed):
            deliver(make_order("10"), quantity)
        assert not Delivery.objects.exists()

    def test_it_stays_with_its_order(self):
        order, other = make_order("10"), make_order("10")
        delivery = deliver(order, "1")
        with pytest.raises(ValidationFailed):
            save_record(Delivery, {"order": other.pk}, pk=delivery.pk, actor=ROOT)
        assert Delivery.objects.get(pk=delivery.pk).order_id == order.pk


@pytest.mark.django_db
class TestCreateDelivery:
    def test_it_makes_a_draft_of_everything_open(self):
        order = make_order("10", "3")
        actions.ship_delivery(deliver(order, "4").pk, actor=ROOT)
        deliver(order, "1")
        made = actions.create_delivery(order.pk, actor=ROOT)
        lines = Delivery.objects.get(pk=made["id"]).lines.order_by("position")
        assert [(line.order_line_id, line.quantity) for line in lines] == [
            (line_ids(order)[0], Decimal(5)), (line_ids(order)[1], Decimal(3)),
        ]  # fmt: skip
        assert open_quantities(order.pk) == {}

    def test_it_refuses_when_nothing_is_open(self):
        order = make_order("10")
        actions.create_delivery(order.pk, actor=ROOT)
        with pytest.raises(Conflict):
            actions.create_delivery(order.pk, actor=ROOT)
        assert Delivery.objects.count() == 1

    def test_the_right_to_it_suffices(self, person, acting):
        owner = person("sales_representative")
        order = make_order("10", owner=owner)
        actor = acting(owner)
        made = actions.create_delivery(order.pk, actor=actor)
        assert Delivery.objects.get(pk=made["id"]).created_by_id == owner.pk
        with pytest.raises(NotAllowed):
            actions.ship_delivery(made["id"], actor=actor)
        assert status_of(Delivery.objects.get()) == "draft"


MOVES = {"ship": ({DeliveryStatus.DRAFT}, {}), "accept": ({DeliveryStatus.SHIPPED}, {})}


@pytest.mark.django_db
@pytest.mark.parametrize("state", DeliveryStatus.values)
@pytest.mark.parametrize("verb", MOVES)
def test_it_moves_from_its_source_states_only(verb, state):
    delivery = deliver(make_order("10"), "4")
    if state != DeliveryStatus.DRAFT:
        actions.ship_delivery(delivery.pk, actor=ROOT)
        Delivery.objects.filter(pk=delivery.pk).update(status=state)
    run = {"ship": actions.ship_delivery, "accept": actions.accept_delivery}[verb]
    if state in MOVES[verb][0]:
        run(delivery.pk, actor=ROOT)
        assert status_of(delivery) == {"ship": "shipped", "accept": "accepted"}[verb]
        return
    audited = AuditEntry.objects.count()
    with pytest.raises(Conflict):
        run(delivery.pk, actor=ROOT)
    assert status_of(delivery) == state
    assert AuditEntry.objects.count() == audited


@pytest.mark.django_db
class TestShipping:
    def test_the_order_counts_it_and_moves_along(self):
        order = make_order("10", "2")
        actions.ship_delivery(deliver(order, "10").pk, actor=ROOT)
        assert delivered(order) == ["1E+1", "0"]
        assert status_of(order) == "partly_delivered"
        actions.create_delivery(order.pk, actor=ROOT)
        actions.ship_delivery(Delivery.objects.latest("pk").pk, actor=ROOT)
        assert delivered(order) == ["1E+1", "2"]
        assert status_of(order) == "partly_delivered"
        for pk in Delivery.objects.values_list("pk", flat=True):
            actions.accept_delivery(pk, actor=ROOT)
        assert status_of(order) == "delivered"

    def test_what_was_refused_is_not_delivered(self):
        order = make_order("10")
        delivery = actions.ship_delivery(deliver(order, "10").pk, actor=ROOT)
        rows = [{"order_line_id": line_ids(order)[0], "quantity": "9"}]
        actions.accept_delivery(delivery.pk, actor=ROOT, lines=rows)
        assert status_of(order) == "partly_delivered"
        assert str(order.lines.get().accepted_quantity.normalize()) == "9"

    def test_it_ships_at_the_time_given_else_planned_else_now(self):
        order, at = make_order("10"), clock.now()
        planned, given = at - timedelta(days=2), at - timedelta(days=1)
        one, two, three = (
            deliver(order, "1", shipped_at=planned),
            deliver(order, "1", shipped_at=planned),
            deliver(order, "1"),
        )
        assert actions.ship_delivery(one.pk, actor=ROOT, at=at).shipped_at == planned
        assert actions.ship_delivery(two.pk, actor=ROOT, at=at, shipped_at=given).shipped_at == given
        assert actions.ship_delivery(three.pk, actor=ROOT, at=at).shipped_at == at

    def test_it_refuses_the_future(self):
        order = make_order("10")
        delivery = deliver(order, "1")
        with pytest.raises(ValidationFailed):
            actions.ship_delivery(delivery.pk, actor=ROOT, shipped_at=clock.now() + timedelta(days=2))
        assert status_of(delivery) == "draft"
        assert delivered(order) == ["0"]

    def test_it_refuses_what_another_delivery_has_taken(self):
        order = make_order("10")
        one, two = deliver(order, "6"), deliver(order, "6")
        actions.ship_delivery(one.pk, actor=ROOT)
        with pytest.raises(Conflict):
            actions.ship_delivery(two.pk, actor=ROOT)
        assert delivered(order) == ["6"]
        assert status_of(two) == "draft"
        assert Delivery.objects.get(pk=two.pk).shipped_at is None

    def test_it_refuses_a_closed_order(self):
        order = make_order("10")
        delivery = deliver(order, "6")
        close_order(order.pk, actor=ROOT, reason="given up")
        with pytest.raises(Conflict):
            actions.ship_delivery(delivery.pk, actor=ROOT)
        assert status_of(delivery) == "draft"

    def test_it_says_so(self):
        delivery = deliver(make_order("10"), "6")
        actions.ship_delivery(delivery.pk, actor=ROOT)
        assert OutboxEvent.objects.filter(name="deliveries.DeliveryShipped", record_id=delivery.pk).count() == 1


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_two_deliveries_at_once_never_exceed_the_order():
    order = make_order("10")
    drafts = [deliver(order, "6").pk for _ in range(4)]
    outcomes, start = [], threading.Barrier(4)

    def ship(pk):
        try:
            start.wait(10)
            actions.ship_delivery(pk, actor=ROOT)
            outcomes.append("shipped")
        except Conflict:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=ship, args=(pk,)) for pk in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["refused", "refused", "refused", "shipped"]
    assert delivered(order) == ["6"]
    assert Delivery.objects.filter(status="shipped").count() == 1


@pytest.mark.django_db
class TestAccepting:
    def shipped(self, *quantities, **values):
        order = make_order(*(quantities or ["10"]), **values)
        delivery = deliver(order, *(quantities or ["10"]))
        actions.ship_delivery(delivery.pk, actor=ROOT)
        return order, delivery

    def lines(self, delivery):
        rows = delivery.lines.order_by("position").values_list("accepted_quantity", "refused_quantity")
        return [(int(accepted), int(refused)) for accepted, refused in rows]

    def test_all_is_accepted_when_nothing_is_named(self):
        _order, delivery = self.shipped("10", "3")
        actions.accept_delivery(delivery.pk, actor=ROOT)
        assert self.lines(delivery) == [(10, 0), (3, 0)]
        assert Delivery.objects.get(pk=delivery.pk).on_time_in_full is True

    def test_the_rest_of_a_named_line_is_refused(self):
        order, delivery = self.shipped("10", "3")
        rows = [{"order_line_id": line_ids(order)[0], "quantity": "8"}]
        actions.accept_delivery(delivery.pk, actor=ROOT, lines=rows)
        assert self.lines(delivery) == [(8, 2), (3, 0)]
        assert delivered(order) == ["1E+1", "3"]
        assert Delivery.objects.get(pk=delivery.pk).on_time_in_full is False

    def test_it_spreads_over_the_lines_of_one_order_line(self):
        order = make_order("10")
        first = line_ids(order)[0]
        rows = [{"order_line": first, "quantity": Decimal(6)}, {"order_line": first, "quantity": Decimal(4)}]
        delivery = save_record(Delivery, {"order": order.pk}, lines={"lines": rows}, actor=ROOT)
        actions.ship_delivery(delivery.pk, actor=ROOT)
        actions.accept_delivery(delivery.pk, actor=ROOT, lines=[{"order_line_id": first, "quantity": "7"}])
        assert self.lines(delivery) == [(6, 0), (1, 3)]

    @pytest.mark.parametrize(
        ("rows", "field"),
        [
            ([(0, "11")], "lines.0.quantity"),
            ([(0, "-1")], "lines.0.quantity"),
            ([(None, "1")], "lines.0.order_line_id"),
            ([(0, "1"), (0, "2")], "lines.1.order_line_id"),
        ],
    )
    def test_it_refuses_lines_that_are_not_so(self, rows, field):
        order, delivery = self.shipped("10")
        ids = line_ids(order)
        lines = [{"order_line_id": 0 if at is None else ids[at], "quantity": quantity} for at, quantity in rows]
        with pytest.raises(ValidationFailed) as refused:
            actions.accept_delivery(delivery.pk, actor=ROOT, lines=lines)
        assert refused.value.errors[0].field == field
        assert status_of(delivery) == "shipped"
        assert delivery.lines.get().accepted_quantity is None

    @pytest.mark.parametrize("days", [-1, 2])
    def test_it_refuses_days_before_the_shipping_and_to_come(self, days):
        _order, delivery = self.shipped("10")
        with pytest.raises(ValidationFailed) as refused:
            actions.accept_delivery(delivery.pk, actor=ROOT, accepted_at=clock.now() + timedelta(days=days))
        assert refused.value.errors[0].field == "accepted_at"
        assert status_of(delivery) == "shipped"

    def test_it_is_late_after_the_promised_date(self):
        order, delivery = self.shipped("10")
        Order.objects.filter(pk=order.pk).update(promised_date=clock.today() - timedelta(days=1))
        actions.accept_delivery(delivery.pk, actor=ROOT)
        assert Delivery.objects.get(pk=delivery.pk).on_time_in_full is False
        other = self.shipped("10")[1]
        actions.accept_delivery(other.pk, actor=ROOT)
        assert measure(metric_named("otif"), ROOT) == Decimal(50)


@pytest.mark.django_db
def test_progress_tells_when_all_was_shipped_and_accepted():
    order, other = make_order("10"), make_order("1")
    monday, tuesday = datetime(2026, 3, 2, 4, tzinfo=UTC), datetime(2026, 3, 3, 4, tzinfo=UTC)
    one, two = deliver(order, "6"), deliver(order, "4")
    actions.ship_delivery(one.pk, actor=ROOT, shipped_at=monday)
    actions.accept_delivery(one.pk, actor=ROOT, accepted_at=monday)
    assert progress_of([order.pk])[order.pk].shipped_on is None
    actions.ship_delivery(two.pk, actor=ROOT, shipped_at=tuesday)
    found = progress_of([order.pk, other.pk])
    assert (found[order.pk].shipped_on, found[order.pk].accepted_on) == (date(2026, 3, 3), None)
    actions.accept_delivery(two.pk, actor=ROOT, accepted_at=tuesday)
    assert progress_of([order.pk])[order.pk].accepted_on == date(2026, 3, 3)
    assert progress_of([other.pk])[other.pk].shipped_on is None


@pytest.mark.django_db
def test_imported_history_stands_as_it_is():
    order = make_order("10")
    at = datetime(2025, 5, 6, tzinfo=UTC)
    lines = {"lines": [{"order_line": line_ids(order)[0], "quantity": Decimal(10)}]}
    values = {"order": order.pk, "status": "accepted", "number": "OLD-1", "shipped_at": at, "accepted_at": at}
    delivery = save_record(Delivery, values, lines=lines, actor=ROOT, history=True)
    assert (delivery.number, delivery.status) == ("OLD-1", "accepted")
    assert delivery.lines.get().accepted_quantity == Decimal(10)
    assert delivered(order) == ["0"]
