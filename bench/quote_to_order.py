"""A quote of ten lines created, submitted, accepted and turned into a confirmed order by five API calls, beside the
same rows (audit, outbox, search and idempotency included) by one multi-row INSERT a table in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.db import connection
from psycopg import Connection
from psycopg.types.json import Jsonb

from bench.data import People
from bench.measure import Row, compare, linked
from bench.web import Web
from saleswright.kernel.models import IdempotencyKey
from saleswright.modules.catalog.models import Product
from saleswright.modules.customers.models import Customer

LINES = 10


def run(people: People) -> Iterator[Row]:
    """The chain as a multiple of its rows by SQL, and how many more statements thirty lines take than ten."""
    web = Web(people.manager)
    customers = Customer.objects.filter(department__parent_id=people.manager.department_id)
    customer = customers.values_list("pk", flat=True)[0]
    products = list(Product.objects.filter(code__startswith="P-").values_list("pk", flat=True)[:30])
    floor = Floor(*chain(web, customer, products[:LINES]))
    ours = compare("quote to order: rows by SQL", lambda: chain(web, customer, products[:LINES]), floor, 12)
    yield ours
    few, many = (statements(web, customer, products[:count]) for count in (10, 30))
    yield Row(f"statements of 30 lines beside {few} of 10", many - few, 0, "more")


def chain(web: Web, customer: int, products: list[int]) -> tuple[int, int, list[str]]:
    """Ids of the accepted quote and the confirmed order, and the idempotency keys used."""
    keys: list[str] = []

    def post(path: str, body: Any = None) -> Any:
        keys.append(uuid.uuid4().hex)
        return web.post(f"/api/v1/{path}", body, idempotency_key=keys[-1]).json()

    lines = [{"product_id": product, "quantity": "2"} for product in products]
    quote = post("quotes", {"customer_id": customer, "lines": lines})["id"]
    post(f"quotes/{quote}/actions/submit")
    post(f"quotes/{quote}/actions/accept")
    order = post(f"quotes/{quote}/actions/create-order")["id"]
    assert post(f"orders/{order}/actions/confirm")["status"] == "confirmed"
    return quote, order, keys


def statements(web: Web, customer: int, products: list[int]) -> int:
    """How many statements the chain takes."""
    count = 0

    def counted(execute: Any, *given: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*given)

    with connection.execute_wrapper(counted):
        chain(web, customer, products)
    return count


class Floor:
    """Writes once more the rows that a chain wrote, under new ids, keys and numbers."""

    def __init__(self, quote: int, order: int, keys: list[str]) -> None:
        about = "(resource = 'quotes' AND record_id = %(quote)s OR resource = 'orders' AND record_id = %(order)s)"
        self.link: Connection[Any] = linked(autocommit=False)
        self.given = {"quote": quote, "order": order, "keys": keys}
        assert IdempotencyKey.objects.filter(key__in=keys).count() == len(keys)
        self.tables = {
            table: self._read(table, condition)
            for table, condition in (
                ("sales_quote", "id = %(quote)s"),
                ("sales_quoteline", "quote_id = %(quote)s"),
                ("sales_order", "id = %(order)s"),
                ("sales_orderline", "order_id = %(order)s"),
                ("kernel_auditentry", about),
                ("kernel_outboxevent", about),
                ("kernel_searchrow", about),
                ("kernel_idempotencykey", "key = ANY(%(keys)s)"),
            )
        }

    def _read(self, table: str, condition: str) -> list[dict[str, Any]]:
        cursor = self.link.execute(f"SELECT * FROM {table} WHERE {condition} ORDER BY id", self.given)
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
        self.link.rollback()
        for row in rows:
            del row["id"]
            row.pop("sequence", None)  # the sealer's
        return [{n: Jsonb(v) if isinstance(v, dict | list) else v for n, v in row.items()} for row in rows]

    def __call__(self) -> None:
        fresh = uuid.uuid4().hex
        quote = self._insert("sales_quote", number=fresh)
        self._insert("sales_quoteline", quote_id=quote)
        order = self._insert("sales_order", number=fresh, quote_id=quote)
        self._insert("sales_orderline", order_id=order)
        for table in ("kernel_auditentry", "kernel_outboxevent", "kernel_searchrow"):
            self._insert(table, record_id={"quotes": quote, "orders": order})
        self._insert("kernel_idempotencykey", key=fresh)
        self.link.commit()

    def _insert(self, table: str, **changes: Any) -> int:
        """Insert the table's rows with the changes; a mapping is asked by the row's resource. The first new id."""
        rows = self.tables[table]
        values = list[Any]()
        for place, row in enumerate(rows):
            for name, value in row.items():
                new = changes.get(name, value)
                if isinstance(new, dict):
                    new = new[row["resource"]]
                values.append(f"{new}{place}" if name == "key" else new)
        one = f"({', '.join(['%s'] * len(rows[0]))})"
        names = ", ".join(f'"{name}"' for name in rows[0])
        sql = f"INSERT INTO {table} ({names}) VALUES {', '.join([one] * len(rows))} RETURNING id"
        return self.link.execute(sql, values).fetchone()[0]
