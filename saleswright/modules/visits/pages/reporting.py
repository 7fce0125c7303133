"""Writing one's report with what is known already, reading those of others, and who has not reported."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from saleswright.interface.formatting import compact_money, format_date, format_datetime, format_number, format_percent
from saleswright.interface.pages.common import actor_of, goes_to, in_range, language
from saleswright.interface.presentation import Cell, Switch
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import Conflict, NotAllowed, ValidationFailed
from saleswright.kernel.metrics import all_metrics
from saleswright.kernel.models import User
from saleswright.kernel.resources import all_resources
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.pipeline.public import ActivityKind, PlaceState
from saleswright.modules.visits.actions.reports import due_of, own_report, prefill, submit_report, write_report
from saleswright.modules.visits.facts import facts_of
from saleswright.modules.visits.models import WorkReport
from saleswright.modules.visits.reporting import Standing, is_due, last_span, reporters_for, span_of, standing
from saleswright.modules.visits.states import ReportKind, ReportStatus

FIELDS = ("summary", "problems", "plans")
DAY = timedelta(days=1)


def told(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a report as people read them."""
    kinds, spoken = dict(ActivityKind.choices), language()
    labels = {resource.name: resource.label_plural for resource in all_resources()}
    metrics = {metric.name: metric.label for metric in all_metrics()}
    activities = facts.get("activities", {})

    def figure(one: dict[str, Any], name: str) -> str:
        value = Decimal(one[name])
        return compact_money(value, base_currency(), spoken) if one["unit"] == "money" else format_number(value)

    return {
        "activities": activities,
        "kinds": [(kinds.get(kind, kind), count) for kind, count in activities.get("kinds", {}).items()],
        "done": [
            {**one, "kind": kinds.get(one["kind"], one["kind"]),
             "place": PlaceState(one["place"]).label if one.get("place") else "",
             "away": one.get("place") in (PlaceState.OUTSIDE, PlaceState.NO_POSITION)}
            for one in facts.get("done", [])
        ],
        "created": [(labels.get(name, name), count) for name, count in facts.get("created", {}).items()],
        "moves": facts.get("moves", []),
        "figures": [
            (metrics.get(one["metric"], one["metric"]), figure(one, "value"), figure(one, "month"))
            for one in facts.get("figures", [])
            if one["metric"] in metrics
        ],
        "goals": [
            {
                "label": metrics.get(one["metric"], one["metric"]), "period": one["period"],
                "target": figure(one, "target"), "actual": figure(one, "actual"),
                "share": None if one["share"] is None else float(one["share"]),
                "reached": "" if one["share"] is None else format_percent(Decimal(one["share"])),
                "elapsed": float(one["elapsed"]),
            }
            for one in facts.get("goals", [])
        ],
        "next": [{**one, "kind": kinds.get(one["kind"], one["kind"]), "at": one["at"][5:16].replace("T", " ")}
                 for one in facts.get("next", [])],
        "as_of": facts.get("as_of", "")[:16].replace("T", " "),
    }  # fmt: skip


def _kind(text: str) -> str:
    return text if text in ReportKind.values else ReportKind.DAILY.value


def _day(text: str, otherwise: date) -> date:
    try:
        day = date.fromisoformat(text) if text else otherwise
    except ValueError:
        raise ValidationFailed.of("day", "invalid", _("Enter a date such as 2026-11-23.")) from None
    if not 2000 <= day.year <= 2199:
        raise ValidationFailed.of("day", "range", _("Enter a date such as 2026-11-23."))
    return day


@require_http_methods(["GET", "POST"])
def my_report(request: HttpRequest) -> HttpResponse:
    """One's own report of a day or week: what is known stands there; words are added, kept and submitted."""
    actor = actor_of(request)
    actor.require("work-reports.submit")
    if actor.user_id is None:
        raise NotAllowed
    given = request.POST if request.method == "POST" else request.GET
    kind = _kind(given.get("kind", ""))
    day = min(_day(given.get("day", ""), clock.today()), clock.today())
    problems: dict[str, str] = {}
    if request.method == "POST":
        values = {name: request.POST.get(name, "") for name in FIELDS}
        try:
            report = run_atomic(lambda: _keep(kind, day, values, "submit" in request.POST, actor))
            if report.status != ReportStatus.DRAFT:
                messages.success(request, _("Your report is submitted."))
                return goes_to(request, f"/work-reports/{report.pk}")
            messages.success(request, _("Saved as a draft."))
            return goes_to(request, f"/my-report?kind={kind}&day={day.isoformat()}")
        except ValidationFailed as refused:
            problems = {error.field: str(error.message) for error in refused.errors}
        except Conflict as refused:
            problems = {"": str(refused)}
    return _form(request, actor, kind, day, problems)


def _keep(kind: str, day: date, values: dict[str, str], submits: bool, actor: Actor) -> WorkReport:
    report = write_report(kind, day, values, actor=actor, at=clock.now())
    return submit_report(report.pk, actor=actor) if submits else report


def _form(request: HttpRequest, actor: Actor, kind: str, day: date, problems: dict[str, str]) -> HttpResponse:
    span, at = span_of(kind, day), clock.now()
    report = own_report(kind, day, actor)
    if report is not None and report.status != ReportStatus.DRAFT and not problems:
        return goes_to(request, f"/work-reports/{report.pk}")
    user = User.objects.select_related("manager").get(pk=actor.user_id)
    facts = facts_of(user, span, kind, at)
    known = report or prefill(WorkReport(kind=kind, day=span.start, facts=facts))
    due = due_of(span)
    step = 7 * DAY if kind == ReportKind.WEEKLY else DAY
    context = {
        "kind": kind,
        "day": span.start.isoformat(),
        "until": span.end.isoformat(),
        "kinds": [
            Switch(label, "", f"/my-report?kind={key}&day={day.isoformat()}", key == kind)
            for key, label in ReportKind.choices
        ],
        "previous_url": f"/my-report?kind={kind}&day={(span.start - step).isoformat()}",
        "next_url": f"/my-report?kind={kind}&day={(span.start + step).isoformat()}"
        if span.start + step <= clock.today() else "",
        "facts": told(facts),
        "texts": {name: request.POST.get(name, "") if problems else getattr(known, name) for name in FIELDS},
        "problems": problems,
        "reader": user.manager.get_short_name() if user.manager else "",
        "due": format_datetime(due),
        "late": at > due,
        "saved": report is not None,
    }  # fmt: skip
    return render(request, "visits/my_report.html", context, status=422 if problems else 200)


@require_GET
def facts_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The figures of a report on its page."""
    report = fetch(WorkReport, in_range(pk), actor=actor_of(request))
    return render(request, "visits/facts_panel.html", {"facts": told(report.facts), "report": report})


@require_GET
def desk(request: HttpRequest) -> HttpResponse:
    """Who of one's people has reported about a day or week: on time, late, not at all, or was away."""
    actor = actor_of(request)
    actor.require("work-reports.read")
    kind = _kind(request.GET.get("kind", ""))
    chosen = request.GET.get("day", "")
    span = span_of(kind, _day(chosen, clock.today())) if chosen else last_span(kind, clock.today())
    people = reporters_for(actor)
    found = list(standing(people, kind, span).values())
    due, step = due_of(span), 7 * DAY if kind == ReportKind.WEEKLY else DAY
    rows = sorted((_line(one, due) for one in found), key=lambda one: (one["order"], one["name"]))
    context = {
        "kind": kind,
        "span": f"{span.start:%Y-%m-%d}" if span.days == 1 else f"{span.start:%Y-%m-%d} – {span.end:%m-%d}",
        "kinds": [Switch(label, "", f"/report-desk?kind={key}", key == kind) for key, label in ReportKind.choices],
        "previous_url": f"/report-desk?kind={kind}&day={(span.start - step).isoformat()}",
        "next_url": f"/report-desk?kind={kind}&day={(span.start + step).isoformat()}"
        if is_due(kind, span) and span.start + step <= clock.today() else "",
        "rows": rows,
        "missing": sum(one.missing for one in found),
        "late": sum(one.report is not None and one.report.late for one in found),
        "submitted": sum(one.submitted for one in found),
        "away": sum(one.away and not one.submitted for one in found),
        "due": format_datetime(due),
        "over": clock.now() > due,
    }  # fmt: skip
    return render(request, "visits/report_desk.html", context)


def _line(one: Standing, due: Any) -> dict[str, Any]:
    report = one.report
    over = clock.now() > due
    if one.submitted and report is not None:
        state = ReportStatus(report.status)
        badge, order = Cell(str(state.label), "badge", colour=state.colour), 3
        if report.late:
            badge, order = Cell(_("Late"), "badge", colour="orange"), 2
    elif one.away:
        badge, order = Cell(_("Away"), "badge", colour="secondary"), 4
    elif report is not None:
        badge, order = Cell(_("Draft only"), "badge", colour="red" if over else "yellow"), 1
    else:
        badge, order = Cell(_("Not submitted"), "badge", colour="red" if over else "secondary"), 0
    return {
        "name": one.user.get_short_name(),
        "department": one.user.department.name if one.user.department else "",
        "badge": badge,
        "order": order,
        "url": f"/work-reports/{report.pk}" if report is not None else "",
        "at": format_datetime(report.submitted_at) if report is not None and report.submitted_at else "",
        "summary": report.summary if report is not None and one.submitted else "",
        "read": report.read_at is not None if report is not None else False,
        "day": format_date(report.day) if report is not None else "",
    }
