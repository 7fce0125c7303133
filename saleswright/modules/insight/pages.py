"""Pages of segments: how many a condition finds while it is written, and who is in a segment."""

from __future__ import annotations

from typing import Any

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.conditions import read_tree
from saleswright.interface.entity import entity_named
from saleswright.interface.labels import read_rows
from saleswright.interface.pages.common import actor_of, address, goes_to, in_range, language, views_of
from saleswright.interface.panels import panel_of, panels_of
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.errors import Conflict, DomainError, ValidationFailed
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.customers.public import Attitude, Customer, DecisionRole
from saleswright.modules.insight import queries
from saleswright.modules.insight.actions import segments
from saleswright.modules.insight.models import Segment
from saleswright.modules.insight.overview import relations as drawing
from saleswright.modules.insight.states import SegmentKind

NAMED, SHOWN = 6, 20
HEAD = ("code", "industry", "province", "city", "level", "life_cycle", "churn_risk", "owner")
MOST_BYTES = 2_000_000


def said(refused: DomainError) -> str:
    """A refusal as people read it."""
    if isinstance(refused, ValidationFailed) and refused.errors:
        return str(refused.errors[0].message)
    return str(refused)


@require_POST
def count(request: HttpRequest) -> HttpResponse:
    """How many of the customers that the person sees the conditions find, as they are written now."""
    actor = actor_of(request)
    actor.require("customers.view")
    text = request.POST.get("conditions", "")[:20_000]
    context: dict[str, Any] = {
        "fixed": request.POST.get("kind") == SegmentKind.FIXED, "asked": bool(text), "problem": "", "names": [],
    }  # fmt: skip
    if text and not context["fixed"]:
        try:
            found = _seen(actor).filter(queries.tree_query(read_tree(text), actor))
            total = found.count()
            names = list(found.order_by("name", "pk").values_list("name", flat=True)[:NAMED])
            context |= {"title": _customers(total), "names": names, "more": total > NAMED}
        except ValidationFailed as refused:
            context["problem"] = said(refused)
    return render(request, "insight/segment_count.html", context)


def _seen(actor: Actor) -> Any:
    return visible(Customer.objects.filter(archived_at=None), actor).order_by()


def _customers(number: int) -> str:
    return ngettext("%(count)d customer", "%(count)d customers", number) % {"count": number}


@require_GET
def members(request: HttpRequest, pk: int) -> HttpResponse:
    """Who is in a segment now, as far as the person sees them."""
    actor = actor_of(request)
    segment = fetch(Segment, in_range(pk), actor=actor)
    actor.require("customers.view")
    fixed = segment.kind == SegmentKind.FIXED
    editable = visible(Segment.objects.filter(pk=segment.pk), actor, "add").exists()
    context: dict[str, Any] = {
        "segment": segment,
        "title": _customers(0),
        "rows": [],
        "more": False,
        "list_url": "",
        "problem": "",
        "may_add": fixed and actor.may("segments.add") and editable and segment.archived_at is None,
    }
    try:
        found = _seen(actor).filter(queries.in_segment(segment))
        total = found.count()
        tree = {"field": "segment", "op": "in", "value": [segment.pk]}
        context |= {
            "title": _customers(total),
            "rows": _rows(found, actor),
            "more": total > SHOWN,
            "list_url": address("/customers", {"where": orjson.dumps(tree).decode()}) if total else "",
        }
    except DomainError as refused:
        context["problem"] = said(refused)
    return render(request, "insight/segment_members.html", context)


def _rows(found: Any, actor: Actor) -> list[dict[str, Any]]:
    specs, spoken = entity_named("customers").specs_for(actor), language()
    wanted = [specs[name] for name in ("name", "level", "life_cycle", "churn_risk", "owner")]
    rows = read_rows(found.order_by("name", "pk")[:SHOWN], wanted, "id")
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "level": specs["level"].cell(row, spoken),
            "phase": specs["life_cycle"].cell(row, spoken),
            "risk": specs["churn_risk"].cell(row, spoken),
            "owner": specs["owner"].cell(row, spoken).text,
        }
        for row in rows
    ]


@require_POST
def codes(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the customers whose codes a text file holds on a list, all or none."""
    actor = actor_of(request)
    file = request.FILES.get("file")
    try:
        if file is None or (file.size or 0) > MOST_BYTES:
            raise ValidationFailed.of("file", "invalid", _("Choose a text file of at most 2 MB."))
        given = segments.codes_in(_text(file.read()))
        new = run_atomic(lambda: segments.add_codes(in_range(pk), given, actor=actor, at=clock.now()))
        text = ngettext("%(count)d customer is new on the list.", "%(count)d customers are new on the list.", new)
        messages.success(request, text % {"count": new})
    except (ValidationFailed, Conflict) as refused:
        messages.error(request, said(refused))
    return goes_to(request, f"/segments/{pk}")


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValidationFailed.of("file", "invalid", _("The file is no text."))


@require_GET
def overview(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole customer on one page; every module adds its panels (`interface/panels.py`)."""
    actor, spoken, entity = actor_of(request), language(), entity_named("customers")
    customer = fetch(Customer, in_range(pk), actor=actor)
    specs = entity.specs_for(actor)
    (row,) = read_rows(Customer.objects.filter(pk=customer.pk), [specs[name] for name in HEAD], "id")
    cells = [specs[name].cell(row, spoken) for name in ("level", "life_cycle")]
    if customer.churn_risk:
        risk = specs["churn_risk"].cell(row, spoken)
        risk.text = _("Risk: %(risk)s") % {"risk": risk.text}
        cells.append(risk)
    create = [
        (f"/{name}/new?customer={customer.pk}", label, look)
        for name, label, look in (
            ("activities", _("Plan a visit"), "calendar-plus"),
            ("opportunities", _("Opportunity"), "target-arrow"),
            ("quotes", _("Quote"), "file-dollar"),
            ("tickets", _("Ticket"), "headset"),
        )
        if actor.may(f"{name}.create") and customer.archived_at is None
    ]
    facts = [specs[name].cell(row, spoken).text for name in ("code", "industry", "province", "city")]
    context = {
        "customer": customer,
        "badges": [cell for cell in cells if cell.text],
        "facts": [text for text in facts if text],
        "owner": specs["owner"].cell(row, spoken).text,
        "views": views_of(entity, customer.pk, actor, "overview"),
        "create": create,
        "panels": panels_of("customers", customer, actor, spoken),
        "fetched": False,
    }
    return render(request, "insight/overview.html", context)


@require_GET
def one_panel(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """A lazy panel of the page by itself; empty when there is nothing to show."""
    actor = actor_of(request)
    customer = fetch(Customer, in_range(pk), actor=actor)
    one = panel_of("customers", name, customer, actor, language())
    return render(request, "insight/panel.html", {"customer": customer, "one": one, "fetched": True})


@require_GET
def relations(request: HttpRequest, pk: int) -> HttpResponse:
    """Who reports to whom at the customer and how they stand to us, and its group of companies; drawn and listed."""
    actor, spoken, entity = actor_of(request), language(), entity_named("customers")
    customer = fetch(Customer, in_range(pk), actor=actor)
    actor.require("contacts.view")
    people, group = drawing.people_of(customer, actor, spoken), drawing.group_of(customer, actor)
    context = {
        "customer": customer,
        "views": views_of(entity, customer.pk, actor, "map"),
        "people": people,
        "people_chart": drawing.chart_of_people(customer, people) if people else None,
        "people_height": drawing.height(people),
        "group": group,
        "group_chart": drawing.chart_of_group(group) if group is not None else None,
        "group_height": drawing.height([group]) if group is not None else 0,
        "add_url": f"/contacts/new?customer={customer.pk}" if actor.may("contacts.create") else "",
        "attitudes": [(one.label, drawing.COLOURS[one]) for one in Attitude] + [(_("Unknown"), drawing.UNKNOWN)],
        "roles": [(one.label, drawing.SHAPES[one]) for one in DecisionRole],
    }
    return render(request, "insight/map.html", context)


urlpatterns = [
    path("customers/<int:pk>/map", relations),
    path("customers/<int:pk>/overview", overview),
    path("customers/<int:pk>/overview/<str:name>", one_panel),
    path("segments/count", count),
    path("segments/<int:pk>/members", members),
    path("segments/<int:pk>/codes", codes),
]
