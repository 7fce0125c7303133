"""What other modules may use of the customers."""

from saleswright.modules.customers.actions import (
    alike_records,
    country_code,
    give_to,
    heir_of,
    may_contact,
    similar,
    similar_customers,
    tell_new_owner,
)
from saleswright.modules.customers.duplicates import start_nightly
from saleswright.modules.customers.models import Contact, Customer, JoinRequest
from saleswright.modules.customers.states import Level, LifeCycle

__all__ = [
    "Contact",
    "Customer",
    "JoinRequest",
    "Level",
    "LifeCycle",
    "alike_records",
    "country_code",
    "give_to",
    "heir_of",
    "may_contact",
    "similar",
    "similar_customers",
    "start_nightly",
    "tell_new_owner",
]
