"""Orders: checks of confirmation, states, what was delivered and invoiced."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from saleswright.kernel import clock
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.errors import Conflict, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import AuditEntry, ExchangeRate, OutboxEvent
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.modules.customers.models import Customer
from saleswright.modules.sales.actions import orders, quotes
from saleswright.modules.sales.models import Order, OrderLine
from saleswright.modules.sales.states import OrderStatus

pytestmark = pytest.mark.django_db
S = OrderStatus


def problems(call):
    with pytest.raises(ValidationFailed) as caught:
        call()
    return [(error.field, error.code) for error in caught.value.errors]


def told(run, order, actor, **quantities):
    lines = dict(enumerate(order.lines.order_by("position").values_list("pk", flat=True)))
    run(order.pk, {lines[int(k[1:])]: Decimal(v) for k, v in quantities.items()}, actor=actor, at=clock.now())
    order.refresh_from_db()


# --- writing ---------------------------------------------------------------------------------------------------


def test_it_refuses_the_same_order_number_of_a_customer(sales, root):
    sales.order(customer_order_number="PO-7")
    assert problems(lambda: sales.order(customer_order_number="PO-7")) == [("customer_order_number", "duplicate")]
    other = save_record(Customer, {"name": "别家公司"}, actor=root)
    sales.order(customer_order_number="PO-7", customer=other)
    sales.order()
    sales.order(customer_order_number="")
    assert Order.objects.count() == 4


def test_it_refuses_a_promise_in_the_past(sales):
    yesterday = clock.today() - timedelta(days=1)
    assert problems(lambda: sales.order(promised_date=yesterday)) == [("promised_date", "order")]


@pytest.mark.parametrize("state", ["draft", "in_approval", "approved", "sent", "declined", "expired", "cancelled"])
def test_it_refuses_a_quote_that_is_not_accepted(sales, state):
    quote = sales.quote(status=state)
    assert problems(lambda: sales.order(quote=quote)) == [("quote", "invalid")]
    assert not Order.objects.exists()


def test_it_refuses_a_second_order_on_a_quote(sales):
    quote = sales.quote(status="accepted")
    sales.order(quote=quote)
    assert problems(lambda: sales.order(quote=quote)) == [("quote", "duplicate")]
    assert Order.objects.count() == 1


@pytest.mark.parametrize("state", ["draft", "in_approval", "approved", "completed", "terminated", "expired"])
def test_it_refuses_a_contract_that_does_not_bind(sales, state):
    contract = sales.contract(status=state)
    assert problems(lambda: sales.order(contract=contract)) == [("contract", "invalid")]
    assert not Order.objects.exists()


def test_it_refuses_quotes_and_contracts_of_another_customer(sales, root):
    quote, contract = sales.quote(status="accepted"), sales.contract(status="signed")
    other = save_record(Customer, {"name": "别家公司"}, actor=root)
    assert problems(lambda: sales.order(quote=quote, customer=other)) == [("quote", "invalid")]
    assert problems(lambda: sales.order(contract=contract, customer=other)) == [("contract", "invalid")]


@pytest.mark.parametrize("field", ["delivered_quantity", "invoiced_quantity"])
def test_it_lets_nobody_set_what_was_delivered_or_invoiced(sales, field):
    assert problems(lambda: sales.order(sales.line(**{field: "1"}))) == [(f"lines.0.{field}", "unknown")]


# --- price authority -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "discount"), [("sales_representative", "10"), ("sales_manager", "20")])
def test_it_confirms_within_the_own_authority(sales, person, role, discount):
    seller = person(role)
    order = sales.order(sales.line(discount_percent=discount), owner=seller)
    orders.confirm_order(order.pk, actor=actor_for(seller, origin="test"))
    order.refresh_from_db()
    assert (order.status, order.confirmed_on) == (S.CONFIRMED, clock.today())
    assert OutboxEvent.objects.filter(name="orders.OrderConfirmed", record_id=order.pk).count() == 1


def test_it_names_who_can_confirm_a_higher_discount(sales, person):
    manager = person("sales_manager")
    seller = person("sales_representative", manager=manager)
    order = sales.order(sales.line(discount_percent="10.01"), owner=seller)
    with pytest.raises(Conflict) as caught:
        orders.confirm_order(order.pk, actor=actor_for(seller, origin="test"))
    assert caught.value.code == "price_authority"
    assert manager.name in str(caught.value)
    order.refresh_from_db()
    assert (order.status, order.confirmed_on, order.version) == (S.DRAFT, None, 1)
    assert not OutboxEvent.objects.filter(name="orders.OrderConfirmed").exists()


def test_it_confirms_what_was_agreed_in_the_accepted_quote(sales, person, root):
    seller = person("sales_representative")
    quote = sales.quote(sales.line(discount_percent="30"), owner=seller, status="accepted")
    made = quotes.create_order_from_quote(quote.pk, actor=root)
    orders.confirm_order(made["id"], actor=actor_for(seller, origin="test"))
    assert Order.objects.get(pk=made["id"]).status == S.CONFIRMED


def test_it_refuses_more_off_than_the_quote_agreed(sales, person, root):
    seller = person("sales_representative")
    quote = sales.quote(sales.line(discount_percent="30"), owner=seller, status="accepted")
    made = quotes.create_order_from_quote(quote.pk, actor=root)["id"]
    save_record(Order, {}, pk=made, lines={"lines": [sales.line(discount_percent="31")]}, actor=root)
    with pytest.raises(Conflict):
        orders.confirm_order(made, actor=actor_for(seller, origin="test"))
    assert Order.objects.get(pk=made).status == S.DRAFT


# --- states ----------------------------------------------------------------------------------------------------

MATRIX = {
    "confirm": (orders.confirm_order, {}, {S.DRAFT}, S.CONFIRMED),
    "cancel": (orders.cancel_order, {"reason": "客户取消"}, {S.DRAFT, S.CONFIRMED}, S.CANCELLED),
    "close": (
        orders.close_order, {"reason": "停产"}, {S.CONFIRMED, S.PARTLY_DELIVERED, S.DELIVERED}, S.COMPLETED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("state", S.values)
@pytest.mark.parametrize("name", MATRIX)
def test_it_moves_only_from_the_right_states(sales, root, name, state):
    run, arguments, sources, target = MATRIX[name]
    order = sales.order(status=state)
    if state in sources:
        run(order.pk, actor=root, **arguments)
        order.refresh_from_db()
        assert order.status == target
        return
    with pytest.raises(Conflict):
        run(order.pk, actor=root, **arguments)
    order.refresh_from_db()
    assert (order.status, order.version, order.reason) == (state, 1, "")


@pytest.mark.parametrize("state", [s for s in S.values if s != S.DRAFT])
def test_it_is_edited_and_deleted_as_a_draft_only(sales, api, state):
    order = sales.order(status=state)
    client = api()
    assert client.patch(f"orders/{order.pk}", {"channel": "x"}).status_code == 409
    assert client.delete(f"orders/{order.pk}").status_code == 409
    order.refresh_from_db()
    assert order.channel == ""


@pytest.mark.parametrize(
    ("name", "event"), [("cancel", "OrderCancelled"), ("close", "OrderClosed"), ("confirm", "OrderConfirmed")]
)
def test_it_tells_what_happened(sales, root, name, event):
    order = sales.order(status=S.DRAFT if name == "confirm" else S.CONFIRMED)
    MATRIX[name][0](order.pk, actor=root, **MATRIX[name][1])
    assert OutboxEvent.objects.filter(name=f"orders.{event}", record_id=order.pk).count() == 1


@pytest.mark.parametrize("name", ["cancel", "close"])
def test_it_needs_a_reason(sales, root, name):
    order = sales.order(status=S.CONFIRMED)
    assert problems(lambda: MATRIX[name][0](order.pk, actor=root)) == [("reason", "required")]
    order.refresh_from_db()
    assert order.status == S.CONFIRMED


@pytest.mark.parametrize("column", ["delivered_quantity", "invoiced_quantity"])
def test_it_is_not_cancelled_once_delivered_or_invoiced(sales, root, column):
    order = sales.order(status=S.CONFIRMED)
    order.lines.update(**{column: Decimal(1)})
    with pytest.raises(Conflict):
        orders.cancel_order(order.pk, actor=root, reason="x")
    order.refresh_from_db()
    assert order.status == S.CONFIRMED


def test_it_confirms_nothing_without_lines_or_with_an_archived_customer(sales, root, customer):
    empty, order = sales.order(), sales.order()
    empty.lines.all().delete()
    with pytest.raises(Conflict):
        orders.confirm_order(empty.pk, actor=root)
    Customer.objects.filter(pk=customer.pk).update(archived_at=clock.now())
    with pytest.raises(Conflict):
        orders.confirm_order(order.pk, actor=root)
    assert set(Order.objects.values_list("status", flat=True)) == {S.DRAFT}


def test_it_takes_the_exchange_rate_of_the_day_of_confirmation(sales, root):
    at = clock.now()
    stamps = {"created_at": at, "updated_at": at}
    rate = ExchangeRate.objects.create(currency="USD", rate=Decimal(7), valid_from=date(2020, 1, 1), **stamps)
    order = sales.order(currency="USD")
    ExchangeRate.objects.filter(pk=rate.pk).update(rate=Decimal(8))
    orders.confirm_order(order.pk, actor=root)
    order.refresh_from_db()
    assert order.base_untaxed == order.untaxed * 8 == order.lines.get().base_net


def test_it_refuses_people_without_rights(sales, acting):
    order = sales.order()
    with pytest.raises(NotFound):
        orders.confirm_order(order.pk, actor=acting("sales_representative"))
    with pytest.raises(NotAllowed):
        orders.confirm_order(order.pk, actor=acting("warehouse"))
    order.refresh_from_db()
    assert order.status == S.DRAFT


# --- delivered, invoiced, completed ----------------------------------------------------------------------------


def test_it_follows_the_deliveries(sales, root):
    order = sales.order(sales.line(10), sales.line(5), status=S.CONFIRMED)
    told(orders.record_delivered, order, root, l0="4")
    assert (order.status, order.version) == (S.PARTLY_DELIVERED, 2)
    told(orders.record_delivered, order, root, l0="6", l1="5")
    assert order.status == S.PARTLY_DELIVERED
    told(orders.record_accepted, order, root, l0="10", l1="5")
    assert order.status == S.DELIVERED
    told(orders.record_accepted, order, root, l0="-10", l1="-5")
    told(orders.record_delivered, order, root, l1="-5")
    assert order.status == S.PARTLY_DELIVERED
    told(orders.record_delivered, order, root, l0="-10")
    assert order.status == S.CONFIRMED
    assert list(order.lines.values_list("delivered_quantity", flat=True)) == [Decimal(0), Decimal(0)]
    entries = AuditEntry.objects.filter(resource="orders", record_id=order.pk, action="deliver").order_by("id")
    assert entries[0].changes == {"status": ["confirmed", "partly_delivered"]}


@pytest.mark.parametrize("run", [orders.record_delivered, orders.record_invoiced])
@pytest.mark.parametrize("quantities", [{"l0": "10.0001"}, {"l0": "-0.0001"}, {"l0": "1", "l1": "5.0001"}])
def test_it_stays_within_what_was_ordered(sales, root, run, quantities):
    order = sales.order(sales.line(10), sales.line(5), status=S.CONFIRMED)
    with pytest.raises(Conflict):
        told(run, order, root, **quantities)
    order.refresh_from_db()
    assert (order.status, order.version) == (S.CONFIRMED, 1)
    assert set(order.lines.values_list("delivered_quantity", "invoiced_quantity")) == {(Decimal(0), Decimal(0))}


def test_it_refuses_lines_of_another_order(sales, root):
    order, other = sales.order(status=S.CONFIRMED), sales.order(status=S.CONFIRMED)
    with pytest.raises(Conflict):
        orders.record_delivered(order.pk, {other.lines.get().pk: Decimal(1)}, actor=root, at=clock.now())
    assert not OrderLine.objects.filter(delivered_quantity__gt=0).exists()


def test_it_accepts_no_more_than_was_shipped(sales, root):
    order = sales.order(sales.line(10), status=S.CONFIRMED)
    told(orders.record_delivered, order, root, l0="4")
    with pytest.raises(Conflict):
        told(orders.record_accepted, order, root, l0="4.0001")
    order.refresh_from_db()
    assert (order.status, order.lines.get().accepted_quantity) == (S.PARTLY_DELIVERED, Decimal(0))


@pytest.mark.parametrize("run", [orders.record_delivered, orders.record_accepted])
@pytest.mark.parametrize("state", [S.DRAFT, S.CANCELLED, S.COMPLETED])
def test_it_delivers_open_orders_only(sales, root, run, state):
    order = sales.order(status=state)
    with pytest.raises(Conflict):
        told(run, order, root, l0="1")
    assert order.lines.get().delivered_quantity == 0


@pytest.mark.parametrize("state", [S.DRAFT, S.CANCELLED])
def test_it_invoices_confirmed_orders_only(sales, root, state):
    order = sales.order(status=state)
    with pytest.raises(Conflict):
        told(orders.record_invoiced, order, root, l0="1")
    assert order.lines.get().invoiced_quantity == 0


def test_it_completes_what_is_delivered_and_invoiced(sales, root):
    order = sales.order(sales.line(10), sales.line(1, unit_price="0"), status=S.CONFIRMED)
    done = lambda: orders.complete_if_done(order.pk, actor=root, at=clock.now())  # noqa: E731
    assert not done()
    told(orders.record_delivered, order, root, l0="10", l1="1")
    told(orders.record_invoiced, order, root, l0="9")
    assert not done()
    told(orders.record_accepted, order, root, l0="10", l1="1")
    assert not done()
    told(orders.record_invoiced, order, root, l0="1")
    assert done()
    order.refresh_from_db()
    assert (order.status, order.ended_on) == (S.COMPLETED, clock.today())
    assert done()


# --- history ---------------------------------------------------------------------------------------------------


def test_it_takes_history_as_it_stands(root, customer, product):
    values = {"customer": customer.pk, "number": "SO-1998-1", "status": "delivered", "confirmed_on": "1998-05-06",
              "promised_date": "1998-05-01"}  # fmt: skip
    line = {"product": product.pk, "quantity": "2", "unit_price": "10", "discount_percent": "15"}
    order = save_record(Order, values, lines={"lines": [line]}, actor=root, history=True)
    assert (order.number, order.status, order.confirmed_on) == ("SO-1998-1", "delivered", date(1998, 5, 6))
    assert (order.total, order.base_untaxed) == (Decimal("19.21"), Decimal("17.00"))
    assert order.lines.get().delivered_quantity == 2
    assert not OutboxEvent.objects.filter(name="orders.OrderConfirmed").exists()


def test_it_takes_many_with_as_many_statements_as_one(root, customer, product, django_assert_max_num_queries):
    def drafts(count):
        line = {"product": product.pk, "quantity": "2"}
        return [Draft({"customer": customer.pk}, lines={"lines": [dict(line)] * 3}) for _ in range(count)]

    save_records(Order, drafts(1), actor=root)
    with django_assert_max_num_queries(30):
        save_records(Order, drafts(50), actor=root)
    assert Order.objects.count() == 51
