"""States, kinds and priorities of tickets and call-backs."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from saleswright.kernel.states import States


class TicketStatus(States):
    """From the question to the closed case."""

    NEW = "new", "azure", _("New")
    ASSIGNED = "assigned", "blue", _("Assigned")
    WAITING = "waiting", "yellow", _("Waiting for the customer")
    RESOLVED = "resolved", "green", _("Resolved")
    CLOSED = "closed", "secondary", _("Closed")


#: tickets that wait for their first answer
UNANSWERED = (TicketStatus.NEW, TicketStatus.ASSIGNED)
#: tickets whose customer has no solution yet
UNSOLVED = (*UNANSWERED, TicketStatus.WAITING)


class TicketKind(models.TextChoices):
    """What the customer wants."""

    CONSULTATION = "consultation", _("Consultation")
    REPAIR = "repair", _("Repair")
    RETURN = "return", _("Return")
    COMPLAINT = "complaint", _("Complaint")
    INSTALLATION = "installation", _("Installation")


class Priority(States):
    """How soon it must be done."""

    LOW = "low", "secondary", _("Low")
    NORMAL = "normal", "blue", _("Normal")
    HIGH = "high", "orange", _("High")
    URGENT = "urgent", "red", _("Urgent")


class TicketChannel(models.TextChoices):
    """How it came in."""

    PHONE = "phone", _("Phone")
    EMAIL = "email", _("E-mail")
    MESSAGE = "message", _("Message")
    WEB = "web", _("Web form")
    VISIT = "visit", _("Visit")
    CALLBACK = "callback", _("Call-back")


class CallbackStatus(States):
    """Whether the customer was asked."""

    OPEN = "open", "blue", _("To be called")
    DONE = "done", "green", _("Done")
    CANCELLED = "cancelled", "secondary", _("Cancelled")


class CallbackTrigger(models.TextChoices):
    """What a plan follows up."""

    DELIVERY = "delivery", _("Acceptance of a delivery")
    TICKET = "ticket", _("Closing of a ticket")
