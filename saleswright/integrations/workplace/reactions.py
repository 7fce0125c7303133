"""What happens to approvals goes to the phones of those who decide."""

from __future__ import annotations

from saleswright.integrations.workplace.jobs import CARDS, cards_are_asked_for
from saleswright.integrations.workplace.registry import all_active
from saleswright.kernel.events import Occasion, passes_on
from saleswright.kernel.jobs import enqueue
from saleswright.kernel.models import OutboxEvent


@passes_on(lambda name: name.startswith("approvals."))
def tell_phones(row: OutboxEvent, occasion: Occasion) -> None:
    """Have cards sent and closed: talking to the network is a job's work."""
    if any(connection.cards for connection in all_active()) and not cards_are_asked_for():
        enqueue(CARDS)
