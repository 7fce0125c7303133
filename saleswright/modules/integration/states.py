"""Where a delivery stands."""

from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class DeliveryState(States):
    """Where the delivery of an event to a webhook stands."""

    WAITING = "waiting", "blue", _("Waiting")
    DELIVERED = "delivered", "green", _("Arrived")
    FAILED = "failed", "red", _("Failed")
