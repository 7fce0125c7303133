"""The tiles of the first screen: what a person has to do, and how it goes. A tile costs one or two statements.

Figures that take longer are kept for a minute for each person.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.core.cache import cache
from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from saleswright.interface.formatting import (
    compact_money,
    format_date,
    format_money,
    format_number,
    format_percent,
    relative_date,
    relative_datetime,
)
from saleswright.interface.home import tile
from saleswright.interface.presentation import Chart, Tile, TileItem
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.company import base_currency
from saleswright.kernel.models import AuditEntry, SearchRow
from saleswright.kernel.resources import all_resources
from saleswright.modules.analytics import competitors, intelligence, market_share
from saleswright.modules.analytics.goals import Goal, goal_of
from saleswright.modules.pipeline.public import Activity, ActivityStatus, Opportunity, OpportunityStatus
from saleswright.modules.receivables.public import Invoice, InvoiceStatus
from saleswright.modules.service.public import TicketStatus, unsolved_tickets
from saleswright.modules.targets.public import metric_label
from saleswright.modules.work.public import Task, TaskState, waiting_for

KEEP_SECONDS = 60
SHOWN, COUNTED = 6, 100
T = TypeVar("T")


def kept(name: str, actor: Actor, compute: Callable[[], T]) -> T:
    """A figure of a person, at most a minute old."""
    key = f"home:{name}:{actor.user_id}:{actor.access.version}:{clock.today()}"
    found = cache.get(key)
    if found is None:
        found = compute()
        cache.set(key, found, KEEP_SECONDS)
    return found


def language() -> str:
    """The language in which the person reads."""
    return get_language() or "zh-hans"


def how_many(count: int) -> str:
    """A count that stops at a hundred."""
    return f"{COUNTED}+" if count > COUNTED else str(count)


# --- how it goes -----------------------------------------------------------------------------------------------


def _goal(actor: Actor) -> Goal:
    return kept("goal", actor, lambda: goal_of(actor, clock.today()))


def _amount(value: Decimal, goal: Goal) -> str:
    if goal.unit == "money":
        return compact_money(value, base_currency(), language())
    return format_number(value)


@tile(10)
def my_target(actor: Actor) -> Tile | None:
    """The target that counts for the person now, as a ring with the time that has gone."""
    goal = _goal(actor) if actor.may("targets.view") else None
    if goal is None or goal.attainment is None:
        return None
    reached = goal.attainment
    facts = {
        "actual": _amount(reached.actual, goal),
        "value": _amount(goal.value, goal),
        "expected": _amount(reached.expected or Decimal(0), goal),
    }
    return Tile(
        f"{metric_label(goal.metric)} · {goal.scope} {goal.period}",
        figure=format_percent(reached.attainment) or "—",
        detail=_("%(actual)s of %(value)s; %(expected)s at this pace") % facts,
        progress=float(min(max(reached.attainment or Decimal(0), Decimal(0)), Decimal(1))),
        elapsed=float(reached.elapsed),
        colour=reached.light.value if reached.light else "",
        url=f"/targets/{goal.target_id}",
    )


@tile(60)
def year_by_months(actor: Actor) -> Tile | None:
    """What was reached each month of the fiscal year, against the target."""
    if not actor.may("orders.view") or not actor.may("reports.view"):
        return None
    goal = _goal(actor)
    if not any(month.actual for month in goal.months) and goal.target_id is None:
        return None
    return Tile(_("Results by month"), size=8, chart=_months_chart(goal), url=f"/reports/metric?name={goal.metric}")


def _months_chart(goal: Goal) -> Chart:
    past = [month for month in goal.months if not month.future]
    reached, planned = sum(m.actual for m in past), sum(m.planned or Decimal(0) for m in past)
    label = metric_label(goal.metric)
    series: list[dict[str, Any]] = [
        {
            "name": _("Actual"), "type": "line", "smooth": True, "areaStyle": {"opacity": 0.1},
            "data": [None if month.future else float(month.actual) for month in goal.months],
        }
    ]  # fmt: skip
    if planned:
        lines = [None if month.planned is None else float(month.planned) for month in goal.months]
        series.append({"name": _("Target"), "type": "line", "lineStyle": {"type": "dashed"}, "data": lines})
        facts = {"label": label, "share": format_percent(reached / planned)}
        title = _("%(label)s: %(share)s of the target of these months") % facts
    else:
        title = _("%(label)s: %(amount)s this year") % {"label": label, "amount": _amount(Decimal(reached), goal)}
    option = {
        "legend": {"right": 0},
        "grid": {"containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [month.label for month in goal.months]},
        "yAxis": {"type": "value"},
        "series": series,
    }
    rows = [
        [month.label, "" if month.future else _amount(month.actual, goal), _amount(month.planned or Decimal(0), goal)]
        for month in goal.months
    ]
    unit = base_currency() if goal.unit == "money" else ""
    return Chart(title, unit, _("The metric layer"), option, [_("Month"), _("Actual"), _("Target")], rows)


@tile(50)
def pipeline_by_stage(actor: Actor) -> Tile | None:
    """The open opportunities by stage."""
    if not actor.may("opportunities.view"):
        return None
    stages = kept("stages", actor, lambda: _stages(actor))
    if not stages:
        return None
    whole = sum((amount for _title, _count, amount in stages), Decimal(0))
    most = max(stages, key=lambda stage: (stage[2], stage[1]))
    title = _("%(amount)s open, most of it in “%(stage)s”") % {
        "amount": compact_money(whole, base_currency(), language()),
        "stage": most[0],
    }
    option = {
        "tooltip": {"trigger": "item"},
        "series": [
            {
                "type": "funnel",
                "sort": "none",
                "gap": 2,
                "label": {"show": True, "position": "inside", "formatter": "{b} {c}"},
                "data": [{"name": name, "value": count} for name, count, _amount in stages],
            }
        ],
    }
    rows = [[name, str(count), format_money(amount, base_currency(), language())] for name, count, amount in stages]
    chart = Chart(title, _("Deals"), _("Open opportunities"), option, [_("Stage"), _("Deals"), _("Amount")], rows)
    return Tile(_("Pipeline"), chart=chart, url="/opportunities/board")


def _stages(actor: Actor) -> list[tuple[str, int, Decimal]]:
    """Stage, number and amount of the open opportunities in the pipeline that has most of them."""
    rows = visible(Opportunity.objects.filter(status=OpportunityStatus.OPEN, archived_at=None), actor).order_by()
    columns = ("pipeline_id", "stage__sequence", "stage_id", "stage__title")
    found = list(rows.values_list(*columns).annotate(n=Count("pk"), amount=Sum("base_amount")))
    in_pipeline: dict[int, int] = {}
    for row in found:
        in_pipeline[row[0]] = in_pipeline.get(row[0], 0) + row[4]
    chosen = max(in_pipeline, key=lambda pk: (in_pipeline[pk], -pk), default=None)
    here = sorted((row for row in found if row[0] == chosen), key=lambda row: (row[1], row[2]))
    return [(row[3], row[4], row[5] or Decimal(0)) for row in here]


@tile(55)
def overdue_receivables(actor: Actor) -> Tile | None:
    """What customers should have paid."""
    if not actor.may("invoices.view"):
        return None
    today = clock.today()
    count, amount, oldest = kept("receivables", actor, lambda: _overdue(actor))
    if not count:
        return None
    items = [
        TileItem(
            customer,
            f"/invoices/{pk}",
            f"{compact_money(balance, base_currency(), language())} · {relative_date(due, language(), today)}",
            late=True,
        )
        for pk, customer, balance, due in oldest
    ]
    return Tile(
        _("Overdue receivables"),
        figure=compact_money(amount, base_currency(), language()),
        detail=_("%(count)d invoices are past due") % {"count": count},
        colour="red",
        items=items,
        url=f"/invoices?status=issued&due_on__lt={today.isoformat()}",
    )


def _overdue(actor: Actor) -> tuple[int, Decimal, list[tuple[Any, ...]]]:
    rows = Invoice.objects.filter(status=InvoiceStatus.ISSUED, balance__gt=0, due_on__lt=clock.today())
    rows = visible(rows.filter(archived_at=None), actor)
    figures = rows.order_by().aggregate(n=Count("pk"), amount=Sum("base_balance"))
    if not figures["n"]:
        return 0, Decimal(0), []
    oldest = rows.order_by("due_on", "id").values_list("pk", "customer__name", "base_balance", "due_on")[:SHOWN]
    return figures["n"], figures["amount"], list(oldest)


# --- what is to be done ----------------------------------------------------------------------------------------


@tile(20)
def my_tasks(actor: Actor) -> Tile | None:
    """Open tasks, those with the nearest time first."""
    if actor.user_id is None or not actor.may("tasks.view"):
        return None
    rows = Task.objects.filter(owner_id=actor.user_id, state=TaskState.OPEN, archived_at=None)
    found = list(
        rows.order_by(F("due_at").asc(nulls_last=True), "id").values_list("pk", "title", "due_at")[: COUNTED + 1]
    )
    now = clock.now()
    late = sum(due is not None and due < now for _pk, _title, due in found)
    items = [
        TileItem(title, f"/tasks/{pk}", relative_datetime(due, language(), now), late=bool(due and due < now))
        for pk, title, due in found[:SHOWN]
    ]
    return Tile(
        _("My tasks"),
        figure=how_many(len(found)) if found else "",
        detail=_("%(late)d overdue") % {"late": late} if late else "",
        colour="red" if late else "",
        items=items,
        url=f"/tasks?state=open&owner_id={actor.user_id}",
        empty=_("Nothing is waiting for you."),
    )


@tile(30)
def todays_activities(actor: Actor) -> Tile | None:
    """Visits and calls planned for today, and earlier ones that were not done."""
    if actor.user_id is None or not actor.may("activities.view"):
        return None
    start = clock.day_start(clock.today())
    rows = Activity.objects.filter(
        owner_id=actor.user_id, status=ActivityStatus.PLANNED, planned_at__lt=start + timedelta(days=1),
        archived_at=None,
    )  # fmt: skip
    columns = ("pk", "subject", "planned_at", "customer__name")
    found: list[Any] = list(rows.order_by("-planned_at", "id").values_list(*columns)[:SHOWN])
    items = [
        TileItem(
            f"{subject} · {customer}" if customer else subject,
            f"/activities/{pk}",
            f"{clock.local_time(planned):%H:%M}" if planned >= start else format_date(clock.local_date(planned)),
            late=planned < start,
        )
        for pk, subject, planned, customer in found
    ]
    return Tile(
        _("Today's visits and calls"),
        items=items,
        url="/my-day",
        empty=_("Nothing is planned for today."),
    )


@tile(15)
def approvals_waiting(actor: Actor) -> Tile | None:
    """What the person is asked to decide."""
    if actor.user_id is None or not actor.may("approvals.approve"):
        return None
    rows = waiting_for(actor).order_by("requested_at", "id")
    found = list(rows.values_list("subject_label", "requested_at", "requested_by__name")[: COUNTED + 1])
    if not found:
        return None
    items = [
        TileItem(label, "/approvals", f"{who} · {relative_datetime(at, language())}")
        for label, at, who in found[:SHOWN]
    ]
    return Tile(
        _("Waiting for your decision"), figure=how_many(len(found)), colour="yellow", items=items, url="/approvals"
    )


@tile(25)
def my_tickets(actor: Actor) -> Tile | None:
    """Tickets of one's own without a solution, the one due first at the top."""
    if actor.user_id is None or not actor.may("tickets.resolve"):
        return None
    now = clock.now()
    found = list(unsolved_tickets(actor).values_list("pk", "subject", "solution_due", "status")[: COUNTED + 1])
    items = [
        TileItem(
            subject,
            f"/tickets/{pk}",
            str(TicketStatus.WAITING.label)
            if status == TicketStatus.WAITING
            else relative_datetime(due, language(), now),
            late=bool(due and due < now and status != TicketStatus.WAITING),
        )
        for pk, subject, due, status in found[:SHOWN]
    ]
    return Tile(
        _("My tickets"),
        figure=how_many(len(found)) if found else "",
        items=items,
        url=f"/tickets?owner_id={actor.user_id}&status=new,assigned,waiting",
        empty=_("No customer is waiting for you."),
    )


@tile(70)
def changes_by_others(actor: Actor) -> Tile | None:
    """What others did to one's own records since yesterday."""
    if actor.user_id is None:
        return None
    since = clock.day_start(clock.today() - timedelta(days=1))
    own = SearchRow.objects.filter(
        resource=OuterRef("resource"), record_id=OuterRef("record_id"), right="", owner_id=actor.user_id
    )
    rows = AuditEntry.objects.filter(~Q(actor_id=actor.user_id), Exists(own), at__gte=since).order_by("-id")
    found = rows.values_list("resource", "record_id", "label", "at", "actor__name")[:SHOWN]
    nobody = _("System")
    labels = {resource.name: resource.label for resource in all_resources() if actor.may(f"{resource.name}.view")}
    items = [
        TileItem(
            f"{labels[resource]} {label}",
            f"/{resource}/{pk}",
            f"{who or nobody} · {relative_datetime(at, language())}",
        )
        for resource, pk, label, at, who in found
        if resource in labels
    ]
    return Tile(_("Changed by others since yesterday"), items=items, empty="") if items else None


urlpatterns = [*competitors.urlpatterns, *intelligence.urlpatterns, *market_share.urlpatterns]
