"""Data past its retention: found by a daily check and proposed for erasure, never erased by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.errors import Conflict
from saleswright.kernel.models import AuditEntry, EmploymentState, User
from saleswright.kernel.personal import GROUPS, settings_of_groups
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.customers.public import Contact
from saleswright.modules.leads.public import Lead, LeadStatus
from saleswright.modules.pipeline.public import Activity
from saleswright.modules.privacy.actions.erasure import ERASED
from saleswright.modules.privacy.models import RetentionItem, SubjectRequest
from saleswright.modules.privacy.states import ProposalState, RequestKind, RequestState

AT_ONCE = 1000
MOST_TARGETS = 500
#: (group, resource, the records that are no longer needed, since when)
RULES: tuple[tuple[str, str, Callable[[], QuerySet[Any]], Any], ...] = (
    ("leads", "leads", lambda: Lead.objects.filter(status=LeadStatus.DISQUALIFIED), TruncDate("updated_at")),
    ("contacts", "contacts", lambda: Contact.objects.filter(archived_at__isnull=False), TruncDate("archived_at")),
    ("employees", "employees", lambda: User.objects.filter(state=EmploymentState.LEFT), F("left_on")),
    ("places", "activities", lambda: Activity.objects.filter(latitude__isnull=False), TruncDate("checked_in_at")),
)


def propose_past(today: date) -> int:
    """Propose what is past its retention and not proposed yet, at most AT_ONCE of a kind; returns how many."""
    count, actor = 0, system("retention")
    for group, resource, records, since in RULES:
        months = settings_of_groups()[group][1]
        if months is None:
            continue
        gone = AuditEntry.objects.filter(resource=resource, record_id=OuterRef("pk"), action=ERASED)
        proposed = RetentionItem.objects.filter(resource=resource, record_id=OuterRef("pk"))
        rows = records().annotate(day=since).filter(day__lt=months_before(today, months))
        past = rows.filter(~Exists(gone), ~Exists(proposed)).order_by("pk").values_list("pk", "day")[:AT_ONCE]
        drafts = [
            Draft({"resource": resource, "record_id": pk, "group": group, "since": months_before(day, -months)})
            for pk, day in past
        ]
        if drafts:
            save_records(RetentionItem, drafts, actor=actor)
        count += len(drafts)
    return count


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier (later if negative), or the last day of a shorter month."""
    from calendar import monthrange

    total = day.year * 12 + day.month - 1 - months
    year, month = divmod(total, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@transition(
    "retention-items",
    "keep",
    label=gettext_lazy("Keep on"),
    source=[ProposalState.OPEN],
    target=ProposalState.KEPT,
    args=(Arg("reason", gettext_lazy("Why it is kept on"), required=True),),
    icon="archive",
)
def keep_on(item: RetentionItem, *, actor: Actor, at: datetime, reason: str) -> None:
    """Keep the data on, for a reason that is noted."""
    item.reason = reason


@transition(
    "retention-items",
    "request-erasure",
    label=gettext_lazy("Ask for erasure"),
    source=[ProposalState.OPEN],
    target=ProposalState.REQUESTED,
    icon="send",
)
def request_erasure(item: RetentionItem, *, actor: Actor, at: datetime) -> None:
    """Put the record into the open erasure request of its group, where a second person confirms it."""
    name = _("Retention: %(group)s") % {"group": GROUPS[item.group].label}
    target = [item.resource, item.record_id]
    request = (
        SubjectRequest.objects.select_for_update()
        .filter(kind=RequestKind.ERASURE, status=RequestState.RECEIVED, subject_name=name, archived_at=None)
        .order_by("-pk")
        .first()
    )
    if request is None or len(request.targets) >= MOST_TARGETS:
        actor.require("subject-requests.create")
        values = {"kind": RequestKind.ERASURE, "subject_name": name, "received_on": clock.local_date(at)}
        request = save_record(SubjectRequest, values, actor=actor, at=at)
        SubjectRequest.objects.filter(pk=request.pk).update(identity=_("Not needed: the retention is over."))
    if target in request.targets:
        raise Conflict(_("It is asked for already."))
    targets = [{"resource": resource, "id": pk} for resource, pk in (*request.targets, target)]
    save_record(SubjectRequest, {"targets": targets}, pk=request.pk, actor=actor, at=at)
    item.request_id = request.pk
