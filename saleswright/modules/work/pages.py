"""Pages that are not generated: decisions, notices, remarks, files, following."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import path, re_path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.entity import entity_named
from saleswright.interface.formatting import format_datetime, format_money, format_number, relative_datetime
from saleswright.interface.pages.common import actor_of, goes_to, in_range, language
from saleswright.interface.presentation import ActionButton, ApprovalItem, ApprovalsPage, Cell, Fact, Switch
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import NotFound
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.work import designer, hand_over_pages, queries
from saleswright.modules.work.actions import attachments, comments, decisions, notifications, targets
from saleswright.modules.work.models import Approval, Attachment, Comment, Notification
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


# --- notices ---------------------------------------------------------------------------------------------------


@require_GET
def counts(request: HttpRequest) -> HttpResponse:
    """How much waits for the person, for the numbers in the head of the page."""
    actor = actor_of(request)
    return JsonResponse(
        {"approvals": queries.waiting_for(actor).count(), "notifications": queries.unread_of(actor).count()}
    )


@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """The person's latest notifications."""
    actor, spoken = actor_of(request), language()
    mine = Notification.objects.filter(user_id=queries.me(actor), archived_at=None).order_by("-id")[:100]
    items = [
        {
            "id": one.pk,
            "text": one.text,
            "at": relative_datetime(one.created_at, spoken),
            "at_exact": format_datetime(one.created_at),
            "unread": one.read_at is None,
        }
        for one in mine
    ]
    return render(request, "interface/notifications.html", {"title": _("Notifications"), "items": items})


@require_POST
def open_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark a notification as read and go to what it is about."""
    actor = actor_of(request)
    mine = Notification.objects.filter(user_id=queries.me(actor), pk=in_range(pk)).first()
    if mine is None:
        raise NotFound
    Notification.objects.filter(pk=mine.pk, read_at=None).update(read_at=clock.now())
    return goes_to(request, f"/{mine.resource}/{mine.record_id}" if mine.resource else "/notifications")


@require_POST
def read_notices(request: HttpRequest) -> HttpResponse:
    """Mark all as read."""
    actor = actor_of(request)
    notifications.read_all(queries.me(actor), at=clock.now())
    return goes_to(request, "/notifications")


# --- remarks, files, following ---------------------------------------------------------------------------------


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
def attach(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Attach a file to a record."""
    _record, actor = _about(request, name, pk)
    run_atomic(lambda: attachments.attach(name, pk, request.FILES.get("file"), actor=actor))
    return _back(request, name, pk)


@require_POST
def follow(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Follow a record, or no longer."""
    _record, actor = _about(request, name, pk)
    comments.toggle_following(name, pk, actor)
    return _back(request, name, pk)


@require_GET
def file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Download a file, or see an image or PDF."""
    return sent_file(pk, actor_of(request))


def sent_file(pk: int, actor: Actor) -> Any:
    """The answer with a file's content, for whoever sees its record. Raises NotFound."""
    kept = fetch(Attachment, in_range(pk), actor=actor)
    source = attachments.path_of(kept.sha256)
    if not source.exists():
        raise NotFound(_("The file is not in the store."))
    response = FileResponse(source.open("rb"), content_type=kept.content_type)
    place = "inline" if kept.content_type in attachments.INLINE else "attachment"
    response["Content-Disposition"] = f"{place}; filename*=UTF-8''{quote(kept.name)}"
    response["X-Content-Type-Options"] = "nosniff"
    return response


urlpatterns = [
    *designer.urlpatterns,
    *hand_over_pages.urlpatterns,
    path("approvals", approvals),
    re_path(r"^approvals/(?P<pk>\d{1,19})/(?P<verb>approve|reject|return)$", decide),
    path("notifications", notices),
    path("notifications/read", read_notices),
    path("notifications/<int:pk>/open", open_notice),
    path("counts", counts),
    path("attachments/<int:pk>", file),
    path("<str:name>/<int:pk>/comments", comment),
    path("<str:name>/<int:pk>/attachments", attach),
    path("<str:name>/<int:pk>/follow", follow),
]
