"""Changes of state: who may, from where, what is asked, and that exactly one of two wins."""

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict, DomainError, NotAllowed, NotFound, Stale, ValidationFailed
from saleswright.kernel.events import Event, _later, _now, _types, reacts
from saleswright.kernel.models import AuditEntry, EmploymentState, OutboxEvent, User
from saleswright.kernel.ports import ApprovalNeed, ports
from saleswright.kernel.records import archive_record, save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import run_atomic
from saleswright.kernel.transitions import Arg, Transition
from saleswright.modules.customers.public import Customer
from saleswright.modules.org.actions import confirm_employee, end_leave, leave_company, start_leave

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
ALLOWED = {
    ("on_trial", "confirm"): "active",
    ("on_trial", "start-leave"): "on_leave",
    ("active", "start-leave"): "on_leave",
    ("on_leave", "end-leave"): "active",
    ("on_trial", "leave"): "left",
    ("active", "leave"): "left",
    ("on_leave", "leave"): "left",
}
MACHINE = {t.name: t for t in (confirm_employee, start_leave, end_leave, leave_company)}


def employee(root, state: str = "active", **values) -> User:
    number = User.objects.count() + 1
    given = {"username": f"e{number}", "name": f"E{number}", "state": state, **values}
    return save_record(User, given, actor=root, history=True)


def seen(user: User) -> tuple:
    """All of a person that a refused transition must leave alone, and the traces of others."""
    fresh = User.objects.get(pk=user.pk)
    return fresh.state, fresh.version, fresh.left_on, AuditEntry.objects.count(), OutboxEvent.objects.count()


def refused(kind, transition, user, **given):
    before = seen(user)
    with pytest.raises(kind) as failure:
        transition(user.pk, **given)
    assert seen(user) == before
    return failure.value


def made(**options) -> Transition:
    """A transition of employees that tests declare for themselves; it is not registered."""
    options.setdefault("source", frozenset({"active"}))
    options.setdefault("target", "on_leave")
    return Transition("employees", "confirm", _("Confirm"), options.pop("body", lambda *_a, **_k: None), **options)


# --- states ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MACHINE)
@pytest.mark.parametrize("state", EmploymentState.values)
def test_it_leads_from_the_declared_states_only(root, state, name):
    user, transition = employee(root, state), MACHINE[name]
    if target := ALLOWED.get((state, name)):
        transition(user.pk, actor=root, at=AT)
        assert (seen(user)[0], seen(user)[1]) == (target, 2)
    else:
        refused(Conflict, transition, user, actor=root, at=AT)


@pytest.mark.parametrize("name", MACHINE)
@pytest.mark.parametrize("state", EmploymentState.values)
def test_its_button_is_shown_in_those_states_only(root, state, name):
    assert MACHINE[name].availability(employee(root, state), root).shown == ((state, name) in ALLOWED)


def test_it_writes_audit_and_event_once(acting, root):
    user, actor = employee(root, "on_trial"), acting("administrator")
    before = AuditEntry.objects.count(), OutboxEvent.objects.count()
    confirm_employee(user.pk, actor=actor, at=AT)
    assert (AuditEntry.objects.count(), OutboxEvent.objects.count()) == (before[0] + 1, before[1] + 1)
    entry = AuditEntry.objects.order_by("-id").first()
    assert (entry.action, entry.record_id, entry.at, entry.actor_id) == ("confirm", user.pk, AT, actor.user_id)
    assert entry.changes == {"state": ["on_trial", "active"]}
    event = OutboxEvent.objects.order_by("-id").first()
    assert (event.name, event.record_id, event.payload) == ("employees.confirm", user.pk, {"record_id": user.pk})
    user.refresh_from_db()
    assert (user.updated_at, user.updated_by_id) == (AT, actor.user_id)


def test_it_answers_the_record_or_what_the_body_answers(root):
    assert confirm_employee(employee(root, "on_trial").pk, actor=root).state == "active"
    answering = made(body=lambda record, **_k: {"id": record.pk})
    user = employee(root)
    assert answering(user.pk, actor=root) == {"id": user.pk}


def test_an_archived_record_stands_still(root):
    user = employee(root, "on_trial")
    archive_record(User, user.pk, actor=root)
    refused(Conflict, confirm_employee, user, actor=root)


# --- who -------------------------------------------------------------------------------------------------------


def test_it_needs_its_own_right(root, acting):
    user = employee(root, "on_trial")
    refused(NotAllowed, confirm_employee, user, actor=acting("sales_representative"))
    assert not confirm_employee.availability(user, acting("sales_representative")).shown
    assert confirm_employee.availability(user, acting("hr")).enabled


def test_what_one_may_not_see_is_not_found(root, person, acting):
    user = employee(root, "on_trial")
    refused(NotFound, confirm_employee, user, actor=acting(person()))
    with pytest.raises(NotFound):
        confirm_employee(10**9, actor=root)


# --- guards, required fields, arguments ------------------------------------------------------------------------


def test_a_guard_says_why_on_button_and_in_refusal(root):
    user = employee(root)
    save_record(Customer, {"name": "A", "owner": user.pk}, actor=root)
    failure = refused(Conflict, leave_company, user, actor=root)
    availability = leave_company.availability(user, root)
    assert (availability.shown, availability.enabled) == (True, False)
    assert str(availability.reason) == str(failure.detail)
    assert "1" in str(failure.detail)


def test_a_missing_required_field_is_named(root):
    transition = made(required=("email", "phone"))
    failure = refused(ValidationFailed, transition, employee(root, phone="1"), actor=root)
    assert [(e.field, e.code) for e in failure.errors] == [("email", "required")]
    user = employee(root, email="a@example.com", phone="1")
    assert transition(user.pk, actor=root).state == "on_leave"


class Colour(models.TextChoices):
    """A choice."""

    RED = "red", "Red"


ARGS = (
    Arg("text", "Text"),
    Arg("day", "Day", "date"),
    Arg("amount", "Amount", "money"),
    Arg("colour", "Colour", "choice", choices=Colour),
    Arg("owner_id", "Owner", "reference", to="employees"),
    Arg("done", "Done", "bool", required=False, default=False),
    Arg("count", "Count", "integer", required=False, default=lambda: 7),
    Arg("rows", "Rows", "rows", rows=(Arg("id", "Id", "integer"), Arg("quantity", "Quantity", "quantity"))),
)


def test_it_names_every_bad_argument(root):
    failure = refused(
        ValidationFailed, made(args=ARGS), employee(root), actor=root,
        day="soon", amount=0.1, colour="blue", owner_id=10**9, nonsense=1,
        rows=[{"id": 1, "quantity": "1.00001"}, {"quantity": "1", "more": 1}],
    )  # fmt: skip
    assert {(e.field, e.code) for e in failure.errors} == {
        ("nonsense", "unknown"), ("text", "required"), ("day", "invalid"), ("amount", "invalid"), ("colour", "choice"),
        ("owner_id", "not_found"), ("rows.0.quantity", "invalid"), ("rows.1.id", "required"),
        ("rows.1.more", "unknown"),
    }  # fmt: skip


def test_the_body_gets_python_values(root):
    given, user = {}, employee(root)
    transition = made(args=ARGS, body=lambda _record, **arguments: given.update(arguments))
    rows = [{"id": 3, "quantity": "2.5"}]
    transition(
        user.pk, actor=root, at=AT, text=" hi ", day="2026-11-30", amount="1.50", colour="red", owner_id=user.pk,
        rows=rows,
    )  # fmt: skip
    assert given == {
        "actor": root, "at": AT, "text": "hi", "day": date(2026, 11, 30), "amount": Decimal("1.50"), "colour": "red",
        "owner_id": user.pk, "done": False, "count": 7, "rows": [{"id": 3, "quantity": Decimal("2.5")}],
    }  # fmt: skip


@pytest.mark.parametrize("rows", [None, "x", {"id": 1}, [1]])
def test_rows_must_be_a_list_of_objects(root, rows):
    transition = made(args=(ARGS[-1],))
    failure = refused(ValidationFailed, transition, employee(root), actor=root, rows=rows)
    assert [e.field for e in failure.errors] == ["rows"]


def test_a_reference_out_of_sight_is_not_found(acting, root):
    hidden = save_record(Customer, {"name": "Hidden"}, actor=root)
    transition = made(args=(Arg("customer_id", "Customer", "reference", to="customers"),))
    actor = acting("hr")
    failure = refused(ValidationFailed, transition, employee(root), actor=actor, customer_id=hidden.pk)
    assert [(e.field, e.code) for e in failure.errors] == [("customer_id", "not_found")]


def test_a_body_that_refuses_undoes_everything(root):
    def body(record, **_arguments):
        save_record(Customer, {"name": "Half"}, actor=root)
        record.email = "half@example.com"
        raise Conflict("no")

    user = employee(root)
    refused(Conflict, made(body=body), user, actor=root)
    assert not Customer.objects.exists()
    assert User.objects.get(pk=user.pk).email == ""


# --- approval --------------------------------------------------------------------------------------------------


class Approvals:
    """An approval port that remembers what it was asked."""

    def __init__(self, waits: bool) -> None:
        self.waits, self.asked = waits, []

    def request(self, **request) -> bool:
        self.asked.append(request)
        return self.waits


@pytest.fixture
def approvals(monkeypatch):
    port = Approvals(waits=True)
    monkeypatch.setattr(ports, "approval", port)
    return port


def approved_by_someone(**options) -> Transition:
    """active -> (on_trial while it waits) -> on_leave."""
    ran = []
    transition = made(
        pending="on_trial",
        approval=lambda _record, _actor, args: ApprovalNeed("much", {"amount": args["amount"]}),
        args=(Arg("amount", "Amount", "money"),),
        body=lambda _record, **arguments: ran.append(arguments["amount"]),
        **options,
    )
    transition.ran = ran
    return transition


def test_it_waits_in_its_pending_state_until_it_is_approved(root, approvals):
    transition, user = approved_by_someone(), employee(root)
    transition(user.pk, actor=root, at=AT, amount="9.50")
    assert (seen(user)[0], transition.ran) == ("on_trial", [])
    asked = approvals.asked[0]
    assert (asked["record"].pk, asked["arguments"], asked["need"].reason) == (
        user.pk,
        {"amount": Decimal("9.50")},
        "much",
    )
    assert AuditEntry.objects.order_by("-id").first().action == "confirm.requested"
    transition(user.pk, actor=root, at=AT, amount="9.50", approved=True)
    assert (seen(user)[0], transition.ran, len(approvals.asked)) == ("on_leave", [Decimal("9.50")], 1)
    assert AuditEntry.objects.order_by("-id").first().action == "confirm"


def test_it_runs_at_once_when_nobody_need_be_asked(root, approvals):
    approvals.waits = False
    transition, user = approved_by_someone(), employee(root)
    transition(user.pk, actor=root, at=AT, amount="9.50")
    assert (seen(user)[0], transition.ran) == ("on_leave", [Decimal("9.50")])


def test_an_approved_run_asks_the_guards_again(root, approvals):
    transition = approved_by_someone(guards=(lambda record: "No mail." if not record.email else None,))
    user = employee(root, email="a@example.com")
    transition(user.pk, actor=root, amount="1")
    User.objects.filter(pk=user.pk).update(email="")
    failure = refused(Conflict, transition, user, actor=root, amount="1", approved=True)
    assert (failure.detail, transition.ran) == ("No mail.", [])


def test_while_it_waits_it_can_not_be_asked_again(root, approvals):
    transition, user = approved_by_someone(), employee(root)
    transition(user.pk, actor=root, amount="1")
    refused(Conflict, transition, user, actor=root, amount="1")
    assert len(approvals.asked) == 1


def test_approval_does_not_open_other_states(root, approvals):
    refused(Conflict, approved_by_someone(), employee(root, "left"), actor=root, amount="1", approved=True)


# --- events ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WentAway(Event):
    """Somebody went away."""

    resource = "employees"


@pytest.fixture
def reactions():
    kept = {key: list(value) for key, value in _now.items()}, dict(_later), dict(_types)
    yield
    _now.clear()
    _now.update(kept[0])
    _later.clear()
    _later.update(kept[1])
    _types.clear()
    _types.update(kept[2])


def test_those_who_react_find_the_record_as_it_is_now(root, reactions):
    states = []
    reacts(WentAway)(lambda event, _occasion: states.append(User.objects.get(pk=event.record_id).state))
    user = employee(root)
    made(event=WentAway)(user.pk, actor=root)
    assert states == ["on_leave"]
    assert OutboxEvent.objects.order_by("-id").first().name == "employees.WentAway"


def test_who_reacts_may_refuse_the_whole(root, reactions):
    def refuse(_event, _occasion):
        raise Conflict("not now")

    reacts(WentAway)(refuse)
    refused(Conflict, made(event=WentAway), employee(root), actor=root)


# --- at the same time ------------------------------------------------------------------------------------------


def test_an_old_version_is_stale(root):
    user = employee(root)
    save_record(User, {"email": "a@example.com"}, pk=user.pk, actor=root)
    refused(Stale, start_leave, user, actor=root, version=1)
    assert start_leave(user.pk, actor=root, version=2).version == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer")
def test_of_two_at_the_same_time_exactly_one_succeeds():
    user = employee(system("test"))
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        try:
            run_atomic(lambda: start_leave(user.pk, actor=system("test")))
            outcomes.append("done")
        except DomainError as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "conflict", "conflict", "done"]
    assert AuditEntry.objects.filter(action="start-leave").count() == 1
    assert User.objects.get(pk=user.pk).version == 2


def test_every_shipped_transition_has_a_label_and_a_right():
    for transition in MACHINE.values():
        assert str(transition.label)
        assert transition.permission in resource_named("employees").permissions()
