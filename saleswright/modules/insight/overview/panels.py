"""The panels of a customer over opportunities, orders, receivables, service and work."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, Max, Min, OuterRef, Q, Subquery, Sum
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from saleswright.interface.entity import entity_named
from saleswright.interface.formatting import (
    compact_money,
    format_date,
    format_money,
    format_number,
    format_percent,
    relative_date,
    relative_datetime,
)
from saleswright.interface.labels import read_rows
from saleswright.interface.panels import Panel, add_panel
from saleswright.interface.presentation import Cell, Chart
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.clock import month_start
from saleswright.kernel.company import base_currency
from saleswright.kernel.errors import Text
from saleswright.kernel.models import AuditEntry
from saleswright.modules.customers.public import Attitude, Contact, Level, RfmGroup
from saleswright.modules.insight.actions.figures import YEAR, why
from saleswright.modules.insight.actions.grading import MEASURES, UNKNOWN
from saleswright.modules.insight.models import CustomerGrade, CustomerStanding, LevelOverride
from saleswright.modules.insight.overview.together import Piece, arm, read
from saleswright.modules.insight.states import Card
from saleswright.modules.pipeline.public import Activity, ActivityKind, ActivityStatus, Opportunity, OpportunityStatus
from saleswright.modules.receivables.public import POSTED, Invoice, Receipt
from saleswright.modules.sales.public import OPEN_ORDERS, ORDERED, Contract, Order, OrderLine, Quote, QuoteStatus
from saleswright.modules.service.public import Callback, CallbackStatus, Ticket, TicketStatus
from saleswright.modules.work.public import Comment, Task, TaskState

ZERO = Decimal(0)
OPEN_SHOWN, EVENTS, PEOPLE, PRODUCTS, NEEDS, MONTHS = 5, 16, 12, 6, 6, 24
LATE_DAYS = ((0, gettext_lazy("Not due")), (30, "1–30"), (90, "31–90"), (10_000, "> 90"))


def money(value: Decimal | int | None, language: str) -> str:
    """An amount in base currency without needless places."""
    return format_money(value, base_currency(), language, short=True)


# --- key figures -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Figure:
    """A tile of the strip: what, how much, and what to know besides."""

    label: Text
    value: str
    detail: Text = ""
    tone: str = ""
    url: str = ""


def key_figures(customer: Any, actor: Actor, language: str) -> list[Figure]:
    """Revenue and orders of 12 months against those before, and the last order: one statement."""
    today = clock.today()
    since, before = today - timedelta(days=YEAR), today - timedelta(days=2 * YEAR)
    orders = visible(Order.objects.filter(customer=customer, status__in=ORDERED, archived_at=None), actor).order_by()
    recent, earlier = Q(confirmed_on__gt=since), Q(confirmed_on__gt=before, confirmed_on__lte=since)
    found = orders.aggregate(
        year=Sum("base_untaxed", filter=recent), year_before=Sum("base_untaxed", filter=earlier),
        count=Count("pk", filter=recent), all=Count("pk"), whole=Sum("base_untaxed"), last=Max("confirmed_on"),
        first=Min("confirmed_on"),
    )  # fmt: skip
    year, previous = found["year"] or ZERO, found["year_before"] or ZERO
    tiles = [
        Figure(
            _("Revenue of 12 months"), compact_money(year, base_currency(), language), _change(year, previous),
            "green" if year > previous else "red" if year < previous else "",
            f"/orders?customer_id={customer.pk}&ordering=-confirmed_on",
        ),
        Figure(
            _("Orders of 12 months"), format_number(found["count"]),
            _("%(count)s in all, %(amount)s") % {
                "count": format_number(found["all"]),
                "amount": compact_money(found["whole"] or ZERO, base_currency(), language),
            },
        ),
    ]  # fmt: skip
    if found["last"]:
        days = (today - found["last"]).days
        said = ngettext("%(days)s day ago", "%(days)s days ago", days) % {"days": format_number(days)}
        value = said if days else _("Today")
        tiles.append(Figure(_("Last order"), value, format_date(found["last"]), "red" if days > YEAR else ""))
    else:
        tiles.append(Figure(_("Last order"), _("None yet"), _("A prospect")))
    return tiles


def _change(now: Decimal, before: Decimal) -> str:
    if not before:
        return _("Nothing in the year before")
    share = (now - before) / before
    return _("%(change)s against the year before") % {
        "change": f"{'+' if share >= 0 else ''}{format_percent(share, 0)}"
    }


@dataclass(slots=True)
class Rhythm:
    """What the nightly figures say."""

    text: str
    alive: int | None
    score: str
    group: Cell
    as_of: str


def rhythm(customer: Any, actor: Actor, language: str) -> Rhythm | None:
    """Rhythm, risk and value of last night: one statement."""
    rows = CustomerStanding.objects.filter(customer=customer)
    row = rows.values_list("usual_gap", "last_order_on", "alive_percent", "rfm_score", "as_of").first()
    if row is None:
        return None
    gap, last, alive, score, as_of = row
    group = RfmGroup(customer.rfm_group) if customer.rfm_group else None
    cell = Cell(str(group.label), "badge", colour=group.colour) if group is not None else Cell()
    return Rhythm(why(gap, (clock.today() - last).days, alive), alive, score, cell, format_date(as_of))


def level(customer: Any, actor: Actor, language: str) -> dict[str, Any] | None:
    """The score with the points of each measure, and who set the level by hand until when: one statement."""
    override = LevelOverride.objects.filter(customer=OuterRef("customer"), ended_on=None)
    rows = CustomerGrade.objects.filter(customer=customer).annotate(
        until=Subquery(override.values("until")[:1]), reason=Subquery(override.values("reason")[:1])
    )
    found = rows.values("score", "level", "card", "parts", "as_of", "until", "reason").first()
    if found is None:
        return None
    return {
        "score": found["score"],
        "level": Level(found["level"]),
        "card": Card(found["card"]).label,
        "as_of": format_date(found["as_of"]),
        "parts": [
            (MEASURES.get(name, name), UNKNOWN if points is None else points, weight, points is None)
            for name, points, weight in found["parts"]
        ],
        "by_hand": _("Set by hand until %(day)s: %(reason)s") % {
            "day": format_date(found["until"]), "reason": found["reason"],
        } if found["until"] else "",
    }  # fmt: skip


# --- what is open ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Item:
    """Something open: where it leads, what it is, how much, when it is due, and whether that has passed."""

    kind: str
    icon: str
    label: Text
    text: str
    url: str
    amount: str = ""
    due: str = ""
    exactly: str = ""
    late: bool = False
    who: str = ""


@dataclass(slots=True)
class Open:
    """What is open with a customer, by kind, and the next step."""

    groups: list[tuple[Text, str, str, list[Item], bool]]  # label, icon, address of all, items, whether there are more
    step: Item | None
    plan_url: str = ""


#: kind -> words, icon, list of all of them
OPEN_KINDS: dict[str, tuple[Text, str, str]] = {
    "activities": (gettext_lazy("Planned activities"), "calendar-event", "/activities?customer_id={pk}&status=planned"),
    "opportunities": (gettext_lazy("Opportunities"), "target-arrow", "/opportunities?customer_id={pk}&status=open"),
    "quotes": (gettext_lazy("Quotes"), "file-dollar", "/quotes?customer_id={pk}"),
    "orders": (gettext_lazy("Orders"), "shopping-cart", "/orders?customer_id={pk}"),
    "invoices": (gettext_lazy("Overdue invoices"), "file-invoice", "/invoices?customer_id={pk}&balance__gte=0.01"),
    "tickets": (gettext_lazy("Tickets"), "headset", "/tickets?customer_id={pk}"),
    "tasks": (gettext_lazy("Tasks"), "checklist", "/tasks?record_id={pk}"),
}
UNSOLVED = (TicketStatus.NEW, TicketStatus.ASSIGNED, TicketStatus.WAITING)
ASKED = (QuoteStatus.DRAFT, QuoteStatus.IN_APPROVAL, QuoteStatus.APPROVED, QuoteStatus.SENT)


def open_items(customer: Any, actor: Actor, language: str) -> Open:
    """The most urgent open things of each kind, and of all of them the next step: one statement."""
    more = OPEN_SHOWN + 1
    mine = {"customer": customer, "archived_at": None}
    arms = [
        arm("activities", visible(Activity.objects.filter(**mine, status=ActivityStatus.PLANNED), actor)
            .order_by("planned_at", "pk"), more, text="subject", state="kind", moment="planned_at"),
        arm("opportunities", visible(Opportunity.objects.filter(**mine, status=OpportunityStatus.OPEN), actor)
            .order_by("expected_close", "pk"), more, text="name", state="stage__title", amount="base_amount",
            day="expected_close"),
        arm("quotes", visible(Quote.objects.filter(**mine, status__in=ASKED, is_current=True), actor)
            .order_by("valid_until", "pk"), more, text="number", state="status", amount="base_total",
            day="valid_until"),
        arm("orders", visible(Order.objects.filter(**mine, status__in=OPEN_ORDERS), actor)
            .order_by("promised_date", "pk"), more, text="number", state="status", amount="base_total",
            day="promised_date"),
        arm("invoices", visible(Invoice.objects.filter(customer=customer, status__in=POSTED, balance__gt=0,
                                                       due_on__lt=clock.today()), actor)
            .order_by("due_on", "pk"), more, text="number", amount="base_balance", day="due_on"),
        arm("tickets", visible(Ticket.objects.filter(**mine, status__in=UNSOLVED), actor)
            .order_by("solution_due", "pk"), more,
            text="subject", state="status", moment="solution_due"),
        arm("tasks", visible(Task.objects.filter(resource="customers", record_id=customer.pk, archived_at=None,
                                                 state=TaskState.OPEN), actor)
            .order_by("due_at", "pk"), more, text="title", moment="due_at"),
    ]  # fmt: skip
    pieces: dict[str, list[Piece]] = {}
    for piece in read(arms):
        pieces.setdefault(piece.kind, []).append(piece)
    groups, steps = [], []
    for kind, (label, icon, url) in OPEN_KINDS.items():
        found = pieces.get(kind, [])
        if found:
            items = [_item(one, language) for one in found[:OPEN_SHOWN]]
            groups.append((label, icon, url.format(pk=customer.pk), items, len(found) > OPEN_SHOWN))
            if kind in {"activities", "tasks"}:
                steps += found
    dated = sorted((one for one in steps if one.at is not None), key=lambda one: one.at or datetime.max)
    plan = f"/activities/new?customer={customer.pk}" if actor.may("activities.create") else ""
    return Open(groups, _item(dated[0], language) if dated else None, plan)


def _item(piece: Piece, language: str) -> Item:
    label, icon, _url = OPEN_KINDS[piece.kind]
    day = piece.on
    late = (piece.moment < clock.now()) if piece.moment else bool(day and day < clock.today())
    due = relative_datetime(piece.moment, language) if piece.moment else relative_date(day, language)
    return Item(
        piece.kind, icon, label, piece.text or f"#{piece.id}", f"/{piece.kind}/{piece.id}",
        compact_money(piece.amount, base_currency(), language) if piece.amount is not None else "",
        due, format_date(day), late, piece.who,
    )  # fmt: skip


# --- what happened ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Event:
    """Something that happened with the customer."""

    icon: str
    tone: str
    label: Text
    text: str
    url: str
    when: str
    exactly: str
    amount: str = ""
    who: str = ""


EVENT_LOOKS: dict[str, tuple[Text, str, str]] = {
    "activities": (gettext_lazy("Activity"), "calendar-check", "blue"),
    "quotes": (gettext_lazy("Quote"), "file-dollar", "indigo"),
    "contracts": (gettext_lazy("Contract signed"), "signature", "purple"),
    "orders": (gettext_lazy("Order placed"), "shopping-cart", "green"),
    "invoices": (gettext_lazy("Invoice"), "file-invoice", "secondary"),
    "receipts": (gettext_lazy("Payment received"), "cash", "teal"),
    "tickets": (gettext_lazy("Ticket"), "headset", "orange"),
    "callbacks": (gettext_lazy("Call-back"), "phone-call", "cyan"),
    "opportunities": (gettext_lazy("Opportunity closed"), "target-arrow", "azure"),
    "comments": (gettext_lazy("Comment"), "message-circle", "secondary"),
    "audit": (gettext_lazy("Customer record"), "pencil", "secondary"),
}
KIND_ICONS = {
    ActivityKind.VISIT: "map-pin", ActivityKind.CALL: "phone", ActivityKind.MEETING: "users",
    ActivityKind.MESSAGE: "message", ActivityKind.DEMO: "presentation", ActivityKind.SAMPLE: "package",
}  # fmt: skip


def happened(customer: Any, actor: Actor, language: str) -> dict[str, Any] | None:
    """The newest interactions of every kind, 16 in all: one statement, however long the history."""
    mine = {"customer": customer, "archived_at": None}
    closed = (OpportunityStatus.WON, OpportunityStatus.LOST)
    arms = [
        arm("activities", visible(Activity.objects.filter(**mine, status=ActivityStatus.DONE), actor)
            .order_by("-done_at", "-pk"), EVENTS, text="subject", state="kind", moment="done_at"),
        arm("opportunities", visible(Opportunity.objects.filter(**mine, status__in=closed), actor)
            .order_by("-closed_on", "-pk"), EVENTS, text="name", state="status", amount="base_amount",
            day="closed_on"),
        arm("quotes", visible(Quote.objects.filter(**mine, is_current=True), actor).order_by("-quoted_on", "-pk"),
            EVENTS, text="number", state="status", amount="base_total", day="quoted_on"),
        arm("contracts", visible(Contract.objects.filter(**mine, signed_on__isnull=False), actor)
            .order_by("-signed_on", "-pk"), EVENTS, text="title", amount="base_amount", day="signed_on"),
        arm("orders", visible(Order.objects.filter(**mine, status__in=ORDERED), actor)
            .order_by("-confirmed_on", "-pk"), EVENTS, text="number", amount="base_total", day="confirmed_on"),
        arm("invoices", visible(Invoice.objects.filter(**mine, status__in=POSTED), actor)
            .order_by("-issued_on", "-pk"), EVENTS, text="number", amount="base_total", day="issued_on"),
        arm("receipts", visible(Receipt.objects.filter(**mine), actor).order_by("-received_on", "-pk"), EVENTS,
            text="number", amount="base_amount", day="received_on"),
        arm("tickets", visible(Ticket.objects.filter(**mine), actor).order_by("-created_at", "-pk"), EVENTS,
            text="subject", state="status", moment="created_at"),
        arm("callbacks", visible(Callback.objects.filter(**mine, status=CallbackStatus.DONE), actor)
            .order_by("-done_at", "-pk"), EVENTS, text="subject", moment="done_at"),
        arm("audit", AuditEntry.objects.filter(resource="customers", record_id=customer.pk,
                                               action__in=("created", "imported", "assign", "claim", "release"))
            .order_by("-at", "-pk"), EVENTS, text="action", moment="at", who="actor__name"),
    ]  # fmt: skip
    if actor.may("comments.view"):
        comments = Comment.objects.filter(resource="customers", record_id=customer.pk, archived_at=None)
        arms.append(arm("comments", comments.order_by("-pk"), EVENTS, text="text", moment="created_at",
                        who="created_by__name"))  # fmt: skip
    pieces = sorted(read(arms), key=lambda one: (one.at or clock.now(), one.id), reverse=True)[:EVENTS]
    if not pieces:
        return None
    deeds = {one.name: one.label for one in entity_named("customers").transitions}
    deeds |= {"created": _("Entered"), "imported": _("Imported")}
    months: list[tuple[str, list[Event]]] = []
    for piece in pieces:
        month = f"{piece.on:%Y-%m}" if piece.on else ""
        if not months or months[-1][0] != month:
            months.append((month, []))
        months[-1][1].append(_event(piece, language, deeds))
    return {"months": months, "all_url": f"/customers/{customer.pk}" if len(pieces) == EVENTS else ""}


def _event(piece: Piece, language: str, deeds: dict[str, Text]) -> Event:
    label, icon, tone = EVENT_LOOKS[piece.kind]
    text, url = piece.text or f"#{piece.id}", f"/{piece.kind}/{piece.id}"
    if piece.kind == "activities":
        label, icon = ActivityKind(piece.state).label, KIND_ICONS.get(ActivityKind(piece.state), icon)
    elif piece.kind == "opportunities":
        won = piece.state == OpportunityStatus.WON
        label, icon, tone = (_("Won"), "trophy", "green") if won else (_("Lost"), "mood-sad", "red")
    elif piece.kind == "audit":
        text, url = str(deeds.get(piece.text, piece.text)), ""
    elif piece.kind == "comments":
        text, url = text[:200], ""
    when = relative_datetime(piece.moment, language) if piece.moment else relative_date(piece.day, language)
    amount = compact_money(piece.amount, base_currency(), language) if piece.amount is not None else ""
    return Event(icon, tone, label, text, url, when, format_date(piece.on), amount, piece.who)


# --- purchases -------------------------------------------------------------------------------------------------


def purchases(customer: Any, actor: Actor, language: str) -> dict[str, Any] | None:
    """What was bought, how much of it and when last, and the trend by month: two statements."""
    orders = visible(Order.objects.filter(customer=customer, status__in=ORDERED, archived_at=None), actor).order_by()
    first = clock.today().replace(day=1)
    start = month_start(first.year - MONTHS // 12, first.month + 1)
    recent = orders.filter(confirmed_on__gte=start).annotate(month=TruncMonth("confirmed_on"))
    by_month = {month: (amount, count) for month, amount, count in recent.values_list("month").annotate(
        Sum("base_untaxed"), Count("pk"))}  # fmt: skip
    lines = OrderLine.objects.filter(order__in=orders.values("pk")).order_by()
    bought = list(
        lines.values("product_id", "product__name", "product__unit", "product__category__name")
        .annotate(amount=Sum("base_net"), amount_of=Sum("quantity"), times=Count("order", distinct=True),
                  last=Max("order__confirmed_on"))
        .order_by("-amount", "product_id")[:PRODUCTS]
    )  # fmt: skip
    if not bought and not by_month:
        return None
    most = max((row["amount"] for row in bought), default=ZERO) or Decimal(1)
    products = [
        {
            "name": row["product__name"],
            "url": f"/products/{row['product_id']}" if actor.may("products.view") else "",
            "amount": compact_money(row["amount"], base_currency(), language),
            "share": max(2, int(row["amount"] * 100 / most)) if row["amount"] > 0 else 0,
            "quantity": f"{format_number(row['amount_of'])} {row['product__unit'] or ''}".strip(),
            "times": ngettext("%(count)d order", "%(count)d orders", row["times"]) % {"count": row["times"]},
            "last": relative_date(row["last"], language),
            "last_exactly": format_date(row["last"]),
        }
        for row in bought
    ]
    categories = Counter[str]()
    for row in bought:
        categories[row["product__category__name"] or ""] += int(row["amount"])
    return {
        "chart": _trend(start, by_month, language) if by_month else None,
        "products": products,
        "favourite": next((name for name, _amount in categories.most_common() if name), ""),
    }


def _trend(start: date, by_month: dict[date, tuple[Decimal, int]], language: str) -> Chart:
    months = [month_start(start.year, start.month + place) for place in range(MONTHS)]
    sums = [by_month.get(month, (ZERO, 0)) for month in months]
    half = sum((amount for amount, _count in sums[-12:]), ZERO)
    before = sum((amount for amount, _count in sums[:-12]), ZERO)
    if not before:
        title = _("Bought for %(amount)s in 12 months") % {"amount": money(half, language)}
    else:
        words = {"amount": compact_money(half, base_currency(), language), "share": format_percent(half / before, 0)}
        title = _("Bought for %(amount)s in 12 months, %(share)s of the year before") % words
    names = [f"{month:%Y-%m}" for month in months]
    return Chart(
        title=title,
        unit=base_currency(),
        source=_("Confirmed orders, without tax"),
        option={
            "grid": {"top": 12},
            "xAxis": {"type": "category", "data": names},
            "yAxis": {"type": "value"},
            "series": [
                {"type": "bar", "name": _("Orders taken"), "data": [float(amount) for amount, _count in sums],
                 "itemStyle": {"borderRadius": [3, 3, 0, 0]}}
            ],
        },
        headers=[_("Month"), _("Orders taken"), _("Orders")],
        rows=[[name, str(amount), str(count)] for name, (amount, count) in zip(names, sums, strict=True)],
    )  # fmt: skip


# --- money -----------------------------------------------------------------------------------------------------


def receivables(customer: Any, actor: Actor, language: str) -> dict[str, Any] | None:
    """What is open and how late, and how late the last invoices were paid: two statements."""
    today = clock.today()
    posted = visible(Invoice.objects.filter(customer=customer, status__in=POSTED), actor).order_by()
    waiting = Q(balance__gt=0)
    edges = [(low, high) for (low, _l), (high, _h) in zip(((-10_000, ""), *LATE_DAYS), LATE_DAYS, strict=False)]
    sums = {
        f"late{place}": Sum("base_balance", filter=waiting & _late(low, high, today))
        for place, (low, high) in enumerate(edges)
    }
    found = posted.aggregate(open=Sum("base_balance", filter=waiting), count=Count("pk"), **sums,
                             oldest=Min("due_on", filter=waiting & Q(due_on__lt=today)))  # fmt: skip
    if not found["count"]:
        return None
    paid = posted.filter(paid_on__isnull=False, total__gt=0).order_by("-paid_on", "-pk")
    days: Any = paid.values_list("paid_on", "due_on")[:20]
    late = [(paid_on - due_on).days for paid_on, due_on in days]
    whole = found["open"] or ZERO
    overdue = sum((found[f"late{place}"] or ZERO for place in range(1, len(edges))), ZERO)
    mean = round(sum(late) / len(late)) if late else None
    return {
        "open": money(whole, language),
        "overdue": money(overdue, language) if overdue else "",
        "oldest": (today - found["oldest"]).days if found["oldest"] else 0,
        "buckets": [
            {
                "label": label,
                "amount": compact_money(found[f"late{place}"] or ZERO, base_currency(), language),
                "share": int((found[f"late{place}"] or ZERO) * 100 / whole) if whole else 0,
                "tone": ("green", "yellow", "orange", "red")[place],
            }
            for place, (_days, label) in enumerate(LATE_DAYS)
        ],
        "habit": _habit(mean, len(late)),
        "url": f"/invoices?customer_id={customer.pk}",
    }


def _late(low: int, high: int, today: date) -> Q:
    """Due so many days ago: more than `low`, up to `high`."""
    first = Q(due_on__gte=today - timedelta(days=high))
    return first & Q(due_on__lt=today - timedelta(days=low)) if low > -10_000 else Q(due_on__gte=today)


def _habit(mean: int | None, count: int) -> str:
    if mean is None:
        return ""
    if mean > 0:
        text = ngettext("Pays %(days)d day late on average (last %(count)d invoices)",
                        "Pays %(days)d days late on average (last %(count)d invoices)", mean)  # fmt: skip
        return text % {"days": mean, "count": count}
    return _("Pays in time on average (last %(count)d invoices)") % {"count": count}


# --- service and people ----------------------------------------------------------------------------------------


def service(customer: Any, actor: Actor, language: str) -> dict[str, Any] | None:
    """Tickets of the last year by kind, and how content the customer was: two statements."""
    since = clock.now() - timedelta(days=YEAR)
    tickets = visible(Ticket.objects.filter(customer=customer, archived_at=None), actor).order_by()
    kinds = {kind: (count, waiting) for kind, count, waiting in tickets.filter(created_at__gte=since).values_list(
        "kind").annotate(count=Count("pk"), waiting=Count("pk", filter=Q(resolved_at=None)))}  # fmt: skip
    asked = visible(Callback.objects.filter(customer=customer, status=CallbackStatus.DONE, archived_at=None), actor)
    score = asked.order_by().aggregate(mean=Avg("score"), count=Count("score"))
    if not kinds and not score["count"]:
        return None
    names = dict(Ticket._meta.get_field("kind").flatchoices)
    return {
        "kinds": [(names.get(kind, kind), *counts) for kind, counts in sorted(kinds.items(), key=lambda k: -k[1][0])],
        "score": f"{score['mean']:.1f}" if score["count"] else "",
        "scored": score["count"],
        "url": f"/tickets?customer_id={customer.pk}",
    }


def people(customer: Any, actor: Actor, language: str) -> dict[str, Any] | None:
    """Who decides there, how they stand to us, and who of us talked to them last: two statements."""
    done = Activity.objects.filter(contact=OuterRef("pk"), status=ActivityStatus.DONE, archived_at=None)
    last = visible(done, actor).order_by("-done_at", "-pk")
    contacts = visible(Contact.objects.filter(customer=customer, archived_at=None), actor)
    contacts = contacts.annotate(
        talked_by=Subquery(last.values("owner__name")[:1]), talked_at=Subquery(last.values("done_at")[:1])
    )
    specs = entity_named("contacts").specs_for(actor)
    wanted = [specs[n] for n in ("name", "title", "mobile", "decision_role", "attitude") if n in specs]
    rows = read_rows(contacts.order_by("-is_primary", "name", "pk")[: PEOPLE + 1], wanted, "id", "is_primary",
                     "talked_by", "talked_at", "may_be_contacted")  # fmt: skip
    if not rows:
        return None
    return {
        "rows": [
            {
                "id": row["id"],
                "name": row["name"],
                "main": row["is_primary"],
                "title": row.get("title") or "",
                "role": specs["decision_role"].cell(row, language).text if "decision_role" in specs else "",
                "attitude": _attitude(row.get("attitude")),
                "mobile": specs["mobile"].cell(row, language) if "mobile" in specs else Cell(),
                "silent": not row["may_be_contacted"],
                "talked": _("%(person)s, %(when)s") % {
                    "person": row["talked_by"], "when": relative_datetime(row["talked_at"], language),
                } if row["talked_by"] else "",
            }
            for row in rows[:PEOPLE]
        ],
        "more": len(rows) > PEOPLE,
        "url": f"/contacts?customer_id={customer.pk}",
    }  # fmt: skip


def _attitude(code: str | None) -> Cell:
    if not code:
        return Cell()
    known = Attitude(code) if code in Attitude.values else None
    return Cell(str(known.label) if known else code, "badge", colour=known.colour if known else "secondary")


def preferences(customer: Any, actor: Actor, language: str) -> dict[str, Any] | None:
    """What the customer wanted in its opportunities and said in visits, the newest first: one statement."""
    deals = visible(Opportunity.objects.filter(customer=customer, archived_at=None), actor).exclude(needs=[])
    found: list[tuple[str, str]] = []
    for pk, needs in deals.order_by("-pk").values_list("pk", "needs")[:10]:
        for need in needs if isinstance(needs, list) else []:
            text = need.get("need") or need.get("text") if isinstance(need, dict) else str(need)
            if text and text not in [one for one, _url in found]:
                found.append((str(text), f"/opportunities/{pk}"))
    return {"needs": found[:NEEDS]} if found else None


for _panel in (
    Panel("figures", gettext_lazy("Key figures"), "orders.view", key_figures, "insight/panels/figures.html", "top", 10),
    Panel("rhythm", gettext_lazy("Rhythm"), "customer-standings.view", rhythm, "insight/panels/rhythm.html", "top", 20),
    Panel("open", gettext_lazy("Open items"), "customers.view", open_items, "insight/panels/open.html", "main", 10,
          "checklist"),
    Panel("purchases", gettext_lazy("Purchases"), "orders.view", purchases, "insight/panels/purchases.html", "main",
          20, "shopping-bag", lazy=True),
    Panel("service", gettext_lazy("Service and satisfaction"), "tickets.view", service, "insight/panels/service.html",
          "side", 40, "headset", lazy=True),
    Panel("level", gettext_lazy("Level"), "customer-grades.view", level, "insight/panels/level.html", "side", 50,
          "stairs-up"),
    Panel("money", gettext_lazy("Receivables"), "invoices.view", receivables, "insight/panels/money.html", "side", 20,
          "cash"),
    Panel("people", gettext_lazy("Who knows whom"), "contacts.view", people, "insight/panels/people.html", "side", 10,
          "address-book"),
    Panel("preferences", gettext_lazy("Needs and preferences"), "opportunities.view", preferences,
          "insight/panels/preferences.html", "side", 30, "bulb"),
    Panel("timeline", gettext_lazy("What happened"), "customers.view", happened, "insight/panels/timeline.html",
          "main", 90, "timeline", lazy=True),
):  # fmt: skip
    add_panel("customers", _panel)
