"""States of quotes, contracts and orders."""

from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class QuoteStatus(States):
    """From the draft to the customer's answer."""

    DRAFT = "draft", "secondary", _("Draft")
    IN_APPROVAL = "in_approval", "yellow", _("In approval")
    APPROVED = "approved", "azure", _("Approved")
    SENT = "sent", "blue", _("Sent")
    ACCEPTED = "accepted", "green", _("Accepted")
    DECLINED = "declined", "red", _("Declined")
    EXPIRED = "expired", "orange", _("Expired")
    CANCELLED = "cancelled", "dark", _("Cancelled")


class ContractStatus(States):
    """From the draft to the end of the contract."""

    DRAFT = "draft", "secondary", _("Draft")
    IN_APPROVAL = "in_approval", "yellow", _("In approval")
    APPROVED = "approved", "azure", _("Approved")
    SIGNED = "signed", "blue", _("Signed")
    IN_FORCE = "in_force", "green", _("In force")
    COMPLETED = "completed", "teal", _("Completed")
    TERMINATED = "terminated", "red", _("Terminated")
    EXPIRED = "expired", "orange", _("Expired")


class OrderStatus(States):
    """From the draft to the collected money."""

    DRAFT = "draft", "secondary", _("Draft")
    CONFIRMED = "confirmed", "blue", _("Confirmed")
    PARTLY_DELIVERED = "partly_delivered", "cyan", _("Partly delivered")
    DELIVERED = "delivered", "teal", _("Delivered")
    COMPLETED = "completed", "green", _("Completed")
    CANCELLED = "cancelled", "dark", _("Cancelled")


#: orders on which goods may move
OPEN_ORDERS: tuple[str, ...] = (OrderStatus.CONFIRMED, OrderStatus.PARTLY_DELIVERED, OrderStatus.DELIVERED)
#: orders that count as sold
ORDERED: tuple[str, ...] = (*OPEN_ORDERS, OrderStatus.COMPLETED)
#: contracts that bind both sides
BINDING: tuple[str, ...] = (ContractStatus.SIGNED, ContractStatus.IN_FORCE)
