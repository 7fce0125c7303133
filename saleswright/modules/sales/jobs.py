"""What the calendar does to quotes and contracts."""

from __future__ import annotations

from saleswright.kernel import clock
from saleswright.kernel.access.actors import system
from saleswright.kernel.jobs import JobContext, periodic
from saleswright.modules.sales.actions import contracts, quotes


@periodic("sales.calendar", every="00:10")
def follow_calendar(ctx: JobContext) -> dict[str, int]:
    """Expire quotes, put contracts into force and end them."""
    actor, at = system("job"), clock.now()
    return {"quotes": quotes.expire_quotes(actor=actor, at=at), **contracts.move_with_time(actor=actor, at=at)}
