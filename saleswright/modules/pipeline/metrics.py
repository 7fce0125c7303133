"""Measures of opportunities; amounts in base currency, archived ones left out."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Count, ExpressionWrapper, F, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.fields import QuantityField
from saleswright.kernel.metrics import Metric, add_metric
from saleswright.modules.pipeline.models import Activity, Opportunity
from saleswright.modules.pipeline.queries import stuck
from saleswright.modules.pipeline.states import ActivityKind, ActivityStatus, OpportunityStatus

DIMENSIONS = {
    "owner": "owner_id",
    "department": "department_id",
    "region": "owner__region_id",
    "manager": "owner__manager_id",
    "product": "product_id",
    "customer": "customer_id",
    "source": "source",
}
#: amount times probability, exact: cents times percent are ten-thousandths
WEIGHTED = ExpressionWrapper(F("base_amount") * F("probability"), output_field=QuantityField())


def rows(status: OpportunityStatus) -> Callable[[], QuerySet[Opportunity]]:
    """The opportunities of a status."""
    return lambda: Opportunity.objects.filter(status=status, archived_at=None)


WON_AMOUNT = add_metric(
    Metric(
        "won_amount", _("Won amount"), "money", _("Sum of the amounts of opportunities won, by day of closing"),
        "opportunities", rows(OpportunityStatus.WON), Sum("base_amount"), "closed_on", dimensions=DIMENSIONS,
    )
)  # fmt: skip
WON_COUNT = add_metric(
    Metric(
        "won_count", _("Deals won"), "count", _("Opportunities won, by day of closing"),
        "opportunities", rows(OpportunityStatus.WON), Count("pk"), "closed_on", dimensions=DIMENSIONS,
    )
)  # fmt: skip
LOST_COUNT = add_metric(
    Metric(
        "lost_count", _("Deals lost"), "count", _("Opportunities lost, by day of closing"),
        "opportunities", rows(OpportunityStatus.LOST), Count("pk"), "closed_on", dimensions=DIMENSIONS,
    )
)  # fmt: skip
OPEN_AMOUNT = add_metric(
    Metric(
        "open_amount", _("Open amount"), "money", _("Sum of the amounts of open opportunities, by expected close"),
        "opportunities", rows(OpportunityStatus.OPEN), Sum("base_amount"), "expected_close", dimensions=DIMENSIONS,
        present=True,
    )
)  # fmt: skip
OPEN_WEIGHTED = add_metric(
    Metric(
        "open_weighted", _("Weighted open amount"), "money",
        _("Sum of amount times probability of open opportunities, by expected close"),
        "opportunities", rows(OpportunityStatus.OPEN), Sum(WEIGHTED), "expected_close", dimensions=DIMENSIONS,
        present=True,
    )
)  # fmt: skip
STUCK_COUNT = add_metric(
    Metric(
        "stuck_count", _("Stuck deals"), "count", _("Open opportunities past the time limit of their stage"),
        "opportunities", lambda: stuck(rows(OpportunityStatus.OPEN)()), Count("pk"), "stage_due_on",
        dimensions=DIMENSIONS, present=True,
    )
)  # fmt: skip
STUCK_AMOUNT = add_metric(
    Metric(
        "stuck_amount", _("Amount of stuck deals"), "money",
        _("Sum of the amounts of open opportunities past the time limit of their stage"),
        "opportunities", lambda: stuck(rows(OpportunityStatus.OPEN)()), Sum("base_amount"), "stage_due_on",
        dimensions=DIMENSIONS, present=True,
    )
)  # fmt: skip
OPEN_COUNT = add_metric(
    Metric(
        "open_count", _("Open deals"), "count", _("Open opportunities, by expected close"),
        "opportunities", rows(OpportunityStatus.OPEN), Count("pk"), "expected_close", dimensions=DIMENSIONS,
        present=True,
    )
)  # fmt: skip

ACTIVITY_DIMENSIONS = {
    "owner": "owner_id",
    "department": "department_id",
    "region": "owner__region_id",
    "customer": "customer_id",
    "kind": "kind",
}


def done() -> QuerySet[Activity]:
    """Activities that took place."""
    return Activity.objects.filter(status=ActivityStatus.DONE, archived_at=None)


ACTIVITIES_DONE = add_metric(
    Metric(
        "activities_done", _("Activities done"), "count", _("Activities of every kind, by the moment they were done"),
        "activities", done, Count("pk"), "done_at", dimensions=ACTIVITY_DIMENSIONS, moment=True,
    )
)  # fmt: skip
VISITS_DONE = add_metric(
    Metric(
        "visits_done", _("Visits done"), "count", _("Visits, by the moment they were done"),
        "activities", lambda: done().filter(kind=ActivityKind.VISIT), Count("pk"), "done_at",
        dimensions=ACTIVITY_DIMENSIONS, moment=True,
    )
)  # fmt: skip
