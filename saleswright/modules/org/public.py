"""What other modules may use of people and structure."""

from saleswright.modules.org.actions import sign_in_name
from saleswright.modules.org.models import Body, BodyMember, Post
from saleswright.modules.org.queries import managers_upward, members_of

__all__ = ["Body", "BodyMember", "Post", "managers_upward", "members_of", "sign_in_name"]
