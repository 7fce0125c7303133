"""The team's pipeline as a page: people by stages, what needs a look, and handing deals over from there."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET

from saleswright.interface.formatting import (
    compact_money,
    format_date,
    format_money,
    format_number,
    format_percent,
    relative_datetime,
)
from saleswright.interface.navigation import Page, add_page
from saleswright.interface.pages.common import actor_of, address, language
from saleswright.interface.presentation import Switch
from saleswright.kernel import clock
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import NotFound
from saleswright.modules.pipeline import team
from saleswright.modules.pipeline.models import Stage
from saleswright.modules.pipeline.queries import pipelines_in_order, stages_of

add_page("opportunities", Page(gettext_lazy("Team pipeline"), "users-group", "/team-pipeline", "opportunities.assign"))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@require_GET
def team_page(request: HttpRequest) -> HttpResponse:
    """Open deals by person and stage, stuck and slipped ones, coverage, who isn't following up."""
    actor, spoken = actor_of(request), language()
    actor.require("opportunities.assign")
    pipelines = list(pipelines_in_order())
    asked = _number(request.GET.get("pipeline", ""))
    pipeline = next((one for one in pipelines if asked in (None, one.pk)), None)
    if pipeline is None and (asked is not None or not pipelines):
        raise NotFound
    assert pipeline is not None
    idle_days = min(max(_number(request.GET.get("idle", "")) or team.IDLE_DAYS, 1), team.MOST_DAYS)
    owner_id = _number(request.GET.get("owner", ""))
    stages = stages_of(pipeline.pk)
    seats = team.seats(pipeline.pk, actor, idle_days)
    given = {"pipeline": pipeline.pk if asked else None, "idle": idle_days if "idle" in request.GET else None}
    chosen = next((seat for seat in seats if seat.owner_id == owner_id), None) if owner_id else None
    needing = team.in_need(pipeline.pk, actor, chosen.owner_id if chosen else None)
    idle = sum(seat.idle for seat in seats if seat.owner_id is not None)
    context: dict[str, Any] = {
        "pipeline": pipeline,
        "tabs": [
            Switch(one.title, "", address("/team-pipeline", {"pipeline": one.pk}), one is pipeline) for one in pipelines
        ],
        "stages": stages,
        "rows": [_row(seat, stages, pipeline.pk, given, spoken) for seat in seats],
        "sums": _sums(seats, stages, spoken),
        "chosen": chosen,
        "all_url": address("/team-pipeline", given),
        "idle_days": idle_days,
        "idle_text": ngettext(
            "%(count)d person has noted nothing for %(days)d working days",
            "%(count)d people have noted nothing for %(days)d working days",
            idle,
        )
        % {"count": idle, "days": idle_days}
        if idle
        else "",
        "deals": [_deal(one, spoken) for one in needing],
        "limit": team.SHOWN,
        "covers": any(seat.coverage for seat in seats),
    }
    return render(request, "pipeline/team.html", context)


def _row(seat: team.Seat, stages: list[Stage], pipeline_id: int, given: dict[str, Any], spoken: str) -> dict[str, Any]:
    deals = {"status": "open", "pipeline_id": pipeline_id, "owner_id": seat.owner_id}
    return {
        "name": seat.name,
        "url": address("/team-pipeline", given, owner=seat.owner_id),
        "cells": [
            (
                format_number(seat.stages[stage.pk][0]),
                compact_money(seat.stages[stage.pk][1], base_currency(), spoken),
                address("/opportunities", deals, stage_id=stage.pk),
            )
            if stage.pk in seat.stages
            else None
            for stage in stages
        ],
        "count": format_number(seat.count),
        "amount": compact_money(seat.amount, base_currency(), spoken),
        "weighted": compact_money(seat.weighted, base_currency(), spoken),
        "deals_url": address("/opportunities", deals),
        "stuck": seat.stuck,
        "stuck_url": address("/opportunities", deals, stage_due_on__lt="today"),
        "slipped": seat.slipped,
        "slipped_url": address("/reports/slipped-deals", {"owner_id": seat.owner_id, "pipeline_id": pipeline_id}),
        "coverage": seat.coverage,
        "covered": format_percent(seat.coverage.share) if seat.coverage and seat.coverage.share is not None else "",
        "remaining": compact_money(seat.coverage.remaining, base_currency(), spoken) if seat.coverage else "",
        "idle": seat.idle and seat.owner_id is not None,
        "last": relative_datetime(seat.last_activity, spoken) if seat.last_activity else "",
        "activities_url": address("/activities", {"owner_id": seat.owner_id, "ordering": "-done_at"}),
    }


def _sums(seats: list[team.Seat], stages: list[Stage], spoken: str) -> list[tuple[str, str]]:
    """Deals and amount of each stage, all people together."""
    found = []
    for stage in stages:
        some = [seat.stages[stage.pk] for seat in seats if stage.pk in seat.stages]
        amount = sum((one for _count, one in some), team.ZERO)
        count = sum(count for count, _amount in some)
        found.append((format_number(count), compact_money(amount, base_currency(), spoken) if count else ""))
    return found


def _deal(row: dict[str, Any], spoken: str) -> dict[str, Any]:
    end = row["expected_close"]
    return {
        "id": row["pk"],
        "name": row["name"],
        "url": f"/opportunities/{row['pk']}",
        "owner": row["owner__name"] or "",
        "stage": row["stage__title"],
        "amount": format_money(row["base_amount"], base_currency(), spoken),
        "close": format_date(end) if end else "",
        "close_late": bool(end and end < clock.today()),
        "why": row["why"],
    }
