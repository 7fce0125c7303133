"""Samples of every kind of record, out of the standard tests of all modules."""

from __future__ import annotations

import functools
import itertools
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings

from saleswright.interface.entity import Entity, all_entities, entity_named
from saleswright.interface.testing import EntityTestCase

_serial = itertools.count(1)


class Departments(EntityTestCase):
    """A department; the two lowest modules serve the tests of the API itself, so their samples stand here."""

    resource = "departments"

    def values(self) -> dict[str, Any]:
        return {"name": f"Department {next(_serial)}"}


class Regions(Departments):
    """A region."""

    resource = "regions"


class Posts(EntityTestCase):
    """A post."""

    resource = "posts"

    def values(self) -> dict[str, Any]:
        return {"title": f"Post {next(_serial)}", "steps": ["quote"]}


class Employees(EntityTestCase):
    """A person who works here."""

    resource = "employees"

    def values(self) -> dict[str, Any]:
        number = next(_serial)
        return {"name": f"Colleague {number}", "username": f"colleague{number}", "roles": ["sales_representative"]}


class Customers(EntityTestCase):
    """A customer."""

    resource = "customers"

    def values(self) -> dict[str, Any]:
        return {"name": f"Customer {next(_serial)}", "level": "A", "tags": ["machines"]}


class Contacts(EntityTestCase):
    """A person at a customer."""

    resource = "contacts"

    def values(self) -> dict[str, Any]:
        customer = self.make(entity_named("customers").model, name=f"Customer {next(_serial)}")
        return {"name": f"Contact {next(_serial)}", "customer_id": customer.pk, "birthday": "1990-02-28"}


@functools.cache
def cases() -> dict[str, type[EntityTestCase]]:
    """The standard test of each resource that has one."""
    for app in settings.INSTALLED_APPS:
        if app.startswith("saleswright.modules.") and find_spec(f"{app}.tests.test_entities"):
            import_module(f"{app}.tests.test_entities")
    found: dict[str, type[EntityTestCase]] = {}
    waiting = list(EntityTestCase.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if hasattr(kind, "resource"):
            found.setdefault(kind.resource, kind)
    return found


def names() -> list[str]:
    """Every resource."""
    return [entity.name for entity in all_entities()]


def sample(entity: Entity, client: Any) -> dict[str, Any]:
    """A new record of that kind as the API answers it, made by its standard test."""
    return cases()[entity.name]().create(client)
