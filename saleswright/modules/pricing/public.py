"""What other modules may use of prices and discount authority."""

from saleswright.modules.pricing.queries import (
    Price,
    PriceBook,
    approver_for,
    authorities_of,
    authority_of,
    prices_for,
)

__all__ = ["Price", "PriceBook", "approver_for", "authorities_of", "authority_of", "prices_for"]
