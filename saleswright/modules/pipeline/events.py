"""What happens to opportunities."""

from dataclasses import dataclass

from saleswright.kernel.events import Event


@dataclass(frozen=True)
class OpportunityWon(Event):
    """A deal was won."""

    resource = "opportunities"


@dataclass(frozen=True)
class OpportunityLost(Event):
    """A deal was lost."""

    resource = "opportunities"
