"""The page of the lead score, and the parts of other pages that speak of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from saleswright.interface.entity import entity_named
from saleswright.interface.formatting import format_datetime, format_number, format_percent
from saleswright.interface.navigation import Page, add_page
from saleswright.interface.pages.common import actor_of, goes_to, in_range
from saleswright.interface.presentation import Chart, Option
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import fetch, visible
from saleswright.kernel.conditions import holds, parsed
from saleswright.kernel.errors import DomainError, NotAllowed, Text, ValidationFailed
from saleswright.kernel.learning.words import doubtful, why_aside
from saleswright.kernel.records import save_record
from saleswright.kernel.transactions import run_atomic
from saleswright.modules.leads.models import Lead
from saleswright.modules.leads.scoring import training, words
from saleswright.modules.leads.scoring.entities import METHODS
from saleswright.modules.leads.scoring.models import ScoreRule, ScoreSetup, ScoreVersion
from saleswright.modules.leads.scoring.rules import Values, rule_book, score_terms, value_of
from saleswright.modules.leads.scoring.states import VersionStatus
from saleswright.modules.leads.scoring.table import decided, label_of

add_page("leads", Page(gettext_lazy("Lead score"), "chart-histogram", "/lead-score", "score-versions.view"))

RIGHT, LEARN, TREAT = "score-versions.view", "score-versions.create", "score-setup.treat-column"
#: reasons that an administrator can overrule (`kernel.learning.guard.SUSPICIONS`, which loads numpy)
SUSPICIONS = frozenset({"separates", "decides", "one_outcome"})
#: so many of the newest open leads does a rule's preview look at
LOOKED_AT = 2000
NAMES = {
    "learned": gettext_lazy("Learned score"), "rules": gettext_lazy("Score by rules"),
    "base": gettext_lazy("Always the same rate"),
}  # fmt: skip


@require_GET
def score_page(request: HttpRequest) -> HttpResponse:
    """What scores the leads now, how good it is, what it was learned from, and its versions."""
    actor, at = actor_of(request), clock.now()
    actor.require(RIGHT)
    setup = training.setup()
    in_use = ScoreVersion.objects.filter(status=VersionStatus.IN_USE).first()
    newest = ScoreVersion.objects.order_by("-number").first()
    shown = in_use or ScoreVersion.objects.exclude(evaluation={}).order_by("-number").first()
    outcomes = decided(setup.lost_after_days, at).count()
    due = training.next_training(at)
    running = newest if newest is not None and newest.status == VersionStatus.TRAINING else None
    context = {
        "setup": setup, "in_use": in_use, "newest": newest, "running": running, "shown": shown,
        "since": format_datetime(in_use.used_since) if in_use is not None and in_use.used_since else "",
        "outcomes": format_number(outcomes), "fewest": format_number(setup.fewest_outcomes),
        "missing": max(0, setup.fewest_outcomes - outcomes),
        "share": min(1.0, outcomes / max(1, setup.fewest_outcomes)),
        "due": format_datetime(due) if due else "",
        "may_learn": actor.may(LEARN), "may_set_up": actor.may("score-setup.edit"),
        "may_treat": actor.may(TREAT), "may_rules": actor.may("score-rules.view"),
        "sight": _evaluation(shown) if shown is not None else None,
        "columns": _columns(shown, setup),
        "spread": _spread(actor),
        "rules": ScoreRule.objects.filter(active=True, archived_at=None).count(),
        "versions": [_version(one, actor) for one in ScoreVersion.objects.order_by("-number")[:12]],
    }  # fmt: skip
    return render(request, "leads/score.html", context)


# --- the evaluation of a version -------------------------------------------------------------------------------


def _evaluation(version: ScoreVersion) -> dict[str, Any] | None:
    found = version.evaluation
    if not found:
        return None
    rows = []
    for name in [one for one in NAMES if one in found["figures"]]:  # PostgreSQL keeps no order of keys
        figures = found["figures"][name]
        best = name == "learned"
        rows.append({
            "label": NAMES[name], "auc": f"{figures['auc']:.3f}", "brier": f"{figures['brier']:.4f}",
            "error": f"{figures['calibration_error']:.3f}", "best": best, "beaten": name in found["beaten"],
        })  # fmt: skip
    return {
        "version": version, "rows": rows, "held_out": format_number(found["held_out"]),
        "rate": format_percent(found["rate"]), "chance_error": f"{found['chance_error']:.3f}",
        "method": METHODS.get(version.method, version.method), "chart": _calibration(version),
        "outcomes": format_number(version.outcomes), "converted": format_number(version.converted),
    }  # fmt: skip


def _calibration(version: ScoreVersion) -> Chart | None:
    bins: Sequence[Sequence[float]] = version.evaluation.get("bins") or []
    if not bins:
        return None
    most = max(max(said, happened) for _count, said, happened in bins)
    top = min(100, 10 * (int(most * 10) + 1))
    error = version.evaluation["figures"]["learned"]["calibration_error"]
    option = {
        "legend": {"right": 0},
        "tooltip": {"trigger": "item"},
        "xAxis": {
            "type": "value", "min": 0, "max": top, "name": _("Said (%)"), "nameLocation": "middle", "nameGap": 26,
        },
        "yAxis": {"type": "value", "min": 0, "max": top},
        "grid": {"bottom": 28},
        "series": [
            {
                "name": _("Perfect"), "type": "line", "symbol": "none", "lineStyle": {"type": "dashed"},
                "data": [[0, 0], [top, top]],
            },
            {
                "name": _("Converted (%)"), "type": "line", "symbol": "circle", "symbolSize": 9,
                "data": [[round(100 * said, 1), round(100 * happened, 1)] for _count, said, happened in bins],
            },
        ],
    }  # fmt: skip
    title = _("What was said and what happened differ by %(error)s on average") % {"error": format_percent(error)}
    rows = [
        [str(place), format_percent(said), format_percent(happened), format_number(int(count))]
        for place, (count, said, happened) in enumerate(bins, 1)
    ]
    heads: list[Text] = [_("Tenth"), _("Said"), _("Converted"), _("Leads")]
    source = _("%(count)s held-out leads in ten groups of equal size") % {
        "count": format_number(version.evaluation["held_out"])
    }
    return Chart(title, "%", source, option, heads, rows)


def _columns(version: ScoreVersion | None, setup: ScoreSetup) -> dict[str, list[dict[str, Any]]]:
    """The columns of a version: those used by their weight, and those set aside with the reason."""
    found: dict[str, Any] = version.columns if version is not None else {}
    used: Mapping[str, float] = found.get("used", {})
    aside: Mapping[str, Mapping[str, Any]] = found.get("aside", {})
    most = max(used.values(), default=1.0) or 1.0
    return {
        "used": [
            {
                "name": name, "label": label_of(name), "share": size / most, "uses": _uses(name, setup),
                "ask": doubtful(f"{name} {label_of(name)}"), "marked": name in setup.known_after,
            }
            for name, size in sorted(used.items(), key=lambda pair: -pair[1])
        ],
        "aside": [
            {
                "name": name, "label": label_of(name), "uses": _uses(name, setup),
                "text": why_aside(str(one["reason"]), {k: v for k, v in one.items() if k != "reason"}),
                "suspicious": one["reason"] in SUSPICIONS,
                "admitted": name in setup.admitted,
            }
            for name, one in sorted(aside.items(), key=lambda pair: (pair[1]["reason"] not in SUSPICIONS, pair[0]))
        ],
    }  # fmt: skip


def _uses(name: str, setup: ScoreSetup) -> list[Option]:
    now = "known_after" if name in setup.known_after else "admitted" if name in setup.admitted else "auto"
    labels = {
        "auto": _("Automatic"), "known_after": _("Known afterwards"), "admitted": _("Use anyway"),
    }  # fmt: skip
    return [Option(use, label, use == now) for use, label in labels.items()]


def _spread(actor: Actor) -> Chart | None:
    """The open leads that the actor sees by tens of their score."""
    if not actor.may("leads.view"):
        return None
    rows = visible(Lead.objects.filter(status__in=training.OPEN, archived_at=None), actor).order_by()
    counts = [0] * 10
    for score, count in rows.values_list("score").annotate(n=Count("pk")):
        counts[min(9, score // 10)] += count
    total = sum(counts)
    if not total:
        return None
    high = sum(counts[6:])
    facts = {"high": format_number(high), "total": format_number(total)}
    return _histogram(
        _("%(high)s of %(total)s open leads score 60 or more") % facts, [(_("Open leads"), counts)], _("Present scores")
    )


def _histogram(title: str, series: Sequence[tuple[str, Sequence[int]]], source: str) -> Chart:
    labels = [f"{10 * place}–{10 * place + (10 if place == 9 else 9)}" for place in range(10)]
    option = {
        "legend": {"right": 0} if len(series) > 1 else None,
        "xAxis": {"type": "category", "data": labels},
        "yAxis": {"type": "value"},
        "series": [{"name": name, "type": "bar", "data": list(counts)} for name, counts in series],
    }
    rows = [[label, *(str(counts[place]) for _name, counts in series)] for place, label in enumerate(labels)]
    return Chart(title, _("Leads"), source, option, [_("Score"), *(name for name, _counts in series)], rows)


def _version(one: ScoreVersion, actor: Actor) -> dict[str, Any]:
    status = VersionStatus(one.status)
    usable = one.status in {VersionStatus.READY, VersionStatus.RETIRED} and actor.may("score-versions.use")
    return {
        "id": one.pk, "number": one.number, "status": status.label, "colour": status.colour,
        "at": format_datetime(one.created_at), "method": METHODS.get(one.method, one.method),
        "outcomes": format_number(one.outcomes) if one.outcomes else "", "auc": f"{one.auc:.3f}" if one.auc else "",
        "error": f"{one.evaluation['figures']['learned']['calibration_error']:.3f}" if one.evaluation else "",
        "problem": one.problem, "use": usable, "back": one.status == VersionStatus.RETIRED,
        "retire": one.status == VersionStatus.IN_USE and actor.may("score-versions.retire"),
        "cancel": one.status == VersionStatus.TRAINING and actor.may("score-versions.cancel"), "percent": one.percent,
    }  # fmt: skip


@require_GET
def evaluation_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """How a version did on the leads that were held out, as a part of its page."""
    version = fetch(ScoreVersion, in_range(pk), actor=actor_of(request))
    return render(request, "leads/score_evaluation_panel.html", {"sight": _evaluation(version), "version": version})


# --- what is done there ----------------------------------------------------------------------------------------


@require_POST
def learn(request: HttpRequest) -> HttpResponse:
    """Ask for a new version."""
    actor = actor_of(request)
    return _done(request, lambda: save_record(ScoreVersion, {}, actor=actor), _("A worker is learning now."))


@require_POST
def treat(request: HttpRequest) -> HttpResponse:
    """Say how a column is used from the next version on."""
    actor, setup = actor_of(request), training.setup()
    given: dict[str, Any] = {name: request.POST.get(name, "")[:200] for name in ("column", "use")}
    text = _("It holds from the next version on.")
    return _done(request, lambda: training.treat_column(setup.pk, actor=actor, **given), text)


@require_POST
def version_action(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Put a version into use, go back to an earlier one or to the rules, or stop learning."""
    actor, known = actor_of(request), {one.name: one for one in entity_named("score-versions").transitions}
    if verb not in known:
        raise NotAllowed
    done = {
        "use": _("Leads are scored by this version now."), "retire": _("Leads are scored by the rules now."),
        "cancel": _("Learning is stopped."),
    }  # fmt: skip
    return _done(request, lambda: known[verb](in_range(pk), actor=actor), done[verb])


def _done(request: HttpRequest, work: Any, text: str) -> HttpResponse:
    try:
        run_atomic(work)
        messages.success(request, text)
    except ValidationFailed as refused:
        messages.error(request, " ".join(str(one.message) for one in refused.errors) or str(refused))
    except DomainError as refused:
        messages.error(request, str(refused))
    return goes_to(request, "/lead-score")


# --- parts of other pages --------------------------------------------------------------------------------------


@require_GET
def score_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """Why a lead has its score, as a part of its page."""
    actor = actor_of(request)
    lead = fetch(Lead, in_range(pk), actor=actor)
    reasons = words.reasons_of([lead.pk], actor).get(lead.pk, [])
    learned = isinstance(lead.score_parts, dict) and lead.score_parts.get("by") == "learned"
    closed = lead.status not in training.OPEN
    context = {
        "lead": lead, "reasons": reasons, "basis": words.basis(lead.score_parts), "learned": learned,
        "link": "/lead-score" if actor.may(RIGHT) else "", "closed": closed,
        "tone": "green" if lead.score >= 60 else "yellow" if lead.score >= 30 else "secondary",
    }  # fmt: skip
    return render(request, "leads/score_panel.html", context)


@require_GET
def rule_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What a rule does to the newest open leads: how many it holds for, and their scores with and without it."""
    actor = actor_of(request)
    rule = fetch(ScoreRule, in_range(pk), actor=actor)
    actor.require("leads.view")
    problem, met, total, chart = "", 0, 0, None
    try:
        tree = parsed(rule.conditions, score_terms("leads", actor)) if rule.conditions else None
        rows = visible(Lead.objects.filter(status__in=training.OPEN, archived_at=None), actor)
        leads = list(rows.select_related("region", "campaign").order_by("-pk")[:LOOKED_AT])
        total = len(leads)
        others = ScoreRule.objects.filter(active=True, archived_at=None).exclude(pk=rule.pk).order_by("position", "id")
        without, whole = rule_book(others), rule_book([*others, rule])
        spread = {"without": [0] * 10, "with": [0] * 10}
        for lead in leads:
            value = value_of(lead)
            met += tree is not None and holds(tree, Values(value))
            for name, book in (("without", without), ("with", whole)):
                spread[name][min(9, book.score(value).score // 10)] += 1
        if total:
            title = _("%(met)s of %(total)s open leads get these points") % {
                "met": format_number(met), "total": format_number(total)
            }  # fmt: skip
            series = [(_("Without this rule"), spread["without"]), (_("With this rule"), spread["with"])]
            chart = _histogram(title, series, _("Scores by the rules"))
    except ValidationFailed as refused:
        problem = str(refused.errors[0].message) if refused.errors else str(refused)
    context = {
        "rule": rule, "problem": problem, "met": met, "total": total, "chart": chart,
        "learned": ScoreVersion.objects.filter(status=VersionStatus.IN_USE).exists(),
    }  # fmt: skip
    return render(request, "leads/score_rule_preview.html", context)


urlpatterns = [
    path("lead-score", score_page),
    path("lead-score/learn", learn),
    path("lead-score/columns", treat),
    path("lead-score/versions/<int:pk>/<str:verb>", version_action),
    path("leads/<int:pk>/score/panel", score_panel),
    path("score-rules/<int:pk>/preview/panel", rule_preview),
    path("score-versions/<int:pk>/evaluation/panel", evaluation_panel),
]
