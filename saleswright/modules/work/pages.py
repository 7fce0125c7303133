"""Pages that are not generated: decisions, notices, remarks, following."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, re_path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.entity import entity_named
from saleswright.interface.formatting import format_datetime, format_money, format_number, relative_datetime
from saleswright.interface.pages.common import actor_of, goes_to, in_range, language
from saleswright.interface.presentation import ActionButton, ApprovalItem, ApprovalsPage, Cell, Fact, Switch
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import NotFound
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.work import designer, hand_over_pages, notice_pages, queries
from saleswright.modules.work.actions import comments, decisions, targets
from saleswright.modules.work.files import pages as file_pages
from saleswright.modules.work.models import Approval, Comment
from saleswright.modules.work.states import ApprovalState

PAGE = 50
DECISIONS = {one.name: one for one in (decisions.approve_request, decisions.reject_request, decisions.return_request)}


# --- approvals -------------------------------------------------------------------------------------------------


@require_GET
def approvals(request: HttpRequest) -> HttpResponse:
    """What waits for the person, what they asked for, and what was decided."""
    actor, view = actor_of(request), request.GET.get("view", "")
    actor.require("approvals.view")
    rows: Any = visible(Approval.objects.all(), actor).select_related("requested_by")
    match view:
        case "asked":
            rows = rows.filter(requested_by_id=actor.user_id)
        case "decided":
            rows = rows.exclude(state=ApprovalState.PENDING)
        case _:
            rows, view = queries.waiting_for(actor).select_related("requested_by"), ""
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.order_by("-id")[: PAGE + 1])
    runs = queries.runs_of([one.pk for one in found[:PAGE]])
    items = [_item(one, runs.get(one.pk, []), actor, view) for one in found[:PAGE]]
    page = ApprovalsPage(_("Approvals"), items, _tabs(view))
    if len(found) > PAGE:
        page.next_url = f"/approvals?view={view}&before={found[PAGE - 1].pk}"
    return render(request, "interface/approvals.html", {"page": page, "runs": runs})


def _tabs(view: str) -> list[Switch]:
    tabs = (
        ("", _("For me to decide"), "checks"),
        ("asked", _("Asked by me"), "send"),
        ("decided", _("Decided"), "check"),
    )
    return [Switch(label, icon, f"/approvals?view={key}", key == view) for key, label, icon in tabs]


def _item(approval: Approval, run: list[queries.RunStep], actor: Actor, view: str) -> ApprovalItem:
    resource, spoken, decide = resource_named(approval.resource), language(), not view
    item = ApprovalItem(
        approval.pk,
        approval.subject_label,
        f"/{approval.resource}/{approval.record_id}" if decide else f"/approvals/{approval.pk}",
        f"{resource.label} · {queries.transition_label(approval)}",
        approval.requested_by.get_short_name(),
        relative_datetime(approval.requested_at, spoken),
        format_datetime(approval.requested_at),
        facts=_facts(approval),
        overdue=any(step.late and (not decide or actor.user_id in step.people) for step in run),
    )
    if "amount" in approval.facts:
        item.amount = format_money(_number(approval.facts["amount"]), base_currency(), spoken)
    if decide:
        item.actions = [_button(approval, name) for name in ("reject", "return", "add-approver", "approve")]
        return item
    state = ApprovalState(approval.state)
    item.status = Cell(str(state.label), "badge", colour=state.colour)
    if approval.state == ApprovalState.PENDING and approval.requested_by_id == actor.user_id:
        item.actions = [_button(approval, name) for name in ("withdraw", "remind")]
    return item


def _facts(approval: Approval) -> list[Fact]:
    facts = [Fact(_("Reason"), Cell(approval.reason))] if approval.reason else []
    if "discount" in approval.facts:
        text = f"{format_number(_number(approval.facts['discount']))}%"
        facts.append(Fact(_("Discount"), Cell(text, "percent")))
    return facts


def _number(value: Any) -> Decimal:
    return Decimal(str(value))


def _button(approval: Approval, name: str) -> ActionButton:
    one = resource_named("approvals").transition(name)
    if name == "approve":
        return ActionButton(name, one.label, f"/approvals/{approval.pk}/approve", style="success", icon=one.icon)
    url = f"/approvals/{approval.pk}/actions/{name}"
    return ActionButton(name, one.label, url, style=one.style, has_form=bool(one.args), icon=one.icon)


@require_POST
def decide(request: HttpRequest, pk: str, verb: str) -> HttpResponse:
    """Approve, reject or return, then back to what else waits."""
    actor, comment = actor_of(request), request.POST.get("comment", "")
    run_atomic(lambda: DECISIONS[verb](in_range(int(pk)), actor=actor, comment=comment))
    return goes_to(request, "/approvals")


# --- remarks, following ----------------------------------------------------------------------------------------


def _about(request: HttpRequest, name: str, pk: int) -> tuple[Any, Actor]:
    """The record that something is said about. Raises NotFound."""
    entity, actor = entity_named(name), actor_of(request)
    if targets.target(name) is None:
        raise NotFound
    return fetch(entity.model, in_range(pk), actor=actor), actor


def _back(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """The timeline anew (a fragment), or the page of the record."""
    url = f"/{name}/{pk}"
    return HttpResponseRedirect(f"{url}/timeline" if "HX-Request" in request.headers else url, status=303)


@require_POST
def comment(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Say something about a record."""
    _record, actor = _about(request, name, pk)
    values = {"resource": name, "record_id": pk, "text": request.POST.get("text", "")}
    run_atomic(lambda: save_record(Comment, values, actor=actor))
    return _back(request, name, pk)


@require_POST
def follow(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Follow a record, or no longer."""
    _record, actor = _about(request, name, pk)
    comments.toggle_following(name, pk, actor)
    return _back(request, name, pk)


urlpatterns = [
    *designer.urlpatterns,
    *hand_over_pages.urlpatterns,
    *file_pages.urlpatterns,
    path("approvals", approvals),
    re_path(r"^approvals/(?P<pk>\d{1,19})/(?P<verb>approve|reject|return)$", decide),
    *notice_pages.urlpatterns,
    path("<str:name>/<int:pk>/comments", comment),
    path("<str:name>/<int:pk>/follow", follow),
]
