"""Pages that are not generated: the inventory of personal data, what is kept of one person, its copy."""

from __future__ import annotations

import io
import tempfile
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from django.contrib import messages
from django.db.models import Sum
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.exchange.writers import write_xlsx
from saleswright.interface.pages.common import actor_of, goes_to, in_range
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import Conflict, Stale, ValidationFailed
from saleswright.kernel.models import UnmaskCount
from saleswright.kernel.personal import CORRECT_TEXTS, VIEW
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.privacy import queries
from saleswright.modules.privacy.actions import copies, texts
from saleswright.modules.privacy.models import SubjectRequest
from saleswright.modules.privacy.states import RequestState

DAYS = 7


@require_GET
def inventory(request: HttpRequest) -> HttpResponse:
    """Every personal field by kind of record, as a page or (`?format=xlsx`) as a file; who looked at most values."""
    actor = actor_of(request)
    actor.require(VIEW)
    rows = queries.inventory()
    if request.GET.get("format") == "xlsx":
        return _workbook(rows)
    since = clock.today() - timedelta(days=DAYS - 1)
    counts = UnmaskCount.objects.filter(day__gte=since).values("user__name").annotate(count=Sum("count"))
    context = {
        "groups": _by_entity(rows),
        "shown": list(counts.order_by("-count", "user__name")[:10]),
        "editable": actor.may("data-groups.edit"),
        "audit": actor.may("audit.view"),
    }
    return render(request, "interface/personal_data.html", context)


def _by_entity(rows: list[queries.Kept]) -> list[tuple[Any, str, list[queries.Kept]]]:
    found: dict[str, tuple[Any, str, list[queries.Kept]]] = {}
    for row in rows:
        found.setdefault(row.url, (row.entity, row.url, []))[2].append(row)
    return list(found.values())


def _workbook(rows: list[queries.Kept]) -> HttpResponse:
    headers = [
        _("Kind of record"), _("Field"), _("Group"), _("Purpose"), _("Legal ground"), _("Kept for months"),
        _("Masked"), _("Who may read it"),
    ]  # fmt: skip
    cells = [
        [str(part) if part is not None else "" for part in
         (r.entity, r.field, r.group, r.purpose, r.basis, r.months, r.masked, r.readers)]
        for r in rows
    ]  # fmt: skip
    name = f"personal-data-{clock.today().isoformat()}.xlsx"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        write_xlsx(file, headers, cells, title=str(_("Personal data")))
        return FileResponse(file.open("rb"), as_attachment=True, filename=name)  # type: ignore[return-value]


@require_GET
def findings(request: HttpRequest, pk: int) -> HttpResponse:
    """What is kept of the person, as a part of the request's page."""
    actor = actor_of(request)
    found = fetch(SubjectRequest, in_range(pk), actor=actor)
    return render(request, "interface/subject_findings.html", _shown(found, actor))


def _shown(found: SubjectRequest, actor: Actor, wrong: dict[str, str] | None = None) -> dict[str, Any]:
    """What the page shows; `wrong` is the text that could not be changed, with the reason."""
    return {
        "asked": found,
        "found": queries.findings(found),
        "mentions": queries.mentions(found) if found.status in texts.OPEN else [],
        "correcting": texts.may_correct(found, actor),
        "may_correct": actor.may(CORRECT_TEXTS),
        "wrong": wrong or {"key": "", "problem": "", "text": ""},
        "choosing": found.status == RequestState.RECEIVED and actor.may("subject-requests.edit"),
        "copy_url": f"/subject-requests/{found.pk}/copy" if copies.may_copy(found, actor) else "",
    }


@require_POST
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep which of the found records are the person's."""
    actor = actor_of(request)
    targets = []
    for key in request.POST.getlist("target"):
        resource, _colon, number = key.partition(":")
        targets.append({"resource": resource, "id": int(number) if number.isascii() and number.isdigit() else 0})
    run_atomic(lambda: save_record(SubjectRequest, {"targets": targets}, pk=in_range(pk), actor=actor))
    messages.success(request, _("Saved"))
    return goes_to(request, f"/subject-requests/{pk}")


@require_POST
def correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Black out the person in one of the listed texts, or replace it by what was typed; answers with the list."""
    actor, given = actor_of(request), request.POST
    row = given.get("id", "")
    where = (in_range(pk), given.get("place", ""), in_range(int(row)) if row.isascii() and row.isdigit() else 0)
    name, at = given.get("name", ""), clock.now()
    problem, typed = "", given.get("text", "")
    try:
        if given.get("do") == "edit":
            run_atomic(lambda: texts.correct_text(*where, name, typed, actor=actor, at=at))
        else:
            run_atomic(lambda: texts.black_out(*where, name, actor=actor, at=at))
    except ValidationFailed as failed:
        problem = str(failed.errors[0].message)
    except (Conflict, Stale) as failed:
        problem = str(failed)
    if not request.headers.get("HX-Request"):
        (messages.error if problem else messages.success)(request, problem or _("Saved"))
        return goes_to(request, f"/subject-requests/{pk}")
    found = fetch(SubjectRequest, in_range(pk), actor=actor)
    wrong = {"key": f"{where[1]}:{where[2]}:{name}", "problem": problem, "text": typed} if problem else None
    return render(request, "interface/subject_findings.html", _shown(found, actor, wrong))


@require_GET
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """All that is kept of the person, in one file: JSON for programs and a workbook to read."""
    actor = actor_of(request)
    found = fetch(SubjectRequest, in_range(pk), actor=actor, action="export")
    content = run_atomic(lambda: copies.copy_of(found, actor=actor, at=clock.now()))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, tempfile.TemporaryDirectory() as folder:
        archive.writestr("data.json", orjson.dumps(content, option=orjson.OPT_INDENT_2, default=str))
        file = Path(folder) / "data.xlsx"
        headers = [_("Kind of record"), _("Record"), _("Field"), _("Value")]
        write_xlsx(file, headers, copies.as_rows(content), title=str(_("Personal data")))
        archive.write(file, "data.xlsx")
    stream.seek(0)
    name = f"{found.number or found.pk}.zip"
    return FileResponse(stream, as_attachment=True, filename=name)  # type: ignore[return-value]


urlpatterns = [
    path("settings/personal-data", inventory),
    path("subject-requests/<int:pk>/findings", findings),
    path("subject-requests/<int:pk>/targets", choose),
    path("subject-requests/<int:pk>/texts", correct),
    path("subject-requests/<int:pk>/copy", copy),
]
