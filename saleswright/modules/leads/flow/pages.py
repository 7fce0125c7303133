"""Pages of the lead flow: who would get leads, the people of a rule, how to embed a form, the code of a link."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import segno
from django.conf import settings
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.formatting import relative_datetime
from saleswright.interface.home import tile
from saleswright.interface.navigation import Page, add_page
from saleswright.interface.pages.common import actor_of, goes_to, in_range, language
from saleswright.interface.presentation import Tile, TileItem
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.errors import NotFound
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.leads.flow import assigning
from saleswright.modules.leads.flow.desks import OPEN, Desk, Load
from saleswright.modules.leads.flow.public_pages import form_page, short_link
from saleswright.modules.leads.models import AssignmentRule, Lead, LeadForm, LeadLink
from saleswright.modules.leads.states import CaptureVerdict, ResponseState

SHOWN = 200
#: days of visits in the picture of a link
DAYS = 30
WAITING = (ResponseState.RUNNING, ResponseState.OVERDUE, ResponseState.ESCALATED)
TYPES = {"svg": "image/svg+xml", "png": "image/png"}

add_page("leads", Page(gettext_lazy("Assign by rules"), "route", "/lead-assignment", "leads.assign-by-rules"))


# --- who would get these leads ---------------------------------------------------------------------------------


def _ids(request: HttpRequest) -> list[int]:
    given = request.POST.getlist("id")[:SHOWN]
    return [int(text) for text in given if text.isascii() and text.isdigit() and len(text) < 19]


def _assignable(actor: Actor) -> Any:
    """The leads that the actor may have assigned by rules and that nobody works on."""
    rows = visible(Lead.objects.filter(archived_at=None, status__in=OPEN), actor, "assign-by-rules")
    return rows.exclude(owner__isnull=False, responded_at__isnull=False)


@require_GET
def assignment_page(request: HttpRequest) -> HttpResponse:
    """Who would get the leads that nobody has: those without an owner, in pools too."""
    actor = actor_of(request)
    actor.require("leads.assign-by-rules")
    ids = list(_assignable(actor).filter(owner=None).order_by("-pk").values_list("pk", flat=True)[:SHOWN])
    return _shown(request, actor, ids)


@require_POST
def assign_page(request: HttpRequest) -> HttpResponse:
    """Show who would get the chosen leads, or (with `confirm`) give them."""
    actor = actor_of(request)
    actor.require("leads.assign-by-rules")
    ids = list(_assignable(actor).filter(pk__in=_ids(request)).values_list("pk", flat=True))
    if request.POST.get("confirm") != "1":
        return _shown(request, actor, ids, chosen=len(_ids(request)))
    done = run_atomic(lambda: assigning.assign(ids, actor=actor, at=clock.now()))
    if done.given:
        text = ngettext("%(count)d lead was assigned.", "%(count)d leads were assigned.", done.given)
        messages.success(request, text % {"count": done.given})
    if done.pooled:
        text = ngettext("%(count)d lead went to the pool.", "%(count)d leads went to the pool.", done.pooled)
        messages.success(request, text % {"count": done.pooled})
    if done.left:
        text = ngettext("%(count)d lead stays as it is.", "%(count)d leads stay as they are.", done.left)
        messages.warning(request, text % {"count": done.left})
    return goes_to(request, "/leads")


def _shown(request: HttpRequest, actor: Actor, ids: list[int], chosen: int = 0) -> HttpResponse:
    made = assigning.plan(ids, clock.now())
    leads = Lead.objects.in_bulk(ids)
    rows: list[dict[str, Any]] = [
        {
            "lead": leads[one.lead_id],
            "status": leads[one.lead_id].get_status_display(),
            "heir": one.heir.get_short_name() if one.heir is not None else "",
            "to_pool": one.to_pool,
            "because": one.because,
        }
        for one in sorted(made.choices, key=lambda one: -one.lead_id)
    ]
    shares: dict[str, int] = {}
    for row in rows:
        if row["heir"]:
            shares[row["heir"]] = shares.get(row["heir"], 0) + 1
    context = {
        "rows": rows, "shares": sorted(shares.items(), key=lambda pair: (-pair[1], pair[0])),
        "rules": bool(assigning.rules_for()), "may_rule": actor.may("assignment-rules.create"),
        "moving": sum(bool(row["heir"]) or row["to_pool"] for row in rows), "refused": max(chosen - len(ids), 0),
        "shown": SHOWN,
    }  # fmt: skip
    return render(request, "leads/assignment.html", context)


@require_GET
def people_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The people of a rule: who is free, who isn't and why, and what they got."""
    actor = actor_of(request)
    rule = fetch(AssignmentRule, in_range(pk), actor=actor)
    desk = Desk(rule, Load(), clock.now(), lock=False)
    rows = [
        {
            "name": one.user.get_short_name(), "held": desk.load.of(one.user.pk), "most": one.most,
            "weight": one.weight, "given": one.given, "why_not": desk.refusal(one),
            "last": relative_datetime(one.last_at, language()) if one.last_at else "",
        }
        for one in desk.people
    ]  # fmt: skip
    return render(request, "leads/people_panel.html", {"rows": rows, "rule": rule})


# --- forms and links -------------------------------------------------------------------------------------------


def site_address(request: HttpRequest) -> str:
    """Where the system is reached from outside: as set up, else as the person reaches it."""
    configured = settings.SITE_URL
    if configured and not configured.startswith("http://localhost"):
        return str(configured)
    return request.build_absolute_uri("/").rstrip("/")


@require_GET
def embed_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The address of a form, what to put into a site, and what came of it."""
    form = fetch(LeadForm, in_range(pk), actor=actor_of(request))
    url = f"{site_address(request)}/f/{form.code}"
    found = dict(form.captures.order_by().values("verdict").annotate(n=Count("pk")).values_list("verdict", "n"))
    context = {
        "form": form, "url": url, "sites": form.sites.split(),
        "leads": found.get(CaptureVerdict.LEAD, 0), "spam": found.get(CaptureVerdict.SPAM, 0),
        "snippet": f'<iframe src="{url}" title="{form.title}" width="100%" height="760" style="border:0" '
                   'loading="lazy"></iframe>',
    }  # fmt: skip
    return render(request, "leads/embed_panel.html", context)


@require_GET
def code_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The short address of a link with its QR code, visits and what came of them."""
    link = fetch(LeadLink, in_range(pk), actor=actor_of(request))
    url = f"{site_address(request)}/l/{link.code}"
    first = clock.today() - timedelta(days=DAYS - 1)
    by_day = dict(link.days.filter(day__gte=first).values_list("day", "visits"))
    days = [(day := first + timedelta(days=place), by_day.get(day, 0)) for place in range(DAYS)]
    leads = Lead.objects.filter(link=link, archived_at=None).count()
    context = {
        "link": link, "url": url, "image": drawn(url).svg_inline(scale=4, border=2), "leads": leads,
        "share": f"{leads / link.visits:.0%}" if link.visits else "—", "days": days,
        "most": max(count for _day, count in days), "recent": sum(count for _day, count in days), "span": DAYS,
    }  # fmt: skip
    return render(request, "leads/code_panel.html", context)


def drawn(text: str) -> Any:
    """The QR code of a text; a quarter of it may be damaged."""
    return segno.make(text, error="q", micro=False)


def image_of(link: LeadLink, suffix: str, site: str) -> HttpResponse:
    """The QR code of a link as a file. Raises NotFound for another kind of file."""
    if suffix not in TYPES:
        raise NotFound
    stream = io.BytesIO()
    drawn(f"{site}/l/{link.code}").save(stream, kind=suffix, scale=12, border=4)
    response = HttpResponse(stream.getvalue(), content_type=TYPES[suffix])
    response["Content-Disposition"] = f'attachment; filename="{link.code}.{suffix}"'
    return response


@require_GET
def code_file(request: HttpRequest, pk: int, suffix: str) -> HttpResponse:
    """The QR code of a link for printing."""
    return image_of(fetch(LeadLink, in_range(pk), actor=actor_of(request)), suffix, site_address(request))


# --- the first screen ------------------------------------------------------------------------------------------

MOST_ITEMS, COUNTED = 6, 100


@tile(22)
def leads_to_answer(actor: Actor) -> Tile | None:
    """One's own leads that wait for an answer, those due first at the top."""
    if actor.user_id is None or not actor.may("leads.contact"):
        return None
    rows = Lead.objects.filter(owner_id=actor.user_id, response_state__in=WAITING, archived_at=None)
    columns = ("pk", "title", "response_due_at")
    found = list(rows.order_by("response_due_at", "id").values_list(*columns)[: COUNTED + 1])
    if not found:
        return None
    now = clock.now()
    late = sum(due < now for _pk, _title, due in found)
    return Tile(
        _("Leads to answer"),
        figure=f"{COUNTED}+" if len(found) > COUNTED else str(len(found)),
        detail=_("%(late)d overdue") % {"late": late} if late else "",
        colour="red" if late else "",
        items=[
            TileItem(title, f"/leads/{pk}", relative_datetime(due, language(), now), late=due < now)
            for pk, title, due in found[:MOST_ITEMS]
        ],
        url=f"/leads?owner_id={actor.user_id}&response_state={','.join(WAITING)}&ordering=response_due_at",
    )


urlpatterns = [
    path("f/<str:code>", form_page),
    path("l/<str:code>", short_link),
    path("lead-assignment", assignment_page),
    path("leads/bulk/assign-by-rules", assign_page),
    path("assignment-rules/<int:pk>/people/panel", people_panel),
    path("lead-forms/<int:pk>/embed/panel", embed_panel),
    path("lead-links/<int:pk>/code/panel", code_panel),
    path("lead-links/<int:pk>/code.<str:suffix>", code_file),
]
