"""What is checked and filled in when customers and contacts are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from babel import Locale
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from saleswright.interface.entity import Alike, Similar
from saleswright.kernel.access.actors import Actor
from saleswright.kernel.access.scopes import owner_within, visible
from saleswright.kernel.audit import AuditLine, record_audit
from saleswright.kernel.caching import kept
from saleswright.kernel.errors import ValidationFailed
from saleswright.kernel.events import Occasion
from saleswright.kernel.matching import Row, lookup_keys
from saleswright.kernel.matching.lookup import likely, likely_ones
from saleswright.kernel.models import User
from saleswright.kernel.ports import ports
from saleswright.kernel.records import Batch, Draft, announce
from saleswright.kernel.resources import resource_of
from saleswright.kernel.text import company_key, credit_code_problem, phone_key
from saleswright.kernel.transitions import ASSIGN_ARGS, transition
from saleswright.kernel.words import said
from saleswright.modules.customers.models import Contact, Customer
from saleswright.modules.pool.public import given_out, prepare_pooled

#: names of countries that people write and the standard does not have
COUNTRY_SYNONYMS = {"usa": "US", "uk": "GB", "england": "GB", "korea": "KR", "中华人民共和国": "CN", "中国大陆": "CN"}

#: customers that are shown
MOST_SIMILAR = 10
AT_ONCE = 1000


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
        if (customer.latitude is None) != (customer.longitude is None):
            missing = "latitude" if customer.latitude is None else "longitude"
            draft.error(missing, "required", _("Give both latitude and longitude, or neither."))
    moved = [draft for draft in batch.good if draft.record.parent_id and draft.changed("parent")]
    if moved:
        _check_groups(moved)


def _check_groups(drafts: Sequence[Draft]) -> None:
    """No company belongs to its own subsidiary, what the other drafts of the batch say included."""
    closed = circles(Customer, "parent_id", drafts)
    for draft in drafts:
        if id(draft) in closed:
            draft.error("parent", "invalid", _("A company can't belong to its own subsidiary."))


def circles(model: type[Any], name: str, drafts: Sequence[Draft]) -> set[int]:
    """Which drafts (by `id`) close a circle by their reference to the same kind of record; a statement a level."""
    above = {draft.record.pk: getattr(draft.record, name) for draft in drafts if draft.record.pk is not None}
    waiting = {pk for pk in (getattr(draft.record, name) for draft in drafts) if pk is not None} - set(above)
    while waiting:
        above |= dict(model._default_manager.filter(pk__in=waiting).values_list("pk", name)) or dict.fromkeys(waiting)
        waiting = {pk for pk in above.values() if pk is not None} - set(above)
    found = set()
    for draft in drafts:
        own, current, seen = draft.record.pk, getattr(draft.record, name), set()
        while own is not None and current is not None and current not in seen:
            if current == own:
                found.add(id(draft))
                break
            seen.add(current)
            current = above.get(current)
    return found


def prepare_contacts(batch: Batch) -> None:
    """Nobody reports to themselves by any way, nor to somebody of another group of companies."""
    drafts = [draft for draft in batch.good if draft.record.reports_to_id and draft.changed("reports_to")]
    if not drafts:
        return
    closed = circles(Contact, "reports_to_id", drafts)
    bosses = {draft.record.reports_to_id for draft in drafts}
    companies = dict(Contact.objects.filter(pk__in=bosses).values_list("pk", "customer_id"))
    tops = _tops({draft.record.customer_id for draft in drafts} | set(companies.values()))
    for draft in drafts:
        contact = draft.record
        company = companies.get(contact.reports_to_id)
        if id(draft) in closed:
            draft.error("reports_to", "invalid", _("Nobody reports to somebody who reports to them."))
        elif company is not None and tops.get(company) != tops.get(contact.customer_id):
            draft.error("reports_to", "invalid", _("This person belongs to another customer."))


def _tops(ids: set[Any]) -> dict[int, int]:
    """The company at the top of the group of each customer; a statement a level."""
    above: dict[int, int | None] = {}
    waiting = ids - {None}
    while waiting:
        found = dict(Customer.objects.filter(pk__in=waiting).values_list("pk", "parent_id"))
        above |= dict.fromkeys(waiting) | found
        waiting = set(found.values()) - set(above) - {None}
    tops = {}
    for pk in ids - {None}:
        top, seen = pk, {pk}
        while (parent := above.get(top)) is not None and parent not in seen:
            top = parent
            seen.add(parent)
        tops[pk] = top
    return tops


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


def similar_customers(values: Mapping[str, Any], actor: Actor) -> list[Similar]:
    """Customers that look like the one being typed; of those out of sight only name and owner, and where to ask.

    Those with the same name, credit code, phone or e-mail come first, then those that are likely the same by their
    names.
    """
    wanted = [pk for pk in similar_ids(values) if str(pk) != str(values.get("id") or "")][:MOST_SIMILAR]
    found = Customer.objects.filter(pk__in=wanted).select_related("owner").in_bulk()
    mine = set(visible(Customer.objects.filter(pk__in=wanted), actor).values_list("pk", flat=True))
    return [similar(c, c.name, c.pk in mine, actor) for c in (found[pk] for pk in wanted if pk in found)]


def similar_ids(values: Mapping[str, Any]) -> list[int]:
    """The ids of the customers that look like these values, the surest first."""
    name, key = str(values.get("name") or ""), company_key(str(values.get("name") or ""))
    code = str(values.get("credit_code") or "").strip().upper()
    mobile, email = phone_key(str(values.get("phone") or "")), str(values.get("email") or "").strip()
    ids = exact_ids(key, code, mobile, email)
    if key:
        typed = Row(0, name, (mobile,) if mobile else (), credit_code=code)
        ids += likely(_live(), typed, code="credit_code", among=_how_many())
    return list(dict.fromkeys(ids))


def alike_customers(rows: list[Mapping[str, Any]], actor: Actor) -> list[Alike | None]:
    """For each row of a file the customer that it likely is, by the credit code or by the name."""
    typed = [
        Row(place, str(row.get("name") or ""), credit_code=str(row.get("credit_code") or "").strip().upper())
        for place, row in enumerate(rows)
    ]
    codes = {one.credit_code for one in typed} - {""}
    by_code = dict(Customer.objects.filter(credit_code__in=codes).values_list("credit_code", "pk"))
    best_by_name = likely_ones(_live(), typed, code="credit_code", among=_how_many())
    found = [
        (by_code[one.credit_code], 1.0) if one.credit_code in by_code else best
        for one, best in zip(typed, best_by_name, strict=True)
    ]
    return alike_records(Customer, "name", found, actor)


def alike_records(model: Any, title: str, found: list[tuple[int, float] | None], actor: Actor) -> list[Alike | None]:
    """What an import shows of records found for its rows: name and owner, and whether the actor sees them."""
    wanted = {one[0] for one in found if one is not None}
    rows = model.objects.filter(pk__in=wanted)
    mine = set(visible(rows, actor).values_list("pk", flat=True)) if wanted else set()
    names = {
        pk: f"{name} · {owner or _('no owner')}" for pk, name, owner in rows.values_list("pk", title, "owner__name")
    }
    return [None if one is None else Alike(one[0], names[one[0]], round(one[1] * 100), one[0] in mine) for one in found]


def exact_ids(key: str, code: str = "", mobile: str = "", email: str = "") -> list[int]:
    """The ids of the customers of which the name key, the credit code, or a contact's number or e-mail is the same."""
    ids = list(_live().filter(name_key=key).values_list("pk", flat=True)[:5]) if key else []
    if code:
        ids += Customer.objects.filter(credit_code=code).values_list("pk", flat=True)[:5]
    for name, value in (("mobile", mobile), ("email", email)):
        if value:
            ids += _live().filter(**{f"contacts__{name}": value}).values_list("pk", flat=True)[:5]
    return ids


def similar(record: Any, label: str, seen: bool, actor: Actor) -> Similar:
    """How a record that looks the same is shown: name and owner, with its address or where to ask to join."""
    resource = resource_of(type(record))
    words = f"{label} · {record.owner.name if record.owner else _('no owner')}"
    if seen:
        return Similar(words, f"/{resource.name}/{record.pk}")
    asks = record.owner_id is not None and actor.may("join-requests.create")
    return Similar(words, ask=f"/join-requests/ask/{resource.name}/{record.pk}" if asks else "")


@kept(seconds=60)
def _how_many() -> int:
    """How many customers there are, which hardly changes while somebody types."""
    return Customer.objects.count()


def _live() -> Any:
    return Customer.objects.filter(archived_at=None).order_by()


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


# --- what follows from figures ---------------------------------------------------------------------------------


def note_figures(rows: Mapping[int, Mapping[str, str]]) -> None:
    """Note `churn_risk` and `rfm_group` of customers by id; all others have neither from now on.

    They follow from orders, so it raises no version and is not audited, and only what differs is written.
    """
    names = ("churn_risk", "rfm_group")
    known = {pk: values for pk, *values in Customer.objects.values_list("pk", *names)}
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for pk, before in known.items():
        given = rows.get(pk, {})
        after = tuple(str(given.get(name, "")) for name in names)
        if list(after) != before:
            groups[after].append(pk)
    for after, ids in groups.items():
        for start in range(0, len(ids), AT_ONCE):
            part = Customer.objects.filter(pk__in=ids[start : start + AT_ONCE])
            part.update(**dict(zip(names, after, strict=True)))


def set_by_rule(field: str, values: Mapping[int, str], action: str, *, actor: Actor, at: datetime) -> dict[int, str]:
    """Set the level or the life cycle of customers by id, set-wise, audited and announced as `action`.

    Answers what those held before whose value differs; the others are left alone.
    """
    resource = resource_of(Customer)
    before: dict[int, str] = {}
    ids = sorted(values)
    for start in range(0, len(ids), AT_ONCE):
        rows = Customer.objects.filter(pk__in=ids[start : start + AT_ONCE]).order_by("pk")
        found = list(rows.select_for_update(of=("self",)).values_list("pk", "name", field))
        changed = [(pk, name, old) for pk, name, old in found if old != values[pk]]
        by_value: dict[str, list[int]] = defaultdict(list)
        for pk, _name, _old in changed:
            by_value[values[pk]].append(pk)
        for value, some in by_value.items():
            Customer.objects.filter(pk__in=some).update(
                **{field: value}, version=F("version") + 1, updated_at=at, updated_by_id=actor.user_id
            )
        lines = [AuditLine(resource.name, pk, name, action, {field: [old, values[pk]]}) for pk, name, old in changed]
        record_audit(lines, actor=actor, at=at)
        announce(resource, [(pk, action) for pk, _name, _old in changed], Occasion(actor, at))
        before |= {pk: old for pk, _name, old in changed}
    return before
