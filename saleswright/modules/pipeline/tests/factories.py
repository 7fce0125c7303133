"""Opportunities and what they need, for tests."""

from __future__ import annotations

import itertools
from typing import Any

from saleswright.kernel.access.actors import system
from saleswright.kernel.records import save_record
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Opportunity, Stage

_serial = itertools.count(1)


def make_customer(**values: Any) -> Customer:
    """A customer, saved as the system."""
    return save_record(Customer, {"name": f"Wharf {next(_serial)} Ltd", **_ids(values)}, actor=system("test"))


def make_product(**values: Any) -> Product:
    """A product, saved as the system."""
    return save_record(Product, {"name": f"Pump {next(_serial)}", **_ids(values)}, actor=system("test"))


def make_opportunity(*, lines: list[dict[str, Any]] | None = None, history: bool = False, **values: Any) -> Opportunity:
    """An opportunity, saved as the system; with `history` also won or lost."""
    given = {"name": f"Deal {next(_serial)}", **_ids(values)}
    return save_record(
        Opportunity, given, lines={"lines": lines} if lines else None, actor=system("test"), history=history
    )


def stage(name: str) -> Stage:
    """A stage of the shipped pipeline."""
    return Stage.objects.get(pipeline__name="default", name=name)


def _ids(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.pk if hasattr(value, "pk") else value for name, value in values.items()}
