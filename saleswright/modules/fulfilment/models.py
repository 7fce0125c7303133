"""Deliveries and their lines."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from saleswright.interface.entity import sort_indexes
from saleswright.kernel.fields import QuantityField
from saleswright.kernel.models import OwnedRecord
from saleswright.modules.fulfilment.states import DeliveryStatus


class Delivery(OwnedRecord):
    """Goods or a service on their way to the customer; belongs to whom the order belongs (ORD-04)."""

    title_field = "number"
    number = models.CharField(_("Number"), max_length=40, unique=True, null=True, blank=True, editable=False)
    order = models.ForeignKey("sales.Order", models.PROTECT, verbose_name=_("Order"), related_name="deliveries")
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, verbose_name=_("Customer"), related_name="deliveries", editable=False
    )
    carrier = models.CharField(_("Carrier"), max_length=100, blank=True)
    tracking_number = models.CharField(_("Tracking number"), max_length=100, blank=True, db_index=True)
    shipped_at = models.DateTimeField(
        _("Shipped at"), null=True, blank=True, help_text=_("Empty: the moment when it is marked as shipped.")
    )
    accepted_at = models.DateTimeField(_("Accepted at"), null=True, blank=True, editable=False)
    on_time_in_full = models.BooleanField(
        _("On time in full"), null=True, editable=False, help_text=_("Nothing refused, and by the promised date.")
    )
    status = models.CharField(
        _("Status"), max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.DRAFT, editable=False
    )

    class Meta:
        verbose_name, verbose_name_plural = _("Delivery"), _("Deliveries")
        indexes = sort_indexes("delivery", "status", "shipped_at", "accepted_at", "created_at", "updated_at")


class DeliveryLine(models.Model):
    """How much of an order line is delivered; what the customer refused of it is kept beside what was accepted."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField(default=0, editable=False)
    order_line = models.ForeignKey("sales.OrderLine", models.PROTECT, verbose_name=_("Order line"), related_name="+")
    quantity = QuantityField(_("Quantity"), minimum=Decimal("0.0001"))
    accepted_quantity = QuantityField(_("Accepted quantity"), null=True, editable=False)
    refused_quantity = QuantityField(_("Refused"), default=Decimal(0), editable=False)

    class Meta:
        verbose_name, verbose_name_plural = _("Delivery line"), _("Delivery lines")
        constraints = (
            models.CheckConstraint(condition=Q(quantity__gt=0), name="fulfilment_delivers_something"),
            models.CheckConstraint(
                condition=Q(accepted_quantity=None) | Q(accepted_quantity__gte=0, accepted_quantity__lte=F("quantity")),
                name="fulfilment_accepted_within_shipped",
            ),
        )
