"""Customers and contacts as people and programs meet them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.dictionaries import choose_from
from saleswright.interface.entity import Board, Calendar, Entity, Exchange, Limit, Related, Section, register
from saleswright.interface.fields import Shown
from saleswright.interface.formatting import country_names
from saleswright.kernel import masks
from saleswright.kernel.access.actors import EVERYTHING, Actor, Scope
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.errors import Text
from saleswright.kernel.merging.action import merging
from saleswright.kernel.merging.declared import Merging
from saleswright.kernel.personal import Basis, Personal
from saleswright.kernel.resources import Masked
from saleswright.modules.customers import actions, duplicates, industries, joining, queries
from saleswright.modules.customers.models import (
    Contact,
    Customer,
    DuplicatePair,
    DuplicateScan,
    Industry,
    JoinRequest,
)
from saleswright.modules.pool.public import (
    Kind,
    add_kind,
    may_be_assigned,
    may_be_claimed,
    pool_standing,
    pool_transitions,
)


@register
class IndustryEntity(Entity):
    """The industries of GB/T 4754, as a tree."""

    name, model = "industries", Industry
    icon = "building-factory-2"
    search = ("name", "code", "name_en")
    columns = ("code", "name", "name_en", "parent", "section")
    sortable = ("code", "name", "created_at")
    filters = ("section", "parent", "code", "name")
    ordering = "code"
    form = (Section(gettext_lazy("Industry (GB/T 4754)"), ("code", "name", "name_en", "parent")),)
    related = (Related("industries", "parent", label=gettext_lazy("Parts of the industry")),)
    exchange = Exchange(key="code", fields=("code", "name", "name_en", "parent__code"))

    def prepare(self, batch: Any) -> None:
        industries.prepare_industries(batch)

    def label_of(self, record: Industry) -> str:
        return f"{record.code} {record.name}"


@register
class CustomerEntity(Entity):
    """The customer archive."""

    name, model = "customers", Customer
    icon = "building"
    number_field = "code"
    search = ("name", "code", "short_name", "credit_code")
    secret = {"bank_account": Masked("bank", masks.last_four)}
    not_personal = ("address", "latitude", "longitude", "bank", "bank_account")
    shown = (Shown("country", names=country_names),)
    columns = ("name", "code", "level", "life_cycle", "churn_risk", "industry", "city", "owner", "updated_at")
    sortable = ("name", "code", "level", "created_at", "updated_at")
    filters = (
        "level", "life_cycle", "industry", "country", "province", "city", "source", "parent", "created_at",
        "updated_at", "code", "name", "pool", "followed_up_at", "churn_risk", "rfm_group",
        "industry_class", "customer_class",
    )  # fmt: skip
    form = (
        Section(
            gettext_lazy("Company"),
            (
                "name",
                "short_name",
                "code",
                "credit_code",
                "customer_class",
                "industry",
                "industry_class",
                "size",
                "parent",
                "website",
            ),
        ),
        Section(gettext_lazy("Place"), ("country", "province", "city", "district", "address", "latitude", "longitude")),
        Section(gettext_lazy("Sales"), ("owner", "level", "life_cycle", "source", "channel", "tags")),
        Section(gettext_lazy("Invoicing"), ("invoice_title", "bank", "bank_account")),
    )
    api_write = ("pool",)
    held_since = "owned_since"
    transitions = (actions.assign_customer, merging("customers"), *pool_transitions("customers"))
    merges = Merging(latest=("followed_up_at",), doubts=("credit_code",))
    reaches = {"claim": may_be_claimed, "assign": may_be_assigned}
    attached = (pool_standing("customers"),)
    related = (Related("contacts", "customer"), Related("customers", "parent", label=gettext_lazy("Subsidiaries")))
    board = Board(by="life_cycle", title="name", subtitle="city", date="updated_at")
    exchange = Exchange(
        key="code",
        fields=(
            "code", "name", "short_name", "credit_code", "customer_class", "industry", "industry_class__code", "size",
            "country", "province", "city", "district", "address", "latitude", "longitude", "website", "parent__name",
            "source", "channel", "level", "life_cycle", "tags", "owner__username", "pool__name",
        ),
        extra_export=("followed_up_at", "churn_risk", "rfm_group"),
    )  # fmt: skip
    private = ("name_key", "brand_key", "head_key", "tail_key")
    derived = ("brand_key", "head_key", "tail_key")
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
    alike = staticmethod(actions.alike_customers)


REACH = gettext_lazy("To reach the person about offers, orders and service")


@register
class ContactEntity(Entity):
    """People at customers; whoever sees the customer sees them."""

    name, model, via = "contacts", Contact, "customer"
    icon = "address-book"
    search = ("name", "mobile", "phone", "email")
    secret = {
        "phone": Masked("phone", masks.phone),
        "mobile": Masked("phone", masks.phone),
        "email": Masked("phone", masks.email),
    }
    personal_data = {
        "name": Personal("contacts", gettext_lazy("To address the person"), erased="name"),
        "title": Personal("contacts", gettext_lazy("To know what the person answers for")),
        "phone": Personal("contacts", REACH),
        "mobile": Personal("contacts", REACH),
        "email": Personal("contacts", REACH),
        "decision_role": Personal("contacts", gettext_lazy("To know what the person decides in a deal")),
        "attitude": Personal("contacts", gettext_lazy("To know how the person stands towards a deal")),
        "birthday": Personal("contacts", gettext_lazy("To congratulate"), Basis.CONSENT),
        "may_be_contacted": Personal("contacts", gettext_lazy("To respect what the person wants"), Basis.DUTY, "kept"),
    }
    columns = ("name", "customer", "title", "mobile", "decision_role", "is_primary")
    sortable = ("name", "created_at")
    filters = ("customer", "name", "created_at")
    form = (
        Section(gettext_lazy("Person"), ("customer", "name", "title", "mobile", "phone", "email", "is_primary")),
        Section(gettext_lazy("Relation"), ("decision_role", "attitude", "reports_to", "birthday", "may_be_contacted")),
    )
    calendar = Calendar(by="birthday", title="name")
    transitions = (merging("contacts"),)
    merges = Merging(
        least=("may_be_contacted",), within={"customer": gettext_lazy("Only contacts of one customer can be merged.")}
    )
    exchange = Exchange(
        key="email",
        fields=(
            "customer__name",
            "name",
            "title",
            "phone",
            "mobile",
            "email",
            "decision_role",
            "attitude",
            "is_primary",
        ),
    )

    limits = {"reports_to": Limit("customer")}

    def prepare(self, batch: Any) -> None:
        actions.prepare_contacts(batch)

    def saved(self, batch: Any) -> None:
        actions.one_main_contact(batch)

    def forgotten(self, record: Contact, values: dict[str, Any]) -> dict[str, Any]:
        return {**values, "may_be_contacted": False}

    def contact_refusal(self, record: Contact, name: str) -> Text | None:
        if actions.may_contact(record, "email" if name == "email" else "phone"):
            return None
        return gettext_lazy("Does not want to be contacted")


@register
class DuplicatePairEntity(Entity):
    """Customers that are likely one company; shown to those who may see both."""

    name, model = "duplicate-pairs", DuplicatePair
    icon = "copy-check"
    state_field = "status"
    columns = ("first", "second", "likelihood", "reasons", "status")
    sortable = ("likelihood", "status", "created_at")
    filters = ("status", "likelihood", "first", "second", "created_at")
    ordering = "-likelihood"
    shown = (Shown("likelihood", percent=True), Shown("reasons", names=duplicates.reasons))
    detail = (Section(gettext_lazy("Comparison"), ("first", "second", "likelihood", "reasons")),)
    panels = ("/duplicate-pairs/{pk}/compare/panel",)
    creatable = editable = deletable = archivable = False
    transitions = (duplicates.dismiss_pair, duplicates.reopen_pair)
    empty_text = gettext_lazy("No likely duplicates. A search runs every night, or start one now.")

    def scope(self, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
        """Pairs of which the actor may see both customers."""
        if actor.scopes("customers.view") == EVERYTHING:
            return queryset
        mine = visible(Customer.objects.all(), actor).order_by().values("pk")
        return queryset.filter(first__in=mine, second__in=mine)


@register
class DuplicateScanEntity(Entity):
    """Searches for duplicates: one is started by creating it."""

    name, model = "duplicate-scans", DuplicateScan
    icon = "radar"
    state_field = "status"
    columns = ("created_at", "status", "percent", "customers", "found", "fresh", "created_by")
    sortable = ("status", "created_at")
    filters = ("status", "created_at")
    shown = (Shown("percent", percent=True),)
    form = (
        Section(
            gettext_lazy("Search for duplicates"),
            ("note",),
            help=gettext_lazy(
                "All customers are compared with each other: names, phones, addresses, credit codes. "
                "It takes a minute at most."
            ),
        ),
    )
    detail = (Section(gettext_lazy("Search result"), ("percent", "customers", "found", "fresh", "note")),)
    private = ("job_id",)
    editable = deletable = archivable = False
    transitions = (duplicates.cancel_scan,)
    empty_text = gettext_lazy("No search yet.")

    def prepare(self, batch: Any) -> None:
        duplicates.check_scans(batch)

    def saved(self, batch: Any) -> None:
        duplicates.start_scans(batch)


@register
class JoinRequestEntity(Entity):
    """Requests to work with what somebody else has, and what the manager decided."""

    name, model = "join-requests", JoinRequest
    icon = "users-group"
    state_field = "status"
    columns = ("label", "resource", "created_by", "owner", "decider", "status", "created_at")
    sortable = ("status", "created_at")
    filters = ("status", "owner", "decider", "created_at", "resource")
    form = (Section(gettext_lazy("Request"), ("resource", "record_id", "why")),)
    api_write = ("mine_resource", "mine_id")
    detail = (
        Section(gettext_lazy("Request"), ("resource", "label", "owner", "why")),
        Section(gettext_lazy("Decision"), ("decider", "reason", "decided_at")),
    )
    not_personal = ("label",)
    editable = deletable = archivable = False
    transitions = (joining.let_join, joining.give_over, joining.refuse_join, joining.withdraw_join)
    reaches = {
        "join": queries.requests_to_decide, "transfer": queries.requests_to_decide,
        "refuse": queries.requests_to_decide, "withdraw": queries.own_requests,
    }  # fmt: skip
    empty_text = gettext_lazy("Nobody has asked for anything.")

    def scope(self, queryset: Any, actor: Actor, scopes: frozenset[Scope]) -> Any:
        """Requests that one made, decides, or that ask for what one has; with all rights all of them."""
        return queries.requests_seen(queryset, actor, scopes)

    def prepare(self, batch: Any) -> None:
        joining.prepare_requests(batch)

    def saved(self, batch: Any) -> None:
        joining.tell_deciders(batch)


choose_from("customer-classes", "customers", "customer_class")
choose_from("industries", "customers", "industry")
add_kind(
    Kind(
        "customers", ("name", "level", "industry", "city", "source"), actions.main_phones, level="level", tags="tags",
    ),
    gettext_lazy("Days without follow-up"),
)  # fmt: skip
