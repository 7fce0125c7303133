"""A connection for each program, switched off."""

from __future__ import annotations

from saleswright.integrations.workplace.choices import Provider
from saleswright.integrations.workplace.models import Connection
from saleswright.kernel import clock


def ship() -> None:
    """Make those that there are not yet; safe to repeat."""
    at, have = clock.now(), set(Connection.objects.values_list("provider", flat=True))
    for provider in Provider:
        if provider.value not in have:
            Connection.objects.create(provider=provider, created_at=at, updated_at=at)
