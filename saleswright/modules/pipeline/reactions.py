"""What follows from what lower modules do."""

from __future__ import annotations

from typing import Any

from saleswright.kernel.events import Occasion, passes_on
from saleswright.modules.pipeline.timing import follow_time_limits

CALENDAR = ("special-days.", "working-hours.")


@passes_on(lambda name: name.startswith(CALENDAR))
def follow_calendar(row: Any, occasion: Occasion) -> None:
    """When the company works on other days, deals may stand in their stages until others too."""
    follow_time_limits()
