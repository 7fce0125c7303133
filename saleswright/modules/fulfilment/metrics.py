"""Measures of deliveries."""

from django.db.models import Avg, Case, Value, When
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.fields import PercentField
from saleswright.kernel.metrics import Metric, add_metric
from saleswright.modules.fulfilment.models import Delivery
from saleswright.modules.fulfilment.states import DeliveryStatus

OTIF = add_metric(
    Metric(
        name="otif",
        label=_("On time in full"),
        unit="percent",
        formula=_("Deliveries accepted in full and by the promised date, in percent of all accepted deliveries."),
        resource="deliveries",
        rows=lambda: Delivery.objects.filter(status=DeliveryStatus.ACCEPTED, archived_at=None),
        value=Avg(
            Case(
                When(on_time_in_full=True, then=Value(100, PercentField())),
                default=Value(0, PercentField()),
                output_field=PercentField(),
            )
        ),
        day="accepted_at",
        moment=True,
        dimensions={
            "owner": "owner",
            "department": "department",
            "region": "owner__region",
            "customer": "customer",
        },
    )
)
