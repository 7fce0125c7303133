"""The industries of a fresh installation."""

from saleswright.modules.customers.industries import ship

__all__ = ["ship"]
