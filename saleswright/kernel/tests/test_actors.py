"""Rights of actors: how grants add up and when they are read anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleswright.kernel.access import actors
from saleswright.kernel.access.actors import (
    EVERYTHING,
    NOTHING,
    Access,
    Scope,
    access_changed,
    access_version,
    actor_for,
    below,
    system,
)
from saleswright.kernel.errors import NotAllowed
from saleswright.kernel.models import Department, Grant, Region, Role
from saleswright.kernel.records import save_record
from saleswright.modules.org.public import managers_upward

OWN, TREE, ALL = Scope.OWN, Scope.DEPARTMENT_TREE, Scope.ALL


def access(**grants: set[Scope]) -> Access:
    return Access(grants={name.replace("__", "."): frozenset(scopes) for name, scopes in grants.items()})


@pytest.mark.parametrize("pattern", ["quotes.view", "quotes.*", "*.view", "*"])
def test_a_grant_may_be_for_one_permission_one_resource_one_verb_or_all(pattern):
    rights = Access(grants={pattern: frozenset({OWN})})
    assert rights.scopes("quotes.view") == {OWN}


@pytest.mark.parametrize("pattern", ["quotes.edit", "orders.*", "*.edit", "quote.*"])
def test_another_grant_gives_nothing(pattern):
    assert Access(grants={pattern: frozenset({ALL})}).scopes("quotes.view") == NOTHING


PATTERNS = st.builds(
    lambda resource, verb: "*" if resource == verb == "*" else f"{resource}.{verb}",
    st.sampled_from(["quotes", "orders", "*"]),
    st.sampled_from(["view", "edit", "*"]),
)


@given(st.dictionaries(PATTERNS, st.sets(st.sampled_from(Scope), min_size=1)), st.lists(PATTERNS))
def test_within_scopes_are_the_rights_that_one_of_them_reaches_and_no_others(grants, limits):
    whole = Access(grants={pattern: frozenset(scopes) for pattern, scopes in grants.items()})
    cut = whole.within(" ".join(limits))
    for permission in ("quotes.view", "quotes.edit", "orders.view", "orders.edit"):
        reached = any(Access(grants={limit: frozenset({ALL})}).scopes(permission) for limit in limits)
        assert cut.scopes(permission) == (whole.scopes(permission) if reached else NOTHING)


def test_grants_add_up():
    rights = access(**{"quotes__view": {OWN}, "quotes__*": {TREE}})
    assert rights.scopes("quotes.view") == {OWN, TREE}


def test_all_swallows_the_narrower_scopes():
    rights = access(**{"quotes__view": {OWN, TREE}, "*": {ALL}})
    assert rights.scopes("quotes.view") == EVERYTHING


def test_without_the_right_it_is_refused():
    actor = actors.Actor("person", 1, "A", "test", access(quotes__view={OWN}))
    actor.require("quotes.view")
    with pytest.raises(NotAllowed) as refusal:
        actor.require("quotes.edit")
    assert refusal.value.extra == {"permission": "quotes.edit"}


def test_fields_have_rights_of_their_own():
    actor = actors.Actor("person", 1, "A", "test", access(fields__cost={ALL}))
    assert actor.sees("cost")
    assert not actor.sees("bank")


def test_the_system_may_do_everything_and_says_where_from():
    actor = system("job").via("import")
    assert actor.scopes("whatever.view") == EVERYTHING
    assert (actor.kind, actor.user_id, actor.origin) == ("system", None, "import")


def test_a_tree_is_walked_to_its_leaves_and_rings_end():
    parents = {1: None, 2: 1, 3: 2, 4: 1, 5: None, 6: 7, 7: 6}
    assert below(parents, 1) == {1, 2, 3, 4}
    assert below(parents, 3) == {3}
    assert below(parents, 6) == {6, 7}
    assert below(parents, None) == frozenset()


@pytest.mark.django_db
def test_rights_are_kept_until_something_of_them_changes(person, django_assert_num_queries):
    user = person("sales_representative")
    first = actor_for(user, origin="test")
    with django_assert_num_queries(1):
        assert actor_for(user, origin="test").access is first.access
    access_changed()
    assert actor_for(user, origin="test").access is not first.access


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [Department, Region])
def test_every_change_of_the_trees_raises_the_version(root, kind):
    before = access_version()
    node = save_record(kind, {"name": "N"}, actor=root)
    middle = access_version()
    save_record(kind, {"name": "M"}, pk=node.pk, actor=root)
    assert before < middle < access_version()


@pytest.mark.django_db
def test_a_new_person_and_new_roles_raise_the_version(root, person):
    before = access_version()
    user = person()
    made = access_version()
    save_record(type(user), {"roles": ["finance"]}, pk=user.pk, actor=root)
    assert before < made < access_version()


@pytest.mark.django_db
def test_an_archived_role_gives_nothing(person, root):
    user = person("sales_representative")
    role = Role.objects.get(code="sales_representative")
    Role.objects.filter(pk=role.pk).update(archived_at=role.created_at)
    assert actors.resolve(user).grants == {}


@pytest.mark.django_db
def test_roles_are_resolved_with_the_trees_below(person, root):
    top = save_record(Department, {"name": "Top"}, actor=root)
    leaf = save_record(Department, {"name": "Leaf", "parent": top.pk}, actor=root)
    user = person("sales_manager", "warehouse", department=top)
    found = actors.resolve(user)
    assert found.departments == {top.pk, leaf.pk}
    assert found.roles == {"sales_manager", "warehouse"}
    assert found.scopes("customers.view") == EVERYTHING  # the warehouse's is wider than the manager's
    assert found.scopes("customers.edit") == {TREE}
    assert set(found.grants) == set(Grant.objects.filter(role__people=user).values_list("permission", flat=True))


@pytest.mark.django_db
def test_managers_upward_come_nearest_first_and_rings_end(person):
    top = person()
    middle = person(manager=top)
    low = person(manager=middle)
    assert [u.pk for u in managers_upward(low)] == [middle.pk, top.pk]
    type(top).objects.filter(pk=top.pk).update(manager=low)
    low.refresh_from_db()
    assert [u.pk for u in managers_upward(low)] == [middle.pk, top.pk]
