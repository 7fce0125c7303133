"""What other modules may use of the customers."""

from saleswright.modules.customers.actions import country_code, give_to, similar_customers
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.customers.states import Level, LifeCycle

__all__ = ["Contact", "Customer", "Level", "LifeCycle", "country_code", "give_to", "similar_customers"]
