"""What follows from an erasure."""

from __future__ import annotations

from saleswright.kernel.audit import redact
from saleswright.kernel.events import Occasion, reacts
from saleswright.modules.privacy.events import DataErased


@reacts(DataErased)
def forget_who_asked(event: DataErased, occasion: Occasion) -> None:
    """The request was audited as it was: take the person out of that as well."""
    redact("subject-requests", event.record_id, actor=occasion.actor, at=occasion.at)
