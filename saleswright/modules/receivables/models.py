"""Invoices, receipts and their allocations, collection plans, and the ledger that all balances come from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NoReturn

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel import clock
from saleswright.kernel.company import base_currency
from saleswright.kernel.fields import MoneyField, PercentField, PriceField, QuantityField
from saleswright.kernel.merging.declared import Ledger, add_ledger
from saleswright.kernel.models import OwnedRecord
from saleswright.kernel.models.base import person
from saleswright.modules.receivables.states import EntryKind, InvoiceKind, InvoiceStatus, Trigger

ZERO = Decimal("0.00")
CENT = Decimal("0.01")


class Invoice(OwnedRecord):
    """What a customer is charged; red-letter invoices have negative amounts and point to the one they reverse.

    The number is taken on issue, without gaps. `balance` is the sum of the invoice's ledger entries.
    """

    title_field = "number"
    number = models.CharField(_("Number"), max_length=40, unique=True, null=True, blank=True, editable=False)
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), related_name="invoices", blank=True,
        help_text=_("Empty: the order's."),
    )  # fmt: skip
    order = models.ForeignKey(
        "sales.Order", models.PROTECT, verbose_name=_("Order"), null=True, blank=True, related_name="invoices"
    )
    contract = models.ForeignKey(
        "sales.Contract", models.PROTECT, verbose_name=_("Contract"), null=True, blank=True, related_name="invoices"
    )
    kind = models.CharField(
        _("Kind"), max_length=12, choices=InvoiceKind.choices, default=InvoiceKind.VAT_SPECIAL, db_index=True
    )
    currency = models.CharField(_("Currency"), max_length=3, default=base_currency)
    price_includes_tax = models.BooleanField(_("Prices include tax"), default=False)
    issued_on = models.DateField(_("Issued on"), null=True, blank=True, help_text=_("Empty: the day of issue."))
    payment_days = models.PositiveSmallIntegerField(
        _("Days to pay"), null=True, blank=True, help_text=_("Empty: 30, or what the due date says.")
    )
    due_on = models.DateField(_("Due on"), null=True, blank=True, help_text=_("Empty: days to pay after the issue."))
    paid_on = models.DateField(_("Paid on"), null=True, blank=True, editable=False)
    untaxed = MoneyField(_("Untaxed"), default=ZERO, editable=False)
    tax = MoneyField(_("Tax"), default=ZERO, editable=False)
    total = MoneyField(_("Total"), default=ZERO, editable=False)
    balance = MoneyField(_("Balance"), default=ZERO, editable=False)
    base_untaxed = MoneyField(_("Untaxed in base currency"), default=ZERO, editable=False)
    base_total = MoneyField(_("Total in base currency"), default=ZERO, editable=False)
    base_balance = MoneyField(_("Balance in base currency"), default=ZERO, editable=False)
    reverses = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Reverses"), null=True, blank=True, editable=False,
        related_name="red_letters",
    )  # fmt: skip
    reason = models.CharField(_("Reason"), max_length=500, blank=True, editable=False)
    status = models.CharField(
        _("Status"), max_length=10, choices=InvoiceStatus.choices, default=InvoiceStatus.DRAFT, editable=False
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Invoice"), _("Invoices")
        indexes = sort_indexes(
            "invoice", "status", "issued_on", "due_on", "paid_on", "total", "balance", "created_at", "updated_at"
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(balance__gte=0, balance__lte=F("total")) | Q(total__lt=0, balance=0),
                name="receivables_balance_within_total",
            ),
            models.CheckConstraint(
                condition=Q(status=InvoiceStatus.DRAFT) | Q(issued_on__isnull=False, due_on__isnull=False),
                name="receivables_issued_has_dates",
            ),
        )


class InvoiceLine(models.Model):
    """A part of an order line, or a free line; quantities of red-letter invoices are negative."""

    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField(default=0, editable=False)
    order_line = models.ForeignKey(
        "sales.OrderLine", models.PROTECT, verbose_name=_("Order line"), null=True, blank=True, related_name="+"
    )
    description = models.CharField(_("Description"), max_length=300, blank=True)
    quantity = QuantityField(_("Quantity"), minimum=Decimal("0.0001"))
    unit_price = PriceField(_("Unit price"), minimum=0, null=True, blank=True)
    discount_percent = PercentField(_("Discount"), default=ZERO, editable=False)
    tax_rate = PercentField(_("Tax rate"), minimum=0, maximum=100, null=True, blank=True)
    net = MoneyField(_("Net"), default=ZERO, editable=False)
    tax = MoneyField(_("Tax"), default=ZERO, editable=False)
    gross = MoneyField(_("Gross"), default=ZERO, editable=False)
    base_net = MoneyField(_("Net in base currency"), default=ZERO, editable=False)
    reversed_quantity = QuantityField(_("Reversed"), default=ZERO, editable=False)
    reverses = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="red_letters"
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Invoice line"), _("Invoice lines")
        constraints = (
            models.CheckConstraint(
                condition=Q(reversed_quantity=0) | Q(reversed_quantity__gt=0, reversed_quantity__lte=F("quantity")),
                name="receivables_reversed_within_invoiced",
            ),
        )


class Receipt(OwnedRecord):
    """Money that came in. `unapplied` is what no invoice has taken yet and was not paid back."""

    title_field = "number"
    number = models.CharField(_("Number"), max_length=40, unique=True, null=True, blank=True, editable=False)
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), related_name="receipts"
    )
    received_on = models.DateField(_("Received on"), default=clock.today)
    amount = MoneyField(_("Amount"), minimum=CENT)
    currency = models.CharField(_("Currency"), max_length=3, default=base_currency)
    method = models.CharField(_("Method"), max_length=50, blank=True, db_index=True)
    reference = models.CharField(_("Reference"), max_length=200, blank=True, db_index=True)
    unapplied = MoneyField(_("Unapplied"), default=ZERO, editable=False)
    refunded = MoneyField(_("Refunded"), default=ZERO, editable=False)
    base_amount = MoneyField(_("Amount in base currency"), default=ZERO, editable=False)
    base_unapplied = MoneyField(_("Unapplied in base currency"), default=ZERO, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Receipt"), _("Receipts")
        indexes = sort_indexes("receipt", "received_on", "amount", "unapplied", "created_at", "updated_at")
        constraints = (
            models.CheckConstraint(
                condition=Q(unapplied__gte=0, unapplied__lte=F("amount")), name="receivables_unapplied_within_amount"
            ),
            models.CheckConstraint(
                condition=Q(refunded__gte=0, refunded__lte=F("amount")), name="receivables_refunded_within_amount"
            ),
        )


class CollectionPlan(OwnedRecord):
    """When a contract or an order is to be paid (REC-02)."""

    title_field = "number"
    number = models.CharField(_("Number"), max_length=40, unique=True, null=True, blank=True, editable=False)
    contract = models.ForeignKey(
        "sales.Contract", models.PROTECT, verbose_name=_("Contract"), null=True, blank=True, related_name="plans"
    )
    order = models.ForeignKey(
        "sales.Order", models.PROTECT, verbose_name=_("Order"), null=True, blank=True, related_name="plans"
    )
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), related_name="plans", editable=False
    )
    currency = models.CharField(_("Currency"), max_length=3, default=base_currency, editable=False)
    total = MoneyField(_("Total"), default=ZERO, editable=False)
    collected = MoneyField(_("Collected"), default=ZERO, editable=False)
    next_due_on = models.DateField(_("Next due on"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Collection plan"), _("Collection plans")
        indexes = sort_indexes("plan", "total", "next_due_on", "created_at", "updated_at")


class Instalment(models.Model):
    """A part of a plan. One that waits for an event has no due date before it, and is not overdue."""

    plan = models.ForeignKey(CollectionPlan, models.CASCADE, related_name="instalments")
    position = models.PositiveIntegerField(default=0, editable=False)
    trigger = models.CharField(_("Due by"), max_length=12, choices=Trigger.choices, default=Trigger.DATE)
    days = models.PositiveSmallIntegerField(_("Days after"), default=0)
    due_on = models.DateField(_("Due on"), null=True, blank=True, db_index=True)
    amount = MoneyField(_("Amount"), minimum=CENT)
    responsible = person(_("Responsible"), null=True, blank=True)
    collected = MoneyField(_("Collected"), default=ZERO, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Instalment"), _("Instalments")
        constraints = (
            models.CheckConstraint(
                condition=Q(collected__gte=0, collected__lte=F("amount")), name="receivables_collected_within_amount"
            ),
        )


class Allocation(models.Model):
    """Money of a receipt for an invoice, or for an instalment of a plan; `released` is what was taken back of it.

    What an invoice takes counts as collected on the plan of its order or contract too: such shares point by `via`
    to the invoice's allocation and are released with it.
    """

    receipt = models.ForeignKey(Receipt, models.PROTECT, related_name="allocations")
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, verbose_name=_("Invoice"), null=True, blank=True, related_name="allocations"
    )
    instalment = models.ForeignKey(
        Instalment, models.PROTECT, verbose_name=_("Instalment"), null=True, blank=True, related_name="allocations"
    )
    via = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="shares")
    amount = MoneyField(_("Amount"), minimum=CENT)
    released = MoneyField(_("Taken back"), default=ZERO)
    posted_on = models.DateField(_("Date"))

    class Meta:
        verbose_name, verbose_name_plural = _("Allocation"), _("Allocations")
        constraints = (
            models.CheckConstraint(
                condition=Q(released__gte=0, released__lte=F("amount")), name="receivables_released_within_amount"
            ),
            models.CheckConstraint(
                condition=Q(invoice=None, instalment__isnull=False) | Q(invoice__isnull=False, instalment=None),
                name="receivables_allocated_to_one",
            ),
        )

    @property
    def kept(self) -> Decimal:
        """What of it still stands."""
        return self.amount - self.released


class AppendOnly(TypeError):
    """Entries of the ledger are never changed or deleted; a mistake is corrected by an entry of the opposite sign."""


class LedgerQuerySet(models.QuerySet["LedgerEntry"]):
    """Refuses what would change history."""

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise AppendOnly

    update = bulk_update = delete = _refuse


class LedgerEntry(models.Model):
    """An immutable entry on a customer's account (REC-04); what the customer owes more is positive.

    Entries with an invoice make up its balance; those of a receipt without an invoice its unapplied money,
    negative. `posted_on` is the day for which it counts, `posted_at` when it was written.
    """

    customer = models.ForeignKey("customers.Customer", models.PROTECT, related_name="ledger_entries")
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="entries")
    receipt = models.ForeignKey(Receipt, models.PROTECT, null=True, related_name="entries")
    contract = models.ForeignKey("sales.Contract", models.PROTECT, null=True, related_name="ledger_entries")
    kind = models.CharField(max_length=16, choices=EntryKind.choices)
    currency = models.CharField(max_length=3)
    amount = MoneyField()
    base_amount = MoneyField()
    posted_on = models.DateField(db_index=True)
    posted_at = models.DateTimeField()
    actor = person(_("Person"), null=True)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("Ledger entry"), _("Ledger entries")
        indexes = (models.Index(fields=("invoice", "posted_on"), name="receivables_entry_invoice_day"),)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnly
        super().save(*args, **kwargs)  # type: ignore[unreachable]

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly


add_ledger(
    Ledger(
        "receivables.LedgerEntry",
        account="customer",
        amounts=("amount", "base_amount"),
        same=("invoice_id", "receipt_id", "contract_id", "kind", "currency", "posted_on"),
        moment="posted_at",
        person="actor",
    )
)
