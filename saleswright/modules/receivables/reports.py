"""Ageing and days sales outstanding, as of any day, from the ledger (REC-05)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.presentation import Chart
from saleswright.interface.reports import Parameter, ReportColumn, Result, report
from saleswright.kernel import clock
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.company import base_currency
from saleswright.kernel.money import round_half_up
from saleswright.modules.receivables.models import ZERO, Invoice, LedgerEntry
from saleswright.modules.receivables.states import POSTED

#: the last day of each bucket, in days overdue; what is later is over 365
LIMITS = (0, 30, 60, 90, 180, 365)
BUCKETS = (
    ("not_due", gettext_lazy("Not due")),
    ("d1_30", gettext_lazy("1–30 days")),
    ("d31_60", gettext_lazy("31–60 days")),
    ("d61_90", gettext_lazy("61–90 days")),
    ("d91_180", gettext_lazy("91–180 days")),
    ("d181_365", gettext_lazy("181–365 days")),
    ("over_365", gettext_lazy("Over 365 days")),
)
GROUPS = {
    "customer": ("customer_id", "customer__name"),
    "owner": ("owner_id", "owner__name"),
    "department": ("department_id", "department__name"),
}
#: what an invoice leads to, whose custom fields the reports can be grouped by and cut to
SUBJECTS = {"invoices": "", "customers": "customer", "orders": "order"}
DSO_DAYS = 90

AS_OF = Parameter("as_of", gettext_lazy("As of"), default=clock.today)
FILTERS = (
    Parameter("customer_id", gettext_lazy("Customer"), "reference", to="customers"),
    Parameter("owner_id", gettext_lazy("Owner"), "reference", to="employees"),
    Parameter("department_id", gettext_lazy("Department"), "reference", to="departments"),
)


def bucket_of(due_on: date, as_of: date) -> int:
    """The place of the bucket: due on the day itself is not due."""
    return bisect_left(LIMITS, max(0, (as_of - due_on).days))


def posted_invoices(values: Mapping[str, Any], actor: Actor) -> QuerySet[Invoice]:
    """The posted invoices that the filters leave and the actor may see."""
    chosen = {parameter.name: values[parameter.name] for parameter in FILTERS if values[parameter.name] is not None}
    found = visible(Invoice.objects.filter(status__in=POSTED, **chosen), actor)
    where = values["custom"].where
    return found if where is None else found.filter(where)


def balances(invoices: QuerySet[Invoice], as_of: date, *columns: Any) -> list[tuple[Any, ...]]:
    """(invoice id, columns of the invoice …, open amount at the end of a day in base currency) of the open ones.

    A column may be an expression over entries of the ledger.
    """
    entries = LedgerEntry.objects.filter(posted_on__lte=as_of, invoice__in=invoices.order_by().values("pk"))
    wanted = [f"invoice__{column}" if isinstance(column, str) else column for column in columns]
    return list(entries.order_by().values_list("invoice_id", *wanted).annotate(open=Sum("base_amount")).exclude(open=0))


@report(
    "ageing",
    gettext_lazy("Ageing of receivables"),
    AS_OF,
    Parameter(
        "by",
        gettext_lazy("By"),
        "choice",
        (
            ("customer", gettext_lazy("Customer")),
            ("owner", gettext_lazy("Owner")),
            ("department", gettext_lazy("Department")),
        ),
        default="customer",
        grouping=True,
    ),
    *FILTERS,
    icon="hourglass",
    subjects=SUBJECTS,
)
def ageing(values: dict[str, Any], actor: Actor) -> Result:
    """Open invoices at the end of a day by how long they were overdue then."""
    as_of, by = values["as_of"], values["by"]
    invoices = posted_invoices(values, actor)
    chosen = values["custom"]
    names: dict[Any, str] = {}
    sums: dict[Any, list[Decimal]] = {}
    if chosen.by is None:
        key, label = GROUPS[by]
        found = balances(invoices, as_of, key, label, "due_on")
    else:
        keyed = balances(invoices, as_of, chosen.by.key("invoice"), "due_on")
        told = chosen.by.told(row[1] for row in keyed)
        found = [(pk, group, told.get(group, _("(none)")), *rest) for pk, group, *rest in keyed]
    for _pk, group, name, due_on, amount in found:
        names[group] = name or _("Nobody")
        sums.setdefault(group, [ZERO] * len(BUCKETS))[bucket_of(due_on, as_of)] += amount
    groups = sorted(sums, key=lambda group: (-sum(sums[group]), names[group]))
    rows: list[list[Any]] = [[names[group], *sums[group], sum(sums[group], ZERO)] for group in groups]
    columns = [
        ReportColumn("group", _("Group") if chosen.by is None else chosen.by.label, names=chosen.names),
        *(ReportColumn(name, title, "money", total=True) for name, title in BUCKETS),
        ReportColumn("total", _("Total"), "money", total=True),
    ]
    drill = []
    for group in groups:
        own = {} if chosen.by else {GROUPS[by][0]: group}
        drill.append(
            "" if own and group is None else chosen.address("/invoices", {**own, "balance__gte": "0.01"}, "", group)
        )
    return Result(columns, rows, chart=_chart(sums.values(), as_of), drill=drill)


def _chart(sums: Iterable[list[Decimal]], as_of: date) -> Chart:
    totals = [sum(column, ZERO) for column in zip(*sums, strict=True)] or [ZERO] * len(BUCKETS)
    overdue, whole = sum(totals[1:], ZERO), sum(totals, ZERO)
    share = round_half_up(overdue * 100 / whole, 1) if whole else ZERO
    names = [str(title) for _name, title in BUCKETS]
    return Chart(
        title=_("%(share)s %% of the receivables are overdue on %(date)s") % {"share": share, "date": as_of},
        unit=base_currency(),
        source=_("Ledger of receivables"),
        option={
            "xAxis": {"type": "category", "data": names},
            "yAxis": {"type": "value"},
            "series": [{"type": "bar", "data": [float(total) for total in totals]}],
        },
        headers=[_("Overdue"), _("Amount")],
        rows=[[name, str(total)] for name, total in zip(names, totals, strict=True)],
    )


@report("dso", gettext_lazy("Days sales outstanding"), AS_OF, *FILTERS, icon="clock-dollar", subjects=SUBJECTS)
def dso(values: dict[str, Any], actor: Actor) -> Result:
    """Closing receivables / taxed invoicing of the last 90 days x 90, two places, half up.

    Receivables are the open balances of invoices at the end of the day. Without invoicing there is no figure.
    """
    as_of, invoices = values["as_of"], posted_invoices(values, actor)
    receivable = sum((amount for _pk, amount in balances(invoices, as_of)), ZERO)
    recent = invoices.filter(issued_on__gt=as_of - timedelta(days=DSO_DAYS), issued_on__lte=as_of)
    invoiced = recent.order_by().aggregate(value=Sum("base_total"))["value"] or ZERO
    days = round_half_up(receivable * DSO_DAYS / invoiced) if invoiced > 0 else None
    columns = [
        ReportColumn("receivable", _("Receivables"), "money"),
        ReportColumn("invoiced_90", _("Invoiced in 90 days"), "money"),
        ReportColumn("dso", _("Days sales outstanding"), "days"),
    ]
    return Result(columns, [[receivable, invoiced, days]])
