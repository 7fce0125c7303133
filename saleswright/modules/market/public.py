"""What other modules may use of the market."""

from saleswright.modules.market.models import Campaign, Competitor

__all__ = ["Campaign", "Competitor"]
