"""States of deliveries."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from saleswright.kernel.states import States


class DeliveryStatus(States):
    """From the draft to the customer's acceptance."""

    DRAFT = "draft", "secondary", _("Draft")
    SHIPPED = "shipped", "blue", _("Shipped")
    ACCEPTED = "accepted", "green", pgettext_lazy("delivery", "Accepted")


#: deliveries whose goods have left
GONE = (DeliveryStatus.SHIPPED, DeliveryStatus.ACCEPTED)
