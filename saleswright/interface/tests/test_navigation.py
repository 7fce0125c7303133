"""The navigation shows what one may use."""

import pytest

from saleswright.interface.navigation import navigation

pytestmark = pytest.mark.django_db


def addresses(actor, path: str = "/") -> list[str]:
    found = []
    for item in navigation(actor, path):
        found += [item.url, *(child.url for child in item.children)]
    return found


def test_it_shows_only_what_the_person_may_see(acting):
    assert {"/customers", "/contacts", "/employees"} <= set(addresses(acting("sales_representative")))
    assert not {"/customers", "/contacts"} & set(addresses(acting("hr")))


def test_somebody_without_roles_sees_only_the_home_page(acting, person):
    assert addresses(acting(person())) == ["/"]


def test_the_present_place_is_marked_in_its_group(acting):
    items = navigation(acting("administrator"), "/contacts/7/edit")
    marked = [child.url for item in items if item.active for child in item.children if child.active]
    assert marked == ["/contacts"]
