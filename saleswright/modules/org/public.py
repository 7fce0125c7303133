"""What other modules may use of people and structure."""

from saleswright.modules.org.queries import managers_upward, members_of

__all__ = ["managers_upward", "members_of"]
