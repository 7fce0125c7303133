"""Levels out of weighted scores, month by month, and levels that people set for a time.

Every measure gives 0 to 100 points; what nothing is known of counts as 50. Percentiles are the share of the others
that are strictly worse: the best gets 100, the worst 0, equal values the same.

Customers with an order: revenue of 12 months (percentile), margin of 12 months in percent of the revenue (percentile;
unknown without costs), growth against the 12 months before (percentile; unknown without revenue then), days late on
the invoices of 12 months (100 points in time, none from 60 days on, evenly between), weighted open opportunities
(percentile of those that have some; none gives 0).

Prospects: fit (the mean score of the customers of its industry), weighted open opportunities (as above), time to the
next expected close (100 points within 30 days, 60 within 90, 30 within 180, then 0).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Min, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.clock import Period
from saleswright.kernel.company import base_currency, exchange_rate
from saleswright.kernel.errors import Conflict, Text, ValidationFailed
from saleswright.kernel.jobs import enqueue_once
from saleswright.kernel.metrics import facts, measure_by, metric_named
from saleswright.kernel.records import Batch
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.catalog.public import Product
from saleswright.modules.customers.public import Customer, Level, set_by_rule
from saleswright.modules.insight import queries
from saleswright.modules.insight.actions.figures import AT_ONCE, YEAR
from saleswright.modules.insight.models import CustomerGrade, GradeRules, LevelChange, LevelOverride
from saleswright.modules.insight.states import Card, LevelCause
from saleswright.modules.receivables.public import POSTED, Invoice

GRADE_JOB = "insight.grade"
UNKNOWN = 50
MOST_LATE = 60
TIMING = ((30, 100), (90, 60), (180, 30))
Points = dict[int, float | None]

MEASURES: dict[str, Text] = {
    "revenue": gettext_lazy("Revenue"),
    "margin": gettext_lazy("Margin"),
    "growth": gettext_lazy("Growth of revenue"),
    "payment": gettext_lazy("Payment behaviour"),
    "potential": gettext_lazy("Potential"),
    "fit": gettext_lazy("Fit"),
    "prospect": gettext_lazy("Potential"),
    "timing": gettext_lazy("Timing"),
}
OF_CUSTOMERS = ("revenue", "margin", "growth", "payment", "potential")
OF_PROSPECTS = ("fit", "prospect", "timing")


def percentiles(values: Mapping[int, Any]) -> Points:
    """The share of the others that are strictly worse, 0 to 100, by id; with one alone it is 100."""
    ranked = sorted(values.values())
    others = len(ranked) - 1
    return {pk: 100 * bisect_left(ranked, value) / others if others else 100.0 for pk, value in values.items()}


def level_of(score: int, rules: GradeRules) -> str:
    """The level that a score makes."""
    for level, least in ((Level.A, rules.a_from), (Level.B, rules.b_from), (Level.C, rules.c_from)):
        if score >= least:
            return level.value
    return Level.D.value


def grade_rules() -> GradeRules:
    """The rules in force; the shipped ones where there are none yet."""
    return GradeRules.objects.order_by("pk").first() or GradeRules()


def grade(at: datetime) -> dict[str, int]:
    """Score every customer and prospect, and set the levels if the rules say so; set-wise.

    Answers how many were graded and how many levels changed. Levels set by hand stay until their day has passed.
    """
    as_of, rules, actor = clock.local_date(at), grade_rules(), system("insight")
    live = dict(Customer.objects.filter(archived_at=None).values_list("pk", "industry"))
    buyers = [pk for pk in queries.last_orders(actor) if pk in live]
    potential = _potential(actor, live)
    scored = _score(buyers, _of_customers(buyers, potential, as_of, actor), OF_CUSTOMERS, rules)
    prospects = [pk for pk in live if pk not in scored]
    fit = _fit({pk: live[pk] for pk in prospects}, {pk: (live[pk], one[0]) for pk, one in scored.items()})
    measured = {"fit": fit, "prospect": potential, "timing": _timing(as_of, actor)}
    graded = {pk: (Card.CUSTOMER, *one) for pk, one in scored.items()}
    graded |= {pk: (Card.PROSPECT, *one) for pk, one in _score(prospects, measured, OF_PROSPECTS, rules).items()}
    _store(graded, rules, as_of, at)
    held = _end_overrides(as_of)
    changed = 0
    if rules.active:
        levels = {pk: level_of(score, rules) for pk, (_card, score, _parts) in graded.items() if pk not in held}
        before = set_by_rule("level", levels, "grade", actor=actor, at=at)
        _note(before, levels, {pk: graded[pk][1] for pk in before}, LevelCause.GRADED, as_of, at)
        changed = len(before)
    GradeRules.objects.filter(pk=rules.pk).update(graded_on=as_of)
    return {"graded": len(graded), "changed": changed}


def _score(
    ids: Iterable[int], measured: Mapping[str, Mapping[int, float | None]], names: Iterable[str], rules: GradeRules
) -> dict[int, tuple[int, list[list[Any]]]]:
    weights = {name: getattr(rules, f"{name}_weight") for name in names}
    found = {}
    for pk in ids:
        parts: list[list[Any]] = []
        whole = 0.0
        for name, weight in weights.items():
            points = measured[name].get(pk)
            whole += weight * (UNKNOWN if points is None else points)
            parts.append([name, None if points is None else round(points), weight])
        found[pk] = (int(whole / 100 + 0.5), parts)
    return found


# --- measures --------------------------------------------------------------------------------------------------


def _of_customers(ids: list[int], potential: Points, as_of: date, actor: Actor) -> dict[str, Points]:
    until = as_of - timedelta(days=YEAR)
    recent = Period(until + timedelta(days=1), as_of)
    revenue = metric_named(queries.REVENUE)
    year = measure_by(revenue, "customer", actor, recent)
    before = measure_by(revenue, "customer", actor, Period(until - timedelta(days=YEAR - 1), until))
    growth = {pk: (year.get(pk, Decimal(0)) - before[pk]) / before[pk] for pk in ids if before.get(pk, 0) > 0}
    return {
        "revenue": percentiles({pk: year.get(pk, Decimal(0)) for pk in ids}),
        "margin": percentiles(_margins(recent, actor)),
        "growth": percentiles(growth),
        "payment": _payment(as_of),
        "potential": potential,
    }


def _margins(period: Period, actor: Actor) -> dict[int, Decimal]:
    """What is left of the revenue after today's costs of the products, as a share; only where all costs are known."""
    revenue = metric_named(queries.REVENUE)
    member, product = revenue.dimensions["customer"], revenue.dimensions["product"]
    rows = facts(revenue, actor, period).order_by().values_list(member, product)
    costs = _costs()
    net: dict[int, Decimal] = defaultdict(Decimal)
    cost: dict[int, Decimal] = defaultdict(Decimal)
    unknown = set()
    for pk, product_id, amount, quantity in rows.annotate(Sum("base_net"), Sum("quantity")):
        net[pk] += amount
        if product_id not in costs:
            unknown.add(pk)
        else:
            cost[pk] += quantity * costs[product_id]
    return {pk: (whole - cost[pk]) / whole for pk, whole in net.items() if whole > 0 and pk not in unknown}


def _costs() -> dict[int, Decimal]:
    """Costs of products in base currency; those without a rate of exchange are unknown."""
    today, base, rates, found = clock.today(), base_currency(), dict[str, Decimal | None](), dict[int, Decimal]()
    priced: Any = Product.objects.filter(cost__gt=0).values_list("pk", "cost", "currency")
    for pk, cost, currency in priced:
        if currency not in rates:
            try:
                rates[currency] = Decimal(1) if currency == base else exchange_rate(currency, today)
            except ValidationFailed:
                rates[currency] = None
        rate = rates[currency]
        if rate is not None:
            found[pk] = cost * rate
    return found


def _payment(as_of: date) -> Points:
    """Points for the mean days late of invoices that were due in the last 12 months, paid or not."""
    since = as_of - timedelta(days=YEAR)
    invoices = Invoice.objects.filter(status__in=POSTED, total__gt=0, due_on__gt=since, due_on__lte=as_of)
    rows: Any = invoices.values_list("customer_id", "due_on", "paid_on", "balance")
    late: dict[int, list[int]] = defaultdict(list)
    for pk, due_on, paid_on, balance in rows:
        end = as_of if balance > 0 or paid_on is None else paid_on
        late[pk].append(max(0, (end - due_on).days))
    return {pk: max(0.0, 100 - 100 * sum(days) / len(days) / MOST_LATE) for pk, days in late.items()}


def _potential(actor: Actor, ids: Iterable[int]) -> Points:
    sums = {
        pk: value for pk, value in measure_by(metric_named("open_weighted"), "customer", actor).items() if value > 0
    }
    return dict.fromkeys(ids, 0.0) | percentiles({pk: value for pk, value in sums.items() if pk is not None})


def _fit(prospects: Mapping[int, str], scored: Mapping[int, tuple[str, int]]) -> Points:
    """The mean score of the customers in the industry of each prospect; unknown without such."""
    by_industry: dict[str, list[int]] = defaultdict(list)
    for industry, score in scored.values():
        by_industry[industry].append(score)
    means = {industry: sum(found) / len(found) for industry, found in by_industry.items() if industry}
    return {pk: means.get(industry) for pk, industry in prospects.items()}


def _timing(as_of: date, actor: Actor) -> Points:
    metric = metric_named("open_count")
    member = metric.dimensions["customer"]
    rows = facts(metric, actor).filter(**{f"{member}__isnull": False}, **{f"{metric.day}__gte": as_of})
    found: Points = defaultdict(float)
    for pk, day in rows.order_by().values_list(member).annotate(Min(metric.day)):
        found[pk] = next((float(points) for days, points in TIMING if (day - as_of).days <= days), 0.0)
    return _Zero(found)


class _Zero(dict[int, "float | None"]):
    """Those who are not named have no points, which is known."""

    def get(self, key: int, default: Any = None) -> Any:
        return super().get(key, 0.0)


# --- writing ---------------------------------------------------------------------------------------------------


def _store(graded: Mapping[int, tuple[Card, int, Any]], rules: GradeRules, as_of: date, at: datetime) -> None:
    rows = [
        CustomerGrade(
            customer_id=pk, as_of=as_of, card=card.value, score=score, level=level_of(score, rules), parts=parts,
            created_at=at, updated_at=at,
        )
        for pk, (card, score, parts) in graded.items()
    ]  # fmt: skip
    fields = ["as_of", "card", "score", "level", "parts", "updated_at"]
    CustomerGrade.objects.bulk_create(
        rows, batch_size=AT_ONCE, update_conflicts=True, unique_fields=["customer"], update_fields=fields
    )


def _end_overrides(as_of: date) -> set[int]:
    """End the levels whose day has passed; answers whose level is still set by hand."""
    LevelOverride.objects.filter(ended_on=None, until__lt=as_of).update(ended_on=as_of)
    return set(LevelOverride.objects.filter(ended_on=None).values_list("customer_id", flat=True))


def _note(
    before: Mapping[int, str], after: Mapping[int, str], scores: Mapping[int, int | None], cause: LevelCause,
    as_of: date, at: datetime, reason: str = "",
) -> None:  # fmt: skip
    names = ("customer_id", "before", "after", "on", "cause", "score", "reason", "created_at", "updated_at")
    rows = [
        (pk, old, after[pk], as_of, cause.value, scores.get(pk), reason, at, at) for pk, old in sorted(before.items())
    ]
    if rows:
        insert_many(LevelChange, names, rows)


def grade_monthly(at: datetime) -> dict[str, int]:
    """Grade once a month, on the first night of it or the next one on which a worker runs.

    Levels whose end has come are looked at on each night.
    """
    today, rules = clock.local_date(at), grade_rules()
    ended = LevelOverride.objects.filter(ended_on=None, until__lt=today).exists()
    done = rules.graded_on is not None and (rules.graded_on.year, rules.graded_on.month) == (today.year, today.month)
    return {"graded": 0, "changed": 0} if done and not ended else grade(at)


# --- what people do --------------------------------------------------------------------------------------------


def prepare_grade_rules(batch: Batch) -> None:
    """The weights of a card add up to 100, and each level begins above the next."""
    for draft in batch.good:
        rules = draft.record
        if draft.fresh and GradeRules.objects.exists():
            draft.error("active", "conflict", _("There are rules already: change those."))
        for names in (OF_CUSTOMERS, OF_PROSPECTS):
            whole = sum(getattr(rules, f"{name}_weight") for name in names)
            if whole != 100:
                words = {"sum": whole}
                draft.error(f"{names[0]}_weight", "sum", _("The weights add up to %(sum)d, not to 100.") % words)
        if not rules.a_from > rules.b_from > rules.c_from:
            draft.error("a_from", "order", _("A begins above B, and B above C."))


@transition("grade-rules", "grade", label=gettext_lazy("Grade now"), icon="stairs-up", drop=False)
def grade_now(rules: GradeRules, *, actor: Actor, at: datetime) -> None:
    """Ask a worker to grade by the present rules at once."""
    enqueue_once(GRADE_JOB, arguments={}, at=at)


@transition(
    "customers", "set-level", label=gettext_lazy("Set the level"), icon="stairs-up", drop=False,
    args=(
        Arg("level", gettext_lazy("Level"), "choice", choices=Level),
        Arg("reason", gettext_lazy("Reason")),
        Arg("until", gettext_lazy("Holds until"), "date", help=gettext_lazy("Then the score decides again.")),
    ),
)  # fmt: skip
def set_level(customer: Customer, *, actor: Actor, at: datetime, level: str, reason: str, until: date) -> None:
    """Set the level by hand until a day; what was set by hand before ends. Raises ValidationFailed for a past day."""
    today = clock.local_date(at)
    if until < today:
        raise ValidationFailed.of("until", "range", _("The day lies in the past."))
    LevelOverride.objects.filter(customer=customer, ended_on=None).update(ended_on=today)
    LevelOverride.objects.create(
        customer=customer, level=level, reason=reason, until=until, created_at=at, updated_at=at,
        created_by_id=actor.user_id, updated_by_id=actor.user_id,
    )  # fmt: skip
    _note({customer.pk: customer.level}, {customer.pk: level}, {}, LevelCause.SET, today, at, reason)
    customer.level = level


@transition("customers", "end-set-level", label=gettext_lazy("Let the score decide"), icon="stairs-up", drop=False)
def end_set_level(customer: Customer, *, actor: Actor, at: datetime) -> None:
    """End the level set by hand; with active rules the level is that of the last score. Raises Conflict without one."""
    today = clock.local_date(at)
    if not LevelOverride.objects.filter(customer=customer, ended_on=None).update(ended_on=today):
        raise Conflict(_("Nobody has set the level by hand."))
    found = CustomerGrade.objects.filter(customer=customer).first()
    if found is not None and grade_rules().active and found.level != customer.level:
        _note({customer.pk: customer.level}, {customer.pk: found.level}, {customer.pk: found.score}, LevelCause.ENDED,
              today, at)  # fmt: skip
        customer.level = found.level


def in_words(parts: Iterable[list[Any]]) -> list[str]:
    """The points of each measure as people read them."""
    found = []
    for name, points, weight in parts:
        words = {"measure": MEASURES.get(name, name), "points": points, "weight": weight}
        if points is None:
            found.append(_("%(measure)s: unknown, counted as 50 (weight %(weight)d %%)") % words)
        else:
            found.append(_("%(measure)s: %(points)d of 100 (weight %(weight)d %%)") % words)
    return found
