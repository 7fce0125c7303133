"""What is checked and filled in when customers and contacts are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from babel import Locale
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import owner_within, visible
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.models import User
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.text import company_key, credit_code_problem, phone_key
from saleswright.kernel.transitions import ASSIGN_ARGS, transition
from saleswright.modules.customers.models import Contact, Customer

#: names of countries that people write and the standard does not have
COUNTRY_SYNONYMS = {"usa": "US", "uk": "GB", "england": "GB", "korea": "KR", "中华人民共和国": "CN", "中国大陆": "CN"}


@lru_cache(maxsize=1)
def countries() -> dict[str, str]:
    """ISO 3166 codes by code, English and Chinese name, in lower case."""
    found: dict[str, str] = {}
    for language in ("en", "zh_Hans"):
        for code, name in Locale.parse(language).territories.items():
            if len(code) == 2 and code.isalpha():
                found[str(name).casefold()] = code
                found[code.casefold()] = code
    return found | COUNTRY_SYNONYMS


def country_code(text: str) -> str | None:
    """The ISO 3166 code that a code or name means, or None."""
    return countries().get(text.strip().casefold())


def prepare_customers(batch: Batch) -> None:
    """Check the credit code and the group tree, and keep the normalised name for the duplicate check."""
    for draft in batch.good:
        customer = draft.record
        if draft.changed("name"):
            customer.name_key = company_key(customer.name)[:200]
        if customer.credit_code and (draft.changed("credit_code") or draft.changed("country")):
            customer.credit_code = customer.credit_code.upper()
            if customer.country in {"CN", ""} and (problem := credit_code_problem(customer.credit_code)):
                draft.error("credit_code", "invalid", problem)
        if customer.parent_id and draft.changed("parent"):
            _check_group(draft)


def _check_group(draft: Draft) -> None:
    seen, current = {draft.record.pk}, draft.record.parent_id
    while current is not None:
        if current in seen:
            draft.error("parent", "invalid", _("A company can't belong to its own subsidiary."))
            return
        seen.add(current)
        current = Customer.objects.filter(pk=current).values_list("parent_id", flat=True).first()


def one_main_contact(batch: Batch) -> None:
    """A customer has at most one main contact: the last one named."""
    named = {draft.record.customer_id: draft.record.pk for draft in batch.drafts if draft.record.is_primary}
    if named:
        others = Contact.objects.filter(customer_id__in=named, is_primary=True).exclude(pk__in=named.values())
        others.update(is_primary=False)


def similar_customers(values: Mapping[str, Any], actor: Actor) -> list[tuple[str, str]]:
    """Customers that look like the one being typed: (what is alike, address of those that one may see)."""
    key, code = company_key(str(values.get("name") or "")), str(values.get("credit_code") or "")
    found = list(Customer.objects.filter(name_key=key, archived_at=None)[:5]) if key else []
    if code:
        found += list(Customer.objects.filter(credit_code=code)[:5])
    if mobile := phone_key(str(values.get("phone") or "")):
        found += list(Customer.objects.filter(contacts__mobile=mobile)[:5])
    ids = {customer.pk for customer in found if str(customer.pk) != str(values.get("id") or "")}
    mine = set(visible(Customer.objects.filter(pk__in=ids), actor).values_list("pk", flat=True))
    unique = {customer.pk: customer for customer in found if customer.pk in ids}
    return [
        (f"{c.name} · {c.owner.name if c.owner else _('no owner')}", f"/customers/{pk}" if pk in mine else "")
        for pk, c in unique.items()
    ]


def give_to(record: Any, actor: Actor, owner_id: int, permission: str) -> None:
    """Make a person the owner of a record, whose department it follows. Raises ValidationFailed out of scope."""
    owner = User.objects.get(pk=owner_id)
    if not owner.is_active:
        raise ValidationFailed.of("owner_id", "not_allowed", _("This person has left."))
    if not owner_within(actor, actor.scopes(permission), owner):
        raise ValidationFailed.of("owner_id", "not_allowed", _("You may not give records to this person."))
    record.owner_id, record.department_id = owner.pk, owner.department_id


@transition("customers", "assign", label=gettext_lazy("Assign"), args=ASSIGN_ARGS, icon="user-share")
def assign_customer(customer: Customer, *, actor: Actor, at: datetime, owner_id: int) -> None:
    """Give the customer to another owner."""
    give_to(customer, actor, owner_id, "customers.assign")
