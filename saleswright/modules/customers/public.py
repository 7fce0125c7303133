"""What other modules may use of the customers."""

from saleswright.modules.customers.actions import (
    alike_records,
    country_code,
    give_to,
    heir_of,
    may_contact,
    note_figures,
    set_by_rule,
    similar,
    similar_customers,
    tell_new_owner,
)
from saleswright.modules.customers.duplicates import start_nightly
from saleswright.modules.customers.models import Contact, Customer, JoinRequest
from saleswright.modules.customers.states import Attitude, ChurnRisk, DecisionRole, Level, LifeCycle, RfmGroup

__all__ = [
    "Attitude",
    "ChurnRisk",
    "Contact",
    "Customer",
    "DecisionRole",
    "JoinRequest",
    "Level",
    "LifeCycle",
    "RfmGroup",
    "alike_records",
    "country_code",
    "give_to",
    "heir_of",
    "may_contact",
    "note_figures",
    "set_by_rule",
    "similar",
    "similar_customers",
    "start_nightly",
    "tell_new_owner",
]
