"""Pages of the pools: their stock with claims, and what a rule would take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.entity import entity_named
from saleswright.interface.formatting import format_date, format_datetime, relative_datetime
from saleswright.interface.navigation import Page, add_page
from saleswright.interface.pages.common import actor_of, address, goes_to, in_range, language
from saleswright.interface.presentation import Switch
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, owner_within, visible
from saleswright.kernel.errors import DomainError, NotAllowed, NotFound, ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.resources import resource_named
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.pool import queries
from saleswright.modules.pool.actions import moving, recycling
from saleswright.modules.pool.kinds import kinds
from saleswright.modules.pool.models import Pool, RecycleRule
from saleswright.modules.pool.shown import stock_of

SHOWN = 50
MOST_AT_ONCE = 500

add_page("customers", Page(gettext_lazy("Public pools"), "ripple", "/public-pool", "pools.view"))


def _pools(actor: Actor) -> list[Pool]:
    actor.require("pools.view")
    found = queries.pools_of(actor).filter(resource__in=kinds).order_by("position", "resource", "id")
    return [pool for pool in found if actor.may(f"{pool.resource}.view")]


def _chosen(pools: list[Pool], text: str, counts: Mapping[int, int] | None = None) -> Pool | None:
    """The pool that is asked for, else the first with something in it. Raises NotFound for one that is not seen."""
    if not text:
        return next((pool for pool in pools if (counts or {}).get(pool.pk)), pools[0] if pools else None)
    for pool in pools:
        if str(pool.pk) == text:
            return pool
    raise NotFound


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@require_GET
def stock_page(request: HttpRequest) -> HttpResponse:
    """What lies in the pools of a person, to be claimed; managers assign it."""
    actor, spoken = actor_of(request), language()
    pools = _pools(actor)
    counts = queries.stock_counts(pools)
    pool = _chosen(pools, request.GET.get("pool", ""), counts)
    query = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    context: dict[str, Any] = {
        "pool": pool,
        "query": query,
        "tabs": [
            Switch(f"{one.name} {counts.get(one.pk, 0)}", "", f"/public-pool?pool={one.pk}", one is pool)
            for one in pools
        ],
    }
    if pool is not None:
        entity = entity_named(pool.resource)
        stock = stock_of(pool, actor, query=query, after=_number(request.GET.get("after", "")))
        context |= {
            "heads": [spec.label for spec in stock.specs],
            "rows": [
                {
                    "id": one.id,
                    "cells": [spec.cell(one.values, spoken, links=False) for spec in stock.specs],
                    "phone": one.phone,
                    "since": relative_datetime(one.pooled_at, spoken),
                    "exactly": format_datetime(one.pooled_at),
                    "reason": one.reason,
                    "last_owner": one.last_owner,
                }
                for one in stock.pieces
            ],
            "count": counts.get(pool.pk, 0),
            "next_url": address("/public-pool", {"pool": pool.pk, "q": query}, after=stock.next) if stock.next else "",
            "claims": actor.user_id is not None and actor.may(f"{pool.resource}.claim"),
            "manages": _manages(actor, pool),
            "standing": queries.standing_of(actor, pool.resource),
            "kind": entity.label_plural,
            "settings_url": f"/pools/{pool.pk}",
        }
    return render(request, "pool/stock.html", context)


def _manages(actor: Actor, pool: Pool) -> bool:
    return actor.may(f"{pool.resource}.assign") and queries.managed_by(actor).filter(pk=pool.pk).exists()


@require_POST
def claim(request: HttpRequest, pool_id: int) -> HttpResponse:
    """Claim one record, or those that are ticked; each stands for itself."""
    actor = actor_of(request)
    pool = _chosen(_pools(actor), str(pool_id))
    assert pool is not None
    entity = entity_named(pool.resource)
    transition = resource_named(pool.resource).transition("claim")
    single = _number(request.POST.get("one", ""))
    ids = [single] if single else _ids(request)
    done, last = 0, 0
    for pk in ids:
        try:
            run_atomic(lambda pk=pk: transition(pk, actor=actor))  # type: ignore[misc]
            done, last = done + 1, pk
        except DomainError as refused:
            messages.error(request, f"{_label(entity, pk)}: {_said(refused)}")
            if getattr(refused, "code", "") in {"claims_a_day", "most_held"}:
                break  # the others would hear the same
    if done:
        text = ngettext("%(count)d is yours now.", "%(count)d are yours now.", done)
        messages.success(request, text % {"count": done})
    return goes_to(request, entity.url(last) if done and done == len(ids) == 1 else f"/public-pool?pool={pool.pk}")


@require_POST
def assign(request: HttpRequest, pool_id: int) -> HttpResponse:
    """Give what is ticked to people, evenly in turn."""
    actor = actor_of(request)
    pool = _chosen(_pools(actor), str(pool_id))
    assert pool is not None
    if not _manages(actor, pool):
        raise NotAllowed
    try:
        people = _people(request, actor, pool)
        ids = _ids(request)
        if not ids:
            raise ValidationFailed.of("id", "required", _("Tick at least one row."))
        count = run_atomic(lambda: moving.assign_from(pool, ids, people, actor=actor, at=clock.now()))
        text = ngettext("%(count)d was assigned.", "%(count)d were assigned.", count)
        messages.success(request, text % {"count": count})
        if count < len(ids):
            messages.error(request, _("The others are in the pool no more."))
    except DomainError as refused:
        messages.error(request, _said(refused))
    return goes_to(request, f"/public-pool?pool={pool.pk}")


def _people(request: HttpRequest, actor: Actor, pool: Pool) -> list[User]:
    """Who is to get it, in the order named. Raises ValidationFailed."""
    wanted = [pk for text in request.POST.getlist("to") if (pk := _number(text))]
    known = {user.pk: user for user in visible(User.objects.filter(pk__in=wanted, archived_at=None), actor)}
    people = [known[pk] for pk in dict.fromkeys(wanted) if pk in known and known[pk].is_active]
    if not people:
        raise ValidationFailed.of("to", "required", _("Say to whom."))
    scopes = actor.scopes(f"{pool.resource}.assign")
    if any(not owner_within(actor, scopes, user) for user in people):
        raise ValidationFailed.of("to", "not_allowed", _("You may not give records to this person."))
    return people


def _ids(request: HttpRequest) -> list[int]:
    return [pk for text in request.POST.getlist("id")[:MOST_AT_ONCE] if (pk := _number(text))]


def _label(entity: Any, pk: int) -> str:
    record = entity.model.objects.filter(pk=pk).first()
    return entity.label_of(record) if record is not None else f"#{pk}"


def _said(refused: DomainError) -> str:
    if isinstance(refused, ValidationFailed) and refused.errors:
        return str(refused.errors[0].message)
    return str(refused)


@require_GET
def stock_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """How much lies in a pool, as a part of its page."""
    pool = fetch(Pool, in_range(pk), actor=actor_of(request))
    count = queries.stock_counts([pool]).get(pool.pk, 0)
    return render(request, "pool/stock_panel.html", {"pool": pool, "count": count})


@require_GET
def preview_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """What a rule would take tonight, by owner, and which records with the reasons: the night's own statements."""
    actor, at, spoken = actor_of(request), clock.now(), get_language() or "zh-hans"
    rule = fetch(RecycleRule, in_range(pk), actor=actor)
    actor.require(f"{rule.resource}.view")
    total, owners, problem = 0, Counter[str](), ""
    shown: list[dict[str, Any]] = []
    try:
        model = kinds[rule.resource].model
        for ids in recycling.batches(rule, at):
            total += len(ids)
            owners.update(model.objects.filter(pk__in=ids).values_list("owner__name", flat=True))
            if len(shown) < SHOWN:
                shown += _foreseen(rule, ids[: SHOWN - len(shown)], at, actor, spoken)
    except ValidationFailed as refused:
        problem = _said(refused)
    title = ngettext("%(count)d record would go tonight", "%(count)d records would go tonight", total)
    context = {
        "title": title % {"count": total}, "rule": rule, "total": total, "owners": owners.most_common(), "rows": shown,
        "problem": problem, "live": rule.status == recycling.LIVE,
    }  # fmt: skip
    return render(request, "pool/preview_panel.html", context)


def _foreseen(rule: RecycleRule, ids: list[int], at: Any, actor: Actor, spoken: str) -> list[dict[str, Any]]:
    entity, why = entity_named(rule.resource), recycling.reasons(rule, ids, at)
    rows = entity.model.objects.filter(pk__in=ids).select_related("owner").order_by("pk")
    seen = set(visible(entity.model.objects.filter(pk__in=ids), actor).values_list("pk", flat=True))
    return [
        {
            "label": entity.label_of(one),
            "url": entity.url(one.pk) if one.pk in seen else "",
            "owner": one.owner.get_short_name(),
            "idle": queries.days_idle(one, at),
            "since": format_date(clock.local_date(one.owned_since)) if one.owned_since else "",
            "reason": why[one.pk].removeprefix(f"{rule.name}: "),
        }
        for one in rows
    ]


urlpatterns = [
    path("public-pool", stock_page),
    path("public-pool/<int:pool_id>/claim", claim),
    path("public-pool/<int:pool_id>/assign", assign),
    path("pools/<int:pk>/stock/panel", stock_panel),
    path("recycle-rules/<int:pk>/preview/panel", preview_panel),
]
