"""Reads about events and webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from saleswright.interface.entity import Entity, all_entities
from saleswright.kernel import jobs
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.errors import Text
from saleswright.kernel.events import Event
from saleswright.kernel.models import EmploymentState, Job, JobState, User
from saleswright.modules.integration.models import Subscription, Webhook

#: of what happens to webhooks themselves nobody is told: each delivery would bring the next one
OWN = ("webhooks", "webhook-deliveries")
#: the one exception goes to the webhook that is tried out
TEST = "webhooks.test"
JOBS: dict[str, Text] = {
    "import": gettext_lazy("Import of a file"),
    "insight.care": gettext_lazy("Make the tasks of the care plans"),
    "insight.grade": gettext_lazy("Grade the customers"),
    "insight.monthly": gettext_lazy("Grade the customers"),
    "insight.nightly": gettext_lazy("Figures, risk and life cycle of customers"),
    "insight.refresh": gettext_lazy("Figures, risk and life cycle of customers"),
    "interface.uploads": gettext_lazy("Remove forgotten uploads"),
    "kernel.custom-index": gettext_lazy("Make the index of a custom field"),
    "kernel.custom-search": gettext_lazy("Words of custom fields in the search"),
    "kernel.sessions": gettext_lazy("Remove ended sessions"),
    "kernel.tidy": gettext_lazy("Remove old jobs"),
    "leads.learn_score": gettext_lazy("Learn the lead score"),
    "leads.nightly_score": gettext_lazy("Score leads anew, and learn when it is time"),
    "leads.rescore": gettext_lazy("Score all open leads anew"),
    "leads.answers": gettext_lazy("Watch the answers to leads"),
    "market.digest": gettext_lazy("Tell of the week's market intelligence"),
    "notices.send": gettext_lazy("Send notices by a channel"),
    "notices.tidy": gettext_lazy("Remove old sent notices"),
    "notices.wake": gettext_lazy("Take up waiting notices"),
    "notices.announcements": gettext_lazy("Publish and follow up announcements"),
    "org.state-limits": gettext_lazy("Watch the time limits of states"),
    "sales.calendar": gettext_lazy("Expire quotes, start and end contracts"),
    "service.escalate": gettext_lazy("Escalate late tickets"),
    "webhooks.send": gettext_lazy("Send to a webhook"),
    "webhooks.tidy": gettext_lazy("Remove old deliveries"),
    "webhooks.wake": gettext_lazy("Take up waiting deliveries"),
    "customers.nightly_duplicates": gettext_lazy("Search for duplicate customers"),
    "customers.find_duplicates": gettext_lazy("Search for duplicate customers"),
    "customers.follow_merges": gettext_lazy("Move what came in late for merged records"),
    "pipeline.night": gettext_lazy("Keep the state of the pipeline"),
    "pipeline.nightly": gettext_lazy("Update time limits and probabilities of deals"),
    "pool.recycle": gettext_lazy("Move records into the pools"),
    "visits.report-reminders": gettext_lazy("Remind of work reports"),
    "privacy.retention": gettext_lazy("Check how long personal data are kept"),
    "workplace.cards": gettext_lazy("Send approval cards"),
    "workplace.cards-due": gettext_lazy("Send approval cards that wait"),
    "workplace.sync": gettext_lazy("Take staff over from a workplace program"),
    "workplace.daily": gettext_lazy("Take staff over from workplace programs"),
    "work.clean_files": gettext_lazy("Clean up files that nobody needs"),
    "work.chase_approvals": gettext_lazy("Remind of approvals"),
    "work.remind": gettext_lazy("Remind of tasks"),
}


def patterns_of(ids: list[int], actor: Actor | None = None) -> dict[int, list[str]]:
    """What some webhooks have subscribed to."""
    found: dict[int, list[str]] = {}
    rows = Subscription.objects.filter(webhook_id__in=ids).order_by("pattern")
    for webhook_id, pattern in rows.values_list("webhook_id", "pattern"):
        found.setdefault(webhook_id, []).append(pattern)
    return found


def resource_names() -> dict[str, Text]:
    """What the kinds of records are called, by the name that programs use."""
    return {entity.name: entity.label_plural for entity in all_entities()}


def choices() -> list[tuple[str, Text]]:
    """What there is to subscribe to, with words for it."""
    found: list[tuple[str, Text]] = [("*", _("All events"))]
    for entity in all_entities():
        if entity.name not in OWN:
            kind = entity.label_plural
            found.append((f"{entity.name}.*", _("%(kind)s: everything") % {"kind": kind}))
            found += [
                (name, _("%(kind)s: %(what)s") % {"kind": kind, "what": what})
                for name, what in dict(_events_of(entity)).items()
            ]
    return found


def event_names() -> dict[str, Text]:
    """What the events are called that one can subscribe to."""
    return dict(choices())


def _events_of(entity: Entity) -> Iterator[tuple[str, Text]]:
    for verb, label in (
        ("created", _("Created")), ("changed", _("Changed")), ("deleted", _("Deleted")),
        ("archived", _("Archived")), ("restored", _("Restored")), ("hand-over", _("Handed over")),
    ):  # fmt: skip
        yield f"{entity.name}.{verb}", label
    for transition in entity.transitions:
        event = transition.event
        yield (event.event_name() if event else transition.permission), transition.label
        if transition.approval:
            label = _("%(action)s (approval requested)") % {"action": transition.label}
            yield f"{transition.permission}.requested", label
    for kind in Event.__subclasses__():
        if kind.resource == entity.name and not any(one.event is kind for one in entity.transitions):
            yield kind.event_name(), kind.__name__


def listeners(event_name: str, record_id: int | None) -> QuerySet[Webhook]:
    """The webhooks that are told of an event."""
    live = Webhook.objects.filter(active=True, archived_at=None)
    resource = event_name.partition(".")[0]
    if event_name == TEST:
        return live.filter(pk=record_id or 0)
    if resource in OWN:
        return live.none()
    return live.filter(subscriptions__pattern__in=("*", f"{resource}.*", event_name)).distinct()


def is_wanted(event_name: str) -> bool:
    """Whether anybody is told of events of this name."""
    return event_name == TEST or listeners(event_name, None).exists()


def answerable_for(webhook: Webhook) -> list[int]:
    """Who is told when a webhook fails: its maker, and the administrators."""
    administrators = User.objects.filter(roles__code="administrator", roles__archived_at=None)
    here = User.objects.filter(Q(pk=webhook.created_by_id) | Q(pk__in=administrators.values("pk")), archived_at=None)
    return list(here.exclude(state=EmploymentState.LEFT).order_by("pk").values_list("pk", flat=True))


# --- jobs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recurring:
    """A periodic job: how often it runs, when next, and its last run."""

    kind: str
    every: Text
    next_run: datetime | None
    last: Job | None


def jobs_found(state: str = "", kind: str = "", before: str = "", *, routine: bool = True) -> QuerySet[Job]:
    """Jobs in a state and of a kind, newest first, older than the one whose id is `before`.

    Without `routine`, the runs of recurring jobs that ended well are left out.
    """
    rows = Job.objects.select_related("user").order_by("-id")
    rows = rows if routine else rows.exclude(state=JobState.DONE, period_key__isnull=False)
    rows = rows.filter(state=state) if state else rows
    rows = rows.filter(kind=kind) if kind else rows
    return rows.filter(pk__lt=int(before)) if before.isascii() and before.isdigit() and len(before) < 19 else rows


def job_kinds() -> list[str]:
    """The kinds of jobs that there are."""
    return sorted(jobs.kinds())


def job_label(kind: str) -> Text:
    """What a kind of job does, or its name."""
    return JOBS.get(kind, kind)


def schedule(at: datetime) -> list[Recurring]:
    """The periodic jobs by name."""
    periodic = [kind for kind in jobs.kinds().values() if kind.every is not None]
    newest = Job.objects.filter(kind__in=[kind.name for kind in periodic]).exclude(period_key=None)
    latest = newest.values("kind").annotate(latest=Max("id")).values("latest")
    last = {job.kind: job for job in Job.objects.filter(pk__in=latest)}
    return [
        Recurring(kind.name, _rhythm(kind.every), jobs.next_run(kind, at), last.get(kind.name))
        for kind in sorted(periodic, key=lambda kind: kind.name)
    ]


def _rhythm(every: timedelta | time | None) -> Text:
    if isinstance(every, time):
        return _("Daily at %(time)s") % {"time": f"{every:%H:%M}"}
    minutes = int((every or timedelta()).total_seconds() // 60)
    return ngettext("Every minute", "Every %(minutes)s minutes", minutes) % {"minutes": minutes}
