"""Measures of receivables."""

from django.db.models import ExpressionWrapper, F, Sum, Value
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.fields import MoneyField
from saleswright.kernel.metrics import Metric, add_metric
from saleswright.modules.receivables.models import InvoiceLine, LedgerEntry
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
