"""Likely duplicates side by side, with the way to merge them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from saleswright.interface.entity import entity_named
from saleswright.interface.navigation import Page, add_page
from saleswright.interface.pages.common import actor_of, goes_to, in_range
from saleswright.interface.pages.merging import choices_of, column_of, doubts_of
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.customers import joining
from saleswright.modules.customers.models import Customer, DuplicatePair, JoinRequest
from saleswright.modules.customers.states import PairStatus

add_page("customers", Page(gettext_lazy("Requests to join"), "users-group", "/join-requests", "join-requests.view"))
add_page("customers", Page(gettext_lazy("Merges"), "git-merge", "/merges", "merges.view"))


@require_GET
def compare_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The two customers of a pair side by side, as a part of its page; either can be kept."""
    actor, entity = actor_of(request), entity_named("customers")
    pair = fetch(DuplicatePair, in_range(pk), actor=actor)
    both: list[Any] = [pair.first, pair.second]
    mine = visible(Customer.objects.filter(pk__in=[one.pk for one in both], archived_at=None), actor, "merge")
    choices = choices_of(entity, both, {}, set(), actor)
    context = {
        "records": [column_of(entity, one, both) for one in both],
        "choices": [one for one in choices if any(not value.empty for value in one.values)],
        "doubts": doubts_of(entity, both),
        "may_merge": mine.count() == len(both) and pair.status == PairStatus.OPEN,
    }
    return render(request, "customers/compare_panel.html", context)


@require_http_methods(["GET", "POST"])
def ask_page(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Ask to join a record that one may not see: its name and owner are shown, nothing else."""
    actor = actor_of(request)
    actor.require("join-requests.create")
    errors: dict[str, Any] = {}
    label, owner = "", ""
    try:
        label, owner = joining.asked_for(name, in_range(pk), actor)
        if request.method == "POST":
            values = {"resource": name, "record_id": pk, "why": request.POST.get("why", "").strip()}
            asked: Any = run_atomic(lambda: save_record(JoinRequest, values, actor=actor))
            messages.success(request, _("%(who)s has been asked.") % {"who": asked.decider.name})
            return goes_to(request, f"/join-requests/{asked.pk}")
    except ValidationFailed as refused:
        errors = {one.field: one.message for one in refused.errors}
    context = {
        "label": label,
        "owner": owner,
        "kind": entity_named(name).label,
        "why": request.POST.get("why", ""),
        "error": errors.pop("why", ""),
        "problem": " ".join(map(str, errors.values())),
    }
    return render(request, "customers/ask.html", context, status=422 if request.method == "POST" else 200)


urlpatterns = [
    path("join-requests/ask/<str:name>/<int:pk>", ask_page),
    path("duplicate-pairs/<int:pk>/compare/panel", compare_panel),
]
