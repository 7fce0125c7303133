"""Quotes, contracts and orders with their lines."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel import clock
from saleswright.kernel.company import base_currency
from saleswright.kernel.fields import MoneyField, PercentField, PriceField, QuantityField
from saleswright.kernel.models import OwnedRecord
from saleswright.modules.sales.states import ContractStatus, OrderStatus, QuoteStatus


class SalesRecord(OwnedRecord):
    """What quotes, contracts and orders have in common: a number, a customer, a currency."""

    title_field = "number"
    number = models.CharField(_("Number"), max_length=40, unique=True, null=True, blank=True, editable=False)
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), related_name="%(class)ss"
    )
    currency = models.CharField(_("Currency"), max_length=3, default=base_currency)

    class Meta:
        abstract = True


class SalesDocument(SalesRecord):
    """A document with lines; its totals are sums of its lines (QUO-01), its `base_` amounts in base currency."""

    contact = models.ForeignKey(
        "customers.Contact", models.PROTECT, verbose_name=_("Contact"), null=True, blank=True, related_name="%(class)ss"
    )
    price_includes_tax = models.BooleanField(_("Prices include tax"), default=False)
    untaxed = MoneyField(_("Untaxed"), default=Decimal(0), editable=False)
    tax = MoneyField(_("Tax"), default=Decimal(0), editable=False)
    total = MoneyField(_("Total"), default=Decimal(0), editable=False)
    base_untaxed = MoneyField(_("Untaxed in base currency"), default=Decimal(0), editable=False)
    base_total = MoneyField(_("Total in base currency"), default=Decimal(0), editable=False)
    effective_discount = PercentField(
        _("Effective discount"), default=Decimal(0), editable=False,
        help_text=_("Of the worst line, off its list price."),
    )  # fmt: skip

    class Meta:
        abstract = True


class DocumentLine(models.Model):
    """A line: what is sold, for how much. `list_price` is the price list's at that time, without tax.

    Unit price and tax rate are filled in from the product when they are left out, never empty once saved.
    """

    title_field = "product__name"
    position = models.PositiveIntegerField(default=0, editable=False)
    product = models.ForeignKey("catalog.Product", models.PROTECT, verbose_name=_("Product"), related_name="+")
    description = models.CharField(_("Description"), max_length=300, blank=True)
    quantity = QuantityField(_("Quantity"), minimum=Decimal("0.0001"))
    unit_price = PriceField(_("Unit price"), minimum=0, null=True, blank=True)
    discount_percent = PercentField(_("Discount"), minimum=0, maximum=100, default=Decimal(0))
    tax_rate = PercentField(_("Tax rate"), minimum=0, maximum=100, null=True, blank=True)
    list_price = PriceField(_("List price"), default=Decimal(0), editable=False)
    net = MoneyField(_("Net"), default=Decimal(0), editable=False)
    tax = MoneyField(_("Tax"), default=Decimal(0), editable=False)
    gross = MoneyField(_("Gross"), default=Decimal(0), editable=False)
    base_net = MoneyField(_("Net in base currency"), default=Decimal(0), editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.product.name


class Quote(SalesDocument):
    """An offer to a customer. Revisions of it share their `root`; one of them is current (QUO-03)."""

    opportunity = models.ForeignKey(
        "pipeline.Opportunity", models.PROTECT, verbose_name=_("Opportunity"), null=True, blank=True,
        related_name="quotes",
    )  # fmt: skip
    status = models.CharField(
        _("Status"), max_length=12, choices=QuoteStatus.choices, default=QuoteStatus.DRAFT, editable=False
    )
    quoted_on = models.DateField(_("Date of the quote"), default=clock.today)
    valid_until = models.DateField(_("Valid until"), null=True, blank=True)
    terms = models.TextField(_("Terms"), blank=True)
    revision = models.PositiveIntegerField(_("Revision"), default=1, editable=False)
    root = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("First revision"), null=True, blank=True, editable=False,
        related_name="revisions",
    )  # fmt: skip
    previous = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Previous revision"), null=True, blank=True, editable=False,
        related_name="+",
    )  # fmt: skip
    is_current = models.BooleanField(_("Current revision"), default=True, editable=False, db_index=True)
    answered_on = models.DateField(_("Answered on"), null=True, blank=True, editable=False)
    reason = models.CharField(_("Reason"), max_length=500, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Quote"), _("Quotes")
        indexes = sort_indexes("quote", "status", "total", "quoted_on", "valid_until", "created_at", "updated_at")

    def hand_back(self) -> None:
        """Make the revision before this one current again, as this one is given up."""
        if self.is_current and self.previous_id is not None:
            Quote.objects.filter(pk=self.previous_id).update(is_current=True, version=F("version") + 1)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete a draft; the revision before it is current again."""
        self.hand_back()
        return super().delete(*args, **kwargs)


class QuoteLine(DocumentLine):
    """A line of a quote."""

    quote = models.ForeignKey(Quote, models.CASCADE, related_name="lines")

    class Meta:
        verbose_name, verbose_name_plural = _("Quote line"), _("Quote lines")


class Contract(SalesRecord):
    """An agreement with a customer; `amount` is with tax. Amendments are versions that replace the one they amend."""

    contact = models.ForeignKey(
        "customers.Contact", models.PROTECT, verbose_name=_("Contact"), null=True, blank=True, related_name="contracts"
    )
    quote = models.ForeignKey(
        Quote, models.PROTECT, verbose_name=_("Quote"), null=True, blank=True, related_name="contracts"
    )
    title = models.CharField(_("Title"), max_length=200)
    amount = MoneyField(_("Amount"), minimum=0, help_text=_("With tax."))
    base_amount = MoneyField(_("Amount in base currency"), default=Decimal(0), editable=False)
    base_added = MoneyField(
        _("Added by signing"), default=Decimal(0), editable=False,
        help_text=_("What it adds to the contract it amends."),
    )  # fmt: skip
    effective_discount = PercentField(_("Effective discount"), default=Decimal(0), editable=False)
    start_date = models.DateField(_("Start"), null=True, blank=True)
    end_date = models.DateField(_("End"), null=True, blank=True)
    signed_on = models.DateField(_("Signed on"), null=True, blank=True, editable=False)
    ended_on = models.DateField(_("Ended on"), null=True, blank=True, editable=False)
    clauses = models.TextField(_("Clauses"), blank=True)
    status = models.CharField(
        _("Status"), max_length=12, choices=ContractStatus.choices, default=ContractStatus.DRAFT, editable=False
    )
    amends = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Amends"), null=True, blank=True, editable=False,
        related_name="amendments",
    )  # fmt: skip
    reason = models.CharField(_("Reason"), max_length=500, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Contract"), _("Contracts")
        indexes = sort_indexes(
            "contract", "status", "amount", "start_date", "end_date", "signed_on", "created_at", "updated_at"
        )


class Order(SalesDocument):
    """What a customer bought."""

    quote = models.ForeignKey(
        Quote, models.PROTECT, verbose_name=_("Quote"), null=True, blank=True, related_name="orders"
    )
    contract = models.ForeignKey(
        Contract, models.PROTECT, verbose_name=_("Contract"), null=True, blank=True, related_name="orders"
    )
    customer_order_number = models.CharField(  # noqa: DJ001  NULL, so that it is unique only when given
        _("Customer's order number"), max_length=100, null=True, blank=True
    )
    channel = models.CharField(_("Channel"), max_length=50, blank=True, db_index=True)
    status = models.CharField(
        _("Status"), max_length=16, choices=OrderStatus.choices, default=OrderStatus.DRAFT, editable=False
    )
    confirmed_on = models.DateField(_("Confirmed on"), null=True, blank=True, editable=False)
    promised_date = models.DateField(_("Promised date"), null=True, blank=True)
    ended_on = models.DateField(_("Ended on"), null=True, blank=True, editable=False)
    reason = models.CharField(_("Reason"), max_length=500, blank=True, editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Order"), _("Orders")
        indexes = sort_indexes("order", "status", "total", "confirmed_on", "promised_date", "created_at", "updated_at")
        constraints = (
            models.UniqueConstraint(
                fields=("customer", "customer_order_number"), name="sales_customer_order_number_once"
            ),
            models.UniqueConstraint(
                fields=("quote",), condition=~Q(status=OrderStatus.CANCELLED), name="sales_one_live_order_a_quote"
            ),
        )


class OrderLine(DocumentLine):
    """A line of an order and how much of it was shipped, accepted and invoiced."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    delivered_quantity = QuantityField(_("Delivered"), default=Decimal(0), editable=False)
    accepted_quantity = QuantityField(_("Accepted"), default=Decimal(0), editable=False)
    invoiced_quantity = QuantityField(_("Invoiced"), default=Decimal(0), editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Order line"), _("Order lines")
        constraints = (
            models.CheckConstraint(
                condition=Q(delivered_quantity__gte=0, delivered_quantity__lte=F("quantity")),
                name="sales_delivered_within_ordered",
            ),
            models.CheckConstraint(
                condition=Q(accepted_quantity__gte=0, accepted_quantity__lte=F("delivered_quantity")),
                name="sales_accepted_within_delivered",
            ),
            models.CheckConstraint(
                condition=Q(invoiced_quantity__gte=0, invoiced_quantity__lte=F("quantity")),
                name="sales_invoiced_within_ordered",
            ),
        )
