"""The one mail server, with nothing in it."""

from __future__ import annotations

from saleswright.integrations.mail_server.models import MailServer
from saleswright.kernel import clock


def ship() -> None:
    """Make it if there is none; safe to repeat."""
    if not MailServer.objects.exists():
        at = clock.now()
        MailServer.objects.create(created_at=at, updated_at=at)
