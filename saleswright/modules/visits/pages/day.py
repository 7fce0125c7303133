"""The day of somebody who visits customers, made for a phone: where to go, checking in, writing down, reporting."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.pages.common import actor_of, goes_to
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Conflict, NotAllowed
from saleswright.kernel.geography import Place
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.pipeline.public import Activity, ActivityKind, ActivityStatus
from saleswright.modules.visits.actions.check_in import metres_text
from saleswright.modules.visits.actions.plans import propose_visits
from saleswright.modules.visits.actions.reports import own_report
from saleswright.modules.visits.models import VisitPlan
from saleswright.modules.visits.pages.schedule import COLOURS
from saleswright.modules.visits.queries import about_of, address_of, entries, of_person, proposals
from saleswright.modules.visits.routes import length

DAY = timedelta(days=1)
OVERDUE = 5


@dataclass(frozen=True, slots=True)
class Call:
    """Something to be done today, with what can be done about it now."""

    one: Activity
    colour: str
    times: str
    about: str
    address: str
    map_url: str
    late: bool
    mine: bool

    @property
    def state(self) -> str:
        """What the phone shows: to come, there, left, done."""
        if self.one.status != ActivityStatus.PLANNED:
            return str(self.one.status)
        if self.one.checked_out_at:
            return "left"
        return "there" if self.one.checked_in_at else "planned"

    @property
    def visits(self) -> bool:
        return self.one.kind == ActivityKind.VISIT

    @property
    def distance(self) -> str:
        return "" if self.one.distance is None else metres_text(self.one.distance)


@require_GET
def my_day(request: HttpRequest) -> HttpResponse:
    """Today: what is planned, what was left undone, whom one should see, and the report."""
    actor = actor_of(request)
    actor.require("activities.view")
    if actor.user_id is None:
        raise NotAllowed
    today = clock.today()
    start, end = clock.day_start(today), clock.day_start(today + DAY)
    rows = of_person(visible(Activity.objects.filter(archived_at=None), actor), actor.user_id)
    rows = rows.select_related("customer", "lead", "opportunity")
    todays = rows.filter(planned_at__gte=start, planned_at__lt=end).exclude(status=ActivityStatus.CANCELLED)
    undone = rows.filter(status=ActivityStatus.PLANNED, planned_at__lt=start, owner_id=actor.user_id)
    calls = [_call(one, actor) for one in todays.order_by("planned_at", "id")]
    meetings = [one for one in entries(actor.user_id, start, end, actor) if one.kind == "meeting-called"]
    places = [place for call in calls if call.visits and (place := _place(call.one))]
    writes = actor.may("work-reports.submit")
    monday = today - today.weekday() * DAY
    due = proposals(actor.user_id, monday, most=OVERDUE) if actor.may("visit-plans.create") else []
    context = {
        "title": f"{today:%Y-%m-%d} {date_format(today, 'l')}",
        "calls": calls,
        "meetings": [(f"{clock.local_time(one.start):%H:%M}", one) for one in meetings],
        "undone": [_call(one, actor) for one in undone.order_by("-planned_at", "-id")[:OVERDUE]],
        "way": metres_text(round(length(places))) if len(places) > 1 else "",
        "due": [(one, one.overdue(today)) for one in due],
        "plans": actor.may("visit-plans.create"),
        "plan": VisitPlan.objects.filter(owner_id=actor.user_id, week=monday, archived_at=None).first(),
        "writes": writes,
        "report": own_report("daily", today, actor) if writes else None,
        "done": sum(call.one.status == ActivityStatus.DONE for call in calls),
        "creates": actor.may("activities.create"),
    }
    return render(request, "visits/my_day.html", context)


def _place(one: Activity) -> Place | None:
    return Place.of(one.customer.latitude, one.customer.longitude) if one.customer else None


def _call(one: Activity, actor: Actor) -> Call:
    assert one.planned_at is not None
    customer, begins = one.customer, clock.local_time(one.planned_at)
    where = address_of(customer) if customer else ""
    today = clock.local_date(one.planned_at) == clock.today()
    place = _place(one)
    return Call(
        one,
        COLOURS[str(one.kind)],
        f"{begins:%H:%M}" if today else f"{begins:%m-%d %H:%M}",
        about_of(one),
        where,
        f"geo:{place.latitude},{place.longitude}?q={place.latitude},{place.longitude}" if place else "",
        one.status == ActivityStatus.PLANNED and one.ends_at is not None and one.ends_at < clock.now(),
        one.owner_id == actor.user_id,
    )


@require_POST
def my_week(request: HttpRequest) -> HttpResponse:
    """The plan of this or the next week: the one that there is, or a new one with whom to visit."""
    actor = actor_of(request)
    today = clock.today()
    later = request.POST.get("week") == "next"
    monday = today - today.weekday() * DAY + (7 * DAY if later else timedelta())
    found = VisitPlan.objects.filter(owner_id=actor.user_id or 0, week=monday, archived_at=None).first()
    plan = found or run_atomic(lambda: _new_plan(monday, actor))
    if found is None and not plan.stops.exists():
        messages.info(request, _("Nobody is due for a visit in this week. Add customers by hand."))
    return goes_to(request, f"/visit-plans/{plan.pk}")


def _new_plan(monday: date, actor: Actor) -> Any:
    plan = save_record(VisitPlan, {"week": monday}, actor=actor)
    with suppress(Conflict):  # an empty plan is a beginning too
        propose_visits(plan.pk, actor=actor)
    return plan
