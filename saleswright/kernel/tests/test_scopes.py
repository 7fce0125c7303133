"""Who sees what: the scope in SQL is compared with a slow and obvious evaluation in Python."""

import itertools

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from saleswright.kernel import clock
from saleswright.kernel.access import actors
from saleswright.kernel.access.actors import EVERYTHING, NOTHING, Scope, actor_for, system
from saleswright.kernel.access.scopes import fetch, is_within_reach, owner_within, visible
from saleswright.kernel.errors import NotAllowed, NotFound
from saleswright.kernel.models import Collaborator, Department, Grant, Region, Role, User
from saleswright.kernel.records import Draft, archive_record, save_record, save_records
from saleswright.modules.customers.public import Contact, Customer

ROOT = system("test")
PEOPLE, NODES, RECORDS = 5, 4, 8
serial = itertools.count(1)
QUICKLY = (Phase.explicit, Phase.reuse, Phase.generate)  # a whole company is slow to shrink
place = st.none() | st.integers(0, NODES - 1)
scope_sets = st.sets(st.sampled_from(list(Scope)), max_size=3)
worlds = st.fixed_dictionaries(
    {
        "departments": st.lists(place, min_size=NODES, max_size=NODES),  # each node's parent, if it stands before it
        "regions": st.lists(place, min_size=NODES, max_size=NODES),
        "people": st.lists(st.tuples(place, place), min_size=PEOPLE, max_size=PEOPLE),
        "owners": st.lists(st.none() | st.integers(0, PEOPLE - 1), min_size=RECORDS, max_size=RECORDS),
        "collaborators": st.sets(st.tuples(st.integers(0, RECORDS - 1), st.integers(0, PEOPLE - 1)), max_size=6),
        "scopes": scope_sets,
        "contact_scopes": scope_sets,
    }
)


class World:
    """A small company out of a description, and what the first of its people may see of it, worked out by hand."""

    def __init__(self, plan: dict) -> None:
        self.departments = self._tree(Department, plan["departments"])
        self.regions = self._tree(Region, plan["regions"])
        people = [
            Draft({"username": f"u{next(serial)}", "name": "N", "department": self._pk(self.departments, department),
                   "region": self._pk(self.regions, region)})
            for department, region in plan["people"]
        ]  # fmt: skip
        self.people = [draft.record for draft in save_records(User, people, actor=ROOT).good]
        records = [
            Draft({"name": f"R{n}", "owner": None if owner is None else self.people[owner].pk})
            for n, owner in enumerate(plan["owners"])
        ]
        self.records = [draft.record for draft in save_records(Customer, records, actor=ROOT).good]
        contacts = [Draft({"name": "C", "customer": record.pk}) for record in self.records]
        self.contacts = [draft.record for draft in save_records(Contact, contacts, actor=ROOT).good]
        self.shared = {(self.records[r].pk, self.people[p].pk) for r, p in plan["collaborators"]}
        Collaborator.objects.bulk_create(
            Collaborator(resource="customers", record_id=record, user_id=user) for record, user in self.shared
        )
        self.grant("customers.view", plan["scopes"])
        self.grant("contacts.view", plan["contact_scopes"])
        self.me = self.people[0]
        actors._profiles.clear()  # the examples before had the same ids
        self.actor = actor_for(self.me, origin="test")

    def grant(self, permission: str, scopes: set[Scope]) -> None:
        """One role for each scope: a person's roles add up."""
        for scope in scopes:
            role = _role(f"r{next(serial)}")
            Grant.objects.create(role=role, permission=permission, scope=scope.value)
            self.people[0].roles.add(role)

    def _tree(self, kind, parents) -> list:
        nodes: list = []
        for number, parent in enumerate(parents):
            above = nodes[parent].pk if parent is not None and parent < number else None
            nodes.append(save_record(kind, {"name": f"N{next(serial)}", "parent": above}, actor=ROOT))
        return nodes

    @staticmethod
    def _pk(nodes: list, index: int | None) -> int | None:
        return None if index is None else nodes[index].pk

    def lies_below(self, kind, node: int | None, top: int | None) -> bool:
        """Whether one climbs from the node to the top."""
        while node is not None:
            if node == top:
                return True
            node = kind.objects.get(pk=node).parent_id
        return False

    def may_see(self, record: Customer, scopes: set[Scope]) -> bool:
        if not scopes:
            return False
        me, owner = self.me, record.owner
        if Scope.ALL in scopes or record.owner_id == me.pk or (record.pk, me.pk) in self.shared:
            return True
        if Scope.DEPARTMENT in scopes and me.department_id and record.department_id == me.department_id:
            return True
        if Scope.DEPARTMENT_TREE in scopes and self.lies_below(Department, record.department_id, me.department_id):
            return True
        return bool(
            Scope.REGION_TREE in scopes and owner is not None and self.lies_below(Region, owner.region_id, me.region_id)
        )


def _role(code: str) -> Role:
    return Role.objects.create(code=code, name=code, created_at=clock.now(), updated_at=clock.now())


class Scopes(TestCase):
    """Random people, trees, owners, collaborators and grants."""

    @settings(max_examples=40, deadline=None, phases=QUICKLY)
    @given(worlds)
    def test_the_query_finds_exactly_what_one_may_see(self, plan):
        world = World(plan)
        expected = {r.pk for r in world.records if world.may_see(r, plan["scopes"])}
        assert set(visible(Customer.objects.all(), world.actor).values_list("pk", flat=True)) == expected
        of_contacts = {
            contact.pk for contact in world.contacts if plan["contact_scopes"] and contact.customer_id in expected
        }
        assert set(visible(Contact.objects.all(), world.actor).values_list("pk", flat=True)) == of_contacts

    @settings(max_examples=40, deadline=None, phases=QUICKLY)
    @given(worlds)
    def test_what_is_within_reach_by_owner_and_department_is_visible(self, plan):
        world = World(plan)
        visible_ids = set(visible(Customer.objects.all(), world.actor).values_list("pk", flat=True))
        for record in world.records:
            if is_within_reach(Customer, world.actor, "view", record.owner_id, record.department_id):
                assert record.pk in visible_ids
            elif Scope.REGION_TREE not in plan["scopes"]:
                shared = Collaborator.objects.filter(resource="customers", record_id=record.pk)
                assert record.pk not in visible_ids or shared.exists()
        assert not is_within_reach(Contact, world.actor, "view")  # goes with its customer

    @settings(max_examples=20, deadline=None, phases=QUICKLY)
    @given(worlds)
    def test_a_new_record_lies_within_the_scope_exactly_if_its_owner_could_see_it_so(self, plan):
        world = World({**plan, "collaborators": set()})
        scopes = world.actor.scopes("customers.view")
        for record in world.records:
            assert (bool(scopes) and owner_within(world.actor, scopes, record.owner)) == (
                world.may_see(record, plan["scopes"])
            )


@pytest.fixture
def company(db, person):
    """Top with Left and Right below it; a manager of each; a customer of somebody in Left."""
    top = save_record(Department, {"name": "Top"}, actor=ROOT)
    left, right = (save_record(Department, {"name": n, "parent": top.pk}, actor=ROOT) for n in ("Left", "Right"))
    seller = person("sales_representative", department=left)
    customer = save_record(Customer, {"name": "A", "owner": seller.pk}, actor=ROOT)
    managers = {d.name: person("sales_manager", department=d) for d in (top, left, right)}
    return {"top": top, "left": left, "right": right, "seller": seller, "customer": customer, "managers": managers}


def who_sees(company) -> set[str]:
    """The names of the departments whose managers see the customer now."""
    rows = Customer.objects.filter(pk=company["customer"].pk)
    return {
        name
        for name, user in company["managers"].items()
        if visible(rows, actor_for(User.objects.get(pk=user.pk), origin="test")).exists()
    }


def test_a_manager_sees_the_branch_below(company):
    assert who_sees(company) == {"Top", "Left"}


def test_moving_a_branch_moves_its_scope_at_once(company):
    who_sees(company)
    save_record(Department, {"parent": company["right"].pk}, pk=company["left"].pk, actor=ROOT)
    assert who_sees(company) == {"Top", "Left", "Right"}
    save_record(Department, {"parent": None}, pk=company["left"].pk, actor=ROOT)
    assert who_sees(company) == {"Left"}


def test_records_follow_an_owner_who_changes_department(company):
    save_record(User, {"department": company["right"].pk}, pk=company["seller"].pk, actor=ROOT)
    assert who_sees(company) == {"Top", "Right"}


def test_a_role_given_or_taken_counts_at_once(company):
    seller = company["seller"]
    rows = Customer.objects.all()
    assert visible(rows, actor_for(seller, origin="test")).exists()
    save_record(User, {"roles": []}, pk=seller.pk, actor=ROOT)
    assert not visible(rows, actor_for(seller, origin="test")).exists()
    save_record(User, {"roles": ["auditor"]}, pk=seller.pk, actor=ROOT)
    assert actor_for(seller, origin="test").scopes("customers.view") == EVERYTHING


def test_own_is_asked_by_a_union_so_that_both_halves_use_their_index(company):
    sql = str(visible(Customer.objects.all(), actor_for(company["seller"], origin="test")).query)
    assert "UNION" in sql
    wide = str(visible(Customer.objects.all(), actor_for(company["managers"]["Top"], origin="test")).query)
    assert "UNION" not in wide


def test_everything_is_asked_without_condition(acting):
    assert "WHERE" not in str(visible(Customer.objects.all(), acting("administrator")).query)


def test_without_the_right_nothing_is_asked(acting, django_assert_num_queries):
    actor = acting("hr")
    assert actor.scopes("customers.view") == NOTHING
    with django_assert_num_queries(0):
        assert list(visible(Customer.objects.all(), actor)) == []


def test_someone_elses_record_is_not_found_whatever_the_action(company, acting):
    actor = acting("sales_representative")
    for action in ("view", "edit", "delete"):
        with pytest.raises(NotFound):
            fetch(Customer, company["customer"].pk, actor=actor, action=action)


def test_a_record_that_is_only_seen_is_not_allowed(company, acting):
    actor = acting("warehouse")
    assert fetch(Customer, company["customer"].pk, actor=actor) == company["customer"]
    for action in ("edit", "archive", "assign"):
        with pytest.raises(NotAllowed):
            fetch(Customer, company["customer"].pk, actor=actor, action=action)


def test_a_collaborator_sees_the_record_and_its_contacts(company, acting, person):
    colleague = person("sales_representative")
    contact = save_record(Contact, {"name": "C", "customer": company["customer"].pk}, actor=ROOT)
    with pytest.raises(NotFound):
        fetch(Contact, contact.pk, actor=acting(colleague))
    save_record(Customer, {"collaborator_ids": [colleague.pk]}, pk=company["customer"].pk, actor=ROOT)
    assert fetch(Contact, contact.pk, actor=acting(colleague)) == contact


def test_an_archived_record_is_seen_by_the_same_people(company):
    archive_record(Customer, company["customer"].pk, actor=ROOT)
    assert who_sees(company) == {"Top", "Left"}
