"""What other modules may use of the customers."""

from saleswright.modules.customers.actions import (
    country_code,
    give_to,
    heir_of,
    may_contact,
    note_figures,
    set_by_rule,
    similar_customers,
    tell_new_owner,
)
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.customers.states import Attitude, ChurnRisk, DecisionRole, Level, LifeCycle, RfmGroup

__all__ = [
    "Attitude",
    "ChurnRisk",
    "Contact",
    "Customer",
    "DecisionRole",
    "Level",
    "LifeCycle",
    "RfmGroup",
    "country_code",
    "give_to",
    "heir_of",
    "may_contact",
    "note_figures",
    "set_by_rule",
    "similar_customers",
    "tell_new_owner",
]
