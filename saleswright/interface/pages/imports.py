"""What stands around a past import: its file of errors, and what taking it back would do."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from saleswright.interface.exchange import uploads
from saleswright.interface.imports.standing import kind_of, labels_of, standing
from saleswright.interface.models import ImportRun, ImportRunState
from saleswright.interface.pages.common import actor_of, in_range
from saleswright.interface.pages.exchange import send_file
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import NotFound

SHOWN = 50


@require_GET
def panel(request: HttpRequest, pk: int) -> HttpResponse:
    """How many of the created records would go, and which are kept by what."""
    actor = actor_of(request)
    run: ImportRun = fetch(ImportRun, in_range(pk), actor=actor)
    asked = run.created and run.status == ImportRunState.TAKEN and actor.may("imports.take-back")
    found = standing(run, actor) if asked else None
    kept = list(found.kept.items())[:SHOWN] if found else []
    called = labels_of(run, [pk for pk, _reason in kept]) if kept else {}
    context = {
        "run": run,
        "kind": kind_of(run),
        "found": found,
        "kept": [(f"/{run.resource}/{pk}", called[pk], reason) for pk, reason in kept],
        "errors_url": f"/imports/{run.pk}/errors" if _errors(run, actor) is not None else "",
    }
    return render(request, "interface/import_standing.html", context)


@require_GET
def errors(request: HttpRequest, pk: int) -> HttpResponse:
    """The rows that were refused, with the reasons beside them."""
    actor = actor_of(request)
    run: ImportRun = fetch(ImportRun, in_range(pk), actor=actor)
    upload = _errors(run, actor)
    if upload is None:
        raise NotFound
    return send_file(upload.errors_path, f"{run.resource}-errors.xlsx")


def _errors(run: ImportRun, actor: Actor) -> uploads.Upload | None:
    """The file of errors while it is kept, for those who may import such records."""
    if not run.failed or not run.token or not actor.may(f"{run.resource}.import"):
        return None
    try:
        upload = uploads.find(run.token, resource=run.resource, user_id=run.created_by_id or 0)
    except NotFound:
        return None
    return upload if upload.errors_path.exists() else None
