"""Customers and contacts as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import Board, Calendar, Entity, Exchange, Related, Section, register
from saleswright.interface.fields import Shown
from saleswright.interface.formatting import country_names
from saleswright.modules.customers import actions
from saleswright.modules.customers.models import Contact, Customer


@register
class CustomerEntity(Entity):
    """The customer archive."""

    name, model = "customers", Customer
    icon = "building"
    number_field = "code"
    search = ("name", "code", "short_name", "credit_code")
    secret = {"bank_account": "bank"}
    shown = (Shown("country", names=country_names),)
    columns = ("name", "code", "level", "life_cycle", "industry", "city", "owner", "updated_at")
    sortable = ("name", "code", "level", "created_at", "updated_at")
    filters = (
        "level", "life_cycle", "industry", "country", "province", "city", "source", "parent", "created_at",
        "updated_at", "code", "name",
    )  # fmt: skip
    form = (
        Section(
            gettext_lazy("Company"),
            ("name", "short_name", "code", "credit_code", "industry", "size", "parent", "website"),
        ),
        Section(gettext_lazy("Place"), ("country", "province", "city", "district", "address")),
        Section(gettext_lazy("Sales"), ("owner", "level", "life_cycle", "source", "channel", "tags")),
        Section(gettext_lazy("Invoicing"), ("invoice_title", "bank", "bank_account")),
    )
    transitions = (actions.assign_customer,)
    related = (Related("contacts", "customer"), Related("customers", "parent", label=gettext_lazy("Subsidiaries")))
    board = Board(by="life_cycle", title="name", subtitle="city", date="updated_at")
    exchange = Exchange(
        key="code",
        fields=(
            "code", "name", "short_name", "credit_code", "industry", "size", "country", "province", "city", "district",
            "address", "website", "parent__name", "source", "channel", "level", "life_cycle", "tags", "owner__username",
        ),
    )  # fmt: skip
    private = ("name_key",)
    empty_text = gettext_lazy("No customers yet. Create the first one, or import your list.")

    def prepare(self, batch: Any) -> None:
        actions.prepare_customers(batch)

    @staticmethod
    def clean_country(value: Any) -> str:
        """An ISO code from a code or a name. Raises ValidationError."""
        if value in (None, ""):
            return ""
        code = actions.country_code(value) if isinstance(value, str) else None
        if code is None:
            raise ValidationError(_("“%(value)s” is no country.") % {"value": value}, code="invalid")
        return code

    cleaners = {"country": clean_country}
    duplicates = staticmethod(actions.similar_customers)


@register
class ContactEntity(Entity):
    """People at customers; whoever sees the customer sees them."""

    name, model, via = "contacts", Contact, "customer"
    icon = "address-book"
    search = ("name", "mobile", "phone", "email")
    secret = {"phone": "phone", "mobile": "phone", "email": "phone"}
    columns = ("name", "customer", "title", "mobile", "decision_role", "is_primary")
    sortable = ("name", "created_at")
    filters = ("customer", "name", "created_at")
    form = (
        Section(gettext_lazy("Person"), ("customer", "name", "title", "mobile", "phone", "email", "is_primary")),
        Section(gettext_lazy("Relation"), ("decision_role", "attitude", "reports_to", "birthday", "may_be_contacted")),
    )
    calendar = Calendar(by="birthday", title="name")
    exchange = Exchange(
        key="email",
        fields=("customer__name", "name", "title", "phone", "mobile", "email", "decision_role", "is_primary"),
    )

    def saved(self, batch: Any) -> None:
        actions.one_main_contact(batch)


choose_from("industries", "customers", "industry")
