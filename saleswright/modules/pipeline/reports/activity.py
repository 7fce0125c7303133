"""What is done with customers, and who isn't followed up (OPP-06)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.modules.customers.public import Customer
from saleswright.modules.pipeline.models import Activity
from saleswright.modules.pipeline.reports.closing import share
from saleswright.modules.pipeline.states import ActivityKind, ActivityStatus

IDLE_DAYS = 30
#: key, name of a group of activities
GROUPS = {
    "owner": ("owner_id", "owner__name"),
    "kind": ("kind", "kind"),
    "outcome": ("has_outcome", "has_outcome"),
    "customer": ("customer_id", "customer__name"),
}
OUTCOMES = {"True": gettext_lazy("Outcome noted"), "False": gettext_lazy("Without an outcome")}


def done_between(parameters: Mapping[str, Any], actor: Actor) -> QuerySet[Activity]:
    """The activities done, or planned and not done yet, from `from` to `to`, that the actor may see."""
    rows = visible(Activity.objects.filter(archived_at=None), actor).order_by()
    for name in ("owner_id", "department_id", "kind"):
        if parameters[name] is not None:
            rows = rows.filter(**{name: parameters[name]})
    done, planned = _within("done_at", parameters), _within("planned_at", parameters)
    return rows.filter(done & Q(done_at__isnull=False) | planned & Q(done_at=None))


def _within(column: str, parameters: Mapping[str, Any]) -> Q:
    start, end = _moments(parameters)
    found = Q(**{f"{column}__gte": start}) if start else Q()
    return found & Q(**{f"{column}__lt": end}) if end else found


def _moments(parameters: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    start, end = parameters["from"], parameters["to"]
    return (
        clock.day_start(start) if start else None,
        clock.day_start(end + timedelta(days=1)) if end else None,
    )


@report(
    "activity", gettext_lazy("Activities"),
    Parameter(
        "by", gettext_lazy("Grouped by"), "choice",
        (
            ("owner", gettext_lazy("Person")), ("kind", gettext_lazy("Kind")), ("outcome", gettext_lazy("Outcome")),
            ("customer", gettext_lazy("Customer")),
        ),
        default="owner",
    ),
    Parameter("from", gettext_lazy("From day")),
    Parameter("to", gettext_lazy("To day")),
    Parameter("owner_id", gettext_lazy("Owner"), "reference", to="employees"),
    Parameter("department_id", gettext_lazy("Department"), "reference", to="departments"),
    Parameter("kind", gettext_lazy("Kind of activity"), "choice", tuple(ActivityKind.choices)),
    Parameter("idle_days", gettext_lazy("Not followed up for, days"), "integer", default=IDLE_DAYS),
    icon="activity",
)  # fmt: skip
def activity(parameters: dict[str, Any], actor: Actor) -> Result:
    """Activities from `from` to `to` by person, kind, outcome or customer: planned, done, cancelled, those with an
    outcome, and with how many customers something was done.

    Of people also `idle`: how many of the customers that are theirs now had no follow-up for `idle_days` days.
    """
    by = parameters["by"]
    key, name = GROUPS[by]
    rows = done_between(parameters, actor).annotate(
        has_outcome=Case(When(outcome="", then=Value(False)), default=Value(True))
    )
    done = Q(status=ActivityStatus.DONE)
    figures = list(
        rows.values(*dict.fromkeys((key, name))).annotate(
            planned=Count("pk", filter=Q(status=ActivityStatus.PLANNED)),
            done=Count("pk", filter=done),
            cancelled=Count("pk", filter=Q(status=ActivityStatus.CANCELLED)),
            noted=Count("pk", filter=done & ~Q(outcome="")),
            customers=Count("customer_id", filter=done, distinct=True),
        )
    )  # fmt: skip
    idle, people = idle_customers(parameters, actor) if by == "owner" else ({}, {})
    found: dict[Any, list[Any]] = {}
    for row in figures:
        label = row[name] if row[name] not in (None, "") else _("(none)")
        counts = [row[one] for one in ("planned", "done", "cancelled", "noted", "customers")]
        found[row[key]] = [str(label), *counts]
    for pk in idle:
        found.setdefault(pk, [people[pk], 0, 0, 0, 0, 0])
    ordered = sorted(found.items(), key=lambda item: (-item[1][2], item[1][0]))
    names = {"kind": dict(ActivityKind.choices), "outcome": OUTCOMES}.get(by, {})
    columns = [
        ReportColumn("group", _("Group"), names=names),
        ReportColumn("planned", _("Planned"), "integer", total=True),
        ReportColumn("done", _("Done"), "integer", total=True),
        ReportColumn("cancelled", _("Cancelled"), "integer", total=True),
        ReportColumn("noted", _("Outcome noted"), "integer", total=True),
        ReportColumn("customers", _("Customers reached"), "integer"),
        ReportColumn("noted_share", _("Share with an outcome"), "percent"),
    ]
    table = [[*cells, share(cells[4], cells[2])] for _key, cells in ordered]
    if by == "owner":
        columns.append(ReportColumn("idle", _("Customers not followed up"), "integer", total=True))
        table = [[*cells, idle.get(pk, 0)] for (pk, _cells), cells in zip(ordered, table, strict=True)]
    return Result(columns, table, drill=[_behind(by, pk, parameters) for pk, _cells in ordered])


def idle_customers(parameters: Mapping[str, Any], actor: Actor) -> tuple[dict[int, int], dict[int, str]]:
    """How many customers of each person had no follow-up for `idle_days` days, and what the people are called; those
    that never had one count since they were entered."""
    days = min(max(parameters["idle_days"] or IDLE_DAYS, 1), 3650)
    before = clock.now() - timedelta(days=days)
    rows = visible(Customer.objects.filter(archived_at=None, owner__isnull=False), actor).order_by()
    rows = rows.filter(Q(followed_up_at__lt=before) | Q(followed_up_at=None, created_at__lt=before))
    for name in ("owner_id", "department_id"):
        if parameters[name] is not None:
            rows = rows.filter(**{name: parameters[name]})
    counted = rows.values("owner_id", "owner__name").annotate(n=Count("pk"))
    found = list(counted.values_list("owner_id", "owner__name", "n"))
    return {pk: n for pk, _name, n in found}, {pk: name for pk, name, _n in found}


def _behind(by: str, key: Any, parameters: Mapping[str, Any]) -> str:
    """The list behind a row, where lists have such a filter."""
    names = {"owner": "owner_id", "kind": "kind", "customer": "customer_id"}
    if by not in names or key in (None, ""):
        return ""
    parts = [f"{names[by]}={key}"]
    for name, lookup in (("from", "done_at__gte"), ("to", "done_at__lte")):
        if parameters[name] is not None:
            parts.append(f"{lookup}={parameters[name]}")
    return "/activities?" + "&".join(parts)
