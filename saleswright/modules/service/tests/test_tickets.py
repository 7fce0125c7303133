"""From the question to the closed case: limits, pauses, states, rights, escalation."""

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import Conflict, ValidationFailed
from saleswright.kernel.metrics import measure, metric_named
from saleswright.kernel.models import AuditEntry, User
from saleswright.kernel.records import save_record, snapshot
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.service.actions import tickets as actions
from saleswright.modules.service.models import Callback, ServiceLevel, Ticket
from saleswright.modules.service.states import TicketStatus
from saleswright.modules.service.tests.conftest import MONDAY, shanghai

pytestmark = pytest.mark.django_db
ROOT = system("test")
ARGUMENTS = {
    "assign": lambda person: {"owner_id": person("service_agent").pk},
    "resolve": lambda person: {"solution": "更换轴承"},
    "reopen": lambda person: {"reason": "又响了"},
}
TRANSITIONS = (
    actions.assign_ticket,
    actions.respond_to_ticket,
    actions.wait_for_customer,
    actions.customer_answered,
    actions.resolve_ticket,
    actions.close_ticket,
    actions.reopen_ticket,
)
#: state x transition -> state after it; what is not here is refused
ALLOWED = {
    ("new", "assign"): "assigned",
    ("assigned", "assign"): "assigned",
    ("new", "respond"): "assigned",
    ("assigned", "respond"): "assigned",
    ("waiting", "respond"): "waiting",
    ("assigned", "wait"): "waiting",
    ("waiting", "customer-answered"): "assigned",
    ("new", "resolve"): "resolved",
    ("assigned", "resolve"): "resolved",
    ("waiting", "resolve"): "resolved",
    ("resolved", "close"): "closed",
    ("resolved", "reopen"): "assigned",
    ("closed", "reopen"): "assigned",
}


def fresh(ticket):
    return Ticket.objects.get(pk=ticket.pk)


def bring_to(ticket, status):
    """The ticket in that state, by its transitions."""
    steps = {
        "new": [],
        "assigned": [actions.respond_to_ticket],
        "waiting": [actions.respond_to_ticket, actions.wait_for_customer],
        "resolved": [actions.resolve_ticket],
        "closed": [actions.resolve_ticket, actions.close_ticket],
    }
    for step in steps[status]:
        arguments = {"solution": "已解决"} if step is actions.resolve_ticket else {}
        step(ticket.pk, actor=ROOT, at=MONDAY, **arguments)
    return fresh(ticket)


def moments(*texts):
    return tuple(shanghai(f"2026-{text}") for text in texts)


@pytest.mark.parametrize(
    ("kind", "priority", "response_due", "solution_due"),
    [
        ("consultation", "normal", "11-23T14:00", "11-24T10:00"),
        ("consultation", "urgent", "11-23T10:30", "11-23T12:15"),
        ("repair", "normal", "11-23T14:00", "11-30T10:00"),
        ("complaint", "high", "11-23T11:00", "11-24T14:30"),
        ("installation", "low", "11-24T10:00", "12-07T10:00"),
    ],
)
def test_it_promises_limits_by_kind_and_priority(new_ticket, kind, priority, response_due, solution_due):
    ticket = new_ticket(kind=kind, priority=priority)
    assert (ticket.first_response_due, ticket.solution_due) == moments(response_due, solution_due)
    assert ticket.number.startswith("TK-")


def test_it_promises_what_the_company_keeps(new_ticket):
    ServiceLevel.objects.filter(kind="repair", priority="normal").update(response_minutes=10, solution_minutes=20)
    ticket = new_ticket(kind="repair")
    assert (ticket.first_response_due, ticket.solution_due) == moments("11-23T10:10", "11-23T10:20")


def test_it_falls_back_to_the_shipped_limits(new_ticket):
    ServiceLevel.objects.all().delete()
    assert new_ticket(kind="repair").solution_due == shanghai("2026-11-30T10:00")


def test_it_promises_anew_when_the_priority_changes(root, new_ticket):
    ticket = new_ticket()
    save_record(Ticket, {"priority": "urgent"}, pk=ticket.pk, actor=root, at=shanghai("2026-11-23T15:00"))
    assert fresh(ticket).first_response_due == shanghai("2026-11-23T10:30")


def test_it_keeps_the_first_limit_of_an_answered_ticket(root, new_ticket):
    ticket = bring_to(new_ticket(), "assigned")
    save_record(Ticket, {"priority": "urgent"}, pk=ticket.pk, actor=root)
    changed = fresh(ticket)
    assert changed.first_response_due == ticket.first_response_due
    assert changed.solution_due == shanghai("2026-11-23T12:15")


def test_it_keeps_kind_and_priority_of_a_solved_ticket(root, new_ticket):
    ticket = bring_to(new_ticket(), "resolved")
    with pytest.raises(ValidationFailed) as caught:
        save_record(Ticket, {"priority": "urgent"}, pk=ticket.pk, actor=root)
    assert [error.field for error in caught.value.errors] == ["priority"]
    assert snapshot(fresh(ticket)) == snapshot(ticket)


def test_it_refuses_the_contact_of_another_customer(root, customer):
    stranger = save_record(Customer, {"name": "别家"}, actor=root)
    contact = save_record(Contact, {"customer": stranger.pk, "name": "李工"}, actor=root)
    values = {"customer": customer.pk, "contact": contact.pk, "subject": "询问"}
    with pytest.raises(ValidationFailed) as caught:
        save_record(Ticket, values, actor=root)
    assert [(error.field, error.code) for error in caught.value.errors] == [("contact", "invalid")]
    assert not Ticket.objects.exists()


def test_it_refuses_to_promise_a_solution_before_an_answer(root):
    level = ServiceLevel.objects.first()
    with pytest.raises(ValidationFailed):
        save_record(ServiceLevel, {"response_minutes": 90000, "solution_minutes": 5}, pk=level.pk, actor=root)
    assert ServiceLevel.objects.get(pk=level.pk).version == 1


@pytest.mark.parametrize("status", TicketStatus.values)
@pytest.mark.parametrize("transition", TRANSITIONS, ids=lambda transition: transition.name)
def test_it_changes_state_only_as_declared(new_ticket, person, status, transition):
    ticket = bring_to(new_ticket(), status)
    arguments = ARGUMENTS.get(transition.name, lambda person: {})(person)
    target = ALLOWED.get((status, transition.name))
    if target is None:
        with pytest.raises(Conflict):
            transition(ticket.pk, actor=ROOT, **arguments)
        assert snapshot(fresh(ticket)) == snapshot(ticket)
    else:
        transition(ticket.pk, actor=ROOT, **arguments)
        assert fresh(ticket).status == target


@pytest.mark.parametrize("transition", [actions.assign_ticket, actions.resolve_ticket, actions.reopen_ticket],
                         ids=lambda transition: transition.name)  # fmt: skip
def test_it_asks_for_what_a_step_needs(new_ticket, transition):
    source = "resolved" if transition is actions.reopen_ticket else "assigned"
    ticket = bring_to(new_ticket(), source)
    with pytest.raises(ValidationFailed):
        transition(ticket.pk, actor=ROOT)
    assert snapshot(fresh(ticket)) == snapshot(ticket)


def test_it_is_assigned_to_an_agent_who_is_told(new_ticket, acting, person, told):
    agent, manager = person("service_agent"), acting("service_manager")
    ticket = new_ticket()
    actions.assign_ticket(ticket.pk, actor=manager, owner_id=agent.pk)
    assert (fresh(ticket).owner_id, told.of("tickets")) == (agent.pk, [([agent.pk], ticket.pk)])


def test_it_is_not_assigned_to_somebody_who_left(new_ticket, person, root):
    gone = person("service_agent")
    User.objects.filter(pk=gone.pk).update(state="left")
    ticket = new_ticket()
    with pytest.raises(ValidationFailed):
        actions.assign_ticket(ticket.pk, actor=root, owner_id=gone.pk)
    assert fresh(ticket).status == "new"


def test_it_stamps_the_first_answer_only(new_ticket):
    ticket = new_ticket()
    actions.respond_to_ticket(ticket.pk, actor=ROOT, at=MONDAY, text="正在查")
    actions.respond_to_ticket(ticket.pk, actor=ROOT, at=shanghai("2026-11-23T16:00"), text="备件已到")
    answered = fresh(ticket)
    assert (answered.responded_at, answered.response) == (MONDAY, "备件已到")


def test_it_becomes_the_ticket_of_whoever_answers_first(new_ticket, person, acting):
    agent = person("service_agent")
    ticket = new_ticket()
    actions.respond_to_ticket(ticket.pk, actor=acting(agent))
    assert fresh(ticket).owner_id == agent.pk


def test_it_is_due_later_by_the_working_time_it_waited(new_ticket):
    ticket = new_ticket(kind="complaint")  # three days: due on Thursday at 10:00
    actions.respond_to_ticket(ticket.pk, actor=ROOT, at=shanghai("2026-11-23T17:00"), waiting_for_customer=True)
    waiting = fresh(ticket)
    assert (waiting.status, waiting.waiting_since) == ("waiting", shanghai("2026-11-23T17:00"))
    actions.customer_answered(ticket.pk, actor=ROOT, at=shanghai("2026-11-24T10:30"))
    running = fresh(ticket)
    assert (running.paused_minutes, running.solution_due) == (150, shanghai("2026-11-26T12:30"))
    assert (running.waiting_since, running.first_response_due) == (None, ticket.first_response_due)


def test_it_waits_once_however_often_it_is_answered_meanwhile(new_ticket):
    ticket = new_ticket()
    actions.respond_to_ticket(ticket.pk, actor=ROOT, at=MONDAY, waiting_for_customer=True)
    actions.respond_to_ticket(
        ticket.pk, actor=ROOT, at=shanghai("2026-11-23T12:00"), text="请回复", waiting_for_customer=True
    )
    actions.resolve_ticket(ticket.pk, actor=ROOT, at=shanghai("2026-11-23T13:00"), solution="好了")
    assert fresh(ticket).paused_minutes == 180


def test_it_counts_earlier_pauses_when_the_priority_changes(root, new_ticket):
    ticket = new_ticket()
    actions.respond_to_ticket(ticket.pk, actor=ROOT, at=MONDAY, waiting_for_customer=True)
    actions.customer_answered(ticket.pk, actor=ROOT, at=shanghai("2026-11-23T11:00"))
    save_record(Ticket, {"priority": "urgent"}, pk=ticket.pk, actor=root)
    assert fresh(ticket).solution_due == shanghai("2026-11-23T13:15")


def test_it_takes_a_solution_as_the_first_answer(new_ticket):
    ticket = new_ticket()
    actions.resolve_ticket(ticket.pk, actor=ROOT, at=MONDAY, solution="重启即可")
    solved = fresh(ticket)
    assert (solved.responded_at, solved.resolved_at, solved.solution) == (MONDAY, MONDAY, "重启即可")


def test_it_starts_the_time_anew_when_reopened(new_ticket):
    ticket = bring_to(new_ticket(), "closed")
    actions.reopen_ticket(ticket.pk, actor=ROOT, at=shanghai("2026-11-25T09:00"), reason="又响了")
    again = fresh(ticket)
    assert (again.resolved_at, again.closed_at, again.reopened) == (None, None, 1)
    assert (again.solution_due, again.reopen_reason) == (shanghai("2026-11-25T18:00"), "又响了")


def test_it_is_not_changed_once_closed(root, new_ticket):
    ticket = bring_to(new_ticket(), "closed")
    with pytest.raises(Conflict):
        save_record(Ticket, {"subject": "别的"}, pk=ticket.pk, actor=root)
    assert snapshot(fresh(ticket)) == snapshot(ticket)


def test_it_says_which_limits_have_passed(new_ticket):
    ticket = new_ticket()
    assert ticket.overdue(shanghai("2026-11-23T14:00")) == []
    assert ticket.overdue(shanghai("2026-11-23T14:01")) == ["first_response"]
    assert ticket.overdue(shanghai("2026-11-24T10:01")) == ["first_response", "solution"]
    assert bring_to(ticket, "waiting").overdue(shanghai("2026-12-24T10:01")) == []
    assert bring_to(new_ticket(), "resolved").overdue(shanghai("2026-12-24T10:01")) == []


def test_it_shows_overdue_limits_to_programs(api, new_ticket):
    ticket = new_ticket()
    Ticket.objects.filter(pk=ticket.pk).update(first_response_due=shanghai("2020-01-01T10:00"))
    Ticket.objects.filter(pk=ticket.pk).update(solution_due=shanghai("2999-01-01T10:00"))
    assert api("service_agent").get(f"tickets/{ticket.pk}").json()["overdue"] == ["first_response"]


def test_it_escalates_each_unanswered_ticket_once(new_ticket, person, told):
    manager = person("service_manager")
    agent = person("service_agent", manager=manager)
    late, answered, young = new_ticket(owner=agent), new_ticket(owner=agent), new_ticket(owner=agent, priority="low")
    actions.respond_to_ticket(answered.pk, actor=ROOT, at=MONDAY)
    assert actions.escalate_tickets(shanghai("2026-11-23T15:00")) == 1
    assert told.of("tickets") == [([manager.pk], late.pk)]
    assert fresh(late).escalated_at == shanghai("2026-11-23T15:00")
    assert fresh(young).escalated_at is None
    assert actions.escalate_tickets(shanghai("2026-11-23T16:00")) == 0


def test_it_escalates_to_the_heads_of_service_without_a_manager(new_ticket, person, told):
    head = person("service_manager")
    ticket = new_ticket()
    actions.escalate_tickets(shanghai("2026-11-24T15:00"))
    assert told.of("tickets") == [([head.pk], ticket.pk)]


def test_it_is_seen_by_whoever_looks_after_the_customer(root, api, person, new_ticket):
    seller, stranger = person("sales_representative"), person("sales_representative")
    own = save_record(Customer, {"name": "我的客户", "owner": seller.pk}, actor=root)
    ticket = new_ticket(customer=own, owner=person("service_agent"))
    assert api(seller).get(f"tickets/{ticket.pk}").status_code == 200
    assert api(stranger).get(f"tickets/{ticket.pk}").status_code == 404
    assert api(stranger).get("tickets").json()["items"] == []


@pytest.mark.parametrize(("verb", "arguments"), [("respond", {}), ("resolve", {"solution": "x"}), ("wait", {})])
def test_it_is_worked_on_by_service_people_only(root, api, person, new_ticket, verb, arguments):
    seller = person("sales_representative")
    own = save_record(Customer, {"name": "我的客户", "owner": seller.pk}, actor=root)
    ticket = new_ticket(customer=own)
    assert api(seller).act("tickets", ticket.pk, verb, **arguments).status_code == 403
    assert fresh(ticket).status == "new"


def test_it_runs_through_by_programs(api, customer):
    client = api("service_agent")
    values = {"customer_id": customer.pk, "kind": "complaint", "priority": "high", "subject": "漏油"}
    ticket = client.post("tickets", values).json()
    assert ticket["status"] == "new"
    assert client.act("tickets", ticket["id"], "assign", owner_id=client.user.pk).json()["status"] == "assigned"
    assert client.act("tickets", ticket["id"], "respond", text="已收到").json()["responded_at"] is not None
    solved = client.act("tickets", ticket["id"], "resolve", solution="换密封圈").json()
    assert (solved["status"], solved["solution"]) == ("resolved", "换密封圈")
    assert client.act("tickets", ticket["id"], "close").json()["status"] == "closed"
    assert client.act("tickets", ticket["id"], "resolve", solution="x").status_code == 409
    assert client.act("tickets", ticket["id"], "reopen", reason="仍漏").json()["status"] == "assigned"


def test_it_takes_history_as_it_stands(root, customer, told):
    values = {
        "customer": customer.pk, "subject": "旧单", "status": "closed", "created_at": "2025-03-03T09:00:00+08:00",
        "resolved_at": "2025-03-04T09:00:00+08:00", "first_response_due": "2025-03-03T10:00:00+08:00",
    }  # fmt: skip
    ticket = save_record(Ticket, values, actor=root, history=True)
    assert (ticket.status, ticket.first_response_due) == ("closed", shanghai("2025-03-03T10:00"))
    assert ticket.resolved_at == shanghai("2025-03-04T09:00")
    assert AuditEntry.objects.get(resource="tickets", record_id=ticket.pk).action == "imported"
    assert not Callback.objects.exists()
    assert told == []


def test_it_measures_tickets_by_independent_counts(new_ticket, root):
    bring_to(new_ticket(), "resolved")
    late = new_ticket(priority="urgent")
    actions.resolve_ticket(late.pk, actor=root, at=shanghai("2026-11-24T10:00"), solution="晚了")
    new_ticket()
    week = Period(MONDAY.date(), shanghai("2026-11-27T10:00").date())
    found = [
        measure(metric_named(name), root, week)
        for name in ("tickets_opened", "tickets_resolved", "tickets_resolved_in_time")
    ]
    assert found == [3, 2, 1]
