"""Care plans: what they ask for today, as tasks of the customers' owners, each once; and what became of it.

- contact: so many days after the last activity of any kind, or after the customer was entered;
- visits: the k-th of n visits of a fiscal quarter is asked for from (k-1)/n of it on and due at k/n of it;
- festivals: the first day of each public holiday, Tomb-Sweeping Day left out; birthdays: of contacts who consent;
- verification: so many months after the last one, or after the customer was entered.

Tasks are made `AHEAD` days before they are due (visits: when their part of the quarter begins), and are due today at
the earliest: nothing is late before anybody was asked. A contact or visit that
took place closes its duty and task; the others are done when their task is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import override

from saleswright.interface.conditions import say, terms_of
from saleswright.interface.entity import entity_named
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.clock import Period, relative_period
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.metrics import facts, measure_by, metric_named
from saleswright.kernel.models import EmploymentState, SpecialDay, User
from saleswright.kernel.records import Batch, Draft, save_records
from saleswright.kernel.resources import resource_named
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.insight import queries
from saleswright.modules.insight.actions.figures import AT_ONCE
from saleswright.modules.insight.models import CareDuty, CarePlan
from saleswright.modules.insight.states import CareKind, CareState
from saleswright.modules.receivables.public import months_after
from saleswright.modules.work.public import Task, TaskState

AHEAD = 3
CONTACTS, VISITS = "activities_done", "visits_done"
#: words in the names of holidays on which one does not congratulate
SOLEMN = ("清明", "Tomb")


@dataclass(frozen=True, slots=True)
class Need:
    """Something to be done for a customer by a day; `what` names the occasion or the person."""

    customer: int
    kind: CareKind
    key: str
    due: date
    what: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some customers on a day, read in a statement each."""

    day: date
    quarter: Period
    entered: Mapping[int, date]
    contacted: Mapping[int, date]
    visits: Mapping[int, int]
    verified: Mapping[int, date]
    birthdays: Mapping[int, list[tuple[int, str, date]]]
    festivals: list[tuple[date, str]]


def prepare_plans(batch: Batch) -> None:
    """A plan asks for something, of conditions that make sense to who writes it."""
    for draft in batch.good:
        plan = draft.record
        asks = (plan.contact_days, plan.visits_a_quarter, plan.festivals, plan.birthdays, plan.verify_months)
        if not any(asks):
            draft.error("contact_days", "required", _("The plan asks for nothing yet."))
        if plan.conditions and (draft.fresh or draft.changed("conditions")):
            try:
                say(plan.conditions, terms_of(entity_named("customers"), batch.actor))
            except ValidationFailed as refused:
                draft.error("conditions", refused.errors[0].code, refused.errors[0].message)


def looked_after(actor: Actor) -> dict[CarePlan, dict[int, int]]:
    """The customers of each plan in force with their owners: {plan: {customer: owner}}.

    A customer belongs to the first plan that fits; nobody looks after those without an owner. A plan whose conditions
    make no sense any more looks after nobody.
    """
    found: dict[CarePlan, dict[int, int]] = {}
    taken: set[int] = set()
    for plan in CarePlan.objects.filter(active=True, archived_at=None).order_by("position", "pk"):
        rows = Customer.objects.filter(archived_at=None, owner__isnull=False, owner__archived_at=None).order_by()
        rows = rows.exclude(owner__state=EmploymentState.LEFT)
        if plan.level:
            rows = rows.filter(level=plan.level)
        if plan.conditions:
            try:
                rows = rows.filter(queries.tree_query(plan.conditions, actor))
            except ValidationFailed:
                continue
        mine = {pk: owner for pk, owner in rows.values_list("pk", "owner_id") if pk not in taken}
        taken |= set(mine)
        found[plan] = mine
    return found


def care(at: datetime) -> dict[str, int]:
    """Close what was done, and ask for what is due: duties and tasks, set-wise; idempotent.

    Answers how many duties were closed and made.
    """
    actor, day = system("insight"), clock.local_date(at)
    closed = _close(day, actor, at)
    plans = looked_after(actor)
    known = _known({pk for mine in plans.values() for pk in mine}, day, actor)
    made = 0
    for plan, mine in plans.items():
        needs = {(need.customer, need.key): need for pk in mine for need in needs_of(plan, pk, known)}
        open_kinds = set(
            CareDuty.objects.filter(state=CareState.OPEN, kind=CareKind.CONTACT).values_list("customer_id", flat=True)
        )
        present = set(CareDuty.objects.filter(customer__in=mine).values_list("customer_id", "key"))
        fresh = [
            replace(need, due=max(need.due, day))
            for key, need in sorted(needs.items())
            if key not in present and not (need.kind == CareKind.CONTACT and need.customer in open_kinds)
        ]
        for start in range(0, len(fresh), AT_ONCE):
            _make(plan, fresh[start : start + AT_ONCE], mine, actor, at)
        made += len(fresh)
    return {"closed": closed, "made": made}


# --- what is needed --------------------------------------------------------------------------------------------


def needs_of(plan: CarePlan, customer: int, known: Known) -> Iterator[Need]:
    """What the plan asks for a customer on the day, whether it was asked for before or not."""
    soon = known.day + timedelta(days=AHEAD)
    if plan.contact_days:
        last = max(known.contacted.get(customer, known.entered[customer]), known.entered[customer])
        due = last + timedelta(days=plan.contact_days)
        if due <= soon:
            yield Need(customer, CareKind.CONTACT, f"contact:{last.isoformat()}", due)
    if plan.visits_a_quarter:
        yield from _visits(plan.visits_a_quarter, customer, known)
    if plan.festivals:
        for day, name in known.festivals:
            yield Need(customer, CareKind.FESTIVAL, f"festival:{day.isoformat()}", day, name)
    if plan.birthdays:
        for contact, name, day in known.birthdays.get(customer, ()):
            yield Need(customer, CareKind.BIRTHDAY, f"birthday:{contact}:{day.year}", day, name)
    if plan.verify_months:
        last = known.verified.get(customer, known.entered[customer])
        due = months_after(last, plan.verify_months)
        if due <= soon:
            yield Need(customer, CareKind.VERIFY, f"verify:{last.isoformat()}", due)


def _visits(wanted: int, customer: int, known: Known) -> Iterator[Need]:
    """The next visit of the quarter, once its part of the quarter has begun."""
    start, length = known.quarter.start, known.quarter.days
    turn = known.visits.get(customer, 0) + 1
    if turn > wanted or known.day < start + timedelta(days=length * (turn - 1) // wanted):
        return
    due = start + timedelta(days=length * turn // wanted - 1)
    yield Need(customer, CareKind.VISIT, f"visit:{start.isoformat()}:{turn}", due)


def _known(ids: set[int], day: date, actor: Actor) -> Known:
    quarter = relative_period("this_quarter", day)
    contacts = metric_named(CONTACTS)
    member = contacts.dimensions["customer"]
    last = facts(contacts, actor).order_by().values_list(member).annotate(Max(contacts.day))
    verified = CareDuty.objects.filter(kind=CareKind.VERIFY, done_on__isnull=False).order_by()
    entered = Customer.objects.filter(pk__in=ids) if len(ids) < AT_ONCE else Customer.objects.all()
    visits = measure_by(metric_named(VISITS), "customer", actor, quarter)
    return Known(
        day,
        quarter,
        {pk: clock.local_date(moment) for pk, moment in entered.order_by().values_list("pk", "created_at")},
        {pk: clock.local_date(moment) for pk, moment in last if pk in ids and moment is not None},
        {pk: int(count) for pk, count in visits.items()},
        dict(verified.values_list("customer_id").annotate(Max("done_on"))),
        _birthdays(ids, day),
        _festivals(day),
    )


def _birthdays(ids: set[int], day: date) -> dict[int, list[tuple[int, str, date]]]:
    """Who has a birthday within the next days; one of 29 February has it on the 28th in other years."""
    found: dict[int, list[tuple[int, str, date]]] = defaultdict(list)
    days = {(one.month, one.day): one for one in (day + timedelta(days=n) for n in range(AHEAD + 1))}
    for one in list(days.values()):
        if (one.month, one.day) == (2, 28) and (one + timedelta(days=1)).month == 3:
            days[2, 29] = one
    people = Contact.objects.filter(birthday__isnull=False, may_be_contacted=True, archived_at=None).order_by("pk")
    months = people.filter(birthday__month__in={month for month, _day in days})
    rows: Any = months.values_list("pk", "customer_id", "name", "birthday")
    for pk, customer, name, birthday in rows:
        when = days.get((birthday.month, birthday.day))
        if when is not None and customer in ids:
            found[customer].append((pk, name, when))
    return found


def _festivals(day: date) -> list[tuple[date, str]]:
    """The first days of public holidays within the next days."""
    rows = SpecialDay.objects.filter(
        works_like=None, archived_at=None, day__gte=day - timedelta(days=1), day__lte=day + timedelta(days=AHEAD)
    )
    names = dict(rows.values_list("day", "name"))
    return [
        (one, name)
        for one, name in sorted(names.items())
        if one >= day and names.get(one - timedelta(days=1)) != name and not any(word in name for word in SOLEMN)
    ]


# --- duties and tasks ------------------------------------------------------------------------------------------


def _make(plan: CarePlan, needs: list[Need], owners: Mapping[int, int], actor: Actor, at: datetime) -> None:
    names = dict(Customer.objects.filter(pk__in={need.customer for need in needs}).values_list("pk", "name"))
    spoken = dict(User.objects.filter(pk__in=set(owners.values())).values_list("pk", "language"))
    drafts = [
        Draft(
            {
                "title": _title(need, names[need.customer], spoken.get(owners[need.customer], ""))[:200],
                "owner": owners[need.customer],
                "due_at": clock.day_start(need.due + timedelta(days=1)) - timedelta(minutes=1),
                "resource": "customers",
                "record_id": need.customer,
            }
        )
        for need in needs
    ]
    save_records(Task, drafts, actor=actor, at=at)
    CareDuty.objects.bulk_create(
        CareDuty(
            plan=plan, customer_id=need.customer, kind=need.kind.value, key=need.key, due_on=need.due,
            task=draft.record, created_at=at, updated_at=at,
        )
        for need, draft in zip(needs, drafts, strict=True)
    )  # fmt: skip


def _title(need: Need, customer: str, language: str) -> str:
    """What is to be done, in the language of who does it."""
    words = {"customer": customer, "what": need.what}
    with override(language or "zh-hans"):
        match need.kind:
            case CareKind.CONTACT:
                return _("Get in touch with %(customer)s") % words
            case CareKind.VISIT:
                return _("Visit %(customer)s") % words
            case CareKind.FESTIVAL:
                return _("Wishes for %(what)s: %(customer)s") % words
            case CareKind.BIRTHDAY:
                return _("Birthday of %(what)s: %(customer)s") % words
            case _:
                return _("Verify the record of %(customer)s") % words


def _close(day: date, actor: Actor, at: datetime) -> int:
    """Close open duties that were done or dropped, by what took place or by their tasks."""
    rows = CareDuty.objects.filter(state=CareState.OPEN).select_related("task").order_by("pk")
    contacts, quarter = metric_named(CONTACTS), relative_period("this_quarter", day)
    member = contacts.dimensions["customer"]
    last = dict(facts(contacts, actor).order_by().values_list(member).annotate(Max(contacts.day)))
    visits = measure_by(metric_named(VISITS), "customer", actor, quarter)
    closed = 0
    for start in iter(_parts(list(rows))):
        done, dropped, tasks = [], [], []
        for duty in start:
            task = duty.task
            if _took_place(duty, last, visits, quarter):
                done.append(duty.pk)
                if task is not None and task.state == TaskState.OPEN:
                    tasks.append(task.pk)
            elif task is not None and task.state == TaskState.DONE:
                done.append(duty.pk)
            elif task is None or task.state == TaskState.CANCELLED or _is_past(duty, quarter):
                dropped.append(duty.pk)
                if task is not None and task.state == TaskState.OPEN:
                    tasks.append(task.pk)
        CareDuty.objects.filter(pk__in=done).update(state=CareState.DONE, done_on=day, updated_at=at)
        CareDuty.objects.filter(pk__in=dropped).update(state=CareState.DROPPED, updated_at=at)
        _finish(tasks, actor, at)
        closed += len(done) + len(dropped)
    return closed


def _parts(rows: list[CareDuty]) -> Iterable[list[CareDuty]]:
    return (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))


def _took_place(duty: CareDuty, last: Mapping[int, Any], visits: Mapping[int, Any], quarter: Period) -> bool:
    if duty.kind == CareKind.CONTACT:
        moment = last.get(duty.customer_id)
        return moment is not None and clock.local_date(moment).isoformat() > duty.key.partition(":")[2]
    if duty.kind == CareKind.VISIT:
        _kind, start, turn = duty.key.split(":")
        return start == quarter.start.isoformat() and visits.get(duty.customer_id, 0) >= int(turn)
    return False


def _is_past(duty: CareDuty, quarter: Period) -> bool:
    """A visit of an earlier quarter is not made up for: the new quarter asks for its own."""
    return duty.kind == CareKind.VISIT and duty.key.split(":")[1] < quarter.start.isoformat()


def _finish(ids: list[int], actor: Actor, at: datetime) -> None:
    """Complete the tasks of what took place, one by one as people do, for a task that is done follows its rules."""
    complete = resource_named("tasks").transition("complete")
    for pk in ids:
        complete(pk, actor=actor, at=at)
