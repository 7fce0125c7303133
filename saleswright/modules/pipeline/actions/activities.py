"""What is checked and filled in when activities are written, and how they are done, moved, missed and called off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text, ValidationFailed
from saleswright.kernel.records import Batch, Draft, save_record
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.customers.public import Contact
from saleswright.modules.pipeline.actions.opportunities import match_contact
from saleswright.modules.pipeline.models import Activity, Opportunity
from saleswright.modules.pipeline.queries import LONGEST
from saleswright.modules.pipeline.states import ActivityKind, ActivityStatus, OpportunityStatus
from saleswright.modules.pool.public import followed_up
from saleswright.modules.work.public import Task

PLANNED, DONE = ActivityStatus.PLANNED, ActivityStatus.DONE
CANCELLED, MISSED = ActivityStatus.CANCELLED, ActivityStatus.MISSED


class NextKind(TextChoices):
    """What a next step becomes: a planned activity, or a task."""

    VISIT = ActivityKind.VISIT.value, ActivityKind.VISIT.label
    CALL = ActivityKind.CALL.value, ActivityKind.CALL.label
    MEETING = ActivityKind.MEETING.value, ActivityKind.MEETING.label
    MESSAGE = ActivityKind.MESSAGE.value, ActivityKind.MESSAGE.label
    DEMO = ActivityKind.DEMO.value, ActivityKind.DEMO.label
    SAMPLE = ActivityKind.SAMPLE.value, ActivityKind.SAMPLE.label
    TASK = "task", gettext_lazy("Task")


# --- plain edits -----------------------------------------------------------------------------------------------


def prepare_activities(batch: Batch) -> None:
    """They are about a customer, lead or opportunity; one with a time of being done is done."""
    owners = _customers_of_contacts(batch)
    deals = {draft.record.opportunity_id for draft in batch.good} - {None}
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
        _span(draft)
        _match_participants(draft, owners)


def _customers_of_contacts(batch: Batch) -> dict[int, int]:
    """The customers of everybody who is named, by the person's id."""
    contacts = {draft.record.contact_id for draft in batch.good} - {None}
    for draft in batch.good:
        contacts |= {line.record.contact_id for line in draft.line_drafts.get("participants", ())} - {None}
    return dict(Contact.objects.filter(pk__in=contacts).values_list("pk", "customer_id")) if contacts else {}


def _settle(draft: Draft, batch: Batch) -> None:
    activity = draft.record
    if activity.done_at and activity.done_at > batch.at:
        draft.error("done_at", "range", _("What is done can't lie in the future."))
    if activity.status == PLANNED and activity.done_at:
        activity.status = DONE
    elif activity.status == DONE and not activity.done_at:
        draft.error("done_at", "required", _("Say when it was done."))


def _span(draft: Draft) -> None:
    """It ends after it begins; when only its beginning is moved it stays as long as it was."""
    activity = draft.record
    began, until = draft.before.get("planned_at"), activity.planned_until
    if until and "planned_until" not in draft.values and began and activity.planned_at:
        activity.planned_until = until = activity.planned_at + (until - began)
    if problem := span_problem(activity.planned_at, until):
        draft.error("planned_until", "order", problem)


def span_problem(start: datetime | None, until: datetime | None) -> Text | None:
    """Why an activity can't be planned from `start` to `until`, or None."""
    if until is None:
        return None
    if start is None:
        return _("Say when it begins.")
    if until <= start:
        return _("It must end after it begins.")
    return _("It can't last longer than 31 days.") if until - start > LONGEST else None


def _match_participants(draft: Draft, owners: dict[int, int]) -> None:
    """A participant is either a colleague or a person of the customer, and is named once."""
    seen: set[tuple[int | None, int | None]] = set()
    for line in draft.line_drafts.get("participants", ()):
        one, place = line.record, f"participants.{line.index}."
        if bool(one.person_id) == bool(one.contact_id):
            draft.error(f"{place}person", "invalid", _("Name a colleague or a contact, one on each line."))
        elif one.contact_id and owners.get(one.contact_id) not in {draft.record.customer_id, None}:
            draft.error(f"{place}contact", "invalid", _("This person belongs to another customer."))
        elif (one.person_id, one.contact_id) in seen:
            draft.error(f"{place}{'person' if one.person_id else 'contact'}", "unique", _("Named twice."))
        seen.add((one.person_id, one.contact_id))


def edit_refusal(activity: Activity) -> Text | None:
    """Cancelled and missed activities stand."""
    if activity.status == CANCELLED:
        return _("A cancelled activity can't be changed.")
    if activity.status == MISSED:
        return _("A missed activity can't be changed. Plan it anew instead.")
    return None


# --- done ------------------------------------------------------------------------------------------------------


@transition(
    "activities", "complete", label=gettext_lazy("Complete"), source=[PLANNED], target=DONE, icon="check",
    style="success",
    args=(
        Arg("outcome", gettext_lazy("Outcome"), "long"),
        Arg("needs", gettext_lazy("Needs learned"), "long", required=False,
            help=gettext_lazy("One need on each line; they are added to the opportunity.")),
        Arg("next_step", gettext_lazy("Next step"), required=False),
        Arg("next_step_at", gettext_lazy("Next step at"), "datetime", required=False,
            help=gettext_lazy("With a time, it is planned at once.")),
        Arg("next_kind", gettext_lazy("The next step is a"), "choice", required=False, choices=NextKind,
            default=NextKind.CALL.value),
        Arg("done_at", gettext_lazy("Done at"), "datetime", required=False, help=gettext_lazy("Left empty: now.")),
    ),
)  # fmt: skip
def complete_activity(
    activity: Activity, *, actor: Actor, at: datetime, outcome: str, needs: str | None, next_step: str | None,
    next_step_at: datetime | None, next_kind: str, done_at: datetime | None,
) -> None:  # fmt: skip
    """It is done; say what came of it, what was learned and how it goes on.

    Needs are added to the opportunity, which also takes over the next step; a next step with a time becomes the next
    planned activity or a task. Raises ValidationFailed for a time of doing in the future and a next step in the past.
    """
    if done_at and done_at > at:
        raise ValidationFailed.of("done_at", "range", _("What is done can't lie in the future."))
    if next_step_at and not next_step:
        raise ValidationFailed.of("next_step", "required", _("Say what is to be done then."))
    if next_step_at and next_step_at <= at:
        raise ValidationFailed.of("next_step_at", "range", _("The next step lies in the past."))
    activity.done_at, activity.outcome = done_at or at, outcome
    activity.needs = needs or activity.needs
    activity.next_step, activity.next_step_at = next_step or activity.next_step, next_step_at
    if activity.checked_in_at and not activity.checked_out_at:
        activity.checked_out_at = max(at, activity.checked_in_at)
    note_follow_ups([activity])
    tell_opportunity(activity, actor, at)
    if next_step and next_step_at:
        plan_next(activity, next_kind, actor, at)


def lines_of(text: str) -> list[str]:
    """The lines of a text without marks before them and without empty ones."""
    return [line for one in text.splitlines() if (line := one.strip().lstrip("-*•·").strip())]


def tell_opportunity(activity: Activity, actor: Actor, at: datetime) -> None:
    """An open opportunity learns the needs that it doesn't know yet, and what its next step is."""
    if activity.opportunity_id is None:
        return
    deal = Opportunity.objects.select_for_update(of=("self",)).get(pk=activity.opportunity_id)
    if deal.status != OpportunityStatus.OPEN or deal.archived_at is not None:
        return
    known = {str(one).casefold() for one in deal.needs}
    fresh = [one for one in dict.fromkeys(lines_of(activity.needs)) if one.casefold() not in known]
    values: dict[str, Any] = {"needs": [*deal.needs, *fresh]} if fresh else {}
    if activity.next_step:
        values |= {"next_step": activity.next_step, "next_step_at": activity.next_step_at}
    if values:
        save_record(Opportunity, values, pk=deal.pk, actor=actor.trusted_with("opportunities.edit"), at=at)


def plan_next(activity: Activity, kind: str, actor: Actor, at: datetime) -> None:
    """Put the next step of an activity on its owner's list: as a planned activity, or as a task."""
    owner = activity.owner_id or actor.user_id
    if kind == NextKind.TASK:
        about = ("opportunities", activity.opportunity_id), ("customers", activity.customer_id)
        resource, record_id = next(((n, pk) for n, pk in about if pk), ("leads", activity.lead_id))
        task = {"title": activity.next_step, "due_at": activity.next_step_at, "owner": owner,
                "resource": resource, "record_id": record_id}  # fmt: skip
        save_record(Task, task, actor=actor.trusted_with("tasks.create"), at=at)
        return
    names = ("customer", "contact", "lead", "opportunity")
    values = {name: getattr(activity, f"{name}_id") for name in names}
    values |= {"kind": kind, "subject": activity.next_step, "planned_at": activity.next_step_at, "owner": owner}
    following = save_record(Activity, values, actor=actor.trusted_with("activities.create"), at=at)
    Activity.objects.filter(pk=following.pk).update(follows=activity.pk)


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


# --- moved, missed, called off ---------------------------------------------------------------------------------


def not_checked_in(activity: Activity) -> Text | None:
    """Place and time of a check-in are evidence and stay."""
    return _("Checked in already.") if activity.checked_in_at else None


@transition(
    "activities", "reschedule", label=gettext_lazy("Plan anew"), source=[PLANNED, MISSED], target=PLANNED,
    guards=(not_checked_in,), icon="calendar-time", drop=False,
    args=(
        Arg("planned_at", gettext_lazy("Planned at"), "datetime"),
        Arg("planned_until", gettext_lazy("Planned until"), "datetime", required=False,
            help=gettext_lazy("Left empty, it lasts as long as before.")),
    ),
)  # fmt: skip
def reschedule_activity(
    activity: Activity, *, actor: Actor, at: datetime, planned_at: datetime, planned_until: datetime | None
) -> None:
    """Move it to another time, or make it longer or shorter. Raises ValidationFailed when it ends before it begins."""
    if planned_until is None and activity.planned_at and activity.planned_until:
        planned_until = planned_at + (activity.planned_until - activity.planned_at)
    if problem := span_problem(planned_at, planned_until):
        raise ValidationFailed.of("planned_until", "order", problem)
    activity.planned_at, activity.planned_until = planned_at, planned_until


def is_over(activity: Activity) -> Text | None:
    """Only what should have taken place by now can be missed."""
    ends = activity.ends_at
    return _("Its time is not over yet.") if ends is None or ends > clock.now() else None


@transition(
    "activities", "miss", label=gettext_lazy("Did not take place"), source=[PLANNED], target=MISSED,
    guards=(not_checked_in, is_over), icon="calendar-due",
    args=(Arg("reason", gettext_lazy("Why not")),),
)  # fmt: skip
def miss_activity(activity: Activity, *, actor: Actor, at: datetime, reason: str) -> None:
    """It should have taken place and did not; the reason is kept as its outcome."""
    activity.outcome = reason


@transition(
    "activities", "cancel", label=gettext_lazy("Cancel"), source=[PLANNED], target=CANCELLED, icon="x", style="danger"
)
def cancel_activity(activity: Activity, *, actor: Actor, at: datetime) -> None:
    """It won't take place."""
