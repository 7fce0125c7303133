"""Search within what one may see: rows follow their records, and nothing is shown or missed beside the scope."""

import itertools

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleswright.kernel.access.actors import actor_for, system
from saleswright.kernel.access.scopes import visible
from saleswright.kernel.models import Collaborator, Department, Grant, Region, SearchRow, User
from saleswright.kernel.records import Draft, archive_record, delete_record, save_record, save_records
from saleswright.kernel.search import BUCKET, search
from saleswright.kernel.tests.test_scopes import NODES, PEOPLE, QUICKLY, RECORDS, World, worlds
from saleswright.kernel.text import query_tokens, search_tokens
from saleswright.modules.customers.public import Contact, Customer
from saleswright.modules.service.public import Ticket

ROOT = system("test")


def found(actor, query: str, **options) -> list[str]:
    return [hit.label for hit in search(actor, query, **options)]


def skip_ids(model, count: int) -> None:
    """Let the next record of the model have an id so much higher, as if as many had been written and deleted."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            cursor.execute(f"SELECT setval({sequence}, nextval({sequence}) + %s)", [count])
        else:
            cursor.execute("UPDATE sqlite_sequence SET seq = seq + %s WHERE name = %s", [count, table])


@pytest.fixture
def company(db, person):
    """Two departments with a manager each, and somebody in the first who owns a customer with a contact."""
    left, right = (save_record(Department, {"name": name}, actor=ROOT) for name in ("Left", "Right"))
    of_left = person("sales_manager", department=left)
    of_right = person("sales_manager", department=right)
    owner = person("sales_representative", department=left)
    customer = save_record(Customer, {"name": "华东精密", "owner": owner.pk}, actor=ROOT)
    save_record(Contact, {"name": "华盛", "customer": customer.pk}, actor=ROOT)
    return customer, owner, right, actor_for(of_left, origin="test"), actor_for(of_right, origin="test")


def test_what_is_handed_over_is_found_by_its_new_owner_with_what_belongs_to_it(company, person):
    customer, _owner, _right, of_left, of_right = company
    assert (found(of_left, "华"), found(of_right, "华")) == (["华东精密", "华盛"], [])
    heir = person("sales_representative", department=of_right.access.department_id)
    save_record(Customer, {"owner": heir.pk}, pk=customer.pk, actor=ROOT)
    assert (found(of_left, "华"), found(of_right, "华")) == ([], ["华东精密", "华盛"])
    assert found(actor_for(heir, origin="test"), "华") == ["华东精密", "华盛"]


def test_the_records_of_someone_who_changed_department_are_found_there(company):
    _customer, owner, right, of_left, of_right = company
    save_record(User, {"department": right.pk}, pk=owner.pk, actor=ROOT)
    assert (found(of_left, "华"), found(of_right, "华")) == ([], ["华东精密", "华盛"])


def test_a_contact_that_goes_to_another_customer_is_found_with_that_one(company, person):
    customer, _owner, right, of_left, of_right = company
    heir = person("sales_representative", department=right)
    other = save_record(Customer, {"name": "Other", "owner": heir.pk}, actor=ROOT)
    contact = Contact.objects.get(customer=customer)
    save_record(Contact, {"customer": other.pk}, pk=contact.pk, actor=ROOT)
    assert (found(of_left, "华盛"), found(of_right, "华盛")) == ([], ["华盛"])


def test_one_who_works_together_on_a_record_finds_it_and_what_belongs_to_it(company):
    customer, _owner, _right, _of_left, of_right = company
    Collaborator.objects.create(resource="customers", record_id=customer.pk, user_id=of_right.user_id)
    assert found(of_right, "华") == ["华东精密", "华盛"]


def test_a_region_is_searched_by_the_region_of_the_owners(company, person):
    customer, owner, _right, _of_left, of_right = company
    region = save_record(Region, {"name": "East"}, actor=ROOT)
    Grant.objects.filter(role__code="sales_manager", permission__startswith="customers.").update(scope="region_tree")
    save_record(User, {"region": region.pk}, pk=of_right.user_id, actor=ROOT)
    assert found(actor_for(User.objects.get(pk=of_right.user_id), origin="test"), "华东") == []
    save_record(User, {"region": region.pk}, pk=owner.pk, actor=ROOT)
    assert found(actor_for(User.objects.get(pk=of_right.user_id), origin="test"), "华东") == [customer.name]


def test_a_department_is_searched_without_those_below(company, person):
    customer, _owner, _right, of_left, _of_right = company
    Grant.objects.filter(role__code="sales_manager", permission__startswith="customers.").update(scope="department")
    below = save_record(Department, {"name": "Below", "parent": of_left.access.department_id}, actor=ROOT)
    other = person("sales_representative", department=below)
    save_record(Customer, {"name": "华南", "owner": other.pk}, actor=ROOT)
    save_record(User, {"phone": "1"}, pk=of_left.user_id, actor=ROOT)
    assert found(actor_for(User.objects.get(pk=of_left.user_id), origin="test"), "华") == [customer.name, "华盛"]


def test_it_shows_nothing_that_only_the_search_row_gives_away(company):
    customer, _owner, _right, _of_left, of_right = company
    SearchRow.objects.filter(resource="customers").update(owner_id=of_right.user_id)
    assert found(of_right, "华东") == []
    assert Customer.objects.get(pk=customer.pk).owner_id != of_right.user_id


def test_the_newest_come_first_and_those_from_long_ago_are_found(db):
    for name in ("华一", "华二", "华三"):
        save_record(Customer, {"name": name}, actor=ROOT)
        skip_ids(Customer, 3 * BUCKET)
    assert found(ROOT, "华") == ["华三", "华二", "华一"]
    assert found(ROOT, "华", limit=2) == ["华三", "华二"]
    assert found(ROOT, "华一") == ["华一"]


def test_many_that_are_put_away_hide_no_older_one(db):
    save_record(Customer, {"name": "华一"}, actor=ROOT)
    for draft in save_records(Customer, [Draft({"name": f"华 {n}"}) for n in range(4)], actor=ROOT).good:
        archive_record(Customer, draft.record.pk, actor=ROOT)
    assert found(ROOT, "华", limit=1) == ["华一"]


def test_a_kind_with_a_scope_of_its_own_is_searched_among_many_of_others(company):
    customer, owner, _right, _of_left, of_right = company
    save_record(Ticket, {"subject": "华 mine", "customer": customer.pk, "owner": owner.pk}, actor=ROOT)
    others = [{"subject": f"华 {n}", "customer": customer.pk, "owner": of_right.user_id} for n in range(4)]
    save_records(Ticket, [Draft(values) for values in others], actor=ROOT)
    stranger = save_record(Customer, {"name": "Stranger", "owner": of_right.user_id}, actor=ROOT)
    Ticket.objects.exclude(owner_id=owner.pk).update(customer_id=stranger.pk)
    representative = actor_for(owner, origin="test")
    assert found(representative, "华", limit=1, resources=("tickets",)) == ["华 mine"]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("hand over"), st.integers(0, RECORDS - 1), st.integers(0, PEOPLE - 1)),
        st.tuples(st.just("move"), st.integers(0, PEOPLE - 1), st.integers(0, NODES - 1)),
        st.tuples(st.just("share"), st.integers(0, RECORDS - 1), st.integers(0, PEOPLE - 1)),
        st.tuples(st.just("rename"), st.integers(0, RECORDS - 1), st.sampled_from(["华东", "华南"])),
        st.tuples(st.just("archive"), st.integers(0, RECORDS - 1), st.none()),
        st.tuples(st.just("forget"), st.integers(0, RECORDS - 1), st.none()),
        st.tuples(st.just("write"), st.sampled_from(["华东", "R1 华南"]), st.integers(0, PEOPLE - 1)),
    ),
    max_size=8,
)


def take(step: tuple, world: World) -> None:
    """Change the world by one write."""
    what, one, other = step
    if what == "write":
        skip_ids(Customer, BUCKET)
        customer = save_record(Customer, {"name": one, "owner": world.people[other].pk}, actor=ROOT)
        save_record(Contact, {"name": "C", "customer": customer.pk}, actor=ROOT)
    elif what == "move":
        save_record(User, {"department": world.departments[other].pk}, pk=world.people[one].pk, actor=ROOT)
    elif what == "share":
        values = {"resource": "customers", "record_id": world.records[one].pk, "user": world.people[other]}
        Collaborator.objects.get_or_create(**values)
    elif what == "forget":
        if Contact.objects.filter(pk=world.contacts[one].pk).exists():
            delete_record(Contact, world.contacts[one].pk, actor=ROOT)
    elif Customer.objects.get(pk=world.records[one].pk).archived_at is None:
        if what == "archive":
            archive_record(Customer, world.records[one].pk, actor=ROOT)
        else:
            values = {"owner": world.people[other].pk} if what == "hand over" else {"name": other}
            save_record(Customer, values, pk=world.records[one].pk, actor=ROOT)


class Reach(TestCase):
    """Random companies, and random writes in them."""

    @settings(max_examples=40, deadline=None, phases=QUICKLY)
    @given(worlds, steps)
    def test_it_finds_what_matches_within_the_scope_and_nothing_else(self, plan, changes):
        world = World(plan)
        for step in changes:
            take(step, world)
        actor = actor_for(User.objects.get(pk=world.me.pk), origin="test")
        for query, limit in itertools.product(("r1", "华", "华东", "c"), (1, 2, 50)):
            expected = []
            for model, texts in ((Customer, ("name", "code", "short_name")), (Contact, ("name",))):
                seen = visible(model.objects.filter(archived_at=None), actor).order_by("-id")
                matching = [
                    (model, record.pk)
                    for record in seen
                    if search_tokens(*(getattr(record, text) for text in texts)).issuperset(query_tokens(query))
                ]
                expected += matching[:limit]
            hits = search(actor, query, limit=limit, resources=("customers", "contacts"))
            kinds = {"customers": Customer, "contacts": Contact}
            assert [(kinds[hit.resource], hit.record_id) for hit in hits] == expected
