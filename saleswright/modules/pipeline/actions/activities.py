"""What is checked and filled in when activities are written, and how they are done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import FieldError, Text, ValidationFailed
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.customers.public import Contact
from saleswright.modules.pipeline.actions.opportunities import match_contact
from saleswright.modules.pipeline.models import Activity, Opportunity
from saleswright.modules.pipeline.states import ActivityKind, ActivityStatus
from saleswright.modules.pool.public import followed_up

PLANNED, DONE, CANCELLED = ActivityStatus.PLANNED, ActivityStatus.DONE, ActivityStatus.CANCELLED


def prepare_activities(batch: Batch) -> None:
    """They are about a customer, lead or opportunity; one with a time of being done is done."""
    contacts = {draft.record.contact_id for draft in batch.good} - {None}
    deals = {draft.record.opportunity_id for draft in batch.good} - {None}
    owners = dict(Contact.objects.filter(pk__in=contacts).values_list("pk", "customer_id")) if contacts else {}
    buyers = dict(Opportunity.objects.filter(pk__in=deals).values_list("pk", "customer_id")) if deals else {}
    for draft in batch.good:
        activity = draft.record
        buyer = buyers.get(activity.opportunity_id)
        activity.customer_id = activity.customer_id or buyer
        if buyer and activity.customer_id != buyer:
            draft.error("customer", "invalid", _("The opportunity is with another customer."))
        match_contact(draft, owners)
        if not (activity.customer_id or activity.lead_id or activity.opportunity_id):
            draft.error("customer", "required", _("Name a customer, a lead or an opportunity."))
        _settle(draft, batch)


def _settle(draft: Draft, batch: Batch) -> None:
    activity = draft.record
    if activity.done_at and activity.done_at > batch.at:
        draft.error("done_at", "range", _("What is done can't lie in the future."))
    if activity.status == PLANNED and activity.done_at:
        activity.status = DONE
    elif activity.status == DONE and not activity.done_at:
        draft.error("done_at", "required", _("Say when it was done."))


def edit_refusal(activity: Activity) -> Text | None:
    """Cancelled activities stand."""
    return _("A cancelled activity can't be changed.") if activity.status == CANCELLED else None


@transition(
    "activities", "complete", label=gettext_lazy("Complete"), source=[PLANNED], target=DONE, icon="check",
    style="success",
    args=(
        Arg("outcome", gettext_lazy("Outcome"), "long"),
        Arg("next_step", gettext_lazy("Next step"), required=False),
        Arg("done_at", gettext_lazy("Done at"), "datetime", required=False, help=gettext_lazy("Left empty: now.")),
    ),
)  # fmt: skip
def complete_activity(
    activity: Activity, *, actor: Actor, at: datetime, outcome: str, next_step: str | None, done_at: datetime | None
) -> None:
    """It is done; say what came of it. Raises ValidationFailed for a time in the future."""
    if done_at and done_at > at:
        raise ValidationFailed.of("done_at", "range", _("What is done can't lie in the future."))
    activity.done_at, activity.outcome = done_at or at, outcome
    activity.next_step = next_step or activity.next_step
    note_follow_ups([activity])


def note_follow_ups(activities: Iterable[Activity]) -> None:
    """What was done with a customer or lead is a follow-up of it."""
    for resource, column in (("customers", "customer_id"), ("leads", "lead_id")):
        moments: dict[int, datetime] = {}
        for one in activities:
            pk = getattr(one, column)
            if pk is not None and one.done_at is not None and one.status != CANCELLED:
                moments[pk] = max(one.done_at, moments.get(pk, one.done_at))
        if moments:
            followed_up(resource, moments)


def is_visit(activity: Activity) -> Text | None:
    """Only who goes somewhere can arrive."""
    return None if activity.kind == ActivityKind.VISIT else _("Only visits have a check-in.")


def not_checked_in(activity: Activity) -> Text | None:
    """Place and time of the first check-in are evidence and stay."""
    return _("Checked in already.") if activity.checked_in_at else None


@transition(
    "activities", "check-in", label=gettext_lazy("Check in"), source=[PLANNED], guards=(is_visit, not_checked_in),
    icon="map-pin",
    args=(Arg("latitude", gettext_lazy("Latitude"), "coordinate"),
          Arg("longitude", gettext_lazy("Longitude"), "coordinate")),
)  # fmt: skip
def check_in(activity: Activity, *, actor: Actor, at: datetime, latitude: Decimal, longitude: Decimal) -> None:
    """Note place (degrees, WGS 84) and time of arrival (VIS-02). Raises ValidationFailed for no place on earth."""
    bounds = (("latitude", latitude, 90), ("longitude", longitude, 180))
    wrong = [name for name, value, limit in bounds if abs(value) > limit]
    if wrong:
        raise ValidationFailed([FieldError(name, "range", _("There is no such place.")) for name in wrong])
    activity.latitude, activity.longitude, activity.checked_in_at = latitude, longitude, at


@transition(
    "activities", "cancel", label=gettext_lazy("Cancel"), source=[PLANNED], target=CANCELLED, icon="x", style="danger"
)
def cancel_activity(activity: Activity, *, actor: Actor, at: datetime) -> None:
    """It won't take place."""
