"""Daily and weekly reports: what they are filled with, submitting, reading, reminding (VIS-04)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import Text
from saleswright.kernel.models import User
from saleswright.kernel.records import Batch, save_record
from saleswright.kernel.transitions import Arg, transition
from saleswright.kernel.words import said
from saleswright.kernel.worktime import is_working_day, next_working_day
from saleswright.modules.pipeline.public import ActivityKind
from saleswright.modules.visits.facts import facts_of
from saleswright.modules.visits.models import ReportReminder, WorkReport
from saleswright.modules.visits.queries import rules
from saleswright.modules.visits.reporting import reporters, span_of, standing
from saleswright.modules.visits.states import ReportKind, ReportStatus
from saleswright.modules.work.public import Comment, Notice, tell

DRAFT, SUBMITTED, READ = ReportStatus.DRAFT, ReportStatus.SUBMITTED, ReportStatus.READ
NOTICE = "work_report"
#: so long before it is due somebody without a report is reminded
AHEAD = timedelta(hours=2)

#: what is said to whom about a report of each kind
SUBMITTED_WORDS = {
    ReportKind.DAILY: gettext_lazy("%(who)s submitted the daily report of %(day)s."),
    ReportKind.WEEKLY: gettext_lazy("%(who)s submitted the weekly report of %(day)s."),
}
READ_WORDS = {
    ReportKind.DAILY: gettext_lazy("%(who)s has read your daily report of %(day)s."),
    ReportKind.WEEKLY: gettext_lazy("%(who)s has read your weekly report of %(day)s."),
}
DUE_WORDS = {
    ReportKind.DAILY: gettext_lazy("Your daily report of %(day)s is due by %(time)s."),
    ReportKind.WEEKLY: gettext_lazy("Your weekly report of %(day)s is due by %(time)s."),
}


def due_of(span: Period, hour: int | None = None) -> datetime:
    """When a report about these days is due: at the company's hour of the next working day after them."""
    day = next_working_day(span.end + timedelta(days=1))
    return clock.day_start(day) + timedelta(hours=rules().report_hour if hour is None else hour)


def prepare_reports(batch: Batch) -> None:
    """Settle the days, refuse those to come, and fill what the system knows into new ones."""
    owners = User.objects.in_bulk({draft.record.owner_id for draft in batch.good} - {None})
    hour = rules().report_hour
    for draft in batch.good:
        report = draft.record
        if report.owner_id is None:
            draft.error("owner", "required", _("Say whose report it is."))
            continue
        if not draft.fresh and (draft.changed("day") or draft.changed("kind") or draft.changed("owner")):
            draft.error("day", "read_only", _("The days and the person of a report stay as they are."))
            continue
        span = span_of(report.kind, report.day)
        report.day, report.until, report.due_at = span.start, span.end, due_of(span, hour)
        if span.start > clock.local_date(batch.at):
            draft.error("day", "range", _("That day is still to come."))
            continue
        if draft.fresh:
            _fill(report, owners[report.owner_id], span, batch.at)


def _fill(report: WorkReport, owner: User, span: Period, at: datetime) -> None:
    report.facts = facts_of(owner, span, report.kind, at)
    prefill(report)


def prefill(report: WorkReport) -> WorkReport:
    """Put what the facts say into the texts that are still empty."""
    report.summary = report.summary or "\n".join(_done_lines(report.facts))
    report.plans = report.plans or "\n".join(_next_lines(report.facts))
    return report


def _done_lines(facts: dict[str, Any]) -> Iterable[str]:
    kinds = dict(ActivityKind.choices)
    for one in facts["done"]:
        told = one["outcome"].strip().splitlines()[0] if one["outcome"].strip() else one["subject"]
        yield f"{kinds.get(one['kind'], one['kind'])} {one['about']}: {told}"


def _next_lines(facts: dict[str, Any]) -> Iterable[str]:
    kinds = dict(ActivityKind.choices)
    for one in facts["next"]:
        at = datetime.fromisoformat(one["at"])
        yield f"{at:%m-%d %H:%M} {kinds.get(one['kind'], one['kind'])} {one['about']}: {one['subject']}"


def says_something(report: WorkReport) -> Text | None:
    """A report needs words of its own."""
    return None if report.summary.strip() else _("Write what was achieved first.")


@transition(
    "work-reports", "submit", label=gettext_lazy("Submit"), source=[DRAFT], target=SUBMITTED,
    guards=(says_something,), style="primary", icon="send",
)  # fmt: skip
def submit_report(report: WorkReport, *, actor: Actor, at: datetime) -> None:
    """Hand it to the manager with the figures of this moment; after its hour it is marked as late."""
    owner = User.objects.get(pk=report.owner_id)
    report.facts = facts_of(owner, Period(report.day, report.until), report.kind, at)
    report.submitted_at, report.late = at, at > report.due_at
    if owner.manager_id and owner.manager_id != actor.user_id:
        text = SUBMITTED_WORDS[ReportKind(report.kind)]
        words = said(text, who=owner.get_short_name(), day=report.day.isoformat())
        tell([Notice(owner.manager_id, words, "work-reports", report.pk, NOTICE)], at=at)


@transition(
    "work-reports", "take-back", label=gettext_lazy("Take the report back"), source=[SUBMITTED], target=DRAFT,
    icon="arrow-back-up", drop=False,
)  # fmt: skip
def take_back_report(report: WorkReport, *, actor: Actor, at: datetime) -> None:
    """The author mends it before it was read; it counts as submitted when it is submitted again."""
    report.submitted_at, report.late = None, False


@transition(
    "work-reports", "read", label=gettext_lazy("Mark as read"), source=[SUBMITTED], target=READ, style="success",
    icon="checks", drop=False,
    args=(Arg("remark", gettext_lazy("Comment"), "long", required=False,
              help=gettext_lazy("The author is told; @name tells others too.")),),
)  # fmt: skip
def read_report(report: WorkReport, *, actor: Actor, at: datetime, remark: str | None) -> None:
    """A manager, never the author, has read it and may say something about it."""
    report.read_at, report.read_by_id = at, actor.user_id
    if remark and remark.strip():
        values = {"resource": "work-reports", "record_id": report.pk, "text": remark.strip()}
        save_record(Comment, values, actor=actor.trusted_with("comments.create"), at=at)
    words = said(READ_WORDS[ReportKind(report.kind)], who=actor.name, day=report.day.isoformat())
    if report.owner_id:
        tell([Notice(report.owner_id, words, "work-reports", report.pk, NOTICE)], at=at)


# --- writing one's own -----------------------------------------------------------------------------------------


def own_report(kind: str, day: date, actor: Actor) -> WorkReport | None:
    """The actor's own report of that day or week, if there is one."""
    span = span_of(kind, day)
    return WorkReport.objects.filter(owner_id=actor.user_id or 0, kind=kind, day=span.start, archived_at=None).first()


def write_report(kind: str, day: date, values: dict[str, Any], *, actor: Actor, at: datetime) -> WorkReport:
    """Make or change the actor's own report. Raises ValidationFailed, Conflict once it is submitted."""
    report = own_report(kind, day, actor)
    if report is None:
        return save_record(WorkReport, {"kind": kind, "day": day, **values}, actor=actor, at=at)
    return save_record(WorkReport, values, pk=report.pk, actor=actor, at=at)


# --- reminding -------------------------------------------------------------------------------------------------


def remind_of_reports(at: datetime) -> int:
    """Remind those whose report is due soon and not there; each once for a report. Returns how many."""
    told = 0
    for kind in ReportKind.values:
        for span in _due_soon(kind, at):
            told += _remind(kind, span, at)
    return told


def _due_soon(kind: str, at: datetime) -> list[Period]:
    """The days whose report is due within AHEAD, or became so since midnight."""
    today, found = clock.local_date(at), dict[date, Period]()
    for back in range(1, 15):
        day = today - timedelta(days=back)
        if kind == ReportKind.DAILY and not is_working_day(day):
            continue
        span = span_of(kind, day)
        due = due_of(span)
        if due - AHEAD <= at < due + timedelta(days=1) and clock.local_date(due) == today and span.end < today:
            found[span.start] = span
    return list(found.values())


def _remind(kind: str, span: Period, at: datetime) -> int:
    people = reporters()
    waiting = [user_id for user_id, state in standing(people, kind, span).items() if state.missing]
    done = set(
        ReportReminder.objects.filter(user__in=waiting, kind=kind, day=span.start).values_list("user", flat=True)
    )
    fresh = [user_id for user_id in waiting if user_id not in done]
    ReportReminder.objects.bulk_create(ReportReminder(user_id=pk, kind=kind, day=span.start, at=at) for pk in fresh)
    by = clock.local_time(due_of(span))
    words = said(DUE_WORDS[ReportKind(kind)], day=span.start.isoformat(), time=f"{by:%m-%d %H:%M}")
    path = f"/my-report?kind={kind}&day={span.start.isoformat()}"
    tell([Notice(pk, words, "", 0, NOTICE, path) for pk in fresh], at=at)
    return len(fresh)
