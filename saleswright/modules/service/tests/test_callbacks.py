"""Call-backs: what plans make, what is asked, what follows from the answers."""

from datetime import date

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.records import save_record, snapshot
from saleswright.kernel.resources import resource_of
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Customer
from saleswright.modules.fulfilment.public import Delivery
from saleswright.modules.sales.public import Order
from saleswright.modules.service.actions import callbacks as actions
from saleswright.modules.service.actions.tickets import close_ticket, reopen_ticket, resolve_ticket
from saleswright.modules.service.models import Callback, CallbackPlan, Ticket
from saleswright.modules.service.states import CallbackStatus
from saleswright.modules.service.tests.conftest import MONDAY, shanghai

pytestmark = pytest.mark.django_db
ROOT = system("test")
ARGUMENTS = {"complete": {"result": "满意", "score": 9}, "cancel": {"reason": "客户已搬迁"}}
TARGETS = {"complete": "done", "cancel": "cancelled"}
TRANSITIONS = (actions.complete_callback, actions.cancel_callback)


def fresh(callback):
    return Callback.objects.get(pk=callback.pk)


def close(ticket):
    resolve_ticket(ticket.pk, actor=ROOT, at=MONDAY, solution="好了")
    close_ticket(ticket.pk, actor=ROOT, at=MONDAY)


@pytest.mark.parametrize("status", CallbackStatus.values)
@pytest.mark.parametrize("transition", TRANSITIONS, ids=lambda transition: transition.name)
def test_it_changes_state_only_when_open(new_callback, status, transition):
    callback = new_callback()
    Callback.objects.filter(pk=callback.pk).update(status=status)
    before = snapshot(fresh(callback))
    if status == "open":
        transition(callback.pk, actor=ROOT, **ARGUMENTS[transition.name])
        assert fresh(callback).status == TARGETS[transition.name]
    else:
        with pytest.raises(Conflict):
            transition(callback.pk, actor=ROOT, **ARGUMENTS[transition.name])
        assert snapshot(fresh(callback)) == before


def test_it_keeps_result_and_score(new_callback):
    callback = new_callback()
    actions.complete_callback(callback.pk, actor=ROOT, at=MONDAY, result="很满意", score=10)
    done = fresh(callback)
    assert (done.result, done.score, done.done_at, done.opened_ticket_id) == ("很满意", 10, MONDAY, None)


@pytest.mark.parametrize("score", [-1, 11, "high"])
def test_it_refuses_scores_outside_0_to_10(new_callback, told, score):
    callback = new_callback()
    with pytest.raises(ValidationFailed) as caught:
        actions.complete_callback(callback.pk, actor=ROOT, result="好", score=score)
    assert [error.field for error in caught.value.errors] == ["score"]
    assert snapshot(fresh(callback)) == snapshot(callback)
    assert told == []


def test_it_asks_for_a_result(new_callback):
    callback = new_callback()
    with pytest.raises(ValidationFailed):
        actions.complete_callback(callback.pk, actor=ROOT, score=9)
    assert snapshot(fresh(callback)) == snapshot(callback)


@pytest.mark.parametrize(("score", "warned"), [(0, True), (6, True), (7, False), (None, False)])
def test_it_tells_the_customers_owner_of_a_low_score(root, person, new_callback, told, score, warned):
    seller = person("sales_representative")
    customer = save_record(Customer, {"name": "我的客户", "owner": seller.pk}, actor=root)
    callback = new_callback(customer=customer)
    actions.complete_callback(callback.pk, actor=ROOT, result="等太久", score=score)
    assert told.of("callbacks") == ([([seller.pk], callback.pk)] if warned else [])


@pytest.mark.parametrize(("score", "kind"), [(3, "complaint"), (8, "consultation")])
def test_it_opens_a_ticket(acting, new_callback, score, kind):
    callback = new_callback()
    agent = acting("service_agent")
    result = "漏油\n请尽快处理"
    actions.complete_callback(callback.pk, actor=agent, result=result, score=score, open_ticket=True)
    ticket = Ticket.objects.get()
    assert (ticket.kind, ticket.channel, ticket.subject, ticket.description) == (kind, "callback", "漏油", result)
    assert (ticket.customer_id, ticket.owner_id) == (callback.customer_id, agent.user_id)
    assert fresh(callback).opened_ticket_id == ticket.pk


def test_it_refuses_the_ticket_of_another_customer(root, new_ticket, new_callback):
    stranger = save_record(Customer, {"name": "别家"}, actor=root)
    with pytest.raises(ValidationFailed) as caught:
        new_callback(ticket=new_ticket(customer=stranger))
    assert [(error.field, error.code) for error in caught.value.errors] == [("ticket", "invalid")]
    assert not Callback.objects.exists()


def test_it_is_not_changed_once_done(root, new_callback):
    callback = new_callback()
    actions.complete_callback(callback.pk, actor=ROOT, result="好")
    with pytest.raises(Conflict):
        save_record(Callback, {"due_on": "2027-01-01"}, pk=callback.pk, actor=root)
    assert fresh(callback).due_on == date(2026, 11, 30)


def test_it_is_planned_when_a_ticket_is_closed(person, new_ticket):
    agent = person("service_agent")
    ticket = new_ticket(owner=agent)
    close(ticket)
    planned = Callback.objects.get()
    assert (planned.ticket_id, planned.customer_id, planned.owner_id) == (ticket.pk, ticket.customer_id, agent.pk)
    assert planned.due_on == date(2026, 11, 26)


def test_it_is_planned_for_a_working_day(new_ticket):
    CallbackPlan.objects.filter(after="ticket").update(days=5)
    close(new_ticket())
    assert Callback.objects.get().due_on == date(2026, 11, 30)


def test_it_is_not_planned_twice_while_open(new_ticket):
    ticket = new_ticket()
    close(ticket)
    reopen_ticket(ticket.pk, actor=ROOT, reason="又响了")
    close(ticket)
    first = Callback.objects.get()
    actions.complete_callback(first.pk, actor=ROOT, result="好")
    reopen_ticket(ticket.pk, actor=ROOT, reason="又响了")
    close(ticket)
    assert Callback.objects.filter(status="open").count() == 1


@pytest.mark.parametrize(("level", "count"), [("A", 2), ("B", 1)])
def test_it_is_planned_by_level(root, customer, new_ticket, level, count):
    save_record(CallbackPlan, {"name": "重点客户", "after": "ticket", "days": 1, "customer_level": level}, actor=root)
    close(new_ticket(customer=customer))  # level A
    assert Callback.objects.count() == count


@pytest.fixture
def accepted_delivery(root, person):
    """Delivers some of an order of the seller's customer, who takes it on a Friday."""
    product = save_record(Product, {"name": "伺服电机"}, actor=root)
    customer = save_record(Customer, {"name": "华东精密", "owner": person("sales_representative").pk}, actor=root)
    lines = {"lines": [{"product": product.pk, "quantity": "5"}]}
    order = save_record(Order, {"customer": customer.pk}, lines=lines, actor=root)
    Order.objects.filter(pk=order.pk).update(status="confirmed", confirmed_on=MONDAY.date())

    def deliver(quantity="2"):
        rows = {"lines": [{"order_line": order.lines.get().pk, "quantity": quantity}]}
        delivery = save_record(Delivery, {"order": order.pk}, lines=rows, actor=root)
        transitions = {one.name: one for one in resource_of(Delivery).transitions}
        transitions["ship"](delivery.pk, actor=root, at=MONDAY)
        transitions["accept"](delivery.pk, actor=root, at=shanghai("2026-11-27T10:00"))
        return delivery

    return deliver


def test_it_is_planned_once_after_deliveries_of_an_order(accepted_delivery):
    delivery = accepted_delivery()
    accepted_delivery()
    planned = Callback.objects.get()
    assert (planned.order_id, planned.customer_id) == (delivery.order_id, delivery.customer_id)
    assert (planned.due_on, planned.owner_id) == (date(2026, 12, 4), delivery.customer.owner_id)


def test_it_is_not_planned_without_a_plan(accepted_delivery):
    CallbackPlan.objects.update(archived_at=MONDAY)
    accepted_delivery()
    assert not Callback.objects.exists()


def test_it_is_completed_by_programs(api, customer):
    client = api("service_agent")
    made = client.post("callbacks", {"customer_id": customer.pk, "due_on": "2026-12-01"}).json()
    assert (made["status"], made["subject"]) == ("open", "Call-back: 华东精密")
    done = client.act("callbacks", made["id"], "complete", result="满意", score=9).json()
    assert (done["status"], done["result"], done["score"]) == ("done", "满意", 9)
    assert client.act("callbacks", made["id"], "complete", result="满意", score=9).status_code == 409
