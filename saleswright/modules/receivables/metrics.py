"""Measures of receivables."""

from django.db.models import ExpressionWrapper, F, Sum, Value
from django.utils.translation import gettext_lazy as _

from saleswright.kernel import clock
from saleswright.kernel.fields import MoneyField
from saleswright.kernel.metrics import Metric, add_metric
from saleswright.modules.receivables.models import Invoice, InvoiceLine, LedgerEntry
from saleswright.modules.receivables.states import POSTED, EntryKind

INVOICED = add_metric(
    Metric(
        name="invoiced",
        label=_("Invoiced"),
        unit="money",
        formula=_("Amounts of issued invoices without tax, by day of issue; red-letter invoices count against them."),
        resource="invoices",
        rows=lambda: InvoiceLine.objects.filter(invoice__status__in=POSTED),
        value=Sum("base_net"),
        day="invoice__issued_on",
        scope="invoice",
        dimensions={
            "owner": "invoice__owner",
            "department": "invoice__department",
            "region": "invoice__owner__region",
            "customer": "invoice__customer",
            "product": "order_line__product",
            "channel": "invoice__order__channel",
        },
    )
)
COLLECTED = add_metric(
    Metric(
        name="collected",
        label=_("Collected"),
        unit="money",
        formula=_("Money received with tax, by day of receipt; repayments count against it on their day."),
        resource="receipts",
        rows=lambda: LedgerEntry.objects.filter(kind__in=(EntryKind.RECEIPT, EntryKind.REFUND)),
        value=Sum(ExpressionWrapper(F("base_amount") * Value(-1), output_field=MoneyField())),
        day="posted_on",
        scope="receipt",
        dimensions={
            "owner": "receipt__owner",
            "department": "receipt__department",
            "region": "receipt__owner__region",
            "customer": "customer",
        },
    )
)
OPEN_DIMENSIONS = {
    "owner": "owner_id",
    "department": "department_id",
    "region": "owner__region_id",
    "customer": "customer_id",
}
OPEN_BALANCE = add_metric(
    Metric(
        name="open_balance",
        label=_("Open receivables"),
        unit="money",
        formula=_("Open balances of invoices with tax, by due date, in base currency."),
        resource="invoices",
        rows=lambda: Invoice.objects.filter(status__in=POSTED, balance__gt=0),
        value=Sum("base_balance"),
        day="due_on",
        dimensions=OPEN_DIMENSIONS,
        present=True,
    )
)
OVERDUE_AMOUNT = add_metric(
    Metric(
        name="overdue_amount",
        label=_("Overdue receivables"),
        unit="money",
        formula=_("Open balances of invoices that were due before today, by due date, in base currency."),
        resource="invoices",
        rows=lambda: Invoice.objects.filter(status__in=POSTED, balance__gt=0, due_on__lt=clock.today()),
        value=Sum("base_balance"),
        day="due_on",
        dimensions=OPEN_DIMENSIONS,
        present=True,
    )
)
