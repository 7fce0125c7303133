"""Panels on the pages of activities, customers and plans."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from saleswright.interface.formatting import format_date, format_datetime
from saleswright.interface.pages.common import actor_of, in_range
from saleswright.interface.presentation import Cell
from saleswright.kernel import clock
from saleswright.kernel.access.scopes import fetch
from saleswright.kernel.company import base_currency
from saleswright.kernel.geography import Place, distance
from saleswright.kernel.metrics import all_metrics, measure
from saleswright.modules.customers.public import Customer
from saleswright.modules.pipeline.public import Activity, ActivityKind, PlaceState
from saleswright.modules.visits.actions.check_in import metres_text
from saleswright.modules.visits.actions.expenses import budget_of, remaining
from saleswright.modules.visits.models import VisitPlan
from saleswright.modules.visits.queries import coverage, needs_of, quarter_of, rules

#: what a customer brought, the first measure that there is; in the order of how sure it is
INCOME = ("invoiced", "ordered", "won_amount")


@require_GET
def visit_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """Where and when somebody arrived and left, and the photo."""
    actor = actor_of(request)
    one = fetch(Activity, in_range(pk), actor=actor)
    state = PlaceState(one.place) if one.place else None
    context = {
        "one": one,
        "visits": one.kind == ActivityKind.VISIT,
        "place": Cell(str(state.label), "badge", colour=state.colour) if state else None,
        "distance": metres_text(one.distance) if one.distance is not None else "",
        "accuracy": metres_text(one.accuracy) if one.accuracy is not None else "",
        "arrived": format_datetime(one.checked_in_at) if one.checked_in_at else "",
        "left": format_datetime(one.checked_out_at) if one.checked_out_at else "",
        "radius": metres_text(rules().radius),
        "photographs": actor.may("attachments.create") and one.checked_in_at is not None,
    }
    return render(request, "visits/visit_panel.html", context)


@require_GET
def needs_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """What was learned about a customer's needs, and when a visit is due."""
    actor = actor_of(request)
    customer = fetch(Customer, in_range(pk), actor=actor)
    today = clock.today()
    found = coverage(Customer.objects.filter(pk=customer.pk), quarter_of(today))
    covered = found[0] if found else None
    context = {
        "rows": [
            (one, format_date(clock.local_date(one.done_at)) if one.done_at else "") for one in needs_of(pk, actor)
        ],
        "covered": covered,
        "late": covered.overdue(today) if covered else 0,
        "last": format_date(covered.last) if covered and covered.last else "",
        "due": format_date(covered.due) if covered and covered.due else "",
    }
    return render(request, "visits/needs_panel.html", context)


@require_GET
def profit_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """What a customer brought in the last year and what was spent on them."""
    actor = actor_of(request)
    customer = fetch(Customer, in_range(pk), actor=actor)
    known = {metric.name: metric for metric in all_metrics()}
    today = clock.today()
    year = clock.Period(today - timedelta(days=364), today)
    income = next((known[name] for name in INCOME if name in known and "customer" in known[name].dimensions), None)
    spent = measure(known["customer_expenses"], actor, year, customer=customer.pk)
    brought = measure(income, actor, year, customer=customer.pk) if income else Decimal(0)
    budget = budget_of(customer.department_id, today).first() if actor.may("expense-budgets.view") else None
    context = {
        "shown": bool(spent or brought),
        "income": income,
        "brought": brought,
        "spent": spent,
        "rest": brought - spent,
        "share": spent / brought if brought else None,
        "currency": base_currency(),
        "budget": budget,
        "left": remaining(budget) if budget else None,
    }
    return render(request, "visits/profit_panel.html", context)


@require_GET
def route_panel(request: HttpRequest, pk: int) -> HttpResponse:
    """The way of each day of a plan, and whether the visits took place."""
    plan = fetch(VisitPlan, in_range(pk), actor=actor_of(request))
    stops = list(plan.stops.select_related("customer", "activity").order_by("day", "position", "id"))
    days = []
    for day, group in groupby(stops, key=lambda stop: stop.day):
        of_day, total, known = list(group), 0.0, True
        before: Place | None = None
        rows = []
        for stop in of_day:
            place = Place.of(stop.customer.latitude, stop.customer.longitude)
            leg = distance(before, place) if before and place else None
            total += leg or 0
            known = known and place is not None
            before = place or before
            state = stop.activity.get_status_display() if stop.activity else ""
            rows.append((stop, metres_text(round(leg)) if leg is not None else "", state, place is None))
        days.append((day, rows, metres_text(round(total)), known))
    return render(request, "visits/route_panel.html", {"days": days})
