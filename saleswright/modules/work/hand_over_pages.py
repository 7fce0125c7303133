"""The page of a hand-over: what somebody owns, by which rules it is split, and who would get what."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from saleswright.interface.pages.common import actor_of, goes_to, in_range
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.resources import Resource
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.work.actions.duties import Duty, duties_of, followed_by, steps_of
from saleswright.modules.work.actions.hand_over import (
    PART_ARGS,
    Plan,
    conditions_of,
    hand_over,
    holdings_of,
    plan,
    rules_of,
)
from saleswright.modules.work.states import DutyChoice

#: so many duties that stay are named
LISTED = 20
FIELD = re.compile(r"parts-(\d{1,4})-([a-z_]+)")


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose successors and look at the outcome (GET with what was chosen), or hand over (POST)."""
    actor = actor_of(request)
    giver = fetch(User, in_range(pk), actor=actor, action="hand-over")
    if "HX-Request" in request.headers and request.method == "GET":
        return goes_to(request, request.path)
    asked = given(request.POST or request.GET)
    context: dict[str, Any] = {"giver": giver, "holdings": holdings_of(giver), "previewed": False, "problem": ""}
    errors = context["errors"] = defaultdict[str, Text](str)
    try:
        if request.method == "POST":
            result = run_atomic(lambda: hand_over(giver.pk, actor=actor, **asked))
            messages.success(request, _("%(count)d records have been handed over") % {"count": result["records"]})
            if result["kept"]:
                text = _("%(count)d open approvals and followed records stay with the person")
                messages.warning(request, text % {"count": result["kept"]})
            return goes_to(request, f"/employees/{giver.pk}")
        if asked["to_id"] or asked["parts"]:
            context |= preview(*_plan(giver, asked, actor))
    except ValidationFailed as refused:
        errors.update({error.field: error.message for error in refused.errors})
    except Conflict as refused:
        context["problem"] = refused.detail
    context |= _form(giver, context["holdings"], asked)
    return render(request, "interface/hand_over.html", context, status=422 if request.method == "POST" else 200)


def given(data: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the action as they were typed; rows left empty are left out."""
    rows: dict[int, dict[str, str]] = {}
    for name in data:
        if (found := FIELD.fullmatch(name)) and data[name] and found[2] in {arg.name for arg in PART_ARGS}:
            rows.setdefault(int(found[1]), {})[found[2]] = data[name]
    asked: dict[str, Any] = {"to_id": data.get("to_id") or None, "parts": [rows[n] for n in sorted(rows)] or None}
    return asked | ({"duties": data["duties"]} if data.get("duties") else {})


def _plan(giver: User, asked: dict[str, Any], actor: Actor) -> tuple[Plan, list[Duty]]:
    values = hand_over.clean(asked, actor)
    made = plan(giver, rules_of(giver, values["to_id"], values["parts"]))
    if values["duties"] == DutyChoice.KEEP:
        return made, duties_of(giver, {}, None)
    return made, duties_of(giver, made.heirs, User.objects.filter(pk=values["to_id"]).first())


def preview(made: Plan, duties: list[Duty]) -> dict[str, Any]:
    """Who would get how much of what, and what nobody would get."""
    counts = made.counts()
    heirs = sorted({*counts, *(duty.heir for duty in duties if duty.heir)}, key=lambda one: one.get_short_name())
    lines: list[tuple[Text, list[int]]] = [
        (kind.label_plural, [counts.get(heir, {}).get(kind, 0) for heir in heirs])
        for kind in made.heirs
        if made.heirs[kind]
    ]
    for label, some in (
        (_("Open approval steps"), [duty for duty in duties if duty.step]),
        (_("Followed records"), [duty for duty in duties if duty.follower]),
    ):
        if any(duty.heir for duty in some):
            lines.append((label, [sum(duty.heir == heir for duty in some) for heir in heirs]))
    left: dict[Any, int] = {}
    for piece in made.left:
        left[piece.resource.label_plural] = left.get(piece.resource.label_plural, 0) + 1
    totals = [sum(column) for column in zip(*(line for _label, line in lines), strict=True)]
    staying = [(duty.label, duty.url, _kind(duty)) for duty in duties if duty.heir is None]
    return {
        "previewed": True,
        "heirs": heirs,
        "lines": lines,
        "totals": totals,
        "left": left,
        "staying": staying[:LISTED],
        "staying_more": max(len(staying) - LISTED, 0),
    }


def _kind(duty: Duty) -> str:
    return _("waits for a decision") if duty.step else _("followed")


def _form(giver: User, kinds: Iterable[Resource], asked: dict[str, Any]) -> dict[str, Any]:
    """What the form offers and what was chosen."""
    regions, levels = conditions_of(giver)
    rows, blank = asked["parts"] or [], {arg.name: "" for arg in PART_ARGS}
    ids = {text for text in [asked["to_id"], *(row.get("to_id") for row in rows)] if text and text.isascii()}
    people = User.objects.in_bulk([int(text) for text in ids if text.isdigit() and len(text) < 19])
    hidden = [("to_id", asked["to_id"] or ""), ("duties", asked.get("duties", ""))]
    hidden += [(f"parts-{place}-{name}", value) for place, row in enumerate(rows) for name, value in row.items()]
    return {
        "asked": asked,
        "rows": [blank | row for row in rows],
        "blank": blank,
        "hidden": hidden,
        "people": {str(pk): person.get_short_name() for pk, person in people.items()},
        "kinds": [(kind.name, kind.label_plural) for kind in kinds],
        "regions": [(name, name) for name in regions],
        "levels": [(name, name) for name in levels],
        "duties": DutyChoice.choices,
        "steps": steps_of(giver).count(),
        "followed": followed_by(giver).count(),
    }


urlpatterns = [path("employees/<int:pk>/actions/hand-over", page)]
