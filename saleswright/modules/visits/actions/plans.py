"""The visit plan of a week: proposals, order of the way, and how it becomes visits (VIS-03)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.geography import Place
from saleswright.kernel.models import User
from saleswright.kernel.records import Batch, Draft, save_records
from saleswright.kernel.transitions import Arg, transition
from saleswright.kernel.words import said
from saleswright.kernel.worktime import is_working_day
from saleswright.modules.pipeline.public import Activity, ActivityKind
from saleswright.modules.visits.models import PlannedStop, VisitPlan
from saleswright.modules.visits.queries import Covered, proposals
from saleswright.modules.visits.routes import shortest_order
from saleswright.modules.visits.states import PlanStatus
from saleswright.modules.work.public import Notice, tell

DRAFT, SUBMITTED, CONFIRMED = PlanStatus.DRAFT, PlanStatus.SUBMITTED, PlanStatus.CONFIRMED
NOTICE = "visit_plan"
#: when the first visit of a day begins, and minutes from one to the next
FIRST, STEP, MIDNIGHT = "09:00", 90, 24 * 60
MOST_A_DAY = 12


def prepare_plans(batch: Batch) -> None:
    """A plan is of a week from Monday; its stops lie within it, each customer once a day."""
    for draft in batch.good:
        plan = draft.record
        plan.week -= timedelta(days=plan.week.weekday())
        if plan.owner_id is None:
            draft.error("owner", "required", _("Say whose plan it is."))
        if not draft.fresh and draft.changed("week") and "stops" not in draft.lines:
            draft.error("week", "read_only", _("Give the stops of the other week with it."))
        seen: set[tuple[date, int]] = set()
        for line in draft.line_drafts.get("stops", ()):
            stop, place = line.record, f"stops.{line.index}."
            if stop.day is None or stop.customer_id is None:
                continue
            if not plan.week <= stop.day <= plan.week + timedelta(days=6):
                draft.error(f"{place}day", "range", _("This day is not in the week of the plan."))
            if (stop.day, stop.customer_id) in seen:
                draft.error(f"{place}customer", "unique", _("Named twice on that day."))
            seen.add((stop.day, stop.customer_id))


# --- filling and ordering --------------------------------------------------------------------------------------


@transition(
    "visit-plans", "propose", label=gettext_lazy("Propose visits"), source=[DRAFT], icon="bulb", drop=False,
    args=(Arg("per_day", gettext_lazy("Visits a day"), "integer", required=False, default=3),),
)  # fmt: skip
def propose_visits(plan: VisitPlan, *, actor: Actor, at: datetime, per_day: int) -> None:
    """Add customers whose visit is due, those overdue the longest first, day by day along a short way.

    Raises ValidationFailed for a number of visits that no day holds, Conflict when nobody is due or no day is left.
    """
    if not 1 <= per_day <= MOST_A_DAY:
        raise ValidationFailed.of("per_day", "range", _("Between 1 and %(most)d.") % {"most": MOST_A_DAY})
    stops = list(plan.stops.order_by("position", "id"))
    room = {day: per_day - sum(stop.day == day for stop in stops) for day in _days(plan.week, clock.local_date(at))}
    free = sum(max(0, left) for left in room.values())
    if not free:
        raise Conflict(_("No working day of this week has room left."))
    named = {stop.customer_id for stop in stops}
    due = proposals(plan.owner_id or 0, plan.week, most=free + len(named))
    chosen = [covered for covered in due if covered.customer_id not in named][:free]
    if not chosen:
        raise Conflict(_("Nobody is due for a visit in this week."))
    reasons = {one.customer_id: _why(one, plan.week) for one in chosen}
    waiting = _along_the_way(chosen)
    for day, left in room.items():
        for _n in range(max(0, left)):
            if not waiting:
                break
            one = waiting.pop(0)
            stops.append(PlannedStop(plan=plan, day=day, customer_id=one.customer_id, purpose=reasons[one.customer_id]))
    _write_in_order(stops)


def _days(week: date, today: date) -> list[date]:
    """The working days of the week that are not over."""
    days = (week + timedelta(days=n) for n in range(7))
    return [day for day in days if day >= today and is_working_day(day)]


def _why(one: Covered, week: date) -> str:
    if one.last is None:
        return _("Never visited")
    late = one.overdue(week)
    text = _("Last visit %(day)s, overdue for %(count)d days") if late > 0 else _("Last visit %(day)s, due this week")
    return text % {"day": one.last.isoformat(), "count": late}


def _along_the_way(chosen: list[Covered]) -> list[Covered]:
    """Along the shortest way; those without coordinates at the end."""
    places = [Place.of(one.latitude, one.longitude) for one in chosen]
    known = [one for one, place in zip(chosen, places, strict=True) if place is not None]
    order = shortest_order([place for place in places if place is not None])
    return [known[i] for i in order] + [one for one in chosen if one not in known]


def _write_in_order(stops: list[PlannedStop]) -> None:
    """Keep the stops day by day in their order, with times from the morning on where none are given."""
    by_day: dict[date, list[PlannedStop]] = defaultdict(list)
    for stop in stops:
        by_day[stop.day].append(stop)
    position = 0
    for day in sorted(by_day):
        times = _times(by_day[day])
        for stop, begins in zip(by_day[day], times, strict=True):
            stop.position, stop.begins = position, begins
            position += 1
    fresh = [stop for stop in stops if stop._state.adding]
    PlannedStop.objects.bulk_update([stop for stop in stops if not stop._state.adding], ["position", "begins"])
    PlannedStop.objects.bulk_create(fresh)


def _times(stops: list[PlannedStop]) -> list[str]:
    """The given times in their order, filled up with later ones on the same day."""
    found = sorted(stop.begins for stop in stops if stop.begins)
    while len(found) < len(stops):
        found.append(_later(found[-1]) if found else FIRST)
    return found


def _later(begins: str) -> str:
    """The next time on the day after one, or the same one in the evening."""
    minutes = int(begins[:2]) * 60 + int(begins[3:]) + STEP
    return begins if minutes >= MIDNIGHT else f"{minutes // 60:02d}:{minutes % 60:02d}"


def has_stops(plan: VisitPlan) -> Text | None:
    """An empty plan is none."""
    return None if plan.stops.exists() else _("Put at least one visit into the plan first.")


@transition(
    "visit-plans", "order", label=gettext_lazy("Order by distance"), source=[DRAFT], guards=(has_stops,),
    icon="route", drop=False,
)  # fmt: skip
def order_stops(plan: VisitPlan, *, actor: Actor, at: datetime) -> None:
    """Put the stops of each day into the order of a short way; their times stay, those without coordinates come last.

    Nearest neighbour with 2-opt over great-circle distances (see `routes`).
    """
    stops = list(plan.stops.select_related("customer").order_by("day", "position", "id"))
    ordered: list[PlannedStop] = []
    for day in sorted({stop.day for stop in stops}):
        of_day = [stop for stop in stops if stop.day == day]
        places = [Place.of(stop.customer.latitude, stop.customer.longitude) for stop in of_day]
        known = [stop for stop, place in zip(of_day, places, strict=True) if place is not None]
        order = shortest_order([place for place in places if place is not None])
        ordered += [known[i] for i in order]
        ordered += [stop for stop in of_day if stop not in known]
    _write_in_order(ordered)


# --- submitting and confirming ---------------------------------------------------------------------------------


@transition(
    "visit-plans", "submit", label=gettext_lazy("Submit"), source=[DRAFT], target=SUBMITTED, guards=(has_stops,),
    style="primary", icon="send",
)  # fmt: skip
def submit_plan(plan: VisitPlan, *, actor: Actor, at: datetime) -> None:
    """Hand it to the manager, who is told."""
    owner = User.objects.get(pk=plan.owner_id)
    plan.remark = ""
    if owner.manager_id:
        words = said(gettext_lazy("%(who)s submitted the visit plan of the week from %(day)s."),
                     who=owner.get_short_name(), day=plan.week.isoformat())  # fmt: skip
        tell([Notice(owner.manager_id, words, "visit-plans", plan.pk, NOTICE)], at=at)


@transition(
    "visit-plans", "confirm", label=gettext_lazy("Confirm"), source=[SUBMITTED], target=CONFIRMED, style="success",
    icon="check", drop=False,
    args=(Arg("remark", gettext_lazy("Comment"), required=False),),
)  # fmt: skip
def confirm_plan(plan: VisitPlan, *, actor: Actor, at: datetime, remark: str | None) -> None:
    """Agree: each stop becomes a planned visit of the owner, who is told. See `queries.plans_to_decide` for whose."""
    plan.remark = remark or ""
    _plan_visits(plan, actor, at)
    _tell_owner(plan, actor, at, said(gettext_lazy("Your visit plan of the week from %(day)s was confirmed."),
                                      day=plan.week.isoformat()))  # fmt: skip


@transition(
    "visit-plans", "return", label=gettext_lazy("Send back"), source=[SUBMITTED], target=DRAFT, icon="arrow-back-up",
    drop=False, args=(Arg("reason", gettext_lazy("Reason")),),
)  # fmt: skip
def return_plan(plan: VisitPlan, *, actor: Actor, at: datetime, reason: str) -> None:
    """Ask the owner to change it."""
    plan.remark = reason
    words = gettext_lazy("Your visit plan of the week from %(day)s was returned: %(reason)s")
    _tell_owner(plan, actor, at, said(words, day=plan.week.isoformat(), reason=reason))


def _tell_owner(plan: VisitPlan, actor: Actor, at: datetime, words: Any) -> None:
    if plan.owner_id and plan.owner_id != actor.user_id:
        tell([Notice(plan.owner_id, words, "visit-plans", plan.pk, NOTICE)], at=at)


def _plan_visits(plan: VisitPlan, actor: Actor, at: datetime) -> None:
    """Make the visits, an hour each, with as many statements for one as for many."""
    stops = list(plan.stops.filter(activity=None).select_related("customer").order_by("position", "id"))
    times: dict[int, str] = {}
    for day in {stop.day for stop in stops}:
        of_day = [stop for stop in stops if stop.day == day]
        begins = [s.begins for s in of_day] if all(s.begins for s in of_day) else _times(of_day)
        times |= {stop.pk: at for stop, at in zip(of_day, begins, strict=True)}
    drafts = [
        Draft(
            {
                "kind": ActivityKind.VISIT, "subject": stop.purpose or _("Visit"), "customer": stop.customer_id,
                "planned_at": datetime.combine(stop.day, time.fromisoformat(times[stop.pk]), clock.zone()),
                "owner": plan.owner_id,
            }
        )
        for stop in stops
    ]  # fmt: skip
    allowed = actor.trusted_with("activities.create").trusted_with("customers.view")
    save_records(Activity, drafts, actor=allowed, at=at)
    for stop, draft in zip(stops, drafts, strict=True):
        stop.activity = draft.record
    PlannedStop.objects.bulk_update(stops, ["activity"])
