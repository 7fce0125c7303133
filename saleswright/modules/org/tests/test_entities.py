"""Departments, regions, posts and employees by page, API and file."""

import itertools
from datetime import date, timedelta

from saleswright.interface.testing import EntityTestCase

serial = itertools.count(1)


class TestDepartments(EntityTestCase):
    """The department tree."""

    resource = "departments"
    change = {"name": "Renamed department"}

    def values(self):
        return {"name": f"Department {next(serial)}"}


class TestRegions(TestDepartments):
    """The tree of sales territories."""

    resource = "regions"


class TestPosts(EntityTestCase):
    """Posts."""

    resource = "posts"
    change = {"responsibilities": "Answers for the east."}

    def values(self):
        return {"title": f"Post {next(serial)}", "steps": ["visit", "quote"]}


class TestEmployees(EntityTestCase):
    """People who work here."""

    resource = "employees"
    change = {"email": "a@example.com"}

    def values(self):
        return {"username": f"newcomer{next(serial)}", "name": "Newcomer", "roles": ["sales_representative"]}

    def test_it_shows_the_phone_only_with_its_right(self, api):
        pk = self.create(api())["id"]
        assert "phone" in api("hr").get(f"employees/{pk}").json()
        assert "phone" not in api("purchasing").get(f"employees/{pk}").json()


class TestRoles(EntityTestCase):
    """The shipped roles."""

    resource = "roles"

    def create(self, client):
        return client.get("roles/{id}".format(**client.get("roles?limit=1").json()["items"][0])).json()


class TestExchangeRates(EntityTestCase):
    """Exchange rates."""

    resource = "exchange-rates"
    change = {"rate": "7.2"}

    def values(self):
        return {"currency": "USD", "valid_from": str(date(2026, 1, 1) + timedelta(next(serial))), "rate": "7.1"}
