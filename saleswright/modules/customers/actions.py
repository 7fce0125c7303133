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
from saleswright.kernel.matching import Row, lookup_brands, lookup_keys, score
from saleswright.kernel.models import User
from saleswright.kernel.ports import ports
from saleswright.kernel.records import Batch, Draft
from saleswright.kernel.resources import resource_of
from saleswright.kernel.text import company_key, credit_code_problem, phone_key
from saleswright.kernel.transitions import ASSIGN_ARGS, transition
from saleswright.kernel.words import said
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.pool.public import given_out, prepare_pooled

#: names of countries that people write and the standard does not have
COUNTRY_SYNONYMS = {"usa": "US", "uk": "GB", "england": "GB", "korea": "KR", "中华人民共和国": "CN", "中国大陆": "CN"}

#: customers of one key that are compared with what is typed, and customers that are shown
MOST_CANDIDATES, MOST_SIMILAR = 200, 10


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
    prepare_pooled(batch)
    for draft in batch.good:
        customer = draft.record
        if draft.changed("name"):
            customer.name_key = company_key(customer.name)[:200]
            customer.brand_key, customer.head_key, customer.tail_key = lookup_keys(customer.name)
        if customer.credit_code and (draft.changed("credit_code") or draft.changed("country")):
            customer.credit_code = customer.credit_code.upper()
            if customer.country in {"CN", ""} and (problem := credit_code_problem(customer.credit_code)):
                draft.error("credit_code", "invalid", problem)
        if customer.parent_id and draft.changed("parent"):
            _check_group(draft)
        if (customer.latitude is None) != (customer.longitude is None):
            missing = "latitude" if customer.latitude is None else "longitude"
            draft.error(missing, "required", _("Give both latitude and longitude, or neither."))


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


#: way of reaching a contact -> the fields that it needs, one of them
CHANNELS = {"phone": ("mobile", "phone"), "message": ("mobile",), "email": ("email",)}


def may_contact(contact: Contact, channel: str) -> bool:
    """Whether the contact may be reached by phone, message or email: wants to be, is in use, and has what it takes.

    Whoever calls, writes or sends asks this first. Raises KeyError for another channel.
    """
    reachable = any(getattr(contact, name) for name in CHANNELS[channel])
    return contact.may_be_contacted and contact.archived_at is None and reachable


def similar_customers(values: Mapping[str, Any], actor: Actor) -> list[tuple[str, str]]:
    """Customers that look like the one being typed: (what is alike, address of those that one may see).

    Those with the same name, credit code or phone come first, then those that are likely the same by their names.
    """
    name, own = str(values.get("name") or ""), str(values.get("id") or "")
    key, code = company_key(name), str(values.get("credit_code") or "")
    ids = list(_live().filter(name_key=key).values_list("pk", flat=True)[:5]) if key else []
    if code:
        ids += Customer.objects.filter(credit_code=code).values_list("pk", flat=True)[:5]
    mobile = phone_key(str(values.get("phone") or ""))
    if mobile:
        ids += Customer.objects.filter(contacts__mobile=mobile).values_list("pk", flat=True)[:5]
    if key:
        ids += _likely(Row(0, name, (mobile,) if mobile else (), credit_code=code))
    wanted = [pk for pk in dict.fromkeys(ids) if str(pk) != own][:MOST_SIMILAR]
    found = Customer.objects.filter(pk__in=wanted).select_related("owner").in_bulk()
    mine = set(visible(Customer.objects.filter(pk__in=wanted), actor).values_list("pk", flat=True))
    return [
        (f"{c.name} · {c.owner.name if c.owner else _('no owner')}", f"/customers/{c.pk}" if c.pk in mine else "")
        for c in (found[pk] for pk in wanted if pk in found)
    ]


def _live() -> Any:
    return Customer.objects.filter(archived_at=None).order_by()


def _likely(typed: Row) -> list[int]:
    """The customers whose names are likely meant, by the scan's own judgement of candidates with a key in common."""
    _brand, head, tail = lookup_keys(typed.name)
    rows: dict[int, Row] = {}
    for one in ({"brand_key__in": lookup_brands(typed.name)}, {"head_key": head}, {"tail_key": tail}):
        found = _live().filter(**one).values_list("pk", "name", "credit_code")[:MOST_CANDIDATES]
        rows |= {pk: Row(pk, name, credit_code=code or "") for pk, name, code in found}
    if not rows:
        return []
    return [int(pair.b) for pair in score(typed, rows.values(), among=Customer.objects.count())]


def heir_of(record: Any, actor: Actor, owner_id: int, permission: str) -> User:
    """The person to whom the actor may give a record. Raises ValidationFailed for who has left or is out of reach."""
    owner = User.objects.get(pk=owner_id)
    if not owner.is_active:
        raise ValidationFailed.of("owner_id", "not_allowed", _("This person has left."))
    if not owner_within(actor, actor.scopes(permission), owner):
        raise ValidationFailed.of("owner_id", "not_allowed", _("You may not give records to this person."))
    return owner


def give_to(record: Any, actor: Actor, owner_id: int, permission: str) -> None:
    """Make a person the owner of a record, whose department it follows. Raises ValidationFailed out of scope."""
    owner = heir_of(record, actor, owner_id, permission)
    record.owner_id, record.department_id = owner.pk, owner.department_id


def tell_new_owner(record: Any, actor: Actor, at: datetime) -> None:
    """Tell whoever has been given a record by somebody else."""
    if record.owner_id is None or record.owner_id == actor.user_id:
        return
    resource = resource_of(type(record))
    text = gettext_lazy("%(who)s assigned to you: %(kind)s %(what)s")
    who = gettext_lazy("System") if actor.kind == "system" else actor.name
    words = said(text, who=who, kind=resource.label, what=resource.label_of(record))
    ports.notification.notify(
        user_ids=[record.owner_id], text=words, resource=resource.name, record_id=record.pk, at=at, kind="assignment"
    )


@transition("customers", "assign", label=gettext_lazy("Assign"), args=ASSIGN_ARGS, icon="user-share")
def assign_customer(customer: Customer, *, actor: Actor, at: datetime, owner_id: int) -> None:
    """Give the customer to another owner, also out of a pool."""
    given_out(customer, "customers", heir_of(customer, actor, owner_id, "customers.assign"), at)
    tell_new_owner(customer, actor, at)


def main_phones(ids: list[int]) -> dict[int, str]:
    """How somebody at each customer is reached: the main contact first."""
    rows = Contact.objects.filter(customer_id__in=ids, archived_at=None).order_by("is_primary", "-id")
    found = rows.values_list("customer_id", "mobile", "phone")
    return {customer_id: mobile or phone for customer_id, mobile, phone in found if mobile or phone}
