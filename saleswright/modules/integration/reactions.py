"""Every event goes to the webhooks that subscribed to it."""

from __future__ import annotations

from saleswright.kernel import clock
from saleswright.kernel.events import Occasion, passes_on
from saleswright.kernel.models import OutboxEvent
from saleswright.modules.integration.actions.sending import start
from saleswright.modules.integration.actions.webhooks import add_deliveries
from saleswright.modules.integration.queries import is_wanted, listeners


@passes_on(is_wanted)
def tell_webhooks(row: OutboxEvent, occasion: Occasion) -> None:
    """Note a delivery for each webhook and have it sent: talking to the network is a job's work."""
    at, ids = clock.now(), list(listeners(row.name, row.record_id).values_list("pk", flat=True))
    add_deliveries([(webhook_id, row) for webhook_id in ids], at=at)
    for webhook_id in ids:
        start(webhook_id, at=at)
