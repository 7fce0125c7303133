"""Contacts and leads are merged by the same rules."""

from __future__ import annotations

from typing import Any

import pytest

from saleswright.kernel.access.actors import system
from saleswright.kernel.errors import Conflict
from saleswright.kernel.models import CustomField, Merge
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_named
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.leads.models import Lead

ROOT = system("test")


def merge(name: str, kept: Any, other: Any, **choice: Any) -> Merge:
    values = [{"field": field.replace("__", "."), "record_id": one.pk} for field, one in choice.items()]
    transition = resource_named(name).transition("merge")
    result = transition(kept.pk, actor=ROOT, others=[{"record_id": other.pk}], values=values)
    return Merge.objects.get(pk=result["id"])


def undo(merged: Merge) -> None:
    resource_named("merges").transition("undo")(merged.pk, actor=ROOT)


def contact(customer: Any, **values: Any) -> Contact:
    return save_record(Contact, {"customer": customer.pk, "name": "Wang", **values}, actor=ROOT)


@pytest.mark.django_db
class TestContacts:
    """People of one customer."""

    def test_it_respects_who_does_not_want_to_be_contacted(self) -> None:
        customer = save_record(Customer, {"name": "A"}, actor=ROOT)
        kept, other = contact(customer), contact(customer, may_be_contacted=False, email="w@example.com")
        below = contact(customer, reports_to=other.pk)
        merged = merge("contacts", kept, other)
        kept.refresh_from_db()
        below.refresh_from_db()
        assert (kept.may_be_contacted, kept.email, below.reports_to_id) == (False, "w@example.com", kept.pk)
        undo(merged)
        kept.refresh_from_db()
        assert (kept.may_be_contacted, kept.email) == (True, "")

    def test_it_refuses_people_of_different_customers(self) -> None:
        one, two = (contact(save_record(Customer, {"name": name}, actor=ROOT)) for name in "AB")
        with pytest.raises(Conflict, match="one customer"):
            merge("contacts", one, two)
        two.refresh_from_db()
        assert two.archived_at is None


@pytest.mark.django_db
class TestLeads:
    """Two signals of one company."""

    def test_it_keeps_the_first_contact_and_custom_fields(self) -> None:
        field = {"resource": "leads", "code": "size", "kind": "integer", "label_zh": "人数"}
        save_record(CustomField, field, actor=ROOT)
        refers = {"resource": "leads", "code": "twin", "kind": "reference", "target": "leads", "label_zh": "另一个"}
        save_record(CustomField, refers, actor=ROOT)
        given = {"company": "A", "phone": "13800000001"}
        kept = save_record(Lead, given | {"custom.size": 5}, actor=ROOT)
        other = save_record(Lead, given | {"need": "pumps", "custom.size": 9}, actor=ROOT)
        third = save_record(Lead, given | {"custom.twin": other.pk}, actor=ROOT)
        resource_named("leads").transition("contact")(other.pk, actor=ROOT)
        merged = merge("leads", kept, other, custom__size=other)
        for one in (kept, other, third):
            one.refresh_from_db()
        assert (kept.need, kept.first_contact_at, kept.custom) == ("pumps", other.first_contact_at, {"size": 9})
        assert third.custom == {"twin": kept.pk}
        undo(merged)
        for one in (kept, third):
            one.refresh_from_db()
        assert (kept.need, kept.first_contact_at, kept.custom) == ("", None, {"size": 5})
        assert third.custom == {"twin": other.pk}

    def test_it_refuses_a_converted_lead(self) -> None:
        given = {"company": "A", "phone": "13800000001"}
        kept, other = (save_record(Lead, given, actor=ROOT) for _ in range(2))
        Lead.objects.filter(pk=other.pk).update(status="converted")
        with pytest.raises(Conflict, match="converted"):
            merge("leads", kept, other)
        assert not Merge.objects.exists()
