"""The part of a connection's page that tries it out and starts the staff sync; the lines of a run."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from saleswright.integrations.workplace.actions import connections, sync
from saleswright.integrations.workplace.actions.plan import CONFLICT, LEAVE
from saleswright.integrations.workplace.choices import RunKind
from saleswright.integrations.workplace.models import Connection, ExternalAccount, SyncRun
from saleswright.interface.formatting import format_datetime
from saleswright.interface.pages.common import actor_of, goes_to, in_range
from saleswright.kernel import clock
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import Conflict, NotFound, ValidationFailed
from saleswright.kernel.models import Job, JobState
from saleswright.kernel.transactions import run_atomic

RUNS = {RunKind.PREVIEW.value, RunKind.FULL.value}
LATEST = 5


def _labels() -> dict[str, tuple[str, str]]:
    """How the actions of lines are shown: colour and word."""
    return {
        "create": ("green", _("New")),
        "change": ("blue", _("Changed")),
        "link": ("purple", _("Linked")),
        LEAVE: ("orange", _("Proposed to leave")),
        "left": ("secondary", _("Left")),
        CONFLICT: ("red", _("To be decided")),
    }


def _summary(run: SyncRun) -> list[tuple[str, str, int]]:
    """What a run did: colour, word, how many."""
    return [(colour, label, run.counts[name]) for name, (colour, label) in _labels().items() if run.counts.get(name)]


def _callback(request: HttpRequest, connection: Connection) -> str:
    return f"{connection.site or request.build_absolute_uri('/').rstrip('/')}/callbacks/{connection.provider}"


@require_GET
def panel(request: HttpRequest, pk: int) -> HttpResponse:
    """Addresses for the program's own console, the buttons, the latest runs; a part of the connection's page."""
    actor = actor_of(request)
    connection = fetch(Connection, in_range(pk), actor=actor)
    runs = SyncRun.objects.filter(connection=connection).order_by("-id").defer("lines")[:LATEST]
    open_jobs = Job.objects.filter(kind=sync.JOB, state__in=(JobState.QUEUED, JobState.RUNNING))
    callback = _callback(request, connection)
    context = {
        "connection": connection,
        "editable": actor.may(connections.RIGHT),
        "secrets": [
            (label, bool(kept))
            for label, kept in (
                (_("Secret of the application"), connection.secret),
                (_("Callback token"), connection.callback_token),
                (_("Callback key (EncodingAESKey)"), connection.callback_key),
            )
        ],
        "addresses": [
            (_("Callback address"), callback),
            (_("Address of the application"), callback.partition("/callbacks/")[0] + "/"),
            (_("Address of the side bar"), callback.replace("/callbacks/", "/side-bar/")),
        ],
        "runs": [
            {"run": run, "at": format_datetime(run.created_at), "kind": RunKind(run.kind).label, "parts": _summary(run)}
            for run in runs
        ],
        "waiting": any(job.arguments.get("connection_id") == connection.pk for job in open_jobs),
        "linked": ExternalAccount.objects.filter(provider=connection.provider).count(),
    }
    return render(request, "workplace/set_up.html", context)


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the program whether all is right; no transaction is open meanwhile."""
    actor = actor_of(request)
    connection = fetch(Connection, in_range(pk), actor=actor)
    try:
        count = connections.try_out(connection, _callback(request, connection), actor=actor, at=clock.now())
    except (Conflict, ValidationFailed) as refused:
        said = refused.errors[0].message if isinstance(refused, ValidationFailed) else refused.detail
        messages.error(request, str(said))
    else:
        text = ngettext(
            "The connection works: %(count)s department can be seen.",
            "The connection works: %(count)s departments can be seen.",
            count,
        )
        messages.success(request, text % {"count": count})
    return goes_to(request, f"/workplaces/{pk}")


@require_POST
def start(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Have a worker preview or do a run."""
    actor = actor_of(request)
    actor.require(sync.RIGHT)
    connection = fetch(Connection, in_range(pk), actor=actor)
    if kind not in RUNS:
        raise NotFound
    if not connection.chosen:
        messages.error(request, _("No departments were chosen."))
    elif kind == RunKind.FULL and not connection.active:
        messages.error(request, _("The program is switched off."))
    else:
        run_atomic(lambda: sync.ask_for_run(connection, kind, user_id=actor.user_id))
        messages.success(request, _("The run has been started. What it finds appears on this page."))
    return goes_to(request, f"/workplaces/{pk}")


@require_GET
def lines(request: HttpRequest, pk: int) -> HttpResponse:
    """What a run did, or would do, line by line; a part of its page."""
    actor = actor_of(request)
    run = fetch(SyncRun, in_range(pk), actor=actor)
    shown, accounts = _labels(), ExternalAccount.objects.filter(provider=run.connection.provider)
    linked = set(accounts.values_list("external_id", flat=True))
    rows: list[dict[str, Any]] = []
    for line in sorted(run.lines, key=lambda one: list(shown).index(one["action"]), reverse=True):
        colour, word = shown[line["action"]]
        resource = "departments" if line["what"] == "department" else "employees"
        conflict = line["action"] == CONFLICT and line["what"] == "employee" and line["id"] not in linked
        rows.append({
            **line, "colour": colour, "word": word, "url": f"/{resource}/{line['pk']}" if line["pk"] else "",
            "decidable": conflict, "leaves": line["action"] == LEAVE,
        })  # fmt: skip
    context = {
        "run": run, "rows": rows, "parts": _summary(run), "editable": actor.may(sync.RIGHT),
        "preview": run.kind == RunKind.PREVIEW,
    }  # fmt: skip
    return render(request, "workplace/lines.html", context)


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Take somebody's decision about a person whom the run could not place: this employee, or a new one."""
    actor = actor_of(request)
    connection = fetch(Connection, in_range(pk), actor=actor)
    chosen, back = request.POST.get("person", ""), request.POST.get("run", "")
    person = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 19 else None
    if person is None and request.POST.get("new") != "1":
        messages.error(request, _("Choose an employee."))
    else:
        try:
            user = sync.decide(connection, request.POST.get("external_id", "")[:64], person, actor=actor)
        except (Conflict, ValidationFailed) as refused:
            said = refused.errors[0].message if isinstance(refused, ValidationFailed) else refused.detail
            messages.error(request, str(said))
        else:
            messages.success(request, _("Linked: %(name)s") % {"name": user.get_short_name()})
    run = f"/staff-syncs/{back}" if back.isascii() and back.isdigit() and len(back) < 19 else f"/workplaces/{pk}"
    return goes_to(request, run)
