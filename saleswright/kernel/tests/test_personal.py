"""Masked values: kept as they are when the mask comes back, shown on request, and noted."""

from __future__ import annotations

import threading

import pytest
from django.core.cache import cache
from django.db import connection

from saleswright.kernel import clock, personal
from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.errors import NotAllowed, NotFound, TooMany, ValidationFailed
from saleswright.kernel.models import AuditEntry, Role, UnmaskCount
from saleswright.kernel.personal import unmask, unmasked_today
from saleswright.kernel.records import save_record
from saleswright.kernel.resources import resource_of
from saleswright.modules.customers.models import Contact, Customer

pytestmark = pytest.mark.django_db
NUMBER = "13812345678"


@pytest.fixture(autouse=True)
def _unhurried():
    cache.clear()


@pytest.fixture
def contact(root):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    return save_record(Contact, {"customer": customer.pk, "name": "B", "mobile": NUMBER}, actor=root)


@pytest.fixture
def reader(root, acting):
    grants = {"contacts.view": "all", "contacts.edit": "all", "contacts.create": "all", "customers.view": "all"}
    save_record(Role, {"code": "reader", "name": "R", "grants": grants}, actor=root)
    return acting("reader")


RESOURCE = resource_of(Contact)


def test_the_mask_that_comes_back_changes_nothing(contact, acting):
    save_record(Contact, {"mobile": "138****5678", "title": "CTO"}, pk=contact.pk, actor=acting("sales_director"))
    contact.refresh_from_db()
    assert (contact.mobile, contact.title) == (NUMBER, "CTO")


def test_the_mask_that_comes_back_changes_nothing_without_the_right_either(contact, reader):
    save_record(Contact, {"mobile": "138****5678", "title": "CTO"}, pk=contact.pk, actor=reader)
    contact.refresh_from_db()
    assert (contact.mobile, contact.title) == (NUMBER, "CTO")


def test_another_masked_text_is_no_number(contact, acting):
    with pytest.raises(ValidationFailed) as refused:
        save_record(Contact, {"mobile": "139****5678"}, pk=contact.pk, actor=acting("sales_director"))
    assert [(e.field, e.code) for e in refused.value.errors] == [("mobile", "invalid")]
    contact.refresh_from_db()
    assert contact.mobile == NUMBER


def test_a_new_record_takes_no_masked_number(contact, acting):
    values = {"customer": contact.customer_id, "name": "C", "mobile": "138****5678"}
    with pytest.raises(ValidationFailed):
        save_record(Contact, values, actor=acting("sales_director"))
    assert Contact.objects.count() == 1


def test_without_the_right_a_number_can_t_be_set(contact, reader):
    with pytest.raises(ValidationFailed) as refused:
        save_record(Contact, {"mobile": "13900000000"}, pk=contact.pk, actor=reader)
    assert [e.code for e in refused.value.errors] == ["not_allowed"]
    contact.refresh_from_db()
    assert contact.mobile == NUMBER


def test_showing_a_value_is_noted_with_who_what_and_when(contact, acting):
    actor = acting("sales_director")
    assert unmask(RESOURCE, contact.pk, ["mobile"], actor) == {"mobile": NUMBER}
    entry = AuditEntry.objects.get(action="unmasked")
    assert (entry.actor_id, entry.resource, entry.record_id) == (actor.user_id, "contacts", contact.pk)
    assert (entry.changes, entry.label) == ({"mobile": [None, "***"]}, "B")
    assert unmasked_today(actor.user_id) == 1


def test_showing_an_empty_value_is_not_noted(contact, acting):
    assert unmask(RESOURCE, contact.pk, ["phone"], acting("sales_director")) == {"phone": ""}
    assert not AuditEntry.objects.filter(action="unmasked").exists()


def test_a_value_is_not_shown_without_the_right(contact, reader):
    with pytest.raises(NotAllowed):
        unmask(RESOURCE, contact.pk, ["mobile"], reader)
    assert not AuditEntry.objects.filter(action="unmasked").exists()


def test_a_value_out_of_reach_is_not_there(contact, acting):
    with pytest.raises(NotFound):
        unmask(RESOURCE, contact.pk, ["mobile"], acting("sales_representative"))


def test_only_masked_fields_are_shown_so(contact, acting):
    with pytest.raises(NotFound):
        unmask(RESOURCE, contact.pk, ["name"], acting("sales_director"))


def test_there_is_a_pace(contact, acting, monkeypatch):
    monkeypatch.setattr(personal, "PACE", personal.Limit("test-unmask", 2, 60))
    actor = acting("sales_director")
    for _time in range(2):
        unmask(RESOURCE, contact.pk, ["mobile"], actor)
    with pytest.raises(TooMany):
        unmask(RESOURCE, contact.pk, ["mobile"], actor)
    assert unmasked_today(actor.user_id) == 2
    assert AuditEntry.objects.filter(action="unmasked").count() == 2


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer")
@pytest.mark.django_db(transaction=True)
def test_showings_at_the_same_time_are_all_counted(root, person):
    customer = save_record(Customer, {"name": "A"}, actor=root)
    contact = save_record(Contact, {"customer": customer.pk, "name": "B", "mobile": NUMBER}, actor=root)
    user = person("sales_director")

    def show():
        try:
            unmask(RESOURCE, contact.pk, ["mobile"], actor_for(user, origin="test"))
        finally:
            connection.close()

    threads = [threading.Thread(target=show) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert UnmaskCount.objects.get().count == 4
    assert UnmaskCount.objects.get().day == clock.today()
