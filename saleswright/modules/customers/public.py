"""What other modules may use of the customers."""

from saleswright.modules.customers.actions import (
    country_code,
    give_to,
    heir_of,
    may_contact,
    similar_customers,
    tell_new_owner,
)
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.customers.states import DecisionRole, Level, LifeCycle

__all__ = [
    "Contact",
    "Customer",
    "DecisionRole",
    "Level",
    "LifeCycle",
    "country_code",
    "give_to",
    "heir_of",
    "may_contact",
    "similar_customers",
    "tell_new_owner",
]
