"""The nightly figures of the customers: rhythm, value and risk, and the life cycle that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor, system
from saleswright.kernel.bulk import insert_many
from saleswright.kernel.clock import Period
from saleswright.kernel.errors import Conflict, Text
from saleswright.kernel.jobs import enqueue_once
from saleswright.kernel.metrics import measure_by, metric_named
from saleswright.kernel.records import Batch, save_record
from saleswright.kernel.transitions import Arg, transition
from saleswright.modules.customers.public import ChurnRisk, Customer, LifeCycle, note_figures, set_by_rule
from saleswright.modules.insight import queries
from saleswright.modules.insight.churn import Model, fit, history_of, usual_gap
from saleswright.modules.insight.models import CustomerRules, CustomerStanding, LifeCycleChange
from saleswright.modules.insight.rfm import scores
from saleswright.modules.work.public import Task, TaskState

REFRESH_JOB = "insight.refresh"
YEAR = 365
AT_ONCE = 1000
RISKS = ("", ChurnRisk.LOW.value, ChurnRisk.MEDIUM.value, ChurnRisk.HIGH.value)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What the days of ordering say of a customer."""

    orders_on: int
    first: date
    last: date
    gap: int | None
    silent: int
    alive: int | None

    @classmethod
    def of(cls, days: list[int], as_of: date, model: Model) -> Rhythm:
        """From the ordinals of the days, in rising order."""
        now = as_of.toordinal()
        alive = round(model.alive(history_of(days, now)) * 100) if len(days) > 1 else None
        first, last = date.fromordinal(days[0]), date.fromordinal(days[-1])
        return cls(len(days), first, last, usual_gap(days), now - days[-1], alive)


def risk_of(rhythm: Rhythm, rules: CustomerRules) -> str:
    """The risk by the probability, by the gap against the usual one, and by the rules of the life cycle.

    The gravest of the three counts. Nothing is said of a customer that ordered once and is not silent for long.
    """
    found = 0
    if rhythm.alive is not None:
        lost = 100 - rhythm.alive
        found = 3 if lost >= rules.high_percent else 2 if lost >= rules.medium_percent else 1
    if rhythm.gap and rhythm.silent >= rules.gap_factor * rhythm.gap:
        found = max(found, 2)
    if rhythm.silent >= rules.lost_days:
        found = 3
    elif rhythm.silent >= rules.dormant_days:
        found = max(found, 2)
    return RISKS[found]


def phase_of(silent: int, rules: CustomerRules) -> str:
    """The phase of life of a customer that has ordered."""
    if silent >= rules.lost_days:
        return LifeCycle.LOST.value
    return (LifeCycle.DORMANT if silent >= rules.dormant_days else LifeCycle.ACTIVE).value


def why(gap: int | None, silent: int, alive: int | None) -> str:
    """What the rhythm says, in words."""
    if gap is None:
        said = ngettext("%(days)d day since the last order", "%(days)d days since the last order", silent)
        text = said % {"days": silent}
    else:
        text = _("Orders every %(gap)d days usually, now %(days)d days without one") % {
            "gap": max(gap, 1), "days": silent,
        }  # fmt: skip
    if alive is None:
        return text
    return _("%(rhythm)s; still buys with %(percent)d %% probability") % {"rhythm": text, "percent": alive}


def refresh(at: datetime) -> dict[str, int]:
    """Work out the figures of all customers with an order, set-wise, and what follows from them; idempotent.

    Answers how many customers have figures and how many came into another phase of their life.
    """
    actor, as_of, rules = system("insight"), clock.local_date(at), queries.rules()
    days = queries.order_days(actor, as_of)
    known = set(Customer.objects.values_list("pk", flat=True))
    days = {pk: found for pk, found in days.items() if pk in known}
    model = fit(history_of(found, as_of.toordinal()) for found in days.values())
    rhythms = {pk: Rhythm.of(found, as_of, model) for pk, found in days.items()}
    scored = scores(queries.buyings(actor, as_of, rules.rfm_days))
    _store(rhythms, scored, as_of, actor, at)
    note_figures(
        {
            pk: {
                "churn_risk": risk_of(rhythm, rules),
                "rfm_group": scored[pk].group.value if pk in scored else "",
            }
            for pk, rhythm in rhythms.items()
        }
    )
    changed = follow_life_cycle({pk: one.silent for pk, one in rhythms.items()}, rules, as_of, at)
    return {"customers": len(rhythms), "changed": changed}


def _store(rhythms: Mapping[int, Rhythm], scored: Mapping[int, Any], as_of: date, actor: Actor, at: datetime) -> None:
    revenue, orders = metric_named(queries.REVENUE), metric_named(queries.ORDERS)
    until = as_of - timedelta(days=YEAR)
    year = measure_by(revenue, "customer", actor, Period(until + timedelta(days=1), as_of))
    before = measure_by(revenue, "customer", actor, Period(until - timedelta(days=YEAR - 1), until))
    counts = measure_by(orders, "customer", actor, Period(date(1900, 1, 1), as_of))
    rows = []
    for pk, rhythm in rhythms.items():
        three = scored.get(pk)
        rows.append(
            CustomerStanding(
                customer_id=pk, as_of=as_of, orders=int(counts[pk]), first_order_on=rhythm.first,
                last_order_on=rhythm.last, usual_gap=rhythm.gap, silent_days=rhythm.silent,
                alive_percent=rhythm.alive, revenue_year=year.get(pk, 0), revenue_before=before.get(pk, 0),
                recency_score=three and three.recency, frequency_score=three and three.frequency,
                monetary_score=three and three.monetary, value_score=three and three.value,
                rfm_score=three.text if three else "", created_at=at, updated_at=at,
            )
        )  # fmt: skip
    kept = ("id", "customer", "created_at", "created_by", "version", "archived_at", "custom")
    fields = [one.name for one in CustomerStanding._meta.concrete_fields if one.name not in kept]
    CustomerStanding.objects.bulk_create(
        rows, batch_size=AT_ONCE, update_conflicts=True, unique_fields=["customer"], update_fields=fields
    )
    CustomerStanding.objects.exclude(as_of=as_of).delete()  # those whose orders were all cancelled


def follow_life_cycle(silent: Mapping[int, int], rules: CustomerRules, as_of: date, at: datetime) -> int:
    """Bring customers with orders into the phase that the rules say, with history; returns how many changed."""
    live = set(Customer.objects.filter(archived_at=None).values_list("pk", flat=True))
    phases = {pk: phase_of(days, rules) for pk, days in silent.items() if pk in live}
    before = set_by_rule("life_cycle", phases, "life-cycle", actor=system("insight"), at=at)
    names = ("customer_id", "before", "after", "on", "silent_days", "created_at", "updated_at")
    rows = [(pk, old, phases[pk], as_of, silent[pk], at, at) for pk, old in sorted(before.items())]
    if rows:
        insert_many(LifeCycleChange, names, rows)
    return len(rows)


# --- what people do --------------------------------------------------------------------------------------------


def prepare_rules(batch: Batch) -> None:
    """Lost comes after dormant, high above medium; there is one row."""
    for draft in batch.good:
        rules = draft.record
        if draft.fresh and CustomerRules.objects.exists():
            draft.error("dormant_days", "conflict", _("There are rules already: change those."))
        if rules.lost_days <= rules.dormant_days:
            draft.error("lost_days", "order", _("Lost comes after dormant: give more days."))
        if rules.high_percent <= rules.medium_percent:
            draft.error("high_percent", "order", _("High risk begins above medium risk."))


@transition("customer-rules", "recompute", label=gettext_lazy("Work the figures out now"), icon="refresh", drop=False)
def recompute(rules: CustomerRules, *, actor: Actor, at: datetime) -> None:
    """Ask a worker for the figures by the present rules at once instead of tonight."""
    enqueue_once(REFRESH_JOB, arguments={}, at=at)


def is_going(customer: Customer) -> Text | None:
    """Only who stays away, or may, is won back."""
    away = customer.life_cycle in {LifeCycle.DORMANT, LifeCycle.LOST}
    if away or customer.churn_risk in {ChurnRisk.MEDIUM, ChurnRisk.HIGH}:
        return None
    return _("The customer buys: there is nobody to win back.")


@transition(
    "customers", "win-back", label=gettext_lazy("Win back"), guards=(is_going,), icon="heart-handshake", drop=False,
    args=(
        Arg("due_on", gettext_lazy("Due on"), "date"),
        Arg("note", gettext_lazy("How"), "long", required=False),
    ),
    result=(("task_id", int),),
)  # fmt: skip
def win_back(
    customer: Customer, *, actor: Actor, at: datetime, due_on: date, note: str | None = None
) -> dict[str, int]:
    """Give the owner the task to win the customer back, once at a time. Raises Conflict for a second one."""
    owner_id = customer.owner_id or actor.user_id
    if owner_id is None:
        raise Conflict(_("The customer has no owner who could do it."))
    title = _("Win back: %(customer)s") % {"customer": customer.name}
    open_ones = Task.objects.filter(
        resource="customers", record_id=customer.pk, state=TaskState.OPEN, archived_at=None, title=title[:200]
    )
    if open_ones.exists():
        raise Conflict(_("Somebody is about to win the customer back already."))
    found = CustomerStanding.objects.filter(customer=customer).first()
    reason = why(found.usual_gap, found.silent_days, found.alive_percent) if found is not None else ""
    values = {
        "title": title[:200], "description": "\n".join(filter(None, (reason, note))), "owner": owner_id,
        "due_at": clock.day_start(due_on + timedelta(days=1)) - timedelta(minutes=1),
        "resource": "customers", "record_id": customer.pk,
    }  # fmt: skip
    task = save_record(Task, values, actor=actor.trusted_with("tasks.create"), at=at)
    return {"task_id": task.pk}
