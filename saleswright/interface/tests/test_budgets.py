"""Hot pages take few statements, and the same number whatever they show; documents as many for 30 lines as for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleswright.kernel.access.actors import actor_for
from saleswright.kernel.models import Department, User
from saleswright.kernel.records import Draft, save_record, save_records
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Customer
from saleswright.modules.pipeline.models import Opportunity
from saleswright.modules.sales.models import Quote

pytestmark = pytest.mark.django_db

BUDGET = 20
PAGES = (
    "/opportunities", "/customers", "/quotes", "/opportunities/board", "/customers/board", "/quotes/board",
    "/opportunities/totals", "/", "/api/v1/opportunities", "/api/v1/customers", "/api/v1/quotes",
)  # fmt: skip


@pytest.fixture
def manager(person: Any, root: Any) -> User:
    """Somebody with a department scope."""
    department = save_record(Department, {"name": "South"}, actor=root)
    return person("sales_manager", department=department)


@pytest.fixture
def product(root: Any) -> Product:
    return save_record(Product, {"name": "Robot", "list_price": "1000"}, actor=root)


@pytest.fixture
def fill(manager: User, product: Product) -> Callable[[int], None]:
    """Writes so many customers, each with an opportunity and a quote."""

    def write(count: int) -> None:
        actor = actor_for(manager, origin="test")
        places = range(count)
        customers = save_records(Customer, [Draft({"name": f"Customer {n}"}) for n in places], actor=actor).good
        owners = [draft.record.pk for draft in customers]
        deals = [Draft({"name": "Deal", "customer": pk, "amount": "10"}) for pk in owners]
        save_records(Opportunity, deals, actor=actor)
        lines = [{"product": product.pk, "quantity": "1"}]
        save_records(Quote, [Draft({"customer": pk}, lines={"lines": lines}) for pk in owners], actor=actor)

    return write


def statements(ask: Callable[[], Any]) -> int:
    """The number of statements of a request that was made once before."""
    assert ask().status_code == 200
    with CaptureQueriesContext(connection) as captured:
        assert ask().status_code == 200
    return len(captured)


def asker(path: str, manager: User, api: Any, browse: Any) -> Callable[[], Any]:
    """Asks for the path as the manager, never answered from the cache."""
    from django.core.cache import cache

    client = api(manager) if path.startswith("/api/") else browse(manager)

    def ask() -> Any:
        cache.clear()
        return client.get(path)

    return ask


@pytest.mark.parametrize("path", PAGES)
def test_it_takes_as_many_statements_for_60_rows_as_for_3(
    path: str, fill: Callable[[int], None], manager: User, api: Any, browse: Any
) -> None:
    ask = asker(path, manager, api, browse)
    fill(3)
    few = statements(ask)
    fill(57)
    assert statements(ask) == few
    assert few <= BUDGET


@pytest.mark.parametrize("kind", ["customers", "opportunities", "quotes"])
@pytest.mark.parametrize("front", ["", "/api/v1"])
def test_it_shows_a_record_within_the_budget_whatever_belongs_to_it(
    front: str, kind: str, fill: Callable[[int], None], product: Product, manager: User, api: Any, browse: Any
) -> None:
    actor = actor_for(manager, origin="test")
    fill(1)
    customer = Customer.objects.get()
    pk = {"customers": customer, "opportunities": Opportunity.objects.get(), "quotes": Quote.objects.get()}[kind].pk
    ask = asker(f"{front}/{kind}/{pk}", manager, api, browse)
    line = {"product": product.pk, "quantity": "1"}
    models = {"opportunities": Opportunity, "quotes": Quote}
    if kind in models:
        save_record(models[kind], {}, pk=pk, lines={"lines": [line]}, actor=actor)
    few = statements(ask)
    deal = {"name": "Deal", "customer": customer.pk, "amount": "10"}
    save_records(Opportunity, [Draft(dict(deal)) for _n in range(40)], actor=actor)
    if kind in models:
        save_record(models[kind], {}, pk=pk, lines={"lines": [dict(line) for _n in range(40)]}, actor=actor)
    assert statements(ask) == few
    assert few <= BUDGET


def test_it_confirms_30_lines_with_as_many_statements_as_one(
    fill: Callable[[int], None], product: Product, manager: User, api: Any
) -> None:
    fill(1)
    client, customer = api(manager), Customer.objects.get().pk

    def chain(count: int) -> list[int]:
        counts: list[int] = []

        def post(path: str, body: Any = None) -> dict[str, Any]:
            with CaptureQueriesContext(connection) as captured:
                response = client.post(path, body, Idempotency_Key=f"{count} {path}")
            assert response.status_code in {200, 201}, response.content
            counts.append(len(captured))
            return response.json()

        lines = [{"product_id": product.pk, "quantity": "1"} for _n in range(count)]
        quote = post("quotes", {"customer_id": customer, "lines": lines})["id"]
        post(f"quotes/{quote}/actions/submit")
        post(f"quotes/{quote}/actions/accept")
        order = post(f"quotes/{quote}/actions/create-order")["id"]
        assert post(f"orders/{order}/actions/confirm")["status"] == "confirmed"
        return counts

    chain(1)  # what is kept in the process is read now
    assert chain(30) == chain(2)
