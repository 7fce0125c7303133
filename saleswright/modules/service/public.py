"""What other modules may use of after-sales service."""

from saleswright.modules.service.models import Callback, Ticket
from saleswright.modules.service.queries import unsolved_tickets
from saleswright.modules.service.states import CallbackStatus, TicketStatus

__all__ = ["Callback", "CallbackStatus", "Ticket", "TicketStatus", "unsolved_tickets"]
