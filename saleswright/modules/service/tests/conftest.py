"""A customer, tickets and call-backs to work with, and what people were told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from saleswright.kernel.ports import ports
from saleswright.kernel.records import save_record
from saleswright.modules.customers.public import Customer
from saleswright.modules.service.models import Callback, Ticket


def shanghai(text: str) -> datetime:
    """A moment in company time."""
    return datetime.fromisoformat(f"{text}+08:00")


#: a Monday morning at work
MONDAY = shanghai("2026-11-23T10:00")


class Told(list):
    """Notes what people were told instead of telling them."""

    def notify(self, **note: Any) -> None:
        self.append(note)

    def of(self, resource: str) -> list[tuple[list[int], int]]:
        """Who was told of which records."""
        return [(note["user_ids"], note["record_id"]) for note in self if note["resource"] == resource]


@pytest.fixture
def told(monkeypatch):
    notes = Told()
    monkeypatch.setattr(ports, "notification", notes)
    return notes


@pytest.fixture
def customer(root):
    return save_record(Customer, {"name": "华东精密", "level": "A"}, actor=root)


@pytest.fixture
def new_ticket(root, customer):
    def make(**values):
        given = {"customer": customer.pk, "subject": "电机异响", **values}
        given = {k: v.pk if hasattr(v, "pk") else v for k, v in given.items()}
        return save_record(Ticket, given, actor=root, at=MONDAY)

    return make


@pytest.fixture
def new_callback(root, customer):
    def make(**values):
        given = {"customer": customer.pk, "due_on": "2026-11-30", **values}
        given = {k: v.pk if hasattr(v, "pk") else v for k, v in given.items()}
        return save_record(Callback, given, actor=root, at=MONDAY)

    return make
